"""Exercise 09: upsampling by hand. Its answers are in `bank/`; see `docs/authoring.md`."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from autograder.data.arguments import DensePredictor
from autograder.setting.task import Task, Trial, trial

# Model answers


def shares(size, factor, method):
    """What each of the `size * factor` outputs along an axis takes of each input: a matrix."""
    if method == "nearest":
        return np.repeat(np.eye(size), factor, axis=0)
    centres = np.clip((np.arange(size * factor) + 0.5) / factor - 0.5, 0, size - 1)
    return np.maximum(1 - np.abs(centres[:, None] - np.arange(size)), 0)


def upsample(image, factor, method):
    """Both axes by a matrix each. The grid of half-pixel centres is that of `ops.image.resize`."""
    rows, columns = (shares(size, factor, method) for size in image.shape[:2])
    return np.einsum("yh,xw,hwc->yxc", rows, columns, image)


def transposed_conv2d(image, kernel, stride=1):
    """Each pixel lays its share of the kernel down, and what overlaps is added up.

    The map of Zeiler, Krishnan, Taylor and Fergus 2010, *Deconvolutional networks* (which is no
    deconvolution), as set out by Dumoulin and Visin 2016, arXiv:1603.07285.
    """
    height, width, filters, _ = kernel.shape
    rows, columns, _ = image.shape
    result = np.zeros(((rows - 1) * stride + height, (columns - 1) * stride + width, filters))
    for i, j in np.ndindex(rows, columns):
        y, x = i * stride, j * stride
        result[y : y + height, x : x + width] += kernel @ image[i, j]
    return result


def pixel_shuffle(x, factor):
    """Channels become positions (Shi et al. 2016, arXiv:1609.05158), in the order of Keras."""
    height, width, depth = x.shape
    channels = depth // factor**2
    blocks = x.reshape(height, width, factor, factor, channels).transpose(0, 2, 1, 3, 4)
    return blocks.reshape(height * factor, width * factor, channels)


def convolved(image, kernels):
    windows = sliding_window_view(image, kernels.shape[:2], axis=(0, 1))
    return np.einsum("ijcyx,yxcf->ijf", windows, kernels)


def dilated_conv2d(image, kernels, rate):
    """Each of the sampled pictures is convolved, and the results are interleaved.

    Shensa 1992, *The discrete wavelet transform: wedding the a trous and Mallat algorithms*; as
    layers of a net: Yu and Koltun 2016, arXiv:1511.07122.
    """
    height = image.shape[0] - rate * (kernels.shape[0] - 1)
    width = image.shape[1] - rate * (kernels.shape[1] - 1)
    result = np.empty((height, width, kernels.shape[-1]))
    for i, j in np.ndindex(*np.minimum((height, width), rate)):
        result[i::rate, j::rate] = convolved(image[i::rate, j::rate], kernels)
    return result


def shift_and_stitch(predict, image, factor):
    """The net on all shifted pictures, its maps interleaved: Long et al. 2015, arXiv:1411.4038."""
    maps = [[predict(image[i:, j:]) for j in range(factor)] for i in range(factor)]
    height, width = sum(len(row[0]) for row in maps), sum(one.shape[1] for one in maps[0])
    dense = np.empty((height, width, maps[0][0].shape[-1]))
    for i, j in np.ndindex(factor, factor):
        dense[i::factor, j::factor] = maps[i][j]
    return dense


# What is tried


def numbers(rng: np.random.Generator, low: int, high: int, count: int) -> list[int]:
    """Different whole numbers from `low` to `high`."""
    return [int(n) for n in rng.choice(np.arange(low, high + 1), count, replace=False)]


def drawn(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape)


def bright(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Single precision, as large as a photograph's values."""
    return (120 + 40 * drawn(rng, *shape)).astype("float32")


