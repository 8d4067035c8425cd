"""Exercise 12: proposals from a net. Its answers are in `bank/`; see `docs/authoring.md`."""

import numpy as np
from keras import layers

from autograder.setting.task import Task, Trial, trial

from .bank._trials import (
    anchor_trials,
    boxes_of,
    drawn,
    head_trials,
    placed,
    ranked,
    single,
    smooth_trials,
)

# Model answers


def make_anchors(height, width, stride, scales, ratios):
    """Boxes of each size and shape on each cell (Ren, He, Girshick, Sun 2015, arXiv:1506.01497)."""
    roots = np.sqrt(ratios)
    sides = np.array([(scale * root, scale / root) for scale in scales for root in roots])
    centres = stride * (np.argwhere(np.ones((height, width))) + 0.5)[:, None]
    return np.concatenate([centres - sides / 2, centres + sides / 2], axis=-1).reshape(-1, 4)


def areas(boxes):
    """The areas of boxes (..., 4); an empty one has none."""
    return np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0), axis=-1)


def iou(a, b):
    """The intersection over union of each pair of boxes, as in exercise 11."""
    starts = np.maximum(a[:, None, :2], b[:, :2])
    ends = np.minimum(a[:, None, 2:], b[:, 2:])
    common = areas(np.concatenate([starts, ends], axis=-1))
    return common / (areas(a)[:, None] + areas(b) - common)


def label_anchors(anchors, boxes, positive=0.7, negative=0.3):
    """What a region proposal network is to answer (Ren et al. 2015, section 3.1.2)."""
    overlaps = iou(anchors, boxes)
    most = overlaps.max(axis=1, initial=0)
    labels = np.where(most >= positive, 1, np.where(most < negative, 0, -1))
    is_best = (overlaps == overlaps.max(axis=0)) & (overlaps > 0)
    labels[is_best.any(axis=1)] = 1
    return labels


def rpn_head(x, anchors, filters=256):
    """The head of a region proposal network (Ren et al. 2015, figure 3), with one sigmoid each."""
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    objectness = layers.Conv2D(anchors, 1, activation="sigmoid")(x)
    return objectness, layers.Conv2D(4 * anchors, 1)(x)


def smooth_l1(x, beta=1.0):
    """Girshick 2015, arXiv:1504.08083, equation 3; the width beta is that of later programs."""
    size = np.abs(x)
    return np.where(size < beta, x**2 / (2 * beta), size - beta / 2)


def decode_boxes(offsets, anchors):
    """Where offsets (dy, dx, dh, dw) lead from anchors, as in exercise 11."""
    units = anchors[:, 2:] - anchors[:, :2]
    centres = anchors[:, :2] + (offsets[:, :2] + 0.5) * units
    sizes = np.exp(offsets[:, 2:]) * units
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)


def nms(boxes, scores, threshold):
    """Greedy suppression, as in exercise 11."""
    kept = []
    for index in np.argsort(-scores):
        if not (iou(boxes[[index]], boxes[kept]) > threshold).any():
            kept.append(index)
    return np.array(kept, "int64")


def propose(offsets, objectness, anchors, image_size, before, after, threshold):
    """From what the head answers to regions (Ren et al. 2015, section 3.3)."""
    boxes = np.clip(decode_boxes(offsets, anchors), 0, np.tile(image_size, 2))
    order = np.argsort(-objectness)
    boxes, scores = boxes[order], objectness[order]
    some = areas(boxes) > 0
    boxes, scores = boxes[some][:before], scores[some][:before]
    return boxes[nms(boxes, scores, threshold)[:after]]


# What is tried


def scattered(rng: np.random.Generator, count: int, *thresholds: float) -> dict[str, np.ndarray]:
    """Boxes, and an anchor near each of all but one, and others; no overlap is near a threshold.

    The first box has its best anchor between the thresholds, another above, the last below.
    """
    positive, negative = thresholds
    while True:
        boxes = drawn(rng, 5, 60, 90)
        near = boxes[:4] + rng.normal(0, 4, (4, 4))
        anchors = rng.permutation(np.vstack([near, drawn(rng, count - 4, 60, 90)]))
        overlaps = iou(anchors, boxes)
        best, most = overlaps.max(axis=0), overlaps.max(axis=1)
        inside = ((negative < most) & (most < positive)).sum()
        apart = np.abs(np.subtract.outer(overlaps, thresholds)).min() > 0.004
        kinds = (best > positive).any() and negative < best[0] < positive and best[4] < negative
        if apart and kinds and inside > 2 and (most < negative).sum() > 2:
            return {"anchors": anchors, "boxes": boxes}


