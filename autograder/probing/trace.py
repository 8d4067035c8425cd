"""What a network computes on its way, and calls that a probe must see or silence."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

import keras
import numpy as np

from autograder.data.observation import AGAIN, FAILS, FROZEN, INPUT, Stored, Tensor
from autograder.data.values import OF_TENSORS, noise
from autograder.probing.calls import LIBRARIES

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
OWN = "of your own"


ALONG_THE_LAST = (keras.layers.BatchNormalization, keras.layers.Softmax)

Heard = list[tuple[Any, Any]]  # what went into a layer's own activation, and what came out


class Listener(Protocol):
    """Sees every call of a Keras operation, or that one fails."""

    symbolic: bool

    def add(
        self, operation: keras.Operation, args: Any, kwargs: Any, outputs: Any, heard: Heard
    ) -> None:
        """See a call and what it gave; `heard` is what a layer's own activation was given."""

    def fail(self, operation: keras.Operation, args: Any, kwargs: Any) -> None:
        """See that a call fails."""


class Recorder:
    """Collects the tensors that Keras operations give while a network runs eagerly.

    Or, `symbolic`, while it is built: such tensors have shapes and no numbers. A layer with an
    activation of its own counts as two steps, so that it is the same as two layers.
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

    def begin(self, inputs: Sequence[Any]) -> None:
        """Record what goes into the network."""
        for x in inputs:
            self._record(x, INPUT, ())

    def end(self, outputs: Sequence[Any]) -> None:
        """Mark what the network gives in the end."""
        for output in outputs:
            number = self._index.get(id(output))
            if number is not None:
                self._change(number, output=True)

    def add(
        self,
        operation: keras.Operation,
        args: Any,
        kwargs: Any,
        outputs: Any,
        heard: Heard,
    ) -> None:
        """Record the outputs of one operation that are new."""
        sources, again = self._sources(args, kwargs), self._is_called_again(operation)
        given = keras.tree.flatten(outputs)
        before = len(self.tensors)
        if self.symbolic and len(given) == 1 and _ends_in_activation(operation):
            heard = [(keras.KerasTensor(given[0].shape), given[0])]  # it is not called
        if len(heard) == 1 and len(given) == 1 and heard[0][1] is given[0]:
            self._record_in_two(operation, heard[0][0], given[0], again, sources)
        else:
            for output in given:
                self._record(output, f"{describe_fully(operation)}{again}", sources)
        if not again and given:
            self._note_weights(operation, before, given[0])

    def _record_in_two(
        self,
        operation: keras.Operation,
        inner: Any,
        output: Any,
        again: str,
        sources: tuple[int, ...],
    ) -> None:
        """Record what a layer gives before its own activation, and behind it."""
        if id(output) not in self._index:
            self._record(inner, f"{describe_fully(operation, activation=False)}{again}", sources)
            number = self._index.get(id(inner))
            words = f"Activation, {activation_name(operation)}"
            self._record(output, words, sources if number is None else (number,))

    def fail(self, operation: keras.Operation, args: Any, kwargs: Any) -> None:
        """Record a step that cannot be taken; of several inside each other the innermost."""
        if self.symbolic and not any(t.operation.endswith(FAILS) for t in self.tensors):
            sources = self._sources(args, kwargs)
            words = f"{describe_fully(operation)}, {FAILS}"
            self.tensors.append(Tensor(operation=words, shape=(), inputs=sources))

    def _sources(self, args: Any, kwargs: Any) -> tuple[int, ...]:
        """The numbers of the tensors among the arguments, each once."""
        given = keras.tree.flatten((args, kwargs))
        for x in given:
            if self.symbolic and isinstance(x, keras.KerasTensor):
                self._record(x, INPUT, ())  # of what comes from nowhere
        return tuple(dict.fromkeys(self._index[id(x)] for x in given if id(x) in self._index))

    def _is_called_again(self, operation: keras.Operation) -> str:
        """What is said of a layer with weights that has been called before."""
        if id(operation) in self._called:
            return f", {AGAIN}"
        if getattr(operation, "weights", None):
            self._called.add(id(operation))
        return ""

    def _record(self, tensor: Any, words: str, sources: tuple[int, ...]) -> None:
        """Record a tensor, unless it is known or has no numbers."""
        full = len(self.tensors) >= LONGEST_TRACE
        if full or id(tensor) in self._index or not hasattr(tensor, "shape"):
            return
        try:
            numbers = NO_NUMBERS if self.symbolic else self._numbers(tensor)
        except Exception:  # a backend's own tracing (tf.function, jax.grad): no numbers yet
            return
        self._index[id(tensor)] = len(self.tensors)
        self._alive.append(tensor)
        shape = tuple(int(n or 1) for n in tensor.shape)
        self.tensors.append(
            Tensor(operation=words, shape=shape, inputs=sources, fingerprint=numbers)
        )

    def _note_weights(self, operation: keras.Operation, before: int, output: Any) -> None:
        """Note the weights that an operation holds itself with the first tensor it gave.

        One that calls others inside gave none that is new: then with what it gives in the end.
        """
        own = [v for v in getattr(operation, "_trainable_variables", ()) if v.trainable]
        number = before if len(self.tensors) > before else self._index.get(id(output))
        if own and number is not None:
            weights = (*self.tensors[number].weights, *map(stored, own))
            self._change(number, weights=weights)

    def _change(self, number: int, **fields: Any) -> None:
        self.tensors[number] = self.tensors[number].model_copy(update=fields)

    def _numbers(self, output: Any) -> tuple[float, float, float]:
        return fingerprint(keras.ops.convert_to_numpy(output))


def stored(variable: Any) -> Stored:
    """A variable's name and shape."""
    return Stored(name=str(variable.name)[:80], shape=tuple(int(n) for n in variable.shape))


