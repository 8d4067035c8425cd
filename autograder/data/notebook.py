"""Reads notebooks as they come from students, and runs their cells without a kernel."""

from __future__ import annotations

import ast
import json
import linecache
import re
import warnings
from dataclasses import dataclass, field
from typing import Any

MOST_BYTES = 200_000_000
DEMONSTRATION = "demonstration"  # a cell with this tag trains or shows; grading leaves it out


# Magics around code that counts: the code is run, the magic is left out.
CELL_MAGICS = re.compile(r"\s*%%(time|timeit|capture|prun)\b.*")
LINE_MAGICS = re.compile(r"^(\s*)%(?:time|prun) +(?!-)", re.MULTILINE)
# What a test cell checks: `check(residual_block)`.
CHECK = re.compile(r"\bcheck\(\s*(\w+)")


class NotANotebook(Exception):
    """A file cannot be read as a notebook; `str()` is a sentence for its row."""


class OutOfTime(BaseException):
    """A cell or an answer used up its share of the time; no `except Exception` swallows it."""


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
    called = CHECK.search(source)
    return called.group(1) if called else None


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
    cells = [cell for sheet in worksheets for cell in _dict(sheet).get("cells") or []]
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


@dataclass
class Run:
    """What running a notebook's cells left behind."""

    namespace: dict[str, Any]
    problems: dict[str, str] = field(default_factory=dict)  # a name that a failed cell defines
    failures: list[str] = field(default_factory=list)


class StandInShell:
    """Takes the calls that IPython's magics turn into, and does nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **options: None


def run_cells(notebook: Notebook, limit: Any = None) -> Run:
    """Run all cells but tests and demonstrations; a cell that fails does not stop the next.

    `limit(what)` is a context manager around each cell that ends what takes too long.
    """
    import contextlib

    limit = limit or (lambda what: contextlib.nullcontext())
    run = Run({"__name__": "__main__", "get_ipython": StandInShell})
    for cell in notebook.cells:
        if cell.is_test or DEMONSTRATION in cell.tags:
            continue
        problem = _run_cell(cell, run.namespace, limit)
        if problem:
            run.failures.append(problem)
            for name in _defined_names(cell.source):
                run.problems[name] = problem
    return run


def _run_cell(cell: Cell, namespace: dict[str, Any], limit: Any) -> str | None:
    """Run one cell; a sentence where it fails."""
    file = f"<cell {cell.number}>"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            source = _without_magics(cell.source)
            code = compile(source, file, "exec", dont_inherit=True)
        linecache.cache[file] = (len(source), None, source.splitlines(True), file)
        with limit(f"cell {cell.number}"):
            exec(code, namespace)
    except SyntaxError as error:
        return f"cell {cell.number} has a syntax error in line {error.lineno}: {error.msg}"
    except OutOfTime as late:
        return str(late)
    except SystemExit:
        return f"cell {cell.number} exits the process"
    except BaseException as error:  # KeyboardInterrupt and a student's own kinds too
        return f"cell {cell.number} raises {type(error).__name__}: {text_of(error)}"
    return None


def text_of(error: BaseException) -> str:
    """What an exception says, where it can say it."""
    try:
        return " ".join(str(error).split())[:300]
    except BaseException as other:
        return f"(its text cannot be had: {type(other).__name__})"


def _without_magics(source: str) -> str:
    """Plain Python: `%magic` and `!shell` lines become calls of the stand-in shell."""
    if not any(line.lstrip()[:1] in "%!?" for line in source.splitlines() if line.strip()):
        return source
    from IPython.core.inputtransformer2 import TransformerManager

    if CELL_MAGICS.match(source):
        first, _, rest = source.lstrip().partition("\n")
        source = source[: source.index("%")] + f"# {first}\n{rest}"
    return TransformerManager().transform_cell(LINE_MAGICS.sub(r"\1", source))


def _defined_names(source: str) -> list[str]:
    """Names of functions that a cell was to define; found by line where it does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        words = [line.split("(")[0].split() for line in source.splitlines()]
        return [w[1] for w in words if len(w) == 2 and w[0] == "def"]
    except (RecursionError, MemoryError):
        return re.findall(r"^def (\w+)", source, re.MULTILINE)
    return [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
