"""Holds what was seen of an answer against a right one, in numbers; the words are `wording`'s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from autograder.data.key import Answer, Property, Sketches, TaskKey, sketch
from autograder.data.observation import Array, Case, CaseObservation, Observation, Plan, Question
from autograder.judging.differences import close
from autograder.judging.known import same_sketch

SMALLEST_PROBABILITY = 1e-30
KINDS = {"float": "f", "int": "iu", "bool": "b", "number": "fiub"}
MODES = ("value", "inference", "training")
OF_STATISTICS = ("statistics", "momentum")  # modes that show no output
NEAR_MOMENTUM = 1e-4
LOG_NEAR = 1e-3
ANOTHER_ORDER = "the parts are concatenated in another order than the one written"

Outputs = dict[str, list[np.ndarray]]
Kind = Literal[
    "problem", "remark", "property", "parameters", "shape", "no statistics", "output", "statistics",
    "momentum",
]  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """One way in which a case is not as it should be, and the parts of the task that it costs.

    `property` is one that does not hold, with the fact that was `found`, or with none where
    nothing could be looked at. `expected` and `given` are outputs, which differ in `modes`.
    """

    case: int
    parts: tuple[str, ...]
    kind: Kind
    remark: str = ""
    property: Property | None = None
    found: Any = None
    expected: Outputs = field(default_factory=dict)
    given: Outputs = field(default_factory=dict)
    modes: tuple[str, ...] = ()


@dataclass
class Comparison:
    """How an observation compares with one right answer."""

    answer: Answer
    faults: list[Fault] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> set[int]:
        """The cases that differ; a remark alone is no difference."""
        return {fault.case for fault in self.faults if fault.kind != "remark"}

    def holds(self, part: str) -> bool:
        """Whether a part holds in all cases."""
        return not any(part in fault.parts for fault in self.faults)

    def share(self, part: str, cases: Sequence[Case]) -> float:
        """The share of the cases in which a part holds, from 0 to 1.

        A case that is only counted, or glanced at, makes up for none that is run. What an answer
        must never do is no matter of one case, so that a remark costs the part in all.
        """
        faults = [fault for fault in self.faults if part in fault.parts]
        if any(fault.kind == "remark" for fault in faults):
            return 0.0
        lost = {fault.case for fault in faults}
        every = set(range(len(cases)))
        run = {index for index, case in enumerate(cases) if not is_glanced_at(case)}
        return min(1 - len(lost & group) / len(group) for group in (every, run or every))


def compare(key: TaskKey, answer: Answer, observation: Observation) -> Comparison:
    """Compare every case of an observation with a right answer's."""
    comparison = Comparison(answer, remarks=[answer.remark] if answer.remark else [])
    for index, (case, seen) in enumerate(zip(key.question.cases, observation.cases, strict=True)):
        _CaseComparison(key, comparison, index, case, seen).compare()
    return comparison


class _CaseComparison:
    """The comparison of one case, whose faults and remarks go into that of all cases."""

    def __init__(
        self, key: TaskKey, comparison: Comparison, index: int, case: Case, seen: CaseObservation
    ) -> None:
        self.key, self.comparison = key, comparison
        self.index, self.case, self.seen = index, case, seen

    def fail(self, kind: Kind, *parts: str, **what: Any) -> None:
        """Note a fault; it costs those of `parts` that the task has."""
        parts = tuple(part for part in parts if part in self.key.parts)
        if parts:
            self.comparison.faults.append(Fault(self.index, parts, kind, **what))

    def compare(self) -> None:
        """Note all that is not as it should be."""
        if self.seen.problem:
            self.fail("problem", *self.key.parts)
            return
        for remark in self.seen.remarks:
            self.fail("remark", "output", remark=remark)
        if self.key.properties:
            self.compare_properties(self.key.properties[self.index])
        else:
            self.compare_numbers(self.comparison.answer)

    def compare_properties(self, properties: Sequence[Property]) -> None:
        """Hold the facts against the key. Where one is missing, an earlier one says why.

        At a glance nothing is looked at further once an earlier one is wrong.
        """
        facts, blamed = self.seen.structure, None
        for wanted in properties:
            if wanted.fact not in facts and blamed and is_glanced_at(self.case):
                continue
            # The sum is a proof, asked for only where all else is right.
            if wanted.relation == "adds up to" and self.index in self.comparison.wrong:
                continue
            if wanted.holds(facts.get(wanted.fact)):
                continue
            if wanted.fact in facts:
                blamed = wanted
            self.fail(
                "property",
                wanted.part,
                property=blamed,
                found=facts.get(blamed.fact) if blamed else None,
            )

    def compare_numbers(self, answer: Answer) -> None:
        """Compare parameters, then shapes, then outputs; the first difference in these is enough.

        Where only some outputs can be compared, the others are not.
        """
        seen = self.seen
        if seen.parameters != answer.parameters[self.index]:
            # where weights are worth nothing, those that are too many make another network
            self.fail("parameters", "parameters" if "parameters" in self.key.parts else "output")
        expected = arrays_of(answer.outputs[self.index])
        given = _likeliest(self.key, self.case, expected, seen)
        outputs = {"expected": expected, "given": given}
        if _other_shape(self.key, expected, given):
            self.fail("shape", "shape", "output", **outputs)
        elif seen.parameters is not None and ("training" in expected) != ("training" in given):
            self.fail("no statistics", "output", **outputs)
        else:
            self.compare_outputs(expected, given)

    def compare_outputs(self, expected: Outputs, given: Outputs) -> None:
        """Compare the numbers that are given, in all modes."""
        plan, tolerance = self.case.plan, self.key.tolerance
        outputs = {"expected": expected, "given": given}
        wrong = tuple(
            mode
            for mode in MODES
            if mode in expected and not agree(expected[mode], given.get(mode, []), plan, tolerance)
        )
        if not wrong:
            if not _same_statistics(expected, given):
                self.fail("statistics", "output", **outputs)
            elif not _same_momentum(expected, given):
                self.fail("momentum", "output", **outputs)
        elif plan and plan.permutable and _agree_permuted(expected, given, plan, tolerance):
            self.comparison.remarks.append(ANOTHER_ORDER)
        else:
            self.fail("output", "output", modes=wrong, **outputs)


