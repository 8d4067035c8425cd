"""A student's file is read whatever became of it on its way, or refused with a sentence."""

from __future__ import annotations

import json
from typing import Any

import numbers_exercise as numbers
import pytest

from autograder.data.notebook import NotANotebook, read_notebook
from autograder.running.cells import run_cells


def sources(raw: bytes) -> list[str]:
    return [cell.source for cell in read_notebook(raw).cells]


def names(raw: bytes) -> set[str]:
    run = run_cells(read_notebook(raw))
    return {name for name in run.namespace if not name.startswith("__")}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the file is empty"),
        (b" \r\n\t ", "the file is empty"),
        (b"PK\x03\x04 this is a zip", "it is not JSON"),
        (b'{"cells": [', "it is not JSON"),
        (b"\x00" * 100, "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[1, 2]", "not a notebook"),
        (b"null", "not a notebook"),
        (b'{"a": 1}', "it has no cells"),
        (b'{"cells": 3}', "it has no cells"),
        (b'{"cells": null, "worksheets": null}', "it has no cells"),
        (numbers.raw(numbers.notebook(kernelspec={"language": "R"})), "written in R"),
    ],
    ids=lambda value: repr(value[:20]) if isinstance(value, bytes) else "",
)
def test_what_is_no_notebook_is_refused_with_a_sentence(content: bytes, sentence: str):
    with pytest.raises(NotANotebook, match=sentence):
        read_notebook(content)


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("latin-1"),
    ],
    ids=["byte order mark", "CRLF", "CR", "UTF-16", "Latin-1"],
)
def test_every_encoding_and_line_end_gives_the_same_cells(encode):
    # "e" with an acute accent is two bytes in UTF-8 and an invalid one in Latin-1
    content = numbers.notebook([numbers.code("word = 'caf\u00e9'\nn = len(word)\n")])
    text = json.dumps(content, ensure_ascii=False, indent=1)
    run = run_cells(read_notebook(encode(text)))
    assert run.failures == []
    assert (run.namespace["word"], run.namespace["n"]) == ("caf\u00e9", 4)


def test_line_ends_inside_of_a_cell_do_not_matter():
    content = numbers.notebook([numbers.code("if True:\r\n    x = 1\r\n    y = 2\r\n")])
    assert {"x", "y"} <= names(json.dumps(content).encode())


def test_nbformat_3_to_5_and_unknown_minor_versions():
    for major, minor in [(4, 0), (4, 5), (4, 99), (5, 0), (5, 99)]:
        content = {**numbers.notebook(), "nbformat": major, "nbformat_minor": minor}
        assert {"double", "halves", "ends"} <= names(json.dumps(content).encode())
    old: dict[str, Any] = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [
            {"cells": [{"cell_type": "code", "input": ["a = 1\n", "b = 2"], "language": "python"}]},
            {"cells": [{"cell_type": "markdown", "source": "text"}, None, 3]},
            "not a worksheet",
        ],
    }
    assert {"a", "b"} <= names(json.dumps(old).encode())


def test_odd_cells_are_read_as_far_as_they_go():
    odd: list[Any] = [
        None, 5, [], {}, {"cell_type": "code"}, {"cell_type": "code", "source": 3},
        {"cell_type": "code", "source": ["x = 1\n", 7, None]},
        {"cell_type": "code", "source": "y = 2", "metadata": None},
        {"cell_type": "code", "source": "z = 3", "metadata": {"tags": "a", "nbgrader": []}},
        {"cell_type": "raw", "source": "w = 4"}, {"source": "w = 5"},
    ]  # fmt: skip
    found = names(json.dumps(numbers.notebook(odd)).encode())
    assert {"x", "y", "z"} <= found
    assert "w" not in found


def test_test_cells_and_demonstrations_are_not_run():
    content = [
        numbers.check_cell("double", "tested = 1"),
        numbers.code("shown = 1", tags=["demonstration"]),
        numbers.solution("double", "answered = 1"),
    ]
    assert "answered" in names(numbers.raw(numbers.notebook(content)))
    assert not {"tested", "shown"} & names(numbers.raw(numbers.notebook(content)))


def test_an_unlocked_test_cell_turned_solution_is_run_as_the_students_own():
    cell = numbers.check_cell("double", "mine = 1")
    cell["metadata"]["nbgrader"].update(solution=True, locked=False)
    assert "mine" in names(numbers.raw(numbers.notebook([cell])))


def test_magics_and_shell_lines_do_not_stop_a_cell():
    source = "%matplotlib inline\n!pip install nothing\nfiles = !ls\nx = 1\nx?\n"
    assert "x" in names(numbers.raw(numbers.notebook([numbers.code(source)])))


def test_code_below_a_timing_magic_counts():
    timed = [numbers.code("%%time\ny = 1"), numbers.code("  \n%%capture out\nz = 1"),
             numbers.code("%time w = 1")]  # fmt: skip
    assert {"w", "y", "z"} <= names(numbers.raw(numbers.notebook(timed)))


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("def double(x)\n    return", "syntax error in line 1"),
        ("1 / 0\ndef double(x): pass", "ZeroDivisionError: division by zero"),
        ("import nosuchmodule\ndef double(x): pass", "No module named 'nosuchmodule'"),
        ("raise SystemExit\ndef double(x): pass", "exits the process"),
        ("raise KeyboardInterrupt\ndef double(x): pass", "KeyboardInterrupt"),
        ("raise BaseException('b')\ndef double(x): pass", "BaseException: b"),
        ("def f(): f()\nf()\ndef double(x): pass", "RecursionError"),
        ("x = '\0'\ndef double(x): pass", "null byte"),
        ("(" * 5000 + "\ndef double(x): pass", "cell 1"),
        ("class E(Exception):\n    def __str__(self): raise self\nraise E\n"
         "def double(x): pass", "raises E"),
    ],
    ids=lambda value: value[:15],
)  # fmt: skip
def test_a_cell_that_fails_is_named_and_the_next_one_runs(source: str, problem: str):
    content = numbers.notebook([numbers.code(source), numbers.code("after = 1")])
    run = run_cells(read_notebook(numbers.raw(content)))
    assert run.namespace["after"] == 1
    assert len(run.failures) == 1
    assert "cell 1" in run.failures[0]
    assert problem in run.failures[0]
    assert "double" in run.problems


def test_the_exercise_is_read_where_it_is_named():
    assert read_notebook(numbers.raw()).exercise == numbers.EXERCISE
    for metadata in ({}, {"autograder": None}, {"autograder": {"exercise": 4}}):
        content = {**numbers.notebook(), "metadata": metadata}
        assert read_notebook(json.dumps(content).encode()).exercise is None


def test_huge_outputs_are_passed_over():
    cell = numbers.code("x = 1")
    cell["outputs"] = [{"output_type": "stream", "text": "0123456789" * 3_000_000}]
    assert sources(numbers.raw(numbers.notebook([cell]))) == ["x = 1"]
