"""Answers to `encode_boxes`, right and wrong."""

import math

import numpy as np
from keras import ops

from autograder.setting.bank import Bank

from ..tasks import decode_boxes, encode_boxes
from ._shared import as_boxes, encoded

bank = Bank(encode_boxes)
ONE_MORE = np.array([0, 0, 1, 1])  # for ends that are taken for the last pixel


# Right answers


@bank.accepted
def in_a_loop(boxes, proposals):
    result = np.zeros(boxes.shape)
    for row, (box, proposal) in enumerate(zip(boxes, proposals, strict=True)):
        for axis in (0, 1):
            size, unit = box[axis + 2] - box[axis], proposal[axis + 2] - proposal[axis]
            middle, origin = box[axis] + box[axis + 2], proposal[axis] + proposal[axis + 2]
            result[row, axis] = (middle - origin) / (2 * unit)
            result[row, axis + 2] = math.log(size / unit)
    return result


@bank.accepted
def number_by_number(boxes, proposals):
    y1, x1, y2, x2 = boxes.T
    top, left, bottom, right = proposals.T
    height, width = bottom - top, right - left
    return np.stack(
        [
            ((y1 + y2) / 2 - (top + bottom) / 2) / height,
            ((x1 + x2) / 2 - (left + right) / 2) / width,
            np.log(y2 - y1) - np.log(height),
            np.log(x2 - x1) - np.log(width),
        ],
        axis=-1,
    )


@bank.accepted
def by_matrices(boxes, proposals):
    """Corners to centres and sizes by one matrix for both."""
    to_form = np.array([[0.5, 0, 0.5, 0], [0, 0.5, 0, 0.5], [-1, 0, 1, 0], [0, -1, 0, 1]]).T
    forms, units = boxes @ to_form, proposals @ to_form
    return np.c_[(forms - units)[:, :2] / units[:, 2:], np.log(forms[:, 2:] / units[:, 2:])]


@bank.accepted
def by_the_mean_of_corners(boxes, proposals):
    """In the frame of the proposal the corners are numbers about 0, and their mean is the shift."""
    origin = proposals.reshape(-1, 2, 2).mean(axis=1, keepdims=True)
    unit = np.diff(proposals.reshape(-1, 2, 2), axis=1)
    inside = (boxes.reshape(-1, 2, 2) - origin) / unit
    return np.hstack([inside.mean(axis=1), np.log(inside[:, 1] - inside[:, 0])])


@bank.accepted
def with_ops(boxes, proposals):
    y1, x1, y2, x2 = (ops.convert_to_tensor(boxes[:, k], "float32") for k in range(4))
    top, left, bottom, right = (ops.convert_to_tensor(proposals[:, k]) for k in range(4))
    top, left, bottom, right = (ops.cast(n, "float32") for n in (top, left, bottom, right))
    height, width = bottom - top, right - left
    shifts = [(y1 + y2 - top - bottom) / height / 2, (x1 + x2 - left - right) / width / 2]
    growths = [ops.log((y2 - y1) / height), ops.log((x2 - x1) / width)]
    return np.array(ops.stack([*shifts, *growths], axis=1))


@bank.accepted
def found_by_newton(boxes, proposals):
    """What `decode_boxes` must be given: solved for, without the formula."""
    offsets = np.zeros(boxes.shape)
    units = proposals[:, 2:] - proposals[:, :2]
    for _ in range(60):
        off = boxes - decode_boxes(offsets, proposals)
        offsets[:, :2] += (off[:, :2] + off[:, 2:]) / 2 / units
        sizes = np.exp(offsets[:, 2:]) * units
        offsets[:, 2:] += np.clip((off[:, 2:] - off[:, :2]) / sizes, -1, 1)
    return offsets


# Wrong answers

# The shift of the centre

