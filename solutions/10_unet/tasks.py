"""Exercise 10: the U-Net and pyramid pooling. The answers right and wrong are in `bank/`.

`docs/authoring.md` explains how such a file is written. Every net computes with `keras` and
`keras.ops` only, so that the bank runs on each of Keras's backends.
"""

import keras
import numpy as np
from keras import layers

from autograder.data.arguments import Input
from autograder.setting.task import Task, Trial, counted, trial

# The model answers


def two_convolutions(x, filters, padding):
    x = layers.Conv2D(filters, 3, padding=padding, activation="relu")(x)
    return layers.Conv2D(filters, 3, padding=padding, activation="relu")(x)


def down_block(x, filters, padding):
    """A step down the contracting path (Ronneberger 2015): the map for the skip, and its pool."""
    skip = two_convolutions(x, filters, padding)
    return skip, layers.MaxPooling2D(2)(skip)


def cropped(skip, like):
    """The middle of `skip`, as large as `like`: of an odd difference the end loses one more."""
    height, width = like.shape[1:3]
    top, left = (skip.shape[1] - height) // 2, (skip.shape[2] - width) // 2
    return skip[:, top : top + height, left : left + width]


def up_block(x, skip, filters, padding):
    """A step up the expansive path (Ronneberger 2015)."""
    x = layers.Conv2DTranspose(filters, 2, strides=2)(x)
    x = layers.Concatenate()([cropped(skip, x), x])
    return two_convolutions(x, filters, padding)


def bottom(x, filters, padding):
    return two_convolutions(x, filters, padding)


def unet(input_shape, classes, filters=64, padding="valid"):
    """The U-Net (Ronneberger, Fischer, Brox 2015, figure 1), without its softmax."""
    x = inputs = keras.Input(input_shape)
    skips = []
    for level in range(4):
        skip, x = down_block(x, filters * 2**level, padding)
        skips.append(skip)
    x = bottom(x, filters * 16, padding)
    for level in (3, 2, 1, 0):
        x = up_block(x, skips[level], filters * 2**level, padding)
    return keras.Model(inputs, layers.Conv2D(classes, 1)(x))


def level_of(x, filters, count):
    """`x` in count x count bins, and back to its size."""
    height, width = x.shape[1] // count, x.shape[2] // count
    y = layers.AveragePooling2D((height, width))(x)
    y = layers.Conv2D(filters, 1, use_bias=False)(y)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    return layers.UpSampling2D((height, width), interpolation="bilinear")(y)


def pyramid_pooling(x, filters, bins=(1, 2, 3, 6)):
    """The pyramid pooling module of PSPNet (Zhao et al. 2017)."""
    return layers.Concatenate()([x, *(level_of(x, filters, count) for count in bins)])


def dice(truth, probability, epsilon=1.0):
    """The Dice coefficient (Dice 1945), smoothed, of probabilities (Milletari et al. 2016).

    Their net V-Net squares the probabilities in the denominator; here they are added as they are.
    """
    overlap = np.sum(truth * probability)
    return (2 * overlap + epsilon) / (np.sum(truth) + np.sum(probability) + epsilon)


# What is tried


def numbers(rng: np.random.Generator, low: int, high: int, count: int) -> list[int]:
    """Different whole numbers from `low` to `high`."""
    return [int(n) for n in rng.choice(np.arange(low, high + 1), count, replace=False)]


def down_trials(rng: np.random.Generator) -> list[Trial]:
    """Both paddings; what is pooled has odd sides, in either direction; channels as many, once.

    Never three filters: a kernel of 3x3x3x3 does not show in which order its axes are stored.
    """
    a, b, c, d, e = (int(n) for n in rng.permutation([2, 4, 5, 6, 7]))
    return [
        trial(x=Input((12, 9, a)), filters=b, padding="valid"),
        trial(x=Input((7, 10, c)), filters=d, padding="same"),
        trial(x=Input((11, 14, e)), filters=e, padding="valid"),
    ]


