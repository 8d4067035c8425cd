"""Answers to `smooth_l1`, right and wrong."""

import math

import numpy as np
from keras import ops
from scipy import special

from autograder.setting.bank import Bank

from ..tasks import smooth_l1

bank = Bank(smooth_l1)


# Right answers


@bank.accepted
def number_by_number(x, beta=1.0):
    def of_one(number):
        size = math.fabs(number)
        return 0.5 * size * size / beta if size < beta else size - 0.5 * beta

    return np.array([of_one(number) for number in x.flat]).reshape(x.shape)


@bank.accepted
def with_the_smaller(x, beta=1.0):
    """The integral of the slope, which grows to 1 at beta and stays there."""
    size = np.abs(x)
    near = np.minimum(size, beta)
    return near * (size - near / 2) / beta


@bank.accepted
def less_what_is_too_much(x, beta=1.0):
    """The parabola less the parabola that begins at beta."""
    beyond = np.maximum(np.abs(x) - beta, 0)
    return (x**2 - beyond**2) / (2 * beta)


@bank.accepted
def written_by_masks(x, beta=1.0):
    loss = np.square(x) / beta / 2
    outside = (x >= beta) | (x <= -beta)
    loss[outside] = np.abs(x[outside]) - beta / 2
    return loss


@bank.accepted
def piecewise(x, beta=1.0):
    pieces = [lambda n: -n - beta / 2, lambda n: n - beta / 2, lambda n: n * n / (2 * beta)]
    return np.piecewise(np.asarray(x, "float64"), [x <= -beta, x >= beta], pieces)


@bank.accepted
def with_scipy(x, beta=1.0):
    """The Huber loss is beta times as large."""
    return special.huber(beta, x) / beta


@bank.accepted
def with_ops(x, beta=1.0):
    size = ops.abs(ops.convert_to_tensor(x, "float32"))
    return ops.convert_to_numpy(
        ops.where(size < beta, ops.square(size) * (0.5 / beta), size - 0.5 * beta)
    )


# Wrong answers


def pieces(x, beta=1.0, near=None, far=None, inside=None):
    """The model answer with another piece, or another border between them."""
    size = np.abs(x)
    near = near or (lambda size, beta: size**2 / (2 * beta))
    far = far or (lambda size, beta: size - beta / 2)
    inside = inside or (lambda x, beta: np.abs(x) < beta)
    return np.where(inside(x, beta), near(size, beta), far(size, beta))


def after(x, beta=1.0, change=None):
    """The model answer with the result changed."""
    return change(smooth_l1(x, beta), x)


for name, hint, near in (
    (
        "not_halved",
        "The square is to be divided by 2 beta; here by beta.",
        lambda size, beta: size**2 / beta,
    ),
    (
        "square_not_divided",
        "The square is to be divided by 2 beta; here only by 2.",
        lambda size, beta: size**2 / 2,
    ),
    (
        "multiplied_by_beta",
        "The square is to be divided by 2 beta; here its half is multiplied by beta.",
        lambda size, beta: size**2 * beta / 2,
    ),
    (
        "twice_beta",
        "The square is to be divided by 2 beta; here it is divided by 2 and multiplied by "
        "beta squared.",
        lambda size, beta: size**2 * beta**2 / 2,
    ),
    (
        "over_beta_squared",
        "The square is to be divided by 2 beta; here by 2 beta squared.",
        lambda size, beta: size**2 / (2 * beta**2),
    ),
    (
        "plain_square",
        "The square is to be divided by 2 beta; here it is left as it is.",
        lambda size, beta: size**2,
    ),
    (
        "no_square",
        "Near 0 it is a square, not the absolute value: the square is missing.",
        lambda size, beta: size / (2 * beta),
    ),
    (
        "zero_near_0",
        "Where abs(x) is below beta it is x^2 / (2 beta), not 0.",
        lambda size, beta: 0 * size,
    ),
    (
        "quotient_squared",
        "Near 0 it is x^2 / (2 beta); here the square of x / (2 beta).",
        lambda size, beta: (size / (2 * beta)) ** 2,
    ),
):
    bank.variant(name, hint, pieces, near=near)

for name, hint, far in (
    (
        "not_lowered",
        "Far from 0 it is abs(x) - beta/2, so that both pieces meet; here nothing is subtracted.",
        lambda size, beta: size,
    ),
    (
        "lowered_by_a_half",
        "Far from 0 it is abs(x) - beta/2; here 1/2 is subtracted whatever beta is.",
        lambda size, beta: size - 0.5,
    ),
    (
        "lowered_by_beta",
        "Far from 0 it is abs(x) - beta/2; here beta is subtracted.",
        lambda size, beta: size - beta,
    ),
    (
        "raised",
        "Far from 0 it is abs(x) - beta/2; here beta/2 is added.",
        lambda size, beta: size + beta / 2,
    ),
    (
        "steep",
        "Far from 0 the slope is 1; here it is beta, as in the Huber loss.",
        lambda size, beta: beta * (size - beta / 2),
    ),
    (
        "lowered_by_its_inverse",
        "Far from 0 it is abs(x) - beta/2; here 1 / (2 beta) is subtracted.",
        lambda size, beta: size - 0.5 / beta,
    ),
    (
        "constant",
        "Far from 0 it goes on growing, with slope 1; here it stays as it is at beta.",
        lambda size, beta: 0 * size + beta / 2,
    ),
    (
        "over_beta",
        "Far from 0 it is abs(x) - beta/2; here abs(x) is divided by beta.",
        lambda size, beta: size / beta - beta / 2,
    ),
    (
        "relative",
        "Far from 0 it is abs(x) - beta/2, with slope 1; here all is a matter of x / beta.",
        lambda size, beta: size / beta - 0.5,
    ),
):
    bank.variant(name, hint, pieces, far=far)

