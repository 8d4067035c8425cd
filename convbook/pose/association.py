"""Whose joints are they? Candidates are joined into people by the cheapest partition.

The bottom-up way of DeepCut and DeeperCut: a net says where joints are and, from each joint, where
others of the same person would be. Every candidate has a cost of being taken, every pair a cost of
being one person's; the cheapest set of people is an integer programme, solved here exactly.

What is simpler than in the paper: a candidate has one kind, that of the map it is a peak of, and
two of a kind are never one person's; offsets go to joints at most two bones away, not to all.

Sources: Pishchulin et al. 2016, *DeepCut*, arXiv:1511.06645; Insafutdinov, Pishchulin, Andres,
Andriluka and Schiele 2016, *DeeperCut*, arXiv:1605.03170.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convbook.data.figure_drawing import KEY_POINTS, LIMBS
from convbook.pose.keypoints import cell_centres, refined

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
UNIT = 16.0  # pixels: what offsets are measured in while they are learnt
FEATURES = 3  # of a pair of candidates, see `pair_features`


def pairs_of(limbs: Sequence[tuple[int, int]] = LIMBS) -> list[tuple[int, int]]:
    """Return the pairs of joints that are one or two bones apart, the smaller number first."""
    near: dict[int, set[int]] = {}
    for a, b in limbs:
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    found = {(min(a, b), max(a, b)) for a, b in limbs}
    for others in near.values():
        found |= set(combinations(sorted(others), 2))
    return sorted(found)


PAIRS = pairs_of()


def offset_maps(
    keypoints: ArrayLike, height: int, width: int, stride: float = 4, radius: float = 1.5
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw from the cells near each joint the way to the joints it is paired with.

    Args:
        keypoints: of the people of one picture (n, K, 2); NaN where there is none.
        height: of the maps, in cells.
        width: of the maps, in cells.
        stride: pixels a cell.
        radius: cells from the joint in which the way is asked for.

    Returns:
        Offsets (height, width, 4 P) in units of 16 pixels, for each of the P pairs from the first
        joint to the second as (y, x), then back; and of the same shape 1 where there is one. Where
        joints of two people are near, the nearer one's is taken.
    """
    people = np.asarray(keypoints, float)
    grid = np.stack(
        np.meshgrid(cell_centres(height, stride), cell_centres(width, stride), indexing="ij"), -1
    )
    away = np.linalg.norm(grid[:, :, np.newaxis, np.newaxis] - people, axis=-1)  # (H, W, n, K)
    away = np.where(np.isnan(away), np.inf, away)
    owner = away.argmin(axis=2)
    near = away.min(axis=2) <= radius * stride
    offsets = np.zeros((height, width, 2 * len(PAIRS), 2), np.float32)
    given = np.zeros_like(offsets)
    for number, (a, b) in enumerate(PAIRS):
        for channel, start, end in ((2 * number, a, b), (2 * number + 1, b, a)):
            way = (people[owner[..., start], end] - grid) / UNIT
            there = near[..., start] & np.isfinite(way).all(-1)
            offsets[there, channel] = way[there]
            given[there, channel] = 1
    shape = (height, width, 4 * len(PAIRS))
    return offsets.reshape(shape), given.reshape(shape)


@dataclass(frozen=True)
class Candidates:
    """Places in one picture where a joint may be, D of them.

    Attributes:
        kinds: which joint (D,).
        points: where, in pixels (D, 2).
        scores: how probable (D,).
        ways: where the net looks for the other joint of each pair: (D, P, 2) in pixels, NaN for
            pairs without this kind.
    """

    kinds: Ints
    points: Array
    scores: Array
    ways: Array

    def __len__(self) -> int:
        """Count them."""
        return len(self.kinds)


