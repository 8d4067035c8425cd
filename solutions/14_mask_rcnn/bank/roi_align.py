"""Answers to `roi_align`, right and wrong."""

import math

import numpy as np
import scipy.ndimage
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import roi_align

bank = Bank(roi_align)


# Right answers


@bank.accepted
def in_loops(features, box, size, samples=2):
    height, width, channels = features.shape
    y1, x1, y2, x2 = box
    result = np.zeros((size, size, channels))
    for i, j, k, m in np.ndindex(size, size, samples, samples):
        y = y1 + (y2 - y1) / size * (i + (k + 0.5) / samples) - 0.5
        x = x1 + (x2 - x1) / size * (j + (m + 0.5) / samples) - 0.5
        y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
        top, left = math.floor(y), math.floor(x)
        bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
        dy, dx = y - top, x - left
        above = (1 - dx) * features[top, left] + dx * features[top, right]
        below = (1 - dx) * features[bottom, left] + dx * features[bottom, right]
        result[i, j] += ((1 - dy) * above + dy * below) / samples**2
    return result


@bank.accepted
def with_interp(features, box, size, samples=2):
    """`np.interp` keeps the outermost values beyond the ends."""

    def means(line, start, end):
        edges = np.linspace(start, end, size * samples + 1)
        values = np.interp((edges[:-1] + edges[1:]) / 2, np.arange(len(line)) + 0.5, line)
        return values.reshape(size, samples).mean(axis=1)

    rows = np.apply_along_axis(means, 0, features, box[0], box[2])
    return np.apply_along_axis(means, 1, rows, box[1], box[3])


@bank.accepted
def in_a_frame(features, box, size, samples=2):
    """The edge repeated around the map: all samples lie between centres then."""
    framed = np.pad(features, [(1, 1), (1, 1), (0, 0)], mode="edge")
    steps = (np.arange(size * samples) + 0.5) / (size * samples)
    y = box[0] + steps * (box[2] - box[0]) + 0.5
    x = box[1] + steps * (box[3] - box[1]) + 0.5
    top, left = y.astype(int), x.astype(int)
    dy, dx = (y - top)[:, None, None], (x - left)[:, None]
    values = (1 - dy) * (1 - dx) * framed[np.ix_(top, left)]
    values = values + (1 - dy) * dx * framed[np.ix_(top, left + 1)]
    values = values + dy * (1 - dx) * framed[np.ix_(top + 1, left)]
    values = values + dy * dx * framed[np.ix_(top + 1, left + 1)]
    return values.reshape(size, samples, size, samples, -1).mean(axis=(1, 3))


@bank.accepted
def with_scipy(features, box, size, samples=2):
    count = size * samples
    steps = (np.indices((count, count)) + 0.5) / count
    places = [box[n] + steps[n] * (box[n + 2] - box[n]) - 0.5 for n in (0, 1)]
    maps = [
        scipy.ndimage.map_coordinates(features[..., c], places, order=1, mode="nearest")
        for c in range(features.shape[-1])
    ]
    return scipy.ndimage.uniform_filter(np.stack(maps, -1), (samples, samples, 1), origin=0)[
        samples // 2 :: samples, samples // 2 :: samples
    ]


@bank.accepted
def with_ops(features, box, size, samples=2):
    def means(array, start, end):
        length = array.shape[0]
        steps = (ops.arange(size * samples, dtype="float32") + 0.5) / (size * samples)
        places = ops.clip(start + steps * (end - start) - 0.5, 0, length - 1)
        low = ops.cast(ops.floor(places), "int32")
        high = ops.minimum(low + 1, length - 1)
        share = ops.reshape(places - ops.cast(low, "float32"), (-1, 1, 1))
        lines = ops.take(array, low, axis=0) * (1 - share) + ops.take(array, high, axis=0) * share
        return ops.mean(ops.reshape(lines, (size, samples, *lines.shape[1:])), axis=1)

    rows = means(ops.convert_to_tensor(features, "float32"), float(box[0]), float(box[2]))
    both = means(ops.transpose(rows, (1, 0, 2)), float(box[1]), float(box[3]))
    return ops.convert_to_numpy(ops.transpose(both, (1, 0, 2)))


