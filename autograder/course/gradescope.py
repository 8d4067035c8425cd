"""Grades on Gradescope: the zip that it runs, and the `results.json` that it reads.

Gradescope unpacks the zip into /autograder/source, runs `setup.sh` once and `run_autograder` for
every submission, a container each. The verdict is this engine's; its key lies in the container.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import re
import sys
import zipfile
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict

from autograder.course.grade import (
    MOST_BYTES,
    GradingProblem,
    key_hash,
    result_row,
)
from autograder.course.handed_in import is_rubbish, notebooks_among
from autograder.data.files import readable_name, write_whole
from autograder.data.key import Key, KeyProblem, package_version, read_key
from autograder.data.limits import Limits
from autograder.judging.report import further
from autograder.running.runner import grade_notebook
from autograder.running.workshop import CannotIsolate, WarmProcessGone, Workshop

Visibility = Literal["hidden", "after_due_date", "after_published", "visible"]
VISIBILITIES: tuple[str, ...] = get_args(Visibility)
Format = Literal["text", "html", "simple_format", "md", "ansi"]
NEEDED = ("keras", "numpy", "pydantic", "rich", "jinja2", "typer", "nbformat", "scipy",
          "scikit-learn", "matplotlib", "ipython")  # fmt: skip
TENSORFLOW = ("tensorflow-cpu", "tensorflow")
WHOLE = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can name: the same zip every time
SETUP = """#!/usr/bin/env bash
# Runs once, while Gradescope builds the image: the sandbox, Python MINOR, and what grading needs.
set -eu
root=${AUTOGRADER_ROOT:-/autograder}
apt-get update
apt-get install -y --no-install-recommends bubblewrap python3 python3-venv
python3 -m venv "$root/installer"
"$root/installer/bin/pip" install uv
# Where every user may read it: a student's code does not run as root.
export UV_PYTHON_INSTALL_DIR="$root/python"
"$root/installer/bin/uv" venv --python MINOR "$root/venv"
# Compiled here, once: every submission gets a fresh container, and would compile it all again.
"$root/installer/bin/uv" pip install --compile-bytecode --python "$root/venv/bin/python" \\
    -r "$root/source/requirements.txt"
