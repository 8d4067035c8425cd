"""Says what is wrong with how an exercise is set, before a student finds out."""

from __future__ import annotations

import ast
import inspect
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from autograder.data.arguments import call_text
from autograder.data.key import Answer, TaskKey
from autograder.data.notebook import ANSWERS_NAME
from autograder.data.observation import Observation
from autograder.judging.comparing import comparable, distance
from autograder.judging.judge import judge
from autograder.setting.keymaking import make_task_key
from autograder.setting.planning import MARGIN, MOST_CORRELATION, correlation, decoded_arguments
from autograder.setting.task import Task, TaskError

FEWEST_ACCEPTED, FEWEST_MISTAKES = 4, 8
LONG_LINE = 24
FORGOTTEN = 3e-3  # of an output's size, what differs between inputs: its tolerance drowns in noise


def lint_task(task: Task, seed: int) -> Iterator[str]:
    """Sentences on a task: what it cannot tell apart, what is needless, what is too near."""
    seen: dict[str, Observation] = {}
    try:
        key = make_task_key(task, seed, seen)
    except TaskError as error:
        yield str(error)
        return
    if task.kind == "value":
        return  # all there is to see is whether its key can be made
    right = seen[task.answer.__name__]
    accepted = {a.function.__name__: seen[a.function.__name__] for a in task.accepted}
    mistakes = {m.function.__name__: seen[m.function.__name__] for m in task.mistakes}
    yield from _bank_size(task)
    yield from _same_mistakes(task, key, mistakes)
    yield from _redundant_cases(task, key, mistakes)
    yield from _correlated(task, key, right)
    yield from _forgetful(task, key, right)
    yield from _near_tolerance(task, key, accepted, mistakes)


def _bank_size(task: Task) -> Iterator[str]:
    if len(task.accepted) + 1 < FEWEST_ACCEPTED:
        yield f"{task.name}: the bank has fewer than {FEWEST_ACCEPTED} right answers"
    if len(task.mistakes) < FEWEST_MISTAKES:
        yield f"{task.name}: the bank has fewer than {FEWEST_MISTAKES} wrong answers"


def _same_mistakes(task: Task, key: TaskKey, mistakes: dict[str, Observation]) -> Iterator[str]:
    """Two mistakes with one observation cannot have two hints."""
    hints = {m.function.__name__: m.hint for m in task.mistakes}
    for name, observation in mistakes.items():
        if observation.status != "observed" or all(c.problem for c in observation.cases):
            continue
        if judge(key, observation).hint != hints[name]:
            yield f"{task.name}: the mistake `{name}` gets another mistake's hint"


def _redundant_cases(task: Task, key: TaskKey, mistakes: dict[str, Observation]) -> Iterator[str]:
    """Two cases that call alike, or that catch exactly the same mistakes with the same branches."""
    calls = [
        call_text(task.name, decoded_arguments(case)) + str(case.feeds)
        for case in key.question.cases
    ]
    for first, second in itertools.combinations(range(len(calls)), 2):
        if calls[first] == calls[second] and not _has_arrays(key, first):
            yield f"{task.name}: the cases {first} and {second} are the same call, {calls[first]}"
    caught = [set(_caught(key, index, mistakes)) for index in range(len(calls))]
    for index, mine in enumerate(caught):
        if mistakes and not mine:
            yield f"{task.name}: the case {calls[index]} catches no mistake of the bank"


def _has_arrays(key: TaskKey, index: int) -> bool:
    held = str(key.question.cases[index].arguments)
    return "$array" in held or "$integers" in held


def _caught(key: TaskKey, index: int, mistakes: dict[str, Observation]) -> Iterator[str]:
    alone = _only_case(key, index)
    for name, observation in mistakes.items():
        if observation.status != "observed":
            yield name
            continue
        part = observation.model_copy(update={"cases": (observation.cases[index],)})
        if judge(alone, part).verdict != "correct":
            yield name


def _only_case(key: TaskKey, index: int) -> TaskKey:
    question = key.question.model_copy(update={"cases": (key.question.cases[index],)})
    answers = tuple(
        Answer(parameters=(a.parameters[index],), outputs=(a.outputs[index],)) for a in key.answers
    )
    return key.model_copy(
        update={
            "question": question,
            "answers": answers,
            "reordered": (),
            "mistakes": (),
            "landmarks": (),
            "properties": key.properties[index : index + 1],
        }
    )


