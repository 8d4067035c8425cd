"""Chooses the numbers with which a deep net's gradients are projected, for its plan.

A weight is known by the rank of its projected gradient among the weights of its element count
(`autograder.data.values`). A deep net has a dozen of one count, and wherever rounding puts a unit
on the other side of a kink, gradients jump: two whose projections lie close may change ranks.
Another projection of the same gradients costs next to nothing, so many are looked at, and the one
is taken that keeps all of them apart best, measured in what rounding does to them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autograder.data import values

if TYPE_CHECKING:
    from autograder.probing.network import Network

CANDIDATES = 1000
FURTHER = 3  # a factor by which what is silent, and what is not, is away from the limit


def clear_projection(network: Network, a_little_off: Callable[[Any, int], Any]) -> int:
    """The projection that tells the weights apart best. `a_little_off` adds rounding to a tensor.

    The network's colours are afterwards those of no weight told from another.
    """
    inputs, exact = network.inputs, network.gradients()
    rounded = []
    for draw in range(2):
        network.inputs = [a_little_off(x, draw) for x in inputs]
        rounded.append(network.gradients())
    network.inputs = inputs
    errors = [
        float(np.sqrt(np.mean([np.sum((a - b) ** 2, dtype="float64") for b in others])))
        for a, *others in zip(exact, *rounded, strict=True)
    ]
    groups = values.of_one_count(network.colours)
    counts = [colour.count for colour in network.colours]
    folded = [_folded(gradient) for gradient in exact]

    def clearness(number: int) -> float:
        """The smallest gap of two projections of one count, as a multiple of their errors."""
        smallest, stream = np.inf, values.stream(network.plan.seed + number)
        for members in groups:
            noise = np.roll(stream, -(counts[members[0]] * 101) % values.PERIOD)
            prints = {i: float(folded[i] @ noise[: folded[i].size]) for i in members}
            smallest = min(smallest, _smallest_gap(prints, errors))
        return smallest

    return max(range(1, CANDIDATES + 1), key=clearness)


def _folded(gradient: np.ndarray) -> np.ndarray:
    """The gradient with its stretches of one period of the noise added up."""
    whole = gradient.size // values.PERIOD * values.PERIOD
    if not whole:
        return gradient.astype("float64")
    folded = gradient[:whole].reshape(-1, values.PERIOD).sum(axis=0, dtype="float64")
    folded[: gradient.size - whole] += gradient[whole:]
    return folded


def _smallest_gap(prints: dict[int, float], errors: Sequence[float]) -> float:
    """The smallest gap as a multiple of the errors; 0 where it is in doubt what is silent."""
    limit = values.SILENT * max(map(abs, prints.values()))
    if any(limit / FURTHER < abs(p) < limit * FURTHER for p in prints.values()):
        return 0.0
    heard = sorted((p, errors[i]) for i, p in prints.items() if abs(p) > limit)
    gaps = [(b - a) / max(e, f, 1e-30) for (a, e), (b, f) in itertools.pairwise(heard)]
    return min(gaps, default=np.inf)
