"""Damaged and invented notebooks: whatever the bytes, the grader gives a row and goes on."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import numbers_exercise as numbers
import pytest

from autograder.course.grade import result_row
from autograder.data.key import Key
from autograder.running.runner import grade_notebook
from autograder.running.workshop import Workshop

ODD: list[Any] = [
    None, True, -1, 1e308, "", "\x00", "\ud800", [], {}, [[]], {"": {}}, "%%bash\nls", "!ls",
    "def double(x):\n", "\u202e", "x" * 10_000, 10**30,
]  # fmt: skip
STATUSES = {"graded", "timeout", "crashed", "invalid", "missing"}


def mutated(draw: random.Random) -> bytes:
    """A notebook with something wrong: in its structure, in its text or in its bytes."""
    content = numbers.notebook()
    for _ in range(draw.choice((1, 1, 2, 5))):
        _mutate_structure(content, draw)
    text = json.dumps(content, indent=draw.choice((None, 1)))
    raw = bytearray(text.encode(draw.choice(("utf-8", "utf-8", "utf-16", "utf-8-sig"))))
    if draw.random() < 0.5:
        for _ in range(draw.choice((1, 3, 30))):
            _mutate_bytes(raw, draw)
    return bytes(raw)


def _mutate_structure(content: Any, draw: random.Random) -> None:
    """Replace, remove or double one part, somewhere down the tree."""
    node = content
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = draw.choice(keys)
        if isinstance(node[key], dict | list) and node[key] and draw.random() < 0.8:
            node = node[key]
            continue
        what = draw.randrange(4)
        if what == 0:
            del node[key]
        elif what == 1 and isinstance(node, list):
            node.insert(draw.randrange(len(node) + 1), copy.deepcopy(node[key]))
        elif what == 2 and isinstance(node[key], str):
            node[key] = _scrambled(node[key], draw)
        else:
            node[key] = copy.deepcopy(draw.choice(ODD))  # a part of its own, or ODD would grow
        return


def _scrambled(text: str, draw: random.Random) -> str:
    start = draw.randrange(len(text) + 1)
    end = min(len(text), start + draw.randrange(12))
    piece = draw.choice(["", "(", "'''", "\n", "\t", "0", "return", "import os\n", "\\", "é", "∞"])
    return text[:start] + piece + text[end:]


def _mutate_bytes(raw: bytearray, draw: random.Random) -> None:
    place = draw.randrange(len(raw)) if raw else 0
    what = draw.randrange(3)
    if what == 0 and raw:
        raw[place] = draw.randrange(256)
    elif what == 1:
        del raw[place : place + draw.randrange(1, 40)]
    else:
        raw[place:place] = bytes(draw.randrange(256) for _ in range(draw.randrange(1, 8)))


def fuzz(count: int, seed: int, workshop: Workshop) -> dict[str, int]:
    """Grade mutated notebooks; how many came out with which status."""
    draw, key = random.Random(seed), numbers.numbers_key()
    statuses: dict[str, int] = {}
    for _ in range(count):
        raw = mutated(draw)
        outcome = grade_notebook(raw, key, 5, workshop)
        row = result_row("student", key, outcome)
        json.dumps(row, ensure_ascii=False).encode()
        _check(row, key)
        statuses[outcome.status] = statuses.get(outcome.status, 0) + 1
    return statuses


def _check(row: dict[str, Any], key: Key) -> None:
    assert row["status"] in STATUSES
    assert set(row["tasks"]) == set(key.tasks)
    assert 0 <= row["score"] <= row["max_score"]
    for entry in row["tasks"].values():
        assert entry["verdict"] == "correct" or entry["hint"]


def test_mutated_notebooks(workshop: Workshop):
    statuses = fuzz(300, 1, workshop)
    assert statuses["graded"] > 50
    assert statuses["invalid"] > 20
    assert workshop.warm, "the warm process lives on"


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_ten_thousand_mutated_notebooks(workshop: Workshop):
    statuses = fuzz(10_000, 2, workshop)
    assert statuses["graded"] > 1000
    assert statuses["invalid"] > 500
