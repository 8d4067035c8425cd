"""Answers to `nms`, right and wrong."""

import numpy as np
from keras import ops

from autograder.setting.bank import Bank

from ..tasks import areas, iou, nms

bank = Bank(nms)
ONE_MORE = np.array([0, 0, 1, 1])  # for ends that are taken for the last pixel


# Right answers


@bank.accepted
def rest_by_rest(boxes, scores, threshold):
    order, kept = np.argsort(scores)[::-1], []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        order = rest[iou(boxes[best : best + 1], boxes[rest])[0] <= threshold]
    return kept


@bank.accepted
def with_flags(boxes, scores, threshold):
    gone, kept = np.zeros(len(boxes), bool), []
    for i in sorted(range(len(boxes)), key=lambda k: scores[k], reverse=True):
        if gone[i]:
            continue
        kept.append(i)
        for j in range(len(boxes)):
            common = np.minimum(boxes[i, 2:], boxes[j, 2:]) - np.maximum(boxes[i, :2], boxes[j, :2])
            common = max(common[0], 0) * max(common[1], 0)
            if common > threshold * (areas(boxes[i]) + areas(boxes[j]) - common):
                gone[j] = True
    return np.array(kept)


@bank.accepted
def the_best_until_none_is_left(boxes, scores, threshold):
    left, overlaps, kept = scores.astype("float64"), iou(boxes, boxes), []
    while (left > -np.inf).any():
        best = int(np.argmax(left))
        kept.append(best)
        left[overlaps[best] > threshold] = -np.inf
        left[best] = -np.inf
    return np.array(kept, "int32")


@bank.accepted
def by_recursion(boxes, scores, threshold):
    def kept(among):
        if not among:
            return []
        best = max(among, key=lambda i: scores[i])
        others = [i for i in among if i != best]
        overlaps = iou(boxes[[best]], boxes[others])[0]
        return [best, *kept([i for i, o in zip(others, overlaps, strict=True) if o <= threshold])]

    return kept(list(range(len(boxes))))


@bank.accepted
def with_a_matrix_of_victims(boxes, scores, threshold):
    """Who could remove whom, in the order of scores; then row by row."""
    order = np.argsort(-scores, kind="stable")
    removes = np.triu(iou(boxes[order], boxes[order]) > threshold, 1)
    alive = np.ones(len(order), bool)
    for row in range(len(order)):
        if alive[row]:
            alive &= ~removes[row]
    return order[alive]


@bank.accepted
def until_nothing_changes(boxes, scores, threshold):
    order = np.argsort(-scores)
    removes = np.triu(iou(boxes[order], boxes[order]) > threshold, 1)
    alive = np.ones(len(order), bool)
    for _ in order:
        alive = ~(removes & alive[:, None]).any(axis=0)
    return [int(i) for i in order[alive]]


@bank.accepted
def with_ops(boxes, scores, threshold):
    order = ops.convert_to_numpy(ops.argsort(-ops.convert_to_tensor(scores)))
    kept: list = []
    for index in order:
        if all(iou(boxes[[index]], boxes[[k]])[0, 0] <= threshold for k in kept):
            kept = [*kept, index]
    return np.asarray(kept, order.dtype)


# Wrong answers: what they are made of


def greedy(boxes, scores, threshold, order=None, goes=None, overlap=iou):
    """The model answer with another order, another overlap, or another rule for what goes."""
    order = np.argsort(-scores) if order is None else order(boxes, scores)
    goes = goes or (lambda overlaps, threshold: (overlaps > threshold).any())
    kept: list[int] = []
    for index in order:
        if not goes(overlap(boxes[[index]], boxes[kept])[0], threshold):
            kept.append(index)
    return np.array(kept, "int64")


def after(boxes, scores, threshold, change):
    """The model answer with the result changed."""
    return change(nms(boxes, scores, threshold), boxes, scores)


def common_area(a, b):
    sides = np.minimum(a[:, None, 2:], b[:, 2:]) - np.maximum(a[:, None, :2], b[:, :2])
    return np.prod(np.maximum(sides, 0), axis=-1)


def shares(a, b, of):
    below = of(np.broadcast_to(areas(a)[:, None], (len(a), len(b))), areas(b))
    return common_area(a, b) / np.where(below > 0, below, 1)


# The order

bank.variant(
    "worst_first",
    "The boxes are gone through from the lowest score up: begin with the best.",
    greedy,
    order=lambda boxes, scores: np.argsort(scores),
)
bank.variant(
    "as_they_come",
    "The boxes are gone through in the order in which they stand: go through them by score, the "
    "best first.",
    greedy,
    order=lambda boxes, scores: np.arange(len(boxes)),
)
bank.variant(
    "largest_first",
    "The boxes are gone through by their area: go through them by score, the best first.",
    greedy,
    order=lambda boxes, scores: np.argsort(-areas(boxes), kind="stable"),
)
bank.variant(
    "by_absolute_score",
    "The order is by score, and one below 0 is lower than any above; here its sign is lost.",
    greedy,
    order=lambda boxes, scores: np.argsort(-np.abs(scores)),
)

