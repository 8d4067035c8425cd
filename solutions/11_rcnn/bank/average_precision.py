"""Answers to `average_precision`, right and wrong."""

import numpy as np
from keras import ops

from autograder.setting.bank import Bank

from ..tasks import average_precision

bank = Bank(average_precision)


# Right answers


@bank.accepted
def with_sentinels(scores, matched, positives):
    """As the development kit writes it: a curve from recall 0 to 1, then steps of the envelope."""
    order = np.argsort(-scores)
    right, wrong = np.cumsum(matched[order]), np.cumsum(~matched[order])
    recall = np.concatenate([[0.0], right / positives, [1.0]])
    precision = np.concatenate([[0.0], right / np.maximum(right + wrong, 1), [0.0]])
    for i in range(len(precision) - 2, -1, -1):
        precision[i] = max(precision[i], precision[i + 1])
    steps = np.flatnonzero(recall[1:] != recall[:-1])
    return np.sum((recall[steps + 1] - recall[steps]) * precision[steps + 1])


@bank.accepted
def from_the_last_to_the_first(scores, matched, positives):
    pairs = sorted(zip(scores, matched, strict=True))
    right, best, area = int(sum(matched)), 0.0, 0.0
    for place, (_, hit) in enumerate(pairs):
        best = max(best, right / (len(pairs) - place))
        if hit:
            area += best / positives
            right -= 1
    return area


@bank.accepted
def the_best_from_each_recall_on(scores, matched, positives):
    order = sorted(range(len(scores)), key=lambda i: scores[i], reverse=True)
    points, right = [], 0
    for count, i in enumerate(order, start=1):
        right += bool(matched[i])
        points.append((right, right / count))
    total = sum(matched)
    return sum(max(p for r, p in points if r >= k) for k in range(1, total + 1)) / positives


@bank.accepted
def with_a_matrix(scores, matched, positives):
    """Ranks by counting who is better; the largest precision among those at least as far."""
    rank = (scores[None, :] >= scores[:, None]).sum(axis=1)
    hits = ((scores[None, :] >= scores[:, None]) & matched[None, :]).sum(axis=1)
    precision = hits / np.maximum(rank, 1)
    behind = rank[None, :] >= rank[:, None]
    best = np.where(behind, precision[None, :], 0).max(axis=1, initial=0)
    return (best * matched).sum() / positives


@bank.accepted
def hit_by_hit(scores, matched, positives):
    """Only the precisions at hits can be the largest ones."""
    ranks = np.flatnonzero(matched[np.argsort(scores)[::-1]]) + 1
    precision = np.arange(1, len(ranks) + 1) / ranks
    return sum(precision[k:].max() for k in range(len(ranks))) / positives


@bank.accepted
def by_rectangles(scores, matched, positives):
    """The area by what each height adds: how far the recall goes at a precision that high."""
    hits = np.cumsum(matched[np.argsort(-scores)])
    precision = hits / np.arange(1, len(hits) + 1)
    heights = np.unique(np.append(precision, 0))
    reach = [hits[precision >= height].max() / positives for height in heights[1:]]
    return float(np.sum(np.diff(heights) * reach))


@bank.accepted
def by_trapezoids(scores, matched, positives):
    """Between two matches in a row the envelope is level, and a miss is at the lower level."""
    recall, precision = curve(scores, matched, positives)
    envelope = envelope_of(precision)
    recall, envelope = np.append(0, recall), np.append(envelope[:1], envelope)
    return np.sum(np.diff(recall) * (envelope[1:] + envelope[:-1]) / 2) if len(recall) > 1 else 0


@bank.accepted
def with_ops(scores, matched, positives):
    if not len(scores):
        return 0.0
    order = ops.argsort(-ops.convert_to_tensor(scores))
    hits = ops.take(ops.cast(matched, "float32"), order)
    precision = ops.cumsum(hits) / ops.arange(1, len(scores) + 1, dtype="float32")
    envelope = np.maximum.accumulate(ops.convert_to_numpy(precision)[::-1])[::-1]
    return float(ops.sum(hits * ops.convert_to_tensor(envelope)) / positives)


# Wrong answers: what they are made of


def curve(scores, matched, positives, order=None):
    """Recall and precision behind each detection, in this order."""
    order = np.argsort(-scores) if order is None else order
    hits = np.cumsum(matched[order])
    return hits / positives, hits / np.arange(1, len(hits) + 1)


def envelope_of(precision):
    return np.maximum.accumulate(precision[::-1])[::-1]


def area(scores, matched, positives, order=None, envelope=envelope_of, total=None, change=None):
    """The model answer with another order, envelope or recall, or with the result changed."""
    order = order(scores, matched) if order else None
    recall, precision = curve(scores, matched, positives, order)
    if total:
        recall = recall * positives / max(total(matched, positives), 1)
    result = np.sum(np.diff(recall, prepend=0) * envelope(precision))
    return change(result, matched, positives) if change else result


