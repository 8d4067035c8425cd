"""Verdicts as a reader sees them: in a terminal, in a notebook, as JSON, as pages."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from autograder.judging.judge import Verdict
from autograder.judging.picture import Picture
from autograder.judging.wording import more_alike

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

MARKS = {"correct": "✓ correct", "wrong": "✗ wrong", "error": "✗ error", "missing": "– missing"}
# What stands in backticks, `code`, and what asterisks mark: *weight*, **more of it**.
MARKED = re.compile(
    r"`(?P<code>[^`\n]+)`|(?<![\w*])(?P<stars>\*{1,2})(?P<word>[^\s*`](?:[^*`]*[^\s*`])?)(?P=stars)(?![\w*])"
)
TAGS = {"code": "code", "*": "em", "**": "strong"}
WEIGHTS = {"code": "bold", "*": "italic", "**": "bold"}
UNKNOWN = (127, 127, 127, 255)
BELOW, ABOVE = (224, 130, 20), (128, 115, 172)  # orange and purple: seen on white and on black
STYLES = {"correct": "green", "wrong": "red", "error": "red", "missing": "yellow"}


def number(points: float) -> str:
    """Points as they are read, to a hundredth and without needless zeros: 3, 2.5, 2.67."""
    return f"{round(points, 2):.12g}"


def mark(verdict: Verdict) -> str:
    """The verdict in a word."""
    by_library = verdict.verdict == "correct" and verdict.by_library
    return f"{MARKS[verdict.verdict]}{', not by hand' if by_library else ''}"


def parts_of(verdict: Verdict) -> list[tuple[str, bool | None]]:
    """The parts of a task and whether they hold; None where there is no answer to be judged."""
    if verdict.verdict == "missing":
        return [(part, None) for part in verdict.checks]
    named = {"shape": "type"} if verdict.wrong_type else {}
    return [(named.get(part, part), held) for part, held in verdict.checks.items()]


def checks_text(verdict: Verdict) -> str:
    """The parts of a task, each with its mark."""
    signs = {None: "–", True: "✓", False: "✗"}
    return "  ".join(f"{signs[held]} {part}" for part, held in parts_of(verdict))


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """A task's entry in a line of results."""
    entry: dict[str, Any] = {
        "points": verdict.points,
        "max_points": verdict.max_points,
        "verdict": verdict.verdict,
        "checks": verdict.checks,
        "hint": verdict.hint,
    }
    for name in ("progress", "wrong_type", "by_library"):
        if getattr(verdict, name):
            entry[name] = getattr(verdict, name)
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
            Text(mark(verdict), STYLES[verdict.verdict]),
            f"{number(verdict.points)}/{number(verdict.max_points)}",
            "\n".join(checks_text(verdict).split("  ")),
            Text("\n").join(
                terminal_text(one)
                for one in [verdict.progress, verdict.hint, *further(verdict)]
                if one and one != message
            ),
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
    environment.filters["drawn"] = drawn
    environment.filters["mark"] = mark
    environment.filters["parts"] = parts_of
    environment.filters["sentence"] = sentence_html
    environment.filters["breakable"] = breakable_html
    environment.filters["further"] = further
    of_verdicts, of_pages = (
        resources.files("autograder").joinpath(f"templates/{name}.css").read_text("utf-8")
        for name in ("verdict", "style")
    )
    environment.globals["verdict_style"] = of_verdicts
    environment.globals["style"] = of_verdicts + of_pages
    return environment


def marked(text: str) -> Iterator[tuple[str, str]]:
    """A sentence in pieces, each with what marks it: "code", "*", "**" or nothing."""
    end = 0
    for found in MARKED.finditer(text):
        yield "", text[end : found.start()]
        yield ("code", found["code"]) if found["code"] else (found["stars"], found["word"])
        end = found.end()
    yield "", text[end:]


def terminal_text(sentence: str) -> Text:
    """A sentence for a terminal: what is marked is set off, and code keeps its backticks there."""
    from rich.text import Text

    pieces = ((f"`{piece}`" if kind == "code" else piece, kind) for kind, piece in marked(sentence))
    return Text.assemble(*((piece, WEIGHTS.get(kind, "")) for piece, kind in pieces))


