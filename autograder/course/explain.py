"""Makes a verdict again from what a grading left: the row, the notebook, the key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.course.grade import (
    RESULTS,
    GradingProblem,
    graded_submission,
    key_hash,
    notebook_hash,
    read_rows,
    submission_of,
)
from autograder.data.files import write_whole
from autograder.data.key import Key, package_version, read_key
from autograder.judging.judge import Verdict
from autograder.judging.report import verdict_json
from autograder.running.runner import Outcome
from autograder.running.workshop import Workshop

RECORD = "grading.json"


@dataclass(frozen=True)
class Explanation:
    """A verdict made again, beside the one in the results, and what has changed since."""

    student: str
    task: str
    verdict: Verdict
    outcome: Outcome
    before: dict[str, Any]
    changes: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether the verdict is the one that stands in the results."""
        now = verdict_json(self.verdict)
        return all(now.get(name) == self.before.get(name) for name in ("points", "checks", "hint"))


def write_record(out: Path, folder: Path, key_path: Path, timeout: float) -> None:
    """Note beside the results where submissions and key lie. Raises CannotWrite."""
    record = {
        "folder": str(folder.resolve()),
        "key": str(key_path.resolve()),
        "timeout": timeout,
    }
    write_whole(out / RECORD, json.dumps(record, indent=1) + "\n")


def stored(out: Path, student: str, task: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The record of a grading and a student's row. Raises GradingProblem."""
    try:
        rows, record = read_rows(out), json.loads((out / RECORD).read_text("utf-8"))
        whole = {"folder", "key", "timeout"} <= set(record)
    except FileNotFoundError:
        rows = {}
    except (OSError, ValueError, TypeError):
        raise GradingProblem(f"the results in {out} cannot be read: grade again") from None
    if not rows:
        raise GradingProblem(f"there are no results in {out}: give the --out of `autograder grade`")
    if not whole:
        raise GradingProblem(f"the results in {out} cannot be read: grade again")
    if student not in rows:
        raise GradingProblem(f"there is no student `{student}` in {out}/{RESULTS}")
    if task not in rows[student]["tasks"]:
        known = ", ".join(rows[student]["tasks"])
        raise GradingProblem(f"there is no task `{task}` in {out}/{RESULTS}; there are: {known}")
    return record, rows[student]


def explain(out: Path, student: str, task: str, workshop: Workshop) -> Explanation:
    """Run the stored notebook again and judge it by the stored key. Raises GradingProblem."""
    record, row = stored(out, student, task)
    key = read_key(Path(record["key"]))
    folder, exercise = Path(record["folder"]), row["exercise"]
    submission = submission_of(folder, student, exercise, key.tasks)
    timeout = (row.get("limits") or record)["timeout"]
    raw, outcome = graded_submission(submission, folder, key, timeout, workshop)
    verdicts = [verdict for verdict in outcome.verdicts if verdict.task == task]
    if not verdicts:
        raise GradingProblem(f"{record['key']} has no task `{task}` any more")
    changes = tuple(_changes(row, raw, key))
    return Explanation(student, task, verdicts[0], outcome, row["tasks"][task], changes)


def _changes(row: dict[str, Any], raw: bytes | None, key: Key) -> list[str]:
    """What is no longer as it was when the row was written, a sentence each."""
    found = []
    if row.get("notebook_sha256") != notebook_hash(raw):
        found.append("the notebook has changed since it was graded")
    if row.get("key_sha256") != key_hash(key):
        found.append("the key has changed since")
    if row.get("version") != package_version():
        found.append(
            f"the autograder was version {row.get('version')}, this is {package_version()}"
        )
    return found
