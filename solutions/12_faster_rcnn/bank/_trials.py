"""What is tried of the tasks of exercise 12, as far as it needs no model answer."""

import numpy as np

from autograder.data.arguments import Input
from autograder.setting.task import Trial, trial


def boxes_of(rows: list[list[float]]) -> np.ndarray:
    return np.array(rows, "float64").reshape(-1, 4)


def drawn(rng: np.random.Generator, count: int, height: float, width: float) -> np.ndarray:
    """Boxes about the middle of a picture: most of them overlap, all have an area."""
    picture = np.array([height, width])
    centres = (np.array([0.5, 0.45]) + rng.uniform(-0.3, 0.3, (count, 2))) * picture
    sizes = rng.uniform(0.15, 0.5, (count, 2)) * picture
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)


def single(array: np.ndarray) -> np.ndarray:
    return array.astype("float32")


def ranked(rng: np.random.Generator, count: int, low=0.05, high=0.95) -> np.ndarray:
    """Numbers in no order, far from one another."""
    return rng.permutation(np.linspace(low, high, count))


def anchor_trials(rng: np.random.Generator) -> list[Trial]:
    """Maps high and wide, one cell, odd and even strides; unlike numbers of scales and ratios.

    Scales are floats: with whole numbers `keras.ops` multiplies whole numbers by parts of one.
    """
    a, b, c = (int(n) for n in rng.choice(range(2, 6), 3, replace=False))
    sizes = [round(float(s), 1) for s in rng.uniform(11, 60, 3)]
    return [
        trial(height=1, width=2, stride=8, scales=[12.0], ratios=[1.0, 4.0]),
        trial(height=a, width=b, stride=16, scales=sizes, ratios=[0.5, 2.0]),
        trial(height=b, width=c, stride=5, scales=[8.0, 24.0], ratios=[1.0, 0.3, 3.0]),
        trial(height=c, width=a, stride=int(rng.integers(6, 15)), scales=[20.5], ratios=[0.7]),
        trial(height=1, width=1, stride=32, scales=[64.0, 16.0, 128.0], ratios=[2.0, 1.0]),
    ]


def head_trials(rng: np.random.Generator) -> list[Trial]:
    """Maps high and wide, odd and even; the filters asked for, and as many as by default.

    Never four anchors: 4 * anchors is their square.
    """
    a, b, c, d = (int(n) for n in rng.permutation([5, 6, 7, 9]))
    return [
        trial(x=Input((7, 6, a)), anchors=3, filters=b),
        trial(x=Input((6, 9, c)), anchors=2, filters=d),
        trial(x=Input((5, 4, 4)), anchors=5),
    ]


def smooth_trials(rng: np.random.Generator) -> list[Trial]:
    """Both branches, on both sides of 0; narrow and wide, arrays of one to three axes."""
    return [
        trial(x=np.array([-2.0, -0.5, 0.0, 0.8, 3.0])),
        trial(x=rng.normal(0, 1.5, (4, 3))),
        trial(x=rng.normal(0, 0.3, (6, 4)), beta=1 / 9),
        trial(x=rng.normal(0, 4, (2, 3, 4)), beta=2.5),
        trial(x=single(rng.normal(0, 40, (7, 4))), beta=20.0),
        trial(x=np.array([0.25, -0.5, 3.0]), beta=0.5),
        trial(x=np.array([0.0, 0.6, -2.25])),
    ]


_NOTHING = [[3, 40, 9, 50], [-8, 32, -2, 39], [-7, 5, 0, 9], [20, 3, 31, 9], [5, 30, 8, 33]]
# A row: each over the next by 0.43, over the next but one by 0.11.
_LINKS = [[2, 4 * n, 9, 4 * n + 10] for n in range(5)]
PLACES = {
    "worked": [[0, 0, 10, 20], [0, 2, 10, 22], [6, -4, 16, 8], [30, 0, 40, 9]],
    "nothing": _NOTHING,
    "links": _LINKS,
    "some": [*_NOTHING[:3], *_LINKS[::4], [15, 3, 15.4, 20], [11, 1, 13, 1.3], [14, 20, 20, 29]],
    "edge": [
        [0, 0, 4, 8],
        [0, 0, 4, 4],
        [-6, 10, 4, 20],
        [0, 10, 4, 22],
        [-4, 24, 4, 28],
        [0, 24, 4, 32],
        [10, 12, 22, 20],
        [10, 12, 26, 28],
        [9, 30, 21, 38],
        [9, 32, 21, 40],
    ],
    "corner": [
        [-8, -8, 2, 12],
        [-8, -8, 12, 2],
        [14, 20, 30, 26],
        [17, 20, 23, 30],
        [16, 0, 20, 10],
        [16, 2.5, 20, 12.5],
    ],
}


def placed(name: str, scores, size, before=50, after=50, threshold=0.5) -> Trial:
    """Anchors that stay where they are."""
    rows = PLACES[name]
    return trial(
        offsets=np.zeros((len(rows), 4)), objectness=np.array(scores, "float64"),
        anchors=boxes_of(rows), image_size=size, before=before, after=after, threshold=threshold,
    )  # fmt: skip
