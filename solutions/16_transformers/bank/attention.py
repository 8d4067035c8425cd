"""Answers to `attention`, right and wrong."""

import math

import numpy as np
import scipy.special
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import attention

bank = Bank(attention)


# Right answers


@bank.accepted
def in_loops(q, k, v):
    result = np.zeros((len(q), v.shape[1]))
    for n, query in enumerate(q):
        logits = [math.fsum(map(float, query * key)) / math.sqrt(len(query)) for key in k]
        powers = [math.exp(logit - max(logits)) for logit in logits]
        for power, value in zip(powers, v, strict=True):
            result[n] += power / sum(powers) * value
    return result


@bank.accepted
def with_scipy(q, k, v):
    return scipy.special.softmax(np.einsum("nd,md->nm", q, k) / q.shape[-1] ** 0.5, axis=-1) @ v


@bank.accepted
def by_logarithms(q, k, v):
    logits = (q @ k.T).astype("float64") / np.sqrt(k.shape[1])
    return np.exp(logits - scipy.special.logsumexp(logits, axis=1)[:, None]) @ v


@bank.accepted
def with_ops(q, k, v):
    q, k, v = (ops.convert_to_tensor(x, "float32") for x in (q, k, v))
    weights = ops.softmax(ops.matmul(q, ops.transpose(k)) / float(q.shape[1]) ** 0.5)
    return ops.convert_to_numpy(ops.matmul(weights, v))


@bank.accepted
def with_keras_own(q, k, v):
    """Axes of length 1 for a batch and for heads."""
    q, k, v = (x.astype("float32")[None, :, None] for x in (q, k, v))
    logits = ops.einsum("bnhd,bmhd->bhnm", q, k) / math.sqrt(q.shape[-1])
    return ops.convert_to_numpy(ops.einsum("bhnm,bmhe->bnhe", ops.softmax(logits), v))[0, :, 0]


@bank.accepted
def with_a_layer(q, k, v):
    q, k, v = (x.astype("float32")[None] for x in (q / np.sqrt(q.shape[1]), k, v))
    return np.array(layers.Attention()([q, v, k]))[0]


@bank.accepted
def by_ratios(q, k, v):
    """One over a weight is the sum of the ratios of all powers to its own."""
    logits = q @ k.T / np.sqrt(q.shape[1])
    with np.errstate(over="ignore"):
        ratios = np.exp(logits[:, None, :] - logits[:, :, None]).sum(axis=-1)
    return (1 / ratios) @ v


@bank.accepted
def key_by_key(q, k, v):
    """Each key moves the mean towards its value, by a share that is a sigmoid."""
    logits = (q @ k.T).astype("float64") * q.shape[1] ** -0.5
    level, mean = logits[:, 0], np.tile(v[0].astype("float64"), (len(q), 1))
    for logit, value in zip(logits.T[1:], v[1:], strict=True):
        share = scipy.special.expit(logit - level)[:, None]
        mean = mean + share * (value - mean)
        level = np.logaddexp(level, logit)
    return mean


@bank.accepted
def with_a_column_of_ones(q, k, v):
    """The values' last column counts the weights."""
    logits = (q / len(q[0]) ** 0.25) @ (k / len(k[0]) ** 0.25).T
    powers = np.exp(logits - np.amax(logits, axis=1)[:, np.newaxis])
    sums = powers @ np.hstack([v, np.ones((len(v), 1))])
    return sums[:, :-1] / sums[:, -1:]


@bank.accepted
def query_by_query(q, k, v):
    def mean(query):
        fits = k.dot(query) / np.linalg.norm(np.ones_like(query))
        return np.average(v, axis=0, weights=np.exp(fits - fits.max()))

    return np.vstack([mean(query) for query in q])


# Wrong answers: what they are made of


def softmax(logits, axis=1):
    return scipy.special.softmax(logits, axis=axis)


def products(q, k):
    return q @ k.T


def attended(
    q, k, v, scale=lambda q, k, v: q.shape[1] ** 0.5, fits=products, weights=softmax, after=None,
):  # fmt: skip
    """The model answer with another scale, other logits, weights or results."""
    q, k, v = (x.astype("float64") for x in (q, k, v))
    result = weights(fits(q, k) / scale(q, k, v)) @ v
    return after(result, q, k, v) if after else result


def shares(powers, axis=1):
    """Divided by their sum."""
    total = powers.sum(axis=axis, keepdims=True)
    return powers / np.where(total == 0, 1, total)


# The scale