def label_trials(rng: np.random.Generator) -> list[Trial]:
    """Boxes whose best anchor is above, between and below; two with one best anchor; none.

    Overlaps of exactly a threshold; a box that overlaps nothing; one anchor; single precision.
    """
    row = boxes_of([[0, 0, 10, 10], [0, 4, 10, 14], [0, 8, 10, 18], [20, 20, 30, 30]])
    given = boxes_of([[0, 1, 10, 11], [22, 24, 40, 40]])
    # Of the box: 1/2, 1/4, 1, 3/4, 1/8, 7/32.
    halves = boxes_of([[0, 0, 4, 8], [0, 0, 2, 8], [0, 0, 8, 8], [0, 0, 6, 8], [0, 0, 1, 8]])
    halves = np.vstack([halves, [[0, 0, 1.75, 8]]])
    whole = boxes_of([[0, 0, 8, 8]])
    # Two boxes whose best anchor is the second; then one that the third overlaps a little.
    shared = boxes_of([[0, 40, 9, 60], [0, 0, 10, 20], [15, 0, 30, 10], [12, 12, 14, 30]])
    twins = boxes_of([[0, 0, 10, 9], [0, 11, 10, 20], [28, 6, 40, 20]])
    large = scattered(rng, 16, 0.6, 0.35)
    # Two boxes that share much, and anchors moved to and fro.
    moved = [[0, shift, 20, shift + 20] for shift in (16, 0, -7, 5, 12, 2, 10)]
    far = boxes_of([[70, 0, 80, 9], [0, 95, 20, 99]])
    return [
        trial(anchors=row, boxes=given),
        trial(**scattered(rng, 14, 0.7, 0.3)),
        trial(**scattered(rng, 15, 0.55, 0.4), positive=0.55, negative=0.4),
        trial(**scattered(rng, 12, 0.8, 0.2), positive=0.8),
        trial(**{n: single(9 * b) for n, b in large.items()}, positive=0.6, negative=0.35),
        trial(anchors=halves, boxes=whole, positive=0.5, negative=0.25),
        trial(anchors=shared, boxes=twins),
        trial(anchors=boxes_of(moved), boxes=boxes_of([[0, 0, 20, 20], [0, 6, 20, 26]])),
        trial(anchors=drawn(rng, 5, 60, 90), boxes=far),
        trial(anchors=drawn(rng, 6, 60, 90), boxes=boxes_of([])),
        trial(anchors=boxes_of([[3, 2, 9, 12]]), boxes=boxes_of([[8, 5, 15, 20]])),
    ]


def answered(
    rng: np.random.Generator, count: int, size, before, after, threshold, scale=1.0, grown=False
):
    """Offsets from anchors on a picture and beyond it; nothing hangs on rounding.

    Some boxes are empty, some are suppressed, and what is left is more than `after` unless that is
    many. Where one has `grown`, the surest box is a hundred times as large as its anchor.
    """
    height, width = size
    while True:
        anchors = drawn(rng, count, 1.6 * height, 1.7 * width) - 0.3 * np.tile(size, 2)
        anchors += rng.uniform(-0.3, 0.3, (count, 1)) * np.tile(size, 2)
        offsets = rng.normal(0, [0.4, 0.4, 0.5, 0.5], (count, 4))
        scores = ranked(rng, count)
        if grown:
            anchors[-1], offsets[-1], scores[-1] = [30, 41, 30.2, 41.3], [0.1, -9, 4.7, 4.9], 2
        boxes = np.clip(decode_boxes(offsets, anchors), 0, np.tile(size, 2))
        sides = boxes[:, 2:] - boxes[:, :2]
        empty = areas(boxes) == 0
        overlaps = iou(boxes[~empty], boxes[~empty])
        kept = len(propose(offsets, scores, anchors, size, before, count, threshold))
        gone = min(before, int((~empty).sum())) - kept
        clear = np.abs(overlaps - threshold).min() > 0.004 and not ((sides > 0) & (sides < 1)).any()
        if clear and empty.sum() > 1 and gone > 1 and kept > min(after, 3):
            break
    found = {"offsets": offsets, "objectness": scores, "anchors": anchors * scale}
    size = tuple(int(side * scale) for side in size)
    return {**found, "image_size": size, "before": before, "after": after, "threshold": threshold}


