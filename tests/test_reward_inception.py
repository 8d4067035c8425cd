"""Exercise 06 ends with a reward: the reader's own modules and head read digits."""

import os
import shutil

import nbformat
import pytest
import warm

from autograder.data.notebook import DEMONSTRATION, read_notebook

EXERCISE = "06_inception"

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

HEAD = "def conv1x1_head(x, classes):\n"
OTHERS = {
    "unanswered": HEAD + "    raise NotImplementedError\n",
    "wrong": HEAD + "    return layers.Conv2D(classes, 3)(layers.Flatten()(x))\n",
    "without return": HEAD + "    layers.Conv2D(classes, 1)(x)\n",
    "one large pool": HEAD
    + "    x = layers.AveragePooling2D(x.shape[1:3])(layers.Conv2D(classes, 1)(x))\n"
    + "    return layers.Softmax()(layers.Reshape((classes,))(x))\n",
    "divided by the size": HEAD
    + "    x = ops.sum(layers.Conv2D(classes, 1)(x), (1, 2)) / (x.shape[1] * x.shape[2])\n"
    + "    return ops.softmax(x)\n",
    "mean first": HEAD
    + "    x = ops.mean(x, (1, 2))\n"
    + '    return layers.Dense(classes, activation="softmax")(x)\n',
}
UNFIT = "Your block and head do not make a net yet: see the checks of tasks 2 and 3.\n"
SIZED = (
    "Your block or head asks how large its map is (such as x.shape[1]) while it is built, and "
    "this net has pictures of any size: there it is None. Do without the number.\n"
)


def cells(root, folder="solutions"):
    notebook = nbformat.read(root / folder / EXERCISE / f"{EXERCISE}.ipynb", as_version=4)
    return {cell.id: cell for cell in notebook.cells}


@pytest.fixture(scope="module")
def shown(root, tmp_path_factory):
    """What the reward shows: asked for with the model answers, with others, and not asked for."""
    folder, found = tmp_path_factory.mktemp("student"), cells(root)
    reward = found["reward-run"].source
    assert reward.startswith("TRAIN = False")
    assert "epochs=12" in reward
    asked = reward.replace("TRAIN = False", "TRAIN = True", 1)
    quick = asked.replace("epochs=12", "epochs=1").replace("[:1200]", "[:400]")
    answers = [found[f"{name}-answer"].source for name in ("conv1x1-head", "inception-block")]
    rewards = [[*answers, quick], *([*answers, other, quick] for other in OTHERS.values())]
    text = [found["imports"].source, *("\n===\n".join(parts) for parts in [*rewards, [reward]])]
    (folder / "cells.txt").write_text("\n#####\n".join(text))
    shutil.copytree(root / "autograder", folder / "autograder")
    environment = {**os.environ, "PYTHONPATH": str(folder), "MPLBACKEND": "Agg"}
    done = warm.run(["-c", STUDENT], folder, environment)
    assert done.returncode == 0, done.stderr[-2000:]
    names = ("answered", *OTHERS, "not asked for")
    return dict(zip(names, done.stdout.split("-----\n")[:-1], strict=True))


@pytest.mark.notebook
@pytest.mark.parametrize("answer", ["answered", "mean first"])
def test_the_readers_own_net_reads_pairs_of_digits_without_the_book(shown, answer):
    read, figure = shown[answer].splitlines()
    assert read.endswith("% of the digits held out are read by your net")
    assert figure == "figure with 10 panels"


@pytest.mark.notebook
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("unanswered", "Answer tasks 2 and 3 first: then your own net trains here.\n"),
        ("wrong", UNFIT),
        ("without return", UNFIT),
        ("one large pool", SIZED),
        ("divided by the size", SIZED),
        ("not asked for", "Set TRAIN to True above and run this cell again.\n"),
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
