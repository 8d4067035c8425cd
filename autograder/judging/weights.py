"""Says which weights a network has too many or too few, and in which step."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from autograder.data.observation import Stored, Tensor

MOST_NAMED = 3
USUAL = ("kernel", "bias", "gamma", "beta")  # what Keras's layers call their own

Weight = tuple[str, tuple[int, ...]]  # its name and its shape without sides of 1


@dataclass(frozen=True)
class Balance:
    """What is said of weights too many or too few; `steps` are those of the ones too many."""

    text: str = ""
    steps: frozenset[int] = frozenset()
    kinds: frozenset[str] = frozenset()


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
    if _size(mine) != found or not {name for name, _ in mine} <= {*USUAL, *(n for n, _ in theirs)}:
        return Balance(many)
    extra, lacking = _only_in_one(mine, theirs), _only_in_one(theirs, mine)
    places, unplaced = _placed(extra, trace, right)
    needless, missing = _many_words(places, unplaced, trace), _listed(_sizes(lacking))
    told = _size(extra) - _size(lacking) == found - expected  # else some are of another size
    are = "is" if lacking.total() == 1 else "are"
    if told and needless and not missing:
        many += f": {needless}"
    elif told and missing and not needless:
        many += f": {missing} {are} missing"
    else:
        many += f". Needless: {needless}" if needless else ""
        many += f". Missing: {missing}" if missing else ""
    return Balance(many, frozenset(places), _kinds(places, unplaced, lacking, trace))


def _size(weights: Counter[Weight]) -> int:
    return sum(math.prod(shape) * count for (_, shape), count in weights.items())


def _kinds(
    places: dict[int, list[str]],
    unplaced: Counter[Weight],
    lacking: Counter[Weight],
    trace: Sequence[Tensor],
) -> frozenset[str]:
    """What is too many, and in which kind of step, or too few, whatever its size."""
    many = {
        f"needless {name} of {trace[number].operation.partition(',')[0]}"
        for number, names in places.items()
        for name in names
    }
    many |= {f"needless {name}" for name, _ in unplaced}
    return frozenset(many | {f"missing {name}" for name, _ in lacking})


def same_layers(usual: Sequence[Stored], trace: Sequence[Tensor]) -> bool:
    """Whether as many layers with a kernel are seen as the model answer has."""
    mine = [weight for tensor in trace for weight in tensor.weights]
    return _kernels(mine) == _kernels(usual)


def _kernels(weights: Sequence[Stored]) -> int:
    return sum(len(_weight(weight)[1]) > 1 for weight in weights)


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
) -> str:
    """The weights too many in words, as far as it shows by where they are."""
    phrases = []
    for number in sorted(places):
        tensor, names = trace[number], places[number]
        whole = len(names) == len(tensor.weights)
        held = "" if whole else f"the {' and the '.join(names)} of "
        phrases.append(f"{held}`{tensor.operation}`")
    phrases += _sizes(unplaced)
    return _listed(phrases)


def _sizes(weights: Counter[Weight]) -> list[str]:
    return [f"`{name}` ({math.prod(shape):,})" for name, shape in weights.elements()]


def _listed(phrases: Sequence[str]) -> str:
    """Phrases one after the other, each once, the first few of many."""
    counts = Counter(phrases)
    words = [f"{words} ({n} times)" if n > 1 else words for words, n in counts.items()]
    more = len(words) - MOST_NAMED
    if more > 1:
        words = [*words[:MOST_NAMED], f"{more} more"]
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
