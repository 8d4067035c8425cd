"""A warm process that forks a child a submission, locked in: for others' work."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from autograder.data.key import Key
from autograder.data.limits import Limits
from autograder.data.values import KEPT, seeds_of
from autograder.running import sandbox
from autograder.running.alone import child_environment
from autograder.running.conversation import (
    SLOWEST_START,
    Broken,
    Conversation,
    Late,
    Reply,
    converse,
)
from autograder.running.waiting import Share

SLOWEST_FORK = 60.0
SLOWEST_END = 20.0
SLOWEST_ANSWER = 5.0
TRIES = 3
WHOLE_LOCK = ("namespaces", "places", "limits", "privileges", "landlock", "calls")


class CannotIsolate(Exception):
    """Others' work cannot be graded safely here; `str()` says what is missing and what to do."""


class WarmProcessGone(Exception):
    """The warm process ended or refused; another one may do."""


class _KeeperGone(WarmProcessGone):
    """A child's keeper ended before its child."""


class Workshop:
    """A warm process and the way to have notebooks run by its children; use it in a `with`.

    `secrets` are files and folders that no child may see. `unsafe` takes whatever of the lock
    this machine gives, or nothing. Raises CannotIsolate otherwise, when something is missing.
    """

    def __init__(
        self,
        secrets: list[Path] | None = None,
        limits: Limits | None = None,
        workers: int = 1,
        unsafe: bool = False,
        lock: tuple[str, ...] = WHOLE_LOCK,
        wall: bool = True,
    ) -> None:
        self.secrets, self.limits, self.workers = secrets or [], limits or Limits(), workers
        self.unsafe, self.lock, self.wall = unsafe, lock, wall
        self.missing: dict[str, str] = {}
        self.warm: dict[str, Any] = {}
        self._stops = 0
        self._turn = threading.Lock()
        self._process: subprocess.Popen | None = None
        self._control: socket.socket | None = None
        # what a warm process that does not start says
        self._words = tempfile.TemporaryFile()  # noqa: SIM115
        self._folder = tempfile.TemporaryDirectory(prefix="autograder-", ignore_cleanup_errors=True)

    def __enter__(self) -> Workshop:
        """Start importing Keras; the first reply waits for it."""
        os.chmod(self._folder.name, 0o777)
        self._start()
        return self

    def __exit__(self, *problem: object) -> None:
        """End the warm process and all of its children."""
        self.stop()
        self._folder.cleanup()

    def stop(self) -> None:
        """End what is running now; replies under way raise WarmProcessGone."""
        self._stops += 1
        self._stop()

    def _start(self) -> None:
        """Start a warm process; it is ready when it says so."""
        command, home = [], self._folder.name
        if self.wall:
            try:
                command, home = sandbox.bubblewrap(self.secrets), "/tmp"
            except OSError as error:
                self._lacks("bubblewrap", str(error))
        command += [sys.executable, "-m", "autograder.running.forkserver"]
        if command[0] != sys.executable and os.getuid() == 0:
            command.append("--nobody")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._words.truncate(0)
        with theirs:
            self._process = subprocess.Popen(
                command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=self._words,
                cwd=self._folder.name,
                env=child_environment(home, self.workers),
                start_new_session=True,
            )
        self._control, self._home, self.warm = ours, home, {}

    def _lacks(self, layer: str, why: str) -> None:
        """Note a layer that is missing; go on only where that is allowed."""
        self.missing[layer] = why
        if not self.unsafe:
            raise CannotIsolate(
                f"this machine does not isolate a student's code ({layer}: {why}), so grading "
                "others' work is refused. `autograder doctor` says what is missing; --unsafe "
                "grades all the same, with your rights on your files"
            )

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = self._control = None

    def _ready(self) -> None:
        """Wait until the warm process has imported Keras. Raises WarmProcessGone."""
        if self._process is None or self._process.poll() is not None:
            self._stop()
            self._start()
        if self.warm:
            return
        assert self._control is not None
        assert self._process is not None
        self._control.settimeout(SLOWEST_START)
        try:
            message = self._control.recv(1 << 16)
        except OSError:
            message = b""
        if not message:
            self._stop()
            why = self._last_words() or "it could not be started"
            if self.wall and not self.missing:
                self._lacks("bubblewrap", why)
                self.wall = False
            raise WarmProcessGone(f"the process that imports Keras ended: {why}")
        self.warm = json.loads(message)

    def _last_words(self) -> str:
        """The last line that the warm process wrote before it ended."""
        self._words.seek(0)
        lines = self._words.read(1 << 20).decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    def reply(self, raw: bytes, key: Key, timeout: float) -> Reply:
        """Run a notebook in a child of the warm process; start that anew where it is gone.

        Raises CannotIsolate, and WarmProcessGone where no warm process can be had.
        """
        stops = self._stops
        for attempt in range(TRIES):
            try:
                return self._reply(raw, key, timeout)
            except _KeeperGone:
                if self._stops > stops:
                    raise
                if attempt == TRIES - 1:
                    return Reply(ended="took the process that watched it along, again and again")
            except WarmProcessGone:
                if attempt == TRIES - 1 or self._stops > stops:
                    raise
        raise AssertionError("not reached")

    def _reply(self, raw: bytes, key: Key, timeout: float) -> Reply:
        connection, leash = self._job(_seeds_of(key))
        with connection, leash:
            talk = Conversation(connection, SLOWEST_FORK)
            try:
                reply = converse(talk, raw, key, timeout, self._check_lock, leash.share)
            except (Late, Broken):
                report = leash.report()
                if "refused" in report:
                    with self._turn:
                        self._stop()
                raise _KeeperGone(report.get("refused", "a child did not start")) from None
            if not reply.ended or reply.timed_out:
                reply.cpu_seconds = leash.report().get("cpu_seconds")
                return reply
            report = leash.report(wait=True)
            if "code" not in report:  # not the student's doing: nobody was left to say how it ended
                raise _KeeperGone("the warm process ended")
            reply.ended = _how_it_ended(reply.ended, report, self.limits)
        return reply

    def _check_lock(self, head: dict[str, Any]) -> None:
        """See that the child said, before any of its student's code ran, that it is locked in."""
        for layer in self.lock:
            if layer not in head.get("lock", ()):
                why = head.get("missing", {}).get(layer, "not in place")
                self._lacks(layer, why)

    def _job(self, seeds: list[int]) -> tuple[socket.socket, _Leash]:
        """Have the warm process fork; the connection to the child and the keeper's leash."""
        connection, theirs = socket.socketpair()
        ours, end = socket.socketpair()
        leash = _Leash(ours)
        job = {
            "limits": asdict(self.limits),
            "lock": self.lock,
            "home": self._home,
            "seeds": seeds,
        }
        with theirs, end, self._turn:
            self._ready()
            assert self._control is not None
            try:
                socket.send_fds(
                    self._control, [json.dumps(job).encode()], [theirs.fileno(), end.fileno()]
                )
            except OSError as error:
                connection.close()
                leash.close()
                raise WarmProcessGone("the warm process ended") from error
        return connection, leash


