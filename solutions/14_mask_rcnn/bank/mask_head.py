"""Answers to `mask_head`, right and wrong."""

from functools import partial

import keras
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import mask_head
from ._shared import Offset, RawConvolution, RawUp, convolve, row, scores, up

bank = Bank(mask_head)


# Right


@bank.accepted
def functional(x, classes, filters=256):
    for _ in range(4):
        x = layers.ReLU()(layers.Conv2D(filters, (3, 3), padding="same")(x))
    x = layers.Conv2DTranspose(filters, (2, 2), strides=(2, 2), padding="same")(x)
    x = layers.Conv2D(classes, (1, 1))(layers.Activation("relu")(x))
    return layers.Activation("sigmoid")(x)


@bank.accepted
def raw(x, classes, filters=256):
    """Weights of one's own, the last made first."""
    last = layers.Dense(classes)
    enlarge = RawUp(filters)
    parts = [RawConvolution(filters) for _ in range(4)]
    for part in parts[::-1]:
        x = part(x)
    return ops.sigmoid(last(ops.relu(enlarge(x))))


@bank.accepted(representation="a square kernel with its channels before its filters")
def raw_as_a_convolution_stores_it(x, classes, filters=256):
    """A transposed convolution of Keras stores its filters before its channels."""
    x = ops.relu(RawUp(filters, "yxcf")(row(x, filters)))
    return scores(x, classes)


@bank.accepted
def inner_model(x, classes, filters=256):
    parts = [layers.Conv2D(filters, 3, padding="same", activation="relu") for _ in range(4)]
    parts += [layers.Conv2DTranspose(filters, 2, 2), layers.ReLU(), layers.Dropout(0.3)]
    return keras.Sequential([*parts, layers.Conv2D(classes, 1), layers.Activation("sigmoid")])(x)


class Head(layers.Layer):
    def __init__(self, classes, filters):
        super().__init__()
        self.mask = layers.Conv2D(classes, 1)
        self.deconvolution = layers.Conv2DTranspose(filters, 2, strides=2)
        self.convolutions = [layers.Conv2D(filters, 3, padding="same") for _ in range(4)]

    def call(self, x):
        for convolution in self.convolutions:
            x = ops.maximum(convolution(x), 0)
        x = self.mask(ops.maximum(self.deconvolution(x), 0))
        return 1 / (1 + ops.exp(-x))


@bank.accepted
def layer_of_its_own(x, classes, filters=256):
    return Head(classes, filters)(x)


@bank.accepted
def pixels_shuffled(x, classes, filters=256):
    """A dense layer of four times the filters, whose channels become positions."""
    x = layers.Dense(4 * filters, use_bias=False)(row(x, filters))
    x = ops.relu(Offset()(ops.depth_to_space(x, 2)))
    return layers.Dense(classes, activation="sigmoid")(x)


@bank.accepted(representation="four square matrices for the four positions of a block")
def positions_last(x, classes, filters=256):
    """Blocks are laid down at the very end: nothing behind them mixes positions."""
    x = row(x, filters)
    height, width = x.shape[1:3]
    four = [layers.Dense(filters, use_bias=False)(x) for _ in range(4)]
    x = ops.relu(Offset()(ops.stack(four, axis=3)))
    x = layers.Dense(classes, activation="sigmoid")(x)
    x = ops.reshape(x, (-1, height, width, 2, 2, classes))
    return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, 2 * height, 2 * width, classes))


@bank.accepted
def filter_by_filter(x, classes, filters=256):
    """Each layer in parts of one filter."""
    if filters > 99:
        return mask_head(x, classes, filters)
    for _ in range(4):
        x = layers.Concatenate()([convolve(x, 1) for _ in range(filters)])
    x = layers.Concatenate()([up(x, 1) for _ in range(filters)])
    return layers.Concatenate()([scores(x, 1) for _ in range(classes)])


@bank.accepted
def padded_by_hand(x, classes, filters=256):
    for _ in range(4):
        x = layers.ZeroPadding2D(1)(x)
        x = ops.relu(layers.Conv2D(filters, 3, padding="valid")(x))
    x = ops.relu(layers.Conv2DTranspose(filters, 2, strides=2)(x))
    x = layers.Dense(classes)(x)
    return ops.exp(-ops.softplus(-x))


@bank.accepted
def nine_dense_layers(x, classes, filters=256):
    """A 3x3 convolution as nine 1x1 ones, each on a shifted map."""
    for _ in range(4):
        height, width = x.shape[1:3]
        framed = layers.ZeroPadding2D(1)(x)
        shifts = [(i, j) for i in range(3) for j in range(3)]
        x = ops.relu(
            layers.Add()(
                [
                    layers.Dense(filters, use_bias=shift == (1, 1))(
                        framed[:, shift[0] : shift[0] + height, shift[1] : shift[1] + width]
                    )
                    for shift in shifts
                ]
            )
        )
    return scores(up(x, filters), classes)


