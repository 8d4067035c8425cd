"""Answers to `conv1x1_head`, right and wrong."""

import keras
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import conv1x1_head

bank = Bank(conv1x1_head)


# Right


@bank.accepted
def dense_on_maps(x, classes):
    """A dense layer works on the last axis: it is a 1x1 convolution."""
    return ops.softmax(ops.mean(layers.Dense(classes)(x), axis=(1, 2)))


@bank.accepted
def mean_first(x, classes):
    """The mean of sums is the sum of the means."""
    return layers.Dense(classes, activation="softmax")(layers.GlobalAveragePooling2D()(x))


@bank.accepted
def mean_kept_as_a_map(x, classes):
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Conv2D(classes, (1, 1))(x)
    return layers.Softmax()(layers.Flatten()(x))


@bank.accepted
def one_large_pool(x, classes):
    x = layers.Conv2D(classes, 1, padding="same")(x)
    x = layers.AveragePooling2D(x.shape[1:3])(x)
    return layers.Activation("softmax")(layers.Reshape((classes,))(x))


class Head(layers.Layer):
    def __init__(self, classes):
        super().__init__()
        self.classes = classes

    def build(self, shape):
        self.bias = self.add_weight(shape=(self.classes,), initializer="zeros")
        self.matrix = self.add_weight(shape=(shape[-1], self.classes), initializer="he_normal")

    def call(self, x):
        scores = ops.einsum("nhwc,ck->nk", x, self.matrix)
        scores = scores / (x.shape[1] * x.shape[2]) + self.bias
        powers = ops.exp(scores - ops.max(scores, axis=-1, keepdims=True))
        return powers / ops.sum(powers, axis=-1, keepdims=True)


@bank.accepted
def layer_of_its_own(x, classes):
    return Head(classes)(x)


@bank.accepted
def class_by_class(x, classes):
    """A convolution of one filter for each class."""
    maps = [layers.Conv2D(1, 1)(x) for _ in range(classes)]
    scores = ops.concatenate([ops.mean(one, axis=(1, 2)) for one in maps], axis=-1)
    return ops.softmax(scores, axis=-1)


@bank.accepted
def inner_model(x, classes):
    parts = [layers.Conv2D(classes, 1), layers.GlobalAveragePooling2D()]
    return keras.Sequential([*parts, layers.Dropout(0.4), layers.Activation("softmax")])(x)


# Wrong: the order of the steps


@bank.mistake("The mean is taken of the scores; the softmax comes after it, once a picture.")
def softmax_at_every_pixel(x, classes):
    x = layers.Conv2D(classes, 1, activation="softmax")(x)
    return layers.GlobalAveragePooling2D()(x)


@bank.mistake("The softmax comes once, after the mean; here it is taken at every pixel as well.")
def softmax_twice(x, classes):
    x = layers.Conv2D(classes, 1, activation="softmax")(x)
    return layers.Softmax()(layers.GlobalAveragePooling2D()(x))


@bank.mistake("The 1x1 convolution has no activation: scores may be negative.")
def relu_on_maps(x, classes):
    x = layers.Conv2D(classes, 1, activation="relu")(x)
    return layers.Softmax()(layers.GlobalAveragePooling2D()(x))


@bank.mistake("The mean goes into the softmax as it is, without a ReLU.")
def relu_on_mean(x, classes):
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(classes, 1)(x))
    return layers.Softmax()(layers.ReLU()(x))


@bank.mistake("Nothing comes before the 1x1 convolution: `x` goes into it as it is.")
def relu_before(x, classes):
    return conv1x1_head(layers.ReLU()(x), classes)


@bank.mistake("There is no normalisation in this head.")
def normalised(x, classes):
    x = layers.BatchNormalization()(layers.Conv2D(classes, 1)(x))
    return layers.Softmax()(layers.GlobalAveragePooling2D()(x))


# Wrong: what becomes of the positions


@bank.mistake(
    "A Flatten, or a kernel as large as the map, makes the weights depend on its size; the mean "
    "over all positions does not."
)
def flattened(x, classes):
    return layers.Dense(classes, activation="softmax")(layers.Flatten()(x))


@bank.mistake("The maps are averaged over all positions, not summed.")
def summed(x, classes):
    return ops.softmax(ops.sum(layers.Conv2D(classes, 1)(x), axis=(1, 2)))


