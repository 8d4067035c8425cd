"""A key made on TensorFlow gives the same verdicts where Keras runs on JAX."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.keymaking import make_task_key
from autograder.task import load_tasks

ROOT = Path(__file__).resolve().parent.parent
TASKS = ROOT / "solutions" / "04_residual" / "tasks.py"
ON_JAX = """
import json, sys
from pathlib import Path
from autograder.judge import judge
from autograder.key import TaskKey
from autograder.probe import probe
from autograder.task import load_tasks
import keras

assert keras.backend.backend() == "jax"
keys = {name: TaskKey.model_validate(key) for name, key in json.load(open(sys.argv[2])).items()}
for task in load_tasks(Path(sys.argv[1])):
    key = keys.get(task.name)
    if key is None:
        continue
    answers = [task.answer, *(accepted.function for accepted in task.accepted)]
    for function in answers:
        verdict = judge(key, probe(function, key.question))
        print(json.dumps([task.name, function.__name__, verdict.verdict, verdict.hint, ""]))
    for mistake in task.mistakes[:: int(sys.argv[3])]:
        verdict = judge(key, probe(mistake.function, key.question))
        row = [task.name, mistake.function.__name__, verdict.verdict, verdict.hint, mistake.hint]
        print(json.dumps(row))
"""


@pytest.mark.parametrize(
    ("names", "step"),
    [
        (("residual_block", "zero_pad_shortcut"), 8),  # every eighth mistake
        pytest.param(
            ("residual_block", "zero_pad_shortcut", "bottleneck_block", "resnet"),
            1,
            marks=[pytest.mark.slow, pytest.mark.timeout(1800)],
        ),
    ],
)
def test_verdicts_on_jax_are_those_on_tensorflow(names, step, tmp_path):
    pytest.importorskip("jax")
    tasks = {
        task.name: replace(task, mistakes=task.mistakes[::step])
        for task in load_tasks(TASKS)
        if task.name in names
    }
    keys = {n: make_task_key(task, 7).model_dump(mode="json") for n, task in tasks.items()}
    (tmp_path / "keys.json").write_text(json.dumps(keys))
    ran = subprocess.run(
        [sys.executable, "-c", ON_JAX, str(TASKS), str(tmp_path / "keys.json"), str(step)],
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=1700,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    rows = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("[")]
    bank = sum(1 + len(tasks[n].accepted) + len(tasks[n].mistakes) for n in names)
    assert len(rows) == bank
    for task, function, verdict, hint, expected in rows:
        assert (verdict, hint) == ("wrong" if expected else "correct", expected), (task, function)
