"""Where a measurement keeps its page: one place that says whether it is to be written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

NO_PAGE = "CONVBOOK_BENCH_NO_PAGE"
"""Set for what `python -m bench` starts: it shortens measurements, and writes a page of its own."""

FELL_SHORT = 3
"""Exit code of a measurement that ended, and found what it looks for. 1 is that of a traceback."""


def write_page(place: Path, lines: str | Sequence[str]) -> None:
    """Write a measurement's own page, unless it runs as one of many."""
    text = lines if isinstance(lines, str) else "\n".join(lines) + "\n"
    if not os.environ.get(NO_PAGE):
        place.write_text(text, encoding="utf-8")


def section_from(place: Path, heading: str) -> list[str]:
    """The lines of a page from a heading on, which another command wrote; [] if there is none."""
    text = place.read_text("utf-8") if place.is_file() else ""
    _, found, section = text.partition(f"\n{heading}\n")
    return ["", heading, *section.rstrip("\n").splitlines()] if found else []
