"""Keep the chapters' cells in step with the library: ``python -m book.sync [--check]``.

A code cell tagged with the dotted name of an object, such as
``convbook.architectures.residual.identity_block``, holds that object's source text and nothing
else. Without arguments the cells are rewritten from the library; with ``--check`` nothing is
written, and stale cells are named. The source is read, not imported. Links between the pages, which
cells are folded in JupyterLab (``book.linking``) and the cell that fetches the book where it is not
installed (``book.elsewhere``) are kept in step too.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat

from book.elsewhere import runs_elsewhere
from book.linking import CONTENTS, fold, link, write_contents

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "convbook"


class SyncError(Exception):
    """A tag or a notebook that cannot be used; the message says what to do."""


def object_source(name: str, root: Path = ROOT) -> str:
    """Return the source text of a top-level object: ``convbook.scale.scale``.

    Functions and classes come with their decorators, constants with the docstring below them.

    Raises:
        SyncError: if there is no such module, or no such object in it.
    """
    module, _, attribute = name.rpartition(".")
    file = root / (module.replace(".", "/") + ".py")
    if not file.is_file():
        raise SyncError(f"The tag {name} names no file: {file.relative_to(root)} does not exist.")
    text = file.read_text(encoding="utf-8")
    body = ast.parse(text).body
    for index, node in enumerate(body):
        if attribute in _names(node):
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            last = node.end_lineno
            if isinstance(node, ast.Assign | ast.AnnAssign) and _is_text(body[index + 1 :]):
                last = body[index + 1].end_lineno
            return "\n".join(text.splitlines()[first - 1 : last])
    raise SyncError(f"The tag {name} names nothing: {file.relative_to(root)} has no {attribute}.")


def _names(node: ast.stmt) -> list[str]:
    """The names that a top-level statement defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def _is_text(following: Sequence[ast.stmt]) -> bool:
    """Whether the next statement is a lone string, a constant's docstring."""
    return bool(
        following
        and isinstance(following[0], ast.Expr)
        and isinstance(following[0].value, ast.Constant)
        and isinstance(following[0].value.value, str)
    )


def sync(notebook: Path, write: bool, root: Path = ROOT) -> list[str]:
    """Return what is stale in a notebook, by its tags; with ``write``, bring it up to date.

    Raises:
        SyncError: if the notebook cannot be read, or a cell carries two objects' tags.
    """
    try:
        book = nbformat.read(notebook, as_version=4)
    except Exception as error:  # nbformat raises several kinds, none of which it documents
        raise SyncError(f"{notebook} is not a notebook: {error}") from error
    stale = []
    for cell in book.cells:
        tags = [t for t in cell.metadata.get("tags", []) if t.startswith(PACKAGE + ".")]
        if len(tags) > 1:
            raise SyncError(
                f"Cell {cell.id} of {notebook} has two objects; give each its own cell."
            )
        if tags and cell.source != (source := object_source(tags[0], root)):
            cell.source = source
            stale.append(tags[0])
    if runs_elsewhere(book):
        stale.append("the cell that fetches the book")
    if fold(book):
        stale.append("folded cells")
    if link(book, notebook, root):
        stale.append("links")
    if stale and write:
        nbformat.write(book, notebook)
    return stale


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command: 0 when in step, 1 when ``--check`` finds stale cells, 2 for a wrong tag."""
    parser = argparse.ArgumentParser(prog="python -m book.sync", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, name stale cells")
    options = parser.parse_args(arguments)
    found = False
    try:
        for notebook in sorted((root / "chapters").glob("*.ipynb")):
            for name in sync(notebook, write=not options.check, root=root):
                found = True
                print(f"{notebook.name}: {name} {'is stale' if options.check else 'updated'}")
        if write_contents(root, write=not options.check):
            found = True
            print(f"{CONTENTS} {'is stale' if options.check else 'updated'}")
    except SyncError as error:
        print(error, file=sys.stderr)
        return 2
    if found and options.check:
        print("Run `python -m book.sync` to bring these in step with the library.")
    return int(found and options.check)


if __name__ == "__main__":
    sys.exit(main())
