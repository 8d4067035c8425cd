"""Answers to `rotation_matrix`, right and wrong."""

import math

import numpy as np
import scipy.linalg
from keras import ops
from scipy.spatial.transform import Rotation

from autograder.setting.bank import Bank

from ..tasks import rotation_matrix, turn

bank = Bank(rotation_matrix)


# Right answers


@bank.accepted
def three_matrices(roll, pitch, yaw):
    c, s = np.cos, np.sin
    x = np.array([[1, 0, 0], [0, c(pitch), -s(pitch)], [0, s(pitch), c(pitch)]])
    y = np.array([[c(yaw), 0, s(yaw)], [0, 1, 0], [-s(yaw), 0, c(yaw)]])
    z = np.array([[c(roll), -s(roll), 0], [s(roll), c(roll), 0], [0, 0, 1]])
    return z @ y @ x


@bank.accepted
def number_by_number(roll, pitch, yaw):
    cr, sr = math.cos(roll), math.sin(roll)
    cp, sp = math.cos(pitch), math.sin(pitch)
    cy, sy = math.cos(yaw), math.sin(yaw)
    return [
        [cr * cy, cr * sy * sp - sr * cp, cr * sy * cp + sr * sp],
        [sr * cy, sr * sy * sp + cr * cp, sr * sy * cp - cr * sp],
        [-sy, cy * sp, cy * cp],
    ]


@bank.accepted
def with_scipy(roll, pitch, yaw):
    """Small letters: axes that stay where they are, x first."""
    return Rotation.from_euler("xyz", [pitch, yaw, roll]).as_matrix()


@bank.accepted
def axes_that_turn_along(roll, pitch, yaw):
    return Rotation.from_euler("ZYX", [roll, yaw, pitch]).as_matrix()


@bank.accepted
def by_exponentials(roll, pitch, yaw):
    """A rotation is the exponential of a skew matrix."""
    result = np.eye(3)
    for axis, angle in ((2, roll), (1, yaw), (0, pitch)):
        across = np.cross(np.eye(3), np.eye(3)[axis] * angle)
        result = result @ scipy.linalg.expm(across)
    return result


@bank.accepted
def by_quaternions(roll, pitch, yaw):
    def product(a, b):
        w, v = a[0] * b[0] - a[1:] @ b[1:], a[0] * b[1:] + b[0] * a[1:] + np.cross(a[1:], b[1:])
        return np.array([w, *v])

    q = np.array([1.0, 0, 0, 0])
    for axis, angle in ((2, roll), (1, yaw), (0, pitch)):
        q = product(q, np.array([np.cos(angle / 2), *(np.sin(angle / 2) * np.eye(3)[axis])]))

    def rotated(vector):
        pure = np.array([0.0, *vector])
        return product(product(q, pure), q * [1, -1, -1, -1])[1:]

    return np.stack([rotated(column) for column in np.eye(3)], axis=1)


@bank.accepted
def columns_turned(roll, pitch, yaw):
    """Each axis is turned about x, then y, then z, and becomes a column."""
    columns = []
    for x, y, z in np.eye(3):
        y, z = y * np.cos(pitch) - z * np.sin(pitch), y * np.sin(pitch) + z * np.cos(pitch)
        x, z = x * np.cos(yaw) + z * np.sin(yaw), z * np.cos(yaw) - x * np.sin(yaw)
        x, y = x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll)
        columns.append([x, y, z])
    return np.array(columns).T


@bank.accepted
def with_ops(roll, pitch, yaw):
    def about(axis, angle):
        ahead = ops.eye(3)[axis]
        across = ops.cross(ops.eye(3), ahead)
        return (
            ops.cos(angle) * ops.eye(3)
            + ops.sin(angle) * across
            + (1 - ops.cos(angle)) * ops.outer(ahead, ahead)
        )

    return ops.convert_to_numpy(about(2, roll) @ about(1, yaw) @ about(0, pitch))


# Wrong answers: the product with some of its parts exchanged


def product(roll, pitch, yaw, order="zyx", signs=(1, 1, 1), after=None, scale=1.0):
    """Turns in an order, with signs for the turns about x, y and z."""
    turns = {
        "x": turn(scale * signs[0] * pitch, 1, 2),
        "y": turn(scale * signs[1] * yaw, 2, 0),
        "z": turn(scale * signs[2] * roll, 0, 1),
    }
    result = turns[order[0]] @ turns[order[1]] @ turns[order[2]]
    return after(result) if after else result


# The order

for order in ("xyz", "xzy", "yxz", "yzx", "zxy"):
    bank.variant(
        f"order_{order}",
        "The order is Rz @ Ry @ Rx, the turn about x first; here it is "
        f"{' @ '.join('R' + axis for axis in order)}.",
        product,
        order=order,
    )