bank.variant(
    "shift_in_pixels",
    "The shift of the centre is in units of the proposal's height and width; here it is in pixels.",
    encoded,
    centre=lambda c, s, o, u: c - o,
)
bank.variant(
    "shift_by_the_box",
    "The shift is divided by the height and width of the box; those of the *proposal* are the "
    "unit.",
    encoded,
    centre=lambda c, s, o, u: (c - o) / s,
)
bank.variant(
    "shift_by_the_mean_size",
    "The shift is divided by the mean size of box and proposal; the *proposal's* is the unit.",
    encoded,
    centre=lambda c, s, o, u: 2 * (c - o) / (s + u),
)
bank.variant(
    "corner_and_quotient",
    "The shift is that of the centre, not of the upper left corner, and the logarithm of the "
    "quotient of the sizes is missing.",
    encoded,
    centre=lambda c, s, o, u: (c - s / 2 - o + u / 2) / u,
    size=lambda s, u: s / u,
)
bank.variant(
    "shift_units_exchanged",
    "The vertical shift is divided by the proposal's height, the horizontal one by its width; here "
    "it is the other way round.",
    encoded,
    centre=lambda c, s, o, u: (c - o) / u[:, ::-1],
)
bank.variant(
    "shift_by_height",
    "The horizontal shift is divided by the proposal's width, not by its height.",
    encoded,
    centre=lambda c, s, o, u: (c - o) / u[:, :1],
)
bank.variant(
    "shift_by_area",
    "The shift is divided by the root of the proposal's area; its height and width are the units, "
    "each along its own axis.",
    encoded,
    centre=lambda c, s, o, u: (c - o) / np.sqrt(u.prod(axis=1, keepdims=True)),
)
bank.variant(
    "shift_of_corners",
    "The shift is that of the centre; here that of the upper left corner is taken.",
    encoded,
    centre=lambda c, s, o, u: (c - s / 2 - o + u / 2) / u,
)
bank.variant(
    "shift_of_ends",
    "The shift is that of the centre; here that of the lower right corner is taken.",
    encoded,
    centre=lambda c, s, o, u: (c + s / 2 - o - u / 2) / u,
)
bank.variant(
    "shift_doubled",
    "The shift is twice as large as it should be: is y1 + y2 taken for the centre?",
    encoded,
    centre=lambda c, s, o, u: 2 * (c - o) / u,
)
bank.variant(
    "shift_halved",
    "The shift is half as large as it should be: a whole height or width is the unit.",
    encoded,
    centre=lambda c, s, o, u: (c - o) / u / 2,
)
bank.variant(
    "shift_backwards",
    "The shift leads from the proposal to the box; here it leads back.",
    encoded,
    centre=lambda c, s, o, u: (o - c) / u,
)
bank.variant(
    "shift_from_a_corner",
    "The shift begins at the proposal's centre; here at its upper left corner.",
    encoded,
    centre=lambda c, s, o, u: (c - o + u / 2) / u,
)
bank.variant(
    "half_sizes_rounded",
    "Half a height need not be a whole number: do not round the centres.",
    encoded,
    centre=lambda c, s, o, u: (c - s / 2 + s // 2 - (o - u / 2 + u // 2)) / u,
)
bank.variant(
    "shift_without_sign",
    "The shift has a sign, up and left are negative; here it is lost.",
    encoded,
    centre=lambda c, s, o, u: np.abs(c - o) / u,
)
bank.variant(
    "shift_as_logarithm",
    "The logarithm is for the sizes only; here it is taken of the shift too.",
    encoded,
    centre=lambda c, s, o, u: np.log(np.maximum(np.abs(c - o) / u, 1e-9)),
)

# The sizes

bank.variant(
    "no_logarithm",
    "The logarithm of the quotient of the sizes is missing.",
    encoded,
    size=lambda s, u: s / u,
)
bank.variant(
    "relative_growth",
    "This is by what share the size grows, the quotient less 1; its logarithm is asked for.",
    encoded,
    size=lambda s, u: s / u - 1,
)
bank.variant(
    "growth_in_pixels",
    "This is by how many pixels the size grows; the logarithm of the quotient is asked for.",
    encoded,
    size=lambda s, u: s - u,
)
bank.variant(
    "logarithm_of_the_size",
    "This is the logarithm of the box's own size; it must be divided by the proposal's size first.",
    encoded,
    size=lambda s, u: np.log(s),
)
bank.variant(
    "quotient_upside_down",
    "The size of the box is divided by that of the proposal; here it is the other way round.",
    encoded,
    size=lambda s, u: np.log(u / s),
)
bank.variant(
    "logarithm_to_2",
    "The natural logarithm is meant, not that to the base 2.",
    encoded,
    size=lambda s, u: np.log2(s / u),
)
bank.variant(
    "logarithm_to_10",
    "The natural logarithm is meant, not that to the base 10.",
    encoded,
    size=lambda s, u: np.log10(s / u),
)
bank.variant(
    "one_added_before",
    "The logarithm is that of the quotient itself; here 1 is added to it before.",
    encoded,
    size=lambda s, u: np.log1p(s / u),
)
bank.variant(
    "sizes_exchanged",
    "Height is compared with height, width with width; here they are crossed.",
    encoded,
    size=lambda s, u: np.log(s / u[:, ::-1]),
)
bank.variant(
    "square_root_instead",
    "The logarithm of the quotient of the sizes is asked for, not its square root.",
    encoded,
    size=lambda s, u: np.sqrt(s / u),
)
bank.variant(
    "root_of_the_quotient",
    "The logarithms of the sizes are half as large as they should be.",
    encoded,
    size=lambda s, u: np.log(s / u) / 2,
)

# The whole


@bank.mistake("Boxes and proposals are exchanged: the offsets lead from the proposal to the box.")
def exchanged(boxes, proposals):
    return encode_boxes(proposals, boxes)


@bank.mistake(
    "The offsets are scaled here (divided by 0.1 and 0.2, as many programs do): leave them as they "
    "are."
)
def scaled(boxes, proposals):
    return encode_boxes(boxes, proposals) / [0.1, 0.1, 0.2, 0.2]


@bank.mistake(
    "Ends are where a box ends, not its last pixel; here 1 is added to each height and width."
)
def ends_included(boxes, proposals):
    return encode_boxes(boxes + ONE_MORE, proposals + ONE_MORE)


@bank.mistake(
    "These are the offsets of the corners; those of the centre and the logarithms of the sizes are "
    "asked for."
)
def corners(boxes, proposals):
    units = proposals[:, 2:] - proposals[:, :2]
    return (boxes - proposals) / np.hstack([units, units])


@bank.mistake("This is `decode_boxes`: boxes are asked for there, offsets here.")
def decoding(boxes, proposals):
    return decode_boxes(np.clip(boxes, -9, 9), proposals)


@bank.mistake("This is the difference of the corners in pixels; offsets are asked for.")
def differences(boxes, proposals):
    return boxes - proposals


for name, order, words in (
    ("x_first", [1, 0, 3, 2], "(dx, dy, dw, dh)"),
    ("axis_by_axis", [0, 2, 1, 3], "(dy, dh, dx, dw)"),
    ("sizes_first", [2, 3, 0, 1], "(dh, dw, dy, dx)"),
    ("width_before_height", [0, 1, 3, 2], "(dy, dx, dw, dh)"),
    ("x_before_y", [1, 0, 2, 3], "(dx, dy, dh, dw)"),
):
    bank.variant(
        name,
        f"The order is (dy, dx, dh, dw); here it is {words}.",
        encoded,
        after=lambda result, order=order: result[:, order],
    )

bank.variant(
    "transposed",
    "Each row is one box; here each column is.",
    encoded,
    after=lambda result: result.T,
)
bank.variant(
    "first_row_only",
    "Only the first box is encoded: there is a row for each.",
    encoded,
    after=lambda result: result[:1].repeat(len(result), 0),
)
bank.variant(
    "clipped_to_one",
    "Offsets may be larger than 1 and smaller than -1: do not clip them.",
    encoded,
    after=lambda result: result.clip(-1, 1),
)


@bank.mistake(
    "Every box belongs to the proposal in the same row; here each is held against every proposal."
)
def all_pairs(boxes, proposals):
    return np.stack([encode_boxes(np.broadcast_to(b, proposals.shape), proposals) for b in boxes])


@bank.mistake(
    "A box is two corners, (y1, x1, y2, x2); here the last two numbers are taken for height and "
    "width, and the first two for the upper left corner."
)
def corner_and_size(boxes, proposals):
    return encode_boxes(*as_boxes(lambda y, x, h, w: (y, x, y + h, x + w), boxes, proposals))


@bank.mistake("The order of a box is (y1, x1, y2, x2); here it is taken for (y1, y2, x1, x2).")
def ends_second(boxes, proposals):
    def meaning(y1, y2, x1, x2):
        return y1, x1, y2, x2

    with np.errstate(all="ignore"):
        return encode_boxes(*as_boxes(meaning, boxes, proposals))


@bank.mistake("The logarithms are as large as they are; here they are cut off at log(1000 / 16).")
def cut_off(boxes, proposals):
    offsets = encode_boxes(boxes, proposals)
    offsets[:, 2:] = np.minimum(offsets[:, 2:], np.log(1000 / 16))
    return offsets
