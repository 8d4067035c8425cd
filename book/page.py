"""Turns an executed notebook into one HTML page that needs nothing else: no script, no network.

Figures are embedded, formulas become MathML, and a table of contents is made from the headings.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import nbformat
from latex2mathml.converter import convert as latex_to_mathml
from nbconvert.filters.ansi import ansi2html
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

TEMPLATES = Path(__file__).resolve().parent / "templates"

# TensorFlow says on standard error which instructions it uses, whatever its log level is.
_RUNTIME_NOTE = re.compile(
    r"^(?:I\d{4} [\d:.]+ .*|WARNING: All log messages before absl.*|To enable the following "
    r"instructions: .*)\n?",
    re.MULTILINE,
)

HIDE_INPUT = "hide-input"
"""The cell tag that folds a cell's code away: drawing, not the chapter's matter."""


@dataclass(frozen=True)
class Heading:
    """A line of the table of contents."""

    level: int
    text: str
    anchor: str


@dataclass
class Page:
    """What the template shows of a notebook."""

    title: str
    cells: list[dict[str, Any]] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)


class _Renderer(IPythonRenderer):
    """nbconvert's Markdown, with formulas as MathML and headings collected on the way."""

    def __init__(self, headings: list[Heading], folder: Path):
        super().__init__(escape=False, embed_images=True, path=str(folder))
        self.headings = headings

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        plain = html.unescape(re.sub(r"<[^>]+>", "", text)).strip()
        anchor = _unused_anchor(plain, {heading.anchor for heading in self.headings})
        self.headings.append(Heading(level, plain, anchor))
        return f'<h{level} id="{anchor}">{text}</h{level}>\n'

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """A link to another notebook of the book leads to its page."""
        if re.fullmatch(r"\w+\.ipynb", url):
            url = f"{url.removesuffix('.ipynb')}.html"
        elif url == "../contents.ipynb":
            url = "index.html"
        return super().link(text, url, title)

    def inline_math(self, body: str) -> str:
        return _mathml(body)

    def block_math(self, body: str) -> str:
        return f'<div class="formula">{_mathml(body, "block")}</div>'

    def latex_environment(self, name: str, body: str) -> str:
        return self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")


def render(
    notebook: nbformat.NotebookNode, folder: Path, footer: str = "", slides: str = ""
) -> str:
    """Return the page of an executed notebook as HTML.

    Args:
        notebook: the notebook, version 4, with its outputs.
        folder: where the notebook lies; pictures in its text are found from there.
        footer: one line of plain text for the page's foot.
        slides: the address of the chapter's slides; none if empty.
    """
    page = _page(notebook, folder)
    template = _environment().get_template("page.html.j2")
    return template.render(page=page, footer=footer, slides=slides)


def render_slides(notebook: nbformat.NotebookNode, folder: Path, home: str = "") -> str:
    """Return an executed notebook as slides: one HTML file, to be leafed through with the keys.

    A cell says in its metadata, as Jupyter's slideshow has it, whether it begins a slide ("slide",
    "subslide"), comes one key later ("fragment") or stays away ("skip", "notes"). Folded code is
    left out; its figures stay.

    Args:
        notebook: the notebook, version 4, with its outputs.
        folder: where the notebook lies.
        home: the address of the chapter's page; none if empty.
    """
    page = _page(notebook, folder)
    slides: list[list[dict[str, Any]]] = []
    for cell in page.cells:
        if cell["slide"] in ("skip", "notes"):
            continue
        if cell["slide"] in ("slide", "subslide") or not slides:
            slides.append([])
        slides[-1].append(cell)
    template = _environment().get_template("slides.html.j2")
    return template.render(title=page.title, slides=slides, home=home)


def render_index(chapters: Iterable[Mapping[str, str]]) -> str:
    """Return the book's first page; each chapter gives its `name`, `title` and `opening`."""
    return _environment().get_template("index.html.j2").render(chapters=list(chapters))


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


def _page(notebook: nbformat.NotebookNode, folder: Path) -> Page:
    page = Page(title=title_of(notebook))
    markdown = MarkdownWithMath(renderer=_Renderer(page.headings, folder))
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            page.cells.append(
                {"kind": "text", "slide": _slide_type(cell), "html": markdown.render(cell.source)}
            )
        elif cell.cell_type == "code" and cell.source.strip():
            page.cells.append(
                {
                    "kind": "code",
                    "slide": _slide_type(cell),
                    "id": cell.get("id", ""),
                    "html": highlight(cell.source, PythonLexer(), HtmlFormatter(nowrap=True)),
                    "folded": HIDE_INPUT in cell.metadata.get("tags", []),
                    "outputs": _outputs(cell.outputs, markdown.render),
                }
            )
    return page


