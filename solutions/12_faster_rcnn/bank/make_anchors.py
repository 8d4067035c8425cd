"""Answers to `make_anchors`, right and wrong."""

import itertools
import math

import numpy as np
from keras import ops

from autograder.setting.bank import Bank

from ..tasks import make_anchors

bank = Bank(make_anchors)


# Right answers


@bank.accepted
def in_four_loops(height, width, stride, scales, ratios):
    anchors = []
    for row in range(height):
        for column in range(width):
            y, x = (row + 0.5) * stride, (column + 0.5) * stride
            for scale in scales:
                for ratio in ratios:
                    h = scale * math.sqrt(ratio)
                    w = h / ratio
                    anchors.append((y - h / 2, x - w / 2, y + h / 2, x + w / 2))
    return np.array(anchors)


@bank.accepted
def written_into_an_array(height, width, stride, scales, ratios):
    """One place of a large array for each anchor, by broadcasting."""
    result = np.empty((height, width, len(scales), len(ratios), 4))
    rows = stride * np.arange(height)[:, None, None, None] + stride / 2
    columns = stride * np.arange(width)[:, None, None] + stride / 2
    half_height = np.outer(scales, np.power(ratios, 0.5)) / 2
    half_width = np.outer(scales, np.power(ratios, -0.5)) / 2
    result[..., 0], result[..., 2] = rows - half_height, rows + half_height
    result[..., 1], result[..., 3] = columns - half_width, columns + half_width
    return result.reshape(-1, 4)


@bank.accepted
def base_anchors_shifted(height, width, stride, scales, ratios):
    """Anchors about the origin, and the same for each cell, moved."""
    base = np.array(
        [
            [-s * r**0.5 / 2, -s / r**0.5 / 2, s * r**0.5 / 2, s / r**0.5 / 2]
            for s, r in itertools.product(scales, ratios)
        ]
    )
    y, x = np.meshgrid(np.arange(height) + 0.5, np.arange(width) + 0.5, indexing="ij")
    shifts = stride * np.stack([y.ravel(), x.ravel(), y.ravel(), x.ravel()], axis=1)
    return (shifts[:, None] + base[None]).reshape(-1, 4)


@bank.accepted
def from_the_number_of_the_anchor(height, width, stride, scales, ratios):
    """Which cell, scale and ratio an anchor has follows from its number."""
    number = np.arange(height * width * len(scales) * len(ratios))
    number, ratio = np.divmod(number, len(ratios))
    number, scale = np.divmod(number, len(scales))
    row, column = np.divmod(number, width)
    area, ratio = np.square(np.asarray(scales)[scale]), np.asarray(ratios)[ratio]
    h, w = np.sqrt(area * ratio), np.sqrt(area / ratio)
    top, left = stride * (row + 0.5) - h / 2, stride * (column + 0.5) - w / 2
    return np.stack([top, left, top + h, left + w], axis=-1)


@bank.accepted
def with_complex_numbers(height, width, stride, scales, ratios):
    """A point of the plane is a number: y is real, x imaginary."""
    cells = np.add.outer(np.arange(height) + 0.5, 1j * (np.arange(width) + 0.5)).ravel() * stride
    half = [s * complex(r**0.5, r**-0.5) / 2 for s in scales for r in ratios]
    ends = np.stack([np.subtract.outer(cells, half), np.add.outer(cells, half)], axis=-1).ravel()
    return np.stack([ends.real, ends.imag], axis=-1).reshape(-1, 4)


@bank.accepted
def with_ops(height, width, stride, scales, ratios):
    scales, ratios = ops.convert_to_tensor(scales), ops.sqrt(ops.convert_to_tensor(ratios))
    h = ops.reshape(scales[:, None] * ratios[None], (1, 1, -1))
    w = ops.reshape(scales[:, None] / ratios[None], (1, 1, -1))
    y = stride * (ops.arange(height, dtype="float32")[:, None, None] + 0.5)
    x = stride * (ops.arange(width, dtype="float32")[None, :, None] + 0.5)
    edges = [y - h / 2 + 0 * x, x - w / 2 + 0 * y, y + h / 2 + 0 * x, x + w / 2 + 0 * y]
    return np.array(ops.reshape(ops.stack(edges, axis=-1), (-1, 4)))


# Wrong answers: what they are made of


