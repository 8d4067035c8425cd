"""Calls a net of Keras's own layers without what Keras does around each of their calls.

Around a layer of a block Keras looks at names, types, masks and signatures for longer than the
layer computes. All of it was settled when the net was built. So the steps of a graph of Keras's own
layers are noted once, and then taken one after the other. A net with anything else in it, such as a
layer of a student's own, is called as ever.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import keras

from autograder.probing.direct import Direct, direct_call, is_usual
from autograder.probing.trace import Listener, hearing, recording

# Layers that compute from their inputs and weights alone, with float32 in and out.
NAMES = (
    "Activation", "Add", "Average", "AveragePooling1D", "AveragePooling2D", "BatchNormalization",
    "Concatenate", "Conv1D", "Conv2D", "Conv2DTranspose", "Cropping2D", "Dense", "DepthwiseConv2D",
    "Dropout", "ELU", "Flatten", "GlobalAveragePooling2D", "GlobalMaxPooling2D",
    "GroupNormalization", "Identity", "LayerNormalization", "LeakyReLU", "MaxPooling1D",
    "MaxPooling2D", "Maximum", "Minimum", "Multiply", "PReLU", "Permute", "ReLU", "RepeatVector",
    "Rescaling", "Reshape", "SeparableConv2D", "Softmax", "SpatialDropout2D", "Subtract",
    "UpSampling2D", "ZeroPadding2D",
)  # fmt: skip
# Operations of `keras.ops`; those of its `core` may call functions of a student's.
OPERATIONS = ("numpy", "nn", "image", "math")
OF_CORE = ("Cast", "Copy", "Slice", "StopGradient", "Unstack")

# As they are before a student's code has run, in a process that grades.
LAYERS = {vars(keras.layers)[name] for name in NAMES if name in vars(keras.layers)}
CALL_OF_LAYERS, CALL_OF_OPERATIONS = keras.layers.Layer.__call__, keras.Operation.__call__


class _Unknown(Exception):
    """A net has a step in it that only Keras itself can take."""


@dataclass
class Step:
    """One call in a graph: of an operation, or of a net in the net."""

    operation: Any
    arguments: Any  # Keras's own note of them
    outputs: list[int]
    trains: bool  # whether it is told if it trains
    inner: Steps | None = None
    direct: Direct | None = None  # what gives the same for its one tensor, sooner

    def take(self, known: dict[int, Any], training: bool, recorder: Listener | None) -> None:
        """Compute from what is known what the step gives, and add it."""
        args, kwargs = self.arguments.fill_in(known)
        if self.trains:
            kwargs = {**kwargs, "training": training}
        if recorder is None:
            given = self._given(args, kwargs, training, None)
        else:
            with hearing(self.operation) as heard:
                given = self._given(args, kwargs, training, recorder)
            recorder.add(self.operation, args, kwargs, given, heard)
        if len(self.outputs) == 1 and not isinstance(given, list | tuple | dict):
            known[self.outputs[0]] = given
        else:
            known.update(zip(self.outputs, keras.tree.flatten(given), strict=True))

    def _given(self, args: Any, kwargs: Any, training: bool, recorder: Listener | None) -> Any:
        if self.direct is not None:
            return self.direct(args[0], training)
        if self.inner is None:
            return self.operation.call(*args, **kwargs)
        return self.inner.outputs_for(keras.tree.flatten(args), training, recorder)


@dataclass
class Steps:
    """The steps of a graph, in an order in which they can be taken.

    It gives the same at every call: no function of a student's is in it, which could draw a number.
    """

    model: Any
    structure: Any  # of what the model gives
    steps: list[Step] = field(default_factory=list)

    def leave_to_layers(self) -> None:
        """Do nothing in place of a layer from now on: the rounding is Keras's own."""
        for step in self.steps:
            step.direct = None
            if step.inner is not None:
                step.inner.leave_to_layers()

    def fit(self, inputs: Sequence[Any]) -> bool:
        """Whether inputs are what the graph was built for, and Keras is as it was."""
        wanted = self.model.inputs
        usual = keras.layers.Layer.__call__ is CALL_OF_LAYERS and is_usual()
        return usual and len(inputs) == len(wanted) and all(map(_fits, inputs, wanted))

    def __call__(self, inputs: Sequence[Any], training: bool, recorder: Listener | None) -> Any:
        """What the model gives."""
        with recording(recorder):  # of what a layer calls in turn
            given = self.outputs_for(inputs, training, recorder)
        packed = keras.tree.pack_sequence_as(self.structure, given)
        return packed[0] if isinstance(packed, list | tuple) and len(packed) == 1 else packed

    def outputs_for(
        self, inputs: Sequence[Any], training: bool, recorder: Listener | None
    ) -> list[Any]:
        """Its outputs, one after the other."""
        known = {id(x): value for x, value in zip(self.model.inputs, inputs, strict=True)}
        for step in self.steps:
            step.take(known, training, recorder)
        return [known[id(x)] for x in self.model.outputs]


