"""Says what isolation this machine gives, by trying it, and what is missing."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autograder.data.limits import Limits
from autograder.running import sandbox
from autograder.running.waiting import usable_cores


@dataclass(frozen=True)
class Finding:
    """One thing this machine has or lacks: what it is for, and how to get it."""

    name: str
    there: bool
    what: str
    needed: bool = True


def findings() -> list[Finding]:
    """All findings, the layers of the lock first. Takes under a second."""
    if sys.platform != "linux":
        words = f"{platform.system()} has none: grade others' work on Linux, or with --unsafe"
        return [Finding("isolation", False, words), *_machine()]
    return [
        _tried(
            "bubblewrap", _bubblewrap,
            "a read-only system without the class, keys, solutions and network",
            "install the package `bubblewrap`, and allow user namespaces where not run by root",
        ),
        _tried(
            "user namespaces", _in_child(sandbox.new_namespaces),
            "own processes, network and mounts for every submission",
            "they are switched off: see sysctl user.max_user_namespaces and "
            "kernel.apparmor_restrict_unprivileged_userns, or the container's settings",
        ),
        _tried(
            "private places", _in_child(sandbox.new_namespaces, _mounts),
            "an empty /tmp and /dev/shm for every submission",
            "mounts are refused inside of a user namespace",
        ),
        _tried(
            "Landlock", _in_child(sandbox.no_privileges, _landlock),
            f"files outside are out of reach (version {sandbox.landlock_version()})",
            "the kernel is older than 5.13 or has it switched off (boot option lsm=landlock,...)",
        ),
        _tried(
            "system call filter", _in_child(sandbox.refuse_calls),
            "no sockets, no tracing of other processes, no mounts",
            "the kernel has no seccomp filters, or this is no x86_64 or aarch64",
        ),
        _tried(
            "limits", _in_child(lambda: sandbox.limit(Limits())),
            "memory, processes, files and processor time are bounded", "setrlimit is refused",
        ),
        *_machine(),
    ]  # fmt: skip


def _tried(name: str, attempt: Callable[[], str | None], good: str, bad: str) -> Finding:
    problem = attempt()
    return Finding(name, problem is None, good if problem is None else f"{problem}: {bad}")


def _bubblewrap() -> str | None:
    try:
        command = [*sandbox.bubblewrap([]), "true"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return getattr(error, "strerror", None) or str(error)
    return None if done.returncode == 0 else done.stderr.strip()[:200] or "it fails"


def _mounts() -> None:
    if os.fork() == 0:
        try:
            sandbox.private_places(Limits())
        except OSError:
            os._exit(1)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.wait()[1]):
        raise sandbox.NoLock(1, "mounting failed")


def _landlock() -> None:
    sandbox.landlock([Path("/usr")], [])


def _in_child(*layers: Callable[[], object]) -> Callable[[], str | None]:
    """A trial of layers in a forked process, which as root becomes nobody first."""

    def attempt() -> str | None:
        here, there = os.pipe()
        if os.fork() == 0:
            try:
                sandbox.become_nobody()
                for layer in layers:
                    layer()
                os._exit(0)
            except BaseException as error:
                os.write(there, (str(error) or type(error).__name__).encode()[:500])
                os._exit(1)
        os.close(there)
        with os.fdopen(here, "rb") as pipe:
            said = pipe.read().decode(errors="replace")
        code = os.waitstatus_to_exitcode(os.wait()[1])
        return None if code == 0 else said or f"ended with {code}"

    return attempt


def _machine() -> list[Finding]:
    """What there is to compute with."""
    cores = usable_cores()
    gpu = shutil.which("nvidia-smi") is not None and Path("/dev/nvidiactl").exists()
    words = (
        "an NVIDIA driver is there: chapters can use the GPU; grading never does"
        if gpu
        else "none found: chapters run at their default scale on the processor"
    )
    return [
        Finding("processor", True, f"{cores} cores: grade with --workers {cores}", needed=False),
        Finding("accelerator", gpu, words, needed=False),
    ]
