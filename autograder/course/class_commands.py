"""The commands that collect, grade and explain the work of a class."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autograder.course.answers import points_by_hand
from autograder.course.class_table import class_table
from autograder.course.explain import write_record
from autograder.course.grade import (
    GradingProblem,
    find_submissions,
    grade_folder,
    require_own_results,
    write_table,
)
from autograder.data.key import Key, KeyProblem, read_key
from autograder.data.limits import Limits
from autograder.data.sealing import require_answers
from autograder.judging.report import console, number, terminal_table
from autograder.running.workshop import Workshop
from autograder.setting.exercises import (
    KEYS,
    is_course,
    is_public,
    key_path,
    private_key_path,
    project_root,
    require_given_out,
    root_above,
)

if TYPE_CHECKING:
    from rich.console import Console

    from autograder.course.cluster import Cluster

GradingKeyOption = Annotated[
    Path | None,
    typer.Option("--key", help="Key file; default: keys/NN_name.json, else the public key"),
]
UnsafeOption = Annotated[
    bool,
    typer.Option("--unsafe", help="Run others' code with whatever isolation there is, or none"),
]
MANY_TIMEOUTS = 3
MOST_MOVES = 20  # that are printed; the file has all
OutOption = Annotated[Path, typer.Option(help="Where results, table and pages go")]
TimeoutOption = Annotated[
    float, typer.Option(min=1, help="Seconds a submission may take, half of them for one answer")
]


def given_out(exercise: str) -> Path | None:
    """The notebook that students got, where this is run in the book's or course's folder."""
    root = root_above(Path.cwd())
    return root / "exercises" / exercise / f"{exercise}.ipynb" if root else None


def grading_key_path(path: Path | None, exercise: str) -> Path:
    """The key named, else the private one in `keys/`, else the public one of the exercise."""
    root = root_above(Path.cwd())
    private = private_key_path(root, exercise) if root else None
    if path is None and private is not None and private.is_file():
        return private
    if path is None and root is not None:
        require_given_out(root, exercise)
    return key_path(path, exercise)


def said_of_public_key(exercise: str) -> None:
    """Say what grading others with the public key means, and what makes a private one here."""
    root = root_above(Path.cwd())
    if root and is_course(root):
        how = (
            f"`autograder course new {root}` in the book's folder, with the options that made this "
            "course, makes its private keys."
        )
    else:
        how = f"`autograder key {exercise} --seed N --out FILE` makes a private one."
    console(stderr=True).print(
        "Graded with the public key, which students have: its numbers can be written into an "
        f"answer. {how}",
        style="yellow", markup=False,
    )  # fmt: skip


def require_named(
    students: list[str], tasks: list[str], known: set[str], key: Key, folder: Path
) -> None:
    """Raise GradingProblem where a student who is named is not `known`, or a task not the key's."""
    if unknown := [name for name in students if name not in known]:
        raise GradingProblem(f"there is no student {', '.join(unknown)} in {folder}")
    if unknown := [name for name in tasks if name not in key.tasks]:
        raise GradingProblem(
            f"there is no task {', '.join(unknown)} in {key.exercise}: its tasks are "
            f"{', '.join(key.tasks)}"
        )


def grading_place(
    cluster: str | None,
    secrets: list[Path],
    limits: Limits,
    workers: int,
    unsafe: bool,
    screen: Console,
) -> Workshop | Cluster:
    """Where a class's notebooks run: a workshop on this machine, or a Dask cluster."""
    if cluster is None:
        return Workshop(secrets, limits, workers, unsafe)
    from autograder.course.cluster import Cluster

    return Cluster(
        cluster, limits, unsafe, lambda words: screen.print(words, markup=False, style="yellow")
    )


