"""A process for one notebook, not locked in: for one's own work."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from autograder.data.key import Key
from autograder.running.conversation import (
    SLOWEST_START,
    Broken,
    Conversation,
    Late,
    Reply,
    converse,
)
from autograder.running.waiting import share_of, usable_cores

KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "KERAS_BACKEND")


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
        except Late:
            return Reply(ended=f"could not be started within {SLOWEST_START:g} s")
        except Broken:
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
