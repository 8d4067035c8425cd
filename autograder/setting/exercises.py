"""Where exercises, their solutions and keys lie, and how a release is made from a solution."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from autograder.data.key import Key, read_key
from autograder.data.notebook import ANSWERS_NAME, answers_in
from autograder.setting.task import load_tasks

KEY_NAME = "key.json"
KEYS = "keys"  # the folder of private keys, from the course's root
PUBLIC_SEED = 2016  # the seed of the keys that go out with the exercises


class ExerciseProblem(Exception):
    """An exercise cannot be found or released; `str()` says what to do."""


def project_root(start: Path | None = None) -> Path:
    """The folder that holds `solutions/` or `exercises/`, from `start` upwards."""
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / "solutions").is_dir() or (folder / "exercises").is_dir():
            return folder
    raise ExerciseProblem(
        f"no folder `solutions` or `exercises` in {start} or above it: "
        "run this in the book's folder"
    )


def root_above(folder: Path) -> Path | None:
    """The book's or course's folder that a folder lies in, if it does."""
    try:
        return project_root(folder)
    except ExerciseProblem:
        return None


def exercise_names(root: Path) -> list[str]:
    """All exercises that have a solution, in order."""
    return sorted(path.parent.name for path in (root / "solutions").glob("*/tasks.py"))


def is_course(root: Path) -> bool:
    """Whether a folder is a course's: exercises, and none of their solutions."""
    return (root / KEYS).is_dir() and not exercise_names(root)


def require_exercise(root: Path, exercise: str) -> Path:
    """The solution folder of an exercise. Raises ExerciseProblem where there is none."""
    folder = root / "solutions" / exercise
    if not (folder / "tasks.py").is_file():
        if is_course(root):
            raise ExerciseProblem(
                f"{root} is a course, which has no solutions: run this in the book's folder. A "
                "course's keys are made by `autograder course new`, from there"
            )
        known = ", ".join(exercise_names(root)) or "none"
        raise ExerciseProblem(
            f"there is no exercise {exercise!r} in solutions/; there are: {known}"
        )
    return folder


def require_given_out(root: Path, exercise: str) -> None:
    """Raise ExerciseProblem where students got no such exercise, of the book or of a course."""
    released = root / "exercises"
    if not (released / exercise).is_dir() and exercise not in exercise_names(root):
        found = {path.parent.name for path in released.glob(f"*/{KEY_NAME}")}
        known = ", ".join(sorted({*found, *exercise_names(root)})) or "none"
        raise ExerciseProblem(f"there is no exercise {exercise!r} in {root}; there are: {known}")


def private_key_path(root: Path, exercise: str) -> Path:
    """Where the private key lies that grading takes by itself, if there is one."""
    return root / KEYS / f"{exercise}.json"


def public_key_path(root: Path, exercise: str) -> Path:
    """Where the key that goes out with an exercise lies, or should lie."""
    for parent in ("solutions", "exercises"):
        if (root / parent / exercise / KEY_NAME).is_file():
            return root / parent / exercise / KEY_NAME
    return root / "exercises" / exercise / KEY_NAME


def key_path(path: Path | None, exercise: str | None, beside: Path | None = None) -> Path:
    """The key named, else the one beside the notebook, else the public one of the exercise."""
    if path is not None:
        return path
    if beside is not None and (beside / KEY_NAME).is_file():
        return beside / KEY_NAME
    if exercise is None:
        raise ExerciseProblem("which exercise is this? Name its key with --key")
    return public_key_path(project_root(), exercise)


def public_key(root: Path, exercise: str) -> Key:
    """The key that goes out with an exercise. Raises KeyProblem where there is none."""
    return read_key(public_key_path(root, exercise))


def is_public(key: Key) -> bool:
    """Whether a key is, by its seed, the one that students have."""
    return key.seed == PUBLIC_SEED


def make_exercise_key(
    root: Path,
    exercise: str,
    seed: int,
    path: Path,
    progress: Callable[[str], None] = lambda s: None,
) -> Key:
    """Make the key of an exercise for `seed` and write it to `path`."""
    from autograder.data.key import write_key
    from autograder.setting.keymaking import make_key

    tasks = load_tasks(require_exercise(root, exercise) / "tasks.py")
    key = make_key(exercise, tasks, seed, progress)
    write_key(key, path)
    return key


def release(
    root: Path, exercise: str, out: Path | None = None, self_study: bool = False
) -> list[Path]:
    """Make the students' version of an exercise with nbgrader; return its files.

    nbgrader's own database is not touched: the release depends on the solution alone. For
    `self_study` a file of model answers lies beside, which `solution` shows.
    """
    require_exercise(root, exercise)
    out = out or root / "exercises"
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        command = [
            sys.executable, "-m", "nbgrader", "generate_assignment", exercise,
            "--force", "--no-db",
            f"--CourseDirectory.root={root}",
            f"--CourseDirectory.release_directory={folder}/release",
            f"--CourseDirectory.db_url=sqlite:///{folder}/gradebook.db",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=root, capture_output=True, text=True)
        made = Path(folder) / "release" / exercise
        if done.returncode or not made.is_dir():
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise ExerciseProblem(f"nbgrader could not release {exercise}: {last}")
        target = out / exercise
        if target.is_dir():
            shutil.rmtree(target)
        shutil.copytree(made, target)
    if self_study:
        source = root / "solutions" / exercise / f"{exercise}.ipynb"
        told = {"exercise": exercise, "answers": answers_in(source.read_bytes())}
        (target / ANSWERS_NAME).write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    return sorted(path for path in target.rglob("*") if path.is_file())
