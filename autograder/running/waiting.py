"""Time that counts: that in which a process waits for a core, which others have, is left out.

A time limit is there for what a student's code does. On a busy machine it stands in a queue for
much of the time, which Linux notes for each thread (`/proc/PID/task/TID/schedstat`): a limit that
counted it would take points for what others do. Sleeping counts, for that is the code's own doing;
so does standing behind threads and processes of its own, which the time that these work tells.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LEAST = 0.05  # seconds that are worth waiting for
MOST_TIMES = 20  # a limit's length that may pass by the clock on the wall, whatever was waited


@dataclass(frozen=True)
class Share:
    """What a process had of a machine, in seconds, since it began: waited for a core, and worked.

    Waited is what its thread that stood longest did; worked is the sum of all.
    """

    waited: float = 0.0
    worked: float = 0.0


def usable_cores() -> int:
    """The processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share_of(pid: int | str = "self", *descendants: int) -> Share:
    """The share of a process, the work of these descendants and of those that ended included.

    0 where the system does not tell, as all but Linux do not.
    """
    return Share(_waited(pid), sum(map(_worked, (pid, *descendants))))


def _waited(pid: int | str) -> float:
    longest = 0
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError, ValueError, IndexError):  # it may have ended
                longest = max(longest, int((thread / "schedstat").read_text().split()[1]))
    return longest / 1e9


def _worked(pid: int | str) -> float:
    with contextlib.suppress(OSError, ValueError):
        # Behind its name, which may hold anything: user and system time, then those of children.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return 0.0


class Allowance:
    """A limit of `seconds` that count, from now on; `share` tells of the process it is for."""

    def __init__(self, seconds: float, share: Callable[[], Share] = share_of) -> None:
        self.seconds, self._share = seconds, share
        self._start, self._before = time.monotonic(), share()
        self._look = self._start + seconds  # before which it cannot be up

    def used(self) -> float:
        """The seconds that count of those that have passed."""
        passed, now = time.monotonic() - self._start, self._share()
        awake = passed - max(0.0, now.waited - self._before.waited)
        worked = (now.worked - self._before.worked) / usable_cores()
        return min(passed, max(awake, worked, 0.0))

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
