"""What a class's page says of the class as a whole: its tasks, its mistakes, who needs a look."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from statistics import StatisticsError, correlation
from typing import Any

FEWEST = 5  # students of whom a correlation is told
MOST_MISTAKES = 10
NOT_BY_HAND = "right, but not by hand"
DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
BY_THE_LOCK = re.compile(r"of memory|SIGKILL|SIGSYS|SIGXCPU|SIGXFSZ|sent (?:more|something)")


@dataclass(frozen=True)
class Mistake:
    """A reason that several answers to a task got; numbers in it may be another in each."""

    task: str
    reason: str
    students: int


@dataclass(frozen=True)
class Look:
    """Why somebody should look at a student's submission."""

    student: str
    reason: str


def answered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those who answered at least one task."""
    return [row for row in rows if not has_nothing(row)]


def has_nothing(row: dict[str, Any]) -> bool:
    """Whether no task has an answer that could be judged."""
    return all(entry["verdict"] == "missing" for entry in row["tasks"].values())


def separation(task: str, rows: list[dict[str, Any]]) -> float | None:
    """The correlation of a task's points with those of all the others, from -1 to 1.

    The corrected item-total correlation of test theory (Henrysson, 1963). None for fewer than
    five students, for one task alone, and where everybody has the same points.
    """
    if len(rows) < FEWEST or len(rows[0]["tasks"]) < 2:
        return None
    own = [row["tasks"][task]["points"] for row in rows]
    rest = [sum(e["points"] for n, e in row["tasks"].items() if n != task) for row in rows]
    try:
        return correlation(own, rest)
    except StatisticsError:
        return None


def mistakes(rows: list[dict[str, Any]]) -> list[Mistake]:
    """The reasons that most students got, those of two and more, most frequent first."""
    counts: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], str] = {}
    for row in rows:
        for task, entry in row["tasks"].items():
            if entry["verdict"] in ("wrong", "error") and entry["hint"]:
                if entry["hint"] == row.get("message"):
                    continue  # it is of the whole notebook
                sign = task, DIGITS.sub("#", entry["hint"])
                counts[sign] += 1
                first.setdefault(sign, entry["hint"])
    found = [Mistake(s[0], first[s], n) for s, n in counts.most_common() if n > 1]
    return found[:MOST_MISTAKES]


def looks(rows: list[dict[str, Any]]) -> list[Look]:
    """Who needs a look, and why, in order of the rows; answers that are right go to the end."""
    found = [Look(row["student"], "; ".join(why)) for row in rows if (why := _why(row))]
    return sorted(found, key=lambda one: one.reason.startswith(NOT_BY_HAND))


def _why(row: dict[str, Any]) -> list[str]:
    status, said = row["status"], row.get("message", "")
    if status == "crashed" and BY_THE_LOCK.search(said):
        return [f"ended by the lock: {said}"]
    if status != "graded":
        said = said or _unfinished(row)
        return [f"{status}: {said}" if said else status]
    if has_nothing(row):
        return ["nothing answered"]
    found = [said] if said else []
    unmarked = row.get("unmarked", [])
    if unmarked:
        named = "all tasks" if len(unmarked) == len(row["tasks"]) else ", ".join(unmarked)
        found.append(f"nbgrader's marks are lost in the test cells of {named}; graded all the same")
    library = [
        name
        for name, entry in row["tasks"].items()
        if entry.get("by_library") and entry["verdict"] == "correct"
    ]
    if library:
        found.append(f"{NOT_BY_HAND}: {', '.join(library)}")
    return found


def _unfinished(row: dict[str, Any]) -> str:
    """Which tasks ran out of time, where the notebook as a whole did not."""
    hints = (entry["hint"] for entry in row["tasks"].values() if entry["verdict"] == "error")
    return "; ".join(hint for hint in hints if "did not finish" in hint)
