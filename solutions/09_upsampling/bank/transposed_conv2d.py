"""Answers to `transposed_conv2d`, right and wrong."""

import numpy as np
import scipy.signal
from keras import layers, ops
from numpy.lib.stride_tricks import sliding_window_view

from autograder.setting.bank import Bank

from ..tasks import transposed_conv2d

bank = Bank(transposed_conv2d)


def spaced(image, stride):
    """The picture with stride - 1 zeros between neighbours."""
    rows, columns, channels = image.shape
    sides = (rows - 1) * stride + 1, (columns - 1) * stride + 1
    result = np.zeros((*sides, channels))
    result[::stride, ::stride] = image
    return result


def framed(image, above, left):
    return np.pad(image, [(above, above), (left, left), (0, 0)])


def slid(image, kernel):
    """An ordinary `valid` convolution with a kernel (kh, kw, F, C)."""
    windows = sliding_window_view(image, kernel.shape[:2], axis=(0, 1))
    return np.einsum("ijcyx,yxfc->ijf", windows, kernel)


# Right answers


@bank.accepted
def in_loops(image, kernel, stride=1):
    rows, columns, channels = image.shape
    height, width, filters, _ = kernel.shape
    result = np.zeros(((rows - 1) * stride + height, (columns - 1) * stride + width, filters))
    for i in range(rows):
        for j in range(columns):
            for y in range(height):
                for x in range(width):
                    for f in range(filters):
                        for c in range(channels):
                            share = image[i, j, c] * kernel[y, x, f, c]
                            result[i * stride + y, j * stride + x, f] += share
    return result


@bank.accepted
def tap_by_tap(image, kernel, stride=1):
    """One weight of the kernel at a time, for all pixels at once."""
    rows, columns, _ = image.shape
    height, width, filters, _ = kernel.shape
    result = np.zeros(((rows - 1) * stride + height, (columns - 1) * stride + width, filters))
    for y, x in np.ndindex(height, width):
        down, right = slice(y, y + rows * stride, stride), slice(x, x + columns * stride, stride)
        part = result[down, right]
        part[:rows, :columns] += image @ kernel[y, x].T
    return result


@bank.accepted
def zeros_between_and_around(image, kernel, stride=1):
    """A convolution with the kernel turned over, on a picture with zeros between and around."""
    around = framed(spaced(image, stride), kernel.shape[0] - 1, kernel.shape[1] - 1)
    return slid(around, kernel[::-1, ::-1])


@bank.accepted
def as_a_matrix_transposed(image, kernel, stride=1):
    """The matrix of the convolution from the large picture to the small one, transposed."""
    rows, columns, channels = image.shape
    height, width, filters, _ = kernel.shape
    sides = ((rows - 1) * stride + height, (columns - 1) * stride + width)
    matrix = np.zeros((rows, columns, channels, *sides, filters))
    for i, j in np.ndindex(rows, columns):
        y, x = i * stride, j * stride
        matrix[i, j, :, y : y + height, x : x + width] = np.moveaxis(kernel, -1, 0)
    matrix = matrix.reshape(image.size, -1)
    return (matrix.T @ image.ravel()).reshape(*sides, filters)


@bank.accepted
def with_scipy(image, kernel, stride=1):
    """Scipy's convolution turns the kernel over, as scattering does."""
    wide = spaced(image, stride)
    maps = [
        sum(
            scipy.signal.convolve2d(wide[..., c], kernel[:, :, f, c], mode="full")
            for c in range(image.shape[-1])
        )
        for f in range(kernel.shape[2])
    ]
    return np.stack(maps, axis=-1)


@bank.accepted
def by_fourier(image, kernel, stride=1):
    wide = spaced(image, stride)
    sides = [a + b - 1 for a, b in zip(wide.shape[:2], kernel.shape[:2], strict=True)]
    spectra = np.fft.rfft2(wide, sides, axes=(0, 1)), np.fft.rfft2(kernel, sides, axes=(0, 1))
    return np.fft.irfft2(np.einsum("yxc,yxfc->yxf", *spectra), sides, axes=(0, 1))


@bank.accepted
def with_add_at(image, kernel, stride=1):
    parts = np.einsum("ijc,yxfc->ijyxf", image, kernel)
    i, j, y, x, f = np.indices(parts.shape)
    sides = (i * stride + y).max() + 1, (j * stride + x).max() + 1
    result = np.zeros((*sides, kernel.shape[2]))
    np.add.at(result, (i * stride + y, j * stride + x, f), parts)
    return result


@bank.accepted
def with_ops(image, kernel, stride=1):
    image, kernel = image[None].astype("float32"), kernel.astype("float32")
    return np.array(ops.conv_transpose(image, kernel, stride, "valid"))[0]


