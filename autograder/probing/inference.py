"""How a network is called where inference is meant."""

from __future__ import annotations

from typing import Any

import keras

from autograder.probing.building import signature_of

# Keras's layers for pictures train unless told otherwise, and of those that change nothing at
# random Keras 3.15 hands that on to every layer after them.
OF_PICTURES = "keras.src.layers.preprocessing"


def inference_flag(model: Any) -> bool | None:
    """The `training` to call a model with: `False`, as `predict` does, or None to leave it open.

    It is left open where an answer itself turns training on, by a call of a layer or a default of
    its own: `False` would override that, and nobody would see it.
    """
    return None if _turns_training_on(model) else False


def _turns_training_on(model: Any) -> bool:
    layers = model._flatten_layers() if isinstance(model, keras.Layer) else []
    operations = [*getattr(model, "operations", ()), *layers]
    return any(map(_trains, operations))


def _trains(operation: Any) -> bool:
    """Whether a layer is told to train in a net, or trains where it is told nothing."""
    if type(operation).__module__.startswith(OF_PICTURES):
        return False
    told = [node.arguments.kwargs.get("training") for node in operation._inbound_nodes]
    default = signature_of(operation.call).parameters.get("training")
    return True in told or (default is not None and default.default is True)


def randomness(model: keras.Model) -> str | None:
    """A remark on a layer that changes what it is given at random in training, if there is one.

    Dropout is free. Noise is seen only where a net has moving statistics, a random picture nowhere.
    """
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, keras.layers.GaussianNoise):
            return "adds noise in training (`GaussianNoise`): leave it out"
        of_pictures = type(layer).__module__.startswith(OF_PICTURES)
        if of_pictures and hasattr(layer, "generator"):
            name = type(layer).__name__
            return f"changes its input at random in training (`{name}`): leave it out"
    return None