"""
RUN = """#!/usr/bin/env bash
# Runs for every submission: writes results/results.json.
root=${AUTOGRADER_ROOT:-/autograder}
python=${AUTOGRADER_PYTHON:-$root/venv/bin/python}
cd "$root/source" || exit 1
PYTHONPATH="$root/source" exec "$python" -m autograder.course.gradescope "$root"
"""
TOLD = (GradingProblem, KeyProblem, CannotIsolate, WarmProcessGone)  # sentences already
LAST_SENTENCE = "This submission could not be graded: tell your instructor."


class _Documented(BaseModel):
    model_config = ConfigDict(extra="forbid")


class GradescopeTest(_Documented):
    """A test in `results.json`; all fields that Gradescope documents, all of them optional."""

    score: float | None = None
    max_score: float | None = None
    status: Literal["passed", "failed"] | None = None
    name: str | None = None
    name_format: Format | None = None
    number: str | None = None
    output: str | None = None
    output_format: Format | None = None
    tags: list[str] | None = None
    visibility: Visibility | None = None
    extra_data: dict[str, Any] | None = None


class LeaderboardEntry(_Documented):
    """A value that Gradescope ranks students by."""

    name: str
    value: float | str
    order: Literal["asc", "desc"] | None = None


class GradescopeResults(_Documented):
    """What Gradescope reads from /autograder/results/results.json."""

    score: float | None = None
    execution_time: float | None = None
    output: str | None = None
    output_format: Format | None = None
    test_output_format: Format | None = None
    test_name_format: Format | None = None
    visibility: Visibility | None = None
    stdout_visibility: Visibility | None = None
    extra_data: dict[str, Any] | None = None
    tests: list[GradescopeTest] = []
    leaderboard: list[LeaderboardEntry] | None = None


def write_results(path: Path, results: GradescopeResults) -> None:
    """Write a `results.json`, whole or not at all. Raises CannotWrite."""
    content = results.model_dump(exclude_none=True)
    write_whole(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def of_row(row: dict[str, Any], visibility: Visibility = "visible") -> GradescopeResults:
    """What a line of results is for Gradescope: a test a task, with its reasons."""
    tests = []
    for name, entry in row["tasks"].items():
        right = entry["verdict"] == "correct"
        tests.append(
            GradescopeTest(
                name=name,
                score=entry["points"],
                max_score=entry["max_points"],
                status="passed" if right else "failed",
                output=_reasons(name, entry, row.get("message", "")),
                visibility=visibility,
            )
        )
    told: dict[str, Any] = {
        name: row[name] for name in ("status", "key_sha256", "version") if name in row
    }
    return GradescopeResults(
        score=row["score"],
        execution_time=row["seconds"],
        output=row.get("message")
        or f"{row['exercise']}: {row['score']:g} of {row['max_score']:g} points",
        output_format="text",
        test_output_format="text",
        stdout_visibility="hidden",
        extra_data=told,
        tests=tests,
    )


def _reasons(name: str, entry: dict[str, Any], above: str) -> str:
    from autograder.judging.judge import Verdict

    verdict = Verdict.model_validate({"task": name, **entry})
    said = [entry.get("progress", ""), verdict.hint, *further(verdict)]
    whole = "All parts are right." if verdict.verdict == "correct" else above
    return "\n".join(one for one in said if one and one != above) or whole


def of_submission(submission: Any) -> GradescopeResults:
    """What a submission in nbgrader's gradebook is for Gradescope: a test a graded cell."""
    tests, penalty = [], submission.late_submission_penalty
    for notebook in submission.notebooks:
        comments = {comment.name: comment.comment for comment in notebook.comments}
        for grade in sorted(notebook.grades, key=lambda one: one.name):
            task = re.sub(r"^(check|test)[_-]", "", grade.name)
            waits = "waits for marks by hand" if grade.needs_manual_grade else ""
            tests.append(
                GradescopeTest(
                    name=grade.name,
                    score=grade.score,
                    max_score=grade.max_score,
                    status="passed" if grade.score >= grade.max_score else "failed",
                    output=comments.get(grade.name) or comments.get(task) or waits or None,
                )
            )
    score = max(0.0, submission.score - penalty)
    said = f"{score:g} of {submission.max_score:g} points"
    if penalty:
        said += f", {penalty:g} taken off for a late submission"
    return GradescopeResults(
        score=score, output=said, output_format="text", stdout_visibility="hidden", tests=tests
    )


# What runs in Gradescope's container


def main(root: Path) -> int:
    """Grade what lies in root/submission; write root/results/results.json, whatever happens."""
    try:
        made = graded(root)
    except Exception as problem:  # without results a student sees a failure of the autograder
        told = str(problem) if isinstance(problem, TOLD) else f"{type(problem).__name__}: {problem}"
        print(f"autograder: {told}", file=sys.stderr)
        made = GradescopeResults(score=0, output=LAST_SENTENCE, stdout_visibility="hidden")
    write_results(root / "results" / "results.json", made)
    return 0


def graded(root: Path) -> GradescopeResults:
    """The results of the submission in `root`. Raises where the zip's maker has to do something."""
    settings = json.loads((root / "source" / "settings.json").read_text("utf-8"))
    path = root / "source" / "key.json"
    key = read_key(path)
    raw, sentence = _handed_in(root / "submission", key)
    secrets = [path, root / "submission", root / "results"]
    limits = Limits(memory=settings["memory"] << 20)
    with Workshop(secrets, limits, unsafe=settings["unsafe"]) as workshop:
        outcome = grade_notebook(raw, key, settings["timeout"], workshop)
    for layer, why in workshop.missing.items():
        print(f"not isolated by {layer} ({why})")
    outcome.message = outcome.message or sentence
    about = {"key_sha256": key_hash(key), "version": settings["version"]}
    if raw is None:
        outcome.message = sentence
        for number, verdict in enumerate(outcome.verdicts):
            outcome.verdicts[number] = verdict.model_copy(update={"hint": sentence})
    return of_row(result_row("", key, outcome, about), settings["visibility"])


