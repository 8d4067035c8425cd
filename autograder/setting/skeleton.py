"""Begins an exercise: a task that works, its bank, its notebook, its chapter and their test."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from autograder.setting.exercises import ExerciseProblem

# Each template, and the path of the file it becomes.
FILES = {
    "tasks.py.j2": "solutions/{name}/tasks.py",
    "bank.py.j2": "solutions/{name}/bank/conv_unit.py",
    "exercise.ipynb.j2": "solutions/{name}/{name}.ipynb",
    "chapter.ipynb.j2": "chapters/{name}.ipynb",
    "test_chapter.py.j2": "tests/test_chapter_{number}.py",
}


def new_exercise(root: Path, name: str) -> list[Path]:
    """Write the beginning of exercise and chapter `name`; return the new files.

    Raises ExerciseProblem where the name is none, or where a file is there already.
    """
    if not re.fullmatch(r"\d\d_[a-z][a-z0-9_]*", name):
        raise ExerciseProblem(
            f"{name!r} is no name of an exercise: two digits, `_` and a word, such as 17_attention"
        )
    words = {"name": name, "number": name[:2], "title": name[3:].replace("_", " ")}
    paths = {template: root / path.format(**words) for template, path in FILES.items()}
    for path in paths.values():
        if path.exists():
            raise ExerciseProblem(f"{path.relative_to(root)} is there already: nothing was written")
    templates = Environment(
        loader=PackageLoader("autograder", "templates/new"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    for template, path in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(templates.get_template(template).render(words), "utf-8")
    return list(paths.values())