def candidates(
    probabilities: ArrayLike, offsets: ArrayLike, stride: float = 4, least: float = 0.15
) -> Candidates:
    """Take the peaks of one picture's maps.

    Args:
        probabilities: (H, W, K).
        offsets: (H, W, 4 P), as `offset_maps` draws them.
        stride: pixels a cell.
        least: a peak's least value. A peak is no lower than its eight neighbours.
    """
    maps, ways = np.asarray(probabilities, float), np.asarray(offsets, float)
    height, width, _ = maps.shape
    around = np.pad(maps, ((1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
    windows = [around[i : i + height, j : j + width] for i in range(3) for j in range(3)]
    rows, columns, kinds = np.nonzero((maps >= np.max(windows, axis=0)) & (maps >= least))
    peaks = np.stack([rows, columns], axis=-1)
    shift = np.zeros((len(kinds), 2))
    for number, (row, column, kind) in enumerate(zip(rows, columns, kinds, strict=True)):
        place = np.array([[row]]), np.array([[column]])
        shift[number] = refined(maps[np.newaxis, :, :, kind : kind + 1], *place, "parabola")[0, 0]
    centres = (peaks + 0.5) * stride - 0.5
    told = ways[rows, columns].reshape(len(kinds), len(PAIRS), 2, 2) * UNIT
    seen = np.full((len(kinds), len(PAIRS), 2), np.nan)
    for number, pair in enumerate(PAIRS):
        for end in (0, 1):
            own = kinds == pair[end]
            seen[own, number] = centres[own] + told[own, number, end]
    return Candidates(kinds, centres + shift * stride, maps[rows, columns, kinds], seen)


def pair_features(found: Candidates) -> tuple[Ints, Ints, Ints, Array]:
    """Return what speaks for or against two candidates being one person's.

    Returns:
        For each two candidates whose kinds are a pair: their numbers (M,) twice, the pair's number
        (M,), and three features (M, 3), all 0 if both point at each other exactly: how far from the
        second the first one's way ends, and the reverse, their mean and the larger one, in units of
        16 pixels; and the mean angle between way and truth, in radians.

    Source: Insafutdinov 2016, section 3.1 (distances and angles, forwards and backwards).
    """
    firsts, seconds, numbers, rows = [], [], [], []
    for number, (a, b) in enumerate(PAIRS):
        for i in map(int, np.flatnonzero(found.kinds == a)):
            for j in map(int, np.flatnonzero(found.kinds == b)):
                there = _disagreement(found, number, i, j), _disagreement(found, number, j, i)
                (near, turn), (far, back) = there
                rows.append(((near + far) / 2, max(near, far), (turn + back) / 2))
                firsts.append(i)
                seconds.append(j)
                numbers.append(number)
    one, other, pair = (np.array(each, np.int64) for each in (firsts, seconds, numbers))
    return one, other, pair, np.array(rows, float).reshape(-1, FEATURES)


def _disagreement(found: Candidates, pair: int, start: int, end: int) -> tuple[float, float]:
    """Distance and angle between where `start` looks for its partner and where `end` is."""
    said = found.ways[start, pair] - found.points[start]
    true = found.points[end] - found.points[start]
    lengths = float(np.linalg.norm(said) * np.linalg.norm(true))
    cosine = float(said @ true) / lengths if lengths > 1e-9 else 1.0
    return float(np.linalg.norm(said - true)) / UNIT, float(np.arccos(np.clip(cosine, -1, 1)))


def owners(found: Candidates, keypoints: ArrayLike, scales: ArrayLike, share: float = 0.3) -> Ints:
    """Return whose joint each candidate is: the nearest within ``share`` of its length, or -1."""
    people, lengths = np.asarray(keypoints, float), np.asarray(scales, float)
    true = people[:, found.kinds]  # (n, D, 2)
    away = np.linalg.norm(found.points - true, axis=-1) / lengths[:, np.newaxis]
    away = np.where(np.isnan(away), np.inf, away)
    return np.where(away.min(axis=0) <= share, away.argmin(axis=0), -1)


def fit_pairs(
    found: Sequence[Candidates], scenes: Sequence[Mapping[str, NDArray[np.float64]]]
) -> Array:
    """Fit a logistic regression to each pair: is this one person? Returns weights (P, 4).

    Args:
        found: the candidates of each scene.
        scenes: with ``keypoints`` and ``scales``.

    Returns:
        A constant and three weights a pair; those of all pairs together where a pair was seen too
        seldom for its own.

    Raises:
        ValueError: if there are no examples of both kinds.
    """
    from sklearn.linear_model import LogisticRegression

    rows, labels, numbers = [], [], []
    for each, scene in zip(found, scenes, strict=True):
        whose = owners(each, scene["keypoints"], scene["scales"])
        i, j, number, features = pair_features(each)
        known = (whose[i] >= 0) | (whose[j] >= 0)
        rows.append(features[known])
        labels.append(((whose[i] == whose[j]) & (whose[i] >= 0))[known])
        numbers.append(number[known])
    x, y, pair = np.concatenate(rows), np.concatenate(labels), np.concatenate(numbers)
    if y.all() or not y.any():
        raise ValueError("These scenes show no two people's joints apart: give more of them.")

    def fitted(chosen: NDArray[np.bool_]) -> Array:
        model = LogisticRegression().fit(x[chosen], y[chosen])
        return np.concatenate([model.intercept_, model.coef_[0]])

    common = fitted(np.ones(len(y), bool))
    result = np.tile(common, (len(PAIRS), 1))
    for kind in range(len(PAIRS)):
        own = pair == kind
        if min((y & own).sum(), (~y & own).sum()) >= 20:
            result[kind] = fitted(own)
    return result


def costs(found: Candidates, weights: ArrayLike) -> tuple[Array, Array]:
    """Return what it costs to take each candidate, and to say that two are one person's.

    Args:
        found: of one picture, D of them.
        weights: as `fit_pairs` gives them.

    Returns:
        (D,) and (D, D), symmetric: log((1 - p) / p) of the probability p of each, 0 for two whose
        kinds are no pair, infinite for two of one kind.
    """
    taken = _against(found.scores)
    joined = np.zeros((len(found), len(found)))
    i, j, number, features = pair_features(found)
    given = np.asarray(weights, float)[number]
    joined[i, j] = joined[j, i] = -np.clip(given[:, 0] + (given[:, 1:] * features).sum(1), -8, 8)
    same = found.kinds[:, np.newaxis] == found.kinds
    joined[same & ~np.eye(len(found), dtype=bool)] = np.inf
    return taken, joined


def _against(probability: Array) -> Array:
    p = np.clip(probability, 1e-3, 1 - 1e-3)
    return np.log((1 - p) / p)


def partition_cost(taken: ArrayLike, joined: ArrayLike, groups: ArrayLike) -> float:
    """Return the cost of a partition: groups (D,), -1 for candidates that are not taken."""
    single, pair, label = np.asarray(taken, float), np.asarray(joined, float), np.asarray(groups)
    together = (label[:, np.newaxis] == label) & (label >= 0)
    upper = np.triu(together, 1)
    return float(single[label >= 0].sum() + pair[upper].sum())


def cheapest_partition(taken: ArrayLike, joined: ArrayLike, most: float = 20.0) -> Ints:
    """Return the partition of least cost, exactly: an integer programme.

    A variable says of each candidate whether it is taken, one of each two whether they are one
    person's. Two can be joined only if both are taken; and if a and b are joined, and b and c, then
    a and c are. There are very many of these last conditions: those that a solution breaks are
    added, and it is solved again, until none is broken. So the result is the optimum of all.

    Args:
        taken: cost of taking each candidate (D,).
        joined: cost of joining each two (D, D), symmetric; infinite where that is forbidden.
        most: seconds that the solver may take for one programme.

    Returns:
        A group's number for each candidate (D,), from 0; -1 where it is not taken.

    Raises:
        ValueError: for costs that do not fit or are not numbers, or where the time is not enough.

    Source: Insafutdinov 2016, equations 1 to 3; the conditions of Grötschel and Wakabayashi 1989.
    """
    single, pair = _checked(taken, joined)
    count = len(single)
    if not count:
        return np.zeros(0, np.int64)
    rows, columns = np.triu_indices(count, 1)
    number = np.zeros((count, count), np.int64)
    number[rows, columns] = number[columns, rows] = count + np.arange(len(rows))
    price = np.concatenate([single, pair[rows, columns]])
    programme = _Programme(price)
    for a, b in zip(rows.tolist(), columns.tolist(), strict=True):
        if np.isfinite(pair[a, b]):
            programme.add({number[a, b]: 1, a: -1}, 0)
            programme.add({number[a, b]: 1, b: -1}, 0)
    while True:
        chosen = programme.solve(most)
        broken = _broken(chosen[number] & ~np.eye(count, dtype=bool))
        if not broken:
            return _groups(chosen[:count], chosen[number])
        for a, b, c in broken:  # b is joined to both, they are not joined
            programme.add({number[a, b]: 1, number[b, c]: 1, number[a, c]: -1}, 1)


def _checked(taken: ArrayLike, joined: ArrayLike) -> tuple[Array, Array]:
    single, pair = np.asarray(taken, float), np.asarray(joined, float)
    if single.ndim != 1 or pair.shape != (len(single), len(single)):
        raise ValueError(f"Costs {single.shape} and {pair.shape} do not fit: give (D,) and (D, D).")
    if not np.isfinite(single).all() or np.isnan(pair).any() or (pair == -np.inf).any():
        raise ValueError("Some costs are not finite: only a forbidden pair may cost infinity.")
    if not (pair == pair.T).all():
        raise ValueError("The costs of pairs are not symmetric: joining a to b is joining b to a.")
    return single, pair


class _Programme:
    """Zeros and ones of least price under conditions that may grow in number."""

    def __init__(self, price: Array) -> None:
        self.allowed = np.isfinite(price)
        self.price = np.where(self.allowed, price, 0.0)
        self.entries: list[tuple[int, int, float]] = []  # row, variable, factor
        self.limits: list[float] = []

    def add(self, factors: Mapping[int, float], limit: float) -> None:
        """Add: the sum of factors times variables is at most the limit."""
        self.entries += [(len(self.limits), place, factor) for place, factor in factors.items()]
        self.limits.append(limit)

    def solve(self, most: float) -> NDArray[np.bool_]:
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import coo_array

        bounds = Bounds(0, self.allowed.astype(float))
        conditions = []
        if self.limits:
            row, place, factor = (np.array(each) for each in zip(*self.entries, strict=True))
            matrix = coo_array((factor, (row, place)), shape=(len(self.limits), len(self.price)))
            conditions = [LinearConstraint(matrix.tocsr(), -np.inf, np.array(self.limits))]
        found = milp(
            self.price,
            integrality=np.ones_like(self.price),
            bounds=bounds,
            constraints=conditions,
            options={"time_limit": most, "mip_rel_gap": 0.0},
        )
        if found.status != 0:
            raise ValueError(
                f"No cheapest partition of {len(self.price)} variables was found in {most:g} s: "
                "raise the least score of a candidate, or give more time."
            )
        return found.x > 0.5


def _broken(joined: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """Which a, b, c have b joined to a and c, but a and c apart."""
    result = []
    for b, row in enumerate(joined):
        for a, c in combinations(np.flatnonzero(row), 2):
            if not joined[a, c]:
                result.append((int(a), b, int(c)))
    return result


def _groups(taken: NDArray[np.bool_], joined: NDArray[np.bool_]) -> Ints:
    """Number the groups, and the candidates that stand alone, in the order of their first one."""
    groups = np.full(len(taken), -1)
    for number, place in enumerate(np.flatnonzero(taken)):
        if groups[place] < 0:
            groups[place] = number
            groups[np.flatnonzero(joined[place] & (np.arange(len(taken)) != place))] = number
    found = np.unique(groups[groups >= 0])
    return np.where(groups < 0, -1, np.searchsorted(found, groups)).astype(np.int64)


def greedy_partition(taken: ArrayLike, joined: ArrayLike) -> Ints:
    """Join two at a time, the cheapest pair first, as long as nothing forbidden comes together.

    Quick, and not the cheapest: it looks at one pair at a time. Arguments and result as in
    `cheapest_partition`; candidates that cost more than nothing are left out unless joined.
    """
    single, pair = _checked(taken, joined)
    groups = np.arange(len(single))
    rows, columns = np.triu_indices(len(single), 1)
    for place in np.argsort(pair[rows, columns], kind="stable"):
        a, b = rows[place], columns[place]
        if pair[a, b] >= 0:
            break
        one, other = groups == groups[a], groups == groups[b]
        if groups[a] != groups[b] and np.isfinite(pair[np.ix_(one, other)]).all():
            groups[other] = groups[a]
    alone = np.array([(groups == group).sum() == 1 for group in groups], bool)
    return _groups(~(alone & (single >= 0)), groups[:, np.newaxis] == groups)


def people_of(found: Candidates, groups: ArrayLike, least: int = 4) -> Array:
    """Return the people (n, K, 2) that a partition makes, NaN where a joint was not found.

    Args:
        found: D candidates.
        groups: (D,), no two of one kind in a group.
        least: joints that a person has at least; smaller groups are left out.
    """
    label = np.asarray(groups)
    people = []
    for group in np.unique(label[label >= 0]):
        own = label == group
        if own.sum() >= least:
            person = np.full((len(KEY_POINTS), 2), np.nan)
            person[found.kinds[own]] = found.points[own]
            people.append(person)
    return np.array(people).reshape(-1, len(KEY_POINTS), 2)


def in_order(
    found: ArrayLike, truth: ArrayLike, scales: ArrayLike, counted: ArrayLike, share: float = 0.2
) -> Array:
    """Put found people in the order of the true ones, so that most joints are right.

    Args:
        found: (m, K, 2), in any order.
        truth: (n, K, 2).
        scales: a length of each (n,).
        counted: which of the true joints count (n, K).
        share: of the length, within which a joint is right.

    Returns:
        (n, K, 2), all NaN for a person whom nobody was found for; to be judged by
        `convbook.pose.keypoints.pck`.
    """
    from convbook.detection.assignment import assign

    people, true = np.asarray(found, float), np.asarray(truth, float)
    lengths, which = np.asarray(scales, float), np.asarray(counted, bool)
    away = np.linalg.norm(people[:, np.newaxis] - true, axis=-1)  # (m, n, K)
    right = ((away <= share * lengths[:, np.newaxis]) & which).sum(-1)
    result = np.full(true.shape, np.nan)
    for person, place in enumerate(assign(-right)):
        if place >= 0:
            result[place] = people[person]
    return result


def nearest_of_kind(found: Candidates, truth: ArrayLike) -> Array:
    """Give every true joint the nearest candidate of its kind, whoever else has it.

    Args:
        found: of one picture.
        truth: (n, K, 2); NaN for joints outside the picture.

    Returns:
        (n, K, 2), NaN where there is none: no way to sort the candidates into people can find more
        of the true joints.
    """
    true = np.asarray(truth, float)
    result = np.full(true.shape, np.nan)
    for person, kind in np.ndindex(true.shape[:2]):
        own = found.points[found.kinds == kind]
        if len(own) and np.isfinite(true[person, kind]).all():
            away = np.linalg.norm(own - true[person, kind], axis=1)
            result[person, kind] = own[away.argmin()]
    return result
