"""Brings a changed exercise into a notebook that somebody has begun to answer.

Text, checks and whatever else is locked come from the new exercise; answers, and cells of the
student's own, stay. Cells are known by the name nbgrader gives them, else by their id or their
text. Where the exercise as it was handed out is at hand (`old`), what a student changed in other
cells is known, and stays, too; without it such a cell stays as the student has it where it is code.
"""

from __future__ import annotations

import json
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.course.grade import GradingProblem
from autograder.data.files import write_whole
from autograder.data.notebook import NotANotebook, notebook_cells

BACKUPS = ".before_update"
Cell = dict[str, Any]


@dataclass
class Report:
    """What an update does, cell by cell.

    Attributes:
        replaced: text, checks and code that come from the new exercise.
        added: cells that are new.
        removed: cells that the exercise has no longer.
        kept: answers and cells of the student's own.
        differing: cells that stay as the student has them though the exercise changed there.
    """

    replaced: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)

    @property
    def changes(self) -> bool:
        """Whether anything becomes otherwise."""
        return bool(self.replaced or self.added or self.removed)

    def sentence(self) -> str:
        """What happens, in a line."""
        counts = {
            "replaced": self.replaced, "added": self.added, "removed": self.removed,
            "kept": self.kept,
        }  # fmt: skip
        said = ", ".join(f"{len(names)} {word}" for word, names in counts.items())
        if self.differing:
            said += f"; left as they are though the exercise changed: {', '.join(self.differing)}"
        return said


def update(
    notebook: Path, new: Path, old: Path | None = None, only_say: bool = False
) -> tuple[Report, Path | None]:
    """Bring the exercise `new` into a student's notebook; what happened, and where the backup is.

    `new` and `old` are notebooks, or the folders that hold them under the exercise's name. Files
    beside a new notebook, such as its key, come along. Raises GradingProblem where one of them is
    no notebook, or of another exercise, and CannotWrite.
    """
    given = _read(notebook)
    place = _notebook(new, notebook)
    wanted = _read(place)
    before = _read(_notebook(old, notebook)) if old is not None else None
    if not _grade_ids(given) & _grade_ids(wanted):
        raise GradingProblem(
            f"{notebook} and {place} have no task in common: are they the same exercise?"
        )
    made, report = merged(given, wanted, before)
    files = [] if place == new else list(_files_to_bring(place, notebook.parent))
    if only_say or not (report.changes or files):
        return report, None
    backup = _backup(notebook)
    for path in files:
        mine = notebook.parent / path.name
        if mine.is_file():
            shutil.copy2(mine, backup.with_name(f"{backup.stem}-{path.name}"))
        write_whole(mine, path.read_text("utf-8"))
    write_whole(notebook, json.dumps(made, indent=1, ensure_ascii=False) + "\n")
    return report, backup


def merged(given: Cell, wanted: Cell, before: Cell | None = None) -> tuple[Cell, Report]:
    """The notebook with the new exercise's text and checks and the student's answers."""
    report = Report()
    cells = _with_ids(given["cells"], [*(before or {"cells": []})["cells"], *wanted["cells"]])
    theirs, own = _by_name(cells)
    past = _by_name(before["cells"])[0] if before is not None else None
    made: list[Cell] = []
    placed: dict[str, int] = {}  # where a cell of the student's went, by name
    for cell in wanted["cells"]:
        name = _name(cell)
        mine = theirs.get(name)
        made.append(_chosen(cell, mine, past, name, report))
        placed[name] = len(made)
    gone = [name for name in theirs if name not in placed]
    for name in gone:
        was = past.get(name) if past is not None else None
        if _is_locked(theirs[name]) or (was and _source(was) == _source(theirs[name])):
            report.removed.append(name)
        else:
            own.append((_before(cells, theirs[name]), theirs[name]))
    _insert(made, own, placed, report)
    metadata = {**given.get("metadata", {})}
    if "autograder" in wanted.get("metadata", {}):
        metadata["autograder"] = wanted["metadata"]["autograder"]
    return {**wanted, "cells": made, "metadata": metadata}, report


def _chosen(
    cell: Cell, mine: Cell | None, past: dict[str, Cell] | None, name: str, report: Report
) -> Cell:
    """The new cell, with the student's source where that is to stay."""
    if mine is None:
        report.added.append(name)
        return cell
    if _source(mine) == _source(cell):
        same = _is_answer(cell) or not _is_locked(cell)
        return _with_source(cell, mine) if same else cell
    if _is_answer(cell) or _is_answer(mine):
        report.kept.append(name)
        return _with_source(cell, mine)
    was = past.get(name) if past is not None else None
    if _is_locked(cell) or (was and _source(was) == _source(mine)):
        report.replaced.append(name)
        return cell
    if was or cell["cell_type"] == "code":
        report.kept.append(name)
        if not was or _source(was) != _source(cell):
            report.differing.append(name)
        return _with_source(cell, mine)
    report.replaced.append(name)
    return cell


