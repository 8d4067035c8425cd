"""Questions on chapter 09: see `docs/authoring.md`, "Sheets of questions"."""

import keras
from keras import layers, ops

from autograder.data.arguments import Input
from autograder.setting.questions import Bug, Choice, Number, Sheet, Written
from autograder.setting.task import trial


def side(padding):
    """The side of what a 3x3 transposed convolution with stride 2 makes of 5 pixels."""
    x = keras.Input((5, 5, 1))
    return layers.Conv2DTranspose(1, 3, strides=2, padding=padding)(x).shape[1]


def shuffled_channels():
    return ops.convert_to_numpy(ops.depth_to_space(ops.zeros((1, 4, 4, 12)), 2)).shape[-1]


def enlarge(x, filters):
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    return layers.Conv2D(filters, 3, padding="same", activation="relu")(x)


def given(x, filters):
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return layers.UpSampling2D(2, interpolation="bilinear")(x)


SHEET = Sheet(
    title="Upsampling",
    questions=[
        Number(
            "side_of_transposed",
            "A transposed convolution with a 3x3 kernel, stride 2 and `valid` padding reads 5 x 5 "
            "pixels. How many pixels high is the result?",
            truth=lambda: side("valid"),
            wrong=[("That is with `same` padding.", lambda: side("same"))],
        ),
        Choice(
            "shuffled",
            "A pixel shuffle with factor 2 reads maps with 12 channels. How many channels does it "
            "give?",
            options=[("3", 3), ("6", 6), ("12", 12), ("48", 48)],
            truth=shuffled_channels,
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
