"""Boxes: area, intersection over union, offsets between boxes, clipping, other forms.

Boxes are (y1, x1, y2, x2) in pixels, ends exclusive. A box is empty where its height or width is
not above 0, as that of padding, all zeros.

Sources: Everingham et al. 2010 (intersection over union); Girshick et al. 2014, arXiv:1311.2524,
appendix C (offsets).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

MOST_GROWTH = math.log(1000 / 16)  # of a decoded side, as a logarithm: a bad guess stays finite


def area(boxes: Any) -> Any:
    """Return the areas (...) of boxes (..., 4) in square pixels, 0 for empty ones."""
    y1, x1, y2, x2 = sides(boxes)
    return ops.maximum(y2 - y1, 0) * ops.maximum(x2 - x1, 0)


def iou(a: Any, b: Any) -> Any:
    """Return the intersection over union of every box of one list with every one of another.

    Args:
        a: boxes (..., N, 4).
        b: boxes (..., M, 4), with the same leading axes or some that broadcast.

    Returns:
        (..., N, M) in [0, 1]; 0 where a box is empty.
    """
    rows = [side[..., :, None] for side in sides(a)]
    columns = [side[..., None, :] for side in sides(b)]
    return _iou(rows, columns)


def paired_iou(a: Any, b: Any) -> Any:
    """Return the intersection over union (...) of boxes (..., 4) with their partners (..., 4)."""
    return _iou(sides(a), sides(b))


def giou(a: Any, b: Any) -> Any:
    """Return the generalised intersection over union of boxes (..., N, 4) with boxes (..., M, 4).

    From the IoU goes the share of the smallest box round both that belongs to neither, so that
    boxes apart are told how far: (..., N, M) in (-1, 1]. Of two empty boxes at one place it is 0.

    Source: Rezatofighi et al. 2019, arXiv:1902.09630.
    """
    rows = [side[..., :, None] for side in sides(a)]
    columns = [side[..., None, :] for side in sides(b)]
    return _giou(rows, columns)


def paired_giou(a: Any, b: Any) -> Any:
    """Return the same (...) of boxes (..., 4) with their partners (..., 4)."""
    return _giou(sides(a), sides(b))


def _giou(a: Sequence[Any], b: Sequence[Any]) -> Any:
    """The same of boxes given by their sides y1, x1, y2, x2, which broadcast."""
    low = [ops.minimum(a[i], b[i]) for i in (0, 1)]
    high = [ops.maximum(a[i], b[i]) for i in (2, 3)]
    around = _area([*low, *high])
    shared = _shared(a, b)
    union = _area(a) + _area(b) - shared
    overlap = shared / ops.where(union > 0, union, 1)
    return overlap - (around - union) / ops.where(around > 0, around, 1)


def _iou(a: Sequence[Any], b: Sequence[Any]) -> Any:
    """The same of boxes given by their sides y1, x1, y2, x2, which broadcast."""
    shared = _shared(a, b)
    union = _area(a) + _area(b) - shared
    # Where there is nothing to divide by, dividing by 1 keeps NaN out of gradients too.
    return shared / ops.where(union > 0, union, 1)


def _shared(a: Sequence[Any], b: Sequence[Any]) -> Any:
    height = ops.maximum(ops.minimum(a[2], b[2]) - ops.maximum(a[0], b[0]), 0)
    width = ops.maximum(ops.minimum(a[3], b[3]) - ops.maximum(a[1], b[1]), 0)
    return height * width


def _area(box: Sequence[Any]) -> Any:
    return ops.maximum(box[2] - box[0], 0) * ops.maximum(box[3] - box[1], 0)


def encode(boxes: Any, proposals: Any, scales: Sequence[float] = (1, 1, 1, 1)) -> Any:
    """Return the offsets that lead from proposals to boxes.

    Args:
        boxes: (..., 4), where the proposals should be.
        proposals: (..., 4), one a box.
        scales: what (dy, dx, dh, dw) are divided by, usually their standard deviations.

    Returns:
        (..., 4): (dy, dx) is the way between the centres in heights and widths of the proposal,
        (dh, dw) the logarithm of the growth; zeros where the box or the proposal is empty.

    Source: Girshick et al. 2014, arXiv:1311.2524, appendix C; scales: Ren et al. 2015's code.
    """
    cy, cx, height, width = to_parts(boxes)
    from_y, from_x, from_height, from_width = to_parts(proposals)
    there = (height > 0) & (width > 0) & (from_height > 0) & (from_width > 0)
    height, width, from_height, from_width = (
        ops.where(there, side, 1) for side in (height, width, from_height, from_width)
    )
    parts = [
        (cy - from_y) / from_height,
        (cx - from_x) / from_width,
        ops.log(height / from_height),
        ops.log(width / from_width),
    ]
    parts = [ops.where(there, part / scale, 0) for part, scale in zip(parts, scales, strict=True)]
    return ops.stack(parts, -1)


def decode(offsets: Any, proposals: Any, scales: Sequence[float] = (1, 1, 1, 1)) -> Any:
    """Return the boxes to which offsets lead from proposals: what `encode` turned into offsets.

    Args:
        offsets: (..., 4) as (dy, dx, dh, dw).
        proposals: (..., 4), one an offset, or fewer axes that broadcast.
        scales: what the offsets are multiplied by.

    Returns:
        Boxes (..., 4), not clipped to a picture. A side grows to 62.5 times its length at most.
    """
    dy, dx, dh, dw = (part * scale for part, scale in zip(sides(offsets), scales, strict=True))
    cy, cx, height, width = to_parts(proposals)
    cy, cx = cy + dy * height, cx + dx * width
    height = height * ops.exp(ops.minimum(dh, MOST_GROWTH))
    width = width * ops.exp(ops.minimum(dw, MOST_GROWTH))
    return ops.stack([cy - height / 2, cx - width / 2, cy + height / 2, cx + width / 2], -1)


def clip(boxes: Any, height: float, width: float) -> Any:
    """Return boxes (..., 4) cut off at the borders of a picture of this height and width."""
    y1, x1, y2, x2 = sides(boxes)
    return ops.stack(
        [
            ops.clip(y1, 0, height),
            ops.clip(x1, 0, width),
            ops.clip(y2, 0, height),
            ops.clip(x2, 0, width),
        ],
        -1,
    )


def to_centres(boxes: Any) -> Any:
    """Return boxes (..., 4) from (y1, x1, y2, x2) to (centre y, centre x, height, width)."""
    return ops.stack(to_parts(boxes), -1)


def to_corners(boxes: Any) -> Any:
    """Return boxes (..., 4) from (centre y, centre x, height, width) to (y1, x1, y2, x2)."""
    cy, cx, height, width = sides(boxes)
    return ops.stack([cy - height / 2, cx - width / 2, cy + height / 2, cx + width / 2], -1)


def sides(boxes: Any) -> list[Any]:
    """Return the four numbers of boxes (..., 4) as four tensors (...) of float32.

    Raises:
        ValueError: if the last axis has not four entries.
    """
    boxes = ops.convert_to_tensor(boxes)
    if len(boxes.shape) == 0 or boxes.shape[-1] != 4:
        raise ValueError(f"Boxes have 4 numbers in the last axis, not the shape {boxes.shape}.")
    if keras.backend.standardize_dtype(boxes.dtype) != "float32":
        boxes = ops.cast(boxes, "float32")
    return [boxes[..., i] for i in range(4)]


def to_parts(boxes: Any) -> tuple[Any, Any, Any, Any]:
    """Return centre y, centre x, height and width of boxes (..., 4), each (...)."""
    y1, x1, y2, x2 = sides(boxes)
    return (y1 + y2) / 2, (x1 + x2) / 2, y2 - y1, x2 - x1
