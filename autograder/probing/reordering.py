"""Nets whose kernels are turned, or whose map is flattened in another order, in shapes all alike.

Where a shape shows how a kernel is stored, `autograder.probing.storing` finds it out. A kernel
turned on its side, and a dense kernel after a map that was flattened otherwise, look as they always
do: what such a net gives is foretold on the model answer, and kept in the key.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from autograder.probing.storing import Piece, Shape

TURNED = (1, 0, 2, 3)


@dataclass(frozen=True)
class Weight:
    """A trainable weight of the model answer.

    `name` is its own within its layer; `map` is the shape of the map that was flattened before a
    dense layer.
    """

    name: str
    shape: Shape
    map: Shape = ()


@dataclass(frozen=True)
class Reordering:
    """The order of the axes of every convolution's kernel, and of the map before a dense layer."""

    kernel: tuple[int, ...] | None = None
    flat: tuple[int, ...] | None = None

    def __call__(self, weights: Sequence[Weight]) -> list[Piece]:
        """How each weight is stored."""
        return [self._piece(weight) for weight in weights]

    def _piece(self, weight: Weight) -> Piece:
        if self.kernel and weight.name == "kernel" and len(weight.shape) == 4:
            return Piece(weight.shape, axes=self.kernel)
        if self.flat and weight.map:
            return Piece((*weight.map, weight.shape[-1]), axes=(*self.flat, 3))
        return Piece(weight.shape)


REORDERINGS = (
    Reordering(kernel=TURNED),
    Reordering(kernel=TURNED, flat=(1, 0, 2)),
    *(Reordering(flat=order) for order in itertools.permutations(range(3)) if order != (0, 1, 2)),
)


def reorderings(nets: Sequence[Sequence[Weight]]) -> list[Reordering]:
    """Those that make a difference, and each another, in nets of one architecture."""
    seen = [[Reordering()(weights) for weights in nets]]
    found = []
    for way in REORDERINGS:
        pieces = [way(weights) for weights in nets]
        if pieces not in seen:
            seen.append(pieces)
            found.append(way)
    return found
