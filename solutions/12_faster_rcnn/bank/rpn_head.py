"""Answers to `rpn_head`, right and wrong."""

import keras
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import rpn_head

bank = Bank(rpn_head)


# Right answers


@bank.accepted
def layer_by_layer(x, anchors, filters=256):
    x = layers.Activation("relu")(layers.Conv2D(filters, (3, 3), padding="same")(x))
    offsets = layers.Conv2D(anchors * 4, (1, 1), activation="linear")(x)
    return layers.Activation("sigmoid")(layers.Conv2D(anchors, (1, 1))(x)), offsets


class Head(layers.Layer):
    """The layers made beforehand, in another order."""

    def __init__(self, anchors, filters):
        super().__init__()
        self.offsets = layers.Conv2D(4 * anchors, 1)
        self.sure = layers.Conv2D(anchors, 1)
        self.window = layers.Conv2D(filters, 3, padding="same")

    def call(self, x):
        x = ops.relu(self.window(x))
        return ops.sigmoid(self.sure(x)), self.offsets(x)


@bank.accepted
def layer_of_its_own(x, anchors, filters=256):
    return Head(anchors, filters)(x)


@bank.accepted
def one_layer_cut_up(x, anchors, filters=256):
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    both = layers.Conv2D(5 * anchors, 1)(x)
    return ops.sigmoid(both[..., :anchors]), both[..., anchors:]


@bank.accepted
def dense_layers(x, anchors, filters=256):
    x = layers.Conv2D(filters, 3, activation="relu")(layers.ZeroPadding2D()(x))
    return layers.Dense(anchors, activation="sigmoid")(x), layers.Dense(4 * anchors)(x)


class Raw(layers.Layer):
    """A convolution with weights of its own; the kernel's numbers in the order of Keras."""

    def __init__(self, filters, kernel):
        super().__init__()
        self.filters, self.kernel = filters, kernel

    def build(self, shape):
        kernel = (self.kernel, self.kernel, shape[-1], self.filters)
        self.weight = self.add_weight(shape=kernel, initializer="he_normal")
        self.offset = self.add_weight(shape=(self.filters,), initializer="zeros")

    def call(self, x):
        return ops.conv(x, self.weight, padding="same") + self.offset


@bank.accepted
def raw_weights(x, anchors, filters=256):
    """A sigmoid is half a hyperbolic tangent of the half, and a half."""
    x = ops.maximum(Raw(filters, 3)(x), 0)
    return 0.5 + ops.tanh(Raw(anchors, 1)(x) / 2) / 2, Raw(4 * anchors, 1)(x)


@bank.accepted
def an_offset_at_a_time(x, anchors, filters=256):
    """A layer for each of the numbers that an anchor moves by."""
    x = layers.ReLU()(layers.Conv2D(filters, 3, padding="same")(x))
    sure = [layers.Conv2D(1, 1, activation="sigmoid")(x) for _ in range(anchors)]
    moved = [layers.Conv2D(1, 1)(x) for _ in range(4 * anchors)]
    return layers.Concatenate()(sure), layers.Concatenate()(moved)


@bank.accepted
def inner_model(x, anchors, filters=256):
    """The exponential written out."""
    inputs = keras.Input(x.shape[1:])
    y = layers.Conv2D(filters, 3, padding="same", activation="relu")(inputs)
    sure = 1 / (1 + ops.exp(-layers.Conv2D(anchors, 1)(y)))
    return keras.Model(inputs, [sure, layers.Conv2D(4 * anchors, 1)(y)])(x)


@bank.accepted
def nine_shifts(x, anchors, filters=256):
    """The 3x3 convolution as nine 1x1 ones, each of a shifted map."""
    height, width = x.shape[1:3]
    padded = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    parts = [
        layers.Dense(filters, use_bias=(i, j) == (1, 1))(padded[:, i : i + height, j : j + width])
        for i in range(3)
        for j in range(3)
    ]
    x = ops.relu(layers.Add()(parts))
    return layers.Conv2D(anchors, 1, activation="sigmoid")(x), layers.Conv2D(4 * anchors, 1)(x)


def five_numbers_an_anchor(x, anchors, filters):
    """All numbers of an anchor beside one another: (height, width, anchors, 5)."""
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    both = layers.Conv2D(5 * anchors, 1)(x)
    return layers.Reshape((*x.shape[1:3], anchors, 5))(both)


