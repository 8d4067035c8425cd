"""Exercise 08 ends with a reward: the reader's own functions read a strip of digits."""

import os
import shutil
import subprocess
import sys

import nbformat
import pytest

from autograder.data.notebook import DEMONSTRATION, read_notebook

EXERCISE = "08_fully_convolutional"

# As in a student's folder: the checker is there, the book is not.
STUDENT = """
import sys
sys.modules["convbook"] = None
import matplotlib.pyplot as plt
plt.show = lambda: (print("figure with", len(plt.gcf().axes), "panels"), plt.close())
setup, *rewards = open("cells.txt").read().split("\\n#####\\n")
for cells in rewards:
    names = {"__name__": "__main__"}
    for cell in (setup, *cells.split("\\n===\\n")):
        exec(cell, names)
    print("-----")
"""

UNANSWERED = "def dense_to_conv(model):\n    raise NotImplementedError\n"
WRONG = "def dense_to_conv(model):\n    return model\n"
FORGOTTEN = "def mean_iou(truth, prediction, classes, ignore=255):\n    classes + 1\n"
UNFIT = "Your functions do not fit yet: see what the checks of tasks 1 and 3 say.\n"


def cells(root, folder="solutions"):
    notebook = nbformat.read(root / folder / EXERCISE / f"{EXERCISE}.ipynb", as_version=4)
    return {cell.id: cell for cell in notebook.cells}


@pytest.fixture(scope="module")
def shown(root, tmp_path_factory):
    """What the reward shows: asked for with the model answers, with others, and not asked for."""
    folder, found = tmp_path_factory.mktemp("student"), cells(root)
    reward = found["reward-run"].source
    assert reward.startswith("SHOW = False")
    asked = reward.replace("SHOW = False", "SHOW = True", 1)
    answers = [found[f"{name}-answer"].source for name in ("dense-to-conv", "mean-iou")]
    others = (UNANSWERED, WRONG, FORGOTTEN)
    rewards = [[*answers, asked], *([*answers, other, asked] for other in others), [reward]]
    text = [found["imports"].source, *("\n===\n".join(parts) for parts in rewards)]
    (folder / "cells.txt").write_text("\n#####\n".join(text))
    shutil.copytree(root / "autograder", folder / "autograder")
    done = subprocess.run(
        [sys.executable, "-c", STUDENT],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    names = ("answered", "unanswered", "wrong", "without return", "not asked for")
    return dict(zip(names, done.stdout.split("-----\n")[:-1], strict=True))


@pytest.mark.notebook
def test_the_readers_own_functions_read_a_strip_of_digits_without_the_book(shown):
    figure, score = shown["answered"].splitlines()[-2:]
    assert figure == "figure with 2 panels"
    assert 0.3 < float(score.removeprefix("mean IoU of the places: ")) <= 1


@pytest.mark.notebook
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            "unanswered",
            "Answer tasks 1 and 3 first: then your own functions read a strip of digits.\n",
        ),
        ("wrong", UNFIT),
        ("without return", UNFIT),
        ("not asked for", "Set SHOW to True above and run this cell again.\n"),
    ],
)
def test_a_reader_who_is_not_there_yet_is_told_so_in_one_sentence(shown, answer, sentence):
    assert shown[answer] == sentence


def test_the_reward_costs_nothing_while_grading(root):
    for folder in ("solutions", "exercises"):
        cell = cells(root, folder)["reward-run"]
        assert DEMONSTRATION in cell.metadata.tags
        path = root / folder / EXERCISE / f"{EXERCISE}.ipynb"
        skipped = [c for c in read_notebook(path.read_bytes()).cells if DEMONSTRATION in c.tags]
        assert [c.source for c in skipped] == [cell.source]
