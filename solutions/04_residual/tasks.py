"""Exercise 04: residual networks. Right answers in several styles, and the mistakes students make.

`docs/authoring.md` explains how such a file is written. Every answer below computes with `keras`
and `keras.ops` only, so that the bank runs on each of Keras's backends.
"""

import keras
import numpy as np
from keras import layers, ops

from autograder.arguments import Input
from autograder.task import Accepted, Mistake, Task, Trial, trial

# What several answers are built from


def conv_bn(x, filters, kernel, stride=1, **options):
    """Convolution without bias, then batch normalisation."""
    options = {"padding": "same", "use_bias": False, **options}
    x = layers.Conv2D(filters, kernel, strides=stride, **options)(x)
    return layers.BatchNormalization()(x)


def projected(x, filters, stride):
    """The shortcut: `x` where the shape stays, else 1x1/stride - BN."""
    if stride == 1 and x.shape[-1] == filters:
        return x
    return conv_bn(x, filters, 1, stride)


def relu(x):
    return layers.ReLU()(x)


def same_padding(size, kernel, stride):
    """Zeros before and after, as Keras's `same` puts them."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def padded(x, kernel, stride):
    height, width = x.shape[1:3]
    sides = same_padding(height, kernel, stride), same_padding(width, kernel, stride)
    return layers.ZeroPadding2D(sides)(x)


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


# residual_block


def residual_block(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 3, stride))
    y = conv_bn(y, filters, 3)
    return relu(layers.Add()([y, projected(x, filters, stride)]))


def residual_operators(x, filters, stride=1):
    shortcut = x
    if stride != 1 or x.shape[-1] != filters:
        shortcut = layers.Conv2D(filters, (1, 1), stride, use_bias=False)(x)
        shortcut = layers.BatchNormalization(epsilon=1e-5)(shortcut)
    x = layers.Conv2D(filters, (3, 3), (stride, stride), padding="same", use_bias=False)(x)
    x = ops.relu(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Conv2D(filters, (3, 3), padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(gamma_initializer="zeros")(x)
    return ops.maximum(x + shortcut, 0)


class ResidualLayer(layers.Layer):
    def __init__(self, filters, stride, project):
        super().__init__()
        self.shortcut = ConvNorm(filters, 1, stride) if project else layers.Identity()
        self.second = ConvNorm(filters, 3)
        self.first = ConvNorm(filters, 3, stride, "relu")

    def call(self, x, training=None):
        y = self.second(self.first(x, training=training), training=training)
        return ops.relu(self.shortcut(x) + y)


def residual_layer(x, filters, stride=1):
    return ResidualLayer(filters, stride, stride != 1 or x.shape[-1] != filters)(x)


class ResidualModel(keras.Model):
    def __init__(self, filters, stride, project):
        super().__init__(name="residual_model")
        self.conv1 = layers.Conv2D(filters, 3, stride, "same", use_bias=False)
        self.bn1 = layers.BatchNormalization()
        self.conv2 = layers.Conv2D(filters, 3, 1, "same", use_bias=False)
        self.bn2 = layers.BatchNormalization()
        self.project = project
        if project:
            self.conv3 = layers.Conv2D(filters, 1, stride, use_bias=False)
            self.bn3 = layers.BatchNormalization()

    def call(self, x, training=False):
        y = ops.relu(self.bn1(self.conv1(x), training=training))
        y = self.bn2(self.conv2(y), training=training)
        if self.project:
            x = self.bn3(self.conv3(x), training=training)
        return ops.relu(y + x)


def residual_model(x, filters, stride=1):
    return ResidualModel(filters, stride, stride != 1 or x.shape[-1] != filters)(x)


def residual_raw(x, filters, stride=1):
    y = HandMadeNorm()(RawConvolution(filters, 3, stride)(x))
    y = HandMadeNorm()(RawConvolution(filters, 3)(layers.Activation("relu")(y)))
    if stride != 1 or x.shape[-1] != filters:
        x = HandMadeNorm()(RawConvolution(filters, 1, stride)(x))
    return ops.relu(ops.add(x, y))


def residual_sequential(x, filters, stride=1):
    def unit(kernel, step):
        conv = layers.Conv2D(filters, kernel, strides=step, padding="same", use_bias=False)
        return keras.Sequential([conv, layers.BatchNormalization()])

    branch = keras.Sequential([unit(3, stride), layers.ReLU(), unit(3, 1)])
    keeps = stride == 1 and x.shape[-1] == filters
    shortcut = layers.Identity() if keeps else unit(1, stride)
    return layers.Activation("relu")(layers.Add()([shortcut(x), branch(x)]))


def residual_explicit_padding(x, filters, stride=1):
    y = conv_bn(padded(x, 3, stride), filters, 3, stride, padding="valid")
    y = conv_bn(padded(relu(y), 3, 1), filters, 3, padding="valid")
    return relu(y + projected(x, filters, stride))


def residual_dense_projection(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 3, stride))
    y = conv_bn(y, filters, 3)
    if stride != 1 or x.shape[-1] != filters:
        x = layers.Dense(filters, use_bias=False)(x[:, ::stride, ::stride, :])
        x = layers.BatchNormalization()(x)
    return layers.Lambda(lambda pair: ops.relu(pair[0] + pair[1]))([x, y])


def residual_cut_kernel(x, filters, stride=1):
    half = filters // 2
    y = layers.Concatenate()(
        [
            layers.Conv2D(part, 3, stride, padding="same", use_bias=False)(x)
            for part in (half, filters - half)
        ]
    )
    y = conv_bn(relu(layers.BatchNormalization()(y)), filters, 3)
    return relu(y + projected(x, filters, stride))


def residual_without_shortcut(x, filters, stride=1):
    return relu(conv_bn(relu(conv_bn(x, filters, 3, stride)), filters, 3))


def residual_branch_twice(x, filters, stride=1):
    y = conv_bn(relu(conv_bn(x, filters, 3, stride)), filters, 3)
    return relu(layers.Add()([y, y]))


def residual_always_projected(x, filters, stride=1):
    y = conv_bn(relu(conv_bn(x, filters, 3, stride)), filters, 3)
    return relu(y + conv_bn(x, filters, 1, stride))


def residual_projected_by_stride_only(x, filters, stride=1):
    y = conv_bn(relu(conv_bn(x, filters, 3, stride)), filters, 3)
    return relu(y + (x if stride == 1 else conv_bn(x, filters, 1, stride)))


def residual_projected_by_channels_only(x, filters, stride=1):
    y = conv_bn(relu(conv_bn(x, filters, 3, stride)), filters, 3)
    return relu(y + (x if x.shape[-1] == filters else conv_bn(x, filters, 1, stride)))


def residual_projection_without_norm(x, filters, stride=1):
    y = conv_bn(relu(conv_bn(x, filters, 3, stride)), filters, 3)
    if stride != 1 or x.shape[-1] != filters:
        x = layers.Conv2D(filters, 1, stride, use_bias=False)(x)
    return relu(y + x)


def residual_projection_relu(x, filters, stride=1):
    y = conv_bn(relu(conv_bn(x, filters, 3, stride)), filters, 3)
    if stride != 1 or x.shape[-1] != filters:
        x = relu(conv_bn(x, filters, 1, stride))
    return relu(y + x)


def residual_projection_3x3(x, filters, stride=1):
    y = conv_bn(relu(conv_bn(x, filters, 3, stride)), filters, 3)
    if stride != 1 or x.shape[-1] != filters:
        x = conv_bn(x, filters, 3, stride)
    return relu(y + x)


def residual_average_shortcut(x, filters, stride=1):
    y = conv_bn(relu(conv_bn(x, filters, 3, stride)), filters, 3)
    if stride != 1 or x.shape[-1] != filters:
        if stride != 1:
            x = layers.AveragePooling2D(stride, padding="same")(x)
        x = conv_bn(x, filters, 1)
    return relu(y + x)


def residual_without_last_relu(x, filters, stride=1):
    y = conv_bn(relu(conv_bn(x, filters, 3, stride)), filters, 3)
    return y + projected(x, filters, stride)


def residual_without_first_relu(x, filters, stride=1):
    y = conv_bn(conv_bn(x, filters, 3, stride), filters, 3)
    return relu(y + projected(x, filters, stride))


def residual_relu_before_add(x, filters, stride=1):
    y = relu(conv_bn(relu(conv_bn(x, filters, 3, stride)), filters, 3))
    return y + projected(x, filters, stride)


def residual_relu_before_and_after(x, filters, stride=1):
    y = relu(conv_bn(relu(conv_bn(x, filters, 3, stride)), filters, 3))
    return relu(y + projected(x, filters, stride))


def residual_with_bias(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 3, stride, use_bias=True))
    y = conv_bn(y, filters, 3, use_bias=True)
    if stride != 1 or x.shape[-1] != filters:
        x = conv_bn(x, filters, 1, stride, use_bias=True)
    return relu(y + x)


def residual_stride_second(x, filters, stride=1):
    y = conv_bn(relu(conv_bn(x, filters, 3)), filters, 3, stride)
    return relu(y + projected(x, filters, stride))


def residual_symmetric_padding(x, filters, stride=1):
    y = conv_bn(layers.ZeroPadding2D(1)(x), filters, 3, stride, padding="valid")
    y = conv_bn(relu(y), filters, 3)
    return relu(y + projected(x, filters, stride))


def residual_norm_missing(x, filters, stride=1):
    def conv(x, kernel, step=1):
        return layers.Conv2D(filters, kernel, step, padding="same", use_bias=False)(x)

    y = conv(relu(conv(x, 3, stride)), 3)
    if stride != 1 or x.shape[-1] != filters:
        x = conv(x, 1, stride)
    return relu(y + x)


def residual_second_norm_missing(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 3, stride))
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(y)
    return relu(y + projected(x, filters, stride))


def residual_relu_before_norm(x, filters, stride=1):
    y = layers.Conv2D(filters, 3, stride, "same", use_bias=False, activation="relu")(x)
    y = conv_bn(layers.BatchNormalization()(y), filters, 3)
    return relu(y + projected(x, filters, stride))


def residual_preactivation(x, filters, stride=1):
    y = relu(layers.BatchNormalization()(x))
    y = layers.Conv2D(filters, 3, stride, padding="same", use_bias=False)(y)
    y = relu(layers.BatchNormalization()(y))
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(y)
    return y + projected(x, filters, stride)


def residual_one_convolution(x, filters, stride=1):
    y = conv_bn(x, filters, 3, stride)
    return relu(y + projected(x, filters, stride))


def residual_shared_layers(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 3, stride))
    conv = layers.Conv2D(filters, 3, padding="same", use_bias=False)
    norm = layers.BatchNormalization()
    y = norm(conv(relu(norm(conv(y)))))
    return relu(y + projected(x, filters, stride))


def residual_sigmoid(x, filters, stride=1):
    y = ops.sigmoid(conv_bn(x, filters, 3, stride))
    y = conv_bn(y, filters, 3)
    return ops.sigmoid(y + projected(x, filters, stride))


def residual_leaky(x, filters, stride=1):
    y = layers.LeakyReLU()(conv_bn(x, filters, 3, stride))
    y = conv_bn(y, filters, 3)
    return layers.LeakyReLU()(y + projected(x, filters, stride))


def residual_dilated(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 3, stride))
    y = conv_bn(y, filters, 3, dilation_rate=2)
    return relu(y + projected(x, filters, stride))


def residual_long_kernels(x, filters, stride=1):
    y = relu(conv_bn(x, filters, (1, 9), stride))
    y = conv_bn(y, filters, (1, 9))
    return relu(y + projected(x, filters, stride))


def residual_stride_two_always(x, filters, stride=1):
    step = 1 if stride == 1 else 2
    return residual_block(x, filters, step)


def residual_concatenated(x, filters, stride=1):
    y = conv_bn(relu(conv_bn(x, filters, 3, stride)), filters, 3)
    return relu(layers.Concatenate()([y, projected(x, filters, stride)]))


NO_SHORTCUT = "The block has no shortcut: add `x` (or its projection) before the last ReLU."
BIAS = "The convolutions must have no bias: the normalisation behind each brings its own offset."
LAST_RELU = "A ReLU is missing at the very end, after the addition."
RELU_BEFORE_ADD = (
    "The branch ends with its normalisation: the last ReLU comes after the addition, so that the "
    "branch can also lower what the shortcut carries."
)
ALWAYS_PROJECTED = (
    "Where neither size nor channels change, the shortcut is `x` itself, without any layer."
)
PROJECTION_NORM = "The 1x1 convolution of the shortcut needs a batch normalisation behind it."
AVERAGE = "The shortcut does not pool: its 1x1 convolution has the stride itself."

RESIDUAL_MISTAKES = [
    Mistake(residual_without_shortcut, NO_SHORTCUT),
    Mistake(
        residual_branch_twice,
        "The addition takes the branch twice: one of its two terms must be the shortcut.",
    ),
    Mistake(residual_always_projected, ALWAYS_PROJECTED),
    Mistake(
        residual_projected_by_stride_only,
        "The shape also changes where only the number of channels does: with stride 1 and another "
        "number of filters the shortcut needs its 1x1 convolution too.",
    ),
    Mistake(
        residual_projected_by_channels_only,
        "The shape also changes where only the stride does: with as many filters as channels and a "
        "stride the shortcut needs its 1x1 convolution too.",
    ),
    Mistake(residual_projection_without_norm, PROJECTION_NORM),
    Mistake(residual_projection_relu, "The projection has no ReLU of its own: 1x1, then BN."),
    Mistake(residual_projection_3x3, "The projection of the shortcut is 1x1, not 3x3."),
    Mistake(residual_average_shortcut, AVERAGE),
    Mistake(residual_without_last_relu, LAST_RELU),
    Mistake(
        residual_without_first_relu,
        "A ReLU is missing between the first normalisation and the second convolution.",
    ),
    Mistake(residual_relu_before_add, RELU_BEFORE_ADD),
    Mistake(residual_relu_before_and_after, RELU_BEFORE_ADD),
    Mistake(residual_with_bias, BIAS),
    Mistake(residual_stride_second, "The stride belongs to the first of the two convolutions."),
    Mistake(
        residual_symmetric_padding,
        "With a stride, Keras's `same` padding is not one zero on every side (that is PyTorch's "
        "`padding=1`): leave the padding to the layer.",
    ),
    Mistake(residual_norm_missing, "Each convolution is followed by a batch normalisation."),
    Mistake(
        residual_second_norm_missing,
        "The second 3x3 convolution is followed by a batch normalisation too.",
    ),
    Mistake(
        residual_relu_before_norm,
        "The order is convolution, normalisation, ReLU: here a ReLU comes before the "
        "normalisation.",
    ),
    Mistake(
        residual_preactivation,
        "This is the pre-activation block of a later paper (He 2016b): here convolution comes "
        "first, then normalisation, and a ReLU follows the addition.",
    ),
    Mistake(residual_one_convolution, "The branch has two 3x3 convolutions, not one."),
    Mistake(
        residual_shared_layers,
        "One layer object is called twice, so two convolutions share their weights: make a new "
        "layer for each.",
    ),
    Mistake(residual_sigmoid, "The activations are ReLU, not sigmoid."),
    Mistake(residual_leaky, "The activations are plain ReLU: zero for every negative value."),
    Mistake(residual_dilated, "The second convolution is a plain 3x3, without dilation."),
    Mistake(residual_long_kernels, "The kernels are 3x3; 1x9 has as many weights, in one row."),
    Mistake(residual_stride_two_always, "Use the argument `stride`, whatever its value."),
    Mistake(residual_concatenated, "The shortcut is added to the branch, not concatenated."),
]


# zero_pad_shortcut


def zero_pad_shortcut(x, filters, stride):
    missing = filters - x.shape[-1]
    return ops.pad(x[:, ::stride, ::stride, :], [(0, 0), (0, 0), (0, 0), (0, missing)])


def zero_pad_concatenate(x, filters, stride):
    x = layers.MaxPooling2D(1, strides=stride)(x)
    if filters == x.shape[-1]:
        return x
    zeros = ops.zeros_like(ops.repeat(x[..., :1], filters - x.shape[-1], axis=-1))
    return layers.Concatenate()([x, zeros])


class ZeroPadShortcut(layers.Layer):
    def __init__(self, filters, stride):
        super().__init__()
        self.filters, self.stride = filters, stride

    def call(self, x):
        x = x[:, :: self.stride, :: self.stride]
        batch, height, width, channels = ops.shape(x)
        zeros = ops.zeros((batch, height, width, self.filters - channels), x.dtype)
        return ops.concatenate([x, zeros], axis=-1)


def zero_pad_layer(x, filters, stride):
    return ZeroPadShortcut(filters, stride)(x)


def zero_pad_lambda(x, filters, stride):
    places = (0, 0), (0, 0), (0, 0), (0, filters - x.shape[-1])
    shrink = layers.Lambda(lambda x: x[:, ::stride, ::stride])
    return keras.Sequential([shrink, layers.Lambda(lambda x: ops.pad(x, places))])(x)


def zero_pad_matrix(x, filters, stride):
    append = np.eye(x.shape[-1], filters, dtype="float32")
    return ops.matmul(layers.AveragePooling2D(1, stride)(x), append)


def zero_pad_rows(x, filters, stride):
    rows, columns = (np.arange(0, side, stride) for side in x.shape[1:3])
    x = ops.take(ops.take(x, rows, axis=1), columns, axis=2)
    x = layers.Permute((3, 1, 2))(x)
    x = layers.ZeroPadding2D(((0, filters - x.shape[1]), (0, 0)))(x)
    return layers.Permute((2, 3, 1))(x)


def zero_pad_before(x, filters, stride):
    return ops.pad(x[:, ::stride, ::stride], [(0, 0)] * 3 + [(filters - x.shape[-1], 0)])


def zero_pad_both_sides(x, filters, stride):
    missing = filters - x.shape[-1]
    half = missing // 2
    return ops.pad(x[:, ::stride, ::stride], [(0, 0)] * 3 + [(half, missing - half)])


def zero_pad_start_at_one(x, filters, stride):
    height, width = (-(-side // stride) * stride for side in x.shape[1:3])
    x = layers.ZeroPadding2D(((0, height - x.shape[1]), (0, width - x.shape[2])))(x)
    start = min(1, stride - 1)
    x = x[:, start::stride, start::stride]
    return ops.pad(x, [(0, 0)] * 3 + [(0, filters - x.shape[-1])])


def zero_pad_average(x, filters, stride):
    x = layers.AveragePooling2D(stride, padding="same")(x)
    return ops.pad(x, [(0, 0)] * 3 + [(0, filters - x.shape[-1])])


def zero_pad_maximum(x, filters, stride):
    x = layers.MaxPooling2D(stride, padding="same")(x)
    return ops.pad(x, [(0, 0)] * 3 + [(0, filters - x.shape[-1])])


def zero_pad_maximum_valid(x, filters, stride):
    x = layers.MaxPooling2D(stride)(x)
    return ops.pad(x, [(0, 0)] * 3 + [(0, filters - x.shape[-1])])


def zero_pad_convolution(x, filters, stride):
    return layers.Conv2D(filters, 1, stride, use_bias=False)(x)


def zero_pad_one_axis(x, filters, stride):
    return ops.pad(x[:, ::stride], [(0, 0)] * 3 + [(0, filters - x.shape[-1])])


def zero_pad_first_rows(x, filters, stride):
    height, width = (-(-side // stride) for side in x.shape[1:3])
    return ops.pad(x[:, :height, :width], [(0, 0)] * 3 + [(0, filters - x.shape[-1])])


def zero_pad_always_two(x, filters, stride):
    return zero_pad_shortcut(x, filters, 2)


def zero_pad_repeated_channels(x, filters, stride):
    x = x[:, ::stride, ::stride]
    return ops.take(x, np.arange(filters) % x.shape[-1], axis=-1)


def zero_pad_copied_edge(x, filters, stride):
    last = ops.repeat(x[..., -1:], max(filters - x.shape[-1], 1), axis=-1)
    x = ops.concatenate([x, last], axis=-1)[..., :filters]
    return x[:, ::stride, ::stride]


def zero_pad_filters_more(x, filters, stride):
    return ops.pad(x[:, ::stride, ::stride], [(0, 0)] * 3 + [(0, filters)])


def zero_pad_nothing(x, filters, stride):
    return x[:, ::stride, ::stride]


def zero_pad_relu(x, filters, stride):
    return relu(zero_pad_shortcut(x, filters, stride))


POOLED = "Take every `stride`-th position as it is, without any mean or maximum of its neighbours."

ZERO_PAD_MISTAKES = [
    Mistake(zero_pad_before, "The zero channels stand in front; they belong behind those of `x`."),
    Mistake(zero_pad_both_sides, "The zero channels all belong behind those of `x`, none before."),
    Mistake(
        zero_pad_start_at_one,
        "Positions count from 0: the first one kept is 0, then `stride`, 2*`stride`, ...",
    ),
    Mistake(zero_pad_average, POOLED),
    Mistake(zero_pad_maximum, POOLED),
    Mistake(zero_pad_maximum_valid, POOLED + " Nothing is lost at the border either."),
    Mistake(
        zero_pad_convolution,
        "This shortcut has no weights: positions are picked and zero channels appended.",
    ),
    Mistake(zero_pad_one_axis, "The stride applies to rows and to columns."),
    Mistake(
        zero_pad_first_rows,
        "These are the first positions of the map, a crop; take every `stride`-th one.",
    ),
    Mistake(zero_pad_always_two, "Use the argument `stride`, whatever its value."),
    Mistake(
        zero_pad_repeated_channels,
        "The channels that are missing are zeros, not those of `x` once more.",
    ),
    Mistake(
        zero_pad_copied_edge, "The channels that are missing are zeros, not copies of the last."
    ),
    Mistake(
        zero_pad_filters_more,
        "Zero channels are appended *up to* `filters`: how many are missing?",
    ),
    Mistake(zero_pad_nothing, "The zero channels are missing: append them up to `filters`."),
    Mistake(zero_pad_relu, "The shortcut has no activation: it carries negative values too."),
]


# bottleneck_block


def bottleneck_block(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = relu(conv_bn(y, filters, 3))
    y = conv_bn(y, 4 * filters, 1)
    return relu(layers.Add()([y, projected(x, 4 * filters, stride)]))


def bottleneck_operators(x, filters, stride=1):
    shortcut = x
    if stride > 1 or x.shape[-1] != filters * 4:
        shortcut = layers.Conv2D(4 * filters, 1, strides=stride, use_bias=False)(x)
        shortcut = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(shortcut)
    for width, kernel, step in [(filters, 1, stride), (filters, 3, 1)]:
        x = layers.Conv2D(width, kernel, step, padding="same", use_bias=False)(x)
        x = keras.activations.relu(layers.BatchNormalization()(x))
    x = layers.Conv2D(4 * filters, 1, use_bias=False, kernel_initializer="he_uniform")(x)
    x = layers.BatchNormalization(gamma_initializer="zeros")(x)
    return ops.relu(shortcut + x)


class BottleneckLayer(layers.Layer):
    def __init__(self, filters, stride=1):
        super().__init__()
        self.filters, self.stride = filters, stride

    def build(self, shape):
        width = 4 * self.filters
        self.expand = ConvNorm(width, 1)
        self.middle = ConvNorm(self.filters, 3, activation="relu")
        self.reduce = ConvNorm(self.filters, 1, self.stride, "relu")
        changes = self.stride != 1 or shape[-1] != width
        self.shortcut = ConvNorm(width, 1, self.stride) if changes else layers.Identity()

    def call(self, x):
        return ops.relu(self.expand(self.middle(self.reduce(x))) + self.shortcut(x))


def bottleneck_layer(x, filters, stride=1):
    return BottleneckLayer(filters, stride)(x)


def bottleneck_raw(x, filters, stride=1):
    y = layers.ReLU()(HandMadeNorm()(RawConvolution(filters, 1, stride)(x)))
    y = layers.ReLU()(HandMadeNorm()(RawConvolution(filters, 3)(y)))
    y = HandMadeNorm()(RawConvolution(4 * filters, 1)(y))
    if stride != 1 or x.shape[-1] != 4 * filters:
        x = HandMadeNorm()(RawConvolution(4 * filters, 1, stride)(x))
    return ops.relu(x + y)


def bottleneck_dense(x, filters, stride=1):
    small = x[:, ::stride, ::stride]
    y = relu(layers.BatchNormalization()(layers.Dense(filters, use_bias=False)(small)))
    y = relu(conv_bn(padded(y, 3, 1), filters, 3, padding="valid"))
    y = layers.BatchNormalization()(layers.Dense(4 * filters, use_bias=False)(y))
    if stride != 1 or x.shape[-1] != 4 * filters:
        small = layers.BatchNormalization()(layers.Dense(4 * filters, use_bias=False)(small))
    return relu(layers.Add()([small, y]))


def bottleneck_inner_model(x, filters, stride=1):
    inside = keras.Input(x.shape[1:])
    y = inside
    for width, kernel, step in [(filters, 1, stride), (filters, 3, 1)]:
        y = layers.Conv2D(width, kernel, step, padding="same", use_bias=False)(y)
        y = layers.ReLU()(layers.BatchNormalization()(y))
    branch = keras.Model(inside, conv_bn(y, 4 * filters, 1))
    if stride == 1 and x.shape[-1] == 4 * filters:
        return layers.Activation("relu")(x + branch(x))
    shortcut = keras.Sequential(
        [
            layers.AveragePooling2D(1, stride),
            layers.Conv2D(4 * filters, 1, use_bias=False),
            layers.BatchNormalization(),
        ]
    )
    return layers.Activation("relu")(shortcut(x) + branch(x))


def bottleneck_one_kernel(x, filters, stride=1):
    """Where it projects, the two 1x1 convolutions of `x` are one, cut up afterwards."""
    if stride == 1 and x.shape[-1] == 4 * filters:
        return bottleneck_block(x, filters, stride)
    both = layers.Conv2D(5 * filters, 1, stride, use_bias=False)(x)
    y = relu(layers.BatchNormalization()(both[..., :filters]))
    shortcut = layers.BatchNormalization()(both[..., filters:])
    y = relu(conv_bn(y, filters, 3))
    return relu(conv_bn(y, 4 * filters, 1) + shortcut)


def bottleneck_without_shortcut(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    return relu(conv_bn(relu(conv_bn(y, filters, 3)), 4 * filters, 1))


def bottleneck_branch_twice(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = conv_bn(relu(conv_bn(y, filters, 3)), 4 * filters, 1)
    return relu(y + y)


def bottleneck_always_projected(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = conv_bn(relu(conv_bn(y, filters, 3)), 4 * filters, 1)
    return relu(y + conv_bn(x, 4 * filters, 1, stride))


def bottleneck_compared_with_filters(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = conv_bn(relu(conv_bn(y, filters, 3)), 4 * filters, 1)
    if stride != 1 or x.shape[-1] != filters:
        x = conv_bn(x, 4 * filters, 1, stride)
    return relu(y + x)


def bottleneck_projection_without_norm(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = conv_bn(relu(conv_bn(y, filters, 3)), 4 * filters, 1)
    if stride != 1 or x.shape[-1] != 4 * filters:
        x = layers.Conv2D(4 * filters, 1, stride, use_bias=False)(x)
    return relu(y + x)


def bottleneck_average_shortcut(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = conv_bn(relu(conv_bn(y, filters, 3)), 4 * filters, 1)
    if stride != 1 or x.shape[-1] != 4 * filters:
        x = conv_bn(layers.AveragePooling2D(stride, padding="same")(x), 4 * filters, 1)
    return relu(y + x)


def bottleneck_stride_in_middle(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1))
    y = conv_bn(relu(conv_bn(y, filters, 3, stride)), 4 * filters, 1)
    return relu(y + projected(x, 4 * filters, stride))


def bottleneck_stride_last(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1))
    y = conv_bn(relu(conv_bn(y, filters, 3)), 4 * filters, 1, stride)
    return relu(y + projected(x, 4 * filters, stride))


def bottleneck_not_widened(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = conv_bn(relu(conv_bn(y, filters, 3)), filters, 1)
    return relu(y + projected(x, filters, stride))


def bottleneck_narrowed(x, filters, stride=1):
    y = relu(conv_bn(x, max(filters // 4, 1), 1, stride))
    y = conv_bn(relu(conv_bn(y, max(filters // 4, 1), 3)), filters, 1)
    return relu(y + projected(x, filters, stride))


def bottleneck_wide_middle(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = conv_bn(relu(conv_bn(y, 4 * filters, 3)), 4 * filters, 1)
    return relu(y + projected(x, 4 * filters, stride))


def bottleneck_with_bias(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride, use_bias=True))
    y = relu(conv_bn(y, filters, 3, use_bias=True))
    y = conv_bn(y, 4 * filters, 1, use_bias=True)
    if stride != 1 or x.shape[-1] != 4 * filters:
        x = conv_bn(x, 4 * filters, 1, stride, use_bias=True)
    return relu(y + x)


def bottleneck_without_last_relu(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = conv_bn(relu(conv_bn(y, filters, 3)), 4 * filters, 1)
    return y + projected(x, 4 * filters, stride)


def bottleneck_relu_before_and_after(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = relu(conv_bn(relu(conv_bn(y, filters, 3)), 4 * filters, 1))
    return relu(y + projected(x, 4 * filters, stride))


def bottleneck_relu_before_add(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = relu(conv_bn(relu(conv_bn(y, filters, 3)), 4 * filters, 1))
    return y + projected(x, 4 * filters, stride)


def bottleneck_one_relu(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = conv_bn(conv_bn(y, filters, 3), 4 * filters, 1)
    return relu(y + projected(x, 4 * filters, stride))


def bottleneck_two_3x3(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 3, stride))
    y = conv_bn(relu(conv_bn(y, filters, 3)), 4 * filters, 1)
    return relu(y + projected(x, 4 * filters, stride))


def bottleneck_basic(x, filters, stride=1):
    return residual_block(x, 4 * filters, stride)


def bottleneck_norm_missing(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = relu(layers.Conv2D(filters, 3, padding="same", use_bias=False)(y))
    y = conv_bn(y, 4 * filters, 1)
    return relu(y + projected(x, 4 * filters, stride))


def bottleneck_valid_padding(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = relu(conv_bn(y, filters, 3, padding="valid"))
    y = layers.ZeroPadding2D(1)(y)
    return relu(conv_bn(y, 4 * filters, 1) + projected(x, 4 * filters, stride))


def bottleneck_dilated(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = relu(conv_bn(y, filters, 3, dilation_rate=2))
    return relu(conv_bn(y, 4 * filters, 1) + projected(x, 4 * filters, stride))


BOTTLENECK_MISTAKES = [
    Mistake(bottleneck_without_shortcut, NO_SHORTCUT),
    Mistake(
        bottleneck_branch_twice,
        "The addition takes the branch twice: one of its two terms must be the shortcut.",
    ),
    Mistake(bottleneck_always_projected, ALWAYS_PROJECTED),
    Mistake(
        bottleneck_compared_with_filters,
        "The block gives 4*`filters` channels: compare that with those of `x` to see whether the "
        "shape changes.",
    ),
    Mistake(bottleneck_projection_without_norm, PROJECTION_NORM),
    Mistake(bottleneck_average_shortcut, AVERAGE),
    Mistake(
        bottleneck_stride_in_middle,
        "The stride belongs to the first 1x1 convolution, as in the paper; on the 3x3 it would be "
        "the variant known as ResNet v1.5.",
    ),
    Mistake(
        bottleneck_stride_last, "The stride belongs to the first 1x1 convolution, not to the last."
    ),
    Mistake(bottleneck_not_widened, "The last 1x1 convolution has 4*`filters` filters."),
    Mistake(
        bottleneck_narrowed,
        "`filters` counts those of the narrow part; the last convolution has 4*`filters`.",
    ),
    Mistake(bottleneck_wide_middle, "The 3x3 convolution has `filters` filters, not four times."),
    Mistake(bottleneck_with_bias, BIAS),
    Mistake(bottleneck_without_last_relu, LAST_RELU),
    Mistake(bottleneck_relu_before_and_after, RELU_BEFORE_ADD),
    Mistake(bottleneck_relu_before_add, RELU_BEFORE_ADD),
    Mistake(bottleneck_one_relu, "The 3x3 convolution and its normalisation need a ReLU too."),
    Mistake(bottleneck_two_3x3, "The first convolution is 1x1: 1x1, 3x3, 1x1."),
    Mistake(
        bottleneck_basic,
        "This is the basic block of two 3x3 convolutions; the bottleneck is 1x1, 3x3, 1x1.",
    ),
    Mistake(bottleneck_norm_missing, "The 3x3 convolution needs a batch normalisation too."),
    Mistake(
        bottleneck_valid_padding,
        "The 3x3 convolution pads its own input (`same`); zeros put around its output are another "
        "thing.",
    ),
    Mistake(bottleneck_dilated, "The 3x3 convolution is a plain one, without dilation."),
]


# resnet

FILTERS = (64, 128, 256, 512)


def stages(x, blocks, block=bottleneck_block, strides=(1, 2, 2, 2)):
    """The four stages; the first block of each has the stage's stride."""
    for count, filters, stride in zip(blocks, FILTERS, strides, strict=True):
        for number in range(count):
            x = block(x, filters, stride if number == 0 else 1)
    return x


