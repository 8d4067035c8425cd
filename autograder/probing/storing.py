"""How a net stores the weights of its architecture: as Keras does, in parts, or otherwise ordered.

Six convolutions of one filter, concatenated, are a convolution of six; nine dense layers, each on
a shifted map and added up, are a 3x3 convolution; a kernel may be stored as (filters, channels,
height, width), and one convolution of five filters may serve for two of two and three. Values
belong to the weights of the architecture, so it is found out here which part of which weight each
variable holds. Shapes may leave several ways open (three kernels of rows, or of columns?): all are
tried. Where none is right, a right net gives another output; but a wrong net does not give the
right one, whatever numbers its variables are given.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from autograder.data.observation import Stored

Shape = tuple[int, ...]
Places = tuple[slice, ...]

# Orders of a kernel's axes (height, width, channels, filters), the usual ones first.
ORDERS: dict[int, list[tuple[int, ...]]] = {
    1: [(0,)],
    2: [(0, 1), (1, 0)],
    4: [(0, 1, 2, 3), (3, 0, 1, 2), (3, 2, 0, 1), (0, 1, 3, 2), (2, 3, 0, 1), (2, 0, 1, 3)],
}
FIRST_CUTS = (-1, 0, 1)  # axes: in filters, in rows, in columns
MOST_WAYS = 6  # to store the weights that are tried
MOST_IN_ANY_ORDER = 3  # weights that one variable holds: of more, only their own order is tried
MOST_APART = 4  # variables from one part of a weight to the next, as gamma and beta in turn are

# The order of a region's axes in which a shape can hold it, or None: (shape, region).
Fit = Callable[[Shape, Shape], tuple[int, ...] | None]

# Variables and weights that hold the same numbers: several of the one, or of the other.
Group = tuple[list[int], list[int]]


@dataclass(frozen=True)
class Piece:
    """A part of an array: the array in a shape, cut, and then with its axes in another order."""

    whole: Shape
    places: Places = ()
    axes: tuple[int, ...] | None = None

    def view(self, array: np.ndarray) -> np.ndarray:
        """The part of an array; a view, so that it can be written."""
        part = array.reshape(self.whole)[self.places]
        return part if self.axes is None else part.transpose(self.axes)

    @property
    def is_all(self) -> bool:
        """Whether it is the whole array, ordered as it was."""
        ordered = self.axes is None or self.axes == tuple(range(len(self.whole)))
        return ordered and self.shape == self.whole

    @property
    def shape(self) -> Shape:
        """The shape of the part, before its axes are reordered."""
        sides = [place.stop - place.start for place in self.places]
        return (*sides, *self.whole[len(sides) :])


@dataclass(frozen=True)
class Part:
    """What one variable and one weight have in common: a piece of either, of equal shape."""

    variable: int
    in_variable: Piece
    weight: int
    in_weight: Piece


@dataclass(frozen=True)
class Storage:
    """The shapes of the weights that get values, and where the variables hold them."""

    weights: tuple[Shape, ...]
    parts: tuple[Part, ...]


def as_it_is(variables: Sequence[Shape]) -> Storage:
    """Every variable is a weight."""
    parts = [Part(i, Piece(shape), i, Piece(shape)) for i, shape in enumerate(variables)]
    return Storage(tuple(variables), tuple(parts))


def reordered(variables: Sequence[Shape], pieces: Sequence[Piece]) -> Storage:
    """Every variable is a weight with its axes in another order."""
    parts, weights = [], []
    for number, piece in enumerate(pieces):
        axes = piece.axes or range(len(piece.whole))
        weights.append(tuple(piece.whole[axis] for axis in axes))
        parts.append(Part(number, piece, number, Piece(weights[-1])))
    return Storage(tuple(weights), tuple(parts))


def storages_of(variables: Sequence[Stored], weights: Sequence[Stored]) -> list[Storage]:
    """Ways in which the variables may hold the weights, by shapes and names, the likeliest first.

    There is one at least: where nothing fits, every variable is taken for a weight.
    """
    shapes = [variable.shape for variable in variables]
    usual = [weight.shape for weight in weights]
    found: list[Storage] = []
    if _count(shapes) == _count(usual) and not _alike(shapes, usual):
        groupings = list(filter(None, _groupings(variables, weights)))
        otherwise = itertools.chain.from_iterable(map(_in_other_orders, groupings))
        for groups in (*groupings, *otherwise):
            for axis in FIRST_CUTS:
                parts = _parts(groups, shapes, usual, axis) or []
                parts.sort(key=lambda part: (part.weight, part.variable))
                storage = Storage(tuple(usual), tuple(parts))
                if parts and storage not in found:
                    found.append(storage)
    return found[:MOST_WAYS] or [as_it_is(shapes)]


def _in_other_orders(groups: Sequence[Group]) -> Iterator[list[Group]]:
    """Groups whose variables hold several weights each, with these in other orders.

    The orders are alike for all variables of as many weights, as of a kernel and its bias.
    """
    together = max((len(of_weights) for _, of_weights in groups), default=0)
    if not 1 < together <= MOST_IN_ANY_ORDER:
        return
    for order in list(itertools.permutations(range(together)))[1:]:
        yield [(v, [w[i] for i in order] if len(w) == together else w) for v, w in groups]


def _count(shapes: Sequence[Shape]) -> int:
    return sum(math.prod(shape) for shape in shapes)


def _alike(shapes: Sequence[Shape], others: Sequence[Shape]) -> bool:
    """Whether both are the same but for their order, and for sides of 1."""
    return sorted(map(_bare, shapes)) == sorted(map(_bare, others))


def _groupings(
    variables: Sequence[Stored], weights: Sequence[Stored]
) -> Iterator[list[Group] | None]:
    """Which variables and weights may belong together, the likeliest first."""
    yield _by_name(variables, weights)
    yield _in_step(range(len(variables)), range(len(weights)), variables, weights)
    yield _by_layers(variables, weights)
    yield _Leftovers(variables, weights).groups()
    yield _Leftovers(variables, weights, evenly=True).groups()
    yield _Leftovers(variables, weights).groups(joined_first=True)


def _by_name(variables: Sequence[Stored], weights: Sequence[Stored]) -> list[Group] | None:
    """Groups where those of each name follow each other in one order.

    Variables with names of a student's own are paired before with weights of their shape.
    """
    names = {stored.name for stored in weights}
    groups, free, wanted = _paired_strangers(variables, weights, names)
    if {variables[i].name for i in free} != {weights[i].name for i in wanted}:
        return None
    for name in sorted({weights[i].name for i in wanted}):
        mine = [number for number in free if variables[number].name == name]
        theirs = [number for number in wanted if weights[number].name == name]
        found = _in_step(mine, theirs, variables, weights)
        if found is None:
            return None
        groups += found
    return groups


def _by_layers(variables: Sequence[Stored], weights: Sequence[Stored]) -> list[Group] | None:
    """Groups of kernels by their shapes, with each the bias behind it.

    By their own shapes biases would be given to other kernels that have as many filters. None
    where not every kernel has its bias, or they do not fit.
    """
    mine, theirs = _kernels_with_biases(variables), _kernels_with_biases(weights)
    if mine is None or theirs is None:
        return None
    kernels = _Leftovers([variables[i] for i in mine], [weights[i] for i in theirs]).groups()
    groups: list[Group] = []
    for of_variables, of_weights in kernels or ():
        group = [mine[i] for i in of_variables], [theirs[i] for i in of_weights]
        behind = [i + 1 for i in group[0]], [i + 1 for i in group[1]]
        if _count([variables[i].shape for i in behind[0]]) != _count(
            [weights[i].shape for i in behind[1]]
        ):
            return None
        groups += [group, behind]
    return groups or None


def _kernels_with_biases(stored: Sequence[Stored]) -> list[int] | None:
    """The kernels of a net in which each is followed by its bias; None of any other."""
    kernels = list(range(0, len(stored), 2))
    ranks = [len(one.shape) for one in stored]
    alternate = len(stored) % 2 == 0 and all(ranks[i] > 1 == ranks[i + 1] for i in kernels)
    return kernels if alternate else None


def _paired_strangers(
    variables: Sequence[Stored], weights: Sequence[Stored], known: set[str]
) -> tuple[list[Group], list[int], list[int]]:
    """Pairs of variables of other names with weights of their shape, and what is left of both."""
    groups: list[Group] = []
    free, wanted = list(range(len(variables))), list(range(len(weights)))
    for number, variable in enumerate(variables):
        shape = _bare(variable.shape)
        of_its_shape = [i for i in wanted if _bare(weights[i].shape) == shape]
        if variable.name not in known and of_its_shape:
            groups.append(([number], of_its_shape[:1]))
            free.remove(number)
            wanted.remove(of_its_shape[0])
    return groups, free, wanted


def _in_step(
    of_variables: Sequence[int],
    of_weights: Sequence[int],
    variables: Sequence[Stored],
    weights: Sequence[Stored],
) -> list[Group] | None:
    """Groups where variables and weights follow each other in one order, else None."""
    groups: list[Group] = []
    behind = 0  # by how many numbers the variables are behind the weights
    rest = list(of_variables)
    for number in of_weights:
        if behind == 0:
            groups.append(([], []))
        groups[-1][1].append(number)
        behind += math.prod(weights[number].shape)
        while rest and behind > 0:
            groups[-1][0].append(rest[0])
            behind -= math.prod(variables[rest.pop(0)].shape)
    fits = behind == 0 and not rest and all(len(v) == 1 or len(w) == 1 for v, w in groups)
    return groups if fits else None


class _Leftovers:
    """Groups of those variables and weights of which the other side has none of their shape."""

    def __init__(
        self, variables: Sequence[Stored], weights: Sequence[Stored], evenly: bool = False
    ) -> None:
        self.variables, self.weights = variables, weights
        self.found: list[Group] = _equal_ones(variables, weights, evenly)
        used = [{number for group in self.found for number in group[side]} for side in (0, 1)]
        self.free = [i for i in range(len(variables)) if i not in used[0]]
        self.wanted = [i for i in range(len(weights)) if i not in used[1]]

    def groups(self, joined_first: bool = False) -> list[Group] | None:
        """All groups, or None where it cannot be told which they are.

        Weights are taken apart before they are taken together, or after (`joined_first`).
        """
        if joined_first:
            self._join()
        self._take_apart()
        self._join()
        return None if self.free or self.wanted else self.found

    def _take_apart(self) -> None:
        """Find weights that several variables hold."""
        for fits in (PLAIN_FITS, FITS):  # none is stored otherwise where others are cut plainly
            for number in list(self.wanted):
                whole = self.weights[number]
                for chosen in _choices(whole, self.variables, self._free_for(whole)):
                    shapes = [self.variables[i].shape for i in chosen]
                    if _tiling(whole.shape, shapes, fits=fits):
                        self._take(chosen, [number])
                        break

    def _join(self) -> None:
        """Find variables that hold several weights."""
        for variable in list(self.free):
            whole = self.variables[variable]
            for chosen in _choices(whole, self.weights, self.wanted):
                if _tiling(whole.shape, [self.weights[i].shape for i in chosen]):
                    self._take([variable], chosen)
                    break

    def _free_for(self, whole: Stored) -> list[int]:
        """Free variables that could be parts of a weight: a Keras layer's `gamma` is no kernel."""
        others = {weight.name for weight in self.weights} - {whole.name}
        return [i for i in self.free if self.variables[i].name not in others]

    def _take(self, variables: list[int], weights: list[int]) -> None:
        self.found.append((variables, weights))
        self.free = [i for i in self.free if i not in variables]
        self.wanted = [i for i in self.wanted if i not in weights]


