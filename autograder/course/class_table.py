"""The table that a grading prints: one row a student, whatever their ids and the terminal's width.

A terminal that has no room for the reasons beside the points gets them below the table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from autograder.data.key import Key
from autograder.judging.report import number

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

LONGEST_ID, SHORTEST_ID = 28, 8
LEAST_REASON = 30
STATUS = ("graded", "timeout", "crashed", "invalid", "missing")
BORDERS = {False: 3, True: 2}  # columns between two cells, by whether the terminal is narrow


def class_table(rows: list[dict[str, Any]], key: Key, width: int) -> Group:
    """One row a student for a terminal of `width` columns."""
    from rich.cells import cell_len
    from rich.console import Group
    from rich.text import Text

    heads = [_folded(name) for name in key.tasks]
    others = [*map(len, (max(STATUS, key=len), "points")), *map(_width_of, heads)]
    beside = sum(others) + LEAST_REASON + BORDERS[False] * (len(others) + 2) + 1
    longest = max((cell_len(row["student"]) for row in rows), default=0)
    narrow = beside + min(longest, LONGEST_ID) > width
    room = width - sum(others) - BORDERS[True] * len(others) if narrow else LONGEST_ID
    most = min(LONGEST_ID, max(SHORTEST_ID, room))
    table = _empty_table(f"{key.exercise}: {len(rows)} submissions", heads, narrow)
    below = []
    for row in rows:
        name, reason = shortened(row["student"], most), _reason(row)
        marks = [_mark(entry) for entry in row["tasks"].values()]
        cells = [Text(name), row["status"], number(row["score"]), *marks]
        table.add_row(*cells, *([] if narrow else [Text(reason)]))
        if narrow and reason:
            below.append(Text(f"{row['student']}: {reason}"))
    return Group(table, *below)


def _empty_table(title: str, heads: Iterable[str], narrow: bool) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE if narrow else box.HEAVY_HEAD,
        show_edge=not narrow,
        pad_edge=not narrow,
        padding=(0, 1, 0, 0) if narrow else (0, 1),
    )
    table.add_column("student", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("points", justify="right", no_wrap=True)
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    if not narrow:
        table.add_column("first reason", overflow="fold", min_width=LEAST_REASON)
    return table


def _width_of(head: str) -> int:
    """The width of a task's column: of its name's longest part, or of points such as 2.25."""
    return max(4, *map(len, head.split("\n")))


def _folded(name: str) -> str:
    """A task's name on several lines, each part whole."""
    return name.replace("_", "_\n")


def _mark(entry: dict[str, Any]) -> str:
    return "✓" if entry["verdict"] == "correct" else number(entry["points"])


def _reason(row: dict[str, Any]) -> str:
    """What is off with a notebook, else the first sentence on an answer."""
    entries = row["tasks"].values()
    return row.get("message") or next((e["hint"] for e in entries if e["hint"]), "")


def shortened(text: str, most: int) -> str:
    """Text of at most `most` columns of a terminal: of a longer one beginning and end."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= most:
        return text
    half = (most - 1) // 2
    end = text
    while cell_len(end) > half:
        end = end[1:]
    return f"{set_cell_size(text, most - 1 - cell_len(end)).rstrip()}…{end}"
