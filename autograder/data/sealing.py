"""Answers that are values, and how a key knows the right one without holding it.

A number is rounded to a grid, so that all that are near enough to the right one fall on a few
places; a letter is taken as it is. Of these a key holds salted digests, which take some hundredths
of a second each to make (scrypt, RFC 7914). So nobody reads an answer out of a key by looking. It
keeps nobody from *trying*: of four letters one is right, and `check` says which. What a class must
not find out before it is graded is left out of the key that it gets (`without_answers`).
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np

from autograder.data.key import Key, KeyProblem, TaskKey, Value
from autograder.data.observation import Array, CaseObservation, Observation

SMALLEST = 1e-9  # of a number's size, what is rounding
LONGEST = 20  # characters of an answer in letters
COST = {"n": 2**12, "r": 8, "p": 1, "dklen": 16}


def observed_value(given: Any, name: str) -> Observation:
    """What a student's value is, as plain data. Never raises for what it is."""
    if given is None or given is Ellipsis or (isinstance(given, str) and not given.strip()):
        return Observation(name=name, status="unfinished", message="not answered yet")
    if isinstance(given, str):
        if len(given.strip()) > LONGEST:
            return _not_a_value(name, "a longer text")
        codes = np.array([ord(letter) for letter in given.strip().lower()])
        return _observed(name, codes)
    try:
        array = np.asarray(given)
        number = array.reshape(()) if array.dtype.kind in "fiu" and array.size == 1 else None
    except Exception:
        number = None
    if number is None or isinstance(given, bool):
        return _not_a_value(name, f"a {type(given).__name__}")
    if not np.isfinite(number):
        return _not_a_value(name, "not finite")
    return _observed(name, number.astype("float64"))


def _observed(name: str, array: np.ndarray) -> Observation:
    case = CaseObservation(outputs={"value": (Array.of(array),)})
    return Observation(name=name, status="observed", cases=(case,))


def _not_a_value(name: str, what: str) -> Observation:
    message = f"`{name}` must be a number or a letter, as the question says; yours is {what}"
    return Observation(name=name, status="error", message=message)


def given_value(array: Array) -> float | str:
    """The value that was observed. Raises ValueError where it is none."""
    numbers = array.numpy()
    if array.dtype == "float64" and numbers.shape == ():
        return float(numbers)
    if array.dtype == "int64" and numbers.ndim == 1 and numbers.size <= LONGEST:
        return "".join(chr(code) for code in numbers.tolist() if 0 <= code < 0x110000)
    raise ValueError("it is neither a number nor a letter")


def place(value: Value, given: float | str) -> str:
    """What of an answer counts: its letter, or its place on the grid."""
    if isinstance(given, str):
        return given
    if value.step:
        return str(math.floor((given + value.offset) / value.step))
    return f"{given:.9g}"


def sealed(value: Value, given: float | str) -> str:
    """The digest of an answer."""
    text = place(value, given).encode()
    return hashlib.scrypt(text, salt=value.salt.encode(), **COST).hex()


def sealed_around(value: Value, wanted: float | str) -> tuple[str, ...]:
    """The digests of all answers that are as good as `wanted`: those of its place and the next.

    So whatever is within a step is taken, and nothing that is two steps away.
    """
    if isinstance(wanted, str) or not value.step:
        return (sealed(value, wanted),)
    return tuple(sealed(value, wanted + steps * value.step) for steps in (-1, 0, 1))


def without_answers(key: Key) -> Key:
    """The key with questions for values that it cannot answer: what a course hands out."""
    return key.model_copy(update={"tasks": {name: _bare(t) for name, t in key.tasks.items()}})


def require_answers(key: Key) -> None:
    """Raise KeyProblem where a key cannot judge: it is the one that a course hands out."""
    bare = [name for name, task in key.tasks.items() if task.value and task.value.right is None]
    if bare:
        raise KeyProblem(
            f"this key of {key.exercise} has no answers to {', '.join(bare)}: it is the one that "
            "students have; grade with the private one, --key keys/"
            f"{key.exercise}.json"
        )


def _bare(task: TaskKey) -> TaskKey:
    if task.value is None:
        return task
    value = task.value.model_copy(update={"right": None, "mistakes": ()})
    return task.model_copy(update={"value": value})
