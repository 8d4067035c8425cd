"""Builds and calls nets without what costs more than a small layer does."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import Any

import keras
import numpy as np

from autograder.data import values
from autograder.probing.building import quick_building
from autograder.probing.gradients import sound_convolutions, tensor_of
from autograder.probing.trace import patched

FEW = 2_000  # numbers of a tensor that is kept for the next net


@contextmanager
def fast_calls() -> Iterator[None]:
    """Leave out what costs more than a small layer does: here, Keras's rewriting of tracebacks."""
    filtering = keras.config.is_traceback_filtering_enabled()
    keras.config.disable_traceback_filtering()
    try:
        with sound_convolutions():
            yield
    finally:
        if filtering:
            keras.config.enable_traceback_filtering()


@contextmanager
def silent_dropout() -> Iterator[None]:
    """Let dropout pass its input on: it is free, and idle at inference. Added noise is not free."""

    def unchanged(self: Any, inputs: Any, training: bool = False) -> Any:
        return inputs

    layers = keras.layers
    with ExitStack() as stack:
        for layer in (
            layers.Dropout,
            layers.SpatialDropout1D.__mro__[1],
            layers.AlphaDropout,
            layers.GaussianDropout,
        ):
            if "call" in vars(layer):
                stack.enter_context(patched(layer, "call", unchanged))
        stack.enter_context(patched(keras.random, "dropout", lambda inputs, *a, **k: inputs))
        yield


@contextmanager
def quick_initializers() -> Iterator[None]:
    """Build nets fast, with weights of zeros.

    Their values are replaced, and drawing 60 million takes seconds.
    """

    def zeros(self: Any, shape: Any, dtype: Any = None, **options: Any) -> Any:
        return filled(0, shape, dtype)

    def ones(self: Any, shape: Any, dtype: Any = None, **options: Any) -> Any:
        return filled(1, shape, dtype)

    initializers = keras.initializers
    with ExitStack() as stack:
        for initializer in (
            initializers.VarianceScaling,
            initializers.RandomNormal,
            initializers.RandomUniform,
            initializers.TruncatedNormal,
            initializers.Orthogonal,
            initializers.Zeros,
        ):
            stack.enter_context(patched(initializer, "__call__", zeros))
        stack.enter_context(patched(initializers.Ones, "__call__", ones))
        stack.enter_context(quick_building())
        yield


def filled(number: float, shape: Sequence[int], dtype: Any) -> Any:
    """A tensor of one number throughout; a small one is made once."""
    kind, count = keras.backend.standardize_dtype(dtype), math.prod(shape)
    if count <= FEW and _keeps_tensors():
        return _small_one(number, tuple(shape), kind)
    flat = values.aligned_zeros(count).reshape(shape)
    if number:  # else it takes no memory yet
        flat += np.float32(number)
    return keras.ops.cast(tensor_of(flat), kind)


def _keeps_tensors() -> bool:
    """Whether nobody can write to a tensor, and all are of numbers that are known."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return bool(tf.executing_eagerly())


@lru_cache(maxsize=200)
def _small_one(number: float, shape: tuple[int, ...], kind: str) -> Any:
    return keras.ops.full(shape, number, kind)
