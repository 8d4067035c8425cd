"""`autograder update`: a changed exercise comes into half-answered notebooks; no answer is lost."""

import copy
import json

import nbformat
import pytest
from typer.testing import CliRunner

from autograder.cli import app
from autograder.course.grade import GradingProblem
from autograder.course.updating import BACKUPS, merged, update

EXERCISE = "04_residual"
ANSWER = "def residual_block(x, filters, stride=1):\n    return x  # mine\n"
Notebook = dict


@pytest.fixture
def old(root) -> Notebook:
    """The exercise as it was handed out."""
    return json.loads((root / "exercises" / EXERCISE / f"{EXERCISE}.ipynb").read_text("utf-8"))


def cell(notebook: Notebook, name: str) -> dict:
    """The cell with this id, or this name of nbgrader's."""
    for one in notebook["cells"]:
        marks = one["metadata"].get("nbgrader", {})
        if name in (one.get("id"), marks.get("grade_id")):
            return one
    raise LookupError(name)


def text(notebook: Notebook, name: str) -> str:
    return "".join(cell(notebook, name)["source"])


def ids(notebook: Notebook) -> list[str]:
    return [one["id"] for one in notebook["cells"]]


def own(name: str, source: str, kind: str = "code") -> dict:
    made = {"cell_type": kind, "id": name, "metadata": {}, "source": source}
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


@pytest.fixture
def new(old) -> Notebook:
    """The exercise mended in the term: a text, a check's points, a cell more, a reward's code."""
    changed = copy.deepcopy(old)
    cell(changed, "residual-block")["source"] = "## Task 1, mended\n\nA stride is 1 or 2."
    cell(changed, "check_residual_block")["metadata"]["nbgrader"]["points"] = 5
    cell(changed, "check_resnet")["source"] = "check(resnet)  # as before"
    place = ids(changed).index("resnet")
    changed["cells"].insert(place, own("erratum", "**Erratum.** Read task 1 again.", "markdown"))
    cell(changed, "reward-run")["source"] = "TRAIN = False  # mended"
    return changed


@pytest.fixture
def student(old) -> Notebook:
    """Half answered: one answer with what it gave, a letter, a cell of its own."""
    mine = copy.deepcopy(old)
    answer = cell(mine, "residual_block")
    answer["source"] = ANSWER
    answer["execution_count"] = 7
    cell(mine, "check_residual_block")["outputs"] = [{"output_type": "stream", "name": "stdout",
                                                      "text": "wrong"}]  # fmt: skip
    cell(mine, "predict-padding-answer")["source"] = 'prediction_1 = "b"'
    place = ids(mine).index(answer["id"])
    mine["cells"].insert(place + 1, own("scratch", "x = keras.Input((8, 8, 4))"))
    return mine


def test_new_text_and_checks_come_in_and_answers_stay(student, old, new):
    made, report = merged(student, new, old)
    nbformat.validate(nbformat.from_dict(made))
    assert text(made, "residual_block") == ANSWER
    assert cell(made, "residual_block")["execution_count"] == 7
    assert "mended" in text(made, "residual-block")
    assert cell(made, "check_residual_block")["metadata"]["nbgrader"]["points"] == 5
    assert text(made, "check_resnet") == "check(resnet)  # as before"
    assert text(made, "predict-padding-answer") == 'prediction_1 = "b"'
    assert text(made, "reward-run") == "TRAIN = False  # mended"
    assert report.added == ["[erratum]"]
    assert "residual_block" in report.kept
    assert not report.differing


def test_a_students_own_cell_stays_where_it_stood(student, old, new):
    made, _ = merged(student, new, old)
    place = ids(made).index("scratch")
    assert made["cells"][place - 1]["metadata"]["nbgrader"]["grade_id"] == "residual_block"
    assert len(made["cells"]) == len(new["cells"]) + 1


def test_code_that_student_and_author_both_changed_stays_and_is_named(student, old, new):
    cell(student, "reward-run")["source"] = "TRAIN = True"
    made, report = merged(student, new, old)
    assert text(made, "reward-run") == "TRAIN = True"
    assert report.differing == ["[reward-run]"]


def test_without_the_old_exercise_no_code_of_the_students_is_replaced(student, new):
    made, report = merged(student, new)
    assert text(made, "predict-padding-answer") == 'prediction_1 = "b"'
    assert text(made, "residual_block") == ANSWER
    assert text(made, "reward-run") == text(student, "reward-run")
    assert "[reward-run]" in report.differing
    assert "mended" in text(made, "residual-block")


