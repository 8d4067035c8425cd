"""Answers to `fcn8_head`, right and wrong."""

import keras
import numpy as np
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import fcn8_head

bank = Bank(fcn8_head)


def enlarged(x, times, way="bilinear"):
    """A map so many times as large."""
    return layers.UpSampling2D(times, interpolation=way)(x)


# Right


@bank.accepted
def with_operators(pool3, pool4, pool5, classes):
    three, four, five = (layers.Dense(classes)(pool) for pool in (pool3, pool4, pool5))
    sum4 = four + enlarged(five, 2)
    return enlarged(three + enlarged(sum4, (2, 2)), (8, 8))


class Head(layers.Layer):
    def __init__(self, classes):
        super().__init__()
        self.classes = classes

    def build(self, shapes):
        self.scores = []
        for shape in shapes:
            kernel = self.add_weight(shape=(shape[-1], self.classes))
            self.scores.append((kernel, self.add_weight(shape=(self.classes,))))

    def call(self, pools):
        total = None
        for pool, (kernel, bias) in zip(reversed(pools), reversed(self.scores), strict=True):
            score = ops.matmul(pool, kernel) + bias
            total = score if total is None else score + self.grown(total, 2)
        return self.grown(total, 8)

    def grown(self, x, times):
        height, width = x.shape[1:3]
        return ops.image.resize(x, (times * height, times * width), "bilinear")


@bank.accepted
def as_layer(pool3, pool4, pool5, classes):
    return Head(classes)([pool3, pool4, pool5])


def weights_of_rows(side, times):
    """The matrix that enlarges `side` rows bilinearly, (times * side, side)."""
    places = (np.arange(times * side) + 0.5) / times - 0.5
    low = np.floor(places).astype(int)
    part = places - low
    matrix = np.zeros((times * side, side), "float32")
    for row, (first, share) in enumerate(zip(low, part, strict=True)):
        matrix[row, min(max(first, 0), side - 1)] += 1 - share
        matrix[row, min(max(first + 1, 0), side - 1)] += share
    return matrix


def by_matrices(x, times):
    rows, columns = (weights_of_rows(side, times) for side in x.shape[1:3])
    return ops.einsum("yh,nhwc,xw->nyxc", rows, x, columns)


@bank.accepted
def enlarged_by_matrices(pool3, pool4, pool5, classes):
    x = by_matrices(layers.Conv2D(classes, (1, 1), padding="same")(pool5), 2)
    x = by_matrices(x + layers.Conv2D(classes, 1)(pool4), 2)
    return by_matrices(layers.Add()([layers.Conv2D(classes, 1)(pool3), x]), 8)


@bank.accepted
def scored_when_enlarged(pool3, pool4, pool5, classes):
    x = layers.Conv2D(classes, 1)(enlarged(pool5, 2))
    four = layers.Conv2D(classes, 1)(pool4)
    x = enlarged(layers.Add()([four, x]), 2)
    three = keras.Sequential([layers.Conv2D(classes, 1), layers.Activation("linear")])(pool3)
    return enlarged(layers.Add()([three, x]), 8)


@bank.accepted
def each_enlarged_by_itself(pool3, pool4, pool5, classes):
    three, four, five = (layers.Conv2D(classes, 1)(pool) for pool in (pool3, pool4, pool5))
    four, five = enlarged(four, 2), enlarged(enlarged(five, 2), 2)
    return enlarged(layers.Add()([five, four, three]), 8)


# Wrong


def head_like(
    pool3,
    pool4,
    pool5,
    classes,
    ways=("bilinear",) * 3,
    times=(2, 2, 8),
    kernels=(1, 1, 1),
    used=(5, 4, 3),
    activation=None,
    merge=lambda a, b: a + b,
    behind=None,
    learnt=False,
    biases=True,
    norm=False,
    end=None,
):
    """The head with something otherwise."""
    maps = {3: pool3, 4: pool4, 5: pool5}
    scores = []
    for number, kernel in zip((5, 4, 3), kernels, strict=True):
        conv = layers.Conv2D(classes, kernel, padding="same", use_bias=biases)
        score = conv(maps[number]) if number in used else None
        if score is not None and norm:
            score = layers.BatchNormalization()(score)
        if score is not None and activation:
            score = layers.Activation(activation)(score)
        scores.append(score)

    def larger(x, place):
        factor = times[place]
        if learnt:
            return layers.Conv2DTranspose(classes, 2 * factor, factor, padding="same")(x)
        return enlarged(x, factor, ways[place])

    x = scores[0]
    for place, score in enumerate(scores[1:]):
        x = larger(x, place)
        if score is not None:
            x = merge(x, score)
        if behind:
            x = behind(x)
    x = larger(x, 2)
    return end(x) if end else x


def wrong(name, hint, **options):
    bank.variant(name, hint, head_like, **options)


wrong("nearest", "Each enlargement is bilinear, here all take the nearest.", ways=("nearest",) * 3)
wrong(
    "nearest_at_first",
    "Pool5's and pool4's scores are doubled bilinearly too, not only the last enlargement.",
    ways=("nearest", "nearest", "bilinear"),
)
wrong("bicubic", "The enlargements are bilinear, not bicubic.", ways=("bicubic",) * 3)
wrong("bicubic_at_last", "The last enlargement is bilinear too, not bicubic.",
      ways=("bilinear", "bilinear", "bicubic"))  # fmt: skip
