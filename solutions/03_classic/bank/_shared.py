"""What the banks of several nets need: raw layers, nets as chains of parts, shared hints."""

import math

import keras
from keras import layers, ops

BY_CHANNEL = "the maps are flattened channel by channel, so the dense weights stand in that order"
NOT_SCALED = "The picture goes into the first convolution as it is, without any factor or shift."
ONE_FOR_TWO = "Two classes are two outputs with a softmax, like any other number of them."


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


def one_by_one(filters, kernel, parts, **options):
    """A convolution whose kernel is cut into `parts` of as many filters each."""

    def call(x):
        cut = [layers.Conv2D(filters // parts, kernel, **options)(x) for _ in range(parts)]
        return layers.Concatenate()(cut)

    return call


# Chains of parts: what most wrong answers are. A part makes a layer, anew in each net.


def chain(shape, parts):
    """A net whose layers are made by these parts, in a row; None is left out."""
    x = inputs = keras.Input(shape)
    for make in parts:
        x = make()(x) if make else x
    return keras.Model(inputs, x)


def act(activation):
    """An activation, by its name or a function, as a part."""
    return lambda: layers.Activation(activation)


def then(*parts):
    """Several parts as one."""

    def make():
        made = [part() for part in parts]

        def call(x):
            for layer in made:
                x = layer(x)
            return x

        return call

    return make


# Ends that no net has: name, hint, last activation

LOG_SOFTMAX = (
    "log_softmax",
    "Probabilities are asked for (softmax), not their logarithms.",
    ops.log_softmax,
)
SOFTMAX_OF_RELU = (
    "softmax_of_relu",
    "The scores go straight into the softmax, without another activation.",
    lambda x: ops.softmax(ops.relu(x)),
)
SOFTMAX_ENDS = (
    (
        "softmax_of_batch",
        "The softmax is taken over the batch (axis 0); it belongs over the classes, the last axis.",
        lambda x: ops.softmax(x, axis=0),
    ),
    (
        "softmax_twice",
        "The softmax is taken twice.",
        lambda x: ops.softmax(ops.softmax(x)),
    ),
)
