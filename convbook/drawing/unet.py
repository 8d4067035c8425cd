"""A U-Net drawn as the U that it is, rows of pictures, and points with their names beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox
from numpy.typing import ArrayLike

from convbook.drawing.style import COLOURS, WIDTH


def pairs_of(net: keras.Model) -> list[tuple[int, int]]:
    """Return side and channels of the maps after each pair of 3x3 convolutions of a U-Net."""
    convs = [each for each in net.layers if type(each) is layers.Conv2D]
    threes = [each.output.shape for each in convs if each.kernel_size == (3, 3)]
    return [(shape[1], shape[3]) for shape in threes[1::2]]


def draw_unet(net: keras.Model, skips: bool = True, axes: Axes | None = None) -> Axes:
    """Draw the maps after each pair of convolutions, with what leads from one to the next.

    A box is as high as its maps' side (to scale of the root, so that the smallest can be seen) and
    carries side and channels. Arrows lead in from the picture and out to the answer.

    Args:
        net: made by ``convbook.architectures.unet.unet``.
        skips: whether maps are handed over from the left to the right arm.
        axes: where to draw; a new figure if None.
    """
    axes = axes or plt.subplots(figsize=(WIDTH, 3.8))[1]
    axes.set_axis_off()
    maps = pairs_of(net)
    depth = len(maps) // 2
    largest = max(side for side, _ in maps)
    places = []
    for number, (side, channels) in enumerate(maps):
        level = min(number, 2 * depth - number)
        height = 0.25 + 0.5 * np.sqrt(side / largest)
        x, y = 1.15 * number, -1.0 * level
        face = COLOURS["sky"] if number <= depth else COLOURS["yellow"]
        box = Rectangle((x - 0.2, y - height / 2), 0.4, height, facecolor=face)
        box.set(edgecolor=COLOURS["ink"], linewidth=1)
        axes.add_patch(box)
        label = f"{side}²×{channels}"
        if number == depth:
            axes.text(x, y - height / 2 - 0.06, label, ha="center", va="top", fontsize=9.5)
        else:  # outside of the U, where no arrow runs
            shift, anchor = (-0.27, "right") if number < depth else (0.27, "left")
            axes.text(x + shift, y, label, ha=anchor, va="center", fontsize=9.5)
        places.append((x, y, height / 2))
    for number in range(2 * depth):
        (x, y, half), (u, v, _) = places[number : number + 2]
        sign = -1 if number < depth else 1
        text = "pool" if number < depth else "up"
        _arrow(axes, (x + 0.05, y + sign * (half + 0.02)), (u - 0.23, v - 0.12 * sign), "-")
        middle = ((x + u) / 2 + (0.12 if number < depth else -0.25), (y + v) / 2 + 0.12)
        anchor = "left" if number < depth else "right"
        if number in (0, 2 * depth - 1):
            axes.text(*middle, text, ha=anchor, va="center", fontsize=9.5)
    if skips:
        for level in range(depth):
            (x, y, _), (u, v, _) = places[level], places[2 * depth - level]
            _arrow(axes, (x + 0.22, y + 0.12), (u - 0.24, v + 0.12), "--")
        (x, y, _), (u, _, _) = places[0], places[-1]
        text = "cropped and put beside"
        axes.text((x + u) / 2, y + 0.16, text, ha="center", va="bottom", fontsize=9.5)
    ends = ((places[0], net.input_shape, 1), (places[-1], net.output_shape, -1))
    for (x, y, half), (_, side, _, channels), sign in ends:
        near, far = y + half + 0.03, y + half + 0.3
        _arrow(axes, (x, far if sign > 0 else near), (x, near if sign > 0 else far), "-")
        axes.text(x, far + 0.02, f"{side}²×{channels}", ha="center", va="bottom", fontsize=9.5)
    axes.set(xlim=(-1.5, places[-1][0] + 1.5), ylim=(-depth - 0.6, 0.95))
    return axes


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], line: str) -> None:
    style = {"arrowstyle": "->", "color": COLOURS["ink"], "linestyle": line, "linewidth": 1.1}
    axes.annotate("", end, start, arrowprops=style)


def draw_pictures(rows: Mapping[str, ArrayLike], notes: Mapping[str, str] | None = None) -> Any:
    """Draw pictures of the same things below each other, a row for each kind, named at its left.

    Args:
        rows: pictures (N, H, W, 3) or maps (N, H, W), in [0, 1], by name.
        notes: more about a row, below its name.

    Returns:
        The figure.
    """
    count = len(next(iter(rows.values())))  # type: ignore[arg-type]
    side = (WIDTH - 1.1) / count
    figure, panels = plt.subplots(
        len(rows),
        count,
        figsize=(WIDTH, side * len(rows) + 0.1),
        squeeze=False,
        gridspec_kw={"wspace": 0.04, "hspace": 0.04},
    )
    for line, (name, pictures) in zip(panels, rows.items(), strict=True):
        for panel, picture in zip(line, np.asarray(pictures), strict=True):
            panel.imshow(np.clip(picture, 0, 1), vmin=0, vmax=1)
            panel.set(xticks=[], yticks=[])
            panel.grid(False)
            panel.spines[:].set_visible(False)
        label = name if not notes or name not in notes else f"{name}\n{notes[name]}"
        line[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9.5)
    return figure


def draw_trade(points: Mapping[str, tuple[float, float]]) -> Axes:
    """Draw nets by what they cost and how well they do.

    Args:
        points: (millions of multiplications, mean IoU) by the net's name.
    """
    _, axes = plt.subplots(figsize=(WIDTH, 3.4))
    works, ious = np.array(list(points.values())).T
    axes.set_xscale("log")
    axes.set_xticks((5, 10, 20), ("5", "10", "20"))
    axes.set_xticks((), minor=True)
    axes.set(xlim=(works.min() / 1.6, works.max() * 1.6))
    axes.set(ylim=(ious.min() - 0.05, ious.max() + 0.05))
    axes.set(xlabel="multiplications of a picture, millions", ylabel="mean IoU, held-out scenes")
    draw_named_points(points, axes)
    return axes


def draw_named_points(points: Mapping[str, tuple[float, float]], axes: Axes) -> None:
    """Draw points with their names beside them, so that no name covers another or a point.

    Of eight places round a point the first that is free is taken; where none is, the name goes
    further out. Scales and limits of the axes have to be set before, and stay.

    Args:
        points: (x, y) by name.
        axes: where to draw.
    """
    canvas = axes.figure.canvas
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]  # the layout is settled now
    renderer: Any = canvas.get_renderer()  # type: ignore[attr-defined]
    axes.plot(*zip(*points.values(), strict=True), "o", color=COLOURS["blue"], linestyle="none")
    size = 4 * axes.figure.dpi / 72  # half of a marker, with some room
    spots = [axes.transData.transform(point) for point in points.values()]
    taken = [Bbox([spot - size, spot + size]) for spot in spots]
    for name, point in points.items():
        for far in (1.0, 2.0, 3.0):
            label = None
            for x, y in ((0, 7), (0, -7), (7, 0), (-7, 0), (6, 6), (-6, 6), (6, -6), (-6, -6)):
                label = axes.annotate(
                    name,
                    point,
                    (far * x, far * y),
                    textcoords="offset points",
                    ha="left" if x > 0 else "right" if x < 0 else "center",
                    va="bottom" if y > 0 else "top" if y < 0 else "center",
                    fontsize=9.5,
                )
                box = label.get_window_extent(renderer)
                inside = axes.bbox.containsx(box.x0) and axes.bbox.containsx(box.x1)
                if inside and not any(box.overlaps(other) for other in taken):
                    taken.append(box)
                    break
                label.remove()
            else:
                continue
            break
