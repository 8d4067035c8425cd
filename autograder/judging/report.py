"""Verdicts as a reader sees them: in a terminal, in a notebook, as JSON, as pages."""

from __future__ import annotations

import base64
import io
import re
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from autograder.judging.judge import Verdict
from autograder.judging.picture import Picture

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup
    from rich.console import Console
    from rich.table import Table

MARKS = {"correct": "✓ correct", "wrong": "✗ wrong", "error": "✗ error", "missing": "– missing"}
CODE = re.compile(r"`([^`\n]+)`")
STYLES = {"correct": "green", "wrong": "red", "error": "red", "missing": "yellow"}


def number(points: float) -> str:
    """Points without needless zeros: 3, 2.5."""
    return f"{points:g}"


def checks_text(verdict: Verdict) -> str:
    """The parts of a task, each with its mark."""
    return "  ".join(f"{'✓' if held else '✗'} {part}" for part, held in verdict.checks.items())


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """A task's entry in a line of results."""
    entry: dict[str, Any] = {
        "points": verdict.points,
        "max_points": verdict.max_points,
        "verdict": verdict.verdict,
        "checks": verdict.checks,
        "hint": verdict.hint,
    }
    if verdict.remarks:
        entry["remarks"] = list(verdict.remarks)
    if verdict.details:
        entry["details"] = list(verdict.details)
    return entry


def terminal_table(verdicts: list[Verdict], title: str, message: str = "") -> Table:
    """One row a task; what `message` says of the whole notebook is not said again in each."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", show_lines=True)
    for column in ("task", "verdict", "points", "checks", "why"):
        table.add_column(column, overflow="fold", no_wrap=column == "points")
    for verdict in verdicts:
        table.add_row(
            verdict.task,
            Text(MARKS[verdict.verdict], STYLES[verdict.verdict]),
            f"{number(verdict.points)}/{number(verdict.max_points)}",
            "\n".join(checks_text(verdict).split("  ")),
            Text("\n".join(one for one in [verdict.hint, *further(verdict)] if one != message)),
        )
    return table


def console(stderr: bool = False) -> Console:
    """A console that does not cut lines short when its output goes to a file."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False)
    if not made.is_terminal:
        made = Console(stderr=stderr, highlight=False, width=140)
    return made


@lru_cache
def templates() -> Environment:
    """The page templates; everything put into them is escaped."""
    from jinja2 import Environment, PackageLoader, select_autoescape

    environment = Environment(
        loader=PackageLoader("autograder", "templates"), autoescape=select_autoescape(default=True)
    )
    environment.filters["number"] = number
    environment.filters["picture"] = picture_png
    environment.filters["sentence"] = sentence_html
    environment.filters["breakable"] = breakable_html
    environment.filters["further"] = further
    environment.globals["style"] = (
        resources.files("autograder").joinpath("templates/style.css").read_text("utf-8")
    )
    environment.globals["marks"] = MARKS
    return environment


def sentence_html(text: str) -> Markup:
    """A sentence for a page: escaped, and what stands in `backticks` set as code."""
    from markupsafe import Markup, escape

    return Markup(CODE.sub(r"<code>\1</code>", str(escape(text))))


def breakable_html(name: str) -> Markup:
    """A name for a page, which may be broken after what joins its words and nowhere else."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"([_.@-]+)", r"\1<wbr>", str(escape(name))))


def further(verdict: Verdict) -> list[str]:
    """What is told below the hint: details and remarks, each sentence once.

    One that several trials give counts them; trials are told apart by the call it begins with.
    """
    said = {_without_call(verdict.task, verdict.hint)}
    found: dict[str, list[str]] = {}
    remarks = [f"Remark: {remark}" for remark in verdict.remarks]
    for sentence in (*verdict.details, *remarks):
        plain = _without_call(verdict.task, sentence.removeprefix("Remark: "))
        if plain not in said:
            found.setdefault(plain, []).append(sentence)
    return [
        same[0] if len(same) == 1 else f"{same[0]} (in {len(same)} trials)"
        for same in found.values()
    ]


def _without_call(task: str, sentence: str) -> str:
    """A sentence without the call that it begins with and its full stop, to tell it from others."""
    if sentence.startswith(f"`{task}`"):
        sentence = sentence.removeprefix(f"`{task}`")
    elif sentence.startswith(f"{task}("):
        depth = 0
        for place, sign in enumerate(sentence):
            depth += (sign in "([{") - (sign in ")]}")
            if sign == ")" and depth == 0:
                sentence = sentence[place + 1 :]
                break
    return sentence.strip().removesuffix(".")


def verdict_html(verdict: Verdict) -> str:
    """A verdict as a notebook shows it below the test cell."""
    return templates().get_template("verdict.html").render(verdict=verdict)


def cell_points(entry: dict[str, Any], worth: float) -> float:
    """The points of a task in a test cell that is worth `worth`: an instructor may weigh anew."""
    return round(entry["points"] * worth / entry["max_points"], 4) if entry["max_points"] else 0.0


def verdict_output(task: str, entry: dict[str, Any], worth: float) -> dict[str, Any]:
    """A task's entry in the results as a test cell's output: a table, to nbgrader the points."""
    verdict = Verdict.model_validate({"task": task, **entry})
    points = cell_points(entry, worth)
    shown = {"text/html": verdict_html(verdict), "text/plain": repr(points)}
    return {"output_type": "execute_result", "data": shown, "metadata": {}, "execution_count": None}


def picture_png(picture: Picture) -> str:
    """Expected, found and their difference side by side, as a base64 PNG."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    expected, found = picture.expected.numpy(), np.nan_to_num(picture.found.numpy())
    figure = Figure(figsize=(6.6, 2.2), layout="constrained")
    FigureCanvasAgg(figure)
    limit = max(float(np.nanmax(np.abs(expected))), 1e-12)
    for axes, (title, array) in zip(
        figure.subplots(1, 3),
        [("expected", expected), ("yours", found), ("difference", found - expected)],
        strict=True,
    ):
        axes.imshow(np.clip(array, -4 * limit, 4 * limit), "PuOr", vmin=-limit, vmax=limit)
        axes.set_title(title, fontsize=9)
        axes.set_xticks([])
        axes.set_yticks([])
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return base64.b64encode(buffer.getvalue()).decode()


class Shown:
    """A verdict as the value of a notebook cell: a table to look at, a number to nbgrader.

    nbgrader takes partial credit from a test cell whose result prints as a number, so `repr` is
    the points; a notebook shows the table instead.
    """

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict

    def __repr__(self) -> str:
        return repr(self.verdict.points)

    def __float__(self) -> float:
        return self.verdict.points

    def _repr_html_(self) -> str:
        return verdict_html(self.verdict)
