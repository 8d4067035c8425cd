"""The book as a site and as slides: what a reader sees, hears, and needs no network for."""

import base64
import importlib.metadata
import os
import re
import subprocess
import sys

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat import v4

import book.build
from book import execution
from book.build import build, main
from book.execution import ROOT, BuildError, execute, executed
from book.links import faults
from book.mathml import mathml
from book.slides import on_slide, slides
from book.staging import (
    as_page,
    clean,
    opening_of,
    plain_title,
    read_sources,
    title_of,
)

BIBLIOGRAPHY = ROOT / "book" / "site" / "references.bib"


def notebook(*cells):
    kernel = {"name": "python3", "display_name": "Python 3"}
    return v4.new_notebook(cells=list(cells), metadata={"kernelspec": kernel})


def text(source):
    return v4.new_markdown_cell(source)


def code(source, *outputs, **metadata):
    return v4.new_code_cell(source, outputs=list(outputs), metadata=metadata)


def stream(words, name="stdout"):
    return v4.new_output("stream", name=name, text=words)


def figure(**data):
    named = {key.replace("_", "/", 1).replace("_", "+"): value for key, value in data.items()}
    return v4.new_output("display_data", data={**named, "text/plain": "<Figure>"})


def shown_on(cell, kind):
    cell.metadata["slideshow"] = {"slide_type": kind}
    return cell


def test_the_librarys_page_names_no_folder_of_this_machine(tmp_path):
    (tmp_path / "conf.py").write_text((ROOT / "book/site/conf.py").read_text(encoding="utf-8"))
    (tmp_path / "references.bib").write_text("")
    (tmp_path / "_static").mkdir()
    (tmp_path / "_extra").mkdir()
    (tmp_path / "index.md").write_text(
        "# Kept\n\n```{eval-rst}\n.. automodule:: convbook.kept\n```\n"
    )
    program = "from sphinx.cmd.build import main; main(['-q', '-b', 'text', '.', 'out'])"
    environment = {**os.environ, "CONVBOOK_ROOT": str(ROOT)}
    run = [sys.executable, "-c", program]
    subprocess.run(run, cwd=tmp_path, env=environment, check=True, capture_output=True)
    page = (tmp_path / "out" / "index.txt").read_text(encoding="utf-8")
    assert "load_kept" in page
    assert "PosixPath" not in page


# --- outputs --------------------------------------------------------------------------------------


def test_a_progress_bar_shows_its_last_state_only():
    (cell,) = clean(notebook(code("1", stream("\r10%"), stream("\r100%\ndone\n")))).cells
    assert [output.text for output in cell.outputs] == ["100%\ndone"]


def test_the_runtimes_notes_are_left_out_but_warnings_are_kept():
    note = "I0000 00:00:1795318830.247221   23807 port.cc:153] oneDNN custom operations are on.\n"
    note += "WARNING:tensorflow:5 out of the last 9 calls to <f> triggered tf.function.\n"
    for name in ("stderr", "stdout"):
        (cell,) = clean(notebook(code("1", stream(note + "mind this\n", name)))).cells
        assert [output.text for output in cell.outputs] == ["mind this"]
    (cell,) = clean(notebook(code("1", stream(note, "stderr")))).cells
    assert cell.outputs == []


def test_the_words_of_a_figure_can_be_heard():
    svg = "<svg><!-- epoch --><!-- $\\mathdefault{10^{1}}$ --><!-- 2.5 --><!-- loss &amp; --></svg>"
    (cell,) = clean(notebook(code("1", figure(image_svg_xml=svg)))).cells
    assert cell.metadata["mystnb"]["image"]["alt"] == "Figure: epoch; loss &"
    (cell,) = clean(notebook(code("1", figure(image_png="aGVsbG8=")))).cells
    assert cell.metadata["mystnb"]["image"]["alt"] == "A figure."


def test_a_demonstration_keeps_its_width_on_a_telephone():
    begin = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
    for width, classes in ((880, "drawn wide"), (416, "drawn")):
        png = base64.b64encode(begin + width.to_bytes(4, "big")).decode()
        (cell,) = clean(notebook(code("1", figure(image_png=png)))).cells
        assert cell.metadata["mystnb"]["image"]["classes"] == classes


