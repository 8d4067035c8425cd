"""Answers to `mobilenet_v2`, right and wrong."""

from functools import partial

import keras
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import (
    ROWS,
    depthwise,
    first,
    head,
    inverted_residual,
    mobilenet_v2,
    pointwise,
    relu6,
    stages,
)
from .inverted_residual import Inverted

bank = Bank(mobilenet_v2)


def blocks(
    x, rows=ROWS, block=inverted_residual, strides=lambda number, count, stride: number == 0
):
    """The blocks of rows; `strides` says which of a row have its stride."""
    for expansion, filters, count, stride in rows:
        for number in range(count):
            here = stride if strides(number, count, stride) else 1
            x = block(x, expansion, filters, here)
    return x


def net(classes, start=first, middle=blocks, end=head):
    """MobileNetV2 of three parts, each the model answer's unless given."""
    inputs = keras.Input((224, 224, 3))
    return keras.Model(inputs, end(middle(start(inputs)), classes))


def with_rows(classes, rows):
    """The net of another table."""
    return net(classes, middle=partial(blocks, rows=rows))


# Right


@bank.accepted
def spelt_out(classes=1000):
    x = inputs = keras.Input((224, 224, 3))
    x = layers.Conv2D(32, (3, 3), (2, 2), padding="same", use_bias=False)(x)
    x = ops.relu6(layers.BatchNormalization(momentum=0.999)(x))
    expansions = [1] + [6] * 16
    filters = [16] + [24] * 2 + [32] * 3 + [64] * 4 + [96] * 3 + [160] * 3 + [320]
    halved = {1, 3, 6, 13}
    for number, (expansion, count) in enumerate(zip(expansions, filters, strict=True)):
        before, stride = x, 2 if number in halved else 1
        if expansion != 1:
            x = layers.Conv2D(expansion * x.shape[-1], 1, use_bias=False)(x)
            x = ops.relu6(layers.BatchNormalization()(x))
        x = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(x)
        x = ops.relu6(layers.BatchNormalization()(x))
        x = layers.BatchNormalization()(layers.Conv2D(count, 1, use_bias=False)(x))
        if before.shape == x.shape:
            x = before + x
    x = layers.Conv2D(1280, 1, use_bias=False)(x)
    x = ops.mean(ops.relu6(layers.BatchNormalization()(x)), axis=(1, 2))
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


