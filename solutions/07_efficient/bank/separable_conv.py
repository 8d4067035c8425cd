"""Answers to `separable_conv`, right and wrong."""

import keras
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import separable_conv
from ._shared import Mix, Windows, same_padded

bank = Bank(separable_conv)


def depthwise(x, kernel, stride=1, **options):
    """The first step as it is asked for, unless options say otherwise."""
    options = {"padding": "same", "use_bias": False, **options}
    return layers.DepthwiseConv2D(kernel, strides=stride, **options)(x)


# Right


@bank.accepted
def one_layer(x, filters, kernel=3, stride=1):
    return layers.SeparableConv2D(filters, kernel, strides=stride, padding="same")(x)


@bank.accepted
def as_many_groups_as_channels(x, filters, kernel=3, stride=1):
    channels = x.shape[-1]
    x = layers.Conv2D(channels, kernel, stride, "same", groups=channels, use_bias=False)(x)
    return layers.Dense(filters)(x)


@bank.accepted
def of_raw_weights(x, filters, kernel=3, stride=1):
    return Mix(filters, bias=True)(Windows(kernel, stride)(x))


@bank.accepted
def channel_by_channel(x, filters, kernel=3, stride=1):
    parts = [
        layers.Conv2D(1, kernel, stride, padding="same", use_bias=False)(x[..., i : i + 1])
        for i in range(x.shape[-1])
    ]
    return layers.Conv2D(filters, 1)(layers.Concatenate()(parts))


@bank.accepted
def explicit_padding(x, filters, kernel=3, stride=1):
    x = depthwise(same_padded(x, kernel, stride), kernel, stride, padding="valid")
    return layers.Dense(filters)(x)


@bank.accepted
def sequential(x, filters, kernel=3, stride=1):
    first = layers.DepthwiseConv2D((kernel, kernel), stride, "same", use_bias=False)
    return keras.Sequential([first, layers.Conv2D(filters, (1, 1))])(x)


@bank.accepted
def filters_in_halves(x, filters, kernel=3, stride=1):
    x = depthwise(x, kernel, stride)
    half = filters // 2
    return ops.concatenate(
        [layers.Conv2D(half, 1)(x), layers.Conv2D(filters - half, 1)(x)], axis=-1
    )


# Wrong


@bank.mistake("This is a full convolution: give each channel one window, then mix with a 1x1.")
def full(x, filters, kernel=3, stride=1):
    return layers.Conv2D(filters, kernel, stride, padding="same")(x)


@bank.mistake("The order is windows first, 1x1 afterwards; here it is the other way round.")
def pointwise_first(x, filters, kernel=3, stride=1):
    return depthwise(layers.Conv2D(filters, 1)(x), kernel, stride)


@bank.mistake(
    "The first step gives each channel a window of its own; here it is a full convolution, which "
    "mixes all channels in every map."
)
def full_then_mixed(x, filters, kernel=3, stride=1):
    x = layers.Conv2D(x.shape[-1], kernel, stride, padding="same", use_bias=False)(x)
    return layers.Conv2D(filters, 1)(x)


@bank.mistake(
    "After the first step there are as many maps as channels; here a convolution of one filter "
    "has summed them into a single one."
)
def summed_into_one(x, filters, kernel=3, stride=1):
    x = layers.Conv2D(1, kernel, stride, padding="same", use_bias=False)(x)
    return layers.Conv2D(filters, 1)(x)


@bank.mistake(
    "Separable means here that windows and channels are taken apart, not rows and columns: a "
    "square window for each channel, then a 1x1 convolution."
)
def column_then_row(x, filters, kernel=3, stride=1):
    x = layers.Conv2D(filters, (kernel, 1), (stride, 1), padding="same", use_bias=False)(x)
    return layers.Conv2D(filters, (1, kernel), (1, stride), padding="same")(x)


