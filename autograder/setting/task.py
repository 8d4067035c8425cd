"""What an author writes to set a task: see `docs/authoring.md` for a worked example."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np

from autograder.data.key import Property
from autograder.setting.bank import Accepted, Bank, Mistake

Kind = Literal["function", "block", "layer", "model", "value"]


class TaskError(Exception):
    """A task is set in a way that cannot be graded; `str()` says what to change."""


@dataclass(frozen=True)
class Trial:
    """One call of the answer: its arguments by name and, for a model, the shapes it is fed.

    Of a network that is only `counted` the parameters are compared, and what it gives with weights
    of 0: its shape and last activation. That takes little time and memory, however large it is.
    Where a task has properties, only what one run shows is asked
    (`autograder.probing.structure.GLANCED`).
    """

    arguments: dict[str, Any]
    feeds: tuple[tuple[int, ...], ...] = ()
    counted: bool = False


def trial(*feeds: tuple[int, ...], **arguments: Any) -> Trial:
    """Shorthand: `trial(x=Input((9, 7, 5)), filters=6)`, or for a model `trial((33, 29, 3))`."""
    return Trial(arguments, feeds)


def counted(*feeds: tuple[int, ...], **arguments: Any) -> Trial:
    """Shorthand like `trial`, for a network that is only counted, or looked at in one run."""
    return Trial(arguments, feeds, counted=True)


@dataclass(frozen=True)
class Task:
    """A task: what is asked, the points, what to try, and answers right and wrong.

    `trials` draws the calls to make from a random generator, so that a private key can have
    configurations of its own. `plan` overrides fields of `observation.Plan`; `tolerance` is
    relative to the spread of the expected output. `dtype` is what the result's elements must be.
    Where many answers are right, `properties` says what each must do: it takes a trial's arguments.
    The answers right and wrong come from the task's bank (`autograder.setting.bank`). `places` says
    in words where in the answer a function of `tasks.py` builds, for the sentences on mistakes that
    are made by machine (`autograder.setting.slips`): `{"projection": "of the shortcut"}`. Several
    results that are `unordered` are columns of one table, whose rows may stand in any order.

    Of a "value" `answer` computes the right one, without arguments, and a mistake of the bank a
    wrong one; it is one of the letters in `choices`, or a number, of which whatever lies `within`
    that distance is right too. Without `slips` no mistakes are made by machine. What is right as a
    `whole` or not at all, as a fault that is mended, earns nothing in part.
    """

    name: str
    kind: Kind
    points: float
    trials: Callable[[np.random.Generator], list[Trial]]
    answer: Callable
    accepted: list[Accepted] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    outputs: int = 1
    dtype: Literal["float", "int", "bool", "number"] = "float"
    tolerance: float = 1e-3
    by_hand: bool = False
    unordered: bool = False
    plan: dict[str, Any] = field(default_factory=dict)
    properties: Callable[..., list[Property]] | None = None
    places: dict[str, str] = field(default_factory=dict)
    choices: tuple[str, ...] = ()
    within: float = 0.0
    slips: bool = True
    whole: bool = False

    def parts(self, scalar: bool, weights: bool) -> dict[str, float]:
        """The points of each part.

        A function has weights where it makes a model of another one.

        A single number earns all of them for its value; where the model answer has no `weights` to
        be trained there is nothing to earn with them.
        """
        if self.kind == "value":
            return {"output": self.points}
        if weights:
            shares = {"shape": 0.25, "parameters": 0.25, "output": 0.5}
        elif self.kind == "function" and scalar:
            shares = {"shape": 0.0, "output": 1.0}
        else:
            shares = {"shape": 0.25, "output": 0.75}
        return {part: round(self.points * share, 4) for part, share in shares.items()}


def module_of(path: Path) -> ModuleType:
    """The module of an exercise's `tasks.py`, run once. Raises TaskError where it is not there."""
    if not path.is_file():
        raise TaskError(f"{path} does not exist: an exercise is set in a file of this name")
    return importlib.import_module(f"{_package_of(path.parent)}.{path.stem}")


def _package_of(folder: Path) -> str:
    """The name under which an exercise's folder is a package, so that its files can be imported.

    A folder's own name begins with a digit. Where another folder of this name was one before, its
    modules are forgotten.
    """
    folder = folder.resolve()
    name = f"exercise_{folder.name}"
    known = sys.modules.get(name)
    if known is None or known.__path__ != [str(folder)]:
        for module in [m for m in sys.modules if m == name or m.startswith(f"{name}.")]:
            del sys.modules[module]
        package = ModuleType(name, "An exercise: its tasks and their banks.")
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    return name


def load_tasks(path: Path) -> list[Task]:
    """The tasks of an exercise's `tasks.py`, with their banks. Raises TaskError without any."""
    tasks = getattr(module_of(path), "TASKS", None)
    if not isinstance(tasks, list) or not all(isinstance(task, Task) for task in tasks):
        raise TaskError(f"{path} must define TASKS, a list of tasks")
    return [_with_bank(task, path.parent) for task in tasks]


def _with_bank(task: Task, folder: Path) -> Task:
    """The task with the answers of `bank/TASK.py`, where there is such a file."""
    path = folder / "bank" / f"{task.name}.py"
    if not path.is_file():
        return task
    module = importlib.import_module(f"{_package_of(folder)}.bank.{task.name}")
    bank = getattr(module, "bank", None)
    if not isinstance(bank, Bank) or bank.answer is not task.answer:
        raise TaskError(f"{path} must define `bank = Bank({task.name})`, of the task's own answer")
    return replace(
        task, accepted=[*task.accepted, *bank.right], mistakes=[*task.mistakes, *bank.wrong]
    )