@bank.accepted
def pooled_by_a_layer(features, box, size, samples=2):
    """The bilinear samples by `keras.ops`, their means by a layer."""
    count = size * samples
    steps = (np.arange(count) + 0.5) / count
    y, x = (box[n] + steps * (box[n + 2] - box[n]) - 0.5 for n in (0, 1))
    places = np.stack(np.meshgrid(y, x, indexing="ij")).astype("float32")
    maps = [
        ops.image.map_coordinates(
            features[..., c].astype("float32"), places, order=1, fill_mode="nearest"
        )
        for c in range(features.shape[-1])
    ]
    pooled = layers.AveragePooling2D(samples)(ops.stack(maps, axis=-1)[None])
    return np.array(pooled)[0]


@bank.accepted
def cell_by_cell(features, box, size, samples=2):
    """Each bin by itself, the two nearest rows weighed by how near they are."""

    def two(place, length):
        place = np.clip(place, 0.5, length - 0.5)
        first = min(int(place - 0.5), max(length - 2, 0))
        share = place - 0.5 - first
        return [(first, 1 - share), (min(first + 1, length - 1), share)]

    step = (box[2:] - box[:2]) / size
    result = []
    for i, j in np.ndindex(size, size):
        corner, total = box[:2] + step * [i, j], 0
        for k, m in np.ndindex(samples, samples):
            y, x = corner + step * ((np.array([k, m]) + 0.5) / samples)
            for row, share in two(y, features.shape[0]):
                for column, other in two(x, features.shape[1]):
                    total = total + share * other * features[row, column]
        result.append(total / samples**2)
    return np.reshape(result, (size, size, features.shape[2]))


# Wrong answers: what they are made of


def even(start, end, size, samples):
    """The places of samples (size, samples) along an axis, pixel 0 from 0 to 1."""
    steps = (np.arange(size)[:, None] + (np.arange(samples) + 0.5) / samples) / size
    return start + steps * (end - start)


def tent(places, length):
    """How much each pixel counts at places that are counted from the centre of the first one."""
    places = np.clip(places, 0, length - 1)
    return np.maximum(1 - np.abs(places[..., None] - np.arange(length)), 0)


def mean(values):
    return values.mean(axis=(1, 3))


def values_of(features, box, size, samples, points=even, shift=-0.5, weights=tent):
    """The samples (size, samples, size, samples, C)."""
    rows = weights(points(box[0], box[2], size, samples) + shift, features.shape[0])
    columns = weights(points(box[1], box[3], size, samples) + shift, features.shape[1])
    return np.einsum("ikh,jmw,hwc->ikjmc", rows, columns, features)


def aligned(features, box, size, samples, reduce=mean, before=None, after=None, **options):
    """The model answer with other samples, another value of a bin, another box or result."""
    box = before(box) if before else box
    result = reduce(values_of(features, box, size, samples, **options))
    return after(result) if after else result


# Where pixels lie

bank.variant(
    "without_half_a_pixel",
    "The centre of pixel 0 is at 0.5; here it is taken to be at 0, and all samples are half a "
    "pixel off.",
    aligned,
    shift=0,
)
bank.variant(
    "half_a_pixel_the_other_way",
    "Half a pixel is added where it is to be taken away: a sample at 0.5 lies on the centre of "
    "pixel 0.",
    aligned,
    shift=0.5,
)
bank.variant(
    "a_whole_pixel",
    "The samples are half a pixel too high and too far left: the centre of pixel 0 is at 0.5, not "
    "at 1.",
    aligned,
    shift=-1,
)


@bank.mistake(
    "Half a pixel is taken away along y only; along x the centre of pixel 0 is at 0.5 likewise."
)
def half_a_pixel_along_y_only(features, box, size, samples=2):
    return aligned(features, box + np.array([0, 0.5, 0, 0.5]), size, samples)


@bank.mistake(
    "Half a pixel is taken away from the beginning of the box only; its end moves with it."
)
def beginning_moved_only(features, box, size, samples=2):
    return aligned(features, box + np.array([0, 0, 0.5, 0.5]), size, samples)


@bank.mistake(
    "The corners of the box are moved by half a pixel and then cut off at the outermost centres, "
    "so that a box at a border is smaller: it is the samples that are held there."
)
def corners_cut_off(features, box, size, samples=2):
    last = np.array(features.shape[:2] * 2) - 1
    return aligned(features, np.clip(box - 0.5, 0, last), size, samples, shift=0)


