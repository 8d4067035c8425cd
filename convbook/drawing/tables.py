"""Tables of numbers that a run gives: HTML on a page, aligned text elsewhere."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from IPython.display import display


def show_table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Show a table under the cell.

    Whole numbers get commas and stand to the right, as do other numbers; words stand to the left.
    A number that needs another form, such as "3.1 %", comes as text.

    Args:
        head: a name for each column.
        rows: the values, as many a row as there are columns.

    Raises:
        ValueError: if a row has another number of values.
    """
    for row in rows:
        if len(row) != len(head):
            raise ValueError(f"the row {tuple(row)} has {len(row)} values, the head {len(head)}")
    display(_Table(list(head), [list(row) for row in rows]))


class _Table:
    def __init__(self, head: list[str], rows: list[list[Any]]) -> None:
        self.head = head
        self.rows = [[_text(value) for value in row] for row in rows]
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(head)
        self.right = [all(_is_number(value) for value in column) for column in columns]

    def __repr__(self) -> str:
        lines = [self.head, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join("  ".join(self._padded(line, widths)).rstrip() for line in lines)

    def _padded(self, line: list[str], widths: list[int]) -> list[str]:
        pairs = zip(line, widths, self.right, strict=True)
        return [text.rjust(width) if right else text.ljust(width) for text, width, right in pairs]

    def _repr_html_(self) -> str:
        # A column without a name has no heading: a screen reader would announce an empty one.
        head = "".join(
            self._cell("th" if name else "td", name, right)
            for name, right in zip(self.head, self.right, strict=True)
        )
        rows = [
            "".join(self._cell("td", *pair) for pair in zip(row, self.right, strict=True))
            for row in self.rows
        ]
        body = "".join(f"<tr>{row}</tr>\n" for row in rows)
        return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>"

    @staticmethod
    def _cell(tag: str, text: str, right: bool) -> str:
        style = "text-align: right" if right else "text-align: left"
        return f'<{tag} style="{style}">{html.escape(text)}</{tag}>'


def _text(value: Any) -> str:
    """A value as it stands in the table."""
    if isinstance(value, bool) or not _is_whole(value):
        return str(value)
    return f"{value:,}"


def _is_whole(value: Any) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    """Whether a value stands to the right: a number, or text that begins like one."""
    if isinstance(value, str):
        return value[:1].isdigit() or value.startswith(("+", "-", "−", "<"))
    return isinstance(value, int | float) or _is_whole(value)
