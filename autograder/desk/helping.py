"""`hint` and `solution`: help that comes after a try, and more of it after more tries.

Hints are those that stand folded above a task. Model answers come from the book's own folder, or
from a file that an exercise released for self-study has beside it; a course's exercises have none.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.data.notebook import (
    ANSWERS_NAME,
    NotANotebook,
    answers_in,
    checked_task,
    notebook_cells,
)
from autograder.desk.kernel import notebook_path

if TYPE_CHECKING:
    from autograder.judging.judge import Verdict

FOLDED = re.compile(r"<details>\s*<summary>(.*?)</summary>(.*?)</details>", re.DOTALL)


# What was tried


@dataclass
class Tries:
    """The answers to one task that were checked in this kernel."""

    failed: list[str] = field(default_factory=list)  # texts that were wrong, each once
    last: Verdict | None = None
    last_source: str = ""

    @property
    def is_right(self) -> bool:
        """Whether the last answer was right."""
        return self.last is not None and self.last.verdict == "correct"


_tries: dict[tuple[str, str], Tries] = {}


def tries_of(exercise: str, task: str) -> Tries:
    """What was tried of a task."""
    return _tries.setdefault((exercise, task), Tries())


def note_try(exercise: str, verdict: Verdict, source: str) -> Tries:
    """Note a verdict. The same text checked again is no further try, nor is no answer."""
    tries = tries_of(exercise, verdict.task)
    if verdict.verdict == "missing":
        return tries
    tries.last, tries.last_source = verdict, source
    wrong = verdict.verdict != "correct"
    if wrong and (not source or source not in tries.failed):
        tries.failed.append(source)
    return tries


def open_tasks(exercise: str, tasks: list[str]) -> list[str]:
    """The tasks whose last answer was not right, or that were not checked."""
    return [name for name in tasks if not tries_of(exercise, name).is_right]


# Hints


def hints_of(folder: Path, exercise: str, task: str) -> list[tuple[str, str]]:
    """The hints above a task in its notebook, each a title and a text in Markdown."""
    path = notebook_path(folder, exercise)
    try:
        cells = notebook_cells(path.read_bytes()) if path else []
    except (NotANotebook, OSError):
        return []
    found: list[tuple[str, str]] = []
    for cell in cells:
        source = cell["source"]
        if cell["kind"] == "markdown":
            hints = [(title.strip(), text.strip()) for title, text in FOLDED.findall(source)]
            found = hints if source.lstrip().startswith("## ") else found + hints
        elif checked_task(source) == task:
            return found
        elif checked_task(source):
            found = []
    return []


def hint_text(hints: list[tuple[str, str]], tries: Tries, name: str, has_answer: bool) -> str:
    """As many hints as there were failed tries, the last one unfolded, in Markdown."""
    if tries.is_right:
        return f"`{name}` is right: there is nothing left to hint at."
    count = len(tries.failed)
    if not count:
        return (
            f"Try first: write an answer to `{name}` and run its check. "
            f"After each try that fails, `hint({name!r})` shows one hint more."
        )
    shown = hints[:count]
    pieces = [
        f"<details{' open' if number == len(shown) else ''}><summary>{title}</summary>\n\n{text}\n"
        "</details>"
        for number, (title, text) in enumerate(shown, 1)
    ]
    if count < len(hints):
        pieces.append(f"{count} of {len(hints)} hints; after the next try there is one more.")
    else:
        tail = f"`solution({name!r})` shows a model answer beside yours." if has_answer else ""
        if tries.last is not None and tries.last.hint:
            tail = f"What the check says of your answer: {tries.last.hint} {tail}"
        kind = "These are all hints." if hints else f"`{name}` has no further hints."
        pieces.append(f"{kind} {tail}".strip())
    return "\n\n".join(pieces)


# Model answers


def model_answers(folder: Path, exercise: str) -> dict[str, str]:
    """The text of each task's model answer; nothing where an exercise came without them."""
    beside = folder / ANSWERS_NAME
    try:
        if beside.is_file():
            told = json.loads(beside.read_text("utf-8"))["answers"]
            return {str(name): str(text) for name, text in told.items()}
        source = folder.resolve().parent.parent / "solutions" / exercise / f"{exercise}.ipynb"
        return answers_in(source.read_bytes()) if source.is_file() else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, NotANotebook):
        return {}


@dataclass(frozen=True)
class Line:
    """A line of an answer, and whether the other answer has it too."""

    text: str
    other: bool


def beside(own: str, model: str) -> tuple[list[Line], list[Line]]:
    """Two answers line by line; what only one of them has is marked, whatever its indentation."""
    mine, theirs = own.rstrip().splitlines(), model.rstrip().splitlines()
    matcher = difflib.SequenceMatcher(
        None, [line.strip() for line in mine], [line.strip() for line in theirs], autojunk=False
    )
    same_mine: set[int] = set()
    same_theirs: set[int] = set()
    for block in matcher.get_matching_blocks():
        same_mine.update(range(block.a, block.a + block.size))
        same_theirs.update(range(block.b, block.b + block.size))
    return (
        [Line(text, number not in same_mine and bool(text.strip()))
         for number, text in enumerate(mine)],
        [Line(text, number not in same_theirs and bool(text.strip()))
         for number, text in enumerate(theirs)],
    )  # fmt: skip


class InMarkdown:
    """Text that a notebook shows as Markdown, and anything else as it is."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return re.sub(r"</?(details|summary)[^>]*>", "", self.text)

    def _repr_markdown_(self) -> str:
        return self.text


class BothAnswers:
    """A model answer beside one's own, as the value of a notebook cell."""

    def __init__(self, name: str, own: str, model: str, verdict: Verdict | None) -> None:
        self.name, self.own, self.model, self.verdict = name, own, model, verdict

    def __repr__(self) -> str:
        return self.model

    def _repr_html_(self) -> str:
        from autograder.judging.report import templates

        mine, theirs = beside(self.own, self.model)
        return (
            templates()
            .get_template("solution.html")
            .render(name=self.name, mine=mine, theirs=theirs, verdict=self.verdict)
        )


def help_lines(tries: Tries, name: str, hints: int, has_answer: bool) -> tuple[Any, ...]:
    """What is said below a failed check of where help is."""
    from markupsafe import Markup

    ways = []
    count = len(tries.failed)
    if hints:
        ways.append(Markup("<code>hint({!r})</code> ({} of {})").format(
            name, min(count, hints), hints))  # fmt: skip
    if has_answer:
        ways.append(
            Markup("<code>solution({!r})</code> shows a model answer beside yours").format(name)
        )
    return (Markup("Stuck? {}").format(Markup(" · ").join(ways)),) if ways else ()
