"""`check(function)`: what a student calls in a notebook."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from autograder.data.key import Key, KeyProblem, TaskKey, read_key
from autograder.judging.judge import Verdict, failed, judge
from autograder.judging.report import Shown

KEY_NAME = "key.json"


class CheckProblem(Exception):
    """A check cannot be made; shown as one sentence, without a traceback, in a notebook."""

    def _render_traceback_(self) -> list[str]:
        return [f"Cannot check: {self}"]


def check(function: Callable, exercise: str | None = None) -> Shown:
    """Check one answer against the public key that lies with the exercise.

    `function` is the answer under its task's name. `exercise` is needed only outside the
    exercise's own folder, as in `check(output_size, exercise="01_convolution")`. The result shows
    as a table and counts as a number: the points.
    """
    if not callable(function):
        raise CheckProblem(f"check() takes a function, as in check(output_size); not {function!r}")
    names = _names_of(function, sys._getframe(1).f_globals)
    return Shown(verdict_on(function, _task_key(names, exercise)))


def _names_of(function: Callable, namespace: dict[str, Any]) -> list[str]:
    """Names that an answer goes by: its own, and those that the notebook gave it.

    A lambda, a `partial` or what a decorator made has none of its own, or another's.
    """
    own = getattr(function, "__name__", None)
    given = [name for name, value in list(namespace.items()) if value is function]
    return [*([own] if isinstance(own, str) else []), *given]


def verdict_on(function: Any, key: TaskKey) -> Verdict:
    """Observe and judge in this process. What the answer prints is not shown."""
    from autograder.probing.probe import probe

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            observation = probe(function, key.question)
        except NotImplementedError as error:
            return failed(key, str(error))
    return judge(key, observation)


def find_key(exercise: str | None, start: Path) -> Path | None:
    """The public key: in `start`, or in an `exercises` folder of `start` or above it."""
    if exercise is None:
        return start / KEY_NAME if (start / KEY_NAME).is_file() else None
    for folder in (start, *start.parents):
        for parent in ("exercises", "release", "."):
            if (folder / parent / exercise / KEY_NAME).is_file():
                return folder / parent / exercise / KEY_NAME
    return None


def _task_key(names: list[str], exercise: str | None) -> TaskKey:
    name = names[0] if names else "my_answer"
    path = find_key(exercise, Path.cwd())
    if path is None:
        where = f"of exercise {exercise!r} " if exercise else ""
        raise CheckProblem(
            f"no key {where}found from {Path.cwd()}: open the notebook in its exercise's folder, "
            f"where {KEY_NAME} lies, or name the exercise: check({name}, exercise='04_residual')"
        )
    try:
        key = _read(path, path.stat().st_mtime_ns)
    except KeyProblem as error:
        raise CheckProblem(str(error)) from None
    for known in names:
        if known in key.tasks:
            return key.tasks[known]
    raise CheckProblem(
        f"exercise {key.exercise} has no task `{name}`; its tasks are {', '.join(key.tasks)}"
    )


@lru_cache(maxsize=8)
def _read(path: Path, changed: int) -> Key:
    return read_key(path)
