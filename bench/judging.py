"""How well nets are judged: this checker beside four ways in which they are compared elsewhere.

    python -m bench.judging                        # twelve right and twelve wrong answers a task
    python -m bench.judging --sample 4 06_inception

The answers are those of the banks: of the blocks and models that have one right arithmetic, each
bank's right answers and a seeded sample of its mistakes. Nobody's way has seen them before but this
checker's own, whose authors wrote or collected them: that none of them is misjudged is what its
tests ask, and no forecast for answers of others. What the table can say is what the other ways
cannot see. Each of them gets the model answer itself and the same arguments, and is written out
below, as short as it is used.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from bench.pages import FELL_SHORT, write_page

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SEED = 22
CLOSE = 1e-3  # of the outputs' spread, as this checker's own tolerance


def same_summary(model, expected) -> bool:
    """The rows of `model.summary()` but for the names: type, output shape, parameters."""
    return _rows(model) == _rows(expected)


def _rows(model) -> list[tuple]:
    return [(type(x).__name__, _sizes(x), x.count_params()) for x in model.layers]


def _sizes(layer) -> list[tuple]:
    import keras

    outputs = keras.tree.flatten(getattr(layer, "output", None))
    return [tuple(output.shape) for output in outputs if output is not None]


def same_shape_and_count(model, expected) -> bool:
    """The output's shape and the number of parameters."""
    return _shapes(model) == _shapes(expected) and model.count_params() == expected.count_params()


def _shapes(model) -> list[tuple]:
    return [tuple(output.shape) for output in model.outputs]


def same_by_creation_order(model, expected) -> bool:
    """The model answer's weights set in the order in which they were made, then the outputs."""
    ours, theirs = model.weights, expected.weights
    if [tuple(w.shape) for w in ours] != [tuple(w.shape) for w in theirs]:
        return False
    model.set_weights(expected.get_weights())
    return _same_outputs(model, expected)


def same_by_shape_and_role(model, expected) -> bool:
    """Each weight from the model answer's next one of its name and shape, then the outputs."""
    waiting: dict[tuple, list] = {}
    for weight in expected.weights:
        waiting.setdefault((weight.name, tuple(weight.shape)), []).append(weight)
    for weight in model.weights:
        found = waiting.get((weight.name, tuple(weight.shape)))
        if not found:
            return False
        weight.assign(found.pop(0))
    return not any(waiting.values()) and _same_outputs(model, expected)


def _same_outputs(model, expected) -> bool:
    """Whether two nets give the same for the same noise."""
    if _shapes(model) != _shapes(expected):
        return False
    rng = np.random.default_rng(SEED)
    feeds = [rng.normal(size=(2, *x.shape[1:])).astype("float32") for x in expected.inputs]
    argument = feeds[0] if len(feeds) == 1 else feeds
    pairs = zip(_flat(model(argument)), _flat(expected(argument)), strict=True)
    return all(np.abs(a - b).max() <= CLOSE * (b.std() + 1e-6) for a, b in pairs)


def _flat(outputs) -> list[np.ndarray]:
    import keras

    return [keras.ops.convert_to_numpy(one) for one in keras.tree.flatten(outputs)]


WAYS: dict[str, Callable] = {
    "layer summary": same_summary,
    "shape and parameter count": same_shape_and_count,
    "weights by creation order": same_by_creation_order,
    "weights by shape and role": same_by_shape_and_role,
}
OURS = "this checker"


def with_noise(model) -> None:
    """Weights that hide nothing: no bias is 0, no scale 1; variances are positive."""
    rng = np.random.default_rng(SEED)
    for weight in model.weights:
        spread = 1 / np.sqrt(max(1, np.prod(weight.shape[:-1])))
        drawn = rng.normal(0.1, spread, size=weight.shape)
        weight.assign(np.abs(drawn) + 0.5 if "variance" in weight.name else drawn)


@dataclass
class Judged:
    """One answer: whether it is right, and who took it for right."""

    exercise: str
    task: str
    right: bool
    taken: dict[str, bool]


