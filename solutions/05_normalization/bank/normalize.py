"""Answers to `normalize`, right and wrong."""

import math

import numpy as np
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import normalize
from ._shared import divided, note_divisors, note_means, note_variances

bank = Bank(normalize)


# Right


@bank.accepted
def by_distances(x, axes, epsilon=1e-5):
    distance = x - x.mean(axes, keepdims=True)
    return distance * (np.mean(distance**2, axes, keepdims=True) + epsilon) ** -0.5


@bank.accepted
def by_squares(x, axes, epsilon=1e-5):
    """The variance as the mean of squares less the square of the mean."""
    count = math.prod(x.shape[axis] for axis in axes)
    total = np.sum(x, axis=axes, keepdims=True)
    squares = np.sum(np.square(x), axis=axes, keepdims=True)
    variance = squares / count - (total / count) ** 2
    return x / np.sqrt(variance + epsilon) - total / count / np.sqrt(variance + epsilon)


@bank.accepted
def by_moments(x, axes, epsilon=1e-5):
    x = ops.convert_to_tensor(x, "float32")
    mean, variance = ops.moments(x, axes, keepdims=True)
    return (x - mean) * ops.rsqrt(variance + epsilon)


@bank.accepted
def row_by_row(x, axes, epsilon=1e-5):
    """The axes moved to the end and flattened; each row is standardised by itself."""
    ends = tuple(range(-len(axes), 0))
    moved = np.moveaxis(x, axes, ends)
    rows = moved.reshape(-1, math.prod(moved.shape[end] for end in ends))
    done = []
    for row in rows:
        mean = sum(row) / len(row)
        variance = sum((value - mean) ** 2 for value in row) / len(row)
        done.append([(value - mean) / math.sqrt(variance + epsilon) for value in row])
    return np.moveaxis(np.reshape(done, moved.shape), ends, axes)


@bank.accepted
def by_length(x, axes, epsilon=1e-5):
    """A vector divided by its length, in double precision, and the count made good."""
    centred = x - np.mean(x, axis=axes, keepdims=True)
    count = centred.size / np.mean(x, axis=axes).size
    squares = np.einsum("...,...->...", centred, centred).sum(axes, keepdims=True)
    return np.sqrt(count) * centred / np.sqrt(squares + count * epsilon)


@bank.accepted
def by_hypotenuse(x, axes, epsilon=1e-5):
    return (x - x.mean(axis=axes, keepdims=True)) / np.hypot(
        x.std(axis=axes, keepdims=True), epsilon**0.5
    )


@bank.accepted
def by_a_layer(x, axes, epsilon=1e-5):
    norm = layers.LayerNormalization(list(axes), epsilon=epsilon, center=False, scale=False)
    return ops.convert_to_numpy(norm(ops.convert_to_tensor(x, "float32")))


# Wrong: which numbers share a mean

note_divisors(bank, divided)
note_variances(bank, divided)
note_means(bank, divided)


def over(x, axes, epsilon, mine=lambda axes, ndim: axes):
    """Normalised over other axes."""
    return normalize(x, mine(axes, x.ndim), epsilon)


bank.variant(
    "over_everything",
    "Use the argument `axes`: here one mean and one variance is taken of the whole array.",
    over,
    mine=lambda axes, ndim: tuple(range(ndim)),
)
bank.variant(
    "over_the_others",
    "The means are taken over the `axes` given; here they are taken over all the others.",
    over,
    mine=lambda axes, ndim: tuple(set(range(ndim)) - set(axes)),
)
bank.variant(
    "first_axis_only",
    "The mean is over all of `axes` together; here only the first of them counts.",
    over,
    mine=lambda axes, ndim: axes[0],
)
bank.variant(
    "last_axis_only",
    "The mean is over all of `axes` together; here only the last of them counts.",
    over,
    mine=lambda axes, ndim: axes[-1],
)
bank.variant(
    "always_the_channels",
    "Use the argument `axes`: here the means are always taken over the last axis.",
    over,
    mine=lambda axes, ndim: -1,
)
bank.variant(
    "always_the_batch",
    "Use the argument `axes`: here the means are always taken over all axes but the last.",
    over,
    mine=lambda axes, ndim: tuple(range(ndim - 1)),
)
bank.variant(
    "axes_from_one",
    "The axes are counted from 0; here each of `axes` is one too few.",
    over,
    mine=lambda axes, ndim: tuple(axis - 1 for axis in axes),
)
bank.variant(
    "first_to_last",
    "The means are over the axes in `axes` and no others; here those that lie between its first "
    "and its last are taken too.",
    over,
    mine=lambda axes, ndim: tuple(range(min(axes), max(axes) + 1)),
)


