"""Questions on chapter 08: see `docs/authoring.md`, "Sheets of questions"."""

import keras
import numpy as np
from keras import layers

from autograder.data.arguments import Input
from autograder.setting.questions import Bug, Choice, Number, Sheet, Written
from autograder.setting.task import trial

TRUTH, PREDICTION = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])


def scores(size):
    """The side of the map of scores of a net made for 32 pixels, with a stride of 8."""
    x = inputs = keras.Input((size, size, 3))
    for filters in (4, 8, 16):
        x = layers.MaxPooling2D(2)(layers.Conv2D(filters, 3, padding="same")(x))
    return keras.Model(inputs, layers.Conv2D(10, 32 // 8)(x)).output_shape[1]


def mean_iou():
    pairs = [(label == TRUTH, label == PREDICTION) for label in (0, 1)]
    return np.mean([(t & p).sum() / (t | p).sum() for t, p in pairs])


def refined(coarse, fine, classes):
    coarse = layers.Conv2D(classes, 1)(coarse)
    enlarged = layers.UpSampling2D(2, interpolation="bilinear")(coarse)
    return layers.Add()([enlarged, layers.Conv2D(classes, 1)(fine)])


def given(coarse, fine, classes):
    coarse = layers.Conv2D(classes, 1)(coarse)
    enlarged = layers.UpSampling2D(2)(coarse)
    return layers.Add()([enlarged, layers.Conv2D(classes, 1)(fine)])


SHEET = Sheet(
    title="Fully convolutional nets",
    questions=[
        Number(
            "side_of_scores",
            "A classifier for 32 x 32 pixels halves its maps three times, then a dense layer reads "
            "the "
            "4 x 4 that are left. The dense layer becomes a 4x4 convolution, `valid`. How many "
            "scores "
            "high is its map for a picture of 64 x 64 pixels?",
            truth=lambda: scores(64),
            wrong=[("That would be with `same` padding.", lambda: 64 // 8)],
        ),
        Choice(
            "mean_iou",
            "The truth of four pixels is `0 0 1 1`, the prediction `0 1 1 1`. What is the mean "
            "IoU?",
            options=[("1/2", 1 / 2), ("7/12", 7 / 12), ("2/3", 2 / 3), ("3/4", 3 / 4)],
            truth=mean_iou,
        ),
    ],
    bug=Bug(
        refined,
        given,
        "`refined(coarse, fine, classes)` is to make scores by a 1x1 convolution of each of two "
        "maps, "
        "to double the coarse ones bilinearly, and to add both. Mend it.",
        trials=lambda rng: [
            trial(coarse=Input((3, 4, 5)), fine=Input((6, 8, 4)), classes=3),
            trial(coarse=Input((4, 2, 3)), fine=Input((8, 4, 5)), classes=2),
        ],
    ),
    written=Written(
        "accuracy",
        "Of a picture's pixels 95% are background. Why is the accuracy over all pixels a poor "
        "measure, "
        "and what does the mean IoU do about it?",
        rubric=[
            (1, "saying background everywhere has 95%"),
            (1, "every class counts alike, however few pixels it has"),
        ],
    ),
)
TASKS = SHEET.tasks()