def proposal_trials(rng: np.random.Generator) -> list[Trial]:
    """Pictures high and wide; few and all are kept before and after; scores below 0.

    Empty boxes that are the surest; thin ones; overlaps of exactly the threshold, and such as the
    border changes; nothing on the picture; boxes a hundred times as large as their anchors.
    """
    few = answered(rng, 12, (120, 90), 40, 3, 0.35, scale=6.0)
    few = {n: single(v) if isinstance(v, np.ndarray) else v for n, v in few.items()}
    few["objectness"] = single(8 * few["objectness"] - 4)
    return [
        placed("worked", [0.6, 0.9, 0.8, 0.95], (20, 30), before=3, after=2),
        trial(**answered(rng, 16, (60, 100), 9, 3, 0.3)),
        trial(**answered(rng, 14, (100, 60), 6, 30, 0.5)),
        trial(**few),
        trial(**answered(rng, 12, (60, 100), 7, 9, 0.45, grown=True)),
        placed("some", ranked(rng, 8) + np.array([2, 2, 2, 0, 0, 0, 0, 0]), (20, 30), before=5),
        placed("edge", ranked(rng, 10) - 0.6, (24, 40)),
        placed("corner", ranked(rng, 6), (22, 36), threshold=0.3),
        placed("links", [0.9, 0.8, 0.7, 0.6, 0.5], (20, 30), after=2, threshold=0.3),
        placed("nothing", ranked(rng, 5), (20, 30)),
    ]


def by_hand(name, points, trials, answer, **options) -> Task:
    """Float16 is refused by this tolerance; single precision stays below a tenth of it."""
    how = {"kind": "function", "by_hand": True, "tolerance": 3e-5, **options}
    return Task(name=name, points=points, trials=trials, answer=answer, **how)


TASKS = [
    by_hand("make_anchors", 3, anchor_trials, make_anchors),
    by_hand("label_anchors", 3, label_trials, label_anchors, dtype="number"),
    Task(
        name="rpn_head",
        kind="block",
        points=2,
        outputs=2,
        trials=head_trials,
        answer=rpn_head,
    ),
    by_hand("smooth_l1", 1, smooth_trials, smooth_l1),
    by_hand("propose", 4, proposal_trials, propose),
]

_CORNERS = "np.concatenate([centres - sides / 2, centres + sides / 2], axis=-1)"
_LAP = "boxes[..., 2:] - boxes[..., :2]"
_START, _END = ("a[:, None, :2]", "b[:, :2]"), ("a[:, None, 2:]", "b[:, 2:]")
_BENT = "smooth_l1: return np.where(size {} beta, x ** 2 / (2 * beta), size - beta / 2)"
_CLIP = "propose: boxes = np.clip({}, {}, np.tile(image_size, 2))"
_GOES = "nms: if not (iou({}, {}) > threshold).any():"


def _edit(line: str, before: tuple[str, ...], after: tuple[str, ...]) -> str:
    """How a mutant is called."""
    return f"{line.format(*before)} -> {line.format(*after).partition(': ')[2]}"


# What `autograder mutate` lists though it computes the same, each with the reason.
EQUIVALENT_MUTANTS = {
    _edit(f"make_anchors: return {_CORNERS}.reshape({{}}, 4)", ("-1",), ("-2",)): "as many as fit",
    _edit("areas: return np.prod(np.maximum({}, {}), axis=-1)", (_LAP, "0"), ("0", _LAP)): "either",
    _edit("iou: starts = np.maximum({}, {})", _START, _START[::-1]): "a maximum of two",
    _edit("iou: ends = np.minimum({}, {})", _END, _END[::-1]): "a minimum of two",
    _edit(_BENT, ("<",), ("<=",)): "both pieces meet there",
    _edit(
        _CLIP, ("decode_boxes(offsets, anchors)", "0"), ("0", "decode_boxes(offsets, anchors)")
    ): "0 is raised to what is larger, and that is cut off",
    "nms: return np.array(kept, 'int64') -> return kept": "a list does as well",
    _edit(_GOES, ("boxes[[index]]", "boxes[kept]"), ("boxes[kept]", "boxes[[index]]")): "of either",
}
