"""What `check` says in the notebook and what grading says is the same, over all banks.

Of each task two right answers and three wrong ones are drawn. A notebook holds one answer to each
task of an exercise; the first cell brings the bank along, and the others take answers out of it.
"""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from autograder.data.key import read_key
from autograder.data.notebook import DEMONSTRATION, checked_task, read_notebook
from autograder.judging.report import Shown, verdict_json
from autograder.running.runner import grade_notebook
from autograder.running.shell import furnish
from autograder.setting.task import Task, load_tasks

ROOT = Path(__file__).resolve().parent.parent
EXERCISES = sorted(path.parent.name for path in ROOT.glob("solutions/*/tasks.py"))
QUICK = "11_rcnn"  # takes seconds; the others minutes in all
SEED, RIGHT, WRONG = 314, 2, 3
BRING = """
import json
from pathlib import Path

files = json.loads({files!r})
for name, text in files.items():
    place = Path("answers_of_{exercise}") / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, "utf-8")

from autograder.setting.task import load_tasks

tasks = {{task.name: task for task in load_tasks(Path("answers_of_{exercise}/tasks.py"))}}


def answer(name, kind, number):
    task = tasks[name]
    right = [task.answer, *(accepted.function for accepted in task.accepted)]
    return right[number] if kind == "right" else task.mistakes[number].function
"""


def drawn(task: Task, round_: int) -> tuple[str, int]:
    """Which of a task's answers the notebook of this round has."""
    generator = np.random.default_rng([SEED, sum(task.name.encode())])
    kind = "right" if round_ < RIGHT else "wrong"
    count = 1 + len(task.accepted) if kind == "right" else len(task.mistakes)
    numbers = [generator.permutation(1 + len(task.accepted)), generator.permutation(count)]
    place = round_ if kind == "right" else round_ - RIGHT
    return kind, int(numbers[kind == "wrong"][place])


def made_notebook(exercise: str, round_: int) -> dict:
    """The exercise as it is given out, an answer of the bank in place of each stub."""
    folder = ROOT / "solutions" / exercise
    files = {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in (folder / "tasks.py", *folder.glob("bank/*.py"))
    }
    made = json.loads((ROOT / "exercises" / exercise / f"{exercise}.ipynb").read_text("utf-8"))
    tasks = {task.name: task for task in load_tasks(folder / "tasks.py")}
    code = [cell for cell in made["cells"] if cell["cell_type"] == "code"]
    for before, cell in itertools.pairwise(code):
        name = checked_task("".join(cell["source"]))
        if name in tasks:
            assert f"def {name}(" in "".join(before["source"])
            kind, number = drawn(tasks[name], round_)
            before["source"] = f"{name} = answer({name!r}, {kind!r}, {number})"
    bring = BRING.format(files=json.dumps(files), exercise=exercise)
    first = {"cell_type": "code", "metadata": {}, "source": bring, "outputs": []}
    made["cells"].insert(0, first)
    return made


def said_in_the_notebook(raw: bytes) -> dict[str, dict]:
    """What each `check` gives where the cells are run in turn, as in a kernel."""
    shown: list[Shown] = []
    namespace: dict = {}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("display", "get_ipython", "input"):
            patch.setattr("builtins." + name, None, raising=False)
        furnish(namespace)
        for cell in read_notebook(raw).cells:
            if checked_task(cell.source):
                shown.append(eval(cell.source, namespace))
            elif DEMONSTRATION not in cell.tags:
                exec(compile(cell.source, f"<cell {cell.number}>", "exec"), namespace)
    return {one.verdict.task: verdict_json(one.verdict) for one in shown}


@pytest.mark.parametrize("round_", range(RIGHT + WRONG))
@pytest.mark.parametrize(
    "exercise",
    [n if n == QUICK else pytest.param(n, marks=pytest.mark.slow) for n in EXERCISES],
)
def test_check_and_grading_give_the_same_points_and_sentences(
    exercise, round_, workshop, tmp_path, monkeypatch, capsys
):
    raw = json.dumps(made_notebook(exercise, round_)).encode()
    key_path = ROOT / "exercises" / exercise / "key.json"
    key = read_key(key_path)
    (tmp_path / "key.json").write_bytes(key_path.read_bytes())
    monkeypatch.chdir(tmp_path)
    seen = said_in_the_notebook(raw)
    outcome = grade_notebook(raw, key, 300, workshop)
    assert outcome.status == "graded", outcome.message
    graded = {verdict.task: verdict_json(verdict) for verdict in outcome.verdicts}
    assert seen.keys() == graded.keys() == key.tasks.keys()
    for name, entry in graded.items():
        assert seen[name] == entry, name
        assert (entry["verdict"] == "correct") == (round_ < RIGHT), (name, entry["hint"])
