"""What students get: made from the solutions alone, up to date, and free of answers."""

import json
import os
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
import warm

from autograder.data.arguments import encode
from autograder.data.key import read_key
from autograder.data.notebook import answers_in
from autograder.setting import exercises
from autograder.setting.exercises import exercise_names, release
from autograder.setting.keymaking import trials_of
from autograder.setting.lint import lint_release
from autograder.setting.task import load_tasks

ROOT = Path(__file__).resolve().parent.parent


def autograder(*arguments, cwd):
    # Outside the book's folder too it is this copy of the package that is asked.
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return warm.run(["-m", "autograder", *arguments], cwd, environment, 300)


@pytest.fixture
def warm_nbgrader(monkeypatch):
    """A release starts nbgrader's command in the warm process."""

    def run(command, cwd, **options):
        assert command[0] == sys.executable
        return warm.run(command[1:], cwd)

    monkeypatch.setattr(exercises, "subprocess", SimpleNamespace(run=run))


def test_every_released_file_is_what_its_solution_gives(root, tmp_path, warm_nbgrader):
    for name in exercise_names(root):
        made = {path.name: path.read_bytes() for path in release(root, name, tmp_path)}
        kept = {
            p.name: p.read_bytes() for p in (root / "exercises" / name).iterdir() if p.is_file()
        }
        assert kept.keys() == made.keys(), f"`autograder release {name}` gives other files"
        for file, content in made.items():
            assert kept[file] == content, f"{name}/{file}: run `autograder release {name}`"


def test_no_released_file_holds_an_answer(root):
    for name in exercise_names(root):
        assert list(lint_release(root / "exercises" / name, root / "solutions" / name)) == []


def test_a_leak_is_found(root, tmp_path):
    name = exercise_names(root)[-1]
    shutil.copytree(root / "exercises" / name, tmp_path / name)
    shutil.copy(root / "solutions" / name / f"{name}.ipynb", tmp_path / name / f"{name}.ipynb")
    assert list(lint_release(tmp_path / name, root / "solutions" / name))


def test_every_exercise_says_what_is_not_there_while_it_is_graded(root):
    for path in root.glob("exercises/*/*.ipynb"):
        title = nbformat.read(path, as_version=4).cells[0].source
        assert "**When it is graded** this notebook alone is read" in title, path.name
        assert "`keras.applications` and `convbook` are not there" in title, path.name


def test_released_notebooks_hold_every_task_with_its_check(root):
    for name in exercise_names(root):
        notebook = nbformat.read(root / "exercises" / name / f"{name}.ipynb", as_version=4)
        tests = {
            cell.source.strip(): cell.metadata.nbgrader
            for cell in notebook.cells
            if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code"
        }
        for task in load_tasks(root / "solutions" / name / "tasks.py"):
            matching = [m for source, m in tests.items() if f"check({task.name})" in source]
            assert len(matching) == 1, f"{name}: one test cell for {task.name}"
            assert matching[0].points == task.points


def test_public_keys_are_of_the_tasks_as_they_stand(root):
    for name in exercise_names(root):
        key = read_key(root / "exercises" / name / "key.json")
        tasks = load_tasks(root / "solutions" / name / "tasks.py")
        assert list(key.tasks) == [task.name for task in tasks]
        assert [key.tasks[t.name].max_points for t in tasks] == [t.points for t in tasks]
        for task in tasks:
            asked = [case.arguments for case in key.tasks[task.name].question.cases]
            trials = trials_of(task, key.seed)
            drawn = [{n: encode(v) for n, v in trial.arguments.items()} for trial in trials]
            assert asked == drawn, f"{task.name} tries other calls than its key: make it again"


def test_a_key_holds_no_code(root):
    code = re.compile(r"\bdef \w+\(|\blambda \w+:|\bimport (keras|numpy)|layers\.[A-Z]|__\w+__")
    for path in (root / "exercises").glob("*/key.json"):
        found = code.search(path.read_text())
        assert not found, f"{path} holds {found.group()!r}"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["key", "99_nothing"], "there is no exercise '99_nothing'"),
        (["key", "04_residual", "--seed", "5"], "say where with --out"),
        (["release", "99_nothing"], "there is no exercise"),
        (["check", "nothing.ipynb"], "there is no notebook nothing.ipynb"),
        (["grade", "nowhere", "--exercise", "04_residual", "--out", "out"], "nowhere"),
        (["lint", "99_nothing"], "there is no exercise"),
        (
            ["mutate", "01_convolution", "conv3d"],
            "01_convolution has no task conv3d; it has output",
        ),
    ],
)
def test_a_mistake_of_the_user_is_one_sentence_and_exit_code_2(root, arguments, words):
    done = autograder(*arguments, cwd=root)
    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_command_outside_the_book_says_where_to_run_it(tmp_path):
    done = autograder("progress", cwd=tmp_path)
    assert done.returncode == 2
    assert "run this in the book's folder" in " ".join(done.stderr.split())


def test_a_private_key_is_not_written_over(root, tmp_path):
    (tmp_path / "key.json").write_text("mine")
    done = autograder("key", "01_convolution", "--seed", "5", "--out", str(tmp_path / "key.json"),
                      cwd=root)  # fmt: skip
    assert done.returncode == 2
    assert (tmp_path / "key.json").read_text() == "mine"


def test_progress_says_what_is_still_to_do(root, tmp_path):
    name = "01_convolution"
    shutil.copytree(root / "exercises" / name, tmp_path / "exercises" / name)
    done = autograder("progress", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)[name]
    assert row["score"] == 0
    assert {entry["verdict"] for entry in row["tasks"].values()} == {"missing"}


def test_a_release_for_self_study_has_the_answers_and_any_other_has_not(root, tmp_path):
    name = exercise_names(root)[0]
    refused = autograder("release", name, "--self-study", cwd=root)
    assert refused.returncode == 2
    assert "say with --out where" in " ".join(refused.stderr.split())
    made = release(root, name, tmp_path, self_study=True)
    assert {path.name for path in made} == {f"{name}.ipynb", "key.json", "answers.json"}
    answers = json.loads((tmp_path / name / "answers.json").read_text("utf-8"))["answers"]
    tasks = load_tasks(root / "solutions" / name / "tasks.py")
    assert list(answers) == [task.name for task in tasks]
    for task, text in answers.items():
        assert f"def {task}(" in text
        assert "SOLUTION" not in text
        compile(text, task, "exec")
    assert any("answers.json holds answers" in s for s in lint_release(
        tmp_path / name, root / "solutions" / name))  # fmt: skip
    assert not list((root / "exercises").glob("*/answers.json"))


def test_every_exercise_has_a_model_answer_to_show(root):
    for name in exercise_names(root):
        source = root / "solutions" / name / f"{name}.ipynb"
        tasks = [task.name for task in load_tasks(root / "solutions" / name / "tasks.py")]
        assert list(answers_in(source.read_bytes())) == tasks, name
