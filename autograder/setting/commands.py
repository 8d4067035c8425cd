"""The commands with which an author makes, tests and releases exercises."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autograder.data.key import KeyProblem
from autograder.judging.report import console, number
from autograder.setting.exercises import (
    KEY_NAME,
    PUBLIC_SEED,
    ExerciseProblem,
    exercise_names,
    make_exercise_key,
    project_root,
    release,
    require_exercise,
)
from autograder.setting.task import load_tasks


def key(
    exercise: Annotated[str, typer.Argument(help="The exercise's name")],
    seed: Annotated[int, typer.Option(min=0, help="Another seed: other values and cases")] = (
        PUBLIC_SEED
    ),
    out: Annotated[Path | None, typer.Option(help="Where the key goes")] = None,
    force: Annotated[bool, typer.Option(help="Write over a key that is there")] = False,
) -> None:
    """Make an answer key. Without options: the public one, beside the solution."""
    root = project_root()
    folder = require_exercise(root, exercise)
    if out is None and seed != PUBLIC_SEED:
        raise KeyProblem("a private key must not lie beside the solution: say where with --out")
    if out is not None and out.exists() and not force:
        raise KeyProblem(f"{out} is there already: give another place, or --force")
    path = out or folder / KEY_NAME
    screen = console(stderr=True)
    made = make_exercise_key(
        root, exercise, seed, path, lambda name: screen.print(f"observing {name}", markup=False)
    )
    print(f"{path}: {len(made.tasks)} tasks, {number(made.max_score)} points, seed {seed}")


def new(
    name: Annotated[str, typer.Argument(help="Two digits and a word, such as 17_attention")],
) -> None:
    """Begin an exercise: a task that works, its bank, its notebook, its chapter, their test."""
    from autograder.setting.skeleton import new_exercise

    root = project_root()
    for path in new_exercise(root, name):
        print(path.relative_to(root))
    print(f"Then: autograder key {name}; autograder release {name}; see docs/authoring.md")


def lint(
    exercise: Annotated[str | None, typer.Argument(help="Default: all of them")] = None,
    seed: Annotated[int, typer.Option(min=0)] = PUBLIC_SEED,
) -> None:
    """Say what is wrong with how exercises are set. Exit code 1 where anything is."""
    from autograder.setting.lint import lint_exercise, lint_release

    root, screen, found = project_root(), console(stderr=True), 0
    for name in [exercise] if exercise else exercise_names(root):
        folder = require_exercise(root, name)
        tasks = load_tasks(folder / "tasks.py")
        sentences = lint_exercise(tasks, seed, lambda task: screen.print(f"  {task}"))
        for sentence in [*sentences, *lint_release(root / "exercises" / name, folder)]:
            found += 1
            print(f"{name}: {sentence}", flush=True)
    raise typer.Exit(1 if found else 0)


def mutate(
    exercise: Annotated[str, typer.Argument(help="The exercise's name")],
    task: Annotated[str | None, typer.Argument(help="Default: all of them")] = None,
    seed: Annotated[int, typer.Option(min=0)] = PUBLIC_SEED,
) -> None:
    """List mutants of the model answers that get full marks. Exit code 1 where any is unexcused."""
    from autograder.setting.keymaking import make_task_key
    from autograder.setting.mutation import excuses, judged_mutants

    screen, unexcused = console(stderr=True), 0
    path = require_exercise(project_root(), exercise) / "tasks.py"
    tasks = [set_task for set_task in load_tasks(path) if task in (None, set_task.name)]
    if not tasks:
        known = ", ".join(set_task.name for set_task in load_tasks(path))
        raise ExerciseProblem(f"{exercise} has no task {task}; it has {known}")
    for set_task in tasks:
        if set_task.kind == "value":
            print(f"{set_task.name}: a value, of which there are no mutants")
            continue
        screen.print(f"{set_task.name}: making its key", markup=False)
        answers, count, passing = make_task_key(set_task, seed), 0, 0
        for count, (mutant, survives) in enumerate(judged_mutants(path, set_task, answers), 1):
            screen.print(f"  {count} {mutant.label}", markup=False)
            passing += survives
            if survives:
                excuse = excuses(path).get(mutant.label)
                unexcused += excuse is None
                print(f"survives: {mutant.label}" + (f" ({excuse})" if excuse else ""), flush=True)
        print(f"{set_task.name}: {count} mutants, {passing} get full marks", flush=True)
    raise typer.Exit(1 if unexcused else 0)


def release_command(
    exercise: Annotated[str | None, typer.Argument(help="Default: all of them")] = None,
    out: Annotated[Path | None, typer.Option(help="Default: exercises/")] = None,
    self_study: Annotated[
        bool,
        typer.Option("--self-study", help="With model answers, for `solution`; needs --out"),
    ] = False,
) -> None:
    """Make the students' version of exercises from their solutions."""
    root = project_root()
    if self_study and (out is None or out.resolve() == (root / "exercises").resolve()):
        raise ExerciseProblem(
            "--self-study writes model answers, too: say with --out where, and not into "
            "exercises/, which courses hand out"
        )
    for name in [exercise] if exercise else exercise_names(root):
        for path in release(root, name, out, self_study):
            print(path.relative_to(root) if path.is_relative_to(root) else path)
