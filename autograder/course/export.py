"""Takes scores out of nbgrader's gradebook, as learning platforms read them.

nbgrader's own plugins: `nbgrader export --exporter=autograder.course.export.CanvasExporter`, and
`MoodleExporter`, `GradescopeExporter`. What they write are the scores that formgrader shows, late
penalties taken off, marks given by hand included.

A platform knows its students by numbers of its own. So `file` names the table that it gave out
(Canvas's gradebook export, Moodle's grading worksheet): its rows are filled in, nothing else of it
is changed, and a student who stands in no row is named with their points.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from nbgrader.api import MissingEntry
from nbgrader.plugins import ExportPlugin
from traitlets import Bool, Dict, Unicode

from autograder.course.grade import GradingProblem
from autograder.course.names import plain
from autograder.course.platform_table import Finder, Table
from autograder.data.files import CannotWrite
from autograder.judging.report import number

TITLE = re.compile(r"(?P<title>.*\S)\s*\((?P<id>\d+)\)\s*")
OF_CANVAS = ("Student", "LastName", "FirstName", "ID", "SIS User ID", "SIS Login ID",
             "Integration ID", "Root Account", "Section")  # fmt: skip
MOST_NAMED = 8


@dataclass(frozen=True)
class Score:
    """A student's points for an exercise, and the signs by which a platform may know them."""

    student: str
    signs: tuple[str, ...]
    points: float
    reasons: tuple[str, ...] = ()
    waits: bool = False  # for marks by hand


@dataclass
class Said:
    """What an export has to say: `lost` are points that stand in no row, `remarks` the rest."""

    lost: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


class PlatformExporter(ExportPlugin):
    """What the exporters have in common: where scores come from, and how an export ends."""

    default_name = "grades"
    file = Unicode("", help="The table that the platform gave out, to be filled in").tag(
        config=True
    )
    scale = Bool(
        False, help="Scale points to the platform's maximum where that is another one"
    ).tag(config=True)

    def export(self, gradebook: Any) -> None:
        """Write the file; ends with exit code 1 where points stand in no row, 2 where none do."""
        target = Path(self.to or self.default_name)
        try:
            if self.file and Path(self.file).resolve() == target.resolve():
                raise GradingProblem(
                    f"{target} is the file to be filled in: name another one with --to"
                )
            said = self.write(gradebook, target)
        except (GradingProblem, CannotWrite) as problem:
            self.log.error("%s", problem)
            sys.exit(2)
        for sentence in said.remarks:
            self.log.warning("%s", sentence)
        for sentence in said.lost:
            self.log.error("%s", sentence)
        self.log.warning("Written: %s", target)
        if said.lost:
            sys.exit(1)

    def write(self, gradebook: Any, target: Path) -> Said:
        """Write the scores to `target`. Raises GradingProblem, CannotWrite."""
        raise NotImplementedError

    def exercises(self, gradebook: Any) -> list[Any]:
        """The gradebook's exercises that are asked for, else all that somebody handed in."""
        known = {one.name: one for one in gradebook.assignments}
        wanted = [str(name) for name in self.assignment]
        if missing := [name for name in wanted if name not in known]:
            raise GradingProblem(
                f"the gradebook has no exercise {', '.join(missing)}; it has "
                f"{', '.join(sorted(known)) or 'none'}"
            )
        found = [known[name] for name in sorted(wanted or known)]
        found = [one for one in found if wanted or one.submissions]
        if not found:
            raise GradingProblem("the gradebook has no graded exercise: grade one first")
        return found

    def scores(self, gradebook: Any, exercise: str) -> list[Score]:
        """The students' scores of an exercise, in order of their ids."""
        chosen = {str(name) for name in self.student}
        found = gradebook.assignment_submissions(exercise)
        if chosen and (unknown := chosen - {one.student.id for one in found}):
            raise GradingProblem(
                f"{', '.join(sorted(unknown))} handed in no {exercise}: see the names in formgrader"
            )
        return [
            _score(one)
            for one in sorted(found, key=lambda one: one.student.id)
            if not chosen or one.student.id in chosen
        ]


def _score(submission: Any) -> Score:
    student = submission.student
    names = " ".join(filter(None, (student.first_name, student.last_name)))
    signs = (student.lms_user_id, student.id, student.email, names)
    return Score(
        student.id,
        tuple(sign for sign in signs if sign),
        max(0.0, submission.score - submission.late_submission_penalty),
        tuple(comments_of(submission)),
        bool(submission.needs_manual_grade),
    )