for name, words, scale in (
    ("no_scale", "they come out as if the products were not divided", lambda q, k, v: 1.0),
    ("by_the_length", "they are divided by D itself", lambda q, k, v: q.shape[1]),
    ("by_the_root_of_keys", "they are divided by the root of M, how many keys there are",
     lambda q, k, v: len(k) ** 0.5),
    ("by_the_root_of_queries", "they are divided by the root of N, how many queries there are",
     lambda q, k, v: len(q) ** 0.5),
    ("by_the_root_of_values", "they are divided by the root of E, the length of a value",
     lambda q, k, v: v.shape[1] ** 0.5),
    ("times_the_root", "they are multiplied by it", lambda q, k, v: q.shape[1] ** -0.5),
    ("by_the_root_of_twice", "they are divided by the root of 2 D",
     lambda q, k, v: (2 * q.shape[1]) ** 0.5),
):  # fmt: skip
    bank.variant(
        name,
        f"The products are divided by the root of D, the length of a query; here {words}.",
        attended,
        scale=scale,
    )
bank.variant(
    "scaled_behind_the_softmax",
    "The products are divided by the root of D before the softmax; here the result is, behind it.",
    attended,
    scale=lambda q, k, v: 1.0,
    after=lambda result, q, k, v: result / q.shape[1] ** 0.5,
)
bank.variant(
    "scaled_twice",
    "The products are divided by the root of D once; here the result is divided by it again.",
    attended,
    after=lambda result, q, k, v: result / q.shape[1] ** 0.5,
)

# How well a key fits

bank.variant(
    "cosines",
    "A query and a key are multiplied as they are; here they are first given the length 1.",
    attended,
    fits=lambda q, k: (
        (q / np.maximum(np.linalg.norm(q, axis=1, keepdims=True), 1e-9))
        @ (k / np.maximum(np.linalg.norm(k, axis=1, keepdims=True), 1e-9)).T
    ),
)
bank.variant(
    "distances",
    "A key fits by the product of query and key; here by how near they are, the squared distance.",
    attended,
    fits=lambda q, k: -((q[:, None] - k) ** 2).sum(axis=-1),
)
bank.variant(
    "straight_distances",
    "A key fits by the product of query and key; here by how near they are, the distance.",
    attended,
    fits=lambda q, k: -np.sqrt(((q[:, None] - k) ** 2).sum(axis=-1)),
)
bank.variant(
    "opposite_sign",
    "The weights grow with the products of query and key; here they fall.",
    attended,
    fits=lambda q, k: -(q @ k.T),
)
bank.variant(
    "without_signs",
    "The products go into the softmax with their signs; here their absolute values do.",
    attended,
    fits=lambda q, k: np.abs(q @ k.T),
)
bank.variant(
    "no_negative_products",
    "Negative products go into the softmax as they are; here they have become 0.",
    attended,
    fits=lambda q, k: np.maximum(q @ k.T, 0),
)
bank.variant(
    "mean_of_products",
    "The products of the numbers of query and key are added; here their mean is taken, and divided "
    "by the root of D then.",
    attended,
    fits=lambda q, k: q @ k.T / q.shape[1],
)
bank.variant(
    "largest_product",
    "The products of the numbers of query and key are added; here the largest is taken.",
    attended,
    fits=lambda q, k: (q[:, None] * k).max(axis=-1),
)


@bank.mistake("Queries ask keys; here keys ask queries: q and k are taken for one another.")
def keys_ask(q, k, v):
    return attended(k, q, v)


@bank.mistake("Keys say what fits, values are what is got; here k and v are taken for one another.")
def keys_are_values(q, k, v):
    return attended(q, v, k)


@bank.mistake("The weights lie as (queries, keys) before the values; here they are transposed.")
def weights_transposed(q, k, v):
    return softmax(q @ k.T / np.sqrt(q.shape[1])).T @ v


@bank.mistake(
    "The weights of a query are those of all keys; here it gets none from those behind its own "
    "place."
)
def no_look_ahead(q, k, v):
    return attended(q, k, v, weights=lambda logits: shares(np.tril(np.exp(behind(logits)))))


def behind(logits):
    """Logits less the largest of those up to a query's own place."""
    seen = np.where(np.tril(np.ones(logits.shape)) > 0, logits, -np.inf)
    return np.minimum(logits - seen.max(axis=1, keepdims=True), 0)


@bank.mistake("A query may get from the key at its own place; here it gets nothing from there.")
def not_from_itself(q, k, v):
    if len(k) == 1:
        return attended(q, k, v)
    own = np.where(np.eye(len(q), len(k)) > 0, -np.inf, 0)
    return attended(q, k, v, weights=lambda logits: softmax(logits + own))


