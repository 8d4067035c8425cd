"""Answers to `paste_mask`, right and wrong."""

import math

import numpy as np
import scipy.ndimage
from keras import ops

from autograder.setting.bank import Bank

from ..tasks import paste_mask

bank = Bank(paste_mask)


# Right answers


@bank.accepted
def with_ops(mask, box, height, width, threshold=0.5):
    top, left, bottom, right = (int(n) for n in box)
    soft = ops.image.resize(mask[..., None], (bottom - top, right - left), "bilinear")
    canvas = np.zeros((height, width), dtype=bool)
    canvas[top:bottom, left:right] = ops.convert_to_numpy(soft)[..., 0] > threshold
    return canvas


@bank.accepted
def pixel_by_pixel(mask, box, height, width, threshold=0.5):
    """Every pixel of the picture asks where its centre lies in the mask."""
    y1, x1, y2, x2 = box
    result = np.zeros((height, width), bool)
    last = mask.shape[0] - 1, mask.shape[1] - 1
    for y, x in np.ndindex(height, width):
        if not (y1 <= y < y2 and x1 <= x < x2):
            continue
        v = (y - y1 + 0.5) / (y2 - y1) * mask.shape[0] - 0.5
        u = (x - x1 + 0.5) / (x2 - x1) * mask.shape[1] - 0.5
        v, u = min(max(v, 0), last[0]), min(max(u, 0), last[1])
        a, b = math.floor(v), math.floor(u)
        c, d = min(a + 1, last[0]), min(b + 1, last[1])
        upper = mask[a, b] + (u - b) * (mask[a, d] - mask[a, b])
        lower = mask[c, b] + (u - b) * (mask[c, d] - mask[c, b])
        result[y, x] = upper + (v - a) * (lower - upper) > threshold
    return result


@bank.accepted
def with_interp(mask, box, height, width, threshold=0.5):
    top, left, bottom, right = box

    def stretched(line, size):
        places = (np.arange(size) + 0.5) * len(line) / size
        return np.interp(places, np.arange(len(line)) + 0.5, line)

    rows = np.array([stretched(line, bottom - top) for line in mask.T]).T
    soft = np.array([stretched(line, right - left) for line in rows])
    around = ((top, height - bottom), (left, width - right))
    return np.pad(np.greater(soft, threshold), around)


@bank.accepted
def with_scipy(mask, box, height, width, threshold=0.5):
    """The whole picture is sampled, and what lies outside the box is put out afterwards."""
    sides = (box[2:] - box[:2])[:, None, None]
    inside = np.indices((height, width)) - box[:2, None, None]
    places = (inside + 0.5) / sides * np.array(mask.shape)[:, None, None] - 0.5
    soft = scipy.ndimage.map_coordinates(mask, places, order=1, mode="nearest")
    return (soft > threshold) & ((inside >= 0) & (inside < sides)).all(axis=0)


@bank.accepted
def on_a_soft_canvas(mask, box, height, width, threshold=0.5):
    """Pasted as numbers, compared as a whole."""
    canvas = np.zeros((height, width), "float32")
    size = (int(box[2] - box[0]), int(box[3] - box[1]))
    soft = ops.image.resize(ops.convert_to_tensor(mask[None, :, :, None], "float32"), size)
    canvas[box[0] : box[2], box[1] : box[3]] = ops.squeeze(soft, (0, 3))
    return ~(canvas <= threshold)


@bank.accepted
def one_affine_map(mask, box, height, width, threshold=0.5):
    """Scale and shift in one, for SciPy."""
    scale = np.array(mask.shape) / (box[2:] - box[:2])
    framed = np.pad(mask.astype("float64"), 1, mode="edge")
    soft = scipy.ndimage.affine_transform(
        framed,
        scale,
        offset=0.5 * scale + 0.5,
        output_shape=tuple(box[2:] - box[:2]),
        order=1,
    )
    result = np.full((height, width), False)
    result[np.ix_(range(box[0], box[2]), range(box[1], box[3]))] = soft - threshold > 0
    return result


