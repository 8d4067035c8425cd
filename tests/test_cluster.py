"""A class graded on a Dask cluster gets what it gets on one machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, cast

import numbers_exercise as numbers
import pytest
from cluster_run import CLASS
from distributed import LocalCluster
from distributed.client import FutureCancelledError
from test_grade import rows_of, without_time
from typer.testing import CliRunner

from autograder.cli import app
from autograder.course.cluster import Cluster, reply_on_worker
from autograder.course.grade import GradingProblem, grade_folder
from autograder.data.key import Key, package_version
from autograder.running.doctor import findings
from autograder.running.workshop import WarmProcessGone, Workshop

STUDENTS = {
    "ann": numbers.raw(),
    "bob": numbers.raw(double="def double(x):\n    return x * x\n"),
    "cat": b"PK not a notebook",
    "dan": numbers.raw(double="import os\nos._exit(3)"),
    "eve": numbers.raw(halves="def halves(image, factor=2):\n    raise ValueError('no')\n"),
}

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        any(one.needed and not one.there for one in findings()),
        reason="this machine does not give the whole lock",
    ),
]


@pytest.fixture(scope="module")
def cluster():
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as made:
        yield made


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = numbers.make_project(tmp_path_factory.mktemp("course"))
    for student, content in STUDENTS.items():
        numbers.submit(root / "submitted", student, content)
    return root


@pytest.fixture(scope="module")
def expected(course: Path, workshop: Workshop) -> list[dict[str, Any]]:
    key = numbers.numbers_key()
    out = course / "here"
    return without_time(grade_folder(course / "submitted", key, out, 2, 20, workshop=workshop))


def test_the_results_are_those_of_one_machine(
    cluster: LocalCluster, course: Path, expected: list, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(course)
    command = ["grade", "submitted", "--exercise", numbers.EXERCISE, "--out", "there"]
    command += ["--timeout", "20"]  # a row says under which limits it was made
    done = CliRunner().invoke(app, [*command, "--cluster", cluster.scheduler_address])
    assert done.exit_code == 0, done.output
    assert without_time(rows_of(course / "there" / "results.jsonl")) == expected


def test_a_worker_that_dies_takes_no_submission_along(
    cluster: LocalCluster, course: Path, expected: list
):
    victim = next(iter(cluster.workers.values()))
    timer = threading.Timer(0.3, os.kill, (victim.process.pid, signal.SIGKILL))
    key: Key = numbers.numbers_key()
    with Cluster(cluster.scheduler_address) as workshop:
        timer.start()
        out = course / "after_a_loss"
        rows = grade_folder(course / "submitted", key, out, 2, 20, workshop=workshop)
    timer.join()
    assert without_time(rows) == expected


def test_a_cluster_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("autograder.course.cluster.CONNECT_SECONDS", 1)
    start = time.monotonic()
    with pytest.raises(GradingProblem, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1 "):
        Cluster("tcp://127.0.0.1:1").__enter__()
    assert time.monotonic() - start < 30
    with pytest.raises(GradingProblem, match="no Dask scheduler answers at nonsense"):
        Cluster("nonsense://").__enter__()


def test_workers_without_this_version_are_refused(
    cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("autograder.course.cluster.package_version", lambda: "9.9")
    with pytest.raises(GradingProblem, match=r"has autograder .*, this is 9\.9"):
        Cluster(cluster.scheduler_address).__enter__()


# Processes that are killed


@pytest.mark.slow
def test_a_worker_and_the_scheduler_are_killed_and_nothing_is_lost_or_doubled(tmp_path: Path):
    """As a user has it: processes on machines of their own, the scheduler started again."""
    script = Path(__file__).with_name("cluster_run.py")
    command = [sys.executable, str(script), str(tmp_path)]
    if os.geteuid() == 0 and shutil.which("unshare"):
        command = ["unshare", "-n", *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["code"] == 0, found["said"]
    assert 2 <= found["reached"]["worker killed"] < found["reached"]["scheduler killed"] < CLASS
    rows = rows_of(tmp_path / "there" / "results.jsonl")
    assert [row["student"] for row in rows] == [f"s{number}" for number in range(CLASS)]
    assert [row["score"] for row in rows] == [8 if n % 3 == 2 else 6 for n in range(CLASS)]
    assert [row["status"] for row in rows] == ["graded"] * CLASS
    once = re.findall(r"^\d+/10 (s\d): graded$", found["said"], re.MULTILINE)
    assert sorted(once) == [f"s{number}" for number in range(CLASS)], "each is graded once"
    assert "is lost: waiting up to 120 s for it" in found["said"]
    assert "is there again" in found["said"]
    assert "Traceback" not in found["said"]


class LostOnce:
    """Stands in for a client whose scheduler goes away with the first job."""

    def __init__(self, lost: bool) -> None:
        self.lost = lost

    def nthreads(self) -> dict[str, int]:
        return {"tcp://worker": 1}

    def scatter(self, text: str, **options: Any) -> str:
        return text

    def submit(self, function: Any, *arguments: Any, **options: Any) -> Any:
        self.asked = arguments
        return self

    def result(self, timeout: float) -> Any:
        if self.lost:
            raise FutureCancelledError("job", "scheduler-connection-lost")
        reply = '{"observations": {}, "asked": {}, "ended": "came"}'
        return package_version(), "tcp://worker", reply, {}, ""

    def close(self, *arguments: Any, **options: Any) -> None:
        self.lost = True


class Answered:
    """Stands in for a job that is done."""

    def __init__(self, told: Any) -> None:
        self.told = told

    def result(self, timeout: float) -> Any:
        return self.told


def test_a_notebook_whose_scheduler_was_lost_is_sent_again(monkeypatch: pytest.MonkeyPatch):
    clients = [LostOnce(True), LostOnce(False)]
    said: list[str] = []
    cluster = Cluster("tcp://there:8786", say=said.append)
    monkeypatch.setattr(cluster, "_connected", lambda: clients.pop(0))
    cluster._client = cluster._connected()
    reply = cluster.reply(b"notebook", numbers.numbers_key(), 5)
    assert reply.ended == "came"
    assert clients == []
    assert [line.split(":")[0] for line in said[1:]] == ["the Dask scheduler is there again"]
    cluster.stop()
    with pytest.raises(WarmProcessGone, match="the grading was ended"):
        cluster.reply(b"notebook", numbers.numbers_key(), 5)


def test_a_scheduler_that_does_not_come_back_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("autograder.course.cluster.AGAIN_SECONDS", 0.2)
    cluster = Cluster("tcp://there:8786")
    cluster._client = cast(Any, LostOnce(True))

    def nobody() -> None:
        raise OSError("no")

    monkeypatch.setattr(cluster, "_connected", nobody)
    words = "was lost and did not come back within 0.2 s: start it and its workers, then run"
    with pytest.raises(WarmProcessGone, match=words):
        cluster.reply(b"notebook", numbers.numbers_key(), 5)


def test_a_cluster_left_without_workers_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("autograder.course.cluster.AGAIN_SECONDS", 0.2)
    cluster, client = Cluster("tcp://there:8786"), cast(Any, LostOnce(False))
    monkeypatch.setattr(client, "nthreads", dict)
    cluster._client = client
    with pytest.raises(WarmProcessGone, match=r"has had no worker for 0\.2 s: start some with"):
        cluster.reply(b"notebook", numbers.numbers_key(), 5)


def test_what_a_worker_lacks_is_said_and_not_taken_for_a_scheduler_that_is_lost(monkeypatch):
    def full(options: dict[str, Any]) -> None:
        raise OSError(28, "No space left on device")

    class Worker:
        address = "tcp://worker"

    monkeypatch.setattr("autograder.course.cluster._workshop", full)
    monkeypatch.setattr("distributed.get_worker", Worker)
    told = reply_on_worker(b"", "", 5, {})
    assert told[-1] == "OSError: No space left on device"
    cluster, client = Cluster("tcp://there:8786"), cast(Any, LostOnce(False))
    monkeypatch.setattr(client, "submit", lambda *_, **__: Answered(told))
    cluster._client = client
    with pytest.raises(WarmProcessGone, match=r"tcp://worker cannot run notebooks .*No space left"):
        cluster.reply(b"notebook", numbers.numbers_key(), 5)


def test_a_worker_of_another_version_that_joined_later_is_refused(monkeypatch: pytest.MonkeyPatch):
    cluster = Cluster("tcp://there:8786")
    cluster._client = cast(Any, LostOnce(False))
    monkeypatch.setattr("autograder.course.cluster.package_version", lambda: "9.9")
    with pytest.raises(GradingProblem, match=r"worker tcp://worker has autograder .*, this is 9.9"):
        cluster.reply(b"notebook", numbers.numbers_key(), 5)
