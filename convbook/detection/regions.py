"""Regions of interest: a part of a feature map, of any size, as a small map of a fixed size.

Sources: Girshick 2015, arXiv:1504.08083, section 2.1 (RoI pooling); He et al. 2017,
arXiv:1703.06870, section 3 (RoIAlign); Bender and Farach-Colton 2000, *The LCA problem revisited*
(the maximum of a range from two windows).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

ROUNDINGS = ("overlapping", "disjoint")


def roi_pool(features: Any, rois: Any, size: int, rounding: str = "overlapping") -> Any:
    """Return the maxima of the size x size bins of each region.

    A region is rounded to whole cells, halves up, and cut off at the map's border; one cell of it
    is left at least. Of its h rows bin i covers floor(i h / size) to ceil((i + 1) h / size), so
    neighbours share a row where h is no multiple of size. The columns go likewise.

    Args:
        features: maps (B, H, W, C); H, W and C known.
        rois: (B, R, 4) as (y1, x1, y2, x2) in cells of the map, ends exclusive. They get no
            gradient.
        size: bins along each side.
        rounding: "overlapping" as above; or "disjoint", where bin i ends at floor((i + 1) h / size)
            where the next begins, but has a cell at least.

    Returns:
        (B, R, size, size, C).

    Raises:
        ValueError: if the rounding is not one of the two.
    """
    if rounding not in ROUNDINGS:
        raise ValueError(f"rounding is {rounding!r}: choose one of {', '.join(ROUNDINGS)}.")
    features = ops.convert_to_tensor(features)
    rois = ops.stop_gradient(ops.convert_to_tensor(rois, "float32"))
    height, width, channels = features.shape[1:]
    top, bottom = _bins(rois[..., 0], rois[..., 2], size, height, rounding)
    left, right = _bins(rois[..., 1], rois[..., 3], size, width, rounding)
    rows, columns = _levels(height, size), _levels(width, size)
    windows = _windows(features, rows, columns)  # (B, rows, columns, H, W, C)
    table = ops.reshape(windows, (-1, channels))
    high, wide = _level(bottom - top, rows), _level(right - left, columns)
    batch = ops.arange(ops.shape(features)[0], dtype="int32")[:, None, None]
    plane = (batch * rows + high)[..., :, None] * columns + wide[..., None, :]
    bottom, right = bottom - 2**high, right - 2**wide
    corners = [
        ops.take(table, (plane * height + y[..., :, None]) * width + x[..., None, :], axis=0)
        for y in (top, bottom)
        for x in (left, right)
    ]
    return ops.maximum(ops.maximum(*corners[:2]), ops.maximum(*corners[2:]))


def _bins(first: Any, last: Any, size: int, limit: int, rounding: str) -> tuple[Any, Any]:
    """First cells and ends (B, R, size), whole numbers, of the bins from `first` to `last`."""
    start = ops.cast(ops.clip(ops.floor(first + 0.5), 0, limit - 1), "int32")[..., None]
    end = ops.cast(ops.clip(ops.floor(last + 0.5), 0, limit), "int32")[..., None]
    length = ops.maximum(end - start, 1)
    number = ops.arange(size, dtype="int32")
    begin = number * length // size
    more = size - 1 if rounding == "overlapping" else 0
    stop = ops.maximum(((number + 1) * length + more) // size, begin + 1)
    return start + begin, start + stop


def _levels(limit: int, size: int) -> int:
    """How many windows, of 1, 2, 4 ... cells, the bins of regions of up to `limit` cells need."""
    longest = min(limit, -(-limit // size) + 1)
    return longest.bit_length()


def _level(length: Any, levels: int) -> Any:
    """The number of the longest window that fits into a bin of this length."""
    return sum(
        (ops.cast(length >= 2**level, "int32") for level in range(1, levels)),
        ops.zeros_like(length),
    )


def _windows(features: Any, rows: int, columns: int) -> Any:
    """Maxima of windows of 2^i x 2^j cells that begin at each cell: (B, rows, columns, H, W, C).

    Windows that would reach over the border are never asked for.
    """
    tall = [features]
    for level in range(1, rows):
        tall.append(_doubled(tall[-1], 2 ** (level - 1), axis=1))
    planes = []
    for window in tall:
        planes.append(window)
        for level in range(1, columns):
            planes.append(_doubled(planes[-1], 2 ** (level - 1), axis=2))
    stacked = ops.stack(planes, axis=1)
    return ops.reshape(stacked, (-1, rows, columns, *features.shape[1:]))


def _doubled(window: Any, step: int, axis: int) -> Any:
    """The maxima of windows twice as long, from those of windows of `step` cells."""
    length = window.shape[axis]
    here, there, rest = (
        window[:, a:b] if axis == 1 else window[:, :, a:b]
        for a, b in ((0, length - step), (step, length), (length - step, length))
    )
    return ops.concatenate([ops.maximum(here, there), rest], axis=axis)


def roi_align(features: Any, rois: Any, size: int, samples: int = 2) -> Any:
    """Return the means of bilinear samples in the size x size bins of each region.

    Nothing is rounded: a bin has samples x samples points at even spacing, and a point takes the
    bilinear mean of the four cell centres around it; cell i's centre is at i + 1/2. Beyond the
    outermost centres it takes the edge's value. (torchvision's ``roi_align`` with ``aligned=True``
    does so up to one cell from them, and takes 0 for points further out.)

    Args:
        features: maps (B, H, W, C); H, W and C known.
        rois: (B, R, 4) as (y1, x1, y2, x2) in cells of the map. They get no gradient.
        size: bins along each side.
        samples: points along each side of a bin.

    Returns:
        (B, R, size, size, C).
    """
    features = ops.convert_to_tensor(features)
    rois = ops.stop_gradient(ops.convert_to_tensor(rois, "float32"))
    how = _fetched if keras.backend.backend() == "jax" else _multiplied
    return how(features, rois, size, samples)


def _multiplied(features: Any, rois: Any, size: int, samples: int) -> Any:
    """The bins as products of matrices."""
    height, width, channels = features.shape[1:]
    down, across = _down_and_across(features, rois, size, samples)
    regions = rois.shape[1]
    # Bilinear samples and their means are separable: first all rows' means, then the columns'.
    rows = ops.matmul(
        ops.reshape(down, (-1, regions * size, height)),
        ops.reshape(features, (-1, height, width * channels)),
    )
    rows = ops.reshape(rows, (-1, regions, size, width, channels))
    return ops.matmul(across[:, :, None], rows)


def _multiplied_back(features: Any, rois: Any, size: int, samples: int, upstream: Any) -> Any:
    """The gradient for the features: the transposed products in reverse order."""
    height, width, channels = features.shape[1:]
    down, across = _down_and_across(features, rois, size, samples)
    regions = rois.shape[1]
    rows = ops.matmul(ops.swapaxes(across, -1, -2)[:, :, None], upstream)
    back = ops.matmul(
        ops.swapaxes(ops.reshape(down, (-1, regions * size, height)), -1, -2),
        ops.reshape(rows, (-1, regions * size, width * channels)),
    )
    return ops.reshape(back, ops.shape(features))


def _fetched(features: Any, rois: Any, size: int, samples: int) -> Any:
    """The same for JAX, whose compiler makes one loop of all neighbours that are fetched.

    Its way back would add cell by cell, which is slow; so the gradient is that of the products.
    """

    @ops.custom_gradient
    def align(features: Any, rois: Any) -> Any:
        def back(*given: Any, upstream: Any = None) -> Any:
            upstream = given[0] if upstream is None else upstream
            into = _multiplied_back(features, rois, size, samples, upstream)
            return into, ops.zeros_like(rois)

        return _means_of_neighbours(features, rois, size, samples), back

    return align(features, rois)


def _means_of_neighbours(features: Any, rois: Any, size: int, samples: int) -> Any:
    """The bins as sums over their points and each point's four neighbours."""
    height, width, channels = features.shape[1:]
    table = ops.reshape(features, (-1, channels))
    first = ops.arange(ops.shape(features)[0], dtype="int32")[:, None, None] * height
    total: Any = 0
    for y, down in _neighbours(rois[..., 0], rois[..., 2], size, samples, height):
        for x, across in _neighbours(rois[..., 1], rois[..., 3], size, samples, width):
            cells = (first + y)[..., :, None] * width + x[..., None, :]
            share = down[..., :, None] * across[..., None, :]
            total += ops.take(table, cells, axis=0) * ops.cast(share, features.dtype)[..., None]
    return total


