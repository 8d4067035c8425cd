"""Slides that the back row can read; a browser tells what is wrong with pages and decks."""

import base64
import io
import shutil

import pytest
from matplotlib.figure import Figure
from nbformat import v4

from book import look
from book.browser import MISSING, chromium
from book.execution import ROOT
from book.look import (
    _SCRIPT,
    Page,
    all_faults,
    deck_faults,
    look_at_page,
    look_at_slides,
    page_row,
    report,
)
from book.slides import copy_reveal, slides

needs_browser = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        driver.set_script_timeout(60)
        yield driver


def shown_on(cell, kind):
    cell.metadata["slideshow"] = {"slide_type": kind}
    return cell


PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="390" height="300" viewBox="0 0 390 300">'
    '<rect width="390" height="300"/></svg>'
)


def a_deck(folder):
    """A deck of three: a short slide; much code and a figure; many printed lines."""
    drawn = v4.new_output("display_data", data={"image/svg+xml": PICTURE, "text/plain": ""})
    printed = v4.new_output("stream", name="stdout", text="\n".join(map(str, range(60))))
    code = "\n\n".join(f"def f{i}():\n    return {'x' * 70}  # {i}" for i in range(20))
    cells = [
        shown_on(v4.new_markdown_cell("# A deck\n\nIt is short."), "slide"),
        shown_on(v4.new_markdown_cell("## Much\n\nOf everything."), "slide"),
        shown_on(v4.new_code_cell(code, outputs=[drawn]), "fragment"),
        shown_on(v4.new_markdown_cell("## Printed\n\nSixty lines."), "slide"),
        shown_on(v4.new_code_cell("many()", outputs=[printed]), "-"),
    ]
    copy_reveal(folder)
    for name in ("slides.js", "slides.css"):
        shutil.copy(ROOT / "book" / "site" / "_static" / name, folder / "_static")
    place = folder / "a.slides.html"
    place.write_text(slides(v4.new_notebook(cells=cells), folder), encoding="utf-8")
    return place


@needs_browser
def test_what_is_too_much_for_a_slide_goes_on_on_the_next_in_letters_of_one_size(tmp_path, browser):
    seen = look_at_slides(browser, a_deck(tmp_path))
    assert deck_faults(seen) == []
    titles = [slide["title"] for slide in seen]
    assert titles[0] == "A deck"
    assert titles.count("A deck") == 1
    assert titles.count("Much") >= 4, "the code goes on under its headline, then the figure"
    assert titles.count("Printed") >= 2
    words = "return [...document.querySelectorAll('.highlight pre')].map(e => e.textContent).join()"
    code = browser.execute_script(words)
    assert [code.count(f"def f{i}():") for i in range(20)] == [1] * 20
    assert browser.execute_script("return document.querySelectorAll('.reveal img').length") == 1


def drawn_in(tmp_path, kind, data, width, height):
    """A page with one figure in a box of the given size, and what is measured of its letters."""
    place = tmp_path / "figure.html"
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    box = f"width: {width}px; height: {height}px; object-fit: contain"
    place.write_text(f'<img style="{box}" src="{source}">')
    return place


@needs_browser
def test_letters_in_a_figure_are_as_high_as_they_are_shown(tmp_path, browser):
    figure = Figure(figsize=(4, 2))
    figure.text(0.1, 0.5, "small", fontsize=9)
    figure.text(0.5, 0.5, "large", fontsize=18)
    shown = f"{_SCRIPT} const [it] = document.images; await it.decode();"
    shown += "return drawnLetters(it) * shownAt(it, it.getBoundingClientRect())"
    for kind in ("svg", "png"):
        file = io.BytesIO()
        said = {"Letters": f"{9 * 100 / 72:.1f}"} if kind == "png" else None
        figure.savefig(file, format=kind, dpi=100, metadata=said)
        name = "svg+xml" if kind == "svg" else kind
        # Twice as large as drawn (at 96 pixels an inch): the box is wider, and stays empty beside.
        browser.get(drawn_in(tmp_path, name, file.getvalue(), 1200, 384).as_uri())
        found = browser.execute_async_script(
            f"const done = arguments[0]; (async () => {{ {shown} }})().then(done)"
        )
        assert found == pytest.approx(2 * 9 * 96 / 72, rel=0.02), kind


