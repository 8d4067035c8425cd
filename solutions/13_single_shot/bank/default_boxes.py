"""Answers to `default_boxes`, right and wrong."""

import itertools
import math

import numpy as np
from keras import ops

from autograder.setting.bank import Bank

from ..tasks import default_boxes

bank = Bank(default_boxes)


# Right answers


@bank.accepted
def in_loops(sizes, scales, ratios):
    boxes = []
    for k, size in enumerate(sizes):
        between = math.sqrt(scales[k] * scales[k + 1])
        for row in range(size):
            for column in range(size):
                centre = [(row + 0.5) / size, (column + 0.5) / size]
                for number, ratio in enumerate(ratios[k]):
                    root = math.sqrt(ratio)
                    boxes.append([*centre, scales[k] / root, scales[k] * root])
                    if number == 0:
                        boxes.append([*centre, between, between])
    return np.array(boxes)


@bank.accepted
def extra_box_as_another_scale(sizes, scales, ratios):
    """Areas and ratios of the kinds of a cell in two lists."""
    found = []
    for k, (size, kinds) in enumerate(zip(sizes, ratios, strict=True)):
        area = np.full(len(kinds) + 1, scales[k] ** 2)
        area[1] = scales[k] * scales[k + 1]
        kinds = np.array([kinds[0], 1.0, *kinds[1:]])
        lines = np.arange(0.5, size) / size
        block = np.empty((size, size, len(kinds), 4))
        block[..., 0], block[..., 1] = lines[:, None, None], lines[:, None]
        block[..., 2], block[..., 3] = np.sqrt(area / kinds), np.sqrt(area * kinds)
        found.append(block.reshape(-1, 4))
    return np.vstack(found)


@bank.accepted
def by_the_number_of_the_box(sizes, scales, ratios):
    """Cell and kind of a box follow from its number within the map."""
    parts = []
    for k, size in enumerate(sizes):
        each = len(ratios[k]) + 1
        cell, kind = np.divmod(np.arange(size * size * each), each)
        row, column = np.divmod(cell, size)
        h = np.array([scales[k] * r**-0.5 for r in ratios[k]])
        w = np.array([scales[k] * r**0.5 for r in ratios[k]])
        extra = np.exp(np.log(scales[k : k + 2]).mean())
        h, w = (np.concatenate([side[:1], [extra], side[1:]]) for side in (h, w))
        edges = [(2 * row + 1) / (2 * size), (2 * column + 1) / (2 * size), h[kind], w[kind]]
        parts.append(np.stack(edges, axis=1))
    return np.concatenate(parts)


@bank.accepted
def with_a_generator(sizes, scales, ratios):
    def numbers():
        for size, pair, kinds in zip(sizes, itertools.pairwise(scales), ratios, strict=True):
            scale, between = pair[0], (pair[0] * pair[1]) ** 0.5
            sides = [(scale / r**0.5, scale * r**0.5) for r in kinds]
            sides = [sides[0], (between, between), *sides[1:]]
            for (y, x), (h, w) in itertools.product(np.ndindex(size, size), sides):
                yield from ((y + 0.5) / size, (x + 0.5) / size, h, w)

    return np.fromiter(numbers(), "float64").reshape(-1, 4)


@bank.accepted
def with_ops(sizes, scales, ratios):
    parts = []
    for k, size in enumerate(sizes):
        kinds = ops.convert_to_tensor([ratios[k][0], 1.0, *ratios[k][1:]])
        scale = [scales[k], math.sqrt(scales[k] * scales[k + 1]), *[scales[k]] * len(ratios[k][1:])]
        w = ops.convert_to_tensor(scale) * ops.sqrt(kinds)
        lines = (ops.arange(size, dtype="float32") + 0.5) / size
        zero = ops.zeros((size, size, len(scale)))
        edges = [lines[:, None, None] + zero, lines[:, None] + zero, w / kinds + zero, w + zero]
        parts.append(ops.reshape(ops.stack(edges, axis=-1), (-1, 4)))
    return np.array(ops.concatenate(parts))


# Wrong answers: what they are made of