def sampled(scores, matched, positives, places):
    """The mean of the largest precision from each of some recalls on."""
    recall, precision = curve(scores, matched, positives)
    return np.mean([precision[recall >= r - 1e-12].max(initial=0) for r in places])


def at(scores, matched, positives, take):
    """A single number of the curve, 0 without detections."""
    if not len(scores):
        return 0.0
    return float(take(*curve(scores, matched, positives)))


# The order

bank.variant(
    "unsorted",
    "The detections come in no order: sort them by score first, with what is matched.",
    area,
    order=lambda scores, matched: np.arange(len(scores)),
)
bank.variant(
    "worst_first",
    "The detections are gone through from the lowest score up: the best comes first.",
    area,
    order=lambda scores, matched: np.argsort(scores),
)
bank.variant(
    "matched_first",
    "This is the recall of all detections together, as if the matched ones came first: sort by "
    "score, and take the area under the curve.",
    area,
    order=lambda scores, matched: np.argsort(~matched, kind="stable"),
)
bank.variant(
    "by_absolute_score",
    "A score below 0 is lower than any above; here its sign is lost in sorting.",
    area,
    order=lambda scores, matched: np.argsort(-np.abs(scores)),
)

# The envelope

bank.variant(
    "no_envelope",
    "The envelope is missing: at each recall the largest precision counts that there is at this "
    "recall or a higher one.",
    area,
    envelope=lambda p: p,
)
bank.variant(
    "envelope_from_the_left",
    "The envelope looks back here, at the largest precision until now; it looks ahead, at the "
    "largest from this recall on.",
    area,
    envelope=np.maximum.accumulate,
)
bank.variant(
    "lower_envelope",
    "The *largest* precision from this recall on counts; here it is the smallest until now.",
    area,
    envelope=np.minimum.accumulate,
)
bank.variant(
    "smallest_ahead",
    "The *largest* precision from this recall on counts; here it is the smallest.",
    area,
    envelope=lambda p: np.minimum.accumulate(p[::-1])[::-1],
)
bank.variant(
    "largest_of_all",
    "At each recall the largest precision of the whole curve counts here; only that from this "
    "recall on is meant.",
    area,
    envelope=lambda p: np.full_like(p, p.max(initial=0)),
)
bank.variant(
    "only_higher_recalls",
    "The precision at a recall itself counts too, not only those at higher ones.",
    area,
    envelope=lambda p: np.append(envelope_of(p)[1:], 0)[: len(p)],
)
bank.variant(
    "next_only",
    "The largest of *all* precisions from this recall on counts; here only a detection and the "
    "next are compared.",
    area,
    envelope=lambda p: np.maximum(p, np.append(p[1:], 0)[: len(p)]),
)

# The area

bank.variant(
    "eleven_points",
    "This is the mean at the eleven recalls 0, 0.1, ..., 1, the rule until 2009; the area at all "
    "points is asked for.",
    sampled,
    places=np.linspace(0, 1, 11),
)
bank.variant(
    "hundred_and_one_points",
    "This is the mean at 101 recalls, the rule of COCO; the area at all points is asked for.",
    sampled,
    places=np.linspace(0, 1, 101),
)


@bank.mistake(
    "The points of the curve are joined by slanting lines, and without the envelope: steps of the "
    "envelope are asked for."
)
def trapezoids_of_the_curve(scores, matched, positives):
    recall, precision = curve(scores, matched, positives)
    if not len(recall):
        return 0.0
    recall, precision = np.append(0, recall), np.append(1, precision)
    return np.sum(np.diff(recall) * (precision[1:] + precision[:-1]) / 2)


@bank.mistake(
    "The points of the curve are joined by slanting lines, without the envelope and without a "
    "point at recall 0: steps of the envelope are asked for, from recall 0 on."
)
def trapezoids_without_a_beginning(scores, matched, positives):
    recall, precision = curve(scores, matched, positives)
    return np.sum(np.diff(recall) * (precision[1:] + precision[:-1]) / 2)


@bank.mistake(
    "The heights of the envelope are added up for all detections and divided by `positives`: only "
    "at matched ones the recall grows, and only they count."
)
def all_counted(scores, matched, positives):
    _, precision = curve(scores, matched, positives)
    return envelope_of(precision).sum() / positives


@bank.mistake(
    "The first step is missing: the curve begins at recall 0, and the first match adds to the area "
    "too."
)
def first_step_missing(scores, matched, positives):
    recall, precision = curve(scores, matched, positives)
    return np.sum(np.diff(recall) * envelope_of(precision)[1:])


@bank.mistake(
    "Beyond the highest recall that is reached there is no area; here the last precision goes on "
    "up to recall 1."
)
def carried_on_to_one(scores, matched, positives):
    recall, precision = curve(scores, matched, positives)
    if not len(recall):
        return 0.0
    beyond = precision[-1] * (1 - recall[-1])
    return average_precision(scores, matched, positives) + beyond


