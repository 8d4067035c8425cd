"""Answers to `top_k_error`, right and wrong."""

import keras
import numpy as np
from keras import ops

from autograder.setting.bank import Bank

from ..tasks import top_k_error

bank = Bank(top_k_error)


@bank.accepted
def by_rank(scores, labels, k=5):
    """The label's score is beaten by k others or more."""
    own = np.take_along_axis(scores, labels[:, None], axis=1)
    return float(((scores > own).sum(axis=1) >= k).mean())


@bank.accepted
def by_loop(scores, labels, k=5):
    missed = 0
    for row, label in zip(scores.tolist(), labels.tolist(), strict=True):
        order = sorted(range(len(row)), key=row.__getitem__, reverse=True)
        missed += label not in order[:k]
    return missed / len(labels)


@bank.accepted
def by_partition(scores, labels, k=5):
    best = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    hits = sum(label in row for label, row in zip(labels, best, strict=True))
    return 1 - hits / len(labels)


@bank.accepted
def by_ops(scores, labels, k=5):
    hits = ops.in_top_k(labels.astype("int32"), scores.astype("float32"), k)
    return 1.0 - float(ops.mean(ops.cast(hits, "float32")))


@bank.accepted
def by_metric(scores, labels, k=5):
    hits = keras.metrics.sparse_top_k_categorical_accuracy(labels, scores, k=k)
    return 1.0 - np.asarray(hits).mean()


@bank.accepted
def by_threshold(scores, labels, k=5):
    threshold = np.sort(scores, axis=1)[:, -k]
    return np.mean(scores[np.arange(len(scores)), labels] < threshold)


# What wrong ones are built from


def ranks(scores, labels):
    """How many classes have a higher score than the label."""
    own = scores[np.arange(len(scores)), labels]
    return (scores > own[:, None]).sum(axis=1)


def of_missed(scores, labels, k, answer):
    """A number reckoned from the samples that are missed, an array of truth values."""
    return float(answer(ranks(scores, labels) >= k))


def of_ranked(scores, labels, k, change):
    """The error of other scores, where equal ones are hits."""
    return float((ranks(change(scores), labels) >= k).mean())


def of_sorted(scores, labels, k, change):
    """The error of other scores, sorted as the model answer does."""
    return top_k_error(change(scores), labels, k)


def of_best(scores, labels, k, best):
    """The labels not among the best, which are cut from the ascending order of each row."""
    order = np.argsort(scores, axis=1)
    return float(np.mean(~(best(order, k) == labels[:, None]).any(axis=1)))


# The argument k


@bank.mistake("Use the argument `k`: this is the top-1 error, whatever k is.")
def top_one(scores, labels, k=5):
    return float(np.mean(np.argmax(scores, axis=1) != labels))


@bank.mistake("Without the argument, k is 5.")
def one_by_default(scores, labels, k=1):
    return top_k_error(scores, labels, k)


@bank.mistake(
    "Only the best k - 1 count as a hit here: a label is missed when k or more classes have a "
    "higher score."
)
def one_fewer(scores, labels, k=5):
    own = scores[np.arange(len(scores)), labels]
    return float(((scores > own[:, None]).sum(axis=1) + 1 >= k).mean())


@bank.mistake("The best k + 1 count as a hit here: one too many.")
def one_more(scores, labels, k=5):
    return top_k_error(scores, labels, k + 1)


@bank.mistake("k is cut off below the number of classes: with k = C no label is missed.")
def less_than_all(scores, labels, k=5):
    return top_k_error(scores, labels, min(k, scores.shape[1] - 1))


@bank.mistake("Only the error for this k is asked for, not the mean of those up to k.")
def mean_of_ks(scores, labels, k=5):
    return float(np.mean([top_k_error(scores, labels, best) for best in range(1, k + 1)]))


# The fraction

