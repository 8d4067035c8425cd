"""Answers to `conv_group_relu`, right and wrong."""

import keras
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import conv_group_relu

bank = Bank(conv_group_relu)

EPSILON = 1e-5


def conv(x, filters, kernel=3, **options):
    options = {"padding": "same", "use_bias": False, **options}
    return layers.Conv2D(filters, kernel, **options)(x)


def norm(x, groups, **options):
    return layers.GroupNormalization(groups, **{"epsilon": EPSILON, **options})(x)


def in_groups(x, groups):
    """(N, H, W, C) to (N, H, W, groups, C / groups)."""
    return ops.reshape(x, (-1, *x.shape[1:3], groups, x.shape[-1] // groups))


# Right


@bank.accepted
def in_a_row(x, filters, groups):
    return keras.Sequential(
        [
            layers.Conv2D(filters, (3, 3), (1, 1), "same", use_bias=False),
            layers.GroupNormalization(groups=groups, axis=-1, epsilon=EPSILON),
            layers.Activation("relu"),
        ]
    )(x)


class HandMade(layers.Layer):
    """Convolution and normalisation with weights of its own, variance by squares."""

    def __init__(self, filters, groups):
        super().__init__()
        self.filters, self.groups = filters, groups

    def build(self, shape):
        self.shift = self.add_weight(shape=(self.filters,), initializer="zeros", name="shift")
        self.kernel = self.add_weight(shape=(3, 3, shape[-1], self.filters), name="kernel")
        self.scale = self.add_weight(shape=(self.filters,), initializer="ones", name="scale")

    def call(self, x):
        x = ops.conv(x, self.kernel, padding="same")
        parts = in_groups(x, self.groups)
        mean = ops.mean(parts, axis=(1, 2, 4), keepdims=True)
        variance = ops.mean(parts * parts, axis=(1, 2, 4), keepdims=True) - mean * mean
        y = (parts - mean) / ops.sqrt(variance + EPSILON)
        return ops.maximum(ops.reshape(y, (-1, *x.shape[1:])) * self.scale + self.shift, 0)


@bank.accepted
def of_raw_weights(x, filters, groups):
    return HandMade(filters, groups)(x)


class Weighted(layers.Layer):
    """gamma * x + beta, a number of each for every channel."""

    def build(self, shape):
        self.gamma = self.add_weight(shape=(1, 1, 1, shape[-1]), initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=(1, 1, 1, shape[-1]), initializer="zeros", name="beta")

    def call(self, x):
        return x * self.gamma + self.beta


@bank.accepted
def part_by_part(x, filters, groups):
    """The map cut into its groups, each standardised by itself."""
    maps = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    parts = []
    for part in ops.split(maps, groups, axis=-1):
        mean, variance = ops.moments(part, axes=[1, 2, 3], keepdims=True)
        parts.append((part - mean) * ops.rsqrt(variance + 0.00001))
    return layers.ReLU()(Weighted()(layers.Concatenate()(parts)))


@bank.accepted
def a_layer_for_each_group(x, filters, groups):
    """A convolution and a normalisation for each group."""
    size = filters // groups
    parts = [norm(conv(x, size), 1) for _ in range(groups)]
    return ops.relu(parts[0] if groups == 1 else ops.concatenate(parts, axis=-1))


class LayerOfLayers(layers.Layer):
    def __init__(self, filters, groups):
        super().__init__()
        self.norm = layers.GroupNormalization(groups, epsilon=EPSILON, center=True, scale=True)
        self.conv = layers.Conv2D(filters, 3, use_bias=False)

    def call(self, x):
        return keras.activations.relu(
            self.norm(self.conv(ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])))
        )


@bank.accepted
def as_a_layer(x, filters, groups):
    return LayerOfLayers(filters, groups)(x)


