"""Answers to `match`, right and wrong."""

import itertools
import math
from functools import cache

import numpy as np
import scipy.sparse
from keras import ops
from scipy.optimize import linear_sum_assignment, linprog
from scipy.spatial.distance import cdist

from autograder.setting.bank import Bank

from ..tasks import match

bank = Bank(match)


def of(shares, boxes, classes, true):
    """What each pair costs: (N, M)."""
    return 5 * np.abs(boxes[:, None] - true).sum(axis=-1) - shares[:, classes]


# Right answers


@bank.accepted
def truths_first(shares, boxes, classes, true):
    """The costs are transposed, and so is what comes out; other pairs come first."""
    costs = 5 * cdist(true, boxes, "cityblock") - shares.T[classes]
    columns, rows = linear_sum_assignment(costs)
    return rows, columns


@bank.accepted
def all_are_tried(shares, boxes, classes, true):
    def cost(rows):
        return sum(
            5 * float(np.abs(boxes[row] - box).sum()) - float(shares[row, label])
            for row, label, box in zip(rows, classes, true, strict=True)
        )

    rows = min(itertools.permutations(range(len(boxes)), len(true)), key=cost)
    return list(rows), list(range(len(true)))


@bank.accepted
def all_are_tried_at_once(shares, boxes, classes, true):
    costs, columns = of(shares, boxes, classes, true), np.arange(len(true))
    orders = np.array(list(itertools.permutations(range(len(boxes)), len(true))), "int64")
    best = orders[costs[orders, columns].sum(axis=1).argmin()]
    return best[::-1], columns[::-1]


@bank.accepted
def from_truth_to_truth(shares, boxes, classes, true):
    """The cheapest way to serve the truths from one on, by the predictions that are taken."""
    costs = of(shares, boxes, classes, true)

    @cache
    def best(column, taken):
        if column == len(true):
            return 0.0, ()
        free = [row for row in range(len(boxes)) if row not in taken]
        ways = []
        for row in free:
            rest, rows = best(column + 1, taken | {row})
            ways.append((costs[row, column] + rest, (row, *rows)))
        return min(ways)

    rows = best(0, frozenset())[1]
    return np.array(rows, "int32"), np.arange(len(true))


@bank.accepted
def filled_up_to_a_square(shares, boxes, classes, true):
    """Truths that cost nothing take the predictions that are left over."""
    square = np.zeros((len(boxes), len(boxes)))
    square[:, : len(true)] = 1 - shares[:, classes]
    for row, column in np.ndindex(len(boxes), len(true)):
        square[row, column] += 5 * np.linalg.norm(boxes[row] - true[column], 1)
    rows, columns = linear_sum_assignment(square)
    return rows[columns < len(true)], columns[columns < len(true)]


@bank.accepted
def the_largest_gain(shares, boxes, classes, true):
    gains = shares[:, classes] - 5 * np.abs(boxes[:, None, :] - true[None]).sum(-1)
    return linear_sum_assignment(gains, maximize=True)


@bank.accepted
def by_augmenting(shares, boxes, classes, true):
    """The Hungarian method by hand: truth after truth along the cheapest path, with prices."""
    costs = of(shares, boxes, classes, true).T.astype("float64")
    count, others = costs.shape
    price, discount = np.zeros(count + 1), np.zeros(others + 1)
    owner = np.full(others + 1, count)
    for truth in range(count):
        owner[others], at = truth, others
        least, before = np.full(others, np.inf), np.full(others, others)
        seen = np.zeros(others + 1, bool)
        while owner[at] != count:
            seen[at] = True
            mine = owner[at]
            reduced = costs[mine] - price[mine] - discount[:others]
            better = ~seen[:others] & (reduced < least)
            least[better], before[better] = reduced[better], at
            after = int(np.where(seen[:others], np.inf, least).argmin())
            step = least[after]
            price[owner[seen]] += step
            discount[seen] -= step
            least[~seen[:others]] -= step
            at = after
        while at != others:
            owner[at] = owner[before[at]]
            at = before[at]
    rows = np.flatnonzero(owner[:others] < count)
    return rows, owner[rows]


