"""Exercise 04: residual networks. What is asked; the answers right and wrong are in `bank/`.

`docs/authoring.md` explains how such a file is written. Every answer computes with `keras` and
`keras.ops` only, so that the bank runs on each of Keras's backends.
"""

import keras
import numpy as np
from keras import layers, ops

from autograder.data.arguments import Input
from autograder.setting.task import Task, Trial, counted, trial

# The model answers


def conv_bn(x, filters, kernel, stride=1, **options):
    """Convolution without bias, then batch normalisation."""
    options = {"padding": "same", "use_bias": False, **options}
    x = layers.Conv2D(filters, kernel, strides=stride, **options)(x)
    return layers.BatchNormalization()(x)


def projected(x, filters, stride):
    """The shortcut: `x` where the shape stays, else 1x1/stride - BN."""
    if stride == 1 and x.shape[-1] == filters:
        return x
    return conv_bn(x, filters, 1, stride)


def relu(x):
    return layers.ReLU()(x)


def residual_block(x, filters, stride=1):
    """A basic block (He et al. 2015), the shortcut projected where the shape changes."""
    y = relu(conv_bn(x, filters, 3, stride))
    y = conv_bn(y, filters, 3)
    return relu(layers.Add()([y, projected(x, filters, stride)]))


def zero_pad_shortcut(x, filters, stride):
    """Option A of He et al. 2015: positions picked, zero channels appended."""
    missing = filters - x.shape[-1]
    return ops.pad(x[:, ::stride, ::stride, :], [(0, 0), (0, 0), (0, 0), (0, missing)])


def bottleneck_block(x, filters, stride=1):
    """A bottleneck (He et al. 2015): the stride in the first 1x1 convolution."""
    y = relu(conv_bn(x, filters, 1, stride))
    y = relu(conv_bn(y, filters, 3))
    y = conv_bn(y, 4 * filters, 1)
    return relu(layers.Add()([y, projected(x, 4 * filters, stride)]))


FILTERS = (64, 128, 256, 512)


def stem(x):
    x = relu(conv_bn(x, 64, 7, 2))
    return layers.MaxPooling2D(3, strides=2, padding="same")(x)


def stages(x, blocks):
    """The four stages; the first block of each has the stage's stride."""
    for count, filters, stride in zip(blocks, FILTERS, (1, 2, 2, 2), strict=True):
        for number in range(count):
            x = bottleneck_block(x, filters, stride if number == 0 else 1)
    return x


def head(x, classes):
    x = layers.GlobalAveragePooling2D()(x)
    return layers.Dense(classes, activation="softmax")(x)


def resnet(blocks, classes=1000, input_shape=(224, 224, 3)):
    """A ResNet of bottlenecks, as ResNet-50, 101 and 152 (He et al. 2015)."""
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, head(stages(stem(inputs), blocks), classes))


# What is tried


def fed(
    rng: np.random.Generator, channels: int, filters: int, even: bool = False, **options: int
) -> Trial:
    """A map of an even and an odd side, in either order, neither of them a number of channels.

    Or of two `even` ones, as most maps of a net have.
    """
    taken = (channels, filters, 4 * filters)
    evens = [side for side in (6, 8, 10, 12) if side not in taken]
    sides = [int(side) for side in rng.choice(evens, 2, replace=False)]
    if not even:
        sides[1] = int(rng.choice([side for side in (5, 7, 9) if side not in taken]))
    height, width = sides if rng.integers(2) else sides[::-1]
    return trial(x=Input((height, width, channels)), filters=filters, **options)


def numbers(rng: np.random.Generator, low: int, high: int, count: int) -> list[int]:
    """Different whole numbers from `low` to `high`."""
    return [int(n) for n in rng.choice(np.arange(low, high + 1), count, replace=False)]


def residual_trials(rng: np.random.Generator) -> list[Trial]:
    """Nothing changes; the stride alone, of 3 and of 2; the channels alone; both, even sides."""
    c, d = (2 * half for half in numbers(rng, 2, 4, 2))
    others = [int(n) for n in rng.permutation(np.arange(3, 10)) if n not in (c, d)]
    a, b, e, f = others[:4]
    few, many = sorted((c, d))
    return [
        fed(rng, a, a),
        fed(rng, b, b, stride=3),
        fed(rng, few, many),
        fed(rng, many, few),
        fed(rng, e, f, stride=2, even=True),
        fed(rng, a, a, stride=2),
    ]


