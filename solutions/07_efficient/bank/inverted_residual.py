"""Answers to `inverted_residual`, right and wrong."""

import keras
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import depthwise, inverted_residual, pointwise, relu6
from ._shared import Mix, Norm, Windows, same_padded

bank = Bank(inverted_residual)


def norm(x):
    return layers.BatchNormalization()(x)


def widened(x, expansion):
    """The first step, left out where nothing is widened."""
    return x if expansion == 1 else relu6(pointwise(x, expansion * x.shape[-1]))


def with_shortcut(x, y, stride):
    """The block's end: `x` is added where it fits."""
    return x + y if stride == 1 and x.shape[-1] == y.shape[-1] else y


# Right


@bank.accepted
def operators(x, expansion, filters, stride):
    y = x
    if expansion > 1:
        y = layers.Conv2D(expansion * x.shape[-1], (1, 1), use_bias=False)(y)
        y = ops.relu6(layers.BatchNormalization(momentum=0.9)(y))
    y = layers.DepthwiseConv2D((3, 3), (stride, stride), padding="same", use_bias=False)(y)
    y = ops.relu6(layers.BatchNormalization(epsilon=1e-5)(y))
    y = layers.BatchNormalization()(layers.Conv2D(filters, (1, 1), use_bias=False)(y))
    return y + x if stride == 1 and filters == x.shape[-1] else y


class Inverted(layers.Layer):
    def __init__(self, expansion, channels, filters, stride):
        super().__init__()
        self.adds = stride == 1 and channels == filters
        self.narrow = keras.Sequential(
            [layers.Conv2D(filters, 1, use_bias=False), layers.BatchNormalization()]
        )
        self.look = keras.Sequential(
            [
                layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False),
                layers.BatchNormalization(),
                layers.Activation("relu6"),
            ]
        )
        self.widen = None
        if expansion != 1:
            self.widen = keras.Sequential(
                [
                    layers.Conv2D(expansion * channels, 1, use_bias=False),
                    layers.BatchNormalization(),
                    layers.ReLU(6.0),
                ]
            )

    def call(self, x, training=None):
        y = x if self.widen is None else self.widen(x, training=training)
        y = self.narrow(self.look(y, training=training), training=training)
        return x + y if self.adds else y


@bank.accepted
def as_layer(x, expansion, filters, stride):
    return Inverted(expansion, x.shape[-1], filters, stride)(x)


@bank.accepted
def of_raw_weights(x, expansion, filters, stride):
    y = x
    if expansion != 1:
        y = ops.clip(Norm()(Mix(expansion * x.shape[-1])(y)), 0, 6)
    y = ops.clip(Norm()(Windows(3, stride)(y)), 0, 6)
    return with_shortcut(x, Norm()(Mix(filters)(y)), stride)


@bank.accepted
def dense_and_groups(x, expansion, filters, stride):
    wide, y = expansion * x.shape[-1], x
    if expansion != 1:
        y = relu6(norm(layers.Dense(wide, use_bias=False)(y)))
    y = layers.Conv2D(wide, 3, stride, padding="same", groups=wide, use_bias=False)(y)
    y = norm(layers.Dense(filters, use_bias=False)(relu6(norm(y))))
    return with_shortcut(x, y, stride)


@bank.accepted
def explicit_padding(x, expansion, filters, stride):
    y = same_padded(widened(x, expansion), 3, stride)
    y = norm(layers.DepthwiseConv2D(3, stride, use_bias=False)(y))
    return with_shortcut(x, pointwise(ops.minimum(ops.relu(y), 6), filters), stride)


