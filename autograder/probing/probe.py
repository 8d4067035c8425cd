"""Runs beside the student's code: calls an answer on a question's cases and notes what it gives.

A probe knows no answer. What it notes is plain data (`autograder.data.observation`).
"""

from __future__ import annotations

import contextlib
import functools
import gc
import inspect
import math
import re
import time
import traceback
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autograder.data.arguments import Input, call_text, decode
from autograder.data.observation import (
    Array,
    Case,
    CaseObservation,
    Observation,
    Question,
    Tensor,
)
from autograder.data.sealing import observed_value
from autograder.probing.conversion import Unanswered, observe_conversion
from autograder.probing.functions import as_many, observe_function, realised, unchanged
from autograder.probing.settings import kept_settings

if TYPE_CHECKING:
    from autograder.probing.network import Network

LONGEST_MESSAGE = 400
STRUCTURE_SEED = 1
OVERSIZED = 200_000_000  # parameters: VGG-19 has 144 million
OVERSIZED_MAPS = 400_000_000  # numbers: U-Net for 572 x 572 has some 200 million
KEEPS = "uses the layers of an earlier call again: make new ones at every call"


def probe(function: Any, question: Question) -> Observation:
    """Observe `function`, a student's answer to `question`. Never raises for what it does."""
    with kept_settings():
        return _probe(function, question)


def _probe(function: Any, question: Question) -> Observation:
    start = time.perf_counter()
    if question.kind == "value":
        return observed_value(function, question.name)
    if not callable(function):
        message = f"`{question.name}` is not a function"
        return Observation(name=question.name, status="error", message=message)
    function = as_block(function, question)
    problem = signature_problem(function, question)
    if problem:
        return Observation(name=question.name, status="error", message=problem)
    cases: list[CaseObservation] = []
    earlier = _EarlierNets()
    for case in question.cases:
        gc.collect(1)  # the net of the case before: it holds itself in circles
        cases.append(_observe_case(function, question, case, earlier))
        earlier.first = False
    if all(case.problem_kind == "unfinished" for case in cases):
        return Observation(name=question.name, status="unfinished", message="not answered yet")
    remarks = wrong_defaults(function, question)
    if remarks:
        cases[0] = cases[0].model_copy(update={"remarks": (*remarks, *cases[0].remarks)})
    return Observation(
        name=question.name,
        status="observed",
        cases=tuple(cases),
        calls=tuple(dict.fromkeys(call for case in cases for call in case.calls)),
        seconds=round(time.perf_counter() - start, 4),
    )


def as_block(answer: Callable, question: Question) -> Callable:
    """An answer that is a class of layers as a block: made, then called on the inputs."""
    if not question.layer:
        return answer
    case = question.cases[0] if question.cases else Case(arguments={})
    inputs = [name for name, value in case.arguments.items() if isinstance(decode(value), Input)]

    def block(*arguments: Any) -> Any:
        import keras

        layer = answer(*arguments[len(inputs) :])
        if not isinstance(layer, keras.layers.Layer):
            raise Unanswered(
                "type", f"`{question.name}` must be a class derived from `keras.layers.Layer`"
            )
        return layer(*arguments[: len(inputs)])

    with contextlib.suppress(TypeError, ValueError):
        fed = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in inputs]
        own = list(inspect.signature(answer).parameters.values())
        block.__signature__ = inspect.Signature([*fed, *own])  # type: ignore[attr-defined]
    return block


def probe_of_many(function: Any, question: Question) -> Observation:
    """`probe` for one of a whole bank's answers.

    A net holds itself in circles: without a collection after each, those of a bank of AlexNets
    stay in memory together, 8 GB of them.
    """
    _freeze_what_is_there()
    observation = probe(function, question)
    if question.kind == "model":
        gc.collect()
    return observation


@functools.lru_cache(maxsize=1)
def _freeze_what_is_there() -> None:
    """Let the collection pass over Keras's own objects, which need not be looked at each time.

    Whether this was done is not asked of `gc`: it would count all of them.
    """
    gc.collect()
    gc.freeze()


