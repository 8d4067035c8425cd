"""Answers to `dilated_conv2d`, right and wrong."""

import numpy as np
import scipy.signal
from keras import layers, ops
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from autograder.setting.bank import Bank

from ..tasks import convolved, dilated_conv2d

bank = Bank(dilated_conv2d)


def stretched(kernels, rate):
    """The kernels with rate - 1 zeros between their weights."""
    height, width, channels, filters = kernels.shape
    sides = (height - 1) * rate + 1, (width - 1) * rate + 1
    result = np.zeros((*sides, channels, filters))
    result[::rate, ::rate] = kernels
    return result


# Right answers


@bank.accepted
def in_loops(image, kernels, rate):
    height, width, channels, filters = kernels.shape
    rows, columns = image.shape[0] - (height - 1) * rate, image.shape[1] - (width - 1) * rate
    result = np.zeros((rows, columns, filters))
    for i in range(rows):
        for j in range(columns):
            for y in range(height):
                for x in range(width):
                    for c in range(channels):
                        result[i, j] += image[i + y * rate, j + x * rate, c] * kernels[y, x, c]
    return result


@bank.accepted
def with_holes(image, kernels, rate):
    """The other name, à trous: a larger kernel, zeros between its weights."""
    return convolved(image, stretched(kernels, rate))


@bank.accepted
def tap_by_tap(image, kernels, rate):
    height, width, _, _ = kernels.shape
    rows, columns = image.shape[0] - (height - 1) * rate, image.shape[1] - (width - 1) * rate
    return sum(
        image[y * rate : y * rate + rows, x * rate : x * rate + columns] @ kernels[y, x]
        for y, x in np.ndindex(height, width)
    )


