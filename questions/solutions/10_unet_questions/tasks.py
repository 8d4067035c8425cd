"""Questions on chapter 10: see `docs/authoring.md`, "Sheets of questions"."""

import keras
import numpy as np
from keras import layers

from autograder.data.arguments import Input
from autograder.setting.questions import Bug, Choice, Number, Sheet, Written
from autograder.setting.task import trial


def side(padding):
    """What is left of 60 pixels by a U-Net with one step down and one up."""
    x = inputs = keras.Input((60, 60, 1))

    def convolved(x):
        for _ in range(2):
            x = layers.Conv2D(1, 3, padding=padding)(x)
        return x

    x = layers.MaxPooling2D(2)(convolved(x))
    x = layers.UpSampling2D(2)(convolved(x))
    return keras.Model(inputs, convolved(x)).output_shape[1]


def dice(truth, probability, epsilon=1.0):
    overlap = np.sum(truth * probability)
    return (2 * overlap + epsilon) / (np.sum(truth) + np.sum(probability) + epsilon)


def step_up(x, skip, filters):
    x = layers.Conv2DTranspose(filters, 2, strides=2)(x)
    x = layers.Concatenate()([skip, x])
    return layers.Conv2D(filters, 3, padding="same", activation="relu")(x)


def given(x, skip, filters):
    x = layers.Conv2DTranspose(filters, 2, strides=2)(x)
    x = layers.Concatenate()([x, x])
    return layers.Conv2D(filters, 3, padding="same", activation="relu")(x)


SHEET = Sheet(
    title="The U-Net",
    questions=[
        Number(
            "what_is_left",
            "A small U-Net: two 3x3 convolutions, a 2x2 pool, two convolutions, doubled, two "
            "convolutions, "
            "all `valid`. It reads 60 x 60 pixels. How many pixels high is what it gives?",
            truth=lambda: side("valid"),
            wrong=[("That is with `same` padding.", lambda: side("same"))],
        ),
        Choice(
            "empty_masks",
            "The truth is an empty mask and so is the prediction. What is their Dice coefficient, "
            "with an "
            "epsilon of 1?",
            options=[("0", 0.0), ("1/2", 0.5), ("1", 1.0)],
            truth=lambda: float(dice(np.zeros(9), np.zeros(9))),
        ),
    ],
    bug=Bug(
        step_up,
        given,
        "`step_up(x, skip, filters)` is to double `x` by a transposed 2x2 convolution with stride "
        "2 and "
        "`filters` filters, to put `skip` before it along the channels, and to apply a 3x3 "
        "convolution with "
        "`filters` filters, `same`, ReLU. Here `skip` has `filters` channels. Mend it.",
        trials=lambda rng: [
            trial(x=Input((3, 4, 5)), skip=Input((6, 8, 6)), filters=6),
            trial(x=Input((4, 3, 6)), skip=Input((8, 6, 5)), filters=5),
        ],
    ),
    written=Written(
        "what_skips_carry",
        "What does the way down lose, and what do the skips bring back? Two or three sentences.",
        rubric=[
            (1, "pooling loses where exactly things are"),
            (1, "skips bring fine maps to where it is known what things are"),
        ],
    ),
)
TASKS = SHEET.tasks()
