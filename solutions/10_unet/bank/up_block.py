"""Answers to `up_block`, right and wrong."""

from functools import partial

import keras
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import two_convolutions, up_block
from ._shared import RawConvolution, RawUp, convolve, cut, normed, resized, twice, up

bank = Bank(up_block)


# Right


@bank.accepted
def functional(x, skip, filters, padding):
    x = layers.Conv2DTranspose(filters, (2, 2), strides=(2, 2), padding="same")(x)
    high, wide = skip.shape[1] - x.shape[1], skip.shape[2] - x.shape[2]
    sides = ((high // 2, high - high // 2), (wide // 2, wide - wide // 2))
    y = layers.concatenate([layers.Cropping2D(sides)(skip), x], axis=-1)
    for _ in range(2):
        y = layers.ReLU()(layers.Conv2D(filters, (3, 3), padding=padding)(y))
    return y


@bank.accepted
def keras_crop(x, skip, filters, padding):
    x = up(x, filters)
    skip = layers.CenterCrop(*x.shape[1:3])(skip)
    return twice(layers.Concatenate()([skip, x]), filters, padding)


@bank.accepted
def raw(x, skip, filters, padding):
    """Weights of one's own, made in another order; the up-convolution as a product."""
    second = RawConvolution(filters, padding)
    first = RawConvolution(filters, padding)
    x = RawUp(filters)(x)
    return second(first(ops.concatenate([cut(skip, x), x], axis=-1)))


class Up(layers.Layer):
    def __init__(self, filters, padding):
        super().__init__()
        self.convolutions = keras.Sequential(
            [layers.Conv2D(filters, 3, padding=padding, activation="relu") for _ in range(2)]
        )
        self.enlarge = layers.Conv2DTranspose(filters, 2, 2)

    def call(self, x, skip):
        x = self.enlarge(x)
        height, width = x.shape[1:3]
        top, left = (skip.shape[1] - height) // 2, (skip.shape[2] - width) // 2
        middle = ops.slice(skip, (0, top, left, 0), (ops.shape(x)[0], height, width, skip.shape[3]))
        return self.convolutions(ops.concatenate([middle, x], axis=3))


@bank.accepted
def layer_of_its_own(x, skip, filters, padding):
    return Up(filters, padding)(x, skip)


class Offset(layers.Layer):
    """Adds a number to each channel."""

    def build(self, shape):
        self.bias = self.add_weight(shape=(shape[-1],), initializer="zeros", name="bias")

    def call(self, x):
        return x + self.bias


@bank.accepted
def pixels_shuffled(x, skip, filters, padding):
    """A dense layer of four times the filters, whose channels become positions."""
    x = layers.Dense(4 * filters, use_bias=False)(x)
    x = Offset()(ops.depth_to_space(x, 2))
    return two_convolutions(layers.Concatenate()([cut(skip, x), x]), filters, padding)


@bank.accepted
def four_dense_layers(x, skip, filters, padding):
    """One for each of the four positions, interleaved; the bias is added to all."""
    height, width = x.shape[1:3]
    four = [layers.Dense(filters, use_bias=False)(x) for _ in range(4)]
    x = ops.reshape(ops.stack(four, axis=3), (-1, height, width, 2, 2, filters))
    x = ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, 2 * height, 2 * width, filters))
    return two_convolutions(ops.concatenate([cut(skip, x), Offset()(x)], axis=-1), filters, padding)


@bank.accepted(representation="the kernel of a convolution over zeros, which is turned")
def over_zeros(x, skip, filters, padding):
    """Zeros behind every row and column, then an ordinary convolution."""
    height, width, channels = x.shape[1:]
    x = ops.reshape(x, (-1, height, 1, width, 1, channels))
    x = ops.pad(x, [(0, 0), (0, 0), (0, 1), (0, 0), (0, 1), (0, 0)])
    x = ops.reshape(x, (-1, 2 * height, 2 * width, channels))
    x = layers.Conv2D(filters, 2)(layers.ZeroPadding2D(((1, 0), (1, 0)))(x))
    return two_convolutions(layers.Concatenate()([cut(skip, x), x]), filters, padding)


@bank.accepted
def sum_of_two(x, skip, filters, padding):
    """A convolution of two maps side by side is the sum of a convolution of each."""
    x = up(x, filters)
    y = layers.Conv2D(filters, 3, padding=padding)(cut(skip, x))
    y = y + layers.Conv2D(filters, 3, padding=padding, use_bias=False)(x)
    return convolve(ops.relu(y), filters, padding)


@bank.accepted
def filter_by_filter(x, skip, filters, padding):
    """Each layer in parts of one filter."""
    x = layers.Concatenate()([up(x, 1) for _ in range(filters)])
    y = layers.Concatenate()([cut(skip, x), x])
    for _ in range(2):
        y = layers.Concatenate()([convolve(y, 1, padding) for _ in range(filters)])
    return y


@bank.accepted
def skip_last(x, skip, filters, padding):
    """Another order of the two is the same block with its weights in another order."""
    x = up(x, filters)
    return twice(layers.Concatenate()([x, cut(skip, x)]), filters, padding)


