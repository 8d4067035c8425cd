"""Says what the calls that go wrong have in common, such as "wherever `stride` is not 1"."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autograder.data.arguments import Input

Call = dict[str, Any]
FEW, MANY = 3, 8  # cases of a task
MOST_VALUES = 3  # of an argument that are named
WHERE = "cases tried"  # in a sentence on which of them go wrong
ENOUGH = 3  # cases that are no chance where a property is one of sizes
NO_WIDTHS = ("stride", "kernel", "dilation", "padding")  # not to be compared with channels


def common_ground(calls: Sequence[Call], wrong: set[int]) -> str | None:
    """A sentence on what the wrong calls have in common; None where nothing simple is.

    One property is tried before two together, properties of what is passed before those of sizes.
    The latter (odd, wider than high) are many: one that fits by chance is soon found. They are
    said alone, of several calls, and only where they fit exactly.
    """
    number, rest = len(wrong), len(calls) - len(wrong)
    if not wrong or not rest or (rest == 1 and len(calls) > FEW):
        return None
    holding = _holding([list(_of_what_is_passed(call)) for call in calls])
    chosen, extra = _fewest_others(holding, wrong, sizes=(1, 2) if number > 1 else (1,))
    if extra and min(number, rest) >= ENOUGH and len(calls) >= MANY:
        of_sizes = _holding([list(_of_sizes(call)) for call in calls]) | _of_bounds(calls)
        by_size, further = _fewest_others(of_sizes, wrong, sizes=(1,))
        chosen, extra = (chosen, extra) if further else (by_size, 0)
    if chosen and number == 1 and _stands_out_otherwise(calls, min(wrong), chosen):
        return None
    others = f"the other {rest} {'is' if rest == 1 else 'are'} right"
    if chosen and not extra:
        tried = f"Of the {len(calls)} {WHERE} {number} {'goes' if number == 1 else 'go'} wrong"
        return f"{tried}, exactly those where {chosen}; {others}."
    if chosen and number > 1 and extra <= min(number // 2, rest - 1):
        return f"In all {number} {WHERE} that go wrong, {chosen}; {others}."
    return None


def right_ground(calls: Sequence[Call], wrong: set[int]) -> tuple[str, str, set[int]]:
    """What the right calls have in common and no wrong one has; what to take up next, and where.

    Several properties together, as of an answer that was begun with the simplest calls. All is
    empty where one tells them apart already (`common_ground`), or none do.
    """
    right = set(range(len(calls))) - wrong
    holding = _holding([list(_of_what_is_passed(call)) for call in calls])
    names = [name for name, held in holding.items() if right <= held and wrong - held]
    for size in (2, 3):
        for chosen in itertools.combinations(names, size):
            if set.intersection(*(holding[name] for name in chosen)) == right:
                break
        else:
            continue
        break
    else:
        return "", "", set()
    if any(holding[name] == right for name in names):
        return "", "", set()
    for name in sorted(chosen, key=lambda name: _argument_place(name, calls[0])):
        others = [holding[other] for other in chosen if other != name]
        following = set.intersection(*others) & wrong
        if following:
            return _listed(chosen), _otherwise(name, [calls[i] for i in following]), following
    return _listed(chosen), "", set()


def branches_of(calls: Sequence[Call], wrong: set[int]) -> list[set[int]]:
    """The wrong calls that have one word, or none, for an argument: those of a branch, it seems."""
    found: dict[tuple[str, str], set[int]] = {}
    for index in wrong:
        for name, value in calls[index].items():
            if value is None or isinstance(value, str | bool):
                found.setdefault((name, repr(value)), set()).add(index)
    return list(found.values())


def _argument_of(name: str) -> str:
    """The argument of which a property tells."""
    return name.split("`")[1]


def _argument_place(name: str, call: Call) -> int:
    return list(call).index(_argument_of(name))


def _otherwise(name: str, calls: Sequence[Call]) -> str:
    """How the argument of a property is in calls that have not got it."""
    argument = _argument_of(name)
    values = [call[argument] for call in calls]
    if name == f"`{argument}` is None":
        return f"a `{argument}` that is not None"
    if all(isinstance(value, str | int) for value in values):
        shown = [repr(value) for value in sorted(set(values), key=str)]
        return f"`{argument}` {' or '.join(shown[:MOST_VALUES])}"
    return f"another `{argument}`"


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _stands_out_otherwise(calls: Sequence[Call], number: int, chosen: str) -> bool:
    """Whether one call differs from all others in a plain argument that `chosen` does not name."""
    call, others = calls[number], [*calls[:number], *calls[number + 1 :]]
    return any(
        isinstance(value, int | str)
        and f"`{name}`" not in chosen
        and all(other.get(name) != value for other in others)
        for name, value in call.items()
    )


def _holding(properties: Sequence[Sequence[tuple[str, bool]]]) -> dict[str, set[int]]:
    """For each property the calls it is true of; none that is true of all."""
    found: dict[str, set[int]] = {}
    for call, of_call in enumerate(properties):
        for name, holds in of_call:
            found.setdefault(name, set()).update([call] * holds)
    return {name: calls for name, calls in found.items() if len(calls) < len(properties)}


def _of_bounds(calls: Sequence[Call]) -> dict[str, set[int]]:
    """For each bound on a number of which many values are tried, the calls beyond it."""
    found: dict[str, set[int]] = {}
    for name in set.intersection(*(set(call) for call in calls)):
        values = [call[name] for call in calls]
        if not all(type(value) is int for value in values) or len(set(values)) < MANY:
            continue
        for bound in sorted(set(values)):
            below = {index for index, value in enumerate(values) if value < bound}
            if below:
                highest = max(values[index] for index in below)
                found[f"`{name}` is {bound} or more"] = set(range(len(calls))) - below
                found[f"`{name}` is {highest} or less"] = below
    return found


def _fewest_others(
    holding: dict[str, set[int]], wrong: set[int], sizes: Sequence[int]
) -> tuple[str, int]:
    """The properties together that hold for the wrong calls and the fewest others."""
    best, fewest = "", len(wrong) + 1000
    names = [name for name, calls in holding.items() if wrong <= calls]
    for size in sizes:
        for chosen in itertools.combinations(names, size):
            extra = len(set.intersection(*(holding[name] for name in chosen))) - len(wrong)
            if extra < fewest:
                best, fewest = " and ".join(chosen), extra
    return best, fewest


def _of_what_is_passed(call: Call) -> Iterator[tuple[str, bool]]:
    """Sentences on a call, the telling ones first, and whether each is true of it."""
    for name, value in call.items():
        yield from _of_value(name, value)
    yield from _of_channels(call)


def _of_sizes(call: Call) -> Iterator[tuple[str, bool]]:
    for name, value in call.items():
        yield from _of_shape(name, value)
    for name, value in call.items():
        yield from _of_parity(name, value)
    numbers = [(n, v) for n, v in call.items() if isinstance(v, int) and not isinstance(v, bool)]
    for (first, a), (second, b) in itertools.permutations(numbers, 2):
        if b:
            yield f"`{first}` is a multiple of `{second}`", a % b == 0
    for (first, a), (second, b) in itertools.combinations(numbers, 2):
        yield f"`{first}` equals `{second}`", a == b


def _of_value(name: str, value: Any) -> Iterator[tuple[str, bool]]:
    yield f"`{name}` is None", value is None
    yield f"`{name}` is not None", value is not None
    if isinstance(value, str | bool):
        yield f"`{name}` is {value!r}", True
    elif isinstance(value, int):
        yield f"`{name}` is not 1", value != 1
        yield f"`{name}` is 1", value == 1
        yield f"`{name}` is 0", value == 0
        yield f"`{name}` is not 0", value != 0
    elif isinstance(value, list) and value and all(isinstance(entry, tuple) for entry in value):
        for place, numbers in enumerate(zip(*value, strict=False)):
            number = ("first", "second", "third", "fourth")[min(place, 3)]
            yield f"a {number} number in `{name}` is not 1", any(n != 1 for n in numbers)
            yield f"every {number} number in `{name}` is 1", all(n == 1 for n in numbers)
        yield f"`{name}` has several entries", len(value) > 1


def _of_channels(call: Call) -> Iterator[tuple[str, bool]]:
    inputs = [value.shape for value in call.values() if isinstance(value, Input)]
    for name, value in call.items():
        if name not in NO_WIDTHS and isinstance(value, int) and not isinstance(value, bool):
            for shape in inputs[:1]:
                yield f"`{name}` is the number of channels", value == shape[-1]
                yield f"`{name}` is not the number of channels", value != shape[-1]


def _of_parity(name: str, value: Any) -> Iterator[tuple[str, bool]]:
    if isinstance(value, int) and not isinstance(value, bool):
        yield f"`{name}` is even", value % 2 == 0
        yield f"`{name}` is odd", value % 2 == 1


def _of_shape(name: str, value: Any) -> Iterator[tuple[str, bool]]:
    shape = value.shape if isinstance(value, Input | np.ndarray) else ()
    sides = [side for side in shape[:2] if side is not None]
    if len(sides) == 2:
        height, width = sides
        yield f"`{name}` is not square", height != width
        yield f"`{name}` is wider than high", height < width
        yield f"`{name}` is higher than wide", height > width
        yield f"a side of `{name}` is even", not (height % 2 and width % 2)
        yield f"a side of `{name}` is odd", bool(height % 2 or width % 2)
