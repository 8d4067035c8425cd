"""Answer keys: the observations of right and wrong answers, as numbers. A key holds no code."""

from __future__ import annotations

import zlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import ValidationError

from autograder.data.files import write_whole
from autograder.data.footprint import add_up
from autograder.data.observation import FORMAT, Array, Observation, Plain, Question


class KeyProblem(Exception):
    """A key cannot be read, or does not fit; `str()` says what to do."""


class Answer(Plain):
    """A right answer: for each case its parameters and outputs by mode, to be compared in full."""

    parameters: tuple[int | None, ...]
    outputs: tuple[dict[str, tuple[Array, ...]], ...]
    remark: str | None = None


class Sketch(Plain):
    """An output cut down to what recognises it: shape, element type, norm, random projections."""

    shape: tuple[int, ...]
    kind: str
    norm: float
    projections: tuple[float, ...]


Sketches = tuple[dict[str, tuple[Sketch, ...]], ...]  # case by case and mode by mode


class Reordered(Plain):
    """What a right answer gives that stores its kernels in another order.

    That is where their shapes do not show it (`autograder.probing.reordering`). The sketches are
    of the outputs as they are compared (`autograder.judging.comparing.comparable`).
    """

    outputs: Sketches


class Property(Plain):
    """What every right answer must do, where many answers are right: one fact that a probe notes.

    `fact` is named in `autograder.probing.structure`; `part` gets the points. `sentence` says what
    is wrong, with `{call}`, `{found}` and `{value}`. The relation "adds up to" is for `steps`, and
    does their sum again: `value` is (height, width, most kernels).
    """

    part: str
    fact: str
    value: Any
    sentence: str
    relation: Literal["is", "at most", "adds up to"] = "is"

    def holds(self, found: Any) -> bool:
        """Whether a fact is as it should be."""
        if self.relation == "is":
            return bool(found == self.value)
        if self.relation == "adds up to":
            return add_up(found, *self.value)
        return isinstance(found, int | float) and found <= self.value


class KnownMistake(Plain):
    """A wrong answer: for each case its parameters and a sketch of its outputs, and the hint.

    `facts` are those of each case, where answers are judged by properties.
    """

    hint: str
    problems: tuple[str | None, ...]
    parameters: tuple[int | None, ...]
    outputs: Sketches
    facts: tuple[dict[str, Any], ...] = ()


class Making(Plain):
    """The step by which the model answer computes a landmark, and the places of what goes in."""

    operation: str
    inputs: tuple[int, ...] = ()


class Landmark(Plain):
    """A tensor that right answers compute on the way, and what it is known by.

    `made` says how the model answer computes it, if it does and its step may be named to a student;
    `output` whether it is what the network gives in the end.
    """

    fingerprint: tuple[float, float, float]
    shape: tuple[int, ...]
    made: Making | None = None
    output: bool = False


class Sealed(Plain):
    """Values that are right, or wrong alike, by digests alone (`autograder.data.sealing`)."""

    digests: tuple[str, ...]
    hint: str = ""


class Value(Plain):
    """What is asked for is a value: a number, or one of the letters in `choices`.

    A number counts by its place on a grid with steps of `step`, moved by `offset`; without a step
    it counts as it is, but for rounding. Where nothing is `right` the key cannot tell, and says so:
    that is the one that a course hands out.
    """

    salt: str
    choices: tuple[str, ...] = ()
    step: float = 0.0
    offset: float = 0.0
    right: Sealed | None = None
    mistakes: tuple[Sealed, ...] = ()


class TaskKey(Plain):
    """One task: the question as a probe needs it, points by part, and what to compare with.

    Where a `value` is asked for, that is all there is to compare with. `reordered` is what right
    answers give that store their kernels in another order. `landmarks` are the tensors that right
    answers compute on the way. `properties`, if any, are what is compared in each case in place of
    outputs and parameters. What is right as a `whole` or not at all earns nothing in part.
    """

    question: Question
    parts: dict[str, float]
    dtype: str
    tolerance: float
    answers: tuple[Answer, ...]
    reordered: tuple[Reordered, ...] = ()
    mistakes: tuple[KnownMistake, ...] = ()
    landmarks: tuple[tuple[Landmark, ...], ...] = ()
    properties: tuple[tuple[Property, ...], ...] = ()
    value: Value | None = None
    whole: bool = False

    @property
    def max_points(self) -> float:
        """The points of all parts."""
        return round(sum(self.parts.values()), 4)


class Key(Plain):
    """The key of one exercise, for one seed."""

    format: int
    made_by: str
    exercise: str
    seed: int
    tasks: dict[str, TaskKey]

    @property
    def questions(self) -> list[Question]:
        """What a probe needs: the key without its answers."""
        return [task.question for task in self.tasks.values()]

    @property
    def max_score(self) -> float:
        """The points of all tasks."""
        return round(sum(task.max_points for task in self.tasks.values()), 4)


def package_version() -> str:
    """The version of this package, as keys and results record it."""
    try:
        return version("convbook")
    except PackageNotFoundError:
        return "unknown"


def read_key(path: Path) -> Key:
    """Read a key file. Raises KeyProblem with a sentence where that cannot be done."""
    import json

    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise KeyProblem(
            f"there is no key at {path}: make it with `autograder key`, or name one with --key"
        ) from None
    except (OSError, ValueError) as error:
        raise KeyProblem(f"{path} is not a key file ({type(error).__name__})") from error
    if not isinstance(content, dict) or "format" not in content:
        raise KeyProblem(f"{path} is not a key file: it has no format number")
    if content["format"] != FORMAT:
        raise KeyProblem(
            f"{path} has key format {content['format']}, this autograder reads format {FORMAT}: "
            "make the key again with `autograder key`"
        )
    try:
        return Key.model_validate(content)
    except ValidationError as error:
        raise KeyProblem(f"{path} is damaged: {error.error_count()} fields are wrong") from error


def write_key(key: Key, path: Path) -> None:
    """Write a key whole or not at all. Raises CannotWrite."""
    write_whole(path, key.model_dump_json(exclude_defaults=True) + "\n")


def sketch(array: np.ndarray) -> Sketch:
    """Cut an output down to eight projections on fixed random directions."""
    flat = np.asarray(array, "float64").ravel()
    with np.errstate(all="ignore"):
        norm = float(np.sqrt(np.mean(flat * flat))) if flat.size else 0.0
        generator = np.random.default_rng(zlib.crc32(repr(array.shape).encode()))
        directions = generator.standard_normal((8, flat.size)) / max(1, flat.size) ** 0.5
        projections = directions @ flat
    clean = np.nan_to_num(projections, nan=1e300, posinf=1e300, neginf=-1e300)
    return Sketch(
        shape=array.shape,
        kind=array.dtype.kind,
        norm=norm if np.isfinite(norm) else 1e300,
        projections=tuple(float(f"{p:.7g}") for p in clean),
    )


def sketches(observation: Observation) -> Sketches:
    """The sketches of all outputs of an observation, case by case."""
    return tuple(
        {mode: tuple(sketch(a.numpy()) for a in arrays) for mode, arrays in case.outputs.items()}
        for case in observation.cases
    )
