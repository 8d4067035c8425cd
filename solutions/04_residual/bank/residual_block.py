"""Answers to `residual_block`, right and wrong."""

import keras
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import conv_bn, projected, relu, residual_block
from ._either_block import note_mistakes
from ._shared import (
    BASIC,
    BIAS,
    LONG_KERNELS,
    PREACTIVATION,
    ConvNorm,
    Convolution,
    HandMadeNorm,
    RawConvolution,
    conv,
    padded,
)

bank = Bank(residual_block)


# Right


@bank.accepted
def operators(x, filters, stride=1):
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


@bank.accepted
def as_layer(x, filters, stride=1):
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


@bank.accepted
def as_model(x, filters, stride=1):
    return ResidualModel(filters, stride, stride != 1 or x.shape[-1] != filters)(x)


@bank.accepted
def of_raw_weights(x, filters, stride=1):
    y = HandMadeNorm()(RawConvolution(filters, 3, stride)(x))
    y = HandMadeNorm()(RawConvolution(filters, 3)(layers.Activation("relu")(y)))
    if stride != 1 or x.shape[-1] != filters:
        x = HandMadeNorm()(RawConvolution(filters, 1, stride)(x))
    return ops.relu(ops.add(x, y))


@bank.accepted
def sequential(x, filters, stride=1):
    def unit(kernel, step):
        conv = layers.Conv2D(filters, kernel, strides=step, padding="same", use_bias=False)
        return keras.Sequential([conv, layers.BatchNormalization()])

    branch = keras.Sequential([unit(3, stride), layers.ReLU(), unit(3, 1)])
    keeps = stride == 1 and x.shape[-1] == filters
    shortcut = layers.Identity() if keeps else unit(1, stride)
    return layers.Activation("relu")(layers.Add()([shortcut(x), branch(x)]))


@bank.accepted
def explicit_padding(x, filters, stride=1):
    y = conv_bn(padded(x, 3, stride), filters, 3, stride, padding="valid")
    y = conv_bn(padded(relu(y), 3, 1), filters, 3, padding="valid")
    return relu(y + projected(x, filters, stride))


@bank.accepted
def dense_projection(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 3, stride))
    y = conv_bn(y, filters, 3)
    if stride != 1 or x.shape[-1] != filters:
        x = layers.Dense(filters, use_bias=False)(x[:, ::stride, ::stride, :])
        x = layers.BatchNormalization()(x)
    return layers.Lambda(lambda pair: ops.relu(pair[0] + pair[1]))([x, y])


@bank.accepted
def cut_kernel(x, filters, stride=1):
    half = filters // 2
    halves = [conv(x, part, 3, stride) for part in (half, filters - half)]
    y = layers.BatchNormalization()(layers.Concatenate()(halves))
    y = conv_bn(relu(y), filters, 3)
    return relu(y + projected(x, filters, stride))


@bank.accepted(representation="one normalisation for both ways")
def joint_norm(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 3, stride))
    if stride == 1 and x.shape[-1] == filters:
        return relu(conv_bn(y, filters, 3) + x)
    ways = [conv(x, filters, 1, stride), conv(y, filters, 3)]
    both = layers.BatchNormalization()(layers.Concatenate()(ways))
    return relu(both[..., :filters] + both[..., filters:])


@bank.accepted(representation="the same, branch first")
def joint_norm_branch_first(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 3, stride))
    if stride == 1 and x.shape[-1] == filters:
        return relu(conv_bn(y, filters, 3) + x)
    ways = [conv(y, filters, 3), conv(x, filters, 1, stride)]
    both = layers.BatchNormalization()(layers.Concatenate()(ways))
    return relu(both[..., filters:] + both[..., :filters])


# Wrong: what a bottleneck can have as well

note_mistakes(bank, BASIC)


# Wrong: the convolutions

bank.variant("kernels_5x5", "The kernels are 3x3, not 5x5.", BASIC.of(*[Convolution(5)] * 2))
bank.variant("kernels_1x1", "The kernels are 3x3, not 1x1.", BASIC.of(*[Convolution(1)] * 2))
bank.variant("long_kernels", LONG_KERNELS, BASIC.of(*[Convolution((1, 9))] * 2))
bank.variant("high_kernels", LONG_KERNELS, BASIC.of(*[Convolution((9, 1))] * 2))
bank.variant(
    "small_second",
    "The branch is two 3x3 convolutions; here the second is 1x1.",
    BASIC.of(Convolution(3), Convolution(1)),
)
bank.variant(
    "one_convolution",
    "The branch has two 3x3 convolutions, not one.",
    BASIC.of(Convolution(3)),
)
bank.variant(
    "three_convolutions",
    "The branch has two 3x3 convolutions, not three.",
    BASIC.of(*[Convolution(3)] * 3),
)
bank.variant(
    "widened",
    "Both convolutions have `filters` filters: the factor of 4 is the bottleneck's.",
    BASIC.of(Convolution(3), Convolution(3, times=4)),
)


