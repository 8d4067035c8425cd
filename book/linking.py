"""Links between chapters, exercises and the page of contents; folded cells folded in JupyterLab.

All of it is written by ``python -m book.sync``: into the chapters, and as ``contents.ipynb``.
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode, v4

from book.staging import HIDE_INPUT, opening_of, title_of

CONTENTS = "contents.ipynb"
CHAPTER = re.compile(r"[0-8]\d_\w+")
EXERCISE = re.compile(r"(?<!\[)`exercises/(\w+)/\1\.ipynb`")
WAYS = re.compile(r"\n\n\[Contents\]\([^\n]*\Z")
BEGINNING = """# Contents

A link opens its page. Shift+Enter runs a cell; in the menu, *Run* and *Run All Cells* run a whole
chapter. After a chapter comes its exercise: write your answer, run it, and run the check below it.
Help is there after a try: `hint("conv2d")`, and `solution("conv2d")` for a model answer beside
yours, each with the name of your task.

| | chapter | what it asks | exercise |
|---|---|---|---|"""
END = """
In a terminal `.venv/bin/autograder progress` lists how far you are in the exercises. Save first
(Ctrl+S): it reads the files."""


def chapters_of(root: Path) -> list[Path]:
    """The chapters in order; the appendix, which is none, comes last."""
    return sorted((root / "chapters").glob("*.ipynb"))


def fold(book: NotebookNode) -> bool:
    """Fold the cells tagged `hide-input` in JupyterLab too, and no others; True if any was not."""
    changed = False
    for cell in book.cells:
        hidden = HIDE_INPUT in cell.metadata.get("tags", [])
        jupyter = dict(cell.metadata.get("jupyter", {}))
        if hidden != bool(jupyter.pop("source_hidden", False)):
            changed = True
            if hidden:
                jupyter["source_hidden"] = True
            if jupyter:
                cell.metadata["jupyter"] = jupyter
            else:
                cell.metadata.pop("jupyter", None)
    return changed


def link(book: NotebookNode, path: Path, root: Path) -> bool:
    """Link a chapter to its exercise, the next chapter and the contents; True if it was not."""
    changed = False
    for cell in book.cells:
        if cell.cell_type == "markdown":
            source = EXERCISE.sub(
                r"[`exercises/\1/\1.ipynb`](../exercises/\1/\1.ipynb)", cell.source
            )
            if source != cell.source:
                cell.source, changed = source, True
    last = next((cell for cell in reversed(book.cells) if cell.cell_type == "markdown"), None)
    if last is None:
        return changed
    source = f"{WAYS.sub('', last.source)}\n\n{_ways(path, root)}"
    if source != last.source:
        last.source, changed = source, True
    return changed


def _ways(path: Path, root: Path) -> str:
    """One line of links: the contents, and the chapter that comes next."""
    words = [f"[Contents](../{CONTENTS})"]
    later = [other for other in chapters_of(root) if other.stem > path.stem]
    if later:
        title = title_of(nbformat.read(later[0], as_version=4))
        words.append(f"next: [{title}]({later[0].name})")
    return " · ".join(words)


def contents(root: Path) -> NotebookNode:
    """The page of contents: a line a chapter, with its question and its exercise."""
    chapters = {path.stem: path for path in chapters_of(root)}
    exercises = {path.parent.name for path in (root / "exercises").glob("*/*.ipynb")}
    lines = []
    for name in sorted({*chapters, *exercises}):
        title = asked = ""
        if name in chapters:
            book = nbformat.read(chapters[name], as_version=4)
            words = re.sub(r"^\d+ ", "", title_of(book))
            title = f"[{words}](chapters/{name}.ipynb)"
            asked = opening_of(book).replace("|", "\\|")
        exercise = _exercise_link(root, name) if name in exercises else ""
        number = name[:2] if CHAPTER.fullmatch(name) else "A"
        lines.append(f"| {number} | {title} | {asked} | {exercise} |")
    cell = v4.new_markdown_cell("\n".join([BEGINNING, *lines, END]), id="contents")
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return v4.new_notebook(cells=[cell], metadata=metadata)


def _exercise_link(root: Path, name: str) -> str:
    path = f"exercises/{name}/{name}.ipynb"
    title = title_of(nbformat.read(root / path, as_version=4))
    return f"[{re.sub(r'^Exercise [0-9]+: ', '', title) or name}]({path})"


def write_contents(root: Path, write: bool) -> bool:
    """Whether the page of contents is not as it should be; with ``write`` it is made so."""
    path, made = root / CONTENTS, nbformat.writes(contents(root)) + "\n"
    if path.is_file() and path.read_text("utf-8") == made:
        return False
    if write:
        path.write_text(made, "utf-8")
    return True