@bank.accepted(representation="one 1x1 convolution, for each anchor its objectness, then offsets")
def objectness_before_offsets(x, anchors, filters=256):
    numbers = five_numbers_an_anchor(x, anchors, filters)
    offsets = layers.Reshape((*x.shape[1:3], 4 * anchors))(numbers[..., 1:])
    return ops.sigmoid(numbers[..., 0]), offsets


@bank.accepted(representation="one 1x1 convolution, for each anchor its offsets, then objectness")
def offsets_before_objectness(x, anchors, filters=256):
    numbers = five_numbers_an_anchor(x, anchors, filters)
    offsets = layers.Reshape((*x.shape[1:3], 4 * anchors))(numbers[..., :4])
    return ops.sigmoid(numbers[..., 4]), offsets


@bank.accepted(representation="a 1x1 convolution with five filters for each anchor")
def a_layer_an_anchor(x, anchors, filters=256):
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    each = [layers.Conv2D(5, 1)(x) for _ in range(anchors)]
    sure = [ops.sigmoid(numbers[..., :1]) for numbers in each]
    offsets = [numbers[..., 1:] for numbers in each]
    return ops.concatenate(sure, axis=-1), ops.concatenate(offsets, axis=-1)


@bank.accepted(representation="a 1x1 convolution for each of dy, dx, dh and dw, one after another")
def a_layer_for_each_offset(x, anchors, filters=256):
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    offsets = [layers.Conv2D(anchors, 1)(x) for _ in range(4)]
    return layers.Conv2D(anchors, 1, activation="sigmoid")(x), layers.Concatenate()(offsets)


@bank.accepted(representation="a 1x1 convolution for each of dy, dx, dh and dw, anchor by anchor")
def offsets_of_an_anchor_together(x, anchors, filters=256):
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    offsets = ops.stack([layers.Conv2D(anchors, 1)(x) for _ in range(4)], axis=-1)
    offsets = layers.Reshape((*x.shape[1:3], 4 * anchors))(offsets)
    return layers.Conv2D(anchors, 1, activation="sigmoid")(x), offsets


# Wrong answers: what they are made of


def window(x, filters, kernel=3, **options):
    return layers.Conv2D(filters, kernel, **{"padding": "same", "activation": "relu", **options})(x)


def sure_of(x, anchors, kernel=1, activation="sigmoid", **options):
    return layers.Conv2D(anchors, kernel, padding="same", activation=activation, **options)(x)


def moved(x, anchors, kernel=1, each=4, **options):
    return layers.Conv2D(each * anchors, kernel, padding="same", **options)(x)


def head(x, anchors, filters=256, before=window, sure=sure_of, offsets=moved):
    """The model answer with another of its three parts."""
    x = before(x, filters)
    return sure(x, anchors), offsets(x, anchors)


# The objectness

