"""The nets of the pose chapter, whole and with one thing left out, and how they are trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from convbook.architectures.pose import small_hourglass, small_pose_machine
from convbook.data import figures, stack_figures
from convbook.data.figure_drawing import VISIBLE
from convbook.flat_adam import FlatAdam
from convbook.pose.keypoints import gaussian_maps

SIZE, STRIDE, SIGMA = 64, 4, 1.0
"""Pixels a side, pixels a cell, and the width of a bell in cells."""


@dataclass(frozen=True)
class Variant:
    """A net and what it is trained on.

    Attributes:
        what: in words, for tables.
        build: makes it.
        options: for ``build``.
        every_loss: whether each stage has a loss, or the last one only.
    """

    what: str
    build: Callable[..., keras.Model]
    options: dict[str, Any] = field(default_factory=dict)
    every_loss: bool = True

    def net(self) -> keras.Model:
        """Return a new net."""
        return self.build(**self.options)


VARIANTS = {
    "machine": Variant("whole", small_pose_machine),
    "machine_last_loss": Variant("loss at the end only", small_pose_machine, every_loss=False),
    "machine_no_beliefs": Variant("no beliefs handed on", small_pose_machine, {"feedback": False}),
    "machine_no_features": Variant(
        "no features again", small_pose_machine, {"features_again": False}
    ),
    "hourglass": Variant("whole", small_hourglass),
    "hourglass_no_feedback": Variant("nothing handed on", small_hourglass, {"feedback": False}),
    "hourglass_no_skip": Variant("no way past", small_hourglass, {"skip": False}),
}
"""By name; the first word is the whole net's."""


def pose_data(count: int, split: str = "train", seed: int = 0) -> dict[str, NDArray[Any]]:
    """Return figures with their target maps: what `stack_figures` gives, and more.

    ``maps`` are (N, 16, 16, 14), of every joint in the picture, hidden or not; ``seen`` (N, 14)
    says which joints count when a net is judged: those that can be seen.
    """
    data = stack_figures(figures(count, split, SIZE, seed=seed))
    side = SIZE // STRIDE
    maps = gaussian_maps(data["keypoints"], side, side, STRIDE, SIGMA)
    return data | {"maps": maps, "seen": data["visibility"] == VISIBLE}


def cell_loss(y_true: Any, y_pred: Any) -> Any:
    """In which cell is the joint? Cross-entropy of a softmax over a map's cells, (N, H, W, K) both.

    The truth is bells, divided by their sums; a joint that is nowhere, a map of zeros, costs
    nothing. (Wei 2016 and Newell 2016 take the squared error of the maps.)
    """
    cells, joints = y_pred.shape[1] * y_pred.shape[2], y_pred.shape[3]
    truth, said = (ops.reshape(each, (-1, cells, joints)) for each in (y_true, y_pred))
    share = truth / (ops.sum(truth, axis=1, keepdims=True) + 1e-6)
    return -ops.mean(ops.sum(share * ops.log_softmax(said, axis=1), axis=1))


def ready(net: keras.Model, every_loss: bool, rate: float, steps: int) -> keras.Model:
    """Compile a net of stages with Adam, its rate falling to zero over the steps; return it.

    The loss is `cell_loss` of each stage's maps, all with equal weight, or of the last stage alone.
    """
    stages = len(net.outputs)
    weights = [1.0] * stages if every_loss else [0.0] * (stages - 1) + [1.0]
    adam = FlatAdam(keras.optimizers.schedules.CosineDecay(rate, steps))
    # No XLA: compiling takes longer than training does here.
    net.compile(adam, [cell_loss] * stages, loss_weights=weights, jit_compile=False)
    # All variables are made here. Where `fit` makes some while TensorFlow traces a step, the whole
    # step is traced a second time; each of several losses has variables of its own.
    adam.build(net.trainable_variables)
    if stages > 1:
        none = [ops.zeros((1, *output.shape[1:])) for output in net.outputs]
        net.compute_loss(y=none, y_pred=none)
    return net


def beliefs(net: keras.Model, images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Return what each stage says of the pictures (N, H, W, 3): a list of (N, h, w, joints).

    They are probabilities: each map is positive, and its sum is 1.
    """
    # The 300 held-out pictures of the page are even parts of 60: each net is traced once.
    found = net.predict(images, batch_size=60, verbose=0)
    result = []
    for maps in found if isinstance(found, list) else [found]:
        powers = np.exp(maps - maps.max(axis=(1, 2), keepdims=True))
        result.append(powers / powers.sum(axis=(1, 2), keepdims=True))
    return result
