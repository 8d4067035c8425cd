"""A task that can be solved only by looking at a structure of a chosen size.

Two gates stand in every picture. A gate is a pair of upright strokes, one pixel wide and `size`
pixels across from the outer side of one to the outer side of the other; a stroke is bright or dark.

- Label 1: the strokes of a gate are alike: one gate is all bright, the other all dark.
- Label 0: they are unlike: one gate is bright-dark, the other dark-bright.

Why nothing smaller than `size` tells the label. In both classes there are two bright and two dark
strokes, and a bright and a dark one on the left and on the right. Swap the right strokes of the two
gates and the label changes, yet every window narrower than `size` is still there, only elsewhere:
such a window meets one stroke at most, because the gates stand far enough from each other and from
the border. So a net whose units see less than `size` pixels, followed by any pooling over the whole
picture, sees the same bag of windows for both labels and cannot beat chance, whatever it learns.
The gates also stand a multiple of `LATTICE` pixels apart, so that strides of 2, 4 and 8 do not tell
them by phase. (A unit that sees just `size` pixels, but only at every fourth position, misses most
gates: with a jump of j a net needs size + j - 1 pixels to see them all.)
"""

import numpy as np
from numpy.typing import NDArray

from convbook.data.photos import to_bytes, to_float

LATTICE = 8
BACKGROUND, CONTRAST = 128 / 255, 102 / 255  # whole steps of a byte, the same up and down

Part = tuple[NDArray[np.float32], NDArray[np.int64]]


def structure(
    size: int = 15, train: int = 2000, test: int = 500, noise: float = 0.05, seed: int = 0
) -> tuple[Part, Part]:
    """Return pictures whose label depends on structures exactly `size` pixels wide.

    Args:
        size: width of the structure in pixels, 3 to 63.
        train: number of training pictures.
        test: number of test pictures.
        noise: standard deviation of the Gaussian noise; a stroke differs from the grey by 0.4.
        seed: seed of the whole set; the test pictures do not depend on how many there are to train
            on, nor the reverse.

    Returns:
        ``((x_train, y_train), (x_test, y_test))``: pictures float32 in [0, 1] on grey 0.5, shape
        (N, side, side, 1) with ``side = picture_side(size)``; labels int64 0 or 1, half of each.

    Raises:
        ValueError: if `size` is out of range or a count or the noise is negative.
    """
    if not 3 <= size <= 63:
        raise ValueError(f"size is {size}: choose a structure of 3 to 63 pixels.")
    if train < 0 or test < 0 or noise < 0:
        raise ValueError("train, test and noise must not be negative.")
    generators = [np.random.default_rng([seed, part]) for part in (0, 1)]
    return _draw(size, train, noise, generators[0]), _draw(size, test, noise, generators[1])


def picture_side(size: int) -> int:
    """Height and width in pixels of the pictures for structures of `size` pixels."""
    needed = 2 * (size - 1) + _gap(size) + _height(size)
    return LATTICE * (-(-(needed + 4) // LATTICE))


def _height(size: int) -> int:
    """Height of a stroke: half the width of the gate, at least 3."""
    return max(3, size // 2)


def _gap(size: int) -> int:
    """Rows from one gate's top to the other's: no window under `size` touches both."""
    return LATTICE * (-(-(size + _height(size) - 2) // LATTICE))


def _draw(size: int, count: int, noise: float, rng: np.random.Generator) -> Part:
    """Draw `count` pictures: (count, side, side, 1) and their labels (count,)."""
    side, height, gap = picture_side(size), _height(size), _gap(size)
    labels = rng.permutation(np.arange(count) % 2)
    margin = size - 1  # the border is out of sight of every window that sees a stroke
    top = rng.integers(margin, side - margin - gap - height + 1, count)
    room = side - 2 * margin - size + 1
    left = margin + rng.integers(0, room, count)
    # The other gate's column: the same up to a multiple of the lattice, anywhere in the room.
    phase = (left - margin) % LATTICE
    steps = (room - 1 - phase) // LATTICE + 1
    other = margin + phase + LATTICE * rng.integers(0, steps)
    sign = rng.choice([-1, 1], count)
    images = np.zeros((count, side, side))
    rows = np.arange(count)[:, None], top[:, None] + np.arange(height)
    lower = rows[0], rows[1] + gap
    relation = 2 * labels - 1
    images[(*rows, left[:, None])] = sign[:, None]
    images[(*rows, left[:, None] + size - 1)] = (sign * relation)[:, None]
    images[(*lower, other[:, None])] = -sign[:, None]
    images[(*lower, other[:, None] + size - 1)] = -(sign * relation)[:, None]
    images = BACKGROUND + CONTRAST * images + noise * rng.standard_normal(images.shape)
    return to_float(to_bytes(images))[..., np.newaxis], labels
