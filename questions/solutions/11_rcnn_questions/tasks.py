"""Questions on chapter 11: see `docs/authoring.md`, "Sheets of questions"."""

from keras import layers

from autograder.data.arguments import Input
from autograder.setting.questions import Bug, Choice, Number, Sheet, Written
from autograder.setting.task import trial


def iou(a, b):
    """Of two boxes (y1, x1, y2, x2)."""
    height, width = (max(0, min(a[i + 2], b[i + 2]) - max(a[i], b[i])) for i in (0, 1))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return height * width / (sum(areas) - height * width)


ROW = {0.9: (0, 0, 10, 10), 0.8: (0, 3, 10, 13), 0.7: (0, 6, 10, 16)}  # by their scores


def kept(threshold):
    """How many of the row's boxes non-maximum suppression keeps."""
    boxes = []
    for _, box in sorted(ROW.items(), reverse=True):
        if all(iou(box, other) <= threshold for other in boxes):
            boxes.append(box)
    return len(boxes)


def head(x, classes):
    x = layers.Dense(8, activation="relu")(layers.Flatten()(x))
    return layers.Dense(classes + 1, activation="softmax")(x)


def given(x, classes):
    x = layers.Dense(8, activation="relu")(layers.Flatten()(x))
    return layers.Dense(classes + 1, activation="sigmoid")(x)


SHEET = Sheet(
    title="Regions",
    questions=[
        Number(
            "overlap",
            "Two boxes of 10 x 10 pixels; the second lies 5 pixels further down and 5 further to "
            "the right. "
            "What is their intersection over union?",
            truth=lambda: iou((0, 0, 10, 10), (5, 5, 15, 15)),
            within=0.005,
            wrong=[
                ("The union holds the intersection once, not twice.", lambda: 25 / 200),
                ("That is the intersection over one of the boxes.", lambda: 25 / 100),
            ],
        ),
        Choice(
            "kept",
            "Three boxes of 10 x 10 pixels lie in a row, each 3 pixels further to the right than "
            "the one "
            "before; their scores fall. How many does non-maximum suppression keep with a "
            "threshold of 0.5?",
            options=[("1", 1), ("2", 2), ("3", 3)],
            truth=lambda: kept(0.5),
        ),
    ],
    bug=Bug(
        head,
        given,
        "`head(x, classes)` is to flatten the features of a region, then a dense layer of 8 with "
        "ReLU, then "
        "one for the classes and the background, whose answers are probabilities that add up to 1. "
        "Mend it.",
        trials=lambda rng: [
            trial(x=Input((2, 3, 4)), classes=3),
            trial(x=Input((3, 2, 2)), classes=5),
        ],
    ),
    written=Written(
        "why_background",
        "A detector of 20 classes has 21 answers for a region. What is the last one for, and what "
        "would "
        "happen without it?",
        rubric=[
            (1, "it says that there is nothing in the region"),
            (1, "without it each of the thousands of regions would have to be some object"),
        ],
    ),
)
TASKS = SHEET.tasks()
