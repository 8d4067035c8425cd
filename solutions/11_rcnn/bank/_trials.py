"""What is tried of the tasks of exercise 11, as far as it needs no model answer."""

import numpy as np

from autograder.setting.task import Trial, trial


def boxes_of(rows: list[list[float]]) -> np.ndarray:
    return np.array(rows, "float64").reshape(-1, 4)


def drawn(rng: np.random.Generator, count: int, height=60.0, width=100.0) -> np.ndarray:
    """Boxes about the middle of a picture: most of them overlap, all have an area."""
    middle, picture = np.array([0.5, 0.4]), np.array([height, width])
    centres = (middle + rng.uniform(-0.22, 0.22, (count, 2))) * picture
    sizes = rng.uniform(0.12, 0.55, (count, 2)) * picture
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)


def single(array: np.ndarray) -> np.ndarray:
    return array.astype("float32")


def ranked(rng: np.random.Generator, count: int) -> np.ndarray:
    """Scores in no order, far from one another."""
    return rng.permutation(np.linspace(0.15, 0.95, count))


def pool_trials(rng: np.random.Generator) -> list[Trial]:
    """Sides that are multiples of the size, that leave one and two over, and that are smaller.

    Regions at the border and within, the whole map, one cell; all features negative.
    Left out is a side of 5 or 7 cut into as many bins: i * (h / size) rounds wrongly there.
    """

    def case(sides, start, height, width, size, channels=2, scale=1.0, shift=0.0):
        features = shift + scale * rng.standard_normal((*sides, channels))
        top, left = start
        roi = np.array([top, left, top + height, left + width])
        return trial(features=features, roi=roi, size=size)

    digits = np.array([[1, 2, 3, 4, 5, 6], [8, 3, 0, 2, 9, 1], [4, 4, 7, 1, 2, 3]], "float64")
    top, left = (int(n) for n in rng.integers(1, 4, 2))
    bright = case((11, 9), (1, 2), 7, 5, 3, channels=4, scale=40, shift=120)
    bright.arguments["features"] = single(bright.arguments["features"])
    return [
        trial(features=digits[:, :, None], roi=np.array([0, 1, 3, 5]), size=2),
        case((9, 12), (top, left), 4, 6, 2, channels=3),
        case((8, 8), (top, 0), 5, 7, 2),
        case((12, 10), (left, top), 8, 7, 3, channels=5),
        bright,
        case((7, 9), (2, 1), 2, 6, 4, channels=3),
        case((6, 7), (1, 3), 3, 2, 6, channels=1),
        case((5, 8), (0, 0), 5, 8, 4, channels=2, shift=-9),
        case((9, 6), (3, 1), 6, 5, 1, channels=3),
        case((6, 5), (4, 2), 1, 1, 3, channels=4),
    ]


def precision_trials(rng: np.random.Generator) -> list[Trial]:
    """Curves that fall and rise; all matched, none, and the first; one detection, none at all.

    Positives that were never found, and none such; the same detections with two numbers of them.
    """

    def ranks(pattern: str) -> dict[str, np.ndarray]:
        """Detections in no order that are right (+) and wrong (-) in this order of scores."""
        places = rng.permutation(len(pattern))
        scores = np.linspace(0.9, 0.1, len(pattern))[places]
        return {"scores": scores, "matched": np.array([pattern[n] == "+" for n in places], bool)}

    many, logits = (ranks(rng.permutation(list(line))) for line in (20 * "+" + 14 * "-", 6 * "+-"))
    logits["scores"] = single(6 * logits["scores"] - 4)
    worked = {"scores": np.array([0.7, 0.9, 0.8]), "matched": np.array([True, True, False])}
    return [
        trial(**worked, positives=2),
        trial(**ranks("--+++-+"), positives=4),
        trial(**ranks("++-+--+-"), positives=7),
        trial(**many, positives=20),
        trial(**many, positives=27),
        trial(**logits, positives=9),
        trial(**ranks("-----+"), positives=3),
        trial(**ranks("++++"), positives=4),
        trial(**ranks("+++"), positives=8),
        trial(**ranks("----"), positives=3),
        trial(**ranks("-+--"), positives=1),
        trial(scores=np.array([0.4]), matched=np.array([True]), positives=1),
        trial(scores=np.zeros(0), matched=np.zeros(0, bool), positives=2),
    ]
