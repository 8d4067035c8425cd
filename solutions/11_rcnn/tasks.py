"""Exercise 11: boxes, by hand. Its answers are in `bank/`; see `docs/authoring.md`."""

import numpy as np

from autograder.setting.task import Task, Trial, trial

from .bank._trials import boxes_of, drawn, pool_trials, precision_trials, ranked, single

# Model answers


def areas(boxes):
    """The areas of boxes (..., 4); an empty one has none."""
    return np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0), axis=-1)


def iou(a, b):
    """The Jaccard index of each pair of boxes (Jaccard 1901), for detection Everingham 2010."""
    starts = np.maximum(a[:, None, :2], b[:, :2])
    ends = np.minimum(a[:, None, 2:], b[:, 2:])
    common = areas(np.concatenate([starts, ends], axis=-1))
    union = areas(a)[:, None] + areas(b) - common
    return common / np.where(union > 0, union, 1)


def nms(boxes, scores, threshold):
    """Greedy suppression, as of Felzenszwalb, Girshick, McAllester and Ramanan 2010."""
    kept = []
    for index in np.argsort(-scores):
        if not (iou(boxes[[index]], boxes[kept]) > threshold).any():
            kept.append(index)
    return np.array(kept, "int64")


def centres_and_sizes(boxes):
    sizes = boxes[:, 2:] - boxes[:, :2]
    return boxes[:, :2] + sizes / 2, sizes


def encode_boxes(boxes, proposals):
    """How to get from proposals to boxes: Girshick et al. 2014, arXiv:1311.2524, appendix C."""
    (centres, sizes), (origins, units) = centres_and_sizes(boxes), centres_and_sizes(proposals)
    return np.concatenate([(centres - origins) / units, np.log(sizes / units)], axis=1)


def decode_boxes(offsets, proposals):
    """The inverse of `encode_boxes` (Girshick et al. 2014, arXiv:1311.2524)."""
    origins, units = centres_and_sizes(proposals)
    centres, sizes = origins + offsets[:, :2] * units, np.exp(offsets[:, 2:]) * units
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)


