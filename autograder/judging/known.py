"""Finds the known mistake that an observation equals, as a whole or in most of its wrong cases."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.data.key import KnownMistake, Sketch, Sketches, TaskKey, sketch, sketches
from autograder.data.observation import CaseObservation, Observation

ENOUGH = 4  # equal numbers that are no chance
MOST_EXPLAINING = 2  # mistakes at once


def known_mistake(key: TaskKey, observation: Observation) -> KnownMistake | None:
    """The mistake whose observation this one equals, if any."""
    mine = sketches(observation)
    for mistake in key.mistakes:
        if _same_as(mistake, observation, mine):
            return mistake
    return None


@dataclass(frozen=True)
class Likeness:
    """What a known mistake has in common with an answer.

    It `explains` wrong cases in which both give the same, and would `spoil` cases that are right.
    """

    hint: str
    explains: frozenset[int]
    spoils: frozenset[int]


def partly_known(
    key: TaskKey,
    observation: Observation,
    wrong: set[int],
    limited: bool,
    branches: Collection[set[int]] = (),
) -> list[Likeness]:
    """The known mistake that explains most of the wrong cases, and one for most of the others.

    A chance agreement would mislead, so it must rest on enough numbers, and on cases that tell the
    mistake apart from all others, or be all wrong cases of one of the `branches`. Where more cases
    are right that it would spoil than it explains, it is not the mistake, unless a sentence tells
    which cases are wrong (`limited`).
    """
    candidates = _likenesses(key, observation, wrong)
    weights = _weights(key, observation)
    found: list[Likeness] = []
    left = set(wrong)
    while left and len(found) < MOST_EXPLAINING:
        best = _explaining_most(candidates, left, weights, branches)
        if best is None or (len(best.spoils) > len(best.explains) and not limited):
            break
        found.append(best)
        left -= best.explains
    return found


def _likenesses(key: TaskKey, observation: Observation, wrong: set[int]) -> list[Likeness]:
    mine = sketches(observation)
    shown = [
        index
        for index in wrong
        if not observation.cases[index].problem and not _near_right(key, index, mine[index])
    ]
    right = set(range(len(observation.cases))) - wrong
    found = []
    for mistake in key.mistakes:
        same = {i for i in (*shown, *right) if _same_case(mistake, observation, i, mine)}
        if same & wrong:
            alike = Likeness(mistake.hint, frozenset(same & wrong), frozenset(right - same))
            found.append(alike)
    return found


def _explaining_most(
    candidates: Sequence[Likeness],
    left: set[int],
    weights: Sequence[int],
    branches: Collection[set[int]],
) -> Likeness | None:
    """The mistake that explains the most of the cases left, if its cases tell it from all others.

    Small numbers agree by chance: where it does not explain all, be it of a branch, there must be
    enough that another mistake does not give, of each other one. Two that explain together what
    one does alone are less likely than that one.
    """
    telling = [one for one in candidates if not any(_rivals(one, o, left) for o in candidates)]
    best = max(telling, key=lambda one: (len(one.explains & left), -len(one.spoils)), default=None)
    explained = best.explains & left if best else frozenset()
    if best is None or not explained:
        return None
    rivals = [
        one for one in candidates if one.hint != best.hint and len(one.spoils) <= len(best.spoils)
    ]
    is_all = explained == left or any(explained == branch & left for branch in branches)
    alone = [explained] if is_all else [explained - one.explains for one in rivals] or [explained]
    weight = sum(weights[index] for index in explained)
    share = 1 / 4 if weight >= ENOUGH * 4 * len(explained) else 1 / 3  # of arrays, of numbers
    apart = min(sum(weights[index] for index in cases) for cases in alone)
    is_enough = apart >= ENOUGH and weight >= ENOUGH
    return best if len(explained) >= share * len(left) and is_enough else None


def _rivals(one: Likeness, other: Likeness, left: set[int]) -> bool:
    """Whether another mistake explains all that one does, and spoils no more."""
    as_good = one.explains & left <= other.explains and len(other.spoils) <= len(one.spoils)
    return one.hint != other.hint and as_good


def _near_right(key: TaskKey, index: int, mine: dict[str, tuple[Sketch, ...]]) -> bool:
    """Whether a sketch cannot tell a function's result from the right one.

    A mistake that changes nothing in this case would seem to explain it.
    """
    outputs = key.answers[0].outputs[index]
    return key.question.kind == "function" and all(
        len(arrays) == len(mine.get(mode, ()))
        and all(map(same_sketch, [sketch(a.numpy()) for a in arrays], mine[mode]))
        for mode, arrays in outputs.items()
    )


def _weights(key: TaskKey, observation: Observation) -> list[int]:
    """How many numbers each case shows; none if a net is only counted there and run elsewhere.

    Other nets have as many parameters.
    """
    glanced = [bool(case.plan and case.plan.counted) for case in key.question.cases]
    return [
        0 if only and not all(glanced) else _weight(case)
        for only, case in zip(glanced, observation.cases, strict=True)
    ]


def _weight(case: CaseObservation) -> int:
    """How many numbers a case shows; facts on a structure count as few."""
    sizes = [math.prod(a.shape) for arrays in case.outputs.values() for a in arrays]
    return sum(sizes) if sizes else 2


def _same_as(
    mistake: KnownMistake,
    observation: Observation,
    mine: Sketches,
) -> bool:
    every = range(len(observation.cases))
    return all(_same_case(mistake, observation, index, mine) for index in every) and any(
        not case.problem or "(" in (case.problem_kind or "") for case in observation.cases
    )


def _same_case(
    mistake: KnownMistake,
    observation: Observation,
    index: int,
    mine: Sketches,
) -> bool:
    case = observation.cases[index]
    if case.problem or mistake.problems[index]:
        return _same_problem(case.problem_kind or "", mistake.problems[index] or "")
    if case.parameters != mistake.parameters[index]:
        return False
    if mistake.facts and _telling_facts(case.structure) != _telling_facts(mistake.facts[index]):
        return False
    theirs = mistake.outputs[index]
    if theirs.keys() != mine[index].keys():
        return False
    return all(
        all(map(same_sketch, sketch_list, mine[index][mode]))
        for mode, sketch_list in theirs.items()
        if mode != "permuted"
    )


def _same_problem(mine: str, theirs: str) -> bool:
    """Whether two kinds of problem are one, as far as the shapes that they tell of show it."""
    if "(" in mine and "(" in theirs:
        return mine == theirs
    return mine.partition(" (")[0] == theirs.partition(" (")[0]


def _telling_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts that a mistake is known by: the steps to a field differ from one net to the next."""
    return {name: fact for name, fact in facts.items() if name != "steps"}


def same_sketch(theirs: Sketch, mine: Sketch) -> bool:
    """Whether two sketches are of one array, but for rounding; an empty one has no numbers."""
    if theirs.shape != mine.shape or (theirs.kind != mine.kind and 0 not in mine.shape):
        return False
    difference = np.abs(np.array(theirs.projections) - np.array(mine.projections))
    return bool((difference <= 1e-3 * (theirs.norm + 1e-9)).all())
