"""Puts scores into nbgrader's own gradebook, so that formgrader, feedback and exports show them.

nbgrader's own `autograde` runs the tests in the student's process. This takes its place: it fills
the same database through nbgrader's API and writes the same `autograded/` notebooks, with the
verdicts as the outputs of the test cells.
"""

from __future__ import annotations

import contextlib
import json
import os
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from autograder.course.answers import defines
from autograder.course.grade import GradingProblem, Submission, read_submission, submission_of
from autograder.course.harmless import given_out_texts, harmless, with_harmless_texts
from autograder.data.files import write_whole
from autograder.data.notebook import NotANotebook, checked_task, notebook_cells
from autograder.judging.report import cell_points, verdict_output

if TYPE_CHECKING:
    from nbgrader.api import Gradebook

EXCHANGED = ("timestamp.txt", "submission_secret.txt")
MOST_EXCHANGED = 1000  # bytes


class Worth(Protocol):
    """What is asked, as far as points go."""

    @property
    def max_points(self) -> float:
        """The points for all of it."""
        ...


class Asked(Protocol):
    """What is scored under one name in the gradebook: an exercise's key, or a capstone."""

    @property
    def exercise(self) -> str:
        """The name."""
        ...

    @property
    def tasks(self) -> Mapping[str, Worth]:
        """What is asked, by name."""
        ...


@dataclass(frozen=True)
class Cells:
    """What is graded in an exercise: the test cell of each task, and answers that a person marks.

    `tests` holds its name and worth by the task, `manual` nbgrader's notes by the `grade_id`;
    `answers` names by the task the cell that answers it, where nbgrader keeps comments.
    """

    tests: dict[str, tuple[str, float]]
    manual: dict[str, dict[str, Any]]
    answers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Lateness:
    """What nbgrader knows of a submission's time: times as text, the penalty in points."""

    due: str = ""
    penalty: float | None = None


def save(
    url: str,
    key: Asked,
    rows: list[dict[str, Any]],
    folder: Path,
    autograded: Path,
    course: Path | None = None,
) -> dict[str, Lateness]:
    """Write the rows of a grading into the gradebook at `url`, and notebooks under `autograded`.

    The late policy is the one of `course`'s nbgrader_config.py, as `nbgrader autograde` applies it.

    Scores and comments that a person gave in formgrader stay; the scores are marked for another
    look, as nbgrader does; so are answers in words. A row may say that it is `scored_from` a file
    and not by a check in the notebook. All of a class is written, or nothing: raises
    GradingProblem where the gradebook cannot be opened or is locked, and CannotWrite.
    """
    from sqlalchemy.exc import SQLAlchemyError

    try:
        made, beside = {}, {}
        rubrics, kept = _rubrics(course, key.exercise), given_out_texts(course, key.exercise)
        with open_gradebook(url) as gradebook, _whole(gradebook):
            cells = graded_cells(gradebook, key)
            for row in rows:
                submission = submission_of(folder, row["student"], key.exercise, key.tasks)
                raw, _ = read_submission(submission, folder)
                beside[row["student"]] = _exchanged(submission, folder)
                made[row["student"]] = graded_notebook(raw, row, cells, rubrics, kept)
                words = made[row["student"]], _timestamp(submission)
                _save_row(gradebook, key, row, cells, *words)
            late = _late_policy(gradebook, key.exercise, made, course)
        for student, notebook in made.items():
            place = autograded / student / key.exercise / f"{key.exercise}.ipynb"
            write_whole(place, json.dumps(notebook, ensure_ascii=False, indent=1) + "\n")
            for name, content in beside[student].items():
                write_whole(place.with_name(name), content)
        return late
    except (SQLAlchemyError, OSError, ValueError) as error:
        if "locked" in str(getattr(error, "orig", "")):
            raise GradingProblem(
                f"the gradebook {url} is locked: another program, such as formgrader or a grading, "
                "is writing into it. Nothing in it was changed, and the results are kept: run the "
                "same command again when that program has ended"
            ) from error
        raise GradingProblem(
            f"the gradebook {url} cannot be written ({type(error).__name__}): name it as in "
            "sqlite:///gradebook.db"
        ) from error


