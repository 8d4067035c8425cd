"""A class's list: a column `student` or `id`, and in others what files may be named after."""

from __future__ import annotations

from pathlib import Path

from autograder.course.grade import GradingProblem
from autograder.course.handed_in import Owner
from autograder.course.names import plain, words_of
from autograder.course.platform_table import Table

COLUMNS = ("student", "id")  # the second is what `nbgrader db student import` asks for


class Roster:
    """Knows students by their id, and by names, numbers and addresses that stand beside it."""

    def __init__(self, students: list[str], known: dict[str, set[str]]) -> None:
        self.students, self._known = students, known

    @classmethod
    def read(cls, path: Path) -> Roster:
        """Read a table with a head line. Raises GradingProblem with a sentence."""
        table = Table.read(path, "a CSV file in UTF-8 with a column `student`")
        column = next((name for name in COLUMNS if name in table.head), None)
        if column is None:
            raise GradingProblem(
                f"the roster {path} has no column `{COLUMNS[0]}` in its first line"
            )
        rows = [dict(zip(table.head, row, strict=False)) for row in table.rows]
        if not rows:
            raise GradingProblem(f"the roster {path} has a first line and nobody below it")
        students: list[str] = []
        known: dict[str, set[str]] = {}
        for row in rows:
            student = row[column].strip()
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