def upsample_trials(rng: np.random.Generator) -> list[Trial]:
    """Both methods with even and odd factors, higher and wider, one row, one channel, no change.

    One picture occurs with both methods, and one with three factors.
    """
    a, b = numbers(rng, 3, 5, 2)
    digits = np.array([[1.0, 3.0, 9.0], [5.0, 7.0, 2.0]])[:, :, None]
    picture, tall = drawn(rng, a, b, 2), drawn(rng, a + 3, b - 1, 3)
    return [
        trial(image=digits, factor=2, method="nearest"),
        trial(image=digits, factor=2, method="bilinear"),
        trial(image=picture, factor=3, method="nearest"),
        trial(image=picture, factor=3, method="bilinear"),
        trial(image=tall, factor=2, method="bilinear"),
        trial(image=drawn(rng, 3, 6, 5), factor=4, method="bilinear"),
        trial(image=bright(rng, 5, 4, 3), factor=4, method="nearest"),
        trial(image=bright(rng, 4, 6, 1), factor=3, method="bilinear"),
        trial(image=tall[:4], factor=5, method="bilinear"),
        trial(image=drawn(rng, 1, b, 4), factor=2, method="bilinear"),
        trial(image=drawn(rng, a, 1, 2), factor=3, method="bilinear"),
        trial(image=drawn(rng, b, a, 2), factor=1, method="bilinear"),
    ]


def transposed_trials(rng: np.random.Generator) -> list[Trial]:
    """Kernels larger than the stride in both directions, in one, in none, and more than twice.

    Oblong kernels and pictures, channels fewer, more and as many as filters, one pixel, one row.
    """
    a, b = numbers(rng, 3, 5, 2)
    few, many = numbers(rng, 2, 4, 2)

    def case(image, kernel, channels, filters, stride=None, draw=drawn):
        weights = drawn(rng, *kernel, filters, channels).astype(draw(rng, 1).dtype)
        given = {"image": draw(rng, *image, channels), "kernel": weights}
        return trial(**given, **({"stride": stride} if stride else {}))

    digits = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])[:, :, None]
    places = np.array([[1.0, 10.0], [100.0, 1000.0], [0.0, -1.0]])[:, :, None, None]
    return [
        trial(image=digits, kernel=places),
        trial(image=digits, kernel=places, stride=2),
        case((a, b), (2, 3), few, many),
        case((b, a), (3, 2), many, few, 1),
        case((a, b), (4, 3), few, many, 2),
        case((b, a), (2, 2), many, few, 2),
        case((a, 4), (3, 5), 3, 3, 2),
        case((3, 4), (2, 4), 1, 2, 2),
        case((3, 2), (5, 3), 2, 1, 3),
        case((2, 4), (3, 7), few, many, 3, draw=bright),
        case((4, 3), (1, 1), many, few, 1),
        case((1, 1), (4, 5), few, many, 4),
        case((1, b), (3, 4), 2, 3, 2),
    ]


def shuffle_trials(rng: np.random.Generator) -> list[Trial]:
    """Factors of 2 to 4, one channel and several, as many as the factor; one row, one column."""
    a, b = numbers(rng, 2, 5, 2)
    digits = np.arange(1.0, 17.0).reshape(1, 2, 8)
    return [
        trial(x=digits, factor=2),
        trial(x=drawn(rng, a, b, 4), factor=2),
        trial(x=drawn(rng, b, a, 12), factor=2),
        trial(x=drawn(rng, 3, 2, 18), factor=3),
        trial(x=bright(rng, 2, 3, 27), factor=3),
        trial(x=drawn(rng, 3, 1, 32), factor=4),
        trial(x=drawn(rng, 3, 3, 8), factor=2),
    ]


