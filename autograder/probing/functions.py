"""Observes an answer that is a function of numbers and arrays."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.data.arguments import Classifier, DensePredictor, decode
from autograder.data.observation import Array, Case, CaseObservation, Question
from autograder.probing.calls import noting_calls
from autograder.probing.conversion import Unanswered, built_classifier


def observe_function(
    function: Callable, question: Question, case: Case, first: bool
) -> CaseObservation:
    """Call a function twice on a case's arguments; note what it gives and what it changes."""
    arguments = [realised(decode(value)) for value in case.arguments.values()]
    given = function(*arguments)
    outputs = _results(given, question)
    remarks = []
    for (name, before), after in zip(case.arguments.items(), arguments, strict=True):
        if isinstance(after, np.ndarray | list) and not unchanged(decode(before), after):
            remarks.append(f"changes its argument `{name}`")
    calls: list[str] = []
    fresh = [realised(decode(value)) for value in case.arguments.values()]
    with noting_calls(calls) if question.by_hand and first else contextlib.nullcontext():
        again = function(*fresh)
    repeated = _results(again, question)
    if not all(
        a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        for a, b in zip(outputs, repeated, strict=True)
    ):
        remarks.append("gives another result when called again")
    return CaseObservation(
        outputs={"value": tuple(Array.of(output) for output in outputs)},
        remarks=tuple(dict.fromkeys(remarks)),
        calls=tuple(calls),
    )


def _results(given: Any, question: Question) -> list[np.ndarray]:
    """What a function gives as plain arrays; rows whose order is free are put in order."""
    found = [_plain(value, question) for value in as_many(given, question.outputs, question)]
    if not question.unordered or found[0].ndim != 1 or len({a.shape for a in found}) > 1:
        return found
    order = np.lexsort(found[::-1])
    return [array[order] for array in found]


def unchanged(before: Any, after: Any) -> bool:
    """Whether an argument is still what it was before the call."""
    if isinstance(before, np.ndarray):
        return isinstance(after, np.ndarray) and np.array_equal(
            before, after, equal_nan=before.dtype.kind == "f"
        )
    if isinstance(before, list):
        return len(before) == len(after) and all(map(unchanged, before, after))
    return bool(before == after)


def as_many(given: Any, count: int, question: Question) -> Sequence[Any]:
    """What an answer returns, as so many results; Unanswered where they are not so many."""
    if given is None:
        raise Unanswered("nothing", f"`{question.name}` returns nothing: is the `return` missing?")
    if count == 1:
        return [given]
    if not isinstance(given, tuple | list) or len(given) != count:
        found = f"{len(given)} values" if isinstance(given, tuple | list) else type(given).__name__
        raise Unanswered(
            "type", f"`{question.name}` must return {count} values, yours returns {found}"
        )
    return given


def _plain(value: Any, question: Question) -> np.ndarray:
    """A value as an ordinary array; nothing of a student's own class is left of it."""
    try:
        array = np.asarray(value)
    except Exception:
        array = np.asarray(None)
    if array.dtype.kind not in "fiub":
        raise Unanswered("type", f"`{question.name}` must return numbers, {_no_numbers(value)}")
    return np.array(array, copy=True, subok=False)


def _no_numbers(value: Any) -> str:
    """What an answer returns in place of numbers."""
    if isinstance(value, int):
        return f"yours is a whole number of some {int(value.bit_length() * 0.30103) + 1} digits"
    if not isinstance(value, list | tuple) or not value:
        return f"yours returns {type(value).__name__}"
    if all(isinstance(entry, list | tuple | np.ndarray) for entry in value):
        return f"yours returns a {type(value).__name__} of unequal lengths"
    kinds = sorted({type(entry).__name__ for entry in value})
    return f"yours returns a {type(value).__name__} of {' and '.join(kinds)[:80]}"


def realised(argument: Any) -> Any:
    """Turn descriptions of models and functions into the things themselves."""
    if isinstance(argument, Classifier):
        return built_classifier(argument)
    if isinstance(argument, DensePredictor):
        return _build_predictor(argument)
    return argument


def _build_predictor(description: DensePredictor) -> Callable[[np.ndarray], np.ndarray]:
    kernels, factor = description.kernels, description.factor
    height, width = kernels.shape[:2]

    def predict(image: np.ndarray) -> np.ndarray:
        if np.ndim(image) != 3:
            raise ValueError(f"`predict` takes a picture (H, W, C), not {np.ndim(image)} axes")
        if image.shape[0] < height or image.shape[1] < width:
            sides = f"{image.shape[0]} x {image.shape[1]} pixels"
            raise ValueError(f"`predict` is given {sides}, which is less than its window")
        windows = np.lib.stride_tricks.sliding_window_view(image, (height, width), axis=(0, 1))
        return np.einsum("ijcyx,yxck->ijk", windows[::factor, ::factor], kernels)

    return predict
