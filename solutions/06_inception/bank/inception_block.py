"""Answers to `inception_block`, right and wrong."""

from dataclasses import dataclass, field, replace

import keras
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import inception_block, way_1, way_2, way_3, way_4
from ._shared import RawConvolution, convolve, max_pool, padded

bank = Bank(inception_block)


# Right


@bank.accepted
def functional(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    a = layers.Conv2D(f1, (1, 1), activation="relu")(x)
    b = layers.ReLU()(layers.Conv2D(f3_reduce, (1, 1), padding="same")(x))
    b = layers.ReLU()(layers.Conv2D(f3, (3, 3), padding="same")(b))
    c = layers.Activation("relu")(layers.Conv2D(f5_reduce, (1, 1))(x))
    c = layers.Activation("relu")(layers.Conv2D(f5, (5, 5), padding="same")(c))
    d = layers.MaxPool2D((3, 3), strides=(1, 1), padding="same")(x)
    d = ops.relu(layers.Conv2D(pool, (1, 1))(d))
    return layers.concatenate([a, b, c, d], axis=-1)


@bank.accepted
def one_relu_behind(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    """The last ReLU of every way may as well follow the concatenation."""
    ways = [
        layers.Conv2D(f1, 1)(x),
        layers.Conv2D(f3, 3, padding="same")(convolve(x, f3_reduce, 1)),
        layers.Conv2D(f5, 5, padding="same")(convolve(x, f5_reduce, 1)),
        layers.Conv2D(pool, 1)(max_pool(x)),
    ]
    return ops.relu(ops.concatenate(ways, axis=3))


@bank.accepted
def dense_for_1x1(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    def dense(x, units):
        return layers.Dense(units, activation="relu")(x)

    return layers.Concatenate()(
        [
            dense(x, f1),
            convolve(dense(x, f3_reduce), f3, 3),
            convolve(dense(x, f5_reduce), f5, 5),
            dense(max_pool(x), pool),
        ]
    )


@bank.accepted
def raw(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    """Weights of one's own, made in another order."""
    pooled = RawConvolution(pool, 1)(ops.max_pool(x, 3, 1, "same"))
    five = RawConvolution(f5, 5)(RawConvolution(f5_reduce, 1)(x))
    three = RawConvolution(f3, 3)(RawConvolution(f3_reduce, 1)(x))
    return ops.concatenate([RawConvolution(f1, 1)(x), three, five, pooled], axis=-1)


class Inception(layers.Layer):
    """The layers made beforehand, in no particular order."""

    def __init__(self, f1, f3_reduce, f3, f5_reduce, f5, pool):
        super().__init__()
        self.fives = keras.Sequential(
            [
                layers.Conv2D(f5_reduce, 1, activation="relu"),
                layers.Conv2D(f5, 5, padding="same", activation="relu"),
            ]
        )
        self.pooling = layers.MaxPooling2D(3, 1, "same")
        self.behind_pool = layers.Conv2D(pool, 1, activation="relu")
        self.threes = [
            layers.Conv2D(f3_reduce, 1, activation="relu"),
            layers.Conv2D(f3, 3, padding="same", activation="relu"),
        ]
        self.ones = layers.Conv2D(f1, 1, activation="relu")

    def call(self, x):
        three = x
        for layer in self.threes:
            three = layer(three)
        ways = [self.ones(x), three, self.fives(x), self.behind_pool(self.pooling(x))]
        return ops.concatenate(ways, axis=-1)


@bank.accepted
def layer_of_its_own(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    return Inception(f1, f3_reduce, f3, f5_reduce, f5, pool)(x)


@bank.accepted
def one_kernel_for_three(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    """The three 1x1 convolutions of `x` are one, cut up afterwards."""
    ends = [f1, f1 + f3_reduce]
    ones, threes, fives = ops.split(convolve(x, f1 + f3_reduce + f5_reduce, 1), ends, axis=-1)
    ways = [ones, convolve(threes, f3, 3), convolve(fives, f5, 5), way_4(x, pool)]
    return layers.Concatenate()(ways)


@bank.accepted
def padding_by_hand(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    """Zeros around the convolutions; the lowest of numbers around the pool."""
    three = convolve(padded(convolve(x, f3_reduce, 1), 3), f3, 3, padding="valid")
    five = convolve(padded(convolve(x, f5_reduce, 1), 5), f5, 5, padding="valid")
    around = ops.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], constant_values=-1e30)
    pooled = convolve(layers.MaxPooling2D(3, 1)(around), pool, 1)
    return layers.Concatenate()([way_1(x, f1), three, five, pooled])


@bank.accepted
def maximum_of_nine(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    """The pool as rows first, then columns."""
    pooled = layers.MaxPooling2D((3, 1), 1, "same")(layers.MaxPooling2D((1, 3), 1, "same")(x))
    ways = [way_1(x, f1), way_2(x, f3_reduce, f3), way_3(x, f5_reduce, f5)]
    return layers.Concatenate()([*ways, convolve(pooled, pool, 1)])


# Wrong ones: the module with some of its ways exchanged. A way is a function of x and the sizes.


@dataclass(frozen=True)
class Sizes:
    """The six numbers that the module is called with."""

    f1: int
    f3_reduce: int
    f3: int
    f5_reduce: int
    f5: int
    pool: int


def first(x, n):
    return way_1(x, n.f1)


def second(x, n):
    return way_2(x, n.f3_reduce, n.f3)


def third(x, n):
    return way_3(x, n.f5_reduce, n.f5)


def fourth(x, n):
    return way_4(x, n.pool)


@dataclass(frozen=True)
class Module:
    """The module from its ways; `replace(RIGHT, second=...)` is one with another second way."""

    first: object = field(default=first)
    second: object = field(default=second)
    third: object = field(default=third)
    fourth: object = field(default=fourth)

    def __call__(self, x, *numbers):
        ways = (self.first, self.second, self.third, self.fourth)
        return layers.Concatenate()([way(x, Sizes(*numbers)) for way in ways])


RIGHT = Module()


def built(x, f1, f3_reduce, f3, f5_reduce, f5, pool, **ways):
    """The module with some ways exchanged."""
    return replace(RIGHT, **ways)(x, f1, f3_reduce, f3, f5_reduce, f5, pool)


# The reductions

bank.variant(
    "naive",
    "This is the naive module: a 1x1 convolution comes before the 3x3 and the 5x5, and behind the "
    "pool.",
    built,
    second=lambda x, n: convolve(x, n.f3, 3),
    third=lambda x, n: convolve(x, n.f5, 5),
    fourth=lambda x, n: max_pool(x),
)
bank.variant(
    "without_reductions",
    "A 1x1 convolution narrows the map before the 3x3 and before the 5x5.",
    built,
    second=lambda x, n: convolve(x, n.f3, 3),
    third=lambda x, n: convolve(x, n.f5, 5),
)
bank.variant(
    "reduced_afterwards",
    "The 1x1 convolution comes before the 3x3 and the 5x5, not behind: it is to make them cheap.",
    built,
    second=lambda x, n: convolve(convolve(x, n.f3_reduce, 3), n.f3, 1),
    third=lambda x, n: convolve(convolve(x, n.f5_reduce, 5), n.f5, 1),
)
bank.variant(
    "linear_reductions",
    "Every convolution is followed by ReLU, the 1x1 reductions too.",
    built,
    second=lambda x, n: convolve(convolve(x, n.f3_reduce, 1, activation=None), n.f3, 3),
    third=lambda x, n: convolve(convolve(x, n.f5_reduce, 1, activation=None), n.f5, 5),
)


@bank.mistake("The 3x3 and the 5x5 have a 1x1 reduction each; here both read the same one.")
def one_reduction(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    narrow = convolve(x, f3_reduce, 1)
    ways = [way_1(x, f1), convolve(narrow, f3, 3), convolve(narrow, f5, 5), way_4(x, pool)]
    return layers.Concatenate()(ways)


@bank.mistake("The numbers of the reductions are exchanged: `f3_reduce` belongs before the 3x3.")
def reductions_exchanged(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    return inception_block(x, f1, f5_reduce, f3, f3_reduce, f5, pool)


@bank.mistake("The reduction has `f3_reduce` filters and the 3x3 has `f3`; here it is the reverse.")
def three_reversed(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    return inception_block(x, f1, f3, f3_reduce, f5_reduce, f5, pool)


@bank.mistake(
    "The reductions have `f3_reduce` and `f5_reduce` filters, the 3x3 and the 5x5 have `f3` and "
    "`f5`; here it is the reverse in both ways."
)
def both_reversed(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    return inception_block(x, f1, f3, f3_reduce, f5, f5_reduce, pool)


@bank.mistake("`f3` belongs to the 3x3 and `f5` to the 5x5; here they are exchanged.")
def filters_exchanged(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    return inception_block(x, f1, f3_reduce, f5, f5_reduce, f3, pool)


@bank.mistake("`f1` belongs to way 1 and `pool` to way 4; here they are exchanged.")
def ones_exchanged(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    return inception_block(x, pool, f3_reduce, f3, f5_reduce, f5, f1)


# The pool

bank.variant(
    "pool_not_narrowed",
    "A 1x1 convolution with `pool` filters follows the pool.",
    built,
    fourth=lambda x, n: max_pool(x),
)
bank.variant(
    "narrowed_before_pool",
    "In way 4 the pool comes first, then the 1x1 convolution.",
    built,
    fourth=lambda x, n: max_pool(convolve(x, n.pool, 1)),
)
bank.variant(
    "average_pool",
    "Way 4 takes the maximum of its window, not the mean.",
    built,
    fourth=lambda x, n: convolve(layers.AveragePooling2D(3, 1, "same")(x), n.pool, 1),
)
bank.variant(
    "pool_of_five",
    "The window of the pool is 3x3.",
    built,
    fourth=lambda x, n: convolve(max_pool(x, 5), n.pool, 1),
)
bank.variant(
    "zeros_around_pool",
    "Where all of a window is negative its maximum is negative too; here a zero takes part in it, "
    "of a padding by hand or of a ReLU before the pool.",
    built,
    fourth=lambda x, n: convolve(layers.MaxPooling2D(3, 1)(padded(x, 3)), n.pool, 1),
)
bank.variant(
    "without_pool",
    "Way 4 begins with a 3x3 max pool of stride 1.",
    built,
    fourth=lambda x, n: convolve(x, n.pool, 1),
)
bank.variant(
    "pooled_and_enlarged",
    "The pool has stride 1, so that the map keeps its size; here it is made smaller and then "
    "enlarged.",
    built,
    fourth=lambda x, n: convolve(
        layers.Resizing(*x.shape[1:3], interpolation="nearest")(max_pool(x, 3, 2)), n.pool, 1
    ),
)

# Kernels

bank.variant(
    "two_threes",
    "Way 3 has one 5x5 convolution; two of 3x3 are what a later paper (Inception V3) made of it.",
    built,
    third=lambda x, n: convolve(convolve(convolve(x, n.f5_reduce, 1), n.f5, 3), n.f5, 3),
)
bank.variant(
    "dilated_three",
    "Way 3 has 5x5 kernels; a dilated 3x3 is as wide but has holes.",
    built,
    third=lambda x, n: convolve(convolve(x, n.f5_reduce, 1), n.f5, 3, dilation_rate=2),
)
bank.variant(
    "rows_and_columns",
    "Way 3 has one 5x5 convolution, not a 1x5 and a 5x1.",
    built,
    third=lambda x, n: convolve(convolve(convolve(x, n.f5_reduce, 1), n.f5, (1, 5)), n.f5, (5, 1)),
)
bank.variant(
    "long_kernel",
    "The kernel of way 2 is 3x3; this one has as many weights, all in one line.",
    built,
    second=lambda x, n: convolve(convolve(x, n.f3_reduce, 1), n.f3, (1, 9)),
)
bank.variant(
    "depthwise_separable",
    "The 3x3 and the 5x5 are ordinary convolutions, not separable: every filter sees every "
    "channel.",
    built,
    second=lambda x, n: layers.SeparableConv2D(n.f3, 3, padding="same", activation="relu")(
        convolve(x, n.f3_reduce, 1)
    ),
    third=lambda x, n: layers.SeparableConv2D(n.f5, 5, padding="same", activation="relu")(
        convolve(x, n.f5_reduce, 1)
    ),
)

# How the ways lie


@bank.mistake("All four ways read `x`; here each reads what the one before gives.")
def in_a_row(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    one = way_1(x, f1)
    two = way_2(one, f3_reduce, f3)
    three = way_3(two, f5_reduce, f5)
    return layers.Concatenate()([one, two, three, way_4(three, pool)])


@bank.mistake("Way 3 reads `x`, not what way 2 gives.")
def five_behind_three(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    two = way_2(x, f3_reduce, f3)
    ways = [way_1(x, f1), two, way_3(two, f5_reduce, f5), way_4(x, pool)]
    return layers.Concatenate()(ways)


@bank.mistake("All four ways read `x`; only way 4 reads a pool of it.")
def all_behind_pool(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    x = max_pool(x)
    ways = [way_1(x, f1), way_2(x, f3_reduce, f3), way_3(x, f5_reduce, f5)]
    return layers.Concatenate()([*ways, convolve(x, pool, 1)])


@bank.mistake("Three of the ways are there: way 4, the pool and its 1x1 convolution, is missing.")
def three_ways(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    ways = [way_1(x, f1), way_2(x, f3_reduce, f3), way_3(x, f5_reduce, f5)]
    return layers.Concatenate()(ways)


@bank.mistake("The ways are concatenated along the channels, not along the rows.")
def below_each_other(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    ways = [way_1(x, f1), way_2(x, f3_reduce, f1), way_3(x, f5_reduce, f1), way_4(x, f1)]
    return layers.Concatenate(axis=1)(ways)


@bank.mistake("The ways lie side by side as channels; they are not added.")
def added(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    ways = [way_1(x, f1), way_2(x, f3_reduce, f1), way_3(x, f5_reduce, f1), way_4(x, f1)]
    return layers.Add()(ways)


@bank.mistake("The module has no shortcut: `x` is not added to, or put beside, its ways.")
def with_shortcut(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    return layers.Concatenate()([inception_block(x, f1, f3_reduce, f3, f5_reduce, f5, pool), x])


@bank.mistake("A second 1x1 convolution behind the concatenation is not asked for.")
def mixed_afterwards(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    y = inception_block(x, f1, f3_reduce, f3, f5_reduce, f5, pool)
    return convolve(y, y.shape[-1], 1)


# Normalisations and activations


@bank.mistake("There is no batch normalisation: it came with the next version of the net.")
def normalised(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    def unit(x, filters, kernel):
        x = layers.Conv2D(filters, kernel, padding="same", use_bias=False)(x)
        return layers.ReLU()(layers.BatchNormalization()(x))

    ways = [
        unit(x, f1, 1),
        unit(unit(x, f3_reduce, 1), f3, 3),
        unit(unit(x, f5_reduce, 1), f5, 5),
        unit(max_pool(x), pool, 1),
    ]
    return layers.Concatenate()(ways)


@bank.mistake("Every convolution is followed by ReLU; here none is.")
def linear(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    ways = [
        convolve(x, f1, 1, activation=None),
        convolve(convolve(x, f3_reduce, 1, activation=None), f3, 3, activation=None),
        convolve(convolve(x, f5_reduce, 1, activation=None), f5, 5, activation=None),
        convolve(max_pool(x), pool, 1, activation=None),
    ]
    return layers.Concatenate()(ways)


@bank.mistake("The last convolution of each way is followed by ReLU too.")
def linear_ends(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    ways = [
        convolve(x, f1, 1, activation=None),
        convolve(convolve(x, f3_reduce, 1), f3, 3, activation=None),
        convolve(convolve(x, f5_reduce, 1), f5, 5, activation=None),
        convolve(max_pool(x), pool, 1, activation=None),
    ]
    return layers.Concatenate()(ways)


@bank.mistake("The convolutions have biases: nothing normalises behind them.")
def without_biases(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    ways = [
        convolve(x, f1, 1, use_bias=False),
        convolve(convolve(x, f3_reduce, 1, use_bias=False), f3, 3, use_bias=False),
        convolve(convolve(x, f5_reduce, 1, use_bias=False), f5, 5, use_bias=False),
        convolve(max_pool(x), pool, 1, use_bias=False),
    ]
    return layers.Concatenate()(ways)


@bank.mistake(
    "The 3x3 and the 5x5 have a 1x1 reduction each; here both read the same one where the two have "
    "as many filters."
)
def one_reduction_for_equal_numbers(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    if f3_reduce == f5_reduce:
        return one_reduction(x, f1, f3_reduce, f3, f5_reduce, f5, pool)
    return inception_block(x, f1, f3_reduce, f3, f5_reduce, f5, pool)
