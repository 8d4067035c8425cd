"""Answers to `shift_and_stitch`, right and wrong."""

import itertools

import numpy as np
from keras import ops

from autograder.setting.bank import Bank

from ..tasks import shift_and_stitch

bank = Bank(shift_and_stitch)


# Right answers


@bank.accepted
def into_one_that_is_large_enough(predict, image, factor):
    """An array that is too large; what was written last says where it ends."""
    classes = predict(image).shape[-1]
    dense = np.zeros((image.shape[0] + factor, image.shape[1] + factor, classes))
    bottom = right = 0
    for i in range(factor):
        for j in range(factor):
            part = predict(image[i:, j:])
            rows, columns = len(part), part.shape[1]
            dense[i : i + rows * factor : factor, j : j + columns * factor : factor] = part
            bottom = max(bottom, i + (rows - 1) * factor + 1)
            right = max(right, j + (columns - 1) * factor + 1)
    return dense[:bottom, :right]


@bank.accepted
def pixel_by_pixel(predict, image, factor):
    """A dictionary from positions to outputs, laid out in the end."""
    found = {}
    for i, j in itertools.product(range(factor), repeat=2):
        for (y, x), _ in np.ndenumerate((part := predict(image[i:, j:]))[..., 0]):
            found[i + y * factor, j + x * factor] = part[y, x]
    height, width = (1 + max(place[axis] for place in found) for axis in (0, 1))
    return np.array([[found[y, x] for x in range(width)] for y in range(height)])


@bank.accepted
def one_axis_after_the_other(predict, image, factor):
    """Columns are interleaved within each shift of the rows, then the rows."""

    def zipped(parts, axis):
        moved = [np.moveaxis(part, axis, 0) for part in parts]
        lines = itertools.chain.from_iterable(itertools.zip_longest(*moved))
        return np.stack([line for line in lines if line is not None], axis=axis)

    rows = [zipped([predict(image[i:, j:]) for j in range(factor)], axis=1) for i in range(factor)]
    return zipped(rows, axis=0)


@bank.accepted
def as_a_pixel_shuffle(predict, image, factor):
    """Zeros behind the picture make all parts alike: what they add is cut off in the end."""
    image = np.asarray(image)
    shifts = [(i, j) for i in range(factor) for j in range(factor)]
    height = sum(predict(image[i:]).shape[0] for i in range(factor))
    width = sum(predict(image[:, j:]).shape[1] for j in range(factor))
    longer = np.pad(image, [(0, factor), (0, factor), (0, 0)])
    rows, columns, classes = predict(image).shape
    parts = [predict(longer[i:, j:])[:rows, :columns] for i, j in shifts]
    blocks = np.stack(parts, axis=2).reshape(rows, columns, factor, factor, classes)
    whole = blocks.transpose(0, 2, 1, 3, 4).reshape(rows * factor, columns * factor, classes)
    return whole[:height, :width]


@bank.accepted
def rolled(predict, image, factor):
    """Pictures that wrap round: what has wrapped is cut off."""
    height = sum(len(predict(image[i:])) for i in range(factor))
    width = sum(predict(image[:, j:]).shape[1] for j in range(factor))
    rows, columns, classes = predict(image).shape
    dense = np.empty((rows * factor, columns * factor, classes))
    for i, j in np.ndindex(factor, factor):
        dense[i::factor, j::factor] = predict(np.roll(image, (-i, -j), axis=(0, 1)))
    return dense[:height, :width]


@bank.accepted
def by_scattered_indices(predict, image, factor):
    parts = {(i, j): predict(image[i:, j:]) for i, j in np.ndindex(factor, factor)}
    lines, columns, values = [], [], []
    for (i, j), part in parts.items():
        y, x = np.indices(part.shape[:2])
        lines.append((i + factor * y).ravel())
        columns.append((j + factor * x).ravel())
        values.append(part.reshape(-1, part.shape[-1]))
    y, x = np.concatenate(lines), np.concatenate(columns)
    order = np.lexsort((x, y))
    return np.concatenate(values)[order].reshape(y.max() + 1, x.max() + 1, -1)


