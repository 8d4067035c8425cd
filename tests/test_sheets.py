"""Sheets of questions: values that no key shows, nets with a fault, answers in words."""

import json
from functools import partial
from pathlib import Path

import nbformat
import numpy as np
import pytest
from typer.testing import CliRunner

from autograder.cli import app
from autograder.course.own_work import row_of
from autograder.data.key import Key, KeyProblem, read_key, write_key
from autograder.data.observation import Array, CaseObservation, Observation
from autograder.data.sealing import observed_value, require_answers, without_answers
from autograder.judging.judge import judge
from autograder.probing.probe import probe
from autograder.setting.exercises import exercise_names
from autograder.setting.keymaking import make_key
from autograder.setting.questions import STILL, Choice, Number, sheet_of
from autograder.setting.task import TaskError, load_tasks

ROOT = Path(__file__).resolve().parent.parent / "questions"
NAMES = exercise_names(ROOT)
ASKED: list[Number | Choice] = [
    Number("height", "How high?", lambda: 17.25, within=0.5, wrong=[("Twice that.", lambda: 34.5)]),
    Choice("kind", "Which?", [("one", 1), ("two", 2), ("three", 3)], lambda: 1 + 1),
]


@pytest.fixture(scope="module")
def key() -> Key:
    return make_key("77_questions", [question.task() for question in ASKED], 5)


def verdict(key: Key, name: str, given):
    return judge(key.tasks[name], observed_value(given, name))


def test_a_number_near_enough_is_right_and_one_twice_as_far_is_not(key):
    for given in (17.25, 16.8, 17.7, np.float32(17), np.array([17.0])):
        assert verdict(key, "height", given).verdict == "correct", given
    for given in (16.2, 18.3, -17.25, 0, 1e300):
        assert (verdict(key, "height", given).points, given) == (0, given)
    assert verdict(key, "height", 34.5).hint == "Twice that."


def test_a_letter_is_right_or_not_whatever_its_case(key):
    assert verdict(key, "kind", "b").verdict == "correct"
    assert verdict(key, "kind", " B ").verdict == "correct"
    assert [verdict(key, "kind", letter).verdict for letter in ("a", "c", "bb")] == ["wrong"] * 3


@pytest.mark.parametrize(
    ("given", "verdict_", "words"),
    [
        (None, "missing", "not answered"),
        (..., "missing", "not answered"),
        ("", "missing", "not answered"),
        ([1, 2], "error", "yours is a list"),
        (True, "error", "yours is a bool"),
        (float("nan"), "error", "yours is not finite"),
        ("a" * 100, "error", "a longer text"),
        (print, "error", "yours is a builtin"),
    ],
)
def test_what_is_no_value_gets_a_sentence(key, given, verdict_, words):
    found = verdict(key, "height", given)
    assert found.verdict == verdict_
    assert words in found.hint


@pytest.mark.parametrize(
    "arrays",
    [
        [np.array(np.inf)],
        [np.array(np.nan)],
        [np.array([1.0, 2.0])],
        [np.array([0xD800, 2**40])],
        [np.array(True)],
        [np.array(17.0), np.array(17.0)],
        [],
    ],
)
def test_what_a_forged_process_sends_earns_nothing_and_breaks_nothing(key, arrays):
    case = CaseObservation(outputs={"value": tuple(map(Array.of, arrays))})
    seen = Observation(name="height", status="observed", cases=(case,))
    assert judge(key.tasks["height"], seen).points == 0


def test_no_answer_can_be_read_in_a_key_and_a_courses_key_cannot_even_judge(key, tmp_path):
    text = key.model_dump_json()
    assert "17.25" not in text
    assert '"b"' not in text.replace('"choices":["a","b","c"]', "")
    bare = without_answers(key)
    found = verdict(bare, "height", 17.25)
    assert (found.points, found.verdict) == (0, "missing")
    assert "said when it is graded" in found.hint
    assert not any(task.value.mistakes for task in bare.tasks.values() if task.value)
    with pytest.raises(KeyProblem, match=r"no answers to height, kind: .* grade with the private"):
        require_answers(bare)
    require_answers(key)


def test_a_question_without_one_right_option_is_refused():
    for truth in (9, 1):
        asked = Choice("x", "?", [("one", 1), ("uno", 1.0), ("two", 2)], partial(int, truth))
        with pytest.raises(TaskError, match="of the options say"):
            asked.letter()


# The book's sheets


def test_every_exercise_of_the_book_has_a_sheet_of_questions():
    assert [name.removesuffix("_questions") for name in NAMES] == exercise_names(ROOT.parent)


@pytest.mark.parametrize("name", NAMES)
def test_a_sheets_notebook_is_what_its_tasks_say(name):
    folder = ROOT / "solutions" / name
    sheet = sheet_of(folder)
    assert sheet is not None
    text = (folder / f"{name}.ipynb").read_text("utf-8")
    assert json.loads(text) == sheet.notebook(), f"autograder sheet {name}"
    nbformat.validate(nbformat.reads(text, as_version=4))


