"""Exercise 05 ends with a reward: the reader's own functions at work on digits."""

import os
import shutil
import subprocess
import sys

import nbformat
import pytest

from autograder.data.notebook import DEMONSTRATION, read_notebook

EXERCISE = "05_normalization"

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

UNANSWERED = (
    "def group_norm(x, groups, gamma, beta, epsilon=1e-5):\n    raise NotImplementedError\n"
)
WRONG = "def group_norm(x, groups, gamma, beta, epsilon=1e-5):\n    return x.reshape(-1, groups)\n"
FORGOTTEN = "def group_norm(x, groups, gamma, beta, epsilon=1e-5):\n    x - x.mean()\n"
TENSOR = (
    "def group_norm(x, groups, gamma, beta, epsilon=1e-5):\n"
    "    return layers.GroupNormalization(groups, epsilon=epsilon)(x)\n"
)
UNFIT = "Your functions do not fit yet: see what the checks of tasks 2 and 3 say.\n"
FIGURES = ["figure with 18 panels", "figure with 1 panels"]


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
    answers = [found[f"{name}-answer"].source for name in ("normalize", "group-norm", "batch-norm")]
    others = (UNANSWERED, WRONG, FORGOTTEN, TENSOR)
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
    names = ("answered", "unanswered", "wrong", "without return", "tensor", "not asked for")
    return dict(zip(names, done.stdout.split("-----\n")[:-1], strict=True))


@pytest.mark.notebook
@pytest.mark.parametrize("answer", ["answered", "tensor"])
def test_the_readers_own_functions_draw_two_figures_without_the_book(shown, answer):
    assert [line for line in shown[answer].splitlines() if "figure" in line] == FIGURES


@pytest.mark.notebook
def test_a_groups_result_does_not_depend_on_the_company_and_a_batchs_does(shown):
    changes = {
        line.split(":")[0]: [float(n) for n in line.split("[")[1].strip("]").split()]
        for line in shown["answered"].splitlines()
        if "company" in line
    }
    assert changes["group norm"] == [0] * 6
    assert changes["batch norm"][0] > 3 * changes["batch norm"][-1] > 0


@pytest.mark.notebook
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("unanswered", "Answer tasks 1 to 3 first: then your own functions draw here.\n"),
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