# Which way round

bank.variant(
    "transposed",
    "This is the transpose, which turns back: for row vectors, or for axes in place of vectors.",
    product,
    after=np.transpose,
)
bank.variant(
    "all_left_handed",
    "All three turns go the other way round: from y to z, from z to x and from x to y they are "
    "positive.",
    product,
    signs=(-1, -1, -1),
)
for place, (axis, angle, words) in enumerate(
    (("x", "pitch", "y to z"), ("y", "yaw", "z to x"), ("z", "roll", "x to y"))
):
    bank.variant(
        f"{angle}_left_handed",
        f"The turn about {axis} goes the other way round: a positive {angle} turns from {words}.",
        product,
        signs=tuple(-1 if n == place else 1 for n in range(3)),
    )

# Which angle belongs to which axis

for name, hint, chosen in (
    ("roll_about_x", "Roll turns about z, yaw about y and pitch about x; here roll turns about x, "
     "pitch about y and yaw about z, as of an aeroplane.", lambda r, p, y: (y, r, p)),
    ("roll_and_pitch_exchanged", "Roll turns about z and pitch about x; here they are exchanged.",
     lambda r, p, y: (p, r, y)),
    ("pitch_and_yaw_exchanged", "Pitch turns about x and yaw about y; here they are exchanged.",
     lambda r, p, y: (r, y, p)),
    ("roll_and_yaw_exchanged", "Roll turns about z and yaw about y; here they are exchanged.",
     lambda r, p, y: (y, p, r)),
    ("turned_about_the_next", "Roll turns about z, pitch about x and yaw about y; here each turns "
     "about another axis: roll about y, pitch about z, yaw about x.", lambda r, p, y: (p, y, r)),
    ("without_roll", "The roll is missing: it turns about z.", lambda r, p, y: (0, p, y)),
    ("without_pitch", "The pitch is missing: it turns about x.", lambda r, p, y: (r, 0, y)),
    ("without_yaw", "The yaw is missing: it turns about y.", lambda r, p, y: (r, p, 0)),
):  # fmt: skip
    bank.variant(
        name, hint, lambda roll, pitch, yaw, chosen=chosen: product(*chosen(roll, pitch, yaw))
    )

# Angles and numbers

bank.variant(
    "degrees",
    "The angles are in radians; here they are taken for degrees.",
    product,
    scale=np.pi / 180,
)
bank.variant(
    "into_degrees",
    "The angles are in radians; here they are turned into degrees first.",
    product,
    scale=180 / np.pi,
)
bank.variant(
    "half_angles",
    "The sines and cosines are those of the angles; here they are of half of them.",
    product,
    scale=0.5,
)
bank.variant(
    "one_turn_about_an_axis",
    "The three turns come one after the other; here one turn is made about the axis that the "
    "angles make together.",
    lambda roll, pitch, yaw: Rotation.from_rotvec([pitch, yaw, roll]).as_matrix(),
)
bank.variant(
    "turns_added",
    "The three matrices are multiplied; here what they change is added.",
    lambda roll, pitch, yaw: turn(roll, 0, 1) + turn(yaw, 2, 0) + turn(pitch, 1, 2) - 2 * np.eye(3),
)
bank.variant(
    "multiplied_by_elements",
    "The matrices are multiplied by `*`, number by number; a product of matrices is `@`.",
    lambda roll, pitch, yaw: turn(roll, 0, 1) * turn(yaw, 2, 0) * turn(pitch, 1, 2),
)
bank.variant(
    "small_angles",
    "This holds for small angles alone: sines and cosines are missing.",
    lambda roll, pitch, yaw: np.array([[1, -roll, yaw], [roll, 1, -pitch], [-yaw, pitch, 1.0]]),
)
bank.variant(
    "sines_and_cosines_exchanged",
    "Sines and cosines are exchanged: without a turn the matrix has ones on its diagonal.",
    lambda roll, pitch, yaw: product(*(np.pi / 2 - a for a in (roll, pitch, yaw))),
)
bank.variant(
    "with_a_shift",
    "The matrix is (3, 3): there is no shift beside the rotation.",
    product,
    after=lambda matrix: scipy.linalg.block_diag(matrix, 1.0),
)
bank.variant(
    "quaternion",
    "A matrix is asked for; this is a quaternion.",
    product,
    after=lambda matrix: Rotation.from_matrix(matrix).as_quat(),
)
bank.variant(
    "nine_numbers",
    "The numbers are right, but in one row: the matrix is (3, 3).",
    product,
    after=np.ravel,
)