@bank.mistake(
    "All numbers along `axes` share one mean and one variance; here the axes are normalised one "
    "after the other."
)
def one_after_the_other(x, axes, epsilon=1e-5):
    for axis in axes:
        x = normalize(x, axis, epsilon)
    return x


@bank.mistake(
    "The variance is that of all numbers along `axes` together; here variances along one axis are "
    "averaged over the others."
)
def mean_of_variances(x, axes, epsilon=1e-5):
    variance = np.var(x, axis=axes[0], keepdims=True).mean(axis=axes, keepdims=True)
    return (x - np.mean(x, axis=axes, keepdims=True)) / np.sqrt(variance + epsilon)


@bank.mistake("The variance is over `axes` as the mean is; here it is that of the whole array.")
def variance_of_everything(x, axes, epsilon=1e-5):
    return (x - np.mean(x, axis=axes, keepdims=True)) / np.sqrt(np.var(x) + epsilon)


@bank.mistake("The mean is over `axes` as the variance is; here it is that of the whole array.")
def mean_of_everything(x, axes, epsilon=1e-5):
    return (x - np.mean(x)) / np.sqrt(np.var(x, axis=axes, keepdims=True) + epsilon)


bank.variant(
    "averaged_axes_lost",
    "Mean and variance must lie along the axes that remain: keep those that were averaged over, "
    "with length 1.",
    divided,
    keep=False,
)


# Wrong: what is subtracted, and what is divided by


def median(x, axis, keepdims):
    return np.median(x, axis=axis, keepdims=keepdims)


def smallest(x, axis, keepdims):
    return np.min(x, axis=axis, keepdims=keepdims)


bank.variant("of_the_median", "The mean is subtracted, not the median.", divided, mean=median)
bank.variant(
    "of_the_smallest", "The mean is subtracted, not the smallest value.", divided, mean=smallest
)


@bank.mistake(
    "The result has mean 0 and variance about 1; scaling the values to lie between 0 and 1 is "
    "something else."
)
def between_0_and_1(x, axes, epsilon=1e-5):
    low, high = np.min(x, axis=axes, keepdims=True), np.max(x, axis=axes, keepdims=True)
    return (x - low) / (high - low + epsilon)


bank.variant(
    "standard_error",
    "Divide by the root of variance plus epsilon, as it is: the count of the numbers does not "
    "come in again.",
    divided,
    variance=lambda x, axis, keepdims: (
        np.var(x, axis=axis, keepdims=keepdims) * (np.mean(x, axis=axis).size / x.size)
    ),
)


@bank.mistake("The mean is subtracted from `x`; here `x` is subtracted from the mean.")
def turned_round(x, axes, epsilon=1e-5):
    return -normalize(x, axes, epsilon)


@bank.mistake("The mean is subtracted before the division, not after it.")
def divided_first(x, axes, epsilon=1e-5):
    mean = np.mean(x, axis=axes, keepdims=True)
    return x / np.sqrt(np.var(x, axis=axes, keepdims=True) + epsilon) - mean


@bank.mistake("The epsilon stands under the root; here it is added to the distance from the mean.")
def epsilon_above(x, axes, epsilon=1e-5):
    mean, variance = (f(x, axis=axes, keepdims=True) for f in (np.mean, np.var))
    return (x - mean + epsilon) / np.sqrt(variance)