def laid(height, width, stride, scales, ratios, sides=None, centre=None, axes="yxsr", corners=None):
    """The model answer with other sides, centres or corners, or the anchors in another order."""
    sides = sides or (lambda s, r: (s * math.sqrt(r), s / math.sqrt(r)))
    centre = centre or (lambda y, x, stride: ((y + 0.5) * stride, (x + 0.5) * stride))
    corners = corners or (lambda y, x, h, w: (y - h / 2, x - w / 2, y + h / 2, x + w / 2))
    among = {"y": range(height), "x": range(width), "s": scales, "r": ratios}
    result = []
    for chosen in itertools.product(*(among[axis] for axis in axes)):
        y, x, s, r = (chosen[axes.index(axis)] for axis in "yxsr")
        result.append(corners(*centre(y, x, stride), *sides(s, r)))
    return np.array(result, "float64")


def after(height, width, stride, scales, ratios, change):
    """The model answer with the result changed; `change` gets the picture's sides as well."""
    anchors = make_anchors(height, width, stride, scales, ratios)
    return change(anchors, height * stride, width * stride)


# The order

for name, axes, hint in (
    ("columns_first", "xysr", "The cells are to be gone through row by row, not column by column."),
    (
        "ratios_outer",
        "yxrs",
        "In a cell all ratios of the first scale come first; here all scales of the first ratio.",
    ),
    (
        "kinds_outermost",
        "sryx",
        "All anchors of a cell stand together; here all cells of one scale and ratio do.",
    ),
    (
        "scales_outermost",
        "syxr",
        "All anchors of a cell stand together; here each scale has all its cells to itself.",
    ),
    (
        "ratios_outermost",
        "ryxs",
        "All anchors of a cell stand together; here each ratio has all its cells to itself.",
    ),
):
    bank.variant(name, hint, laid, axes=axes)


# The centre