def _equal_ones(
    variables: Sequence[Stored], weights: Sequence[Stored], evenly: bool
) -> list[Group]:
    """Pairs of a variable and a weight of one shape; of one name too, as far as possible.

    `evenly`: only where there are as many of the one as of the other. Of nine dense layers that are
    a 3x3 kernel, each looks like a 1x1 one that is elsewhere.
    """
    free, wanted = list(range(len(variables))), list(range(len(weights)))
    if evenly:
        mine, theirs = (Counter(_bare(s.shape) for s in side) for side in (variables, weights))
        shapes = [_bare(weight.shape) for weight in weights]
        wanted = [i for i in wanted if mine[shapes[i]] == theirs[shapes[i]]]
    pairs: list[Group] = []
    for same_name in (True, False):
        for number in list(wanted):
            weight = weights[number]
            for variable in free:
                stored = variables[variable]
                alike = stored.name == weight.name or not same_name
                if alike and _bare(stored.shape) == _bare(weight.shape):
                    pairs.append(([variable], [number]))
                    free.remove(variable)
                    wanted.remove(number)
                    break
    return pairs


def _parts(
    groups: Sequence[Group],
    variables: Sequence[Shape],
    weights: Sequence[Shape],
    first_cut: int,
) -> list[Part] | None:
    """What the variables and weights of each group have in common; None if nothing fits.

    Cuts along the axis `first_cut` are looked for before others.
    """
    orders = _usual_orders(groups, variables, weights)
    parts = []
    for of_variables, of_weights in groups:
        if len(of_weights) == 1:
            [number] = of_weights
            usual = orders.get(len(weights[number]))
            shapes = [variables[i] for i in of_variables]
            pieces = _tiling(weights[number], shapes, usual, first_cut=first_cut)
            found = [
                Part(variable, inside, number, place)
                for variable, (inside, place) in zip(of_variables, pieces or (), strict=False)
            ]
        else:
            [variable] = of_variables
            shapes = [weights[i] for i in of_weights]
            pieces = _tiling(variables[variable], shapes, first_cut=first_cut)
            found = [
                Part(variable, place, number, inside)
                for number, (inside, place) in zip(of_weights, pieces or (), strict=False)
            ]
        if not found:
            return None
        parts += found
    return parts