def _slide_type(cell: nbformat.NotebookNode) -> str:
    return cell.metadata.get("slideshow", {}).get("slide_type", "-")


def _mathml(latex: str, display: str = "inline") -> str:
    """MathML of a formula; the converter wants braces around a styled letter."""
    braced = re.sub(r"\\(math[a-z]+|operatorname)\s+([A-Za-z0-9])", r"\\\1{\2}", latex)
    return latex_to_mathml(braced, display=display)


def _outputs(outputs: list[Any], markdown: Callable[[str], str]) -> list[dict[str, str]]:
    """What a cell gave; text that came in several pieces is one piece."""
    shown: list[dict[str, str]] = []
    for output in outputs:
        if output.output_type == "stream":
            kind = "stream" if output.name == "stdout" else "warning"
            if shown and shown[-1]["kind"] == kind:
                shown[-1]["raw"] += output.text
            else:
                shown.append({"kind": kind, "raw": output.text})
        elif output.output_type == "error":
            shown.append({"kind": "warning", "raw": "\n".join(output.traceback)})
        else:
            shown.append({"kind": "rich", "html": _richest(output.data, markdown)})
    for piece in shown:
        if "raw" in piece:
            text = piece.pop("raw")
            if piece["kind"] == "warning":
                text = _RUNTIME_NOTE.sub("", text)
            text = _overwritten(text)
            piece["html"] = f"<pre>{ansi2html(text)}</pre>" if text else ""
    return [piece for piece in shown if piece["html"]]


def _richest(data: Mapping[str, Any], markdown: Callable[[str], str]) -> str:
    if "text/html" in data:
        return data["text/html"]
    if "image/svg+xml" in data:
        return _drawing(data["image/svg+xml"], _alternative(data))
    for kind in ("image/png", "image/jpeg"):
        if kind in data:
            # An animation or a figure in several parts may come as bytes or as text.
            content = data[kind]
            encoded = content if isinstance(content, str) else base64.b64encode(content).decode()
            return f'<img alt="{_alternative(data)}" src="data:{kind};base64,{encoded.strip()}">'
    if "text/markdown" in data:
        return markdown(data["text/markdown"])
    return f"<pre>{ansi2html(data.get('text/plain', ''))}</pre>"


def _alternative(data: Mapping[str, Any]) -> str:
    """What a reader hears who does not see the figure: matplotlib notes the words in an SVG."""
    words = re.findall(r"<!-- (.*?) -->", data.get("image/svg+xml", ""))
    spoken = [html.unescape(word) for word in words if not re.match(r"\$|[-−+]?[\d.,]+$", word)]
    text = f"Figure: {'; '.join(dict.fromkeys(spoken))}" if spoken else ""
    return html.escape(text or data.get("text/plain", "figure"), quote=True)


def _drawing(svg: str, alternative: str) -> str:
    """An SVG as a picture, so that names in it meet no other figure's.

    It is a fifth larger than drawn where there is room, and never so small that its letters cannot
    be read: where the page is narrower than that, it scrolls.
    """
    style = ""
    if width := re.search(r'<svg[^>]*?\bwidth="([\d.]+)(pt|px)?"', svg):
        pixels = float(width[1]) * (96 / 72 if width[2] == "pt" else 1)
        style = f' style="width: {1.2 * pixels:.0f}px; min-width: {0.65 * pixels:.0f}px"'
    encoded = base64.b64encode(svg.encode()).decode()
    return f'<img alt="{alternative}"{style} src="data:image/svg+xml;base64,{encoded}">'


def _overwritten(text: str) -> str:
    """What a terminal would show at the end: progress bars overwrite their own line."""
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n")).rstrip()


def _unused_anchor(text: str, used: set[str]) -> str:
    anchor = base = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "section"
    number = 2
    while anchor in used:
        anchor = f"{base}-{number}"
        number += 1
    return anchor


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals["code_css"] = HtmlFormatter(style="friendly").get_style_defs(".code")
    return environment
