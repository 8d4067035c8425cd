"""What a network computes on its way, and calls that a probe must see or silence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from autograder.data.observation import AGAIN, FROZEN, Tensor
from autograder.data.values import noise

LONGEST_TRACE = 600
NO_NUMBERS = (0.0, 0.0, 0.0)
# options of activations and normalisations, with the value that need not be said
UNUSUAL = {
    "max_value": None,
    "negative_slope": 0,
    "threshold": 0,
    "alpha": 1,
    "scale": True,
    "center": True,
}


ALONG_THE_LAST = (keras.layers.BatchNormalization, keras.layers.Softmax)


class Recorder:
    """Collects the tensors that Keras operations give while a network runs eagerly.

    Or, `symbolic`, while it is built: such tensors have shapes and no numbers.
    """

    def __init__(self, symbolic: bool = False) -> None:
        self.symbolic = symbolic
        self.tensors: list[Tensor] = []
        self._index: dict[int, int] = {}
        self._called: set[int] = set()  # layers with weights
        self._alive: list[Any] = []  # keeps tensors alive, so that an id stays one tensor's own

    def clear(self) -> None:
        """Forget all."""
        self.tensors, self._index, self._alive, self._called = [], {}, [], set()

    def release(self) -> None:
        """Let go of the tensors themselves, which are a good part of a net's memory."""
        self._index, self._alive = {}, []

    def add(self, operation: keras.Operation, args: Any, kwargs: Any, outputs: Any) -> None:
        """Record the outputs of one operation that are new."""
        sources = tuple(
            dict.fromkeys(
                self._index[id(x)]
                for x in keras.tree.flatten((args, kwargs))
                if id(x) in self._index
            )
        )
        words = describe_fully(operation)
        if id(operation) in self._called:
            words = f"{words}, {AGAIN}"
        elif getattr(operation, "weights", None):
            self._called.add(id(operation))
        for output in keras.tree.flatten(outputs):
            if id(output) in self._index or not hasattr(output, "shape"):
                continue
            if len(self.tensors) >= LONGEST_TRACE:
                return
            try:
                numbers = NO_NUMBERS if self.symbolic else self._numbers(output)
            except Exception:  # a backend's own tracing (tf.function, jax.grad): no numbers yet
                continue
            self._index[id(output)] = len(self.tensors)
            self._alive.append(output)
            self.tensors.append(
                Tensor(
                    operation=words,
                    shape=tuple(int(n or 1) for n in output.shape),
                    inputs=sources,
                    fingerprint=numbers,
                )
            )

    def _numbers(self, output: Any) -> tuple[float, float, float]:
        return fingerprint(keras.ops.convert_to_numpy(output))


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
        words.append(f"stride {'x'.join(map(str, dict.fromkeys(strides)))}")
    activation = getattr(getattr(operation, "activation", None), "__name__", "linear")
    if activation != "linear":
        words.append(activation)
    return ", ".join(words)[:80]


def describe_fully(operation: keras.Operation) -> str:
    """An operation with what is unusual in it too, such as `ReLU, max_value 6`."""
    words = [describe(operation)]
    pooled = getattr(operation, "pool_size", None)
    if isinstance(pooled, tuple) and set(getattr(operation, "strides", None) or ()) == {1}:
        words.append("stride 1")
    if "Conv" in words[0] or pooled:
        words += _of_windows(operation)
    if words[0].startswith(("Pad", "ZeroPadding")):
        words += _of_padding(operation)
    if getattr(operation, "use_bias", True) is False:
        words.append("no bias")
    for name, usual in UNUSUAL.items():
        value = getattr(operation, name, usual)
        if isinstance(value, bool | int | float) and value != usual:
            words.append(f"no {name}" if value is False else f"{name} {float(value):g}")
    axis: Any = getattr(operation, "axis", -1)
    if isinstance(operation, ALONG_THE_LAST) and isinstance(axis, int) and axis in (1, 2):
        words.append(f"axis {axis}")
    weights: Any = getattr(operation, "weights", None)
    if weights and getattr(operation, "trainable", True) is False:
        words.append(FROZEN)
    return ", ".join(words)[:120]


def _of_padding(operation: keras.Operation) -> list[str]:
    """How much is added before and after, height then width, and what, if it is not zeros."""
    sides: Any = getattr(operation, "pad_width", None) or getattr(operation, "padding", ())
    if not isinstance(sides, tuple | list):  # an attribute of a student's own layer
        return []
    if len(sides) == 4:  # of a tensor with a batch and channels
        sides = sides[1:3]
    pairs = [pair for pair in sides if isinstance(pair, tuple | list) and len(pair) == 2]
    words = [" and ".join(f"{before}+{after}" for before, after in pairs)]
    words.append(str(getattr(operation, "mode", "constant")))
    return [word for word in words if word not in ("", "constant")]


def _of_windows(operation: keras.Operation) -> list[str]:
    """The padding of a kernel or pool wider than a position, its dilation and its groups."""
    words = []
    side = getattr(operation, "kernel_size", None) or getattr(operation, "pool_size", None)
    padding = getattr(operation, "padding", None)
    if isinstance(side, tuple) and set(side) != {1} and isinstance(padding, str):
        words.append(padding)
    dilation = getattr(operation, "dilation_rate", 1)
    if isinstance(dilation, tuple) and set(dilation) != {1}:
        words.append(f"dilation {dilation[0]}")
    groups = getattr(operation, "groups", 1)
    if isinstance(groups, int) and groups > 1:
        words.append(f"groups {groups}")
    return words


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
