"""Normalisation: one formula, four choices of the numbers that share a mean and a variance.

Functions take and return tensors of ``keras.ops`` (arrays will do), channels last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

AXES = {
    "batch": (0, 1, 2),
    "layer": (1, 2, 3, 4),
    "instance": (1, 2),
    "group": (1, 2, 4),
}
"""The axes of maps (N, H, W, groups, channels of a group) that share a mean and a variance."""


def normalize(x: Any, axes: Sequence[int], epsilon: float = 1e-5) -> Any:
    """Return (x - mean) / sqrt(variance + epsilon), mean and variance taken over ``axes``.

    Args:
        x: float, any shape.
        axes: the axes whose numbers share their mean and (population) variance.
        epsilon: added to the variance, in the square of the unit of ``x``.

    Returns:
        A tensor of the shape of ``x``.
    """
    mean, variance = ops.moments(x, axes=list(axes), keepdims=True)
    return (x - mean) / ops.sqrt(variance + epsilon)


def normalize_maps(
    x: Any,
    kind: str,
    groups: int = 1,
    gamma: Any = 1.0,
    beta: Any = 0.0,
    epsilon: float = 1e-3,
) -> Any:
    """Normalise maps in one of four ways that differ in their axes only.

    Ioffe and Szegedy 2015 (batch), Ba et al. 2016 (layer), Ulyanov et al. 2016 (instance), Wu and
    He 2018 (group). Batch normalisation is that of a training step.

    Args:
        x: maps (N, H, W, C).
        kind: "batch", "layer", "instance" or "group", a key of `AXES`.
        groups: number of groups of neighbouring channels, for "group"; it divides C.
        gamma: scale of each channel, (C,) or a number.
        beta: offset of each channel, (C,) or a number.
        epsilon: added to the variance; Keras's layers start with 1e-3.

    Returns:
        Maps (N, H, W, C).

    Raises:
        ValueError: if there is no such kind, or the groups do not share the channels evenly.
    """
    if kind not in AXES:
        raise ValueError(f"There is no {kind!r} normalisation; choose one of {', '.join(AXES)}.")
    x = ops.convert_to_tensor(x, "float32")
    *positions, channels = x.shape
    if kind != "group":
        groups = 1
    if groups < 1 or channels % groups:
        raise ValueError(f"{channels} channels do not make {groups} equal groups: change one.")
    split = ops.reshape(x, (*positions, groups, channels // groups))
    return ops.reshape(normalize(split, AXES[kind], epsilon), x.shape) * gamma + beta


def influenced(
    normalization: Callable[[Any], Any], shape: Sequence[int], place: Sequence[int]
) -> NDArray[np.bool_]:
    """Return which outputs change when one input does: those that share its mean and variance.

    It is observed and not worked out: random numbers go through ``normalization`` twice, the second
    time with another number at ``place``.

    Args:
        normalization: takes an array of ``shape`` to a tensor of the same shape.
        shape: of the input.
        place: index of the number that is changed.

    Returns:
        Booleans of ``shape``.
    """
    x = np.random.default_rng(0).normal(size=tuple(shape)).astype("float32")
    other = x.copy()
    other[tuple(place)] += 2
    before, after = (ops.convert_to_numpy(normalization(numbers)) for numbers in (x, other))
    return np.abs(after - before) > 1e-6


def batch_normalizations(net: keras.Model) -> list[layers.BatchNormalization]:
    """Return the batch normalisations of a net, those of its inner models included.

    Raises:
        ValueError: if a layer that is no model hides one of them.
    """
    found = {id(layer): layer for layer in _layers(net)}
    norms = [layer for layer in found.values() if isinstance(layer, layers.BatchNormalization)]
    averages = sum(variable.name == "moving_mean" for variable in net.variables)
    if averages > len(norms):
        raise ValueError(
            f"{averages - len(norms)} of the net's moving means lie in a layer that is no model: "
            "build that part as a model, so that its normalisations can be found."
        )
    return norms


def _layers(net: keras.Model) -> Iterator[keras.layers.Layer]:
    """Every layer of a net, those of its inner models after each of these."""
    for layer in net.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _layers(layer)


def calibrate(net: keras.Model, pictures: Any, batch_size: int = 250) -> None:
    """Set a net's moving statistics anew: to the plain average of those of large batches.

    What Wu and Johnson 2021 (arXiv:2105.07576) call precise batch normalisation. Weights stay as
    they are.

    Args:
        net: with batch normalisations; it is changed.
        pictures: what it is trained on, (N, ...); what is left over after the last whole batch is
            not used.
        batch_size: pictures a batch.

    Raises:
        ValueError: if there are fewer pictures than a batch, or a normalisation is hidden.
    """
    if len(pictures) < batch_size:
        raise ValueError(f"{len(pictures)} pictures fill no batch of {batch_size}: take a smaller.")
    norms = batch_normalizations(net)
    usual = [norm.momentum for norm in norms]
    for count in range(len(pictures) // batch_size):
        for norm in norms:
            norm.momentum = count / (count + 1)  # a running mean: the first batch replaces all
        net(pictures[count * batch_size : (count + 1) * batch_size], training=True)
    for norm, momentum in zip(norms, usual, strict=True):
        norm.momentum = momentum


def step_moments(x: Any, mask: Any) -> tuple[Any, Any, Any]:
    """Mean and variance of each time step, over the sequences that have not ended yet.

    Args:
        x: padded sequences (N, steps, features).
        mask: (N, steps), true where a sequence still runs.

    Returns:
        Sequences left (steps, 1), mean and variance (steps, features); both 0 where none is left.
    """
    weight = ops.cast(ops.expand_dims(mask, -1), "float32")
    left = ops.sum(weight, axis=0)
    mean = ops.sum(x * weight, axis=0) / ops.maximum(left, 1)
    variance = ops.sum(ops.square(x - mean) * weight, axis=0) / ops.maximum(left, 1)
    return left, mean, variance
