"""Figures with their bones, heads with the way they look, and beliefs over pictures.

Points are (y, x) in pixels, the centres of pixels at whole numbers. A figure's own left side is
drawn with solid lines, its right side with dashed ones; all have a white rim, so that they can be
seen on any ground.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal, withStroke
from numpy.typing import ArrayLike

from convbook.data.figure_drawing import KEY_POINTS, LIMBS
from convbook.drawing.style import COLOURS, WIDTH

PEOPLE = ("vermilion", "blue", "sky", "ink")
"""Colours of the people of a scene, one after the other."""


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


def draw_key(figure: Any) -> None:
    """Say below a figure what its lines mean."""
    looks: dict[str, dict[str, Any]] = {
        "its left side": {"color": COLOURS["vermilion"]},
        "its right side": {"color": COLOURS["vermilion"], "linestyle": (0, (2.2, 1.2))},
        "true joint, seen": {"color": COLOURS["ink"], "marker": "x", "linestyle": "none"},
    }
    lines = [Line2D([], [], label=name, linewidth=2, **look) for name, look in looks.items()]
    figure.legend(handles=lines, loc="outside lower right", ncols=3, fontsize=9)


def draw_people(axes: Axes, image: ArrayLike, people: ArrayLike, title: str = "") -> None:
    """Draw a scene with the bones of its people (n, 14, 2), each in a colour of its own."""
    draw_plain(axes, image, title)
    for number, points in enumerate(np.asarray(people, float)):
        draw_bones(axes, points, COLOURS[PEOPLE[number % len(PEOPLE)]], 1.8)


def draw_candidates(axes: Axes, points: ArrayLike) -> None:
    """Draw places (n, 2) as dots."""
    y, x = np.asarray(points, float).T
    axes.plot(x, y, "o", color=COLOURS["vermilion"], markersize=4, markeredgecolor="white")


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


def draw_belief(axes: Axes, image: ArrayLike, belief: ArrayLike, title: str = "") -> None:
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
        interpolation="bilinear",
    )
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
