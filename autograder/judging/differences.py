"""Says in a sentence where an array parts from the one expected."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

MOST_LISTED = 12  # whole numbers that are shown instead of described
MOST_ROWS = 4  # of a table of which rows are shown
NOTHING_MORE = "values differ, first at"
NEAR = 0.01  # of a value, or of how much they vary
ORDINALS = ("first", "second", "third", "fourth")
MOST_RUNS = 4  # of lines that are named
FEW_LABELS = 4  # values that are names of kinds
FEW = 8  # values from which nothing can be concluded


def close(expected: np.ndarray, found: np.ndarray, tolerance: float) -> np.ndarray:
    """Where `found` agrees with `expected`, element by element.

    Integers and booleans must be equal. Floats may differ by `tolerance` of the element or of the
    array's own spread, whichever is larger; a NaN agrees only with a NaN.
    """
    if expected.dtype.kind in "biu":
        return expected == found
    finite = np.isfinite(expected)
    spread = float(np.std(expected[finite])) if finite.any() else 0.0
    with np.errstate(all="ignore"):
        near = np.abs(expected - found) <= tolerance * np.maximum(np.abs(expected), spread) + 1e-9
    return np.where(finite, near, (expected == found) | (np.isnan(expected) & np.isnan(found)))


def describe(expected: np.ndarray, found: np.ndarray, tolerance: float) -> str:
    """One sentence on how `found` differs from `expected`, two arrays of one shape."""
    whole, counted = expected.dtype.kind in "iub", expected.dtype.kind in "iu"
    agrees = close(expected, found, tolerance)
    found = found.astype("float64")
    expected = expected.astype("float64")
    if agrees.all():
        return "the values agree"
    if not np.isfinite(found[np.isfinite(expected)]).all():
        bad = int((~np.isfinite(found) & np.isfinite(expected)).sum())
        return f"{bad} of {found.size} values are not finite (NaN or infinity)"
    if expected.size == 1:
        return f"expected {_number(expected)}, found {_number(found)}{_ratio(expected, found)}"
    if expected.size <= (MOST_LISTED if whole else MOST_LISTED // 6):
        right = _what_is_right(agrees)
        return f"expected {_plain(expected)}, found {_plain(found)}{right}"
    relabelled = _relabelled(expected, found, agrees) if counted else ""
    if relabelled:
        return relabelled
    for guess in (_scaled, _cut, _moved, _each_channel, _regional, _bent, _near):
        sentence = guess(expected, found, agrees, tolerance)
        if sentence:
            return sentence
    return _first_difference(expected, found, agrees)


def describe_rows(expected: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> str:
    """Which rows of a table are missing, and what stands in their place; any order is right."""
    wanted, given = (Counter(zip(*table, strict=True)) for table in (expected, found))
    right = (wanted & given).total()
    missing, instead = (_rows(rows) for rows in (wanted - given, given - wanted))
    return f"{right} of {wanted.total()} are right; {missing} missing, yours has {instead} instead"


def _rows(rows: Counter) -> str:
    shown = [f"({_listed([f'{float(x):g}' for x in row])})" for row in rows.elements()]
    return _listed(shown[:MOST_ROWS]) + (" and more" if len(shown) > MOST_ROWS else "")


def describe_shape(expected: np.ndarray, found: np.ndarray, tolerance: float) -> str:
    """What is the matter with an array of another shape: the end of a sentence, or nothing."""
    want, have = expected.shape, found.shape
    if not want:
        return ": a single number is asked for"
    if any(n == 1 and (*have[:axis], *have[axis + 1 :]) == want for axis, n in enumerate(have)):
        return ": an axis of length 1 too many"
    inner = _inside(expected, found, tolerance)
    if inner:
        return inner
    if len(have) < len(want):
        return _squeezed(want, have) or _summed(expected, found, tolerance)
    if len(have) > len(want):
        return f": {len(have)} axes instead of {len(want)}; perhaps a sum over one is missing"
    if sorted(want) == sorted(have):
        for axes in itertools.permutations(range(len(want))):
            turned = np.transpose(expected, axes)
            if turned.shape == have and close(turned, found, tolerance).all():
                return f": the values are right but transposed, your axes are the expected {axes}"
        return ": the axes stand in another order"
    wrong = [axis for axis, (a, b) in enumerate(zip(want, have, strict=True)) if a != b]
    inside = tuple(slice(0, min(a, b)) for a, b in zip(want, have, strict=True))
    same = close(expected[inside], found[inside], tolerance).all() and expected[inside].size
    words = [
        f"{_name(axis, len(want))} {abs(have[axis] - want[axis])} too "
        f"{'many' if have[axis] > want[axis] else 'few'}"
        for axis in wrong
    ]
    return f": {', '.join(words)}{', what is there is right' if same else ''}"


def _inside(expected: np.ndarray, found: np.ndarray, tolerance: float) -> str:
    """Whether what is expected is one of several things that were found."""
    for axis in (0, -1) if found.ndim == expected.ndim + 1 else ():
        for number, part in enumerate(np.moveaxis(found, axis, 0)):
            if part.shape == expected.shape and close(expected, part, tolerance).all():
                return f": number {number} of your {found.shape[axis]} is right; return it alone"
    return ""


def _squeezed(want: tuple[int, ...], have: tuple[int, ...]) -> str:
    """Which axes of length 1 are missing, if that is all."""
    single = [axis for axis, length in enumerate(want) if length == 1]
    for axes in itertools.combinations(single, len(want) - len(have)):
        if tuple(n for axis, n in enumerate(want) if axis not in axes) == have:
            named = f"axis {axes[0]} is" if len(axes) == 1 else f"axes {_listed(axes)} are"
            return f": {named} missing, of length 1"
    return ""


def _summed(expected: np.ndarray, found: np.ndarray, tolerance: float) -> str:
    """Which axes of the expected array have been added up or averaged away."""
    some = range(1, expected.ndim + 1) if expected.size else ()  # nothing has no maximum
    for count in some:
        for axes in itertools.combinations(range(expected.ndim), count):
            for reduce, word in ((np.sum, "sum"), (np.mean, "mean"), (np.max, "maximum")):
                reduced = reduce(expected, axis=axes)
                if reduced.shape == found.shape and close(reduced, found, tolerance).all():
                    return f": it is the {word} of the expected values over axis {_listed(axes)}"
    return f": {expected.ndim - found.ndim} axes too few"


def _name(axis: int, ndim: int) -> str:
    names = {2: ("rows", "columns"), 3: ("rows", "columns", "channels")}.get(ndim)
    return names[axis] if names else f"axis {axis}:"


def _listed(items: Sequence[object]) -> str:
    return ", ".join(map(str, items))


def _what_is_right(agrees: np.ndarray) -> str:
    """Of a few numbers: which column is wrong, and which rows are right at the start."""
    if agrees.ndim == 1 and agrees.size == 2 and agrees.any():
        return f": the {ORDINALS[int(agrees.argmin())]} of the two is wrong, the other is right"
    if agrees.ndim != 2 or len(agrees) < 2:
        return ""
    columns, rows = ~np.all(agrees, axis=0), np.all(agrees, axis=1)
    words: list[str] = []
    if columns.sum() == 1 < agrees.shape[1] <= len(ORDINALS):
        words.append(f"only the {ORDINALS[int(columns.argmax())]} number of a row is wrong")
    first = int(np.argmin(rows))
    if first:
        words.append(f"the first {f'{first} rows are' if first > 1 else 'row is'} right")
    return f": {', '.join(words)}" if words else ""


def _number(value: np.ndarray) -> str:
    return f"{float(value.item()):.6g}"


def _plain(array: np.ndarray) -> str:
    if array.ndim == 0:
        return _number(array)
    return f"[{', '.join(map(_plain, array))}]"


def _ratio(expected: np.ndarray, found: np.ndarray) -> str:
    if not expected.any() or not found.any():
        return ""
    expected, found = expected.reshape(()), found.reshape(())
    ratio, difference = float(found / expected), float(found - expected)
    if difference == int(difference) and abs(difference) <= 3 and float(expected).is_integer():
        return f", {abs(difference):.0f} too {'many' if difference > 0 else 'few'}"
    overflow = _overflow(float(expected), difference)
    if overflow:
        return overflow
    return _simple_ratio(ratio) if 0.001 < abs(ratio) < 1000 else ""


def _simple_ratio(ratio: float) -> str:
    """A ratio that says something, such as 2 or a third; 0.8235 says nothing to anybody."""
    if abs(ratio - round(ratio)) < 1e-6 * abs(ratio) and round(ratio):
        return f" ({ratio:.4g} times as much)"
    parts = 1 / ratio
    if abs(parts - round(parts)) > 1e-6 * abs(parts):
        return ""
    exact = f"{ratio:.4g}"
    if abs(float(exact) - ratio) < 1e-9:
        return f" ({exact} times as much)"
    return f" (1/{round(parts)} of it)"


def _overflow(expected: float, difference: float) -> str:
    """Whether a whole number is what an integer of few bits makes of the expected one."""
    whole = expected % 1 == 0 and abs(expected) < 2**53
    for bits in (32, 16):
        if whole and difference % 2**bits == 0 and expected % 2**bits:
            times = f"{abs(difference) / 2**bits:.0f} times " if abs(difference) > 2**bits else ""
            return f", {times}2**{bits} away from it: an integer of {bits} bits overflows"
    return ""


def _relabelled(expected: np.ndarray, found: np.ndarray, agrees: np.ndarray) -> str:
    """Of labels, a few whole numbers: whether all that are wrong are one taken for another."""
    pairs = set(zip(expected[~agrees].tolist(), found[~agrees].tolist(), strict=True))
    if len(np.unique(expected)) > FEW_LABELS or len(pairs) > 1:
        return ""
    wanted, given = pairs.pop()
    count, total = int((~agrees).sum()), int((expected == wanted).sum())
    which = "all" if count == total else str(count)
    return (
        f"{which} of the {total} values that are to be {wanted:g} are {given:g}; no other is wrong"
    )


def _first_difference(expected: np.ndarray, found: np.ndarray, agrees: np.ndarray) -> str:
    index = tuple(int(i) for i in np.argwhere(~agrees)[0])
    place = index[0] if len(index) == 1 else index
    return (
        f"{int((~agrees).sum())} of {agrees.size} {NOTHING_MORE} [{place}]: "
        f"expected {_number(expected[index])}, found {_number(found[index])}"
    )


def _scaled(
    expected: np.ndarray, found: np.ndarray, agrees: np.ndarray, tolerance: float
) -> str | None:
    """A constant factor or offset, a sign, a power."""
    if expected.size < 3 or np.ptp(expected) == 0:
        return None
    if not found.any():
        return "all your values are 0"
    if np.ptp(found) <= tolerance * np.ptp(expected):
        return f"all your values are the same, {_number(found.flat[0])}"
    factor = float(np.vdot(expected, found) / np.vdot(expected, expected))
    if factor and close(expected * factor, found, tolerance).all():
        if abs(factor + 1) < 0.01:
            return "every value has the wrong sign"
        return f"every value is {factor:.4g} times the expected one"
    offset = float(np.mean(found - expected))
    if close(expected + offset, found, tolerance).all():
        return f"every value is off by the same {offset:.4g}"
    if (found >= 0).all() and close(expected, found**2, tolerance).all():
        return "every value is the square root of the expected one"
    if (expected >= 0).all() and close(expected**2, found, tolerance).all():
        return "every value is the square of the expected one"
    return _power(expected, found, tolerance)


def _power(expected: np.ndarray, found: np.ndarray, tolerance: float) -> str | None:
    """All values raised to one power, or a straight line of the expected ones."""
    if (expected > 0).all() and (found > 0).all() and np.ptp(np.log(expected)) > 1e-6:
        power, shift = np.polyfit(np.log(expected.ravel()), np.log(found.ravel()), 1)
        if close(np.exp(shift) * expected**power, found, tolerance).all():
            times = "" if abs(shift) < 1e-3 else f"{np.exp(shift):.4g} times "
            return f"every value is {times}the expected one to the power of {power:.4g}"
    slope, offset = np.polyfit(expected.ravel(), found.ravel(), 1)
    if slope and close(slope * expected + offset, found, tolerance).all():
        return f"every value is {slope:.4g} times the expected one, {offset:+.4g}"
    return None


def _cut(
    expected: np.ndarray, found: np.ndarray, agrees: np.ndarray, tolerance: float
) -> str | None:
    """Values that lost their sign, their negative half, their tops or their decimals."""
    if close(np.abs(expected), found, tolerance).all():
        return "the sizes agree, but your values have lost their minus signs (an absolute value)"
    if close(np.abs(expected), np.abs(found), tolerance).all():
        return "the sizes agree, some signs do not"
    if close(np.maximum(expected, 0), found, tolerance).all():
        return "negative values have become 0 (a ReLU too many?)"
    largest_lost = np.max(np.abs(expected[~agrees]))
    kept = np.abs(expected[agrees & (found != 0)])
    if kept.size and not found[~agrees].any() and (kept > largest_lost).all():
        return f"small values, up to {largest_lost:.4g}, have become 0; the others are right"
    low, high = float(found.min()), float(found.max())
    if agrees.sum() >= FEW and close(np.clip(expected, low, high), found, tolerance).all():
        return f"your values are cut off at {low:.4g} and {high:.4g}"
    for rounded, word in ((np.rint, "rounded"), (np.floor, "rounded down"), (np.trunc, "cut off")):
        if (rounded(expected) == found).all():
            return f"your values are {word} to whole numbers"
    return None


def _each_channel(
    expected: np.ndarray, found: np.ndarray, agrees: np.ndarray, tolerance: float
) -> str | None:
    """A constant or a factor of its own for every channel."""
    if expected.ndim < 3 or expected.shape[-1] < 2 or math.prod(expected.shape[:-1]) < 3:
        return None
    others = tuple(range(expected.ndim - 1))
    offsets = np.mean(found - expected, axis=others)
    if close(expected + offsets, found, tolerance).all():
        tiny = 1e-5 * np.abs(offsets).max()
        shown = _listed([f"{o if abs(o) > tiny else 0:.3g}" for o in offsets[:4]])
        return f"every channel is off by a constant of its own ({shown}): look at the bias"
    squares = np.sum(expected**2, axis=others)
    factors = np.sum(expected * found, axis=others) / np.where(squares > 0, squares, 1)
    if factors.all() and close(expected * factors, found, tolerance).all():
        shown = _listed([f"{f:.3g}" for f in factors[:4]])
        return f"every channel is multiplied by a number of its own ({shown})"
    return None


def _bent(
    expected: np.ndarray, found: np.ndarray, agrees: np.ndarray, tolerance: float
) -> str | None:
    """Values that agree wherever the expected ones have one sign."""
    for sign, word in ((expected > 0, "positive"), (expected < 0, "negative")):
        if min(sign.sum(), (~sign).sum()) >= FEW and (agrees == sign).all():
            return f"only the values that should be {word} are right"
    return None


def _near(
    expected: np.ndarray, found: np.ndarray, agrees: np.ndarray, tolerance: float
) -> str | None:
    """Values that are hardly off."""
    if tolerance < NEAR and close(expected, found, NEAR).all():
        return (
            "your values are less than 1 % off: is something rounded, computed in float16, or a "
            "small constant another?"
        )
    return None


def _moved(
    expected: np.ndarray, found: np.ndarray, agrees: np.ndarray, tolerance: float
) -> str | None:
    """The same values in other places: transposed, shifted, flipped, channels in another order."""
    for axes in itertools.permutations(range(expected.ndim)):
        turned = np.transpose(expected, axes)
        same = axes == tuple(range(expected.ndim)) or turned.shape != found.shape
        if not same and close(turned, found, tolerance).all():
            return f"the values are transposed: your axes are the expected {axes}"
    # Before the mirror: of a mask that is its own mirror image, moved, both would be true.
    sentence = _shifted(expected, found, tolerance)
    if sentence:
        return sentence
    for count in range(1, min(expected.ndim, 3) + 1):
        for axes in itertools.combinations(range(expected.ndim), count):
            if close(np.flip(expected, axes), found, tolerance).all():
                if axes == (expected.ndim - 1,) and expected.ndim == 3:
                    return "the channels stand in the opposite order"
                return f"the values are mirrored along axis {', '.join(map(str, axes))}"
    order = _channel_order(expected, found, tolerance)
    if order:
        repeated = len(set(order)) < len(order)
        said = (
            "some channels stand there again" if repeated else "the channels stand in another order"
        )
        return f"{said}: yours are the expected {order}"
    if _same_values(expected, found, tolerance):
        return "the values are right, but stand in another order"
    return None


def _length(shifts: tuple[int, ...]) -> int:
    return sum(map(abs, shifts))


def _shifted(expected: np.ndarray, found: np.ndarray, tolerance: float) -> str | None:
    """Rows and columns moved by one or two, where most of the array overlaps with itself."""
    steps = (0, 1, -1, 2, -2)
    axes = range(min(expected.ndim, 2))
    for shifts in sorted(itertools.product(steps, repeat=len(axes)), key=_length):
        if not any(shifts) or any(2 * abs(s) >= expected.shape[a] for a, s in enumerate(shifts)):
            continue
        moved = tuple(slice(max(s, 0), expected.shape[a] + min(s, 0)) for a, s in enumerate(shifts))
        rest = tuple(
            slice(max(-s, 0), expected.shape[a] + min(-s, 0)) for a, s in enumerate(shifts)
        )
        # A small part agrees by chance, and where all is alike every shift fits.
        telling = 2 * expected[rest].size > expected.size and np.ptp(expected[rest]) > 0
        if telling and close(expected[rest], found[moved], tolerance).all():
            words = [f"{s:+d} along axis {a}" for a, s in enumerate(shifts) if s]
            return f"the values are shifted by {' and '.join(words)}"
    return None


def _channel_order(expected: np.ndarray, found: np.ndarray, tolerance: float) -> list[int]:
    """For each channel found the number of the expected one it equals; empty if one equals none.

    Of several that are alike, such as those of zeros, each is taken once as long as there is one.
    """
    if expected.ndim < 3:
        return []
    order = []
    for channel in range(found.shape[-1]):
        same = [
            i
            for i in range(expected.shape[-1])
            if close(expected[..., i], found[..., channel], tolerance).all()
        ]
        if not same:
            return []
        order.append(next((i for i in same if i not in order), same[0]))
    return order


def _same_values(expected: np.ndarray, found: np.ndarray, tolerance: float) -> bool:
    """Of yes and no, as many of each say nothing of an order."""
    same = close(np.sort(expected, None), np.sort(found, None), tolerance).all()
    return bool(same and len(np.unique(expected)) > 2)


def _regional(
    expected: np.ndarray, found: np.ndarray, agrees: np.ndarray, tolerance: float
) -> str | None:
    """Differences confined to the border, to some channels, to some rows."""
    if expected.ndim >= 2 and min(expected.shape[:2]) >= 3 and expected.size >= 16:
        sentence = _border(agrees)
        if sentence and not found[~agrees].any():
            sentence = sentence.partition(": ")[0] + ": it is 0, as if it were never written"
        if sentence:
            return sentence
    for axis, name in _axis_names(expected.ndim):
        others = tuple(a for a in range(expected.ndim) if a != axis)
        wrong = np.flatnonzero(~agrees.all(axis=others))
        if 0 < len(wrong) < expected.shape[axis] and expected.shape[axis] > 2:
            where = tuple(np.argwhere(~agrees)[0])
            return (
                f"{_which(name, wrong, expected.shape[axis])}, as at "
                f"{[int(i) for i in where]}: expected {_number(expected[where])}, "
                f"found {_number(found[where])}"
            )
    return None


def _which(name: str, wrong: np.ndarray, count: int) -> str:
    """Which lines differ: those few, else all but the few that are right."""
    right = np.setdiff1d(np.arange(count), wrong)
    if len(right) < len(wrong):
        return f"only {name}{'s' * (len(right) > 1)} {_runs(right)} of {count} agree" + "s" * (
            len(right) == 1
        )
    return f"only {name}{'s' * (len(wrong) > 1)} {_runs(wrong)} differ" + "s" * (len(wrong) == 1)


def _runs(numbers: np.ndarray) -> str:
    """Numbers with those in a row as "2 to 5", the first few of many."""
    groups = np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1)
    words = [
        ", ".join(map(str, group)) if len(group) < 3 else f"{group[0]} to {group[-1]}"
        for group in groups
    ]
    return ", ".join(words[:MOST_RUNS]) + (" ..." if len(words) > MOST_RUNS else "")


def _border(agrees: np.ndarray) -> str | None:
    """Differences confined to rows and columns at the edge, at most a third of the way in."""
    flat: Any = agrees.reshape(*agrees.shape[:2], -1).all(axis=2)
    places, inside = [], [slice(None), slice(None)]
    for axis, word in ((0, "row"), (1, "column")):
        side = flat.shape[axis]
        for end, name in ((1, "first"), (-1, "last")):
            wide = next((n for n in range(side // 3 + 1) if _right_inside(flat, axis, end, n)), 0)
            if wide and not np.take(flat, 0 if end == 1 else -1, axis=axis).all():
                places.append(f"{name} {f'{wide} {word}s' if wide > 1 else word}")
                old = inside[axis]
                inside[axis] = slice(wide, old.stop) if end == 1 else slice(old.start, side - wide)
    rest = flat[tuple(inside)]
    if not places or not rest.size or not rest.all():
        return None
    if agrees.ndim == 2 and len(places) == 1:
        return None  # a row of a table, as likely as that of a picture
    return f"only the border differs (the {', the '.join(places)}): look at the padding"


def _right_inside(flat: Any, axis: int, end: int, wide: int) -> bool:
    """Whether the line `wide` steps in from an edge is right somewhere where its middle is."""
    line = np.take(flat, wide if end == 1 else -1 - wide, axis=axis)
    third = len(line) // 3
    return bool(line[third : len(line) - third].all())


def _axis_names(ndim: int) -> list[tuple[int, str]]:
    if ndim == 1:
        return [(0, "element")]
    if ndim == 2:
        return [(0, "row"), (1, "column")]
    return [(ndim - 1, "channel"), (ndim - 3, "row"), (ndim - 2, "column")]
