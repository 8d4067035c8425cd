"""Answers to `heat_maps`, right and wrong."""

import math

import numpy as np
import scipy.stats
from keras import ops

from autograder.setting.bank import Bank

from ..tasks import heat_maps

bank = Bank(heat_maps)


# Right answers


@bank.accepted
def in_loops(points, height, width, sigma):
    result = np.zeros((height, width, len(points)))
    for k, (y, x) in enumerate(points):
        if math.isnan(y):
            continue
        for i, j in np.ndindex(height, width):
            result[i, j, k] = math.exp(-((i - y) ** 2 + (j - x) ** 2) / (2 * sigma**2))
    return result


@bank.accepted
def as_a_product(points, height, width, sigma):
    """A bell in two dimensions is a product of two in one."""
    maps = np.zeros((height, width, len(points)))
    for k in np.flatnonzero(np.isfinite(points).all(axis=1)):
        rows = np.exp(-0.5 * ((np.arange(height) - points[k, 0]) / sigma) ** 2)
        columns = np.exp(-0.5 * ((np.arange(width) - points[k, 1]) / sigma) ** 2)
        maps[:, :, k] = np.outer(rows, columns)
    return maps


@bank.accepted
def of_a_grid(points, height, width, sigma):
    grid = np.stack(np.meshgrid(range(height), range(width), indexing="ij"), axis=-1)
    away = np.linalg.norm(grid[:, :, None] - points, axis=-1)
    return np.where(np.isnan(away), 0.0, np.exp(-(away**2) / sigma**2 / 2))


@bank.accepted
def with_complex_numbers(points, height, width, sigma):
    grid = np.arange(height)[:, None] + 1j * np.arange(width)
    maps = []
    for y, x in points:
        squared = np.abs(grid - (y + 1j * x)) ** 2
        maps.append(np.zeros(squared.shape) if y != y else np.exp(-squared / 2 / sigma**2))
    return np.moveaxis(np.array(maps), 0, -1)


@bank.accepted
def with_ops(points, height, width, sigma):
    points = ops.convert_to_tensor(points, "float32")
    y = ops.reshape(ops.arange(height, dtype="float32"), (-1, 1, 1))
    x = ops.reshape(ops.arange(width, dtype="float32"), (1, -1, 1))
    squared = ops.square(y - points[:, 0]) + ops.square(x - points[:, 1])
    bells = ops.exp(-squared / (2.0 * sigma**2))
    return ops.convert_to_numpy(ops.where(ops.isnan(bells), ops.zeros_like(bells), bells))


@bank.accepted
def with_scipy(points, height, width, sigma):
    """The density of a normal distribution over that at its middle; far away is nowhere."""
    points = np.where(np.isnan(points), 1e9, points).astype("float64")
    bell = scipy.stats.norm(0, sigma)
    rows = bell.pdf(np.arange(height)[:, None] - points[:, 0]) / bell.pdf(0)
    columns = bell.pdf(np.arange(width)[:, None] - points[:, 1]) / bell.pdf(0)
    return np.einsum("yk,xk->yxk", rows, columns)


# Wrong answers: what they are made of


def squares(dy, dx):
    return dy**2 + dx**2


def bell(squared, sigma):
    return np.exp(-squared / (2 * sigma**2))


def drawn(
    points, height, width, sigma, away=squares, shape=bell, before=None, after=None, unseen=0.0,
    start=0.0,
):  # fmt: skip
    """The model answer with another distance, curve, points, result or value for what is unseen."""
    points = np.array(before(points, height, width) if before else points, "float64")
    y = np.arange(height)[:, None, None] + start
    x = np.arange(width)[:, None] + start
    maps = shape(away(y - points[:, 0], x - points[:, 1]), sigma)
    maps = np.where(np.isnan(points).any(axis=1), unseen, maps)
    return after(maps) if after else maps


# The bell

