"""Answers to `resnet`, right and wrong."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import keras
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import (
    FILTERS,
    bottleneck_block,
    conv_bn,
    head,
    projected,
    relu,
    residual_block,
    resnet,
    stem,
)
from . import bottleneck_block as bottlenecks
from ._either_block import average_shortcut, projection_without_norm, zeros_appended
from ._shared import (
    BIAS,
    BOTTLENECK,
    LONG_KERNELS,
    POOLED_SHORTCUT,
    PREACTIVATION,
    PROJECTION_NORM,
    RELU_BEFORE_ADD,
    RELU_BEFORE_NORM,
    ConvNorm,
    Convolution,
    HandMadeNorm,
    RawConvolution,
    conv,
    padded,
)

bank = Bank(resnet)


# Nets of parts: a wrong answer is often one with a single part exchanged


def first_layers(x, filters=64, kernel=7, stride=2, activation="relu", **options):
    """The stem before its pool."""
    return layers.Activation(activation)(conv_bn(x, filters, kernel, stride, **options))


def pool(x, window=3, stride=2, kind=layers.MaxPooling2D):
    """The pool of the stem."""
    return kind(window, stride, padding="same")(x)


def mean(x):
    """Of each channel, over the whole map."""
    return layers.GlobalAveragePooling2D()(x)


def scores(x, classes, activation="softmax", bias=True):
    """What the net gives for each class."""
    return layers.Dense(classes, activation=activation, use_bias=bias)(x)


@dataclass(frozen=True)
class Net:
    """The parts of a residual net in their order, each the model answer's unless given.

    It is called as an answer is, and builds the net: `Net(strides=(1, 1, 1, 1))` is one that does
    not make its maps smaller.

    Attributes:
        first, pool: the two parts of the stem.
        block: called with the map, the filters and the stride.
        filters, strides: of the stages; the first block of each has the stride.
        gather: makes a vector of the last map.
        scores: called with that vector and the number of classes.
    """

    first: Callable = first_layers
    pool: Callable = pool
    block: Callable = bottleneck_block
    filters: tuple[int, ...] = FILTERS
    strides: tuple[int, ...] = (1, 2, 2, 2)
    gather: Callable = mean
    scores: Callable = scores

    def __call__(self, blocks, classes=1000, input_shape=(224, 224, 3)):
        inputs = keras.Input(input_shape)
        x = self.pool(self.first(inputs))
        for count, filters, stride in zip(blocks, self.filters, self.strides, strict=False):
            for number in range(count):
                x = self.block(x, filters, stride if number == 0 else 1)
        return keras.Model(inputs, self.scores(self.gather(x), classes))


# Right


@bank.accepted
def sequential(blocks, classes=1000, input_shape=(224, 224, 3)):
    net = keras.Sequential([keras.Input(input_shape), ConvNorm(64, 7, 2, "relu")])
    net.add(layers.MaxPool2D((3, 3), (2, 2), padding="same"))
    for stage, count in enumerate(blocks):
        for number in range(count):
            stride = 2 if stage > 0 and number == 0 else 1
            net.add(bottlenecks.BottleneckLayer(64 * 2**stage, stride))
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
                self.units.append(bottlenecks.BottleneckLayer(filters, stride))

    def call(self, x, training=None):
        x = self.pool(ops.relu(self.norm(self.conv(x), training=training)))
        for unit in self.units:
            x = unit(x, training=training)
        return self.out(ops.mean(x, axis=(1, 2)))


@bank.accepted
def as_subclass(blocks, classes=1000, input_shape=(224, 224, 3)):
    model = ResidualNet(blocks, classes)
    model.build((None, *input_shape))
    return model


@bank.accepted
def of_raw_weights(blocks, classes=1000, input_shape=(224, 224, 3)):
    return Net(
        first=lambda x: ops.relu(HandMadeNorm()(RawConvolution(64, 7, 2)(x))),
        pool=lambda x: ops.max_pool(x, 3, 2, padding="same"),
        block=bottlenecks.of_raw_weights,
        gather=lambda x: ops.mean(x, axis=(1, 2)),
        scores=lambda x, classes: ops.softmax(layers.Dense(classes)(x)),
    )(blocks, classes, input_shape)


@bank.accepted
def of_equivalents(blocks, classes=1000, input_shape=(224, 224, 3)):
    """Explicit padding (after the ReLU zeros serve a maximum too), Dense layers, a flat pool."""

    def scores(x, classes):
        return layers.Activation("softmax")(layers.Dense(classes)(layers.Dropout(0.1)(x)))

    return Net(
        first=lambda x: relu(conv_bn(padded(x, 7, 2), 64, 7, 2, padding="valid")),
        pool=lambda x: layers.MaxPooling2D(3, 2)(padded(x, 3, 2)),
        block=bottlenecks.dense_for_1x1,
        gather=lambda x: layers.Flatten()(layers.AveragePooling2D(x.shape[1:3])(x)),
        scores=scores,
    )(blocks, classes, input_shape)


@bank.accepted(representation="the projection and the first 1x1 are one kernel in each block")
def of_one_kernel(blocks, classes=1000, input_shape=(224, 224, 3)):
    return Net(block=bottlenecks.one_kernel)(blocks, classes, input_shape)


@bank.accepted(representation="the same, and their normalisations are one too")
def of_one_kernel_and_norm(blocks, classes=1000, input_shape=(224, 224, 3)):
    return Net(block=bottlenecks.one_kernel_and_norm)(blocks, classes, input_shape)


# Wrong: the stem

bank.variant(
    "narrow_stem",
    "The 7x7 convolution of the stem has 64 filters.",
    Net(first=partial(first_layers, filters=32)),
)
bank.variant(
    "stem_3x3",
    "The convolution of the stem is 7x7, not 3x3.",
    Net(first=partial(first_layers, kernel=3)),
)
bank.variant(
    "normalised_input",
    "The picture goes straight into the 7x7 convolution, without a normalisation before it.",
    Net(first=lambda x: first_layers(layers.BatchNormalization()(x))),
)
bank.variant(
    "valid_pool",
    "The max pool of the stem has `same` padding.",
    Net(pool=lambda x: layers.MaxPooling2D(3, 2)(x)),
)
bank.variant(
    "average_pool",
    "The pool of the stem takes the maximum, not the mean.",
    Net(pool=partial(pool, kind=layers.AveragePooling2D)),
)
bank.variant(
    "small_pool",
    "The max pool of the stem is 3x3 with stride 2, not 2x2.",
    Net(pool=partial(pool, window=2)),
)
bank.variant(
    "pool_by_three",
    "The max pool of the stem has stride 2: without `strides` it takes that of its window, 3.",
    Net(pool=partial(pool, stride=3)),
)
bank.variant(
    "pool_before_norm",
    "The order of the stem is convolution, normalisation, ReLU, pool; here the pool comes before "
    "the normalisation.",
    Net(
        first=lambda x: conv(x, 64, 7, 2),
        pool=lambda x: relu(layers.BatchNormalization()(pool(x))),
    ),
)


def padded_alike(x):
    """The first layers with three zeros on each side."""
    return first_layers(layers.ZeroPadding2D(3)(x), padding="valid")


def pool_padded_alike(x):
    """The pool with one zero on each side."""
    return layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))


bank.variant(
    "stem_padded_alike",
    "The 7x7 convolution pads as PyTorch does, three zeros on each side: use Keras's `same`, which "
    "puts an odd zero last.",
    Net(first=padded_alike),
)
bank.variant(
    "pool_padded_alike",
    "The max pool pads as PyTorch does, one on each side: use Keras's `same`, which puts an odd "
    "one last.",
    Net(pool=pool_padded_alike),
)
bank.variant(
    "both_padded_alike",
    "The stem pads as PyTorch does, alike on both sides: use Keras's `same`, which puts an odd "
    "zero last.",
    Net(first=padded_alike, pool=pool_padded_alike),
)


# Wrong: how many blocks, and how wide


@bank.mistake("Each stage has one block too many: `blocks` counts them all.")
def one_block_more(blocks, classes=1000, input_shape=(224, 224, 3)):
    return resnet([count + 1 for count in blocks], classes, input_shape)


@bank.mistake("Stages of two blocks or more have one too few: `blocks` counts the first one too.")
def one_block_fewer(blocks, classes=1000, input_shape=(224, 224, 3)):
    return resnet([max(count - 1, 1) for count in blocks], classes, input_shape)


@bank.mistake(
    "Each stage is a block short of `blocks`: does the loop begin at 1, or end one too early?"
)
def counted_from_one(blocks, classes=1000, input_shape=(224, 224, 3)):
    return resnet([count - 1 for count in blocks], classes, input_shape)


@bank.mistake("Use `blocks`: stage i has blocks[i] blocks.")
def one_block_a_stage(blocks, classes=1000, input_shape=(224, 224, 3)):
    return resnet([1, 1, 1, 1], classes, input_shape)


@bank.mistake("Use all of `blocks`: stage i has blocks[i] blocks.")
def first_count_everywhere(blocks, classes=1000, input_shape=(224, 224, 3)):
    return resnet([blocks[0]] * 4, classes, input_shape)


@bank.mistake("A stage may have more than three blocks: `blocks` says how many.")
def three_blocks_at_most(blocks, classes=1000, input_shape=(224, 224, 3)):
    return resnet([min(count, 3) for count in blocks], classes, input_shape)


@bank.mistake("Use `blocks`: this is ResNet-50 whatever it says.")
def resnet_50(blocks, classes=1000, input_shape=(224, 224, 3)):
    return resnet([3, 4, 6, 3], classes, input_shape)


@bank.mistake("The block counts go with the stages in the order given.")
def reversed_blocks(blocks, classes=1000, input_shape=(224, 224, 3)):
    return resnet(blocks[::-1], classes, input_shape)


@bank.mistake("The block counts go with the stages in the order given.")
def sorted_blocks(blocks, classes=1000, input_shape=(224, 224, 3)):
    return resnet(sorted(blocks), classes, input_shape)


bank.variant("three_stages", "There are four stages; yours has three.", Net(filters=FILTERS[:3]))
bank.variant(
    "fifth_stage",
    "There are four stages; yours has a block more behind them.",
    Net(gather=lambda x: mean(bottleneck_block(x, 512, 2))),
)
bank.variant(
    "equal_filters",
    "The filters double from stage to stage: 64, 128, 256, 512.",
    Net(filters=(64,) * 4),
)
bank.variant(
    "narrow",
    "The stages have 64, 128, 256 and 512 filters; yours have half as many.",
    Net(filters=(32, 64, 128, 256)),
)
bank.variant("filters_to_256", "The last stage has 512 filters.", Net(filters=(64, 128, 256, 256)))
bank.variant(
    "reversed_filters",
    "The filters grow from the first stage on: 64, 128, 256, 512. Here a later number stands "
    "first.",
    Net(filters=FILTERS[::-1]),
)
bank.variant(
    "widened_twice",
    "64, 128, 256 and 512 are the filters of the blocks' first two convolutions; the block itself "
    "takes four times as many for the third.",
    Net(filters=(256, 512, 1024, 2048)),
)


# Wrong: the strides of the stages

bank.variant(
    "without_strides",
    "The first block of stages two, three and four has stride 2.",
    Net(strides=(1, 1, 1, 1)),
)
bank.variant(
    "strides_to_stage_three",
    "The first block of stage four has stride 2 as well.",
    Net(strides=(1, 2, 2, 1)),
)
bank.variant(
    "stride_in_first_stage",
    "The first stage keeps the size: the max pool before it has halved it already.",
    Net(strides=(2, 2, 2, 2)),
)
bank.variant(
    "stride_for_pool",
    "The 3x3/2 max pool of the stem makes the map smaller there, not a stride in the first stage.",
    Net(pool=lambda x: x, strides=(2, 2, 2, 2)),
)


@bank.mistake("Only the first block of a stage has stride 2.")
def stride_in_every_block(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    x = stem(inputs)
    for stage, count in enumerate(blocks):
        for _ in range(count):
            x = bottleneck_block(x, 64 * 2**stage, 2 if stage else 1)
    return keras.Model(inputs, head(x, classes))


@bank.mistake("In each stage the first block has the stride, not the last.")
def stride_in_last_block(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    x = stem(inputs)
    for stage, count in enumerate(blocks):
        for number in range(count):
            x = bottleneck_block(x, 64 * 2**stage, 2 if stage and number == count - 1 else 1)
    return keras.Model(inputs, head(x, classes))


@bank.mistake("No pool follows a stage: the strides of its first block make the maps smaller.")
def pool_after_stages(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    x = stem(inputs)
    for stage, count in enumerate(blocks):
        for number in range(count):
            x = bottleneck_block(x, 64 * 2**stage, 2 if stage and number == 0 else 1)
        x = layers.MaxPooling2D(2, padding="same")(x)
    return keras.Model(inputs, head(x, classes))


# Wrong: the blocks are others

bank.variant(
    "basic_blocks",
    "The stages are made of bottleneck blocks.",
    Net(block=residual_block),
)
bank.variant(
    "without_shortcuts",
    "The blocks have no shortcuts.",
    Net(block=lambda x, filters, stride: relu(BOTTLENECK.branch(x, filters, stride))),
)
bank.variant(
    "quarter_of_filters",
    "The blocks of a stage with n filters give 4*n channels; here n is what they give.",
    Net(block=lambda x, filters, stride: bottleneck_block(x, filters // 4, stride)),
)
bank.variant(
    "not_widened",
    "The blocks of a stage with n filters give 4*n channels.",
    Net(block=BOTTLENECK.of(Convolution(1), Convolution(3), Convolution(1))),
)
bank.variant(
    "long_kernels",
    "In the blocks: " + LONG_KERNELS,
    Net(block=BOTTLENECK.of(Convolution(1), Convolution((1, 9)), Convolution(1, times=4))),
)
bank.variant(
    "stride_in_middle",
    "The stride of a bottleneck belongs to its first 1x1 convolution, not to the 3x3.",
    Net(block=bottlenecks.stride_in_middle),
)
bank.variant(
    "stride_last",
    "The stride of a bottleneck belongs to its first 1x1 convolution, not to the last.",
    Net(block=bottlenecks.stride_last),
)
bank.variant("biases", BIAS, Net(block=bottlenecks.with_bias))
bank.variant(
    "always_projected",
    "Only the first block of a stage has a 1x1 convolution in its shortcut; in the others the "
    "shortcut is `x` itself.",
    Net(block=replace(BOTTLENECK, projects=lambda *sizes: True)),
)
bank.variant(
    "projection_without_norm",
    PROJECTION_NORM,
    Net(block=replace(BOTTLENECK, projection=projection_without_norm)),
)
bank.variant(
    "average_shortcut",
    POOLED_SHORTCUT,
    Net(block=replace(BOTTLENECK, projection=average_shortcut)),
)
bank.variant(
    "zeros_appended",
    "In the blocks: where the shape changes, the shortcut is a 1x1 convolution and its BN, not "
    "padded with zeros.",
    Net(block=replace(BOTTLENECK, projection=zeros_appended)),
)
bank.variant(
    "shortcut_twice",
    "In the blocks, the shortcut is added twice.",
    Net(block=replace(BOTTLENECK, add=lambda x, y: x + y + x)),
)
bank.variant(
    "relu_before_add",
    "In the blocks: " + RELU_BEFORE_ADD,
    Net(block=replace(BOTTLENECK, add=lambda x, y: x + relu(y))),
)
bank.variant(
    "without_last_relu",
    "A ReLU is missing at the end of each block, after the addition.",
    Net(block=replace(BOTTLENECK, last="linear")),
)
bank.variant(
    "linear_inside",
    "In the blocks, a ReLU follows the first two normalisations.",
    Net(block=replace(BOTTLENECK, inner="linear")),
)
bank.variant(
    "middle_linear",
    "In the blocks, the 3x3 convolution and its normalisation need a ReLU too.",
    Net(block=bottlenecks.middle_linear),
)
bank.variant(
    "relu_before_norm",
    "In the blocks: " + RELU_BEFORE_NORM,
    Net(block=bottlenecks.relu_before_norm),
)
bank.variant("preactivation", PREACTIVATION, Net(block=bottlenecks.preactivation))
bank.variant(
    "layer_norm",
    "The blocks have layer normalisation; batch normalisation is asked for.",
    Net(block=BOTTLENECK.normed_by(layers.LayerNormalization)),
)
for activation in ("relu6", "leaky_relu", "gelu"):
    bank.variant(
        activation,
        f"The activations are ReLU, not {activation}.",
        Net(
            first=partial(first_layers, activation=activation),
            block=replace(BOTTLENECK, inner=activation, last=activation),
        ),
    )


def biased_branch(x, filters, stride):
    """The branch has biases, the projection none."""
    y = relu(conv_bn(x, filters, 1, stride, use_bias=True))
    y = relu(conv_bn(y, filters, 3, use_bias=True))
    y = conv_bn(y, 4 * filters, 1, use_bias=True)
    return relu(y + projected(x, 4 * filters, stride))


bank.variant("biases_of_branch", BIAS, Net(block=biased_branch))


@bank.mistake(
    "The blocks of a stage are one layer called several times, so that they share their weights: "
    "make a new one for each."
)
def shared_blocks(blocks, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    x = stem(inputs)
    for count, filters, stride in zip(blocks, FILTERS, (1, 2, 2, 2), strict=True):
        x = bottlenecks.BottleneckLayer(filters, stride)(x)
        again = bottlenecks.BottleneckLayer(filters)
        for _ in range(count - 1):
            x = again(x)
    return keras.Model(inputs, head(x, classes))


@bank.mistake(
    "From the third block of a stage on the second one is used again: each block has layers of its "
    "own, and all of them reach the output."
)
def shared_from_third(blocks, classes=1000, input_shape=(224, 224, 3)):
    """Idle blocks mend the count."""
    inputs = keras.Input(input_shape)
    x = stem(inputs)
    for count, filters, stride in zip(blocks, FILTERS, (1, 2, 2, 2), strict=True):
        x = bottlenecks.BottleneckLayer(filters, stride)(x)
        second = bottlenecks.BottleneckLayer(filters)
        for number in range(count - 1):
            idle = 0 * bottleneck_block(x, filters) if number else 0
            x = second(x) + idle
    return keras.Model(inputs, head(x, classes))


# Wrong: from the last map to the classes

bank.variant(
    "normalised_end",
    "The last stage goes straight into the global pool: the BN and ReLU there belong to the "
    "pre-activation net.",
    Net(gather=lambda x: mean(relu(layers.BatchNormalization()(x)))),
)
bank.variant(
    "flattened",
    "A global average pool comes before the dense layer, which otherwise gets a weight for every "
    "position.",
    Net(gather=lambda x: layers.Flatten()(x)),
)
bank.variant(
    "global_maximum",
    "The global pool at the end takes the mean, not the maximum.",
    Net(gather=lambda x: layers.GlobalMaxPooling2D()(x)),
)
bank.variant(
    "summed",
    "The global pool at the end takes the mean, not the sum.",
    Net(gather=lambda x: ops.sum(x, axis=(1, 2))),
)
bank.variant(
    "middle_position",
    "The global pool takes the mean of all positions; yours takes one position.",
    Net(gather=lambda x: x[:, x.shape[1] // 2, x.shape[2] // 2]),
)
bank.variant(
    "pooled_by_two",
    "The pool at the end takes the mean over the whole map, not over windows of 2x2.",
    Net(gather=lambda x: layers.Flatten()(pool(x, 2, kind=layers.AveragePooling2D))),
)
bank.variant(
    "map_at_end",
    "The output is a map of 1x1: the global pool must give a vector (no `keepdims`), so that the "
    "output is (N, classes).",
    Net(gather=lambda x: layers.GlobalAveragePooling2D(keepdims=True)(x)),
)
bank.variant(
    "averaged_probabilities",
    "The mean comes first, then the dense layer and its softmax; here probabilities of the "
    "positions are averaged.",
    Net(gather=lambda x: x, scores=lambda x, classes: mean(scores(x, classes))),
)
bank.variant(
    "hidden_layer",
    "One dense layer follows the global pool, without a hidden one between.",
    Net(scores=lambda x, classes: scores(layers.Dense(256, activation="relu")(x), classes)),
)
bank.variant(
    "sigmoid",
    "The dense layer at the end has a softmax, not a sigmoid.",
    Net(scores=partial(scores, activation="sigmoid")),
)
bank.variant(
    "softmax_twice",
    "The softmax is taken twice.",
    Net(scores=lambda x, classes: ops.softmax(scores(x, classes))),
)
bank.variant(
    "relu_of_scores",
    "The scores go straight into the softmax, without a ReLU.",
    Net(scores=lambda x, classes: ops.softmax(scores(x, classes, "relu"))),
)
bank.variant(
    "softmax_of_batch",
    "The softmax is taken over the batch (axis 0); it belongs over the classes, the last axis.",
    Net(scores=lambda x, classes: ops.softmax(scores(x, classes, None), axis=0)),
)