def comments_of(submission: Any) -> Iterator[str]:
    """What formgrader shows as comments: the reasons, or what a person wrote in their place."""
    for notebook in submission.notebooks:
        for comment in sorted(notebook.comments, key=lambda one: one.name):
            if comment.comment:
                yield f"{comment.name}: {comment.comment}"


def _points(points: float, worth: float, maximum: float | None, scale: bool) -> str:
    if scale and maximum is not None and worth:
        points *= maximum / worth
    return f"{round(points, 4):.12g}"  # finer than what is read, so that sums are right


def _same_worth(where: str, worth: float, maximum: float | None, scale: bool, how: str) -> None:
    """Raise GradingProblem where the platform counts another number of points."""
    if maximum is not None and not scale and abs(maximum - worth) > 0.005:
        raise GradingProblem(
            f"{where} counts {number(maximum)} points there and {number(worth)} here: set it to "
            f"{number(worth)} there and download the file again, or scale the points with {how}"
        )


def _as_number(cell: str) -> float | None:
    try:
        return float(cell.strip().replace(",", "."))
    except ValueError:
        return None


def fill(
    rows: list[list[str]],
    scores: list[Score],
    finder: Finder,
    exercise: str,
    put: Callable[[list[str], Score], str],
    said: Said,
    where: str,
) -> None:
    """Have `put` write each score into its student's row; it gives a sentence where it did not."""
    taken: dict[int, list[Score]] = {}
    for score in scores:
        row = finder.row(score.signs)
        have = f"{score.student}: {number(score.points)} points of {exercise}"
        if row is None:
            said.lost.append(f"{have} are in no row of {where}: no row, or more than one, fits")
        else:
            taken.setdefault(row, []).append(score)
        if score.waits:
            said.remarks.append(f"{have} are not all: answers wait for marks by hand in formgrader")
    for number_, found in taken.items():
        if len(found) > 1:
            names = " and ".join(score.student for score in found)
            said.lost.append(f"{names} fit the same row of {where}: neither was written")
        elif refused := put(rows[number_], found[0]):
            said.lost.append(f"{found[0].student}: {refused}")
    without = [row for i, row in enumerate(rows) if i not in taken]
    if without:
        named = ", ".join(next((c for c in row if c.strip()), "?") for row in without[:MOST_NAMED])
        more = f" and {len(without) - MOST_NAMED} more" if len(without) > MOST_NAMED else ""
        said.remarks.append(f"left as they are in {where}, for {exercise}: {named}{more}")


