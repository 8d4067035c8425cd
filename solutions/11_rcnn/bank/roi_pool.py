"""Answers to `roi_pool`, right and wrong."""

import math

import numpy as np
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import roi_pool

bank = Bank(roi_pool)
ONE_MORE = np.array([0, 0, 1, 1])  # for ends that are taken for the last pixel


# Right answers


@bank.accepted
def in_loops(features, roi, size):
    top, left, bottom, right = roi
    height, width = bottom - top, right - left
    result = np.zeros((size, size, features.shape[2]))
    for i in range(size):
        y1, y2 = math.floor(i * height / size), math.ceil((i + 1) * height / size)
        for j in range(size):
            x1, x2 = math.floor(j * width / size), math.ceil((j + 1) * width / size)
            for c in range(features.shape[2]):
                cells = features[top + y1 : top + y2, left + x1 : left + x2, c]
                result[i, j, c] = cells.max()
    return result


@bank.accepted
def rows_then_columns(features, roi, size):
    """A maximum of maxima, one axis after the other."""

    def pooled(array):
        count = len(array)
        edges = [(i * count // size, ((i + 1) * count + size - 1) // size) for i in range(size)]
        return np.stack([array[a:b].max(axis=0) for a, b in edges])

    region = features[roi[0] : roi[2], roi[1] : roi[3]]
    return pooled(pooled(region).swapaxes(0, 1)).swapaxes(0, 1)


@bank.accepted
def every_cell_tells_its_bins(features, roi, size):
    top, left, bottom, right = map(int, roi)
    height, width = bottom - top, right - left
    result = np.full((size, size, features.shape[-1]), -np.inf)
    for y, x in np.ndindex(height, width):
        for i in range(y * size // height, ((y + 1) * size - 1) // height + 1):
            for j in range(x * size // width, ((x + 1) * size - 1) // width + 1):
                result[i, j] = np.maximum(result[i, j], features[top + y, left + x])
    return result


@bank.accepted
def of_a_stretched_map(features, roi, size):
    """Each cell repeated `size` times, each bin as long as the region: windows without a rest."""
    top, left, bottom, right = (int(n) for n in roi)
    region = features[top:bottom, left:right]
    stretched = region.repeat(size, axis=0).repeat(size, axis=1)
    height, width, depth = region.shape
    return stretched.reshape(size, height, size, width, depth).max(axis=(1, 3))


@bank.accepted
def with_masks(features, roi, size):
    def inside(first, last, total):
        cells, i = np.arange(total) - first, np.arange(size)[:, None]
        length = last - first
        return (cells >= np.floor(i * length / size)) & (cells < np.ceil((i + 1) * length / size))

    rows, columns = inside(roi[0], roi[2], len(features)), inside(roi[1], roi[3], features.shape[1])
    both = rows[:, None, :, None, None] & columns[None, :, None, :, None]
    return np.where(both, features, -np.inf).max(axis=(2, 3))


@bank.accepted
def with_ops(features, roi, size):
    top, left, bottom, right = (int(n) for n in roi)
    region = ops.convert_to_tensor(features[None, top:bottom, left:right], "float32")
    stretched = ops.repeat(ops.repeat(region, size, axis=1), size, axis=2)
    return np.array(ops.max_pool(stretched, (bottom - top, right - left)))[0]


@bank.accepted
def with_a_layer(features, roi, size):
    region = features[roi[0] : roi[2], roi[1] : roi[3]]
    stretched = np.repeat(np.repeat(region, size, 0), size, 1)[None]
    return np.array(layers.MaxPooling2D(region.shape[:2])(stretched))[0]


# Wrong answers: what they are made of


def down(length, size):
    return [i * length // size for i in range(size)]


def up(length, size):
    return [-(-(i + 1) * length // size) for i in range(size)]


def next_down(length, size):
    return [(i + 1) * length // size for i in range(size)]


def pooled(
    features, roi, size, starts=down, ends=up, reduce=np.max, nothing=0.0, before=None, after=None
):
    """The model answer with other bins, another value of each, another region or result.

    A bin without a cell gives `nothing`, or an error where that is None.
    """
    roi = before(roi) if before else roi
    top, left, bottom, right = (int(n) for n in roi)
    region = features[top:bottom, left:right]
    result = np.zeros((size, size, features.shape[-1]))
    rows = [*zip(starts(len(region), size), ends(len(region), size), strict=True)]
    columns = [*zip(starts(region.shape[1], size), ends(region.shape[1], size), strict=True)]
    for i, j in np.ndindex(size, size):
        cells = region[slice(*rows[i]), slice(*columns[j])]
        if cells.size or nothing is None:
            result[i, j] = reduce(cells, axis=(0, 1))
        else:
            result[i, j] = nothing
    return after(result) if after else result


def whole(features, roi, size, before=None, after=None):
    """The model answer with the features or the result changed."""
    result = roi_pool(before(features) if before else features, roi, size)
    return after(result) if after else result


# What is done with a bin

bank.variant("mean", "The maximum of each bin is asked for, not its mean.", pooled, reduce=np.mean)
bank.variant(
    "minimum", "The maximum of each bin is asked for, not its minimum.", pooled, reduce=np.min
)
bank.variant("sum", "The maximum of each bin is asked for, not its sum.", pooled, reduce=np.sum)
bank.variant(
    "largest_absolute_value",
    "The maximum is asked for, with its sign; here the value farthest from 0 is taken, without it.",
    pooled,
    reduce=lambda cells, axis: np.abs(cells).max(axis=axis),
)
bank.variant(
    "never_below_0",
    "The maximum may be below 0: is it begun with 0 here? Begin with a value of the bin, or with "
    "minus infinity.",
    pooled,
    reduce=lambda cells, axis: np.maximum(cells.max(axis=axis), 0),
)
bank.variant(
    "first_cell",
    "Only the first cell of each bin is taken: its maximum is asked for.",
    pooled,
    reduce=lambda cells, axis: cells[0, 0],
)
bank.variant(
    "middle_cell",
    "Only the middle cell of each bin is taken: its maximum is asked for.",
    pooled,
    reduce=lambda cells, axis: cells[cells.shape[0] // 2, cells.shape[1] // 2],
)
bank.variant(
    "median", "The maximum of each bin is asked for, not its median.", pooled, reduce=np.median
)
bank.variant(
    "all_channels_together",
    "The maximum is taken over the channels too: each channel is pooled by itself.",
    pooled,
    reduce=lambda cells, axis: cells.max(),
)

# Where the bins lie

bank.variant(
    "ends_rounded_down",
    "The end of a bin is rounded up, so that bins overlap where the side is no multiple; here it "
    "is rounded down.",
    pooled,
    ends=next_down,
)
bank.variant(
    "ends_rounded_down_and_one_cell",
    "The end of a bin is rounded up; here it is rounded down, and a bin that would have no cell "
    "gets one.",
    pooled,
    ends=lambda n, size: [max(b, a + 1) for a, b in zip(down(n, size), next_down(n, size))],  # noqa: B905
)
bank.variant(
    "starts_rounded_up",
    "The beginning of a bin is rounded down; here it is rounded up.",
    pooled,
    starts=lambda n, size: [-(-i * n // size) for i in range(size)],
)
bank.variant(
    "edges_rounded",
    "Beginnings are rounded down and ends up; here both are rounded to the nearest whole number.",
    pooled,
    starts=lambda n, size: [int(i * n / size + 0.5) for i in range(size)],
    ends=lambda n, size: [int((i + 1) * n / size + 0.5) for i in range(size)],
)
bank.variant(
    "rest_cut_off",
    "All bins are h // size cells long here, one behind the other, and what is left over is cut "
    "off: every cell of the region belongs to a bin.",
    pooled,
    starts=lambda n, size: [i * (n // size) for i in range(size)],
    ends=lambda n, size: [(i + 1) * (n // size) for i in range(size)],
)
bank.variant(
    "rest_to_the_last",
    "All bins are h // size cells long here, and the last one gets what is left over; they are to "
    "be spread evenly.",
    pooled,
    starts=lambda n, size: [i * (n // size) for i in range(size)],
    ends=lambda n, size: [*((i + 1) * (n // size) for i in range(size - 1)), n],
)
bank.variant(
    "rest_to_the_first",
    "The bins are unequal parts without overlap here, the longer ones first, as `np.array_split` "
    "cuts; where the side is no multiple they overlap.",
    pooled,
    starts=lambda n, size: [i * (n // size) + min(i, n % size) for i in range(size)],
    ends=lambda n, size: [(i + 1) * (n // size) + min(i + 1, n % size) for i in range(size)],
)
bank.variant(
    "long_bins_in_a_row",
    "All bins are as long as h / size rounded up here, one behind the other, so that the last ones "
    "are short or empty; bin i begins at i * h / size rounded down.",
    pooled,
    starts=lambda n, size: [i * -(-n // size) for i in range(size)],
    ends=lambda n, size: [(i + 1) * -(-n // size) for i in range(size)],
)
bank.variant(
    "windows_with_a_stride",
    "All bins are equally long here, with a stride of h // size; bin i begins at i * h / size "
    "rounded down.",
    pooled,
    starts=lambda n, size: [i * (n // size) for i in range(size)],
    ends=lambda n, size: [n - (size - 1 - i) * (n // size) for i in range(size)],
)
bank.variant(
    "last_cell_of_a_bin_missing",
    "The last cell of each bin is missing: a slice leaves out its end already, do not take away 1.",
    pooled,
    ends=lambda n, size: [n - 1 for n in up(n, size)],
)
bank.variant(
    "one_cell_more",
    "Each bin reaches one cell too far: its end is exclusive.",
    pooled,
    ends=lambda n, size: [n + 1 for n in up(n, size)],
)
bank.variant(
    "bins_of_size_cells",
    "`size` is how many bins there are along an axis; here it is how many cells a bin has.",
    pooled,
    starts=lambda n, size: [i * size for i in range(size)],
    ends=lambda n, size: [(i + 1) * size for i in range(size)],
)
bank.variant(
    "up_to_the_end",
    "Each bin reaches to the end of the region here: it ends where (i + 1) * h / size is, rounded "
    "up.",
    pooled,
    ends=lambda n, size: [n] * size,
)
bank.variant(
    "from_the_beginning",
    "Each bin begins at the beginning of the region here: bin i begins at i * h / size, rounded "
    "down.",
    pooled,
    starts=lambda n, size: [0] * size,
)


@bank.mistake(
    "The bins of both axes are cut by the height here: those of the columns are cut by the width."
)
def height_for_both(features, roi, size):
    square = np.array([roi[0], roi[1], roi[2], roi[1] + roi[2] - roi[0]])
    return pooled(features, square, size)


@bank.mistake(
    "The bins of both axes are cut by the width here: those of the rows are cut by the height."
)
def width_for_both(features, roi, size):
    square = np.array([roi[0], roi[1], roi[0] + roi[3] - roi[1], roi[3]])
    return pooled(features, square, size)


@bank.mistake(
    "The bins are cut in the whole map and those cells taken that lie in the region: they are to "
    "be cut in the region."
)
def bins_of_the_whole_map(features, roi, size):
    outside = np.full(features.shape, -np.inf)
    outside[roi[0] : roi[2], roi[1] : roi[3]] = features[roi[0] : roi[2], roi[1] : roi[3]]
    result = pooled(outside, [0, 0, *features.shape[:2]], size)
    return np.where(np.isfinite(result), result, 0)


@bank.mistake(
    "y1 and x1 are divided by the size too; bin i begins at y1 + floor(i * h / size), and likewise "
    "along x."
)
def beginning_divided_too(features, roi, size):
    def cut(start, end):
        n = end - start
        return [((start + i * n) // size, -(-(start + (i + 1) * n) // size)) for i in range(size)]

    rows, columns = cut(roi[0], roi[2]), cut(roi[1], roi[3])
    return np.array([[features[a:b, c:d].max(axis=(0, 1)) for c, d in columns] for a, b in rows])


# The region

bank.variant(
    "ends_included",
    "The ends of the region are exclusive: here one row and one column too many are taken.",
    pooled,
    before=lambda roi: roi + ONE_MORE,
)
bank.variant(
    "last_line_left_out",
    "The ends of the region are exclusive already: here its last row and column are left out.",
    pooled,
    before=lambda roi: roi - ONE_MORE,
)
bank.variant(
    "x_first",
    "The region is (y1, x1, y2, x2); here it is taken for (x1, y1, x2, y2).",
    pooled,
    before=lambda roi: roi[[1, 0, 3, 2]],
)
bank.variant(
    "ends_second",
    "The region is (y1, x1, y2, x2); here it is taken for (y1, y2, x1, x2).",
    pooled,
    before=lambda roi: roi[[0, 2, 1, 3]],
)
bank.variant(
    "corner_and_size",
    "The last two numbers of the region are its end; here they are taken for height and width.",
    pooled,
    before=lambda roi: roi + np.array([0, 0, roi[0], roi[1]]),
)
bank.variant(
    "from_the_corner_of_the_map",
    "The region has the right size, but begins at the corner of the map: add y1 and x1.",
    pooled,
    before=lambda roi: roi - [roi[0], roi[1], roi[0], roi[1]],
)


@bank.mistake("The whole map is pooled; only the region is to be.")
def whole_map(features, roi, size):
    return pooled(features, [0, 0, *features.shape[:2]], size)


@bank.mistake(
    "The region is in cells of the map already; here it is divided by a stride first, as if it "
    "were in pixels."
)
def divided_by_a_stride(features, roi, size):
    return pooled(features, np.array([*(roi[:2] // 2), *np.maximum(-(-roi[2:] // 2), 1)]), size)


# Other ways to a fixed size


@bank.mistake(
    "The region is resized bilinearly: that is no pooling, a bin's largest value is lost in it."
)
def resized_bilinearly(features, roi, size):
    region = features[roi[0] : roi[2], roi[1] : roi[3]].astype("float32")
    return np.array(ops.image.resize(region, (size, size), "bilinear"))


@bank.mistake("The region is cut out and returned as it is: it is to be pooled.")
def not_pooled(features, roi, size):
    return features[roi[0] : roi[2], roi[1] : roi[3]]


# The result

bank.variant(
    "sides_exchanged",
    "Rows and columns of the result are exchanged.",
    whole,
    after=lambda r: r.swapaxes(0, 1),
)
bank.variant(
    "channels_first",
    "The channels come last in the result: (size, size, C).",
    whole,
    after=lambda r: np.moveaxis(r, -1, 0),
)
bank.variant(
    "flat",
    "The values are right, but in one long row: the result is (size, size, C).",
    whole,
    after=np.ravel,
)
bank.variant(
    "first_channel_only",
    "Only the first channel is pooled: all are.",
    whole,
    after=lambda r: np.broadcast_to(r[..., :1], r.shape),
)
bank.variant(
    "batch_of_one",
    "The result has an axis of length 1 in front: it is (size, size, C).",
    whole,
    after=lambda r: r[None],
)
