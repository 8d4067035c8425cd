"""The command line: exit codes, and one clear sentence for what a user can mend."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numbers_exercise as numbers
import pytest
import warm

from autograder import cli
from autograder.course import class_commands, own_work
from autograder.data.key import read_key, write_key
from autograder.judging.judge import Verdict
from autograder.judging.report import verdict_json
from autograder.running.quiet import LEVEL, without_notes
from autograder.running.runner import Outcome, grade_notebook
from autograder.setting.exercises import KEY_NAME, PUBLIC_SEED

ROOT = Path(__file__).resolve().parent.parent
TASK_OF_KERAS = """
from keras import ops
from autograder.setting.task import Task, trial

def line(x):
    return ops.convert_to_numpy(2 * ops.array(x))

TASKS = [
    Task("line", "function", 2, lambda rng: [trial(x=rng.normal(size=3))], line, slips=False),
]
"""


def run(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess:
    """The command as a user runs it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return warm.run(["-m", "autograder.cli", *arguments], cwd, environment, 300)


def sentence(done: subprocess.CompletedProcess) -> str:
    """What a failed command said: no traceback, something to do."""
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr + done.stdout
    said = " ".join(done.stderr.split())
    assert said.startswith("autograder: ") or "Error" in said, said
    return said


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = numbers.make_project(tmp_path_factory.mktemp("project"))
    numbers.submit(root / "submitted", "ann", numbers.raw())
    return root


