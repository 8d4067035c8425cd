"""Answers to `output_size`, right and wrong."""

import math

import numpy as np
from keras import layers, ops
from numpy.lib.stride_tricks import sliding_window_view

from autograder.setting.bank import Bank

from ..tasks import output_size

bank = Bank(output_size)


# Right answers


@bank.accepted
def by_ceiling(size, kernel, stride=1, padding="valid", dilation=1):
    reach = (kernel - 1) * dilation + 1
    free = size if padding == "same" else size - reach + 1
    return math.ceil(free / stride)


@bank.accepted
def by_counting(size, kernel, stride=1, padding="valid", dilation=1):
    count = start = 0
    last_tap = 0 if padding == "same" else dilation * (kernel - 1)
    while start + last_tap < size:
        count, start = count + 1, start + stride
    return count


@bank.accepted
def by_range(size, kernel, stride=1, padding="valid", dilation=1):
    last = size - (kernel - 1) * dilation if padding == "valid" else size
    return len(range(0, last, stride))


@bank.accepted
def by_windows(size, kernel, stride=1, padding="valid", dilation=1):
    window = 1 if padding == "same" else 1 + (kernel - 1) * dilation
    return len(sliding_window_view(np.arange(size), window)[::stride])


@bank.accepted
def by_layer(size, kernel, stride=1, padding="valid", dilation=1):
    layer = layers.Conv1D(1, kernel, strides=stride, padding=padding, dilation_rate=dilation)
    return layer.compute_output_shape((None, size, 1))[1]


@bank.accepted
def by_ops(size, kernel, stride=1, padding="valid", dilation=1):
    image, taps = np.zeros((1, size, 1), "float32"), np.zeros((kernel, 1, 1), "float32")
    return ops.conv(image, taps, stride, padding, dilation_rate=dilation).shape[1]


@bank.accepted
def by_numpy(size, kernel, stride=1, padding="valid", dilation=1):
    full = size - dilation * (kernel - 1)
    return np.ceil((full, size)[padding == "same"] / stride).astype(int)


# Wrong answers
#
# Most have one of the two rules wrong. A rule is a function of n, k, s and d: size, kernel, stride
# and dilation.


def ruled(size, kernel, stride, padding, dilation, valid=None, same=None):
    """The size by another rule for `valid`, for `same`, or for both; None is the right one."""
    rule = same if padding == "same" else valid
    if rule is None:
        return output_size(size, kernel, stride, padding, dilation)
    return rule(size, kernel, stride, dilation)


def reach(kernel, dilation):
    """How many pixels a dilated window covers."""
    return dilation * (kernel - 1) + 1


def fitting(size, reach, stride):
    """How many windows of `reach` pixels fit."""
    return (size - reach) // stride + 1