def _fits(x: Any, wanted: Any) -> bool:
    return (
        x.dtype == wanted.dtype == "float32"
        and len(x.shape) == len(wanted.shape)
        and all(side in (None, mine) for mine, side in zip(x.shape, wanted.shape, strict=True))
    )


def steps_of(model: Any) -> Steps | None:
    """The steps of a model; None where Keras itself must call it.

    So it is where Keras's own notes are not as they are read here, in another version of it or
    in what a student made of them.
    """
    if keras.backend.backend() != "tensorflow":
        return None
    try:
        return _steps_of(model)
    except Exception:
        return None


def _steps_of(model: Any) -> Steps:
    from keras.src.models.functional import Functional

    graph = model._functional if type(model) is keras.Sequential else model
    if type(graph) is not Functional or _is_changed(model) or _is_changed(graph):
        raise _Unknown
    found = Steps(graph, graph._outputs_struct)
    known = {id(x) for x in graph.inputs}
    by_depth = graph._nodes_by_depth
    for depth in sorted(by_depth, reverse=True):
        for node in by_depth[depth]:
            if node.operation and not node.is_input:
                step = _step_of(node)
                if not all(id(x) in known for x in node.input_tensors):
                    raise _Unknown
                found.steps.append(step)
                known.update(step.outputs)
    return found


def _step_of(node: Any) -> Step:
    operation = node.operation
    layer = isinstance(operation, keras.layers.Layer)
    inner = None
    if type(operation).__call__ is not (CALL_OF_LAYERS if layer else CALL_OF_OPERATIONS):
        raise _Unknown
    if layer and (
        not _is_in_single_precision(operation)
        or any(x.dtype != "float32" for x in node.input_tensors)
        or len(node.input_tensors) != len(_tensors_of(node))
    ):
        raise _Unknown
    if isinstance(operation, keras.Model):
        inner = _inner_of(node)
    elif not _is_known(operation) or not _is_kerass(getattr(operation, "activation", None)):
        raise _Unknown
    trains = layer and inner is None and bool(operation._call_has_training_arg)
    direct = direct_call(operation, len(node.input_tensors[0].shape)) if _is_of_one(node) else None
    return Step(operation, node.arguments, [id(x) for x in node.outputs], trains, inner, direct)


def _is_of_one(node: Any) -> bool:
    """Whether a layer is called with one tensor, its first argument, and flags at most."""
    first = node.arguments.args[0] if len(node.arguments.args) == 1 else None
    return [id(first)] == [id(x) for x in _tensors_of(node)]


def _tensors_of(node: Any) -> list[Any]:
    """What a layer is called with, but for flags."""
    given = keras.tree.flatten((node.arguments.args, node.arguments.kwargs))
    return [x for x in given if x is not None and not isinstance(x, bool)]


