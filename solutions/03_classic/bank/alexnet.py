"""Answers to `alexnet`, right and wrong."""

import keras
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import alexnet
from ._shared import (
    BY_CHANNEL,
    NOT_SCALED,
    ONE_FOR_TWO,
    SOFTMAX_ENDS,
    SOFTMAX_OF_RELU,
    RawConvolution,
    RawDense,
    act,
    chain,
    one_by_one,
    then,
)

bank = Bank(alexnet)


@bank.accepted
def sequential(classes=1000):
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


@bank.accepted
def subclass(classes=1000):
    return AlexNet(classes)


@bank.accepted
def raw(classes=1000):
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


@bank.accepted
def convolutional(classes=1000):
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


@bank.accepted(representation=BY_CHANNEL)
def flattened_by_channel(classes=1000):
    x = inputs = keras.Input((227, 227, 3))
    x = layers.MaxPooling2D(3, 2)(layers.Conv2D(96, 11, 4, activation="relu")(x))
    x = layers.MaxPooling2D(3, 2)(layers.Conv2D(256, 5, padding="same", activation="relu")(x))
    for filters in (384, 384, 256):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    x = layers.Flatten()(layers.Permute((3, 1, 2))(layers.MaxPooling2D(3, 2)(x)))
    for _ in range(2):
        x = layers.Dense(4096, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


@bank.accepted
def halves(classes=1000):
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


# Wrong ones: AlexNet with some parts changed


def conv(filters, kernel=3, **options):
    """A `same` convolution as a part."""
    return lambda: layers.Conv2D(filters, kernel, **{"padding": "same", **options})


def first(filters=96, **options):
    """The first convolution as a part."""
    return lambda: layers.Conv2D(filters, 11, 4, **options)


def max_pool(size=3, strides=2):
    """A max pool as a part."""
    return lambda: layers.MaxPooling2D(size, strides)


def dense(units, **options):
    """A dense layer as a part."""
    return lambda: layers.Dense(units, **options)


PARTS = {
    "before": None,
    "conv1": first(),
    "relu1": act("relu"),
    "pool1": max_pool(),
    "conv2": conv(256, 5),
    "relu2": act("relu"),
    "pool2": max_pool(),
    "conv3": conv(384),
    "relu3": act("relu"),
    "conv4": conv(384),
    "relu4": act("relu"),
    "conv5": conv(256),
    "relu5": act("relu"),
    "pool5": max_pool(),
    "flatten": layers.Flatten,
    "dense1": dense(4096),
    "relu6": act("relu"),
    "dense2": dense(4096),
    "relu7": act("relu"),
}


def net(classes, **changes):
    """AlexNet with some of its parts changed, or left out (None)."""
    end = {"dense3": dense(classes), "softmax": act("softmax")}
    return chain((227, 227, 3), {**PARTS, **end, **changes}.values())


# Pools


def with_pools(classes, pool):
    """AlexNet with three other pools."""
    return net(classes, pool1=pool, pool2=pool, pool5=pool)


bank.variant(
    "small_pools",
    "The pools are 3x3 with stride 2: their windows overlap.",
    with_pools,
    pool=max_pool(2),
)
bank.variant(
    "last_pool_2x2",
    "The last pool is 3x3 with stride 2 like the others.",
    net,
    pool5=max_pool(2),
)
bank.variant(
    "pools_by_three",
    "The pools have stride 2: without `strides` they take that of their window, 3.",
    with_pools,
    pool=max_pool(strides=None),
)
bank.variant(
    "thinned",
    "Every second position is taken as it is; a 3x3 pool takes the maximum of nine.",
    with_pools,
    pool=lambda: lambda x: x[:, 1:-1:2, 1:-1:2],
)
bank.variant(
    "without_last_pool",
    "A pool follows the fifth convolution too: 13x13x256 becomes 6x6x256.",
    net,
    pool5=None,
)
bank.variant(
    "late_pool",
    "The second pool follows the second convolution, not the third.",
    net,
    pool2=None,
    relu3=then(act("relu"), max_pool()),
)
bank.variant(
    "pool_before_first",
    "The picture goes into the 11x11 convolution first; the pool comes after it.",
    net,
    before=max_pool(),
    conv1=first(padding="same"),
    pool1=None,
)
bank.variant(
    "global_pool",
    "There is no global pool: the first dense layer sees all 6x6x256 numbers (Flatten).",
    net,
    flatten=layers.GlobalAveragePooling2D,
)

# Padding

bank.variant(
    "first_padded",
    "The first convolution has no padding: 227 -> 55 = (227 - 11) / 4 + 1.",
    net,
    before=lambda: layers.ZeroPadding2D(2),
)
bank.variant(
    "all_valid",
    "The 5x5 convolution is `same`: it keeps 27x27.",
    net,
    conv2=conv(256, 5, padding="valid"),
)
bank.variant(
    "second_padded_before",
    "The zeros around the second convolution's input all stand above and on the left; leave the "
    'padding to the layer (`padding="same"`).',
    net,
    conv2=then(lambda: layers.ZeroPadding2D(((4, 0), (4, 0))), conv(256, 5, padding="valid")),
)
bank.variant(
    "fourth_padded_before",
    "Before the fourth convolution the zeros all stand above and on the left; leave the padding "
    'to the layer (`padding="same"`).',
    net,
    conv4=then(lambda: layers.ZeroPadding2D(((2, 0), (2, 0))), conv(384, padding="valid")),
)

# Filters, kernels, groups

bank.variant(
    "filters_kept",
    "The fifth convolution has 256 filters: 96, 256, 384, 384, 256.",
    net,
    conv5=conv(384),
)
bank.variant(
    "narrow_fourth",
    "The last three convolutions have 384, 384 and 256 filters; yours have 384, 256, 384.",
    net,
    conv4=conv(256),
    conv5=conv(384),
)
bank.variant(
    "torchvision",
    "These are the filters of a later version (64, 192, 384, 256, 256); the task asks for 96, 256, "
    "384, 384, 256.",
    net,
    conv1=first(64),
    conv2=conv(192, 5),
    conv4=conv(256),
)
bank.variant(
    "one_384",
    "Two convolutions of 384 filters follow the second pool; yours has one.",
    net,
    conv4=None,
    relu4=None,
)
bank.variant(
    "three_384",
    "Two convolutions of 384 filters follow the second pool; yours has three.",
    net,
    relu4=then(act("relu"), conv(384), act("relu")),
)
bank.variant("small_second_kernel", "The second convolution is 5x5.", net, conv2=conv(256, 3))
bank.variant(
    "lines",
    "The last three kernels are 3x3; 1x9 has as many weights, all in one line.",
    net,
    conv3=conv(384, (1, 9)),
    conv4=conv(384, (1, 9)),
    conv5=conv(256, (1, 9)),
)
bank.variant(
    "dilated",
    "The convolutions are plain ones, without dilation.",
    net,
    conv2=conv(256, 5, dilation_rate=2),
    conv3=conv(384, dilation_rate=2),
    conv4=conv(384, dilation_rate=2),
    conv5=conv(256, dilation_rate=2),
)
bank.variant(
    "two_groups",
    "These are the two towers of the original (groups=2): one tower is asked for, every filter "
    "sees every channel.",
    net,
    conv2=conv(256, 5, groups=2),
    conv4=conv(384, groups=2),
    conv5=conv(256, groups=2),
)
bank.variant(
    "second_grouped",
    "The second convolution has no groups: one tower is asked for.",
    net,
    conv2=conv(256, 5, groups=2),
)
bank.variant(
    "no_bias",
    "The convolutions have biases: nothing normalises behind them.",
    net,
    conv1=first(use_bias=False),
    conv2=conv(256, 5, use_bias=False),
    conv3=conv(384, use_bias=False),
    conv4=conv(384, use_bias=False),
    conv5=conv(256, use_bias=False),
)

# Activations

bank.variant(
    "dense_tanh",
    "The hidden dense layers have ReLU, not tanh.",
    net,
    relu6=act("tanh"),
    relu7=act("tanh"),
)
bank.variant(
    "linear_convolutions",
    "A ReLU follows every convolution.",
    net,
    **{f"relu{number}": None for number in range(1, 6)},
)
bank.variant(
    "linear_hidden", "A ReLU follows each hidden dense layer.", net, relu6=None, relu7=None
)
bank.variant(
    "fifth_linear",
    "A ReLU follows the fifth convolution too, before the pool.",
    net,
    relu5=None,
)
bank.variant(
    "relu_before_pools_only",
    "A ReLU follows the third and fourth convolution too.",
    net,
    relu3=None,
    relu4=None,
)
for number, where in (
    (2, "second convolution"),
    (3, "third convolution"),
    (4, "fourth convolution"),
    (6, "first dense layer"),
    (7, "second dense layer"),
):
    bank.variant(
        f"no_relu{number}",
        f"A ReLU is missing after the {where}.",
        net,
        **{f"relu{number}": None},
    )

# Normalisation


class ResponseNormalization(layers.Layer):
    """AlexNet's local response normalisation over five channels."""

    def call(self, x):
        squares = ops.pad(x * x, [(0, 0)] * 3 + [(2, 2)])
        near = sum(squares[..., i : i + x.shape[-1]] for i in range(5))
        return x / (2 + 1e-4 * near) ** 0.75


bank.variant(
    "normalised",
    "No normalisation: batch normalisation came three years after AlexNet.",
    net,
    relu1=then(act("relu"), layers.BatchNormalization),
    relu2=then(act("relu"), layers.BatchNormalization),
)
bank.variant(
    "response_normalised",
    "This is right for the original, but the task leaves the local response normalisation out.",
    net,
    relu1=then(act("relu"), ResponseNormalization),
    relu2=then(act("relu"), ResponseNormalization),
)
bank.variant("divided", NOT_SCALED, net, before=lambda: layers.Rescaling(1 / 255))

# Dense layers

bank.variant(
    "one_hidden",
    "There are two hidden dense layers of 4096.",
    net,
    dense2=None,
    relu7=None,
)
bank.variant(
    "three_hidden",
    "There are two hidden dense layers of 4096; yours has three.",
    net,
    relu7=then(act("relu"), dense(4096), act("relu")),
)
bank.variant(
    "hidden_2048",
    "The two hidden dense layers have 4096 units.",
    net,
    dense1=dense(2048),
    dense2=dense(2048),
)
bank.variant(
    "no_dense_bias",
    "The dense layers have biases.",
    lambda classes: net(
        classes,
        dense1=dense(4096, use_bias=False),
        dense2=dense(4096, use_bias=False),
        dense3=dense(classes, use_bias=False),
    ),
)


def called_twice(part):
    """One layer, called twice, with a ReLU between."""

    def make():
        layer = part()
        return lambda x: layer(ops.relu(layer(x)))

    return make


bank.variant(
    "fourth_twice",
    "The fourth convolution is called twice: once is enough, and each needs its own weights.",
    net,
    conv4=called_twice(conv(384)),
)
bank.variant(
    "dense_twice",
    "The second dense layer is called twice: once is enough, and each needs its own weights.",
    net,
    dense2=called_twice(dense(4096)),
)

# The end

bank.variant(
    "sigmoid_end",
    "The last activation is a softmax, not a sigmoid.",
    net,
    softmax=act("sigmoid"),
)
for name, hint, end in (*SOFTMAX_ENDS, SOFTMAX_OF_RELU):
    bank.variant(name, hint, net, softmax=act(end))


@bank.mistake(ONE_FOR_TWO)
def one_for_two(classes=1000):
    return net(1, softmax=act("sigmoid")) if classes == 2 else net(classes)
