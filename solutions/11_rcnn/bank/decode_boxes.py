"""Answers to `decode_boxes`, right and wrong."""

import math

import numpy as np
from keras import ops

from autograder.setting.bank import Bank

from ..tasks import centres_and_sizes, decode_boxes, encode_boxes
from ._shared import as_boxes, decoded

bank = Bank(decode_boxes)
ONE_MORE = np.array([0, 0, 1, 1])  # for ends that are taken for the last pixel
LARGEST = math.log(1000 / 16)  # where many programs cut off the logarithm of a size


# Right answers


@bank.accepted
def in_a_loop(offsets, proposals):
    result = []
    for (dy, dx, dh, dw), (y1, x1, y2, x2) in zip(offsets, proposals, strict=True):
        height, width = y2 - y1, x2 - x1
        middle = y1 + height * (0.5 + dy), x1 + width * (0.5 + dx)
        half = height * math.exp(dh) / 2, width * math.exp(dw) / 2
        result.append([m - h for m, h in zip(middle, half, strict=True)])
        result[-1] += [m + h for m, h in zip(middle, half, strict=True)]
    return np.array(result)


@bank.accepted
def number_by_number(offsets, proposals):
    y1, x1, y2, x2 = proposals.T
    dy, dx, dh, dw = offsets.T
    height, width = (y2 - y1) * np.exp(dh), (x2 - x1) * np.exp(dw)
    top = (y1 + y2) / 2 + dy * (y2 - y1) - height / 2
    left = (x1 + x2) / 2 + dx * (x2 - x1) - width / 2
    return np.stack([top, left, top + height, left + width], axis=-1)


@bank.accepted
def in_the_frame_of_the_proposal(offsets, proposals):
    """Corners in a frame in which the proposal reaches from -1/2 to 1/2."""
    shift, growth = offsets[:, None, :2], np.exp(offsets[:, None, 2:])
    corners = shift + np.array([[-0.5], [0.5]]) * growth
    ends = proposals.reshape(-1, 2, 2)
    unit = ends[:, 1:] - ends[:, :1]
    return (ends.mean(axis=1, keepdims=True) + corners * unit).reshape(-1, 4)


@bank.accepted
def each_corner_by_itself(offsets, proposals):
    """How far each corner of the proposal moves."""
    units = np.tile(proposals[:, 2:] - proposals[:, :2], 2)
    shift, growth = np.tile(offsets[:, :2], 2), np.tile(np.expm1(offsets[:, 2:]), 2)
    return proposals + units * (shift + growth * [-0.5, -0.5, 0.5, 0.5])


@bank.accepted
def with_ops(offsets, proposals):
    offsets, proposals = (ops.cast(x, "float32") for x in (offsets, proposals))
    starts, ends = ops.split(proposals, 2, axis=1)
    shift, growth = ops.split(offsets, 2, axis=1)
    middle = (starts + ends) / 2 + shift * (ends - starts)
    half = ops.exp(growth) * (ends - starts) / 2
    return np.array(ops.concatenate([middle - half, middle + half], axis=1))


# Wrong answers


@bank.mistake(
    "Each corner is moved here by two of the offsets; the first two move the centre, the last two "
    "are logarithms by which the size changes."
)
def corners_moved(offsets, proposals):
    _, sizes = centres_and_sizes(proposals)
    return proposals + offsets * np.tile(sizes, 2)


# The centre

