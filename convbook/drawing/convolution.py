"""Pictures of convolution: the sliding filter, padding, filters and the maps they make.

Maps and weights have a sign, so they are drawn in greys around a middle grey that means zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch, Rectangle
from numpy.typing import ArrayLike, NDArray

from convbook.convolution import taps, window_start
from convbook.drawing.stage import Choose, Slide, present
from convbook.drawing.style import COLOURS, WIDTH

FloatArray = NDArray[np.float64]
_EMPTY, _EDGE = "#F4F4F4", "#BBBBBB"


def draw_sliding(
    image: ArrayLike,
    kernel: ArrayLike,
    stride: int = 1,
    padding: str = "valid",
    dilation: int = 1,
    step: int | None = None,
) -> Figure:
    """Draw one moment of a filter sliding over a small grey picture.

    Args:
        image: grey picture (H, W); about 8x8 reads best.
        kernel: filter (k, k).
        stride: of the convolution.
        padding: "valid" or "same".
        dilation: of the convolution.
        step: which output position is being computed, counted row by row from 0; the outputs up to
            it are drawn. The last one if None.

    Returns:
        A figure: the picture with its padding and the window, the weights, the map so far. The
        numbers in the window and in its output's cell are what is multiplied and what comes out.

    Raises:
        ValueError: if no window fits, or where Keras refuses the setting.
    """
    image, kernel = np.asarray(image, float), np.asarray(kernel, float)
    rows, columns, output = _slide(image, kernel, stride, padding, dilation)
    last = output.size - 1
    step = last if step is None else min(step, last)
    figure, (left, middle, right) = plt.subplots(
        1, 3, figsize=(WIDTH, 2.8), width_ratios=(5.4, 1.6, 4.2), layout="constrained"
    )
    _draw_moment(left, right, image, rows, columns, output, step, dilation)
    _write_numbers(left, right, image, rows, columns, output, step, dilation)
    _draw_kernel(middle, kernel)
    left.set_title(f"picture {image.shape[0]}x{image.shape[1]}")
    middle.set_title("filter")
    middle.set_zorder(2)  # over the lines from the window to the output
    right.set_title(f"map {output.shape[0]}x{output.shape[1]}: {step + 1} of {output.size}")
    return figure


def draw_settings(
    image: ArrayLike, kernel: ArrayLike, settings: Sequence[dict[str, Any]], step: int = 9
) -> Figure:
    """Draw the same moment under several settings of stride, padding and dilation, side by side.

    This is the still picture for pages on which `sliding_widget` has no Python behind it.

    Args:
        image: grey picture (H, W).
        kernel: filter (k, k).
        settings: one dict a column, with `stride`, `padding`, `dilation` as for `draw_sliding`.
        step: the output position drawn, row by row from 0.

    Returns:
        A figure: the pictures with the window above, the maps below.
    """
    image, kernel = np.asarray(image, float), np.asarray(kernel, float)
    count = len(settings)
    figure, axes = plt.subplots(2, count, figsize=(WIDTH, 3.2), squeeze=False, layout="constrained")
    for (above, below), setting in zip(axes.T, settings, strict=True):
        rows, columns, output = _slide(image, kernel, **setting)
        now = min(step, output.size - 1)
        _draw_moment(
            above, below, image, rows, columns, output, now, setting.get("dilation", 1), fill=True
        )
        _same_scale(above, below)
        words = [f"{name} {value}" for name, value in setting.items()]
        above.set_title(",\n".join(words) or "stride 1,\nno padding")
        high, wide = output.shape
        below.text((wide - 1) / 2, high, f"map {high}x{wide}", ha="center", va="top")
    return figure


def sliding_widget(image: ArrayLike, kernel: ArrayLike) -> Any:
    """Make a sliding filter with controls for size, padding, stride, dilation and position.

    Args:
        image: grey picture (H, W).
        kernel: filter (3, 3); for the other sizes the widget takes a mean filter.

    Returns:
        See `convbook.drawing.stage.present`.
    """

    def draw(kernel_size: int, padding: str, stride: int, dilation: int, position: int) -> Figure:
        size = kernel_size
        weights = np.asarray(kernel, float) if size == 3 else np.full((size, size), 1 / size**2)
        return draw_sliding(image, weights, stride, padding, dilation, position)

    return present(
        "let the window run at stride 2: which pixels are never its middle?",
        draw,
        still=lambda: draw_settings(image, kernel, _STILL_SETTINGS, step=7),
        look=False,
        kernel_size=Choose((2, 3, 5), 3),
        padding=Choose(("valid", "same")),
        stride=Choose((1, 2, 3)),
        dilation=Choose((1, 2, 3)),
        position=Slide(0, 0, np.asarray(image).size - 1, play=True),
    )


_STILL_SETTINGS: list[dict[str, Any]] = [
    {"stride": 2, "padding": "same"},
    {"stride": 3},
    {"dilation": 3},
    {"dilation": 2, "padding": "same"},
]


def draw_bank(
    image: ArrayLike, kernels: ArrayLike, maps: ArrayLike, names: Sequence[str]
) -> Figure:
    """Draw a picture, a bank of filters and the map that each of them makes.

    Args:
        image: picture (H, W, C) in [0, 1], one or three channels.
        kernels: filters (kh, kw, C, F), as ``Conv2D`` stores them.
        maps: the layer's output (h, w, F).
        names: what each filter is called, F words.

    Returns:
        A figure: the picture on the left, filters above, their maps below.
    """
    image, kernels, maps = (np.asarray(array, float) for array in (image, kernels, maps))
    count = kernels.shape[3]
    figure = plt.figure(figsize=(WIDTH, 2.1), layout="constrained")
    grid = figure.add_gridspec(
        2, count + 1, width_ratios=[1.6] + [1] * count, height_ratios=[1, 1.6]
    )
    picture = figure.add_subplot(grid[:, 0])
    picture.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=1)
    picture.set_title(f"picture\n{'x'.join(map(str, image.shape))}", fontsize=10.5)
    _bare(picture)
    for index, name in enumerate(names):
        above, below = (figure.add_subplot(grid[row, index + 1]) for row in (0, 1))
        _show_filter(above, kernels[:, :, :, index])
        above.set_title(name, fontsize=9.5)
        show_map(below, maps[:, :, index])
        below.set_title(f"{maps.shape[0]}x{maps.shape[1]}", fontsize=9.5)
    return figure


def draw_responses(image: ArrayLike, maps: Sequence[ArrayLike], names: Sequence[str]) -> Figure:
    """Draw a grey photograph and what each filter makes of it, two in a row.

    Args:
        image: grey picture (H, W) in [0, 1].
        maps: one map (h, w) a filter; maps with negative values are drawn around a middle grey.
        names: a title for each map.

    Returns:
        A figure with ``len(maps) + 1`` pictures.
    """
    pictures = [np.asarray(image, float), *(np.asarray(one, float) for one in maps)]
    titles = ["the photograph", *names]
    rows = -(-len(pictures) // 3)
    figure, axes = plt.subplots(rows, 3, figsize=(WIDTH, 1.5 * rows), layout="constrained")
    for panel in axes.flat:
        panel.set_axis_off()
    for panel, picture, title in zip(axes.flat, pictures, titles, strict=False):
        show_map(panel, picture)
        panel.set_title(title, fontsize=10.5)
    return figure


def show_map(axes: Axes, values: ArrayLike) -> None:
    """Draw one map (H, W): black to white from 0 to its largest value, or around 0 if signed."""
    values = np.asarray(values, float)
    limit = max(float(np.quantile(np.abs(values), 0.995)), 1e-9)
    signed = float(values.min()) < -0.05 * limit
    axes.imshow(values, cmap="gray", vmin=-limit if signed else 0.0, vmax=limit)
    _bare(axes)


def draw_padding(
    size: int, kernel: int, stride: int, paddings: Sequence[tuple[str, int, int]]
) -> Figure:
    """Draw where the first and last windows of a strided layer lie, for several paddings.

    Args:
        size: pixels along the axis.
        kernel: pixels a window covers.
        stride: pixels from a window to the next.
        paddings: (label, before, after) for each way to pad, one picture each.

    Returns:
        A figure: for each way both ends of the axis, the padding hatched, each window a bar with
        its centre.
    """
    count = len(paddings)
    figure, axes = plt.subplots(
        2 * count, 1, figsize=(WIDTH, 1.82 * count), squeeze=False, layout="constrained"
    )
    reach = max(before for _, before, _ in paddings), max(after for *_, after in paddings)
    for (start, end), (label, before, after) in zip(axes.reshape(count, 2), paddings, strict=True):
        _draw_ends((start, end), size, kernel, stride, before, after, reach)
        start.set_title(f"{label}: {before} zeros before ...", fontsize=11, pad=2)
        end.set_title(f"... and {after} after", fontsize=11, pad=2)
    return figure


def draw_filters(before: ArrayLike, after: ArrayLike) -> Figure:
    """Draw a layer's filters before and after learning, each on its own scale around zero.

    Args:
        before: weights (kh, kw, C, F) before training, C one or three.
        after: the same layer's weights after it.

    Returns:
        A figure with two rows of F filters.
    """
    before, after = np.asarray(before, float), np.asarray(after, float)
    count = before.shape[3]
    figure, axes = plt.subplots(2, count, figsize=(0.8 * count, 2.2), layout="constrained")
    for row, weights in zip(axes, (before, after), strict=True):
        for panel, index in zip(row, range(count), strict=True):
            _show_filter(panel, weights[:, :, :, index])
    axes[0, 0].set_title("before: random")
    axes[1, 0].set_title("after: learned")
    return figure


def _slide(
    image: FloatArray,
    kernel: FloatArray,
    stride: int = 1,
    padding: str = "valid",
    dilation: int = 1,
) -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]:
    """The rows and columns each window reads, and the map: (h, k), (w, k), (h, w)."""
    rows = taps(image.shape[0], kernel.shape[0], stride, padding, dilation)
    columns = taps(image.shape[1], kernel.shape[1], stride, padding, dilation)
    # Position -1 is padding: one more row and column of zeros, which the index -1 meets.
    padded = np.pad(image, ((0, 1), (0, 1)))
    windows = padded[rows[:, None, :, None], columns[None, :, None, :]]
    return rows, columns, np.einsum("yxij,ij->yx", windows, kernel)


def _draw_moment(
    left: Axes,
    right: Axes,
    image: FloatArray,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    output: FloatArray,
    step: int,
    dilation: int,
    fill: bool = False,
) -> None:
    """The window on the picture, the map up to its output (or all of it), and lines between."""
    row, column = divmod(step, output.shape[1])
    reads_y, reads_x = (_with_padding(all_, dilation) for all_ in (rows, columns))
    _draw_input(left, image, reads_y, reads_x)
    for y in reads_y[row]:
        for x in reads_x[column]:
            left.add_patch(_cell(x, y, fill=False, edgecolor=COLOURS["vermilion"], linewidth=2.5))
    shown = output.copy()
    if not fill:
        shown.flat[step + 1 :] = np.nan
    limit = max(float(np.abs(output).max()), 1e-9)
    lowest = -limit if output.min() < 0 else 0.0
    right.set_facecolor(_EMPTY)
    right.imshow(shown, cmap="gray", vmin=lowest, vmax=limit)
    _grid(right, *output.shape)
    right.add_patch(_cell(column, row, fill=False, edgecolor=COLOURS["vermilion"], linewidth=3))
    right.set_xlim(-0.6, output.shape[1] - 0.4)
    right.set_ylim(output.shape[0] - 0.4, -0.6)
    _bare(right)
    _connect(left, right, (reads_x[column], reads_y[row]), (column, row), below=fill)


def _write_numbers(
    left: Axes,
    right: Axes,
    image: FloatArray,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    output: FloatArray,
    step: int,
    dilation: int,
) -> None:
    """The pixels in the window and the number that comes out, written into their cells."""
    row, column = divmod(step, output.shape[1])
    padded = np.pad(image, ((0, 1), (0, 1)))  # the index -1 of the padding meets a 0
    for y, tap_y in zip(_with_padding(rows, dilation)[row], rows[row], strict=True):
        for x, tap_x in zip(_with_padding(columns, dilation)[column], columns[column], strict=True):
            pixel = padded[tap_y, tap_x]
            in_padding = min(tap_y, tap_x) < 0
            dark = not in_padding and pixel < 0.5 * max(1.0, image.max())
            _number(left, x, y, "0" if in_padding else f"{pixel:.2f}", dark)
    _number(right, column, row, f"{output[row, column]:.2f}", output[row, column] < 0)


def _number(axes: Axes, x: float, y: float, text: str, dark: bool) -> None:
    """A number in the middle of a cell, white on dark ground."""
    color = "white" if dark else COLOURS["ink"]
    axes.text(x, y, text, ha="center", va="center", fontsize=9.5, color=color)


def _connect(
    left: Axes, right: Axes, window: tuple[Any, Any], cell: tuple[int, int], below: bool
) -> None:
    """Two thin lines from the window's near corners to the output's cell."""
    xs, ys = window
    if below:
        starts = [(xs[0] - 0.5, ys[-1] + 0.5), (xs[-1] + 0.5, ys[-1] + 0.5)]
        ends = [(cell[0] - 0.5, cell[1] - 0.5), (cell[0] + 0.5, cell[1] - 0.5)]
    else:
        starts = [(xs[-1] + 0.5, ys[0] - 0.5), (xs[-1] + 0.5, ys[-1] + 0.5)]
        ends = [(cell[0] - 0.5, cell[1] - 0.5), (cell[0] - 0.5, cell[1] + 0.5)]
    for start, end in zip(starts, ends, strict=True):
        line = ConnectionPatch(
            start, end, "data", "data", axesA=left, axesB=right, color=COLOURS["vermilion"]
        )
        line.set_linewidth(0.8)
        line.set_zorder(1)
        line.set_in_layout(False)
        left.figure.add_artist(line)


def _same_scale(above: Axes, below: Axes) -> None:
    """Widen the lower panel's limits to the upper's extent, so that a cell is as large in both."""
    width, height = (abs(np.diff(limits)[0]) for limits in (above.get_xlim(), above.get_ylim()))
    middle_x, middle_y = np.mean(below.get_xlim()), np.mean(below.get_ylim())
    below.set_xlim(middle_x - width / 2, middle_x + width / 2)
    below.set_ylim(middle_y + height / 2, middle_y - height / 2)
    below.set_facecolor("none")


def _with_padding(positions: NDArray[np.int64], dilation: int) -> NDArray[np.int64]:
    """Put the true positions, negative or past the end, in place of the -1 of the padding."""
    weights = dilation * np.arange(positions.shape[1])
    starts = [window_start(window, dilation) for window in positions]
    return np.array(starts)[:, None] + weights


def _draw_input(
    axes: Axes, image: FloatArray, reads_y: NDArray[np.int64], reads_x: NDArray[np.int64]
) -> None:
    """The picture, with a hatched cell for every padding position that a window reads."""
    height, width = image.shape
    top, bottom = min(0, reads_y.min()), max(height - 1, reads_y.max())
    first, last = min(0, reads_x.min()), max(width - 1, reads_x.max())
    for y in range(top, bottom + 1):
        for x in range(first, last + 1):
            if not (0 <= y < height and 0 <= x < width):
                axes.add_patch(_cell(x, y, facecolor=_EMPTY, edgecolor=_EDGE, hatch="///", lw=0.5))
    axes.imshow(image, cmap="gray", vmin=0, vmax=max(1.0, float(image.max())))
    _grid(axes, height, width)
    axes.set_xlim(first - 0.6, last + 0.6)
    axes.set_ylim(bottom + 0.6, top - 0.6)
    _bare(axes)


def _draw_kernel(axes: Axes, kernel: FloatArray) -> None:
    """The weights, as greys around zero with their numbers written in."""
    limit = max(float(np.abs(kernel).max()), 1e-9)
    axes.imshow(kernel, cmap="gray", vmin=-1.6 * limit, vmax=1.6 * limit)
    for (y, x), weight in np.ndenumerate(kernel):
        # Dark ground takes white figures.
        color = "white" if weight < 0 else COLOURS["ink"]
        axes.text(x, y, f"{weight:.3g}", ha="center", va="center", color=color)
    _grid(axes, *kernel.shape)
    _bare(axes)


def _draw_ends(
    panels: tuple[Axes, Axes],
    size: int,
    kernel: int,
    stride: int,
    before: int,
    after: int,
    reach: tuple[int, int],
) -> None:
    """Both ends of one axis, a panel each, with the first two and the last two windows on them."""
    count = (before + size + after - kernel) // stride + 1
    shown = kernel + stride
    parts = (
        (range(-before, shown), (0, 1)),
        (range(size - shown, size + after), (count - 2, count - 1)),
    )
    for axes, (positions, windows) in zip(panels, parts, strict=True):
        for position in positions:
            inside = 0 <= position < size
            axes.add_patch(
                _cell(
                    position,
                    0,
                    facecolor="white" if inside else _EMPTY,
                    edgecolor=COLOURS["ink"] if inside else _EDGE,
                    hatch=None if inside else "////",
                    lw=0.8,
                )
            )
            words = str(position) if inside else "0"
            axes.text(position, 0, words, ha="center", va="center", fontsize=9.5)
        for lane, window in enumerate(windows):
            _draw_bar(axes, window * stride - before, kernel, lane, window)
        axes.set_ylim(-0.6, 1.7)
        axes.set_aspect("equal")
        _bare(axes)
    panels[0].set_xlim(-reach[0] - 0.6, shown + 5.9)
    panels[1].set_xlim(size - shown - 0.6, size + reach[1] + 5.9)


def _draw_bar(axes: Axes, start: int, kernel: int, lane: int, window: int) -> None:
    """A window as a bar over the positions it reads, with its centre and its number."""
    level, color = 0.85 + 0.55 * lane, COLOURS["vermilion" if lane else "blue"]
    ends, centre = (start - 0.45, start + kernel - 0.55), start + kernel // 2
    axes.plot(ends, (level, level), color=color, linestyle="-", linewidth=3)
    axes.plot(centre, level, "o", color=color, markersize=7)
    words = f"output {window}, centre {centre}"
    axes.text(ends[1] + 0.2, level, words, color=color, va="center", fontsize=10)


def _show_filter(axes: Axes, weights: FloatArray) -> None:
    """One filter (kh, kw, C): three channels as a colour, one as grey, zero in the middle."""
    limit = max(float(np.abs(weights).max()), 1e-9)
    picture = np.clip(0.5 + weights / (2 * limit), 0, 1).squeeze()
    axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
    _bare(axes)


def _cell(x: float, y: float, **style: Any) -> Rectangle:
    """The square of side 1 around (x, y)."""
    return Rectangle((x - 0.5, y - 0.5), 1, 1, **style)


def _grid(axes: Axes, height: int, width: int) -> None:
    """Thin lines between the cells of a (height, width) picture."""
    style: dict[str, Any] = {"color": _EDGE, "linewidth": 0.6, "linestyle": "-"}
    axes.hlines(np.arange(height + 1) - 0.5, -0.5, width - 0.5, **style)
    axes.vlines(np.arange(width + 1) - 0.5, -0.5, height - 0.5, **style)


def _bare(axes: Axes) -> None:
    """No ticks, no frame, no grid: for pictures, whose axes are rows and columns."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
