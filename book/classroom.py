"""Makes a class's folder of submissions from a released exercise and what its students wrote.

`python -m book.classroom 04_residual FOLDER` fills FOLDER as nbgrader's `submitted/` is laid out,
`<student>/<exercise>/<exercise>.ipynb`. What the students wrote is in
`solutions/<exercise>/classroom.py`, as a list CLASS of `Student`.
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent

NOTEBOOK = "the exercise's notebook, with the answers filled in"


@dataclass(frozen=True)
class Student:
    """One member of the class.

    Attributes:
        name: the folder's name.
        story: what is special about the submission, in a few words.
        answers: source text by task; a task without one keeps the exercise's stub.
        verdicts: the verdict each task should get; None where the submission cannot be graded.
        file: the submission's text, where it is not the notebook; None for no file at all.
        status: the status the submission should get.
    """

    name: str
    story: str
    answers: dict[str, str] = field(default_factory=dict)
    verdicts: dict[str, str] | None = None
    file: str | None = NOTEBOOK
    status: str = "graded"


def students(exercise: str) -> list[Student]:
    """Return the made-up class of an exercise.

    Raises:
        FileNotFoundError: if the exercise has none.
    """
    path = ROOT / "solutions" / exercise / "classroom.py"
    if not path.is_file():
        raise FileNotFoundError(f"There is no class for {exercise}: {path} is missing.")
    spec = importlib.util.spec_from_file_location(f"classroom_of_{exercise}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.CLASS


def fill(notebook: nbformat.NotebookNode, answers: dict[str, str]) -> nbformat.NotebookNode:
    """Return a copy of an exercise's notebook with the answers in their solution cells.

    Raises:
        KeyError: if the notebook has no solution cell that defines an answer's function.
    """
    filled = copy.deepcopy(notebook)
    for task, source in answers.items():
        _solution_cell(filled, task).source = source
    return filled


def make_class(exercise: str, folder: Path) -> list[Student]:
    """Write every submission of an exercise's class under `folder`; return the class.

    Raises:
        FileNotFoundError: if the exercise or its class is missing.
    """
    released = ROOT / "exercises" / exercise / f"{exercise}.ipynb"
    if not released.is_file():
        raise FileNotFoundError(
            f"{released.relative_to(ROOT)} is missing; run `autograder release {exercise}` first."
        )
    notebook = nbformat.read(released, as_version=4)
    members = students(exercise)
    for student in members:
        target = folder / student.name / exercise / f"{exercise}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        if student.file == NOTEBOOK:
            nbformat.write(fill(notebook, student.answers), target)
        elif student.file is not None:
            target.write_text(student.file, encoding="utf-8")
    return members


def _solution_cell(notebook: nbformat.NotebookNode, task: str) -> nbformat.NotebookNode:
    for cell in notebook.cells:
        is_solution = cell.metadata.get("nbgrader", {}).get("solution", False)
        if is_solution and re.search(rf"^def {re.escape(task)}\(", cell.source, re.MULTILINE):
            return cell
    raise KeyError(f"The exercise has no solution cell that defines {task}.")


def main() -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m book.classroom", description=__doc__)
    parser.add_argument("exercise", help="such as 04_residual")
    parser.add_argument("folder", type=Path, help="where the submissions go")
    arguments = parser.parse_args()
    try:
        members = make_class(arguments.exercise, arguments.folder)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    for student in members:
        print(f"{student.name:10} {student.story}")
    print(f"{len(members)} submissions in {arguments.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
