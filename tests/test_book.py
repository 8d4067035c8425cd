"""The form of the chapters, and the made-up class of the demonstration."""

import ast
import os
import re
import subprocess
import sys

import nbformat
import pytest
import warm
from nbformat import v4

from book.classroom import NOTEBOOK, fill, make_class, students
from book.elsewhere import is_elsewhere
from book.execution import CHAPTERS


def notebook(*cells):
    return v4.new_notebook(cells=list(cells))


def code(source):
    return v4.new_code_cell(source)


# --- the chapters ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(CHAPTERS.glob("[0-8]*.ipynb")), ids=lambda p: p.stem)
def test_a_chapter_has_the_form_of_a_chapter(path):
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    assert len({cell.id for cell in book.cells}) == len(book.cells)
    assert all("slide_type" in cell.metadata.get("slideshow", {}) for cell in book.cells)
    code = [cell for cell in book.cells if cell.cell_type == "code" and not is_elsewhere(cell)]
    assert 15 <= len(code) <= 30
    assert not any(cell.outputs or cell.execution_count for cell in code)
    for cell in code:
        assert len(cell.source.splitlines()) <= 32, f"{cell.id} does not fit on a screen"
    # It opens with its question, and a picture comes before anything else is computed.
    opening = book.cells[0].source
    assert opening.startswith(f"# {int(path.stem[:2])} ")
    assert "?**" in opening.split("\n\n")[1]
    assert any("plt.show()" in cell.source for cell in code[1:3])
    # It ends with what was seen, computed, then what to do next, and the sources with their years.
    prose = "\n\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    headings = [line[3:] for line in prose.splitlines() if line.startswith("## ")]
    seen = headings.index("What we saw")
    assert headings[-1] == "Sources"
    assert len(headings) - seen == 3
    after = next(i for i, cell in enumerate(book.cells) if cell.source.startswith("## What we saw"))
    assert book.cells[after + 1].cell_type == "code"
    sources = prose.split("## Sources")[1]
    for line in re.findall(r"^- .+$", sources, re.MULTILINE):
        assert re.search(r"\b(19|20)\d\d\b|CC BY", line), line
    if path.stem != "00_start":
        assert f"exercises/{path.stem}" in prose


@pytest.mark.parametrize("path", sorted(CHAPTERS.glob("*.ipynb")), ids=lambda p: p.stem)
def test_a_cell_can_be_run_again_after_the_others(path):
    """No cell gives another thing the name of a function that other cells call."""
    functions: dict[str, list[str]] = {}
    others: dict[str, list[str]] = {}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and not is_elsewhere(cell):
            for name, is_function in bound_by(cell.source):
                (functions if is_function else others).setdefault(name, []).append(cell.id)
    assert {name: cells for name, cells in others.items() if name in functions} == {}


def bound_by(source):
    """The names that a cell binds outside of its functions, and whether to a function or class."""
    bound, left = [], [ast.parse(source)]
    inner = ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp
    while left:
        node = left.pop()
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.append((node.name, True))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.append((node.id, False))
        elif not isinstance(node, inner):
            left.extend(ast.iter_child_nodes(node))
    return bound


def test_a_name_that_a_loop_binds_is_found_and_one_in_a_function_is_not():
    source = (
        "def made(x):\n    head = x\n\nfor head, *rest in pairs:\n    total = [y for y in rest]"
    )
    assert sorted(bound_by(source)) == [
        ("head", False), ("made", True), ("rest", False), ("total", False),
    ]  # fmt: skip


@pytest.mark.parametrize("path", sorted(CHAPTERS.glob("*.ipynb")), ids=lambda p: p.stem)
def test_no_cell_shows_the_object_that_a_training_returns(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            last = cell.source.strip().split("\n")[-1]
            assert not re.match(r"\w+\.fit\(.*\)$", last), f"{cell.id} ends with {last}"


DRAWS = re.compile(r"plt\.show\(\)|_widget\(|^(draw_\w+|demo\.\w+)\(", re.MULTILINE)


@pytest.mark.parametrize("path", sorted(CHAPTERS.glob("*.ipynb")), ids=lambda p: p.stem)
def test_every_figure_has_a_caption_to_be_read_without_the_code(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code" or not DRAWS.search(cell.source):
            continue
        caption = cell.metadata.get("caption", "")
        assert 40 <= len(caption) <= 240, f"{cell.id}: {caption}"
        assert caption.endswith("."), cell.id
        # Plain text, as slides and alternative texts show it, and no number to keep in step.
        assert not re.search(r"[Ff]igure \d|[`$*\n]|  ", caption), cell.id


@pytest.mark.slow
@pytest.mark.notebook
@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", sorted(CHAPTERS.glob("[0-8]*.ipynb")), ids=lambda p: p.stem)
def test_a_chapter_runs_on_jax_too(path, root):
    pytest.importorskip("jax")
    program = f"from chapter_run import run_chapter; run_chapter({path.stem!r})"
    backend = {"KERAS_BACKEND": "jax", "MPLBACKEND": "Agg", "PYTHONPATH": str(root / "tests")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


# --- the class ------------------------------------------------------------------------------------

EXERCISE = "04_residual"


def test_the_class_has_every_kind_of_submission():
    members = students(EXERCISE)
    assert len(members) >= 16
    assert len({student.name for student in members}) == len(members)
    verdicts = [student.verdicts for student in members if student.verdicts is not None]
    right = [v for v in verdicts if v and set(v.values()) == {"correct"}]
    wrong = [v for v in verdicts if "wrong" in v.values()]
    assert len(right) >= 4
    assert len(wrong) >= 6
    assert {student.status for student in members} == {"graded", "timeout", "invalid", "missing"}


def test_the_submissions_lie_as_nbgrader_wants_them(tmp_path):
    members = make_class(EXERCISE, tmp_path)
    for student in members:
        path = tmp_path / student.name / EXERCISE / f"{EXERCISE}.ipynb"
        if student.file is None:
            assert path.parent.is_dir()
            assert not path.exists()
        elif student.file != NOTEBOOK:
            assert path.read_text(encoding="utf-8") == student.file
        else:
            written = nbformat.read(path, as_version=4)
            sources = [cell.source for cell in written.cells]
            assert all(answer in sources for answer in student.answers.values())


def test_an_answer_without_a_place_is_an_error():
    with pytest.raises(KeyError, match="no solution cell that defines f"):
        fill(notebook(code("def f(x):\n    return x")), {"f": "def f(x): return 2 * x"})


def test_an_exercise_without_a_class_is_told_in_one_sentence(tmp_path, root):
    done = warm.run(["-m", "book.classroom", "99_nothing", str(tmp_path)], root)
    assert done.returncode == 2
    assert "99_nothing" in done.stderr
    assert "Traceback" not in done.stderr
