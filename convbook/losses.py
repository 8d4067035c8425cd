"""Losses made of overlaps, which say over what they sum.

Keras's ``losses.Dice`` and ``losses.Tversky`` take a whole batch as one big picture unless their
``axis`` says otherwise, also with ``reduction=None`` (Keras 3.15).
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

OVER = ("batch", "picture", "class")


@keras.saving.register_keras_serializable("convbook")
class DiceLoss(keras.losses.Loss):
    """1 - Dice: how far predicted shares and true masks are from covering each other.

    Dice is (2 * sum(truth * probability) + e) / (sum(truth) + sum(probability) + e). Over what the
    sums go decides what counts:

    - "batch": over everything, one number a batch. A large object outweighs a small one, and a
      picture's loss depends on those beside it.
    - "picture": over the pixels and classes of each picture, one number a picture; the mean.
    - "class": over the pixels of each class of each picture, (N, classes); the mean. Each class
      counts alike, the rare ones too.

    For several classes take "class": with a softmax the sizes of all classes together are twice the
    number of pixels, whatever is predicted, so that the other two are the same, and no more than
    the mean probability of the true classes.

    Takes labels (N, H, W) and scores (N, H, W, classes) before the softmax; one channel of scores
    is a binary net's, before the sigmoid.

    Args:
        over: "batch", "picture" or "class".
        epsilon: e above; a class that is nowhere and not predicted has a Dice of 1.
        name: of the loss.

    Raises:
        ValueError: for another ``over``.

    Source: Milletari, Navab and Ahmadi 2016, arXiv:1606.04797; the sum in the denominator is
    Dice's own (1945), theirs has squares.
    """

    def __init__(self, over: str = "picture", epsilon: float = 1.0, name: str = "dice") -> None:
        if over not in OVER:
            raise ValueError(f'over is "{over}"; give one of {", ".join(OVER)}.')
        super().__init__(name=name, reduction="mean")
        self.over, self.epsilon = over, epsilon

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The losses of which Keras takes the mean: (), (N,) or (N, classes)."""
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        classes = y_pred.shape[-1]
        labels = ops.squeeze(y_true, -1) if len(y_true.shape) == len(y_pred.shape) else y_true
        if classes == 1:
            probability, truth = ops.sigmoid(y_pred), ops.expand_dims(labels, -1)
        else:
            probability = ops.softmax(y_pred)
            truth = ops.one_hot(ops.cast(labels, "int32"), classes)
        truth = ops.cast(truth, probability.dtype)
        axis = {"batch": None, "picture": (1, 2, 3), "class": (1, 2)}[self.over]
        overlap = ops.sum(truth * probability, axis)
        sizes = ops.sum(truth, axis) + ops.sum(probability, axis)
        return 1 - (2 * overlap + self.epsilon) / (sizes + self.epsilon)

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to make the loss again."""
        return {"over": self.over, "epsilon": self.epsilon, "name": self.name}
