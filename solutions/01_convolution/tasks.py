"""Exercise 01: convolution by hand. Right answers in several styles, and what students get wrong.

`docs/authoring.md` explains how such a file is written.
"""

import math

import keras
import numpy as np
import scipy.ndimage
import scipy.signal
from keras import layers, ops
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from autograder.setting.task import Accepted, Mistake, Task, Trial, trial

# output_size


def output_size(size, kernel, stride=1, padding="valid", dilation=1):
    """`same` counts the strides begun; `valid` the places from the first window to the last."""
    if padding == "same":
        return -(-size // stride)
    return (size - dilation * (kernel - 1) - 1) // stride + 1


def size_by_ceiling(size, kernel, stride=1, padding="valid", dilation=1):
    reach = (kernel - 1) * dilation + 1
    free = size if padding == "same" else size - reach + 1
    return math.ceil(free / stride)


def size_by_counting(size, kernel, stride=1, padding="valid", dilation=1):
    count = start = 0
    last_tap = 0 if padding == "same" else dilation * (kernel - 1)
    while start + last_tap < size:
        count, start = count + 1, start + stride
    return count


def size_by_range(size, kernel, stride=1, padding="valid", dilation=1):
    last = size - (kernel - 1) * dilation if padding == "valid" else size
    return len(range(0, last, stride))


def size_by_windows(size, kernel, stride=1, padding="valid", dilation=1):
    window = 1 if padding == "same" else 1 + (kernel - 1) * dilation
    return len(sliding_window_view(np.arange(size), window)[::stride])


def size_by_layer(size, kernel, stride=1, padding="valid", dilation=1):
    layer = layers.Conv1D(1, kernel, strides=stride, padding=padding, dilation_rate=dilation)
    return layer.compute_output_shape((None, size, 1))[1]


def size_by_ops(size, kernel, stride=1, padding="valid", dilation=1):
    image, taps = np.zeros((1, size, 1), "float32"), np.zeros((kernel, 1, 1), "float32")
    return ops.conv(image, taps, stride, padding, dilation_rate=dilation).shape[1]


def size_by_numpy(size, kernel, stride=1, padding="valid", dilation=1):
    full = size - dilation * (kernel - 1)
    return np.ceil((full, size)[padding == "same"] / stride).astype(int)


def size_without_one(size, kernel, stride=1, padding="valid", dilation=1):
    if padding == "same":
        return -(-size // stride)
    return (size - dilation * (kernel - 1) - 1) // stride


def size_kernel_off(size, kernel, stride=1, padding="valid", dilation=1):
    if padding == "same":
        return -(-size // stride)
    return (size - dilation * (kernel - 1)) // stride


def size_rounded_up(size, kernel, stride=1, padding="valid", dilation=1):
    if padding == "same":
        return -(-size // stride)
    return math.ceil((size - dilation * (kernel - 1) - 1) / stride) + 1


def size_rounded(size, kernel, stride=1, padding="valid", dilation=1):
    if padding == "same":
        return round(size / stride)
    return round((size - dilation * (kernel - 1) - 1) / stride) + 1


def size_same_rounded_down(size, kernel, stride=1, padding="valid", dilation=1):
    if padding == "same":
        return size // stride
    return (size - dilation * (kernel - 1) - 1) // stride + 1


def size_same_is_size(size, kernel, stride=1, padding="valid", dilation=1):
    if padding == "same":
        return size
    return (size - dilation * (kernel - 1) - 1) // stride + 1


def size_same_half_kernel(size, kernel, stride=1, padding="valid", dilation=1):
    frame = kernel // 2 if padding == "same" else 0
    return (size + 2 * frame - dilation * (kernel - 1) - 1) // stride + 1


def size_padding_ignored(size, kernel, stride=1, padding="valid", dilation=1):
    return (size - dilation * (kernel - 1) - 1) // stride + 1


def size_dilation_ignored(size, kernel, stride=1, padding="valid", dilation=1):
    if padding == "same":
        return -(-size // stride)
    return (size - kernel) // stride + 1


def size_dilation_times_kernel(size, kernel, stride=1, padding="valid", dilation=1):
    if padding == "same":
        return -(-size // stride)
    return (size - dilation * kernel) // stride + 1


def size_dilation_added(size, kernel, stride=1, padding="valid", dilation=1):
    if padding == "same":
        return -(-size // stride)
    return (size - (kernel + dilation - 1)) // stride + 1


def size_stride_ignored(size, kernel, stride=1, padding="valid", dilation=1):
    if padding == "same":
        return size
    return size - dilation * (kernel - 1)


def size_float(size, kernel, stride=1, padding="valid", dilation=1):
    if padding == "same":
        return math.ceil(size / stride) * 1.0
    return (size - dilation * (kernel - 1) - 1) / stride + 1


def size_always_same(size, kernel, stride=1, padding="valid", dilation=1):
    return -(-size // stride)


def size_same_shrinks(size, kernel, stride=1, padding="valid", dilation=1):
    reach = dilation * (kernel - 1) + 1
    return -(-(size if padding == "same" else size - reach) // stride)


def size_pooling(size, kernel, stride=None, padding="valid", dilation=1):
    return output_size(size, kernel, stride or kernel, padding, dilation)


def size_arguments_swapped(size, kernel, stride=1, padding="valid", dilation=1):
    return output_size(size, stride, kernel, padding, dilation)


def size_rules_swapped(size, kernel, stride=1, padding="valid", dilation=1):
    other = "valid" if padding == "same" else "same"
    return output_size(size, kernel, stride, other, dilation)


def size_all_float(size, kernel, stride=1, padding="valid", dilation=1):
    return float(output_size(size, kernel, stride, padding, dilation))


def size_divided(size, kernel, stride=1, padding="valid", dilation=1):
    free = size if padding == "same" else size - dilation * (kernel - 1) - 1 + stride
    return free / stride


def size_with(name, valid=None, same=None):
    """A wrong answer: one of the two rules is another, a function of n, k, s and d."""

    def wrong(size, kernel, stride=1, padding="valid", dilation=1):
        rule = same if padding == "same" else valid
        if rule is None:
            return output_size(size, kernel, stride, padding, dilation)
        return rule(size, kernel, stride, dilation)

    wrong.__name__ = name
    return wrong


def stepped(size, reach, stride):
    """How many windows of `reach` pixels fit."""
    return (size - reach) // stride + 1


NO_STRIDE = (
    "A dilation is no stride: it spreads the weights of the window, which still moves by `stride`."
)
DILATED_TOO = (
    "`same` adds zeros for the dilated window too: a dilation changes nothing in the size."
)
LARGER_KERNEL = (
    "`same` does not depend on the kernel, not even where it is larger than the picture."
)
SIZE_RULES = [
    Mistake(
        size_with("size_valid_rounded", lambda n, k, s, d: round((n - d * (k - 1) - 1) / s) + 1),
        "`valid` does not round to the nearest: a window that hangs over the end is not counted, "
        "however little is missing.",
    ),
    Mistake(
        size_with("size_same_rounded", same=lambda n, k, s, d: round(n / s)),
        "`same` does not round to the nearest: a stride that is begun counts, so it rounds up.",
    ),
    Mistake(
        size_with("size_reach_short", lambda n, k, s, d: stepped(n, d * (k - 1), s)),
        "With `valid` one is too many: from a window's first weight to its last it is dilation * "
        "(kernel - 1) steps, so the window covers one pixel more than that.",
    ),
    Mistake(
        size_with("size_dilated_twice", lambda n, k, s, d: stepped(n, d * d * (k - 1) + 1, s)),
        "The dilation is applied twice: it widens the window once, to dilation * (kernel - 1) + 1.",
    ),
    Mistake(
        size_with(
            "size_gaps_too_wide",
            lambda n, k, s, d: stepped(n, k + (k - 1) * d if d > 1 else k, s),
        ),
        "A dilation of d leaves d - 1 pixels between two neighbouring weights, not d.",
    ),
    Mistake(
        size_with("size_gap_for_each", lambda n, k, s, d: stepped(n, k + k * (d - 1) - 1, s)),
        "Count the gaps again: `kernel` weights have kernel - 1 gaps of dilation - 1 pixels.",
    ),
    Mistake(
        size_with("size_kernel_plus_dilation", lambda n, k, s, d: stepped(n, k + d, s)),
        "A dilation is not added to the kernel: each of its kernel - 1 steps is `dilation` long. "
        "And dilation 1 means: no gaps.",
    ),
    Mistake(
        size_with("size_undivided", lambda n, k, s, d: n - (d * (k - 1) + 1) // s + 1),
        "Subtract first, then divide: without brackets only the window is divided by the stride.",
    ),
    Mistake(
        size_with("size_dilation_steps", lambda n, k, s, d: stepped(n, k, s * d)),
        NO_STRIDE,
    ),
    Mistake(
        size_with("size_picture_dilated", lambda n, k, s, d: stepped(n * d, k, s)),
        "The dilation spreads the window, not the picture.",
    ),
    Mistake(
        size_with("size_dilation_divides", lambda n, k, s, d: stepped(n // d, k, s)),
        "The dilation spreads the window; the picture does not become smaller by it.",
    ),
    Mistake(
        size_with(
            "size_long_stride", lambda n, k, s, d: n // s if s > k else stepped(n, d * k - d + 1, s)
        ),
        "A stride longer than the window needs no rule of its own: a last window may still fit "
        "into what is left over.",
    ),
    Mistake(
        size_with(
            "size_single_weight", lambda n, k, s, d: n if k == 1 else stepped(n, d * k - d + 1, s)
        ),
        "A kernel of 1 is moved by the stride like any other.",
    ),
    Mistake(
        size_with("size_rounded_to_odd", lambda n, k, s, d: stepped(n, 2 * (k // 2) * d + 1, s)),
        "2 * (kernel // 2) is kernel - 1 for odd kernels only; even kernels occur.",
    ),
    Mistake(
        size_with(
            "size_rounded_below", lambda n, k, s, d: stepped(n, 2 * ((k - 1) // 2) * d + 1, s)
        ),
        "An even kernel has no middle, and all of its weights count: do not reckon with a half "
        "of it on each side.",
    ),
    Mistake(
        size_with("size_stride_first", lambda n, k, s, d: n // s - d * (k - 1)),
        "The windows are cut from the whole picture: subtract before dividing by the stride.",
    ),
    Mistake(
        size_with(
            "size_same_half_down",
            same=lambda n, k, s, d: stepped(n + (k * d - d) // 2 * 2, k * d - d + 1, s),
        ),
        "`same` is not the same number of zeros on both sides: for an even kernel (reach - 1) // 2 "
        "is half a zero short. Its size depends on size and stride alone.",
    ),
    Mistake(
        size_with(
            "size_same_half_up",
            same=lambda n, k, s, d: stepped(n + (k * d - d + 1) // 2 * 2, k * d - d + 1, s),
        ),
        "`same` is not reach // 2 zeros on both sides: for an even kernel that is one too many. "
        "Its size depends on size and stride alone.",
    ),
    Mistake(
        size_with(
            "size_same_half_dilated",
            same=lambda n, k, s, d: stepped(n + 2 * d * (k // 2), k * d - d + 1, s),
        ),
        "`same` is not kernel // 2 zeros on both sides, times the dilation: for an even kernel "
        "that is too many. Its size depends on size and stride alone.",
    ),
    Mistake(
        size_with(
            "size_same_full", same=lambda n, k, s, d: stepped(n + 2 * d * (k - 1), d * k - d + 1, s)
        ),
        "`same` does not lay kernel - 1 zeros on each side; that would be a full convolution, "
        "which enlarges. Its size depends on size and stride alone.",
    ),
    Mistake(
        size_with("size_same_one_more", same=lambda n, k, s, d: n // s + 1),
        "size // stride + 1 is one too many where the stride divides the size: then no stride is "
        "begun and left unfinished.",
    ),
    Mistake(
        size_with("size_same_one_more_strided", same=lambda n, k, s, d: n // s + (s > 1)),
        "Where the stride divides the size nothing is left over: there size // stride + 1 is one "
        "too many.",
    ),
    Mistake(
        size_with("size_same_remainder", same=lambda n, k, s, d: n // s + n % s),
        "What is left over counts once, however many pixels it has: do not add the remainder.",
    ),
    Mistake(
        size_with("size_same_for_two", same=lambda n, k, s, d: (n + 1) // s if s > 1 else n),
        "(size + 1) // stride rounds up for a stride of 2 only: how much must be added for others?",
    ),
    Mistake(
        size_with("size_same_short", same=lambda n, k, s, d: (n - 1) // s),
        "With `same` one is missing: (size - 1) // stride counts the steps from the first window "
        "to the last.",
    ),
    Mistake(
        size_with(
            "size_same_hangs_over", same=lambda n, k, s, d: -(-(n - d * (k - 1) - 1) // s) + 1
        ),
        "`same` is not `valid` rounded up: thanks to the zeros a window begins in every stride "
        "begun, whatever the kernel is.",
    ),
    Mistake(
        size_with("size_same_at_least_kernel", same=lambda n, k, s, d: -(-max(n, k) // s)),
        LARGER_KERNEL,
    ),
    Mistake(
        size_with("size_same_dilated", same=lambda n, k, s, d: -(-n // (s * d))),
        "`same` depends on size and stride alone; a dilation changes nothing.",
    ),
    Mistake(
        size_with("size_gaps_always", lambda n, k, s, d: stepped(n, k + (k - 1) * d, s)),
        "A dilation of d leaves d - 1 pixels between two neighbouring weights, not d: dilation 1 "
        "means that there is no gap.",
    ),
    Mistake(
        size_with(
            "size_transposed",
            lambda n, k, s, d: (n - 1) * s + (k - 1) * d + 1,
            lambda n, k, s, d: n * s,
        ),
        "This is the size of a transposed convolution, which enlarges: a convolution subtracts "
        "what the window covers and divides by the stride.",
    ),
    Mistake(
        size_with(
            "size_strides_dilated",
            lambda n, k, s, d: stepped(n, d * (k - 1) + 1, s * d),
            lambda n, k, s, d: -(-n // (s * d)),
        ),
        "A dilation spreads the weights of the window; the window still moves by `stride`, not by "
        "stride * dilation.",
    ),
    Mistake(
        size_with("size_same_undilated", same=lambda n, k, s, d: -(-(n - (k - 1) * (d - 1)) // s)),
        DILATED_TOO,
    ),
    Mistake(
        size_with(
            "size_squared",
            lambda n, k, s, d: stepped(n, d * (k - 1) + 1, s) ** 2,
            lambda n, k, s, d: (-(-n // s)) ** 2,
        ),
        "The outputs are counted along one axis: do not square.",
    ),
    Mistake(
        size_with("size_side_three", lambda n, k, s, d: stepped(n, 2 * d + 1, s)),
        "The window has `kernel` weights, not always 3.",
    ),
    Mistake(
        size_with(
            "size_gaps_only",
            lambda n, k, s, d: stepped(n, (k - 1) * (d - 1) + 1 if d > 1 else k, s),
        ),
        "A dilation of d leaves d - 1 pixels between two neighbouring weights: from one to the "
        "next it is d steps, not d - 1.",
    ),
    Mistake(
        size_with(
            "size_short_stride",
            lambda n, k, s, d: stepped(n, d * (k - 1) + 1, min(s, k)),
            lambda n, k, s, d: -(-n // min(s, k)),
        ),
        "The stride may be longer than the kernel, and counts in full.",
    ),
    Mistake(
        size_with(
            "size_stride_two",
            lambda n, k, s, d: stepped(n, d * (k - 1) + 1, min(s, 2)),
            lambda n, k, s, d: -(-n // min(s, 2)),
        ),
        "The stride is not always 1 or 2: longer ones occur.",
    ),
    Mistake(
        size_with("size_same_larger_kernel", same=lambda n, k, s, d: -(-n // s) if k <= n else 1),
        LARGER_KERNEL,
    ),
    Mistake(
        size_with("size_same_too_small", same=lambda n, k, s, d: -(-n // s) if k <= n else 0),
        LARGER_KERNEL,
    ),
    Mistake(
        size_with(
            "size_same_half_kernel_dilated",
            same=lambda n, k, s, d: -(-n // s) if d == 1 else n + k // 2 * 2 - d * (k - 1),
        ),
        DILATED_TOO,
    ),
    Mistake(
        size_with(
            "size_dilation_for_stride",
            lambda n, k, s, d: stepped(n, k, s * d),
            lambda n, k, s, d: -(-n // (s * d)),
        ),
        NO_STRIDE,
    ),
    Mistake(
        size_with(
            "size_strided_like_same", lambda n, k, s, d: n // s if s > 1 else n - d * (k - 1)
        ),
        "With `valid` and a stride the kernel counts too: subtract what a window covers before you "
        "divide by the stride.",
    ),
    Mistake(
        size_with("size_tiles", lambda n, k, s, d: n // (d * (k - 1) + 1)),
        "Windows may overlap: they are moved by `stride`, not by their own width.",
    ),
]


SIZE_MISTAKES = [
    Mistake(
        size_without_one,
        "With `valid` one is missing: a window that fits exactly has one place to stand, not none.",
    ),
    Mistake(
        size_kernel_off,
        "With `valid` and a stride the first window is lost: count the steps from the first place "
        "to the last, (size - reach) // stride, and add 1 at the end, after the division.",
    ),
    Mistake(
        size_rounded_up,
        "With `valid` a window that hangs over the end is not counted: round down, not up.",
    ),
    Mistake(size_rounded, "Do not round to the nearest: `valid` rounds down, `same` rounds up."),
    Mistake(
        size_same_rounded_down,
        "`same` gives one output for each `stride` pixels *begun*: round up, not down.",
    ),
    Mistake(size_same_is_size, "`same` keeps the size with stride 1 only: divide by the stride."),
    Mistake(
        size_same_half_kernel,
        "`same` is not a frame of kernel // 2 zeros: its size depends on size and stride alone, "
        "whatever kernel and dilation are.",
    ),
    Mistake(size_padding_ignored, "The argument `padding` is not used: `same` has its own rule."),
    Mistake(size_dilation_ignored, "The dilation is forgotten: it widens the window."),
    Mistake(
        size_dilation_times_kernel,
        "A dilated window reaches over dilation * (kernel - 1) + 1 pixels: the gaps lie between "
        "the weights, there is none behind the last.",
    ),
    Mistake(
        size_dilation_added,
        "A dilation of d puts d - 1 pixels into each of the kernel's kernel - 1 gaps, not once.",
    ),
    Mistake(size_stride_ignored, "The argument `stride` is not used."),
    Mistake(
        size_float, "A size is a whole number: divide with // (it rounds down) and return an int."
    ),
    Mistake(size_always_same, "This is the size for `same`; `valid` loses pixels at the ends."),
    Mistake(
        size_same_shrinks,
        "With `valid` the windows start at size - reach + 1 places, where reach is what one window "
        "covers: one more than you count before dividing by the stride.",
    ),
    Mistake(
        size_pooling,
        "Without the argument `stride` the window moves by 1, not by its own width (as a pool's).",
    ),
    Mistake(size_arguments_swapped, "`kernel` and `stride` are taken for each other."),
    Mistake(size_rules_swapped, "`valid` and `same` are taken for each other."),
    Mistake(size_all_float, "A size is a whole number: return an int, not a float."),
    Mistake(
        size_divided,
        "/ gives floats: divide with // (it rounds down), and mind which way to round.",
    ),
    *SIZE_RULES,
]


# conv_parameters


def conv_parameters(kernel, in_channels, filters, bias=True):
    """A filter has a weight for each place and channel, and one bias."""
    return filters * (kernel * kernel * in_channels + bool(bias))


def parameters_by_layer(kernel, in_channels, filters, bias=True):
    layer = layers.Conv2D(filters, kernel, use_bias=bias)
    layer.build((None, None, None, in_channels))
    return layer.count_params()


def parameters_by_shapes(kernel, in_channels, filters, bias=True):
    shapes = [(kernel, kernel, in_channels, filters)] + ([(filters,)] if bias else [])
    return sum(math.prod(shape) for shape in shapes)


def parameters_by_loop(kernel, in_channels, filters, bias=True):
    count = 0
    for _ in range(filters):
        for _ in range(in_channels):
            count += kernel**2
        if bias:
            count += 1
    return count


def parameters_by_array(kernel, in_channels, filters, bias=True):
    weights = np.zeros((kernel, kernel, in_channels, filters))
    return weights.size + (weights.shape[-1] if bias else 0)


def parameters_by_model(kernel, in_channels, filters, bias=True):
    side = kernel + 1
    layer = layers.Conv2D(filters, (kernel, kernel), use_bias=bias, padding="same")
    return keras.Sequential([keras.Input((side, side, in_channels)), layer]).count_params()


def parameters_one_bias(kernel, in_channels, filters, bias=True):
    return kernel * kernel * in_channels * filters + bool(bias)


def parameters_bias_per_channel(kernel, in_channels, filters, bias=True):
    return kernel * kernel * in_channels * filters + bool(bias) * in_channels


def parameters_bias_per_pair(kernel, in_channels, filters, bias=True):
    return (kernel * kernel + bool(bias)) * in_channels * filters


def parameters_without_bias(kernel, in_channels, filters, bias=True):
    return kernel * kernel * in_channels * filters


def parameters_always_bias(kernel, in_channels, filters, bias=True):
    return filters * (kernel * kernel * in_channels + 1)


def parameters_no_bias_by_default(kernel, in_channels, filters, bias=False):
    return filters * (kernel * kernel * in_channels + bool(bias))


def parameters_side_once(kernel, in_channels, filters, bias=True):
    return filters * (kernel * in_channels + bool(bias))


def parameters_flat_filters(kernel, in_channels, filters, bias=True):
    return filters * (kernel * kernel + bool(bias))


def parameters_one_filter(kernel, in_channels, filters, bias=True):
    return kernel * kernel * in_channels + bool(bias)


def parameters_channels_added(kernel, in_channels, filters, bias=True):
    return kernel * kernel * (in_channels + filters) + filters * bool(bias)


def parameters_cubed(kernel, in_channels, filters, bias=True):
    return filters * (kernel**3 * in_channels + bool(bias))


def parameters_bias_per_weight(kernel, in_channels, filters, bias=True):
    return kernel * kernel * in_channels * filters * (2 if bias else 1)


def parameters_with(name, count):
    """A wrong answer: another count of k, c, f and b, which is 1 where there is a bias, else 0."""

    def wrong(kernel, in_channels, filters, bias=True):
        return count(kernel, in_channels, filters, int(bool(bias)))

    wrong.__name__ = name
    return wrong


PARAMETER_COUNTS = [
    Mistake(
        parameters_with("parameters_one_filters_weights", lambda k, c, f, b: k * k * c + f * b),
        "Each of the `filters` filters has weights of its own: only one filter's are counted.",
    ),
    Mistake(
        parameters_with("parameters_squared_biases", lambda k, c, f, b: k * k * c + b * f * f),
        "Without brackets `filters` multiplies the biases alone: the weights are one kernel's.",
    ),
    Mistake(
        parameters_with(
            "parameters_bias_of_few", lambda k, c, f, b: k * k * c * f + f * b * (f < 64)
        ),
        "Large layers have a bias for each filter too.",
    ),
    Mistake(
        parameters_with("parameters_bias_per_place", lambda k, c, f, b: k * k * f * (c + b)),
        "A filter has one bias, not one for each place of its window.",
    ),
    Mistake(
        parameters_with(
            "parameters_bias_per_filter_weight", lambda k, c, f, b: k * k * c * (f + b)
        ),
        "The biases are one number for each filter, not one more filter.",
    ),
    Mistake(
        parameters_with("parameters_two_biases", lambda k, c, f, b: f * (k * k * c + 2 * b)),
        "A convolution has one number a filter beside its weights; two would be a normalisation's.",
    ),
    Mistake(
        parameters_with("parameters_bias_taken_off", lambda k, c, f, b: f * (k * k * c - b)),
        "The biases are added to the weights, not subtracted.",
    ),
    Mistake(
        parameters_with("parameters_bias_turned", lambda k, c, f, b: f * (k * k * c + 1 - b)),
        "The meaning of `bias` is turned round: True means that there are biases.",
    ),
    Mistake(
        parameters_with("parameters_kernel_of_biases", lambda k, c, f, b: k * k * c * f + k * b),
        "There are as many biases as filters, not as the kernel is wide.",
    ),
    Mistake(
        parameters_with(
            "parameters_bias_not_single", lambda k, c, f, b: f * (k * k * c + b * (k > 1))
        ),
        "A 1x1 convolution has a bias too.",
    ),
    Mistake(
        parameters_with(
            "parameters_grey", lambda k, c, f, b: k * k * c * f + f * b if c > 1 else k * k + f * b
        ),
        "With one channel each filter still has its own weights: multiply by `filters`.",
    ),
    Mistake(
        parameters_with(
            "parameters_single_filter", lambda k, c, f, b: k * k * c * f + f * b * (f > 1)
        ),
        "A single filter has its bias too.",
    ),
    Mistake(
        parameters_with("parameters_separable", lambda k, c, f, b: k * k * c + c * f + f * b),
        "This counts a depthwise and a 1x1 convolution. In a plain one every filter has a kernel "
        "for each channel.",
    ),
    Mistake(
        parameters_with("parameters_side_doubled", lambda k, c, f, b: 2 * k * c * f + f * b),
        "The kernel is a square of side `kernel`: its sides are multiplied, not added.",
    ),
    Mistake(
        parameters_with(
            "parameters_window_of_channels", lambda k, c, f, b: (k * c) ** 2 * f + f * b
        ),
        "Only the side is squared, not the number of channels: kernel * kernel * in_channels.",
    ),
    Mistake(
        parameters_with("parameters_power", lambda k, c, f, b: k**c * f + f * b),
        "The channels multiply the weights of the square; they are no exponent.",
    ),
    Mistake(
        parameters_with("parameters_three_channels", lambda k, c, f, b: k * k * 3 * f + f * b),
        "The picture has `in_channels` channels, not always three.",
    ),
    Mistake(
        parameters_with("parameters_side_three", lambda k, c, f, b: 9 * c * f + f * b),
        "The kernel has the side `kernel`, not always 3.",
    ),
    Mistake(
        parameters_with("parameters_wider", lambda k, c, f, b: (k + 1) ** 2 * c * f + f * b),
        "A kernel of side `kernel` has kernel * kernel places, not one row and column more.",
    ),
    Mistake(
        parameters_with("parameters_bytes", lambda k, c, f, b: 4 * f * (k * k * c + b)),
        "The numbers are counted, not their bytes.",
    ),
    Mistake(
        parameters_with("parameters_of_a_picture", lambda k, c, f, b: 32 * 32 * k * k * c * f),
        "The weights are shared by all places: count them once, not for each pixel.",
    ),
    Mistake(
        parameters_with("parameters_float", lambda k, c, f, b: float(f * (k * k * c + b))),
        "A number of parameters is whole: return an int, not a float.",
    ),
    Mistake(
        parameters_with("parameters_xor", lambda k, c, f, b: f * ((k ^ 2) * c + b)),
        "In Python `^` is no power (it is a bitwise or, exclusive): write kernel ** 2.",
    ),
    Mistake(
        parameters_with("parameters_depthwise", lambda k, c, f, b: c * (k * k + b)),
        "This counts a depthwise layer, one kernel for each channel: here every filter has a "
        "kernel for each channel, so `filters` is a factor.",
    ),
    Mistake(
        parameters_with("parameters_channels_twice", lambda k, c, f, b: c * (k * k * c + b)),
        "There are `filters` filters, not as many as the picture has channels.",
    ),
    Mistake(
        parameters_with("parameters_bias_of_window", lambda k, c, f, b: k * k * (c * f + b)),
        "There are as many biases as filters, not as a window has places.",
    ),
    Mistake(
        parameters_with("parameters_bias_both", lambda k, c, f, b: k * k * c * f + b * (c + f)),
        "Only the filters have biases; the channels of the input have none.",
    ),
    Mistake(
        parameters_with("parameters_narrower", lambda k, c, f, b: f * ((k - 1) ** 2 * c + b)),
        "A kernel of side `kernel` has kernel * kernel weights: do not subtract 1.",
    ),
    Mistake(
        parameters_with("parameters_weights_twice", lambda k, c, f, b: f * (2 * k * k * c + b)),
        "The weights are counted twice: a weight is one number, however it is used.",
    ),
    Mistake(
        parameters_with("parameters_normalised", lambda k, c, f, b: f * (k * k * c + b + 2)),
        "A convolution has weights and biases only; two further numbers for each filter would be a "
        "batch normalisation's.",
    ),
    Mistake(
        parameters_with(
            "parameters_one_without_bias",
            lambda k, c, f, b: f * (k * k * c + 1) if b else k * k * c,
        ),
        "Without biases only one filter is counted: the layer has `filters` of them in both cases.",
    ),
    Mistake(
        parameters_with("parameters_biases_squared", lambda k, c, f, b: f * (k * k * c + f * b)),
        "A filter has one bias: the number of biases is multiplied by `filters` once, not twice.",
    ),
    Mistake(
        parameters_with("parameters_nothing", lambda k, c, f, b: f * (k * k * c + 1) if b else 0),
        "Without biases nothing is counted: `a + b if bias else 0` takes in the whole sum. Put "
        "the part with the `if` in brackets.",
    ),
]


PARAMETER_MISTAKES = [
    Mistake(parameters_one_bias, "Each filter has a bias of its own, not the layer one in all."),
    Mistake(
        parameters_bias_per_channel,
        "There are as many biases as filters: a bias is added to a filter's map, not to a channel "
        "of the input.",
    ),
    Mistake(
        parameters_bias_per_pair,
        "The bias is added once, after the sum over the channels: one a filter, not one for each "
        "channel of each filter.",
    ),
    Mistake(parameters_without_bias, "With `bias` each filter has one number more."),
    Mistake(parameters_always_bias, "With `bias=False` there is none: use the argument `bias`."),
    Mistake(parameters_no_bias_by_default, "Without the argument, there is a bias: bias=True."),
    Mistake(
        parameters_side_once, "The kernel is a square of side `kernel`: kernel * kernel weights."
    ),
    Mistake(
        parameters_flat_filters,
        "A filter goes through all channels of its input: it has kernel * kernel weights for each.",
    ),
    Mistake(parameters_one_filter, "This is one filter; the layer has `filters` of them."),
    Mistake(
        parameters_channels_added,
        "Every filter meets every channel: their numbers are multiplied, not added.",
    ),
    Mistake(parameters_cubed, "A kernel has two sides, height and width: kernel squared."),
    Mistake(parameters_bias_per_weight, "A filter has one bias, not one for each of its weights."),
    *PARAMETER_COUNTS,
]


# conv2d


def zeros_around(image, kernels, stride, padding):
    """Zeros as Keras's `same` puts them: as few as the last window needs, the odd one behind."""
    if padding == "valid":
        return image
    sides = []
    for size, kernel in zip(image.shape[:2], kernels.shape[:2], strict=True):
        needed = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        sides.append((needed // 2, needed - needed // 2))
    return np.pad(image, [*sides, (0, 0)])


def conv2d(image, kernels, bias=None, stride=1, padding="valid"):
    """All windows at once, each multiplied with every filter."""
    image = zeros_around(image, kernels, stride, padding)
    windows = sliding_window_view(image, kernels.shape[:2], axis=(0, 1))[::stride, ::stride]
    maps = np.einsum("ijcyx,yxcf->ijf", windows, kernels)
    return maps if bias is None else maps + bias


def conv2d_loops(image, kernels, bias=None, stride=1, padding="valid"):
    image = zeros_around(image, kernels, stride, padding)
    height, width, channels, filters = kernels.shape
    rows = (image.shape[0] - height) // stride + 1
    columns = (image.shape[1] - width) // stride + 1
    maps = np.zeros((rows, columns, filters))
    for f in range(filters):
        for i in range(rows):
            for j in range(columns):
                total = 0.0 if bias is None else bias[f]
                y, x = i * stride, j * stride
                for c in range(channels):
                    patch = image[y : y + height, x : x + width, c]
                    total += (patch * kernels[:, :, c, f]).sum()
                maps[i, j, f] = total
    return maps


def conv2d_taps(image, kernels, bias=None, stride=1, padding="valid"):
    """One weight of the window at a time: a shifted picture, and a product over the channels."""
    image = zeros_around(image, kernels, stride, padding)
    rows = (image.shape[0] - kernels.shape[0]) // stride + 1
    columns = (image.shape[1] - kernels.shape[1]) // stride + 1
    maps = 0
    for y, x in np.ndindex(kernels.shape[:2]):
        shifted = image[y : y + rows * stride : stride, x : x + columns * stride : stride]
        maps = maps + shifted[:rows, :columns] @ kernels[y, x]
    return maps + (0 if bias is None else bias)


def conv2d_matrix(image, kernels, bias=None, stride=1, padding="valid"):
    image = np.ascontiguousarray(zeros_around(image, kernels, stride, padding))
    height, width, channels, filters = kernels.shape
    rows, columns = ((a - b) // stride + 1 for a, b in zip(image.shape, (height, width)))  # noqa: B905
    down, right, deep = image.strides
    windows = as_strided(
        image,
        (rows, columns, height, width, channels),
        (down * stride, right * stride, down, right, deep),
    )
    maps = windows.reshape(rows * columns, -1) @ kernels.reshape(-1, filters)
    if bias is not None:
        maps += bias
    return maps.reshape(rows, columns, filters)


def conv2d_scipy(image, kernels, bias=None, stride=1, padding="valid"):
    image = zeros_around(image, kernels, stride, padding)
    bias = np.zeros(kernels.shape[-1]) if bias is None else bias
    maps = [
        sum(
            scipy.signal.correlate2d(image[..., c], kernels[..., c, f], mode="valid")
            for c in range(image.shape[-1])
        )
        for f in range(kernels.shape[-1])
    ]
    return np.stack(maps, axis=-1)[::stride, ::stride] + bias


def conv2d_fourier(image, kernels, bias=None, stride=1, padding="valid"):
    image = zeros_around(image, kernels, stride, padding)
    turned = kernels[::-1, ::-1]
    product = scipy.signal.fftconvolve(image[..., None], turned, mode="valid", axes=(0, 1))
    maps = product.sum(axis=2)[::stride, ::stride]
    return maps if bias is None else maps + bias


def conv2d_ops(image, kernels, bias=None, stride=1, padding="valid"):
    maps = ops.conv(image[None].astype("float32"), kernels.astype("float32"), stride, padding)
    maps = ops.convert_to_numpy(maps)[0]
    return maps if bias is None else maps + bias[None, None]


def conv2d_layer(image, kernels, bias=None, stride=1, padding="valid"):
    layer = layers.Conv2D(
        kernels.shape[-1],
        kernels.shape[:2],
        strides=stride,
        padding=padding,
        use_bias=bias is not None,
    )
    layer.build((None, *image.shape))
    layer.set_weights([kernels] if bias is None else [kernels, bias])
    return np.array(layer(image[None]))[0]


def conv2d_flipped(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image, kernels[::-1, ::-1], bias, stride, padding)


def conv2d_turned_upside_down(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image, kernels[::-1], bias, stride, padding)


def conv2d_mirrored(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image, kernels[:, ::-1], bias, stride, padding)


def conv2d_last_channel_missing(image, kernels, bias=None, stride=1, padding="valid"):
    count = max(1, image.shape[-1] - 1)
    return conv2d(image[..., :count], kernels[:, :, :count], bias, stride, padding)


def conv2d_channels_apart(image, kernels, bias=None, stride=1, padding="valid"):
    image = zeros_around(image, kernels, stride, padding)
    windows = sliding_window_view(image, kernels.shape[:2], axis=(0, 1))[::stride, ::stride]
    maps = np.einsum("ijcyx,yxcf->ijcf", windows, kernels)
    return maps if bias is None else maps + bias


def conv2d_first_channel(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image[..., :1], kernels[:, :, :1], bias, stride, padding)


def conv2d_channel_mean(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image, kernels / image.shape[-1], bias, stride, padding)


def conv2d_window_mean(image, kernels, bias=None, stride=1, padding="valid"):
    area = kernels.shape[0] * kernels.shape[1]
    return conv2d(image, kernels / area, bias, stride, padding)


def conv2d_grey_kernels(image, kernels, bias=None, stride=1, padding="valid"):
    mean = np.broadcast_to(kernels.mean(axis=2, keepdims=True), kernels.shape)
    return conv2d(image, mean, bias, stride, padding)


def padded_by(image, sides):
    return np.pad(image, [*sides, (0, 0)])


def conv2d_symmetric(image, kernels, bias=None, stride=1, padding="valid"):
    if padding == "same":
        image = padded_by(image, [(side // 2, side // 2) for side in kernels.shape[:2]])
    return conv2d(image, kernels, bias, stride)


def conv2d_symmetric_cut(image, kernels, bias=None, stride=1, padding="valid"):
    rows, columns = (-(-side // stride) for side in image.shape[:2])
    if padding == "same":
        image = padded_by(image, [(side // 2, side // 2) for side in kernels.shape[:2]])
        return conv2d(image, kernels, bias, stride)[:rows, :columns]
    return conv2d(image, kernels, bias, stride)


def conv2d_stride_one_padding(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image, kernels, bias, 1, padding)[::stride, ::stride]


def conv2d_odd_zero_first(image, kernels, bias=None, stride=1, padding="valid"):
    if padding == "same":
        spare = zeros_around(image[::-1, ::-1], kernels, stride, padding)
        return conv2d(spare[::-1, ::-1], kernels, bias, stride)
    return conv2d(image, kernels, bias, stride)


def conv2d_all_behind(image, kernels, bias=None, stride=1, padding="valid"):
    if padding == "same":
        padded = zeros_around(image, kernels, stride, padding)
        more = [(0, a - b) for a, b in zip(padded.shape[:2], image.shape[:2], strict=True)]
        image = padded_by(image, more)
    return conv2d(image, kernels, bias, stride)


def conv2d_odd_column_first(image, kernels, bias=None, stride=1, padding="valid"):
    if padding == "same":
        spare = zeros_around(image[:, ::-1], kernels, stride, padding)
        return conv2d(spare[:, ::-1], kernels, bias, stride)
    return conv2d(image, kernels, bias, stride)


def conv2d_odd_row_first(image, kernels, bias=None, stride=1, padding="valid"):
    if padding == "same":
        spare = zeros_around(image[::-1], kernels, stride, padding)
        return conv2d(spare[::-1], kernels, bias, stride)
    return conv2d(image, kernels, bias, stride)


def conv2d_late_start(image, kernels, bias=None, stride=1, padding="valid"):
    """The map of stride 1, from the middle of the first step on."""
    maps = conv2d(zeros_around(image, kernels, stride, padding), kernels, bias)
    rows = np.arange(0, maps.shape[0], stride) + stride // 2
    columns = np.arange(0, maps.shape[1], stride) + stride // 2
    return maps[rows.clip(max=maps.shape[0] - 1)][:, columns.clip(max=maps.shape[1] - 1)]


def conv2d_kernel_reshaped(image, kernels, bias=None, stride=1, padding="valid"):
    """A reshape for a change of axes."""
    height, width, channels, filters = kernels.shape
    kernels = kernels.reshape(channels, height, width, filters).transpose(1, 2, 0, 3)
    return conv2d(image, kernels, bias, stride, padding)


def conv2d_bias_times_stride(image, kernels, bias=None, stride=1, padding="valid"):
    bias = None if bias is None else bias * stride
    return conv2d(image, kernels, bias, stride, padding)


def conv2d_bias_backwards(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image, kernels, None if bias is None else bias[::-1], stride, padding)


def conv2d_last_tap_row_missing(image, kernels, bias=None, stride=1, padding="valid"):
    kernels = kernels.copy()
    kernels[-1] *= len(kernels) == 1
    return conv2d(image, kernels, bias, stride, padding)


def conv2d_edge_padding(image, kernels, bias=None, stride=1, padding="valid"):
    if padding == "same":
        inside = zeros_around(np.ones_like(image), kernels, stride, padding)[..., 0]
        (top, *_, bottom), (left, *_, right) = (
            np.flatnonzero(inside.any(axis=1 - axis)) for axis in (0, 1)
        )
        sides = (top, len(inside) - 1 - bottom), (left, inside.shape[1] - 1 - right)
        image = np.pad(image, [*sides, (0, 0)], mode="edge")
    return conv2d(image, kernels, bias, stride)


def conv2d_padding_ignored(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image, kernels, bias, stride)


def conv2d_always_padded(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image, kernels, bias, stride, "same")


def conv2d_bias_ignored(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image, kernels, None, stride, padding)


def conv2d_bias_summed(image, kernels, bias=None, stride=1, padding="valid"):
    bias = bias if bias is None else image.shape[-1] * bias
    return conv2d(image, kernels, bias, stride, padding)


def conv2d_bias_per_window(image, kernels, bias=None, stride=1, padding="valid"):
    bias = bias if bias is None else math.prod(kernels.shape[:3]) * bias
    return conv2d(image, kernels, bias, stride, padding)


def conv2d_first_bias(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image, kernels, bias if bias is None else bias[:1], stride, padding)


def conv2d_bias_needed(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image, kernels, np.zeros(()), stride, padding) + bias


def conv2d_stride_ignored(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image, kernels, bias, 1, padding)


def conv2d_stride_rows_only(image, kernels, bias=None, stride=1, padding="valid"):
    image = zeros_around(image, kernels, stride, padding)
    return conv2d(image, kernels, bias)[::stride]


def conv2d_stride_of_windows(image, kernels, bias=None, stride=1, padding="valid"):
    """The right number of windows, but neighbouring ones."""
    maps = conv2d(image, kernels, bias, stride, padding)
    image = zeros_around(image, kernels, stride, padding)
    return conv2d(image, kernels, bias)[: maps.shape[0], : maps.shape[1]]


def conv2d_transposed_kernel(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image, kernels.transpose(1, 0, 2, 3), bias, stride, padding)


def conv2d_filters_first(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image, kernels, bias, stride, padding).transpose(2, 0, 1)


def conv2d_mixed_channels(image, kernels, bias=None, stride=1, padding="valid"):
    height, width, channels, filters = kernels.shape
    mixed = kernels.reshape(height, width, filters, channels).transpose(0, 1, 3, 2)
    return conv2d(image, mixed, bias, stride, padding)


def conv2d_relu(image, kernels, bias=None, stride=1, padding="valid"):
    return np.maximum(conv2d(image, kernels, bias, stride, padding), 0)


def conv2d_square_kernel(image, kernels, bias=None, stride=1, padding="valid"):
    side = min(kernels.shape[:2])
    return conv2d(image, kernels[:side, :side], bias, stride, padding)


def conv2d_with(name, before=None, after=None, around=None):
    """A wrong answer: arguments or result are changed, or `same` gets other zeros.

    `before` takes and returns the five arguments, `after` takes the result and the arguments, and
    `around` the size, kernel, stride and number of zeros of one axis: it returns (before, behind).
    """

    def wrong(image, kernels, bias=None, stride=1, padding="valid"):
        given = [image, kernels, bias, stride, padding]
        if around and padding == "same":
            sides = []
            for size, kernel in zip(image.shape[:2], kernels.shape[:2], strict=True):
                zeros = max((-(-size // stride) - 1) * stride + kernel - size, 0)
                sides.append(around(size, kernel, stride, zeros))
            given[0], given[4] = padded_by(image, sides), "valid"
        maps = conv2d(*(before(*given) if before else given))
        return after(maps, *given) if after else maps

    wrong.__name__ = name
    return wrong


def conv2d_dark_skipped(image, kernels, bias=None, stride=1, padding="valid"):
    maps = conv2d(image, kernels, bias, stride, padding)
    lit = conv2d(np.abs(image), np.ones(kernels.shape), None, stride, padding) > 0
    return maps * lit


def padded_in(mode, **options):
    """Pads a picture as `same` does, with something else than zeros."""

    def change(image, kernels, bias, stride, padding):
        if padding == "same":
            sides = []
            for size, kernel in zip(image.shape[:2], kernels.shape[:2], strict=True):
                needed = max((-(-size // stride) - 1) * stride + kernel - size, 0)
                sides.append((needed // 2, needed - needed // 2))
            image = np.pad(image, [*sides, (0, 0)], mode, **options)
        return image, kernels, bias, stride, "valid"

    return change


def conv2d_sides_swapped(image, kernels, bias=None, stride=1, padding="valid"):
    if padding == "same":
        padded = zeros_around(image, kernels.transpose(1, 0, 2, 3), stride, padding)
        image = padded
    return conv2d(image, kernels, bias, stride)


def conv2d_one_side_for_both(image, kernels, bias=None, stride=1, padding="valid"):
    if padding == "same":
        size, kernel = image.shape[0], kernels.shape[0]
        zeros = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        image = padded_by(image, [(zeros // 2, zeros - zeros // 2)] * 2)
    return conv2d(image, kernels, bias, stride)


def conv2d_stride_columns_only(image, kernels, bias=None, stride=1, padding="valid"):
    image = zeros_around(image, kernels, stride, padding)
    return conv2d(image, kernels, bias)[:, ::stride]


NEGATIVE_ZEROS = (
    "The number of zeros must not become negative: where the stride is longer than the kernel "
    "nothing is cut off the picture."
)


def unclipped(size, kernel, stride):
    """Zeros before and behind; `np.pad` refuses negative ones."""
    needed = (-(-size // stride) - 1) * stride + kernel - size
    return needed // 2, needed - needed // 2


def conv2d_cropped(image, kernels, bias=None, stride=1, padding="valid"):
    """The number of zeros may become negative: then the first window begins too late."""
    rows, columns = (-(-side // stride) for side in image.shape[:2])
    if padding == "same":
        padded = padded_by(image, [(side + stride, side + stride) for side in kernels.shape[:2]])
        for axis in (0, 1):
            size, kernel = image.shape[axis], kernels.shape[axis]
            needed = (-(-size // stride) - 1) * stride + kernel - size
            padded = np.delete(padded, range(kernel + stride - needed // 2), axis)
        return conv2d(padded, kernels, bias, stride)[:rows, :columns]
    return conv2d(image, kernels, bias, stride)


def conv2d_same_rounded_down(image, kernels, bias=None, stride=1, padding="valid"):
    """`same` with as many outputs as the stride fits into the size."""
    if padding == "valid":
        return conv2d(image, kernels, bias, stride)
    rows, columns = (side // stride for side in image.shape[:2])
    for axis, count in ((0, rows), (1, columns)):
        size, kernel = image.shape[axis], kernels.shape[axis]
        needed = max((count - 1) * stride + kernel - size, 0)
        sides = [(0, 0)] * 3
        sides[axis] = (needed // 2, needed - needed // 2)
        image = np.pad(image, sides)
    return conv2d(image, kernels, bias, stride)[:rows, :columns]


def conv2d_same_short(image, kernels, bias=None, stride=1, padding="valid"):
    """The right zeros, but outputs only for the whole strides."""
    maps = conv2d(image, kernels, bias, stride, padding)
    if padding == "valid":
        return maps
    return maps[: image.shape[0] // stride, : image.shape[1] // stride]


def conv2d_one_filter_of_many(image, kernels, bias=None, stride=1, padding="valid"):
    """Only the first map is filled in."""
    maps = conv2d(image, kernels, bias, stride, padding)
    return maps * (np.arange(maps.shape[-1]) == 0)


def conv2d_hangs_over(image, kernels, bias=None, stride=1, padding="valid"):
    if padding == "valid":
        rest = [-(n - k) % stride for n, k in zip(image.shape[:2], kernels.shape[:2], strict=True)]
        image = padded_by(image, [(0, n) for n in rest])
    return conv2d(image, kernels, bias, stride, padding)


def conv2d_single_weight(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image, kernels, bias, 1 if kernels.shape[:2] == (1, 1) else stride, padding)


def conv2d_shorter_stride(image, kernels, bias=None, stride=1, padding="valid"):
    return conv2d(image, kernels, bias, min(stride, *kernels.shape[:2]), padding)


def conv2d_even_cut(image, kernels, bias=None, stride=1, padding="valid"):
    """Reckons with kernel // 2 weights on each side of a middle one."""
    height, width = (side - (side % 2 == 0) for side in kernels.shape[:2])
    return conv2d(image, kernels[: max(height, 1), : max(width, 1)], bias, stride, padding)


def conv2d_square_picture(image, kernels, bias=None, stride=1, padding="valid"):
    side = min(image.shape[:2])
    return conv2d(image[:side, :side], kernels, bias, stride, padding)


def conv2d_depthwise(image, kernels, bias=None, stride=1, padding="valid"):
    channels, filters = kernels.shape[2:]
    one = np.zeros_like(kernels)
    for f in range(filters):
        one[:, :, f % channels, f] = kernels[:, :, f % channels, f]
    return conv2d(image, one, bias, stride, padding)


def conv2d_first_filter(image, kernels, bias=None, stride=1, padding="valid"):
    same = np.broadcast_to(kernels[..., :1], kernels.shape)
    return conv2d(image, same, bias, stride, padding)


def conv2d_off_border(image, kernels, bias=None, stride=1, padding="valid"):
    """Leaves the last row and column as they were made, zero."""
    maps = conv2d(image, kernels, bias, stride, padding)
    inner = np.zeros_like(maps)
    inner[:-1, :-1] = maps[:-1, :-1]
    return inner


SAME_ZEROS = (
    "`same` with a stride: the number of zeros depends on the stride, (outputs - 1) * stride + "
    "kernel - size, never below 0; half of them, rounded down, come before, the rest behind."
)


def conv2d_stride_between_rows(image, kernels, bias=None, stride=1, padding="valid"):
    """The right number of windows; in a row they are neighbours."""
    maps = conv2d(image, kernels, bias, stride, padding)
    dense = conv2d(zeros_around(image, kernels, stride, padding), kernels, bias)
    return dense[::stride, : maps.shape[1]]


def conv2d_stride_between_columns(image, kernels, bias=None, stride=1, padding="valid"):
    maps = conv2d(image, kernels, bias, stride, padding)
    dense = conv2d(zeros_around(image, kernels, stride, padding), kernels, bias)
    return dense[: maps.shape[0], ::stride]


def conv2d_largest_product(image, kernels, bias=None, stride=1, padding="valid"):
    image = zeros_around(image, kernels, stride, padding)
    windows = sliding_window_view(image, kernels.shape[:2], axis=(0, 1))[::stride, ::stride]
    products = np.moveaxis(windows, 2, -1)[..., None] * kernels
    maps = products.max(axis=(2, 3, 4))
    return maps if bias is None else maps + bias


def conv2d_reshaped(image, kernels, bias=None, stride=1, padding="valid"):
    """Reshapes the kernels to have the filters first, which mixes all numbers."""
    height, width, channels, filters = kernels.shape
    mixed = kernels.reshape(filters, height, width, channels).transpose(1, 2, 3, 0)
    return conv2d(image, mixed, bias, stride, padding)


def conv2d_zeros_before(name, before):
    """A wrong answer: the right shape with `same`, but other zeros before the picture.

    `before` takes the zeros that belong to height and width, and returns those there are.
    """

    def wrong(image, kernels, bias=None, stride=1, padding="valid"):
        if padding == "valid":
            return conv2d(image, kernels, bias, stride)
        outputs = [-(-side // stride) for side in image.shape[:2]]
        padded = zeros_around(image, kernels, stride, padding)
        zeros = [(a - b) // 2 for a, b in zip(padded.shape[:2], image.shape[:2], strict=True)]
        behind = [side + stride for side in kernels.shape[:2]]
        image = padded_by(image, zip(before(*zeros), behind, strict=True))
        return conv2d(image, kernels, bias, stride)[: outputs[0], : outputs[1]]

    wrong.__name__ = name
    return wrong


def without_last(axis, even=False):
    """For `kernels_as`: the last row (axis 0) or column (1) is zero; where `even`, of even ones."""

    def change(kernels):
        side = kernels.shape[axis]
        kept = np.arange(side) < side - (side > 1 and not (even and side % 2))
        return kernels * kept.reshape([-1, 1, 1, 1] if axis == 0 else [-1, 1, 1])

    return change


def kernels_as(change):
    """For `conv2d_with`: changes the kernels."""
    return lambda image, kernels, *others: (image, change(kernels), *others)


NOT_NORMALISED = "The kernels are taken as they are: do not divide them by the sum of their sizes."
HEIGHT_TWICE = (
    "Height and width need zeros each for itself: you use the number for the height twice."
)
ONE_ZERO = "One zero on each side is right for 3x3 and stride 1 only. " + SAME_ZEROS
CONV2D_VARIANTS = [
    Mistake(
        conv2d_with("conv2d_frame_of_one", around=lambda n, k, s, zeros: (1, 1)),
        ONE_ZERO,
    ),
    Mistake(conv2d_zeros_before("conv2d_one_before", lambda high, wide: (1, 1)), ONE_ZERO),
    Mistake(
        conv2d_zeros_before("conv2d_height_before", lambda high, wide: (high, high)),
        HEIGHT_TWICE,
    ),
    Mistake(
        conv2d_with(
            "conv2d_bias_in_the_window",
            before=lambda x, k, b, s, p: (x, k, None if b is None else b * k.sum((0, 1, 2)), s, p),
        ),
        "The bias is added to the sum. Yours is multiplied by the weights: is it added to the "
        "pixels of the window?",
    ),
    Mistake(
        conv2d_with("conv2d_last_column_missing", kernels_as(without_last(1))),
        "The last column of the kernel is left out.",
    ),
    Mistake(
        conv2d_with("conv2d_even_columns_cut", kernels_as(without_last(1, even=True))),
        "Of a kernel of an even width the last column is left out: there is no middle, all columns "
        "count.",
    ),
    Mistake(
        conv2d_with("conv2d_even_rows_cut", kernels_as(without_last(0, even=True))),
        "Of a kernel of an even height the last row is left out: there is no middle, all rows "
        "count.",
    ),
    Mistake(
        conv2d_with(
            "conv2d_each_normalised",
            kernels_as(lambda kernels: kernels / np.abs(kernels).sum((0, 1, 2))),
        ),
        NOT_NORMALISED,
    ),
    Mistake(
        conv2d_with("conv2d_all_before", around=lambda n, k, s, zeros: (zeros, 0)),
        "The zeros of `same` go to both sides, half of them behind the picture: yours are all "
        "before it.",
    ),
    Mistake(
        conv2d_with(
            "conv2d_kernel_less_stride",
            around=lambda n, k, s, zeros: (max(k - s, 0) // 2, max(k - s, 0) - max(k - s, 0) // 2),
        ),
        "kernel - stride zeros are right only where the stride divides the size. " + SAME_ZEROS,
    ),
    Mistake(
        conv2d_with("conv2d_full", around=lambda n, k, s, zeros: (k - 1, k - 1)),
        "`same` does not lay kernel - 1 zeros on each side; that enlarges. " + SAME_ZEROS,
    ),
    Mistake(
        conv2d_with("conv2d_mirrored_border", before=padded_in("reflect")),
        "`same` lays zeros around the picture; do not mirror it there.",
    ),
    Mistake(
        conv2d_with("conv2d_mirrored_edge", before=padded_in("symmetric")),
        "`same` lays zeros around the picture; do not mirror its edge.",
    ),
    Mistake(
        conv2d_with("conv2d_wrapped", before=padded_in("wrap")),
        "`same` lays zeros around the picture; it does not go on at the opposite edge.",
    ),
    Mistake(
        conv2d_with("conv2d_ones_around", before=padded_in("constant", constant_values=1)),
        "`same` lays zeros around the picture, not ones.",
    ),
    Mistake(
        conv2d_with("conv2d_mean_around", before=padded_in("mean")),
        "`same` lays zeros around the picture, not the mean.",
    ),
    Mistake(conv2d_sides_swapped, "The zeros of height and width are swapped: rows come first."),
    Mistake(
        conv2d_one_side_for_both,
        HEIGHT_TWICE,
    ),
    Mistake(conv2d_cropped, NEGATIVE_ZEROS),
    Mistake(
        conv2d_with("conv2d_negative_zeros", around=lambda n, k, s, zeros: unclipped(n, k, s)),
        NEGATIVE_ZEROS,
    ),
    Mistake(
        conv2d_same_rounded_down,
        "`same` has an output for each stride *begun*: where something is left over, round up.",
    ),
    Mistake(
        conv2d_same_short,
        "The last row and column are missing with `same`: an output for each stride *begun*, round "
        "up.",
    ),
    Mistake(
        conv2d_one_filter_of_many,
        "Only the first map is computed: the loop must reach all filters.",
    ),
    Mistake(conv2d_hangs_over, "With `valid` a window that hangs over the end is not counted."),
    Mistake(
        conv2d_with("conv2d_one_short", after=lambda maps, *given: maps[:-1, :-1]),
        "A row and a column are missing at the end: count the last window too.",
    ),
    Mistake(conv2d_off_border, "The last row and column are not computed: a loop ends too early."),
    Mistake(conv2d_stride_columns_only, "The stride holds for both directions, right and down."),
    Mistake(
        conv2d_with("conv2d_thinned", before=lambda x, k, b, s, p: (x[::s, ::s], k, b, 1, p)),
        "The stride moves the window; the window itself reads neighbouring pixels: do not thin out "
        "the picture first.",
    ),
    Mistake(
        conv2d_with(
            "conv2d_late",
            before=lambda x, k, b, s, p: (x[s // 2 :, s // 2 :] if p == "valid" else x, k, b, s, p),
        ),
        "The first window begins at pixel 0, whatever the stride is.",
    ),
    Mistake(conv2d_single_weight, "A 1x1 kernel is moved by the stride like any other."),
    Mistake(conv2d_shorter_stride, "The stride may be longer than the kernel: do not shorten it."),
    Mistake(
        conv2d_with(
            "conv2d_bias_subtracted",
            before=lambda x, k, b, s, p: (x, k, None if b is None else -b, s, p),
        ),
        "The bias is added, not subtracted.",
    ),
    Mistake(
        conv2d_with(
            "conv2d_bias_twice",
            before=lambda x, k, b, s, p: (x, k, None if b is None else b * 2, s, p),
        ),
        "The bias is added twice.",
    ),
    Mistake(
        conv2d_with(
            "conv2d_bias_times",
            before=lambda x, k, b, s, p: (x, k, None, s, p),
            after=lambda maps, x, k, b, s, p: maps if b is None else maps * b,
        ),
        "The bias is added to a map, it does not multiply it.",
    ),
    Mistake(
        conv2d_with(
            "conv2d_bias_mean",
            before=lambda x, k, b, s, p: (x, k, None if b is None else 0 * b + b.sum(), s, p),
        ),
        "Every filter has a bias of its own: do not add all of them to each map.",
    ),
    Mistake(
        conv2d_with(
            "conv2d_bias_valid_only",
            before=lambda x, k, b, s, p: (x, k, b if p == "valid" else None, s, p),
        ),
        "With `same` the bias is not added.",
    ),
    Mistake(
        conv2d_with(
            "conv2d_bias_same_only",
            before=lambda x, k, b, s, p: (x, k, b if p == "same" else None, s, p),
        ),
        "With `valid` the bias is not added.",
    ),
    Mistake(
        conv2d_with(
            "conv2d_mean", before=lambda x, k, b, s, p: (x, k / math.prod(k.shape[:3]), b, s, p)
        ),
        "Add up over the window and the channels; do not take the mean.",
    ),
    Mistake(
        conv2d_with(
            "conv2d_channels_reversed", before=lambda x, k, b, s, p: (x[..., ::-1], k, b, s, p)
        ),
        "The channels are paired in the opposite order: channel c of image meets kernels[:, :, c]. "
        "A flip may have turned more than height and width.",
    ),
    Mistake(
        conv2d_with(
            "conv2d_all_flipped", before=lambda x, k, b, s, p: (x, k[::-1, ::-1, ::-1], b, s, p)
        ),
        "The kernel is turned over in all directions, its channels too. Layers do not flip it.",
    ),
    Mistake(
        conv2d_with("conv2d_filters_reversed", after=lambda maps, *given: maps[..., ::-1]),
        "The filters stand in the opposite order.",
    ),
    Mistake(
        conv2d_with(
            "conv2d_image_turned", before=lambda x, k, b, s, p: (x.transpose(1, 0, 2), k, b, s, p)
        ),
        "The picture is transposed: its first axis is the height, its second the width.",
    ),
    Mistake(
        conv2d_with("conv2d_width_first", after=lambda maps, *given: maps.transpose(1, 0, 2)),
        "The result is transposed: its first axis is the height, its second the width.",
    ),
    Mistake(conv2d_depthwise, "Each filter reads all channels; this is a depthwise convolution."),
    Mistake(
        conv2d_first_filter, "Only the first filter is used: map f is made with kernels[..., f]."
    ),
    Mistake(conv2d_even_cut, "An even kernel has no middle: all of its rows and columns count."),
    Mistake(
        conv2d_square_picture, "The picture need not be square: take its height and its width."
    ),
    Mistake(
        conv2d_with("conv2d_size_of_one_map", after=lambda maps, *given: maps.squeeze()),
        "Keep all three axes, those of length 1 too: the result is (height, width, filters).",
    ),
    Mistake(
        conv2d_with(
            "conv2d_maps_added", after=lambda maps, *given: maps.sum(axis=-1, keepdims=True)
        ),
        "Every filter gives a map of its own: add over the channels, not over the filters.",
    ),
    Mistake(
        conv2d_with("conv2d_absolute", after=lambda maps, *given: np.abs(maps)),
        "Negative values stay negative: no absolute value is asked for.",
    ),
    Mistake(
        conv2d_with("conv2d_whole", after=lambda maps, *given: maps.astype(int)),
        "The values are cut off to whole numbers: make the array for the result a float one.",
    ),
    Mistake(
        conv2d_with("conv2d_cut_off", after=lambda maps, *given: np.trunc(maps)),
        "The values lose their decimals: does an array of integers lie on the way?",
    ),
    Mistake(
        conv2d_with("conv2d_whole_picture", before=lambda x, k, b, s, p: (np.trunc(x), k, b, s, p)),
        "The picture loses its decimals: do not turn it into integers.",
    ),
    Mistake(
        conv2d_with(
            "conv2d_same_whole_picture",
            before=lambda x, k, b, s, p: (np.trunc(x) if p == "same" else x, k, b, s, p),
        ),
        "With `same` the picture loses its decimals: is the padded array made of integers?",
    ),
    Mistake(
        conv2d_with("conv2d_half", after=lambda maps, *given: maps.astype("float16")),
        "The values are rounded to three digits: float16 is too coarse, take float32 or float64.",
    ),
    Mistake(
        conv2d_dark_skipped,
        "Where a window holds nothing but zeros the bias remains: do not leave such windows out.",
    ),
    Mistake(
        conv2d_stride_between_rows,
        "Windows in a row of the result lie `stride` pixels apart too: output (i, j) begins at "
        "column j * stride.",
    ),
    Mistake(
        conv2d_stride_between_columns,
        "The rows of the result lie `stride` pixels apart too: output (i, j) begins at row "
        "i * stride.",
    ),
    Mistake(
        conv2d_largest_product, "Add all products up: this is the largest of them, as in a pool."
    ),
    Mistake(
        conv2d_reshaped,
        "`reshape` does not move axes, it cuts the numbers anew: take kernels[..., f], or "
        "np.transpose.",
    ),
    Mistake(
        conv2d_with("conv2d_bytes", after=lambda maps, *given: np.clip(maps, 0, 255)),
        "The values are clipped to 0 to 255: the numbers of a layer may be negative, and larger.",
    ),
    Mistake(
        conv2d_with("conv2d_of_clipped", lambda image, *given: (np.clip(image, 0, 255), *given)),
        "The picture is clipped to 0 to 255 first: what a layer reads may be negative, and larger.",
    ),
    Mistake(
        conv2d_with(
            "conv2d_kernels_sum_to_one", kernels_as(lambda kernels: kernels / kernels.sum())
        ),
        "The kernels are taken as they are: do not divide them by their sum.",
    ),
    Mistake(
        conv2d_with(
            "conv2d_kernels_normalised",
            kernels_as(lambda kernels: kernels / np.abs(kernels).sum()),
        ),
        NOT_NORMALISED,
    ),
]


CONV2D_MISTAKES = [
    Mistake(
        conv2d_flipped,
        "The kernel is turned over. Layers do not flip it: window times kernel, as both are.",
    ),
    Mistake(conv2d_turned_upside_down, "The rows of the kernel are turned over: do not flip it."),
    Mistake(conv2d_mirrored, "The columns of the kernel are turned over: do not flip it."),
    Mistake(
        conv2d_last_channel_missing,
        "The last channel is missing in the sum: does a loop end one step too early?",
    ),
    Mistake(
        conv2d_channels_apart,
        "The sum over the channels is missing: one filter gives one map, whatever goes in.",
    ),
    Mistake(
        conv2d_first_channel, "Only the first channel is used: add up over all channels of image."
    ),
    Mistake(
        conv2d_with(
            "conv2d_last_channel",
            lambda image, kernels, *others: (image[..., -1:], kernels[:, :, -1:], *others),
        ),
        "Only the last channel is left: add each channel's share to the sum, do not replace it.",
    ),
    Mistake(conv2d_channel_mean, "Add up over the channels; do not take their mean."),
    Mistake(conv2d_window_mean, "Add up over the window; do not divide by its area."),
    Mistake(
        conv2d_grey_kernels,
        "Each channel has weights of its own, kernels[:, :, c]: do not average them.",
    ),
    Mistake(
        conv2d_symmetric,
        "`same` is not kernel // 2 zeros on each side: an even kernel would give a row too many. "
        + SAME_ZEROS,
    ),
    Mistake(
        conv2d_symmetric_cut,
        "The shape is right, but `same` does not put kernel // 2 zeros on each side. " + SAME_ZEROS,
    ),
    Mistake(
        conv2d_stride_one_padding,
        "Every `stride`-th output of the layer with stride 1 is not the same thing: the windows "
        "stand elsewhere. " + SAME_ZEROS,
    ),
    Mistake(
        conv2d_odd_zero_first,
        "Where the number of zeros is odd, the odd one goes to the end, not to the start.",
    ),
    Mistake(
        conv2d_all_behind,
        "The zeros of `same` go to both sides: half of them before the picture, rounded down.",
    ),
    Mistake(
        conv2d_edge_padding, "`same` lays zeros around the picture; do not repeat its edge pixels."
    ),
    Mistake(
        conv2d_odd_column_first,
        "In the width the odd zero of `same` goes to the end, as it does in the height.",
    ),
    Mistake(
        conv2d_odd_row_first,
        "In the height the odd zero of `same` goes to the end, as it does in the width.",
    ),
    Mistake(
        conv2d_late_start,
        "With a stride the first window starts at the first pixel, the next `stride` further on.",
    ),
    Mistake(
        conv2d_kernel_reshaped,
        "The kernels' axes are height, width, channels, filters: a reshape into another order "
        "mixes them up; use a transposition, or none.",
    ),
    Mistake(conv2d_bias_times_stride, "The bias does not depend on the stride."),
    Mistake(conv2d_bias_backwards, "The biases stand in the opposite order."),
    Mistake(conv2d_last_tap_row_missing, "The last row of the kernel is left out."),
    Mistake(conv2d_padding_ignored, "The argument `padding` is not used."),
    Mistake(conv2d_always_padded, "There is padding for `valid` too, which means none."),
    Mistake(conv2d_bias_ignored, "The bias is not added."),
    Mistake(
        conv2d_bias_summed,
        "The bias is added once for each channel: add it once, after the sum over the channels.",
    ),
    Mistake(
        conv2d_bias_per_window,
        "The bias is added once for each weight: add it once, after the whole sum.",
    ),
    Mistake(conv2d_first_bias, "Every filter has a bias of its own: bias[f] for map f."),
    Mistake(conv2d_bias_needed, "The bias may be None, its default: then nothing is added."),
    Mistake(conv2d_stride_ignored, "The argument `stride` is not used."),
    Mistake(conv2d_stride_rows_only, "The stride holds for both directions, down and right."),
    Mistake(
        conv2d_stride_of_windows,
        "There are as many windows as asked, but they stand side by side: output i begins at "
        "pixel i * stride.",
    ),
    Mistake(
        conv2d_transposed_kernel,
        "Height and width of the kernel are swapped: its first axis goes down, its second right.",
    ),
    Mistake(conv2d_filters_first, "The result is (height, width, filters): the filters come last."),
    Mistake(
        conv2d_mixed_channels,
        "The last two axes of kernels are confused: channels first, then filters. A reshape "
        "does not swap axes.",
    ),
    Mistake(conv2d_relu, "There is no ReLU here: negative values stay."),
    Mistake(conv2d_square_kernel, "The kernel need not be square: take its height and its width."),
    *CONV2D_VARIANTS,
]


# gradient_magnitude

SOBEL = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])


def filtered(image, kernel):
    windows = sliding_window_view(image, kernel.shape)
    return np.einsum("ijyx,yx->ij", windows, kernel)


def gradient_magnitude(image):
    """Pythagoras on the Sobel filter and its transpose."""
    return np.sqrt(filtered(image, SOBEL) ** 2 + filtered(image, SOBEL.T) ** 2)


def magnitude_loops(image):
    height, width = image.shape
    result = np.zeros((height - 2, width - 2))
    for y in range(height - 2):
        for x in range(width - 2):
            window = image[y : y + 3, x : x + 3]
            result[y, x] = math.hypot((window * SOBEL).sum(), (window * SOBEL.T).sum())
    return result


def magnitude_slices(image):
    across = image[:, 2:] - image[:, :-2]
    down = image[2:] - image[:-2]
    gx = across[:-2] + 2 * across[1:-1] + across[2:]
    gy = down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]
    return (gx**2 + gy**2) ** 0.5


def magnitude_flipped(image):
    """A true convolution changes signs only, and the squares do not see them."""
    sides = (scipy.signal.convolve2d(image, k, mode="valid") for k in (SOBEL, SOBEL.T))
    return np.hypot(*sides)


def magnitude_ndimage(image):
    sides = [scipy.ndimage.sobel(image, axis)[1:-1, 1:-1] for axis in (0, 1)]
    return np.linalg.norm(sides, axis=0)


def magnitude_ops(image):
    kernels = np.stack([SOBEL, -SOBEL.T], axis=-1)[:, :, None].astype("float32")
    maps = ops.conv(image[None, :, :, None].astype("float32"), kernels, padding="valid")
    return ops.convert_to_numpy(ops.sqrt(ops.sum(maps**2, axis=-1)))[0]


def magnitude_complex(image):
    return np.abs(filtered(image, SOBEL + 1j * SOBEL.T))


def magnitude_squared(image):
    return gradient_magnitude(image) ** 2


def magnitude_absolute(image):
    return np.abs(filtered(image, SOBEL)) + np.abs(filtered(image, SOBEL.T))


def magnitude_across(image):
    return np.abs(filtered(image, SOBEL))


def magnitude_down(image):
    return np.abs(filtered(image, SOBEL.T))


def magnitude_root_of_sum(image):
    return np.sqrt(np.abs(filtered(image, SOBEL + SOBEL.T)))


def magnitude_square_of_sum(image):
    return np.abs(filtered(image, SOBEL + SOBEL.T))


def magnitude_difference(image):
    return np.sqrt(np.abs(filtered(image, SOBEL) ** 2 - filtered(image, SOBEL.T) ** 2))


def magnitude_twice_one(image):
    return np.sqrt(2) * np.abs(filtered(image, SOBEL))


def magnitude_maximum(image):
    return np.maximum(np.abs(filtered(image, SOBEL)), np.abs(filtered(image, SOBEL.T)))


def magnitude_mean(image):
    return np.sqrt((filtered(image, SOBEL) ** 2 + filtered(image, SOBEL.T) ** 2) / 2)


def magnitude_prewitt(image):
    prewitt = np.sign(SOBEL)
    return np.hypot(filtered(image, prewitt), filtered(image, prewitt.T))


def magnitude_scharr(image):
    scharr = np.outer([3.0, 10.0, 3.0], [-1.0, 0.0, 1.0])
    return np.hypot(filtered(image, scharr), filtered(image, scharr.T))


def magnitude_eighth(image):
    return gradient_magnitude(image) / 8


def magnitude_normalised(image):
    result = gradient_magnitude(image)
    return result / result.max()


def magnitude_all_plus(image):
    plus = np.abs(SOBEL)
    return np.hypot(filtered(image, plus), filtered(image, plus.T))


def magnitude_padded(image):
    return gradient_magnitude(np.pad(image, 1))


def magnitude_central(image):
    down, across = np.gradient(image)
    return np.hypot(down, across)[1:-1, 1:-1]


def magnitude_sum_kernel(image):
    return filtered(image, SOBEL) + filtered(image, SOBEL.T)


def magnitude_angle(image):
    return np.arctan2(filtered(image, SOBEL.T), filtered(image, SOBEL))


def magnitude_laplacian(image):
    return np.abs(filtered(image, np.array([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])))


def magnitude_clipped(image):
    return np.clip(gradient_magnitude(image), 0, 1)


def magnitude_with(name, across=SOBEL, down=None, join=np.hypot):
    """A wrong answer: other filters, or put together in another way. `down` None: transposed."""
    across = np.array(across, "float64")
    down = across.T if down is None else np.array(down, "float64")

    def wrong(image):
        return join(filtered(image, across), filtered(image, down))

    wrong.__name__ = name
    return wrong


def magnitude_changed(name, before=lambda image: image, after=lambda result: result):
    """A wrong answer: the picture or the result is changed."""

    def wrong(image):
        return after(gradient_magnitude(before(image)))

    wrong.__name__ = name
    return wrong


def magnitude_at_border(image):
    sides = [scipy.ndimage.sobel(image, axis) for axis in (0, 1)]
    return np.hypot(*sides)


def magnitude_cut_wrongly(image):
    return magnitude_at_border(image)[2:, 2:]


def magnitude_cut_at_end(image):
    return magnitude_at_border(image)[:-2, :-2]


def magnitude_one_after_other(image):
    padded = np.pad(filtered(np.pad(image, 1), SOBEL), 1)
    first, second = filtered(np.pad(image, 1), SOBEL), filtered(padded, SOBEL.T)
    return np.hypot(first, second)[1:-1, 1:-1]


def magnitude_rescaled(image):
    result = gradient_magnitude(image)
    with np.errstate(all="ignore"):
        return (result - result.min()) / (result.max() - result.min())


def magnitude_not_a_number(image):
    with np.errstate(all="ignore"):
        return np.sqrt(filtered(image, SOBEL) ** 2 - filtered(image, SOBEL.T) ** 2)


def magnitude_precedence(image):
    return (filtered(image, SOBEL) ** 2 + filtered(image, SOBEL.T) ** 2) / 2


def real_root(squares):
    """NaN where there is none."""
    with np.errstate(all="ignore"):
        return np.sqrt(squares)


BOTH_RESPONSES = (
    "These are the two responses; the length of the arrow that they make is asked for, one number "
    "for each window."
)
PREWITT = [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]


def magnitude_signed_laplacian(image):
    return filtered(image, np.array([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]))


def magnitude_last_row_empty(image):
    result = gradient_magnitude(image)
    result[-1] = 0
    return result


MAGNITUDE_VARIANTS = [
    Mistake(
        magnitude_with("magnitude_heavy_corners", [[-2, 0, 2], [-1, 0, 1], [-2, 0, 2]]),
        "The 2 stands in the middle row of the filter, the corners have 1.",
    ),
    Mistake(
        magnitude_with("magnitude_first_row", [[-2, 0, 2], [-1, 0, 1], [-1, 0, 1]]),
        "The 2 stands in the filter's middle row, not in its first.",
    ),
    Mistake(
        magnitude_with("magnitude_last_row", [[-1, 0, 1], [-1, 0, 1], [-2, 0, 2]]),
        "The 2 stands in the filter's middle row, not in its last.",
    ),
    Mistake(
        magnitude_with("magnitude_all_two", [[-2, 0, 2]] * 3),
        "Only the middle row of the filter has -2 and 2; the others have -1 and 1.",
    ),
    Mistake(
        magnitude_with("magnitude_three", [[-1, 0, 1], [-3, 0, 3], [-1, 0, 1]]),
        "The middle row of the filter has the weights -2, 0, 2.",
    ),
    Mistake(
        magnitude_with("magnitude_four", [[-1, 0, 1], [-4, 0, 4], [-1, 0, 1]]),
        "The middle row of the filter has the weights -2, 0, 2, not their squares.",
    ),
    Mistake(
        magnitude_with("magnitude_sign_of_a_row", [[-1, 0, 1], [-2, 0, 2], [1, 0, -1]]),
        "A row of your filter has the wrong signs: its left column is negative throughout.",
    ),
    Mistake(
        magnitude_with("magnitude_sign_of_middle", [[-1, 0, 1], [2, 0, -2], [-1, 0, 1]]),
        "The middle row of your filter has the wrong signs: its left column is negative.",
    ),
    Mistake(
        magnitude_with("magnitude_one_weight", [[-1, 0, 1], [-2, 0, 2], [-1, 0, -1]]),
        "One corner of your filter has the wrong sign: its right column is positive throughout.",
    ),
    Mistake(
        magnitude_with("magnitude_signs_of_corners", [[-1, 0, 1], [-2, 0, 2], [1, 0, 1]]),
        "One corner of your filter has the wrong sign: its left column is negative throughout.",
    ),
    Mistake(
        magnitude_with("magnitude_middle_weight", [[-1, 0, 1], [-2, 1, 2], [-1, 0, 1]]),
        "The middle column of the filter is zero: the pixel itself does not count.",
    ),
    Mistake(
        magnitude_with("magnitude_half_filter", [[-1, 0, 0], [-2, 0, 0], [-1, 0, 0]]),
        "The filter takes a difference: its third column, 1, 2, 1, is missing.",
    ),
    Mistake(
        magnitude_with("magnitude_neighbours", [[-1, 1, 0], [-2, 2, 0], [-1, 1, 0]]),
        "The difference is taken over two pixels, with a column of zeros between.",
    ),
    Mistake(
        magnitude_with("magnitude_plain", [[0, 0, 0], [-1, 0, 1], [0, 0, 0]]),
        "These are plain differences: a Sobel filter adds three of them, the middle one doubled.",
    ),
    Mistake(
        magnitude_with("magnitude_plain_doubled", [[0, 0, 0], [-2, 0, 2], [0, 0, 0]]),
        "The rows above and below are missing: the filter has -1, 0, 1 there.",
    ),
    Mistake(
        magnitude_with(
            "magnitude_roberts",
            [[1, 0, 0], [0, -1, 0], [0, 0, 0]],
            [[0, 1, 0], [-1, 0, 0], [0, 0, 0]],
        ),
        "These are Roberts' two diagonal filters; Sobel's is 3x3.",
    ),
    Mistake(
        magnitude_with(
            "magnitude_diagonal",
            [[0, 1, 2], [-1, 0, 1], [-2, -1, 0]],
            [[-2, -1, 0], [-1, 0, 1], [0, 1, 2]],
        ),
        "These are the diagonal Sobel filters: the upright one and its transpose are asked for.",
    ),
    Mistake(
        magnitude_with("magnitude_half_prewitt", SOBEL, np.transpose(PREWITT)),
        "The second filter is the first one transposed: its middle column has -2, 0, 2 from top "
        "to bottom.",
    ),
    Mistake(
        magnitude_with("magnitude_prewitt_first", PREWITT, SOBEL.T),
        "The first filter lacks its 2: it is the second one transposed.",
    ),
    Mistake(
        magnitude_with("magnitude_down_wrong_sign", SOBEL, np.abs(SOBEL.T)),
        "The second filter takes a difference too: one of its sides is negative.",
    ),
    Mistake(
        magnitude_with(
            "magnitude_relu", join=lambda a, b: np.hypot(np.maximum(a, 0), np.maximum(b, 0))
        ),
        "Negative responses count as well: an edge from bright to dark is an edge.",
    ),
    Mistake(
        magnitude_with("magnitude_mean_of_sizes", join=lambda a, b: (np.abs(a) + np.abs(b)) / 2),
        "The length is the root of the sum of the squares, not the mean of the two sizes.",
    ),
    Mistake(
        magnitude_with("magnitude_product", join=lambda a, b: np.sqrt(np.abs(a * b))),
        "The squares of the two responses are added; the responses are not multiplied.",
    ),
    Mistake(
        magnitude_with("magnitude_one_under_root", join=lambda a, b: np.sqrt(a**2 + b**2 + 1)),
        "Nothing is added under the root but the two squares.",
    ),
    Mistake(
        magnitude_with("magnitude_one_squared", join=lambda a, b: np.sqrt(np.abs(a**2 + b))),
        "Both responses are squared, the second too.",
    ),
    Mistake(
        magnitude_with("magnitude_cube_root", join=lambda a, b: np.cbrt(a**2 + b**2)),
        "Take the square root, not the cube root.",
    ),
    Mistake(
        magnitude_with("magnitude_double_root", join=lambda a, b: np.hypot(a, b) ** 0.5),
        "The root is taken twice.",
    ),
    Mistake(
        magnitude_changed("magnitude_quarter", after=lambda result: result / 4),
        "Do not divide by 4: the weights are -1, 0, 1, -2, 0, 2, -1, 0, 1.",
    ),
    Mistake(
        magnitude_changed("magnitude_skimage", after=lambda result: result / 4 / 2**0.5),
        "This is scikit-image's scale, divided by 4 and by the root of 2: leave the plain length.",
    ),
    Mistake(
        magnitude_changed("magnitude_ninth", after=lambda result: result / 9),
        "Add up over the window; do not take its mean.",
    ),
    Mistake(
        magnitude_changed("magnitude_clipped_255", after=lambda result: np.clip(result, 0, 255)),
        "The values are clipped at 255: a length may be larger.",
    ),
    Mistake(
        magnitude_changed("magnitude_of_clipped", lambda image: np.clip(image, 0, 255)),
        "The picture is clipped to 0 to 255 first: it may hold negative numbers, and larger ones.",
    ),
    Mistake(
        magnitude_changed("magnitude_whole", after=np.floor),
        "The values lose their decimals: does an array of integers lie on the way?",
    ),
    Mistake(
        magnitude_changed("magnitude_integers", after=lambda result: result.astype(int)),
        "Return floats: a length is seldom a whole number.",
    ),
    Mistake(
        magnitude_changed("magnitude_half", after=lambda result: result.astype("float16")),
        "The values are rounded to three digits: float16 is too coarse, take float32 or float64.",
    ),
    Mistake(
        magnitude_changed("magnitude_bytes", lambda image: image.astype(int).astype("uint8")),
        "Do not turn the picture into bytes: it may hold decimals and negative numbers.",
    ),
    Mistake(
        magnitude_changed("magnitude_whole_picture", np.trunc),
        "The picture loses its decimals: do not turn it into integers.",
    ),
    Mistake(
        magnitude_changed("magnitude_scaled_picture", lambda image: image / 255),
        "The picture is taken as it is: do not divide it by 255.",
    ),
    Mistake(
        magnitude_changed("magnitude_unit_picture", lambda image: image / np.abs(image).max()),
        "The picture is taken as it is: do not divide it by its largest value.",
    ),
    Mistake(
        magnitude_changed("magnitude_transposed", after=lambda result: result.T),
        "The result is transposed: rows stay rows.",
    ),
    Mistake(
        magnitude_changed("magnitude_short", after=lambda result: result[:-1, :-1]),
        "A row and a column are missing at the end: (H-2, W-2) windows fit.",
    ),
    Mistake(
        magnitude_changed("magnitude_inner", after=lambda result: result[1:-1, 1:-1]),
        "The border is cut off twice: (H-2, W-2) windows fit.",
    ),
    Mistake(
        magnitude_changed("magnitude_strided", after=lambda result: result[::2, ::2]),
        "There is no stride: every window counts.",
    ),
    Mistake(
        magnitude_changed("magnitude_channel", after=lambda result: result[..., None]),
        "The result has two axes, as the picture has: take the channel axis off.",
    ),
    Mistake(
        magnitude_at_border,
        "The border is not cut off: where the window hangs over there is no result.",
    ),
    Mistake(
        magnitude_cut_wrongly,
        "A row and a column go on *each* side: you cut off two at the beginning.",
    ),
    Mistake(magnitude_cut_at_end, "A row and a column go on *each* side, not two at the end."),
    Mistake(
        magnitude_one_after_other,
        "Both filters are applied to the picture: the second is applied to the first one's result.",
    ),
    Mistake(
        magnitude_rescaled, "Do not stretch the result to 0 to 1: the plain length is asked for."
    ),
    Mistake(
        magnitude_not_a_number,
        "The two squares are added, not subtracted: the root of a negative number is NaN.",
    ),
    Mistake(
        magnitude_precedence,
        "** binds tighter than /: raise to the power of 0.5, in brackets, or use np.sqrt.",
    ),
    Mistake(
        magnitude_with("magnitude_signed_across", join=lambda a, b: a),
        "This is the response of the upright filter alone: both filters are asked for, and the "
        "length of the two together.",
    ),
    Mistake(
        magnitude_with("magnitude_signed_down", join=lambda a, b: b),
        "This is the response of the level filter alone: both filters are asked for, and the "
        "length of the two together.",
    ),
    Mistake(
        magnitude_with("magnitude_root_of_sizes", join=lambda a, b: np.sqrt(np.abs(a) + np.abs(b))),
        "Square the two responses before you add them: their sizes are added as they are here.",
    ),
    Mistake(
        magnitude_with(
            "magnitude_whole_responses", join=lambda a, b: np.hypot(*map(np.trunc, (a, b)))
        ),
        "The two responses lose their decimals: make the arrays that hold them float ones.",
    ),
    Mistake(
        magnitude_with("magnitude_down_twice", join=lambda a, b: np.sqrt(a**2 + 2 * b**2)),
        "The change downwards counts double here: both squares have the same weight.",
    ),
    Mistake(
        magnitude_with("magnitude_across_twice", join=lambda a, b: np.sqrt(2 * a**2 + b**2)),
        "The change from left to right counts double here: both squares have the same weight.",
    ),
    Mistake(
        magnitude_with("magnitude_down_positive", join=lambda a, b: np.hypot(a, np.maximum(b, 0))),
        "Where the picture grows darker downwards that response is lost: square it before "
        "anything is set to 0.",
    ),
    Mistake(
        magnitude_with(
            "magnitude_across_positive", join=lambda a, b: np.hypot(np.maximum(a, 0), b)
        ),
        "Where the picture grows darker to the right that response is lost: square it before "
        "anything is set to 0.",
    ),
    Mistake(
        magnitude_changed("magnitude_above_mean", after=lambda m: np.where(m > m.mean(), m, 0)),
        "No threshold is asked for: weak edges keep their length.",
    ),
    Mistake(
        magnitude_changed("magnitude_edges", after=lambda m: (m > m.mean()).astype(float)),
        "No threshold is asked for: this only says where an edge is, not how strong.",
    ),
    Mistake(
        magnitude_with("magnitude_stacked", join=lambda a, b: np.stack([a, b], axis=-1)),
        BOTH_RESPONSES,
    ),
    Mistake(magnitude_with("magnitude_pair", join=lambda a, b: np.stack([a, b])), BOTH_RESPONSES),
    Mistake(
        magnitude_with("magnitude_second_squared", join=lambda a, b: np.sqrt(np.abs(a) + b**2)),
        "Both responses are squared, the first too.",
    ),
    Mistake(
        magnitude_with("magnitude_first_not_squared", join=lambda a, b: real_root(a + b**2)),
        "Both responses are squared, the first too: the root of a negative number is NaN.",
    ),
    Mistake(
        magnitude_with("magnitude_second_not_squared", join=lambda a, b: real_root(a**2 + b)),
        "Both responses are squared, the second too: the root of a negative number is NaN.",
    ),
    Mistake(
        magnitude_changed("magnitude_logarithm", after=np.log1p),
        "No logarithm is asked for: leave the plain length.",
    ),
    Mistake(
        magnitude_changed(
            "magnitude_square_picture", lambda image: image[: min(image.shape), : min(image.shape)]
        ),
        "The picture need not be square: take its height and its width.",
    ),
    Mistake(
        magnitude_signed_laplacian,
        "This is a Laplacian, one filter for all directions: use the Sobel filter and its "
        "transpose.",
    ),
    Mistake(
        magnitude_last_row_empty,
        "The last row of the result stays 0: your loop ends one row early.",
    ),
]


MAGNITUDE_MISTAKES = [
    Mistake(magnitude_squared, "The square root is missing."),
    Mistake(
        magnitude_absolute,
        "The length of an arrow is the root of the two squares added (Pythagoras), not the sum of "
        "the two sizes.",
    ),
    Mistake(magnitude_across, "Only the change from left to right is in it: add that downwards."),
    Mistake(magnitude_down, "Only the change downwards is in it: add that from left to right."),
    Mistake(
        magnitude_root_of_sum,
        "Square each of the two responses, add the squares, then take the root: here the root is "
        "taken of the responses' sum.",
    ),
    Mistake(
        magnitude_square_of_sum, "Square the two responses before you add them, not their sum."
    ),
    Mistake(magnitude_difference, "The two squares are added, not subtracted."),
    Mistake(
        magnitude_twice_one,
        "The same filter is used twice: the second is the first one transposed.",
    ),
    Mistake(
        magnitude_maximum, "The larger of the two responses is not the length: add both squares."
    ),
    Mistake(magnitude_mean, "Add the two squares; do not take their mean."),
    Mistake(magnitude_prewitt, "The middle row of a Sobel filter has the weights -2, 0, 2."),
    Mistake(magnitude_scharr, "These weights are Scharr's; Sobel's are 1, 2, 1."),
    Mistake(magnitude_eighth, "Do not divide by 8: the weights are -1, 0, 1, -2, 0, 2, -1, 0, 1."),
    Mistake(magnitude_normalised, "Do not divide by the maximum: the plain length is asked for."),
    Mistake(
        magnitude_all_plus,
        "One side of a Sobel filter is negative: it takes a difference. All of yours add up.",
    ),
    Mistake(magnitude_padded, "No padding: a 3x3 window fits into (H-2) x (W-2) places."),
    Mistake(
        magnitude_central,
        "These are plain differences: a Sobel filter adds three of them, the middle one doubled.",
    ),
    Mistake(magnitude_sum_kernel, "The two responses are added as they are: square them first."),
    Mistake(magnitude_angle, "This is the direction of the arrow; its length is asked for."),
    Mistake(
        magnitude_laplacian,
        "This is a Laplacian, one filter for all directions: the Sobel filter and its transpose "
        "are asked for.",
    ),
    Mistake(magnitude_clipped, "The values are clipped: a length may be larger than 1."),
    *MAGNITUDE_VARIANTS,
]


# What is tried


def number(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    return int(rng.integers(low, high + 1))


def numbers(rng: np.random.Generator, low: int, high: int, count: int) -> list[int]:
    """Different whole numbers from `low` to `high`."""
    return [int(n) for n in rng.choice(np.arange(low, high + 1), count, replace=False)]


def size_trials(rng: np.random.Generator) -> list[Trial]:
    """Both paddings, with windows that fit exactly and that hang over; the limits; dilations.

    Kernels are odd and even in each branch, and larger and smaller than stride and dilation. One
    size, kernel and stride occur with both paddings and with two dilations. Dilated pictures have
    room for windows that are reckoned too wide, so that a count is never cut off at 1.
    """
    kernel, odd, even = number(rng, 4, 6), 2 * number(rng, 2, 4) + 1, 2 * number(rng, 2, 3)
    places, more = numbers(rng, 5, 9, 2)
    dilation = 7 - even // 2  # 5 or 4: neither equal to a kernel below nor a multiple
    wide, narrow = dilation**2 * (even - 1) + 1, 4 * (odd - 1) + 1
    return [
        trial(size=narrow + more, kernel=odd),
        trial(size=odd, kernel=odd),
        trial(size=kernel + 2 * places, kernel=kernel, stride=2),
        trial(size=kernel + 2 * places + 1, kernel=kernel, stride=2),
        trial(size=odd + 5 * places + 4, kernel=odd, stride=5),
        trial(size=even + 4 * places + 1, kernel=even, stride=4, padding="valid"),
        trial(size=odd + 3, kernel=odd, stride=odd + 2),
        trial(size=5 * places + 3, kernel=2, stride=5),
        trial(size=3 * places + 2, kernel=1, stride=3),
        trial(size=narrow + more, kernel=odd, stride=1, padding="same"),
        trial(size=number(rng, 12, 30), kernel=even, stride=1, padding="same"),
        trial(size=2 * places, kernel=odd, stride=2, padding="same"),
        trial(size=2 * places + 1, kernel=even, stride=2, padding="same"),
        trial(size=3 * more, kernel=even, stride=3, padding="same"),
        trial(size=4 * places + 1, kernel=3, stride=4, padding="same"),
        trial(size=5 * places + 3, kernel=even, stride=5, padding="same"),
        trial(size=3 * (11 + odd) + 1, kernel=odd, stride=11 + odd, padding="same"),
        trial(size=3, kernel=odd, stride=2, padding="same"),
        trial(size=wide + places, kernel=even, stride=1, padding="valid", dilation=dilation),
        trial(size=narrow + more, kernel=odd, stride=1, padding="valid", dilation=2),
        trial(size=wide, kernel=even - 1, stride=1, padding="valid", dilation=3),
        trial(size=wide + places, kernel=kernel, stride=1, padding="same", dilation=2),
        trial(size=places, kernel=1, stride=1, padding="valid", dilation=3),
        trial(size=3, kernel=odd, stride=5, padding="same"),
        trial(size=4 * more + 3, kernel=4, stride=4, padding="same"),
    ]


def parameter_trials(rng: np.random.Generator) -> list[Trial]:
    a, b, c, d, e, f, g, h, i = numbers(rng, 4, 40, 9)
    return [
        trial(kernel=4, in_channels=e, filters=f, bias=False),
        trial(kernel=3, in_channels=a, filters=b),
        trial(kernel=5, in_channels=c, filters=d, bias=True),
        trial(kernel=1, in_channels=g, filters=h),
        trial(kernel=7, in_channels=1, filters=i, bias=False),
        trial(kernel=2, in_channels=a, filters=1, bias=True),
        trial(kernel=3, in_channels=128, filters=256 + a),
    ]


def drawn(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape)


def conv2d_trials(rng: np.random.Generator) -> list[Trial]:
    """A case to work out; both paddings, strides 1 to 4, odd, even and oblong kernels, biases.

    A kernel higher than its picture; a bright picture, and one that is black in part; as many
    filters as channels; two pictures of one shape, to be told apart.
    """

    def sides(parity: int) -> tuple[int, int]:
        a, b = numbers(rng, 4, 6, 2)
        return 2 * a + parity, 2 * b + parity

    def case(image, kernel, bias: bool | None, *options, alike: bool = False):
        channels, filters = [number(rng, 2, 4)] * 2 if alike else numbers(rng, 2, 5, 2)
        given = {
            "image": drawn(rng, *image, channels),
            "kernels": drawn(rng, *kernel, channels, filters),
        }
        if bias is not None:
            given["bias"] = drawn(rng, filters) if bias else None
        return trial(**given, **dict(zip(("stride", "padding"), options)))  # noqa: B905

    def single(given: Trial) -> Trial:
        """The same in single precision."""
        arrays = {k: v.astype("float32") for k, v in given.arguments.items() if hasattr(v, "dtype")}
        return Trial({**given.arguments, **arrays})

    def dark(given: Trial) -> Trial:
        """The same with a corner that is black."""
        image = given.arguments["image"].copy()
        image[:8, :9] = 0
        return Trial({**given.arguments, "image": image})

    def bright(given: Trial) -> Trial:
        """The same with numbers as large as a photograph's."""
        return Trial({**given.arguments, "image": 200 * given.arguments["image"]})

    (even, odd), (low, high) = (sides(0)[0], sides(1)[0]), sides(0)
    digits = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])[:, :, None]
    places = np.array([[1.0, 10.0], [100.0, 1000.0]])[:, :, None, None]
    return [
        trial(image=digits, kernels=places),
        case((even, odd), (3, 2), None),
        single(case((odd, even), (2, 4), True)),
        bright(case((odd, even), (3, 4), True, 2, "valid")),
        case((even, odd), (3, 5), False, 1, "same"),
        case((low, high), (3, 5), True, 2, "same"),
        case(sides(1), (5, 3), True, 2, "same"),
        case((odd, even), (4, 2), False, 2, "same"),
        case((even + 3, odd + 3), (5, 4), True, 3, "same"),
        case((12, 9)[:: number(rng, 0, 1) or -1], (2, 1), True, 3, "same"),
        case((odd + 1, even + 3), (2, 1), False, 3, "valid"),
        case((low, odd), (1, 1), True, 2, "valid"),
        case((3, odd), (3, 3), False, alike=True),
        case((4, odd), (7, 3), True, 1, "same"),
        dark(case((4 * even, 4 * odd + 1), (3, 2), True, 4)),
        trial(image=digits[:, ::-1] + 4, kernels=places),
    ]


def magnitude_trials(rng: np.random.Generator) -> list[Trial]:
    """Two pictures that a reader can work out, one of a weak edge, then the sizes."""
    a, b, c, d = numbers(rng, 6, 12, 4)
    ramp = 3 * np.arange(a)[:, None] - 2.0 * np.arange(b)
    steps = np.arange(3.0)
    return [
        trial(image=np.tile(steps, (3, 1))),
        trial(image=np.tile(steps[:, None] / 32, (1, 3))),
        trial(image=drawn(rng, a, b)),
        trial(image=drawn(rng, 3, c)),
        trial(image=100 * drawn(rng, d, 4).astype("float32")),
        trial(image=ramp + 0.3 * drawn(rng, a, b)),
    ]


TASKS = [
    Task(
        name="output_size",
        kind="function",
        points=2,
        dtype="int",
        by_hand=True,
        trials=size_trials,
        answer=output_size,
        accepted=[
            Accepted(size_by_ceiling),
            Accepted(size_by_counting),
            Accepted(size_by_range),
            Accepted(size_by_windows),
            Accepted(size_by_layer),
            Accepted(size_by_ops),
            Accepted(size_by_numpy),
        ],
        mistakes=SIZE_MISTAKES,
    ),
    Task(
        name="conv_parameters",
        kind="function",
        points=1,
        dtype="int",
        by_hand=True,
        trials=parameter_trials,
        answer=conv_parameters,
        accepted=[
            Accepted(parameters_by_layer),
            Accepted(parameters_by_shapes),
            Accepted(parameters_by_loop),
            Accepted(parameters_by_array),
            Accepted(parameters_by_model),
        ],
        mistakes=PARAMETER_MISTAKES,
    ),
    Task(
        name="conv2d",
        kind="function",
        points=5,
        by_hand=True,
        trials=conv2d_trials,
        tolerance=3e-5,  # float16 is refused; single precision stays below a tenth of it
        answer=conv2d,
        accepted=[
            Accepted(conv2d_loops),
            Accepted(conv2d_taps),
            Accepted(conv2d_matrix),
            Accepted(conv2d_scipy),
            Accepted(conv2d_fourier),
            Accepted(conv2d_ops),
            Accepted(conv2d_layer),
        ],
        mistakes=CONV2D_MISTAKES,
    ),
    Task(
        name="gradient_magnitude",
        kind="function",
        points=2,
        by_hand=True,
        trials=magnitude_trials,
        tolerance=3e-5,  # float16 is refused; single precision stays below a tenth of it
        answer=gradient_magnitude,
        accepted=[
            Accepted(magnitude_loops),
            Accepted(magnitude_slices),
            Accepted(magnitude_flipped),
            Accepted(magnitude_ndimage),
            Accepted(magnitude_ops),
            Accepted(magnitude_complex),
        ],
        mistakes=MAGNITUDE_MISTAKES,
    ),
]


_ZEROS = "for size, kernel in zip(image.shape[:2], kernels.shape[:2]"
_NEEDED = "(-(-size // stride) - 1) * stride + kernel - size"
EQUIVALENT_MUTANTS = {
    f"zeros_around: {_ZEROS}, strict=True): -> {_ZEROS}):": "both have two sides",
    f"zeros_around: {_ZEROS}, strict=True): -> {_ZEROS}, strict=False):": "both have two sides",
    f"zeros_around: needed = max({_NEEDED}, 0) -> needed = max(0, {_NEEDED})": "a maximum of two",
    "conv_parameters: return filters * (kernel * kernel * in_channels + bool(bias)) -> "
    "return filters * (kernel * kernel * in_channels + bias)": "True counts as 1",
}
