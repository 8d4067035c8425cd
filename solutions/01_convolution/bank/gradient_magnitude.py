"""Answers to `gradient_magnitude`, right and wrong."""

import math

import numpy as np
import scipy.ndimage
import scipy.signal
from keras import ops

from autograder.setting.bank import Bank

from ..tasks import SOBEL, filtered, gradient_magnitude

bank = Bank(gradient_magnitude)


# Right answers


@bank.accepted
def in_loops(image):
    height, width = image.shape
    result = np.zeros((height - 2, width - 2))
    for y in range(height - 2):
        for x in range(width - 2):
            window = image[y : y + 3, x : x + 3]
            result[y, x] = math.hypot((window * SOBEL).sum(), (window * SOBEL.T).sum())
    return result


@bank.accepted
def by_slices(image):
    across = image[:, 2:] - image[:, :-2]
    down = image[2:] - image[:-2]
    gx = across[:-2] + 2 * across[1:-1] + across[2:]
    gy = down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]
    return (gx**2 + gy**2) ** 0.5


@bank.accepted
def both_flipped(image):
    """A true convolution changes signs only, and the squares do not see them."""
    sides = (scipy.signal.convolve2d(image, k, mode="valid") for k in (SOBEL, SOBEL.T))
    return np.hypot(*sides)


@bank.accepted
def with_ndimage(image):
    sides = [scipy.ndimage.sobel(image, axis)[1:-1, 1:-1] for axis in (0, 1)]
    return np.linalg.norm(sides, axis=0)


@bank.accepted
def with_ops(image):
    kernels = np.stack([SOBEL, -SOBEL.T], axis=-1)[:, :, None].astype("float32")
    maps = ops.conv(image[None, :, :, None].astype("float32"), kernels, padding="valid")
    return ops.convert_to_numpy(ops.sqrt(ops.sum(maps**2, axis=-1)))[0]


@bank.accepted
def in_complex_numbers(image):
    return np.abs(filtered(image, SOBEL + 1j * SOBEL.T))


# Wrong answers: what they are made of

PREWITT = np.sign(SOBEL)
LAPLACIAN = np.array([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])


def joined(image, across=SOBEL, down=None, join=np.hypot):
    """Other filters, or their responses put together in another way. `down` None: transposed."""
    across = np.array(across, "float64")
    down = across.T if down is None else np.array(down, "float64")
    return join(filtered(image, across), filtered(image, down))


def changed(image, picture=lambda image: image, result=lambda lengths: lengths):
    """The model answer, with the picture or the result changed."""
    return result(gradient_magnitude(picture(image)))


def real_root(squares):
    """The square root; NaN where there is none."""
    with np.errstate(all="ignore"):
        return np.sqrt(squares)


# Hints that several share

BOTH_RESPONSES = (
    "These are the two responses; the length of the arrow that they make is asked for, one number "
    "for each window."
)
PLAIN_DIFFERENCES = (
    "These are plain differences: a Sobel filter adds three of them, the middle one doubled."
)


# How the two responses are put together


bank.variant(
    "sizes_added",
    "The length of an arrow is the root of the two squares added (Pythagoras), not the sum of "
    "the two sizes.",
    joined,
    join=lambda a, b: np.abs(a) + np.abs(b),
)

bank.variant(
    "mean_of_sizes",
    "The length is the root of the sum of the squares, not the mean of the two sizes.",
    joined,
    join=lambda a, b: (np.abs(a) + np.abs(b)) / 2,
)

bank.variant(
    "root_of_sizes",
    "Square the two responses before you add them: their sizes are added as they are here.",
    joined,
    join=lambda a, b: np.sqrt(np.abs(a) + np.abs(b)),
)

bank.variant(
    "root_of_sum",
    "Square each of the two responses, add the squares, then take the root: here the root is "
    "taken of the responses' sum.",
    joined,
    join=lambda a, b: np.sqrt(np.abs(a + b)),
)

bank.variant(
    "square_of_sum",
    "Square the two responses before you add them, not their sum.",
    joined,
    join=lambda a, b: np.abs(a + b),
)

