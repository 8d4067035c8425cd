"""What several banks of this exercise need: ways to get the spread and the divisor wrong."""

from collections.abc import Callable

import numpy as np

from autograder.setting.bank import Bank

# Hints that several share

POPULATION = "The population variance is asked for: divide by the count, not by one less."
ROOT_MISSING = "The root is missing: divide by the root of the variance plus epsilon."
FROM_THE_MEAN = (
    "A variance is the mean of the squared distances from the mean: here the squares are of the "
    "values as they are."
)
NOT_CENTRED = "The mean is not subtracted; subtract it before you divide."
OUTSIDE = "The epsilon is added to the variance, under the root: here it is added to the root."
LARGER = (
    "The epsilon is added to the variance, always: here it is a lower bound of what is divided by."
)


def divided(
    x, axes, epsilon, mean=np.mean, variance=np.var, divisor=lambda v, e: np.sqrt(v + e), keep=True
):
    """`x` normalised over `axes`, the mean, the variance or the divisor taken otherwise.

    `mean` and `variance` are called as NumPy's are, `divisor` with variance and epsilon.
    """
    centre = mean(x, axis=axes, keepdims=keep)
    return (x - centre) / divisor(variance(x, axis=axes, keepdims=keep), epsilon)


def sample_variance(x, axis, keepdims):
    return np.var(x, axis=axis, keepdims=keepdims, ddof=1)


def mean_square(x, axis, keepdims):
    return np.mean(x**2, axis=axis, keepdims=keepdims)


def squared_deviation(x, axis, keepdims):
    """The square of the mean distance from the mean."""
    distance = np.abs(x - np.mean(x, axis=axis, keepdims=True))
    return np.mean(distance, axis=axis, keepdims=keepdims) ** 2


def sum_of_squares(x, axis, keepdims):
    """The squared distances added up, not averaged."""
    return np.sum((x - np.mean(x, axis=axis, keepdims=True)) ** 2, axis=axis, keepdims=keepdims)


def squared_range(x, axis, keepdims):
    return np.ptp(x, axis=axis, keepdims=keepdims) ** 2


def zero(x, axis, keepdims):
    """A mean that is none."""
    return 0.0


def note_divisors(bank: Bank, build: Callable) -> None:
    """Note wrong ways to divide: `build` takes the task's arguments and a `divisor`."""
    bank.variant(
        "epsilon_missing",
        "The epsilon is missing: it is added to the variance.",
        build,
        divisor=lambda v, e: np.sqrt(v),
    )
    bank.variant("epsilon_outside", OUTSIDE, build, divisor=lambda v, e: np.sqrt(v) + e)
    bank.variant(
        "roots_added",
        "One root of the sum is asked for: here the roots of variance and epsilon are added.",
        build,
        divisor=lambda v, e: np.sqrt(v) + np.sqrt(e),
    )
    bank.variant(
        "epsilon_squared",
        "The epsilon is added as it is, not squared.",
        build,
        divisor=lambda v, e: np.sqrt(v + e**2),
    )
    bank.variant(
        "epsilon_twice",
        "The epsilon is added twice.",
        build,
        divisor=lambda v, e: np.sqrt(v + 2 * e),
    )
    bank.variant(
        "epsilon_on_both_sides",
        "The epsilon is added once, to the variance; here it is added to the root as well.",
        build,
        divisor=lambda v, e: np.sqrt(v + e) + e,
    )
    bank.variant(
        "epsilon_subtracted",
        "The epsilon is added to the variance, not subtracted from it.",
        build,
        divisor=lambda v, e: np.sqrt(v - e),
    )
    bank.variant("larger_variance", LARGER, build, divisor=lambda v, e: np.sqrt(np.maximum(v, e)))
    bank.variant("larger_root", LARGER, build, divisor=lambda v, e: np.maximum(np.sqrt(v), e))
    bank.variant("root_missing", ROOT_MISSING, build, divisor=lambda v, e: v + e)
    bank.variant(
        "root_twice",
        "One root is taken, of variance plus epsilon: is it the standard deviation that stands "
        "under your root?",
        build,
        divisor=lambda v, e: np.sqrt(np.sqrt(v) + e),
    )
    bank.variant(
        "multiplied",
        "The distance from the mean is divided by the root, not multiplied with it.",
        build,
        divisor=lambda v, e: 1 / np.sqrt(v + e),
    )
    bank.variant(
        "only_centred",
        "The mean is subtracted, but nothing is divided by the spread.",
        build,
        divisor=lambda v, e: 1.0,
    )


def note_variances(bank: Bank, build: Callable) -> None:
    """Note what is no variance: `build` takes the task's arguments and a `variance`."""
    bank.variant("of_a_sample", POPULATION, build, variance=sample_variance)
    bank.variant("mean_of_squares", FROM_THE_MEAN, build, variance=mean_square)
    bank.variant(
        "mean_deviation",
        "The spread is the root of the mean of *squared* distances from the mean, not the mean of "
        "their sizes.",
        build,
        variance=squared_deviation,
    )
    bank.variant(
        "squares_added",
        "A variance is the *mean* of the squared distances: here they are only added up.",
        build,
        variance=sum_of_squares,
    )
    bank.variant(
        "by_range",
        "Divide by the root of variance plus epsilon, not by how far the largest value lies from "
        "the smallest.",
        build,
        variance=squared_range,
    )


def note_means(bank: Bank, build: Callable) -> None:
    """Note what is subtracted in place of the mean: `build` takes a `mean` and a `variance`."""
    bank.variant("not_centred", NOT_CENTRED, build, mean=zero)
    bank.variant(
        "mean_added",
        "The mean is subtracted, not added.",
        build,
        mean=lambda x, axis, keepdims: -np.mean(x, axis=axis, keepdims=keepdims),
    )
    bank.variant(
        "sum_subtracted",
        "The mean is subtracted: here the sum is, not divided by the count.",
        build,
        mean=np.sum,
    )
    bank.variant(
        "root_mean_square",
        "This divides by the root mean square (RMS normalisation): here the mean is subtracted "
        "first, and the variance is measured from it.",
        build,
        mean=zero,
        variance=mean_square,
    )
