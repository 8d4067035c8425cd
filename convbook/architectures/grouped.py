"""Convolutions in groups of channels, where Keras has none."""

from __future__ import annotations

from keras import KerasTensor, layers, ops


def grouped_conv_transpose(
    x: KerasTensor, filters: int, kernel: int, stride: int = 1, groups: int = 1
) -> KerasTensor:
    """Transposed convolution in groups, which Keras's layer does not offer: split, concatenate.

    The channels are cut into ``groups`` neighbouring parts; each has a ``Conv2DTranspose`` of its
    own with ``filters / groups`` filters, without padding and without bias; their maps follow one
    another. (N, H, W, C) to (N, (H - 1) * stride + kernel, ..., filters), kernel >= stride.

    Raises:
        ValueError: if ``groups`` does not divide both the channels and the filters.
    """
    if x.shape[-1] % groups or filters % groups:
        raise ValueError(
            f"{groups} groups do not divide {x.shape[-1]} channels and {filters} filters alike; "
            "choose a number that divides both."
        )
    parts = [
        layers.Conv2DTranspose(filters // groups, kernel, strides=stride, use_bias=False)(part)
        for part in ops.split(x, groups, axis=-1)
    ]
    return layers.Concatenate()(parts) if groups > 1 else parts[0]
