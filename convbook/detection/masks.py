"""Masks of objects: cut out for boxes, to be learnt, and pasted back into the picture.

Boxes are (y1, x1, y2, x2) in pixels, ends exclusive; pixel i goes from i to i + 1.

Source: He, Gkioxari, Dollar and Girshick 2017, *Mask R-CNN*, arXiv:1703.06870, section 3.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from convbook.detection.regions import roi_align


def crop_masks(masks: Any, boxes: Any, size: int, samples: int = 2) -> Any:
    """Return what lies of each mask in its box, as a square of shares.

    Args:
        masks: (B, R, H, W), one for each box; bool, whole numbers or floats in [0, 1].
        boxes: (B, R, 4).
        size: side of the squares.
        samples: see `roi_align`.

    Returns:
        (B, R, size, size) of float32, the share of each bin that the mask covers, by bilinear
        samples.
    """
    masks = ops.cast(masks, "float32")
    batch, (regions, height, width) = ops.shape(masks)[0], masks.shape[1:]
    alone = ops.reshape(masks, (-1, height, width, 1))
    cut = roi_align(alone, ops.reshape(boxes, (-1, 1, 4)), size, samples)
    return ops.reshape(cut, (batch, regions, size, size))


def paste_masks(masks: Any, boxes: Any, height: int, width: int, threshold: float = 0.5) -> Any:
    """Return masks of boxes as masks of the picture.

    A pixel asks where its centre lies in the box, and takes the bilinear mean of the mask there;
    beyond the outermost centres of the mask its edge holds. Boxes need not be whole numbers.

    Args:
        masks: (..., S, S), probabilities.
        boxes: (..., 4); an empty box gets an empty mask.
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        threshold: what a pixel's value must exceed.

    Returns:
        bool (..., height, width), False outside of the box.
    """
    masks, boxes = ops.convert_to_tensor(masks), ops.cast(boxes, "float32")
    rows, inside = _asked(boxes[..., 0], boxes[..., 2], height, masks.shape[-2])
    columns, beside = _asked(boxes[..., 1], boxes[..., 3], width, masks.shape[-1])
    values = ops.matmul(ops.matmul(rows, masks), ops.swapaxes(columns, -1, -2))
    return (values > threshold) & inside[..., :, None] & beside[..., None, :]


def _asked(first: Any, last: Any, pixels: int, size: int) -> tuple[Any, Any]:
    """What each pixel of a line takes of each value of a mask, and whether it lies in the box."""
    centres = ops.arange(pixels, dtype="float32") + 0.5
    extent = (last - first)[..., None]
    there = (extent > 0) & (centres >= first[..., None]) & (centres < last[..., None])
    place = (centres - first[..., None]) / ops.where(extent > 0, extent, 1) * size - 0.5
    place = ops.clip(place, 0, size - 1)
    distance = ops.abs(place[..., None] - ops.arange(size, dtype="float32"))
    return ops.maximum(1 - distance, 0), there


def pasted(
    found: Mapping[str, Any], height: int, width: int, threshold: float = 0.5
) -> dict[str, Any]:
    """Return detections with ``masks``, as `convbook.detection.evaluation.evaluate` wants them.

    Args:
        found: what a Mask R-CNN gives: ``boxes`` (..., D, 4), ``small_masks`` (..., D, S, S),
            ``valid`` (..., D) and others.
        height: of the pictures, in pixels.
        width: of the pictures, in pixels.
        threshold: see `paste_masks`.

    Returns:
        All entries as arrays, and ``masks``, bool (..., D, height, width), empty where there is no
        detection.
    """
    arrays = {key: ops.convert_to_numpy(value) for key, value in found.items()}
    there = arrays["valid"].astype(bool)
    masks: NDArray[np.bool_] = np.zeros((*there.shape, height, width), bool)
    if there.any():
        some = paste_masks(
            arrays["small_masks"][there], arrays["boxes"][there], height, width, threshold
        )
        masks[there] = ops.convert_to_numpy(some)
    return arrays | {"masks": masks}