@bank.accepted
def with_a_linear_programme(shares, boxes, classes, true):
    """Every truth is served once, every prediction at most once; the corners are whole."""
    count, truths = len(boxes), len(true)
    if not truths:
        return [], []
    served = np.kron(np.ones(count), np.eye(truths))
    used = np.kron(np.eye(count), np.ones(truths))
    found = linprog(
        of(shares, boxes, classes, true).ravel(), used, np.ones(count), served, np.ones(truths)
    )
    return np.nonzero(found.x.reshape(count, truths) > 0.5)


@bank.accepted
def by_exchanging_with_a_graph(shares, boxes, classes, true):
    """Edges of weight 0 would be none, so all are made dearer by one number."""
    costs = of(shares, boxes, classes, true)
    if not len(true):
        return np.zeros(0, int), np.zeros(0, int)
    graph = scipy.sparse.csr_matrix(costs - costs.min() + 1)
    return scipy.sparse.csgraph.min_weight_full_bipartite_matching(graph)


@bank.accepted
def with_ops(class_probability, boxes, true_classes, true_boxes):
    found = ops.convert_to_tensor(boxes, "float32")[:, None]
    apart = ops.sum(ops.abs(found - ops.convert_to_tensor(true_boxes, "float32")[None]), axis=-1)
    labels = ops.convert_to_tensor(true_classes, "int32")
    shares = ops.take(ops.convert_to_tensor(class_probability, "float32"), labels, axis=1)
    return linear_sum_assignment(ops.convert_to_numpy(5.0 * apart - shares))


@bank.accepted
def by_cutting_branches(shares, boxes, classes, true):
    """Truth by truth; what cannot become cheaper than the best one so far is left."""
    costs = of(shares, boxes, classes, true)
    bound = np.append(np.cumsum(costs.min(axis=0)[::-1])[::-1], 0.0)
    best = [math.inf, []]

    def go_on(rows, spent):
        column = len(rows)
        if spent + bound[column] >= best[0]:
            return
        if column == len(true):
            best[:] = spent, rows
            return
        for row in np.argsort(costs[:, column]):
            if row not in rows:
                go_on([*rows, int(row)], spent + costs[row, column])

    go_on([], 0.0)
    return tuple(best[1]), tuple(range(len(true)))


# Wrong answers: what they are made of


def paired(shares, boxes, classes, true, cost=of, choose=linear_sum_assignment, after=None):
    """The model answer with other costs, another choice or other results."""
    rows, columns = choose(cost(shares, boxes, classes, true))
    return after(rows, columns, len(boxes), len(true)) if after else (rows, columns)


def weighed(class_weight, box_weight, distance=lambda gaps: np.abs(gaps).sum(axis=-1)):
    """Costs of other weights or another distance."""

    def cost(shares, boxes, classes, true):
        return box_weight * distance(boxes[:, None] - true) - class_weight * shares[:, classes]

    return cost


def instead(probability):
    """Costs of something else in place of the probability of the true class."""

    def cost(shares, boxes, classes, true):
        return 5 * np.abs(boxes[:, None] - true).sum(axis=-1) - probability(shares, classes)

    return cost


def areas(boxes):
    return np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0), axis=-1)


def overlap(boxes, true):
    """The IoU of each pair."""
    starts = np.maximum(boxes[:, None, :2], true[:, :2])
    common = areas(np.concatenate([starts, np.minimum(boxes[:, None, 2:], true[:, 2:])], axis=-1))
    return common / (areas(boxes)[:, None] + areas(true) - common)


def centred(boxes):
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


# The costs

