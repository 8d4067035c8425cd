"""Values for the weights of a network that could have been written in many ways.

Two programs of one architecture name, shape and order their variables differently, and must get
the same values all the same. A weight is known by its *colour*: its element count, then the rank
of its gradient among the weights of that count (colour refinement, Weisfeiler and Leman 1968).
Values depend on the colour alone and fill an array in C order, so that `Dense` gets what a 1x1
convolution gets, and a depthwise kernel what a grouped one gets.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from autograder.data.observation import Plan

KEPT = 96  # streams, each of a quarter of a megabyte: those of an exercise's questions
OF_TENSORS = 99  # the seed with which tensors on the way through a net are projected
PERIOD = 65_537  # a prime: rows of no layer fall into step with it
ALIGNMENT = 64  # bytes
IDLE = 1_000_000
TIE = 2e-4  # gradients this close, relative, are called equal
SILENT = 1e-4  # of a deep net, gradients below this share of the largest are rounding
CLEAR = 2e-3  # a key is made with a seed for which all others are at least this far apart


@dataclass(frozen=True, order=True)
class Colour:
    """What is known of a weight: its element count and its rank among those of that count."""

    count: int
    rank: int = 0


@lru_cache(maxsize=KEPT)
def stream(seed: int) -> np.ndarray:
    """One period of reproducible normal numbers; nobody may write to it."""
    return np.random.default_rng(seed).standard_normal(PERIOD).astype("float32")


def seeds_of(plan: Plan, outputs: int) -> list[int]:
    """The seeds of the streams from which a net of so many outputs is filled and looked at."""
    of_weights = [plan.seed, plan.seed + 1, plan.seed + 2, plan.seed + plan.projection]
    return [OF_TENSORS, *of_weights, *(plan.seed + 10 + index for index in range(outputs))]


def aligned_zeros(count: int) -> np.ndarray:
    """Zeros that TensorFlow takes over without a copy, since they begin where it wants them to.

    Until they are written they take no memory, and they give it back as soon as they are dropped.
    """
    items = ALIGNMENT // 4
    room = np.zeros(count + items, "float32")
    start = -room.ctypes.data % ALIGNMENT // 4
    return room[start : start + count]


def noise(seed: int, count: int, offset: int = 0, scale: float = 1.0) -> np.ndarray:
    """`count` reproducible normal numbers; `offset` picks another stretch of the same stream."""
    drawn, start = aligned_zeros(count), (offset * 7919 + count * 101) % PERIOD
    if count <= PERIOD:
        _copy_turned(stream(seed), start, drawn)
        drawn *= np.float32(scale)
        return drawn
    period, whole = np.roll(stream(seed), -start), count // PERIOD * PERIOD
    period *= np.float32(scale)
    drawn[:whole].reshape(-1, PERIOD)[:] = period
    drawn[whole:] = period[: count - whole]
    return drawn


def _copy_turned(period: np.ndarray, start: int, to: np.ndarray) -> None:
    """Fill an array that is no longer than a period from a place in it on, and round again."""
    head = min(to.size, period.size - start)
    to[:head] = period[start : start + head]
    to[head:] = period[: to.size - head]


def noise_dot(seed: int, array: np.ndarray) -> float:
    """The dot product of an array, in C order, with `noise(seed, array.size)`."""
    flat = array.ravel()
    if flat.size < PERIOD:
        return float(flat.astype("float64") @ noise(seed, flat.size).astype("float64"))
    period = np.roll(stream(seed), -(flat.size * 101) % PERIOD).astype("float64")
    whole = flat.size // PERIOD * PERIOD
    folded = flat[:whole].reshape(-1, PERIOD).sum(axis=0, dtype="float64")
    rest = flat[whole:].astype("float64")
    return float((folded @ period if whole else 0.0) + rest @ period[: rest.size])


def is_vector(shape: tuple[int, ...]) -> bool:
    """Biases, scales, offsets and statistics: at most one side is longer than 1."""
    return sum(side > 1 for side in shape) <= 1


def kernel_values(seed: int, shape: tuple[int, ...], colour: Colour, scale: float) -> np.ndarray:
    """Normal values, their size set by the element count alone.

    Its fourth root keeps a net's signal steady where a layer has about as many filters as
    channels (after He 2015, arXiv:1502.01852).
    """
    gain = 1.3 * scale / colour.count**0.25
    return noise(seed, colour.count, colour.rank, gain).reshape(shape)


def vector_values(
    seed: int, shape: tuple[int, ...], colour: Colour, scale: float, deep: bool = False
) -> np.ndarray:
    """Values of both signs and away from zero, so that each one matters.

    Those of a deep net are positive and more alike: hardly a unit is then idle on nearly the whole
    map, which the next normalisation would enlarge together with its rounding.
    """
    drawn = noise(seed + 1, colour.count, colour.rank)
    if deep:
        return (scale * (0.9 + np.abs(drawn) / 8)).reshape(shape)
    return (scale * np.sign(drawn) * (0.5 + np.abs(drawn) / 1.6)).reshape(shape)


def statistic_factors(seed: int, count: int) -> np.ndarray:
    """Factors in [0.7, 1.4] that set moving statistics apart from those of the batch."""
    return (0.7 + 0.7 * (np.tanh(noise(seed + 2, count)) + 1) / 2).astype("float32")


def typical_size(array: np.ndarray) -> np.ndarray:
    """The mean logarithm of the absolute values, (1,): the same however they are split up."""
    sizes = np.abs(np.nan_to_num(array.astype("float64")))
    if not sizes.any():
        return np.zeros(1, "float32")
    floor = 1e-6 * np.sqrt(np.mean(sizes**2))  # what is 0 but for rounding counts as this
    return np.array([np.mean(np.log(np.maximum(sizes, floor)))], "float32")


def constant_along_inputs(values: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """The same kernel for every input channel (the axis before the last).

    A network filled so does not see in which order its channels were concatenated. With a `scale`
    of 1 a deep one forgets its input, layer by layer.
    """
    if is_vector(values.shape) or values.ndim < 2:
        return values
    first = scale * values[..., :1, :] * np.sqrt(1.0 / values.shape[-2])
    return np.broadcast_to(first, values.shape).astype("float32")


def refine(colours: list[Colour], fingerprints: np.ndarray) -> list[Colour]:
    """Give weights of one colour different ranks where their fingerprints differ.

    Ties keep one rank: weights that the network cannot tell apart must keep equal values. A
    weight that does not reach the output gets a rank of its own, so that an idle one more leaves
    the ranks of the others as they are.
    """
    refined: list[Colour] = list(colours)
    for count in {colour.count for colour in colours}:
        members = [i for i, colour in enumerate(colours) if colour.count == count]
        if len(members) < 2:
            continue
        floor = 1e-6 * float(np.max(np.abs(fingerprints[members]), initial=0.0))
        for idle in (i for i in members if abs(fingerprints[i]) <= 1e-6 * floor):
            refined[idle] = Colour(count, IDLE)
        members = [i for i in members if refined[i].rank != IDLE]
        members.sort(key=lambda i: (colours[i].rank, fingerprints[i]))
        rank = 0
        for previous, current in zip([None, *members], members, strict=False):
            if previous is not None:
                same = colours[previous].rank == colours[current].rank and _tied(
                    fingerprints[previous], fingerprints[current], floor
                )
                rank += not same
            refined[current] = Colour(count, rank)
    return refined


def silenced(colours: list[Colour], fingerprints: np.ndarray) -> np.ndarray:
    """Fingerprints with those set to 0 that are `SILENT` beside the largest of their count.

    A gradient that is 0 but for rounding would otherwise rank its weight by the rounding.
    """
    fingerprints = fingerprints.copy()
    for members in of_one_count(colours):
        sizes = np.abs(fingerprints[members])
        fingerprints[members] *= sizes > SILENT * sizes.max()
    return fingerprints


def of_one_count(colours: list[Colour]) -> list[list[int]]:
    """The places of the weights of each element count that several have."""
    places: dict[int, list[int]] = {}
    for place, colour in enumerate(colours):
        places.setdefault(colour.count, []).append(place)
    return [members for members in places.values() if len(members) > 1]


def clearance(colours: list[Colour], fingerprints: np.ndarray) -> float:
    """The smallest relative gap between fingerprints of one count that are not tied.

    A key whose seed leaves this below `CLEAR` could rank two weights differently on another
    machine; such a seed is not used.
    """
    smallest = np.inf
    for count in {colour.count for colour in colours}:
        members = np.sort([fingerprints[i] for i, c in enumerate(colours) if c.count == count])
        floor = 1e-6 * float(np.max(np.abs(members), initial=0.0))
        for a, b in itertools.pairwise(members):
            gap = abs(a - b) / max(abs(a), abs(b), floor, 1e-30)
            if gap > TIE / 20:
                smallest = min(smallest, gap)
    return float(smallest)


def _tied(a: float, b: float, floor: float) -> bool:
    return abs(a - b) <= TIE * max(abs(a), abs(b)) + floor