# Rounding

bank.variant(
    "box_rounded",
    "The box is rounded to whole pixels here: nothing is rounded in RoIAlign.",
    aligned,
    before=np.round,
)
bank.variant(
    "box_rounded_outwards",
    "The box is rounded outwards to whole pixels here: nothing is rounded in RoIAlign.",
    aligned,
    before=lambda box: np.concatenate([np.floor(box[:2]), np.ceil(box[2:])]),
)
bank.variant(
    "box_cut_to_integers",
    "The corners of the box are cut to whole numbers here: nothing is rounded in RoIAlign.",
    aligned,
    before=np.floor,
)
bank.variant(
    "edges_of_bins_rounded",
    "The edges of the bins are rounded to whole pixels here: nothing is rounded in RoIAlign.",
    aligned,
    points=lambda a, b, size, samples: np.array(
        [
            even(round(start), round(start + (b - a) / size), 1, samples)[0]
            for start in a + np.arange(size) * (b - a) / size
        ]
    ),
)


def alone(places, length):
    """The whole weight on one pixel."""
    chosen = np.clip(places, 0, length - 1).astype(int)
    return (chosen[..., None] == np.arange(length)).astype("float64")


bank.variant(
    "nearest_pixel",
    "Each sample takes the value of the nearest pixel; it is to be interpolated between four.",
    aligned,
    weights=lambda places, n: alone(np.floor(places + 0.5), n),
)
bank.variant(
    "pixel_before",
    "Each sample takes the value of one pixel, the one above and left of it; it is to be "
    "interpolated between four.",
    aligned,
    weights=lambda places, n: alone(np.floor(places), n),
)


# Between pixels


def two_pixels(places, length, share, low=None):
    """Two neighbours, of which the second counts as `share` says of where a place lies."""
    places = np.clip(places, 0, length - 1)
    first = np.floor(places).astype(int) if low is None else low(places)
    second = np.minimum(first + 1, length - 1)
    part = share(places - first)[..., None]
    pixels = np.arange(length)
    return (1 - part) * (first[..., None] == pixels) + part * (second[..., None] == pixels)


bank.variant(
    "weights_exchanged",
    "The two weights are exchanged: the nearer of two pixels counts more.",
    aligned,
    weights=lambda places, n: two_pixels(places, n, lambda t: 1 - t),
)
bank.variant(
    "both_pixels_alike",
    "Of two neighbours each counts half here, wherever the sample lies: the nearer one counts "
    "more.",
    aligned,
    weights=lambda places, n: two_pixels(places, n, lambda t: np.where(t > 0, 0.5, 0)),
)
bank.variant(
    "smooth_step",
    "The weight of a pixel falls in a straight line with the distance; here it falls in a curve.",
    aligned,
    weights=lambda places, n: two_pixels(places, n, lambda t: t * t * (3 - 2 * t)),
)


@bank.mistake("The samples are interpolated along y only; along x they take the nearest pixel.")
def along_y_only(features, box, size, samples=2):
    rows = tent(even(box[0], box[2], size, samples) - 0.5, features.shape[0])
    columns = alone(np.floor(even(box[1], box[3], size, samples)), features.shape[1])
    return mean(np.einsum("ikh,jmw,hwc->ikjmc", rows, columns, features))


@bank.mistake(
    "Three of the four pixels around a sample count here: the one below and right of it is missing."
)
def three_of_four(features, box, size, samples=2):
    def share(places, n):
        return two_pixels(places, n, lambda t: t), two_pixels(places, n, lambda t: 0 * t)

    rows, top = share(even(box[0], box[2], size, samples) - 0.5, features.shape[0])
    columns, left = share(even(box[1], box[3], size, samples) - 0.5, features.shape[1])
    pairs = [(rows, left, 1), (top, columns, 1), (top, left, -1)]
    return mean(sum(s * np.einsum("ikh,jmw,hwc->ikjmc", a, b, features) for a, b, s in pairs))


