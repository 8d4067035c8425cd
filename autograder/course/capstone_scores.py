"""Puts a capstone's scores into nbgrader's gradebook, as a graded exercise's go there.

Predictions are scored where the capstones are (`python -m convbook.capstones grade`), which writes
a table with a row a student. This reads the table, so that nothing here hangs on the capstones.
"""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.course.grade import GradingProblem
from autograder.course.gradebook import Lateness, save

COLUMNS = ("student", "capstone", "status", "points", "max_points", "message")
PREDICTIONS = "predictions.npz"
VERDICTS = {"missing": "missing", "invalid": "error"}
NAME = re.compile(r"[A-Za-z]\w*")


@dataclass(frozen=True)
class Points:
    """What a capstone is worth."""

    max_points: float


@dataclass(frozen=True)
class Capstone:
    """A capstone as the gradebook knows it: one task, by its own name."""

    exercise: str
    max_points: float

    @property
    def tasks(self) -> dict[str, Points]:
        """The one task."""
        return {self.exercise: Points(self.max_points)}


def read_scores(path: Path) -> tuple[Capstone, list[dict[str, Any]]]:
    """The capstone that a table is of, and a row of results a student.

    Raises GradingProblem with a sentence where it is no table of one capstone's scores.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            lines, head = list(table), table.fieldnames or []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise GradingProblem(f"{path} cannot be read ({type(error).__name__})") from None
    if missing := [name for name in COLUMNS if name not in head]:
        raise GradingProblem(
            f"{path} is no table of a capstone's scores, it has no column {', '.join(missing)}: "
            "make it by `python -m convbook.capstones grade`"
        )
    about = {(line["capstone"], line["max_points"]) for line in lines}
    if len(about) != 1:
        named = ", ".join(sorted(f"{name} of {points} points" for name, points in about))
        raise GradingProblem(f"{path} is to be of one capstone, and is of {named or 'none'}")
    [(name, points)] = about
    if not NAME.fullmatch(name or ""):
        raise GradingProblem(f"{path} calls the capstone {name!r}: give it a word as its name")
    asked = Capstone(name, _number(path, "max_points", points))
    rows = [_row(path, asked, line) for line in lines]
    students = [row["student"] for row in rows]
    if twice := sorted({one for one in students if students.count(one) > 1}):
        raise GradingProblem(f"{path} has more than one row of {', '.join(twice)}")
    return asked, rows


def _number(path: Path, column: str, text: str | None) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise GradingProblem(f"{path} has {text!r} in its column {column}: a number is to be there")
    return value


def _row(path: Path, asked: Capstone, line: dict[str, str]) -> dict[str, Any]:
    """A student's row as `autograder grade` has it, with the reason as that of the one task."""
    student, said = line["student"], line["message"] or ""
    if not student or student in (".", "..") or "/" in student:
        raise GradingProblem(f"{path} has a student {student!r}: a folder's name is to be there")
    points = _number(path, "points", line["points"])
    full = points >= asked.max_points
    entry = {
        "points": points,
        "max_points": asked.max_points,
        "verdict": VERDICTS.get(line["status"], "correct" if full else "wrong"),
        "hint": said,
    }
    return {
        "student": student, "exercise": asked.exercise, "status": line["status"],
        "tasks": {asked.exercise: entry}, "scored_from": PREDICTIONS,
    }  # fmt: skip


def enter(
    table: Path, url: str, folder: Path, course: Path
) -> tuple[Capstone, dict[str, Lateness]]:
    """Write a table's scores into the gradebook at `url`; late penalties by student.

    `folder` is where the class is, whose `timestamp.txt` say when the predictions came; `course`
    holds nbgrader's configuration. Raises GradingProblem, CannotWrite.
    """
    asked, rows = read_scores(table)
    autograded = folder.resolve().parent / "autograded"
    return asked, save(url, asked, rows, folder, autograded, course)