def test_a_caption_is_heard_first():
    svg = "<svg><!-- epoch --></svg>"
    caption = "Loss by epoch. Lines are seeds."
    drawn = figure(image_svg_xml=svg)
    (cell,) = clean(notebook(code("1", stream("3"), drawn, caption=caption))).cells
    assert cell.metadata["mystnb"]["image"]["alt"] == "Loss by epoch. Figure: epoch"
    (cell,) = clean(notebook(code("1", figure(image_png="aGVsbG8="), caption=caption))).cells
    assert cell.metadata["mystnb"]["image"]["alt"] == "Loss by epoch."


def test_a_widget_is_its_still_picture():
    widget = "application/vnd.jupyter.widget-view+json"
    still = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(16)).decode()
    output = v4.new_output(
        "execute_result",
        data={widget: {"model_id": "1"}, "image/png": still, "text/plain": "Box()"},
    )
    (cell,) = clean(notebook(code("1", output))).cells
    assert set(cell.outputs[0].data) == {"image/png", "text/plain"}


# --- text -----------------------------------------------------------------------------------------


def test_title_and_opening_come_from_the_text():
    sample = notebook(text("# Residual *nets*\n\n> note\n\nWhy do [they](x.html) train\nbetter?"))
    assert title_of(sample) == "Residual *nets*"
    assert opening_of(sample) == "Why do they train better?"


def test_a_chapter_that_is_named_is_a_link_where_there_is_one():
    cells = [
        text("# 4 Nets\n\nAs chapter 3 said, `chapter 3` and chapter 30."),
        text("## chapter 3"),
    ]
    first, second, foot = as_page(notebook(*cells), ["03_classic"], {}, "the end").cells
    assert "As [chapter 3](03_classic.ipynb) said, `chapter 3` and chapter 30." in first.source
    assert second.source == "## chapter 3"
    assert foot.source == "the end"


def test_links_of_the_lab_lead_to_pages_of_the_site():
    links = "[b](../contents.ipynb) [`exercises/a/a.ipynb`](../exercises/a/a.ipynb) [c](02_b.ipynb)"
    (cell, _) = as_page(notebook(text(links)), [], {}, "").cells
    assert cell.source == "[b](index.md) `exercises/a/a.ipynb` [c](02_b.ipynb)"


def test_a_source_leads_to_the_bibliography_by_its_number_or_its_title():
    sources = {"1512.03385": "he2016", plain_title("Gradient-based learning"): "lecun1998"}
    lines = (
        "## Sources\n\n- He, arXiv:1512.03385: nets.\n- LeCun, *Gradient-Based Learning*.\n- Me."
    )
    page = as_page(notebook(text(lines)), [], sources, "")
    assert page.cells[0].source.split("\n")[2:] == [
        "- He, arXiv:1512.03385: nets. {cite}`he2016`",
        "- LeCun, *Gradient-Based Learning*. {cite}`lecun1998`",
        "- Me.",
    ]


@pytest.mark.parametrize("path", sorted((ROOT / "chapters").glob("*.ipynb")), ids=lambda p: p.stem)
def test_every_paper_of_a_chapter_is_in_the_bibliography(path):
    known = read_sources(BIBLIOGRAPHY)
    prose = "\n".join(
        cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown"
    )
    _, _, sources = prose.partition("## Sources")
    assert [
        number for number in re.findall(r"arXiv:([\d.]+\d)", sources) if number not in known
    ] == []


