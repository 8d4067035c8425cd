"""Puts this engine in the place where `nbgrader autograde` runs a student's notebook.

nbgrader's own `Execute` runs the test cells in the student's process, where they can be forged.
`nbgrader_config.py` names `LockedIn` instead: the notebook runs in a locked child, the verdict is
made here, and the test cells get it as their output. Everything else of nbgrader stays: it takes
the points from those outputs, keeps its database, shows formgrader, writes feedback.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import ClearHiddenTests, NbGraderPreprocessor, SaveAutoGrades
from traitlets import Bool, Float, Unicode

from autograder.course.answers import defines
from autograder.course.gradebook import reason_of
from autograder.course.harmless import given_out_texts, with_harmless_texts
from autograder.course.rubric import rubric_of, with_rubrics
from autograder.data.key import Key, KeyProblem, read_key
from autograder.data.notebook import checked_task
from autograder.data.sealing import require_answers
from autograder.judging.report import verdict_json, verdict_output
from autograder.running.runner import Outcome, grade_notebook
from autograder.running.workshop import CannotIsolate, WarmProcessGone, Workshop
from autograder.setting.exercises import public_key_path

REASONS = "autograder_reasons"  # where in nbgrader's resources
IDLE_SECONDS = 60.0  # a warm process holds memory: it is let go when nothing has come for so long


class LockedIn(NbGraderPreprocessor):
    """Grades a submission's notebook with this engine, in the place of nbgrader's `Execute`."""

    keys = Unicode(
        "keys",
        help="Folder of private keys, NN_name.json each, from the course's root; an exercise "
        "without one there is graded with its public key",
    ).tag(config=True)
    timeout = Float(120.0, help="Seconds a submission may take").tag(config=True)
    unsafe = Bool(
        False, help="Grade where students' code cannot be locked in, with your rights on your files"
    ).tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Run the notebook locked in; put the verdicts below its checks.

        Raises NbGraderException with a sentence where there is no key, no lock, or a test cell
        that this engine does not know.
        """
        about, root = resources["nbgrader"], self._root()
        try:
            key = read_key(self._key_path(root, about["assignment"]))
            require_answers(key)
            outcome = self._grade(nb, key, root)
        except (KeyProblem, CannotIsolate, WarmProcessGone) as problem:
            raise NbGraderException(str(problem)) from None
        if outcome.message:
            self.log.warning("%s: %s", about["student"], outcome.message)
        resources[REASONS] = _show(nb, key, outcome)
        with_harmless_texts(nb.cells, given_out_texts(root, about["assignment"]))
        _hide(nb, ClearHiddenTests(parent=self))
        if rubrics := rubric_of(root, about["assignment"]):
            nb.cells = [nbformat.from_dict(cell) for cell in with_rubrics(nb.cells, rubrics)]
            if nb.nbformat_minor < 5:  # whose cells have no ids
                nb.cells = [_without_id(cell) for cell in nb.cells]
        return nb, resources

    def _root(self) -> Path:
        """The course's root, as nbgrader's configuration names it."""
        return Path(str(self.config.CourseDirectory.get("root") or Path.cwd()))

    def _key_path(self, root: Path, exercise: str) -> Path:
        private = root / self.keys / f"{exercise}.json"
        return private if private.is_file() else public_key_path(root, exercise)

    def _grade(self, nb: Any, key: Key, root: Path) -> Outcome:
        secrets = [
            root / name
            for name in ("submitted", "autograded", "solutions", "gradebook.db", self.keys)
        ]
        raw = nbformat.writes(nb).encode("utf-8", "replace")
        with _shared.lent(secrets, self.unsafe) as workshop:
            return grade_notebook(raw, key, self.timeout, workshop)


class SaveGradesAndReasons(SaveAutoGrades):
    """Saves nbgrader's scores, and at each answer the reason as its automatic comment."""

    def _add_comment(self, cell: Any, resources: Any) -> None:
        super()._add_comment(cell, resources)
        if cell.cell_type != "code" or cell.metadata["nbgrader"].get("grade"):
            return
        reasons = resources.get(REASONS, {})
        found = [reason for task, reason in reasons.items() if defines(cell.source, task)]
        if any(found):
            place = self.notebook_id, self.assignment_id, self.student_id
            comment = self.gradebook.find_comment(cell.metadata["nbgrader"]["grade_id"], *place)
            comment.auto_comment = "\n".join(reason for reason in found if reason)
            self.gradebook.db.commit()


def _show(nb: Any, key: Key, outcome: Outcome) -> dict[str, str | None]:
    """Give every test cell its verdict; nbgrader takes one without output for right.

    The tasks' reasons are given back.
    """
    verdicts = {verdict.task: verdict for verdict in outcome.verdicts}
    for cell in nb.cells:
        marks = cell.metadata.get("nbgrader", {})
        if cell.cell_type != "code":
            continue
        cell.outputs, cell.execution_count = [], None
        if not marks.get("grade") or marks.get("solution"):
            continue
        task = checked_task(cell.source)
        if task not in verdicts:
            raise NbGraderException(
                f"the test cell {marks.get('grade_id')!r} checks no task of {key.exercise}: a test "
                "cell holds `check(...)` of one task, or leave the engine out in nbgrader_config.py"
            )
        entry = verdict_json(verdicts.pop(task))
        worth = float(marks["points"])
        cell.outputs = [nbformat.from_dict(verdict_output(task, entry, worth))]
    return {verdict.task: reason_of(verdict_json(verdict)) for verdict in outcome.verdicts}


def _without_id(cell: Any) -> Any:
    cell.pop("id", None)
    return cell


def _hide(nb: Any, marks: ClearHiddenTests) -> None:
    """Take hidden tests out of test cells: the engine asks its key, and feedback shows the cells.

    Before each grading nbgrader puts the test cells of its source notebook back.
    """
    for cell in nb.cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("grade") and not about.get("solution"):
            kept, hidden = [], False
            for line in cell.source.split("\n"):
                hidden = hidden or marks.begin_test_delimeter in line
                if not hidden:
                    kept.append(line)
                hidden = hidden and marks.end_test_delimeter not in line
            cell.source = "\n".join(kept)


class _Shared:
    """One warm process for all submissions of a run, let go when it was idle for a while."""

    def __init__(self) -> None:
        self._workshop: Workshop | None = None
        self._made_for = ""
        self._turn = threading.Lock()
        self._timer: threading.Timer | None = None
        atexit.register(self.close)

    @contextlib.contextmanager
    def lent(self, secrets: list[Path], unsafe: bool) -> Iterator[Workshop]:
        """The workshop for these secrets, for the length of a block. Raises CannotIsolate."""
        wanted = json.dumps([[str(path) for path in secrets], unsafe])
        with self._turn:
            if self._timer:
                self._timer.cancel()
            if self._workshop is None or self._made_for != wanted:
                self._end()
                self._workshop = Workshop(secrets, unsafe=unsafe).__enter__()
                self._made_for = wanted
            try:
                yield self._workshop
            finally:
                self._timer = threading.Timer(IDLE_SECONDS, self.close)
                self._timer.daemon = True
                self._timer.start()

    def close(self) -> None:
        """End the warm process."""
        with self._turn:
            self._end()

    def _end(self) -> None:
        if self._workshop is not None:
            self._workshop.__exit__()
        self._workshop = None


_shared = _Shared()
