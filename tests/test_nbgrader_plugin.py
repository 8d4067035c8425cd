"""`nbgrader autograde` with the project's settings: it judges as the engine does, locked in."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import nbformat
import numbers_exercise as numbers
import pytest
import warm

from autograder.course.gradebook import open_gradebook
from autograder.data.key import write_key
from autograder.running.doctor import findings

EXERCISE = numbers.EXERCISE
SECRET = "assert double(8128) == 16256"
FORGED = "check = lambda function: 2\nimport builtins\nbuiltins.repr = lambda v: '2'\n"
STUDENTS = {
    "right": numbers.raw(),
    "half": numbers.raw(double="def double(x):\n    return x * x\n"),
    "forger": numbers.raw(
        double=FORGED + "def double(x): pass", halves=FORGED, ends="import os\nos._exit(0)"
    ),
    "deleter": numbers.raw(
        numbers.notebook([c for c in numbers.cells() if c["source"] != ["check(halves)"]])
    ),
    "copied-answer": numbers.raw(
        numbers.notebook([*numbers.cells()[:2], numbers.cells()[1], *numbers.cells()[2:]])
    ),
    "copied-check": numbers.raw(
        numbers.notebook([*numbers.cells()[:3], numbers.cells()[2], *numbers.cells()[3:]])
    ),
    "marks-lost": numbers.raw(numbers.notebook([{**c, "metadata": {}} for c in numbers.cells()])),
    "edited-check": numbers.raw(
        numbers.notebook(
            [
                numbers.check_cell("double", "assert double(2) == 4")
                if c["source"] == ["check(double)"]
                else c
                for c in numbers.cells()
            ]
        )
    ),
    "wrong-and-copied": numbers.raw(
        numbers.notebook(
            [
                *numbers.cells(double="def double(x):\n    return x * x\n")[:3],
                numbers.cells()[2],
                *numbers.cells()[3:],
            ]
        )
    ),
}

pytestmark = pytest.mark.skipif(
    any(one.needed and not one.there for one in findings()),
    reason="this machine does not give the whole lock",
)


def nbgrader(course: Path, *arguments: str) -> subprocess.CompletedProcess:
    return warm.run(["-m", "nbgrader", *arguments], course, together=True)


def make_course(course: Path, root: Path) -> Path:
    """A course whose exercise has the cells of the small one of numbers."""
    shutil.copy(root / "nbgrader_config.py", course)
    folder = course / "solutions" / EXERCISE
    folder.mkdir(parents=True)
    notebook = nbformat.from_dict(numbers.notebook())
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        if "".join(cell.source) == "check(double)":
            cell.source = f"check(double)\n### BEGIN HIDDEN TESTS\n{SECRET}\n### END HIDDEN TESTS"
    nbformat.write(notebook, folder / f"{EXERCISE}.ipynb")
    write_key(numbers.numbers_key(), folder / "key.json")
    done = nbgrader(course, "generate_assignment", EXERCISE)
    assert done.returncode == 0, done.stdout
    for student, content in STUDENTS.items():
        numbers.submit(course / "submitted", student, content)
    return course


def scores(course: Path) -> dict[str, float]:
    with open_gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        found = gradebook.assignment_submissions(EXERCISE)
        return {submission.student.id: submission.score for submission in found}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    made = make_course(tmp_path_factory.mktemp("course"), root)
    done = nbgrader(made, "autograde", EXERCISE)
    assert done.returncode == 0, done.stdout
    return made


def test_points_are_the_engines_and_cannot_be_forged(course: Path):
    assert scores(course) == {
        "right": 6, "half": 4, "forger": 0, "deleter": 6, "copied-answer": 6, "copied-check": 6,
        "marks-lost": 6, "edited-check": 6, "wrong-and-copied": 4,
    }  # fmt: skip


def test_the_reason_stands_below_the_check(course: Path):
    path = course / "autograded" / "half" / EXERCISE / f"{EXERCISE}.ipynb"
    cell = next(c for c in nbformat.read(path, 4).cells if c.source == "check(double)")
    assert "this is the square, not the double" in json.dumps(cell.outputs)


def test_the_reason_is_a_comment_too(course: Path):
    with open_gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        comments = {
            name: gradebook.find_comment("double", EXERCISE, EXERCISE, name).comment
            for name in ("right", "half")
        }
    assert comments["right"] is None
    assert "this is the square, not the double" in comments["half"]


def test_hidden_tests_show_neither_in_the_release_nor_in_the_feedback(course: Path):
    done = nbgrader(course, "generate_feedback", EXERCISE, "--student", "half")
    assert done.returncode == 0, done.stdout
    page = course / "feedback" / "half" / EXERCISE / f"{EXERCISE}.html"
    assert "this is the square, not the double" in page.read_text("utf-8")
    assert SECRET in (course / "solutions" / EXERCISE / f"{EXERCISE}.ipynb").read_text("utf-8")
    for folder in ("feedback", "exercises", "autograded"):
        for path in (course / folder).rglob("*.*"):
            assert "8128" not in path.read_text("utf-8"), path


def test_a_private_key_is_taken_where_there_is_one(course: Path):
    key = numbers.numbers_key(seed=9)
    tasks = {**key.tasks, "double": key.tasks["double"].model_copy(update={"answers": ()})}
    del tasks["double"]
    write_key(key.model_copy(update={"tasks": tasks}), course / "keys" / f"{EXERCISE}.json")
    try:
        done = nbgrader(course, "autograde", EXERCISE, "--student", "right", "--force")
        assert done.returncode != 0
        assert "'test-double' checks no task of 01_numbers" in done.stdout
    finally:
        shutil.rmtree(course / "keys")


def test_without_a_key_nothing_is_graded(tmp_path: Path, root: Path):
    course = make_course(tmp_path, root)
    (course / "solutions" / EXERCISE / "key.json").unlink()
    shutil.rmtree(course / "exercises")
    done = nbgrader(course, "autograde", EXERCISE, "--student", "right")
    assert done.returncode != 0
    assert "key" in done.stdout
    assert not list((course / "autograded").rglob("*.ipynb"))
