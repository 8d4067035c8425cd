"""How long a check takes in a warm kernel, task by task, and what memory it needs.

Run from the project's folder: `.venv/bin/python -m bench.checker`. Writes bench/checker.md, but for
its section on an earlier state.
Medians over runs; the ratio to one plain call of the same answer (building it and running it on
the same inputs) says what checking adds and hardly depends on the machine.

With `--before PATH`, an earlier state of the project at that path is measured beside this one, turn
by turn in one run, in processor seconds, and only what follows the heading in it is written.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from bench.pages import section_from, write_page

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

RUNS = 5
TURNS = 2  # of an earlier state and this one
HEADING = "## Before and after nets are built and called without Keras's bookkeeping"
ROOT = Path(__file__).resolve().parent.parent


def seconds(function):
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def plain_call(task, question):
    """Build and run a task's model answer once on the inputs of each case, unobserved."""
    from autograder.probing.probe import build_network
    from autograder.probing.quick import quick_initializers

    for case in question.cases:
        if question.kind == "function" or question.structure:
            answer = task.answer(**given_to(case))
            if question.structure:  # at a glance the first picture is enough
                feed = case.feeds[0 if case.plan else -1]
                answer(np.zeros((1, *feed), "float32"))
        else:
            with quick_initializers():
                build_network(task.answer, question, case).run(training=None)


def given_to(case):
    """The arguments of a case as an answer gets them: nets that are described are built."""
    from autograder.data.arguments import Classifier
    from autograder.probing.conversion import built_classifier
    from autograder.probing.functions import realised
    from autograder.setting.planning import decoded_arguments

    return {
        name: built_classifier(value) if isinstance(value, Classifier) else realised(value)
        for name, value in decoded_arguments(case).items()
    }


def measure(exercises):
    """A row for each task: seconds of a check, of a judgement and of a plain call, and MiB."""
    from autograder.judging.judge import judge
    from autograder.probing.probe import probe
    from autograder.setting.exercises import public_key
    from autograder.setting.task import load_tasks

    for exercise in exercises:
        key = public_key(ROOT, exercise)
        for task in load_tasks(ROOT / "solutions" / exercise / "tasks.py"):
            question = key.tasks[task.name].question
            before = peak_mib()
            observation = probe(task.answer, question)
            yield {
                "exercise": exercise,
                "task": task.name,
                "check": seconds(lambda t=task, q=question: probe(t.answer, q)),
                "judge": seconds(lambda k=key.tasks[task.name], o=observation: judge(k, o)),
                "plain": seconds(lambda t=task, q=question: plain_call(t, q)),
                "memory": max(0.0, peak_mib() - before),
            }


def in_a_fresh_child(exercise):
    """Seconds of all probes of an exercise in a forked child that has only imported Keras."""
    from autograder.probing.probe import probe
    from autograder.setting.exercises import public_key
    from autograder.setting.task import load_tasks

    key = public_key(ROOT, exercise)
    tasks = load_tasks(ROOT / "solutions" / exercise / "tasks.py")
    times = []
    for _ in range(RUNS):
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            start = time.perf_counter()
            for task in tasks:
                probe(task.answer, key.tasks[task.name].question)
            os.write(writer, f"{time.perf_counter() - start}".encode())
            os._exit(0)
        os.waitpid(child, 0)
        times.append(float(os.read(reader, 100)))
    return statistics.median(times)


