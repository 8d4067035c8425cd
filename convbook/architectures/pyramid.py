"""PSPNet and DeepLabv3+: a dilated ResNet, and heads that see several sizes at once.

Functions of a Keras tensor ``x`` take maps (N, H, W, C) and return maps; nets return a
``keras.Model`` from pictures to a score for each class at each pixel, without a softmax.

Sources: Zhao, Shi, Qi, Wang and Jia 2017, *Pyramid scene parsing network*, arXiv:1612.01105; Chen,
Papandreou, Schroff and Adam 2017, *Rethinking atrous convolution for semantic image segmentation*,
arXiv:1706.05587 (DeepLabv3); Chen, Zhu, Papandreou, Schroff and Adam 2018, *Encoder-decoder with
atrous separable convolution for semantic image segmentation*, arXiv:1802.02611 (DeepLabv3+).
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import KerasTensor, layers

OUTPUT_STRIDES = (32, 16, 8)


def conv_bn_relu(
    x: KerasTensor, filters: int, kernel: int = 1, stride: int = 1, dilation: int = 1
) -> KerasTensor:
    """Convolution without bias, batch normalisation, ReLU: (N, H, W, C) to (N, H', W', filters).

    Numbers as in ``convbook.architectures.residual.conv_bn``.
    """
    return layers.ReLU()(_conv_bn(x, filters, kernel, stride, dilation))


def _conv_bn(
    x: KerasTensor, filters: int, kernel: int, stride: int = 1, dilation: int = 1
) -> KerasTensor:
    x = layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        dilation_rate=dilation,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
    )(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1.001e-5)(x)


def dilated_bottleneck(
    x: KerasTensor,
    filters: int,
    stride: int = 1,
    dilation: int = 1,
    name: str | None = None,
) -> KerasTensor:
    """ResNet's bottleneck block whose 3x3 convolution is dilated.

    With a dilation of 1 it is ``convbook.architectures.residual.bottleneck_block``; the dilation
    adds no weight. (N, H, W, C) to (N, H/stride, W/stride, 4*filters).
    """
    branch = conv_bn_relu(x, filters, 1, stride)
    branch = conv_bn_relu(branch, filters, 3, dilation=dilation)
    branch = _conv_bn(branch, 4 * filters, 1)
    if stride != 1 or x.shape[-1] != 4 * filters:
        x = _conv_bn(x, 4 * filters, 1, stride)
    return layers.ReLU(name=name)(layers.Add()([x, branch]))


WRONG_WINDOWS_ON_JAX = (7, 13, 14, 15)
"""Of numbers up to 24; findings/keras_adaptive_pooling_on_jax_misses_its_windows.sh shows it."""
STAGES = ("stage1", "stage3", "stage4")
"""The layers whose maps the heads take."""


def dilated_resnet(
    input_shape: tuple[int, int, int],
    blocks: Sequence[int] = (3, 4, 6, 3),
    filters: int = 64,
    output_stride: int = 16,
) -> keras.Model:
    """A ResNet whose last stages are dilated where others halve the maps.

    Args:
        input_shape: (height, width, channels), sides multiples of the output stride.
        blocks: bottleneck blocks of each of the four stages; (3, 4, 6, 3) is ResNet-50.
        filters: of the stem and of the first stage's bottlenecks; they double from stage to stage.
        output_stride: 32 (an ordinary ResNet), 16 (the last stage is dilated by 2), or 8 (the last
            two, by 2 and 4).

    Returns:
        A model: pictures to three maps: of the first stage (stride 4), of the third, and of the
        fourth (both with the output stride, or the third with half of it).

    Raises:
        ValueError: for another output stride.

    Source: Chen et al. 2017, section 3.2; Zhao et al. 2017, section 3.3.
    """
    if output_stride not in OUTPUT_STRIDES:
        raise ValueError(f"output_stride is {output_stride}; give 8, 16 or 32.")
    inputs = keras.Input(input_shape, name="pictures")
    x = conv_bn_relu(inputs, filters, 7, stride=2)
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    reached, dilation = 4, 1
    for stage, count in enumerate(blocks):
        stride = 1 if stage == 0 else 2
        if reached * stride > output_stride:
            dilation, stride = dilation * stride, 1
        reached *= stride
        for number in range(count):
            step = stride if number == 0 else 1
            name = f"stage{stage + 1}" if number == count - 1 else None
            x = dilated_bottleneck(x, filters * 2**stage, step, dilation, name)
    return trunk_of(keras.Model(inputs, x))


def trunk_of(net: keras.Model) -> keras.Model:
    """Return the dilated ResNet inside a net made here: its layers and weights, not a copy."""
    return keras.Model(net.input, [net.get_layer(name).output for name in STAGES], name="trunk")


def head_of(net: keras.Model, trunk: keras.Model) -> keras.Model:
    """Return what a net does with the maps of its trunk: its layers and weights, not a copy.

    So a head can be trained on maps that were computed once.

    Args:
        net: made by ``fcn_on``, ``pspnet`` or ``deeplab``.
        trunk: the dilated ResNet that it was made on.
    """
    return keras.Model(trunk.outputs, net.output, name="head")


def enlarge_to(x: KerasTensor, size: Sequence[int]) -> KerasTensor:
    """Bilinear interpolation of maps (N, h, w, C) to (N, *size, C)."""
    size = tuple(size)
    if tuple(x.shape[1:3]) == size:
        return x
    return layers.Resizing(*size, interpolation="bilinear")(x)


def average_to(x: KerasTensor, side: int) -> KerasTensor:
    """Average maps over ``side`` times ``side`` windows that cover them evenly.

    Windows overlap by a row or column where the sides are no multiples. (N, H, W, C) to
    (N, side, side, C).

    Raises:
        ValueError: on JAX, for the numbers of windows that Keras gets wrong there (version 3.15.1).
    """
    height, width = x.shape[1:3]
    if height % side == width % side == 0:
        return layers.AveragePooling2D((height // side, width // side))(x)
    if keras.backend.backend() == "jax" and side in WRONG_WINDOWS_ON_JAX:
        raise ValueError(
            f"on JAX Keras averages other windows than the right ones, or gives NaN, for {side} a "
            f"side: take another number, or maps whose sides are multiples of {side}"
        )
    return layers.AdaptiveAveragePooling2D(side)(x)


def pyramid_pooling(
    x: KerasTensor, filters: int, bins: Sequence[int] = (1, 2, 3, 6)
) -> KerasTensor:
    """What is where, in rough: means over 1, 4, 9 and 36 parts of the maps, behind the maps.

    Args:
        x: (N, H, W, C).
        filters: to which each mean is reduced by a 1x1 convolution, with BN and ReLU.
        bins: parts a side, of each level of the pyramid.

    Returns:
        (N, H, W, C + len(bins) * filters): ``x``, then the levels in the order of ``bins``.

    Source: Zhao et al. 2017, section 3.2.
    """
    levels = [enlarge_to(conv_bn_relu(average_to(x, side), filters), x.shape[1:3]) for side in bins]
    return layers.Concatenate()([x, *levels])


def pspnet(
    backbone: keras.Model,
    classes: int,
    filters: int = 512,
    bins: Sequence[int] = (1, 2, 3, 6),
    dropout: float = 0.1,
    auxiliary: bool = True,
) -> keras.Model:
    """PSPNet on a dilated ResNet: pictures (N, H, W, 3) to scores (N, H, W, classes).

    Its parts, as published: a ResNet with an output stride of 8; the pyramid pooling module, each
    level reduced to C / len(bins) channels; a 3x3 convolution, dropout, scores, bilinear
    enlargement; and in training a second classifier on the third stage, whose loss counts 0.4 of
    the first one's (``AUXILIARY_WEIGHT``).

    Args:
        backbone: made by ``dilated_resnet``; its layers are used, not copied.
        classes: number of classes, the ground among them.
        filters: of the 3x3 convolution; the second classifier's has half of them.
        bins: of the pyramid; without any there is no pyramid.
        dropout: share of the channels' values left out before the scores.
        auxiliary: whether the model also returns the second classifier's scores.

    Returns:
        A model with one output, or with two: ``scores`` and ``auxiliary``.
    """
    size = backbone.input.shape[1:3]
    _, middle, x = backbone.outputs
    if bins:
        x = pyramid_pooling(x, x.shape[-1] // len(bins), bins)
    scores = _classify(x, classes, filters, dropout, size, "scores")
    if not auxiliary:
        return keras.Model(backbone.input, scores, name="pspnet")
    second = _classify(middle, classes, filters // 2, dropout, size, "auxiliary")
    return keras.Model(backbone.input, {"scores": scores, "auxiliary": second}, name="pspnet")


AUXILIARY_WEIGHT = 0.4
"""Of the second classifier's loss (Zhao et al. 2017, section 5.1)."""


