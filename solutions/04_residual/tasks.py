"""Exercise 04: residual networks. Right answers in several styles, and the mistakes students make.

`docs/authoring.md` explains how such a file is written. Every answer below computes with `keras`
and `keras.ops` only, so that the bank runs on each of Keras's backends.
"""

import keras
import numpy as np
from keras import layers, ops

from autograder.data.arguments import Input
from autograder.setting.task import Accepted, Mistake, Task, Trial, counted, trial

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


LONG_KERNELS = "The kernels are 3x3; these have as many weights, all in one line."
CONCATENATED = "The shortcut is added to the branch, not concatenated."
BY_STRIDE_ONLY = (
    "The shape also changes where only the number of channels does: there the shortcut needs its "
    "1x1 convolution too, with stride 1."
)
BY_CHANNELS_ONLY = (
    "The shape also changes where only the stride does: there the shortcut needs its 1x1 "
    "convolution too, although the channels stay."
)
PROJECTION_RELU = "The projection has no ReLU of its own: 1x1, then BN."
PROJECTION_3X3 = "The projection of the shortcut is 1x1, not 3x3."
RELU_BEFORE_NORM = (
    "The order is convolution, normalisation, ReLU: here a ReLU comes before the normalisation."
)
PREACTIVATION = (
    "This is the pre-activation block of a later paper (He 2016b): here convolution comes first, "
    "then normalisation, and a ReLU follows the addition."
)
ONE_NORM = "Both convolutions share one normalisation: each needs one of its own."
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


# Blocks with one thing changed: what most wrong answers are

BASIC = ((1, 3), (1, 3))  # of each convolution: how many times `filters`, and the kernel
BOTTLENECK = ((1, 1), (1, 3), (4, 1))
LONG_BOTTLENECK = ((1, 1), (1, (1, 9)), (4, 1))


def projection(x, filters, stride, norm=layers.BatchNormalization, kernel=1, **options):
    """The shortcut where the shape changes."""
    options = {"padding": "same", "use_bias": False, **options}
    return norm()(layers.Conv2D(filters, kernel, stride, **options)(x))


def either(stride, channels, filters):
    """Whether the shape changes."""
    return stride != 1 or channels != filters


def block_like(
    x,
    filters,
    stride=1,
    plan=BASIC,
    strides=None,
    inner=("relu", "relu"),
    last="relu",
    norm=layers.BatchNormalization,
    normed=(0, 1, 2),
    changes=either,
    shortcut=projection,
    add=ops.add,
    dilation=1,
    **options,
):
    """A residual block or a bottleneck; `options` are those of its convolutions."""
    options = {"padding": "same", "use_bias": False, **options}
    y = x
    for number, (factor, kernel) in enumerate(plan):
        step = (strides or (stride, 1, 1))[number]
        spread = dilation if step == 1 and kernel != 1 else 1
        y = layers.Conv2D(factor * filters, kernel, step, dilation_rate=spread, **options)(y)
        y = norm()(y) if number in normed else y
        y = layers.Activation(inner[number])(y) if number < len(plan) - 1 else y
    filters *= plan[-1][0]
    if changes(stride, x.shape[-1], filters):
        x = shortcut(x, filters, stride, norm=norm)
    return layers.Activation(last)(add(x, y))


def changed(name, build=block_like, **options):
    """A block with other options, as an answer with a name of its own."""

    def answer(x, filters, stride=1):
        return build(x, filters, stride, **options)

    answer.__name__ = name
    return answer


