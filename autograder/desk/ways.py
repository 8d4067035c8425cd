"""Where a reader goes from a right answer: the next task, the next chapter, the contents."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.desk.kernel import title_of

if TYPE_CHECKING:
    from markupsafe import Markup

CONTENTS = "contents.ipynb"
NUMBERED = re.compile(r"([0-8]\d)_\w+")


def book_of(folder: Path) -> Path | None:
    """The book's folder that an exercise's folder lies in: one with chapters beside; else None."""
    root = folder.resolve().parent.parent
    return root if (root / "chapters").is_dir() else None


def next_chapter(folder: Path, exercise: str) -> Path | None:
    """The chapter that comes after an exercise, if there is one."""
    root, number = book_of(folder), NUMBERED.match(exercise)
    if root is None or number is None:
        return None
    later = [
        path
        for path in sorted((root / "chapters").glob("*.ipynb"))
        if (found := NUMBERED.fullmatch(path.stem)) and found[1] > number[1]
    ]
    return later[0] if later else None


def after_a_right_answer(folder: Path, exercise: str, open_: list[str]) -> tuple[Markup, ...]:
    """What comes next, with links that JupyterLab opens; `open_` are tasks not yet right."""
    from markupsafe import Markup

    steps: list[Markup] = []
    if open_:
        names = Markup(", ").join(Markup("<code>{}</code>").format(name) for name in open_)
        steps.append(Markup("Still open in this exercise: {}").format(names))
    links = []
    chapter = next_chapter(folder, exercise)
    if chapter is not None:
        links.append(("next chapter: " + title_of(chapter), chapter))
    root = book_of(folder)
    if root is not None and (root / CONTENTS).is_file():
        links.append(("contents", root / CONTENTS))
    if links:
        # a kernel's working folder is that of its notebook
        link, start = Markup('<a href="{}">{}</a>'), Path.cwd().resolve()
        shown = [
            link.format(Path(os.path.relpath(path, start)).as_posix(), text) for text, path in links
        ]
        words = "Then" if open_ else "All is right here"
        steps.append(Markup("{}: {}").format(words, Markup(" · ").join(shown)))
    elif not open_:
        steps.append(Markup("All tasks of this exercise are right."))
    return tuple(steps)
