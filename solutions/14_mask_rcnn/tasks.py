"""Exercise 14: what Mask R-CNN adds. Its answers are in `bank/`; see `docs/authoring.md`."""

import numpy as np
from keras import layers

from autograder.data.arguments import Input
from autograder.setting.task import Task, Trial, counted, trial

# Model answers


def shares(places, length):
    """What lies between the centres of pixels takes of each of the two: a matrix, by rows."""
    places = np.clip(places - 0.5, 0, length - 1)
    return np.maximum(1 - np.abs(places[:, None] - np.arange(length)), 0)


def means(start, end, size, samples, length):
    """What each of `size` bins along an axis takes of each pixel: a matrix."""
    places = start + (np.arange(size * samples) + 0.5) * (end - start) / (size * samples)
    return shares(places, length).reshape(size, samples, length).mean(axis=1)


def roi_align(features, box, size, samples=2):
    """RoIAlign (He et al. 2017, arXiv:1703.06870), half-pixel-corrected (Wu et al. 2019)."""
    height, width, _ = features.shape
    rows = means(box[0], box[2], size, samples, height)
    columns = means(box[1], box[3], size, samples, width)
    return np.einsum("yh,xw,hwc->yxc", rows, columns, features)


def convolutions(x, filters):
    for _ in range(4):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return x


def mask_head(x, classes, filters=256):
    """The mask branch with a pyramid behind it (He et al. 2017, arXiv:1703.06870, figure 4)."""
    x = convolutions(x, filters)
    x = layers.Conv2DTranspose(filters, 2, strides=2, activation="relu")(x)
    return layers.Conv2D(classes, 1, activation="sigmoid")(x)


def grid(size, length):
    """Where the centres of `size` equal parts of an axis lie."""
    return (np.arange(size) + 0.5) * length / size


def paste_mask(mask, box, height, width, threshold=0.5):
    """The mask of a box, in the picture (He et al. 2017, arXiv:1703.06870, section 3.1)."""
    top, left, bottom, right = box
    rows = shares(grid(bottom - top, mask.shape[0]), mask.shape[0])
    columns = shares(grid(right - left, mask.shape[1]), mask.shape[1])
    picture = np.zeros((height, width), bool)
    picture[top:bottom, left:right] = rows @ mask @ columns.T > threshold
    return picture


# What is tried


def align_trials(rng: np.random.Generator) -> list[Trial]:
    """Boxes within the map, at each of its borders, smaller than a pixel, and the whole map.

    Bins of several pixels and of parts of one; samples from 1 to 4; maps of one row or column; as
    many bins as pixels, which gives the map itself; single precision; all features negative.
    """

    def case(sides, channels, box, size, shift=0.0, **samples):
        features = shift + rng.standard_normal((*sides, channels))
        return trial(features=features, box=np.array(box, "float64"), size=size, **samples)

    def part(low, high):
        return float(rng.uniform(low, high))

    digits = np.array([[1, 2, 4, 8], [3, 5, 7, 9]], "float64")[:, :, None]
    inside = [part(1.1, 1.4), part(2.6, 2.9), part(5.1, 5.4), part(7.6, 7.9)]
    bright = case((12, 9), 4, [part(2, 3), part(1, 2), part(9, 10), part(6, 7)], 3, samples=3)
    bright.arguments["features"] = (120 + 40 * bright.arguments["features"]).astype("float32")
    return [
        trial(features=digits, box=np.array([0.0, 1.0, 2.0, 3.0]), size=1),
        trial(features=digits, box=np.array([0.5, 0.5, 1.5, 3.0]), size=2, samples=1),
        case((8, 11), 3, inside, 3),
        case((6, 9), 2, [0, part(2, 3), part(2, 3), 9], 5, samples=4),
        case((9, 7), 5, [part(4, 5), 0, 9, part(3, 4)], 4, samples=2),
        case((5, 4), 2, [0, 0, 5, 4], 6, shift=-7, samples=3),
        case((6, 6), 3, [0, 0, 6, 6], 6, samples=1),
        case((7, 10), 2, [part(3.1, 3.3), part(4.6, 4.8), part(3.6, 3.9), part(5.2, 5.4)], 2),
        case((10, 8), 3, [2, 3, 9, 5], 7, samples=1),
        case((1, 6), 2, [part(0, 0.1), part(1, 2), part(0.7, 0.9), part(4, 5)], 3),
        case((5, 1), 3, [part(1, 2), 0, part(3, 4), 1], 2, samples=3),
        bright,
    ]


