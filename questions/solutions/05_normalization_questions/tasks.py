"""Questions on chapter 05: see `docs/authoring.md`, "Sheets of questions"."""

import numpy as np
from keras import layers, ops

from autograder.data.arguments import Input
from autograder.setting.questions import Bug, Choice, Number, Sheet, Written
from autograder.setting.task import trial


def moving_mean(momentum):
    """Of a fresh layer that has seen two batches of tens in training."""
    norm = layers.BatchNormalization(momentum=momentum)
    for _ in range(2):
        norm(ops.full((4, 1), 10.0), training=True)
    return float(ops.convert_to_numpy(norm.moving_mean)[0])


def one_number_a_group():
    """Group normalisation of one pixel, with as many groups as channels."""
    norm = layers.GroupNormalization(groups=3)
    return ops.convert_to_numpy(norm(ops.array([[[[2.0, -1.0, 5.0]]]])))[0, 0, 0]


def conv_norm(x, filters):
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))


def given(x, filters):
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, activation="relu")(x)
    return layers.BatchNormalization()(x)


SHEET = Sheet(
    title="Normalisation",
    questions=[
        Number(
            "moving_mean",
            "A fresh batch normalisation with momentum 0.9 sees two batches in training in which "
            "every "
            "number is 10. Its moving mean began at 0. What is it now?",
            truth=lambda: moving_mean(0.9),
            within=0.01,
            wrong=[
                ("The momentum is the part that the *old* mean keeps.", lambda: moving_mean(0.1)),
                ("That is the mean after one batch.", lambda: 10 * (1 - 0.9)),
            ],
        ),
        Choice(
            "one_a_group",
            "Group normalisation with as many groups as channels, on a map of a single pixel with "
            "the "
            "channels 2, -1 and 5. What does a fresh layer give?",
            options=[
                ("2, -1 and 5", np.array([2.0, -1.0, 5.0])),
                ("0, 0 and 0", np.zeros(3)),
                ("1, -1 and 1", np.array([1.0, -1.0, 1.0])),
            ],
            truth=one_number_a_group,
        ),
    ],
    bug=Bug(
        conv_norm,
        given,
        "`conv_norm(x, filters)` is to be a 3x3 convolution with `filters` filters, `same` padding "
        "and "
        "no bias, then batch normalisation, then ReLU. Mend what is not so.",
        trials=lambda rng: [
            trial(x=Input((7, 6, 3)), filters=5),
            trial(x=Input((6, 8, 4)), filters=2),
        ],
    ),
    written=Written(
        "small_batches",
        "Why does batch normalisation suffer from batches of two pictures, and group normalisation "
        "does "
        "not? Two or three sentences.",
        rubric=[
            (1, "its mean and variance are of the batch: of few numbers they are far off"),
            (1, "a group's are of one picture, whatever the batch"),
        ],
    ),
)
TASKS = SHEET.tasks()
