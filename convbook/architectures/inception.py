"""Nets that look at several scales at once: Network in Network, GoogLeNet and Inception V3.

Sources: Lin, Chen and Yan 2013, arXiv:1312.4400; Szegedy et al. 2015 (GoogLeNet),
arXiv:1409.4842; Szegedy et al. 2016 (Inception V3), arXiv:1512.00567. Block functions take a Keras
tensor ``x`` of shape (N, H, W, C) and return one; network functions return a ``keras.Model``.
"""

from __future__ import annotations

import keras
from keras import KerasTensor, layers

Size = int | tuple[int, int]


def conv(
    x: KerasTensor, filters: int, kernel: int, stride: int = 1, name: str | None = None
) -> KerasTensor:
    """Convolution with bias and ReLU: (N, H, W, C) to (N, H/stride, W/stride, filters).

    Initialisation after He 2015 (arXiv:1502.01852), since nothing here normalises the signal:
    chapter 6 trains a deep net of these from Keras's own start as well.
    """
    options = {"padding": "same", "activation": "relu", "kernel_initializer": "he_normal"}
    return layers.Conv2D(filters, kernel, strides=stride, name=name, **options)(x)


# --- Network in Network ---------------------------------------------------------------------------


def mlp_conv(x: KerasTensor, filters: int, kernel: int = 3) -> KerasTensor:
    """A convolution and, at every pixel of its map, a small dense net: two 1x1 convolutions.

    (N, H, W, C) to (N, H, W, filters). Source: Lin 2013, section 3.1.
    """
    x = conv(x, filters, kernel)
    return conv(conv(x, filters, 1), filters, 1)


def network_in_network(
    filters: tuple[int, ...] = (16, 32), classes: int = 10, channels: int = 1
) -> keras.Model:
    """Return a net for pictures of any size: (N, H, W, channels) to probabilities (N, classes).

    After each ``mlp_conv`` but the last, 2x2 max pooling. The last map has one channel a class; its
    mean over all positions goes into the softmax. There is no dense layer, so that H and W are
    free.

    Source: Lin 2013, section 3.3 and figure 2; smaller here.
    """
    inputs = x = keras.Input((None, None, channels))
    for width in filters:
        x = layers.MaxPooling2D(2)(mlp_conv(x, width))
    x = mlp_conv(x, filters[-1])
    x = layers.Conv2D(classes, 1, name="class_maps")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(inputs, layers.Softmax()(x), name="network_in_network")


# --- GoogLeNet ------------------------------------------------------------------------------------

GOOGLENET = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""Filters of each module (Szegedy 2015, table 1): 1x1; before and in 3x3; before and in 5x5; pool.

