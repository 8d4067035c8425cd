"""A pure function from observation and key to verdict; no Keras, no student's code."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from pydantic import Field

from autograder.data.arguments import call_text, decode
from autograder.data.key import Answer, Property, Sketch, Sketches, TaskKey, sketch
from autograder.data.observation import (
    AGAIN,
    FROZEN,
    Array,
    Case,
    CaseObservation,
    Observation,
    Plain,
    Plan,
    Question,
    Tensor,
)
from autograder.judging.differences import NOTHING_MORE, close, describe, describe_shape
from autograder.judging.known import known_mistake, partly_known, same_sketch
from autograder.judging.parting import misbuilt, needless, parting
from autograder.judging.patterns import common_ground

SMALLEST_PROBABILITY = 1e-30
LONGEST_FACT = 100
MOST_DETAILS = 4
KINDS = {"float": "f", "int": "iu", "bool": "b", "number": "fiub"}
MODES = ("value", "inference", "training")
NOT_THE_STEPS = (
    ". Every step taken agrees with one expected: either steps are missing at the end, or a layer "
    "is used twice, is idle, or stands where another of its size should"
)
LOG_NEAR = 1e-3
OTHER_STATISTICS = (
    "the output is right, but the moving statistics that training leaves are others: what goes "
    "into a normalisation is scaled or shifted before"
)
MODE_WORDS = {"inference": "at inference", "training": "in training mode"}


class Picture(Plain):
    """Arrays that show where an answer went wrong."""

    caption: str
    expected: Array
    found: Array


class Verdict(Plain):
    """What an answer is worth, and why."""

    task: str
    verdict: Literal["correct", "wrong", "error", "missing"]
    points: float
    max_points: float
    checks: dict[str, bool] = Field(default_factory=dict)
    hint: str = ""
    remarks: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    picture: Picture | None = None


@dataclass
class Comparison:
    """How an observation compares with one right answer; `wrong` are the cases that differ."""

    checks: dict[str, bool]
    reasons: dict[str, list[str]]
    remarks: list[str]
    picture: Picture | None = None
    case: int = 0
    wrong: set[int] = field(default_factory=set)


def judge(key: TaskKey, observation: Observation) -> Verdict:
    """The verdict on an observation. Malformed observations are worth nothing and say so."""
    failed = _without_cases(key, observation)
    if failed:
        return failed
    try:
        comparisons = [_compare(key, answer, observation) for answer in key.answers]
        best = max(comparisons, key=lambda c: _points(key, c.checks))
        if not all(best.checks.values()) and _is_reordered(key, observation):
            best = Comparison(dict.fromkeys(key.parts, True), {}, [])
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
    name = key.question.name
    if observation.status == "missing":
        return missing(key, observation.message or f"there is no function `{name}`")
    if observation.status == "unfinished":
        return missing(key, f"`{name}` is not answered yet")
    if observation.status == "error":
        return failed(key, observation.message or f"`{name}` could not be run")
    if len(observation.cases) != len(key.question.cases):
        return failed(key, f"`{name}` was not observed on every case")
    problems = [case.problem for case in observation.cases]
    if all(problems) and known_mistake(key, observation) is None:
        return failed(key, _problem(key, 0, observation.cases[0]))
    return None


def _problem(key: TaskKey, index: int, seen: CaseObservation) -> str:
    """Why a case gave nothing, and which step of the network is to blame, where that shows."""
    step = misbuilt(key.landmarks[index], seen.trace) if index < len(key.landmarks) else ""
    return f"{seen.problem}{step}"


def _points(key: TaskKey, checks: dict[str, bool]) -> float:
    return round(sum(points for part, points in key.parts.items() if checks.get(part)), 4)


def _verdict(key: TaskKey, observation: Observation, comparison: Comparison) -> Verdict:
    points = _points(key, comparison.checks)
    right = all(comparison.checks.values())
    frozen = "" if comparison.checks.get("parameters", True) else _frozen(observation)
    explained = right or frozen or _only_remarked(key, comparison)
    mistake = None if explained else known_mistake(key, observation)
    if observation.calls:
        comparison.remarks.append(f"asked by hand, but uses {', '.join(observation.calls)}")
    reasons = [r for part in key.parts for r in comparison.reasons.get(part, [])]
    hint = ""
    if not right:
        hint = (
            mistake.hint
            if mistake
            else frozen or _unknown(key, observation, comparison, _telling(key, reasons))
        )
    return Verdict(
        task=key.question.name,
        verdict="correct" if right else "wrong",
        points=points,
        max_points=key.max_points,
        checks={part: comparison.checks[part] for part in key.parts},
        hint=hint,
        remarks=tuple(dict.fromkeys(comparison.remarks)),
        details=_details(reasons, hint, 1 if mistake else MOST_DETAILS),
        picture=None if right else comparison.picture,
    )


def _frozen(observation: Observation) -> str:
    """A sentence on a layer whose weights are not trained, or nothing."""
    for case in observation.cases:
        for tensor in case.trace:
            if tensor.operation.endswith(f", {FROZEN}"):
                return (
                    f"The weights of `{tensor.operation.removesuffix(f', {FROZEN}')}` are frozen "
                    "(`trainable=False`): all of them are to be trained."
                )
    return ""


def _only_remarked(key: TaskKey, comparison: Comparison) -> bool:
    """Whether a function gives what it should, and yet does something forbidden."""
    return key.question.kind == "function" and not comparison.wrong


def _details(reasons: list[str], hint: str, most: int) -> tuple[str, ...]:
    """Further reasons, one of each kind: cases that fail alike need saying once."""
    kinds = {_kind_of(hint): hint}
    for reason in reasons:
        kinds.setdefault(_kind_of(reason), reason)
    return tuple(kinds.values())[1 : most + 1]


def _kind_of(reason: str) -> str:
    """A reason without its call and without its numbers, which differ from case to case."""
    return re.sub(r"\d+", "#", reason.partition("): ")[2] or reason)


def _telling(key: TaskKey, reasons: list[str]) -> str:
    """The reason that says most: how values differ, else which ones, else where the first is.

    Of several for a function, the shortest: it tells of the simplest call.
    """

    def order(reason: str) -> tuple[bool, bool, int]:
        length = len(reason) if key.question.kind == "function" else 0
        return NOTHING_MORE in reason, ", found " in reason, length

    return min(reasons, key=order)


def _unknown(key: TaskKey, observation: Observation, comparison: Comparison, reason: str) -> str:
    """What can be said of a wrong answer that is not known as a whole."""
    for case in observation.cases:
        if case.remarks:  # float16, say, or a random result: no mistake of the bank explains it
            return f"`{key.question.name}` {case.remarks[0]}"
    where = _where(key, comparison.wrong)
    hint = partly_known(key, observation, comparison.wrong, limited=bool(where))
    if not hint:
        hint = reason if not where or reason.endswith(".") else reason + "."
    return f"{hint} {where}".rstrip()


def _where(key: TaskKey, wrong: set[int]) -> str:
    """What the cases that differ have in common, as a sentence of its own."""
    defaults = key.question.defaults
    calls = [
        {name: decode(value) for name, value in {**defaults, **case.arguments}.items()}
        for case in key.question.cases
    ]
    return common_ground(calls, wrong) or ""


# Comparing with a right answer


def _compare(key: TaskKey, answer: Answer, observation: Observation) -> Comparison:
    """Compare every case; a part holds when it holds in all of them."""
    result = Comparison(dict.fromkeys(key.parts, True), {part: [] for part in key.parts}, [])
    if answer.remark:
        result.remarks.append(answer.remark)
    for index, (case, seen) in enumerate(zip(key.question.cases, observation.cases, strict=True)):
        result.case = index
        _compare_case(key, answer, index, case, seen, result)
    return result


def _fail(result: Comparison, part: str, reason: str, differs: bool = True) -> None:
    if part in result.checks:
        if differs:
            result.wrong.add(result.case)
        result.checks[part] = False
        result.reasons[part].append(reason)


def _compare_case(
    key: TaskKey, answer: Answer, index: int, case: Case, seen: CaseObservation, result: Comparison
) -> None:
    if seen.problem:
        for part in key.parts:
            _fail(result, part, _problem(key, index, seen))
        return
    call = call_text(key.question.name, {k: decode(v) for k, v in case.arguments.items()})
    for remark in seen.remarks:
        _fail(result, "output", f"`{key.question.name}` {remark}", differs=False)
    if key.properties:
        _compare_properties(key.properties[index], case, call, seen.structure, result)
        return
    if seen.parameters != answer.parameters[index]:
        _fail(
            result,
            "parameters",
            f"{call} has {_count(seen.parameters)} trainable parameters, "
            f"expected {_count(answer.parameters[index])}"
            f"{_parting(key, index, seen.trace) or _needless(key, index, seen, answer)}"
            f"{_shared(seen.trace)}",
        )
    expected = _arrays(answer.outputs[index])
    found = _likeliest(key, case, expected, seen)
    wrong_shape = _shape_reason(key, call, expected, found)
    if wrong_shape:
        wrong_shape += _parting(key, index, seen.trace)
        _fail(result, "shape", wrong_shape)
        _fail(result, "output", wrong_shape)
        return
    if seen.parameters is not None and ("training" in expected) != ("training" in found):
        kept = "has no" if "training" in expected else "keeps"
        _fail(
            result,
            "output",
            f"{call}: your network {kept} moving statistics that training updates, as batch "
            f"normalisation does{', the expected one does' if kept == 'has no' else ''}"
            f"{_parting(key, index, seen.trace)}",
        )
        return
    _compare_outputs(key, index, case, seen, call, expected, found, result)


def _arrays(packed: dict[str, tuple[Array, ...]]) -> dict[str, list[np.ndarray]]:
    return {mode: [array.numpy() for array in arrays] for mode, arrays in packed.items()}


def _likeliest(
    key: TaskKey, case: Case, expected: dict[str, list[np.ndarray]], seen: CaseObservation
) -> dict[str, list[np.ndarray]]:
    """What was found, with the weights in the way that is right, if one is."""
    for packed in (seen.outputs, *seen.otherwise) if seen.otherwise else ():
        found = _arrays(packed)
        modes = [mode for mode in MODES if mode in expected]
        if _same_statistics(expected, found) and all(
            _agree(expected[mode], found.get(mode, []), case.plan, key.tolerance) for mode in modes
        ):
            return found
    return _arrays(seen.outputs)


def _compare_properties(
    properties: tuple[Property, ...],
    case: Case,
    call: str,
    facts: dict[str, Any],
    result: Comparison,
) -> None:
    """Hold the facts of a case against the key. Where one is missing, an earlier one says why.

    At a glance nothing is looked at further once an earlier one is wrong.
    """
    reason = unseen = f"{call} could not be looked at"
    for wanted in properties:
        if wanted.fact not in facts and reason != unseen and case.plan and case.plan.counted:
            continue
        # The sum is a proof, asked for only where all else is right.
        if wanted.relation == "adds up to" and not all(result.checks.values()):
            continue
        found = facts.get(wanted.fact)
        if wanted.holds(found):
            continue
        if wanted.fact in facts:
            reason = wanted.sentence.format(
                call=call, found=_fact_text(found), value=_fact_text(wanted.value)
            )
        _fail(result, wanted.part, reason)


def _fact_text(fact: Any) -> str:
    if isinstance(fact, list):
        between = " x " if all(isinstance(item, int) for item in fact) else ", "
        return between.join(map(str, fact))[:LONGEST_FACT]
    return str(fact)[:LONGEST_FACT]


def _count(number: int | None) -> str:
    return "no" if number is None else f"{number:,}"


def _shape_reason(
    key: TaskKey, call: str, expected: dict[str, list], found: dict[str, list]
) -> str | None:
    """A sentence where shapes or element types differ, else None."""
    mode = "value" if "value" in expected else "inference"
    wanted, given = expected[mode], found.get(mode, [])
    if len(wanted) != len(given):
        return f"{call} must give {len(wanted)} results, yours gives {len(given)}"
    for number, (a, b) in enumerate(zip(wanted, given, strict=True)):
        which = f" (result {number + 1})" if len(wanted) > 1 else ""
        if a.shape != b.shape:
            what = describe_shape(a, b, key.tolerance) if mode == "value" else ""
            return f"{call}{which} has shape {b.shape}, expected {a.shape}{what}"
        if b.size and b.dtype.kind not in KINDS[key.dtype]:
            return f"{call}{which} gives {_kind_word(b)}, expected {key.dtype} values"
    return None


def _kind_word(array: np.ndarray) -> str:
    return {"f": "float", "i": "int", "b": "bool"}.get(array.dtype.kind, "other") + " values"


def _compare_outputs(
    key: TaskKey,
    index: int,
    case: Case,
    seen: CaseObservation,
    call: str,
    expected: dict[str, list[np.ndarray]],
    found: dict[str, list[np.ndarray]],
    result: Comparison,
) -> None:
    plan = case.plan
    wrong = [
        mode
        for mode in MODES
        if mode in expected and not _agree(expected[mode], found.get(mode, []), plan, key.tolerance)
    ]
    if not wrong:
        if not _same_statistics(expected, found):
            _fail(result, "output", f"{call}: {OTHER_STATISTICS}{_stray(key, index, seen.trace)}")
        return
    if plan and plan.permutable and _agree_permuted(expected, found, plan, key.tolerance):
        result.remarks.append("the parts are concatenated in another order than the one written")
        return
    mode = wrong[0]
    reason = _output_reason(key, index, seen, call, mode, wrong, expected, found)
    _fail(result, "output", reason)
    if result.picture is None:
        result.picture = _picture(call, expected[mode], found.get(mode, []), plan, key.tolerance)


def _same_statistics(expected: dict[str, list], found: dict[str, list]) -> bool:
    """Whether a training step takes the same for moving statistics."""
    pairs = zip(expected.get("statistics", []), found.get("statistics", []), strict=False)
    return all(np.allclose(a, b, atol=LOG_NEAR, rtol=0) for a, b in pairs)


def comparable(array: np.ndarray, plan: Plan | None) -> np.ndarray:
    """Probabilities are compared as logarithms, so that a saturated softmax hides nothing."""
    if plan is None or not plan.probabilities:
        return array
    with np.errstate(all="ignore"):
        return np.log(np.where(array >= 0, np.maximum(array, SMALLEST_PROBABILITY), np.nan))


def _agree(
    expected: list[np.ndarray], found: list[np.ndarray], plan: Plan | None, tolerance: float
) -> bool:
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
        for mode in expected.keys() - {"permuted", "statistics"}:
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


def _agree_permuted(expected: dict, found: dict, plan: Plan, tolerance: float) -> bool:
    """Whether the outputs agree up to the order of channels, with order-blind weights."""
    if len(expected["permuted"]) != len(found.get("permuted", [])):
        return False
    a = [_sorted_channels(comparable(array, plan)) for array in expected["permuted"]]
    b = [_sorted_channels(comparable(array, plan)) for array in found["permuted"]]
    return all(
        x.shape == y.shape and _network_close(x, y, tolerance) for x, y in zip(a, b, strict=True)
    )


def _sorted_channels(array: np.ndarray) -> np.ndarray:
    columns = array.reshape(-1, array.shape[-1]).astype("float64")
    weights = np.cos(np.arange(len(columns)))
    order = np.argsort(weights @ np.nan_to_num(columns))
    return columns[:, order].reshape(array.shape)


# Saying where they part


def _output_reason(
    key: TaskKey,
    index: int,
    seen: CaseObservation,
    call: str,
    mode: str,
    wrong: list[str],
    expected: dict[str, list[np.ndarray]],
    found: dict[str, list[np.ndarray]],
) -> str:
    which = ""
    a, b = expected[mode][0], found[mode][0]
    if len(expected[mode]) > 1:
        plan = key.question.cases[index].plan
        number = next(
            n
            for n, (x, y) in enumerate(zip(expected[mode], found[mode], strict=True))
            if not _agree([x], [y], plan, key.tolerance)
        )
        which, a, b = f" (result {number + 1})", expected[mode][number], found[mode][number]
    if mode == "value":
        return f"{call}{which}: {describe(a, b, key.tolerance)}"
    where = _parting(key, index, seen.trace)
    if not np.isfinite(b).all() or not seen.parameters:
        return f"{call}{which}: {describe(a, b, key.tolerance)}{where}"
    if wrong == ["training"]:
        how = "the output is right at inference, but not in training mode"
    elif wrong == ["inference"] and "training" in expected:
        how = (
            "the output is right in training mode, but not at inference: "
            "there a normalisation must use its moving statistics"
        )
    else:
        how = f"the output{which} is not the expected one"
    return f"{call}: {how}{where or _shared(seen.trace) or NOT_THE_STEPS}"


def _parting(key: TaskKey, index: int, trace: tuple[Tensor, ...]) -> str:
    return parting(key.landmarks[index], trace) if index < len(key.landmarks) else ""


def _shared(trace: tuple[Tensor, ...]) -> str:
    """Name a layer with weights that is called a second time."""
    for tensor in trace:
        name, _, said = tensor.operation.rpartition(", ")
        if said == AGAIN:
            return f". `{name}` is called twice, with the same weights each time: make a new one"
    return ""


def _stray(key: TaskKey, index: int, trace: tuple[Tensor, ...]) -> str:
    step = needless(key.landmarks[index], trace) if index < len(key.landmarks) else ""
    return f". {step}" if step else ""


def _needless(key: TaskKey, index: int, seen: CaseObservation, answer: Answer) -> str:
    """Name a step that has parameters too many, where what follows it is right all the same."""
    if index >= len(key.landmarks) or (seen.parameters or 0) <= (answer.parameters[index] or 0):
        return ""
    step = needless(key.landmarks[index], seen.trace)
    if not step:
        return ""
    return (
        f". {step}: has it a bias that a normalisation takes away again, "
        "or is it not needed at all?"
    )


def _picture(
    call: str,
    expected: list[np.ndarray],
    found: list[np.ndarray],
    plan: Plan | None,
    tolerance: float,
) -> Picture | None:
    """The first map that differs, where the result has two sides worth drawing."""
    for a, b in zip(expected, found, strict=False):
        if a.shape != b.shape or a.ndim < 2 or min(a.shape[-3:][:2]) < 3 or a.dtype.kind != "f":
            continue
        for one, other in zip(_maps(a), _maps(b), strict=True):
            if not close(one, other, tolerance).all():
                return Picture(caption=call, expected=Array.of(one), found=Array.of(other))
    return None


def _maps(array: np.ndarray) -> list[np.ndarray]:
    """The maps of an array: itself, or its channels, of the first sample of a batch."""
    if array.ndim == 2:
        return [array]
    sample = array.reshape(-1, *array.shape[-3:])[0]
    return [sample[..., channel] for channel in range(sample.shape[-1])]


# Kernels stored in another order


def _is_reordered(key: TaskKey, observation: Observation) -> bool:
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
                sketch(comparable(array.numpy(), None if mode == "statistics" else case.plan))
                for array in arrays
            )
            for mode, arrays in seen.outputs.items()
        }
        for case, seen in zip(question.cases, observation.cases, strict=True)
    )


def _same_sketches(
    theirs: tuple[dict[str, tuple[Sketch, ...]], ...],
    mine: Sketches,
) -> bool:
    return all(
        a.keys() == b.keys()
        and all(
            len(a[mode]) == len(b[mode]) and all(map(same_sketch, a[mode], b[mode])) for mode in a
        )
        for a, b in zip(theirs, mine, strict=True)
    )
