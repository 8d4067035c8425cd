"""Answers to `anchor_priors`, right and wrong."""

import math

import numpy as np
from keras import ops

from autograder.setting.bank import Bank

from ..tasks import alike, anchor_priors

bank = Bank(anchor_priors)


# Right answers


@bank.accepted
def in_loops(sizes, count, start):
    centres, before = [tuple(map(float, one)) for one in start], None
    while centres != before:
        clusters: list[list] = [[] for _ in range(count)]
        for h, w in sizes:
            distances = []
            for high, wide in centres:
                common = min(h, high) * min(w, wide)
                distances.append(1 - common / (h * w + high * wide - common))
            clusters[distances.index(min(distances))].append((h, w))
        before, centres = centres, list(centres)
        for k, cluster in enumerate(clusters):
            if cluster:
                h, w = zip(*cluster, strict=True)
                centres[k] = (sum(h) / len(cluster), sum(w) / len(cluster))
    return np.array(centres)


@bank.accepted
def until_nobody_moves(sizes, count, start):
    """The clusters are compared, not the centres."""
    centres, old = start.astype("float64"), None
    while True:
        nearest = np.argmin(1 - alike(sizes, centres), axis=1)
        if old is not None and (nearest == old).all():
            return centres
        old = nearest
        for k in set(nearest.tolist()):
            centres[k] = sizes[nearest == k].sum(axis=0) / np.count_nonzero(nearest == k)


@bank.accepted
def many_steps(sizes, count, start):
    """More steps than are ever needed, with a matrix of memberships."""
    centres = np.array(start)
    for _ in range(200):
        member = np.eye(count)[alike(sizes, centres).argmax(axis=1)]
        number = member.sum(axis=0)[:, None]
        means = member.T @ sizes / np.maximum(number, 1)
        centres = np.where(number > 0, means, centres)
    return centres


@bank.accepted
def boxes_about_the_origin(sizes, count, start):
    """Boxes with corners, all about one point, and their intersection over union."""

    def overlaps(a, b):
        a, b = (np.hstack([-x / 2, x / 2]) for x in (a, b))
        sides = np.minimum(a[:, None, 2:], b[:, 2:]) - np.maximum(a[:, None, :2], b[:, :2])
        common = sides[..., 0] * sides[..., 1]
        first, second = (np.prod(x[:, 2:] - x[:, :2], axis=1) for x in (a, b))
        return common / (first[:, None] + second - common)

    def from_here(centres):
        nearest = overlaps(sizes, centres).argmax(axis=1)
        rows = [sizes[nearest == k] if k in nearest else centres[[k]] for k in range(count)]
        found = np.stack([np.average(row, axis=0) for row in rows])
        return centres if np.array_equal(found, centres) else from_here(found)

    return from_here(start)


@bank.accepted
def small_changes_are_none(sizes, count, start):
    """Logarithms: the part of each side that both have is the difference of two of them."""
    centres, change = start.copy(), 1.0
    while change > 1e-9:
        ratio = np.abs(np.log(sizes[:, None] / centres)).sum(axis=-1)
        inside = np.minimum(sizes[:, None], centres).prod(axis=-1)
        outside = np.maximum(sizes[:, None], centres).prod(axis=-1)
        assert np.allclose(np.exp(-ratio), inside / outside, rtol=1e-3)
        both = sizes.prod(axis=1)[:, None] + centres.prod(axis=1)
        nearest = np.divide(inside, both - inside).argmax(axis=1)
        new = [
            sizes[nearest == k].mean(axis=0) if np.any(nearest == k) else centres[k]
            for k in range(len(centres))
        ]
        change, centres = np.abs(new - centres).max(), np.array(new)
    return centres


@bank.accepted
def largest_share_of_both_areas(sizes, count, start):
    """Where the common part is the largest share of both areas' sum, the IoU is the largest."""
    own, centres = np.prod(sizes, axis=1), start * 1.0
    while True:
        shares = [
            np.minimum(sizes, centre).prod(axis=1) / (own + centre[0] * centre[1])
            for centre in centres
        ]
        nearest = np.argmax(shares, axis=0)
        new = centres.copy()
        for k in range(count):
            if k in nearest:
                new[k] = [np.mean(side) for side in sizes[nearest == k].T]
        if (new == centres).all():
            return new
        centres = new