@bank.accepted
def with_ops(predict, image, factor):
    parts = [[predict(image[i:, j:]) for j in range(factor)] for i in range(factor)]
    total = 0
    height, width = sum(len(row[0]) for row in parts), sum(p.shape[1] for p in parts[0])
    for i, row in enumerate(parts):
        for j, part in enumerate(row):
            spread = np.zeros((height, width, part.shape[-1]))
            spread[i::factor, j::factor] = part
            total = total + ops.convert_to_tensor(spread.astype("float32"))
    return ops.convert_to_numpy(total)


# Wrong answers: what they are made of


def parts_of(predict, image, factor):
    """The maps of all shifted pictures by their shifts."""
    return {(i, j): predict(image[i:, j:]) for i, j in np.ndindex(factor, factor)}


def size_of(parts, factor):
    """Height and width of the dense output."""
    height = sum(len(parts[i, 0]) for i in range(factor))
    return height, sum(parts[0, j].shape[1] for j in range(factor))


def laid(predict, image, factor, place=lambda i, j, f: (i, j), kept=lambda i, j: True, empty=0.0):
    """The model answer where the map of a shift goes to another place, or is not kept."""
    parts = parts_of(predict, image, factor)
    dense = np.full((*size_of(parts, factor), parts[0, 0].shape[-1]), empty)
    for (i, j), part in parts.items():
        if kept(i, j):
            y, x = place(i, j, factor)
            room = dense[y::factor, x::factor]
            rows, columns = (min(a, b) for a, b in zip(room.shape[:2], part.shape[:2], strict=True))
            room[:rows, :columns] = part[:rows, :columns]
    return dense


def changed(predict, image, factor, before=lambda image: image, after=lambda dense: dense):
    return after(shift_and_stitch(predict, before(image), factor))


def cut(predict, image, factor, sides):
    """The model answer's first rows and columns: `sides` takes the parts and the factor."""
    dense = shift_and_stitch(predict, image, factor)
    height, width = sides(parts_of(predict, image, factor), factor)
    return dense[:height, :width]


# How the picture is shifted


NEVER_SHIFTED = (
    "All maps begin at the first pixel of the picture, so that the same outputs fill a whole "
    "block: a shifted picture lacks the first rows and columns."
)
ZEROS_BEFORE = (
    "The picture is shifted the wrong way: zeros are put before it, which moves it down and right; "
    "its first rows and columns are to be left out instead."
)


@bank.mistake(ZEROS_BEFORE)
def zeros_before_and_not_cut(predict, image, factor):
    rows, columns, classes = predict(image).shape
    dense = np.zeros((rows * factor, columns * factor, classes))
    for i, j in np.ndindex(factor, factor):
        moved = np.pad(image, [(i, 0), (j, 0), (0, 0)])[: image.shape[0], : image.shape[1]]
        dense[i::factor, j::factor] = predict(moved)
    return dense


@bank.mistake(ZEROS_BEFORE)
def zeros_before(predict, image, factor):
    height, width = size_of(parts_of(predict, image, factor), factor)
    return zeros_before_and_not_cut(predict, image, factor)[:height, :width]


@bank.mistake(
    "The picture wraps round where it is shifted: rows and columns that leave it come back at its "
    "end, and all maps are as large as the first; leave them out instead."
)
def wrapped_round(predict, image, factor):
    rows, columns, classes = predict(image).shape
    dense = np.empty((rows * factor, columns * factor, classes))
    for i, j in np.ndindex(factor, factor):
        dense[i::factor, j::factor] = predict(np.roll(image, (-i, -j), axis=(0, 1)))
    return dense


@bank.mistake(NEVER_SHIFTED)
def never_shifted(predict, image, factor):
    height, width = size_of(parts_of(predict, image, factor), factor)
    return predict(image).repeat(factor, 0).repeat(factor, 1)[:height, :width]


bank.variant(
    "never_shifted_nor_cut",
    NEVER_SHIFTED,
    lambda predict, image, factor: predict(image).repeat(factor, 0).repeat(factor, 1),
)


@bank.mistake(
    "Outputs of one run are interpolated; the dense output is not made up, it is what the net "
    "gives on shifted pictures."
)
def interpolated(predict, image, factor):
    height, width = size_of(parts_of(predict, image, factor), factor)
    coarse = predict(image)
    for axis, size in enumerate((height, width)):
        places = np.minimum(np.arange(size) / factor, coarse.shape[axis] - 1)
        first = np.floor(places).astype(int)
        second = np.minimum(first + 1, coarse.shape[axis] - 1)
        share = (places - first).reshape([-1, 1, 1] if axis == 0 else [-1, 1])
        coarse = (1 - share) * coarse.take(first, axis) + share * coarse.take(second, axis)
    return coarse