for name, hint, sure in (
    (
        "softmax_over_anchors",
        "Each anchor is on an object or not, by itself, which a sigmoid says; the softmax makes "
        "the anchors of a position share 1.",
        lambda x, anchors: sure_of(x, anchors, activation="softmax"),
    ),
    (
        "two_scores_an_anchor",
        "The objectness is one number for each anchor; here it is two.",
        lambda x, anchors: sure_of(x, 2 * anchors),
    ),
    (
        "softmax_of_two_scores",
        "The objectness is one number for each anchor, with a sigmoid; here there are two with a "
        "softmax.",
        lambda x, anchors: layers.Softmax()(
            layers.Reshape((*x.shape[1:3], anchors, 2))(sure_of(x, 2 * anchors, activation=None))
        ),
    ),
    (
        "one_score",
        "Each anchor has an objectness of its own; here all anchors of a position share one.",
        lambda x, anchors: sure_of(x, 1),
    ),
    (
        "logits",
        "The objectness goes through a sigmoid; here it is left as it comes out of the "
        "convolution.",
        lambda x, anchors: sure_of(x, anchors, activation=None),
    ),
    (
        "sigmoid_twice",
        "The objectness goes through one sigmoid; here through two.",
        lambda x, anchors: ops.sigmoid(sure_of(x, anchors)),
    ),
    (
        "relu_before_sigmoid",
        "The objectness goes through a sigmoid; here through a ReLU before, so that it is never "
        "below 1/2.",
        lambda x, anchors: ops.sigmoid(sure_of(x, anchors, activation="relu")),
    ),
    (
        "hard_sigmoid",
        "The objectness goes through a sigmoid; here through one of straight lines.",
        lambda x, anchors: sure_of(x, anchors, activation="hard_sigmoid"),
    ),
    (
        "background",
        "The objectness says how sure it is that an anchor is on an object; here it is 1 minus "
        "that.",
        lambda x, anchors: 1 - sure_of(x, anchors),
    ),
    (
        "objectness_as_a_list",
        "The objectness is a map of as many channels as anchors; here it is one long list.",
        lambda x, anchors: layers.Reshape((-1, 1))(sure_of(x, anchors)),
    ),
    (
        "normalised_objectness",
        "Nothing but the sigmoid belongs behind the convolution of the objectness; here a "
        "normalisation does.",
        lambda x, anchors: ops.sigmoid(
            layers.BatchNormalization()(sure_of(x, anchors, activation=None))
        ),
    ),
    (
        "hidden_layer_for_objectness",
        "The objectness comes from the shared map by one 1x1 convolution; here by two.",
        lambda x, anchors: sure_of(window(x, anchors, 1), anchors),
    ),
    (
        "pooled_objectness",
        "The objectness has a value at each position; here a whole map is averaged.",
        lambda x, anchors: layers.GlobalAveragePooling2D(keepdims=True)(sure_of(x, anchors)),
    ),
):
    bank.variant(name, hint, head, sure=sure)


# The offsets

for name, hint, offsets in (
    (
        "one_offset",
        "An anchor has four offsets, (dy, dx, dh, dw); here it has one.",
        lambda x, anchors: moved(x, anchors, each=1),
    ),
    (
        "two_offsets",
        "An anchor has four offsets, (dy, dx, dh, dw); here it has two.",
        lambda x, anchors: moved(x, anchors, each=2),
    ),
    (
        "four_offsets_for_all",
        "Each anchor has four offsets of its own; here all anchors of a position share four.",
        lambda x, anchors: moved(x, 1),
    ),
    (
        "shared_and_repeated",
        "Each anchor has four offsets of its own; here all anchors of a position share four.",
        lambda x, anchors: layers.Concatenate()([moved(x, 1)] * anchors),
    ),
    (
        "sigmoid_offsets",
        "Offsets are any numbers: no sigmoid belongs to them.",
        lambda x, anchors: moved(x, anchors, activation="sigmoid"),
    ),
    (
        "tanh_offsets",
        "Offsets are any numbers: no tanh belongs to them.",
        lambda x, anchors: moved(x, anchors, activation="tanh"),
    ),
    (
        "relu_offsets",
        "Offsets may be below 0: no ReLU belongs to them.",
        lambda x, anchors: moved(x, anchors, activation="relu"),
    ),
    (
        "offsets_as_a_list",
        "The offsets are a map of 4 * `anchors` channels; here they are one long list of fours.",
        lambda x, anchors: layers.Reshape((-1, 4))(moved(x, anchors)),
    ),
    (
        "offsets_with_an_axis_more",
        "The offsets are a map of 4 * `anchors` channels; here the four stand on an axis of "
        "their own.",
        lambda x, anchors: layers.Reshape((*x.shape[1:3], anchors, 4))(moved(x, anchors)),
    ),
    (
        "hidden_layer_for_offsets",
        "The offsets come from the shared map by one 1x1 convolution; here by two.",
        lambda x, anchors: moved(window(x, 4 * anchors, 1), anchors),
    ),
    (
        "sizes_exponentiated",
        "The offsets are left as they come out of the convolution; here the exponential is taken, "
        "which belongs to decoding.",
        lambda x, anchors: ops.exp(moved(x, anchors)),
    ),
):
    bank.variant(name, hint, head, offsets=offsets)


# The map that both read