def test_check_says_by_its_exit_code_how_it_went(project: Path):
    folder = project / "exercises" / numbers.EXERCISE
    path = folder / f"{numbers.EXERCISE}.ipynb"
    path.write_bytes(numbers.raw())
    done = run("check", path, cwd=project)
    assert done.returncode == 0, done
    assert "8 of 8 points" in done.stdout
    path.write_bytes(numbers.raw(double="def double(x): return x * x"))
    done = run("check", path, "--json", cwd=project)
    assert done.returncode == 1, done
    row = json.loads(done.stdout)
    assert row["score"] == 6
    assert row["tasks"]["double"]["hint"] == "this is the square, not the double"
    path.write_bytes(b"nonsense")
    done = run("check", path, "--json", cwd=project)
    assert done.returncode == 2
    assert json.loads(done.stdout)["status"] == "invalid"
    path.unlink()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("homework.ipynb", numbers.raw()),
        ("01_numbers (1).ipynb", numbers.raw({**numbers.notebook(), "metadata": {}})),
        ("Copy of ann_01_numbers.ipynb", b"nonsense"),
    ],
)
def test_check_knows_a_notebook_of_another_name(project: Path, monkeypatch, name, content):
    monkeypatch.chdir(project)
    assert cli.exercise_of(project / name, content) == numbers.EXERCISE


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "nowhere.ipynb"], "there is no notebook nowhere.ipynb"),
        (["check", "submitted/ann/01_numbers/01_numbers.ipynb", "--key", "no.json"],
         "there is no key at no.json"),
        (["grade", "submitted", "--exercise", "09_none", "--out", "o"],
         "there is no exercise '09_none' in"),
        (["grade", "nowhere", "--exercise", "01_numbers", "--out", "o"], "is not a folder"),
        (["grade", "exercises", "--exercise", "01_numbers", "--out", "o"],
         "no student in exercises has a folder 01_numbers"),
        (["grade", "submitted", "--exercise", "01_numbers", "--out", "file"], "cannot write file"),
        (["grade", "submitted", "--exercise", "01_numbers", "--out", "o", "--key", "other.json"],
         "the key is for exercise 02_letters, not for 01_numbers"),
        (["grade", "submitted", "--exercise", "01_numbers", "--out", "o", "--key", "broken.json"],
         "is not a key file"),
        (["grade", "submitted", "--exercise", "01_numbers", "--out", "o", "--key", "old.json"],
         "make the key again"),
        (["grade", "submitted", "--exercise", "01_numbers", "--out", "o", "--workers", "0"],
         "Invalid value"),
        (["grade", "submitted", "--exercise", "01_numbers"], "Missing option '--out'"),
        (["explain", "ann", "double"], "give the folder of the results, a student and a task"),
        (["explain", "ann", "double", "--out", "nowhere"], "there are no results in nowhere"),
        (["explain", "ann", "double", "--out", "broken"], "the results in broken cannot be read"),
        (["key", "09_none"], "there is no exercise '09_none'"),
        (["release", "09_none"], "there is no exercise '09_none'"),
        (["nonsense"], "No such command"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else value[:30],
)  # fmt: skip
def test_what_a_user_can_mend_is_one_sentence(
    project: Path, arguments: list[str], words: str, monkeypatch, capfd
):
    """In this process: the sentences do not depend on it, and a hundred starts would take long."""
    (project / "file").write_text("")
    (project / "broken.json").write_text("{")
    (project / "broken").mkdir(exist_ok=True)
    (project / "broken" / "grading.json").write_text("{")
    (project / "old.json").write_text('{"format": -1}')
    key = numbers.numbers_key()
    write_key(key.model_copy(update={"exercise": "02_letters"}), project / "other.json")
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "argv", ["autograder", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = " ".join(capfd.readouterr().err.replace("│", " ").split())
    assert ended.value.code == 2
    assert words in said
    assert "Traceback" not in said


def test_grade_writes_results_and_an_anonymous_page(project: Path):
    numbers.submit(project / "submitted", "bob", numbers.raw(double="x = 1"))
    (project / "submitted" / "nil" / numbers.EXERCISE).mkdir(parents=True)
    out = project / "out"
    command = ("grade", "submitted", "--exercise", numbers.EXERCISE, "--out", str(out),
               "--anonymous")  # fmt: skip
    refused = run(*command, cwd=project, PATH="/nonexistent")
    assert "bubblewrap is not installed" in sentence(refused)
    assert "--unsafe" in sentence(refused)
    done = run(*command, "--unsafe", cwd=project)
    assert done.returncode == 0, done
    assert "Traceback" not in done.stderr
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    assert [(row["student"], row["score"]) for row in rows] == [("ann", 8), ("bob", 6), ("nil", 0)]
    page = (out / "index.html").read_text()
    assert "ann" not in page
    assert "bob" not in page

    explained = run("explain", "bob", "double", "--out", out, cwd=project)
    assert explained.returncode == 0, explained
    assert "no function `double`" in " ".join(explained.stdout.split())
    assert "changed" not in explained.stdout
    first = run("explain", out, "bob", "double", cwd=project)
    assert (first.returncode, first.stdout) == (0, explained.stdout)
    explained = run("explain", "nil", "double", "--out", out, cwd=project)
    assert "The verdict is the one in the results." in explained.stdout, explained
    numbers.submit(project / "submitted", "bob", numbers.raw())
    explained = run("explain", "bob", "double", "--out", out, cwd=project)
    assert "The notebook has changed" in " ".join(explained.stdout.split())
    assert "no student `eve`" in sentence(
        run("explain", "eve", "double", "--out", out, cwd=project)
    )
    assert "no task `triple`" in sentence(
        run("explain", "bob", "triple", "--out", out, cwd=project)
    )


def test_grading_with_the_key_that_students_have_is_said(project: Path):
    command = ("grade", "submitted", "--exercise", numbers.EXERCISE, "--unsafe")
    private = run(*command, "--out", str(project / "one"), cwd=project)
    assert "public key" not in private.stderr
    write_key(numbers.numbers_key(PUBLIC_SEED), project / "exercises" / numbers.EXERCISE / KEY_NAME)
    public = run(*command, "--out", str(project / "two"), cwd=project)
    assert "Graded with the public key" in " ".join(public.stderr.split())
    assert public.returncode == 0


def test_a_course_is_told_how_it_gets_private_keys(tmp_path: Path, monkeypatch, capsys):
    """Not by `autograder key`, which is for a folder with solutions."""
    for name in ("exercises", "keys"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    class_commands.said_of_public_key("04_residual")
    said = "".join(capsys.readouterr().err.split())
    assert f"`autogradercoursenew{tmp_path}`inthebook'sfolder" in said
    assert "autograderkey" not in said


def test_many_who_ran_out_of_time_may_have_had_too_little_of_it():
    def rows(timeouts: int, others: int) -> list[dict]:
        return [{"status": "timeout"}] * timeouts + [{"status": "graded"}] * others

    said = class_commands.many_timeouts(rows(4, 26), 20)
    assert "4 of 30 were ended by the time limit" in said
    assert "20 s are too few on this machine" in said
    assert not class_commands.many_timeouts(rows(2, 3), 20)
    assert not class_commands.many_timeouts(rows(3, 27), 20)


def test_the_grader_starts_without_tensorflow_and_what_it_does_not_need():
    code = (
        "import sys, autograder.cli; "
        "print(sorted({'tensorflow', 'keras', 'matplotlib', 'IPython', 'nbgrader', 'jinja2'} "
        "& set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_tensorflows_notes_are_left_out_and_other_words_are_not(capfd):
    notes = (
        b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
        b"I0000 00:00:1796056203.203336   26900 port.cc:153] oneDNN custom operations are on.\n"
    )

    def failing_import() -> None:
        with without_notes():
            os.write(2, notes + b"E0000 00:00:1 7 a.cc:1] it cannot be read\n" + notes)
            raise ImportError

    with pytest.raises(ImportError):
        failing_import()
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "E0000 00:00:1 7 a.cc:1] it cannot be read\nafterwards\n"


@pytest.mark.parametrize(("said", "level", "quiet"), [(None, "3", True), ("0", "0", False)])
def test_every_command_keeps_tensorflow_quiet_unless_it_is_asked(monkeypatch, said, level, quiet):
    monkeypatch.delenv(LEVEL, raising=False)
    if said is not None:
        monkeypatch.setenv(LEVEL, said)
    monkeypatch.setattr(sys, "meta_path", before := list(sys.meta_path))
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    count, seen = len(before), []
    monkeypatch.setattr(cli, "app", lambda: seen.append((os.environ[LEVEL], len(sys.meta_path))))
    cli.main()
    assert seen == [(level, count + quiet)]


def test_a_command_that_imports_keras_prints_nothing_of_it(tmp_path: Path):
    folder = tmp_path / "solutions" / "01_lines"
    folder.mkdir(parents=True)
    (folder / "tasks.py").write_text(TASK_OF_KERAS)
    environment = {n: v for n, v in os.environ.items() if n != LEVEL}
    done = subprocess.run(
        [sys.executable, "-m", "autograder", "key", "01_lines"], cwd=tmp_path, text=True,
        env={**environment, "PYTHONPATH": str(ROOT)}, capture_output=True, check=True,
    )  # fmt: skip
    assert done.stderr.splitlines() == ["observing line"]


# One's own work


@pytest.fixture
def own(project: Path, tmp_path: Path, monkeypatch, capfd):
    """A book with one exercise whose answers are still to be written, and the command in it."""
    shutil.copytree(project / "exercises", tmp_path / "exercises")
    path = tmp_path / "exercises" / numbers.EXERCISE / f"{numbers.EXERCISE}.ipynb"
    stubs = {
        name: source.partition("\n")[0] + '\n    """What."""\n    # YOUR CODE HERE\n'
        "    raise NotImplementedError()\n"
        for name, source in numbers.RIGHT.items()
    }
    path.write_bytes(numbers.raw(**stubs))
    monkeypatch.chdir(tmp_path)

    def run_here(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["autograder", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        told = capfd.readouterr()
        return code, " ".join((told.out + told.err).split())

    return path, run_here


def nothing_runs(*arguments: object) -> None:
    raise AssertionError("a notebook was run")


def test_ctrl_c_is_one_sentence_and_exit_code_130(own, monkeypatch):
    def stopped(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "row_of", stopped)
    code, said = own[1]("check", "01")
    assert (code, said) == (130, "autograder: interrupted; what is written is kept")


@pytest.mark.parametrize(
    "words", ["01_numbers", "01", "exercises/01_numbers", "exercises/01_numbers/"]
)
def test_check_takes_a_name_or_a_folder_and_says_what_is_not_saved(own, words, monkeypatch):
    monkeypatch.setattr(own_work, "grade_notebook", nothing_runs)
    code, said = own[1]("check", words)
    assert code == 1
    assert "`double` is not answered yet" in said
    assert "saved" in said
    assert "just now" in said
    assert "save the notebook first" in said


def test_what_is_not_answered_is_told_as_grading_tells_it(own, workshop):
    path, _ = own
    key_path = path.parent / KEY_NAME
    row = own_work.row_of(path, key_path, 60, None)
    graded = grade_notebook(path.read_bytes(), read_key(key_path), 60, workshop)
    assert row["tasks"] == {v.task: verdict_json(v) for v in graded.verdicts}
    assert (row["status"], row["score"]) == (graded.status, graded.score)


@pytest.mark.parametrize(
    "source",
    [
        "def double(x):\n    return 2 * x\n",
        "def double(x):\n    x = 2\n    raise NotImplementedError()\n",
        "@staticmethod\ndef double(x):\n    raise NotImplementedError()\n",
        "def double(x):\n    raise NotImplementedError()\n\ndouble = abs\n",
        "def double(x, y=print()):\n    raise NotImplementedError()\n",
        "def double(x) raise",
        "exec('double = abs')\ndef double(x):\n    raise NotImplementedError()\n",
    ],
)
def test_only_a_stub_that_nothing_else_defines_is_taken_for_unanswered(source):
    assert own_work.is_untouched(
        numbers.raw(double="def double(x):\n    raise NotImplementedError()\n"), "double"
    )
    assert not own_work.is_untouched(numbers.raw(double=source), "double")


def test_what_did_not_change_is_not_checked_again(own, monkeypatch):
    path, run_here = own
    path.write_bytes(numbers.raw())
    calls = []

    def right(raw, key, timeout):
        calls.append(raw)
        verdicts = [
            Verdict(task=name, verdict="correct", points=task.max_points,
                    max_points=task.max_points) for name, task in key.tasks.items()
        ]  # fmt: skip
        return Outcome("graded", verdicts)

    monkeypatch.setattr(own_work, "grade_notebook", right)
    first = run_here("check", "01_numbers")
    assert first == run_here("check", "01_numbers")
    assert first[0] == 0
    _, said = run_here("progress")
    assert "8/8" in said
    assert len(calls) == 1
    path.write_bytes(numbers.raw(double="def double(x):\n    return 3 * x\n"))
    run_here("progress")
    assert len(calls) == 2
    (path.parents[2] / own_work.KEPT).write_text("nonsense")
    assert run_here("check", "01_numbers")[0] == 0
    assert len(calls) == 3


def test_a_name_that_fits_two_exercises_is_asked_for(own):
    path, run_here = own
    other = path.parents[1] / "01_nets" / "01_nets.ipynb"
    other.parent.mkdir()
    other.write_bytes(numbers.raw())
    code, said = run_here("check", "01")
    assert code == 2
    assert "01 can be 01_nets.ipynb, 01_numbers.ipynb" in said
