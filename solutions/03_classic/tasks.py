"""Exercise 03: the classic nets. Right answers in several styles, and what students get wrong.

`docs/authoring.md` explains how such a file is written. The nets below are written with `keras` and
`keras.ops` only, so that the bank runs on each of Keras's backends.
"""

import math

import keras
import numpy as np
from keras import layers, ops

from autograder.task import Accepted, Mistake, Task, Trial, trial

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


LENET_MISTAKES = [
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
        "Every second position is taken as it is: a 2x2 pool takes the mean of four positions.",
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
    return alexnet_like(classes, pools=(True, True, False, False, False), hidden=(512, 4096))


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


ALEXNET_MISTAKES = [
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
        "A pool follows the fifth convolution too (13x13x256 -> 6x6x256), and both hidden dense "
        "layers have 4096 units.",
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


def vgg_like(
    convolutions,
    classes,
    input_shape,
    filters=(64, 128, 256, 512, 512),
    padding="same",
    pool=layers.MaxPooling2D,
    pool_options=None,
    pool_each=False,
    last_pool=True,
    inner="relu",
    once_a_stage=False,
    hidden=(4096, 4096),
    hidden_activation="relu",
    head=layers.Flatten,
    last="softmax",
    norm=False,
    kernel=3,
):
    """VGG with one thing changed."""
    x = inputs = keras.Input(input_shape)
    for stage, count in enumerate(convolutions):
        for number in range(count):
            silent = once_a_stage and number < count - 1
            x = layers.Conv2D(filters[stage], kernel, padding=padding)(x)
            x = layers.BatchNormalization()(x) if norm else x
            x = layers.Activation("linear" if silent else inner)(x)
            if pool_each and number < count - 1 and min(x.shape[1:3]) > 1:
                x = layers.MaxPooling2D(2, 1, "same")(x)
        if last_pool or stage < len(convolutions) - 1:
            x = pool(**(pool_options or {"pool_size": 2}))(x)
    x = head()(x)
    for units in hidden:
        x = layers.Dense(units, activation=hidden_activation)(x)
    return keras.Model(inputs, layers.Dense(classes, activation=last)(x))


def vgg_average(convolutions, classes=1000, input_shape=(224, 224, 3)):
    return vgg_like(convolutions, classes, input_shape, pool=layers.AveragePooling2D)


def vgg_same_pools(convolutions, classes=1000, input_shape=(224, 224, 3)):
    options = {"pool_size": 2, "padding": "same"}
    return vgg_like(convolutions, classes, input_shape, pool_options=options)


def vgg_overlapping_pools(convolutions, classes=1000, input_shape=(224, 224, 3)):
    options = {"pool_size": 3, "strides": 2, "padding": "same"}
    return vgg_like(convolutions, classes, input_shape, pool_options=options)


def vgg_without_last_pool(convolutions, classes=1000, input_shape=(224, 224, 3)):
    return vgg_like(convolutions, classes, input_shape, last_pool=False)


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
    return vgg_like(convolutions, classes, input_shape, once_a_stage=True)


def vgg_linear(convolutions, classes=1000, input_shape=(224, 224, 3)):
    return vgg_like(convolutions, classes, input_shape, inner="linear")


def vgg_linear_hidden(convolutions, classes=1000, input_shape=(224, 224, 3)):
    return vgg_like(convolutions, classes, input_shape, hidden_activation="linear")


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


VGG_MISTAKES = [
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
    Mistake(vgg_sixteen, "Use the argument `convolutions`: this is VGG-16 whatever it says."),
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


ERROR_MISTAKES = [
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
    Mistake(
        error_wrong_axis, "Sort the classes of each sample (axis 1), not the samples (axis 0)."
    ),
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
    """One case: it has 58 million weights whatever the number of classes."""
    return [trial((227, 227, 3), classes=number(rng, 5, 12))]


def vgg_trials(rng: np.random.Generator) -> list[Trial]:
    """All five stages on the smallest pictures that have a pixel left, odd sides on the way."""
    shape = (number(rng, 33, 35), number(rng, 36, 38), 3)
    low = (number(rng, 18, 19), number(rng, 21, 22), number(rng, 1, 2))
    if rng.integers(2):
        shape, low = (shape[1], shape[0], shape[2]), (low[1], low[0], low[2])
    counts = [1, 1, 1, 1, 1]
    counts[number(rng, 1, 2)] = 2
    classes = rng.permutation(np.arange(5, 13))
    return [
        trial(shape, convolutions=counts, classes=int(classes[0]), input_shape=shape),
        trial(low, convolutions=[1, 3], classes=int(classes[1]), input_shape=low),
    ]


def error_trials(rng: np.random.Generator) -> list[Trial]:
    """Three samples to work out; scores of all sizes, labels of every rank; k left out, 1, all."""
    small = np.array([[1, -7, 3], [9, 2, 4], [6, 5, 8]], "float32")

    def case(samples: int, classes: int) -> dict:
        scores = (10 * rng.standard_normal((samples, classes))).astype("float32")
        return {"scores": scores, "labels": rng.integers(0, classes, samples)}

    return [
        trial(scores=small, labels=np.array([2, 1, 0]), k=1),
        trial(scores=small, labels=np.array([2, 1, 0]), k=2),
        trial(**case(number(rng, 60, 80), number(rng, 11, 13))),
        trial(**case(number(rng, 30, 50), number(rng, 4, 6)), k=1),
        trial(**case(number(rng, 50, 70), number(rng, 9, 10)), k=5),
        trial(**case(number(rng, 40, 60), number(rng, 8, 9)), k=3),
        trial(**case(number(rng, 5, 9), 4), k=4),
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
        by_hand=True,
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


EQUIVALENT_MUTANTS = {
    "top_k_error: return float(np.mean(~(best == labels[:, None]).any(axis=1))) -> "
    "return np.mean(~(best == labels[:, None]).any(axis=1))": "NumPy's mean is a float already",
    "top_k_error: best = np.argsort(scores, axis=1)[:, ::-1][:, :k] -> "
    "best = np.argsort(scores)[:, ::-1][:, :k]": "the last axis is the default",
}
