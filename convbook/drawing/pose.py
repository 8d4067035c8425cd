"""Figures with their bones, heads with the way they look, and beliefs over pictures.

Points are (y, x) in pixels, the centres of pixels at whole numbers. A figure's own left side is
drawn with solid lines, its right side with dashed ones; all have a white rim, so that they can be
seen on any ground. How the nets of the chapter are put together is drawn here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import Normal, withStroke
from numpy.typing import ArrayLike

from convbook.data.figure_drawing import KEY_POINTS, LIMBS
from convbook.drawing.detectors import Part, draw_parts
from convbook.drawing.style import COLOURS, WIDTH

PEOPLE = ("vermilion", "blue", "sky", "ink")
"""Colours of the people of a scene, one after the other."""

PARTS = {
    "head, neck": (("head", "neck"), "ink", "o"),
    "arm": (("shoulder", "elbow", "wrist"), "vermilion", "s"),
    "leg": (("hip", "knee", "ankle"), "sky", "^"),
}
"""Body parts: the joints that belong to each, its colour and its mark."""

STANDING = (
    *((4, 32), (14, 32), (16, 42), (27, 52), (36, 61), (16, 22), (27, 12), (36, 3)),
    *((40, 37), (51, 39), (62, 40), (40, 27), (51, 25), (62, 24)),
)
"""Where the joints of a figure are that stands and faces the viewer, (y, x)."""


def draw_plain(axes: Axes, image: ArrayLike, title: str = "") -> None:
    """Draw a picture (H, W, 3) without a frame, pixel centres at whole numbers."""
    axes.imshow(np.asarray(image), vmin=0, vmax=1)
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    height, width = np.shape(image)[:2]
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    if title:
        axes.set_title(title, fontsize=10, loc="center")


def draw_bones(
    axes: Axes, points: ArrayLike, colour: str = COLOURS["vermilion"], linewidth: float = 2.0
) -> None:
    """Draw the bones and joints of one figure (14, 2); joints that are NaN are left out."""
    joints = np.asarray(points, float)
    rim = [withStroke(linewidth=linewidth + 1.8, foreground="white"), Normal()]
    for a, b in LIMBS:
        right = KEY_POINTS[b].startswith("right")
        ends = joints[[a, b]]
        if np.isfinite(ends).all():
            dashes = (0, (2.2, 1.2)) if right else "-"
            style: dict[str, Any] = {"linestyle": dashes, "linewidth": linewidth, "color": colour}
            axes.plot(ends[:, 1], ends[:, 0], path_effects=rim, **style)
    known = joints[np.isfinite(joints).all(axis=1)]
    axes.plot(known[:, 1], known[:, 0], "o", color=colour, markersize=3, markeredgecolor="white")
    axes.lines[-1].set_markeredgewidth(0.6)


def draw_marks(axes: Axes, points: ArrayLike, counted: ArrayLike) -> None:
    """Mark the true places of the joints that count with small crosses."""
    true = np.asarray(points, float)[np.asarray(counted, bool)]
    rim = [withStroke(linewidth=2.4, foreground="white"), Normal()]
    axes.plot(
        *(true[:, 1], true[:, 0]),
        "x",
        color=COLOURS["ink"],
        markersize=3.6,
        markeredgewidth=1.2,
        path_effects=rim,
    )


def draw_figures(
    images: ArrayLike, points: ArrayLike, truth: ArrayLike, counted: ArrayLike, columns: int = 4
) -> Any:
    """Draw pictures with the bones found in them, and crosses where the joints are.

    Args:
        images: (N, H, W, 3).
        points: found, (N, 14, 2).
        truth: (N, 14, 2).
        counted: which true joints are marked (N, 14).
        columns: pictures a row.

    Returns:
        The figure.
    """
    shown = np.asarray(images)
    columns = min(columns, len(shown))
    lines = -(-len(shown) // columns)
    size = (WIDTH, lines * WIDTH / columns + 0.3)
    figure, panels = plt.subplots(lines, columns, figsize=size, squeeze=False)
    every = zip(shown, np.asarray(points), np.asarray(truth), np.asarray(counted), strict=True)
    for panel, (image, found, true, which) in zip(panels.flat, every, strict=False):
        draw_plain(panel, image)
        draw_bones(panel, found)
        draw_marks(panel, true, which)
    for panel in panels.flat[len(shown) :]:
        panel.set_axis_off()
    draw_key(figure)
    return figure


def draw_key(figure: Any, marks: bool = True) -> None:
    """Say below a figure what its lines mean, and its crosses where it has such marks."""
    colour = COLOURS["vermilion" if marks else "ink"]  # people have colours of their own
    looks: dict[str, dict[str, Any]] = {
        "its left side": {"color": colour},
        "its right side": {"color": colour, "linestyle": (0, (2.2, 1.2))},
    }
    if marks:
        cross = {"color": COLOURS["ink"], "marker": "x", "linestyle": "none"}
        looks["true joint, seen"] = cross
    lines = [Line2D([], [], label=name, linewidth=2, **look) for name, look in looks.items()]
    figure.legend(handles=lines, loc="outside lower right", ncols=3, fontsize=9.5)


def draw_skeleton(axes: Axes | None = None) -> Axes:
    """Draw the joints of a figure with their names, and the bones between them.

    Args:
        axes: where to draw; a new figure if None.
    """
    axes = axes or plt.subplots(figsize=(WIDTH, 2.9))[1]
    draw_bones(axes, STANDING)
    for name, (y, x) in zip(KEY_POINTS, STANDING, strict=True):
        left = name.startswith("right")  # the figure's right is at the left of the picture
        axes.annotate(
            name.replace("_", " "),
            (x, y),
            (-7 if left else 7, 6 if name == "neck" else 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            fontsize=9.5,
        )
    axes.set(xlim=(-20, 84), ylim=(66, 0), aspect="equal")
    axes.set_axis_off()
    return axes


def draw_people(
    axes: Axes,
    image: ArrayLike,
    people: ArrayLike,
    title: str = "",
    marks: tuple[ArrayLike, ArrayLike] | None = None,
) -> None:
    """Draw a scene with the bones of its people, each in a colour of its own.

    Args:
        axes: where to draw.
        image: (H, W, 3).
        people: (n, 14, 2); one that is all NaN uses up its colour and is not drawn.
        title: written above it.
        marks: true places (m, 14, 2) and which of them are marked with crosses (m, 14).
    """
    draw_plain(axes, image, title)
    for number, points in enumerate(np.asarray(people, float)):
        draw_bones(axes, points, COLOURS[PEOPLE[number % len(PEOPLE)]], 1.8)
    if marks:
        draw_marks(axes, *marks)


def draw_candidates(axes: Axes, points: ArrayLike, kinds: ArrayLike) -> None:
    """Draw places (n, 2) of joints of some kinds (n,): a colour and a mark for each body part."""
    y, x = np.asarray(points, float).T
    names = np.array(KEY_POINTS)[np.asarray(kinds, int)]
    for part, (ends, colour, mark) in PARTS.items():
        own = np.array([name.split("_")[-1] in ends for name in names], bool)
        look: dict[str, Any] = {
            "color": COLOURS[colour],
            "markersize": 6,
            "markeredgewidth": 0.7,
        }
        axes.plot(x[own], y[own], mark, markeredgecolor="white", label=part, **look)
    room = {"handlelength": 1, "handletextpad": 0.1, "columnspacing": 0.8}
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=3, fontsize=9.5, **room)


def draw_ways(axes: Axes, start: ArrayLike, ends: ArrayLike) -> None:
    """Draw lines from a joint (2,) to where it looks for others (n, 2); NaN are left out."""
    rim = [withStroke(linewidth=2.6, foreground="white"), Normal()]
    first = np.asarray(start, float)
    for last in np.asarray(ends, float):
        if np.isfinite(last).all():
            (y, x) = np.stack([first, last]).T
            axes.plot(x, y, "-", color=COLOURS["vermilion"], linewidth=1.2, path_effects=rim)
    dot: dict[str, Any] = {"color": COLOURS["ink"], "markersize": 5, "markeredgecolor": "white"}
    axes.plot(first[1], first[0], "o", **dot)


def draw_head(
    axes: Axes, image: ArrayLike, rotations: Sequence[ArrayLike], title: str = ""
) -> None:
    """Draw a head with the way it looks: its nose's direction by each of up to two rotations.

    Args:
        axes: where to draw.
        image: (H, W, 3).
        rotations: matrices (3, 3), the true one first (dark), then the one found (vermilion).
        title: written above it.
    """
    draw_plain(axes, image, title)
    height, width = np.shape(image)[:2]
    centre = (width - 1) / 2, (height - 1) / 2
    looks = ((COLOURS["ink"], 3.0), (COLOURS["vermilion"], 1.8))
    for matrix, (colour, linewidth) in zip(rotations, looks, strict=False):
        x, y, z = np.asarray(matrix, float)[:, 2] * 0.42 * width  # where the nose points
        rim = [withStroke(linewidth=linewidth + 1.8, foreground="white"), Normal()]
        end = centre[0] + x, centre[1] - y
        dashes = "-" if z >= 0 else (0, (1.5, 1))  # away from the viewer
        style: dict[str, Any] = {"color": colour, "linewidth": linewidth, "linestyle": dashes}
        axes.plot((centre[0], end[0]), (centre[1], end[1]), path_effects=rim, **style)
        axes.plot(*end, "o", color=colour, markersize=2.2 * linewidth, markeredgecolor="white")


def draw_belief(
    axes: Axes,
    image: ArrayLike,
    belief: ArrayLike,
    title: str = "",
    interpolation: str = "bilinear",
) -> None:
    """Draw one belief map (h, w) as levels over its picture (H, W, 3), dark where it is low."""
    values = np.asarray(belief, float)
    height, width = np.shape(image)[:2]
    draw_plain(axes, np.ones((height, width, 3)), title)
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    grey = np.asarray(image).mean(-1)
    axes.imshow(grey, cmap="gray", vmin=0, vmax=1)
    axes.imshow(
        values,
        extent=extent,
        cmap="magma",
        vmin=0,
        vmax=max(1e-6, float(values.max())),
        alpha=0.62,
        interpolation=interpolation,
    )
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


def draw_bell(axes: Axes, image: ArrayLike, belief: ArrayLike, title: str = "") -> None:
    """Draw a map (h, w) as `draw_belief` does, with the borders of its cells."""
    draw_belief(axes, image, belief, title, "nearest")
    for count, side, line in zip(
        np.shape(belief), np.shape(image), (axes.axhline, axes.axvline), strict=False
    ):
        for place in np.arange(1, count) * side / count - 0.5:
            line(place, color="white", linewidth=0.4, alpha=0.6)


# --- how the nets are put together ----------------------------------------------------------------


def draw_hourglass(axes: Axes, side: int = 16, depth: int = 3, title: str = "") -> Axes:
    """Draw one hourglass: its maps, the higher the larger their sides, and the ways past.

    Args:
        axes: where to draw.
        side: of the map that it reads, in cells, a multiple of 2 to the power of ``depth``.
        depth: how often the map is halved.
        title: written above it.
    """
    sides = [side >> min(step, 2 * depth - step) for step in range(2 * depth + 1)]
    heights = [0.5 + 0.75 * np.log2(each) for each in sides]
    thin: dict[str, Any] = {"arrowstyle": "->", "color": COLOURS["ink"], "linewidth": 1}
    for step, (each, height) in enumerate(zip(sides, heights, strict=True)):
        box = Rectangle((step - 0.16, -height / 2), 0.32, height, color=COLOURS["blue"])
        axes.add_patch(box)
        axes.text(step, -height / 2 - 0.12, f"{each}", ha="center", va="top", fontsize=9.5)
        if step:
            axes.annotate("", (step - 0.18, 0), (step - 0.82, 0), arrowprops=thin)
    past = thin | {"color": COLOURS["vermilion"], "linewidth": 1.6}
    for step in range(depth):
        top = heights[step] / 2 - 0.22
        axes.annotate(
            "", (2 * depth - step - 0.18, top), (step + 0.18, top), arrowprops=past, zorder=3
        )
    axes.set(xlim=(-0.5, 2 * depth + 0.5), ylim=(-heights[0] / 2 - 0.7, heights[0] / 2 + 0.15))
    axes.set_axis_off()
    if title:
        axes.set_title(title, fontsize=10.5)
    return axes


def draw_stack(axes: Axes, title: str = "") -> Axes:
    """Draw two hourglasses, one after the other, and what the second one's input is the sum of."""
    parts = {
        (0, 1): Part("features", "16×16×32", learns=True),
        (1, 1): Part("hour-\nglass", learns=True),
        (2, 1): Part("1×1", learns=True),
        (3, 1): Part("sum"),
        (4, 1): Part("hour-\nglass", learns=True),
        (2, 2): Part("14 maps", "loss", learns=True),
        (4, 2): Part("14 maps", "loss", learns=True),
    }
    ways = [[(column, 1), (column + 1, 1)] for column in range(4)]
    ways += [[(0, 1), (0, 0), (3, 0), (3, 1)], [(2, 1), (2, 2)], [(4, 1), (4, 2)]]
    ways += [[(2, 2), (3, 2), (3, 1)]]
    return draw_parts(parts, ways, axes, title)


def draw_machine(stages: int = 3, axes: Axes | None = None) -> Axes:
    """Draw a pose machine: what each stage sees, and that it has maps and a loss.

    Args:
        stages: at least 1.
        axes: where to draw; a new figure if None.
    """
    parts = {(0, 0): Part("features", learns=True)}
    parts |= {
        (number, 1): Part(f"stage {number}", "14 maps, loss", learns=True)
        for number in range(1, stages + 1)
    }
    ways = [[(0, 0), (number, 0), (number, 1)] for number in range(1, stages + 1)]
    ways += [[(number, 1), (number + 1, 1)] for number in range(1, stages)]
    return draw_parts(parts, ways, axes)