@bank.mistake(
    "The envelope is averaged over all detections; each step counts as much as the recall grows in "
    "it, so that only matched ones count."
)
def mean_over_detections(scores, matched, positives):
    _, precision = curve(scores, matched, positives)
    return envelope_of(precision).mean() if len(precision) else 0.0


@bank.mistake(
    "The precisions are averaged over all detections: the area under the envelope is asked for, "
    "over recall."
)
def mean_precision(scores, matched, positives):
    return at(scores, matched, positives, lambda recall, precision: precision.mean())


# Recall

bank.variant(
    "recall_of_the_matched",
    "The recall is divided by how many are matched, so that it always reaches 1; it is a share of "
    "all `positives`, found or not.",
    area,
    total=lambda matched, positives: matched.sum(),
)
bank.variant(
    "recall_of_the_detections",
    "The recall is divided by the number of detections; it is a share of all `positives`.",
    area,
    total=lambda matched, positives: len(matched),
)
bank.variant(
    "recall_of_the_missed",
    "The recall is divided by how many are missed; it is a share of all `positives`.",
    area,
    total=lambda matched, positives: positives - matched.sum(),
)
bank.variant(
    "not_divided",
    "The recall is a share of `positives`; here it is a number of matches, and the area too large.",
    area,
    total=lambda matched, positives: 1,
)


@bank.mistake(
    "Neither the envelope nor all positives are in this: the precisions at the matched ones are "
    "averaged, as in retrieval."
)
def as_in_retrieval(scores, matched, positives):
    _, precision = curve(scores, matched, positives)
    hits = matched[np.argsort(-scores)]
    return precision[hits].mean() if hits.any() else 0.0


@bank.mistake(
    "Neither the envelope nor all positives are in this: the precisions at the matched ones are "
    "averaged, as in retrieval, and without a match there is 0 / 0."
)
def as_in_retrieval_without_care(scores, matched, positives):
    _, precision = curve(scores, matched, positives)
    return precision[matched[np.argsort(-scores)]].mean()


# Precision


@bank.mistake(
    "The precision is the share of matched ones among the detections until now; here they are "
    "divided by the unmatched ones."
)
def matched_by_unmatched(scores, matched, positives):
    hits = matched[np.argsort(-scores)]
    odds = np.cumsum(hits) / np.maximum(np.cumsum(~hits), 1)
    return np.sum(envelope_of(odds)[hits]) / positives


@bank.mistake(
    "The precision behind the k-th detection is a share of k detections; here k begins at 0, or 1 "
    "too many is counted."
)
def counted_from_zero(scores, matched, positives):
    hits = matched[np.argsort(-scores)]
    precision = np.cumsum(hits) / np.maximum(np.arange(len(hits)), 1)
    return np.sum(envelope_of(precision)[hits]) / positives


@bank.mistake(
    "The precision is divided by the number of all detections; it is a share of those until now."
)
def divided_by_all(scores, matched, positives):
    hits = matched[np.argsort(-scores)]
    precision = np.cumsum(hits) / max(len(hits), 1)
    return np.sum(envelope_of(precision)[hits]) / positives


@bank.mistake("Matched and unmatched are exchanged: what is matched is right.")
def exchanged(scores, matched, positives):
    return average_precision(scores, ~matched, positives)


@bank.mistake(
    "The scores are taken for precisions here: the precision is the share of matched ones until "
    "now, and the scores only give the order."
)
def scores_as_precisions(scores, matched, positives):
    ordered = np.argsort(-scores)
    return np.sum(envelope_of(scores[ordered])[matched[ordered]]) / positives


# Another number

bank.variant(
    "last_precision",
    "This is the precision of all detections together: the area under the curve is asked for.",
    at,
    take=lambda recall, precision: precision[-1],
)
bank.variant(
    "best_f1",
    "This is the best F1 score: the area under the curve is asked for.",
    at,
    take=lambda r, p: np.max(2 * r * p / np.maximum(r + p, 1e-12)),
)
bank.variant(
    "in_percent",
    "A share of 0 to 1 is asked for, not percent.",
    area,
    change=lambda result, matched, positives: 100 * result,
)
bank.variant(
    "one_minus",
    "This is 1 less the area: the area is asked for.",
    area,
    change=lambda result, matched, positives: 1 - result,
)


@bank.mistake("The curve is returned; one number is asked for, the area under its envelope.")
def whole_curve(scores, matched, positives):
    return envelope_of(curve(scores, matched, positives)[1])


@bank.mistake(
    "Without detections, or without a match, the area is 0; here it is no number (0 / 0)."
)
def nothing_found(scores, matched, positives):
    result = average_precision(scores, matched, positives)
    return result if matched.any() else float("nan")
