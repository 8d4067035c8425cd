"""Answers to `soft_argmax`, right and wrong."""

import math

import numpy as np
import scipy.special
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import soft_argmax

bank = Bank(soft_argmax)


# Right answers


@bank.accepted
def in_loops(maps):
    height, width, count = maps.shape
    result = np.zeros((count, 2))
    for k in range(count):
        largest = max(maps[i, j, k] for i in range(height) for j in range(width))
        total = 0.0
        for i in range(height):
            for j in range(width):
                weight = math.exp(maps[i, j, k] - largest)
                total += weight
                result[k] += weight * np.array([i, j])
        result[k] /= total
    return result


@bank.accepted
def flat_with_scipy(maps):
    flat = scipy.special.softmax(maps.reshape(-1, maps.shape[-1]).astype("float64"), axis=0)
    grid = np.indices(maps.shape[:2]).reshape(2, -1)
    return (grid @ flat).T


@bank.accepted
def by_logarithms(maps):
    """The logarithms of the probabilities, then their exponentials."""
    logs = maps - scipy.special.logsumexp(maps.astype("float64"), axis=(0, 1), keepdims=True)
    places = np.meshgrid(*map(np.arange, maps.shape[:2]), indexing="ij")
    return np.stack([np.tensordot(p, np.exp(logs), 2) for p in places], axis=-1)


@bank.accepted
def with_ops(maps):
    height, width, count = maps.shape
    flat = ops.reshape(ops.convert_to_tensor(maps, "float32"), (height * width, count))
    weights = ops.reshape(ops.softmax(flat, axis=0), (height, width, count))
    rows = ops.reshape(ops.arange(height, dtype="float32"), (-1, 1, 1))
    columns = ops.reshape(ops.arange(width, dtype="float32"), (1, -1, 1))
    means = [ops.sum(weights * places, axis=(0, 1)) for places in (rows, columns)]
    return ops.convert_to_numpy(ops.stack(means, axis=1))


@bank.accepted
def with_a_layer(maps):
    weights = np.array(layers.Softmax(axis=(0, 1))(maps.astype("float32")))
    grid = np.stack(np.mgrid[: maps.shape[0], : maps.shape[1]], axis=-1)
    return np.einsum("yxk,yxc->kc", weights, grid)


@bank.accepted
def as_complex_numbers(maps):
    """A place is one complex number."""
    grid = 1j * np.arange(maps.shape[0])[:, None] + np.arange(maps.shape[1])
    weights = np.exp(maps - maps.max(axis=(0, 1), keepdims=True))
    means = np.average(np.broadcast_to(grid[..., None], maps.shape), axis=(0, 1), weights=weights)
    return np.stack([means.imag, means.real], axis=1)


@bank.accepted
def by_sigmoids(maps):
    """Weights are added one by one: the running mean moves by a share that is a sigmoid."""
    flat = maps.reshape(-1, maps.shape[-1]).astype("float64")
    places = np.stack(np.unravel_index(np.arange(len(flat)), maps.shape[:2]), axis=1)
    level, mean = flat[0], np.zeros((maps.shape[-1], 2))
    for logit, place in zip(flat[1:], places[1:], strict=True):
        share = scipy.special.expit(logit - level)
        mean += share[:, None] * (place - mean)
        level = np.logaddexp(level, logit)
    return mean


# Wrong answers: what they are made of


def softmax(maps):
    return scipy.special.softmax(maps.astype("float64"), axis=(0, 1))


def means(maps, weights=softmax, before=None, after=None, places=np.arange):
    """The mean places under some weights, with other places, maps or results."""
    maps = before(maps) if before else maps
    shares = weights(maps)
    y = places(maps.shape[0]) @ shares.sum(axis=1)
    x = places(maps.shape[1]) @ shares.sum(axis=0)
    result = np.stack([y, x], axis=1)
    return after(result) if after else result


def part(weights):
    """Divided by their sum."""
    total = weights.sum(axis=(0, 1))
    return weights / np.where(total == 0, 1, total)


