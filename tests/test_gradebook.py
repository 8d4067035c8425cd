"""Scores stand in nbgrader's own gradebook, and its feedback shows the verdicts."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from pathlib import Path
from typing import Any

import nbformat
import numbers_exercise as numbers
import pytest
import warm
from nbgrader.utils import compute_checksum

from autograder.course.grade import GradingProblem, grade_folder, write_table
from autograder.course.gradebook import open_gradebook, save
from autograder.course.harmless import given_out_texts, with_harmless_texts
from autograder.course.rubric import WithoutRubrics, with_rubrics
from autograder.running.workshop import Workshop

QUESTION = "*Your answer here.*"


def with_words(words: str) -> bytes:
    """A right submission with an answer in words, which only a person can mark."""
    marks = {"grade_id": "why", "solution": True, "grade": True, "locked": False, "points": 3}
    answer = {"cell_type": "markdown", "source": words, "metadata": {"nbgrader": marks}}
    return numbers.raw(numbers.notebook([*numbers.cells(), answer]))


STUDENTS = {
    "ann": with_words("Because doubling is adding to itself."),
    "eve": with_words(QUESTION),
    "fay": with_words(
        "Since 1 <b>x</b> <!-- y --> and 2<3.\n\n<script>document.title = 'z'</script>"
    ),
    "gil": numbers.raw(double="def double(x):\n    raise ValueError('<i onclick=x()>no</i>')\n"),
    "bob": numbers.raw(double="def double(x):\n    return x * x\n"),
    "cat": b"PK not a notebook",
    "dan": numbers.raw(numbers.notebook([{**c, "metadata": {}} for c in numbers.cells()])),
}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, workshop: Workshop) -> tuple[Path, list]:
    """A course whose exercise nbgrader knows, with its class graded into the gradebook."""
    root = tmp_path_factory.mktemp("course")
    with open_gradebook(url(root)) as gradebook:
        exercise = numbers.EXERCISE
        gradebook.add_assignment(exercise)
        gradebook.add_notebook(exercise, exercise)
        for name, points in (("double", 2), ("halves", 4), ("ends", 2)):
            kind = {"max_score": points, "cell_type": "code"}
            gradebook.add_grade_cell(f"check_{name}", exercise, exercise, **kind)
            source = {"source": f"check({name})", "cell_type": "code", "locked": True}
            gradebook.add_source_cell(f"check_{name}", exercise, exercise, **source)
        words = {"cell_type": "markdown", "source": QUESTION}
        marks = {"grade_id": "why", "cell_type": "markdown", "grade": True, "solution": True}
        asked = nbformat.from_dict({**words, "metadata": {"nbgrader": {**marks, "points": 3}}})
        gradebook.add_grade_cell("why", exercise, exercise, max_score=3, cell_type="markdown")
        gradebook.add_solution_cell("why", exercise, exercise)
        checksum = {"checksum": compute_checksum(asked), "locked": False}
        gradebook.add_source_cell("why", exercise, exercise, **words, **checksum)
    for student, content in STUDENTS.items():
        numbers.submit(root / "submitted", student, content)
    key = numbers.numbers_key()
    rows = grade_folder(root / "submitted", key, root / "out", 2, 20, workshop=workshop)
    save(url(root), key, rows, root / "submitted", root / "autograded")
    return root, rows


def url(root: Path) -> str:
    return f"sqlite:///{root}/gradebook.db"


def scores(root: Path) -> dict[str, float]:
    with open_gradebook(url(root)) as gradebook:
        return {
            student: gradebook.find_submission(numbers.EXERCISE, student).score
            for student in STUDENTS
        }


def test_the_gradebook_holds_the_scores(course: tuple[Path, list[dict[str, Any]]]):
    root, rows = course
    assert scores(root) == {row["student"]: row["score"] for row in rows}
    assert scores(root) == {
        "ann": 8, "eve": 8, "fay": 8, "gil": 6, "bob": 6, "cat": 0, "dan": 8,
    }  # fmt: skip
    with open_gradebook(url(root)) as gradebook:
        assert gradebook.find_assignment(numbers.EXERCISE).max_score == numbers.FULL + 3


def test_an_answer_in_words_waits_for_a_person(course: tuple[Path, list[dict[str, Any]]]):
    root, _ = course
    with open_gradebook(url(root)) as gradebook:
        waits = {
            student: gradebook.find_grade("why", *(numbers.EXERCISE,) * 2, student)
            for student in STUDENTS
        }
        waiting = {student for student, grade in waits.items() if grade.needs_manual_grade}
        assert waiting == {"ann", "fay"}, "the others handed in what was given out, or nothing"
    path = root / "autograded" / "ann" / numbers.EXERCISE / f"{numbers.EXERCISE}.ipynb"
    cell = next(c for c in nbformat.read(path, 4).cells if c.source.startswith("Because"))
    assert cell.metadata.nbgrader.grade_id == "why"
    assert cell.metadata.nbgrader.points == 3


def test_the_rubric_stands_above_an_answer_in_words_and_not_in_its_feedback(course, tmp_path):
    root, rows = course
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / f"{numbers.EXERCISE}.rubric.md").write_text(
        "# Numbers: `why`, 3 points\n\nWhy?\n\n- 2: addition\n- 1: in whole sentences\n"
    )
    place = root / "submitted", root / "autograded"
    save(url(root), numbers.numbers_key(), rows, *place, course=tmp_path)
    try:
        path = root / "autograded" / "ann" / numbers.EXERCISE / f"{numbers.EXERCISE}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        texts = [cell.source for cell in notebook.cells]
        [above] = [n for n, text in enumerate(texts) if text.startswith("Because")]
        assert texts[above - 1].endswith("- 2: addition\n- 1: in whole sentences")
        assert "3 points" in texts[above - 1]
        again = with_rubrics(notebook.cells, {"why": texts[above - 1]})
        assert [cell["source"] for cell in again] == texts
        shown, _ = WithoutRubrics().preprocess(notebook, {})
        assert [cell.source for cell in shown.cells] == texts[: above - 1] + texts[above:]
    finally:
        save(url(root), numbers.numbers_key(), rows, *place)


def test_what_the_exchange_asks_for_goes_along_to_where_feedback_is_made(course, tmp_path):
    root, rows = course
    [ann] = [row for row in rows if row["student"] == "ann"]
    place = root / "submitted" / "ann" / numbers.EXERCISE
    (place / "submission_secret.txt").write_text("abc")
    (place / "timestamp.txt").symlink_to("/etc/passwd")
    try:
        save(url(root), numbers.numbers_key(), [ann], root / "submitted", tmp_path)
    finally:
        (place / "submission_secret.txt").unlink()
        (place / "timestamp.txt").unlink()
    made = tmp_path / "ann" / numbers.EXERCISE
    assert (made / "submission_secret.txt").read_text() == "abc"
    assert not (made / "timestamp.txt").exists(), "a link may lead anywhere"


def test_no_html_of_a_student_works_in_what_a_page_shows(course):
    root, _ = course
    made = nbformat.read(
        root / "autograded" / "fay" / numbers.EXERCISE / f"{numbers.EXERCISE}.ipynb", 4
    )
    [words] = [cell.source for cell in made.cells if cell.cell_type == "markdown"]
    assert words == (
        "Since 1 < b>x< /b> < !-- y --> and 2<3.\n\n< script>document.title = 'z'< /script>"
    )
    with open_gradebook(url(root)) as gradebook:
        submission = gradebook.find_submission(numbers.EXERCISE, "gil")
        comments = [c.comment or "" for n in submission.notebooks for c in n.comments]
    assert any("< i onclick" in comment for comment in comments)
    assert not any("<i" in comment for comment in comments)


def test_what_was_given_out_keeps_its_html(tmp_path):
    text = "<details><summary>Hint</summary>\n\nx\n</details>"
    cells = [
        {"cell_type": "markdown", "source": source, "metadata": {}} for source in (text, "<b>")
    ]
    path = tmp_path / "exercises" / "09_x" / "09_x.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(nbformat.writes(nbformat.from_dict({**numbers.notebook(cells[:1])})))
    kept = given_out_texts(tmp_path, "09_x")
    assert [c["source"] for c in with_harmless_texts(cells, kept)] == [text, "< b>"]
    assert given_out_texts(tmp_path, "10_y") == frozenset()


def test_a_score_given_by_a_person_stays(course: tuple[Path, list[dict[str, Any]]]):
    root, rows = course
    place = (numbers.EXERCISE, numbers.EXERCISE, "bob")
    with open_gradebook(url(root)) as gradebook:
        gradebook.find_grade("check_double", *place).manual_score = 1.5
        gradebook.db.commit()
    save(url(root), numbers.numbers_key(), rows, root / "submitted", root / "autograded")
    assert scores(root)["bob"] == 7.5
    with open_gradebook(url(root)) as gradebook:
        grade = gradebook.find_grade("check_double", *place)
        assert grade.needs_manual_grade
        grade.manual_score = None
        gradebook.db.commit()


def test_the_notebooks_carry_the_verdicts(course: tuple[Path, list[dict[str, Any]]]):
    root, _ = course
    for student in STUDENTS:
        path = root / "autograded" / student / numbers.EXERCISE / f"{numbers.EXERCISE}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        marked = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade")]
        checks = [c.source for c in marked if c.cell_type == "code"]
        assert checks == ["check(double)", "check(halves)", "check(ends)"]
    assert "def double(x):" in path.read_text()


def test_nbgraders_feedback_shows_them(course: tuple[Path, list[dict[str, Any]]]):
    root, _ = course
    command = [
        "-m", "nbgrader", "generate_feedback", numbers.EXERCISE,
        f"--CourseDirectory.root={root}",
    ]  # fmt: skip
    done = warm.run(command, root)
    assert done.returncode == 0, done.stderr
    page = root / "feedback" / "bob" / numbers.EXERCISE / f"{numbers.EXERCISE}.html"
    text = page.read_text("utf-8")
    assert "this is the square, not the double" in text
    assert "(Score: 6.0 / 11.0)" in text
    said = re.sub("<[^>]*>", "", text)
    assert said.count("this is the square, not the double") == 2, "at the check, and as a comment"


def test_the_reasons_stand_as_comments_and_a_persons_comment_stays(course):
    root, rows = course
    place = (numbers.EXERCISE, numbers.EXERCISE, "bob")
    with open_gradebook(url(root)) as gradebook:
        assert "this is the square" in gradebook.find_comment("double", *place).comment
        assert gradebook.find_comment("ends", *place).comment is None, "it is right"
        gradebook.find_comment("double", *place).manual_comment = "See me."
        gradebook.db.commit()
    save(url(root), numbers.numbers_key(), rows, root / "submitted", root / "autograded")
    with open_gradebook(url(root)) as gradebook:
        assert gradebook.find_comment("double", *place).comment == "See me."
        assert "this is the square" in gradebook.find_comment("double", *place).auto_comment
        gradebook.find_comment("double", *place).manual_comment = None
        gradebook.db.commit()
    path = root / "autograded" / "bob" / numbers.EXERCISE / f"{numbers.EXERCISE}.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    marked = {c.metadata.nbgrader.grade_id: c for c in cells if c.metadata.get("nbgrader")}
    assert marked["double"].metadata.nbgrader.solution
    assert marked["double"].source.startswith("def double")


def test_a_part_of_a_tasks_points_is_a_fraction_in_the_gradebook(course):
    root, rows = course
    half = [{**row, "tasks": dict(row["tasks"])} for row in rows if row["student"] == "bob"]
    half[0]["tasks"]["halves"] = {**half[0]["tasks"]["halves"], "points": 4 / 3, "verdict": "wrong"}
    key = numbers.numbers_key()
    save(url(root), key, half, root / "submitted", root / "autograded")
    try:
        assert scores(root)["bob"] == pytest.approx(2 + 4 / 3, abs=1e-4)
    finally:
        save(url(root), key, rows, root / "submitted", root / "autograded")


def test_a_locked_gradebook_is_one_sentence_and_nothing_is_changed(course, tmp_path):
    """Another program is writing: here in the midst of the class, as far as it would have got."""
    root, rows = course
    before = dump(root)
    lock = sqlite3.connect(root / "gradebook.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    changed = [{**row, "tasks": dict(row["tasks"])} for row in rows]
    for row in changed:
        row["tasks"]["ends"] = {**row["tasks"]["ends"], "points": 0, "verdict": "wrong"}
    try:
        with pytest.raises(GradingProblem) as said:
            save(f"{url(root)}?timeout=0.1", numbers.numbers_key(), changed,
                 root / "submitted", tmp_path / "autograded")  # fmt: skip
    finally:
        lock.rollback()
        lock.close()
    assert "is locked: another program, such as formgrader or a grading" in str(said.value)
    assert "run the same command again" in str(said.value)
    assert dump(root) == before
    assert not list(tmp_path.rglob("*.ipynb"))


def test_a_class_is_in_the_gradebook_whole_or_not_at_all(course, tmp_path):
    root, rows = course
    before = dump(root)
    broken = [{**row, "tasks": {}} if row["student"] == "eve" else row for row in rows]
    for row in broken:
        row.setdefault("message", "new")
    with pytest.raises(KeyError):
        save(url(root), numbers.numbers_key(), broken, root / "submitted", tmp_path)
    assert dump(root) == before


def test_a_task_that_came_later_gets_its_grade_in_older_submissions(course, tmp_path):
    root, rows = course
    whole = numbers.numbers_key().model_copy(update={"exercise": "02_later"})
    first = whole.model_copy(update={"tasks": {n: whole.tasks[n] for n in ("double", "halves")}})
    (row,) = (row for row in rows if row["student"] == "ann")
    for key in (first, whole):
        some = {**row, "tasks": {name: row["tasks"][name] for name in key.tasks}}
        save(url(root), key, [some], tmp_path, tmp_path / "autograded")
    with open_gradebook(url(root)) as gradebook:
        submission = gradebook.find_submission("02_later", "ann")
        assert (submission.score, submission.max_score) == (numbers.FULL, numbers.FULL)
        gradebook.remove_assignment("02_later")


def dump(root: Path) -> list[str]:
    """All that the database holds."""
    with contextlib.closing(sqlite3.connect(root / "gradebook.db")) as database:
        return list(database.iterdump())


def test_a_gradebook_that_cannot_be_opened(course: tuple[Path, list[dict[str, Any]]]):
    root, rows = course
    for wrong in ("nonsense", f"sqlite:///{root}/no/such/folder.db"):
        with pytest.raises(GradingProblem, match=r"the gradebook .* cannot be written"):
            save(wrong, numbers.numbers_key(), rows, root / "submitted", root / "autograded")


@pytest.mark.parametrize(("method", "penalty"), [("zero", 8.0), ("none", None)])
def test_late_work_is_what_the_courses_policy_says(tmp_path, workshop, method, penalty):
    key = numbers.numbers_key()
    for student, day in (("late", 12), ("early", 9)):
        place = numbers.submit(tmp_path / "submitted", student, numbers.raw())
        (place.parent / "timestamp.txt").write_text(f"2026-01-{day:02} 12:00:00 UTC")
    (tmp_path / "nbgrader_config.py").write_text(
        f"c = get_config()\nc.LateSubmissionPlugin.penalty_method = '{method}'\n"
    )
    with open_gradebook(url(tmp_path)) as gradebook:
        gradebook.add_assignment(numbers.EXERCISE, duedate="2026-01-10 12:00:00 UTC")
    rows = grade_folder(tmp_path / "submitted", key, tmp_path / "out", 1, 20, workshop=workshop)
    late = save(url(tmp_path), key, rows, tmp_path / "submitted", tmp_path / "autograded", tmp_path)
    assert {name: about.penalty for name, about in late.items()} == {"late": penalty, "early": None}
    assert late["late"].due == "2026-01-10 12:00:00 UTC"
    with open_gradebook(url(tmp_path)) as gradebook:
        found = gradebook.find_submission(numbers.EXERCISE, "late")
        assert found.late_submission_penalty == (penalty or 0)
        assert found.score == numbers.FULL
    write_table(tmp_path / "grades.csv", rows, key, late)
    line = (tmp_path / "grades.csv").read_text("utf-8-sig").splitlines()[2]
    assert line.endswith(f",2026-01-12 12:00:00 UTC,2026-01-10 12:00:00 UTC,{penalty or ''},")