bank.variant(
    "responses_added",
    "The two responses are added as they are: square them first.",
    joined,
    join=np.add,
)

bank.variant(
    "squares_subtracted",
    "The two squares are added, not subtracted.",
    joined,
    join=lambda a, b: np.sqrt(np.abs(a**2 - b**2)),
)

bank.variant(
    "not_a_number",
    "The two squares are added, not subtracted: the root of a negative number is NaN.",
    joined,
    join=lambda a, b: real_root(a**2 - b**2),
)

bank.variant(
    "square_root_of_product",
    "The squares of the two responses are added; the responses are not multiplied.",
    joined,
    join=lambda a, b: np.sqrt(np.abs(a * b)),
)

bank.variant(
    "larger_of_two",
    "The larger of the two responses is not the length: add both squares.",
    joined,
    join=lambda a, b: np.maximum(np.abs(a), np.abs(b)),
)

bank.variant(
    "mean_of_squares",
    "Add the two squares; do not take their mean.",
    joined,
    join=lambda a, b: np.sqrt((a**2 + b**2) / 2),
)

bank.variant(
    "the_direction",
    "This is the direction of the arrow; its length is asked for.",
    joined,
    join=lambda a, b: np.arctan2(b, a),
)

bank.variant(
    "one_squared",
    "Both responses are squared, the second too.",
    joined,
    join=lambda a, b: np.sqrt(np.abs(a**2 + b)),
)

bank.variant(
    "second_squared",
    "Both responses are squared, the first too.",
    joined,
    join=lambda a, b: np.sqrt(np.abs(a) + b**2),
)

bank.variant(
    "first_not_squared",
    "Both responses are squared, the first too: the root of a negative number is NaN.",
    joined,
    join=lambda a, b: real_root(a + b**2),
)

bank.variant(
    "second_not_squared",
    "Both responses are squared, the second too: the root of a negative number is NaN.",
    joined,
    join=lambda a, b: real_root(a**2 + b),
)

bank.variant(
    "one_under_root",
    "Nothing is added under the root but the two squares.",
    joined,
    join=lambda a, b: np.sqrt(a**2 + b**2 + 1),
)

bank.variant(
    "halved_not_rooted",
    "** binds tighter than /: raise to the power of 0.5, in brackets, or use np.sqrt.",
    joined,
    join=lambda a, b: (a**2 + b**2) / 2,
)

bank.variant(
    "cube_root",
    "Take the square root, not the cube root.",
    joined,
    join=lambda a, b: np.cbrt(a**2 + b**2),
)

bank.variant(
    "double_root", "The root is taken twice.", joined, join=lambda a, b: np.hypot(a, b) ** 0.5
)

bank.variant(
    "both_positive",
    "Negative responses count as well: an edge from bright to dark is an edge.",
    joined,
    join=lambda a, b: np.hypot(np.maximum(a, 0), np.maximum(b, 0)),
)

bank.variant(
    "down_positive",
    "Where the picture grows darker downwards that response is lost: square it before "
    "anything is set to 0.",
    joined,
    join=lambda a, b: np.hypot(a, np.maximum(b, 0)),
)

bank.variant(
    "across_positive",
    "Where the picture grows darker to the right that response is lost: square it before "
    "anything is set to 0.",
    joined,
    join=lambda a, b: np.hypot(np.maximum(a, 0), b),
)

bank.variant(
    "down_twice",
    "The change downwards counts double here: both squares have the same weight.",
    joined,
    join=lambda a, b: np.sqrt(a**2 + 2 * b**2),
)

bank.variant(
    "across_twice",
    "The change from left to right counts double here: both squares have the same weight.",
    joined,
    join=lambda a, b: np.sqrt(2 * a**2 + b**2),
)

bank.variant(
    "whole_responses",
    "The two responses lose their decimals: make the arrays that hold them float ones.",
    joined,
    join=lambda a, b: np.hypot(np.trunc(a), np.trunc(b)),
)


# Only one of them, or both unjoined

