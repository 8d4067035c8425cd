"""How fast a class is graded: this engine beside `nbgrader autograde`, in one run, same files.

    python bench/grading.py [--ours 40] [--theirs 4] [--workers 2] [--write bench/grading.md]

The submissions are the made-up class's ordinary ones of 04_residual (right, wrong, unfinished; none
that hangs or crashes), as often as needed. Both sides ask the same questions of each answer:
nbgrader runs the notebook's `check` cells in a kernel, this engine its probes in a forked child.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from autograder import forkserver  # noqa: E402
from autograder.runner import Reply, Workshop  # noqa: E402

EXERCISE = "04_residual"


def ordinary(course: Path, count: int, folder: Path) -> None:
    """Write `count` submissions of the class's ordinary members into `folder`."""
    from book.classroom import make_class

    members = [m for m in make_class(EXERCISE, course / "class") if m.status == "graded"]
    for number in range(count):
        member = members[number % len(members)]
        source = course / "class" / member.name / EXERCISE
        shutil.copytree(source, folder / f"s{number:04}" / EXERCISE)


def run(command: list[str], cwd: Path) -> float:
    """Seconds that a command took. Raises CalledProcessError."""
    start = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}
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


def theirs(course: Path, count: int) -> tuple[float, float]:
    """Seconds and processor seconds per submission of `nbgrader autograde`, the course made."""
    shutil.copytree(ROOT / "solutions" / EXERCISE, course / "solutions" / EXERCISE,
                    ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
    shutil.copy(ROOT / "exercises" / EXERCISE / "key.json", course / "solutions" / EXERCISE)
    shutil.copy(ROOT / "nbgrader_config.py", course)
    nbgrader = [sys.executable, "-m", "nbgrader"]
    run([*nbgrader, "generate_assignment", EXERCISE], course)
    ordinary(course, count, course / "submitted")
    before = cpu()
    seconds = run([*nbgrader, "autograde", EXERCISE], course)
    return seconds / count, (cpu() - before) / count


def ours(course: Path, count: int, workers: int) -> dict[str, float]:
    """Seconds per submission, of all and of all but the first, processor seconds, and MB."""
    from autograder.grade import grade_folder
    from autograder.key import read_key

    ordinary(course, count, course / "submitted")
    key = read_key(ROOT / "exercises" / EXERCISE / "key.json")
    start = time.perf_counter()
    moments: list[float] = []
    before = cpu()
    with Counting([course / "submitted"], workers=workers) as workshop:
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
        "cpu": (cpu() - before + workshop.used) / count,
    }  # fmt: skip


def beyond(count: int) -> float:
    """Seconds a submission without an answer takes, one at a time: fork, lock and talk."""
    from autograder.key import read_key
    from autograder.runner import grade_notebook

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


def main() -> None:
    """Measure and print a table; keep it where asked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ours", type=int, default=40)
    parser.add_argument("--theirs", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--write", type=Path)
    chosen = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        one, two = Path(folder, "theirs"), Path(folder, "ours")
        one.mkdir()
        two.mkdir()
        slow, slow_cpu = theirs(one, chosen.theirs)
        found = ours(two, chosen.ours, chosen.workers)
    overhead, start = beyond(15), start_seconds()
    lines = [
        f"Grading {EXERCISE}, {platform.machine()}, {os.cpu_count()} cores; load {load:.1f} of "
        "other work when it began.",
        "",
        "| | submissions | seconds each | times as fast | processor seconds each |",
        "|---|---:|---:|---:|---:|",
        f"| `nbgrader autograde` | {chosen.theirs} | {slow:.2f} | 1 | {slow_cpu:.2f} |",
        f"| this, {chosen.workers} workers, with its start | {chosen.ours} | {found['whole']:.2f} "
        f"| {slow / found['whole']:.1f} | |",
        f"| this, {chosen.workers} workers, once warm | {chosen.ours} | {found['steady']:.2f} "
        f"| {slow / found['steady']:.1f} | {found['cpu']:.2f} |",
        "",
        f"Beyond a student's cells and the probes (an empty notebook, median): {overhead:.3f} s. "
        f"The grading process starts in {start:.2f} s and took at most {found['grader']:.0f} MB. "
        f"A student's process took at most {found['worker']:.0f} MB of its own.",
    ]
    print("\n".join(lines))
    if chosen.write:
        chosen.write.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
