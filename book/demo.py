"""`make demo`: one chapter run and read, one class graded, from nothing.

Runs chapter 04 at the default scale and writes its page, then makes a class's submissions of the
same exercise, grades them, and writes a page a student and one for the class.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

from book.build import build
from book.classroom import make_class
from book.execution import CHAPTERS, ROOT, BuildError

EXERCISE = "04_residual"
BOOK = ROOT / "_book"
DEMO = ROOT / "_demo"
SUBMISSION_SECONDS = 60
"""A submission may take this long; one of the class never ends."""


class DemoError(Exception):
    """A step that did not work; the message says which."""


def run_chapter() -> Path:
    """Run the chapter and return its page.

    Raises:
        BuildError: if a cell fails.
    """
    _say(f"1. Running chapter {EXERCISE} on real handwritten digits (about three minutes).")
    started = time.monotonic()
    (page, *_), _ = build([CHAPTERS / f"{EXERCISE}.ipynb"], BOOK, whole=False)
    _say(f"   {_short(page)} written in {time.monotonic() - started:.0f} s.")
    return page


def grade_class() -> Path:
    """Make the class's submissions, grade them, and return the class's page.

    Raises:
        DemoError: if the grading fails.
    """
    shutil.rmtree(DEMO, ignore_errors=True)
    members = make_class(EXERCISE, DEMO / "submitted")
    _say(f"2. Grading exercise {EXERCISE} for a class of {len(members)}:")
    for student in members:
        _say(f"   {student.name:8} {student.story}")
    started = time.monotonic()
    command = [
        str(Path(sys.executable).parent / "autograder"),
        *("grade", _short(DEMO / "submitted"), "--exercise", EXERCISE),
        *("--out", _short(DEMO / "graded"), "--timeout", str(SUBMISSION_SECONDS)),
        # This class is made up here: it may be graded where strangers' code could not be locked in.
        *(() if shutil.which("bwrap") else ("--unsafe",)),
    ]
    _say("   " + " ".join(["autograder", *command[1:]]))
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    page = DEMO / "graded" / "index.html"
    if code or not page.is_file():
        raise DemoError(f"autograder grade ended with exit code {code} (its reason is above).")
    _say(f"   Graded in {time.monotonic() - started:.0f} s.")
    return page


def main() -> int:
    """Run both parts; return the exit code: 1 where one failed."""
    try:
        chapter = run_chapter()
        graded = grade_class()
    except (BuildError, DemoError, FileNotFoundError) as error:
        print(f"make demo: {error}", file=sys.stderr)
        return 1
    _say("")
    _say(f"The chapter, with its figures: {_short(chapter)}. Open it in a browser.")
    _say(f"The class, a page a student and a table: {_short(graded)}.")
    _say("Start with `make lab`: JupyterLab opens on the book.")
    return 0


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
