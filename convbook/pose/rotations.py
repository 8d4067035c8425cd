"""Rotations that a net can learn: three ways to write one down, and how far two are apart.

Angles are roll, pitch and yaw in radians; the rotation of column vectors is
``Rz(roll) @ Ry(yaw) @ Rx(pitch)``, as in `convbook.data.heads`. What a net gives is turned into
matrices by `keras.ops`, so that gradients go through it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

WAYS = {"angles": 3, "sine and cosine": 6, "two columns": 6}
"""How many numbers a net gives for a rotation, by the way in which it is written."""


def from_angles(angles: Any) -> Any:
    """Return the matrices (N, 3, 3) of roll, pitch and yaw (N, 3), in radians.

    Source: Euler 1776; the order of turns is that of the book's heads.
    """
    sines, cosines = ops.sin(angles), ops.cos(angles)
    return _product(*(each[:, k] for k in range(3) for each in (sines, cosines)))


def _product(sr: Any, cr: Any, sp: Any, cp: Any, sy: Any, cy: Any) -> Any:
    """The product of three turns, written out: sines and cosines of roll, pitch and yaw (N,)."""
    rows = (
        (cr * cy, cr * sy * sp - sr * cp, cr * sy * cp + sr * sp),
        (sr * cy, sr * sy * sp + cr * cp, sr * sy * cp - cr * sp),
        (-sy, cy * sp, cy * cp),
    )
    return ops.stack([ops.stack(row, axis=-1) for row in rows], axis=-2)


def gram_schmidt(numbers: Any) -> Any:
    """Make a rotation of any six numbers: (N, 6) to (N, 3, 3).

    The first three are a vector, the last three another. The first column is the first vector made
    one long; the second is what the other vector has at right angles to it, made one long; the
    third is the cross product of the two. Where a vector is zero, or both have one direction, an
    axis of the coordinates takes the missing place, so that the result is a rotation always.

    Source: Zhou, Barnes, Lu, Yang and Li 2019, arXiv:1812.07035, equation 15.
    """
    first, second = numbers[:, :3], numbers[:, 3:]
    a = _unit(first, ops.zeros_like(first) + ops.convert_to_tensor([1.0, 0.0, 0.0], first.dtype))
    across = second - ops.sum(a * second, axis=-1, keepdims=True) * a
    # Rounding leaves a little of a vector along `a`, which says nothing of another direction.
    said = _length(across) > 1e-5 * _length(second)
    axis = ops.one_hot(ops.argmin(ops.abs(a), axis=-1), 3, dtype=a.dtype)
    instead = axis - ops.sum(a * axis, axis=-1, keepdims=True) * a
    b = _unit(ops.where(said, across, instead), instead)
    return ops.stack([a, b, _cross(a, b)], axis=-1)


def _length(vectors: Any) -> Any:
    return ops.sqrt(ops.sum(vectors**2, axis=-1, keepdims=True) + 1e-30)


def _unit(vectors: Any, instead: Any) -> Any:
    """Vectors (N, 3) made one long, or others in their place where they are too short for it."""
    chosen = ops.where(_length(vectors) > 1e-12, vectors, instead)
    return chosen / _length(chosen)


def _cross(a: Any, b: Any) -> Any:
    return _rolled(a, 1) * _rolled(b, 2) - _rolled(a, 2) * _rolled(b, 1)


def _rolled(vectors: Any, steps: int) -> Any:
    return ops.roll(vectors, -steps, axis=-1)


def written(angles: ArrayLike, way: str) -> NDArray[np.float32]:
    """Write rotations down as a net is to give them.

    Args:
        angles: roll, pitch and yaw in radians (N, 3).
        way: one of `WAYS`: the angles themselves, in half turns; the sine and cosine of each; the
            first two columns of the matrix.

    Returns:
        (N, 3) or (N, 6).

    Raises:
        ValueError: for a way that there is not.
    """
    given = np.asarray(angles, np.float32)
    _known(way)
    if way == "angles":
        return (given / np.pi).astype(np.float32)
    if way == "sine and cosine":
        return np.concatenate([np.sin(given), np.cos(given)], axis=-1)
    matrices = ops.convert_to_numpy(from_angles(given))
    return np.concatenate([matrices[:, :, 0], matrices[:, :, 1]], axis=-1)


def read(numbers: Any, way: str) -> Any:
    """Turn what a net gives into rotations: (N, 3) or (N, 6) to (N, 3, 3).

    Raises:
        ValueError: for a way that there is not.
    """
    _known(way)
    if way == "two columns":
        return gram_schmidt(numbers)
    if way == "angles":
        return from_angles(numbers * np.pi)
    return from_angles(ops.arctan2(numbers[:, :3], numbers[:, 3:]))


def _known(way: str) -> None:
    if way not in WAYS:
        raise ValueError(
            f'There is no way "{way}" to write a rotation: choose of {", ".join(WAYS)}.'
        )


def geodesic(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Return by how many degrees rotations are apart: 0 to 180.

    It is the angle of the one turn that leads from one to the other. Taken from its sine and its
    cosine both, it is exact for small angles and for those near a half turn.

    Args:
        a: rotation matrices (..., 3, 3).
        b: others, of the same shape.

    Raises:
        ValueError: if these are no rotations.

    Source: Huynh 2009, *Metrics for 3D rotations*, doi:10.1007/s10851-009-0161-2.
    """
    one, other = np.asarray(a, float), np.asarray(b, float)
    if one.shape != other.shape or one.shape[-2:] != (3, 3):
        raise ValueError(f"Rotations are (..., 3, 3), both alike: here {one.shape}, {other.shape}.")
    for each in (one, other):
        product = np.swapaxes(each, -1, -2) @ each
        if not (np.abs(product - np.eye(3)) < 1e-3).all() or (np.linalg.det(each) < 0).any():
            raise ValueError("These are no rotations: their columns are not three axes.")
    turn = np.swapaxes(one, -1, -2) @ other
    sides = [turn[..., i, j] - turn[..., j, i] for i, j in ((2, 1), (0, 2), (1, 0))]
    sine = np.linalg.norm(np.stack(sides, axis=-1), axis=-1)
    return np.degrees(np.arctan2(sine, np.trace(turn, axis1=-2, axis2=-1) - 1))
