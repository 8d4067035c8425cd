"""Shows whoever marks an answer in words how it is marked: above the answer, in formgrader alone.

A course keeps the rubrics in `keys/NN_name.rubric.md`. formgrader shows `autograded/`, where a cell
with the rubric goes before the answer; the feedback is made from there, too, so that
`nbgrader_config.py` has `WithoutRubrics` take it out.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.setting.exercises import KEYS

MARK = "<!-- rubric -->"  # the first line of such a cell, which no page shows
TITLE = re.compile(r"# .*`(?P<name>[^`]+)`, (?P<points>[\d.]+) points?")


def rubric_of(root: Path, exercise: str) -> dict[str, str]:
    """The rubric of an exercise's answer in words, by nbgrader's name of the answer; or nothing."""
    try:
        text = (root / KEYS / f"{exercise}.rubric.md").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    title, _, rest = text.partition("\n")
    found = TITLE.match(title)
    lines = [line for line in rest.splitlines() if line.startswith("- ")]
    if not found or not lines:
        return {}
    heading = f"**Rubric, {found['points']} points** (for you: feedback leaves it out)"
    return {found["name"]: "\n".join([MARK, heading, "", *lines])}


def with_rubrics(cells: list[Any], rubrics: dict[str, str]) -> list[Any]:
    """A notebook's cells with the rubrics before the answers that they are of, each once."""
    made: list[Any] = []
    for cell in cells:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if is_rubric(cell):
            continue  # of a grading before, or written by a student
        if name in rubrics:
            place = f"rubric-{name}"[:64]
            text = rubrics[name]
            made.append({"id": place, "cell_type": "markdown", "metadata": {}, "source": text})
        made.append(cell)
    return made


def is_rubric(cell: Any) -> bool:
    """Whether a cell is one that `with_rubrics` put there."""
    return bool(cell["cell_type"] == "markdown" and cell["source"].startswith(MARK))


class WithoutRubrics(NbGraderPreprocessor):
    """Takes rubrics out of what becomes a student's feedback."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """The notebook without them."""
        nb.cells = [cell for cell in nb.cells if not is_rubric(cell)]
        return nb, resources