def _handed_in(folder: Path, key: Key) -> tuple[bytes | None, str]:
    """The notebook handed in, with a remark, else None and a sentence for the student."""
    wanted = f"{key.exercise}.ipynb"
    there = [
        path
        for path in sorted(folder.rglob("*"))
        if not is_rubbish(path.relative_to(folder).as_posix())
    ]
    there = notebooks_among(there)
    found = [path for path in there if path.name == wanted] or there
    if len(found) != 1:
        named = ", ".join(readable_name(path.name) for path in found) or "none"
        return None, f"hand in one notebook, {wanted}; there are {named}"
    path, name = found[0], readable_name(found[0].name)
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        return None, f"{name} is a link or no file: hand in the notebook itself"
    if path.stat().st_size > MOST_BYTES:
        return None, f"{name} has {path.stat().st_size:,} bytes; the limit is {MOST_BYTES:,}"
    return path.read_bytes(), "" if name == wanted else f"graded {name}, not {wanted}"


# The zip


def make_zip(
    path: Path,
    key: Key,
    timeout: float,
    memory: int = 4096,
    visibility: str = "visible",
    unsafe: bool = False,
) -> list[str]:
    """Write the zip for an exercise's key; the names of its files. Raises CannotWrite.

    `memory` is in MB. The versions of what it installs are those that are installed here.
    """
    settings = {
        "exercise": key.exercise, "timeout": timeout, "memory": memory, "unsafe": unsafe,
        "visibility": visibility, "version": package_version(),
    }  # fmt: skip
    minor = "{}.{}".format(*sys.version_info)
    files: dict[str, str | bytes] = {
        "setup.sh": SETUP.replace("MINOR", minor),
        "run_autograder": RUN,
        "settings.json": json.dumps(settings, indent=1) + "\n",
        "requirements.txt": "".join(f"{pin}\n" for pin in pins()),
        "key.json": key.model_dump_json(),
    }
    package = Path(str(resources.files("autograder")))
    for source in sorted(package.rglob("*")):
        if source.is_file() and "__pycache__" not in source.parts:
            files[f"autograder/{source.relative_to(package).as_posix()}"] = source.read_bytes()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, content in files.items():
            about = zipfile.ZipInfo(name, WHOLE)
            about.compress_type = zipfile.ZIP_DEFLATED
            about.external_attr = (
                0o100755 if name in ("setup.sh", "run_autograder") else 0o100644
            ) << 16
            pack.writestr(about, content)
    write_whole(path, made.getvalue())
    return list(files)


def pins() -> list[str]:
    """What grading needs and what that needs, at the versions that are installed here."""
    found: dict[str, str] = {}
    backend = next((name for name in TENSORFLOW if _installed(name)), TENSORFLOW[0])
    todo = [*NEEDED, backend]
    while todo:
        name = re.sub(r"[-_.]+", "-", todo.pop()).lower()
        about = None if name in found else _installed(name)
        if about is None:
            continue
        found[name] = about.version.partition("+")[0]
        for line in about.requires or []:
            wanted, _, marker = line.partition(";")
            if "extra" not in marker:
                todo.append(re.split(r"[^\w.-]", wanted.strip(), maxsplit=1)[0])
    if "tensorflow" in found:  # the image has no GPU: the same version without code for one
        found[TENSORFLOW[0]] = found.pop("tensorflow")
    return [f"{name}=={version}" for name, version in sorted(found.items())]


def _installed(name: str) -> importlib.metadata.Distribution | None:
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