bank.variant(
    "shift_in_pixels",
    "The shift is in units of the proposal's height and width; here it is taken for pixels.",
    decoded,
    centre=lambda d, o, u, s: o + d,
)
bank.variant(
    "shift_by_the_new_size",
    "The unit of the shift is the *proposal's* size; here it is that of the new box.",
    decoded,
    centre=lambda d, o, u, s: o + d * s,
)
bank.variant(
    "shift_units_exchanged",
    "dy is in units of the proposal's height, dx of its width; here it is the other way round.",
    decoded,
    centre=lambda d, o, u, s: o + d * u[:, ::-1],
)
bank.variant(
    "shift_by_height",
    "dx is in units of the proposal's width, not of its height.",
    decoded,
    centre=lambda d, o, u, s: o + d * u[:, :1],
)
bank.variant(
    "shift_from_the_corner",
    "The shift begins at the proposal's centre; here at its upper left corner.",
    decoded,
    centre=lambda d, o, u, s: o - u / 2 + d * u,
)
bank.variant(
    "shift_from_the_end",
    "The shift begins at the proposal's centre; here at its lower right corner.",
    decoded,
    centre=lambda d, o, u, s: o + u / 2 + d * u,
)
bank.variant(
    "shift_backwards",
    "The shift is subtracted from the proposal's centre; it is to be added.",
    decoded,
    centre=lambda d, o, u, s: o - d * u,
)
bank.variant(
    "shift_unused",
    "The centre stays where that of the proposal is: the shift is not used.",
    decoded,
    centre=lambda d, o, u, s: o,
)
bank.variant(
    "shift_halved",
    "The centre moves half as far as it should: a whole height or width is the unit.",
    decoded,
    centre=lambda d, o, u, s: o + d * u / 2,
)
bank.variant(
    "shift_as_exponential",
    "The exponential belongs to the sizes only; here the shift has one too.",
    decoded,
    centre=lambda d, o, u, s: o + np.exp(d) * u,
)
bank.variant(
    "upper_corner_moved",
    "The shift is that of the centre: here the upper left corner is moved by it, and the box "
    "grows from there down and to the right.",
    decoded,
    centre=lambda d, o, u, s: o - u / 2 + d * u + s / 2,
)
bank.variant(
    "centres_not_halved",
    "The proposal's centre is half of y1 + y2, and half of x1 + x2; here the sum is not halved.",
    decoded,
    centre=lambda d, o, u, s: 2 * o + d * u,
)
bank.variant(
    "centre_is_half_the_size",
    "The proposal's centre lies half a size behind its beginning; here the beginning is left out.",
    decoded,
    centre=lambda d, o, u, s: u / 2 + d * u,
)

# The sizes

bank.variant(
    "no_exponential",
    "dh and dw are logarithms: the exponential is missing.",
    decoded,
    size=lambda d, u: d * u,
)
bank.variant(
    "relative_growth",
    "dh and dw are logarithms, not shares by which the size grows.",
    decoded,
    size=lambda d, u: (1 + d) * u,
)
bank.variant(
    "growth_in_pixels",
    "dh and dw are logarithms of a quotient, not pixels to be added.",
    decoded,
    size=lambda d, u: u + d,
)
bank.variant(
    "size_without_the_proposal",
    "The exponential is a quotient of sizes: it must be multiplied with the proposal's size.",
    decoded,
    size=lambda d, u: np.exp(d),
)
bank.variant(
    "divided_by_the_exponential",
    "The proposal's size is divided by the exponential; it is to be multiplied with it.",
    decoded,
    size=lambda d, u: u / np.exp(d),
)
bank.variant(
    "size_unused",
    "The size stays that of the proposal: dh and dw are not used.",
    decoded,
    size=lambda d, u: u + 0 * d,
)
bank.variant(
    "powers_of_2",
    "The logarithms are natural ones: powers of e are meant, not of 2.",
    decoded,
    size=lambda d, u: 2**d * u,
)
bank.variant(
    "powers_of_10",
    "The logarithms are natural ones: powers of e are meant, not of 10.",
    decoded,
    size=lambda d, u: 10**d * u,
)
bank.variant(
    "logarithm_again",
    "The exponential undoes the logarithm; here a logarithm is taken once more.",
    decoded,
    size=lambda d, u: np.log1p(np.abs(d)) * u,
)
bank.variant(
    "sizes_crossed",
    "dh changes the height and dw the width; here they are crossed.",
    decoded,
    size=lambda d, u: np.exp(d[:, ::-1]) * u,
)
bank.variant(
    "sizes_cut_off",
    "A box may be any number of times as large as its proposal: here very large ones are cut off.",
    decoded,
    size=lambda d, u: np.exp(np.minimum(d, LARGEST)) * u,
)
bank.variant(
    "sizes_cut_off_at_4",
    "A box may be any number of times as large as its proposal: here very large ones are cut off.",
    decoded,
    size=lambda d, u: np.exp(np.minimum(d, 4)) * u,
)
bank.variant(
    "never_larger",
    "A box may be larger than its proposal; here dh and dw above 0 are cut off.",
    decoded,
    size=lambda d, u: np.exp(np.minimum(d, 0)) * u,
)

# The offsets

