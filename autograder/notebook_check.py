"""`check(function)`, `hint("name")` and `solution("name")`: what a student calls in a notebook."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from autograder.data.key import Key, KeyProblem, TaskKey, read_key
from autograder.data.observation import Observation
from autograder.data.sealing import observed_value
from autograder.desk import helping, kernel, stopping
from autograder.desk.helping import BothAnswers, InMarkdown
from autograder.desk.printing import Kept
from autograder.desk.ways import after_a_right_answer
from autograder.judging.judge import Verdict, failed, judge
from autograder.judging.report import Aside, Printed, Shown

KEY_NAME = "key.json"
MOST_OF_VALUE = 1_000  # characters of a value by which a further try is told from the same again


class CheckProblem(Exception):
    """A check cannot be made; shown as one sentence, without a traceback, in a notebook."""

    begins = "Cannot check: "

    def _render_traceback_(self) -> list[str]:
        return [f"{self.begins}{self}".replace("`", "")]  # a notebook shows it as it is


class Interrupted(CheckProblem):
    """The reader stopped a check."""

    begins = "Interrupted: "


class CannotHelp(CheckProblem):
    """There is no help to be had yet, or at all."""

    begins = ""


def check(
    function: Callable | None = None,
    exercise: str | None = None,
    seconds: float = stopping.SECONDS,
    **value: Any,
) -> Shown:
    """Check one answer against the public key that lies with the exercise.

    `function` is the answer under its task's name; an answer that is a number or a letter is given
    by its name, as in `check(zeros=zeros)`. `exercise` is needed only outside the
    exercise's own folder, as in `check(output_size, exercise="01_convolution")`. The result shows
    as a table and counts as a number: the points. An answer that has not finished after `seconds`
    is ended.

    Raises CheckProblem where there is no key or no such task, Interrupted where the reader stops.
    """
    if function is None and len(value) == 1:
        return _check_value(*next(iter(value.items())), exercise)
    if len(value) > 1 or (value and function is not None):
        raise CheckProblem(
            f"one answer at a time: check({next(iter(value))}=...); given were "
            f"{', '.join([*(['a function'] if function is not None else []), *value])}"
        )
    if not callable(function):
        raise CheckProblem(_no_function(function, sys._getframe(1).f_globals))
    names = _names_of(function, sys._getframe(1).f_globals)
    path, key, task = _found(names, exercise)
    name = task.question.name
    printed = None
    old = kernel.failed_since(name)
    if old:
        verdict = failed(task, old)
    else:
        verdict, printed = observed(function, task, seconds)
    return Shown(verdict, _aside(verdict, printed, path.parent, key, function))


def _no_function(given: Any, namespace: dict[str, Any]) -> str:
    """What to write where something else than a function was given."""
    names = [name for name in _names_of(given, namespace) if not name.startswith("_")]
    if given is None or not names:
        return f"check() takes a function, as in check(output_size); not {given!r}"[:200]
    name = names[0]
    return f"a value is checked by its name, check({name}={name}); a function as check({name})"


def _check_value(name: str, given: Any, exercise: str | None) -> Shown:
    """Check an answer that is a number or a letter."""
    _, key, task = _found([name], exercise)
    if task.value is None:
        raise CheckProblem(f"`{name}` is asked for as a function: check({name})")
    old = kernel.failed_since(name)
    verdict = failed(task, old) if old else judge(task, observed_value(given, name))
    helping.note_try(key.exercise, verdict, f"{name} = {given!r}"[:MOST_OF_VALUE])
    return Shown(verdict, Aside())


def hint(task: str | Callable, exercise: str | None = None) -> InMarkdown:
    """Show as many hints for a task as there were failed tries, as in `hint("conv2d")`.

    Raises CheckProblem where there is no key or no such task.
    """
    path, key, asked = _found(_names(task, sys._getframe(1).f_globals), exercise)
    name, folder = asked.question.name, path.parent
    hints = helping.hints_of(folder, key.exercise, name)
    has_answer = name in helping.model_answers(folder, key.exercise)
    tries = helping.tries_of(key.exercise, name)
    return InMarkdown(helping.hint_text(hints, tries, name, has_answer))


def solution(task: str | Callable, exercise: str | None = None) -> BothAnswers:
    """Show the model answer to a task beside one's own, as in `solution("conv2d")`, after a try.

    Exercises of a graded course come without model answers. Raises CannotHelp for these, and
    before a try; CheckProblem where there is no key or no such task.
    """
    path, key, asked = _found(_names(task, sys._getframe(1).f_globals), exercise)
    name = asked.question.name
    answers = helping.model_answers(path.parent, key.exercise)
    if name not in answers:
        raise CannotHelp(
            f"Exercise {key.exercise} came without model answers, as in a graded course: "
            f"`hint({name!r})` helps after each try, and your teacher knows the answer."
        )
    tries = helping.tries_of(key.exercise, name)
    if tries.last is None:
        raise CannotHelp(
            f"Try first: write an answer to `{name}` and run its check once, "
            "in this session; then the model answer is shown beside it."
        )
    return BothAnswers(name, tries.last_source, answers[name], tries.last)


def _names(task: str | Callable, namespace: dict[str, Any]) -> list[str]:
    return [task] if isinstance(task, str) else _names_of(task, namespace)


def _names_of(function: Callable, namespace: dict[str, Any]) -> list[str]:
    """Names that an answer goes by: its own, and those that the notebook gave it.

    A lambda, a `partial` or what a decorator made has none of its own, or another's.
    """
    own = getattr(function, "__name__", None)
    given = [name for name, value in list(namespace.items()) if value is function]
    return [*([own] if isinstance(own, str) else []), *given]


def observed(
    function: Any, key: TaskKey, seconds: float = stopping.SECONDS
) -> tuple[Verdict, Printed | None]:
    """Observe and judge in this process; and what the answer printed meanwhile.

    Raises Interrupted where the reader stops it.
    """
    kept, name, file = Kept(), key.question.name, stopping.file_of(function)
    try:
        observation = _observation(function, key, seconds, kept)
    except NotImplementedError as error:
        return failed(key, str(error)), kept.printed()
    except stopping.TakesTooLong as late:
        where = stopping.place_in_cell(late.__traceback__, file)
        sentence = (
            f"`{name}` did not finish within {seconds:g} s: it was stopped{where}. Does each of "
            f"its loops end? Where it is only slow, `check({name}, seconds={4 * seconds:g})` waits "
            "longer."
        )
        return failed(key, sentence), kept.printed()
    except KeyboardInterrupt as stop:
        where = stopping.place_in_cell(stop.__traceback__, file)
        raise Interrupted(f"`{name}` was{where or ' being checked'}.") from None
    return judge(key, observation), kept.printed()


def _observation(function: Any, key: TaskKey, seconds: float, kept: Kept) -> Observation:
    from autograder.probing.probe import probe

    with (
        stopping.ended_after(seconds),
        contextlib.redirect_stdout(kept),
        contextlib.redirect_stderr(Kept()),
    ):
        return probe(function, key.question)


def _aside(
    verdict: Verdict, printed: Printed | None, folder: Path, key: Key, function: Any
) -> Aside:
    """What the notebook shows beside a verdict: what was printed, what changed, where to go."""
    name, exercise = verdict.task, key.exercise
    tries = helping.note_try(exercise, verdict, kernel.source_of(function, name))
    warning = kernel.changed_since(name, folder, exercise)
    if verdict.verdict == "correct":
        open_ = helping.open_tasks(exercise, list(key.tasks))
        return Aside(warning, printed, after_a_right_answer(folder, exercise, open_))
    if not tries.failed:
        return Aside(warning, printed)
    hints = len(helping.hints_of(folder, exercise, name))
    has_answer = name in helping.model_answers(folder, exercise)
    return Aside(warning, printed, helping.help_lines(tries, name, hints, has_answer))


def find_key(exercise: str | None, start: Path) -> Path | None:
    """The public key: in `start`, or in an `exercises` folder of `start` or above it."""
    if exercise is None:
        return start / KEY_NAME if (start / KEY_NAME).is_file() else None
    for folder in (start, *start.parents):
        for parent in ("exercises", "release", "."):
            if (folder / parent / exercise / KEY_NAME).is_file():
                return folder / parent / exercise / KEY_NAME
    return None


def _found(names: list[str], exercise: str | None) -> tuple[Path, Key, TaskKey]:
    """The key's file, the key, and the task of one of these names."""
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
            return path, key, key.tasks[known]
    raise CheckProblem(
        f"exercise {key.exercise} has no task `{name}`; its tasks are {', '.join(key.tasks)}"
    )


@lru_cache(maxsize=8)
def _read(path: Path, changed: int) -> Key:
    return read_key(path)


kernel.watch()