def plain_sides(scale, following, kinds):
    """The sides (h, w) of the boxes of a cell."""
    sides = [(scale / math.sqrt(r), scale * math.sqrt(r)) for r in kinds]
    between = math.sqrt(scale * following)
    return [sides[0], (between, between), *sides[1:]]


def laid(sizes, scales, ratios, sides=plain_sides, centre=None, order="yxk", scale_of=None):
    """The model answer with other sides or centres, or the boxes of a map in another order."""
    centre = centre or (lambda n, size: (n + 0.5) / size)
    result = []
    for k, size in enumerate(sizes):
        pair = scale_of(scales, k, size) if scale_of else (scales[k], scales[k + 1])
        among = {"y": range(size), "x": range(size), "k": sides(*pair, ratios[k])}
        for chosen in itertools.product(*(among[axis] for axis in order)):
            y, x, side = (chosen[order.index(axis)] for axis in "yxk")
            result.append([centre(y, size), centre(x, size), *side])
    return np.array(result, "float64")


def shaped(scale, following, kinds, shape=None, extra=None, place=1):
    """The sides of a cell's boxes with another shape, or another extra box or place for it."""
    shape = shape or (lambda s, r: (s / math.sqrt(r), s * math.sqrt(r)))
    extra = extra or (lambda s, t: (math.sqrt(s * t), math.sqrt(s * t)))
    sides = [shape(scale, r) for r in kinds]
    sides.insert(len(sides) if place is None else place, extra(scale, following))
    return sides


def after(sizes, scales, ratios, change):
    """The model answer with the result changed."""
    return change(default_boxes(sizes, scales, ratios))


# The shapes

for name, hint, shape in (
    (
        "height_over_width",
        "A ratio is width over height, and h stands before w; here height and width are exchanged.",
        lambda s, r: (s * math.sqrt(r), s / math.sqrt(r)),
    ),
    (
        "no_root",
        "Width over height is the square of the ratio here: each side is to change by its root.",
        lambda s, r: (s / r, s * r),
    ),
    (
        "height_kept",
        "The area is the same for all ratios of a scale; here the height is the scale.",
        lambda s, r: (s, s * r),
    ),
    (
        "width_kept",
        "The area is the same for all ratios of a scale; here the width is the scale.",
        lambda s, r: (s / r, s),
    ),
    (
        "squares",
        "All boxes are squares: the ratios are not used.",
        lambda s, r: (s, s),
    ),
    (
        "same_root_twice",
        "Both sides are multiplied by the ratio's root; the height is to be divided by it.",
        lambda s, r: (s * math.sqrt(r), s * math.sqrt(r)),
    ),
    (
        "scale_as_area",
        "A scale is the side of a square; here it is its area.",
        lambda s, r: (math.sqrt(s / r), math.sqrt(s * r)),
    ),
    (
        "half_sides",
        "h and w are the whole height and width of a box; here they are half of them.",
        lambda s, r: (s / math.sqrt(r) / 2, s * math.sqrt(r) / 2),
    ),
    (
        "longer_side_kept",
        "The area is the same for all ratios of a scale; here the longer side is the scale.",
        lambda s, r: (s / max(r, 1), s * min(r, 1)),
    ),
):
    bank.variant(
        name, hint, laid, sides=lambda s, t, kinds, shape=shape: shaped(s, t, kinds, shape)
    )

# The extra box

