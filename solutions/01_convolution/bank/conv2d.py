"""Answers to `conv2d`, right and wrong."""

import math

import numpy as np
import scipy.signal
from keras import layers, ops
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from autograder.setting.bank import Bank

from ..tasks import conv2d, zeros_around

bank = Bank(conv2d)


# Right answers


@bank.accepted
def in_loops(image, kernels, bias=None, stride=1, padding="valid"):
    image = zeros_around(image, kernels, stride, padding)
    height, width, channels, filters = kernels.shape
    rows = (image.shape[0] - height) // stride + 1
    columns = (image.shape[1] - width) // stride + 1
    maps = np.zeros((rows, columns, filters))
    for f in range(filters):
        for i in range(rows):
            for j in range(columns):
                total = 0.0 if bias is None else bias[f]
                y, x = i * stride, j * stride
                for c in range(channels):
                    patch = image[y : y + height, x : x + width, c]
                    total += (patch * kernels[:, :, c, f]).sum()
                maps[i, j, f] = total
    return maps


@bank.accepted
def tap_by_tap(image, kernels, bias=None, stride=1, padding="valid"):
    """One weight of the window at a time: a shifted picture, and a product over the channels."""
    image = zeros_around(image, kernels, stride, padding)
    rows = (image.shape[0] - kernels.shape[0]) // stride + 1
    columns = (image.shape[1] - kernels.shape[1]) // stride + 1
    maps = 0
    for y, x in np.ndindex(kernels.shape[:2]):
        shifted = image[y : y + rows * stride : stride, x : x + columns * stride : stride]
        maps = maps + shifted[:rows, :columns] @ kernels[y, x]
    return maps + (0 if bias is None else bias)


