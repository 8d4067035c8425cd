"""What an author writes to set a task: see `docs/authoring.md` for a worked example."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np

from autograder.data.key import Property

Kind = Literal["function", "block", "model"]


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
class Mistake:
    """A wrong answer that students give, and the sentence that helps them."""

    function: Callable
    hint: str


@dataclass(frozen=True)
class Accepted:
    """A right answer in another style.

    `representation` is given only where the weights themselves are arranged differently (one
    kernel that others cut in two), so that the answer needs an entry of its own in the key; it
    says how.
    """

    function: Callable
    representation: str | None = None


@dataclass(frozen=True)
class Task:
    """A task: what is asked, the points, what to try, and answers right and wrong.

    `trials` draws the calls to make from a random generator, so that a private key can have
    configurations of its own. `plan` overrides fields of `observation.Plan`; `tolerance` is
    relative to the spread of the expected output. `dtype` is what the result's elements must be.
    Where many answers are right, `properties` says what each must do: it takes a trial's arguments.
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
    plan: dict[str, Any] = field(default_factory=dict)
    properties: Callable[..., list[Property]] | None = None

    def parts(self, scalar: bool) -> dict[str, float]:
        """The points of each part; a single number earns all of them for its value."""
        if self.kind != "function":
            shares = {"shape": 0.25, "parameters": 0.25, "output": 0.5}
        elif scalar:
            shares = {"shape": 0.0, "output": 1.0}
        else:
            shares = {"shape": 0.25, "output": 0.75}
        return {part: round(self.points * share, 4) for part, share in shares.items()}


def module_of(path: Path) -> ModuleType:
    """The module of an exercise's `tasks.py`, run once. Raises TaskError where it is not there."""
    if not path.is_file():
        raise TaskError(f"{path} does not exist: an exercise is set in a file of this name")
    name = "tasks_of_" + path.parent.name
    known = sys.modules.get(name)
    if known is not None and known.__file__ == str(path):
        return known
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def load_tasks(path: Path) -> list[Task]:
    """The tasks of an exercise's `tasks.py`. Raises TaskError where there are none."""
    tasks = getattr(module_of(path), "TASKS", None)
    if not isinstance(tasks, list) or not all(isinstance(task, Task) for task in tasks):
        raise TaskError(f"{path} must define TASKS, a list of tasks")
    return tasks
