"""Scores go from nbgrader's gradebook to Canvas, Moodle and Gradescope, and nobody is dropped."""

from __future__ import annotations

import csv
import io
import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from traitlets.config import Config

from autograder.course.export import CanvasExporter, GradescopeExporter, MoodleExporter
from autograder.course.gradebook import open_gradebook
from autograder.course.gradescope import GradescopeResults
from autograder.judging.report import number

EXERCISE = "01_numbers"
# Made-up students: id, first name, last name, address, points of 8, points taken off.
CLASS = [
    ("ann", "Ann", "Ampère", "ann@school.example", 8, None),
    ("bob2", "Bob", "Böhm, jun.", "b.boehm@school.example", 5.5, 1),
    ("77003", "Cleo", "=cmd|'/c calc'!A1", "cleo@school.example", 2.25, None),
    ("nia", "Nia", "Nobody", "nia@elsewhere.example", 7, None),
]
CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,Homework 1: Numbers (501),01_numbers (502),Final Score
    Points Possible,,,,,10.00,8.00,(read only)
,,,,,Manual Posting,,
"Ampère, Ann",1001,u1,ann,A,9.00,,90
"Böhm, jun., Bob",1002,u2,b.boehm,A,8.00,3.00,80
"=HYPERLINK(""x"")",1003,77003,cleo,B,7.00,,70
"Dora, Dan",1004,u4,dora,B,,1.50,
"Student, Test",1005,,,A,,,
"""
MOODLE = """\
Identifier,Full name,ID number,Email address,Status,Grade,Maximum Grade,Grade can be changed,\
Last modified (submission),Last modified (grade),Feedback comments
Participant 61001,Ann Ampère,u1,ann@school.example,Submitted for grading,,8.00,Yes,-,-,
Participant 61002,"Bob Böhm, jun.",u2,b.boehm@school.example,Submitted,,8.00,Yes,-,-,old
Participant 61003,+cleo,77003,cleo@school.example,Submitted for grading,,8.00,Yes,-,-,
Participant 61004,Dan Dora,u4,dora@school.example,No submission,,8.00,Yes,-,-,
"""


def add_student(gradebook, name: str, first: str, last: str, email: str, points: float, off=None):
    gradebook.add_student(name, first_name=first, last_name=last, email=email)
    gradebook.add_submission(EXERCISE, name)
    gradebook.find_grade("check_double", EXERCISE, EXERCISE, name).auto_score = points
    notebook = gradebook.find_submission_notebook(EXERCISE, EXERCISE, name)
    notebook.late_submission_penalty = off
    if points < 8:
        comment = gradebook.find_comment("double", EXERCISE, EXERCISE, name)
        comment.auto_comment = "=1+1 gives <b>3</b>"
    gradebook.db.commit()


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> str:
    place = f"sqlite:///{tmp_path_factory.mktemp('course')}/gradebook.db"
    with open_gradebook(place) as gradebook:
        gradebook.add_assignment(EXERCISE)
        gradebook.add_notebook(EXERCISE, EXERCISE)
        gradebook.add_grade_cell("check_double", EXERCISE, EXERCISE, max_score=8, cell_type="code")
        gradebook.add_solution_cell("double", EXERCISE, EXERCISE)
        for student in CLASS:
            add_student(gradebook, *student)
    return place


class Heard(logging.Logger):
    """What an export logged."""

    def __init__(self) -> None:
        super().__init__("heard")
        self.lines: list[str] = []

    def handle(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def export(url: str, kind, to: Path, code: int = 0, **settings) -> str:
    """Export; what was said, once the exit code is the expected one."""
    exporter, heard = kind(config=Config({kind.__name__: {"to": str(to), **settings}})), Heard()
    exporter.log = heard
    with open_gradebook(url) as gradebook:
        if code:
            with pytest.raises(SystemExit) as ended:
                exporter.export(gradebook)
            assert ended.value.code == code, heard.text
        else:
            exporter.export(gradebook)
    return heard.text


def given(tmp_path: Path, text: str, name: str = "given.csv") -> str:
    (tmp_path / name).write_bytes(text.encode())
    return str(tmp_path / name)


def rows_in(path: Path, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text("utf-8-sig")), delimiter=delimiter))


# Canvas


def test_canvas_gets_its_own_table_back_with_the_points_filled_in(url, tmp_path):
    to = tmp_path / "canvas.csv"
    said = export(url, CanvasExporter, to, code=1, file=given(tmp_path, CANVAS))
    head, possible, *rows = rows_in(to)
    assert head == [
        "Student", "ID", "SIS User ID", "SIS Login ID", "Section", "01_numbers (502)"
    ]  # fmt: skip
    assert possible == ["    Points Possible", "", "", "", "", "8.00"]
    assert rows == [
        ["Ampère, Ann", "1001", "u1", "ann", "A", "8"],
        ["Böhm, jun., Bob", "1002", "u2", "b.boehm", "A", "4.5"],
        ['\'=HYPERLINK("x")', "1003", "77003", "cleo", "B", "2.25"],
        ["Dora, Dan", "1004", "u4", "dora", "B", "1.50"],
        ["Student, Test", "1005", "", "", "A", ""],
    ]
    assert "nia: 7 points of 01_numbers are in no row of given.csv" in said
    assert "left as they are in given.csv, for 01_numbers: Dora, Dan, Student, Test" in said


def test_a_table_with_semicolons_and_a_mark_of_its_encoding_keeps_both(url, tmp_path):
    rows = list(csv.reader(io.StringIO(CANVAS)))
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows(rows)
    to = tmp_path / "canvas.csv"
    export(url, CanvasExporter, to, code=1, file=given(tmp_path, "\ufeff" + text.getvalue()))
    assert to.read_bytes().startswith(b"\xef\xbb\xbfStudent;ID;")
    assert rows_in(to, ";")[2] == ["Ampère, Ann", "1001", "u1", "ann", "A", "8"]


def test_a_column_of_another_name_is_named(url, tmp_path):
    file = given(tmp_path, CANVAS.replace("01_numbers (502)", "Second (502)"))
    to = tmp_path / "canvas.csv"
    said = export(url, CanvasExporter, to, code=2, file=file)
    assert "no column of given.csv is 01_numbers: name it with --CanvasExporter.columns" in said
    assert "Homework 1: Numbers (501), Second (502)" in said
    assert not to.exists()
    export(url, CanvasExporter, to, code=1, file=file, columns={EXERCISE: "502"})
    assert rows_in(to)[0][-1] == "Second (502)"


def test_a_column_of_a_longer_name_is_not_the_exercises(url, tmp_path):
    file = given(tmp_path, CANVAS.replace("01_numbers (502)", "01_numbers_questions (502)"))
    to = tmp_path / "canvas.csv"
    said = export(url, CanvasExporter, to, code=2, file=file)
    assert "no column of given.csv is 01_numbers" in said
    assert not to.exists()
    file = given(tmp_path, CANVAS.replace("01_numbers (502)", "Week 1: 01-Numbers! (502)"))
    export(url, CanvasExporter, to, code=1, file=file)
    assert rows_in(to)[0][-1] == "Week 1: 01-Numbers! (502)"


def test_other_points_in_canvas_are_said_and_can_be_scaled(url, tmp_path):
    file = given(tmp_path, CANVAS.replace("8.00,(read", "100,(read"))
    to = tmp_path / "canvas.csv"
    said = export(url, CanvasExporter, to, code=2, file=file)
    assert "counts 100 points there and 8 here" in said
    assert not to.exists()
    export(url, CanvasExporter, to, code=1, file=file, scale=True)
    assert [row[-1] for row in rows_in(to)[2:4]] == ["100", "56.25"]


def test_points_are_written_finer_than_they_are_read(url, tmp_path):
    assert [number(points) for points in (3.0, 2.5, 8 / 3, 1234.5678)] == [
        "3", "2.5", "2.67", "1234.57",
    ]  # fmt: skip
    file, to = given(tmp_path, CANVAS.replace("8.00,(read", "7,(read")), tmp_path / "canvas.csv"
    export(url, CanvasExporter, to, code=1, file=file, scale=True)
    assert [row[-1] for row in rows_in(to)[2:4]] == ["7", "3.9375"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", "is not what Canvas exports"),
        ("\x00\x00", "is not what Canvas exports"),
    ],
)
def test_a_file_that_is_none_of_canvas_is_one_sentence(url, tmp_path, content, words):
    said = export(url, CanvasExporter, tmp_path / "to.csv", 2, file=given(tmp_path, content))
    assert words in said
    assert "\n" not in said


def test_no_file_and_no_such_exercise_are_one_sentence(url, tmp_path):
    to = tmp_path / "to.csv"
    assert "cannot be read" in export(url, CanvasExporter, to, 2, file=str(tmp_path / "no.csv"))
    said = export(url, CanvasExporter, to, 2, assignment=["02_no"])
    assert said == "the gradebook has no exercise 02_no; it has 01_numbers"
    said = export(url, CanvasExporter, to, 2, student=["zoe"])
    assert said.startswith("zoe handed in no 01_numbers")
    file = given(tmp_path, CANVAS)
    said = export(url, CanvasExporter, Path(file), 2, file=file)
    assert "is the file to be filled in" in said
    assert Path(file).read_text("utf-8") == CANVAS


def test_without_a_file_canvas_gets_the_gradebooks_students(url, tmp_path):
    to = tmp_path / "canvas.csv"
    export(url, CanvasExporter, to)
    head, possible, *rows = rows_in(to)
    assert head[-1] == EXERCISE
    assert possible[-1] == "8"
    assert ["Ampère, Ann", "", "", "ann", "", "8"] in rows
    assert ["'=cmd|'/c calc'!A1, Cleo", "", "", "77003", "", "2.25"] in rows
    assert len(rows) == len(CLASS)


# Who is who


def test_two_students_who_fit_one_row_are_both_named_and_neither_is_written(tmp_path):
    url = f"sqlite:///{tmp_path}/gradebook.db"
    with open_gradebook(url) as gradebook:
        gradebook.add_assignment(EXERCISE)
        gradebook.add_notebook(EXERCISE, EXERCISE)
        cell = {"max_score": 8, "cell_type": "code"}
        gradebook.add_grade_cell("check_double", EXERCISE, EXERCISE, **cell)
        gradebook.add_solution_cell("double", EXERCISE, EXERCISE)
        add_student(gradebook, "ann", "Ann", "A", "", 8)
        add_student(gradebook, "Ampère Ann_1001", "", "", "", 3)
        add_student(gradebook, "Same Name_1003", "", "", "", 4)
    file = given(tmp_path, CANVAS)
    said = export(url, CanvasExporter, tmp_path / "to.csv", code=1, file=file)
    assert "Ampère Ann_1001 and ann fit the same row of given.csv: neither was written" in said
    points = {row[1]: row[-1] for row in rows_in(tmp_path / "to.csv")[2:]}
    assert points["1001"] == ""
    assert points["1003"] == "4", "the number behind a name tells two of one name apart"


# Moodle


def test_moodle_gets_its_worksheet_back_with_grades_and_comments(url, tmp_path):
    to = tmp_path / "moodle.csv"
    said = export(url, MoodleExporter, to, code=1, file=given(tmp_path, MOODLE))
    head, *rows = rows_in(to)
    given_head, *given_rows = list(csv.reader(io.StringIO(MOODLE)))
    assert head == given_head
    assert [row[5] for row in rows] == ["8", "4.5", "2.25", ""]
    reason = "double: =1+1 gives &lt;b&gt;3&lt;/b&gt;"
    assert [row[10] for row in rows] == ["", reason, reason, ""]
    assert rows[2][1] == "'+cleo"
    untouched = [i for i in range(11) if i not in (1, 5, 10)]
    assert [[r[i] for i in untouched] for r in rows] == [
        [r[i] for i in untouched] for r in given_rows
    ]
    assert "nia: 7 points of 01_numbers are in no row of given.csv" in said


def test_what_moodle_would_leave_out_without_a_word_is_said(url, tmp_path):
    """Its importer passes over a grade that is locked, or above the maximum."""
    to = tmp_path / "moodle.csv"
    locked = MOODLE.replace("Submitted,,8.00,Yes", "Submitted,,8.00,No")
    said = export(url, MoodleExporter, to, code=1, file=given(tmp_path, locked))
    assert "bob2: Moodle has locked the grade, 4.5 points of 01_numbers stand out" in said
    said = export(
        url, MoodleExporter, to, 2, file=given(tmp_path, MOODLE.replace("8.00", "100.00"))
    )
    assert "counts 100 points there and 8 here" in said


def test_a_worksheet_in_another_language_is_read_by_its_columns_names(url, tmp_path):
    german = MOODLE.replace("Identifier", "ID").replace(",Grade,", ",Bewertung,")
    file = given(tmp_path, german)
    said = export(url, MoodleExporter, tmp_path / "to.csv", code=2, file=file)
    assert "has no column Identifier or Grade. Name them" in said
    names = {"identifier": "ID", "grade": "Bewertung"}
    export(url, MoodleExporter, tmp_path / "to.csv", code=1, file=file, **names)
    assert rows_in(tmp_path / "to.csv")[1][5] == "8"


def test_without_a_file_moodle_gets_a_table_for_its_grade_import(url, tmp_path):
    export(url, MoodleExporter, tmp_path / "moodle.csv")
    head, *rows = rows_in(tmp_path / "moodle.csv")
    assert head[:4] == ["Username", "First name", "Last name", "Email address"]
    assert head[4:] == [EXERCISE, f"{EXERCISE} (feedback)"]
    by_name = {row[0]: row for row in rows}
    assert by_name["bob2"][2:5] == ["Böhm, jun.", "b.boehm@school.example", "4.5"]
    assert by_name["77003"][2].startswith("'=")


# Gradescope


def test_gradescope_gets_a_results_json_for_each_student(url, tmp_path):
    export(url, GradescopeExporter, tmp_path / "made")
    found = {path.parts[-3]: path for path in (tmp_path / "made").rglob("results.json")}
    assert set(found) == {student[0] for student in CLASS}
    results = GradescopeResults.model_validate_json(found["bob2"].read_text("utf-8"))
    assert results.score == 4.5
    assert results.output == "4.5 of 8 points, 1 taken off for a late submission"
    (test,) = results.tests
    assert (test.name, test.score, test.max_score, test.status) == (
        "check_double",
        5.5,
        8,
        "failed",
    )
    assert test.output == "=1+1 gives <b>3</b>"
    assert json.loads(found["ann"].read_text())["tests"][0]["status"] == "passed"


# As nbgrader's command


def test_nbgraders_command_takes_the_exporter_and_its_exit_code_says_who_is_lost(url, tmp_path):
    file = given(tmp_path, CANVAS)
    done = subprocess.run(
        [
            sys.executable, "-m", "nbgrader", "export", f"--db={url}", "--to=up.csv",
            "--exporter=autograder.course.export.CanvasExporter", "--assignment=01_numbers",
            f"--CanvasExporter.file={file}", "--CanvasExporter.columns=01_numbers=502",
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "nia: 7 points of 01_numbers are in no row" in done.stderr
    assert "Traceback" not in done.stderr
    assert rows_in(tmp_path / "up.csv")[2][-1] == "8"