bank.variant(
    "without_2",
    "The squared distance is divided by *twice* the squared sigma; here the 2 is missing.",
    drawn,
    shape=lambda squared, sigma: np.exp(-squared / sigma**2),
)
bank.variant(
    "sigma_not_squared",
    "Sigma is squared below the fraction line; here it is not.",
    drawn,
    shape=lambda squared, sigma: np.exp(-squared / (2 * sigma)),
)
bank.variant(
    "distance_not_squared",
    "The distance is squared above the fraction line; here it is not.",
    drawn,
    shape=lambda squared, sigma: np.exp(-np.sqrt(squared) / (2 * sigma**2)),
)
bank.variant(
    "two_sigma_squared_as_one",
    "Sigma alone is squared below the fraction line; here the 2 is squared with it.",
    drawn,
    shape=lambda squared, sigma: np.exp(-squared / (2 * sigma) ** 2),
)
bank.variant(
    "sign_missing",
    "The exponent is negative: the value falls with the distance; here it grows.",
    drawn,
    shape=lambda squared, sigma: np.exp(squared / (2 * sigma**2)),
)
bank.variant(
    "as_a_density",
    "The peak of a bell is 1; here it is a density, divided by 2 pi sigma squared.",
    drawn,
    shape=lambda squared, sigma: bell(squared, sigma) / (2 * np.pi * sigma**2),
)
bank.variant(
    "divided_by_root",
    "The peak of a bell is 1; here it is divided by sigma times the root of 2 pi.",
    drawn,
    shape=lambda squared, sigma: bell(squared, sigma) / (sigma * np.sqrt(2 * np.pi)),
)
bank.variant(
    "sum_of_one",
    "The values are those of the formula; here each map is divided by its sum.",
    drawn,
    after=lambda maps: maps / np.maximum(maps.sum(axis=(0, 1)), 1e-30),
)
bank.variant(
    "largest_made_one",
    "The values are those of the formula; here each map is divided by its largest value, so that a "
    "point between pixels has one of 1 too.",
    drawn,
    after=lambda maps: maps / np.maximum(maps.max(axis=(0, 1)), 1e-30),
)
bank.variant(
    "cut_at_three_sigma",
    "Nothing is cut off: beyond three sigma the bell goes on.",
    drawn,
    shape=lambda squared, sigma: np.where(squared <= 9 * sigma**2, bell(squared, sigma), 0),
)
bank.variant(
    "cut_in_a_square",
    "Nothing is cut off: the bell goes on outside a square of three sigma around the point.",
    drawn,
    away=lambda dy, dx: np.stack(np.broadcast_arrays(dy, dx)),
    shape=lambda both, sigma: np.where(
        np.abs(both).max(axis=0) <= 3 * sigma, bell((both**2).sum(axis=0), sigma), 0
    ),
)
bank.variant(
    "small_values_cut",
    "Nothing is cut off: small values stay what they are.",
    drawn,
    after=lambda maps: np.where(maps < 0.01, 0, maps),
)
for name, words, shape in (
    ("a_cone", "a straight line down to 0", lambda d, s: np.maximum(1 - np.sqrt(d) / (3 * s), 0)),
    ("a_peak", "e to the power of minus the distance over sigma",
     lambda d, s: np.exp(-np.sqrt(d) / s)),
    ("a_fraction", "1 over 1 and a square", lambda d, s: 1 / (1 + d / (2 * s**2))),
    ("powers_of_2", "a power of 2 in place of e", lambda d, s: 2.0 ** (-d / (2 * s**2))),
    ("sigma_for_the_width", "a bell of which sigma is the whole width at half its height",
     lambda d, s: np.exp(-4 * np.log(2) * d / s**2)),
):  # fmt: skip
    bank.variant(
        name, f"Values fall as the formula says; here they fall as {words}.", drawn, shape=shape
    )
bank.variant(
    "a_disc",
    "Values fall as a bell around a point; here all of a disc is 1.",
    drawn,
    shape=lambda squared, sigma: (squared <= sigma**2).astype(float),
)
bank.variant(
    "city_blocks",
    "The distance is a straight one, the root of both squares; here the two differences are added.",
    drawn,
    away=lambda dy, dx: (np.abs(dy) + np.abs(dx)) ** 2,
)
bank.variant(
    "larger_difference",
    "The distance is a straight one, of both differences; here the larger one alone counts.",
    drawn,
    away=lambda dy, dx: np.maximum(dy**2, dx**2),
)
bank.variant(
    "two_bells_added",
    "A bell along y and one along x are multiplied; here they are added.",
    drawn,
    away=lambda dy, dx: np.stack(np.broadcast_arrays(dy, dx)),
    shape=lambda both, sigma: bell(both**2, sigma).sum(axis=0),
)
bank.variant(
    "along_y_only",
    "The distance has two parts; here the one along x is missing.",
    drawn,
    away=lambda dy, dx: dy**2 + 0 * dx,
)
bank.variant(
    "along_x_only",
    "The distance has two parts; here the one along y is missing.",
    drawn,
    away=lambda dy, dx: dx**2 + 0 * dy,
)
bank.variant(
    "always_sigma_1",
    "`sigma` is not used: it says how wide the bells are.",
    lambda points, height, width, sigma: drawn(points, height, width, 1.0),
)

# Points