@bank.mistake("The 1x1 convolution that mixes the channels is missing.")
def depthwise_only(x, filters, kernel=3, stride=1):
    x = depthwise(x, kernel, stride)
    return ops.concatenate([x] * -(-filters // x.shape[-1]), axis=-1)[..., :filters]


@bank.mistake(
    "A depth multiplier makes several maps of each channel and mixes none: give each channel one "
    "window, then mix with a 1x1 convolution."
)
def multiplied_and_summed(x, filters, kernel=3, stride=1):
    height, width = (-(-side // stride) for side in x.shape[1:3])
    channels = x.shape[-1]
    x = depthwise(x, kernel, stride, depth_multiplier=filters)
    return ops.sum(ops.reshape(x, (-1, height, width, channels, filters)), axis=3)


@bank.mistake("Each channel has one window: the depth multiplier is 1.")
def two_windows(x, filters, kernel=3, stride=1):
    return layers.Conv2D(filters, 1)(depthwise(x, kernel, stride, depth_multiplier=2))


@bank.mistake(
    "Separable means here that windows and channels are taken apart, not rows and columns: the "
    "window of a channel is a full square."
)
def rows_and_columns(x, filters, kernel=3, stride=1):
    x = layers.DepthwiseConv2D((kernel, 1), padding="same", use_bias=False)(x)
    x = layers.DepthwiseConv2D((1, kernel), padding="same", use_bias=False)(x)
    return layers.Conv2D(filters, 1)(x[:, ::stride, ::stride])


@bank.mistake("All channels share one window here: each needs one of its own.")
def one_window_for_all(x, filters, kernel=3, stride=1):
    shared = layers.Conv2D(1, kernel, stride, padding="same", use_bias=False)
    parts = [shared(x[..., i : i + 1]) for i in range(x.shape[-1])]
    return layers.Conv2D(filters, 1)(ops.concatenate(parts, axis=-1))


@bank.mistake("Nothing stands between the two steps, no normalisation either.")
def normalised_between(x, filters, kernel=3, stride=1):
    x = layers.BatchNormalization()(depthwise(x, kernel, stride))
    return layers.Conv2D(filters, 1)(x)


@bank.mistake("The second step is a 1x1 convolution: only the first looks at a window.")
def window_twice(x, filters, kernel=3, stride=1):
    return layers.Conv2D(filters, kernel, padding="same")(depthwise(x, kernel, stride))


@bank.mistake(
    "With a stride, Keras's `same` padding is not as many zeros on every side: leave it to the "
    "layer."
)
def symmetric_padding(x, filters, kernel=3, stride=1):
    x = layers.ZeroPadding2D(kernel // 2)(x)
    return layers.Conv2D(filters, 1)(depthwise(x, kernel, stride, padding="valid"))


@bank.mistake(
    "The depthwise step has the stride itself; every `stride`-th result of stride 1, as a 1x1 "
    "convolution with the stride picks it, is not what a `same` window with the stride gives."
)
def picked_afterwards(x, filters, kernel=3, stride=1):
    return layers.Conv2D(filters, 1)(depthwise(x, kernel)[:, ::stride, ::stride])


@bank.mistake("The depthwise step has the stride itself; nothing pools.")
def pooled(x, filters, kernel=3, stride=1):
    x = layers.MaxPooling2D(stride, padding="same")(depthwise(x, kernel))
    return layers.Conv2D(filters, 1)(x)


@bank.mistake("Nothing pools: the depthwise step has the stride itself.")
def averaged(x, filters, kernel=3, stride=1):
    x = layers.AveragePooling2D(stride, padding="same")(depthwise(x, kernel))
    return layers.Conv2D(filters, 1)(x)


@bank.mistake("Only the depthwise step has the stride; here the 1x1 convolution has it too.")
def stride_twice(x, filters, kernel=3, stride=1):
    return layers.Conv2D(filters, 1, stride)(depthwise(x, kernel, stride))


@bank.mistake("A stride is asked for: here the taps of the window lie `stride` apart (dilation).")
def dilated(x, filters, kernel=3, stride=1):
    return layers.Conv2D(filters, 1)(depthwise(x, kernel, dilation_rate=stride))


@bank.mistake("The stride applies to rows and to columns.")
def stride_of_rows(x, filters, kernel=3, stride=1):
    kernels = [
        layers.Conv2D(1, kernel, (stride, 1), padding="same", use_bias=False)(x[..., i : i + 1])
        for i in range(x.shape[-1])
    ]
    return layers.Conv2D(filters, 1)(ops.concatenate(kernels, axis=-1))


@bank.mistake("The stride applies to rows and to columns; here the rows have none.")
def stride_of_columns(x, filters, kernel=3, stride=1):
    kernels = [
        layers.Conv2D(1, kernel, (1, stride), padding="same", use_bias=False)(x[..., i : i + 1])
        for i in range(x.shape[-1])
    ]
    return layers.Conv2D(filters, 1)(ops.concatenate(kernels, axis=-1))


@bank.mistake("Use the argument `stride`, whatever its value.")
def stride_two_always(x, filters, kernel=3, stride=1):
    return separable_conv(x, filters, kernel, 1 if stride == 1 else 2)


@bank.mistake("The bias belongs to the 1x1 convolution, not to the depthwise step.")
def bias_at_the_wrong_place(x, filters, kernel=3, stride=1):
    x = depthwise(x, kernel, stride, use_bias=True)
    return layers.Conv2D(filters, 1, use_bias=False)(x)


@bank.mistake("Nothing is added: this block has no shortcut.")
def with_shortcut(x, filters, kernel=3, stride=1):
    y = separable_conv(x, filters, kernel, stride)
    return y + ops.mean(x[:, ::stride, ::stride], axis=-1, keepdims=True)


@bank.mistake("The channels of `x` are cut into groups here; give each channel its own window.")
def fewer_groups(x, filters, kernel=3, stride=1):
    channels = x.shape[-1]
    groups = max(n for n in range(1, channels) if channels % n == 0)
    x = layers.Conv2D(channels, kernel, stride, "same", groups=groups, use_bias=False)(x)
    return layers.Conv2D(filters, 1)(x)


@bank.mistake("Nothing stands between the two steps; here a normalisation and a ReLU do.")
def as_in_the_first_mobilenet(x, filters, kernel=3, stride=1):
    x = layers.ReLU()(layers.BatchNormalization()(depthwise(x, kernel, stride)))
    return layers.Conv2D(filters, 1)(x)


@bank.mistake("No normalisation and no ReLU belong here, neither between the steps nor at the end.")
def as_a_block_of_mobilenet(x, filters, kernel=3, stride=1):
    x = as_in_the_first_mobilenet(x, filters, kernel, stride)
    return layers.ReLU()(layers.BatchNormalization()(x))


@bank.mistake("The block ends with the 1x1 convolution: no normalisation follows it.")
def normalised_at_the_end(x, filters, kernel=3, stride=1):
    return layers.BatchNormalization()(separable_conv(x, filters, kernel, stride))


@bank.mistake("The block ends with the 1x1 convolution: no normalisation and no ReLU follow it.")
def normalised_and_rectified(x, filters, kernel=3, stride=1):
    return ops.relu(layers.BatchNormalization()(separable_conv(x, filters, kernel, stride)))


@bank.mistake("The windows look at all of `x`; here rows and columns are left out before them.")
def thinned_out_before(x, filters, kernel=3, stride=1):
    return layers.Conv2D(filters, 1)(depthwise(x[:, ::stride, ::stride], kernel))


@bank.mistake("There is one pair of steps; here a second depthwise and 1x1 convolution follow.")
def two_pairs(x, filters, kernel=3, stride=1):
    return separable_conv(separable_conv(x, filters, kernel, stride), filters, kernel)


@bank.mistake(
    "Each channel has one window: `filters` says how many filters the 1x1 convolution has, not how "
    "many windows a channel."
)
def windows_by_filters(x, filters, kernel=3, stride=1):
    return layers.Conv2D(filters, 1)(depthwise(x, kernel, stride, depth_multiplier=filters))


@bank.mistake("The padding is `same`, and the 1x1 convolution has a bias: here neither is so.")
def valid_without_bias(x, filters, kernel=3, stride=1):
    x = depthwise(x, kernel, stride, padding="valid")
    return layers.Conv2D(filters, 1, use_bias=False)(x)


@bank.mistake("The depthwise step pads with `same` and has no bias: here it is as Keras starts it.")
def as_keras_starts_it(x, filters, kernel=3, stride=1):
    return layers.Conv2D(filters, 1)(layers.DepthwiseConv2D(kernel, stride)(x))


def activated(x, filters, kernel, stride, between=None, after=None):
    """The block with an activation that is not asked for."""
    x = layers.Activation(between)(depthwise(x, kernel, stride))
    return layers.Activation(after)(layers.Conv2D(filters, 1)(x))


for name in ("relu6", "silu", "gelu", "tanh", "sigmoid", "softmax"):
    bank.variant(
        f"{name}_at_the_end",
        "The block ends with the 1x1 convolution: no activation follows it.",
        activated,
        after=name,
    )
for name in ("relu6", "silu"):
    bank.variant(
        f"{name}_between",
        "Nothing stands between the two steps, no activation either.",
        activated,
        between=name,
    )
