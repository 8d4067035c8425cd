"""Exercise 02: receptive fields. Right answers in several styles, and what students get wrong.

`docs/authoring.md` explains how such a file is written. `design_cnn` has many right answers: it is
judged by what a net must do, its `properties`.
"""

import functools
import itertools

import keras
import numpy as np
import scipy.signal
from keras import layers as keras_layers
from keras import ops

from autograder.data.key import Property
from autograder.setting.task import Accepted, Mistake, Task, Trial, counted, trial

STRIDE_AND_DILATION = (
    "A layer may have a stride and a dilation at once: one does not switch the other off."
)

# receptive_field


def receptive_field(layers):
    """Every layer adds (kernel - 1) * dilation steps of the jump before it."""
    size, jump, found = 1, 1, []
    for kernel, stride, dilation in layers:
        size += (kernel - 1) * dilation * jump
        jump *= stride
        found.append((size, jump))
    return found


def field_recursive(layers):
    if not layers:
        return []
    *before, (kernel, stride, dilation) = layers
    found = field_recursive(before)
    size, jump = found[-1] if found else (1, 1)
    return [*found, (size + jump * dilation * (kernel - 1), jump * stride)]


def field_backwards(layers):
    """For each layer: walk from one of its units back to the picture."""
    found = []
    for depth in range(1, len(layers) + 1):
        size, jump = 1, 1
        for kernel, stride, dilation in reversed(layers[:depth]):
            size = (size - 1) * stride + dilation * (kernel - 1) + 1
            jump = jump * stride
        found.append((size, jump))
    return found


def field_cumulative(layers):
    kernel, stride, dilation = np.array(layers).T
    jump = np.cumprod(stride)
    before = np.concatenate([[1], jump[:-1]])
    return list(zip(1 + np.cumsum((kernel - 1) * dilation * before), jump, strict=True))


def field_by_positions(layers):
    """The set of positions that reach a unit and its neighbour, layer by layer."""

    def reached(unit, chain):
        units = {unit}
        for kernel, stride, dilation in reversed(chain):
            units = {u * stride + tap * dilation for u in units for tap in range(kernel)}
        return units

    found = []
    for depth in range(len(layers)):
        own, next_ = (reached(unit, layers[: depth + 1]) for unit in (0, 1))
        found.append([max(own) - min(own) + 1, min(next_) - min(own)])
    return found


def field_by_convolution(layers):
    """All layers as one kernel, on the grid of the picture."""
    whole, jump, found = np.ones(1), 1, ()
    for kernel, stride, dilation in layers:
        taps = np.zeros((kernel - 1) * dilation * jump + 1)
        taps[:: dilation * jump] = 1
        whole = scipy.signal.convolve(whole, taps)
        jump *= stride
        found += ((len(whole), jump),)
    return found


def field_by_reduce(layers):
    def step(field, layer):
        return field[0] + (layer[0] - 1) * layer[2] * field[1], field[1] * layer[1]

    return list(itertools.accumulate(layers, step, initial=(1, 1)))[1:]


def field_by_layers(layers):
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


def field_own_stride(layers):
    size, jump, found = 1, 1, []
    for kernel, stride, dilation in layers:
        jump *= stride
        size += (kernel - 1) * dilation * jump
        found.append((size, jump))
    return found


def field_with(layers, reach=lambda k, s, d: (k - 1) * d, step=lambda jump, s, d: jump * s):
    """The recurrence with one part of it changed."""
    size, jump, found = 1, 1, []
    for kernel, stride, dilation in layers:
        size += reach(kernel, stride, dilation) * jump
        jump = step(jump, stride, dilation)
        found.append((size, jump))
    return found


def field_without_dilation(layers):
    return field_with(layers, reach=lambda k, s, d: k - 1)


def field_without_stride(layers):
    return field_with(layers, step=lambda jump, s, d: 1)


def field_jump_unused(layers):
    sizes = field_with(layers, step=lambda jump, s, d: 1)
    jumps = receptive_field(layers)
    return [(size, jump) for (size, _), (_, jump) in zip(sizes, jumps, strict=True)]


def field_whole_kernel(layers):
    return field_with(layers, reach=lambda k, s, d: k * d)


def field_kernel_times_dilation(layers):
    return field_with(layers, reach=lambda k, s, d: k * d - 1)


def field_dilation_once(layers):
    return field_with(layers, reach=lambda k, s, d: k + d - 2)


def field_dilation_in_jump(layers):
    return field_with(layers, step=lambda jump, s, d: jump * s * d)


def field_last_stride(layers):
    return field_with(layers, step=lambda jump, s, d: s)


def field_jumps_added(layers):
    return field_with(layers, step=lambda jump, s, d: jump + s - 1)


