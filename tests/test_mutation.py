"""Mutants of model answers: none but the excused ones gets full marks."""

from pathlib import Path

import pytest

from autograder.setting.exercises import exercise_names, public_key
from autograder.setting.mutation import excuses, judged_mutants, mutants
from autograder.setting.task import load_tasks, module_of

ROOT = Path(__file__).resolve().parent.parent
QUICK = {"output_size", "conv_parameters", "conv2d", "zero_pad_shortcut", "top_k_error"}
PATHS = {name: ROOT / "solutions" / name / "tasks.py" for name in exercise_names(ROOT)}
ALL = [(name, task) for name, path in PATHS.items() for task in load_tasks(path)]


def unexcused(path, task, workshop):
    key = public_key(ROOT, path.parent.name).tasks[task.name]
    excused = excuses(path)
    return [
        mutant.label
        for mutant, survives in judged_mutants(path, task, key, workshop)
        if survives and mutant.label not in excused
    ]


@pytest.mark.parametrize(
    ("exercise", "task"),
    [
        pytest.param(
            exercise, task, id=task.name, marks=() if task.name in QUICK else pytest.mark.slow
        )
        for exercise, task in ALL
    ],
)
@pytest.mark.timeout(3000)
def test_no_mutant_of_a_model_answer_gets_full_marks(exercise, task, workshop):
    assert unexcused(PATHS[exercise], task, workshop) == []


def test_excuses_are_of_mutants_that_exist():
    for path in PATHS.values():
        labels = {m.label for task in load_tasks(path) for m in mutants(module_of(path), task)}
        assert excuses(path).keys() <= labels, f"{path}: an excuse fits no mutant"