@bank.accepted
def with_a_layer(image, kernel, stride=1):
    layer = layers.Conv2DTranspose(
        kernel.shape[2], kernel.shape[:2], strides=stride, use_bias=False
    )
    layer.build((None, *image.shape))
    layer.set_weights([kernel])
    return np.array(layer(image[None]))[0]


# Wrong answers: what they are made of


def changed(image, kernel, stride, before=None, kernels=None, after=None):
    """The model answer with the picture, the kernel or the result changed."""
    image = before(image) if before else image
    kernel = kernels(kernel) if kernels else kernel
    result = transposed_conv2d(image, kernel, stride)
    return after(result) if after else result


def scattered(image, kernel, stride, merge, start=0.0):
    """Pixel by pixel as in the model answer, where `merge(old, share)` is written."""
    rows, columns, _ = image.shape
    height, width, filters, _ = kernel.shape
    sides = (rows - 1) * stride + height, (columns - 1) * stride + width
    result = np.full((*sides, filters), start)
    for i, j in np.ndindex(rows, columns):
        y, x = i * stride, j * stride
        old = result[y : y + height, x : x + width]
        old[...] = merge(old, kernel @ image[i, j])
    return result


def cropped(result, image, kernel, stride, before):
    """As large as `same` gives; `before` takes what is too much along an axis."""
    for axis in (0, 1):
        surplus = max(kernel.shape[axis] - stride, 0)
        first = before(surplus)
        result = result.take(range(first, first + image.shape[axis] * stride), axis)
    return result


FILTERS_FIRST = (
    "The last two axes of the kernel are confused: in a transposed convolution filters come "
    "before channels, (kh, kw, F, C)."
)
ORDINARY = (
    "This is an ordinary convolution, whose result is smaller than the picture; in a transposed "
    "one each pixel lays down a whole kernel, and the result is larger."
)
OVERLAP = "Where copies of the kernel overlap they are added up"


# The kernel

bank.variant(
    "kernel_flipped",
    "The kernel is turned over: a pixel lays it down as it is. (Written as a convolution of a "
    "picture with zeros between, it is that convolution's kernel that has to be turned over.)",
    changed,
    kernels=lambda k: k[::-1, ::-1],
)

bank.variant(
    "kernel_upside_down",
    "The rows of the kernel are turned over, its columns are not: a pixel lays it down as it is.",
    changed,
    kernels=lambda k: k[::-1],
)

bank.variant(
    "kernel_mirrored",
    "The columns of the kernel are turned over, its rows are not: a pixel lays it down as it is.",
    changed,
    kernels=lambda k: k[:, ::-1],
)

bank.variant(
    "kernel_transposed",
    "Height and width of the kernel are swapped: its first axis goes down, its second right.",
    changed,
    kernels=lambda k: k.swapaxes(0, 1),
)


@bank.mistake(FILTERS_FIRST)
def filters_last(image, kernel, stride=1):
    """Reads the kernel as that of an ordinary convolution."""
    return transposed_conv2d(image, kernel.swapaxes(2, 3), stride)


@bank.mistake(FILTERS_FIRST)
def filters_last_where_one_is_spread(image, kernel, stride=1):
    """The same by a product that spreads an axis of one."""
    rows, columns, _ = image.shape
    height, width = kernel.shape[:2]
    sides = (rows - 1) * stride + height, (columns - 1) * stride + width
    result = np.zeros((*sides, kernel.shape[3]))
    for i, j in np.ndindex(rows, columns):
        y, x = i * stride, j * stride
        share = (kernel * image[i, j][:, None]).sum(axis=2)
        result[y : y + height, x : x + width] += share
    return result


@bank.mistake(
    "A reshape does not swap axes, it cuts the numbers anew: take kernel[:, :, f, c], or "
    "np.swapaxes."
)
def kernel_reshaped(image, kernel, stride=1):
    height, width, filters, channels = kernel.shape
    mixed = kernel.reshape(height, width, channels, filters).swapaxes(2, 3)
    return transposed_conv2d(image, mixed, stride)


bank.variant(
    "last_row_missing",
    "The last row of the kernel is left out.",
    changed,
    kernels=lambda k: np.concatenate([k[:-1], 0 * k[-1:]]),
)

bank.variant(
    "last_column_missing",
    "The last column of the kernel is left out.",
    changed,
    kernels=lambda k: np.concatenate([k[:, :-1], 0 * k[:, -1:]], axis=1),
)

bank.variant(
    "kernel_sums_to_one",
    "The kernel is taken as it is: do not divide it by its sum.",
    changed,
    kernels=lambda k: k / k.sum(),
)

bank.variant(
    "first_filter",
    "Only the first filter is used: map f is made with kernel[:, :, f].",
    changed,
    kernels=lambda k: np.broadcast_to(k[:, :, :1], k.shape),
)


