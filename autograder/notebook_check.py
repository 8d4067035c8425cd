"""`check(function)`: what a student calls in a notebook."""

from __future__ import annotations

import contextlib
import io
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
    name = getattr(function, "__name__", None)
    if not callable(function) or name is None:
        raise CheckProblem(f"check() takes a function, as in check(output_size); not {function!r}")
    return Shown(verdict_on(function, _task_key(name, exercise)))


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


def _task_key(name: str, exercise: str | None) -> TaskKey:
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
    if name not in key.tasks:
        raise CheckProblem(
            f"exercise {key.exercise} has no task `{name}`; its tasks are {', '.join(key.tasks)}"
        )
    return key.tasks[name]


@lru_cache(maxsize=8)
def _read(path: Path, changed: int) -> Key:
    return read_key(path)