for name, hint, extra in (
    (
        "extra_mean",
        "The extra box has the root of the product of both scales for its side; here their mean.",
        lambda s, t: ((s + t) / 2, (s + t) / 2),
    ),
    (
        "extra_next_scale",
        "The extra box has the root of the product of both scales for its side; here the next "
        "map's scale.",
        lambda s, t: (t, t),
    ),
    (
        "extra_product",
        "The extra box has the *root* of the product of both scales for its side.",
        lambda s, t: (s * t, s * t),
    ),
    (
        "extra_same_scale",
        "The extra box has the root of the product of both scales for its side; here it is the "
        "first box again.",
        lambda s, t: (s, s),
    ),
    (
        "extra_root_of_sum",
        "The extra box has the root of the *product* of both scales for its side; here that of "
        "their sum.",
        lambda s, t: (math.sqrt(s + t), math.sqrt(s + t)),
    ),
    (
        "extra_not_square",
        "The extra box is a square; here its height is this map's scale and its width the next's.",
        lambda s, t: (s, t),
    ),
    (
        "extra_root_of_one_scale",
        "The extra box has the root of the product of *both* scales for its side; here the root of "
        "one.",
        lambda s, t: (math.sqrt(s), math.sqrt(s)),
    ),
):
    bank.variant(
        name, hint, laid, sides=lambda s, t, kinds, extra=extra: shaped(s, t, kinds, extra=extra)
    )

bank.variant(
    "no_extra",
    "In each cell there is an extra box of ratio 1, between this map's scale and the next one's.",
    laid,
    sides=lambda s, t, kinds: [side for n, side in enumerate(shaped(s, t, kinds)) if n != 1],
)
bank.variant(
    "extra_last",
    "The extra box is the second of a cell; here it is the last.",
    laid,
    sides=lambda s, t, kinds: shaped(s, t, kinds, place=None),
)
bank.variant(
    "extra_first",
    "The extra box is the second of a cell; here it is the first.",
    laid,
    sides=lambda s, t, kinds: shaped(s, t, kinds, place=0),
)
bank.variant(
    "extra_for_every_ratio",
    "There is one extra box in a cell, of ratio 1; here there is one for every ratio.",
    laid,
    sides=lambda s, t, kinds: [
        (scale / math.sqrt(r), scale * math.sqrt(r)) for r in kinds for scale in (s, (s * t) ** 0.5)
    ],
)
bank.variant(
    "one_twice",
    "The ratio 1 is the first of each list; here its box is there twice, beside the extra one.",
    laid,
    sides=lambda s, t, kinds: [
        (s, s),
        *shaped(s, t, kinds)[1:2],
        *shaped(s, t, kinds, place=0)[1:],
    ],
)
bank.variant(
    "without_ratio_1",
    "The box of ratio 1 and this map's scale is missing: it is the first of a cell.",
    laid,
    sides=lambda s, t, kinds: shaped(s, t, kinds)[1:],
)
bank.variant(
    "inverse_ratios_too",
    "Only the ratios of the list are meant; here each comes with its inverse.",
    laid,
    sides=lambda s, t, kinds: shaped(s, t, [kinds[0], *(v for r in kinds[1:] for v in (r, 1 / r))]),
)
bank.variant(
    "extra_before_ratios_of_one_map",
    "The extra box stands second in the cells of every map; here it stands last where a map has "
    "more than three ratios.",
    laid,
    sides=lambda s, t, kinds: shaped(s, t, kinds, place=1 if len(kinds) < 4 else None),
)

# The scales

for name, hint, scale_of in (
    (
        "one_scale_for_all",
        "Each map has its own scale; here all have the first one.",
        lambda scales, k, size: (scales[0], scales[1]),
    ),
    (
        "one_scale_on",
        "Map k has the scale number k; here it has the next one.",
        lambda scales, k, size: (scales[k + 1], scales[min(k + 2, len(scales) - 1)]),
    ),
    (
        "scales_backwards",
        "The first scale belongs to the first map; here they are taken from the end.",
        lambda scales, k, size: (scales[::-1][k], scales[::-1][k + 1]),
    ),
    (
        "scales_of_cells",
        "Scales are shares of the picture; here they are taken for shares of a cell.",
        lambda scales, k, size: (scales[k] / size, scales[k + 1] / size),
    ),
    (
        "extra_with_the_scale_before",
        "The extra box lies between this map's scale and the *next*; here between it and the one "
        "before.",
        lambda scales, k, size: (scales[k], scales[max(k - 1, 0)]),
    ),
    (
        "extra_with_the_last_scale",
        "The extra box lies between this map's scale and the next; here between it and the last.",
        lambda scales, k, size: (scales[k], scales[-1]),
    ),
):
    bank.variant(name, hint, laid, scale_of=scale_of)

