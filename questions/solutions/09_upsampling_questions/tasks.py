"""Questions on chapter 09: see `docs/authoring.md`, "Sheets of questions"."""

import keras
import numpy as np
from keras import layers, ops

from autograder.data.arguments import Input
from autograder.setting.questions import Bug, Choice, Number, Sheet, Written
from autograder.setting.task import trial


def side(padding):
    """The side of what a 5x5 transposed convolution with stride 2 makes of 7 pixels."""
    x = keras.Input((7, 7, 1))
    return layers.Conv2DTranspose(1, 5, strides=2, padding=padding)(x).shape[1]


def leaves_the_range():
    """1 if bicubic enlargement of 0, 0, 8, 8 makes a value above 8, and 2 more if one below 0."""
    row = np.array([0, 0, 8, 8], "float32").reshape(1, 1, 4, 1)
    values = ops.convert_to_numpy(ops.image.resize(row, (1, 16), "bicubic"))
    return int(values.max() > 8) + 2 * int(values.min() < 0)


def enlarge(x, filters):
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    return layers.Conv2D(filters, 3, padding="same", activation="relu")(x)


def given(x, filters):
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return layers.UpSampling2D(2, interpolation="bilinear")(x)


SHEET = Sheet(
    title="Upsampling",
    questions=[
        Choice(
            "overshoot",
            "A row of four pixels, 0, 0, 8 and 8, is made sixteen by bicubic interpolation. Does a "
            "value above 8 occur, or one below 0?",
            options=[("neither", 0), ("above 8 only", 1), ("below 0 only", 2), ("both", 3)],
            truth=leaves_the_range,
        ),
        Number(
            "side_of_transposed",
            "A transposed convolution with a 5x5 kernel, stride 2 and `valid` padding reads 7 x 7 "
            "pixels. How many pixels high is the result?",
            truth=lambda: side("valid"),
            wrong=[("That is with `same` padding.", lambda: side("same"))],
        ),
    ],
    bug=Bug(
        enlarge,
        given,
        "`enlarge(x, filters)` is to double the map bilinearly first, and then to smooth what came "
        "of it "
        "by a 3x3 convolution with `filters` filters, `same` padding and ReLU. Mend it.",
        trials=lambda rng: [
            trial(x=Input((5, 4, 3)), filters=5),
            trial(x=Input((4, 6, 4)), filters=2),
        ],
    ),
    written=Written(
        "checkerboard",
        "Where do the checkerboards of transposed convolutions come from, and how can they be "
        "avoided?",
        rubric=[
            (1, "kernels overlap unevenly where their size is no multiple of the stride"),
            (1, "enlarge first and then convolve, or take such a multiple"),
        ],
    ),
)
TASKS = SHEET.tasks()