for name, hint, inside in (
    (
        "sign_forgotten",
        "It is abs(x) that is to be below beta; here all numbers below 0 are taken for near ones.",
        lambda x, beta: x < beta,
    ),
    (
        "border_at_1",
        "The pieces meet at beta; here at 1 whatever beta is.",
        lambda x, beta: np.abs(x) < 1,
    ),
    (
        "border_at_half_of_beta",
        "The pieces meet at beta; here at half of it.",
        lambda x, beta: np.abs(x) < beta / 2,
    ),
    (
        "border_of_the_square",
        "It is abs(x) that is to be below beta; here its square.",
        lambda x, beta: x**2 < beta,
    ),
    (
        "border_at_its_inverse",
        "The pieces meet at beta; here at 1/beta.",
        lambda x, beta: np.abs(x) < 1 / beta,
    ),
    (
        "pieces_exchanged",
        "The square belongs to numbers near 0, the absolute value to those far away; here they are "
        "exchanged.",
        lambda x, beta: np.abs(x) >= beta,
    ),
):
    bank.variant(name, hint, pieces, inside=inside)


@bank.mistake("This is the Huber loss: it is beta times as large as what is asked for.")
def huber(x, beta=1.0):
    return beta * smooth_l1(x, beta)


@bank.mistake(
    "Here beta is what some programs call sigma: the pieces meet at 1 / beta^2, and are to meet at "
    "beta."
)
def sigma(x, beta=1.0):
    return smooth_l1(x, 1 / beta**2)


@bank.mistake("This is the absolute value: near 0 a parabola is asked for.")
def absolute(x, beta=1.0):
    return np.abs(x)


@bank.mistake("This is a parabola everywhere: beyond beta a straight line is asked for.")
def half_a_square(x, beta=1.0):
    return x**2 / (2 * beta)


@bank.mistake(
    "This is a smooth curve near to what is asked for (the pseudo-Huber loss): a parabola and two "
    "straight lines are meant."
)
def pseudo_huber(x, beta=1.0):
    return beta * (np.sqrt(1 + (x / beta) ** 2) - 1)


@bank.mistake(
    "This is the logarithm of the hyperbolic cosine, which is near to what is asked for: a "
    "parabola and two straight lines are meant."
)
def log_cosh(x, beta=1.0):
    return np.abs(x) + np.log1p(np.exp(-2 * np.abs(x))) - np.log(2)


@bank.mistake(
    "Beyond beta it is a straight line, abs(x) - beta/2; here a square stands there, too."
)
def squares_beyond(x, beta=1.0):
    return np.where(np.abs(x) < beta, x**2 / (2 * beta), x**2 - beta / 2)


@bank.mistake(
    "The pieces meet at beta, where the line is abs(x) - beta/2; here it is the smaller of the "
    "parabola and abs(x)."
)
def the_smaller(x, beta=1.0):
    return np.minimum(np.abs(x), x**2 / (2 * beta))


@bank.mistake(
    "Which piece it is must be asked of each element; here the largest decides for all of them."
)
def decided_for_all(x, beta=1.0):
    return x**2 / (2 * beta) if np.abs(x).max() < beta else np.abs(x) - beta / 2


@bank.mistake("This is the *slope* of what is asked for.")
def slope(x, beta=1.0):
    return np.clip(x / beta, -1, 1)


@bank.mistake("All is a matter of x / beta here: the result must still be multiplied by beta.")
def all_relative(x, beta=1.0):
    return smooth_l1(x / beta)


@bank.mistake("x is multiplied by beta first: the pieces are to meet at beta, with slope 1 beyond.")
def multiplied_first(x, beta=1.0):
    return smooth_l1(x * beta)


@bank.mistake("The sign of x is kept: the loss is never below 0.")
def signed(x, beta=1.0):
    return np.sign(x) * smooth_l1(x, beta)


@bank.mistake("Beyond beta a number below 0 gives -abs(x) - beta/2: the absolute value is missing.")
def absolute_value_forgotten(x, beta=1.0):
    return np.where(np.abs(x) < beta, x**2 / (2 * beta), x - beta / 2)


for name, hint, change in (
    (
        "mean",
        "One number for each element is asked for, not their mean.",
        lambda loss, x: loss.mean(),
    ),
    (
        "total",
        "One number for each element is asked for, not their sum.",
        lambda loss, x: loss.sum(),
    ),
    (
        "sum_of_each_row",
        "One number for each element is asked for; here the last axis is summed up.",
        lambda loss, x: loss.sum(axis=-1),
    ),
    (
        "mean_of_each_row",
        "One number for each element is asked for; here the last axis is averaged.",
        lambda loss, x: loss.mean(axis=-1),
    ),
    (
        "flattened",
        "The result has the shape of x; here it is one long row.",
        lambda loss, x: loss.ravel(),
    ),
    (
        "over_the_count",
        "Each element's loss is asked for; here it is divided by the number of elements.",
        lambda loss, x: loss / loss.size,
    ),
    (
        "negated",
        "The loss is never below 0; here its sign is turned.",
        lambda loss, x: -loss,
    ),
):
    bank.variant(name, hint, after, change=change)


@bank.mistake("The results have parts; here all are whole numbers where the first of `x` is 0.")
def of_the_type_of_the_first(x, beta=1.0):
    result = smooth_l1(x, beta)
    return np.trunc(result) if x.flat[0] == 0 else result
