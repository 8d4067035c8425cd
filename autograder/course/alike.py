"""Answers that are the same once names, comments and spaces are left out: seen, not judged.

A print of every answer goes into its row of results. The text is cut into words, never parsed or
run: it is a student's.
"""

from __future__ import annotations

import builtins
import hashlib
import io
import keyword
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.course.answers import MOST_BYTES, defines
from autograder.data.notebook import DEMONSTRATION, NotANotebook, checked_task, read_notebook

SHORTEST = 80  # words and signs: shorter answers are alike by themselves
LONGEST = 40_000  # characters
KNOWN = {*dir(builtins), *keyword.kwlist, *keyword.softkwlist}
LEFT_OUT = (tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER)


@dataclass(frozen=True)
class Alike:
    """Students whose answers to a task are the same, and whether all of those are right, or some.

    What is around an answer, or a time limit, can make one of the same wrong.
    """

    task: str
    students: tuple[str, ...]
    right: bool
    some_right: bool = False

    @property
    def verdict(self) -> str:
        """In a word or two."""
        return "right" if self.right else "right for some" if self.some_right else "wrong"


def looked_at(raw: bytes | None, tasks: Iterable[str]) -> dict[str, Any]:
    """What a row keeps of a submission's text: `prints` of its answers, and tasks `unmarked`.

    Unmarked are those whose check no cell carries that nbgrader knows for a test.
    """
    if raw is None or len(raw) > MOST_BYTES:
        return {}
    try:
        cells = read_notebook(raw).cells
    except NotANotebook:
        return {}
    prints = {}
    for task in tasks:
        answers = [c.source for c in cells if not c.is_test and DEMONSTRATION not in c.tags]
        answers = [source for source in answers if defines(source, task)]
        if answers and (found := print_of(answers[-1])):
            prints[task] = found
    marked = {checked_task(cell.source) for cell in cells if cell.is_test}
    return {"prints": prints, "unmarked": [task for task in tasks if task not in marked]}


def print_of(source: str) -> str | None:
    """A print of an answer that its names, comments and spaces do not change.

    None for one that is very short, unanswered, or cannot be cut into words.
    """
    if len(source) > LONGEST:
        return None
    try:
        words = _words(source)
    except Exception:  # a student's text: whatever it does, the class is graded
        return None
    if len(words) < SHORTEST:
        return None
    content = "\0".join(words).encode("utf-8", "surrogatepass")
    return hashlib.sha256(content).hexdigest()[:16]


def _words(source: str) -> list[str]:
    """The words and signs of a text, its own names numbered in the order that they appear in."""
    found: list[str] = []
    names: dict[str, str] = {}
    tokens = [t for t in tokenize.generate_tokens(io.StringIO(source).readline)
              if t.type not in LEFT_OUT]  # fmt: skip
    for number, token in enumerate(tokens):
        before = tokens[number - 1] if number else None
        begins = before is None or before.type in (
            tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
        )  # fmt: skip
        if token.type == tokenize.STRING and begins:
            continue  # a text that says something, and does nothing; so is the end of its line
        if token.type == tokenize.NEWLINE and found[-1:] in ([], ["NEWLINE"], ["INDENT"]):
            continue
        if token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT):
            word = tokenize.tok_name[token.type]
        elif token.type == tokenize.NAME and token.string not in KNOWN:
            is_attribute = before is not None and before.string == "."
            word = token.string
            if not is_attribute:
                word = names.setdefault(word, f"name {len(names)}")
        else:
            word = token.string
        found.append(word)
    return found


def released_prints(path: Path, tasks: Iterable[str]) -> dict[str, str]:
    """The prints of what was given out, where that lies there: who left it so is no likeness."""
    try:
        return looked_at(path.read_bytes(), tasks).get("prints", {})
    except OSError:
        return {}


def alike(rows: list[dict[str, Any]], released: dict[str, str]) -> list[Alike]:
    """Groups of two and more whose answers to a task are the same, the wrong ones first."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        for task, found in row.get("prints", {}).items():
            entry = row["tasks"].get(task, {})
            if found != released.get(task) and entry.get("verdict", "missing") != "missing":
                groups.setdefault((task, found), []).append(row)
    made = []
    for (task, _), found in groups.items():
        if len(found) > 1:
            right = [row["tasks"][task]["verdict"] == "correct" for row in found]
            students = tuple(row["student"] for row in found)
            made.append(Alike(task, students, all(right), any(right)))
    return sorted(made, key=lambda group: (group.right, -len(group.students), group.task))
