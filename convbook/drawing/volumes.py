"""The volumes a net computes, drawn to scale: what shrinks and what grows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Polygon

from convbook.counting import Step, trace
from convbook.drawing.style import COLOURS

_RESHAPING = (
    "Flatten",
    "Reshape",
    "Permute",
    "Dropout",
    "ZeroPadding2D",
    "Cropping2D",
    "InputLayer",
)


@dataclass(frozen=True)
class Volume:
    """A box of values: rows, columns and channels; a vector has one row and one column."""

    name: str
    height: int
    width: int
    channels: int

    @property
    def values(self) -> int:
        """How many numbers the volume holds."""
        return self.height * self.width * self.channels

    @property
    def label(self) -> str:
        """Its size as written in a figure."""
        if self.height == self.width == 1:
            return f"{self.channels:,}"
        return f"{self.height}×{self.width}×{self.channels}"


def volumes(
    net: Callable[..., Any],
    input_shape: tuple[int, int, int] | None = None,
    keep: Callable[[Step], bool] | None = None,
) -> list[Volume]:
    """Return the volumes of a net, its input first; neighbours of equal size once.

    Args:
        net: a Keras model of any style that takes one picture.
        input_shape: (height, width, channels); left out, that of the model.
        keep: says of a step whether its output is drawn; left out, all but reshaping layers are.
    """
    shape = input_shape or tuple(net.inputs[0].shape[1:])  # type: ignore[attr-defined]
    keep = keep or (lambda step: step.kind not in _RESHAPING)
    found = [Volume("input", *shape)]
    for step in trace(net, shape):
        if step.shape is None or not keep(step):
            continue
        if len(step.shape) not in (1, 3):
            continue
        size = step.shape if len(step.shape) == 3 else (1, 1, step.shape[0])
        volume = Volume(step.name, *size)
        if volume.label != found[-1].label:
            found.append(volume)
    return found


def draw_volumes(
    nets: Any,
    input_shape: tuple[int, int, int] | None = None,
    *,
    keep: Callable[[Step], bool] | None = None,
    channels_per_pixel: float | None = None,
    labels: bool = True,
    axes: Axes | None = None,
) -> Axes:
    """Draw every volume of one net, or of several below each other, all to one scale.

    A box is as high and as deep as its maps have pixels, and as thick as they have channels. A
    vector is an upright bar, as high as the box of so many channels would be thick.

    Args:
        nets: a Keras model or a sequence of them.
        input_shape: (height, width, channels), for models that do not tell.
        keep: as in :func:`volumes`.
        channels_per_pixel: channels drawn as thick as one pixel; left out, so many that the longest
            vector is as high as the largest map.
        labels: whether sizes are written under the boxes.
        axes: where to draw; a new figure if None.

    Returns:
        The axes.
    """
    nets = list(nets) if isinstance(nets, Sequence) else [nets]
    rows = [volumes(net, input_shape, keep) for net in nets]
    ratio = channels_per_pixel or _channels_per_pixel([volume for row in rows for volume in row])
    tallest = max(volume.height for row in rows for volume in row)
    label = _label_width(rows, ratio) if labels else 0.0
    if axes is None:
        _, axes = plt.subplots(figsize=(10, _figure_height(rows, ratio, label)))
    middle = 0.0
    for net, row in zip(nets, rows, strict=True):
        half = _extent(row, ratio)
        middle -= half
        places = _places(row, ratio, label)
        for volume, x in zip(row, places, strict=True):
            _draw_box(axes, x, middle, volume, ratio)
        bottom = middle - half
        if labels:
            _write_labels(axes, row, places, bottom, ratio, label)
        name = getattr(net, "name", "")
        axes.text(places[0], middle + half, name, va="bottom", weight="bold")
        middle = bottom - (0.55 * label if labels else 0) - 0.12 * tallest
    axes.text(
        0,
        middle,
        f"To scale: height and depth in pixels, thickness and upright bars in channels "
        f"({ratio:.3g} channels = 1 pixel).",
        va="top",
        fontsize=8,
    )
    axes.set_aspect("equal")
    axes.axis("off")
    axes.autoscale_view()
    return axes


_DEPTH = 0.3
"""Length on paper of one pixel of depth, to the right and upwards."""


def _channels_per_pixel(boxes: Sequence[Volume]) -> float:
    """So many channels in a pixel that the longest vector is as high as the largest map."""
    tallest = max(box.height for box in boxes)
    vectors = [box.channels for box in boxes if _is_vector(box)]
    longest = max(vectors) if vectors else 8 * max(box.channels for box in boxes)
    return max(1.0, round(longest / tallest)) if longest > tallest else longest / tallest


def _is_vector(box: Volume) -> bool:
    return box.height == box.width == 1


def _outline(box: Volume, ratio: float) -> tuple[float, float, float]:
    """(thickness, height, depth) on paper."""
    if _is_vector(box):
        return 1.0, box.channels / ratio, 1.0 * _DEPTH
    return box.channels / ratio, float(box.height), box.width * _DEPTH


def _extent(row: Sequence[Volume], ratio: float) -> float:
    """How far the row's boxes reach above and below their middle."""
    return max((height + depth) / 2 for _, height, depth in (_outline(box, ratio) for box in row))


