"""Finds the known mistake that an observation equals, as a whole or in most of its wrong cases."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograder.data.key import KnownMistake, Sketch, Sketches, TaskKey, sketch, sketches
from autograder.data.observation import CaseObservation, Observation

ENOUGH = 4  # equal numbers that are no chance


def known_mistake(key: TaskKey, observation: Observation) -> KnownMistake | None:
    """The mistake whose observation this one equals, if any."""
    mine = sketches(observation)
    for mistake in key.mistakes:
        if _same_as(mistake, observation, mine):
            return mistake
    return None


def partly_known(key: TaskKey, observation: Observation, wrong: set[int], limited: bool) -> str:
    """The hint of a known mistake that explains most of the wrong cases, or nothing.

    A chance agreement would mislead, so it must rest on enough numbers. Where cases are right that
    the mistake would spoil, this is said, unless another sentence tells which ones (`limited`);
    where they are more than it explains, it is not the mistake.
    """
    mine = sketches(observation)
    best, explained = _explaining_most(key, observation, wrong, mine)
    weight = sum(_weight(observation.cases[index]) for index in explained)
    share = 1 / 4 if weight >= ENOUGH * 4 * len(explained) else 2 / 3  # of arrays, of numbers
    if best is None or len(explained) < share * len(wrong) or weight < ENOUGH:
        return ""
    if len(explained) * 2 <= len(wrong):
        among = f"{len(explained)} of the {len(wrong)}"
        return f"{best.hint} That explains {among} cases that are wrong."
    right = set(range(len(observation.cases))) - wrong
    spared = sum(not _same_case(best, observation, index, mine) for index in right)
    if not spared or limited:  # what it does not explain shows when this is mended
        return best.hint
    if spared > len(explained):
        return ""
    cases = "one case is" if spared == 1 else f"{spared} cases are"
    return f"{best.hint} Not always: {cases} right that this would spoil."


def _explaining_most(
    key: TaskKey, observation: Observation, wrong: set[int], mine: Sketches
) -> tuple[KnownMistake | None, set[int]]:
    """The known mistake that explains the most wrong cases, and these cases."""
    best, explained = None, set[int]()
    shown = [
        index
        for index in wrong
        if not observation.cases[index].problem and not _near_right(key, index, mine[index])
    ]
    for mistake in key.mistakes:
        same = {index for index in shown if _same_case(mistake, observation, index, mine)}
        if len(same) > len(explained):
            best, explained = mistake, same
    return best, explained


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
    """Whether two sketches are of one array, but for rounding."""
    if theirs.shape != mine.shape or theirs.kind != mine.kind:
        return False
    difference = np.abs(np.array(theirs.projections) - np.array(mine.projections))
    return bool((difference <= 1e-3 * (theirs.norm + 1e-9)).all())
