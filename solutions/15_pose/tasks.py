"""Exercise 15: where parts are and which way a head looks. The answers are in `bank/`.

`docs/authoring.md` explains how such a file is written.
"""

import numpy as np
from keras import layers
from scipy.spatial.transform import Rotation

from autograder.data.arguments import Input
from autograder.setting.task import Task, Trial, trial

# Model answers


def heat_maps(points, height, width, sigma):
    """A bell about each point (Tompson et al. 2014, arXiv:1406.2984); nothing for an unseen one."""
    y, x = np.arange(height)[:, None, None], np.arange(width)[:, None]
    squared = (y - points[:, 0]) ** 2 + (x - points[:, 1]) ** 2
    return np.nan_to_num(np.exp(-squared / (2 * sigma**2)))


def soft_argmax(maps):
    """The mean place under a softmax over positions (Sun et al. 2018, arXiv:1711.08229)."""
    weights = np.exp(maps - maps.max(axis=(0, 1)))
    weights = weights / weights.sum(axis=(0, 1))
    y = np.arange(maps.shape[0]) @ weights.sum(axis=1)
    x = np.arange(maps.shape[1]) @ weights.sum(axis=0)
    return np.stack([y, x], axis=1)


def turn(angle, first, second):
    """A turn in the plane of two axes, from the first to the second."""
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[second, first] = np.sin(angle)
    matrix[first, second] = -np.sin(angle)
    return matrix


def rotation_matrix(roll, pitch, yaw):
    """Turns about x (pitch), then y (yaw), then z (roll): Euler 1776, as a product of three."""
    return turn(roll, 0, 1) @ turn(yaw, 2, 0) @ turn(pitch, 1, 2)


def rotation_error(a, b):
    """The angle of the rotation that leads from one to the other (Huynh 2009)."""
    cosine = (np.trace(a.T @ b) - 1) / 2
    return float(np.arccos(np.clip(cosine, -1, 1)))


