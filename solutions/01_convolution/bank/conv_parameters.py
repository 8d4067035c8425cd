"""Answers to `conv_parameters`, right and wrong."""

import math

import keras
import numpy as np
from keras import layers

from autograder.setting.bank import Bank

from ..tasks import conv_parameters

bank = Bank(conv_parameters)


# Right answers


@bank.accepted
def by_layer(kernel, in_channels, filters, bias=True):
    layer = layers.Conv2D(filters, kernel, use_bias=bias)
    layer.build((None, None, None, in_channels))
    return layer.count_params()


@bank.accepted
def by_shapes(kernel, in_channels, filters, bias=True):
    shapes = [(kernel, kernel, in_channels, filters)] + ([(filters,)] if bias else [])
    return sum(math.prod(shape) for shape in shapes)


@bank.accepted
def by_loop(kernel, in_channels, filters, bias=True):
    count = 0
    for _ in range(filters):
        for _ in range(in_channels):
            count += kernel**2
        if bias:
            count += 1
    return count


@bank.accepted
def by_array(kernel, in_channels, filters, bias=True):
    weights = np.zeros((kernel, kernel, in_channels, filters))
    return weights.size + (weights.shape[-1] if bias else 0)


@bank.accepted
def by_model(kernel, in_channels, filters, bias=True):
    side = kernel + 1
    layer = layers.Conv2D(filters, (kernel, kernel), use_bias=bias, padding="same")
    return keras.Sequential([keras.Input((side, side, in_channels)), layer]).count_params()


# Wrong answers


def counted(kernel, in_channels, filters, bias, count):
    """Another count, a function of k, c, f and b, which is 1 where there is a bias, else 0."""
    return count(kernel, in_channels, filters, int(bool(bias)))


# The biases

bank.variant(
    "one_bias",
    "Each filter has a bias of its own, not the layer one in all.",
    counted,
    count=lambda k, c, f, b: k * k * c * f + b,
)

bank.variant(
    "bias_per_channel",
    "There are as many biases as filters: a bias is added to a filter's map, not to a channel "
    "of the input.",
    counted,
    count=lambda k, c, f, b: k * k * c * f + b * c,
)

bank.variant(
    "bias_per_pair",
    "The bias is added once, after the sum over the channels: one a filter, not one for each "
    "channel of each filter.",
    counted,
    count=lambda k, c, f, b: (k * k + b) * c * f,
)

bank.variant(
    "bias_per_place",
    "A filter has one bias, not one for each place of its window.",
    counted,
    count=lambda k, c, f, b: k * k * f * (c + b),
)

bank.variant(
    "bias_per_weight",
    "A filter has one bias, not one for each of its weights.",
    counted,
    count=lambda k, c, f, b: k * k * c * f * (1 + b),
)

bank.variant(
    "bias_per_filter_weight",
    "The biases are one number for each filter, not one more filter.",
    counted,
    count=lambda k, c, f, b: k * k * c * (f + b),
)

bank.variant(
    "bias_of_window",
    "There are as many biases as filters, not as a window has places.",
    counted,
    count=lambda k, c, f, b: k * k * (c * f + b),
)

bank.variant(
    "bias_both",
    "Only the filters have biases; the channels of the input have none.",
    counted,
    count=lambda k, c, f, b: k * k * c * f + b * (c + f),
)

bank.variant(
    "kernel_of_biases",
    "There are as many biases as filters, not as the kernel is wide.",
    counted,
    count=lambda k, c, f, b: k * k * c * f + k * b,
)

bank.variant(
    "biases_squared",
    "A filter has one bias: the number of biases is multiplied by `filters` once, not twice.",
    counted,
    count=lambda k, c, f, b: f * (k * k * c + f * b),
)

bank.variant(
    "two_biases",
    "A convolution has one number a filter beside its weights; two would be a normalisation's.",
    counted,
    count=lambda k, c, f, b: f * (k * k * c + 2 * b),
)

bank.variant(
    "with_normalisation",
    "A convolution has weights and biases only; two further numbers for each filter would be a "
    "batch normalisation's.",
    counted,
    count=lambda k, c, f, b: f * (k * k * c + b + 2),
)

bank.variant(
    "bias_taken_off",
    "The biases are added to the weights, not subtracted.",
    counted,
    count=lambda k, c, f, b: f * (k * k * c - b),
)

bank.variant(
    "bias_of_few",
    "Large layers have a bias for each filter too.",
    counted,
    count=lambda k, c, f, b: k * k * c * f + f * b * (f < 64),
)

bank.variant(
    "bias_not_single",
    "A 1x1 convolution has a bias too.",
    counted,
    count=lambda k, c, f, b: f * (k * k * c + b * (k > 1)),
)

bank.variant(
    "single_filter",
    "A single filter has its bias too.",
    counted,
    count=lambda k, c, f, b: k * k * c * f + f * b * (f > 1),
)


# The argument `bias`

bank.variant(
    "without_bias",
    "With `bias` each filter has one number more.",
    counted,
    count=lambda k, c, f, b: k * k * c * f,
)


bank.variant(
    "bias_turned",
    "The meaning of `bias` is turned round: True means that there are biases.",
    counted,
    count=lambda k, c, f, b: f * (k * k * c + 1 - b),
)