@bank.mistake("The samples are to be interpolated in straight lines; here cubic curves are used.")
def cubic(features, box, size, samples=2):
    places = [
        np.clip(even(box[n], box[n + 2], size, samples).ravel() - 0.5, 0, features.shape[n] - 1)
        for n in (0, 1)
    ]
    grid = np.meshgrid(*places, indexing="ij")
    maps = [
        scipy.ndimage.map_coordinates(features[..., c], grid, order=3, mode="nearest")
        for c in range(features.shape[-1])
    ]
    return mean(np.stack(maps, axis=-1).reshape(size, samples, size, samples, -1))


# Beyond the outermost centres

bank.variant(
    "zeros_outside",
    "Beyond the outermost centres the edge's value holds; here it fades into zeros.",
    aligned,
    weights=lambda places, n: np.maximum(1 - np.abs(places[..., None] - np.arange(n)), 0),
)
bank.variant(
    "held_at_the_beginning_only",
    "Beyond the last centre the edge's value holds too, as it does before the first one; here it "
    "fades into zeros.",
    aligned,
    weights=lambda places, n: np.maximum(
        1 - np.abs(np.maximum(places, 0)[..., None] - np.arange(n)), 0
    ),
)
bank.variant(
    "held_at_the_end_only",
    "Before the first centre the edge's value holds too, as it does beyond the last one; here it "
    "fades into zeros.",
    aligned,
    weights=lambda places, n: np.maximum(
        1 - np.abs(np.minimum(places, n - 1)[..., None] - np.arange(n)), 0
    ),
)
bank.variant(
    "nothing_outside",
    "A sample beyond the outermost centres counts as 0 here; it has the edge's value.",
    aligned,
    weights=lambda places, n: tent(places, n) * ((places >= 0) & (places <= n - 1))[..., None],
)
bank.variant(
    "wrapped",
    "Beyond the outermost centres the edge's value holds; here the opposite edge of the map comes "
    "in.",
    aligned,
    weights=lambda places, n: sum(
        np.maximum(1 - np.abs(places[..., None] - np.arange(n) - turn), 0) for turn in (-n, 0, n)
    ),
)


def prolonged(places, n):
    """The straight line through the two outermost pixels."""
    first = np.clip(np.floor(places), 0, max(n - 2, 0))
    pixels, part = np.arange(n), (places - first)[..., None]
    if n == 1:
        return np.ones((*places.shape, 1))
    return (1 - part) * (first[..., None] == pixels) + part * (first[..., None] + 1 == pixels)


bank.variant(
    "line_prolonged",
    "Beyond the outermost centres the edge's value holds; here the slope inside is carried on.",
    aligned,
    weights=prolonged,
)


def outside_left_out(values, inside):
    return np.sum(values * inside, axis=(1, 3)) / np.maximum(np.sum(inside, axis=(1, 3)), 1)


@bank.mistake(
    "Samples beyond the outermost centres are left out of the mean here; they count, with the "
    "edge's value."
)
def outside_not_counted(features, box, size, samples=2):
    inside = []
    for axis in (0, 1):
        places = even(box[axis], box[axis + 2], size, samples) - 0.5
        inside.append((places >= 0) & (places <= features.shape[axis] - 1))
    both = inside[0][:, :, None, None, None] & inside[1][None, None, :, :, None]
    return outside_left_out(values_of(features, box, size, samples), both)


# Where the samples lie

