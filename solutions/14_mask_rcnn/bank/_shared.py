"""Layers of one's own, and parts of the head that several answers are made of."""

from keras import layers, ops


class RawConvolution(layers.Layer):
    """A 3x3 `same` convolution with bias and ReLU, on weights of its own."""

    def __init__(self, filters):
        super().__init__()
        self.filters = filters

    def build(self, shape):
        self.offset = self.add_weight(shape=(self.filters,), initializer="zeros", name="offset")
        taps = (3, 3, shape[-1], self.filters)
        self.taps = self.add_weight(shape=taps, initializer="he_normal", name="taps")

    def call(self, x):
        return ops.relu(ops.conv(x, self.taps, strides=1, padding="same") + self.offset)


class RawUp(layers.Layer):
    """A 2x2/2 transposed convolution: each value lays down a block, and no two blocks overlap.

    `order` says how the axes of its kernel stand: c is a channel, y and x a place, f a filter.
    """

    def __init__(self, filters, order="cyxf"):
        super().__init__()
        self.filters, self.order = filters, order

    def build(self, shape):
        sides = {"c": shape[-1], "y": 2, "x": 2, "f": self.filters}
        blocks = tuple(sides[axis] for axis in self.order)
        self.blocks = self.add_weight(shape=blocks, initializer="he_normal", name="blocks")
        self.offset = self.add_weight(shape=(self.filters,), initializer="zeros", name="offset")

    def call(self, x):
        height, width = x.shape[1:3]
        x = ops.einsum(f"nhwc,{self.order}->nhywxf", x, self.blocks)
        return ops.reshape(x, (-1, 2 * height, 2 * width, self.filters)) + self.offset


class Offset(layers.Layer):
    """Adds a number to each channel."""

    def build(self, shape):
        self.bias = self.add_weight(shape=(shape[-1],), initializer="zeros", name="bias")

    def call(self, x):
        return x + self.bias


def convolve(x, filters, kernel=3, activation="relu", padding="same", **options):
    """A convolution as the head has four of, or with other options."""
    return layers.Conv2D(filters, kernel, padding=padding, activation=activation, **options)(x)


def row(x, filters, count=4, **options):
    """So many of them in a row."""
    for _ in range(count):
        x = convolve(x, filters, **options)
    return x


def up(x, filters, kernel=2, activation="relu", **options):
    """The transposed convolution, or another."""
    layer = layers.Conv2DTranspose(filters, kernel, strides=2, activation=activation, **options)
    return layer(x)


def scores(x, classes, activation="sigmoid", kernel=1):
    """The last convolution, or another."""
    return layers.Conv2D(classes, kernel, padding="same", activation=activation)(x)