def _rubrics(course: Path | None, exercise: str) -> dict[str, str]:
    """How a course marks answers in words."""
    from autograder.course.rubric import rubric_of  # imports nbgrader, as all else only here

    return rubric_of(course, exercise) if course is not None else {}


@contextlib.contextmanager
def _whole(gradebook: Gradebook) -> Iterator[None]:
    """What is done to the gradebook in a block is written at its end, or not at all.

    nbgrader's API writes at every step; here these steps only reach the transaction.
    """
    from sqlalchemy import text

    database = gradebook.db
    commit = database.commit
    if database.get_bind().dialect.name == "sqlite":
        database.execute(text("BEGIN IMMEDIATE"))  # else a lock shows in the midst of it
    database.commit = database.flush
    try:
        yield
        commit()
    except BaseException:
        database.rollback()
        raise
    finally:
        del database.commit


def _exchanged(submission: Submission, folder: Path) -> dict[str, bytes]:
    """What nbgrader's exchange laid beside a notebook; `release_feedback` looks for it again."""
    found = {}
    for name in EXCHANGED:
        path = submission.path.with_name(name)
        with contextlib.suppress(OSError):
            own = path.resolve() == folder.resolve() / path.relative_to(
                folder
            )  # no link on the way
            if own and path.is_file() and path.stat().st_size <= MOST_EXCHANGED:
                found[name] = path.read_bytes()
    return found


def _timestamp(submission: Submission) -> dict[str, str]:
    """When a submission came, where nbgrader's collecting noted it."""
    from nbgrader.utils import parse_utc

    try:
        return {"timestamp": str(parse_utc(submission.handed_in))} if submission.handed_in else {}
    except ValueError:
        return {}


def _late_policy(
    gradebook: Gradebook, exercise: str, students: Iterable[str], course: Path | None
) -> dict[str, Lateness]:
    """Assign penalties by the course's configuration, as nbgrader's `AssignLatePenalties` does."""
    from nbgrader.preprocessors import AssignLatePenalties
    from traitlets.config import Config
    from traitlets.config.loader import PyFileConfigLoader

    name = "nbgrader_config.py"
    has_own = course is not None and (course / name).is_file()
    config = PyFileConfigLoader(name, str(course)).load_config() if has_own else Config()
    policy = AssignLatePenalties(config=config)
    policy.init_plugin()
    gradebook.db.flush()
    found = {}
    for student in students:
        submission = gradebook.find_submission(exercise, student)
        notebook = gradebook.find_submission_notebook(exercise, exercise, student)
        gradebook.db.refresh(notebook)
        penalty, late = None, submission.total_seconds_late
        if late > 0:
            penalty = policy.plugin_inst.late_submission_penalty(student, notebook.score, late)
        if penalty is not None:
            penalty = min(max(penalty, 0), notebook.score)
        notebook.late_submission_penalty = penalty
        due = f"{submission.duedate} UTC" if submission.duedate else ""
        found[student] = Lateness(due, penalty)
    return found


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


