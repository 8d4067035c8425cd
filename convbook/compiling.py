"""One function compiled by XLA, for work that is many small operations, such as suppression.

Keras compiles a model's steps as a whole: on JAX with XLA, on TensorFlow as a graph, and there with
XLA where there is a GPU or `compile` was told ``jit_compile=True``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras


def compiled(function: Callable[..., Any], **settings: Any) -> Callable[..., Any]:
    """Return the function of tensors, its settings fixed, compiled by XLA at its first call.

    Compiling takes a second or so for each new set of shapes; it pays from some ten calls on. On
    PyTorch, which has no XLA here, the function stays as it is.

    Args:
        function: takes tensors of shapes known at the call, and settings; on `keras.ops`.
        settings: keyword arguments of the function, plain values.

    Returns:
        A function of the tensors alone. On TensorFlow it may be called inside a model's graph.
    """

    def bound(*tensors: Any) -> Any:
        return function(*tensors, **settings)

    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow as tf

        return tf.function(bound, jit_compile=True)
    if name == "jax":
        import jax

        return jax.jit(bound)
    return bound
