"""Answers to `iou`, right and wrong."""

import numpy as np
from keras import ops

from autograder.setting.bank import Bank

from ..tasks import areas, iou

bank = Bank(iou)
ONE_MORE = np.array([0, 0, 1, 1])  # for ends that are taken for the last pixel


# Right answers


@bank.accepted
def in_loops(a, b):
    result = np.zeros((len(a), len(b)))
    for i, (top, left, bottom, right) in enumerate(a):
        for j, (y1, x1, y2, x2) in enumerate(b):
            height = min(bottom, y2) - max(top, y1)
            width = min(right, x2) - max(left, x1)
            if height > 0 and width > 0:
                total = (bottom - top) * (right - left) + (y2 - y1) * (x2 - x1)
                result[i, j] = height * width / (total - height * width)
    return result


@bank.accepted
def column_by_column(a, b):
    columns = []
    for box in b:
        sides = np.minimum(a[:, 2:], box[2:]) - np.maximum(a[:, :2], box[:2])
        common = np.where((sides > 0).all(axis=1), sides[:, 0] * sides[:, 1], 0.0)
        columns.append(common / np.maximum(areas(a) + areas(box) - common, 1e-12))
    return np.stack(columns, axis=1) if columns else np.zeros((len(a), 0))


@bank.accepted
def with_a_small_number(a, b):
    y1, x1, y2, x2 = (a[:, k, None] for k in range(4))
    top, left, bottom, right = b.T
    height = (np.minimum(y2, bottom) - np.maximum(y1, top)).clip(min=0)
    width = (np.minimum(x2, right) - np.maximum(x1, left)).clip(min=0)
    first, second = (y2 - y1) * (x2 - x1), (bottom - top) * (right - left)
    union = np.maximum(first, 0) + np.maximum(second, 0) - height * width
    return height * width / (union + 1e-9)


@bank.accepted
def with_nothing_for_not_a_number(a, b):
    sides = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    common = np.prod(np.clip(sides, 0, None), axis=-1)
    with np.errstate(all="ignore"):
        return np.nan_to_num(common / (areas(a)[:, None] + areas(b)[None] - common))


@bank.accepted
def with_ops(a, b):
    a, b = ops.convert_to_tensor(a, "float32"), ops.convert_to_tensor(b, "float32")
    starts = ops.maximum(a[:, None, :2], b[None, :, :2])
    sides = ops.relu(ops.minimum(a[:, None, 2:], b[None, :, 2:]) - starts)
    common = sides[..., 0] * sides[..., 1]
    first, second = (ops.prod(ops.relu(x[:, 2:] - x[:, :2]), axis=1) for x in (a, b))
    union = first[:, None] + second[None] - common
    return np.array(ops.where(common > 0, common / ops.maximum(union, 1e-6), 0.0))


@bank.accepted
def by_lengths_of_lines(a, b):
    """The overlap of two lines is what both together have too much for the line that spans both."""

    def common(first, second, axis):
        ends = first[:, None, [axis, axis + 2]], second[None, :, [axis, axis + 2]]
        lengths = [np.maximum(e[..., 1] - e[..., 0], 0) for e in ends]
        span = np.maximum(ends[0][..., 1], ends[1][..., 1])
        span = span - np.minimum(ends[0][..., 0], ends[1][..., 0])
        return np.where(lengths[0] * lengths[1] > 0, np.maximum(sum(lengths) - span, 0), 0)

    both = common(a, b, 0) * common(a, b, 1)
    share = np.zeros(both.shape)
    np.divide(both, areas(a)[:, None] + areas(b) - both, out=share, where=both > 0)
    return share


# Wrong answers: what they are made of


def parts(a, b, cut=True):
    """Height and width of what is common, and the areas of both."""
    sides = np.minimum(a[:, None, 2:], b[:, 2:]) - np.maximum(a[:, None, :2], b[:, :2])
    sides = np.maximum(sides, 0) if cut else sides
    shape = sides.shape[:2]
    first = np.broadcast_to(areas(a)[:, None], shape)
    return sides[..., 0], sides[..., 1], first, np.broadcast_to(areas(b), shape)


def over(a, b, what, scale=1.0):
    """The common area over something else."""
    height, width, first, second = parts(a, b)
    common = height * width
    below = np.asarray(what(common, first, second))
    return scale * common / np.where(below > 0, below, 1)


def read(a, b, meaning):
    """The model answer, where the four numbers of a box are taken for something else."""
    return iou(*(np.stack(meaning(*boxes.T), axis=1) for boxes in (a, b)))


def after(a, b, change):
    """The model answer with the result changed."""
    return change(iou(a, b))


def unclipped(a, b, cut):
    """The common area where a negative height or width is not cut off, or too late."""
    height, width, first, second = parts(a, b, cut=False)
    common = cut(height, width)
    union = first + second - common
    return common / np.where(union != 0, union, 1)


# The common part

bank.variant(
    "nothing_cut_off",
    "Boxes that lie apart have nothing in common: a negative height or width of the common part "
    "must become 0.",
    unclipped,
    cut=lambda h, w: h * w,
)

