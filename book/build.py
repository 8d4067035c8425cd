"""Makes the book: `python -m book.build [CHAPTER ...] [--out FOLDER]`.

Runs chapters top to bottom in fresh kernels at the scale that `CONVBOOK_SCALE` says, and makes a
site of them with Sphinx, and of each its slides. A chapter of which nothing changed since its last
run is not run again. Without names all chapters are in the book; with names, these alone.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import io
import os
import re
import sys
from datetime import date
from pathlib import Path

import jinja2
import nbformat

from book.execution import CHAPTERS, ROOT, BuildError, executed, names
from book.slides import copy_reveal, slides
from book.staging import as_page, clean, opening_of, read_sources, title_of
from convbook.scale import scale

HERE = Path(__file__).resolve().parent
SITE = HERE / "site"
DOCUMENTS = {
    "teaching.md": "docs/teaching.md",
    "platforms.md": "docs/platforms.md",
    "clusters.md": "docs/clusters.md",
    "jupyterhub.md": "docs/jupyterhub/README.md",
    "tour.md": "docs/tour.md",
    "authoring.md": "docs/authoring.md",
    "contributing.md": "CONTRIBUTING.md",
    "measured.md": "bench/RESULTS.md",
    "learnt.md": "bench/chapters.md",
}
"""Pages of the site that lie elsewhere in the project."""

PACKAGES = {"convbook": "The library: convbook", "autograder": "The checker: autograder"}


def build(paths: list[Path], out: Path, whole: bool = True) -> tuple[list[Path], list[BuildError]]:
    """Run chapters where something changed, and write the site and the slides into `out`.

    Args:
        paths: the chapters, in their order.
        out: folder of the site; what is kept from run to run goes beside it, into `OUT-work`.
        whole: with the pages made of the modules' docstrings, which take the longest.

    Returns:
        The pages written, and what kept a chapter from being among them.

    Raises:
        BuildError: if no chapter ran, or Sphinx failed.
    """
    work = out.with_name(f"{out.name}-work")
    stage = work / "sources"
    packages = PACKAGES if whole else {}
    _stage_fixed(stage, {path.stem for path in paths} | set(packages))
    failures, chapters = [], []
    sources = read_sources(SITE / "references.bib")
    known = [path.stem for path in paths]
    for path in paths:
        try:
            notebook, ran = executed(path, work / "kept")
        except BuildError as error:
            failures.append(error)
            continue
        seconds = notebook.metadata.get("seconds", 0.0)
        print(f"{path.stem}: ran {'now' if ran else 'before'}, {seconds:.0f} s", flush=True)
        chapters.append(_stage(notebook, path, stage, known, sources))
    if not chapters:
        raise BuildError("\n".join(str(failure) for failure in failures) or "There is no chapter.")
    _stage_documents(stage, chapters, packages)
    _run_sphinx(stage, out, work / "doctrees")
    copy_reveal(out)
    return [out / f"{chapter['name']}.html" for chapter in chapters], failures


def _stage_fixed(stage: Path, wanted: set[str]) -> None:
    """Bring the site's own files to where Sphinx finds them; pages not wanted this time go."""
    for place in sorted(SITE.rglob("*")):
        if place.is_file() and place.suffix not in (".j2", ".pyc"):
            _write(stage / place.relative_to(SITE), place.read_text(encoding="utf-8"))
    for old in [*stage.glob("*.ipynb"), *stage.glob("_extra/*.slides.html"), *stage.glob("api/*")]:
        if old.name.split(".")[0] not in wanted:
            old.unlink()


def _write(place: Path, text: str) -> None:
    """Write a file where it says something new: Sphinx reads again what is younger than before."""
    if not place.is_file() or place.read_text(encoding="utf-8") != text:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


def _stage(
    notebook: nbformat.NotebookNode,
    path: Path,
    stage: Path,
    chapters: list[str],
    sources: dict[str, str],
) -> dict[str, str]:
    """Put a chapter's page and slides where Sphinx finds them; return what the index says of it."""
    said = {"name": path.stem, "title": title_of(notebook), "opening": opening_of(notebook)}
    seconds = notebook.metadata.pop("seconds", 0.0)
    clean(notebook)
    _stage_slides(notebook, path, stage / "_extra" / f"{path.stem}.slides.html")
    foot = (
        f"<small>Run in {seconds:.0f} s at {scale()} scale. "
        f'<a href="{path.stem}.slides.html">Slides</a> of this chapter. '
        f"Built {date.today().isoformat()}.</small>"
    )
    _write(stage / path.name, nbformat.writes(as_page(notebook, chapters, sources, foot)))
    return said


