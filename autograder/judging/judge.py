"""A pure function from observation and key to verdict; no Keras, no student's code.

`comparing` finds the faults, `wording` says them, `picture` draws the first; here they are weighed.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Literal

from pydantic import Field

from autograder.data.key import TaskKey, Value
from autograder.data.observation import Observation, Plain
from autograder.data.sealing import given_value, sealed
from autograder.judging import wording
from autograder.judging.comparing import Comparison, compare, is_reordered, shown_mode
from autograder.judging.known import known_mistake
from autograder.judging.picture import Picture, picture_of

ROUNDING = 1e-6  # of a ten-thousandth of a point
LATER = "The answer is noted; whether it is right is said when it is graded."


class Verdict(Plain):
    """What an answer is worth, and why.

    `progress` says in which cases it is right, where these have something in common. `wrong_type`
    says that the shape is as asked, and only the type of the elements is not; `by_library` that
    an answer asked by hand calls a library.
    """

    task: str
    verdict: Literal["correct", "wrong", "error", "missing"]
    points: float
    max_points: float
    checks: dict[str, bool] = Field(default_factory=dict)
    hint: str = ""
    progress: str = ""
    wrong_type: bool = False
    by_library: bool = False
    remarks: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    picture: Picture | None = None


def judge(key: TaskKey, observation: Observation) -> Verdict:
    """The verdict on an observation. Malformed observations are worth nothing and say so."""
    failed = _without_cases(key, observation)
    if failed:
        return failed
    if key.value is not None:
        return _on_a_value(key, key.value, observation)
    try:
        comparisons = [compare(key, answer, observation) for answer in key.answers]
        best = max(comparisons, key=lambda comparison: _points(key, comparison))
        if best.faults and is_reordered(key, observation):
            best = Comparison(key.answers[0])
        return _verdict(key, observation, best)
    except (ValueError, OverflowError) as error:
        return _nothing(key, "error", f"the answer gave something that cannot be read: {error}")


def missing(key: TaskKey, sentence: str) -> Verdict:
    """The verdict on an answer that is not there."""
    return _nothing(key, "missing", sentence)


def failed(key: TaskKey, sentence: str) -> Verdict:
    """The verdict on an answer that could not be observed."""
    return _nothing(key, "error", sentence)


def _nothing(key: TaskKey, verdict: Literal["error", "missing"], sentence: str) -> Verdict:
    return Verdict(
        task=key.question.name,
        verdict=verdict,
        points=0.0,
        max_points=key.max_points,
        checks=dict.fromkeys(key.parts, False),
        hint=sentence,
    )


def _without_cases(key: TaskKey, observation: Observation) -> Verdict | None:
    """The verdict on an observation that has nothing to be compared, else None."""
    name = key.question.name
    if observation.status == "missing":
        return missing(key, observation.message or f"there is no `{name}`")
    if observation.status == "unfinished":
        return missing(key, f"`{name}` is not answered yet")
    if observation.status == "error":
        return failed(key, observation.message or f"`{name}` could not be run")
    if len(observation.cases) != len(key.question.cases):
        return failed(key, f"`{name}` was not observed on every case")
    if all(case.problem for case in observation.cases) and not known_mistake(key, observation):
        return failed(key, wording.problem_of(key, 0, observation.cases[0]).sentences)
    return None


def _on_a_value(key: TaskKey, value: Value, observation: Observation) -> Verdict:
    """All points or none: a value is right or not."""
    try:
        [[array]] = observation.cases[0].outputs.values()
        digest = sealed(value, given_value(array))
    except (ValueError, OverflowError) as error:
        return _nothing(key, "error", f"the answer cannot be read: {error}")
    right = value.right is not None and digest in value.right.digests
    known = next((m.hint for m in value.mistakes if digest in m.digests), "")
    hint = known or ("This is not the value." if value.right else LATER)
    return Verdict(
        task=key.question.name,
        verdict="correct" if right else "wrong" if value.right else "missing",
        points=key.max_points if right else 0.0,
        max_points=key.max_points,
        checks=dict.fromkeys(key.parts, right),
        hint="" if right else hint,
    )


def _points(key: TaskKey, comparison: Comparison) -> float:
    """The points of each part, as far as it holds: four digits, rounded down."""
    if not comparison.faults:
        return key.max_points
    cases = key.question.cases
    earned = sum(points * comparison.share(part, cases) for part, points in key.parts.items())
    return math.floor(earned * 1e4 + ROUNDING) / 1e4


def _verdict(key: TaskKey, observation: Observation, comparison: Comparison) -> Verdict:
    remarks = list(comparison.remarks)
    if observation.calls:
        remarks.append(f"asked by hand, but uses {', '.join(observation.calls)}")
    notes = Counter(note for case in observation.cases for note in dict.fromkeys(case.notes))
    remarks += [f"{note}{wording.more_alike(n - 1)}" for note, n in notes.items()]
    right = not comparison.faults
    progress, following = wording.progress_of(key, comparison)
    hint, details = ("", ()) if right else _why(key, observation, comparison, following)
    return Verdict(
        task=key.question.name,
        verdict="correct" if right else "wrong",
        points=_points(key, comparison) if right or not key.whole else 0.0,
        max_points=key.max_points,
        checks={part: comparison.holds(part) for part in key.parts},
        hint=hint,
        progress="" if wording.tells_where(hint) else progress,
        wrong_type=_only_the_type(comparison),
        by_library=bool(observation.calls),
        remarks=tuple(dict.fromkeys(remarks)),
        details=details,
        picture=_picture(key, comparison),
    )


def _only_the_type(comparison: Comparison) -> bool:
    """Whether all results have the shape asked for, and some another type of elements."""
    faults = [fault for fault in comparison.faults if "shape" in fault.parts]
    return bool(faults) and all(
        fault.kind == "shape"
        and [array.shape for array in fault.expected[shown_mode(fault.expected)]]
        == [array.shape for array in fault.given.get(shown_mode(fault.expected), [])]
        for fault in faults
    )


def _why(
    key: TaskKey, observation: Observation, comparison: Comparison, following: set[int]
) -> tuple[str, tuple[str, ...]]:
    """The sentence that helps most, and further ones.

    Where only the simplest cases are right, those that are `following` come first.
    """
    reasons = wording.reasons_of(key, observation, comparison)
    only_remarked = key.question.kind == "function" and not comparison.wrong
    frozen = "" if comparison.holds("parameters") else wording.frozen(observation)
    if not frozen and not only_remarked:
        mistake = known_mistake(key, observation)
        if mistake:
            return mistake.hint, wording.details(reasons, (), 1)
    if frozen:
        return frozen, wording.details(reasons, ())
    return wording.unknown(key, observation, comparison.wrong, reasons, following)


def _picture(key: TaskKey, comparison: Comparison) -> Picture | None:
    """The first output that differs and can be drawn."""
    for fault in comparison.faults:
        if fault.kind == "output":
            mode = fault.modes[0]
            expected, given = fault.expected[mode], fault.given.get(mode, [])
            found = picture_of(wording.call_of(key, fault.case), expected, given, key.tolerance)
            if found:
                return found
    return None