bank.variant(
    "product_cut_off",
    "Height and width of the common part must each become 0 where they are negative: the product "
    "of two negative ones is positive, so that boxes diagonally apart seem to overlap.",
    unclipped,
    cut=lambda h, w: np.maximum(h * w, 0),
)

bank.variant(
    "only_height_cut_off",
    "A negative height of the common part becomes 0 here, a negative width does not.",
    unclipped,
    cut=lambda h, w: np.maximum(h, 0) * w,
)

bank.variant(
    "only_width_cut_off",
    "A negative width of the common part becomes 0 here, a negative height does not.",
    unclipped,
    cut=lambda h, w: h * np.maximum(w, 0),
)

bank.variant(
    "absolute_sides",
    "A negative height or width of the common part means that there is none; here its absolute "
    "value is taken.",
    unclipped,
    cut=lambda h, w: np.abs(h) * np.abs(w),
)


@bank.mistake("The common part is an area, its height times its width; here the two are added.")
def sides_added(a, b):
    height, width, first, second = parts(a, b)
    common = height + width
    union = first + second - common
    return common / np.where(union > 0, union, 1) * (union > 0)


@bank.mistake(
    "What is taken for the common part is the box around both: it begins at the larger of the two "
    "beginnings and ends at the smaller of the two ends."
)
def around_both(a, b):
    sides = np.maximum(a[:, None, 2:], b[:, 2:]) - np.minimum(a[:, None, :2], b[:, :2])
    around = np.prod(sides, axis=-1)
    below = areas(a)[:, None] + areas(b) - around
    return around / np.where(below != 0, below, 1)


@bank.mistake(
    "Boxes that lie apart have nothing in common, and one that ends before it begins has no area: "
    "a negative height or width must become 0 in both; here in neither."
)
def nowhere_cut_off(a, b):
    sides = np.minimum(a[:, None, 2:], b[:, 2:]) - np.maximum(a[:, None, :2], b[:, :2])
    common = np.prod(sides, axis=-1)
    first, second = (np.prod(x[:, 2:] - x[:, :2], axis=1) for x in (a, b))
    union = first[:, None] + second - common
    return common / np.where(union > 0, union, 1)


# What it is divided by

bank.variant(
    "common_area",
    "This is the area of the common part; it must be divided by the area of the union.",
    over,
    what=lambda common, first, second: np.ones_like(common),
)
bank.variant(
    "over_the_sum",
    "The union is not the sum of both areas: the common part is counted twice there.",
    over,
    what=lambda common, first, second: first + second,
)
bank.variant(
    "dice",
    "This is twice the common part over the sum of the areas (the Dice coefficient); the common "
    "part over the union is meant.",
    over,
    what=lambda common, first, second: first + second,
    scale=2.0,
)
bank.variant(
    "common_added",
    "The union is both areas less the common part; here the common part is added.",
    over,
    what=lambda common, first, second: first + second + common,
)
bank.variant(
    "common_taken_twice",
    "The union is both areas less the common part once; here it is taken away twice, so that only "
    "what the boxes do not share is left below.",
    over,
    what=lambda common, first, second: first + second - 2 * common,
)
bank.variant(
    "over_the_smaller",
    "The common part is divided by the area of the smaller box; divide by that of the union.",
    over,
    what=lambda common, first, second: np.minimum(first, second),
)
bank.variant(
    "over_the_larger",
    "The common part is divided by the area of the larger box; divide by that of the union.",
    over,
    what=lambda common, first, second: np.maximum(first, second),
)
bank.variant(
    "over_a",
    "The common part is divided by the area of the box of `a`; divide by that of the union.",
    over,
    what=lambda common, first, second: first,
)
bank.variant(
    "over_b",
    "The common part is divided by the area of the box of `b`; divide by that of the union.",
    over,
    what=lambda common, first, second: second,
)
bank.variant(
    "a_twice",
    "The union needs the areas of both boxes; here that of the box of `a` is taken twice.",
    over,
    what=lambda common, first, second: 2 * first - common,
)
bank.variant(
    "b_twice",
    "The union needs the areas of both boxes; here that of the box of `b` is taken twice.",
    over,
    what=lambda common, first, second: 2 * second - common,
)
bank.variant(
    "one_more_below",
    "The union is a pixel too large: is 1 added, so as not to divide by 0? That changes all other "
    "values too.",
    over,
    what=lambda common, first, second: first + second - common + 1,
)


@bank.mistake(
    "The common part is divided by the area of the box around both, as it is too where overlaps "
    "along y and along x are multiplied; the union is what at least one of the two covers."
)
def over_the_hull(a, b):
    height, width, _, _ = parts(a, b)
    sides = np.maximum(a[:, None, 2:], b[:, 2:]) - np.minimum(a[:, None, :2], b[:, :2])
    hull = np.prod(np.maximum(sides, 0), axis=-1)
    return height * width / np.where(hull > 0, hull, 1)


