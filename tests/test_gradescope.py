"""What Gradescope runs and reads: the zip, and the results.json of each submission."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numbers_exercise as numbers
import pytest
from pydantic import ValidationError
from test_docs import imported
from typer.testing import CliRunner

from autograder.cli import app
from autograder.course.gradescope import GradescopeResults, make_zip
from autograder.data.key import write_key
from autograder.running.doctor import findings

# Every field that Gradescope's page on the format documents, with values of its kinds.
DOCUMENTED = """
{"score": 12.5, "execution_time": 9, "output": "all of it", "output_format": "simple_format",
 "test_output_format": "text", "test_name_format": "text", "visibility": "after_due_date",
 "stdout_visibility": "visible", "extra_data": {},
 "tests": [{"score": 2.0, "max_score": 2.0, "status": "passed", "name": "first",
   "name_format": "text", "number": "1.1", "output": "lines", "output_format": "text",
   "tags": ["a", "b"], "visibility": "visible", "extra_data": {}}],
 "leaderboard": [{"name": "Accuracy", "value": 0.9}, {"name": "Time", "value": 1.5, "order": "asc"},
   {"name": "Stars", "value": "***"}]}
"""
LOCKED = pytest.mark.skipif(
    any(one.needed and not one.there for one in findings()),
    reason="this machine does not give the whole lock",
)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A container's /autograder after it was built: the zip in `source`, its script beside."""
    root = tmp_path_factory.mktemp("autograder")
    make_zip(root / "made.zip", numbers.numbers_key(seed=5), 20)
    with zipfile.ZipFile(root / "made.zip") as pack:
        pack.extractall(root / "source")
    (root / "run_autograder").write_bytes((root / "source" / "run_autograder").read_bytes())
    return root


