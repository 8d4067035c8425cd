"""Answers to `input_region`, right and wrong."""

import functools
import math

import numpy as np
from keras import ops

from autograder.setting.bank import Bank

from ..tasks import input_region, receptive_field
from ._shared import (
    STRIDE_AND_DILATION,
    exchanged,
    stride_or_dilation,
    without_dilations,
    without_points,
    without_strides,
)

bank = Bank(input_region)


@bank.accepted
def by_field(layers, index):
    size, jump = receptive_field(layers)[-1]
    return index * jump, index * jump + size - 1


@bank.accepted
def by_positions(layers, index):
    units = np.array([index])
    for kernel, stride, dilation in layers[::-1]:
        units = np.unique(units[:, None] * stride + np.arange(kernel) * dilation)
    return int(units.min()), int(units.max())


@bank.accepted
def recursive(layers, index):
    if not layers:
        return index, index
    *before, (kernel, stride, dilation) = layers
    start = index * stride
    left, _ = recursive(before, start)
    _, right = recursive(before, start + (kernel - 1) * dilation)
    return [left, right]


@bank.accepted
def by_reduce(layers, index):
    def back(region, layer):
        kernel, stride, dilation = layer
        return region * stride + np.array([0, (kernel - 1) * dilation])

    return functools.reduce(back, reversed(layers), np.array([index, index]))


@bank.accepted
def by_gradient(layers, index):
    """Run the layers on numbered positions and see which ones arrive."""
    _, last = input_region(layers, index)
    x = np.eye(last + 8, dtype="float32")[:, :, None]  # one sample for each position
    for kernel, stride, dilation in layers:
        x = ops.conv(x, np.ones((kernel, 1, 1), "float32"), 1, "valid", dilation_rate=dilation)
        x = x[:, ::stride]
    reached = np.flatnonzero(ops.convert_to_numpy(x)[:, index, 0])
    return reached[0], reached[-1]


@bank.accepted
def by_windows(layers, index):
    """Every unit as the lowest and the highest position it has seen."""
    length = (index + 1) * 3
    for kernel, stride, dilation in reversed(layers):
        length = length * stride + (kernel - 1) * dilation
    low = high = np.arange(length)
    for kernel, stride, dilation in layers:
        reach = (kernel - 1) * dilation + 1
        windows = np.lib.stride_tricks.sliding_window_view
        low = windows(low, reach)[::stride, ::dilation].min(axis=1)
        high = windows(high, reach)[::stride, ::dilation].max(axis=1)
    return low[index], high[index]


# One part of the way back is another


def by_rule(
    layers,
    index,
    left=lambda n, k, s, d: n * s,
    right=lambda n, k, s, d: n * s + (k - 1) * d,
    start=lambda index: (index, index),
    ends=lambda first, last: (first, last),
):
    """The way back in parts, so that one can be another.

    `left` and `right` give the two ends in a layer's input from the end in its output; `start` the
    ends to begin with; `ends` what is told.
    """
    first, last = start(index)
    for kernel, stride, dilation in reversed(layers):
        first = left(first, kernel, stride, dilation)
        last = right(last, kernel, stride, dilation)
    return ends(first, last)


bank.variant(
    "index_from_one",
    "Outputs are counted from 0: do not subtract 1 from `index`.",
    by_rule,
    start=lambda index: (index - 1, index - 1),
)
bank.variant(
    "from_one",
    "Outputs are counted from 0: output 0 begins at position 0.",
    by_rule,
    start=lambda index: (max(index - 1, 0),) * 2,
)
bank.variant(
    "next_unit",
    "This is the region of the next output: outputs are counted from 0.",
    by_rule,
    start=lambda index: (index + 1, index + 1),
)
bank.variant(
    "to_next_unit",
    "The last position belongs to output `index` itself, not to the one after it.",
    by_rule,
    start=lambda index: (index, index + 1),
)
bank.variant(
    "of_first_unit",
    "Use the argument `index`: this is the region of output 0.",
    by_rule,
    start=lambda index: (0, 0),
)

