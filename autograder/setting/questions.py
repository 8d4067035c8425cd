"""Sheets of questions: values to predict, a net with a fault to find, an answer in words.

A sheet is an exercise like any other, whose `tasks.py` is written with the classes here. Right
answers to its questions are computed by code, never typed; the notebook is written from the sheet.
"""

from __future__ import annotations

import inspect
import json
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from autograder.data.files import write_whole
from autograder.setting.bank import Mistake
from autograder.setting.task import Task, TaskError, Trial, module_of

LETTERS = "abcdef"
STILL = "This is the net as it was given: its fault is still in it."
HOW = """\
Write each answer where a cell says `None`, *before* you run anything that would show it, then
run the check below it. A number counts as right when it is as near as the question says; of letters
one is right. The last question but one gives you a net with one fault: mend it where it stands. The
last one asks for words, which a person reads.

The key beside this notebook holds no answer that can be read, and yet who tries often enough finds
each one. In a graded course `check` therefore only says that an answer is noted."""
IMPORTS = """import keras
import numpy as np
from keras import layers, ops

from autograder import check"""


@dataclass(frozen=True)
class Number:
    """A question for a number.

    `truth` computes it; what lies `within` that distance is right too. `wrong` are values of known
    mistakes, each with its hint and computed as well.
    """

    name: str
    text: str
    truth: Callable[[], float]
    within: float = 0.0
    wrong: Sequence[tuple[str, Callable[[], float]]] = ()
    points: float = 1

    def task(self) -> Task:
        """The task that asks it."""
        mistakes = []
        for place, (hint, value) in enumerate(self.wrong):
            mistakes.append(
                Mistake(_named(f"{self.name}_{place}", lambda v=value: float(v())), hint)
            )
        answer = _named(self.name, lambda: float(self.truth()))
        return _asked(self, answer, mistakes=mistakes, within=self.within)

    def shown(self) -> str:
        """What the notebook says."""
        near = f" An answer within {self.within:g} of it is right." if self.within else ""
        return f"{self.text}{near}"


@dataclass(frozen=True)
class Choice:
    """A question with answers to choose from, each a text and what it says as a value.

    Right is the one whose value `truth` computes.
    """

    name: str
    text: str
    options: Sequence[tuple[str, Any]]
    truth: Callable[[], Any]
    points: float = 1

    def task(self) -> Task:
        """The task that asks it."""
        letters = tuple(LETTERS[: len(self.options)])
        return _asked(self, _named(self.name, self.letter), choices=letters)

    def letter(self) -> str:
        """The letter of the right option. Raises TaskError where not one is right."""
        truth = self.truth()
        right = [
            letter
            for letter, (_, value) in zip(LETTERS, self.options, strict=False)
            if _same(value, truth)
        ]
        if len(right) != 1:
            raise TaskError(f"{self.name}: {len(right)} of the options say {truth!r}, not one")
        return right[0]

    def shown(self) -> str:
        """What the notebook says."""
        pairs = zip(LETTERS, self.options, strict=False)
        return f"{self.text}\n\n" + "\n".join(f"- **{a}** {words}" for a, (words, _) in pairs)


@dataclass(frozen=True)
class Bug:
    """A net with one fault to be mended: `answer` is the right one, `given` what students get."""

    answer: Callable
    given: Callable
    text: str
    trials: Callable[[np.random.Generator], list[Trial]]
    kind: Literal["function", "block", "model"] = "block"
    points: float = 2
    outputs: int = 1

    @property
    def name(self) -> str:
        """The name of the function that is asked for."""
        return self.answer.__name__

    def task(self) -> Task:
        """The task that asks it: what is given is its known mistake."""
        return Task(
            name=self.name, kind=self.kind, points=self.points, trials=self.trials,
            outputs=self.outputs, answer=self.answer, slips=False, whole=True,
            mistakes=[Mistake(self.given, STILL)],
        )  # fmt: skip

    def code(self) -> str:
        """The net with its fault, under the name of the task."""
        source = textwrap.dedent(inspect.getsource(self.given))
        return source.replace(f"def {self.given.__name__}(", f"def {self.name}(", 1).rstrip()


@dataclass(frozen=True)
class Written:
    """A question for words, marked by a person by a rubric that students do not get."""

    name: str
    text: str
    rubric: Sequence[tuple[float, str]]

    @property
    def points(self) -> float:
        """What all lines of the rubric are worth together."""
        return sum(points for points, _ in self.rubric)