@bank.accepted
def one_matrix_product(image, kernels, bias=None, stride=1, padding="valid"):
    image = np.ascontiguousarray(zeros_around(image, kernels, stride, padding))
    height, width, channels, filters = kernels.shape
    rows, columns = ((a - b) // stride + 1 for a, b in zip(image.shape, (height, width)))  # noqa: B905
    down, right, deep = image.strides
    windows = as_strided(
        image,
        (rows, columns, height, width, channels),
        (down * stride, right * stride, down, right, deep),
    )
    maps = windows.reshape(rows * columns, -1) @ kernels.reshape(-1, filters)
    if bias is not None:
        maps += bias
    return maps.reshape(rows, columns, filters)


@bank.accepted
def with_scipy(image, kernels, bias=None, stride=1, padding="valid"):
    image = zeros_around(image, kernels, stride, padding)
    bias = np.zeros(kernels.shape[-1]) if bias is None else bias
    maps = [
        sum(
            scipy.signal.correlate2d(image[..., c], kernels[..., c, f], mode="valid")
            for c in range(image.shape[-1])
        )
        for f in range(kernels.shape[-1])
    ]
    return np.stack(maps, axis=-1)[::stride, ::stride] + bias


@bank.accepted
def by_fourier(image, kernels, bias=None, stride=1, padding="valid"):
    image = zeros_around(image, kernels, stride, padding)
    turned = kernels[::-1, ::-1]
    product = scipy.signal.fftconvolve(image[..., None], turned, mode="valid", axes=(0, 1))
    maps = product.sum(axis=2)[::stride, ::stride]
    return maps if bias is None else maps + bias


@bank.accepted
def with_ops(image, kernels, bias=None, stride=1, padding="valid"):
    maps = ops.conv(image[None].astype("float32"), kernels.astype("float32"), stride, padding)
    maps = ops.convert_to_numpy(maps)[0]
    return maps if bias is None else maps + bias[None, None]


@bank.accepted
def with_a_layer(image, kernels, bias=None, stride=1, padding="valid"):
    layer = layers.Conv2D(
        kernels.shape[-1],
        kernels.shape[:2],
        strides=stride,
        padding=padding,
        use_bias=bias is not None,
    )
    layer.build((None, *image.shape))
    layer.set_weights([kernels] if bias is None else [kernels, bias])
    return np.array(layer(image[None]))[0]


# Wrong answers: what they are made of


def changed(*given, result=lambda maps: maps, **changes):
    """The model answer, with arguments or its result changed: each by a function of its value.

    A bias of None stays None.
    """
    names = ("image", "kernels", "bias", "stride", "padding")
    arguments = dict(zip(names, given, strict=True))
    for name, change in changes.items():
        if arguments[name] is not None:
            arguments[name] = change(arguments[name])
    return result(conv2d(**arguments))


def covered(size, kernel, stride):
    """How many pixels the windows of `same` cover, from the first one's start to the last's end."""
    return (-(-size // stride) - 1) * stride + kernel


def zeros(size, kernel, stride):
    """How many zeros `same` needs along one axis."""
    return max(covered(size, kernel, stride) - size, 0)


def halves(count):
    """Half of the zeros before the picture, rounded down, the rest behind."""
    return count // 2, count - count // 2


def padded_by(image, sides):
    """Zeros around a picture: (above, below) and (left, right)."""
    return np.pad(image, [*sides, (0, 0)])


def right_sides(size, kernel, stride):
    """The zeros before and behind that `same` has."""
    return halves(zeros(size, kernel, stride))


def bordered(image, kernels, bias, stride, padding, sides=right_sides, **how):
    """`same` with another border.

    `sides` is a function of an axis's size, kernel and stride, n, k and s: how much is laid before
    and behind. `how` says to `np.pad` what is laid there, if not zeros.
    """
    if padding == "same":
        axes = zip(image.shape[:2], kernels.shape[:2], strict=True)
        around = [sides(size, kernel, stride) for size, kernel in axes]
        image = np.pad(image, [*around, (0, 0)], **how)
    return conv2d(image, kernels, bias, stride)


def shifted(image, kernels, bias, stride, padding, before):
    """`same` with the right shape, but other zeros before the picture.

    `before` takes the zeros that belong before height and width, and returns those there are.
    """
    if padding == "valid":
        return conv2d(image, kernels, bias, stride)
    rows, columns = (-(-side // stride) for side in image.shape[:2])
    axes = zip(image.shape[:2], kernels.shape[:2], strict=True)
    right = [right_sides(size, kernel, stride)[0] for size, kernel in axes]
    behind = [side + stride for side in kernels.shape[:2]]
    image = padded_by(image, zip(before(*right), behind, strict=True))
    return conv2d(image, kernels, bias, stride)[:rows, :columns]


def square(array):
    """The largest square of a picture or a kernel, from its first pixel on."""
    side = min(array.shape[:2])
    return array[:side, :side]


def without_last(axis, even=False):
    """A change of kernels: the last row (axis 0) or column (1) is 0; where `even`, of even ones."""

    def change(kernels):
        side = kernels.shape[axis]
        kept = np.arange(side) < side - (side > 1 and not (even and side % 2))
        return kernels * kept.reshape([-1, 1, 1, 1] if axis == 0 else [-1, 1, 1])

    return change


# Hints that several share

NEGATIVE_ZEROS = (
    "The number of zeros must not become negative: where the stride is longer than the kernel "
    "nothing is cut off the picture."
)
SAME_ZEROS = (
    "`same` with a stride: the number of zeros depends on the stride, (outputs - 1) * stride + "
    "kernel - size, never below 0; half of them, rounded down, come before, the rest behind."
)
NOT_NORMALISED = "The kernels are taken as they are: do not divide them by the sum of their sizes."
HEIGHT_TWICE = (
    "Height and width need zeros each for itself: you use the number for the height twice."
)
ONE_ZERO = "One zero on each side is right for 3x3 and stride 1 only. " + SAME_ZEROS


# The kernels: turned over, or their axes confused

bank.variant(
    "kernel_flipped",
    "The kernel is turned over. Layers do not flip it: window times kernel, as both are.",
    changed,
    kernels=lambda k: k[::-1, ::-1],
)

bank.variant(
    "turned_upside_down",
    "The rows of the kernel are turned over: do not flip it.",
    changed,
    kernels=lambda k: k[::-1],
)

bank.variant(
    "kernel_mirrored",
    "The columns of the kernel are turned over: do not flip it.",
    changed,
    kernels=lambda k: k[:, ::-1],
)

bank.variant(
    "all_flipped",
    "The kernel is turned over in all directions, its channels too. Layers do not flip it.",
    changed,
    kernels=lambda k: k[::-1, ::-1, ::-1],
)

bank.variant(
    "transposed_kernel",
    "Height and width of the kernel are swapped: its first axis goes down, its second right.",
    changed,
    kernels=lambda k: k.transpose(1, 0, 2, 3),
)


@bank.mistake(
    "The kernels' axes are height, width, channels, filters: a reshape into another order "
    "mixes them up; use a transposition, or none."
)
def kernel_reshaped(image, kernels, bias=None, stride=1, padding="valid"):
    """A reshape for a change of axes."""
    height, width, channels, filters = kernels.shape
    kernels = kernels.reshape(channels, height, width, filters).transpose(1, 2, 0, 3)
    return conv2d(image, kernels, bias, stride, padding)


@bank.mistake(
    "The last two axes of kernels are confused: channels first, then filters. A reshape "
    "does not swap axes."
)
def mixed_channels(image, kernels, bias=None, stride=1, padding="valid"):
    height, width, channels, filters = kernels.shape
    mixed = kernels.reshape(height, width, filters, channels).transpose(0, 1, 3, 2)
    return conv2d(image, mixed, bias, stride, padding)


@bank.mistake(
    "`reshape` does not move axes, it cuts the numbers anew: take kernels[..., f], or np.transpose."
)
def filters_reshaped(image, kernels, bias=None, stride=1, padding="valid"):
    """Reshapes the kernels to have the filters first, which mixes all numbers."""
    height, width, channels, filters = kernels.shape
    mixed = kernels.reshape(filters, height, width, channels).transpose(1, 2, 3, 0)
    return conv2d(image, mixed, bias, stride, padding)


# The kernels: a part is left out, or the values are changed

bank.variant(
    "square_kernel",
    "The kernel need not be square: take its height and its width.",
    changed,
    kernels=square,
)


@bank.mistake("An even kernel has no middle: all of its rows and columns count.")
def even_cut(image, kernels, bias=None, stride=1, padding="valid"):
    """Reckons with kernel // 2 weights on each side of a middle one."""
    height, width = (side - (side % 2 == 0) for side in kernels.shape[:2])
    return conv2d(image, kernels[: max(height, 1), : max(width, 1)], bias, stride, padding)


bank.variant(
    "even_columns_cut",
    "Of a kernel of an even width the last column is left out: there is no middle, all columns "
    "count.",
    changed,
    kernels=without_last(1, even=True),
)

bank.variant(
    "even_rows_cut",
    "Of a kernel of an even height the last row is left out: there is no middle, all rows count.",
    changed,
    kernels=without_last(0, even=True),
)

bank.variant(
    "last_row_missing", "The last row of the kernel is left out.", changed, kernels=without_last(0)
)

bank.variant(
    "last_column_missing",
    "The last column of the kernel is left out.",
    changed,
    kernels=without_last(1),
)

bank.variant(
    "first_filter",
    "Only the first filter is used: map f is made with kernels[..., f].",
    changed,
    kernels=lambda k: np.broadcast_to(k[..., :1], k.shape),
)

bank.variant(
    "grey_kernels",
    "Each channel has weights of its own, kernels[:, :, c]: do not average them.",
    changed,
    kernels=lambda k: np.broadcast_to(k.mean(axis=2, keepdims=True), k.shape),
)

bank.variant(
    "kernels_sum_to_one",
    "The kernels are taken as they are: do not divide them by their sum.",
    changed,
    kernels=lambda k: k / k.sum(),
)

bank.variant("kernels_normalised", NOT_NORMALISED, changed, kernels=lambda k: k / np.abs(k).sum())

bank.variant(
    "each_normalised", NOT_NORMALISED, changed, kernels=lambda k: k / np.abs(k).sum((0, 1, 2))
)


# The sum over the window and the channels

bank.variant(
    "window_mean",
    "Add up over the window; do not divide by its area.",
    changed,
    kernels=lambda k: k / math.prod(k.shape[:2]),
)

bank.variant(
    "channel_mean",
    "Add up over the channels; do not take their mean.",
    changed,
    kernels=lambda k: k / k.shape[2],
)

bank.variant(
    "whole_mean",
    "Add up over the window and the channels; do not take the mean.",
    changed,
    kernels=lambda k: k / math.prod(k.shape[:3]),
)

bank.variant(
    "first_channel",
    "Only the first channel is used: add up over all channels of image.",
    changed,
    image=lambda x: x[..., :1],
    kernels=lambda k: k[:, :, :1],
)

bank.variant(
    "last_channel",
    "Only the last channel is left: add each channel's share to the sum, do not replace it.",
    changed,
    image=lambda x: x[..., -1:],
    kernels=lambda k: k[:, :, -1:],
)


@bank.mistake("The last channel is missing in the sum: does a loop end one step too early?")
def last_channel_missing(image, kernels, bias=None, stride=1, padding="valid"):
    count = max(1, image.shape[-1] - 1)
    return conv2d(image[..., :count], kernels[:, :, :count], bias, stride, padding)


bank.variant(
    "channels_reversed",
    "The channels are paired in the opposite order: channel c of image meets kernels[:, :, c]. "
    "A flip may have turned more than height and width.",
    changed,
    image=lambda x: x[..., ::-1],
)


@bank.mistake("The sum over the channels is missing: one filter gives one map, whatever goes in.")
def channels_apart(image, kernels, bias=None, stride=1, padding="valid"):
    image = zeros_around(image, kernels, stride, padding)
    windows = sliding_window_view(image, kernels.shape[:2], axis=(0, 1))[::stride, ::stride]
    maps = np.einsum("ijcyx,yxcf->ijcf", windows, kernels)
    return maps if bias is None else maps + bias


@bank.mistake("Each filter reads all channels; this is a depthwise convolution.")
def depthwise_layer(image, kernels, bias=None, stride=1, padding="valid"):
    channels, filters = kernels.shape[2:]
    one = np.zeros_like(kernels)
    for f in range(filters):
        one[:, :, f % channels, f] = kernels[:, :, f % channels, f]
    return conv2d(image, one, bias, stride, padding)


@bank.mistake("Add all products up: this is the largest of them, as in a pool.")
def largest_product(image, kernels, bias=None, stride=1, padding="valid"):
    image = zeros_around(image, kernels, stride, padding)
    windows = sliding_window_view(image, kernels.shape[:2], axis=(0, 1))[::stride, ::stride]
    products = np.moveaxis(windows, 2, -1)[..., None] * kernels
    maps = products.max(axis=(2, 3, 4))
    return maps if bias is None else maps + bias


# `same`: how many zeros, and where

bank.variant("frame_of_one", ONE_ZERO, bordered, sides=lambda n, k, s: (1, 1))

bank.variant("one_before", ONE_ZERO, shifted, before=lambda high, wide: (1, 1))

bank.variant(
    "half_kernel_around",
    "`same` is not kernel // 2 zeros on each side: an even kernel would give a row too many. "
    + SAME_ZEROS,
    bordered,
    sides=lambda n, k, s: (k // 2, k // 2),
)


@bank.mistake(
    "The shape is right, but `same` does not put kernel // 2 zeros on each side. " + SAME_ZEROS
)
def half_kernel_cut(image, kernels, bias=None, stride=1, padding="valid"):
    rows, columns = (-(-side // stride) for side in image.shape[:2])
    if padding == "same":
        image = padded_by(image, [(side // 2, side // 2) for side in kernels.shape[:2]])
        return conv2d(image, kernels, bias, stride)[:rows, :columns]
    return conv2d(image, kernels, bias, stride)


bank.variant(
    "full_convolution",
    "`same` does not lay kernel - 1 zeros on each side; that enlarges. " + SAME_ZEROS,
    bordered,
    sides=lambda n, k, s: (k - 1, k - 1),
)

bank.variant(
    "kernel_less_stride",
    "kernel - stride zeros are right only where the stride divides the size. " + SAME_ZEROS,
    bordered,
    sides=lambda n, k, s: halves(max(k - s, 0)),
)


@bank.mistake(
    "Every `stride`-th output of the layer with stride 1 is not the same thing: the windows "
    "stand elsewhere. " + SAME_ZEROS
)
def stride_one_padding(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image, kernels, bias, 1, padding)[::stride, ::stride]


bank.variant(
    "negative_zeros", NEGATIVE_ZEROS, bordered, sides=lambda n, k, s: halves(covered(n, k, s) - n)
)


@bank.mistake(NEGATIVE_ZEROS)
def picture_cropped(image, kernels, bias=None, stride=1, padding="valid"):
    """The number of zeros may become negative: then the first window begins too late."""
    rows, columns = (-(-side // stride) for side in image.shape[:2])
    if padding == "same":
        padded = padded_by(image, [(side + stride, side + stride) for side in kernels.shape[:2]])
        for axis in (0, 1):
            size, kernel = image.shape[axis], kernels.shape[axis]
            needed = covered(size, kernel, stride) - size
            padded = np.delete(padded, range(kernel + stride - needed // 2), axis)
        return conv2d(padded, kernels, bias, stride)[:rows, :columns]
    return conv2d(image, kernels, bias, stride)


bank.variant(
    "all_before",
    "The zeros of `same` go to both sides, half of them behind the picture: yours are all "
    "before it.",
    bordered,
    sides=lambda n, k, s: (zeros(n, k, s), 0),
)

bank.variant(
    "all_behind",
    "The zeros of `same` go to both sides: half of them before the picture, rounded down.",
    bordered,
    sides=lambda n, k, s: (0, zeros(n, k, s)),
)

bank.variant(
    "odd_zero_first",
    "Where the number of zeros is odd, the odd one goes to the end, not to the start.",
    bordered,
    sides=lambda n, k, s: halves(zeros(n, k, s))[::-1],
)


@bank.mistake("In the width the odd zero of `same` goes to the end, as it does in the height.")
def odd_column_first(image, kernels, bias=None, stride=1, padding="valid"):
    if padding == "same":
        spare = zeros_around(image[:, ::-1], kernels, stride, padding)
        return conv2d(spare[:, ::-1], kernels, bias, stride)
    return conv2d(image, kernels, bias, stride)


@bank.mistake("In the height the odd zero of `same` goes to the end, as it does in the width.")
def odd_row_first(image, kernels, bias=None, stride=1, padding="valid"):
    if padding == "same":
        spare = zeros_around(image[::-1], kernels, stride, padding)
        return conv2d(spare[::-1], kernels, bias, stride)
    return conv2d(image, kernels, bias, stride)


@bank.mistake("The zeros of height and width are swapped: rows come first.")
def sides_swapped(image, kernels, bias=None, stride=1, padding="valid"):
    if padding == "same":
        image = zeros_around(image, kernels.transpose(1, 0, 2, 3), stride, padding)
    return conv2d(image, kernels, bias, stride)


@bank.mistake(HEIGHT_TWICE)
def one_side_for_both(image, kernels, bias=None, stride=1, padding="valid"):
    if padding == "same":
        image = padded_by(image, [right_sides(image.shape[0], kernels.shape[0], stride)] * 2)
    return conv2d(image, kernels, bias, stride)


bank.variant("height_before", HEIGHT_TWICE, shifted, before=lambda high, wide: (high, high))


@bank.mistake(
    "`same` has an output for each stride *begun*: where something is left over, round up."
)
def same_rounded_down(image, kernels, bias=None, stride=1, padding="valid"):
    """`same` with as many outputs as the stride fits into the size."""
    if padding == "valid":
        return conv2d(image, kernels, bias, stride)
    rows, columns = (side // stride for side in image.shape[:2])
    for axis, count in ((0, rows), (1, columns)):
        size, kernel = image.shape[axis], kernels.shape[axis]
        sides = [(0, 0), (0, 0)]
        sides[axis] = halves(max((count - 1) * stride + kernel - size, 0))
        image = padded_by(image, sides)
    return conv2d(image, kernels, bias, stride)[:rows, :columns]


@bank.mistake(
    "The last row and column are missing with `same`: an output for each stride *begun*, round up."
)
def same_short(image, kernels, bias=None, stride=1, padding="valid"):
    """The right zeros, but outputs only for the whole strides."""
    maps = conv2d(image, kernels, bias, stride, padding)
    if padding == "valid":
        return maps
    return maps[: image.shape[0] // stride, : image.shape[1] // stride]


# `same`: something else than zeros

bank.variant(
    "edge_padding",
    "`same` lays zeros around the picture; do not repeat its edge pixels.",
    bordered,
    mode="edge",
)

bank.variant(
    "mirrored_border",
    "`same` lays zeros around the picture; do not mirror it there.",
    bordered,
    mode="reflect",
)

bank.variant(
    "mirrored_edge",
    "`same` lays zeros around the picture; do not mirror its edge.",
    bordered,
    mode="symmetric",
)

bank.variant(
    "wrapped_around",
    "`same` lays zeros around the picture; it does not go on at the opposite edge.",
    bordered,
    mode="wrap",
)

bank.variant(
    "ones_around", "`same` lays zeros around the picture, not ones.", bordered, constant_values=1
)

bank.variant(
    "mean_around", "`same` lays zeros around the picture, not the mean.", bordered, mode="mean"
)


# The argument `padding`


bank.variant(
    "always_padded",
    "There is padding for `valid` too, which means none.",
    changed,
    padding=lambda p: "same",
)


# Where the windows stand


@bank.mistake("The stride holds for both directions, down and right.")
def stride_rows_only(image, kernels, bias=None, stride=1, padding="valid"):
    image = zeros_around(image, kernels, stride, padding)
    return conv2d(image, kernels, bias)[::stride]


@bank.mistake("The stride holds for both directions, right and down.")
def stride_columns_only(image, kernels, bias=None, stride=1, padding="valid"):
    image = zeros_around(image, kernels, stride, padding)
    return conv2d(image, kernels, bias)[:, ::stride]


@bank.mistake(
    "There are as many windows as asked, but they stand side by side: output i begins at "
    "pixel i * stride."
)
def stride_of_windows(image, kernels, bias=None, stride=1, padding="valid"):
    """The right number of windows, but neighbouring ones."""
    maps = conv2d(image, kernels, bias, stride, padding)
    image = zeros_around(image, kernels, stride, padding)
    return conv2d(image, kernels, bias)[: maps.shape[0], : maps.shape[1]]


@bank.mistake(
    "Windows in a row of the result lie `stride` pixels apart too: output (i, j) begins at "
    "column j * stride."
)
def stride_between_rows(image, kernels, bias=None, stride=1, padding="valid"):
    """The right number of windows; in a row they are neighbours."""
    maps = conv2d(image, kernels, bias, stride, padding)
    dense = conv2d(zeros_around(image, kernels, stride, padding), kernels, bias)
    return dense[::stride, : maps.shape[1]]


@bank.mistake(
    "The rows of the result lie `stride` pixels apart too: output (i, j) begins at row i * stride."
)
def stride_between_columns(image, kernels, bias=None, stride=1, padding="valid"):
    maps = conv2d(image, kernels, bias, stride, padding)
    dense = conv2d(zeros_around(image, kernels, stride, padding), kernels, bias)
    return dense[: maps.shape[0], ::stride]


@bank.mistake(
    "With a stride the first window starts at the first pixel, the next `stride` further on."
)
def late_start(image, kernels, bias=None, stride=1, padding="valid"):
    """The map of stride 1, from the middle of the first step on."""
    maps = conv2d(zeros_around(image, kernels, stride, padding), kernels, bias)
    rows = np.arange(0, maps.shape[0], stride) + stride // 2
    columns = np.arange(0, maps.shape[1], stride) + stride // 2
    return maps[rows.clip(max=maps.shape[0] - 1)][:, columns.clip(max=maps.shape[1] - 1)]


@bank.mistake("The first window begins at pixel 0, whatever the stride is.")
def late_window(image, kernels, bias=None, stride=1, padding="valid"):
    if padding == "valid":
        image = image[stride // 2 :, stride // 2 :]
    return conv2d(image, kernels, bias, stride, padding)


@bank.mistake("A 1x1 kernel is moved by the stride like any other.")
def single_weight(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image, kernels, bias, 1 if kernels.shape[:2] == (1, 1) else stride, padding)


@bank.mistake("The stride may be longer than the kernel: do not shorten it.")
def shorter_stride(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image, kernels, bias, min(stride, *kernels.shape[:2]), padding)


@bank.mistake(
    "The stride moves the window; the window itself reads neighbouring pixels: do not thin out "
    "the picture first."
)
def picture_thinned(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image[::stride, ::stride], kernels, bias, 1, padding)


@bank.mistake("With `valid` a window that hangs over the end is not counted.")
def hanging_over(image, kernels, bias=None, stride=1, padding="valid"):
    if padding == "valid":
        rest = [-(n - k) % stride for n, k in zip(image.shape[:2], kernels.shape[:2], strict=True)]
        image = padded_by(image, [(0, n) for n in rest])
    return conv2d(image, kernels, bias, stride, padding)


bank.variant(
    "one_row_short",
    "A row and a column are missing at the end: count the last window too.",
    changed,
    result=lambda maps: maps[:-1, :-1],
)


@bank.mistake("The last row and column are not computed: a loop ends too early.")
def border_left_empty(image, kernels, bias=None, stride=1, padding="valid"):
    """Leaves the last row and column as they were made, zero."""
    maps = conv2d(image, kernels, bias, stride, padding)
    inner = np.zeros_like(maps)
    inner[:-1, :-1] = maps[:-1, :-1]
    return inner


@bank.mistake(
    "Where a window holds nothing but zeros the bias remains: do not leave such windows out."
)
def dark_skipped(image, kernels, bias=None, stride=1, padding="valid"):
    maps = conv2d(image, kernels, bias, stride, padding)
    lit = conv2d(np.abs(image), np.ones(kernels.shape), None, stride, padding) > 0
    return maps * lit


# The bias

bank.variant("bias_ignored", "The bias is not added.", changed, bias=lambda b: None)


@bank.mistake("The bias may be None, its default: then nothing is added.")
def bias_needed(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image, kernels, np.zeros(()), stride, padding) + bias


bank.variant("bias_subtracted", "The bias is added, not subtracted.", changed, bias=np.negative)

bank.variant("bias_twice", "The bias is added twice.", changed, bias=lambda b: 2 * b)

bank.variant(
    "bias_backwards", "The biases stand in the opposite order.", changed, bias=lambda b: b[::-1]
)

bank.variant(
    "first_bias",
    "Every filter has a bias of its own: bias[f] for map f.",
    changed,
    bias=lambda b: b[:1],
)

bank.variant(
    "all_biases",
    "Every filter has a bias of its own: do not add all of them to each map.",
    changed,
    bias=lambda b: 0 * b + b.sum(),
)


@bank.mistake(
    "The bias is added once for each channel: add it once, after the sum over the channels."
)
def bias_summed(image, kernels, bias=None, stride=1, padding="valid"):
    bias = bias if bias is None else image.shape[-1] * bias
    return conv2d(image, kernels, bias, stride, padding)


@bank.mistake("The bias is added once for each weight: add it once, after the whole sum.")
def bias_per_window(image, kernels, bias=None, stride=1, padding="valid"):
    bias = bias if bias is None else math.prod(kernels.shape[:3]) * bias
    return conv2d(image, kernels, bias, stride, padding)


@bank.mistake(
    "The bias is added to the sum. Yours is multiplied by the weights: is it added to the "
    "pixels of the window?"
)
def bias_in_the_window(image, kernels, bias=None, stride=1, padding="valid"):
    bias = None if bias is None else bias * kernels.sum((0, 1, 2))
    return conv2d(image, kernels, bias, stride, padding)


@bank.mistake("The bias is added to a map, it does not multiply it.")
def bias_multiplies(image, kernels, bias=None, stride=1, padding="valid"):
    maps = conv2d(image, kernels, None, stride, padding)
    return maps if bias is None else maps * bias


@bank.mistake("The bias does not depend on the stride.")
def bias_times_stride(image, kernels, bias=None, stride=1, padding="valid"):
    bias = None if bias is None else bias * stride
    return conv2d(image, kernels, bias, stride, padding)


@bank.mistake("With `same` the bias is not added.")
def bias_valid_only(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image, kernels, bias if padding == "valid" else None, stride, padding)


@bank.mistake("With `valid` the bias is not added.")
def bias_same_only(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image, kernels, bias if padding == "same" else None, stride, padding)


# The picture

bank.variant(
    "image_turned",
    "The picture is transposed: its first axis is the height, its second the width.",
    changed,
    image=lambda x: x.transpose(1, 0, 2),
)

bank.variant(
    "square_picture",
    "The picture need not be square: take its height and its width.",
    changed,
    image=square,
)

bank.variant(
    "whole_picture",
    "The picture loses its decimals: do not turn it into integers.",
    changed,
    image=np.trunc,
)


@bank.mistake("With `same` the picture loses its decimals: is the padded array made of integers?")
def same_whole_picture(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(np.trunc(image) if padding == "same" else image, kernels, bias, stride, padding)


bank.variant(
    "of_clipped",
    "The picture is clipped to 0 to 255 first: what a layer reads may be negative, and larger.",
    changed,
    image=lambda x: np.clip(x, 0, 255),
)


# The result

bank.variant(
    "width_first",
    "The result is transposed: its first axis is the height, its second the width.",
    changed,
    result=lambda maps: maps.transpose(1, 0, 2),
)

bank.variant(
    "filters_first",
    "The result is (height, width, filters): the filters come last.",
    changed,
    result=lambda maps: maps.transpose(2, 0, 1),
)

bank.variant(
    "filters_reversed",
    "The filters stand in the opposite order.",
    changed,
    result=lambda maps: maps[..., ::-1],
)

bank.variant(
    "one_filter_of_many",
    "Only the first map is computed: the loop must reach all filters.",
    changed,
    result=lambda maps: maps * (np.arange(maps.shape[-1]) == 0),
)

bank.variant(
    "maps_added",
    "Every filter gives a map of its own: add over the channels, not over the filters.",
    changed,
    result=lambda maps: maps.sum(axis=-1, keepdims=True),
)

bank.variant(
    "size_of_one_map",
    "Keep all three axes, those of length 1 too: the result is (height, width, filters).",
    changed,
    result=np.squeeze,
)

bank.variant(
    "with_relu",
    "There is no ReLU here: negative values stay.",
    changed,
    result=lambda maps: np.maximum(maps, 0),
)

bank.variant(
    "absolute_values",
    "Negative values stay negative: no absolute value is asked for.",
    changed,
    result=np.abs,
)

bank.variant(
    "clipped_to_bytes",
    "The values are clipped to 0 to 255: the numbers of a layer may be negative, and larger.",
    changed,
    result=lambda maps: np.clip(maps, 0, 255),
)

bank.variant(
    "whole_numbers",
    "The values are cut off to whole numbers: make the array for the result a float one.",
    changed,
    result=lambda maps: maps.astype(int),
)

bank.variant(
    "decimals_cut_off",
    "The values lose their decimals: does an array of integers lie on the way?",
    changed,
    result=np.trunc,
)

bank.variant(
    "half_precision",
    "The values are rounded to three digits: float16 is too coarse, take float32 or float64.",
    changed,
    result=lambda maps: maps.astype("float16"),
)