class CanvasExporter(PlatformExporter):
    """Canvas's gradebook: export it there, fill it in here (`file`), import what is written.

    Without `file` rows are made from the gradebook: SIS Login ID is the student's id, ID the
    `lms_user_id`, and Canvas makes a new assignment where it knows none of that name.
    """

    default_name = "canvas.csv"
    columns = Dict(
        help="Canvas's name of an exercise's column where it is another, as in "
        '{"04_residual": "Homework 4 (1234)"}'
    ).tag(config=True)

    def write(self, gradebook: Any, target: Path) -> Said:
        """Write the identity columns, Points Possible, and a column an exercise."""
        said, exercises = Said(), self.exercises(gradebook)
        if self.file:
            made, width = self._filled(Table.read(Path(self.file)), gradebook, exercises, said)
        else:
            made, width = self._new(gradebook, exercises)
        made.write(target, range(1, width))
        return said

    def _filled(
        self, table: Table, gradebook: Any, exercises: list[Any], said: Said
    ) -> tuple[Table, int]:
        where = Path(self.file).name
        section = table.column("Section")
        if table.column("ID") is None or section is None or table.head[0] not in OF_CANVAS:
            raise GradingProblem(
                f"{self.file} is not what Canvas exports: its head line lacks Student, ID or "
                "Section. In Canvas: Grades, Export, Export Entire Gradebook"
            )
        identity = range(section + 1)
        possible = next((r for r in table.rows if "Points Possible" in r[0]), None)
        students = [
            r for r in table.rows if r is not possible and any(r[i].strip() for i in (0, 1))
        ]
        named = [
            i for i in identity if table.head[i].strip() in ("Student", "LastName", "FirstName")
        ]
        ids = [i for i in identity if i not in named and table.head[i].strip() not in
               ("Section", "Root Account")]  # fmt: skip
        finder = Finder(students, ids, named)
        places = []
        for exercise in exercises:
            place = self._column(table.head, section + 1, exercise.name)
            if place in places:
                raise GradingProblem(
                    f"the column {table.head[place]} of {where} would be filled by two exercises: "
                    f'name the others with --CanvasExporter.columns="{exercise.name}=TITLE"'
                )
            places.append(place)
            cell = possible[place] if possible else ""
            if "read only" in cell:
                raise GradingProblem(f"Canvas calls the column {table.head[place]} read only")
            maximum = _as_number(cell)
            column = f"the column {table.head[place]} of {where}"
            how = "--CanvasExporter.scale=True"
            _same_worth(column, exercise.max_score, maximum, self.scale, how)

            def put(
                row: list[str], score: Score, place: int = place, worth: float = exercise.max_score,
                maximum: float | None = maximum,
            ) -> str:  # fmt: skip
                row[place] = _points(score.points, worth, maximum, self.scale)
                return ""

            scores = self.scores(gradebook, exercise.name)
            fill(students, scores, finder, exercise.name, put, said, where)
        kept = [*identity, *places]
        rows = [[row[i] for i in kept] for row in [*([possible] if possible else []), *students]]
        head = [table.head[i] for i in kept]
        return Table(head, rows, table.separator, table.mark), len(identity)

    def _column(self, head: list[str], first: int, exercise: str) -> int:
        """The place of an exercise's column: the one named, else the one whose title says it."""
        titles = [TITLE.fullmatch(cell) for cell in head]
        named = str(self.columns.get(exercise, ""))
        if named:
            found = [i for i, cell in enumerate(head) if i >= first and named == cell.strip()]
            found = found or [
                i for i, t in enumerate(titles) if t and named in (t["id"], t["title"])
            ]
        else:
            wanted = plain(exercise)
            plains = [plain(t["title"] if t else "") for t in titles]
            found = [i for i, title in enumerate(plains) if title == wanted]
            within = _within_titles(exercise)
            found = found or [i for i, t in enumerate(titles) if t and within.search(t["title"])]
        if len(found) == 1:
            return found[0]
        there = ", ".join(cell for cell, t in zip(head, titles, strict=True) if t) or "none"
        raise GradingProblem(
            f"{'no' if not found else 'more than one'} column of {Path(self.file).name} is "
            f'{named or exercise}: name it with --CanvasExporter.columns="{exercise}=TITLE"; '
            f"there are {there}"
        )

    def _new(self, gradebook: Any, exercises: list[Any]) -> tuple[Table, int]:
        head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
        width = len(head)
        rows: dict[str, list[str]] = {}
        worth = [number(exercise.max_score) for exercise in exercises]
        for place, exercise in enumerate(exercises):
            for score in self.scores(gradebook, exercise.name):
                student = gradebook.find_student(score.student)
                known = [_last_first(student), student.lms_user_id or "", "", student.id, ""]
                row = rows.setdefault(score.student, [*known, *[""] * len(exercises)])
                row[width + place] = _points(score.points, 0, None, False)
        points = ["    Points Possible", "", "", "", "", *worth]
        names = [exercise.name for exercise in exercises]
        return Table([*head, *names], [points, *(rows[name] for name in sorted(rows))]), width


def _within_titles(exercise: str) -> re.Pattern[str]:
    """An exercise's name in a title, however its words are joined, and not in a longer name."""
    words = r"[\W_]*".join(re.findall(r"[^\W_]+", exercise))
    return re.compile(rf"(?<!\d){words}(?!\w)", re.IGNORECASE)


def _last_first(student: Any) -> str:
    names = [student.last_name, student.first_name]
    return ", ".join(name for name in names if name) or student.id