# Wrong answers: what they are made of


def half_pixels(size, length):
    """Where the centres of `size` pixels lie, counted from the centre of the mask's first."""
    return (np.arange(size) + 0.5) * length / size - 0.5


def tent(places, length):
    """How much each of the mask's pixels counts."""
    places = np.clip(places, 0, length - 1)
    return np.maximum(1 - np.abs(places[:, None] - np.arange(length)), 0)


def above(soft, threshold):
    return soft > threshold


def pasted(
    mask, box, height, width, threshold, places=half_pixels, weights=tent, change=lambda soft: soft,
    compare=above, before=None, read=None, after=None,
):  # fmt: skip
    """The model answer with another grid, other weights, another comparison, box or result."""
    mask = before(mask) if before else mask
    top, left, bottom, right = read(box) if read else box
    size = (bottom - top, right - left)
    rows, columns = (
        weights(places(n, length), length) for n, length in zip(size, mask.shape, strict=True)
    )
    inside = compare(change(rows @ mask @ columns.T), threshold)
    canvas = np.zeros((height, width), inside.dtype)
    canvas[top:bottom, left:right] = inside
    return after(canvas) if after else canvas


# The threshold

bank.variant(
    "at_the_threshold",
    "A value that equals the threshold is not above it; here it counts.",
    pasted,
    compare=lambda soft, t: soft >= t,
)
bank.variant(
    "always_one_half",
    "The threshold is always one half here; the argument says what it is.",
    pasted,
    compare=lambda soft, t: soft > 0.5,
)
bank.variant(
    "below",
    "True is what lies above the threshold, not what lies below it.",
    pasted,
    compare=lambda soft, t: soft < t,
)
bank.variant(
    "everything_above_0",
    "Whatever is above 0 becomes True here; `threshold` is the bound.",
    pasted,
    compare=lambda soft, t: soft > 0,
)
bank.variant(
    "threshold_first",
    "The mask is compared with the threshold before it is resized; it is resized first, and "
    "compared afterwards.",
    lambda mask, box, height, width, threshold: pasted(
        (mask > threshold).astype(float), box, height, width, 0.5
    ),
)
bank.variant(
    "threshold_before_and_after",
    "The mask is compared with the threshold before it is resized, and again afterwards: only the "
    "second is asked for.",
    lambda mask, box, height, width, threshold: pasted(
        (mask > threshold).astype(float), box, height, width, threshold
    ),
)
bank.variant(
    "all_that_a_pixel_touches",
    "The mask is compared with the threshold first, and whatever a value above it reaches when it "
    "is resized counts; it is resized first, and compared afterwards.",
    lambda mask, box, height, width, threshold: pasted(
        (mask > threshold).astype(float), box, height, width, 0
    ),
)
bank.variant(
    "threshold_of_the_largest",
    "The bound is a share of the largest value here; it is the threshold itself.",
    pasted,
    compare=lambda soft, t: soft > t * soft.max(),
)
bank.variant(
    "above_the_mean",
    "The mean is taken for the bound here; it is the threshold.",
    pasted,
    compare=lambda soft, t: soft > soft.mean(),
)
bank.variant(
    "another_sigmoid",
    "The mask holds probabilities already; here a sigmoid is taken of them.",
    pasted,
    change=lambda soft: 1 / (1 + np.exp(-soft)),
)
bank.variant(
    "spread_from_0_to_1",
    "The values are stretched here so that they go from 0 to 1; they are compared as they are.",
    pasted,
    change=lambda soft: (soft - soft.min()) / max(np.ptp(soft), 1e-9),
)

# The grid


def corners(size, length):
    return np.linspace(0, length - 1, size) if size > 1 else np.zeros(1)


