"""Answers to `yolo_decode`, right and wrong."""

import math

import numpy as np
from keras import ops
from scipy import special

from autograder.setting.bank import Bank

from ..tasks import sigmoid, softmax, yolo_decode

bank = Bank(yolo_decode)


# Right answers


@bank.accepted
def in_loops(raw, priors, stride):
    boxes = np.zeros((*raw.shape[:3], 4))
    sure, classes = np.zeros(raw.shape[:3]), np.zeros((*raw.shape[:3], raw.shape[-1] - 5))
    for row, column, k in np.ndindex(*raw.shape[:3]):
        dy, dx, dh, dw, objectness, *logits = (float(n) for n in raw[row, column, k])
        y = stride * (row + 1 / (1 + math.exp(-dy)))
        x = stride * (column + 1 / (1 + math.exp(-dx)))
        h, w = priors[k][0] * math.exp(dh), priors[k][1] * math.exp(dw)
        boxes[row, column, k] = y - h / 2, x - w / 2, y + h / 2, x + w / 2
        sure[row, column, k] = 1 / (1 + math.exp(-objectness))
        powers = [math.exp(logit) for logit in logits]
        classes[row, column, k] = [power / sum(powers) for power in powers]
    return boxes, sure, classes


@bank.accepted
def with_scipy(raw, priors, stride):
    height, width = raw.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    y = (special.expit(raw[..., 0]) + rows[..., None]) * stride
    x = (special.expit(raw[..., 1]) + columns[..., None]) * stride
    h, w = np.exp(raw[..., 2]) * priors[:, 0], np.exp(raw[..., 3]) * priors[:, 1]
    boxes = np.stack([y - h / 2, x - w / 2, y + h / 2, x + w / 2], axis=-1)
    return boxes, special.expit(raw[..., 4]), special.softmax(raw[..., 5:], axis=-1)


@bank.accepted
def half_a_tangent(raw, priors, stride):
    """A sigmoid is half a hyperbolic tangent and a half; the largest logit is subtracted."""
    bounded = 0.5 + 0.5 * np.tanh(raw / 2)
    shape = (*raw.shape[:2], 1)
    centres = np.stack([bounded[..., 0], bounded[..., 1]], axis=-1)
    centres[..., 0] += np.arange(shape[0]).reshape(-1, 1, 1)
    centres[..., 1] += np.arange(shape[1]).reshape(1, -1, 1)
    reach = np.exp(raw[..., 2:4] + np.log(priors / 2))
    boxes = np.concatenate([stride * centres - reach, stride * centres + reach], axis=-1)
    logits = raw[..., 5:] - raw[..., 5:].max(axis=-1, keepdims=True)
    classes = np.exp(logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True)))
    return boxes, bounded[..., 4], classes


@bank.accepted
def anchor_by_anchor(raw, priors, stride):
    found = []
    for k, prior in enumerate(priors):
        flat = raw[:, :, k].reshape(-1, raw.shape[-1])
        cells = np.array(list(np.ndindex(*raw.shape[:2])), "float64")
        middle = stride * (cells + 1 / (1 + np.exp(-flat[:, :2])))
        size = prior * np.exp(flat[:, 2:4])
        top_left = middle - size / 2
        powers = np.exp(flat[:, 5:])
        shares = np.array([row / row.sum() for row in powers])
        parts = (np.hstack([top_left, top_left + size]), 1 / (1 + np.exp(-flat[:, 4])), shares)
        found.append([part.reshape(*raw.shape[:2], *part.shape[1:]) for part in parts])
    return [np.stack(parts, axis=2) for parts in zip(*found, strict=True)]