def test_the_keys_of_the_bibliography_are_unlike():
    keys = re.findall(r"^@\w+{([^,]+),", BIBLIOGRAPHY.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(keys) == len(set(keys)) > 50


def test_a_formula_is_drawn_without_a_script():
    assert mathml("y = \\mathcal F(x)").startswith("<math ")
    assert 'display="block"' in mathml("x^2", "block")


# --- slides ---------------------------------------------------------------------------------------


def test_slides_begin_where_the_cells_say_and_leave_out_what_they_say(tmp_path):
    cells = [
        shown_on(text("# One\n\nWhat is it? More of it. $x^2$"), "slide"),
        shown_on(code("import setup", stream("a machine")), "skip"),
        shown_on(text("The answer. And why."), "fragment"),
        shown_on(text("## Two"), "subslide"),
        shown_on(code("drawn = 2", stream("its figure"), tags=["hide-input"]), "fragment"),
        code('def f():\n    """First.\n\n    Much more.\n    """\n    return 3'),
    ]
    deck = slides(notebook(*cells), tmp_path)
    body = deck.split("<main>", 1)[1]
    first, second = body.split("<section")[2:]
    words = first.split('<aside class="notes">')
    assert "What is it?" in words[0]
    assert "More of it." not in words[0]
    assert "More of it." in words[1]
    assert "<math " in words[1]
    assert first.index("What is it?") < first.index('class="fragment"') < first.index("The answer.")
    assert "import" not in first
    assert "a machine" not in body
    assert "its figure" in second
    assert "drawn" not in second
    assert "First." in second
    assert "Much more." not in second


def test_a_slide_has_the_caption_under_the_last_picture_and_words_for_it(tmp_path):
    table = v4.new_output("display_data", data={"text/html": "<table></table>", "text/plain": ""})
    drawn = [figure(image_svg_xml=f"<svg><!-- {word} --></svg>") for word in ("one", "two")]
    caption = 'Two figures, "a" & "b". More of them.'
    cell = shown_on(code("1", *drawn, table, caption=caption), "slide")
    page = BeautifulSoup(slides(clean(notebook(cell)), tmp_path), "html.parser")
    first = 'Two figures, "a" & "b".'
    assert [image["alt"] for image in page.select("img")] == 2 * [
        f"{first} Figure: one Figure: two"
    ]
    shown = page.select("main img, main .caption, main table")
    assert [part.name for part in shown] == ["img", "img", "p", "table"]
    assert shown[2].text == caption


@pytest.mark.parametrize(
    ("prose", "shown"),
    [
        ("He et al. 2016 say so. Then more.", "He et al. 2016 say so."),
        ("**What is it?**\n\nA thing. Or two.", "**What is it?**"),
        ("The end of before.\n\n## Next\n\nIt is here. Now.", "## Next\n\nIt is here."),
        ("Look.\n\n$$x$$\n\n- one\n- two\n\nMore.", "Look.\n\n$$x$$\n\n- one\n- two"),
        ("A value of `a.b`. More.", "A value of `a.b`."),
    ],
)
def test_a_slide_has_the_first_sentence_and_what_is_no_prose(prose, shown):
    assert on_slide(prose) == shown


# --- building -------------------------------------------------------------------------------------


DRAWING = """\
%matplotlib inline
import matplotlib.pyplot as plt
from IPython.display import HTML
plt.plot([1, 2])
plt.show()
HTML("<table><tr><td>3</td></tr></table>")"""


@pytest.mark.notebook
def test_the_site_of_a_chapter_is_whole_and_needs_no_network(tmp_path, monkeypatch, capsys):
    chapters = tmp_path / "chapters"
    chapters.mkdir()
    (chapters / "data.txt").write_text("read from its own folder")
    (chapters / "01_one" / ".ipynb_checkpoints").mkdir(parents=True)
    source = notebook(
        text("# 1 One\n\nWhat is one?\n\n$$y = x$$"),
        code("print(open('data.txt').read(), '<b>')"),
        v4.new_code_cell("set_up = True", id="setup"),
        code(DRAWING, tags=["hide-input"], caption='A line, "rising".'),
        text("## Sources\n\n- He et al. 2016, arXiv:1512.03385."),
    )
    nbformat.write(source, chapters / "01_one.ipynb")
    out = tmp_path / "out"
    (page,), failures = build([chapters / "01_one.ipynb"], out, whole=False)
    assert failures == []
    assert "ran now" in capsys.readouterr().out
    html = page.read_text(encoding="utf-8")
    assert "read from its own folder &lt;b&gt;" in html
    assert "<math " in html
    assert "default scale" in html
    (captioned,) = re.findall(r"<figure .*?</figure>", html, re.DOTALL)
    assert "<img alt=" in captioned
    assert "A line, “rising”." in captioned
    assert "<table>" not in captioned
    assert "What is one?" in (out / "index.html").read_text(encoding="utf-8")

    assert {"01_one.html", "01_one.slides.html", "tour.html"} <= {p.name for p in out.glob("*")}
    assert faults(out) == []

    # Nothing changed: nothing runs, no slides are made. Changed text alone is shown without a run.
    decks = []

    def noted(*of):
        decks.append(slides(*of))
        return decks[-1]

    monkeypatch.setattr(book.build, "slides", noted)
    build([chapters / "01_one.ipynb"], out, whole=False)
    assert decks == []
    source.cells[0].source = "# 1 One\n\nWhat is not one?"
    nbformat.write(source, chapters / "01_one.ipynb")
    # Where the repository is known, a page opens in Colab, and its notebook fetches the book.
    repository = "https://github.com/someone/the-book"
    monkeypatch.setenv("CONVBOOK_REPOSITORY", repository)
    build([chapters / "01_one.ipynb"], out, whole=False)
    assert "ran now" not in capsys.readouterr().out
    html = page.read_text(encoding="utf-8")
    assert "What is not one?" in html
    assert len(decks) == 1
    assert "What is not one?" in (out / "01_one.slides.html").read_text(encoding="utf-8")
    assert "colab.research.google.com/github/someone/the-book/blob/main/chapters/01_one" in html
    assert f'BOOK = "{repository}"' in (out / "_sources" / "01_one.ipynb").read_text(
        "utf-8"
    ).replace('\\"', '"')
    assert repository not in html.split("<article")[1].split("</article>")[0]


def test_pages_of_modules_stay_where_they_are_wanted(tmp_path):
    for name in ("one", "other"):
        (tmp_path / "api").mkdir(exist_ok=True)
        (tmp_path / "api" / f"{name}.md").write_text("")
    book.build._stage_fixed(tmp_path, {"one"})
    assert [page.name for page in (tmp_path / "api").glob("*")] == ["one.md"]


def test_what_is_wrong_with_links_is_told(tmp_path):
    outside = tmp_path.parent / f"{tmp_path.name}-outside.html"
    outside.write_text("")
    (tmp_path / "two.html").write_text('<h1 id="here">Two</h1><a href="https://x.org">out</a>')
    (tmp_path / "one.html").write_text(
        '<script src="https://x.org/a.js"></script><img src="none.png">'
        '<a href="two.html#here">good</a><a href="two.html#there">bad</a>'
        f'<a href="three.html">gone</a><a href="../{outside.name}">outside</a>'
    )
    assert faults(tmp_path) == [
        "one.html loads https://x.org/a.js from a network",
        "one.html wants none.png, which is not there",
        "one.html leads to two.html#there, which has no such place",
        "one.html leads to three.html, which is not there",
        f"one.html leads to ../{outside.name}, which is not there",
    ]


def test_what_a_cell_shows_leads_to_pages_of_the_site(tmp_path):
    words = '<a href="02_two.ipynb">next</a> <a href="../contents.ipynb">contents</a>'
    shown = v4.new_output("execute_result", data={"text/html": words, "text/plain": ""})
    prose = "[next](02_two.ipynb) [`exercises/a/a.ipynb`](../exercises/a/a.ipynb)"
    cells = [shown_on(text(prose), "slide"), shown_on(code("1", shown), "slide")]
    chapter = clean(notebook(*cells))
    page = '<a href="02_two.html">next</a> <a href="index.html">contents</a>'
    assert chapter.cells[1].outputs[0].data["text/html"] == page
    deck = slides(chapter, tmp_path)
    assert page in deck
    assert ".ipynb" not in deck.split("<main>", 1)[1].replace(
        "<code>exercises/a/a.ipynb</code>", ""
    )


@pytest.mark.notebook
def test_a_chapter_that_fails_is_named_and_leaves_no_page(tmp_path):
    path = tmp_path / "02_two.ipynb"
    nbformat.write(notebook(text("# Two\n\n## The sum"), code("1 / 0")), path)
    with pytest.raises(BuildError, match=r"02_two.*The sum(?s:.*)ZeroDivisionError"):
        build([path], tmp_path / "out")
    assert not (tmp_path / "out" / "02_two.html").exists()


def test_a_chapter_runs_again_where_a_module_it_stands_on_changed(tmp_path, monkeypatch):
    package = tmp_path / "convbook"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "upper.py").write_text("from convbook.lower import f")
    (package / "lower.py").write_text("f = 1")
    (package / "other.py").write_text("g = 1")
    runs = []

    def run(path):
        runs.append(path.name)
        return nbformat.read(path, as_version=4), 1.0

    monkeypatch.setattr(execution, "ROOT", tmp_path)
    monkeypatch.setattr(execution, "execute", run)
    path = tmp_path / "01_one.ipynb"
    nbformat.write(notebook(code("%matplotlib inline\nfrom convbook import upper")), path)
    kept = tmp_path / "kept"
    assert executed(path, kept)[1]
    assert not executed(path, kept)[1]
    (package / "other.py").write_text("g = 2")
    assert not executed(path, kept)[1]
    (package / "lower.py").write_text("f = 2")
    assert executed(path, kept)[1]
    assert len(list(kept.iterdir())) == 1, "what an older state gave is kept"
    monkeypatch.setenv("CONVBOOK_SCALE", "smoke")
    assert executed(path, kept)[1]
    monkeypatch.delenv("CONVBOOK_SCALE")
    assert not executed(path, kept)[1], "another scale's run took the place of this one's"
    assert len(runs) == 3