def signature_problem(function: Callable, question: Question) -> str | None:
    """A sentence where `function` cannot be called as the question does, else None."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    asked = max((list(case.arguments) for case in question.cases), key=len)
    named = [name for name in signature.parameters if name in asked]
    written = ", ".join(_with_default(name, question) for name in asked)
    complaint = f"`{question.name}` must take ({written}), in this order; yours takes {signature}"
    if set(named) == set(asked) and named != asked:
        return complaint
    for case in question.cases:
        try:
            signature.bind(*case.arguments.values())
        except TypeError:
            return complaint
    return None


def _with_default(name: str, question: Question) -> str:
    if name not in question.defaults:
        return name
    return f"{name}={decode(question.defaults[name])!r}"


def wrong_defaults(function: Callable, question: Question) -> tuple[str, ...]:
    """What `function` gives its arguments by default, where that is not what was asked.

    None is taken for "worked out inside".
    """
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return ()
    remarks = []
    for name, wanted in question.defaults.items():
        expected = decode(wanted)
        if name not in parameters or parameters[name].default is None:
            continue
        given = parameters[name].default
        if given is inspect.Parameter.empty:
            remarks.append(f"must give `{name}` the default {expected!r}, yours has none")
        elif not _same_default(expected, given):
            remarks.append(f"must give `{name}` the default {expected!r}, not {given!r}"[:200])
    return tuple(remarks)


def _same_default(expected: Any, given: Any) -> bool:
    try:
        if isinstance(expected, tuple | list):
            return list(expected) == list(given)
        return bool(expected == given)
    except Exception:
        return False


def _observe_case(
    function: Callable, question: Question, case: Case, earlier: _EarlierNets
) -> CaseObservation:
    try:
        if question.kind == "function" and case.feeds:
            return observe_conversion(function, question, case)
        if question.kind == "function":
            return observe_function(function, question, case, earlier.first)
        return _observe_network(function, question, case, earlier)
    except Unanswered as reason:
        return CaseObservation(problem=str(reason), problem_kind=reason.kind)
    except NotImplementedError as error:
        kind = "raises" if str(error) and _is_keras(error) else "unfinished"
        return CaseObservation(problem=_raised(error, question, case), problem_kind=kind)
    except (Exception, SystemExit) as error:
        # how much memory there is differs from one machine to the next
        shapes = "" if isinstance(error, MemoryError) else _shapes_in(_message(error))
        # a name that is not there is a slip of the pen, and not what a mistake of the bank raises
        kind = "unnamed" if isinstance(error, NameError) else f"raises{shapes}"
        return CaseObservation(
            problem=_raised(error, question, case),
            problem_kind=kind,
            trace=_steps_to_the_error(function, question, case),
        )


def _steps_to_the_error(function: Callable, question: Question, case: Case) -> tuple[Tensor, ...]:
    """The steps of a network that cannot be built, up to the one that fails."""
    if question.kind == "function" or question.structure:
        return ()
    from autograder.probing.quick import quick_initializers
    from autograder.probing.trace import Recorder, recording

    recorder = Recorder(symbolic=True)
    build = _build_block if question.kind == "block" else _build_model
    with contextlib.suppress(Exception, SystemExit), quick_initializers(), recording(recorder):
        build(function, question, case)
    return tuple(recorder.tensors)


def _is_keras(error: BaseException) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and "site-packages" in frames[-1].filename


def _shapes_in(message: str) -> str:
    """The shapes that an error tells of, without that of the batch: they tell errors apart."""
    found = re.findall(r"[(\[](?:None, )?(\d+(?:, \d+)+)[)\]]", message)
    return "".join(f" ({shape})" for shape in sorted(set(found)))


def _message(error: BaseException) -> str:
    """An error's text on one line, without colours and without Keras's list of all arguments."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).partition("Arguments received by")[0]
    return " ".join(text.split())[:LONGEST_MESSAGE]


def _raised(error: BaseException, question: Question, case: Case) -> str:
    fed = case.feeds[0] if question.kind == "function" and case.feeds else ()
    call = call_text(question.name, {k: decode(v) for k, v in case.arguments.items()}, fed)
    # Keras's own messages go on with examples of code that would come in one line here
    text = _message(error).partition("You are likely doing something like")[0].strip()
    where = ""
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.name == question.name:
            words = (frame.line or "").strip()[:80]  # nothing where the source is not at hand
            where = f" (line {frame.lineno} of the cell{f': `{words}`' if words else ''})"
    return f"{call} raises {type(error).__name__}{': ' if text else ''}{text}{where}"


# Blocks and models


class _EarlierNets:
    """The weights of the nets of the cases before: a net that has one of them is not new.

    They are not kept alive, so that the nets need no memory once they have been looked at.
    """

    def __init__(self) -> None:
        self.first = True
        self._weights: list[weakref.ref] = []

    def remarks(self, model: Any, function: Callable, question: Question, case: Case) -> list[str]:
        """What is the matter with a net that must be made anew at every call.

        At the first case the answer is called a second time; where a model is tried on several
        cases, these are its further calls, which saves building a large one.
        """
        from autograder.probing.models import lacks_variables

        remarks = [KEEPS] if self._share(model.weights) else []
        self._weights = [weakref.ref(weight) for weight in model.weights]
        if self.first and (question.kind == "block" or not case.plan or len(question.cases) == 1):
            build = _build_block if question.kind == "block" else _build_model
            again, _ = build(function, question, case)
            if self._share(again.weights):
                remarks.append(KEEPS)
            elif model.built and not lacks_variables(again) and _shapes(model) != _shapes(again):
                remarks.append("gives another network when called again")
        return remarks

    def _share(self, weights: Sequence[Any]) -> bool:
        alive = [reference() for reference in self._weights]
        return bool({id(w) for w in alive if w is not None} & {id(w) for w in weights})