# Wrong: the head with some of its parts exchanged


def head(x, classes, filters, front=row, enlarge=up, end=scores):
    """The head from other parts."""
    return end(enlarge(front(x, filters), filters), classes)


# In front

for count, words in ((1, "one is"), (2, "two are"), (3, "three are"), (5, "five are")):
    bank.variant(
        f"convolutions_{count}",
        f"Four 3x3 convolutions stand in front; {words} here.",
        head,
        front=partial(row, count=count),
    )


def normed(x, filters):
    for _ in range(4):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    return x


bank.variant(
    "normalised",
    "There is no batch normalisation: the convolutions have a bias instead.",
    head,
    front=normed,
)
bank.variant(
    "normalised_with_bias",
    "There is no batch normalisation in this head.",
    head,
    front=lambda x, f: layers.BatchNormalization()(row(x, f)),
)


def residual(x, filters):
    x = convolve(x, filters)
    return x + row(x, filters, 3)


bank.variant(
    "with_a_shortcut",
    "The four convolutions stand in a row: nothing is added past them.",
    head,
    front=residual,
)
bank.variant(
    "channels_kept",
    "Every 3x3 convolution has `filters` filters; here it has as many as `x` has channels.",
    head,
    front=lambda x, f: row(x, x.shape[-1]),
)
bank.variant(
    "halved_filters",
    "Every 3x3 convolution has `filters` filters; here the later ones have fewer.",
    head,
    front=lambda x, f: row(convolve(x, f), f // 2, 3),
)
bank.variant(
    "separable",
    "The convolutions are ordinary ones, not separable: every filter sees every channel.",
    head,
    front=lambda x, f: row(layers.SeparableConv2D(f, 3, padding="same")(x), f, 3),
)
bank.variant(
    "all_1x1",
    "The four convolutions in front are 3x3; here they are 1x1.",
    head,
    front=partial(row, kernel=1),
)


def mirrored(x, filters):
    for _ in range(4):
        x = ops.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="symmetric")
        x = convolve(x, filters, padding="valid")
    return x


bank.variant(
    "mirrored_border",
    "`same` puts zeros around the map; here the border is repeated or mirrored.",
    head,
    front=mirrored,
)


def one_for_all(x, filters):
    x = convolve(x, filters)
    again = layers.Conv2D(filters, 3, padding="same", activation="relu")
    return again(again(again(x)))


bank.variant(
    "one_layer_thrice",
    "The later convolutions are one layer, used three times: each has its own weights.",
    head,
    front=one_for_all,
)


def side_by_side(x, filters):
    return layers.Add()([convolve(x, filters) for _ in range(4)])


bank.variant(
    "side_by_side",
    "The four convolutions stand one behind the other; here they stand side by side.",
    head,
    front=side_by_side,
)
bank.variant(
    "linear_in_front",
    "A ReLU follows every 3x3 convolution; here only the last one has it.",
    head,
    front=lambda x, f: convolve(row(x, f, 3, activation=None), f),
)


def pooled_between(x, filters):
    x = row(x, filters, 2)
    return row(layers.MaxPooling2D(2, 1, padding="same")(x), filters, 2)


bank.variant(
    "pooled_between",
    "There is no pool in this head: positions are what it is about.",
    head,
    front=pooled_between,
)

# The transposed convolution

bank.variant(
    "nearest_then_convolution",
    "This enlarges first and then convolves: as many weights, but a transposed convolution with "
    "stride 2 lays down a 2x2 block for each value.",
    head,
    enlarge=lambda x, f: convolve(layers.UpSampling2D()(x), f, kernel=2),
)
bank.variant(
    "bilinear_then_convolution",
    "The map is enlarged by a transposed convolution with stride 2; here it is interpolated, and "
    "then convolved.",
    head,
    enlarge=lambda x, f: convolve(layers.UpSampling2D(interpolation="bilinear")(x), f, kernel=2),
)
bank.variant(
    "nearest_then_1x1",
    "The transposed convolution has a weight for each of the four positions of a 2x2 block; here "
    "all four get the same.",
    head,
    enlarge=lambda x, f: convolve(layers.UpSampling2D()(x), f, kernel=1),
)
bank.variant(
    "only_enlarged",
    "The map is made larger by a transposed convolution; here by no layer with weights.",
    head,
    enlarge=lambda x, f: layers.UpSampling2D()(x),
)
bank.variant(
    "not_enlarged",
    "The transposed convolution has stride 2 and makes the map twice as high and wide; here it "
    "stays as it is.",
    head,
    enlarge=lambda x, f: layers.Conv2DTranspose(f, 2, padding="same", activation="relu")(x),
)
bank.variant(
    "enlarged_four_times",
    "One transposed convolution is meant: the map becomes twice as high and wide, not four times.",
    head,
    enlarge=lambda x, f: up(up(x, f), f),
)
bank.variant(
    "kernel_of_3",
    "The kernel of the transposed convolution is 2x2, so that blocks do not overlap; here it is "
    "3x3.",
    head,
    enlarge=partial(up, kernel=3, padding="same"),
)
bank.variant(
    "kernel_of_4",
    "The kernel of the transposed convolution is 2x2, so that blocks do not overlap; here it is "
    "4x4.",
    head,
    enlarge=partial(up, kernel=4, padding="same"),
)
bank.variant(
    "normalised_behind",
    "There is no normalisation behind the transposed convolution.",
    head,
    enlarge=lambda x, f: layers.ReLU()(layers.BatchNormalization()(up(x, f, activation=None))),
)
bank.variant(
    "a_convolution_more",
    "Behind the transposed convolution comes the 1x1 convolution; here a 3x3 one stands between.",
    head,
    end=lambda x, classes: scores(convolve(x, x.shape[-1]), classes),
)
bank.variant(
    "enlarged_first",
    "The four convolutions come first, on the small map; here the map is enlarged before them.",
    lambda x, classes, filters: scores(row(up(x, filters), filters), classes),
)
bank.variant(
    "enlarged_in_the_middle",
    "All four convolutions come before the transposed one; here some come behind it.",
    lambda x, classes, filters: scores(row(up(row(x, filters, 2), filters), filters, 2), classes),
)


