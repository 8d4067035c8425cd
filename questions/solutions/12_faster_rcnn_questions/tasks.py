"""Questions on chapter 12: see `docs/authoring.md`, "Sheets of questions"."""

import itertools

from keras import layers

from autograder.data.arguments import Input
from autograder.setting.questions import Bug, Choice, Number, Sheet, Written
from autograder.setting.task import trial


def anchors(height, width, stride, scales, ratios):
    """One by one, to be counted."""
    cells = itertools.product(range(height // stride), range(width // stride))
    return sum(1 for _ in itertools.product(cells, scales, ratios))


def smooth_l1(x, beta=1.0):
    return x * x / (2 * beta) if abs(x) < beta else abs(x) - beta / 2


def proposals(x, count, filters):
    shared = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    sure = layers.Conv2D(count, 1, activation="sigmoid")(shared)
    return sure, layers.Conv2D(4 * count, 1)(shared)


def given(x, count, filters):
    shared = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    sure = layers.Conv2D(count, 1, activation="sigmoid")(x)
    return sure, layers.Conv2D(4 * count, 1)(shared)


SHEET = Sheet(
    title="Faster R-CNN",
    questions=[
        Number(
            "how_many_anchors",
            "A picture of 480 x 640 pixels, a stride of 16, in each cell anchors of three scales "
            "and three "
            "ratios. How many anchors are there?",
            truth=lambda: anchors(480, 640, 16, range(3), range(3)),
            wrong=[
                ("Each scale comes with each ratio.", lambda: anchors(480, 640, 16, range(6), [1])),
                ("How many cells has a row, and how many rows are there?", lambda: 480 * 640 * 9),
            ],
        ),
        Choice(
            "loss_of_three",
            "What is the smooth L1 loss of an offset that is off by 3, with a beta of 1?",
            options=[("4.5", 4.5), ("3", 3.0), ("2.5", 2.5), ("9", 9.0)],
            truth=lambda: smooth_l1(3.0),
        ),
    ],
    bug=Bug(
        proposals,
        given,
        "`proposals(x, count, filters)` is to be a proposal head: a 3x3 convolution with `filters` "
        "filters, "
        "`same`, ReLU; from what it gives a 1x1 with a sigmoid to `count` channels, and a linear "
        "1x1 to "
        "`4 * count`. Mend it.",
        trials=lambda rng: [
            trial(x=Input((5, 4, 3)), count=2, filters=6),
            trial(x=Input((4, 6, 7)), count=3, filters=5),
        ],
        outputs=2,
    ),
    written=Written(
        "why_ignored",
        "Anchors whose overlap lies between the two thresholds get no label. Why are they not "
        "simply background?",
        rubric=[
            (1, "they do show a good part of an object"),
            (
                1,
                "the net would be told that half an object is none; leaving them out costs nothing",
            ),
        ],
    ),
)
TASKS = SHEET.tasks()