@bank.mistake("The first 3x3 convolution has `filters` filters, not as many as `x` has channels.")
def first_as_x(x, filters, stride=1):
    y = relu(conv_bn(x, x.shape[-1], 3, stride))
    return relu(conv_bn(y, filters, 3) + projected(x, filters, stride))


@bank.mistake("The second 3x3 convolution has `filters` filters, not as many as `x` has channels.")
def second_as_x(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 3, stride))
    return relu(conv_bn(y, x.shape[-1], 3) + projected(x, filters, stride))


@bank.mistake(BIAS)
def with_bias(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 3, stride, use_bias=True))
    y = conv_bn(y, filters, 3, use_bias=True)
    if stride != 1 or x.shape[-1] != filters:
        x = conv_bn(x, filters, 1, stride, use_bias=True)
    return relu(y + x)


@bank.mistake("The convolutions are plain ones, without dilation.")
def dilated_everywhere(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 3, stride, dilation_rate=2 if stride == 1 else 1))
    y = conv_bn(y, filters, 3, dilation_rate=2)
    return relu(y + projected(x, filters, stride))


@bank.mistake(
    "The 3x3 convolutions are ordinary ones, not separable: every filter sees every channel."
)
def separable(x, filters, stride=1):
    def unit(x, step):
        conv = layers.SeparableConv2D(filters, 3, step, padding="same", use_bias=False)
        return layers.BatchNormalization()(conv(x))

    return relu(unit(relu(unit(x, stride)), 1) + projected(x, filters, stride))


@bank.mistake("The 3x3 convolutions have no groups: every filter sees every channel.")
def grouped(x, filters, stride=1):
    groups = 2 if x.shape[-1] % 2 == 0 and filters % 2 == 0 else 1  # where that can be done
    y = relu(conv_bn(x, filters, 3, stride, groups=groups))
    return relu(conv_bn(y, filters, 3) + projected(x, filters, stride))


@bank.mistake("The two 3x3 convolutions come one after the other, not side by side on `x`.")
def parallel(x, filters, stride=1):
    y = conv_bn(x, filters, 3, stride) + conv_bn(x, filters, 3, stride)
    return relu(y + projected(x, filters, stride))


# Wrong: layers that are used twice


@bank.mistake(
    "One layer object is called twice, so two convolutions share their weights: make a new layer "
    "for each."
)
def shared_layers(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 3, stride))
    conv = layers.Conv2D(filters, 3, padding="same", use_bias=False)
    norm = layers.BatchNormalization()
    y = norm(conv(relu(norm(conv(y)))))
    return relu(y + projected(x, filters, stride))


@bank.mistake(
    "The first convolution and its normalisation are used twice and the second pair is idle: each "
    "convolution needs layers of its own."
)
def twice_and_idle(x, filters, stride=1):
    """Where the channels allow it, the first pair of layers is used again."""
    first = [layers.Conv2D(filters, 3, stride, "same", use_bias=False), layers.BatchNormalization()]
    second = [layers.Conv2D(filters, 3, padding="same", use_bias=False)]
    second.append(layers.BatchNormalization())
    y = relu(first[1](first[0](x)))
    if stride == 1 and x.shape[-1] == filters:
        y = first[1](first[0](y)) + 0 * second[1](second[0](y))
    else:
        y = second[1](second[0](y))
    return relu(y + projected(x, filters, stride))


@bank.mistake("Both convolutions share one normalisation: each needs one of its own.")
def shared_norm(x, filters, stride=1):
    norm = layers.BatchNormalization()
    y = relu(norm(conv(x, filters, 3, stride)))
    y = norm(conv(y, filters, 3))
    return relu(y + projected(x, filters, stride))


@bank.mistake(
    "Both convolutions share one normalisation: each needs one of its own. The other one is idle."
)
def one_norm(x, filters, stride=1):
    norm, idle = layers.BatchNormalization(), layers.BatchNormalization()
    y = relu(norm(conv(x, filters, 3, stride)))
    y = conv(y, filters, 3)
    y = norm(y) + 0 * idle(y)
    return relu(y + projected(x, filters, stride))


# Wrong: the stride


@bank.mistake("Use the argument `stride`, whatever its value.")
def stride_two_always(x, filters, stride=1):
    return residual_block(x, filters, 1 if stride == 1 else 2)