def fingerprint(array: np.ndarray) -> tuple[float, float, float]:
    """Sum, sum of squares and a random projection in C order: a reshape leaves them as they are.

    Batch normalisation fixes the first two whatever goes in, hence the third.
    """
    flat = np.asarray(array, "float64").ravel()
    projected = float(flat @ noise(OF_TENSORS, flat.size))
    return float(flat.sum()), float(flat @ flat), projected


# Operations in words


def describe(operation: keras.Operation, activation: bool = True) -> str:
    """An operation in a few words, such as `Conv2D 3x3, 16 filters, stride 2`."""
    words = [_class_name(operation)]
    kernel = getattr(operation, "kernel_size", None) or getattr(operation, "pool_size", None)
    if isinstance(kernel, tuple):
        words[0] += " " + "x".join(str(side) for side in kernel)
    filters = getattr(operation, "filters", None)
    if isinstance(filters, int):
        words.append(f"{filters} filters")
    strides = getattr(operation, "strides", None)
    if isinstance(strides, tuple) and set(strides) != {1}:
        words.append(f"stride {'x'.join(map(str, dict.fromkeys(strides)))}")
    if activation and activation_name(operation) != "linear":
        words.append(activation_name(operation))
    return ", ".join(words)[:80]


def _class_name(operation: keras.Operation) -> str:
    """The name of an operation's class; where it is a student's own, not for one of Keras's."""
    found = type(operation)
    if _is_of_a_library(found) or not hasattr(keras.layers, found.__name__):
        return found.__name__
    return f"{found.__name__} {OWN}"


def activation_name(operation: keras.Operation) -> str:
    """The name of an operation's own activation, "linear" where there is none."""
    function = getattr(operation, "activation", None)
    name = getattr(function, "__name__", "linear")
    known = hasattr(keras.activations, name) or hasattr(keras.ops, name)
    return (
        f"{name} {OWN}" if known and name != "linear" and not _is_of_a_library(function) else name
    )


def _is_of_a_library(thing: Any) -> bool:
    return str(getattr(thing, "__module__", "")).partition(".")[0] in LIBRARIES


def describe_fully(operation: keras.Operation, activation: bool = True) -> str:
    """An operation with what is unusual in it too, such as `ReLU, max_value 6`."""
    words = [describe(operation, activation)]
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
    pairs = [pair for pair in sides if isinstance(pair, tuple | list) and len(pair) == 2]
    channels = []
    if len(pairs) == 4:  # of a tensor with a batch and channels
        pairs, channels = pairs[1:3], pairs[3:]
    words = [" and ".join(f"{before}+{after}" for before, after in pairs)]
    if channels and any(channels[0]):
        words = [*(words if any(map(any, pairs)) else []), "channels {}+{}".format(*channels[0])]
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


# Seeing calls


@contextmanager
def recording(recorder: Listener | None) -> Iterator[None]:
    """Show `recorder` every operation that Keras runs inside the block."""
    if recorder is None:
        yield
        return

    # `__call__` is not gone through by what Keras makes of a function such as `keras.ops.relu`,
    # and an operation's not by a layer that cannot be built
    targets = [(keras.Operation, "__call__")]
    if recorder.symbolic:
        targets += [(keras.Operation, "symbolic_call"), (keras.Layer, "__call__")]
    with ExitStack() as stack:
        for target, name in targets:
            call = _recorded(getattr(target, name), recorder)
            stack.enter_context(patched(target, name, call))
        yield


def _recorded(original: Callable[..., Any], recorder: Listener) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            with hearing(self) as heard:
                outputs = original(self, *args, **kwargs)
        except Exception:
            recorder.fail(self, args, kwargs)
            raise
        recorder.add(self, args, kwargs, outputs, heard)
        return outputs

    return call


@contextmanager
def hearing(operation: Any) -> Iterator[Heard]:
    """Note what goes into the activation that a layer has of its own, and what comes out."""
    heard: Heard = []
    activation = _own_activation(operation)
    if activation is None:
        yield heard
        return
    vars(operation)["activation"] = _noting(activation, heard)
    try:
        yield heard
    finally:
        vars(operation)["activation"] = activation


def _own_activation(operation: Any) -> Callable[..., Any] | None:
    """The activation that a layer applies besides what it is there for, if it has one."""
    activation = vars(operation).get("activation")
    plain = not callable(activation) or isinstance(activation, keras.Operation)
    if plain or isinstance(operation, keras.layers.Activation):
        return None
    return None if activation_name(operation) == "linear" else activation


def _ends_in_activation(operation: Any) -> bool:
    """Whether a layer of Keras's own applies an activation in the end."""
    return _is_of_a_library(type(operation)) and _own_activation(operation) is not None


def _noting(activation: Any, heard: Heard) -> Callable[..., Any]:
    @functools.wraps(activation)
    def noted(x: Any, *args: Any, **kwargs: Any) -> Any:
        given = activation(x, *args, **kwargs)
        heard.append((x, given))
        return given

    return noted


@contextmanager
def patched(target: Any, name: str, value: Any) -> Iterator[None]:
    """Replace an attribute for the length of a block; afterwards all is as it was."""
    own = vars(target)
    inherited, original = name not in own, own.get(name)
    getattr(target, name)  # raises AttributeError where there is none
    setattr(target, name, value)
    try:
        yield
    finally:
        if inherited:
            delattr(target, name)
        else:
            setattr(target, name, original)