bank.variant(
    "samples_from_the_edge",
    "The first sample of a bin lies at its edge here: half a step belongs before it and behind the "
    "last one.",
    aligned,
    points=lambda a, b, size, samples: (
        a + (np.arange(size)[:, None] + np.arange(samples) / samples) * (b - a) / size
    ),
)
bank.variant(
    "samples_edge_to_edge",
    "The samples go from edge to edge of a bin here: half a step belongs before the first and "
    "behind the last.",
    aligned,
    points=lambda a, b, size, samples: (
        a + (np.arange(size)[:, None] + np.linspace(0, 1, samples)) * (b - a) / size
    ),
)
bank.variant(
    "samples_as_if_counted_from_1",
    "The samples divide a bin into samples + 1 parts here; their distance is that of a bin's side "
    "over samples, with half of it at both ends.",
    aligned,
    points=lambda a, b, size, samples: (
        a + (np.arange(size)[:, None] + (np.arange(samples) + 1) / (samples + 1)) * (b - a) / size
    ),
)
bank.variant(
    "bins_corner_to_corner",
    "The bins are spread as in `crop_and_resize`, the first at one corner of the box and the last "
    "at the other: each bin is as large as the box over `size`.",
    aligned,
    points=lambda a, b, size, samples: np.repeat(
        np.linspace(a, b, size)[:, None] if size > 1 else np.array([[(a + b) / 2]]), samples, 1
    ),
)
bank.variant(
    "crop_and_resize",
    "This is `crop_and_resize`: one sample a bin, from one corner of the box to the other, and "
    "without the half pixel; a bin has `samples` x `samples` of them, evenly spaced in it.",
    aligned,
    points=lambda a, b, size, samples: np.repeat(np.linspace(a, b, size)[:, None], samples, 1),
    shift=0,
)
bank.variant(
    "samples_at_the_far_edge",
    "The last sample of a bin lies at its edge here: half a step belongs before the first one and "
    "behind it.",
    aligned,
    points=lambda a, b, size, samples: (
        a + (np.arange(size)[:, None] + (np.arange(samples) + 1) / samples) * (b - a) / size
    ),
)
bank.variant(
    "middle_of_a_bin",
    "Each bin takes one sample here, at its middle: there are to be `samples` along each side.",
    aligned,
    points=lambda a, b, size, samples: np.repeat(even(a, b, size, 1), samples, 1),
)


@bank.mistake("There are always 2 x 2 samples in a bin here: `samples` says how many.")
def always_two(features, box, size, samples=2):
    return aligned(features, box, size, 2)


@bank.mistake(
    "`samples` is how many samples lie along each side of a bin; here it is taken for one side "
    "only."
)
def samples_along_y_only(features, box, size, samples=2):
    rows = tent(even(box[0], box[2], size, samples) - 0.5, features.shape[0])
    columns = tent(even(box[1], box[3], size, 1) - 0.5, features.shape[1])
    return mean(np.einsum("ikh,jmw,hwc->ikjmc", rows, columns, features))


@bank.mistake(
    "The box is divided by `samples` and each bin sampled `size` times: it is the other way round."
)
def size_and_samples_exchanged(features, box, size, samples=2):
    return aligned(features, box, samples, size)


# What a bin gives

bank.variant(
    "largest_sample",
    "The mean of the samples is asked for, not their maximum.",
    aligned,
    reduce=lambda values: values.max(axis=(1, 3)),
)
bank.variant(
    "sum_of_samples",
    "The mean of the samples is asked for, not their sum.",
    aligned,
    reduce=lambda values: values.sum(axis=(1, 3)),
)
bank.variant(
    "median",
    "The mean of the samples is asked for, not their median.",
    aligned,
    reduce=lambda values: np.median(values, axis=(1, 3)),
)
bank.variant(
    "samples_of_other_bins",
    "The mean of a bin is taken over samples that lie apart, of other bins too: neighbours belong "
    "to one bin.",
    aligned,
    reduce=lambda v: v.reshape(v.shape[1], v.shape[0], v.shape[3], v.shape[2], -1).mean((0, 2)),
)
bank.variant(
    "divided_by_one_side",
    "The sum is divided by `samples`; there are `samples` times `samples` of them in a bin.",
    aligned,
    reduce=lambda values: values.sum(axis=(1, 3)) / values.shape[1],
)
bank.variant(
    "first_sample",
    "Only the first sample of each bin counts here: the mean of all is asked for.",
    aligned,
    reduce=lambda values: values[:, 0, :, 0],
)


