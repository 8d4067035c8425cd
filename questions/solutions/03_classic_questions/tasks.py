"""Questions on chapter 03: see `docs/authoring.md`, "Sheets of questions"."""

from keras import layers

from autograder.data.arguments import Input
from autograder.setting.questions import Bug, Choice, Number, Sheet, Written
from autograder.setting.task import trial

STAGES = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))  # of VGG-16


def side(padding):
    """The side of the maps behind AlexNet's first convolution."""
    return layers.Conv2D(96, 11, 4, padding).compute_output_shape((1, 227, 227, 3))[1]


def share():
    """What part of VGG-16's parameters the first dense layer has, to a quarter."""
    channels, convolutions = 3, 0
    for count, filters in STAGES:
        for _ in range(count):
            convolutions += (9 * channels + 1) * filters
            channels = filters
    first, rest = (7 * 7 * 512 + 1) * 4096, (4096 + 1) * 4096 + (4096 + 1) * 1000
    return round(4 * first / (convolutions + first + rest)) / 4


def stage(x, filters):
    for _ in range(2):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return layers.MaxPooling2D(2)(x)


def given(x, filters):
    for _ in range(2):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return layers.AveragePooling2D(2)(x)


SHEET = Sheet(
    title="The classic nets",
    questions=[
        Number(
            "first_maps",
            "AlexNet's first convolution: 96 kernels of 11x11, stride 4, `valid`, on 227 x 227 "
            "pixels. "
            "How many pixels wide are its maps?",
            truth=lambda: side("valid"),
            wrong=[("That is with `same` padding.", lambda: side("same"))],
        ),
        Choice(
            "dense_share",
            "VGG-16 has thirteen convolutions and three dense layers. What part of its parameters "
            "lies "
            "in the first dense layer alone?",
            options=[("a quarter", 0.25), ("half", 0.5), ("three quarters", 0.75), ("all", 1.0)],
            truth=share,
        ),
    ],
    bug=Bug(
        stage,
        given,
        "`stage(x, filters)` is to be a stage of VGG: two 3x3 convolutions with `filters` filters, "
        "`same` padding and ReLU, then the largest value of each 2x2 square. Mend it.",
        trials=lambda rng: [
            trial(x=Input((7, 6, 3)), filters=5),
            trial(x=Input((8, 9, 4)), filters=2),
        ],
    ),
    written=Written(
        "small_kernels",
        "VGG puts two 3x3 convolutions where AlexNet has one 5x5. Name two differences that follow "
        "from it.",
        rubric=[
            (1, "fewer weights: 18 for 25 with one channel, the same receptive field"),
            (1, "one more ReLU between them, so more functions can be expressed"),
        ],
    ),
)
TASKS = SHEET.tasks()
