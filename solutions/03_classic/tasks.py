"""Exercise 03: the classic nets.

`docs/authoring.md` explains how such a file is written; the answers right and wrong lie in `bank/`.
All nets are written with `keras` and `keras.ops` only, so that the bank runs on each of Keras's
backends.
"""

import keras
import numpy as np
from keras import layers

from autograder.setting.task import Task, Trial, counted, trial

# The model answers


def lenet5():
    """LeNet-5 as the book builds it: LeCun 1998 with a softmax and full connections."""
    inputs = keras.Input((32, 32, 1))
    x = layers.Conv2D(6, 5, activation="tanh")(inputs)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Conv2D(16, 5, activation="tanh")(x)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(120, activation="tanh")(x)
    x = layers.Dense(84, activation="tanh")(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def alexnet(classes=1000):
    """Krizhevsky 2012 in one tower, without response normalisation."""
    inputs = keras.Input((227, 227, 3))
    x = layers.Conv2D(96, 11, strides=4, activation="relu")(inputs)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = layers.Conv2D(256, 5, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = layers.Conv2D(384, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(384, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(256, 3, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(4096, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    x = layers.Dense(4096, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def vgg(convolutions, classes=1000, input_shape=(224, 224, 3)):
    """Simonyan and Zisserman 2015."""
    x = inputs = keras.Input(input_shape)
    for stage, count in enumerate(convolutions):
        for _ in range(count):
            x = layers.Conv2D(min(64 * 2**stage, 512), 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(4096, activation="relu")(x)
    x = layers.Dense(4096, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def top_k_error(scores, labels, k=5):
    """The best k of each row, and whether the label is among them."""
    best = np.argsort(scores, axis=1)[:, ::-1][:, :k]
    return float(np.mean(~(best == labels[:, None]).any(axis=1)))


# What is tried


def number(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    return int(rng.integers(low, high + 1))


def lenet_trials(rng: np.random.Generator) -> list[Trial]:
    return [trial((32, 32, 1))]


def alexnet_trials(rng: np.random.Generator) -> list[Trial]:
    """One case to run: it has 58 million weights whatever the number of classes."""
    shape = (227, 227, 3)
    return [trial(shape, classes=number(rng, 5, 12)), counted(shape, classes=2)]


def vgg_trials(rng: np.random.Generator) -> list[Trial]:
    """All five stages on the smallest pictures that have a pixel left, odd sides on the way.

    Two stages leave a pixel without padding as well, and with a pool after each convolution. A
    net that is only counted has stages of up to five convolutions and two classes.
    """
    shape = (number(rng, 33, 35), number(rng, 36, 38), 3)
    low = (number(rng, 23, 24), number(rng, 26, 27), number(rng, 1, 2))
    if rng.integers(2):
        shape, low = (shape[1], shape[0], shape[2]), (low[1], low[0], low[2])
    counts = [1, 1, 1, 1, 1]
    counts[number(rng, 1, 2)] = 2
    classes = rng.permutation(np.arange(5, 13))
    later = rng.permutation([3, 4, 5]).tolist()
    return [
        trial(shape, convolutions=counts, classes=int(classes[0]), input_shape=shape),
        trial(low, convolutions=[1, 3], classes=int(classes[1]), input_shape=low),
        counted(shape, convolutions=[1, 2, *later], classes=2, input_shape=shape),
    ]


def error_trials(rng: np.random.Generator) -> list[Trial]:
    """Three samples to work out, or one; scores of all sizes, labels of every rank; k left out, 1,
    all.

    Some scores are too large for `exp`, some all negative, some tiny, some equal in half precision.
    """
    small = np.array([[1, -7, 3], [9, 2, 4], [6, 5, 8]], "float32")

    close = 1 + 1e-4 * rng.permuted(np.tile(np.arange(6.0), (number(rng, 30, 40), 1)), axis=1)

    def case(samples: int, classes: int, around: float = 0, scale: float = 10) -> dict:
        scores = (around + scale * rng.standard_normal((samples, classes))).astype("float32")
        return {"scores": scores, "labels": rng.integers(0, classes, samples)}

    one = case(1, number(rng, 5, 7))
    one["labels"] = np.argsort(one["scores"])[:, -2]
    every = case(number(rng, 5, 9), 4)
    every["labels"][1] = np.argmin(every["scores"][1])

    return [
        trial(scores=small, labels=np.array([2, 1, 0]), k=1),
        trial(scores=small, labels=np.array([2, 1, 0]), k=2),
        trial(**case(number(rng, 60, 80), number(rng, 11, 13))),
        trial(**case(number(rng, 30, 50), number(rng, 4, 6)), k=1),
        trial(**case(number(rng, 50, 70), number(rng, 9, 10), scale=2), k=5),
        trial(**case(number(rng, 40, 60), number(rng, 8, 9), scale=1e-5), k=3),
        trial(**every, k=4),
        trial(**case(number(rng, 40, 60), 7, around=1000), k=2),
        trial(**case(number(rng, 40, 60), 8, around=-2000), k=4),
        trial(scores=close.astype("float32"), labels=rng.integers(0, 6, len(close)), k=2),
        trial(**one, k=2),
    ]


TASKS = [
    Task(
        name="lenet5",
        kind="model",
        points=3,
        trials=lenet_trials,
        answer=lenet5,
        plan={"probabilities": True},
    ),
    Task(
        name="alexnet",
        kind="model",
        points=3,
        trials=alexnet_trials,
        answer=alexnet,
        plan={"batch": 2, "probabilities": True},
    ),
    Task(
        name="vgg",
        kind="model",
        points=3,
        trials=vgg_trials,
        answer=vgg,
        plan={"batch": 2, "probabilities": True},
    ),
    Task(
        name="top_k_error",
        kind="function",
        points=1,
        tolerance=1e-4,
        trials=error_trials,
        answer=top_k_error,
    ),
]


_SMALLER, _LARGER = "64 * 2 ** stage, 512", "512, 64 * 2 ** stage"
_VGG = "layers.Conv2D(min({}), 3, padding='same', activation='relu')(x)"
EQUIVALENT_MUTANTS = {
    "top_k_error: return float(np.mean(~(best == labels[:, None]).any(axis=1))) -> "
    "return np.mean(~(best == labels[:, None]).any(axis=1))": "NumPy's mean is a float already",
    "top_k_error: best = np.argsort(scores, axis=1)[:, ::-1][:, :k] -> "
    "best = np.argsort(scores)[:, ::-1][:, :k]": "the last axis is the default",
    **dict.fromkeys(
        [f"{net}: x = layers.Flatten()(x) -> (twice)" for net in ("lenet5", "alexnet", "vgg")],
        "what is flat stays as it is",
    ),
    **dict.fromkeys(
        [
            f"alexnet: x = layers.Dropout(0.5)(x) -> {after}"
            for after in ("(removed)", "(twice)", "x = x")
        ],
        "dropout is free",
    ),
    f"vgg: x = {_VGG.format(_SMALLER)} -> x = {_VGG.format(_LARGER)}": "a minimum of two",
}