class MoodleExporter(PlatformExporter):
    """Moodle's offline grading worksheet of one assignment: Grade and Feedback comments.

    Without `file` a table for Moodle's grade import (Grades, Import, CSV file), whose columns are
    mapped there: Username is the student's id.
    """

    default_name = "moodle.csv"
    identifier = Unicode("Identifier", help="The column's name in your language").tag(config=True)
    grade = Unicode("Grade", help="The column's name in your language").tag(config=True)
    maximum = Unicode("Maximum Grade", help="The column's name in your language").tag(config=True)
    comments = Unicode("Feedback comments", help="The column's name in your language").tag(
        config=True
    )
    locked = Unicode("Grade can be changed", help="The column's name in your language").tag(
        config=True
    )
    no = Unicode("No", help="What stands there for a grade that cannot be changed").tag(config=True)

    def write(self, gradebook: Any, target: Path) -> Said:
        """Fill in the worksheet, or write a table for the grade import."""
        said, exercises = Said(), self.exercises(gradebook)
        if not self.file:
            self._new(gradebook, exercises).write(target, (0, 3))
            return said
        if len(exercises) > 1:
            names = ", ".join(exercise.name for exercise in exercises)
            raise GradingProblem(
                f"a grading worksheet is of one exercise: name one of {names} with --assignment"
            )
        table = Table.read(Path(self.file))
        ids = self._fill(table, gradebook, exercises[0], said)
        table.write(target, ids)
        return said

    def _fill(self, table: Table, gradebook: Any, exercise: Any, said: Said) -> list[int]:
        where = Path(self.file).name
        identifier, grade = table.column(self.identifier), table.column(self.grade)
        if identifier is None or grade is None:
            raise GradingProblem(
                f"{self.file} is not Moodle's grading worksheet: it has no column "
                f"{self.identifier} or {self.grade}. Name them, where Moodle speaks another "
                'language, with --MoodleExporter.identifier="…" and --MoodleExporter.grade="…"'
            )
        most, comments = table.column(self.maximum), table.column(self.comments)
        locked = table.column(self.locked)
        firsts = (_as_number(row[most]) for row in table.rows if most is not None)
        maximum = next((found for found in firsts if found is not None), None)
        how = "--MoodleExporter.scale=True"
        _same_worth(where, exercise.max_score, maximum, self.scale, how)

        def put(row: list[str], score: Score) -> str:
            points = _points(score.points, exercise.max_score, maximum, self.scale)
            if locked is not None and row[locked].strip() == self.no:
                return f"Moodle has locked the grade, {points} points of {exercise.name} stand out"
            if maximum is not None and float(points) > maximum + 1e-9:
                return (
                    f"{points} points of {exercise.name} are more than Moodle's {number(maximum)}"
                )
            row[grade] = points
            if comments is not None and score.reasons:
                row[comments] = "<br>".join(escape(reason) for reason in score.reasons)
            return ""

        ids = [identifier, *_places(table, "ID number", "Username", "Email address")]
        finder = Finder(table.rows, ids, _places(table, "Full name", "First name", "Last name"))
        scores = self.scores(gradebook, exercise.name)
        fill(table.rows, scores, finder, exercise.name, put, said, where)
        return ids

    def _new(self, gradebook: Any, exercises: list[Any]) -> Table:
        head = ["Username", "First name", "Last name", "Email address"]
        rows: dict[str, list[str]] = {}
        for place, exercise in enumerate(exercises):
            head += [exercise.name, f"{exercise.name} (feedback)"]
            for score in self.scores(gradebook, exercise.name):
                s = gradebook.find_student(score.student)
                known = [s.id, s.first_name or "", s.last_name or "", s.email or ""]
                row = rows.setdefault(s.id, [*known, *[""] * 2 * len(exercises)])
                row[4 + 2 * place] = _points(score.points, 0, None, False)
                row[5 + 2 * place] = "<br>".join(map(escape, score.reasons))
        return Table(head, [rows[name] for name in sorted(rows)])


def _places(table: Table, *names: str) -> list[int]:
    return [place for name in names if (place := table.column(name)) is not None]


class GradescopeExporter(PlatformExporter):
    """Gradescope's `results.json`, one a student: DESTINATION/STUDENT/EXERCISE/results.json."""

    default_name = "gradescope"

    def write(self, gradebook: Any, target: Path) -> Said:
        """Write a file for each submission, its tests the graded cells with their scores."""
        from autograder.course.gradescope import of_submission, write_results

        for exercise in self.exercises(gradebook):
            for score in self.scores(gradebook, exercise.name):
                try:
                    submission = gradebook.find_submission(exercise.name, score.student)
                except MissingEntry:  # taken out meanwhile
                    continue
                place = target / score.student / exercise.name / "results.json"
                write_results(place, of_submission(submission))
        return Said()
