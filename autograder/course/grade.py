"""Grades a class: nbgrader's `submitted/` layout in, results, a table and pages out."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.course.alike import looked_at, released_prints
from autograder.course.answers import cells_of, points_by_hand
from autograder.course.handed_in import notebooks_among
from autograder.course.moved import Move, remember, settle
from autograder.course.one_task import merged, only_tasks
from autograder.course.pages import write_class_page, write_student_page
from autograder.data.files import (
    PART,
    CannotWrite,
    in_utf8,
    json_lines,
    lock_file,
    readable_name,
    write_csv,
    write_whole,
)
from autograder.data.key import Key, package_version
from autograder.data.notebook import Cell, NotANotebook, read_notebook
from autograder.judging.report import verdict_json
from autograder.running.cells import defined_names
from autograder.running.runner import Outcome, Runs, grade_notebook

RESULTS = "results.jsonl"
MOST_BYTES = 200_000_000


class GradingProblem(Exception):
    """A class cannot be graded; `str()` says what is wrong and what to do."""


@dataclass(frozen=True)
class Submission:
    """Where a student's notebook is, or should be.

    `handed_in` is nbgrader's note of the time, `remark` says where the notebook has another name.
    """

    student: str
    path: Path
    handed_in: str = ""
    remark: str = ""


def find_submissions(
    folder: Path, exercise: str, tasks: Iterable[str] = (), out: Path | None = None
) -> list[Submission]:
    """One submission a student folder, in order of names; `out` within `folder` is no student."""
    if not folder.is_dir():
        raise GradingProblem(
            f"{folder} is not a folder: give the one that holds <student>/{exercise}/{exercise}"
            ".ipynb, as nbgrader's `submitted/` does"
        )
    students = sorted(
        entry.name
        for entry in folder.iterdir()
        if entry.is_dir()
        and entry.name[0] != "."
        and (out is None or not out.resolve().is_relative_to(entry.resolve()))
    )
    if not students:
        raise GradingProblem(f"{folder} holds no student folders")
    if not any((folder / student / exercise).is_dir() for student in students):
        raise GradingProblem(
            f"no student in {folder} has a folder {exercise}: is the exercise's name right?"
        )
    return [submission_of(folder, name, exercise, tasks) for name in students]


def submission_of(folder: Path, name: str, exercise: str, tasks: Iterable[str] = ()) -> Submission:
    """A student's submission; where the notebook is missing, a lone one that holds the tasks."""
    place = folder / name / exercise
    path, remark = place / f"{exercise}.ipynb", ""
    if not os.path.lexists(path):
        others = _notebooks_in(place) or _notebooks_in(folder / name)
        if len(others) == 1 and _holds(others[0], exercise, tasks):
            remark = f"graded {readable_name(others[0].name)}: there is no {path.name}"
            path = others[0]
    stamp = ""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        stamp = (path.parent / "timestamp.txt").read_text("utf-8").strip()[:100]
    return Submission(readable_name(name), path, stamp, remark)


def _notebooks_in(place: Path) -> list[Path]:
    with contextlib.suppress(OSError):  # no folder, or one that nobody may read
        return notebooks_among(sorted(place.iterdir()))
    return []


def _holds(path: Path, exercise: str, tasks: Iterable[str]) -> bool:
    """Whether a notebook says that it is the exercise, or has a cell that defines a task."""
    try:
        if path.is_symlink() or path.stat().st_size > MOST_BYTES:
            return False
        notebook = read_notebook(path.read_bytes())
    except (OSError, NotANotebook):
        return False
    if notebook.exercise is not None:
        return notebook.exercise == exercise
    defined = {name for cell in notebook.cells for name in defined_names(cell.source)}
    return not defined.isdisjoint(tasks)


