"""How a net stores the weights of its architecture: as Keras does, in parts, or otherwise ordered.

Six convolutions of one filter, concatenated, are a convolution of six; nine dense layers, each on
a shifted map and added up, are a 3x3 convolution; a kernel may be stored as (filters, channels,
height, width), and one convolution of five filters may serve for two of two and three. Values
belong to the weights of the architecture, so it is found out here which part of which weight each
variable holds. Where that is guessed wrongly, a right net gives another output; but a wrong net
does not give the right one, whatever numbers its variables are given.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from autograder.observation import Stored

Shape = tuple[int, ...]
Places = tuple[slice, ...]

# Orders of a kernel's axes (height, width, channels, filters), the usual ones first; no picture is
# turned over on its side.
ORDERS: dict[int, list[tuple[int, ...]]] = {
    1: [(0,)],
    2: [(0, 1), (1, 0)],
    4: [
        (0, 1, 2, 3),
        (3, 2, 0, 1),
        (3, 0, 1, 2),
        *(
            order
            for order in itertools.permutations(range(4))
            if order.index(0) < order.index(1) and order[:3] != (0, 1, 2) and order[0] != 3
        ),
        (3, 0, 2, 1),
    ],
}
MOST_APART = 4  # variables from one part of a weight to the next, as gamma and beta in turn are


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


def storage_of(variables: Sequence[Stored], weights: Sequence[Stored]) -> Storage:
    """Where the variables hold the weights, as far as shapes and names show it."""
    shapes = [variable.shape for variable in variables]
    if _count(variables) == _count(weights):
        parts = _Search(variables, weights).parts()
        if parts is not None:
            return Storage(tuple(weight.shape for weight in weights), tuple(parts))
    return as_it_is(shapes)


def _count(stored: Sequence[Stored]) -> int:
    return sum(math.prod(one.shape) for one in stored)


class _Search:
    """Finds the parts; each weight and each variable is used up once."""

    def __init__(self, variables: Sequence[Stored], weights: Sequence[Stored]) -> None:
        self.variables, self.weights = variables, weights
        self.pairs = _equal_ones(variables, weights)
        paired = {weight for _, weight in self.pairs}
        self.free = [i for i in range(len(variables)) if i not in dict(self.pairs)]
        self.wanted = [i for i in range(len(weights)) if i not in paired]
        self.found: list[Part] = []

    def parts(self) -> list[Part] | None:
        """All parts, or None where nothing is stored otherwise or it cannot be told how."""
        if not self.wanted:
            return None
        self._find_in_parts()
        self._find_together()
        self._find_with_bias()
        if self.free or self.wanted:
            return None
        return [*self.found, *(self._whole(*pair) for pair in self.pairs)]

    def _find_in_parts(self) -> None:
        """Weights that several variables hold, or one in another order of its axes."""
        for number in list(self.wanted):
            for chosen in _choices(self.weights[number], self.variables, self.free):
                pieces = _tiling(self.weights[number].shape, self._shapes(chosen))
                if pieces:
                    for variable, (inside, place) in zip(chosen, pieces, strict=True):
                        self.found.append(Part(variable, inside, number, place))
                        self.free.remove(variable)
                    self.wanted.remove(number)
                    break

    def _find_together(self) -> None:
        """Variables that hold several weights side by side."""
        for variable in list(self.free):
            for chosen in _choices(self.variables[variable], self.weights, self.wanted):
                shapes = [self.weights[number].shape for number in chosen]
                pieces = _tiling(self.variables[variable].shape, shapes)
                if pieces:
                    for number, (inside, place) in zip(chosen, pieces, strict=True):
                        self.found.append(Part(variable, place, number, inside))
                        self.wanted.remove(number)
                    self.free.remove(variable)
                    break

    def _find_with_bias(self) -> None:
        """Dense kernels with their biases as a last row, for inputs with a 1 at the end."""
        for variable in list(self.free):
            shape = self.variables[variable].shape
            if len(shape) != 2:
                continue
            rows, columns = shape
            pair = [
                next((n for n in self.wanted if _merges(part, _bare(self.weights[n].shape))), None)
                for part in (_bare((rows - 1, columns)), _bare((columns,)))
            ]
            if None in pair:
                continue
            for number, place in zip(
                pair, (slice(0, rows - 1), slice(rows - 1, rows)), strict=True
            ):
                assert number is not None
                inside = Piece(shape, (place,))
                self.found.append(Part(variable, inside, number, Piece(inside.shape)))
                self.wanted.remove(number)
            self.free.remove(variable)

    def _shapes(self, chosen: Sequence[int]) -> list[Shape]:
        return [self.variables[number].shape for number in chosen]

    def _whole(self, variable: int, weight: int) -> Part:
        """A weight that a variable of its shape holds, ordered as others of the net are."""
        shape = self.weights[weight].shape
        axes = self._usual_order(len(shape))
        if axes is None or tuple(shape[axis] for axis in axes) != shape:
            axes = tuple(range(len(shape)))
        return Part(variable, Piece(shape), weight, Piece(shape, axes=axes))

    def _usual_order(self, rank: int) -> tuple[int, ...] | None:
        """The order of axes in which variables hold weights, where none holds one as Keras does."""
        orders = [
            part.in_weight.axes
            for part in self.found
            if part.in_weight.axes and len(part.in_weight.axes) == rank
        ]
        reordered = [order for order in orders if order != tuple(range(rank))]
        if not reordered:
            return None
        shapes = [self.weights[weight].shape for _, weight in self.pairs]
        for shape in shapes:
            if len(shape) == rank and tuple(shape[axis] for axis in reordered[0]) != shape:
                return None
        return reordered[0]


def _equal_ones(variables: Sequence[Stored], weights: Sequence[Stored]) -> list[tuple[int, int]]:
    """Pairs of a variable and a weight of one shape; of one name too, as far as possible."""
    free = list(range(len(variables)))
    pairs: list[tuple[int, int]] = []
    for same_name in (True, False):
        for number, weight in enumerate(weights):
            if any(number == taken for _, taken in pairs):
                continue
            for variable in free:
                stored = variables[variable]
                alike = stored.name == weight.name or not same_name
                if alike and _bare(stored.shape) == _bare(weight.shape):
                    pairs.append((variable, number))
                    free.remove(variable)
                    break
    return pairs


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


def _tiling(whole: Shape, parts: Sequence[Shape]) -> list[tuple[Piece, Piece]] | None:
    """For each part where it lies in itself and in the whole, or None where they do not fit.

    Cuts into parts of just their shapes are looked for first, then those that need no other order
    of axes.
    """
    for fit in (_fits_as_it_is, _fits_in_order, _fits):
        for places in _cuts(whole, parts):
            regions = [Piece(whole, place).shape for place in places]
            found = [fit(part, region) for part, region in zip(parts, regions, strict=True)]
            pieces = [
                (Piece(tuple(region[axis] for axis in axes)), Piece(whole, place, axes))
                for axes, region, place in zip(found, regions, places, strict=True)
                if axes is not None
            ]
            if len(pieces) == len(parts):
                return pieces
    return None


def _cuts(whole: Shape, parts: Sequence[Shape]) -> Iterator[list[Places]]:
    """Ways to cut a whole into parts of given sizes: along one axis, or into single positions."""
    full = [slice(0, side) for side in whole]
    sizes = [math.prod(part) for part in parts]
    if len(parts) == 1:
        yield [tuple(full)]
        return
    for axis in reversed(range(len(whole))):
        layer = math.prod(whole) // whole[axis]
        if all(size % layer == 0 for size in sizes):
            ends = [0, *itertools.accumulate(size // layer for size in sizes)]
            yield [
                (*full[:axis], slice(a, b), *full[axis + 1 :]) for a, b in itertools.pairwise(ends)
            ]
    if len(whole) == 4 and len(parts) == whole[0] * whole[1] and len(set(sizes)) == 1:
        positions = itertools.product(range(whole[0]), range(whole[1]))
        yield [(slice(y, y + 1), slice(x, x + 1), *full[2:]) for y, x in positions]


def _fits_as_it_is(stored: Shape, region: Shape) -> tuple[int, ...] | None:
    return tuple(range(len(region))) if stored == region else None


def _fits_in_order(stored: Shape, region: Shape) -> tuple[int, ...] | None:
    return tuple(range(len(region))) if _merges(_bare(stored), _bare(region)) else None


def _fits(stored: Shape, region: Shape) -> tuple[int, ...] | None:
    """The first usual order of a region's axes in which it can be stored in a shape."""
    for order in ORDERS.get(len(region), []):
        if _merges(_bare(stored), _bare(tuple(region[axis] for axis in order))):
            return order
    return None


def _merges(small: Shape, large: Shape) -> bool:
    """Whether neighbouring axes of `large`, put together, give `small`."""
    sides = list(large)
    for wanted in small:
        side = 1
        while side < wanted and sides:
            side *= sides.pop(0)
        if side != wanted:
            return False
    return not sides