def answers_of(task, sample: int) -> Iterator[tuple[Callable, bool]]:
    """Right and wrong answers of a bank, with whether they are right."""
    rng = np.random.default_rng(SEED)
    for answers, right in ((task.accepted, True), (task.mistakes, False)):
        for index in sorted(rng.permutation(len(answers))[:sample]):
            yield answers[index].function, right


def taken_by_others(answer: Callable, task, question) -> dict[str, bool]:
    """Which of the ways find an answer right in every configuration that has plain sizes."""
    from autograder.probing.probe import build_network
    from autograder.probing.quick import quick_initializers

    taken = dict.fromkeys(WAYS, True)
    for case in (case for case in question.cases if case.plan):
        for name, way in WAYS.items():
            if not taken[name]:
                continue
            try:
                with quick_initializers():
                    expected = build_network(task.answer, question, case).model
                    model = build_network(answer, question, case).model
                with_noise(expected)
                taken[name] = way(model, expected)
            except Exception:  # whatever an answer raises: it is not taken
                taken[name] = False
    return taken


def judged(exercises: list[str], sample: int) -> Iterator[Judged]:
    """All answers that are compared, one after the other."""
    from autograder.judging.judge import judge
    from autograder.probing.probe import probe
    from autograder.setting.exercises import public_key
    from autograder.setting.task import load_tasks

    for exercise in exercises:
        key = public_key(ROOT, exercise)
        for task in load_tasks(ROOT / "solutions" / exercise / "tasks.py"):
            question = key.tasks[task.name].question
            if task.kind not in ("block", "model") or task.properties:
                continue
            began = time.monotonic()
            for answer, right in answers_of(task, sample):
                taken = taken_by_others(answer, task, question)
                verdict = judge(key.tasks[task.name], probe(answer, question))
                taken[OURS] = verdict.points == verdict.max_points
                yield Judged(exercise, task.name, right, taken)
            print(f"{exercise} {task.name}: {time.monotonic() - began:.0f} s", file=sys.stderr)


def lines_of(found: list[Judged]) -> list[str]:
    """The page: for each way what it refused and what it took, in all and where it failed."""
    rights = sum(one.right for one in found)
    tasks = len({(one.exercise, one.task) for one in found})
    lines = [
        "# Judging nets",
        "",
        f"{rights} right and {len(found) - rights} wrong answers to {tasks} tasks, drawn from the "
        f"banks with seed {SEED}. The banks were written for this checker, so its own row is what "
        "its tests hold, and no forecast; the other rows are what those ways cannot see.",
        "",
        "| way of comparing | right refused | wrong accepted |",
        "|---|---:|---:|",
    ]
    for way in (*WAYS, OURS):
        refused = sum(one.right and not one.taken[way] for one in found)
        accepted = sum(one.taken[way] and not one.right for one in found)
        lines.append(f"| {way} | {refused} | {accepted} |")
    lines += ["", "| task | answers | " + " | ".join(WAYS) + " |"]
    lines += ["|---|---:|" + "---:|" * len(WAYS)]
    by_task: dict[str, list[Judged]] = {}
    for one in found:
        by_task.setdefault(f"{one.exercise} `{one.task}`", []).append(one)
    for name, some in by_task.items():
        wrong = Counter(way for one in some for way in WAYS if one.taken[way] != one.right)
        lines.append(f"| {name} | {len(some)} | " + " | ".join(str(wrong[w]) for w in WAYS) + " |")
    return [*lines, "", "The last table counts the answers that each way misjudges."]


def main() -> int:
    """Judge, and write bench/judging.md; exit code 3 where this checker misjudges an answer."""
    from autograder.setting.exercises import exercise_names

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("exercises", nargs="*")
    parser.add_argument("--sample", type=int, default=12, help="right and wrong answers a task")
    given = parser.parse_args()
    unknown = set(given.exercises) - set(exercise_names(ROOT))
    if unknown:
        parser.error(f"there is no exercise {', '.join(sorted(unknown))}")
    found = list(judged(given.exercises or exercise_names(ROOT), given.sample))
    lines = lines_of(found)
    print("\n".join(lines))
    if not given.exercises:
        write_page(HERE / "judging.md", lines)
    misjudged = sum(one.taken[OURS] != one.right for one in found)
    return FELL_SHORT if misjudged else 0


if __name__ == "__main__":
    sys.exit(main())
