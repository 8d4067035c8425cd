"""Notes which cells a kernel ran: an answer whose cell failed afterwards is an old one.

Python keeps the old function where a cell that was to define it anew cannot be run.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.data.notebook import NotANotebook, read_notebook
from autograder.running.cells import defined_names, text_of


@dataclass(frozen=True)
class Ran:
    """The text of a cell that ran and when; `problem` is a sentence where it failed."""

    source: str
    at: float
    problem: str = ""


class Watch:
    """For each name the last cell that was to define it."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.cells: dict[str, Ran] = {}
        self._before: dict[str, Any] = {}
        shell.events.register("pre_run_cell", self.begin)
        shell.events.register("post_run_cell", self.end)

    def begin(self, info: Any) -> None:
        """Note what the names of a cell stand for before it runs."""
        names = defined_names(info.raw_cell or "")
        self._before = {name: self.shell.user_ns.get(name) for name in names}

    def end(self, result: Any) -> None:
        """Note how a cell went. One that fails further down has defined its function."""
        source = getattr(getattr(result, "info", None), "raw_cell", None) or ""
        error = result.error_before_exec or result.error_in_exec
        for name in defined_names(source):
            old = self._before.get(name)
            is_old = error is not None and self.shell.user_ns.get(name) is old and old is not None
            self.cells[name] = Ran(source, time.time(), _told(error) if is_old and error else "")


def _told(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"has a syntax error in line {error.lineno}: {error.msg}"
    return f"raises {type(error).__name__}: {text_of(error)}"


_watch: Watch | None = None


def watch() -> None:
    """Begin to note the cells of this kernel, if it is one and that is not done already."""
    global _watch
    get = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get() if get else None
    events = getattr(shell, "events", None)
    if (
        shell is not None
        and hasattr(events, "register")
        and (_watch is None or _watch.shell is not shell)
    ):
        _watch = Watch(shell)


def failed_since(name: str) -> str:
    """A sentence where the cell that was to define an answer anew has failed, else nothing."""
    ran = _watch.cells.get(name) if _watch else None
    if ran is None or not ran.problem:
        return ""
    return (
        f"the cell with `{name}` {ran.problem}. What is there under this name is an older answer, "
        "which is not checked: mend the cell, run it, then run this check again"
    )


def changed_since(name: str, folder: Path, exercise: str) -> str:
    """A sentence where the saved notebook has another answer than the one that ran, else nothing.

    What is not saved yet cannot be seen from here.
    """
    ran = _watch.cells.get(name) if _watch else None
    path = notebook_path(folder, exercise)
    if ran is None or path is None or path.stat().st_mtime < ran.at:
        return ""
    try:
        cells = read_notebook(path.read_bytes()).cells
    except (NotANotebook, OSError):
        return ""
    sources = [cell.source for cell in cells if name in defined_names(cell.source)]
    if not sources or ran.source.strip() in [source.strip() for source in sources]:
        return ""
    return (
        f"The cell with `{name}` was changed after it ran: run it, then run this check again. "
        "Below is what the answer before the change gives."
    )


def notebook_path(folder: Path, exercise: str) -> Path | None:
    """The notebook that this kernel belongs to, as far as that is known."""
    said = os.environ.get("JPY_SESSION_NAME", "")
    for path in (Path(said), folder / Path(said).name, folder / f"{exercise}.ipynb"):
        if path.suffix == ".ipynb" and path.is_file():
            return path
    return None


def source_of(function: Any, name: str) -> str:
    """The text of an answer: of its cell where that is known, else of the function."""
    import inspect

    ran = _watch.cells.get(name) if _watch else None
    if ran is not None:
        return ran.source
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ""


def title_of(path: Path) -> str:
    """The heading of a notebook, or its name."""
    try:
        cells = json.loads(path.read_text("utf-8"))["cells"]
        text = "".join(next(c["source"] for c in cells if c["cell_type"] == "markdown"))
    except (OSError, ValueError, KeyError, StopIteration, TypeError):
        return path.stem
    first = text.lstrip().partition("\n")[0]
    return first.lstrip("# ").strip() if first.startswith("#") else path.stem
