"""Answers to `multiplications`, right and wrong."""

import math

import numpy as np
from keras import layers

from autograder.setting.bank import Bank

from ..tasks import multiplications

bank = Bank(multiplications)


# Right


@bank.accepted
def by_product(height, width, kernel, in_channels, filters):
    return math.prod([height, width, kernel, kernel, in_channels, filters])


@bank.accepted
def by_window(height, width, kernel, in_channels, filters):
    """What one window costs, for every filter, at every position."""
    window = kernel**2 * in_channels
    return sum(window * filters for _ in range(height * width))


@bank.accepted
def by_positions(height, width, kernel, in_channels, filters):
    """A matrix product at every position of the kernel, from the shapes of its matrices."""
    rows, inner, columns = height * width, in_channels, filters
    return sum(rows * inner * columns for _ in range(kernel) for _ in range(kernel))


@bank.accepted
def by_numpy(height, width, kernel, in_channels, filters):
    return int(np.prod(np.array([height, width, kernel, kernel, in_channels, filters], "int64")))


@bank.accepted
def by_layer(height, width, kernel, in_channels, filters):
    """The kernel's weights are each used once at every position."""
    layer = layers.Conv2D(1, kernel, padding="same", use_bias=False)
    layer.build((None, height, width, in_channels))
    return layer.count_params() * filters * height * width


@bank.accepted
def by_shapes(height, width, kernel, in_channels, filters):
    output = (height, width, filters)
    taps = (kernel, kernel, in_channels)
    count = 1
    for number in output + taps:
        count *= number
    return count


# Wrong: something is left out of the product


@bank.mistake("A kernel has `kernel` rows and as many columns: its side counts twice.")
def kernel_once(height, width, kernel, in_channels, filters):
    return height * width * kernel * in_channels * filters


@bank.mistake("Every filter sees all input channels, and has weights for each of them.")
def one_channel(height, width, kernel, in_channels, filters):
    return height * width * kernel * kernel * filters


@bank.mistake("There are `filters` filters; this is the count for one.")
def one_filter(height, width, kernel, in_channels, filters):
    return height * width * kernel * kernel * in_channels


@bank.mistake("This is the number of weights: each is used once at every position of the map.")
def weights_alone(height, width, kernel, in_channels, filters):
    return kernel * kernel * in_channels * filters


@bank.mistake("This is the number of parameters; multiplications are counted at every position.")
def parameters_alone(height, width, kernel, in_channels, filters):
    return kernel * kernel * in_channels * filters + filters


@bank.mistake("This is how many numbers the result has; each of them is a sum of many products.")
def size_of_the_result(height, width, kernel, in_channels, filters):
    return height * width * filters


@bank.mistake("The map has `height` rows and `width` columns; here one of the two counts twice.")
def square_of_height(height, width, kernel, in_channels, filters):
    return height * height * kernel * kernel * in_channels * filters


@bank.mistake("The map has `height` rows and `width` columns; here one of the two counts twice.")
def square_of_width(height, width, kernel, in_channels, filters):
    return width * width * kernel * kernel * in_channels * filters


@bank.mistake("The map is `height` x `width`: there are as many positions as their product.")
def rows_only(height, width, kernel, in_channels, filters):
    return height * kernel * kernel * in_channels * filters


@bank.mistake("The map is `height` x `width`: there are as many positions as their product.")
def half_the_edge(height, width, kernel, in_channels, filters):
    return (height + width) * kernel * kernel * in_channels * filters


# Wrong: something is counted that is not asked for


@bank.mistake("Additions do not count: this is twice the number of multiplications.")
def with_additions(height, width, kernel, in_channels, filters):
    return 2 * multiplications(height, width, kernel, in_channels, filters)


@bank.mistake("Additions do not count, only multiplications.")
def additions_of_sums(height, width, kernel, in_channels, filters):
    products = kernel * kernel * in_channels
    return height * width * filters * (products + products - 1)


@bank.mistake("This counts the additions of the sums: one fewer than multiplications each.")
def additions_alone(height, width, kernel, in_channels, filters):
    return height * width * filters * (kernel * kernel * in_channels - 1)


@bank.mistake("The bias is added, not multiplied: it does not count.")
def with_bias(height, width, kernel, in_channels, filters):
    return height * width * filters * (kernel * kernel * in_channels + 1)


