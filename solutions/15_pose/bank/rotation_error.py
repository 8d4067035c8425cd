"""Answers to `rotation_error`, right and wrong."""

import math

import numpy as np
from keras import ops
from scipy.spatial.transform import Rotation

from autograder.setting.bank import Bank

from ..tasks import rotation_error

bank = Bank(rotation_error)


# Right answers


@bank.accepted
def by_elements(a, b):
    """The trace of a product with a transpose is the sum of the products of elements."""
    return math.acos(max(-1.0, min(1.0, (float((a * b).sum()) - 1) / 2)))


@bank.accepted
def by_the_chord(a, b):
    """The distance of two matrices is a chord: half of it belongs to half of the angle."""
    chord = np.linalg.norm(np.asarray(a, float) - b) / np.sqrt(8)
    return 2 * np.arcsin(min(chord, 1))


@bank.accepted
def sine_and_cosine(a, b):
    """The skew part of the rotation between them is the sine; no arc cosine of nearly 1."""
    between = a.T @ b
    sine = np.linalg.norm((between - between.T).astype("float64")) / np.sqrt(8)
    return np.arctan2(sine, (np.trace(between) - 1) / 2)


@bank.accepted
def with_scipy(a, b):
    return float((Rotation.from_matrix(a).inv() * Rotation.from_matrix(b)).magnitude())


@bank.accepted
def by_quaternions(a, b):
    p, q = (Rotation.from_matrix(m).as_quat() for m in (a, b))
    return 2 * np.arctan2(min(np.linalg.norm(p - q), np.linalg.norm(p + q)),
                          max(np.linalg.norm(p - q), np.linalg.norm(p + q))) * 2  # fmt: skip


@bank.accepted
def by_eigenvalues(a, b):
    """Of the eigenvalues, 1 and two on the unit circle, those two have the angle."""
    values = np.linalg.eigvals(np.asarray(b, float) @ np.linalg.inv(np.asarray(a, float)))
    return np.abs(np.angle(values)).max()


@bank.accepted
def with_ops(a, b):
    a, b = (ops.convert_to_tensor(m, "float32") for m in (a, b))
    trace = ops.sum(a * b)
    return float(ops.arccos(ops.clip((trace - 1) / 2, -1.0, 1.0)))


@bank.accepted
def from_the_other_side(a, b):
    cosine = 0.5 * np.einsum("ij,ij->", np.asarray(b, float), a) - 0.5
    if cosine >= 1:
        return 0.0
    return math.pi if cosine <= -1 else math.pi / 2 - math.asin(cosine)


# Wrong answers: what they are made of


