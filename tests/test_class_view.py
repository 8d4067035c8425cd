"""What the class's page says of tasks, mistakes, who needs a look, and answers that are alike."""

import numbers_exercise as numbers
import numpy as np
import pytest
from test_pages import Replies

import autograder.course.grade as grading
from autograder.course import pages
from autograder.course.alike import SHORTEST, alike, looked_at, print_of, released_prints
from autograder.course.answers import points_by_hand
from autograder.course.class_view import looks, mistakes, separation

LONG = """
def halves(image, factor=2):
    \"\"\"Divide an image by a factor, a number at a time.\"\"\"
    result = np.zeros(np.shape(image))  # the same shape
    rows, columns = np.shape(image)
    if rows * columns == 0:
        return result
    for row in range(rows):
        for column in range(columns):
            result[row, column] = image[row, column] / factor
    return result
"""
RENAMED = """
def halves(image, factor=2):
    out = np.zeros( np.shape(image) )
    h, w = np.shape(image)

    if h * w == 0:

        return out  # nothing there
    for i in range(h):  # down
        for j in range(w):
            out[i, j] = image[i, j] / factor
    return out
"""
OTHER = LONG.replace("/ factor", "* (1 / factor)")


def row(student: str, points: tuple[float, ...] = (2, 4, 2), **more) -> dict:
    tasks = {}
    for name, got, worth in zip(numbers.RIGHT, points, (2, 4, 2), strict=True):
        verdict = "correct" if got == worth else "wrong"
        hint = "" if got == worth else f"{name} is off"
        tasks[name] = {"verdict": verdict, "points": got, "max_points": worth, "hint": hint}
    return {"student": student, "status": "graded", "score": sum(points), "tasks": tasks, **more}


# Tasks that separate


def test_a_task_separates_by_its_correlation_with_the_other_tasks_points():
    generator = np.random.default_rng(3)
    points = generator.integers(0, 3, size=(12, 3)).astype(float)
    rows = [row(f"s{i}", tuple(p)) for i, p in enumerate(points)]
    expected = np.corrcoef(points[:, 1], points[:, 0] + points[:, 2])[0, 1]
    assert separation("halves", rows) == pytest.approx(expected)


def test_where_all_have_the_same_points_or_are_few_nothing_is_told():
    assert separation("halves", [row(f"s{i}", (i % 3, 4, 1)) for i in range(9)]) is None
    assert separation("double", [row(f"s{i}", (i % 3, 4, i)) for i in range(4)]) is None


# Mistakes


def test_reasons_that_differ_in_their_numbers_only_are_one_mistake():
    rows = [row(f"s{i}", (0, 4, 2)) for i in range(3)]
    for number, one in enumerate(rows):
        one["tasks"]["double"]["hint"] = f"double(x={number}): expected 6, found 9.5"
    rows += [row("t", (0, 4, 0))]
    (found,) = mistakes(rows)
    assert (found.task, found.students) == ("double", 3)
    assert found.reason == "double(x=0): expected 6, found 9.5"


def test_what_is_said_of_a_whole_notebook_is_no_mistake_in_a_task():
    said = "this is exercise 02_letters"
    rows = [row(f"s{i}", (0, 0, 0), message=said) for i in range(3)]
    for one in rows:
        for entry in one["tasks"].values():
            entry["hint"] = said
    assert mistakes(rows) == []


# Who needs a look


def test_each_who_needs_a_look_is_there_with_the_reason_and_nobody_else():
    untouched = row("empty")
    for entry in untouched["tasks"].values():
        entry |= {"verdict": "missing", "points": 0}
    library = row("library")
    library["tasks"]["ends"]["by_library"] = ["numpy.take"]
    wrong = row("wrong", (0, 0, 0))
    wrong["tasks"]["ends"]["by_library"] = ["numpy.take"]
    endless = row("endless", (0, 4, 2), status="timeout")
    endless["tasks"]["double"] |= {
        "verdict": "error",
        "hint": "`double` did not finish within 10 s",
    }
    rows = [
        row("fine"), wrong, library, untouched, endless,
        row("slow", status="timeout", message="the notebook did not finish within 20 s"),
        row("big", status="crashed", message="the notebook used more than 4,096 MB of memory"),
        row("gone", status="crashed", message="the notebook ended its process"),
        row("none", status="missing", message="there is no file"),
        row("stripped", unmarked=["double", "halves", "ends"]),
        row("one", unmarked=["ends"]),
    ]  # fmt: skip
    marks = "nbgrader's marks are lost in the test cells of"
    assert {one.student: one.reason for one in looks(rows)} == {
        "empty": "nothing answered",
        "library": "right, but not by hand: ends",
        "slow": "timeout: the notebook did not finish within 20 s",
        "big": "ended by the lock: the notebook used more than 4,096 MB of memory",
        "gone": "crashed: the notebook ended its process",
        "none": "missing: there is no file",
        "stripped": f"{marks} all tasks; graded all the same",
        "one": f"{marks} ends; graded all the same",
        "endless": "timeout: `double` did not finish within 10 s",
    }
    assert looks(rows)[-1].student == "library", "what is right comes last"