@contextlib.contextmanager
def shown_rows(screen: Console) -> Iterator[Callable[[dict[str, Any], int, int], None]]:
    """A bar that grows by each row shown; lines, where the screen is no terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TextColumn("{task.description}"))  # fmt: skip
    with Progress(*columns, console=screen) as bar:
        line = bar.add_task("", total=None)

        def show(row: dict[str, Any], done: int, total: int) -> None:
            bar.update(line, completed=done, total=total, description=row["student"])
            if not screen.is_terminal:
                screen.print(f"{done}/{total} {row['student']}: {row['status']}", markup=False)

        yield show


def print_moves(moves: list[Any], out: Path) -> None:
    """Say whose score is another one than before."""
    if moves:
        moved = "score is" if len(moves) == 1 else "scores are"
        console().print(f"{len(moves)} {moved} another than before ({out}/changes.csv):")
        for one in moves[:MOST_MOVES]:
            console().print(str(one), markup=False, soft_wrap=True)


def many_timeouts(rows: list[dict[str, Any]], timeout: float) -> str:
    """A sentence where so many ended at the time limit that it may be the machine; else nothing."""
    count = sum(row["status"] == "timeout" for row in rows)
    if count < MANY_TIMEOUTS or count * 10 <= len(rows):
        return ""
    return (
        f"{count} of {len(rows)} were ended by the time limit. If these are not endless loops, "
        f"{number(timeout)} s are too few on this machine: the same command with a higher "
        "--timeout grades them again, and keeps the others"
    )


def grade(
    folder: Annotated[Path, typer.Argument(help="<student>/<exercise>/<exercise>.ipynb")],
    exercise: Annotated[str, typer.Option(help="The exercise's name, such as 04_residual")],
    out: OutOption,
    key: GradingKeyOption = None,
    workers: Annotated[int, typer.Option(min=1, help="Submissions graded at a time")] = 2,
    timeout: TimeoutOption = 120,
    memory: Annotated[int, typer.Option(min=256, help="MB a submission may take")] = 4096,
    anonymous: Annotated[bool, typer.Option(help="Leave names out of the class's page")] = False,
    gradebook: Annotated[
        str | None, typer.Option(help="nbgrader's database too, such as sqlite:///gradebook.db")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Grade on a Dask cluster, such as tcp://host:8786")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Grade everybody again")] = False,
    student: Annotated[
        list[str] | None, typer.Option(help="Grade this student again; may be given often")
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(help="Of who is graded again grade this task only; may be given often"),
    ] = None,
    unsafe: UnsafeOption = False,
) -> None:
    """Grade a class; a grading that was interrupted goes on where it stopped."""
    path = grading_key_path(key, exercise)
    answers = read_key(path)
    if answers.exercise != exercise:
        raise KeyProblem(f"the key is for exercise {answers.exercise}, not for {exercise}")
    require_answers(answers)
    known = {submission.student for submission in find_submissions(folder, exercise, out=out)}
    require_named(student or [], task or [], known, answers, folder)
    require_own_results(out, exercise)
    everybody = force or (bool(task) and not student)
    if is_public(answers):
        said_of_public_key(exercise)
    screen = console(stderr=True)
    own = [Path.cwd() / name for name in ("solutions", "gradebook.db", KEYS)]
    place = grading_place(
        cluster, [folder, out, path, *own], Limits(memory=memory << 20), workers, unsafe, screen
    )
    moves: list[Any] = []
    with place as workshop, shown_rows(screen) as show:
        rows = grade_folder(
            folder, answers, out, workshop.workers, timeout, show, workshop=workshop,
            anonymous=anonymous, again=lambda name: everybody or name in (student or []),
            only=tuple(task or ()), released=given_out(exercise), moved=moves.extend,
            begun=lambda: write_record(out, folder, path, timeout),
        )  # fmt: skip
    for layer, why in workshop.missing.items():
        screen.print(f"not isolated by {layer} ({why})", style="yellow", markup=False)
    if gradebook is not None:
        from autograder.course.gradebook import save

        place_of_copies = folder.resolve().parent / "autograded"
        late = save(gradebook, answers, rows, folder, place_of_copies, Path.cwd())
        write_table(out / "grades.csv", rows, answers, late)
    console().print(class_table(rows, answers, console().width))
    if by_hand := points_by_hand(given_out(exercise)):
        console().print(
            f"{number(by_hand)} points more are given by hand, for answers in words: in "
            "formgrader, after --gradebook",
            markup=False, soft_wrap=True,
        )  # fmt: skip
    if said := many_timeouts(rows, timeout):
        screen.print(said, markup=False, style="yellow", soft_wrap=True)
    print_moves(moves, out)
    console().print(f"{out}/index.html, {out}/grades.csv, {out}/results.jsonl", markup=False)


def collect(
    archive: Annotated[Path, typer.Argument(help="The zip that came back, or a folder")],
    exercise: Annotated[str, typer.Option(help="Which exercise, as in 04_residual")],
    into: Annotated[Path, typer.Option(help="Where the class is")] = Path("submitted"),
    roster: Annotated[
        Path | None,
        typer.Option(help="CSV file with a column `student` or `id`, and names beside it"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there already")] = False,
) -> None:
    """Sort what came back from Canvas, Moodle or by mail into a class's folder."""
    from autograder.course.collect import collect as collect_archive
    from autograder.course.roster import Roster

    require_given_out(project_root(), exercise)
    listed = Roster.read(roster) if roster else None
    done = collect_archive(archive, exercise, into, listed, force)
    out = console()
    for remark in done.remarks:
        out.print(remark, markup=False, soft_wrap=True)
    for student in done.missing:
        said = "handed in nothing"
        if files := done.left_out.get(student):
            said = (
                f"handed in no {exercise}.ipynb, but {', '.join(files)}: if that is it, give it "
                "this name and collect again"
            )
        out.print(f"{student}: {said}", markup=False, soft_wrap=True)
    of = f" of {len(listed.students)}" if listed else ""
    known = len(done.students) - len(done.strangers & set(done.students))
    others = f", {len(done.strangers)} on no roster" if done.strangers else ""
    others += f", {len(done.kept)} kept as they were" if done.kept else ""
    told = f"{known}{of} students collected into {into}{others}"
    out.print(told, markup=False, soft_wrap=True)
    if not done.students and not done.kept:
        raise GradingProblem(f"{archive} holds no notebook of {exercise}")