bank.variant(
    "across_alone",
    "Only the change from left to right is in it: add that downwards.",
    joined,
    join=lambda a, b: np.abs(a),
)

bank.variant(
    "down_alone",
    "Only the change downwards is in it: add that from left to right.",
    joined,
    join=lambda a, b: np.abs(b),
)

bank.variant(
    "signed_across",
    "This is the response of the upright filter alone: both filters are asked for, and the "
    "length of the two together.",
    joined,
    join=lambda a, b: a,
)

bank.variant(
    "signed_down",
    "This is the response of the level filter alone: both filters are asked for, and the "
    "length of the two together.",
    joined,
    join=lambda a, b: b,
)

bank.variant("stacked_behind", BOTH_RESPONSES, joined, join=lambda a, b: np.stack([a, b], axis=-1))

bank.variant("stacked_before", BOTH_RESPONSES, joined, join=lambda a, b: np.stack([a, b]))

bank.variant(
    "same_filter_twice",
    "The same filter is used twice: the second is the first one transposed.",
    joined,
    down=SOBEL,
)


@bank.mistake(
    "Both filters are applied to the picture: the second is applied to the first one's result."
)
def one_after_other(image):
    padded = np.pad(filtered(np.pad(image, 1), SOBEL), 1)
    first, second = filtered(np.pad(image, 1), SOBEL), filtered(padded, SOBEL.T)
    return np.hypot(first, second)[1:-1, 1:-1]


# The filters: other weights

bank.variant(
    "with_prewitt",
    "The middle row of a Sobel filter has the weights -2, 0, 2.",
    joined,
    across=PREWITT,
)

bank.variant(
    "second_is_prewitt",
    "The second filter is the first one transposed: its middle column has -2, 0, 2 from top "
    "to bottom.",
    joined,
    down=PREWITT.T,
)

bank.variant(
    "first_is_prewitt",
    "The first filter lacks its 2: it is the second one transposed.",
    joined,
    across=PREWITT,
    down=SOBEL.T,
)

bank.variant(
    "with_scharr",
    "These weights are Scharr's; Sobel's are 1, 2, 1.",
    joined,
    across=[[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]],
)

bank.variant(
    "heavy_corners",
    "The 2 stands in the middle row of the filter, the corners have 1.",
    joined,
    across=[[-2, 0, 2], [-1, 0, 1], [-2, 0, 2]],
)

bank.variant(
    "two_in_first_row",
    "The 2 stands in the filter's middle row, not in its first.",
    joined,
    across=[[-2, 0, 2], [-1, 0, 1], [-1, 0, 1]],
)

bank.variant(
    "two_in_last_row",
    "The 2 stands in the filter's middle row, not in its last.",
    joined,
    across=[[-1, 0, 1], [-1, 0, 1], [-2, 0, 2]],
)

bank.variant(
    "all_two",
    "Only the middle row of the filter has -2 and 2; the others have -1 and 1.",
    joined,
    across=[[-2, 0, 2]] * 3,
)

bank.variant(
    "three_in_the_middle",
    "The middle row of the filter has the weights -2, 0, 2.",
    joined,
    across=[[-1, 0, 1], [-3, 0, 3], [-1, 0, 1]],
)

bank.variant(
    "four_in_the_middle",
    "The middle row of the filter has the weights -2, 0, 2, not their squares.",
    joined,
    across=[[-1, 0, 1], [-4, 0, 4], [-1, 0, 1]],
)

bank.variant(
    "middle_weight",
    "The middle column of the filter is zero: the pixel itself does not count.",
    joined,
    across=[[-1, 0, 1], [-2, 1, 2], [-1, 0, 1]],
)


# The filters: wrong signs

bank.variant(
    "all_plus",
    "One side of a Sobel filter is negative: it takes a difference. All of yours add up.",
    joined,
    across=np.abs(SOBEL),
)

bank.variant(
    "down_wrong_sign",
    "The second filter takes a difference too: one of its sides is negative.",
    joined,
    down=np.abs(SOBEL.T),
)

