"""Ways from a small map to a large one, each worked out by hand.

Interpolation; unpooling; the transposed convolution as a scatter, as a convolution between zeros
and as a matrix transposed; the sub-pixel convolution as a transposed one; dilation by
interleaving; shift and stitch. Maps are (N, H, W, C), kernels are laid out as Keras's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import ArrayLike, NDArray

Maps = NDArray[Any]

METHODS = ("nearest", "bilinear", "bicubic")

# ------------------------------------------------------------------------------- interpolation


def grid_points(size: int, new_size: int, aligned: bool = False) -> NDArray[np.float64]:
    """Return where the pixels of an enlarged row lie among those of the small one, counted from 0.

    Args:
        size: pixels of the small row.
        new_size: pixels of the large one.
        aligned: False for half-pixel centres: pixels are little squares, both rows cover the same
            stretch. True for aligned corners: the outermost pixels' centres coincide.

    Returns:
        (new_size,); half-pixel centres begin below 0 and end beyond ``size - 1``.
    """
    if aligned:
        return np.linspace(0, size - 1, new_size)
    return (np.arange(new_size) + 0.5) * size / new_size - 0.5


def cubic(distance: ArrayLike, a: float = -0.5) -> NDArray[np.float64]:
    """Return the weight that bicubic interpolation gives a pixel at a distance, in pixels.

    Two cubic pieces, up to 1 and up to 2, that join smoothly; ``a`` is the slope at 1. With -0.5 it
    follows parabolas exactly; -0.75 is sharper and overshoots more.

    Source: Keys 1981, *Cubic convolution interpolation for digital image processing*, IEEE
    Transactions on Acoustics, Speech, and Signal Processing 29(6).
    """
    x = np.abs(np.asarray(distance, float))
    near = ((a + 2) * x - (a + 3)) * x**2 + 1
    far = ((x - 5) * x + 8) * a * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def interpolation_matrix(
    size: int, new_size: int, method: str, aligned: bool = False, a: float = -0.5
) -> NDArray[np.float64]:
    """Return what each pixel of an enlarged row takes of each pixel of the small row.

    Args:
        size: pixels of the small row.
        new_size: pixels of the large one.
        method: "nearest", "bilinear" or "bicubic".
        aligned: the grid, as for `grid_points`.
        a: of the cubic.

    Returns:
        (new_size, size); rows add up to 1.

    Raises:
        ValueError: for an unknown method.
    """
    if method not in METHODS:
        raise ValueError(f'method is "{method}": choose one of {", ".join(METHODS)}.')
    points = grid_points(size, new_size, aligned)
    if method == "nearest":
        chosen = np.clip(np.floor(points + 0.5), 0, size - 1).astype(int)
        return np.eye(size)[chosen]
    if method == "bilinear":
        points = np.clip(points, 0, size - 1)
    distances = points[:, np.newaxis] - np.arange(size)
    weights = cubic(distances, a) if method == "bicubic" else np.maximum(1 - np.abs(distances), 0)
    return weights / weights.sum(axis=1, keepdims=True)


def resize(
    maps: ArrayLike,
    size: tuple[int, int],
    method: str = "bicubic",
    aligned: bool = False,
    a: float = -0.5,
) -> NDArray[np.float32]:
    """Interpolate maps (N, H, W, C) to ``size``: the same numbers on every backend.

    As ``keras.ops.image.resize`` without antialiasing does on TensorFlow and JAX; on PyTorch that
    takes another cubic (a = -0.75). Arguments and errors as for `interpolation_matrix`.
    """
    values = np.asarray(maps, np.float64)
    down = interpolation_matrix(values.shape[1], size[0], method, aligned, a)
    across = interpolation_matrix(values.shape[2], size[1], method, aligned, a)
    enlarged = np.einsum("yh,nhwc->nywc", down, values, optimize=True)
    return np.einsum("xw,nywc->nyxc", across, enlarged, optimize=True).astype(np.float32)


# ----------------------------------------------------------------------------------- unpooling


def max_pool_with_switches(maps: ArrayLike, size: int = 2) -> tuple[Maps, NDArray[np.int64]]:
    """Return the maxima of blocks and, for each, which place of its block it came from.

    Args:
        maps: (N, H, W, C), sides multiples of ``size``.
        size: side of a block.

    Returns:
        Maxima (N, H/size, W/size, C), and switches of that shape: places 0 to size * size - 1,
        counted row by row; of equal values the first.

    Raises:
        ValueError: if a side is no multiple of ``size``.

    Source: Zeiler and Fergus 2014, arXiv:1311.2901 (the name); SegNet, Badrinarayanan 2017,
    arXiv:1511.00561.
    """
    values = np.asarray(maps)
    n, height, width, channels = values.shape
    if height % size or width % size:
        raise ValueError(f"{height}x{width} maps cannot be cut into blocks of {size}x{size}.")
    blocks = values.reshape(n, height // size, size, width // size, size, channels)
    blocks = blocks.transpose(0, 1, 3, 5, 2, 4).reshape(
        n, height // size, width // size, channels, -1
    )
    return blocks.max(axis=-1), blocks.argmax(axis=-1)


def unpool(pooled: ArrayLike, switches: ArrayLike, size: int = 2) -> Maps:
    """Put each maximum back where its switch says, with zeros in the rest of its block.

    Args:
        pooled: (N, h, w, C).
        switches: places in the block, of the same shape; `max_pool_with_switches` gives them.
        size: side of a block.

    Returns:
        (N, h * size, w * size, C).
    """
    values = np.asarray(pooled)
    n, height, width, channels = values.shape
    places = np.asarray(switches)[..., np.newaxis] == np.arange(size**2)
    blocks = (values[..., np.newaxis] * places).reshape(n, height, width, channels, size, size)
    return blocks.transpose(0, 1, 4, 2, 5, 3).reshape(n, height * size, width * size, channels)


def insert_zeros(maps: ArrayLike, stride: int) -> Maps:
    """Set the rows and columns of maps ``stride`` apart, with zeros between, none at the end.

    (N, H, W, C) to (N, (H - 1) * stride + 1, (W - 1) * stride + 1, C).
    """
    values = np.asarray(maps)
    n, height, width, channels = values.shape
    spread = np.zeros(
        (n, (height - 1) * stride + 1, (width - 1) * stride + 1, channels), values.dtype
    )
    spread[:, ::stride, ::stride] = values
    return spread


# ---------------------------------------------------------------------- transposed convolution


def transposed_by_scatter(maps: ArrayLike, kernel: ArrayLike, stride: int = 1) -> Maps:
    """A transposed convolution by laying down copies of the kernel and adding them up.

    Args:
        maps: (N, H, W, C).
        kernel: (kh, kw, F, C), the layout of ``Conv2DTranspose``; no side less than ``stride``.
        stride: from one copy to the next, in pixels.

    Returns:
        (N, (H - 1) * stride + kh, (W - 1) * stride + kw, F), as padding "valid" gives.

    Raises:
        ValueError: if the kernel leaves gaps, or has another number of channels.

    Source: Dumoulin and Visin 2016, arXiv:1603.07285.
    """
    values, weights = _checked(maps, kernel, stride)
    n, height, width, _ = values.shape
    down, across = (height - 1) * stride, (width - 1) * stride
    rows, columns, filters, _ = weights.shape
    total = np.zeros((n, down + rows, across + columns, filters), values.dtype)
    for i in range(rows):
        for j in range(columns):
            part = total[:, i : i + down + 1 : stride, j : j + across + 1 : stride]
            part += values @ weights[i, j].T
    return total


def transposed_by_zeros(maps: ArrayLike, kernel: ArrayLike, stride: int = 1) -> Maps:
    """A transposed convolution by zeros between the pixels and a plain convolution over them.

    The plain convolution's kernel is turned by half a turn, filters and channels exchanged, and
    there are k - 1 zeros around. Arguments, result and errors as for `transposed_by_scatter`.
    """
    values, weights = _checked(maps, kernel, stride)
    rows, columns = weights.shape[:2]
    around = ((0, 0), (rows - 1, rows - 1), (columns - 1, columns - 1), (0, 0))
    spread = np.pad(insert_zeros(values, stride), around)
    turned = weights[::-1, ::-1].transpose(0, 1, 3, 2)
    return np.asarray(ops.convert_to_numpy(ops.conv(spread, turned)))


def convolution_matrix(
    kernel: ArrayLike, size: tuple[int, int], stride: int = 1
) -> NDArray[np.float64]:
    """Write a ``valid`` convolution as a matrix: row, an output; column, an input.

    Args:
        kernel: (kh, kw, channels, filters), as ``Conv2D`` has it.
        size: height and width of the map that is convolved.
        stride: of the convolution.

    Returns:
        (outputs, inputs): both counted row by row, channels last.

    Raises:
        ValueError: if no window fits.
    """
    weights = np.asarray(kernel, float)
    rows, columns, channels, filters = weights.shape
    high, wide = ((side - k) // stride + 1 for side, k in zip(size, (rows, columns), strict=True))
    if high < 1 or wide < 1:
        raise ValueError(f"A {rows}x{columns} kernel does not fit on a {size[0]}x{size[1]} map.")
    matrix = np.zeros((high, wide, filters, *size, channels))
    for y in range(high):
        for x in range(wide):
            top, left = y * stride, x * stride
            window = weights.transpose(3, 0, 1, 2)
            matrix[y, x, :, top : top + rows, left : left + columns] = window
    return matrix.reshape(high * wide * filters, -1)


def transposed_by_matrix(maps: ArrayLike, kernel: ArrayLike, stride: int = 1) -> Maps:
    """A transposed convolution by the transposed matrix of the convolution that goes back.

    That convolution has the same kernel, read as (kh, kw, channels, filters), and makes maps of the
    size given from maps of the size returned. Arguments, result and errors as for
    `transposed_by_scatter`.
    """
    values, weights = _checked(maps, kernel, stride)
    n, height, width, _ = values.shape
    rows, columns, filters, _ = weights.shape
    large = (height - 1) * stride + rows, (width - 1) * stride + columns
    matrix = convolution_matrix(weights, large, stride)
    return (values.reshape(n, -1) @ matrix).reshape(n, *large, filters)  # row vectors: x' A


def _checked(maps: ArrayLike, kernel: ArrayLike, stride: int) -> tuple[Maps, Maps]:
    values, weights = np.asarray(maps), np.asarray(kernel)
    if values.ndim != 4 or weights.ndim != 4 or values.shape[-1] != weights.shape[-1]:
        raise ValueError(
            f"maps {values.shape} and kernel {weights.shape}: give (N, H, W, C) and (kh, kw, F, C)."
        )
    if min(weights.shape[:2]) < stride:
        raise ValueError(
            f"A {weights.shape[0]}x{weights.shape[1]} kernel leaves gaps at a stride of {stride}: "
            "give one at least as large as the stride."
        )
    return values, weights


def overlap_counts(size: int, kernel: int, stride: int) -> NDArray[np.int64]:
    """Count how many copies of the kernel lie on each position of a transposed convolution.

    Args:
        size: positions of the small row.
        kernel: positions that a copy covers.
        stride: from one copy to the next.

    Returns:
        ((size - 1) * stride + kernel,); for maps, the outer product of rows' and columns' counts.

    Source: Odena, Dumoulin and Olah 2016, *Deconvolution and checkerboard artifacts*, Distill.
    """
    counts = np.zeros((size - 1) * stride + kernel, np.int64)
    for place in range(size):
        counts[place * stride : place * stride + kernel] += 1
    return counts


def checkerboard(maps: ArrayLike, stride: int = 2) -> float:
    """Measure a pattern that repeats every ``stride`` pixels: its share of a map's spread.

    Each of the stride x stride places in a block has a mean over all blocks. The result is the
    standard deviation of these means over the map's own: a map without the pattern has about 0,
    one that is nothing else has 1. In the spectrum it is what lies at multiples of 1 / stride
    waves a pixel but 0.

    Args:
        maps: (N, H, W, C), at least three blocks high and wide.
        stride: period of the pattern, in pixels.

    Returns:
        The mean over pictures and channels; 0 where a map is flat.
    """
    values = np.asarray(maps, np.float64)
    n, height, width, channels = values.shape
    high, wide = height // stride, width // stride
    values = values[:, : high * stride, : wide * stride]
    spread = values.std(axis=(1, 2))
    least = 1e-6 * np.abs(values).max(axis=(1, 2))  # below that it is rounding
    blocks = values.reshape(n, high, stride, wide, stride, channels)
    pattern = blocks.mean(axis=(1, 3)).std(axis=(1, 2))
    shares = np.divide(pattern, spread, out=np.zeros_like(spread), where=spread > least)
    return float(np.mean(shares))


# ------------------------------------------------------------------------ sub-pixel convolution


def subpixel_as_transposed(kernel: ArrayLike, factor: int) -> Maps:
    """Rearrange a sub-pixel convolution's kernel into that of the same transposed convolution.

    A k x k convolution to F * factor^2 maps and a pixel shuffle (``keras.ops.depth_to_space``) do
    what ``Conv2DTranspose(F, k * factor, strides=factor)`` does with the result; with padding
    "same" where k is odd.

    Args:
        kernel: (k, k, C, F * factor^2), as ``Conv2D`` has it.
        factor: of the pixel shuffle.

    Returns:
        (k * factor, k * factor, F, C), as ``Conv2DTranspose`` has it.

    Source: Shi et al. 2016, *Is the deconvolution layer the same as a convolutional layer?*,
    arXiv:1609.07009.
    """
    weights = np.asarray(kernel)
    rows, columns, channels, depth = weights.shape
    filters = depth // factor**2
    turned = weights[::-1, ::-1].reshape(rows, columns, channels, factor, factor, filters)
    blocks = turned.transpose(0, 3, 1, 4, 5, 2)  # (k, dy, k, dx, F, C)
    return blocks.reshape(rows * factor, columns * factor, filters, channels)


# ------------------------------------------------------------- dilation, and shift and stitch


def dilated_by_interleaving(maps: ArrayLike, kernel: ArrayLike, rate: int) -> Maps:
    """A dilated convolution by plain ones: sample r:1, convolve, interleave 1:r.

    Args:
        maps: (N, H, W, C).
        kernel: (kh, kw, C, F), as ``Conv2D`` has it.
        rate: of the dilation.

    Returns:
        (N, H - rate * (kh - 1), W - rate * (kw - 1), F), as padding "valid" gives.

    Raises:
        ValueError: if no window fits.

    Source: Shensa 1992, IEEE Transactions on Signal Processing 40(10); Yu and Koltun 2016,
    arXiv:1511.07122.
    """
    values, weights = np.asarray(maps), np.asarray(kernel)
    high = values.shape[1] - rate * (weights.shape[0] - 1)
    wide = values.shape[2] - rate * (weights.shape[1] - 1)
    if high < 1 or wide < 1:
        raise ValueError(f"The window is wider than {values.shape[1:3]}: no position fits.")
    result = np.empty((len(values), high, wide, weights.shape[3]), values.dtype)
    for i in range(min(rate, high)):
        for j in range(min(rate, wide)):
            convolved = ops.conv(values[:, i::rate, j::rate], weights)
            result[:, i::rate, j::rate] = ops.convert_to_numpy(convolved)
    return result


def shift_and_stitch(predict: Callable[[Any], Any], pictures: ArrayLike, factor: int) -> Maps:
    """Return a strided net's answers at every position: run it on all shifts, interleave its maps.

    Args:
        predict: a net without padding that answers at every ``factor``-th position:
            (N, H, W, C) to (N, h, w, K).
        pictures: (N, H, W, C).
        factor: the net's stride; it is run ``factor * factor`` times.

    Returns:
        (N, H', W', K), an answer for each place of the net's window.

    Source: Long, Shelhamer and Darrell 2015, arXiv:1411.4038, section 3.2.
    """
    values = np.asarray(pictures)
    maps = [
        [ops.convert_to_numpy(predict(values[:, i:, j:])) for j in range(factor)]
        for i in range(factor)
    ]
    high = sum(row[0].shape[1] for row in maps)
    wide = sum(each.shape[2] for each in maps[0])
    dense = np.empty((len(values), high, wide, maps[0][0].shape[3]), maps[0][0].dtype)
    for i in range(factor):
        for j in range(factor):
            dense[:, i::factor, j::factor] = maps[i][j]
    return dense


def dilated(net: keras.Model, input_shape: tuple[int | None, ...] | None = None) -> keras.Model:
    """Return the net whose strides are dilations instead: the same weights, answers everywhere.

    Each stride s is taken out, and all later windows are spread s times as far, so that every
    weight meets the pixels that it met before. On a net without padding its output at the positions
    0, s, 2s, ... is the old net's output.

    Args:
        net: a chain of layers without padding; convolutions (`Conv2D`), and layers that treat each
            position by itself.
        input_shape: (height, width, channels); the net's own if None.

    Raises:
        ValueError: for a convolution with padding, a pool (Keras has no dilated one), or another
            layer with a window, such as a depthwise convolution.

    Source: Chen et al. 2015, arXiv:1412.7062 (the hole algorithm); Yu and Koltun 2016.
    """
    inputs = x = keras.Input(input_shape or net.input_shape[1:])
    down = across = 1
    for layer in net.layers:
        if isinstance(layer, layers.InputLayer):
            continue
        config = layer.get_config()
        if isinstance(layer, layers.Conv2D):
            if layer.padding != "valid" or layer.dilation_rate != (1, 1):
                raise ValueError(f"{layer.name} is padded or dilated: give a plain `valid` net.")
            config |= {"strides": 1, "dilation_rate": (down, across)}
            down, across = down * layer.strides[0], across * layer.strides[1]
        elif hasattr(layer, "pool_size"):
            raise ValueError(f"{layer.name} is a pool: Keras has none that is dilated.")
        elif hasattr(layer, "kernel_size"):
            raise ValueError(
                f"{layer.name} is a {type(layer).__name__}, which has a window that is not spread "
                "here: give a net whose windows are those of `Conv2D`."
            )
        x = type(layer).from_config(config)(x)
    spread = keras.Model(inputs, x, name=f"{net.name}_dilated")
    spread.set_weights(net.get_weights())
    return spread
