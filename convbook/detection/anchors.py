"""Anchors: boxes of a few sizes and shapes at every cell of a map.

Source: Ren et al. 2015, arXiv:1506.01497, section 3.1.1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def make_anchors(
    height: int, width: int, stride: float, scales: Sequence[float], ratios: Sequence[float]
) -> NDArray[np.float32]:
    """Return the anchors of a feature map, as constants.

    Args:
        height: of the map, in cells.
        width: of the map, in cells.
        stride: pixels of the picture from cell to cell.
        scales: sides, in pixels, of the square whose area an anchor has.
        ratios: heights divided by widths.

    Returns:
        float32 (height * width * S * R, 4) as (y1, x1, y2, x2) in pixels: row by row, in a cell
        scale by scale, in a scale ratio by ratio, each centred on the centre of its cell. They
        reach over the picture's border.

    Raises:
        ValueError: if a number is not above 0.
    """
    numbers = [height, width, stride, *scales, *ratios]
    if not (len(scales) and len(ratios) and min(numbers) > 0):
        raise ValueError(
            "Anchors want heights, widths, strides, scales and ratios above 0, at least one of "
            f"each, not {height}, {width}, {stride}, {list(scales)} and {list(ratios)}."
        )
    root = np.sqrt(np.asarray(ratios, float))
    side = np.asarray(scales, float)[:, np.newaxis]
    half = np.stack([side * root, side / root], -1).reshape(-1, 2) / 2  # (S * R, 2)
    cells = np.stack(np.mgrid[:height, :width], -1).reshape(-1, 1, 2)
    centres = (cells + 0.5) * stride
    return np.concatenate([centres - half, centres + half], -1).reshape(-1, 4).astype(np.float32)