bank.variant(
    "corner_to_corner",
    "The grid goes from centre to centre of the corner pixels here (`align_corners`); pixels are "
    "areas, and half a pixel lies outside the outermost centres.",
    pasted,
    places=corners,
)
bank.variant(
    "without_half_a_pixel",
    "Row i of the box reads row i * h / size of the mask here: centres lie half a pixel further, "
    "in both.",
    pasted,
    places=lambda size, length: np.arange(size) * length / size,
)
bank.variant(
    "half_a_pixel_in_one_only",
    "Half a pixel is added in the box but not taken away in the mask: both have their centres half "
    "a pixel inside.",
    pasted,
    places=lambda size, length: (np.arange(size) + 0.5) * length / size,
)


def chosen(places, length):
    index = np.clip(np.floor(places + 0.5), 0, length - 1)
    return (index[:, None] == np.arange(length)).astype(float)


bank.variant(
    "nearest",
    "The mask is resized bilinearly; here each pixel takes the nearest value.",
    pasted,
    weights=chosen,
)


@bank.mistake(
    "The mask is smoothed before it is made smaller (`antialias`); `keras.ops.image.resize` does "
    "not do so unless asked."
)
def antialiased(mask, box, height, width, threshold=0.5):
    def wide(places, length):
        size = len(places)
        step = max(length / size, 1)
        weights = np.maximum(1 - np.abs(places[:, None] - np.arange(length)) / step, 0)
        return weights / weights.sum(axis=1, keepdims=True)

    return pasted(mask, box, height, width, threshold, weights=wide)


def curved(places, length):
    """Keys's cubic, the edge repeated."""
    weights = np.zeros((len(places), length))
    for shift in range(-2, 4):
        pixel = np.floor(places) + shift
        t = np.abs(places - pixel)
        inner, outer = 1 - 2.5 * t**2 + 1.5 * t**3, 2 - 4 * t + 2.5 * t**2 - 0.5 * t**3
        value = np.where(t <= 1, inner, np.where(t < 2, outer, 0))
        index = np.clip(pixel, 0, length - 1).astype(int)
        weights[np.arange(len(places)), index] += value
    return weights


bank.variant(
    "bicubic",
    "The mask is resized bilinearly; here cubic curves are used.",
    pasted,
    weights=curved,
)
bank.variant(
    "fades_at_the_border",
    "Beyond the outermost centres of the mask their values hold; here they fade into zeros.",
    pasted,
    weights=lambda places, n: np.maximum(1 - np.abs(places[:, None] - np.arange(n)), 0),
)
bank.variant(
    "weights_exchanged",
    "The two weights are exchanged: the nearer of two values counts more.",
    pasted,
    weights=lambda places, n: tent(
        2 * np.floor(np.clip(places, 0, n - 1)) + 1 - np.clip(places, 0, n - 1), n
    ),
)


def areas(places, length):
    """Means over what a pixel covers."""
    size = len(places)
    edges = np.linspace(0, length, size + 1)
    part = np.minimum(edges[1:, None], np.arange(length) + 1) - np.maximum(
        edges[:-1, None], np.arange(length)
    )
    return np.maximum(part, 0) * size / length


bank.variant(
    "means_of_areas",
    "The mask is resized bilinearly; here each pixel takes the mean of what it covers.",
    pasted,
    weights=areas,
)

# The box

bank.variant(
    "x_first",
    "The box is (y1, x1, y2, x2); here it is taken for (x1, y1, x2, y2).",
    pasted,
    read=lambda box: box[[1, 0, 3, 2]],
)
bank.variant(
    "corner_and_size",
    "The last two numbers of the box are its end; here they are taken for height and width.",
    pasted,
    read=lambda box: box + np.array([0, 0, box[0], box[1]]),
)
bank.variant(
    "ends_second",
    "The box is (y1, x1, y2, x2); here it is taken for (y1, y2, x1, x2).",
    pasted,
    read=lambda box: box[[0, 2, 1, 3]],
)
bank.variant(
    "from_the_corner",
    "The mask has the right size, but stands in the corner of the picture: it begins at (y1, x1).",
    pasted,
    read=lambda box: box - [box[0], box[1], box[0], box[1]],
)


