"""Reads notebooks as they come from students."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

MOST_BYTES = 200_000_000
DEMONSTRATION = "demonstration"  # a cell with this tag trains or shows; grading leaves it out
ANSWERS_NAME = "answers.json"  # model answers, beside an exercise for self-study
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"


# What a test cell checks: `check(residual_block)`, and not in a comment or a text.
CHECK = re.compile(r"\bcheck\(\s*(\w+)")
NO_CODE = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|#.*")


class NotANotebook(Exception):
    """A file cannot be read as a notebook; `str()` is a sentence for its row."""


@dataclass(frozen=True)
class Cell:
    """A code cell: its number among all cells (from 1), its source, and what nbgrader notes."""

    number: int
    source: str
    tags: tuple[str, ...] = ()
    grade_id: str | None = None
    is_test: bool = False


@dataclass(frozen=True)
class Notebook:
    """The code cells of a notebook, and the exercise that it says it belongs to."""

    cells: tuple[Cell, ...]
    exercise: str | None = None


def read_notebook(raw: bytes) -> Notebook:
    """Read a notebook of nbformat 3 to 5, whatever its encoding and line ends.

    Raises NotANotebook with a sentence for the student.
    """
    content, cells = _content(raw)
    metadata = _dict(content.get("metadata"))
    language = _dict(metadata.get("kernelspec")).get("language", "python")
    if isinstance(language, str) and language.lower() not in ("python", ""):
        raise NotANotebook(f"the notebook is written in {language}, not in Python")
    exercise = _dict(metadata.get("autograder")).get("exercise")
    return Notebook(
        tuple(_cell(i + 1, cell) for i, cell in enumerate(cells) if _is_code(cell)),
        exercise if isinstance(exercise, str) else None,
    )


def notebook_cells(raw: bytes) -> list[dict[str, Any]]:
    """Text and code cells in order, plain: `kind`, `source`, `is_test`, `grade_id`."""
    _, cells = _content(raw)
    found = []
    for number, cell in enumerate(cells, start=1):
        if isinstance(cell, dict) and cell.get("cell_type") in ("markdown", "code"):
            read = _cell(number, cell)
            found.append(
                {
                    "kind": cell["cell_type"],
                    "source": read.source,
                    "is_test": read.is_test,
                    "grade_id": read.grade_id,
                }
            )
    return found


def checked_task(source: str) -> str | None:
    """The task that a test cell checks, if it checks one."""
    called = CHECK.search(NO_CODE.sub("", source))
    return called.group(1) if called else None


def answers_in(raw: bytes) -> dict[str, str]:
    """The model answers of a source notebook: the solution cell above each check."""
    found: dict[str, str] = {}
    cells = [cell["source"] for cell in notebook_cells(raw) if cell["kind"] == "code"]
    for number, source in enumerate(cells):
        task = checked_task(source)
        if task is None:
            continue
        for before in reversed(cells[:number]):
            if BEGIN in before and re.search(rf"^(?:def|class) {task}\b", before, re.MULTILINE):
                lines = before.splitlines()
                kept = [line for line in lines if line.strip() not in (BEGIN, END)]
                found[task] = "\n".join(kept)
                break
    return found


def _content(raw: bytes) -> tuple[dict[str, Any], list[Any]]:
    if not raw.strip():
        raise NotANotebook("the file is empty")
    if len(raw) > MOST_BYTES:
        raise NotANotebook(f"the file has {len(raw):,} bytes; the limit is {MOST_BYTES:,}")
    try:
        content = json.loads(_text(raw))
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise NotANotebook(f"the file is not a notebook: it is not JSON{where}") from None
    if not isinstance(content, dict):
        raise NotANotebook("the file is JSON, but not a notebook")
    cells = content.get("cells")
    if cells is None and isinstance(content.get("worksheets"), list):
        cells = _old_cells(content["worksheets"])
    if not isinstance(cells, list):
        raise NotANotebook("the file is JSON, but not a notebook: it has no cells")
    return content, cells


def _text(raw: bytes) -> str:
    for encoding in ("utf-8-sig", "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else None):
        if encoding:
            try:
                return raw.decode(encoding)
            except UnicodeDecodeError:
                continue
    return raw.decode("latin-1")


def _dict(value: Any) -> dict:
    return value if isinstance(value, dict) else {}


def _old_cells(worksheets: list) -> list:
    lists = [_dict(sheet).get("cells") for sheet in worksheets]
    cells = [cell for found in lists if isinstance(found, list) for cell in found]
    return [{**cell, "source": cell.get("input", "")} for cell in cells if isinstance(cell, dict)]


def _is_code(cell: Any) -> bool:
    return isinstance(cell, dict) and cell.get("cell_type") == "code"


def _cell(number: int, cell: dict) -> Cell:
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    metadata = _dict(cell.get("metadata"))
    nbgrader = _dict(metadata.get("nbgrader"))
    tags = metadata.get("tags")
    return Cell(
        number=number,
        source=(source if isinstance(source, str) else "").replace("\r\n", "\n"),
        tags=tuple(t for t in tags if isinstance(t, str)) if isinstance(tags, list) else (),
        grade_id=nbgrader.get("grade_id") if isinstance(nbgrader.get("grade_id"), str) else None,
        is_test=bool(nbgrader.get("grade")) and not nbgrader.get("solution"),
    )