@bank.accepted
def with_ops(sizes, count, start):
    points, centres = (ops.convert_to_tensor(x, "float32") for x in (sizes, start))
    for _ in range(40):
        common = ops.prod(ops.minimum(points[:, None], centres[None]), axis=-1)
        both = ops.prod(points, axis=-1)[:, None] + ops.prod(centres, axis=-1)[None]
        member = ops.one_hot(ops.argmax(common / (both - common), axis=1), count)
        number = ops.sum(member, axis=0)[:, None]
        means = ops.matmul(ops.transpose(member), points) / ops.maximum(number, 1)
        centres = ops.where(number > 0, means, centres)
    return ops.convert_to_numpy(centres)


# Wrong answers: what they are made of


def mean_of(cluster, centre):
    return cluster.mean(axis=0)


def clustered(
    sizes, count, start, near=alike, new=mean_of, empty=lambda centre, sizes: centre, steps=100
):
    """The model answer with another nearness, another centre of a cluster, or fewer steps."""
    centres = start.astype("float64")
    for _ in range(steps):
        nearest = near(sizes, centres).argmax(axis=1)
        centres = np.array(
            [
                new(sizes[nearest == k], centre) if (nearest == k).any() else empty(centre, sizes)
                for k, centre in enumerate(centres)
            ]
        )
    return centres


def after(sizes, count, start, change):
    """The model answer with the result changed."""
    return change(anchor_priors(sizes, count, start), sizes)


def parts(sizes, centres):
    """The common area of each pair, the areas of sizes, and those of centres."""
    common = np.minimum(sizes[:, None], centres).prod(axis=-1)
    return common, sizes.prod(axis=1)[:, None] + 0 * common, centres.prod(axis=1) + 0 * common


# What is near

for name, hint, near in (
    (
        "squared_distance",
        "The distance is 1 - IoU; here it is that of points in the plane.",
        lambda s, c: -((s[:, None] - c) ** 2).sum(axis=-1),
    ),
    (
        "sum_of_distances",
        "The distance is 1 - IoU; here it is the sum of both differences.",
        lambda s, c: -np.abs(s[:, None] - c).sum(axis=-1),
    ),
    (
        "distance_of_logarithms",
        "The distance is 1 - IoU; here it is that of the logarithms of both sides.",
        lambda s, c: -(np.log(s[:, None] / c) ** 2).sum(axis=-1),
    ),
    (
        "nearest_area",
        "The distance is 1 - IoU; here it is the difference of the areas.",
        lambda s, c: -np.abs(s.prod(axis=1)[:, None] - c.prod(axis=1)),
    ),
    (
        "nearest_shape",
        "The distance is 1 - IoU; here it is the difference of height over width.",
        lambda s, c: -np.abs((s[:, 0] / s[:, 1])[:, None] - c[:, 0] / c[:, 1]),
    ),
    (
        "farthest",
        "A size belongs to the centre with the largest IoU; here to the one with the smallest.",
        lambda s, c: -alike(s, c),
    ),
    (
        "common_area_only",
        "The IoU is the common area over that of the union; here the common area alone decides, or "
        "its share of the size's own area.",
        lambda s, c: parts(s, c)[0],
    ),
    (
        "over_the_centres_area",
        "The IoU is the common area over that of the *union*; here it is over the centre's area.",
        lambda s, c: parts(s, c)[0] / parts(s, c)[2],
    ),
    (
        "over_the_smaller",
        "The IoU is the common area over that of the *union*; here it is over the smaller area.",
        lambda s, c: parts(s, c)[0] / np.minimum(*parts(s, c)[1:]),
    ),
    (
        "over_the_larger",
        "The IoU is the common area over that of the *union*; here it is over the larger area.",
        lambda s, c: parts(s, c)[0] / np.maximum(*parts(s, c)[1:]),
    ),
    (
        "over_the_box_around",
        "The IoU is the common area over that of the *union*; here it is over the box around both.",
        lambda s, c: parts(s, c)[0] / np.maximum(s[:, None], c).prod(axis=-1),
    ),
    (
        "heights_only",
        "Both sides count; here the heights alone are compared.",
        lambda s, c: -np.abs(s[:, None, 0] - c[:, 0]),
    ),
    (
        "widths_only",
        "Both sides count; here the widths alone are compared.",
        lambda s, c: -np.abs(s[:, None, 1] - c[:, 1]),
    ),
    (
        "turned_centres",
        "Sizes and centres are (h, w) both; here a size's height is held against a centre's width.",
        lambda s, c: alike(s, c[:, ::-1]),
    ),
    (
        "shapes_only",
        "The size counts, too; here sizes are put together by the quotient of their sides alone.",
        lambda s, c: -np.abs(np.log(s[:, None, 0] / s[:, None, 1]) - np.log(c[:, 0] / c[:, 1])),
    ),
    (
        "sums_of_sides",
        "The area of a box is height times width; here it is their sum.",
        lambda s, c: (
            np.minimum(s[:, None], c).sum(axis=-1) / np.maximum(s[:, None], c).sum(axis=-1)
        ),
    ),
):
    bank.variant(name, hint, clustered, near=near)

