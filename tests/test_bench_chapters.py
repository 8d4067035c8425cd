"""What the chapters take and learn is kept by row, and learning that became worse is told."""

import ast
import builtins
import inspect
import json
import time
from typing import Any

import keras
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest

from bench import chapter_child, chapters
from convbook import data

TABLE = """No run is measured yet.

| exercise | after | what | tasks | points | work | run |
|---|---|---|---|---|---|---|
| 01_convolution | 00 | see | 3 | 9 | 40 | 7.0 |
| 05_normalization | 04 | normalise | 1 | 1 | 1 | - |

| week | chapters | exercise due |
|---|---|---|
| 2 | 02 | 01 |
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Results of their own, and runs that are made up: each later turn is 1 worse."""
    monkeypatch.setattr(chapters, "KEPT", tmp_path / "chapters.json")
    monkeypatch.setattr(chapters, "PAGE", tmp_path / "chapters.md")
    monkeypatch.setattr(chapters, "ROOT", tmp_path)
    monkeypatch.setattr(chapters, "TEACHING", tmp_path / "teaching.md")
    monkeypatch.setattr(chapters, "stated", lambda name: ["4", "12", "50"])
    chapters.TEACHING.write_text(TABLE)
    made: dict[str, Any] = {"base": 90.0, "calls": []}

    def run(name, turn, scale):
        made["calls"].append((name, turn, scale))
        results = {}
        for learnt in chapters.RESULTS[name]:
            down = -1 if learnt.better == "higher" else 1
            own = range(turn, turn + 1) if learnt.again else range(3)
            results[learnt.what] = [made["base"] + down * step for step in own]
        seconds = {"wall": 12.0, "cpu": 20.0, "making data": 5.0, "fit": 10.0, "handing over": 1.0}
        return {**seconds, "results": results}

    monkeypatch.setattr(chapters, "run", run)
    return made


def test_a_row_has_seconds_shares_and_three_runs_and_the_others_stay(folder):
    assert chapters.main(["05"]) == 0
    assert chapters.main(["01", "--scale", "smoke"]) == 0
    assert chapters.main(["01", "--scale", "default"]) == 0
    assert "| test pictures told, %" not in chapters.PAGE.read_text()
    assert chapters.main(["01", "--results"]) == 0
    page = chapters.PAGE.read_text()
    assert "| 05_normalization | 12 | 20 | 12 | 20 | 25% | 50% | 10% |" in page
    assert "| 01_convolution | 12 | 20 | 12 | 20 | 25% | 50% | 10% |" in page
    assert "| 01_convolution | test pictures told, % | higher | 3 | 89 | 88 |" in page
    assert "| digits misread, %, group, 2 a step | lower | 3 | 91 | 92 |" in page
    defaults = [call[:2] for call in folder["calls"] if call[2] == "default"]
    assert defaults == [("05_normalization", 0), *(("01_convolution", k) for k in (0, 0, 1, 2))]
    assert "wants a GPU" in page, "what the chapter says of its full scale"
    kept = json.loads(chapters.KEPT.read_text())["chapters"]
    assert set(kept) == {"01_convolution", "05_normalization"}


def test_the_teachers_table_has_what_was_measured_and_says_where(folder):
    chapters.main(["05"])
    chapters.main(["01", "--scale", "smoke"])
    row = json.loads(chapters.KEPT.read_text())["chapters"]["05_normalization"]
    text = chapters.TEACHING.read_text()
    told = f"one after the other (load average when they began up to {row['load']:.1f})"
    about = f"{row['about']}, {told}"
    assert text.startswith(f"The runs were measured on {about}.\n\n| exercise")
    assert "| 05_normalization | 04 | normalise | 4 | 12 | 50 | 0.3 |\n" in text
    assert "| 01_convolution | 00 | see | 4 | 12 | 50 | - |\n" in text
    assert text.endswith("| 2 | 02 | 01 |\n")
    chapters.TEACHING.write_text(TABLE)
    chapters.main(["--pages"])
    assert chapters.TEACHING.read_text() == text


def test_the_teachers_page_agrees_with_exercises_and_measurements():
    kept = json.loads(chapters.KEPT.read_text("utf-8"))["chapters"]
    text = chapters.TEACHING.read_text("utf-8")
    assert chapters.teaching(text, kept) == text
    for name in chapters.RESULTS:
        assert name == "00_start" or f"\n| {name} |" in text


@pytest.mark.parametrize(("name", "worse"), [("01", -1), ("05", 1)])
def test_a_result_worse_than_the_worst_by_more_than_the_spread_is_told(folder, capsys, name, worse):
    assert chapters.main(["--check", name]) == 2, "nothing is kept yet"
    chapters.main([name])
    before = chapters.KEPT.read_text()
    for change, status in ((0, 0), (2 * worse, 0), (2.5 * worse, 1), (-50 * worse, 0)):
        folder["base"] = 90 + change
        capsys.readouterr()
        assert chapters.main(["--check", name]) == status, change
        assert ("WORSE" in capsys.readouterr().out) == bool(status)
    assert chapters.KEPT.read_text() == before, "a check keeps nothing"


def test_a_chapter_that_fails_is_told_and_the_others_are_measured(folder, capsys, monkeypatch):
    run = chapters.run

    def failing(name, turn, scale):
        if name == "04_residual":
            raise RuntimeError("chapter_child 04_residual failed: no such name")
        return run(name, turn, scale)

    monkeypatch.setattr(chapters, "run", failing)
    assert chapters.main(["04", "05"]) == 1
    assert "04_residual failed: no such name" in capsys.readouterr().out
    assert set(json.loads(chapters.KEPT.read_text())["chapters"]) == {"05_normalization"}
    monkeypatch.setattr(chapters, "learn", lambda name: failing("04_residual", 0, "default"))
    assert chapters.main(["--check", "05"]) == 1


