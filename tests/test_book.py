"""The book's pages, and the made-up class of the demonstration."""

import base64
import os
import re
import subprocess
import sys

import nbformat
import pytest
from nbformat import v4

from book import build as building
from book.build import BuildError, build, execute, main
from book.classroom import NOTEBOOK, fill, make_class, students
from book.page import opening_of, render, render_slides, title_of

# --- pages ----------------------------------------------------------------------------------------


def notebook(*cells):
    return v4.new_notebook(
        cells=list(cells), metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    )


def text(source):
    return v4.new_markdown_cell(source)


def code(source, *outputs, **metadata):
    return v4.new_code_cell(source, outputs=list(outputs), metadata=metadata)


def stream(words, name="stdout"):
    return v4.new_output("stream", name=name, text=words)


def test_a_page_has_a_contents_list_that_leads_to_its_headings(tmp_path):
    page = render(notebook(text("# Title\n\n## Depth & width\n\n### Depth & width")), tmp_path)
    assert "<title>Title</title>" in page
    assert '<a href="#depth-width">Depth &amp; width</a>' in page
    assert '<h2 id="depth-width">' in page
    assert '<a href="#depth-width-2">' in page
    assert '<h3 id="depth-width-2">' in page


def test_a_page_needs_no_network(tmp_path):
    """Formulas are MathML, figures are embedded, and nothing is loaded from elsewhere."""
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    figure = v4.new_output("display_data", data={"image/png": "aGVsbG8=", "text/plain": "<Figure>"})
    page = render(
        notebook(text("# T\n\n$$y = \\mathcal F(x) + x$$\n\n![a](picture.png)"), code("1", figure)),
        tmp_path,
    )
    assert "<math " in page
    assert "$" not in page
    assert 'src="data:image/png;base64,aGVsbG8="' in page
    assert 'alt="&lt;Figure&gt;"' in page
    assert "picture.png" not in page
    assert "<script" not in page
    assert 'src="http' not in page
    assert "<link" not in page


def test_a_drawn_figure_keeps_its_letters_readable_and_its_words_can_be_heard(tmp_path):
    svg = '<?xml version="1.0"?>\n<svg width="360pt" height="216pt" viewBox="0 0 360 216">'
    svg += "<!-- epoch --><!-- $\\mathdefault{10^{1}}$ --><!-- 2.5 --><!-- loss & more --></svg>"
    figure = v4.new_output(
        "display_data", data={"image/svg+xml": svg, "image/png": "x", "text/plain": "<Figure>"}
    )
    page = render(notebook(code("1", figure)), tmp_path)
    found = re.search(r'<img alt="([^"]*)" style="([^"]*)" src="data:image/svg[^,]*,([^"]*)"', page)
    assert found
    assert base64.b64decode(found[3]).decode() == svg
    assert found[1] == "Figure: epoch; loss &amp; more"
    assert "<svg" not in page, "two figures would share the names in them"
    # 360 pt are 480 pixels: larger where there is room, and a page narrower than 312 scrolls.
    assert found[2] == "width: 576px; min-width: 312px"


def test_drawing_code_can_be_folded_away(tmp_path):
    page = render(
        notebook(text("# T"), code("shown = 1"), code("drawn = 2", tags=["hide-input"])), tmp_path
    )
    before, folded = page.split("<details>")
    assert "shown" in before
    assert "drawn" in folded.split("</details>")[0]


def shown_on(cell, kind):
    cell.metadata["slideshow"] = {"slide_type": kind}
    return cell


def test_slides_begin_where_the_cells_say_and_leave_out_what_they_say(tmp_path):
    cells = [
        shown_on(text("# One\n\nwhat is it?"), "slide"),
        shown_on(code("import setup", stream("a machine")), "skip"),
        shown_on(text("the answer"), "fragment"),
        shown_on(text("## Two"), "subslide"),
        shown_on(code("drawn = 2", stream("its figure"), tags=["hide-input"]), "fragment"),
        code("shown = 3"),
    ]
    deck = render_slides(notebook(*cells), tmp_path, home="01_one.html")
    first, second = deck.split("<section>")[1:]
    assert first.index("what is it?") < first.index("fragment") < first.index("the answer")
    assert "1 / 2" in first
    assert 'href="01_one.html"' in first
    assert "import" not in deck
    assert "a machine" not in deck
    assert "its figure" in second
    assert "drawn" not in second
    assert "shown" in second.split("<script")[0]
    assert 'src="http' not in deck
    assert "<link" not in deck