def _insert(
    made: list[Cell], own: list[tuple[str | None, Cell]], placed: dict[str, int], report: Report
) -> None:
    """Put the student's own cells behind the cell that they stood behind."""
    behind: dict[int, list[Cell]] = {}
    for name, cell in own:
        behind.setdefault(placed.get(name or "", 0 if name is None else len(made)), []).append(cell)
        report.kept.append(_name(cell))
    for place in sorted(behind, reverse=True):
        made[place:place] = [_unmarked(cell) for cell in behind[place]]


def _with_ids(cells: list[Cell], known: list[Cell]) -> list[Cell]:
    """Cells without an id, as some programs leave them, get that of the one with their text."""
    ids = {_source(cell): cell["id"] for cell in known if cell.get("id")}
    return [
        cell if cell.get("id") or _source(cell) not in ids else {**cell, "id": ids[_source(cell)]}
        for cell in cells
    ]


def _by_name(cells: list[Cell]) -> tuple[dict[str, Cell], list[tuple[str | None, Cell]]]:
    """Cells by their name, and copies of one that is there already, with what they stand behind."""
    found: dict[str, Cell] = {}
    copies: list[tuple[str | None, Cell]] = []
    last: str | None = None
    for cell in cells:
        name = _name(cell)
        if name in found:
            copies.append((last, cell))
            continue
        found[name] = cell
        last = name
    return found, copies


def _before(cells: list[Cell], cell: Cell) -> str | None:
    """The name of the cell before one; None at the top."""
    place = next(i for i, other in enumerate(cells) if other is cell)
    return _name(cells[place - 1]) if place else None


def _name(cell: Cell) -> str:
    """What a cell is known by: nbgrader's name for it, its id in brackets, or else its text."""
    marks = cell.get("metadata", {}).get("nbgrader", {})
    return str(marks.get("grade_id") or f"[{cell.get('id') or _source(cell)}]")


def _is_answer(cell: Cell) -> bool:
    return bool(cell.get("metadata", {}).get("nbgrader", {}).get("solution"))


def _is_locked(cell: Cell) -> bool:
    marks = cell.get("metadata", {}).get("nbgrader", {})
    return bool(marks.get("locked") or marks.get("grade")) and not marks.get("solution")


def _source(cell: Cell) -> str:
    source = cell.get("source", "")
    return "".join(source) if isinstance(source, list) else str(source)


def _with_source(cell: Cell, mine: Cell) -> Cell:
    """The new cell's marks with the student's text, and what running it gave."""
    kept: Cell = {name: mine[name] for name in ("outputs", "execution_count") if name in mine}
    if mine.get("cell_type") != cell.get("cell_type"):
        kept = {}
    return {**cell, **kept, "source": mine.get("source", "")}


def _unmarked(cell: Cell) -> Cell:
    """A cell of the student's own, without marks that say it is the exercise's."""
    cell = {**cell, "id": cell.get("id") or uuid.uuid4().hex[:8]}
    if "nbgrader" not in cell.get("metadata", {}):
        return cell
    metadata = {name: value for name, value in cell["metadata"].items() if name != "nbgrader"}
    return {**cell, "metadata": metadata}


def _grade_ids(notebook: Cell) -> set[str]:
    marks = (cell.get("metadata", {}).get("nbgrader", {}) for cell in notebook["cells"])
    return {m["grade_id"] for m in marks if m.get("grade") and m.get("grade_id")}


def _read(path: Path) -> Cell:
    """A notebook of nbformat 4. Raises GradingProblem with a sentence."""
    try:
        raw = path.read_bytes()
        notebook_cells(raw)
        content = json.loads(raw)
    except FileNotFoundError:
        raise GradingProblem(f"there is no notebook {path}") from None
    except (OSError, NotANotebook, ValueError) as error:
        raise GradingProblem(f"{path} cannot be read as a notebook: {error}") from None
    if content.get("nbformat") != 4:
        raise GradingProblem(f"{path} is no notebook of format 4: open and save it in JupyterLab")
    return content


def _notebook(place: Path, like: Path) -> Path:
    """The notebook in a folder: of the folder's name, or of the student's notebook's."""
    if not place.is_dir():
        return place
    for name in (place.resolve().name, like.stem):
        if (place / f"{name}.ipynb").is_file():
            return place / f"{name}.ipynb"
    raise GradingProblem(f"there is no {like.name} in {place}")


def _files_to_bring(notebook: Path, folder: Path) -> Iterator[Path]:
    """What lies beside the new notebook and is not so in the student's folder."""
    for path in sorted(notebook.parent.glob("*.json")):
        mine = folder / path.name
        if not mine.is_file() or mine.read_bytes() != path.read_bytes():
            yield path


def _backup(notebook: Path) -> Path:
    """A copy of the notebook as it is, numbered, in a folder of its own."""
    folder = notebook.parent / BACKUPS
    folder.mkdir(exist_ok=True)
    matches = (re.search(r"-(\d+)$", path.stem) for path in folder.iterdir())
    taken = [int(found[1]) for found in matches if found]
    copy = folder / f"{notebook.stem}-{max(taken, default=0) + 1}.ipynb"
    shutil.copy2(notebook, copy)
    return copy
