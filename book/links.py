"""Whether a built site is whole: what its pages load, and where their links lead."""

from __future__ import annotations

import re
import urllib.parse
from functools import cache
from html.parser import HTMLParser
from pathlib import Path


class _Addresses(HTMLParser):
    """What a page loads by itself, where its links lead, and what can be led to."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.anchors |= {named[name] for name in ("id", "name") if name in named}
        if tag == "a" and named.get("href"):
            self.linked.append(named["href"])
        elif tag == "link" and named.get("rel") in ("stylesheet", "icon", "preload"):
            self.loaded.append(named["href"])
        elif named.get("src"):
            self.loaded.append(named["src"])


@cache
def _read(page: Path) -> _Addresses:
    seen = _Addresses()
    seen.feed(page.read_text(encoding="utf-8"))
    return seen


def faults(folder: Path) -> list[str]:
    """What is wrong with the links of a site, a sentence each; addresses outside are not asked.

    Args:
        folder: the site. Pages below its `_static` are the theme's own and left out.
    """
    _read.cache_clear()
    found = []
    for page in sorted(folder.rglob("*.html")):
        name = page.relative_to(folder)
        if name.parts[0] == "_static":
            continue
        found += [f"{name} {said}" for said in _loads(page) + _leads(page, folder.resolve())]
    return list(dict.fromkeys(found))


def _loads(page: Path) -> list[str]:
    """What a page loads from a network, or from where nothing is."""
    found = []
    for address in _read(page).loaded:
        # Even the page's own script takes what it needs from beside it.
        if re.match(r"(https?:)?//", address):
            found.append(f"loads {address} from a network")
        elif not address.startswith("data:") and not _target(page, address).is_file():
            found.append(f"wants {address}, which is not there")
    return found


def _leads(page: Path, folder: Path) -> list[str]:
    """Links of a page that lead nowhere in the site's folder."""
    found = []
    for address in _read(page).linked:
        split = urllib.parse.urlsplit(address)
        if split.scheme or split.netloc:
            continue
        target = _target(page, address) if split.path else page
        if not target.is_file() or not target.resolve().is_relative_to(folder):
            found.append(f"leads to {address}, which is not there")
        elif split.fragment and target.suffix == ".html" and not _has(target, split.fragment):
            found.append(f"leads to {address}, which has no such place")
    return found


def _target(page: Path, address: str) -> Path:
    return page.parent / urllib.parse.unquote(urllib.parse.urlsplit(address).path)


def _has(page: Path, fragment: str) -> bool:
    """Whether a place is there; slides are numbered, not named."""
    if page.name.endswith(".slides.html") and fragment.startswith("/"):
        return True
    anchors = _read(page).anchors
    return fragment in anchors or urllib.parse.unquote(fragment) in anchors
