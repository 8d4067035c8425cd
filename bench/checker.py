"""How long a check takes in a warm kernel, task by task, and what memory it needs.

Run from the project's folder: `.venv/bin/python -m bench.checker`. Writes bench/checker.md.
Medians over runs; the ratio to one plain call of the same answer (building it and running it on
the same inputs) says what checking adds and hardly depends on the machine.
"""

import os
import platform
import resource
import statistics
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

RUNS = 5
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


def measure():
    from autograder.exercises import exercise_names, public_key
    from autograder.judge import judge
    from autograder.keymaking import decoded_arguments
    from autograder.network import quick_initializers
    from autograder.probe import build_network, probe
    from autograder.task import load_tasks

    for exercise in exercise_names(ROOT):
        key = public_key(ROOT, exercise)
        for task in load_tasks(ROOT / "solutions" / exercise / "tasks.py"):
            question = key.tasks[task.name].question
            probe(task.answer, question)
            before = peak_mib()
            observation = probe(task.answer, question)

            def plain(task=task, question=question):
                for case in question.cases:
                    if question.kind == "function":
                        task.answer(**decoded_arguments(case))
                    else:
                        with quick_initializers():
                            build_network(task.answer, question, case).run(training=None)

            yield {
                "exercise": exercise,
                "task": task.name,
                "check": seconds(lambda t=task, q=question: probe(t.answer, q)),
                "judge": seconds(lambda k=key.tasks[task.name], o=observation: judge(k, o)),
                "plain": seconds(plain),
                "memory": max(0.0, peak_mib() - before),
            }


def main():
    load = os.getloadavg()[0]
    lines = [
        "# Checking in a warm kernel",
        "",
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f} before it;",
        f"medians of {RUNS} runs. `check` observes the model answer on all its cases; `ratio` is",
        "against building and running the same answer once on the same inputs.",
        "",
        "| exercise | task | check (s) | ratio | judge (ms) |",
        "|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    total = {}
    for row in measure():
        total[row["exercise"]] = total.get(row["exercise"], 0) + row["check"]
        line = (
            f"| {row['exercise']} | `{row['task']}` | {row['check']:.3f} "
            f"| {row['check'] / max(row['plain'], 1e-6):.1f} | {1000 * row['judge']:.1f} |"
        )
        print(line, flush=True)
        lines.append(line)
    lines += ["", *(f"All probes of {name}: {value:.2f} s." for name, value in total.items())]
    lines += ["", f"Peak memory of the whole process: {peak_mib():.0f} MiB."]
    (ROOT / "bench" / "checker.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
