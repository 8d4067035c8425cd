"""Runs programs as `python -c` and `python -m` would, without the seconds that their imports take.

A process that has imported Keras, nbgrader and what else is not this project's own, and has run
nothing, is forked for each program. The project's own code is imported by each program anew, from
its own folder and PYTHONPATH; its environment, folder, files and process group are its own too. So
a program sees of it only that imports are quick, and that Keras's backend is chosen already: one
for another backend, or one that is asked what it imports, is to be started by `subprocess`.

Elsewhere than on Linux programs are started by `subprocess`.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

FOREIGN = (
    "keras", "matplotlib.pyplot", "IPython", "nbformat", "nbconvert", "nbgrader.apps", "pydantic",
    "typer", "jinja2", "sklearn", "skimage",
)  # fmt: skip
LARGEST = 1 << 17  # bytes of a request


class Program:
    """A program that runs: its process id and what it prints; it leads a process group."""

    def __init__(self, process: int | subprocess.Popen, stdout: IO[str] | None) -> None:
        self._process = process
        self.pid = process if isinstance(process, int) else process.pid
        self.stdout = stdout
        self._end = os.pidfd_open(process) if isinstance(process, int) else None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status. Raises subprocess.TimeoutExpired while it runs."""
        if isinstance(self._process, subprocess.Popen):
            return self._process.wait(timeout)
        if self._end is not None:
            if not select.select([self._end], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("a warm program", timeout or 0.0)
            os.close(self._end)
            self._end = None
            self._code = _server().ask({"reap": self.pid})["code"]
        return self._code

    def kill(self) -> None:
        """End it and all that it started in its group."""
        os.killpg(self.pid, signal.SIGKILL)
        self.wait()


def start(
    arguments: Sequence[str | Path], cwd: Path, env: Mapping[str, str] | None = None
) -> Program:
    """Start `python` with `arguments`; its standard output can be read while it runs."""
    if sys.platform != "linux":
        command = [sys.executable, *map(str, arguments)]
        process = subprocess.Popen(
            command, cwd=cwd, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        return Program(process, process.stdout)
    ours, theirs = os.pipe()
    try:
        pid = _server().start(arguments, cwd, env, theirs, 2)
    finally:
        os.close(theirs)
    return Program(pid, open(ours, encoding="utf-8"))


def run(
    arguments: Sequence[str | Path],
    cwd: Path,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
    together: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run `python` with `arguments`, and keep what it prints, its errors apart or `together`."""
    words = list(map(str, arguments))
    if sys.platform != "linux":
        errors = subprocess.STDOUT if together else subprocess.PIPE
        return subprocess.run(
            [sys.executable, *words], cwd=cwd, env=env, timeout=timeout, text=True, check=False,
            stdout=subprocess.PIPE, stderr=errors,
        )  # fmt: skip
    with tempfile.TemporaryFile("w+b") as out, tempfile.TemporaryFile("w+b") as err:
        errors = out if together else err
        pid = _server().start(words, cwd, env, out.fileno(), errors.fileno())
        program = Program(pid, None)
        try:
            code = program.wait(timeout)
        except subprocess.TimeoutExpired:
            program.kill()
            raise
        return subprocess.CompletedProcess(words, code, _text(out), _text(err))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8").replace("\r\n", "\n")


class _Server:
    """The warm process, as seen from a test."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._backend = os.environ.get("KERAS_BACKEND")
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=environment,
                stdin=subprocess.DEVNULL,
            )

    def start(
        self,
        arguments: Sequence[str | Path],
        cwd: Path,
        env: Mapping[str, str] | None,
        out: int,
        err: int,
    ) -> int:
        """Start a program; its process id."""
        environment = dict(os.environ if env is None else env)
        assert environment.get("KERAS_BACKEND") == self._backend, "Keras is imported already"
        request = {"arguments": list(map(str, arguments)), "cwd": str(cwd), "env": environment}
        return int(self.ask(request, [out, err])["pid"])

    def ask(self, request: dict[str, Any], files: Sequence[int] = ()) -> dict[str, Any]:
        message = json.dumps(request).encode()
        assert len(message) < LARGEST, "write so long a program into a file"
        socket.send_fds(self._socket, [message], files)
        answer = self._socket.recv(LARGEST)
        assert answer, "the warm process has ended"
        found: dict[str, Any] = json.loads(answer)
        return found

    def close(self) -> None:
        self._socket.close()
        self._process.wait()


_SERVERS: dict[int, _Server] = {}  # by the process that uses it


def _server() -> _Server:
    if os.getpid() not in _SERVERS:
        _SERVERS[os.getpid()] = server = _Server()
        atexit.register(server.close)
    return _SERVERS[os.getpid()]


# In the warm process


def serve(asked: socket.socket) -> None:
    """Start what is asked for, until the other side is closed."""
    for name in FOREIGN:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    while True:
        message, files, _, _ = socket.recv_fds(asked, LARGEST, 2)
        if not message:
            return
        request = json.loads(message)
        if "reap" in request:
            _, status = os.waitpid(request["reap"], 0)
            answer = {"code": os.waitstatus_to_exitcode(status)}
        else:
            pid = os.fork()
            if not pid:
                asked.close()
                become(request, files)
            answer = {"pid": pid}
        for file in files:
            os.close(file)
        asked.send(json.dumps(answer).encode())


def become(request: dict[str, Any], files: Sequence[int]) -> None:
    """Run a program in this process, and end it."""
    code = 1
    try:
        os.setsid()
        for target, file in enumerate(files, start=1):
            os.dup2(file, target)
        for file in files:
            if file > 2:
                os.close(file)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(  # noqa: SIM115
            2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False
        )
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["env"])
        own = [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place]
        kind, what, *rest = request["arguments"]
        sys.path[:0] = [os.getcwd() if kind == "-m" else "", *own]
        sys.argv = [kind, *rest]
        code = _ended(kind, what)
    finally:
        with contextlib.suppress(Exception):
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _ended(kind: str, what: str) -> int:
    """Run a module or a text; the exit status that `python` gives."""
    try:
        if kind == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            assert kind == "-c", kind
            sys.modules["__main__"] = main = types.ModuleType("__main__")
            exec(compile(what, "<string>", "exec"), main.__dict__)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return int(end.code or 0)
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
