"""What several banks of this exercise need: hints, blocks of parts, and layers of one's own."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import keras
from keras import layers, ops

# Hints that several answers share

LONG_KERNELS = "The kernels are 3x3; these have as many weights, all in one line."
RELU_BEFORE_NORM = (
    "The order is convolution, normalisation, ReLU: here a ReLU comes before the normalisation."
)
PREACTIVATION = (
    "This is the pre-activation block of a later paper (He 2016b): here convolution comes first, "
    "then normalisation, and a ReLU follows the addition."
)
BIAS = "The convolutions must have no bias: the normalisation behind each brings its own offset."
RELU_BEFORE_ADD = (
    "The branch ends with its normalisation: the last ReLU comes after the addition, so that the "
    "branch can also lower what the shortcut carries."
)
PROJECTION_NORM = "The 1x1 convolution of the shortcut needs a batch normalisation behind it."
POOLED_SHORTCUT = "The shortcut does not pool: its 1x1 convolution has the stride itself."


# Blocks of parts: a wrong answer is often one with a single part exchanged


def conv(x, filters, kernel, stride=1, **options):
    """A convolution as the exercise asks for it."""
    options = {"padding": "same", "use_bias": False, **options}
    return layers.Conv2D(filters, kernel, stride, **options)(x)


def shape_changes(stride, before, after):
    """Whether the shortcut is projected, by the numbers of channels before and after the block."""
    return stride != 1 or before != after


def projection(x, filters, stride, kernel=1, norm=layers.BatchNormalization, **options):
    """The shortcut where the shape changes."""
    return norm()(conv(x, filters, kernel, stride, **options))


@dataclass(frozen=True)
class Convolution:
    """One of a branch: its kernel, how many times `filters` it has, whether it is normalised."""

    kernel: int | tuple[int, int]
    times: int = 1
    normed: bool = True


@dataclass(frozen=True)
class Block:
    """The parts of a residual block, each the model answer's unless given.

    It is called as an answer is, and builds the block: `replace(BASIC, add=ops.multiply)` is a
    block that multiplies.

    Attributes:
        convolutions: those of the branch; the first has the stride.
        inner: the activation between them.
        norm: makes a normalisation of the branch.
        projects: whether there is a projection; called as `shape_changes` is.
        projection: the projected shortcut; called as `projection` is.
        add: joins shortcut and branch.
        last: the activation after the addition.
    """

    convolutions: tuple[Convolution, ...]
    inner: str | Callable = "relu"
    norm: Callable = layers.BatchNormalization
    projects: Callable[[int, int, int], bool] = shape_changes
    projection: Callable = projection
    add: Callable = ops.add
    last: str | Callable = "relu"

    def __call__(self, x, filters, stride=1):
        y = self.branch(x, filters, stride)
        if self.projects(stride, x.shape[-1], y.shape[-1]):
            x = self.projection(x, y.shape[-1], stride)
        return layers.Activation(self.last)(self.add(x, y))

    def branch(self, x, filters, stride=1):
        """What is added to the shortcut."""
        for number, part in enumerate(self.convolutions):
            if number > 0:
                x = layers.Activation(self.inner)(x)
            x = conv(x, part.times * filters, part.kernel, stride if number == 0 else 1)
            x = self.norm()(x) if part.normed else x
        return x

    def of(self, *convolutions: Convolution) -> "Block":
        """The block with other convolutions in its branch."""
        return replace(self, convolutions=convolutions)

    def normed_by(self, norm: Callable, **options: Any) -> "Block":
        """The block with another normalisation throughout."""
        norm = partial(norm, **options)
        return replace(self, norm=norm, projection=partial(projection, norm=norm))


BASIC = Block((Convolution(3), Convolution(3)))
BOTTLENECK = Block((Convolution(1), Convolution(3), Convolution(1, times=4)))


# Layers of one's own, and other ways to the same: what right answers may be built from


def padded(x, kernel, stride):
    """`x` with the zeros around it that Keras's `same` puts there."""
    sides = []
    for size in x.shape[1:3]:
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        sides.append((total // 2, total - total // 2))
    return layers.ZeroPadding2D(sides)(x)


class ConvNorm(layers.Layer):
    """Convolution and normalisation as one layer, with an optional ReLU."""

    def __init__(self, filters, kernel, stride=1, activation=None):
        super().__init__()
        self.norm = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.conv = layers.Conv2D(
            filters, kernel, stride, padding="same", use_bias=False, kernel_initializer="he_normal"
        )
        self.activation = keras.activations.get(activation)

    def call(self, x, training=None):
        return self.activation(self.norm(self.conv(x), training=training))


class RawConvolution(layers.Layer):
    """A convolution with a kernel of its own."""

    def __init__(self, filters, side, stride=1):
        super().__init__()
        self.filters, self.side, self.stride = filters, side, stride

    def build(self, shape):
        shape = (self.side, self.side, shape[-1], self.filters)
        self.taps = self.add_weight(shape=shape, initializer="glorot_normal", name="taps")

    def call(self, x):
        return ops.conv(x, self.taps, strides=self.stride, padding="same")


class HandMadeNorm(layers.Layer):
    """Batch normalisation with weights of its own."""

    def build(self, shape):
        channels = (shape[-1],)
        self.shift = self.add_weight(shape=channels, initializer="zeros", name="shift")
        self.mean = self.add_weight(shape=channels, initializer="zeros", trainable=False)
        self.spread = self.add_weight(shape=channels, initializer="ones", trainable=False)
        self.stretch = self.add_weight(shape=channels, initializer="ones", name="stretch")

    def call(self, x, training=False):
        mean, variance = self.mean, self.spread
        if training:
            mean, variance = ops.mean(x, (0, 1, 2)), ops.var(x, (0, 1, 2))
            self.mean.assign(0.95 * self.mean + 0.05 * mean)
            self.spread.assign(0.95 * self.spread + 0.05 * variance)
        return (x - mean) / ops.sqrt(variance + 1e-5) * self.stretch + self.shift
