"""Attacks on the grader: each succeeds against a checker without a lock, and none against this.

The class is graded once with every attacker in it, honest students in between; then every
attack's trace is looked for.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numbers_exercise as numbers
import pytest
from attack_table import ATTACKS, Attack

from autograder.course.grade import grade_folder
from autograder.data.arguments import Input
from autograder.data.key import Key, Property, write_key
from autograder.data.limits import Limits
from autograder.running.doctor import findings
from autograder.running.workshop import Workshop
from autograder.setting.keymaking import make_key
from autograder.setting.task import Task, trial

HERE = Path(__file__).resolve().parent
MARK = f"attack-{os.getpid()}"
TIMEOUT = 8.0
HONEST = 5
RIGHT = "import keras\ndef project(x, units):\n    return keras.layers.Dense(units)(x)\n"
SEES = (
    "import keras\ndef see(target):\n    x = inputs = keras.Input((None, None, 3))\n"
    "    for _ in range(target // 2):\n        x = keras.layers.Conv2D(2, 3)(x)\n"
    "    return keras.Model(inputs, x)\n"
)
FULL = numbers.FULL + 8
LIMITS = Limits(memory=800 << 20)

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="the lock is Linux's"),
]


def project(x, units):
    import keras

    return keras.layers.Dense(units)(x)


def see(target):
    import keras

    x = inputs = keras.Input((None, None, 3))
    for _ in range(target // 2):
        x = keras.layers.Conv2D(2, 3)(x)
    return keras.Model(inputs, x)


def seen(target: int) -> list[Property]:
    size = [target, target]
    return [
        Property(part="output", fact="field", value=size, sentence="it must see {value}"),
        Property(
            part="output", fact="steps", value=[*size, 8], relation="adds up to",
            sentence="its convolutions do not add up to that",
        ),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def key() -> Key:
    """The exercise of numbers, a block, and a net judged by what it sees."""
    cases = [trial(x=Input((5,)), units=3), trial(x=Input((4,)), units=2)]
    block = Task("project", "block", 4, lambda generator: cases, project)
    nets = [trial((29, 30, 3), target=7), trial((29, 30, 3), target=9)]
    net = Task("see", "model", 4, lambda generator: nets, see, properties=seen)
    return make_key(numbers.EXERCISE, [*numbers.TASKS, block, net], 11)


def make_course(course: Path, key: Key) -> None:
    """Everything that lies about where a class is graded."""
    solutions = course / "solutions" / numbers.EXERCISE
    solutions.mkdir(parents=True)
    (solutions / "tasks.py").write_text("def double(x):\n    return 2 * x\n")
    write_key(key, course / "keys" / "private.json")
    with contextlib.closing(sqlite3.connect(course / "gradebook.db")) as base:
        base.execute("create table grades (student text, score real)")
        base.execute("insert into grades values ('honest1', 8)")
        base.commit()
    for number in range(HONEST):
        numbers.submit(
            course / "submitted", f"honest{number}", numbers.raw(project=RIGHT, see=SEES)
        )
    (course / "home").mkdir()
    for path in (course, *course.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)


@dataclass
class Target:
    """A course, and what listens and lives around it, ready to be attacked."""

    course: Path
    port: int
    sibling: subprocess.Popen
    heard: list[str] = field(default_factory=list)

    def filled(self, cell: str) -> str:
        """A cell with this target's places in it."""
        words = {
            "COURSE": self.course, "HOME": self.course / "home", "PORT": self.port, "MARK": MARK,
            "PYTHON": sys.executable, "SOCKET": self.course / "socket",
            "SIBLING": f"sibling-{MARK}",
        }  # fmt: skip
        for word, value in words.items():
            cell = cell.replace(f"@{word}@", str(value))
        return cell

    def hashes(self) -> dict[str, str]:
        """The contents of every file of the course."""
        return {
            str(path.relative_to(self.course)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.course.rglob("*"))
            if path.is_file() and not path.is_symlink()
        }

    def sleep_beside(self) -> None:
        """Start the neighbour that one attack is to end."""
        code = "import time; time.sleep(3000)"
        with open(self.course / "keys" / "private.json") as held:
            command = [sys.executable, "-c", code, f"sibling-{MARK}"]
            self.sibling = subprocess.Popen(command, stdin=held)


