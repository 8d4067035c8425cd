"""Answers to `receptive_field`, right and wrong."""

import itertools

import numpy as np
import scipy.signal
from keras import layers as keras_layers

from autograder.setting.bank import Bank

from ..tasks import receptive_field
from ._shared import (
    STRIDE_AND_DILATION,
    exchanged,
    stride_or_dilation,
    without_dilations,
    without_points,
    without_strides,
)

bank = Bank(receptive_field)


@bank.accepted
def recursive(layers):
    if not layers:
        return []
    *before, (kernel, stride, dilation) = layers
    found = recursive(before)
    size, jump = found[-1] if found else (1, 1)
    return [*found, (size + jump * dilation * (kernel - 1), jump * stride)]


@bank.accepted
def backwards(layers):
    """For each layer: walk from one of its units back to the picture."""
    found = []
    for depth in range(1, len(layers) + 1):
        size, jump = 1, 1
        for kernel, stride, dilation in reversed(layers[:depth]):
            size = (size - 1) * stride + dilation * (kernel - 1) + 1
            jump = jump * stride
        found.append((size, jump))
    return found


@bank.accepted
def cumulative(layers):
    kernel, stride, dilation = np.array(layers).T
    jump = np.cumprod(stride)
    before = np.concatenate([[1], jump[:-1]])
    return list(zip(1 + np.cumsum((kernel - 1) * dilation * before), jump, strict=True))


@bank.accepted
def by_positions(layers):
    """The set of positions that reach a unit and its neighbour, layer by layer."""
    found = []
    for depth in range(len(layers)):
        own, next_ = (positions(unit, layers[: depth + 1]) for unit in (0, 1))
        found.append([max(own) - min(own) + 1, min(next_) - min(own)])
    return found


def positions(unit, layers):
    """The positions of the picture that reach a unit of the last layer."""
    units = {unit}
    for kernel, stride, dilation in reversed(layers):
        units = {u * stride + tap * dilation for u in units for tap in range(kernel)}
    return units


@bank.accepted
def by_convolution(layers):
    """All layers as one kernel, on the grid of the picture."""
    whole, jump, found = np.ones(1), 1, ()
    for kernel, stride, dilation in layers:
        taps = np.zeros((kernel - 1) * dilation * jump + 1)
        taps[:: dilation * jump] = 1
        whole = scipy.signal.convolve(whole, taps)
        jump *= stride
        found += ((len(whole), jump),)
    return found


@bank.accepted
def by_reduce(layers):
    def step(field, layer):
        return field[0] + (layer[0] - 1) * layer[2] * field[1], field[1] * layer[1]

    return list(itertools.accumulate(layers, step, initial=(1, 1)))[1:]


@bank.accepted
def by_layers(layers):
    """Ask Keras: the shortest input that gives one unit, and the one that gives two."""

    def length(chain, units):
        size = units
        for kernel, stride, dilation in reversed(chain):
            size = (size - 1) * stride + 1  # positions without a gap, then the window over them
            while (
                keras_layers.Conv1D(1, kernel, dilation_rate=dilation).compute_output_shape(
                    (None, size + (kernel - 1) * dilation, 1)
                )[1]
                != size
            ):
                raise AssertionError
            size += (kernel - 1) * dilation
        return size

    chains = [layers[: depth + 1] for depth in range(len(layers))]
    return [(length(c, 1), length(c, 2) - length(c, 1)) for c in chains]


# One part of the recurrence is another


def by_rule(
    layers,
    reach=lambda k, s, d: (k - 1) * d,
    step=lambda jump, k, s, d: jump * s,
    start=(1, 1),
    entry=lambda size, jump: (size, jump),
):
    """The recurrence in parts, so that one can be another.

    `reach` is what a layer adds, in steps of its input; `step` the new jump from the old one;
    `start` the size and jump of the picture; `entry` what is listed.
    """
    (size, jump), found = start, []
    for kernel, stride, dilation in layers:
        size += reach(kernel, stride, dilation) * jump
        jump = step(jump, kernel, stride, dilation)
        found.append(entry(size, jump))
    return found