bank.variant(
    "exclusive",
    "`last` is included: the last position that reaches the output.",
    by_rule,
    ends=lambda first, last: (first, last + 1),
)
bank.variant(
    "last_short",
    "`last` is one too small: it is included, and a window of k weights ends k - 1 steps "
    "behind its beginning.",
    by_rule,
    ends=lambda first, last: (first, last - 1),
)
bank.variant(
    "both_from_one",
    "Positions are counted from 0: the first pixel is position 0.",
    by_rule,
    ends=lambda first, last: (first + 1, last + 1),
)
bank.variant(
    "length",
    "The second number is the last position, not how many there are.",
    by_rule,
    ends=lambda first, last: (first, last - first + 1),
)
bank.variant(
    "swapped", "The order is (first, last).", by_rule, ends=lambda first, last: (last, first)
)
bank.variant(
    "middle",
    "This is the middle of the region: its first and its last position are asked for.",
    by_rule,
    ends=lambda first, last: ((first + last) // 2,) * 2,
)
bank.variant(
    "centred",
    "Without padding nothing lies before position 0: the region begins at index * jump, it is "
    "not centred there.",
    by_rule,
    ends=lambda first, last: (first - (last - first) // 2, last - (last - first) // 2),
)
bank.variant(
    "all_positions",
    "Two numbers are asked for, first and last, not all positions between.",
    by_rule,
    ends=lambda first, last: list(range(first, last + 1)),
)
bank.variant(
    "first_alone",
    "Two numbers are asked for: the last position is missing.",
    by_rule,
    ends=lambda first, last: first,
)

bank.variant(
    "first_twice",
    "The windows are forgotten: the last position is where the window of the last unit ends.",
    by_rule,
    right=lambda n, k, s, d: n * s,
)
bank.variant(
    "whole_kernel",
    "A window of k weights ends k - 1 steps behind its beginning, not k.",
    by_rule,
    right=lambda n, k, s, d: n * s + k * d,
)
bank.variant(
    "gap_behind",
    "A dilated window reaches over (kernel - 1) * dilation + 1: no gap behind the last weight.",
    by_rule,
    right=lambda n, k, s, d: n * s + k * d - 1,
)
bank.variant(
    "dilated_twice",
    "The dilation is applied twice: a step of the window is `dilation` units long, once.",
    by_rule,
    right=lambda n, k, s, d: n * s + (k - 1) * d * d,
)
bank.variant(
    "dilation_added",
    "Each of the kernel - 1 gaps is `dilation` wide, not one of them.",
    by_rule,
    right=lambda n, k, s, d: n * s + k + d - 2,
)
bank.variant(
    "even_down",
    "An even kernel has no middle, and all of its weights count: kernel - 1 steps.",
    by_rule,
    right=lambda n, k, s, d: n * s + 2 * ((k - 1) // 2) * d,
)
bank.variant(
    "even_up",
    "2 * (kernel // 2) is kernel - 1 for odd kernels only: even ones occur.",
    by_rule,
    right=lambda n, k, s, d: n * s + 2 * (k // 2) * d,
)
bank.variant(
    "radius_twice",
    "An even window has no middle, and all of its weights count: do not reckon with a half of "
    "it on each side.",
    by_rule,
    right=lambda n, k, s, d: n * s + (k * d - d) // 2 * 2,
)
bank.variant(
    "one_side",
    "The window lies behind its first position as a whole: kernel - 1 steps, not kernel // 2.",
    by_rule,
    right=lambda n, k, s, d: n * s + k // 2 * d,
)
bank.variant(
    "side_three",
    "The window has `kernel` weights, not always 3.",
    by_rule,
    right=lambda n, k, s, d: n * s + 2 * d,
)
bank.variant(
    "last_unstrided",
    "The stride is missing for the last position: a window's number times the stride is where "
    "it begins, for both ends.",
    by_rule,
    right=lambda n, k, s, d: n + (k - 1) * d,
)
bank.variant(
    "stride_on_window",
    "A layer's own stride does not widen its own window. Walking back, multiply by the stride "
    "first, then add (kernel - 1) * dilation; going forwards, add to the size before the "
    "stride multiplies the jump.",
    by_rule,
    right=lambda n, k, s, d: (n + (k - 1) * d) * s,
)
bank.variant(
    "end_of_stride",
    "The last window begins at last * stride, not at the last pixel of that stride.",
    by_rule,
    right=lambda n, k, s, d: (n + 1) * s - 1 + (k - 1) * d,
)
bank.variant(
    "at_least_stride",
    "A stride longer than the window leaves pixels out: they belong to no region.",
    by_rule,
    right=lambda n, k, s, d: n * s + max((k - 1) * d, s - 1),
)

bank.variant(
    "first_unstrided",
    "The stride is missing for the first position: window n begins at n * stride.",
    by_rule,
    left=lambda n, k, s, d: n,
)
bank.variant(
    "first_dilated",
    "A dilation does not move the window: its first weight is at n * stride.",
    by_rule,
    left=lambda n, k, s, d: n * s * d,
)


def beginning(layers, index, begin):
    """Every window begins at another place and is as long as it should be."""
    return by_rule(
        layers, index, left=begin, right=lambda n, k, s, d: begin(n, k, s, d) + (k - 1) * d
    )


bank.variant(
    "strides_added",
    "A stride multiplies: window n begins at n * stride.",
    beginning,
    begin=lambda n, k, s, d: n + s - 1,
)
bank.variant(
    "divided",
    "Walking back, a position is multiplied by the stride: window n begins at n * stride.",
    beginning,
    begin=lambda n, k, s, d: n // s,
)
bank.variant(
    "short_stride",
    "A stride may be longer than the kernel, and counts in full.",
    beginning,
    begin=lambda n, k, s, d: n * min(s, k),
)
bank.variant(
    "stride_or_dilation",
    STRIDE_AND_DILATION,
    beginning,
    begin=lambda n, k, s, d: n * (s if d == 1 else 1),
)
bank.variant(
    "all_dilated",
    "A dilation does not move the window: window n begins at n * stride.",
    beginning,
    begin=lambda n, k, s, d: n * s * d,
)

bank.variant(
    "half_windows",
    "Without padding a window begins at n * stride; it is not centred there.",
    by_rule,
    left=lambda n, k, s, d: n * s - k // 2 * d,
    right=lambda n, k, s, d: n * s + k // 2 * d,
)
bank.variant(
    "half_windows_cut",
    "The layers are `valid`: a window begins at n * stride, it is not centred there.",
    by_rule,
    left=lambda n, k, s, d: max(0, n * s - (k - 1) // 2 * d),
    right=lambda n, k, s, d: n * s + (k - 1) // 2 * d,
)
bank.variant(
    "same_padding",
    "These are positions for `same`; the layers are `valid`: no padding.",
    by_rule,
    left=lambda n, k, s, d: n * s - (k - 1) * d // 2,
    right=lambda n, k, s, d: n * s - (k - 1) * d // 2 + (k - 1) * d,
    ends=lambda first, last: (max(first, 0), last),
)


@bank.mistake(
    "The region is as long as one window of the first layer. Several outputs of a layer are "
    "needed: the last position goes back from the last of them, last * stride + (kernel - 1) * "
    "dilation."
)
def only_one_window(layers, index):
    """Begins the last position at the first one again in each layer."""
    first = last = index
    for kernel, stride, dilation in reversed(layers):
        first *= stride
        last = first + (kernel - 1) * dilation
    return first, last


@bank.mistake("Windows begin one stride apart, not one window: they may overlap.")
def all_tiles(layers, index):
    """Thinks that neighbouring windows do not overlap."""
    first, last = index, index
    for kernel, _, dilation in reversed(layers):
        reach = (kernel - 1) * dilation + 1
        first, last = first * reach, last * reach + reach - 1
    return first, last


# Reckoned from the receptive field


def from_field(layers, index, answer):
    """A function of the index, and of the size and jump behind the last layer."""
    size, jump = receptive_field(layers)[-1]
    return answer(index, size, jump)


bank.variant(
    "tiles",
    "The regions of neighbouring outputs overlap: a region is as long as the receptive field, "
    "not as the jump.",
    from_field,
    answer=lambda i, size, jump: (i * jump, (i + 1) * jump - 1),
)
bank.variant(
    "up_to_next",
    "A region is as long as the receptive field, not as the jump: it may end behind the place "
    "where the next one begins.",
    from_field,
    answer=lambda i, size, jump: (i * jump, (i + 1) * jump),
)
bank.variant(
    "steps_of_size",
    "Neighbouring regions begin one jump apart, not one receptive field: they overlap.",
    from_field,
    answer=lambda i, size, jump: (i * size, (i + 1) * size - 1),
)
bank.variant(
    "last_times_size",
    "The region is as long as the receptive field: last = first + size - 1.",
    from_field,
    answer=lambda i, size, jump: (i * jump, (i + 1) * size - 1),
)
bank.variant(
    "size_only",
    "Neighbouring outputs begin one jump apart: the first position is index * jump.",
    from_field,
    answer=lambda i, size, jump: (i, i + size - 1),
)
bank.variant(
    "field_itself",
    "This is size and jump: the first and the last position of the region are asked for.",
    from_field,
    answer=lambda i, size, jump: (size, jump),
)
bank.variant(
    "around",
    "Without padding nothing lies before position 0: the region *begins* at index * jump.",
    from_field,
    answer=lambda i, size, jump: (i * jump - size // 2, i * jump + size // 2),
)
bank.variant(
    "around_down",
    "Without padding the region *begins* at index * jump; it is not centred there.",
    from_field,
    answer=lambda i, size, jump: (i * jump - (size - 1) // 2, i * jump + (size - 1) // 2),
)
bank.variant(
    "around_cut",
    "The region *begins* at index * jump and is as long as the receptive field: it is not "
    "centred and cut off at 0.",
    from_field,
    answer=lambda i, size, jump: (max(0, i * jump - size // 2), i * jump + size // 2),
)
bank.variant(
    "around_the_middle",
    "A region of an even size has no middle pixel: it ends at first + size - 1.",
    from_field,
    answer=lambda i, size, jump: (i * jump, i * jump + size // 2 * 2),
)
bank.variant(
    "halves",
    "Positions are whole numbers; a region of an even size has no middle pixel. Begin at its "
    "first one: it ends at first + size - 1.",
    from_field,
    answer=lambda i, size, jump: (
        i * jump + (size - 1) / 2 - size // 2,
        i * jump + (size - 1) / 2 + size // 2,
    ),
)
bank.variant(
    "half_pixels",
    "Positions are whole numbers: from the middle of the first pixel to that of the last it is "
    "size - 1, not size.",
    from_field,
    answer=lambda i, size, jump: (i * jump - 0.5, i * jump + size - 0.5),
)


def with_jump(layers, index, jump):
    """A region of the right size that begins at the index times another jump, of the strides."""
    size, _ = receptive_field(layers)[-1]
    first = index * jump([stride for _, stride, _ in layers])
    return first, first + size - 1


bank.variant(
    "first_stride",
    "The first position is index times the product of all strides, not of the first alone.",
    with_jump,
    jump=lambda strides: strides[0],
)
bank.variant(
    "last_stride",
    "The first position is index times the product of all strides, not of the last one alone.",
    with_jump,
    jump=lambda strides: strides[-1],
)
bank.variant(
    "strides_summed", "The jump is the product of all strides, not their sum.", with_jump, jump=sum
)
bank.variant(
    "jump_before_last",
    "The last layer's stride counts for the jump between its outputs too.",
    with_jump,
    jump=lambda strides: math.prod(strides[:-1]),
)


@bank.mistake("Strides multiply, they are not added: two layers of stride 2 jump by 4 pixels.")
def jumps_added(layers, index):
    """Builds on a field whose jump adds the strides up."""
    size = jump = 1
    for kernel, stride, dilation in layers:
        size += (kernel - 1) * dilation * jump
        jump += stride - 1
    return index * jump, index * jump + size - 1


@bank.mistake(
    "A window behind strides is wider in the picture: its steps are multiplied by the jump before "
    "it."
)
def unscaled_field(layers, index):
    first, _ = by_field(layers, index)
    return first, first + sum((kernel - 1) * dilation for kernel, _, dilation in layers)


# The layers are read wrongly


def of_changed(layers, index, change):
    """The region through other layers."""
    return input_region(change(layers), index)


bank.variant(
    "forwards",
    "Walk back from the output: begin with the last layer.",
    of_changed,
    change=lambda layers: layers[::-1],
)
bank.variant(
    "without_dilation",
    "The dilation is forgotten: it spreads the weights.",
    of_changed,
    change=without_dilations,
)
bank.variant(
    "without_stride",
    "The strides are forgotten: window i begins at i * stride.",
    of_changed,
    change=without_strides,
)
bank.variant(
    "stride_for_dilation",
    "Stride and dilation are taken for each other: (kernel, stride, dilation).",
    of_changed,
    change=exchanged,
)
bank.variant(
    "dilation_or_stride",
    "A layer that has a stride may have a dilation as well: both count.",
    of_changed,
    change=stride_or_dilation,
)
bank.variant(
    "without_points",
    "A 1x1 layer reads one position, but its stride counts.",
    of_changed,
    change=without_points,
)
bank.variant(
    "last_layer",
    "Use all layers: this is the region in the input of the last one.",
    of_changed,
    change=lambda layers: layers[-1:],
)
bank.variant(
    "first_layer",
    "Use all layers: only the first one is walked through.",
    of_changed,
    change=lambda layers: layers[:1],
)
bank.variant(
    "last_layer_lost",
    "The last layer is left out: the walk back begins with it.",
    of_changed,
    change=lambda layers: layers[:-1],
)
bank.variant(
    "first_layer_lost",
    "The first layer is left out: the walk ends in the picture itself.",
    of_changed,
    change=lambda layers: layers[1:],
)