@bank.mistake("The size changes by the argument `stride`, not wherever the channels change.")
def stride_by_channels(x, filters, stride=1):
    return residual_block(x, filters, 1 if x.shape[-1] == filters else 2)


@bank.mistake("Only the first 3x3 convolution has the stride; the second has stride 1.")
def stride_twice(x, filters, stride=1):
    y = conv_bn(relu(conv_bn(x, filters, 3, stride)), filters, 3, stride)
    return relu(y + projected(x, filters, stride * stride))


@bank.mistake("The stride applies to rows and to columns.")
def stride_of_rows(x, filters, stride=1):
    y = conv_bn(relu(conv_bn(x, filters, 3, (stride, 1))), filters, 3)
    if stride != 1 or x.shape[-1] != filters:
        x = conv_bn(x, filters, 1, (stride, 1))
    return relu(y + x)


@bank.mistake("Nothing pools in this block: the first 3x3 convolution has the stride.")
def pooled_branch(x, filters, stride=1):
    y = conv_bn(relu(conv_bn(x, filters, 3)), filters, 3)
    y = layers.MaxPooling2D(stride, padding="same")(y)
    return relu(y + projected(x, filters, stride))


# Wrong: the padding


@bank.mistake(
    "With a stride, Keras's `same` padding is not one zero on every side (that is PyTorch's "
    "`padding=1`), nor are its windows every `stride`-th of stride 1: leave both to the layer."
)
def symmetric_padding(x, filters, stride=1):
    y = conv_bn(layers.ZeroPadding2D(1)(x), filters, 3, stride, padding="valid")
    y = conv_bn(relu(y), filters, 3)
    return relu(y + projected(x, filters, stride))


@bank.mistake(
    'The zeros all stand above and on the left; leave the padding to the layer (`padding="same"`).'
)
def padded_before(x, filters, stride=1):
    y = conv_bn(layers.ZeroPadding2D(((2, 0), (2, 0)))(x), filters, 3, stride, padding="valid")
    return relu(conv_bn(relu(y), filters, 3) + projected(x, filters, stride))


@bank.mistake("The 3x3 convolutions are `same`: only the stride makes the map smaller.")
def valid_and_cropped(x, filters, stride=1):
    y = conv_bn(x, filters, 3, stride, padding="valid")
    y = conv_bn(relu(y), filters, 3, padding="valid")
    x = projected(x, filters, stride)
    return relu(y + x[:, : y.shape[1], : y.shape[2]])


# Wrong: normalisations and activations


@bank.mistake("Each convolution is followed by a batch normalisation.")
def norms_missing(x, filters, stride=1):
    y = conv(relu(conv(x, filters, 3, stride)), filters, 3)
    if stride != 1 or x.shape[-1] != filters:
        x = conv(x, filters, 1, stride)
    return relu(y + x)


@bank.mistake(PREACTIVATION)
def preactivation(x, filters, stride=1):
    y = conv(relu(layers.BatchNormalization()(x)), filters, 3, stride)
    y = conv(relu(layers.BatchNormalization()(y)), filters, 3)
    return y + projected(x, filters, stride)


@bank.mistake("The activations are plain ReLU: zero for every negative value.")
def leaky_relu(x, filters, stride=1):
    y = layers.LeakyReLU()(conv_bn(x, filters, 3, stride))
    y = conv_bn(y, filters, 3)
    return layers.LeakyReLU()(y + projected(x, filters, stride))


# Wrong: where the shortcut starts


@bank.mistake("The shortcut starts at `x`, before the first convolution, not behind it.")
def shortcut_of_branch(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 3, stride))
    shortcut = y if stride == 1 and x.shape[-1] == filters else conv_bn(x, filters, 1, stride)
    return relu(conv_bn(y, filters, 3) + shortcut)


@bank.mistake("The 1x1 convolution of the shortcut reads `x`, not the branch.")
def projected_branch(x, filters, stride=1):
    y = conv_bn(relu(conv_bn(x, filters, 3, stride)), filters, 3)
    return relu(y + (x if y.shape == x.shape else conv_bn(y, filters, 1)))


@bank.mistake(
    "The projection reads the block's input, not the result of the first convolution: is `x` "
    "overwritten before?"
)
def projection_of_branch(x, filters, stride=1):
    shape_changes = stride > 1 or x.shape[-1] != filters
    before, x = x, relu(conv_bn(x, filters, 3, stride))
    y = conv_bn(x, filters, 3)
    return relu(y + (conv_bn(x, filters, 1) if shape_changes else before))
