"""After a regrade everybody whose score moved is named, and why."""

import csv
import shutil
import sys

import numbers_exercise as numbers
import pytest
from test_pages import Replies

import autograder.course.grade as grading
from autograder.course import moved


@pytest.fixture
def graded(tmp_path):
    """A class of three graded once; a function that grades again and gives the moves."""
    for student in ("ann", "ben", "cem"):
        numbers.submit(tmp_path / "submitted", student, numbers.raw())
    workshop = Replies()

    def run(key=None, **options) -> list[moved.Move]:
        found: list[moved.Move] = []
        key = key or numbers.numbers_key()
        grading.grade_folder(
            tmp_path / "submitted", key, tmp_path / "out", 1, 20, workshop=workshop,
            moved=found.extend, **options,
        )  # fmt: skip
        return found

    assert run() == [], "a first grading moves nothing"
    return tmp_path, workshop, run


def changes(out):
    with (out / "changes.csv").open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_another_key_names_each_whose_score_moved_with_the_task_and_its_reason(graded):
    root, workshop, run = graded
    workshop.wrong = False
    found = run(numbers.numbers_key(seed=3))
    assert [move.student for move in found] == ["ann", "ben", "cem"]
    assert (found[0].before, found[0].after) == (2, 4)
    assert found[0].why == "the key is another one"
    (task,) = found[0].tasks
    assert task == "double: 0 → 2 of 2 (was: this is the square, not the double)"
    assert str(found[0]) == f"ann: 2 → 4 points, the key is another one. {task}"
    assert [line["student"] for line in changes(root / "out")] == ["ann", "ben", "cem"]
    assert not (root / "out" / moved.BEFORE).exists()
    assert run(numbers.numbers_key(seed=3)) == []
    assert len(changes(root / "out")) == 3, "the list stays until another regrade"


def test_what_the_list_says_of_others_stays_when_one_is_graded_again(graded):
    root, workshop, run = graded
    workshop.wrong = False
    run(numbers.numbers_key(seed=3))
    workshop.wrong = True
    run(numbers.numbers_key(seed=3), again=lambda name: name == "ben")
    after = {line["student"]: float(line["after"]) for line in changes(root / "out")}
    assert after == {"ann": 4, "ben": 2, "cem": 4}


def test_a_student_who_is_gone_has_no_page_left(graded):
    root, _, run = graded
    shutil.rmtree(root / "submitted" / "cem")
    run()
    assert sorted(page.stem for page in (root / "out" / "pages").glob("*.html")) == ["ann", "ben"]


def test_who_is_not_moved_is_not_named(graded):
    _, workshop, run = graded
    assert run(numbers.numbers_key(seed=3)) == []
    workshop.wrong = False
    (only,) = run(numbers.numbers_key(seed=3), again=lambda name: name == "ben")
    assert (only.student, only.why) == ("ben", "graded again")


def test_a_task_of_other_points_and_a_new_notebook_are_told_apart(graded):
    root, _, run = graded
    key = numbers.numbers_key()
    parts = {name: 1.5 * points for name, points in key.tasks["ends"].parts.items()}
    worth = key.tasks["ends"].model_copy(update={"parts": parts})
    changed = key.model_copy(update={"tasks": {**key.tasks, "ends": worth}})
    numbers.submit(root / "submitted", "cem", numbers.raw(double="x = 1"))
    found = run(changed)
    assert [move.why for move in found] == [
        "the key is another one",
        "the key is another one",
        "another notebook was handed in and the key is another one",
    ]
    assert found[0].tasks == ("ends: 2 → 3 of 3",)


def test_a_regrade_that_is_killed_and_goes_on_still_knows_who_stood_where(graded):
    root, workshop, run = graded
    workshop.wrong, seen = False, []

    class Killed(BaseException):
        pass

    def die(row, done, total):
        seen.append(row)
        if len(seen) == 2:
            raise Killed

    with pytest.raises(Killed):
        run(numbers.numbers_key(seed=3), progress=die)
    assert (root / "out" / moved.BEFORE).is_file()
    assert [move.student for move in run(numbers.numbers_key(seed=3))] == ["ann", "ben", "cem"]


def test_no_cell_of_the_list_is_a_formula(graded):
    root, workshop, run = graded
    numbers.submit(root / "submitted", "=1+1", numbers.raw())
    run()
    workshop.wrong = False
    run(numbers.numbers_key(seed=3))
    assert changes(root / "out")[0]["student"] == "'=1+1"


def test_rows_that_are_none_of_ours_move_nothing():
    row = {"student": "ann", "exercise": "01_numbers", "score": 1, "tasks": {}}
    for old in (None, {}, {**row, "score": None}, {**row, "exercise": "02_other", "score": 5}):
        assert moved.move(old, row) is None


def test_the_command_prints_them(graded, monkeypatch, capfd):
    root, workshop, _ = graded
    from autograder import cli
    from autograder.course import class_commands

    numbers.make_project(root)
    monkeypatch.chdir(root)
    workshop.wrong, workshop.workers, workshop.missing = False, 1, {}
    monkeypatch.setattr(Replies, "__enter__", lambda self: self, raising=False)
    monkeypatch.setattr(Replies, "__exit__", lambda self, *problem: None, raising=False)
    monkeypatch.setattr(class_commands, "Workshop", lambda *arguments: workshop)
    command = ["autograder", "grade", "submitted", "--exercise", numbers.EXERCISE, "--out", "out"]
    monkeypatch.setattr(sys, "argv", [*command, "--force"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capfd.readouterr().out
    assert ended.value.code in (0, None)
    assert "3 scores are another than before (out/changes.csv):" in said
    assert "ann: 2 → 4 points, graded again. double: 0 → 2 of 2" in said