def _usual_orders(
    groups: Sequence[Group], variables: Sequence[Shape], weights: Sequence[Shape]
) -> dict[int, tuple[int, ...]]:
    """By the number of axes, the order in which every variable can hold its weight whole.

    A square kernel alone does not show whether it is stored the other way round.
    """
    found = {}
    for rank, orders in ORDERS.items():
        whole = [
            (variables[v[0]], weights[w[0]])
            for v, w in groups
            if len(v) == len(w) == 1 and len(weights[w[0]]) == rank
        ]
        fitting = [order for order in orders if all(_can_hold(v, w, order) for v, w in whole)]
        if whole and fitting:
            found[rank] = fitting[0]
    return found


def _bare(shape: Shape) -> Shape:
    """A shape without sides of 1."""
    return tuple(side for side in shape if side > 1)


def _choices(whole: Stored, stored: Sequence[Stored], free: Sequence[int]) -> Iterator[list[int]]:
    """Those of `stored` that could be the parts of a whole: of its name, near each other."""
    named = [number for number in free if stored[number].name == whole.name]
    size = math.prod(whole.shape)
    for candidates in (named, list(free)):
        for apart in range(1, MOST_APART + 1):
            for start in range(len(candidates)):
                chosen, total = [], 0
                for number in candidates[start::apart]:
                    chosen.append(number)
                    total += math.prod(stored[number].shape)
                    if total >= size:
                        break
                if total == size:
                    yield chosen


