"""The commands that make a course and keep it up to date."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autograder.judging.report import console
from autograder.setting.exercises import ExerciseProblem, project_root

course = typer.Typer(help="Make a course's folder.", no_args_is_help=True)


@course.callback()
def _course() -> None:
    """Make a course's folder."""


@course.command("new")
def new(
    folder: Annotated[Path, typer.Argument(help="A new folder, or a course to go on with")],
    exercise: Annotated[
        list[str] | None, typer.Option(help="Only this exercise; may be given often")
    ] = None,
    questions: Annotated[
        bool, typer.Option("--questions", help="The sheets of questions on them, too")
    ] = False,
    variant: Annotated[
        int | None,
        typer.Option(min=0, help="Other constants, so that public answers do not fit"),
    ] = None,
    key_seed: Annotated[
        int | None, typer.Option(min=0, help="The seed of the private keys; default: drawn")
    ] = None,
    private_keys: Annotated[
        bool,
        typer.Option(help="Make private keys, which takes minutes; the same command makes them"),
    ] = True,
    solutions: Annotated[
        Path | None, typer.Option(help="Where the variant goes with its model answers, for you")
    ] = None,
    anew: Annotated[
        bool,
        typer.Option("--anew", help="Make each --exercise and its keys again, as it is changed"),
    ] = False,
) -> None:
    """Make a course's folder: exercises, keys, nbgrader's settings; no solutions."""
    if anew and not exercise:
        raise ExerciseProblem("--anew makes exercises again: name each with --exercise")
    from autograder.course.founding import new_course, sheet_names, varied
    from autograder.setting.exercises import exercise_names

    screen, book = console(stderr=True), project_root()
    names = exercise or exercise_names(book)
    sheets = [name for name in sheet_names(book) if name.removesuffix("_questions") in names]
    names = [*names, *(sheets if questions else ())]
    made = new_course(
        book, folder, names, variant, key_seed, private_keys, solutions,
        lambda line: screen.print(line, markup=False), anew=tuple(exercise or ()) if anew else (),
    )  # fmt: skip
    count = len(made.exercises)
    print(
        f"{folder}: {count} exercise{'' if count == 1 else 's'}; {folder / 'README.md'} says more"
    )
    if variant is not None:
        others, same = varied(book, made.exercises)
        print(f"Other constants in {', '.join(others) or 'none'}")
        print(f"As in the book: {', '.join(same) or 'none'}")
    if not private_keys:
        print("Without private keys: the same command without --no-private-keys makes them")


def sheet(
    exercise: Annotated[str, typer.Argument(help="A sheet of questions, in this folder")],
) -> None:
    """Write the notebook of a sheet of questions from its tasks.py."""
    from autograder.setting.exercises import require_exercise
    from autograder.setting.questions import write_sheet

    root = project_root()
    print(write_sheet(require_exercise(root, exercise)).relative_to(root))


def update(
    notebooks: Annotated[list[Path], typer.Argument(help="Notebooks that are half answered")],
    to: Annotated[Path, typer.Option(help="The changed exercise: its folder, or its notebook")],
    old: Annotated[
        Path | None, typer.Option(help="The exercise as it was handed out, if it is at hand")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change")] = False,
) -> None:
    """Bring an exercise's new text and checks into notebooks; answers stay, a backup is kept."""
    from autograder.course.updating import update as updated

    for path in notebooks:
        report, backup = updated(path, to, old, dry_run)
        where = f"; as it was: {backup}" if backup else ""
        print(f"{path}: {report.sentence()}{where}")


def capstone(
    table: Annotated[
        Path, typer.Argument(help="What `python -m convbook.capstones grade … --out` wrote")
    ],
    gradebook: Annotated[str, typer.Option(help="nbgrader's database")] = "sqlite:///gradebook.db",
    submitted: Annotated[Path, typer.Option(help="Where the class is")] = Path("submitted"),
) -> None:
    """Put a capstone's scores into nbgrader's gradebook, with the reasons as comments."""
    from autograder.course.capstone_scores import enter

    asked, late = enter(table, gradebook, submitted, Path.cwd())
    count = len(late)
    students = f"{count} student{'' if count == 1 else 's'}"
    print(f"{gradebook}: {asked.exercise}, {students}, {asked.max_points:g} points")
    for student, about in late.items():
        if about.penalty:
            print(f"{student}: {about.penalty:g} points off, handed in late (due {about.due})")
