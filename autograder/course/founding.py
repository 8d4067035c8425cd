"""Makes a course's folder from the book: exercises, keys, nbgrader's settings, and no solutions."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from autograder.data.files import write_whole
from autograder.data.key import Key, TaskKey, package_version, read_key, write_key
from autograder.data.sealing import without_answers
from autograder.setting.exercises import (
    KEY_NAME,
    PUBLIC_SEED,
    ExerciseProblem,
    exercise_names,
    private_key_path,
    release,
    require_exercise,
)
from autograder.setting.questions import sheet_of
from autograder.setting.task import load_tasks
from autograder.setting.variants import variants_of, write_variant

RECORD = "course.json"
QUESTIONS = "questions"  # the folder of the sheets
BEFORE = "before"  # the folder of exercises as they were handed out
TEMPLATES = {
    "course_readme.md.j2": "README.md",
    "course_config.py.j2": "nbgrader_config.py",
    "course_gitignore.j2": ".gitignore",
}
CONFIG = "nbgrader_config.py"
LINKS = ("[Contents](../../contents.ipynb)", "[Chapter ")


@dataclass(frozen=True)
class Course:
    """What a course is made of.

    Attributes:
        folder: where it lies.
        exercises: their names.
        variant: the seed that chose its constants, or None for the book's own.
        key_seed: the seed of its private keys.
    """

    folder: Path
    exercises: tuple[str, ...]
    variant: int | None
    key_seed: int

    @property
    def record(self) -> Path:
        """Where this is noted, beside the private keys."""
        return self.folder / "keys" / RECORD


def new_course(
    book: Path,
    folder: Path,
    names: list[str] | None = None,
    variant: int | None = None,
    key_seed: int | None = None,
    private_keys: bool = True,
    solutions: Path | None = None,
    progress: Callable[[str], None] = lambda s: None,
    anew: tuple[str, ...] = (),
) -> Course:
    """Make a course in `folder`, or go on with one that was interrupted.

    `solutions`, outside of it, gets the exercises as the course has them with their model answers.
    What is named in `anew` is made again; as it was handed out it stays in `before/`.
    Raises ExerciseProblem where the folder holds something else, and CannotWrite.
    """
    names = names or exercise_names(book)
    for name in names:
        require_exercise(_home(book, name), name)
    course = _begun(folder, tuple(names), variant, key_seed)
    if solutions is not None and solutions.resolve().is_relative_to(folder.resolve()):
        raise ExerciseProblem("--solutions must lie outside of the course: it is for you alone")
    _write_record(course)
    _write_templates(course)
    for name in course.exercises:
        with tempfile.TemporaryDirectory(prefix="course-") as place:
            shutil.copy(book / CONFIG, place)
            made = Path(place) / "solutions" / name
            values = _constants(book, name, course.variant)
            write_variant(_home(book, name) / "solutions" / name, made, values)
            if solutions is not None:
                shutil.copytree(made, solutions / name, dirs_exist_ok=True)
            again = name in anew
            if again or not (folder / "exercises" / name / KEY_NAME).is_file():
                _add_exercise(book, Path(place), name, course, bool(values), progress)
            private = private_key_path(folder, name)
            if private_keys and (again or not private.is_file()):
                progress(f"{name}: its private key")
                key = _key(name, made, course.key_seed, progress)
                write_key(key, private)
                private.chmod(0o600)
            if sheet := sheet_of(made):
                write_whole(folder / "keys" / f"{name}.rubric.md", sheet.rubric())
    return course


def _keep_as_before(given: Path, new: Path, kept: Path) -> None:
    """Put an exercise that changes aside as it was: `autograder update --old` asks for it."""
    notebooks = [folder / f"{given.name}.ipynb" for folder in (given, new)]
    if not notebooks[0].is_file() or notebooks[0].read_bytes() == notebooks[1].read_bytes():
        return
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(given, kept)


def _home(book: Path, name: str) -> Path:
    """Among whose solutions an exercise is: the book's, or those of its sheets."""
    sheets = book / QUESTIONS
    return sheets if (sheets / "solutions" / name / "tasks.py").is_file() else book