for name, hint, before in (
    (
        "no_window",
        "Both 1x1 convolutions read the map of a 3x3 convolution; here they read `x`.",
        lambda x, filters: x,
    ),
    (
        "dense_window",
        "The first convolution is 3x3: a position sees its neighbours; here it is 1x1.",
        lambda x, filters: window(x, filters, 1),
    ),
    (
        "two_windows",
        "One 3x3 convolution comes before both 1x1 ones; here there are two.",
        lambda x, filters: window(window(x, filters), filters),
    ),
    (
        "normalised_window",
        "No normalisation belongs behind the 3x3 convolution.",
        lambda x, filters: ops.relu(
            layers.BatchNormalization()(window(x, filters, activation=None))
        ),
    ),
    (
        "depthwise_window",
        "The 3x3 convolution is an ordinary one, not a separable one.",
        lambda x, filters: layers.SeparableConv2D(filters, 3, padding="same", activation="relu")(x),
    ),
    (
        "relu_first",
        "The ReLU comes behind the 3x3 convolution; here before it.",
        lambda x, filters: window(ops.relu(x), filters, activation=None),
    ),
    (
        "window_skipped",
        "The 1x1 convolutions read the map behind the 3x3 one alone; here `x` is put beside it.",
        lambda x, filters: layers.Concatenate()([x, window(x, filters)]),
    ),
    (
        "window_of_x_channels",
        "The 3x3 convolution has `filters` filters; here as many as `x` has channels.",
        lambda x, filters: window(x, x.shape[-1]),
    ),
    (
        "always_512",
        "The 3x3 convolution has `filters` filters; here always 512, as for VGG-16 in the paper.",
        lambda x, filters: window(x, 512),
    ),
    (
        "strided_window",
        "The maps stay as large as `x`; here the 3x3 convolution has a stride of 2.",
        lambda x, filters: window(x, filters, strides=2),
    ),
):
    bank.variant(name, hint, head, before=before)


@bank.mistake(
    "Both 1x1 convolutions read one map, behind one 3x3 convolution; here each has a 3x3 "
    "convolution of its own."
)
def a_window_each(x, anchors, filters=256):
    return sure_of(window(x, filters), anchors), moved(window(x, filters), anchors)


@bank.mistake("The offsets come from the map behind the 3x3 convolution; here from `x` itself.")
def offsets_of_x(x, anchors, filters=256):
    return sure_of(window(x, filters), anchors), moved(x, anchors)


@bank.mistake("The objectness comes from the map behind the 3x3 convolution; here from `x` itself.")
def objectness_of_x(x, anchors, filters=256):
    return sure_of(x, anchors), moved(window(x, filters), anchors)


@bank.mistake("The offsets come from the map behind the 3x3 convolution; here from the objectness.")
def offsets_of_the_objectness(x, anchors, filters=256):
    sure = sure_of(window(x, filters), anchors)
    return sure, moved(sure, anchors)


@bank.mistake(
    "The objectness comes from the map behind the 3x3 convolution; here from the offsets."
)
def objectness_of_the_offsets(x, anchors, filters=256):
    offsets = moved(window(x, filters), anchors)
    return sure_of(offsets, anchors), offsets


@bank.mistake("The offsets come from the map *behind* the ReLU, as the objectness does.")
def offsets_before_relu(x, anchors, filters=256):
    y = window(x, filters, activation=None)
    return sure_of(ops.relu(y), anchors), moved(y, anchors)


@bank.mistake(
    "The objectness is one number for each anchor, with a sigmoid; here it is one of two that "
    "share 1 by a softmax."
)
def second_of_two_with_softmax(x, anchors, filters=256):
    y = window(x, filters)
    pairs = layers.Reshape((*x.shape[1:3], anchors, 2))(layers.Conv2D(2 * anchors, 1)(y))
    return ops.softmax(pairs)[..., 1], moved(y, anchors)


@bank.mistake(
    "Both results are maps, as high and wide as `x`; here they are long lists of anchors."
)
def both_as_lists(x, anchors, filters=256):
    objectness, offsets = rpn_head(x, anchors, filters)
    return layers.Reshape((-1, 1))(objectness), layers.Reshape((-1, 4))(offsets)


@bank.mistake("Both results are maps, as high and wide as `x`; here they are flattened.")
def both_flattened(x, anchors, filters=256):
    objectness, offsets = rpn_head(x, anchors, filters)
    return layers.Reshape((-1,))(objectness), layers.Reshape((-1, 4))(offsets)
