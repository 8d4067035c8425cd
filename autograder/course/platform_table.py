"""A table that a learning platform gave out, read, filled in and written for it to take back."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autograder.course.grade import GradingProblem
from autograder.course.names import plain, words_of
from autograder.data.files import write_whole

NUMBER = re.compile(r"[-+]?[0-9.,]*%?")
IDENTITY = re.compile(r"[-+@]?[\w.@+-]*")  # holds no call, so that it calculates nothing
NUMBERED = re.compile(r".*?_(\d{3,})$")  # how `autograder collect` tells two of one name apart
BOM = "\ufeff"


@dataclass
class Table:
    """A platform's table: its head line and rows, with the separator and mark that it came with."""

    head: list[str]
    rows: list[list[str]]
    separator: str = ","
    mark: str = ""

    @classmethod
    def read(
        cls, path: Path, wanted: str = "the CSV file, in UTF-8, that the platform gave out"
    ) -> Table:
        """Read a CSV whose cells are separated as the platform is set. Raises GradingProblem."""
        try:
            text = path.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise GradingProblem(
                f"{path} cannot be read ({type(error).__name__}): give {wanted}"
            ) from None
        mark = BOM if text.startswith(BOM) else ""
        text = text.removeprefix(BOM)
        separator = _separator(text)
        try:
            lines = list(csv.reader(io.StringIO(text), delimiter=separator))
        except csv.Error as error:
            raise GradingProblem(f"{path} is no CSV file: {error}") from None
        lines = [line for line in lines if any(cell.strip() for cell in line)]
        if not lines:
            raise GradingProblem(f"{path} is empty: give {wanted}")
        head, *rows = lines
        return cls(head, [row + [""] * (len(head) - len(row)) for row in rows], separator, mark)

    def column(self, *names: str) -> int | None:
        """The place of the first column that is called one of these names, in any case."""
        known = [cell.strip().casefold() for cell in self.head]
        return next((known.index(n.casefold()) for n in names if n.casefold() in known), None)

    def write(self, path: Path, identity: Iterable[int]) -> None:
        """Write it; in no cell stands what a spreadsheet would calculate. Raises CannotWrite."""
        kept = set(identity)
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self.separator)
        writer.writerow([_safe(cell, as_it_is=False) for cell in self.head])
        for row in self.rows:
            writer.writerow([_safe(cell, number in kept) for number, cell in enumerate(row)])
        write_whole(path, self.mark + text.getvalue())


def _separator(text: str) -> str:
    """What separates the cells: the sign that stands most often, outside quotes, in the head."""
    head = re.sub(r'"[^"]*"', "", text.lstrip().partition("\n")[0])
    return max(",;\t", key=head.count)


def _safe(cell: str, as_it_is: bool) -> str:
    """A cell with a mark before what a spreadsheet would calculate.

    What the platform knows a student by stays as it is where it can call nothing.
    """
    if cell[:1] not in tuple("=+-@\t\r") or NUMBER.fullmatch(cell):
        return cell
    return cell if as_it_is and IDENTITY.fullmatch(cell) else f"'{cell}"


class Finder:
    """Finds the row of a student by numbers and ids, else by names and addresses."""

    def __init__(self, rows: list[list[str]], ids: Iterable[int], names: Iterable[int]) -> None:
        self._exact: dict[str, set[int]] = {}
        self._words: dict[str, set[int]] = {}
        ids, names = list(ids), list(names)
        for number, row in enumerate(rows):
            for cell in (row[i].strip().casefold() for i in ids):
                for one in {cell, re.sub(r"^\D+ (?=\d+$)", "", cell)} - {""}:
                    self._exact.setdefault(one, set()).add(number)
            cells = {str(i): row[i] for i in (*ids, *names) if row[i].strip()}
            for word in words_of(dict(cells)):
                self._words.setdefault(word, set()).add(number)

    def row(self, signs: Iterable[str]) -> int | None:
        """The one row that is meant by the first sign that means one alone; else None."""
        signs = [sign.strip() for sign in signs if sign.strip()]
        tails = [tail[1] for sign in signs if (tail := NUMBERED.match(sign))]
        for sign in (*signs, *tails):
            found = self._exact.get(sign.casefold(), set())
            if len(found) == 1:
                return next(iter(found))
        for sign in signs:
            found = self._words.get(plain(sign), set())
            if len(found) == 1:
                return next(iter(found))
        return None