def bins(start, end, size):
    """From where to where each bin goes along one axis: outwards to whole cells."""
    length = end - start
    return [
        slice(start + i * length // size, start - (-(i + 1) * length // size)) for i in range(size)
    ]


def roi_pool(features, roi, size):
    """The layer of Girshick 2015, arXiv:1504.08083, with bins that reach outwards: they overlap."""
    top, left, bottom, right = roi
    rows, columns = bins(top, bottom, size), bins(left, right, size)
    return np.array([[features[y, x].max(axis=(0, 1)) for x in columns] for y in rows])


def average_precision(scores, matched, positives):
    """The area under the envelope: each hit adds 1 / positives of recall (VOC devkit, 2010)."""
    hits = matched[np.argsort(-scores)]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return envelope[hits].sum() / positives


# What is tried


def iou_trials(rng: np.random.Generator) -> list[Trial]:
    """Boxes that overlap, touch, lie in one another and apart; empty ones of every kind; none.

    More, fewer and as many boxes in `b` as in `a`; large pictures in single precision.
    """
    one = [4, 2, 10, 6]  # area 24
    apart = [[20, 30, 24, 33], [10, 6, 12, 9], [4, 6, 10, 9], [5, 3, 7, 5], [-9, -8, 1, 0], one]
    no_area = [[6, 3, 6, 5], [5, 4, 8, 4], [7, 4, 7, 4], [9, 5, 6, 3], [4, 5, 10, 3]]
    cancels = [[0, 0, -6, 4], [9, 0, 5, 6]]  # areas of -24 if nothing is cut off
    tiny = boxes_of([[0.2, 0.1, 0.9, 0.7]])
    return [
        trial(a=boxes_of([[0, 0, 2, 2]]), b=boxes_of([[1, 1, 3, 3], [0, 0, 2, 2], [0, 0, 1, 2]])),
        trial(a=drawn(rng, 3), b=drawn(rng, 5)),
        trial(a=drawn(rng, 5, 90, 50), b=drawn(rng, 2, 90, 50)),
        trial(a=drawn(rng, 3) - [30, 40, 30, 40], b=drawn(rng, 3) - [30, 40, 30, 40]),
        trial(a=single(drawn(rng, 2, 900, 700)), b=single(drawn(rng, 6, 900, 700))),
        trial(a=boxes_of([one, [5, 1, 7, 9]]), b=boxes_of(apart)),
        trial(a=boxes_of([one]), b=boxes_of([*no_area, one, *cancels])),
        trial(a=boxes_of([*no_area, one]), b=boxes_of(no_area)),
        trial(a=drawn(rng, 3), b=boxes_of([])),
        trial(a=tiny, b=tiny + rng.uniform(0.1, 0.2, (1, 4))),
    ]


def detections(rng: np.random.Generator, count: int, *thresholds: float) -> np.ndarray:
    """Boxes of which no two overlap by nearly a threshold, and some by more."""
    while True:
        boxes = drawn(rng, count)
        overlaps = iou(boxes, boxes)[np.triu_indices(count, 1)]
        nearest = np.abs(np.subtract.outer(overlaps, thresholds)).min()
        if nearest > 0.004 and (overlaps > 0.45).sum() > 1:
            return boxes


def nms_trials(rng: np.random.Generator) -> list[Trial]:
    """Several thresholds, chains, boxes in one another, small ones, none, one, and equal ones.

    An overlap of exactly the threshold; scores below 0; an empty box, two; single precision.
    """
    worked = boxes_of([[0, 0, 10, 10], [0, 1, 10, 11], [20, 20, 30, 30]])
    many = detections(rng, 14, 0.15, 0.4, 0.3)
    scores = ranked(rng, 14)
    # A row: each over the next by 0.43, over the next but one by 0.11, the best at one end.
    order = rng.permutation(7)
    links, falling = boxes_of([[0, 4 * n, 7, 4 * n + 10] for n in order]), 0.9 - 0.07 * order
    few = detections(rng, 9, 0.25)
    halves = boxes_of([[0, 0, 4, 8], [0, 0, 4, 4], [9, 0, 13, 8], [9, 0, 13, 5], [0, 20, 4, 21]])
    nested = boxes_of([[0, 0, 20, 30], [4, 5, 12, 15], [30, 0, 50, 9], [31, 1, 40, 4]])
    small = boxes_of([[0, 0, 2, 2], [0, 1, 2, 3], [5, 5, 7, 8], [5, 6, 7, 9]])
    small = np.vstack([small, [[9, 2, 9.5, 2.8], [9.1, 2, 9.6, 2.8]]])
    with_empty = boxes_of([[3, 3, 3, 9], [0, 0, 6, 9], [0, 1, 6, 10], [20, 4, 27, 9]])
    two_empty = [[3, 3, 3, 9], [0, 0, 6, 9], [7, 2, 12, 2]]
    again = np.repeat(boxes_of([[2, 3, 9, 15], [20, 1, 31, 8]]), [3, 2], axis=0)
    return [
        trial(boxes=worked, scores=np.array([0.8, 0.9, 0.7]), threshold=0.5),
        trial(boxes=many, scores=scores, threshold=0.4),
        trial(boxes=many, scores=scores, threshold=0.15),
        trial(boxes=many, scores=ranked(rng, 14) - 0.6, threshold=0.3),
        trial(boxes=links, scores=falling, threshold=0.3),
        trial(boxes=links[::-1].copy(), scores=falling[::-1] - 2, threshold=0.05),
        trial(boxes=halves, scores=ranked(rng, 5), threshold=0.5),
        trial(boxes=nested, scores=ranked(rng, 4), threshold=0.4),
        trial(boxes=small, scores=ranked(rng, 6), threshold=0.4),
        trial(boxes=with_empty, scores=ranked(rng, 4), threshold=0.6),
        trial(boxes=boxes_of(two_empty), scores=np.array([0.4, 0.9, 0.6]), threshold=0.5),
        trial(boxes=again, scores=ranked(rng, 5), threshold=0.9),
        trial(boxes=single(few * 9), scores=single(5 * ranked(rng, 9)), threshold=0.25),
        trial(boxes=drawn(rng, 1), scores=np.array([0.3]), threshold=0.5),
        trial(boxes=boxes_of([]), scores=np.zeros(0), threshold=0.5),
    ]


def encode_trials(rng: np.random.Generator) -> list[Trial]:
    """Proposals near their boxes and far away, equal to them, much larger and smaller; one alone.

    The same boxes with two sets of proposals; a large picture in single precision; boxes some
    hundred times as large as their proposals.
    """
    boxes = drawn(rng, 5)
    near = boxes + rng.uniform(-3, 3, boxes.shape)
    return [
        trial(boxes=boxes_of([[0, 0, 20, 40]]), proposals=boxes_of([[5, 0, 15, 20]])),
        trial(boxes=boxes, proposals=near),
        trial(boxes=boxes, proposals=drawn(rng, 5)),
        trial(boxes=drawn(rng, 2) - 50, proposals=drawn(rng, 2) - 50),
        trial(boxes=single(drawn(rng, 7, 900, 600)), proposals=single(drawn(rng, 7, 900, 600))),
        trial(boxes=drawn(rng, 3), proposals=drawn(rng, 3, 3, 4)),
        trial(boxes=np.vstack([drawn(rng, 1), boxes[1:3]]), proposals=boxes[:3]),
        trial(boxes=boxes_of([[0, 4, 930, 1200]]), proposals=boxes_of([[400, 500, 403, 502.5]])),
    ]


def decode_trials(rng: np.random.Generator) -> list[Trial]:
    """Small offsets and none, large ones to all sides, sizes a hundred times as large; one box."""
    small, usual, more = (rng.normal(0, s, (n, 4)) for s, n in ((0.15, 5), (0.8, 5), (0.5, 7)))
    zeros = boxes_of([[0, 0, 0, 0], [0.5, -0.25, 0, 0], [0, 0, -0.7, 0.3]])
    large = boxes_of([[0.2, -0.4, 4.6, 0.9], [-1.5, 0.7, -2.5, 4.5]])
    proposals = drawn(rng, 5)
    return [
        trial(offsets=boxes_of([[0, 0.5, 0, -1]]), proposals=boxes_of([[5, 0, 15, 20]])),
        trial(offsets=small, proposals=proposals),
        trial(offsets=usual, proposals=proposals),
        trial(offsets=zeros, proposals=drawn(rng, 3) - 20),
        trial(offsets=large, proposals=drawn(rng, 2)),
        trial(offsets=single(more), proposals=single(drawn(rng, 7, 900, 600))),
    ]


def by_hand(name, points, trials, answer, **options) -> Task:
    """Float16 is refused by this tolerance; single precision stays below a tenth of it."""
    how = {"kind": "function", "by_hand": True, "tolerance": 3e-5, **options}
    return Task(name=name, points=points, trials=trials, answer=answer, **how)


TASKS = [
    by_hand("iou", 2, iou_trials, iou),
    by_hand("nms", 3, nms_trials, nms, dtype="int"),
    by_hand("encode_boxes", 2, encode_trials, encode_boxes),
    by_hand("decode_boxes", 2, decode_trials, decode_boxes),
    by_hand("roi_pool", 2, pool_trials, roi_pool),
    by_hand("average_precision", 3, precision_trials, average_precision, dtype="number"),
]

_LAP = "boxes[..., 2:] - boxes[..., :2]"
_START, _END = ("a[:, None, :2]", "b[:, :2]"), ("a[:, None, 2:]", "b[:, 2:]")
_DIVIDED = "iou: return common / np.where(union"
_POOL = "[[features[y, x].max(axis=(0, 1)) for x in columns] for y in rows]"
_GOES = "nms: if not (iou({}, {}) > threshold).any():"
EQUIVALENT_MUTANTS = {
    f"areas: return np.prod(np.maximum({_LAP}, 0), axis=-1) -> "
    f"return np.prod(np.maximum(0, {_LAP}), axis=-1)": "a maximum of two",
    "iou: starts = np.maximum({}, {}) -> starts = np.maximum({}, {})".format(
        *_START, *_START[::-1]
    ): "a maximum of two",
    "iou: ends = np.minimum({}, {}) -> ends = np.minimum({}, {})".format(
        *_END, *_END[::-1]
    ): "a minimum of two",
    f"{_DIVIDED} > 0, union, 1) -> {_DIVIDED[5:]} > 0, union, 2)": "of nothing nothing is left",
    f"{_DIVIDED} > 0, union, 1) -> {_DIVIDED[5:]} > 0, union, 0)": "in nms: NaN is above nothing",
    f"{_DIVIDED} > 0, union, 1) -> {_DIVIDED[5:]} >= 0, union, 1)": "in nms: NaN likewise",
    "nms: return np.array(kept, 'int64') -> return kept": "a list does as well",
    _GOES.format("boxes[[index]]", "boxes[kept]")
    + " -> "
    + _GOES[5:].format("boxes[kept]", "boxes[[index]]"): "any of a row or of a column",
    f"roi_pool: return np.array({_POOL}) -> return {_POOL}": "a list does as well",
}