@dataclass(frozen=True)
class Sheet:
    """The questions of a chapter."""

    title: str
    questions: Sequence[Number | Choice]
    bug: Bug
    written: Written

    def tasks(self) -> list[Task]:
        """What is judged by machine."""
        return [*(question.task() for question in self.questions), self.bug.task()]

    def rubric(self) -> str:
        """How the answer in words is marked, for a person: Markdown."""
        lines = [f"- {points:g}: {words}" for points, words in self.written.rubric]
        heading = f"# {self.title}: `{self.written.name}`, {self.written.points:g} points"
        return "\n".join([heading, "", self.written.text, "", *lines, ""])

    def notebook(self) -> dict[str, Any]:
        """The notebook that asks it all."""
        cells = [_text("title", f"# {self.title}: predict, mend, explain\n\n{HOW}")]
        cells.append(_code("imports", IMPORTS))
        for number, question in enumerate(self.questions, 1):
            kind = "a letter" if isinstance(question, Choice) else "a number"
            cells += [
                _text(question.name, _heading(number, question.points) + question.shown()),
                _code(f"{question.name}-answer", f"{question.name} = None  # {kind}"),
                _test(question.name, f"check({question.name}={question.name})", question.points),
            ]
        number = len(self.questions) + 1
        cells += [
            _text(self.bug.name, _heading(number, self.bug.points) + self.bug.text),
            _code(f"{self.bug.name}-answer", self.bug.code()),
            _test(self.bug.name, f"check({self.bug.name})", self.bug.points),
            _text(self.written.name, _heading(number + 1, self.written.points) + self.written.text),
            _manual(self.written),
        ]
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
        return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def sheet_of(solution: Path) -> Sheet | None:
    """The sheet of an exercise; None where it is an exercise of another kind."""
    sheet = getattr(module_of(solution / "tasks.py"), "SHEET", None)
    return sheet if isinstance(sheet, Sheet) else None


def write_sheet(solution: Path) -> Path:
    """Write a sheet's notebook. Raises TaskError where the exercise is none."""
    sheet = sheet_of(solution)
    if sheet is None:
        raise TaskError(f"{solution / 'tasks.py'} defines no SHEET: its notebook is its own")
    path = solution / f"{solution.name}.ipynb"
    write_whole(path, json.dumps(sheet.notebook(), indent=1, ensure_ascii=False) + "\n")
    return path


def _asked(question: Number | Choice, answer: Callable, **options: Any) -> Task:
    return Task(
        name=question.name, kind="value", points=question.points, answer=answer,
        trials=lambda rng: [], **options,
    )  # fmt: skip


def _named(name: str, function: Callable) -> Callable:
    def answer() -> Any:
        return function()

    answer.__name__ = name
    return answer


def _same(value: Any, truth: Any) -> bool:
    if isinstance(value, str) or isinstance(truth, str):
        return bool(value == truth)
    return np.shape(value) == np.shape(truth) and bool(np.allclose(value, truth))


def _heading(number: int, points: float) -> str:
    return f"## Question {number} &nbsp; ({points:g} point{'' if points == 1 else 's'})\n\n"


def _text(name: str, source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": _id(name), "metadata": {}, "source": _lines(source)}


def _code(name: str, source: str, **marks: Any) -> dict[str, Any]:
    return {
        "cell_type": "code", "execution_count": None, "id": _id(name), "metadata": marks,
        "outputs": [], "source": _lines(source),
    }  # fmt: skip


def _test(name: str, source: str, points: float) -> dict[str, Any]:
    marks = {
        "grade": True, "grade_id": f"check_{name}", "locked": True, "points": points,
        "schema_version": 3, "solution": False, "task": False,
    }  # fmt: skip
    return _code(f"{name}-check", source, nbgrader=marks)


def _manual(written: Written) -> dict[str, Any]:
    """The cell for an answer in words; what stands in the solution is the rubric."""
    lines = [f"- {points:g}: {words}" for points, words in written.rubric]
    source = "\n".join(
        ["### BEGIN SOLUTION", "What is looked for:", "", *lines, "### END SOLUTION"]
    )
    marks = {
        "grade": True, "grade_id": written.name, "locked": False, "points": written.points,
        "schema_version": 3, "solution": True, "task": False,
    }  # fmt: skip
    cell = _text(f"{written.name}-answer", source)
    return {**cell, "metadata": {"nbgrader": marks}}


def _id(name: str) -> str:
    return name.replace("_", "-")[:60]


def _lines(source: str) -> list[str]:
    return source.splitlines(keepends=True)
