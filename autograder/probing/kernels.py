"""3x3 kernels cut down to one weight each: what a net sees without them, and with some of them.

With one weight of each, an output unit sees what else there is that mixes positions. With all
weights of one kernel it sees how far apart that kernel's taps lie, in pixels of the input.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from autograder.data.footprint import LONGEST, partitions, reach
from autograder.probing.field import Feed, field_of, map_of, picture

SIDE = 3
CENTRE = (SIDE // 2, SIDE // 2)
LARGE = (128, 256)  # sizes of a kernel beside which whatever does not grow with it is small
NEAR = 0.1

Drawn = list[tuple[Any, np.ndarray]]  # 3x3 kernels with their values
Offsets = tuple[tuple[int, ...], tuple[int, ...]]  # rows and columns, from the middle
Run = list[list[int]]  # jumps of uses in a row, each in rows and columns


def is_kernel(shape: tuple[int, ...]) -> bool:
    """Whether a weight of this shape is a 3x3 kernel."""
    return len(shape) >= 4 and tuple(shape[:2]) == (SIDE, SIDE)


@contextmanager
def one_weight_each(kernels: Drawn, places: dict[int, tuple[int, ...]]) -> Iterator[None]:
    """Leave the kernels of these numbers the weight at that place only."""
    for number, (variable, drawn) in enumerate(kernels):
        one = drawn
        if number in places:
            one = np.zeros_like(drawn)
            one[places[number]] = SIDE**2 * drawn[places[number]]
        variable.assign(one)
    try:
        yield
    finally:
        for variable, drawn in kernels:
            variable.assign(drawn)


class Kernels:
    """A net whose kernels can be cut down to one weight each, and put back one by one.

    That weight is the one in the middle if it can be: beside a convolution with a stride, a
    shortcut may read another pixel of its window.
    """

    def __init__(
        self, model: keras.Model, kernels: Drawn, feed: Feed, rng: np.random.Generator
    ) -> None:
        self.model, self.kernels, self.feed, self.rng = model, kernels, feed, rng
        self._alone: dict[int, Offsets] = {}
        self.left: list[tuple[int, ...]] = [CENTRE] * len(kernels)
        self._choose()

    def _choose(self) -> None:
        """Choose the weights with which a unit sees as few pixels as can be."""
        fewest = self.seen_with_one_weight_each().sum()
        places = list(itertools.product(range(SIDE), repeat=2))
        for number, place in itertools.product(range(len(self.kernels)), places):
            if fewest <= 1:
                return
            before, self.left[number] = self.left[number], place
            found = self.seen_with_one_weight_each().sum()
            if 0 < found < fewest:
                fewest = found
            else:
                self.left[number] = before

    def cut(self, *whole: int) -> AbstractContextManager[None]:
        """Leave each kernel one weight only, but for some."""
        places = {number: place for number, place in enumerate(self.left) if number not in whole}
        return one_weight_each(self.kernels, places)

    def seen_with_one_weight_each(self, before: int = 0) -> np.ndarray:
        """Which pixels a unit sees with cut kernels."""
        with self.cut():
            return field_of(self.model, self.feed, self.rng, before)

    def offsets(self, *chosen: int) -> Offsets:
        """What an output unit sees with the chosen kernels: rows and columns, from its middle."""
        with self.cut(*chosen):
            return _offsets(field_of(self.model, self.feed, self.rng))

    def alone(self, number: int) -> Offsets:
        """What an output unit sees with one kernel."""
        if number not in self._alone:
            self._alone[number] = self.offsets(number)
        return self._alone[number]

    def add_up(self, number: int, other: int) -> bool:
        """Whether two kernels together see as far as both one after the other."""
        apart = _span(self.alone(number)) + _span(self.alone(other))
        return _span(self.offsets(number, other)) == apart

    def uses(self, number: int) -> int:
        """How often in a row a net applies a kernel of its own.

        Once, and it sees three rows at most; n times, and the output grows as its n-th power. Where
        it grows in no such way, say behind a normalisation: n times and it sees 2n + 1 rows, if
        they are as far apart each time.
        """
        rows = np.array(self.alone(number)[0])
        if len(rows) <= SIDE:
            return 1
        in_a_row = int((rows[-1] - rows[0]) // (2 * np.diff(rows).min()))
        return self._power(number) or in_a_row

    def _power(self, number: int) -> int | None:
        """With which power of a kernel's size the output grows, if with any from 1 up."""
        variable, drawn = self.kernels[number]
        x, values = picture(self.rng, self.feed), []
        for size in LARGE:
            variable.assign(size * drawn)
            y = keras.ops.convert_to_numpy(map_of(self.model(x, training=False)))
            values.append(np.abs(y).sum(dtype="float64"))
        variable.assign(drawn)
        if not (np.isfinite(values).all() and min(values) > 0):
            return None
        power = math.log(values[1] / values[0], LARGE[1] / LARGE[0])
        return round(power) if power > 0.5 and abs(power - round(power)) < NEAR else None