def dilated_trials(rng: np.random.Generator) -> list[Trial]:
    """Sizes that are multiples of the rate, and one and two more; results smaller than the rate.

    Kernels are oblong, of one row and one weight; channels fewer, more and as many as filters.
    """
    few, many = numbers(rng, 2, 4, 2)

    def case(result, kernel, channels, filters, rate, draw=drawn):
        image = [one + rate * (side - 1) for one, side in zip(result, kernel, strict=True)]
        weights = drawn(rng, *kernel, channels, filters).astype(draw(rng, 1).dtype)
        return trial(image=draw(rng, *image, channels), kernels=weights, rate=rate)

    digits = np.arange(1.0, 21.0).reshape(4, 5, 1)
    places = np.array([[1.0, 10.0], [100.0, 1000.0]])[:, :, None, None]
    return [
        trial(image=digits, kernels=places, rate=2),
        trial(image=digits, kernels=places, rate=1),
        case((4, 7), (3, 2), few, many, 2),
        case((5, 4), (2, 3), many, few, 2),
        case((3, 6), (3, 3), 3, 3, 3),
        case((4, 5), (2, 3), 1, 2, 3, draw=bright),
        case((8, 7), (3, 2), 2, 1, 3),
        case((2, 5), (3, 2), few, many, 4),
        case((1, 4), (2, 4), many, few, 3),
        case((6, 1), (1, 3), few, many, 2),
        case((5, 4), (1, 1), many, few, 2),
    ]


def stitch_trials(rng: np.random.Generator) -> list[Trial]:
    """Dense outputs of which no side, one or both are multiples of the factor, down to its size.

    Nets whose window is larger than the factor, smaller, and of one pixel.
    """
    few, many = numbers(rng, 2, 4, 2)

    def case(dense, kernel, channels, classes, factor):
        image = [one + side - 1 for one, side in zip(dense, kernel, strict=True)]
        net = DensePredictor(drawn(rng, *kernel, channels, classes), factor)
        return trial(predict=net, image=drawn(rng, *image, channels), factor=factor)

    digits = np.arange(1.0, 21.0).reshape(4, 5, 1)
    itself = DensePredictor(np.ones((1, 1, 1, 1)), 2)
    return [
        trial(predict=itself, image=digits, factor=2),
        case((5, 7), (3, 2), few, many, 2),
        case((6, 4), (2, 3), many, few, 2),
        case((3, 8), (4, 3), 2, 3, 3),
        case((7, 6), (2, 5), 3, 2, 3),
        case((4, 4), (1, 2), few, 1, 3),
        case((4, 9), (3, 1), 1, many, 4),
        case((7, 5), (2, 2), 3, 3, 4),
        case((3, 4), (3, 2), few, many, 1),
    ]


def by_hand(name, points, trials, answer, **options) -> Task:
    """Float16 is refused by this tolerance; single precision stays below a tenth of it."""
    how = {"kind": "function", "by_hand": True, "tolerance": 3e-5}
    return Task(name=name, points=points, trials=trials, answer=answer, **how, **options)


TASKS = [
    by_hand("upsample", 3, upsample_trials, upsample),
    by_hand("transposed_conv2d", 3, transposed_trials, transposed_conv2d),
    by_hand("pixel_shuffle", 2, shuffle_trials, pixel_shuffle),
    by_hand("dilated_conv2d", 3, dilated_trials, dilated_conv2d),
    by_hand("shift_and_stitch", 2, stitch_trials, shift_and_stitch),
]

_CENTRES = "(np.arange(size * factor) + 0.5) / factor - 0.5"
_SHARES = "1 - np.abs(centres[:, None] - np.arange(size))"
_LOOP = "dilated_conv2d: for i, j in np.ndindex(*np.minimum((height, width), rate)): -> "
EQUIVALENT_MUTANTS = {
    f"shares: centres = np.clip({_CENTRES}, 0, size - 1) -> "
    f"centres = np.clip(0, {_CENTRES}, size - 1)": "0 is first raised, then cut off at the end",
    f"shares: return np.maximum({_SHARES}, 0) -> return np.maximum(0, {_SHARES})": "of two",
    f"{_LOOP}for i, j in np.ndindex(*np.minimum(rate, (height, width))):": "a minimum of two",
    f"{_LOOP}for i, j in np.ndindex(*(height, width)):": "later offsets write the same again",
    "dilated_conv2d: result[i::rate, j::rate] = convolved(image[i::rate, j::rate], kernels) -> "
    "(twice)": "the same values are written again",
    "shift_and_stitch: dense[i::factor, j::factor] = maps[i][j] -> "
    "(twice)": "the same values are written again",
}