def _stage_slides(notebook: nbformat.NotebookNode, path: Path, place: Path) -> None:
    """Write a chapter's slides, unless those that are there were made of the same."""
    digest = hashlib.sha256(nbformat.writes(notebook).encode())
    digest.update(importlib.metadata.version("nbconvert").encode())
    makers = [*HERE.glob("*.py"), *(HERE / "slides_template").iterdir()]
    for file in sorted([*makers, *path.with_suffix("").rglob("*")]):  # its pictures, if any
        if file.is_file():  # JupyterLab leaves folders of its own
            digest.update(file.read_bytes())
    made_of = f"<!-- made of {digest.hexdigest()} -->\n"
    if not (place.is_file() and place.read_text(encoding="utf-8").endswith(made_of)):
        _write(place, slides(notebook, path.parent) + made_of)


def _stage_documents(stage: Path, chapters: list[dict[str, str]], packages: dict[str, str]) -> None:
    """Write the index, and bring the project's own documents to where Sphinx finds them."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(SITE), trim_blocks=True, undefined=jinja2.StrictUndefined
    )
    index = environment.get_template("index.md.j2").render(chapters=chapters, packages=packages)
    _write(stage / "index.md", index)
    for package, title in packages.items():
        _write(stage / "api" / f"{package}.md", _api_page(package, title))
    for name, place in DOCUMENTS.items():
        text = (ROOT / place).read_text(encoding="utf-8")
        for page, origin in DOCUMENTS.items():
            address = re.escape(origin.removeprefix("docs/"))
            text = re.sub(rf"\]\((?:\.\./|docs/)?{address}(#[^)]*)?\)", rf"]({page}\1)", text)
        _write(stage / name, text)


def _api_page(package: str, title: str) -> str:
    """A page of what a package's modules say of themselves, one section a module."""
    parts = [f"# {title}\n"]
    for file in sorted((ROOT / package).rglob("*.py")):
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        if any(part.startswith("_") for part in module.split(".")):
            continue
        parts.append(f"## {module}\n\n```{{eval-rst}}\n.. automodule:: {module}\n```\n")
    return "\n".join(parts)


def _run_sphinx(stage: Path, out: Path, doctrees: Path) -> None:
    """Make the pages; Sphinx reads again only what changed.

    Raises:
        BuildError: with Sphinx's last words where it failed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["CONVBOOK_ROOT"] = str(ROOT)
    from sphinx.application import Sphinx

    said = io.StringIO()
    try:
        app = Sphinx(
            str(stage),
            str(stage),
            str(out),
            str(doctrees),
            "html",
            status=None,
            warning=said,
        )
        app.build()
        code = app.statuscode
    except Exception as error:  # Sphinx raises what its extensions raise
        raise BuildError(f"Sphinx failed: {error}\n{said.getvalue()[-2000:]}") from error
    if words := said.getvalue().strip():
        print(words, file=sys.stderr)
    if code:
        raise BuildError("Sphinx failed; its reasons are above.")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code: 1 where a chapter failed, 2 for wrong arguments."""
    parser = argparse.ArgumentParser(prog="python -m book.build", description=__doc__)
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help="such as 04_residual")
    parser.add_argument("--out", type=Path, default=ROOT / "_book", help="default: _book")
    options = parser.parse_args(arguments)
    paths = [CHAPTERS / f"{Path(name).stem}.ipynb" for name in options.chapters]
    for path in paths:
        if not path.is_file():
            print(f"There is no chapter {path.stem}; there are {names()}.", file=sys.stderr)
            return 2
    try:
        every = sorted(CHAPTERS.glob("*.ipynb"))
        pages, failures = build(paths or every, options.out.resolve(), whole=not paths)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    for failure in failures:
        print(failure, file=sys.stderr)
    print(options.out / "index.html", f"({len(pages)} chapters)")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
