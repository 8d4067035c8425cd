"""Exercise 06: Inception. What is asked; the answers right and wrong are in `bank/`.

`docs/authoring.md` explains how such a file is written. Every net computes with `keras` and
`keras.ops` only, so that the bank runs on each of Keras's backends.
"""

import keras
import numpy as np
from keras import layers

from autograder.data.arguments import Input
from autograder.setting.task import Task, Trial, counted, trial

# The model answers


def multiplications(height, width, kernel, in_channels, filters):
    """Every number of the result is a sum of kernel x kernel x in_channels products."""
    return height * width * filters * kernel * kernel * in_channels


def conv1x1_head(x, classes):
    """The end of Network in Network (Lin 2013), without a ReLU."""
    x = layers.Conv2D(classes, 1)(x)
    x = layers.GlobalAveragePooling2D()(x)
    return layers.Softmax()(x)


def conv(x, filters, kernel, stride=1):
    """A `same` convolution with bias and ReLU."""
    return layers.Conv2D(filters, kernel, stride, padding="same", activation="relu")(x)


def way_1(x, filters):
    return conv(x, filters, 1)


def way_2(x, reduce, filters):
    return conv(conv(x, reduce, 1), filters, 3)


def way_3(x, reduce, filters):
    return conv(conv(x, reduce, 1), filters, 5)


def way_4(x, filters):
    return conv(layers.MaxPooling2D(3, strides=1, padding="same")(x), filters, 1)


def inception_block(x, f1, f3_reduce, f3, f5_reduce, f5, pool):
    """The module with reductions (Szegedy 2015, figure 2b)."""
    ways = [way_1(x, f1), way_2(x, f3_reduce, f3), way_3(x, f5_reduce, f5), way_4(x, pool)]
    return layers.Concatenate()(ways)


STAGES = (
    ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
    (
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
    ),
    ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
)


def halved(x):
    return layers.MaxPooling2D(3, strides=2, padding="same")(x)


def stem(x):
    """The three convolutions before the first module."""
    x = halved(conv(x, 64, 7, 2))
    return conv(conv(x, 64, 1), 192, 3)


def stages(x):
    """The nine modules, a pool before each stage."""
    for modules in STAGES:
        x = halved(x)
        for filters in modules:
            x = inception_block(x, *filters)
    return x


def end(x, classes):
    x = layers.GlobalAveragePooling2D()(x)
    return layers.Dense(classes, activation="softmax")(x)


def googlenet(classes=1000):
    """GoogLeNet (Szegedy 2015, table 1), without response normalisation and auxiliary heads."""
    inputs = keras.Input((224, 224, 3))
    return keras.Model(inputs, end(stages(stem(inputs)), classes))


# What is tried


def numbers(rng: np.random.Generator, low: int, high: int, count: int) -> list[int]:
    """Different whole numbers from `low` to `high`."""
    return [int(n) for n in rng.choice(np.arange(low, high + 1), count, replace=False)]


def multiplications_trials(rng: np.random.Generator) -> list[Trial]:
    """Every number unlike the others; kernels of 1, even and odd; a count beyond 32 bits."""
    sides = numbers(rng, 7, 40, 8)
    channels = numbers(rng, 41, 99, 8)
    kernels = [1, int(rng.choice([2, 4])), int(rng.choice([3, 5]))]
    trials = [
        trial(height=h, width=w, kernel=k, in_channels=c, filters=f)
        for h, w, k, c, f in zip(
            sides[:3], sides[3:6], kernels, channels[:3], channels[3:6], strict=True
        )
    ]
    trials.append(trial(height=2, width=3, kernel=5, in_channels=1, filters=1))
    large = {"height": 224, "width": 200 + sides[0], "kernel": 7}
    return [*trials, trial(**large, in_channels=500 + sides[1], filters=600 + sides[2])]


def head_trials(rng: np.random.Generator) -> list[Trial]:
    """Sides odd and even, height unlike width; two classes; as many classes as channels."""
    a, b, c = numbers(rng, 3, 8, 3)
    return [
        trial(x=Input((7, 10, a)), classes=b),
        trial(x=Input((8, 5, b)), classes=c),
        trial(x=Input((6, 9, c)), classes=2),
        trial(x=Input((5, 4, a)), classes=a),
    ]


def block_trials(rng: np.random.Generator) -> list[Trial]:
    """All six numbers differ, in another order each time; more channels and fewer than filters.

    One map is smaller than the 5x5 window; once both reductions have as many filters.
    """
    orders = [numbers(rng, 2, 9, 6) for _ in range(3)]
    names = ("f1", "f3_reduce", "f3", "f5_reduce", "f5", "pool")
    shapes = [(9, 12, 10), (8, 7, 3), (3, 4, 11)]
    return [
        trial(x=Input(shape), **dict(zip(names, order, strict=True)))
        for shape, order in zip(shapes, orders, strict=True)
    ] + [trial(x=Input((6, 5, 4)), f1=3, f3_reduce=4, f3=5, f5_reduce=4, f5=2, pool=6)]


def googlenet_trials(rng: np.random.Generator) -> list[Trial]:
    """One case to run: the pictures have one size only."""
    shape = (224, 224, 3)
    classes = int(rng.choice([5, 7, 9, 11]))  # no other kernel is as large as the last one then
    return [trial(shape, classes=classes), counted(shape, classes=2)]


WAYS = {
    "way_1": "of way 1",
    "way_2": "of way 2",
    "way_3": "of way 3",
    "way_4": "of way 4",
}

TASKS = [
    Task(
        name="multiplications",
        kind="function",
        points=2,
        dtype="int",
        trials=multiplications_trials,
        answer=multiplications,
        tolerance=1e-12,  # whole numbers
    ),
    Task(
        name="conv1x1_head",
        kind="block",
        points=2,
        trials=head_trials,
        answer=conv1x1_head,
        plan={"probabilities": True},
    ),
    Task(
        name="inception_block",
        kind="block",
        points=4,
        trials=block_trials,
        answer=inception_block,
        plan={"permutable": True},
        places=WAYS,
    ),
    Task(
        name="googlenet",
        kind="model",
        points=4,
        trials=googlenet_trials,
        answer=googlenet,
        plan={
            "batch": 2,
            "patches": 75,  # the mean over a large picture's noise is alike for all
            "kernels": 0.7,  # 22 layers neither lose the signal nor drown the biases in it
            "vectors": 1.0,
            "permuted": 1.7,
            "probabilities": True,
            "permutable": True,
        },
        places={
            "stem": "at the start",
            "stages": "between stages",
            **{way: f"{words} of the modules" for way, words in WAYS.items()},
            "end": "at the end",
        },
    ),
]

# What `autograder mutate` lists though it computes the same, each with the reason.
EQUIVALENT_MUTANTS: dict[str, str] = {}
