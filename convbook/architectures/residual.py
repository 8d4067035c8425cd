"""Residual networks (He, Zhang, Ren and Sun 2016, arXiv:1512.03385) and the plain nets beside them.

Block functions take a Keras tensor ``x`` of shape (N, H, W, C) and return one; network functions
return a ``keras.Model``. ``filters`` and ``stride`` are positive integers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
from keras import KerasTensor, layers, ops

Block = Callable[[KerasTensor, int, int], KerasTensor]
"""A block function: (x, filters, stride) to a tensor."""

RESNET_BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
"""Blocks per stage by depth (He 2016, table 1); 18 and 34 use basic blocks, others bottlenecks."""


def conv_bn(x: KerasTensor, filters: int, kernel: int, stride: int = 1) -> KerasTensor:
    """Convolution without bias, then batch normalisation: (N, H, W, C) to (N, H', W', filters).

    The bias is left out because the normalisation that follows has one (beta). Initialisation after
    He 2015 (arXiv:1502.01852); epsilon as in ``keras.applications``; a momentum of 0.9, because the
    book's runs are too short for the moving statistics to settle with Keras's 0.99.
    """
    x = layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
    )(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1.001e-5)(x)


def plain_block(x: KerasTensor, filters: int, stride: int = 1) -> KerasTensor:
    """Two 3x3 convolutions, no shortcut: (N, H, W, C) to (N, H/stride, W/stride, filters)."""
    x = layers.ReLU()(conv_bn(x, filters, 3, stride))
    return layers.ReLU()(conv_bn(x, filters, 3))


def identity_block(x: KerasTensor) -> KerasTensor:
    """The residual block where nothing changes shape: relu(x + F(x)), (N, H, W, C) to the same."""
    filters = x.shape[-1]
    branch = layers.ReLU()(conv_bn(x, filters, 3))
    branch = conv_bn(branch, filters, 3)
    return layers.ReLU()(layers.Add()([x, branch]))


def projection_shortcut(x: KerasTensor, filters: int, stride: int) -> KerasTensor:
    """A 1x1 convolution that brings ``x`` to the branch's shape (option B of He 2016)."""
    return conv_bn(x, filters, 1, stride)


def zero_pad_shortcut(x: KerasTensor, filters: int, stride: int) -> KerasTensor:
    """Every ``stride``-th position of ``x``, zero channels appended up to ``filters`` (option A).

    Raises:
        ValueError: if ``x`` has more than ``filters`` channels; a shortcut cannot drop any.
    """
    missing = filters - x.shape[-1]
    if missing < 0:
        raise ValueError(f"x has {x.shape[-1]} channels; ask for at least as many filters.")
    return ops.pad(x[:, ::stride, ::stride, :], [[0, 0], [0, 0], [0, 0], [0, missing]])


def residual_block(
    x: KerasTensor,
    filters: int,
    stride: int = 1,
    shortcut: Block = projection_shortcut,
) -> KerasTensor:
    """The basic block: relu(shortcut(x) + F(x)) with F = 3x3 - BN - ReLU - 3x3 - BN.

    The shortcut is ``x`` itself where the shape stays, else ``shortcut(x, filters, stride)``:
    ``projection_shortcut`` or ``zero_pad_shortcut``. (N, H, W, C) to
    (N, H/stride, W/stride, filters), sizes rounded up.
    """
    branch = layers.ReLU()(conv_bn(x, filters, 3, stride))
    branch = conv_bn(branch, filters, 3)
    if stride != 1 or x.shape[-1] != filters:
        x = shortcut(x, filters, stride)
    return layers.ReLU()(layers.Add()([x, branch]))


def zero_padded_block(x: KerasTensor, filters: int, stride: int = 1) -> KerasTensor:
    """The basic block with zero-padded shortcuts: exactly the weights of ``plain_block``."""
    return residual_block(x, filters, stride, shortcut=zero_pad_shortcut)


def preactivated_block(
    x: KerasTensor,
    filters: int,
    stride: int = 1,
    shortcut: Block = zero_pad_shortcut,
) -> KerasTensor:
    """The pre-activated block: shortcut(x) + F(x) with F = BN - ReLU - 3x3 - BN - ReLU - 3x3.

    Nothing stands on the way through the shortcut, so that a net of such blocks wants a BN and a
    ReLU after the last of them. (N, H, W, C) to (N, H/stride, W/stride, filters), sizes rounded up.

    Source: He, Zhang, Ren and Sun 2016, *Identity mappings in deep residual networks*,
    arXiv:1603.05027.
    """
    branch = _bn_conv(_bn_conv(x, filters, stride), filters)
    if stride != 1 or x.shape[-1] != filters:
        x = shortcut(x, filters, stride)
    return layers.Add()([x, branch])


