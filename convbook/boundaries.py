"""How well outlines are drawn: measures that count only what lies near a boundary.

Sources: Kohli, Ladicky and Torr 2009, *Robust higher order potentials for enforcing label
consistency*, IJCV 82 (accuracy in a band, the "trimap"); Chen et al. 2018, arXiv:1802.02611,
section 4.4 (mean IoU in it).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from convbook.segmentation import IGNORE, confusion_matrix, measures


def boundary(labels: ArrayLike) -> NDArray[np.bool_]:
    """Return the pixels with a neighbour of another class, above, below, left or right.

    Args:
        labels: (..., H, W).

    Returns:
        Of the same shape. Both sides of a boundary are marked.
    """
    known = np.asarray(labels)
    marked = np.zeros(known.shape, bool)
    for axis in (-2, -1):
        first, second = _shifted(known, axis)
        differ = first != second
        for part in _shifted(marked, axis):
            part |= differ
    return marked


def _shifted(values: NDArray[Any], axis: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """All but the last, and all but the first along an axis."""
    moved = np.moveaxis(values, axis, 0)
    return np.moveaxis(moved[:-1], 0, axis), np.moveaxis(moved[1:], 0, axis)


def boundary_band(labels: ArrayLike, width: float = 2) -> NDArray[np.bool_]:
    """Return the pixels near a boundary of the label maps.

    Args:
        labels: (..., H, W).
        width: of the band on each side, in pixels: with 1 the two pixels that touch belong to it.

    Returns:
        Of the same shape.
    """
    marked = boundary(labels)
    flat = marked.reshape(-1, *marked.shape[-2:])
    near = [
        ndimage.distance_transform_edt(~each) <= width - 1 if each.any() else each for each in flat
    ]
    return np.array(near, bool).reshape(marked.shape)


def boundary_measures(
    truth: ArrayLike, prediction: ArrayLike, classes: int, width: float = 2, ignore: int = IGNORE
) -> dict[str, float]:
    """Return the measures of Long et al. 2015 counted near the truth's boundaries only.

    Args:
        truth: labels (..., H, W).
        prediction: labels of the same shape.
        classes: number of classes.
        width: of the band on each side of a boundary, in pixels.
        ignore: pixels whose truth has this label are left out; their outlines are boundaries.

    Returns:
        ``pixel accuracy`` (the boundary accuracy), ``mean IoU`` and the others of
        ``convbook.segmentation.measures``; NaN where there is no boundary.

    Raises:
        ValueError: if the shapes differ, or a label is no class.
    """
    true = np.asarray(truth)
    inside = np.where(boundary_band(true, width), true, ignore)
    return measures(confusion_matrix(inside, prediction, classes, ignore))