def _offsets(field: np.ndarray) -> Offsets:
    """The rows and columns of a field, as distances from its middle."""
    found = []
    for axis in (1, 0):
        places = np.flatnonzero(field.any(axis=axis))
        middle = int(places[0] + places[-1]) // 2 if len(places) else 0
        found.append(tuple(int(place) - middle for place in places))
    return found[0], found[1]


def _span(offsets: Offsets) -> int:
    return offsets[0][-1] - offsets[0][0] if offsets[0] else 0


# How the kernels add up


@dataclass(frozen=True)
class Steps:
    """How kernels add up to a field: `jumps` by kernel and use, `chains` of uses in a row.

    A jump is how far apart, in pixels of the input, the three rows (and columns) of a kernel lie.
    """

    jumps: list[list[int]] = field(default_factory=list)
    chains: list[list[int]] = field(default_factory=list)

    def seen(self) -> set[tuple[int, int]]:
        """What a unit sees through any of the chains, from its middle."""
        return set().union(*(reach([self.jumps[i] for i in chain]) for chain in self.chains))

    def facts(self) -> dict[str, Any]:
        """As plain data."""
        return {"jumps": self.jumps, "chains": self.chains}


def steps_of(net: Kernels, uses: list[int], field: np.ndarray) -> Steps:
    """How the kernels, each with so many `uses`, add up to a field; nothing where that is not seen.

    First it is tried with all of them in a row. Kernels on branches side by side do not add up;
    which ones do shows when two are put back together.
    """
    runs = [_runs(net.alone(number), times) for number, times in enumerate(uses)]
    known = [run for run in runs if run is not None]
    if len(known) < len(runs) or math.prod(len(run) or 1 for run in known) > LONGEST:
        return Steps()
    in_a_row = _InARow(known)
    whole = Steps(in_a_row.jumps, in_a_row.chains(range(len(uses))))
    if whole.seen() == _places(field):
        return whole
    return Steps(in_a_row.jumps, _longest(_chains_that_add_up(net, in_a_row)))


class _InARow:
    """Numbers the jumps of all kernels, and puts uses of several kernels in a row."""

    def __init__(self, runs: list[list[Run]]) -> None:
        self.jumps: list[list[int]] = []
        self.numbers: list[list[list[int]]] = []  # by kernel and run, the numbers of its jumps
        for of_kernel in runs:
            self.numbers.append([])
            for run in of_kernel:
                first = len(self.jumps)
                self.jumps += run
                self.numbers[-1].append(list(range(first, len(self.jumps))))

    def chains(self, kernels: Iterable[int]) -> list[list[int]]:
        """The ways through one run of each of the kernels that reach the output."""
        reaching = [self.numbers[number] for number in kernels if self.numbers[number]]
        return [list(itertools.chain(*chain)) for chain in itertools.product(*reaching)]


def _chains_that_add_up(net: Kernels, in_a_row: _InARow) -> list[list[int]]:
    """The chains of kernels any two of which add up."""
    kernels = range(len(in_a_row.numbers))
    adds_up = {pair: net.add_up(*pair) for pair in itertools.combinations(kernels, 2)}
    return [
        chain
        for size in range(len(kernels) + 1)
        for chosen in itertools.combinations(kernels, size)
        if all(adds_up[pair] for pair in itertools.combinations(chosen, 2))
        for chain in in_a_row.chains(chosen)
    ]


def _longest(chains: list[list[int]]) -> list[list[int]]:
    """Those chains that are no part of another."""
    return [chain for chain in chains if not any(set(chain) < set(other) for other in chains)]


def _runs(alone: Offsets, times: int) -> list[Run] | None:
    """The jumps of one kernel's uses, by uses in a row; none if it does not reach the output.

    It may be used `times` times in a row, fewer where some uses are on branches side by side, or
    all side by side, each with a jump of its own. None where what it sees comes about in no such
    way.
    """
    if alone == ((0,), (0,)):
        return []
    for count in range(times, 0, -1):
        rows, columns = (partitions(side, count) for side in alone)
        if rows is not None and columns is not None:
            return [[[y, x] for y, x in zip(rows, columns, strict=True)]]
    rows, columns = ([place for place in side if place > 0] for side in alone)
    return [[[y, x]] for y, x in zip(rows, columns, strict=True)] if rows == columns else None


def _places(field: np.ndarray) -> set[tuple[int, int]]:
    """The pixels of a field, from its middle."""
    ys, xs = np.nonzero(field)
    if not len(ys):
        return set()
    y, x = (int(ys.min() + ys.max()) // 2, int(xs.min() + xs.max()) // 2)
    return {(int(a) - y, int(b) - x) for a, b in zip(ys, xs, strict=True)}
