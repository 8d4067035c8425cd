"""Arguments of a task as plain data, and back.

Numbers, strings, lists and None stand for themselves. Whatever else a task passes is marked by a
dictionary with one key that begins with `$`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.data.observation import Array

SHOWN = 9  # elements of an array that a call shows in full
SMALL_INTEGERS = ("int8", "int16", "int32", "uint8", "uint16", "uint32")  # their sums wrap round


@dataclass(frozen=True)
class Input:
    """A symbolic Keras input of a block: its shape without the batch, such as (9, 7, 5)."""

    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Classifier:
    """A trained classifier handed to a task: an input shape and layers as (name, options)."""

    input_shape: tuple[int, ...]
    layers: tuple[tuple[str, dict[str, Any]], ...]
    seed: int
    functional: bool = False


@dataclass(frozen=True)
class DensePredictor:
    """A function that applies `kernels` (kh, kw, C, K) at every `factor`-th `valid` position."""

    kernels: np.ndarray
    factor: int


def encode(value: Any) -> Any:
    """Turn an argument into JSON. Raises TypeError for what has no plain form."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case np.ndarray() if value.dtype.name in SMALL_INTEGERS:
            return {"$integers": [value.dtype.name, Array.of(value).model_dump(mode="json")]}
        case np.ndarray():
            return {"$array": Array.of(value).model_dump(mode="json")}
        case Input():
            return {"$input": list(value.shape)}
        case tuple():
            return {"$tuple": [encode(item) for item in value]}
        case list():
            return [encode(item) for item in value]
        case dict() if all(isinstance(k, str) and not k.startswith("$") for k in value):
            return {k: encode(v) for k, v in value.items()}
        case Classifier():
            fields = [value.input_shape, value.layers, value.seed, value.functional]
            return {"$classifier": [encode(field) for field in fields]}
        case DensePredictor():
            return {"$predictor": [encode(value.kernels), value.factor]}
    raise TypeError(f"an argument of type {type(value).__name__} has no plain form")


def decode(value: Any) -> Any:
    """Turn JSON back into an argument; arrays are fresh copies. Raises ValueError if malformed."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if not any(key.startswith("$") for key in value):
        return {key: decode(item) for key, item in value.items()}
    [(mark, content)] = value.items()
    match mark:
        case "$array":
            return Array(**content).numpy()
        case "$integers" if content[0] in SMALL_INTEGERS:
            return Array(**content[1]).numpy().astype(content[0])
        case "$input":
            return Input(tuple(content))
        case "$tuple":
            return tuple(decode(item) for item in content)
        case "$classifier":
            return Classifier(*(decode(item) for item in content))
        case "$predictor":
            return DensePredictor(decode(content[0]), content[1])
    raise ValueError(f"unknown kind of argument {mark!r}")


def shown(value: Any) -> str:
    """An argument as a reader would write it, arrays by their shape."""
    match value:
        case np.ndarray():
            if value.size > SHOWN:
                return f"array{value.shape}"
            return " ".join(np.array2string(value, precision=3, separator=", ").split())
        case Input():
            return "x" + str(value.shape)
        case Classifier():
            steps = [str(value.input_shape), *(name for name, _ in value.layers)]
            return f"{'Model' if value.functional else 'Sequential'}({', '.join(steps)})"
        case DensePredictor():
            return "predict"
    return repr(value)


def call_text(name: str, arguments: dict[str, Any], fed: tuple[int, ...] = ()) -> str:
    """The call of a case, such as `residual_block(x=x(9, 7, 5), filters=6, stride=2)`.

    What a conversion makes is called on an input of the shape `fed`.
    """
    call = f"{name}({', '.join(f'{key}={shown(value)}' for key, value in arguments.items())})"
    return f"{call}(x{fed})" if fed else call