def _fits_as_it_is(stored: Shape, region: Shape) -> tuple[int, ...] | None:
    return tuple(range(len(region))) if stored == region else None


def _fits_but_for_ones(stored: Shape, region: Shape) -> tuple[int, ...] | None:
    return tuple(range(len(region))) if _bare(stored) == _bare(region) else None


def _fits_reordered(stored: Shape, region: Shape) -> tuple[int, ...] | None:
    """The first usual order of a region's axes in which it is just a shape, none put together."""
    orders = ORDERS.get(len(region), [])
    return next((o for o in orders if _bare(_in_order(region, o)) == _bare(stored)), None)


def _fits_in_order(stored: Shape, region: Shape) -> tuple[int, ...] | None:
    order = tuple(range(len(region)))
    return order if _can_hold(stored, region, order) else None


def _fits_in_any_order(stored: Shape, region: Shape) -> tuple[int, ...] | None:
    """The first usual order of a region's axes in which it can be stored in a shape."""
    orders = ORDERS.get(len(region), [])
    return next((order for order in orders if _can_hold(stored, region, order)), None)


PLAIN_FITS = (_fits_as_it_is, _fits_but_for_ones)
FITS = (*PLAIN_FITS, _fits_reordered, _fits_in_order, _fits_in_any_order)


