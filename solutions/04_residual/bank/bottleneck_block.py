"""Answers to `bottleneck_block`, right and wrong."""

from dataclasses import replace

import keras
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import bottleneck_block, conv_bn, projected, relu, residual_block
from ._either_block import note_mistakes
from ._shared import (
    BIAS,
    BOTTLENECK,
    LONG_KERNELS,
    PREACTIVATION,
    RELU_BEFORE_NORM,
    ConvNorm,
    Convolution,
    HandMadeNorm,
    RawConvolution,
    conv,
    padded,
)

bank = Bank(bottleneck_block)


# Right


@bank.accepted
def operators(x, filters, stride=1):
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


@bank.accepted
def as_layer(x, filters, stride=1):
    return BottleneckLayer(filters, stride)(x)


@bank.accepted
def of_raw_weights(x, filters, stride=1):
    y = layers.ReLU()(HandMadeNorm()(RawConvolution(filters, 1, stride)(x)))
    y = layers.ReLU()(HandMadeNorm()(RawConvolution(filters, 3)(y)))
    y = HandMadeNorm()(RawConvolution(4 * filters, 1)(y))
    if stride != 1 or x.shape[-1] != 4 * filters:
        x = HandMadeNorm()(RawConvolution(4 * filters, 1, stride)(x))
    return ops.relu(x + y)


@bank.accepted
def dense_for_1x1(x, filters, stride=1):
    small = x[:, ::stride, ::stride]
    y = relu(layers.BatchNormalization()(layers.Dense(filters, use_bias=False)(small)))
    y = relu(conv_bn(padded(y, 3, 1), filters, 3, padding="valid"))
    y = layers.BatchNormalization()(layers.Dense(4 * filters, use_bias=False)(y))
    if stride != 1 or x.shape[-1] != 4 * filters:
        small = layers.BatchNormalization()(layers.Dense(4 * filters, use_bias=False)(small))
    return relu(layers.Add()([small, y]))


@bank.accepted
def inner_model(x, filters, stride=1):
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


