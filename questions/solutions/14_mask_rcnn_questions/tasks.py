"""Questions on chapter 14: see `docs/authoring.md`, "Sheets of questions"."""

import numpy as np
from keras import layers

from autograder.data.arguments import Input
from autograder.setting.questions import Bug, Choice, Number, Sheet, Written
from autograder.setting.task import trial


def sample(low, high, bins, samples, place):
    """The place of a sampling point of RoIAlign along an axis."""
    step = (high - low) / (bins * samples)
    return float((low + (np.arange(bins * samples) + 0.5) * step)[place])


def parameters():
    layer = layers.Conv2DTranspose(256, 2, strides=2)
    layer.build((None, 14, 14, 256))
    return layer.count_params()


def small_head(x, classes, filters):
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    x = layers.Conv2DTranspose(filters, 2, strides=2, activation="relu")(x)
    return layers.Conv2D(classes, 1, activation="sigmoid")(x)


def given(x, classes, filters):
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    x = layers.Conv2DTranspose(filters, 2, strides=2)(x)
    return layers.Conv2D(classes, 1, activation="sigmoid")(x)


SHEET = Sheet(
    title="Masks",
    questions=[
        Number(
            "first_sample",
            "RoIAlign reads a box from y = 1 to y = 4 into two bins, with two samples a bin along "
            "y. At which y "
            "does the first sample lie?",
            truth=lambda: sample(1, 4, 2, 2, 0),
            within=0.01,
            wrong=[
                ("Samples lie in the middle of their part of a bin.", lambda: 1.0),
                ("That is the middle of the first bin; it has two samples.", lambda: 1.75),
            ],
        ),
        Choice(
            "transposed",
            "How many parameters has the transposed 2x2 convolution of the mask head, from 256 "
            "channels to 256?",
            options=[
                ("65,792", 65792),
                ("262,144", 262144),
                ("262,400", 262400),
                ("590,080", 590080),
            ],
            truth=parameters,
        ),
    ],
    bug=Bug(
        small_head,
        given,
        "`small_head(x, classes, filters)` is to be a short mask head: a 3x3 convolution with "
        "`filters` filters, "
        "`same`, ReLU; a transposed 2x2 with stride 2 to `filters` channels, ReLU; a 1x1 to "
        "`classes` with a "
        "sigmoid. Mend it.",
        trials=lambda rng: [
            trial(x=Input((3, 5, 4)), classes=2, filters=6),
            trial(x=Input((4, 2, 5)), classes=3, filters=7),
        ],
    ),
    written=Written(
        "why_sigmoid",
        "The mask head has a sigmoid for each class, not a softmax over the classes. Why, and "
        "which branch "
        "decides on the class?",
        rubric=[
            (1, "the classes need not compete for pixels"),
            (1, "the class branch picks the mask that counts"),
        ],
    ),
)
TASKS = SHEET.tasks()
