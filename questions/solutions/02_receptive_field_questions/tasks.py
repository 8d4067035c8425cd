"""Questions on chapter 02: see `docs/authoring.md`, "Sheets of questions"."""

import keras
from keras import layers

from autograder.data.arguments import Input
from autograder.setting.questions import Bug, Choice, Number, Sheet, Written
from autograder.setting.task import trial


def field(steps):
    """The side of the smallest picture of which these (stride, dilation) make one pixel."""

    def side(size):
        x = inputs = keras.Input((size, size, 1))
        for stride, dilation in steps:
            x = layers.Conv2D(1, 3, strides=stride, dilation_rate=dilation)(x)
        return keras.Model(inputs, x).output_shape[1]

    for size in range(3, 64):
        try:
            if side(size) >= 1:
                return size
        except ValueError:
            continue
    raise ValueError("larger than 63")


def wide(x, filters):
    for rate in (1, 2, 4):
        x = layers.Conv2D(filters, 3, dilation_rate=rate, padding="same", activation="relu")(x)
    return x


def given(x, filters):
    for rate in (1, 2, 2):
        x = layers.Conv2D(filters, 3, dilation_rate=rate, padding="same", activation="relu")(x)
    return x


SHEET = Sheet(
    title="Receptive fields",
    questions=[
        Number(
            "field_of_three",
            "Three 3x3 convolutions stand in a row, the second with stride 2. How many pixels wide "
            "is "
            "the receptive field of one output?",
            truth=lambda: field([(1, 1), (2, 1), (1, 1)]),
            wrong=[
                ("That is without the stride.", lambda: field([(1, 1)] * 3)),
                (
                    "The stride of the second one widens what comes behind it, too.",
                    lambda: field([(1, 1)] * 3) + 1,
                ),
            ],
        ),
        Choice(
            "dilated",
            "And of three 3x3 convolutions with dilations 1, 2 and 4, all with stride 1?",
            options=[("7", 7), ("11", 11), ("15", 15), ("27", 27)],
            truth=lambda: field([(1, 1), (1, 2), (1, 4)]),
        ),
    ],
    bug=Bug(
        wide,
        given,
        "`wide(x, filters)` is to be three 3x3 convolutions with `filters` filters, `same` padding "
        "and "
        "ReLU, with a receptive field of 15 x 15 pixels, twice as dilated each time. It has "
        "another "
        "one. Mend it.",
        trials=lambda rng: [
            trial(x=Input((17, 16, 3)), filters=5),
            trial(x=Input((16, 19, 2)), filters=4),
        ],
    ),
    written=Written(
        "field_and_sight",
        "Two nets have the same receptive field, one by strides, one by dilations. What can the "
        "second "
        "one do that the first cannot, and what does it cost? Two or three sentences.",
        rubric=[
            (1, "it keeps the resolution: an answer for every pixel"),
            (1, "its maps stay large, so it takes more multiplications and memory; or it has gaps"),
        ],
    ),
)
TASKS = SHEET.tasks()
