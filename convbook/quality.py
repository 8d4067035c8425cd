"""How near a picture comes to another: PSNR and SSIM.

Both take pictures as floats. Pictures of bytes are refused: subtracted as bytes they wrap round,
which is how ``keras.ops.psnr`` and ``keras.ops.image.ssim`` go wrong on them (Keras 3.15).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

BT601 = (0.299, 0.587, 0.114)
"""What red, green and blue count in the brightness (ITU-R BT.601)."""

_SIDE, _DEVIATION = 11, 1.5  # of SSIM's Gaussian window, in pixels
_K1, _K2 = 0.01, 0.03  # SSIM's constants, which keep its quotients from 0 / 0


def psnr(picture: ArrayLike, truth: ArrayLike, peak: float = 1.0) -> float:
    """Return the peak signal-to-noise ratio in decibels: 10 log10(peak^2 / mean squared error).

    Args:
        picture: floats, any shape.
        truth: of the same shape.
        peak: the largest value that a pixel can have.

    Returns:
        Decibels; infinity where both are equal.

    Raises:
        ValueError: if the shapes differ, or values are not floats.
    """
    one, other = _floats(picture, truth)
    error = float(np.mean((one - other) ** 2))
    return float(10 * np.log10(peak**2 / error)) if error else float("inf")


def ssim(picture: ArrayLike, truth: ArrayLike, peak: float = 1.0) -> float:
    """Return the mean structural similarity, 1 for equal pictures.

    In windows of 11x11 pixels, weighted by a Gaussian of deviation 1.5, it compares means,
    deviations and correlation. Only windows that lie within the picture count.

    Args:
        picture: floats (H, W) or (H, W, C), at least 11x11; channels are averaged.
        truth: of the same shape.
        peak: the largest value that a pixel can have.

    Raises:
        ValueError: if the shapes differ, values are not floats, or the picture is too small.

    Source: Wang, Bovik, Sheikh and Simoncelli 2004, IEEE Transactions on Image Processing 13(4).
    """
    one, other = _floats(picture, truth)
    if min(one.shape[:2]) < _SIDE:
        raise ValueError(f"pictures are {one.shape}: SSIM needs {_SIDE}x{_SIDE} pixels at least.")
    mean_one, mean_other = _blurred(one), _blurred(other)
    variance_one = _blurred(one**2) - mean_one**2
    variance_other = _blurred(other**2) - mean_other**2
    covariance = _blurred(one * other) - mean_one * mean_other
    first, second = (_K1 * peak) ** 2, (_K2 * peak) ** 2
    brightness = (2 * mean_one * mean_other + first) / (mean_one**2 + mean_other**2 + first)
    structure = (2 * covariance + second) / (variance_one + variance_other + second)
    return float(np.mean(brightness * structure))


def psnr_and_ssim(picture: ArrayLike, truth: ArrayLike, frame: int = 0) -> tuple[float, float]:
    """Return both measures of a picture that is cut off at 0 and 1, less a frame.

    Args:
        picture: floats (H, W) or (H, W, C); what lies outside [0, 1] is first brought to its ends,
            as a screen does.
        truth: of the same shape, in [0, 1].
        frame: pixels left out on each side, which padding reaches.
    """
    inner = slice(frame, -frame or None)
    found, true = np.asarray(picture)[inner, inner], np.asarray(truth)[inner, inner]
    shown = np.clip(found, 0, 1)
    return psnr(shown, true), ssim(shown, true)


def detail(pictures: ArrayLike) -> float:
    """Return the mean difference of neighbouring pixels of pictures (N, H, W, C), down and across.

    A blurred picture has less of it than a sharp one, a noisy one has more.
    """
    values = np.asarray(pictures, np.float64)
    return float(sum(np.abs(np.diff(values, axis=axis)).mean() for axis in (1, 2)))


def luminance(pictures: ArrayLike) -> NDArray[np.float32]:
    """Return the brightness of colour pictures, (..., 3) to (..., 1), by the weights of BT.601."""
    weights = np.array(BT601, np.float32)[:, np.newaxis]
    return np.asarray(pictures, np.float32) @ weights


def _floats(picture: ArrayLike, truth: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    """Both as double precision, or an error that says what is wrong with them."""
    pair = [np.asarray(picture), np.asarray(truth)]
    for values in pair:
        if values.dtype.kind != "f":
            raise ValueError(
                f"pictures are {values.dtype}: give floats, such as bytes divided by 255.0."
            )
    if pair[0].shape != pair[1].shape:
        raise ValueError(f"shapes {pair[0].shape} and {pair[1].shape} differ: give equal ones.")
    return tuple(values.astype(np.float64) for values in pair)


def _blurred(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The Gaussian mean of each window that lies within the picture."""
    places = np.arange(_SIDE) - _SIDE // 2
    weights = np.exp(-(places**2) / (2 * _DEVIATION**2))
    weights /= weights.sum()
    for axis in (0, 1):
        count = values.shape[axis] - _SIDE + 1
        shifted = [np.take(values, np.arange(k, k + count), axis) for k in range(_SIDE)]
        values = sum(weight * part for weight, part in zip(weights, shifted, strict=True))
    return values
