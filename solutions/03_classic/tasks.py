"""Exercise 03: the classic nets. Right answers in several styles, and what students get wrong.

`docs/authoring.md` explains how such a file is written. The nets below are written with `keras` and
`keras.ops` only, so that the bank runs on each of Keras's backends.
"""

import math

import keras
import numpy as np
from keras import layers, ops

from autograder.setting.task import Accepted, Mistake, Task, Trial, counted, trial

BY_CHANNEL = "the maps are flattened channel by channel, so the dense weights stand in that order"

# What several answers are built from


class RawConvolution(layers.Layer):
    """A convolution with weights of its own."""

    def __init__(self, filters, side, stride=1, padding="valid"):
        super().__init__()
        self.filters, self.side, self.stride, self.padding = filters, side, stride, padding

    def build(self, shape):
        kernel = (self.side, self.side, shape[-1], self.filters)
        self.shift = self.add_weight(shape=(self.filters,), initializer="zeros", name="shift")
        self.taps = self.add_weight(shape=kernel, initializer="glorot_normal", name="taps")

    def call(self, x):
        return ops.conv(x, self.taps, self.stride, self.padding) + self.shift


class RawDense(layers.Layer):
    """A dense layer with weights of its own, on maps of any shape."""

    def __init__(self, units):
        super().__init__()
        self.units = units

    def build(self, shape):
        inputs = math.prod(shape[1:])
        self.matrix = self.add_weight(shape=(inputs, self.units), initializer="he_normal")
        self.offset = self.add_weight(shape=(self.units,), initializer="zeros")

    def call(self, x):
        x = ops.reshape(x, (-1, self.matrix.shape[0]))
        return ops.matmul(x, self.matrix) + self.offset


# Chains with some parts changed: what most wrong answers are


def act(name):
    """An activation as a part of a chain."""
    return lambda classes: layers.Activation(name)


def part(build, *arguments, **options):
    """A layer as a part of a chain, made anew in each net."""
    return lambda classes: build(*arguments, **options)


def function(call):
    """A function of the tensor as a part of a chain."""
    return lambda classes: call


def one_after_another(shape, parts, classes):
    x = inputs = keras.Input(shape)
    for make in parts:
        x = make(classes)(x) if make else x
    return keras.Model(inputs, x)


def softmax_of_batch(x):
    return ops.softmax(x, axis=0)


def softmax_twice(x):
    return ops.softmax(ops.softmax(x))


def softmax_of_relu(x):
    return ops.softmax(ops.relu(x))


NO_SOFTMAX_OF_BATCH = (
    "The softmax is taken over the batch (axis 0); it belongs over the classes, the last axis."
)
SOFTMAX_TWICE = "The softmax is taken twice."
ONE_FOR_TWO = "Two classes are two outputs with a softmax, like any other number of them."
NOT_SCALED = "The picture goes into the first convolution as it is, without any factor or shift."
ENDS = [
    ("softmax_of_batch", function(softmax_of_batch), NO_SOFTMAX_OF_BATCH),
    ("softmax_twice", function(softmax_twice), SOFTMAX_TWICE),
    (
        "softmax_of_relu",
        function(softmax_of_relu),
        "The scores go straight into the softmax, without another activation.",
    ),
    (
        "log_softmax",
        act("log_softmax"),
        "Probabilities are asked for (softmax), not their logarithms.",
    ),
]


# lenet5


