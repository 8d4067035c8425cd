"""How grading grows with a class, with workers and over a cluster; what a bad submission costs.

    python -m bench.classes [--most 1000] [--theirs]

Growth is measured with the solution of 01_convolution handed in by everybody, the same command each
time: 10 submissions, 100, and so on to `--most`; 1, 2 and 4 workers; a Dask cluster of two workers
on this machine. What a submission that does not end costs is the difference between the made-up
class of 04_residual with it and without, beside one that is no notebook and one that was not handed
in; `--theirs` asks the same of `nbgrader autograde`, with a limit of the same seconds a cell.
"""

import argparse
import csv
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.pages import write_page

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

SMALL, CLASS = "01_convolution", "04_residual"
LIMIT = 30  # seconds of a submission, and of a cell of nbgrader's
WORKERS = (1, 2, 4)
ENDLESS = "rosa"  # of the made-up class: her answer never ends
PORT = 18786


def grade(folder: Path, exercise: str, out: Path, *more: str) -> float:
    """Seconds of `autograder grade`. Raises CalledProcessError."""
    command = [sys.executable, "-m", "autograder", "grade", str(folder), "--exercise", exercise]
    began = time.perf_counter()
    subprocess.run(
        [*command, "--out", str(out), "--timeout", str(LIMIT), *more],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, capture_output=True,
    )  # fmt: skip
    return time.perf_counter() - began


def rows(out: Path) -> list[dict[str, str]]:
    """The table of a graded class."""
    with (out / "grades.csv").open(newline="", encoding="utf-8") as table:
        return list(csv.DictReader(table))


def alike(count: int, folder: Path) -> None:
    """Write `count` submissions of one solved notebook; files after the first are links."""
    solved = ROOT / "solutions" / SMALL / f"{SMALL}.ipynb"
    first = folder / "s0000" / SMALL / solved.name
    for number in range(count):
        place = folder / f"s{number:04}" / SMALL / solved.name
        place.parent.mkdir(parents=True)
        if number:
            os.link(first, place)
        else:
            shutil.copy(solved, place)


def growth(folder: Path, most: int) -> list[str]:
    """The rows of a table: seconds over the size of a class, the workers, and on a cluster."""
    counts = [10**power for power in range(1, 7) if 10**power <= most]
    runs = [(count, "2 workers", ("--workers", "2")) for count in counts]
    runs += [(60, f"{n} worker{'s' * (n > 1)}", ("--workers", str(n))) for n in WORKERS]
    lines = []
    for number, (count, name, more) in enumerate(runs):
        lines.append(_one(folder / str(number), count, name, *more))
    return [*lines, on_a_cluster(folder / "cluster")]


def _one(folder: Path, count: int, name: str, *more: str) -> str:
    alike(count, folder / "submitted")
    seconds = grade(folder / "submitted", SMALL, folder / "out", *more)
    full = sum(float(row["score"]) == float(row["max_score"]) for row in rows(folder / "out"))
    line = f"| {count} | {name} | {seconds:.1f} | {seconds / count:.3f} | {full} |"
    print(line, flush=True)
    return line


def on_a_cluster(folder: Path) -> str:
    """The same on a Dask cluster of two workers, each a process with one thread."""
    from distributed import Client

    dask = [sys.executable, "-m", "dask"]
    where = f"tcp://127.0.0.1:{PORT}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    scheduler = [*dask, "scheduler", "--host", "127.0.0.1", "--port", str(PORT), "--no-dashboard"]
    worker = [*dask, "worker", where, "--nthreads", "1", "--no-dashboard"]
    running = [subprocess.Popen(c, env=environment, **quiet) for c in (scheduler, worker, worker)]
    try:
        with Client(where, timeout=60) as client:
            client.wait_for_workers(2, timeout=60)
        return _one(folder, 60, "Dask cluster, two workers", "--cluster", where)
    finally:
        for process in reversed(running):
            process.terminate()
        for process in running:
            process.wait(20)