for name, words, cost in (
    ("classes_alone", "the distance of the boxes is left out", weighed(1, 0)),
    ("boxes_alone", "the probability is left out", weighed(0, 5)),
    ("weight_1", "the distance counts no more than the probability does", weighed(1, 1)),
    ("mean_of_differences", "the mean of the four differences is taken in place of their sum",
     weighed(1, 1.25)),
    ("weight_2", "the distance is multiplied by 2, not by 5", weighed(1, 2)),
    ("weights_exchanged", "it is the probability that is multiplied by 5", weighed(5, 1)),
    ("probability_added", "the probability is added, so that sure predictions are dear",
     weighed(-1, 5)),
    ("distance_taken_away", "the distance is taken away, so that far boxes are cheap",
     weighed(1, -5)),
    ("straight_distance", "the distance is the root of the sum of squares",
     weighed(1, 5, lambda gaps: np.sqrt((gaps**2).sum(axis=-1)))),
    ("squares", "the differences are squared", weighed(1, 5, lambda gaps: (gaps**2).sum(axis=-1))),
    ("mean_of_squares", "the differences are squared, and their mean is taken",
     weighed(1, 5, lambda gaps: (gaps**2).mean(axis=-1))),
    ("largest_difference", "the largest of the four differences is taken in place of their sum",
     weighed(1, 5, lambda gaps: np.abs(gaps).max(axis=-1))),
    ("one_corner", "only y1 and x1 of the boxes are compared",
     weighed(1, 5, lambda gaps: np.abs(gaps[..., :2]).sum(axis=-1))),
    ("other_corner", "only y2 and x2 of the boxes are compared",
     weighed(1, 5, lambda gaps: np.abs(gaps[..., 2:]).sum(axis=-1))),
    ("differences_in_y", "only y1 and y2 of the boxes are compared",
     weighed(1, 5, lambda gaps: np.abs(gaps[..., ::2]).sum(axis=-1))),
    ("sum_before_its_size", "the differences are added with their signs, and then made positive",
     weighed(1, 5, lambda gaps: np.abs(gaps.sum(axis=-1)))),
    ("centres_and_sizes", "boxes are compared by their centres, heights and widths",
     lambda p, b, c, t: of(p, centred(b), c, centred(t))),
    ("centres_alone", "only the centres of the boxes are compared",
     lambda p, b, c, t: of(p, centred(b)[:, :2], c, centred(t)[:, :2])),
    ("overlaps", "the overlap of the boxes (IoU) is taken in place of their distance",
     lambda p, b, c, t: -5 * overlap(b, t) - p[:, c]),
    ("with_an_overlap", "the overlap of the boxes (IoU), twice, is taken away as well",
     lambda p, b, c, t: of(p, b, c, t) - 2 * overlap(b, t)),
    ("logarithm", "the negative logarithm of the probability is taken",
     instead(lambda p, c: np.log(np.maximum(p[:, c], 1e-9)))),
    ("surest_class", "the largest probability of a prediction is taken, whatever the true class",
     instead(lambda p, c: np.tile(p.max(axis=1)[:, None], (1, len(c))))),
    ("hit_or_miss", "1 is taken where the likeliest class is the true one, and 0 where not",
     instead(lambda p, c: (p.argmax(axis=1)[:, None] == c) * 1.0)),
    ("next_class", "the probability is that of the class after the true one: classes count from 0",
     instead(lambda p, c: p[:, (c + 1) % p.shape[1]])),
    ("softmax_again", "a softmax is taken of what are probabilities already",
     instead(lambda p, c: (np.exp(p) / np.exp(p).sum(axis=1, keepdims=True))[:, c])),
    ("last_class", "the probability of the last class is taken, not that of the true one",
     instead(lambda p, c: np.tile(p[:, -1:], (1, len(c))))),
    ("first_class", "the probability of class 0 is taken for every truth",
     instead(lambda p, c: np.tile(p[:, :1], (1, len(c))))),
):  # fmt: skip
    bank.variant(
        name,
        "A pair costs 5 times the sum of the four absolute differences of its boxes, less the "
        f"probability of the true class; here {words}.",
        paired,
        cost=cost,
    )


# The choice


