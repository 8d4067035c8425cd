"""Receptive fields: what part of the picture a unit of a net can see.

By arithmetic, layer by layer, and by the gradient of one output unit, which knows nothing of the
arithmetic. Sources: Dumoulin and Visin 2016, arXiv 1603.07285; Luo et al. 2016, arXiv 1701.04128.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from convbook.gradients import input_gradient


@dataclass(frozen=True)
class Field:
    """What the units of one layer see along one axis of the picture, in pixels.

    Attributes:
        size: how many pixels a unit's view spans.
        jump: how far the views of two neighbouring units lie apart.
        start: the first pixel that unit 0 sees; negative where the view begins in the padding.
    """

    size: int = 1
    jump: int = 1
    start: int = 0

    def region(self, index: int) -> tuple[int, int]:
        """Return the first and the last pixel that unit ``index`` sees, padding included."""
        first = self.start + index * self.jump
        return first, first + self.size - 1


def next_field(
    field: Field, kernel: int, stride: int = 1, dilation: int = 1, padding: int = 0
) -> Field:
    """Return the field after one more layer, from the field before it.

    Args:
        field: of the layer's input.
        kernel: side of the layer's window.
        stride: its step.
        dilation: distance between neighbouring weights.
        padding: pixels that it adds before the first.

    Source: Dumoulin and Visin 2016, arXiv 1603.07285.
    """
    return Field(
        size=field.size + (kernel - 1) * dilation * field.jump,
        jump=field.jump * stride,
        start=field.start - padding * field.jump,
    )


def receptive_field(net: Iterable[tuple[int, int, int]]) -> list[tuple[int, int]]:
    """Return (size, jump) after each layer, given as (kernel, stride, dilation)."""
    field, found = Field(), []
    for kernel, stride, dilation in net:
        field = next_field(field, kernel, stride, dilation)
        found.append((field.size, field.jump))
    return found


def receptive_fields(model: keras.Model, axis: int = 0) -> dict[str, Field]:
    """Return the field of every layer of a functional model that keeps a map, by the layer's name.

    Branches that meet see together what each of them sees.

    Args:
        model: functional or sequential, of fixed input size (``same`` padding depends on it).
        axis: 0 for height, 1 for width.

    Raises:
        ValueError: for a layer whose field this cannot tell, or branches with different jumps.
    """
    fields = {id(tensor): Field() for tensor in model.inputs}
    found = {}
    for layer in model.layers:
        if isinstance(layer, layers.InputLayer):
            continue
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        if any(id(tensor) not in fields for tensor in inputs) or len(layer.output.shape) != 4:
            continue  # behind a Flatten or a global pooling every unit sees everything
        field = _after(layer, _union([fields[id(tensor)] for tensor in inputs], layer.name), axis)
        fields[id(layer.output)] = found[layer.name] = field
    return found


def _after(layer: layers.Layer, field: Field, axis: int) -> Field:
    """The field behind one layer."""
    if hasattr(layer, "kernel_size") and not _is_transposed(layer):
        kernel, dilation = layer.kernel_size[axis], layer.dilation_rate[axis]
    elif hasattr(layer, "pool_size"):
        kernel, dilation = layer.pool_size[axis], 1
    elif isinstance(layer, layers.ZeroPadding2D):
        return next_field(field, 1, padding=layer.padding[axis][0])
    elif isinstance(layer, _POINTWISE):
        return field
    else:
        raise ValueError(
            f"Cannot tell the receptive field of {layer.name}, a {type(layer).__name__}."
        )
    stride = layer.strides[axis]
    before = 0
    if layer.padding == "same":
        size = layer.input.shape[1 + axis]
        if size is None:
            raise ValueError(
                "Padding depends on the input's size: build the model for a fixed one."
            )
        before = max(0, (-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size) // 2
    return next_field(field, kernel, stride, dilation, before)


def _is_transposed(layer: layers.Layer) -> bool:
    return "Transpose" in type(layer).__name__


# Layers in which each output position depends on the same position of the inputs alone.
_POINTWISE = (
    layers.Activation,
    layers.ReLU,
    layers.LeakyReLU,
    layers.Dropout,
    layers.BatchNormalization,
    layers.LayerNormalization,
    layers.Dense,
    layers.Rescaling,
    layers.Concatenate,
    layers.Add,
    layers.Average,
    layers.Maximum,
    layers.Multiply,
)


def _union(fields: list[Field], name: str) -> Field:
    """What units see that combine units of several maps."""
    if len({field.jump for field in fields}) > 1:
        raise ValueError(f"Branches with different jumps meet in {name}; their views drift apart.")
    first = min(field.start for field in fields)
    last = max(field.start + field.size for field in fields)
    return Field(last - first, fields[0].jump, first)


def visible(model: keras.Model) -> keras.Model:
    """Return a copy of a net through which a gradient reaches all that a unit can see.

    Every weight is the same positive number, so that nothing cancels; max pooling, whose gradient
    goes to one of its inputs only, becomes average pooling with the same window; activations and
    layer normalisations, which may block it, are left out. Where units look does not change.
    """

    def clone(layer: layers.Layer) -> layers.Layer:
        config = layer.get_config()
        if isinstance(layer, layers.MaxPooling2D):
            return layers.AveragePooling2D.from_config(config)
        if isinstance(layer, layers.ReLU | layers.LeakyReLU | layers.LayerNormalization):
            return layers.Activation("linear", name=layer.name)
        if "activation" in config:
            config["activation"] = "linear"
        return layer.__class__.from_config(config)

    copy = keras.models.clone_model(model, clone_function=clone)
    for layer in copy.layers:
        # Each unit adds up to about 1, however wide and deep the net: nothing over- or underflows.
        layer.set_weights(
            [np.full(w.shape, 1 / max(1, np.prod(w.shape[:-1])), "float32") for w in layer.weights]
        )
    return copy


def unit_gradient(
    model: keras.Model, unit: tuple[int, int], x: Any, layer: str | None = None
) -> NDArray[np.float32]:
    """Return the gradient of one unit, summed over its channels, with respect to the picture.

    Args:
        model: functional; its input is one picture (height, width, channels).
        unit: (row, column) in the layer's map.
        x: the picture, (1, height, width, channels).
        layer: name of the layer; the model's output if None.

    Returns:
        The gradient, (height, width, channels).
    """
    if layer is not None:
        model = keras.Model(model.input, model.get_layer(layer).output)
    row, column = unit
    return input_gradient(lambda picture: ops.sum(model(picture)[0, row, column]), x)[0]


def seen_region(
    net: keras.Model, unit: tuple[int, int], layer: str | None = None
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return what one unit sees, measured: ((first, last) row, (first, last) column).

    Those are the outermost pixels at which the unit's gradient is not zero.

    Args:
        net: as :func:`visible` makes it; in another net a gradient may vanish within the view.
        unit: (row, column) in the layer's map.
        layer: name of the layer; the net's output if None.
    """
    picture = np.ones((1, *net.input.shape[1:]), "float32")
    gradient = np.abs(unit_gradient(net, unit, picture, layer))
    rows = np.flatnonzero(gradient.sum(axis=(1, 2)))
    columns = np.flatnonzero(gradient.sum(axis=(0, 2)))
    return (int(rows[0]), int(rows[-1])), (int(columns[0]), int(columns[-1]))
