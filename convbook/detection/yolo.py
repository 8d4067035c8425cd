"""What the head of YOLOv2 says, read and written: offsets of priors in the cells of one map.

Source: Redmon and Farhadi 2016, *YOLO9000: better, faster, stronger*, arXiv:1612.08242, section 2,
"Direct location prediction".
"""

from __future__ import annotations

from typing import Any

from keras import ops

from convbook.detection.boxes import MOST_GROWTH, iou, to_corners, to_parts


def yolo_decode(raw: Any, priors: Any, stride: float) -> tuple[Any, Any, Any]:
    """Return the boxes, objectness and classes that a head's numbers mean.

    Args:
        raw: (..., H, W, A, 5 + C) as (dy, dx, dh, dw, objectness, classes), not squashed.
        priors: (A, 2), heights and widths in pixels.
        stride: pixels from cell to cell.

    Returns:
        Boxes (..., H, W, A, 4) as corners in pixels: the centre is the cell's own corner and a
        sigmoid of a cell, the size the prior's times exp; it grows to 62.5 times at most.
        Objectness (..., H, W, A), a sigmoid; classes (..., H, W, A, C), a softmax, not multiplied
        by it.
    """
    raw = ops.cast(raw, "float32")
    priors = ops.convert_to_tensor(priors, "float32")
    centres = (_cells(raw) + ops.sigmoid(raw[..., :2])) * stride
    sizes = priors * ops.exp(ops.minimum(raw[..., 2:4], MOST_GROWTH))
    boxes = to_corners(ops.concatenate([centres, sizes], -1))
    return boxes, ops.sigmoid(raw[..., 4]), ops.softmax(raw[..., 5:], axis=-1)


def _cells(raw: Any) -> Any:
    """The corner of each cell, in cells: (H, W, 1, 2)."""
    height, width = raw.shape[-4:-2]
    rows = ops.broadcast_to(ops.arange(height, dtype="float32")[:, None], (height, width))
    columns = ops.broadcast_to(ops.arange(width, dtype="float32"), (height, width))
    return ops.stack([rows, columns], -1)[:, :, None]


def yolo_encode(
    boxes: Any, valid: Any, priors: Any, stride: float, height: int, width: int
) -> tuple[Any, Any, Any]:
    """Return what a head should say: which prior of which cell answers for which box, and how.

    A box belongs to the cell that its centre is in, and there to the prior whose size is most like
    its own. Where two boxes want the same place, the later has it.

    Args:
        boxes: (B, M, 4) in pixels, padded.
        valid: bool (B, M), False for padding.
        priors: (A, 2), heights and widths in pixels.
        stride: pixels from cell to cell.
        height: of the map, in cells.
        width: of the map, in cells.

    Returns:
        Targets (B, H, W, A, 4): (dy, dx) where the centre is in its cell, in [0, 1], to be compared
        with the sigmoids; (dh, dw) logarithms of the sizes over the prior's; zeros where there is
        no box. Bool (B, H, W, A), where there is one. And int32 (B, H, W, A), its place in the
        list.
    """
    priors = ops.convert_to_tensor(priors, "float32")
    count, kinds = boxes.shape[-2], priors.shape[0]
    cy, cx, h, w = to_parts(boxes)
    valid = ops.cast(valid, "bool") & (h > 0) & (w > 0)
    h, w = ops.where(valid, h, 1), ops.where(valid, w, 1)
    row = ops.clip(ops.floor(cy / stride), 0, height - 1)
    column = ops.clip(ops.floor(cx / stride), 0, width - 1)
    sized = ops.stack([ops.zeros_like(h), ops.zeros_like(w), h, w], -1)
    kind = ops.argmax(iou(sized, ops.pad(priors, [(0, 0), (2, 0)])), -1)
    place = (ops.cast(row, "int32") * width + ops.cast(column, "int32")) * kinds
    place = ops.where(valid, place + ops.cast(kind, "int32"), -1)  # (B, M)
    own = place[..., None] == ops.arange(height * width * kinds, dtype="int32")  # (B, M, places)
    numbers = ops.where(own, ops.arange(count, dtype="int32")[:, None], -1)
    owner = ops.max(numbers, axis=-2)
    there, owner = owner >= 0, ops.maximum(owner, 0)
    prior = ops.take(priors, ops.cast(kind, "int32"), axis=0)
    wanted = ops.stack(
        [
            ops.clip(cy / stride - row, 0, 1),
            ops.clip(cx / stride - column, 0, 1),
            ops.log(h / prior[..., 0]),
            ops.log(w / prior[..., 1]),
        ],
        -1,
    )
    target = ops.take_along_axis(wanted, owner[..., None], axis=1)
    target = ops.where(there[..., None], target, 0.0)
    shape = (-1, height, width, kinds)
    return ops.reshape(target, (*shape, 4)), ops.reshape(there, shape), ops.reshape(owner, shape)
