"""What several banks of this exercise need: padding by hand, layers with their own weights."""

from keras import layers, ops


def same_padded(x, kernel, stride):
    """`x` with the zeros around it that Keras's `same` puts there."""
    sides = []
    for size in x.shape[1:3]:
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        sides.append((total // 2, total - total // 2))
    return layers.ZeroPadding2D(sides)(x)


class Windows(layers.Layer):
    """A depthwise convolution with a kernel of its own."""

    def __init__(self, kernel, stride=1):
        super().__init__()
        self.side, self.stride = kernel, stride

    def build(self, shape):
        shape = (self.side, self.side, shape[-1], 1)
        self.taps = self.add_weight(shape=shape, initializer="glorot_normal", name="taps")

    def call(self, x):
        return ops.depthwise_conv(x, self.taps, strides=self.stride, padding="same")


class Mix(layers.Layer):
    """A 1x1 convolution as a product of matrices, with or without a bias."""

    def __init__(self, filters, bias=False):
        super().__init__()
        self.filters, self.has_bias = filters, bias

    def build(self, shape):
        self.table = self.add_weight(
            shape=(shape[-1], self.filters), initializer="glorot_normal", name="table"
        )
        if self.has_bias:
            self.shift = self.add_weight(shape=(self.filters,), initializer="zeros", name="shift")

    def call(self, x):
        x = ops.matmul(x, self.table)
        return x + self.shift if self.has_bias else x


class Norm(layers.Layer):
    """Batch normalisation with weights of its own."""

    def build(self, shape):
        channels = (shape[-1],)
        self.stretch = self.add_weight(shape=channels, initializer="ones", name="stretch")
        self.shift = self.add_weight(shape=channels, initializer="zeros", name="shift")
        self.mean = self.add_weight(shape=channels, initializer="zeros", trainable=False)
        self.spread = self.add_weight(shape=channels, initializer="ones", trainable=False)

    def call(self, x, training=False):
        mean, variance = self.mean, self.spread
        if training:
            mean, variance = ops.mean(x, (0, 1, 2)), ops.var(x, (0, 1, 2))
            self.mean.assign(0.99 * self.mean + 0.01 * mean)
            self.spread.assign(0.99 * self.spread + 0.01 * variance)
        return (x - mean) / ops.sqrt(variance + 1e-3) * self.stretch + self.shift
