"""Anchors: boxes of a few sizes and shapes at every cell of a map; SSD's default boxes; priors.

Sources: Ren et al. 2015, arXiv:1506.01497, section 3.1.1; Liu et al. 2016, arXiv:1512.02325,
section 2.2 (default boxes); Redmon and Farhadi 2016, arXiv:1612.08242, section 2 (priors).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


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
    cells = np.moveaxis(np.mgrid[:height, :width], 0, -1).reshape(-1, 1, 2)
    centres = (cells + 0.5) * stride
    return np.concatenate([centres - half, centres + half], -1).reshape(-1, 4).astype(np.float32)


def default_boxes(
    sizes: Sequence[int], scales: Sequence[float], ratios: Sequence[Sequence[float]]
) -> NDArray[np.float32]:
    """Return SSD's default boxes of all its maps, relative to the picture.

    Args:
        sizes: cells along each side of a map, one number a map.
        scales: sides of the square boxes, as parts of the picture's side, one more than maps.
        ratios: for each map a list of widths divided by heights (`make_anchors` has heights divided
            by widths), 1 first.

    Returns:
        float32 (N, 4) as (cy, cx, h, w), not cut off at the border: map by map, row by row, in a
        cell ratio by ratio; but second, after the box of ratio 1, a square whose side is the
        geometric mean of this map's scale and the next one's.

    Raises:
        ValueError: if the numbers do not go together.
    """
    if not (len(scales) == len(sizes) + 1 and len(ratios) == len(sizes)):
        raise ValueError(
            f"{len(sizes)} maps want {len(sizes) + 1} scales and {len(sizes)} lists of ratios, "
            f"not {len(scales)} and {len(ratios)}."
        )
    if any(len(of_map) == 0 or of_map[0] != 1 for of_map in ratios):
        raise ValueError("Each map's ratios begin with 1: the extra square box comes after it.")
    parts = []
    for size, scale, after, of_map in zip(sizes, scales, scales[1:], ratios, strict=False):
        root = np.sqrt(np.asarray(of_map, float))
        sides = np.stack([scale / root, scale * root], -1)
        sides = np.insert(sides, 1, np.sqrt(scale * after), axis=0)  # (boxes of a cell, 2)
        centres = (np.moveaxis(np.mgrid[:size, :size], 0, -1).reshape(-1, 1, 2) + 0.5) / size
        shape = (size * size, len(sides), 2)
        both = [np.broadcast_to(centres, shape), np.broadcast_to(sides, shape)]
        parts.append(np.concatenate(both, -1).reshape(-1, 4))
    return np.concatenate(parts).astype(np.float32)


def anchor_priors(
    sizes: ArrayLike, count: int | None = None, start: ArrayLike | None = None, seed: int = 0
) -> NDArray[np.float64]:
    """Return typical sizes of boxes: k-means under the distance 1 - IoU.

    The intersection over union is that of boxes laid centre on centre. A centre is the mean of its
    cluster; one whose cluster is empty stays where it was; it ends when no size changes its
    cluster.

    Args:
        sizes: heights and widths (N, 2), above 0.
        count: how many; may be left out where `start` is given.
        start: (count, 2), the centres to start from; else sizes drawn at random, all different.
        seed: of that draw.

    Returns:
        (count, 2), in the order of `start`.

    Raises:
        ValueError: if a size is not above 0, or there are fewer sizes than centres to draw.

    Source: Redmon and Farhadi 2016, arXiv:1612.08242, section 2, "Dimension clusters".
    """
    known = np.asarray(sizes, float).reshape(-1, 2)
    if not (len(known) and (known > 0).all()):
        raise ValueError("The sizes are heights and widths above 0, at least one of them.")
    if start is None:
        different = np.unique(known, axis=0)
        if count is None or not 1 <= count <= len(different):
            raise ValueError(f"count is {count}: there are {len(different)} different sizes.")
        rng = np.random.default_rng(seed)
        start = different[rng.choice(len(different), count, replace=False)]
    centres = np.array(start, float)
    if centres.ndim != 2 or centres.shape[1] != 2 or count not in (None, len(centres)):
        raise ValueError(f"start has the shape {centres.shape}: give one (h, w) a cluster.")
    cluster = np.full(len(known), -1)
    while True:
        nearest = size_iou(known, centres).argmax(1)
        if (nearest == cluster).all():
            return centres
        cluster = nearest
        for k in range(len(centres)):
            if (cluster == k).any():
                centres[k] = known[cluster == k].mean(0)


def size_iou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Return the intersection over union (N, M) of sizes (N, 2) and (M, 2), centre on centre."""
    first, second = np.asarray(a, float)[:, np.newaxis], np.asarray(b, float)
    shared = np.minimum(first, second).prod(-1)
    return shared / (first.prod(-1) + second.prod(-1) - shared)
