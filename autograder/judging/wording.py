"""The words of a verdict: what is wrong with an answer, from faults that `comparing` found."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.data.arguments import call_text, decode
from autograder.data.key import Property, TaskKey
from autograder.data.observation import AGAIN, FROZEN, CaseObservation, Observation, Tensor
from autograder.judging.comparing import (
    KINDS,
    Comparison,
    Fault,
    agree,
    is_glanced_at,
    shown_mode,
)
from autograder.judging.contrasts import contrast, contrast_of_failing
from autograder.judging.differences import (
    NOTHING_MORE,
    describe,
    describe_rows,
    describe_shape,
)
from autograder.judging.known import Likeness, partly_known
from autograder.judging.parting import Parting, Way, agreeing, misbuilt, needless, parting, way_of
from autograder.judging.patterns import WHERE, branches_of, common_ground, right_ground
from autograder.judging.weights import Balance, balance_of, same_layers

LONGEST_FACT = 100
NUMBER = r"[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?"
RAISED = re.compile(r" raises \w+")
LINE = re.compile(r" \(line \d+ of the cell")
MOST_DETAILS = 4
NOT_THE_STEPS = (
    ". Every step agrees as long as layers of one size hold the same values, and no longer when "
    "each has its own: is a layer used twice, is one idle, or in the place of another of its size?"
)
ONLY_COUNTED = (
    ". It is only built here, with all weights 0 but those of a last bias: look at its end, the "
    "last layer and its activation"
)
OTHER_STATISTICS = (
    "the output is right, but the moving statistics that training leaves are others: what goes "
    "into a normalisation is scaled or shifted before"
)
TAKEN_AWAY = (
    "is not expected. A normalisation takes what it does away again, so that the output is right, "
    "but not the moving statistics that training leaves"
)


@dataclass(frozen=True)
class Reason:
    """A sentence on one fault: what was seen, and what causes it, as far as that shows.

    It begins with the `call`. `weights` are those too many or too few, `step` is the one to blame.
    `causes` are what both tell of, whatever the sizes. A reason that is `vague` has neither,
    although it might. `plainly` is a sentence of its own on the step, where there is one.
    """

    case: int
    call: str
    said: str
    weights: str = ""
    step: str = ""
    causes: frozenset[str] = frozenset()
    vague: bool = False
    plainly: str = ""

    @property
    def helps(self) -> bool:
        """Whether it names what is expected."""
        return "expected there" in self.step or "expected after" in self.step or bool(self.weights)

    @property
    def text(self) -> str:
        """The sentence, without its full stop."""
        return f"{self.call}{self.said}{self.weights}{self.step}"

    @property
    def sentences(self) -> str:
        """The sentence behind the plain one, if there is one."""
        return f"{self.plainly} {self.text}".strip()

    @property
    def kinds(self) -> set[str]:
        """What it tells apart from its call and its numbers, which differ from case to case."""
        if self.causes:
            return set(self.causes)
        return {_kind_of(self.weights + self.step or self.said)}


def _kind_of(sentence: str) -> str:
    """A sentence without its numbers; of two single ones it counts which is larger."""
    pair = re.search(rf"expected ({NUMBER}), found ({NUMBER})", sentence)
    if pair:
        more = float(pair[2]) > float(pair[1])
        sentence = f"{sentence[: pair.start()]}too {'many' if more else 'few'}"
    return re.sub(r"#(,\s*#)+", "#", re.sub(NUMBER, "#", sentence))


def call_of(key: TaskKey, index: int) -> str:
    """The call of a case, as a reader would write it."""
    case = key.question.cases[index]
    fed = case.feeds[0] if key.question.kind == "function" and case.feeds else ()
    arguments = {name: decode(value) for name, value in case.arguments.items()}
    return call_text(key.question.name, arguments, fed)


def problem_of(key: TaskKey, index: int, seen: CaseObservation) -> Reason:
    """Why a case gave nothing, and which step of the network is to blame, where that shows."""
    landmarks = key.landmarks[index] if index < len(key.landmarks) else ()
    step = misbuilt(landmarks, seen.trace) if landmarks else ""
    call, said = call_of(key, index), seen.problem or ""
    said = said.removesuffix(".") if step else said
    begins = said.startswith(call)
    # one error in one line is one mistake, whatever shapes it tells of
    error, line = RAISED.search(said), LINE.search(said)
    told = begins and not step
    causes = frozenset([error[0] + line[0]] if told and error and line else [])
    return Reason(
        index,
        call if begins else "",
        said.removeprefix(call),
        step=step,
        causes=causes,
        plainly=contrast_of_failing(landmarks, seen.trace),
    )


# Of all cases together


def progress_of(key: TaskKey, comparison: Comparison) -> tuple[str, set[int]]:
    """In which cases an answer is right, and those that are to be taken up next.

    Nothing where all are right, or none, or where something is wrong in all of them alike.
    """
    count, wrong = len(key.question.cases), comparison.wrong
    if not wrong or len(wrong) == count or any(f.kind == "remark" for f in comparison.faults):
        return "", set()
    right = count - len(wrong)
    said = f"{right} of {count} cases {'is' if right == 1 else 'are'} right"
    where, following, cases = right_ground(_calls(key), wrong)
    if not where:
        return f"{said}.", set()
    return f"{said}: {where}. Next: {following}.", cases


def reasons_of(key: TaskKey, observation: Observation, comparison: Comparison) -> list[Reason]:
    """A reason for each fault, part by part; vague ones only where there are no others."""
    ways = {
        index: way_of(key.landmarks[index] if index < len(key.landmarks) else (), case.trace)
        for index, case in enumerate(observation.cases)
        if index in comparison.wrong
    }
    told = {
        id(fault): _Telling(key, observation, comparison, fault, ways).reason()
        for fault in comparison.faults
    }
    reasons = [told[id(f)] for part in key.parts for f in comparison.faults if part in f.parts]
    exact = [reason for reason in reasons if not reason.vague]
    return sorted(exact or reasons, key=lambda reason: bool(reason.step) and not reason.helps)


def details(
    reasons: Sequence[Reason], told: Collection[str], most: int = MOST_DETAILS
) -> tuple[str, ...]:
    """Further reasons, of kinds not `told`, one of each: cases that fail alike are counted."""
    seen, found = set(told), list[str]()
    for reason in reasons:
        if not reason.kinds <= seen:
            seen |= reason.kinds
            alike = {other.case for other in reasons if other.kinds == reason.kinds}
            found.append(f"{reason.text}{more_alike(len(alike) - 1)}")
    return tuple(found[:most])


def more_alike(count: int) -> str:
    """How many more cases fail as the one told does, in brackets."""
    return f" (and {count} more case{'s' if count > 1 else ''} alike)" if count else ""


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


def unknown(
    key: TaskKey,
    observation: Observation,
    wrong: set[int],
    reasons: Sequence[Reason],
    following: Collection[int] = (),
) -> tuple[str, tuple[str, ...]]:
    """What can be said of a wrong answer that is not known as a whole, and further sentences.

    Where only the simplest cases are right, it is of those that are to be taken up next.
    """
    for case in observation.cases:
        if case.remarks:  # float16, say, or a random result: no mistake of the bank explains it
            said = f" {case.remarks[0]}"
            return f"`{key.question.name}`{said}", details(reasons, {_kind_of(said)})
    where = common_ground(_calls(key), wrong) or ""
    branches = branches_of(_calls(key), wrong)
    alike = partly_known(key, observation, wrong, limited=bool(where), branches=branches)
    plain = _told_plainly(reasons, wrong)
    if not alike or (plain and 2 * len(alike[0].explains) < len(wrong)):
        if not plain:
            reasons = [reason for reason in reasons if reason.case in following] or reasons
        reason = _telling(key, plain or reasons)
        stop = "." if where and not reason.text.endswith((".", "?")) else ""
        further = details(reasons, reason.kinds) or _of_other_words(key, reasons, reason)
        return f"{reason.sentences}{stop} {where}".rstrip(), further
    sentences = _likeness_sentences(alike, wrong, limited=bool(where))
    explained = {index for one in alike for index in one.explains}
    others = sorted(reasons, key=lambda reason: reason.case in explained)
    further = (*sentences[1:], *details(others, ()))
    return f"{sentences[0]} {where}".rstrip(), further[:MOST_DETAILS]


def _told_plainly(reasons: Sequence[Reason], wrong: Collection[int]) -> list[Reason]:
    """The reasons of which one plain sentence is true, in half of the wrong cases or more."""
    by_kind: dict[str, list[Reason]] = {}
    for reason in reasons:
        if reason.plainly:
            by_kind.setdefault(_kind_of(reason.plainly), []).append(reason)
    most = max(by_kind.values(), key=lambda alike: len({r.case for r in alike}), default=[])
    return most if 2 * len({reason.case for reason in most}) >= len(wrong) else []


def _of_other_words(key: TaskKey, reasons: Sequence[Reason], told: Reason) -> tuple[str, ...]:
    """Where all cases fail alike, one with other words among its arguments: another branch, say."""
    words = [
        {name: value for name, value in call.items() if isinstance(value, str)}
        for call in _calls(key)
    ]
    others = [reason for reason in reasons if words[reason.case] != words[told.case]]
    return (_telling(key, others).text,) if others else ()


def tells_where(hint: str) -> bool:
    """Whether a hint says already which of the cases are wrong."""
    return WHERE in hint


def _likeness_sentences(alike: Sequence[Likeness], wrong: set[int], limited: bool) -> list[str]:
    """What an answer has in common with known mistakes, of which each explains further cases."""
    first, number = alike[0], len(alike[0].explains)
    if first.explains < wrong:
        few = f"In {number} of the {len(wrong)} cases that go wrong"
        found = [f"{few} yours gives what this mistake gives: {first.hint}"]
    elif first.spoils:
        few = "one case is" if len(first.spoils) == 1 else f"{len(first.spoils)} cases are"
        spoilt = "" if limited else f" But {few} right that this would spoil."
        found = [f"Where it goes wrong yours gives what this mistake gives: {first.hint}{spoilt}"]
    else:
        found = [first.hint]
    for one in alike[1:]:
        few = f"In {len(one.explains - first.explains)} of the others"
        found.append(f"{few} yours gives what this one gives: {one.hint}")
    return found


def _telling(key: TaskKey, reasons: Sequence[Reason]) -> Reason:
    """The reason that says most: how values differ, else which ones, else where the first is.

    A factor that several cases have is said before bare numbers. Of several reasons for a function,
    the shortest: it tells of the simplest call.
    """
    factors = Counter(_factor_of(reason) for reason in reasons)

    def order(reason: Reason) -> tuple[bool, bool, bool, int]:
        length = len(reason.text) if key.question.kind == "function" else 0
        is_shared = factors[_factor_of(reason)] > 1 if _factor_of(reason) else False
        return NOTHING_MORE in reason.text, ", found " in reason.text, not is_shared, length

    return min(reasons, key=order)


def _factor_of(reason: Reason) -> str:
    """How many times as much as expected is found, or which of a few numbers is wrong."""
    said = re.search(
        rf"\({NUMBER} times as much\)|the \w+ of the two is wrong|the \w+ number of a row",
        reason.said,
    )
    return said[0] if said else ""


def _calls(key: TaskKey) -> list[dict[str, Any]]:
    """The arguments of all cases, defaults included."""
    return [
        {name: decode(value) for name, value in {**key.question.defaults, **case.arguments}.items()}
        for case in key.question.cases
    ]


# Of one fault


class _Telling:
    """Puts one fault into words."""

    def __init__(
        self,
        key: TaskKey,
        observation: Observation,
        comparison: Comparison,
        fault: Fault,
        ways: Mapping[int, Way],
    ) -> None:
        self.key, self.fault, self.answer = key, fault, comparison.answer
        self.case = key.question.cases[fault.case]
        self.seen = observation.cases[fault.case]
        self.call = call_of(key, fault.case)
        self.way = ways.get(fault.case) or way_of((), ())

    def reason(self) -> Reason:
        """What is said of the fault."""
        name = self.key.question.name
        match self.fault.kind:
            case "problem":
                return problem_of(self.key, self.fault.case, self.seen)
            case "remark":
                return Reason(self.fault.case, f"`{name}`", f" {self.fault.remark}")
            case "property":
                said = _property_text(self.call, self.fault.property, self.fault.found)
                return self.said(said.removeprefix(self.call))
            case "parameters":
                return self.of_parameters()
            case "shape":
                return self.said(self.of_shape(), step=self.parting())
            case "no statistics":
                return self.of_no_statistics()
            case "statistics":
                return self.of_statistics()
            case "momentum":
                return self.said(self.of_momentum())
        return self.of_output()

    def said(
        self,
        sentence: str,
        step: Parting | str = "",
        balance: Balance | None = None,
        vague: bool = False,
    ) -> Reason:
        """A reason; what follows the call is `sentence`."""
        kinds = frozenset([_kind_of(step)] if isinstance(step, str) and step else [])
        parting = Parting(step, kinds) if isinstance(step, str) else step
        balance = balance or Balance()
        causes = parting.kinds | balance.kinds
        plainly = contrast(self.way) if parting.kinds and not isinstance(step, str) else ""
        return Reason(
            self.fault.case, self.call, sentence, balance.text, parting.text, causes, vague, plainly
        )

    def balance(self) -> Balance:
        right = [place is not None for place in self.way.places]
        expected = self.answer.parameters[self.fault.case]
        return balance_of(expected, self.case.weights, self.seen.parameters, self.seen.trace, right)

    def parting(self) -> Parting:
        """Where the network parts from the right ones, weights apart of which it is told."""
        layer_by_layer = same_layers(self.case.weights, self.seen.trace)
        return parting(self.way, self.balance().steps, layer_by_layer)

    def of_parameters(self) -> Reason:
        said = (
            f" has {_count(self.seen.parameters)} trainable parameters, "
            f"expected {_count(self.answer.parameters[self.fault.case])}"
        )
        step = self.parting()
        if step.text:
            return self.said(said, step, self.balance())
        return self.said(said, _shared(self.seen.trace) or agreeing(self.way), self.balance())

    def of_no_statistics(self) -> Reason:
        if "training" in self.fault.expected:
            kept = "has no moving statistics, which training updates, as the expected one does"
        else:
            kept = "keeps moving statistics that training updates, as batch normalisation does"
        return self.said(f": your network {kept}", self.parting())

    def of_statistics(self) -> Reason:
        step = needless(self.way)
        return self.said(f": {step} {TAKEN_AWAY}" if step else f": {OTHER_STATISTICS}")

    def of_momentum(self) -> str:
        """What part of moving statistics is kept at a training step, and what part should be."""
        wanted, given = (
            " and ".join(f"{value:.4g}" for value in outputs["momentum"][0])
            for outputs in (self.fault.expected, self.fault.given)
        )
        return (
            f": moving statistics keep {given} of what they were at a step; asked for is {wanted}"
        )

    def of_shape(self) -> str:
        """A sentence where shapes or element types differ."""
        key, mode = self.key, shown_mode(self.fault.expected)
        wanted, given = self.fault.expected[mode], self.fault.given.get(mode, [])
        if len(wanted) != len(given):
            return f" must give {len(wanted)} results, yours gives {len(given)}"
        for number, (a, b) in enumerate(zip(wanted, given, strict=True)):
            which = f" (result {number + 1})" if len(wanted) > 1 else ""
            if a.shape != b.shape:
                what = describe_shape(a, b, key.tolerance) if mode == "value" else ""
                return f"{which} has shape {b.shape}, expected {a.shape}{what}"
            if b.size and b.dtype.kind not in KINDS[key.dtype]:
                said = f"{which} gives {_kind_word(b)} values, expected {key.dtype} values"
                if np.array_equal(a, b):
                    return f"{said}: shape and numbers are right, only the type is not"
                return f"{said}: the shape is right, the type is not"
        raise AssertionError("no shape differs")

    def of_output(self) -> Reason:
        mode = self.fault.modes[0]
        which, a, b = self.first_wrong(mode)
        if self.key.question.unordered:
            rows = describe_rows(self.fault.expected[mode], self.fault.given[mode])
            return self.said(f": of the rows of all results, {rows}")
        if mode == "value":
            return self.said(f"{which}: {describe(a, b, self.key.tolerance)}")
        step = self.parting()
        if not np.isfinite(b).all() or not self.seen.parameters:
            return self.said(f"{which}: {describe(a, b, self.key.tolerance)}", step)
        said = f": {self.in_which_modes(which)}"
        if is_glanced_at(self.case):
            return self.said(said + ONLY_COUNTED)
        if step.text:
            return self.said(said, step)
        words = _shared(self.seen.trace) or agreeing(self.way)
        if words:
            return self.said(said, words)
        blind = "" if self.balance().text else NOT_THE_STEPS
        return self.said(said + blind, vague=True)

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
    return {"f": "float", "i": "int", "u": "int", "b": "bool"}.get(array.dtype.kind, "other")


def _shared(trace: tuple[Tensor, ...]) -> str:
    """Name a layer with weights that is called a second time."""
    for tensor in trace:
        name, _, said = tensor.operation.rpartition(", ")
        if said == AGAIN:
            return f". `{name}` is called twice, with the same weights each time: make a new one"
    return ""
