"""Answers to `googlenet`, right and wrong."""

import keras
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import STAGES, conv, end, googlenet, halved, inception_block, stages, stem
from ._shared import RawConvolution, convolve, max_pool

bank = Bank(googlenet)
SHAPE = (224, 224, 3)


# Right


@bank.accepted
def one_list(classes=1000):
    """Rows of the table in one list, pools among them."""
    modules = [row for stage in STAGES for row in (None, *stage)]
    x = inputs = keras.Input(SHAPE)
    x = layers.ReLU()(layers.Conv2D(64, (7, 7), (2, 2), padding="same")(x))
    x = layers.MaxPool2D((3, 3), (2, 2), padding="same")(x)
    x = layers.Conv2D(64, (1, 1), padding="same", activation="relu")(x)
    x = layers.Conv2D(192, (3, 3), padding="same", activation="relu")(x)
    for row in modules:
        x = inception_block(x, *row) if row else layers.MaxPool2D(3, 2, padding="same")(x)
    x = layers.Dropout(0.4)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, layers.Activation("softmax")(layers.Dense(classes)(x)))


@bank.accepted
def class_maps(classes=1000):
    """It ends as Network in Network does: the mean of class maps."""
    inputs = keras.Input(SHAPE)
    maps = layers.Conv2D(classes, 1)(stages(stem(inputs)))
    return keras.Model(inputs, ops.softmax(ops.mean(maps, axis=(1, 2))))


@bank.accepted
def last_pool_of_seven(classes=1000):
    inputs = keras.Input(SHAPE)
    x = layers.AveragePooling2D(7, strides=1)(stages(stem(inputs)))
    x = layers.Dense(classes, activation="softmax")(layers.Flatten()(x))
    return keras.Model(inputs, x)


class Module(layers.Layer):
    def __init__(self, f1, f3_reduce, f3, f5_reduce, f5, pool):
        super().__init__()
        self.one = layers.Conv2D(f1, 1)
        self.three = layers.Conv2D(f3, 3, padding="same")
        self.five = layers.Conv2D(f5, 5, padding="same")
        self.narrow = [layers.Conv2D(f3_reduce, 1), layers.Conv2D(f5_reduce, 1)]
        self.behind_pool = layers.Conv2D(pool, 1)

    def call(self, x):
        three = self.three(ops.relu(self.narrow[0](x)))
        five = self.five(ops.relu(self.narrow[1](x)))
        pooled = self.behind_pool(ops.max_pool(x, 3, 1, "same"))
        return ops.relu(ops.concatenate([self.one(x), three, five, pooled], axis=-1))


class Net(keras.Model):
    def __init__(self, classes):
        super().__init__()
        self.top = layers.Dense(classes)
        self.stages = [[Module(*row) for row in stage] for stage in STAGES]
        self.start = [layers.Conv2D(64, 7, 2, "same"), layers.Conv2D(64, 1)]
        self.wide = layers.Conv2D(192, 3, padding="same")

    def call(self, x):
        x = ops.max_pool(ops.relu(self.start[0](x)), 3, 2, "same")
        x = ops.relu(self.wide(ops.relu(self.start[1](x))))
        for stage in self.stages:
            x = ops.max_pool(x, 3, 2, "same")
            for module in stage:
                x = module(x)
        return ops.softmax(self.top(ops.mean(x, axis=(1, 2))))


@bank.accepted
def subclass(classes=1000):
    return Net(classes)


@bank.accepted
def raw_start(classes=1000):
    """Weights of one's own before the modules."""
    inputs = keras.Input(SHAPE)
    x = halved(RawConvolution(64, 7, 2)(inputs))
    x = RawConvolution(192, 3)(RawConvolution(64, 1)(x))
    return keras.Model(inputs, end(stages(x), classes))


# Wrong ones: the net with some of its parts exchanged


def net(
    classes, start=stem, pool=halved, modules=STAGES, block=inception_block, end=end, between=None
):
    """GoogLeNet from these parts; `between` is put behind every module."""
    inputs = keras.Input(SHAPE)
    x = start(inputs)
    for stage in modules:
        x = pool(x)
        for row in stage:
            x = block(x, *row)
            x = between(x) if between else x
    return keras.Model(inputs, end(x, classes))


