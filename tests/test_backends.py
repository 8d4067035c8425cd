"""A key made on TensorFlow gives the same verdicts where Keras runs on JAX or PyTorch."""

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from autograder.setting.keymaking import make_task_key
from autograder.setting.task import Task, load_tasks

ROOT = Path(__file__).resolve().parent.parent
EXERCISES = sorted(path.parent.name for path in ROOT.glob("solutions/*/tasks.py"))


@dataclass(frozen=True)
class Part:
    """What of an exercise is judged: its tasks, every `step`-th answer, the first `trials`.

    Where no tasks are named these are all but whole models.

    `mistakes` names wrong answers, in place of every `step`-th of them.
    """

    names: tuple[str, ...] | None = None
    step: int = 24
    trials: int | None = None
    mistakes: tuple[str, ...] | None = None

    def has(self, task: Task) -> bool:
        return task.name in self.names if self.names else self.step == 1 or task.kind != "model"

    def of(self, task: Task) -> Task:
        """A task cut down to this part of its bank and of its trials."""
        mistakes = task.mistakes[:: self.step]
        if self.mistakes is not None:
            mistakes = [m for m in task.mistakes if m.function.__name__ in self.mistakes]
        return replace(
            task,
            accepted=task.accepted[:: self.step],
            mistakes=mistakes,
            trials=lambda rng: task.trials(rng)[: self.trials],
        )


# JAX compiles anew for every shape: large nets and large pictures are left to the slow test.
QUICK = {
    "02_receptive_field": Part(step=1000, trials=2, mistakes=("design_pools", "design_one_short")),
    "03_classic": Part(("lenet5", "top_k_error")),
    "04_residual": Part(("residual_block", "zero_pad_shortcut"), step=32, trials=3),
    "06_inception": Part(("multiplications", "conv1x1_head")),
    "07_efficient": Part(("separable_conv",)),
    "08_fully_convolutional": Part(("mean_iou", "fcn8_head")),
    "10_unet": Part(("dice", "down_block")),
}
ELSEWHERE = """
import json, sys
from pathlib import Path
from autograder.judging.judge import judge
from autograder.data.key import TaskKey
from autograder.probing.probe import probe
from autograder.setting.task import load_tasks
import keras

assert keras.backend.backend() == sys.argv[4]
chosen = json.load(open(sys.argv[3]))
keys = {name: TaskKey.model_validate(key) for name, key in json.load(open(sys.argv[2])).items()}
for task in load_tasks(Path(sys.argv[1])):
    key = keys.get(task.name)
    if key is None:
        continue
    answers = [(f, "") for f in (task.answer, *(a.function for a in task.accepted))]
    answers += [(mistake.function, mistake.hint) for mistake in task.mistakes]
    for function, hint in answers:
        if function.__name__ in chosen[task.name]:
            verdict = judge(key, probe(function, key.question))
            print(json.dumps([task.name, function.__name__, verdict.verdict, verdict.hint, hint]))
"""


def names_of(task: Task) -> list[str]:
    """The functions of a task's bank."""
    right = [task.answer, *(accepted.function for accepted in task.accepted)]
    return [f.__name__ for f in (*right, *(mistake.function for mistake in task.mistakes))]


def verdicts(backend: str, exercise: str, part: Part, folder: Path) -> tuple[int, list]:
    """Judge a bank, or a part of it, on another backend; how many answers, and the rows."""
    path = ROOT / "solutions" / exercise / "tasks.py"
    tasks = {task.name: part.of(task) for task in load_tasks(path) if part.has(task)}
    keys = {name: make_task_key(task, 7).model_dump(mode="json") for name, task in tasks.items()}
    (folder / "keys.json").write_text(json.dumps(keys))
    chosen = {name: names_of(task) for name, task in tasks.items()}
    (folder / "names.json").write_text(json.dumps(chosen))
    files = [path, folder / "keys.json", folder / "names.json"]
    command = [sys.executable, "-c", ELSEWHERE, *files, backend]
    ran = subprocess.run(
        list(map(str, command)),
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    rows = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("[")]
    return sum(map(len, chosen.values())), rows


def same(count: int, rows: list) -> None:
    assert len(rows) == count
    for task, function, verdict, hint, expected in rows:
        assert (verdict, hint) == ("wrong" if expected else "correct", expected), (task, function)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_verdicts_on_jax_are_those_on_tensorflow(exercise, tmp_path):
    same(*verdicts("jax", exercise, QUICK.get(exercise, Part()), tmp_path))


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("exercise", EXERCISES)
def test_verdicts_on_torch_are_those_on_tensorflow(exercise, tmp_path):
    count, rows = verdicts("torch", exercise, QUICK.get(exercise, Part()), tmp_path)
    # Keras's average pooling with `same` counts the border's zeros there, and only there: a wrong
    # answer that uses it is known in fewer cases, which its sentence then adds.
    rows = [[*row[:3], expected if hint.startswith(expected) else hint, expected]
            for *row, hint, expected in rows]  # fmt: skip
    same(count, rows)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("exercise", EXERCISES)
def test_verdicts_of_the_whole_bank_on_jax(exercise, tmp_path):
    same(*verdicts("jax", exercise, Part(step=1), tmp_path))
