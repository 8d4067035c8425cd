"""What nets that name regions learn from: pictures, a few of their boxes, and what is in those.

Sources: Girshick et al. 2014, arXiv:1311.2524, section 2.3; Girshick 2015, arXiv:1504.08083,
section 2.3 (a quarter of the boxes of a step hold an object).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from convbook.data.photos import to_bytes, to_float
from convbook.detection.boxes import area, encode, iou
from convbook.detection.matching import match

OFFSET_SCALES = (0.1, 0.1, 0.2, 0.2)
"""What (dy, dx, dh, dw) are divided by, so that what is to be learnt spreads by about 1.

SSD has the same (the authors' code, "variances").
"""


class RegionBatches(keras.utils.PyDataset):
    """Batches of pictures, each with so many of its boxes, drawn anew in each epoch.

    A box holds an object if its IoU with it is at least `positive`, else it is ground; what lies on
    a crowd is left out. The true boxes are among those that are drawn from. What is drawn follows
    from the seed, the epoch and the batch alone. A last batch that is not full is left out.

    Args:
        scenes: see `convbook.data.digit_scenes`.
        proposals: (N, P, 4), padded with zeros.
        batch_size: pictures a batch.
        regions: boxes of a picture in a batch; where it has too few some come twice.
        share: of these, at most this part holds an object.
        positive: IoU from which on a box holds an object.
        seed: of order and draw.

    Attributes:
        boxes: all boxes (N, P + M, 4).
        classes: (N, P + M), 0 for the ground, 1 + the object's class, -1 for what is left out.
        targets: (N, P + M, 4), offsets to the object, divided by `OFFSET_SCALES`.

    Raises:
        ValueError: if there are fewer pictures than in a batch, or one has no box to learn from.
    """

    def __init__(
        self,
        scenes: Sequence[Mapping[str, Any]],
        proposals: ArrayLike,
        *,
        batch_size: int = 8,
        regions: int = 64,
        share: float = 0.25,
        positive: float = 0.5,
        seed: int = 0,
    ):
        super().__init__()
        if len(scenes) < batch_size:
            raise ValueError(
                f"There are {len(scenes)} pictures and {batch_size} in a batch: give more pictures "
                "or take smaller batches."
            )
        self.batch_size, self.regions, self.share, self.seed = batch_size, regions, share, seed
        # Bytes are a quarter of the room.
        self.images = np.stack([to_bytes(scene["image"]) for scene in scenes])
        truth, labels, crowds = _padded(scenes)
        self.boxes = np.concatenate([np.asarray(proposals, np.float32), truth], 1)
        holds, matched = match(
            self.boxes, truth, labels >= 0, positive, positive, low_quality=False
        )
        on_crowd = ops.max(iou(self.boxes, crowds), -1) >= positive
        left_out = ops.logical_or(area(self.boxes) <= 0, ops.logical_and(holds == 0, on_crowd))
        found, hidden, index = (ops.convert_to_numpy(each) for each in (holds, left_out, matched))
        own = np.take_along_axis(labels, index, 1)
        self.classes = np.where(hidden, -1, np.where(found == 1, own + 1, 0)).astype(np.int32)
        if (empty := np.flatnonzero((self.classes < 0).all(1))).size:
            raise ValueError(
                f"Picture {empty[0]} has no box to learn from: give it proposals, or leave it out."
            )
        objects = np.take_along_axis(truth, index[..., None], 1)
        self.targets = ops.convert_to_numpy(encode(objects, self.boxes, OFFSET_SCALES))
        self.epoch = 0

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return len(self.images) // self.batch_size

    def __getitem__(self, index: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return ``image`` and ``boxes``; and ``scores`` and ``offsets`` as `LOSSES` wants them."""
        order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.images))
        rng = np.random.default_rng([self.seed, self.epoch, index])
        pictures = order[index * self.batch_size : (index + 1) * self.batch_size]
        places = np.stack([self._draw(self.classes[number], rng) for number in pictures])
        rows = pictures[:, np.newaxis]
        classes, targets = self.classes[rows, places], self.targets[rows, places]
        truth = np.concatenate([classes[..., np.newaxis].astype(np.float32), targets], -1)
        inputs = {
            "image": to_float(self.images[pictures]),
            "boxes": self.boxes[rows, places],
        }
        return inputs, {"scores": classes, "offsets": truth}

    def _draw(self, classes: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.int64]:
        """The places of the boxes of one picture that are learnt from, (regions,)."""
        objects, ground = np.flatnonzero(classes > 0), np.flatnonzero(classes == 0)
        wanted = min(len(objects), int(self.share * self.regions))
        chosen = rng.permutation(objects)[:wanted]
        rest = self.regions - wanted
        others = ground if len(ground) else objects
        # Nearly always there are enough; else all are taken, and some of them again.
        again = np.concatenate([rng.permutation(others) for _ in range(-(-rest // len(others)))])
        return np.concatenate([chosen, again[:rest]])

    def on_epoch_end(self) -> None:
        """Go on to the next epoch's draw."""
        self.epoch += 1


def made_up_proposals(
    scenes: Sequence[Mapping[str, Any]], count: int = 300, seed: int = 0
) -> NDArray[np.float32]:
    """Return boxes to learn from where there is no search to propose any: (N, count, 4).

    Half of them lie about objects, moved and stretched at random, so that many hold one, and others
    hold half of one, or two; the rest lie anywhere, of all sizes. Without objects all do.

    Args:
        scenes: see `convbook.data.digit_scenes`.
        count: boxes of a picture.
        seed: seed.
    """
    made = np.zeros((len(scenes), count, 4), np.float32)
    for number, scene in enumerate(scenes):
        rng = np.random.default_rng([seed, number])
        height, width = np.shape(scene["image"])[:2]
        sides = np.exp(rng.uniform(np.log(5), np.log(0.9 * min(height, width)), (count, 1)))
        sides = sides * np.exp(rng.normal(0, 0.35, (count, 2)))
        middles = rng.uniform(0, (height, width), (count, 2))
        objects = np.asarray(scene["boxes"], float)
        if len(objects):
            near = objects[rng.integers(0, len(objects), count // 2)]
            own = near[:, 2:] - near[:, :2]
            spread = rng.choice([0.08, 0.2, 0.45], (len(near), 1))
            sides[: len(near)] = own * np.exp(rng.normal(0, 1.3, own.shape) * spread)
            middles[: len(near)] = (near[:, 2:] + near[:, :2]) / 2
            middles[: len(near)] += rng.normal(0, 1, own.shape) * spread * own
        corners = np.concatenate([middles - sides / 2, middles + sides / 2], 1)
        corners = np.clip(corners.round(), 0, (height, width, height, width))
        made[number] = np.where(
            (corners[:, 2:] - corners[:, :2]).min(1, keepdims=True) >= 4, corners, 0
        )
    return made


def _padded(
    scenes: Sequence[Mapping[str, Any]],
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]:
    """Objects' boxes (N, M, 4) and classes (N, M), -1 for padding; crowds' boxes (N, K, 4)."""
    most = max([1, *(len(scene["boxes"]) for scene in scenes)])
    boxes, crowds = np.zeros((2, len(scenes), most, 4), np.float32)
    classes = np.full((len(scenes), most), -1)
    for number, scene in enumerate(scenes):
        crowd = np.asarray(scene["crowd"], bool)
        count, heaps = int((~crowd).sum()), int(crowd.sum())
        boxes[number, :count] = scene["boxes"][~crowd]
        classes[number, :count] = scene["classes"][~crowd]
        crowds[number, :heaps] = scene["boxes"][crowd]
    return boxes, classes, crowds
