"""A busy machine costs nobody points: what waits for a core that others have does not use up time.

Here four processes keep one core busy, and the answers have that core alone: each second of work
takes five by the clock on the wall.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numbers_exercise as numbers
import pytest

from autograder.running import waiting
from autograder.running.alone import reply_alone
from autograder.running.runner import grade_notebook
from autograder.running.waiting import MOST_TIMES, Allowance, Share, share_of
from autograder.running.workshop import Workshop

OTHERS = 4
SPIN = [sys.executable, "-c", "while True: pass"]
WORK = """import time
end = time.process_time() + 1.5
while time.process_time() < end:
    pass
"""
ENDLESS = "while True:\n    pass\n"
told = pytest.mark.skipif(
    not Path("/proc/self/schedstat").is_file(), reason="the system does not tell who waits"
)


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Processes that are started in this block have one core, all of them the same."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def busy() -> Iterator[None]:
    """While this lasts others have most of that core."""
    with one_core():
        others = [subprocess.Popen(SPIN, start_new_session=True) for _ in range(OTHERS)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


@pytest.fixture(scope="module")
def pinned() -> Iterator[Workshop]:
    """A warm process with one core, which has run one notebook."""
    with one_core():
        made = Workshop(unsafe=True).__enter__()
    try:
        assert grade_notebook(numbers.raw(), numbers.numbers_key(), 20, made).status == "graded"
        yield made
    finally:
        made.__exit__()


@told
def test_an_answer_that_waits_for_a_core_has_its_whole_time(pinned):
    """A second and a half of work, in which more than the limit of four goes by on the wall."""
    raw = numbers.raw(double=WORK + numbers.RIGHT["double"])
    with busy():
        start = time.monotonic()
        outcome = grade_notebook(raw, numbers.numbers_key(), 4.0, pinned)
        passed = time.monotonic() - start
    assert outcome.status == "graded", outcome
    assert passed > 4.0, "the machine was not busy"
    assert outcome.score == numbers.FULL


@told
def test_what_never_ends_ends_on_a_busy_machine_too(pinned):
    raw = numbers.raw(double=ENDLESS)
    with busy():
        start = time.monotonic()
        outcome = grade_notebook(raw, numbers.numbers_key(), 1.0, pinned)
        passed = time.monotonic() - start
    assert outcome.status == "timeout"
    assert outcome.score < numbers.FULL
    assert passed < 4 * MOST_TIMES


@told
@pytest.mark.slow
def test_one_s_own_work_is_given_its_time_too():
    raw = numbers.raw(double=WORK + numbers.RIGHT["double"])
    with one_core(), busy():
        reply = reply_alone(raw, numbers.numbers_key(), 4.0)
    assert not reply.ended
    assert set(reply.observations) == set(numbers.RIGHT)


@told
def test_how_long_a_process_waited_is_known_from_outside():
    with one_core():
        ours = subprocess.Popen(SPIN)
    try:
        with busy():
            time.sleep(2.0)
            had = share_of(ours.pid)
            assert 0.5 < had.waited < 2.0
            assert 0.1 < had.worked < 2.0
    finally:
        ours.kill()
        ours.wait()
    assert share_of(ours.pid) == Share(), "a process that is gone waits for nothing"


class Clock:
    """A clock on the wall, and what a process has waited and worked."""

    def __init__(self) -> None:
        self.wall, self.waited, self.worked = 100.0, 7.0, 3.0

    def share(self) -> Share:
        return Share(self.waited, self.worked)

    def monotonic(self) -> float:
        return self.wall

    def pass_(self, seconds: float, waiting: float = 0.0, work: float = 0.0) -> None:
        self.wall += seconds
        self.waited += waiting
        self.worked += work


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(waiting, "time", made)
    return made


def test_sleeping_counts_and_waiting_does_not(clock):
    allowance = Allowance(10, clock.share)
    assert allowance.left() == 10
    clock.pass_(6)
    assert (allowance.left(), allowance.used()) == (4, 6)
    clock.pass_(4, waiting=3)
    assert (allowance.left(), allowance.used()) == (3, 7)
    clock.pass_(3)
    assert allowance.left() == 0


def test_however_long_is_waited_there_is_an_end(clock):
    allowance = Allowance(10, clock.share)
    looks = 0
    while left := allowance.left():
        clock.pass_(left, waiting=left)
        looks += 1
    assert clock.wall == pytest.approx(100 + 10 * MOST_TIMES)
    assert looks < 3 * MOST_TIMES


def test_who_stands_behind_threads_of_its_own_has_no_more_time(clock, monkeypatch):
    monkeypatch.setattr(waiting, "usable_cores", lambda: 2)
    allowance = Allowance(10, clock.share)
    clock.pass_(10, waiting=9, work=20)
    assert (allowance.left(), allowance.used()) == (0, 10)


def test_what_threads_waited_together_is_no_more_than_what_has_passed(clock):
    allowance = Allowance(10, clock.share)
    clock.pass_(2, waiting=30)
    assert allowance.used() == 0
