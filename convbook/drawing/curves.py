"""Several quantities over one set of places, each with its name at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.patheffects import withStroke

from convbook.drawing.style import COLOURS, WIDTH, label_line

_GREY = "#666666"


def draw_over(
    places: Sequence[float],
    curves: Mapping[str, Sequence[float]],
    axes: Axes | None = None,
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    log: str = "y",
    ticks: Sequence[float] = (),
    marks: Mapping[str, tuple[float, float]] | None = None,
    levels: Mapping[str, float] | None = None,
    named_at: Mapping[str, int] | None = None,
) -> Axes:
    """Draw a line for each name over the given places, with its name beside one of them.

    Args:
        places: along the horizontal axis, each with a tick.
        curves: values at the places, by the line's name.
        axes: where to draw; a new figure if None.
        xlabel: of the horizontal axis, with its unit.
        ylabel: of the vertical axis, with its unit.
        title: of the figure.
        log: which axes are logarithmic: "", "x", "y" or "xy".
        ticks: of the vertical axis, written as plain numbers; left out, matplotlib chooses.
        marks: single points by name.
        levels: heights by name, each a thin line across, with its name above its left end.
        named_at: lines whose name does not stand at their end: the number of the place, from 0.
    """
    axes = axes or plt.subplots(figsize=(WIDTH, 3.6))[1]
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    axes.set_xscale("log" if "x" in log else "linear")
    axes.set_yscale("log" if "y" in log else "linear")
    for name, values in curves.items():
        (line,) = axes.plot(places, values, marker="o")
        last = min((named_at or {}).get(name, len(places) - 1), len(places) - 1)
        label_line(axes, [places[last]], [values[last]], name, to_hex(line.get_color()))
    for name, (x, y) in (marks or {}).items():
        axes.plot(x, y, "D", color=COLOURS["ink"], linestyle="none")
        label_line(axes, [x], [y], name, COLOURS["ink"])
    for name, height in (levels or {}).items():
        axes.axhline(height, color=_GREY, linewidth=1.2, linestyle="--", zorder=1)
        axes.annotate(
            name,
            (0, height),
            xycoords=("axes fraction", "data"),
            xytext=(4, 3),  # the lowest part of a letter clears the line
            textcoords="offset points",
            va="bottom",
            fontsize=9.5,
            color=_GREY,
            path_effects=[withStroke(linewidth=3, foreground="white")],
        )
    axes.set_xticks(places, [f"{place:g}" for place in places])
    if ticks:
        axes.set_yticks(ticks, [f"{tick:,g}" for tick in ticks])
    axes.minorticks_off()
    return axes
