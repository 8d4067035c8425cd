"""What 3x3 convolutions see together, as sums of steps; the judge uses it, so there is no Keras."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

LONGEST = 64  # steps and jumps that are counted with: what comes from a student may be any number


def reach(jumps: Sequence[Sequence[int]]) -> set[tuple[int, int]]:
    """The pixels that kernels in a row see, from the middle: each goes one jump or none each way.

    `jumps` are (rows, columns) in pixels of the input, one pair a kernel.
    """
    rows, columns = (_line([jump[axis] for jump in jumps]) for axis in (0, 1))
    return {(y, x) for y in rows for x in columns}


def _line(jumps: Sequence[int]) -> set[int]:
    places = {0}
    for jump in jumps:
        places = {place + step for place in places for step in (-jump, 0, jump)}
    return places


def partitions(offsets: Sequence[int], count: int) -> list[int] | None:
    """`count` jumps that together see just these rows, or None. Used once, it is the outermost."""
    if not offsets or count < 1:
        return None
    wanted = set(offsets)
    return next((jumps for jumps in _parts(max(wanted), count) if _line(jumps) == wanted), None)


def _parts(total: int, count: int, most: int | None = None) -> Iterator[list[int]]:
    """The ways to write `total` as a sum of `count` positive numbers, falling."""
    if count == 1:
        if 0 < total <= (most or total):
            yield [total]
        return
    for first in range(min(total - count + 1, most or total), 0, -1):
        for rest in _parts(total - first, count - 1, first):
            yield [first, *rest]


def add_up(steps: object, height: int, width: int, most: int) -> bool:
    """Whether claimed steps of at most `most` kernels see just `height` x `width` pixels, no holes.

    `steps` comes from a student's process and may be anything.
    """
    if not isinstance(steps, dict):
        return False
    jumps, chains = steps.get("jumps"), steps.get("chains")
    if not isinstance(jumps, list) or not isinstance(chains, list):
        return False
    if len(jumps) > most or len(chains) > LONGEST or not all(map(_is_jump, jumps)):
        return False
    seen: set[tuple[int, int]] = set()
    for chain in chains:
        if not isinstance(chain, list) or len(set(map(repr, chain))) != len(chain):
            return False
        if not all(type(i) is int and 0 <= i < len(jumps) for i in chain):
            return False
        seen |= reach([jumps[i] for i in chain])
    rows, columns = range(-(height // 2), height // 2 + 1), range(-(width // 2), width // 2 + 1)
    return seen == {(y, x) for y in rows for x in columns}


def _is_jump(jump: object) -> bool:
    return (
        isinstance(jump, list)
        and len(jump) == 2
        and all(type(side) is int and 0 < side <= LONGEST for side in jump)
    )