def field_half_kernel(layers):
    return field_with(layers, reach=lambda k, s, d: 2 * (k // 2) * d)


def field_backward_rule(layers):
    size, jump, found = 1, 1, []
    for kernel, stride, dilation in layers:
        size = (size - 1) * stride + dilation * (kernel - 1) + 1
        jump *= stride
        found.append((size, jump))
    return found


def field_size_times_stride(layers):
    size, jump, found = 1, 1, []
    for kernel, stride, dilation in layers:
        size = (size + (kernel - 1) * dilation) * stride
        jump *= stride
        found.append((size, jump))
    return found


def field_with_input(layers):
    return [(1, 1), *receptive_field(layers)]


def field_last_only(layers):
    return [receptive_field(layers)[-1]]


def field_swapped(layers):
    return [(jump, size) for size, jump in receptive_field(layers)]


def field_sizes_only(layers):
    return [size for size, _ in receptive_field(layers)]


def field_jump_before(layers):
    jumps = [1, *(jump for _, jump in receptive_field(layers))]
    return [(size, jump) for (size, _), jump in zip(receptive_field(layers), jumps, strict=False)]


def field_rule(name, reach=None, step=None, start=(1, 1), entry=lambda size, jump: (size, jump)):
    """A wrong answer: one part of the recurrence is another.

    `reach` is what a layer adds, in steps of its input, from k, s, d; `step` the new jump from the
    old one, k, s, d; `start` the size and jump of the picture; `entry` what is listed.
    """
    reach = reach or (lambda k, s, d: (k - 1) * d)
    step = step or (lambda jump, k, s, d: jump * s)

    def wrong(layers):
        (size, jump), found = start, []
        for kernel, stride, dilation in layers:
            size += reach(kernel, stride, dilation) * jump
            jump = step(jump, kernel, stride, dilation)
            found.append(entry(size, jump))
        return found

    wrong.__name__ = name
    return wrong


def field_from_the_end_turned(layers):
    return receptive_field(layers[::-1])[::-1]


def field_own_windows(layers):
    jumps = [jump for _, jump in receptive_field(layers)]
    return [((k - 1) * d + 1, jump) for (k, _, d), jump in zip(layers, jumps, strict=True)]


def field_product(layers):
    size, jump, found = 1, 1, []
    for kernel, stride, dilation in layers:
        size *= (kernel - 1) * dilation + 1
        jump *= stride
        found.append((size, jump))
    return found


def field_sum_of_windows(layers):
    size, jump, found = 0, 1, []
    for kernel, stride, dilation in layers:
        size += ((kernel - 1) * dilation + 1) * jump
        jump *= stride
        found.append((size, jump))
    return found


def field_from_the_end(layers):
    return receptive_field(layers[::-1])


def field_backward_list(layers):
    return receptive_field(layers)[::-1]


def field_without_points(layers):
    """Leaves out layers of 1x1."""
    return receptive_field([layer for layer in layers if layer[0] > 1])


def field_points_without_stride(layers):
    return receptive_field([(k, s if k > 1 else 1, d) for k, s, d in layers])


def field_first_stride_lost(layers):
    (k, _, d), *rest = layers
    return receptive_field([(k, 1, d), *rest])


def field_last_stride_lost(layers):
    *front, (k, _, d) = layers
    return receptive_field([*front, (k, 1, d)])


def field_dilation_kept(layers):
    """Goes on with the dilations of earlier layers."""
    product, changed = 1, []
    for kernel, stride, dilation in layers:
        product *= dilation
        changed.append((kernel, stride, product))
    return receptive_field(changed)


def field_stride_for_dilation(layers):
    return receptive_field([(k, d, s) for k, s, d in layers])


def field_first_dilation(layers):
    return receptive_field([(k, s, layers[0][2]) for k, s, _ in layers])


def field_shared_dilation(layers):
    """Does not spread the weights of a layer that comes behind a stride."""
    jump, changed = 1, []
    for kernel, stride, dilation in layers:
        changed.append((kernel, stride, dilation if jump == 1 else 1))
        jump *= stride
    return receptive_field(changed)


def field_dilation_or_stride(layers):
    return receptive_field([(k, s, 1 if s > 1 else d) for k, s, d in layers])


def field_two_lists(layers):
    return [list(numbers) for numbers in zip(*receptive_field(layers), strict=True)]


def field_flat(layers):
    return [number for pair in receptive_field(layers) for number in pair]


def field_with_layer(layers):
    pairs = receptive_field(layers)
    return [(*layer, *pair) for layer, pair in zip(layers, pairs, strict=True)]


def field_first_only(layers):
    return receptive_field(layers)[:1]


def field_pair_only(layers):
    return receptive_field(layers)[-1]


def field_strides_before(layers):
    """The jump of the size is the stride of the layer before, not the product."""
    found, size, last, jump = [], 1, 1, 1
    for kernel, stride, dilation in layers:
        size += (kernel - 1) * dilation * last
        last, jump = stride, jump * stride
        found.append((size, jump))
    return found


def field_last_lost(layers):
    return field_with_input(layers)[:-1]


def field_stride_for_jump(layers):
    size, jump, found = 1, 1, []
    for kernel, stride, dilation in layers:
        size += (kernel - 1) * dilation * stride
        jump *= stride
        found.append((size, jump))
    return found


def field_one_list(layers):
    """Appends one and the same list again and again."""
    return [receptive_field(layers)[-1]] * len(layers)


def field_without_holes(layers):
    """Counts the pixels that reach a unit."""
    found = []
    for depth, (_, jump) in enumerate(receptive_field(layers), 1):
        units = {0}
        for kernel, stride, dilation in reversed(layers[:depth]):
            units = {u * stride + tap * dilation for u in units for tap in range(kernel)}
        found.append((len(units), jump))
    return found


def field_stride_to_the_depth(layers):
    size, jump, found = 1, 1, []
    for depth, (kernel, stride, dilation) in enumerate(layers, 1):
        size += (kernel - 1) * dilation * jump
        jump = stride**depth
        found.append((size, jump))
    return found


ONE_SIDE = "This is how far a unit sees to one side; the size counts all pixels from first to last."
FIELD_RULES = [
    Mistake(
        field_rule("field_strides_summed", step=lambda jump, k, s, d: jump + s),
        "Strides multiply, they are not added: a layer of stride 1 leaves the jump as it is.",
    ),
    Mistake(
        field_rule("field_from_zero", start=(0, 1)),
        "The size begins with the one pixel that a unit of the picture sees, not with 0.",
    ),
    Mistake(
        field_rule("field_jump_from_zero", start=(1, 0)),
        "The jump begins with 1: neighbouring pixels of the picture lie one pixel apart.",
    ),
    Mistake(
        field_rule("field_one_too_large", entry=lambda size, jump: (size + 1, jump)),
        "The sizes are one too large: a unit of the picture sees 1 pixel, and each layer adds to "
        "that.",
    ),
    Mistake(
        field_rule("field_half_size", entry=lambda size, jump: (size // 2, jump)),
        ONE_SIDE,
    ),
    Mistake(
        field_rule("field_radius", entry=lambda size, jump: ((size - 1) / 2, jump)),
        ONE_SIDE,
    ),
    Mistake(
        field_rule("field_radius_down", entry=lambda size, jump: ((size - 1) // 2, jump)),
        ONE_SIDE,
    ),
    Mistake(
        field_rule("field_area", entry=lambda size, jump: (size * size, jump)),
        "The size is counted along one axis: do not square it.",
    ),
    Mistake(
        field_rule("field_half_down", reach=lambda k, s, d: 2 * ((k - 1) // 2) * d),
        "2 * ((kernel - 1) // 2) is kernel - 1 for odd kernels only: even ones occur.",
    ),
    Mistake(
        field_rule("field_one_side", reach=lambda k, s, d: k // 2 * d),
        "A window adds pixels on both sides: kernel - 1 steps in all, not kernel // 2.",
    ),
    Mistake(
        field_rule("field_dilated_twice", reach=lambda k, s, d: (k - 1) * d * d),
        "The dilation is applied twice: a step of the window is `dilation` units long, once.",
    ),
    Mistake(
        field_rule("field_gaps_only", reach=lambda k, s, d: (k - 1) * max(d - 1, 1)),
        "A dilation of d makes each of the window's kernel - 1 steps d long, not d - 1.",
    ),
    Mistake(
        field_rule("field_gaps_too_wide", reach=lambda k, s, d: (k - 1) * (d + 1 if d > 1 else 1)),
        "A dilation of d makes each of the window's kernel - 1 steps d long, not d + 1.",
    ),
    Mistake(
        field_rule("field_stride_added", reach=lambda k, s, d: (k - 1) * d + s - 1),
        "A layer's own stride adds nothing to its own size: it counts from the next layer on.",
    ),
    Mistake(
        field_rule("field_window_of_stride", reach=lambda k, s, d: (max(k, s) - 1) * d),
        "A stride longer than the kernel leaves pixels out: the window stays as long as the kernel "
        "makes it.",
    ),
    Mistake(
        field_rule("field_short_stride", step=lambda jump, k, s, d: jump * min(s, k)),
        "A stride may be longer than the kernel, and counts in full.",
    ),
    Mistake(
        field_rule("field_jump_set_back", step=lambda jump, k, s, d: jump * s if s > 1 else 1),
        "A layer of stride 1 leaves the jump as it is; it does not set it back to 1.",
    ),
    Mistake(
        field_rule("field_jump_of_two", step=lambda jump, k, s, d: jump * 2 if s > 1 else jump),
        "The jump is multiplied by the stride, which is not always 2.",
    ),
    Mistake(
        field_rule(
            "field_jump_power", step=lambda jump, k, s, d: max(jump, s) ** 2 if s > 1 else jump
        ),
        "The jump is multiplied by each layer's stride; it is not squared.",
    ),
    Mistake(
        field_rule("field_largest_stride", step=lambda jump, k, s, d: max(jump, s)),
        "The jump is the product of all strides so far, not the largest of them.",
    ),
    Mistake(
        field_rule("field_kernel_in_jump", step=lambda jump, k, s, d: jump * k),
        "The jump is multiplied by strides; the kernel widens the size only.",
    ),
    Mistake(
        field_strides_before,
        "The size grows by the product of *all* strides before, not by the last of them.",
    ),
    Mistake(
        field_own_windows,
        "The size is that of the layer's own window only: add up over the layers before.",
    ),
    Mistake(
        field_product, "Windows do not multiply: each layer adds (kernel - 1) * dilation steps."
    ),
    Mistake(
        field_sum_of_windows, "Windows overlap: a layer adds one step less than its window is long."
    ),
    Mistake(field_from_the_end, "Begin with the first layer, the one that reads the picture."),
    Mistake(
        field_backward_list, "The pairs stand in the opposite order: the first layer's comes first."
    ),
    Mistake(field_without_points, "A layer of 1x1 has an entry too, and its stride counts."),
    Mistake(
        field_points_without_stride, "A 1x1 layer adds nothing to the size, but its stride counts."
    ),
    Mistake(
        field_first_stride_lost,
        "The first layer's stride is lost: it counts for all layers behind it.",
    ),
    Mistake(field_last_stride_lost, "The last layer's stride is lost: it counts for its own jump."),
    Mistake(
        field_dilation_kept, "A dilation holds for its own layer only; later ones have their own."
    ),
    Mistake(
        field_first_dilation,
        "Each layer has a dilation of its own: yours takes the first one's for all of them.",
    ),
    Mistake(
        field_stride_for_dilation,
        "Stride and dilation are taken for each other: (kernel, stride, dilation).",
    ),
    Mistake(
        field_shared_dilation, "A dilation counts behind a stride too: multiply it by the jump."
    ),
    Mistake(
        field_dilation_or_stride,
        "A layer that has a stride may have a dilation as well: both count.",
    ),
    Mistake(
        field_two_lists, "A pair for each layer is asked for, not a list of sizes and one of jumps."
    ),
    Mistake(
        field_flat, "Each layer has a pair of its own: (size, jump), not two numbers in a row."
    ),
    Mistake(field_with_layer, "Each entry is a pair (size, jump); leave out the layer itself."),
    Mistake(
        field_first_only,
        "The list ends after the first layer: does the `return` stand inside the loop?",
    ),
    Mistake(
        field_pair_only,
        "A list with a pair after *each* layer is asked for, not only the last pair.",
    ),
    Mistake(
        field_last_lost,
        "The list is one behind: it begins with the input's own (1, 1), and the last layer's pair "
        "is missing.",
    ),
    Mistake(
        field_stride_for_jump,
        "A layer's steps are as long as the jump *before* it, the product of the strides before, "
        "not as its own stride.",
    ),
    Mistake(
        field_one_list,
        "Every entry is the last pair: one and the same list is appended and changed. Append a "
        "new pair each time.",
    ),
    Mistake(
        field_without_holes,
        "The size counts from the first pixel to the last, those between that reach nothing too.",
    ),
    Mistake(
        field_stride_to_the_depth,
        "The jump is the product of all strides so far, not a power of the layer's own.",
    ),
    Mistake(
        field_rule("field_kernel_and_gaps", reach=lambda k, s, d: k + (k - 1) * d - 1),
        "A dilation of d leaves d - 1 pixels between two weights, not d: (kernel - 1) * dilation "
        "steps in all.",
    ),
    Mistake(
        field_rule("field_side_three", reach=lambda k, s, d: 2 * d),
        "The window has `kernel` weights, not always 3.",
    ),
    Mistake(
        field_rule("field_stride_taken_off", reach=lambda k, s, d: (k - s) * d),
        "A layer adds kernel - 1 steps, not kernel - stride: its stride counts from the next layer "
        "on.",
    ),
    Mistake(
        field_rule("field_jump_divided", step=lambda jump, k, s, d: jump / s),
        "The maps become smaller, but neighbouring units lie further apart: multiply the jump by "
        "the stride.",
    ),
    Mistake(
        field_rule(
            "field_stride_or_dilation", step=lambda jump, k, s, d: jump * (s if d == 1 else 1)
        ),
        STRIDE_AND_DILATION,
    ),
    Mistake(
        field_from_the_end_turned,
        "Each pair is for the first layers up to that one: walk from the first layer to the last.",
    ),
]


FIELD_MISTAKES = [
    Mistake(
        field_own_stride,
        "A layer's own stride does not widen its own window: add to the size first, with the jump "
        "from before the layer, then multiply the jump.",
    ),
    Mistake(field_without_dilation, "The dilation is forgotten: it spreads the weights."),
    Mistake(field_without_stride, "The stride is forgotten: it multiplies the jump."),
    Mistake(
        field_jump_unused,
        "The jump is right, but the size does not use it: one step in a layer's input is `jump` "
        "pixels of the picture.",
    ),
    Mistake(
        field_whole_kernel,
        "A window of k weights takes k - 1 steps from its first to its last: a 1x1 adds nothing.",
    ),
    Mistake(
        field_kernel_times_dilation,
        "A dilated window reaches over (kernel - 1) * dilation + 1: no gap behind the last weight.",
    ),
    Mistake(
        field_dilation_once, "Each of the kernel - 1 gaps is `dilation` wide, not one of them."
    ),
    Mistake(
        field_dilation_in_jump,
        "A dilation widens the window but skips no output: the jump is multiplied by strides only.",
    ),
    Mistake(field_last_stride, "The jump is the product of all strides so far, not the last one."),
    Mistake(field_jumps_added, "Strides multiply: two layers of stride 2 jump by 4 pixels."),
    Mistake(
        field_half_kernel, "2 * (kernel // 2) is kernel - 1 for odd kernels only: even ones occur."
    ),
    Mistake(
        field_backward_rule,
        "size = (size - 1) * stride + window is the rule for walking from the last layer back to "
        "the picture; going forwards, add (kernel - 1) * dilation * jump.",
    ),
    Mistake(
        field_size_times_stride, "A stride multiplies the jump, not the size: add to the size."
    ),
    Mistake(field_with_input, "The input's own (1, 1) is not part of the list."),
    Mistake(field_last_only, "A pair after *each* layer is asked for, not only after the last."),
    Mistake(field_swapped, "Each pair is (size, jump), in this order."),
    Mistake(field_sizes_only, "Each entry is a pair: (size, jump)."),
    Mistake(field_jump_before, "The jump is the one after the layer, its own stride included."),
    *FIELD_RULES,
]


# input_region


def input_region(layers, index):
    """Walk back: an interval of units needs the windows of its first and of its last."""
    first = last = index
    for kernel, stride, dilation in reversed(layers):
        first = first * stride
        last = last * stride + (kernel - 1) * dilation
    return first, last


def region_by_field(layers, index):
    size, jump = receptive_field(layers)[-1]
    return index * jump, index * jump + size - 1


def region_by_positions(layers, index):
    units = np.array([index])
    for kernel, stride, dilation in layers[::-1]:
        units = np.unique(units[:, None] * stride + np.arange(kernel) * dilation)
    return int(units.min()), int(units.max())


def region_recursive(layers, index):
    if not layers:
        return index, index
    *before, (kernel, stride, dilation) = layers
    start = index * stride
    left, _ = region_recursive(before, start)
    _, right = region_recursive(before, start + (kernel - 1) * dilation)
    return [left, right]


def region_by_reduce(layers, index):
    def back(region, layer):
        kernel, stride, dilation = layer
        return region * stride + np.array([0, (kernel - 1) * dilation])

    return functools.reduce(back, reversed(layers), np.array([index, index]))


def region_by_gradient(layers, index):
    """Run the layers on numbered positions and see which ones arrive."""
    _, last = input_region(layers, index)
    x = np.eye(last + 8, dtype="float32")[:, :, None]  # one sample for each position
    for kernel, stride, dilation in layers:
        x = ops.conv(x, np.ones((kernel, 1, 1), "float32"), 1, "valid", dilation_rate=dilation)
        x = x[:, ::stride]
    reached = np.flatnonzero(ops.convert_to_numpy(x)[:, index, 0])
    return reached[0], reached[-1]


def region_by_windows(layers, index):
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


def region_exclusive(layers, index):
    first, last = input_region(layers, index)
    return first, last + 1


def region_from_one(layers, index):
    return input_region(layers, index - 1) if index else input_region(layers, index)


def region_centred(layers, index):
    first, last = input_region(layers, index)
    half = (last - first) // 2
    return first - half, last - half


def region_forwards(layers, index):
    return input_region(layers[::-1], index)


def region_without_dilation(layers, index):
    return input_region([(k, s, 1) for k, s, _ in layers], index)


def region_without_stride(layers, index):
    return input_region([(k, 1, d) for k, _, d in layers], index)


def region_last_stride(layers, index):
    size, _ = receptive_field(layers)[-1]
    first = index * layers[-1][1]
    return first, first + size - 1


def region_tiles(layers, index):
    _, jump = receptive_field(layers)[-1]
    return index * jump, (index + 1) * jump - 1


def region_length(layers, index):
    first, last = input_region(layers, index)
    return first, last - first + 1


def region_swapped(layers, index):
    return input_region(layers, index)[::-1]


def region_steps_of_size(layers, index):
    size, _ = receptive_field(layers)[-1]
    return index * size, (index + 1) * size - 1


def region_whole_kernel(layers, index):
    first = last = index
    for kernel, stride, dilation in reversed(layers):
        first, last = first * stride, last * stride + kernel * dilation
    return first, last


def region_same_padding(layers, index):
    first = last = index
    for kernel, stride, dilation in reversed(layers):
        before = (kernel - 1) * dilation // 2
        first = first * stride - before
        last = last * stride - before + (kernel - 1) * dilation
    return max(first, 0), last


def region_of_first_unit(layers, index):
    return input_region(layers, 0)


def region_last_layer(layers, index):
    return input_region(layers[-1:], index)


def region_stride_on_window(layers, index):
    first = last = index
    for kernel, stride, dilation in reversed(layers):
        first, last = first * stride, (last + (kernel - 1) * dilation) * stride
    return first, last


def region_rule(name, left=None, right=None, ends=lambda first, last: (first, last), start=None):
    """A wrong answer: one part of the way back is another.

    `left` and `right` are the two ends in a layer's input, from the end in its output and k, s, d.
    """
    left = left or (lambda n, k, s, d: n * s)
    right = right or (lambda n, k, s, d: n * s + (k - 1) * d)

    def wrong(layers, index):
        first, last = start(index) if start else (index, index)
        for kernel, stride, dilation in reversed(layers):
            first = left(first, kernel, stride, dilation)
            last = right(last, kernel, stride, dilation)
        return ends(first, last)

    wrong.__name__ = name
    return wrong


def region_from(name, answer):
    """A wrong answer: a function of index, size, jump and the layers."""

    def wrong(layers, index):
        size, jump = receptive_field(layers)[-1]
        return answer(index, size, jump, layers)

    wrong.__name__ = name
    return wrong


def region_jumps_added(layers, index):
    """Builds on a field whose jump adds the strides up."""
    size, jump = field_jumps_added(layers)[-1]
    return index * jump, index * jump + size - 1


def region_dilation_or_stride(layers, index):
    return input_region([(k, s, 1 if s > 1 else d) for k, s, d in layers], index)


def region_half_pixels(layers, index):
    size, jump = receptive_field(layers)[-1]
    middle = index * jump + (size - 1) / 2
    return middle - size / 2, middle + size / 2


def region_all_tiles(layers, index):
    """Thinks that neighbouring windows do not overlap."""
    first, last = index, index
    for kernel, _, dilation in reversed(layers):
        reach = (kernel - 1) * dilation + 1
        first, last = first * reach, last * reach + reach - 1
    return first, last


def region_without_points(layers, index):
    return input_region([layer for layer in layers if layer[0] > 1], index)


def region_stride_for_dilation(layers, index):
    return input_region([(k, d, s) for k, s, d in layers], index)


def region_first_layer(layers, index):
    return input_region(layers[:1], index)


def region_last_layer_lost(layers, index):
    return input_region(layers[:-1], index)


def region_first_layer_lost(layers, index):
    return input_region(layers[1:], index)


def region_all(layers, index):
    first, last = input_region(layers, index)
    return list(range(first, last + 1))


def region_only_one_window(layers, index):
    """Begins the last position at the first one again in each layer."""
    first = last = index
    for kernel, stride, dilation in reversed(layers):
        first *= stride
        last = first + (kernel - 1) * dilation
    return first, last


def region_around_the_middle(layers, index):
    size, jump = receptive_field(layers)[-1]
    middle = index * jump + size // 2
    return middle - size // 2, middle + size // 2


def region_halves(layers, index):
    size, jump = receptive_field(layers)[-1]
    middle = index * jump + (size - 1) / 2
    return middle - size // 2, middle + size // 2


REGION_RULES = [
    Mistake(
        region_rule(
            "region_at_least_stride", right=lambda n, k, s, d: n * s + max((k - 1) * d, s - 1)
        ),
        "A stride longer than the window leaves pixels out: they belong to no region.",
    ),
    Mistake(
        region_rule("region_radius_twice", right=lambda n, k, s, d: n * s + (k * d - d) // 2 * 2),
        "An even window has no middle, and all of its weights count: do not reckon with a half of "
        "it on each side.",
    ),
    Mistake(
        region_rule("region_both_from_one", ends=lambda first, last: (first + 1, last + 1)),
        "Positions are counted from 0: the first pixel is position 0.",
    ),
    Mistake(
        region_rule("region_index_from_one", start=lambda index: (index - 1, index - 1)),
        "Outputs are counted from 0: do not subtract 1 from `index`.",
    ),
    Mistake(
        region_rule("region_next_unit", start=lambda index: (index + 1, index + 1)),
        "This is the region of the next output: outputs are counted from 0.",
    ),
    Mistake(
        region_rule("region_to_next_unit", start=lambda index: (index, index + 1)),
        "The last position belongs to output `index` itself, not to the one after it.",
    ),
    Mistake(
        region_rule("region_last_short", ends=lambda first, last: (first, last - 1)),
        "`last` is one too small: it is included, and a window of k weights ends k - 1 steps "
        "behind its beginning.",
    ),
    Mistake(
        region_rule("region_middle", ends=lambda first, last: ((first + last) // 2,) * 2),
        "This is the middle of the region: its first and its last position are asked for.",
    ),
    Mistake(
        region_rule("region_first_twice", right=lambda n, k, s, d: n * s),
        "The windows are forgotten: the last position is where the window of the last unit ends.",
    ),
    Mistake(
        region_rule("region_gap_behind", right=lambda n, k, s, d: n * s + k * d - 1),
        "A dilated window reaches over (kernel - 1) * dilation + 1: no gap behind the last weight.",
    ),
    Mistake(
        region_rule("region_dilated_twice", right=lambda n, k, s, d: n * s + (k - 1) * d * d),
        "The dilation is applied twice: a step of the window is `dilation` units long, once.",
    ),
    Mistake(
        region_rule("region_dilation_added", right=lambda n, k, s, d: n * s + k + d - 2),
        "Each of the kernel - 1 gaps is `dilation` wide, not one of them.",
    ),
    Mistake(
        region_rule("region_even_down", right=lambda n, k, s, d: n * s + 2 * ((k - 1) // 2) * d),
        "An even kernel has no middle, and all of its weights count: kernel - 1 steps.",
    ),
    Mistake(
        region_rule("region_even_up", right=lambda n, k, s, d: n * s + 2 * (k // 2) * d),
        "2 * (kernel // 2) is kernel - 1 for odd kernels only: even ones occur.",
    ),
    Mistake(
        region_rule("region_one_side", right=lambda n, k, s, d: n * s + k // 2 * d),
        "The window lies behind its first position as a whole: kernel - 1 steps, not kernel // 2.",
    ),
    Mistake(
        region_rule("region_last_unstrided", right=lambda n, k, s, d: n + (k - 1) * d),
        "The stride is missing for the last position: a window's number times the stride is where "
        "it begins, for both ends.",
    ),
    Mistake(
        region_rule("region_first_unstrided", left=lambda n, k, s, d: n),
        "The stride is missing for the first position: window n begins at n * stride.",
    ),
    Mistake(
        region_rule(
            "region_strides_added",
            left=lambda n, k, s, d: n + s - 1,
            right=lambda n, k, s, d: n + s - 1 + (k - 1) * d,
        ),
        "A stride multiplies: window n begins at n * stride.",
    ),
    Mistake(
        region_rule(
            "region_half_windows",
            left=lambda n, k, s, d: n * s - k // 2 * d,
            right=lambda n, k, s, d: n * s + k // 2 * d,
        ),
        "Without padding a window begins at n * stride; it is not centred there.",
    ),
    Mistake(
        region_rule(
            "region_half_windows_cut",
            left=lambda n, k, s, d: max(0, n * s - (k - 1) // 2 * d),
            right=lambda n, k, s, d: n * s + (k - 1) // 2 * d,
        ),
        "The layers are `valid`: a window begins at n * stride, it is not centred there.",
    ),
    Mistake(
        region_rule("region_first_dilated", left=lambda n, k, s, d: n * s * d),
        "A dilation does not move the window: its first weight is at n * stride.",
    ),
    Mistake(
        region_rule(
            "region_all_dilated",
            left=lambda n, k, s, d: n * s * d,
            right=lambda n, k, s, d: n * s * d + (k - 1) * d,
        ),
        "A dilation does not move the window: window n begins at n * stride.",
    ),
    Mistake(
        region_rule(
            "region_short_stride",
            left=lambda n, k, s, d: n * min(s, k),
            right=lambda n, k, s, d: n * min(s, k) + (k - 1) * d,
        ),
        "A stride may be longer than the kernel, and counts in full.",
    ),
    Mistake(
        region_from(
            "region_around",
            lambda i, size, jump, layers: (i * jump - size // 2, i * jump + size // 2),
        ),
        "Without padding nothing lies before position 0: the region *begins* at index * jump.",
    ),
    Mistake(
        region_from(
            "region_around_down",
            lambda i, size, jump, layers: (i * jump - (size - 1) // 2, i * jump + (size - 1) // 2),
        ),
        "Without padding the region *begins* at index * jump; it is not centred there.",
    ),
    Mistake(
        region_from(
            "region_around_cut",
            lambda i, size, jump, layers: (max(0, i * jump - size // 2), i * jump + size // 2),
        ),
        "The region *begins* at index * jump and is as long as the receptive field: it is not "
        "centred and cut off at 0.",
    ),
    Mistake(
        region_from(
            "region_last_times_size", lambda i, size, jump, layers: (i * jump, (i + 1) * size - 1)
        ),
        "The region is as long as the receptive field: last = first + size - 1.",
    ),
    Mistake(
        region_from("region_up_to_next", lambda i, size, jump, layers: (i * jump, (i + 1) * jump)),
        "A region is as long as the receptive field, not as the jump: it may end behind the place "
        "where the next one begins.",
    ),
    Mistake(
        region_from(
            "region_first_stride",
            lambda i, size, jump, layers: (i * layers[0][1], i * layers[0][1] + size - 1),
        ),
        "The first position is index times the product of all strides, not of the first alone.",
    ),
    Mistake(
        region_from(
            "region_strides_summed",
            lambda i, size, jump, layers: (
                i * sum(s for _, s, _ in layers),
                i * sum(s for _, s, _ in layers) + size - 1,
            ),
        ),
        "The jump is the product of all strides, not their sum.",
    ),
    Mistake(
        region_from(
            "region_jump_before_last",
            lambda i, size, jump, layers: (
                i * jump // layers[-1][1],
                i * jump // layers[-1][1] + size - 1,
            ),
        ),
        "The last layer's stride counts for the jump between its outputs too.",
    ),
    Mistake(
        region_from("region_size_only", lambda i, size, jump, layers: (i, i + size - 1)),
        "Neighbouring outputs begin one jump apart: the first position is index * jump.",
    ),
    Mistake(
        region_from("region_field_itself", lambda i, size, jump, layers: (size, jump)),
        "This is size and jump: the first and the last position of the region are asked for.",
    ),
    Mistake(
        region_from(
            "region_unscaled_field",
            lambda i, size, jump, layers: (
                i * jump,
                i * jump + sum((k - 1) * d for k, _, d in layers),
            ),
        ),
        "A window behind strides is wider in the picture: its steps are multiplied by the jump "
        "before it.",
    ),
    Mistake(region_all_tiles, "Windows begin one stride apart, not one window: they may overlap."),
    Mistake(region_without_points, "A 1x1 layer reads one position, but its stride counts."),
    Mistake(
        region_stride_for_dilation,
        "Stride and dilation are taken for each other: (kernel, stride, dilation).",
    ),
    Mistake(region_first_layer, "Use all layers: only the first one is walked through."),
    Mistake(region_last_layer_lost, "The last layer is left out: the walk back begins with it."),
    Mistake(
        region_first_layer_lost, "The first layer is left out: the walk ends in the picture itself."
    ),
    Mistake(region_all, "Two numbers are asked for, first and last, not all positions between."),
    Mistake(
        region_only_one_window,
        "The region is as long as one window of the first layer. Several outputs of a layer are "
        "needed: the last position goes back from the last of them, last * stride + (kernel - 1) * "
        "dilation.",
    ),
    Mistake(
        region_half_pixels,
        "Positions are whole numbers: from the middle of the first pixel to that of the last it is "
        "size - 1, not size.",
    ),
    Mistake(
        region_jumps_added,
        "Strides multiply, they are not added: two layers of stride 2 jump by 4 pixels.",
    ),
    Mistake(
        region_dilation_or_stride,
        "A layer that has a stride may have a dilation as well: both count.",
    ),
    Mistake(
        region_rule("region_end_of_stride", right=lambda n, k, s, d: (n + 1) * s - 1 + (k - 1) * d),
        "The last window begins at last * stride, not at the last pixel of that stride.",
    ),
    Mistake(
        region_around_the_middle,
        "A region of an even size has no middle pixel: it ends at first + size - 1.",
    ),
    Mistake(
        region_halves,
        "Positions are whole numbers; a region of an even size has no middle pixel. Begin at its "
        "first one: it ends at first + size - 1.",
    ),
    Mistake(
        region_rule(
            "region_divided",
            left=lambda n, k, s, d: n // s,
            right=lambda n, k, s, d: n // s + (k - 1) * d,
        ),
        "Walking back, a position is multiplied by the stride: window n begins at n * stride.",
    ),
    Mistake(
        region_rule(
            "region_stride_or_dilation",
            left=lambda n, k, s, d: n * (s if d == 1 else 1),
            right=lambda n, k, s, d: n * (s if d == 1 else 1) + (k - 1) * d,
        ),
        STRIDE_AND_DILATION,
    ),
    Mistake(
        region_rule("region_side_three", right=lambda n, k, s, d: n * s + 2 * d),
        "The window has `kernel` weights, not always 3.",
    ),
    Mistake(
        region_rule("region_first_alone", ends=lambda first, last: first),
        "Two numbers are asked for: the last position is missing.",
    ),
]


REGION_MISTAKES = [
    Mistake(region_exclusive, "`last` is included: the last position that reaches the output."),
    Mistake(region_from_one, "Outputs are counted from 0: output 0 begins at position 0."),
    Mistake(
        region_centred,
        "Without padding nothing lies before position 0: the region begins at index * jump, it is "
        "not centred there.",
    ),
    Mistake(region_forwards, "Walk back from the output: begin with the last layer."),
    Mistake(region_without_dilation, "The dilation is forgotten: it spreads the weights."),
    Mistake(region_without_stride, "The strides are forgotten: window i begins at i * stride."),
    Mistake(
        region_last_stride,
        "The first position is index times the product of all strides, not of the last one alone.",
    ),
    Mistake(
        region_tiles,
        "The regions of neighbouring outputs overlap: a region is as long as the receptive field, "
        "not as the jump.",
    ),
    Mistake(region_length, "The second number is the last position, not how many there are."),
    Mistake(region_swapped, "The order is (first, last)."),
    Mistake(
        region_steps_of_size,
        "Neighbouring regions begin one jump apart, not one receptive field: they overlap.",
    ),
    Mistake(
        region_whole_kernel,
        "A window of k weights ends k - 1 steps behind its beginning, not k.",
    ),
    Mistake(
        region_same_padding, "These are positions for `same`; the layers are `valid`: no padding."
    ),
    Mistake(region_of_first_unit, "Use the argument `index`: this is the region of output 0."),
    Mistake(region_last_layer, "Use all layers: this is the region in the input of the last one."),
    Mistake(
        region_stride_on_window,
        "A layer's own stride does not widen its own window. Walking back, multiply by the stride "
        "first, then add (kernel - 1) * dilation; going forwards, add to the size before the "
        "stride multiplies the jump.",
    ),
    *REGION_RULES,
]


# design_cnn


def net(target, plan, filters=6, **options):
    """A chain of 3x3 convolutions; `plan` gives each one's options."""
    x = inputs = keras.Input((None, None, 3))
    for given in plan:
        given = {"padding": "same", "activation": "relu", **options, **given}
        x = keras_layers.Conv2D(filters, 3, **given)(x)
    return keras.Model(inputs, x)


def dilations(target):
    """Each layer adds 2 * dilation, and at most what is covered so far: then no hole is left."""
    reach, plan = 0, []
    while reach < target // 2:
        plan.append(min(2 * reach + 1, target // 2 - reach))
        reach += plan[-1]
    return plan


def strides(target):
    """Each layer adds 2 * jump; one or two layers at each of the jumps 1, 2, 4, ..."""
    needed = target // 2 + 1
    jumps = [1 << bit for bit in range(needed.bit_length() - 1)]
    plan = [jump for jump in jumps for _ in range(1 + bool(needed & jump))]
    return [after // before for before, after in itertools.pairwise([*plan, plan[-1]])]


def design_cnn(target):
    """Dilations that triple as long as they may, so that four layers are always enough."""
    x = inputs = keras.Input((None, None, 3))
    for dilation in dilations(target):
        x = keras_layers.Conv2D(8, 3, padding="same", dilation_rate=dilation, activation="relu")(x)
    return keras.Model(inputs, x)


def design_strides(target):
    return net(target, [{"strides": stride} for stride in strides(target)])


def design_valid(target):
    plan = [
        {"dilation_rate": d, "padding": "valid", "activation": "tanh"} for d in dilations(target)
    ]
    return net(target, plan)


def design_plain_first(target):
    """Plain layers as long as eight are enough, else plain ones and at last dilated ones."""
    left, plan = target // 2, []
    while left:
        layers_left = 8 - len(plan)
        reach = sum(plan)
        plan.append(1 if left <= layers_left else min(2 * reach + 1, left, -(-left // 2)))
        left -= plan[-1]
    return net(target, [{"dilation_rate": d} for d in plan], filters=5)


def design_sequential(target):
    """Convolutions of stride 1; the map is thinned out by pools of one pixel."""
    model = keras.Sequential([keras.Input((None, None, 3))])
    for stride in strides(target):
        model.add(keras_layers.Conv2D(7, (3, 3), padding="valid", use_bias=False))
        model.add(keras_layers.BatchNormalization())
        model.add(keras_layers.LeakyReLU())
        if stride > 1:
            model.add(keras_layers.MaxPooling2D(1, strides=stride))
    model.add(keras_layers.Dense(2))
    return model


class Designed(keras.Model):
    def __init__(self, plan):
        super().__init__()
        self.convolutions = [
            keras_layers.Conv2D(6, 3, strides=stride, padding="same") for stride in plan
        ]
        self.norm = keras_layers.LayerNormalization()
        self.head = keras_layers.Conv2D(4, 1)

    def call(self, x):
        for convolution in self.convolutions:
            x = ops.silu(convolution(x))
        return ops.softmax(self.head(self.norm(x)))


def design_subclass(target):
    return Designed(strides(target))


class Taps(keras_layers.Layer):
    """A dilated 3x3 convolution with weights of its own, as nine shifted products."""

    def __init__(self, filters, dilation):
        super().__init__()
        self.filters, self.dilation = filters, dilation

    def build(self, shape):
        self.kernel = self.add_weight(shape=(3, 3, shape[-1], self.filters), name="w")

    def call(self, x):
        d = self.dilation
        height, width = ops.shape(x)[1:3]
        x = ops.pad(x, [(0, 0), (d, d), (d, d), (0, 0)])
        return sum(
            ops.matmul(x[:, i * d : i * d + height, j * d : j * d + width], self.kernel[i, j])
            for i in range(3)
            for j in range(3)
        )


def design_raw(target):
    x = inputs = keras.Input((None, None, 3))
    for dilation in dilations(target):
        x = ops.relu(Taps(5, dilation)(x))
    return keras.Model(inputs, x)


def design_residual(target):
    """Depthwise 3x3 and 1x1 in residual blocks."""
    inputs = keras.Input((None, None, 3))
    x = keras_layers.Conv2D(6, 1)(inputs)
    for dilation in dilations(target):
        y = keras_layers.DepthwiseConv2D(3, dilation_rate=dilation, padding="same")(x)
        y = keras_layers.Conv2D(6, 1)(keras_layers.ReLU()(y))
        x = keras_layers.Add()([x, y])
    return keras.Model(inputs, x)


def design_separable(target):
    x = inputs = keras.Input((None, None, 3))
    for stride in strides(target):
        x = keras_layers.ZeroPadding2D(1)(x)
        x = keras_layers.SeparableConv2D(6, 3, strides=stride, activation="elu")(x)
    return keras.Model(inputs, keras_layers.Dropout(0.2)(x))


def design_strided_skips(target):
    """Residual blocks with strides: the shortcut is a 1x1 convolution of the same stride."""
    x = inputs = keras.Input((None, None, 3))
    for stride in strides(target):
        y = keras_layers.Conv2D(5, 3, strides=stride, padding="same", activation="relu")(x)
        x = keras_layers.Conv2D(5, 1, strides=stride)(x) + y
    return keras.Model(inputs, x)


def design_gated(target):
    """Every position scales its own channels; a second branch sees less."""
    x = inputs = keras.Input((None, None, 3))
    near = keras_layers.Conv2D(4, 3, padding="same")(x)
    for dilation in dilations(target):
        x = keras_layers.Conv2D(4, 3, dilation_rate=dilation, padding="same", activation="elu")(x)
        x = x * keras_layers.Conv2D(4, 1, activation="sigmoid")(x)
    return keras.Model(inputs, keras_layers.Concatenate()([x, near]))


def design_too_many(target):
    return net(target, [{}] * (target // 2))


def design_eight(target):
    return net(target, [{}] * min(8, target // 2))


def design_always_eight(target):
    return net(target, [{}] * 8)


def design_doubling(target):
    """Doubles the dilation until the target is reached or passed."""
    reach, plan = 0, []
    while reach < target // 2:
        plan.append(2 ** len(plan))
        reach += plan[-1]
    return net(target, [{"dilation_rate": d} for d in plan])


def design_doubling_short(target):
    """Doubles the dilation as long as the target is not passed."""
    reach, plan = 0, []
    while reach + 2 ** len(plan) <= target // 2:
        plan.append(2 ** len(plan))
        reach += plan[-1]
    return net(target, [{"dilation_rate": d} for d in plan])


def design_one_before(target):
    """A plain layer, and behind it a net that would be right without it."""
    plan, left = [1], target // 2
    while left:
        plan.append(min(2 ** (len(plan) - 1), left))
        left -= plan[-1]
    return net(target, [{"dilation_rate": d} for d in plan])


def design_one_dilated(target):
    return net(target, [{"dilation_rate": target // 2}])


def design_holes(target):
    """The right size: one plain layer, one for the rest."""
    rest = target // 2 - 1
    plan = [{}] + ([{"dilation_rate": rest}] if rest else [])
    return net(target, plan)


def design_large_kernel(target):
    inputs = keras.Input((None, None, 3))
    x = keras_layers.Conv2D(6, target, padding="same", activation="relu")(inputs)
    return keras.Model(inputs, x)


def design_two_long_kernels(target):
    inputs = keras.Input((None, None, 3))
    x = keras_layers.Conv2D(6, (1, target), padding="same")(inputs)
    return keras.Model(inputs, keras_layers.Conv2D(6, (target, 1), padding="same")(x))


def design_pools(target):
    """3x3 pools of stride 1 do what convolutions should."""
    inputs = keras.Input((None, None, 3))
    x = keras_layers.Conv2D(6, 3, padding="same", activation="relu")(inputs)
    if target > 3:
        x = keras_layers.AveragePooling2D(target - 2, strides=1, padding="same")(x)
    return keras.Model(inputs, x)


def design_pooled_stack(target):
    """A pool of stride 2 after each convolution; its own window is not counted."""
    x = inputs = keras.Input((None, None, 3))
    for stride in strides(target):
        x = keras_layers.Conv2D(6, 3, padding="same", activation="relu")(x)
        if stride > 1:
            x = keras_layers.MaxPooling2D(stride, padding="same")(x)
    return keras.Model(inputs, x)


def design_one_layer_more(target):
    return net(target, [{"dilation_rate": d} for d in [*dilations(target), 1]])


def design_one_short(target):
    return net(target, [{"dilation_rate": d} for d in dilations(target)[:-1]])


def design_reach_is_target(target):
    return net(target, [{"dilation_rate": d} for d in dilations(2 * target + 1)])


def design_own_stride(target):
    """Counts a layer's own stride into its window."""
    size, jump, plan = 1, 1, []
    while size < target and len(plan) < 8:
        stride = 2 if size + 4 * jump <= target else 1
        jump *= stride
        size += 2 * jump
        plan.append({"strides": stride})
    return net(target, plan)


def design_stride_four(target):
    size, jump, plan = 1, 1, []
    while size + 2 * jump <= target:
        size += 2 * jump
        plan.append({"strides": 4 if size + 8 * jump <= target else 1})
        jump *= plan[-1]["strides"]
    return net(target, plan[:8])


def design_global(target):
    inner = design_cnn(target)
    outputs = keras_layers.GlobalAveragePooling2D()(inner.output)
    return keras.Model(inner.input, outputs)


def design_context(target):
    """Squeeze-and-excitation: a global mean speaks to every position."""
    inner = design_cnn(target)
    x = inner.output
    means = keras_layers.GlobalAveragePooling2D(keepdims=True)(x)
    gates = keras_layers.Dense(x.shape[-1], activation="sigmoid")(means)
    return keras.Model(inner.input, x * gates)


def design_upsampled(target):
    x = inputs = keras.Input((None, None, 3))
    plan = strides(target)
    for stride in plan:
        x = keras_layers.Conv2D(6, 3, strides=stride, padding="same", activation="relu")(x)
    x = keras_layers.UpSampling2D(2, interpolation="bilinear")(x)
    return keras.Model(inputs, x)


def design_one_direction(target):
    return net(target, [{"dilation_rate": (1, d)} for d in dilations(target)])


def design_side_by_side(target):
    """Every layer reads the picture; their maps are added."""
    inputs = keras.Input((None, None, 3))
    maps = [
        keras_layers.Conv2D(6, 3, dilation_rate=dilation, padding="same")(inputs)
        for dilation in dilations(target)
    ]
    return keras.Model(inputs, maps[0] if len(maps) == 1 else keras_layers.Add()(maps))


def design_reads_the_input(target):
    """Calls every layer on the picture and keeps the last one's map."""
    return net(target, [{"dilation_rate": dilations(target)[-1]}])


def design_first_only(target):
    return net(target, [{}])


def design_63(target):
    return net(target, [{"dilation_rate": d} for d in (1, 2, 4, 8, 16)])


def design_half_as_fast(target):
    """Reckons with `dilation` pixels a layer, which adds twice as many."""
    seen, plan = 1, []
    while seen < target:
        plan.append({"dilation_rate": min(seen, target - seen)})
        seen += plan[-1]["dilation_rate"]
    return net(target, plan)


def design_starts_with_two(target):
    rest, plan = target // 2, []
    while rest:
        plan.append({"dilation_rate": min(2 ** (len(plan) + 1), rest)})
        rest -= plan[-1]["dilation_rate"]
    return net(target, plan)


DESIGN_MISTAKES = [
    Mistake(
        design_too_many,
        "Plain 3x3 layers add 2 pixels each, and a layer that is called again counts again: beyond "
        "17 that takes more than eight. Strides or dilations make the later ones count for more.",
    ),
    Mistake(
        design_eight,
        "Eight plain 3x3 layers see 17x17 and no more: beyond, use strides or dilations.",
    ),
    Mistake(design_always_eight, "Use the argument `target`: this is the same net each time."),
    Mistake(
        design_doubling,
        "What doubles from layer to layer, dilation or jump, gives 3, 7, 15, 31, 63 and nothing "
        "between: let the last layers add less.",
    ),
    Mistake(
        design_doubling_short,
        "What doubles from layer to layer gives 3, 7, 15, 31, 63 and nothing between. Here the "
        "field stays too small: let a further layer add what is left.",
    ),
    Mistake(
        design_one_before,
        "The first layer widens the field by 2 as well: what is left for the others is target - 3.",
    ),
    Mistake(
        design_one_dilated,
        "A single dilated layer reads nine pixels far apart: its field has the right size, but "
        "holes.",
    ),
    Mistake(
        design_holes,
        "The field has the right size, but holes: a dilation may be at most as large as what the "
        "layers before it cover.",
    ),
    Mistake(design_large_kernel, "All kernels but 1x1 must be 3x3."),
    Mistake(
        design_two_long_kernels, "Kernels of 1 x n and n x 1 are not 3x3: use 3x3 kernels only."
    ),
    Mistake(design_pools, "No pooling with windows: only 3x3 convolutions may mix positions."),
    Mistake(
        design_pooled_stack,
        "A pooling window mixes positions too, and widens the field: let the convolutions have the "
        "stride.",
    ),
    Mistake(design_one_layer_more, "There is one layer too many: the field is too large by 2."),
    Mistake(design_one_short, "A layer is missing: the field has not reached `target` yet."),
    Mistake(
        design_reach_is_target,
        "The field reaches `target` pixels to each side; it must be `target` wide in all.",
    ),
    Mistake(
        design_own_stride,
        "A layer's own stride does not widen its own window: it counts from the next layer on.",
    ),
    Mistake(
        design_stride_four,
        "A stride of 4 is larger than the window of 3: the next layer's windows leave out pixels.",
    ),
    Mistake(design_global, "A map is asked for: no global pooling at the end."),
    Mistake(
        design_context,
        "A global mean lets every position speak to every other: the field is the whole picture.",
    ),
    Mistake(
        design_upsampled,
        "Bilinear upsampling mixes positions. The map may be smaller than the picture: leave it.",
    ),
    Mistake(design_one_direction, "Height and width need the same: dilate in both directions."),
    Mistake(
        design_side_by_side,
        "The layers stand side by side, each reads the picture itself: what they see adds up only "
        "where each reads the map of the one before.",
    ),
    Mistake(
        design_reads_the_input,
        "Only one layer counts, the last: does every layer read `inputs`, not the map of the one "
        "before?",
    ),
    Mistake(
        design_first_only,
        "Only one plain layer reaches the output: does the model end at the last layer's map?",
    ),
    Mistake(design_63, "The field is 63 whatever `target` is: use the argument."),
    Mistake(
        design_half_as_fast,
        "A layer of dilation d adds d pixels on *each* side, 2d in all.",
    ),
    Mistake(
        design_starts_with_two,
        "Begin with a dilation of 1: behind a first layer of dilation 2 every second pixel is "
        "left out.",
    ),
]


def design_properties(target):
    return [
        Property(
            part="shape",
            fact="output",
            value="a map",
            sentence="{call} must give a map, (N, height, width, channels); yours gives {found}",
        ),
        Property(
            part="parameters",
            fact="kernels",
            value=[],
            sentence="{call}: only 3x3 (and 1x1) kernels are allowed; yours has {found}",
        ),
        Property(
            part="parameters",
            fact="convolutions",
            relation="at most",
            value=8,
            sentence="{call} has {found} convolutions of 3x3, each call counted; at most {value} "
            "are allowed: strides or dilations make the later ones count for more",
        ),
        Property(
            part="parameters",
            fact="mixers",
            value=[],
            sentence="{call}: besides 3x3 convolutions this lets positions mix: {found}. What else "
            "there is must work on each position by itself, across channels only",
        ),
        Property(
            part="output",
            fact="field",
            value=[target, target],
            sentence="{call}: an output unit sees {found} pixels; it must see {value}",
        ),
        Property(
            part="output",
            fact="holes",
            value=0,
            sentence="{call}: the field has holes: {found} pixels in it do not reach the unit. A "
            "layer's dilation, or jump, may be at most as large as what the layers before it cover",
        ),
        Property(
            part="output",
            fact="steps",
            relation="adds up to",
            value=[target, target, 8],
            sentence="{call}: how your 3x3 convolutions add up to this field could not be "
            "followed: write them as a chain of layers, each called once",
        ),
    ]


# What is tried


def number(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    return int(rng.integers(low, high + 1))


def mixed_layers(rng: np.random.Generator, count: int) -> list[tuple[int, int, int]]:
    """Kernels odd and even, strides and dilations mixed, neither first nor last without effect."""
    found = [
        (number(rng, 2, 5), int(rng.choice([1, 2, 2, 3])), int(rng.choice([1, 1, 2, 3])))
        for _ in range(count - 2)
    ]
    return [(number(rng, 3, 5), 2, 1), *found, (number(rng, 3, 4), 2, number(rng, 2, 3))]


def field_trials(rng: np.random.Generator) -> list[Trial]:
    """Strides and dilations, alone and mixed; 1x1 with a stride; a stride beyond the kernel.

    Dilations grow and shrink from layer to layer, and the first layer has one, too. One field is
    larger than most pictures.
    """
    dilation = number(rng, 5, 8)
    return [
        trial(layers=[(number(rng, 3, 7), 1, 1)] * 3),
        trial(layers=[(3, 2, 1), (2, 2, 1), (5, 1, 1), (2, 2, 1), (1, 1, 1), (3, 1, 1)]),
        trial(layers=[(3, 1, 1), (3, 1, 2), (4, 1, 4), (3, 1, dilation)]),
        trial(layers=[(3, 2, 1)] * number(rng, 8, 9)),
        trial(layers=mixed_layers(rng, number(rng, 5, 6))),
        trial(layers=[(number(rng, 4, 6), 3, 2)]),
        trial(layers=[(1, 2, 1), (3, 1, 1), (1, 3, 1), (4, 1, 1), (3, 2, 1)]),
        trial(layers=[(2, 5, 1), (3, 1, number(rng, 2, 3)), (2, 1, 1)]),
        trial(layers=[(3, 1, 1), (2, 1, number(rng, 2, 4))]),
        trial(layers=[(3, 2, 1), (1, 1, number(rng, 2, 4)), (2, 1, 1)]),
        trial(layers=[(2, 1, number(rng, 3, 4)), (3, 1, 1), (2, 1, 2)]),
    ]


def region_trials(rng: np.random.Generator) -> list[Trial]:
    def layers() -> list[tuple[int, int, int]]:
        return mixed_layers(rng, number(rng, 3, 4))

    return [
        trial(layers=[(3, 2, 1), (4, 1, 1)], index=number(rng, 2, 4)),
        trial(layers=layers(), index=0),
        trial(layers=layers(), index=number(rng, 3, 5)),
        trial(layers=[(3, 1, 1), (3, 1, number(rng, 2, 3)), (2, 1, 1)], index=number(rng, 5, 9)),
        trial(layers=[(5, 3, 1), (3, 1, 2), (2, 2, 1)], index=number(rng, 2, 4)),
        trial(layers=[(number(rng, 2, 4), 5, 3)], index=number(rng, 2, 4)),
        trial(layers=[(3, 1, 1), (1, 3, 1), (2, 1, 1), (1, 2, 1)], index=number(rng, 2, 5)),
        trial(layers=[(5, 1, 1)], index=number(rng, 1, 6)),
        trial(layers=[(1, 2, number(rng, 2, 3)), (4, 1, 1)], index=number(rng, 150, 200)),
    ]


def design_trials(rng: np.random.Generator) -> list[Trial]:
    """The limits, and numbers between, looked at closely; all others at a glance.

    Sides are multiples of 16 and one more, height unlike width: `same` with a stride of 2 then puts
    a zero on each side, and a skip past such a layer reads the pixel in the middle of its window.
    """
    targets = [3, 2 * number(rng, 4, 8) + 1, 2 * number(rng, 9, 30) + 1, 63]
    others = [target for target in range(3, 65, 2) if target not in targets]

    def feeds(target: int) -> list[tuple[int, int, int]]:
        sides = (target + 8, 2 * target + 12, 3 * target + 128)
        rounded = [16 * -(-side // 16) + 1 for side in sides]
        return [(side, side + 16, 3) for side in rounded]

    return [
        *(trial(*feeds(target), target=target) for target in targets),
        *(counted(*feeds(target), target=target) for target in others),
    ]


TASKS = [
    Task(
        name="receptive_field",
        kind="function",
        points=3,
        dtype="number",
        trials=field_trials,
        answer=receptive_field,
        accepted=[
            Accepted(field_recursive),
            Accepted(field_backwards),
            Accepted(field_cumulative),
            Accepted(field_by_positions),
            Accepted(field_by_convolution),
            Accepted(field_by_reduce),
            Accepted(field_by_layers),
        ],
        mistakes=FIELD_MISTAKES,
    ),
    Task(
        name="input_region",
        kind="function",
        points=3,
        dtype="number",
        trials=region_trials,
        answer=input_region,
        accepted=[
            Accepted(region_by_field),
            Accepted(region_by_positions),
            Accepted(region_recursive),
            Accepted(region_by_reduce),
            Accepted(region_by_gradient),
            Accepted(region_by_windows),
        ],
        mistakes=REGION_MISTAKES,
    ),
    Task(
        name="design_cnn",
        kind="model",
        points=4,
        trials=design_trials,
        answer=design_cnn,
        properties=design_properties,
        accepted=[
            Accepted(design_strides),
            Accepted(design_valid),
            Accepted(design_plain_first),
            Accepted(design_sequential),
            Accepted(design_subclass),
            Accepted(design_raw),
            Accepted(design_residual),
            Accepted(design_separable),
            Accepted(design_strided_skips),
            Accepted(design_gated),
        ],
        mistakes=DESIGN_MISTAKES,
    ),
]


_ADDED = "target // 2 - reach))"
_LAYER = "design_cnn: x = keras_layers.Conv2D("
_FREE = {
    "8, 3, dilation_rate=dilation, activation='relu'": "padding is free",
    "8, 3, padding='valid', dilation_rate=dilation, activation='relu'": "padding is free",
    "8, 3, padding='same', dilation_rate=dilation": "the activation is free",
    "8, 3, padding='same', dilation_rate=dilation, activation='linear'": "the activation is free",
    "9, 3, padding='same', dilation_rate=dilation, activation='relu'": "the filters are free",
    "7, 3, padding='same', dilation_rate=dilation, activation='relu'": "the filters are free",
}
_ANSWER = "8, 3, padding='same', dilation_rate=dilation, activation='relu'"
EQUIVALENT_MUTANTS = {
    f"dilations: plan.append(min(2 * reach + 1, {_ADDED} -> "
    f"plan.append(min(1 * reach + 1, {_ADDED}": "slower steps, still at most eight: right as well",
    f"dilations: plan.append(min(2 * reach + 1, {_ADDED} -> "
    "plan.append(min(target // 2 - reach, 2 * reach + 1))": "a minimum of two",
    **{
        f"{_LAYER}{_ANSWER})(x) -> x = keras_layers.Conv2D({layer})(x)": why
        for layer, why in _FREE.items()
    },
}
