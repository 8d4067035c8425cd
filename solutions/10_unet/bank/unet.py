"""Answers to `unet`, right and wrong."""

from functools import partial

import keras
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import bottom, down_block, two_convolutions, unet, up_block
from ._shared import RawConvolution, RawUp, convolve, cut, normed, resized, twice, up

bank = Bank(unet)


# Right


@bank.accepted
def written_out(input_shape, classes, filters=64, padding="valid"):
    """Level by level, with activations as layers."""

    def two(x, n):
        for _ in range(2):
            x = layers.Activation("relu")(layers.Conv2D(n, (3, 3), padding=padding)(x))
        return x

    def join(skip, x):
        high, wide = skip.shape[1] - x.shape[1], skip.shape[2] - x.shape[2]
        sides = ((high // 2, high - high // 2), (wide // 2, wide - wide // 2))
        return layers.Concatenate()([layers.Cropping2D(sides)(skip), x])

    inputs = keras.Input(shape=input_shape)
    a = two(inputs, filters)
    b = two(layers.MaxPooling2D((2, 2))(a), 2 * filters)
    c = two(layers.MaxPooling2D((2, 2))(b), 4 * filters)
    d = two(layers.MaxPooling2D((2, 2))(c), 8 * filters)
    x = two(layers.MaxPooling2D((2, 2))(d), 16 * filters)
    x = two(join(d, layers.Conv2DTranspose(8 * filters, (2, 2), (2, 2))(x)), 8 * filters)
    x = two(join(c, layers.Conv2DTranspose(4 * filters, (2, 2), (2, 2))(x)), 4 * filters)
    x = two(join(b, layers.Conv2DTranspose(2 * filters, (2, 2), (2, 2))(x)), 2 * filters)
    x = two(join(a, layers.Conv2DTranspose(filters, (2, 2), (2, 2))(x)), filters)
    return keras.Model(inputs, layers.Conv2D(classes, (1, 1), activation="linear")(x))


@bank.accepted
def inside_out(input_shape, classes, filters=64, padding="valid"):
    """A level is what lies around the next one."""

    def level(x, depth):
        width = filters * 2**depth
        if depth == 4:
            return twice(x, width, padding)
        skip = twice(x, width, padding)
        return up_block(level(layers.MaxPooling2D()(skip), depth + 1), skip, width, padding)

    inputs = keras.Input(input_shape)
    return keras.Model(inputs, layers.Dense(classes)(level(inputs, 0)))


class Pair(layers.Layer):
    def __init__(self, filters, padding):
        super().__init__()
        self.last = layers.Conv2D(filters, 3, padding=padding)
        self.first = layers.Conv2D(filters, 3, padding=padding)

    def call(self, x):
        return ops.relu(self.last(ops.relu(self.first(x))))


class Net(keras.Model):
    """All layers made beforehand, those that come last first."""

    def __init__(self, classes, filters, padding):
        super().__init__()
        widths = [filters * 2**level for level in range(4)]
        self.scores = layers.Conv2D(classes, 1)
        self.right = [Pair(width, padding) for width in widths]
        self.ups = [layers.Conv2DTranspose(width, 2, 2) for width in widths]
        self.lowest = Pair(filters * 16, padding)
        self.left = [Pair(width, padding) for width in widths]

    def call(self, x):
        skips = []
        for pair in self.left:
            skips.append(pair(x))
            x = ops.max_pool(skips[-1], 2, 2)
        x = self.lowest(x)
        for number in reversed(range(4)):
            x = self.ups[number](x)
            x = self.right[number](ops.concatenate([cut(skips[number], x), x], axis=-1))
        return self.scores(x)


@bank.accepted
def subclass(input_shape, classes, filters=64, padding="valid"):
    return Net(classes, filters, padding)


@bank.accepted
def raw(input_shape, classes, filters=64, padding="valid"):
    """Weights of one's own."""

    def two(x, width):
        return RawConvolution(width, padding)(RawConvolution(width, padding)(x))

    x = inputs = keras.Input(input_shape)
    skips = []
    for level in range(4):
        skips.append(two(x, filters << level))
        x = layers.MaxPooling2D()(skips[-1])
    x = two(x, filters << 4)
    for level in range(3, -1, -1):
        x = RawUp(filters << level)(x)
        x = two(ops.concatenate([cut(skips[level], x), x], axis=-1), filters << level)
    return keras.Model(inputs, layers.Conv2D(classes, 1)(x))


@bank.accepted
def with_dropout(input_shape, classes, filters=64, padding="valid"):
    """The original has dropout at the end of the way down; it is idle at inference."""
    inputs = keras.Input(input_shape)
    skips, pooled = [], inputs
    for level in range(4):
        skip, pooled = down_block(pooled, filters * 2**level, padding)
        skips.append(skip)
    x = layers.Dropout(0.5)(bottom(pooled, filters * 16, padding))
    for skip in skips[::-1]:
        x = up_block(x, skip, skip.shape[-1], padding)
    return keras.Model(inputs, layers.Conv2D(classes, 1, padding=padding)(x))


@bank.accepted
def skips_last(input_shape, classes, filters=64, padding="valid"):
    """In every step up the two maps the other way round: the same net, its weights reordered."""
    return net(input_shape, classes, filters, padding, rise=skip_behind)


# Wrong ones: the net with some of its parts exchanged


def widths_of(filters):
    return [filters * 2**level for level in range(4)]


def skip_behind(x, skip, width, padding):
    x = up(x, width)
    return twice(layers.Concatenate()([x, cut(skip, x)]), width, padding)


def net(
    input_shape,
    classes,
    filters=64,
    padding="valid",
    widths=widths_of,
    lowest=lambda x, filters, padding: bottom(x, 16 * filters, padding),
    fall=down_block,
    rise=up_block,
    head=lambda x, classes: layers.Conv2D(classes, 1)(x),
):
    """A U-Net of these parts, a step down and up for each of the widths."""
    x = inputs = keras.Input(input_shape)
    skips = []
    for width in widths(filters):
        skip, x = fall(x, width, padding)
        skips.append(skip)
    x = lowest(x, filters, padding)
    for skip, width in zip(reversed(skips), reversed(widths(filters)), strict=True):
        x = rise(x, skip, width, padding)
    return keras.Model(inputs, head(x, classes))


# How many levels, and how wide

bank.variant(
    "three_levels",
    "There are four steps down and four up; three are here.",
    net,
    widths=lambda filters: widths_of(filters)[:3],
    lowest=lambda x, filters, padding: bottom(x, 8 * filters, padding),
)
bank.variant(
    "without_lowest_level",
    "There are four steps down, and the bottom is a fifth level: `filters`, doubled four times.",
    net,
    widths=lambda filters: widths_of(filters)[:3],
)
bank.variant(
    "without_bottom",
    "Two convolutions stand at the bottom, between the last step down and the first up.",
    net,
    lowest=lambda x, filters, padding: x,
)
bank.variant(
    "one_at_the_bottom",
    "Two convolutions stand at the bottom; one is here.",
    net,
    lowest=lambda x, filters, padding: convolve(x, 16 * filters, padding),
)
bank.variant(
    "narrow_bottom",
    "The bottom doubles the filters once more; here it has as many as the last step down.",
    net,
    lowest=lambda x, filters, padding: bottom(x, 8 * filters, padding),
)
bank.variant(
    "bottom_of_1024",
    "The bottom has 1024 filters where `filters` is 64: sixteen times `filters`.",
    net,
    lowest=lambda x, filters, padding: bottom(x, 1024, padding),
)
bank.variant(
    "pool_below_the_bottom",
    "No pool follows the convolutions of the bottom: four pools are enough.",
    net,
    lowest=lambda x, filters, padding: layers.UpSampling2D()(
        layers.MaxPooling2D(padding="same")(bottom(x, 16 * filters, padding))
    ),
)
bank.variant(
    "equal_widths",
    "The filters double from step to step; here all steps have as many.",
    net,
    widths=lambda filters: [filters] * 4,
)
bank.variant(
    "widths_by_adding",
    "The filters double from step to step: 1, 2, 4 and 8 times `filters`, not 1, 2, 3 and 4.",
    net,
    widths=lambda filters: [filters * level for level in (1, 2, 3, 4)],
)
bank.variant(
    "first_doubled",
    "The first step down has `filters` filters; here it has twice as many, and so do all others.",
    lambda input_shape, classes, filters=64, padding="valid": net(
        input_shape, classes, 2 * filters, padding
    ),
)
bank.variant(
    "published_widths",
    "`filters` is an argument; here it is as if it were always 64.",
    lambda input_shape, classes, filters=64, padding="valid": net(
        input_shape, classes, 64, padding
    ),
)


@bank.mistake("On the way up the filters halve from step to step; here they double again.")
def widths_up_reversed(input_shape, classes, filters=64, padding="valid"):
    x = inputs = keras.Input(input_shape)
    skips = []
    for width in widths_of(filters):
        skip, x = down_block(x, width, padding)
        skips.append(skip)
    x = bottom(x, 16 * filters, padding)
    for skip, width in zip(reversed(skips), widths_of(filters), strict=True):
        x = up_block(x, skip, width, padding)
    return keras.Model(inputs, layers.Conv2D(classes, 1)(x))


def widened(x, width, padding):
    skip = convolve(convolve(x, width, padding), 2 * width, padding)
    return skip, layers.MaxPooling2D()(skip)


bank.variant(
    "widened_within",
    "Both convolutions of a step down have the same number of filters; here the second doubles it.",
    net,
    fall=widened,
)


# The skips


def without_skip(x, skip, width, padding):
    return twice(up(x, width), width, padding)


bank.variant(
    "without_skips",
    "This is an encoder and a decoder: in a U-Net each step up also reads the skip of its level.",
    net,
    rise=without_skip,
)


@bank.mistake(
    "The first step up reads the skip of the *last* step down; here the skips are taken in the "
    "order in which they were made."
)
def skips_from_the_top(input_shape, classes, filters=64, padding="valid"):
    x = inputs = keras.Input(input_shape)
    skips = []
    for width in widths_of(filters):
        skip, x = down_block(x, width, padding)
        skips.append(skip)
    x = bottom(x, 16 * filters, padding)
    for skip, width in zip(skips, reversed(widths_of(filters)), strict=True):
        x = up_block(x, skip, width, padding)
    return keras.Model(inputs, layers.Conv2D(classes, 1)(x))


bank.variant(
    "padded_on_the_way_up",
    "The convolutions on the way up have `padding` too; here they are always `same`.",
    net,
    rise=lambda x, skip, width, padding: up_block(x, skip, width, "same"),
)


@bank.mistake("Every step up reads a skip; here the last one has none.")
def last_skip_missing(input_shape, classes, filters=64, padding="valid"):
    def rise(x, skip, width, padding):
        return (without_skip if width == filters else up_block)(x, skip, width, padding)

    return net(input_shape, classes, filters, padding, rise=rise)


def added_skip(x, skip, width, padding):
    x = up(x, width)
    return twice(x + cut(skip, x), width, padding)


bank.variant(
    "skips_added",
    "The skips are concatenated to the maps that come from below, not added to them.",
    net,
    rise=added_skip,
)


def resized_skip(x, skip, width, padding):
    x = up(x, width)
    return twice(layers.Concatenate()([resized(skip, x), x]), width, padding)


bank.variant(
    "skips_resized",
    "The skips are cropped, so that their pixels stay as they are; here they are resized.",
    net,
    rise=resized_skip,
)


def corner(x, skip, width, padding):
    x = up(x, width)
    return twice(layers.Concatenate()([cut(skip, x, lambda extra: 0), x]), width, padding)


bank.variant(
    "skips_from_the_corner",
    "The middle of each skip is meant; here its upper left part is taken.",
    net,
    rise=corner,
)


def later_half(x, skip, width, padding):
    x = up(x, width)
    middle = cut(skip, x, lambda extra: (extra + 1) // 2)
    return twice(layers.Concatenate()([middle, x]), width, padding)


bank.variant(
    "odd_one_from_the_beginning",
    "Of an odd difference between a skip and its map the end loses one more, not the beginning.",
    net,
    rise=later_half,
)


def single(x, width, padding):
    skip = convolve(x, width, padding)
    return skip, layers.MaxPooling2D()(convolve(skip, width, padding))


bank.variant(
    "skips_behind_the_first",
    "A skip is the map behind both convolutions of its step down, not behind the first.",
    net,
    fall=single,
)


def pooled_skip(x, width, padding):
    pooled = layers.MaxPooling2D()(twice(x, width, padding))
    return pooled, pooled


def up_to_pooled(x, skip, width, padding):
    x = layers.Concatenate()([cut(skip, x), x])
    return twice(up(x, width), width, padding)


bank.variant(
    "skips_behind_the_pool",
    "A skip is the map before the pool, and joins what comes from below when that is enlarged.",
    net,
    fall=pooled_skip,
    rise=up_to_pooled,
)


# The steps


def interpolated(x, skip, width, padding, how="nearest", kernel=2):
    x = layers.UpSampling2D(interpolation=how)(x)
    x = layers.Conv2D(width, kernel, padding="same")(x)
    return twice(layers.Concatenate()([cut(skip, x), x]), width, padding)


bank.variant(
    "enlarged_then_convolved",
    "This enlarges first and then convolves, with as many weights: an up-convolution is one "
    "transposed convolution 2x2 with stride 2.",
    net,
    rise=interpolated,
)
bank.variant(
    "bilinear_then_convolved",
    "The up-convolutions are transposed convolutions 2x2 with stride 2; here maps are interpolated "
    "and then convolved.",
    net,
    rise=partial(interpolated, how="bilinear"),
)


def up_with_relu(x, skip, width, padding):
    x = layers.ReLU()(up(x, width))
    return twice(layers.Concatenate()([cut(skip, x), x]), width, padding)


bank.variant("ups_with_relu", "The up-convolutions have no activation.", net, rise=up_with_relu)


def up_of_three(x, skip, width, padding):
    x = up(x, width, kernel=3, padding="same")
    return twice(layers.Concatenate()([cut(skip, x), x]), width, padding)


bank.variant(
    "ups_of_three",
    "The kernels of the up-convolutions are 2x2; here they are 3x3.",
    net,
    rise=up_of_three,
)


def one_down(x, width, padding):
    skip = convolve(x, width, padding)
    return skip, layers.MaxPooling2D()(skip)


bank.variant(
    "one_convolution_a_step",
    "Each step down has two convolutions; one is here.",
    net,
    fall=one_down,
)


def normed_down(x, width, padding):
    skip = normed(x, width, padding)
    return skip, layers.MaxPooling2D()(skip)


bank.variant(
    "normalised",
    "There is no batch normalisation: the U-Net of 2015 has biases.",
    net,
    fall=normed_down,
)


def pool_with_padding(x, width, padding):
    skip = twice(x, width, padding)
    return skip, layers.MaxPooling2D(padding=padding)(skip)


bank.variant(
    "pools_take_padding",
    "The pools have no padding, whatever `padding` is: they leave out the last row of an odd "
    "number.",
    net,
    fall=pool_with_padding,
)


def strided_down(x, width, padding):
    skip = twice(x, width, padding)
    return skip, layers.Conv2D(width, 2, strides=2)(skip)


bank.variant(
    "strided_convolutions",
    "Max pools make the maps smaller, not convolutions with a stride.",
    net,
    fall=strided_down,
)


# The end

bank.variant(
    "softmax",
    "No softmax at the end: scores are asked for.",
    net,
    head=lambda x, classes: layers.Conv2D(classes, 1, activation="softmax")(x),
)
bank.variant(
    "sigmoid",
    "No sigmoid at the end: scores are asked for.",
    net,
    head=lambda x, classes: layers.Conv2D(classes, 1, activation="sigmoid")(x),
)
bank.variant(
    "sigmoid_for_one",
    "No sigmoid at the end, also where `classes` is 1: scores are asked for.",
    net,
    head=lambda x, classes: layers.Conv2D(classes, 1, activation=[None, "sigmoid"][classes == 1])(
        x
    ),
)
bank.variant(
    "relu_at_the_end",
    "The last 1x1 convolution has no activation: scores may be negative.",
    net,
    head=lambda x, classes: layers.Conv2D(classes, 1, activation="relu")(x),
)
bank.variant(
    "three_at_the_end",
    "The last convolution is 1x1; here it is 3x3.",
    net,
    head=lambda x, classes: layers.Conv2D(classes, 3, padding="same")(x),
)
bank.variant(
    "background_too",
    "The number of channels at the end is `classes`; here it is one more.",
    net,
    head=lambda x, classes: layers.Conv2D(classes + 1, 1)(x),
)
bank.variant(
    "features_only",
    "A 1x1 convolution to `classes` channels follows the last step up.",
    net,
    head=lambda x, classes: x,
)
bank.variant(
    "classified",
    "Every pixel gets scores: nothing is averaged or flattened at the end.",
    net,
    head=lambda x, classes: layers.Dense(classes)(layers.GlobalAveragePooling2D()(x)),
)


@bank.mistake("The output is as large as the last map is; it is not resized to the picture's size.")
def resized_output(input_shape, classes, filters=64, padding="valid"):
    inner = unet(input_shape, classes, filters, padding)
    return keras.Model(inner.input, layers.Resizing(*input_shape[:2])(inner.output))


@bank.mistake("The picture goes into the first convolution as it is, without factor or shift.")
def pixels_scaled(input_shape, classes, filters=64, padding="valid"):
    inputs = keras.Input(input_shape)
    return keras.Model(
        inputs, unet(input_shape, classes, filters, padding)(layers.Rescaling(1 / 255)(inputs))
    )


bank.variant(
    "another_pair_at_the_end",
    "The 1x1 convolution follows the last step up directly, without further convolutions.",
    net,
    head=lambda x, classes: layers.Conv2D(classes, 1)(two_convolutions(x, x.shape[-1], "same")),
)