def from_position_one(x, filters, stride, norm):
    """A projection that reads the positions 1, 1 + stride, ..."""
    height, width = (-(-side // stride) for side in x.shape[1:3])
    x = layers.ZeroPadding2D(((0, stride), (0, stride)))(x)
    return projection(x[:, 1::stride, 1::stride][:, :height, :width], filters, 1, norm)


def pooled_first(x, filters, stride, norm):
    return projection(layers.MaxPooling2D(stride, padding="same")(x), filters, 1, norm)


def resized_first(x, filters, stride, norm):
    x = layers.Resizing(*(-(-side // stride) for side in x.shape[1:3]))(x)
    return projection(x, filters, 1, norm)


def unstrided(x, filters, stride, norm):
    return projection(x, filters, 1, norm)


def square_projection(x, filters, stride, norm):
    return projection(x, filters, stride, norm, kernel=2)


def biased_projection(x, filters, stride, norm):
    return projection(x, filters, stride, norm, use_bias=True)


def pooled_after(x, filters, stride, norm):
    x = layers.Conv2D(filters, 1, use_bias=False)(x)
    return norm()(layers.MaxPooling2D(stride, padding="same")(x))


def normalised_identity(x, filters, stride, norm):
    return projected(x, filters, stride) if either(stride, x.shape[-1], filters) else norm()(x)


def sum_before_norm(x, filters, stride, plan):
    """The last normalisation is that of the sum."""

    def add(x, y):
        return layers.BatchNormalization()(x + y)

    return block_like(x, filters, stride, plan, normed=range(len(plan) - 1), add=add)


def strided_at_end(x, filters, stride, plan):
    return block_like(x, filters, 1, plan)[:, ::stride, ::stride]


def branch_of_projection(x, filters, stride, plan):
    return block_like(projected(x, plan[-1][0] * filters, stride), filters, 1, plan)


def zeros_appended(x, filters, stride, norm):
    x = x[:, ::stride, ::stride, :filters]
    return ops.pad(x, [(0, 0)] * 3 + [(0, filters - x.shape[-1])])


def norm_with(layer=layers.BatchNormalization, **options):
    """A normalisation with other options than Keras's."""
    return lambda: layer(**options)


NOT_BATCH_NORM = "batch normalisation is asked for, over the batch and all positions of a channel."
OF_BOTH_BLOCKS = [
    (
        "projected_when_growing",
        {"changes": lambda stride, before, after: stride != 1 or before < after},
        "The shape changes where the channels become fewer too, not only where they become more.",
    ),
    (
        "projected_when_shrinking",
        {"changes": lambda stride, before, after: stride != 1 or before > after},
        "The shape changes where the channels become more too, not only where they become fewer.",
    ),
    (
        "unstrided_shortcut",
        {"shortcut": unstrided},
        "With a stride, shortcut and branch differ in size: the 1x1 convolution of the shortcut "
        "has the stride too, beginning with the first position.",
    ),
    ("no_relu", {"inner": ("linear",) * 2, "last": "linear"}, "The block has no ReLU at all."),
    (
        "shortcut_subtracted",
        {"add": lambda x, y: y - x},
        "The shortcut is added to the branch, not subtracted from it.",
    ),
    (
        "branch_subtracted",
        {"add": lambda x, y: x - y},
        "The branch is added to the shortcut, not subtracted from it.",
    ),
    ("multiplied", {"add": ops.multiply}, "Shortcut and branch are added, not multiplied."),
    (
        "averaged",
        {"add": lambda x, y: (x + y) / 2},
        "Shortcut and branch are added; here their mean is taken.",
    ),
    (
        "maximum",
        {"add": ops.maximum},
        "Shortcut and branch are added; here the larger of the two is taken.",
    ),
    ("shortcut_twice", {"add": lambda x, y: x + y + x}, "The shortcut is added twice."),
    ("branch_doubled", {"add": lambda x, y: x + 2 * y}, "The branch is added twice."),
    (
        "shortcut_only",
        {"add": lambda x, y: x + 0 * y},
        "The branch does not reach the output: add it to the shortcut.",
    ),
    (
        "small_branch",
        {"add": lambda x, y: x + y / 10},
        "The branch is added as it is, without any factor.",
    ),
    (
        "relu_of_both",
        {"add": lambda x, y: relu(x) + relu(y)},
        "Neither the branch nor the shortcut has a ReLU of its own before the addition.",
    ),
    (
        "relu_of_shortcut",
        {"add": lambda x, y: relu(x) + y},
        "The shortcut has no ReLU of its own: it hands on negative values too.",
    ),
    (
        "norm_of_sum",
        {"add": lambda x, y: layers.BatchNormalization()(x + y)},
        "The sum goes straight into the ReLU, without another normalisation.",
    ),
    (
        "norm_at_end",
        {"last": lambda x: layers.BatchNormalization()(relu(x))},
        "The block ends with the ReLU, without another normalisation.",
    ),
    ("maximum_shortcut", {"shortcut": pooled_first}, AVERAGE),
    (
        "shortcut_from_one",
        {"shortcut": from_position_one},
        "The shortcut starts at position 1; a 1x1 convolution with a stride starts at 0.",
    ),
    (
        "resized_shortcut",
        {"shortcut": resized_first},
        "The shortcut is not resized: its 1x1 convolution has the stride itself.",
    ),
    (
        "projection_2x2",
        {"shortcut": square_projection},
        "The projection of the shortcut is 1x1, not 2x2.",
    ),
    ("projection_bias", {"shortcut": biased_projection}, BIAS),
    (
        "pooled_after",
        {"shortcut": pooled_after},
        "The shortcut does not pool, not even behind its 1x1 convolution, which has the stride.",
    ),
    (
        "identity_normalised",
        {"changes": lambda *sizes: True, "shortcut": normalised_identity},
        "Where neither size nor channels change, the shortcut is `x` itself, not normalised.",
    ),
    (
        "sum_before_norm",
        {"build": sum_before_norm},
        "The branch ends with its normalisation; the shortcut is added after it, not before.",
    ),
    (
        "stride_at_end",
        {"build": strided_at_end},
        "The first convolution and the projection have the stride; here positions are picked at "
        "the end.",
    ),
    (
        "branch_of_projection",
        {"build": branch_of_projection},
        "The branch reads `x`; here it reads the projection.",
    ),
    (
        "zeros_appended",
        {"shortcut": zeros_appended},
        "This is the shortcut padded with zeros; here it is a 1x1 convolution and its BN.",
    ),
    (
        "projected_by_both",
        {"changes": lambda stride, channels, filters: stride != 1 and channels != filters},
        "The shape changes where the stride is not 1 *or* the channels differ: either calls for "
        "the 1x1 convolution.",
    ),
    (
        "layer_norm",
        {"norm": layers.LayerNormalization},
        "This is layer normalisation, over the channels of one position; " + NOT_BATCH_NORM,
    ),
    (
        "group_norm",
        {"norm": norm_with(layers.GroupNormalization, groups=1)},
        "This is group normalisation, over one sample; " + NOT_BATCH_NORM,
    ),
    (
        "instance_norm",
        {"norm": norm_with(layers.GroupNormalization, groups=-1)},
        "This is instance normalisation, over one channel of one sample; " + NOT_BATCH_NORM,
    ),
    (
        "norm_of_rows",
        {"norm": norm_with(axis=1)},
        "`BatchNormalization(axis=1)` takes the rows for channels; they are the last axis here, "
        "which is Keras's default.",
    ),
    (
        "norm_of_columns",
        {"norm": norm_with(axis=2)},
        "`BatchNormalization(axis=2)` takes the columns for channels; they are the last axis here, "
        "which is Keras's default.",
    ),
    (
        "norm_without_offset",
        {"norm": norm_with(center=False)},
        "The normalisations have an offset beta: leave `center` as it is.",
    ),
    (
        "norm_without_factor",
        {"norm": norm_with(scale=False)},
        "The normalisations have a factor gamma: leave `scale` as it is.",
    ),
    (
        "first_norm_missing",
        {"normed": (1, 2)},
        "The first convolution is followed by a batch normalisation too.",
    ),
    ("dilated_everywhere", {"dilation": 2}, "The convolutions are plain ones, without dilation."),
    (
        "relu_first",
        {"build": lambda x, *rest, **options: block_like(relu(x), *rest, **options)},
        "The block does not begin with a ReLU: `x` goes into the convolution and the shortcut as "
        "it is.",
    ),
    (
        "stride_ignored",
        {"build": lambda x, filters, stride, **options: block_like(x, filters, 1, **options)},
        "Use the argument `stride`: here the size stays as it is.",
    ),
    *[
        (
            name,
            {"inner": (name, name), "last": name},
            f"The activations are ReLU, not {name}.",
        )
        for name in ("tanh", "relu6", "gelu", "elu", "silu", "softplus")
    ],
]


def of_both_blocks(prefix, plan, without=()):
    """Mistakes that a block of either kind can have."""
    return [
        Mistake(changed(f"{prefix}_{name}", plan=plan, **options), hint)
        for name, options, hint in OF_BOTH_BLOCKS
        if name not in without
    ]


# residual_block


def residual_block(x, filters, stride=1):
    """A basic block (He et al. 2015), the shortcut projected where the shape changes."""
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


def residual_joint_norm(x, filters, stride=1, branch_first=False):
    """The last normalisations of both ways are one, over both ways side by side."""
    y = relu(conv_bn(x, filters, 3, stride))
    if projected(x, filters, stride) is x:
        return relu(conv_bn(y, filters, 3) + x)
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(y)
    x = layers.Conv2D(filters, 1, stride, use_bias=False)(x)
    ways = [y, x] if branch_first else [x, y]
    both = layers.BatchNormalization()(layers.Concatenate()(ways))
    if branch_first:
        return relu(both[..., filters:] + both[..., :filters])
    return relu(both[..., :filters] + both[..., filters:])


def residual_joint_norm_branch_first(x, filters, stride=1):
    return residual_joint_norm(x, filters, stride, branch_first=True)


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


def residual_projection_of_branch(x, filters, stride=1):
    """`x` is overwritten by the branch's first result, of which the projection is made."""
    shape_changes = stride > 1 or x.shape[-1] != filters
    before, x = x, relu(conv_bn(x, filters, 3, stride))
    y = conv_bn(x, filters, 3)
    return relu(y + (conv_bn(x, filters, 1) if shape_changes else before))


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


def residual_one_norm(x, filters, stride=1):
    """Both convolutions share a normalisation, a second one is idle."""
    norm, idle = layers.BatchNormalization(), layers.BatchNormalization()
    y = relu(norm(layers.Conv2D(filters, 3, stride, "same", use_bias=False)(x)))
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(y)
    y = norm(y) + 0 * idle(y)
    return relu(y + projected(x, filters, stride))


def residual_shared_norm(x, filters, stride=1):
    norm = layers.BatchNormalization()
    y = relu(norm(layers.Conv2D(filters, 3, stride, "same", use_bias=False)(x)))
    y = norm(layers.Conv2D(filters, 3, padding="same", use_bias=False)(y))
    return relu(y + projected(x, filters, stride))


def residual_twice_and_idle(x, filters, stride=1):
    """Where the channels allow it, the first pair of layers is used again and the second idle."""
    first = [layers.Conv2D(filters, 3, stride, "same", use_bias=False), layers.BatchNormalization()]
    second = [layers.Conv2D(filters, 3, padding="same", use_bias=False)]
    second.append(layers.BatchNormalization())
    y = relu(first[1](first[0](x)))
    if stride == 1 and x.shape[-1] == filters:
        y = first[1](first[0](y)) + 0 * second[1](second[0](y))
    else:
        y = second[1](second[0](y))
    return relu(y + projected(x, filters, stride))


def residual_parallel(x, filters, stride=1):
    """Both convolutions read `x`."""
    y = conv_bn(x, filters, 3, stride) + conv_bn(x, filters, 3, stride)
    return relu(y + projected(x, filters, stride))


def residual_shortcut_of_branch(x, filters, stride=1):
    """The shortcut starts behind the first convolution."""
    y = relu(conv_bn(x, filters, 3, stride))
    shortcut = y if stride == 1 and x.shape[-1] == filters else conv_bn(x, filters, 1, stride)
    return relu(conv_bn(y, filters, 3) + shortcut)


def residual_projected_branch(x, filters, stride=1):
    """The projection reads the branch."""
    y = conv_bn(relu(conv_bn(x, filters, 3, stride)), filters, 3)
    return relu(y + (x if y.shape == x.shape else conv_bn(y, filters, 1)))


def residual_pooled_branch(x, filters, stride=1):
    y = conv_bn(relu(conv_bn(x, filters, 3)), filters, 3)
    y = layers.MaxPooling2D(stride, padding="same")(y)
    return relu(y + projected(x, filters, stride))


def residual_stride_twice(x, filters, stride=1):
    y = conv_bn(relu(conv_bn(x, filters, 3, stride)), filters, 3, stride)
    keeps = stride == 1 and x.shape[-1] == filters
    return relu(y + (x if keeps else conv_bn(x, filters, 1, stride * stride)))


def residual_stride_of_rows(x, filters, stride=1):
    return block_like(x, filters, stride, strides=((stride, 1), 1), shortcut=projection_of_rows)


def projection_of_rows(x, filters, stride, norm):
    return projection(x, filters, (stride, 1), norm)


def residual_stride_by_channels(x, filters, stride=1):
    """Halves wherever the channels change, whatever `stride` says."""
    return residual_block(x, filters, 1 if x.shape[-1] == filters else 2)


def residual_padded_before(x, filters, stride=1):
    y = conv_bn(layers.ZeroPadding2D(((2, 0), (2, 0)))(x), filters, 3, stride, padding="valid")
    return relu(conv_bn(relu(y), filters, 3) + projected(x, filters, stride))


def residual_valid(x, filters, stride=1):
    """Without padding, the shortcut cropped to what is left."""
    y = conv_bn(x, filters, 3, stride, padding="valid")
    y = conv_bn(relu(y), filters, 3, padding="valid")
    x = projected(x, filters, stride)
    return relu(y + x[:, : y.shape[1], : y.shape[2]])


def residual_separable(x, filters, stride=1):
    def unit(x, step):
        conv = layers.SeparableConv2D(filters, 3, step, padding="same", use_bias=False)
        return layers.BatchNormalization()(conv(x))

    return relu(unit(relu(unit(x, stride)), 1) + projected(x, filters, stride))


def residual_grouped(x, filters, stride=1):
    """The first convolution in two groups, where that can be done."""
    groups = 2 if x.shape[-1] % 2 == 0 and filters % 2 == 0 else 1
    y = relu(conv_bn(x, filters, 3, stride, groups=groups))
    return relu(conv_bn(y, filters, 3) + projected(x, filters, stride))


def residual_concatenated(x, filters, stride=1):
    y = conv_bn(relu(conv_bn(x, filters, 3, stride)), filters, 3)
    return relu(layers.Concatenate()([y, projected(x, filters, stride)]))


def residual_first_as_x(x, filters, stride=1):
    y = relu(conv_bn(x, x.shape[-1], 3, stride))
    return relu(conv_bn(y, filters, 3) + projected(x, filters, stride))


def residual_second_as_x(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 3, stride))
    return relu(conv_bn(y, x.shape[-1], 3) + projected(x, filters, stride))


RESIDUAL_MISTAKES = [
    Mistake(
        residual_first_as_x,
        "The first 3x3 convolution has `filters` filters, not as many as `x` has channels.",
    ),
    Mistake(
        residual_second_as_x,
        "The second 3x3 convolution has `filters` filters, not as many as `x` has channels.",
    ),
    Mistake(residual_without_shortcut, NO_SHORTCUT),
    Mistake(
        residual_branch_twice,
        "The addition takes the branch twice: one of its two terms must be the shortcut.",
    ),
    Mistake(residual_always_projected, ALWAYS_PROJECTED),
    Mistake(
        residual_projected_by_stride_only,
        BY_STRIDE_ONLY,
    ),
    Mistake(
        residual_projected_by_channels_only,
        BY_CHANNELS_ONLY,
    ),
    Mistake(residual_projection_without_norm, PROJECTION_NORM),
    Mistake(residual_projection_relu, PROJECTION_RELU),
    Mistake(residual_projection_3x3, PROJECTION_3X3),
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
        "`padding=1`), nor are its windows every `stride`-th of stride 1: leave both to the layer.",
    ),
    Mistake(
        residual_projection_of_branch,
        "The projection reads the block's input, not the result of the first convolution: is `x` "
        "overwritten before?",
    ),
    Mistake(residual_norm_missing, "Each convolution is followed by a batch normalisation."),
    Mistake(
        residual_second_norm_missing,
        "The second 3x3 convolution is followed by a batch normalisation too.",
    ),
    Mistake(
        residual_relu_before_norm,
        RELU_BEFORE_NORM,
    ),
    Mistake(
        residual_preactivation,
        PREACTIVATION,
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
    Mistake(residual_long_kernels, LONG_KERNELS),
    Mistake(residual_stride_two_always, "Use the argument `stride`, whatever its value."),
    Mistake(residual_concatenated, CONCATENATED),
    *of_both_blocks("residual", BASIC),
    Mistake(changed("residual_high_kernels", plan=((1, (9, 1)),) * 2), LONG_KERNELS),
    Mistake(changed("residual_5x5", plan=((1, 5), (1, 5))), "The kernels are 3x3, not 5x5."),
    Mistake(changed("residual_1x1", plan=((1, 1), (1, 1))), "The kernels are 3x3, not 1x1."),
    Mistake(
        changed("residual_small_first", plan=((1, 1), (1, 3))),
        "The branch is two 3x3 convolutions; here the first is 1x1.",
    ),
    Mistake(
        changed("residual_small_second", plan=((1, 3), (1, 1))),
        "The branch is two 3x3 convolutions; here the second is 1x1.",
    ),
    Mistake(
        changed("residual_three", plan=((1, 3),) * 3),
        "The branch has two 3x3 convolutions, not three.",
    ),
    Mistake(
        changed("residual_widened", plan=((1, 3), (4, 3))),
        "Both convolutions have `filters` filters: the factor of 4 is the bottleneck's.",
    ),
    Mistake(
        residual_twice_and_idle,
        "The first convolution and its normalisation are used twice and the second pair is idle: "
        "each convolution needs layers of its own.",
    ),
    Mistake(residual_one_norm, ONE_NORM + " The other one is idle."),
    Mistake(residual_shared_norm, ONE_NORM),
    Mistake(
        residual_parallel,
        "The two 3x3 convolutions come one after the other, not side by side on `x`.",
    ),
    Mistake(
        residual_shortcut_of_branch,
        "The shortcut starts at `x`, before the first convolution, not behind it.",
    ),
    Mistake(
        residual_projected_branch, "The 1x1 convolution of the shortcut reads `x`, not the branch."
    ),
    Mistake(
        residual_pooled_branch,
        "Nothing pools in this block: the first 3x3 convolution has the stride.",
    ),
    Mistake(
        residual_stride_twice,
        "Only the first 3x3 convolution has the stride; the second has stride 1.",
    ),
    Mistake(residual_stride_of_rows, "The stride applies to rows and to columns."),
    Mistake(
        residual_stride_by_channels,
        "The size changes by the argument `stride`, not wherever the channels change.",
    ),
    Mistake(
        residual_padded_before,
        "The zeros all stand above and on the left; leave the padding to the layer "
        '(`padding="same"`).',
    ),
    Mistake(
        residual_valid, "The 3x3 convolutions are `same`: only the stride makes the map smaller."
    ),
    Mistake(
        residual_separable,
        "The 3x3 convolutions are ordinary ones, not separable: every filter sees every channel.",
    ),
    Mistake(
        residual_grouped,
        "The 3x3 convolutions have no groups: every filter sees every channel.",
    ),
]


# zero_pad_shortcut


def zero_pad_shortcut(x, filters, stride):
    """Option A of He et al. 2015: positions picked, zero channels appended."""
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


def appended(x, filters, **options):
    """`x` with as many channels behind as are missing."""
    return ops.pad(x, [(0, 0)] * 3 + [(0, max(filters - x.shape[-1], 0))], **options)


def zero_pad_ones(x, filters, stride):
    return appended(x[:, ::stride, ::stride], filters, constant_values=1)


def zero_pad_halves(x, filters, stride):
    half = (filters - x.shape[-1]) // 2
    return ops.pad(x[:, ::stride, ::stride], [(0, 0)] * 3 + [(half, half)])


def zero_pad_between(x, filters, stride):
    places = np.linspace(0, filters - 1, x.shape[-1]).round().astype(int)
    spread = np.eye(filters, dtype="float32")[places]
    return ops.matmul(x[:, ::stride, ::stride], spread)


def zero_pad_last_of_each(x, filters, stride):
    return appended(x[:, stride - 1 :: stride, stride - 1 :: stride], filters)


def zero_pad_rows_twice(x, filters, stride):
    return appended(x[:, ::stride][:, ::stride], filters)


def zero_pad_backwards(x, filters, stride):
    return appended(x[:, ::-stride, ::-stride], filters)


def zero_pad_resized(x, filters, stride):
    sides = [-(-side // stride) for side in x.shape[1:3]]
    return appended(layers.Resizing(*sides, interpolation="nearest")(x), filters)


def zero_pad_interpolated(x, filters, stride):
    sides = [-(-side // stride) for side in x.shape[1:3]]
    return appended(layers.Resizing(*sides)(x), filters)


def zero_pad_wide_maximum(x, filters, stride):
    return appended(layers.MaxPooling2D(3, stride, padding="same")(x), filters)


def zero_pad_sum(x, filters, stride):
    return stride**2 * zero_pad_average(x, filters, stride)


def zero_pad_where_strided(x, filters, stride):
    return x if stride == 1 else zero_pad_shortcut(x, filters, stride)


def zero_pad_where_wider(x, filters, stride):
    return x if x.shape[-1] == filters else zero_pad_shortcut(x, filters, stride)


def zero_pad_stride_ignored(x, filters, stride):
    return appended(x, filters)


def zero_pad_squared(x, filters, stride):
    return appended(x[:, ::stride, ::stride][:, ::stride, ::stride], filters)


def zero_pad_columns(x, filters, stride):
    return appended(x[:, :, ::stride], filters)


def zero_pad_samples(x, filters, stride):
    return appended(x[::stride, ::stride], filters)


def zero_pad_channels_too(x, filters, stride):
    return appended(x[:, ::stride, ::stride, ::stride], filters)


def zero_pad_transposed(x, filters, stride):
    return layers.Permute((2, 1, 3))(zero_pad_shortcut(x, filters, stride))


def zero_pad_rows_below(x, filters, stride):
    x = x[:, ::stride, ::stride]
    return layers.ZeroPadding2D(((0, filters - x.shape[-1]), (0, 0)))(x)


def zero_pad_masked(x, filters, stride):
    mask = np.zeros((1, *x.shape[1:3], 1), "float32")
    mask[:, ::stride, ::stride] = 1
    return appended(x * mask, filters)


def zero_pad_doubled(x, filters, stride):
    return appended(x[:, ::stride, ::stride], 2 * x.shape[-1])


def zero_pad_turned(x, filters, stride):
    return appended(x[:, ::stride, ::stride, ::-1], filters)


def zero_pad_halved(x, filters, stride):
    return zero_pad_shortcut(x, filters, stride) / 2


def zero_pad_norm(x, filters, stride):
    return layers.BatchNormalization()(zero_pad_shortcut(x, filters, stride))


def zero_pad_projection(x, filters, stride):
    return conv_bn(x, filters, 1, stride)


def zero_pad_whole_windows(x, filters, stride):
    height, width = (side // stride * stride for side in x.shape[1:3])
    return appended(x[:, :height:stride, :width:stride], filters)


def zero_pad_minimum(x, filters, stride):
    return -zero_pad_maximum(-x, filters, stride)


def zero_pad_rows_from_one(x, filters, stride):
    height = -(-x.shape[1] // stride)
    x = layers.ZeroPadding2D(((0, stride), (0, 0)))(x)
    return appended(x[:, min(1, stride - 1) :: stride, ::stride][:, :height], filters)


def zero_pad_last_channels(x, filters, stride):
    return zero_pad_filters_more(x, filters, stride)[..., -filters:]


def zero_pad_mean(x, filters, stride):
    x = x[:, ::stride, ::stride]
    mean = ops.repeat(ops.mean(x, -1, keepdims=True), max(filters - x.shape[-1], 1), axis=-1)
    return ops.concatenate([x, mean], axis=-1)[..., :filters]


def zero_pad_border(x, filters, stride):
    return layers.ZeroPadding2D(1)(zero_pad_shortcut(x, filters, stride))


def zero_pad_blurred(x, filters, stride):
    x = layers.AveragePooling2D(3, 1, "same")(x)
    return zero_pad_shortcut(x, filters, stride)


NO_WEIGHTS = "This shortcut has no weights: positions are picked and zero channels appended."
NOT_RESIZED = "Nothing is resized: take every `stride`-th position, beginning with the first."
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
    Mistake(zero_pad_convolution, NO_WEIGHTS),
    Mistake(zero_pad_projection, NO_WEIGHTS),
    Mistake(zero_pad_norm, "This shortcut has no weights, so no normalisation either."),
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
    Mistake(zero_pad_ones, "The channels that are missing are zeros, not ones."),
    Mistake(
        zero_pad_halves,
        "The zero channels all belong behind those of `x`, as many as are missing up to `filters`.",
    ),
    Mistake(
        zero_pad_between,
        "The zero channels all belong behind those of `x`, not between them.",
    ),
    Mistake(
        zero_pad_last_of_each,
        "Positions count from 0: the first one kept is 0, not `stride` - 1.",
    ),
    Mistake(
        zero_pad_rows_twice,
        "The rows are thinned out twice, the columns never: x[:, ::stride] leaves the axis of the "
        "columns as it is.",
    ),
    Mistake(
        zero_pad_backwards,
        "The positions are counted from the end (a negative step, or mirrored first): the first "
        "one kept is 0, then `stride`, ...",
    ),
    Mistake(zero_pad_resized, NOT_RESIZED),
    Mistake(zero_pad_interpolated, NOT_RESIZED),
    Mistake(zero_pad_wide_maximum, POOLED),
    Mistake(zero_pad_sum, POOLED + " Here they are added up."),
    Mistake(
        zero_pad_where_strided,
        "The zero channels are missing where `stride` is 1: append them whatever the stride.",
    ),
    Mistake(
        zero_pad_where_wider,
        "Where there are `filters` channels already, the stride still applies.",
    ),
    Mistake(
        zero_pad_stride_ignored,
        "Use the argument `stride`: only every `stride`-th row and column is kept.",
    ),
    Mistake(zero_pad_squared, "The stride is applied twice."),
    Mistake(zero_pad_columns, "The stride applies to columns and to rows."),
    Mistake(
        zero_pad_samples,
        "The first axis is the batch: all samples are kept; the stride is for axes 1 and 2.",
    ),
    Mistake(
        zero_pad_channels_too,
        "The stride belongs to rows and columns alone: all channels are kept.",
    ),
    Mistake(zero_pad_transposed, "Rows and columns have changed places."),
    Mistake(
        zero_pad_rows_below,
        "The zeros stand below the map, as rows; they are channels, behind those of `x`.",
    ),
    Mistake(
        zero_pad_masked,
        "The positions between are set to zero; leave them out, so that the map gets smaller.",
    ),
    Mistake(
        zero_pad_doubled,
        "The channels are doubled; append zeros up to `filters`, however many that are.",
    ),
    Mistake(zero_pad_turned, "The channels of `x` stand in the reverse order."),
    Mistake(zero_pad_halved, "The values are handed on as they are, without any factor."),
    Mistake(
        zero_pad_whole_windows,
        "Of a side that `stride` does not divide, the last kept position is missing: ceil(side / "
        "stride) positions are kept.",
    ),
    Mistake(zero_pad_minimum, POOLED.replace("maximum", "minimum")),
    Mistake(zero_pad_blurred, POOLED),
    Mistake(
        zero_pad_rows_from_one,
        "The rows are taken from 1 on; as the columns, they begin with 0.",
    ),
    Mistake(
        zero_pad_last_channels,
        "Channels of `x` are cut off in front: keep them all, and append only as many zeros as "
        "are missing.",
    ),
    Mistake(zero_pad_mean, "The channels that are missing are zeros, not the mean of the others."),
    Mistake(zero_pad_border, "Zeros are appended as channels only, not around the map as well."),
]


# bottleneck_block


def bottleneck_block(x, filters, stride=1):
    """A bottleneck (He et al. 2015): the stride in the first 1x1 convolution."""
    y = relu(conv_bn(x, filters, 1, stride))
    y = relu(conv_bn(y, filters, 3))
    y = conv_bn(y, 4 * filters, 1)
    return relu(layers.Add()([y, projected(x, 4 * filters, stride)]))


def nine_products(x, filters):
    """A 3x3 convolution as nine dense layers, each on the map shifted by one of its positions."""
    height, width = x.shape[1:3]
    padded = layers.ZeroPadding2D(1)(x)
    return layers.Add()(
        [
            layers.Dense(filters, use_bias=False)(padded[:, i : i + height, j : j + width])
            for i in range(3)
            for j in range(3)
        ]
    )


def bottleneck_nine_products(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = relu(layers.BatchNormalization()(nine_products(y, filters)))
    y = conv_bn(y, 4 * filters, 1)
    return relu(y + projected(x, 4 * filters, stride))


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


def bottleneck_one_kernel_and_norm(x, filters, stride=1):
    """The same, cut up behind a normalisation that is one too."""
    if stride == 1 and x.shape[-1] == 4 * filters:
        return bottleneck_block(x, filters, stride)
    both = conv_bn(x, 5 * filters, 1, stride)
    y = relu(conv_bn(relu(both[..., :filters]), filters, 3))
    return relu(conv_bn(y, 4 * filters, 1) + both[..., filters:])


def bottleneck_one_kernel_shortcut_first(x, filters, stride=1):
    """The same in the other order."""
    if stride == 1 and x.shape[-1] == 4 * filters:
        return bottleneck_block(x, filters, stride)
    both = conv_bn(x, 5 * filters, 1, stride)
    y = relu(conv_bn(relu(both[..., 4 * filters :]), filters, 3))
    return relu(conv_bn(y, 4 * filters, 1) + both[..., : 4 * filters])


def bottleneck_projected_branch(x, filters, stride=1):
    y = relu(conv_bn(relu(conv_bn(x, filters, 1, stride)), filters, 3))
    shape_kept = stride == 1 and x.shape[-1] == 4 * filters
    return relu(conv_bn(y, 4 * filters, 1) + (x if shape_kept else conv_bn(y, 4 * filters, 1)))


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


def bottleneck_twice_and_idle(x, filters, stride=1):
    """The first two convolutions share a normalisation, another one is idle."""
    norm, idle = layers.BatchNormalization(), layers.BatchNormalization()
    y = relu(norm(layers.Conv2D(filters, 1, stride, use_bias=False)(x)))
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(y)
    y = relu(norm(y) + 0 * idle(y))
    return relu(conv_bn(y, 4 * filters, 1) + projected(x, 4 * filters, stride))


def bottleneck_shared_norm(x, filters, stride=1):
    norm = layers.BatchNormalization()
    y = relu(norm(layers.Conv2D(filters, 1, stride, use_bias=False)(x)))
    y = relu(norm(layers.Conv2D(filters, 3, padding="same", use_bias=False)(y)))
    return relu(conv_bn(y, 4 * filters, 1) + projected(x, 4 * filters, stride))


def bottleneck_norm_of_projection(x, filters, stride=1):
    """Branch and projection share their last normalisation, another one is idle."""
    norm, idle = layers.BatchNormalization(), layers.BatchNormalization()
    y = relu(conv_bn(relu(conv_bn(x, filters, 1, stride)), filters, 3))
    y = norm(layers.Conv2D(4 * filters, 1, use_bias=False)(y))
    if stride != 1 or x.shape[-1] != 4 * filters:
        x = layers.Conv2D(4 * filters, 1, stride, use_bias=False)(x)
        x = norm(x) + 0 * idle(x)
    return relu(y + x)


def bottleneck_shortcut_of_branch(x, filters, stride=1):
    """The shortcut starts behind the first convolution."""
    small = relu(conv_bn(x, filters, 1, stride))
    y = conv_bn(relu(conv_bn(small, filters, 3)), 4 * filters, 1)
    return relu(y + conv_bn(small, 4 * filters, 1))


def bottleneck_stride_in_middle_as_pytorch(x, filters, stride=1):
    y = layers.ZeroPadding2D(1)(relu(conv_bn(x, filters, 1)))
    y = relu(conv_bn(y, filters, 3, stride, padding="valid"))
    return relu(conv_bn(y, 4 * filters, 1) + projected(x, 4 * filters, stride))


def bottleneck_relu_before_norm(x, filters, stride=1):
    def unit(x, width, kernel, step=1):
        options = {"padding": "same", "use_bias": False, "activation": "relu"}
        return layers.BatchNormalization()(layers.Conv2D(width, kernel, step, **options)(x))

    y = unit(unit(x, filters, 1, stride), filters, 3)
    return relu(conv_bn(y, 4 * filters, 1) + projected(x, 4 * filters, stride))


def bottleneck_preactivation(x, filters, stride=1):
    def unit(x, width, kernel, step=1):
        x = relu(layers.BatchNormalization()(x))
        return layers.Conv2D(width, kernel, step, padding="same", use_bias=False)(x)

    y = unit(unit(unit(x, filters, 1, stride), filters, 3), 4 * filters, 1)
    return y + projected(x, 4 * filters, stride)


def bottleneck_full_preactivation(x, filters, stride=1):
    """Branch and projection read the same normalised input."""
    begin = relu(layers.BatchNormalization()(x))
    y = relu(layers.BatchNormalization()(plain_conv(begin, filters, 1, stride)))
    y = relu(layers.BatchNormalization()(plain_conv(y, filters, 3)))
    y = plain_conv(y, 4 * filters, 1)
    if stride > 1 or x.shape[-1] != 4 * filters:
        x = plain_conv(begin, 4 * filters, 1, stride)
    return x + y


def plain_conv(x, filters, kernel, stride=1):
    return layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False)(x)


def bottleneck_depthwise(x, filters, stride=1):
    y = relu(conv_bn(x, filters, 1, stride))
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(y)
    y = conv_bn(relu(layers.BatchNormalization()(y)), 4 * filters, 1)
    return relu(y + projected(x, 4 * filters, stride))


def bottleneck_twice_strided(x, filters, stride=1, **options):
    """Both of the first two convolutions have the stride, and the projection its square."""
    strides = (stride, stride, 1)

    def shortcut(x, filters, stride, norm):
        return projection(x, filters, stride * stride, norm)

    return block_like(x, filters, stride, strides=strides, shortcut=shortcut, **options)


def bottleneck_grouped(x, filters, stride=1):
    """The 3x3 convolution in two groups, where that can be done."""
    y = relu(conv_bn(x, filters, 1, stride))
    y = relu(conv_bn(y, filters, 3, groups=1 if filters % 2 else 2))
    return relu(conv_bn(y, 4 * filters, 1) + projected(x, 4 * filters, stride))


def bottleneck_cropped(x, filters, stride=1):
    """Without padding, the shortcut cropped to what is left."""
    y = relu(conv_bn(x, filters, 1, stride))
    y = relu(conv_bn(y, filters, 3, padding="valid"))
    y = conv_bn(y, 4 * filters, 1)
    return relu(y + projected(x, 4 * filters, stride)[:, 1:-1, 1:-1])


def bottleneck_concatenated(x, filters, stride=1):
    y = relu(conv_bn(relu(conv_bn(x, filters, 1, stride)), filters, 3))
    y = conv_bn(y, 4 * filters, 1)
    return relu(layers.Concatenate()([y, projected(x, 4 * filters, stride)]))


BOTTLENECK_MISTAKES = [
    Mistake(
        bottleneck_projected_branch,
        "The 1x1 convolution of the shortcut reads `x`, not the branch.",
    ),
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
    *of_both_blocks("bottleneck", BOTTLENECK, without=("dilated_everywhere",)),
    Mistake(bottleneck_concatenated, CONCATENATED),
    Mistake(
        changed(
            "bottleneck_projected_by_stride_only",
            plan=BOTTLENECK,
            changes=lambda stride, channels, filters: stride != 1,
        ),
        BY_STRIDE_ONLY,
    ),
    Mistake(
        changed(
            "bottleneck_projected_by_channels_only",
            plan=BOTTLENECK,
            changes=lambda stride, channels, filters: channels != filters,
        ),
        BY_CHANNELS_ONLY,
    ),
    Mistake(
        changed(
            "bottleneck_projection_relu",
            plan=BOTTLENECK,
            shortcut=lambda *arguments, **options: relu(projection(*arguments, **options)),
        ),
        PROJECTION_RELU,
    ),
    Mistake(
        changed(
            "bottleneck_projection_3x3",
            plan=BOTTLENECK,
            shortcut=lambda *arguments, **options: projection(*arguments, kernel=3, **options),
        ),
        PROJECTION_3X3,
    ),
    Mistake(
        changed("bottleneck_first_linear", plan=BOTTLENECK, inner=("linear", "relu")),
        "The first 1x1 convolution and its normalisation need a ReLU too.",
    ),
    Mistake(
        changed("bottleneck_linear_inside", plan=BOTTLENECK, inner=("linear", "linear")),
        "A ReLU follows the first two normalisations.",
    ),
    Mistake(
        changed("bottleneck_third_norm_missing", plan=BOTTLENECK, normed=(0, 1)),
        "The last 1x1 convolution is followed by a batch normalisation too.",
    ),
    Mistake(
        changed("bottleneck_without_norms", plan=BOTTLENECK, normed=()),
        "Each of the three convolutions is followed by a batch normalisation.",
    ),
    Mistake(
        changed("bottleneck_twice_as_wide", plan=((1, 1), (1, 3), (2, 1))),
        "The last 1x1 convolution has 4*`filters` filters, not twice as many.",
    ),
    Mistake(
        changed("bottleneck_wide_first", plan=((4, 1), (1, 3), (4, 1))),
        "The first 1x1 convolution has `filters` filters: it makes the map narrow for the 3x3.",
    ),
    Mistake(
        changed("bottleneck_wide_first_two", plan=((4, 1), (4, 3), (4, 1))),
        "Only the last convolution has 4*`filters` filters; the first two have `filters`.",
    ),
    Mistake(changed("bottleneck_long", plan=LONG_BOTTLENECK), LONG_KERNELS),
    Mistake(changed("bottleneck_high", plan=((1, 1), (1, (9, 1)), (4, 1))), LONG_KERNELS),
    Mistake(
        changed("bottleneck_5x5", plan=((1, 1), (1, 5), (4, 1))),
        "The middle convolution is 3x3, not 5x5.",
    ),
    Mistake(
        changed("bottleneck_all_3x3", plan=((1, 3), (1, 3), (4, 3))),
        "The first and last convolutions are 1x1; only the middle one is 3x3.",
    ),
    Mistake(
        changed("bottleneck_all_1x1", plan=((1, 1), (1, 1), (4, 1))),
        "The middle convolution is 3x3, not 1x1.",
    ),
    Mistake(
        changed("bottleneck_3x3_first", plan=((1, 3), (1, 1), (4, 1))),
        "The order is 1x1, 3x3, 1x1; here the 3x3 is the first.",
    ),
    Mistake(
        changed("bottleneck_3x3_last", plan=((1, 1), (1, 1), (4, 3))),
        "The order is 1x1, 3x3, 1x1; here the 3x3 is the last.",
    ),
    Mistake(
        bottleneck_stride_in_middle_as_pytorch,
        "The stride belongs to the first 1x1 convolution; on the 3x3, padded on both sides, it is "
        "PyTorch's variant.",
    ),
    Mistake(
        changed("bottleneck_stride_twice", plan=BOTTLENECK, build=bottleneck_twice_strided),
        "Only the first 1x1 convolution has the stride; the 3x3 has stride 1.",
    ),
    Mistake(bottleneck_relu_before_norm, RELU_BEFORE_NORM),
    Mistake(bottleneck_preactivation, PREACTIVATION),
    Mistake(bottleneck_full_preactivation, PREACTIVATION),
    Mistake(
        bottleneck_depthwise,
        "The 3x3 convolution is an ordinary one, not depthwise: every filter sees every channel.",
    ),
    Mistake(
        bottleneck_grouped,
        "The 3x3 convolution has no groups: every filter sees every channel.",
    ),
    Mistake(bottleneck_cropped, "The 3x3 convolution is `same`: it keeps the size of its input."),
    Mistake(
        bottleneck_shortcut_of_branch,
        "The shortcut starts at `x`, before the first convolution, not behind it.",
    ),
    Mistake(
        bottleneck_twice_and_idle,
        "The first two convolutions share one normalisation, and "
        "another one is idle: each needs one of its own.",
    ),
    Mistake(
        bottleneck_shared_norm,
        "The first two convolutions share one normalisation: each needs one of its own.",
    ),
    Mistake(
        bottleneck_norm_of_projection,
        "The projection uses the normalisation of the last convolution again, and another one is "
        "idle: each convolution needs one of its own.",
    ),
]


# resnet

FILTERS = (64, 128, 256, 512)


def stages(x, blocks, block=bottleneck_block, strides=(1, 2, 2, 2)):
    """The four stages; the first block of each has the stage's stride."""
    for count, filters, stride in zip(blocks, FILTERS, strides, strict=True):
        for number in range(count):
            x = block(x, filters, stride) if number == 0 else block(x, filters)
    return x


def stem(x):
    x = relu(conv_bn(x, 64, 7, 2))
    return layers.MaxPooling2D(3, strides=2, padding="same")(x)


def head(inputs, x, classes):
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def resnet(blocks, classes=1000, input_shape=(224, 224, 3)):
    """A ResNet of bottlenecks, as ResNet-50, 101 and 152 (He et al. 2015)."""
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


def resnet_of(block, blocks, classes, input_shape):
    inputs = keras.Input(input_shape)
    return head(inputs, stages(stem(inputs), blocks, block), classes)


def resnet_of_one_kernel(blocks, classes=1000, input_shape=(224, 224, 3)):
    return resnet_of(bottleneck_one_kernel, blocks, classes, input_shape)


def resnet_of_one_kernel_and_norm(blocks, classes=1000, input_shape=(224, 224, 3)):
    return resnet_of(bottleneck_one_kernel_and_norm, blocks, classes, input_shape)


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


def stem_like(
    x,
    filters=64,
    kernel=7,
    stride=2,
    activation="relu",
    pool=layers.MaxPooling2D,
    window=3,
    step=2,
    pad_pool=False,
    **options,
):
    """The stem with other options than the model answer's."""
    options = {"padding": "same", "use_bias": False, **options}
    x = layers.Conv2D(filters, kernel, stride, **options)(x)
    x = layers.Activation(activation)(layers.BatchNormalization()(x))
    if pad_pool:
        return pool(window, step)(layers.ZeroPadding2D(1)(x))
    return pool(window, step, padding="same")(x)


def head_like(
    inputs,
    x,
    classes,
    pool=layers.GlobalAveragePooling2D,
    hidden=(),
    last="softmax",
    bias=True,
):
    """The end of a net with other options than the model answer's."""
    x = pool()(x)
    for units in hidden:
        x = layers.Dense(units, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(classes, activation=last, use_bias=bias)(x))


def net_like(
    blocks,
    classes,
    input_shape,
    begin=stem,
    block=bottleneck_block,
    filters=FILTERS,
    after_stage=None,
    end=head,
):
    """A residual net with other parts than the model answer's."""
    inputs = keras.Input(input_shape)
    x = begin(inputs)
    for count, width, stride in zip(blocks, filters, (1, 2, 2, 2), strict=False):
        for number in range(count):
            x = block(x, width, stride if number == 0 else 1)
        x = after_stage(x) if after_stage else x
    return end(inputs, x, classes)


def changed_net(name, build=net_like, **options):
    """A net with other parts, as an answer with a name of its own."""

    def answer(blocks, classes=1000, input_shape=(224, 224, 3)):
        return build(blocks, classes, input_shape, **options)

    answer.__name__ = name
    return answer


def part(build, **options):
    """A stem, a block or a head with other options."""
    return lambda *arguments: build(*arguments, **options)


def pooled_by_two():
    return keras.Sequential([layers.AveragePooling2D(2, padding="same"), layers.Flatten()])


def summed():
    return layers.Lambda(lambda x: ops.sum(x, axis=(1, 2)))


def middle_position():
    return layers.Lambda(lambda x: x[:, x.shape[1] // 2, x.shape[2] // 2])


def twice(x):
    return ops.softmax(ops.softmax(x))


def relu_softmax(x):
    return ops.softmax(ops.relu(x))


def softmax_of_batch(x):
    return ops.softmax(x, axis=0)


def features_only(inputs, x, classes):
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(x))


def averaged_probabilities(inputs, x, classes):
    x = layers.Dense(classes, activation="softmax")(x)
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(x))


def normalised_end(inputs, x, classes):
    return head(inputs, relu(layers.BatchNormalization()(x)), classes)


def stem_without_order(x):
    """The pool stands before normalisation and ReLU."""
    x = layers.Conv2D(64, 7, 2, padding="same", use_bias=False)(x)
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    return relu(layers.BatchNormalization()(x))


def normalised_stem(x):
    return stem(layers.BatchNormalization()(x))


def stem_padded_alike(x):
    x = conv_bn(layers.ZeroPadding2D(3)(x), 64, 7, 2, padding="valid")
    return layers.MaxPooling2D(3, 2, padding="same")(relu(x))


def resnet_shared_blocks(blocks, classes=1000, input_shape=(224, 224, 3)):
    """The blocks of a stage behind its first are one layer, called again and again."""
    inputs = keras.Input(input_shape)
    x = stem(inputs)
    for count, filters, stride in zip(blocks, FILTERS, (1, 2, 2, 2), strict=True):
        x = BottleneckLayer(filters, stride)(x)
        again = BottleneckLayer(filters)
        for _ in range(count - 1):
            x = again(x)
    return head(inputs, x, classes)


def resnet_shared_from_third(blocks, classes=1000, input_shape=(224, 224, 3)):
    """From the third block of a stage on the second is called again; idle ones mend the count."""
    inputs = keras.Input(input_shape)
    x = stem(inputs)
    for count, filters, stride in zip(blocks, FILTERS, (1, 2, 2, 2), strict=True):
        x = BottleneckLayer(filters, stride)(x)
        second = BottleneckLayer(filters)
        for number in range(count - 1):
            idle = 0 * bottleneck_block(x, filters) if number else 0
            x = second(x) + idle
    return head(inputs, x, classes)


def resnet_fifty(blocks, classes=1000, input_shape=(224, 224, 3)):
    return resnet([3, 4, 6, 3], classes, input_shape)


def resnet_sorted_blocks(blocks, classes=1000, input_shape=(224, 224, 3)):
    return resnet(sorted(blocks), classes, input_shape)


def resnet_first_count(blocks, classes=1000, input_shape=(224, 224, 3)):
    return resnet([blocks[0]] * 4, classes, input_shape)


def resnet_one_block_fewer(blocks, classes=1000, input_shape=(224, 224, 3)):
    return resnet([max(count - 1, 1) for count in blocks], classes, input_shape)


def resnet_counted_from_one(blocks, classes=1000, input_shape=(224, 224, 3)):
    return resnet([count - 1 for count in blocks], classes, input_shape)


def resnet_three_blocks_at_most(blocks, classes=1000, input_shape=(224, 224, 3)):
    return resnet([min(count, 3) for count in blocks], classes, input_shape)


def resnet_three_stages(blocks, classes=1000, input_shape=(224, 224, 3)):
    return net_like(blocks[:3], classes, input_shape)


def resnet_strides_to_stage_three(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    return head(inputs, stages(stem(inputs), blocks, strides=(1, 2, 2, 1)), classes)


def resnet_stride_for_pool(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    x = relu(conv_bn(inputs, 64, 7, 2))
    return head(inputs, stages(x, blocks, strides=(2, 2, 2, 2)), classes)


def resnet_fifth_stage(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    x = bottleneck_block(stages(stem(inputs), blocks), 512, 2)
    return head(inputs, x, classes)


def resnet_map(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    x = layers.GlobalAveragePooling2D(keepdims=True)(stages(stem(inputs), blocks))
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def quarter_block(x, filters, stride=1):
    return bottleneck_block(x, filters // 4, stride)


def half_biased(x, filters, stride=1):
    """The branch has biases, the projection none."""
    return block_like(x, filters, stride, BOTTLENECK, shortcut=unbiased, use_bias=True)


def unbiased(x, filters, stride, norm):
    return projection(x, filters, stride, norm)


def resnet_thousand(blocks, classes=1000, input_shape=(224, 224, 3)):
    return resnet(blocks, 1000, input_shape)


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
    Mistake(
        changed_net("resnet_stride_last", block=bottleneck_stride_last),
        "The stride of a bottleneck belongs to its first 1x1 convolution, not to the last.",
    ),
    Mistake(changed_net("resnet_biases", block=bottleneck_with_bias), BIAS),
    Mistake(
        changed_net("resnet_projection_norm", block=bottleneck_projection_without_norm),
        PROJECTION_NORM,
    ),
    Mistake(
        changed_net("resnet_always_projected", block=bottleneck_always_projected),
        "Only the first block of a stage has a 1x1 convolution in its shortcut; in the others the "
        "shortcut is `x` itself.",
    ),
    Mistake(
        changed_net("resnet_relu_before_add", block=bottleneck_relu_before_and_after),
        "In the blocks: " + RELU_BEFORE_ADD,
    ),
    Mistake(
        changed_net("resnet_no_last_relu", block=bottleneck_without_last_relu),
        "A ReLU is missing at the end of each block, after the addition.",
    ),
    Mistake(
        changed_net("resnet_one_relu", block=bottleneck_one_relu),
        "In the blocks, the 3x3 convolution and its normalisation need a ReLU too.",
    ),
    Mistake(
        changed_net(
            "resnet_linear_inside",
            block=part(block_like, plan=BOTTLENECK, inner=("linear", "linear")),
        ),
        "In the blocks, a ReLU follows the first two normalisations.",
    ),
    Mistake(
        changed_net("resnet_relu_before_norm", block=bottleneck_relu_before_norm),
        "In the blocks: " + RELU_BEFORE_NORM,
    ),
    Mistake(changed_net("resnet_preactivation", block=bottleneck_preactivation), PREACTIVATION),
    Mistake(changed_net("resnet_average_shortcut", block=bottleneck_average_shortcut), AVERAGE),
    Mistake(
        changed_net("resnet_not_widened", block=bottleneck_not_widened),
        "The blocks of a stage with n filters give 4*n channels.",
    ),
    Mistake(
        changed_net("resnet_long_kernels", block=part(block_like, plan=LONG_BOTTLENECK)),
        "In the blocks: " + LONG_KERNELS,
    ),
    Mistake(
        changed_net(
            "resnet_shortcut_twice",
            block=part(block_like, plan=BOTTLENECK, add=lambda x, y: x + y + x),
        ),
        "In the blocks, the shortcut is added twice.",
    ),
    *[
        Mistake(
            changed_net(
                f"resnet_{name}",
                begin=part(stem_like, activation=name),
                block=part(block_like, plan=BOTTLENECK, inner=(name, name), last=name),
            ),
            f"The activations are ReLU, not {name}.",
        )
        for name in ("tanh", "relu6", "leaky_relu", "gelu")
    ],
    Mistake(
        changed_net(
            "resnet_layer_norm",
            block=part(block_like, plan=BOTTLENECK, norm=layers.LayerNormalization),
        ),
        "The blocks have layer normalisation; batch normalisation is asked for.",
    ),
    Mistake(
        resnet_shared_from_third,
        "From the third block of a stage on the second one is used again: each block has layers of "
        "its own, and all of them reach the output.",
    ),
    Mistake(
        resnet_shared_blocks,
        "The blocks of a stage are one layer called several times, so that they share their "
        "weights: make a new one for each.",
    ),
    Mistake(
        changed_net("resnet_valid_stem", begin=part(stem_like, padding="valid")),
        "The 7x7 convolution of the stem has `same` padding.",
    ),
    Mistake(
        changed_net("resnet_stem_padded_alike", begin=stem_padded_alike),
        "The 7x7 convolution pads as PyTorch does, three zeros on each side: use Keras's `same`, "
        "which puts an odd zero last.",
    ),
    Mistake(
        changed_net("resnet_pool_padded_alike", begin=part(stem_like, pad_pool=True)),
        "The max pool pads as PyTorch does, one on each side: use Keras's `same`, which puts an "
        "odd one last.",
    ),
    Mistake(
        changed_net("resnet_stem_stride_one", begin=part(stem_like, stride=1)),
        "The 7x7 convolution of the stem has stride 2.",
    ),
    *[
        Mistake(
            changed_net(f"resnet_stem_{side}x{side}", begin=part(stem_like, kernel=side)),
            f"The convolution of the stem is 7x7, not {side}x{side}.",
        )
        for side in (3, 5)
    ],
    Mistake(
        changed_net("resnet_narrow_stem", begin=part(stem_like, filters=32)),
        "The 7x7 convolution of the stem has 64 filters.",
    ),
    Mistake(
        changed_net("resnet_pool_by_three", begin=part(stem_like, step=3)),
        "The max pool of the stem has stride 2: without `strides` it takes that of its window, 3.",
    ),
    Mistake(
        changed_net("resnet_pool_before_norm", begin=stem_without_order),
        "The order of the stem is convolution, normalisation, ReLU, pool; here the pool comes "
        "before the normalisation.",
    ),
    Mistake(
        changed_net("resnet_normalised_input", begin=normalised_stem),
        "The picture goes straight into the 7x7 convolution, without a normalisation before it.",
    ),
    Mistake(
        changed_net("resnet_normalised_end", end=normalised_end),
        "The last stage goes straight into the global pool: the BN and ReLU there belong to the "
        "pre-activation net.",
    ),
    Mistake(
        changed_net("resnet_equal_filters", filters=(64,) * 4),
        "The filters double from stage to stage: 64, 128, 256, 512.",
    ),
    Mistake(
        changed_net("resnet_narrow", filters=(32, 64, 128, 256)),
        "The stages have 64, 128, 256 and 512 filters; yours have half as many.",
    ),
    Mistake(
        changed_net("resnet_to_256", filters=(64, 128, 256, 256)),
        "The last stage has 512 filters.",
    ),
    Mistake(
        changed_net("resnet_reversed_filters", filters=FILTERS[::-1]),
        "The filters grow from the first stage on: 64, 128, 256, 512. Here a later number stands "
        "first.",
    ),
    Mistake(
        changed_net(
            "resnet_pool_after_stages",
            after_stage=lambda x: layers.MaxPooling2D(2, padding="same")(x),
        ),
        "No pool follows a stage: the strides of its first block make the maps smaller.",
    ),
    Mistake(
        resnet_counted_from_one,
        "Each stage is a block short of `blocks`: does the loop begin at 1, or end one too early?",
    ),
    Mistake(
        resnet_three_blocks_at_most,
        "A stage may have more than three blocks: `blocks` says how many.",
    ),
    Mistake(
        changed_net("resnet_widened_twice", filters=(256, 512, 1024, 2048)),
        "64, 128, 256 and 512 are the filters of the blocks' first two convolutions; the block "
        "itself takes four times as many for the third.",
    ),
    Mistake(resnet_three_stages, "There are four stages; yours has three."),
    Mistake(
        changed_net("resnet_pooled_by_two", end=part(head_like, pool=pooled_by_two)),
        "The pool at the end takes the mean over the whole map, not over windows of 2x2.",
    ),
    Mistake(
        changed_net("resnet_sum", end=part(head_like, pool=summed)),
        "The global pool at the end takes the mean, not the sum.",
    ),
    Mistake(
        changed_net("resnet_middle", end=part(head_like, pool=middle_position)),
        "The global pool takes the mean of all positions; yours takes one position.",
    ),
    Mistake(
        changed_net("resnet_hidden", end=part(head_like, hidden=(256,))),
        "One dense layer follows the global pool, without a hidden one between.",
    ),
    Mistake(
        changed_net("resnet_head_without_bias", end=part(head_like, bias=False)),
        "The dense layer at the end has a bias.",
    ),
    Mistake(
        changed_net("resnet_softmax_twice", end=part(head_like, last=twice)),
        "The softmax is taken twice.",
    ),
    Mistake(
        changed_net("resnet_relu_of_scores", end=part(head_like, last=relu_softmax)),
        "The scores go straight into the softmax, without a ReLU.",
    ),
    Mistake(
        changed_net("resnet_softmax_of_batch", end=part(head_like, last=softmax_of_batch)),
        "The softmax is taken over the batch (axis 0); it belongs over the classes, the last axis.",
    ),
    Mistake(
        changed_net("resnet_averaged_probabilities", end=averaged_probabilities),
        "The mean comes first, then the dense layer and its softmax; here probabilities of the "
        "positions are averaged.",
    ),
    Mistake(
        changed_net("resnet_features", end=features_only),
        "The dense layer with its softmax is missing at the end.",
    ),
    Mistake(resnet_strides_to_stage_three, "The first block of stage four has stride 2 as well."),
    Mistake(
        resnet_stride_for_pool,
        "The 3x3/2 max pool of the stem makes the map smaller there, not a stride in the first "
        "stage.",
    ),
    Mistake(resnet_fifth_stage, "There are four stages; yours has a block more behind them."),
    Mistake(
        resnet_map,
        "The output is a map of 1x1: the global pool must give a vector (no `keepdims`), so that "
        "the output is (N, classes).",
    ),
    Mistake(
        changed_net("resnet_quarter", block=quarter_block),
        "The blocks of a stage with n filters give 4*n channels; here n is what they give.",
    ),
    Mistake(changed_net("resnet_half_biased", block=half_biased), BIAS),
    Mistake(
        changed_net(
            "resnet_zeros_appended",
            block=part(block_like, plan=BOTTLENECK, shortcut=zeros_appended),
        ),
        "In the blocks: where the shape changes, the shortcut is a 1x1 convolution and its BN, "
        "not padded with zeros.",
    ),
    Mistake(resnet_thousand, "Use the argument `classes`, whatever its value."),
    Mistake(resnet_fifty, "Use `blocks`: this is ResNet-50 whatever it says."),
    Mistake(resnet_sorted_blocks, "The block counts go with the stages in the order given."),
    Mistake(resnet_first_count, "Use all of `blocks`: stage i has blocks[i] blocks."),
    Mistake(
        resnet_one_block_fewer,
        "Stages of two blocks or more have one too few: `blocks` counts the first one too.",
    ),
]


# What is tried


def fed(
    rng: np.random.Generator, channels: int, filters: int, even: bool = False, **options: int
) -> Trial:
    """A map of an even and an odd side, in either order, neither of them a number of channels.

    Or of two `even` ones, as most maps of a net have.
    """
    taken = (channels, filters, 4 * filters)
    evens = [side for side in (6, 8, 10, 12) if side not in taken]
    sides = [int(side) for side in rng.choice(evens, 2, replace=False)]
    if not even:
        sides[1] = int(rng.choice([side for side in (5, 7, 9) if side not in taken]))
    height, width = sides if rng.integers(2) else sides[::-1]
    return trial(x=Input((height, width, channels)), filters=filters, **options)


def numbers(rng: np.random.Generator, low: int, high: int, count: int) -> list[int]:
    """Different whole numbers from `low` to `high`."""
    return [int(n) for n in rng.choice(np.arange(low, high + 1), count, replace=False)]


def residual_trials(rng: np.random.Generator) -> list[Trial]:
    """Nothing changes; the stride alone; the channels alone, more and fewer; both, even sides."""
    c, d = (2 * half for half in numbers(rng, 2, 4, 2))
    others = [int(n) for n in rng.permutation(np.arange(3, 10)) if n not in (c, d)]
    a, b, e, f = others[:4]
    few, many = sorted((c, d))
    return [
        fed(rng, a, a),
        fed(rng, b, b, stride=3),
        fed(rng, few, many),
        fed(rng, many, few),
        fed(rng, e, f, stride=2, even=True),
    ]


def zero_pad_trials(rng: np.random.Generator) -> list[Trial]:
    a, b, c, d = numbers(rng, 2, 5, 4)
    return [
        fed(rng, a, a + 3, stride=2),
        fed(rng, b, b + 4, stride=1),
        fed(rng, c, c, stride=3),
        fed(rng, d, d + 1, stride=2, even=True),
    ]


def bottleneck_trials(rng: np.random.Generator) -> list[Trial]:
    """Nothing changes; the stride alone; the channels alone, more of them and fewer; both."""
    a, b, c, d = numbers(rng, 2, 5, 4)
    return [
        fed(rng, 4 * a, a),
        fed(rng, 4 * b, b, stride=3),
        fed(rng, c, c),
        fed(rng, 4 * a + 3, a),
        fed(rng, 11, d, stride=2, even=True),
    ]


def resnet_trials(rng: np.random.Generator) -> list[Trial]:
    """A last map of 2x2; one side even up to the pool, one odd; two and three blocks in two stages.

    One block in each of the last stages, whose every further one takes up to 18 MB of a grading
    process. A net that is only counted has another number of blocks in every stage, four in one,
    and a last map of 5x5 or so.
    """
    shape = (int(rng.choice([36, 40])), int(rng.choice([33, 37])), int(rng.choice([2, 4])))
    if rng.integers(2):
        shape = (shape[1], shape[0], shape[2])
    blocks = [[3, 2, 1, 1], [2, 3, 1, 1]][int(rng.integers(2))]
    more = [[1, 4, 2, 3], [4, 1, 3, 2]][int(rng.integers(2))]
    classes = int(rng.choice([5, 6, 7, 9, 10, 11]))  # 8 * 2048 is 64 * 256, other weights' number
    large = (4 * shape[0], 4 * shape[1], shape[2])
    return [
        trial(shape, blocks=blocks, classes=classes, input_shape=shape),
        counted(large, blocks=more, classes=2, input_shape=large),
    ]


# Large enough for the epsilon of a normalisation, which is free, to be lost beside the variance;
# small enough for a term that an answer adds before a normalisation to show.
KERNELS = 400.0

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
            Accepted(residual_cut_kernel),
            Accepted(residual_joint_norm, representation="one normalisation for both ways"),
            Accepted(residual_joint_norm_branch_first, representation="the same, branch first"),
        ],
        mistakes=RESIDUAL_MISTAKES,
        plan={"kernels": KERNELS},
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
        tolerance=1e-5,  # values are moved, not computed
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
            Accepted(
                bottleneck_one_kernel_and_norm,
                representation="the same, and their normalisations are one too",
            ),
            Accepted(
                bottleneck_one_kernel_shortcut_first,
                representation="the same, the projection before the first 1x1",
            ),
            Accepted(bottleneck_nine_products),
        ],
        mistakes=BOTTLENECK_MISTAKES,
        plan={"kernels": KERNELS},
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
            Accepted(
                resnet_of_one_kernel,
                representation="the projection and the first 1x1 are one kernel in each block",
            ),
            Accepted(
                resnet_of_one_kernel_and_norm,
                representation="the same, and their normalisations are one too",
            ),
        ],
        mistakes=RESNET_MISTAKES,
        plan={"batch": 2, "kernels": KERNELS, "vectors": 1.5, "probabilities": True},
    ),
]

_OPTIONS = "options = {'padding': 'same', 'use_bias': False, **options}"
_ZIP = "for count, filters, stride in zip(blocks, FILTERS, strides"
EQUIVALENT_MUTANTS = {
    f"conv_bn: {_OPTIONS} -> (twice)": "the same defaults again",
    f"stages: {_ZIP}, strict=True): -> {_ZIP}):": "there are four of each",
    f"stages: {_ZIP}, strict=True): -> {_ZIP}, strict=False):": "there are four of each",
}
