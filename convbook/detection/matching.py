"""Matching: which anchor answers for which box, and which anchors a step learns from.

Sources: Girshick et al. 2014, arXiv:1311.2524, section 2.3; Ren et al. 2015, arXiv:1506.01497,
section 3.1.2.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from convbook.detection.boxes import iou

POSITIVE, NEGATIVE, NEITHER = 1, 0, -1


def match(
    anchors: Any,
    boxes: Any,
    valid: Any,
    positive: float,
    negative: float,
    low_quality: bool = True,
    claim: bool = False,
) -> tuple[Any, Any]:
    """Label every anchor by the box that it overlaps most.

    Args:
        anchors: (N, 4) or (..., N, 4).
        boxes: (..., M, 4), padded.
        valid: bool (..., M): False for padding.
        positive: from this intersection over union on an anchor is positive.
        negative: below this it is negative, at most `positive`.
        low_quality: whether the anchors that overlap a box most are positive however little it
            is, as long as they overlap it at all; several where they overlap it equally, to a
            millionth.
        claim: whether the best anchor of each box, the first of equals, is matched to it even if it
            overlaps another box more, as SSD has it: then each box has an anchor, unless two have
            the same, which goes to the later. It is positive where it overlaps the box at all.

    Returns:
        Labels int32 (..., N): 1 positive, 0 negative, -1 neither; all are negative where there is
        no box. And int32 (..., N), the place of the box that the anchor overlaps most, the first
        of equals; 0 where it overlaps none.
    """
    if negative > positive:
        raise ValueError(f"negative is {negative}: it must be at most positive, {positive}.")
    overlap = iou(boxes, anchors)  # (..., M, N): the long axis last is several times as fast
    overlap = ops.where(ops.cast(valid, "bool")[..., None], overlap, -1)
    best = ops.max(overlap, axis=-2)
    matched = ops.argmax(overlap, axis=-2)
    labels = ops.where(best >= positive, POSITIVE, ops.where(best < negative, NEGATIVE, NEITHER))
    if low_quality:
        # Not "equal to the best": compiled, the two may be computed anew and differ by rounding.
        enough = ops.max(overlap, axis=-1, keepdims=True) * (1 - 1e-6)
        nearest = ops.any((overlap >= enough) & (overlap > 0), axis=-2)
        labels = ops.where(nearest, POSITIVE, labels)
    if claim:
        owner = _owner(overlap)
        labels = ops.where(owner >= 0, POSITIVE, labels)
        matched = ops.where(owner >= 0, owner, ops.cast(matched, "int32"))
    return ops.cast(labels, "int32"), ops.cast(matched, "int32")


def _owner(overlap: Any) -> Any:
    """The box that claims each anchor as its best, -1 where none does: (..., N) of (..., M, N)."""
    boxes, anchors = overlap.shape[-2:]
    first = ops.cast(ops.argmax(overlap, axis=-1), "int32")[..., None]
    mine = (first == ops.arange(anchors, dtype="int32")) & (overlap > 0)
    return ops.max(ops.where(mine, ops.arange(boxes, dtype="int32")[:, None], -1), axis=-2)


def hard_negatives(loss: Any, positive: Any, ratio: float = 3) -> Any:
    """Return which negatives a step learns from: those with the largest loss.

    Args:
        loss: (..., N), each anchor's.
        positive: bool (..., N).
        ratio: how many negatives are kept for each positive, rounded down; all where there are
            fewer, none without a positive.

    Returns:
        bool (..., N). Of equal losses the first are kept.

    Source: Liu et al. 2016, arXiv:1512.02325, section 2.2, "Hard negative mining".
    """
    loss, positive = ops.convert_to_tensor(loss), ops.cast(positive, "bool")
    wanted = ops.floor(ratio * ops.sum(ops.cast(positive, "float32"), -1, keepdims=True))
    order = ops.argsort(ops.where(positive, np.inf, -loss), axis=-1)  # positives last
    rank = ops.argsort(order, axis=-1)
    return (ops.cast(rank, "float32") < wanted) & ~positive


def sample(labels: Any, count: int, positive_share: float, seed: Any) -> Any:
    """Choose anchors to learn from, at random and without replacement.

    Args:
        labels: (..., N) as of `match`.
        count: how many to choose, of each row.
        positive_share: of the chosen, at most this part is positive.
        seed: a `keras.random.SeedGenerator`, or a whole number for the same choice always.

    Returns:
        bool (..., N). Positives that are missing are made up for by negatives; negatives that are
        missing are not made up for.
    """
    labels = ops.convert_to_tensor(labels)
    order, chosen = _choose(labels, count, positive_share, seed)
    return ops.take_along_axis(chosen, ops.argsort(order, axis=-1), axis=-1)


def sample_places(labels: Any, count: int, positive_share: float, seed: Any) -> tuple[Any, Any]:
    """Choose as `sample` does, and say where the chosen stand.

    Returns:
        int32 (..., count), the places of the chosen in `labels`, positives first; and bool
        (..., count), False where there was nothing left to choose.
    """
    labels = ops.convert_to_tensor(labels)
    order, chosen = _choose(labels, count, positive_share, seed)
    shuffled = ops.take_along_axis(labels, order, axis=-1)
    rank = ops.where(chosen, ops.where(shuffled == POSITIVE, 0, 1), 2)
    first = ops.argsort(rank, axis=-1)[..., :count]
    places = ops.take_along_axis(order, first, axis=-1)
    valid = ops.take_along_axis(chosen, first, axis=-1)
    missing = max(0, count - labels.shape[-1])
    if missing:
        pads = [(0, 0)] * (len(labels.shape) - 1) + [(0, missing)]
        places = ops.pad(places, pads)
        valid = ops.pad(valid, pads, constant_values=False)
    return ops.cast(places, "int32"), valid


def _choose(labels: Any, count: int, positive_share: float, seed: Any) -> tuple[Any, Any]:
    """A random order of the anchors, and which of them, in that order, are chosen."""
    if not (count >= 1 and 0 <= positive_share <= 1):
        raise ValueError(
            f"count is {count} and positive_share {positive_share}: choose at least one anchor and "
            "a share in [0, 1]."
        )
    order = ops.argsort(keras.random.uniform(ops.shape(labels), seed=seed), axis=-1)
    shuffled = ops.take_along_axis(labels, order, axis=-1)
    positive = _first(shuffled == POSITIVE, int(count * positive_share + 1e-6))
    taken = ops.sum(ops.cast(positive, "int32"), axis=-1, keepdims=True)
    return order, positive | _first(shuffled == NEGATIVE, count - taken)


def _first(flags: Any, count: Any) -> Any:
    """The first `count` of the flags in each row."""
    return flags & (ops.cumsum(ops.cast(flags, "int32"), axis=-1) <= count)
