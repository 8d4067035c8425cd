"""The code that a student's page shows beside a verdict, and the line that its sentence names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autograder.data.notebook import DEMONSTRATION, Cell, NotANotebook, checked_task, read_notebook

MOST_BYTES = 20_000_000  # of a notebook that the grading process reads for this
MOST_LINES = 150
BEFORE = 20  # lines that stand above the one named, where not all are shown
LONGEST_LINE = 300
# How sentences name lines: `probing` that of an answer that raises, `running` that of a cell.
OF_CELL = re.compile(r"\(line (\d+) of the cell: `(.*?)`\)")
IN_CELL = re.compile(r"cell (\d+) (?:has a syntax error in line (\d+)|raises .*? \(line (\d+)\))")


@dataclass(frozen=True)
class Shown:
    """Lines of a cell with their numbers; `marked` is the line that a sentence names, or None."""

    cell: int
    lines: tuple[tuple[int, str], ...]
    marked: int | None = None


def cells_of(raw: bytes | None) -> tuple[Cell, ...]:
    """The cells of a submission in which answers may stand; none where it cannot be read."""
    if raw is None or len(raw) > MOST_BYTES:
        return ()
    try:
        cells = read_notebook(raw).cells
    except NotANotebook:
        return ()
    return tuple(c for c in cells if not c.is_test and DEMONSTRATION not in c.tags)


def points_by_hand(released: Path | None) -> float:
    """The points that a person gives, in the notebook that was given out; 0 where it is not there.

    nbgrader marks such a cell as answer and as graded.
    """
    try:
        cells = json.loads(released.read_bytes())["cells"] if released else []
        marks = [cell["metadata"].get("nbgrader", {}) for cell in cells]
        return sum(float(m["points"]) for m in marks if m.get("grade") and m.get("solution"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return 0.0


def answer_shown(task: str, sentences: Iterable[str], cells: Iterable[Cell]) -> Shown | None:
    """The cell that answers a task, or the one that fails before it; None where there is none."""
    cells, text = list(cells), "\n".join(sentences)
    answers = [cell for cell in cells if defines(cell.source, task)]
    failing = IN_CELL.search(text)
    named = OF_CELL.search(text)
    if named:
        number, code = int(named[1]), named[2]
        having = [cell for cell in answers or cells if _line(cell, number).startswith(code)]
        if having:
            return _shown(having[-1], number)
    for cell in cells if failing else ():
        if cell.number == int(failing[1]) and (cell in answers or not answers):  # type: ignore[index]
            return _shown(cell, int(failing[2] or failing[3]))  # type: ignore[index]
    return _shown(answers[-1], None) if answers else None


def defines(source: str, name: str) -> bool:
    """Whether a cell gives a name its value. No parser: the code may be anything."""
    if checked_task(source) == name and len(source.splitlines()) == 1:
        return False
    word = re.escape(name)
    pattern = rf"^(?:(?:async )?def +{word}\b|class +{word}\b|{word}\s*(?::[^=\n]*)?=(?!=))"
    return re.search(pattern, source, re.MULTILINE) is not None


def _line(cell: Cell, number: int) -> str:
    lines = cell.source.splitlines()
    return lines[number - 1].strip() if 0 < number <= len(lines) else ""


def _shown(cell: Cell, marked: int | None) -> Shown:
    """A cell's lines, of a long one those around the marked one."""
    lines = cell.source.rstrip().splitlines()
    if marked is not None and not 0 < marked <= len(lines):
        marked = None
    first = max(0, min((marked or 1) - 1 - BEFORE, len(lines) - MOST_LINES))
    chosen = enumerate(lines[first : first + MOST_LINES], start=first + 1)
    kept = tuple((number, line[:LONGEST_LINE]) for number, line in chosen)
    return Shown(cell.number, kept, marked)
