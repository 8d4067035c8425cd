"""Plain data: what is asked of an answer, and what was seen of it.

Everything here is JSON through and through. Nothing is ever unpickled, so an observation that
comes from a stranger's process can be read without running any of it.
"""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

FORMAT = 5
FROZEN = "frozen"  # said of a layer with weights that are not trained
AGAIN = "called again"  # of one with weights that has been called before
FAILS = "fails"  # of the step at which a network cannot be built
INPUT = "Input"
MAX_ELEMENTS = 4_000_000
DTYPES = ("float64", "float32", "int64", "bool")


class Plain(BaseModel):
    """A record that refuses fields it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Array(Plain):
    """An array as JSON: shape, element type and the bytes (little endian, C order) in base64."""

    shape: tuple[int, ...]
    dtype: str
    data: str

    @field_validator("dtype")
    @classmethod
    def _known_dtype(cls, dtype: str) -> str:
        if dtype not in DTYPES:
            raise ValueError(f"unknown element type {dtype!r}")
        return dtype

    @classmethod
    def of(cls, array: np.ndarray) -> Array:
        """Pack `array`; other float and integer types are widened to the ones known here."""
        dtype = {"f": "float64", "i": "int64", "u": "int64", "b": "bool"}.get(array.dtype.kind)
        if dtype is None:
            raise ValueError(f"an array of {array.dtype} cannot be recorded")
        if array.dtype.kind == "f" and array.dtype.itemsize <= 4:
            dtype = "float32"
        packed = np.ascontiguousarray(array).astype(np.dtype(dtype).newbyteorder("<"))
        return cls(shape=array.shape, dtype=dtype, data=base64.b64encode(packed.tobytes()).decode())

    def numpy(self) -> np.ndarray:
        """Unpack. Raises ValueError where shape and bytes do not agree."""
        size = math.prod(self.shape)
        if any(n < 0 for n in self.shape) or size > MAX_ELEMENTS:
            raise ValueError("an array is too large or has a negative side")
        dtype = np.dtype(self.dtype).newbyteorder("<")
        try:
            raw = base64.b64decode(self.data, validate=True)
        except binascii.Error as error:
            raise ValueError("an array's bytes are not base64") from error
        if len(raw) != size * dtype.itemsize:
            raise ValueError("an array's bytes do not fit its shape")
        return np.frombuffer(raw, dtype).reshape(self.shape).astype(self.dtype)


class Plan(Plain):
    """How a network is to be filled with values and fed.

    `kernels`, `vectors` and `inputs` are scales of the drawn values; `overrides` replaces the
    kernel scale of all weights with a given element count. `patches` is the side of squares that
    have a value of their own in each channel, so that pictures differ as wholes; 0 for none.
    `probabilities` says that the output is read through a logarithm; `permutable` that another
    order of concatenation is allowed, `permuted` scales kernels where that is tried.
    `deep` says that the network has dozens of normalisations: vectors are then drawn positive, and
    a gradient of rounding, as of an offset that a later normalisation takes away, counts as 0.
    `projection` picks the numbers with which gradients are projected.
    `counted` says that the network's weights are only counted: all but a last bias are 0. Where
    facts are asked for it says that a glance is enough. `momentum` says that the momentum of moving
    statistics, which else is free, counts.
    """

    seed: int
    batch: int = 3
    kernels: float = 1.0
    vectors: float = 1.0
    inputs: float = 1.0
    patches: int = 0
    overrides: dict[str, float] = Field(default_factory=dict)
    probabilities: bool = False
    permutable: bool = False
    permuted: float = 1.0
    deep: bool = False
    projection: int = 30
    counted: bool = False
    momentum: bool = False


class Stored(Plain):
    """A variable of a layer: its name within its layer, such as `kernel`, and its shape."""

    name: str
    shape: tuple[int, ...]


class Case(Plain):
    """One set of arguments (encoded by `autograder.data.arguments`) and how to fill the network.

    `weights` are the trainable weights as Keras's layers hold them, `statistics` the moving
    statistics of normalisations; an answer may store them otherwise.
    """

    arguments: dict[str, Any]
    feeds: tuple[tuple[int, ...], ...] = ()
    plan: Plan | None = None
    weights: tuple[Stored, ...] = ()
    statistics: tuple[Stored, ...] = ()


class Question(Plain):
    """All that a probe needs to know of a task; it holds nothing of the answer.

    A function that is fed (`Case.feeds`) is a conversion: it makes a model of one that it is given,
    with weights that are already there, and what that model gives is what is compared.

    `structure` asks for facts on a model (`autograder.probing.structure`) in place of its outputs.
    Of a block, `layer` says that the answer is a class of layers: it is made with the arguments
    that are no inputs, and called with the inputs. Of a function with several results, `unordered`
    says that they are columns of one table, whose rows may stand in any order. A "value" is no
    function but an answer itself: a number, or a letter.
    """

    name: str
    kind: Literal["function", "block", "model", "value"]
    outputs: int = 1
    structure: bool = False
    layer: bool = False
    by_hand: bool = False
    unordered: bool = False
    cases: tuple[Case, ...]
    defaults: dict[str, Any] = Field(default_factory=dict)


class Tensor(Plain):
    """One tensor seen on the way: what made it, from what, and three numbers that identify it.

    `weights` are the trainable ones that its operation holds itself, where it is called for the
    first time. `output` marks what the network gives in the end.
    """

    operation: str
    shape: tuple[int, ...]
    inputs: tuple[int, ...] = ()
    fingerprint: tuple[float, float, float] = (0.0, 0.0, 0.0)
    weights: tuple[Stored, ...] = ()
    output: bool = False


class CaseObservation(Plain):
    """What one case gave. `problem` is a sentence when it gave nothing that can be compared.

    `remarks` cost points, `notes` are only told.

    `otherwise` is what a network gives if its variables hold the architecture's weights in other
    ways than the likeliest (`autograder.probing.storing`).
    """

    problem: str | None = None
    problem_kind: str | None = None
    outputs: dict[str, tuple[Array, ...]] = Field(default_factory=dict)
    otherwise: tuple[dict[str, tuple[Array, ...]], ...] = ()
    parameters: int | None = None
    remarks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    trace: tuple[Tensor, ...] = ()
    calls: tuple[str, ...] = ()
    structure: dict[str, Any] = Field(default_factory=dict)


class Observation(Plain):
    """What was seen of one answer."""

    name: str
    status: Literal["observed", "missing", "unfinished", "error"]
    message: str | None = None
    cases: tuple[CaseObservation, ...] = ()
    calls: tuple[str, ...] = ()
    seconds: float = 0.0
