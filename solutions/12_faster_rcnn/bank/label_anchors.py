"""Answers to `label_anchors`, right and wrong."""

import numpy as np
from keras import ops

from autograder.setting.bank import Bank

from ..tasks import areas, iou, label_anchors

bank = Bank(label_anchors)
ONE_MORE = np.array([0, 0, 1, 1])  # for ends that are taken for the last pixel


# Right answers


def overlap(a, b):
    """The intersection over union of two boxes, number by number."""
    height = min(a[2], b[2]) - max(a[0], b[0])
    width = min(a[3], b[3]) - max(a[1], b[1])
    if height <= 0 or width <= 0:
        return 0.0
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return height * width / (both - height * width)


@bank.accepted
def in_loops(anchors, boxes, positive=0.7, negative=0.3):
    labels = []
    for anchor in anchors:
        most = max((overlap(anchor, box) for box in boxes), default=0.0)
        labels.append(1 if most >= positive else 0 if most < negative else -1)
    for box in boxes:
        found = [overlap(anchor, box) for anchor in anchors]
        if max(found) > 0:
            labels[found.index(max(found))] = 1
    return labels


@bank.accepted
def with_places_of_the_best(anchors, boxes, positive=0.7, negative=0.3):
    labels = np.full(len(anchors), -1)
    if not len(boxes):
        return np.zeros_like(labels)
    overlaps = iou(anchors, boxes)
    labels[(overlaps < negative).all(axis=1)] = 0
    labels[(overlaps >= positive).any(axis=1)] = 1
    best = overlaps.argmax(axis=0)
    labels[best[overlaps[best, np.arange(len(boxes))] > 0]] = 1
    return labels


@bank.accepted
def only_boxes_without_a_positive(anchors, boxes, positive=0.7, negative=0.3):
    """A box with an anchor above `positive` has its best among these."""
    overlaps = iou(anchors, boxes)
    labels = np.zeros(len(anchors), "int8")
    for column in overlaps.T:
        labels[(column >= negative) & (labels == 0)] = -1
        labels[column >= positive] = 1
    for column in overlaps.T:
        if 0 < column.max() < positive:
            labels[np.argmax(column)] = 1
    return labels


@bank.accepted
def overlaps_raised_to_1(anchors, boxes, positive=0.7, negative=0.3):
    """The best anchor of a box counts as if it were the box itself."""
    overlaps = np.concatenate([iou(anchors, boxes), np.zeros((len(anchors), 1))], axis=1)
    for j in range(len(boxes)):
        best = np.argsort(overlaps[:, j])[-1]
        overlaps[best, j] = max(1.0, positive) if overlaps[best, j] else 0.0
    most = np.sort(overlaps, axis=1)[:, -1]
    return np.select([most >= positive, most >= negative], [1.0, -1.0], 0.0)


@bank.accepted
def counted_thresholds(anchors, boxes, positive=0.7, negative=0.3):
    """0, 1 or 2 thresholds are reached: 0, -1, 1."""
    overlaps = iou(anchors, boxes)
    most = np.array([max([0.0, *row]) for row in overlaps])
    labels = np.array([0, -1, 1])[(most >= negative).astype(int) + (most >= positive)]
    chosen = {int(c.argmax()) for c in overlaps.T if c.any()}
    return [1 if k in chosen else int(label) for k, label in enumerate(labels)]