def graded(root: Path, **files: bytes) -> GradescopeResults:
    """What `run_autograder` makes of a submission's files."""
    for folder in ("submission", "results"):
        (root / folder).mkdir(exist_ok=True)
        for left in (root / folder).iterdir():
            left.unlink()
    for name, content in files.items():
        (root / "submission" / name.replace("__", ".")).write_bytes(content)
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    where = {"AUTOGRADER_ROOT": str(root), "AUTOGRADER_PYTHON": sys.executable}
    done = subprocess.run(
        ["bash", str(root / "run_autograder")], env={**kept, **where}, cwd=root,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return GradescopeResults.model_validate_json((root / "results" / "results.json").read_text())


def test_the_documented_fields_are_known_and_no_others():
    results = GradescopeResults.model_validate_json(DOCUMENTED)
    assert json.loads(results.model_dump_json(exclude_none=True)) == json.loads(DOCUMENTED)
    for wrong in ('"visibility": "maybe"', '"points": 3', '"score": "many"'):
        with pytest.raises(ValidationError):
            GradescopeResults.model_validate_json(f"{{{wrong}}}")


def test_the_zip_holds_what_gradescope_asks_for_and_no_answers(unpacked: Path):
    with zipfile.ZipFile(unpacked / "made.zip") as pack:
        names = set(pack.namelist())
        scripts = {i.filename for i in pack.infolist() if i.external_attr >> 16 & 0o111}
    assert {"setup.sh", "run_autograder", "key.json", "requirements.txt"} <= names
    assert scripts == {"setup.sh", "run_autograder"}
    assert "autograder/templates/class.html" in names
    roots = {name.split("/")[0] for name in names if "/" in name}
    assert roots == {"autograder"}, "no solutions, no convbook"
    for script in scripts:
        text = (unpacked / "source" / script).read_bytes()
        assert text.startswith(b"#!")
        assert b"\r" not in text
        subprocess.run(["bash", "-n", str(unpacked / "source" / script)], check=True)
    pinned = (unpacked / "source" / "requirements.txt").read_text().split()
    assert all(line.count("==") == 1 for line in pinned)
    assert {"keras", "numpy", "pydantic", "tensorflow-cpu", "h5py"} <= {
        line.partition("==")[0] for line in pinned
    }


def test_whatever_grading_imports_is_installed_by_the_zip(unpacked: Path):
    package = unpacked / "source" / "autograder"
    files = [f for room in ("data", "probing", "judging", "running") for f in
             (package / room).glob("*.py")]  # fmt: skip
    names = set().union(*map(imported, [*files, package / "course" / "gradescope.py"]))
    names -= {*sys.stdlib_module_names, "autograder", "jax", "torch"}  # other backends
    assert {"numpy", "keras", "IPython", "matplotlib"} <= names, "the test reads the imports"
    pinned = (unpacked / "source" / "requirements.txt").read_text()
    of = importlib.metadata.packages_distributions()
    for name in names:
        assert any(f"{canonical(one)}==" in pinned for one in of[name]), name


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_same_key_makes_the_same_zip(unpacked: Path, tmp_path: Path):
    make_zip(tmp_path / "again.zip", numbers.numbers_key(seed=5), 20)
    assert (tmp_path / "again.zip").read_bytes() == (unpacked / "made.zip").read_bytes()


@LOCKED
def test_a_submission_gets_its_points_and_cannot_reach_key_or_results(unpacked: Path):
    forging = f"""
import pathlib
def double(x):
    places = [pathlib.Path({str(unpacked)!r}) / n for n in ('source/key.json', 'results')]
    raise ValueError(f'sees {{sum(place.exists() for place in places)}} of them')
"""
    results = graded(unpacked, other__ipynb=numbers.raw(double=forging))
    assert results.score == 6
    assert [(t.name, t.score, t.max_score, t.status) for t in results.tests] == [
        ("double", 0, 2, "failed"), ("halves", 4, 4, "passed"), ("ends", 2, 2, "passed"),
    ]  # fmt: skip
    assert "sees 0 of them" in str(results.tests[0].output)
    assert results.output == f"graded other.ipynb, not {numbers.EXERCISE}.ipynb"
    assert results.stdout_visibility == "hidden"


def test_nothing_or_too_much_handed_in_is_a_sentence_for_the_student(unpacked: Path):
    results = graded(unpacked, notes__txt=b"x")
    assert results.score == 0
    assert results.output == "hand in one notebook, 01_numbers.ipynb; there are none"
    results = graded(unpacked, a__ipynb=b"x", b__ipynb=b"x")
    assert results.output == "hand in one notebook, 01_numbers.ipynb; there are a.ipynb, b.ipynb"
    assert [test.score for test in results.tests] == [0, 0, 0]
    assert {test.output for test in results.tests} == {results.output}


def test_a_task_is_called_right_only_where_it_is(unpacked: Path):
    results = graded(unpacked, a__ipynb=b"{")
    assert "the file is not a notebook" in str(results.output)
    assert {test.output for test in results.tests} == {results.output}


def test_a_key_that_lies_beside_the_notebook_is_no_second_notebook(unpacked: Path):
    results = graded(unpacked, mine__ipynb=numbers.raw(), mine__ipynb__json=b"{}")
    assert results.score == numbers.FULL


def test_what_nobody_foresaw_gives_results_too(tmp_path: Path, monkeypatch):
    from autograder.course import gradescope

    def fail(root: Path) -> None:
        raise ZeroDivisionError("unforeseen")

    monkeypatch.setattr(gradescope, "graded", fail)
    assert gradescope.main(tmp_path) == 0
    found = GradescopeResults.model_validate_json((tmp_path / "results/results.json").read_text())
    assert (found.score, found.output) == (0, gradescope.LAST_SENTENCE)


def test_a_broken_key_gives_no_points_and_no_traceback(unpacked: Path):
    key = unpacked / "source" / "key.json"
    whole = key.read_bytes()
    key.write_bytes(whole[:50])
    try:
        results = graded(unpacked, a__ipynb=numbers.raw())
    finally:
        key.write_bytes(whole)
    assert results.score == 0
    assert results.output == "This submission could not be graded: tell your instructor."


def test_the_command_writes_the_zip_and_refuses_in_a_sentence(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(numbers.make_project(tmp_path))
    write_key(numbers.numbers_key(seed=5), tmp_path / "private.json")
    command = ["gradescope", numbers.EXERCISE, "--out", "up.zip", "--key", "private.json"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "3 tasks, 8 points" in done.output
    assert zipfile.is_zipfile(tmp_path / "up.zip")
    for wrong, words in (
        ([*command, "--visibility", "soon"], "--visibility soon is not one of hidden"),
        (["gradescope", "02_other", "--key", "private.json"], "the key is for exercise 01_numbers"),
    ):
        assert words in str(CliRunner().invoke(app, wrong).exception)
