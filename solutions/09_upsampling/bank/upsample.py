"""Answers to `upsample`, right and wrong."""

import math

import numpy as np
import scipy.ndimage
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import upsample

bank = Bank(upsample)


# Right answers


@bank.accepted
def in_loops(image, factor, method):
    height, width, channels = image.shape
    result = np.zeros((height * factor, width * factor, channels))
    for i in range(height * factor):
        for j in range(width * factor):
            if method == "nearest":
                result[i, j] = image[i // factor, j // factor]
                continue
            y = min(max((i + 0.5) / factor - 0.5, 0), height - 1)
            x = min(max((j + 0.5) / factor - 0.5, 0), width - 1)
            top, left = math.floor(y), math.floor(x)
            bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
            dy, dx = y - top, x - left
            above = (1 - dx) * image[top, left] + dx * image[top, right]
            below = (1 - dx) * image[bottom, left] + dx * image[bottom, right]
            result[i, j] = (1 - dy) * above + dy * below
    return result


@bank.accepted
def by_repetition_and_neighbours(image, factor, method):
    """The pixel itself, and the neighbour on the side on which the output lies in it."""
    for axis in (0, 1):
        size = image.shape[axis]
        own = np.repeat(np.arange(size), factor)
        if method == "bilinear":
            inside = (np.tile(np.arange(factor), size) + 0.5) / factor - 0.5
            other = np.clip(own + np.where(inside < 0, -1, 1), 0, size - 1)
            share = np.abs(inside).reshape([-1, 1, 1] if axis == 0 else [-1, 1])
            image = (1 - share) * image.take(own, axis) + share * image.take(other, axis)
        else:
            image = image.take(own, axis)
    return image


@bank.accepted
def with_interp(image, factor, method):
    """`np.interp` keeps the outermost values beyond the ends."""
    if method == "nearest":
        return np.kron(image, np.ones((factor, factor, 1)))

    def stretched(line):
        places = (np.arange(factor * len(line)) + 0.5) / factor
        return np.interp(places, np.arange(len(line)) + 0.5, line)

    return np.apply_along_axis(stretched, 1, np.apply_along_axis(stretched, 0, image))


@bank.accepted
def phase_by_phase(image, factor, method):
    """Every `factor`-th row is one mixture of two rows of the picture with its edge repeated."""

    def rows(picture):
        framed = np.concatenate([picture[:1], picture, picture[-1:]])
        result = np.empty((len(picture) * factor, *picture.shape[1:]))
        for phase in range(factor):
            lead = (2 * phase + 1 - factor) / (2 * factor)
            if method == "nearest":
                result[phase::factor] = picture
            elif lead < 0:
                result[phase::factor] = -lead * framed[:-2] + (1 + lead) * picture
            else:
                result[phase::factor] = lead * framed[2:] + (1 - lead) * picture
        return result

    return rows(rows(image).swapaxes(0, 1)).swapaxes(0, 1)


@bank.accepted
def zeros_between_and_a_tent(image, factor, method):
    """Zeros between the pixels, then a box or a tent slid over it, the edge repeated outside.

    The tent of an even factor has its peak between two outputs.
    """
    window = np.ones(factor)
    if method == "bilinear":
        count = 2 * factor - factor % 2
        window = np.maximum(1 - np.abs(np.arange(count) - (count - 1) / 2) / factor, 0)
    start = factor + (len(window) - factor) // 2
    image = np.pad(image.astype("float64"), [(1, 1), (1, 1), (0, 0)], mode="edge")
    for axis in (0, 1):
        size = image.shape[axis]
        spaced = np.zeros([*image.shape[:axis], size * factor, *image.shape[axis + 1 :]])
        np.moveaxis(spaced, axis, 0)[::factor] = np.moveaxis(image, axis, 0)
        image = np.apply_along_axis(np.convolve, axis, spaced, window)
        image = image.take(range(start, start + (size - 2) * factor), axis)
    return image


@bank.accepted
def with_scipy(image, factor, method):
    places = np.indices((image.shape[0] * factor, image.shape[1] * factor))
    places = (places + 0.5) / factor - 0.5
    order = 0 if method == "nearest" else 1
    maps = [
        scipy.ndimage.map_coordinates(image[..., c], places, order=order, mode="nearest")
        for c in range(image.shape[-1])
    ]
    return np.stack(maps, axis=-1)


@bank.accepted
def with_ops(image, factor, method):
    size = (image.shape[0] * factor, image.shape[1] * factor)
    return ops.convert_to_numpy(ops.image.resize(image.astype("float32"), size, method))


@bank.accepted
def with_a_layer(image, factor, method):
    layer = layers.UpSampling2D(factor, interpolation=method)
    return np.array(layer(image[None].astype("float32")))[0]


# Wrong answers: what they are made of


def between(image, axis, places, share=lambda t: t, outside=np.clip):
    """Straight lines between pixels along one axis, at `places`.

    `outside(numbers, 0, last)` says which pixel stands for one that does not exist; `share` changes
    how much the second pixel counts.
    """
    last = image.shape[axis] - 1
    first = np.floor(places).astype(int)
    second = share(places - first).reshape([-1, 1, 1] if axis == 0 else [-1, 1])
    one, other = (outside(numbers, 0, last) for numbers in (first, first + 1))
    return (1 - second) * image.take(one, axis) + second * image.take(other, axis)


def centres(size, factor):
    """Where the outputs lie, in pixels, on the grid of half-pixel centres."""
    return (np.arange(size * factor) + 0.5) / factor - 0.5


def bilinear(image, factor, method, places=centres, axes=(0, 1), **how):
    """`bilinear` with other places along `axes` or another border; `nearest` as it should be."""
    if method == "nearest":
        return upsample(image, factor, method)
    for axis in (0, 1):
        grid = places if axis in axes else centres
        image = between(image, axis, grid(image.shape[axis], factor), **how)
    return image


def drawn_on(image, factor, method, low=False, high=False):
    """Beyond the outermost centres the line through the two outermost pixels goes on."""
    if method == "nearest":
        return upsample(image, factor, method)
    for axis in (0, 1):
        last = image.shape[axis] - 1
        grid = np.clip(centres(last + 1, factor), None if low else 0, None if high else last)
        first = np.clip(np.floor(grid), 0, max(last - 1, 0)).astype(int)
        share = (grid - first).reshape([-1, 1, 1] if axis == 0 else [-1, 1])
        other = image.take(np.minimum(first + 1, last), axis)
        image = (1 - share) * image.take(first, axis) + share * other
    return image


def nearest(image, factor, method, places):
    """`nearest` with other pixels; `bilinear` as it should be."""
    if method == "bilinear":
        return upsample(image, factor, method)
    for axis in (0, 1):
        last = image.shape[axis] - 1
        image = image.take(np.clip(places(last + 1, factor), 0, last).astype(int), axis)
    return image


def changed(image, factor, method, before=lambda image: image, after=lambda result: result):
    return after(upsample(before(image), factor, method))


# Where the outputs lie

bank.variant(
    "corners_aligned",
    "In `bilinear` the first and the last pixel lie on the first and the last output here (corners "
    "aligned): meant are pixels of a width of their own, whose centres are compared.",
    bilinear,
    places=lambda size, factor: np.linspace(0, size - 1, size * factor),
)

bank.variant(
    "without_half_pixels",
    "In `bilinear` output i is taken at i / factor: that compares the upper left corners of the "
    "pixels, which moves the picture; their centres are meant.",
    bilinear,
    places=lambda size, factor: np.arange(size * factor) / factor,
)

bank.variant(
    "half_a_pixel_added_only",
    "In `bilinear` the centre of output i lies at (i + 0.5) / factor from the edge, but the centre "
    "of pixel 0 does not lie at the edge: half a pixel is still to be taken off.",
    bilinear,
    places=lambda size, factor: (np.arange(size * factor) + 0.5) / factor,
)

bank.variant(
    "half_a_pixel_taken_off_only",
    "In `bilinear` half a pixel of the picture is taken off, but the outputs have a half of their "
    "own width to be added first.",
    bilinear,
    places=lambda size, factor: np.arange(size * factor) / factor - 0.5,
)

bank.variant(
    "centred_on_an_output",
    "For an even factor a pixel's centre lies between two outputs, not on one: here the results of "
    "even factors are moved by half an output.",
    bilinear,
    places=lambda size, factor: (np.arange(size * factor) - factor // 2) / factor,
)

bank.variant(
    "centred_on_the_output_before",
    "For an even factor a pixel's centre lies between two outputs, not on the first of these: "
    "here the results of even factors are moved by half an output.",
    bilinear,
    places=lambda size, factor: (np.arange(size * factor) - (factor - 1) // 2) / factor,
)

bank.variant(
    "a_quarter_for_every_factor",
    "In `bilinear` the picture is moved by a quarter of a pixel, whatever the factor: that is "
    "right for a factor of 2 only.",
    bilinear,
    places=lambda size, factor: np.arange(size * factor) / factor - 0.25,
)


@bank.mistake(
    "In `bilinear` output i is taken at i / factor, so that the corners of the pixels are compared "
    "and not their centres, and at the end the border fades to 0 where the last value should stay."
)
def corners_and_zeros_behind(image, factor, method):
    if method == "nearest":
        return upsample(image, factor, method)
    height, width = image.shape[:2]
    framed = np.pad(image, [(0, 1), (0, 1), (0, 0)])
    for axis, size in enumerate((height, width)):
        framed = between(framed, axis, np.arange(size * factor) / factor)
    return framed


bank.variant(
    "rows_without_half_pixels",
    "Along the columns pixels are compared by their centres, down the rows by their corners: "
    "`bilinear` compares centres both ways.",
    bilinear,
    places=lambda size, factor: np.arange(size * factor) / factor,
    axes=(0,),
)


@bank.mistake(
    "Between n pixels there is more than n - 1 gaps' worth of outputs: every side becomes `factor` "
    "times as long, the margins beyond the outermost centres included."
)
def between_pixels_only(image, factor, method):
    if method == "nearest":
        return upsample(image, factor, method)
    for axis in (0, 1):
        image = between(image, axis, np.arange((image.shape[axis] - 1) * factor + 1) / factor)
    return image


# Beyond the outermost centres


@bank.mistake(
    "Beyond the outermost centres `bilinear` goes on with the edge's value; here the border fades "
    "to 0."
)
def border_fades(image, factor, method):
    if method == "nearest":
        return upsample(image, factor, method)
    framed = np.pad(image, [(1, 1), (1, 1), (0, 0)])
    return upsample(framed, factor, method)[factor:-factor, factor:-factor]


@bank.mistake(
    "Behind the last centres `bilinear` goes on with the edge's value; here the last rows and "
    "columns fade to 0."
)
def end_fades(image, factor, method):
    if method == "nearest":
        return upsample(image, factor, method)
    framed = np.pad(image, [(0, 1), (0, 1), (0, 0)])
    return upsample(framed, factor, method)[:-factor, :-factor]


bank.variant(
    "lines_drawn_on",
    "Beyond the outermost centres `bilinear` goes on with the edge's value; here the line through "
    "the two outermost pixels is drawn on.",
    drawn_on,
    low=True,
    high=True,
)

bank.variant(
    "line_drawn_on_at_the_start",
    "At the first rows and columns `bilinear` goes on with the edge's value; here the line through "
    "the first two pixels is drawn on: a position before the first centre stays negative when the "
    "pixels are mixed.",
    drawn_on,
    low=True,
)

bank.variant(
    "line_drawn_on_at_the_end",
    "At the last rows and columns `bilinear` goes on with the edge's value; here the line through "
    "the last two pixels is drawn on.",
    drawn_on,
    high=True,
)

bank.variant(
    "never_at_the_last",
    "Positions are limited by the last pixel but one here, so that `bilinear` never reaches the "
    "last row and column: the outermost centres are those of the first and the last pixel.",
    bilinear,
    places=lambda size, factor: np.clip(centres(size, factor), 0, max(size - 2, 0)),
)

bank.variant(
    "border_wraps",
    "Beyond the outermost centres `bilinear` goes on with the edge's value; here the pixel of the "
    "opposite edge is mixed in, as an index of -1 does.",
    bilinear,
    outside=lambda numbers, low, last: numbers % (last + 1),
)

bank.variant(
    "first_wraps",
    "At the first rows and columns the last pixel is mixed in, as an index of -1 does: beyond the "
    "outermost centres `bilinear` goes on with the edge's value.",
    bilinear,
    outside=lambda numbers, low, last: np.minimum(numbers, last),
)

bank.variant(
    "border_mirrored",
    "Beyond the outermost centres `bilinear` goes on with the edge's value; here the picture is "
    "mirrored there, and the pixel before the edge is mixed in.",
    bilinear,
    outside=lambda numbers, low, last: np.clip(last - np.abs(last - np.abs(numbers)), 0, last),
)


@bank.mistake(
    "The columns are limited by the picture's height, or the rows by its width: each axis has a "
    "last pixel of its own."
)
def columns_limited_by_height(image, factor, method):
    image = image[:, np.minimum(np.arange(image.shape[1]), image.shape[0] - 1)]
    return upsample(image, factor, method)


# How two pixels are mixed

bank.variant(
    "shares_exchanged",
    "The shares of the two pixels are exchanged: the nearer of them counts more in `bilinear`.",
    bilinear,
    share=lambda t: 1 - t,
)

bank.variant(
    "shares_of_a_half",
    "In `bilinear` the four pixels around do not count alike: the nearer one counts more.",
    bilinear,
    share=lambda t: np.where(t > 0, 0.5, 0.0),
)


@bank.mistake(
    "The shares down and to the right are exchanged: how far a point lies below a row's centres "
    "says how much the next *row* counts."
)
def shares_of_the_other_axis(image, factor, method):
    if method == "nearest":
        return upsample(image, factor, method)
    last = [size - 1 for size in image.shape[:2]]
    grids = [np.clip(centres(n + 1, factor), 0, n) for n in last]
    (y, x), (first, left) = grids, [np.floor(grid).astype(int) for grid in grids]
    down, right = (y - first)[:, None, None], (x - left)[:, None]
    rows = [image[np.minimum(first + step, last[0])] for step in (0, 1)]
    four = [row[:, np.minimum(left + step, last[1])] for row in rows for step in (0, 1)]
    shares = (1 - right) * (1 - down), (1 - right) * down, right * (1 - down), right * down
    return sum(share * corner for share, corner in zip(shares, four, strict=True))


@bank.mistake(
    "Of the four pixels around, `bilinear` uses all; here only those to the upper left and to the "
    "lower right count."
)
def two_corners_only(image, factor, method):
    if method == "nearest":
        return upsample(image, factor, method)
    last = [size - 1 for size in image.shape[:2]]
    grids = [np.clip(centres(n + 1, factor), 0, n) for n in last]
    first, left = (np.floor(grid).astype(int) for grid in grids)
    share = np.outer(grids[0] - first, grids[1] - left)[..., None]
    next_one = image[np.minimum(first + 1, last[0])][:, np.minimum(left + 1, last[1])]
    return (1 - share) * image[first][:, left] + share * next_one


bank.variant(
    "shares_squared",
    "In `bilinear` the share of a pixel falls in a straight line with the distance from it.",
    bilinear,
    share=lambda t: t**2,
)

bank.variant(
    "shares_smoothed",
    "In `bilinear` the share of a pixel falls in a straight line; this is a smooth step.",
    bilinear,
    share=lambda t: t * t * (3 - 2 * t),
)


def along(image, factor, method, axis):
    """One axis enlarged, the other as it is."""
    if method == "nearest":
        return image.repeat(factor, axis)
    return between(image, axis, centres(image.shape[axis], factor))


def along_one(image, factor, method, axis):
    """`bilinear` along one axis, the pixels repeated along the other."""
    return along(along(image, factor, method, axis), factor, "nearest", 1 - axis)


bank.variant(
    "columns_only", "`bilinear` mixes rows too: here it mixes columns only.", along_one, axis=1
)

bank.variant(
    "rows_only", "`bilinear` mixes columns too: here it mixes rows only.", along_one, axis=0
)


@bank.mistake(
    "`bilinear` is not the picture with its pixels repeated and then blurred: between two centres "
    "the values lie on a straight line."
)
def repeated_and_blurred(image, factor, method):
    result = upsample(image, factor, "nearest")
    if method == "nearest":
        return result
    framed = np.pad(result, [(1, 1), (1, 1), (0, 0)], mode="edge")
    height, width = result.shape[:2]
    return sum(framed[y : y + height, x : x + width] for y, x in np.ndindex(3, 3)) / 9


@bank.mistake("This is a bicubic curve through the pixels; `bilinear` draws straight lines.")
def bicubic(image, factor, method):
    if method == "nearest":
        return upsample(image, factor, method)
    size = (image.shape[0] * factor, image.shape[1] * factor)
    return np.array(ops.image.resize(image.astype("float32"), size, "bicubic"))


# Nearest


@bank.mistake(
    "`nearest` repeats every pixel in a block; here the whole picture is repeated, side by side."
)
def tiled(image, factor, method):
    if method == "bilinear":
        return upsample(image, factor, method)
    return np.tile(image, (factor, factor, 1))


@bank.mistake(
    "`nearest` fills the whole block with the pixel; here it stands in the corner, with zeros "
    "around it."
)
def zeros_between(image, factor, method):
    result = upsample(image, factor, method)
    if method == "nearest":
        keep = np.zeros_like(result)
        keep[::factor, ::factor] = 1
        result = result * keep
    return result


bank.variant(
    "nearest_of_aligned_corners",
    "`nearest` repeats every pixel equally often: here the first and the last output are laid on "
    "the first and the last pixel.",
    nearest,
    places=lambda size, factor: np.rint(np.linspace(0, size - 1, size * factor)),
)

bank.variant(
    "nearest_rounded",
    "`nearest` fills a block with each pixel, block after block; here i / factor is rounded to the "
    "nearest whole number, which moves the picture.",
    nearest,
    places=lambda size, factor: np.rint(np.arange(size * factor) / factor),
)

bank.variant(
    "nearest_rounded_up",
    "`nearest` fills a block with each pixel, block after block; here i / factor is rounded up, "
    "which moves the picture.",
    nearest,
    places=lambda size, factor: np.ceil(np.arange(size * factor) / factor),
)


# Both methods


@bank.mistake("Use the argument `method`: here it is as if it were always 'bilinear'.")
def always_bilinear(image, factor, method):
    return upsample(image, factor, "bilinear")


@bank.mistake("The two methods are exchanged.")
def methods_exchanged(image, factor, method):
    return upsample(image, factor, {"nearest": "bilinear", "bilinear": "nearest"}[method])


bank.variant("height_only", "The width is to be enlarged too, by the same factor.", along, axis=0)

bank.variant("width_only", "The height is to be enlarged too, by the same factor.", along, axis=1)


@bank.mistake(
    "A reshape cuts the numbers anew and does not move them: each pixel's block spreads over "
    "`factor` rows of the result."
)
def reshaped(image, factor, method):
    if method == "bilinear":
        return upsample(image, factor, method)
    height, width, channels = image.shape
    pixels = image.reshape(-1, channels).repeat(factor**2, axis=0)
    return pixels.reshape(height * factor, width * factor, channels)


bank.variant(
    "whole_numbers",
    "The values are cut to whole numbers: results are floats.",
    changed,
    after=lambda result: np.trunc(result),
)

bank.variant(
    "grey",
    "Each channel is enlarged by itself; do not average them.",
    changed,
    before=lambda image: np.broadcast_to(image.mean(-1, keepdims=True), image.shape),
)

bank.variant(
    "first_channel",
    "Only the first channel is used: each is enlarged by itself.",
    changed,
    before=lambda image: np.broadcast_to(image[..., :1], image.shape),
)

bank.variant(
    "brightness_spread",
    "An enlarged picture is as bright as the small one: do not divide by the number of outputs.",
    lambda image, factor, method: upsample(image, factor, method) / factor**2,
)
