"""Runs a chapter in a fresh kernel, and keeps what came out for as long as nothing changed."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from book.elsewhere import is_elsewhere
from convbook.scale import scale

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = ROOT / "chapters"
CELL_SECONDS = 1800
"""No cell of a chapter takes this long at the default scale; `full` has no limit."""

_OURS = ("convbook", "autograder")
_VERSIONS = (
    *("keras", "tensorflow", "tensorflow-cpu", "jax", "jaxlib", "torch", "tensorflow-datasets"),
    *("numpy", "scipy", "scikit-learn", "scikit-image", "pillow", "matplotlib", "cycler"),
    *("opencv-contrib-python-headless", "pycocotools", "mlxtend", "joblib", "psutil", "absl-py"),
    *("ipython", "ipywidgets", "matplotlib-inline", "rich"),
)
"""What chapters and the modules under them import; a machine has some of it."""


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


def read(path: Path) -> nbformat.NotebookNode:
    """Return the notebook in a file.

    Raises:
        BuildError: if the file is missing or is no notebook.
    """
    try:
        return nbformat.read(path, as_version=4)
    except FileNotFoundError:
        raise BuildError(f"{path} does not exist; the chapters are {names()}.") from None
    except Exception as error:  # nbformat raises several kinds for what is not a notebook
        raise BuildError(f"{path} is not a notebook: {error}") from error


def execute(path: Path) -> tuple[nbformat.NotebookNode, float]:
    """Run a notebook in its own folder; return it with its outputs, and the seconds it took.

    Raises:
        BuildError: if the file is no notebook, or a cell fails, or the kernel dies, or there is no
            such scale.
    """
    notebook = read(path)
    progress = _Progress(path.stem, notebook.cells)
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=None if _scale() == "full" else CELL_SECONDS,
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


def executed(path: Path, kept: Path) -> tuple[nbformat.NotebookNode, bool]:
    """A chapter with its outputs: those kept, or those of a run where something changed since.

    What counts as a change: the chapter's code; a module of ours that it imports, over whatever
    other module; kept weights where it loads any; the scale; the backend; the libraries' versions.

    Args:
        path: the notebook.
        kept: folder of outputs of earlier runs.

    Returns:
        The notebook, with the seconds it took in `metadata["seconds"]`, and whether it ran now.

    Raises:
        BuildError: as `execute`.
    """
    source = read(path)
    place = kept / f"{path.stem}-{_digest(source)}.ipynb"
    ran = not place.is_file()
    if ran:
        _keep(path, place)
    notebook = nbformat.read(place, as_version=4)
    _take_text(notebook, source)
    return notebook, ran


def _keep(path: Path, place: Path) -> None:
    """Run a chapter and keep it with its outputs, in place of that of an earlier run."""
    notebook, seconds = execute(path)
    notebook.metadata["seconds"] = round(seconds, 1)
    # What a widget shows is kept as its still picture, which needs no program. (The switch
    # that nbclient has for it, store_widget_state, breaks Output widgets: see findings/.)
    notebook.metadata.pop("widgets", None)
    place.parent.mkdir(parents=True, exist_ok=True)
    for old in place.parent.glob(f"{path.stem}-{_setting()}-*.ipynb"):
        old.unlink()
    partial = place.with_suffix(".partial")
    nbformat.write(notebook, partial)
    partial.replace(place)


def names() -> str:
    """The chapters there are, in words."""
    return ", ".join(path.stem for path in sorted(CHAPTERS.glob("*.ipynb"))) or "none yet"


def _take_text(notebook: nbformat.NotebookNode, source: nbformat.NotebookNode) -> None:
    """Today's text and metadata around the outputs of an earlier run of the same code."""
    outputs = [cell.outputs for cell in _code_cells(notebook)]
    seconds = notebook.metadata.get("seconds")
    notebook.cells = source.cells
    notebook.metadata = {**source.metadata, "seconds": seconds}
    for cell, of_cell in zip(_code_cells(notebook), outputs, strict=True):
        cell.outputs = of_cell


def _code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The code cells, but for the one that does nothing here."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and not is_elsewhere(cell)]


def _scale() -> str:
    """The scale, as the chapters themselves read it."""
    try:
        return scale()
    except ValueError as error:
        raise BuildError(str(error)) from None


def _setting() -> str:
    """The scale and the backend, which a reader changes to and fro."""
    return f"{_scale()}-{os.environ.get('KERAS_BACKEND') or 'tensorflow'}"


def _digest(notebook: nbformat.NotebookNode) -> str:
    code = [cell.source for cell in _code_cells(notebook)]
    digest = hashlib.sha256("\n\0".join(code).encode())
    files = sorted(_imported_files("\n".join(code)))
    if ROOT / "convbook" / "kept.py" in files:
        files += sorted((ROOT / "convbook" / "weights").iterdir())
    for file in files:
        digest.update(file.read_bytes())
    for library in _VERSIONS:
        digest.update(f"{library} {_version(library)}".encode())
    return f"{_setting()}-{digest.hexdigest()[:24]}"


def _version(library: str) -> str:
    """Of a library; "" where it is not installed."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _imported_files(code: str) -> set[Path]:
    """The files of our own that a program imports, and those which these import."""
    # IPython's own lines are no Python.
    plain = re.sub(r"^(\s*)[%!].*$", r"\1pass", code, flags=re.MULTILINE)
    found: set[Path] = set()
    waiting = list(_imports(plain))
    while waiting:
        for file in _files_of(waiting.pop()):
            if file not in found:
                found.add(file)
                waiting += _imports(file.read_text(encoding="utf-8"))
    return found


def _imports(code: str) -> Iterator[str]:
    """Dotted names that a program imports: modules, or names in them."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files_of(dotted: str) -> Iterator[Path]:
    """The module of that name, and the packages around it; nothing where it is not ours."""
    parts = dotted.split(".")
    if parts[0] not in _OURS:
        return
    for length in range(1, len(parts) + 1):
        place = ROOT.joinpath(*parts[:length])
        for file in (place / "__init__.py", place.with_suffix(".py")):
            if file.is_file():
                yield file


def _section(cells: list[nbformat.NotebookNode]) -> str:
    """The last heading in the cells."""
    for cell in reversed(cells):
        if cell.cell_type == "markdown":
            headings = re.findall(r"^#{1,3}\s+(.+)$", cell.source, re.MULTILINE)
            if headings:
                return headings[-1].strip()
    return ""
