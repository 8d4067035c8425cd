"""A class's list: a column `student`, and in others whatever an archive's names may hold."""

from __future__ import annotations

import csv
import itertools
import re
import unicodedata
from pathlib import Path

from autograder.course.grade import GradingProblem
from autograder.course.handed_in import Owner

COLUMN = "student"


class Roster:
    """Knows students by their id, and by names, numbers and addresses that stand beside it."""

    def __init__(self, students: list[str], known: dict[str, set[str]]) -> None:
        self.students, self._known = students, known

    @classmethod
    def read(cls, path: Path) -> Roster:
        """Read a table with a head line. Raises GradingProblem with a sentence."""
        try:
            text = path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise GradingProblem(
                f"the roster {path} cannot be read ({type(error).__name__}): give a CSV in UTF-8"
            ) from None
        try:
            dialect: type[csv.Dialect] | csv.Dialect = csv.Sniffer().sniff(text[:4000], ",;\t")
        except csv.Error:
            dialect = csv.excel
        rows = list(csv.DictReader(text.splitlines(), dialect=dialect))
        if not rows or COLUMN not in rows[0]:
            raise GradingProblem(f"the roster {path} has no column `{COLUMN}` in its first line")
        students: list[str] = []
        known: dict[str, set[str]] = {}
        for row in rows:
            student = (row[COLUMN] or "").strip()
            if student:
                students.append(student)
                for word in words_of(row):
                    known.setdefault(word, set()).add(student)
        return cls(students, known)

    def student(self, owner: Owner) -> str | None:
        """The one student whom an owner's number or name means; None for none or several."""
        for sign in (*owner.marks, owner.name):
            found = self._known.get(plain(sign), set())
            if len(found) == 1:
                return next(iter(found))
        return None


def words_of(row: dict[str, str | None]) -> set[str]:
    """What may stand for a student: every cell, a name turned round, two cells together."""
    cells = [cell.strip() for cell in row.values() if isinstance(cell, str) and cell.strip()]
    words = set(map(plain, cells))
    for cell in cells:
        parts = cell.replace(",", " ").split()
        turned = [parts[i:] + parts[:i] for i in range(len(parts))]
        words |= {plain("".join(part)) for part in turned}
        words.add(plain(cell.partition("@")[0]))
    words |= {plain(a + b) for a, b in itertools.permutations(cells, 2)}
    return words - {""}


def plain(text: str) -> str:
    """Letters and digits only, small, in one way of writing accents."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFC", text).casefold())
