"""Answers to `vgg`, right and wrong."""

from dataclasses import dataclass
from functools import partial

import keras
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import vgg
from ._shared import (
    BY_CHANNEL,
    LOG_SOFTMAX,
    NOT_SCALED,
    ONE_FOR_TWO,
    SOFTMAX_ENDS,
    SOFTMAX_OF_RELU,
    RawConvolution,
    RawDense,
)

bank = Bank(vgg)


@bank.accepted
def sequential(convolutions, classes=1000, input_shape=(224, 224, 3)):
    model = keras.Sequential([keras.Input(input_shape)])
    for count, filters in zip(convolutions, (64, 128, 256, 512, 512), strict=False):
        for _ in range(count):
            model.add(layers.Conv2D(filters, (3, 3), padding="same"))
            model.add(layers.ReLU())
        model.add(layers.MaxPool2D(pool_size=(2, 2), strides=(2, 2)))
    model.add(layers.Flatten())
    for _ in range(2):
        model.add(layers.Dense(4096, kernel_initializer="he_uniform"))
        model.add(layers.ReLU())
        model.add(layers.Dropout(0.5))
    model.add(layers.Dense(classes))
    model.add(layers.Softmax())
    return model


class VGG(keras.Model):
    def __init__(self, convolutions, classes):
        super().__init__()
        self.scores = layers.Dense(classes)
        self.second, self.first = layers.Dense(4096), layers.Dense(4096)
        self.stages = [
            [layers.Conv2D(min(512, 64 << stage), 3, padding="same") for _ in range(count)]
            for stage, count in enumerate(convolutions)
        ]
        self.flatten = layers.Flatten()

    def call(self, x):
        for stage in self.stages:
            for conv in stage:
                x = ops.relu(conv(x))
            x = ops.max_pool(x, 2)
        x = ops.relu(self.first(self.flatten(x)))
        return ops.softmax(self.scores(ops.relu(self.second(x))))


@bank.accepted
def subclass(convolutions, classes=1000, input_shape=(224, 224, 3)):
    return VGG(convolutions, classes)


@bank.accepted
def raw(convolutions, classes=1000, input_shape=(224, 224, 3)):
    x = inputs = keras.Input(input_shape)
    filters = 64
    for count in convolutions:
        for _ in range(count):
            x = ops.relu(RawConvolution(filters, 3, padding="same")(x))
        filters = min(2 * filters, 512)
        x = layers.MaxPooling2D(2)(x)
    x = ops.relu(RawDense(4096)(x))
    x = ops.relu(RawDense(4096)(x))
    return keras.Model(inputs, ops.softmax(RawDense(classes)(x)))


