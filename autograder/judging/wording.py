"""The words of a verdict: what is wrong with an answer, from faults that `comparing` found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder.data.arguments import call_text, decode
from autograder.data.key import Property, TaskKey
from autograder.data.observation import AGAIN, FROZEN, CaseObservation, Observation, Tensor
from autograder.judging.comparing import KINDS, Comparison, Fault, agree, shown_mode
from autograder.judging.differences import NOTHING_MORE, describe, describe_shape
from autograder.judging.known import partly_known
from autograder.judging.parting import misbuilt, needless, parting
from autograder.judging.patterns import common_ground

LONGEST_FACT = 100
MOST_DETAILS = 4
NOT_THE_STEPS = (
    ". Every step taken agrees with one expected: either steps are missing at the end, or a layer "
    "is used twice, is idle, or stands where another of its size should"
)
OTHER_STATISTICS = (
    "the output is right, but the moving statistics that training leaves are others: what goes "
    "into a normalisation is scaled or shifted before"
)


def call_of(key: TaskKey, index: int) -> str:
    """The call of a case, as a reader would write it."""
    arguments = key.question.cases[index].arguments
    return call_text(key.question.name, {name: decode(value) for name, value in arguments.items()})


def problem_text(key: TaskKey, index: int, seen: CaseObservation) -> str:
    """Why a case gave nothing, and which step of the network is to blame, where that shows."""
    step = misbuilt(key.landmarks[index], seen.trace) if index < len(key.landmarks) else ""
    return f"{seen.problem}{step}"


# Of all cases together


def reasons_of(key: TaskKey, observation: Observation, comparison: Comparison) -> list[str]:
    """A sentence on each fault, part by part."""
    told = {
        id(fault): _Telling(key, observation, comparison, fault).reason()
        for fault in comparison.faults
    }
    return [told[id(f)] for part in key.parts for f in comparison.faults if part in f.parts]


def details(reasons: Sequence[str], hint: str, most: int = MOST_DETAILS) -> tuple[str, ...]:
    """Further reasons, one of each kind: cases that fail alike need saying once."""
    kinds = {_kind_of(hint): hint}
    for reason in reasons:
        kinds.setdefault(_kind_of(reason), reason)
    return tuple(kinds.values())[1 : most + 1]


def _kind_of(reason: str) -> str:
    """A reason without its call and without its numbers, which differ from case to case."""
    return re.sub(r"\d+", "#", reason.partition("): ")[2] or reason)


def frozen(observation: Observation) -> str:
    """A sentence on a layer whose weights are not trained, or nothing."""
    for case in observation.cases:
        for tensor in case.trace:
            if tensor.operation.endswith(f", {FROZEN}"):
                return (
                    f"The weights of `{tensor.operation.removesuffix(f', {FROZEN}')}` are frozen "
                    "(`trainable=False`): all of them are to be trained."
                )
    return ""


def unknown(key: TaskKey, observation: Observation, wrong: set[int], reasons: Sequence[str]) -> str:
    """What can be said of a wrong answer that is not known as a whole."""
    for case in observation.cases:
        if case.remarks:  # float16, say, or a random result: no mistake of the bank explains it
            return f"`{key.question.name}` {case.remarks[0]}"
    where = _where(key, wrong)
    hint = partly_known(key, observation, wrong, limited=bool(where))
    if not hint:
        reason = _telling(key, reasons)
        hint = reason if not where or reason.endswith(".") else reason + "."
    return f"{hint} {where}".rstrip()


def _telling(key: TaskKey, reasons: Sequence[str]) -> str:
    """The reason that says most: how values differ, else which ones, else where the first is.

    Of several for a function, the shortest: it tells of the simplest call.
    """

    def order(reason: str) -> tuple[bool, bool, int]:
        length = len(reason) if key.question.kind == "function" else 0
        return NOTHING_MORE in reason, ", found " in reason, length

    return min(reasons, key=order)


def _where(key: TaskKey, wrong: set[int]) -> str:
    """What the cases that differ have in common, as a sentence of its own."""
    defaults = key.question.defaults
    calls = [
        {name: decode(value) for name, value in {**defaults, **case.arguments}.items()}
        for case in key.question.cases
    ]
    return common_ground(calls, wrong) or ""


# Of one fault


class _Telling:
    """Puts one fault into words."""

    def __init__(
        self, key: TaskKey, observation: Observation, comparison: Comparison, fault: Fault
    ) -> None:
        self.key, self.fault, self.answer = key, fault, comparison.answer
        self.seen = observation.cases[fault.case]
        self.call = call_of(key, fault.case)
        index = fault.case
        self.landmarks = key.landmarks[index] if index < len(key.landmarks) else ()

    def reason(self) -> str:
        """A sentence, without the full stop."""
        match self.fault.kind:
            case "problem":
                return problem_text(self.key, self.fault.case, self.seen)
            case "remark":
                return f"`{self.key.question.name}` {self.fault.remark}"
            case "property":
                return _property_text(self.call, self.fault.property, self.fault.found)
            case "parameters":
                return self.of_parameters()
            case "shape":
                return f"{self.of_shape()}{self.parting()}"
            case "no statistics":
                return self.of_no_statistics()
            case "statistics":
                return f"{self.call}: {OTHER_STATISTICS}{self.stray()}"
        return self.of_output()

    def of_parameters(self) -> str:
        expected = self.answer.parameters[self.fault.case]
        return (
            f"{self.call} has {_count(self.seen.parameters)} trainable parameters, "
            f"expected {_count(expected)}"
            f"{self.parting() or self.needless(expected)}{_shared(self.seen.trace)}"
        )

    def of_no_statistics(self) -> str:
        kept = "has no" if "training" in self.fault.expected else "keeps"
        return (
            f"{self.call}: your network {kept} moving statistics that training updates, as batch "
            f"normalisation does{', the expected one does' if kept == 'has no' else ''}"
            f"{self.parting()}"
        )

    def of_shape(self) -> str:
        """A sentence where shapes or element types differ."""
        key, mode = self.key, shown_mode(self.fault.expected)
        wanted, given = self.fault.expected[mode], self.fault.given.get(mode, [])
        if len(wanted) != len(given):
            return f"{self.call} must give {len(wanted)} results, yours gives {len(given)}"
        for number, (a, b) in enumerate(zip(wanted, given, strict=True)):
            which = f" (result {number + 1})" if len(wanted) > 1 else ""
            if a.shape != b.shape:
                what = describe_shape(a, b, key.tolerance) if mode == "value" else ""
                return f"{self.call}{which} has shape {b.shape}, expected {a.shape}{what}"
            if b.size and b.dtype.kind not in KINDS[key.dtype]:
                return f"{self.call}{which} gives {_kind_word(b)}, expected {key.dtype} values"
        raise AssertionError("no shape differs")

    def of_output(self) -> str:
        mode = self.fault.modes[0]
        which, a, b = self.first_wrong(mode)
        if mode == "value":
            return f"{self.call}{which}: {describe(a, b, self.key.tolerance)}"
        where = self.parting()
        if not np.isfinite(b).all() or not self.seen.parameters:
            return f"{self.call}{which}: {describe(a, b, self.key.tolerance)}{where}"
        how = self.in_which_modes(which)
        return f"{self.call}: {how}{where or _shared(self.seen.trace) or NOT_THE_STEPS}"

    def in_which_modes(self, which: str) -> str:
        if self.fault.modes == ("training",):
            return "the output is right at inference, but not in training mode"
        if self.fault.modes == ("inference",) and "training" in self.fault.expected:
            return (
                "the output is right in training mode, but not at inference: "
                "there a normalisation must use its moving statistics"
            )
        return f"the output{which} is not the expected one"

    def first_wrong(self, mode: str) -> tuple[str, np.ndarray, np.ndarray]:
        """The first result that differs: which of several, what is expected, what is given."""
        expected, given = self.fault.expected[mode], self.fault.given[mode]
        if len(expected) == 1:
            return "", expected[0], given[0]
        plan = self.key.question.cases[self.fault.case].plan
        number = next(
            n
            for n, (a, b) in enumerate(zip(expected, given, strict=True))
            if not agree([a], [b], plan, self.key.tolerance)
        )
        return f" (result {number + 1})", expected[number], given[number]

    def parting(self) -> str:
        return parting(self.landmarks, self.seen.trace)

    def stray(self) -> str:
        step = needless(self.landmarks, self.seen.trace)
        return f". {step}" if step else ""

    def needless(self, expected: int | None) -> str:
        """Name a step that has parameters too many, where what follows it is right all the same."""
        if (self.seen.parameters or 0) <= (expected or 0):
            return ""
        step = needless(self.landmarks, self.seen.trace)
        if not step:
            return ""
        return (
            f". {step}: has it a bias that a normalisation takes away again, "
            "or is it not needed at all?"
        )


def _property_text(call: str, wanted: Property | None, found: Any) -> str:
    """Which property does not hold; nothing could be looked at where none says why."""
    if wanted is None:
        return f"{call} could not be looked at"
    return wanted.sentence.format(
        call=call, found=_fact_text(found), value=_fact_text(wanted.value)
    )


def _fact_text(fact: Any) -> str:
    if isinstance(fact, list):
        between = " x " if all(isinstance(item, int) for item in fact) else ", "
        return between.join(map(str, fact))[:LONGEST_FACT]
    return str(fact)[:LONGEST_FACT]


def _count(number: int | None) -> str:
    return "no" if number is None else f"{number:,}"


def _kind_word(array: np.ndarray) -> str:
    return {"f": "float", "i": "int", "b": "bool"}.get(array.dtype.kind, "other") + " values"


def _shared(trace: tuple[Tensor, ...]) -> str:
    """Name a layer with weights that is called a second time."""
    for tensor in trace:
        name, _, said = tensor.operation.rpartition(", ")
        if said == AGAIN:
            return f". `{name}` is called twice, with the same weights each time: make a new one"
    return ""
