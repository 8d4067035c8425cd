"""Ends an answer that never does, and says in which line of the reader's cell it was."""

from __future__ import annotations

import contextlib
import signal
import threading
import traceback
from collections.abc import Iterator
from types import TracebackType

SECONDS = 30.0  # a check takes 0.25 to 3 s
AGAIN = 1.0  # after which an answer that swallows its end is ended again
LONGEST_LINE = 80


class TakesTooLong(BaseException):
    """An answer has used up its time; no `except Exception` of a reader's swallows it."""


@contextlib.contextmanager
def ended_after(seconds: float) -> Iterator[None]:
    """Raise TakesTooLong inside the block after `seconds`, where a timer can be had.

    That is in the main thread, in which a kernel runs its cells, and not on Windows.
    """
    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(signum: int, frame: object) -> None:
        raise TakesTooLong

    previous = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def place_in_cell(stack: TracebackType | None, file: str | None) -> str:
    """In which line of a cell an error came: " in line 4 of the cell (`while True:`)", or nothing.

    `file` is what the cell is known by, the one of the code of the answer's function.
    """
    frames = [frame for frame in traceback.extract_tb(stack) if frame.filename == file]
    if not frames:
        return ""
    line = (frames[-1].line or "").strip()[:LONGEST_LINE]
    return f" in line {frames[-1].lineno} of the cell{f' (`{line}`)' if line else ''}"


def file_of(function: object) -> str | None:
    """What the cell that defines a function is known by."""
    import inspect

    with contextlib.suppress(ValueError):
        function = inspect.unwrap(function)  # type: ignore[arg-type]
    code = getattr(function, "__code__", None) or getattr(
        getattr(function, "call", None), "__code__", None
    )
    return code.co_filename if code else None