bank.variant(
    "accuracy",
    "This is the accuracy, the fraction found; the fraction missed is asked for.",
    of_missed,
    answer=lambda missed: 1 - missed.mean(),
)
bank.variant(
    "percent",
    "A fraction from 0 to 1 is asked for, not per cent.",
    of_missed,
    answer=lambda missed: 100 * missed.mean(),
)
bank.variant(
    "count", "A fraction is asked for: divide by the number of samples.", of_missed, answer=np.sum
)
bank.variant(
    "negative",
    "This is below zero: the error is 1 minus the fraction found.",
    of_missed,
    answer=lambda missed: missed.mean() - 1,
)
bank.variant(
    "odds",
    "The number missed is divided by the number found; divide by that of all samples.",
    of_missed,
    answer=lambda missed: missed.sum() / (~missed).sum(),
)
bank.variant(
    "less_one",
    "Divide by the number of samples, not by one less.",
    of_missed,
    answer=lambda missed: missed.sum() / (len(missed) - 1),
)
for digits in (1, 2):
    bank.variant(
        f"rounded_to_{digits}",
        "Return the fraction as it is, without rounding.",
        of_missed,
        answer=lambda missed, digits=digits: round(missed.mean(), digits),
    )


@bank.mistake("Do not divide by k: a sample is missed or found as a whole.")
def over_k(scores, labels, k=5):
    return top_k_error(scores, labels, k) / k


@bank.mistake("The number missed is divided by k; divide by the number of samples.")
def count_over_k(scores, labels, k=5):
    return top_k_error(scores, labels, k) * len(labels) / k


@bank.mistake("The number found is divided by k; divide by the number of samples.")
def hits_over_k(scores, labels, k=5):
    return float(1 - (ranks(scores, labels) < k).sum() / k)


@bank.mistake(
    "The number missed is divided by the number of classes; divide by that of the samples."
)
def of_classes(scores, labels, k=5):
    return float((ranks(scores, labels) >= k).sum() / scores.shape[1])


@bank.mistake(
    "The number found is divided by the number of classes; divide by that of the samples."
)
def hits_of_classes(scores, labels, k=5):
    return float(1 - (ranks(scores, labels) < k).sum() / scores.shape[1])


@bank.mistake("This counts classes; samples are counted, each one that is missed.")
def classes_missed(scores, labels, k=5):
    missed = labels[ranks(scores, labels) >= k]
    return len(set(missed.tolist())) / scores.shape[1]


@bank.mistake("All samples count alike; here the errors of the classes are averaged.")
def by_class(scores, labels, k=5):
    missed = ranks(scores, labels) >= k
    return float(np.mean([missed[labels == label].mean() for label in np.unique(labels)]))


@bank.mistake("This is the mean rank of the labels; asked for is how many are missed.")
def mean_rank(scores, labels, k=5):
    return float(ranks(scores, labels).mean())


@bank.mistake("The best scores are added up; whether the label is among the best k is asked for.")
def best_added_up(scores, labels, k=5):
    best = np.sort(scores, axis=1)[:, -k:]
    return float(1 - best.sum(axis=1).mean())


@bank.mistake(
    "A label counts as found when k - 1 scores at most are higher, wherever the mean lies."
)
def above_mean(scores, labels, k=5):
    own = scores[np.arange(len(scores)), labels]
    return float(np.mean(own < scores.mean(axis=1)))


# Some of the samples

LAST_LEFT_OUT = "The last sample is left out."
UNTIL_FIRST = "The loop ends with the first sample missed: go through all."

bank.variant("last_left_out", LAST_LEFT_OUT, of_missed, answer=lambda missed: missed[:-1].mean())
bank.variant(
    "without_last", LAST_LEFT_OUT, of_missed, answer=lambda missed: missed[:-1].sum() / len(missed)
)
bank.variant(
    "without_first",
    "The first sample is left out: samples count from 0.",
    of_missed,
    answer=lambda missed: missed[1:].sum() / len(missed),
)
bank.variant(
    "first_sample",
    "All samples count, not the first one alone.",
    of_missed,
    answer=lambda missed: missed[0],
)
bank.variant(
    "return_in_loop",
    "The result is returned after the first sample: the `return` belongs behind the loop.",
    of_missed,
    answer=lambda missed: missed[0] / len(missed),
)
bank.variant("stopped", UNTIL_FIRST, of_missed, answer=lambda missed: missed.any() / len(missed))
bank.variant(
    "until_first",
    UNTIL_FIRST,
    of_missed,
    answer=lambda missed: (np.argmax(missed) + 1) / len(missed) if missed.any() else 0,
)


