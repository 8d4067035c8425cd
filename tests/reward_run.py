"""Runs the reward at the end of an exercise as a student does: with the checker, without the book.

Several attempts share one process, since most of an attempt is the import of Keras.
"""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import nbformat
import warm

FIGURE = 'print("figure with", len(plt.gcf().axes), "panels")'  # what a shown figure prints

STUDENT = """
import json, sys
sys.modules["convbook"] = None
import matplotlib.pyplot as plt
plt.show = lambda: (ON_SHOW, plt.close())
for attempt in json.load(open("attempts.json")):
    names = {"__name__": "__main__"}
    for cell in attempt:
        exec(cell, names)
    print("-----")
"""


def cells(root: Path, exercise: str, folder: str = "solutions") -> dict:
    """The cells of an exercise by id; `folder` is "exercises" for what a student gets."""
    notebook = nbformat.read(root / folder / exercise / f"{exercise}.ipynb", as_version=4)
    return {cell.id: cell for cell in notebook.cells}


def attempt(
    found: dict, more: str = "", asked: bool = True, switch: str = "SHOW", answers: bool = True
) -> list[str]:
    """The cells that a student runs: imports, answers, `more` that replaces some, the reward."""
    reward = found["reward-run"].source
    assert reward.startswith(f"{switch} = False")
    if asked:
        reward = reward.replace(f"{switch} = False", f"{switch} = True", 1)
    given = [cell.source for name, cell in found.items() if name.endswith("-answer") and answers]
    return [found["imports"].source, *given, more, reward]


def printed(
    root: Path, student: Path, attempts: Sequence[list[str]], on_show: str = FIGURE
) -> list[str]:
    """What each attempt prints; `on_show` is run wherever a figure would appear."""
    (student / "attempts.json").write_text(json.dumps(list(attempts)))
    shutil.copytree(root / "autograder", student / "autograder", dirs_exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(student), "MPLBACKEND": "Agg"}
    done = warm.run(["-c", STUDENT.replace("ON_SHOW", on_show)], student, environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.split("-----\n")[:-1]
