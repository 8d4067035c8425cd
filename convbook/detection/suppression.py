"""Suppression: of boxes that overlap much, the one with the best score.

Source: Girshick et al. 2014, arXiv:1311.2524, section 2.2 (greedy, per class).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from keras import ops

from convbook.detection.boxes import iou

BLOCK = 128  # boxes that are decided on together


def nms(boxes: Any, scores: Any, threshold: float, count: int) -> tuple[Any, Any]:
    """Return the boxes that greedy non-maximum suppression keeps, best first.

    The best box is kept, the others that overlap it too much go, and so on with the best that is
    left. No gradient passes. On JAX a call outside a compiled step compiles its loops anew, for a
    second or so: `convbook.compiling.compiled` does it once.

    Args:
        boxes: (..., N, 4), N known.
        scores: (..., N). Of equal ones the first comes first; a box whose score is NaN or minus
            infinity is as good as not there: so padding is left out.
        threshold: a box goes if its intersection over union with a kept one is above this.
        count: places of the result.

    Returns:
        int32 (..., count), places in `boxes`, 0 where there is none left; and bool (..., count),
        False there.
    """
    boxes = ops.stop_gradient(ops.convert_to_tensor(boxes, "float32"))
    scores = ops.stop_gradient(ops.convert_to_tensor(scores, "float32"))
    total, leading = scores.shape[-1], ops.shape(scores)[:-1]
    blocks = max(1, math.ceil(total / BLOCK))
    spare = blocks * BLOCK - total
    scores = ops.reshape(scores, (-1, total))
    scores = ops.where(ops.isnan(scores), -np.inf, scores)
    order = ops.argsort(-scores, axis=-1)
    boxes = ops.take_along_axis(ops.reshape(boxes, (-1, total, 4)), order[..., None], axis=1)
    there = ops.take_along_axis(scores, order, axis=-1) > -np.inf
    boxes = ops.reshape(ops.pad(boxes, [(0, 0), (0, spare), (0, 0)]), (-1, blocks, BLOCK, 4))
    there = ops.pad(there, [(0, 0), (0, spare)], constant_values=False)
    kept = _greedy(boxes, ops.reshape(there, (-1, blocks, BLOCK)), threshold, count)
    kept = ops.reshape(kept, (-1, blocks * BLOCK))[:, :total]
    rank = ops.where(kept, ops.arange(total, dtype="int32"), total)
    first = ops.sort(rank, axis=-1)[:, :count]
    first = ops.pad(first, [(0, 0), (0, max(0, count - total))], constant_values=total)
    valid = first < total
    places = ops.take_along_axis(order, ops.where(valid, first, 0), axis=-1)
    places = ops.cast(ops.where(valid, places, 0), "int32")
    return ops.reshape(places, (*leading, count)), ops.reshape(valid, (*leading, count))


def _greedy(boxes: Any, there: Any, threshold: float, count: int) -> Any:
    """Which boxes (L, blocks, BLOCK, 4), best first, are kept: bool (L, blocks, BLOCK).

    A block of boxes is settled among itself, then it strikes out what it overlaps in later blocks.
    """
    blocks = boxes.shape[1]
    everything = ops.reshape(boxes, (-1, blocks * BLOCK, 4))
    numbers = ops.arange(blocks, dtype="int32")[:, None]

    def going_on(i: Any, alive: Any) -> Any:
        settled = ops.sum(ops.cast(alive & (numbers < i), "int32"), axis=(1, 2))
        waiting = ops.any(alive & (numbers >= i), axis=(1, 2))
        return (i < blocks) & ops.any(waiting & (settled < count))

    def settle(i: Any, alive: Any) -> tuple[Any, Any]:
        block = ops.take(boxes, i, axis=1)
        kept = _settle(block, ops.take(alive, i, axis=1), threshold)
        struck = ops.any((iou(block, everything) > threshold) & kept[..., None], axis=1)
        struck = ops.reshape(struck, (-1, blocks, BLOCK)) & (numbers > i)
        alive = ops.where(numbers == i, kept[:, None], alive & ~struck)
        return i + 1, alive

    return ops.while_loop(going_on, settle, (ops.convert_to_tensor(0, "int32"), there))[1]


def _settle(boxes: Any, alive: Any, threshold: float) -> Any:
    """Which of the boxes (L, n, 4), best first, are kept: bool (L, n).

    At first all are; then those go that a kept one before them strikes out; and again from the
    start with those kept now, until nothing changes. Each round gets one more box right at least,
    and usually many.
    """
    earlier = ops.convert_to_tensor(np.triu(np.ones((boxes.shape[1],) * 2, bool), 1))
    strikes = (iou(boxes, boxes) > threshold) & earlier

    def changing(kept: Any, before: Any) -> Any:
        return ops.any(kept != before)

    def again(kept: Any, before: Any) -> tuple[Any, Any]:
        return alive & ~ops.any(strikes & kept[..., None], axis=1), kept

    first = alive & ~ops.any(strikes & alive[..., None], axis=1)
    return ops.while_loop(changing, again, (first, alive))[0]


def detect(
    boxes: Any,
    scores: Any,
    threshold: float,
    score_threshold: float,
    count: int,
    before: int | None = None,
) -> dict[str, Any]:
    """Turn a detector's boxes and scores into detections: suppression class by class.

    Args:
        boxes: (..., N, 4), or (..., N, C, 4) where every class has boxes of its own.
        scores: (..., N, C), one column a class, none for the background.
        threshold: of `nms`.
        score_threshold: scores must be above this.
        count: places of the result.
        before: of each class only so many, the best, go into suppression. None: all.

    Returns:
        Best first, a dictionary of ``boxes`` (..., count, 4), ``scores`` (..., count), ``classes``
        int32 (..., count), and ``valid``, bool (..., count): False for padding, whose boxes and
        scores are 0 and whose class is -1.
    """
    boxes, scores = ops.convert_to_tensor(boxes), ops.convert_to_tensor(scores)
    leading, (total, classes) = ops.shape(scores)[:-2], scores.shape[-2:]
    each = len(boxes.shape) > len(scores.shape)
    scores = ops.swapaxes(ops.reshape(scores, (-1, total, classes)), 1, 2)
    scores = ops.where(scores > score_threshold, scores, -np.inf)
    if each:
        boxes = ops.swapaxes(ops.reshape(boxes, (-1, total, classes, 4)), 1, 2)
    else:
        boxes = ops.broadcast_to(
            ops.reshape(boxes, (-1, 1, total, 4)), (ops.shape(scores)[0], classes, total, 4)
        )
    if before is not None and before < total:
        scores, best = ops.top_k(scores, before)
        boxes = ops.take_along_axis(boxes, best[..., None], axis=2)
    places, valid = nms(boxes, scores, threshold, min(count, scores.shape[-1]))
    boxes = ops.take_along_axis(boxes, places[..., None], axis=2)
    scores = ops.where(valid, ops.take_along_axis(scores, places, axis=2), -np.inf)
    labels = ops.broadcast_to(ops.arange(classes, dtype="int32")[:, None], ops.shape(scores))
    return _best(boxes, scores, labels, count, leading)


def _best(boxes: Any, scores: Any, labels: Any, count: int, leading: Any) -> dict[str, Any]:
    """The best detections of all classes (L, C, n), best first and padded."""
    total = scores.shape[1] * scores.shape[2]
    scores, best = ops.top_k(ops.reshape(scores, (-1, total)), min(count, total))
    boxes = ops.take_along_axis(ops.reshape(boxes, (-1, total, 4)), best[..., None], axis=1)
    labels = ops.take_along_axis(ops.reshape(labels, (-1, total)), best, axis=1)
    valid = scores > -np.inf
    spare = [(0, 0), (0, count - min(count, total))]
    result = {
        "boxes": ops.pad(ops.where(valid[..., None], boxes, 0), [*spare, (0, 0)]),
        "scores": ops.pad(ops.where(valid, scores, 0), spare),
        "classes": ops.pad(ops.where(valid, labels, -1), spare, constant_values=-1),
        "valid": ops.pad(valid, spare, constant_values=False),
    }
    return {key: ops.reshape(value, (*leading, *value.shape[1:])) for key, value in result.items()}
