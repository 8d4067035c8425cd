"""Looks at the built book in a headless Chromium: `python -m book.look [BOOK] --axe AXE.MIN.JS`.

Every page in the light and in the dark, on a projector's screen and on a telephone's; every slide
of every deck; and every link. What is wrong is printed; with `--report` the tables are written into
a file. axe-core is not among the project's packages: `npm pack axe-core` brings it, as
`package/axe.min.js`.
"""

from __future__ import annotations

import argparse
import base64
import re
import sys
import tempfile
import urllib.parse
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
from selenium import webdriver

from book import links
from book.browser import MISSING, chromium, show_as
from book.execution import ROOT

TELEPHONE = 390
SCREENS = ((1280, "light"), (1280, "dark"), (TELEPHONE, "light"))
"""Widths in pixels and themes in which a page is looked at."""
FRAMES = ((1280, 720), (1920, 1080))
IMPACTS = ("critical", "serious", "moderate", "minor")
SMALLEST = 18.0
"""Pixels of the smallest letters on a slide, of the 720 that it is high."""
SMALLEST_DRAWN = 8.5
"""Pixels of the smallest letters in a figure on a telephone's page."""
TEMPLATE = Path(__file__).resolve().parent / "look.md.j2"
_SCRIPT = (Path(__file__).resolve().parent / "look.js").read_text(encoding="utf-8")
_AXE = """
const done = arguments[0];
axe.run(document, {resultTypes: ["violations"]}).then(result => done(result.violations.map(
  each => ({rule: each.id, impact: each.impact, help: each.help,
    places: each.nodes.map(node => node.html.slice(0, 160))}))));
"""


@dataclass
class Page:
    """What was seen of a page; violations by theme, as axe-core names them.

    `letters` are the pixels of each figure's smallest letters on a telephone, by its words.
    """

    name: str
    figures: int = 0
    letters: dict[str, float] = field(default_factory=dict)
    violations: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def look_at_page(driver: webdriver.Chrome, path: Path, axe: str | None) -> Page:
    """Open a page on every one of SCREENS.

    Args:
        driver: the browser.
        path: the page's file.
        axe: axe-core's script; None: without it.
    """
    page = Page(path.name)
    for width, theme in SCREENS:
        show_as(driver, width, 900, dark=theme == "dark")
        driver.get(path.as_uri())
        said = driver.execute_script(_SCRIPT + "return lookAtPage()")
        page.figures = len(said["figures"])
        page.faults += _faults(said, f"{width} pixels, {theme}")
        if width == TELEPHONE:
            page.letters = _letters(driver, said["figures"])
        if axe:
            page.violations[f"{width}, {theme}"] = _axe(driver, axe)
    page.faults = list(dict.fromkeys(page.faults))
    return page


def _axe(driver: webdriver.Chrome, axe: str) -> list[dict[str, Any]]:
    driver.execute_script(axe)
    return driver.execute_async_script(_AXE)


def _faults(said: dict[str, Any], where: str) -> list[str]:
    """What is wrong with a page, whatever axe-core says."""
    faults = [f"asks a network for {name}" for name in said["asked"]]
    faults += [f"a picture is broken: {name}" for name in said["broken"]]
    faults += [f"a picture has no words: {name}" for name in said["silent"]]
    if said["sideways"] > 0:
        faults.append(f"scrolls sideways by {said['sideways']} pixels ({where})")
    return faults


