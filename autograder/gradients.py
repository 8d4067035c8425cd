"""Gradients of a network's weights on each of Keras's three backends.

Keras 3 has no gradient of its own that works everywhere, so each backend gets one small function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from autograder.trace import patched

Loss = Callable[[list[Any]], Any]
Result = tuple[list[Any], list[np.ndarray]]


def forward_and_gradients(
    model: keras.Model,
    inputs: Any,
    training: bool | None,
    loss: Loss,
    flatten: Callable,
    wanted: Sequence[int] | None = None,
) -> Result:
    """Outputs of `model`, and the gradients of `loss(outputs)` for its trainable variables.

    `wanted` are the numbers of those to be had, all of them by default; `flatten` turns what the
    model returns into a list of tensors. A variable that does not reach the loss has a gradient of
    zeros. Raises NotImplementedError on an unknown backend.
    """
    backend = keras.backend.backend()
    functions = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
    if backend not in functions:
        raise NotImplementedError(f"answers cannot be checked on the Keras backend {backend!r}")
    if wanted is None:
        wanted = range(len(model.trainable_variables))
    return functions[backend](model, inputs, training, loss, flatten, wanted)


def input_gradient(function: Callable[[Any], Any], x: Any) -> np.ndarray:
    """The gradient of a scalar `function` of one tensor at `x`, float; it has the shape of `x`."""
    backend = keras.backend.backend()
    x = keras.ops.convert_to_tensor(x, "float32")
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            value = function(x)
        gradient = tape.gradient(value, x, unconnected_gradients="zero")
        return tf.convert_to_tensor(gradient).numpy()
    if backend == "jax":
        import jax

        return np.asarray(jax.grad(function)(x))
    import torch

    with torch.enable_grad():
        x = x.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(function(x), x, allow_unused=True)
    return np.zeros(tuple(x.shape), "float32") if gradient is None else gradient.cpu().numpy()


@contextmanager
def grouped_convolutions_in_parts() -> Iterator[None]:
    """Let TensorFlow do a grouped convolution as one for each group, side by side.

    Keras compiles it with XLA, since TensorFlow has no gradient of it on a CPU, and does so anew
    at every call: a third of a second for a small one.
    """
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf
    from keras.src.backend.tensorflow import nn

    whole = nn.conv

    def conv(
        inputs: Any,
        kernel: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
    ) -> Any:
        options = (strides, padding, data_format, dilation_rate)
        kernel = tf.convert_to_tensor(kernel)
        groups = _groups(inputs.shape, kernel.shape, data_format)
        if groups == 1:
            return whole(inputs, kernel, *options)
        pairs = zip(tf.split(inputs, groups, -1), tf.split(kernel, groups, -1), strict=True)
        return tf.concat([whole(x, part, *options) for x, part in pairs], axis=-1)

    with patched(nn, "conv", conv):
        yield


def _groups(inputs: Sequence, kernel: Sequence, data_format: str | None) -> int:
    """How many groups a convolution has; 1 also where Keras shall see to it, or complain."""
    channels, each, filters = inputs[-1], kernel[-2], kernel[-1]
    last = (data_format or keras.config.image_data_format()) == "channels_last"
    if not last or not channels or channels % each or filters % (channels // each):
        return 1
    return channels // each


def _tensorflow(
    model: keras.Model,
    inputs: Any,
    training: bool | None,
    loss: Loss,
    flatten: Callable,
    wanted: Sequence[int],
) -> Result:
    import tensorflow as tf

    variables = [model.trainable_variables[i].value for i in wanted]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(variables)
        outputs = flatten(model(inputs, training=training))
        value = loss(outputs)
    gradients = tape.gradient(value, variables, unconnected_gradients="zero")
    return outputs, [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]


def _jax(
    model: keras.Model,
    inputs: Any,
    training: bool | None,
    loss: Loss,
    flatten: Callable,
    wanted: Sequence[int],
) -> Result:
    import jax

    outputs = flatten(model(inputs, training=training))
    fixed = [variable.value for variable in model.non_trainable_variables]

    every = [variable.value for variable in model.trainable_variables]

    def value_of(chosen: list[Any]) -> Any:
        trainable = list(every)
        for i, value in zip(wanted, chosen, strict=True):
            trainable[i] = value
        result, _ = model.stateless_call(trainable, fixed, inputs, training=training)
        return loss(flatten(result))

    gradients = jax.grad(value_of)([every[i] for i in wanted]) if wanted else []
    return outputs, [np.asarray(gradient) for gradient in gradients]


def _torch(
    model: keras.Model,
    inputs: Any,
    training: bool | None,
    loss: Loss,
    flatten: Callable,
    wanted: Sequence[int],
) -> Result:
    import torch

    variables = [model.trainable_variables[i].value for i in wanted]
    with torch.enable_grad():
        outputs = flatten(model(inputs, training=training))
        gradients = (
            torch.autograd.grad(loss(outputs), variables, allow_unused=True) if variables else ()
        )
    return [output.detach() for output in outputs], [
        np.zeros(tuple(variable.shape), "float32") if gradient is None else gradient.cpu().numpy()
        for variable, gradient in zip(variables, gradients, strict=True)
    ]
