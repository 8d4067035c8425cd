"""The usual ways to store a kernel in parts, so that each part is a weight of its own.

Six convolutions of one filter, concatenated, are a convolution of six; nine dense layers, each on
a shifted map and added up, are a 3x3 convolution. Values are given to weights, so that such a net
gets others than the one with whole kernels: what it then does is foretold here, by cutting the
model answer's own kernels up.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

Piece = tuple[slice, ...]
Shape = tuple[int, ...]

MOST_PARTS = 25  # of one kernel: nobody writes more layers than that for one
FEW = 4  # kernels that are also cut one at a time
HEIGHT, WIDTH, CHANNELS, FILTERS = range(4)


@dataclass(frozen=True)
class Weight:
    """A trainable weight of the model answer: its name within its layer, and its shape."""

    name: str
    shape: Shape

    @property
    def is_kernel(self) -> bool:
        """Whether this is the kernel of a convolution: height, width, channels, filters."""
        return self.name == "kernel" and len(self.shape) == 4

    @property
    def is_wide(self) -> bool:
        """Whether it is a kernel of more than one position."""
        return self.is_kernel and self.shape[HEIGHT] * self.shape[WIDTH] > 1


@dataclass(frozen=True)
class Way:
    """A way to cut: along which axes, and into two parts or into single rows."""

    axes: tuple[int, ...]
    halves: bool = False
    with_bias: bool = False


WAYS = (
    Way((FILTERS,)),
    Way((FILTERS,), with_bias=True),
    Way((FILTERS,), halves=True),
    Way((FILTERS,), halves=True, with_bias=True),
    Way((CHANNELS,)),
    Way((CHANNELS,), halves=True),
    Way((HEIGHT, WIDTH)),
    Way((HEIGHT,)),
    Way((WIDTH,)),
)


@dataclass(frozen=True)
class Cutting:
    """A way to cut a net's kernels: all of them, all but the 1x1 ones ("wide"), or the n-th wide.

    A kernel that the way does not fit, as one channel has no halves, stays whole.
    """

    way: Way
    which: str | int

    def __call__(self, weights: Sequence[Weight]) -> list[list[Piece]]:
        """For each weight its pieces, in C order; a whole one is its own only piece."""
        pieces = [[_whole(weight.shape)] for weight in weights]
        for number in self._chosen(weights):
            parts = _parts(weights[number].shape, self.way)
            pieces[number] = parts
            if self.way.with_bias and _has_bias(weights, number):
                pieces[number + 1] = [(part[FILTERS],) for part in parts]
        return pieces

    def _chosen(self, weights: Sequence[Weight]) -> list[int]:
        kernels = [i for i, weight in enumerate(weights) if weight.is_kernel]
        if self.which == "all":
            return kernels
        wide = [i for i in kernels if weights[i].is_wide]
        return wide if self.which == "wide" else wide[int(self.which) : int(self.which) + 1]


def cuttings(nets: Sequence[Sequence[Weight]]) -> list[Cutting]:
    """The cuttings that make a difference, and each another, in nets of one architecture."""
    wide = sum(weight.is_wide for weight in nets[0])
    scopes = ["all", "wide", *range(wide if wide <= FEW else 1)]
    seen = [[[[_whole(weight.shape)] for weight in weights] for weights in nets]]
    found = []
    for cutting in (Cutting(way, which) for way in WAYS for which in scopes):
        pieces = [cutting(weights) for weights in nets]
        if pieces not in seen:
            seen.append(pieces)
            found.append(cutting)
    return found


def _has_bias(weights: Sequence[Weight], kernel: int) -> bool:
    return kernel + 1 < len(weights) and weights[kernel + 1].name == "bias"


def _whole(shape: Shape) -> Piece:
    return tuple(slice(0, side) for side in shape)


def _parts(shape: Shape, way: Way) -> list[Piece]:
    """The pieces of a kernel, or it as a whole where they would be too many."""
    pieces = [_whole(shape)]
    for axis in way.axes:
        side = shape[axis]
        starts = sorted({0, side // 2}) if way.halves else range(side)
        places = [slice(a, b) for a, b in itertools.pairwise([*starts, side])]
        pieces = [
            (*piece[:axis], place, *piece[axis + 1 :]) for piece in pieces for place in places
        ]
    return pieces if len(pieces) <= MOST_PARTS else [_whole(shape)]