@bank.mistake("This is RoI pooling: whole pixels, and their maximum. RoIAlign has neither.")
def roi_pooling(features, box, size, samples=2):
    top, left, bottom, right = np.round(box).astype(int)
    bottom, right = max(bottom, top + 1), max(right, left + 1)
    region = features[top:bottom, left:right]
    cuts = [
        [(i * n // size, -(-(i + 1) * n // size)) for i in range(size)] for n in region.shape[:2]
    ]
    return np.array(
        [[region[a:b, c:d].max(axis=(0, 1), initial=-9e9) for c, d in cuts[1]] for a, b in cuts[0]]
    )


@bank.mistake("The whole pixels in a bin are averaged here; bilinear samples are to be.")
def mean_of_whole_pixels(features, box, size, samples=2):
    def cover(a, b, n):
        edges = np.linspace(a, b, size + 1)
        part = np.minimum(edges[1:, None], np.arange(n) + 1) - np.maximum(
            edges[:-1, None], np.arange(n)
        )
        return np.maximum(part, 0) / np.maximum(np.maximum(part, 0).sum(axis=1), 1e-9)[:, None]

    rows = cover(box[0], box[2], features.shape[0])
    columns = cover(box[1], box[3], features.shape[1])
    return np.einsum("ih,jw,hwc->ijc", rows, columns, features)


# The box

bank.variant(
    "x_first",
    "The box is (y1, x1, y2, x2); here it is taken for (x1, y1, x2, y2).",
    aligned,
    before=lambda box: box[[1, 0, 3, 2]],
)
bank.variant(
    "ends_second",
    "The box is (y1, x1, y2, x2); here it is taken for (y1, y2, x1, x2).",
    aligned,
    before=lambda box: box[[0, 2, 1, 3]],
)
bank.variant(
    "corner_and_size",
    "The last two numbers of the box are its end; here they are taken for height and width.",
    aligned,
    before=lambda box: box + np.array([0, 0, box[0], box[1]]),
)
bank.variant(
    "from_the_corner_of_the_map",
    "The box has the right size, but begins at the corner of the map: add y1 and x1.",
    aligned,
    before=lambda box: box - [box[0], box[1], box[0], box[1]],
)
bank.variant(
    "at_least_one_pixel",
    "A box may be smaller than a pixel; here it is made a pixel high and wide at least.",
    aligned,
    before=lambda box: np.concatenate([box[:2], np.maximum(box[2:], box[:2] + 1)]),
)
bank.variant(
    "one_pixel_more",
    "The box ends at (y2, x2); here a pixel is added to its height and width.",
    aligned,
    before=lambda box: box + np.array([0, 0, 1, 1]),
)
bank.variant(
    "height_for_both",
    "The bins of both axes are as long as the height says here: those along x follow the width.",
    aligned,
    before=lambda box: np.array([box[0], box[1], box[2], box[1] + box[2] - box[0]]),
)
bank.variant(
    "width_for_both",
    "The bins of both axes are as long as the width says here: those along y follow the height.",
    aligned,
    before=lambda box: np.array([box[0], box[1], box[0] + box[3] - box[1], box[3]]),
)
bank.variant(
    "divided_by_a_stride",
    "The box is in pixels of the map already; here it is divided by a stride first.",
    aligned,
    before=lambda box: box / 2,
)


@bank.mistake("The whole map is sampled; only the box is to be.")
def whole_map(features, box, size, samples=2):
    return aligned(features, np.array([0, 0, *features.shape[:2]]), size, samples)


@bank.mistake("The box is taken for parts of the map from 0 to 1; it is in pixels of the map.")
def parts_of_the_map(features, box, size, samples=2):
    return aligned(features, box * np.array(features.shape[:2] * 2), size, samples)


@bank.mistake(
    "The box is cut out of the map and the piece interpolated by itself, so that its border is "
    "repeated: samples near the border of a box read the pixels outside it too."
)
def cut_out_first(features, box, size, samples=2):
    top, left = np.floor(box[:2]).astype(int)
    bottom, right = np.ceil(box[2:]).astype(int)
    piece = features[top:bottom, left:right]
    return aligned(piece, box - [top, left, top, left], size, samples)


# The result

bank.variant(
    "sides_exchanged",
    "Rows and columns of the result are exchanged.",
    aligned,
    after=lambda result: result.swapaxes(0, 1),
)
bank.variant(
    "channels_first",
    "The channels come last in the result: (size, size, C).",
    aligned,
    after=lambda result: np.moveaxis(result, -1, 0),
)
bank.variant(
    "first_channel_only",
    "Only the first channel is sampled: all are.",
    aligned,
    after=lambda result: np.broadcast_to(result[..., :1], result.shape),
)
bank.variant(
    "samples_themselves",
    "The samples themselves are returned: each bin gives their mean.",
    aligned,
    reduce=lambda v: v.reshape(v.shape[0] * v.shape[1], v.shape[2] * v.shape[3], -1),
)
bank.variant(
    "batch_of_one",
    "The result has an axis of length 1 in front: it is (size, size, C).",
    aligned,
    after=lambda result: result[None],
)
