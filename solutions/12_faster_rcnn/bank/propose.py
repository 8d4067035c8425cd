"""Answers to `propose`, right and wrong."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from autograder.setting.bank import Bank

from ..tasks import areas, decode_boxes, iou, nms, propose

bank = Bank(propose)
LARGEST = math.log(1000 / 16)  # where many programs cut off the logarithm of a size


# Right answers


@bank.accepted
def box_by_box(offsets, objectness, anchors, image_size, before, after, threshold):
    found = []
    for (dy, dx, dh, dw), sure, (y1, x1, y2, x2) in zip(offsets, objectness, anchors, strict=True):
        edges = []
        for low, high, shift, growth, size in (
            (y1, y2, dy, dh, image_size[0]),
            (x1, x2, dx, dw, image_size[1]),
        ):
            middle = (low + high) / 2 + shift * (high - low)
            half = (high - low) * math.exp(growth) / 2
            edges.append([min(max(middle + side, 0), size) for side in (-half, half)])
        (top, bottom), (left, right) = edges
        if bottom > top and right > left:
            found.append((sure, [top, left, bottom, right]))
    found = sorted(found, key=lambda pair: -pair[0])[:before]
    kept: list[np.ndarray] = []
    for _, box in found:
        array = np.array(box)
        if len(kept) < after and all(iou(array[None], k[None])[0, 0] <= threshold for k in kept):
            kept.append(array)
    return np.array(kept).reshape(-1, 4)


@bank.accepted
def rest_by_rest(offsets, objectness, anchors, image_size, before, after, threshold):
    height, width = image_size
    boxes = decode_boxes(offsets, anchors)
    boxes[:, 0::2] = boxes[:, 0::2].clip(0, height)
    boxes[:, 1::2] = boxes[:, 1::2].clip(0, width)
    left = np.flatnonzero((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))
    left = left[objectness[left].argsort()[::-1]][:before]
    kept: list[int] = []
    while left.size and len(kept) < after:
        kept.append(left[0])
        left = left[1:][iou(boxes[left[:1]], boxes[left[1:]])[0] <= threshold]
    return boxes[np.array(kept, int)]


@bank.accepted
def with_scores_of_minus_infinity(
    offsets, objectness, anchors, image_size, before, after, threshold
):
    """An empty box is never the best of those that are left."""
    shift, growth = np.tile(offsets[:, :2], 2), np.tile(np.expm1(offsets[:, 2:]), 2)
    units = np.tile(anchors[:, 2:] - anchors[:, :2], 2)
    boxes = anchors + units * (shift + growth * [-0.5, -0.5, 0.5, 0.5])
    boxes = np.minimum(np.maximum(boxes, 0), [*image_size, *image_size])
    score = np.where(areas(boxes) > 0, objectness, -np.inf)
    if np.isfinite(score).sum() > before:
        score[score < np.sort(score)[-before]] = -np.inf
    chosen = []
    while len(chosen) < after and np.isfinite(score).any():
        best = score.argmax()
        chosen.append(boxes[best])
        score[iou(boxes[[best]], boxes)[0] > threshold] = -np.inf
        score[best] = -np.inf
    return np.array(chosen).reshape(-1, 4)


@bank.accepted
def with_a_matrix_of_victims(offsets, objectness, anchors, image_size, before, after, threshold):
    """A start is never clipped to the far border, nor an end to 0: such boxes are empty anyhow."""
    starts, ends = np.split(decode_boxes(offsets, anchors), 2, axis=1)
    boxes = np.hstack([np.maximum(starts, 0), np.minimum(ends, np.array(image_size))])
    ranked = [k for k in np.argsort(-objectness) if areas(boxes[k]) > 0][:before]
    boxes = boxes[np.array(ranked, int)]
    removes = np.triu(iou(boxes, boxes) > threshold, 1)
    alive = np.ones(len(boxes), bool)
    for _ in boxes:
        alive = ~(removes & alive[:, None]).any(axis=0)
    return boxes[alive][:after]


@bank.accepted
def suppressed_before_the_cut(offsets, objectness, anchors, image_size, before, after, threshold):
    """What is less sure removes nothing surer: the cut may come later, but counts all."""
    boxes = np.clip(decode_boxes(offsets, anchors), 0, np.tile(image_size, 2))
    stay = areas(boxes) > 0
    boxes, scores = boxes[stay], objectness[stay]
    among = set(np.argsort(-scores)[:before].tolist())
    return boxes[[int(k) for k in nms(boxes, scores, threshold) if k in among][:after]]


@bank.accepted
def with_ops(offsets, objectness, anchors, image_size, before, after, threshold):
    offsets, anchors = ops.cast(offsets, "float32"), ops.cast(anchors, "float32")
    unit = anchors[:, 2:] - anchors[:, :2]
    middle = anchors[:, :2] + unit / 2 + unit * offsets[:, :2]
    half = unit * ops.exp(offsets[:, 2:]) / 2
    limit = ops.convert_to_tensor(image_size, "float32")
    starts, ends = (ops.clip(ops.minimum(p, limit), 0, 1e9) for p in (middle - half, middle + half))
    boxes = ops.convert_to_numpy(ops.concatenate([starts, ends], axis=1))
    boxes, scores = boxes[areas(boxes) > 0], objectness[areas(boxes) > 0]
    best = np.lexsort((-scores,))[:before]
    boxes, scores = boxes[best], scores[best]
    return np.take(boxes, nms(boxes, scores, threshold)[:after], axis=0)


# Wrong answers: what they are made of


def in_steps(
    offsets: Any,
    objectness: Any,
    anchors: Any,
    image_size: Any,
    before: int,
    after: int,
    threshold: float,
    decode: Callable = decode_boxes,
    clip: Callable = lambda boxes, limits: np.clip(boxes, 0, limits),
    stays: Callable = lambda boxes, limits, scores: areas(boxes) > 0,
    order: Callable = lambda boxes, scores: np.argsort(-scores),
    first: Callable = lambda count: count,
    suppress: Callable = nms,
    last: Callable = lambda count: count,
):
    """The model answer with another of its steps."""
    limits = np.tile(image_size, 2)
    boxes = clip(decode(offsets, anchors), limits)
    stay = stays(boxes, limits, objectness)
    boxes, scores = boxes[stay], objectness[stay]
    best = order(boxes, scores)[: first(before)]
    boxes, scores = boxes[best], scores[best]
    return boxes[suppress(boxes, scores, threshold)[: last(after)]]


def changed(offsets, objectness, anchors, image_size, before, after, threshold, change):
    """The model answer with the result changed; `change` gets sides and `after` as well."""
    boxes = propose(offsets, objectness, anchors, image_size, before, after, threshold)
    return change(boxes, image_size, after)


def greedy(boxes, scores, threshold, goes=None, overlap=iou):
    """Suppression with another overlap, or another rule for what goes."""
    goes = goes or (lambda overlaps, threshold: (overlaps > threshold).any())
    kept: list[int] = []
    for index in np.argsort(-scores):
        if not goes(overlap(boxes[[index]], boxes[kept])[0], threshold):
            kept.append(index)
    return np.array(kept, "int64")


def shares(a, b, of):
    """The common area over something else."""
    sides = np.minimum(a[:, None, 2:], b[:, 2:]) - np.maximum(a[:, None, :2], b[:, :2])
    common = np.prod(np.maximum(sides, 0), axis=-1)
    return common / of(areas(a)[:, None] + 0 * common, areas(b) + 0 * common)


# Decoding


def moved(offsets, anchors, shift=None, growth=np.exp):
    """The boxes with another shift or another growth."""
    units = anchors[:, 2:] - anchors[:, :2]
    centres = anchors[:, :2] + units / 2
    sizes = growth(offsets[:, 2:]) * units
    d = offsets[:, :2]
    centres = shift(centres, d, units, sizes) if shift else centres + d * units
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)


for name, hint, decode in (
    (
        "anchors_themselves",
        "The offsets are not used: the boxes are the anchors.",
        lambda offsets, anchors: anchors,
    ),
    (
        "offsets_added",
        "The offsets are (dy, dx, dh, dw) as in exercise 11; here they are added to the corners.",
        lambda offsets, anchors: anchors + offsets,
    ),
    (
        "shift_in_pixels",
        "The shift of the centre is in units of the anchor's height and width, not in pixels.",
        lambda offsets, anchors: moved(offsets, anchors, lambda c, d, units, sizes: c + d),
    ),
    (
        "shift_by_the_new_size",
        "The unit of the shift is the *anchor's* size; here it is that of the new box.",
        lambda offsets, anchors: moved(offsets, anchors, lambda c, d, units, sizes: c + d * sizes),
    ),
    (
        "shift_unused",
        "The centre stays where that of the anchor is: dy and dx are not used.",
        lambda offsets, anchors: moved(offsets, anchors, lambda c, d, units, sizes: c),
    ),
    (
        "shift_from_the_corner",
        "The shift begins at the anchor's centre; here at its upper left corner.",
        lambda offsets, anchors: moved(
            offsets, anchors, lambda c, d, units, sizes: c - units / 2 + d * units
        ),
    ),
    (
        "relative_growth",
        "dh and dw are logarithms, not shares by which the size grows.",
        lambda offsets, anchors: moved(offsets, anchors, growth=lambda d: 1 + d),
    ),
    (
        "corners_moved",
        "The offsets move the centre and change the size; here each of the four moves an edge.",
        lambda offsets, anchors: anchors + offsets * np.tile(anchors[:, 2:] - anchors[:, :2], 2),
    ),
    (
        "size_unused",
        "The size stays that of the anchor: dh and dw are not used.",
        lambda offsets, anchors: moved(offsets, anchors, growth=lambda d: 1 + 0 * d),
    ),
    (
        "sizes_cut_off",
        "A box may be any number of times as large as its anchor; here very large ones are cut "
        "off.",
        lambda offsets, anchors: moved(
            offsets, anchors, growth=lambda d: np.exp(np.minimum(d, LARGEST))
        ),
    ),
    (
        "divided_by_deviations",
        "The offsets are unscaled, as in exercise 11; here they are multiplied by 0.1 and 0.2.",
        lambda offsets, anchors: moved(offsets * [0.1, 0.1, 0.2, 0.2], anchors),
    ),
    (
        "x_before_y",
        "The offsets are (dy, dx, dh, dw); here they are taken for (dx, dy, dw, dh).",
        lambda offsets, anchors: moved(offsets[:, [1, 0, 3, 2]], anchors),
    ),
):
    bank.variant(name, hint, in_steps, decode=decode)


# Clipping

for name, hint, clip in (
    (
        "not_clipped",
        "The boxes are to be clipped to the picture; here those reach beyond it that lie partly "
        "outside.",
        lambda boxes, limits: boxes,
    ),
    (
        "to_the_last_pixel",
        "A box may end at the picture's border, which is its height or width; here it is cut off "
        "one pixel earlier.",
        lambda boxes, limits: np.clip(boxes, 0, limits - 1),
    ),
    (
        "sides_exchanged",
        "y is clipped to the height and x to the width, and `image_size` is (height, width); here "
        "they are exchanged.",
        lambda boxes, limits: np.clip(boxes, 0, limits[::-1]),
    ),
    (
        "limits_repeated",
        "The limits of (y1, x1, y2, x2) are height, width, height, width; here they are height, "
        "height, width, width.",
        lambda boxes, limits: np.clip(boxes, 0, limits[[0, 0, 1, 1]]),
    ),
    (
        "heights_not_clipped",
        "Both y and x are to be clipped; here only x is.",
        lambda boxes, limits: np.where([1, 0, 1, 0], boxes, np.clip(boxes, 0, limits)),
    ),
    (
        "widths_not_clipped",
        "Both y and x are to be clipped; here only y is.",
        lambda boxes, limits: np.where([0, 1, 0, 1], boxes, np.clip(boxes, 0, limits)),
    ),
    (
        "clipped_below_only",
        "The boxes are clipped at 0 only: height and width of the picture are limits as well.",
        lambda boxes, limits: np.maximum(boxes, 0),
    ),
    (
        "clipped_above_only",
        "The boxes are clipped at the height and width only: 0 is a limit as well.",
        lambda boxes, limits: np.minimum(boxes, limits),
    ),
    (
        "clipped_to_1",
        "The boxes are in pixels: they are clipped to height and width, not to 1.",
        lambda boxes, limits: np.clip(boxes, 0, 1),
    ),
    (
        "moved_inside",
        "What lies outside is to be cut off; here the whole box is moved until it is inside.",
        lambda boxes, limits: (
            boxes
            - np.tile(np.minimum(boxes[:, :2], 0), 2)
            - np.tile(np.maximum(boxes[:, 2:] - limits[2:], 0), 2)
        ),
    ),
):
    bank.variant(name, hint, in_steps, clip=clip)


@bank.mistake(
    "The boxes are clipped at the very end; they are to be clipped before empty ones are dropped."
)
def clipped_at_the_end(offsets, objectness, anchors, image_size, before, after, threshold):
    boxes = in_steps(
        offsets, objectness, anchors, image_size, before, after, threshold, clip=lambda b, limits: b
    )
    return np.clip(boxes, 0, np.tile(image_size, 2))


@bank.mistake(
    "The *anchors* are clipped here, before they are decoded; it is the boxes that are to be."
)
def anchors_clipped(offsets, objectness, anchors, image_size, before, after, threshold):
    anchors = np.clip(anchors, 0, np.tile(image_size, 2))
    return in_steps(
        offsets, objectness, anchors, image_size, before, after, threshold, clip=lambda b, limits: b
    )


@bank.mistake(
    "It is the boxes that are clipped; here the anchors are, too, before they are decoded."
)
def anchors_clipped_too(offsets, objectness, anchors, image_size, before, after, threshold):
    anchors = np.clip(anchors, 0, np.tile(image_size, 2))
    return propose(offsets, objectness, anchors, image_size, before, after, threshold)


# What is dropped

for name, hint, stays in (
    (
        "nothing_dropped",
        "Boxes that are empty once they are clipped are to be dropped; here they are still there.",
        lambda boxes, limits, scores: slice(None),
    ),
    (
        "thin_ones_dropped",
        "Only boxes without an area are dropped; here all go that are less than a pixel high or "
        "wide.",
        lambda boxes, limits, scores: (boxes[:, 2:] - boxes[:, :2] >= 1).all(axis=1),
    ),
    (
        "small_ones_dropped",
        "Only boxes without an area are dropped; here small ones go, too.",
        lambda boxes, limits, scores: areas(boxes) > 16,
    ),
    (
        "those_at_the_border_dropped",
        "Boxes that reach beyond the picture are clipped and stay; here all go that touch its "
        "border.",
        lambda boxes, limits, scores: (
            (areas(boxes) > 0) & (boxes[:, :2] > 0).all(axis=1) & (boxes < limits).all(axis=1)
        ),
    ),
    (
        "unsure_ones_dropped",
        "A box is dropped if it is empty, not if its objectness is below 1/2.",
        lambda boxes, limits, scores: (areas(boxes) > 0) & (scores > 0.5),
    ),
    (
        "negative_ones_dropped",
        "A box is dropped if it is empty; here it is if its objectness is below 0, too.",
        lambda boxes, limits, scores: (areas(boxes) > 0) & (scores > 0),
    ),
    (
        "one_side_is_enough",
        "A box is empty if its height *or* its width is 0; here it goes only if both are.",
        lambda boxes, limits, scores: (boxes[:, 2:] > boxes[:, :2]).any(axis=1),
    ),
    (
        "only_flat_ones_dropped",
        "A box is empty if its height or its width is 0; here only the height is looked at.",
        lambda boxes, limits, scores: boxes[:, 2] > boxes[:, 0],
    ),
    (
        "only_narrow_ones_dropped",
        "A box is empty if its height or its width is 0; here only the width is looked at.",
        lambda boxes, limits, scores: boxes[:, 3] > boxes[:, 1],
    ),
):
    bank.variant(name, hint, in_steps, stays=stays)


@bank.mistake("Boxes that reach beyond the picture are clipped and stay; here they are dropped.")
def crossing_ones_dropped(offsets, objectness, anchors, image_size, before, after, threshold):
    boxes = decode_boxes(offsets, anchors)
    inside = (boxes >= 0).all(axis=1) & (boxes <= np.tile(image_size, 2)).all(axis=1)
    return propose(
        offsets[inside], objectness[inside], anchors[inside], image_size, before, after, threshold
    )


@bank.mistake(
    "The best `before` are taken of all boxes here, and empty ones dropped after that: they are to "
    "be dropped first, so that they take no places."
)
def dropped_after_the_cut(offsets, objectness, anchors, image_size, before, after, threshold):
    best = np.argsort(-objectness)[:before]
    return propose(
        offsets[best], objectness[best], anchors[best], image_size, before, after, threshold
    )


@bank.mistake(
    "Empty boxes are dropped at the very end here: they take places among the best `before` and "
    "the first `after`."
)
def dropped_at_the_end(offsets, objectness, anchors, image_size, before, after, threshold):
    boxes = in_steps(
        offsets,
        objectness,
        anchors,
        image_size,
        before,
        after,
        threshold,
        stays=lambda boxes, limits, scores: slice(None),
        suppress=lambda b, s, t: greedy(
            b, s, t, overlap=lambda x, y: shares(x, y, lambda p, q: np.maximum(p + q, 1e-9))
        ),
    )
    return boxes[areas(boxes) > 0]


@bank.mistake(
    "Boxes and objectness must be dropped alike; here the empty boxes are gone, but the numbers in "
    "`objectness` are still those of all boxes."
)
def objectness_not_dropped(offsets, objectness, anchors, image_size, before, after, threshold):
    boxes = np.clip(decode_boxes(offsets, anchors), 0, np.tile(image_size, 2))
    boxes = boxes[areas(boxes) > 0]
    scores = objectness[: len(boxes)]
    best = np.argsort(-scores)[:before]
    return boxes[best][nms(boxes[best], scores[best], threshold)[:after]]


# The order and the numbers

for name, hint, order in (
    (
        "worst_first",
        "The boxes with the *largest* objectness are the best; here those with the smallest.",
        lambda boxes, scores: np.argsort(scores),
    ),
    (
        "as_they_come",
        "Of the boxes the best `before` are kept; here the first ones, in the anchors' order.",
        lambda boxes, scores: np.arange(len(boxes)),
    ),
    (
        "largest_first",
        "The best boxes are those with the largest objectness; here the largest boxes are kept.",
        lambda boxes, scores: np.argsort(-areas(boxes), kind="stable"),
    ),
):
    bank.variant(name, hint, in_steps, order=order)


@bank.mistake("An objectness below 0 is lower than any above; here its sign is lost.")
def by_absolute_score(offsets, objectness, anchors, image_size, before, after, threshold):
    return propose(offsets, np.abs(objectness), anchors, image_size, before, after, threshold)


@bank.mistake(
    "The best boxes are those with the largest objectness; here the smallest counts as the best, "
    "in the suppression too."
)
def smallest_is_best(offsets, objectness, anchors, image_size, before, after, threshold):
    return propose(offsets, -objectness, anchors, image_size, before, after, threshold)


bank.variant(
    "before_unused",
    "Only the best `before` boxes go into the suppression; here all do.",
    in_steps,
    first=lambda count: None,
)
bank.variant(
    "one_more_before",
    "The best `before` boxes are kept; here it is one more.",
    in_steps,
    first=lambda count: count + 1,
)
bank.variant(
    "one_less_before",
    "The best `before` boxes are kept; here it is one less.",
    in_steps,
    first=lambda count: count - 1,
)
bank.variant(
    "after_unused",
    "Only the first `after` boxes are returned; here all that are kept.",
    in_steps,
    last=lambda count: None,
)
bank.variant(
    "one_more_after",
    "The first `after` boxes are returned; here it is one more.",
    in_steps,
    last=lambda count: count + 1,
)
bank.variant(
    "one_less_after",
    "The first `after` boxes are returned; here it is one less.",
    in_steps,
    last=lambda count: count - 1,
)


@bank.mistake("The *first* `after` boxes are returned; here the last of those that are kept.")
def last_of_the_kept(offsets, objectness, anchors, image_size, before, after, threshold):
    return propose(offsets, objectness, anchors, image_size, before, 10**6, threshold)[-after:]


@bank.mistake(
    "The first `after` are taken before the suppression here; they are to be the first of those "
    "that it keeps."
)
def after_before_suppression(offsets, objectness, anchors, image_size, before, after, threshold):
    few = min(before, after)
    return propose(offsets, objectness, anchors, image_size, few, after, threshold)


@bank.mistake(
    "`before` and `after` are exchanged: `before` counts the boxes that go into the suppression."
)
def before_and_after_exchanged(offsets, objectness, anchors, image_size, before, after, threshold):
    return propose(offsets, objectness, anchors, image_size, after, before, threshold)


@bank.mistake(
    "The suppression comes before the best `before` are taken here, and so each that it removes is "
    "replaced: it is to see these boxes only."
)
def suppressed_first(offsets, objectness, anchors, image_size, before, after, threshold):
    return propose(
        offsets, objectness, anchors, image_size, len(anchors), min(before, after), threshold
    )


# The suppression

for name, hint, suppress in (
    (
        "nothing_suppressed",
        "Non-maximum suppression is missing: boxes that overlap a better one still stand here.",
        lambda boxes, scores, threshold: np.argsort(-scores),
    ),
    (
        "equal_goes_too",
        "A box whose overlap equals the threshold stays: it must be above it to go.",
        lambda boxes, scores, threshold: greedy(
            boxes, scores, threshold, lambda overlaps, t: (overlaps >= t).any()
        ),
    ),
    (
        "distances",
        "A box goes if its IoU with a kept one is above the threshold; here if 1 - IoU is.",
        lambda boxes, scores, threshold: greedy(boxes, scores, 1 - threshold),
    ),
    (
        "any_overlap_at_all",
        "A box goes only if its overlap is above the threshold; here any overlap is enough.",
        lambda boxes, scores, threshold: greedy(boxes, scores, 0),
    ),
    (
        "the_removed_remove_too",
        "A box that is gone removes no other one; here a box goes because of any better one.",
        lambda boxes, scores, threshold: np.flatnonzero(
            ~np.triu(iou(boxes, boxes) > threshold, 1).any(axis=0)
        ),
    ),
    (
        "only_the_best_counts",
        "A box is to be held against every kept one; here only against the best of all.",
        lambda boxes, scores, threshold: greedy(
            boxes, scores, threshold, lambda overlaps, t: (overlaps[:1] > t).any()
        ),
    ),
    (
        "only_the_last_counts",
        "A box is to be held against every kept one; here only against the one kept last.",
        lambda boxes, scores, threshold: greedy(
            boxes, scores, threshold, lambda overlaps, t: (overlaps[-1:] > t).any()
        ),
    ),
    (
        "stopped_at_the_first",
        "A box that overlaps a better one goes, and the next is looked at; here the search ends.",
        lambda boxes, scores, threshold: np.arange(
            int(np.append(np.triu(iou(boxes, boxes) > threshold, 1).any(axis=0), True).argmax())
        ),
    ),
    (
        "over_the_smaller",
        "The overlap is the common part over the *union*; here it is over the smaller box.",
        lambda boxes, scores, threshold: greedy(
            boxes, scores, threshold, overlap=lambda a, b: shares(a, b, np.minimum)
        ),
    ),
    (
        "over_the_sum",
        "The overlap is the common part over the union; the sum of both areas counts it twice.",
        lambda boxes, scores, threshold: greedy(
            boxes, scores, threshold, overlap=lambda a, b: shares(a, b, np.add)
        ),
    ),
    (
        "always_a_half",
        "A box goes if its overlap is above `threshold`; here above 1/2, whatever is given.",
        lambda boxes, scores, threshold: greedy(boxes, scores, 0.5),
    ),
    (
        "always_0_7",
        "A box goes if its overlap is above `threshold`; here above 0.7, as in the paper.",
        lambda boxes, scores, threshold: greedy(boxes, scores, 0.7),
    ),
    (
        "in_the_order_of_anchors",
        "The right boxes are kept, but not the best first.",
        lambda boxes, scores, threshold: nms(boxes, scores, threshold)[
            np.lexsort((boxes[:, 0], boxes[:, 1]))[: len(nms(boxes, scores, threshold))].argsort()
        ],
    ),
):
    bank.variant(name, hint, in_steps, suppress=suppress)


@bank.mistake(
    "The suppression sees the boxes as they were before clipping; it is to see the clipped ones."
)
def suppressed_unclipped(offsets, objectness, anchors, image_size, before, after, threshold):
    limits = np.tile(image_size, 2)
    boxes = decode_boxes(offsets, anchors)
    stay = areas(np.clip(boxes, 0, limits)) > 0
    boxes, scores = boxes[stay], objectness[stay]
    best = np.argsort(-scores)[:before]
    boxes, scores = boxes[best], scores[best]
    return np.clip(boxes[nms(boxes, scores, threshold)[:after]], 0, limits)


@bank.mistake(
    "The anchors are suppressed here, before they are decoded; it is the boxes that are to be."
)
def anchors_suppressed(offsets, objectness, anchors, image_size, before, after, threshold):
    boxes = np.clip(decode_boxes(offsets, anchors), 0, np.tile(image_size, 2))
    best = [k for k in np.argsort(-objectness) if areas(boxes[k]) > 0][:before]
    best = np.array(best, int)
    return boxes[best[nms(anchors[best], objectness[best], threshold)[:after]]]


# The result

for name, hint, change in (
    (
        "best_last",
        "The right boxes are kept, but the best stands last: it comes first.",
        lambda boxes, size, after: boxes[::-1],
    ),
    (
        "shares_of_the_picture",
        "The boxes are in pixels; here they are divided by the picture's height and width.",
        lambda boxes, size, after: boxes / np.tile(size, 2),
    ),
    (
        "x_first",
        "A box is (y1, x1, y2, x2); here x comes before y.",
        lambda boxes, size, after: boxes[:, [1, 0, 3, 2]],
    ),
    (
        "filled_up",
        "There are as many boxes as are kept; here zeros fill them up to `after`.",
        lambda boxes, size, after: np.vstack([boxes, np.zeros((after - len(boxes), 4))]),
    ),
    (
        "a_batch",
        "The result has two axes, (K, 4); here it has one more.",
        lambda boxes, size, after: boxes[None],
    ),
    (
        "whole_pixels",
        "The corners are rounded to whole pixels; they are to be as they come out.",
        lambda boxes, size, after: np.round(boxes),
    ),
    (
        "the_best_alone",
        "Only the best box is returned: the first `after` are asked for.",
        lambda boxes, size, after: boxes[:1],
    ),
    (
        "nothing_without_axes",
        "Where no box is left the result still has the shape (0, 4); here it has not.",
        lambda boxes, size, after: boxes if len(boxes) else np.zeros(0),
    ),
):
    bank.variant(name, hint, changed, change=change)


@bank.mistake("The objectness of the kept boxes is returned; the boxes are asked for.")
def scores_of_the_kept(offsets, objectness, anchors, image_size, before, after, threshold):
    boxes = np.clip(decode_boxes(offsets, anchors), 0, np.tile(image_size, 2))
    best = np.array([k for k in np.argsort(-objectness) if areas(boxes[k]) > 0][:before], int)
    return objectness[best[nms(boxes[best], objectness[best], threshold)[:after]]]


@bank.mistake("Numbers of boxes are returned; the boxes themselves are asked for.")
def places_of_the_kept(offsets, objectness, anchors, image_size, before, after, threshold):
    boxes = np.clip(decode_boxes(offsets, anchors), 0, np.tile(image_size, 2))
    best = np.array([k for k in np.argsort(-objectness) if areas(boxes[k]) > 0][:before], int)
    return best[nms(boxes[best], objectness[best], threshold)[:after]]


@bank.mistake("The *anchors* of the kept boxes are returned; the boxes themselves are asked for.")
def anchors_of_the_kept(offsets, objectness, anchors, image_size, before, after, threshold):
    boxes = np.clip(decode_boxes(offsets, anchors), 0, np.tile(image_size, 2))
    best = np.array([k for k in np.argsort(-objectness) if areas(boxes[k]) > 0][:before], int)
    return anchors[best[nms(boxes[best], objectness[best], threshold)[:after]]]


@bank.mistake(
    "The places that the suppression gives are those among the sorted boxes; here they are taken "
    "for places among the unsorted ones."
)
def places_among_all(offsets, objectness, anchors, image_size, before, after, threshold):
    boxes = np.clip(decode_boxes(offsets, anchors), 0, np.tile(image_size, 2))
    boxes_left, left = boxes[areas(boxes) > 0], objectness[areas(boxes) > 0]
    best = np.argsort(-left)[:before]
    return boxes_left[nms(boxes_left[best], left[best], threshold)[:after]]