def _shapes(model: Any) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in model.weights]


def _observe_network(
    function: Callable, question: Question, case: Case, earlier: _EarlierNets
) -> CaseObservation:
    from autograder.probing.inference import randomness
    from autograder.probing.models import fixed_training_flags, half_precision
    from autograder.probing.quick import quick_initializers
    from autograder.probing.trace import Recorder

    if question.structure:
        return _observe_structure(function, question, case, earlier)
    assert case.plan is not None
    remarks: list[str] = []
    function = _watched(function, list(case.arguments), remarks)
    with quick_initializers():
        network = build_network(function, question, case)
        remarks += earlier.remarks(network.model, function, question, case)
    remarks[:] = dict.fromkeys(remarks)
    remarks += [
        f"fixes `training={flag}` in a call: leave it out, Keras says itself whether it trains"
        for flag in sorted(fixed_training_flags(network.model))
    ]
    random, half = randomness(network.model), half_precision(network.model)
    remarks += [random] if random else []
    remarks += [f"computes in {half}: keep Keras's own float32"] if half else []
    oversized = not case.plan.counted and _oversized_maps(network.model, case.plan.batch)
    if oversized:
        remarks.append(oversized)
    if case.plan.counted or oversized or _is_oversized(network.parameters, case):
        blank = network.blank_outputs()
        if not case.plan.counted:
            blank = [np.repeat(output[:1], case.plan.batch, axis=0) for output in blank]
        return CaseObservation(
            outputs={"inference": tuple(map(Array.of, blank))},
            parameters=network.parameters,
            remarks=tuple(remarks),
        )
    recorder = Recorder()
    seen = network.observe(recorder)
    if not network.repeats():
        remarks.append(
            "gives another result when called again, as with dropout that is on at inference"
        )
    parameters = network.parameters
    if case.plan.permutable:
        seen["permuted"] = network.observe(permuted=True)["inference"]
    return CaseObservation(
        outputs=_packed(seen),
        otherwise=tuple(map(_packed, network.observe_otherwise())),
        parameters=parameters,
        remarks=tuple(remarks),
        trace=tuple(recorder.tensors),
    )


def _is_oversized(parameters: int, case: Case) -> bool:
    """Whether a net is so much larger than the model answer's that its count alone decides.

    A VGG without a pool has 2.7 billion weights, which take 11 GB and half a minute to fill.
    """
    expected = sum(math.prod(weight.shape) for weight in case.weights)
    return parameters > max(OVERSIZED, 3 * expected)


def _oversized_maps(model: Any, batch: int) -> str:
    """A sentence where a network's maps are too many to be run, else nothing.

    A MobileNetV2 without strides in its blocks has 30 times the numbers in its maps that the right
    one has, and takes 6 GB and 20 seconds. Of a network that is no graph nothing is known.
    """
    import keras

    count = batch * sum(
        math.prod(side or 1 for side in tensor.shape[1:])
        for operation in getattr(model, "operations", ())
        for tensor in keras.tree.flatten(operation.output)
    )
    if count <= OVERSIZED_MAPS:
        return ""
    return (
        f"has {count / 1e6:,.0f} million numbers in its maps, too many to be run here: "
        "is a stride or a pool missing?"
    )


def _packed(seen: dict[str, list[np.ndarray]]) -> dict[str, tuple[Array, ...]]:
    return {mode: tuple(map(Array.of, arrays)) for mode, arrays in seen.items()}


def _watched(function: Callable, names: Sequence[str], remarks: list[str]) -> Callable:
    """The same function, which also notes when a call has changed a list it was given."""

    def call(*arguments: Any) -> Any:
        before = [list(value) if isinstance(value, list) else None for value in arguments]
        given = function(*arguments)
        for name, old, value in zip(names, before, arguments, strict=True):
            if old is not None and not unchanged(old, value):
                remarks.append(f"changes its argument `{name}`")
        return given

    return call


