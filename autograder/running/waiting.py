"""Time that counts: that in which a process waits for a core, which others have, is left out.

A time limit is there for what a student's code does. On a busy machine it stands in a queue for
much of the time, which Linux notes for each thread (`/proc/PID/task/TID/schedstat`): a limit that
counted it would take points for what others do. Sleeping counts, for that is the code's own doing.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

LEAST = 0.05  # seconds that are worth waiting for
MOST_TIMES = 5  # a limit's length that may pass by the clock on the wall, whatever was waited


def waited(pid: int | str = "self") -> float:
    """Seconds that a process stood in a queue for a core: those of its thread that stood longest.

    0 where the system does not tell, as all but Linux do not.
    """
    longest = 0
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError, ValueError, IndexError):  # it may have ended
                longest = max(longest, int((thread / "schedstat").read_text().split()[1]))
    return longest / 1e9


class Allowance:
    """A limit of `seconds` that count, from now on; `waiting` says how long the process waited."""

    def __init__(self, seconds: float, waiting: Callable[[], float] = waited) -> None:
        self.seconds, self._waiting = seconds, waiting
        self._start, self._before = time.monotonic(), waiting()
        self._look = self._start + seconds  # before which it cannot be up

    def used(self) -> float:
        """The seconds that count of those that have passed."""
        passed = time.monotonic() - self._start
        return passed - min(passed, max(0.0, self._waiting() - self._before))

    def left(self) -> float:
        """The seconds that may pass until the next look; 0 where the time is up."""
        now = time.monotonic()
        if now >= self._look:
            wall = self._start + MOST_TIMES * self.seconds - now
            left = min(self.seconds - self.used(), wall)
            if left < LEAST:
                return 0.0
            self._look = now + left
        return self._look - now