def unit(x, filters):
    """The residual module of Newell et al. 2016, without its normalisations."""
    y = layers.Conv2D(filters // 2, 1, activation="relu")(x)
    y = layers.Conv2D(filters // 2, 3, padding="same", activation="relu")(y)
    return layers.Add()([x, layers.Conv2D(filters, 1)(y)])


def hourglass(x, depth, filters):
    """The hourglass of Newell, Yang and Deng 2016, arXiv:1603.06937, with one unit at a time."""
    if depth == 0:
        return x
    low = unit(layers.MaxPooling2D(2)(x), filters)
    low = hourglass(low, depth - 1, filters)
    return layers.Add()([unit(x, filters), layers.UpSampling2D(2)(low)])


# What is tried


def places(rng: np.random.Generator, count: int, height: int, width: int) -> np.ndarray:
    """Points in a picture, between its pixels."""
    return rng.uniform([0, 0], [height - 1, width - 1], (count, 2))


def heat_trials(rng: np.random.Generator) -> list[Trial]:
    """Points on pixels, between them, at corners and outside; unseen ones first, last, and all.

    Narrow bells and wide ones; one point and several, two at one place; single precision.
    """

    def case(points, height, width, sigma):
        return trial(points=points, height=height, width=width, sigma=sigma)

    unseen = [np.nan, np.nan]
    some, more = places(rng, 4, 9, 14), places(rng, 3, 15, 7)
    some[0], more[1], more[2] = np.nan, np.nan, more[0]
    outside = np.array([[-1.5, 4.25], [3, 11.5], [0, 0], [7, 8]])
    single = places(rng, 5, 12, 16).astype("float32")
    single[-1] = np.nan
    return [
        case(np.array([[1.0, 2.0], unseen]), 3, 4, 1.0),
        case(places(rng, 3, 8, 11), 8, 11, 1.5),
        case(some, 9, 14, 2.5),
        case(more[[1, 0, 2]], 15, 7, 0.6),
        case(outside, 8, 9, 2),
        case(places(rng, 1, 5, 6), 5, 6, 7.0),
        case(np.array([unseen, unseen]), 4, 6, 1.0),
        case(single, 12, 16, 3.0),
    ]


def argmax_trials(rng: np.random.Generator) -> list[Trial]:
    """Flat maps, peaked ones and such with two peaks; one map, one row, one column.

    Logits of thousands, above 0, below 0, and of both kinds in one call; single precision.
    """

    def logits(height, width, count, scale, shift=0.0):
        drawn = rng.normal(0, scale, (height, width, count))
        return np.round((drawn + shift) * 16) / 16  # exact in single precision too

    apart = logits(6, 9, 3, 1.5)
    apart += np.array([3000, 0, -2500])
    two = logits(7, 12, 2, 0.2)
    two[1, 2], two[5, 9], two[6, 1, 1] = 9.0, 9.5, 9.25
    worked = np.log(np.array([[1.0, 2.0, 1.0], [1.0, 1.0, 2.0]]))[:, :, None]
    return [
        trial(maps=worked),
        trial(maps=logits(8, 11, 4, 1.0)),
        trial(maps=logits(12, 5, 3, 4.0)),
        trial(maps=np.zeros((5, 8, 2))),
        trial(maps=two),
        trial(maps=logits(6, 10, 2, 1.5, shift=2000)),
        trial(maps=logits(9, 6, 3, 1.5, shift=-2000)),
        trial(maps=apart),
        trial(maps=logits(7, 9, 2, 900)),
        trial(maps=logits(1, 7, 2, 1.5)),
        trial(maps=logits(6, 1, 1, 1.5)),
        trial(maps=logits(10, 13, 5, 2.0).astype("float32")),
    ]


def angles(rng: np.random.Generator, low=0.3, high=1.2) -> list[float]:
    """Three angles that differ, away from 0, of either sign."""
    drawn = rng.permutation(np.linspace(low, high, 3)) + rng.uniform(-0.1, 0.1, 3)
    return [float(a) for a in drawn * rng.choice([-1, 1], 3)]


def matrix_trials(rng: np.random.Generator) -> list[Trial]:
    """Each angle alone, each left out, all three; quarter turns, more than half turns, none."""
    alone, pairs, whole, large = (angles(rng) for _ in range(4))
    named = ("roll", "pitch", "yaw")

    def case(values, chosen=named):
        return trial(**{n: v if n in chosen else 0.0 for n, v in zip(named, values, strict=True)})

    return [
        *(case(alone, (name,)) for name in named),
        *(case(pairs, set(named) - {name}) for name in named),
        case(whole),
        case([a * 3 for a in large]),
        case([np.pi / 2, 0.0, float(rng.uniform(0.2, 0.6))]),
        case([0.0, 0.0, 0.0]),
    ]


def rounded_up(rng: np.random.Generator, other=lambda matrix: matrix, sign=1) -> list[np.ndarray]:
    """A rotation and another, rounded to single precision so that a cosine is beyond 1 or -1.

    That of half an angle, of which quaternions are made, is not below 1 by rounding: an arc cosine
    of a little less than 1 is far from 0.
    """
    while True:
        first = rotation_matrix(*angles(rng)).astype("float32").astype("float64")
        second = other(first)
        turned = Rotation.from_matrix(first)
        halves = turned.as_quat() @ turned.as_quat(), (turned.inv() * turned).as_quat()[3]
        if sign * (np.trace(first.T @ second) - 1) / 2 > 1 + 3e-8 and min(halves) >= 1:
            return [first, second]


def error_trials(rng: np.random.Generator) -> list[Trial]:
    """Large angles, small ones, half and quarter turns, none; matrices in single precision.

    Angles so small that a cosine can hardly tell them from none are left out.
    """

    def pair(scale):
        first = rotation_matrix(*angles(rng))
        axis = rng.normal(size=3)
        x, y, z = axis / np.linalg.norm(axis)
        across = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        other = np.eye(3) + np.sin(scale) * across + (1 - np.cos(scale)) * across @ across
        return [first, first @ other]

    half_turn = np.diag([-1.0, 1.0, -1.0])
    quarter = turn(np.pi / 2, 0, 1).round()
    cases = [
        [np.eye(3), quarter],
        pair(float(rng.uniform(0.6, 1.2))),
        pair(float(rng.uniform(1.7, 2.3))),
        pair(float(rng.uniform(2.6, 3.0))),
        pair(0.02),
        [np.eye(3), np.eye(3)],
        rounded_up(rng),
        rounded_up(rng, lambda matrix: matrix @ half_turn, -1),
        [matrix.astype("float32") for matrix in pair(float(rng.uniform(0.3, 0.5)))],
    ]
    return [trial(a=a, b=b) for a, b in cases]


def hourglass_trials(rng: np.random.Generator) -> list[Trial]:
    """No depth, one and two; sides that only just go in, and larger ones.

    An odd half of `filters` too, but never three: a 3x3 kernel of three by three filters does not
    show in which order its axes are stored.
    """
    a, b, c = (int(n) for n in rng.permutation([8, 10, 14]))
    return [
        trial(x=Input((4, 6, a)), depth=1, filters=a),
        trial(x=Input((8, 4, b)), depth=2, filters=b),
        trial(x=Input((5, 3, c)), depth=0, filters=c),
    ]


def by_hand(name, points, trials, answer, **options) -> Task:
    """Float16 is refused by this tolerance; single precision stays below a tenth of it."""
    how = {"kind": "function", "by_hand": True, "tolerance": 3e-5, **options}
    return Task(name=name, points=points, trials=trials, answer=answer, **how)


TASKS = [
    by_hand("heat_maps", 2, heat_trials, heat_maps),
    by_hand("soft_argmax", 3, argmax_trials, soft_argmax, tolerance=1e-3),
    by_hand("rotation_matrix", 2, matrix_trials, rotation_matrix),
    # a cosine of single precision says little of a small angle
    by_hand("rotation_error", 2, error_trials, rotation_error, tolerance=2e-3),
    Task(
        name="hourglass",
        kind="block",
        points=4,
        trials=hourglass_trials,
        answer=hourglass,
        places={"unit": "of a unit", "hourglass": "between the units"},
    ),
]

# What `autograder mutate` lists though it computes the same, each with the reason.
EQUIVALENT_MUTANTS = {
    "soft_argmax: weights = weights / weights.sum(axis=(0, 1)) -> (twice)": "divided by 1",
    "rotation_error: return float(np.arccos(np.clip(cosine, -1, 1))) -> "
    "return np.arccos(np.clip(cosine, -1, 1))": "a number of NumPy's does as well",
    "rotation_error: return float(np.arccos(np.clip(cosine, -1, 1))) -> "
    "return float(np.arccos(np.clip(-1, cosine, 1)))": "a maximum of two, and then a minimum",
}
