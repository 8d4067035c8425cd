"""Writes files whole or not at all."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

PART = ".part-"  # how the name of a file begins that is not whole yet


class CannotWrite(Exception):
    """A file cannot be written; `str()` is a sentence for the user."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"cannot write {path}: {error.strerror}. What was written before is kept; "
            "make room or choose another place, and run the same command again"
        )


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file whole or leave the old one as it is. Raises CannotWrite."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=PART)
        with os.fdopen(handle, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise CannotWrite(path, error) from error


def write_csv(path: Path, rows: Iterable[Iterable[Any]]) -> None:
    """Write a table that spreadsheets open as it is, whole or not at all. Raises CannotWrite.

    It starts with a mark of its encoding, and what a student wrote is no formula in it.
    """
    text = io.StringIO()
    csv.writer(text).writerows([_no_formula(cell) for cell in row] for row in rows)
    write_whole(path, "\ufeff" + text.getvalue())


def _no_formula(cell: Any) -> Any:
    """A text that a spreadsheet would calculate, with a mark before it that makes it text."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in tuple("=+-@\t\r") else cell


def lock_file(file: IO[str]) -> None:
    """Take a file for oneself until it is closed. Raises OSError where somebody else has it."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
