"""Pictures of Inception: a module's ways side by side, and the whole of GoogLeNet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, Rectangle
from numpy.typing import ArrayLike

from convbook.drawing.style import COLOURS

_BOX = (1.75, 0.62)  # width and height of a box, in data units
_STEP = 2.35  # from one box's middle to the next one's


def draw_module(
    axes: Axes, source: str, ways: Sequence[Sequence[str]], result: str, title: str = ""
) -> None:
    """Draw ways from one input side by side, each a row of boxes, and their concatenation.

    Args:
        axes: where to draw; its own axes are hidden.
        source: what is written at the input, such as its size.
        ways: the boxes' labels, row by row; those that begin with a digit have weights.
        result: what is written behind the concatenation.
        title: of the drawing.
    """
    axes.set_axis_off()
    axes.set_aspect("equal")
    longest = max(len(way) for way in ways)
    end = 1.4 + longest * _STEP
    rows = -np.arange(len(ways), dtype=float)
    middle = float(rows.mean())
    axes.text(0.15, middle, source, ha="right", va="center", fontsize=9.5)
    for row, way in zip(rows, ways, strict=True):
        left = 1.0
        _line(axes, (0.3, middle), (0.75, row))
        axes.plot([0.75, left], [row, row], color=COLOURS["ink"], linestyle="-", linewidth=1)
        for number, label in enumerate(way):
            at = 1.0 + _BOX[0] / 2 + number * _STEP
            _arrow(axes, left, at - _BOX[0] / 2, row)
            left = _box(axes, at, row, label)
        _arrow(axes, left, end, row)
    height = rows[0] - rows[-1] + _BOX[1]
    axes.add_patch(
        Rectangle((end, rows[-1] - _BOX[1] / 2), 0.5, height, facecolor=COLOURS["yellow"])
    )
    label = "side by side"
    axes.text(end + 0.25, middle, label, rotation=90, ha="center", va="center", fontsize=9)
    axes.text(end + 0.65, middle, result, ha="left", va="center", fontsize=9.5)
    axes.set_xlim(-1.9, end + 2.6)
    axes.set_ylim(rows[-1] - 0.5, 0.5)
    axes.set_title(title)


def _box(axes: Axes, at: float, row: float, label: str) -> float:
    """A box, filled where it has weights; returns its right edge."""
    width, height = _BOX
    learns = label[:1].isdigit()
    axes.add_patch(
        FancyBboxPatch(
            (at - width / 2, row - height / 2),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.1",
            facecolor=COLOURS["blue"] if learns else "white",
            edgecolor=COLOURS["blue"],
            linewidth=1.2,
        )
    )
    color = "white" if learns else COLOURS["ink"]
    axes.text(at, row, label, ha="center", va="center", fontsize=9.5, color=color)
    return at + width / 2


def _line(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    ink = COLOURS["ink"]
    axes.plot([start[0], end[0]], [start[1], end[1]], color=ink, linestyle="-", linewidth=1)


def _arrow(axes: Axes, start: float, end: float, row: float) -> None:
    if end - start > 0.05:
        axes.annotate(
            "",
            (end, row),
            (start, row),
            arrowprops={"arrowstyle": "->", "color": COLOURS["ink"], "shrinkA": 0, "shrinkB": 0},
        )


def draw_googlenet(
    modules: Mapping[str, Sequence[int]],
    auxiliary: Sequence[str] = (),
    axes: Axes | None = None,
) -> Axes:
    """Draw GoogLeNet from left to right: its height is that of its maps, halved by every pool.

    A module is cut into its four ways, each as high as its share of the module's channels; the
    first module, named "3a", has them written in.

    Args:
        modules: the six numbers of each module, by names that begin with the stage's digit.
        auxiliary: modules with an auxiliary classifier.
        axes: where to draw; a new figure if None.
    """
    axes = axes or plt.subplots(figsize=(9, 4))[1]
    axes.set_axis_off()
    x, side, height, spans = 0.0, 112, 4.6, []
    start = x
    x = _layer(axes, x, height, "conv 7×7 / 2")
    for name, numbers in [("", ()), ("", ()), *modules.items()]:
        first = not name and side == 112
        if first or name.endswith("a"):
            spans.append((start, x, side, height))
            side, height, start = side // 2, height * 0.78, x
            x = _pool(axes, x, height)
        if not name:
            x = _layer(axes, x, height, "conv 1×1" if first else "conv 3×3")
            continue
        x = _module(axes, x, height, name, numbers)
        if name in auxiliary:
            _head(axes, x - 0.6, height, "auxiliary\nclassifier")
    x = _layer(axes, x, height, "mean", learns=False)
    x = _layer(axes, x, height, "dense")
    spans.append((start, x, side, height))
    for left, right, size, top in spans:
        axes.text((left + right) / 2, top / 2 + 0.2, f"{size}×{size}", ha="center", fontsize=10)
    axes.set_xlim(-0.1, x + 0.1)
    axes.set_ylim(-3.2, 2.8)
    return axes


def _layer(axes: Axes, x: float, height: float, label: str, learns: bool = True) -> float:
    colour = COLOURS["blue"] if learns else "white"
    axes.add_patch(
        Rectangle((x, -height / 2), 0.62, height, facecolor=colour, edgecolor=COLOURS["blue"])
    )
    words = "white" if learns else COLOURS["ink"]
    axes.text(x + 0.31, 0, label, rotation=90, ha="center", va="center", fontsize=9.5, color=words)
    return x + 0.8


def _pool(axes: Axes, x: float, height: float) -> float:
    axes.add_patch(Rectangle((x, -height / 2), 0.42, height, facecolor=COLOURS["vermilion"]))
    axes.text(x + 0.21, 0, "max / 2", rotation=90, ha="center", va="center", fontsize=9.5)
    return x + 0.6


def _module(axes: Axes, x: float, height: float, name: str, numbers: Sequence[int]) -> float:
    """A module as a stack: 1x1 on top, then 3x3, 5x5 and the pool's 1x1."""
    f1, _, f3, _, f5, pool = numbers
    top = height / 2
    shades = ("#CFE3F2", COLOURS["sky"], COLOURS["blue"], "white")
    words = ("1×1", "3×3", "5×5", "pool") if name == "3a" else ("", "", "", "")
    for share, shade, word in zip((f1, f3, f5, pool), shades, words, strict=True):
        part = height * share / (f1 + f3 + f5 + pool)
        top -= part
        ink = "white" if shade == COLOURS["blue"] else COLOURS["ink"]
        axes.text(x + 0.41, top + part / 2, word, ha="center", va="center", fontsize=9, color=ink)
        axes.add_patch(
            Rectangle(
                (x, top), 0.82, part, facecolor=shade, edgecolor=COLOURS["ink"], linewidth=0.6
            )
        )
    axes.text(x + 0.41, -height / 2 - 0.12, name, ha="center", va="top", fontsize=9.5)
    return x + 1.0


def _head(axes: Axes, x: float, height: float, label: str) -> None:
    bottom = -2.5
    arrow = {"arrowstyle": "->", "color": COLOURS["vermilion"], "linewidth": 1.8, "shrinkA": 0}
    axes.annotate("", (x, bottom + 0.1), (x, -height / 2 - 0.5), arrowprops=arrow)
    axes.text(x, bottom, label, ha="center", va="top", fontsize=9.5)


def draw_times_two(before: ArrayLike, after: ArrayLike, axes: Sequence[Axes]) -> None:
    """Draw two small maps with the number in every cell, to one scale of greys.

    Args:
        before: map (H, W).
        after: map (H, W), beside it.
        axes: two of them.
    """
    maps = [np.asarray(before), np.asarray(after)]
    top = max(float(one.max()) for one in maps)
    for area, one in zip(axes, maps, strict=True):
        area.imshow(one, vmin=0, vmax=top, cmap="gray")
        for (row, column), value in np.ndenumerate(one):
            light = value > 0.55 * top
            colour = COLOURS["ink"] if light else "white"
            area.text(column, row, f"{value:g}", ha="center", va="center", color=colour)
        area.set(xticks=[], yticks=[])
        area.spines[:].set_visible(True)
