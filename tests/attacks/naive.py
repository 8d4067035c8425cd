"""A checker as most are: it runs a student's cell and the tests in one process, without a lock.

Every attack must succeed here, or it would show nothing. Run as `python naive.py JOBS RESULTS`: a
process that has imported Keras forks a grader for each attack, which forks the student's process.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import select
import signal
import sys
import tempfile
import time
import types

SCORE = bytearray(b"0" * 16)  # what an attack on the grader's memory is after


def reference(x):
    """The model answer, which lies in the memory of the student's process."""
    return 2 * x


def check(function):
    """Compare with the model answer; says what it expected."""
    for x in (21, 5):
        expected = reference(x)
        given = function(x)
        if not given == expected:
            raise ValueError(f"expected {expected}")
    return 2


def field(net):
    """How many pixels in a row an output of a net sees."""
    import numpy as np

    picture = np.zeros((1, 15, 15, 3), "float32")
    before = np.asarray(net(picture))[0, 7, 7]
    seen = []
    for column in range(15):
        poked = picture.copy()
        poked[0, 7, column] = 1
        seen.append(not np.array_equal(np.asarray(net(poked))[0, 7, 7], before))
    return sum(seen)


# How a course writes its tests; they run in the student's namespace and set `points`.
STYLES = {
    "plain": "assert double(21) == 42 and double(5) == 10\npoints = 2",
    "numpy": "from numpy.testing import assert_equal\nassert_equal(double(21), 42)\npoints = 2",
    "close": "assert abs(double(21) - 42) < 1e-9\npoints = 2",
    "typed": "assert isinstance(double(21), int) and double(21) == 42\npoints = 2",
    "helper": "points = check(double)",
    "module": "import checks\npoints = checks.check(double)",
    "measured": "import measuring\nassert measuring.field(see(7)) == 7\npoints = 4",
    "shapes": (
        "import keras\nx = keras.Input((5,))\ny = project(x, 3)\nassert y.shape == (None, 3)\n"
        "assert keras.Model(x, y).count_params() == 18\npoints = 4"
    ),
    "values": (
        "import keras, numpy as np\nx = keras.Input((5,))\nm = keras.Model(x, project(x, 3))\n"
        "w = [np.asarray(v) for v in m.weights]\na = np.ones((2, 5), 'float32')\n"
        "assert np.allclose(m(a), a @ w[0] + w[1])\npoints = 4"
    ),
}


def student(job: dict, pipe: int) -> None:
    """Run the cell, then the tests; send the points through the pipe."""
    os.chdir(job["folder"])
    sys.path.insert(0, "")
    os.environ.update(HOME=job["home"], GRADER_TOKEN="hidden")
    checks = types.ModuleType("checks")
    checks.check, checks.reference = check, reference  # type: ignore[attr-defined]
    sys.modules["checks"] = checks
    measuring = types.ModuleType("measuring")
    measuring.field = field  # type: ignore[attr-defined]
    sys.modules["measuring"] = measuring
    points = 0.0
    if job["style"] == "notebook":
        from IPython.core.interactiveshell import InteractiveShell

        shell = InteractiveShell()
        shell.run_cell(job["cell"])
        shell.run_cell(STYLES["plain"])
        points = shell.user_ns.get("points", 0)
    else:
        namespace = {"__name__": "__main__", "check": check}
        try:
            exec(job["cell"], namespace)
            exec(STYLES[job["style"]], namespace)
            points = namespace.get("points", 0)  # type: ignore[assignment]
        except BaseException as error:
            sys.stderr.write(f"{type(error).__name__}: {error}"[:300])
    line = pickle.dumps({"points": points}) if job["pickles"] else json.dumps({"points": points})
    os.write(pipe, line if isinstance(line, bytes) else line.encode())


def grade(job: dict, results: int) -> None:
    """The grader: believe what comes through the pipe first."""
    global SCORE
    here, there = os.pipe()
    output = tempfile.TemporaryFile()  # noqa: SIM115
    child = os.fork()
    if child == 0:
        os.setsid()
        os.close(results)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
        with contextlib.suppress(BaseException):
            student(job, there)
        os._exit(0)
    os.close(there)
    started, line = time.monotonic(), b""
    if select.select([here], [], [], job["patience"])[0]:
        line = os.read(here, 10_000)
    hung = time.monotonic() - started >= job["patience"]
    time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    points = 0.0
    with contextlib.suppress(Exception):
        found_points = pickle.loads(line) if job["pickles"] else json.loads(line.split(b"\n")[0])
        points = found_points["points"]
    output.seek(0, 2)
    found = {"name": job["name"], "points": points, "hung": hung, "printed": output.tell()}
    found["score"] = SCORE[:1].decode()
    output.seek(0)
    found["said"] = output.read(300).decode(errors="replace")
    os.write(results, json.dumps(found).encode() + b"\n")


def main() -> None:
    """Grade every job; one line of results each."""
    import IPython.core.interactiveshell  # noqa: F401
    import keras  # noqa: F401

    with open(sys.argv[1]) as file:
        jobs = json.load(file)
    results = os.open(sys.argv[2], os.O_WRONLY)
    for job in jobs:
        grader = os.fork()
        if grader == 0:
            grade(job, results)
            os._exit(0)
        _, status = os.waitpid(grader, 0)
        if status:
            os.write(results, json.dumps({"name": job["name"], "dead": True}).encode() + b"\n")
        sys.stdin.readline()  # until the trace of this one was looked at


if __name__ == "__main__":
    main()