@bank.accepted
def sampled_in_one_array(image, kernels, rate):
    """Zeros up to multiples of the rate, one axis for the offsets, and what is too much cut off."""
    rows, columns, channels = image.shape
    height, width, _, filters = kernels.shape
    down, right = -(-rows // rate) + 1, -(-columns // rate) + 1
    behind = [(0, down * rate - rows), (0, right * rate - columns), (0, 0)]
    parts = np.pad(image, behind).reshape(down, rate, right, rate, channels)
    windows = sliding_window_view(parts, (height, width), axis=(0, 2))
    whole = np.einsum("iajbcyx,yxcf->iajbf", windows, kernels)
    whole = whole.reshape(whole.shape[0] * rate, whole.shape[2] * rate, filters)
    return whole[: rows - (height - 1) * rate, : columns - (width - 1) * rate]


@bank.accepted
def with_strided_windows(image, kernels, rate):
    image = np.ascontiguousarray(image)
    height, width, channels, filters = kernels.shape
    rows, columns = image.shape[0] - (height - 1) * rate, image.shape[1] - (width - 1) * rate
    down, right, deep = image.strides
    windows = as_strided(
        image,
        (rows, columns, height, width, channels),
        (down, right, down * rate, right * rate, deep),
    )
    return windows.reshape(rows, columns, -1) @ kernels.reshape(-1, filters)


@bank.accepted
def with_scipy(image, kernels, rate):
    holes = stretched(kernels, rate)
    maps = [
        sum(
            scipy.signal.correlate2d(image[..., c], holes[..., c, f], mode="valid")
            for c in range(image.shape[-1])
        )
        for f in range(kernels.shape[-1])
    ]
    return np.stack(maps, axis=-1)


@bank.accepted
def with_ops(image, kernels, rate):
    image, kernels = image[None].astype("float32"), kernels.astype("float32")
    return np.array(ops.conv(image, kernels, dilation_rate=rate))[0]


@bank.accepted
def with_a_layer(image, kernels, rate):
    layer = layers.Conv2D(kernels.shape[-1], kernels.shape[:2], dilation_rate=rate, use_bias=False)
    layer.build((None, *image.shape))
    layer.set_weights([kernels])
    return np.array(layer(image[None]))[0]


# Wrong answers: what they are made of


def changed(image, kernels, rate, before=None, change=None, after=None):
    """The model answer with the picture, the kernels or the result changed."""
    image = before(image) if before else image
    kernels = change(kernels) if change else kernels
    result = dilated_conv2d(image, kernels, rate)
    return after(result) if after else result


def parts_of(image, kernels, rate):
    """The results of the sampled pictures by their offsets; those that the kernel does not fit."""
    high, wide = (
        size - rate * (side - 1)
        for size, side in zip(image.shape[:2], kernels.shape[:2], strict=True)
    )
    return {
        (i, j): convolved(image[i::rate, j::rate], kernels)
        for i, j in np.ndindex(min(rate, high), min(rate, wide))
    }


def interleaved(image, kernels, rate, place=lambda i, j, rate: (i, j), parts=lambda p: p):
    """The model answer where the result of offset (i, j) goes to another place, or is changed."""
    result = np.zeros_like(dilated_conv2d(image, kernels, rate))
    for (i, j), part in parts(parts_of(image, kernels, rate)).items():
        y, x = place(i, j, rate)
        room = result[y::rate, x::rate]
        rows, columns = (min(a, b) for a, b in zip(room.shape[:2], part.shape[:2], strict=True))
        room[:rows, :columns] = part[:rows, :columns]
    return result


# The kernels

bank.variant(
    "kernels_flipped",
    "The kernels are turned over. Layers do not flip them: window times kernel, as both are.",
    changed,
    change=lambda k: k[::-1, ::-1],
)

bank.variant(
    "kernels_upside_down",
    "The rows of the kernels are turned over: do not flip them.",
    changed,
    change=lambda k: k[::-1],
)

bank.variant(
    "kernels_mirrored",
    "The columns of the kernels are turned over: do not flip them.",
    changed,
    change=lambda k: k[:, ::-1],
)

bank.variant(
    "kernels_transposed",
    "Height and width of the kernels are swapped: the first axis goes down, the second right.",
    changed,
    change=lambda k: k.swapaxes(0, 1),
)

bank.variant(
    "filters_first",
    "The last two axes of the kernels are confused: channels first, then filters.",
    changed,
    change=lambda k: k.swapaxes(2, 3),
)


@bank.mistake(
    "A reshape does not swap axes, it cuts the numbers anew: take kernels[..., f], or np.moveaxis."
)
def kernels_reshaped(image, kernels, rate):
    height, width, channels, filters = kernels.shape
    mixed = kernels.reshape(filters, height, width, channels)
    return dilated_conv2d(image, np.moveaxis(mixed, 0, -1), rate)


bank.variant(
    "last_row_missing",
    "The last row of the kernels is left out.",
    changed,
    change=lambda k: np.concatenate([k[:-1], 0 * k[-1:]]),
)

bank.variant(
    "last_column_missing",
    "The last column of the kernels is left out.",
    changed,
    change=lambda k: np.concatenate([k[:, :-1], 0 * k[:, -1:]], axis=1),
)

bank.variant(
    "window_mean",
    "Add up over the window; do not divide by the number of its places.",
    changed,
    change=lambda k: k / (k.shape[0] * k.shape[1]),
)

bank.variant(
    "channel_mean",
    "Add up over the channels; do not take their mean.",
    changed,
    change=lambda k: k / k.shape[2],
)

bank.variant(
    "first_channel",
    "Only the first channel is used: add up over all channels of the picture.",
    changed,
    before=lambda image: image[..., :1],
    change=lambda k: k[:, :, :1],
)

bank.variant(
    "first_filter",
    "Only the first filter is used: map f is made with kernels[..., f].",
    changed,
    change=lambda k: np.broadcast_to(k[..., :1], k.shape),
)


@bank.mistake("The sum over the channels is missing: one filter gives one map, whatever goes in.")
def channels_apart(image, kernels, rate):
    parts = [
        dilated_conv2d(image[..., c : c + 1], kernels[:, :, c : c + 1], rate)
        for c in range(image.shape[-1])
    ]
    return np.concatenate(parts, axis=-1)


# The rate


@bank.mistake("Use the argument `rate`: here the weights of the window are neighbours.")
def rate_ignored(image, kernels, rate):
    return convolved(image, kernels)


@bank.mistake(
    "This is a convolution with a stride, its weights neighbours: `rate` says how far the weights "
    "of the window lie apart, and the window moves by one pixel."
)
def rate_as_a_stride(image, kernels, rate):
    return convolved(image, kernels)[::rate, ::rate]


@bank.mistake(
    "The weights lie `rate` pixels apart, which leaves rate - 1 pixels between them; here there "
    "are `rate` between them."
)
def one_too_far(image, kernels, rate):
    short = [max(side - 1, 0) for side in kernels.shape[:2]]
    return dilated_conv2d(np.pad(image, [*((0, n) for n in short), (0, 0)]), kernels, rate + 1)


@bank.mistake(
    "The weights lie `rate` pixels apart, which leaves rate - 1 pixels between them; here there "
    "are `rate` between them, so that the result is smaller."
)
def one_too_far_and_smaller(image, kernels, rate):
    return convolved(image, stretched(kernels, rate + 1))


@bank.mistake(
    "The weights lie `rate` pixels apart; here they lie one pixel less apart, so that the result "
    "is too large."
)
def one_too_near(image, kernels, rate):
    return dilated_conv2d(image, kernels, max(rate - 1, 1))


@bank.mistake(
    "The kernel's weights are spread, with nothing between them; here each becomes a block of "
    "`rate` x `rate` equal ones."
)
def weights_in_blocks(image, kernels, rate):
    return convolved(image, kernels.repeat(rate, 0).repeat(rate, 1))


@bank.mistake("The rate holds for both directions: here the columns of the window are neighbours.")
def rate_down_only(image, kernels, rate):
    holes = np.zeros(((kernels.shape[0] - 1) * rate + 1, *kernels.shape[1:]))
    holes[::rate] = kernels
    return convolved(image, holes)


@bank.mistake("The rate holds for both directions: here the rows of the window are neighbours.")
def rate_right_only(image, kernels, rate):
    height, width, channels, filters = kernels.shape
    holes = np.zeros((height, (width - 1) * rate + 1, channels, filters))
    holes[:, ::rate] = kernels
    return convolved(image, holes)


@bank.mistake(
    "The result is right, but only every `rate`-th row and column of it: the stride is 1, so that "
    "the sampled picture of every offset is needed, not only that of (0, 0)."
)
def one_offset_only(image, kernels, rate):
    return convolved(image[::rate, ::rate], kernels)


@bank.mistake(
    "The kernel's weights are spread, with nothing between them; here each weight is repeated."
)
def weights_repeated(image, kernels, rate):
    wide = kernels.repeat(rate, 0).repeat(rate, 1)
    height, width = ((side - 1) * rate + 1 for side in kernels.shape[:2])
    return convolved(image, wide[:height, :width])


@bank.mistake(
    "The rate is for both the distance of weights and the step of the window here: the stride of "
    "this convolution is 1, no result is left out, and none repeated."
)
def first_offset_repeated(image, kernels, rate):
    rows, columns = dilated_conv2d(image, kernels, rate).shape[:2]
    part = convolved(image[::rate, ::rate], kernels)
    return part.repeat(rate, 0).repeat(rate, 1)[:rows, :columns]


# Interleaving

bank.variant(
    "offsets_swapped",
    "Rows and columns are exchanged in interleaving: what is sampled from row i and column j on "
    "goes to the rows from i on and the columns from j on.",
    interleaved,
    place=lambda i, j, rate: (j, i),
)

bank.variant(
    "offsets_reversed",
    "The results are interleaved in the opposite order: what is sampled from offset (i, j) on goes "
    "to offset (i, j).",
    interleaved,
    place=lambda i, j, rate: (rate - 1 - i, rate - 1 - j),
)

bank.variant(
    "equal_offsets_only",
    "Only offsets with equal row and column are sampled: there are rate * rate sampled pictures.",
    interleaved,
    parts=lambda parts: {(i, j): part for (i, j), part in parts.items() if i == j},
)


@bank.mistake(
    "The results of the sampled pictures are laid side by side; they are to be interleaved, so "
    "that neighbours lie side by side again."
)
def side_by_side(image, kernels, rate):
    parts = parts_of(image, kernels, rate)
    rows = range(1 + max(i for i, _ in parts))
    columns = range(1 + max(j for _, j in parts))
    return np.concatenate(
        [np.concatenate([parts[i, j] for j in columns], axis=1) for i in rows], axis=0
    )


@bank.mistake(
    "The results of the sampled pictures are added up; they are to be interleaved, each in places "
    "of its own."
)
def added_up(image, kernels, rate):
    parts = parts_of(image, kernels, rate)
    total = np.zeros_like(parts[0, 0])
    for part in parts.values():
        total[: part.shape[0], : part.shape[1]] += part
    return total


@bank.mistake(
    "The picture is cut to a multiple of the rate here: the sampled pictures may have unequal "
    "sizes, and every pixel counts."
)
def cut_to_multiples(image, kernels, rate):
    rows, columns = (size // rate * rate for size in image.shape[:2])
    return dilated_conv2d(image[:rows, :columns], kernels, rate)


@bank.mistake(
    "All sampled pictures are cut to the size of the smallest here: they may have unequal sizes, "
    "and every row and column of their results counts."
)
def cut_to_the_smallest(image, kernels, rate):
    whole = dilated_conv2d(image, kernels, rate)
    rows, columns = (max(size // rate, 1) * rate for size in whole.shape[:2])
    return whole[:rows, :columns]


@bank.mistake(
    "Sampled pictures of unequal sizes are filled up with zeros, and the results that read these "
    "zeros are returned too: the kernel lies inside the picture everywhere."
)
def filled_up_to_multiples(image, kernels, rate):
    behind = [(0, -size % rate) for size in image.shape[:2]]
    return dilated_conv2d(np.pad(image, [*behind, (0, 0)]), kernels, rate)


@bank.mistake(
    "A sampled picture may be smaller than the kernel: it then has no share in the result. That "
    "is so where the result has fewer rows or columns than `rate`."
)
def every_offset_must_fit(image, kernels, rate):
    rows, columns = dilated_conv2d(image, kernels, rate).shape[:2]
    if min(rows, columns) < rate:
        raise ValueError("window shape cannot be larger than input array shape")
    return dilated_conv2d(image, kernels, rate)


# How large the result is


@bank.mistake("There is no padding: the kernel lies inside the picture everywhere.")
def padded(image, kernels, rate):
    sides = [((side - 1) * rate) for side in kernels.shape[:2]]
    around = [(side // 2, side - side // 2) for side in sides]
    return dilated_conv2d(np.pad(image, [*around, (0, 0)]), kernels, rate)


@bank.mistake(
    "The kernel reaches over (kernel - 1) * rate + 1 pixels; here the result is as small as if it "
    "were kernel * rate of them, and its last rows and columns are missing."
)
def reach_too_long(image, kernels, rate):
    result = dilated_conv2d(image, kernels, rate)
    rows, columns = (max(size - rate + 1, 1) for size in result.shape[:2])
    return result[:rows, :columns]


bank.variant(
    "last_line_missing",
    "The last row and the last column of the result are missing: does a loop end one step too "
    "early?",
    changed,
    after=lambda result: result[: max(len(result) - 1, 1), : max(result.shape[1] - 1, 1)],
)

bank.variant(
    "sides_swapped",
    "Height and width of the result are exchanged.",
    changed,
    after=lambda result: result.swapaxes(0, 1),
)