# What goes

bank.variant(
    "equal_goes_too",
    "A box whose overlap equals the threshold stays: it must be above it to go.",
    greedy,
    goes=lambda overlaps, threshold: (overlaps >= threshold).any(),
)
bank.variant(
    "those_apart_go",
    "A box goes if it overlaps a kept one by *more* than the threshold; here those go that overlap "
    "by less.",
    greedy,
    goes=lambda overlaps, threshold: (overlaps <= threshold).any(),
)
bank.variant(
    "all_must_overlap",
    "One kept box with an overlap above the threshold is enough for a box to go; here all kept "
    "ones must have one.",
    greedy,
    goes=lambda overlaps, threshold: len(overlaps) > 0 and (overlaps > threshold).all(),
)
bank.variant(
    "only_the_best_counts",
    "A box must be held against every kept one; here only against the one with the best score, as "
    "if the search ended after it.",
    greedy,
    goes=lambda overlaps, threshold: (overlaps[:1] > threshold).any(),
)
bank.variant(
    "only_the_last_counts",
    "A box must be held against every kept one; here only against the one that was kept last.",
    greedy,
    goes=lambda overlaps, threshold: (overlaps[-1:] > threshold).any(),
)
bank.variant(
    "overlaps_added_up",
    "The overlaps with the kept boxes are added up; each is to be compared with the threshold by "
    "itself.",
    greedy,
    goes=lambda overlaps, threshold: overlaps.sum() > threshold,
)
bank.variant(
    "any_overlap_at_all",
    "A box goes only if its overlap is above the threshold; here any overlap is enough.",
    greedy,
    goes=lambda overlaps, threshold: (overlaps > 0).any(),
)
bank.variant(
    "distances",
    "What is compared with the threshold is 1 - IoU here; a box goes if its IoU is above it.",
    greedy,
    goes=lambda overlaps, threshold: (1 - overlaps > threshold).any(),
)


@bank.mistake(
    "A box that is gone removes no other one; here a box goes because of any better one, kept or "
    "not."
)
def the_removed_remove_too(boxes, scores, threshold):
    order = np.argsort(-scores)
    gone = np.triu(iou(boxes[order], boxes[order]) > threshold, 1).any(axis=0)
    return order[~gone]


@bank.mistake(
    "Each box is compared only with the next better one: it must be held against every kept one."
)
def neighbours_in_the_ranking(boxes, scores, threshold):
    order = np.argsort(-scores)
    pairs = zip(order[1:], order[:-1], strict=True)
    stays = [iou(boxes[[i]], boxes[[j]])[0, 0] <= threshold for i, j in pairs]
    return order[np.array([True, *stays][: len(order)], bool)]


@bank.mistake(
    "Every box that overlaps another one goes, the better one too: the best of them stays."
)
def nobody_stays(boxes, scores, threshold):
    overlaps = iou(boxes, boxes) * (1 - np.eye(len(boxes)))
    order = np.argsort(-scores)
    return order[~(overlaps > threshold).any(axis=1)[order]]


@bank.mistake(
    "Boxes are taken out of a list while a loop runs over it, so that the one behind each is "
    "skipped and stays: make a new list of those that are left."
)
def skipping_in_a_loop(boxes, scores, threshold):
    left, kept = [int(i) for i in np.argsort(-scores)], []
    while left:
        best = left.pop(0)
        kept.append(best)
        for other in left:
            if iou(boxes[[best]], boxes[[other]])[0, 0] > threshold:
                left.remove(other)
    return np.array(kept, "int64")


@bank.mistake(
    "Of the best box and those that it overlaps the last one is kept here: the best stays, and the "
    "others go."
)
def the_last_of_each_group(boxes, scores, threshold):
    order, kept = np.argsort(-scores), []
    while len(order):
        near = iou(boxes[order[:1]], boxes[order])[0] > threshold
        near[0] = True
        kept.append(order[near][-1])
        order = order[~near]
    return np.array(kept, "int64")


@bank.mistake("The last box is lost: the loop must go on while one is left, not two.")
def the_last_lost(boxes, scores, threshold):
    order, kept = np.argsort(-scores), []
    while len(order) > 1:
        best, rest = order[0], order[1:]
        kept.append(best)
        order = rest[iou(boxes[[best]], boxes[rest])[0] <= threshold]
    return np.array(kept, "int64")


@bank.mistake("Nothing goes here: the boxes are only sorted by their scores.")
def only_sorted(boxes, scores, threshold):
    return np.argsort(-scores)


# The overlap

