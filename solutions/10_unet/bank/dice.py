"""Answers to `dice`, right and wrong."""

import math

import numpy as np
from keras import ops

from autograder.setting.bank import Bank

from ..tasks import dice

bank = Bank(dice)


# Right


@bank.accepted
def flattened(truth, probability, epsilon=1.0):
    t, p = np.ravel(truth), np.ravel(probability)
    return float((2 * (t @ p) + epsilon) / (t.sum() + p.sum() + epsilon))


@bank.accepted
def by_loop(truth, probability, epsilon=1.0):
    overlap = total = 0.0
    for t, p in zip(truth.flat, probability.flat, strict=True):
        overlap += t * p
        total += t + p
    return (2 * overlap + epsilon) / (total + epsilon)


@bank.accepted
def with_ops(truth, probability, epsilon=1.0):
    overlap = ops.sum(ops.multiply(truth, probability))
    return (2 * overlap + epsilon) / (ops.sum(truth) + ops.sum(probability) + epsilon)


@bank.accepted
def by_hits_and_misses(truth, probability, epsilon=1.0):
    """True and false positives and false negatives, weighted by the probabilities."""
    hit = (truth * probability).sum()
    false = ((1 - truth) * probability).sum()
    missed = (truth * (1 - probability)).sum()
    return 1 - (false + missed) / (2 * hit + false + missed + epsilon)


@bank.accepted
def by_a_mask(truth, probability, epsilon=1.0):
    """The truth is 0 or 1, so the overlap is what is predicted there."""
    inside = probability[truth > 0.5]
    total = np.count_nonzero(truth) + math.fsum(probability.ravel())
    return (2 * math.fsum(inside) + epsilon) / (total + epsilon)


@bank.accepted
def by_the_smaller(truth, probability, epsilon=1.0):
    overlap = np.minimum(truth, probability).sum(dtype="float64")
    return np.float64((overlap + overlap + epsilon) / ((truth + probability).sum() + epsilon))


@bank.accepted
def by_means(truth, probability, epsilon=1.0):
    """Everything is divided by the number of pixels, epsilon too."""
    small = epsilon / truth.size
    return (2 * np.mean(truth * probability) + small) / (truth.mean() + probability.mean() + small)


@bank.accepted
def by_einsum(truth, probability, epsilon=1.0):
    axes = list(range(truth.ndim))
    overlap = np.einsum(truth, axes, probability, axes, [])
    return np.divide(2 * overlap + epsilon, np.sum([truth.sum(), probability.sum(), epsilon]))


# Wrong


def parts(truth, probability):
    """The overlap and the two sums."""
    return np.sum(truth * probability), np.sum(truth), np.sum(probability)


@bank.mistake("The overlap counts twice, once for each of the two masks.")
def overlap_once(truth, probability, epsilon=1.0):
    overlap, a, b = parts(truth, probability)
    return (overlap + epsilon) / (a + b + epsilon)


@bank.mistake("This is the intersection over the union (Jaccard): Dice divides by both sums.")
def intersection_over_union(truth, probability, epsilon=1.0):
    overlap, a, b = parts(truth, probability)
    return (overlap + epsilon) / (a + b - overlap + epsilon)


@bank.mistake("The overlap counts twice, and the denominator is both sums: nothing is taken away.")
def twice_over_the_union(truth, probability, epsilon=1.0):
    overlap, a, b = parts(truth, probability)
    return (2 * overlap + epsilon) / (a + b - overlap + epsilon)


@bank.mistake("`epsilon` is added above and below: without it above, two empty masks give 0.")
def epsilon_below_only(truth, probability, epsilon=1.0):
    overlap, a, b = parts(truth, probability)
    return 2 * overlap / (a + b + epsilon)


@bank.mistake("`epsilon` is added above and below: without it below, two empty masks divide by 0.")
def epsilon_above_only(truth, probability, epsilon=1.0):
    overlap, a, b = parts(truth, probability)
    with np.errstate(all="ignore"):
        return (2 * overlap + epsilon) / (a + b)


@bank.mistake("`epsilon` is not used: two empty masks divide by 0.")
def without_epsilon(truth, probability, epsilon=1.0):
    overlap, a, b = parts(truth, probability)
    with np.errstate(all="ignore"):
        return 2 * overlap / (a + b)


@bank.mistake(
    "`epsilon` is always added; here two empty masks are a case apart, and it is not used."
)
def epsilon_where_empty(truth, probability, epsilon=1.0):
    overlap, a, b = parts(truth, probability)
    return 2 * overlap / (a + b) if a + b else 1.0


@bank.mistake("Two empty masks agree: (0 + `epsilon`) / (0 + `epsilon`) is 1, not 0.")
def nothing_for_empty(truth, probability, epsilon=1.0):
    return dice(truth, probability, epsilon) if truth.any() or probability.any() else 0.0


@bank.mistake("`epsilon` is added to the doubled overlap, and is not doubled itself.")
def epsilon_doubled_above(truth, probability, epsilon=1.0):
    overlap, a, b = parts(truth, probability)
    return 2 * (overlap + epsilon) / (a + b + epsilon)


@bank.mistake("`epsilon` is added once below, not to each of the two sums.")
def epsilon_twice_below(truth, probability, epsilon=1.0):
    overlap, a, b = parts(truth, probability)
    return (2 * overlap + epsilon) / (a + b + 2 * epsilon)


@bank.mistake("`epsilon` is added to the doubled overlap and to the sum, and is not doubled.")
def epsilon_doubled(truth, probability, epsilon=1.0):
    overlap, a, b = parts(truth, probability)
    return 2 * (overlap + epsilon) / (a + b + 2 * epsilon)