@bank.mistake("The biases are added, not multiplied: they do not count.")
def with_biases_once(height, width, kernel, in_channels, filters):
    return multiplications(height, width, kernel, in_channels, filters) + filters


# Wrong: the padding


@bank.mistake(
    "With `same` padding the result is as large as the map; this counts the positions of `valid`."
)
def valid(height, width, kernel, in_channels, filters):
    rows, columns = height - kernel + 1, width - kernel + 1
    return rows * columns * kernel * kernel * in_channels * filters


@bank.mistake(
    "The result has one position for each pixel of the map; the padding adds no positions."
)
def padded_map(height, width, kernel, in_channels, filters):
    rows, columns = height + 2 * (kernel // 2), width + 2 * (kernel // 2)
    return rows * columns * kernel * kernel * in_channels * filters


@bank.mistake("Multiplications with the zeros of the padding count too.")
def zeros_left_out(height, width, kernel, in_channels, filters):
    def met(side):
        """How many taps meet a pixel, over all positions along one axis."""
        before = (kernel - 1) // 2
        return sum(
            0 <= position + tap - before < side for position in range(side) for tap in range(kernel)
        )

    return met(height) * met(width) * in_channels * filters


@bank.mistake("The stride is 1: there is a result at every pixel, not at every `kernel`-th.")
def by_blocks(height, width, kernel, in_channels, filters):
    rows, columns = -(-height // kernel), -(-width // kernel)
    return rows * columns * kernel * kernel * in_channels * filters


@bank.mistake("The stride is 1: there is a result at every pixel, not at every second one.")
def stride_of_two(height, width, kernel, in_channels, filters):
    return multiplications(-(-height // 2), -(-width // 2), kernel, in_channels, filters)


# Wrong: another layer


@bank.mistake(
    "A filter has weights for every input channel: `in_channels`, not `filters`, of them."
)
def filters_squared(height, width, kernel, in_channels, filters):
    return height * width * kernel * kernel * filters * filters


@bank.mistake("There are `filters` filters: that, not `in_channels`, is how thick the result is.")
def channels_squared(height, width, kernel, in_channels, filters):
    return height * width * kernel * kernel * in_channels * in_channels


@bank.mistake(
    "This is a depthwise separable convolution's count: here every filter sees every channel with "
    "its whole kernel."
)
def separable(height, width, kernel, in_channels, filters):
    return height * width * in_channels * (kernel * kernel + filters)


@bank.mistake("This is a dense layer's count: a filter sees a window, not the whole map.")
def dense(height, width, kernel, in_channels, filters):
    return height * width * in_channels * filters * height * width


@bank.mistake("This is the count for 1x1 kernels; `kernel` x `kernel` of them are meant.")
def one_by_one(height, width, kernel, in_channels, filters):
    return height * width * in_channels * filters


@bank.mistake("The side of the kernel counts twice (rows and columns), not three times.")
def kernel_cubed(height, width, kernel, in_channels, filters):
    return height * width * kernel**3 * in_channels * filters


@bank.mistake("Rows and columns of the kernel are multiplied, not added.")
def kernel_twice(height, width, kernel, in_channels, filters):
    return height * width * (kernel + kernel) * in_channels * filters


@bank.mistake("Input channels and filters are multiplied: every filter sees every channel.")
def channels_added(height, width, kernel, in_channels, filters):
    return height * width * kernel * kernel * (in_channels + filters)


# Wrong: the kind of number


@bank.mistake("A whole number is asked for, an `int`.")
def as_float(height, width, kernel, in_channels, filters):
    return float(multiplications(height, width, kernel, in_channels, filters))


@bank.mistake("Millions are handy to read, but the exact number is asked for.")
def in_millions(height, width, kernel, in_channels, filters):
    return round(multiplications(height, width, kernel, in_channels, filters) / 1e6)


@bank.mistake(
    "Large counts overflow here: they do not fit into 32 bits. Python's own `int` has no limit."
)
def in_32_bits(height, width, kernel, in_channels, filters):
    factors = np.array([height, width, kernel, kernel, in_channels, filters], "int32")
    with np.errstate(over="ignore"):
        return int(np.prod(factors, dtype="int32"))