@bank.accepted
def with_ops(anchors, boxes, positive=0.7, negative=0.3):
    if boxes.shape[0] == 0:
        return ops.zeros((anchors.shape[0],), "int32")
    a, b = ops.convert_to_tensor(anchors)[:, None], ops.convert_to_tensor(boxes)[None]
    starts = ops.maximum(a[..., :2], b[..., :2])
    common = ops.prod(ops.relu(ops.minimum(a[..., 2:], b[..., 2:]) - starts), axis=-1)
    first, second = (ops.prod(x[..., 2:] - x[..., :2], axis=-1) for x in (a, b))
    overlaps = common / (first + second - common)
    most = ops.max(overlaps, axis=1)
    best = ops.one_hot(ops.argmax(overlaps, axis=0), anchors.shape[0], axis=0)
    is_best = ops.any(ops.logical_and(ops.cast(best, "bool"), overlaps > 0), axis=1)
    labels = ops.where(ops.logical_or(most >= positive, is_best), 1, -1)
    chosen = ops.logical_and(most < negative, ops.logical_not(is_best))
    return np.array(ops.where(chosen, 0, labels))


# Wrong answers: what they are made of


def by_thresholds(most, positive, negative):
    return np.where(most >= positive, 1, np.where(most < negative, 0, -1))


def best_of(overlaps):
    """Which anchors are the best of a box that they overlap."""
    return ((overlaps == overlaps.max(axis=0)) & (overlaps > 0)).any(axis=1)


def labelled(
    anchors, boxes, positive=0.7, negative=0.3, overlap=iou, most=None, raised=best_of, rule=None
):
    """The model answer with other overlaps, other anchors that are best, or another rule."""
    overlaps = overlap(anchors, boxes)
    most = most or (lambda overlaps: overlaps.max(axis=1, initial=0))
    labels = (rule or by_thresholds)(most(overlaps), positive, negative)
    if overlaps.size:
        labels[raised(overlaps)] = 1
    return labels


def after(anchors, boxes, positive=0.7, negative=0.3, change=None):
    """The model answer with the result changed."""
    return change(label_anchors(anchors, boxes, positive, negative), iou(anchors, boxes))


def shares(a, b, of):
    """The common area over something else."""
    sides = np.minimum(a[:, None, 2:], b[:, 2:]) - np.maximum(a[:, None, :2], b[:, :2])
    common = np.prod(np.maximum(sides, 0), axis=-1)
    return common / of(areas(a)[:, None] + 0 * common, areas(b) + 0 * common)


# A box's best anchor

bank.variant(
    "no_best",
    "A box's best anchor is 1 although its overlap is below `positive`; here only the threshold "
    "counts.",
    labelled,
    raised=lambda overlaps: [],
)
bank.variant(
    "best_without_overlap",
    "A box that overlaps no anchor has no best one; here an anchor becomes 1 all the same, the "
    "first of many with an overlap of 0.",
    labelled,
    raised=lambda overlaps: overlaps.argmax(axis=0),
)


@bank.mistake(
    "A box's best anchor is 1 if it overlaps at all; here one whose overlap is below `negative` is "
    "left, or made, 0."
)
def best_only_above_negative(anchors, boxes, positive=0.7, negative=0.3):
    labels, overlaps = label_anchors(anchors, boxes, positive, negative), iou(anchors, boxes)
    return np.where(overlaps.max(axis=1, initial=0) < negative, 0, labels)


@bank.mistake(
    "A box's best anchor is 1 if it overlaps at all; here only if its overlap reaches `negative`."
)
def best_from_negative_on(anchors, boxes, positive=0.7, negative=0.3):
    overlaps = iou(anchors, boxes)
    labels = by_thresholds(overlaps.max(axis=1, initial=0), positive, negative)
    for column in overlaps.T:
        if column.max() >= negative:
            labels[column.argmax()] = 1
    return labels


