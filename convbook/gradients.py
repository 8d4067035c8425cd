"""Gradients on any of Keras's backends, which have no common function for them.

The checker has its own: it travels to students without the book.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

    with torch.enable_grad():
        tensor = keras.ops.convert_to_tensor(x, "float32").detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(function(tensor), tensor, allow_unused=True)
    return np.zeros(tuple(tensor.shape), "float32") if gradient is None else gradient.cpu().numpy()


def weight_gradients(
    net: keras.Model, x: Any, loss: Callable[[Any], Any], training: bool = True
) -> list[NDArray[np.float32]]:
    """Return the gradient of a loss for each of a net's trainable variables, in their order.

    Args:
        net: a built model.
        x: its input, a batch.
        loss: takes the net's output to a scalar tensor.
        training: whether the net runs as in training (normalisations use the batch's statistics).
    """
    name = keras.backend.backend()
    if name == "jax":
        import jax

        fixed = [variable.value for variable in net.non_trainable_variables]

        def value(weights: Any) -> Any:
            return loss(net.stateless_call(weights, fixed, x, training=training)[0])

        found = jax.grad(value)([variable.value for variable in net.trainable_variables])
        return [np.asarray(gradient) for gradient in found]
    variables = [variable.value for variable in net.trainable_variables]
    if name == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            value_here = loss(net(x, training=training))
        return [gradient.numpy() for gradient in tape.gradient(value_here, variables)]
    import torch

    with torch.enable_grad():
        found = torch.autograd.grad(loss(net(x, training=training)), variables)
    return [gradient.cpu().numpy() for gradient in found]


def kernel_gradient_lengths(net: keras.Model, x: Any, labels: Any) -> list[float]:
    """Return how long the gradient of the mean cross-entropy is for each convolution's kernel.

    Args:
        net: a built classifier that gives probabilities; it runs as in training.
        x: its input, a batch (N, H, W, C).
        labels: the classes meant, whole numbers (N,).

    Returns:
        Euclidean lengths, from the input to the output.
    """

    def loss(probabilities: Any) -> Any:
        crossentropy = keras.losses.sparse_categorical_crossentropy(labels, probabilities)
        return keras.ops.mean(crossentropy)

    pairs = zip(net.trainable_variables, weight_gradients(net, x, loss), strict=True)
    return [float(np.linalg.norm(found)) for weight, found in pairs if len(weight.shape) == 4]


def signal_gradients(
    parts: Sequence[keras.layers.Layer], x: Any, function: Callable[[Any], Any]
) -> list[NDArray[np.float32]]:
    """Return the gradient of a scalar with respect to what goes into each part of a chain.

    Args:
        parts: built layers or models, called one after the other as in training.
        x: the first one's input, a batch.
        function: takes the last one's output to a scalar tensor.

    Returns:
        A gradient for each part, of the shape of its input.
    """
    signals = [keras.ops.convert_to_tensor(x, "float32")]
    for part in parts:
        signals.append(_in_training(part, signals[-1]))
    gradients = [input_gradient(function, signals.pop())]
    for part, signal in zip(reversed(parts), reversed(signals), strict=True):
        gradients.append(input_gradient(_weighted(part, gradients[-1]), signal))
    return gradients[:0:-1]


def _in_training(part: keras.layers.Layer, signal: Any) -> Any:
    """A part's output as in training; on JAX its moving statistics stay as they are."""
    if keras.backend.backend() != "jax":
        return part(signal, training=True)
    weights = [variable.value for variable in part.trainable_variables]
    fixed = [variable.value for variable in part.non_trainable_variables]
    return part.stateless_call(weights, fixed, signal, training=True)[0]


def _weighted(part: keras.layers.Layer, weights: NDArray[np.float32]) -> Callable[[Any], Any]:
    """A part as a scalar whose gradient is the chain rule's next step."""
    return lambda signal: keras.ops.sum(_in_training(part, signal) * weights)