ONE_SIDE = "This is how far a unit sees to one side; the size counts all pixels from first to last."

bank.variant(
    "from_zero",
    "The size begins with the one pixel that a unit of the picture sees, not with 0.",
    by_rule,
    start=(0, 1),
)
bank.variant(
    "jump_from_zero",
    "The jump begins with 1: neighbouring pixels of the picture lie one pixel apart.",
    by_rule,
    start=(1, 0),
)

bank.variant(
    "one_too_large",
    "The sizes are one too large: a unit of the picture sees 1 pixel, and each layer adds to that.",
    by_rule,
    entry=lambda size, jump: (size + 1, jump),
)
bank.variant("half_size", ONE_SIDE, by_rule, entry=lambda size, jump: (size // 2, jump))
bank.variant("radius", ONE_SIDE, by_rule, entry=lambda size, jump: ((size - 1) / 2, jump))
bank.variant("radius_down", ONE_SIDE, by_rule, entry=lambda size, jump: ((size - 1) // 2, jump))
bank.variant(
    "area",
    "The size is counted along one axis: do not square it.",
    by_rule,
    entry=lambda size, jump: (size * size, jump),
)

bank.variant(
    "whole_kernel",
    "A window of k weights takes k - 1 steps from its first to its last: a 1x1 adds nothing.",
    by_rule,
    reach=lambda k, s, d: k * d,
)
bank.variant(
    "kernel_times_dilation",
    "A dilated window reaches over (kernel - 1) * dilation + 1: no gap behind the last weight.",
    by_rule,
    reach=lambda k, s, d: k * d - 1,
)
bank.variant(
    "dilation_once",
    "Each of the kernel - 1 gaps is `dilation` wide, not one of them.",
    by_rule,
    reach=lambda k, s, d: k + d - 2,
)
bank.variant(
    "half_kernel",
    "2 * (kernel // 2) is kernel - 1 for odd kernels only: even ones occur.",
    by_rule,
    reach=lambda k, s, d: 2 * (k // 2) * d,
)
bank.variant(
    "half_down",
    "2 * ((kernel - 1) // 2) is kernel - 1 for odd kernels only: even ones occur.",
    by_rule,
    reach=lambda k, s, d: 2 * ((k - 1) // 2) * d,
)
bank.variant(
    "one_side",
    "A window adds pixels on both sides: kernel - 1 steps in all, not kernel // 2.",
    by_rule,
    reach=lambda k, s, d: k // 2 * d,
)
bank.variant(
    "dilated_twice",
    "The dilation is applied twice: a step of the window is `dilation` units long, once.",
    by_rule,
    reach=lambda k, s, d: (k - 1) * d * d,
)
bank.variant(
    "gaps_only",
    "A dilation of d makes each of the window's kernel - 1 steps d long, not d - 1.",
    by_rule,
    reach=lambda k, s, d: (k - 1) * max(d - 1, 1),
)
bank.variant(
    "gaps_too_wide",
    "A dilation of d makes each of the window's kernel - 1 steps d long, not d + 1.",
    by_rule,
    reach=lambda k, s, d: (k - 1) * (d + 1 if d > 1 else 1),
)
bank.variant(
    "kernel_and_gaps",
    "A dilation of d leaves d - 1 pixels between two weights, not d: (kernel - 1) * dilation "
    "steps in all.",
    by_rule,
    reach=lambda k, s, d: k + (k - 1) * d - 1,
)
bank.variant(
    "stride_added",
    "A layer's own stride adds nothing to its own size: it counts from the next layer on.",
    by_rule,
    reach=lambda k, s, d: (k - 1) * d + s - 1,
)
bank.variant(
    "stride_taken_off",
    "A layer adds kernel - 1 steps, not kernel - stride: its stride counts from the next layer on.",
    by_rule,
    reach=lambda k, s, d: (k - s) * d,
)
bank.variant(
    "window_of_stride",
    "A stride longer than the kernel leaves pixels out: the window stays as long as the kernel "
    "makes it.",
    by_rule,
    reach=lambda k, s, d: (max(k, s) - 1) * d,
)
bank.variant(
    "side_three",
    "The window has `kernel` weights, not always 3.",
    by_rule,
    reach=lambda k, s, d: 2 * d,
)

bank.variant(
    "dilation_in_jump",
    "A dilation widens the window but skips no output: the jump is multiplied by strides only.",
    by_rule,
    step=lambda jump, k, s, d: jump * s * d,
)
bank.variant(
    "last_stride",
    "The jump is the product of all strides so far, not the last one.",
    by_rule,
    step=lambda jump, k, s, d: s,
)
bank.variant(
    "largest_stride",
    "The jump is the product of all strides so far, not the largest of them.",
    by_rule,
    step=lambda jump, k, s, d: max(jump, s),
)
bank.variant(
    "jumps_added",
    "Strides multiply: two layers of stride 2 jump by 4 pixels.",
    by_rule,
    step=lambda jump, k, s, d: jump + s - 1,
)
bank.variant(
    "strides_summed",
    "Strides multiply, they are not added: a layer of stride 1 leaves the jump as it is.",
    by_rule,
    step=lambda jump, k, s, d: jump + s,
)
bank.variant(
    "short_stride",
    "A stride may be longer than the kernel, and counts in full.",
    by_rule,
    step=lambda jump, k, s, d: jump * min(s, k),
)
bank.variant(
    "jump_set_back",
    "A layer of stride 1 leaves the jump as it is; it does not set it back to 1.",
    by_rule,
    step=lambda jump, k, s, d: jump * s if s > 1 else 1,
)
bank.variant(
    "jump_of_two",
    "The jump is multiplied by the stride, which is not always 2.",
    by_rule,
    step=lambda jump, k, s, d: jump * 2 if s > 1 else jump,
)
bank.variant(
    "jump_power",
    "The jump is multiplied by each layer's stride; it is not squared.",
    by_rule,
    step=lambda jump, k, s, d: max(jump, s) ** 2 if s > 1 else jump,
)
bank.variant(
    "kernel_in_jump",
    "The jump is multiplied by strides; the kernel widens the size only.",
    by_rule,
    step=lambda jump, k, s, d: jump * k,
)
bank.variant(
    "jump_divided",
    "The maps become smaller, but neighbouring units lie further apart: multiply the jump by "
    "the stride.",
    by_rule,
    step=lambda jump, k, s, d: jump / s,
)
bank.variant(
    "stride_or_dilation",
    STRIDE_AND_DILATION,
    by_rule,
    step=lambda jump, k, s, d: jump * (s if d == 1 else 1),
)


# Another recurrence


@bank.mistake(
    "A layer's own stride does not widen its own window: add to the size first, with the jump "
    "from before the layer, then multiply the jump."
)
def own_stride(layers):
    size, jump, found = 1, 1, []
    for kernel, stride, dilation in layers:
        jump *= stride
        size += (kernel - 1) * dilation * jump
        found.append((size, jump))
    return found


@bank.mistake(
    "The jump is right, but the size does not use it: one step in a layer's input is `jump` pixels "
    "of the picture."
)
def jump_unused(layers):
    size, jump, found = 1, 1, []
    for kernel, stride, dilation in layers:
        size += (kernel - 1) * dilation
        jump *= stride
        found.append((size, jump))
    return found


@bank.mistake(
    "size = (size - 1) * stride + window is the rule for walking from the last layer back to the "
    "picture; going forwards, add (kernel - 1) * dilation * jump."
)
def backward_rule(layers):
    size, jump, found = 1, 1, []
    for kernel, stride, dilation in layers:
        size = (size - 1) * stride + dilation * (kernel - 1) + 1
        jump *= stride
        found.append((size, jump))
    return found


@bank.mistake("A stride multiplies the jump, not the size: add to the size.")
def size_times_stride(layers):
    size, jump, found = 1, 1, []
    for kernel, stride, dilation in layers:
        size = (size + (kernel - 1) * dilation) * stride
        jump *= stride
        found.append((size, jump))
    return found


@bank.mistake("The size grows by the product of *all* strides before, not by the last of them.")
def strides_before(layers):
    found, size, last, jump = [], 1, 1, 1
    for kernel, stride, dilation in layers:
        size += (kernel - 1) * dilation * last
        last, jump = stride, jump * stride
        found.append((size, jump))
    return found


@bank.mistake(
    "A layer's steps are as long as the jump *before* it, the product of the strides before, not "
    "as its own stride."
)
def stride_for_jump(layers):
    size, jump, found = 1, 1, []
    for kernel, stride, dilation in layers:
        size += (kernel - 1) * dilation * stride
        jump *= stride
        found.append((size, jump))
    return found


@bank.mistake("The jump is the product of all strides so far, not a power of the layer's own.")
def stride_to_the_depth(layers):
    size, jump, found = 1, 1, []
    for depth, (kernel, stride, dilation) in enumerate(layers, 1):
        size += (kernel - 1) * dilation * jump
        jump = stride**depth
        found.append((size, jump))
    return found


@bank.mistake("The size is that of the layer's own window only: add up over the layers before.")
def own_windows(layers):
    jumps = [jump for _, jump in receptive_field(layers)]
    return [((k - 1) * d + 1, jump) for (k, _, d), jump in zip(layers, jumps, strict=True)]


@bank.mistake("Windows do not multiply: each layer adds (kernel - 1) * dilation steps.")
def product(layers):
    size, jump, found = 1, 1, []
    for kernel, stride, dilation in layers:
        size *= (kernel - 1) * dilation + 1
        jump *= stride
        found.append((size, jump))
    return found


@bank.mistake("Windows overlap: a layer adds one step less than its window is long.")
def sum_of_windows(layers):
    size, jump, found = 0, 1, []
    for kernel, stride, dilation in layers:
        size += ((kernel - 1) * dilation + 1) * jump
        jump *= stride
        found.append((size, jump))
    return found


@bank.mistake(
    "The size counts from the first pixel to the last, those between that reach nothing too."
)
def without_holes(layers):
    """Counts the pixels that reach a unit."""
    jumps = [jump for _, jump in receptive_field(layers)]
    return [(len(positions(0, layers[:depth])), jump) for depth, jump in enumerate(jumps, 1)]


# The layers are read wrongly


def of_changed(layers, change):
    """The field of other layers."""
    return receptive_field(change(layers))


def dilations_kept(layers):
    """Goes on with the dilations of earlier layers."""
    product = itertools.accumulate((d for *_, d in layers), lambda one, other: one * other)
    return [(k, s, d) for (k, s, _), d in zip(layers, product, strict=True)]


def dilations_before_strides(layers):
    """Does not spread the weights of a layer that comes behind a stride."""
    before = [1, *(jump for _, jump in receptive_field(layers))]
    return [(k, s, d if jump == 1 else 1) for (k, s, d), jump in zip(layers, before, strict=False)]


bank.variant(
    "without_dilation",
    "The dilation is forgotten: it spreads the weights.",
    of_changed,
    change=without_dilations,
)
bank.variant(
    "without_stride",
    "The stride is forgotten: it multiplies the jump.",
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
    "A layer of 1x1 has an entry too, and its stride counts.",
    of_changed,
    change=without_points,
)
bank.variant(
    "points_without_stride",
    "A 1x1 layer adds nothing to the size, but its stride counts.",
    of_changed,
    change=lambda layers: [(k, s if k > 1 else 1, d) for k, s, d in layers],
)
bank.variant(
    "first_stride_lost",
    "The first layer's stride is lost: it counts for all layers behind it.",
    of_changed,
    change=lambda layers: [*without_strides(layers[:1]), *layers[1:]],
)
bank.variant(
    "last_stride_lost",
    "The last layer's stride is lost: it counts for its own jump.",
    of_changed,
    change=lambda layers: [*layers[:-1], *without_strides(layers[-1:])],
)
bank.variant(
    "dilation_kept",
    "A dilation holds for its own layer only; later ones have their own.",
    of_changed,
    change=dilations_kept,
)
bank.variant(
    "first_dilation",
    "Each layer has a dilation of its own: yours takes the first one's for all of them.",
    of_changed,
    change=lambda layers: [(k, s, layers[0][2]) for k, s, _ in layers],
)
bank.variant(
    "shared_dilation",
    "A dilation counts behind a stride too: multiply it by the jump.",
    of_changed,
    change=dilations_before_strides,
)
bank.variant(
    "from_the_end",
    "Begin with the first layer, the one that reads the picture.",
    of_changed,
    change=lambda layers: layers[::-1],
)


@bank.mistake(
    "Each pair is for the first layers up to that one: walk from the first layer to the last."
)
def from_the_end_turned(layers):
    return receptive_field(layers[::-1])[::-1]


# The pairs are right, the list is not


def told(layers, tell):
    """The right pairs, told otherwise."""
    return tell(receptive_field(layers))


bank.variant(
    "with_input",
    "The input's own (1, 1) is not part of the list.",
    told,
    tell=lambda f: [(1, 1), *f],
)
bank.variant(
    "last_lost",
    "The list is one behind: it begins with the input's own (1, 1), and the last layer's pair "
    "is missing.",
    told,
    tell=lambda f: [(1, 1), *f[:-1]],
)
bank.variant(
    "jump_before",
    "The jump is the one after the layer, its own stride included.",
    told,
    tell=lambda f: [(size, jump) for (size, _), (_, jump) in zip(f, [(1, 1), *f], strict=False)],
)
bank.variant(
    "last_only",
    "A pair after *each* layer is asked for, not only after the last.",
    told,
    tell=lambda f: f[-1:],
)
bank.variant(
    "pair_only",
    "A list with a pair after *each* layer is asked for, not only the last pair.",
    told,
    tell=lambda f: f[-1],
)
bank.variant(
    "first_only",
    "The list ends after the first layer: does the `return` stand inside the loop?",
    told,
    tell=lambda f: f[:1],
)
bank.variant(
    "one_list",
    "Every entry is the last pair: one and the same list is appended and changed. Append a "
    "new pair each time.",
    told,
    tell=lambda f: f[-1:] * len(f),
)
bank.variant(
    "backward_list",
    "The pairs stand in the opposite order: the first layer's comes first.",
    told,
    tell=lambda f: f[::-1],
)
bank.variant(
    "swapped",
    "Each pair is (size, jump), in this order.",
    told,
    tell=lambda f: [(jump, size) for size, jump in f],
)
bank.variant(
    "sizes_only",
    "Each entry is a pair: (size, jump).",
    told,
    tell=lambda f: [size for size, _ in f],
)
bank.variant(
    "two_lists",
    "A pair for each layer is asked for, not a list of sizes and one of jumps.",
    told,
    tell=lambda f: [list(numbers) for numbers in zip(*f, strict=True)],
)
bank.variant(
    "flat",
    "Each layer has a pair of its own: (size, jump), not two numbers in a row.",
    told,
    tell=lambda f: [number for pair in f for number in pair],
)


@bank.mistake("Each entry is a pair (size, jump); leave out the layer itself.")
def with_layer(layers):
    pairs = receptive_field(layers)
    return [(*layer, *pair) for layer, pair in zip(layers, pairs, strict=True)]
