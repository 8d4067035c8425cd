"""Runs one student's notebook and answers questions about it, beside the student's code.

It talks over one socket, in turns, in lines of JSON::

    grader                                        this process
    {"bytes": n, "seconds": s, "tasks": [...]}, then n bytes  ->
                                              <-  {"exercise": ...} or {"problem": ...}
                                              <-  {"cell": k}, when it starts a cell
                                              <-  {"reached": task}, when its check is reached
    {"most": n, "question": ...}              ->
                                              <-  its observation, n bytes at most
                                              <-  {"ran": true}, when all is done

A question comes when the cells have run up to its check: a later cell, which may take a name again
or patch a library, does not touch an answer that is right. This process never sees a key.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from autograder.data.notebook import NotANotebook, read_notebook
from autograder.data.observation import Observation, Question
from autograder.running.cells import OutOfTime, Run, run_cells, text_of
from autograder.running.shell import Refused, be_in_a_notebook
from autograder.running.waiting import Allowance

TEXT_LIMIT = 600


@contextlib.contextmanager
def time_limit(what: str, seconds: float) -> Iterator[None]:
    """Raise OutOfTime inside the block after `seconds` that count; the grader ends what ignores it.

    Those in which this process waited for a core do not.
    """
    allowance = Allowance(seconds)

    def ring(signum: int, frame: object) -> None:
        left = allowance.left()
        if left > 0:
            signal.setitimer(signal.ITIMER_REAL, left)
            return
        raise OutOfTime(f"{what} did not finish within {round(seconds, 1):g} s")

    previous = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def serve(connection: socket.socket, about: dict[str, Any] | None = None) -> None:
    """Take a notebook, run it, answer questions until no more come.

    `about` says how this process is locked in; it goes out with the first line, before any of
    the student's code has run.
    """
    stream = connection.makefile("rb")
    head = json.loads(stream.readline())
    raw = stream.read(head["bytes"])
    seconds = float(head["seconds"])
    try:
        notebook = read_notebook(raw)
    except NotANotebook as error:
        _send(connection, {"problem": _short(str(error)), **(about or {})})
        return
    exercise = None if notebook.exercise is None else _short(notebook.exercise)
    _send(connection, {"exercise": exercise, **(about or {})})
    del raw

    def ask(name: str, run: Run) -> bool:
        _send(connection, {"reached": name})
        line = stream.readline()
        if not line:  # the grader has let go
            os._exit(0)
        asked = json.loads(line)
        observation = observe(run, Question.model_validate(asked["question"]), seconds)
        connection.sendall(_line(observation, asked["most"]))
        gc.collect()  # a network holds itself in circles, and the next one needs its memory
        return not _is_open(observation)

    run_cells(
        notebook,
        head["tasks"],
        ask,
        time_limit,
        seconds,
        lambda number: _send(connection, {"cell": number}),
    )
    _send(connection, {"ran": True})


def _is_open(observation: Observation) -> bool:
    """Whether an answer is not there yet, or needs what a later cell defines."""
    if observation.status in ("missing", "unfinished"):
        return True
    if any(case.problem_kind == "unfinished" for case in observation.cases):
        return True  # what it calls may be answered further down
    problems = [observation.message or "", *(case.problem or "" for case in observation.cases)]
    return any("NameError" in problem for problem in problems)


def _short(text: str) -> str:
    """Text from a notebook's metadata, cut short, without halves of characters."""
    return text[:200].encode("utf-8", "replace").decode()


def _send(connection: socket.socket, content: dict[str, Any]) -> None:
    connection.sendall(json.dumps(content).encode() + b"\n")


def _line(observation: Observation, most: int) -> bytes:
    """An observation as a line of at most `most` bytes."""
    # not model_dump_json: it writes NaN as null, and then it is none any more
    text = json.dumps(observation.model_dump(), ensure_ascii=False)
    line = text.encode("utf-8", "replace") + b"\n"  # an error's text may hold halves of characters
    if len(line) <= most:
        return line
    message = f"`{observation.name}` gives far more numbers than expected"
    return _line(Observation(name=observation.name, status="error", message=message), most)