bank.variant(
    "sign_of_a_row",
    "A row of your filter has the wrong signs: its left column is negative throughout.",
    joined,
    across=[[-1, 0, 1], [-2, 0, 2], [1, 0, -1]],
)

bank.variant(
    "sign_of_middle",
    "The middle row of your filter has the wrong signs: its left column is negative.",
    joined,
    across=[[-1, 0, 1], [2, 0, -2], [-1, 0, 1]],
)

bank.variant(
    "sign_of_right_corner",
    "One corner of your filter has the wrong sign: its right column is positive throughout.",
    joined,
    across=[[-1, 0, 1], [-2, 0, 2], [-1, 0, -1]],
)

bank.variant(
    "sign_of_left_corner",
    "One corner of your filter has the wrong sign: its left column is negative throughout.",
    joined,
    across=[[-1, 0, 1], [-2, 0, 2], [1, 0, 1]],
)


# Other filters

bank.variant(
    "half_filter",
    "The filter takes a difference: its third column, 1, 2, 1, is missing.",
    joined,
    across=[[-1, 0, 0], [-2, 0, 0], [-1, 0, 0]],
)

bank.variant(
    "over_one_pixel",
    "The difference is taken over two pixels, with a column of zeros between.",
    joined,
    across=[[-1, 1, 0], [-2, 2, 0], [-1, 1, 0]],
)

bank.variant(
    "plain_differences",
    PLAIN_DIFFERENCES,
    joined,
    across=[[0, 0, 0], [-1, 0, 1], [0, 0, 0]],
)

bank.variant(
    "middle_row_alone",
    "The rows above and below are missing: the filter has -1, 0, 1 there.",
    joined,
    across=[[0, 0, 0], [-2, 0, 2], [0, 0, 0]],
)


@bank.mistake(PLAIN_DIFFERENCES)
def central_differences(image):
    down, across = np.gradient(image)
    return np.hypot(down, across)[1:-1, 1:-1]


bank.variant(
    "with_roberts",
    "These are Roberts' two diagonal filters; Sobel's is 3x3.",
    joined,
    across=[[1, 0, 0], [0, -1, 0], [0, 0, 0]],
    down=[[0, 1, 0], [-1, 0, 0], [0, 0, 0]],
)

bank.variant(
    "diagonal_filters",
    "These are the diagonal Sobel filters: the upright one and its transpose are asked for.",
    joined,
    across=[[0, 1, 2], [-1, 0, 1], [-2, -1, 0]],
    down=[[-2, -1, 0], [-1, 0, 1], [0, 1, 2]],
)


@bank.mistake(
    "This is a Laplacian, one filter for all directions: the Sobel filter and its transpose "
    "are asked for."
)
def absolute_laplacian(image):
    return np.abs(filtered(image, LAPLACIAN))


@bank.mistake(
    "This is a Laplacian, one filter for all directions: use the Sobel filter and its transpose."
)
def signed_laplacian(image):
    return filtered(image, LAPLACIAN)


# The scale

bank.variant(
    "divided_by_four",
    "Do not divide by 4: the weights are -1, 0, 1, -2, 0, 2, -1, 0, 1.",
    changed,
    result=lambda m: m / 4,
)

bank.variant(
    "divided_by_eight",
    "Do not divide by 8: the weights are -1, 0, 1, -2, 0, 2, -1, 0, 1.",
    changed,
    result=lambda m: m / 8,
)

bank.variant(
    "divided_by_nine",
    "Add up over the window; do not take its mean.",
    changed,
    result=lambda m: m / 9,
)

bank.variant(
    "scale_of_skimage",
    "This is scikit-image's scale, divided by 4 and by the root of 2: leave the plain length.",
    changed,
    result=lambda m: m / 4 / 2**0.5,
)

bank.variant(
    "divided_by_maximum",
    "Do not divide by the maximum: the plain length is asked for.",
    changed,
    result=lambda m: m / m.max(),
)


@bank.mistake("Do not stretch the result to 0 to 1: the plain length is asked for.")
def stretched_to_one(image):
    result = gradient_magnitude(image)
    with np.errstate(all="ignore"):
        return (result - result.min()) / (result.max() - result.min())