@contextlib.contextmanager
def target(course: Path, key: Key) -> Iterator[Target]:
    """A course with its listeners and its neighbour."""
    make_course(course, key)
    listeners = [socket.socket(), socket.socket(socket.AF_INET6)]
    listeners[0].bind(("127.0.0.1", 0))
    port = listeners[0].getsockname()[1]
    listeners[1].bind(("::1", port))
    for name in (f"\0{MARK}", str(course / "socket")):
        listeners.append(socket.socket(socket.AF_UNIX))
        listeners[-1].bind(name)
    (course / "socket").chmod(0o666)
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("127.0.0.1", port))
    made = Target(course, port, None)  # type: ignore[arg-type]
    made.sleep_beside()

    def listen(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                made.heard.append(str(listener.getsockname()))
                connection.settimeout(2)
                with connection, contextlib.suppress(OSError):
                    connection.recv(10)

    def receive() -> None:
        with contextlib.suppress(OSError):
            while datagrams.recv(100):
                made.heard.append("datagram")

    for listener in listeners:
        listener.listen()
        threading.Thread(target=listen, args=(listener,), daemon=True).start()
    threading.Thread(target=receive, daemon=True).start()
    try:
        yield made
    finally:
        made.sibling.kill()
        made.sibling.wait()
        for listener in (*listeners, datagrams):
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()


def survivors() -> list[int]:
    """Processes that an attack left behind."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if MARK.encode() in words:
                found.append(int(path.parent.name))
    return found


def end_survivors() -> None:
    for pid in survivors():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


# Without a lock


@pytest.fixture(scope="module")
def unlocked(key: Key, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What shows, attack by attack, that it came off against the naive checker."""
    folder = tmp_path_factory.mktemp("unlocked")
    shown: dict[str, str] = {}
    with target(folder / "course", key) as aim:
        jobs = [
            {
                "name": attack.name,
                "cell": aim.filled(attack.cell),
                "style": attack.style,
                "folder": str(folder),
                "home": str(aim.course / "home"),
                "pickles": "pickle" in attack.name,
                "patience": 2.0 if attack.evidence == "hung" else 20.0,
            }
            for attack in ATTACKS
        ]
        before = aim.hashes()
        attacks = {attack.name: attack for attack in ATTACKS}
        for attempt in ("first", "second"):
            # An attack on every descriptor hits the harness's own now and then: once more, then.
            left = [job for job in jobs if not shown.get(str(job["name"]))]
            place = folder / attempt
            place.mkdir()
            for name, result in run_naive(place, left, aim) if left else ():
                shown[name] = trace(attacks[name], result, aim, before)
                repair(aim, before, place)
    end_survivors()
    return shown


def run_naive(folder: Path, jobs: list[dict], aim: Target) -> Iterator[tuple[str, dict]]:
    """Run the naive checker; each result as it comes, before the next attack begins."""
    for job in jobs:
        job["folder"] = str(folder)
    (folder / "jobs.json").write_text(json.dumps(jobs))
    results = folder / "results"
    os.mkfifo(results)
    shutil.copytree(aim.course, folder / "whole", ignore=shutil.ignore_patterns("socket"))
    process = subprocess.Popen(
        [sys.executable, str(HERE / "naive.py"), str(folder / "jobs.json"), str(results)],
        env={**os.environ, "GRADER_TOKEN": "hidden", "CUDA_VISIBLE_DEVICES": "-1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    with open(results, "rb") as lines:
        for line in lines:
            result = json.loads(line)
            yield result["name"], result
            process.stdin.write(b"\n")
            process.stdin.flush()
    process.stdin.close()
    process.wait()


def trace(attack: Attack, result: dict[str, Any], aim: Target, before: dict[str, str]) -> str:
    """What shows that an attack came off; empty where nothing does."""
    kind, _, place = attack.evidence.partition(":")
    if kind == "points":
        full = 2 if attack.task == "double" else 4
        return "full points" if result.get("points", 0) >= full else ""
    if kind == "created":
        path = aim.course / place
        return f"{place} is there" if path.exists() or path.is_symlink() else ""
    if kind == "changed":
        return f"{place} is another" if aim.hashes().get(place) != before[place] else ""
    if kind == "survivor":
        return "it lives on" if survivors() else ""
    if kind == "killed":
        return "a neighbour is gone" if wait_for_end(aim.sibling) else ""
    if kind == "score":
        return "a score is another" if result.get("score") == "2" else ""
    if kind == "printed":
        return "megabytes" if result.get("printed", 0) > 50_000_000 else ""
    return kind if result.get(kind) else ""


def wait_for_end(process: subprocess.Popen) -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(0.2)
    return process.poll() is not None


def repair(aim: Target, before: dict[str, str], folder: Path) -> None:
    """Put the course back as it was."""
    end_survivors()
    if aim.sibling.poll() is not None:
        aim.sleep_beside()
    now = aim.hashes()
    for name in now.keys() - before.keys():
        (aim.course / name).unlink()
    for name, digest in before.items():
        if now.get(name) != digest:
            shutil.copy(folder / "whole" / name, aim.course / name)
    link = aim.course / "submitted" / "link"
    if link.is_symlink():
        link.unlink()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_without_a_lock_the_attack_succeeds(attack: Attack, unlocked: dict[str, str]):
    assert unlocked.get(attack.name), f"{attack.name} shows nothing"


# With it


@dataclass
class Graded:
    """The class after it was graded with all attackers in it."""

    rows: dict[str, dict[str, Any]]
    seconds: float
    created: set[str]
    changed: set[str]
    heard: list[str]
    survivors: list[int]
    neighbour_lives: bool
    children: list[str]
    pages: int


def student_name(attack: Attack) -> str:
    return "attacker " + attack.name.replace(":", "").replace("'", "")


@pytest.fixture(scope="module")
def graded(key: Key, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    missing = [one.name for one in findings() if one.needed and not one.there]
    if missing:
        pytest.skip(f"this machine does not give the whole lock: {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("locked")
    patch = pytest.MonkeyPatch()
    patch.setenv("GRADER_TOKEN", "hidden")
    with target(folder / "course", key) as aim:
        for attack in ATTACKS:
            content = numbers.raw(**{attack.task: aim.filled(attack.cell)})
            numbers.submit(aim.course / "submitted", student_name(attack), content)
        before = aim.hashes()
        out = folder / "out"
        start = time.monotonic()
        secrets = [aim.course, out]
        with Workshop(secrets, LIMITS, workers=2) as workshop:
            rows = grade_folder(aim.course / "submitted", key, out, 2, TIMEOUT, workshop=workshop)
            time.sleep(0.5)
            children = still_running(workshop)
        seconds = time.monotonic() - start
        after = aim.hashes()
        created = {
            str(path.relative_to(aim.course)) for path in aim.course.rglob("*")
            if path.is_symlink() or str(path.relative_to(aim.course)) in after.keys() - before
        }  # fmt: skip
        graded = Graded(
            rows={row["student"]: row for row in rows},
            seconds=seconds,
            created=created,
            changed={name for name in before if after.get(name) != before[name]},
            heard=aim.heard,
            survivors=survivors(),
            neighbour_lives=aim.sibling.poll() is None,
            children=children,
            pages=sum(path.stat().st_size for path in out.rglob("*") if path.is_file()),
        )
    patch.undo()
    end_survivors()
    return graded


def still_running(workshop: Workshop) -> list[str]:
    """Processes that live on in the warm process's namespace, itself left out."""
    assert workshop._process is not None
    found, rest = [], [workshop._process.pid]
    while rest:
        pid = rest.pop()
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
                found.append(" ".join(words[:3])[-60:])
            for task in os.listdir(f"/proc/{pid}/task"):
                children = Path(f"/proc/{pid}/task/{task}/children").read_text()
                rest += [int(number) for number in children.split()]
    return [name for name in found if "bwrap" not in name][1:]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_no_attack_gains_a_point(attack: Attack, graded: Graded):
    """Not for the attacked task; the others were answered rightly, and may count or not."""
    row = graded.rows[student_name(attack)]
    earned = row["tasks"][attack.task]
    allowed = 2.0 if attack.task == "see" else 0.0  # a map, and no parameters to count
    if attack.task == "project" and earned["verdict"] == "wrong":
        allowed = 2.0  # what an honest layer of that shape and size earns
    if attack.partly:
        allowed = earned["max_points"] - 0.01
    assert earned["points"] <= allowed, earned
    assert earned["verdict"] != "correct"
    assert row["score"] < FULL


def test_no_attack_costs_another_student_a_point(graded: Graded):
    honest = {name: row for name, row in graded.rows.items() if name.startswith("honest")}
    assert len(honest) == HONEST
    assert all(row["score"] == FULL for row in honest.values())
    assert all(row["status"] == "graded" for row in honest.values())
    assert len(graded.rows) == HONEST + len(ATTACKS)


def test_no_attack_reaches_a_file(graded: Graded):
    assert graded.created == set()
    assert graded.changed == set()
    assert graded.pages < 5_000_000


def test_no_attack_reaches_the_network(graded: Graded):
    assert graded.heard == []


def test_no_attack_outlives_its_run_or_ends_another(graded: Graded):
    assert graded.survivors == []
    assert graded.children == []
    assert graded.neighbour_lives


def test_only_those_that_hang_take_their_time(graded: Graded):
    hung = [name for name, row in graded.rows.items() if row["status"] == "timeout"]
    assert set(hung) >= {student_name(a) for a in ATTACKS if a.evidence == "hung"}
    assert max(row["seconds"] for row in graded.rows.values()) < 3 * TIMEOUT
