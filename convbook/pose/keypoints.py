"""Joints as maps: Gaussian targets, places read from maps, and PCK.

Points are (y, x) in pixels, NaN where a joint is outside the picture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
REFINEMENTS = ("none", "quarter", "parabola")


def cell_centres(count: int, stride: float) -> Array:
    """Return where the centres of a map's cells lie along one axis of the picture, in pixels."""
    return np.asarray((np.arange(count) + 0.5) * stride - 0.5, np.float64)


def gaussian_maps(
    points: ArrayLike, height: int, width: int, stride: float = 4, sigma: float = 1.0
) -> NDArray[np.float32]:
    """Draw a bell about each point on a map coarser than the picture.

    Args:
        points: (..., K, 2) in pixels of the picture; NaN gives a map of zeros.
        height: of the maps, in cells.
        width: of the maps, in cells.
        stride: pixels a cell.
        sigma: the bell's standard deviation, in cells.

    Returns:
        (..., height, width, K): 1 where a cell's centre lies on the point.

    Source: Tompson, Jain, LeCun and Bregler 2014, arXiv:1406.2984.
    """
    given = np.asarray(points, float) / stride
    rows, columns = (cell_centres(count, stride) / stride for count in (height, width))
    y = np.exp(-((rows[:, np.newaxis] - given[..., np.newaxis, :, 0]) ** 2) / (2 * sigma**2))
    x = np.exp(-((columns[:, np.newaxis] - given[..., np.newaxis, :, 1]) ** 2) / (2 * sigma**2))
    maps = y[..., :, np.newaxis, :] * x[..., np.newaxis, :, :]
    return np.nan_to_num(maps).astype(np.float32)


def read_maps(
    maps: ArrayLike, stride: float = 4, refine: str = "parabola"
) -> tuple[Array, NDArray[np.float64]]:
    """Read where each map's largest value lies.

    Args:
        maps: (..., H, W, K).
        stride: pixels a cell.
        refine: "none": the centre of the cell; "quarter": a quarter of a cell towards the larger
            neighbour along each axis (Newell 2016, section 3.4); "parabola": the top of the
            parabola through the logarithms of the cell and its two neighbours along each axis,
            which is exact for a Gaussian (after Zhang, Zhu, Dai, Ye and Zhu 2020,
            arXiv:1910.06278).

    Returns:
        Points (..., K, 2) in pixels, and the largest values (..., K).

    Raises:
        ValueError: for a refinement that there is not, or maps that are not finite.
    """
    values = np.asarray(maps, float)
    if refine not in REFINEMENTS:
        raise ValueError(f'There is no refinement "{refine}": choose of {", ".join(REFINEMENTS)}.')
    if values.ndim < 3 or 0 in values.shape[-3:]:
        raise ValueError(
            f"Maps are (..., height, width, joints): here the shape is {values.shape}."
        )
    if not np.isfinite(values).all():
        raise ValueError("Some values of the maps are not finite: no place can be read from them.")
    height, width, count = values.shape[-3:]
    flat = values.reshape(-1, height * width, count)
    best = flat.argmax(axis=1)
    rows, columns = best // width, best % width
    whole = values.reshape(-1, height, width, count)
    places = np.stack([rows, columns], axis=-1).astype(float)
    places += refined(whole, rows, columns, refine)
    points = (places + 0.5) * stride - 0.5
    score = flat.max(axis=1)
    return points.reshape(*values.shape[:-3], count, 2), score.reshape(*values.shape[:-3], count)


def refined(maps: Array, rows: NDArray[np.int64], columns: NDArray[np.int64], refine: str) -> Array:
    """How far from its cell's centre a peak lies, in cells: maps (N, H, W, K) to (N, K, 2).

    At the border of a map, where a neighbour is missing, that is 0 along this axis.
    """
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=np.nan)
    n, k = np.arange(len(maps))[:, np.newaxis], np.arange(maps.shape[-1])
    shift = np.zeros((len(maps), maps.shape[-1], 2))
    for axis, (down, right) in enumerate(((1, 0), (0, 1))):
        before, here, after = (
            padded[n, rows + 1 + step * down, columns + 1 + step * right, k] for step in (-1, 0, 1)
        )
        if refine == "quarter":
            shift[..., axis] = np.nan_to_num(np.sign(after - before) / 4)
        elif refine == "parabola":
            low, top, high = (np.log(np.maximum(v, 1e-6)) for v in (before, here, after))
            bend = low - 2 * top + high
            curved = bend < -1e-9  # NaN is not: a border, or a plateau
            moved = np.divide(low - high, 2 * bend, out=np.zeros_like(bend), where=curved)
            shift[..., axis] = np.clip(np.nan_to_num(moved), -0.5, 0.5)
    return shift


def relative_distances(
    points: ArrayLike, truth: ArrayLike, scales: ArrayLike, counted: ArrayLike
) -> Array:
    """Return how far found joints are from the true ones, in lengths of the figure.

    Args:
        points: found (N, K, 2) in pixels; NaN where a joint was not found, which is infinitely far.
        truth: (N, K, 2).
        scales: a length of each figure in pixels (N,), here from the neck to the hips.
        counted: which joints count (N, K), here those that can be seen.

    Returns:
        (N, K), NaN where a joint does not count.

    Raises:
        ValueError: if no joint counts, if a figure with one has no length, or a true joint that
            counts has no place.
    """
    found, true = np.asarray(points, float), np.asarray(truth, float)
    lengths, which = np.asarray(scales, float), np.asarray(counted, bool)
    shape = true.shape[:-1]
    if found.shape != true.shape or which.shape != shape or lengths.shape != shape[:1]:
        raise ValueError(
            f"Points {found.shape}, truth {true.shape}, scales {lengths.shape} and counted "
            f"{which.shape} do not fit: give (N, K, 2), (N, K, 2), (N,) and (N, K)."
        )
    if not which.any():
        raise ValueError("No joint counts: choose figures of which a joint can be seen.")
    asked = lengths[which.any(axis=1)]
    if not (np.isfinite(asked) & (asked > 0)).all():
        raise ValueError(
            "The reference length of a figure is not above 0: leave this figure out, or give "
            "another length."
        )
    if np.isnan(true[which]).any():
        raise ValueError("A joint that counts has no true place: count only joints that have one.")
    away = np.linalg.norm(found - true, axis=-1)
    away = np.where(np.isnan(away), np.inf, away)
    return np.where(which, away / np.where(lengths > 0, lengths, 1)[:, np.newaxis], np.nan)


def pck(
    points: ArrayLike,
    truth: ArrayLike,
    scales: ArrayLike,
    counted: ArrayLike,
    share: float = 0.2,
) -> float:
    """Return the percentage of correct key points, as a share of 1.

    A joint is correct if it is no further from the true one than ``share`` of the figure's length.
    Arguments and errors as in `relative_distances`.

    Source: Yang and Ramanan 2013, *Articulated human detection with flexible mixtures of parts*,
    doi:10.1109/TPAMI.2012.261; the torso as the length as in Sapp and Taskar 2013.
    """
    if not share > 0:
        raise ValueError(f"share is {share}: give a part of the figure's length, such as 0.2.")
    away = relative_distances(points, truth, scales, counted)
    return float((away[~np.isnan(away)] <= share).mean())