bank.variant(
    "every_anchor_that_overlaps",
    "Each *box* has one best anchor; here every anchor becomes 1 that overlaps a box.",
    labelled,
    raised=lambda overlaps: (overlaps > 0).any(axis=1),
)
bank.variant(
    "one_best_of_all",
    "Each box has its own best anchor; here only the one with the largest overlap of all is 1.",
    labelled,
    raised=lambda overlaps: [overlaps.max(axis=1).argmax()] if overlaps.any() else [],
)
bank.variant(
    "best_of_the_first_box",
    "Each box has its own best anchor; here only that of the first box is 1.",
    labelled,
    raised=lambda overlaps: best_of(overlaps[:, :1]),
)
bank.variant(
    "best_of_the_last_box",
    "Each box has its own best anchor; here only that of the last box is 1.",
    labelled,
    raised=lambda overlaps: best_of(overlaps[:, -1:]),
)
bank.variant(
    "numbers_of_boxes",
    "The best *anchor* of each box is meant, the largest of each column; here the largest of each "
    "row is looked for, and its place taken for that of an anchor.",
    labelled,
    raised=lambda overlaps: overlaps.argmax(axis=1),
)
bank.variant(
    "all_that_are_not_negative",
    "Of the anchors between the thresholds only a box's best one is 1; here all are.",
    labelled,
    raised=lambda overlaps: best_of(overlaps) | (overlaps.max(axis=1) >= 0.3),
)
bank.variant(
    "least_of_each_box",
    "A box's best anchor is the one with the *largest* overlap; here the smallest is taken.",
    labelled,
    raised=lambda overlaps: overlaps.argmin(axis=0),
)


@bank.mistake(
    "A box's best anchor is 1; here it is so only if the box is the one that the anchor overlaps "
    "most, so that a box whose best anchor lies nearer to another box gets none."
)
def best_for_each_other(anchors, boxes, positive=0.7, negative=0.3):
    def mutual(overlaps):
        own = (overlaps == overlaps.max(axis=1, keepdims=True)) & (overlaps > 0)
        return (own & (overlaps == overlaps.max(axis=0))).any(axis=1)

    return labelled(anchors, boxes, positive, negative, raised=mutual)


@bank.mistake("Only a box's best anchor is 1 here: all whose overlap reaches `positive` are, too.")
def only_the_best(anchors, boxes, positive=0.7, negative=0.3):
    return labelled(
        anchors,
        boxes,
        positive,
        negative,
        rule=lambda most, positive, negative: np.where(most < negative, 0, -1),
    )


@bank.mistake(
    "Of two boxes with one best anchor the second takes its next best here; it has none but that."
)
def one_by_one(anchors, boxes, positive=0.7, negative=0.3):
    overlaps = iou(anchors, boxes)
    labels = by_thresholds(overlaps.max(axis=1, initial=0), positive, negative)
    for column in range(len(boxes)):
        best = overlaps[:, column].argmax()
        if overlaps[best, column] > 0:
            labels[best] = 1
            overlaps[best] = 0
    return labels


@bank.mistake(
    "An anchor's label depends on all boxes; here the rules are gone through box by box, and what "
    "the last box says stands in the end, except where an earlier one said that it is neither."
)
def written_over(anchors, boxes, positive=0.7, negative=0.3):
    labels = np.full(len(anchors), -1 if len(boxes) else 0)
    for column in iou(anchors, boxes).T:
        labels[column < negative] = 0
        labels[column >= positive] = 1
        if column.any():
            labels[column.argmax()] = 1
    return labels


@bank.mistake(
    "An anchor's label depends on all boxes; here each box labels all anchors anew, and what the "
    "last one says stands in the end."
)
def labelled_anew(anchors, boxes, positive=0.7, negative=0.3):
    labels = np.zeros(len(anchors), int)
    for column in iou(anchors, boxes).T:
        labels = by_thresholds(column, positive, negative)
        if column.any():
            labels[column.argmax()] = 1
    return labels


# The thresholds

