"""Figures on normalisation: what shares a mean and a variance, learnt scales, padded sequences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Polygon
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from convbook.drawing.style import COLOURS, WIDTH

_BACK = np.array([0.52, 0.4])  # one picture's step into the depth, on paper
_LIGHT = {"front": 0.0, "top": 0.3, "side": -0.2}


def draw_cube(axes: Axes, shared: NDArray[np.bool_], title: str = "") -> None:
    """Draw a batch as a cube of numbers: channels to the right, positions down, pictures behind.

    Its three visible faces are shown, the first picture in front and the last channel to the right.
    After figure 2 of Wu and He 2018 (arXiv:1803.08494).

    Args:
        axes: where to draw; its own axes are hidden.
        shared: the numbers to fill, booleans (N, H, W, C).
        title: written above.
    """
    cube = shared.reshape(shared.shape[0], -1, shared.shape[-1])
    pictures, positions, channels = cube.shape
    right, down = np.array([1.0, 0.0]), np.array([0.0, -1.0])
    top_right = channels * right
    for picture in reversed(range(pictures)):
        for channel in range(channels):
            corner = channel * right + picture * _BACK
            _cell(axes, corner, right, _BACK, cube[picture, 0, channel], "top")
        for position in range(positions):
            corner = top_right + position * down + picture * _BACK
            _cell(axes, corner, down, _BACK, cube[picture, position, -1], "side")
    for position in range(positions):
        for channel in range(channels):
            corner = channel * right + position * down
            _cell(axes, corner, right, down, cube[0, position, channel], "front")
    _name_sides(axes, *cube.shape)
    axes.set_title(title)
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.autoscale_view()


def _cell(
    axes: Axes, corner: np.ndarray, one: np.ndarray, other: np.ndarray, filled: bool, face: str
) -> None:
    """A cell of a face: a parallelogram with two sides, lighter on top and darker at the side."""
    points = [corner, corner + one, corner + one + other, corner + other]
    colour = COLOURS["blue"] if filled else "#F3F3F3"
    shade = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    light = _LIGHT[face] * (1.0 if filled else 0.4)
    shade = shade + (1 - shade) * light if light > 0 else shade * (1 + light)
    edge = "#BBBBBB" if filled else "#999999"
    axes.add_patch(Polygon(points, closed=True, facecolor=shade, edgecolor=edge, linewidth=0.7))


def _name_sides(axes: Axes, pictures: int, positions: int, channels: int) -> None:
    angle = float(np.degrees(np.arctan2(_BACK[1], _BACK[0])))
    style: dict[str, Any] = {"fontsize": 11, "rotation_mode": "anchor", "ha": "center"}
    axes.text(channels / 2, -positions - 0.3, "C channels", va="top", **style)
    axes.text(-0.3, -positions / 2, "H×W positions", rotation=90, va="bottom", **style)
    spot = np.array([channels + 0.2, -positions - 0.25]) + pictures * _BACK / 2
    axes.text(spot[0], spot[1], "N pictures", rotation=angle, va="top", **style)


def draw_scales(scales: Mapping[str, ArrayLike], start: float = 1.0) -> Axes:
    """Draw the learnt scales (gamma) of normalisations: a line a layer, a stroke a channel.

    Args:
        scales: gamma (channels,) by the layer's name, drawn from top to bottom.
        start: where they stood before training.
    """
    axes = plt.subplots(figsize=(WIDTH, 0.8 + 0.45 * len(scales)))[1]
    axes.axvline(start, color="#777777", linewidth=1.2, linestyle=":", zorder=1)
    axes.annotate(
        "before training",
        (start, 1),
        xycoords=("data", "axes fraction"),
        xytext=(4, 3),
        textcoords="offset points",
        fontsize=9.5,
        color="#555555",
    )
    stroke: dict[str, Any] = {"marker": "|", "markersize": 15, "markeredgewidth": 1.5}
    for row, values in enumerate(scales.values()):
        numbers = np.asarray(values, float)
        axes.plot(numbers, np.full(numbers.shape, row), linestyle="", color="#004C83", **stroke)
    axes.set_yticks(range(len(scales)), list(scales))
    axes.set(xlabel="γ of each channel", ylim=(len(scales) - 0.4, -0.6))
    axes.grid(axis="y", visible=False)
    return axes


def draw_sequences(sequences: NDArray[np.float32], mask: NDArray[np.bool_]) -> Axes:
    """Draw a batch of padded sequences, and below them how many have not ended at each time step.

    Args:
        sequences: values from 0 to 1, (N, steps, features); N even.
        mask: (N, steps), true where a sequence still runs; what is not is hatched.

    Returns:
        The axes of the lower part.
    """
    number, steps, features = sequences.shape
    figure = plt.figure(figsize=(WIDTH, 4.4))
    above, below = figure.subfigures(2, 1, height_ratios=(2, 1))
    panels = above.subplots(2, number // 2, sharex=True, sharey=True)
    padding: dict[str, Any] = {"facecolor": "#E5E5E5", "edgecolor": "#888888", "hatch": "////"}
    padding["linewidth"] = 0
    for panel, sequence, keep in zip(panels.flat, sequences, mask, strict=True):
        length = int(keep.sum())
        panel.imshow(sequence.T, extent=(0.5, steps + 0.5, features, 0), vmin=0, vmax=1)
        if length < steps:
            panel.axvspan(length + 0.5, steps + 0.5, **padding)
        panel.set(xticks=[], yticks=[])
        panel.grid(visible=False)
        panel.spines[:].set_visible(True)
    above.supylabel("row of the digit", fontsize=11)
    axes = below.subplots()
    axes.step(np.arange(1, steps + 1), mask.sum(axis=0), where="mid")
    axes.set(xlabel="time step (column of the digit)", ylabel=f"left of {number}")
    axes.set(xlim=(0.5, steps + 0.5), ylim=(0, 1.1 * number), yticks=[0, number // 2, number])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return axes