def lenet5():
    """LeNet-5 as the book builds it: LeCun 1998 with a softmax and full connections."""
    inputs = keras.Input((32, 32, 1))
    x = layers.Conv2D(6, 5, activation="tanh")(inputs)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Conv2D(16, 5, activation="tanh")(x)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(120, activation="tanh")(x)
    x = layers.Dense(84, activation="tanh")(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def one_by_one(filters, kernel, parts, **options):
    """A convolution whose kernel is cut into `parts` of as many filters each."""

    def call(x):
        cut = [layers.Conv2D(filters // parts, kernel, **options)(x) for _ in range(parts)]
        return layers.Concatenate()(cut)

    return call


def lenet_filter_by_filter():
    inputs = keras.Input((32, 32, 1))
    x = layers.AveragePooling2D(2)(one_by_one(6, 5, 6, activation="tanh")(inputs))
    x = layers.AveragePooling2D(2)(layers.Conv2D(16, 5, activation="tanh")(x))
    x = layers.Flatten()(x)
    for units in (120, 84):
        x = layers.Dense(units, activation="tanh")(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def lenet_sequential():
    return keras.Sequential(
        [
            keras.Input((32, 32, 1)),
            layers.Conv2D(6, (5, 5), padding="valid", kernel_initializer="lecun_uniform"),
            layers.Activation("tanh"),
            layers.AveragePooling2D(pool_size=(2, 2), strides=2),
            layers.Conv2D(16, (5, 5)),
            layers.Activation("tanh"),
            layers.AvgPool2D((2, 2)),
            layers.Flatten(),
            layers.Dense(120),
            layers.Activation("tanh"),
            layers.Dropout(0.3),
            layers.Dense(84),
            layers.Activation("tanh"),
            layers.Dense(10),
            layers.Softmax(),
        ]
    )


def lenet_convolutional():
    """C5 as a convolution, as the paper draws it, and the dense layers as 1x1 convolutions."""
    inputs = keras.Input((32, 32, 1))
    x = inputs
    for filters in (6, 16):
        x = ops.average_pool(ops.tanh(layers.Conv2D(filters, 5)(x)), 2, 2)
    x = layers.Conv2D(120, 5, activation="tanh")(x)
    x = layers.Conv2D(84, 1, activation="tanh")(x)
    x = layers.Conv2D(10, 1)(x)
    return keras.Model(inputs, layers.Softmax()(layers.Reshape((10,))(x)))


class LeNet(keras.Model):
    def __init__(self):
        super().__init__()
        self.out = layers.Dense(10, activation="softmax")
        self.conv2 = layers.Conv2D(16, 5, activation="tanh")
        self.conv1 = layers.Conv2D(6, 5, activation="tanh")
        self.pool = layers.AveragePooling2D((2, 2))
        self.dense = [layers.Dense(units, activation="tanh") for units in (120, 84)]

    def call(self, x):
        x = self.pool(self.conv2(self.pool(self.conv1(x))))
        x = ops.reshape(x, (-1, 400))
        for dense in self.dense:
            x = dense(x)
        return self.out(x)


def lenet_subclass():
    return LeNet()


def lenet_raw():
    def pooled(x):
        """A pool without weights, as the mean of four strided slices."""
        return sum(x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)) / 4

    inputs = keras.Input((32, 32, 1))
    x = pooled(ops.tanh(RawConvolution(6, 5)(inputs)))
    x = pooled(ops.tanh(RawConvolution(16, 5)(x)))
    x = ops.tanh(RawDense(120)(x))
    x = ops.tanh(RawDense(84)(x))
    return keras.Model(inputs, ops.softmax(RawDense(10)(x)))


def lenet_flattened_by_channel():
    x = inputs = keras.Input((32, 32, 1))
    for filters in (6, 16):
        x = layers.AveragePooling2D(2)(layers.Conv2D(filters, 5, activation="tanh")(x))
    x = layers.Flatten()(layers.Permute((3, 1, 2))(x))
    for units in (120, 84):
        x = layers.Dense(units, activation="tanh")(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def lenet_exponentials():
    """Tanh by exponentials, the pool as a depthwise convolution with fixed weights."""

    def tanh(x):
        return 2 * ops.sigmoid(2 * x) - 1

    def pooled(x):
        quarter = np.full((2, 2, x.shape[-1], 1), 0.25, "float32")
        return ops.depthwise_conv(x, quarter, strides=2)

    inputs = keras.Input((32, 32, 1))
    x = pooled(tanh(layers.Conv2D(6, 5)(inputs)))
    x = layers.Flatten()(pooled(tanh(layers.Conv2D(16, 5)(x))))
    x = tanh(layers.Dense(84)(tanh(layers.Dense(120)(x))))
    scores = ops.exp(layers.Dense(10)(x))
    return keras.Model(inputs, scores / ops.sum(scores, axis=-1, keepdims=True))


def lenet_like(
    filters=(6, 16),
    kernel=5,
    padding="valid",
    inner="tanh",
    dense="tanh",
    last="softmax",
    pool=layers.AveragePooling2D,
    pool_first=False,
    second_pool=True,
    hidden=(120, 84),
    shape=(32, 32, 1),
    bias=True,
    classes=10,
):
    """LeNet with one thing changed."""
    x = inputs = keras.Input(shape)
    for number, count in enumerate(filters):
        x = layers.Conv2D(count, kernel, padding=padding, use_bias=bias)(x)
        stages = [layers.Activation(inner)] + [pool(2)] * (second_pool or number == 0)
        for stage in reversed(stages) if pool_first else stages:
            x = stage(x)
    x = layers.Flatten()(x)
    for units in hidden:
        x = layers.Dense(units, activation=dense)(x)
    return keras.Model(inputs, layers.Dense(classes, activation=last)(x))


def lenet_relu():
    return lenet_like(inner="relu", dense="relu")


def lenet_relu_max():
    return lenet_like(inner="relu", dense="relu", pool=layers.MaxPooling2D)


def lenet_max():
    return lenet_like(pool=layers.MaxPooling2D)


def lenet_sigmoid():
    return lenet_like(inner="sigmoid", dense="sigmoid")


def lenet_same():
    return lenet_like(padding="same")


def lenet_first_same():
    x = inputs = keras.Input((32, 32, 1))
    x = layers.AveragePooling2D(2)(layers.Conv2D(6, 5, padding="same", activation="tanh")(x))
    x = layers.AveragePooling2D(2)(layers.Conv2D(16, 5, activation="tanh")(x))
    x = layers.Dense(120, activation="tanh")(layers.Flatten()(x))
    x = layers.Dense(84, activation="tanh")(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def lenet_linear_convolutions():
    return lenet_like(inner="linear")


def lenet_linear_dense():
    return lenet_like(dense="linear")


def lenet_without_activations():
    return lenet_like(inner="linear", dense="linear")


def lenet_scores():
    return lenet_like(last="linear")


def lenet_sigmoid_end():
    return lenet_like(last="sigmoid")


def lenet_tanh_after_pool():
    return lenet_like(pool_first=True)


def lenet_one_pool():
    return lenet_like(second_pool=False)


def lenet_without_84():
    return lenet_like(hidden=(120,))


def lenet_swapped_dense():
    return lenet_like(hidden=(84, 120))


def lenet_swapped_filters():
    return lenet_like(filters=(16, 6))


def lenet_small_kernels():
    return lenet_like(kernel=3)


def lenet_without_bias():
    return lenet_like(bias=False)


def lenet_strided():
    x = inputs = keras.Input((32, 32, 1))
    for filters in (6, 16):
        x = layers.Conv2D(filters, 5, activation="tanh")(x)[:, ::2, ::2]
    x = layers.Flatten()(x)
    for units in (120, 84):
        x = layers.Dense(units, activation="tanh")(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def lenet_sum_pool():
    """Each pool gives four times the mean."""
    x = inputs = keras.Input((32, 32, 1))
    for filters in (6, 16):
        x = 4 * layers.AveragePooling2D(2)(layers.Conv2D(filters, 5, activation="tanh")(x))
    x = layers.Flatten()(x)
    for units in (120, 84):
        x = layers.Dense(units, activation="tanh")(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def lenet_global_pool():
    x = inputs = keras.Input((32, 32, 1))
    for filters in (6, 16):
        x = layers.AveragePooling2D(2)(layers.Conv2D(filters, 5, activation="tanh")(x))
    x = layers.GlobalAveragePooling2D()(x)
    for units in (120, 84):
        x = layers.Dense(units, activation="tanh")(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


LENET_PARTS = {
    "before": None,
    "conv1": part(layers.Conv2D, 6, 5),
    "tanh1": act("tanh"),
    "pool1": part(layers.AveragePooling2D, 2),
    "conv2": part(layers.Conv2D, 16, 5),
    "tanh2": act("tanh"),
    "pool2": part(layers.AveragePooling2D, 2),
    "flatten": part(layers.Flatten),
    "dense1": part(layers.Dense, 120),
    "tanh3": act("tanh"),
    "dense2": part(layers.Dense, 84),
    "tanh4": act("tanh"),
    "dense3": part(layers.Dense, 10),
    "softmax": act("softmax"),
}
TANHS = ("tanh1", "tanh2", "tanh3", "tanh4")


def lenet_with(name, **changes):
    """LeNet with some parts changed, as an answer with a name of its own."""

    def answer():
        parts = {**LENET_PARTS, **changes}
        return one_after_another((32, 32, 1), parts.values(), 10)

    answer.__name__ = f"lenet_{name}"
    return answer


def every_tanh(activation):
    return dict.fromkeys(TANHS, activation)


def scaled_tanh(x):
    return 1.7159 * ops.tanh(2 / 3 * x)


def half_tanh(x):
    return 2 * ops.sigmoid(x) - 1


def tanh_pool(pool):
    return lambda classes: lambda x: ops.tanh(pool(classes)(x))


def lenet_normalised_convolution(filters):
    def build(classes):
        return keras.Sequential([layers.Conv2D(filters, 5), layers.BatchNormalization()])

    return build


AVERAGE_2X2 = "The pools are 2x2 with stride 2, without overlap or padding."
LENET_CHANGES = [
    *[
        (name, every_tanh(act(name)), f"The activations are tanh, not {name}.")
        for name in ("hard_tanh", "softsign", "elu", "gelu", "leaky_relu")
    ],
    (
        "scaled_tanh",
        every_tanh(function(scaled_tanh)),
        "This is the scaled tanh of the original paper; the task asks for the plain one.",
    ),
    (
        "half_tanh",
        every_tanh(function(half_tanh)),
        "The activations are tanh; 2 sigmoid(x) - 1 is tanh(x / 2), which rises half as fast.",
    ),
    (
        "relu_convolutions",
        {"tanh1": act("relu"), "tanh2": act("relu")},
        "The convolutions are followed by tanh, not ReLU.",
    ),
    (
        "relu_dense",
        {"tanh3": act("relu"), "tanh4": act("relu")},
        "The hidden dense layers have tanh, not ReLU.",
    ),
    ("no_tanh1", {"tanh1": None}, "A tanh is missing after the first convolution."),
    ("no_tanh2", {"tanh2": None}, "A tanh is missing after the second convolution."),
    ("no_tanh3", {"tanh3": None}, "A tanh is missing after the dense layer of 120."),
    ("no_tanh4", {"tanh4": None}, "A tanh is missing after the dense layer of 84."),
    (
        "tanh_twice",
        {
            "pool1": tanh_pool(LENET_PARTS["pool1"]),
            "pool2": tanh_pool(LENET_PARTS["pool2"]),
        },
        "No activation follows a pool: the tanh stands between convolution and pool only.",
    ),
    (
        "tanh_of_scores",
        {"softmax": function(lambda x: ops.softmax(ops.tanh(x)))},
        "The scores go straight into the softmax, without a tanh.",
    ),
    ("tanh_end", {"softmax": act("tanh")}, "The last activation is a softmax, not tanh."),
    *[(name, {"softmax": end}, hint) for name, end, hint in ENDS if name != "softmax_of_relu"],
    (
        "first_maximum",
        {"pool1": part(layers.MaxPooling2D, 2)},
        "The first pool takes the maximum; both take the mean.",
    ),
    (
        "second_maximum",
        {"pool2": part(layers.MaxPooling2D, 2)},
        "The second pool takes the maximum; both take the mean.",
    ),
    (
        "wide_pools",
        dict.fromkeys(("pool1", "pool2"), part(layers.AveragePooling2D, 3, 2, "same")),
        AVERAGE_2X2,
    ),
    (
        "wide_valid_pools",
        dict.fromkeys(("pool1", "pool2"), part(layers.AveragePooling2D, 3, 2)),
        AVERAGE_2X2,
    ),
    (
        "pools_by_one",
        dict.fromkeys(("pool1", "pool2"), part(layers.AveragePooling2D, 2, 1)),
        AVERAGE_2X2,
    ),
    (
        "first_pool_missing",
        {"pool1": None},
        "A pool follows the first convolution too: 28x28x6 becomes 14x14x6.",
    ),
    (
        "stride_and_pools",
        {"conv1": part(layers.Conv2D, 6, 5, 2)},
        "The convolutions have stride 1; only the pools make the maps smaller.",
    ),
    (
        "stride_for_first_pool",
        {"conv1": part(layers.Conv2D, 6, 5, 2), "pool1": None},
        "A stride of the first convolution stands in for its pool: it skips positions, where the "
        "pool takes the mean of four.",
    ),
    (
        "stride_for_second_pool",
        {"conv2": part(layers.Conv2D, 16, 5, 2), "pool2": None},
        "A stride of the second convolution stands in for its pool: it skips positions, where the "
        "pool takes the mean of four.",
    ),
    (
        "dilated",
        {"conv2": part(layers.Conv2D, 16, 5, dilation_rate=2)},
        "The second convolution is a plain 5x5, without dilation.",
    ),
    (
        "grouped",
        {"conv2": part(layers.Conv2D, 16, 5, groups=2)},
        "Every filter of the second convolution sees all 6 maps: no groups. (The original's table "
        "of connections is left out here.)",
    ),
    (
        "first_7x7",
        {"before": part(layers.ZeroPadding2D, 1), "conv1": part(layers.Conv2D, 6, 7)},
        "The first kernel is 5x5, not 7x7, and there is no padding.",
    ),
    (
        "conv_for_flatten",
        {
            "flatten": None,
            "dense1": part(layers.Conv2D, 120, 5),
            "dense2": part(layers.Conv2D, 84, 1),
            "dense3": part(layers.Conv2D, 10, 1),
        },
        "The output is a map of 1x1x10: flatten it, so that it is (N, 10).",
    ),
    (
        "twelve_filters",
        {"conv2": part(layers.Conv2D, 12, 5)},
        "The second convolution has 16 filters.",
    ),
    (
        "no_bias_at_all",
        {
            "conv1": part(layers.Conv2D, 6, 5, use_bias=False),
            "conv2": part(layers.Conv2D, 16, 5, use_bias=False),
            "dense1": part(layers.Dense, 120, use_bias=False),
            "dense2": part(layers.Dense, 84, use_bias=False),
            "dense3": part(layers.Dense, 10, use_bias=False),
        },
        "Convolutions and dense layers have biases.",
    ),
    (
        "normalised",
        {"conv1": lenet_normalised_convolution(6), "conv2": lenet_normalised_convolution(16)},
        "LeNet has no batch normalisation.",
    ),
    (
        "two_of_84",
        {"tanh4": lambda classes: keras.Sequential([act("tanh")(0), layers.Dense(84, "tanh")])},
        "There are two hidden dense layers, 120 and 84; yours has one more.",
    ),
    ("divided", {"before": part(layers.Rescaling, 1 / 255)}, NOT_SCALED),
    (
        "standardised",
        {"before": function(lambda x: x - ops.mean(x, axis=(1, 2), keepdims=True))},
        NOT_SCALED,
    ),
]
LENET_MISTAKES = [
    *[Mistake(lenet_with(name, **changes), hint) for name, changes, hint in LENET_CHANGES],
    Mistake(
        lenet_relu,
        "The activations are ReLU; LeNet has tanh, after the convolutions and after both hidden "
        "dense layers alike.",
    ),
    Mistake(lenet_relu_max, "This is the modern LeNet: tanh and average pools are asked for."),
    Mistake(lenet_max, "The pools take the maximum; LeNet's take the mean."),
    Mistake(lenet_sigmoid, "The activations are sigmoids; tanh is asked for."),
    Mistake(lenet_same, "The convolutions are `valid`: 32 -> 28 -> 14 -> 10 -> 5."),
    Mistake(
        lenet_first_same,
        "The first convolution is `valid` too: the picture has 32 pixels, not 28, just so that it "
        "needs no padding.",
    ),
    Mistake(lenet_linear_convolutions, "A tanh is missing after each of the two convolutions."),
    Mistake(lenet_linear_dense, "A tanh is missing after the hidden dense layers of 120 and 84."),
    Mistake(
        lenet_without_activations,
        "There is no activation between the layers: a tanh follows every convolution and every "
        "hidden dense layer.",
    ),
    Mistake(lenet_scores, "The softmax at the end is missing."),
    Mistake(
        lenet_sigmoid_end,
        "The ten outputs are probabilities of one choice, adding up to 1: softmax, not sigmoid.",
    ),
    Mistake(
        lenet_tanh_after_pool,
        "The tanh comes before the pool: the mean of the tanh is not the tanh of the mean.",
    ),
    Mistake(lenet_one_pool, "A pool follows the second convolution too: 10x10x16 becomes 5x5x16."),
    Mistake(lenet_without_84, "The dense layer of 84 is missing."),
    Mistake(lenet_swapped_dense, "The hidden dense layers have 120 units, then 84."),
    Mistake(lenet_swapped_filters, "The convolutions have 6 filters, then 16."),
    Mistake(lenet_small_kernels, "The kernels are 5x5."),
    Mistake(lenet_without_bias, "The convolutions have biases."),
    Mistake(
        lenet_strided,
        "Every second position is taken as it is (a stride does so too): a 2x2 pool takes the mean "
        "of four positions.",
    ),
    Mistake(lenet_sum_pool, "The pools add up; LeNet's take the mean."),
    Mistake(
        lenet_global_pool,
        "A global pool leaves 16 numbers for the dense layer of 120; it takes all 5x5x16 = 400.",
    ),
]


# alexnet


def alexnet(classes=1000):
    """Krizhevsky 2012 in one tower, without response normalisation."""
    inputs = keras.Input((227, 227, 3))
    x = layers.Conv2D(96, 11, strides=4, activation="relu")(inputs)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = layers.Conv2D(256, 5, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = layers.Conv2D(384, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(384, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(256, 3, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(4096, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    x = layers.Dense(4096, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def alexnet_halves(classes=1000):
    """The first kernel in two halves, as on the two cards of 2012."""
    inputs = keras.Input((227, 227, 3))
    x = one_by_one(96, 11, 2, strides=4, activation="relu")(inputs)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = layers.Conv2D(256, 5, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D(3, strides=2)(x)
    for filters in (384, 384, 256):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    x = layers.Flatten()(layers.MaxPooling2D(3, strides=2)(x))
    for _ in range(2):
        x = layers.Dropout(0.5)(layers.Dense(4096, activation="relu")(x))
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def alexnet_sequential(classes=1000):
    def stage(filters, kernel, pool, **options):
        conv = layers.Conv2D(filters, (kernel, kernel), **options)
        pools = [layers.MaxPool2D(pool_size=(3, 3), strides=(2, 2), padding="valid")]
        return [conv, layers.ReLU(), *(pools if pool else [])]

    return keras.Sequential(
        [
            keras.Input(shape=(227, 227, 3)),
            *stage(96, 11, True, strides=4, padding="valid"),
            *stage(256, 5, True, padding="same"),
            *stage(384, 3, False, padding="same"),
            *stage(384, 3, False, padding="same"),
            *stage(256, 3, True, padding="same"),
            layers.Flatten(),
            layers.Dense(4096, "relu"),
            layers.Dense(4096, "relu"),
            layers.Dense(classes),
            layers.Activation("softmax"),
        ]
    )


class AlexNet(keras.Model):
    def __init__(self, classes):
        super().__init__()
        self.out = layers.Dense(classes)
        self.hidden = [layers.Dense(4096) for _ in range(2)]
        self.same = [
            layers.Conv2D(filters, kernel, padding="same")
            for filters, kernel in ((256, 5), (384, 3), (384, 3), (256, 3))
        ]
        self.first = layers.Conv2D(96, 11, 4)

    def call(self, x):
        x = ops.max_pool(ops.relu(self.first(x)), 3, 2)
        for number, conv in enumerate(self.same):
            x = ops.relu(conv(x))
            if number in (0, 3):
                x = ops.max_pool(x, 3, 2)
        x = ops.reshape(x, (-1, 9216))
        for dense in self.hidden:
            x = ops.relu(dense(x))
        return ops.softmax(self.out(x))


def alexnet_subclass(classes=1000):
    return AlexNet(classes)


def alexnet_raw(classes=1000):
    inputs = keras.Input((227, 227, 3))
    x = ops.maximum(RawConvolution(96, 11, 4)(inputs), 0)
    x = layers.MaxPooling2D(3, 2)(x)
    x = ops.maximum(RawConvolution(256, 5, padding="same")(x), 0)
    x = layers.MaxPooling2D(3, 2)(x)
    for filters in (384, 384, 256):
        x = ops.maximum(RawConvolution(filters, 3, padding="same")(x), 0)
    x = RawDense(4096)(layers.MaxPooling2D(3, 2)(x))
    x = RawDense(4096)(ops.maximum(x, 0))
    return keras.Model(inputs, ops.softmax(RawDense(classes)(ops.maximum(x, 0))))


def alexnet_convolutional(classes=1000):
    """The dense layers as convolutions, the padding by a layer of its own."""
    inputs = keras.Input((227, 227, 3))
    x = layers.Conv2D(96, 11, 4, activation="relu")(inputs)
    x = layers.ZeroPadding2D(2)(layers.MaxPooling2D(3, 2)(x))
    x = layers.MaxPooling2D(3, 2)(layers.Conv2D(256, 5, activation="relu")(x))
    for filters in (384, 384, 256):
        x = layers.Conv2D(filters, 3, activation="relu")(layers.ZeroPadding2D(1)(x))
    x = layers.Conv2D(4096, 6, activation="relu")(layers.MaxPooling2D(3, 2)(x))
    x = layers.Conv2D(4096, 1, activation="relu")(x)
    x = layers.Conv2D(classes, 1)(x)
    return keras.Model(inputs, layers.Softmax()(layers.Flatten()(x)))


def alexnet_flattened_by_channel(classes=1000):
    x = inputs = keras.Input((227, 227, 3))
    x = layers.MaxPooling2D(3, 2)(layers.Conv2D(96, 11, 4, activation="relu")(x))
    x = layers.MaxPooling2D(3, 2)(layers.Conv2D(256, 5, padding="same", activation="relu")(x))
    for filters in (384, 384, 256):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    x = layers.Flatten()(layers.Permute((3, 1, 2))(layers.MaxPooling2D(3, 2)(x)))
    for _ in range(2):
        x = layers.Dense(4096, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def alexnet_like(
    classes,
    first=("valid", 4),
    second_padding="same",
    later_padding="same",
    pool=layers.MaxPooling2D,
    pool_size=3,
    pool_padding="valid",
    pools=(True, True, False, False, True),
    filters=(96, 256, 384, 384, 256),
    inner="relu",
    last_inner="relu",
    hidden=(4096, 4096),
    hidden_activation="relu",
    last="softmax",
    between=None,
    groups=(1, 1, 1, 1, 1),
    second_kernel=5,
    side=227,
):
    """AlexNet with one thing changed."""
    x = inputs = keras.Input((side, side, 3))
    kernels = (11, second_kernel, 3, 3, 3)
    paddings = (first[0], second_padding, *[later_padding] * 3)
    for number, (count, kernel, padding) in enumerate(zip(filters, kernels, paddings, strict=True)):
        stride = first[1] if number == 0 else 1
        x = layers.Conv2D(count, kernel, stride, padding, groups=groups[number])(x)
        x = layers.Activation(last_inner if number == 4 else inner)(x)
        if between and number < 2:
            x = between()(x)
        if pools[number]:
            x = pool(pool_size, 2, padding=pool_padding)(x)
    x = layers.Flatten()(x)
    for units in hidden:
        x = layers.Dense(units, activation=hidden_activation)(x)
    return keras.Model(inputs, layers.Dense(classes, activation=last)(x))


def alexnet_first_same(classes=1000):
    return alexnet_like(classes, first=("same", 4))


def alexnet_all_valid(classes=1000):
    return alexnet_like(classes, second_padding="valid")


def alexnet_small_pools(classes=1000):
    return alexnet_like(classes, pool_size=2)


def alexnet_same_pools(classes=1000):
    return alexnet_like(classes, pool_padding="same")


def alexnet_average_pools(classes=1000):
    return alexnet_like(classes, pool=layers.AveragePooling2D)


def alexnet_without_last_pool(classes=1000):
    return alexnet_like(classes, pools=(True, True, False, False, False))


def alexnet_two_groups(classes=1000):
    return alexnet_like(classes, groups=(1, 2, 1, 2, 2))


def alexnet_one_hidden(classes=1000):
    return alexnet_like(classes, hidden=(4096,))


def alexnet_linear_hidden(classes=1000):
    return alexnet_like(classes, hidden_activation="linear")


def alexnet_fifth_linear(classes=1000):
    return alexnet_like(classes, last_inner="linear")


def alexnet_tanh(classes=1000):
    return alexnet_like(classes, inner="tanh", last_inner="tanh", hidden_activation="tanh")


def alexnet_scores(classes=1000):
    return alexnet_like(classes, last="linear")


def alexnet_normalised(classes=1000):
    return alexnet_like(classes, between=layers.BatchNormalization)


def alexnet_thousand(classes=1000):
    return alexnet_like(1000)


class ResponseNormalization(layers.Layer):
    """AlexNet's local response normalisation over five channels."""

    def call(self, x):
        squares = ops.pad(x * x, [(0, 0)] * 3 + [(2, 2)])
        near = sum(squares[..., i : i + x.shape[-1]] for i in range(5))
        return x / (2 + 1e-4 * near) ** 0.75


def alexnet_response_normalised(classes=1000):
    return alexnet_like(classes, between=ResponseNormalization)


def alexnet_small_second_kernel(classes=1000):
    return alexnet_like(classes, second_kernel=3)


def alexnet_filters_kept(classes=1000):
    return alexnet_like(classes, filters=(96, 256, 384, 384, 384), hidden=(4096, 4096))


ALEXNET_PARTS = {
    "before": None,
    "conv1": part(layers.Conv2D, 96, 11, 4),
    "relu1": act("relu"),
    "pool1": part(layers.MaxPooling2D, 3, 2),
    "conv2": part(layers.Conv2D, 256, 5, padding="same"),
    "relu2": act("relu"),
    "pool2": part(layers.MaxPooling2D, 3, 2),
    "conv3": part(layers.Conv2D, 384, 3, padding="same"),
    "relu3": act("relu"),
    "conv4": part(layers.Conv2D, 384, 3, padding="same"),
    "relu4": act("relu"),
    "conv5": part(layers.Conv2D, 256, 3, padding="same"),
    "relu5": act("relu"),
    "pool5": part(layers.MaxPooling2D, 3, 2),
    "flatten": part(layers.Flatten),
    "dense1": part(layers.Dense, 4096),
    "relu6": act("relu"),
    "dense2": part(layers.Dense, 4096),
    "relu7": act("relu"),
    "dense3": lambda classes: layers.Dense(classes),
    "softmax": act("softmax"),
}


def alexnet_with(name, **changes):
    """AlexNet with some parts changed, as an answer with a name of its own."""

    def answer(classes=1000):
        parts = {**ALEXNET_PARTS, **changes}
        return one_after_another((227, 227, 3), parts.values(), classes)

    answer.__name__ = f"alexnet_{name}"
    return answer


def then(*makers):
    """Several parts as one."""
    return lambda classes: keras.Sequential([make(classes) for make in makers])


def called_twice(build, *arguments, **options):
    """One layer, called twice, with a ReLU between."""

    def part_of_chain(classes):
        layer = build(*arguments, **options)
        return lambda x: layer(ops.relu(layer(x)))

    return part_of_chain


DILATED = {
    name: part(layers.Conv2D, filters, kernel, padding="same", dilation_rate=2)
    for name, filters, kernel in (
        ("conv2", 256, 5),
        ("conv3", 384, 3),
        ("conv4", 384, 3),
        ("conv5", 256, 3),
    )
}
LINES = {
    "conv3": part(layers.Conv2D, 384, (1, 9), padding="same"),
    "conv4": part(layers.Conv2D, 384, (1, 9), padding="same"),
    "conv5": part(layers.Conv2D, 256, (1, 9), padding="same"),
}
ALEXNET_CHANGES = [
    (
        "last_pool_2x2",
        {"pool5": part(layers.MaxPooling2D, 2)},
        "The last pool is 3x3 with stride 2 like the others.",
    ),
    (
        "pools_by_three",
        dict.fromkeys(("pool1", "pool2", "pool5"), part(layers.MaxPooling2D, 3)),
        "The pools have stride 2: without `strides` they take that of their window, 3.",
    ),
    (
        "thinned",
        dict.fromkeys(("pool1", "pool2", "pool5"), function(lambda x: x[:, 1:-1:2, 1:-1:2])),
        "Every second position is taken as it is; a 3x3 pool takes the maximum of nine.",
    ),
    (
        "first_padded",
        {"before": part(layers.ZeroPadding2D, 2)},
        "The first convolution has no padding: 227 -> 55 = (227 - 11) / 4 + 1.",
    ),
    (
        "second_grouped",
        {"conv2": part(layers.Conv2D, 256, 5, padding="same", groups=2)},
        "The second convolution has no groups: one tower is asked for.",
    ),
    (
        "second_padded_before",
        {"conv2": then(part(layers.ZeroPadding2D, ((4, 0), (4, 0))), part(layers.Conv2D, 256, 5))},
        "The zeros around the second convolution's input all stand above and on the left; leave "
        'the padding to the layer (`padding="same"`).',
    ),
    (
        "narrow_fourth",
        {
            "conv4": part(layers.Conv2D, 256, 3, padding="same"),
            "conv5": part(layers.Conv2D, 384, 3, padding="same"),
        },
        "The last three convolutions have 384, 384 and 256 filters; yours have 384, 256, 384.",
    ),
    (
        "one_384",
        {"conv4": None, "relu4": None},
        "Two convolutions of 384 filters follow the second pool; yours has one.",
    ),
    (
        "three_384",
        {"relu4": then(act("relu"), part(layers.Conv2D, 384, 3, padding="same"), act("relu"))},
        "Two convolutions of 384 filters follow the second pool; yours has three.",
    ),
    (
        "torchvision",
        {
            "conv1": part(layers.Conv2D, 64, 11, 4),
            "conv2": part(layers.Conv2D, 192, 5, padding="same"),
            "conv4": part(layers.Conv2D, 256, 3, padding="same"),
        },
        "These are the filters of a later version (64, 192, 384, 256, 256); the task asks for 96, "
        "256, 384, 384, 256.",
    ),
    (
        "late_pool",
        {"pool2": None, "relu3": then(act("relu"), part(layers.MaxPooling2D, 3, 2))},
        "The second pool follows the second convolution, not the third.",
    ),
    (
        "pool_before_first",
        {
            "before": part(layers.MaxPooling2D, 3, 2),
            "conv1": part(layers.Conv2D, 96, 11, 4, "same"),
            "pool1": None,
        },
        "The picture goes into the 11x11 convolution first; the pool comes after it.",
    ),
    *[
        (f"no_relu{number}", {f"relu{number}": None}, f"A ReLU is missing after the {where}.")
        for number, where in (
            (1, "first convolution"),
            (2, "second convolution"),
            (3, "third convolution"),
            (4, "fourth convolution"),
            (6, "first dense layer"),
            (7, "second dense layer"),
        )
    ],
    (
        "linear_convolutions",
        dict.fromkeys([f"relu{number}" for number in range(1, 6)]),
        "A ReLU follows every convolution.",
    ),
    (
        "dense_tanh",
        {"relu6": act("tanh"), "relu7": act("tanh")},
        "The hidden dense layers have ReLU, not tanh.",
    ),
    (
        "sigmoid_end",
        {"softmax": act("sigmoid")},
        "The last activation is a softmax, not a sigmoid.",
    ),
    *[(name, {"softmax": end}, hint) for name, end, hint in ENDS if name != "log_softmax"],
    (
        "three_hidden",
        {"relu7": then(act("relu"), part(layers.Dense, 4096), act("relu"))},
        "There are two hidden dense layers of 4096; yours has three.",
    ),
    (
        "hidden_2048",
        {"dense1": part(layers.Dense, 2048), "dense2": part(layers.Dense, 2048)},
        "The two hidden dense layers have 4096 units.",
    ),
    (
        "dense_twice",
        {"dense2": called_twice(layers.Dense, 4096)},
        "The second dense layer is called twice: once is enough, and each needs its own weights.",
    ),
    (
        "fourth_twice",
        {"conv4": called_twice(layers.Conv2D, 384, 3, padding="same")},
        "The fourth convolution is called twice: once is enough, and each needs its own weights.",
    ),
    (
        "one_for_two",
        {
            "dense3": lambda classes: layers.Dense(1 if classes == 2 else classes),
            "softmax": lambda classes: layers.Activation("sigmoid" if classes == 2 else "softmax"),
        },
        ONE_FOR_TWO,
    ),
    (
        "no_bias",
        {
            "conv1": part(layers.Conv2D, 96, 11, 4, use_bias=False),
            "conv2": part(layers.Conv2D, 256, 5, padding="same", use_bias=False),
            "conv3": part(layers.Conv2D, 384, 3, padding="same", use_bias=False),
            "conv4": part(layers.Conv2D, 384, 3, padding="same", use_bias=False),
            "conv5": part(layers.Conv2D, 256, 3, padding="same", use_bias=False),
        },
        "The convolutions have biases: nothing normalises behind them.",
    ),
    (
        "global_pool",
        {"flatten": part(layers.GlobalAveragePooling2D)},
        "There is no global pool: the first dense layer sees all 6x6x256 numbers (Flatten).",
    ),
    ("dilated", DILATED, "The convolutions are plain ones, without dilation."),
    (
        "lines",
        LINES,
        "The last three kernels are 3x3; 1x9 has as many weights, all in one line.",
    ),
    ("divided", {"before": part(layers.Rescaling, 1 / 255)}, NOT_SCALED),
    (
        "no_dense_bias",
        {
            "dense1": part(layers.Dense, 4096, use_bias=False),
            "dense2": part(layers.Dense, 4096, use_bias=False),
            "dense3": lambda classes: layers.Dense(classes, use_bias=False),
        },
        "The dense layers have biases.",
    ),
    (
        "later_valid",
        {
            "conv3": part(layers.Conv2D, 384, 3),
            "conv4": part(layers.Conv2D, 384, 3),
            "conv5": part(layers.Conv2D, 256, 3),
        },
        "The 3x3 convolutions are `same`: they keep 13x13.",
    ),
    (
        "relu_before_pools_only",
        {"relu3": None, "relu4": None},
        "A ReLU follows the third and fourth convolution too.",
    ),
    (
        "fourth_padded_before",
        {"conv4": then(part(layers.ZeroPadding2D, ((2, 0), (2, 0))), part(layers.Conv2D, 384, 3))},
        "Before the fourth convolution the zeros all stand above and on the left; leave the "
        'padding to the layer (`padding="same"`).',
    ),
]
ALEXNET_MISTAKES = [
    *[Mistake(alexnet_with(name, **changes), hint) for name, changes, hint in ALEXNET_CHANGES],
    Mistake(
        alexnet_first_same,
        "The first convolution is `valid`: 227 -> 55 = (227 - 11) / 4 + 1; with `same` it is 57.",
    ),
    Mistake(alexnet_all_valid, "The 5x5 convolution is `same`: it keeps 27x27."),
    Mistake(alexnet_small_pools, "The pools are 3x3 with stride 2: their windows overlap."),
    Mistake(alexnet_same_pools, "The pools are `valid`: 55 -> 27 -> 13 -> 6."),
    Mistake(alexnet_average_pools, "The pools take the maximum, not the mean."),
    Mistake(
        alexnet_without_last_pool,
        "A pool follows the fifth convolution too: 13x13x256 becomes 6x6x256.",
    ),
    Mistake(
        alexnet_two_groups,
        "These are the two towers of the original (groups=2): one tower is asked for, every filter "
        "sees every channel.",
    ),
    Mistake(alexnet_one_hidden, "There are two hidden dense layers of 4096."),
    Mistake(alexnet_linear_hidden, "A ReLU follows each hidden dense layer."),
    Mistake(alexnet_fifth_linear, "A ReLU follows the fifth convolution too, before the pool."),
    Mistake(alexnet_tanh, "The activations are ReLU: with them AlexNet learned six times faster."),
    Mistake(alexnet_scores, "The softmax at the end is missing."),
    Mistake(
        alexnet_normalised,
        "No normalisation: batch normalisation came three years after AlexNet.",
    ),
    Mistake(alexnet_thousand, "Use the argument `classes`, whatever its value."),
    Mistake(
        alexnet_response_normalised,
        "This is right for the original, but the task leaves the local response normalisation out.",
    ),
    Mistake(alexnet_small_second_kernel, "The second convolution is 5x5."),
    Mistake(alexnet_filters_kept, "The fifth convolution has 256 filters: 96, 256, 384, 384, 256."),
]


# vgg


def vgg(convolutions, classes=1000, input_shape=(224, 224, 3)):
    """Simonyan and Zisserman 2015."""
    x = inputs = keras.Input(input_shape)
    for stage, count in enumerate(convolutions):
        for _ in range(count):
            x = layers.Conv2D(min(64 * 2**stage, 512), 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(4096, activation="relu")(x)
    x = layers.Dense(4096, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def vgg_sequential(convolutions, classes=1000, input_shape=(224, 224, 3)):
    model = keras.Sequential([keras.Input(input_shape)])
    for count, filters in zip(convolutions, (64, 128, 256, 512, 512), strict=False):
        for _ in range(count):
            model.add(layers.Conv2D(filters, (3, 3), padding="same"))
            model.add(layers.ReLU())
        model.add(layers.MaxPool2D(pool_size=(2, 2), strides=(2, 2)))
    model.add(layers.Flatten())
    for _ in range(2):
        model.add(layers.Dense(4096, kernel_initializer="he_uniform"))
        model.add(layers.ReLU())
        model.add(layers.Dropout(0.5))
    model.add(layers.Dense(classes))
    model.add(layers.Softmax())
    return model


class VGG(keras.Model):
    def __init__(self, convolutions, classes):
        super().__init__()
        self.scores = layers.Dense(classes)
        self.second, self.first = layers.Dense(4096), layers.Dense(4096)
        self.stages = [
            [layers.Conv2D(min(512, 64 << stage), 3, padding="same") for _ in range(count)]
            for stage, count in enumerate(convolutions)
        ]
        self.flatten = layers.Flatten()

    def call(self, x):
        for stage in self.stages:
            for conv in stage:
                x = ops.relu(conv(x))
            x = ops.max_pool(x, 2)
        x = ops.relu(self.first(self.flatten(x)))
        return ops.softmax(self.scores(ops.relu(self.second(x))))


def vgg_subclass(convolutions, classes=1000, input_shape=(224, 224, 3)):
    return VGG(convolutions, classes)


def vgg_raw(convolutions, classes=1000, input_shape=(224, 224, 3)):
    x = inputs = keras.Input(input_shape)
    filters = 64
    for count in convolutions:
        for _ in range(count):
            x = ops.relu(RawConvolution(filters, 3, padding="same")(x))
        filters = min(2 * filters, 512)
        x = layers.MaxPooling2D(2)(x)
    x = ops.relu(RawDense(4096)(x))
    x = ops.relu(RawDense(4096)(x))
    return keras.Model(inputs, ops.softmax(RawDense(classes)(x)))


def vgg_convolutional(convolutions, classes=1000, input_shape=(224, 224, 3)):
    """Pools as maxima of slices, padding by hand, dense layers as convolutions."""
    x = inputs = keras.Input(input_shape)
    for stage, count in enumerate(convolutions):
        for _ in range(count):
            x = ops.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
            x = layers.Conv2D(min(64 * 2**stage, 512), 3, activation="relu")(x)
        height, width = (side // 2 * 2 for side in x.shape[1:3])
        x = x[:, :height, :width]
        x = ops.maximum(x[:, ::2], x[:, 1::2])
        x = ops.maximum(x[:, :, ::2], x[:, :, 1::2])
    x = layers.Conv2D(4096, x.shape[1:3], activation="relu")(x)
    x = layers.Conv2D(4096, 1, activation="relu")(x)
    x = layers.Conv2D(classes, 1, activation="softmax")(x)
    return keras.Model(inputs, layers.Flatten()(x))


def vgg_flattened_by_channel(convolutions, classes=1000, input_shape=(224, 224, 3)):
    x = inputs = keras.Input(input_shape)
    for stage, count in enumerate(convolutions):
        for _ in range(count):
            x = layers.Conv2D(min(64 * 2**stage, 512), 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(layers.Permute((3, 1, 2))(x))
    for _ in range(2):
        x = layers.Dense(4096, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def every_pool(pool, **options):
    """The pools of a net like VGG: the same after each stage."""
    return lambda stage, last: pool(**{"pool_size": 2, **options})


MAX_POOLS = every_pool(layers.MaxPooling2D)


def vgg_like(
    convolutions,
    classes,
    input_shape,
    filters=(64, 128, 256, 512, 512),
    kernel=3,
    padding="same",
    zeros=None,
    stride_end=False,
    inner="relu",
    silent=lambda stage, number, count: False,
    norm=False,
    shortcuts=False,
    small_third=False,
    pools=MAX_POOLS,
    pool_each=None,
    before=None,
    head=layers.Flatten,
    hidden=(4096, 4096),
    hidden_activations=("relu",) * 3,
    last="softmax",
    dense_bias=True,
    **options,
):
    """VGG with one thing changed; `options` are those of the convolutions."""
    x = inputs = keras.Input(input_shape)
    x = before(x) if before else x
    for stage, count in enumerate(convolutions):
        for number in range(count):
            side = 1 if small_third and number == 2 else kernel
            step = 2 if stride_end and number == count - 1 else 1
            y = layers.ZeroPadding2D(zeros)(x) if zeros else x
            y = layers.Conv2D(filters[stage], side, step, padding=padding, **options)(y)
            y = layers.BatchNormalization()(y) if norm else y
            y = y if silent(stage, number, count) else layers.Activation(inner)(y)
            x = x + y if shortcuts and number else y
            if pool_each and number < count - 1:
                x = layers.MaxPooling2D(2, padding=pool_each)(x)
        pool = None if stride_end else pools(stage, stage == len(convolutions) - 1)
        x = pool(x) if pool else x
    x = head()(x)
    for units, activation in zip(hidden, hidden_activations, strict=False):
        x = layers.Dense(units, activation=activation, use_bias=dense_bias)(x)
    return keras.Model(inputs, layers.Dense(classes, activation=last, use_bias=dense_bias)(x))


def not_last(stage, number, count):
    return number < count - 1


def vgg_with(name, **options):
    """VGG with other options, as an answer with a name of its own."""

    def answer(convolutions, classes=1000, input_shape=(224, 224, 3)):
        return vgg_like(convolutions, classes, input_shape, **options)

    answer.__name__ = f"vgg_{name}"
    return answer


def vgg_counting(name, counts):
    """VGG with other counts of convolutions than those asked for."""

    def answer(convolutions, classes=1000, input_shape=(224, 224, 3)):
        return vgg_like(counts(list(convolutions)), classes, input_shape)

    answer.__name__ = f"vgg_{name}"
    return answer


def vgg_average(convolutions, classes=1000, input_shape=(224, 224, 3)):
    return vgg_like(convolutions, classes, input_shape, pools=every_pool(layers.AveragePooling2D))


def vgg_same_pools(convolutions, classes=1000, input_shape=(224, 224, 3)):
    pools = every_pool(layers.MaxPooling2D, padding="same")
    return vgg_like(convolutions, classes, input_shape, pools=pools)


def vgg_overlapping_pools(convolutions, classes=1000, input_shape=(224, 224, 3)):
    pools = every_pool(layers.MaxPooling2D, pool_size=3, strides=2, padding="same")
    return vgg_like(convolutions, classes, input_shape, pools=pools)


def vgg_without_last_pool(convolutions, classes=1000, input_shape=(224, 224, 3)):
    return vgg_like(
        convolutions,
        classes,
        input_shape,
        pools=lambda stage, last: None if last else MAX_POOLS(stage, last),
    )


def vgg_valid(convolutions, classes=1000, input_shape=(224, 224, 3)):
    return vgg_like(convolutions, classes, input_shape, padding="valid")


def vgg_constant_filters(convolutions, classes=1000, input_shape=(224, 224, 3)):
    return vgg_like(convolutions, classes, input_shape, filters=(64,) * 5)


def vgg_to_1024(convolutions, classes=1000, input_shape=(224, 224, 3)):
    filters = (64, 128, 256, 512, 1024)
    return vgg_like(convolutions, classes, input_shape, filters=filters)


def vgg_one_convolution(convolutions, classes=1000, input_shape=(224, 224, 3)):
    return vgg_like([1] * len(convolutions), classes, input_shape)


def vgg_sixteen(convolutions, classes=1000, input_shape=(224, 224, 3)):
    counts = [2, 2, 3, 3, 3][: len(convolutions)]
    return vgg_like(counts, classes, input_shape)


def vgg_relu_once(convolutions, classes=1000, input_shape=(224, 224, 3)):
    return vgg_like(convolutions, classes, input_shape, silent=not_last)


def vgg_linear(convolutions, classes=1000, input_shape=(224, 224, 3)):
    return vgg_like(convolutions, classes, input_shape, inner="linear")


def vgg_linear_hidden(convolutions, classes=1000, input_shape=(224, 224, 3)):
    return vgg_like(convolutions, classes, input_shape, hidden_activations=("linear", "linear"))


def vgg_one_hidden(convolutions, classes=1000, input_shape=(224, 224, 3)):
    return vgg_like(convolutions, classes, input_shape, hidden=(4096,))


def vgg_global_pool(convolutions, classes=1000, input_shape=(224, 224, 3)):
    return vgg_like(convolutions, classes, input_shape, head=layers.GlobalAveragePooling2D)


def vgg_scores(convolutions, classes=1000, input_shape=(224, 224, 3)):
    return vgg_like(convolutions, classes, input_shape, last="linear")


def vgg_sigmoid(convolutions, classes=1000, input_shape=(224, 224, 3)):
    return vgg_like(convolutions, classes, input_shape, last="sigmoid")


def vgg_normalised(convolutions, classes=1000, input_shape=(224, 224, 3)):
    return vgg_like(convolutions, classes, input_shape, norm=True)


def vgg_thousand(convolutions, classes=1000, input_shape=(224, 224, 3)):
    return vgg_like(convolutions, 1000, input_shape)


def vgg_shared(convolutions, classes=1000, input_shape=(224, 224, 3)):
    """Later convolutions of a stage use one layer again and again."""
    x = inputs = keras.Input(input_shape)
    for stage, count in enumerate(convolutions):
        filters = min(64 * 2**stage, 512)
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        again = layers.Conv2D(filters, 3, padding="same", activation="relu")
        for _ in range(count - 1):
            x = again(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dense(4096, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def vgg_always_ten(convolutions, classes=1000, input_shape=(224, 224, 3)):
    return vgg_like(convolutions, 10, input_shape)


def vgg_one_for_two(convolutions, classes=1000, input_shape=(224, 224, 3)):
    outputs, last = (1, "sigmoid") if classes == 2 else (classes, "softmax")
    return vgg_like(convolutions, outputs, input_shape, last=last)


def vgg_twice_and_idle(convolutions, classes=1000, input_shape=(224, 224, 3)):
    """The second convolution of a stage is used again for the third, whose own is idle."""
    x = inputs = keras.Input(input_shape)
    for stage, count in enumerate(convolutions):
        made = [
            layers.Conv2D(min(64 * 2**stage, 512), 3, padding="same", activation="relu")
            for _ in range(count)
        ]
        for number, conv in enumerate(made):
            x = conv(x) if number < 2 else made[1](x) + 0 * conv(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dense(4096, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def whole_windows(**options):
    """Every second position, as far as whole windows of 2x2 go."""
    return lambda x: x[:, : x.shape[1] // 2 * 2 : 2, : x.shape[2] // 2 * 2 : 2]


ONE_SIDED = 'The zeros all stand on one side; `padding="same"` puts one on each.'
POOL_EACH = "One pool follows each stage, not each convolution."
ALWAYS_SIXTEEN = "Use the argument `convolutions`: this is VGG-16 whatever it says."
CUT_OFF = "The convolutions of a stage are cut off at some number: use the count given."
ONE_LINE = "The kernels are 3x3; these have as many weights, all in one line."
VGG_CHANGES = [
    *[
        (
            f"all_{name}",
            {"inner": name, "hidden_activations": (name, name)},
            f"The activations are ReLU, not {name}.",
        )
        for name in ("tanh", "sigmoid", "relu6", "leaky_relu", "elu", "gelu")
    ],
    (
        "silent_end",
        {"silent": lambda stage, number, count: number == count - 1},
        "A ReLU follows the last convolution of a stage too, before the pool.",
    ),
    (
        "no_first_relu",
        {"hidden_activations": ("linear", "relu")},
        "A ReLU is missing after the first dense layer of 4096.",
    ),
    (
        "no_second_relu",
        {"hidden_activations": ("relu", "linear")},
        "A ReLU is missing after the second dense layer of 4096.",
    ),
    (
        "dense_tanh",
        {"hidden_activations": ("tanh", "tanh")},
        "The dense layers of 4096 have ReLU, not tanh.",
    ),
    *[(name, {"last": end(0)}, hint) for name, end, hint in ENDS],
    (
        "from_32",
        {"filters": (32, 64, 128, 256, 512)},
        "The first stage has 64 filters, the second 128: yours begin with half as many.",
    ),
    (
        "to_256",
        {"filters": (64, 128, 256, 256, 512)},
        "The fourth stage has 512 filters: 64, 128, 256, 512, 512.",
    ),
    (
        "reversed_filters",
        {"filters": (512, 512, 256, 128, 64)},
        "The filters grow from the first stage on: 64, 128, 256, 512, 512. Here a later number "
        "stands first.",
    ),
    (
        "thinned",
        {"pools": every_pool(whole_windows)},
        "Every second position is taken as it is; a 2x2 pool takes the maximum of four.",
    ),
    (
        "first_pool_missing",
        {"pools": lambda stage, last: layers.MaxPooling2D(2) if stage else None},
        "A pool follows the first stage too.",
    ),
    (
        "stride_end",
        {"stride_end": True},
        "The convolutions have stride 1; a max pool after each stage makes the maps smaller.",
    ),
    (
        "pool_each",
        {"pool_each": "same"},
        POOL_EACH,
    ),
    ("pool_each_valid", {"pool_each": "valid"}, POOL_EACH),
    ("three_hidden", {"hidden": (4096,) * 3}, "There are two dense layers of 4096, not three."),
    ("hidden_512", {"hidden": (512,) * 2}, "The two hidden dense layers have 4096 units."),
    (
        "no_hidden",
        {"hidden": ()},
        "Two dense layers of 4096 with ReLU come before the last one.",
    ),
    (
        "global_maximum",
        {"head": layers.GlobalMaxPooling2D},
        "There is no global pool: the first dense layer sees every position (Flatten).",
    ),
    (
        "no_bias",
        {"use_bias": False},
        "The convolutions have biases: nothing normalises behind them.",
    ),
    ("5x5", {"kernel": 5}, "The kernels are 3x3, not 5x5."),
    ("lines", {"kernel": (1, 9)}, ONE_LINE),
    ("columns", {"kernel": (9, 1)}, ONE_LINE),
    ("dilated", {"dilation_rate": 2}, "The convolutions are plain ones, without dilation."),
    ("padded_before", {"zeros": ((2, 0), (2, 0)), "padding": "valid"}, ONE_SIDED),
    ("padded_behind", {"zeros": ((0, 2), (0, 2)), "padding": "valid"}, ONE_SIDED),
    (
        "small_third",
        {"small_third": True},
        "All convolutions are 3x3: the 1x1 as third one is another configuration of the paper.",
    ),
    (
        "shortcuts",
        {"shortcuts": True},
        "VGG has no shortcuts: each convolution reads the one before it and nothing else.",
    ),
    ("divided", {"before": lambda x: x / 255}, NOT_SCALED),
    (
        "linear_first",
        {"silent": lambda stage, number, count: stage == 0},
        "In the first stage too, a ReLU follows a convolution.",
    ),
    (
        "last_pool_same",
        {"pools": lambda stage, last: layers.MaxPooling2D(2, padding="same" if last else "valid")},
        "The last pool is `valid` like the others: of an odd side the last row is dropped.",
    ),
    (
        "last_pool_average",
        {
            "pools": lambda stage, last: (
                layers.AveragePooling2D(2) if last else layers.MaxPooling2D(2)
            )
        },
        "The last pool takes the maximum like the others.",
    ),
    (
        "dense_without_bias",
        {"dense_bias": False},
        "The dense layers have biases.",
    ),
]
VGG_COUNTS = [
    (
        "reversed",
        lambda counts: counts[::-1],
        "The counts go with the stages in the order given.",
    ),
    (
        "one_more",
        lambda counts: [count + 1 for count in counts],
        "Each stage has one convolution too many: `convolutions` counts them all.",
    ),
    (
        "one_fewer",
        lambda counts: [max(count - 1, 1) for count in counts],
        "Stages of two convolutions or more have one too few.",
    ),
    (
        "one_fewer_or_none",
        lambda counts: [count - 1 for count in counts],
        "Each stage has one convolution too few: `convolutions` counts them all.",
    ),
    ("three_at_most", lambda counts: [min(count, 3) for count in counts], CUT_OFF),
    ("four_at_most", lambda counts: [min(count, 4) for count in counts], CUT_OFF),
    ("sixteen_in_five_stages", lambda counts: [2, 2, 3, 3, 3], ALWAYS_SIXTEEN),
    (
        "two_at_least",
        lambda counts: [max(count, 2) for count in counts],
        "A stage may have one convolution only: use the count given.",
    ),
    (
        "one_stage_fewer",
        lambda counts: counts[:-1],
        "The last stage is missing: each entry of `convolutions` is a stage.",
    ),
]
VGG_MISTAKES = [
    *[Mistake(vgg_with(name, **options), hint) for name, options, hint in VGG_CHANGES],
    *[Mistake(vgg_counting(name, counts), hint) for name, counts, hint in VGG_COUNTS],
    Mistake(vgg_always_ten, "Use the argument `classes`, whatever its value."),
    Mistake(
        vgg_twice_and_idle,
        "One layer object is called for two convolutions, while another one is idle: each "
        "convolution needs a layer of its own.",
    ),
    Mistake(vgg_average, "The pools take the maximum, not the mean."),
    Mistake(
        vgg_same_pools, "The pools are `valid`: of an odd number of rows the last one is dropped."
    ),
    Mistake(vgg_overlapping_pools, "The pools are 2x2 with stride 2, without overlap or padding."),
    Mistake(vgg_without_last_pool, "A pool follows the last stage too."),
    Mistake(vgg_valid, "The convolutions are `same`: only the pools make the maps smaller."),
    Mistake(vgg_constant_filters, "The filters double from stage to stage: 64, 128, 256, 512."),
    Mistake(vgg_to_1024, "The filters stop doubling at 512."),
    Mistake(
        vgg_one_convolution,
        "`convolutions` says how many convolutions each stage has; yours has one in each.",
    ),
    Mistake(vgg_sixteen, ALWAYS_SIXTEEN),
    Mistake(vgg_one_for_two, ONE_FOR_TWO),
    Mistake(vgg_relu_once, "A ReLU follows every convolution, not only the last of a stage."),
    Mistake(vgg_linear, "A ReLU follows every convolution."),
    Mistake(vgg_linear_hidden, "A ReLU follows each of the two dense layers of 4096."),
    Mistake(vgg_one_hidden, "There are two dense layers of 4096 before the last one."),
    Mistake(
        vgg_global_pool,
        "There is no global pool: the first dense layer sees every position (Flatten).",
    ),
    Mistake(vgg_scores, "The softmax at the end is missing."),
    Mistake(vgg_sigmoid, "The last activation is a softmax, not a sigmoid."),
    Mistake(vgg_normalised, "VGG has no batch normalisation, which is younger."),
    Mistake(vgg_thousand, "Use the argument `classes`, whatever its value."),
    Mistake(
        vgg_shared,
        "One layer object is called several times, so that convolutions share their weights: make "
        "a new layer for each.",
    ),
]


# top_k_error


def top_k_error(scores, labels, k=5):
    """The best k of each row, and whether the label is among them."""
    best = np.argsort(scores, axis=1)[:, ::-1][:, :k]
    return float(np.mean(~(best == labels[:, None]).any(axis=1)))


def error_by_rank(scores, labels, k=5):
    """The label's score is beaten by k others or more."""
    own = np.take_along_axis(scores, labels[:, None], axis=1)
    return float(((scores > own).sum(axis=1) >= k).mean())


def error_by_loop(scores, labels, k=5):
    missed = 0
    for row, label in zip(scores.tolist(), labels.tolist(), strict=True):
        order = sorted(range(len(row)), key=row.__getitem__, reverse=True)
        missed += label not in order[:k]
    return missed / len(labels)


def error_by_partition(scores, labels, k=5):
    best = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    hits = sum(label in row for label, row in zip(labels, best, strict=True))
    return 1 - hits / len(labels)


def error_by_ops(scores, labels, k=5):
    hits = ops.in_top_k(labels.astype("int32"), scores.astype("float32"), k)
    return 1.0 - float(ops.mean(ops.cast(hits, "float32")))


def error_by_metric(scores, labels, k=5):
    hits = keras.metrics.sparse_top_k_categorical_accuracy(labels, scores, k=k)
    return 1.0 - np.asarray(hits).mean()


def error_by_threshold(scores, labels, k=5):
    threshold = np.sort(scores, axis=1)[:, -k]
    return np.mean(scores[np.arange(len(scores)), labels] < threshold)


def error_accuracy(scores, labels, k=5):
    return 1.0 - top_k_error(scores, labels, k)


def error_lowest(scores, labels, k=5):
    best = np.argsort(scores, axis=1)[:, :k]
    return float(np.mean(~(best == labels[:, None]).any(axis=1)))


def error_top_one(scores, labels, k=5):
    return float(np.mean(np.argmax(scores, axis=1) != labels))


def error_always_five(scores, labels, k=5):
    return top_k_error(scores, labels, 5)


def error_percent(scores, labels, k=5):
    return 100 * top_k_error(scores, labels, k)


def error_count(scores, labels, k=5):
    return top_k_error(scores, labels, k) * len(labels)


def error_one_fewer(scores, labels, k=5):
    own = scores[np.arange(len(scores)), labels]
    return float(((scores > own[:, None]).sum(axis=1) + 1 >= k).mean())


def error_one_more(scores, labels, k=5):
    return top_k_error(scores, labels, k + 1)


def error_kth_only(scores, labels, k=5):
    order = np.argsort(scores, axis=1)
    return float(np.mean(order[:, -k] != labels))


def error_wrong_axis(scores, labels, k=5):
    """Sorts the samples of a class in place of the classes of a sample."""
    order = np.argsort(-scores, axis=0)[:k].T
    rows = order[labels % len(order)]
    return float(np.mean(~(rows == labels[:, None]).any(axis=1)))


def error_any_place(scores, labels, k=5):
    """`in` asks the whole table of best classes, not the sample's own row."""
    best = np.argsort(-scores, axis=1)[:, :k]
    return float(np.mean([label not in best for label in labels]))


def error_per_k(scores, labels, k=5):
    best = np.argsort(-scores, axis=1)[:, :k]
    return float(np.mean(best != labels[:, None]))


def error_sorted_scores(scores, labels, k=5):
    """Compares labels with the sorted scores, not with their places."""
    best = np.sort(scores, axis=1)[:, -k:]
    return float(np.mean(~(best == labels[:, None]).any(axis=1)))


def error_one_by_default(scores, labels, k=1):
    return top_k_error(scores, labels, k)


def ranks(scores, labels):
    """How many classes have a higher score than the label."""
    own = scores[np.arange(len(scores)), labels]
    return (scores > own[:, None]).sum(axis=1)


def error_plain_axis(scores, labels, k=5):
    best = np.argsort(-scores, axis=0)[:, :k]
    return float(np.mean(~(best == labels[:, None]).any(axis=1)))


def error_of_classes(scores, labels, k=5):
    return float((ranks(scores, labels) >= k).sum() / scores.shape[1])


def error_one_hot(scores, labels, k=5):
    return top_k_error(scores, np.full(len(labels), np.argmax(labels, axis=-1)), k)


def error_absolute(scores, labels, k=5):
    return top_k_error(np.abs(scores), labels, k)


def error_from_one(scores, labels, k=5):
    best = np.argsort(-scores, axis=1)[:, :k] + 1
    return float(np.mean(~(best == labels[:, None]).any(axis=1)))


def error_first_columns(scores, labels, k=5):
    return float(np.mean(labels >= k))


def error_without_best(scores, labels, k=5):
    best = np.argsort(scores, axis=1)[:, -k:-1]
    return float(np.mean(~(best == labels[:, None]).any(axis=1)))


def error_next_k(scores, labels, k=5):
    best = np.argsort(scores, axis=1)[:, -k - 1 : -1]
    return float(np.mean(~(best == labels[:, None]).any(axis=1)))


def error_order_of_label(scores, labels, k=5):
    order = np.argsort(-scores, axis=1)
    return float(np.mean(order[np.arange(len(labels)), labels] >= k))


def error_of_all(scores, labels, k=5):
    best = np.argsort(-scores.ravel())[:k] % scores.shape[1]
    return float(np.mean([label not in best for label in labels]))


def error_by_class(scores, labels, k=5):
    missed = ranks(scores, labels) >= k
    return float(np.mean([missed[labels == label].mean() for label in np.unique(labels)]))


def error_ranks(scores, labels, k=5):
    return float(ranks(scores, labels).mean())


def error_last_left_out(scores, labels, k=5):
    return top_k_error(scores[:-1], labels[:-1], k)


def error_of_samples(name, samples):
    """The samples missed among some of them only, divided by the number of all."""

    def answer(scores, labels, k=5):
        missed = ranks(scores, labels) >= k
        return sum(bool(missed[sample]) for sample in samples(scores)) / len(labels)

    answer.__name__ = f"error_{name}"
    return answer


def error_of_scores(name, changed):
    """The right error of other scores than those given."""

    def answer(scores, labels, k=5):
        return float((ranks(changed(scores), labels) >= k).mean())

    answer.__name__ = f"error_{name}"
    return answer


def error_rounded(digits):
    def answer(scores, labels, k=5):
        return round(top_k_error(scores, labels, k), digits)

    answer.__name__ = f"error_rounded_to_{digits}"
    return answer


def error_set_to(name, value):
    """The best class is looked for k times, its score set to `value` each time."""

    def answer(scores, labels, k=5):
        left, found = scores.copy(), np.zeros(len(labels), bool)
        for _ in range(k):
            best = left.argmax(axis=1)
            found |= best == labels
            left[np.arange(len(left)), best] = value
        return float(np.mean(~found))

    answer.__name__ = f"error_{name}_for_best"
    return answer


def error_list_of(name, sample):
    """The best classes of one sample, used for all."""

    def answer(scores, labels, k=5):
        best = np.argsort(scores[sample])[-k:]
        return float(np.mean(~np.isin(labels, best)))

    answer.__name__ = f"error_list_of_{name}"
    return answer


def error_clipped(scores, labels, k=5):
    return top_k_error(np.maximum(scores, 0), labels, k)


def error_among_samples(scores, labels, k=5):
    """Whether a sample is among the k with the highest scores for its label."""
    best = np.argsort(scores, axis=0)[-k:]
    return float(np.mean([i not in best[:, label] for i, label in enumerate(labels)]))


def error_any_sample(scores, labels, k=5):
    """`any` goes along the samples."""
    best = np.argsort(scores, axis=1)[:, -k:]
    return float(1 - np.mean((best == labels[:, None]).any(axis=0)))


def error_squeezed(scores, labels, k=5):
    own = np.squeeze(np.take_along_axis(scores, labels[:, None], axis=1))
    return float(np.mean([(row > o).sum() >= k for row, o in zip(scores, own, strict=True)]))


def error_less_than_all(scores, labels, k=5):
    return top_k_error(scores, labels, min(k, scores.shape[1] - 1))


def error_stopped(scores, labels, k=5):
    return float((ranks(scores, labels) >= k).any()) / len(labels)


def error_hits_over_k(scores, labels, k=5):
    return float(1 - (ranks(scores, labels) < k).sum() / k)


def error_hits_of_classes(scores, labels, k=5):
    return float(1 - (ranks(scores, labels) < k).sum() / scores.shape[1])


def error_odds(scores, labels, k=5):
    missed = ranks(scores, labels) >= k
    return float(missed.sum() / (~missed).sum())


def error_kept_count(scores, labels, k=5):
    """Counts on from sample to sample."""
    return float((ranks(scores, labels).cumsum() >= k).mean())


def error_over_k(scores, labels, k=5):
    return top_k_error(scores, labels, k) / k


def error_saturated(scores, labels, k=5):
    """A softmax that overflows makes scores equal."""
    powers = np.exp(np.minimum(100 * scores, 0))
    return float((ranks(powers, labels) >= k).mean())


def error_whole_scores(scores, labels, k=5):
    return top_k_error(scores.astype(int) + 1e-9 * np.arange(scores.shape[1]), labels, k)


def error_first_rows(scores, labels, k=5):
    best = np.argsort(-scores, axis=1)[:k]
    return float(np.mean(~(best == labels[:k, None]).any(axis=1)))


def error_first_sample(scores, labels, k=5):
    return float(ranks(scores, labels)[0] >= k)


def error_negative(scores, labels, k=5):
    return top_k_error(scores, labels, k) - 1


def error_weight(scores, labels, k=5):
    best = np.sort(scores, axis=1)[:, -k:]
    return float(1 - best.sum(axis=1).mean())


def error_all_places(scores, labels, k=5):
    best = np.argsort(-scores, axis=1)[:, :k]
    return float(np.mean(~(best == labels[:, None]).all(axis=1)))


def error_turned_samples(scores, labels, k=5):
    best = np.argsort(scores, axis=1)[::-1][:, :k]
    return float(np.mean(~(best == labels[:, None]).any(axis=1)))


def error_turned_samples_best(scores, labels, k=5):
    best = np.argsort(scores, axis=1)[::-1][:, -k:]
    return float(np.mean(~(best == labels[:, None]).any(axis=1)))


def error_mean_of_ks(scores, labels, k=5):
    return float(np.mean([top_k_error(scores, labels, best) for best in range(1, k + 1)]))


def error_above_mean(scores, labels, k=5):
    own = scores[np.arange(len(scores)), labels]
    return float(np.mean(own < scores.mean(axis=1)))


def error_classes_missed(scores, labels, k=5):
    missed = labels[ranks(scores, labels) >= k]
    return len(set(missed.tolist())) / scores.shape[1]


def error_until_first(scores, labels, k=5):
    missed = ranks(scores, labels) >= k
    return (int(np.argmax(missed)) + 1) / len(labels) if missed.any() else 0.0


def error_return_in_loop(scores, labels, k=5):
    return float(ranks(scores, labels)[0] >= k) / len(labels)


def error_sorted_labels(scores, labels, k=5):
    return top_k_error(scores, np.sort(labels), k)


def error_less_one(scores, labels, k=5):
    return float((ranks(scores, labels) >= k).sum() / (len(labels) - 1))


def error_of_softmax(scores, labels, k=5):
    """Overflows where scores are large: no place is left to a NaN."""
    with np.errstate(all="ignore"):
        powers = np.exp(scores)
        chances = powers / powers.sum(axis=1, keepdims=True)
    best = np.argsort(chances, axis=1)[:, ::-1][:, :k]
    return float(np.mean(~(best == labels[:, None]).any(axis=1)))


def error_of_small_chances(scores, labels, k=5):
    """Overflows too: nothing is larger than a NaN."""
    with np.errstate(all="ignore"):
        chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    own = chances[np.arange(len(labels)), labels]
    return float(np.mean((chances > own[:, None]).sum(axis=1) >= k))


def error_of_one_bar(scores, labels, k=5):
    bar = np.sort(scores, axis=None)[-min(k * len(scores), scores.size)]
    return float(np.mean(scores[np.arange(len(labels)), labels] < bar))


def error_of_neighbours(scores, labels, k=5):
    return float(np.mean(abs(np.argmax(scores, axis=1) - labels) >= k))


def error_of_positive(scores, labels, k=5):
    best = np.argsort(scores, axis=1)[:, ::-1][:, :k]
    hits = (best == labels[:, None]) & (np.take_along_axis(scores, best, axis=1) > 0)
    return float(np.mean(~hits.any(axis=1)))


def error_rounded_scores(scores, labels, k=5):
    return float(np.mean(ranks(np.round(scores), labels) >= k))


def error_tail_of_samples(scores, labels, k=5):
    """Sorts the samples of a class, then cuts columns."""
    best = np.argsort(scores, axis=0)[:, -k:]
    return float(np.mean(~(best == labels[:, None]).any(axis=1)))


def error_last_rows(scores, labels, k=5):
    best = np.argsort(scores, axis=1)[-k:]
    hits = [label in row for label, row in zip(labels, best, strict=False)]
    return 1.0 - sum(hits) / len(labels)


def error_lowest_left_out(scores, labels, k=5):
    best = np.argsort(scores, axis=1)[:, k:]
    return float(np.mean(~(best == labels[:, None]).any(axis=1)))


def error_one_list(scores, labels, k=5):
    best = np.argsort(scores.mean(axis=0))[-k:]
    return float(np.mean(~np.isin(labels, best)))


def error_count_over_k(scores, labels, k=5):
    return top_k_error(scores, labels, k) * len(labels) / k


AXIS_1 = "Sort the classes of each sample (axis 1), not the samples (axis 0)."
SOFTMAX_FIRST = (
    "A softmax loses what it is given here: `exp` overflows for large scores and is 0 for very "
    "negative ones. It changes no order: compare the scores themselves."
)
CLIPPED = "Scores below zero are made equal (a clip, a ReLU?): compare them as they are."
LAST_LEFT_OUT = "The last sample is left out."
ONE_LIST = "There is one list of best classes for all samples: each sample has its own."
SET_TOO_HIGH = (
    "A score that has had its turn is set to a number that may be higher than the others: use "
    "-infinity."
)
UNTIL_FIRST = "The loop ends with the first sample missed: go through all."
ERROR_MISTAKES = [
    Mistake(
        error_tail_of_samples,
        AXIS_1,
    ),
    Mistake(
        error_last_rows,
        "[-k:] cuts the samples; the last k of the sorted classes are [:, -k:].",
    ),
    Mistake(
        error_lowest_left_out,
        "[:, k:] leaves out the k lowest; the k best of an ascending order are [:, -k:].",
    ),
    Mistake(
        error_one_list,
        ONE_LIST,
    ),
    Mistake(
        error_count_over_k,
        "The number missed is divided by k; divide by the number of samples.",
    ),
    Mistake(
        error_all_places,
        "A label cannot be in all of the k best places: it is a hit when it is in any of them.",
    ),
    Mistake(
        error_turned_samples,
        "[::-1] turns the samples round, the first axis; the order of classes is [:, ::-1].",
    ),
    Mistake(
        error_turned_samples_best,
        "[::-1] turns the samples round, so that they no longer stand beside their labels.",
    ),
    Mistake(
        error_mean_of_ks, "Only the error for this k is asked for, not the mean of those up to k."
    ),
    Mistake(
        error_above_mean,
        "A label counts as found when k - 1 scores at most are higher, wherever the mean lies.",
    ),
    Mistake(
        error_classes_missed,
        "This counts classes; samples are counted, each one that is missed.",
    ),
    Mistake(error_until_first, UNTIL_FIRST),
    Mistake(
        error_return_in_loop,
        "The result is returned after the first sample: the `return` belongs behind the loop.",
    ),
    *[
        Mistake(error_set_to(*change), SET_TOO_HIGH)
        for change in (("zero", 0), ("minus_one", -1), ("minus_hundred", -100))
    ],
    *[
        Mistake(error_rounded(digits), "Return the fraction as it is, without rounding.")
        for digits in (1, 2)
    ],
    *[Mistake(error_list_of(*one), ONE_LIST) for one in (("first", 0), ("last", -1))],
    Mistake(
        error_of_samples("without_last", lambda scores: range(len(scores) - 1)),
        LAST_LEFT_OUT,
    ),
    Mistake(
        error_of_samples("without_first", lambda scores: range(1, len(scores))),
        "The first sample is left out: samples count from 0.",
    ),
    Mistake(
        error_of_samples("as_many_as_classes", lambda scores: range(scores.shape[1])),
        "The loop takes as many samples as there are classes: go through all samples.",
    ),
    Mistake(
        error_of_scores("half_precision", lambda scores: scores.astype("float16")),
        "The scores lose digits (half precision?), so that some become equal: compare them as "
        "they are.",
    ),
    Mistake(error_of_scores("clipped_ranks", lambda scores: np.maximum(scores, 0)), CLIPPED),
    Mistake(error_clipped, CLIPPED),
    Mistake(error_among_samples, AXIS_1),
    Mistake(
        error_squeezed,
        "One sample alone goes wrong: is an axis of length 1 lost there (`squeeze`)?",
    ),
    Mistake(
        error_less_than_all,
        "k is cut off below the number of classes: with k = C no label is missed.",
    ),
    Mistake(error_stopped, UNTIL_FIRST),
    Mistake(
        error_hits_over_k,
        "The number found is divided by k; divide by the number of samples.",
    ),
    Mistake(
        error_hits_of_classes,
        "The number found is divided by the number of classes; divide by that of the samples.",
    ),
    Mistake(
        error_odds,
        "The number missed is divided by the number found; divide by that of all samples.",
    ),
    Mistake(
        error_kept_count,
        "The count of better classes goes on from the sample before: begin at 0 for each.",
    ),
    Mistake(error_sorted_labels, "The labels are sorted: each belongs to its own row of scores."),
    Mistake(error_less_one, "Divide by the number of samples, not by one less."),
    Mistake(
        error_rounded_scores,
        "The scores are rounded, so that some become equal: compare them as they are.",
    ),
    Mistake(error_plain_axis, AXIS_1),
    Mistake(
        error_of_classes,
        "The number missed is divided by the number of classes; divide by that of the samples.",
    ),
    Mistake(
        error_one_hot,
        "The labels are class numbers already, not one-hot rows: they need no argmax.",
    ),
    Mistake(
        error_absolute, "A score far below zero is a bad one: compare scores, not their sizes."
    ),
    Mistake(error_of_softmax, SOFTMAX_FIRST),
    Mistake(error_of_small_chances, SOFTMAX_FIRST),
    Mistake(
        error_of_one_bar,
        "There is one bar for all samples: a score is held against those of its own sample.",
    ),
    Mistake(
        error_of_neighbours,
        "Classes whose numbers are close are not alike: a hit is the label itself among the k best "
        "scores.",
    ),
    Mistake(
        error_of_positive,
        "A negative score may be among the k best: only the order of the scores counts.",
    ),
    Mistake(
        error_from_one, "Labels count from 0, as places do: nothing is to be added or taken off."
    ),
    Mistake(
        error_first_columns,
        "The first k classes are taken, whatever their scores: the k with the highest scores are "
        "asked for.",
    ),
    Mistake(error_without_best, "A slice that ends at -1 leaves out the last, which is the best."),
    Mistake(
        error_next_k,
        "The best class is left out, and one too low is taken: the last k of an ascending order "
        "are [-k:].",
    ),
    Mistake(
        error_order_of_label,
        "`argsort` tells which class is in a place, not which place a class has: look for the "
        "label among the first k of its row.",
    ),
    Mistake(
        error_of_all,
        "The scores of all samples are sorted together; each sample has its own best k.",
    ),
    Mistake(
        error_by_class, "All samples count alike; here the errors of the classes are averaged."
    ),
    Mistake(error_ranks, "This is the mean rank of the labels; asked for is how many are missed."),
    Mistake(error_last_left_out, LAST_LEFT_OUT),
    Mistake(error_over_k, "Do not divide by k: a sample is missed or found as a whole."),
    Mistake(
        error_saturated,
        "Different scores have become equal (an exponential that overflows?): compare the scores "
        "themselves.",
    ),
    Mistake(
        error_whole_scores,
        "The scores are cut down to whole numbers, so that some become equal: compare them as "
        "they are.",
    ),
    Mistake(
        error_first_rows,
        "No sample is ever missed here: is the fraction rounded down (`//`, `int`), does `any` "
        "lack its axis, does [:k] cut the samples where [:, :k] cuts the classes, or have the "
        "scores become NaN?",
    ),
    Mistake(
        error_any_sample,
        "`any` goes along the samples (axis 0): ask it for each sample, along its k places.",
    ),
    Mistake(error_first_sample, "All samples count, not the first one alone."),
    Mistake(error_negative, "This is below zero: the error is 1 minus the fraction found."),
    Mistake(
        error_weight,
        "The best scores are added up; whether the label is among the best k is asked for.",
    ),
    Mistake(
        error_accuracy,
        "This is the accuracy, the fraction found; the fraction missed is asked for.",
    ),
    Mistake(
        error_lowest, "These are the k *lowest* scores: argsort puts the smallest first; turn it."
    ),
    Mistake(error_top_one, "Use the argument `k`: this is the top-1 error, whatever k is."),
    Mistake(error_always_five, "Use the argument `k`: this is the top-5 error, whatever k is."),
    Mistake(error_percent, "A fraction from 0 to 1 is asked for, not per cent."),
    Mistake(error_count, "A fraction is asked for: divide by the number of samples."),
    Mistake(
        error_one_fewer,
        "Only the best k - 1 count as a hit here: a label is missed when k or more classes have a "
        "higher score.",
    ),
    Mistake(error_one_more, "The best k + 1 count as a hit here: one too many."),
    Mistake(
        error_kth_only,
        "Only the class in place k is compared: a hit is a label among the first k.",
    ),
    Mistake(error_wrong_axis, AXIS_1),
    Mistake(
        error_any_place,
        "A label must be among the best k of its own sample; here it may be among anyone's.",
    ),
    Mistake(
        error_per_k,
        "A sample counts once: it is a hit when any of its best k is the label; do not take the "
        "mean over all k places.",
    ),
    Mistake(
        error_sorted_scores,
        "Compare the label with the places of the highest scores (argsort), not with the scores.",
    ),
    Mistake(error_one_by_default, "Without the argument, k is 5."),
]


# What is tried


def number(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    return int(rng.integers(low, high + 1))


def lenet_trials(rng: np.random.Generator) -> list[Trial]:
    return [trial((32, 32, 1))]


def alexnet_trials(rng: np.random.Generator) -> list[Trial]:
    """One case to run: it has 58 million weights whatever the number of classes."""
    shape = (227, 227, 3)
    return [trial(shape, classes=number(rng, 5, 12)), counted(shape, classes=2)]


def vgg_trials(rng: np.random.Generator) -> list[Trial]:
    """All five stages on the smallest pictures that have a pixel left, odd sides on the way.

    Two stages leave a pixel without padding as well, and with a pool after each convolution. A
    net that is only counted has stages of up to five convolutions and two classes.
    """
    shape = (number(rng, 33, 35), number(rng, 36, 38), 3)
    low = (number(rng, 23, 24), number(rng, 26, 27), number(rng, 1, 2))
    if rng.integers(2):
        shape, low = (shape[1], shape[0], shape[2]), (low[1], low[0], low[2])
    counts = [1, 1, 1, 1, 1]
    counts[number(rng, 1, 2)] = 2
    classes = rng.permutation(np.arange(5, 13))
    later = rng.permutation([3, 4, 5]).tolist()
    return [
        trial(shape, convolutions=counts, classes=int(classes[0]), input_shape=shape),
        trial(low, convolutions=[1, 3], classes=int(classes[1]), input_shape=low),
        counted(shape, convolutions=[1, 2, *later], classes=2, input_shape=shape),
    ]


def error_trials(rng: np.random.Generator) -> list[Trial]:
    """Three samples to work out, or one; scores of all sizes, labels of every rank; k left out, 1,
    all.

    Some scores are too large for `exp`, some all negative, some tiny, some equal in half precision.
    """
    small = np.array([[1, -7, 3], [9, 2, 4], [6, 5, 8]], "float32")

    close = 1 + 1e-4 * rng.permuted(np.tile(np.arange(6.0), (number(rng, 30, 40), 1)), axis=1)

    def case(samples: int, classes: int, around: float = 0, scale: float = 10) -> dict:
        scores = (around + scale * rng.standard_normal((samples, classes))).astype("float32")
        return {"scores": scores, "labels": rng.integers(0, classes, samples)}

    one = case(1, number(rng, 5, 7))
    one["labels"] = np.argsort(one["scores"])[:, -2]
    every = case(number(rng, 5, 9), 4)
    every["labels"][1] = np.argmin(every["scores"][1])

    return [
        trial(scores=small, labels=np.array([2, 1, 0]), k=1),
        trial(scores=small, labels=np.array([2, 1, 0]), k=2),
        trial(**case(number(rng, 60, 80), number(rng, 11, 13))),
        trial(**case(number(rng, 30, 50), number(rng, 4, 6)), k=1),
        trial(**case(number(rng, 50, 70), number(rng, 9, 10), scale=2), k=5),
        trial(**case(number(rng, 40, 60), number(rng, 8, 9), scale=1e-5), k=3),
        trial(**every, k=4),
        trial(**case(number(rng, 40, 60), 7, around=1000), k=2),
        trial(**case(number(rng, 40, 60), 8, around=-2000), k=4),
        trial(scores=close.astype("float32"), labels=rng.integers(0, 6, len(close)), k=2),
        trial(**one, k=2),
    ]


TASKS = [
    Task(
        name="lenet5",
        kind="model",
        points=3,
        trials=lenet_trials,
        answer=lenet5,
        accepted=[
            Accepted(lenet_sequential),
            Accepted(lenet_convolutional),
            Accepted(lenet_subclass),
            Accepted(lenet_raw),
            Accepted(lenet_exponentials),
            Accepted(lenet_flattened_by_channel, representation=BY_CHANNEL),
            Accepted(lenet_filter_by_filter),
        ],
        mistakes=LENET_MISTAKES,
        plan={"probabilities": True},
    ),
    Task(
        name="alexnet",
        kind="model",
        points=3,
        trials=alexnet_trials,
        answer=alexnet,
        accepted=[
            Accepted(alexnet_sequential),
            Accepted(alexnet_subclass),
            Accepted(alexnet_raw),
            Accepted(alexnet_convolutional),
            Accepted(alexnet_flattened_by_channel, representation=BY_CHANNEL),
            Accepted(alexnet_halves),
        ],
        mistakes=ALEXNET_MISTAKES,
        plan={"batch": 2, "probabilities": True},
    ),
    Task(
        name="vgg",
        kind="model",
        points=3,
        trials=vgg_trials,
        answer=vgg,
        accepted=[
            Accepted(vgg_sequential),
            Accepted(vgg_subclass),
            Accepted(vgg_raw),
            Accepted(vgg_convolutional),
            Accepted(vgg_flattened_by_channel, representation=BY_CHANNEL),
        ],
        mistakes=VGG_MISTAKES,
        plan={"batch": 2, "probabilities": True},
    ),
    Task(
        name="top_k_error",
        kind="function",
        points=1,
        tolerance=1e-4,
        trials=error_trials,
        answer=top_k_error,
        accepted=[
            Accepted(error_by_rank),
            Accepted(error_by_loop),
            Accepted(error_by_partition),
            Accepted(error_by_ops),
            Accepted(error_by_metric),
            Accepted(error_by_threshold),
        ],
        mistakes=ERROR_MISTAKES,
    ),
]


_SMALLER, _LARGER = "64 * 2 ** stage, 512", "512, 64 * 2 ** stage"
_VGG = "layers.Conv2D(min({}), 3, padding='same', activation='relu')(x)"
EQUIVALENT_MUTANTS = {
    "top_k_error: return float(np.mean(~(best == labels[:, None]).any(axis=1))) -> "
    "return np.mean(~(best == labels[:, None]).any(axis=1))": "NumPy's mean is a float already",
    "top_k_error: best = np.argsort(scores, axis=1)[:, ::-1][:, :k] -> "
    "best = np.argsort(scores)[:, ::-1][:, :k]": "the last axis is the default",
    **dict.fromkeys(
        [f"{net}: x = layers.Flatten()(x) -> (twice)" for net in ("lenet5", "alexnet", "vgg")],
        "what is flat stays as it is",
    ),
    **dict.fromkeys(
        [
            f"alexnet: x = layers.Dropout(0.5)(x) -> {after}"
            for after in ("(removed)", "(twice)", "x = x")
        ],
        "dropout is free",
    ),
    f"vgg: x = {_VGG.format(_SMALLER)} -> x = {_VGG.format(_LARGER)}": "a minimum of two",
}