# The centres

for name, hint, centre in (
    (
        "at_the_corner",
        "The boxes lie about the *centre* of a cell; here about its upper left corner.",
        lambda n, size: n / size,
    ),
    (
        "at_the_far_corner",
        "The boxes lie about the *centre* of a cell; here about its lower right corner.",
        lambda n, size: (n + 1) / size,
    ),
    (
        "in_cells",
        "Centres are shares of the picture: they must be divided by the map's size.",
        lambda n, size: n + 0.5,
    ),
    (
        "from_border_to_border",
        "The centres are 1 / size apart; here the first and last lie on the picture's border.",
        lambda n, size: n / max(size - 1, 1),
    ),
    (
        "half_of_the_picture",
        "Half a *cell* is added before dividing by the map's size; here half is added after it.",
        lambda n, size: n / size + 0.5,
    ),
    (
        "between_the_lines",
        "The centres are (n + 0.5) / size; here it is divided by size + 1.",
        lambda n, size: (n + 1) / (size + 1),
    ),
):
    bank.variant(name, hint, laid, centre=centre)

# The order

for name, order, hint in (
    (
        "columns_first",
        "xyk",
        "From box to box cx grows first, and cy stays within a row; here they are exchanged.",
    ),
    (
        "kinds_outermost",
        "kyx",
        "All boxes of a cell stand together; here all cells of one kind of box do.",
    ),
    ("kinds_between", "ykx", "All boxes of a cell stand together; here those of a row do."),
):
    bank.variant(name, hint, laid, order=order)


@bank.mistake("The maps are to be gone through as they are listed; here the last one comes first.")
def last_map_first(sizes, scales, ratios):
    parts = [default_boxes([n], scales[k : k + 2], [ratios[k]]) for k, n in enumerate(sizes)]
    return np.concatenate(parts[::-1])


@bank.mistake("The boxes of all maps are asked for; here only those of the last one are there.")
def last_map_only(sizes, scales, ratios):
    return default_boxes(sizes[-1:], scales[-2:], ratios[-1:])


@bank.mistake("The boxes of all maps are asked for; here only those of the first one are there.")
def first_map_only(sizes, scales, ratios):
    return default_boxes(sizes[:1], scales[:2], ratios[:1])


@bank.mistake("Each map has a list of ratios of its own; here all have the first one's.")
def one_list_for_all(sizes, scales, ratios):
    return default_boxes(sizes, scales, [ratios[0]] * len(sizes))


@bank.mistake("Boxes are shares of the picture; here they are counted in cells of their map.")
def all_in_cells(sizes, scales, ratios):
    parts = [default_boxes([n], scales[k : k + 2], [ratios[k]]) * n for k, n in enumerate(sizes)]
    return np.concatenate(parts)


# The result

for name, hint, change in (
    (
        "x_first",
        "A box is (cy, cx, h, w); here x comes before y.",
        lambda boxes: boxes[:, [1, 0, 3, 2]],
    ),
    (
        "corners",
        "A box is its centre, height and width; here it is two corners.",
        lambda boxes: np.hstack([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2]),
    ),
    (
        "cut_off_at_1",
        "The boxes are not clipped; here no number is above 1.",
        lambda boxes: np.minimum(boxes, 1),
    ),
    (
        "clipped",
        "The boxes are not clipped; here what lies outside the picture is cut off.",
        lambda boxes: clipped(boxes),
    ),
    (
        "in_pixels",
        "Boxes are shares of the picture; here they are pixels of one of 300 x 300.",
        lambda boxes: boxes * 300,
    ),
    (
        "one_axis_more",
        "The result has two axes, all boxes and their four numbers; here it has one more.",
        lambda boxes: boxes[None],
    ),
):
    bank.variant(name, hint, after, change=change)


def clipped(boxes):
    half = boxes[:, 2:] / 2
    starts, ends = np.clip(boxes[:, :2] - half, 0, 1), np.clip(boxes[:, :2] + half, 0, 1)
    return np.hstack([(starts + ends) / 2, ends - starts])