@bank.mistake("Only heights are compared here: areas are asked for, which widths belong to.")
def along_y_only(a, b):
    return iou(a * [1, 0, 1, 0] + [0, 0, 0, 1], b * [1, 0, 1, 0] + [0, 0, 0, 1])


@bank.mistake("Only widths are compared here: areas are asked for, which heights belong to.")
def along_x_only(a, b):
    return iou(a * [0, 1, 0, 1] + [0, 0, 1, 0], b * [0, 1, 0, 1] + [0, 0, 1, 0])


# What the four numbers are


@bank.mistake(
    "Ends are where a box ends, not its last pixel: its height is y2 - y1; here 1 is added to each "
    "side."
)
def ends_included(a, b):
    return iou(a + ONE_MORE, b + ONE_MORE)


bank.variant(
    "corner_and_size",
    "The last two numbers of a box are its lower right corner; here they are taken for height and "
    "width.",
    read,
    meaning=lambda y1, x1, y2, x2: (y1, x1, y1 + y2, x1 + x2),
)
bank.variant(
    "centre_and_size",
    "A box is two corners, (y1, x1, y2, x2); here it is taken for a centre and a size.",
    read,
    meaning=lambda y, x, h, w: (y - h / 2, x - w / 2, y + h / 2, x + w / 2),
)
bank.variant(
    "ends_second",
    "The order is (y1, x1, y2, x2); here it is taken for (y1, y2, x1, x2).",
    read,
    meaning=lambda y1, y2, x1, x2: (y1, x1, y2, x2),
)
bank.variant(
    "whole_pixels",
    "Corners may lie anywhere: they are not to be rounded to whole pixels.",
    read,
    meaning=lambda *numbers: [np.round(n) for n in numbers],
)
bank.variant(
    "cut_at_zero",
    "A box may hang over the picture, with numbers below 0; here it is cut off at 0.",
    read,
    meaning=lambda *numbers: [np.maximum(n, 0) for n in numbers],
)
bank.variant(
    "corners_exchanged",
    "A box that ends before it begins is empty and overlaps nothing; here beginning and end are "
    "exchanged, so that it is a box.",
    read,
    meaning=lambda y1, x1, y2, x2: (
        np.minimum(y1, y2), np.minimum(x1, x2), np.maximum(y1, y2), np.maximum(x1, x2),
    ),
)  # fmt: skip

# Empty boxes


@bank.mistake(
    "Two boxes without area give 0 here, not 0 / 0: look at the union before you divide, or see to "
    "it that it is never 0."
)
def nothing_over_nothing(a, b):
    height, width, first, second = parts(a, b)
    with np.errstate(all="ignore"):
        return height * width / (first + second - height * width)


@bank.mistake(
    "The union of two boxes can be 0 where both are empty or one ends before it begins: the result "
    "is 0 then, and nothing is divided."
)
def areas_below_zero(a, b):
    height, width, _, _ = parts(a, b)
    first, second = (np.prod(x[:, 2:] - x[:, :2], axis=1) for x in (a, b))
    with np.errstate(all="ignore"):
        return height * width / (first[:, None] + second - height * width)


@bank.mistake("Two boxes without area overlap by 0; here by 1, as if they were alike.")
def empty_ones_alike(a, b):
    empty = (areas(a) == 0)[:, None] & (areas(b) == 0)
    return np.where(empty, 1.0, iou(a, b))


# The result

bank.variant(
    "transposed",
    "Rows stand for the boxes of `a` and columns for those of `b`; here it is the other way round.",
    after,
    change=lambda r: r.T,
)
bank.variant(
    "in_percent", "A share of 0 to 1 is asked for, not percent.", after, change=lambda r: 100 * r
)
bank.variant(
    "distance",
    "This is 1 - IoU, the distance; the overlap is asked for.",
    after,
    change=lambda r: 1 - r,
)
bank.variant(
    "flat",
    "All values are there, but in one long row: the result has a row for each box of `a`.",
    after,
    change=lambda r: r.reshape(-1),
)
bank.variant(
    "matrix_of_pairs_lost",
    "Each box of `a` is compared with the box of `b` at the same place only: every one of `a` is "
    "to be compared with every one of `b`.",
    after,
    change=lambda r: np.diagonal(r).copy(),
)
bank.variant(
    "only_the_best",
    "For each box of `a` only the largest overlap is returned; all of them are asked for.",
    after,
    change=lambda r: r.max(axis=1, initial=0.0),
)
bank.variant(
    "yes_or_no",
    "Each overlap is a number between 0 and 1; here it is only said whether there is one.",
    after,
    change=lambda r: (r > 0) * 1.0,
)


@bank.mistake(
    "The overlap is lowered by the empty part of the box around both (the generalised IoU): leave "
    "that away."
)
def generalised(a, b):
    height, width, first, second = parts(a, b)
    union = first + second - height * width
    sides = np.maximum(a[:, None, 2:], b[:, 2:]) - np.minimum(a[:, None, :2], b[:, :2])
    hull = np.prod(np.maximum(sides, 0), axis=-1)
    return iou(a, b) - (hull - union) / np.where(hull > 0, hull, 1)