@bank.accepted
def of_layers(classes=1000):
    parts = [
        keras.Input((224, 224, 3)),
        layers.Conv2D(32, 3, 2, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(6),
    ]
    channels = 32
    for expansion, filters, count, stride in ROWS:
        for number in range(count):
            parts.append(Inverted(expansion, channels, filters, stride if number == 0 else 1))
            channels = filters
    parts += [
        layers.Conv2D(1280, 1, use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(6),
        layers.GlobalAveragePooling2D(),
        layers.Dropout(0.2),
        layers.Dense(classes),
        layers.Softmax(),
    ]
    return keras.Sequential(parts)


@bank.accepted
def classified_before_the_mean(classes=1000):
    def end(x, classes):
        x = relu6(pointwise(x, 1280))
        scores = layers.Conv2D(classes, 1)(x)
        return ops.softmax(ops.mean(scores, axis=(1, 2)))

    return net(classes, end=end)


@bank.accepted
def dense_head(classes=1000):
    def end(x, classes):
        x = layers.BatchNormalization()(layers.Dense(1280, use_bias=False)(x))
        x = layers.GlobalAveragePooling2D()(layers.Activation("relu6")(x))
        return layers.Activation("softmax")(layers.Dense(classes)(x))

    return net(classes, end=end)


# Wrong: the rows


@bank.mistake("Only the first block of a row has the row's stride, the others have stride 1.")
def stride_everywhere(classes=1000):
    return net(classes, middle=partial(blocks, strides=lambda number, count, stride: True))


@bank.mistake("The first block of a row has the row's stride, not the last.")
def stride_last(classes=1000):
    last = partial(blocks, strides=lambda number, count, stride: number == count - 1)
    return net(classes, middle=last)


bank.variant(
    "one_block_a_row",
    "The third column says how many blocks a row has; here each row has one.",
    with_rows,
    rows=tuple((e, f, 1, s) for e, f, _, s in ROWS),
)
bank.variant(
    "one_block_more",
    "Each row has one block more than the table says.",
    with_rows,
    rows=tuple((e, f, n + 1, s) for e, f, n, s in ROWS),
)
bank.variant(
    "widened_in_the_first_row",
    "The expansion of the first row is 1, not 6.",
    with_rows,
    rows=((6, *ROWS[0][1:]), *ROWS[1:]),
)
bank.variant(
    "never_widened",
    "The first column is the expansion; here nothing is widened.",
    with_rows,
    rows=tuple((1, *rest) for _, *rest in ROWS),
)
bank.variant(
    "last_row_missing",
    "The last row, of 320 filters, is missing.",
    with_rows,
    rows=ROWS[:-1],
)
bank.variant(
    "first_row_missing",
    "The first row, of 16 filters, is missing.",
    with_rows,
    rows=ROWS[1:],
)
bank.variant(
    "halved_once_more",
    "The row of 96 filters has stride 1.",
    with_rows,
    rows=tuple((e, f, n, 2 if f == 96 else s) for e, f, n, s in ROWS),
)
bank.variant(
    "one_halving_too_few",
    "The row of 160 filters has stride 2.",
    with_rows,
    rows=tuple((e, f, n, 1 if f == 160 else s) for e, f, n, s in ROWS),
)
bank.variant(
    "halved_one_row_late",
    "The row of 64 filters has stride 2, the row of 96 stride 1; here it is the other way round.",
    with_rows,
    rows=tuple((e, f, n, {64: 1, 96: 2}.get(f, s)) for e, f, n, s in ROWS),
)
bank.variant(
    "two_rows_exchanged",
    "The rows of 64 and of 96 filters are exchanged.",
    with_rows,
    rows=(*ROWS[:3], ROWS[4], ROWS[3], *ROWS[5:]),
)


# Wrong: the blocks


@bank.mistake("Every block whose shape does not change adds its input.")
def no_shortcuts(classes=1000):
    def block(x, expansion, filters, stride):
        y = x
        if expansion != 1:
            y = relu6(pointwise(y, expansion * x.shape[-1]))
        y = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(y)
        return pointwise(relu6(layers.BatchNormalization()(y)), filters)

    return net(classes, middle=partial(blocks, block=block))


@bank.mistake("The blocks end without an activation.")
def rectified_blocks(classes=1000):
    def block(x, *arguments):
        return relu6(inverted_residual(x, *arguments))

    return net(classes, middle=partial(blocks, block=block))


@bank.mistake("The activations of the blocks are ReLU6, which ends at 6, not plain ReLU.")
def plain_relu_in_the_blocks(classes=1000):
    def block(x, expansion, filters, stride):
        y = x if expansion == 1 else ops.relu(pointwise(x, expansion * x.shape[-1]))
        y = pointwise(ops.relu(depthwise(y, stride)), filters)
        return x + y if stride == 1 and x.shape[-1] == filters else y

    return net(classes, middle=partial(blocks, block=block))


@bank.mistake(
    "With a stride, Keras's `same` padding is not one zero on every side (that is PyTorch's): "
    "leave it to the layer."
)
def symmetric_padding(classes=1000):
    def block(x, expansion, filters, stride):
        y = x if expansion == 1 else relu6(pointwise(x, expansion * x.shape[-1]))
        y = layers.ZeroPadding2D(1)(y)
        y = layers.DepthwiseConv2D(3, stride, use_bias=False)(y)
        y = pointwise(relu6(layers.BatchNormalization()(y)), filters)
        return x + y if stride == 1 and x.shape[-1] == filters else y

    return net(classes, middle=partial(blocks, block=block))


# Wrong: before and after the blocks


@bank.mistake("The activation after the 1x1 convolution to 1280 channels is ReLU6, not plain ReLU.")
def plain_relu_at_the_end(classes=1000):
    def end(x, classes):
        x = layers.GlobalAveragePooling2D()(ops.relu(pointwise(x, 1280)))
        return layers.Dense(classes, activation="softmax")(x)

    return net(classes, end=end)


@bank.mistake("The first convolution has stride 2.")
def first_without_stride(classes=1000):
    def start(x):
        x = layers.Conv2D(32, 3, padding="same", use_bias=False)(x)
        return layers.AveragePooling2D(2)(relu6(layers.BatchNormalization()(x)))

    return net(classes, start=start)


@bank.mistake("Nothing pools before the blocks: that is ResNet's beginning.")
def pooled_stem(classes=1000):
    return net(classes, start=lambda x: layers.MaxPooling2D(3, 2, padding="same")(first(x)))


@bank.mistake("The first convolution is 3x3, not 7x7.")
def large_stem(classes=1000):
    def start(x):
        x = layers.Conv2D(32, 7, 2, padding="same", use_bias=False)(x)
        return relu6(layers.BatchNormalization()(x))

    return net(classes, start=start)


@bank.mistake("After the first convolution comes its normalisation and ReLU6.")
def bare_stem(classes=1000):
    def start(x):
        return layers.Conv2D(32, 3, 2, padding="same", use_bias=False)(x)

    return net(classes, start=start)


@bank.mistake("The 1x1 convolution to 1280 channels is missing at the end.")
def without_1280(classes=1000):
    def end(x, classes):
        x = layers.GlobalAveragePooling2D()(x)
        return layers.Dense(classes, activation="softmax")(x)

    return net(classes, end=end)


@bank.mistake("The 1280 channels are made before the global average, at every position.")
def mean_first(classes=1000):
    def end(x, classes):
        x = layers.GlobalAveragePooling2D(keepdims=True)(x)
        x = layers.Flatten()(relu6(pointwise(x, 1280)))
        return layers.Dense(classes, activation="softmax")(x)

    return net(classes, end=end)


@bank.mistake("After the 1x1 convolution to 1280 channels comes ReLU6, after its normalisation.")
def linear_1280(classes=1000):
    def end(x, classes):
        x = layers.GlobalAveragePooling2D()(pointwise(x, 1280))
        return layers.Dense(classes, activation="softmax")(x)

    return net(classes, end=end)


@bank.mistake("A global average ends the net, not `Flatten`.")
def flattened(classes=1000):
    def end(x, classes):
        x = layers.Flatten()(relu6(pointwise(x, 1280)))
        return layers.Dense(classes, activation="softmax")(x)

    return net(classes, end=end)


@bank.mistake("A global average ends the net, not a global maximum.")
def maximum(classes=1000):
    def end(x, classes):
        x = layers.GlobalMaxPooling2D()(relu6(pointwise(x, 1280)))
        return layers.Dense(classes, activation="softmax")(x)

    return net(classes, end=end)


@bank.mistake("One dense layer follows the global average, with softmax; no hidden one.")
def hidden_layer(classes=1000):
    def end(x, classes):
        x = layers.GlobalAveragePooling2D()(relu6(pointwise(x, 1280)))
        x = layers.Dense(1280, activation="relu")(x)
        return layers.Dense(classes, activation="softmax")(x)

    return net(classes, end=end)


@bank.mistake("All activations are ReLU6, which end at 6, not plain ReLU.")
def plain_relu(classes=1000):
    def rectified(x, filters):
        return ops.relu(pointwise(x, filters))

    def block(x, expansion, filters, stride):
        y = x if expansion == 1 else rectified(x, expansion * x.shape[-1])
        y = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(y)
        y = pointwise(ops.relu(layers.BatchNormalization()(y)), filters)
        return x + y if stride == 1 and x.shape[-1] == filters else y

    inputs = keras.Input((224, 224, 3))
    x = layers.Conv2D(32, 3, 2, padding="same", use_bias=False)(inputs)
    x = blocks(ops.relu(layers.BatchNormalization()(x)), block=block)
    x = layers.GlobalAveragePooling2D()(rectified(x, 1280))
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


@bank.mistake("The blocks come after the first convolution, which is missing.")
def stem_missing(classes=1000):
    inputs = keras.Input((224, 224, 3))
    x = layers.AveragePooling2D(2)(inputs)
    return keras.Model(inputs, head(stages(x), classes))


@bank.mistake("The net ends in a softmax over the classes, not in a sigmoid for each.")
def sigmoids(classes=1000):
    def end(x, classes):
        x = layers.GlobalAveragePooling2D()(relu6(pointwise(x, 1280)))
        return layers.Dense(classes, activation="sigmoid")(x)

    return net(classes, end=end)


@bank.mistake("The 1x1 convolution to 1280 channels is followed by its normalisation too.")
def bare_1280(classes=1000):
    def end(x, classes):
        x = relu6(layers.Conv2D(1280, 1, use_bias=False)(x))
        x = layers.GlobalAveragePooling2D()(x)
        return layers.Dense(classes, activation="softmax")(x)

    return net(classes, end=end)


@bank.mistake("The last 1x1 convolution of a block is followed by no activation.")
def rectified_branches(classes=1000):
    def block(x, expansion, filters, stride):
        y = x if expansion == 1 else relu6(pointwise(x, expansion * x.shape[-1]))
        y = relu6(pointwise(relu6(depthwise(y, stride)), filters))
        return x + y if stride == 1 and x.shape[-1] == filters else y

    return net(classes, middle=partial(blocks, block=block))


@bank.mistake("A block widens to `expansion` times the channels that it gets, not those it gives.")
def widened_by_filters(classes=1000):
    def block(x, expansion, filters, stride):
        y = x if expansion == 1 else relu6(pointwise(x, expansion * filters))
        y = pointwise(relu6(depthwise(y, stride)), filters)
        return x + y if stride == 1 and x.shape[-1] == filters else y

    return net(classes, middle=partial(blocks, block=block))


@bank.mistake("The first convolution has 32 filters; 16 are those of the first row.")
def thin_stem(classes=1000):
    def start(x):
        x = layers.Conv2D(16, 3, 2, padding="same", use_bias=False)(x)
        return relu6(layers.BatchNormalization()(x))

    return net(classes, start=start)


@bank.mistake(
    "The last 1x1 convolution has 1280 filters, not 1024 as in MobileNet's first version."
)
def head_of_1024(classes=1000):
    def end(x, classes):
        x = layers.GlobalAveragePooling2D()(relu6(pointwise(x, 1024)))
        return layers.Dense(classes, activation="softmax")(x)

    return net(classes, end=end)


bank.variant(
    "halved_one_row_early",
    "The row of 16 filters has stride 1, the row of 24 stride 2; here it is the other way round.",
    with_rows,
    rows=tuple((e, f, n, {16: 2, 24: 1}.get(f, s)) for e, f, n, s in ROWS),
)
bank.variant(
    "counts_exchanged",
    "The row of 32 filters has 3 blocks, the row of 64 has 4; here it is the other way round.",
    with_rows,
    rows=tuple((e, f, {32: 4, 64: 3}.get(f, n), s) for e, f, n, s in ROWS),
)