@bank.accepted
def with_ops(raw, priors, stride):
    """A prior is a factor before the exponential or a logarithm in it."""
    raw = ops.convert_to_tensor(raw, "float32")
    rows = ops.reshape(ops.arange(raw.shape[0], dtype="float32"), (-1, 1, 1))
    columns = ops.reshape(ops.arange(raw.shape[1], dtype="float32"), (1, -1, 1))
    y, x = rows + ops.sigmoid(raw[..., 0]), columns + ops.sigmoid(raw[..., 1])
    h, w = (ops.exp(raw[..., 2 + k] + np.log(priors[:, k])) for k in (0, 1))
    edges = [stride * y - h / 2, stride * x - w / 2, stride * y + h / 2, stride * x + w / 2]
    results = ops.stack(edges, axis=-1), ops.sigmoid(raw[..., 4]), ops.softmax(raw[..., 5:])
    return tuple(ops.convert_to_numpy(part) for part in results)


# Wrong answers: what they are made of


def cells_of(raw):
    return np.stack(np.indices(raw.shape[:2]), axis=-1)[:, :, None]


def corners(centres, sizes):
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=-1)


def decoded(raw, priors, stride, centre=None, size=None, box=corners, sure=None, classes=None):
    """The model answer with another of its parts."""
    centre = centre or (lambda cells, d, stride, priors: (cells + sigmoid(d)) * stride)
    size = size or (lambda d, priors, stride: priors * np.exp(d))
    sure = sure or (lambda logit, raw: sigmoid(logit))
    classes = classes or (lambda logits, raw: softmax(logits))
    centres = centre(cells_of(raw), raw[..., :2], stride, priors)
    boxes = box(centres, size(raw[..., 2:4], priors, stride))
    return boxes, sure(raw[..., 4], raw), classes(raw[..., 5:], raw)


def after(raw, priors, stride, change):
    """The model answer with the results changed."""
    return change(*yolo_decode(raw, priors, stride), raw)


# The centres

for name, hint, centre in (
    (
        "centre_without_sigmoid",
        "The centre lies within its cell: dy and dx go through a sigmoid before they are added.",
        lambda cells, d, stride, priors: (cells + d) * stride,
    ),
    (
        "centre_in_cells",
        "The centre is in pixels: cell and sigmoid are to be multiplied by the stride.",
        lambda cells, d, stride, priors: cells + sigmoid(d),
    ),
    (
        "only_cells_scaled",
        "The sigmoid is a share of a cell: it is to be multiplied by the stride, too.",
        lambda cells, d, stride, priors: cells * stride + sigmoid(d),
    ),
    (
        "only_sigmoid_scaled",
        "The number of the cell is to be multiplied by the stride, too, not the sigmoid only.",
        lambda cells, d, stride, priors: cells + sigmoid(d) * stride,
    ),
    (
        "half_a_cell_more",
        "The sigmoid is counted from the beginning of the cell; here from its centre.",
        lambda cells, d, stride, priors: (cells + 0.5 + sigmoid(d)) * stride,
    ),
    (
        "about_the_cells_centre",
        "The sigmoid is counted from the beginning of the cell; here 1/2 is subtracted from it.",
        lambda cells, d, stride, priors: (cells + sigmoid(d) - 0.5) * stride,
    ),
    (
        "as_in_faster_rcnn",
        "The centre lies within its cell; here it is moved by any number of the prior's sizes, as "
        "in chapter 12.",
        lambda cells, d, stride, priors: (cells + 0.5) * stride + d * priors,
    ),
    (
        "sigmoid_of_the_prior",
        "The centre lies at cell + sigmoid, times the stride; here the sigmoid is in units of the "
        "prior.",
        lambda cells, d, stride, priors: cells * stride + sigmoid(d) * priors,
    ),
    (
        "later_yolo",
        "The sigmoid is added as it is; here it is doubled and 1/2 subtracted, as in later "
        "versions.",
        lambda cells, d, stride, priors: (cells + 2 * sigmoid(d) - 0.5) * stride,
    ),
    (
        "cells_exchanged",
        "The row of a cell belongs to y and its column to x; here it is the other way round.",
        lambda cells, d, stride, priors: (cells[..., ::-1] + sigmoid(d)) * stride,
    ),
    (
        "cells_counted_from_1",
        "Cells are counted from 0: here all centres lie one cell too far down and right.",
        lambda cells, d, stride, priors: (cells + 1 + sigmoid(d)) * stride,
    ),
    (
        "no_cells",
        "The sigmoid is counted from the cell's beginning; here from the picture's.",
        lambda cells, d, stride, priors: (0 * cells + sigmoid(d)) * stride,
    ),
    (
        "dx_before_dy",
        "The first number is dy, the second dx; here they are exchanged.",
        lambda cells, d, stride, priors: (cells + sigmoid(d[..., ::-1])) * stride,
    ),
    (
        "sigmoid_of_the_sum",
        "The sigmoid is that of dy and dx alone; here the cell is within it.",
        lambda cells, d, stride, priors: sigmoid(cells + d) * stride,
    ),
    (
        "tanh_for_sigmoid",
        "dy and dx go through a sigmoid, from 0 to 1, not through a tanh.",
        lambda cells, d, stride, priors: (cells + np.tanh(d)) * stride,
    ),
    (
        "centre_as_share",
        "The centre is in pixels; here it is a share of the map.",
        lambda cells, d, stride, priors: (cells + sigmoid(d)) / [cells.shape[0], cells.shape[1]],
    ),
):
    bank.variant(name, hint, decoded, centre=centre)