def _observe_structure(
    function: Callable, question: Question, case: Case, earlier: _EarlierNets
) -> CaseObservation:
    from autograder.probing.quick import quick_initializers
    from autograder.probing.structure import facts

    with quick_initializers():
        model, feeds = _build_model(function, question, case)
        remarks = earlier.remarks(model, function, question, case)
    glance = case.plan is not None and case.plan.counted
    return CaseObservation(
        structure=facts(model, tuple(feeds), STRUCTURE_SEED, glance), remarks=tuple(remarks)
    )


def build_network(function: Callable, question: Question, case: Case) -> Network:
    """Call a block or model function and make its network ready to be filled."""
    from autograder.probing.network import Network

    assert case.plan is not None
    build = _build_block if question.kind == "block" else _build_model
    model, feeds = build(function, question, case)
    return Network(
        model,
        feeds,
        case.plan,
        lambda given: _tensors(given, question),
        case.weights,
        case.statistics,
    )


def _build_block(function: Callable, question: Question, case: Case) -> tuple[Any, list]:
    import keras

    arguments = [decode(value) for value in case.arguments.values()]
    inputs = [keras.Input(a.shape) if isinstance(a, Input) else None for a in arguments]
    given = function(*[a if x is None else x for a, x in zip(arguments, inputs, strict=True)])
    if question.outputs == 1 and isinstance(given, dict | list | tuple):
        raise Unanswered("type", _no_tensor(given, question))
    outputs = _tensors(given, question)
    symbolic = [x for x in inputs if x is not None]
    for output in outputs:
        if not isinstance(output, keras.KerasTensor):
            raise Unanswered("type", _no_tensor(output, question))
    feeds = [a.shape for a in arguments if isinstance(a, Input)]
    if any(output is x for output in outputs for x in symbolic):
        outputs = [keras.ops.copy(output) for output in outputs]
    try:
        model = keras.Model(
            symbolic[0] if len(symbolic) == 1 else symbolic,
            outputs[0] if len(outputs) == 1 else outputs,
        )
    except ValueError as error:
        raise Unanswered(
            "disconnected", f"the output of `{question.name}` is not computed from its input"
        ) from error
    return model, feeds


def _build_model(function: Callable, question: Question, case: Case) -> tuple[Any, list]:
    import keras

    arguments = [realised(decode(value)) for value in case.arguments.values()]
    model = function(*arguments)
    if not isinstance(model, keras.Model):
        found = "nothing" if model is None else type(model).__name__
        raise Unanswered(
            "type", f"`{question.name}` must return a `keras.Model`, yours returns {found}"
        )
    _check_input(model, question, case.feeds)
    return model, list(case.feeds)


def _check_input(model: Any, question: Question, feeds: Sequence[tuple[int, ...]]) -> None:
    """Refuse a model whose input has another shape. A subclassed model says nothing about its."""
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len({len(feed) for feed in feeds}) != 1:
        return
    wanted = tuple(sides[0] if len(set(sides)) == 1 else None for sides in zip(*feeds, strict=True))
    fits = len(shape) == len(wanted) + 1 and all(
        given is None or given == side for given, side in zip(shape[1:], wanted, strict=True)
    )
    if not fits:
        raise Unanswered(
            "input", f"the model's input must have the shape {wanted}; yours takes {shape[1:]}"
        )


def _tensors(given: Any, question: Question) -> list[Any]:
    if isinstance(given, dict):
        given = tuple(given.values())
    if question.outputs == 1 and isinstance(given, tuple | list) and len(given) == 1:
        given = given[0]
    tensors = list(as_many(given, question.outputs, question))
    for tensor in tensors:
        if not hasattr(tensor, "shape") or not hasattr(tensor, "dtype"):
            raise Unanswered("type", _no_tensor(tensor, question))
    return tensors


def _no_tensor(given: Any, question: Question) -> str:
    """What an answer returns in place of a Keras tensor, and what to do."""
    import keras

    kind = type(given).__name__
    inputs = question.cases[0].arguments.items() if question.cases else ()
    x = next((name for name, value in inputs if isinstance(decode(value), Input)), "x")
    said = f"`{question.name}` must return a Keras tensor, yours returns "
    if isinstance(given, keras.Sequential):
        return f"{said}a model ({kind}): call it, as in `return model({x})`"
    if isinstance(given, keras.Model):
        return (
            f"{said}a model ({kind}): return the tensor itself, the one that `keras.Model(...)` "
            "was given as its output"
        )
    if isinstance(given, keras.layers.Layer):
        return f"{said}a layer that was not called: `return layers.{kind}(...)({x})` calls it"
    if isinstance(given, dict | list | tuple):
        return f"{said}a {kind}: return the one tensor alone"
    return (
        f"{said}{kind}: use layers and `keras.ops` on `{x}` all the way, so that the result is "
        "one too"
    )