def begun(size, stride):
    """How many strides are begun: the quotient, rounded up."""
    return -(-size // stride)


# Hints that several share

NO_STRIDE = (
    "A dilation is no stride: it spreads the weights of the window, which still moves by `stride`."
)
DILATED_TOO = (
    "`same` adds zeros for the dilated window too: a dilation changes nothing in the size."
)
LARGER_KERNEL = (
    "`same` does not depend on the kernel, not even where it is larger than the picture."
)


# `valid`: how many windows fit

bank.variant(
    "one_missing",
    "With `valid` one is missing: a window that fits exactly has one place to stand, not none.",
    ruled,
    valid=lambda n, k, s, d: (n - reach(k, d)) // s,
)

bank.variant(
    "first_window_lost",
    "With `valid` and a stride the first window is lost: count the steps from the first place "
    "to the last, (size - reach) // stride, and add 1 at the end, after the division.",
    ruled,
    valid=lambda n, k, s, d: (n - d * (k - 1)) // s,
)

bank.variant(
    "valid_rounded_up",
    "With `valid` a window that hangs over the end is not counted: round down, not up.",
    ruled,
    valid=lambda n, k, s, d: begun(n - reach(k, d), s) + 1,
)

bank.variant(
    "valid_rounded",
    "`valid` does not round to the nearest: a window that hangs over the end is not counted, "
    "however little is missing.",
    ruled,
    valid=lambda n, k, s, d: round((n - reach(k, d)) / s) + 1,
)

bank.variant(
    "starts_one_short",
    "With `valid` the windows start at size - reach + 1 places, where reach is what one window "
    "covers: one more than you count before dividing by the stride.",
    ruled,
    valid=lambda n, k, s, d: begun(n - reach(k, d), s),
)

bank.variant(
    "always_same",
    "This is the size for `same`; `valid` loses pixels at the ends.",
    ruled,
    valid=lambda n, k, s, d: begun(n, s),
)

bank.variant(
    "strided_like_same",
    "With `valid` and a stride the kernel counts too: subtract what a window covers before you "
    "divide by the stride.",
    ruled,
    valid=lambda n, k, s, d: n // s if s > 1 else n - d * (k - 1),
)

bank.variant(
    "divided_first",
    "The windows are cut from the whole picture: subtract before dividing by the stride.",
    ruled,
    valid=lambda n, k, s, d: n // s - d * (k - 1),
)

bank.variant(
    "brackets_missing",
    "Subtract first, then divide: without brackets only the window is divided by the stride.",
    ruled,
    valid=lambda n, k, s, d: n - reach(k, d) // s + 1,
)

bank.variant(
    "long_stride",
    "A stride longer than the window needs no rule of its own: a last window may still fit "
    "into what is left over.",
    ruled,
    valid=lambda n, k, s, d: n // s if s > k else fitting(n, reach(k, d), s),
)

bank.variant(
    "single_weight",
    "A kernel of 1 is moved by the stride like any other.",
    ruled,
    valid=lambda n, k, s, d: n if k == 1 else fitting(n, reach(k, d), s),
)

bank.variant(
    "side_by_side",
    "Windows may overlap: they are moved by `stride`, not by their own width.",
    ruled,
    valid=lambda n, k, s, d: n // reach(k, d),
)


# `valid`: what a window covers

bank.variant(
    "reach_short",
    "With `valid` one is too many: from a window's first weight to its last it is dilation * "
    "(kernel - 1) steps, so the window covers one pixel more than that.",
    ruled,
    valid=lambda n, k, s, d: fitting(n, d * (k - 1), s),
)

bank.variant(
    "dilation_ignored",
    "The dilation is forgotten: it widens the window.",
    ruled,
    valid=lambda n, k, s, d: fitting(n, k, s),
)

bank.variant(
    "dilation_times_kernel",
    "A dilated window reaches over dilation * (kernel - 1) + 1 pixels: the gaps lie between "
    "the weights, there is none behind the last.",
    ruled,
    valid=lambda n, k, s, d: fitting(n, d * k, s),
)

bank.variant(
    "dilation_added",
    "A dilation of d puts d - 1 pixels into each of the kernel's kernel - 1 gaps, not once.",
    ruled,
    valid=lambda n, k, s, d: fitting(n, k + d - 1, s),
)

bank.variant(
    "kernel_plus_dilation",
    "A dilation is not added to the kernel: each of its kernel - 1 steps is `dilation` long. "
    "And dilation 1 means: no gaps.",
    ruled,
    valid=lambda n, k, s, d: fitting(n, k + d, s),
)

bank.variant(
    "dilated_twice",
    "The dilation is applied twice: it widens the window once, to dilation * (kernel - 1) + 1.",
    ruled,
    valid=lambda n, k, s, d: fitting(n, reach(k, d * d), s),
)

bank.variant(
    "gaps_too_wide",
    "A dilation of d leaves d - 1 pixels between two neighbouring weights, not d.",
    ruled,
    valid=lambda n, k, s, d: fitting(n, k + (k - 1) * d if d > 1 else k, s),
)

bank.variant(
    "gaps_always",
    "A dilation of d leaves d - 1 pixels between two neighbouring weights, not d: dilation 1 "
    "means that there is no gap.",
    ruled,
    valid=lambda n, k, s, d: fitting(n, k + (k - 1) * d, s),
)

bank.variant(
    "gaps_only",
    "A dilation of d leaves d - 1 pixels between two neighbouring weights: from one to the "
    "next it is d steps, not d - 1.",
    ruled,
    valid=lambda n, k, s, d: fitting(n, reach(k, d - 1) if d > 1 else k, s),
)

bank.variant(
    "gap_for_each",
    "Count the gaps again: `kernel` weights have kernel - 1 gaps of dilation - 1 pixels.",
    ruled,
    valid=lambda n, k, s, d: fitting(n, k + k * (d - 1) - 1, s),
)

bank.variant(
    "picture_dilated",
    "The dilation spreads the window, not the picture.",
    ruled,
    valid=lambda n, k, s, d: fitting(n * d, k, s),
)

bank.variant(
    "dilation_divides",
    "The dilation spreads the window; the picture does not become smaller by it.",
    ruled,
    valid=lambda n, k, s, d: fitting(n // d, k, s),
)

bank.variant("dilation_steps", NO_STRIDE, ruled, valid=lambda n, k, s, d: fitting(n, k, s * d))

bank.variant(
    "side_three",
    "The window has `kernel` weights, not always 3.",
    ruled,
    valid=lambda n, k, s, d: fitting(n, reach(3, d), s),
)

bank.variant(
    "rounded_to_odd",
    "2 * (kernel // 2) is kernel - 1 for odd kernels only; even kernels occur.",
    ruled,
    valid=lambda n, k, s, d: fitting(n, 2 * (k // 2) * d + 1, s),
)

bank.variant(
    "rounded_below",
    "An even kernel has no middle, and all of its weights count: do not reckon with a half "
    "of it on each side.",
    ruled,
    valid=lambda n, k, s, d: fitting(n, 2 * ((k - 1) // 2) * d + 1, s),
)


# `same`: which way to round

bank.variant(
    "same_rounded_down",
    "`same` gives one output for each `stride` pixels *begun*: round up, not down.",
    ruled,
    same=lambda n, k, s, d: n // s,
)

bank.variant(
    "same_rounded",
    "`same` does not round to the nearest: a stride that is begun counts, so it rounds up.",
    ruled,
    same=lambda n, k, s, d: round(n / s),
)

bank.variant(
    "same_is_size",
    "`same` keeps the size with stride 1 only: divide by the stride.",
    ruled,
    same=lambda n, k, s, d: n,
)

bank.variant(
    "same_one_more",
    "size // stride + 1 is one too many where the stride divides the size: then no stride is "
    "begun and left unfinished.",
    ruled,
    same=lambda n, k, s, d: n // s + 1,
)

bank.variant(
    "same_one_more_strided",
    "Where the stride divides the size nothing is left over: there size // stride + 1 is one "
    "too many.",
    ruled,
    same=lambda n, k, s, d: n // s + (s > 1),
)

bank.variant(
    "same_remainder",
    "What is left over counts once, however many pixels it has: do not add the remainder.",
    ruled,
    same=lambda n, k, s, d: n // s + n % s,
)

bank.variant(
    "same_for_two",
    "(size + 1) // stride rounds up for a stride of 2 only: how much must be added for others?",
    ruled,
    same=lambda n, k, s, d: (n + 1) // s if s > 1 else n,
)

bank.variant(
    "same_short",
    "With `same` one is missing: (size - 1) // stride counts the steps from the first window "
    "to the last.",
    ruled,
    same=lambda n, k, s, d: (n - 1) // s,
)


# `same`: kernel and dilation have no part in it

bank.variant(
    "same_half_kernel",
    "`same` is not a frame of kernel // 2 zeros: its size depends on size and stride alone, "
    "whatever kernel and dilation are.",
    ruled,
    same=lambda n, k, s, d: fitting(n + k // 2 * 2, reach(k, d), s),
)

bank.variant(
    "same_half_down",
    "`same` is not the same number of zeros on both sides: for an even kernel (reach - 1) // 2 "
    "is half a zero short. Its size depends on size and stride alone.",
    ruled,
    same=lambda n, k, s, d: fitting(n + (k * d - d) // 2 * 2, reach(k, d), s),
)

bank.variant(
    "same_half_up",
    "`same` is not reach // 2 zeros on both sides: for an even kernel that is one too many. "
    "Its size depends on size and stride alone.",
    ruled,
    same=lambda n, k, s, d: fitting(n + reach(k, d) // 2 * 2, reach(k, d), s),
)

bank.variant(
    "same_half_dilated",
    "`same` is not kernel // 2 zeros on both sides, times the dilation: for an even kernel "
    "that is too many. Its size depends on size and stride alone.",
    ruled,
    same=lambda n, k, s, d: fitting(n + 2 * d * (k // 2), reach(k, d), s),
)

bank.variant(
    "same_full",
    "`same` does not lay kernel - 1 zeros on each side; that would be a full convolution, "
    "which enlarges. Its size depends on size and stride alone.",
    ruled,
    same=lambda n, k, s, d: fitting(n + 2 * d * (k - 1), reach(k, d), s),
)

bank.variant(
    "same_hangs_over",
    "`same` is not `valid` rounded up: thanks to the zeros a window begins in every stride "
    "begun, whatever the kernel is.",
    ruled,
    same=lambda n, k, s, d: begun(n - reach(k, d), s) + 1,
)

bank.variant(
    "same_at_least_kernel", LARGER_KERNEL, ruled, same=lambda n, k, s, d: begun(max(n, k), s)
)

bank.variant(
    "same_larger_kernel", LARGER_KERNEL, ruled, same=lambda n, k, s, d: begun(n, s) if k <= n else 1
)

bank.variant(
    "same_too_small", LARGER_KERNEL, ruled, same=lambda n, k, s, d: begun(n, s) if k <= n else 0
)

bank.variant(
    "same_dilated",
    "`same` depends on size and stride alone; a dilation changes nothing.",
    ruled,
    same=lambda n, k, s, d: begun(n, s * d),
)

bank.variant(
    "same_undilated", DILATED_TOO, ruled, same=lambda n, k, s, d: begun(n - (k - 1) * (d - 1), s)
)

bank.variant(
    "same_half_kernel_dilated",
    DILATED_TOO,
    ruled,
    same=lambda n, k, s, d: begun(n, s) if d == 1 else n + k // 2 * 2 - d * (k - 1),
)

bank.variant(
    "padding_ignored",
    "The argument `padding` is not used: `same` has its own rule.",
    ruled,
    same=lambda n, k, s, d: fitting(n, reach(k, d), s),
)


# Both rules

bank.variant(
    "both_rounded",
    "Do not round to the nearest: `valid` rounds down, `same` rounds up.",
    ruled,
    valid=lambda n, k, s, d: round((n - reach(k, d)) / s) + 1,
    same=lambda n, k, s, d: round(n / s),
)


bank.variant(
    "short_stride",
    "The stride may be longer than the kernel, and counts in full.",
    ruled,
    valid=lambda n, k, s, d: fitting(n, reach(k, d), min(s, k)),
    same=lambda n, k, s, d: begun(n, min(s, k)),
)

bank.variant(
    "stride_two",
    "The stride is not always 1 or 2: longer ones occur.",
    ruled,
    valid=lambda n, k, s, d: fitting(n, reach(k, d), min(s, 2)),
    same=lambda n, k, s, d: begun(n, min(s, 2)),
)

bank.variant(
    "strides_dilated",
    "A dilation spreads the weights of the window; the window still moves by `stride`, not by "
    "stride * dilation.",
    ruled,
    valid=lambda n, k, s, d: fitting(n, reach(k, d), s * d),
    same=lambda n, k, s, d: begun(n, s * d),
)

bank.variant(
    "dilation_for_stride",
    NO_STRIDE,
    ruled,
    valid=lambda n, k, s, d: fitting(n, k, s * d),
    same=lambda n, k, s, d: begun(n, s * d),
)

bank.variant(
    "transposed_convolution",
    "This is the size of a transposed convolution, which enlarges: a convolution subtracts "
    "what the window covers and divides by the stride.",
    ruled,
    valid=lambda n, k, s, d: (n - 1) * s + reach(k, d),
    same=lambda n, k, s, d: n * s,
)

bank.variant(
    "along_two_axes",
    "The outputs are counted along one axis: do not square.",
    ruled,
    valid=lambda n, k, s, d: fitting(n, reach(k, d), s) ** 2,
    same=lambda n, k, s, d: begun(n, s) ** 2,
)

bank.variant(
    "float_division",
    "A size is a whole number: divide with // (it rounds down) and return an int.",
    ruled,
    valid=lambda n, k, s, d: (n - reach(k, d)) / s + 1,
    same=lambda n, k, s, d: math.ceil(n / s) * 1.0,
)

bank.variant(
    "divided_at_last",
    "/ gives floats: divide with // (it rounds down), and mind which way to round.",
    ruled,
    valid=lambda n, k, s, d: (n - reach(k, d) + s) / s,
    same=lambda n, k, s, d: n / s,
)


@bank.mistake("A size is a whole number: return an int, not a float.")
def all_float(size, kernel, stride=1, padding="valid", dilation=1):
    return float(output_size(size, kernel, stride, padding, dilation))


@bank.mistake("`valid` and `same` are taken for each other.")
def rules_swapped(size, kernel, stride=1, padding="valid", dilation=1):
    other = "valid" if padding == "same" else "same"
    return output_size(size, kernel, stride, other, dilation)


@bank.mistake(
    "Without the argument `stride` the window moves by 1, not by its own width (as a pool's)."
)
def stride_of_a_pool(size, kernel, stride=None, padding="valid", dilation=1):
    return output_size(size, kernel, stride or kernel, padding, dilation)
