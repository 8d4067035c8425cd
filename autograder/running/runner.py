"""Has a notebook run, and judges what comes back."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Protocol

from autograder.data.key import Key
from autograder.judging.judge import Verdict, failed, judge, missing
from autograder.running.alone import reply_alone
from autograder.running.conversation import Reply


@dataclass
class Outcome:
    """A graded notebook: its status, a verdict a task, and a sentence where something is off."""

    status: str
    verdicts: list[Verdict] = field(default_factory=list)
    seconds: float = 0.0
    message: str = ""

    @property
    def score(self) -> float:
        """The points of all tasks."""
        return round(sum(verdict.points for verdict in self.verdicts), 4)


class Runs(Protocol):
    """What runs notebooks: a workshop on this machine, or a cluster of them."""

    def reply(self, raw: bytes, key: Key, timeout: float) -> Reply:
        """Run a notebook and ask it every question of the key."""

    def stop(self) -> None:
        """End what is running now."""


def grade_notebook(
    raw: bytes | None, key: Key, timeout: float, workshop: Runs | None = None
) -> Outcome:
    """Grade one notebook given as bytes (None where there is no file). Never raises for it.

    Without a workshop it runs in a process of its own that is not locked in: for one's own work.
    """
    start = time.perf_counter()
    if raw is None:
        outcome = _all_missing(key, "missing", "there is no notebook")
    else:
        reply = workshop.reply(raw, key, timeout) if workshop else reply_alone(raw, key, timeout)
        outcome = _outcome(key, reply)
    outcome.seconds = round(time.perf_counter() - start, 3)
    return outcome


def _all_missing(key: Key, status: str, sentence: str) -> Outcome:
    verdicts = [missing(task, sentence) for task in key.tasks.values()]
    return Outcome(status, verdicts, message=sentence)


def _outcome(key: Key, reply: Reply) -> Outcome:
    if reply.problem:
        return _all_missing(key, "invalid", _plain(reply.problem))
    if reply.exercise not in (None, key.exercise):
        sentence = f"this is exercise {_plain(reply.exercise)[:100]}, not {key.exercise}"
        return _all_missing(key, "invalid", sentence)
    ended = f"the notebook {reply.ended}" if reply.ended else ""
    verdicts, late = [], reply.timed_out
    for name, task in key.tasks.items():
        observation = reply.observations.get(name)
        if observation is None:
            verdicts.append(failed(task, ended))
            continue
        late = late or "did not finish within" in (observation.message or "")
        verdicts.append(_printable(judge(task, observation)))
    status = "timeout" if late else "crashed" if reply.ended else "graded"
    return Outcome(status, verdicts, message=ended)


def _printable(verdict: Verdict) -> Verdict:
    """A verdict whose words, some of them the student's, hold nothing that a terminal obeys."""
    words = {
        "hint": _plain(verdict.hint),
        "details": tuple(map(_plain, verdict.details)),
        "remarks": tuple(map(_plain, verdict.remarks)),
    }
    return verdict.model_copy(update=words)


def _plain(text: str) -> str:
    """Text with a mark in place of every control character and change of direction."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in text)
