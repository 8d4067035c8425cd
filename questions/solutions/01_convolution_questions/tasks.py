"""Questions on chapter 01: see `docs/authoring.md`, "Sheets of questions"."""

from keras import layers

from autograder.data.arguments import Input
from autograder.setting.questions import Bug, Choice, Number, Sheet, Written
from autograder.setting.task import trial


def side(padding):
    """The side of what a 4x4 convolution with stride 3 makes of 31 pixels."""
    return layers.Conv2D(1, 4, 3, padding).compute_output_shape((1, 31, 31, 1))[1]


def parameters():
    layer = layers.Conv2D(8, 3)
    layer.build((None, None, None, 5))
    return layer.count_params()


def two_convolutions(x, filters):
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return layers.Conv2D(filters, 3, padding="same", activation="relu")(x)


def given(x, filters):
    x = layers.Conv2D(filters, 3, padding="same")(x)
    return layers.Conv2D(filters, 3, padding="same", activation="relu")(x)


SHEET = Sheet(
    title="Convolution",
    questions=[
        Number(
            "outputs",
            "A picture of 31 x 31 pixels, a 4x4 kernel, stride 3, `valid` padding. How many pixels "
            "high is the result?",
            truth=lambda: side("valid"),
            wrong=[("That is with `same` padding.", lambda: side("same"))],
        ),
        Choice(
            "parameters",
            "A layer of eight 3x3 filters, with biases, reads maps with 5 channels. How many "
            "parameters does it have?",
            options=[("80", 80), ("360", 360), ("368", 368), ("1808", 1808)],
            truth=parameters,
        ),
    ],
    bug=Bug(
        two_convolutions,
        given,
        "`two_convolutions(x, filters)` is to be two 3x3 convolutions with `filters` filters, "
        "`same` padding, biases, and a ReLU behind each. One thing is not as it says. Find it and "
        "mend it.",
        trials=lambda rng: [
            trial(x=Input((7, 6, 3)), filters=5),
            trial(x=Input((6, 8, 4)), filters=2),
        ],
    ),
    written=Written(
        "why_shared",
        "A dense layer has a weight for each pair of pixels, a convolution the same few weights "
        "everywhere. For which pictures is that an advantage, and for which would it be none? Two "
        "or three sentences.",
        rubric=[
            (1, "what is looked for may stand anywhere, so weights learnt at one place serve all"),
            (1, "a case where the place itself matters, as in pictures that are all aligned"),
        ],
    ),
)
TASKS = SHEET.tasks()