def test_a_chapter_runs_again_with_other_versions_of_what_it_may_import(tmp_path, monkeypatch):
    monkeypatch.setattr(execution, "execute", lambda path: (nbformat.read(path, as_version=4), 1.0))
    path, kept = tmp_path / "01_one.ipynb", tmp_path / "kept"
    nbformat.write(notebook(code("1 + 1")), path)
    assert executed(path, kept)[1]
    version = importlib.metadata.version
    backend = importlib.metadata.packages_distributions()["tensorflow"][0].replace("_", "-")
    for library in (backend, "scipy", "pycocotools"):
        monkeypatch.setattr(
            importlib.metadata,
            "version",
            lambda name, it=library: version(name) + "0" * (name == it),
        )
        assert executed(path, kept)[1], library
        assert not executed(path, kept)[1]


def test_the_versions_are_those_of_all_that_chapters_and_the_library_import(root):
    code = [path.read_text("utf-8") for path in root.glob("convbook/**/*.py")]
    for path in execution.CHAPTERS.glob("*.ipynb"):
        cells = execution._code_cells(execution.read(path))
        code += [
            re.sub(r"^(\s*)[%!].*$", r"\1pass", cell.source, flags=re.MULTILINE) for cell in cells
        ]
    names = {dotted.partition(".")[0] for one in code for dotted in execution._imports(one)}
    owners = importlib.metadata.packages_distributions()
    theirs = {
        name: {owner.replace("_", "-").lower() for owner in owners.get(name, ())}
        for name in names - {"convbook", "autograder"}
    }
    left = [
        name for name, owned in theirs.items() if owned and not owned & set(execution._VERSIONS)
    ]
    assert not left
    assert {"keras", "cv2", "sklearn"} <= set(theirs)