def graded_cells(gradebook: Gradebook, key: Asked) -> Cells:
    """The cells that count, as `nbgrader generate_assignment` entered them.

    An exercise that is not in the gradebook yet is entered, its test cells named `test-<task>`.
    """
    from nbgrader.api import MissingEntry

    exercise = key.exercise
    try:
        notebook = gradebook.find_notebook(exercise, exercise)
    except MissingEntry:
        gradebook.update_or_create_assignment(exercise)
        notebook = gradebook.update_or_create_notebook(exercise, exercise)
    sources = {cell.name: cell for cell in notebook.source_cells}
    answers = {cell.name for cell in notebook.solution_cells}
    tests: dict[str, tuple[str, float]] = {}
    manual: dict[str, dict[str, Any]] = {}
    for cell in notebook.grade_cells:
        source = sources.get(cell.name)
        if cell.name in answers:
            checksum = source.checksum if source else None
            manual[cell.name] = _marks(cell.name, cell.max_score, cell.cell_type, checksum)
            continue
        task = checked_task(source.source or "" if source else "")
        if task is not None and task in key.tasks:
            tests.setdefault(task, (cell.name, cell.max_score))
    for name, asked in key.tasks.items():
        if name not in tests:
            tests[name] = f"test-{name}", asked.max_points
            gradebook.update_or_create_grade_cell(
                tests[name][0], exercise, exercise, max_score=asked.max_points, cell_type="code"
            )
    return Cells(tests, manual, _answer_cells(gradebook, key, sources, answers - manual.keys()))


def _answer_cells(
    gradebook: Gradebook, key: Asked, sources: dict[str, Any], known: set[str]
) -> dict[str, str]:
    """The solution cell of each task: the one that defines it; entered where there is none."""
    found = {}
    for task in key.tasks:
        having = [
            n for n in sorted(known) if n in sources and defines(sources[n].source or "", task)
        ]
        found[task] = having[0] if having else task
        if not having:
            exercise = key.exercise
            gradebook.update_or_create_solution_cell(found[task], exercise, exercise)
    return found


def _marks(name: str, points: float, kind: str, checksum: str | None = None) -> dict[str, Any]:
    """What nbgrader notes of a graded cell: a test, or with `checksum` an answer in words."""
    marks = {
        "grade": True, "grade_id": name, "locked": checksum is None, "points": points,
        "schema_version": 3, "solution": checksum is not None, "task": False, "cell_type": kind,
    }  # fmt: skip
    return marks if checksum is None else {**marks, "checksum": checksum}


def _save_row(
    gradebook: Gradebook,
    key: Asked,
    row: dict[str, Any],
    cells: Cells,
    made: dict[str, Any],
    handed_in: dict[str, str],
) -> None:
    exercise, student = key.exercise, row["student"]
    gradebook.update_or_create_student(student)
    with gradebook.db.no_autoflush:  # nbgrader reads while it makes one, and adds it at the end
        gradebook.update_or_create_submission(exercise, student, **handed_in)
    scores = {
        name: cell_points(row["tasks"][task], worth) for task, (name, worth) in cells.tests.items()
    }
    scores.update(_unanswered(made, cells))
    for name in (*(name for name, _ in cells.tests.values()), *cells.manual):
        grade = _entry(gradebook, "grade", name, exercise, student)
        grade.auto_score = scores.get(name)
        grade.needs_manual_grade = grade.manual_score is not None or grade.auto_score is None
    for task, name in cells.answers.items():
        comment = _entry(gradebook, "comment", name, exercise, student)
        comment.auto_comment = reason_of(row["tasks"][task])


def _entry(gradebook: Gradebook, kind: str, cell: str, exercise: str, student: str) -> Any:
    """A submission's grade or comment; made where the cell came after the submission."""
    from nbgrader.api import Comment, Grade, MissingEntry

    place = (exercise, exercise)
    try:
        find = gradebook.find_grade if kind == "grade" else gradebook.find_comment
        return find(cell, *place, student)
    except MissingEntry:
        notebook = gradebook.find_submission_notebook(*place, student)
        if kind == "grade":
            made = Grade(cell_id=gradebook.find_grade_cell(cell, *place).id, notebook=notebook)
        else:
            cell_id = gradebook.find_solution_cell(cell, *place).id
            made = Comment(cell_id=cell_id, notebook=notebook)
        gradebook.db.add(made)
        return made


def reason_of(entry: dict[str, Any]) -> str | None:
    """What stands as a comment at an answer: why it is not right; nothing where it is."""
    return harmless(entry["hint"]) or None if entry["verdict"] != "correct" else None