@bank.mistake(
    "The kernel need not be square: its height and its width are two numbers, and so are the "
    "heights and widths that follow from them."
)
def height_of_kernel_for_both(image, kernel, stride=1):
    side, width = kernel.shape[:2]
    if side < width:
        return transposed_conv2d(image, kernel[:, :side], stride)
    return transposed_conv2d(
        image, np.pad(kernel, [(0, 0), (0, side - width), (0, 0), (0, 0)]), stride
    )


# Overlaps

bank.variant(
    "last_one_wins",
    f"{OVERLAP}; here the last one is written over the others.",
    scattered,
    merge=lambda old, share: share,
)

bank.variant(
    "first_one_stays",
    f"{OVERLAP}; here only what comes first is kept.",
    scattered,
    merge=lambda old, share: np.where(np.isnan(old), share, old),
    start=np.nan,
)

bank.variant(
    "largest_wins",
    f"{OVERLAP}; here the largest of them is taken.",
    scattered,
    merge=np.fmax,
    start=np.nan,
)


@bank.mistake(f"{OVERLAP}; here they are averaged, which would do away with the checkerboard.")
def averaged(image, kernel, stride=1):
    one = np.ones((*kernel.shape[:2], 1, 1))
    counts = transposed_conv2d(np.ones((*image.shape[:2], 1)), one, stride)
    return transposed_conv2d(image, kernel, stride) / counts


@bank.mistake(
    "The copies of the kernel do not lie side by side: neighbours lie `stride` apart, whatever the "
    "kernel's size, and overlap."
)
def side_by_side(image, kernel, stride=1):
    height, width = kernel.shape[:2]
    parts = np.einsum("ijc,yxfc->iyjxf", image, kernel)
    return parts.reshape(image.shape[0] * height, image.shape[1] * width, -1)


# The stride


@bank.mistake("The stride holds for both directions: here it moves the rows only.")
def stride_down_only(image, kernel, stride=1):
    wide = np.zeros(((image.shape[0] - 1) * stride + 1, *image.shape[1:]))
    wide[::stride] = image
    return transposed_conv2d(wide, kernel, 1)


@bank.mistake("The stride holds for both directions: here it moves the columns only.")
def stride_right_only(image, kernel, stride=1):
    wide = np.zeros((image.shape[0], (image.shape[1] - 1) * stride + 1, image.shape[2]))
    wide[:, ::stride] = image
    return transposed_conv2d(wide, kernel, 1)


@bank.mistake(
    "Between two pixels belong stride - 1 zeros, so that they lie `stride` apart; here there is "
    "one more."
)
def zeros_too_many(image, kernel, stride=1):
    return transposed_conv2d(spaced(image, stride + 1), kernel, 1)


@bank.mistake(
    "Between two pixels belong stride - 1 zeros, so that they lie `stride` apart; here there is "
    "one less."
)
def zeros_too_few(image, kernel, stride=1):
    return transposed_conv2d(image, kernel, max(stride - 1, 1))


@bank.mistake(
    "Behind the last pixel no zeros are inserted: the last copy of the kernel begins at "
    "(H - 1) * stride and ends the result."
)
def zeros_behind_the_last(image, kernel, stride=1):
    result = transposed_conv2d(image, kernel, stride)
    return np.pad(result, [(0, stride - 1), (0, stride - 1), (0, 0)])


@bank.mistake(
    "Zeros stand between the pixels of a transposed convolution; here the pixels are repeated."
)
def pixels_repeated(image, kernel, stride=1):
    wide = image.repeat(stride, 0).repeat(stride, 1)[: (image.shape[0] - 1) * stride + 1]
    return transposed_conv2d(wide[:, : (image.shape[1] - 1) * stride + 1], kernel, 1)


@bank.mistake(
    "The stride moves the copies on the result; here every `stride`-th value of a result of "
    "stride 1 is taken, as in an ordinary convolution."
)
def stride_of_a_convolution(image, kernel, stride=1):
    return transposed_conv2d(image, kernel, 1)[::stride, ::stride]


@bank.mistake(
    "The result is as large as the stride makes it, but the copies of the kernel lie one pixel "
    "apart in it: neighbours lie `stride` apart."
)
def laid_one_apart(image, kernel, stride=1):
    result = np.zeros(transposed_conv2d(image, kernel, stride).shape)
    close = transposed_conv2d(image, kernel, 1)
    result[: close.shape[0], : close.shape[1]] = close
    return result


# How large the result is


@bank.mistake(ORDINARY)
def ordinary(image, kernel, stride=1):
    """Where the kernel is larger than the picture it fails."""
    return slid(image, kernel)[::stride, ::stride]


