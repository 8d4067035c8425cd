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
from convbook.drawing.style import COLOURS, WIDTH

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
    """Draw every volume of one net, or of several beside each other, all to one scale.

    A net runs from top to bottom. A slab is as wide and as deep as its maps have pixels, and as
    thick as they have channels. A vector is a bar, as long as a slab of so many channels would be
    thick. Sizes stand to the right of the slabs, a line each.

    Args:
        nets: a Keras model or a sequence of them.
        input_shape: (height, width, channels), for models that do not tell.
        keep: as in :func:`volumes`.
        channels_per_pixel: channels drawn as thick as one pixel; left out, so many that the longest
            vector is as long as the widest map.
        labels: whether sizes are written beside the slabs.
        axes: where to draw; a new figure if None. One unit of its data is a pixel.

    Returns:
        The axes.
    """
    nets = list(nets) if isinstance(nets, Sequence) else [nets]
    columns = [volumes(net, input_shape, keep) for net in nets]
    ratio = channels_per_pixel or _channels_per_pixel([box for boxes in columns for box in boxes])
    inch = _pixels_per_inch(columns, ratio, labels)
    if axes is None:
        size = (WIDTH, _height(columns, ratio, inch) / inch)
        axes = plt.subplots(figsize=size)[1]
    left, top = 0.0, 0.0
    for net, boxes in zip(nets, columns, strict=True):
        name = getattr(net, "name", "")
        axes.text(left, top, name, va="bottom", weight="bold", fontsize=10)
        width = max(_outline(box, ratio)[0] for box in boxes)
        y = top - _GAP * inch
        for box in boxes:
            pitch = _pitch(box, ratio, inch)
            _draw_slab(axes, left, y - pitch / 2, box, ratio)
            if labels:
                place = left + width + _GAP * inch, y - pitch / 2
                axes.text(*place, box.label, va="center", fontsize=9.5)
            y -= pitch
        left += width + (_GAP + _LABEL * labels + _BETWEEN) * inch
    words = f"To scale: sides in pixels, thickness in channels ({ratio:.3g} channels = 1 pixel).\n"
    words += "Bars are vectors, as long as so many channels are thick."
    bottom = -_height(columns, ratio, inch) + _TITLE * inch
    axes.text(0, bottom, words, va="bottom", fontsize=9.5)
    axes.set(xlim=(-0.02 * inch, WIDTH * inch), ylim=(bottom - 0.02 * inch, _TITLE * inch))
    axes.set_aspect("equal")
    axes.axis("off")
    return axes


_DEPTH = 0.3
"""Length on paper of one pixel of depth, to the right and upwards."""
_MOST = 2.6
"""Inches: the height that a net's slabs may take without the gaps between them."""
_LABEL, _BETWEEN, _GAP, _TITLE, _FOOT, _LINE = 0.88, 0.12, 0.07, 0.25, 0.45, 0.175
"""Inches: a label's width, the room between nets and around slabs, and the heights of words."""


def _channels_per_pixel(boxes: Sequence[Volume]) -> float:
    """So many channels in a pixel that the longest vector is as long as the widest map."""
    widest = max(box.width for box in boxes)
    vectors = [box.channels for box in boxes if _is_vector(box)]
    longest = max(vectors) if vectors else 8 * max(box.channels for box in boxes)
    return max(1.0, round(longest / widest)) if longest > widest else longest / widest


def _is_vector(box: Volume) -> bool:
    return box.height == box.width == 1


def _outline(box: Volume, ratio: float) -> tuple[float, float]:
    """(width, height) on paper, in pixels."""
    if _is_vector(box):
        return box.channels / ratio, 0.0
    return box.width + box.height * _DEPTH, box.channels / ratio + box.height * _DEPTH


def _pitch(box: Volume, ratio: float, inch: float) -> float:
    """What a slab takes of its column's height: room for itself, and for its label."""
    return max(_LINE * inch, _outline(box, ratio)[1] + _GAP * inch)


def _pixels_per_inch(columns: Sequence[Sequence[Volume]], ratio: float, labels: bool) -> float:
    """The scale at which all columns fit the figure's width, and the highest its height."""
    words = len(columns) * (_GAP + _LABEL * labels) + (len(columns) - 1) * _BETWEEN
    widths = [max(_outline(box, ratio)[0] for box in boxes) for boxes in columns]
    heights = [sum(_outline(box, ratio)[1] for box in boxes) for boxes in columns]
    return max(sum(widths) / (WIDTH - words), max(heights) / _MOST)


def _height(columns: Sequence[Sequence[Volume]], ratio: float, inch: float) -> float:
    """Of the figure, in pixels."""
    highest = max(sum(_pitch(box, ratio, inch) for box in boxes) for boxes in columns)
    return highest + (_TITLE + 2 * _GAP + _FOOT) * inch


def _draw_slab(axes: Axes, x: float, middle: float, box: Volume, ratio: float) -> None:
    """A slab seen from the right and above: front (width by thickness), top and right side."""
    height = _outline(box, ratio)[1]
    color = COLOURS["vermilion"] if _is_vector(box) else COLOURS["sky"]
    if box.name == "input":
        color = COLOURS["yellow"]
    if _is_vector(box):
        length = max(box.channels / ratio, 1.5)  # what is shorter could not be seen
        axes.plot(
            [x, x + length], [middle, middle], color=color, lw=3, ls="-", solid_capstyle="butt"
        )
        return
    base = np.array([x, middle - height / 2])
    across, up = np.array([box.width, 0]), np.array([0, box.channels / ratio])
    back = np.array([1, 1]) * box.height * _DEPTH
    top_left, corner = base + up, base + across + up
    faces = [
        ([base, base + across, corner, top_left], 0.0),
        ([top_left, corner, corner + back, top_left + back], 0.55),
        ([base + across, base + across + back, corner + back, corner], -0.15),
    ]
    for points, light in faces:
        shade, edge = _shade(color, light), COLOURS["ink"]
        axes.add_patch(Polygon(points, closed=True, facecolor=shade, edgecolor=edge, linewidth=0.5))


def _shade(color: str, light: float) -> tuple[float, ...]:
    """Mix a colour with white (light > 0) or black (light < 0)."""
    rgb = np.array(to_rgb(color))
    mixed = rgb + (1 - rgb) * light if light > 0 else rgb * (1 + light)
    return tuple(float(part) for part in mixed)
