"""The map of this book: a line for each architecture, and threads from what it builds on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from convbook.drawing.style import COLOURS, WIDTH, legible
from convbook.lineage import FAMILIES, Entry

ROW = 0.235  # inches
LANE = 0.22
NAMES = 1.6  # from the left
WIDE = WIDTH - 0.1  # without axes of its own the picture gets a wider margin
GREY = "#666666"
LANES = dict(zip(FAMILIES, ("ink", "blue", "sky", "vermilion", "yellow"), strict=True))
MARKS = dict(zip(FAMILIES, ("s", "o", "D", "^", "P"), strict=True))


def draw_lineage(entries: Sequence[Entry], years: tuple[int, int] | None = None) -> Axes:
    """Draw architectures below each other, oldest first, each in the lane of its family.

    A thread leads to each from those it builds on; from above the first line, dashed, where they
    are older than what is drawn. In each line stand the chapter and the names of the same.

    Args:
        entries: see ``convbook.lineage``.
        years: first and last that are drawn; None for all.
    """
    first, last = years or (min(e.year for e in entries), max(e.year for e in entries))
    shown = [entry for entry in entries if first <= entry.year <= last]
    lanes = {entry.name: FAMILIES.index(entry.family) for entry in entries}
    rows = {entry.name: row for row, entry in enumerate(shown)}
    height = ROW * (len(shown) + 2.6)
    figure = plt.figure(figsize=(WIDE, height), layout="none")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDE), ylim=(len(shown) - 0.4, -3.0))
    axes.set_axis_off()
    for lane, family in enumerate(FAMILIES):
        colour = legible(COLOURS[LANES[family]])
        place: dict[str, Any] = {"rotation": 48, "va": "bottom", "rotation_mode": "anchor"}
        axes.text(_x(lane) + 0.05, -0.9, family, color=colour, fontsize=9.5, **place)
    for row, entry in enumerate(shown):
        for parent in entry.parents:
            _thread(axes, (lanes[parent], rows.get(parent)), (lanes[entry.name], row))
        _line(axes, entry, row, row == 0 or shown[row - 1].year != entry.year)
    return axes


def _x(lane: int) -> float:
    """Inches from the left."""
    return 0.18 + LANE * lane


def _line(axes: Axes, entry: Entry, row: int, new_year: bool) -> None:
    """An architecture's mark, and its words."""
    look: dict[str, Any] = {
        "markeredgecolor": COLOURS["ink"],
        "markeredgewidth": 0.6,
        "markersize": 7,
    }
    colour = COLOURS[LANES[entry.family]]
    place = _x(FAMILIES.index(entry.family))
    axes.plot(place, row, MARKS[entry.family], color=colour, zorder=3, **look)
    if new_year:
        axes.plot([0.1, WIDE - 0.05], [row - 0.5] * 2, "-", color="#DDDDDD", linewidth=0.8)
        axes.text(NAMES - 0.08, row, str(entry.year), fontsize=9.5, va="center", ha="right")
    name = axes.text(NAMES, row, entry.name, fontsize=9.5, va="center", weight="bold")
    told = f"  {entry.chapter:02}"
    if entry.parents:
        told += f": {', '.join(entry.parents)}"
    style: dict[str, Any] = {"va": "center", "ha": "left", "color": GREY, "fontsize": 9.5}
    axes.annotate(told, (1, 0.5), xycoords=name, **style)


def _thread(axes: Axes, start: tuple[int, int | None], end: tuple[int, int]) -> None:
    """A line that falls in its start's lane and bends into the end's."""
    (lane, begun), (goal, row) = start, end
    top = -0.5 if begun is None else begun
    bend = np.linspace(0, 1, 12)
    x = _x(lane) + (_x(goal) - _x(lane)) * (3 * bend**2 - 2 * bend**3)
    y = row - min(1.0, row - top) * (1 - bend)
    colour = COLOURS[LANES[FAMILIES[goal]]]
    dashes = "-" if begun is not None else (0, (2, 1.5))
    style: dict[str, Any] = {"color": colour, "linewidth": 1.2, "linestyle": dashes}
    axes.plot([_x(lane), *x], [top, *y], alpha=0.8, zorder=1, **style)