@pytest.mark.parametrize("name", NAMES)
def test_what_students_get_asks_the_same_and_holds_no_answer(name):
    sheet = sheet_of(ROOT / "solutions" / name)
    assert sheet is not None
    given = ROOT / "exercises" / name
    assert sorted(path.name for path in given.iterdir()) == [f"{name}.ipynb", "key.json"]
    released = nbformat.read(given / f"{name}.ipynb", as_version=4).cells
    source = nbformat.reads(json.dumps(sheet.notebook()), as_version=4).cells
    kept = [cell for cell in source if not cell.id.startswith(sheet.written.name.replace("_", "-"))]
    texts = [cell.source for cell in released]
    assert all(cell.source in texts for cell in kept)
    assert not any(words in text for _, words in sheet.written.rubric for text in texts)
    assert (given / "key.json").read_bytes() == (
        ROOT / "solutions" / name / "key.json"
    ).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_computed_answers_are_right_by_the_public_key_and_the_fault_is_found(name):
    key = read_key(ROOT / "exercises" / name / "key.json")
    tasks = load_tasks(ROOT / "solutions" / name / "tasks.py")
    assert [task.name for task in tasks] == list(key.tasks)
    for task in tasks:
        asked = key.tasks[task.name]
        if task.kind == "value":
            seen = observed_value(task.answer(), task.name)
            wrong = [(m, observed_value(m.function(), task.name)) for m in task.mistakes]
        else:
            seen = probe(task.answer, asked.question)
            wrong = [(m, probe(m.function, asked.question)) for m in task.mistakes]
        assert judge(asked, seen).verdict == "correct", task.name
        for mistake, observation in wrong:
            found = judge(asked, observation)
            assert (found.verdict, found.hint) == ("wrong", mistake.hint)
            assert found.points == 0, "what was given out earns nothing as it is"
    assert any(mistake.hint == STILL for task in tasks for mistake in task.mistakes)


def test_a_filled_in_sheet_is_graded_as_any_notebook(key, tmp_path):
    write_key(key, tmp_path / "key.json")
    cells = ["height = 17", "check(height=height)", "kind = 'a'", "check(kind=kind)"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["autograder"] = {"exercise": "77_questions"}
    path = tmp_path / "77_questions.ipynb"
    nbformat.write(notebook, path)
    row = row_of(path, tmp_path / "key.json", 60, None)
    assert {name: task["points"] for name, task in row["tasks"].items()} == {"height": 1, "kind": 0}


def test_in_a_notebook_a_value_is_checked_by_its_name(key, tmp_path, monkeypatch):
    from autograder.notebook_check import CheckProblem, check

    write_key(key, tmp_path / "key.json")
    monkeypatch.chdir(tmp_path)
    assert float(check(height=17)) == 1
    assert float(check(kind="c")) == 0
    with pytest.raises(CheckProblem, match="no task `width`"):
        check(width=17)
    with pytest.raises(CheckProblem, match=r"one answer at a time: .* given were height, kind"):
        check(height=17, kind="c")
    with pytest.raises(CheckProblem, match=r"checked by its name, check\(height=height\)"):
        exec("height = 17; check(height)", {"check": check})


def test_the_same_value_checked_again_is_no_further_try(key, tmp_path, monkeypatch):
    from autograder.desk import helping
    from autograder.notebook_check import check

    write_key(key, tmp_path / "key.json")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(helping, "_tries", {})
    for value in (3, 3, 4):
        check(height=value)
    assert len(helping.tries_of("77_questions", "height").failed) == 2


def test_a_value_whose_cell_has_failed_since_is_not_checked(key, tmp_path, monkeypatch):
    from autograder.desk import kernel
    from autograder.notebook_check import check

    write_key(key, tmp_path / "key.json")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(kernel, "failed_since", lambda name: f"the cell with `{name}` raises")
    shown = check(height=17)
    assert float(shown) == 0
    assert shown.verdict.hint == "the cell with `height` raises"


def test_no_zip_for_gradescope_is_made_of_a_key_without_answers(key, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_key(without_answers(key), tmp_path / "key.json")
    command = ["gradescope", "77_questions", "--key", "key.json", "--out", "up.zip"]
    assert "no answers to height, kind" in str(CliRunner().invoke(app, command).exception)
    assert not (tmp_path / "up.zip").exists()


def test_a_courses_own_key_calls_no_value_wrong_on_the_command_line(key, tmp_path):
    write_key(without_answers(key), tmp_path / "key.json")
    cells = ["height = 17", "check(height=height)", "kind = 'a'", "check(kind=kind)"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["autograder"] = {"exercise": "77_questions"}
    nbformat.write(notebook, tmp_path / "77_questions.ipynb")
    row = row_of(tmp_path / "77_questions.ipynb", tmp_path / "key.json", 60, None)
    assert {task["verdict"] for task in row["tasks"].values()} == {"missing"}


def test_a_sheet_can_be_linted_and_mutated(root, monkeypatch):
    monkeypatch.chdir(root / "questions")
    for command in ("lint", "mutate"):
        done = CliRunner().invoke(app, [command, "01_convolution_questions"])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert done.exit_code in (0, 1), done.output
