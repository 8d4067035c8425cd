"""Exercise 04 ends with a reward: the reader's own block draws the chapter's figure."""

import os
import resource
import shutil
from pathlib import Path

import nbformat
import pytest
import reward_run
import warm

from autograder.data.notebook import DEMONSTRATION, read_notebook

ROOT = Path(__file__).parents[1]
EXERCISE = "04_residual"
WITH_REWARD = sorted(
    path.stem for path in ROOT.glob("exercises/*/*.ipynb") if "reward-run" in path.read_text()
)

# As in a student's folder: the checker is there, the book is not.
STUDENT = """
import sys
sys.modules["convbook"] = None
import matplotlib.pyplot as plt
plt.show = lambda: print("figure:", [[line.get_ydata().tolist() for line in axes.get_lines()]
                                     for axes in plt.gcf().axes])
names = {"__name__": "__main__"}
for cell in open("cells.txt").read().split("\\n#####\\n"):
    exec(cell, names)
"""

UNANSWERED = "def residual_block(x, filters, stride=1):\n    raise NotImplementedError\n"
WRONG = "def residual_block(x, filters, stride=1):\n    return layers.Add()([x, x[:, :2]])\n"
FORGOTTEN = "def residual_block(x, filters, stride=1):\n    layers.ReLU()(x)\n"


def cells(root, folder="solutions"):
    notebook = nbformat.read(root / folder / EXERCISE / f"{EXERCISE}.ipynb", as_version=4)
    return {cell.id: cell for cell in notebook.cells}


def shown(root, tmp_path, answer=None, quick=True, train=True):
    """What the reward shows in a folder that has the exercise and the checker only."""
    found = cells(root)
    reward = found["reward-run"].source
    if train:
        assert reward.startswith("TRAIN = False")
        reward = reward.replace("TRAIN = False", "TRAIN = True", 1)
    if quick:
        assert "DEPTHS, EPOCHS = (20, 38), 8" in reward
        reward = reward.replace("DEPTHS, EPOCHS = (20, 38), 8", "DEPTHS, EPOCHS = (8, 14), 1")
    answer = answer or found["residual-block-answer"].source
    (tmp_path / "cells.txt").write_text("\n#####\n".join([found["imports"].source, answer, reward]))
    shutil.copytree(root / "autograder", tmp_path / "autograder")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "MPLBACKEND": "Agg"}
    done = warm.run(["-c", STUDENT], tmp_path, environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.notebook
def test_the_readers_own_block_draws_the_figure_without_the_book(root, tmp_path):
    lines = shown(root, tmp_path).splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == [
        "plain_block, 8 layers",
        "plain_block, 14 layers",
        "residual_block, 8 layers",
        "residual_block, 14 layers",
    ]
    panels = eval(lines[-1].removeprefix("figure: "))
    assert [len(lines) for lines in panels] == [2, 2]


@pytest.mark.notebook
@pytest.mark.parametrize(
    ("answer", "train", "sentence"),
    [
        (UNANSWERED, True, "Answer task 1 first: then your own block trains here.\n"),
        (
            WRONG,
            True,
            "Your block does not fit into a net yet: see what the check of task 1 says.\n",
        ),
        (
            FORGOTTEN,
            True,
            "Your block does not fit into a net yet: see what the check of task 1 says.\n",
        ),
        (None, False, "Set TRAIN to True above and run this cell again.\n"),
    ],
    ids=["unanswered", "wrong", "without return", "not asked for"],
)
def test_a_reader_who_is_not_there_yet_is_told_so_in_one_sentence(
    root, tmp_path, answer, train, sentence
):
    assert shown(root, tmp_path, answer, train=train) == sentence


@pytest.mark.parametrize("exercise", WITH_REWARD)
def test_a_reward_costs_nothing_while_grading_and_is_not_asked(root, exercise):
    for folder in ("solutions", "exercises"):
        cell = reward_run.cells(root, exercise, folder)["reward-run"]
        assert DEMONSTRATION in cell.metadata.tags
        assert "nbgrader" not in cell.metadata
        path = root / folder / exercise / f"{exercise}.ipynb"
        skipped = [c for c in read_notebook(path.read_bytes()).cells if DEMONSTRATION in c.tags]
        assert cell.source in [c.source for c in skipped]


@pytest.mark.slow
@pytest.mark.notebook
@pytest.mark.timeout(900)
def test_the_reward_shows_within_a_minute_of_two_cores_what_the_chapter_shows(root, tmp_path):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = shown(root, tmp_path, quick=False).splitlines()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    (plain, deeper_plain), (own, deeper_own) = eval(lines[-1].removeprefix("figure: "))
    assert deeper_plain[-1] > 2 * plain[-1]
    assert deeper_own[-1] < deeper_plain[-1] / 10
    assert deeper_own[-1] < 2 * own[-1]
    assert spent < 120, f"{spent:.0f} seconds of processor"