# The weights


@bank.mistake(
    "The place of the largest value is taken; the mean place under a softmax is asked for, which "
    "lies between pixels."
)
def largest_value(maps):
    flat = maps.reshape(-1, maps.shape[-1]).argmax(axis=0)
    return np.stack(np.unravel_index(flat, maps.shape[:2]), axis=1).astype(float)


@bank.mistake(
    "The place of the largest value is taken, and x stands first; the mean place (y, x) under a "
    "softmax is asked for."
)
def largest_value_x_first(maps):
    return largest_value(maps)[:, ::-1]


@bank.mistake(
    "The middle of the probability is taken, the row and the column where half of it is reached; "
    "the mean is asked for."
)
def median_place(maps):
    shares = softmax(maps)
    sums = (shares.sum(axis=1), shares.sum(axis=0))
    return np.stack([np.argmax(s.cumsum(axis=0) >= 0.5, axis=0) for s in sums], 1).astype(float)


bank.variant(
    "overflow",
    "The exponential of a large logit is infinite: take the largest one away first, which changes "
    "no probability.",
    means,
    weights=lambda maps: (
        np.exp(maps.astype("float64")) / np.exp(maps.astype("float64")).sum((0, 1))
    ),
)
bank.variant(
    "largest_of_all_maps",
    "The largest logit of all maps is taken away from each; a map that lies far below it is left "
    "with nothing: each map has its own.",
    means,
    weights=lambda maps: np.exp(maps - maps.max()) / np.exp(maps - maps.max()).sum((0, 1)),
)
bank.variant(
    "logits_cut",
    "Large logits are cut off so that nothing overflows: take the largest one away instead, which "
    "changes no probability.",
    means,
    weights=lambda maps: softmax(np.clip(maps, -50, 50)),
)
bank.variant(
    "nothing_for_not_a_number",
    "Where the exponentials overflow the place is made 0 here: take the largest logit away first, "
    "which changes no probability.",
    lambda maps: np.nan_to_num(
        means(maps, lambda m: np.exp(m + 0.0) / np.exp(m + 0.0).sum((0, 1)))
    ),
)
bank.variant(
    "largest_logits_cut",
    "Only the largest logits are cut off so that nothing overflows, and become alike: take the "
    "largest one away instead, which changes no probability.",
    means,
    weights=lambda maps: softmax(np.minimum(maps, 700)),
)
bank.variant(
    "mean_taken_away",
    "What is taken away from the logits here leaves some that are too large for an exponential: "
    "take the largest one away.",
    means,
    weights=lambda maps: part(np.exp(maps.astype("float64") - maps.mean((0, 1)))),
)
bank.variant(
    "size_taken_away",
    "The largest absolute value is taken away here: where all logits are far below 0, nothing is "
    "left of them. The largest one is meant, with its sign.",
    means,
    weights=lambda maps: part(np.exp(maps.astype("float64") - np.abs(maps).max((0, 1)))),
)
bank.variant(
    "small_number_below",
    "A small number is added to the sum of the exponentials, which moves all places towards 0 "
    "where the sum is small: take the largest logit away first, and it is at least 1.",
    means,
    weights=lambda maps: (
        np.exp(np.minimum(maps, 600)) / (np.exp(np.minimum(maps, 600)).sum((0, 1)) + 1e-6)
    ),
)
bank.variant(
    "softmax_over_maps",
    "The softmax runs over the positions of a map; here it runs over the maps.",
    means,
    weights=lambda maps: scipy.special.softmax(maps.astype("float64"), axis=2),
)
bank.variant(
    "softmax_over_maps_then_divided",
    "The softmax runs over the positions of a map; here it runs over the maps, and is divided by "
    "its sum then.",
    means,
    weights=lambda maps: part(scipy.special.softmax(maps.astype("float64"), axis=2)),
)
bank.variant(
    "softmax_over_everything",
    "The softmax runs over the positions of each map by itself; here one runs over all maps.",
    means,
    weights=lambda maps: scipy.special.softmax(maps.astype("float64")),
)
bank.variant(
    "softmax_of_rows",
    "One softmax runs over both axes of a map; here each row has one of its own.",
    means,
    weights=lambda maps: scipy.special.softmax(maps.astype("float64"), axis=1) / len(maps),
)
bank.variant(
    "softmax_of_columns",
    "One softmax runs over both axes of a map; here each column has one of its own.",
    means,
    weights=lambda maps: scipy.special.softmax(maps.astype("float64"), axis=0) / maps.shape[1],
)


