"""Run a chapter as a reader would, without the cost of a kernel, and see what it made."""

from __future__ import annotations

import contextlib
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import matplotlib.pyplot as plt
import nbformat

CHAPTERS = Path(__file__).resolve().parent.parent / "chapters"


@dataclass(frozen=True)
class Run:
    """What a chapter left behind: its variables, what each cell printed, figures by cell."""

    names: dict[str, Any]
    printed: dict[str, str]
    figures: dict[str, int]


def of(run: Run, *names: str) -> list[Any]:
    """The values of some of a chapter's variables."""
    return [run.names[name] for name in names]


def run_chapter(name: str, scale: str = "smoke") -> Run:
    """Run every code cell of a chapter in order in this process, in the chapters' folder."""
    notebook = nbformat.read(CHAPTERS / f"{name}.ipynb", as_version=4)
    names: dict[str, Any] = {"__name__": "__main__"}
    printed, figures = {}, {}
    plt.close("all")
    with (
        mock.patch.dict(os.environ, {"CONVBOOK_SCALE": scale}),
        mock.patch.object(plt, "show"),
        plt.rc_context(),  # a chapter sets the book's style
        contextlib.chdir(CHAPTERS),
    ):
        for cell in notebook.cells:
            if cell.cell_type != "code":
                continue
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile(cell.source, f"{name}:{cell.id}", "exec"), names)
            printed[cell.id] = output.getvalue()
            figures[cell.id] = len(plt.get_fignums())
            plt.close("all")
    return Run(names, printed, figures)
