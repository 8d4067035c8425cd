"""Pictures of enlarging: pictures side by side, grids, copies of a kernel, overlaps, spectra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from convbook.drawing.charts import _lifts
from convbook.drawing.style import COLOURS, WIDTH, label_line
from convbook.upsampling import grid_points, overlap_counts


def pictures(
    pictures: Mapping[str, ArrayLike], columns: int = 3, below: Mapping[str, str] | None = None
) -> Figure:
    """Draw pictures in rows, all equally large on the page whatever their number of pixels.

    Args:
        pictures: (H, W), (H, W, 1) or (H, W, 3) in [0, 1], by the title above each.
        columns: pictures a row.
        below: a line under a picture, by its title.
    """
    rows = -(-len(pictures) // columns)
    first = np.asarray(next(iter(pictures.values())))
    side = WIDTH / columns
    extra = 0.27 + (0.2 if below else 0)
    height = rows * (side * first.shape[0] / first.shape[1] + extra)
    figure, panels = plt.subplots(rows, columns, figsize=(WIDTH, height), squeeze=False)
    for panel in panels.flat:
        panel.set_axis_off()
    for panel, (title, picture) in zip(panels.flat, pictures.items(), strict=False):
        panel.set_axis_on()
        shown = np.asarray(picture)
        shown = shown[..., 0] if shown.ndim == 3 and shown.shape[2] == 1 else shown
        panel.imshow(np.clip(shown, 0, 1), vmin=0, vmax=1, aspect="auto")
        panel.set_title(title, fontsize=10, loc="center", pad=3)
        _frame(panel)
        if below and title in below:
            panel.set_xlabel(below[title], fontsize=9.5, labelpad=2)
    return figure


def grids(size: int, new_size: int) -> Figure:
    """Draw both grids: where the pixels of an enlarged row lie among those of the small one.

    Args:
        size: pixels of the small row.
        new_size: pixels of the large one.
    """
    figure, panels = plt.subplots(2, 1, figsize=(WIDTH, 2.7))
    for panel, aligned in zip(panels, (False, True), strict=True):
        panel.set_title("corners aligned" if aligned else "half-pixel centres", fontsize=11)
        step = (size - 1) / (new_size - 1) if aligned else size / new_size
        for row, places, side in (
            (1, np.arange(size, dtype=float), 1.0),
            (0, grid_points(size, new_size, aligned), step),
        ):
            for number, place in enumerate(places):
                # With aligned corners pixels are points: squares would stick out differently.
                if not aligned:
                    corner = (place - side / 2, row - 0.3)
                    box = Rectangle(corner, side, 0.6, facecolor="none", edgecolor="#888888")
                    panel.add_patch(box)
                colour = COLOURS["blue"] if row else COLOURS["vermilion"]
                panel.plot(place, row, "o" if row else "D", color=colour, linestyle="none")
                if not row and number in (0, new_size - 1):
                    words = f"{place:g}"
                    _words(panel, (place, -0.42), words, va="top")
            label = f"{size} pixels" if row else f"{new_size} pixels"
            panel.text(-0.75, row, label, ha="right", va="center", fontsize=10)
        for place in range(size):
            panel.axvline(place, ymin=0.2, color="#CCCCCC", linewidth=1, linestyle=":", zorder=0)
        panel.set(xlim=(-1.7, size - 0.3), ylim=(-0.95, 1.45))
        panel.set_axis_off()
    return figure


def scatter(small: ArrayLike, kernel: ArrayLike, stride: int, result: ArrayLike) -> Figure:
    """Draw a transposed convolution of one channel: map, kernel, first and last copy, their sum.

    Args:
        small: map (H, W).
        kernel: (kh, kw).
        stride: from one copy to the next.
        result: the sum of all copies.
    """
    values, weights, total = (np.asarray(each) for each in (small, kernel, result))
    rows, columns = weights.shape
    ratios = (values.shape[1], columns, columns, columns, total.shape[1])
    figure, panels = plt.subplots(1, 5, figsize=(WIDTH, 2.5), width_ratios=ratios)
    _numbers(panels[0], values, "map")
    _numbers(panels[1], weights, "kernel")
    _numbers(panels[4], total, f"stride {stride}: all added")
    last = tuple(side - 1 for side in values.shape)
    for panel, (y, x), name in ((panels[2], (0, 0), "first"), (panels[3], last, "last")):
        _numbers(panel, values[y, x] * weights, f"{name} copy")
        style: dict[str, Any] = {"fill": False, "linewidth": 3, "clip_on": False}
        style["edgecolor"] = COLOURS["blue" if name == "first" else "vermilion"]
        panels[0].add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, **style))
        style["linestyle"] = "-" if name == "first" else "--"
        panel.add_patch(Rectangle((-0.5, -0.5), columns, rows, **style))
        corner = (x * stride - 0.5, y * stride - 0.5)
        panels[4].add_patch(Rectangle(corner, columns, rows, **style))
    return figure


def overlaps(kernels: Sequence[int], stride: int = 2, size: int = 6) -> Figure:
    """Draw for each kernel how many of its copies lie on each pixel, along a row and as a map.

    Args:
        kernels: sides of the kernels.
        stride: from one copy to the next.
        size: pixels of the small row.
    """
    figure, panels = plt.subplots(
        2, len(kernels), figsize=(WIDTH, 4.0), squeeze=False, height_ratios=(1, 1.6), sharex="col"
    )
    for (above, below), kernel in zip(panels.T, kernels, strict=True):
        for number in range(size):
            left, level = number * stride - 0.5, number % 3
            colour = COLOURS["blue"] if number % 2 == 0 else COLOURS["sky"]
            box = Rectangle((left, level + 0.1), kernel, 0.8, facecolor=colour, edgecolor="white")
            above.add_patch(box)
        counts = overlap_counts(size, kernel, stride)
        for place, count in enumerate(counts):
            _words(above, (place, -0.15), str(count), va="top")
        above.set(ylim=(-1.1, 3.1), yticks=[])
        above.set_title(f"kernel {kernel}, stride {stride}", fontsize=11)
        above.spines[:].set_visible(False)
        above.tick_params(bottom=False, labelbottom=False)
        above.grid(visible=False)
        below.imshow(np.outer(counts, counts), vmin=0, cmap="gray", aspect="auto")
        _frame(below)
        inner = counts[max(kernel - stride, 0) : size * stride]  # at both ends copies are missing
        found = [str(number) for number in np.unique(np.outer(inner, inner))]
        words = " and ".join(filter(None, [", ".join(found[:-1]), found[-1]]))
        below.set_xlabel(f"copies on a pixel, inside: {words}", fontsize=9.5)
    return figure


def spectra(lines: Mapping[str, ArrayLike], axes: Axes | None = None) -> Axes:
    """Draw power spectra over the frequency, from 0 to one wave in two pixels.

    Args:
        lines: power (n,), by the name at the line's end; the last value belongs to half a wave a
            pixel.
        axes: where to draw; a new figure if None.
    """
    axes = axes or plt.subplots(figsize=(WIDTH, 3.2))[1]
    drawn: list[Any] = []
    for power in lines.values():
        values = np.asarray(power, float)
        places = np.linspace(0, 0.5, len(values))
        drawn += axes.plot(places, values)
    axes.set(xlabel="waves a pixel", ylabel="power", yscale="log", xlim=(0, 0.5))
    axes.autoscale_view()
    ends = [(0.5, float(np.asarray(power)[-1])) for power in lines.values()]
    heights = [axes.transData.transform(end)[1] * 72 / axes.figure.dpi for end in ends]
    lifts = _lifts(heights, [14.0] * len(heights))
    for line, name, end, lift in zip(drawn, lines, ends, lifts, strict=True):
        label_line(axes, [end[0]], [end[1]], name, to_hex(line.get_color()), (6, lift))
    return axes


def _numbers(axes: Axes, values: Any, title: str) -> None:
    """A small map with its numbers in the cells."""
    axes.imshow(values, cmap="gray", vmin=0, vmax=max(float(values.max()), 1e-9))
    for (row, column), value in np.ndenumerate(values):
        dark = value < 0.55 * values.max()
        colour = "white" if dark else COLOURS["ink"]
        axes.text(column, row, f"{value:g}", ha="center", va="center", color=colour, fontsize=9.5)
    axes.set_title(title, fontsize=10, loc="center")
    _frame(axes)


def _words(axes: Axes, place: tuple[float, float], words: str, **options: Any) -> None:
    axes.text(*place, words, ha="center", fontsize=9.5, **options)


def _frame(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set_visible(True)
    axes.spines[:].set_linewidth(0.8)
