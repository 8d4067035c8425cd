"""Answers to `hard_negatives`, right and wrong."""

import heapq

import numpy as np
from keras import ops

from autograder.setting.bank import Bank

from ..tasks import hard_negatives

bank = Bank(hard_negatives)


# Right answers


@bank.accepted
def ranks_of_ranks(loss, positive, ratio=3):
    """The place of each in the ranking is the argsort of the argsort."""
    ranking = np.argsort(np.argsort(np.where(positive, -np.inf, loss))[::-1])
    return (ranking < ratio * np.count_nonzero(positive)) & ~positive


@bank.accepted
def one_by_one(loss, positive, ratio=3):
    places = sorted((i for i in range(len(loss)) if not positive[i]), key=lambda i: -loss[i])
    chosen = set(places[: ratio * sum(map(bool, positive))])
    return np.array([i in chosen for i in range(len(loss))])


@bank.accepted
def above_the_last_kept(loss, positive, ratio=3):
    """A threshold between the last that is kept and the first that is not."""
    falling = np.sort(loss[~positive])[::-1]
    count = min(ratio * int(positive.sum()), len(falling))
    return ~positive & (loss >= falling[count - 1]) if count else np.zeros(loss.shape, bool)


@bank.accepted
def with_a_partition(loss, positive, ratio=3):
    kept = np.zeros_like(positive)
    negatives = np.nonzero(np.logical_not(positive))[0]
    count = ratio * int(positive.sum())
    if count >= len(negatives):
        kept[negatives] = count > 0
    elif count:
        kept[negatives[np.argpartition(loss[negatives], -count)[-count:]]] = True
    return kept


@bank.accepted
def how_many_are_harder(loss, positive, ratio=3):
    """Of each, the number of negatives with a larger loss."""
    harder = ((loss[None] > loss[:, None]) & ~positive[None]).sum(axis=1)
    return np.logical_and(harder < ratio * positive.sum(), np.invert(positive))


@bank.accepted
def with_a_heap(loss, positive, ratio=3):
    left = [(-value, place) for place, value in enumerate(loss) if not positive[place]]
    heapq.heapify(left)
    mask = [False] * len(loss)
    for _ in range(min(len(left), ratio * int(positive.sum()))):
        mask[heapq.heappop(left)[1]] = True
    return np.array(mask, bool)


@bank.accepted
def with_ops(loss, positive, ratio=3):
    score = ops.where(positive, -1.0, ops.convert_to_tensor(loss, "float32"))
    ranking = ops.argsort(ops.argsort(-score))
    return ops.convert_to_numpy(
        ops.logical_and(ranking < ratio * int(positive.sum()), ops.logical_not(positive))
    )


# Wrong answers: what they are made of


def mined(loss, positive, ratio=3, count=None, order=None, among=None):
    """The model answer with another number, another order, or chosen among others."""
    among = among(positive) if among else ~positive
    count = count or (lambda ratio, positive: ratio * int(positive.sum()))
    order = order or (lambda values: np.argsort(-values))
    places = np.flatnonzero(among)
    kept = np.zeros(len(loss), bool)
    kept[places[order(loss[places])][: max(count(ratio, positive), 0)]] = True
    return kept


def after(loss, positive, ratio=3, change=None):
    """The model answer with the result changed."""
    return change(hard_negatives(loss, positive, ratio), loss, positive)


# How many

