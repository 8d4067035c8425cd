"""Puts scores into nbgrader's own gradebook, so that formgrader, feedback and exports show them.

nbgrader's own `autograde` runs the tests in the student's process. This takes its place: it fills
the same database through nbgrader's API and writes the same `autograded/` notebooks, with the
verdicts as the outputs of the test cells.
"""

from __future__ import annotations

import json
import os
import re
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.files import write_whole
from autograder.grade import GradingProblem, Submission, read_submission
from autograder.judge import Verdict
from autograder.key import Key
from autograder.notebook import NotANotebook, notebook_cells
from autograder.report import verdict_html

if TYPE_CHECKING:
    from nbgrader.api import Gradebook

CALL = re.compile(r"\bcheck\(\s*(\w+)")


def save(url: str, key: Key, rows: list[dict[str, Any]], folder: Path, autograded: Path) -> None:
    """Write the rows of a grading into the gradebook at `url`, and notebooks under `autograded`.

    Scores that a person gave in formgrader stay and are marked for another look, as nbgrader does.
    Raises GradingProblem where the gradebook cannot be opened, CannotWrite.
    """
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with open_gradebook(url) as gradebook:
            names = graded_cells(gradebook, key)
            for row in rows:
                _save_row(gradebook, key, row, names)
            gradebook.db.commit()
    except (SQLAlchemyError, OSError, ValueError) as error:
        raise GradingProblem(
            f"the gradebook {url} cannot be written ({type(error).__name__}): name it as in "
            "sqlite:///gradebook.db"
        ) from error
    for row in rows:
        path = folder / row["student"] / key.exercise / f"{key.exercise}.ipynb"
        raw, _ = read_submission(Submission(row["student"], path), folder)
        made = graded_notebook(raw, row, names)
        place = autograded / row["student"] / key.exercise / f"{key.exercise}.ipynb"
        write_whole(place, json.dumps(made, ensure_ascii=False, indent=1) + "\n")


def open_gradebook(url: str) -> Gradebook:
    """Open nbgrader's database, a new one where there is none.

    nbgrader marks a new one by running `alembic`, which lies beside this Python but need not be on
    the PATH.
    """
    from nbgrader.api import Gradebook

    scripts = sysconfig.get_path("scripts")
    path = os.environ.get("PATH", "")
    if scripts not in path.split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([scripts, path])
    return Gradebook(url)


def graded_cells(gradebook: Gradebook, key: Key) -> dict[str, str]:
    """The name of each task's test cell, as `nbgrader generate_assignment` entered it.

    An exercise that is not in the gradebook yet is entered, its cells named `test-<task>`.
    """
    from nbgrader.api import MissingEntry

    exercise = key.exercise
    try:
        notebook = gradebook.find_notebook(exercise, exercise)
    except MissingEntry:
        gradebook.update_or_create_assignment(exercise)
        notebook = gradebook.update_or_create_notebook(exercise, exercise)
    sources = {cell.name: cell.source or "" for cell in notebook.source_cells}
    names: dict[str, str] = {}
    for cell in notebook.grade_cells:
        called = CALL.search(sources.get(cell.name, ""))
        if called and called.group(1) in key.tasks:
            names.setdefault(called.group(1), cell.name)
    for name, task in key.tasks.items():
        if name not in names:
            names[name] = f"test-{name}"
            gradebook.update_or_create_grade_cell(
                names[name], exercise, exercise, max_score=task.max_points, cell_type="code"
            )
    return names


def _save_row(gradebook: Gradebook, key: Key, row: dict[str, Any], names: dict[str, str]) -> None:
    exercise, student = key.exercise, row["student"]
    gradebook.update_or_create_student(student)
    gradebook.update_or_create_submission(exercise, student)
    for task, cell in names.items():
        grade = gradebook.find_grade(cell, exercise, exercise, student)
        grade.auto_score = row["tasks"].get(task, {}).get("points", 0.0)
        grade.needs_manual_grade = grade.manual_score is not None


def graded_notebook(
    raw: bytes | None, row: dict[str, Any], names: dict[str, str]
) -> dict[str, Any]:
    """The student's text and code with a test cell a task, whose output is the verdict."""
    try:
        given = notebook_cells(raw) if raw is not None else []
    except NotANotebook:
        given = []
    made: list[dict[str, Any]] = []
    left = dict(names)
    for number, cell in enumerate(given):
        called = CALL.search(cell["source"]) if cell["is_test"] else None
        task = called.group(1) if called else None
        if task in left:
            made.append(_test_cell(row, task, left.pop(task)))
        elif not cell["is_test"]:
            made.append(_plain_cell(cell, number))
    made += [_test_cell(row, task, name) for task, name in left.items()]
    if row.get("message"):
        made.insert(0, _plain_cell({"kind": "markdown", "source": row["message"]}, len(given)))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": made}


def _plain_cell(cell: dict[str, Any], number: int) -> dict[str, Any]:
    code: dict[str, Any] = {}
    if cell["kind"] == "code":
        code = {"outputs": [], "execution_count": None}
    return {
        "id": f"cell-{number}",
        "cell_type": cell["kind"],
        "source": cell["source"],
        "metadata": {},
        **code,
    }


def _test_cell(row: dict[str, Any], task: str, name: str) -> dict[str, Any]:
    entry = row["tasks"][task]
    verdict = Verdict.model_validate({"task": task, **entry})
    marks = {
        "grade": True, "grade_id": name, "locked": True, "points": entry["max_points"],
        "schema_version": 3, "solution": False, "task": False, "cell_type": "code",
    }  # fmt: skip
    shown = {"text/html": verdict_html(verdict), "text/plain": repr(entry["points"])}
    output = {
        "output_type": "execute_result", "data": shown, "metadata": {}, "execution_count": None
    }  # fmt: skip
    return {
        "id": f"test-{task}"[:64],
        "cell_type": "code",
        "source": f"check({task})",
        "metadata": {"nbgrader": marks},
        "outputs": [output],
        "execution_count": None,
    }