The digit is the stage, between two of which the size is halved."""

PUBLISHED_MILLIONS = {
    "conv1": 34,
    "conv2": 360,
    "3a": 128,
    "3b": 304,
    "4a": 73,
    "4b": 88,
    "4c": 100,
    "4d": 119,
    "4e": 170,
    "5a": 54,
    "5b": 71,
    "main": 1,
}
"""Millions of operations of each row, as printed in the column "ops" of table 1."""

AUXILIARY = ("4a", "4d")
"""The modules after which GoogLeNet has an auxiliary classifier."""


def naive_inception(x: KerasTensor, f1: int, f3: int, f5: int) -> KerasTensor:
    """1x1, 3x3 and 5x5 convolutions of the same input, and its 3x3 maximum, side by side.

    (N, H, W, C) to (N, H, W, f1 + f3 + f5 + C): the pooling keeps all its channels, so that the map
    gets thicker from module to module. Source: Szegedy 2015, figure 2a.
    """
    pooled = layers.MaxPooling2D(3, strides=1, padding="same")(x)
    return layers.Concatenate()([conv(x, f1, 1), conv(x, f3, 3), conv(x, f5, 5), pooled])


def inception_block(
    x: KerasTensor,
    f1: int,
    f3_reduce: int,
    f3: int,
    f5_reduce: int,
    f5: int,
    pool: int,
    *,
    name: str | None = None,
) -> KerasTensor:
    """Four ways side by side: 1x1; 1x1-3x3; 1x1-5x5; 3x3 maximum-1x1. ReLU after each convolution.

    (N, H, W, C) to (N, H, W, f1 + f3 + f5 + pool). ``name`` is the first part of the layers' names.
    Source: Szegedy 2015, figure 2b.
    """

    def part(end: str) -> str | None:
        return f"{name}_{end}" if name else None

    ways = [
        conv(x, f1, 1, name=part("1x1")),
        conv(conv(x, f3_reduce, 1, name=part("3x3_reduce")), f3, 3, name=part("3x3")),
        conv(conv(x, f5_reduce, 1, name=part("5x5_reduce")), f5, 5, name=part("5x5")),
    ]
    pooled = layers.MaxPooling2D(3, strides=1, padding="same", name=part("pool"))(x)
    ways.append(conv(pooled, pool, 1, name=part("pool_1x1")))
    return layers.Concatenate(name=part("concat"))(ways)


def auxiliary_head(
    x: KerasTensor, classes: int, filters: int = 128, units: int = 1024, name: str = "auxiliary"
) -> KerasTensor:
    """A classifier on the map of a middle layer, for training only: (N, H, W, C) to (N, classes).

    5x5/3 average pool without padding (over the whole map where it is smaller), 1x1 convolution,
    dense layer, 70% dropout, dense softmax. Source: Szegedy 2015, section 5.
    """
    x = layers.AveragePooling2D(min(5, *x.shape[1:3]), strides=3, name=f"{name}_pool")(x)
    x = conv(x, filters, 1, name=f"{name}_1x1")
    x = layers.Flatten()(x)
    x = layers.Dense(units, activation="relu", name=f"{name}_dense")(x)
    x = layers.Dropout(0.7)(x)
    return layers.Dense(classes, activation="softmax", name=name)(x)


def _halved(x: KerasTensor, name: str) -> KerasTensor:
    return layers.MaxPooling2D(3, strides=2, padding="same", name=name)(x)


def _googlenet(
    inputs: KerasTensor, kernel: int, stride: int, divisor: int, classes: int, auxiliary: bool
) -> list[KerasTensor]:
    """The outputs of GoogLeNet; ``kernel`` and ``stride`` are those of its first convolution."""
    x = _halved(conv(inputs, 64 // divisor, kernel, stride, name="conv1"), "pool_1")
    x = conv(x, 64 // divisor, 1, name="conv2_reduce")
    x = conv(x, 192 // divisor, 3, name="conv2")
    taps = {}
    for name, filters in GOOGLENET.items():
        if name.endswith("a"):
            x = _halved(x, f"pool_{name[0]}")
        sizes = [number // divisor for number in filters]
        x = taps[name] = inception_block(x, *sizes, name=f"inception_{name}")
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    x = layers.Dropout(0.4)(x)
    outputs = [layers.Dense(classes, activation="softmax", name="main")(x)]
    # Made last, so that all else starts from the same random weights with them and without.
    for name in AUXILIARY if auxiliary else ():
        options = {"filters": 128 // divisor, "units": 1024 // divisor}
        outputs.append(auxiliary_head(taps[name], classes, name=f"auxiliary_{name}", **options))
    return outputs


def googlenet(classes: int = 1000, auxiliary: bool = False) -> keras.Model:
    """Return GoogLeNet: (N, 224, 224, 3) to probabilities (N, classes), or to three of them.

    Left out is the local response normalisation of the paper (see chapter 3); all padding is
    ``same``.

    Args:
        classes: number of classes.
        auxiliary: whether the two auxiliary classifiers are built: the outputs are then [main,
            after 4a, after 4d], whose losses the paper weighs 1, 0.3 and 0.3.

    Source: Szegedy et al. 2015, arXiv:1409.4842.
    """
    inputs = keras.Input((224, 224, 3), name="picture")
    outputs = _googlenet(inputs, 7, 2, 1, classes, auxiliary)
    return keras.Model(inputs, outputs if auxiliary else outputs[0], name="googlenet")


def small_googlenet(
    classes: int = 10,
    input_shape: tuple[int, int, int] = (28, 28, 1),
    divisor: int = 8,
    auxiliary: bool = False,
) -> keras.Model:
    """Return GoogLeNet for small pictures: the same 22 layers, thinner.

    Its first convolution is 3x3 with stride 1 instead of 7x7/2, so that 28 pixels become 14, 7, 4
    and 2. After the same seed it starts from the same weights with and without auxiliary
    classifiers.

    Args:
        classes: number of classes.
        input_shape: (height, width, channels).
        divisor: by which all filters are divided: 1, 2, 4 or 8.
        auxiliary: as in :func:`googlenet`.

    Raises:
        ValueError: if some number of filters cannot be divided by ``divisor``.
    """
    if divisor not in (1, 2, 4, 8):
        raise ValueError(
            f"small_googlenet divides every number of filters by `divisor`: take 1, 2, 4 or 8, "
            f"not {divisor}."
        )
    inputs = keras.Input(input_shape, name="picture")
    outputs = _googlenet(inputs, 3, 1, divisor, classes, auxiliary)
    return keras.Model(inputs, outputs if auxiliary else outputs[0], name="small_googlenet")


# --- Inception V3 ---------------------------------------------------------------------------------


def conv_bn(
    x: KerasTensor, filters: int, kernel: Size, stride: int = 1, padding: str = "same"
) -> KerasTensor:
    """Convolution without bias, batch normalisation without scale, ReLU; H, W as of a convolution.

    A ReLU follows, and then a convolution that can scale as well, so that the normalisation's own
    scale (gamma) is left out.
    """
    x = layers.Conv2D(filters, kernel, strides=stride, padding=padding, use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(scale=False)(x))


def chain(x: KerasTensor, *steps: tuple[int, Size]) -> KerasTensor:
    """Several ``conv_bn`` one after the other, each given as (filters, kernel)."""
    for filters, kernel in steps:
        x = conv_bn(x, filters, kernel)
    return x


def _pooled(x: KerasTensor, filters: int) -> KerasTensor:
    return conv_bn(layers.AveragePooling2D(3, strides=1, padding="same")(x), filters, 1)


def inception_v3_a(x: KerasTensor, pool: int) -> KerasTensor:
    """5x5 in one way, two 3x3 in the other: (N, H, W, C) to (N, H, W, 224 + pool). Figure 5."""
    ways = [
        conv_bn(x, 64, 1),
        chain(x, (48, 1), (64, 5)),
        chain(x, (64, 1), (96, 3), (96, 3)),
        _pooled(x, pool),
    ]
    return layers.Concatenate()(ways)


def inception_v3_b(x: KerasTensor, width: int) -> KerasTensor:
    """7x7 as 1x7 and 7x1, once and twice: (N, H, W, C) to (N, H, W, 768). Figure 6."""
    once = chain(x, (width, 1), (width, (1, 7)), (192, (7, 1)))
    twice = chain(x, (width, 1), (width, (7, 1)), (width, (1, 7)))
    twice = chain(twice, (width, (7, 1)), (192, (1, 7)))
    return layers.Concatenate()([conv_bn(x, 192, 1), once, twice, _pooled(x, 192)])


def inception_v3_c(x: KerasTensor) -> KerasTensor:
    """1x3 and 3x1 side by side: (N, H, W, C) to (N, H, W, 2048). Figure 7."""

    def spread(x: KerasTensor) -> KerasTensor:
        return layers.Concatenate()([conv_bn(x, 384, (1, 3)), conv_bn(x, 384, (3, 1))])

    short, long = chain(x, (384, 1)), chain(x, (448, 1), (384, 3))
    return layers.Concatenate()([conv_bn(x, 320, 1), spread(short), spread(long), _pooled(x, 192)])


def inception_v3_reduction_a(x: KerasTensor) -> KerasTensor:
    """Strided convolutions beside a max pool: (N, H, W, C) to about half the size, 480 + C."""
    ways = [
        conv_bn(x, 384, 3, 2, "valid"),
        conv_bn(chain(x, (64, 1), (96, 3)), 96, 3, 2, "valid"),
        layers.MaxPooling2D(3, strides=2)(x),
    ]
    return layers.Concatenate()(ways)


def inception_v3_reduction_b(x: KerasTensor) -> KerasTensor:
    """As the first reduction, with 1x7 and 7x1 in one way: to about half the size, 512 + C."""
    ways = [
        conv_bn(conv_bn(x, 192, 1), 320, 3, 2, "valid"),
        conv_bn(chain(x, (192, 1), (192, (1, 7)), (192, (7, 1))), 192, 3, 2, "valid"),
        layers.MaxPooling2D(3, strides=2)(x),
    ]
    return layers.Concatenate()(ways)


def inception_v3(
    classes: int = 1000, input_shape: tuple[int, int, int] = (299, 299, 3)
) -> keras.Model:
    """Return Inception V3 without auxiliary classifier: (N, *input_shape) to (N, classes).

    Height and width are at least 75. The filters are those of the authors' code, which
    ``keras.applications`` has too; the paper's table 1 has other ones in places.

    Source: Szegedy, Vanhoucke, Ioffe, Shlens and Wojna 2016, arXiv:1512.00567.
    """
    inputs = keras.Input(input_shape, name="picture")
    x = conv_bn(inputs, 32, 3, 2, "valid")
    x = conv_bn(x, 32, 3, 1, "valid")
    x = layers.MaxPooling2D(3, strides=2)(conv_bn(x, 64, 3))
    x = conv_bn(x, 80, 1)
    x = layers.MaxPooling2D(3, strides=2)(conv_bn(x, 192, 3, 1, "valid"))
    for pool in (32, 64, 64):
        x = inception_v3_a(x, pool)
    x = inception_v3_reduction_a(x)
    for width in (128, 160, 160, 192):
        x = inception_v3_b(x, width)
    x = inception_v3_reduction_b(x)
    for _ in range(2):
        x = inception_v3_c(x)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(classes, activation="softmax")(x)
    return keras.Model(inputs, outputs, name="inception_v3")