def _neighbours(
    first: Any, last: Any, size: int, samples: int, limit: int
) -> Iterator[tuple[Any, Any]]:
    """Cells (B, R, size) of a line that give to the bins, and what each gives; none beyond it."""
    places = _places(first, last, size, samples, limit)
    low = ops.floor(places)
    beyond = ops.reshape(places - low, (-1, first.shape[1], size, samples)) / samples
    low = ops.reshape(ops.cast(low, "int32"), (-1, first.shape[1], size, samples))
    for sample in range(samples):
        yield low[..., sample], 1 / samples - beyond[..., sample]
        yield ops.minimum(low[..., sample] + 1, limit - 1), beyond[..., sample]


def _down_and_across(features: Any, rois: Any, size: int, samples: int) -> tuple[Any, Any]:
    """What rows (B, R, size, H) and columns (B, R, size, W) of the maps give to the bins."""
    height, width = features.shape[1:3]
    down = _weights(rois[..., 0], rois[..., 2], size, samples, height)
    across = _weights(rois[..., 1], rois[..., 3], size, samples, width)
    return ops.cast(down, features.dtype), ops.cast(across, features.dtype)


def _places(first: Any, last: Any, size: int, samples: int, limit: int) -> Any:
    """Where the points of a line are: (B, R, size * samples), cell i's centre at i."""
    points = (ops.arange(size * samples, dtype="float32") + 0.5) / (size * samples)
    places = first[..., None] + (last - first)[..., None] * points - 0.5
    return ops.clip(places, 0, limit - 1)


def _weights(first: Any, last: Any, size: int, samples: int, limit: int) -> Any:
    """What each of the cells of a line gives to each bin: (B, R, size, limit), rows of sum 1."""
    places = _places(first, last, size, samples, limit)
    far = ops.abs(places[..., None] - ops.arange(limit, dtype="float32"))
    near = ops.maximum(1 - far, 0)
    near = ops.reshape(near, (-1, first.shape[1], size, samples, limit))
    return ops.mean(near, axis=3)
