"""Questions on chapter 06: see `docs/authoring.md`, "Sheets of questions"."""

import keras
from keras import layers

from autograder.data.arguments import Input
from autograder.setting.questions import Bug, Choice, Number, Sheet, Written
from autograder.setting.task import trial


def multiplications(kernel, channels, filters, pixels=14 * 14):
    return pixels * kernel * kernel * channels * filters


def saved():
    """How many times cheaper the 5x5 convolution is behind a 1x1 one with 16 filters."""
    reduced = multiplications(1, 192, 16) + multiplications(5, 16, 32)
    return multiplications(5, 192, 32) / reduced


def channels():
    x = keras.Input((14, 14, 192))
    ways = [layers.Conv2D(filters, 1)(x) for filters in (64, 128, 32, 32)]
    return layers.Concatenate()(ways).shape[-1]


def two_ways(x, f1, reduce, f3):
    one = layers.Conv2D(f1, 1, activation="relu")(x)
    narrow = layers.Conv2D(reduce, 1, activation="relu")(x)
    three = layers.Conv2D(f3, 3, padding="same", activation="relu")(narrow)
    return layers.Concatenate()([one, three])


def given(x, f1, reduce, f3):
    one = layers.Conv2D(f1, 1, activation="relu")(x)
    narrow = layers.Conv2D(reduce, 1, activation="relu")(one)
    three = layers.Conv2D(f3, 3, padding="same", activation="relu")(narrow)
    return layers.Concatenate()([one, three])


SHEET = Sheet(
    title="Inception",
    questions=[
        Number(
            "times_cheaper",
            "A 5x5 convolution makes 32 maps of 192, 14 x 14 pixels each. A 1x1 convolution with "
            "16 "
            "filters is put before it. How many times fewer multiplications do the two take "
            "together?",
            truth=saved,
            within=0.2,
            wrong=[
                (
                    "The 1x1 convolution multiplies, too.",
                    lambda: multiplications(5, 192, 32) / multiplications(5, 16, 32),
                )
            ],
        ),
        Choice(
            "channels",
            "Four ways of a block have 64, 128, 32 and 32 filters. How many channels does the "
            "block give?",
            options=[("64", 64), ("128", 128), ("256", 256), ("32", 32)],
            truth=channels,
        ),
    ],
    bug=Bug(
        two_ways,
        given,
        "`two_ways(x, f1, reduce, f3)` is to have two ways: a 1x1 convolution with `f1` filters; "
        "and a "
        "1x1 with `reduce` filters followed by a 3x3 `same` with `f3`. ReLU behind each, both "
        "concatenated in this order. Mend it.",
        trials=lambda rng: [
            trial(x=Input((7, 6, 5)), f1=4, reduce=2, f3=3),
            trial(x=Input((6, 8, 4)), f1=3, reduce=5, f3=2),
        ],
    ),
    written=Written(
        "why_1x1",
        "What can a 1x1 convolution do, and what not? Give one thing of each.",
        rubric=[
            (1, "mix channels at a place, so change their number or save work"),
            (1, "it sees no neighbours: it cannot find an edge"),
        ],
    ),
)
TASKS = SHEET.tasks()
