"""A class is graded whatever its students hand in: a row each, and nothing is lost."""

from __future__ import annotations

import csv
import errno
import json
import os
import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numbers_exercise as numbers
import pytest
import warm

from autograder.course.grade import GradingProblem, Results, grade_folder
from autograder.data.files import CannotWrite
from autograder.data.key import Key
from autograder.running import conversation
from autograder.running.waiting import Allowance, Share
from autograder.running.workshop import Workshop

Row = dict[str, Any]


@pytest.fixture(scope="module")
def key() -> Key:
    return numbers.numbers_key()


def rows_of(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def points(row: Row) -> dict[str, float]:
    return {name: entry["points"] for name, entry in row["tasks"].items()}


# What students hand in. Each gets a row of its own: status, points of the three tasks, and words
# that must stand in the row.
ENDLESS = "def double(x):\n    while True:\n        pass\n"
STUBBORN = """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
"""
LAST = (0, 4, 2)  # `double` wrong, the others right
HAND_INS: dict[str, tuple[bytes | None, str, tuple[float, float, float], str]] = {
    "right": (numbers.raw(), "graded", (2, 4, 2), ""),
    "empty": (b"", "invalid", (0, 0, 0), "the file is empty"),
    "not-json": (b"PK\x03\x04", "invalid", (0, 0, 0), "not JSON"),
    "no-cells": (b'{"a": 1}', "invalid", (0, 0, 0), "has no cells"),
    "nothing": (None, "missing", (0, 0, 0), "there is no file"),
    "other-exercise": (
        numbers.raw(numbers.notebook(autograder={"exercise": "02_letters"})),
        "invalid", (0, 0, 0), "this is exercise 02_letters, not 01_numbers",
    ),
    "old-sheet-without-a-list": (
        b'{"worksheets": [{"cells": 5}], "metadata": {}}',
        "graded", (0, 0, 0), "defines no function `double`",
    ),
    "half-a-character": (
        numbers.raw(double="def double(x):  # \ud83d\n    return 2 * x"),
        "graded", LAST, "UnicodeEncodeError",
    ),
    "clears-the-screen": (
        numbers.raw(numbers.notebook(autograder={"exercise": "\x1b[2J\u2028x"})),
        "invalid", (0, 0, 0), "this is exercise \ufffd[2J x, not 01_numbers",
    ),
    "no-name": (numbers.raw({**numbers.notebook(), "metadata": {}}), "graded", (2, 4, 2), ""),
    "lacks": (numbers.raw(double="y = 1"), "graded", LAST, "defines no function `double`"),
    "no-function": (numbers.raw(double="double = 3"), "graded", LAST, "is not a function"),
    "signature": (
        numbers.raw(double="def double(): return 1"), "graded", LAST, "must take (x)",
    ),
    "order": (
        numbers.raw(halves="def halves(factor, image): return image / factor"),
        "graded", (2, 0, 2), "in this order",
    ),
    "wrong-type": (
        numbers.raw(double="def double(x): return str(2 * x)"), "graded", LAST, "returns str",
    ),
    "returns-nothing": (
        numbers.raw(double="def double(x): 2 * x"), "graded", LAST, "is the `return` missing",
    ),
    "one-of-two": (
        numbers.raw(ends="def ends(x): return x[0]"), "graded", (2, 4, 0), "must return 2 values",
    ),
    "raises": (
        numbers.raw(double="def double(x): return 1 / 0"), "graded", LAST, "ZeroDivisionError",
    ),
    "raises-base": (
        numbers.raw(double="def double(x): raise KeyboardInterrupt"), "graded", LAST,
        "KeyboardInterrupt",
    ),
    "recursion": (
        numbers.raw(double="def double(x): return double(x)"), "graded", LAST, "RecursionError",
    ),
    "stub": (
        numbers.raw(double="def double(x): raise NotImplementedError"), "graded", LAST,
        "not answered yet",
    ),
    "syntax": (numbers.raw(double="def double(x) return"), "graded", LAST, "syntax error"),
    "known-mistake": (
        numbers.raw(double="def double(x): return x * x"), "graded", LAST, "this is the square",
    ),
    "nan": (
        numbers.raw(double="def double(x): return float('nan')"), "graded", LAST, "not finite",
    ),
    "half": (
        numbers.raw(halves="def halves(image, factor=2): return image * factor"),
        "graded", (2, 1, 2), "",
    ),
    "prints": (
        numbers.raw(double="print('x' * 30_000_000)\ndef double(x):\n"
                    "    print('y' * 9_000_000)\n    return 2 * x"),
        "graded", (2, 4, 2), "",
    ),
    "warns": (
        numbers.raw(double="import sys, warnings\ndef double(x):\n    warnings.warn('w')\n"
                    "    print('e', file=sys.stderr)\n    return 2 * x"),
        "graded", (2, 4, 2), "",
    ),
    "exits": (numbers.raw(double="exit()\n"), "graded", LAST, "exits the process"),
    "exits-in-function": (
        numbers.raw(double="import sys\ndef double(x): sys.exit(0)"), "graded", LAST, "SystemExit",
    ),
    "exits-hard": (
        numbers.raw(ends="import os\ndef ends(x): os._exit(0)"), "crashed", (2, 4, 0),
        "ended its process",
    ),
    "exits-at-once": (numbers.raw(double="import os; os._exit(0)"), "crashed", (0, 0, 0),
                      "ended its process"),
    "segfault": (
        numbers.raw(ends="import ctypes\ndef ends(x): ctypes.string_at(0)"), "crashed", (2, 4, 0),
        "SIGSEGV",
    ),
    "huge-answer": (
        numbers.raw(halves="def halves(image, factor=2): return np.zeros((3, 600_000))"),
        "graded", (2, 0, 2), "far more numbers than expected",
    ),
    "endless": (numbers.raw(double=ENDLESS), "timeout", LAST, "`double` did not finish within"),
    "endless-cell": (
        numbers.raw(double="while True: pass"), "timeout", LAST, "did not finish within 3 s",
    ),
    "stubborn": (numbers.raw(double=STUBBORN), "timeout", (0, 0, 0), "did not finish within"),
    "sleeps": (
        numbers.raw(ends="import time\ndef ends(x): time.sleep(100)"), "timeout", (2, 4, 0),
        "did not finish within",
    ),
    "bom": (b"\xef\xbb\xbf" + numbers.raw(), "graded", (2, 4, 2), ""),
    "crlf": (
        json.dumps(numbers.notebook(), indent=1).replace("\n", "\r\n").encode(), "graded",
        (2, 4, 2), "",
    ),
    "latin-1": (
        json.dumps(numbers.notebook([numbers.code("s = '\u00e9'"), *numbers.cells()]),
                   ensure_ascii=False).encode("latin-1"),
        "graded", (2, 4, 2), "",
    ),
    "minor-99": (numbers.raw({**numbers.notebook(), "nbformat_minor": 99}), "graded", (2, 4, 2),
                 ""),
    "nbformat-3": (
        numbers.raw({"nbformat": 3, "metadata": {}, "worksheets": [
            {"cells": [{**cell, "input": cell["source"]} for cell in numbers.cells()]}]}),
        "graded", (2, 4, 2), "",
    ),
    "nbformat-5": (numbers.raw({**numbers.notebook(), "nbformat": 5}), "graded", (2, 4, 2), ""),
    "stripped": (
        numbers.raw(numbers.notebook([
            {**cell, "metadata": {}} for cell in numbers.cells()])), "graded", (2, 4, 2), "",
    ),
    "tests-twice": (
        numbers.raw(numbers.notebook([*numbers.cells(), *numbers.cells()])), "graded", (2, 4, 2),
        "",
    ),
    "tests-gone": (
        numbers.raw(numbers.notebook([c for c in numbers.cells()
                                      if not c["metadata"].get("nbgrader", {}).get("grade")])),
        "graded", (2, 4, 2), "",
    ),
    "tests-moved": (
        numbers.raw(numbers.notebook(numbers.cells()[::-1])), "graded", (2, 4, 2), "",
    ),
    "points-changed": (
        numbers.raw(numbers.notebook([
            {**cell, "metadata": {"nbgrader": {**cell["metadata"].get("nbgrader", {}),
                                               "points": 1000}}}
            for cell in numbers.cells(double="def double(x): return 0")])),
        "graded", LAST, "",
    ),
    "test-gives-points": (
        numbers.raw(numbers.notebook([
            *numbers.cells(double="def double(x): return 0"),
            numbers.check_cell("double", "1000")])),
        "graded", LAST, "",
    ),
    "huge-outputs": (
        numbers.raw(numbers.notebook([{**cell, "outputs": [
            {"output_type": "stream", "name": "stdout", "text": "z" * 8_000_000}]}
            for cell in numbers.cells()])),
        "graded", (2, 4, 2), "",
    ),
    "half-characters": (
        numbers.raw(double="def double(x): raise ValueError('\\ud800 here')"), "graded", LAST,
        "? here",
    ),
    "half-a-name": (
        numbers.raw(numbers.notebook(autograder={"exercise": "\ud800" * 400})), "invalid",
        (0, 0, 0), "this is exercise ???",
    ),
    "escapes": (
        numbers.raw(double="def double(x): raise ValueError('\\x1b[2J\\u202egone')"), "graded",
        LAST, "\ufffd[2J\ufffdgone",
    ),
    "script": (
        numbers.raw(double="def double(x): raise ValueError('<script>alert(1)</script>')"),
        "graded", LAST, "<script>",
    ),
    "huge-cell": (
        numbers.raw(double="x = '" + "a" * 3_000_000 + "'\n" + numbers.RIGHT["double"]), "graded",
        (2, 4, 2), "",
    ),
}  # fmt: skip
TIMEOUT = 6.0


class Noted(Allowance):
    """Notes at each look the seconds that count, and what the process has worked by then."""

    made: ClassVar[list[Noted]] = []

    def __init__(self, seconds: float, share: Callable[[], Share]) -> None:
        self.counted, self._last = 0.0, Share()

        def heard() -> Share:
            """What was told last: of a process that has ended nothing is."""
            self._last = now if (now := share()) != Share() else self._last
            return self._last

        super().__init__(seconds, heard)
        self.made.append(self)

    def left(self) -> float:
        self.counted = self.used()
        return super().left()

    @property
    def worked(self) -> float:
        return self._last.worked


@pytest.fixture(scope="module")
def graded(key: Key, workshop: Workshop, tmp_path_factory: pytest.TempPathFactory):
    """The whole class, graded once: its folder, the rows by student, what each run was allowed."""
    folder = tmp_path_factory.mktemp("class")
    for student, (content, *_) in HAND_INS.items():
        if content is None:
            (folder / "submitted" / student / numbers.EXERCISE).mkdir(parents=True)
        else:
            numbers.submit(folder / "submitted", student, content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversation, "Allowance", Noted)
        rows = grade_folder(
            folder / "submitted", key, folder / "out", 2, TIMEOUT, workshop=workshop
        )
    return folder, {row["student"]: row for row in rows}, Noted.made


@pytest.mark.parametrize("student", HAND_INS)
def test_every_kind_of_hand_in_gets_its_row(graded, student: str):
    _, status, expected, words = HAND_INS[student]
    row = graded[1][student]
    assert row["status"] == status, row
    assert tuple(points(row).values()) == expected, row
    assert row["score"] == sum(expected)
    assert words in json.dumps(row, ensure_ascii=False)
    assert row["max_score"] == numbers.FULL


def test_what_a_student_wrote_ends_no_line_of_the_results_and_clears_no_screen(graded):
    text = (graded[0] / "out" / "results.jsonl").read_text("utf-8")
    assert len(text.splitlines()) == len(HAND_INS)
    assert "\x1b" not in text


def test_a_name_that_is_no_text_is_graded_with_a_mark_in_it(key, workshop, tmp_path):
    numbers.submit(tmp_path / "submitted", "ann", numbers.raw())
    path = tmp_path / "submitted" / "ann" / numbers.EXERCISE
    try:
        os.rename(path / f"{numbers.EXERCISE}.ipynb", os.fsencode(path) + b"/mine-\xff.ipynb")
    except OSError:
        pytest.skip("this file system takes no such name")
    [row] = grade_folder(
        tmp_path / "submitted", key, tmp_path / "out", 1, TIMEOUT, workshop=workshop
    )
    assert row["score"] == numbers.FULL
    assert row["message"].startswith("graded mine-\ufffd.ipynb")
    [kept] = rows_of(tmp_path / "out" / "results.jsonl")
    assert kept == row


def test_a_second_grading_that_is_refused_leaves_the_record_of_the_first(key, tmp_path):
    numbers.submit(tmp_path / "submitted", "ann", numbers.raw())
    began: list[int] = []
    with (
        Results(tmp_path / "out"),
        pytest.raises(GradingProblem, match="another grading writes"),
    ):
        grade_folder(
            tmp_path / "submitted", key, tmp_path / "out", 1, TIMEOUT,
            workshop=Workshop(), begun=lambda: began.append(1),
        )  # fmt: skip
    assert not began


def test_rows_carry_what_the_contract_names(graded):
    row = graded[1]["half"]
    assert {"student", "exercise", "status", "score", "max_score", "seconds", "tasks"} <= set(row)
    entry = row["tasks"]["halves"]
    assert entry["verdict"] == "wrong"
    assert entry["checks"] == {"shape": True, "output": False}
    assert entry["hint"]


def test_the_results_the_table_and_the_pages_agree(graded):
    folder, rows, _ = graded
    out = folder / "out"
    assert [row["student"] for row in rows_of(out / "results.jsonl")] == sorted(HAND_INS)
    with open(out / "grades.csv", newline="", encoding="utf-8-sig") as file:
        table = {line["student"]: line for line in csv.DictReader(file)}
    assert {s: float(line["score"]) for s, line in table.items()} == {
        s: row["score"] for s, row in rows.items()
    }
    for student in HAND_INS:
        assert (out / "pages" / f"{student}.html").is_file()
    page = (out / "index.html").read_text("utf-8").replace("<wbr>", "")  # where a name may break
    assert all(f">{student}<" in page for student in HAND_INS)


def test_what_a_student_wrote_is_text_on_the_pages(graded):
    out = graded[0] / "out"
    page = (out / "pages" / "script.html").read_text("utf-8")
    assert "alert(1)" in page
    assert "<script>" not in page + (out / "index.html").read_text("utf-8")


def test_endless_answers_cost_their_own_time_only(graded):
    """By the seconds that count, of which a busy machine takes none, however long it takes."""
    rows, allowances = graded[1], [one for one in graded[2] if one.seconds == TIMEOUT]
    late = [row for row in rows.values() if row["status"] == "timeout"]
    assert len(late) == 4
    assert len(allowances) >= len(late)
    # A step has half of the limit; what ends no step by itself has all of it. How much of it a look
    # found gone differs, for there is none after a child that ended itself.
    assert 0.9 * TIMEOUT / 2 < max(one.counted for one in allowances) < 2 * TIMEOUT
    assert max(one.worked for one in allowances) < 2 * TIMEOUT


def test_graded_again_it_is_the_same_and_nothing_runs(graded, key: Key):
    folder, rows, _ = graded
    before = (folder / "out" / "results.jsonl").read_bytes()
    again = grade_folder(folder / "submitted", key, folder / "out", 2, TIMEOUT, workshop=NEVER)
    assert {row["student"]: row for row in again} == rows
    assert (folder / "out" / "results.jsonl").read_bytes() == before


class Never(Workshop):
    """A workshop in which nothing may be run."""

    def reply(self, *arguments: Any, **options: Any) -> Any:
        raise AssertionError("a notebook was run again")


NEVER = Never()


# Going on


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A class of six."""
    for number in range(6):
        content = numbers.raw(double=f"def double(x): return {number % 3} * x")
        numbers.submit(tmp_path / "submitted", f"s{number}", content)
    return tmp_path


def without_time(rows: list[Row]) -> list[Row]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def test_only_what_changed_is_graded_again(small: Path, key: Key, workshop: Workshop):
    folder, out = small / "submitted", small / "out"
    grade_folder(folder, key, out, 2, 20, workshop=workshop)
    numbers.submit(folder, "s0", numbers.raw())
    seen: list[str] = []

    class Counting(Workshop):
        def reply(self, raw: bytes, *arguments: Any) -> Any:
            seen.append("run")
            return workshop.reply(raw, *arguments)

    rows = grade_folder(folder, key, out, 2, 20, workshop=Counting())
    assert len(seen) == 1
    assert rows[0]["score"] == numbers.FULL
    grade_folder(folder, numbers.numbers_key(seed=2), out, 2, 20, workshop=Counting())
    assert len(seen) == 7, "another key grades everything again"


def test_who_is_kept_is_counted_one_by_one(small: Path, key: Key, workshop: Workshop):
    told: list[tuple[str, int, int]] = []
    for _ in range(2):
        told.clear()
        grade_folder(
            small / "submitted", key, small / "out", 2, 20,
            lambda row, done, all_: told.append((row["student"], done, all_)), workshop=workshop,
        )  # fmt: skip
        assert [(done, all_) for _, done, all_ in told] == [(n, 6) for n in range(1, 7)]
    assert [student for student, _, _ in told] == [f"s{n}" for n in range(6)]


def test_a_row_cut_short_is_graded_again(small: Path, key: Key, workshop: Workshop):
    out = small / "out"
    rows = grade_folder(small / "submitted", key, out, 2, 20, workshop=workshop)
    whole = (out / "results.jsonl").read_bytes()
    for keep in (len(whole) - 7, len(whole) // 2, 3, 0):
        (out / "results.jsonl").write_bytes(whole[:keep])
        again = grade_folder(small / "submitted", key, out, 2, 20, workshop=workshop)
        assert without_time(again) == without_time(rows)
    assert len(rows_of(out / "results.jsonl")) == 6


# A grading in a process of its own, without isolation, whose notebooks take about 30 ms each: what
# is tested is what it writes, and when.
GRADING = """
import sys, time
from pathlib import Path
from autograder.running.conversation import Reply
from autograder.running.workshop import Workshop
from autograder.course.grade import grade_folder
from autograder.data.key import read_key
from autograder.data.notebook import read_notebook
from autograder.running.cells import run_cells
from autograder.running.child import observe

class Here(Workshop):
    def reply(self, raw, key, timeout):
        time.sleep(0.02)
        run = run_cells(read_notebook(raw))
        seen = {question.name: observe_here(run, question) for question in key.questions}
        return Reply(seen)

def observe_here(run, question):
    from autograder.probing.probe import probe
    return probe(run.namespace[question.name], question)

folder, key, out = map(Path, sys.argv[1:])
print("started", flush=True)
grade_folder(folder, read_key(key), out, 2, 20, workshop=Here())
"""


def _kill_and_go_on(shares: list[float], class_size: int, folder: Path, key: Key) -> None:
    """Kill a grading at `shares` of the time it takes undisturbed, then go on with it."""
    from autograder.data.key import write_key

    for number in range(class_size):
        content = numbers.raw(double=f"def double(x): return {number % 3} * x")
        numbers.submit(folder / "submitted", f"s{number:03}", content)
    write_key(key, folder / "key.json")
    command = ["-c", GRADING, str(folder / "submitted"), str(folder / "key.json")]
    whole_time = _grade_and_kill([*command, str(folder / "whole")], None)
    assert whole_time is not None
    expected = without_time(rows_of(folder / "whole" / "results.jsonl"))
    assert len(expected) == class_size
    killed = 0
    for number, share in enumerate(shares):
        out = folder / f"out{number}"
        killed += _grade_and_kill([*command, str(out)], share * whole_time) is None
        _grade_and_kill([*command, str(out)], None)
        assert without_time(rows_of(out / "results.jsonl")) == expected
        assert len(list((out / "pages").glob("*.html"))) == class_size
        assert not list(out.rglob(".part-*")), "a half-written file stays behind"
        with open(out / "grades.csv", newline="", encoding="utf-8-sig") as file:
            assert len(list(csv.DictReader(file))) == class_size
    assert killed >= len(shares) / 2, "most were to be killed before their end"


def _grade_and_kill(command: list[str], after: float | None) -> float | None:
    """Start a grading; kill it `after` seconds of work. The seconds it took, None if killed."""
    root = Path(__file__).resolve().parent.parent
    program = warm.start(command, root)
    assert program.stdout is not None
    program.stdout.readline()
    start = time.perf_counter()
    try:
        assert program.wait(timeout=after) == 0
        return time.perf_counter() - start
    except subprocess.TimeoutExpired:
        program.kill()
        return None
    finally:
        program.stdout.close()


def test_killed_and_started_again_nothing_is_lost_or_doubled(tmp_path: Path, key: Key):
    draw = random.Random(5)
    _kill_and_go_on([draw.uniform(0.02, 0.8) for _ in range(5)], 30, tmp_path, key)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_a_hundred_moments(tmp_path: Path, key: Key):
    draw = random.Random(100)
    _kill_and_go_on([draw.uniform(0.0, 1.0) for _ in range(100)], 30, tmp_path, key)


# Where it cannot write


def test_an_output_that_is_a_file(small: Path, key: Key, workshop: Workshop):
    (small / "out").write_text("mine")
    with pytest.raises(CannotWrite, match=r"cannot write .*out"):
        grade_folder(small / "submitted", key, small / "out", 2, 20, workshop=workshop)
    assert (small / "out").read_text() == "mine"


@pytest.mark.parametrize("after", [0, 1, 4])
def test_a_full_disk_stops_with_a_sentence_and_breaks_nothing(
    small: Path, key: Key, workshop: Workshop, monkeypatch: pytest.MonkeyPatch, after: int
):
    syncs = iter([None] * after)

    def full(descriptor: int) -> None:
        if next(syncs, "full") == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    out = small / "out"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(CannotWrite, match=r"No space left on device.*run the same command"):
            grade_folder(small / "submitted", key, out, 2, 20, workshop=workshop)
    rows = grade_folder(small / "submitted", key, out, 2, 20, workshop=workshop)
    assert len(rows) == len(rows_of(out / "results.jsonl")) == 6


def test_a_full_disk_for_real(small: Path, key: Key, workshop: Workshop):
    """A tiny file system, where one can be mounted."""
    out = small / "out"
    out.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(out)]
    if os.getuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a file system")
    try:
        with pytest.raises(CannotWrite, match="No space left on device"):
            grade_folder(small / "submitted", key, out, 2, 20, workshop=workshop)
        subprocess.run(["mount", "-o", "remount,size=10m", str(out)], check=True)
        assert len(grade_folder(small / "submitted", key, out, 2, 20, workshop=workshop)) == 6
        subprocess.run(["mount", "-o", "remount,ro", str(out)], check=True)
        numbers.submit(small / "submitted", "s0", numbers.raw())
        with pytest.raises(CannotWrite, match="Read-only file system"):
            grade_folder(small / "submitted", key, out, 2, 20, workshop=workshop)
        assert len(rows_of(out / "results.jsonl")) == 6
    finally:
        subprocess.run(["umount", str(out)], check=True)


# Folders


def test_a_folder_that_is_no_class_is_refused(tmp_path: Path, key: Key):
    out = tmp_path / "out"
    with pytest.raises(GradingProblem, match="is not a folder"):
        grade_folder(tmp_path / "nowhere", key, out, 1, 20, workshop=NEVER)
    (tmp_path / "class").mkdir()
    with pytest.raises(GradingProblem, match="holds no student folders"):
        grade_folder(tmp_path / "class", key, out, 1, 20, workshop=NEVER)
    (tmp_path / "class" / "ann" / "02_letters").mkdir(parents=True)
    with pytest.raises(GradingProblem, match="is the exercise's name right"):
        grade_folder(tmp_path / "class", key, out, 1, 20, workshop=NEVER)


def test_links_devices_and_folders_in_place_of_a_notebook(
    tmp_path: Path, key: Key, workshop: Workshop
):
    folder = tmp_path / "submitted"
    honest = numbers.submit(folder, "honest", numbers.raw())
    name = f"{numbers.EXERCISE}.ipynb"
    odd: dict[str, Any] = {
        "copies": lambda path: path.symlink_to(honest),
        "system": lambda path: path.symlink_to("/etc/passwd"),
        "device": lambda path: path.symlink_to("/dev/zero"),
        "circle": lambda path: path.symlink_to(path),
        "pipe": os.mkfifo,
        "folder": lambda path: path.mkdir(),
    }
    for student, make in odd.items():
        place = folder / student / numbers.EXERCISE
        place.mkdir(parents=True)
        make(place / name)
    (folder / "outside").symlink_to(tmp_path, target_is_directory=True)
    inside = folder / "inside" / numbers.EXERCISE
    inside.mkdir(parents=True)
    (inside / "real.ipynb").write_bytes(numbers.raw())
    (inside / name).symlink_to("real.ipynb")
    rows = {
        row["student"]: row
        for row in grade_folder(folder, key, tmp_path / "out", 2, 20, workshop=workshop)
    }
    assert rows["honest"]["score"] == rows["inside"]["score"] == numbers.FULL
    for student in odd:
        assert rows[student]["status"] in ("invalid", "missing"), rows[student]
        assert rows[student]["score"] == 0
        assert rows[student]["message"]


# What the course's people meet


def one_row(folder: Path, key: Key, workshop: Workshop, timeout: float = 20, **more: Any) -> Row:
    rows = grade_folder(
        folder / "submitted", key, folder / "out", 1, timeout, workshop=workshop, **more
    )
    return rows[0]


def test_a_lone_notebook_of_another_name_is_graded_and_it_is_said(tmp_path, key, workshop):
    place = numbers.submit(tmp_path / "submitted", "mia", numbers.raw())
    place.rename(place.with_name("01_numbers (1).ipynb"))
    row = one_row(tmp_path, key, workshop)
    assert (row["status"], row["score"]) == ("graded", numbers.FULL)
    assert row["message"] == "graded 01_numbers (1).ipynb: there is no 01_numbers.ipynb"
    table = (tmp_path / "out" / "grades.csv").read_text("utf-8")
    assert table.startswith("\ufeffstudent,")
    assert row["message"] in table


def test_a_notebook_that_a_browser_saved_as_text_is_graded(tmp_path, key, workshop):
    place = numbers.submit(tmp_path / "submitted", "mia", numbers.raw())
    place.rename(place.with_name("01_numbers.ipynb.txt"))
    place.with_name("settings.txt").write_text("x")
    row = one_row(tmp_path, key, workshop)
    assert (row["status"], row["score"]) == ("graded", numbers.FULL)
    assert row["message"].startswith("graded 01_numbers.ipynb.txt")


def test_one_of_two_other_notebooks_is_not_guessed(tmp_path, key, workshop):
    place = numbers.submit(tmp_path / "submitted", "mia", numbers.raw())
    place.with_name("a.ipynb").write_bytes(numbers.raw())
    place.rename(place.with_name("b.ipynb"))
    assert one_row(tmp_path, key, workshop)["status"] == "missing"


def test_a_notebook_of_something_else_is_not_taken_for_it(tmp_path, key, workshop):
    other = numbers.raw(numbers.notebook([numbers.code("x = 1")], autograder={}))
    place = numbers.submit(tmp_path / "submitted", "mia", other)
    place.rename(place.with_name("notes.ipynb"))
    assert one_row(tmp_path, key, workshop)["status"] == "missing"


def test_a_timeout_is_graded_again_when_the_limit_is_higher(tmp_path, key, workshop):
    slow = numbers.raw(
        double="import time\ndef double(x):\n    time.sleep(0.7)\n    return 2 * x\n"
    )
    numbers.submit(tmp_path / "submitted", "mia", slow)
    assert one_row(tmp_path, key, workshop, 2)["status"] == "timeout"
    assert one_row(tmp_path, key, workshop, 2)["status"] == "timeout"
    row = one_row(tmp_path, key, workshop, 20)
    assert (row["status"], row["score"]) == ("graded", numbers.FULL)
    assert one_row(tmp_path, key, workshop, 2) == row, "what is graded is kept under a lower limit"


def test_one_student_is_graded_again_where_asked(tmp_path, key, workshop):
    for student in ("ann", "ben"):
        numbers.submit(tmp_path / "submitted", student, numbers.raw())
    first = grade_folder(tmp_path / "submitted", key, tmp_path / "out", 1, 20, workshop=workshop)
    again = grade_folder(
        tmp_path / "submitted", key, tmp_path / "out", 1, 20, workshop=workshop,
        again=lambda name: name == "ben",
    )  # fmt: skip
    assert again[0] == first[0]
    assert again[1]["seconds"] != first[1]["seconds"]


def test_results_inside_the_class_make_no_student(tmp_path, key, workshop):
    numbers.submit(tmp_path, "mia", numbers.raw())
    for _ in range(2):
        rows = grade_folder(tmp_path, key, tmp_path / "graded", 1, 20, workshop=workshop)
        assert [row["student"] for row in rows] == ["mia"]


def test_no_cell_of_the_table_is_a_formula(tmp_path, key, workshop):
    numbers.submit(tmp_path / "submitted", "=1+1", numbers.raw())
    one_row(tmp_path, key, workshop)
    assert "\n'=1+1,01_numbers," in (tmp_path / "out" / "grades.csv").read_text("utf-8")
