"""Gradients on any of Keras's backends, which have no common function for them.

The checker has its own: it travels to students without the book.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray


def input_gradient(function: Callable[[Any], Any], x: Any) -> NDArray[np.float32]:
    """Return the gradient of a scalar function of one tensor, at ``x``; it has the shape of ``x``.

    Args:
        function: a differentiable function of one tensor, such as a model and a sum, that returns a
            scalar tensor.
        x: where to take the gradient, float, any shape.
    """
    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow as tf

        tensor = tf.convert_to_tensor(x, "float32")
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            value = function(tensor)
        gradient = tape.gradient(value, tensor)
        return np.zeros(tensor.shape, "float32") if gradient is None else gradient.numpy()
    if name == "jax":
        import jax

        return np.asarray(jax.grad(function)(jax.numpy.asarray(x, "float32")))
    import torch

    tensor = torch.tensor(np.asarray(x, "float32"), requires_grad=True)
    (gradient,) = torch.autograd.grad(function(tensor), tensor)
    return gradient.numpy()