def test_the_scale_is_read_as_the_chapters_read_it(tmp_path, monkeypatch):
    monkeypatch.setattr(execution, "execute", lambda path: (nbformat.read(path, as_version=4), 1.0))
    path, kept = tmp_path / "01_one.ipynb", tmp_path / "kept"
    nbformat.write(notebook(code("1 + 1")), path)
    monkeypatch.setenv("CONVBOOK_SCALE", " FULL ")
    assert executed(path, kept)[1]
    monkeypatch.setenv("CONVBOOK_SCALE", "full")
    assert not executed(path, kept)[1]
    monkeypatch.setenv("CONVBOOK_SCALE", "huge")
    with pytest.raises(BuildError, match="CONVBOOK_SCALE is 'huge'; set it to one of smoke"):
        executed(path, kept)


@pytest.mark.notebook
def test_no_cell_is_ended_at_the_full_scale_however_it_is_written(tmp_path, monkeypatch):
    asked = []
    client = execution.NotebookClient

    def watched(*arguments, **options):
        asked.append(options["timeout"])
        return client(*arguments, **options)

    monkeypatch.setattr(execution, "NotebookClient", watched)
    path = tmp_path / "01_one.ipynb"
    nbformat.write(notebook(code("1 + 1")), path)
    for scale in ("FULL", "smoke"):
        monkeypatch.setenv("CONVBOOK_SCALE", scale)
        execute(path)
    assert asked == [None, execution.CELL_SECONDS]


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
