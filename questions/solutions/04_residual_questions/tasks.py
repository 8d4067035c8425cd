"""Questions on chapter 04: see `docs/authoring.md`, "Sheets of questions"."""

import numpy as np
from keras import layers, ops

from autograder.data.arguments import Input
from autograder.setting.questions import Bug, Choice, Number, Sheet, Written
from autograder.setting.task import trial


def zeros(size, kernel, window):
    """How many columns of zeros lie under a window: all pixels and weights are 1."""
    box = layers.Conv2D(1, kernel, strides=2, padding="same", kernel_initializer="ones")
    sums = ops.convert_to_numpy(box(ops.ones((1, size, size, 1))))[0, size // 4, :, 0]
    return round(kernel - sums[window] / kernel)


def with_silent_branch(numbers):
    """What a block gives whose branch gives 0."""
    return ops.convert_to_numpy(ops.relu(ops.array(numbers) + 0.0))


def plain_block(x, filters):
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(y)
    y = layers.BatchNormalization()(y)
    return layers.ReLU()(layers.Add()([x, y]))


def given(x, filters):
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(y)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    return layers.Add()([x, y])


SHEET = Sheet(
    title="Residual networks",
    questions=[
        Number(
            "zeros_before",
            "A 3x3 convolution with stride 2 and `same` padding reads a map 56 pixels wide. How "
            "many "
            "columns of zeros does Keras put *before* the first pixel?",
            truth=lambda: zeros(56, 3, 0),
            wrong=[("Look at the other side, too: are both alike?", lambda: zeros(56, 3, -1))],
        ),
        Choice(
            "silent_branch",
            "In a residual block whose shape does not change the branch gives 0 everywhere. What "
            "does "
            "the block make of the numbers -2 and 3?",
            options=[
                ("0 and 0", np.array([0.0, 0.0])),
                ("-2 and 3", np.array([-2.0, 3.0])),
                ("0 and 3", np.array([0.0, 3.0])),
            ],
            truth=lambda: with_silent_branch([-2.0, 3.0]),
        ),
    ],
    bug=Bug(
        plain_block,
        given,
        "`plain_block(x, filters)` is to be the residual block of the chapter for an `x` that has "
        "`filters` channels: 3x3 - BN - ReLU - 3x3 - BN, plus `x`, ReLU. It trains, and yet "
        "something "
        "is not where it belongs. Mend it.",
        trials=lambda rng: [
            trial(x=Input((7, 6, 5)), filters=5),
            trial(x=Input((6, 8, 4)), filters=4),
        ],
    ),
    written=Written(
        "why_shortcuts",
        "A plain net of 56 layers has a higher *training* loss than one of 20. Why is that "
        "surprising, "
        "and what does a shortcut change about it? Two or three sentences.",
        rubric=[
            (1, "the deeper net could compute what the other does, so it is no overfitting"),
            (1, "with a shortcut a block that does nothing is easy: its branch only has to be 0"),
        ],
    ),
)
TASKS = SHEET.tasks()