def _bn_conv(x: KerasTensor, filters: int, stride: int = 1) -> KerasTensor:
    """BN, ReLU, 3x3; numbers as in ``conv_bn``."""
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9, epsilon=1.001e-5)(x))
    options = {"padding": "same", "use_bias": False, "kernel_initializer": "he_normal"}
    return layers.Conv2D(filters, 3, strides=stride, **options)(x)


def bottleneck_block(
    x: KerasTensor,
    filters: int,
    stride: int = 1,
    shortcut: Block = projection_shortcut,
) -> KerasTensor:
    """The bottleneck block: F = 1x1/stride, 3x3, 1x1 to 4*filters, each with BN; ReLU after two.

    (N, H, W, C) to (N, H/stride, W/stride, 4*filters), sizes rounded up.
    """
    branch = layers.ReLU()(conv_bn(x, filters, 1, stride))
    branch = layers.ReLU()(conv_bn(branch, filters, 3))
    branch = conv_bn(branch, 4 * filters, 1)
    if stride != 1 or x.shape[-1] != 4 * filters:
        x = shortcut(x, 4 * filters, stride)
    return layers.ReLU()(layers.Add()([x, branch]))


def stem(x: KerasTensor) -> KerasTensor:
    """What comes before the first stage: 7x7/2, BN, ReLU, 3x3/2 max pool; H to H/4."""
    x = layers.ReLU()(conv_bn(x, 64, 7, stride=2))
    return layers.MaxPooling2D(3, strides=2, padding="same")(x)


def stage(x: KerasTensor, block: Block, count: int, filters: int, stride: int) -> KerasTensor:
    """``count`` blocks with ``filters`` filters; only the first has the stride."""
    x = block(x, filters, stride)
    for _ in range(count - 1):
        x = block(x, filters, 1)
    return x


def basic_resnet(
    blocks: tuple[int, ...],
    classes: int = 1000,
    input_shape: tuple[int, int, int] = (224, 224, 3),
) -> keras.Model:
    """ResNet of basic blocks, as ResNet-18 and 34: (N, H, W, C) pictures to (N, classes)."""
    inputs = keras.Input(input_shape)
    x = stage(stem(inputs), residual_block, blocks[0], 64, stride=1)
    for count, filters in zip(blocks[1:], (128, 256, 512), strict=True):
        x = stage(x, residual_block, count, filters, stride=2)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def resnet(
    blocks: Sequence[int],
    classes: int = 1000,
    input_shape: tuple[int, int, int] = (224, 224, 3),
) -> keras.Model:
    """ResNet of bottleneck blocks, as ResNet-50, 101 and 152: (N, H, W, C) to (N, classes)."""
    inputs = keras.Input(input_shape)
    x = stage(stem(inputs), bottleneck_block, blocks[0], 64, stride=1)
    for count, filters in zip(blocks[1:], (128, 256, 512), strict=True):
        x = stage(x, bottleneck_block, count, filters, stride=2)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def block_model(
    block: Block, shape: Sequence[int | None], filters: int, stride: int, name: str
) -> keras.Model:
    """A block wrapped as a model of its own, so that it can be named, inspected and taken out.

    ``shape`` is its input's, (H, W, C).
    """
    x = keras.Input(tuple(shape))
    return keras.Model(x, block(x, filters, stride), name=name)


def small_net(
    block: Block,
    depth: int,
    filters: int = 16,
    classes: int = 10,
    input_shape: tuple[int, int, int] = (32, 32, 1),
) -> keras.Sequential:
    """The net of He 2016, section 4.2: a 3x3 convolution, three stages of blocks, a dense layer.

    ``depth`` counts the layers with weights: 6n + 2 with n blocks a stage. Filters double and sizes
    halve from stage to stage. Every block is one layer of the model, named stage1_block1 and so on.

    Raises:
        ValueError: if ``depth`` is not 6n + 2.
    """
    if depth < 8 or depth % 6 != 2:
        raise ValueError(f"depth is {depth}; it must be 6n + 2: 8, 14, 20, ...")
    parts = [block_model(first_layer, input_shape, filters, 1, "first")]
    for i in (1, 2, 3):
        for j in range(1, depth // 6 + 1):
            stride = 2 if i > 1 and j == 1 else 1
            shape = parts[-1].output_shape[1:]
            name = f"stage{i}_block{j}"
            parts.append(block_model(block, shape, filters * 2 ** (i - 1), stride, name))
    parts += [layers.GlobalAveragePooling2D(), layers.Dense(classes, activation="softmax")]
    return keras.Sequential([keras.Input(input_shape), *parts])


def first_layer(x: KerasTensor, filters: int, stride: int = 1) -> KerasTensor:
    """What comes before the first block of a small net: 3x3, BN, ReLU."""
    return layers.ReLU()(conv_bn(x, filters, 3, stride))