@bank.mistake(
    "One softmax runs over both axes of a map; here y comes from softmaxes of the columns and x "
    "from softmaxes of the rows."
)
def softmax_of_each_axis(maps):
    columns = scipy.special.softmax(maps.astype("float64"), axis=0).mean(axis=1)
    rows = scipy.special.softmax(maps.astype("float64"), axis=1).mean(axis=0)
    return np.stack([np.arange(len(maps)) @ columns, np.arange(maps.shape[1]) @ rows], axis=1)


@bank.mistake(
    "The logits are added along an axis before the softmax; probabilities are to be added, behind "
    "it."
)
def sums_first(maps):
    y, x = (scipy.special.softmax(maps.sum(axis=a).astype("float64"), axis=0) for a in (1, 0))
    return np.stack([np.arange(len(y)) @ y, np.arange(len(x)) @ x], axis=1)


@bank.mistake(
    "The largest logit of each row and column is taken before the softmax; probabilities are to be "
    "added, behind it."
)
def largest_of_lines(maps):
    y, x = (scipy.special.softmax(maps.max(axis=a).astype("float64"), axis=0) for a in (1, 0))
    return np.stack([np.arange(len(y)) @ y, np.arange(len(x)) @ x], axis=1)


bank.variant(
    "logits_as_weights",
    "The logits themselves are the weights here: a softmax makes probabilities of them.",
    means,
    weights=lambda maps: part(maps.astype("float64")),
)
bank.variant(
    "sigmoids_as_weights",
    "The weights are sigmoids of the logits here: a softmax over the positions is asked for.",
    means,
    weights=lambda maps: part(scipy.special.expit(maps.astype("float64"))),
)
bank.variant(
    "positive_parts_as_weights",
    "The weights are what of the logits is above 0 here: a softmax is asked for.",
    means,
    weights=lambda maps: part(np.maximum(maps.astype("float64"), 0)),
)
bank.variant(
    "from_the_smallest",
    "The weights are how far a logit lies above the smallest here: a softmax is asked for.",
    means,
    weights=lambda maps: part(maps.astype("float64") - maps.min((0, 1))),
)
bank.variant(
    "powers_of_2",
    "The powers in a softmax are those of e, not of 2.",
    means,
    weights=lambda maps: softmax(maps * np.log(2)),
)
bank.variant(
    "sharper",
    "The logits go into the softmax as they are; here they are multiplied first.",
    means,
    weights=lambda maps: softmax(maps * 10.0),
)
bank.variant(
    "softer",
    "The logits go into the softmax as they are; here they are halved first.",
    means,
    weights=lambda maps: softmax(maps / 2),
)
bank.variant(
    "sizes_of_logits",
    "The logits go into the softmax with their signs; here their absolute values do.",
    means,
    weights=lambda maps: softmax(np.abs(maps)),
)
bank.variant(
    "columns_not_divided",
    "One softmax runs over both axes of a map; here each column has one of its own, and all are "
    "added.",
    means,
    weights=lambda maps: scipy.special.softmax(maps.astype("float64"), axis=0),
)
bank.variant(
    "stretched_to_1",
    "The logits go into the softmax as they are; here they are divided by how far they spread.",
    means,
    weights=lambda maps: softmax(
        (maps - maps.max((0, 1))) / np.maximum(np.ptp(maps, axis=(0, 1)), 1e-9)
    ),
)
bank.variant(
    "smallest_first",
    "The weights grow with the logits; here they fall.",
    means,
    weights=lambda maps: softmax(-maps),
)
bank.variant(
    "not_divided",
    "The exponentials are not divided by their sum: the weights of a mean add up to 1.",
    means,
    weights=lambda maps: np.exp(maps - maps.max((0, 1))),
)
bank.variant(
    "mean_of_places",
    "The products of weights and places are added; here their mean is taken.",
    means,
    after=None,
    weights=lambda maps: softmax(maps) / (maps.shape[0] * maps.shape[1]),
)
bank.variant(
    "squared_weights",
    "The weights are the probabilities, not their squares.",
    means,
    weights=lambda maps: softmax(maps) ** 2,
)