def gradescope(
    exercise: Annotated[str, typer.Argument(help="The exercise's name, such as 04_residual")],
    out: Annotated[Path, typer.Option(help="The zip to write")] = Path("autograder.zip"),
    key: GradingKeyOption = None,
    timeout: TimeoutOption = 120,
    memory: Annotated[int, typer.Option(min=256, help="MB a submission may take")] = 4096,
    visibility: Annotated[
        str,
        typer.Option(
            help="When students see a task's reasons: visible, after_due_date, "
            "after_published or hidden"
        ),
    ] = "visible",
    unsafe: UnsafeOption = False,
) -> None:
    """Make the zip with which Gradescope grades an exercise."""
    from autograder.course.gradescope import VISIBILITIES, make_zip

    answers = read_key(grading_key_path(key, exercise))
    if answers.exercise != exercise:
        raise KeyProblem(f"the key is for exercise {answers.exercise}, not for {exercise}")
    require_answers(answers)
    if visibility not in VISIBILITIES:
        raise GradingProblem(f"--visibility {visibility} is not one of {', '.join(VISIBILITIES)}")
    if is_public(answers):
        said_of_public_key(exercise)
    names = make_zip(out, answers, timeout, memory, visibility, unsafe)
    tasks, points = len(answers.tasks), number(answers.max_score)
    print(f"{out}: {len(names)} files, {tasks} tasks, {points} points")


def explain(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[FOLDER] STUDENT TASK",
            help="Where the results are (or as --out), a student's name in them, a task's name",
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="Where the results are")] = None,
    unsafe: UnsafeOption = False,
) -> None:
    """Make a verdict again from the stored notebook, key and version, and give its reasons."""
    from autograder.course.explain import explain as made_again
    from autograder.course.explain import stored

    if len(words) != (3 if out is None else 2):
        raise GradingProblem(
            "give the folder of the results, a student and a task, as in `autograder explain "
            "graded ann residual_block`"
        )
    *folder, student, task = words
    out = out or Path(folder[0])
    record, row = stored(out, student, task)
    secrets = [Path(record["folder"]), Path(record["key"]), out]
    memory = (row.get("limits") or {}).get("memory")
    limits = Limits(memory=memory) if memory else Limits()
    with Workshop(secrets, limits, unsafe=unsafe) as workshop:
        found = made_again(out, student, task, workshop)
    screen = console()
    screen.print(terminal_table([found.verdict], f"{student}: {task}"))
    for sentence in found.changes:
        screen.print(f"{sentence[0].upper()}{sentence[1:]}.", markup=False)
    if found.same:
        screen.print("The verdict is the one in the results.")
    else:
        before = f"{number(found.before['points'])} points: {found.before['hint'] or 'correct'}"
        screen.print(f"The results say {before}", markup=False)
