"""Answers to `pyramid_pooling`, right and wrong."""

import keras
import numpy as np
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import pyramid_pooling

bank = Bank(pyramid_pooling)
BINS = (1, 2, 3, 6)


def window(x, count):
    return x.shape[1] // count, x.shape[2] // count


def unit(y, filters, **options):
    """1x1 - BN - ReLU, or another kernel."""
    options = {"kernel_size": 1, "use_bias": False, "padding": "same", **options}
    y = layers.Conv2D(filters, **options)(y)
    return layers.ReLU()(layers.BatchNormalization()(y))


def enlarged(y, x, how="bilinear"):
    return layers.Resizing(*x.shape[1:3], interpolation=how)(y)


def pooled(x, count):
    return layers.AveragePooling2D(window(x, count))(x)


# Right


@bank.accepted
def functional(x, filters, bins=BINS):
    height, width = x.shape[1:3]
    parts = [x]
    for b in bins:
        size = (height // b, width // b)
        y = layers.AveragePooling2D(pool_size=size, strides=size, padding="valid")(x)
        y = layers.Conv2D(filters, (1, 1), use_bias=False)(y)
        y = layers.Activation("relu")(layers.BatchNormalization(epsilon=1e-5)(y))
        parts.append(ops.image.resize(y, (height, width), interpolation="bilinear"))
    return ops.concatenate(parts, axis=-1)


@bank.accepted
def mean_of_a_reshape(x, filters, bins=BINS):
    """The bins as axes of their own, and a dense layer on each bin's mean."""
    parts = [x]
    for count in bins:
        high, wide = window(x, count)
        y = ops.reshape(x, (-1, count, high, count, wide, x.shape[-1]))
        y = layers.Dense(filters, use_bias=False)(ops.mean(y, axis=(2, 4)))
        y = ops.relu(layers.BatchNormalization(momentum=0.9)(y))
        parts.append(enlarged(y, x))
    return layers.Concatenate()(parts)


@bank.accepted
def convolved_first(x, filters, bins=BINS):
    """The mean of products is the product of the means."""
    parts = [x]
    for count in bins:
        y = layers.Conv2D(filters, 1, use_bias=False)(x)
        y = layers.BatchNormalization()(pooled(y, count))
        parts.append(enlarged(layers.ReLU()(y), x))
    return layers.Concatenate()(parts)


def weights_between(size, count):
    """What each of `size` positions takes of each of `count` bins: (size, count)."""
    centres = np.clip((np.arange(size) + 0.5) * count / size - 0.5, 0, count - 1)
    return np.maximum(1 - np.abs(centres[:, None] - np.arange(count)), 0).astype("float32")


@bank.accepted
def by_matrices(x, filters, bins=BINS):
    """Pooling and interpolation of rows and columns as products with a matrix each."""
    height, width = x.shape[1:3]
    parts = [x]
    for count in bins:
        rows, columns = (
            np.repeat(np.eye(count, dtype="float32"), size // count, axis=1) * count / size
            for size in (height, width)
        )
        y = ops.einsum("nhwc,ah,bw->nabc", x, rows, columns)
        y = layers.ReLU()(layers.BatchNormalization()(layers.Dense(filters, use_bias=False)(y)))
        matrices = weights_between(height, count), weights_between(width, count)
        parts.append(ops.einsum("nabf,ha,wb->nhwf", y, *matrices))
    return ops.concatenate(parts, axis=3)


@bank.accepted
def in_two_steps(x, filters, bins=BINS):
    """Rows and columns pooled, and enlarged, one after the other."""

    def level(count):
        high, wide = window(x, count)
        y = layers.AveragePooling2D((1, wide))(layers.AveragePooling2D((high, 1))(x))
        y = unit(y, filters)
        y = layers.UpSampling2D((high, 1), interpolation="bilinear")(y)
        return layers.UpSampling2D((1, wide), interpolation="bilinear")(y)

    return layers.Concatenate()([x] + [level(count) for count in bins])


class Level(layers.Layer):
    """Weights of its own; the normalisation is Keras's."""

    def __init__(self, filters, count):
        super().__init__()
        self.filters, self.count = filters, count
        self.norm = layers.BatchNormalization()

    def build(self, shape):
        self.matrix = self.add_weight(
            shape=(self.filters, shape[-1]), initializer="he_normal", name="matrix"
        )
        self.norm.build((*shape[:-1], self.filters))

    def call(self, x, training=None):
        size = (x.shape[1] // self.count, x.shape[2] // self.count)
        y = ops.average_pool(x, size, strides=size)
        y = self.norm(ops.einsum("nhwc,fc->nhwf", y, self.matrix), training=training)
        return ops.image.resize(ops.maximum(y, 0), x.shape[1:3], interpolation="bilinear")


@bank.accepted
def layers_of_its_own(x, filters, bins=BINS):
    return ops.concatenate([x, *(Level(filters, count)(x) for count in bins)], axis=-1)


@bank.accepted
def inner_models(x, filters, bins=BINS):
    """A small model for each bin, made before any is called; the last one first."""
    models = [
        keras.Sequential(
            [
                layers.AveragePooling2D(window(x, count)),
                layers.Conv2D(filters, 1, use_bias=False),
                layers.BatchNormalization(),
                layers.ReLU(),
                layers.UpSampling2D(window(x, count), interpolation="bilinear"),
            ]
        )
        for count in reversed(bins)
    ]
    return layers.Concatenate()([x, *(model(x) for model in reversed(models))])


@bank.accepted
def last_bin_first(x, filters, bins=BINS):
    """Another order is the same block with its channels in another order."""
    levels = [enlarged(unit(pooled(x, count), filters), x) for count in bins]
    return layers.Concatenate()([x, *reversed(levels)])


@bank.accepted
def input_last(x, filters, bins=BINS):
    levels = [enlarged(unit(pooled(x, count), filters), x) for count in bins]
    return layers.Concatenate()([*levels, x])


@bank.accepted
def one_kernel_cut_up(x, filters, bins=BINS):
    """One 1x1 convolution for all bins, whose channels are then shared out."""
    maps = layers.Conv2D(filters * len(bins), 1, use_bias=False)(x)
    parts = [x]
    for number, count in enumerate(bins):
        y = pooled(maps[..., number * filters : (number + 1) * filters], count)
        parts.append(enlarged(layers.ReLU()(layers.BatchNormalization()(y)), x))
    return layers.Concatenate()(parts)


# Wrong ones: the module with some of its parts exchanged


def module(x, filters, bins=BINS, pool=pooled, unit=unit, enlarge=enlarged):
    """The module from other parts."""
    levels = [enlarge(unit(pool(x, count), filters), x) for count in bins]
    return layers.Concatenate()([x, *levels])


# The pools

bank.variant(
    "bins_as_windows",
    "`bins` says into how many parts each side is cut; here it is the window of the pool.",
    module,
    pool=lambda x, count: layers.AveragePooling2D(count)(x),
)
bank.variant(
    "square_windows",
    "A bin is as much wider than high as the map is: here the window of the height is taken for "
    "both sides.",
    module,
    pool=lambda x, count: layers.AveragePooling2D(x.shape[1] // count, padding="same")(x),
)
bank.variant(
    "maximum",
    "The pools take the mean of a bin, not the maximum.",
    module,
    pool=lambda x, count: layers.MaxPooling2D(window(x, count))(x),
)
bank.variant(
    "global_only",
    "Each level has bins of its own; here all of them take the mean over the whole map.",
    module,
    pool=lambda x, count: layers.GlobalAveragePooling2D(keepdims=True)(x),
)
bank.variant(
    "sampled",
    "A bin is the mean of all its pixels; here one of them is taken.",
    module,
    pool=lambda x, count: x[:, :: window(x, count)[0], :: window(x, count)[1]],
)
bank.variant(
    "resized_down",
    "A bin is the mean of all its pixels; here the map is interpolated, which reads some of them.",
    module,
    pool=lambda x, count: layers.Resizing(count, count, interpolation="bilinear")(x),
)
bank.variant(
    "overlapping",
    "The bins lie side by side; here the pool has stride 1, and its windows overlap.",
    module,
    pool=lambda x, count: layers.AveragePooling2D(window(x, count), 1, "same")(x),
)


@bank.mistake("Every level reads `x`; here each reads what the level before gives.")
def in_a_row(x, filters, bins=BINS):
    parts, y = [x], x
    for count in bins:
        y = enlarged(unit(pooled(y, count), filters), x)
        parts.append(y)
    return layers.Concatenate()(parts)


# The 1x1 convolutions


@bank.mistake("Each level has a convolution and a normalisation of its own; here they share one.")
def shared_unit(x, filters, bins=BINS):
    conv = layers.Conv2D(filters, 1, use_bias=False)
    norm = layers.BatchNormalization()
    levels = [enlarged(layers.ReLU()(norm(conv(pooled(x, count)))), x) for count in bins]
    return layers.Concatenate()([x, *levels])


@bank.mistake("Each level has a convolution of its own; here all of them share one.")
def shared_convolution(x, filters, bins=BINS):
    conv = layers.Conv2D(filters, 1, use_bias=False)
    levels = [
        enlarged(layers.ReLU()(layers.BatchNormalization()(conv(pooled(x, count)))), x)
        for count in bins
    ]
    return layers.Concatenate()([x, *levels])


def small_last(x, filters, bins=BINS):
    levels = [unit(enlarged(pooled(x, count), x), filters) for count in bins]
    return layers.Concatenate()([x, *levels])


bank.variant(
    "enlarged_first",
    "The normalisation comes before the map is enlarged; here it comes behind.",
    small_last,
)
bank.variant(
    "relu_behind_enlarging",
    "The ReLU comes before the map is enlarged; here it comes behind.",
    module,
    unit=lambda y, filters: layers.BatchNormalization()(
        layers.Conv2D(filters, 1, use_bias=False)(y)
    ),
    enlarge=lambda y, x: layers.ReLU()(enlarged(y, x)),
)
bank.variant(
    "no_convolution",
    "A 1x1 convolution to `filters` channels follows each pool, then BN and ReLU.",
    module,
    unit=lambda y, filters: layers.ReLU()(layers.BatchNormalization()(y)),
)
bank.variant(
    "three_by_three",
    "The convolution behind a pool is 1x1; here it is 3x3.",
    module,
    unit=lambda y, filters: unit(y, filters, kernel_size=3),
)
bank.variant(
    "convolution_alone",
    "BN and ReLU follow the 1x1 convolution, and it has no bias; here it has one and stands alone.",
    module,
    unit=lambda y, filters: layers.Conv2D(filters, 1)(y),
)
bank.variant(
    "relu_without_norm",
    "A batch normalisation stands between the 1x1 convolution, which has no bias, and the ReLU.",
    module,
    unit=lambda y, filters: layers.Conv2D(filters, 1, activation="relu")(y),
)
bank.variant(
    "filters_shared_out",
    "`filters` is the number of channels of each level; here it is shared out among them.",
    lambda x, filters, bins=BINS: module(x, max(1, filters // len(bins)), bins),
)
bank.variant(
    "quarter_of_channels",
    "Each level has `filters` channels; here it has the channels of `x`, shared out among them.",
    lambda x, filters, bins=BINS: module(x, max(1, x.shape[-1] // len(bins)), bins),
)


# Back to the size of x

bank.variant(
    "nearest",
    "The map is enlarged bilinearly; here each bin becomes a block of equal values.",
    module,
    enlarge=lambda y, x: enlarged(y, x, "nearest"),
)
bank.variant(
    "bicubic",
    "The map is enlarged bilinearly, not bicubically.",
    module,
    enlarge=lambda y, x: enlarged(y, x, "bicubic"),
)


def with_corners_aligned(y, x):
    """Bilinear, with the outermost bins on the outermost pixels."""

    def matrix(size, count):
        places = np.linspace(0, count - 1, size)
        return np.maximum(1 - np.abs(places[:, None] - np.arange(count)), 0).astype("float32")

    matrices = [matrix(a, b) for a, b in zip(x.shape[1:3], y.shape[1:3], strict=True)]
    return ops.einsum("nabf,ha,wb->nhwf", y, *matrices)


bank.variant(
    "corners_aligned",
    "Here the outermost bins lie on the outermost pixels (corners aligned); in Keras's bilinear "
    "resize a bin's value lies in its middle.",
    module,
    enlarge=with_corners_aligned,
)
bank.variant(
    "transposed_convolution",
    "The map is interpolated back to its size, without weights; here a transposed convolution "
    "does it.",
    module,
    enlarge=lambda y, x: layers.Conv2DTranspose(
        y.shape[-1], size := window(x, y.shape[1]), strides=size
    )(y),
)


# What is concatenated


@bank.mistake("`x` itself comes first in the concatenation; here only the levels are in it.")
def without_input(x, filters, bins=BINS):
    levels = [enlarged(unit(pooled(x, count), filters), x) for count in bins]
    return levels[0] if len(levels) == 1 else layers.Concatenate()(levels)


@bank.mistake("`x` is concatenated as it is; here it goes through a 1x1 - BN - ReLU too.")
def input_convolved(x, filters, bins=BINS):
    levels = [enlarged(unit(pooled(x, count), filters), x) for count in bins]
    return layers.Concatenate()([unit(x, x.shape[-1]), *levels])


@bank.mistake("`x` is concatenated as it is, without a ReLU.")
def input_with_relu(x, filters, bins=BINS):
    levels = [enlarged(unit(pooled(x, count), filters), x) for count in bins]
    return layers.ReLU()(layers.Concatenate()([x, *levels]))


@bank.mistake("The levels lie side by side as channels; here they are added to each other.")
def levels_added(x, filters, bins=BINS):
    levels = [enlarged(unit(pooled(x, count), filters), x) for count in bins]
    return layers.Concatenate()([x, sum(levels[1:], levels[0])])


@bank.mistake("Nothing follows the concatenation: the net's last convolutions are not part of it.")
def mixed_afterwards(x, filters, bins=BINS):
    return unit(module(x, filters, bins), filters, kernel_size=3)


@bank.mistake("Use the argument `bins`: here it is as if it were always (1, 2, 3, 6).")
def bins_by_default(x, filters, bins=BINS):
    return module(x, filters, BINS)


@bank.mistake("All of `bins` are used; here the last one is left out.")
def last_bin_missing(x, filters, bins=BINS):
    return module(x, filters, bins[:-1]) if len(bins) > 1 else module(x, filters, bins)