@bank.accepted
def standardised_by_a_layer(x, filters, groups):
    """The groups' numbers flattened and standardised by a layer normalisation without weights."""
    height, width = x.shape[1:3]
    maps = ops.transpose(conv(x, filters), (0, 3, 1, 2))
    rows = layers.Reshape((groups, filters // groups * height * width))(maps)
    rows = layers.LayerNormalization(center=False, scale=False, epsilon=EPSILON)(rows)
    maps = layers.Permute((2, 3, 1))(layers.Reshape((filters, height, width))(rows))
    return layers.Activation("relu")(Weighted()(maps))


# Wrong: the epsilon


def built(x, filters, groups, convolve=conv, normalize=norm, activation="relu"):
    """The block, with another convolution, normalisation or activation."""
    return layers.Activation(activation)(normalize(convolve(x, filters), groups))


def epsilon(name, hint, value):
    """Note another epsilon as wrong."""
    bank.variant(name, hint, built, normalize=lambda x, groups: norm(x, groups, epsilon=value))


epsilon(
    "epsilon_of_keras",
    "The epsilon of the group normalisation is 1e-5, and it counts here: Keras takes 1e-3 unless "
    "it is told otherwise.",
    1e-3,
)
epsilon("larger_epsilon", "The epsilon of the group normalisation is 1e-5, not 1e-4.", 1e-4)
epsilon("smaller_epsilon", "The epsilon of the group normalisation is 1e-5, not 1e-6.", 1e-6)
epsilon(
    "hardly_an_epsilon",
    "The epsilon of the group normalisation is 1e-5: here it is so small that it changes nothing.",
    1e-12,
)


def by_hand(
    x, groups, axes=(1, 2, 4), variance=ops.var, divisor=lambda v: ops.sqrt(v + EPSILON),
    centred=True,
):  # fmt: skip
    """Group normalisation from `ops`, with one step taken otherwise."""
    parts = in_groups(x, groups)
    mean = ops.mean(parts, axis=axes, keepdims=True)
    spread = divisor(variance(parts, axis=axes, keepdims=True))
    y = ((parts - mean) if centred else parts) / spread
    return Weighted()(ops.reshape(y, (-1, *x.shape[1:])))


def normalized(name, hint, **options):
    """Note another group normalisation as wrong."""
    bank.variant(
        name, hint, built, normalize=lambda x, groups: by_hand(x, groups, **options)
    )  # fmt: skip


normalized(
    "epsilon_outside",
    "The epsilon is added to the variance, under the root: here it is added to the root.",
    divisor=lambda v: ops.sqrt(v) + EPSILON,
)
normalized(
    "root_missing",
    "The root is missing: divide by the root of the variance plus epsilon.",
    divisor=lambda v: v + EPSILON,
)
normalized(
    "only_centred",
    "The mean is subtracted, but nothing is divided by the spread.",
    divisor=lambda v: ops.ones_like(v),
)
normalized(
    "not_centred",
    "The mean of the group is not subtracted; subtract it before you divide.",
    centred=False,
)


def sample_variance(x, axis, keepdims):
    """Divided by one less than the count."""
    count = 1
    for place in axis:
        count *= x.shape[place]
    return ops.var(x, axis=axis, keepdims=keepdims) * (count / (count - 1))


normalized(
    "of_a_sample",
    "The population variance is asked for: divide by the count, not by one less.",
    variance=sample_variance,
)


# Wrong: which numbers share a mean

normalized(
    "each_position",
    "A group's mean is over all positions of the picture too; here every position has its own.",
    axes=(4,),
)
normalized(
    "whole_batch",
    "Every picture is normalised by itself; here the pictures of the batch share their means.",
    axes=(0, 1, 2, 4),
)
normalized(
    "in_each_row",
    "A group's mean is over rows and columns; here every row has its own.",
    axes=(2, 4),
)
normalized(
    "over_the_groups",
    "A group has a mean of its own; here the mean is over the groups, for each place in a group.",
    axes=(1, 2, 3),
)
bank.variant(
    "size_for_number",
    "`groups` is how many groups there are, not how many channels are in each.",
    built,
    normalize=lambda x, groups: norm(x, x.shape[-1] // groups),
)
bank.variant(
    "of_the_input",
    "The normalisation comes behind the convolution; here it comes before it.",
    lambda x, filters, groups: layers.ReLU()(
        conv(norm(x, groups if x.shape[-1] % groups == 0 else 1), filters)
    ),
)


@bank.mistake(
    "The channels of a group are neighbours: here channels that lie `groups` apart are put "
    "together."
)
def interleaved(x, filters, groups):
    x = conv(x, filters)
    parts = in_groups(x, filters // groups)
    mean, variance = ops.moments(parts, axes=[1, 2, 3], keepdims=True)
    y = (parts - mean) / ops.sqrt(variance + EPSILON)
    return ops.relu(Weighted()(ops.reshape(y, (-1, *x.shape[1:]))))


@bank.mistake(
    "A group is cut out of the channels, which are the last axis: here the reshape cuts each "
    "picture into pieces of rows."
)
def channels_first_reshape(x, filters, groups):
    x = conv(x, filters)
    rows = ops.reshape(x, (-1, groups, x.shape[1] * x.shape[2] * filters // groups))
    mean, variance = ops.moments(rows, axes=[2], keepdims=True)
    y = (rows - mean) / ops.sqrt(variance + EPSILON)
    return ops.relu(Weighted()(ops.reshape(y, (-1, *x.shape[1:]))))


# Wrong: the layers and their order

bank.variant(
    "kernel_5x5", "The kernel is 3x3, not 5x5.", built, convolve=lambda x, f: conv(x, f, 5)
)
bank.variant(
    "kernel_1x1", "The kernel is 3x3, not 1x1.", built, convolve=lambda x, f: conv(x, f, 1)
)
bank.variant(
    "long_kernel",
    "The kernel is 3x3; this one has as many weights, all in one line.",
    built,
    convolve=lambda x, f: conv(x, f, (1, 9)),
)
bank.variant(
    "high_kernel",
    "The kernel is 3x3; this one has as many weights, all in one column.",
    built,
    convolve=lambda x, f: conv(x, f, (9, 1)),
)
bank.variant(
    "two_convolutions",
    "One convolution is asked for, not two.",
    built,
    convolve=lambda x, f: conv(conv(x, f), f),
)
bank.variant(
    "depthwise",
    "The convolution is a full one, which reads all channels: not a depthwise one and a 1x1 "
    "behind it.",
    built,
    convolve=lambda x, f: layers.SeparableConv2D(f, 3, padding="same", use_bias=False)(x),
)
bank.variant(
    "norm_twice",
    "One normalisation is asked for, not two.",
    built,
    normalize=lambda x, groups: norm(norm(x, groups), groups),
)
bank.variant(
    "norm_before_and_after",
    "One normalisation is asked for, behind the convolution; here `x` is normalised as well.",
    built,
    convolve=lambda x, f: conv(norm(x, 1), f),
)


@bank.mistake("The order is convolution, normalisation, ReLU; here the ReLU comes second.")
def relu_second(x, filters, groups):
    return norm(conv(x, filters, activation="relu"), groups)


@bank.mistake("One ReLU is asked for, at the end; here one comes before the normalisation as well.")
def relu_twice(x, filters, groups):
    return layers.ReLU()(norm(conv(x, filters, activation="relu"), groups))


@bank.mistake("Nothing is added at the end: this block has no shortcut.")
def with_shortcut(x, filters, groups):
    maps = conv(x, filters)
    return layers.ReLU()(norm(maps, groups) + maps)


@bank.mistake("`groups` belongs to the normalisation; the convolution reads all channels.")
def grouped_convolution(x, filters, groups):
    return built(x, filters, groups, convolve=lambda x, f: conv(x, f, groups=groups))


@bank.mistake("The whole map is kept: no stride and no pool is asked for.")
def strided(x, filters, groups):
    return built(x, filters, groups, convolve=lambda x, f: conv(x, f, strides=2))


for activation in ("gelu", "elu", "leaky_relu", "relu6", "silu"):
    bank.variant(
        activation,
        f"The activation is a plain ReLU, not {activation.replace('_', ' ')}.",
        built,
        activation=activation,
    )