# Run by either state of the project, which is the one on its PYTHONPATH.
ONE_EXERCISE = """
import json, resource, statistics, sys, time
from pathlib import Path
from autograder.data.key import read_key
from autograder.probing.probe import probe
from autograder.setting.task import load_tasks

root, exercise = Path(sys.argv[1]), sys.argv[2]
key, found = read_key(root / "exercises" / exercise / "key.json"), {}
for task in load_tasks(root / "solutions" / exercise / "tasks.py"):
    times = []
    for _ in range(4):
        start = time.process_time()
        probe(task.answer, key.tasks[task.name].question)
        times.append(time.process_time() - start)
    found[task.name] = [times[0], statistics.median(times[1:])]
print(json.dumps([found, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def in_turns(exercise, before):
    """Processor seconds of either state by task, first time and later, and the peaks (MiB)."""
    found: dict[str, list] = {"before": [], "after": []}
    for _ in range(TURNS):
        for name, root in (("before", before), ("after", ROOT)):
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-c", ONE_EXERCISE, str(root), exercise],
                cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, text=True,
                stdout=subprocess.PIPE, check=True,
            )  # fmt: skip
            found[name].append(json.loads(done.stdout.splitlines()[-1]))
    return found


def compared(before, exercises):
    """The lines of a report on an earlier state and this one, for tasks that are nets."""
    load = os.getloadavg()[0]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=before, text=True, stdout=subprocess.PIPE
    ).stdout.strip()
    lines = [
        f"An earlier state ({commit}) and this one in one run, turn by turn, {TURNS} turns of",
        f"each in a process of its own, on {len(os.sched_getaffinity(0))} core; load {load:.1f}",
        "of other work when it began. Processor seconds of a check of the model answer: the first",
        "in a process, and the median of the next three; the least of the turns. Memory is what",
        "a process needed at most for all tasks of an exercise.",
        "",
        "| exercise | task | first, before | after | next, before | after | times as fast |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    memory = []
    for exercise in exercises:
        found = in_turns(exercise, before)
        for task in found["after"][0][0]:
            either = [
                [min(turn[0][task][place] for turn in found[name]) for name in ("before", "after")]
                for place in (0, 1)
            ]
            if either[1][0] < 0.02:
                continue  # a function of numbers
            line = (
                f"| {exercise} | `{task}` | {either[0][0]:.3f} | {either[0][1]:.3f} "
                f"| {either[1][0]:.3f} | {either[1][1]:.3f} | {either[1][0] / either[1][1]:.1f} |"
            )
            print(line, flush=True)
            lines.append(line)
        peaks = [min(turn[1] for turn in found[name]) for name in ("before", "after")]
        memory.append(f"{exercise} {peaks[0]:.0f} and {peaks[1]:.0f} MiB")
    return [*lines, "", f"Memory before and after: {', '.join(memory)}."]


def main():
    from autograder.setting.exercises import exercise_names

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--before", type=Path)
    parser.add_argument("exercises", nargs="*")
    chosen = parser.parse_args()
    exercises = chosen.exercises or list(exercise_names(ROOT))
    target = ROOT / "bench" / "checker.md"
    if chosen.before:
        lines = compared(chosen.before.resolve(), exercises)
        kept = target.read_text().partition(f"\n{HEADING}")[0]
        write_page(target, [kept.rstrip(), "", HEADING, "", *lines])
        return
    load = os.getloadavg()[0]
    lines = [
        "# Checking in a warm kernel",
        "",
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f} before it;",
        f"medians of {RUNS} runs. `check` observes the model answer on all its cases; `ratio` is",
        "against building and running the same answer once on the same inputs. `memory` is what a",
        "check adds to the most that the process has needed so far.",
        "",
        "| exercise | task | check (s) | ratio | judge (ms) | memory (MiB) |",
        "|---|---|---|---|---|---|",
    ]
    fresh = {name: in_a_fresh_child(name) for name in exercises}
    print("\n".join(lines))
    for row in measure(exercises):
        line = (
            f"| {row['exercise']} | `{row['task']}` | {row['check']:.3f} "
            f"| {row['check'] / max(row['plain'], 1e-6):.1f} | {1000 * row['judge']:.1f} "
            f"| {row['memory']:.0f} |"
        )
        print(line, flush=True)
        lines.append(line)
    every = ", ".join(f"{name} {value:.2f} s" for name, value in fresh.items())
    lines += ["", f"All probes of an exercise in a fresh forked child: {every}."]
    lines += ["", f"Peak memory of the whole process: {peak_mib():.0f} MiB."]
    print("\n".join(lines[-4:]))
    if not chosen.exercises:  # the page is of all
        write_page(target, [*lines, *section_from(target, HEADING)])


if __name__ == "__main__":
    main()