@bank.accepted
def wide_in_halves(x, expansion, filters, stride):
    y = x
    if expansion != 1:
        wide = expansion * x.shape[-1]
        halves = [layers.Conv2D(n, 1, use_bias=False)(x) for n in (wide // 2, wide - wide // 2)]
        y = relu6(norm(layers.Concatenate()(halves)))
    return with_shortcut(x, pointwise(relu6(depthwise(y, stride)), filters), stride)


# Wrong: activations


@bank.mistake("The activation is ReLU6, which ends at 6, not plain ReLU.")
def plain_relu(x, expansion, filters, stride):
    y = x if expansion == 1 else ops.relu(pointwise(x, expansion * x.shape[-1]))
    return with_shortcut(x, pointwise(ops.relu(depthwise(y, stride)), filters), stride)


@bank.mistake("After the last normalisation there is no activation: the bottleneck is linear.")
def rectified_branch(x, expansion, filters, stride):
    y = relu6(pointwise(relu6(depthwise(widened(x, expansion), stride)), filters))
    return with_shortcut(x, y, stride)


@bank.mistake("The block ends without an activation, after the sum as well.")
def rectified_sum(x, expansion, filters, stride):
    return relu6(inverted_residual(x, expansion, filters, stride))


@bank.mistake("The order is convolution, normalisation, ReLU6.")
def relu_before_norm(x, expansion, filters, stride):
    y = x
    if expansion != 1:
        y = norm(relu6(layers.Conv2D(expansion * x.shape[-1], 1, use_bias=False)(x)))
    y = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(y)
    return with_shortcut(x, pointwise(norm(relu6(y)), filters), stride)


@bank.mistake(
    "The order is convolution, normalisation, ReLU6; here each normalisation comes first."
)
def preactivation(x, expansion, filters, stride):
    y = x
    if expansion != 1:
        y = layers.Conv2D(expansion * x.shape[-1], 1, use_bias=False)(relu6(norm(y)))
    y = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(relu6(norm(y)))
    y = layers.Conv2D(filters, 1, use_bias=False)(norm(y))
    return with_shortcut(x, y, stride)


@bank.mistake("ReLU6 is min(max(x, 0), 6): what is negative becomes 0.")
def upper_end_only(x, expansion, filters, stride):
    y = x if expansion == 1 else ops.minimum(pointwise(x, expansion * x.shape[-1]), 6)
    y = pointwise(ops.minimum(depthwise(y, stride), 6), filters)
    return with_shortcut(x, y, stride)


@bank.mistake("ReLU6 ends at 6, not at 1.")
def ends_at_one(x, expansion, filters, stride):
    y = x if expansion == 1 else ops.clip(pointwise(x, expansion * x.shape[-1]), 0, 1)
    y = pointwise(ops.clip(depthwise(y, stride), 0, 1), filters)
    return with_shortcut(x, y, stride)


# Wrong: the shortcut


@bank.mistake("Where `stride` is 1 and the channels match, `x` is added.")
def no_shortcut(x, expansion, filters, stride):
    return pointwise(relu6(depthwise(widened(x, expansion), stride)), filters)


@bank.mistake("Where the shape changes nothing is added, not even a projection of `x`.")
def projected(x, expansion, filters, stride):
    y = pointwise(relu6(depthwise(widened(x, expansion), stride)), filters)
    if stride != 1 or x.shape[-1] != filters:
        x = norm(layers.Conv2D(filters, 1, stride, use_bias=False)(x))
    return x + y


@bank.mistake("Where the stride is not 1 nothing is added, however the channels are.")
def picked_shortcut(x, expansion, filters, stride):
    y = pointwise(relu6(depthwise(widened(x, expansion), stride)), filters)
    return x[:, ::stride, ::stride] + y if x.shape[-1] == filters else y


@bank.mistake("Where the channels do not match nothing is added, not even with zeros appended.")
def zero_padded(x, expansion, filters, stride):
    y = pointwise(relu6(depthwise(widened(x, expansion), stride)), filters)
    if stride != 1:
        return y
    missing = max(filters - x.shape[-1], 0)
    return y + ops.pad(x, [(0, 0)] * 3 + [(0, missing)])[..., :filters]


@bank.mistake(
    "The shortcut joins the thin ends of the block; here it goes around the window alone."
)
def around_the_window(x, expansion, filters, stride):
    wide = widened(x, expansion)
    y = relu6(depthwise(wide, stride))
    return pointwise(wide + y if stride == 1 else y, filters)


@bank.mistake("`x` is added, not concatenated.")
def concatenated(x, expansion, filters, stride):
    y = pointwise(relu6(depthwise(widened(x, expansion), stride)), filters)
    if stride == 1 and x.shape[-1] == filters:
        return layers.Concatenate()([x, y])
    return y


@bank.mistake("Where `expansion` is 1 the shortcut is there as well.")
def no_shortcut_unwidened(x, expansion, filters, stride):
    y = pointwise(relu6(depthwise(widened(x, expansion), stride)), filters)
    return y if expansion == 1 else with_shortcut(x, y, stride)


# Wrong: the convolutions


@bank.mistake("Where `expansion` is 1 the first 1x1 convolution is left out, with what follows it.")
def always_widened(x, expansion, filters, stride):
    y = relu6(pointwise(x, expansion * x.shape[-1]))
    return with_shortcut(x, pointwise(relu6(depthwise(y, stride)), filters), stride)


@bank.mistake("The first 1x1 convolution widens to `expansion` times the channels of `x`.")
def widened_by_filters(x, expansion, filters, stride):
    y = x if expansion == 1 else relu6(pointwise(x, expansion * filters))
    return with_shortcut(x, pointwise(relu6(depthwise(y, stride)), filters), stride)


@bank.mistake("The first 1x1 convolution has `expansion` * C filters, not `expansion` of them.")
def as_many_as_expansion(x, expansion, filters, stride):
    y = x if expansion == 1 else relu6(pointwise(x, expansion))
    return with_shortcut(x, pointwise(relu6(depthwise(y, stride)), filters), stride)


@bank.mistake("The block widens first: this one narrows, as ResNet's bottleneck does.")
def narrowed(x, expansion, filters, stride):
    y = x if expansion == 1 else relu6(pointwise(x, max(x.shape[-1] // expansion, 1)))
    return with_shortcut(x, pointwise(relu6(depthwise(y, stride)), filters), stride)


@bank.mistake("The 3x3 convolution is depthwise: each channel has a window of its own.")
def full_window(x, expansion, filters, stride):
    y = widened(x, expansion)
    y = layers.Conv2D(y.shape[-1], 3, stride, padding="same", use_bias=False)(y)
    return with_shortcut(x, pointwise(relu6(norm(y)), filters), stride)


@bank.mistake("The channels are widened by a 1x1 convolution, not by a depth multiplier.")
def multiplied(x, expansion, filters, stride):
    y = layers.DepthwiseConv2D(
        3, stride, padding="same", depth_multiplier=expansion, use_bias=False
    )(x)
    return with_shortcut(x, pointwise(relu6(norm(y)), filters), stride)


@bank.mistake("The depthwise convolution has the stride, not the 1x1 before it.")
def stride_first(x, expansion, filters, stride):
    if expansion == 1:
        return inverted_residual(x, expansion, filters, stride)
    y = layers.Conv2D(expansion * x.shape[-1], 1, stride, use_bias=False)(x)
    y = pointwise(relu6(depthwise(relu6(norm(y)), 1)), filters)
    return with_shortcut(x, y, stride)


@bank.mistake("The depthwise convolution has the stride, not the 1x1 after it.")
def stride_last(x, expansion, filters, stride):
    y = relu6(depthwise(widened(x, expansion), 1))
    y = norm(layers.Conv2D(filters, 1, stride, use_bias=False)(y))
    return with_shortcut(x, y, stride)


@bank.mistake(
    "With a stride, Keras's `same` padding is not one zero on every side (that is PyTorch's): "
    "leave it to the layer."
)
def symmetric_padding(x, expansion, filters, stride):
    y = layers.ZeroPadding2D(1)(widened(x, expansion))
    y = norm(layers.DepthwiseConv2D(3, stride, use_bias=False)(y))
    return with_shortcut(x, pointwise(relu6(y), filters), stride)


@bank.mistake("The depthwise convolution is followed by its normalisation and ReLU6.")
def bare_separable(x, expansion, filters, stride):
    y = widened(x, expansion)
    y = layers.SeparableConv2D(filters, 3, stride, padding="same", use_bias=False)(y)
    return with_shortcut(x, norm(y), stride)


@bank.mistake("The last 1x1 convolution is followed by a normalisation too.")
def last_norm_missing(x, expansion, filters, stride):
    y = relu6(depthwise(widened(x, expansion), stride))
    return with_shortcut(x, layers.Conv2D(filters, 1, use_bias=False)(y), stride)


@bank.mistake("The last normalisation stands before the sum: `x` is added as it came in.")
def norm_after_sum(x, expansion, filters, stride):
    y = relu6(depthwise(widened(x, expansion), stride))
    y = layers.Conv2D(filters, 1, use_bias=False)(y)
    return norm(with_shortcut(x, y, stride))


@bank.mistake("`x` is added as it came in; here a normalisation changes it first.")
def normalised_shortcut(x, expansion, filters, stride):
    y = pointwise(relu6(depthwise(widened(x, expansion), stride)), filters)
    return norm(x) + y if stride == 1 and x.shape[-1] == filters else y


@bank.mistake("`x` is added as it came in; here an activation changes it first.")
def rectified_shortcut(x, expansion, filters, stride):
    y = pointwise(relu6(depthwise(widened(x, expansion), stride)), filters)
    return with_shortcut(relu6(x), y, stride)


@bank.mistake(
    "Where the channels do not match nothing is added, not even a 1x1 convolution of `x`."
)
def projected_to_match(x, expansion, filters, stride):
    y = pointwise(relu6(depthwise(widened(x, expansion), stride)), filters)
    if stride != 1:
        return y
    return y + (x if x.shape[-1] == filters else layers.Conv2D(filters, 1, use_bias=False)(x))


@bank.mistake(
    "For the shortcut the channels of `x` are compared with `filters`; here the widened ones are."
)
def compared_when_widened(x, expansion, filters, stride):
    y = pointwise(relu6(depthwise(widened(x, expansion), stride)), filters)
    return x + y if stride == 1 and x.shape[-1] == expansion * filters else y


@bank.mistake("The depthwise window is 3x3, not 5x5.")
def large_window(x, expansion, filters, stride):
    y = layers.DepthwiseConv2D(5, stride, padding="same", use_bias=False)(widened(x, expansion))
    return with_shortcut(x, pointwise(relu6(norm(y)), filters), stride)


@bank.mistake("The channels are multiplied by `expansion`; here it is added to them.")
def widened_by_so_many(x, expansion, filters, stride):
    y = x if expansion == 1 else relu6(pointwise(x, x.shape[-1] + expansion))
    return with_shortcut(x, pointwise(relu6(depthwise(y, stride)), filters), stride)


@bank.mistake("Use the argument `stride`, whatever its value: here it is 2 wherever it is not 1.")
def stride_two_at_most(x, expansion, filters, stride):
    return inverted_residual(x, expansion, filters, min(stride, 2))


@bank.mistake(
    "Where `expansion` is 1 normalisation and ReLU6 of the first step are left out with its "
    "convolution."
)
def step_without_convolution(x, expansion, filters, stride):
    y = relu6(norm(x)) if expansion == 1 else widened(x, expansion)
    return with_shortcut(x, pointwise(relu6(depthwise(y, stride)), filters), stride)


@bank.mistake("No channel is weighed by an average here: squeeze and excitation came later.")
def squeezed(x, expansion, filters, stride):
    y = relu6(depthwise(widened(x, expansion), stride))
    few = max(y.shape[-1] // 4, 1)
    share = layers.Dense(few, "relu")(layers.GlobalAveragePooling2D(keepdims=True)(y))
    y = y * layers.Dense(y.shape[-1], "sigmoid")(share)
    return with_shortcut(x, pointwise(y, filters), stride)


def activated_by(x, expansion, filters, stride, activation=relu6):
    """The block with another activation in both places."""
    y = x if expansion == 1 else activation(pointwise(x, expansion * x.shape[-1]))
    return with_shortcut(x, pointwise(activation(depthwise(y, stride)), filters), stride)


for name in ("silu", "hard_silu", "gelu", "elu", "leaky_relu", "tanh", "sigmoid"):
    bank.variant(
        name,
        f"The activation is ReLU6, not {name}.",
        activated_by,
        activation=layers.Activation(name),
    )


@bank.mistake("Where `expansion` is not 1 a 1x1 convolution widens `x` first: it is missing.")
def never_widened(x, expansion, filters, stride):
    return with_shortcut(x, pointwise(relu6(depthwise(x, stride)), filters), stride)


@bank.mistake("The first 1x1 convolution has `expansion` * C filters, not `filters`.")
def widened_to_filters(x, expansion, filters, stride):
    y = x if expansion == 1 else relu6(pointwise(x, filters))
    return with_shortcut(x, pointwise(relu6(depthwise(y, stride)), filters), stride)


@bank.mistake("Use the argument `expansion`: here it is as if it were always 6, or 1.")
def six_times_always(x, expansion, filters, stride):
    return inverted_residual(x, 1 if expansion == 1 else 6, filters, stride)


@bank.mistake("`x` is added to what the branch gives, not taken away from it.")
def taken_away(x, expansion, filters, stride):
    y = pointwise(relu6(depthwise(widened(x, expansion), stride)), filters)
    return y - x if stride == 1 and x.shape[-1] == filters else y