@bank.mistake("The ends of the box are exclusive: here a row and a column more are covered.")
def ends_included(mask, box, height, width, threshold=0.5):
    inside = np.zeros((height + 1, width + 1), bool)
    inside[:] = pasted(mask, box + np.array([0, 0, 1, 1]), height + 1, width + 1, threshold)
    return inside[:height, :width]


@bank.mistake("The ends of the box are exclusive already: here its last row and column are lost.")
def last_line_left_out(mask, box, height, width, threshold=0.5):
    end = np.maximum(box[2:] - 1, box[:2] + 1)
    return pasted(mask, np.concatenate([box[:2], end]), height, width, threshold)


@bank.mistake("The mask is resized to the whole picture; it belongs into the box.")
def whole_picture(mask, box, height, width, threshold=0.5):
    return pasted(mask, np.array([0, 0, height, width]), height, width, threshold)


@bank.mistake(
    "The mask is resized to the whole picture and cut off outside the box; the whole mask belongs "
    "into the box."
)
def cut_out_of_the_picture(mask, box, height, width, threshold=0.5):
    whole = pasted(mask, np.array([0, 0, height, width]), height, width, threshold)
    inside = np.zeros((height, width), bool)
    inside[box[0] : box[2], box[1] : box[3]] = True
    return whole & inside


@bank.mistake("The mask is pasted as large as it is; it is resized to the box first.")
def not_resized(mask, box, height, width, threshold=0.5):
    canvas = np.zeros((height + 20, width + 20), bool)
    top, left = box[:2]
    canvas[top : top + mask.shape[0], left : left + mask.shape[1]] = mask > threshold
    return canvas[:height, :width]


@bank.mistake("The whole box is marked; inside it the mask says which pixels belong to the object.")
def whole_box(mask, box, height, width, threshold=0.5):
    canvas = np.zeros((height, width), bool)
    canvas[box[0] : box[2], box[1] : box[3]] = True
    return canvas


@bank.mistake("Outside the box everything is False; here it is True.")
def true_outside(mask, box, height, width, threshold=0.5):
    canvas = np.ones((height, width), bool)
    inside = pasted(mask, box, height, width, threshold)
    canvas[box[0] : box[2], box[1] : box[3]] = inside[box[0] : box[2], box[1] : box[3]]
    return canvas


# The mask and the result

bank.variant(
    "mask_on_its_side",
    "Rows and columns of the mask are exchanged.",
    pasted,
    before=lambda mask: mask.T,
)
bank.variant(
    "upside_down",
    "The mask is pasted upside down: row 0 is the upper one, in the mask and in the picture.",
    pasted,
    before=lambda mask: mask[::-1],
)
bank.variant(
    "left_for_right",
    "The mask is pasted mirrored: column 0 is the left one, in the mask and in the picture.",
    pasted,
    before=lambda mask: mask[:, ::-1],
)
bank.variant(
    "picture_on_its_side",
    "Height and width of the picture are exchanged: the result is (height, width).",
    pasted,
    after=lambda canvas: canvas.T,
)
bank.variant(
    "cut_to_the_box",
    "The result has the size of the picture, (height, width), not that of the box.",
    lambda mask, box, height, width, threshold: pasted(mask, box, height, width, threshold)[
        box[0] : box[2], box[1] : box[3]
    ],
)
bank.variant(
    "ones_and_zeros",
    "The result is boolean, True and False; here it holds numbers.",
    pasted,
    after=lambda canvas: canvas.astype("uint8"),
)
bank.variant(
    "probabilities",
    "The resized mask is pasted as it is: it is still to be compared with the threshold.",
    pasted,
    compare=lambda soft, threshold: soft,
)
bank.variant(
    "an_axis_more",
    "The result has an axis of length 1 behind: it is (height, width).",
    pasted,
    after=lambda canvas: canvas[..., None],
)
