"""Answers to `zero_pad_shortcut`, right and wrong."""

import keras
import numpy as np
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import conv_bn, relu, zero_pad_shortcut

bank = Bank(zero_pad_shortcut)


# Right


@bank.accepted
def concatenated(x, filters, stride):
    x = layers.MaxPooling2D(1, strides=stride)(x)
    if filters == x.shape[-1]:
        return x
    zeros = ops.zeros_like(ops.repeat(x[..., :1], filters - x.shape[-1], axis=-1))
    return layers.Concatenate()([x, zeros])


class ZeroPadShortcut(layers.Layer):
    def __init__(self, filters, stride):
        super().__init__()
        self.filters, self.stride = filters, stride

    def call(self, x):
        x = x[:, :: self.stride, :: self.stride]
        batch, height, width, channels = ops.shape(x)
        zeros = ops.zeros((batch, height, width, self.filters - channels), x.dtype)
        return ops.concatenate([x, zeros], axis=-1)


@bank.accepted
def as_layer(x, filters, stride):
    return ZeroPadShortcut(filters, stride)(x)


@bank.accepted
def as_lambdas(x, filters, stride):
    places = (0, 0), (0, 0), (0, 0), (0, filters - x.shape[-1])
    shrink = layers.Lambda(lambda x: x[:, ::stride, ::stride])
    return keras.Sequential([shrink, layers.Lambda(lambda x: ops.pad(x, places))])(x)


@bank.accepted
def by_matrix(x, filters, stride):
    append = np.eye(x.shape[-1], filters, dtype="float32")
    return ops.matmul(layers.AveragePooling2D(1, stride)(x), append)


@bank.accepted
def by_rows(x, filters, stride):
    rows, columns = (np.arange(0, side, stride) for side in x.shape[1:3])
    x = ops.take(ops.take(x, rows, axis=1), columns, axis=2)
    x = layers.Permute((3, 1, 2))(x)
    x = layers.ZeroPadding2D(((0, filters - x.shape[1]), (0, 0)))(x)
    return layers.Permute((2, 3, 1))(x)


# What wrong answers are built from


def appended(x, filters, **options):
    """`x` with as many channels behind as are missing."""
    return ops.pad(x, [(0, 0)] * 3 + [(0, max(filters - x.shape[-1], 0))], **options)


