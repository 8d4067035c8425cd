"""The command `autograder`."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autograder.course.answers import points_by_hand
from autograder.course.class_table import class_table
from autograder.course.commands import capstone, course, sheet, update
from autograder.course.explain import write_record
from autograder.course.grade import (
    GradingProblem,
    find_submissions,
    grade_folder,
    require_own_results,
    write_table,
)
from autograder.course.handed_in import is_named_after
from autograder.course.own_work import notebook_named, row_of, saved, verdicts_of
from autograder.data.files import CannotWrite
from autograder.data.key import Key, KeyProblem, read_key
from autograder.data.limits import Limits
from autograder.data.notebook import NotANotebook, read_notebook
from autograder.data.sealing import require_answers
from autograder.judging.judge import LATER
from autograder.judging.report import console, number, terminal_table
from autograder.running.quiet import keep_tensorflow_quiet
from autograder.running.workshop import CannotIsolate, WarmProcessGone, Workshop
from autograder.setting.exercises import (
    KEY_NAME,
    KEYS,
    PUBLIC_SEED,
    ExerciseProblem,
    exercise_names,
    is_course,
    is_public,
    make_exercise_key,
    private_key_path,
    project_root,
    public_key_path,
    release,
    require_exercise,
    require_given_out,
)
from autograder.setting.task import TaskError, load_tasks

if TYPE_CHECKING:
    from rich.console import Console

    from autograder.course.cluster import Cluster

app = typer.Typer(
    help="Checks answers and grades classes.", no_args_is_help=True, add_completion=False
)
app.add_typer(course, name="course")
app.command()(sheet)
app.command()(update)
app.command()(capstone)
PROBLEMS = (
    ExerciseProblem, GradingProblem, KeyProblem, TaskError, CannotWrite, CannotIsolate,
    WarmProcessGone,
)  # fmt: skip

KeyOption = Annotated[Path | None, typer.Option("--key", help="Key file; default: the public key")]
GradingKeyOption = Annotated[
    Path | None,
    typer.Option("--key", help="Key file; default: keys/NN_name.json, else the public key"),
]
UnsafeOption = Annotated[
    bool,
    typer.Option("--unsafe", help="Run others' code with whatever isolation there is, or none"),
]
INTERRUPTED = 130  # the exit code that shells know
MANY_TIMEOUTS = 3
MOST_MOVES = 20  # that are printed; the file has all
NOT_SAVED = "Only what is saved is read: save the notebook first (Ctrl+S in JupyterLab)."
OutOption = Annotated[Path, typer.Option(help="Where results, table and pages go")]
TimeoutOption = Annotated[
    float, typer.Option(min=1, help="Seconds a submission may take, half of them for one answer")
]


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


def root_above(folder: Path) -> Path | None:
    """The book's or course's folder that a folder lies in, if it does."""
    try:
        return project_root(folder)
    except ExerciseProblem:
        return None


def given_out(exercise: str) -> Path | None:
    """The notebook that students got, where this is run in the book's or course's folder."""
    root = root_above(Path.cwd())
    return root / "exercises" / exercise / f"{exercise}.ipynb" if root else None


def key_path(path: Path | None, exercise: str | None, beside: Path | None = None) -> Path:
    """The key named, else the one beside the notebook, else the public one of the exercise."""
    if path is not None:
        return path
    if beside is not None and (beside / KEY_NAME).is_file():
        return beside / KEY_NAME
    if exercise is None:
        raise ExerciseProblem("which exercise is this? Name its key with --key")
    return public_key_path(project_root(), exercise)


def grading_key_path(path: Path | None, exercise: str) -> Path:
    """The key named, else the private one in `keys/`, else the public one of the exercise."""
    root = root_above(Path.cwd())
    private = private_key_path(root, exercise) if root else None
    if path is None and private is not None and private.is_file():
        return private
    if path is None and root is not None:
        require_given_out(root, exercise)
    return key_path(path, exercise)


def exercise_of(notebook: Path, raw: bytes) -> str:
    """The exercise that a notebook says it is, else the one that its name tells of."""
    try:
        said = read_notebook(raw).exercise
    except NotANotebook:
        said = None
    keys = [] if said else sorted(Path.cwd().glob(f"exercises/*/{KEY_NAME}"))
    names = [path.parent.name for path in keys]
    return said or next((n for n in names if is_named_after(notebook.name, n)), notebook.stem)


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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Two digits and a word, such as 17_attention")],
) -> None:
    """Begin an exercise: a task that works, its bank, its notebook, its chapter, their test."""
    from autograder.setting.skeleton import new_exercise

    root = project_root()
    for path in new_exercise(root, name):
        print(path.relative_to(root))
    print(f"Then: autograder key {name}; autograder release {name}; see docs/authoring.md")


@app.command()
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


@app.command()
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


@app.command("release")
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


if __name__ == "__main__":
    main()
