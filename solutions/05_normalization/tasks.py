"""Exercise 05: normalisation. What is asked; the answers right and wrong are in `bank/`.

`docs/authoring.md` explains how such a file is written.
"""

import numpy as np
from keras import layers

from autograder.data.arguments import Input
from autograder.setting.task import Task, Trial, trial

# Model answers


def normalize(x, axes, epsilon=1e-5):
    """What all normalisations share (Ioffe and Szegedy 2015): mean 0 and variance 1 over `axes`."""
    mean = np.mean(x, axis=axes, keepdims=True)
    variance = np.var(x, axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon)


def group_norm(x, groups, gamma, beta, epsilon=1e-5):
    """Group normalisation (Wu and He 2018): the channels cut into groups of neighbours."""
    parts = np.reshape(x, (*x.shape[:-1], groups, x.shape[-1] // groups))
    normalized = np.reshape(normalize(parts, (1, 2, 4), epsilon), x.shape)
    return gamma * normalized + beta


def mixed(old, new, momentum):
    """A moving statistic after a step."""
    return momentum * old + (1 - momentum) * new


def batch_norm(x, gamma, beta, moving_mean, moving_variance, training, momentum=0.99, epsilon=1e-3):
    """Batch normalisation (Ioffe and Szegedy 2015), its moving statistics kept as Keras does."""
    mean, variance = moving_mean, moving_variance
    if training:
        axes = tuple(range(x.ndim))[:-1]
        mean, variance = np.mean(x, axis=axes), np.var(x, axis=axes)
        moving_mean = mixed(moving_mean, mean, momentum)
        moving_variance = mixed(moving_variance, variance, momentum)
    y = gamma * (x - mean) / np.sqrt(variance + epsilon) + beta
    return y, moving_mean, moving_variance


def conv_group_relu(x, filters, groups):
    """Convolution, group normalisation (Wu and He 2018), ReLU."""
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.GroupNormalization(groups, epsilon=1e-5)(x))


# What is tried

# The variance of such numbers is some times 1e-5: an epsilon of that size counts beside it.
SMALL = 0.004


def numbers(rng: np.random.Generator, low: int, high: int, count: int) -> list[int]:
    """Different whole numbers from `low` to `high`."""
    return [int(n) for n in rng.choice(np.arange(low, high + 1), count, replace=False)]


def array(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> np.ndarray:
    """Normal numbers; along each axis every place has an offset of its own.

    So it shows over which axes a mean is taken.
    """
    x = rng.normal(size=shape)
    for axis, side in enumerate(shape):
        x = np.swapaxes(np.swapaxes(x, axis, -1) + rng.normal(size=side), axis, -1)
    return scale * x


def with_constant(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Numbers of which the last channel has one value throughout: its variance is 0."""
    x = array(rng, *shape)
    x[..., -1] = 0.5
    return x


def signed(rng: np.random.Generator, count: int) -> np.ndarray:
    """Factors or offsets of both signs, none of them near 0 or 1, no two alike."""
    sizes = rng.permutation(np.linspace(1.3, 2.7, count) + rng.uniform(0, 0.1, count))
    return sizes * rng.permutation(np.resize([1.0, -1.0], count))


def normalize_trials(rng: np.random.Generator) -> list[Trial]:
    """The axes of batch, layer, instance and group normalisation, and others; two to five axes.

    Few numbers share a mean in some, so that the sample variance shows.
    """
    n, h, w, c = numbers(rng, 3, 6, 4)
    return [
        trial(x=array(rng, n, h, w, c), axes=(0, 1, 2)),
        trial(x=array(rng, n, h, w, c), axes=(1, 2, 3), epsilon=6.0),
        trial(x=array(rng, n, h, w, c, scale=SMALL), axes=(1, 2)),
        trial(x=array(rng, n, h, w, c, 3), axes=(1, 2, 4), epsilon=0.01),
        trial(x=array(rng, c, w), axes=(0,), epsilon=0.0),
        trial(x=array(rng, h, c), axes=(1,), epsilon=0.1),
        trial(x=array(rng, c, n, w), axes=(0, 2)),
        trial(x=with_constant(rng, n, w, c), axes=(0, 1)),
    ]


def of_maps(rng: np.random.Generator, shape: tuple[int, ...], groups: int, **options) -> Trial:
    """A trial of group normalisation on maps (N, H, W, C)."""
    gamma, beta = signed(rng, shape[-1]), signed(rng, shape[-1])
    x = array(rng, *shape, scale=options.pop("scale", 1.0))
    if options.pop("dead", False):
        x[0, ..., -(shape[-1] // groups) :] = 0
    return trial(x=x, groups=groups, gamma=gamma, beta=beta, **options)


def group_norm_trials(rng: np.random.Generator) -> list[Trial]:
    """Two and more channels to a group, more groups than that and fewer; one group; single ones.

    One picture, and small maps: few numbers share a mean. A group that is 0, as behind a ReLU, and
    an epsilon larger than a variance. Channels enough for a call to be told in one line.
    """
    n, h, w = numbers(rng, 3, 5, 3)
    return [
        of_maps(rng, (n, h, w, 12), 4, dead=True),
        of_maps(rng, (w, n, h, 10), 2, epsilon=6.0),
        of_maps(rng, (2, w, n, 15), 5, scale=SMALL),
        of_maps(rng, (n, 2, w, 18), 3, epsilon=0.1),
        of_maps(rng, (1, 1, 2, 12), 6, epsilon=0.0),
        of_maps(rng, (n, h, 2, 11), 1),
        of_maps(rng, (w, 2, h, 10), 10, epsilon=0.05),
    ]


def batch(rng: np.random.Generator, shape: tuple[int, ...], training: bool, **options) -> Trial:
    """A trial of batch normalisation: the moving statistics are unlike those of the batch."""
    channels, scale = shape[-1], options.pop("scale", 1.0)
    return trial(
        x=array(rng, *shape, scale=scale),
        gamma=signed(rng, channels),
        beta=signed(rng, channels),
        moving_mean=scale * signed(rng, channels),
        moving_variance=scale**2 * rng.uniform(0.3, 3, channels),
        training=training,
        **options,
    )


def batch_norm_trials(rng: np.random.Generator) -> list[Trial]:
    """Training and not, each on two, three and four axes, with the defaults and without.

    Variances as small as the epsilon in either; a batch of one, whose variance is 0.
    """
    n, h, w = numbers(rng, 3, 5, 3)
    a, b = numbers(rng, 10, 13, 2)
    return [
        batch(rng, (n, a), True),
        batch(rng, (w, h, n, b), True, momentum=0.6),
        batch(rng, (h, n, a), True, momentum=0.3, scale=0.03),
        batch(rng, (n, h, w, b), True, momentum=0.8, epsilon=0.2),
        batch(rng, (1, b), True, momentum=0.7),
        batch(rng, (n, w, h, a), False, scale=0.03),
        batch(rng, (w, b), False, momentum=0.5, epsilon=0.3),
        batch(rng, (2, w, a), False),
    ]


def conv_group_relu_trials(rng: np.random.Generator) -> list[Trial]:
    """Groups of several filters; one group; single ones. Odd and even sides.

    At least once `groups` divides the channels of `x` as well: then it could be the convolution's.
    """
    a, b, c = numbers(rng, 3, 5, 3)
    return [
        trial(x=Input((7, 6, a)), filters=12, groups=3),
        trial(x=Input((6, 9, 2 * b)), filters=14, groups=2),
        trial(x=Input((5, 8, c)), filters=7, groups=1),
        trial(x=Input((8, 5, a)), filters=9, groups=9),
    ]


# So small that the variances of the groups are about 1e-5, which makes the epsilon count; and
# factors so large that an activation that is cut off at 6 shows.
PLAN = {"inputs": 0.002, "vectors": 3.0}

TASKS = [
    Task(
        name="normalize",
        kind="function",
        points=2,
        trials=normalize_trials,
        answer=normalize,
        tolerance=1e-4,
    ),
    Task(
        name="group_norm",
        kind="function",
        points=3,
        trials=group_norm_trials,
        answer=group_norm,
        tolerance=1e-4,
    ),
    Task(
        name="batch_norm",
        kind="function",
        points=4,
        trials=batch_norm_trials,
        answer=batch_norm,
        outputs=3,
        tolerance=1e-4,
    ),
    Task(
        name="conv_group_relu",
        kind="block",
        points=3,
        trials=conv_group_relu_trials,
        answer=conv_group_relu,
        plan=PLAN,
    ),
]

_HEAD = "def normalize(x, axes, epsilon="
EQUIVALENT_MUTANTS = {
    f"normalize: {_HEAD}1e-05): -> {_HEAD}1.00002):": "`group_norm` hands its own epsilon on",
}
