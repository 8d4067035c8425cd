"""The warm process: it has imported Keras and run nothing, and forks a child a submission.

Who talks to whom::

    grader --control--> warm process --fork--> keeper --fork--> child (the student's code)
       |_________________ connection, leash _________________|

The control socket carries jobs: a connection (to the child) and a leash (to the keeper), as open
descriptors. The keeper stays outside of its child's lock. It ends the child when the grader lets
the leash go or says so, when the child takes too much memory, and when the child ends: then all
that the child started. It says on the leash, when asked, what the child has had of the machine, and
at the end how it ended. Both are lines of JSON.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from autograder.data.limits import Limits
from autograder.data.values import stream
from autograder.running import sandbox
from autograder.running.child import serve, silence, warm_up
from autograder.running.waiting import share_of

LOOK = 0.1  # seconds between two looks at a child's memory
ROUGH = 1 << 29  # bytes; a child is born with most of that


def main() -> None:
    """Serve jobs from the control socket on standard input until it closes."""
    control = socket.socket(fileno=os.dup(0))
    if "--nobody" in sys.argv:
        sandbox.become_nobody()
    start = time.perf_counter()
    warm_up()
    import IPython.core.inputtransformer2  # noqa: F401

    silence()
    gc.collect()
    gc.freeze()
    threads = _threads()
    about = {"ready": os.getpid(), "threads": threads, "seconds": time.perf_counter() - start}
    control.send(json.dumps(about).encode())
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1 << 16, 2)
        _reap()
        if not message:
            return
        job = json.loads(message)
        if _threads() > threads:
            _refuse(descriptors, "the warm process has run something: it has threads")
            continue
        for seed in job["seeds"]:
            stream(seed)  # of NumPy's alone, and known to the child from what it is asked
        if os.fork() == 0:
            control.close()
            _keep(socket.socket(fileno=descriptors[0]), socket.socket(fileno=descriptors[1]), job)
        for descriptor in descriptors:
            os.close(descriptor)


def _threads() -> int:
    return len(os.listdir("/proc/self/task"))


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _refuse(descriptors: list[int], sentence: str) -> None:
    os.write(descriptors[1], json.dumps({"refused": sentence}).encode() + b"\n")
    for descriptor in descriptors:
        os.close(descriptor)


# The keeper


def _keep(connection: socket.socket, leash: socket.socket, job: dict[str, Any]) -> None:
    """Start the child, wait for its end, end what it left; never returns."""
    try:
        limits = Limits(**job["limits"])
        sandbox.prctl(sandbox.SET_DEATH_SIGNAL, signal.SIGKILL)
        sandbox.prctl(sandbox.SET_SUBREAPER, 1)
        about: dict[str, Any] = {"lock": []}
        if "namespaces" in job["lock"]:
            _try("namespaces", about, sandbox.new_namespaces)
        child = os.fork()
        if child == 0:
            leash.close()
            _be_the_child(connection, job, limits, about)
        connection.close()
        report = _watch(child, leash, limits)
        _end_the_rest()
        leash.sendall(json.dumps(report).encode() + b"\n")
    except BaseException as error:
        with contextlib.suppress(OSError):
            refused = {"refused": f"{type(error).__name__}: {error}"}
            leash.sendall(json.dumps(refused).encode() + b"\n")
    os._exit(0)


def _try(name: str, about: dict[str, Any], layer: Any, *arguments: Any) -> None:
    """Put a layer of the lock in place; `about` keeps what held and what did not, and why."""
    try:
        layer(*arguments)
        about["lock"].append(name)
    except OSError as error:
        about.setdefault("missing", {})[name] = str(error)


def _be_the_child(
    connection: socket.socket, job: dict[str, Any], limits: Limits, about: dict[str, Any]
) -> None:
    """Lock this process in and serve the submission; never returns."""
    try:
        sandbox.prctl(sandbox.SET_DEATH_SIGNAL, signal.SIGKILL)
        wanted = job["lock"]
        home = job["home"]
        if "namespaces" in about["lock"]:
            _try("places", about, sandbox.private_places, limits)
            home = "/tmp"
        os.environ.update(HOME=home, TMPDIR=home)
        os.chdir(home)
        if "limits" in wanted:
            _try("limits", about, sandbox.limit, limits)
        if "privileges" in wanted:
            _try("privileges", about, sandbox.no_privileges)
        if "landlock" in wanted:
            writable = [Path(home), Path("/dev/null")]
            if "places" in about["lock"]:
                writable.append(Path("/dev/shm"))
            read = [*sandbox.readable(), Path("/proc"), Path("/sys/devices/system/cpu")]
            read += [Path(f"/dev/{name}") for name in ("zero", "urandom", "random")]
            _try("landlock", about, sandbox.landlock, read, writable)
        if "calls" in wanted:
            _try("calls", about, sandbox.refuse_calls)
        serve(connection, about)
    except BaseException:
        os._exit(1)
    os._exit(0)


def _watch(child: int, leash: socket.socket, limits: Limits) -> dict[str, Any]:
    """Wait until the child ends or must be ended; say how it went."""
    ended = os.pidfd_open(child)
    reason = None
    while True:
        ready, _, _ = select.select([ended, leash.fileno()], [], [], LOOK)
        if leash.fileno() in ready:
            if leash.recv(1):
                had = share_of(*_family(child))
                leash.sendall(json.dumps(asdict(had)).encode() + b"\n")
                continue
            reason = "ended"
            break
        if ended in ready:
            break
        if _memory(child) > limits.memory:
            reason = "memory"
            break
    if reason:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    _, status, used = os.wait4(child, 0)
    return {
        "code": os.waitstatus_to_exitcode(status),
        "reason": reason,
        "cpu_seconds": used.ru_utime + used.ru_stime,
    }


def _memory(child: int) -> int:
    """Bytes that the child and all that it started hold for themselves.

    A fork counts what it shares with the warm process as its own; the exact sum is slow to get,
    and is asked for only where this rough one is too large.
    """
    family = _family(child)
    rough = sum(_sizes(pid, "status", "RssAnon", "RssShmem", "VmSwap") for pid in family)
    if rough < ROUGH:
        return 0
    exact = ("Private_Dirty", "Pss_Shmem", "Swap")
    return sum(_sizes(pid, "smaps_rollup", *exact) for pid in family)


def _sizes(pid: int, file: str, *names: str) -> int:
    """The sum of some sizes, in bytes, of a process that may be gone."""
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:
        return 0
    pairs = [line.partition(":") for line in lines]
    return 1024 * sum(int(value.split()[0]) for name, _, value in pairs if name in names)


def _family(pid: int) -> list[int]:
    """A process and its descendants, as /proc lists them."""
    found, rest = [], [pid]
    while rest:
        found.append(rest.pop())
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{found[-1]}/task"):
                text = Path(f"/proc/{found[-1]}/task/{task}/children").read_text()
                rest += [int(number) for number in text.split()]
    return found


def _end_the_rest() -> None:
    """End what the child left behind, where no process namespace did that already."""
    while True:
        rest = _family(os.getpid())[1:]
        for pid in rest:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, 0 if rest else os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return


if __name__ == "__main__":
    main()