# The new centres

for name, hint, new in (
    (
        "medians",
        "A centre is its cluster's mean; here it is the median.",
        lambda cluster, centre: np.median(cluster, axis=0),
    ),
    (
        "geometric_means",
        "A centre is its cluster's mean; here it is the geometric mean.",
        lambda cluster, centre: np.exp(np.log(cluster).mean(axis=0)),
    ),
    (
        "middle_of_the_range",
        "A centre is its cluster's mean; here it lies between its smallest and its largest sides.",
        lambda cluster, centre: (cluster.min(axis=0) + cluster.max(axis=0)) / 2,
    ),
    (
        "old_centre_counted_in",
        "A centre is the mean of its cluster's sizes; here the old centre is counted among them.",
        lambda cluster, centre: np.vstack([cluster, centre[None]]).mean(axis=0),
    ),
    (
        "one_of_the_sizes",
        "A centre is its cluster's mean; here the size that is most like it.",
        lambda cluster, centre: cluster[alike(cluster, cluster.mean(axis=0)[None])[:, 0].argmax()],
    ),
    (
        "largest_of_the_cluster",
        "A centre is its cluster's mean; here it is as high and wide as the largest.",
        lambda cluster, centre: cluster.max(axis=0),
    ),
    (
        "square_centres",
        "Height and width of a centre are the means of heights and of widths; here both are "
        "averaged together.",
        lambda cluster, centre: np.full(2, cluster.mean()),
    ),
    (
        "weighted_by_area",
        "A centre is the plain mean of its cluster; here large sizes count more.",
        lambda cluster, centre: np.average(cluster, axis=0, weights=cluster.prod(axis=1)),
    ),
    (
        "weighted_by_overlap",
        "A centre is the plain mean of its cluster; here sizes count by their IoU.",
        lambda cluster, centre: np.average(
            cluster, axis=0, weights=alike(cluster, centre[None])[:, 0]
        ),
    ),
    (
        "sums",
        "A centre is its cluster's mean; here it is the sum.",
        lambda cluster, centre: cluster.sum(axis=0),
    ),
):
    bank.variant(name, hint, clustered, new=new, steps=100 if name != "sums" else 8)

for name, hint, empty in (
    (
        "empty_not_a_number",
        "An empty cluster keeps its centre; here its mean is that of nothing, not a number.",
        lambda centre, sizes: np.full(2, math.nan),
    ),
    (
        "empty_to_zero",
        "An empty cluster keeps its centre; here the centre becomes 0.",
        lambda centre, sizes: np.zeros(2),
    ),
    (
        "empty_to_the_mean_of_all",
        "An empty cluster keeps its centre; here it gets the mean of all sizes.",
        lambda centre, sizes: sizes.mean(axis=0),
    ),
    (
        "empty_to_the_first_size",
        "An empty cluster keeps its centre; here it gets the first size.",
        lambda centre, sizes: sizes[0],
    ),
    (
        "empty_to_the_largest",
        "An empty cluster keeps its centre; here it gets the largest size.",
        lambda centre, sizes: sizes[sizes.prod(axis=1).argmax()],
    ),
):
    bank.variant(name, hint, clustered, empty=empty)


@bank.mistake("An empty cluster keeps its centre; here the centre is left out of the result.")
def empty_left_out(sizes, count, start):
    centres = start
    for _ in range(100):
        nearest = alike(sizes, centres).argmax(axis=1)
        clusters = [sizes[nearest == k] for k in range(len(centres))]
        centres = np.array([c.mean(axis=0) for c in clusters if len(c)])
    return centres


