"""Full kernels and separable ones: one made from the other, and what is lost.

A separable convolution is a full one whose kernel is, channel by channel, a few windows times a
table of numbers. Kernels are laid out as Keras's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def nearest_separable(kernel: Array, multiplier: int = 1) -> tuple[Array, Array]:
    """Return the separable convolution that is nearest to a full one.

    Of each channel's windows the singular value decomposition gives the best ``multiplier`` in
    place of all ``filters``; with as many as a window has positions nothing is lost.

    Args:
        kernel: of the full convolution, (k, k, channels, filters).
        multiplier: windows per channel, the depth multiplier; at most k * k.

    Returns:
        The depthwise kernel (k, k, channels, multiplier), and the pointwise kernel
        (1, 1, channels * multiplier, filters), as ``keras.ops.separable_conv`` takes them.
    """
    height, width, channels, filters = kernel.shape
    windows = kernel.transpose(2, 0, 1, 3).reshape(channels, height * width, filters)
    left, sizes, right = np.linalg.svd(windows, full_matrices=False)
    depthwise = (left * sizes[:, None])[..., :multiplier]
    depthwise = depthwise.reshape(channels, height, width, multiplier).transpose(1, 2, 0, 3)
    return depthwise, right[:, :multiplier].reshape(1, 1, -1, filters)


def product_kernel(depthwise: Array, pointwise: Array) -> Array:
    """Return the full kernel (k, k, channels, filters) of a separable convolution's two kernels."""
    channels, multiplier = depthwise.shape[2:]
    mixing = pointwise.reshape(channels, multiplier, -1)
    return np.einsum("ijcm,cmf->ijcf", depthwise, mixing)


def made_separable(weights: Sequence[Array], multiplier: int) -> list[Array]:
    """Return a net's weights with its kernels exchanged for the full ones of separable layers.

    Those with a window and more than one channel, (k, k, channels, filters) with k and channels
    above 1, become what :func:`nearest_separable` finds for them; all others stay.

    Args:
        weights: as ``net.get_weights()`` gives them, of a net without depthwise layers.
        multiplier: windows per channel.
    """
    return [
        product_kernel(*nearest_separable(weight, multiplier))
        if weight.ndim == 4 and min(weight.shape[:3]) > 1
        else weight
        for weight in weights
    ]
