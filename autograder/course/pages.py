"""Pages of a graded class: one a student, one for the class."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from autograder.course.alike import alike
from autograder.course.answers import answer_shown
from autograder.course.class_view import answered, looks, mistakes, separation
from autograder.data.files import write_whole
from autograder.data.key import Key
from autograder.data.notebook import Cell
from autograder.judging.judge import Verdict
from autograder.judging.report import templates

TASK = re.compile(r'<section class="task[^"]*" data-task="([^"]*)">.*?</section>', re.DOTALL)


def write_student_page(
    out: Path,
    row: dict[str, Any],
    verdicts: Sequence[Verdict],
    key: Key,
    cells: Sequence[Cell] = (),
) -> None:
    """The page of one student: every task with its verdict, reason, picture and code.

    `verdicts` are of what was graded now. What the page said of the other tasks stays.
    """
    path = out / "pages" / f"{row['student']}.html"
    above = row.get("message", "")  # said once, above the tasks
    verdicts = [v.model_copy(update={"hint": ""}) if v.hint == above else v for v in verdicts]
    shown = {verdict.task: _task(verdict, cells) for verdict in verdicts}
    before = path.read_text("utf-8") if len(shown) < len(row["tasks"]) and path.is_file() else ""
    stood = {found[1]: found[0] for found in TASK.finditer(before)}
    for name, entry in row["tasks"].items():
        if name not in shown:
            verdict = Verdict.model_validate({"task": name, **entry})
            shown[name] = stood.get(name) or _task(verdict, cells)
    page = templates().get_template("student.html")
    tasks = [Markup(shown[name]) for name in row["tasks"]]
    write_whole(path, page.render(row=row, tasks=tasks, exercise=key.exercise))


def _task(verdict: Verdict, cells: Sequence[Cell]) -> str:
    """What the page says of one task."""
    code = answer_shown(verdict.task, (verdict.hint, *verdict.details), cells)
    return templates().get_template("task.html").render(verdict=verdict, code=code)


def write_class_page(
    out: Path,
    rows: list[dict[str, Any]],
    key: Key,
    anonymous: bool = False,
    released: dict[str, str] | None = None,
    by_hand: float = 0.0,
) -> None:
    """The page of the class: scores, tasks, mistakes, who needs a look, answers that are alike.

    `anonymous` leaves out names and links, and orders students by their points. `released` has
    the prints of what was given out, which is nobody's answer; `by_hand` are the points that a
    person gives.
    """
    if anonymous:
        rows = sorted(rows, key=lambda row: (-row["score"], row["status"]))
        rows = [{**row, "student": f"{i}"} for i, row in enumerate(rows, start=1)]
    page = templates().get_template("class.html")
    some = answered(rows)
    tasks = [_task_summary(name, rows, some) for name in key.tasks]
    scores = [row["score"] for row in rows]
    text = page.render(
        rows=rows,
        tasks=tasks,
        answered=len(some),
        give_or_take=1 / (len(some) - 3) ** 0.5 if len(some) > 3 else None,
        mistakes=mistakes(rows),
        looks=looks(rows),
        alike=alike(rows, released or {}),
        exercise=key.exercise,
        max_score=key.max_score,
        by_hand=by_hand,
        mean=sum(scores) / len(scores) if scores else 0.0,
        bars=score_bars(scores, key.max_score),
        statuses=Counter(row["status"] for row in rows).most_common(),
        link=None if anonymous else lambda student: f"pages/{quote(student)}.html",
    )
    write_whole(out / "index.html", text)


def _task_summary(
    name: str, rows: list[dict[str, Any]], some: list[dict[str, Any]]
) -> dict[str, Any]:
    entries = [row["tasks"][name] for row in rows]
    verdicts = Counter(entry["verdict"] for entry in entries)
    separates = separation(name, some)
    return {
        "name": name,
        "share": verdicts["correct"] / max(1, len(entries)),
        "points": sum(entry["points"] for entry in entries) / max(1, len(entries)),
        "missing": verdicts["missing"],
        "separation": None if separates is None else round(separates, 2) + 0.0,  # no minus zero
    }


def score_bars(scores: list[float], max_score: float, bins: int = 10) -> list[dict[str, Any]]:
    """How many students have a score in each tenth of the range; heights relative to the most."""
    counts = [0] * bins
    for score in scores:
        counts[min(bins - 1, int(bins * score / max_score)) if max_score else 0] += 1
    most = max([*counts, 1])
    return [
        {
            "from": max_score * i / bins,
            "to": max_score * (i + 1) / bins,
            "count": count,
            "height": round(100 * count / most),
        }
        for i, count in enumerate(counts)
    ]
