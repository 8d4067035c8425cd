"""Runs notebooks in processes of their own and judges what comes back."""

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
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from autograder.data.key import Key, TaskKey
from autograder.data.limits import Limits
from autograder.data.observation import Observation
from autograder.data.values import KEPT, seeds_of
from autograder.judging.judge import Verdict, failed, judge, missing
from autograder.running import sandbox
from autograder.running.waiting import Allowance, Share, share_of, usable_cores

MOST_EXTRA = 16_000_000  # bytes an observation may have beyond a few times the expected one's
SLOWEST_START = 300.0
SLOWEST_FORK = 60.0
SLOWEST_END = 20.0
SLOWEST_ANSWER = 5.0
MOST_ASKED = 3  # at its check, after its last definition, and at the end
TRIES = 3
WHOLE_LOCK = ("namespaces", "places", "limits", "privileges", "landlock", "calls")
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "KERAS_BACKEND")


class CannotIsolate(Exception):
    """Others' work cannot be graded safely here; `str()` says what is missing and what to do."""


class WarmProcessGone(Exception):
    """The warm process ended or refused; another one may do."""


class _KeeperGone(WarmProcessGone):
    """A child's keeper ended before its child."""


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
        return _all_missing(key, "invalid", reply.problem)
    if reply.exercise not in (None, key.exercise):
        sentence = f"this is exercise {reply.exercise}, not {key.exercise}"
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


# The conversation with a child


def _untold() -> Share:
    """What a process had of the machine, where nobody can tell."""
    return Share()


class _Late(Exception):
    """The time is up."""


class _Broken(Exception):
    """The other side closed, flooded, or spoke out of turn; `str()` says which."""


class Conversation:
    """Lines in turns over a socket to a process that may be hostile, within a time limit."""

    def __init__(self, connection: socket.socket, seconds: float = SLOWEST_START) -> None:
        self.connection, self._rest = connection, b""
        self._allowance = Allowance(seconds, _untold)

    def allow(self, seconds: float, share: Callable[[], Share]) -> None:
        """From now on so many seconds; what the process waited for a core does not count."""
        self._allowance = Allowance(seconds, share)

    def _hurry(self) -> None:
        left = self._allowance.left()
        if not left:
            raise _Late
        self.connection.settimeout(left)

    def say(self, content: bytes) -> None:
        """Send bytes; nothing may have come unasked. Raises _Late or _Broken."""
        if self._rest:
            raise _Broken("sent something that was not asked for")
        rest = memoryview(content)
        while rest:
            self._hurry()
            try:
                rest = rest[self.connection.send(rest) :]
            except TimeoutError:
                continue
            except OSError:
                raise _Broken("") from None

    def hear(self, most: int) -> bytes:
        """Receive one line of at most `most` bytes. Raises _Late or _Broken."""
        chunks, size = [self._rest], len(self._rest)
        while b"\n" not in chunks[-1]:
            if size > most:
                raise _Broken("sent more than can be read")
            self._hurry()
            try:
                chunks.append(self.connection.recv(1 << 20))
            except TimeoutError:
                continue
            except OSError:
                raise _Broken("") from None
            if not chunks[-1]:
                raise _Broken("")
            size += len(chunks[-1])
        line, _, self._rest = b"".join(chunks).partition(b"\n")
        return line


def converse(
    talk: Conversation,
    raw: bytes,
    key: Key,
    timeout: float,
    look: Callable[[dict[str, Any]], None] = lambda head: None,
    share: Callable[[], Share] = _untold,
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
    except _Late:
        reply.timed_out = True
        where = f" (cell {cell} was the last to start)" if isinstance(cell, int) and cell else ""
        reply.ended = f"did not finish within {timeout:g} s{where}"
    except _Broken as broken:
        reply.ended = str(broken) or "ended its process before this task was reached"
    return reply


def _words(line: bytes) -> dict[str, Any]:
    """What a child says between observations. Raises _Broken where it is out of turn."""
    with contextlib.suppress(ValueError, RecursionError):
        said = json.loads(line)
        if isinstance(said, dict):
            return said
    raise _Broken("sent something that was not asked for")


def _ask(talk: Conversation, said: dict[str, Any], key: Key, reply: Reply) -> None:
    """Ask the question whose check the child says it has reached. Raises _Late or _Broken."""
    name = said.get("reached")
    if set(said) != {"reached"} or not isinstance(name, str) or name not in key.tasks:
        raise _Broken("sent something that was not asked for")
    reply.asked[name] = reply.asked.get(name, 0) + 1
    if reply.asked[name] > MOST_ASKED:
        raise _Broken("sent something that was not asked for")
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
        raise _Broken("sent something that is no observation") from None
    if observation.name != name:
        raise _Broken("sent something that was not asked for")
    return observation


# A process for one notebook, not locked in: one's own work


def reply_alone(raw: bytes, key: Key, timeout: float) -> Reply:
    """Run a notebook in a fresh process, which takes as long to start as Keras does."""
    ours, theirs = socket.socketpair()
    with ours, tempfile.TemporaryDirectory(prefix="autograder-") as folder:
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "autograder.running.child"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=folder,
                env=child_environment(folder),
                start_new_session=True,
            )
        try:
            share = partial(share_of, process.pid)
            return converse(Conversation(ours), raw, key, timeout, share=share)
        except _Late:
            return Reply(ended=f"could not be started within {SLOWEST_START:g} s")
        except _Broken:
            return Reply(ended="could not be started: its process ended at once")
        finally:
            _end(process)


def child_environment(home: str, workers: int = 1) -> dict[str, str]:
    """What a student's process may see of the environment: little, and nothing secret.

    The threads of several workers together are as many as there are processor cores.
    """
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    threads = str(max(1, usable_cores() // workers))
    return {
        **kept,
        "HOME": home,
        "TMPDIR": home,
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "MPLBACKEND": "Agg",
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": "1",
        "OMP_NUM_THREADS": "1",  # more would be started at the import, and survive no fork
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",  # memory that is given back, rather than kept for each thread
        "MALLOC_MMAP_THRESHOLD_": str(1 << 19),  # and by large arrays at once
        "TF_ONEDNN_USE_SYSTEM_ALLOCATOR": "1",  # which TensorFlow's own allocator never does
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _end(process: subprocess.Popen) -> None:
    """Wait a moment for a clean end, then kill the process and all that it started."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(0.5)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


# A warm process that forks a child a submission, locked in: others' work


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
            except (_Late, _Broken):
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