def read_submission(submission: Submission, folder: Path) -> tuple[bytes | None, str]:
    """The notebook's bytes, or None and a sentence; links out of the own folder are refused."""
    path = submission.path
    try:
        own = path.parents[1].resolve()
        if not own.is_relative_to(folder.resolve()):
            return None, "the student's folder is a link to a place outside the class"
        if not path.resolve().is_relative_to(own):
            return None, "the notebook is a link to a place outside the student's folder"
        if not path.exists():
            return None, f"there is no file {path.parent.name}/{path.name}"
        if not path.is_file():
            return None, f"{path.name} is not an ordinary file"
        if path.stat().st_size > MOST_BYTES:
            return None, f"the file has {path.stat().st_size:,} bytes; the limit is {MOST_BYTES:,}"
        return path.read_bytes(), ""
    except (OSError, RuntimeError) as error:
        return None, f"the file cannot be read ({type(error).__name__})"


def grade_folder(
    folder: Path,
    key: Key,
    out: Path,
    workers: int,
    timeout: float,
    progress: Callable[[dict[str, Any], int, int], None] = lambda row, done, all_: None,
    *,
    workshop: Runs,
    anonymous: bool = False,
    again: Callable[[str], bool] = lambda student: False,
    only: tuple[str, ...] = (),
    released: Path | None = None,
    moved: Callable[[list[Move]], None] = lambda moves: None,
    begun: Callable[[], None] = lambda: None,
) -> list[dict[str, Any]]:
    """Grade every submission; return the rows of `results.jsonl`, in order of students.

    A row is written as soon as it is known. Rows of an earlier run that are whole and of the
    same notebook, key and version are kept, so that a grading that was killed goes on; but not
    those of a student who is to be graded `again`, nor of one who was ended by a lower limit.
    Where tasks are named (`only`), these alone are graded again, and the points of others stay.
    `released` is the notebook that was given out, whose own text is nobody's answer; `moved` is
    told whose score is another one than before, which `changes.csv` keeps. `begun` is called once
    no other grading writes there.
    """
    submissions = find_submissions(folder, key.exercise, key.tasks, out)
    limits = {"timeout": timeout, "memory": _memory(workshop)}
    common = {"key_sha256": key_hash(key), "version": package_version()}
    with Results(out) as results:
        begun()
        kept = results.read()
        plan = _Plan()
        for submission in submissions:
            raw, _ = read_submission(submission, folder)
            old = kept.get(submission.student)
            stamp = {"notebook_sha256": notebook_hash(raw), **common}
            holds = old is not None and _still_holds(old, stamp, key, limits)
            holds = holds and results.has_page(submission.student)
            plan.add(submission, old if holds else None, again(submission.student), bool(only))
        rows = plan.rows
        remember(out, [kept[one.student] for one in plan.todo if one.student in kept])
        results.finish([*rows.values(), *plan.parts.values()])
        for number, row in enumerate(rows.values(), 1):
            progress(row, number, len(submissions))
        keys = dict.fromkeys(plan.parts, only_tasks(key, only))
        for submission, done in _graded(plan.todo, folder, key, keys, workers, timeout, workshop):
            about: dict[str, Any] = {"notebook_sha256": done.digest, **common}
            about |= {"limits": limits, "handed_in": submission.handed_in, **done.seen}
            row = result_row(submission.student, key, done.outcome, about)
            if submission.student in plan.parts:
                row = merged(plan.parts[submission.student], row)
            write_student_page(out, row, done.outcome.verdicts, key, done.cells)
            results.append(row)
            rows[submission.student] = row
            progress(row, len(rows), len(submissions))
        ordered = [rows[submission.student] for submission in submissions]
        results.finish(ordered)
        results.keep_pages_of(set(rows))
        write_table(out / "grades.csv", ordered, key)
        prints = released_prints(released, key.tasks) if released else {}
        write_class_page(out, ordered, key, anonymous, prints, points_by_hand(released))
        moved(settle(out, ordered))
    return ordered