def is_glanced_at(case: Case) -> bool:
    """Whether a network is only counted in a case, or a design looked at in one run."""
    return case.plan is not None and case.plan.counted


def arrays_of(packed: dict[str, tuple[Array, ...]]) -> Outputs:
    """Outputs as arrays, mode by mode."""
    return {mode: [array.numpy() for array in arrays] for mode, arrays in packed.items()}


def _likeliest(key: TaskKey, case: Case, expected: Outputs, seen: CaseObservation) -> Outputs:
    """What was found, with the weights in the way that is right, if one is."""
    for packed in (seen.outputs, *seen.otherwise) if seen.otherwise else ():
        found = arrays_of(packed)
        modes = [mode for mode in MODES if mode in expected]
        if _same_statistics(expected, found) and all(
            agree(expected[mode], found.get(mode, []), case.plan, key.tolerance) for mode in modes
        ):
            return found
    return arrays_of(seen.outputs)


def shown_mode(outputs: Outputs) -> str:
    """The mode whose shapes are compared."""
    return "value" if "value" in outputs else "inference"


def _other_shape(key: TaskKey, expected: Outputs, given: Outputs) -> bool:
    """Whether shapes or element types differ."""
    mode = shown_mode(expected)
    wanted, found = expected[mode], given.get(mode, [])
    return len(wanted) != len(found) or any(
        a.shape != b.shape or (b.size and b.dtype.kind not in KINDS[key.dtype])
        for a, b in zip(wanted, found, strict=True)
    )


def _same_statistics(expected: Outputs, given: Outputs) -> bool:
    """Whether a training step takes the same for moving statistics."""
    pairs = zip(expected.get("statistics", []), given.get("statistics", []), strict=False)
    return all(np.allclose(a, b, atol=LOG_NEAR, rtol=0) for a, b in pairs)


def _same_momentum(expected: Outputs, given: Outputs) -> bool:
    """Whether moving statistics have the momenta asked for; it counts in few tasks."""
    if "momentum" not in expected:
        return True
    [wanted], found = expected["momentum"], given.get("momentum", [])
    return (
        len(found) == 1
        and found[0].shape == wanted.shape
        and np.allclose(found[0], wanted, atol=NEAR_MOMENTUM, rtol=0)
    )


def comparable(array: np.ndarray, plan: Plan | None) -> np.ndarray:
    """Probabilities are compared as logarithms, so that a saturated softmax hides nothing."""
    if plan is None or not plan.probabilities:
        return array
    with np.errstate(all="ignore"):
        return np.log(np.where(array >= 0, np.maximum(array, SMALLEST_PROBABILITY), np.nan))


def agree(
    expected: Sequence[np.ndarray], found: Sequence[np.ndarray], plan: Plan | None, tolerance: float
) -> bool:
    """Whether all results of one mode agree."""
    if len(expected) != len(found):
        return False
    for a, b in zip(expected, found, strict=True):
        if a.shape != b.shape:
            return False
        if plan is None:
            if not close(a, b, tolerance).all():
                return False
        elif plan.counted and _is_without_bias(b):
            if not close(a[0], b[0], tolerance).all():
                return False
        elif not _network_close(comparable(a, plan), comparable(b, plan), tolerance):
            return False
    return True


