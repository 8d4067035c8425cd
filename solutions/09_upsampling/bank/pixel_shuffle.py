"""Answers to `pixel_shuffle`, right and wrong."""

import numpy as np
from keras import ops

from autograder.setting.bank import Bank

from ..tasks import pixel_shuffle

bank = Bank(pixel_shuffle)


# Right answers


@bank.accepted
def in_loops(x, factor):
    height, width, depth = x.shape
    channels = depth // (factor * factor)
    result = np.zeros((height * factor, width * factor, channels))
    for y in range(height * factor):
        for x_out in range(width * factor):
            for c in range(channels):
                place = (y % factor) * factor + x_out % factor
                result[y, x_out, c] = x[y // factor, x_out // factor, place * channels + c]
    return result


@bank.accepted
def position_by_position(x, factor):
    height, width, depth = x.shape
    result = np.empty((height * factor, width * factor, depth // factor**2))
    for place, part in enumerate(np.split(x, factor**2, axis=-1)):
        result[place // factor :: factor, place % factor :: factor] = part
    return result


@bank.accepted
def stacked(x, factor):
    """The columns of a block side by side, then its rows."""
    rows = []
    for row in np.array_split(x, factor, axis=2):
        parts = np.array_split(row, factor, axis=2)
        side_by_side = np.stack(parts, axis=2)
        rows.append(side_by_side.reshape(x.shape[0], -1, parts[0].shape[-1]))
    return np.concatenate([row[:, None] for row in rows], axis=1).reshape(
        -1, rows[0].shape[1], rows[0].shape[2]
    )


@bank.accepted
def by_index(x, factor):
    """A table that says from where each number comes."""
    height, width, depth = x.shape
    channels = depth // factor**2
    y, column, c = np.indices((height * factor, width * factor, channels))
    place = y % factor * factor + column % factor
    return x[y // factor, column // factor, place * channels + c]


@bank.accepted
def as_a_transposed_convolution(x, factor):
    """Kernels that are 1 in one position each; stride and side are the factor."""
    height, width, depth = x.shape
    kernels = np.eye(depth).reshape(factor, factor, depth // factor**2, depth)
    laid = np.einsum("ijn,yxcn->iyjxc", x, kernels)
    return laid.reshape(height * factor, width * factor, -1)


@bank.accepted
def with_ops(x, factor):
    return np.array(ops.depth_to_space(x[None], factor))[0]


# Wrong answers: what they are made of


def blocks_of(x, factor, order, axes=(0, 1, 2, 3, 4)):
    """The array cut into height, width and what `order` names of a block: y, x and c.

    Returned as height, width, y, x, c, then with its axes as `axes` says.
    """
    height, width, depth = x.shape
    sizes = {"y": factor, "x": factor, "c": depth // factor**2}
    cut = x.reshape(height, width, *(sizes[name] for name in order))
    ordered = cut.transpose(0, 1, *(2 + order.index(name) for name in "yxc"))
    return ordered.transpose(axes)


def shuffled(x, factor, order="yxc", axes=(0, 2, 1, 3, 4)):
    """The model answer with another order of channels, or of the axes that are merged."""
    height, width, _ = x.shape
    return blocks_of(x, factor, order, axes).reshape(height * factor, width * factor, -1)


def turned(x, factor, turn):
    """The model answer with each block changed: `turn` takes height, width, y, x, c."""
    height, width, _ = x.shape
    blocks = turn(blocks_of(x, factor, "yxc")).transpose(0, 2, 1, 3, 4)
    return blocks.reshape(height * factor, width * factor, -1)


# The order of channels

bank.variant(
    "channel_first",
    "The channels are read in another order: here c varies slowest (c * factor**2 + place, as "
    "PyTorch's `PixelShuffle`); meant is place * C + c.",
    shuffled,
    order="cyx",
)

bank.variant(
    "channel_first_columns_first",
    "The channels are read in another order: here c varies slowest, and dx before dy; meant is "
    "place * C + c with the place dy * factor + dx.",
    shuffled,
    order="cxy",
)

bank.variant(
    "dx_before_dy",
    "Rows and columns within a block are exchanged: the next C channels lie to the right of the "
    "first C, not below them.",
    shuffled,
    order="xyc",
)

bank.variant(
    "channel_in_the_middle",
    "The channels are read in the order dy, c, dx: c varies fastest.",
    shuffled,
    order="ycx",
)

bank.variant(
    "channel_in_the_middle_columns_first",
    "The channels are read in the order dx, c, dy: meant is dy, dx, c, the last one fastest.",
    shuffled,
    order="xcy",
)


def picked(x, factor, first):
    """Position by position, where `first(place, dy, dx, channels)` is the first channel taken."""
    height, width, depth = x.shape
    channels = depth // factor**2
    result = np.empty((height * factor, width * factor, channels))
    for dy, dx in np.ndindex(factor, factor):
        start = first(dy * factor + dx, dy, dx, channels)
        result[dy::factor, dx::factor] = x[..., start : start + channels]
    return result


bank.variant(
    "one_channel_apart",
    "The channels of two positions overlap: those of the next position begin C channels further "
    "on, not one.",
    picked,
    first=lambda place, dy, dx, channels: place,
)

bank.variant(
    "sum_of_dy_and_dx",
    "Positions with the same dy + dx get the same channels: the rows of a block are `factor` "
    "positions apart.",
    picked,
    first=lambda place, dy, dx, channels: (dy + dx) * channels,
)

bank.variant(
    "rows_of_a_block_reversed",
    "The rows of a block stand upside down: dy counts downwards.",
    turned,
    turn=lambda blocks: blocks[:, :, ::-1],
)

bank.variant(
    "columns_of_a_block_reversed",
    "The columns of a block are mirrored: dx counts to the right.",
    turned,
    turn=lambda blocks: blocks[:, :, :, ::-1],
)

bank.variant(
    "blocks_turned_over",
    "The blocks are turned over: their first position comes from the first channels.",
    turned,
    turn=lambda blocks: blocks[:, :, ::-1, ::-1],
)

bank.variant(
    "channels_reversed",
    "The channels of the result stand in the opposite order.",
    turned,
    turn=lambda blocks: blocks[..., ::-1],
)


# Where the blocks go

bank.variant(
    "reshaped_only",
    "A reshape alone does not put the rows of a block below one another: the axes of the positions "
    "have to be moved beside those of height and width first.",
    shuffled,
    axes=(0, 1, 2, 3, 4),
)


@bank.mistake(
    "Each position's map is laid down whole, beside the others; meant is a small block for each "
    "pixel, so that neighbours stay neighbours."
)
def maps_side_by_side(x, factor):
    height, width, _ = x.shape
    laid = blocks_of(x, factor, "yxc").transpose(2, 0, 3, 1, 4)
    return laid.reshape(height * factor, width * factor, -1)


@bank.mistake(
    "Down the picture the blocks stay together, to the right whole maps are laid side by side: a "
    "pixel becomes one block."
)
def columns_side_by_side(x, factor):
    height, width, _ = x.shape
    laid = blocks_of(x, factor, "yxc").transpose(0, 2, 3, 1, 4)
    return laid.reshape(height * factor, width * factor, -1)


@bank.mistake(
    "To the right the blocks stay together, down the picture whole maps are laid below one "
    "another: a pixel becomes one block."
)
def rows_below_one_another(x, factor):
    height, width, _ = x.shape
    laid = blocks_of(x, factor, "yxc").transpose(2, 0, 1, 3, 4)
    return laid.reshape(height * factor, width * factor, -1)


@bank.mistake(
    "Height and width of the picture are exchanged in the result: only the channels become "
    "positions."
)
def picture_transposed(x, factor):
    return pixel_shuffle(x, factor).swapaxes(0, 1)


@bank.mistake(
    "Height and width are mixed up in a reshape: the rows of the result are as long as the width "
    "times `factor`."
)
def cut_by_the_other_side(x, factor):
    height, width, _ = x.shape
    return pixel_shuffle(x, factor).reshape(width * factor, height * factor, -1)


# What is kept


@bank.mistake(
    "Nothing is left out in a shuffle: here the first channels fill the whole block, which is "
    "upsampling."
)
def first_channels_repeated(x, factor):
    channels = x.shape[-1] // factor**2
    return x[..., :channels].repeat(factor, 0).repeat(factor, 1)


@bank.mistake("Nothing is averaged in a shuffle: each number goes to a place of its own.")
def averaged(x, factor):
    mean = blocks_of(x, factor, "yxc").mean(axis=(2, 3))
    return mean.repeat(factor, 0).repeat(factor, 1)


@bank.mistake(
    "Only the first channel of each position is kept: the result has C channels, not one."
)
def one_channel(x, factor):
    return pixel_shuffle(x, factor)[..., :1]


@bank.mistake(
    "The result has the C channels that are left, in the last axis: do not drop or add an axis."
)
def squeezed(x, factor):
    return np.squeeze(pixel_shuffle(x, factor))


@bank.mistake("`factor` is the growth of each side: a block has factor * factor positions.")
def factor_is_the_count(x, factor):
    height, width, depth = x.shape
    return x.reshape(height, width * factor, depth // factor)


@bank.mistake("The height is to grow too: here all positions of a block lie in one row.")
def in_one_row(x, factor):
    height, width, depth = x.shape
    return x.reshape(height, width * factor**2, depth // factor**2)


@bank.mistake("The width is to grow too: here all positions of a block lie in one column.")
def in_one_column(x, factor):
    height, width, depth = x.shape
    cut = x.reshape(height, width, factor**2, depth // factor**2)
    return cut.transpose(0, 2, 1, 3).reshape(height * factor**2, width, -1)


@bank.mistake(
    "This is the way back, from positions to channels: the picture gets larger, the channels fewer."
)
def the_way_back(x, factor):
    height, width, depth = x.shape
    height, width = height // factor, width // factor
    cut = x[: height * factor, : width * factor].reshape(height, factor, width, factor, depth)
    return cut.transpose(0, 2, 1, 3, 4).reshape(height, width, -1)


@bank.mistake("The values stay as they are: do not divide by the number of positions.")
def divided(x, factor):
    return pixel_shuffle(x, factor) / factor**2


@bank.mistake(
    "The blocks of each row come in the opposite order: pixel (i, j) becomes the block that begins "
    "at (i * factor, j * factor)."
)
def pixels_reversed(x, factor):
    return pixel_shuffle(x[:, ::-1], factor)


@bank.mistake("Only one position of each block is written; the others have remained 0.")
def one_position_written(x, factor):
    height, width, depth = x.shape
    result = np.zeros((height * factor, width * factor, depth // factor**2))
    result[::factor, ::factor] = x[..., : depth // factor**2]
    return result