def stem_of(first=None, pool=halved, narrow=True, wide=None):
    """The start from these parts."""

    def start(x):
        x = pool(first(x) if first else conv(x, 64, 7, 2))
        x = conv(x, 64, 1) if narrow else x
        return wide(x) if wide else conv(x, 192, 3)

    return start


def changed(stage, module, row):
    """The table with one row exchanged, or left out (None)."""
    rows = [list(rows) for rows in STAGES]
    rows[stage][module : module + 1] = [row] if row else []
    return tuple(tuple(rows) for rows in rows)


# The start

bank.variant(
    "without_1x1_at_the_start",
    "Before the 192 filters of 3x3 come 64 of 1x1.",
    net,
    start=stem_of(narrow=False),
)
bank.variant(
    "first_without_stride",
    "The first convolution has stride 2: 224 pixels become 112, and 28 before the first module.",
    net,
    start=stem_of(first=lambda x: halved(conv(x, 64, 7))),
)
bank.variant(
    "first_padded_alike",
    "With a stride, Keras's `same` padding is not three zeros on every side (that is PyTorch's "
    "`padding=3`): leave it to the layer.",
    net,
    start=stem_of(first=lambda x: convolve(layers.ZeroPadding2D(3)(x), 64, 7, 2, padding="valid")),
)
bank.variant(
    "first_of_eleven",
    "The first kernel is 7x7; 11x11 with stride 4 is AlexNet's.",
    net,
    start=stem_of(first=lambda x: layers.UpSampling2D(2)(conv(x, 64, 11, 4))),
)
bank.variant(
    "linear_start",
    "Every convolution is followed by ReLU, those before the first module too.",
    net,
    start=stem_of(
        first=lambda x: convolve(x, 64, 7, 2, activation=None),
        wide=lambda x: convolve(x, 192, 3, activation=None),
    ),
)
bank.variant(
    "pixels_scaled",
    "The picture goes into the first convolution as it is, without any factor or shift.",
    net,
    start=lambda x: stem(layers.Rescaling(1 / 255)(x)),
)


# The pools

bank.variant(
    "pools_of_two",
    "The pools between the stages take the maximum of 3x3 with stride 2: their windows overlap.",
    net,
    start=stem_of(pool=lambda x: max_pool(x, 2, 2)),
    pool=lambda x: max_pool(x, 2, 2),
)
bank.variant(
    "valid_pools",
    "The pools are `same`: 112 -> 56 -> 28 -> 14 -> 7.",
    net,
    start=stem_of(pool=lambda x: max_pool(x, 3, 2, "valid")),
    pool=lambda x: max_pool(x, 3, 2, "valid"),
)
bank.variant(
    "average_pools",
    "The pools between the stages take the maximum, not the mean.",
    net,
    start=stem_of(pool=lambda x: layers.AveragePooling2D(3, 2, "same")(x)),
    pool=lambda x: layers.AveragePooling2D(3, 2, "same")(x),
)
bank.variant(
    "padded_pools",
    "The zeros around the pools are not alike on all sides with a stride of 2: leave the padding "
    "to the layer.",
    net,
    start=stem_of(pool=lambda x: max_pool(layers.ZeroPadding2D(1)(x), 3, 2, "valid")),
    pool=lambda x: max_pool(layers.ZeroPadding2D(1)(x), 3, 2, "valid"),
)


def with_pools_after(classes, stages):
    """The net with a pool behind these stages only (the start's pool is stage 0)."""
    x = inputs = keras.Input(SHAPE)
    x = stem(x)
    for number, stage in enumerate(STAGES):
        x = halved(x) if number in stages else x
        for row in stage:
            x = inception_block(x, *row)
    return keras.Model(inputs, end(x, classes))


bank.variant(
    "no_pool_before_3a",
    "A pool stands before 3a as well: the first module reads 28x28.",
    with_pools_after,
    stages=(1, 2),
)
bank.variant(
    "no_pool_before_5a",
    "A pool stands between 4e and 5a as well: the last two modules read 7x7.",
    with_pools_after,
    stages=(0, 1),
)


@bank.mistake("The pools stand before 3a, 4a and 5a; here one stands a module late.")
def late_pool(classes=1000):
    (a, b), (c, *fours), fives = STAGES
    return net(classes, modules=((a, b, c), tuple(fours), fives))


@bank.mistake("No pool follows the last module: the mean is over 7x7 positions.")
def pool_at_the_end(classes=1000):
    return net(classes, end=lambda x, classes: end(halved(x), classes))


