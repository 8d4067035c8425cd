"""Nets that save multiplications: Xception and MobileNetV2, and the convolutions they are made of.

Block functions take a Keras tensor ``x`` of shape (N, H, W, C) and return one; network functions
return a ``keras.Model``. Sources: Chollet 2017, arXiv:1610.02357 (Xception); Sandler, Howard, Zhu,
Zhmoginov and Chen 2018, arXiv:1801.04381 (MobileNetV2).
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import KerasTensor, layers


def conv_norm(
    x: KerasTensor, filters: int, kernel: int, stride: int = 1, padding: str = "same"
) -> KerasTensor:
    """Convolution without bias, then batch normalisation: (N, H, W, C) to (N, H', W', filters).

    Epsilon and momentum are those that Keras's layer starts with, 1e-3 and 0.99.
    """
    x = layers.Conv2D(filters, kernel, strides=stride, padding=padding, use_bias=False)(x)
    return layers.BatchNormalization()(x)


def separable_norm(x: KerasTensor, filters: int) -> KerasTensor:
    """Depthwise 3x3, pointwise 1x1, batch normalisation: (N, H, W, C) to (N, H, W, filters).

    Nothing stands between the depthwise and the pointwise step: neither bias, nor normalisation,
    nor activation (Chollet 2017, section 4.7).
    """
    x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False)(x)
    return layers.BatchNormalization()(x)


def xception_block(
    x: KerasTensor, filters: Sequence[int], stride: int = 1, relu_first: bool = True
) -> KerasTensor:
    """Separable convolutions, each after a ReLU, and a shortcut around them all.

    Args:
        x: maps (N, H, W, C).
        filters: of each separable convolution.
        stride: 1, and the shortcut is ``x``, which must have ``filters[-1]`` channels; or 2: a 3x3
            max pool ends the branch, and the shortcut is a 1x1 convolution with stride 2.
        relu_first: whether the first convolution has its ReLU; in the net's first block it has not,
            because ``x`` comes from one.

    Returns:
        Maps (N, H / stride, W / stride, filters[-1]), sizes rounded up.
    """
    branch = x
    for number, count in enumerate(filters):
        if number or relu_first:
            branch = layers.ReLU()(branch)
        branch = separable_norm(branch, count)
    if stride == 2:
        branch = layers.MaxPooling2D(3, strides=2, padding="same")(branch)
        x = conv_norm(x, filters[-1], 1, stride=2)
    return layers.Add()([branch, x])


def xception(classes: int = 1000, input_shape: tuple[int, int, int] = (299, 299, 3)) -> keras.Model:
    """Xception: (N, H, W, 3) pictures to probabilities (N, classes).

    Source: Chollet 2017, figure 5. The two first convolutions have no padding.
    """
    inputs = keras.Input(input_shape)
    x = layers.ReLU()(conv_norm(inputs, 32, 3, stride=2, padding="valid"))  # entry flow
    x = layers.ReLU()(conv_norm(x, 64, 3, padding="valid"))
    x = xception_block(x, (128, 128), stride=2, relu_first=False)
    x = xception_block(x, (256, 256), stride=2)
    x = xception_block(x, (728, 728), stride=2)
    for _ in range(8):  # middle flow
        x = xception_block(x, (728, 728, 728))
    x = xception_block(x, (728, 1024), stride=2)  # exit flow
    x = layers.ReLU()(separable_norm(x, 1536))
    x = layers.ReLU()(separable_norm(x, 2048))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x), name="xception")


def relu6(x: KerasTensor) -> KerasTensor:
    """min(max(x, 0), 6), element by element: a ReLU with a second bend, at 6."""
    return layers.ReLU(max_value=6.0)(x)


def mobile_block(x: KerasTensor, expansion: int = 6) -> KerasTensor:
    """The inverted residual where nothing changes shape: (N, H, W, C) to the same.

    A shortcut joins the two thin ends. Between them the channels are widened ``expansion`` times,
    each is filtered by itself, and they are narrowed again, without an activation at the end.
    """
    channels = x.shape[-1]
    branch = relu6(conv_norm(x, expansion * channels, 1))
    branch = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(branch)
    branch = relu6(layers.BatchNormalization()(branch))
    branch = conv_norm(branch, channels, 1)
    return layers.Add()([branch, x])


def inverted_residual(x: KerasTensor, expansion: int, filters: int, stride: int) -> KerasTensor:
    """The block of MobileNetV2: (N, H, W, C) to (N, H / stride, W / stride, filters), rounded up.

    1x1 to ``expansion`` * C channels (left out where ``expansion`` is 1), depthwise 3x3 with the
    stride, 1x1 to ``filters``; batch normalisation after each, ReLU6 after the first two. Where
    neither size nor channels change, ``x`` is added.
    """
    branch = x
    if expansion != 1:
        branch = relu6(conv_norm(branch, expansion * x.shape[-1], 1))
    branch = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(branch)
    branch = relu6(layers.BatchNormalization()(branch))
    branch = conv_norm(branch, filters, 1)
    if stride == 1 and x.shape[-1] == filters:
        return layers.Add()([branch, x])
    return branch


# Sandler 2018, table 2: of each stage the expansion, the filters, the number of blocks, and the
# stride of the first of them.
MOBILENET_V2 = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def mobilenet_v2(
    classes: int = 1000, input_shape: tuple[int, int, int] = (224, 224, 3)
) -> keras.Model:
    """MobileNetV2 of width 1: (N, H, W, 3) pictures to probabilities (N, classes).

    Source: Sandler 2018, table 2.
    """
    inputs = keras.Input(input_shape)
    x = relu6(conv_norm(inputs, 32, 3, stride=2))
    for expansion, filters, count, stride in MOBILENET_V2:
        for number in range(count):
            x = inverted_residual(x, expansion, filters, stride if number == 0 else 1)
    x = relu6(conv_norm(x, 1280, 1))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x), name="mobilenet_v2")