def _tiling(
    whole: Shape,
    parts: Sequence[Shape],
    usual: tuple[int, ...] | None = None,
    fits: Sequence[Fit] = FITS,
    first_cut: int = -1,
) -> list[tuple[Piece, Piece]] | None:
    """For each part where it lies in itself and in the whole, or None where they do not fit.

    Cuts into parts of just their shapes are looked for first, then those into parts whose axes are
    in another order, then those that put axes together. A part that is all there is takes the
    `usual` order of axes.
    """
    if len(parts) == 1 and usual and _can_hold(parts[0], whole, usual):
        return [(Piece(_in_order(whole, usual)), Piece(whole, axes=usual))]
    for fit in fits:
        for places in _cuts(whole, parts, first_cut):
            regions = [Piece(whole, place).shape for place in places]
            found = [fit(part, region) for part, region in zip(parts, regions, strict=True)]
            pieces = [
                (Piece(_in_order(region, axes)), Piece(whole, place, axes))
                for axes, region, place in zip(found, regions, places, strict=True)
                if axes is not None
            ]
            if len(pieces) == len(parts):
                return pieces
    return None


def _cuts(whole: Shape, parts: Sequence[Shape], first_cut: int) -> Iterator[list[Places]]:
    """Ways to cut a whole into parts of given sizes: along one axis, or into single positions.

    Of the axes `first_cut` is the first, if there is one, and then the last ones are.
    """
    full = [slice(0, side) for side in whole]
    sizes = [math.prod(part) for part in parts]
    if len(parts) == 1:
        yield [tuple(full)]
        return
    axes = list(reversed(range(len(whole))))
    for axis in sorted(axes, key=lambda axis: axis != first_cut % 4):
        layer = math.prod(whole) // whole[axis]
        if all(size % layer == 0 for size in sizes):
            ends = [0, *itertools.accumulate(size // layer for size in sizes)]
            yield [
                (*full[:axis], slice(a, b), *full[axis + 1 :]) for a, b in itertools.pairwise(ends)
            ]
    if len(whole) == 4 and len(parts) == whole[0] * whole[1] and len(set(sizes)) == 1:
        positions = itertools.product(range(whole[0]), range(whole[1]))
        yield [(slice(y, y + 1), slice(x, x + 1), *full[2:]) for y, x in positions]


def _in_order(shape: Shape, order: Sequence[int]) -> Shape:
    return tuple(shape[axis] for axis in order)


def _can_hold(stored: Shape, region: Shape, order: Sequence[int]) -> bool:
    """Whether a shape looks like a region's with its axes in an order.

    Neighbouring axes may be put together, or taken apart, in the one or the other.
    """
    mine, theirs = _ends(stored), _ends(_in_order(region, order))
    return math.prod(stored) == math.prod(region) and (mine <= theirs or theirs <= mine)


def _ends(shape: Shape) -> set[int]:
    """After how many numbers, in C order, an axis comes to its end."""
    return set(itertools.accumulate(_bare(shape), lambda a, b: a * b))
