"""`autograder new`: what an author begins with works, and writes over nothing."""

import nbformat
import pytest
from typer.testing import CliRunner

from autograder.cli import app
from autograder.judging.judge import judge
from autograder.setting.exercises import ExerciseProblem
from autograder.setting.keymaking import make_task_key
from autograder.setting.skeleton import new_exercise
from autograder.setting.task import load_tasks

NAME = "17_attention"


@pytest.fixture
def book(tmp_path):
    (tmp_path / "solutions").mkdir()
    return tmp_path


def test_a_new_exercise_has_all_its_files_and_says_how_to_go_on(book, monkeypatch):
    monkeypatch.chdir(book)
    done = CliRunner().invoke(app, ["new", NAME])
    assert done.exit_code == 0, done.output
    made = {path.relative_to(book).as_posix() for path in book.rglob("*") if path.is_file()}
    wanted = {
        f"solutions/{NAME}/tasks.py",
        f"solutions/{NAME}/bank/conv_unit.py",
        f"solutions/{NAME}/{NAME}.ipynb",
        f"chapters/{NAME}.ipynb",
        "tests/test_chapter_17.py",
    }
    assert wanted <= made
    assert f"autograder key {NAME}" in done.output


def test_its_task_makes_a_key_at_once_with_mistakes_made_by_machine(book):
    new_exercise(book, NAME)
    [task] = load_tasks(book / "solutions" / NAME / "tasks.py")
    seen: dict = {}
    key = make_task_key(task, 5, seen)
    assert len(task.accepted) == 3
    by_hand = len(task.mistakes)
    assert len(key.mistakes) - by_hand >= 12
    for accepted in task.accepted:
        assert judge(key, seen[accepted.function.__name__]).verdict == "correct"


def test_its_notebooks_have_ids_no_outputs_and_a_check_below_the_answer(book):
    new_exercise(book, NAME)
    for path in (book / "solutions" / NAME / f"{NAME}.ipynb", book / "chapters" / f"{NAME}.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert all(not cell.get("outputs") for cell in notebook.cells)
        assert all(len(cell.id) > 2 for cell in notebook.cells)
    exercise = nbformat.read(book / "solutions" / NAME / f"{NAME}.ipynb", as_version=4)
    assert "**When it is graded** this notebook alone is read" in exercise.cells[0].source
    ids = [cell.id for cell in exercise.cells]
    assert ids.index("conv-unit-check") == ids.index("conv-unit-answer") + 1


def test_its_chapter_begins_with_a_question_and_a_picture_as_chapters_do(book):
    new_exercise(book, NAME)
    chapter = nbformat.read(book / "chapters" / f"{NAME}.ipynb", as_version=4)
    code = [cell for cell in chapter.cells if cell.cell_type == "code"]
    assert chapter.cells[0].source.startswith("# 17 Attention\n\n**The question?**")
    assert "plt.show()" in code[1].source
    assert 40 <= len(code[1].metadata["caption"]) <= 240
    headings = [cell.source.splitlines()[0] for cell in chapter.cells if "## " in cell.source]
    assert "arXiv:1502.03167" in chapter.cells[-1].source, "a paper that the bibliography has"
    assert headings[-3:] == ["## What we saw", "## The exercise", "## Sources"]


def test_nothing_is_written_over(book):
    chapter = book / "chapters" / f"{NAME}.ipynb"
    chapter.parent.mkdir()
    chapter.write_text("mine")
    with pytest.raises(ExerciseProblem, match="is there already"):
        new_exercise(book, NAME)
    assert chapter.read_text() == "mine"
    assert not (book / "solutions" / NAME).exists()


@pytest.mark.parametrize("name", ["attention", "17 attention", "../17_x", "17_Attention"])
def test_a_name_that_is_none_gets_a_sentence(book, monkeypatch, name):
    monkeypatch.chdir(book)
    done = CliRunner().invoke(app, ["new", name])
    assert isinstance(done.exception, ExerciseProblem | SystemExit)
    assert not list(book.rglob("*.py"))