def up_trials(rng: np.random.Generator) -> list[Trial]:
    """The skip is larger by 3 and 5, 0 and 1, 2 and 0; once with the channels of the net.

    Maps of four channels are left out, and three filters: a dense layer from four channels to four
    times the filters, which become positions, does not show which of its numbers are positions.
    """
    a, b, c, d, e = (int(n) for n in rng.permutation([5, 6, 7, 8, 9]))
    x, skip = Input((5, 6, a)), Input((13, 17, b))
    even, odd = Input((4, 5, c)), Input((8, 11, d))
    return [
        trial(x=x, skip=skip, filters=c, padding="valid"),
        trial(x=even, skip=odd, filters=e, padding="same"),
        trial(x=Input((6, 5, 2 * b)), skip=Input((14, 10, b)), filters=b, padding="valid"),
    ]


def unet_trials(rng: np.random.Generator) -> list[Trial]:
    """Unpadded, the smallest sides that leave something at the end; padded, sides that fit or not.

    Few filters to run it with, the published number to count it. No map has three or four channels,
    as in `up_trials`.
    """
    extra = numbers(rng, 1, 15, 2)
    valid = (188 + extra[0], 204 + extra[1], int(rng.choice([2, 3])))
    same = (int(rng.choice([35, 37, 39])), 48, 2)
    if rng.integers(2):
        valid, same = (valid[1], valid[0], valid[2]), (same[1], same[0], same[2])
    small = (188, 204, 1)
    return [
        trial(valid, input_shape=valid, classes=2, filters=5),
        trial(same, input_shape=same, classes=1, filters=6, padding="same"),
        counted(small, input_shape=small, classes=2),
    ]


def pyramid_trials(rng: np.random.Generator) -> list[Trial]:
    """Sides unlike, with bins as they are by default, falling, in no order, and one alone."""
    a, b, c, d = numbers(rng, 2, 6, 4)
    return [
        trial(x=Input((6, 12, a)), filters=b),
        trial(x=Input((12, 8, b)), filters=c, bins=(4, 1, 2)),
        trial(x=Input((10, 15, c)), filters=d, bins=(5, 1)),
        trial(x=Input((9, 6, d)), filters=a, bins=(3,)),
    ]


def dice_trials(rng: np.random.Generator) -> list[Trial]:
    """Probabilities, hard ones, one mask or both empty or full; batches, rows and single pixels."""

    def masks(*shape: int) -> np.ndarray:
        return (rng.random(shape) < 0.4).astype(float)

    def soft(*shape: int) -> np.ndarray:
        return rng.random(shape)

    row, other = np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.5, 0.25, 0.25, 0.0])
    single = soft(3, 40, 30, 2).astype("float32")
    return [
        trial(truth=row, probability=other),
        trial(truth=masks(6, 9), probability=soft(6, 9)),
        trial(truth=masks(3, 5, 4, 1), probability=soft(3, 5, 4, 1), epsilon=0.5),
        trial(truth=masks(3, 40, 30, 2).astype("float32"), probability=single),
        trial(truth=masks(7, 5), probability=masks(7, 5), epsilon=1e-6),
        trial(truth=np.zeros((4, 6)), probability=np.zeros((4, 6))),
        trial(truth=np.zeros((5, 3)), probability=soft(5, 3), epsilon=2.0),
        trial(truth=masks(8, 3), probability=np.zeros((8, 3)), epsilon=0.1),
        trial(truth=np.ones((3, 4)), probability=np.ones((3, 4)), epsilon=3.0),
        trial(truth=np.zeros(5), probability=np.zeros(5), epsilon=1e-3),
    ]


TASKS = [
    Task(
        name="down_block",
        kind="block",
        points=2,
        outputs=2,
        trials=down_trials,
        answer=down_block,
    ),
    Task(
        name="up_block",
        kind="block",
        points=3,
        trials=up_trials,
        answer=up_block,
        plan={"permutable": True},
    ),
    Task(
        name="unet",
        kind="model",
        points=4,
        trials=unet_trials,
        answer=unet,
        plan={"batch": 2, "permutable": True},
        places={
            "down_block": "on the way down",
            "bottom": "at the bottom",
            "up_block": "on the way up",
            "unet": "at the end",
        },
    ),
    Task(
        name="pyramid_pooling",
        kind="block",
        points=3,
        trials=pyramid_trials,
        answer=pyramid_pooling,
        plan={"permutable": True, "batch": 4},
    ),
    Task(
        name="dice",
        kind="function",
        points=1,
        trials=dice_trials,
        answer=dice,
        tolerance=3e-5,  # thousands of numbers added one by one in single precision
    ),
]

# What `autograder mutate` lists though it computes the same, each with the reason.
EQUIVALENT_MUTANTS: dict[str, str] = {}