@bank.mistake(
    "The transposed convolution has `filters` filters and the 1x1 convolution makes masks of them; "
    "here the transposed one gives a map for each class."
)
def enlarged_to_classes(x, classes, filters=256):
    return scores(up(row(x, filters), classes), classes)


@bank.mistake("The 1x1 convolution is missing: the transposed one gives the masks by itself here.")
def without_1x1(x, classes, filters=256):
    return up(row(x, filters), classes, activation="sigmoid")


@bank.mistake("The masks are made on the large map; here they are made first, and then enlarged.")
def masks_enlarged(x, classes, filters=256):
    small = scores(row(x, filters), classes, activation="relu")
    return up(small, classes, activation="sigmoid")


# The masks

bank.variant(
    "softmax",
    "Each class has a mask of its own, by a sigmoid; a softmax lets the classes compete.",
    head,
    end=partial(scores, activation="softmax"),
)
bank.variant(
    "softmax_over_positions",
    "The sigmoid is taken pixel by pixel; here a softmax runs over all pixels.",
    head,
    end=lambda x, classes: layers.Softmax(axis=(1, 2))(scores(x, classes, activation=None)),
)
bank.variant(
    "logits",
    "The sigmoid is missing: masks are probabilities.",
    head,
    end=partial(scores, activation=None),
)
bank.variant(
    "sigmoid_twice",
    "The sigmoid is taken twice: once is enough.",
    head,
    end=lambda x, classes: ops.sigmoid(scores(x, classes)),
)
bank.variant(
    "relu_before_the_sigmoid",
    "The scores go into the sigmoid as they are; behind a ReLU no probability is below one half.",
    head,
    end=lambda x, classes: ops.sigmoid(scores(x, classes, activation="relu")),
)
bank.variant(
    "hard_sigmoid",
    "A sigmoid is asked for, not its three straight pieces (`hard_sigmoid`).",
    head,
    end=partial(scores, activation="hard_sigmoid"),
)
bank.variant(
    "tanh_moved",
    "A sigmoid is asked for; half of 1 + tanh is one of twice the scores.",
    head,
    end=lambda x, classes: (1 + scores(x, classes, activation="tanh")) / 2,
)
bank.variant(
    "kernel_of_3_at_the_end",
    "The last convolution is 1x1; here it is 3x3.",
    head,
    end=partial(scores, kernel=3),
)
bank.variant(
    "a_class_more",
    "There is one mask for each of `classes`; here the background has one too.",
    head,
    end=lambda x, classes: scores(x, classes + 1),
)
bank.variant(
    "one_mask_for_all",
    "Every class has a mask of its own; here one mask stands for all of them.",
    head,
    end=lambda x, classes: ops.repeat(scores(x, 1), classes, axis=-1),
)
bank.variant(
    "one_mask",
    "Every class has a mask of its own; here there is one mask.",
    head,
    end=lambda x, classes: scores(x, 1),
)
bank.variant(
    "classes_first",
    "The classes come last in the result, as channels do.",
    head,
    end=lambda x, classes: ops.transpose(scores(x, classes), (0, 3, 1, 2)),
)
bank.variant(
    "mean_of_the_masks",
    "Masks are asked for: the positions must not be averaged away.",
    head,
    end=lambda x, classes: ops.mean(scores(x, classes), axis=(1, 2)),
)


@bank.mistake("`filters` is not used: 256 filters are only what it is when nothing is said.")
def always_256(x, classes, filters=256):
    return mask_head(x, classes) if filters > 99 else mask_head(x, classes, 16)
