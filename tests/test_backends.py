"""The public keys, made on TensorFlow, give the same verdicts on JAX and PyTorch."""

import functools
import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from autograder.data.key import Key, TaskKey, read_key
from autograder.setting.keymaking import make_task_key
from autograder.setting.task import Task, load_tasks

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.timeout(1800)  # all exercises in one process, at the first test

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
        """A task cut down to this part of its bank."""
        mistakes = task.mistakes[:: self.step]
        if self.mistakes is not None:
            mistakes = [m for m in task.mistakes if m.function.__name__ in self.mistakes]
        return replace(task, accepted=task.accepted[:: self.step], mistakes=mistakes)

    def of_key(self, key: TaskKey) -> TaskKey:
        """A key cut down to the first trials."""

        def first(table: tuple) -> tuple:
            return table[: self.trials]

        cases = {"cases": first(key.question.cases)}
        answers = ("parameters", "outputs")
        mistakes = ("problems", "parameters", "outputs", "facts")
        return key.model_copy(
            update={
                "question": key.question.model_copy(update=cases),
                "answers": tuple(cut(one, answers, first) for one in key.answers),
                "reordered": tuple(cut(one, ("outputs",), first) for one in key.reordered),
                "mistakes": tuple(cut(one, mistakes, first) for one in key.mistakes),
                "landmarks": first(key.landmarks),
                "properties": first(key.properties),
            }
        )


def cut(one, fields, first):
    """A part of a key with some of its tables, a row a case, cut down."""
    return one.model_copy(update={field: first(getattr(one, field)) for field in fields})


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
# One process for all of them: it imports Keras once, and what JAX has compiled for one is there for
# the next. It is told what to judge in a file, and writes a line for each answer.
ELSEWHERE = """
import json, sys
from pathlib import Path
from autograder.judging.judge import judge
from autograder.data.key import TaskKey
from autograder.probing.probe import probe
from autograder.setting.task import load_tasks
import keras

assert keras.backend.backend() == sys.argv[2]
for path, keys, chosen in json.load(open(sys.argv[1])):
    for task in load_tasks(Path(path)):
        if task.name not in keys:
            continue
        key = TaskKey.model_validate(keys[task.name])
        answers = [(f, "") for f in (task.answer, *(a.function for a in task.accepted))]
        answers += [(mistake.function, mistake.hint) for mistake in task.mistakes]
        for function, hint in answers:
            if function.__name__ in chosen[task.name]:
                seen = judge(key, probe(function, key.question))
                row = [path, task.name, function.__name__, seen.verdict, seen.hint, hint]
                print(json.dumps(row), flush=True)
"""


def names_of(task: Task) -> list[str]:
    """The functions of a task's bank."""
    right = [task.answer, *(accepted.function for accepted in task.accepted)]
    return [f.__name__ for f in (*right, *(mistake.function for mistake in task.mistakes))]


@dataclass
class Job:
    """An exercise to be judged on another backend: keys and names of answers by task."""

    path: Path
    keys: dict[str, TaskKey]
    names: dict[str, list[str]]

    def __len__(self) -> int:
        return sum(map(len, self.names.values()))


def job_of(exercise: str, part: Part, key: Key | None = None) -> Job:
    """The part of an exercise that is judged; without a key by the public one."""
    path = ROOT / "solutions" / exercise / "tasks.py"
    key = key or read_key(ROOT / "exercises" / exercise / "key.json")
    tasks = [task for task in load_tasks(path) if part.has(task)]
    keys = {task.name: part.of_key(key.tasks[task.name]) for task in tasks}
    return Job(path, keys, {task.name: names_of(part.of(task)) for task in tasks})


def verdicts(backend: str, jobs: list[Job], folder: Path) -> list[list]:
    """Judge banks, or parts of them, on another backend: a row for each answer."""
    plain = [
        [str(job.path), {n: k.model_dump(mode="json") for n, k in job.keys.items()}, job.names]
        for job in jobs
    ]
    (folder / "jobs.json").write_text(json.dumps(plain))
    settings = {
        "KERAS_BACKEND": backend,
        "PYTHONPATH": str(ROOT),
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "true",  # what is compiled runs two or three times
    }
    ran = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(folder / "jobs.json"), backend],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("[")]


@pytest.fixture(scope="module")
def judged_on(tmp_path_factory):
    """Judges a part of every exercise on a backend, once; the part of one and its rows."""
    jobs = {name: job_of(name, QUICK.get(name, Part())) for name in EXERCISES}

    @functools.cache
    def rows_on(backend: str) -> list[list]:
        return verdicts(backend, list(jobs.values()), tmp_path_factory.mktemp(backend))

    def rows_of(backend: str, exercise: str) -> tuple[Job, list[list]]:
        job = jobs[exercise]
        return job, [row for path, *row in rows_on(backend) if path == str(job.path)]

    return rows_of


def same(job: Job, rows: list) -> None:
    assert len(rows) == len(job) > 0
    for task, function, verdict, hint, expected in rows:
        assert (verdict, hint) == ("wrong" if expected else "correct", expected), (task, function)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_verdicts_on_jax_are_those_on_tensorflow(exercise, judged_on):
    same(*judged_on("jax", exercise))


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("exercise", EXERCISES)
def test_verdicts_on_torch_are_those_on_tensorflow(exercise, judged_on):
    job, rows = judged_on("torch", exercise)
    # Keras's average pooling with `same` counts the border's zeros there, and only there: a wrong
    # answer that uses it is known in fewer cases, which its sentence then adds.
    rows = [[*row[:3], expected if hint.startswith(expected) else hint, expected]
            for *row, hint, expected in rows]  # fmt: skip
    same(job, rows)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("exercise", EXERCISES)
def test_verdicts_of_the_whole_bank_on_jax_with_a_new_key(exercise, tmp_path):
    public = read_key(ROOT / "exercises" / exercise / "key.json")
    tasks = load_tasks(ROOT / "solutions" / exercise / "tasks.py")
    made = {task.name: make_task_key(task, 7) for task in tasks}
    job = job_of(exercise, Part(step=1), public.model_copy(update={"tasks": made, "seed": 7}))
    same(job, [row for _, *row in verdicts("jax", [job], tmp_path)])
