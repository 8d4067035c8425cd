"""The usual ways to store a net's kernels otherwise: in parts, or with their axes in another order.

Six convolutions of one filter, concatenated, are a convolution of six; nine dense layers, each on
a shifted map and added up, are a 3x3 convolution; a kernel may be stored as (filters, channels,
height, width). Values are given to weights as they are stored, so that such a net gets others than
one with Keras's own kernels: what it then does is foretold here, on the model answer's kernels.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Shape = tuple[int, ...]

MOST_PARTS = 25  # of one kernel: nobody writes more layers than that for one
FEW = 4  # kernels that are also stored otherwise one at a time
HEIGHT, WIDTH, CHANNELS, FILTERS = -4, -3, -2, -1


@dataclass(frozen=True)
class Weight:
    """A trainable weight of the model answer.

    `name` is its own within its layer. `follows` is the place of the kernel whose output it is
    added to or multiplied with, `map` the shape of the map that was flattened before a dense layer.
    """

    name: str
    shape: Shape
    follows: int | None = None
    map: Shape = ()

    @property
    def is_kernel(self) -> bool:
        """Whether this is the kernel of a convolution or of a dense layer."""
        return self.name == "kernel" and len(self.shape) in (2, 4)

    @property
    def is_wide(self) -> bool:
        """Whether it is a kernel of more than one position."""
        return self.is_kernel and len(self.shape) == 4 and self.shape[0] * self.shape[1] > 1


@dataclass(frozen=True)
class Piece:
    """How a part of a weight is stored: the weight in a shape, cut, its axes in another order."""

    weight_shape: Shape
    places: tuple[slice, ...] = ()
    axes: tuple[int, ...] | None = None

    def view(self, array: np.ndarray) -> np.ndarray:
        """The part of a weight's array, as it is stored; a view, so that it can be written."""
        part = array.reshape(self.weight_shape)[self.places]
        return part if self.axes is None else part.transpose(self.axes)

    @property
    def shape(self) -> Shape:
        """The shape in which it is stored."""
        sides = [place.stop - place.start for place in self.places] or self.weight_shape
        return tuple(sides) if self.axes is None else tuple(sides[axis] for axis in self.axes)


@dataclass(frozen=True)
class Way:
    """A way to store a kernel: cut along axes, into a few parts or single rows, or axes reordered.

    `vectors` says which of the vectors that follow a kernel are cut like its filters. `axes` is
    the order of a convolution's kernel, `flat` that of the map before a dense layer.
    """

    cut: tuple[int, ...] = ()
    into: int | None = None
    vectors: Literal["none", "bias", "all"] = "none"
    axes: tuple[int, ...] = ()
    flat: tuple[int, ...] = ()


WAYS = (
    *(
        Way((FILTERS,), into, vectors)
        for into in (None, 2, 4)
        for vectors in ("none", "bias", "all")
    ),
    Way((CHANNELS,)),
    Way((CHANNELS,), into=2),
    Way((HEIGHT, WIDTH)),
    Way((HEIGHT,)),
    Way((WIDTH,)),
    Way(axes=(3, 2, 0, 1)),
    Way(axes=(3, 0, 1, 2)),
    Way(axes=(1, 0, 2, 3)),
    Way(axes=(1, 0, 2, 3), flat=(1, 0, 2)),
    *(Way(flat=order) for order in itertools.permutations(range(3)) if order != (0, 1, 2)),
)
SCOPES = ("all", "convolutions", "wide", "narrow", "dense", "first dense")


@dataclass(frozen=True)
class Cutting:
    """A way to store kernels, and which: those of a scope, or the n-th convolution's.

    A kernel that the way does not fit, as one channel has no halves, stays as it is.
    """

    way: Way
    which: str | int

    def __call__(self, weights: Sequence[Weight]) -> list[list[Piece]]:
        """For each weight the pieces in which it is stored."""
        pieces = [[Piece(weight.shape)] for weight in weights]
        for number in self._chosen(weights):
            pieces[number] = list(_pieces(weights[number], self.way))
            for other, vector in enumerate(weights):
                if vector.follows == number and self.way.vectors in ("all", _kind(vector)):
                    pieces[other] = [
                        Piece(vector.shape, piece.places[FILTERS:]) for piece in pieces[number]
                    ]
        return pieces

    def _chosen(self, weights: Sequence[Weight]) -> list[int]:
        kernels = [i for i, weight in enumerate(weights) if weight.is_kernel]
        dense = [i for i in kernels if len(weights[i].shape) == 2]
        wide = [i for i in kernels if weights[i].is_wide]
        convolutions = [i for i in kernels if i not in dense]
        scopes = {
            "all": kernels,
            "convolutions": convolutions,
            "wide": wide,
            "narrow": [i for i in convolutions if i not in wide],
            "dense": dense,
            "first dense": dense[:1],
        }
        if isinstance(self.which, int):
            return convolutions[self.which : self.which + 1]
        return scopes[self.which]


def cuttings(nets: Sequence[Sequence[Weight]]) -> list[Cutting]:
    """The cuttings that make a difference, and each another, in nets of one architecture."""
    most = max(sum(len(weight.shape) == 4 for weight in weights) for weights in nets)
    scopes = [*SCOPES, *range(most if most <= FEW else 1)]
    seen = [[[[Piece(weight.shape)] for weight in weights] for weights in nets]]
    found = []
    for cutting in (Cutting(way, which) for way in WAYS for which in scopes):
        pieces = [cutting(weights) for weights in nets]
        if pieces not in seen:
            seen.append(pieces)
            found.append(cutting)
    return found


def _kind(vector: Weight) -> str:
    return "bias" if vector.name == "bias" else "norm"


def _pieces(kernel: Weight, way: Way) -> Iterator[Piece]:
    """The pieces of a kernel, or it as a whole where they would be too many."""
    shape = kernel.shape
    if way.axes and len(shape) == 4:
        yield Piece(shape, axes=way.axes)
    elif way.axes and not way.flat:
        yield Piece(shape, axes=(1, 0) if way.axes[0] == 3 else None)
    elif way.flat and kernel.map and len(shape) == 2:
        yield Piece((*kernel.map, shape[-1]), axes=(*way.flat, 3))
    else:
        yield from _parts(shape, way)


def _parts(shape: Shape, way: Way) -> list[Piece]:
    cuts = [[slice(0, side)] for side in shape]
    for axis in way.cut:
        if -axis <= len(shape):
            side = shape[axis]
            into = way.into or side
            starts = sorted({side * part // into for part in range(into)})
            cuts[axis] = [slice(a, b) for a, b in itertools.pairwise([*starts, side])]
    if 1 < math.prod(map(len, cuts)) <= MOST_PARTS:
        return [Piece(shape, places) for places in itertools.product(*cuts)]
    return [Piece(shape)]