# The sizes

for name, hint, size in (
    (
        "no_exponential",
        "dh and dw are logarithms: the exponential is missing.",
        lambda d, priors, stride: priors * d,
    ),
    (
        "sigmoid_of_sizes",
        "dh and dw go through the exponential, not through a sigmoid.",
        lambda d, priors, stride: priors * sigmoid(d),
    ),
    (
        "sigmoid_in_the_exponential",
        "dh and dw go through the exponential alone; here through a sigmoid before.",
        lambda d, priors, stride: priors * np.exp(sigmoid(d)),
    ),
    (
        "relative_growth",
        "dh and dw are logarithms, not shares by which the prior grows.",
        lambda d, priors, stride: priors * (1 + d),
    ),
    (
        "priors_in_cells",
        "The priors are in pixels: they are not multiplied by the stride.",
        lambda d, priors, stride: priors * stride * np.exp(d),
    ),
    (
        "sizes_in_cells",
        "The priors are in pixels: they are not divided by the stride.",
        lambda d, priors, stride: priors / stride * np.exp(d),
    ),
    (
        "sizes_without_priors",
        "The exponential is multiplied by the prior; here by the stride.",
        lambda d, priors, stride: stride * np.exp(d) + 0 * priors,
    ),
    (
        "exponential_alone",
        "The exponential is to be multiplied by the prior.",
        lambda d, priors, stride: np.exp(d) + 0 * priors,
    ),
    (
        "priors_alone",
        "The sizes are those of the priors: dh and dw are not used.",
        lambda d, priors, stride: priors + 0 * d,
    ),
    (
        "width_before_height",
        "The priors are (h, w); here they are taken for (w, h).",
        lambda d, priors, stride: priors[:, ::-1] * np.exp(d),
    ),
    (
        "dw_before_dh",
        "The third number is dh, the fourth dw; here they are exchanged.",
        lambda d, priors, stride: priors * np.exp(d[..., ::-1]),
    ),
    (
        "first_prior_for_all",
        "Each anchor has a prior of its own; here all have the first one.",
        lambda d, priors, stride: priors[0] * np.exp(d),
    ),
    (
        "priors_backwards",
        "Anchor k has prior k; here the priors are taken from the end.",
        lambda d, priors, stride: priors[::-1] * np.exp(d),
    ),
    (
        "later_yolo_sizes",
        "The sizes are prior times exponential; here the square of a doubled sigmoid, as in later "
        "versions.",
        lambda d, priors, stride: priors * (2 * sigmoid(d)) ** 2,
    ),
    (
        "prior_added",
        "The exponential is multiplied by the prior; here the prior is added to it.",
        lambda d, priors, stride: priors + np.exp(d),
    ),
    (
        "powers_of_2",
        "The logarithms are natural ones: powers of e are meant, not of 2.",
        lambda d, priors, stride: priors * 2**d,
    ),
    (
        "roots",
        "The sizes are prior times exponential; here its root is taken, as if areas were meant.",
        lambda d, priors, stride: priors * np.exp(d / 2),
    ),
):
    bank.variant(name, hint, decoded, size=size)

