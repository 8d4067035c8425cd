"""Answers to `lenet5`, right and wrong."""

import keras
import numpy as np
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import lenet5
from ._shared import (
    BY_CHANNEL,
    LOG_SOFTMAX,
    NOT_SCALED,
    SOFTMAX_ENDS,
    RawConvolution,
    RawDense,
    act,
    chain,
    one_by_one,
    then,
)

bank = Bank(lenet5)


@bank.accepted
def sequential():
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


@bank.accepted
def convolutional():
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


@bank.accepted
def subclass():
    return LeNet()


@bank.accepted
def raw():
    def pooled(x):
        """A pool without weights, as the mean of four strided slices."""
        return sum(x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)) / 4

    inputs = keras.Input((32, 32, 1))
    x = pooled(ops.tanh(RawConvolution(6, 5)(inputs)))
    x = pooled(ops.tanh(RawConvolution(16, 5)(x)))
    x = ops.tanh(RawDense(120)(x))
    x = ops.tanh(RawDense(84)(x))
    return keras.Model(inputs, ops.softmax(RawDense(10)(x)))


@bank.accepted
def exponentials():
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


@bank.accepted(representation=BY_CHANNEL)
def flattened_by_channel():
    x = inputs = keras.Input((32, 32, 1))
    for filters in (6, 16):
        x = layers.AveragePooling2D(2)(layers.Conv2D(filters, 5, activation="tanh")(x))
    x = layers.Flatten()(layers.Permute((3, 1, 2))(x))
    for units in (120, 84):
        x = layers.Dense(units, activation="tanh")(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


@bank.accepted
def filter_by_filter():
    inputs = keras.Input((32, 32, 1))
    x = layers.AveragePooling2D(2)(one_by_one(6, 5, 6, activation="tanh")(inputs))
    x = layers.AveragePooling2D(2)(layers.Conv2D(16, 5, activation="tanh")(x))
    x = layers.Flatten()(x)
    for units in (120, 84):
        x = layers.Dense(units, activation="tanh")(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


# Wrong ones: LeNet with some parts changed

PARTS = {
    "before": None,
    "conv1": lambda: layers.Conv2D(6, 5),
    "tanh1": act("tanh"),
    "pool1": lambda: layers.AveragePooling2D(2),
    "conv2": lambda: layers.Conv2D(16, 5),
    "tanh2": act("tanh"),
    "pool2": lambda: layers.AveragePooling2D(2),
    "flatten": layers.Flatten,
    "dense1": lambda: layers.Dense(120),
    "tanh3": act("tanh"),
    "dense2": lambda: layers.Dense(84),
    "tanh4": act("tanh"),
    "dense3": lambda: layers.Dense(10),
    "softmax": act("softmax"),
}


def net(**changes):
    """LeNet with some of its parts changed, or left out (None)."""
    return chain((32, 32, 1), {**PARTS, **changes}.values())


# Activations


def with_activations(activation):
    """LeNet with another activation in place of each tanh."""
    return net(**dict.fromkeys(("tanh1", "tanh2", "tanh3", "tanh4"), act(activation)))


for name in ("hard_tanh", "softsign", "elu", "gelu", "leaky_relu"):
    bank.variant(name, f"The activations are tanh, not {name}.", with_activations, activation=name)

bank.variant(
    "relu",
    "The activations are ReLU; LeNet has tanh, after the convolutions and after both hidden dense "
    "layers alike.",
    with_activations,
    activation="relu",
)
bank.variant(
    "without_activations",
    "There is no activation between the layers: a tanh follows every convolution and every hidden "
    "dense layer.",
    with_activations,
    activation="linear",
)
bank.variant(
    "scaled_tanh",
    "This is the scaled tanh of the original paper; the task asks for the plain one.",
    with_activations,
    activation=lambda x: 1.7159 * ops.tanh(2 / 3 * x),
)
bank.variant(
    "half_tanh",
    "The activations are tanh; 2 sigmoid(x) - 1 is tanh(x / 2), which rises half as fast.",
    with_activations,
    activation=lambda x: 2 * ops.sigmoid(x) - 1,
)
bank.variant(
    "relu_convolutions",
    "The convolutions are followed by tanh, not ReLU.",
    net,
    tanh1=act("relu"),
    tanh2=act("relu"),
)
bank.variant(
    "relu_dense",
    "The hidden dense layers have tanh, not ReLU.",
    net,
    tanh3=act("relu"),
    tanh4=act("relu"),
)
bank.variant(
    "linear_convolutions",
    "A tanh is missing after each of the two convolutions.",
    net,
    tanh1=None,
    tanh2=None,
)
bank.variant(
    "linear_dense",
    "A tanh is missing after the hidden dense layers of 120 and 84.",
    net,
    tanh3=None,
    tanh4=None,
)
bank.variant("no_tanh2", "A tanh is missing after the second convolution.", net, tanh2=None)
bank.variant("no_tanh3", "A tanh is missing after the dense layer of 120.", net, tanh3=None)
bank.variant("no_tanh4", "A tanh is missing after the dense layer of 84.", net, tanh4=None)
bank.variant(
    "tanh_after_pool",
    "The tanh comes before the pool: the mean of the tanh is not the tanh of the mean.",
    net,
    tanh1=PARTS["pool1"],
    pool1=act("tanh"),
    tanh2=PARTS["pool2"],
    pool2=act("tanh"),
)
bank.variant(
    "tanh_twice",
    "No activation follows a pool: the tanh stands between convolution and pool only.",
    net,
    pool1=then(PARTS["pool1"], act("tanh")),
    pool2=then(PARTS["pool2"], act("tanh")),
)

# The end

bank.variant(
    "sigmoid_end",
    "The ten outputs are probabilities of one choice, adding up to 1: softmax, not sigmoid.",
    net,
    softmax=act("sigmoid"),
)
bank.variant("tanh_end", "The last activation is a softmax, not tanh.", net, softmax=act("tanh"))
bank.variant(
    "tanh_of_scores",
    "The scores go straight into the softmax, without a tanh.",
    net,
    softmax=then(act("tanh"), act("softmax")),
)
for name, hint, end in (*SOFTMAX_ENDS, LOG_SOFTMAX):
    bank.variant(name, hint, net, softmax=act(end))

# Pools

AVERAGE_2X2 = "The pools are 2x2 with stride 2, without overlap or padding."


def with_pools(pool, **changes):
    """LeNet with two other pools."""
    return net(pool1=pool, pool2=pool, **changes)


bank.variant(
    "second_maximum",
    "The second pool takes the maximum; both take the mean.",
    net,
    pool2=lambda: layers.MaxPooling2D(2),
)
bank.variant(
    "relu_max",
    "This is the modern LeNet: tanh and average pools are asked for.",
    with_pools,
    pool=lambda: layers.MaxPooling2D(2),
    tanh1=act("relu"),
    tanh2=act("relu"),
    tanh3=act("relu"),
    tanh4=act("relu"),
)
bank.variant(
    "wide_pools", AVERAGE_2X2, with_pools, pool=lambda: layers.AveragePooling2D(3, 2, "same")
)
bank.variant(
    "wide_valid_pools", AVERAGE_2X2, with_pools, pool=lambda: layers.AveragePooling2D(3, 2)
)
bank.variant("pools_by_one", AVERAGE_2X2, with_pools, pool=lambda: layers.AveragePooling2D(2, 1))
bank.variant(
    "sum_pool",
    "The pools add up; LeNet's take the mean.",
    with_pools,
    pool=then(PARTS["pool1"], act(lambda x: 4 * x)),
)
bank.variant(
    "strided",
    "Every second position is taken as it is (a stride does so too): a 2x2 pool takes the mean of "
    "four positions.",
    with_pools,
    pool=lambda: lambda x: x[:, ::2, ::2],
)
bank.variant(
    "stride_for_first_pool",
    "A stride of the first convolution stands in for its pool: it skips positions, where the pool "
    "takes the mean of four.",
    net,
    conv1=lambda: layers.Conv2D(6, 5, 2),
    pool1=None,
)
bank.variant(
    "stride_for_second_pool",
    "A stride of the second convolution stands in for its pool: it skips positions, where the pool "
    "takes the mean of four.",
    net,
    conv2=lambda: layers.Conv2D(16, 5, 2),
    pool2=None,
)
bank.variant(
    "global_pool",
    "A global pool leaves 16 numbers for the dense layer of 120; it takes all 5x5x16 = 400.",
    net,
    flatten=layers.GlobalAveragePooling2D,
)

# Convolutions


def with_convolutions(filters=(6, 16), kernel=5, **options):
    """LeNet with two other convolutions."""
    return net(
        conv1=lambda: layers.Conv2D(filters[0], kernel, **options),
        conv2=lambda: layers.Conv2D(filters[1], kernel, **options),
    )


bank.variant(
    "same",
    "The convolutions are `valid`: 32 -> 28 -> 14 -> 10 -> 5.",
    with_convolutions,
    padding="same",
)
bank.variant(
    "stride_and_pools",
    "The convolutions have stride 1; only the pools make the maps smaller.",
    net,
    conv1=lambda: layers.Conv2D(6, 5, 2),
)
bank.variant("small_kernels", "The kernels are 5x5.", with_convolutions, kernel=3)
bank.variant(
    "first_7x7",
    "The first kernel is 5x5, not 7x7, and there is no padding.",
    net,
    before=lambda: layers.ZeroPadding2D(1),
    conv1=lambda: layers.Conv2D(6, 7),
)
bank.variant(
    "dilated",
    "The second convolution is a plain 5x5, without dilation.",
    net,
    conv2=lambda: layers.Conv2D(16, 5, dilation_rate=2),
)
bank.variant(
    "grouped",
    "Every filter of the second convolution sees all 6 maps: no groups. (The original's table of "
    "connections is left out here.)",
    net,
    conv2=lambda: layers.Conv2D(16, 5, groups=2),
)
bank.variant(
    "swapped_filters",
    "The convolutions have 6 filters, then 16.",
    with_convolutions,
    filters=(16, 6),
)
bank.variant(
    "twelve_filters",
    "The second convolution has 16 filters.",
    net,
    conv2=lambda: layers.Conv2D(12, 5),
)
bank.variant("without_bias", "The convolutions have biases.", with_convolutions, use_bias=False)
bank.variant(
    "no_bias_at_all",
    "Convolutions and dense layers have biases.",
    net,
    conv1=lambda: layers.Conv2D(6, 5, use_bias=False),
    conv2=lambda: layers.Conv2D(16, 5, use_bias=False),
    dense1=lambda: layers.Dense(120, use_bias=False),
    dense2=lambda: layers.Dense(84, use_bias=False),
    dense3=lambda: layers.Dense(10, use_bias=False),
)
bank.variant(
    "normalised",
    "LeNet has no batch normalisation.",
    net,
    conv1=then(PARTS["conv1"], layers.BatchNormalization),
    conv2=then(PARTS["conv2"], layers.BatchNormalization),
)
bank.variant("divided", NOT_SCALED, net, before=lambda: layers.Rescaling(1 / 255))
bank.variant(
    "standardised",
    NOT_SCALED,
    net,
    before=lambda: lambda x: x - ops.mean(x, axis=(1, 2), keepdims=True),
)

# Dense layers

bank.variant(
    "swapped_dense",
    "The hidden dense layers have 120 units, then 84.",
    net,
    dense1=lambda: layers.Dense(84),
    dense2=lambda: layers.Dense(120),
)
bank.variant(
    "two_of_84",
    "There are two hidden dense layers, 120 and 84; yours has one more.",
    net,
    tanh4=then(act("tanh"), lambda: layers.Dense(84, "tanh")),
)
bank.variant(
    "conv_for_flatten",
    "The output is a map of 1x1x10: flatten it, so that it is (N, 10).",
    net,
    flatten=None,
    dense1=lambda: layers.Conv2D(120, 5),
    dense2=lambda: layers.Conv2D(84, 1),
    dense3=lambda: layers.Conv2D(10, 1),
)
