"""What several banks of this exercise need: layers of one's own, and other ways to the same."""

from keras import layers, ops


class RawConvolution(layers.Layer):
    """A 3x3 convolution with bias and ReLU, on weights of its own."""

    def __init__(self, filters, padding, activation=ops.relu):
        super().__init__()
        self.filters, self.padding, self.activation = filters, padding, activation

    def build(self, shape):
        self.offset = self.add_weight(shape=(self.filters,), initializer="zeros", name="offset")
        taps = (3, 3, shape[-1], self.filters)
        self.taps = self.add_weight(shape=taps, initializer="he_normal", name="taps")

    def call(self, x):
        x = ops.conv(x, self.taps, strides=1, padding=self.padding)
        return self.activation(x + self.offset)


class RawUp(layers.Layer):
    """A 2x2/2 transposed convolution: each value lays down a block, and no two blocks overlap."""

    def __init__(self, filters):
        super().__init__()
        self.filters = filters

    def build(self, shape):
        blocks = (shape[-1], 2, 2, self.filters)
        self.blocks = self.add_weight(shape=blocks, initializer="he_normal", name="blocks")
        self.offset = self.add_weight(shape=(self.filters,), initializer="zeros", name="offset")

    def call(self, x):
        height, width = x.shape[1:3]
        x = ops.einsum("nhwc,cyxf->nhywxf", x, self.blocks)
        return ops.reshape(x, (-1, 2 * height, 2 * width, self.filters)) + self.offset


def convolve(x, filters, padding, kernel=3, activation="relu", **options):
    """A convolution as the exercise asks for it, or with other options."""
    return layers.Conv2D(filters, kernel, padding=padding, activation=activation, **options)(x)


def twice(x, filters, padding, **options):
    """Two convolutions in a row."""
    return convolve(convolve(x, filters, padding, **options), filters, padding, **options)


def up(x, filters, kernel=2, **options):
    """The up-convolution, or another."""
    return layers.Conv2DTranspose(filters, kernel, strides=2, **options)(x)


def cut(skip, like, begin=lambda extra: extra // 2):
    """`skip` as large as `like`; `begin` says how many rows and columns go from the beginning."""
    top, left = (begin(a - b) for a, b in zip(skip.shape[1:3], like.shape[1:3], strict=True))
    return skip[:, top : top + like.shape[1], left : left + like.shape[2]]


def resized(x, like):
    """`x` interpolated to the size of `like`."""
    return ops.image.resize(x, like.shape[1:3], interpolation="bilinear")


def normed(x, filters, padding):
    """Convolution, batch normalisation, ReLU; twice."""
    for _ in range(2):
        x = layers.Conv2D(filters, 3, padding=padding, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    return x
