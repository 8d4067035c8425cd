"""The map in which an answer went wrong, beside the one expected."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autograder.data.observation import Array, Plain
from autograder.judging.differences import close

SMALLEST = 3  # rows and columns of a map that is worth drawing


class Picture(Plain):
    """Arrays that show where an answer went wrong."""

    caption: str
    expected: Array
    found: Array


def picture_of(
    caption: str, expected: Sequence[np.ndarray], found: Sequence[np.ndarray], tolerance: float
) -> Picture | None:
    """The first map that differs, where the result has two sides worth drawing."""
    for a, b in zip(expected, found, strict=False):
        if a.shape != b.shape or a.dtype.kind != "f" or not _has_maps(a):
            continue
        for one, other in zip(_maps(a), _maps(b), strict=True):
            if not close(one, other, tolerance).all():
                return Picture(caption=caption, expected=Array.of(one), found=Array.of(other))
    return None


def _has_maps(array: np.ndarray) -> bool:
    return array.ndim >= 2 and min(array.shape[-3:][:2]) >= SMALLEST


def _maps(array: np.ndarray) -> list[np.ndarray]:
    """The maps of an array: itself, or its channels, of the first sample of a batch."""
    if array.ndim == 2:
        return [array]
    sample = array.reshape(-1, *array.shape[-3:])[0]
    return [sample[..., channel] for channel in range(sample.shape[-1])]
