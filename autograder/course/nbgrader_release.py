"""Gives every exercise, when it is made for students, what all of them say and link to."""

from __future__ import annotations

import re
from typing import Any

from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import List, Unicode

from autograder.data.notebook import checked_task

IMPORT = re.compile(r"^from autograder import check$", re.MULTILINE)
WORKS = "**How it works.**"
BY_HAND = "**By hand** "
STUCK = """**Stuck?** Most tasks have hints to unfold. When a check has failed,
`hint("{task}")` shows them one by one, a further one after each try, and `solution("{task}")`
shows a model answer beside yours. (Exercises of a graded course come without model answers.)"""
NOTE = """The note costs no points: they are for what a function computes, and the verdict then
reads *correct, not by hand*. Whoever grades you sees it, too."""
IMPORTED = "from autograder import check, hint, solution"


class Furnish(NbGraderPreprocessor):
    """Adds to an exercise's first cells where help is, links to its chapter and the contents."""

    without_chapter = List(Unicode(), help="Exercises whose chapter is not written yet").tag(
        config=True
    )

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Change the title's text and the import; nothing else is touched."""
        exercise = str(resources["nbgrader"]["assignment"])
        tasks = [checked_task(cell.source) for cell in nb.cells if cell.cell_type == "code"]
        first = next((task for task in tasks if task), None)
        if first is None or nb.cells[0].cell_type != "markdown":
            return nb, resources
        chapter = None if exercise in self.without_chapter else exercise
        nb.cells[0].source = furnished(nb.cells[0].source, chapter, first)
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.source = IMPORT.sub(IMPORTED, cell.source)
        return nb, resources


def furnished(text: str, chapter: str | None, task: str) -> str:
    """The title's text of an exercise with its links, and with where help is."""
    links = ["[Contents](../../contents.ipynb)"]
    if chapter:
        links.insert(0, f"[Chapter {chapter[:2]}](../../chapters/{chapter}.ipynb)")
    heading, *paragraphs = text.split("\n\n")
    made = [heading, " · ".join(links)]
    for paragraph in paragraphs:
        if paragraph.startswith(BY_HAND):
            paragraph = f"{paragraph}\n{NOTE}"
        made.append(paragraph)
        if paragraph.startswith(WORKS):
            made.append(STUCK.format(task=task))
    return "\n\n".join(made)
