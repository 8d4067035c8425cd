"""Whether this is as fast as it was: some short measurements, beside those that were kept.

    python -m bench.check           # or `make bench-check`; exit code 3 where something is slower
    python -m bench.check --keep    # keep what is measured now, in bench/kept.json

What is measured is processor time, which other work on the machine touches little, as a ratio to a
loop of plain Python and small arrays that is run beside it in each turn: so a slower machine has
the same ratios, nearly. Of the turns the least ratio counts, which only a slower program raises.
More than `TOLERANCE` above the kept one is told as slower; less than that below it should be kept.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from bench.pages import FELL_SHORT

ROOT = Path(__file__).resolve().parent.parent
KEPT = Path(__file__).with_name("kept.json")
TURNS = 7
TOLERANCE = 1.3


def calibrate() -> float:
    """Processor seconds of a loop such as checking is made of: objects, names, small arrays."""
    start = time.process_time()
    total, table = 0.0, {}
    rows = np.arange(64.0)
    for number in range(40_000):
        table[f"name {number % 97}"] = [number, {"of": number}]
        if not number % 8:
            total += float((rows * number).sum())
    assert total > 0
    assert len(table) == 97
    return time.process_time() - start


def own_time(call: Callable[[], object]) -> Callable[[], float]:
    """A call's processor seconds in this process."""

    def measure() -> float:
        start = time.process_time()
        call()
        return time.process_time() - start

    return measure


def many(call: Callable[..., object], *arguments: object) -> None:
    """A call that is too short to be measured alone, twenty times."""
    for _ in range(20):
        call(*arguments)


def checks(exercise: str, *names: str) -> dict[str, Callable[[], float]]:
    """Observing the model answers of an exercise on all cases of the public key, and judging."""
    from autograder.judging.judge import judge
    from autograder.probing.probe import probe
    from autograder.setting.exercises import public_key
    from autograder.setting.task import load_tasks

    key = public_key(ROOT, exercise)
    found = {}
    for task in load_tasks(ROOT / "solutions" / exercise / "tasks.py"):
        if task.name in names:
            of_task = key.tasks[task.name]
            seen = probe(task.answer, of_task.question)
            found[f"check {task.name}"] = own_time(partial(probe, task.answer, of_task.question))
            often = partial(many, judge, of_task, seen)
            found[f"judge {task.name}, 20 times"] = own_time(often)
    return found


def grading(exercise: str, workshop: Any) -> dict[str, Callable[[], float]]:
    """A submission with the model answers, in a child of the warm process, not locked in."""
    from autograder.setting.exercises import public_key

    key = public_key(ROOT, exercise)
    raw = (ROOT / "solutions" / exercise / f"{exercise}.ipynb").read_bytes()
    workshop.reply(raw, key, 60)  # starts it

    def measure() -> float:
        reply = workshop.reply(raw, key, 60)
        assert reply.ended is None, reply.ended
        assert reply.cpu_seconds is not None
        return reply.cpu_seconds

    return {f"grade a submission of {exercise}": measure}


def training() -> dict[str, Callable[[], float]]:
    """Twenty steps of a small residual net, compiled."""
    import keras

    from convbook.architectures.residual import residual_block, small_net

    keras.utils.set_random_seed(0)
    net = small_net(residual_block, 14)
    net.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    x = np.random.default_rng(0).normal(size=(32, *net.input_shape[1:])).astype("float32")
    y = np.arange(32) % 10

    def steps() -> None:
        for _ in range(20):
            net.train_on_batch(x, y)

    steps()
    return {"train a small residual net, 20 steps": own_time(steps)}


def measured() -> dict[str, list[float]]:
    """The ratios of every measurement, a turn each."""
    from autograder.running.workshop import Workshop

    with Workshop(unsafe=True) as workshop:
        return turns(workshop)


def turns(workshop: Any) -> dict[str, list[float]]:
    """The ratios of every measurement, with a workshop to grade in."""
    calls = {
        **checks("04_residual", "residual_block"),
        **checks("02_receptive_field", "design_cnn"),
        **checks("01_convolution", "conv2d"),
        **grading("04_residual", workshop),
        **training(),
    }
    ratios: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(TURNS):
        print(f"\rturn {turn + 1} of {TURNS}", end="", file=sys.stderr, flush=True)
        unit = min(calibrate() for _ in range(3))
        for name, call in calls.items():
            ratios[name].append(call() / unit)
    print(file=sys.stderr)
    return ratios


def report(ratios: dict[str, list[float]], kept: dict[str, float]) -> list[str]:
    """Print a line each; what is slower than it was."""
    slower = []
    print("| in calibration loops | least | median | kept | least to kept |")
    print("|---|---:|---:|---:|---:|")
    for name, values in ratios.items():
        least, before = min(values), kept.get(name)
        told = " | " if before is None else f"{before:.2f} | {least / before:.2f}"
        print(f"| {name} | {least:.2f} | {statistics.median(values):.2f} | {told} |")
        if before is not None and least > TOLERANCE * before:
            slower.append(name)
    return slower


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="keep what is measured")
    options = parser.parse_args(arguments)
    kept = json.loads(KEPT.read_text("utf-8"))["ratios"] if KEPT.is_file() else {}
    ratios = measured()
    slower = report(ratios, kept)
    if options.keep:
        machine = (
            f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        )
        least = {name: round(min(values), 3) for name, values in ratios.items()}
        KEPT.write_text(json.dumps({"machine": machine, "ratios": least}, indent=1) + "\n")
        return 0
    if not kept:
        print("Nothing is kept to compare with: run `python -m bench.check --keep`.")
        return 2
    for name in slower:
        print(f"slower than it was: {name}. If it is meant to be, run again with --keep.")
    return FELL_SHORT if slower else 0


if __name__ == "__main__":
    sys.exit(main())
