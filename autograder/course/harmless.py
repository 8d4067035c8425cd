"""Takes the effect out of what students write as HTML, where a page would show it as HTML.

nbgrader's formgrader and feedback show texts and comments as Markdown, which lets HTML through: a
script in an answer in words would run in the browser of whoever marks it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from autograder.data.notebook import NotANotebook, notebook_cells

TAG = re.compile(r"<(?=[A-Za-z/!?])")


def harmless(text: str) -> str:
    """A text in which no HTML works, and that reads as before: a space goes behind each `<`."""
    return TAG.sub("< ", text)


def given_out_texts(root: Path | None, exercise: str) -> frozenset[str]:
    """The texts of an exercise as it was given out, below a course's folder; none if it is not."""
    path = (root or Path.cwd()) / "exercises" / exercise / f"{exercise}.ipynb"
    try:
        cells = notebook_cells(path.read_bytes())
    except (OSError, NotANotebook):
        return frozenset()
    return frozenset(cell["source"] for cell in cells if cell["kind"] == "markdown")


def with_harmless_texts(cells: list[Any], kept: frozenset[str]) -> list[Any]:
    """A notebook's cells whose texts can do nothing, but for those `kept` as they are."""
    for cell in cells:
        if cell["cell_type"] != "code" and cell["source"] not in kept:
            cell["source"] = harmless(cell["source"])
    return cells