@bank.mistake(
    "This is an ordinary convolution on a picture with zeros around it, its kernel not turned "
    "over, which only at stride 1 is as large as what is meant."
)
def full_convolution(image, kernel, stride=1):
    around = framed(image, kernel.shape[0] - 1, kernel.shape[1] - 1)
    return slid(around, kernel)[::stride, ::stride]


@bank.mistake(
    "The result is larger than the picture: around the picture with zeros between belong "
    "kernel - 1 zeros on each side, here there are none."
)
def no_frame(image, kernel, stride=1):
    wide = spaced(image, stride)
    around = framed(wide, *(max(k - w, 0) for k, w in zip(kernel.shape[:2], wide.shape[:2])))  # noqa: B905
    return slid(around, kernel[::-1, ::-1])


@bank.mistake(
    "Half a kernel of zeros on each side is too little: every pixel lays down its whole kernel, so "
    "that kernel - 1 zeros belong there."
)
def half_a_frame(image, kernel, stride=1):
    wide = spaced(image, stride)
    around = np.pad(wide, [*((k // 2, k // 2) for k in kernel.shape[:2]), (0, 0)])
    return slid(around, kernel[::-1, ::-1])


@bank.mistake(
    "The result is cut to `stride` times the picture, as with `same` padding: `valid` keeps all "
    "that the kernels cover."
)
def cut_as_same(image, kernel, stride=1):
    result = transposed_conv2d(image, kernel, stride)
    return cropped(result, image, kernel, stride, lambda surplus: surplus // 2)


@bank.mistake(
    "The last rows and columns are cut off: the result is as large as what the kernels cover, not "
    "`stride` times the picture."
)
def cut_at_the_end(image, kernel, stride=1):
    result = transposed_conv2d(image, kernel, stride)
    return cropped(result, image, kernel, stride, lambda surplus: 0)


@bank.mistake(
    "The result ends with the last copy of the kernel, which begins at (H - 1) * stride, not at "
    "H * stride: `stride` rows and columns of zeros are too many."
)
def one_step_too_large(image, kernel, stride=1):
    result = transposed_conv2d(image, kernel, stride)
    return np.pad(result, [(0, stride), (0, stride), (0, 0)])


@bank.mistake(
    "The copy of pixel (i, j) begins at (i * stride, j * stride); here its middle lies there, and "
    "what reaches over the edge is lost."
)
def laid_around_the_pixel(image, kernel, stride=1):
    result = transposed_conv2d(image, kernel, stride)
    height, width = result.shape[:2]
    y, x = (side // 2 for side in kernel.shape[:2])
    return np.pad(result, [(0, y), (0, x), (0, 0)])[y : y + height, x : x + width]


# The channels

bank.variant(
    "first_channel",
    "Only the first channel is used: add up over all channels of the picture.",
    changed,
    before=lambda image: image[..., :1],
    kernels=lambda k: k[..., :1],
)

bank.variant(
    "last_channel",
    "Only the last channel is left: add each channel's share to the sum, do not replace it.",
    changed,
    before=lambda image: image[..., -1:],
    kernels=lambda k: k[..., -1:],
)

bank.variant(
    "first_channel_missing",
    "The first channel is missing in the sum: does a loop begin at 1?",
    changed,
    before=lambda image: image[..., 1:],
    kernels=lambda k: k[..., 1:],
)

bank.variant(
    "last_channel_missing",
    "The last channel is missing in the sum: does a loop end one step too early?",
    changed,
    before=lambda image: image[..., :-1],
    kernels=lambda k: k[..., :-1],
)

bank.variant(
    "last_pixels_left_out",
    "The pixels of the last row and the last column lay nothing down: does a loop end one step too "
    "early?",
    changed,
    before=lambda image: np.pad(image[:-1, :-1], [(0, 1), (0, 1), (0, 0)]),
)

bank.variant(
    "picture_transposed",
    "Height and width of the picture are exchanged: pixel (i, j) is that in row i and column j.",
    changed,
    before=lambda image: image.swapaxes(0, 1),
)

bank.variant(
    "channel_mean",
    "Add up over the channels of the picture; do not take their mean.",
    changed,
    kernels=lambda k: k / k.shape[-1],
)

bank.variant(
    "channels_reversed",
    "The channels are paired in the opposite order: channel c of the picture meets "
    "kernel[..., c]. A flip may have turned more than height and width.",
    changed,
    before=lambda image: image[..., ::-1],
)


@bank.mistake("Each filter reads all channels; here filter f reads channel f alone.")
def depthwise(image, kernel, stride=1):
    filters, channels = kernel.shape[2:]
    own = np.arange(filters)[:, None] % channels == np.arange(channels)
    return transposed_conv2d(image, kernel * own, stride)
