"""How fast a class is graded: this engine beside nbgrader and Otter, in one run, same files.

    python bench/grading.py [--ours 100] [--theirs 6] [--class 2000] [--workers 2]
                            [--otter PYTHON] [--before CHECKOUT] [--write bench/grading.md]

The submissions are the made-up class's ordinary ones of 04_residual (right, wrong, unfinished; none
that hangs or crashes), as often as needed. All sides ask the same questions of each answer:
nbgrader, with its own `Execute`, runs the notebook's `check` cells in a kernel, `otter run` calls
`check` in its tests, this engine has its probes run in a forked child. The times of the others
are shares of a few submissions, since they take the same for each.

`--before` names a folder with an earlier state of this project: it and this one grade the same
class in turns, and only they and nbgrader are measured; nbgrader with either state's `check`, since
its kernel runs that. What is written is then a section at the end of the report; else it is the
report, and the section stays.

`--otter` names the Python of an environment that has otter-grader and sees this one's packages
(a file in its site-packages whose name ends in .pth, naming this environment's site-packages).
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from autograder.running import forkserver  # noqa: E402
from autograder.running.conversation import Reply  # noqa: E402
from autograder.running.workshop import Workshop  # noqa: E402

EXERCISE = "04_residual"
HEADING = "## Beside an earlier state"


def ordinary(course: Path, count: int, folder: Path) -> None:
    """Write `count` submissions of the class's ordinary members into `folder`."""
    from book.classroom import make_class

    members = [m for m in make_class(EXERCISE, course / "class") if m.status == "graded"]
    for number in range(count):
        member = members[number % len(members)]
        source = course / "class" / member.name / EXERCISE
        shutil.copytree(source, folder / f"s{number:04}" / EXERCISE)


def run(command: list[str], cwd: Path, state: Path = ROOT) -> float:
    """Seconds that a command took with a state of the project. Raises CalledProcessError."""
    start = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(state), "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(done.stdout[-2000:], done.stderr[-2000:], file=sys.stderr)
        done.check_returncode()
    return time.perf_counter() - start


def cpu() -> float:
    """Processor seconds of this process and of all children that have ended."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    used = [resource.getrusage(one) for one in who]
    return sum(one.ru_utime + one.ru_stime for one in used)


class Counting(Workshop):
    """A workshop that sums up its children's processor seconds."""

    used = 0.0

    def reply(self, *arguments: Any) -> Reply:
        reply = super().reply(*arguments)
        self.used += reply.cpu_seconds or 0.0
        return reply


class Sampler(threading.Thread):
    """Looks at children now and then for the memory that is theirs alone."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.most, self.done = pid, 0, threading.Event()
        self.parents = set(forkserver._family(pid))

    def run(self) -> None:
        while not self.done.wait(1.0):
            children = set(forkserver._family(self.pid)) - self.parents
            # what a fork shares with the warm process is no cost of its own
            sizes = [forkserver._sizes(pid, "smaps_rollup", "Private_Dirty") for pid in children]
            self.most = max([self.most, *sizes])


STOCK = """
from nbgrader.preprocessors import Execute
c.Autograde.autograde_preprocessors[0] = Execute
c.ExecutePreprocessor.timeout = 300
"""


def nbgraders(course: Path, count: int, state: Path = ROOT) -> tuple[float, float]:
    """Seconds and processor seconds per submission of `nbgrader autograde`, the course made."""
    shutil.copytree(state / "solutions" / EXERCISE, course / "solutions" / EXERCISE,
                    ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
    shutil.copy(state / "exercises" / EXERCISE / "key.json", course / "solutions" / EXERCISE)
    settings = (state / "nbgrader_config.py").read_text() + STOCK
    (course / "nbgrader_config.py").write_text(settings)
    nbgrader = [sys.executable, "-m", "nbgrader"]
    run([*nbgrader, "generate_assignment", EXERCISE], course, state)
    ordinary(course, count, course / "submitted")
    before = cpu()
    seconds = run([*nbgrader, "autograde", EXERCISE], course, state)
    return seconds / count, (cpu() - before) / count


OTTER_TEST = """
from otter.test_files import test_case
OK_FORMAT = False
name = "{task}"
points = {points}
@test_case()
def test_answer({task}):
    from autograder import check
    assert float(check({task})) == {points}