@bank.mistake("`epsilon` is added to the sums, not to the quotient.")
def epsilon_behind(truth, probability, epsilon=1.0):
    return without_epsilon(truth, probability) + epsilon


@bank.mistake("The sums are divided first and `epsilon` comes last: mind the brackets.")
def brackets_missing(truth, probability, epsilon=1.0):
    overlap, a, b = parts(truth, probability)
    with np.errstate(all="ignore"):
        return 2 * overlap + epsilon / (a + b + epsilon)


@bank.mistake("The probabilities are added as they are; their squares are another coefficient's.")
def squares(truth, probability, epsilon=1.0):
    return (2 * np.sum(truth * probability) + epsilon) / (
        np.sum(truth**2) + np.sum(probability**2) + epsilon
    )


@bank.mistake("The probabilities count as they are: no threshold makes a mask of them.")
def thresholded(truth, probability, epsilon=1.0):
    return dice(truth, (probability > 0.5).astype(float), epsilon)


@bank.mistake("The probabilities count as they are; here they are rounded where masks overlap.")
def overlap_thresholded(truth, probability, epsilon=1.0):
    overlap = np.sum(truth * (probability > 0.5))
    return (2 * overlap + epsilon) / (np.sum(truth) + np.sum(probability) + epsilon)


@bank.mistake("The coefficient itself is asked for, not the loss, which is 1 less the coefficient.")
def loss(truth, probability, epsilon=1.0):
    return 1 - dice(truth, probability, epsilon)


@bank.mistake("The sums run over all of the array; here each row is a mask, and a mean is taken.")
def mean_over_first_axis(truth, probability, epsilon=1.0):
    return np.mean([dice(t, p, epsilon) for t, p in zip(truth, probability, strict=True)])


@bank.mistake("The sums run over all axes; here the last one is kept, and a mean is taken.")
def mean_over_last_axis(truth, probability, epsilon=1.0):
    pairs = zip(np.moveaxis(truth, -1, 0), np.moveaxis(probability, -1, 0), strict=True)
    return np.mean([dice(t, p, epsilon) for t, p in pairs])


@bank.mistake("One number is asked for: the sums run over the first axis too.")
def one_for_each(truth, probability, epsilon=1.0):
    axes = tuple(range(1, truth.ndim))
    overlap = (truth * probability).sum(axes)
    return (2 * overlap + epsilon) / (truth.sum(axes) + probability.sum(axes) + epsilon)


@bank.mistake("Sums are meant, not means: beside means an `epsilon` of 1 is everything.")
def means(truth, probability, epsilon=1.0):
    overlap = np.mean(truth * probability)
    return (2 * overlap + epsilon) / (np.mean(truth) + np.mean(probability) + epsilon)


@bank.mistake("This is the recall: the probabilities' sum is missing below.")
def recall(truth, probability, epsilon=1.0):
    return (np.sum(truth * probability) + epsilon) / (np.sum(truth) + epsilon)


@bank.mistake("This is the precision: the truth's sum is missing below.")
def precision(truth, probability, epsilon=1.0):
    return (np.sum(truth * probability) + epsilon) / (np.sum(probability) + epsilon)


@bank.mistake("Only what is to be found counts: here the background is taken for a second class.")
def with_background(truth, probability, epsilon=1.0):
    return (dice(truth, probability, epsilon) + dice(1 - truth, 1 - probability, epsilon)) / 2


@bank.mistake("Pixels where both are 0 are no overlap: this is how much of the picture agrees.")
def agreement(truth, probability, epsilon=1.0):
    return float(np.mean(1 - np.abs(truth - probability)))


@bank.mistake("The overlap is the product of the two, summed; here it is the sum of one of them.")
def overlap_is_the_prediction(truth, probability, epsilon=1.0):
    _, a, b = parts(truth, probability)
    return (2 * b + epsilon) / (a + b + epsilon)


@bank.mistake("The overlap is the sum of the products, not the product of the sums.")
def product_of_sums(truth, probability, epsilon=1.0):
    _, a, b = parts(truth, probability)
    return (2 * a * b + epsilon) / (a + b + epsilon)


@bank.mistake("Each of the two sums stands once below; here a root of their product stands there.")
def geometric(truth, probability, epsilon=1.0):
    overlap, a, b = parts(truth, probability)
    return (2 * overlap + epsilon) / (2 * np.sqrt(a * b) + epsilon)


@bank.mistake("Logarithms and cross-entropy belong to another loss; Dice is a quotient of sums.")
def cross_entropy(truth, probability, epsilon=1.0):
    clipped = np.clip(probability, 1e-7, 1 - 1e-7)
    return -np.mean(truth * np.log(clipped) + (1 - truth) * np.log(1 - clipped))


@bank.mistake("Both sums stand below; here the larger one alone does.")
def larger_sum(truth, probability, epsilon=1.0):
    overlap, a, b = parts(truth, probability)
    return (overlap + epsilon) / (max(a, b) + epsilon)


@bank.mistake("Both sums stand below; here the smaller one alone does.")
def smaller_sum(truth, probability, epsilon=1.0):
    overlap, a, b = parts(truth, probability)
    return (overlap + epsilon) / (min(a, b) + epsilon)


@bank.mistake(
    "`epsilon` is added above and below; here it only keeps the denominator from being 0."
)
def epsilon_as_a_floor(truth, probability, epsilon=1.0):
    overlap, a, b = parts(truth, probability)
    return 2 * overlap / max(a + b, epsilon)


@bank.mistake("Both sums stand below; here the truth's is doubled, and the probabilities' missing.")
def truth_twice(truth, probability, epsilon=1.0):
    overlap, a, _ = parts(truth, probability)
    return (2 * overlap + epsilon) / (2 * a + epsilon)