# The boxes

for name, hint, box in (
    (
        "centres_and_sizes",
        "A box is two corners, (y1, x1, y2, x2); here it is centre, height and width.",
        lambda c, s: np.concatenate([c, s], axis=-1),
    ),
    (
        "corner_and_size",
        "A box is two corners; here it is the upper left one, height and width.",
        lambda c, s: np.concatenate([c - s / 2, s], axis=-1),
    ),
    (
        "sizes_not_halved",
        "A corner lies *half* a height and a width from the centre; here a whole one.",
        lambda c, s: np.concatenate([c - s, c + s], axis=-1),
    ),
    (
        "upper_left_at_the_centre",
        "What is found is the centre of the box; here it is taken for the upper left corner.",
        lambda c, s: np.concatenate([c, c + s], axis=-1),
    ),
    (
        "x_first",
        "A box is (y1, x1, y2, x2); here x comes before y.",
        lambda c, s: corners(c, s)[..., [1, 0, 3, 2]],
    ),
    (
        "axis_by_axis",
        "A box is (y1, x1, y2, x2); here it is (y1, y2, x1, x2).",
        lambda c, s: corners(c, s)[..., [0, 2, 1, 3]],
    ),
    (
        "lower_right_first",
        "The upper left corner comes first; here the lower right one does.",
        lambda c, s: corners(c, s)[..., [2, 3, 0, 1]],
    ),
    (
        "not_below_0",
        "Boxes may reach beyond the picture; here nothing is below 0.",
        lambda c, s: np.maximum(corners(c, s), 0),
    ),
    (
        "whole_pixels",
        "The corners are as they come out; here they are rounded to whole pixels.",
        lambda c, s: np.round(corners(c, s)),
    ),
    (
        "one_long_list",
        "The boxes keep the axes of the map and of the anchors; here they are one long list.",
        lambda c, s: corners(c, s).reshape(-1, 4),
    ),
):
    bank.variant(name, hint, decoded, box=box)

# The objectness

for name, hint, sure in (
    (
        "objectness_without_sigmoid",
        "The objectness goes through a sigmoid; here it is left as it was given.",
        lambda logit, raw: logit,
    ),
    (
        "objectness_times_class",
        "The objectness is asked for alone; here it is multiplied by the best class.",
        lambda logit, raw: sigmoid(logit) * softmax(raw[..., 5:]).max(axis=-1),
    ),
    (
        "objectness_exponential",
        "The objectness goes through a sigmoid, not through the exponential.",
        lambda logit, raw: np.exp(logit),
    ),
    (
        "objectness_softmax_of_anchors",
        "Each anchor has its own objectness, by a sigmoid; here the anchors of a cell share 1.",
        lambda logit, raw: softmax(logit),
    ),
    (
        "objectness_decided",
        "The objectness is a number between 0 and 1; here it is decided whether it is above 1/2.",
        lambda logit, raw: (logit > 0).astype(float),
    ),
    (
        "objectness_with_an_axis_more",
        "The objectness has the shape (H, W, A); here it has an axis more.",
        lambda logit, raw: sigmoid(logit)[..., None],
    ),
    (
        "objectness_is_the_first",
        "The objectness is the fifth of the numbers; here the first is taken for it.",
        lambda logit, raw: sigmoid(raw[..., 0]),
    ),
    (
        "objectness_is_the_last",
        "The objectness is the fifth of the numbers; here the last is taken for it.",
        lambda logit, raw: sigmoid(raw[..., -1]),
    ),
    (
        "background",
        "The objectness says how sure an object is there; here it is 1 minus that.",
        lambda logit, raw: 1 - sigmoid(logit),
    ),
):
    bank.variant(name, hint, decoded, sure=sure)

# The classes