wrong(
    "learnt_upsampling",
    "The enlargement has weights of its own (a transposed convolution); a plain bilinear one is "
    "asked for.",
    learnt=True,
)
wrong("without_pool3", "Pool3's scores are not used: this is FCN-16s.", used=(5, 4))
wrong("without_pool4", "Pool4's scores are not used.", used=(5, 3))
wrong("only_pool5", "Only pool5's scores are used: this is FCN-32s.", used=(5,))
wrong("three_by_three", "The scores come from 1x1 convolutions, not 3x3 ones.", kernels=(3, 3, 3))
wrong("seven_on_pool5", "Pool5's scores come from a 1x1 convolution too.", kernels=(7, 1, 1))
wrong("relu_on_scores", "The scores have no activation: a ReLU would let none speak against a "
      "class.", activation="relu")  # fmt: skip
wrong("softmax_on_scores", "The scores are added as they are, with no softmax before.",
      activation="softmax")  # fmt: skip
wrong("softmax_at_the_end", "No softmax belongs at the end: what is asked for are scores.",
      end=ops.softmax)  # fmt: skip
wrong("sigmoid_at_the_end", "No sigmoid belongs at the end: what is asked for are scores.",
      end=ops.sigmoid)  # fmt: skip
wrong("relu_behind_sums", "No activation belongs behind the sums.", behind=ops.relu)
wrong("all_without_biases", "The score convolutions lack their biases: each has one.", biases=False)
wrong("normalised", "No normalisation belongs behind the score convolutions.", norm=True)
wrong("averaged", "The maps are added; here the mean of two is taken.",
      merge=lambda a, b: (a + b) / 2)  # fmt: skip
wrong("multiplied", "The maps are added, not multiplied.", merge=lambda a, b: a * b)
wrong("larger_of_both", "The maps are added; here the larger of two is taken.", merge=ops.maximum)
wrong("subtracted", "The maps are added; here one is subtracted.", merge=lambda a, b: b - a)
wrong("four_times", "At the end the map is enlarged 8 times, not 4: pool3 is an eighth of the "
      "picture.", times=(2, 2, 4))  # fmt: skip
wrong("sixteen_times", "At the end the map is enlarged 8 times, not 16.", times=(2, 2, 16))
wrong("not_enlarged", "The last enlargement, 8 times, is missing.", times=(2, 2, 1))


@bank.mistake("Pool3's scores are not used, and pool4's are enlarged 16 times: this is FCN-16s.")
def sixteen_at_once(pool3, pool4, pool5, classes):
    four, five = (layers.Conv2D(classes, 1)(pool) for pool in (pool4, pool5))
    return enlarged(four + enlarged(five, 2), 16)


@bank.mistake("Only pool5's scores are used, enlarged 32 times: this is FCN-32s.")
def thirty_two_at_once(pool3, pool4, pool5, classes):
    return enlarged(layers.Conv2D(classes, 1)(pool5), 32)


@bank.mistake("At the end the map is enlarged 8 times at once, not by doubling it three times.")
def doubled_thrice(pool3, pool4, pool5, classes):
    x = head_like(pool3, pool4, pool5, classes, times=(2, 2, 1))
    return enlarged(enlarged(enlarged(x, 2), 2), 2)


@bank.mistake(
    "Pool5's scores are enlarged 4 times at once; they are doubled, and doubled again with pool4's."
)
def pool5_at_once(pool3, pool4, pool5, classes):
    three, four, five = (layers.Conv2D(classes, 1)(pool) for pool in (pool3, pool4, pool5))
    return enlarged(enlarged(five, 4) + enlarged(four, 2) + three, 8)


@bank.mistake("Each map is enlarged to the picture's size by itself; add them on the way instead.")
def each_to_the_end(pool3, pool4, pool5, classes):
    three, four, five = (layers.Conv2D(classes, 1)(pool) for pool in (pool3, pool4, pool5))
    return enlarged(five, 32) + enlarged(four, 16) + enlarged(three, 8)


@bank.mistake("Each map has a score convolution of its own; here the maps are concatenated first.")
def concatenated(pool3, pool4, pool5, classes):
    maps = [enlarged(pool5, 4), enlarged(pool4, 2), pool3]
    return enlarged(layers.Conv2D(classes, 1)(layers.Concatenate()(maps)), 8)


@bank.mistake("The maps of scores are added, not concatenated.")
def scores_concatenated(pool3, pool4, pool5, classes):
    return head_like(pool3, pool4, pool5, classes, merge=lambda a, b: ops.concatenate([a, b], -1))


@bank.mistake("Pool3's scores are halved to fit pool4's; it is the coarser map that is enlarged.")
def finer_made_smaller(pool3, pool4, pool5, classes):
    three, four, five = (layers.Conv2D(classes, 1)(pool) for pool in (pool3, pool4, pool5))
    four = four + layers.AveragePooling2D(2)(three)
    return enlarged(five + layers.AveragePooling2D(2)(four), 32)


@bank.mistake("The corners are aligned here: `UpSampling2D` takes pixels as areas.")
def corners_aligned(pool3, pool4, pool5, classes):
    def larger(x, times):
        for axis in (1, 2):
            side = x.shape[axis]
            places = np.linspace(0, side - 1, times * side)
            low = np.minimum(places.astype(int), max(side - 2, 0))
            shape = (-1, 1, 1) if axis == 1 else (-1, 1)
            part = (places - low).astype("float32").reshape(shape)
            first, second = (ops.take(x, i, axis) for i in (low, np.minimum(low + 1, side - 1)))
            x = first * (1 - part) + second * part
        return x

    three, four, five = (layers.Conv2D(classes, 1)(pool) for pool in (pool3, pool4, pool5))
    return larger(larger(larger(five, 2) + four, 2) + three, 8)
