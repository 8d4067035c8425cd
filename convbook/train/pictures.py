"""The pictures of a run: numbered examples, and the batch of each step."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from convbook.data.batches import Batches, Held, Source, collate
from convbook.data.catalogue import entry_of, source_of
from convbook.data.photos import to_float

KEYS = ("image", "boxes", "classes", "crowd", "difficult")
MASK_KEYS = (*KEYS, "masks")
AT_ONCE = 250  # scenes that a process makes before it is asked again


def source(
    name: str,
    split: str,
    *,
    size: int,
    count: int | None,
    seed: int,
    places: int,
    workers: int = 1,
    data_dir: str | None = None,
    masks: bool = False,
) -> Source:
    """Return the examples of a set for detection.

    Args:
        name: as ``convbook.data.load`` has it.
        split: "train" or "test".
        size: height and width of the pictures; those of real sets are padded to squares.
        count: of the examples; None for the set's own number.
        seed: of generated examples.
        places: objects a picture; more are left out.
        workers: processes that make the examples of an embedded set, which are all kept in memory.
        data_dir: TensorFlow Datasets' folder, for real sets.
        masks: whether examples have ``masks``; of an embedded set, which is kept in memory, they
            are packed: a bit for each pixel.

    Raises:
        ValueError: if there is no such set, or it has no boxes, or no masks where they are wanted.
        convbook.data.real.NotHere: if a real set is missing.
    """
    entry = entry_of(name)
    if entry.kind != "detection" and "_masks" not in entry.tfds:  # whose objects have boxes, too
        raise ValueError(f"{name} is a set for {entry.kind}: choose one with boxes.")
    if masks and entry.tfds and "_masks" not in entry.tfds:
        raise ValueError(f"{name} has no masks: choose voc_masks/2007 or coco_masks/2017.")
    if entry.tfds:
        from convbook.data.real import Real

        return Real(name, split, size, "pad", count, data_dir=data_dir)
    number = len(source_of(name, split, count, size, seed))
    parts = [range(a, min(a + AT_ONCE, number)) for a in range(0, number, AT_ONCE)]
    keys = MASK_KEYS if masks else KEYS
    make = partial(_made, name, split, number, size, seed, places, keys)
    if workers > 1 and len(parts) > 1:
        # Processes of their own, not forks: this one may hold an accelerator.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            made = list(pool.map(make, parts))
    else:
        made = [make(part) for part in parts]
    return Held({key: np.concatenate([part[key] for part in made]) for key in keys})


def _made(
    name: str,
    split: str,
    count: int,
    size: int,
    seed: int,
    places: int,
    keys: tuple[str, ...],
    numbers: range,
) -> dict[str, Any]:
    """Some examples of an embedded set as one batch, masks packed."""
    examples = source_of(name, split, count, size, seed)
    batch = collate([examples[i] for i in numbers], places, keys)
    if "masks" in batch:
        batch["masks"] = np.packbits(batch["masks"], axis=-1)
    return batch


def unpacked(masks: NDArray[Any], width: int) -> NDArray[np.uint8]:
    """Masks (B, M, H, W) as 0 and 1, from what they are or from their packed bits."""
    if masks.shape[-1] != width:
        return np.unpackbits(masks, axis=-1, count=width)
    return masks.astype(np.uint8)


class Steps(keras.utils.PyDataset):
    """The batches of some steps of one epoch, for ``fit``; they follow from seed and step alone.

    Args:
        batches: of the whole run.
        first: number of the first step, counted over the whole run.
        last: number of the step behind the last one, in the same epoch.
        flip: whether half of the pictures, by chance, are mirrored left to right.
    """

    def __init__(self, batches: Batches, first: int, last: int, flip: bool = False) -> None:
        super().__init__(workers=batches.workers)
        self.batches, self.first, self.last, self.flip = batches, first, last, flip
        self.order = batches.order(first // steps_an_epoch(batches))
        self.keys = batches.keys or KEYS

    def __len__(self) -> int:
        return self.last - self.first

    def __getitem__(self, index: int) -> tuple[Any, dict[str, Any]]:
        step = self.first + index
        batch = self.batches.batch(step % steps_an_epoch(self.batches), self.order)
        image, boxes = to_float(batch["image"]), batch["boxes"]
        # Bytes, since TensorFlow cannot share out what is true or false.
        truth = {"classes": batch["classes"], "crowd": batch["crowd"].astype(np.uint8)}
        if "masks" in self.keys:
            truth["masks"] = unpacked(batch["masks"], image.shape[2])
        if self.flip:
            chosen = np.random.default_rng([self.batches.seed, step]).random(len(image)) < 0.5
            image, boxes = mirror(image, boxes, batch["classes"], chosen)
            if "masks" in truth:
                over = chosen[:, np.newaxis, np.newaxis, np.newaxis]
                truth["masks"] = np.where(over, truth["masks"][..., ::-1], truth["masks"])
        return image, truth | {"boxes": boxes}


def steps_an_epoch(batches: Batches) -> int:
    """Full batches of an epoch; what is left of its order is left out.

    Raises:
        ValueError: if there is not one.
    """
    steps = len(batches.source) // batches.batch_size
    if not steps:
        raise ValueError(
            f"There are {len(batches.source)} pictures for batches of {batches.batch_size}: take "
            "smaller batches or more pictures."
        )
    return steps


def mirror(
    images: NDArray[np.float32],
    boxes: NDArray[np.float32],
    classes: NDArray[np.int64],
    chosen: NDArray[np.bool_],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mirror the chosen pictures (B, H, W, 3) left to right with their boxes (B, M, 4)."""
    width = images.shape[2]
    y1, x1, y2, x2 = np.moveaxis(boxes, -1, 0)
    mirrored = np.stack([y1, width - x2, y2, width - x1], -1)
    moved = chosen[:, np.newaxis, np.newaxis] & (classes >= 0)[..., np.newaxis]
    images = np.where(chosen[:, np.newaxis, np.newaxis, np.newaxis], images[:, :, ::-1], images)
    return images, np.where(moved, mirrored, boxes)


def in_turn(batches: Batches) -> Iterator[dict[str, Any]]:
    """All examples in order, in batches that are all full: the last is filled with its own last.

    Each batch has its pictures as floats and the number of examples that count as ``count``.
    """
    size = batches.batch_size
    for i, batch in enumerate(batches.epoch(0)):
        count = min(size, len(batches.source) - i * size)
        full = {
            key: np.concatenate([batch[key], np.repeat(batch[key][-1:], size - count, 0)])
            for key in batches.keys or KEYS
        }
        if "masks" in full:
            full["masks"] = unpacked(full["masks"], full["image"].shape[2]).astype(bool)
        yield full | {"image": to_float(full["image"]), "count": count}