for name, hint, centre in (
    (
        "at_the_corner",
        "The anchors lie about the *centre* of a cell; here about its upper left corner.",
        lambda y, x, stride: (y * stride, x * stride),
    ),
    (
        "at_the_far_corner",
        "The anchors lie about the *centre* of a cell; here about its lower right corner.",
        lambda y, x, stride: ((y + 1) * stride, (x + 1) * stride),
    ),
    (
        "half_a_pixel",
        "The centre lies half a *cell* behind its beginning; here half a pixel.",
        lambda y, x, stride: (y * stride + 0.5, x * stride + 0.5),
    ),
    (
        "in_cells",
        "The centres are in cells; boxes are in pixels: a cell is `stride` pixels high and wide.",
        lambda y, x, stride: (y + 0.5, x + 0.5),
    ),
    (
        "whole_half",
        "Half of an odd stride is no whole number; here it is rounded down.",
        lambda y, x, stride: (y * stride + stride // 2, x * stride + stride // 2),
    ),
    (
        "between_pixels",
        "The centre of a cell lies `stride / 2` behind its beginning; here half a pixel less.",
        lambda y, x, stride: (y * stride + (stride - 1) / 2, x * stride + (stride - 1) / 2),
    ),
    (
        "only_rows_halved",
        "The centre of a cell is half a cell to the right of its beginning too, not only below it.",
        lambda y, x, stride: ((y + 0.5) * stride, x * stride),
    ),
    (
        "only_columns_halved",
        "The centre of a cell is half a cell below its beginning too, not only to the right of it.",
        lambda y, x, stride: (y * stride, (x + 0.5) * stride),
    ),
    (
        "centres_crossed",
        "The row of a cell gives y and its column x; here it is the other way round.",
        lambda y, x, stride: ((x + 0.5) * stride, (y + 0.5) * stride),
    ),
    (
        "counted_from_1",
        "The cells are counted from 0: here the centres lie one cell too far down and right.",
        lambda y, x, stride: ((y + 1.5) * stride, (x + 1.5) * stride),
    ),
):
    bank.variant(name, hint, laid, centre=centre)


# The sides

for name, hint, sides in (
    (
        "width_over_height",
        "A ratio is height over width; here it is width over height.",
        lambda s, r: (s / math.sqrt(r), s * math.sqrt(r)),
    ),
    (
        "no_root",
        "Height over width is the square of the ratio here: each side is to change by its root.",
        lambda s, r: (s * r, s / r),
    ),
    (
        "width_kept",
        "The area must be the scale's square for every ratio; here the width is the scale.",
        lambda s, r: (s * r, s),
    ),
    (
        "height_kept",
        "The area must be the scale's square for every ratio; here the height is the scale.",
        lambda s, r: (s, s / r),
    ),
    (
        "height_kept_and_ratio_inverted",
        "The area must be the scale's square, and the ratio is height over width; here the height "
        "is the scale, and the width the ratio times as large.",
        lambda s, r: (s, s * r),
    ),
    (
        "width_kept_and_ratio_inverted",
        "The area must be the scale's square, and the ratio is height over width; here the width "
        "is the scale, and the height is divided by the ratio.",
        lambda s, r: (s / r, s),
    ),
    (
        "longer_side_kept",
        "The area must be the scale's square for every ratio; here the longer side is the scale.",
        lambda s, r: (s * min(r, 1), s / max(r, 1)),
    ),
    (
        "shorter_side_kept",
        "The area must be the scale's square for every ratio; here the shorter side is the scale.",
        lambda s, r: (s * max(r, 1), s / min(r, 1)),
    ),
    (
        "scale_as_area",
        "The area is the scale *squared*; here it is the scale.",
        lambda s, r: (math.sqrt(s * r), math.sqrt(s / r)),
    ),
    (
        "same_root_twice",
        "Both sides are multiplied by the ratio's root; the width is to be divided by it.",
        lambda s, r: (s * math.sqrt(r), s * math.sqrt(r)),
    ),
    (
        "ratio_for_both_sides",
        "The ratio makes a box higher *or* wider; here both sides are multiplied by it.",
        lambda s, r: (s * r, s * r),
    ),
    (
        "squares",
        "All anchors are squares: the ratios are not used.",
        lambda s, r: (s, s),
    ),
    (
        "twice_as_large",
        "The sides are twice as large as they should be: a box reaches *half* its height and "
        "width from its centre.",
        lambda s, r: (2 * s * math.sqrt(r), 2 * s / math.sqrt(r)),
    ),
    (
        "half_as_large",
        "The sides are half as large as they should be: the scale is that of the whole box.",
        lambda s, r: (s * math.sqrt(r) / 2, s / math.sqrt(r) / 2),
    ),
    (
        "whole_sides",
        "The sides are rounded to whole pixels; they are to be as they come out.",
        lambda s, r: (round(s * math.sqrt(r)), round(s / math.sqrt(r))),
    ),
    (
        "diagonal_kept",
        "The *area* is the same for every ratio, the scale's square; here the diagonal is.",
        lambda s, r: (s * r * math.sqrt(2 / (1 + r * r)), s * math.sqrt(2 / (1 + r * r))),
    ),
):
    bank.variant(name, hint, laid, sides=sides)


@bank.mistake(
    "The anchors lie about the centre of a cell, and a ratio is height over width; here they lie "
    "about its corner, and the ratio is inverted."
)
def at_the_corner_and_inverted(height, width, stride, scales, ratios):
    return laid(
        height, width, stride, scales, [1 / r for r in ratios], None, lambda y, x, d: (y * d, x * d)
    )


@bank.mistake(
    "The anchors lie about the centre of a cell, and all ratios of the first scale come first; "
    "here they lie about its corner, and all scales of the first ratio come first."
)
def at_the_corner_in_another_order(height, width, stride, scales, ratios):
    return laid(height, width, stride, scales, ratios, None, lambda y, x, d: (y * d, x * d), "yxrs")


@bank.mistake(
    "The centres are `stride` apart; here they are spread evenly from one border of the picture to "
    "the other."
)
def spread_over_the_picture(height, width, stride, scales, ratios):
    rows, columns = (np.linspace(0, n * stride, n) for n in (height, width))
    return laid(height, width, stride, scales, ratios, None, lambda y, x, d: (rows[y], columns[x]))


@bank.mistake("The scales are pixels; here they are multiplied by the stride.")
def scales_in_cells(height, width, stride, scales, ratios):
    return laid(height, width, stride, [s * stride for s in scales], ratios)


@bank.mistake(
    "Every scale comes with every ratio; here the first scale has the first ratio, and so on."
)
def scales_zipped_with_ratios(height, width, stride, scales, ratios):
    pairs = dict(zip(scales, ratios, strict=False))
    return laid(
        height, width, stride, pairs, [1.0], lambda s, r: (s * pairs[s] ** 0.5, s / pairs[s] ** 0.5)
    )


@bank.mistake(
    "The height and width given are those of the map, in cells; here they are taken for pixels "
    "and divided by the stride."
)
def sides_of_a_picture(height, width, stride, scales, ratios):
    cells = (max(height // stride, 1), max(width // stride, 1))
    return laid(*cells, stride, scales, ratios)


@bank.mistake("There is an anchor of each ratio for *every* scale; here for the first one only.")
def first_scale_only(height, width, stride, scales, ratios):
    return laid(height, width, stride, scales[:1], ratios)


@bank.mistake(
    "The first scale comes with all ratios, but the others with the first ratio only: every scale "
    "comes with every ratio."
)
def a_cross_of_scales_and_ratios(height, width, stride, scales, ratios):
    kinds = [(scales[0], r) for r in ratios] + [(s, ratios[0]) for s in scales[1:]]
    return laid(
        height, width, stride, kinds, [1.0], lambda k, r: (k[0] * k[1] ** 0.5, k[0] / k[1] ** 0.5)
    )


# The result

for name, hint, corners in (
    (
        "x_first",
        "A box is (y1, x1, y2, x2); here x comes before y.",
        lambda y, x, h, w: (x - w / 2, y - h / 2, x + w / 2, y + h / 2),
    ),
    (
        "centres_and_sizes",
        "A box is two corners, (y1, x1, y2, x2); here it is centre, height and width.",
        lambda y, x, h, w: (y, x, h, w),
    ),
    (
        "corner_and_size",
        "The last two numbers of a box are its lower right corner; here they are its height and "
        "width.",
        lambda y, x, h, w: (y - h / 2, x - w / 2, h, w),
    ),
    (
        "axis_by_axis",
        "A box is (y1, x1, y2, x2); here it is (y1, y2, x1, x2).",
        lambda y, x, h, w: (y - h / 2, y + h / 2, x - w / 2, x + w / 2),
    ),
    (
        "last_pixels",
        "The lower right corner is where the box ends, not its last pixel; here 1 is subtracted.",
        lambda y, x, h, w: (y - h / 2, x - w / 2, y + h / 2 - 1, x + w / 2 - 1),
    ),
    (
        "upper_left_at_the_centre",
        "The centre of a cell is the centre of its anchors; here it is their upper left corner.",
        lambda y, x, h, w: (y, x, y + h, x + w),
    ),
    (
        "whole_corners",
        "The corners are rounded to whole pixels; they are to be as they come out.",
        lambda y, x, h, w: (round(y - h / 2), round(x - w / 2), round(y + h / 2), round(x + w / 2)),
    ),
):
    bank.variant(name, hint, laid, corners=corners)


bank.variant(
    "a_map_of_anchors",
    "The result has two axes: all anchors of all cells, and their four numbers; here it has more.",
    after,
    change=lambda anchors, height, width: anchors[None],
)
bank.variant(
    "reshaped_without_turning",
    "The four numbers of an anchor stand in a row; here an array with all y1 first, then all x1, "
    "was cut into rows of four.",
    after,
    change=lambda anchors, height, width: anchors.T.reshape(-1, 4),
)
bank.variant(
    "clipped",
    "Anchors may reach beyond the picture: here they are cut off at its border.",
    after,
    change=lambda anchors, height, width: np.clip(anchors, 0, [height, width, height, width]),
)
bank.variant(
    "not_below_0",
    "Anchors may reach beyond the picture: here numbers below 0 became 0.",
    after,
    change=lambda anchors, height, width: np.maximum(anchors, 0),
)
bank.variant(
    "those_inside_only",
    "Anchors that reach beyond the picture are left out: all are asked for.",
    after,
    change=lambda anchors, height, width: anchors[
        (anchors[:, :2] >= 0).all(axis=1) & (anchors[:, 2] <= height) & (anchors[:, 3] <= width)
    ],
)
bank.variant(
    "shares_of_the_picture",
    "The boxes are in pixels; here they are divided by the picture's height and width.",
    after,
    change=lambda anchors, height, width: anchors / [height, width, height, width],
)
