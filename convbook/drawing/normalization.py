"""Which numbers share a mean and a variance, drawn on the cube of pictures, channels, positions."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Polygon
from numpy.typing import NDArray

from convbook.drawing.style import COLOURS

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