def _inner_of(node: Any) -> Steps:
    """The steps of a net that is called in a net."""
    inner = _steps_of(node.operation)
    given = node.input_tensors
    alone = len(keras.tree.flatten(node.arguments.args)) == len(given)
    if len(given) != len(inner.model.inputs) or not alone:
        raise _Unknown
    if any(len(x.shape) != len(y.shape) for x, y in zip(given, inner.model.inputs, strict=True)):
        raise _Unknown
    return inner


def _is_in_single_precision(layer: Any) -> bool:
    plain = layer.compute_dtype == layer.variable_dtype == "float32"
    return plain and not getattr(layer, "quantization_mode", None)


def _is_changed(operation: Any) -> bool:
    """Whether an operation has a `call` of its own, or Keras does something around its call."""
    around = (getattr(operation, name, None) for name in ("_remat_mode", "activity_regularizer"))
    return "call" in vars(operation) or any(thing is not None for thing in around)


def _is_known(operation: Any) -> bool:
    """Whether an operation is one of Keras's own that computes from its inputs alone."""
    kind = type(operation)
    if _is_changed(operation):
        return False
    if isinstance(operation, keras.layers.Layer):
        return kind in LAYERS
    package, _, module = kind.__module__.rpartition(".")
    if package != "keras.src.ops":
        return False
    return module in OPERATIONS or (module == "core" and kind.__name__ in OF_CORE)


def _is_kerass(activation: Any) -> bool:
    """Whether an activation is a function of Keras's own, or there is none.

    A layer is none: it is a step of its own. A student's function may call layers, which are told
    by the one around them whether they train.
    """
    if isinstance(activation, keras.Operation):
        return False
    function = inspect.unwrap(activation) if callable(activation) else None
    return function is None or str(getattr(function, "__module__", "")).startswith("keras.src.")


class Called:
    """A model that is called by its steps where it can be; it has all else of the model's."""

    def __init__(self, model: Any) -> None:
        self.model, self.steps = model, steps_of(model)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def __call__(self, x: Any, training: bool = False) -> Any:
        """What the model gives."""
        if self.takes_steps(x):
            assert self.steps is not None
            with suppress(Exception):  # it fails, and Keras says why
                return self.steps([x], training, None)
        return self.model(x, training=training)

    def takes_steps(self, x: Any) -> bool:
        """Whether it takes steps for an input."""
        return self.steps is not None and self.steps.fit([x])


def momenta_of(steps: Steps | None, statistics: Sequence[Any]) -> list[float] | None:
    """The momentum of each moving statistic; None where they are not all of plain normalisations.

    In training such a normalisation gives the same, whatever its moving statistics are.
    """
    if steps is None:
        return None
    found: dict[int, float] = {}
    layers = [step.operation for step in _normalisations(steps)]
    if len({id(layer) for layer in layers}) < len(layers):
        return None  # one that is called twice takes two steps
    for layer in layers:
        plain = layer.trainable and not getattr(layer, "renorm", False)
        if not plain or not 0 <= layer.momentum <= 1 - 1e-5:
            return None
        for variable in (layer.moving_mean, layer.moving_variance):
            found[id(variable)] = round(float(layer.momentum), 6)
    if not all(id(variable) in found for variable in statistics):
        return None
    return [found[id(variable)] for variable in statistics]


def fewest_positions(steps: Steps) -> int:
    """At how many positions of one picture's map a normalisation looks, the one with the fewest."""
    maps = [step.arguments.keras_tensors[0].shape for step in _normalisations(steps)]
    known = [math.prod(shape[1:-1]) for shape in maps if None not in shape[1:]]
    return min(known, default=sys.maxsize)


def _normalisations(steps: Steps) -> list[Step]:
    found = []
    for step in steps.steps:
        if step.inner is not None:
            found += _normalisations(step.inner)
        elif type(step.operation) is keras.layers.BatchNormalization:
            found.append(step)
    return found