@dataclass
class _Plan:
    """What a grading does: `rows` that stand, who is `todo`, and of whom only `parts` are."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    todo: list[Submission] = field(default_factory=list)
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(
        self, submission: Submission, old: dict[str, Any] | None, again: bool, some: bool
    ) -> None:
        """Plan a submission whose row `old` holds, if it has one: to stay, or to be graded `again`.

        Where only `some` tasks are graded again, the row keeps the others.
        """
        if old is not None and not again:
            self.rows[submission.student] = old
            return
        self.todo.append(submission)
        if old is not None and some:
            self.parts[submission.student] = old


def _memory(workshop: Runs) -> int | None:
    """The bytes that a submission may take, where what runs it says so."""
    limits = getattr(workshop, "limits", None)
    return None if limits is None else limits.memory


def _still_holds(
    row: dict[str, Any], stamp: dict[str, Any], key: Key, limits: dict[str, Any]
) -> bool:
    """Whether a row of an earlier run is of the same notebook, key and version, and not of a limit.

    What was ended by a limit is graded again where one is higher now.
    """
    same = all(row.get(name) == value for name, value in stamp.items())
    if row.get("status") in ("timeout", "crashed"):
        before = row.get("limits") or {}
        same = same and all((before.get(k) or 0) >= (v or 0) for k, v in limits.items())
    return same and row.get("exercise") == key.exercise


@dataclass(frozen=True)
class _Done:
    """A graded notebook: its outcome, the hash of its bytes, its cells for the page, its prints."""

    outcome: Outcome
    digest: str | None
    cells: tuple[Cell, ...]
    seen: dict[str, Any]


def _graded(
    todo: list[Submission],
    folder: Path,
    key: Key,
    keys: dict[str, Key],
    workers: int,
    timeout: float,
    workshop: Runs,
) -> Iterator[tuple[Submission, _Done]]:
    """Grade with `workers` at a time; only as many notebooks are in memory as are being graded.

    `keys` has, by student, the key where it is not `key`.
    """

    def work(submission: Submission) -> _Done:
        mine = keys.get(submission.student, key)
        raw, outcome = graded_submission(submission, folder, mine, timeout, workshop)
        seen = looked_at(raw, key.tasks) if outcome.status != "invalid" else {}
        return _Done(outcome, notebook_hash(raw), cells_of(raw), seen)

    with ThreadPoolExecutor(workers) as pool:
        waiting: dict[Future, Submission] = {}
        queue = iter(todo)
        try:
            while True:
                for submission in queue:
                    waiting[pool.submit(work, submission)] = submission
                    if len(waiting) >= 2 * workers:
                        break
                if not waiting:
                    return
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    submission = waiting.pop(future)
                    yield submission, future.result()
        except BaseException:
            workshop.stop()  # whatever is being graded ends now
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def graded_submission(
    submission: Submission, folder: Path, key: Key, timeout: float, workshop: Runs
) -> tuple[bytes | None, Outcome]:
    """A submission's notebook, None where it was not read, and what it is worth."""
    raw, sentence = read_submission(submission, folder)
    outcome = grade_notebook(raw, key, timeout, workshop)
    if sentence:
        outcome = _refused(outcome, sentence)
    outcome.message = outcome.message or submission.remark
    return raw, outcome


def _refused(outcome: Outcome, sentence: str) -> Outcome:
    """The outcome of a submission that was not read, and why."""
    status = "missing" if sentence.startswith("there is no file") else "invalid"
    verdicts = [verdict.model_copy(update={"hint": sentence}) for verdict in outcome.verdicts]
    return Outcome(status, verdicts, outcome.seconds, sentence)


def result_row(
    student: str, key: Key, outcome: Outcome, stamp: dict[str, Any] | None = None
) -> dict[str, Any]:
    """One line of results."""
    row: dict[str, Any] = {
        "student": student,
        "exercise": key.exercise,
        "status": outcome.status,
        "score": outcome.score,
        "max_score": key.max_score,
        "seconds": outcome.seconds,
        "tasks": {verdict.task: verdict_json(verdict) for verdict in outcome.verdicts},
    }
    if outcome.message:
        row["message"] = outcome.message
    return {**row, **(stamp or {})}


