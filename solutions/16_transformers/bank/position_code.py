"""Answers to `position_code`, right and wrong."""

import math

import numpy as np
from keras import ops

from autograder.setting.bank import Bank

from ..tasks import position_code

bank = Bank(position_code)


# Right answers


@bank.accepted
def in_loops(height, width, channels):
    half = channels // 2
    code = np.zeros((height, width, channels))
    for y in range(height):
        for x in range(width):
            for i in range(half // 2):
                length = math.pow(10000, 2 * i / half)
                code[y, x, 2 * i] = math.sin(y / length)
                code[y, x, 2 * i + 1] = math.cos(y / length)
                code[y, x, half + 2 * i] = math.sin(x / length)
                code[y, x, half + 2 * i + 1] = math.cos(x / length)
    return code


@bank.accepted
def as_complex_numbers(height, width, channels):
    """Cosine and sine are the parts of one complex number; sines come first."""
    speeds = np.exp(-np.log(1e4) * np.arange(channels // 4) * 4 / channels)
    turned = [1j * np.exp(-1j * np.outer(np.arange(n), speeds)) for n in (height, width)]
    y, x = (np.ascontiguousarray(t).view("float64") for t in turned)
    shape = (height, width, channels // 2)
    parts = [np.broadcast_to(y[:, None], shape), np.broadcast_to(x[None], shape)]
    return np.concatenate(parts, axis=2)


@bank.accepted
def from_a_grid(height, width, channels):
    y, x = np.mgrid[:height, :width]
    code = np.empty((height, width, channels))
    for start, places in ((0, y), (channels // 2, x)):
        for i in range(channels // 4):
            angle = places * 10000 ** (-4 * i / channels)
            code[..., start + 2 * i], code[..., start + 2 * i + 1] = np.sin(angle), np.cos(angle)
    return code


@bank.accepted
def with_ops(height, width, channels):
    lengths = ops.repeat(10000.0 ** (4.0 * np.arange(channels // 4) / channels), 2)
    lengths = ops.cast(lengths, "float32")
    quarter = ops.convert_to_tensor(np.tile([0.0, np.pi / 2], channels // 4), "float32")

    def line(count):
        places = ops.arange(count, dtype="float32")[:, None]
        return ops.sin(places / lengths + quarter)

    y = ops.repeat(ops.expand_dims(line(height), 1), width, axis=1)
    x = ops.repeat(ops.expand_dims(line(width), 0), height, axis=0)
    return ops.convert_to_numpy(ops.concatenate([y, x], axis=-1))


@bank.accepted
def by_turning(height, width, channels):
    """Each place is the one before, turned by the same angles."""
    angles = 1 / np.geomspace(1, 1e4, channels // 4, endpoint=False)
    most = max(height, width)
    line = np.zeros((most, channels // 4, 2))
    line[0, :, 1] = 1
    for place in range(1, most):
        sine, cosine = line[place - 1].T
        line[place, :, 0] = sine * np.cos(angles) + cosine * np.sin(angles)
        line[place, :, 1] = cosine * np.cos(angles) - sine * np.sin(angles)
    line = line.reshape(most, -1)
    return np.array([[[*line[y], *line[x]] for x in range(width)] for y in range(height)])


@bank.accepted
def every_other_channel(height, width, channels):
    half = channels // 2

    def line(count):
        code = np.zeros((count, half))
        angles = np.outer(np.arange(count), np.power(10000.0, -np.arange(0, half, 2) / half))
        code[:, 0::2] = np.sin(angles)
        code[:, 1::2] = np.cos(angles)
        return code

    rows, columns = line(height), line(width)
    return np.concatenate(
        [np.tile(rows[:, None, :], (1, width, 1)), np.tile(columns[None], (height, 1, 1))], -1
    )


@bank.accepted
def channel_by_channel(height, width, channels):
    """A function of all three indices."""

    def value(y, x, channel):
        place = np.where(channel < channels // 2, y, x)
        inside = channel % (channels // 2)
        angle = place / 10000 ** ((inside - inside % 2) / (channels / 2))
        return np.where(inside % 2 == 0, np.sin(angle), np.cos(angle))

    return np.fromfunction(value, (height, width, channels))


# Wrong answers: what they are made of


def lengths_of(channels):
    return 10000 ** (np.arange(0, channels, 2) / channels)


def turns(sines, cosines):
    """Sine and cosine in turn."""
    return np.stack([sines, cosines], axis=-1).reshape(len(sines), -1)


def joined(y, x):
    """Both halves of every place: rows first."""
    return np.concatenate(np.broadcast_arrays(y[:, None], x[None]), axis=-1)


def coded(
    height, width, channels, lengths=lengths_of, places=np.arange, order=turns, join=joined,
    waves=(np.sin, np.cos), after=None,
):  # fmt: skip
    """The model answer with other wave lengths, places, waves, orders or results."""

    def line(count):
        angles = places(count)[:, None] / lengths(channels // 2)
        return order(*(wave(angles) for wave in waves))

    code = join(line(height), line(width))
    return after(code) if after else code


# The two halves

bank.variant(
    "x_first",
    "The first half of the channels is for y, the second for x; here they are exchanged.",
    coded,
    join=lambda y, x: joined(y, x)[..., np.r_[y.shape[1] : 2 * y.shape[1], : y.shape[1]]],
)
bank.variant(
    "added",
    "The codes of y and x stand behind one another, each in half of the channels; here codes of "
    "all channels are added.",
    lambda h, w, c: coded(h, w, 2 * c, join=lambda y, x: y[:, None] + x),
)
bank.variant(
    "multiplied",
    "The codes of y and x stand behind one another, each in half of the channels; here codes of "
    "all channels are multiplied.",
    lambda h, w, c: coded(h, w, 2 * c, join=lambda y, x: y[:, None] * x),
)
bank.variant(
    "channels_in_turn",
    "The first half of the channels is for y; here channels for y and x take turns.",
    coded,
    join=lambda y, x: np.stack(np.broadcast_arrays(y[:, None], x[None]), -1).reshape(
        len(y), len(x), -1
    ),
)
bank.variant(
    "pairs_in_turn",
    "The first half of the channels is for y; here pairs of sine and cosine for y and for x take "
    "turns.",
    coded,
    join=lambda y, x: (
        joined(y, x).reshape(len(y), len(x), 2, -1, 2).swapaxes(2, 3).reshape(len(y), len(x), -1)
    ),
)
bank.variant(
    "y_twice",
    "The second half of the channels is for x; here it is for y again.",
    coded,
    join=lambda y, x: np.concatenate([y[:, None] + 0 * x, y[:, None] + 0 * x], axis=-1),
)
bank.variant(
    "x_twice",
    "The first half of the channels is for y; here both are for x.",
    coded,
    join=lambda y, x: np.concatenate([0 * y[:, None] + x, 0 * y[:, None] + x], axis=-1),
)
bank.variant(
    "only_y",
    "The second half of the channels is for x; here it is 0.",
    coded,
    join=lambda y, x: joined(y, 0 * x),
)


@bank.mistake(
    "Each place has a y and an x of its own; here places are counted on from row to row, and all "
    "channels code that one number."
)
def one_number(height, width, channels):
    return coded(height * width, 1, 2 * channels, join=lambda y, x: y).reshape(
        height, width, channels
    )


@bank.mistake(
    "The waves of x begin with the shortest one as those of y do; here they go on where those of y "
    "have ended."
)
def waves_go_on(height, width, channels):
    lengths = lengths_of(channels)
    y, x = (
        turns(np.sin(angles), np.cos(angles))
        for angles in (
            np.arange(height)[:, None] / lengths[: channels // 4],
            np.arange(width)[:, None] / lengths[channels // 4 :],
        )
    )
    return joined(y, x)


# The order of sines and cosines

bank.variant(
    "sines_before_cosines",
    "Sines and cosines take turns; here all sines of a half stand before all its cosines.",
    coded,
    order=lambda sines, cosines: np.concatenate([sines, cosines], axis=-1),
)
bank.variant(
    "cosines_first",
    "The even channels are sines and the odd ones cosines; here they are exchanged.",
    coded,
    waves=(np.cos, np.sin),
)
bank.variant(
    "cosines_before_sines",
    "Sines and cosines take turns, sines first; here all cosines of a half stand before its sines.",
    coded,
    order=lambda sines, cosines: np.concatenate([cosines, sines], axis=-1),
)
bank.variant(
    "sines_only",
    "The odd channels are cosines; here they are sines as well.",
    coded,
    waves=(np.sin, np.sin),
)
bank.variant(
    "cosines_only",
    "The even channels are sines; here they are cosines as well.",
    coded,
    waves=(np.cos, np.cos),
)
bank.variant(
    "negative_cosines",
    "The odd channels are the cosines; here they have a minus sign.",
    coded,
    waves=(np.sin, lambda angles: -np.cos(angles)),
)
bank.variant(
    "longest_first",
    "The wave lengths grow with the channels; here the longest stands first.",
    coded,
    lengths=lambda c: lengths_of(c)[::-1],
)

# The wave lengths

for name, words, lengths in (
    ("half_the_exponent", "10000^(i/c): the exponent is half of that",
     lambda c: 10000 ** (np.arange(c // 2) / c)),
    ("index_doubled_twice", "10000^(4i/c), doubled once more",
     lambda c: 10000 ** (2 * np.arange(0, c, 2) / c)),
    ("from_one_on", "10000^(2(i+1)/c): i begins at 0",
     lambda c: 10000 ** (np.arange(2, c + 2, 2) / c)),
    ("last_is_10000", "such that the last one is 10000",
     lambda c: 10000 ** (np.arange(c // 2) / max(c // 2 - 1, 1))),
    ("last_channel_is_10000", "10000^(2i/(c-1))",
     lambda c: 10000 ** (np.arange(0, c, 2) / (c - 1))),
    ("base_1000", "powers of 1000", lambda c: 1000 ** (np.arange(0, c, 2) / c)),
    ("base_100000", "powers of 100000", lambda c: 100000 ** (np.arange(0, c, 2) / c)),
    ("base_e", "powers of e", lambda c: np.exp(np.arange(0, c, 2) / c)),
    ("all_alike", "alike: the exponent 2i/c is a fraction, and is lost if it is rounded down",
     lambda c: np.ones(c // 2)),
    ("evenly_spaced", "evenly spaced from 1 to 10000", lambda c: np.linspace(1, 10000, c // 2)),
    ("doubled", "1, 2, 4, 8 and so on", lambda c: 2.0 ** np.arange(c // 2)),
    ("product", "10000 times 2i/c, with no power", lambda c: np.maximum(
        10000 * np.arange(0, c, 2) / c, 1)),
    ("shorter_and_shorter", "smaller than 1: a place is divided by the power, not multiplied by it",
     lambda c: 1 / lengths_of(c)),
):  # fmt: skip
    bank.variant(
        name,
        "In a half of c channels a place is divided by 10000^(2i/c) for channels 2i and 2i+1; "
        f"here what it is divided by is {words}.",
        coded,
        lengths=lengths,
    )


@bank.mistake(
    "Channels 2i and 2i+1 have one wave length, 10000^(2i/c); here that of a cosine is longer than "
    "that of its sine."
)
def cosines_longer(height, width, channels):
    def line(count):
        channel = np.arange(channels // 2)
        angles = np.arange(count)[:, None] / 10000 ** (2 * channel / channels)
        return np.where(channel % 2 == 0, np.sin(angles), np.cos(angles))

    return joined(line(height), line(width))


@bank.mistake("The place is divided by the wave length before the sine is taken, not afterwards.")
def divided_behind_the_sine(height, width, channels):
    lengths = lengths_of(channels // 2)
    y, x = (
        turns(np.sin(places) / lengths, np.cos(places) / lengths)
        for places in (np.arange(height)[:, None], np.arange(width)[:, None])
    )
    return joined(y, x)


bank.variant(
    "whole_quotients",
    "A place divided by a wave length is a fraction; here it is rounded down.",
    coded,
    waves=(lambda a: np.sin(np.floor(a + 1e-9)), lambda a: np.cos(np.floor(a + 1e-9))),
)

# Places

for name, words, places in (
    ("counted_from_1", "they are counted from 1", lambda n: np.arange(1, n + 1)),
    ("half_more", "half a pixel is added", lambda n: np.arange(n) + 0.5),
    ("from_the_middle", "they are counted from the middle", lambda n: np.arange(n) - (n - 1) / 2),
    ("parts_of_the_side", "they are divided by the number of rows, or columns",
     lambda n: np.arange(n) / n),
    ("from_0_to_1", "they go from 0 to 1",
     lambda n: np.linspace(0, 1, n) if n > 1 else np.zeros(1)),
    ("from_minus_1_to_1", "they go from -1 to 1",
     lambda n: np.linspace(-1, 1, n) if n > 1 else np.zeros(1)),
    ("normalised_to_a_circle", "they are divided by the number of rows, or columns, and multiplied "
     "by 2 pi", lambda n: (np.arange(n) + 1) / n * 2 * np.pi),
    ("normalised_to_a_circle_from_0", "they go from 0 up to 2 pi",
     lambda n: np.arange(n) / n * 2 * np.pi),
    ("times_2_pi", "they are multiplied by 2 pi", lambda n: np.arange(n) * 2 * np.pi),
    ("times_pi", "they are multiplied by pi", lambda n: np.arange(n) * np.pi),
    ("as_degrees", "they are taken for degrees", lambda n: np.radians(np.arange(n))),
    ("from_the_end", "they are counted from the last row and column",
     lambda n: np.arange(n)[::-1]),
    ("negative", "they have a minus sign", lambda n: -np.arange(n)),
):  # fmt: skip
    bank.variant(
        name,
        f"Rows and columns are counted 0, 1, 2 and so on, and go into the sines so; here {words}.",
        coded,
        places=places,
    )

# The result

bank.variant(
    "sides_exchanged",
    "The result is (height, width, channels); here height and width are exchanged.",
    coded,
    after=lambda code: code.swapaxes(0, 1),
)
bank.variant(
    "channels_first",
    "The channels come last in the result: (height, width, channels).",
    coded,
    after=lambda code: np.moveaxis(code, -1, 0),
)
bank.variant(
    "in_one_row",
    "The result is (height, width, channels); here the positions stand in one row.",
    coded,
    after=lambda code: code.reshape(-1, code.shape[-1]),
)
bank.variant(
    "an_axis_more",
    "The result has an axis of length 1 in front: it is (height, width, channels).",
    coded,
    after=lambda code: code[None],
)
bank.variant(
    "twice_as_many",
    "y and x share the channels; here each has as many as are asked for, so there are twice as "
    "many.",
    lambda h, w, c: coded(h, w, 2 * c),
)
bank.variant(
    "length_1",
    "The code of a place is not divided by its length.",
    coded,
    after=lambda code: code / np.linalg.norm(code, axis=-1, keepdims=True),
)
bank.variant(
    "rows_of_one_line",
    "The code of y changes from row to row and that of x from column to column; here the code of a "
    "row is the same all over the picture, that of the first.",
    coded,
    after=lambda code: np.repeat(code[:1], len(code), axis=0),
)