def stem(x):
    x = relu(conv_bn(x, 64, 7, 2))
    return layers.MaxPooling2D(3, strides=2, padding="same")(x)


def head(inputs, x, classes):
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def resnet(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    return head(inputs, stages(stem(inputs), blocks), classes)


def resnet_layers(blocks, classes=1000, input_shape=(224, 224, 3)):
    net = keras.Sequential([keras.Input(input_shape), ConvNorm(64, 7, 2, "relu")])
    net.add(layers.MaxPool2D((3, 3), (2, 2), padding="same"))
    for stage, count in enumerate(blocks):
        for number in range(count):
            stride = 2 if stage > 0 and number == 0 else 1
            net.add(BottleneckLayer(64 * 2**stage, stride))
    net.add(layers.GlobalAvgPool2D())
    net.add(layers.Dense(classes))
    net.add(layers.Softmax())
    return net


class ResidualNet(keras.Model):
    def __init__(self, blocks, classes):
        super().__init__()
        self.out = layers.Dense(classes, activation="softmax")
        self.conv = layers.Conv2D(64, 7, 2, "same", use_bias=False)
        self.norm = layers.BatchNormalization()
        self.pool = layers.MaxPooling2D(3, 2, "same")
        self.units = []
        for count, filters in zip(blocks, FILTERS, strict=True):
            for number in range(count):
                stride = 2 if number == 0 and filters != 64 else 1
                self.units.append(BottleneckLayer(filters, stride))

    def call(self, x, training=None):
        x = self.pool(ops.relu(self.norm(self.conv(x), training=training)))
        for unit in self.units:
            x = unit(x, training=training)
        return self.out(ops.mean(x, axis=(1, 2)))


def resnet_subclass(blocks, classes=1000, input_shape=(224, 224, 3)):
    model = ResidualNet(blocks, classes)
    model.build((None, *input_shape))
    return model


def resnet_raw(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    x = ops.relu(HandMadeNorm()(RawConvolution(64, 7, 2)(inputs)))
    x = ops.max_pool(x, 3, 2, padding="same")
    x = stages(x, blocks, block=bottleneck_raw)
    x = layers.Dense(classes)(ops.mean(x, axis=(1, 2)))
    return keras.Model(inputs, ops.softmax(x))


def resnet_equivalents(blocks, classes=1000, input_shape=(224, 224, 3)):
    """Explicit padding (after the ReLU zeros serve a maximum too), Dense layers, a flat pool."""
    inputs = keras.Input(input_shape)
    x = relu(conv_bn(padded(inputs, 7, 2), 64, 7, 2, padding="valid"))
    x = layers.MaxPooling2D(3, 2)(padded(x, 3, 2))
    x = stages(x, blocks, block=bottleneck_dense)
    x = layers.Flatten()(layers.AveragePooling2D(x.shape[1:3])(x))
    x = layers.Dropout(0.1)(x)
    return keras.Model(inputs, layers.Activation("softmax")(layers.Dense(classes)(x)))


def resnet_stride_in_first_stage(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    return head(inputs, stages(stem(inputs), blocks, strides=(2, 2, 2, 2)), classes)


def resnet_without_strides(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    return head(inputs, stages(stem(inputs), blocks, strides=(1, 1, 1, 1)), classes)


def resnet_stride_in_every_block(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    x = stem(inputs)
    for stage, count in enumerate(blocks):
        for _ in range(count):
            x = bottleneck_block(x, 64 * 2**stage, 2 if stage else 1)
    return head(inputs, x, classes)


def resnet_stride_in_last_block(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    x = stem(inputs)
    for stage, count in enumerate(blocks):
        for number in range(count):
            x = bottleneck_block(x, 64 * 2**stage, 2 if stage and number == count - 1 else 1)
    return head(inputs, x, classes)


def resnet_basic_blocks(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    return head(inputs, stages(stem(inputs), blocks, block=residual_block), classes)


def resnet_one_block_more(blocks, classes=1000, input_shape=(224, 224, 3)):
    return resnet([count + 1 for count in blocks], classes, input_shape)


def resnet_one_block_a_stage(blocks, classes=1000, input_shape=(224, 224, 3)):
    return resnet([1, 1, 1, 1], classes, input_shape)


def resnet_reversed_blocks(blocks, classes=1000, input_shape=(224, 224, 3)):
    return resnet(blocks[::-1], classes, input_shape)


def resnet_valid_pool(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    x = layers.MaxPooling2D(3, 2)(relu(conv_bn(inputs, 64, 7, 2)))
    return head(inputs, stages(x, blocks), classes)


def resnet_average_pool(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    x = layers.AveragePooling2D(3, 2, padding="same")(relu(conv_bn(inputs, 64, 7, 2)))
    return head(inputs, stages(x, blocks), classes)


def resnet_small_pool(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    x = layers.MaxPooling2D(2, 2, padding="same")(relu(conv_bn(inputs, 64, 7, 2)))
    return head(inputs, stages(x, blocks), classes)


def resnet_symmetric_padding(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    x = conv_bn(layers.ZeroPadding2D(3)(inputs), 64, 7, 2, padding="valid")
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(relu(x)))
    return head(inputs, stages(x, blocks), classes)


def resnet_without_pool(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    return head(inputs, stages(relu(conv_bn(inputs, 64, 7, 2)), blocks), classes)


def resnet_stem_without_norm(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    x = relu(layers.Conv2D(64, 7, 2, padding="same", use_bias=False)(inputs))
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    return head(inputs, stages(x, blocks), classes)


def resnet_stem_without_relu(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    x = layers.MaxPooling2D(3, 2, padding="same")(conv_bn(inputs, 64, 7, 2))
    return head(inputs, stages(x, blocks), classes)


def resnet_stem_with_bias(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    x = relu(conv_bn(inputs, 64, 7, 2, use_bias=True))
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    return head(inputs, stages(x, blocks), classes)


def resnet_without_softmax(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    x = layers.GlobalAveragePooling2D()(stages(stem(inputs), blocks))
    return keras.Model(inputs, layers.Dense(classes)(x))


def resnet_sigmoid(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    x = layers.GlobalAveragePooling2D()(stages(stem(inputs), blocks))
    return keras.Model(inputs, layers.Dense(classes, activation="sigmoid")(x))


def resnet_flatten(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    x = layers.Flatten()(stages(stem(inputs), blocks))
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def resnet_global_maximum(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    x = layers.GlobalMaxPooling2D()(stages(stem(inputs), blocks))
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def resnet_v1_5(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    return head(inputs, stages(stem(inputs), blocks, bottleneck_stride_in_middle), classes)


def resnet_without_shortcuts(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    return head(inputs, stages(stem(inputs), blocks, bottleneck_without_shortcut), classes)


RESNET_MISTAKES = [
    Mistake(
        resnet_stride_in_first_stage,
        "The first stage keeps the size: the max pool before it has halved it already.",
    ),
    Mistake(resnet_without_strides, "The first block of stages two, three and four has stride 2."),
    Mistake(resnet_stride_in_every_block, "Only the first block of a stage has stride 2."),
    Mistake(
        resnet_stride_in_last_block, "In each stage the first block has the stride, not the last."
    ),
    Mistake(resnet_basic_blocks, "The stages are made of bottleneck blocks."),
    Mistake(resnet_one_block_more, "Each stage has one block too many: `blocks` counts them all."),
    Mistake(resnet_one_block_a_stage, "Use `blocks`: stage i has blocks[i] blocks."),
    Mistake(resnet_reversed_blocks, "The block counts go with the stages in the order given."),
    Mistake(resnet_valid_pool, "The max pool of the stem has `same` padding."),
    Mistake(resnet_average_pool, "The pool of the stem takes the maximum, not the mean."),
    Mistake(resnet_small_pool, "The max pool of the stem is 3x3 with stride 2, not 2x2."),
    Mistake(
        resnet_symmetric_padding,
        "The stem pads as PyTorch does, alike on both sides: use Keras's `same`, which puts an odd "
        "zero last.",
    ),
    Mistake(resnet_without_pool, "The 3x3/2 max pool of the stem is missing."),
    Mistake(
        resnet_stem_without_norm, "The 7x7 convolution of the stem needs a batch normalisation."
    ),
    Mistake(resnet_stem_without_relu, "A ReLU is missing in the stem, before the max pool."),
    Mistake(resnet_stem_with_bias, "The 7x7 convolution of the stem must have no bias."),
    Mistake(resnet_without_softmax, "The softmax at the end is missing."),
    Mistake(resnet_sigmoid, "The dense layer at the end has a softmax, not a sigmoid."),
    Mistake(
        resnet_flatten,
        "A global average pool comes before the dense layer, which otherwise gets a weight for "
        "every position.",
    ),
    Mistake(resnet_global_maximum, "The global pool at the end takes the mean, not the maximum."),
    Mistake(
        resnet_v1_5,
        "The stride of a bottleneck belongs to its first 1x1 convolution, not to the 3x3.",
    ),
    Mistake(resnet_without_shortcuts, "The blocks have no shortcuts."),
]


# What is tried


def sizes(rng: np.random.Generator) -> tuple[int, int]:
    """An even and an odd side, in either order."""
    even, odd = 2 * int(rng.integers(3, 5)), 2 * int(rng.integers(2, 5)) + 1
    return (even, odd) if rng.integers(2) else (odd, even)


def numbers(rng: np.random.Generator, low: int, high: int, count: int) -> list[int]:
    """Different whole numbers from `low` to `high`."""
    return [int(n) for n in rng.choice(np.arange(low, high + 1), count, replace=False)]


def residual_trials(rng: np.random.Generator) -> list[Trial]:
    """Nothing changes; the stride alone; the channels alone; both, with another stride."""
    a, b, c, d, e, f = numbers(rng, 3, 9, 6)
    return [
        trial(x=Input((*sizes(rng), a)), filters=a),
        trial(x=Input((*sizes(rng), b)), filters=b, stride=2),
        trial(x=Input((*sizes(rng), c)), filters=d),
        trial(x=Input((*sizes(rng), e)), filters=f, stride=3),
    ]


def zero_pad_trials(rng: np.random.Generator) -> list[Trial]:
    a, b, c, d = numbers(rng, 2, 5, 4)
    return [
        trial(x=Input((*sizes(rng), a)), filters=a + 3, stride=2),
        trial(x=Input((*sizes(rng), b)), filters=b + 4, stride=1),
        trial(x=Input((*sizes(rng), c)), filters=c, stride=3),
        trial(x=Input((*sizes(rng), d)), filters=d + 1, stride=2),
    ]


def bottleneck_trials(rng: np.random.Generator) -> list[Trial]:
    """Nothing changes; the stride alone; the channels alone (as many as filters); both."""
    a, b, c, d = numbers(rng, 2, 5, 4)
    return [
        trial(x=Input((*sizes(rng), 4 * a)), filters=a),
        trial(x=Input((*sizes(rng), 4 * b)), filters=b, stride=2),
        trial(x=Input((*sizes(rng), c)), filters=c),
        trial(x=Input((*sizes(rng), 11)), filters=d, stride=3),
    ]


def resnet_trials(rng: np.random.Generator) -> list[Trial]:
    """Sides that stay above one pixel until the last stage; one even and one odd at each stride."""
    shape = (int(rng.choice([36, 38])), int(rng.choice([33, 35])), 3 + int(rng.integers(2)))
    if rng.integers(2):
        shape = (shape[1], shape[0], shape[2])
    blocks = [1, 1, 1, 1]
    blocks[int(rng.integers(1, 3))] = 2  # where a block that follows the strided one can show
    return [trial(shape, blocks=blocks, classes=int(rng.integers(5, 12)), input_shape=shape)]


TASKS = [
    Task(
        name="residual_block",
        kind="block",
        points=4,
        trials=residual_trials,
        answer=residual_block,
        accepted=[
            Accepted(residual_operators),
            Accepted(residual_layer),
            Accepted(residual_model),
            Accepted(residual_raw),
            Accepted(residual_sequential),
            Accepted(residual_explicit_padding),
            Accepted(residual_dense_projection),
            Accepted(residual_cut_kernel, representation="the first kernel is cut in two"),
        ],
        mistakes=RESIDUAL_MISTAKES,
    ),
    Task(
        name="zero_pad_shortcut",
        kind="block",
        points=2,
        trials=zero_pad_trials,
        answer=zero_pad_shortcut,
        accepted=[
            Accepted(zero_pad_concatenate),
            Accepted(zero_pad_layer),
            Accepted(zero_pad_lambda),
            Accepted(zero_pad_matrix),
            Accepted(zero_pad_rows),
        ],
        mistakes=ZERO_PAD_MISTAKES,
    ),
    Task(
        name="bottleneck_block",
        kind="block",
        points=4,
        trials=bottleneck_trials,
        answer=bottleneck_block,
        accepted=[
            Accepted(bottleneck_operators),
            Accepted(bottleneck_layer),
            Accepted(bottleneck_raw),
            Accepted(bottleneck_dense),
            Accepted(bottleneck_inner_model),
            Accepted(
                bottleneck_one_kernel,
                representation="the projection and the first 1x1 are one kernel, cut up afterwards",
            ),
        ],
        mistakes=BOTTLENECK_MISTAKES,
    ),
    Task(
        name="resnet",
        kind="model",
        points=4,
        trials=resnet_trials,
        answer=resnet,
        accepted=[
            Accepted(resnet_layers),
            Accepted(resnet_subclass),
            Accepted(resnet_raw),
            Accepted(resnet_equivalents),
        ],
        mistakes=RESNET_MISTAKES,
        plan={"probabilities": True},
    ),
]
