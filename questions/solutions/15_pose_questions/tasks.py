"""Questions on chapter 15: see `docs/authoring.md`, "Sheets of questions"."""

import math

import numpy as np
from keras import layers

from autograder.data.arguments import Input
from autograder.setting.questions import Bug, Choice, Number, Sheet, Written
from autograder.setting.task import trial


def heat(distance, sigma):
    return math.exp(-(distance**2) / (2 * sigma**2))


def soft_argmax(logits):
    """The mean place along a row, weighed by a softmax."""
    powers = np.exp(logits - np.max(logits))
    return float(np.sum(powers / powers.sum() * np.arange(len(logits))))


def level(x, filters):
    y = layers.MaxPooling2D(2)(x)
    y = layers.Conv2D(filters, 3, padding="same", activation="relu")(y)
    return layers.Add()([x, layers.UpSampling2D(2)(y)])


def given(x, filters):
    y = layers.MaxPooling2D(2)(x)
    y = layers.Conv2D(filters, 3, padding="same", activation="relu")(y)
    return layers.UpSampling2D(2)(y)


SHEET = Sheet(
    title="Pose",
    questions=[
        Number(
            "heat",
            "A heat map with sigma 2, as in the chapter. What is its value 3 pixels from the key "
            "point?",
            truth=lambda: heat(3, 2),
            within=0.005,
            wrong=[
                (
                    "The square of the distance is divided by *twice* the square of sigma.",
                    lambda: math.exp(-9 / 4),
                ),
                ("Distance and sigma are both squared.", lambda: math.exp(-3 / 4)),
            ],
        ),
        Choice(
            "level_map",
            "A row of 5 logits is the same everywhere. Where does soft-argmax put the key point?",
            options=[("at 0", 0.0), ("at 2", 2.0), ("at 2.5", 2.5), ("at 4", 4.0)],
            truth=lambda: soft_argmax(np.zeros(5)),
        ),
    ],
    bug=Bug(
        level,
        given,
        "`level(x, filters)` is to be one level of an hourglass, for an `x` with `filters` "
        "channels: pooled 2x2, "
        "a 3x3 convolution with `filters` filters, `same`, ReLU, doubled again, plus `x`. Mend it.",
        trials=lambda rng: [
            trial(x=Input((6, 8, 5)), filters=5),
            trial(x=Input((8, 4, 6)), filters=6),
        ],
    ),
    written=Written(
        "why_maps",
        "Why do most nets for poses give a heat map for each joint and not simply two numbers?",
        rubric=[
            (
                1,
                "a map is found by convolutions, place by place; numbers need all of the picture "
                "at once",
            ),
            (1, "a map can say that two places are likely"),
        ],
    ),
)
TASKS = SHEET.tasks()