def test_a_progress_bar_shows_its_last_state_only(tmp_path):
    page = render(notebook(code("1", stream("\r10%"), stream("\r100%\ndone\n"))), tmp_path)
    assert "<pre>100%\ndone</pre>" in page
    assert "10%\n" not in page


def test_the_runtimes_notes_are_left_out_but_warnings_are_kept(tmp_path):
    note = "I0000 00:00:1795318830.247221   23807 port.cc:153] oneDNN custom operations are on.\n"
    page = render(notebook(code("1", stream(note + "mind this\n", "stderr"))), tmp_path)
    assert "oneDNN" not in page
    assert "mind this" in page
    assert 'class="output' not in render(notebook(code("1", stream(note, "stderr"))), tmp_path)


def test_links_to_other_chapters_lead_to_their_pages(tmp_path):
    links = "[a](02_two.ipynb) [b](../contents.ipynb) [c](https://x.org/y.ipynb)"
    page = render(notebook(text(f"# T\n\n{links}")), tmp_path)
    assert re.findall(r'<a href="([^"#]+)">', page) == [
        "02_two.html", "index.html", "https://x.org/y.ipynb",
    ]  # fmt: skip


def test_what_a_program_prints_is_not_taken_for_html(tmp_path):
    page = render(notebook(code("print('<b>')", stream("<b>&\x1b[31mred\x1b[0m"))), tmp_path)
    assert "&lt;b&gt;&amp;" in page
    assert 'ansi-red-fg">red' in page


def test_title_and_opening_come_from_the_text():
    sample = notebook(text("# Residual *nets*\n\n> note\n\nWhy do [they](x.html) train\nbetter?"))
    assert title_of(sample) == "Residual *nets*"
    assert opening_of(sample) == "Why do they train better?"


@pytest.mark.notebook
def test_a_chapter_is_run_and_written(tmp_path, monkeypatch):
    chapters = tmp_path / "chapters"
    chapters.mkdir()
    (chapters / "data.txt").write_text("read from its own folder")
    nbformat.write(
        notebook(text("# One\n\nWhat is one?"), code("print(open('data.txt').read())")),
        chapters / "01_one.ipynb",
    )
    monkeypatch.setattr(building, "CHAPTERS", chapters)
    page, seconds = build(chapters / "01_one.ipynb", tmp_path / "out")
    html = page.read_text(encoding="utf-8")
    assert "read from its own folder" in html
    assert "default scale" in html
    assert seconds > 0
    assert 'href="01_one.slides.html"' in html
    slides = (tmp_path / "out" / "01_one.slides.html").read_text(encoding="utf-8")
    assert "read from its own folder" in slides
    index = building.write_index(tmp_path / "out").read_text(encoding="utf-8")
    assert 'href="01_one.html"' in index
    assert "What is one?" in index


@pytest.mark.notebook
def test_a_chapter_that_fails_is_named_and_leaves_no_page(tmp_path):
    path = tmp_path / "02_two.ipynb"
    nbformat.write(notebook(text("# Two\n\n## The sum"), code("1 / 0")), path)
    with pytest.raises(BuildError, match=r"02_two.*The sum(?s:.*)ZeroDivisionError"):
        build(path, tmp_path / "out")
    assert not (tmp_path / "out" / "02_two.html").exists()


def test_what_is_no_notebook_is_said_in_one_sentence(tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_text("not JSON")
    with pytest.raises(BuildError, match="is not a notebook"):
        execute(path)


def test_an_unknown_chapter_is_told_what_there_is(capsys):
    assert main(["99_nothing"]) == 2
    message = capsys.readouterr().err
    assert "There is no chapter 99_nothing; there are 00_start" in message
    assert "Traceback" not in message


# --- the chapters ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", sorted(building.CHAPTERS.glob("[0-8]*.ipynb")), ids=lambda p: p.stem
)
def test_a_chapter_has_the_form_of_a_chapter(path):
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    assert len({cell.id for cell in book.cells}) == len(book.cells)
    assert all("slide_type" in cell.metadata.get("slideshow", {}) for cell in book.cells)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
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


@pytest.mark.slow
@pytest.mark.notebook
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "path", sorted(building.CHAPTERS.glob("[0-8]*.ipynb")), ids=lambda p: p.stem
)
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
    done = subprocess.run(
        [sys.executable, "-m", "book.classroom", "99_nothing", str(tmp_path)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "99_nothing" in done.stderr
    assert "Traceback" not in done.stderr