@bank.mistake("The mean over all positions is meant, not the maximum.")
def maximum(x, classes):
    x = layers.GlobalMaxPooling2D()(layers.Conv2D(classes, 1)(x))
    return layers.Softmax()(x)


@bank.mistake("The mean is over rows and columns; here only the middle position is read.")
def middle(x, classes):
    x = layers.Conv2D(classes, 1)(x)
    return ops.softmax(x[:, x.shape[1] // 2, x.shape[2] // 2])


@bank.mistake("The mean is over all positions; here only the first one is read.")
def corner(x, classes):
    return ops.softmax(layers.Conv2D(classes, 1)(x)[:, 0, 0])


@bank.mistake("The mean is over all rows too; here a single row is read.")
def first_row(x, classes):
    return ops.softmax(ops.mean(layers.Conv2D(classes, 1)(x)[:, 0], axis=1))


@bank.mistake("A pool of 2x2 leaves many positions: the mean is over all of them.")
def small_pool(x, classes):
    x = layers.AveragePooling2D(2)(layers.Conv2D(classes, 1)(x))
    return ops.softmax(x[:, 0, 0])


@bank.mistake("The result is (N, classes): the mean leaves no rows and columns, not even one each.")
def sides_of_one(x, classes):
    x = layers.GlobalAveragePooling2D(keepdims=True)(layers.Conv2D(classes, 1)(x))
    return layers.Softmax()(x)


@bank.mistake("One answer for the whole picture is asked for, not one for each position.")
def at_every_position(x, classes):
    return layers.Conv2D(classes, 1, activation="softmax")(x)


# Wrong: the softmax


@bank.mistake("The softmax at the end is missing: probabilities are asked for.")
def without_softmax(x, classes):
    return layers.GlobalAveragePooling2D()(layers.Conv2D(classes, 1)(x))


@bank.mistake("The classes exclude each other: a softmax over them, not a sigmoid for each.")
def sigmoid(x, classes):
    return ops.sigmoid(layers.GlobalAveragePooling2D()(layers.Conv2D(classes, 1)(x)))


@bank.mistake("Probabilities are asked for (softmax), not their logarithms.")
def logarithms(x, classes):
    return ops.log_softmax(layers.GlobalAveragePooling2D()(layers.Conv2D(classes, 1)(x)))


@bank.mistake("The softmax is over the classes (the last axis), not over the pictures of a batch.")
def softmax_of_batch(x, classes):
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(classes, 1)(x))
    return ops.softmax(x, axis=0)


@bank.mistake("The softmax is over the classes, after the mean; here it is over the positions.")
def softmax_of_positions(x, classes):
    maps = layers.Reshape((-1, classes))(layers.Conv2D(classes, 1)(x))
    return ops.mean(ops.softmax(maps, axis=1) * maps, axis=1)


@bank.mistake("Two classes are two outputs with a softmax, like any other number of them.")
def one_output_for_two(x, classes):
    if classes > 2:
        return conv1x1_head(x, classes)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(1, 1)(x))
    return ops.sigmoid(x)


# Wrong: the weights


@bank.mistake("The kernel is 1x1: it sees one pixel at a time.")
def kernel_of_three(x, classes):
    x = layers.Conv2D(classes, 3, padding="same")(x)
    return layers.Softmax()(layers.GlobalAveragePooling2D()(x))


@bank.mistake("One 1x1 convolution makes the classes; there is no dense layer behind it.")
def with_dense(x, classes):
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(classes, 1)(x))
    return layers.Dense(classes, activation="softmax")(x)


@bank.mistake("There is one 1x1 convolution, straight from the channels of `x` to the classes.")
def two_layers(x, classes):
    x = layers.Conv2D(x.shape[-1], 1, activation="relu")(x)
    return conv1x1_head(x, classes)


@bank.mistake("The number of classes is the argument `classes`, not always ten.")
def ten(x, classes):
    return conv1x1_head(x, 10)


@bank.mistake("Each class has a weight for every channel; here a mean over channels comes first.")
def mean_of_channels(x, classes):
    return conv1x1_head(ops.mean(x, axis=-1, keepdims=True), classes)
