"""The cell by which a chapter runs where the book is not installed, such as on a bare Colab.

``python -m book.sync`` writes it into every chapter, before the cell ``setup``. It fetches the
book from the address of its repository; the address comes from ``CONVBOOK_REPOSITORY`` where that
is set, and stays as it is in the notebooks where it is not.
"""

from __future__ import annotations

import os
import re

from nbformat import NotebookNode, v4

ELSEWHERE = "elsewhere"
"""The tag of the cell. It does nothing in the book's own folder, and no run depends on it."""

_CELL = """\
# Where the book is not installed, as on a bare Colab, this fetches it; elsewhere it does nothing.
import os
import subprocess
import sys
from importlib import invalidate_caches
from importlib.util import find_spec

BOOK = "{address}"  # the address of the book's repository, as git takes it
if not find_spec("convbook"):
    if not BOOK:
        sys.exit("The book is not installed here: write its repository's address into BOOK above.")
    fetch = ["git", "clone", "--quiet", "--depth", "1", BOOK, "the-book"]
    install = [sys.executable, "-m", "pip", "install", "--quiet", "./the-book"]
    if any(subprocess.run(step).returncode for step in (fetch, install)):
        sys.exit(f"The book could not be fetched from {{BOOK}}; the lines above say why.")
    os.chdir("the-book/chapters")
    invalidate_caches()"""


def repository() -> str:
    """The address of the book's repository, without a slash at its end; "" where it is not said."""
    return os.environ.get("CONVBOOK_REPOSITORY", "").strip().rstrip("/")


def runs_elsewhere(book: NotebookNode) -> bool:
    """Give a chapter the cell that fetches the book, as it should be; True if it was not so.

    A notebook without a cell `setup` has none.
    """
    ids = [cell.id for cell in book.cells]
    if "setup" not in ids:
        return False
    there = next((cell for cell in book.cells if is_elsewhere(cell)), None)
    source = _CELL.format(address=repository() or _address(there))
    if there is not None:
        changed, there.source = there.source != source, source
        return changed
    metadata = {
        "slideshow": {"slide_type": "skip"},
        "tags": ["hide-input", ELSEWHERE, "remove-cell"],
    }
    cell = v4.new_code_cell(source, id=ELSEWHERE, metadata=metadata)
    book.cells.insert(ids.index("setup"), cell)
    return True


def is_elsewhere(cell: NotebookNode) -> bool:
    """Whether it is the cell that fetches the book."""
    return ELSEWHERE in cell.metadata.get("tags", [])


def _address(cell: NotebookNode | None) -> str:
    """The address that stands in the cell."""
    found = re.search(r'^BOOK = "(.*?)"', cell.source, re.MULTILINE) if cell else None
    return found[1] if found else ""
