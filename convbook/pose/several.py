"""The net for several people: its scenes, its losses, and what it finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from convbook.architectures.pose import part_net
from convbook.data import figures
from convbook.data.figure_drawing import KEY_POINTS
from convbook.data.scenes import Example
from convbook.pose.association import PAIRS, Candidates, candidates, offset_maps
from convbook.pose.keypoints import gaussian_maps

SIZE, STRIDE, SIGMA = 96, 4, 0.8
"""Pixels a side, pixels a cell, and the width of a bell in cells."""


def scenes_of(count: int, split: str = "train", seed: int = 0) -> list[Example]:
    """Return scenes of two or three people, see `convbook.data.figures`."""
    return figures(count, split, SIZE, people=(2, 3), seed=seed)


def net_for_several() -> keras.Model:
    """Return the small net: pictures of 96 pixels to maps of 24 x 24."""
    return part_net(len(KEY_POINTS), len(PAIRS), SIZE)


def offset_loss(y_true: Any, y_pred: Any) -> Any:
    """Smooth L1 of the offsets, over the places where there is one: (N, H, W, 8 P), (N, H, W, 4 P).

    The truth is the offsets and, behind them, 1 where there is one.
    """
    channels = y_pred.shape[-1]
    truth, given = y_true[..., :channels], y_true[..., channels:]
    away = ops.abs(truth - y_pred) * given
    smooth = ops.where(away < 0.5, away**2, away - 0.25)
    return ops.sum(smooth) / (ops.sum(given) + 1.0)


class Scenes(keras.utils.PyDataset):
    """Batches of scenes with their targets, in another order in each epoch.

    Args:
        scenes: as `scenes_of` gives them.
        batch_size: scenes a step.
        seed: of the order.
    """

    def __init__(self, scenes: Sequence[Example], batch_size: int, seed: int = 0) -> None:
        super().__init__()
        self.batch_size, self.random = batch_size, np.random.default_rng(seed)
        self.images = np.stack([scene["image"] for scene in scenes])
        side = SIZE // STRIDE
        maps, ways = [], []
        for scene in scenes:
            each = gaussian_maps(scene["keypoints"], side, side, STRIDE, SIGMA)
            maps.append(each.max(axis=0))
            both = offset_maps(scene["keypoints"], side, side, STRIDE)
            ways.append(np.concatenate(both, axis=-1).astype(np.float16))
        self.maps, self.ways = np.stack(maps), np.stack(ways)
        self.order = self.random.permutation(len(scenes))

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return len(self.order) // self.batch_size

    def __getitem__(self, index: int) -> tuple[Any, tuple[Any, Any]]:
        """Return pictures, and the targets of both outputs."""
        own = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return self.images[own], (self.maps[own], self.ways[own].astype(np.float32))

    def on_epoch_end(self) -> None:
        """Choose another order."""
        self.random.shuffle(self.order)


def ready(net: keras.Model, rate: float, steps: int) -> keras.Model:
    """Compile the net with Adam, its rate falling to zero over the steps; return it.

    The loss of the parts is a cross-entropy, so that what the net gives is a probability.
    """
    parts = keras.losses.BinaryCrossentropy(from_logits=True)
    adam = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps))
    net.compile(adam, [parts, offset_loss], loss_weights=[10.0, 1.0], jit_compile=False)
    return net


def look(net: keras.Model, images: NDArray[np.float32], least: float = 0.15) -> list[Candidates]:
    """Return the candidates of each picture (N, H, W, 3)."""
    logits, ways = net.predict(images, batch_size=32, verbose=0)
    probabilities = 1 / (1 + np.exp(-np.asarray(logits, float)))
    pairs = zip(probabilities, ways, strict=True)
    return [candidates(maps, way, STRIDE, least) for maps, way in pairs]
