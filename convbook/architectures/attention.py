"""Attention over channels: squeeze-and-excitation (Hu, Shen and Sun 2018, arXiv:1709.01507)."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import KerasTensor, layers

from convbook.architectures.residual import RESNET_BLOCKS, conv_bn, projection_shortcut, stem


def squeeze_excite(x: KerasTensor, ratio: int = 16) -> KerasTensor:
    """Weigh every channel by a number between 0 and 1 that all channels decide together.

    Squeeze: the mean of each channel over all positions. Excitation: a dense layer to
    ``C // ratio`` units with ReLU, another back to C with a sigmoid. Each channel of ``x`` is
    multiplied by its number. (N, H, W, C) to the same.

    Source: Hu 2018, section 3.
    """
    channels = x.shape[-1]
    gates = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gates = layers.Dense(max(1, channels // ratio), activation="relu")(gates)
    gates = layers.Dense(channels, activation="sigmoid")(gates)
    return layers.Multiply()([x, gates])


def se_bottleneck_block(x: KerasTensor, filters: int, stride: int = 1) -> KerasTensor:
    """The bottleneck block of ResNet, its branch weighed channel by channel before the sum.

    (N, H, W, C) to (N, H / stride, W / stride, 4 * filters). Source: Hu 2018, figure 3.
    """
    branch = layers.ReLU()(conv_bn(x, filters, 1, stride))
    branch = layers.ReLU()(conv_bn(branch, filters, 3))
    branch = squeeze_excite(conv_bn(branch, 4 * filters, 1))
    if stride != 1 or x.shape[-1] != 4 * filters:
        x = projection_shortcut(x, 4 * filters, stride)
    return layers.ReLU()(layers.Add()([x, branch]))


def se_resnet(
    blocks: Sequence[int] = RESNET_BLOCKS[50],
    classes: int = 1000,
    input_shape: tuple[int, int, int] = (224, 224, 3),
) -> keras.Model:
    """A ResNet with squeeze-and-excitation in every block: (N, H, W, 3) to (N, classes)."""
    inputs = keras.Input(input_shape)
    x = stem(inputs)
    for stage, count in enumerate(blocks):
        for number in range(count):
            stride = 2 if stage and number == 0 else 1
            x = se_bottleneck_block(x, 64 * 2**stage, stride)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x), name="se_resnet")