@bank.accepted
def convolutional(convolutions, classes=1000, input_shape=(224, 224, 3)):
    """Pools as maxima of slices, padding by hand, dense layers as convolutions."""
    x = inputs = keras.Input(input_shape)
    for stage, count in enumerate(convolutions):
        for _ in range(count):
            x = ops.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
            x = layers.Conv2D(min(64 * 2**stage, 512), 3, activation="relu")(x)
        height, width = (side // 2 * 2 for side in x.shape[1:3])
        x = x[:, :height, :width]
        x = ops.maximum(x[:, ::2], x[:, 1::2])
        x = ops.maximum(x[:, :, ::2], x[:, :, 1::2])
    x = layers.Conv2D(4096, x.shape[1:3], activation="relu")(x)
    x = layers.Conv2D(4096, 1, activation="relu")(x)
    x = layers.Conv2D(classes, 1, activation="softmax")(x)
    return keras.Model(inputs, layers.Flatten()(x))


@bank.accepted(representation=BY_CHANNEL)
def flattened_by_channel(convolutions, classes=1000, input_shape=(224, 224, 3)):
    x = inputs = keras.Input(input_shape)
    for stage, count in enumerate(convolutions):
        for _ in range(count):
            x = layers.Conv2D(min(64 * 2**stage, 512), 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(layers.Permute((3, 1, 2))(x))
    for _ in range(2):
        x = layers.Dense(4096, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


# Wrong ones: VGG with one of its parts changed


@dataclass(frozen=True)
class Place:
    """Where a convolution stands: in which stage, as which one of how many, all from 0."""

    stage: int
    number: int
    count: int

    @property
    def last(self):
        """Whether it is the last one of its stage."""
        return self.number == self.count - 1


FILTERS = (64, 128, 256, 512, 512)
HIDDEN = ((4096, "relu"), (4096, "relu"))


def unit(x, place, filters=FILTERS, kernel=3, activation="relu", **options):
    """A convolution and its activation; `options` are the convolution's."""
    x = layers.Conv2D(filters[place.stage], kernel, **{"padding": "same", **options})(x)
    return layers.Activation(activation)(x)


def max_pool(x, stage, last):
    """The pool after a stage; `last` says whether it is the last one."""
    return layers.MaxPooling2D(2)(x)


def top(x, classes, flatten=layers.Flatten, hidden=HIDDEN, last="softmax", use_bias=True):
    """The dense layers: `hidden` gives units and activation of those before the last one."""
    x = flatten()(x)
    for units, activation in (*hidden, (classes, last)):
        x = layers.Dense(units, activation=activation, use_bias=use_bias)(x)
    return x


def net(convolutions, classes, input_shape, unit=unit, pool=max_pool, top=top):
    """VGG from its parts."""
    x = inputs = keras.Input(input_shape)
    for stage, count in enumerate(convolutions):
        for number in range(count):
            x = unit(x, Place(stage, number, count))
        x = pool(x, stage, last=stage == len(convolutions) - 1)
    return keras.Model(inputs, top(x, classes))


# Activations

for name in ("relu6", "leaky_relu", "elu", "gelu"):
    bank.variant(
        f"all_{name}",
        f"The activations are ReLU, not {name}.",
        net,
        unit=partial(unit, activation=name),
        top=partial(top, hidden=((4096, name), (4096, name))),
    )

bank.variant(
    "linear_hidden",
    "A ReLU follows each of the two dense layers of 4096.",
    net,
    top=partial(top, hidden=((4096, "linear"), (4096, "linear"))),
)
bank.variant(
    "no_second_relu",
    "A ReLU is missing after the second dense layer of 4096.",
    net,
    top=partial(top, hidden=((4096, "relu"), (4096, "linear"))),
)
bank.variant(
    "dense_tanh",
    "The dense layers of 4096 have ReLU, not tanh.",
    net,
    top=partial(top, hidden=((4096, "tanh"), (4096, "tanh"))),
)


def silent(where):
    """Convolutions without a ReLU in some places."""
    return lambda x, place: unit(x, place, activation="linear" if where(place) else "relu")


bank.variant(
    "relu_once",
    "A ReLU follows every convolution, not only the last of a stage.",
    net,
    unit=silent(lambda place: not place.last),
)
bank.variant(
    "silent_end",
    "A ReLU follows the last convolution of a stage too, before the pool.",
    net,
    unit=silent(lambda place: place.last),
)
bank.variant(
    "linear_first",
    "In the first stage too, a ReLU follows a convolution.",
    net,
    unit=silent(lambda place: place.stage == 0),
)

# Convolutions

ONE_SIDED = 'The zeros all stand on one side; `padding="same"` puts one on each.'
ONE_LINE = "The kernels are 3x3; these have as many weights, all in one line."

bank.variant(
    "constant_filters",
    "The filters double from stage to stage: 64, 128, 256, 512.",
    net,
    unit=partial(unit, filters=(64,) * 5),
)
bank.variant(
    "to_1024",
    "The filters stop doubling at 512.",
    net,
    unit=partial(unit, filters=(64, 128, 256, 512, 1024)),
)
bank.variant(
    "from_32",
    "The first stage has 64 filters, the second 128: yours begin with half as many.",
    net,
    unit=partial(unit, filters=(32, 64, 128, 256, 512)),
)
bank.variant(
    "to_256",
    "The fourth stage has 512 filters: 64, 128, 256, 512, 512.",
    net,
    unit=partial(unit, filters=(64, 128, 256, 256, 512)),
)
bank.variant(
    "reversed_filters",
    "The filters grow from the first stage on: 64, 128, 256, 512, 512. Here a later number stands "
    "first.",
    net,
    unit=partial(unit, filters=FILTERS[::-1]),
)
bank.variant("lines", ONE_LINE, net, unit=partial(unit, kernel=(1, 9)))
bank.variant("columns", ONE_LINE, net, unit=partial(unit, kernel=(9, 1)))
bank.variant(
    "small_third",
    "All convolutions are 3x3: the 1x1 as third one is another configuration of the paper.",
    net,
    unit=lambda x, place: unit(x, place, kernel=1 if place.number == 2 else 3),
)


def padded(zeros):
    """Convolutions behind zeros that are put there by hand."""
    return lambda x, place: unit(layers.ZeroPadding2D(zeros)(x), place, padding="valid")


bank.variant("padded_before", ONE_SIDED, net, unit=padded(((2, 0), (2, 0))))
bank.variant("padded_behind", ONE_SIDED, net, unit=padded(((0, 2), (0, 2))))


def normalised_unit(x, place):
    x = unit(x, place, activation="linear")
    return layers.ReLU()(layers.BatchNormalization()(x))


bank.variant(
    "normalised",
    "VGG has no batch normalisation, which is younger.",
    net,
    unit=normalised_unit,
)
bank.variant(
    "shortcuts",
    "VGG has no shortcuts: each convolution reads the one before it and nothing else.",
    net,
    unit=lambda x, place: x + unit(x, place) if place.number else unit(x, place),
)


@bank.mistake(
    "One layer object is called several times, so that convolutions share their weights: make "
    "a new layer for each."
)
def shared(convolutions, classes=1000, input_shape=(224, 224, 3)):
    """Later convolutions of a stage use one layer again and again."""
    x = inputs = keras.Input(input_shape)
    for stage, count in enumerate(convolutions):
        filters = min(64 * 2**stage, 512)
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        again = layers.Conv2D(filters, 3, padding="same", activation="relu")
        for _ in range(count - 1):
            x = again(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dense(4096, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


@bank.mistake(
    "One layer object is called for two convolutions, while another one is idle: each "
    "convolution needs a layer of its own."
)
def twice_and_idle(convolutions, classes=1000, input_shape=(224, 224, 3)):
    """The second convolution of a stage is used again for the third, whose own is idle."""
    x = inputs = keras.Input(input_shape)
    for stage, count in enumerate(convolutions):
        made = [
            layers.Conv2D(min(64 * 2**stage, 512), 3, padding="same", activation="relu")
            for _ in range(count)
        ]
        for number, conv in enumerate(made):
            x = conv(x) if number < 2 else made[1](x) + 0 * conv(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dense(4096, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


@bank.mistake(NOT_SCALED)
def divided(convolutions, classes=1000, input_shape=(224, 224, 3)):
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, vgg(convolutions, classes, input_shape)(inputs / 255))


# Pools

POOL_EACH = "One pool follows each stage, not each convolution."

bank.variant(
    "last_pool_average",
    "The last pool takes the maximum like the others.",
    net,
    pool=lambda x, stage, last: (layers.AveragePooling2D if last else layers.MaxPooling2D)(2)(x),
)
bank.variant(
    "last_pool_same",
    "The last pool is `valid` like the others: of an odd side the last row is dropped.",
    net,
    pool=lambda x, stage, last: layers.MaxPooling2D(2, padding="same" if last else "valid")(x),
)
bank.variant(
    "overlapping_pools",
    "The pools are 2x2 with stride 2, without overlap or padding.",
    net,
    pool=lambda x, stage, last: layers.MaxPooling2D(3, 2, padding="same")(x),
)
bank.variant(
    "thinned",
    "Every second position is taken as it is; a 2x2 pool takes the maximum of four.",
    net,
    pool=lambda x, stage, last: x[:, : x.shape[1] // 2 * 2 : 2, : x.shape[2] // 2 * 2 : 2],
)
bank.variant(
    "first_pool_missing",
    "A pool follows the first stage too.",
    net,
    pool=lambda x, stage, last: max_pool(x, stage, last) if stage else x,
)
bank.variant(
    "without_last_pool",
    "A pool follows the last stage too.",
    net,
    pool=lambda x, stage, last: x if last else max_pool(x, stage, last),
)
bank.variant(
    "stride_end",
    "The convolutions have stride 1; a max pool after each stage makes the maps smaller.",
    net,
    unit=lambda x, place: unit(x, place, strides=2 if place.last else 1),
    pool=lambda x, stage, last: x,
)


def pooled(padding):
    """Convolutions with a pool of their own behind each; the last one's is the stage's."""

    def pooled_unit(x, place):
        x = unit(x, place)
        return x if place.last else layers.MaxPooling2D(2, padding=padding)(x)

    return pooled_unit


bank.variant("pool_each", POOL_EACH, net, unit=pooled("same"))
bank.variant("pool_each_valid", POOL_EACH, net, unit=pooled("valid"))

# Dense layers

NO_GLOBAL_POOL = "There is no global pool: the first dense layer sees every position (Flatten)."

bank.variant(
    "global_pool", NO_GLOBAL_POOL, net, top=partial(top, flatten=layers.GlobalAveragePooling2D)
)
bank.variant(
    "global_maximum", NO_GLOBAL_POOL, net, top=partial(top, flatten=layers.GlobalMaxPooling2D)
)
bank.variant(
    "no_hidden",
    "Two dense layers of 4096 with ReLU come before the last one.",
    net,
    top=partial(top, hidden=()),
)
bank.variant(
    "one_hidden",
    "There are two dense layers of 4096 before the last one.",
    net,
    top=partial(top, hidden=HIDDEN[:1]),
)
bank.variant(
    "three_hidden",
    "There are two dense layers of 4096, not three.",
    net,
    top=partial(top, hidden=HIDDEN[:1] * 3),
)
bank.variant(
    "hidden_512",
    "The two hidden dense layers have 4096 units.",
    net,
    top=partial(top, hidden=((512, "relu"), (512, "relu"))),
)
bank.variant(
    "dense_without_bias", "The dense layers have biases.", net, top=partial(top, use_bias=False)
)
bank.variant(
    "sigmoid",
    "The last activation is a softmax, not a sigmoid.",
    net,
    top=partial(top, last="sigmoid"),
)
for name, hint, end in (*SOFTMAX_ENDS, SOFTMAX_OF_RELU, LOG_SOFTMAX):
    bank.variant(name, hint, net, top=partial(top, last=end))

# Arguments

ALWAYS_SIXTEEN = "Use the argument `convolutions`: this is VGG-16 whatever it says."
CUT_OFF = "The convolutions of a stage are cut off at some number: use the count given."
CLASSES = "Use the argument `classes`, whatever its value."


def counting(convolutions, classes, input_shape, counts):
    """VGG with other counts of convolutions than those asked for."""
    return vgg(counts(list(convolutions)), classes, input_shape)


bank.variant(
    "one_convolution",
    "`convolutions` says how many convolutions each stage has; yours has one in each.",
    counting,
    counts=lambda counts: [1] * len(counts),
)
bank.variant(
    "sixteen", ALWAYS_SIXTEEN, counting, counts=lambda counts: [2, 2, 3, 3, 3][: len(counts)]
)
bank.variant(
    "sixteen_in_five_stages", ALWAYS_SIXTEEN, counting, counts=lambda counts: [2, 2, 3, 3, 3]
)
bank.variant(
    "reversed",
    "The counts go with the stages in the order given.",
    counting,
    counts=lambda counts: counts[::-1],
)
bank.variant(
    "one_more",
    "Each stage has one convolution too many: `convolutions` counts them all.",
    counting,
    counts=lambda counts: [count + 1 for count in counts],
)
bank.variant(
    "one_fewer",
    "Stages of two convolutions or more have one too few.",
    counting,
    counts=lambda counts: [max(count - 1, 1) for count in counts],
)
bank.variant(
    "one_fewer_or_none",
    "Each stage has one convolution too few: `convolutions` counts them all.",
    counting,
    counts=lambda counts: [count - 1 for count in counts],
)
bank.variant(
    "three_at_most", CUT_OFF, counting, counts=lambda counts: [min(count, 3) for count in counts]
)
bank.variant(
    "four_at_most", CUT_OFF, counting, counts=lambda counts: [min(count, 4) for count in counts]
)
bank.variant(
    "two_at_least",
    "A stage may have one convolution only: use the count given.",
    counting,
    counts=lambda counts: [max(count, 2) for count in counts],
)
bank.variant(
    "one_stage_fewer",
    "The last stage is missing: each entry of `convolutions` is a stage.",
    counting,
    counts=lambda counts: counts[:-1],
)


@bank.mistake(CLASSES)
def always_ten(convolutions, classes=1000, input_shape=(224, 224, 3)):
    return vgg(convolutions, 10, input_shape)


@bank.mistake(ONE_FOR_TWO)
def one_for_two(convolutions, classes=1000, input_shape=(224, 224, 3)):
    if classes != 2:
        return vgg(convolutions, classes, input_shape)
    return net(convolutions, 1, input_shape, top=partial(top, last="sigmoid"))