def require_own_results(out: Path, exercise: str) -> None:
    """Raise GradingProblem where the results of another exercise would be written over."""
    others = {row.get("exercise") for row in read_rows(out).values()} - {exercise, None}
    if others:
        raise GradingProblem(
            f"{out} holds the results of {', '.join(sorted(map(str, others)))}: give each exercise "
            f"a folder of its own, as in --out {out / exercise}"
        )


def read_rows(out: Path) -> dict[str, dict[str, Any]]:
    """The whole lines of an earlier run, by student; a line cut short is left out."""
    found = {}
    if (out / RESULTS).is_file():
        for row in json_lines(out / RESULTS):
            with contextlib.suppress(KeyError, TypeError):  # no row of ours
                found[row["student"]] = row
    return found


class Results:
    """`results.jsonl` in the output folder: appended to line by line, ordered at the end.

    Used in a `with`: one grading at a time writes there.
    """

    def __init__(self, out: Path) -> None:
        self.out, self.path = out, out / RESULTS
        try:
            (out / "pages").mkdir(parents=True, exist_ok=True)
            self._lock = open(out / ".lock", "a")  # noqa: SIM115
        except OSError as error:
            raise CannotWrite(out, error) from error

    def __enter__(self) -> Results:
        """Take the folder. Raises GradingProblem where another grading has it."""
        try:
            lock_file(self._lock)
        except OSError:
            self._lock.close()
            raise GradingProblem(
                f"another grading writes into {self.out}: wait for its end, or take another --out"
            ) from None
        for left in (*self.out.glob(f"{PART}*"), *(self.out / "pages").glob(f"{PART}*")):
            left.unlink(missing_ok=True)  # of a grading that was killed
        return self

    def __exit__(self, *problem: object) -> None:
        """Let go of the folder."""
        self._lock.close()

    def read(self) -> dict[str, dict[str, Any]]:
        """The whole lines of an earlier run, by student."""
        return read_rows(self.out)

    def has_page(self, student: str) -> bool:
        """Whether the student's page is written."""
        return (self.out / "pages" / f"{student}.html").is_file()

    def keep_pages_of(self, students: set[str]) -> None:
        """Take away the pages of students who are in this class no more."""
        for page in (self.out / "pages").glob("*.html"):
            if page.stem not in students:
                page.unlink(missing_ok=True)

    def append(self, row: dict[str, Any]) -> None:
        """Add a row, safe on disk before this returns. Raises CannotWrite."""
        try:
            with open(self.path, "ab") as file:
                file.write(in_utf8(json.dumps(row, ensure_ascii=False)) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise CannotWrite(self.path, error) from error

    def finish(self, rows: list[dict[str, Any]]) -> None:
        """Write all rows anew, whole or not at all. Raises CannotWrite."""
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
        write_whole(self.path, "".join(lines))


HEAD = ("student", "exercise", "status", "score", "max_score")
TAIL = ("handed_in", "due", "penalty", "remark")


def write_table(
    path: Path, rows: list[dict[str, Any]], key: Key, late: dict[str, Any] | None = None
) -> None:
    """`grades.csv`: a row a student, a column a task, then times, penalty and remark.

    `late` has nbgrader's due date and penalty by student.
    """
    table = [[*HEAD, *key.tasks, *TAIL]]
    for row in rows:
        points = [row["tasks"].get(name, {}).get("points", 0) for name in key.tasks]
        about = (late or {}).get(row["student"])
        penalty = about.penalty if about and about.penalty is not None else ""
        tail = [row.get("handed_in", ""), about.due if about else "", penalty]
        table.append([*(row[name] for name in HEAD), *points, *tail, row.get("message", "")])
    write_csv(path, table)


def notebook_hash(raw: bytes | None) -> str | None:
    """The SHA-256 of a notebook's bytes, as its row keeps it."""
    return None if raw is None else hashlib.sha256(raw).hexdigest()


def key_hash(key: Key) -> str:
    """The SHA-256 of what a key says, whatever the layout of its file."""
    return hashlib.sha256(key.model_dump_json().encode()).hexdigest()