bank.variant(
    "over_the_smaller",
    "The overlap is the common part over the *union*; here it is over the smaller box, so that a "
    "box within another one goes.",
    greedy,
    overlap=lambda a, b: shares(a, b, np.minimum),
)
bank.variant(
    "over_its_own_area",
    "The overlap is the common part over the *union*; here it is over the area of the box that is "
    "to go or to stay.",
    greedy,
    overlap=lambda a, b: shares(a, b, lambda own, kept: own),
)
bank.variant(
    "over_the_kept_area",
    "The overlap is the common part over the *union*; here it is over the area of the kept box.",
    greedy,
    overlap=lambda a, b: shares(a, b, lambda own, kept: own * 0 + kept),
)
bank.variant(
    "dice",
    "The overlap is the common part over the union; here it is twice that over the sum of the "
    "areas (the Dice coefficient).",
    greedy,
    overlap=lambda a, b: 2 * shares(a, b, np.add),
)
bank.variant(
    "over_the_sum",
    "The overlap is the common part over the union; the sum of both areas counts the common part "
    "twice.",
    greedy,
    overlap=lambda a, b: shares(a, b, np.add),
)
bank.variant(
    "ends_included",
    "Ends are where a box ends, not its last pixel; here 1 is added to each height and width.",
    greedy,
    overlap=lambda a, b: iou(a + ONE_MORE, b + ONE_MORE),
)

bank.variant(
    "centre_and_size",
    "A box is two corners, (y1, x1, y2, x2); here it is taken for a centre and a size.",
    greedy,
    overlap=lambda a, b: iou(
        *(np.hstack([x[:, :2] - x[:, 2:] / 2, x[:, :2] + x[:, 2:] / 2]) for x in (a, b))
    ),
)
bank.variant(
    "corner_and_size",
    "The last two numbers of a box are its lower right corner; here they are taken for height and "
    "width.",
    greedy,
    overlap=lambda a, b: iou(*(np.hstack([x[:, :2], x[:, :2] + x[:, 2:]]) for x in (a, b))),
)

# What else goes


@bank.mistake(
    "Boxes with a low score go here, although they overlap none: the threshold is one of overlaps, "
    "not of scores."
)
def threshold_of_scores(boxes, scores, threshold):
    kept = nms(boxes, scores, threshold)
    return kept[scores[kept] > threshold]


@bank.mistake("Boxes with a score below 0 go here: a score is any number, and the best is first.")
def negative_scores_go(boxes, scores, threshold):
    kept = nms(boxes, scores, threshold)
    return kept[scores[kept] > 0]


@bank.mistake("An empty box overlaps none, and stays.")
def empty_ones_go(boxes, scores, threshold):
    kept = nms(boxes, scores, threshold)
    return kept[areas(boxes)[kept] > 0]


# The result

bank.variant(
    "scores_of_the_kept",
    "The scores of the kept boxes are returned; their places in `boxes` are asked for.",
    after,
    change=lambda kept, boxes, scores: scores[kept],
)
bank.variant(
    "mask",
    "A box that stays is marked True here; the places of those that stay are asked for, the best "
    "first.",
    after,
    change=lambda kept, boxes, scores: np.isin(np.arange(len(boxes)), kept),
)
bank.variant(
    "those_that_go",
    "The places of the boxes that go are returned; those that stay are asked for.",
    after,
    change=lambda kept, boxes, scores: np.array(
        [i for i in np.argsort(-scores) if i not in kept], "int64"
    ),
)
bank.variant(
    "places_in_the_ranking",
    "These are the places among the sorted boxes; those in `boxes` as it was given are asked for.",
    after,
    change=lambda kept, boxes, scores: np.argsort(np.argsort(-scores))[kept],
)
bank.variant(
    "counted_from_1",
    "Places are counted from 0, not from 1.",
    after,
    change=lambda kept, boxes, scores: kept + 1,
)
bank.variant(
    "counted_from_the_end",
    "Places are counted from the first box on; here from the last, as in an array turned round.",
    after,
    change=lambda kept, boxes, scores: len(boxes) - 1 - kept,
)
bank.variant(
    "the_best_alone",
    "Only the best box is returned: all that are kept are asked for.",
    after,
    change=lambda kept, boxes, scores: kept[:1],
)
bank.variant(
    "in_their_own_order",
    "The right boxes are kept, but their numbers are sorted: the best comes first.",
    after,
    change=lambda kept, boxes, scores: np.sort(kept),
)
bank.variant(
    "best_last",
    "The right boxes are kept, but the best stands last: it comes first.",
    after,
    change=lambda kept, boxes, scores: kept[::-1],
)
bank.variant(
    "boxes_themselves",
    "The kept boxes are returned; their places in `boxes` are asked for.",
    after,
    change=lambda kept, boxes, scores: boxes[kept],
)


@bank.mistake(
    "Empty boxes overlap nothing and stay; here two of them give 0 / 0, which is NaN and not at "
    "most the threshold, so that the second one goes."
)
def nan_goes(boxes, scores, threshold):
    order, kept = np.argsort(-scores), []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        empty = (areas(boxes[best]) == 0) & (areas(boxes[rest]) == 0)
        overlaps = np.where(empty, np.nan, iou(boxes[[best]], boxes[rest])[0])
        order = rest[overlaps <= threshold]
    return kept