for name, hint, rule in (
    (
        "above_positive",
        "An overlap of exactly `positive` is enough for 1; here it must be larger.",
        lambda most, positive, negative: np.where(
            most > positive, 1, np.where(most < negative, 0, -1)
        ),
    ),
    (
        "up_to_negative",
        "Only an overlap *below* `negative` is 0; here one that equals it is, too.",
        lambda most, positive, negative: np.where(
            most >= positive, 1, np.where(most <= negative, 0, -1)
        ),
    ),
    (
        "ignored_and_negative_exchanged",
        "What is below `negative` is 0, what is between the thresholds -1; here they are "
        "exchanged.",
        lambda most, positive, negative: np.where(
            most >= positive, 1, np.where(most < negative, -1, 0)
        ),
    ),
    (
        "nothing_ignored",
        "An anchor between the thresholds is -1; here it is 0, as if `negative` were not there.",
        lambda most, positive, negative: np.where(most >= positive, 1, 0),
    ),
    (
        "no_negatives",
        "An anchor below `negative` is 0; here all that are not 1 are -1.",
        lambda most, positive, negative: np.where(most >= positive, 1, -1),
    ),
    (
        "between_is_positive",
        "An anchor between the thresholds is -1; here it is 1, as if `positive` were `negative`.",
        lambda most, positive, negative: np.where(most < negative, 0, 1),
    ),
    (
        "zero_overlap_ignored",
        "An anchor that overlaps no box is 0 like all below `negative`; here it is -1.",
        lambda most, positive, negative: np.where(
            most >= positive, 1, np.where((most < negative) & (most > 0), 0, -1)
        ),
    ),
    (
        "only_those_apart",
        "Every anchor below `negative` is 0; here only such as overlap no box at all.",
        lambda most, positive, negative: np.where(most >= positive, 1, np.where(most == 0, 0, -1)),
    ),
    (
        "positive_negated",
        "1 and 0 are exchanged: 1 is for anchors on an object.",
        lambda most, positive, negative: np.where(
            most >= positive, 0, np.where(most < negative, 1, -1)
        ),
    ),
    (
        "in_the_middle",
        "The thresholds are two; here their mean is one for both, and no anchor is -1.",
        lambda most, positive, negative: np.where(most >= (positive + negative) / 2, 1, 0),
    ),
):
    bank.variant(name, hint, labelled, rule=rule)


# What an anchor overlaps

for name, hint, most in (
    (
        "first_box_only",
        "An anchor is judged by the box that it overlaps most; here by the first one.",
        lambda overlaps: overlaps[:, :1].max(axis=1, initial=0),
    ),
    (
        "last_box_only",
        "An anchor is judged by the box that it overlaps most; here by the last one, whose label "
        "stands in the end.",
        lambda overlaps: overlaps[:, -1:].max(axis=1, initial=0),
    ),
    (
        "overlaps_added",
        "An anchor is judged by the box that it overlaps most; here by the sum of its overlaps.",
        lambda overlaps: overlaps.sum(axis=1),
    ),
    (
        "overlaps_averaged",
        "An anchor is judged by the box that it overlaps most; here by the mean of its overlaps.",
        lambda overlaps: overlaps.sum(axis=1) / max(overlaps.shape[1], 1),
    ),
    (
        "least_overlap",
        "An anchor is judged by the box that it overlaps most; here by the one that it overlaps "
        "least.",
        lambda overlaps: overlaps.min(axis=1) if overlaps.size else overlaps.max(axis=1, initial=0),
    ),
):
    bank.variant(name, hint, labelled, most=most)


@bank.mistake(
    "An anchor is 0 if its overlap is below `negative` with *every* box; here one box is enough."
)
def below_for_one_box(anchors, boxes, positive=0.7, negative=0.3):
    labels, overlaps = label_anchors(anchors, boxes, positive, negative), iou(anchors, boxes)
    low = (overlaps < negative).any(axis=1) & (overlaps.max(axis=1, initial=0) < positive)
    return np.where(low & ~best_of(overlaps), 0, labels) if overlaps.size else labels


