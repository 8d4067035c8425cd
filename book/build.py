"""Runs chapters and writes them as pages: `python -m book.build [CHAPTER ...] [--out FOLDER]`.

A chapter runs top to bottom in a fresh kernel at the scale `CONVBOOK_SCALE` says; its page and
its slides are written only where all of it ran. Without names, every chapter is built, and an index
of them.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from book.page import opening_of, render, render_index, render_slides, title_of

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = ROOT / "chapters"
CELL_SECONDS = 1800
"""No cell of a chapter takes this long at the default scale; `full` has no limit."""


class BuildError(Exception):
    """A chapter that is missing or did not run; the message says which and where."""


class _Progress:
    """Shows which cell runs: over one line of a terminal, else a line a section."""

    def __init__(self, name: str, cells: list[nbformat.NotebookNode]):
        self.name = name
        self.cells = cells
        self.total = sum(cell.cell_type == "code" for cell in cells)
        self.done = 0
        self.section = ""
        self.started = time.monotonic()
        self.terminal = sys.stderr.isatty()

    def __call__(self, cell: nbformat.NotebookNode, cell_index: int) -> None:
        if cell.cell_type != "code":
            return
        section = _section(self.cells[:cell_index])
        line = f"{self.name}: cell {self.done + 1} of {self.total}, {self.seconds:.0f} s, {section}"
        if self.terminal:
            print(f"\r\x1b[K{line[:100]}", end="", file=sys.stderr, flush=True)
        elif section != self.section:
            print(line, file=sys.stderr, flush=True)
        self.done += 1
        self.section = section

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def end(self) -> None:
        if self.terminal:
            print("\r\x1b[K", end="", file=sys.stderr)


def execute(path: Path) -> tuple[nbformat.NotebookNode, float]:
    """Run a notebook in its own folder; return it with its outputs, and the seconds it took.

    Raises:
        BuildError: if the file is no notebook, or a cell fails, or the kernel dies.
    """
    try:
        notebook = nbformat.read(path, as_version=4)
    except FileNotFoundError:
        raise BuildError(f"{path} does not exist; the chapters are {_names()}.") from None
    except Exception as error:  # nbformat raises several kinds for what is not a notebook
        raise BuildError(f"{path} is not a notebook: {error}") from error
    progress = _Progress(path.stem, notebook.cells)
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=None if os.environ.get("CONVBOOK_SCALE") == "full" else CELL_SECONDS,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_start=progress,
    )
    # TensorFlow's notes on the processor are not the chapter's; the kernel's own go to a file.
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}
    with tempfile.TemporaryFile("w+") as log:
        try:
            client.execute(env=environment, stderr=log)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            reason = str(error).strip()
            if isinstance(error, DeadKernelError):
                log.seek(0)
                reason += "\n" + log.read()[-2000:]
            raise BuildError(f"{path.name} failed under {progress.section!r}:\n{reason}") from error
        finally:
            progress.end()
    return notebook, progress.seconds


def build(path: Path, out: Path) -> tuple[Path, float]:
    """Run a chapter and write its page and its slides into `out`; return the page and the seconds.

    Raises:
        BuildError: if the chapter did not run.
    """
    notebook, seconds = execute(path)
    scale = os.environ.get("CONVBOOK_SCALE") or "default"
    footer = f"Run in {seconds:.0f} s at {scale} scale on {date.today().isoformat()}."
    out.mkdir(parents=True, exist_ok=True)
    page, slides = out / f"{path.stem}.html", out / f"{path.stem}.slides.html"
    _write(slides, render_slides(notebook, path.parent, home=page.name))
    _write(page, render(notebook, path.parent, footer, slides=slides.name))
    return page, seconds


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def write_index(out: Path) -> Path:
    """Write `index.html` for the chapters whose pages lie in `out`; return its path."""
    chapters = []
    for path in sorted(CHAPTERS.glob("*.ipynb")):
        if (out / f"{path.stem}.html").is_file():
            notebook = nbformat.read(path, as_version=4)
            chapters.append(
                {
                    "name": path.stem,
                    "title": title_of(notebook) or path.stem,
                    "opening": opening_of(notebook),
                }
            )
    index = out / "index.html"
    index.write_text(render_index(chapters), encoding="utf-8")
    return index


def _section(cells: list[nbformat.NotebookNode]) -> str:
    """The last heading in the cells."""
    for cell in reversed(cells):
        if cell.cell_type == "markdown":
            headings = re.findall(r"^#{1,3}\s+(.+)$", cell.source, re.MULTILINE)
            if headings:
                return headings[-1].strip()
    return ""


def _names() -> str:
    return ", ".join(path.stem for path in sorted(CHAPTERS.glob("*.ipynb"))) or "none yet"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code: 1 where a chapter failed, 2 for wrong arguments."""
    parser = argparse.ArgumentParser(prog="python -m book.build", description=__doc__)
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help="such as 04_residual")
    parser.add_argument("--out", type=Path, default=ROOT / "_book", help="default: _book")
    options = parser.parse_args(arguments)
    paths = [CHAPTERS / f"{Path(name).stem}.ipynb" for name in options.chapters]
    for path in paths:
        if not path.is_file():
            print(f"There is no chapter {path.stem}; there are {_names()}.", file=sys.stderr)
            return 2
    failed = 0
    for path in paths or sorted(CHAPTERS.glob("*.ipynb")):
        try:
            page, seconds = build(path, options.out)
        except BuildError as error:
            print(error, file=sys.stderr)
            failed += 1
        else:
            print(f"{page} ({seconds:.0f} s)")
    print(write_index(options.out))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