def _is_without_bias(found: np.ndarray) -> bool:
    """Whether a net that is only counted has no last bias that is stored as one vector."""
    return len(found) == 2 and np.array_equal(found[0], found[1])


def _network_close(expected: np.ndarray, found: np.ndarray, tolerance: float) -> bool:
    """Whether two outputs agree, measured by how much the output varies between inputs.

    A deep net of random weights gives nearly the same for every input; measured against its size
    two different nets would agree.
    """
    if not np.isfinite(found).all():
        return bool(np.array_equal(expected, found, equal_nan=True))
    noise = 2e-6 * float(np.max(np.abs(expected), initial=0.0))
    error = float(np.max(np.abs(expected - found), initial=0.0))
    return error <= tolerance * _spread(expected) + noise + 1e-9


def _spread(expected: np.ndarray) -> float:
    """How much an output varies between the samples of a batch."""
    return float(np.std(expected - expected.mean(axis=0, keepdims=True)))


def _agree_permuted(expected: Outputs, given: Outputs, plan: Plan, tolerance: float) -> bool:
    """Whether the outputs agree up to the order of channels, with order-blind weights."""
    if len(expected["permuted"]) != len(given.get("permuted", [])):
        return False
    a = [_sorted_channels(comparable(array, plan)) for array in expected["permuted"]]
    b = [_sorted_channels(comparable(array, plan)) for array in given["permuted"]]
    return all(
        x.shape == y.shape and _network_close(x, y, tolerance) for x, y in zip(a, b, strict=True)
    )


def _sorted_channels(array: np.ndarray) -> np.ndarray:
    columns = array.reshape(-1, array.shape[-1]).astype("float64")
    weights = np.cos(np.arange(len(columns)))
    order = np.argsort(weights @ np.nan_to_num(columns))
    return columns[:, order].reshape(array.shape)


# How far an answer is from a right one


def distance(key: TaskKey, answer: Answer, observation: Observation) -> float:
    """How far an observation is from a right answer, as tolerances are measured.

    Infinity where they cannot be compared: other shapes, parameters or modes, or a problem.
    """
    farthest = 0.0
    for index, (case, seen) in enumerate(zip(key.question.cases, observation.cases, strict=False)):
        expected = answer.outputs[index]
        if seen.problem or seen.outputs.keys() != expected.keys():
            return float("inf")
        if seen.parameters != answer.parameters[index] or observation.status != "observed":
            return float("inf")
        for mode in expected.keys() - {"permuted", *OF_STATISTICS}:
            for a, b in zip(expected[mode], seen.outputs[mode], strict=False):
                farthest = max(farthest, _array_distance(a.numpy(), b.numpy(), case.plan))
    return farthest if observation.cases else float("inf")


def _array_distance(expected: np.ndarray, found: np.ndarray, plan: Plan | None) -> float:
    if expected.shape != found.shape:
        return float("inf")
    if not expected.size or expected.dtype.kind in "biu":
        return 0.0 if np.array_equal(expected, found) else float("inf")
    a, b = comparable(expected, plan), comparable(found, plan)
    with np.errstate(all="ignore"):
        if plan is None:
            scale = np.maximum(np.abs(a), max(float(np.std(a)), 1e-6))
        else:
            scale = np.array(max(_spread(a), 2e-3 * float(np.max(np.abs(a))), 1e-6))
        worst = float(np.max(np.nan_to_num(np.abs(a - b) / scale, nan=np.inf)))
    return worst


# Kernels stored in another order


def is_reordered(key: TaskKey, observation: Observation) -> bool:
    """Whether the answer is right, but for the order in which it stores its kernels."""
    counts = [case.parameters for case in observation.cases]
    if not key.reordered or counts != list(key.answers[0].parameters):
        return False
    if any(case.problem or case.remarks for case in observation.cases):
        return False
    mine = sketches_of(key.question, observation)
    return any(
        _same_sketches(theirs, mine) for theirs in (answer.outputs for answer in key.reordered)
    )


def sketches_of(question: Question, observation: Observation) -> Sketches:
    """Sketches of an observation's outputs as they are compared, case by case and mode by mode."""
    return tuple(
        {
            mode: tuple(
                sketch(comparable(array.numpy(), None if mode in OF_STATISTICS else case.plan))
                for array in arrays
            )
            for mode, arrays in seen.outputs.items()
        }
        for case, seen in zip(question.cases, observation.cases, strict=True)
    )


def _same_sketches(theirs: Sketches, mine: Sketches) -> bool:
    return all(
        a.keys() == b.keys()
        and all(
            len(a[mode]) == len(b[mode]) and all(map(same_sketch, a[mode], b[mode])) for mode in a
        )
        for a, b in zip(theirs, mine, strict=True)
    )