def truth_by_truth(costs):
    left = np.array(costs)
    rows = []
    for column in range(left.shape[1]):
        rows.append(int(left[:, column].argmin()))
        left[rows[-1]] = np.inf
    return rows, list(range(left.shape[1]))


def prediction_by_prediction(costs):
    columns, rows = truth_by_truth(costs.T[:, : costs.shape[1]])
    return rows, columns


def cheapest_pair_first(costs):
    left, pairs = np.array(costs), []
    for _ in range(left.shape[1]):
        row, column = np.unravel_index(left.argmin(), left.shape)
        pairs.append((int(row), int(column)))
        left[row], left[:, column] = np.inf, np.inf
    return tuple(zip(*pairs, strict=True)) if pairs else ([], [])


def least_of_the_dearest(costs):
    """The dearest pair is to be cheap; of several such assignments the cheapest is taken."""
    for limit in np.sort(costs, axis=None):
        cut = np.where(costs <= limit, costs, 1e6)
        rows, columns = linear_sum_assignment(cut)
        if cut[rows, columns].max() < 1e6:
            return rows, columns
    return [], []


def each_others_best(costs):
    if not costs.shape[1]:
        return [], []
    rows, columns = costs.argmin(axis=0), costs.argmin(axis=1)
    pairs = [(row, column) for column, row in enumerate(rows) if columns[row] == column]
    return tuple(zip(*pairs, strict=True))


def exchanged_once(costs):
    """Pairs of truths exchange their predictions where that is cheaper, after a greedy start."""
    rows = truth_by_truth(costs)[0]
    for one, other in itertools.combinations(range(len(rows)), 2):
        now = costs[rows[one], one] + costs[rows[other], other]
        if costs[rows[other], one] + costs[rows[one], other] < now:
            rows[one], rows[other] = rows[other], rows[one]
    return rows, list(range(len(rows)))


for name, hint, choose in (
    ("truth_by_truth_greedy", "Here one truth after the other takes the cheapest prediction that "
     "is left; the sum over all pairs is to be least, for which a truth may have to take another.",
     truth_by_truth),
    ("prediction_by_prediction_greedy", "Here one prediction after the other takes the cheapest "
     "truth that is left, and those at the end get none; all predictions compete for the truths.",
     prediction_by_prediction),
    ("cheapest_first", "Here the cheapest pair of all is taken first, then the next that is still "
     "free; the sum over all pairs is to be least, for which the cheapest may have to be left.",
     cheapest_pair_first),
    ("greedy_with_exchanges", "Here pairs are chosen greedily and exchanged two by two; that may "
     "end before the sum over all pairs is the least.", exchanged_once),
    ("nearest_for_each", "Here each truth gets its cheapest prediction, whether another has it or "
     "not; a prediction has one truth at most.",
     lambda costs: (costs.argmin(axis=0), np.arange(costs.shape[1]))),
    ("nearest_truth_for_each", "Here each prediction gets its cheapest truth, so that a truth may "
     "have several or none; each truth has exactly one prediction.",
     lambda costs: (np.arange(len(costs)), costs.argmin(axis=1) if costs.size else [])),
    ("best_of_each_other", "Here only those are paired of which each is the other's cheapest; "
     "every truth gets a prediction.", each_others_best),
    ("dearest_pair", "Here the dearest pair is as cheap as can be; it is the sum over all pairs "
     "that is to be least.", least_of_the_dearest),
    ("dearest_assignment", "Here the pairs cost as much as possible; they are to cost as little.",
     lambda costs: linear_sum_assignment(costs, maximize=True)),
    ("first_predictions", "Here only as many predictions are looked at as there are truths, the "
     "first ones; all of them compete.",
     lambda costs: linear_sum_assignment(costs[: costs.shape[1]])),
    ("last_predictions", "Here only as many predictions are looked at as there are truths, the "
     "last ones; all of them compete.",
     lambda costs: (linear_sum_assignment(costs[len(costs) - costs.shape[1] :])[0]
                    + len(costs) - costs.shape[1],
                    linear_sum_assignment(costs[len(costs) - costs.shape[1] :])[1])),
    ("in_the_order_given", "Here the first prediction gets the first truth, and so on; the order "
     "says nothing of what belongs together.",
     lambda costs: (np.arange(costs.shape[1]), np.arange(costs.shape[1]))),
):  # fmt: skip
    bank.variant(name, hint, paired, choose=choose)