for name, hint, count in (
    (
        "as_many_as_positives",
        "`ratio` times as many negatives as positives are kept; here just as many.",
        lambda ratio, positive: positive.sum(),
    ),
    (
        "ratio_of_them",
        "`ratio` times the number of positives are kept; here `ratio`, however many there are.",
        lambda ratio, positive: ratio,
    ),
    (
        "all_negatives",
        "Only the hardest negatives are kept; here all are.",
        lambda ratio, positive: len(positive),
    ),
    (
        "one_more",
        "`ratio` times the number of positives are kept; here it is one more.",
        lambda ratio, positive: ratio * positive.sum() + 1,
    ),
    (
        "one_less",
        "`ratio` times the number of positives are kept; here it is one less.",
        lambda ratio, positive: ratio * positive.sum() - 1,
    ),
    (
        "positives_counted_in",
        "`ratio` times the number of positives are kept; here the positives are counted in, so "
        "that there are fewer negatives.",
        lambda ratio, positive: (ratio - 1) * positive.sum(),
    ),
    (
        "one_positive_at_least",
        "Without positives nothing is kept; here it is as if there were one.",
        lambda ratio, positive: ratio * max(positive.sum(), 1),
    ),
    (
        "all_without_positives",
        "Without positives nothing is kept; here all are.",
        lambda ratio, positive: ratio * positive.sum() or len(positive),
    ),
    (
        "one_without_positives",
        "Without positives nothing is kept; here the hardest negative is.",
        lambda ratio, positive: ratio * positive.sum() or 1,
    ),
    (
        "share_of_all",
        "`ratio` is that of kept negatives to positives; here one in 1 + `ratio` of all is kept.",
        lambda ratio, positive: len(positive) // (1 + ratio),
    ),
    (
        "negatives_divided",
        "`ratio` is that of kept negatives to positives; here the number of negatives is divided "
        "by it.",
        lambda ratio, positive: int((~positive).sum()) // ratio,
    ),
    (
        "positives_divided",
        "The number of positives is to be multiplied by `ratio`; here it is divided by it.",
        lambda ratio, positive: int(positive.sum()) // ratio,
    ),
    (
        "none_if_fewer",
        "If there are fewer negatives than asked for all are kept; here none is.",
        lambda ratio, positive: (
            ratio * positive.sum() if ratio * positive.sum() <= (~positive).sum() else 0
        ),
    ),
    (
        "no_more_than_half",
        "All negatives are kept if there are fewer than asked for; here never more than half.",
        lambda ratio, positive: min(ratio * positive.sum(), (~positive).sum() // 2),
    ),
    (
        "power",
        "The number of positives is to be multiplied by `ratio`; here `ratio` is a power.",
        lambda ratio, positive: int(positive.sum()) ** ratio,
    ),
    (
        "added",
        "The number of positives is to be multiplied by `ratio`; here `ratio` is added.",
        lambda ratio, positive: int(positive.sum()) + ratio,
    ),
):
    bank.variant(name, hint, mined, count=count)

# Which

for name, hint, order in (
    (
        "easiest",
        "The negatives with the *largest* loss are kept; here those with the smallest.",
        lambda values: np.argsort(values),
    ),
    (
        "as_they_come",
        "The negatives with the largest loss are kept; here the first ones.",
        lambda values: np.arange(len(values)),
    ),
    (
        "last_ones",
        "The negatives with the largest loss are kept; here the last ones.",
        lambda values: np.arange(len(values))[::-1],
    ),
    (
        "at_random",
        "The negatives with the largest loss are kept; here they are drawn at random.",
        lambda values: np.random.default_rng(0).permutation(len(values)),
    ),
):
    bank.variant(name, hint, mined, order=order)

for name, hint, among in (
    (
        "of_all",
        "Only negatives are kept; here the largest losses of all are, those of positives too.",
        lambda positive: np.ones(len(positive), bool),
    ),
    (
        "of_the_positives",
        "The hardest *negatives* are kept; here positives are.",
        lambda positive: positive,
    ),
):
    bank.variant(name, hint, mined, among=among)


@bank.mistake(
    "The largest losses of all are looked for, and positives left out after that: they took the "
    "places of negatives."
)
def of_all_without_positives(loss, positive, ratio=3):
    kept = mined(loss, positive, ratio, among=lambda positive: np.ones(len(positive), bool))
    return kept & ~positive


@bank.mistake(
    "Where there are fewer negatives than asked for, positives fill the places here: only "
    "negatives are kept."
)
def filled_up_with_positives(loss, positive, ratio=3):
    order = np.argsort(-np.where(positive, -1, loss))
    kept = np.zeros(len(loss), bool)
    kept[order[: ratio * positive.sum()]] = True
    return kept


@bank.mistake(
    "`argsort` says which stands at a place of the ranking; here it is taken for the place of each."
)
def order_taken_for_ranks(loss, positive, ratio=3):
    order = np.argsort(-np.where(positive, -1, loss))
    return (order < ratio * positive.sum()) & ~positive


@bank.mistake("The places are those among the negatives; here they are taken for places among all.")
def places_among_negatives(loss, positive, ratio=3):
    kept = np.zeros(len(loss), bool)
    kept[np.argsort(-loss[~positive])[: ratio * positive.sum()]] = True
    return kept & ~positive


@bank.mistake(
    "The places are those among the negatives; here they are taken for places among all, positives "
    "too."
)
def places_among_negatives_and_positives(loss, positive, ratio=3):
    kept = np.zeros(len(loss), bool)
    kept[np.argsort(-loss[~positive])[: ratio * positive.sum()]] = True
    return kept


@bank.mistake("A negative is kept for its place by loss; here for a loss above the mean.")
def above_the_mean(loss, positive, ratio=3):
    return ~positive & (loss > loss.mean()) & positive.any()


@bank.mistake(
    "A negative is kept for its place by loss; here for a loss above the positives' mean."
)
def above_the_positives(loss, positive, ratio=3):
    return ~positive & (loss > (loss[positive].mean() if positive.any() else np.inf))


@bank.mistake("The last negative that is to be kept is lost: its loss equals the threshold.")
def above_the_threshold(loss, positive, ratio=3):
    falling = np.sort(loss[~positive])[::-1]
    count = min(ratio * int(positive.sum()), len(falling))
    return ~positive & (loss > falling[count - 1]) if count else np.zeros(loss.shape, bool)


@bank.mistake("The mask tells of the losses as they were given; here of the sorted ones.")
def in_the_sorted_order(loss, positive, ratio=3):
    return hard_negatives(loss, positive, ratio)[np.argsort(-loss)]


@bank.mistake("`positive` is True for positives; here it is taken for the mask of the negatives.")
def mask_turned(loss, positive, ratio=3):
    return hard_negatives(loss, ~positive, ratio)


# The result

for name, hint, change in (
    (
        "positives_too",
        "Only the kept negatives are True; here the positives are, too.",
        lambda kept, loss, positive: kept | positive,
    ),
    (
        "those_left_out",
        "The *kept* negatives are True; here those that are left out.",
        lambda kept, loss, positive: ~kept & ~positive,
    ),
    (
        "turned",
        "The kept negatives are True and all else is False; here it is the other way round.",
        lambda kept, loss, positive: ~kept,
    ),
    (
        "places",
        "A mask of booleans is asked for; here it is the places of the kept negatives.",
        lambda kept, loss, positive: np.flatnonzero(kept),
    ),
    (
        "losses",
        "A mask of booleans is asked for; here it is the losses of the kept negatives.",
        lambda kept, loss, positive: loss[kept],
    ),
    (
        "zeros_and_ones",
        "The mask is to hold booleans; here it holds 0 and 1.",
        lambda kept, loss, positive: kept.astype(int),
    ),
    (
        "mask_of_floats",
        "The mask is to hold booleans; here it holds 0.0 and 1.0.",
        lambda kept, loss, positive: kept.astype(float),
    ),
    (
        "of_negatives_alone",
        "The mask is as long as `loss`; here it has a place for each negative only.",
        lambda kept, loss, positive: kept[~positive],
    ),
    (
        "masked_losses",
        "A mask of booleans is asked for; here it is the losses, 0 where nothing is kept.",
        lambda kept, loss, positive: np.where(kept, loss, 0),
    ),
    (
        "how_many",
        "A mask of booleans is asked for; here it is the number of kept negatives.",
        lambda kept, loss, positive: int(kept.sum()),
    ),
):
    bank.variant(name, hint, after, change=change)