def sentence_html(text: str) -> Markup:
    """A sentence for a page: escaped, `code` and *weighty words* set as such, an arrow as one."""
    from markupsafe import Markup, escape

    pieces = []
    for kind, piece in marked(text):
        tag = TAGS.get(kind)
        piece = piece if kind == "code" else piece.replace("->", "→")  # else a line ends within
        pieces.append(f"<{tag}>{escape(piece)}</{tag}>" if tag else str(escape(piece)))
    return Markup("".join(pieces))


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
    return [f"{same[0]}{more_alike(len(same) - 1)}" for same in found.values()]


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


@dataclass(frozen=True)
class Printed:
    """What an answer printed while it was checked, cut short, and how many lines it was."""

    text: str
    lines: int


@dataclass(frozen=True)
class Aside:
    """What only a notebook shows beside a verdict: it is no part of it, and no points hang on it.

    `warning` is said above it, `printed` is folded below, `steps` are where to go from here (HTML).
    """

    warning: str = ""
    printed: Printed | None = None
    steps: tuple[Markup, ...] = field(default=())


def verdict_html(verdict: Verdict, aside: Aside | None = None) -> str:
    """A verdict as a notebook shows it below the test cell."""
    aside = aside or Aside()
    template = templates().get_template("verdict.html")
    return template.render(
        verdict=verdict, warning=aside.warning, printed=aside.printed, steps=aside.steps
    )


def cell_points(entry: dict[str, Any], worth: float) -> float:
    """The points of a task in a test cell that is worth `worth`: an instructor may weigh anew."""
    return round(entry["points"] * worth / entry["max_points"], 4) if entry["max_points"] else 0.0


def verdict_output(task: str, entry: dict[str, Any], worth: float) -> dict[str, Any]:
    """A task's entry in the results as a test cell's output: a table, to nbgrader the points."""
    verdict = Verdict.model_validate({"task": task, **entry})
    points = cell_points(entry, worth)
    shown = {"text/html": verdict_html(verdict), "text/plain": repr(points)}
    return {"output_type": "execute_result", "data": shown, "metadata": {}, "execution_count": None}


@dataclass(frozen=True)
class Drawn:
    """Maps as base64 PNGs with their titles, and the number at which the colours are full."""

    panels: tuple[tuple[str, str], ...]
    limit: str
    has_nan: bool = False


def drawn(picture: Picture) -> Drawn:
    """Expected, found and their difference, on one scale.

    Where a value is 0 the map lets the page through, whatever its colour; no number is grey.
    """
    import numpy as np

    expected, found = picture.expected.numpy(), picture.found.numpy()
    with np.errstate(all="ignore"):
        maps = {"expected": expected, "yours": found, "difference": found - expected}
    largest = [np.max(np.abs(array[np.isfinite(array)]), initial=0.0) for array in maps.values()]
    limit = float(next((number for number in largest if number), 1.0))
    panels = tuple((title, _png(array / limit)) for title, array in maps.items())
    has_nan = not all(np.isfinite(array).all() for array in maps.values())
    return Drawn(panels, f"{limit:.3g}", has_nan)


def _png(values: Any) -> str:
    """A map of values from -1 to 1 as a picture: the farther from 0, the stronger its colour."""
    import numpy as np

    known = np.isfinite(values)
    values = np.clip(np.where(known, values, 0), -1, 1)
    pixels = np.empty((*values.shape, 4), "uint8")
    pixels[..., :3] = np.where(values[..., None] < 0, BELOW, ABOVE)
    pixels[..., 3] = np.rint(255 * np.abs(values))
    pixels[~known] = UNKNOWN
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    height, width = values.shape
    parts = [
        (b"IHDR", struct.pack(">2I5B", width, height, 8, 6, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    chunks = b"".join(
        struct.pack(">I", len(content)) + kind + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in parts
    )  # fmt: skip
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunks).decode()


class Shown:
    """A verdict as the value of a notebook cell: a table to look at, a number to nbgrader.

    nbgrader takes partial credit from a test cell whose result prints as a number, so `repr` is
    the points; a notebook shows the table instead.
    """

    def __init__(self, verdict: Verdict, aside: Aside | None = None) -> None:
        self.verdict, self.aside = verdict, aside or Aside()

    def __repr__(self) -> str:
        return repr(self.verdict.points)

    def __float__(self) -> float:
        return self.verdict.points

    def _repr_html_(self) -> str:
        return verdict_html(self.verdict, self.aside)
