"""Exercise 07: efficient nets. What is asked; the answers right and wrong are in `bank/`.

`docs/authoring.md` explains how such a file is written. Every answer computes with `keras` and
`keras.ops` only, so that the bank runs on each of Keras's backends.
"""

import keras
import numpy as np
from keras import layers, ops

from autograder.data.arguments import Input
from autograder.setting.task import Task, Trial, counted, trial

# The model answers


def separable_conv(x, filters, kernel=3, stride=1):
    """Depthwise, then pointwise (Chollet 2017; Sifre 2014): one window a channel, then a mix."""
    x = layers.DepthwiseConv2D(kernel, strides=stride, padding="same", use_bias=False)(x)
    return layers.Conv2D(filters, 1)(x)


def grouped_conv(x, filters, kernel, groups):
    """Split, convolve, concatenate (Krizhevsky et al. 2012): groups of neighbouring channels."""
    parts = [
        layers.Conv2D(filters // groups, kernel, padding="same", use_bias=False)(part)
        for part in ops.split(x, groups, axis=-1)
    ]
    return parts[0] if groups == 1 else layers.Concatenate()(parts)


def relu6(x):
    return layers.ReLU(max_value=6.0)(x)


def pointwise(x, filters):
    """1x1 without bias, then batch normalisation."""
    return layers.BatchNormalization()(layers.Conv2D(filters, 1, use_bias=False)(x))


def depthwise(x, stride):
    """3x3, one window a channel, without bias, then batch normalisation."""
    x = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x)
    return layers.BatchNormalization()(x)


def inverted_residual(x, expansion, filters, stride):
    """The block of MobileNetV2 (Sandler et al. 2018): widen, filter, narrow without activation."""
    y = x
    if expansion != 1:
        y = relu6(pointwise(y, expansion * x.shape[-1]))
    y = pointwise(relu6(depthwise(y, stride)), filters)
    if stride == 1 and x.shape[-1] == filters:
        y = layers.Add()([x, y])
    return y


# Sandler et al. 2018, table 2: expansion, filters, blocks, stride of the first.
ROWS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def first(x):
    """The convolution before the blocks."""
    x = layers.Conv2D(32, 3, strides=2, padding="same", use_bias=False)(x)
    return relu6(layers.BatchNormalization()(x))


def stages(x):
    """The blocks of all rows; the first of each row has the row's stride."""
    for expansion, filters, count, stride in ROWS:
        for number in range(count):
            x = inverted_residual(x, expansion, filters, stride if number == 0 else 1)
    return x


def head(x, classes):
    """What comes after the blocks."""
    x = layers.GlobalAveragePooling2D()(relu6(pointwise(x, 1280)))
    return layers.Dense(classes, activation="softmax")(x)


def mobilenet_v2(classes=1000):
    """MobileNetV2 of width 1 (Sandler et al. 2018)."""
    inputs = keras.Input((224, 224, 3))
    return keras.Model(inputs, head(stages(first(inputs)), classes))


# What is tried


def numbers(rng: np.random.Generator, low: int, high: int, count: int) -> list[int]:
    """Different whole numbers from `low` to `high`."""
    return [int(n) for n in rng.choice(np.arange(low, high + 1), count, replace=False)]


def maps(rng: np.random.Generator, channels: int, even: bool = False) -> Input:
    """A map of an even and an odd side in either order, or of two unlike `even` ones."""
    sides = [int(side) for side in rng.choice([6, 8, 10], 2, replace=False)]
    if not even:
        sides[1] = int(rng.choice([5, 7, 9]))
    height, width = sides if rng.integers(2) else sides[::-1]
    return Input((height, width, channels))


def separable_trials(rng: np.random.Generator) -> list[Trial]:
    """The defaults; a stride on even sides; a stride beyond 2; an even window; a window of one."""
    a, b, c, d, e = numbers(rng, 2, 8, 5)
    even = int(rng.choice([2, 4]))
    return [
        trial(x=maps(rng, a), filters=b),
        trial(x=maps(rng, c, even=True), filters=a, kernel=5, stride=2),
        trial(x=maps(rng, b), filters=d, kernel=3, stride=3),
        trial(x=maps(rng, d), filters=e, kernel=even),
        trial(x=maps(rng, e), filters=c, kernel=1, stride=2),
    ]


def grouped_trials(rng: np.random.Generator) -> list[Trial]:
    """Two groups and more; as many as channels; as many as filters; one."""
    thin, thick = numbers(rng, 2, 4, 2)
    single = int(rng.choice([5, 7]))
    return [
        trial(x=maps(rng, 3 * thin), filters=3 * thick, kernel=3, groups=3),
        trial(x=maps(rng, 2 * thick), filters=2 * thin, kernel=int(rng.choice([2, 4])), groups=2),
        trial(x=maps(rng, 4), filters=12, kernel=3, groups=4),
        trial(x=maps(rng, 10), filters=5, kernel=1, groups=5),
        trial(x=maps(rng, single), filters=3, kernel=5, groups=1),
    ]


def inverted_trials(rng: np.random.Generator) -> list[Trial]:
    """With the shortcut; the stride alone; the channels alone; without widening, both ways."""
    a, b, c, d, e = numbers(rng, 3, 7, 5)
    return [
        trial(x=maps(rng, a), expansion=int(rng.choice([4, 5, 6])), filters=a, stride=1),
        trial(x=maps(rng, b, even=True), expansion=3, filters=b, stride=2),
        trial(x=maps(rng, c), expansion=2, filters=d, stride=1),
        trial(x=maps(rng, d), expansion=1, filters=d, stride=1),
        trial(x=maps(rng, e), expansion=1, filters=a + 4, stride=3),
    ]


CLASSES = (5, 7, 9, 11)


def mobilenet_trials(rng: np.random.Generator) -> list[Trial]:
    """One case to run, which takes a second or two, and two classes to count."""
    shape = (224, 224, 3)
    classes = int(rng.choice(CLASSES))
    return [trial(shape, classes=classes), counted(shape, classes=2)]


# Large enough for the epsilon of a normalisation, which is free, to be lost beside the variance.
KERNELS = 400.0

TASKS = [
    Task(
        name="separable_conv",
        kind="block",
        points=2,
        trials=separable_trials,
        answer=separable_conv,
    ),
    Task(
        name="grouped_conv",
        kind="block",
        points=3,
        trials=grouped_trials,
        answer=grouped_conv,
    ),
    Task(
        name="inverted_residual",
        kind="block",
        points=4,
        trials=inverted_trials,
        answer=inverted_residual,
        plan={"kernels": KERNELS},
    ),
    Task(
        name="mobilenet_v2",
        kind="model",
        points=4,
        trials=mobilenet_trials,
        answer=mobilenet_v2,
        tolerance=2e-3,  # rounding in 52 convolutions moves right answers by up to 1.5e-4
        plan={
            "batch": 1,
            "deep": True,
            "kernels": KERNELS,
            "vectors": 1.7,
            "probabilities": True,
            "overrides": {str(1280 * classes): 0.3 for classes in CLASSES},
        },
        places={
            "first": "before the blocks",
            "inverted_residual": "of the blocks",
            "head": "at the end",
        },
    ),
]

# What `autograder mutate` lists though it computes the same, each with the reason.
JOINED = "return parts[0] if groups == {} else layers.Concatenate()(parts)"
EQUIVALENT_MUTANTS = {
    f"grouped_conv: {JOINED.format(1)} -> {JOINED.format(0)}": "one part, joined, is that part",
}