for name, hint, measure in (
    (
        "over_the_anchor",
        "The overlap is the common part over the *union*; here it is over the anchor's area.",
        lambda a, b: shares(a, b, lambda own, box: own),
    ),
    (
        "over_the_box",
        "The overlap is the common part over the *union*; here it is over the box's area.",
        lambda a, b: shares(a, b, lambda own, box: box),
    ),
    (
        "over_the_sum",
        "The overlap is the common part over the union; the sum of both areas counts it twice.",
        lambda a, b: shares(a, b, np.add),
    ),
    (
        "over_the_smaller",
        "The overlap is the common part over the *union*; here it is over the smaller area.",
        lambda a, b: shares(a, b, np.minimum),
    ),
    (
        "dice",
        "The overlap is the common part over the union; here it is twice that over the sum of the "
        "areas (the Dice coefficient).",
        lambda a, b: 2 * shares(a, b, np.add),
    ),
    (
        "ends_included",
        "Ends are where a box ends, not its last pixel; here 1 is added to each height and width.",
        lambda a, b: iou(a + ONE_MORE, b + ONE_MORE),
    ),
    (
        "corner_and_size",
        "The last two numbers of a box are its lower right corner; here they are taken for height "
        "and width.",
        lambda a, b: iou(*(np.hstack([x[:, :2], x[:, :2] + x[:, 2:]]) for x in (a, b))),
    ),
):
    bank.variant(name, hint, labelled, overlap=measure)


# The result

for name, hint, change in (
    (
        "a_label_for_each_pair",
        "One label for each anchor is asked for; here there is one for each anchor and box.",
        lambda labels, overlaps: labels[:, None] + 0 * overlaps.astype(int),
    ),
    (
        "which_box",
        "A label is 1, 0 or -1; here it is the number of the box that an anchor belongs to.",
        lambda labels, overlaps: np.where(
            labels == 1, overlaps.argmax(axis=1) if overlaps.size else 0, -1
        ),
    ),
    (
        "numbers_of_the_positives",
        "A label for each anchor is asked for; here the places of those that are 1 are returned.",
        lambda labels, overlaps: np.flatnonzero(labels == 1),
    ),
    (
        "booleans",
        "A label is 1, 0 or -1; here it is True where it should be 1, and False elsewhere.",
        lambda labels, overlaps: labels == 1,
    ),
    (
        "another_code",
        "A label is 1, 0 or -1; here 2 stands for what is to be -1.",
        lambda labels, overlaps: np.where(labels < 0, 2, labels),
    ),
    (
        "a_column",
        "The labels are one row of numbers, of shape (N,); here they have a second axis.",
        lambda labels, overlaps: labels[:, None],
    ),
    (
        "without_boxes_all_ignored",
        "Without boxes there is nothing but background: all labels are 0; here they are -1.",
        lambda labels, overlaps: labels if overlaps.shape[1] else labels - 1,
    ),
    (
        "without_boxes_all_positive",
        "Without boxes there is nothing but background: all labels are 0; here they are 1.",
        lambda labels, overlaps: labels if overlaps.shape[1] else labels + 1,
    ),
    (
        "without_boxes_nothing",
        "Without boxes all labels are 0; here there are none.",
        lambda labels, overlaps: labels if overlaps.shape[1] else labels[:0],
    ),
):
    bank.variant(name, hint, after, change=change)


# Labels that are floats: what is seen of them is another thing


def in_floats(anchors, boxes, positive=0.7, negative=0.3, wrong=label_anchors):
    return wrong(anchors, boxes, positive, negative).astype(float)


OFTEN_IN_FLOATS = (
    "no_best",
    "best_without_overlap",
    "best_only_above_negative",
    "ignored_and_negative_exchanged",
    "nothing_ignored",
    "no_negatives",
    "above_positive",
    "up_to_negative",
    "labelled_anew",
    "written_over",
)
for mistake in [one for one in bank.wrong if one.function.__name__ in OFTEN_IN_FLOATS]:
    name = f"{mistake.function.__name__}_in_floats"
    bank.variant(name, mistake.hint, in_floats, wrong=mistake.function)
