"""What a Keras model says of itself before it has run: its weights, its end, what is unusual."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from autograder.probing.building import signature_of
from autograder.probing.reordering import Weight


def weights_of(model: keras.Model) -> list[Weight]:
    """The trainable weights of a functional model."""
    maps = {
        math.prod(layer.input.shape[1:]): tuple(layer.input.shape[1:])
        for layer in model.layers
        if isinstance(layer, keras.layers.Flatten) and len(layer.input.shape) == 4
    }
    weights = []
    for variable in model.trainable_variables:
        name, shape = variable.name, tuple(variable.shape)
        weights.append(Weight(name, shape, maps.get(shape[0], ()) if len(shape) == 2 else ()))
    return weights


def lacks_variables(model: keras.Model) -> bool:
    """Whether a layer is not built yet: of one that says its own shape Keras runs no `call`."""
    return any(not layer.built for layer in model._flatten_layers())


def last_step(model: keras.Model) -> keras.Model | None:
    """A net from the input of the last layer with weights on; None if there is no such graph."""
    layers = [layer for layer in getattr(model, "layers", ()) if layer.trainable_variables]
    if not layers or not getattr(model, "outputs", None):
        return None
    try:
        end = keras.Model(layers[-1].input, model.outputs)
    except (AttributeError, ValueError):  # several inputs, or branches that begin before it
        return None
    return end if len(end.inputs) == 1 and None not in end.inputs[0].shape[1:] else None


def turned_kernels(model: keras.Model) -> set[int]:
    """The kernels of transposed convolutions of stride 1, by identity.

    Such a layer is a convolution whose kernel is turned by half a turn, with its channels and
    filters exchanged; where these are as many, its shape does not show it.
    """
    return {
        id(layer.kernel)
        for layer in model._flatten_layers(include_self=False)
        if isinstance(layer, keras.layers.Conv2DTranspose)
        and layer.built
        and tuple(layer.strides) == (1, 1)
    }


def turned_round(kernel: np.ndarray) -> np.ndarray:
    """The kernel of a convolution from that of a transposed one, and back."""
    return kernel[::-1, ::-1].swapaxes(2, 3)


def fixed_training_flags(model: Any) -> set[bool]:
    """Values of `training` written into calls of layers that keep moving statistics.

    Keras replaces such a value when it passes its own, so that one of `False` shows in no output.
    """
    found: set[bool] = set()
    for operation in getattr(model, "operations", []):
        if isinstance(operation, keras.Model):
            found |= fixed_training_flags(operation)
        if not getattr(operation, "non_trainable_variables", None):
            continue
        for node in operation._inbound_nodes:
            flag = node.arguments.kwargs.get("training")
            default = signature_of(operation.call).parameters.get("training")
            if isinstance(flag, bool) and (default is None or flag != default.default):
                found.add(flag)
    return found


def half_precision(model: keras.Model) -> str | None:
    """The name of a 16-bit type that a layer of the model computes in, if any does."""
    outputs = keras.tree.flatten(getattr(model, "outputs", None) or [])
    types = [keras.backend.standardize_dtype(output.dtype) for output in outputs]
    types += [layer.compute_dtype for layer in model._flatten_layers(include_self=False)]
    return next((t for t in types if t in ("float16", "bfloat16")), None)