# How long

for name, hint, steps in (
    ("no_step", "This is `start`: the centres never move.", 0),
    ("one_step", "Go on until nothing changes: here the centres move once.", 1),
    ("two_steps", "Go on until nothing changes: here the centres move twice.", 2),
):
    bank.variant(name, hint, clustered, steps=steps)


@bank.mistake("Go on until nothing changes: here it ends as soon as one centre stays where it is.")
def until_one_stays(sizes, count, start):
    centres = start
    for _ in range(100):
        new = clustered(sizes, count, centres, steps=1)
        if (new == centres).all(axis=1).any():
            return new
        centres = new
    return centres


@bank.mistake("What is returned is one step behind: the means of the last clusters are missing.")
def one_step_behind(sizes, count, start):
    centres = before = start
    for _ in range(100):
        new = clustered(sizes, count, centres, steps=1)
        if (new == centres).all():
            return before
        before, centres = centres, new
    return centres


@bank.mistake(
    "All sizes are given to centres first, and then the centres move; here each size moves its "
    "centre at once."
)
def moved_by_each_size(sizes, count, start):
    centres, number = start.astype("float64"), np.zeros(count)
    for size in sizes:
        k = alike(size[None], centres)[0].argmax()
        number[k] += 1
        centres[k] = centres[k] + (size - centres[k]) / number[k]
    return centres


@bank.mistake(
    "All centres move at once; here each moves before the sizes of the next one are looked for."
)
def one_centre_after_another(sizes, count, start):
    centres = start.astype("float64")
    for _ in range(2):
        for k in range(count):
            mine = alike(sizes, centres).argmax(axis=1) == k
            if mine.any():
                centres[k] = sizes[mine].mean(axis=0)
    return centres


# The beginning and the end


@bank.mistake("The centres begin at `start`; here at the first `count` sizes.")
def from_the_first_sizes(sizes, count, start):
    return anchor_priors(sizes, count, sizes[:count])


@bank.mistake("The centres begin at `start`; here at sizes that are drawn at random.")
def from_drawn_sizes(sizes, count, start):
    places = np.random.default_rng(0).choice(len(sizes), count, replace=False)
    return anchor_priors(sizes, count, sizes[places])


@bank.mistake("The centres begin at `start`; here at sizes from the smallest to the largest.")
def from_quantiles(sizes, count, start):
    order = np.argsort(sizes.prod(axis=1))
    return anchor_priors(
        sizes, count, sizes[order[np.linspace(0, len(sizes) - 1, count).astype(int)]]
    )


for name, hint, change in (
    (
        "sorted_by_area",
        "The centres stand in the order of `start`; here they are sorted by their area.",
        lambda centres, sizes: centres[np.argsort(centres.prod(axis=1))],
    ),
    (
        "sorted_backwards",
        "The centres stand in the order of `start`; here the largest comes first.",
        lambda centres, sizes: centres[np.argsort(-centres.prod(axis=1))],
    ),
    (
        "sorted_by_height",
        "The centres stand in the order of `start`; here they are sorted by their height.",
        lambda centres, sizes: centres[np.argsort(centres[:, 0])],
    ),
    (
        "columns_sorted",
        "Height and width of a centre belong together; here each column is sorted by itself.",
        lambda centres, sizes: np.sort(centres, axis=0),
    ),
    (
        "width_first",
        "A centre is (h, w); here the width comes first.",
        lambda centres, sizes: centres[:, ::-1],
    ),
    (
        "numbers_of_clusters",
        "The centres are asked for; here it is said to which one each size belongs.",
        lambda centres, sizes: alike(sizes, centres).argmax(axis=1),
    ),
    (
        "mean_overlap",
        "The centres are asked for; here it is the mean IoU of all sizes with theirs.",
        lambda centres, sizes: alike(sizes, centres).max(axis=1).mean(),
    ),
    (
        "rounded",
        "The means are as they come out; here they are rounded to whole numbers.",
        lambda centres, sizes: np.round(centres),
    ),
    (
        "shares_of_the_largest",
        "The centres are in the unit of the sizes; here they are divided by the largest side.",
        lambda centres, sizes: centres / sizes.max(),
    ),
):
    bank.variant(name, hint, after, change=change)
