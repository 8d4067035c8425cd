"""Makes a chapter that has run ready to be shown: as a page of the site, and as slides.

Text keeps its words. Added are what a page on paper would have: links between chapters, a link
from each source to the bibliography, words for who hears the figures, and where to get the
notebook. Left out is what only the machine says.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat

from book.elsewhere import runs_elsewhere

# TensorFlow says which instructions it uses, whatever its log level is, that many small nets are
# compiled one after the other, and what it finds in the reader's folder of data: on standard error,
# or, where it takes the kernel for a terminal, between what the cell prints.
_RUNTIME_NOTE = re.compile(
    r"^(?:I\d{4} [\d:.]+ .*|WARNING: All log messages before absl.*|To enable the following "
    r"instructions: .*|WARNING:tensorflow:\d+ out of the last \d+ calls to .* triggered .*"
    r"|WARNING:absl:Variant folder .*)\n?",
    re.MULTILINE,
)
_LEFT_ALONE = r"(?m:^#.*$)|(?s:```.*?```)|`[^`]*`|(?s:\$\$.*?\$\$)|\$[^$\n]*\$|\[[^\]]*\]\([^)]*\)"
"""Headlines, code, formulas and links, as a pattern."""
HIDE_INPUT = "hide-input"
"""The cell tag that folds a cell's code away: drawing, not the chapter's matter."""

WIDE = 600
"""Pixels: a picture wider than this is not made as narrow as a telephone; it scrolls."""

FIGURE_NAME = "figure_name"
"""The metadata that names a cell's figure for `book.captions`: myst-nb keeps no cell ids."""

_ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")


