"""What single-shot detectors are shown by: cells of a grid, sizes of boxes, accuracy and time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import ArrayLike

from convbook.drawing.style import COLOURS, legible


def draw_cells(axes: Axes, stride: float, cells: ArrayLike = ()) -> None:
    """Draw the grid of a map over a picture, and fill some of its cells.

    Args:
        axes: where a picture was drawn by `convbook.drawing.detection.draw_picture`.
        stride: pixels from cell to cell.
        cells: (N, 2), row and column of those to fill.
    """
    (_, width), (height, _) = axes.get_xlim(), axes.get_ylim()
    style: dict[str, Any] = {"color": "white", "linewidth": 0.5, "linestyle": "-", "alpha": 0.8}
    axes.hlines(np.arange(0, height + 1, stride), 0, width, **style)
    axes.vlines(np.arange(0, width + 1, stride), 0, height, **style)
    for row, column in np.asarray(cells, float).reshape(-1, 2):
        corner = column * stride, row * stride
        fill: dict[str, Any] = {
            "facecolor": COLOURS["yellow"],
            "alpha": 0.75,
            "edgecolor": COLOURS["ink"],
        }
        axes.add_patch(Rectangle(corner, stride, stride, linewidth=0.8, **fill))


def draw_sizes(axes: Axes, sizes: ArrayLike, priors: ArrayLike) -> None:
    """Draw sizes of boxes as dots, width to the right, and priors as crosses with their boxes.

    Args:
        axes: where to draw.
        sizes: (N, 2), heights and widths in pixels.
        priors: (A, 2).
    """
    heights, widths = np.asarray(sizes, float).T
    dots: dict[str, Any] = {"color": COLOURS["sky"], "markersize": 2.5, "alpha": 0.5}
    axes.plot(widths, heights, "o", **dots)
    for height, width in np.asarray(priors, float):
        box: dict[str, Any] = {"fill": False, "edgecolor": COLOURS["blue"], "linewidth": 1.1}
        axes.add_patch(Rectangle((0, 0), width, height, linestyle=(0, (4, 2)), **box))
        axes.plot(width, height, "X", color=COLOURS["vermilion"], markersize=8, mec="white")
    axes.set(xlim=(0, None), ylim=(0, None), xlabel="width, pixels", ylabel="height, pixels")


def draw_accuracy(axes: Axes, results: Mapping[str, tuple[float, float]]) -> None:
    """Draw how good each detector is against the time it takes, its name beside its dot.

    A name stands to the right, or to the left where it would run into another dot.

    Args:
        axes: where to draw.
        results: milliseconds a picture and mean average precision, by name.
    """
    for name, (milliseconds, quality) in results.items():
        blocked = any(
            milliseconds < other < 4 * milliseconds and abs(better - quality) < 0.03
            for other, better in results.values()
        )
        axes.plot(milliseconds, quality, "o", color=COLOURS["blue"], markersize=7)
        axes.annotate(
            name,
            (milliseconds, quality),
            xytext=(-8 if blocked else 8, 0),
            textcoords="offset points",
            ha="right" if blocked else "left",
            va="center",
            color=legible(COLOURS["blue"]),
            path_effects=[withStroke(linewidth=3, foreground="white")],
        )
    times, qualities = np.array(list(results.values())).T
    axes.set_xscale("log")
    axes.set_xlim(times.min() / 1.8, times.max() * 1.8)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(xlabel="time for a picture, ms", ylabel="mAP at IoU 0.5")
    axes.set_ylim(0.5 if qualities.min() > 0.55 else 0, 1)