bank.variant(
    "equal_shifts_only",
    "Only shifts that are equal down and right are made: all factor * factor pairs are needed.",
    laid,
    kept=lambda i, j: i == j,
)


@bank.mistake(
    "The picture is shifted down and right by whole steps of `factor`: the shifts go from 0 to "
    "factor - 1 pixels."
)
def shifted_by_whole_steps(predict, image, factor):
    parts = parts_of(predict, image, factor)
    dense = np.zeros((*size_of(parts, factor), parts[0, 0].shape[-1]))
    for i, j in np.ndindex(factor, factor):
        room = dense[i::factor, j::factor]
        part = parts[0, 0][i:, j:]
        room[: part.shape[0], : part.shape[1]] = part[: room.shape[0], : room.shape[1]]
    return dense


@bank.mistake(
    "The shifts go from 1 to `factor` here, from 0 to factor - 1 are meant: the picture as it is "
    "gives the first positions."
)
def shifts_from_one(predict, image, factor):
    height, width = size_of(parts_of(predict, image, factor), factor)
    padded = np.pad(image, [(0, factor), (0, factor), (0, 0)])
    dense = np.zeros((height, width, predict(image).shape[-1]))
    for i, j in np.ndindex(factor, factor):
        room = dense[i::factor, j::factor]
        part = predict(padded[i + 1 :, j + 1 :])
        room[...] = part[: room.shape[0], : room.shape[1]]
    return dense


@bank.mistake(
    "The shifts go from 0 to factor - 1; here the last one is missing, down and to the side, and "
    "its places stay empty: does a loop end one step too early?"
)
def last_shift_missing(predict, image, factor):
    last = max(factor - 1, 1)
    return laid(predict, image, factor, kept=lambda i, j: max(i, j) < last)


@bank.mistake("The picture is to be shifted to the side too: here the columns are repeated.")
def rows_shifted_only(predict, image, factor):
    parts = parts_of(predict, image, factor)
    height, width = size_of(parts, factor)
    dense = np.zeros((height, width, parts[0, 0].shape[-1]))
    for i in range(factor):
        dense[i::factor] = parts[i, 0].repeat(factor, 1)[:, :width]
    return dense


@bank.mistake("The picture is to be shifted down too: here the rows are repeated.")
def columns_shifted_only(predict, image, factor):
    parts = parts_of(predict, image, factor)
    height, width = size_of(parts, factor)
    dense = np.zeros((height, width, parts[0, 0].shape[-1]))
    for j in range(factor):
        dense[:, j::factor] = parts[0, j].repeat(factor, 0)[:height]
    return dense


@bank.mistake(
    "This is the dense output down only: the columns stand `factor` apart still, so the picture is "
    "to be shifted to the side too."
)
def only_down(predict, image, factor):
    return shift_and_stitch(predict, image, factor)[:, ::factor]


@bank.mistake(
    "This is the dense output to the right only: the rows stand `factor` apart still, so the "
    "picture is to be shifted down too."
)
def only_right(predict, image, factor):
    return shift_and_stitch(predict, image, factor)[::factor]


# How the maps are put together

bank.variant(
    "shifts_swapped",
    "Rows and columns are exchanged in stitching: the map of image[i:, j:] goes to the rows from i "
    "on and the columns from j on.",
    laid,
    place=lambda i, j, f: (j, i),
)

bank.variant(
    "shifts_reversed",
    "The maps are interleaved in the opposite order: that of image[i:, j:] goes to the rows from i "
    "on and the columns from j on.",
    laid,
    place=lambda i, j, f: (f - 1 - i, f - 1 - j),
)

bank.variant(
    "other_way_round",
    "The shifts are taken for the other direction: the map of image[i:, j:] begins i rows further "
    "down, not further up.",
    laid,
    place=lambda i, j, f: (-i % f, -j % f),
)


@bank.mistake(
    "The maps are laid side by side; they are to be interleaved, so that neighbouring positions "
    "lie side by side."
)
def side_by_side(predict, image, factor):
    parts = parts_of(predict, image, factor)
    rows = [np.concatenate([parts[i, j] for j in range(factor)], axis=1) for i in range(factor)]
    return np.concatenate(rows, axis=0)