# The modules

bank.variant(
    "without_4c",
    "Stage 4 has five modules, 4a to 4e; one is missing.",
    net,
    modules=changed(1, 2, None),
)
bank.variant(
    "without_5a",
    "Stage 5 has two modules, 5a and 5b; one is missing.",
    net,
    modules=changed(2, 0, None),
)
bank.variant(
    "five_modules_exchanged",
    "5a has the filters of 4e, 5b has 384, 192, 384, 48, 128, 128; here the two are exchanged.",
    net,
    modules=(*STAGES[:2], STAGES[2][::-1]),
)
bank.variant(
    "4b_and_4c_exchanged",
    "4b comes before 4c; their numbers are exchanged here.",
    net,
    modules=(STAGES[0], tuple(STAGES[1][i] for i in (0, 2, 1, 3, 4)), STAGES[2]),
)
bank.variant(
    "number_of_4d",
    "Look at row 4d once more: 112, 144, 288, 32, 64, 64.",
    net,
    modules=changed(1, 3, (112, 144, 288, 24, 64, 64)),
)


def reductions_as_filters(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    return inception_block(x, f1, f3, f3_reduce, f5, f5_reduce, pool)


bank.variant(
    "numbers_in_another_order",
    "The six numbers are in the order of `inception_block`: the reduction stands before its "
    "convolution.",
    net,
    block=reductions_as_filters,
)


def linear_block(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    ways = [
        convolve(x, f1, 1),
        convolve(convolve(x, f3_reduce, 1, activation=None), f3, 3),
        convolve(convolve(x, f5_reduce, 1, activation=None), f5, 5),
        convolve(max_pool(x), pool, 1),
    ]
    return layers.Concatenate()(ways)


bank.variant(
    "linear_reductions",
    "In the modules every convolution is followed by ReLU, the 1x1 reductions too.",
    net,
    block=linear_block,
)
bank.variant(
    "normalised",
    "There is no batch normalisation: it came with the next version of the net.",
    net,
    between=lambda x: layers.BatchNormalization()(x),
)


# The end


@bank.mistake(
    "The mean over all positions goes into the dense layer; here the whole map is flattened."
)
def flattened(classes=1000):
    def dense(x, classes):
        return layers.Dense(classes, activation="softmax")(layers.Flatten()(x))

    return net(classes, end=dense)


@bank.mistake("The mean over all positions is meant at the end, not the maximum.")
def maximum_at_the_end(classes=1000):
    def largest(x, classes):
        return layers.Dense(classes, activation="softmax")(layers.GlobalMaxPooling2D()(x))

    return net(classes, end=largest)


@bank.mistake("One dense layer follows the mean, without hidden layers.")
def hidden_layer(classes=1000):
    def hidden(x, classes):
        x = layers.Dense(1024, activation="relu")(layers.GlobalAveragePooling2D()(x))
        return layers.Dense(classes, activation="softmax")(x)

    return net(classes, end=hidden)


@bank.mistake("The softmax at the end is missing: probabilities are asked for.")
def scores(classes=1000):
    def linear(x, classes):
        return layers.Dense(classes)(layers.GlobalAveragePooling2D()(x))

    return net(classes, end=linear)


@bank.mistake("Two classes are two outputs with a softmax, like any other number of them.")
def one_output_for_two(classes=1000):
    if classes > 2:
        return googlenet(classes)

    def single(x, classes):
        return layers.Dense(1, activation="sigmoid")(layers.GlobalAveragePooling2D()(x))

    return net(classes, end=single)


@bank.mistake("The number of classes is the argument `classes`, not always 1000.")
def thousand(classes=1000):
    return googlenet(1000)


@bank.mistake("No auxiliary classifiers: the model has one output, the probabilities at its end.")
def with_auxiliary(classes=1000):
    inputs = keras.Input(SHAPE)
    x, outputs = stem(inputs), []
    for stage in STAGES:
        x = halved(x)
        for row in stage:
            x = inception_block(x, *row)
            if row in (STAGES[1][0], STAGES[1][3]):
                side = convolve(layers.AveragePooling2D(5, 3)(x), 128, 1)
                side = layers.Dense(1024, activation="relu")(layers.Flatten()(side))
                outputs.append(layers.Dense(classes, activation="softmax")(side))
    return keras.Model(inputs, [end(x, classes), *outputs])