"""


def otters(course: Path, count: int, python: Path) -> tuple[float, float]:
    """Seconds and processor seconds per submission of `otter run`."""
    import nbformat

    from autograder.data.key import read_key

    key_file = ROOT / "exercises" / EXERCISE / "key.json"
    (course / "tests").mkdir()
    for name, task in read_key(key_file).tasks.items():
        text = OTTER_TEST.format(task=name, points=task.max_points)
        (course / "tests" / f"{name}.py").write_text(text)
    shutil.copy(key_file, course)
    otter = [str(python), "-m", "otter"]
    made = ["-o", "autograder.zip", "--no-requirements", "--no-environment", "key.json"]
    run([*otter, "generate", "-t", "tests", *made], course)
    ordinary(course, count, course / "submitted")
    papers = sorted((course / "submitted").glob("*/*/*.ipynb"))
    for path in papers:  # what the tests ask is not asked twice
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = [c for c in notebook.cells if not c.source.startswith("check(")]
        nbformat.write(notebook, path)
    before = cpu()
    seconds = 0.0
    for path in papers:
        out = path.parent / "out"
        out.mkdir()
        command = ["run", "-a", "autograder.zip", "-o", str(out), "--no-logo", str(path)]
        seconds += run([*otter, *command], course)
        assert (out / "results.json").is_file()
    return seconds / count, (cpu() - before) / count


def ours(course: Path, count: int, workers: int) -> dict[str, float]:
    """Seconds per submission, of all and of all but the first, processor seconds, and MB."""
    from autograder.course.grade import grade_folder
    from autograder.data.key import read_key

    ordinary(course, count, course / "submitted")
    key = read_key(ROOT / "exercises" / EXERCISE / "key.json")
    start = time.perf_counter()
    moments: list[float] = []
    before = cpu()
    counting = Counting([course / "submitted"], workers=workers)
    with counting as workshop:
        workshop._ready()
        assert workshop._process is not None
        sampler = Sampler(workshop._process.pid)
        sampler.start()
        grade_folder(
            course / "submitted", key, course / "out", workers, 120,
            lambda row, done, total: moments.append(time.perf_counter()), workshop=workshop,
        )  # fmt: skip
        sampler.done.set()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    after = moments[workers:]
    steady = (after[-1] - moments[workers - 1]) / len(after)
    whole = (time.perf_counter() - start) / count
    return {
        "whole": whole, "steady": steady, "grader": peak, "worker": sampler.most / 1e6,
        "cpu": (cpu() - before + counting.used) / count,
    }  # fmt: skip


# Run by either state of the project, which is the one on its PYTHONPATH.
ONE_STATE = """
import sys, time
from pathlib import Path
from autograder.course.grade import grade_folder
from autograder.data.key import read_key
try:
    from autograder.running.workshop import Workshop
except ImportError:  # an earlier state
    from autograder.running.runner import Workshop

folder, key, out = map(Path, sys.argv[1:4])
workers = int(sys.argv[4])
moments, children = [], []

class Counting(Workshop):
    def reply(self, *arguments):
        reply = super().reply(*arguments)
        children.append(reply.cpu_seconds)
        return reply

start = time.process_time()
with Counting([folder], workers=workers) as workshop:
    rows = grade_folder(folder, read_key(key), out, workers, 120,
                        lambda row, done, total: moments.append(time.perf_counter()),
                        workshop=workshop)
own = time.process_time() - start
points = sum(row["score"] for row in rows)
warm = moments[workers - 1:]
print((warm[-1] - warm[0]) / (len(warm) - 1), (own + sum(children)) / len(rows), points)
"""


def in_turns(
    course: Path, chosen: argparse.Namespace, turns: int = 3
) -> dict[str, list[tuple[float, float]]]:
    """Seconds and processor seconds per submission of either state, turn by turn, once warm."""
    ordinary(course, chosen.ours, course / "submitted")
    found: dict[str, list[tuple[float, float]]] = {"before": [], "after": []}
    points = set()
    for turn in range(turns):
        for name, state in (("before", chosen.before), ("after", ROOT)):
            key = state / "exercises" / EXERCISE / "key.json"
            asked = [course / "submitted", key, course / f"{name}{turn}", chosen.workers]
            done = subprocess.run(
                [sys.executable, "-c", ONE_STATE, *map(str, asked)], cwd=state, text=True,
                env={**os.environ, "PYTHONPATH": str(state)}, capture_output=True, check=True,
            )  # fmt: skip
            seconds, used, score = done.stdout.split()
            found[name].append((float(seconds), float(used)))
            points.add(score)
    assert len(points) == 1, f"the two states give other points: {points}"
    return found


Turns = dict[str, list[tuple[float, float]]]


def compared(course: Path, chosen: argparse.Namespace) -> tuple[Turns, Turns]:
    """What nbgrader, with either state's `check`, and either state take for a submission."""
    theirs: Turns = {}
    for name, state in (("before", chosen.before), ("after", ROOT)):
        place = course / f"nbgrader-{name}"
        place.mkdir()
        theirs[name] = [nbgraders(place, chosen.theirs, state)]
    (course / "ours").mkdir()
    return theirs, in_turns(course / "ours", chosen)