@bank.mistake("The loop takes as many samples as there are classes: go through all samples.")
def as_many_as_classes(scores, labels, k=5):
    missed = ranks(scores, labels) >= k
    return sum(bool(missed[sample]) for sample in range(scores.shape[1])) / len(labels)


@bank.mistake("The count of better classes goes on from the sample before: begin at 0 for each.")
def kept_count(scores, labels, k=5):
    """Counts on from sample to sample."""
    return float((ranks(scores, labels).cumsum() >= k).mean())


@bank.mistake("One sample alone goes wrong: is an axis of length 1 lost there (`squeeze`)?")
def squeezed(scores, labels, k=5):
    own = np.squeeze(np.take_along_axis(scores, labels[:, None], axis=1))
    return float(np.mean([(row > o).sum() >= k for row, o in zip(scores, own, strict=True)]))


# The best k

bank.variant(
    "lowest",
    "These are the k *lowest* scores: argsort puts the smallest first; turn it.",
    of_best,
    best=lambda order, k: order[:, :k],
)
bank.variant(
    "lowest_left_out",
    "A label counts as missed here when its score is among the k lowest; it is missed when it is "
    "not among the k highest.",
    of_best,
    best=lambda order, k: order[:, k:],
)
bank.variant(
    "without_best",
    "A slice that ends at -1 leaves out the last, which is the best.",
    of_best,
    best=lambda order, k: order[:, -k:-1],
)
bank.variant(
    "next_k",
    "The best class is left out, and one too low is taken: the last k of an ascending order are "
    "[-k:].",
    of_best,
    best=lambda order, k: order[:, -k - 1 : -1],
)
bank.variant(
    "kth_only",
    "Only the class in place k is compared: a hit is a label among the first k.",
    of_best,
    best=lambda order, k: order[:, -k, None],
)
bank.variant(
    "from_one",
    "Labels count from 0, as places do: nothing is to be added or taken off.",
    of_best,
    best=lambda order, k: order[:, -k:] + 1,
)
bank.variant(
    "turned_samples",
    "[::-1] turns the samples round, the first axis; the order of classes is [:, ::-1].",
    of_best,
    best=lambda order, k: order[::-1][:, :k],
)
bank.variant(
    "turned_samples_best",
    "[::-1] turns the samples round, so that they no longer stand beside their labels.",
    of_best,
    best=lambda order, k: order[::-1][:, -k:],
)


@bank.mistake("[-k:] cuts the samples; the last k of the sorted classes are [:, -k:].")
def last_rows(scores, labels, k=5):
    best = np.argsort(scores, axis=1)[-k:]
    hits = [label in row for label, row in zip(labels, best, strict=False)]
    return 1.0 - sum(hits) / len(labels)


@bank.mistake(
    "No sample is ever missed here: is the fraction rounded down (`//`, `int`), does `any` "
    "lack its axis, does [:k] cut the samples where [:, :k] cuts the classes, or have the "
    "scores become NaN?"
)
def first_rows(scores, labels, k=5):
    best = np.argsort(-scores, axis=1)[:k]
    return float(np.mean(~(best == labels[:k, None]).any(axis=1)))


@bank.mistake(
    "The first k classes are taken, whatever their scores: the k with the highest scores are "
    "asked for."
)
def first_columns(scores, labels, k=5):
    return float(np.mean(labels >= k))


@bank.mistake(
    "`argsort` tells which class is in a place, not which place a class has: look for the "
    "label among the first k of its row."
)
def order_of_label(scores, labels, k=5):
    order = np.argsort(-scores, axis=1)
    return float(np.mean(order[np.arange(len(labels)), labels] >= k))


