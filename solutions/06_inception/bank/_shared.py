"""What several banks of this exercise need: layers of one's own, and other ways to the same."""

from keras import layers, ops


class RawConvolution(layers.Layer):
    """A `same` convolution with bias and ReLU, on weights of its own."""

    def __init__(self, filters, side, stride=1, activation=ops.relu):
        super().__init__()
        self.filters, self.side, self.stride = filters, side, stride
        self.activation = activation

    def build(self, shape):
        self.offset = self.add_weight(shape=(self.filters,), initializer="zeros", name="offset")
        taps = (self.side, self.side, shape[-1], self.filters)
        self.taps = self.add_weight(shape=taps, initializer="glorot_normal", name="taps")

    def call(self, x):
        x = ops.conv(x, self.taps, strides=self.stride, padding="same")
        return self.activation(x + self.offset)


def convolve(x, filters, kernel, stride=1, activation="relu", **options):
    """A convolution as the exercise asks for it, or with other options."""
    options = {"padding": "same", **options}
    return layers.Conv2D(filters, kernel, stride, activation=activation, **options)(x)


def max_pool(x, size=3, stride=1, padding="same"):
    """A pool as the exercise asks for it, or another."""
    return layers.MaxPooling2D(size, stride, padding=padding)(x)


def padded(x, kernel, stride=1):
    """`x` with the zeros around it that Keras's `same` puts there."""
    sides = []
    for size in x.shape[1:3]:
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        sides.append((total // 2, total - total // 2))
    return layers.ZeroPadding2D(sides)(x)