# Places

bank.variant(
    "x_first",
    "A place is (y, x); here x stands first.",
    means,
    after=lambda result: result[:, ::-1],
)
bank.variant(
    "counted_from_1",
    "Rows and columns are counted from 0; here they are counted from 1.",
    means,
    places=lambda n: np.arange(1, n + 1),
)
bank.variant(
    "half_a_pixel_more",
    "The centre of the first pixel is at 0; here half a pixel is added.",
    means,
    places=lambda n: np.arange(n) + 0.5,
)
bank.variant(
    "columns_counted_from_1",
    "Columns are counted from 0, as rows are; here they are counted from 1.",
    means,
    after=lambda result: result + np.array([0, 1]),
)
bank.variant(
    "from_the_middle",
    "Places are counted from the first row and column; here they are counted from the middle.",
    means,
    places=lambda n: np.arange(n) - (n - 1) / 2,
)
bank.variant(
    "parts_of_the_size",
    "Places are in pixels; here they are divided by the number of rows and columns.",
    means,
    places=lambda n: np.arange(n) / n,
)
bank.variant(
    "y_twice",
    "The second number of a place is the mean of the columns; here the mean of the rows stands "
    "there again.",
    means,
    after=lambda result: result[:, [0, 0]],
)
bank.variant(
    "from_0_to_1",
    "Places are in pixels; here they go from 0 to 1.",
    means,
    places=lambda n: np.linspace(0, 1, n),
)
bank.variant(
    "from_minus_1_to_1",
    "Places are in pixels; here they go from -1 to 1.",
    means,
    places=lambda n: np.linspace(-1, 1, n) if n > 1 else np.zeros(1),
)
bank.variant(
    "rounded",
    "The mean lies between pixels; here it is rounded to one.",
    means,
    after=np.round,
)


@bank.mistake(
    "A place in the flattened map is told apart by the height; a row has `width` of them."
)
def divided_by_the_height(maps):
    height, width, count = maps.shape
    flat = softmax(maps).reshape(-1, count)
    place = np.arange(height * width)
    return np.stack([(place // height) @ flat, (place % height) @ flat], axis=1)


@bank.mistake(
    "The mean of the places in the flattened map is taken apart into row and column; the mean of "
    "rows and the mean of columns are two things."
)
def mean_of_flat_places(maps):
    flat = softmax(maps).reshape(-1, maps.shape[-1])
    place = np.arange(len(flat)) @ flat
    return np.stack(np.divmod(place, maps.shape[1]), axis=1)


@bank.mistake("The maps are the last axis; here the array is reshaped as if they were the first.")
def reshaped_wrongly(maps):
    height, width, count = maps.shape
    return means(np.moveaxis(maps.reshape(count, height, width), 0, -1))


# The result

bank.variant(
    "points_last",
    "The result is (K, 2): a row for each map.",
    means,
    after=lambda result: result.T,
)
bank.variant(
    "first_map_only",
    "Every map has a place of its own; here all get that of the first.",
    means,
    after=lambda result: np.broadcast_to(result[:1], result.shape),
)
bank.variant(
    "an_axis_more",
    "The result has an axis of length 1 in front: it is (K, 2).",
    means,
    after=lambda result: result[None],
)
