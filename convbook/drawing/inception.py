"""Pictures of Inception: a module's ways side by side, and the whole of GoogLeNet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle
from numpy.typing import ArrayLike

from convbook.drawing.style import COLOURS, WIDTH

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
    axes.text(end + 0.25, middle, label, rotation=90, ha="center", va="center", fontsize=9.5)
    axes.text(end + 0.65, middle, result, ha="left", va="center", fontsize=9.5)
    axes.set_xlim(-1.75, end + 2.4)
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
    """Draw GoogLeNet in two rows, left to right: its maps' height falls with every pool between.

    A module is cut into its four ways, each as high as its share of the module's channels; the
    first module, named "3a", has them written in.

    Args:
        modules: the six numbers of each module, by names that begin with the stage's digit.
        auxiliary: modules with an auxiliary classifier.
        axes: where to draw; a new figure if None.
    """
    axes = axes or plt.subplots(figsize=(WIDTH, 4.4))[1]
    axes.set_axis_off()
    x = _stage(axes, 0.0, 0.0, 112, lambda x, high: _layer(axes, x, high, "conv 7×7 / 2"))
    x = _pool(axes, x, _high(56), 0.0)
    x = _stage(axes, x, 0.0, 56, lambda x, high: _two_layers(axes, x, high))
    x = _pool(axes, x, _high(28), 0.0)
    x = _modules(axes, x, 0.0, 28, "3", modules)
    axes.annotate("", (x + 0.7, 0), (x, 0), arrowprops=_ARROW)
    row, x = -3.9, 0.0
    axes.annotate("", (x + 0.6, row), (x, row), arrowprops=_ARROW)
    x = _pool(axes, x + 0.75, _high(14), row)
    start = x
    x = _modules(axes, x, row, 14, "4", modules)
    for place, name in enumerate(name for name in modules if name[0] == "4"):
        if name in auxiliary:
            _head(axes, start + place + 0.41, row - _high(14) / 2, "auxiliary\nclassifier")
    x = _pool(axes, x, _high(7), row)
    x = _modules(axes, x, row, 7, "5", modules)
    x = _layer(axes, x, _high(7), "mean", row, learns=False)
    x = _layer(axes, x, _high(7), "dense", row)
    axes.set_xlim(-0.1, x + 0.1)
    axes.set_ylim(row - _high(14) / 2 - 2.1, _high(112) / 2 + 0.7)
    return axes


_ARROW = {"arrowstyle": "->", "color": COLOURS["ink"], "linewidth": 1.2}


def _high(side: int) -> float:
    """The height on paper of a map; not to scale, or the last ones could not be seen."""
    return {112: 3.6, 56: 3.0, 28: 2.5, 14: 2.1, 7: 1.75}[side]


def _stage(
    axes: Axes, x: float, row: float, side: int, draw: Callable[[float, float], float]
) -> float:
    """What works on maps of one size, with that size above it; returns where the next begins."""
    end = draw(x, _high(side))
    words: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": 10}
    axes.text((x + end - 0.18) / 2, row + _high(side) / 2 + 0.1, f"{side}×{side}", **words)
    return end


def _two_layers(axes: Axes, x: float, high: float) -> float:
    return _layer(axes, _layer(axes, x, high, "conv 1×1"), high, "conv 3×3")


def _modules(
    axes: Axes, x: float, row: float, side: int, digit: str, modules: Mapping[str, Sequence[int]]
) -> float:
    """The modules of the stage with this digit."""

    def draw(x: float, high: float) -> float:
        for name, numbers in modules.items():
            if name[0] == digit:
                x = _module(axes, x, high, name, numbers, row)
        return x

    return _stage(axes, x, row, side, draw)


def _layer(
    axes: Axes, x: float, height: float, label: str, row: float = 0.0, learns: bool = True
) -> float:
    colour = COLOURS["blue"] if learns else "white"
    axes.add_patch(
        Rectangle((x, row - height / 2), 0.62, height, facecolor=colour, edgecolor=COLOURS["blue"])
    )
    words = "white" if learns else COLOURS["ink"]
    place: dict[str, Any] = {"rotation": 90, "ha": "center", "va": "center", "fontsize": 9.5}
    axes.text(x + 0.31, row, label, color=words, **place)
    return x + 0.8


def _pool(axes: Axes, x: float, height: float, row: float) -> float:
    axes.add_patch(Rectangle((x, row - height / 2), 0.42, height, facecolor=COLOURS["vermilion"]))
    axes.text(x + 0.21, row, "max / 2", rotation=90, ha="center", va="center", fontsize=9.5)
    return x + 0.6


def _module(
    axes: Axes, x: float, height: float, name: str, numbers: Sequence[int], row: float
) -> float:
    """A module as a stack: 1x1 on top, then 3x3, 5x5 and the pool's 1x1."""
    f1, _, f3, _, f5, pool = numbers
    top = row + height / 2
    shades = ("#CFE3F2", COLOURS["sky"], COLOURS["blue"], "white")
    words = ("1×1", "3×3", "5×5", "pool") if name == "3a" else ("", "", "", "")
    for share, shade, word in zip((f1, f3, f5, pool), shades, words, strict=True):
        part = height * share / (f1 + f3 + f5 + pool)
        top -= part
        axes.add_patch(
            Rectangle(
                (x, top), 0.82, part, facecolor=shade, edgecolor=COLOURS["ink"], linewidth=0.6
            )
        )
        ink = "white" if shade == COLOURS["blue"] else COLOURS["ink"]
        axes.text(x + 0.41, top + part / 2, word, ha="center", va="center", fontsize=9.5, color=ink)
    axes.text(x + 0.41, row - height / 2 - 0.08, name, ha="center", va="top", fontsize=9.5)
    return x + 1.0


