"""Is it the same net? Weights copied from one to the other, one layer exchanged, outputs compared.

For functional models whose layers come in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import ArrayLike

Change = Callable[[layers.Layer], layers.Layer]
"""Makes from a layer the one that takes its place; names and shapes of weights should stay."""


def largest_difference(found: ArrayLike, expected: ArrayLike) -> float:
    """Return how far two results are apart at most, as a share of the largest expected size.

    Args:
        found: a result, on whichever device.
        expected: what it is held against, of the same shape, not all zero.

    Raises:
        ValueError: if the shapes differ.
    """
    a, b = (np.asarray(ops.convert_to_numpy(each)) for each in (found, expected))
    if a.shape != b.shape:
        raise ValueError(f"the shapes {a.shape} and {b.shape} differ; compare results of one shape")
    return float(np.abs(a - b).max() / np.abs(b).max())


def told(difference: float) -> str:
    """Return a difference as a table shows it: "0" only where not a bit differs, "3e-07", "0.9"."""
    if difference == 0:
        return "0"
    return f"{difference:.1f}" if difference >= 0.1 else f"{difference:.0e}"


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Copy the weights of ``source`` into ``target``, layer by layer in order.

    Raises:
        ValueError: if the nets have not equally many layers with weights, or their shapes differ.
    """
    pairs = [[layer for layer in net.layers if layer.weights] for net in (source, target)]
    if len(pairs[0]) != len(pairs[1]):
        raise ValueError(
            f"{source.name} has {len(pairs[0])} layers with weights and {target.name} has "
            f"{len(pairs[1])}: they cannot be the same net."
        )
    for theirs, ours in zip(*pairs, strict=True):
        ours.set_weights(theirs.get_weights())


def option(**changed: Any) -> Change:
    """Return the change that gives a layer other options, such as ``max_value=None``."""
    return lambda layer: type(layer).from_config({**layer.get_config(), **changed})


def exchange(net: keras.Model, *changes: tuple[type[layers.Layer], int, Change]) -> keras.Model:
    """Return a copy of a net with layers exchanged; the weights are new, copy them afterwards.

    Args:
        net: functional.
        changes: the class of a layer, its number among those of this class (from 0, or from the end
            if negative), and what is made of it.

    Raises:
        IndexError: if there is no such layer.
    """
    chosen: dict[str, Change] = {}
    for kind, index, change in changes:
        alike = [layer for layer in net.layers if type(layer) is kind]
        chosen[alike[index].name] = change

    def clone(layer: layers.Layer) -> layers.Layer:
        change = chosen.get(layer.name)
        return change(layer) if change else type(layer).from_config(layer.get_config())

    return keras.models.clone_model(net, clone_function=clone)


def features_differ(
    net: keras.Model, other: keras.Model, pictures: Any, training: bool = False
) -> float:
    """Return by how much what two nets hand to their last layer differs.

    As :func:`largest_difference` measures it.

    Args:
        net: a model whose last layer is the classifier.
        other: the one that is taken for right.
        pictures: for both.
        training: whether normalisations use the pictures' own statistics.
    """
    found, expected = (
        keras.Model(each.input, each.layers[-1].input)(pictures, training=training)
        for each in (net, other)
    )
    return largest_difference(found, expected)