@bank.mistake(
    "Compare the label with the places of the highest scores (argsort), not with the scores."
)
def sorted_scores(scores, labels, k=5):
    """Compares labels with the sorted scores, not with their places."""
    best = np.sort(scores, axis=1)[:, -k:]
    return float(np.mean(~(best == labels[:, None]).any(axis=1)))


@bank.mistake(
    "A label cannot be in all of the k best places: it is a hit when it is in any of them."
)
def all_places(scores, labels, k=5):
    best = np.argsort(-scores, axis=1)[:, :k]
    return float(np.mean(~(best == labels[:, None]).all(axis=1)))


@bank.mistake(
    "A sample counts once: it is a hit when any of its best k is the label; do not take the "
    "mean over all k places."
)
def per_k(scores, labels, k=5):
    best = np.argsort(-scores, axis=1)[:, :k]
    return float(np.mean(best != labels[:, None]))


@bank.mistake(
    "Classes whose numbers are close are not alike: a hit is the label itself among the k best "
    "scores."
)
def of_neighbours(scores, labels, k=5):
    return float(np.mean(abs(np.argmax(scores, axis=1) - labels) >= k))


# Other samples' classes

AXIS_1 = "Sort the classes of each sample (axis 1), not the samples (axis 0)."
ONE_LIST = "There is one list of best classes for all samples: each sample has its own."


@bank.mistake(AXIS_1)
def wrong_axis(scores, labels, k=5):
    """Sorts the samples of a class in place of the classes of a sample."""
    order = np.argsort(-scores, axis=0)[:k].T
    rows = order[labels % len(order)]
    return float(np.mean(~(rows == labels[:, None]).any(axis=1)))


@bank.mistake(AXIS_1)
def plain_axis(scores, labels, k=5):
    best = np.argsort(-scores, axis=0)[:, :k]
    return float(np.mean(~(best == labels[:, None]).any(axis=1)))


@bank.mistake(AXIS_1)
def tail_of_samples(scores, labels, k=5):
    """Sorts the samples of a class, then cuts columns."""
    best = np.argsort(scores, axis=0)[:, -k:]
    return float(np.mean(~(best == labels[:, None]).any(axis=1)))


@bank.mistake(AXIS_1)
def among_samples(scores, labels, k=5):
    """Whether a sample is among the k with the highest scores for its label."""
    best = np.argsort(scores, axis=0)[-k:]
    return float(np.mean([i not in best[:, label] for i, label in enumerate(labels)]))


@bank.mistake("`any` goes along the samples (axis 0): ask it for each sample, along its k places.")
def any_sample(scores, labels, k=5):
    """`any` goes along the samples."""
    best = np.argsort(scores, axis=1)[:, -k:]
    return float(1 - np.mean((best == labels[:, None]).any(axis=0)))


@bank.mistake("A label must be among the best k of its own sample; here it may be among anyone's.")
def any_place(scores, labels, k=5):
    """`in` asks the whole table of best classes, not the sample's own row."""
    best = np.argsort(-scores, axis=1)[:, :k]
    return float(np.mean([label not in best for label in labels]))


@bank.mistake("The scores of all samples are sorted together; each sample has its own best k.")
def of_all(scores, labels, k=5):
    best = np.argsort(-scores.ravel())[:k] % scores.shape[1]
    return float(np.mean([label not in best for label in labels]))


@bank.mistake(ONE_LIST)
def one_list(scores, labels, k=5):
    best = np.argsort(scores.mean(axis=0))[-k:]
    return float(np.mean(~np.isin(labels, best)))


def of_one_sample(scores, labels, k, sample):
    """The best classes of one sample, used for all."""
    best = np.argsort(scores[sample])[-k:]
    return float(np.mean(~np.isin(labels, best)))


bank.variant("list_of_first", ONE_LIST, of_one_sample, sample=0)
bank.variant("list_of_last", ONE_LIST, of_one_sample, sample=-1)


