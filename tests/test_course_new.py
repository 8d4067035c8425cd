"""`autograder course new`: a folder from which a course is given, without a solution in it."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from traitlets.config.loader import PyFileConfigLoader
from typer.testing import CliRunner

from autograder.cli import app
from autograder.course import founding
from autograder.course.founding import new_course, varied
from autograder.course.gradebook import open_gradebook
from autograder.data.key import read_key
from autograder.setting import keymaking
from autograder.setting.exercises import ExerciseProblem
from autograder.setting.lint import lint_release
from autograder.setting.task import TaskError
from autograder.setting.variants import variants_of

EXERCISE = "13_single_shot"
SEED = 1


@pytest.fixture(scope="module")
def made(tmp_path_factory, root):
    """A course of one exercise, varied, and its model answers elsewhere."""
    place = tmp_path_factory.mktemp("course")
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("autograder.setting.keymaking.slips_of", lambda task, trials: [])
        course = new_course(
            root, place / "algae", [EXERCISE], variant=SEED, key_seed=77, private_keys=False,
            solutions=place / "mine", progress=said.append,
        )  # fmt: skip
    return course, place / "mine", said


def text_of(path: Path) -> str:
    return "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)


def test_a_course_has_exercises_settings_and_a_readme_and_no_solution(made):
    course, mine, _ = made
    files = {p.relative_to(course.folder).as_posix() for p in course.folder.rglob("*")}
    assert {f"exercises/{EXERCISE}/{EXERCISE}.ipynb", "README.md", "nbgrader_config.py"} <= files
    assert not any("solutions" in f or "bank" in f or "tasks.py" in f for f in files)
    assert not list(lint_release(course.folder, mine / EXERCISE))
    assert "keys/" in (course.folder / ".gitignore").read_text().splitlines()
    commands = (course.folder / "README.md").read_text()
    assert all(f"\n{number}. `" in commands for number in range(1, 11))


def test_what_is_private_is_readable_to_its_owner_alone(made):
    course, _, _ = made
    assert stat.S_IMODE(course.record.parent.stat().st_mode) == 0o700
    assert json.loads(course.record.read_text())["key_seed"] == 77


def test_only_the_tasks_that_change_are_observed_anew(made, root):
    course, _, said = made
    key = read_key(course.folder / "exercises" / EXERCISE / "key.json")
    public = read_key(root / "exercises" / EXERCISE / "key.json")
    assert [line for line in said if "observing" in line] == [
        f"{EXERCISE}: observing hard_negatives"
    ]
    assert {n for n in key.tasks if key.tasks[n] != public.tasks[n]} == {"hard_negatives"}
    assert key.max_score == public.max_score


def test_the_students_text_names_the_variants_constant_and_leads_nowhere_else(made, root):
    course, mine, _ = made
    declared = variants_of(root / "solutions" / EXERCISE)
    assert declared is not None
    ratio = declared.chosen(EXERCISE, SEED)["ratio"]
    notebook = course.folder / "exercises" / EXERCISE / f"{EXERCISE}.ipynb"
    nbformat.validate(nbformat.read(notebook, as_version=4))
    assert f"hard_negatives(loss, positive, ratio={ratio})" in text_of(notebook)
    assert "](../../" not in text_of(notebook)
    assert f"ratio={ratio})" in text_of(mine / EXERCISE / f"{EXERCISE}.ipynb")


def test_nbgrader_works_in_a_course_from_what_students_get(made):
    """Its answer cells keep their heads, and the gradebook knows every check."""
    course, _, _ = made
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", EXERCISE]
    done = subprocess.run(command, cwd=course.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-500:]
    given = course.folder / "exercises" / EXERCISE / f"{EXERCISE}.ipynb"
    released = course.folder / "release" / EXERCISE
    assert text_of(released / f"{EXERCISE}.ipynb") == text_of(given)
    assert (released / "key.json").is_file()
    with open_gradebook(f"sqlite:///{course.folder}/gradebook.db") as gradebook:
        noted = gradebook.find_assignment(EXERCISE)
        key = read_key(given.parent / "key.json")
        assert noted.max_code_score == key.max_score


def test_the_courses_settings_lock_students_code_in_as_the_books_do(made, root):
    course, _, _ = made
    own, book = (
        PyFileConfigLoader("nbgrader_config.py", str(folder)).load_config()
        for folder in (course.folder, root)
    )
    assert own.Autograde == book.Autograde
    assert own.OverwriteCells == book.OverwriteCells
    assert own.GenerateFeedback == book.GenerateFeedback
    assert "WithoutRubrics" in str(own.GenerateFeedback.preprocessors[0])
    assert own.ZipCollectApp == book.ZipCollectApp


def test_the_same_command_goes_on_and_another_variant_is_refused(made, root, tmp_path):
    course, _, _ = made
    key = course.folder / "exercises" / EXERCISE / "key.json"
    before = key.stat().st_mtime_ns
    again = new_course(root, course.folder, [EXERCISE], variant=SEED, private_keys=False)
    assert again.key_seed == 77
    assert key.stat().st_mtime_ns == before
    with pytest.raises(ExerciseProblem, match="is a course already, with variant 1"):
        new_course(root, course.folder, [EXERCISE], variant=2)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ExerciseProblem, match="is there already and is no course"):
        new_course(root, tmp_path, [EXERCISE])
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_sheets_of_a_course_are_those_on_its_exercises(tmp_path, root, monkeypatch):
    asked = []

    def new_course(book, folder, names, *others, **more):
        asked.extend(names)
        return founding.Course(folder, tuple(names), None, 5)

    monkeypatch.setattr(founding, "new_course", new_course)
    monkeypatch.chdir(root)
    command = ["course", "new", str(tmp_path), "--exercise", "04_residual", "--questions"]
    done = CliRunner().invoke(app, [*command, "--no-private-keys"])
    assert done.exit_code == 0
    assert asked == ["04_residual", "04_residual_questions"]
    # Not a command spelt out: without the exercise's name it would take all, another variant none.
    assert "Without private keys: the same command without --no-private-keys" in done.stdout


def test_a_variant_says_which_exercises_it_changes(root):
    assert varied(root, ["01_convolution", EXERCISE]) == ([EXERCISE], ["01_convolution"])


def test_a_mended_exercise_is_made_again_and_stays_as_it_was_handed_out(made, root, without_slips):
    course, _, _ = made
    given = course.folder / "exercises" / EXERCISE
    now = (given / f"{EXERCISE}.ipynb").read_text()
    (given / f"{EXERCISE}.ipynb").write_text(now.replace("ratio", "share"))
    (given / "key.json").write_text("{}")
    for _ in range(2):  # the second time nothing changes, and what is kept stays
        new_course(root, course.folder, [EXERCISE], SEED, private_keys=False, anew=(EXERCISE,))
        assert (given / f"{EXERCISE}.ipynb").read_text() == now
        assert read_key(given / "key.json").exercise == EXERCISE
        kept = course.folder / "before" / EXERCISE
        assert "share" in (kept / f"{EXERCISE}.ipynb").read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--anew"], "--anew makes exercises again: name each with --exercise"),
        (["--exercise", "77_nothing"], "there is no exercise '77_nothing'"),
        (["--key-seed", "2016"], "seed 2016 is that of the public keys"),
    ],
)
def test_what_cannot_be_made_is_one_sentence(tmp_path, root, monkeypatch, options, words):
    monkeypatch.chdir(root)
    done = CliRunner().invoke(app, ["course", "new", os.fspath(tmp_path / "c"), *options])
    assert isinstance(done.exception, ExerciseProblem)
    assert words in str(done.exception)
    assert not (tmp_path / "c").exists()


def test_a_seed_whose_trials_let_a_mistake_through_gives_way_to_the_next(monkeypatch):
    seeds = []

    def make(task, seed):
        seeds.append(seed)
        if seed < 7 or task == "hopeless":
            raise TaskError("a wrong answer gets full marks")
        return seed

    monkeypatch.setattr("autograder.setting.keymaking.make_task_key", make)
    made: object = keymaking._by_some_seed("some task", 5)  # type: ignore[arg-type]
    assert made == 7
    assert seeds == [5, 6, 7]
    with pytest.raises(TaskError, match="full marks"):
        keymaking._by_some_seed("hopeless", 5)  # type: ignore[arg-type]
