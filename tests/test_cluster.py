"""A class graded on a Dask cluster gets what it gets on one machine."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numbers_exercise as numbers
import pytest
from distributed import LocalCluster
from test_grade import rows_of, without_time
from typer.testing import CliRunner

from autograder.cli import app, grade_folder
from autograder.course.cluster import Cluster
from autograder.course.grade import GradingProblem
from autograder.data.key import Key
from autograder.running.doctor import findings
from autograder.running.runner import Workshop

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