def test_where_all_runs_are_alike_a_little_worse_is_no_alarm():
    kept = {"better": "higher", "values": [0.8, 0.8, 0.8]}
    assert not chapters.worse([0.79, 0.8, 0.8], kept)
    assert chapters.worse([0.78, 0.8, 0.8], kept)
    assert chapters.worse([float("nan")], kept), "a result that is no number"


def test_an_unknown_chapter_is_told_in_one_sentence(folder, capsys):
    for name in ("77", "13_singles", "1", ""):
        assert chapters.main(["--check", "05", name]) == 2
        assert f'chapter "{name}"; there are 00, 01' in capsys.readouterr().err
    assert not folder["calls"]


@pytest.mark.parametrize("name", ["13", "13_single", "13_single_shot"])
def test_a_chapter_is_known_by_its_number_its_name_and_a_beginning_of_it(folder, capsys, name):
    assert chapters.chosen(["05", name]) == ["05_normalization", "13_single_shot"]
    assert chapters.main(["--check", name]) == 2, "nothing is kept yet"
    assert "13_single_shot: no learning result is kept" in capsys.readouterr().out


def test_every_chapter_has_a_result_read_from_names_that_it_makes():
    numbered = {path.stem for path in chapters.CHAPTERS.glob("[01]?_*.ipynb")}
    assert set(chapters.RESULTS) == numbered
    for name, results in chapters.RESULTS.items():
        book = nbformat.read(chapters.CHAPTERS / f"{name}.ipynb", as_version=4)
        code = "\n".join(cell.source for cell in book.cells if cell.cell_type == "code")
        stored = names_of(code, ast.Store)
        for learnt in results:
            made = stored | names_of(learnt.read, ast.Store) | set(dir(builtins)) | {"np"}
            assert names_of(learnt.read, ast.Load) <= made, (name, learnt.what)
        seeds = len(chapter_child.SEED.findall(code))
        assert seeds > 0, f"{name} names no seed that could be exchanged"


def names_of(code, kind):
    """Names that code reads or sets."""
    nodes = ast.walk(ast.parse(code))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, kind)}


def test_the_page_has_the_ratio_of_each_step_to_the_graphs():
    ways = {"graph": [10.0, 12.0, 50.0], "XLA": [6.0, 6.0, 6.0], "jax": [18.0, 18.0, 18.0]}
    nets = {"a net": {way: {"first pass": [2.0], "steps": t} for way, t in ways.items()}}
    page = chapters.page({"steps": {"about": "a machine", "load": 0.0, "nets": nets}})
    assert "| a net | 12.0 (1.00) | 6.0 (0.50) | 18.0 (1.50) | XLA | 2.0 | 2.0 | 2.0 |" in page


CELLS = [
    "import keras\nimport numpy as np\nfrom convbook.data import structure\n"
    "keras.utils.set_random_seed(7)",
    "(x, _), _ = structure(15, 20, 5)\n"
    "net = keras.Sequential([keras.Input(x.shape[1:]), keras.layers.Conv2D(24, 5),"
    " keras.layers.Conv2D(24, 5), keras.layers.Flatten(),"
    " keras.layers.Dense(1)])\nnet.compile('sgd', 'mse', jit_compile=False)\n"
    "net.fit(x, np.ones(len(x)), batch_size=5, epochs=8, verbose=0)",
    "drawn = np.random.random(3)\nprint('words')",
]


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """A chapter of three cells; and what measuring patches, put back afterwards."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in CELLS])
    nbformat.write(book, tmp_path / "tiny.ipynb")
    monkeypatch.setattr(chapter_child, "CHAPTERS", tmp_path)
    monkeypatch.setattr(keras.Model, "fit", keras.Model.fit)
    monkeypatch.setattr(plt, "show", plt.show)
    for name in data.__all__:
        if inspect.isfunction(getattr(data, name)):
            monkeypatch.setattr(data, name, getattr(data, name))
    return tmp_path / "tiny.ipynb"


def test_what_handing_over_takes_is_measured_in_calls_like_those_that_were_made():
    asked = []

    def fit(net, **options):
        asked.append(options["epochs"])
        busy = time.process_time() + 0.05 * options["epochs"]
        while time.process_time() < busy:
            pass

    fits = chapter_child.Fits()
    fits.original = fit
    x = np.zeros((4, 2))
    for epochs in (3, 3, 2):  # a chapter fits three times
        fits.note({"x": x, "epochs": epochs})
    found = fits.handing_over() or 0.0
    assert asked == [1, 3, 1, 2], "each kind of call once to be traced, once to be measured"
    assert 0.4 <= found < 0.5, "two calls of three passes, one of two"


def test_a_chapter_is_measured_and_its_seed_exchanged_in_memory_only(notebook, capsys):
    before = notebook.read_bytes()
    found = chapter_child.measure("tiny", 0, {"drawn": "drawn", "size": "len(x)"})
    assert found["results"]["size"] == [20]
    assert 0 < found["making data"] < found["cpu"]
    assert 0 < found["handing over"] < found["fit"] < found["cpu"]
    again = chapter_child.measure("tiny", 0, {"drawn": "drawn"})["results"]["drawn"]
    other = chapter_child.measure("tiny", 1, {"drawn": "drawn"})["results"]["drawn"]
    assert found["results"]["drawn"] == again != other
    assert notebook.read_bytes() == before
    assert capsys.readouterr().out == "", "the last line is the result's"
