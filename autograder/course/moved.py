"""Whose score another grading moved, and why: by another key, notebook, version, or on request."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.data.files import json_lines, write_csv, write_whole
from autograder.judging.report import number

BEFORE = "before.jsonl"  # rows that are being graded again; there until all are
CHANGES = "changes.csv"
HEAD = ["student", "before", "after", "why", "tasks"]


@dataclass(frozen=True)
class Move:
    """A score that is another one now: `why` it was graded again, and the `tasks` that moved."""

    student: str
    before: float
    after: float
    why: str
    tasks: tuple[str, ...]

    def __str__(self) -> str:
        """As a sentence."""
        moved = f"{self.student}: {number(self.before)} → {number(self.after)} points, {self.why}"
        return ". ".join([moved, *self.tasks])


def remember(out: Path, rows: list[dict[str, Any]]) -> None:
    """Keep the rows that are about to be graded again, also over a grading that is killed."""
    kept = {row["student"]: row for row in [*rows, *remembered(out)]}
    if kept:
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in kept.values()]
        write_whole(out / BEFORE, "".join(lines))


def remembered(out: Path) -> list[dict[str, Any]]:
    """The rows that stood before this grading began."""
    try:
        return json_lines(out / BEFORE)
    except OSError:
        return []


def settle(out: Path, rows: list[dict[str, Any]]) -> list[Move]:
    """The moves from the rows remembered to those that stand now, written to `changes.csv`.

    Of students who were not graded again, what the list said of them stays.
    """
    before = {row["student"]: row for row in remembered(out)}
    if not before:
        return []
    found = [moves for row in rows if (moves := move(before.get(row["student"]), row))]
    _write(out / CHANGES, found, {row["student"] for row in rows} - set(before))
    (out / BEFORE).unlink(missing_ok=True)
    return found


def move(old: dict[str, Any] | None, new: dict[str, Any]) -> Move | None:
    """How a student's score moved; None where it did not, or where there was none."""
    try:
        if old is None or old["exercise"] != new["exercise"]:
            return None
        if abs(old["score"] - new["score"]) < 1e-6:
            return None
        return Move(new["student"], old["score"], new["score"], _why(old, new), _tasks(old, new))
    except (KeyError, TypeError, AttributeError):  # not a row of ours
        return None


def _why(old: dict[str, Any], new: dict[str, Any]) -> str:
    words = {
        "notebook_sha256": "another notebook was handed in",
        "key_sha256": "the key is another one",
        "version": "the autograder has another version",
    }
    found = [said for name, said in words.items() if old.get(name) != new.get(name)]
    if not found and old.get("status") in ("timeout", "crashed"):
        found = [f"the grading before ended by {old['status']}"]
    return " and ".join(found) or "graded again"


def _tasks(old: dict[str, Any], new: dict[str, Any]) -> tuple[str, ...]:
    """A sentence for each task whose points moved, with the reason that went or came."""
    found = []
    for name in dict.fromkeys([*old["tasks"], *new["tasks"]]):
        was, now = old["tasks"].get(name), new["tasks"].get(name)
        if was is None or now is None:
            there = now or was
            points = number(there["points"])
            found.append(f"{name}: {'new' if was is None else 'gone'}, {points} points")
            continue
        if was["points"] == now["points"]:
            continue
        rises = now["points"] > was["points"]
        reason = was["hint"] if rises else now["hint"]
        said = f" ({'was' if rises else 'now'}: {reason})" if reason else ""
        of = f" of {number(now['max_points'])}"
        found.append(f"{name}: {number(was['points'])} → {number(now['points'])}{of}{said}")
    return tuple(found)


def _write(path: Path, moves: list[Move], others: set[str]) -> None:
    """Write the moves, and of the `others` what the file has of them."""
    rows: list[list[Any]] = [
        [one.student, one.before, one.after, one.why, "; ".join(one.tasks)] for one in moves
    ]
    kept: list[list[Any]] = [row for row in _written(path) if row[0].removeprefix("'") in others]
    write_csv(path, [HEAD, *sorted([*kept, *rows], key=lambda row: str(row[0]))])


def _written(path: Path) -> list[list[str]]:
    """The rows of an earlier list; none where there is no such list."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            head, *rows = csv.reader(file)
    except (OSError, ValueError, csv.Error):
        return []
    return [row for row in rows if len(row) == len(HEAD)] if head == HEAD else []