def varied(book: Path, names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Which of these exercises a variant changes, and which are the same in every course."""
    found: tuple[list[str], list[str]] = ([], [])
    for name in names:
        declared = variants_of(_home(book, name) / "solutions" / name)
        found[declared is None].append(name)
    return found


def sheet_names(book: Path) -> list[str]:
    """The sheets of questions of the book."""
    return exercise_names(book / QUESTIONS)


def _begun(folder: Path, names: tuple[str, ...], variant: int | None, seed: int | None) -> Course:
    """The course to make; the one that is there already, if it is this one."""
    record = folder / "keys" / RECORD
    if record.is_file():
        said = json.loads(record.read_text("utf-8"))
        if said["variant"] != variant or seed not in (None, said["key_seed"]):
            raise ExerciseProblem(
                f"{folder} is a course already, with variant {said['variant']}: name another "
                "folder, or go on with it by the same options"
            )
        together = tuple(sorted({*said["exercises"], *names}))
        return Course(folder, together, variant, said["key_seed"])
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExerciseProblem(f"{folder} is there already and is no course: name a new folder")
    chosen = secrets.randbelow(2**31) if seed is None else seed
    if chosen == PUBLIC_SEED:
        raise ExerciseProblem(f"seed {PUBLIC_SEED} is that of the public keys: take another")
    return Course(folder, names, variant, chosen)


def _write_record(course: Course) -> None:
    said = {
        "exercises": course.exercises,
        "variant": course.variant,
        "key_seed": course.key_seed,
        "made_by": package_version(),
    }
    write_whole(course.record, json.dumps(said, indent=1) + "\n")
    course.record.parent.chmod(0o700)


def _write_templates(course: Course) -> None:
    templates = Environment(
        loader=PackageLoader("autograder", "templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    for template, name in TEMPLATES.items():
        path = course.folder / name
        if not path.exists():  # somebody may have changed it
            text = templates.get_template(template).render(
                first=course.exercises[0], variant=course.variant, version=package_version()
            )
            write_whole(path, text)


def _constants(book: Path, name: str, variant: int | None) -> dict[str, Any]:
    """The constants of an exercise in a variant; none where it is the book's own."""
    declared = variants_of(_home(book, name) / "solutions" / name)
    return {} if declared is None or variant is None else declared.chosen(name, variant)


def _add_exercise(
    book: Path,
    place: Path,
    name: str,
    course: Course,
    varied: bool,
    progress: Callable[[str], None],
) -> None:
    """Release an exercise into the course; its public key comes last and says that it is whole."""
    progress(f"{name}: released")
    made = place / "solutions" / name
    key = read_key(_home(book, name) / "exercises" / name / KEY_NAME)
    if varied:
        declared = variants_of(book / "solutions" / name)
        assert declared is not None
        kept = {n: task for n, task in key.tasks.items() if n not in declared.tasks}
        key = _key(name, made, PUBLIC_SEED, progress, kept)
    release(place, name, place / "exercises")
    new, target = place / "exercises" / name, course.folder / "exercises" / name
    _without_links(new / f"{name}.ipynb")
    _keep_as_before(target, new, course.folder / BEFORE / name)
    shutil.copytree(new, target, dirs_exist_ok=True)
    write_key(without_answers(key), target / KEY_NAME)


def _key(
    name: str,
    solution: Path,
    seed: int,
    progress: Callable[[str], None],
    kept: dict[str, TaskKey] | None = None,
) -> Key:
    """The key of an exercise, but for the tasks that are `kept`."""
    from autograder.setting.keymaking import make_key

    tasks = load_tasks(solution / "tasks.py")
    return make_key(name, tasks, seed, lambda task: progress(f"{name}: observing {task}"), kept)


def _without_links(path: Path) -> None:
    """Take out of a released notebook the line of links into the book, which a course has not."""
    content = json.loads(path.read_text("utf-8"))
    first = "".join(content["cells"][0]["source"])
    kept = [part for part in first.split("\n\n") if not part.startswith(LINKS)]
    content["cells"][0]["source"] = "\n\n".join(kept).splitlines(keepends=True)
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False) + os.linesep)