def _correlated(task: Task, key: TaskKey, right: Observation) -> Iterator[str]:
    """A network whose output is nearly the same for every input shows little of itself."""
    for case, seen in zip(key.question.cases, right.cases, strict=True):
        for mode in ("training", "inference"):
            for array in seen.outputs.get(mode, ()):
                found = correlation(array.numpy(), case.plan)
                if found > MOST_CORRELATION:
                    call = call_text(task.name, decoded_arguments(case))
                    yield (
                        f"{task.name}: {call} gives nearly the same for different inputs "
                        f"{'in training mode' if mode == 'training' else 'at inference'} "
                        f"(correlation {found:.4f})"
                    )


def _forgetful(task: Task, key: TaskKey, right: Observation) -> Iterator[str]:
    """A deep net that does not see the order of its channels may not see its input either."""
    for case, seen in zip(key.question.cases, right.cases, strict=True):
        for array in seen.outputs.get("permuted", ()):
            found = comparable(array.numpy(), case.plan)
            spread = np.std(found - found.mean(axis=0, keepdims=True))
            if spread < FORGOTTEN * np.max(np.abs(found)):
                call = call_text(task.name, decoded_arguments(case))
                yield (
                    f"{task.name}: {call} gives nearly the same for different inputs where another "
                    'order of parts is tried: take another scale there, plan={"permuted": 2.0}'
                )


def _near_tolerance(
    task: Task,
    key: TaskKey,
    accepted: dict[str, Observation],
    mistakes: dict[str, Observation],
) -> Iterator[str]:
    """The noise of right answers and the nearest wrong one, against the tolerance."""
    for name, observation in accepted.items():
        found = min(distance(key, answer, observation) for answer in key.answers)
        # one farther away is right by another way, such as a kernel stored in parts
        if task.tolerance / MARGIN < found <= task.tolerance:
            yield (
                f"{task.name}: the right answer `{name}` differs by {found:.1e}, too near the "
                f"tolerance {task.tolerance:.0e}"
            )
    for name, observation in mistakes.items():
        found = min(distance(key, answer, observation) for answer in key.answers)
        if 0 < found < task.tolerance * MARGIN:
            yield (
                f"{task.name}: the wrong answer `{name}` differs by {found:.1e} only, too near "
                f"the tolerance {task.tolerance:.0e}"
            )


def lint_release(release: Path, solution: Path) -> Iterator[str]:
    """Released files that hold lines of the solutions."""
    secret = set(secret_lines(solution))
    for path in sorted(p for p in release.rglob("*") if p.is_file()):
        if (
            path.name in ("tasks.py", "variants.py", ANSWERS_NAME)
            or "bank" in path.relative_to(release).parts
        ):
            yield f"{path} holds answers"
            continue
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        if path.suffix == ".ipynb":
            text = "\n".join(notebook_lines(path))
        shown = {line.strip() for line in text.splitlines()}
        for line in sorted(secret & shown):
            yield f"{path} holds a line of the solution: {line}"


def secret_lines(solution: Path) -> Iterator[str]:
    """Long lines of the answers in `tasks.py`, the bank and the notebook's solution regions."""
    for path in (solution / "tasks.py", *sorted(solution.glob("bank/*.py"))):
        yield from _lines_of_functions(path.read_text("utf-8"))
    for path in solution.glob("*.ipynb"):
        inside = False
        for line in notebook_lines(path):
            if "### BEGIN SOLUTION" in line:
                inside = True
            elif "### END SOLUTION" in line:
                inside = False
            elif inside and len(line.strip()) >= LONG_LINE:
                yield line.strip()


def _lines_of_functions(source: str) -> Iterator[str]:
    for node in ast.parse(source).body:
        for statement in node.body if isinstance(node, ast.FunctionDef) else ():
            for line in (ast.get_source_segment(source, statement) or "").splitlines():
                if len(line.strip()) >= LONG_LINE and not line.strip().startswith(('"', "#")):
                    yield line.strip()


def notebook_lines(path: Path) -> list[str]:
    """The lines of all cells of a notebook."""
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    return [line for cell in notebook.cells for line in cell.source.splitlines()]


def lint_exercise(
    tasks: list[Task], seed: int, progress: Callable[[str], None] = lambda s: None
) -> Iterator[str]:
    """Sentences on every task of an exercise; nothing where all is well."""
    for task in tasks:
        progress(task.name)
        yield from lint_task(task, seed)
        if not inspect.getdoc(task.answer):
            yield f"{task.name}: the model answer has no docstring"