@bank.mistake(
    "Here the predictions that are surest of a class are chosen first, and only these are matched; "
    "all predictions compete."
)
def surest_predictions(shares, boxes, classes, true):
    surest = np.sort(np.argsort(-shares.max(axis=1))[: len(true)])
    rows, columns = linear_sum_assignment(of(shares[surest], boxes[surest], classes, true))
    return surest[rows], columns


@bank.mistake(
    "Here a prediction whose likeliest class is not the true one is no match whatever its box; its "
    "cost is the same sum as any other."
)
def same_class_first(shares, boxes, classes, true):
    other = shares.argmax(axis=1)[:, None] != classes
    return linear_sum_assignment(of(shares, boxes, classes, true) + 100 * other)


# The result

bank.variant(
    "columns_first",
    "The predictions (rows) come first and the truths (columns) second; here they are exchanged.",
    paired,
    after=lambda rows, columns, n, m: (columns, rows),
)
bank.variant(
    "columns_in_order",
    "Row and column at one place are a pair; here each of the two is put in order by itself.",
    paired,
    after=lambda rows, columns, n, m: (rows, np.arange(m)),
)
bank.variant(
    "rows_in_order",
    "The rows are the places of the predictions that are chosen; here they are 0, 1, 2 and so on.",
    paired,
    after=lambda rows, columns, n, m: (np.arange(m), columns),
)
bank.variant(
    "rows_that_are_left",
    "The rows are the predictions that are matched; here those that are left over come behind "
    "them, with -1 as their truth.",
    paired,
    after=lambda rows, columns, n, m: (
        [*rows, *np.setdiff1d(np.arange(n), rows)],
        [*columns, *[-1] * (n - m)],
    ),
)
bank.variant(
    "counted_from_1",
    "Predictions and truths are counted from 0; here they are counted from 1.",
    paired,
    after=lambda rows, columns, n, m: (np.array(rows) + 1, np.array(columns) + 1),
)
bank.variant(
    "a_column_for_each_row",
    "Only predictions that are matched are in the result; here all are, and those that are left "
    "over have the column M.",
    paired,
    after=lambda rows, columns, n, m: (
        np.arange(n),
        [dict(zip(rows, columns, strict=True)).get(row, m) for row in range(n)],
    ),
)
bank.variant(
    "truths_and_costs",
    "The second result is the truths of the pairs; here it is 0 for all.",
    paired,
    after=lambda rows, columns, n, m: (rows, np.zeros(m, int)),
)


@bank.mistake("The second result is the truths of the pairs; here it is what the pairs cost.")
def costs_returned(shares, boxes, classes, true):
    costs = of(shares, boxes, classes, true)
    rows, columns = linear_sum_assignment(costs)
    return rows, costs[rows, columns]


@bank.mistake("The second result is the places of the truths; here it is their classes.")
def classes_returned(shares, boxes, classes, true):
    rows, columns = linear_sum_assignment(of(shares, boxes, classes, true))
    return rows, classes[columns]


@bank.mistake("Every truth has its prediction; here pairs that cost more than 0 are left out.")
def dear_pairs_left_out(shares, boxes, classes, true):
    costs = of(shares, boxes, classes, true)
    rows, columns = linear_sum_assignment(costs)
    cheap = costs[rows, columns] < 0
    return rows[cheap], columns[cheap]


@bank.mistake(
    "Every truth has its prediction; here pairs are left out whose likeliest class is not the true "
    "one."
)
def other_classes_left_out(shares, boxes, classes, true):
    rows, columns = linear_sum_assignment(of(shares, boxes, classes, true))
    same = shares.argmax(axis=1)[rows] == classes[columns]
    return rows[same], columns[same]