# The softmax

bank.variant(
    "softmax_over_queries",
    "The softmax runs over the keys, so that the weights of a query add up to 1; here it runs over "
    "the queries.",
    attended,
    weights=lambda logits: softmax(logits, 0),
)
bank.variant(
    "softmax_over_queries_then_divided",
    "The softmax runs over the keys; here it runs over the queries, and what comes out is divided "
    "by its sum over the keys.",
    attended,
    weights=lambda logits: shares(softmax(logits, 0)),
)
bank.variant(
    "softmax_over_everything",
    "Each query has a softmax of its own; here one runs over all queries and keys.",
    attended,
    weights=lambda logits: softmax(logits, None),
)
bank.variant(
    "logits_as_weights",
    "The products are the weights themselves here: a softmax makes weights of them.",
    attended,
    weights=lambda logits: logits,
)
bank.variant(
    "divided_products",
    "The products are divided by their sum here: a softmax makes weights of them.",
    attended,
    weights=shares,
)
bank.variant(
    "from_the_smallest",
    "The weights are how far a product lies above the smallest here: a softmax is asked for.",
    attended,
    weights=lambda logits: shares(logits - logits.min(axis=1, keepdims=True)),
)
bank.variant(
    "positive_parts",
    "The weights are what of the products is above 0 here: a softmax is asked for.",
    attended,
    weights=lambda logits: shares(np.maximum(logits, 0)),
)
bank.variant(
    "sigmoids",
    "Each weight is a sigmoid by itself here: a softmax is asked for.",
    attended,
    weights=scipy.special.expit,
)
bank.variant(
    "sigmoids_divided",
    "The weights are sigmoids divided by their sum here: a softmax is asked for.",
    attended,
    weights=lambda logits: shares(scipy.special.expit(logits)),
)
bank.variant(
    "powers_of_2",
    "The powers in a softmax are those of e, not of 2.",
    attended,
    weights=lambda logits: softmax(logits * np.log(2)),
)
bank.variant(
    "softmax_twice",
    "One softmax makes the weights; here a second one follows.",
    attended,
    weights=lambda logits: softmax(softmax(logits)),
)
bank.variant(
    "log_softmax",
    "The weights are probabilities; here their logarithms are used.",
    attended,
    weights=lambda logits: scipy.special.log_softmax(logits, axis=1),
)
bank.variant(
    "not_divided",
    "The weights of a query add up to 1; here the powers are not divided by their sum.",
    attended,
    weights=lambda logits: np.exp(logits - logits.max(axis=1, keepdims=True)),
)
bank.variant(
    "divided_by_the_number_too",
    "The weighed values are added; here their mean is taken.",
    attended,
    weights=lambda logits: softmax(logits) / logits.shape[1],
)
bank.variant(
    "one_more_in_the_sum",
    "The weights of a query add up to 1; here a 1 is added to the sum of the powers.",
    attended,
    weights=lambda logits: softmax(np.pad(logits, ((0, 0), (0, 1))))[:, :-1],
)
bank.variant(
    "best_key_alone",
    "All keys have a weight; here a query gets the value of the one that fits best.",
    attended,
    weights=lambda logits: np.eye(logits.shape[1])[logits.argmax(axis=1)],
)
bank.variant(
    "two_best_keys",
    "All keys have a weight; here those but the two that fit best are left out.",
    attended,
    weights=lambda logits: softmax(
        np.where(logits >= np.sort(logits, axis=1)[:, -2:][:, :1], logits, -np.inf)
    ),
)
bank.variant(
    "all_keys_alike",
    "The weights depend on how the keys fit; here all are alike.",
    attended,
    weights=lambda logits: np.full(logits.shape, 1 / logits.shape[1]),
)
bank.variant(
    "squared_weights",
    "The weights are those of the softmax, not their squares.",
    attended,
    weights=lambda logits: softmax(logits) ** 2,
)
bank.variant(
    "weights_of_length_1",
    "The weights of a query add up to 1; here it is their squares that do.",
    attended,
    weights=lambda logits: softmax(logits) / np.linalg.norm(softmax(logits), axis=1, keepdims=True),
)
bank.variant(
    "first_query_for_all",
    "Each query has weights of its own; here all get those of the first.",
    attended,
    weights=lambda logits: np.tile(softmax(logits[:1]), (len(logits), 1)),
)

# Large numbers

