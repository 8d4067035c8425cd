"""Writes files whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import io
import json
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
            file.write(content if isinstance(content, bytes) else in_utf8(content))
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise CannotWrite(path, error) from error


def in_utf8(text: str) -> bytes:
    """A text's bytes; half a character, which JSON holds and UTF-8 cannot, as a question mark."""
    return text.encode("utf-8", "replace")


def readable_name(name: str) -> str:
    """A file's name, where it holds bytes that are no text with marks in their place."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def json_lines(path: Path) -> list[Any]:
    """What the whole lines of a file hold, one that is no JSON or was cut short left out.

    Only a line feed ends a line: what a student wrote may hold other signs that end one.
    Raises OSError.
    """
    found = []
    for line in path.read_bytes().split(b"\n")[:-1]:
        with contextlib.suppress(ValueError, RecursionError):
            found.append(json.loads(line))
    return found


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