@needs_browser
def test_a_page_that_scrolls_sideways_or_has_a_picture_without_words_is_told(tmp_path, browser):
    place = tmp_path / "page.html"
    wide = '<div style="width: 600px">wide</div>'
    place.write_text(f'<meta name="viewport" content="width=device-width">{wide}<img src="x.png">')
    page = look_at_page(browser, place, None)
    assert any("broken" in fault for fault in page.faults)
    assert any("no words" in fault for fault in page.faults)
    (sideways,) = [fault for fault in page.faults if "sideways" in fault]
    assert "390 pixels" in sideways


@needs_browser
def test_letters_that_a_telephone_shows_too_small_are_told(tmp_path, browser):
    figure = Figure(figsize=(5, 2))
    figure.text(0.1, 0.5, "word", fontsize=9)
    figure.savefig(tmp_path / "figure.svg")
    image = (
        '<div class="cell_output"><img src="figure.svg" alt="Lines. Figure: word" style="{}"></div>'
    )
    place = tmp_path / "page.html"
    start = '<meta name="viewport" content="width=device-width"><div class="cell_output">'
    for width, small in ((240, True), (360, False)):
        place.write_text(start + image.format(f"width: {width}px"))
        page = look_at_page(browser, place, None)
        (letters,) = page.letters.values()
        assert letters == pytest.approx(9 / 72 * width / 5, rel=0.03)
        assert any("has letters of 6." in fault for fault in all_faults(page)) == small
    assert "figure 1 (Lines.)" in page.letters


def test_a_name_that_no_page_has_is_told_and_no_report_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(look, "MISSING", None)
    monkeypatch.setattr(look, "chromium", lambda _: pytest.fail("a browser was started"))
    (tmp_path / "index.html").write_text("a book")
    report = tmp_path / "report.md"
    report.write_text("what was found")
    assert look.main([str(tmp_path), "--only", "typo", "--report", str(report)]) == 2
    assert 'No page and no deck has "typo" in its name' in capsys.readouterr().err
    assert report.read_text() == "what was found"


def test_the_report_names_what_must_be_mended():
    broken = {"rule": "image-alt", "impact": "critical", "help": "Images need words"}
    mild = {"rule": "region", "impact": "moderate", "help": "Landmarks"}
    page = Page("one.html", figures=3)
    page.violations = {"1280, dark": [{**broken, "places": ["<img>"]}, {**mild, "places": ["<p>"]}]}
    assert page_row(page) == "| one.html | 3 |  | 1 | 0 | 1 | 0 | 0 |"
    page.letters = {"figure 2 (Lines.)": 7.04, "figure 3 (Dots.)": 12.0}
    assert page_row(page) == "| one.html | 3 | 7.0 | 1 | 0 | 1 | 0 | 1 |"
    assert "figure 2 (Lines.) has letters of 7.0 pixels on a telephone" in all_faults(page)
    page.letters = {}
    (fault,) = all_faults(page)
    slide = {"at": "2", "title": "Two", "below": 7, "beside": 0, "letters": 11.0, "notes": False}
    faults = deck_faults([slide])
    assert faults == [
        "slide 2 Two leaves its frame by 7 pixels",
        "slide 2 Two has letters of 11.0 pixels",
        "slide 2 Two has no notes",
    ]
    text = report(
        [page], {"a": [{**slide, "figure": 20.0}]}, "/*! axe v4.14.1", [fault, *faults], "smoke"
    )
    assert "axe-core 4.14.1" in text
    assert "| a | 1 | 0 | 11 | 20 | 0 |" in text
    assert "- image-alt (critical): Images need words; <img>" in text
    assert "- region (moderate), 1 pages: Landmarks" in text
