"""U-Net, and the encoder-decoders without its skips that it is compared with.

Functions of a Keras tensor ``x`` take maps (N, H, W, C) and return maps; nets return a
``keras.Model`` from pictures to a score for each class at each pixel, without a softmax.

Sources: Ronneberger, Fischer and Brox 2015, *U-Net: convolutional networks for biomedical image
segmentation*, arXiv:1505.04597; Badrinarayanan, Kendall and Cipolla 2017, *SegNet: a deep
convolutional encoder-decoder architecture for image segmentation*, arXiv:1511.00561.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import KerasTensor, layers, ops

PADDINGS = ("valid", "same")


def conv_relu(
    x: KerasTensor, filters: int, padding: str = "same", normalise: bool = False
) -> KerasTensor:
    """A 3x3 convolution and ReLU, with batch normalisation in between or not.

    (N, H, W, C) to (N, H, W, filters), or two rows and columns less with "valid" padding.
    Initialised after He 2015, as the paper of U-Net asks.
    """
    x = layers.Conv2D(
        filters, 3, padding=padding, use_bias=not normalise, kernel_initializer="he_normal"
    )(x)
    if normalise:  # a momentum of 0.9, because the book's runs are short
        x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.ReLU()(x)


def crop_to(x: KerasTensor, like: KerasTensor) -> KerasTensor:
    """Cut the middle out of maps, as large as other maps are.

    Where the difference is odd, the row or column more is lost at the end.

    Args:
        x: (N, H, W, C).
        like: (N, h, w, any), not larger.

    Returns:
        (N, h, w, C).
    """
    edges = []
    for large, small in zip(x.shape[1:3], like.shape[1:3], strict=True):
        before = (large - small) // 2
        edges.append((before, large - small - before))
    return layers.Cropping2D(edges)(x) if np.any(edges) else x


def unet_size(size: int, depth: int = 4, padding: str = "valid") -> int:
    """Return the side of a U-Net's answer for a picture's side: 388 for 572.

    Args:
        size: height or width of the picture, in pixels.
        depth: number of poolings.
        padding: "valid" or "same".

    Raises:
        ValueError: if some maps to be pooled have an odd side, or nothing is left of them. The next
            larger side that goes is named.
    """
    found = _through(size, depth, padding)
    if found is None:
        larger = size + 1
        while _through(larger, depth, padding) is None:
            larger += 1
        raise ValueError(
            f"a side of {size} pixels does not go through {depth} poolings of maps with even "
            f"sides; the next larger side that does is {larger}."
        )
    return found


def _through(size: int, depth: int, padding: str) -> int | None:
    """The side of the answer; None if there is none."""
    lost = 4 if padding == "valid" else 0  # by two 3x3 convolutions
    for _ in range(depth):
        size -= lost
        if size < 2 or size % 2:
            return None
        size //= 2
    size -= lost
    for _ in range(depth):
        size = 2 * size - lost
    return size if size > 0 else None


def unet(
    input_shape: tuple[int, int, int] = (572, 572, 1),
    classes: int = 2,
    filters: int = 64,
    depth: int = 4,
    padding: str = "valid",
    normalise: bool = False,
    skips: bool = True,
) -> keras.Model:
    """U-Net: (N, H, W, C) pictures to scores (N, h, w, classes), without a softmax.

    The default is the net of the paper: (572, 572, 1) to (388, 388, 2), 31,030,658 parameters. (Its
    dropout "at the end of the contracting path" is left out; the paper gives no rate.)

    Args:
        input_shape: (height, width, channels) of a picture.
        classes: number of classes, the ground among them.
        filters: of the first two convolutions; they double with each pooling.
        depth: number of poolings.
        padding: of the 3x3 convolutions: "valid", and the answer is smaller than the picture; or
            "same".
        normalise: whether each 3x3 convolution has a batch normalisation in place of its bias; the
            paper's have none.
        skips: left False, the maps before the poolings are not handed over: what remains is a plain
            encoder-decoder.

    Raises:
        ValueError: for sides that do not go through (see ``unet_size``), or another padding.
    """
    if padding not in PADDINGS:
        raise ValueError(f'padding is "{padding}"; give "valid" or "same".')
    for size in input_shape[:2]:
        unet_size(size, depth, padding)

    def pair(maps: KerasTensor, count: int) -> KerasTensor:
        return conv_relu(conv_relu(maps, count, padding, normalise), count, padding, normalise)

    inputs = x = keras.Input(input_shape, name="pictures")
    kept = []
    for level in range(depth):
        x = pair(x, filters * 2**level)
        kept.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = pair(x, filters * 2**depth)
    for level in reversed(range(depth)):
        count = filters * 2**level
        x = layers.Conv2DTranspose(count, 2, strides=2, kernel_initializer="he_normal")(x)
        if skips:
            x = layers.Concatenate()([crop_to(kept[level], x), x])
        x = pair(x, count)
    return keras.Model(inputs, layers.Conv2D(classes, 1)(x), name="unet" if skips else "no_skips")


def pool_with_switches(x: KerasTensor) -> tuple[Any, Any]:
    """2x2 max pooling that remembers where each maximum was.

    Args:
        x: (N, H, W, C), H and W even.

    Returns:
        The maxima (N, H/2, W/2, C), and their places in the windows, 0 to 3 row by row (the first
        where several are equal).

    Source: Badrinarayanan et al. 2017, section 3.
    """
    corners = [x[:, row::2, column::2] for row in (0, 1) for column in (0, 1)]
    largest = ops.maximum(ops.maximum(*corners[:2]), ops.maximum(*corners[2:]))
    switches: Any = ops.full_like(largest, 3.0)
    for place in (2, 1, 0):
        switches = ops.where(ops.equal(corners[place], largest), float(place), switches)
    return largest, ops.stop_gradient(switches)


def unpool(x: KerasTensor, switches: KerasTensor) -> KerasTensor:
    """Put each value back where its maximum was, zeros beside it: the reverse of the pooling.

    Args:
        x: (N, H, W, C).
        switches: of the same shape, made by ``pool_with_switches``.

    Returns:
        (N, 2 H, 2 W, C).
    """
    height, width = x.shape[1:3]
    places = np.tile(np.array([[0.0, 1.0], [2.0, 3.0]], "float32"), (height, width))[..., None]
    chosen = ops.equal(layers.UpSampling2D(2)(switches), places)
    return layers.UpSampling2D(2)(x) * ops.cast(chosen, x.dtype)


def segnet(
    input_shape: tuple[int, int, int], classes: int, filters: int = 64, depth: int = 4
) -> keras.Model:
    """SegNet's idea: an encoder-decoder whose decoder knows where the maxima were, nothing else.

    Pairs of 3x3 convolutions with batch normalisation, as many in the decoder as in the encoder; in
    the decoder the second of each pair brings the number of filters to that of the level above.
    (The paper's encoder is that of VGG-16, with 13 convolutions.)

    Args:
        input_shape: (height, width, channels), sides multiples of 2**depth.
        classes: number of classes, the ground among them.
        filters: of the first pair; they double with each pooling.
        depth: number of poolings.

    Returns:
        A model: (N, H, W, C) pictures to scores (N, H, W, classes), without a softmax.

    Source: Badrinarayanan et al. 2017, section 3.
    """
    for size in input_shape[:2]:
        unet_size(size, depth, "same")
    inputs = x = keras.Input(input_shape, name="pictures")
    kept = []
    for level in range(depth):
        for _ in range(2):
            x = conv_relu(x, filters * 2**level, normalise=True)
        x, switches = pool_with_switches(x)
        kept.append(switches)
    for level in reversed(range(depth)):
        x = conv_relu(unpool(x, kept[level]), filters * 2**level, normalise=True)
        x = conv_relu(x, filters * 2 ** max(level - 1, 0), normalise=True)
    return keras.Model(inputs, layers.Conv2D(classes, 1)(x), name="segnet")