def smaller(x, stride):
    """The size of the map that is asked for."""
    return [-(-side // stride) for side in x.shape[1:3]]


# Wrong: the channels


@bank.mistake("The zero channels are missing: append them up to `filters`.")
def nothing_appended(x, filters, stride):
    return x[:, ::stride, ::stride]


@bank.mistake("The zero channels stand in front; they belong behind those of `x`.")
def zeros_before(x, filters, stride):
    return ops.pad(x[:, ::stride, ::stride], [(0, 0)] * 3 + [(filters - x.shape[-1], 0)])


@bank.mistake("The zero channels all belong behind those of `x`, none before.")
def zeros_on_both_sides(x, filters, stride):
    missing = filters - x.shape[-1]
    half = missing // 2
    return ops.pad(x[:, ::stride, ::stride], [(0, 0)] * 3 + [(half, missing - half)])


@bank.mistake(
    "The zero channels all belong behind those of `x`, as many as are missing up to `filters`."
)
def two_halves(x, filters, stride):
    half = (filters - x.shape[-1]) // 2
    return ops.pad(x[:, ::stride, ::stride], [(0, 0)] * 3 + [(half, half)])


@bank.mistake("The zero channels all belong behind those of `x`, not between them.")
def zeros_between(x, filters, stride):
    places = np.linspace(0, filters - 1, x.shape[-1]).round().astype(int)
    spread = np.eye(filters, dtype="float32")[places]
    return ops.matmul(x[:, ::stride, ::stride], spread)


@bank.mistake("Zero channels are appended *up to* `filters`: how many are missing?")
def filters_more(x, filters, stride):
    return ops.pad(x[:, ::stride, ::stride], [(0, 0)] * 3 + [(0, filters)])


@bank.mistake(
    "Channels of `x` are cut off in front: keep them all, and append only as many zeros as are "
    "missing."
)
def last_channels(x, filters, stride):
    return filters_more(x, filters, stride)[..., -filters:]


@bank.mistake("The channels are doubled; append zeros up to `filters`, however many that are.")
def doubled_channels(x, filters, stride):
    return appended(x[:, ::stride, ::stride], 2 * x.shape[-1])


@bank.mistake("The channels that are missing are zeros, not those of `x` once more.")
def repeated_channels(x, filters, stride):
    x = x[:, ::stride, ::stride]
    return ops.take(x, np.arange(filters) % x.shape[-1], axis=-1)


@bank.mistake("The channels that are missing are zeros, not copies of the last.")
def copies_of_last(x, filters, stride):
    last = ops.repeat(x[..., -1:], max(filters - x.shape[-1], 1), axis=-1)
    x = ops.concatenate([x, last], axis=-1)[..., :filters]
    return x[:, ::stride, ::stride]


@bank.mistake("The channels that are missing are zeros, not the mean of the others.")
def mean_of_others(x, filters, stride):
    x = x[:, ::stride, ::stride]
    mean = ops.repeat(ops.mean(x, -1, keepdims=True), max(filters - x.shape[-1], 1), axis=-1)
    return ops.concatenate([x, mean], axis=-1)[..., :filters]


@bank.mistake("The channels that are missing are zeros, not ones.")
def ones_appended(x, filters, stride):
    return appended(x[:, ::stride, ::stride], filters, constant_values=1)


@bank.mistake("The channels of `x` stand in the reverse order.")
def reversed_channels(x, filters, stride):
    return appended(x[:, ::stride, ::stride, ::-1], filters)


@bank.mistake("The zeros stand below the map, as rows; they are channels, behind those of `x`.")
def zero_rows_below(x, filters, stride):
    x = x[:, ::stride, ::stride]
    return layers.ZeroPadding2D(((0, filters - x.shape[-1]), (0, 0)))(x)


@bank.mistake("Zeros are appended as channels only, not around the map as well.")
def zero_border(x, filters, stride):
    return layers.ZeroPadding2D(1)(zero_pad_shortcut(x, filters, stride))


@bank.mistake("The zero channels are missing where `stride` is 1: append them whatever the stride.")
def appended_where_strided(x, filters, stride):
    return x if stride == 1 else zero_pad_shortcut(x, filters, stride)


# Wrong: which positions are kept


@bank.mistake("Use the argument `stride`: only every `stride`-th row and column is kept.")
def stride_ignored(x, filters, stride):
    return appended(x, filters)


@bank.mistake("Where there are `filters` channels already, the stride still applies.")
def strided_where_wider(x, filters, stride):
    return x if x.shape[-1] == filters else zero_pad_shortcut(x, filters, stride)


@bank.mistake("The stride is applied twice.")
def stride_squared(x, filters, stride):
    return appended(x[:, ::stride, ::stride][:, ::stride, ::stride], filters)


@bank.mistake("The stride applies to rows and to columns.")
def stride_of_rows(x, filters, stride):
    return appended(x[:, ::stride], filters)


@bank.mistake("The stride applies to columns and to rows.")
def stride_of_columns(x, filters, stride):
    return appended(x[:, :, ::stride], filters)


@bank.mistake(
    "The rows are thinned out twice, the columns never: x[:, ::stride] leaves the axis of the "
    "columns as it is."
)
def stride_of_rows_twice(x, filters, stride):
    return appended(x[:, ::stride][:, ::stride], filters)


@bank.mistake("The first axis is the batch: all samples are kept; the stride is for axes 1 and 2.")
def stride_of_samples(x, filters, stride):
    return appended(x[::stride, ::stride], filters)


@bank.mistake("The stride belongs to rows and columns alone: all channels are kept.")
def stride_of_channels_too(x, filters, stride):
    return appended(x[:, ::stride, ::stride, ::stride], filters)


@bank.mistake("Positions count from 0: the first one kept is 0, then `stride`, 2*`stride`, ...")
def from_position_one(x, filters, stride):
    height, width = (side * stride for side in smaller(x, stride))
    x = layers.ZeroPadding2D(((0, height - x.shape[1]), (0, width - x.shape[2])))(x)
    start = min(1, stride - 1)
    return appended(x[:, start::stride, start::stride], filters)


@bank.mistake("The rows are taken from 1 on; as the columns, they begin with 0.")
def rows_from_one(x, filters, stride):
    height, _ = smaller(x, stride)
    x = layers.ZeroPadding2D(((0, stride), (0, 0)))(x)
    return appended(x[:, min(1, stride - 1) :: stride, ::stride][:, :height], filters)


@bank.mistake("Positions count from 0: the first one kept is 0, not `stride` - 1.")
def last_of_each_window(x, filters, stride):
    return appended(x[:, stride - 1 :: stride, stride - 1 :: stride], filters)


@bank.mistake(
    "The positions are counted from the end (a negative step, or mirrored first): the first one "
    "kept is 0, then `stride`, ..."
)
def counted_from_end(x, filters, stride):
    return appended(x[:, ::-stride, ::-stride], filters)


@bank.mistake(
    "Of a side that `stride` does not divide, the last kept position is missing: ceil(side / "
    "stride) positions are kept."
)
def whole_windows_only(x, filters, stride):
    height, width = (side // stride * stride for side in x.shape[1:3])
    return appended(x[:, :height:stride, :width:stride], filters)


@bank.mistake("These are the first positions of the map, a crop; take every `stride`-th one.")
def cropped(x, filters, stride):
    height, width = smaller(x, stride)
    return appended(x[:, :height, :width], filters)


@bank.mistake(
    "The positions between are set to zero; leave them out, so that the map gets smaller."
)
def positions_masked(x, filters, stride):
    mask = np.zeros((1, *x.shape[1:3], 1), "float32")
    mask[:, ::stride, ::stride] = 1
    return appended(x * mask, filters)


@bank.mistake("Rows and columns have changed places.")
def transposed(x, filters, stride):
    return layers.Permute((2, 1, 3))(zero_pad_shortcut(x, filters, stride))


# Wrong: the map is pooled or resized

POOLED = "Take every `stride`-th position as it is, without any mean or maximum of its neighbours."
NOT_RESIZED = "Nothing is resized: take every `stride`-th position, beginning with the first."


@bank.mistake(POOLED)
def average_pooled(x, filters, stride):
    return appended(layers.AveragePooling2D(stride, padding="same")(x), filters)


@bank.mistake(POOLED)
def maximum_pooled(x, filters, stride):
    return appended(layers.MaxPooling2D(stride, padding="same")(x), filters)


@bank.mistake(POOLED)
def overlapping_maximum(x, filters, stride):
    return appended(layers.MaxPooling2D(3, stride, padding="same")(x), filters)


@bank.mistake(POOLED)
def blurred(x, filters, stride):
    return zero_pad_shortcut(layers.AveragePooling2D(3, 1, "same")(x), filters, stride)


@bank.mistake(POOLED + " Nothing is lost at the border either.")
def maximum_of_whole_windows(x, filters, stride):
    return appended(layers.MaxPooling2D(stride)(x), filters)


@bank.mistake(POOLED.replace("maximum", "minimum"))
def minimum_pooled(x, filters, stride):
    return -maximum_pooled(-x, filters, stride)


@bank.mistake(POOLED + " Here they are added up.")
def added_up(x, filters, stride):
    return stride**2 * average_pooled(x, filters, stride)


@bank.mistake(NOT_RESIZED)
def resized_to_nearest(x, filters, stride):
    x = layers.Resizing(*smaller(x, stride), interpolation="nearest")(x)
    return appended(x, filters)


@bank.mistake(NOT_RESIZED)
def interpolated(x, filters, stride):
    return appended(layers.Resizing(*smaller(x, stride))(x), filters)


# Wrong: the values are changed

NO_WEIGHTS = "This shortcut has no weights: positions are picked and zero channels appended."


@bank.mistake(NO_WEIGHTS)
def plain_convolution(x, filters, stride):
    return layers.Conv2D(filters, 1, stride, use_bias=False)(x)


@bank.mistake(NO_WEIGHTS)
def projected_shortcut(x, filters, stride):
    return conv_bn(x, filters, 1, stride)


@bank.mistake("This shortcut has no weights, so no normalisation either.")
def normalised(x, filters, stride):
    return layers.BatchNormalization()(zero_pad_shortcut(x, filters, stride))


@bank.mistake("The shortcut has no activation: it carries negative values too.")
def relu_at_end(x, filters, stride):
    return relu(zero_pad_shortcut(x, filters, stride))


@bank.mistake("The values are handed on as they are, without any factor.")
def halved(x, filters, stride):
    return zero_pad_shortcut(x, filters, stride) / 2