def observe(run: Run, question: Question, seconds: float) -> Observation:
    """Observe one answer of a notebook that has run. Never raises for what the answer does."""
    name = question.name
    if name not in run.namespace:
        problem = run.problems.get(name)
        if problem:
            return Observation(name=name, status="error", message=problem)
        what = "answer" if question.kind == "value" else "function"
        message = f"the notebook defines no {what} `{name}`"
        if run.failures:
            message += f" ({run.failures[0]})"
        return Observation(name=name, status="missing", message=message[:TEXT_LIMIT])
    try:
        from autograder.probing.probe import probe

        with time_limit(f"`{name}`", seconds):
            observation = probe(run.namespace[name], question)
    except OutOfTime as late:
        return Observation(name=name, status="error", message=str(late))
    except BaseException as error:
        message = f"`{name}` ends with {type(error).__name__}: {text_of(error)}"
        return Observation(name=name, status="error", message=message)
    return _with_failures(observation, run)


def _with_failures(observation: Observation, run: Run) -> Observation:
    """Where an answer misses a name, say which cell failed to define it."""
    if not run.failures or not any("NameError" in (c.problem or "") for c in observation.cases):
        return observation
    cases = [
        case.model_copy(update={"problem": f"{case.problem}; before that, {run.failures[0]}"})
        if "NameError" in (case.problem or "")
        else case
        for case in observation.cases
    ]
    return observation.model_copy(update={"cases": tuple(cases)})


def silence() -> None:
    """Send what the student's code prints nowhere: megabytes of it must not fill a pipe."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    if nowhere > 2:
        os.close(nowhere)


def warm_up() -> None:
    """Import what answers and probes need, and run nothing of it.

    A process in which TensorFlow has run an operation cannot be forked: its children hang.
    """
    _without_answers()
    import keras
    import matplotlib.pyplot  # noqa: F401

    import autograder
    import autograder.probing.network
    import autograder.probing.probe

    be_in_a_notebook()
    del keras
    # A check in a notebook would cost time here, and has no key to look at; nor is there help.
    for name in autograder.__all__:
        setattr(autograder, name, lambda *arguments, **options: 0.0)


class _NoAnswers:
    """Refuses imports that would give answers away; Keras's own import gets an empty module."""

    REFUSED = ("convbook", "keras.applications", "keras.src.applications",
               "keras._tf_keras.keras.applications")  # fmt: skip

    def __init__(self) -> None:
        self.starting = True

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        from importlib.machinery import ModuleSpec

        if not any(name == refused or name.startswith(refused + ".") for refused in self.REFUSED):
            return None
        if self.starting and not name.startswith("convbook"):
            return ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]
        raise ImportError(f"{name} is not there while an exercise is graded")

    def create_module(self, spec: Any) -> None:
        """Take an ordinary module."""

    def exec_module(self, module: Any) -> None:
        """Leave the module empty, whatever is asked of it."""
        module.__getattr__ = lambda name: _absent(module.__name__, name)


def _absent(module: str, name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    raise Refused(f"{module}.{name} is not there while an exercise is graded")


def _without_answers() -> None:
    blocker = _NoAnswers()
    sys.meta_path.insert(0, blocker)  # type: ignore[arg-type]
    import keras

    blocker.starting = False
    for name in [name for name in sys.modules if name.startswith(_NoAnswers.REFUSED)]:
        del sys.modules[name]
    empty = ModuleType("keras.applications")
    blocker.exec_module(empty)
    for parent in (keras, getattr(keras, "src", None)):
        if parent is not None and hasattr(parent, "applications"):
            parent.applications = empty


def main() -> None:
    """Serve one notebook over the socket on standard input, in a process of its own."""
    connection = socket.socket(fileno=os.dup(0))
    silence()
    warm_up()
    serve(connection)
    connection.close()
    os._exit(0)  # whatever threads and exit handlers the student's code left behind


if __name__ == "__main__":
    main()