bank.variant(
    "nothing_without_bias",
    "Without biases nothing is counted: `a + b if bias else 0` takes in the whole sum. Put "
    "the part with the `if` in brackets.",
    counted,
    count=lambda k, c, f, b: f * (k * k * c + 1) if b else 0,
)

bank.variant(
    "one_without_bias",
    "Without biases only one filter is counted: the layer has `filters` of them in both cases.",
    counted,
    count=lambda k, c, f, b: f * (k * k * c + 1) if b else k * k * c,
)


@bank.mistake("Without the argument, there is a bias: bias=True.")
def no_bias_by_default(kernel, in_channels, filters, bias=False):
    return filters * (kernel * kernel * in_channels + bool(bias))


# Filters and channels

bank.variant(
    "one_filter",
    "This is one filter; the layer has `filters` of them.",
    counted,
    count=lambda k, c, f, b: k * k * c + b,
)

bank.variant(
    "one_filters_weights",
    "Each of the `filters` filters has weights of its own: only one filter's are counted.",
    counted,
    count=lambda k, c, f, b: k * k * c + f * b,
)

bank.variant(
    "squared_biases",
    "Without brackets `filters` multiplies the biases alone: the weights are one kernel's.",
    counted,
    count=lambda k, c, f, b: k * k * c + b * f * f,
)

bank.variant(
    "flat_filters",
    "A filter goes through all channels of its input: it has kernel * kernel weights for each.",
    counted,
    count=lambda k, c, f, b: f * (k * k + b),
)

bank.variant(
    "channels_added",
    "Every filter meets every channel: their numbers are multiplied, not added.",
    counted,
    count=lambda k, c, f, b: k * k * (c + f) + f * b,
)

bank.variant(
    "channels_twice",
    "There are `filters` filters, not as many as the picture has channels.",
    counted,
    count=lambda k, c, f, b: c * (k * k * c + b),
)

bank.variant(
    "three_channels",
    "The picture has `in_channels` channels, not always three.",
    counted,
    count=lambda k, c, f, b: k * k * 3 * f + f * b,
)

bank.variant(
    "grey_picture",
    "With one channel each filter still has its own weights: multiply by `filters`.",
    counted,
    count=lambda k, c, f, b: k * k * c * f + f * b if c > 1 else k * k + f * b,
)

bank.variant(
    "depthwise_layer",
    "This counts a depthwise layer, one kernel for each channel: here every filter has a "
    "kernel for each channel, so `filters` is a factor.",
    counted,
    count=lambda k, c, f, b: c * (k * k + b),
)

bank.variant(
    "separable_layer",
    "This counts a depthwise and a 1x1 convolution. In a plain one every filter has a kernel "
    "for each channel.",
    counted,
    count=lambda k, c, f, b: k * k * c + c * f + f * b,
)


# The window

bank.variant(
    "side_once",
    "The kernel is a square of side `kernel`: kernel * kernel weights.",
    counted,
    count=lambda k, c, f, b: f * (k * c + b),
)

bank.variant(
    "side_doubled",
    "The kernel is a square of side `kernel`: its sides are multiplied, not added.",
    counted,
    count=lambda k, c, f, b: 2 * k * c * f + f * b,
)

bank.variant(
    "side_three",
    "The kernel has the side `kernel`, not always 3.",
    counted,
    count=lambda k, c, f, b: 9 * c * f + f * b,
)

bank.variant(
    "side_cubed",
    "A kernel has two sides, height and width: kernel squared.",
    counted,
    count=lambda k, c, f, b: f * (k**3 * c + b),
)

bank.variant(
    "bitwise_or",
    "In Python `^` is no power (it is a bitwise or, exclusive): write kernel ** 2.",
    counted,
    count=lambda k, c, f, b: f * ((k ^ 2) * c + b),
)

bank.variant(
    "window_of_channels",
    "Only the side is squared, not the number of channels: kernel * kernel * in_channels.",
    counted,
    count=lambda k, c, f, b: (k * c) ** 2 * f + f * b,
)

bank.variant(
    "power_of_channels",
    "The channels multiply the weights of the square; they are no exponent.",
    counted,
    count=lambda k, c, f, b: k**c * f + f * b,
)

bank.variant(
    "one_wider",
    "A kernel of side `kernel` has kernel * kernel places, not one row and column more.",
    counted,
    count=lambda k, c, f, b: (k + 1) ** 2 * c * f + f * b,
)

bank.variant(
    "one_narrower",
    "A kernel of side `kernel` has kernel * kernel weights: do not subtract 1.",
    counted,
    count=lambda k, c, f, b: f * ((k - 1) ** 2 * c + b),
)


# What is counted

bank.variant(
    "weights_twice",
    "The weights are counted twice: a weight is one number, however it is used.",
    counted,
    count=lambda k, c, f, b: f * (2 * k * k * c + b),
)

bank.variant(
    "of_a_picture",
    "The weights are shared by all places: count them once, not for each pixel.",
    counted,
    count=lambda k, c, f, b: 32 * 32 * k * k * c * f,
)

bank.variant(
    "in_bytes",
    "The numbers are counted, not their bytes.",
    counted,
    count=lambda k, c, f, b: 4 * f * (k * k * c + b),
)

bank.variant(
    "a_float",
    "A number of parameters is whole: return an int, not a float.",
    counted,
    count=lambda k, c, f, b: float(f * (k * k * c + b)),
)
