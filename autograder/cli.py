"""The command `autograder`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from autograder.course.class_commands import TimeoutOption, collect, explain, grade, gradescope
from autograder.course.commands import capstone, course, sheet, update
from autograder.course.grade import GradingProblem
from autograder.course.handed_in import is_named_after
from autograder.course.own_work import notebook_named, row_of, saved, verdicts_of
from autograder.data.files import CannotWrite
from autograder.data.key import KeyProblem
from autograder.data.notebook import NotANotebook, read_notebook
from autograder.judging.judge import LATER
from autograder.judging.report import console, number, terminal_table
from autograder.running.quiet import keep_tensorflow_quiet
from autograder.running.workshop import CannotIsolate, WarmProcessGone
from autograder.setting.commands import key, lint, mutate, new, release_command
from autograder.setting.exercises import (
    KEY_NAME,
    ExerciseProblem,
    key_path,
    project_root,
    root_above,
)
from autograder.setting.task import TaskError

app = typer.Typer(
    help="Checks answers and grades classes.", no_args_is_help=True, add_completion=False
)
PROBLEMS = (
    ExerciseProblem, GradingProblem, KeyProblem, TaskError, CannotWrite, CannotIsolate,
    WarmProcessGone,
)  # fmt: skip
KeyOption = Annotated[Path | None, typer.Option("--key", help="Key file; default: the public key")]
INTERRUPTED = 130  # the exit code that shells know
NOT_SAVED = "Only what is saved is read: save the notebook first (Ctrl+S in JupyterLab)."


def main() -> None:
    """Run the command; a problem the user can mend is one sentence and exit code 2."""
    keep_tensorflow_quiet()  # before any command imports it
    try:
        app()
    except PROBLEMS as problem:
        console(stderr=True).print(f"autograder: {problem}", style="red", markup=False)
        sys.exit(2)
    except SystemExit as ended:
        if ended.code == INTERRUPTED:  # so typer ends a command at Ctrl+C, without a word
            console(stderr=True).print("autograder: interrupted; what is written is kept")
        raise


def exercise_of(notebook: Path, raw: bytes) -> str:
    """The exercise that a notebook says it is, else the one that its name tells of."""
    try:
        said = read_notebook(raw).exercise
    except NotANotebook:
        said = None
    keys = [] if said else sorted(Path.cwd().glob(f"exercises/*/{KEY_NAME}"))
    names = [path.parent.name for path in keys]
    return said or next((n for n in names if is_named_after(notebook.name, n)), notebook.stem)


@app.command()
def check(
    notebook: Annotated[
        str, typer.Argument(help="The notebook to check, its folder, or an exercise's name")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of results")] = False,
    key: KeyOption = None,
    timeout: TimeoutOption = 120,
) -> None:
    """Check one notebook. Exit code 0: full marks, 1: not, 2: it could not be graded."""
    root = root_above(Path.cwd())
    path = notebook_named(notebook, root)
    beside = path.resolve().parent
    exercise = exercise_of(path, path.read_bytes())
    row = row_of(path, key_path(key, exercise, beside), timeout, root_above(beside))
    if as_json:
        print(json.dumps(row, ensure_ascii=False))
    else:
        said, when = row.get("message", ""), saved(path)
        title = f"{row['exercise']}: {path.name} ({when})"
        console().print(terminal_table(verdicts_of(row), title, said))
        console().print(f"{number(row['score'])} of {number(row['max_score'])} points")
        if said:
            console().print(said, markup=False)
        left = [entry for entry in row["tasks"].values() if entry["verdict"] == "missing"]
        if any(entry["hint"] != LATER for entry in left):
            console().print(NOT_SAVED, markup=False)
    if row["status"] in ("invalid", "crashed", "missing"):
        raise typer.Exit(2)
    raise typer.Exit(0 if row["score"] == row["max_score"] else 1)


@app.command()
def progress(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
    timeout: TimeoutOption = 120,
) -> None:
    """Say which exercises pass so far."""
    root = project_root()
    notebooks = sorted((root / "exercises").glob("*/*.ipynb"))
    notebooks = [path for path in notebooks if path.stem == path.parent.name]
    if not notebooks:
        raise ExerciseProblem(f"there are no exercises in {root / 'exercises'}")
    screen, found, times = console(stderr=True), [], {}
    for path in notebooks:
        screen.print(f"checking {path.stem}", markup=False)
        row = row_of(path, key_path(None, path.stem, path.parent), timeout, root)
        times[row["exercise"]] = saved(path)
        found.append(row)
    if as_json:
        print(json.dumps({row["exercise"]: row for row in found}, ensure_ascii=False))
        return
    from rich.table import Table

    table = Table(title="progress", title_justify="left")
    for column in ("exercise", "points", "right", "still to do", "file"):
        table.add_column(column)
    for row in found:
        right = [name for name, e in row["tasks"].items() if e["verdict"] == "correct"]
        rest = [name for name in row["tasks"] if name not in right]
        points = f"{number(row['score'])}/{number(row['max_score'])}"
        words = ", ".join(right) or "–", ", ".join(rest) or "–"
        table.add_row(row["exercise"], points, *words, times[row["exercise"]])
    console().print(table)
    console().print(NOT_SAVED, markup=False)


@app.command()
def doctor() -> None:
    """Say what this machine can isolate and accelerate; exit code 1 where the lock has gaps."""
    from rich.table import Table

    from autograder.running.doctor import findings

    found = findings()
    table = Table(title="this machine", title_justify="left")
    for column in ("", "", "what it gives, or what to do"):
        table.add_column(column, overflow="fold")
    for one in found:
        mark = "✓" if one.there else "✗" if one.needed else "–"
        table.add_row(mark, one.name, one.what)
    console().print(table)
    if all(one.there for one in found if one.needed):
        console().print("Others' work can be graded here.")
        return
    console().print(
        "Grading others' work is refused here unless --unsafe is given: their code would then run "
        "with your rights on your files. Checking your own work needs none of this."
    )
    raise typer.Exit(1)


app.add_typer(course, name="course")
COMMANDS: tuple[Callable[..., None], ...] = (
    grade, collect, explain, gradescope, capstone, update, key, new, sheet, lint, mutate,
)  # fmt: skip
for command in COMMANDS:
    app.command()(command)
app.command("release")(release_command)


if __name__ == "__main__":
    main()