@bank.mistake("There is one bar for all samples: a score is held against those of its own sample.")
def of_one_bar(scores, labels, k=5):
    bar = np.sort(scores, axis=None)[-min(k * len(scores), scores.size)]
    return float(np.mean(scores[np.arange(len(labels)), labels] < bar))


@bank.mistake("The labels are class numbers already, not one-hot rows: they need no argmax.")
def one_hot(scores, labels, k=5):
    return top_k_error(scores, np.full(len(labels), np.argmax(labels, axis=-1)), k)


@bank.mistake("The labels are sorted: each belongs to its own row of scores.")
def sorted_labels(scores, labels, k=5):
    return top_k_error(scores, np.sort(labels), k)


# Other scores

CLIPPED = "Scores below zero are made equal (a clip, a ReLU?): compare them as they are."
SOFTMAX_FIRST = (
    "A softmax loses what it is given here: `exp` overflows for large scores and is 0 for very "
    "negative ones. It changes no order: compare the scores themselves."
)
SET_TOO_HIGH = (
    "A score that has had its turn is set to a number that may be higher than the others: use "
    "-infinity."
)

bank.variant(
    "absolute",
    "A score far below zero is a bad one: compare scores, not their sizes.",
    of_sorted,
    change=np.abs,
)
bank.variant("clipped", CLIPPED, of_sorted, change=lambda scores: np.maximum(scores, 0))
bank.variant("clipped_ranks", CLIPPED, of_ranked, change=lambda scores: np.maximum(scores, 0))
bank.variant(
    "half_precision",
    "The scores lose digits (half precision?), so that some become equal: compare them as they "
    "are.",
    of_ranked,
    change=lambda scores: scores.astype("float16"),
)
bank.variant(
    "rounded_scores",
    "The scores are rounded, so that some become equal: compare them as they are.",
    of_ranked,
    change=np.round,
)
bank.variant(
    "whole_scores",
    "The scores are cut down to whole numbers, so that some become equal: compare them as they "
    "are.",
    of_sorted,
    change=lambda scores: scores.astype(int) + 1e-9 * np.arange(scores.shape[1]),
)
bank.variant(
    "saturated",
    "Different scores have become equal (an exponential that overflows?): compare the scores "
    "themselves.",
    of_ranked,
    change=lambda scores: np.exp(np.minimum(100 * scores, 0)),
)


@bank.mistake(SOFTMAX_FIRST)
def of_softmax(scores, labels, k=5):
    """Overflows where scores are large: no place is left to a NaN."""
    with np.errstate(all="ignore"):
        powers = np.exp(scores)
        chances = powers / powers.sum(axis=1, keepdims=True)
    best = np.argsort(chances, axis=1)[:, ::-1][:, :k]
    return float(np.mean(~(best == labels[:, None]).any(axis=1)))


@bank.mistake(SOFTMAX_FIRST)
def of_small_chances(scores, labels, k=5):
    """Overflows too: nothing is larger than a NaN."""
    with np.errstate(all="ignore"):
        chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    own = chances[np.arange(len(labels)), labels]
    return float(np.mean((chances > own[:, None]).sum(axis=1) >= k))


@bank.mistake("A negative score may be among the k best: only the order of the scores counts.")
def of_positive(scores, labels, k=5):
    best = np.argsort(scores, axis=1)[:, ::-1][:, :k]
    hits = (best == labels[:, None]) & (np.take_along_axis(scores, best, axis=1) > 0)
    return float(np.mean(~hits.any(axis=1)))


def of_best_in_turn(scores, labels, k, used):
    """The best class is looked for k times, its score set to `used` each time."""
    left, found = scores.copy(), np.zeros(len(labels), bool)
    for _ in range(k):
        best = left.argmax(axis=1)
        found |= best == labels
        left[np.arange(len(left)), best] = used
    return float(np.mean(~found))


bank.variant("zero_for_best", SET_TOO_HIGH, of_best_in_turn, used=0)
bank.variant("minus_one_for_best", SET_TOO_HIGH, of_best_in_turn, used=-1)
bank.variant("minus_hundred_for_best", SET_TOO_HIGH, of_best_in_turn, used=-100)