def zero_pad_trials(rng: np.random.Generator) -> list[Trial]:
    a, b, c, d = numbers(rng, 2, 5, 4)
    return [
        fed(rng, a, a + 3, stride=2),
        fed(rng, b, b + 4, stride=1),
        fed(rng, c, c, stride=3),
        fed(rng, d, d + 1, stride=2, even=True),
    ]


def bottleneck_trials(rng: np.random.Generator) -> list[Trial]:
    """Nothing changes; the stride alone, 3 and 2; the channels alone, more and fewer; both."""
    a, b, c, d = numbers(rng, 2, 5, 4)
    return [
        fed(rng, 4 * a, a),
        fed(rng, 4 * b, b, stride=3),
        fed(rng, c, c),
        fed(rng, 4 * a + 3, a),
        fed(rng, 11, d, stride=2, even=True),
        fed(rng, 4 * a, a, stride=2),
    ]


def resnet_trials(rng: np.random.Generator) -> list[Trial]:
    """A last map of 2x2; one side even up to the pool, one odd; two and three blocks in two stages.

    One block in each of the last stages, whose every further one takes up to 18 MB of a grading
    process. A net that is only counted has another number of blocks in every stage, four in one,
    and a last map of 5x5 or so.
    """
    shape = (int(rng.choice([36, 40])), int(rng.choice([33, 37])), int(rng.choice([2, 4])))
    if rng.integers(2):
        shape = (shape[1], shape[0], shape[2])
    blocks = [[3, 2, 1, 1], [2, 3, 1, 1]][int(rng.integers(2))]
    more = [[1, 4, 2, 3], [4, 1, 3, 2]][int(rng.integers(2))]
    classes = int(rng.choice([5, 6, 7, 9, 10, 11]))  # 8 * 2048 is 64 * 256, other weights' number
    large = (4 * shape[0], 4 * shape[1], shape[2])
    return [
        trial(shape, blocks=blocks, classes=classes, input_shape=shape),
        counted(large, blocks=more, classes=2, input_shape=large),
    ]


# Large enough for the epsilon of a normalisation, which is free, to be lost beside the variance;
# small enough for a term that an answer adds before a normalisation to show.
KERNELS = 400.0

TASKS = [
    Task(
        name="residual_block",
        kind="block",
        points=4,
        trials=residual_trials,
        answer=residual_block,
        plan={"kernels": KERNELS},
        places={"projected": "of the shortcut"},
    ),
    Task(
        name="zero_pad_shortcut",
        kind="block",
        points=2,
        trials=zero_pad_trials,
        answer=zero_pad_shortcut,
        tolerance=1e-5,  # values are moved, not computed
    ),
    Task(
        name="bottleneck_block",
        kind="block",
        points=4,
        trials=bottleneck_trials,
        answer=bottleneck_block,
        plan={"kernels": KERNELS},
        places={"projected": "of the shortcut"},
    ),
    Task(
        name="resnet",
        kind="model",
        points=4,
        trials=resnet_trials,
        answer=resnet,
        plan={"batch": 2, "kernels": KERNELS, "vectors": 1.5, "probabilities": True},
        places={
            "stem": "of the stem",
            "bottleneck_block": "of the blocks",
            "projected": "of the shortcuts",
            "head": "at the end",
        },
    ),
]

_OPTIONS = "options = {'padding': 'same', 'use_bias': False, **options}"
_ZIP = "for count, filters, stride in zip(blocks, FILTERS, (1, 2, 2, 2)"
EQUIVALENT_MUTANTS = {
    f"conv_bn: {_OPTIONS} -> (twice)": "the same defaults again",
    f"stages: {_ZIP}, strict=True): -> {_ZIP}):": "there are four of each",
    f"stages: {_ZIP}, strict=True): -> {_ZIP}, strict=False):": "there are four of each",
}