def bad_class(folder: Path) -> list[str]:
    """Seconds of the made-up class without and with its endless member, and the rows it has."""
    from book.classroom import make_class

    seconds, found = {}, {}
    for name in ("without", "with"):
        members = make_class(CLASS, folder / name / "submitted")
        if name == "without":
            shutil.rmtree(folder / name / "submitted" / ENDLESS)
        seconds[name] = grade(folder / name / "submitted", CLASS, folder / name / "out")
        found[name] = rows(folder / name / "out")
    lost = len(members) - len(found["with"])
    return [_bad_row("this, 2 workers", len(members), seconds, lost)]


def _bad_row(name: str, members: int, seconds: dict[str, float], lost: int) -> str:
    more = seconds["with"] - seconds["without"]
    line = (
        f"| {name} | {members} | {seconds['without']:.0f} | {seconds['with']:.0f} | {more:.0f} "
        f"| {lost} |"
    )
    print(line, flush=True)
    return line


STOCK = f"""
from nbgrader.preprocessors import Execute
c.Autograde.autograde_preprocessors[0] = Execute
c.ExecutePreprocessor.timeout = {LIMIT}
"""
BAD = (ENDLESS, "sven", "tara")


def bad_class_of_nbgraders(folder: Path) -> list[str]:
    """The same of nbgrader itself, whose rows are what its gradebook holds."""
    from nbgrader.api import Gradebook

    from book.classroom import make_class

    seconds, lost = {}, 0
    for name in ("without", "with"):
        course = folder / name
        shutil.copytree(ROOT / "solutions" / CLASS, course / "solutions" / CLASS,
                        ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
        shutil.copy(ROOT / "exercises" / CLASS / "key.json", course / "solutions" / CLASS)
        settings = (ROOT / "nbgrader_config.py").read_text() + STOCK
        (course / "nbgrader_config.py").write_text(settings)
        _nbgrader(course, "generate_assignment", check=True)
        make_class(CLASS, course / "submitted")
        ordinary = [p for p in sorted((course / "submitted").iterdir()) if p.name not in BAD]
        for place in ordinary[3:] + [course / "submitted" / ENDLESS] * (name == "without"):
            shutil.rmtree(place)
        members = len(list((course / "submitted").iterdir()))
        seconds[name] = _nbgrader(course, "autograde")
        with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
            graded = [s for s in book.assignment_submissions(CLASS) if not s.needs_manual_grade]
            lost = members - len(graded)
    return [_bad_row("`nbgrader autograde`", members, seconds, lost)]


def _nbgrader(course: Path, command: str, check: bool = False) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "nbgrader", command, CLASS], cwd=course, check=check,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True,
    )  # fmt: skip
    return time.perf_counter() - began


def main() -> int:
    """Measure, print tables, and write bench/classes.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=1000, help="submissions of the largest class")
    parser.add_argument("--theirs", action="store_true", help="nbgrader too")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        grown = growth(Path(made, "growth"), given.most)
        bad = bad_class(Path(made, "bad"))
        if given.theirs:
            bad += bad_class_of_nbgraders(Path(made, "theirs"))
    lines = [
        "# A class of any size",
        "",
        f"{os.cpu_count()} cores; load {load:.1f} of other work when it began. Everybody hands in "
        f"the solution of {SMALL}.",
        "",
        "| submissions | | seconds | seconds each | full marks |",
        "|---:|---|---:|---:|---:|",
        *grown,
        "",
        f"A class of {CLASS} whose last members hand in an answer that never ends, a file that is "
        f"no notebook, and nothing; at most {LIMIT} s each. Rows are lost where somebody stands in "
        "no table.",
        "",
        "| | members | seconds without the endless one | with it | lost to it | rows lost |",
        "|---|---:|---:|---:|---:|---:|",
        *bad,
    ]
    print("\n".join(lines))
    write_page(HERE / "classes.md", lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