def _classify(
    x: KerasTensor, classes: int, filters: int, dropout: float, size: Sequence[int], name: str
) -> KerasTensor:
    """3x3 convolution, dropout, scores, as large as the picture."""
    x = layers.Dropout(dropout)(conv_bn_relu(x, filters, 3))
    x = enlarge_to(layers.Conv2D(classes, 1)(x), size)
    return layers.Identity(name=name)(x)


def fcn_on(backbone: keras.Model, classes: int, auxiliary: bool = False) -> keras.Model:
    """The plain net that the others are to beat: a 1x1 convolution on the last maps, enlarged.

    FCN-32s's head on a dilated ResNet: pictures (N, H, W, 3) to scores (N, H, W, classes).

    Args:
        backbone: made by ``dilated_resnet``; its layers are used, not copied.
        classes: number of classes, the ground among them.
        auxiliary: whether the model has PSPNet's second classifier too, and returns ``scores`` and
            ``auxiliary``.
    """
    size = backbone.input.shape[1:3]
    _, middle, x = backbone.outputs
    scores = enlarge_to(layers.Conv2D(classes, 1)(x), size)
    if not auxiliary:
        return keras.Model(backbone.input, scores, name="plain_fcn")
    second = _classify(middle, classes, middle.shape[-1] // 4, 0.1, size, "auxiliary")
    scores = layers.Identity(name="scores")(scores)
    return keras.Model(backbone.input, {"scores": scores, "auxiliary": second}, name="plain_fcn")


def separable_bn_relu(
    x: KerasTensor, filters: int, dilation: int = 1, between: bool = True
) -> KerasTensor:
    """Atrous separable convolution: a dilated 3x3 depthwise one, then a pointwise one.

    (N, H, W, C) to (N, H, W, filters). Each is followed by batch normalisation and ReLU.

    Args:
        x: the maps.
        filters: of the pointwise convolution.
        dilation: of the depthwise convolution.
        between: left False, there is neither normalisation nor ReLU between the two.

    Source: Chen et al. 2018, section 3.1 and, for what stands between, section 3.2.
    """
    x = layers.DepthwiseConv2D(3, padding="same", dilation_rate=dilation, use_bias=False)(x)
    if between:
        x = layers.BatchNormalization(momentum=0.9, epsilon=1.001e-5)(x)
        x = layers.ReLU()(x)
    return conv_bn_relu(x, filters)


def aspp(
    x: KerasTensor,
    filters: int = 256,
    rates: Sequence[int] = (6, 12, 18),
    separable: bool = True,
    pooled: bool = True,
    dropout: float = 0.1,
    between: bool = True,
) -> KerasTensor:
    """Atrous spatial pyramid pooling: the same maps seen through windows of several widths.

    Beside each other: a 1x1 convolution, a dilated 3x3 one for each rate, and the mean of all
    positions through a 1x1 one; each with BN and ReLU. They are concatenated and reduced by another
    1x1 convolution; dropout follows.

    Args:
        x: (N, H, W, C).
        filters: of each convolution.
        rates: dilations, for an output stride of 16; double them for 8.
        separable: whether the dilated convolutions are depthwise separable (DeepLabv3+) or full
            ones (DeepLabv3).
        pooled: whether the mean of all positions is there.
        dropout: share of values left out at the end.
        between: see ``separable_bn_relu``.

    Returns:
        (N, H, W, filters).

    Source: Chen et al. 2017, section 3.3; 2018, section 3.1.
    """
    parts = [conv_bn_relu(x, filters)]
    for rate in rates:
        if separable:
            parts.append(separable_bn_relu(x, filters, rate, between))
        else:
            parts.append(conv_bn_relu(x, filters, 3, dilation=rate))
    if pooled:
        mean = layers.GlobalAveragePooling2D(keepdims=True)(x)
        parts.append(enlarge_to(conv_bn_relu(mean, filters), x.shape[1:3]))
    x = parts[0] if len(parts) == 1 else layers.Concatenate()(parts)
    return layers.Dropout(dropout)(conv_bn_relu(x, filters))


def deeplab(
    backbone: keras.Model,
    classes: int,
    filters: int = 256,
    rates: Sequence[int] = (6, 12, 18),
    low_filters: int = 48,
    separable: bool = True,
    pooled: bool = True,
    decoder: bool = True,
) -> keras.Model:
    """DeepLabv3+ on a dilated ResNet: pictures (N, H, W, 3) to scores (N, H, W, classes).

    Its parts, as published: a dilated ResNet with an output stride of 16 or 8; atrous spatial
    pyramid pooling with the mean of all positions; and the decoder, which enlarges the result to
    the maps with stride 4, concatenates these, reduced to few channels, and ends in two 3x3
    convolutions. Convolutions of 3x3 are separable.

    Args:
        backbone: made by ``dilated_resnet``; its layers are used, not copied.
        classes: number of classes, the ground among them.
        filters: of the pyramid and the decoder.
        rates: dilations of the pyramid; without any it is a 1x1 convolution and the mean.
        low_filters: to which the maps with stride 4 are reduced.
        separable: whether 3x3 convolutions are separable, in pyramid and decoder.
        pooled: whether the pyramid has the mean of all positions.
        decoder: left False, the pyramid's result is classified and enlarged: DeepLabv3's way.

    Source: Chen et al. 2018, section 3.1 and table 2.
    """
    low, _, x = backbone.outputs
    x = aspp(x, filters, rates, separable, pooled)
    if decoder:
        few = conv_bn_relu(low, low_filters)
        x = layers.Concatenate()([few, enlarge_to(x, low.shape[1:3])])
        for _ in range(2):
            x = separable_bn_relu(x, filters) if separable else conv_bn_relu(x, filters, 3)
    scores = enlarge_to(layers.Conv2D(classes, 1)(x), backbone.input.shape[1:3])
    return keras.Model(backbone.input, scores, name="deeplab")
