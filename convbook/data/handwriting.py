"""Real handwritten digits that come with scikit-learn, enlarged to 28 or 32 pixels.

Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
Learning Repository, 1998, https://doi.org/10.24432/C50P49, CC BY 4.0. scikit-learn ships the
1,797 scans of its test part as 8x8 pictures with 17 grey levels: each level counts the inked
pixels in a 4x4 block of the original bitmap.

What is known about the writers. The set's description speaks of 13 writers and the file does not
name them. But its labels repeat: one printed form of 130 digits was filled in 14 times, a few
digits missing here and there, so the file falls into 14 sheets, each by one hand, and the sheets
begin at the rows in ``SHEET_STARTS``. Which two sheets share a writer, if two do, is not known. The
test digits are three whole sheets, and the sheets whose digits look most alike were kept on one
side, so that to all appearances nobody wrote for both parts.
"""

import functools

import numpy as np
from numpy.typing import NDArray

from convbook.data.photos import to_bytes, to_float

SHEET_STARTS = (0, 130, 256, 386, 516, 646, 776, 906, 1029, 1157, 1287, 1415, 1545, 1667)
TEST_SHEETS = (9, 10, 12)

Images = NDArray[np.float32]
Labels = NDArray[np.int64]
Part = tuple[Images, Labels]


def digits(size: int = 32) -> tuple[Part, Part]:
    """Return the handwritten digits in a fixed split by writer.

    As in MNIST the digit fills 20x20 pixels in the middle of a 28x28 picture; at 32x32 it has two
    more empty pixels on every side, as LeNet-5 (LeCun et al. 1998) takes it. The 8x8 scans are
    enlarged 2.5 times by cubic splines on half-pixel centres, and the greys between are then
    steepened, because the paper was black and white before it was scanned.

    Args:
        size: height and width of the pictures, 28 or 32.

    Returns:
        ``((x_train, y_train), (x_test, y_test))``: pictures float32 in [0, 1], ink 1 on paper 0,
        shape (N, size, size, 1), N 1,417 and 380; labels int64, shape (N,). The order is shuffled,
        always in the same way. A class has 140 to 144 training and 34 to 39 test pictures.

    Raises:
        ValueError: if `size` is neither 28 nor 32.
    """
    if size not in (28, 32):
        raise ValueError(
            f"size is {size}, but the digits come at 28 or 32 pixels: ask for one of these."
        )
    scans, labels, sheets = _scans()
    images = enlarge(scans, 20)
    images = to_float(to_bytes(images))
    margin = (size - 20) // 2
    images = np.pad(images, ((0, 0), (margin, margin), (margin, margin)))[..., np.newaxis]
    order = np.random.default_rng(1998).permutation(len(labels))
    test = np.isin(sheets, TEST_SHEETS)[order]
    images, labels = images[order], labels[order]
    return (images[~test], labels[~test]), (images[test], labels[test])


def enlarge(scans: NDArray[np.float32], height: int, width: int | None = None) -> Images:
    """Enlarge 8x8 scans (N, 8, 8) in [0, 1] to float32 (N, height, width) in [0, 1].

    Splines are linear in what they interpolate: one matrix for the rows, one for the columns.
    """
    smooth = _spline(height) @ scans @ _spline(width or height).T
    # Ink covers a block or it does not: half-covered blocks are where the stroke's edge runs.
    return np.clip((smooth - 0.5) * 1.6 + 0.5, 0, 1)


@functools.cache
def _spline(side: int) -> NDArray[np.float32]:
    """The matrix (side, 8) that interpolates 8 samples by cubic splines on half-pixel centres."""
    from scipy import ndimage

    zoom = (side / 8, 1)
    matrix = ndimage.zoom(np.eye(8), zoom, order=3, mode="grid-constant", grid_mode=True)
    return matrix.astype(np.float32)


def part_of_digits(split: str) -> Part:
    """The untouched 8x8 scans (N, 8, 8) in [0, 1] of the "train" or "test" writers, and labels."""
    scans, labels, sheets = _scans()
    chosen = np.isin(sheets, TEST_SHEETS) == (split == "test")
    return scans[chosen], labels[chosen]


@functools.cache
def _scans() -> tuple[NDArray[np.float32], Labels, Labels]:
    """The scans (1797, 8, 8) in [0, 1], their labels, and the sheet each was written on."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    scans = (bunch.images / 16).astype(np.float32)
    sheets = np.searchsorted(SHEET_STARTS, np.arange(len(scans)), side="right") - 1
    return scans, bunch.target.astype(np.int64), sheets
