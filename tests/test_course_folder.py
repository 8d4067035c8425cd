"""The commands in a course's own folder, where there are no solutions."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import nbformat
import numbers_exercise as numbers
import pytest

from autograder import cli
from autograder.course.gradebook import open_gradebook
from autograder.data.key import write_key
from autograder.setting.exercises import PUBLIC_SEED

EXERCISE = numbers.EXERCISE


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course of one exercise, as `autograder course new` lays it out."""
    root = tmp_path_factory.mktemp("course")
    write_key(numbers.numbers_key(PUBLIC_SEED), root / "exercises" / EXERCISE / "key.json")
    write_key(numbers.numbers_key(7), root / "keys" / f"{EXERCISE}.json")
    numbers.submit(root / "came_back", "ann", numbers.raw())
    numbers.submit(root / "came_back", "bob", numbers.raw(double="def double(x): return x * x"))
    return root


@pytest.fixture
def run(course: Path, monkeypatch, capfd):
    """A function: the command run in the course's folder; its exit code and what it said."""
    monkeypatch.chdir(course)

    def run_here(*arguments: str | Path) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["autograder", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        told = capfd.readouterr()
        return code, " ".join((told.out + told.err).split())

    return run_here


def test_a_class_is_collected_in_a_courses_folder(run, course, tmp_path):
    code, said = run("collect", "came_back", "--exercise", EXERCISE, "--into", tmp_path / "in")
    assert (code, "2 students collected" in said) == (0, True), said
    assert (tmp_path / "in" / "bob" / EXERCISE / f"{EXERCISE}.ipynb").is_file()
    code, said = run("collect", "came_back", "--exercise", "02_none")
    assert code == 2
    assert f"there is no exercise '02_none' in {course}; there are: {EXERCISE}" in said


def test_grading_in_a_course_takes_its_private_key_by_itself(run, course, tmp_path):
    code, said = run("grade", "came_back", "--exercise", EXERCISE, "--out", tmp_path, "--unsafe")
    assert code == 0, said
    assert "public key" not in said
    record = json.loads((tmp_path / "grading.json").read_text())
    assert Path(record["key"]) == course / "keys" / f"{EXERCISE}.json"


def test_results_of_another_exercise_are_not_written_over(run, course, tmp_path):
    row = {"student": "ann", "exercise": "02_later", "score": 3, "tasks": {}}
    (tmp_path / "results.jsonl").write_text(json.dumps(row) + "\n")
    code, said = run("grade", "came_back", "--exercise", EXERCISE, "--out", tmp_path, "--unsafe")
    assert code == 2
    assert "holds the results of 02_later" in said
    assert said.endswith(f"--out {tmp_path}/{EXERCISE}")
    assert [path.name for path in tmp_path.iterdir()] == ["results.jsonl"]
    assert json.loads((tmp_path / "results.jsonl").read_text()) == row


def test_what_needs_solutions_says_that_a_course_has_none(run):
    code, said = run("key", EXERCISE, "--seed", "3", "--out", "another.json")
    assert code == 2
    assert "is a course, which has no solutions: run this in the book's folder" in said


# Capstones


def table(path: Path, rows: list[list[object]], columns: str = "") -> Path:
    """A table as `python -m convbook.capstones grade` writes it."""
    head = columns or "max_points,score,student,capstone,status,points,message"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([head.split(","), *rows])
    return path


CLASS: list[list[object]] = [
    [10, 0.9, "ann", "segmentation", "graded", 10, "mean IoU 0.900: 10 of 10 points"],
    [10, 0.5, "bob", "segmentation", "graded", 7, "mean IoU 0.500: 7 of 10 points; 10 from 0.65"],
    [10, "", "cyd", "segmentation", "invalid", 0, "maps has the shape (3, 64, 64)"],
    [10, "", "dan", "segmentation", "missing", 0, "handed in nothing"],
]


def test_a_capstones_scores_are_in_the_gradebook_with_their_reasons(run, course, tmp_path):
    url = f"sqlite:///{tmp_path}/gradebook.db"
    for student in ("ann", "bob"):
        place = tmp_path / "submitted" / student / "segmentation"
        place.mkdir(parents=True)
        (place / "timestamp.txt").write_text("2026-01-10 12:00:00 UTC")
    command = ("capstone", table(tmp_path / "c.csv", CLASS), "--gradebook", url,
               "--submitted", tmp_path / "submitted")  # fmt: skip
    code, said = run(*command)
    assert (code, "segmentation, 4 students, 10 points" in said) == (0, True), said
    place = ("segmentation", "segmentation")
    with open_gradebook(url) as gradebook:
        scores = {s.student.id: s.score for s in gradebook.assignment_submissions("segmentation")}
        assert scores == {"ann": 10, "bob": 7, "cyd": 0, "dan": 0}
        assert gradebook.find_assignment("segmentation").max_score == 10
        reason = {
            name: gradebook.find_comment("segmentation", *place, name).comment for name in scores
        }
        gradebook.find_grade("test-segmentation", *place, "bob").manual_score = 8
        gradebook.db.commit()
    assert reason["ann"] is None
    assert reason["bob"] == "mean IoU 0.500: 7 of 10 points; 10 from 0.65"
    assert reason["cyd"] == "maps has the shape (3, 64, 64)"
    page = tmp_path / "autograded" / "bob" / "segmentation" / "segmentation.ipynb"
    cells = {c.metadata.nbgrader.grade_id: c for c in nbformat.read(page, as_version=4).cells}
    assert "scored from predictions.npz" in cells["test-segmentation"].source
    assert cells["segmentation"].metadata.nbgrader.solution, "where comments stand"
    assert run(*command)[0] == 0
    with open_gradebook(url) as gradebook:
        found = gradebook.find_submission("segmentation", "bob")
        assert found.score == 8, "what a person gave stays"
        assert str(found.timestamp) == "2026-01-10 12:00:00"


@pytest.mark.parametrize(
    ("rows", "columns", "words"),
    [
        (CLASS[:0], "", "is to be of one capstone, and is of none"),
        ([*CLASS, [9, 1, "eve", "pose", "graded", 9, ""]], "", "is to be of one capstone"),
        ([*CLASS, CLASS[0]], "", "more than one row of ann"),
        ([[10, 1, "../eve", "pose", "graded", 9, ""]], "", "a folder's name is to be there"),
        ([[10, 1, "eve", "../pose", "graded", 9, ""]], "", "give it a word as its name"),
        ([[10, 1, "eve", "pose", "graded", "nan", ""]], "", "a number is to be there"),
        ([["ann", 3]], "student,points", "has no column capstone, status, max_points, message"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_a_table_that_is_no_capstones_is_one_sentence(run, tmp_path, rows, columns, words):
    url = f"sqlite:///{tmp_path}/gradebook.db"
    code, said = run("capstone", table(tmp_path / "c.csv", rows, columns), "--gradebook", url)
    assert code == 2
    assert words in said
    assert not (tmp_path / "gradebook.db").exists()
