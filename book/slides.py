"""A chapter as slides for a lecture: nbconvert's, with reveal.js beside them and no network."""

from __future__ import annotations

import copy
import importlib.util
import re
import shutil
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from traitlets.config import Config

from book.mathml import mathml
from book.staging import first_sentence, last_picture, to_pages, without_exercise_links

HERE = Path(__file__).resolve().parent
REVEAL = "_static/revealjs"
"""Where the slides look for reveal.js, from their own folder."""


class _Renderer(IPythonRenderer):
    """nbconvert's Markdown, with formulas as MathML."""

    def inline_math(self, body: str) -> str:
        return mathml(body)

    def block_math(self, body: str) -> str:
        return f'<div class="formula">{mathml(body, "block")}</div>'

    def latex_environment(self, name: str, body: str) -> str:
        return self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")


def slides(notebook: nbformat.NotebookNode, folder: Path) -> str:
    """Return a chapter that ran as slides: HTML that wants `copy_reveal` beside it.

    A cell says in its metadata, as Jupyter's slideshow has it, whether it begins a slide ("slide",
    "subslide"), comes one key later ("fragment") or stays away ("skip"). Folded code is left out;
    its figures stay. Of the text the slide has what `on_slide` takes, and the notes all.

    Args:
        notebook: the notebook with its outputs, brought into form by `book.staging.clean`.
        folder: where the notebook lies; pictures in its text are found from there.
    """
    exporter = SlidesExporter(
        config=Config({"SlidesExporter": {"reveal_theme": "white", "reveal_url_prefix": REVEAL}}),
        template_file="index.html.j2",
        extra_template_basedirs=[str(HERE)],
        template_name="slides_template",
        filters={"on_slide": on_slide, "markdown2html": lambda text: _html(text, folder)},
    )
    text, _ = exporter.from_notebook_node(_shortened(notebook))
    return text


def on_slide(text: str) -> str:
    """What a slide shows of a text: headlines, formulas, lists, what is bold, one sentence.

    The sentence is the first one of the text's first paragraph; a bold question or claim stands
    for itself, and no sentence is taken beside it.
    """
    shown: list[str] = []
    spoken = False
    # What stands over the first headline ends the slide before: it is for the notes.
    text = re.sub(r"\A[^#].*?(?=^#)", "", text.strip(), flags=re.DOTALL | re.MULTILINE)
    for block in re.split(r"\n\s*\n", text):
        if re.match(r"#{1,6} |\$\$|```|\||[-*] |\d+\. |!\[", block):
            shown.append(block)
        elif bold := re.match(r"\*\*(.+?)\*\*", block, re.DOTALL):
            shown.append(bold[0])
            spoken = True
        elif not spoken and not block.startswith("("):
            shown.append(first_sentence(block))
            spoken = True
    return "\n\n".join(shown)


def _shortened(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy whose docstrings are their first lines: a slide has no room for the rest.

    The last picture of a cell takes the cell's caption, to be shown under it.
    """
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            if picture := last_picture(cell.outputs):
                picture.metadata["caption"] = cell.metadata.get("caption", "")
            cell.source = re.sub(r'("""[^\n"]+)\n.*?"""', r'\1"""', cell.source, flags=re.DOTALL)
    return notebook


def copy_reveal(out: Path) -> None:
    """Put reveal.js and the formulas' font beside pages and slides, from packages that bring them.

    Browsers draw MathML well only in a font with a table of mathematics, which few machines have.
    """
    source = _package("sphinx_revealjs") / "_static" / "revealjs"
    for part in ("dist", "plugin"):
        target = out / REVEAL / part
        shutil.copytree(
            source / part, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.map")
        )
    shutil.copy(_package("ziamath") / "fonts" / "STIXTwoMath-Regular.ttf", out / "_static")


def _package(name: str) -> Path:
    """The folder of an installed package, which is not imported for it."""
    found = importlib.util.find_spec(name)
    locations = found.submodule_search_locations if found else None
    if not locations:
        raise ImportError(f"{name} is not installed; make makes the environment anew.")
    return Path(locations[0])


def _html(text: str, folder: Path) -> str:
    renderer = _Renderer(escape=False, embed_images=True, path=str(folder))
    return to_pages(MarkdownWithMath(renderer=renderer).render(without_exercise_links(text)))