@bank.mistake(
    "The maps are averaged; each is to be put in places of its own, interleaved with the others."
)
def averaged(predict, image, factor):
    parts = parts_of(predict, image, factor)
    rows, columns = parts[factor - 1, factor - 1].shape[:2]
    return np.mean([part[:rows, :columns] for part in parts.values()], axis=0)


@bank.mistake(
    "The maps stand in an axis of their own, or behind one another as channels; they are to be "
    "interleaved into one map."
)
def as_channels(predict, image, factor):
    parts = parts_of(predict, image, factor)
    rows, columns = parts[factor - 1, factor - 1].shape[:2]
    return np.concatenate([part[:rows, :columns] for part in parts.values()], axis=-1)


# How large the dense output is

bank.variant(
    "cut_to_the_smallest",
    "All maps are cut to the size of the smallest here: they may have unequal sizes, and every row "
    "and column of them counts.",
    cut,
    sides=lambda parts, f: tuple(f * side for side in parts[f - 1, f - 1].shape[:2]),
)


@bank.mistake(
    "The dense output is not `factor` times the map of the picture that is not shifted: where the "
    "shifted ones are smaller its last rows and columns do not exist."
)
def zeros_at_the_end(predict, image, factor):
    parts = parts_of(predict, image, factor)
    rows, columns, classes = parts[0, 0].shape
    dense = np.zeros((rows * factor, columns * factor, classes))
    for (i, j), part in parts.items():
        y, x = i + part.shape[0] * factor, j + part.shape[1] * factor
        dense[i:y:factor, j:x:factor] = part
    return dense


@bank.mistake(
    "The dense output ends where the window of the net reaches the end of the picture; here it "
    "goes on over zeros, or over a picture that wraps round."
)
def zeros_behind_the_picture(predict, image, factor):
    rows, columns, classes = predict(image).shape
    longer = np.pad(image, [(0, factor), (0, factor), (0, 0)])
    dense = np.empty((rows * factor, columns * factor, classes))
    for i, j in np.ndindex(factor, factor):
        dense[i::factor, j::factor] = predict(longer[i:, j:])[:rows, :columns]
    return dense


@bank.mistake(
    "The dense output is not as large as the picture: it ends where the window of the net reaches "
    "the end of the picture."
)
def as_large_as_the_picture(predict, image, factor):
    dense = shift_and_stitch(predict, image, factor)
    behind = [(0, a - b) for a, b in zip(image.shape[:2], dense.shape[:2], strict=True)]
    return np.pad(dense, [*behind, (0, 0)])


@bank.mistake(
    "Height and width of the dense output are two numbers: here its width follows from the rows of "
    "the maps, or its height from their columns."
)
def square(predict, image, factor):
    dense = shift_and_stitch(predict, image, factor)
    side = min(dense.shape[:2])
    return dense[:side, :side]


bank.variant(
    "last_line_missing",
    "The last row and the last column of the dense output are missing.",
    changed,
    after=lambda dense: dense[:-1, :-1],
)


# What the net is given, and what it gives

bank.variant(
    "first_class",
    "Only the first channel of the net's output is kept: the dense output has all K of them.",
    changed,
    after=lambda dense: dense[..., :1],
)

bank.variant(
    "largest_class",
    "The dense output holds the net's numbers as they are, not the number of the largest one.",
    changed,
    after=lambda dense: dense.argmax(axis=-1).astype(float),
)

bank.variant(
    "transposed",
    "Height and width of the dense output are exchanged.",
    changed,
    after=lambda dense: dense.swapaxes(0, 1),
)


@bank.mistake(
    "The picture is sampled for the net, every `factor`-th pixel of it: shift it only, the net has "
    "the stride itself."
)
def sampled(predict, image, factor):
    height, width = size_of(parts_of(predict, image, factor), factor)
    longer = np.pad(image, [(0, side * factor) for side in image.shape[:2]] + [(0, 0)])
    dense = np.zeros((height, width, predict(image).shape[-1]))
    for i, j in np.ndindex(factor, factor):
        room = dense[i::factor, j::factor]
        part = predict(longer[i::factor, j::factor])
        rows, columns = (min(a, b) for a, b in zip(room.shape[:2], part.shape[:2], strict=True))
        room[:rows, :columns] = part[:rows, :columns]
    return dense