@bank.accepted
def nine_products(x, filters, stride=1):
    """The 3x3 as nine dense layers, each on the map shifted by one of its positions."""
    y = relu(conv_bn(x, filters, 1, stride))
    height, width = y.shape[1:3]
    around = layers.ZeroPadding2D(1)(y)
    shifted = [around[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    y = layers.Add()([layers.Dense(filters, use_bias=False)(part) for part in shifted])
    y = relu(layers.BatchNormalization()(y))
    y = conv_bn(y, 4 * filters, 1)
    return relu(y + projected(x, 4 * filters, stride))


@bank.accepted(representation="the projection and the first 1x1 are one kernel, cut up afterwards")
def one_kernel(x, filters, stride=1):
    if stride == 1 and x.shape[-1] == 4 * filters:
        return bottleneck_block(x, filters, stride)
    both = conv(x, 5 * filters, 1, stride)
    y = relu(layers.BatchNormalization()(both[..., :filters]))
    shortcut = layers.BatchNormalization()(both[..., filters:])
    y = relu(conv_bn(y, filters, 3))
    return relu(conv_bn(y, 4 * filters, 1) + shortcut)


@bank.accepted(representation="the same, and their normalisations are one too")
def one_kernel_and_norm(x, filters, stride=1):
    if stride == 1 and x.shape[-1] == 4 * filters:
        return bottleneck_block(x, filters, stride)
    both = conv_bn(x, 5 * filters, 1, stride)
    y = relu(conv_bn(relu(both[..., :filters]), filters, 3))
    return relu(conv_bn(y, 4 * filters, 1) + both[..., filters:])


@bank.accepted(representation="the same, the projection before the first 1x1")
def one_kernel_shortcut_first(x, filters, stride=1):
    if stride == 1 and x.shape[-1] == 4 * filters:
        return bottleneck_block(x, filters, stride)
    both = conv_bn(x, 5 * filters, 1, stride)
    y = relu(conv_bn(relu(both[..., 4 * filters :]), filters, 3))
    return relu(conv_bn(y, 4 * filters, 1) + both[..., : 4 * filters])


# Wrong: what a basic block can have as well

note_mistakes(bank, BOTTLENECK)


# Wrong: kernels and numbers of filters

ONE = Convolution(1)
THREE = Convolution(3)
WIDE = Convolution(1, times=4)

bank.variant(
    "middle_5x5",
    "The middle convolution is 3x3, not 5x5.",
    BOTTLENECK.of(ONE, Convolution(5), WIDE),
)
bank.variant("long_kernel", LONG_KERNELS, BOTTLENECK.of(ONE, Convolution((1, 9)), WIDE))
bank.variant("high_kernel", LONG_KERNELS, BOTTLENECK.of(ONE, Convolution((9, 1)), WIDE))
bank.variant(
    "all_3x3",
    "The first and last convolutions are 1x1; only the middle one is 3x3.",
    BOTTLENECK.of(THREE, THREE, Convolution(3, times=4)),
)
bank.variant(
    "first_3x3",
    "The order is 1x1, 3x3, 1x1; here the 3x3 is the first.",
    BOTTLENECK.of(THREE, ONE, WIDE),
)
bank.variant(
    "last_3x3",
    "The order is 1x1, 3x3, 1x1; here the 3x3 is the last.",
    BOTTLENECK.of(ONE, ONE, Convolution(3, times=4)),
)
bank.variant(
    "not_widened",
    "The last 1x1 convolution has 4*`filters` filters.",
    BOTTLENECK.of(ONE, THREE, ONE),
)
bank.variant(
    "twice_as_wide",
    "The last 1x1 convolution has 4*`filters` filters, not twice as many.",
    BOTTLENECK.of(ONE, THREE, Convolution(1, times=2)),
)
bank.variant(
    "wide_first",
    "The first 1x1 convolution has `filters` filters: it makes the map narrow for the 3x3.",
    BOTTLENECK.of(WIDE, THREE, WIDE),
)
bank.variant(
    "wide_middle",
    "The 3x3 convolution has `filters` filters, not four times.",
    BOTTLENECK.of(ONE, Convolution(3, times=4), WIDE),
)
bank.variant(
    "wide_first_two",
    "Only the last convolution has 4*`filters` filters; the first two have `filters`.",
    BOTTLENECK.of(WIDE, Convolution(3, times=4), WIDE),
)


@bank.mistake("`filters` counts those of the narrow part; the last convolution has 4*`filters`.")
def narrowed(x, filters, stride=1):
    narrow = max(filters // 4, 1)
    y = relu(conv_bn(x, narrow, 1, stride))
    y = conv_bn(relu(conv_bn(y, narrow, 3)), filters, 1)
    return relu(y + projected(x, filters, stride))


@bank.mistake("This is the basic block of two 3x3 convolutions; the bottleneck is 1x1, 3x3, 1x1.")
def basic_block(x, filters, stride=1):
    return residual_block(x, 4 * filters, stride)


@bank.mistake(BIAS)
def with_bias(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride, use_bias=True))
    y = relu(conv_bn(y, filters, 3, use_bias=True))
    y = conv_bn(y, 4 * filters, 1, use_bias=True)
    if stride != 1 or x.shape[-1] != 4 * filters:
        x = conv_bn(x, 4 * filters, 1, stride, use_bias=True)
    return relu(y + x)


# Wrong: the 3x3 convolution


@bank.mistake(
    "The 3x3 convolution is an ordinary one, not depthwise: every filter sees every channel."
)
def depthwise(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(y)
    y = conv_bn(relu(layers.BatchNormalization()(y)), 4 * filters, 1)
    return relu(y + projected(x, 4 * filters, stride))


@bank.mistake("The 3x3 convolution has no groups: every filter sees every channel.")
def grouped(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = relu(conv_bn(y, filters, 3, groups=1 if filters % 2 else 2))  # where that can be done
    return relu(conv_bn(y, 4 * filters, 1) + projected(x, 4 * filters, stride))


@bank.mistake(
    "The 3x3 convolution pads its own input (`same`); zeros put around its output are another "
    "thing."
)
def padded_afterwards(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = relu(conv_bn(y, filters, 3, padding="valid"))
    y = layers.ZeroPadding2D(1)(y)
    return relu(conv_bn(y, 4 * filters, 1) + projected(x, 4 * filters, stride))


@bank.mistake("The 3x3 convolution is `same`: it keeps the size of its input.")
def valid_and_cropped(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = relu(conv_bn(y, filters, 3, padding="valid"))
    y = conv_bn(y, 4 * filters, 1)
    return relu(y + projected(x, 4 * filters, stride)[:, 1:-1, 1:-1])


# Wrong: the stride


@bank.mistake(
    "The stride belongs to the first 1x1 convolution, as in the paper; on the 3x3 it would be the "
    "variant known as ResNet v1.5."
)
def stride_in_middle(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1))
    y = conv_bn(relu(conv_bn(y, filters, 3, stride)), 4 * filters, 1)
    return relu(y + projected(x, 4 * filters, stride))


@bank.mistake(
    "The stride belongs to the first 1x1 convolution; on the 3x3, padded on both sides, it is "
    "PyTorch's variant."
)
def stride_in_middle_as_pytorch(x, filters, stride=1):
    y = layers.ZeroPadding2D(1)(relu(conv_bn(x, filters, 1)))
    y = relu(conv_bn(y, filters, 3, stride, padding="valid"))
    return relu(conv_bn(y, 4 * filters, 1) + projected(x, 4 * filters, stride))


@bank.mistake("The stride belongs to the first 1x1 convolution, not to the last.")
def stride_last(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1))
    y = conv_bn(relu(conv_bn(y, filters, 3)), 4 * filters, 1, stride)
    return relu(y + projected(x, 4 * filters, stride))


@bank.mistake("Only the first 1x1 convolution has the stride; the 3x3 has stride 1.")
def stride_twice(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = conv_bn(relu(conv_bn(y, filters, 3, stride)), 4 * filters, 1)
    return relu(y + projected(x, 4 * filters, stride * stride))


# Wrong: normalisations and activations

bank.variant(
    "norms_missing",
    "Each of the three convolutions is followed by a batch normalisation.",
    BOTTLENECK.of(*[replace(part, normed=False) for part in BOTTLENECK.convolutions]),
)
bank.variant(
    "third_norm_missing",
    "The last 1x1 convolution is followed by a batch normalisation too.",
    BOTTLENECK.of(ONE, THREE, replace(WIDE, normed=False)),
)
bank.variant(
    "linear_inside",
    "A ReLU follows the first two normalisations.",
    replace(BOTTLENECK, inner="linear"),
)


@bank.mistake("The 3x3 convolution and its normalisation need a ReLU too.")
def middle_linear(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = conv_bn(conv_bn(y, filters, 3), 4 * filters, 1)
    return relu(y + projected(x, 4 * filters, stride))


@bank.mistake(RELU_BEFORE_NORM)
def relu_before_norm(x, filters, stride=1):
    def unit(x, kernel, step=1):
        return layers.BatchNormalization()(conv(x, filters, kernel, step, activation="relu"))

    y = unit(unit(x, 1, stride), 3)
    return relu(conv_bn(y, 4 * filters, 1) + projected(x, 4 * filters, stride))


@bank.mistake(PREACTIVATION)
def preactivation(x, filters, stride=1):
    y = conv(relu(layers.BatchNormalization()(x)), filters, 1, stride)
    y = conv(relu(layers.BatchNormalization()(y)), filters, 3)
    y = conv(relu(layers.BatchNormalization()(y)), 4 * filters, 1)
    return y + projected(x, 4 * filters, stride)


@bank.mistake(PREACTIVATION)
def full_preactivation(x, filters, stride=1):
    """Branch and projection read the same normalised input."""
    begin = relu(layers.BatchNormalization()(x))
    y = conv(begin, filters, 1, stride)
    y = conv(relu(layers.BatchNormalization()(y)), filters, 3)
    y = conv(relu(layers.BatchNormalization()(y)), 4 * filters, 1)
    if stride > 1 or x.shape[-1] != 4 * filters:
        x = conv(begin, 4 * filters, 1, stride)
    return x + y


@bank.mistake(
    "The first two convolutions share one normalisation, and another one is idle: each needs one "
    "of its own."
)
def shared_norm_and_idle(x, filters, stride=1):
    norm, idle = layers.BatchNormalization(), layers.BatchNormalization()
    y = relu(norm(conv(x, filters, 1, stride)))
    y = conv(y, filters, 3)
    y = relu(norm(y) + 0 * idle(y))
    return relu(conv_bn(y, 4 * filters, 1) + projected(x, 4 * filters, stride))


@bank.mistake(
    "The projection uses the normalisation of the last convolution again, and another one is idle: "
    "each convolution needs one of its own."
)
def norm_of_projection(x, filters, stride=1):
    norm, idle = layers.BatchNormalization(), layers.BatchNormalization()
    y = relu(conv_bn(relu(conv_bn(x, filters, 1, stride)), filters, 3))
    y = norm(conv(y, 4 * filters, 1))
    if stride != 1 or x.shape[-1] != 4 * filters:
        x = conv(x, 4 * filters, 1, stride)
        x = norm(x) + 0 * idle(x)
    return relu(y + x)


# Wrong: the shortcut


@bank.mistake(
    "The block gives 4*`filters` channels: compare that with those of `x` to see whether the shape "
    "changes."
)
def compared_with_filters(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = conv_bn(relu(conv_bn(y, filters, 3)), 4 * filters, 1)
    if stride != 1 or x.shape[-1] != filters:
        x = conv_bn(x, 4 * filters, 1, stride)
    return relu(y + x)


@bank.mistake("The shortcut starts at `x`, before the first convolution, not behind it.")
def shortcut_of_branch(x, filters, stride=1):
    small = relu(conv_bn(x, filters, 1, stride))
    y = conv_bn(relu(conv_bn(small, filters, 3)), 4 * filters, 1)
    return relu(y + conv_bn(small, 4 * filters, 1))


@bank.mistake("The 1x1 convolution of the shortcut reads `x`, not the branch.")
def projected_branch(x, filters, stride=1):
    y = relu(conv_bn(relu(conv_bn(x, filters, 1, stride)), filters, 3))
    shape_kept = stride == 1 and x.shape[-1] == 4 * filters
    return relu(conv_bn(y, 4 * filters, 1) + (x if shape_kept else conv_bn(y, 4 * filters, 1)))
