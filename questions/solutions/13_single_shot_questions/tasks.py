"""Questions on chapter 13: see `docs/authoring.md`, "Sheets of questions"."""

from keras import layers, ops

from autograder.data.arguments import Input
from autograder.setting.questions import Bug, Choice, Number, Sheet, Written
from autograder.setting.task import trial

SIDES, BOXES = (38, 19, 10, 5, 3, 1), (4, 6, 6, 6, 4, 4)  # of SSD300


def default_boxes(sides=SIDES, boxes=BOXES):
    return sum(side * side * count for side, count in zip(sides, boxes, strict=True))


def centre(cell, raw, stride):
    """Where YOLO puts a box's centre, in pixels."""
    return float(cell + ops.convert_to_numpy(ops.sigmoid(raw))) * stride


def predictor(x, anchors, classes):
    x = layers.Conv2D(6, 3, padding="same", activation="relu")(x)
    return layers.Conv2D(anchors * (4 + classes), 3, padding="same")(x)


def given(x, anchors, classes):
    x = layers.Conv2D(6, 3, padding="same", activation="relu")(x)
    return layers.Conv2D(anchors * (4 + classes), 3, padding="same", activation="relu")(x)


SHEET = Sheet(
    title="Single-shot detectors",
    questions=[
        Number(
            "boxes_of_two_maps",
            "SSD300 has maps of 38, 19, 10, 5, 3 and 1 cells a side, with 4, 6, 6, 6, 4 and 4 "
            "default boxes "
            "in each cell. How many boxes do the first *two* maps have together?",
            truth=lambda: default_boxes(SIDES[:2], BOXES[:2]),
            wrong=[
                ("That is of all six maps.", default_boxes),
                ("A map has as many rows as columns.", lambda: 38 * 4 + 19 * 6),
            ],
        ),
        Choice(
            "centre",
            "YOLO's raw number for y is 0 in the cell of row 3, the stride is 16. At which y, in "
            "pixels, "
            "does the box have its centre?",
            options=[("48", 48.0), ("56", 56.0), ("64", 64.0)],
            truth=lambda: centre(3, 0.0, 16),
        ),
    ],
    bug=Bug(
        predictor,
        given,
        "`predictor(x, anchors, classes)` is to be a 3x3 convolution with 6 filters, `same`, ReLU, "
        "and behind "
        "it one with 4 offsets and `classes` logits for each of `anchors` boxes, also 3x3 and "
        "`same`. Offsets "
        "and logits may be below 0. Mend it.",
        trials=lambda rng: [
            trial(x=Input((5, 4, 3)), anchors=2, classes=3),
            trial(x=Input((4, 6, 5)), anchors=3, classes=1),
        ],
    ),
    written=Written(
        "hard_negatives",
        "Why does SSD not learn from all its negatives, and why from the hardest?",
        rubric=[
            (1, "nearly all boxes are background, whose loss would drown that of the objects"),
            (1, "those that are right already teach nothing"),
        ],
    ),
)
TASKS = SHEET.tasks()
