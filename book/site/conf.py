"""How Sphinx makes the site from the folder that `book.build` fills."""

import os
import re
import sys
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, os.environ.get("CONVBOOK_ROOT", str(Path(__file__).resolve().parents[2])))

project = "Convbook"
author = "The Convbook maintainers"
html_title = "Convbook"
copyright = f"{date.today().year}, {author}"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinxcontrib.bibtex",
    "book.captions",
    "book.mathml",
]
root_doc = "index"
exclude_patterns = ["**.ipynb_checkpoints"]
default_role = "code"
language = "en"

# The chapters come with their outputs; widgets are stills. Nothing is fetched from a network.
nb_execution_mode = "off"
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
nb_number_source_lines = False
nb_merge_streams = False
nb_code_prompt_show = "Code of this step"
nb_code_prompt_hide = "Fold the code away"
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "colon_fence", "smartquotes"]
myst_heading_anchors = 3
myst_links_external_new_tab = False
# A chapter's text links to files that lie beside the book, not in it.
suppress_warnings = ["myst.xref_missing", "myst.header", "mystnb.unknown_mime_type"]
html_math_renderer = "mathml"

bibtex_bibfiles = ["references.bib"]
bibtex_reference_style = "author_year"
bibtex_default_style = "unsrt"

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_preserve_defaults = True  # as they are written, and not a path of this machine
autodoc_default_options = {"members": True, "show-inheritance": False}
napoleon_google_docstring = True
napoleon_use_rtype = False

html_theme = "sphinx_book_theme"
html_static_path = ["_static"]
html_css_files = ["book.css"]
html_js_files = [("book.js", {"defer": "defer"})]
html_extra_path = ["_extra"]
html_copy_source = True  # what the download button gives
html_sourcelink_suffix = ""
html_show_sphinx = False
html_last_updated_fmt = None
copybutton_selector = "div.cell_input div.highlight pre"

_repository = os.environ.get("CONVBOOK_REPOSITORY", "").rstrip("/")
html_theme_options = {
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "use_download_button": True,
    "use_fullscreen_button": False,
    "home_page_in_toc": True,
    "navbar_persistent": [],
    "search_bar_text": "Search the book",
    "logo": {"text": "Convbook"},
}
if _repository:
    html_theme_options |= {
        "repository_url": _repository,
        "repository_branch": os.environ.get("CONVBOOK_BRANCH", "main"),
        "path_to_docs": "chapters",
        "use_repository_button": True,
        "launch_buttons": {
            "colab_url": "https://colab.research.google.com",
            "binderhub_url": "https://mybinder.org",
            "notebook_interface": "jupyterlab",
        },
    }


def _plain_stars(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are plain text with code in backticks: their stars mean stars."""
    for index, line in enumerate(lines):
        pieces = re.split(r"(`[^`]*`)", line)
        lines[index] = "".join(
            piece if number % 2 else re.sub(r"(?<!\\)\*", r"\\*", piece)
            for number, piece in enumerate(pieces)
        )


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", _plain_stars, priority=400)
