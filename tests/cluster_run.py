"""A class graded on a Dask cluster of real processes, which are killed while it is graded.

Run as `python cluster_run.py FOLDER`: in network namespaces of their own where there is `ip` and
this is root, as machines have networks of their own; else on the loopback device. Prints one JSON
object: where the processes were, the grading's exit code, what it said and how far it was when.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numbers_exercise as numbers

CLASS = 10
SLOW = "import time\ntime.sleep(0.6)\n"
PLACES = ("scheduler", "first", "second")


class Machines:
    """Starts programs on "machines": network namespaces joined by a bridge, or this one."""

    def __init__(self) -> None:
        self.apart = os.geteuid() == 0 and shutil.which("ip") is not None and self._joined()
        self.address = "10.231.0.2" if self.apart else "127.0.0.1"
        self.running: list[subprocess.Popen] = []

    def _joined(self) -> bool:
        """Make a namespace a place, held by a sleeping process; whether that could be done."""
        self.holders: dict[str, subprocess.Popen] = {}
        commands = ["ip link set lo up", "ip link add bridge type bridge",
                    "ip addr add 10.231.0.1/24 dev bridge", "ip link set bridge up"]  # fmt: skip
        for number, place in enumerate(PLACES, start=2):
            holder = subprocess.Popen(["unshare", "-n", "sleep", "600"])
            self.holders[place] = holder
            time.sleep(0.3)
            inside = f"nsenter -t {holder.pid} -n"
            commands += [
                f"ip link add v{number} type veth peer name e{number}",
                f"ip link set v{number} master bridge up",
                f"ip link set e{number} netns {holder.pid}",
                f"{inside} ip addr add 10.231.0.{number}/24 dev e{number}",
                f"{inside} ip link set e{number} up",
                f"{inside} ip link set lo up",
            ]
        return all(subprocess.run(c.split(), capture_output=True).returncode == 0 for c in commands)

    def start(self, place: str, *arguments: str) -> subprocess.Popen:
        inside = ["nsenter", "-t", str(self.holders[place].pid), "-n"] if self.apart else []
        log = open(f"{place}.log", "a")  # noqa: SIM115
        made = subprocess.Popen(
            [*inside, sys.executable, "-m", *arguments], stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
        self.running.append(made)
        return made

    def end(self) -> None:
        for process in [*self.running, *getattr(self, "holders", {}).values()]:
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(what: Callable[[], bool], seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while not what():
        if time.monotonic() > until:
            raise TimeoutError(what.__name__)
        time.sleep(0.05)


def graded(folder: Path) -> int:
    """How many rows are written so far."""
    path = folder / "there" / "results.jsonl"
    return path.read_bytes().count(b"\n") if path.is_file() else 0


def main(folder: Path) -> None:
    numbers.make_project(folder)
    for number in range(CLASS):
        answer = f"{SLOW}def double(x):\n    return {number % 3} * x\n"
        numbers.submit(folder / "submitted", f"s{number}", numbers.raw(double=answer))
    os.chdir(folder)
    machines = Machines()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    address = f"tcp://{machines.address}:{port}"
    scheduler = ("distributed.cli.dask_scheduler", "--host", machines.address, "--port", port,
                 "--no-dashboard", "--no-jupyter")  # fmt: skip
    worker = ("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny",
              "--no-dashboard")  # fmt: skip
    reached = {}
    try:
        first = machines.start("scheduler", *scheduler)
        victim = machines.start("first", *worker)
        machines.start("second", *worker)
        time.sleep(2)
        grading = subprocess.Popen(
            [sys.executable, "-m", "autograder", "grade", "submitted", "--exercise",
             numbers.EXERCISE, "--out", "there", "--timeout", "20", "--cluster", address],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        machines.running.append(grading)

        def is_at(rows: int) -> Callable[[], bool]:
            return lambda: graded(folder) >= rows or grading.poll() is not None

        wait_for(is_at(2))
        reached["worker killed"] = graded(folder)
        os.kill(victim.pid, signal.SIGKILL)
        wait_for(is_at(5))
        reached["scheduler killed"] = graded(folder)
        os.kill(first.pid, signal.SIGKILL)
        time.sleep(2)
        machines.start("scheduler", *scheduler)
        for place in ("first", "second"):  # as a service manager starts them again
            machines.start(place, *worker)
        said, _ = grading.communicate(timeout=120)
        found = {"apart": machines.apart, "code": grading.returncode, "said": said}
        print(json.dumps({**found, "reached": reached}))
    finally:
        machines.end()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