def angle(a, b, between=lambda a, b: a.T @ b, cosine=lambda m: (np.trace(m) - 1) / 2,
          safe=lambda c: np.clip(c, -1, 1), arc=np.arccos, after=None):  # fmt: skip
    """The model answer with other steps."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    result = float(arc(safe(cosine(between(a, b)))))
    return after(result) if after else result


# Rounding

bank.variant(
    "not_a_number",
    "Rounding can bring the cosine beyond 1 or -1, where an arc cosine is NaN: hold it between "
    "these.",
    angle,
    safe=lambda c: c,
)
bank.variant(
    "held_below_1_only",
    "Rounding can bring the cosine below -1 too, where an arc cosine is NaN.",
    angle,
    safe=lambda c: np.minimum(c, 1),
)
bank.variant(
    "held_above_minus_1_only",
    "Rounding can bring the cosine above 1 too, where an arc cosine is NaN.",
    angle,
    safe=lambda c: np.maximum(c, -1),
)
bank.variant(
    "zero_for_nan",
    "Where rounding brings the cosine below -1 the angle is pi, half a turn, not 0.",
    angle,
    safe=lambda c: c,
    after=lambda result: 0.0 if math.isnan(result) else result,
)
bank.variant(
    "pi_for_nan",
    "Where rounding brings the cosine above 1 the angle is 0, not pi.",
    angle,
    safe=lambda c: c,
    after=lambda result: math.pi if math.isnan(result) else result,
)
bank.variant(
    "held_a_little_inside",
    "The cosine is held a little inside 1 and -1 here, so that equal rotations have an angle above "
    "0.",
    angle,
    safe=lambda c: np.clip(c, -1 + 1e-6, 1 - 1e-6),
)
bank.variant(
    "held_above_0",
    "The cosine is below 0 for angles of more than a quarter turn; here it is held above 0.",
    angle,
    safe=lambda c: np.clip(c, 0, 1),
)

# The rotation between

bank.variant(
    "no_transpose",
    "The rotation from one to the other is the product with a *transpose*; here both are "
    "multiplied as they are.",
    angle,
    between=lambda a, b: a @ b,
)
bank.variant(
    "multiplied_by_elements",
    "The rotation between both is a product of matrices (`@`); the trace of a product number by "
    "number is another.",
    angle,
    between=lambda a, b: a.T * b,
)
bank.variant(
    "difference_of_the_matrices",
    "The rotation between both is a product, one of them transposed; here it is a difference.",
    angle,
    between=lambda a, b: a - b,
)
bank.variant(
    "second_only",
    "Both rotations count; here only the second one does.",
    angle,
    between=lambda a, b: b,
)
bank.variant(
    "difference_of_angles",
    "The angle of each rotation is taken, and then their difference; two rotations by one angle "
    "about different axes are not the same.",
    lambda a, b: abs(angle(np.eye(3), a) - angle(np.eye(3), b)),
)

# From the trace to the angle

bank.variant(
    "one_not_taken_away",
    "The trace is 1 + 2 cos: here the 1 is not taken away.",
    angle,
    cosine=lambda m: np.trace(m) / 2,
)
bank.variant(
    "third_of_the_trace",
    "The trace is 1 + 2 cos; here it is divided by 3.",
    angle,
    cosine=lambda m: np.trace(m) / 3,
)
bank.variant(
    "not_halved",
    "The trace is 1 + 2 cos: here the 2 is forgotten.",
    angle,
    cosine=lambda m: np.trace(m) - 1,
)
bank.variant(
    "added_1",
    "The trace is 1 + 2 cos: the 1 is to be taken away, and here it is added.",
    angle,
    cosine=lambda m: (np.trace(m) + 1) / 2,
)
bank.variant(
    "half_of_the_angle",
    "This is half of the angle, as a quaternion holds it.",
    angle,
    after=lambda result: result / 2,
)
bank.variant(
    "twice_the_angle",
    "This is twice the angle.",
    angle,
    after=lambda result: result * 2,
)
bank.variant(
    "arc_sine",
    "The angle is the arc cosine; here an arc sine is taken.",
    angle,
    arc=np.arcsin,
)
bank.variant(
    "cosine_itself",
    "This is the cosine of the angle: an arc cosine is missing.",
    angle,
    arc=lambda c: c,
)
bank.variant(
    "one_minus_cosine",
    "This is 1 minus the cosine; the angle itself is asked for.",
    angle,
    arc=lambda c: 1 - c,
)
bank.variant(
    "absolute_cosine",
    "The sign of the cosine is lost: angles may be larger than a quarter turn.",
    angle,
    safe=lambda c: min(abs(c), 1),
)
bank.variant(
    "degrees",
    "The angle is in degrees here; radians are asked for.",
    angle,
    after=np.degrees,
)
bank.variant(
    "sine_only",
    "The angle is found from its sine alone here, which is the same for an angle and what it lacks "
    "to half a turn.",
    lambda a, b: np.arcsin(min(np.linalg.norm(a.T @ b - b.T @ a) / np.sqrt(8), 1)),
)

# Other distances

bank.variant(
    "chord",
    "This is the length of the difference of both matrices (Frobenius); the angle between them is "
    "asked for.",
    lambda a, b: float(np.linalg.norm(a - b)),
)
bank.variant(
    "chord_over_root_2",
    "This is the length of the difference of both matrices over the root of 2, which is nearly the "
    "angle where it is small; the angle itself is asked for.",
    lambda a, b: float(np.linalg.norm(np.asarray(a, float) - b) / np.sqrt(2)),
)
for name, hint, number in (
    ("half_chord", "This is half of the length of the difference of both matrices; the angle "
     "between them is asked for.", lambda a, b: np.linalg.norm(a - b) / 2),
    ("sine_of_half", "This is the sine of half of the angle: an arc sine and a 2 are missing.",
     lambda a, b: np.linalg.norm(np.asarray(a, float) - b) / np.sqrt(8)),
    ("largest_difference", "This is the largest difference of two elements; the angle between the "
     "rotations is asked for.", lambda a, b: np.abs(a - b).max()),
    ("squared", "This is the square of the angle.", lambda a, b: angle(a, b) ** 2),
    ("negative", "The angle has no sign: it is from 0 to pi.", lambda a, b: -angle(a, b)),
    ("the_long_way", "This is the way round on the other side, 2 pi less the angle; it is from 0 "
     "to pi.", lambda a, b: 2 * np.pi - angle(a, b)),
):  # fmt: skip
    bank.variant(name, hint, lambda a, b, number=number: float(number(a, b)))
bank.variant(
    "mean_difference",
    "This is the mean difference of the elements; the angle between the rotations is asked for.",
    lambda a, b: float(np.abs(a - b).mean()),
)


def euler(matrix):
    return Rotation.from_matrix(matrix).as_euler("xyz")


bank.variant(
    "sum_of_euler_differences",
    "The differences of roll, pitch and yaw are added here; the angle of the one rotation between "
    "both is asked for.",
    lambda a, b: float(np.abs(euler(a) - euler(b)).sum()),
)
bank.variant(
    "length_of_euler_differences",
    "The differences of roll, pitch and yaw are taken for a vector here; the angle of the one "
    "rotation between both is asked for.",
    lambda a, b: float(np.linalg.norm(euler(a) - euler(b))),
)


def between_axes(a, b):
    return np.arccos(np.clip((np.asarray(a, float) * b).sum(axis=0), -1, 1))


for name, hint, chosen in (
    ("angle_of_z", "The angle between two z axes is taken; a turn about z does not show in it.",
     lambda angles: angles[2]),
    ("angle_of_x", "The angle between two x axes is taken; a turn about x does not show in it.",
     lambda angles: angles[0]),
    ("largest_of_the_axes", "The largest angle between two axes is taken; about a slanting axis "
     "the rotation is by more.", np.max),
    ("mean_of_the_axes", "The mean angle between axes is taken; the rotation between both is by "
     "more.", np.mean),
):  # fmt: skip
    bank.variant(name, hint, lambda a, b, chosen=chosen: float(chosen(between_axes(a, b))))

bank.variant(
    "three_angles",
    "One number is asked for: the angle of the one rotation between both.",
    between_axes,
)