def test_lost_marks_are_seen_in_the_file():
    assert looked_at(numbers.raw(), numbers.RIGHT)["unmarked"] == []
    bare = numbers.raw(numbers.notebook([{**c, "metadata": {}} for c in numbers.cells()]))
    assert looked_at(bare, numbers.RIGHT)["unmarked"] == ["double", "halves", "ends"]
    assert looked_at(b"PK", numbers.RIGHT) == looked_at(None, numbers.RIGHT) == {}


# Answers that are alike


def test_names_comments_and_spaces_do_not_tell_answers_apart_and_signs_do():
    assert print_of(LONG) == print_of(RENAMED) != print_of(OTHER)
    assert print_of(LONG.replace("np.zeros", "np.ones")) != print_of(LONG)
    swapped = LONG.replace("image[row, column]", "image[column, row]")
    assert print_of(swapped) != print_of(LONG), "which name stands where counts"


@pytest.mark.parametrize(
    "source",
    ["", "def double(x):\n    return 2 * x\n", "def f(:\n  '''", "(" * 5000, "x = 1\n" * 10_000,
     "if x:\n        a\n    b\n" * 30],
    ids=["empty", "short", "broken", "deep", "long", "indented"],
)  # fmt: skip
def test_short_and_broken_answers_are_not_compared(source):
    assert print_of(source) is None


def test_half_a_character_in_an_answer_does_not_stop_the_grading():
    assert print_of(LONG.replace("[row", "['\ud800'][0] or [row"))


def test_a_stub_as_it_was_given_out_is_nobodys_answer(tmp_path):
    path = numbers.submit(tmp_path, "released", numbers.raw(halves=LONG))
    released = released_prints(path, numbers.RIGHT)
    assert set(released) == {"halves"}
    rows = [row(name, prints=dict(released)) for name in ("ann", "ben")]
    assert alike(rows, released) == []
    assert [group.students for group in alike(rows, {})] == [("ann", "ben")]
    assert released_prints(tmp_path / "none.ipynb", numbers.RIGHT) == {}


def test_wrong_answers_that_are_alike_come_first():
    rows = [row(f"r{i}", prints={"halves": "a"}) for i in range(3)]
    rows += [row(f"w{i}", (2, 0, 2), prints={"halves": "b"}) for i in range(2)]
    rows += [row("lone", prints={"halves": "c"})]
    found = alike(rows, {})
    assert [(group.right, len(group.students)) for group in found] == [(False, 2), (True, 3)]


def test_the_same_answer_that_is_right_for_some_is_called_so():
    rows = [row("ann", prints={"halves": "a"}), row("ben", (2, 0, 2), prints={"halves": "a"})]
    [found] = alike(rows, {})
    assert (found.right, found.verdict) == (False, "right for some")


def test_points_that_a_person_gives_are_named_on_the_page(tmp_path):
    marks = {"grade_id": "why", "solution": True, "grade": True, "points": 3}
    cell = {"cell_type": "markdown", "source": "", "metadata": {"nbgrader": marks}}
    path = tmp_path / "given.ipynb"
    path.write_bytes(numbers.raw(numbers.notebook([*numbers.cells(), cell])))
    assert points_by_hand(path) == 3
    assert points_by_hand(None) == points_by_hand(tmp_path / "none.ipynb") == 0
    pages.write_class_page(tmp_path, [row("ann")], numbers.numbers_key(), by_hand=3.0)
    assert "3 points more are given by hand" in (tmp_path / "index.html").read_text("utf-8")


def test_the_page_shows_them_from_the_files_of_a_class(tmp_path):
    assert len(LONG.split()) < SHORTEST, "counted are signs, not words"
    hand_ins = {"ann": LONG, "ben": RENAMED, "cem": OTHER, "dia": numbers.RIGHT["halves"]}
    for student, answer in hand_ins.items():
        numbers.submit(tmp_path / "submitted", student, numbers.raw(halves=answer))
    key, out = numbers.numbers_key(), tmp_path / "out"
    grading.grade_folder(tmp_path / "submitted", key, out, 1, 20, workshop=Replies())
    text = (out / "index.html").read_text("utf-8")
    section = text[text.index("Answers that are alike") : text.index("<h2>Students")]
    assert "ann</a>, <a" in section
    assert "ben</a>" in section
    assert "cem" not in section
    assert "It does not mean that anybody copied" in section
    assert "this is the square" in text[text.index("Mistakes most made") :]


def test_an_anonymous_page_names_nobody(tmp_path):
    key = numbers.numbers_key()
    rows = [row(name, prints={"halves": "b"}, status="timeout") for name in ("xaver", "yvonne")]
    pages.write_class_page(tmp_path, rows, key, anonymous=True)
    text = (tmp_path / "index.html").read_text("utf-8")
    assert "xaver" not in text
    assert "yvonne" not in text
    assert "None." not in text