def head_trials(rng: np.random.Generator) -> list[Trial]:
    """Sides odd and even; filters other than channels, and as many; one class is counted.

    Never three or four filters: their kernels do not show in which order the axes are stored. The
    last kernel for one class is a vector, as a bias is, and could not be filled otherwise.
    """
    a, b, c = (int(n) for n in rng.permutation([5, 6, 7]))
    return [
        trial(x=Input((3, 5, a)), classes=2, filters=b),
        trial(x=Input((4, 2, c)), classes=4, filters=c),
        counted(x=Input((4, 6, a)), classes=1),
    ]


def clear_mask(rng: np.random.Generator, sides, box, threshold=0.5) -> np.ndarray:
    """A mask that is nowhere near the threshold when resized, and on both sides of it."""
    while True:
        mask = rng.uniform(0.03, 0.97, sides)
        rows, columns = (shares(grid(box[n + 2] - box[n], sides[n]), sides[n]) for n in (0, 1))
        away = rows @ mask @ columns.T - threshold
        if np.abs(away).min() > 2e-3 and (away.size == 1 or away.min() < 0 < away.max()):
            return mask


def paste_trials(rng: np.random.Generator) -> list[Trial]:
    """Masks made larger and smaller; boxes within, at each border, of one pixel, the whole picture.

    Masks higher than wide, wider than high, of one number; thresholds low and high, and values that
    are exactly the threshold, where nothing is resized; single precision.
    """

    def case(sides, box, height, width, **threshold):
        mask = clear_mask(rng, sides, box, **threshold)
        place = np.array(box, "int64")
        return trial(mask=mask, box=place, height=height, width=width, **threshold)

    quarters = rng.permutation(np.linspace(0, 1, 5).repeat(4)).reshape(5, 4)
    top, left = (int(n) for n in rng.integers(1, 4, 2))
    wide = [top, left, top + 5, left + 9]
    worked = np.array([[1.0, 0.0], [1.0, 1.0]])
    single = case((9, 9), [3, 5, 14, 19], 17, 21)
    single.arguments["mask"] = single.arguments["mask"].astype("float32")
    return [
        trial(mask=worked, box=np.array([1, 1, 5, 5]), height=6, width=7, threshold=0.6),
        case((4, 4), wide, 10, 15),
        case((3, 5), [0, 2, 7, 6], 12, 8, threshold=0.3),
        case((6, 3), [4, 0, 9, 5], 9, 13, threshold=0.7),
        trial(mask=quarters, box=np.array([2, 1, 7, 5]), height=8, width=6),
        case((12, 14), [1, 3, 5, 9], 7, 10),
        case((7, 7), [0, 0, 8, 11], 8, 11, threshold=0.4),
        case((4, 6), [left, top, left + 1, top + 1], 6, 5),
        case((5, 3), [3, 2, 4, 10], 7, 12),
        trial(mask=np.array([[0.8]]), box=np.array([2, 4, 5, 6]), height=6, width=9),
        trial(mask=quarters / 4, box=np.array([0, 1, 4, 9]), height=5, width=10),
        single,
    ]


TASKS = [
    Task(
        name="roi_align",
        kind="function",
        points=5,
        trials=align_trials,
        answer=roi_align,
        by_hand=True,
        tolerance=3e-5,  # float16 is refused; single precision stays below a tenth of it
    ),
    Task(
        name="mask_head",
        kind="block",
        points=3,
        trials=head_trials,
        answer=mask_head,
        # scores far below 0 are lost in rounding where a sigmoid is written by hand
        plan={"probabilities": True, "kernels": 0.6, "vectors": 0.5},
        places={"convolutions": "in front", "mask_head": "behind them"},
    ),
    Task(
        name="paste_mask",
        kind="function",
        points=3,
        trials=paste_trials,
        answer=paste_mask,
        dtype="bool",
    ),
]

# What `autograder mutate` lists though it computes the same, each with the reason.
_TENT = "1 - np.abs(places[:, None] - np.arange(length))"
EQUIVALENT_MUTANTS = {
    "shares: places = np.clip(places - 0.5, 0, length - 1) -> "
    "places = np.clip(0, places - 0.5, length - 1)": "a maximum of two, and then a minimum",
    f"shares: return np.maximum({_TENT}, 0) -> return np.maximum(0, {_TENT})": "a maximum of two",
}
