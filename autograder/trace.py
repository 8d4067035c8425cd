"""What a network computes on its way, and calls that a probe must see or silence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from autograder.observation import Tensor
from autograder.values import noise

LONGEST_TRACE = 600


class Recorder:
    """Collects the tensors that Keras operations give while a network runs eagerly."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self._index: dict[int, int] = {}
        self._alive: list[Any] = []  # keeps tensors alive, so that an id stays one tensor's own

    def clear(self) -> None:
        """Forget all."""
        self.tensors, self._index, self._alive = [], {}, []

    def add(self, operation: keras.Operation, args: Any, kwargs: Any, outputs: Any) -> None:
        """Record the outputs of one operation that are new."""
        sources = tuple(
            dict.fromkeys(
                self._index[id(x)]
                for x in keras.tree.flatten((args, kwargs))
                if id(x) in self._index
            )
        )
        for output in keras.tree.flatten(outputs):
            if id(output) in self._index or not hasattr(output, "shape"):
                continue
            if len(self.tensors) >= LONGEST_TRACE:
                return
            try:
                numbers = fingerprint(keras.ops.convert_to_numpy(output))
            except Exception:  # a backend's own tracing (tf.function, jax.grad): no numbers yet
                continue
            self._index[id(output)] = len(self.tensors)
            self._alive.append(output)
            self.tensors.append(
                Tensor(
                    operation=describe(operation),
                    shape=tuple(int(n) for n in output.shape),
                    inputs=sources,
                    fingerprint=numbers,
                )
            )


def fingerprint(array: np.ndarray) -> tuple[float, float, float]:
    """Sum, sum of squares and a random projection in C order: a reshape leaves them as they are.

    Batch normalisation fixes the first two whatever goes in, hence the third.
    """
    flat = np.asarray(array, "float64").ravel()
    projected = float(flat @ noise(99, flat.size))
    return float(flat.sum()), float(flat @ flat), projected


def describe(operation: keras.Operation) -> str:
    """An operation in a few words, such as `Conv2D 3x3, 16 filters, stride 2`."""
    words = [type(operation).__name__]
    kernel = getattr(operation, "kernel_size", None) or getattr(operation, "pool_size", None)
    if isinstance(kernel, tuple):
        words[0] += " " + "x".join(str(side) for side in kernel)
    filters = getattr(operation, "filters", None)
    if isinstance(filters, int):
        words.append(f"{filters} filters")
    strides = getattr(operation, "strides", None)
    if isinstance(strides, tuple) and set(strides) != {1}:
        words.append(f"stride {strides[0]}")
    activation = getattr(getattr(operation, "activation", None), "__name__", "linear")
    if activation != "linear":
        words.append(activation)
    return ", ".join(words)[:80]


@contextmanager
def recording(recorder: Recorder | None) -> Iterator[None]:
    """Show `recorder` every operation that Keras runs inside the block."""
    if recorder is None:
        yield
        return
    original = keras.Operation.__call__

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        outputs = original(self, *args, **kwargs)
        recorder.add(self, args, kwargs, outputs)
        return outputs

    keras.Operation.__call__ = call
    try:
        yield
    finally:
        keras.Operation.__call__ = original


@contextmanager
def patched(target: Any, name: str, value: Any) -> Iterator[None]:
    """Replace an attribute for the length of a block."""
    original = getattr(target, name)
    setattr(target, name, value)
    try:
        yield
    finally:
        setattr(target, name, original)
