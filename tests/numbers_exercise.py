"""A small exercise of plain numbers, for tests of grading where Keras is not the point."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from autograder.data.key import Key, write_key
from autograder.setting.keymaking import make_key
from autograder.setting.task import Mistake, Task, trial

EXERCISE = "01_numbers"


def double(x):
    return 2 * x


def halves(image, factor=2):
    return image / factor


def ends(x):
    return x[0], x[-1]


def squared(x):
    return x * x


def _doubles(generator: np.random.Generator) -> list:
    return [trial(x=int(n)) for n in generator.integers(3, 10_000, size=3)]


def _images(generator: np.random.Generator) -> list:
    return [trial(image=generator.standard_normal((3, 4)), factor=3)]


def _rows(generator: np.random.Generator) -> list:
    return [trial(x=generator.standard_normal(5))]


TASKS = [
    Task(
        "double", "function", 2, _doubles, double, dtype="number",
        mistakes=[Mistake(squared, "this is the square, not the double")],
    ),
    Task("halves", "function", 4, _images, halves),
    Task("ends", "function", 2, _rows, ends, outputs=2),
]  # fmt: skip

RIGHT = {
    "double": "def double(x):\n    return x + x\n",
    "halves": "def halves(image, factor=2):\n    return image / factor\n",
    "ends": "def ends(x):\n    return x[0], x[-1]\n",
}
FULL = 8.0


def numbers_key(seed: int = 1) -> Key:
    """The exercise's key."""
    return make_key(EXERCISE, TASKS, seed)


SCHEMA = {"schema_version": 3, "task": False}


def code(source: str, **metadata: Any) -> dict[str, Any]:
    """A code cell."""
    return {
        "cell_type": "code",
        "source": source.splitlines(True),
        "metadata": metadata,
        "outputs": [],
        "execution_count": None,
    }


def solution(name: str, source: str) -> dict[str, Any]:
    """A solution cell as nbgrader marks it."""
    marks = {"grade_id": name, "solution": True, "grade": False, "locked": False}
    return code(source, nbgrader={**marks, **SCHEMA})


def check_cell(name: str, source: str | None = None) -> dict[str, Any]:
    """A test cell as nbgrader marks it."""
    marks = {"grade_id": f"test-{name}", "solution": False, "grade": True, "points": 2}
    return code(source or f"check({name})", nbgrader={**marks, "locked": True, **SCHEMA})


def cells(**answers: str) -> list[dict[str, Any]]:
    """The exercise's cells, right answers where none is given."""
    made = [code("from autograder import check\nimport numpy as np\n")]
    for name, source in {**RIGHT, **answers}.items():
        made += [solution(name, source), check_cell(name)]
    return made


def notebook(cells: list[dict[str, Any]] | None = None, **metadata: Any) -> dict[str, Any]:
    """A notebook of nbformat 4."""
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"autograder": {"exercise": EXERCISE}, **metadata},
        "cells": cells if cells is not None else globals()["cells"](),
    }


def raw(content: Any = None, **answers: str) -> bytes:
    """A notebook's bytes: the content given, or the exercise with these answers."""
    return json.dumps(notebook(cells(**answers)) if content is None else content).encode()


def submit(folder: Path, student: str, content: bytes, exercise: str = EXERCISE) -> Path:
    """Put a student's file where nbgrader collects it."""
    path = folder / student / exercise / f"{exercise}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def make_project(root: Path) -> Path:
    """A course folder that holds the exercise's public key."""
    write_key(numbers_key(), root / "exercises" / EXERCISE / "key.json")
    (root / "solutions").mkdir(exist_ok=True)
    return root
