"""Questions on chapter 07: see `docs/authoring.md`, "Sheets of questions"."""

from keras import layers, ops

from autograder.data.arguments import Input
from autograder.setting.questions import Bug, Choice, Number, Sheet, Written
from autograder.setting.task import trial


def weights(layer, channels):
    layer.build((None, None, None, channels))
    return layer.count_params()


def share():
    """Weights of a separable 3x3 convolution of 64 channels, as a part of an ordinary one's."""
    separable = weights(layers.SeparableConv2D(64, 3, use_bias=False), 64)
    return separable / weights(layers.Conv2D(64, 3, use_bias=False), 64)


def narrowed(x, filters):
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    y = layers.ReLU(max_value=6.0)(layers.BatchNormalization()(y))
    y = layers.Conv2D(filters, 1, use_bias=False)(y)
    return layers.BatchNormalization()(y)


def given(x, filters):
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    y = layers.ReLU(max_value=6.0)(layers.BatchNormalization()(y))
    y = layers.Conv2D(filters, 1, use_bias=False)(y)
    return layers.ReLU(max_value=6.0)(layers.BatchNormalization()(y))


SHEET = Sheet(
    title="Efficient nets",
    questions=[
        Number(
            "part_of_weights",
            "A separable 3x3 convolution makes 64 maps of 64, without biases. Which part of the "
            "weights "
            "of an ordinary one does it have, as a number from 0 to 1?",
            truth=share,
            within=0.003,
            wrong=[("That leaves the 1x1 convolution out.", lambda: 1 / 64)],
        ),
        Choice(
            "relu6",
            "What does ReLU6 make of 7.5?",
            options=[("7.5", 7.5), ("6", 6.0), ("1.5", 1.5), ("0", 0.0)],
            truth=lambda: float(ops.convert_to_numpy(ops.relu6(7.5))),
        ),
    ],
    bug=Bug(
        narrowed,
        given,
        "`narrowed(x, filters)` is to be the end of MobileNetV2's block: a depthwise 3x3 "
        "convolution, "
        "`same`, BN, ReLU6; then a 1x1 convolution with `filters` filters and BN, which stays "
        "linear. "
        "No biases. Mend it.",
        trials=lambda rng: [
            trial(x=Input((7, 6, 5)), filters=3),
            trial(x=Input((6, 8, 4)), filters=2),
        ],
    ),
    written=Written(
        "linear_ends",
        "Why does MobileNetV2 leave the ReLU out behind the narrow 1x1 convolution? Two or three "
        "sentences.",
        rubric=[
            (1, "a ReLU sets half of what lies there to 0 for good"),
            (1, "with few channels nothing else holds what is lost"),
        ],
    ),
)
TASKS = SHEET.tasks()