bank.variant(
    "clipped_at_one",
    "The values are clipped: a length may be larger than 1.",
    changed,
    result=lambda m: np.clip(m, 0, 1),
)

bank.variant(
    "clipped_255",
    "The values are clipped at 255: a length may be larger.",
    changed,
    result=lambda m: np.clip(m, 0, 255),
)

bank.variant(
    "log_scale", "No logarithm is asked for: leave the plain length.", changed, result=np.log1p
)

bank.variant(
    "above_mean",
    "No threshold is asked for: weak edges keep their length.",
    changed,
    result=lambda m: np.where(m > m.mean(), m, 0),
)

bank.variant(
    "edges_only",
    "No threshold is asked for: this only says where an edge is, not how strong.",
    changed,
    result=lambda m: (m > m.mean()).astype(float),
)

bank.variant(
    "decimals_lost",
    "The values lose their decimals: does an array of integers lie on the way?",
    changed,
    result=np.floor,
)

bank.variant(
    "as_integers",
    "Return floats: a length is seldom a whole number.",
    changed,
    result=lambda m: m.astype(int),
)

bank.variant(
    "half_precision",
    "The values are rounded to three digits: float16 is too coarse, take float32 or float64.",
    changed,
    result=lambda m: m.astype("float16"),
)


# The picture

bank.variant(
    "of_clipped",
    "The picture is clipped to 0 to 255 first: it may hold negative numbers, and larger ones.",
    changed,
    picture=lambda x: np.clip(x, 0, 255),
)

bank.variant(
    "picture_in_bytes",
    "Do not turn the picture into bytes: it may hold decimals and negative numbers.",
    changed,
    picture=lambda x: x.astype(int).astype("uint8"),
)

bank.variant(
    "whole_picture",
    "The picture loses its decimals: do not turn it into integers.",
    changed,
    picture=np.trunc,
)

bank.variant(
    "scaled_picture",
    "The picture is taken as it is: do not divide it by 255.",
    changed,
    picture=lambda x: x / 255,
)

bank.variant(
    "unit_picture",
    "The picture is taken as it is: do not divide it by its largest value.",
    changed,
    picture=lambda x: x / np.abs(x).max(),
)

bank.variant(
    "square_picture",
    "The picture need not be square: take its height and its width.",
    changed,
    picture=lambda x: x[: min(x.shape), : min(x.shape)],
)


# The result's shape

bank.variant(
    "with_padding",
    "No padding: a 3x3 window fits into (H-2) x (W-2) places.",
    changed,
    picture=lambda x: np.pad(x, 1),
)


@bank.mistake("The border is not cut off: where the window hangs over there is no result.")
def at_border(image):
    sides = [scipy.ndimage.sobel(image, axis) for axis in (0, 1)]
    return np.hypot(*sides)


@bank.mistake("A row and a column go on *each* side: you cut off two at the beginning.")
def cut_at_start(image):
    return at_border(image)[2:, 2:]


@bank.mistake("A row and a column go on *each* side, not two at the end.")
def cut_at_end(image):
    return at_border(image)[:-2, :-2]


bank.variant(
    "one_row_short",
    "A row and a column are missing at the end: (H-2, W-2) windows fit.",
    changed,
    result=lambda m: m[:-1, :-1],
)

bank.variant(
    "cut_twice",
    "The border is cut off twice: (H-2, W-2) windows fit.",
    changed,
    result=lambda m: m[1:-1, 1:-1],
)


@bank.mistake("The last row of the result stays 0: your loop ends one row early.")
def last_row_empty(image):
    result = gradient_magnitude(image)
    result[-1] = 0
    return result


bank.variant(
    "with_stride", "There is no stride: every window counts.", changed, result=lambda m: m[::2, ::2]
)

bank.variant(
    "channel_axis",
    "The result has two axes, as the picture has: take the channel axis off.",
    changed,
    result=lambda m: m[..., None],
)

bank.variant(
    "rows_for_columns", "The result is transposed: rows stay rows.", changed, result=lambda m: m.T
)