def _places(row: Sequence[Volume], ratio: float, label: float) -> list[float]:
    """The left edge of each box, so far apart that boxes and two lines of labels stay apart."""
    outlines = [_outline(box, ratio) for box in row]
    gap = 0.06 * max(box.height for box in row)
    # A short net is spread, so that its figure is not taller than a page.
    solid = sum(thickness + depth + gap for thickness, _, depth in outlines)
    gap += max(0.0, 2.6 * max(height + depth for _, height, depth in outlines) - solid) / len(row)
    places: list[float] = []
    edge, centre = 0.0, -label
    for thickness, _, depth in outlines:
        x = max(edge, centre + label / 2 - (thickness + depth) / 2)
        places.append(x)
        edge, centre = x + thickness + depth + gap, x + (thickness + depth) / 2
    return places


def _label_width(rows: Sequence[Sequence[Volume]], ratio: float) -> float:
    """The width of a label: 0.085 of the figure's, which depends on it in turn."""
    label = 0.0
    for _ in range(6):
        label = 0.085 * max(
            _places(row, ratio, label)[-1] + sum(_outline(row[-1], ratio)[::2]) for row in rows
        )
    return label


def _figure_height(rows: Sequence[Sequence[Volume]], ratio: float, label: float) -> float:
    """Inches for a figure 10 inches wide that needs no empty margins."""
    width = max(_places(row, ratio, label)[-1] + sum(_outline(row[-1], ratio)[::2]) for row in rows)
    height = sum(2 * _extent(row, ratio) + 0.7 * label for row in rows)
    return 10 * height / width + 0.6


def _draw_box(axes: Axes, x: float, middle: float, box: Volume, ratio: float) -> None:
    """A box seen from the right and above: front (thickness by height), top and right side."""
    thickness, height, depth = _outline(box, ratio)
    base = np.array([x, middle - (height + depth) / 2])
    across, up, back = np.array([thickness, 0]), np.array([0, height]), np.array([depth, depth])
    top_left, corner = base + up, base + across + up
    faces = [
        ([base, base + across, corner, top_left], 0.0),
        ([top_left, corner, corner + back, top_left + back], 0.55),
        ([base + across, base + across + back, corner + back, corner], -0.15),
    ]
    colour = COLOURS["vermilion"] if _is_vector(box) else COLOURS["sky"]
    if box.name == "input":
        colour = COLOURS["yellow"]
    for points, light in faces:
        shade = _shade(colour, light)
        edge = colour if _is_vector(box) else COLOURS["ink"]
        axes.add_patch(Polygon(points, closed=True, facecolor=shade, edgecolor=edge, linewidth=0.5))


def _shade(colour: str, light: float) -> tuple[float, ...]:
    """Mix a colour with white (light > 0) or black (light < 0)."""
    rgb = np.array(to_rgb(colour))
    mixed = rgb + (1 - rgb) * light if light > 0 else rgb * (1 + light)
    return tuple(float(part) for part in mixed)


def _write_labels(
    axes: Axes,
    row: Sequence[Volume],
    places: Sequence[float],
    bottom: float,
    ratio: float,
    label: float,
) -> None:
    """Sizes on two lines in turn, each with a thin line up to its box."""
    for index, (box, x) in enumerate(zip(row, places, strict=True)):
        thickness, height, depth = _outline(box, ratio)
        centre = x + (thickness + depth) / 2
        y = bottom - (0.08 + 0.24 * (index % 2)) * label
        foot = bottom + _extent(row, ratio) - (height + depth) / 2
        axes.plot([x + thickness / 2, centre], [foot, y], color="#999999", lw=0.6, ls="-")
        axes.text(centre, y, box.label, ha="center", va="top", fontsize=8)
