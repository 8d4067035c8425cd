"""What the grading process and a child say to each other, in turns, over a socket."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from autograder.data.key import Key, TaskKey
from autograder.data.observation import Observation
from autograder.running.waiting import Allowance, Share

MOST_EXTRA = 16_000_000  # bytes an observation may have beyond a few times the expected one's
SLOWEST_START = 300.0
MOST_ASKED = 3  # at its check, after its last definition, and at the end


@dataclass
class Reply:
    """What came over the connection, and how it ended.

    `problem` says why the file could not be read as a notebook, `ended` why observations are
    missing, in words that follow "the notebook". `cpu_seconds` are the child's.
    """

    observations: dict[str, Observation] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    exercise: str | None = None
    problem: str | None = None
    ended: str | None = None
    timed_out: bool = False
    cpu_seconds: float | None = None


def untold() -> Share:
    """What a process had of the machine, where nobody can tell."""
    return Share()


class Late(Exception):
    """The time is up."""


class Broken(Exception):
    """The other side closed, flooded, or spoke out of turn; `str()` says which."""


class Conversation:
    """Lines in turns over a socket to a process that may be hostile, within a time limit."""

    def __init__(self, connection: socket.socket, seconds: float = SLOWEST_START) -> None:
        self.connection, self._rest = connection, b""
        self._allowance = Allowance(seconds, untold)

    def allow(self, seconds: float, share: Callable[[], Share]) -> None:
        """From now on so many seconds; what the process waited for a core does not count."""
        self._allowance = Allowance(seconds, share)

    def _hurry(self) -> None:
        left = self._allowance.left()
        if not left:
            raise Late
        self.connection.settimeout(left)

    def say(self, content: bytes) -> None:
        """Send bytes; nothing may have come unasked. Raises Late or Broken."""
        if self._rest:
            raise Broken("sent something that was not asked for")
        rest = memoryview(content)
        while rest:
            self._hurry()
            try:
                rest = rest[self.connection.send(rest) :]
            except TimeoutError:
                continue
            except OSError:
                raise Broken("") from None

    def hear(self, most: int) -> bytes:
        """Receive one line of at most `most` bytes. Raises Late or Broken."""
        chunks, size = [self._rest], len(self._rest)
        while b"\n" not in chunks[-1]:
            if size > most:
                raise Broken("sent more than can be read")
            self._hurry()
            try:
                chunks.append(self.connection.recv(1 << 20))
            except TimeoutError:
                continue
            except OSError:
                raise Broken("") from None
            if not chunks[-1]:
                raise Broken("")
            size += len(chunks[-1])
        line, _, self._rest = b"".join(chunks).partition(b"\n")
        return line


def converse(
    talk: Conversation,
    raw: bytes,
    key: Key,
    timeout: float,
    look: Callable[[dict[str, Any]], None] = lambda head: None,
    share: Callable[[], Share] = untold,
) -> Reply:
    """Hand over a notebook and ask every question of the key when its check is reached.

    `look` is shown the child's first line, which comes before any of the student's code has run.
    `share` says what the child has had of the machine.

    The time runs from when the child says that it is ready: importing Keras is not its student's.
    Nor is it when the child waits for a core of a busy machine.
    A step may take half of it, so that one endless answer leaves some for the others.
    """
    reply = Reply()
    order = {"bytes": len(raw), "seconds": timeout / 2, "tasks": list(key.tasks)}
    talk.say(json.dumps(order).encode() + b"\n")
    talk.say(raw)
    head = json.loads(talk.hear(10_000))
    look(head)
    reply.exercise, reply.problem = head.get("exercise"), head.get("problem")
    if reply.problem or reply.exercise not in (None, key.exercise):
        return reply
    talk.allow(timeout, share)
    cell = 0
    try:
        while (said := _words(talk.hear(10_000))) != {"ran": True}:
            if set(said) == {"cell"}:
                cell = said["cell"]
            else:
                _ask(talk, said, key, reply)
    except Late:
        reply.timed_out = True
        where = f" (cell {cell} was the last to start)" if isinstance(cell, int) and cell else ""
        reply.ended = f"did not finish within {timeout:g} s{where}"
    except Broken as broken:
        reply.ended = str(broken) or "ended its process before this task was reached"
    return reply


def _words(line: bytes) -> dict[str, Any]:
    """What a child says between observations. Raises Broken where it is out of turn."""
    with contextlib.suppress(ValueError, RecursionError):
        said = json.loads(line)
        if isinstance(said, dict):
            return said
    raise Broken("sent something that was not asked for")


def _ask(talk: Conversation, said: dict[str, Any], key: Key, reply: Reply) -> None:
    """Ask the question whose check the child says it has reached. Raises Late or Broken."""
    name = said.get("reached")
    if set(said) != {"reached"} or not isinstance(name, str) or name not in key.tasks:
        raise Broken("sent something that was not asked for")
    reply.asked[name] = reply.asked.get(name, 0) + 1
    if reply.asked[name] > MOST_ASKED:
        raise Broken("sent something that was not asked for")
    task = key.tasks[name]
    most = most_bytes(task)
    ask = {"most": most, "question": task.question.model_dump(mode="json")}
    talk.say(json.dumps(ask).encode() + b"\n")
    reply.observations[name] = _observation(talk.hear(most), name)


def most_bytes(task: TaskKey) -> int:
    """How long an answer's observation may be: enough for a wrong one of several times the size."""
    if task.value is not None:
        return MOST_EXTRA
    arrays = [a for case in task.answers[0].outputs for arrays in case.values() for a in arrays]
    return MOST_EXTRA + 8 * sum(len(array.data) for array in arrays)


def _observation(line: bytes, name: str) -> Observation:
    try:
        observation = Observation.model_validate_json(line)
    except ValidationError:
        raise Broken("sent something that is no observation") from None
    if observation.name != name:
        raise Broken("sent something that was not asked for")
    return observation