def clean(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Bring a chapter's outputs into the form in which they are read; return the notebook.

    Progress bars show their end, pieces of one text are one, and the runtime's own notes go; a
    figure has an alternative text: the first sentence of its caption, and the words in it.
    """
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs = [output for output in map(_cleaned, _joined(cell.outputs)) if output]
        heard = [_words(output) for output in cell.outputs if _is_picture(output)]
        if heard:
            caption = first_sentence(cell.metadata.get("caption", ""))
            words = " ".join(filter(None, [caption, *heard])) or "A figure."
            classes = "drawn wide" if any(map(_is_wide, cell.outputs)) else "drawn"
            cell.metadata["mystnb"] = {"image": {"alt": words, "classes": classes}}
            cell.metadata[FIGURE_NAME] = cell.get("id", "")
    return notebook


def as_page(
    notebook: nbformat.NotebookNode, chapters: Sequence[str], sources: Mapping[str, str], foot: str
) -> nbformat.NotebookNode:
    """A cleaned chapter with what the site adds to its text; the notebook itself is changed.

    Args:
        notebook: the chapter.
        chapters: names of all chapters, such as "04_residual".
        sources: from an arXiv number or a title to the key of the bibliography.
        foot: the page's last line.
    """
    runs_elsewhere(notebook)  # who downloads the page's notebook gets the address with it
    by_number = {int(name[:2]): name for name in chapters}
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        text = without_exercise_links(cell.source.replace("](../contents.ipynb)", "](index.md)"))
        prose, heading, below = text.partition("## Sources")
        cell.source = _with_links(prose, by_number) + heading + _with_citations(below, sources)
    notebook.cells.append(nbformat.v4.new_markdown_cell(foot, id="foot"))
    return notebook


def without_exercise_links(text: str) -> str:
    """Markdown that says where exercises lie, and leads nowhere: they are done in JupyterLab."""
    return re.sub(r"\[([^\]]*)\]\(\.\./(exercises/[^)]*)\)", r"\1", text)


def to_pages(text: str) -> str:
    """HTML whose links to notebooks of the book lead to their pages on the site."""
    text = re.sub(r'href="\.\./contents\.ipynb"', 'href="index.html"', text)
    return re.sub(r'href="(\d\d_\w+)\.ipynb(#[^"]*)?"', r'href="\1.html\2"', text)


def title_of(notebook: nbformat.NotebookNode) -> str:
    """Return the first heading of a notebook, or "" where it has none."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            found = re.search(r"^#\s+(.+)$", cell.source, re.MULTILINE)
            if found:
                return found.group(1).strip()
    return ""


def opening_of(notebook: nbformat.NotebookNode) -> str:
    """Return the first paragraph of a notebook's text, as plain text."""
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        for block in re.split(r"\n\s*\n", cell.source):
            text = " ".join(block.split())
            if text and text[0] not in "#>|!<-`$":
                return re.sub(r"[*_`]|\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return ""


def read_sources(bibliography: Path) -> dict[str, str]:
    """From arXiv numbers and titles (small letters only) to the keys of a .bib file."""
    found = {}
    for entry in re.split(r"^@", bibliography.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        key = entry.split("{", 1)[1].split(",", 1)[0]
        if number := re.search(r"eprint\s*=\s*{([\d.]+)}", entry):
            found[number[1]] = key
        if title := re.search(r"\btitle\s*=\s*{{?(.*?)}?},?$", entry, re.MULTILINE):
            found[plain_title(title[1])] = key
    return found


def plain_title(title: str) -> str:
    """A title's letters and digits, by which it is found again however it is written."""
    return re.sub(r"[^a-z0-9]", "", title.lower())


def _joined(outputs: list[Any]) -> list[Any]:
    """Text that came in several pieces is one piece."""
    joined: list[Any] = []
    for output in outputs:
        last: Any = joined[-1] if joined else {}
        if output.output_type == "stream" and last.get("name") == output.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


def _cleaned(output: Any) -> Any:
    """An output in the form in which it is read; None where nothing is left of it."""
    if output.output_type == "stream":
        output.text = overwritten(_RUNTIME_NOTE.sub("", output.text))
        return output if output.text else None
    if "data" in output:
        # Without a program behind it a widget is its still picture.
        output.data.pop("application/vnd.jupyter.widget-view+json", None)
        if "text/html" in output.data:
            output.data["text/html"] = to_pages(output.data["text/html"])
        if "image/svg+xml" in output.data:
            output.data.pop("image/png", None)
        return output if set(output.data) != {"text/plain"} or output.data["text/plain"] else None
    return output


def overwritten(text: str) -> str:
    """What a terminal would show at the end: progress bars overwrite their own line."""
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n")).rstrip()


def last_picture(outputs: Sequence[Any]) -> Any:
    """The last of a cell's outputs that is shown as a picture, or None."""
    return next((output for output in reversed(outputs) if _is_picture(output)), None)


def _is_picture(output: Any) -> bool:
    """Whether an output is shown as a picture."""
    return any(kind.startswith("image/") for kind in output.get("data", {}))


def _is_wide(output: Any) -> bool:
    """Whether an output is a picture drawn for a projector, as a demonstration is."""
    data = output.get("data", {}).get("image/png")
    if not data:
        return False
    width = int.from_bytes(base64.b64decode(data)[16:20], "big")  # as every PNG begins
    return width > WIDE


def _words(output: Any) -> str:
    """The words in a figure, for who does not see it: matplotlib notes them in an SVG."""
    words = re.findall(r"<!-- (.*?) -->", output.data.get("image/svg+xml", ""))
    spoken = [html.unescape(word) for word in words if not re.match(r"\$|[-−+]?[\d.,]+$", word)]
    return f"Figure: {'; '.join(dict.fromkeys(spoken))}" if spoken else ""


def first_sentence(block: str) -> str:
    """A paragraph up to its first full stop outside code and formulas."""
    block = " ".join(block.split())
    aside = r"`[^`]*`|\$[^$]*\$|\[[^\]]*\]\([^)]*\)|\bet al\.|\b[A-Z]\."
    covered = re.sub(aside, lambda found: "x" * len(found[0]), block)
    end = re.search(r"[.:?!](?= [A-Z*`(]|$)", covered)
    return block[: end.end()] if end else block


def _with_links(text: str, by_number: Mapping[int, str]) -> str:
    """Names of other chapters as links; code, formulas and headlines stay as they are."""

    def link(found: re.Match[str]) -> str:
        name = by_number.get(int(found["number"])) if found["number"] else None
        return f"[{found[0]}]({name}.ipynb)" if name else found[0]

    return re.sub(_LEFT_ALONE + r"|\b[Cc]hapter (?P<number>\d{1,2})\b", link, text)


def _with_citations(text: str, sources: Mapping[str, str]) -> str:
    """Each line of the sources leads to the bibliography."""
    lines = []
    for line in text.split("\n"):
        titles = [plain_title(title) for title in re.findall(r"\*([^*]+)\*", line)]
        keys = [sources[name] for name in [*_ARXIV.findall(line), *titles] if name in sources]
        if line.startswith("- ") and keys:
            line += f" {{cite}}`{','.join(dict.fromkeys(keys))}`"
        lines.append(line)
    return "\n".join(lines)
