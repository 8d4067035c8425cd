"""Exercise 09 ends with a reward: the reader's own functions draw a photograph."""

import os
import shutil
import subprocess
import sys

import nbformat
import pytest

EXERCISE = "09_upsampling"

# As in a student's folder: the checker is there, the book is not.
STUDENT = """
import sys
sys.modules["convbook"] = None
import matplotlib.pyplot as plt
plt.show = lambda: print("drawn:", [axis.get_title() for axis in plt.gcf().axes if axis.images])
names = {"__name__": "__main__"}
for cell in open("cells.txt").read().split("\\n#####\\n"):
    exec(cell, names)
"""
ALL = ["nearest", "bilinear", "transposed", "shuffled", "edges, rate 1", "edges, rate 6",
       "redness, every 8th", "redness, stitched"]  # fmt: skip
WRONG = "def pixel_shuffle(x, factor):\n    return x\n"


def shown(root, tmp_path, folder="solutions", more=""):
    """What the reward prints in a folder that has the exercise and the checker only."""
    notebook = nbformat.read(root / folder / EXERCISE / f"{EXERCISE}.ipynb", as_version=4)
    cells = {cell.id: cell.source for cell in notebook.cells}
    reward = cells["reward-run"]
    assert reward.startswith("SHOW = False")
    answers = [source for name, source in cells.items() if name.endswith("-answer")]
    run = [cells["imports"], *answers, more, reward.replace("SHOW = False", "SHOW = True", 1)]
    (tmp_path / "cells.txt").write_text("\n#####\n".join(run))
    shutil.copytree(root / "autograder", tmp_path / "autograder")
    done = subprocess.run(
        [sys.executable, "-c", STUDENT],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


@pytest.mark.notebook
def test_the_readers_own_functions_draw_the_photograph_without_the_book(root, tmp_path):
    assert shown(root, tmp_path) == [
        f"drawn: {ALL}",
        "largest difference of the shuffled from the photograph: 0",
    ]


@pytest.mark.notebook
def test_what_is_not_right_yet_is_named_and_the_rest_is_drawn(root, tmp_path):
    assert shown(root, tmp_path, more=WRONG) == [
        "Not answered, or not right yet, see what the checks say: pixel_shuffle.",
        f"drawn: {[title for title in ALL if title != 'shuffled']}",
    ]


@pytest.mark.notebook
def test_without_answers_the_reward_is_one_sentence(root, tmp_path):
    assert shown(root, tmp_path, folder="exercises") == [
        "Not answered, or not right yet, see what the checks say: upsample, transposed_conv2d, "
        "pixel_shuffle, dilated_conv2d, shift_and_stitch."
    ]