def test_a_task_that_is_gone_takes_its_check_along_and_leaves_the_answer(student, old, new):
    gone = ("zero_pad_shortcut", "check_zero_pad_shortcut", "zero-pad-shortcut")
    cell(student, "zero_pad_shortcut")["source"] = "def zero_pad_shortcut(x): return x"
    new["cells"] = [
        one for one in new["cells"]
        if one["id"] not in gone and one["metadata"].get("nbgrader", {}).get("grade_id") not in gone
    ]  # fmt: skip
    made, report = merged(student, new, old)
    sources = ["".join(one["source"]) for one in made["cells"]]
    assert "def zero_pad_shortcut(x): return x" in sources
    assert "check(zero_pad_shortcut)" not in sources
    assert "check_zero_pad_shortcut" in report.removed
    left = made["cells"][sources.index("def zero_pad_shortcut(x): return x")]
    assert "nbgrader" not in left["metadata"]


def test_cells_whose_ids_a_program_took_away_are_known_by_their_text(student, old, new):
    student["nbformat_minor"] = 4
    for one in student["cells"]:
        del one["id"]
    made, _ = merged(student, new, old)
    nbformat.validate(nbformat.from_dict(made))
    assert text(made, "residual_block") == ANSWER
    sources = ["".join(one["source"]) for one in made["cells"]]
    assert sum("## Task 1" in source for source in sources) == 1
    assert 'prediction_1 = "b"' in sources
    assert "x = keras.Input((8, 8, 4))" in sources


def test_an_update_that_was_made_changes_nothing_the_second_time(student, old, new):
    made, _ = merged(student, new, old)
    again, report = merged(made, new, new)
    assert not report.changes
    assert [one["source"] for one in again["cells"]] == [one["source"] for one in made["cells"]]


# The command


@pytest.fixture
def folders(tmp_path, student, old, new):
    """A student's folder, the changed exercise and the old one."""
    for name, notebook in (("student", student), ("new", new), ("old", old)):
        folder = tmp_path / name / EXERCISE
        folder.mkdir(parents=True)
        (folder / f"{EXERCISE}.ipynb").write_text(json.dumps(notebook), "utf-8")
        (folder / "key.json").write_text(json.dumps({"key of": name}), "utf-8")
    return tmp_path


def run(*arguments: object):
    return CliRunner().invoke(app, ["update", *map(str, arguments)])


def test_the_command_keeps_a_backup_and_brings_the_key_along(folders):
    path = folders / "student" / EXERCISE / f"{EXERCISE}.ipynb"
    before = path.read_bytes()
    done = run(path, "--to", folders / "new" / EXERCISE, "--old", folders / "old" / EXERCISE)
    assert done.exit_code == 0, done.output
    backup = path.parent / BACKUPS / f"{EXERCISE}-1.ipynb"
    assert backup.read_bytes() == before
    assert backup.name in done.output
    assert json.loads((path.parent / "key.json").read_text()) == {"key of": "new"}
    kept = path.parent / BACKUPS / f"{EXERCISE}-1-key.json"
    assert json.loads(kept.read_text()) == {"key of": "student"}
    assert ANSWER in text(json.loads(path.read_text("utf-8")), "residual_block")


def test_only_saying_what_would_change_changes_nothing(folders):
    path = folders / "student" / EXERCISE / f"{EXERCISE}.ipynb"
    before = {p: p.read_bytes() for p in path.parent.rglob("*") if p.is_file()}
    done = run(path, "--to", folders / "new" / EXERCISE, "--dry-run")
    assert done.exit_code == 0, done.output
    assert "1 added" in done.output
    assert {p: p.read_bytes() for p in path.parent.rglob("*") if p.is_file()} == before


def test_nothing_is_written_where_nothing_changes(folders):
    path = folders / "student" / EXERCISE / f"{EXERCISE}.ipynb"
    target = folders / "new" / EXERCISE
    update(path, target, folders / "old" / EXERCISE)
    assert update(path, target, target)[1] is None
    assert len(list((path.parent / BACKUPS).glob("*.ipynb"))) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cannot be read as a notebook: the file is empty"),
        (b"{}", "cannot be read as a notebook"),
        (b'{"cells": [], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "no task in common"),
    ],
)
def test_what_cannot_be_updated_is_left_alone_with_a_sentence(folders, content, words):
    path = folders / "student" / EXERCISE / f"{EXERCISE}.ipynb"
    path.write_bytes(content)
    with pytest.raises(GradingProblem, match=words):
        update(path, folders / "new" / EXERCISE)
    assert path.read_bytes() == content
    assert not (path.parent / BACKUPS).exists()