bank.variant(
    "x_first",
    "A point is (y, x); here it is taken for (x, y).",
    drawn,
    before=lambda points, h, w: points[:, ::-1],
)
bank.variant(
    "rounded",
    "A point may lie between pixels; here it is rounded to the nearest one.",
    drawn,
    before=lambda points, h, w: np.round(points),
)
bank.variant(
    "cut_to_integers",
    "A point may lie between pixels; here its fraction is cut off.",
    drawn,
    before=lambda points, h, w: np.trunc(points),
)
bank.variant(
    "centres_at_halves",
    "The centre of a pixel is at a whole number, of the first at 0; here it is half a pixel "
    "further.",
    drawn,
    start=0.5,
)
bank.variant(
    "counted_from_1",
    "The centre of the first pixel is at 0; here rows and columns are counted from 1.",
    drawn,
    start=1,
)


@bank.mistake(
    "The centres of pixels lie at whole numbers; here the grid is stretched so that the last one "
    "lies at the height, or the width."
)
def stretched_grid(points, height, width, sigma):
    y = np.linspace(0, height, height)[:, None, None] - points[:, 0]
    x = np.linspace(0, width, width)[:, None] - points[:, 1]
    return np.nan_to_num(bell(y**2 + x**2, sigma))


bank.variant(
    "parts_of_the_picture",
    "Points are in pixels; here they are taken for parts of the picture from 0 to 1.",
    drawn,
    before=lambda points, h, w: points * [h, w],
)
bank.variant(
    "moved_into_the_picture",
    "A point outside the picture stays there, and its bell reaches in; here it is moved to the "
    "border.",
    drawn,
    before=lambda points, h, w: np.clip(points, 0, [h - 1, w - 1]),
)
bank.variant(
    "nothing_of_what_is_outside",
    "A point outside the picture has a bell that reaches in; here its map is empty.",
    drawn,
    before=lambda points, h, w: np.where(
        ((points < 0) | (points > [h - 1, w - 1])).any(axis=1, keepdims=True), np.nan, points
    ),
)

# What is unseen

bank.variant(
    "not_a_number",
    "The map of an unseen point is all zeros; here it is NaN.",
    drawn,
    unseen=np.nan,
)
bank.variant(
    "ones_for_the_unseen",
    "The map of an unseen point is all zeros; here it is all ones.",
    drawn,
    unseen=1.0,
)
bank.variant(
    "nothing_behind_the_unseen",
    "The maps stop at the first unseen point: those behind it are drawn as well.",
    drawn,
    before=lambda points, h, w: np.where(
        np.isnan(points).any(axis=1).cumsum()[:, None] > 0, np.nan, points
    ),
)
bank.variant(
    "unseen_in_the_corner",
    "An unseen point has a map of zeros; here it gets a bell about (0, 0).",
    drawn,
    before=lambda points, h, w: np.nan_to_num(points),
)
bank.variant(
    "unseen_left_out",
    "Every point has a map; here those that are unseen have none, and the others move up.",
    drawn,
    before=lambda points, h, w: points[~np.isnan(points).any(axis=1)],
)
bank.variant(
    "unseen_last",
    "Maps stand in the order of the points; here those of unseen points stand last.",
    drawn,
    before=lambda points, h, w: points[np.argsort(np.isnan(points[:, 0]), kind="stable")],
)

# The result

bank.variant(
    "maps_first",
    "The points come last in the result: (height, width, K).",
    drawn,
    after=lambda maps: np.moveaxis(maps, -1, 0),
)
bank.variant(
    "sides_exchanged",
    "Height and width of the maps are exchanged: (height, width, K).",
    drawn,
    after=lambda maps: maps.swapaxes(0, 1),
)
bank.variant(
    "upside_down",
    "The maps stand upside down: y goes down, and row 0 is the upper one.",
    drawn,
    after=lambda maps: maps[::-1],
)
bank.variant(
    "shares_of_a_pixel",
    "Maps do not know of one another; here the values of a pixel are divided by their sum.",
    drawn,
    after=lambda maps: maps / np.maximum(maps.sum(axis=-1, keepdims=True), 1e-30),
)
bank.variant(
    "one_map",
    "Every point has a map of its own; here all are in one.",
    drawn,
    after=lambda maps: maps.max(axis=-1),
)
bank.variant(
    "with_a_background",
    "There are as many maps as points; here one for the background is added.",
    drawn,
    after=lambda maps: np.concatenate([maps, 1 - maps.max(axis=-1, keepdims=True)], axis=-1),
)
bank.variant(
    "strongest_only",
    "Maps do not know of one another; here a pixel belongs to the nearest point alone.",
    drawn,
    after=lambda maps: np.where(maps == maps.max(axis=-1, keepdims=True), maps, 0),
)