def _seeds_of(key: Key) -> list[int]:
    """The seeds of the numbers that all children need, for the warm process to draw them once."""
    questions = [task.question for task in key.tasks.values()]
    seeds = [
        seed
        for question in questions
        for case in question.cases
        if case.plan is not None and not case.plan.counted
        for seed in seeds_of(case.plan, question.outputs)
    ]
    return list(dict.fromkeys(seeds))[:KEPT]


class _Leash:
    """The keeper's end of a child: what that had of the machine, and how it ended."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._heard = connection, b""

    def __enter__(self) -> _Leash:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go: the keeper ends its child."""
        self._connection.close()

    def share(self) -> Share:
        """What the child has had of the machine; nothing where its keeper says nothing."""
        before = self._heard.count(b"\n")
        with contextlib.suppress(OSError, ValueError, TypeError, IndexError):
            self._connection.settimeout(SLOWEST_ANSWER)
            self._connection.sendall(b"?")
            while self._heard.count(b"\n") == before and self._hear():
                pass
            return Share(**json.loads(self._heard.splitlines()[before]))
        return Share()

    def report(self, wait: bool = False) -> dict[str, Any]:
        """Have the child ended (after a moment where that is to end by itself); the last words."""
        with contextlib.suppress(OSError):
            if wait:
                self._connection.settimeout(1.0)
                with contextlib.suppress(TimeoutError):
                    self._hear()
            self._connection.shutdown(socket.SHUT_WR)
            self._connection.settimeout(SLOWEST_END)
            while self._hear():
                pass
        for line in self._heard.splitlines():
            with contextlib.suppress(ValueError):
                said = json.loads(line)
                if isinstance(said, dict) and "waited" not in said:
                    return said
        return {}

    def _hear(self) -> bool:
        """Hear some more; whether anything came."""
        heard = self._connection.recv(10_000)
        self._heard += heard
        return bool(heard)


def _how_it_ended(ended: str, report: dict[str, Any], limits: Limits) -> str:
    if report.get("reason") == "memory":
        return f"used more than {limits.memory >> 20:,} MB of memory"
    code = report.get("code")
    if isinstance(code, int) and code < 0 and ended.startswith("ended"):
        with contextlib.suppress(ValueError):
            return f"{ended} ({signal.Signals(-code).name})"
    return ended