bank.variant(
    "scaled",
    "The offsets are not scaled: here they are multiplied with 0.1 and 0.2, as many programs do.",
    decoded,
    before=lambda d: d * [0.1, 0.1, 0.2, 0.2],
)
for name, order, words in (
    ("x_first", [1, 0, 3, 2], "(dx, dy, dw, dh)"),
    ("axis_by_axis", [0, 2, 1, 3], "(dy, dh, dx, dw)"),
    ("sizes_first", [2, 3, 0, 1], "(dh, dw, dy, dx)"),
    ("x_before_y", [1, 0, 2, 3], "(dx, dy, dh, dw)"),
):
    bank.variant(
        name,
        f"The order of the offsets is (dy, dx, dh, dw); here they are taken for {words}.",
        decoded,
        before=lambda d, order=order: d[:, order],
    )

# What the four numbers of a box are


@bank.mistake(
    "A proposal is two corners, (y1, x1, y2, x2); here it is taken for a centre and a size."
)
def centre_and_size(offsets, proposals):
    def meaning(y, x, h, w):
        return y - h / 2, x - w / 2, y + h / 2, x + w / 2

    return decode_boxes(offsets, *as_boxes(meaning, proposals))


@bank.mistake(
    "The last two numbers of a proposal are its lower right corner; here they are taken for height "
    "and width."
)
def corner_and_size(offsets, proposals):
    return decode_boxes(offsets, *as_boxes(lambda y, x, h, w: (y, x, y + h, x + w), proposals))


@bank.mistake(
    "Ends are where a box ends, not its last pixel; here 1 is added to the proposal's height and "
    "width, and taken from the new end."
)
def ends_included(offsets, proposals):
    return decode_boxes(offsets, proposals + ONE_MORE) - ONE_MORE


@bank.mistake("This is `encode_boxes`: offsets are asked for there, boxes here.")
def encoding(offsets, proposals):
    with np.errstate(all="ignore"):
        return encode_boxes(offsets, proposals)


# The result

bank.variant(
    "as_centre_and_size",
    "Corners are asked for, (y1, x1, y2, x2); this is (centre, size).",
    decoded,
    after=lambda r: np.hstack([(r[:, :2] + r[:, 2:]) / 2, r[:, 2:] - r[:, :2]]),
)
bank.variant(
    "as_centre_and_size_x_first",
    "Corners are asked for, (y1, x1, y2, x2); this is (centre, size), and x stands before y.",
    decoded,
    after=lambda r: np.hstack([(r[:, :2] + r[:, 2:]) / 2, r[:, 2:] - r[:, :2]])[:, [1, 0, 3, 2]],
)
bank.variant(
    "as_corner_and_size",
    "Corners are asked for, (y1, x1, y2, x2); here height and width follow the first one.",
    decoded,
    after=lambda r: np.hstack([r[:, :2], r[:, 2:] - r[:, :2]]),
)
bank.variant(
    "whole_size_to_each_side",
    "A box reaches *half* its size from its centre to each side; here the whole size.",
    decoded,
    after=lambda r: r + (r[:, 2:] - r[:, :2])[:, [0, 1, 0, 1]] * [-0.5, -0.5, 0.5, 0.5],
)
bank.variant(
    "begins_at_the_centre",
    "Height and width reach half to each side of the centre; here the box begins at it.",
    decoded,
    after=lambda r: r + (r[:, 2:] - r[:, :2])[:, [0, 1, 0, 1]] / 2,
)
bank.variant(
    "result_x_first",
    "The order of the corners is (y1, x1, y2, x2); here it is (x1, y1, x2, y2).",
    decoded,
    after=lambda r: r[:, [1, 0, 3, 2]],
)
bank.variant(
    "result_axis_by_axis",
    "The order of the corners is (y1, x1, y2, x2); here it is (y1, y2, x1, x2).",
    decoded,
    after=lambda r: r[:, [0, 2, 1, 3]],
)
bank.variant(
    "cut_at_zero",
    "A box may hang over the picture, with numbers below 0; here it is cut off at 0.",
    decoded,
    after=lambda r: np.maximum(r, 0),
)
bank.variant(
    "rounded",
    "Corners may lie anywhere: do not round them.",
    decoded,
    after=np.round,
)
bank.variant(
    "transposed", "Each row is one box; here each column is.", decoded, after=lambda r: r.T
)
bank.variant(
    "first_row_only",
    "Only the first box is decoded: there is a row for each.",
    decoded,
    after=lambda r: r[:1].repeat(len(r), 0),
)