def lines_beside(
    theirs: Turns, found: Turns, chosen: argparse.Namespace, commit: str, load: float
) -> list[str]:
    """Lines of Markdown on an earlier state and this one beside nbgrader."""
    slow = {name: turns[0][0] for name, turns in theirs.items()}
    rows = [
        (f"`nbgrader autograde`, `check` of {name}", chosen.theirs, turns)
        for name, turns in theirs.items()
    ]
    rows += [(name, chosen.ours, turns) for name, turns in found.items()]
    lines = [
        f"An earlier state ({commit}, before) and this one (after), grading {EXERCISE} in one run "
        f"on {len(os.sched_getaffinity(0))} cores, {chosen.workers} at a time, once warm, turn by "
        f"turn; load {load:.1f} of other work when it began. nbgrader's kernel asks `check`, which "
        "is faster too: so there is a column for either. Of several turns the least counts.",
        "",
        "| | submissions | seconds each | processor seconds each | "
        "times nbgrader as it was | as it is |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, count, turns in rows:
        walls, cpus = (", ".join(f"{one:.2f}" for one in both) for both in zip(*turns, strict=True))
        fastest = min(seconds for seconds, _ in turns)
        ratios = " | ".join(f"{slow[state] / fastest:.1f}" for state in ("before", "after"))
        lines.append(f"| {name} | {count} | {walls} | {cpus} | {ratios} |")
    used = {name: [one for _, one in turns] for name, turns in found.items()}
    least, mean = (100 * by(used["after"]) / by(used["before"]) for by in (min, statistics.fmean))
    said = f"{least:.0f} % by the least, {mean:.0f} % by the mean of the turns"
    return [*lines, "", f"Processor seconds, after of before: {said}."]


def beyond(count: int) -> float:
    """Seconds a submission without an answer takes, one at a time: fork, lock and talk."""
    from autograder.data.key import read_key
    from autograder.running.runner import grade_notebook

    key = read_key(ROOT / "exercises" / EXERCISE / "key.json")
    empty = b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}'
    with Workshop() as workshop:
        grade_notebook(empty, key, 60, workshop)
        seconds = [grade_notebook(empty, key, 60, workshop).seconds for _ in range(count)]
    return sorted(seconds)[count // 2]


def start_seconds() -> float:
    """Seconds from the start of the grading process until its modules are imported (median)."""
    command = [sys.executable, "-c", "import autograder.cli"]
    run(command, ROOT)
    return sorted(run(command, ROOT) for _ in range(5))[2]


def large_class(course: Path, count: int, workers: int) -> list[tuple[int, float]]:
    """The grader's memory, in MB, when a tenth, half and all of a large class was graded."""
    submissions = course / "submitted"
    ordinary(course, 20, submissions)
    papers = sorted(submissions.glob("*/*/*.ipynb"))
    for number in range(len(papers), count):
        place = submissions / f"s{number:04}" / EXERCISE / f"{EXERCISE}.ipynb"
        place.parent.mkdir(parents=True)
        os.link(papers[number % len(papers)], place)
    key = ROOT / "exercises" / EXERCISE / "key.json"
    code = LARGE.format(
        root=str(ROOT), folder=str(submissions), key=str(key), out=str(course / "out"),
        workers=workers, marks=(count // 10, count // 2, count),
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    pairs = [line.split() for line in done.stdout.splitlines()]
    return [(int(number), float(size)) for number, size in pairs]


# The engine as it is, but for the children: what they say of twenty papers is said again, so that
# thousands take minutes. What is looked at is the grading process, which judges and writes all.
LARGE = """
import os, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from autograder.course.grade import grade_folder
from autograder.data.key import read_key
from autograder.running.workshop import Workshop

class Remembering(Workshop):
    replies = {{}}
    def reply(self, raw, key, timeout):
        if raw not in self.replies:
            self.replies[raw] = super().reply(raw, key, timeout)
        return self.replies[raw]

def memory():
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024

def look(row, done, total):
    if done in {marks}:
        print(done, memory(), flush=True)

with Remembering([Path({folder!r})], workers={workers}) as workshop:
    grade_folder(Path({folder!r}), read_key(Path({key!r})), Path({out!r}), {workers}, 120, look,
                 workshop=workshop)
"""


def main() -> None:
    """Measure and print a table; keep it where asked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ours", type=int, default=100)
    parser.add_argument("--theirs", type=int, default=6)
    parser.add_argument("--class", type=int, default=2000, dest="large")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--otter", type=Path)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--write", type=Path)
    chosen = parser.parse_args()
    load = os.getloadavg()[0]
    if chosen.before:
        commit = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],
            cwd=chosen.before, text=True, capture_output=True, check=False,
        ).stdout.strip()  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            lines = lines_beside(*compared(Path(folder), chosen), chosen, commit, load)
    else:
        lines = lines_of(measured(chosen), chosen, load)
    print("\n".join(lines))
    if chosen.write:
        keep(chosen.write, lines, section=bool(chosen.before))


def keep(page: Path, lines: list[str], section: bool) -> None:
    """Write the report, or the section at its end, and leave the other as it is."""
    report, _, beside = (
        page.read_text().partition(f"\n{HEADING}\n") if page.is_file() else ("",) * 3
    )
    if section:
        beside = "\n" + "\n".join(lines)
    else:
        report = "\n".join(lines)
    parts = [report.strip(), *([f"{HEADING}\n\n{beside.strip()}"] if beside.strip() else [])]
    page.write_text("\n\n".join(parts) + "\n")


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Attributes:
        rows: name, submissions, seconds and processor seconds each (in words) of every grader.
        slow: nbgrader's seconds each.
        found: of this grader, see `ours`.
        growth: see `large_class`.
        overhead: see `beyond`.
        start: see `start_seconds`.
    """

    rows: list[tuple[str, int, float, str]]
    slow: float
    found: dict[str, float]
    growth: list[tuple[int, float]]
    overhead: float
    start: float


def measured(chosen: argparse.Namespace) -> Measured:
    """Have every grader grade."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        places = [Path(folder, name) for name in ("nbgrader", "otter", "ours", "large")]
        for place in places:
            place.mkdir()
        slow, slow_cpu = nbgraders(places[0], chosen.theirs)
        rows.append(("`nbgrader autograde`", chosen.theirs, slow, f"{slow_cpu:.2f}"))
        if chosen.otter:
            other, other_cpu = otters(places[1], chosen.theirs, chosen.otter)
            rows.append(("`otter run`", chosen.theirs, other, f"{other_cpu:.2f}"))
        found = ours(places[2], chosen.ours, chosen.workers)
        here = f"this, {chosen.workers} workers, "
        rows.append((here + "with its start", chosen.ours, found["whole"], ""))
        rows.append((here + "once warm", chosen.ours, found["steady"], f"{found['cpu']:.2f}"))
        growth = large_class(places[3], chosen.large, chosen.workers)
    return Measured(rows, slow, found, growth, beyond(15), start_seconds())


def lines_of(made: Measured, chosen: argparse.Namespace, load: float) -> list[str]:
    """What was measured, as lines of Markdown."""
    sizes = ", ".join(f"{size:.0f} MB after {number:,}" for number, size in made.growth)
    return [
        f"Grading {EXERCISE}, {platform.machine()}, {os.cpu_count()} cores; load {load:.1f} of "
        "other work when it began.",
        "",
        "| | submissions | seconds each | times as fast | processor seconds each |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {name} | {count} | {each:.2f} | {made.slow / each:.1f} | {used} |"
            for name, count, each, used in made.rows
        ),
        "",
        "Beyond a student's cells and the probes (an empty notebook, median): "
        f"{made.overhead:.3f} s. The grading process starts in {made.start:.2f} s and took at most "
        f"{made.found['grader']:.0f} MB. "
        f"A further student's process took at most {made.found['worker']:.0f} MB of its own.",
        "",
        f"A class of {chosen.large:,}: the grading process holds {sizes}.",
    ]


if __name__ == "__main__":
    main()