@bank.accepted
def padded_by_hand(x, skip, filters, padding):
    x = up(x, filters)
    y = ops.concatenate([cut(skip, x), x], axis=-1)
    for _ in range(2):
        y = layers.ZeroPadding2D(1)(y) if padding == "same" else y
        y = ops.relu(layers.Conv2D(filters, 3)(y))
    return y


# Wrong ones: the block with some of its parts exchanged


def joined(x, skip):
    return layers.Concatenate()([cut(skip, x), x])


def block(x, skip, filters, padding, enlarge=up, join=joined, end=twice):
    """The block from other parts."""
    return end(join(enlarge(x, filters), skip), filters, padding)


# The up-convolution

bank.variant(
    "nearest_then_convolution",
    "This enlarges first and then convolves: as many weights, but the up-convolution is one layer, "
    "a transposed convolution with stride 2, and lays down a 2x2 block for each value.",
    block,
    enlarge=lambda x, filters: layers.Conv2D(filters, 2, padding="same")(layers.UpSampling2D()(x)),
)
bank.variant(
    "bilinear_then_convolution",
    "The up-convolution is a transposed convolution with stride 2; here the map is interpolated, "
    "and then convolved.",
    block,
    enlarge=lambda x, filters: layers.Conv2D(filters, 2, padding="same")(
        layers.UpSampling2D(interpolation="bilinear")(x)
    ),
)
bank.variant(
    "nearest_then_1x1",
    "The up-convolution has a weight for each of the four positions of a 2x2 block; here all four "
    "get the same.",
    block,
    enlarge=lambda x, filters: layers.Conv2D(filters, 1)(layers.UpSampling2D()(x)),
)
bank.variant(
    "only_enlarged",
    "The map is enlarged by a transposed convolution to `filters` channels; here by no layer with "
    "weights.",
    block,
    enlarge=lambda x, filters: layers.UpSampling2D()(x),
)
bank.variant(
    "three_wide",
    "The kernel of the up-convolution is 2x2, so that blocks do not overlap; here it is 3x3.",
    block,
    enlarge=partial(up, kernel=3, padding="same"),
)
bank.variant(
    "four_wide",
    "The kernel of the up-convolution is 2x2, so that blocks do not overlap; here it is 4x4.",
    block,
    enlarge=partial(up, kernel=4, padding="same"),
)
bank.variant(
    "stride_one",
    "The stride of the up-convolution is 2; here it has none, and the map is enlarged beforehand.",
    block,
    enlarge=lambda x, filters: layers.Conv2DTranspose(filters, 2, padding="same")(
        layers.UpSampling2D()(x)
    ),
)
bank.variant(
    "up_with_relu",
    "The up-convolution has no activation.",
    block,
    enlarge=partial(up, activation="relu"),
)
bank.variant(
    "up_keeps_channels",
    "The up-convolution has `filters` filters, not as many as `x` has channels.",
    block,
    enlarge=lambda x, filters: up(x, x.shape[-1]),
)
bank.variant(
    "up_halves",
    "The up-convolution has `filters` filters: only in the net that is half of `x`'s channels.",
    block,
    enlarge=lambda x, filters: up(x, x.shape[-1] // 2),
)
bank.variant(
    "normalised_up",
    "There is no batch normalisation behind the up-convolution.",
    block,
    enlarge=lambda x, filters: layers.BatchNormalization()(up(x, filters)),
)
bank.variant(
    "shuffled_otherwise",
    "Rows and columns of the 2x2 blocks, or their channels, are taken for one another where "
    "channels become positions.",
    block,
    enlarge=lambda x, filters: ops.reshape(
        layers.Dense(4 * filters)(x), (-1, 2 * x.shape[1], 2 * x.shape[2], filters)
    ),
)


@bank.mistake("`filters` is the argument; here the number of channels of the skip is taken for it.")
def filters_of_skip(x, skip, filters, padding):
    return up_block(x, skip, skip.shape[-1], padding)


@bank.mistake("`filters` is the argument; here half the channels of `x` are taken for it.")
def filters_of_x(x, skip, filters, padding):
    return up_block(x, skip, x.shape[-1] // 2, padding)


# The crop

bank.variant(
    "odd_one_from_the_beginning",
    "Of an odd difference the extra row or column is lost at the end, not at the beginning.",
    block,
    join=lambda x, skip: layers.Concatenate()([cut(skip, x, lambda extra: (extra + 1) // 2), x]),
)
bank.variant(
    "top_left",
    "The middle of the skip is meant; here its upper left part is taken.",
    block,
    join=lambda x, skip: layers.Concatenate()([cut(skip, x, lambda extra: 0), x]),
)
bank.variant(
    "bottom_right",
    "The middle of the skip is meant; here its lower right part is taken.",
    block,
    join=lambda x, skip: layers.Concatenate()([cut(skip, x, lambda extra: extra), x]),
)
bank.variant(
    "resized_skip",
    "The skip is cropped, so that its pixels stay as they are; here it is resized.",
    block,
    join=lambda x, skip: layers.Concatenate()([resized(skip, x), x]),
)
bank.variant(
    "resized_up",
    "The skip is cropped to the size of the enlarged map; here that map is resized to the skip's.",
    block,
    join=lambda x, skip: layers.Concatenate()([skip, resized(x, skip)]),
)


def padded_to(x, skip):
    """Zeros around the map, as many as it lacks."""
    high, wide = skip.shape[1] - x.shape[1], skip.shape[2] - x.shape[2]
    sides = ((high // 2, high - high // 2), (wide // 2, wide - wide // 2))
    return layers.Concatenate()([skip, layers.ZeroPadding2D(sides)(x)])


bank.variant(
    "padded_up",
    "The skip is cropped to the size of the enlarged map; here zeros are put around that map.",
    block,
    join=padded_to,
)


@bank.mistake("The skip is cropped with `same` padding too, where it is larger.")
def cropped_where_valid(x, skip, filters, padding):
    def join(x, skip):
        skip = cut(skip, x) if padding == "valid" else resized(skip, x)
        return layers.Concatenate()([skip, x])

    return block(x, skip, filters, padding, join=join)


@bank.mistake("The skip is not cropped: it must be as high and wide as the enlarged map.")
def not_cropped(x, skip, filters, padding):
    return block(x, skip, filters, padding, join=lambda x, s: layers.Concatenate()([s, x]))


@bank.mistake("The crop of the columns is that of the rows: each direction has its own.")
def rows_for_both(x, skip, filters, padding):
    def join(x, skip):
        top = (skip.shape[1] - x.shape[1]) // 2
        return layers.Concatenate()([cut(skip, x, lambda extra: min(top, extra)), x])

    return block(x, skip, filters, padding, join=join)


# What is joined

bank.variant(
    "skip_convolved",
    "The skip is concatenated as it is: no 1x1 convolution comes before.",
    block,
    join=lambda x, skip: joined(x, layers.Conv2D(x.shape[-1], 1)(skip)),
)
bank.variant(
    "skip_with_relu",
    "The skip is concatenated as it is, without another ReLU.",
    block,
    join=lambda x, skip: joined(x, layers.ReLU()(skip)),
)
bank.variant(
    "added_with_projection",
    "Skip and enlarged map are concatenated, not added.",
    block,
    join=lambda x, skip: x + layers.Conv2D(x.shape[-1], 1)(cut(skip, x)),
)
bank.variant(
    "joined_along_the_batch",
    "Skip and enlarged map are joined along the last axis, that of the channels; here along the "
    "first, as `keras.ops.concatenate` does unless it is told.",
    block,
    join=lambda x, skip: ops.concatenate([cut(skip, x), x]),
)
bank.variant(
    "joined_along_the_rows",
    "Skip and enlarged map are joined along the last axis, that of the channels; here one stands "
    "below the other.",
    block,
    join=lambda x, skip: ops.concatenate([cut(skip, x), x], axis=1),
)


@bank.mistake(
    "The map is enlarged first, and then joined with the skip; here they are joined, and enlarged "
    "together."
)
def joined_before_enlarging(x, skip, filters, padding):
    return twice(up(joined(x, skip), filters), filters, padding)


bank.variant(
    "twice_itself",
    "The skip does not get into the block: here the enlarged map is concatenated with itself.",
    block,
    join=lambda x, skip: layers.Concatenate()([x, x]) + 0 * ops.sum(skip),
)
bank.variant(
    "skip_joined_late",
    "The skip comes in before both convolutions, not between them.",
    lambda x, skip, filters, padding: convolve(
        joined(convolve(up(x, filters), filters, padding), skip), filters, padding
    ),
)


# The convolutions

bank.variant(
    "one_convolution",
    "Two convolutions follow the concatenation; one is here.",
    block,
    end=convolve,
)
bank.variant(
    "three_convolutions",
    "Two convolutions follow the concatenation; three are here.",
    block,
    end=lambda x, filters, padding: convolve(twice(x, filters, padding), filters, padding),
)
bank.variant(
    "normalised",
    "There is no batch normalisation: the convolutions have a bias instead.",
    block,
    end=normed,
)
bank.variant(
    "wide_first",
    "Both convolutions have `filters` filters; here the first keeps all channels that it reads.",
    block,
    end=lambda x, f, padding: convolve(convolve(x, x.shape[-1], padding), f, padding),
)
bank.variant(
    "linear_end",
    "A ReLU follows the second convolution too.",
    block,
    end=lambda x, f, padding: convolve(convolve(x, f, padding), f, padding, activation=None),
)
bank.variant(
    "paddings_exchanged",
    "`valid` and `same` are taken for one another.",
    block,
    end=lambda x, f, padding: twice(x, f, {"valid": "same", "same": "valid"}[padding]),
)
for name in ("elu", "leaky_relu"):
    bank.variant(
        name,
        f"The activation is ReLU, not {name}.",
        block,
        end=partial(twice, activation=name),
    )
