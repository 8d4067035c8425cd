"""Says which weights a network has too many or too few, and in which step."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from autograder.data.observation import Stored, Tensor

MOST_NAMED = 3
USUAL = ("kernel", "bias", "gamma", "beta")  # what Keras's layers call their own

Weight = tuple[str, tuple[int, ...]]  # its name and its shape without sides of 1


@dataclass(frozen=True)
class Balance:
    """What is said of weights too many or too few; `steps` are those of the ones too many."""

    text: str = ""
    steps: frozenset[int] = field(default_factory=frozenset)


def balance_of(
    expected: int | None,
    usual: Sequence[Stored],
    found: int | None,
    trace: Sequence[Tensor],
    right: Sequence[bool],
) -> Balance:
    """Compare a network's weights with the `usual` ones, the model answer's.

    They are named only where all of them are seen in the steps taken, and bear the names that
    Keras's layers give: then those that only one of both has are no matter of how they are stored.
    `right` says which steps give what is expected.
    """
    if expected is None or found is None or expected == found:
        return Balance()
    many = f": {abs(found - expected):,} too {'many' if found > expected else 'few'}"
    mine = Counter(_weight(weight) for tensor in trace for weight in tensor.weights)
    theirs = Counter(map(_weight, usual))
    seen = sum(math.prod(shape) * count for (_, shape), count in mine.items())
    if seen != found or not {name for name, _ in mine} <= {*USUAL, *(n for n, _ in theirs)}:
        return Balance(many)
    extra, lacking = _only_in_one(mine, theirs), _only_in_one(theirs, mine)
    places, unplaced = _placed(extra, trace, right)
    words = _many_words(places, unplaced, trace)
    if lacking:
        are = "is" if lacking.total() == 1 else "are"
        words.append(f"{_listed(_sizes(lacking))} {are} missing")
    said = f"{many}{': ' if words else ''}{'; '.join(words)}"
    return Balance(said, frozenset(places))


def _weight(weight: Stored) -> Weight:
    return weight.name, tuple(side for side in weight.shape if side > 1)


def _only_in_one(one: Counter[Weight], other: Counter[Weight]) -> Counter[Weight]:
    """The weights that one has beyond the other's, but for those that replace one of its name."""
    replaced = {name for name, _ in other - one}
    return Counter({w: count for w, count in (one - other).items() if w[0] not in replaced})


def _placed(
    extra: Counter[Weight], trace: Sequence[Tensor], right: Sequence[bool]
) -> tuple[dict[int, list[str]], Counter[Weight]]:
    """In which steps the weights too many lie, by name, and those of which it cannot be told.

    Of more steps that hold such a weight those that give nothing right are taken.
    """
    places: dict[int, list[str]] = {}
    unplaced: Counter[Weight] = Counter()
    for weight, count in extra.items():
        holders = [n for n, t in enumerate(trace) for w in t.weights if _weight(w) == weight]
        if len(holders) > count:
            holders = [number for number in holders if not right[number]]
        if len(holders) != count:
            unplaced[weight] = count
            continue
        for number in holders:
            places.setdefault(number, []).append(weight[0])
    return places, unplaced


def _many_words(
    places: dict[int, list[str]], unplaced: Counter[Weight], trace: Sequence[Tensor]
) -> list[str]:
    """What is said of weights too many: as one phrase, if there are any."""
    phrases = []
    for number in sorted(places):
        tensor, names = trace[number], places[number]
        whole = len(names) == len(tensor.weights)
        held = "" if whole else f"the {' and the '.join(names)} of "
        phrases.append(f"{held}`{tensor.operation}`")
    phrases += _sizes(unplaced)
    return [_listed(phrases)] if phrases else []


def _sizes(weights: Counter[Weight]) -> list[str]:
    return [f"`{name}` ({math.prod(shape):,})" for name, shape in weights.elements()]


def _listed(phrases: Sequence[str]) -> str:
    """Phrases one after the other, each once, the first few of many."""
    counts = Counter(phrases)
    words = [f"{words} ({n} times)" if n > 1 else words for words, n in counts.items()]
    more = len(words) - MOST_NAMED
    if more > 1:
        words = [*words[:MOST_NAMED], f"{more} more"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
