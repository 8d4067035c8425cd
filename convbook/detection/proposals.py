"""Proposals: boxes that may hold an object, whatever it is, found without learning.

Sources: Uijlings et al. 2013, *Selective search for object recognition*, IJCV 104; Girshick et al.
2014, arXiv:1311.2524, section 2.2 (pictures are brought to one size first, since the search depends
on it). The search is OpenCV's, from its contributed modules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pycocotools import mask as coco_masks

from convbook.data.photos import to_bytes

MODES = ("single", "fast", "quality")
"""One segmentation to start from, those of two colour spaces, or of five: more and slower."""

Boxes = NDArray[np.float32]


def selective_search(
    image: ArrayLike, mode: str = "fast", enlarge: float = 1.5, least: float = 4.0, seed: int = 0
) -> Boxes:
    """Return the boxes that selective search finds, each once, always in the same order.

    OpenCV gives the same boxes in another order at each call: its own order has random numbers in
    it, which nothing sets back. Here they are sorted and then shuffled by `seed`, so that the first
    n of them are a fair draw from all.

    Args:
        image: (H, W, 3), or grey (H, W) or (H, W, 1); floats in [0, 1] or bytes.
        mode: one of `MODES`.
        enlarge: the search is made on the picture enlarged so many times. It starts from segments
            of a least size in pixels, so small objects need a large picture.
        least: boxes with a shorter side are left out, in pixels.
        seed: seed of the order.

    Returns:
        float32 (N, 4) as (y1, x1, y2, x2) in pixels of `image`, ends exclusive.

    Raises:
        ValueError: for another mode, or another shape.
    """
    if mode not in MODES:
        raise ValueError(f'There is no mode "{mode}": choose of {", ".join(MODES)}.')
    import cv2

    picture: Any = _as_bytes(image)
    search: Any = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    search.setBaseImage(cv2.resize(picture, None, fx=enlarge, fy=enlarge))
    start: dict[str, Any] = {
        "single": search.switchToSingleStrategy,
        "fast": search.switchToSelectiveSearchFast,
        "quality": search.switchToSelectiveSearchQuality,
    }
    start[mode]()
    x, y, width, height = np.unique(search.process().reshape(-1, 4), axis=0).T / enlarge
    boxes = np.stack([y, x, y + height, x + width], 1).astype(np.float32)
    boxes = boxes[np.minimum(height, width) >= least]
    return boxes[np.random.default_rng(seed).permutation(len(boxes))]


def _as_bytes(image: ArrayLike) -> NDArray[np.uint8]:
    """A picture as OpenCV wants it: bytes, blue first, three channels."""
    picture = np.asarray(image)
    if picture.ndim == 2:
        picture = picture[..., np.newaxis]
    if picture.ndim != 3 or picture.shape[-1] not in (1, 3):
        raise ValueError(
            f"The picture has the shape {picture.shape}: give (H, W, 3), or (H, W) for grey."
        )
    if picture.dtype != np.uint8:
        picture = to_bytes(picture)
    return np.ascontiguousarray(np.broadcast_to(picture, (*picture.shape[:2], 3))[..., ::-1])


def propose(images: Any, count: int, workers: int = 2, **options: Any) -> NDArray[np.float32]:
    """Return the first proposals of each picture, padded with zeros: (B, count, 4).

    Args:
        images: a list or array of pictures, each as `selective_search` takes it.
        count: proposals kept of a picture.
        workers: threads; OpenCV lets others work meanwhile.
        **options: of `selective_search`.
    """
    padded = np.zeros((len(images), count, 4), np.float32)
    with ThreadPoolExecutor(workers) as pool:
        found = pool.map(lambda image: selective_search(image, **options), list(images))
        for row, boxes in zip(padded, found, strict=True):
            row[: len(boxes)] = boxes[:count]
    return padded


def covered(
    scenes: Sequence[Mapping[str, Any]], proposals: Sequence[ArrayLike], threshold: float = 0.5
) -> NDArray[np.int64]:
    """Return for each object how many proposals are needed until one covers it.

    Args:
        scenes: see `convbook.data.digit_scenes`; a heap marked ``crowd`` is no object here.
        proposals: for each scene (N, 4); what is padded covers nothing.
        threshold: IoU from which on an object is covered.

    Returns:
        (objects,), 1 where the first proposal covers it; a very large number where none does.
    """
    needed = [np.zeros(0, np.int64)]
    for scene, boxes in zip(scenes, proposals, strict=True):
        truth = np.asarray(scene["boxes"])[~np.asarray(scene["crowd"], bool)]
        enough = overlaps(truth, boxes) >= threshold
        first = enough.argmax(1) + 1 if enough.shape[1] else np.ones(len(enough), np.int64)
        needed.append(np.where(enough.any(1), first, np.iinfo(np.int64).max))
    return np.concatenate(needed)


def recall(needed: ArrayLike, counts: ArrayLike) -> NDArray[np.float64]:
    """Return the share of objects that the first n proposals cover, for each n of `counts`.

    Args:
        needed: see `covered`.
        counts: numbers of proposals, (M,).
    """
    objects = np.asarray(needed)
    if not objects.size:
        raise ValueError("There is no object that could be covered.")
    return (objects[:, np.newaxis] <= np.asarray(counts)).mean(0)


def overlaps(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """IoU (N, M) of boxes (N, 4) and (M, 4), by pycocotools, outside of any net; 0 if empty."""
    first, second = (np.asarray(each, np.float64).reshape(-1, 4) for each in (a, b))
    if not len(first) or not len(second):
        return np.zeros((len(first), len(second)))
    sides = [
        np.concatenate([each[:, 1::-1], np.maximum(each[:, :1:-1] - each[:, 1::-1], 0)], 1)
        for each in (first, second)
    ]
    return np.nan_to_num(np.asarray(coco_masks.iou(*sides, [0] * len(second))))