def _letters(driver: webdriver.Chrome, figures: list[dict[str, Any]]) -> dict[str, float]:
    """Pixels of each figure's smallest letters as the page shows it; figures without are left out.

    A page may not read the files of its figures, so their bytes are given to it.
    """
    found = {}
    for number, figure in enumerate(figures, 1):
        place = Path(urllib.parse.unquote(urllib.parse.urlsplit(figure["source"]).path))
        kind = {".svg": "svg+xml", ".png": "png"}.get(place.suffix)
        if kind is None or not place.is_file():
            continue
        data = f"data:image/{kind};base64,{base64.b64encode(place.read_bytes()).decode()}"
        letters = driver.execute_script(
            _SCRIPT + "const letters = drawnLetters({src: arguments[0]});"
            "return letters < NO_LETTERS ? letters : null",
            data,
        )
        if letters is not None:
            words = figure["words"].partition(" Figure: ")[0][:100]
            found[f"figure {number} ({words})"] = letters * figure["shown"]
    return found


def look_at_slides(driver: webdriver.Chrome, deck: Path) -> list[dict[str, Any]]:
    """Open every slide of a deck, step by step, in each of FRAMES; the worst of both frames.

    Returns:
        For each slide its number `at`, its `title`, the pixels by which it leaves its frame `below`
        and `beside` (0: it does not), its smallest `letters` in pixels of a frame 720 high, how far
        it was made smaller (`zoom`), and whether it has `notes`.
    """
    worst: list[dict[str, Any]] = []
    for width, height in FRAMES:
        show_as(driver, width, height)
        driver.get(deck.as_uri())
        slides = driver.execute_async_script(
            _SCRIPT + "const done = arguments[0]; lookAtSlides().then(done)"
        )
        for index, slide in enumerate(slides):
            if index == len(worst):
                worst.append(slide)
                continue
            for name in ("below", "beside"):
                worst[index][name] = max(worst[index][name], slide[name])
            for name in ("letters", "figure", "zoom"):
                worst[index][name] = min(worst[index][name], slide[name])
    return worst


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code: 1 where something is wrong, 2 without a look."""
    parser = argparse.ArgumentParser(prog="python -m book.look", description=__doc__)
    parser.add_argument("book", nargs="?", type=Path, default=ROOT / "_book", help="default: _book")
    parser.add_argument("--axe", type=Path, help="axe-core's axe.min.js; without it only the rest")
    parser.add_argument("--only", default="", help="pages and decks whose name holds this")
    parser.add_argument("--report", type=Path, help="Markdown file to write the tables into")
    options = parser.parse_args(arguments)
    if MISSING or not (options.book / "index.html").is_file():
        print(MISSING or f"{options.book} has no index.html: make book first.", file=sys.stderr)
        return 2
    if options.axe and not options.axe.is_file():
        print(f"{options.axe} is no file: `npm pack axe-core` brings one.", file=sys.stderr)
        return 2
    places = [one for one in _pages(options.book.resolve()) if options.only in one.name]
    if not places:
        print(f'No page and no deck has "{options.only}" in its name.', file=sys.stderr)
        return 2
    axe = options.axe.read_text(encoding="utf-8") if options.axe else None
    pages, decks = [], {}
    with tempfile.TemporaryDirectory() as profile, chromium(Path(profile)) as driver:
        driver.set_script_timeout(600)
        for place in places:
            if place.name.endswith(".slides.html"):
                decks[place.name] = look_at_slides(driver, place)
                print(deck_row(place.name, decks[place.name]), flush=True)
            else:
                pages.append(look_at_page(driver, place, axe))
                print(page_row(pages[-1]), flush=True)
    faults = [] if options.only else links.faults(options.book)
    faults += [f"{page.name}: {fault}" for page in pages for fault in all_faults(page)]
    faults += [
        f"{name}: {fault}" for name, slides in decks.items() for fault in deck_faults(slides)
    ]
    print(*faults, sep="\n")
    if options.report:
        options.report.write_text(
            report(pages, decks, axe, faults, _scale(options.book)), encoding="utf-8"
        )
    return 1 if faults else 0


def _scale(book: Path) -> str:
    """The scales at which the chapters of a book ran, as the foot of each page says."""
    feet = [page.read_text(encoding="utf-8")[-9000:] for page in book.glob("[0-9]*.html")]
    return ", ".join(
        sorted({word for foot in feet for word in re.findall(r"Run in \d+ s at (\w+) scale", foot)})
    )


def _pages(book: Path) -> list[Path]:
    """The pages and decks of a book, in the order of their names."""
    return [*sorted(book.glob("*.html")), *sorted(book.glob("api/*.html"))]


def deck_row(name: str, slides: list[dict[str, Any]]) -> str:
    """A deck as a row of its table."""
    fit = sum(max(slide["below"], slide["beside"]) <= 0 for slide in slides)
    letters = min(slide["letters"] for slide in slides)
    drawn = min(slide["figure"] for slide in slides)
    noted = sum(slide["notes"] for slide in slides)
    return f"| {name} | {len(slides)} | {fit} | {letters:.0f} | {drawn:.0f} | {noted} |"


def page_row(page: Page) -> str:
    """A page as a row of its table."""
    worst = dict.fromkeys(IMPACTS, 0)
    for violations in page.violations.values():
        counted = Counter(each["impact"] for each in violations)
        worst = {impact: max(worst[impact], counted[impact]) for impact in IMPACTS}
    counts = " | ".join(str(worst[impact]) for impact in IMPACTS)
    letters = f"{min(page.letters.values()):.1f}" if page.letters else ""
    return f"| {page.name} | {page.figures} | {letters} | {counts} | {len(_own_faults(page))} |"


def all_faults(page: Page) -> list[str]:
    """What must be mended on a page."""
    grave = {
        f"{each['rule']} ({each['impact']}): {each['help']}; {each['places'][0]}"
        for violations in page.violations.values()
        for each in violations
        if each["impact"] in IMPACTS[:2]
    }
    return [*_own_faults(page), *sorted(grave)]


def _own_faults(page: Page) -> list[str]:
    """What must be mended on a page, but for what axe-core finds."""
    return page.faults + [
        f"{figure} has letters of {letters:.1f} pixels on a telephone"
        for figure, letters in page.letters.items()
        if letters < SMALLEST_DRAWN
    ]


def deck_faults(slides: list[dict[str, Any]]) -> list[str]:
    """What must be mended in a deck."""
    faults = []
    for slide in slides:
        where = f"slide {slide['at']} {slide['title']}".strip()
        if (over := max(slide["below"], slide["beside"])) > 0:
            faults.append(f"{where} leaves its frame by {over} pixels")
        if slide["letters"] < SMALLEST:
            faults.append(f"{where} has letters of {slide['letters']:.1f} pixels")
        if not slide["notes"]:
            faults.append(f"{where} has no notes")
    return faults


def report(
    pages: list[Page],
    decks: dict[str, list[dict[str, Any]]],
    axe: str | None,
    faults: list[str],
    scale: str,
) -> str:
    """The tables as a page in Markdown."""
    version = re.search(r"axe v([\d.]+)", axe or "")
    with_axe = f"axe-core {version[1]}" if version else "no axe-core"
    rules = Counter(
        (each["rule"], each["impact"], each["help"])
        for page in pages
        for each in {v["rule"]: v for vs in page.violations.values() for v in vs}.values()
    )
    said = [
        f"- {rule} ({impact}), {n} pages: {words}" for (rule, impact, words), n in rules.items()
    ]
    template = jinja2.Template(TEMPLATE.read_text(encoding="utf-8"), keep_trailing_newline=True)
    return template.render(
        browser=f"Chromium, {with_axe}",
        scale=scale,
        pages=[page_row(page) for page in pages],
        decks=[deck_row(name, slides) for name, slides in decks.items()],
        rules=said or ["- nothing"],
        faults=[f"- {fault}" for fault in faults] or ["- nothing"],
        telephone=TELEPHONE,
        smallest=SMALLEST,
        smallest_drawn=SMALLEST_DRAWN,
    )


if __name__ == "__main__":
    sys.exit(main())