bank.variant(
    "overflow",
    "The exponential of a large number is infinite: take the query's largest product away first, "
    "which changes no weight.",
    attended,
    weights=lambda logits: np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True),
)
bank.variant(
    "largest_of_all",
    "The largest product of all queries is taken away from each; a query whose products lie far "
    "below it is left with nothing: each has its own.",
    attended,
    weights=lambda logits: (
        np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum(axis=1, keepdims=True)
    ),
)
bank.variant(
    "largest_of_a_key",
    "What is taken away is the largest product of each key; it is that of each query that leaves "
    "its weights as they are.",
    attended,
    weights=lambda logits: (
        np.exp(logits - logits.max(axis=0))
        / np.exp(logits - logits.max(axis=0)).sum(axis=1, keepdims=True)
    ),
)
bank.variant(
    "mean_taken_away",
    "What is taken away from the products here leaves some that are too large for an exponential: "
    "take the largest one of the query away.",
    attended,
    weights=lambda logits: (
        np.exp(logits - logits.mean(axis=1, keepdims=True))
        / np.exp(logits - logits.mean(axis=1, keepdims=True)).sum(axis=1, keepdims=True)
    ),
)
bank.variant(
    "size_taken_away",
    "The largest absolute value is taken away here: where all products are far below 0, nothing is "
    "left of them. The largest one is meant, with its sign.",
    attended,
    weights=lambda logits: shares(np.exp(logits - np.abs(logits).max(axis=1, keepdims=True))),
)
bank.variant(
    "logits_cut",
    "Large products are cut off so that nothing overflows, and become alike: take the query's "
    "largest one away instead, which changes no weight.",
    attended,
    weights=lambda logits: softmax(np.clip(logits, -50, 50)),
)
bank.variant(
    "largest_logits_cut",
    "Only the largest products are cut off so that nothing overflows, and become alike: take the "
    "query's largest one away instead, which changes no weight.",
    attended,
    weights=lambda logits: softmax(np.minimum(logits, 700)),
)
bank.variant(
    "nothing_for_not_a_number",
    "Where the exponentials overflow the weights are made 0 here: take the query's largest product "
    "away first, which changes no weight.",
    attended,
    weights=lambda logits: np.nan_to_num(
        np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), posinf=0
    ),
)
bank.variant(
    "small_number_below",
    "A small number is added to the sum of the powers, which makes weights too small where the sum "
    "is small: take the query's largest product away first, and it is at least 1.",
    attended,
    weights=lambda logits: (
        np.exp(np.minimum(logits, 600))
        / (np.exp(np.minimum(logits, 600)).sum(axis=1, keepdims=True) + 1e-6)
    ),
)

# The result

bank.variant(
    "query_added",
    "What a query gets is asked for alone; here the query itself is added.",
    attended,
    after=lambda result, q, k, v: result + q,
)
bank.variant(
    "value_added",
    "What a query gets is the weighed mean of the values; here the value at its own place is "
    "added.",
    attended,
    after=lambda result, q, k, v: result + v,
)
bank.variant(
    "results_normalised",
    "What a query gets is asked for as it is; here its mean is taken away and it is divided by its "
    "deviation.",
    attended,
    after=lambda result, q, k, v: (
        (result - result.mean(axis=1, keepdims=True)) / (result.std(axis=1, keepdims=True) + 1e-6)
    ),
)
bank.variant(
    "transposed",
    "The result is (N, E), a row for each query; here it is transposed.",
    attended,
    after=lambda result, q, k, v: result.T,
)
bank.variant(
    "an_axis_more",
    "The result has an axis of length 1 in front: it is (N, E).",
    attended,
    after=lambda result, q, k, v: result[None],
)
bank.variant(
    "mean_of_queries",
    "Each query gets a row of its own; here the mean of all of them is returned.",
    attended,
    after=lambda result, q, k, v: result.mean(axis=0),
)
bank.variant(
    "weights_returned",
    "The weights are returned; what is asked for is the values weighed by them.",
    lambda q, k, v: softmax(q @ k.T / np.sqrt(q.shape[1])),
)
bank.variant(
    "mean_of_keys",
    "The values are weighed; here the keys are, and the values are not used.",
    lambda q, k, v: softmax(q @ k.T / np.sqrt(q.shape[1])) @ k,
)
bank.variant(
    "largest_weighed_value",
    "The weighed values are added; here the largest of them is taken.",
    lambda q, k, v: (softmax(q @ k.T / np.sqrt(q.shape[1]))[:, :, None] * v).max(axis=1),
)
bank.variant(
    "softmax_of_each",
    "One softmax runs over the products of queries and keys; here queries and keys have one each "
    "before they are multiplied.",
    lambda q, k, v: softmax(q) @ (softmax(k, 0).T @ v),
)
