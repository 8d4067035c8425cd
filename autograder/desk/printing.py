"""Keeps what an answer prints while it is checked, and no more of it than can be read."""

from __future__ import annotations

import io

from autograder.judging.report import Printed

MOST = 4000  # characters that are kept
MOST_LINES = 60


class Kept(io.TextIOBase):
    """A text stream that keeps its beginning and counts the lines."""

    def __init__(self) -> None:
        self._text, self._lines, self._open = "", 0, False

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True

    def write(self, text: str) -> int:
        """Keep what there is room for."""
        if len(self._text) < MOST:
            self._text += text[: MOST - len(self._text)]
        self._lines += text.count("\n")
        if text:
            self._open = not text.endswith("\n")
        return len(text)

    def printed(self) -> Printed | None:
        """What was printed; None where nothing was."""
        count = self._lines + self._open
        if not self._text.strip():
            return None
        lines = self._text.rstrip("\n").split("\n")[:MOST_LINES]
        if len(lines) < count:
            lines.append(f"... ({count - len(lines)} more)")
        return Printed("\n".join(lines), count)