def _head(axes: Axes, x: float, bottom: float, label: str) -> None:
    arrow = {**_ARROW, "color": COLOURS["vermilion"], "linewidth": 1.8, "shrinkA": 0}
    axes.annotate("", (x, bottom - 1.1), (x, bottom - 0.45), arrowprops=arrow)
    axes.text(x, bottom - 1.12, label, ha="center", va="top", fontsize=9.5)


def draw_maps_with_numbers(maps: Mapping[str, ArrayLike]) -> Figure:
    """Draw small maps side by side, to one scale of greys, the number in every cell.

    Args:
        maps: each (H, W), by its title.
    """
    values = {title: np.asarray(one) for title, one in maps.items()}
    top = max(float(one.max()) for one in values.values())
    side = WIDTH / 3
    figure, panels = plt.subplots(1, len(values), figsize=(len(values) * side, side + 0.3))
    for panel, (title, one) in zip(panels, values.items(), strict=True):
        panel.set_title(title, fontsize=10)
        panel.imshow(one, vmin=0, vmax=top)
        for (row, column), value in np.ndenumerate(one):
            colour = COLOURS["ink"] if value > 0.55 * top else "white"
            words = {"ha": "center", "va": "center", "fontsize": 9.5, "color": colour}
            panel.text(column, row, f"{value:g}", **words)
        _framed(panel)
    return figure


def draw_mixtures(picture: ArrayLike, maps: Mapping[str, ArrayLike]) -> Figure:
    """Draw a colour picture, and to the right of it the grey maps made of it, three in a row.

    Args:
        picture: (H, W, 3), from 0 to 1.
        maps: each (H, W), by its title; one that has negative values is drawn with 0 as middle
            grey.
    """
    rows = -(-len(maps) // 3)
    figure = plt.figure(figsize=(WIDTH, 1.1 * rows))
    grid = figure.add_gridspec(rows, 4)
    source = figure.add_subplot(grid[:, 0])
    source.imshow(picture)
    source.set_title("3 channels", fontsize=10)
    for number, (title, one) in enumerate(maps.items()):
        panel = figure.add_subplot(grid[number // 3, 1 + number % 3])
        panel.imshow(one, vmin=-1 if np.min(one) < 0 else 0, vmax=1)
        panel.set_title(title, fontsize=10)
    for panel in figure.axes:
        panel.set_axis_off()
    return figure


def draw_class_maps(picture: ArrayLike, maps: Mapping[str, ArrayLike]) -> Figure:
    """Draw a picture of dark strokes, and below it maps of scores, two in a row; dark is high.

    Args:
        picture: (H, W), ink 1 on paper 0.
        maps: each (h, w), by its title, drawn to one scale; what is not positive is white.
    """
    top = max(float(np.max(one)) for one in maps.values())
    height, width = np.shape(picture)
    places = [[a, b or "."] for a, b in zip_longest(*[iter(maps)] * 2)]
    ratios = [2.0] + [1.0] * len(places)
    size = (WIDTH, sum(ratios) * WIDTH / 2 * height / width + 0.3 * len(ratios))
    title = f"the picture, {height}×{width}"
    figure, panels = plt.subplot_mosaic([[title] * 2, *places], figsize=size, height_ratios=ratios)
    shown = {title: (picture, 1.0)} | {name: (one, top) for name, one in maps.items()}
    for name, (one, most) in shown.items():
        panels[name].imshow(one, vmin=0, vmax=most, cmap="gray_r", aspect="auto")
        panels[name].set_title(name, fontsize=10)
        _framed(panels[name])
    return figure


def _framed(panel: Axes) -> None:
    panel.set(xticks=[], yticks=[])
    panel.spines[:].set_visible(True)
    panel.grid(visible=False)