for name, hint, classes in (
    (
        "classes_times_objectness",
        "The classes are asked for alone; here they are multiplied by the objectness.",
        lambda logits, raw: softmax(logits) * sigmoid(raw[..., 4:5]),
    ),
    (
        "classes_by_sigmoid",
        "The classes of an anchor share 1, by a softmax; here each has a sigmoid, as in YOLOv3.",
        lambda logits, raw: sigmoid(logits),
    ),
    (
        "classes_as_given",
        "The classes go through a softmax; here they are left as they were given.",
        lambda logits, raw: logits,
    ),
    (
        "softmax_over_anchors",
        "The softmax is over the classes of an anchor; here it is over the anchors of a cell.",
        lambda logits, raw: np.moveaxis(softmax(np.moveaxis(logits, 2, -1)), -1, 2),
    ),
    (
        "softmax_over_all",
        "The softmax is over the classes of an anchor; here all numbers together share 1.",
        lambda logits, raw: np.exp(logits) / np.exp(logits).sum(),
    ),
    (
        "softmax_with_objectness",
        "The objectness is no class; here it takes part in the softmax.",
        lambda logits, raw: softmax(raw[..., 4:])[..., 1:],
    ),
    (
        "objectness_as_a_class",
        "The objectness is no class; here it is the first of them.",
        lambda logits, raw: softmax(raw[..., 4:]),
    ),
    (
        "logarithms",
        "The softmax itself is asked for; here its logarithm is returned.",
        lambda logits, raw: np.log(softmax(logits)),
    ),
    (
        "best_class",
        "The shares of all classes are asked for; here it is the number of the best one.",
        lambda logits, raw: logits.argmax(axis=-1),
    ),
    (
        "shares_of_the_sum",
        "The classes go through a softmax; here each is divided by the sum, without exponential.",
        lambda logits, raw: logits / logits.sum(axis=-1, keepdims=True),
    ),
    (
        "exponentials",
        "The exponentials are to be divided by their sum, so that the classes share 1.",
        lambda logits, raw: np.exp(logits),
    ),
    (
        "softmax_twice",
        "The classes go through one softmax; here through two.",
        lambda logits, raw: softmax(softmax(logits)),
    ),
):
    bank.variant(name, hint, decoded, classes=classes)


# Several at once


@bank.mistake("The numbers are (dy, dx, dh, dw); here they are taken for (dx, dy, dw, dh).")
def x_before_y(raw, priors, stride):
    order = [1, 0, 3, 2, *range(4, raw.shape[-1])]
    return yolo_decode(raw[..., order], priors, stride)


@bank.mistake(
    "dy and dx go through a sigmoid, dh and dw through the exponential alone; here the sigmoid is "
    "that of dh and dw."
)
def sigmoid_of_the_others(raw, priors, stride):
    return decoded(
        raw,
        priors,
        stride,
        centre=lambda cells, d, stride, priors: (cells + d) * stride,
        size=lambda d, priors, stride: priors * np.exp(sigmoid(d)),
    )


@bank.mistake(
    "The objectness goes through a sigmoid and the classes through a softmax; here both are left "
    "as they were given."
)
def logits(raw, priors, stride):
    return yolo_decode(raw, priors, stride)[0], raw[..., 4], raw[..., 5:]


# All three

for name, hint, change in (
    (
        "classes_before_objectness",
        "The objectness is the second result, the classes the third; here they are exchanged.",
        lambda boxes, sure, classes, raw: (boxes, classes, sure),
    ),
    (
        "all_flat",
        "The results keep the axes (H, W, A); here these are one.",
        lambda boxes, sure, classes, raw: (
            boxes.reshape(-1, 4),
            sure.ravel(),
            classes.reshape(-1, classes.shape[-1]),
        ),
    ),
    (
        "columns_before_rows",
        "The results keep the axes (H, W, A); here the columns come before the rows.",
        lambda boxes, sure, classes, raw: tuple(x.swapaxes(0, 1) for x in (boxes, sure, classes)),
    ),
    (
        "anchors_first",
        "The results keep the axes (H, W, A); here the anchors come first.",
        lambda boxes, sure, classes, raw: tuple(
            np.moveaxis(x, 2, 0) for x in (boxes, sure, classes)
        ),
    ),
):
    bank.variant(name, hint, after, change=change)