def _unanswered(made: dict[str, Any], cells: Cells) -> dict[str, float]:
    """No points for answers in words that are as they were given out, or are not there."""
    import nbformat
    from nbgrader.utils import compute_checksum

    scores = dict.fromkeys(cells.manual, 0.0)
    for cell in made["cells"]:
        marks = cell["metadata"].get("nbgrader", {})
        if marks.get("grade_id") in cells.manual and marks["checksum"] != compute_checksum(
            nbformat.from_dict(cell)
        ):
            del scores[marks["grade_id"]]
    return scores


def graded_notebook(
    raw: bytes | None,
    row: dict[str, Any],
    cells: Cells,
    rubrics: dict[str, str] | None = None,
    kept: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """The student's text and code with a test cell a task, whose output is the verdict.

    `rubrics` go before the answers in words that they are of. Texts that are not `kept` lose the
    effect of their HTML.
    """
    try:
        given = notebook_cells(raw) if raw is not None else []
    except NotANotebook:
        given = []
    made: list[dict[str, Any]] = []
    left, manual = dict(cells.tests), dict(cells.manual)
    answers = _answers_in(given, cells)
    for number, cell in enumerate(given):
        task = checked_task(cell["source"]) if cell["is_test"] else None
        if task in left:
            made.append(_test_cell(row, task, *left.pop(task)))
        elif not cell["is_test"]:
            marks = manual.pop(cell["grade_id"], None) or answers.get(number)
            made.append(_plain_cell(cell, number, marks))
    if by_file := row.get("scored_from"):  # a place for a person's comments
        file = {"kind": "code", "source": f"# {by_file}"}
        for number, name in enumerate(cells.answers.values(), len(given) + 1):
            made.append(_plain_cell(file, number, _solution_marks(name)))
    made += [_test_cell(row, task, *cell) for task, cell in left.items()]
    if row.get("message"):
        made.insert(0, _plain_cell({"kind": "markdown", "source": row["message"]}, len(given)))
    made = with_harmless_texts(made, kept)
    if rubrics:
        from autograder.course.rubric import with_rubrics

        made = with_rubrics(made, rubrics)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": made}


def _answers_in(given: list[dict[str, Any]], cells: Cells) -> dict[int, dict[str, Any]]:
    """Marks for the cells that answer tasks, by place: of several the last that defines it."""
    found: dict[int, dict[str, Any]] = {}
    for task, name in cells.answers.items():
        having = [
            number
            for number, cell in enumerate(given)
            if cell["kind"] == "code" and not cell["is_test"] and defines(cell["source"], task)
        ]
        if having and having[-1] not in found:
            found[having[-1]] = _solution_marks(name)
    return found


def _solution_marks(name: str) -> dict[str, Any]:
    """What nbgrader notes of a cell that answers a task: comments are kept there."""
    marks = {**_marks(name, 0, "code"), "grade": False, "solution": True, "locked": False}
    del marks["points"]
    return marks


def _plain_cell(
    cell: dict[str, Any], number: int, marks: dict[str, Any] | None = None
) -> dict[str, Any]:
    kind = marks["cell_type"] if marks else cell["kind"]
    code: dict[str, Any] = {}
    if kind == "code":
        code = {"outputs": [], "execution_count": None}
    return {
        "id": f"cell-{number}",
        "cell_type": kind,
        "source": cell["source"],
        "metadata": {"nbgrader": marks} if marks else {},
        **code,
    }


def _test_cell(row: dict[str, Any], task: str, name: str, worth: float) -> dict[str, Any]:
    entry = row["tasks"][task]
    marks = _marks(name, worth, "code")
    by_file = row.get("scored_from")
    return {
        "id": f"test-{task}"[:64],
        "cell_type": "code",
        "source": f"# {task}: scored from {by_file}" if by_file else f"check({task})",
        "metadata": {"nbgrader": marks},
        "outputs": [verdict_output(task, entry, worth)],
        "execution_count": None,
    }
