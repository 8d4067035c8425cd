"""Convolution by hand, and a way to ask Keras where its windows lie."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray


def feature_map(image: np.ndarray, kernel: np.ndarray, bias: float = 0.0) -> np.ndarray:
    """Slide one filter over an image: what one filter of ``Conv2D`` computes, as two loops.

    Like every deep learning library it does not flip the kernel, so a mathematician would call it a
    cross-correlation. Stride 1, no padding.

    Args:
        image: picture (H, W, C).
        kernel: filter (kh, kw, C), no larger than the picture.
        bias: the number added at every position.

    Returns:
        The filter's map, (H - kh + 1, W - kw + 1).

    Raises:
        ValueError: if the filter does not fit on the picture.
    """
    rows, columns, channels = kernel.shape
    height, width = image.shape[0] - rows + 1, image.shape[1] - columns + 1
    if height < 1 or width < 1 or image.shape[2:] != (channels,):
        raise ValueError(
            f"A kernel {kernel.shape} does not fit on an image {image.shape}: "
            "it needs as many channels, and no more rows and columns."
        )
    output = np.empty((height, width))
    for y in range(height):
        for x in range(width):
            window = image[y : y + rows, x : x + columns]
            output[y, x] = np.sum(window * kernel) + bias
    return output


def taps(
    size: int, kernel: int, stride: int = 1, padding: str = "valid", dilation: int = 1
) -> NDArray[np.int64]:
    """Ask Keras which input positions every output of a convolution reads, along one axis.

    The answer is observed and not worked out: a ramp 1, 2, ..., size goes through a convolution
    with one filter for each weight of the kernel, and that filter has a single 1. So each output
    is the input value that its weight met, and 0 where the weight fell into the padding.

    Args:
        size: positions along the axis.
        kernel: weights along the axis.
        stride: steps from one window to the next.
        padding: "valid" or "same".
        dilation: distance from one weight to the next; Keras takes one of stride and dilation > 1.

    Returns:
        Input positions (outputs, kernel), counted from 0; -1 where a weight meets padding.

    Raises:
        ValueError: if no window fits, or where Keras refuses the setting.
    """
    if size < 1 or kernel < 1 or stride < 1 or dilation < 1:
        raise ValueError("size, kernel, stride and dilation are whole numbers from 1 on.")
    if stride > 1 and dilation > 1:
        raise ValueError("Keras strides or dilates, not both in one layer: set one of them to 1.")
    if padding == "valid" and dilation * (kernel - 1) + 1 > size:
        raise ValueError(f"The window is wider than {size} pixels: no position fits.")
    ramp = np.arange(1, size + 1, dtype="float32")[None, :, None]
    one_weight_each = np.eye(kernel, dtype="float32")[:, None, :]
    met = keras.ops.conv(
        ramp,
        one_weight_each,
        strides=stride,
        padding=padding,
        data_format="channels_last",
        dilation_rate=dilation,
    )
    return np.rint(keras.ops.convert_to_numpy(met)[0]).astype(np.int64) - 1


def padding_amounts(size: int, kernel: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """Return how many zeros ``padding="same"`` puts before and after an axis, read off Keras.

    Args:
        size: positions along the axis.
        kernel: weights along the axis.
        stride: steps from one window to the next.
        dilation: distance from one weight to the next.

    Returns:
        (before, after), as ``ZeroPadding2D`` takes them.

    Raises:
        ValueError: as `taps`; or if the windows are apart and one lies in the padding wholly.
    """
    windows = taps(size, kernel, stride, "same", dilation)
    before = window_start(windows[0], dilation)
    last = window_start(windows[-1], dilation) + dilation * (kernel - 1)
    return max(0, -before), max(0, last - (size - 1))


def window_start(window: NDArray[np.int64], dilation: int = 1) -> int:
    """Return where a window begins: the position of its first weight, negative in the padding.

    Args:
        window: input positions of the window's weights, one row of `taps`.
        dilation: distance from one weight to the next.

    Raises:
        ValueError: if all weights lie in the padding.
    """
    inside = np.flatnonzero(window >= 0)
    if not len(inside):
        raise ValueError("A window lies in the padding wholly: choose a smaller dilation.")
    return int(window[inside[0]] - dilation * inside[0])
