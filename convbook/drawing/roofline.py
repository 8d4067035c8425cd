"""The roofline: what a machine allows, and how near to it each layer comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter

from convbook.drawing.style import COLOURS, WIDTH, legible
from convbook.roofline import Machine, Timing

_MARKS = ("o", "s", "^", "D", "v", "P")
_COLOURS = ("blue", "vermilion", "sky", "ink")
_GIGA = 1e9
_HALO = withStroke(linewidth=3, foreground="#EEEEEE")
"""A layer can lie above the roof, behind the roof's words."""


def draw_roofline(
    machine: Machine,
    groups: Mapping[str, Sequence[Timing]],
    axes: Axes | None = None,
    names: Mapping[str, str] | None = None,
) -> Axes:
    """Draw the machine's roof, and each layer as a point: its rate over its intensity.

    Both axes are logarithmic. Layers without any multiplication have no place and are left out.

    Args:
        machine: as measured.
        groups: layers by what is written beside their points, in the colour of the group.
        axes: where to draw; a new figure if None.
        names: words beside single points, by the layer's name.
    """
    axes = axes or plt.subplots(figsize=(WIDTH, 3.8))[1]
    axes.set(xscale="log", yscale="log")
    spots = {
        group: [(t.intensity, t.rate / _GIGA, t.name) for t in timings if t.multiplications]
        for group, timings in groups.items()
    }
    everything = [spot for group in spots.values() for spot in group]
    _draw_roof(axes, machine, [spot[0] for spot in everything])
    lowest = min([axes.get_ylim()[0], *(spot[1] / 2 for spot in everything)])
    axes.set_ylim(bottom=lowest)
    for number, (group, points) in enumerate(spots.items()):
        colour = COLOURS[_COLOURS[number % len(_COLOURS)]]
        x, y = [point[0] for point in points], [point[1] for point in points]
        mark = _MARKS[number % len(_MARKS)]
        axes.plot(x, y, mark, color=colour, markeredgecolor="white", markersize=7, label=group)
        for intensity, rate, name in points:
            if names and name in names:
                _write(axes, (intensity, rate), names[name], colour, intensity < machine.ridge)
    axes.set(
        xlabel="multiplications per byte moved",
        ylabel="billion multiplications per second",
    )
    if len(spots) > 1 or not names:
        axes.legend(loc="lower right", fontsize=9.5, handletextpad=0.2)
    axes.grid(which="minor", visible=False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    return axes


def _draw_roof(axes: Axes, machine: Machine, intensities: Sequence[float]) -> None:
    """Slope and level, each with what it is written along it."""
    low = min([*(value / 2 for value in intensities), machine.ridge / 15])
    high = max([*intensities, machine.ridge]) * 2.5
    x = np.array([low, machine.ridge, high])
    y = np.array([machine.roof(value) / _GIGA for value in x])
    axes.plot(x, y, color=COLOURS["ink"], linestyle="-", linewidth=2.2)
    axes.fill_between(x, y, y * 1e9, color="#EEEEEE", linewidth=0, zorder=0)
    axes.set_xlim(low, high)
    axes.set_ylim(y[0] / 3, y[-1] * 4)
    peak = f"arithmetic: {machine.peak / _GIGA:.2g} billion multiplications/s"
    words: dict[str, Any] = {"va": "bottom", "fontsize": 9.5, "zorder": 5, "path_effects": [_HALO]}
    axes.text(x[2] / 1.05, 1.35 * y[2], peak, ha="right", **words)
    slope = f"memory: {machine.bandwidth / _GIGA:.2g} GB/s"
    middle = np.sqrt(x[0] * x[1])
    axes.text(
        middle,
        1.35 * machine.roof(middle) / _GIGA,
        slope,
        rotation=np.degrees(np.arctan2(y[0], x[0])),
        rotation_mode="anchor",
        transform_rotates_text=True,  # along the slope, whatever its angle on paper
        ha="center",
        **words,
    )


def _write(
    axes: Axes,
    spot: tuple[float, float],
    text: str,
    colour: str,
    beside_slope: bool,
) -> None:
    """Words below a point; beside the slope they begin there, so that they do not lie on it."""
    axes.annotate(
        text,
        spot,
        xytext=(-2 if beside_slope else 0, -7),
        textcoords="offset points",
        ha="left" if beside_slope else "center",
        va="top",
        fontsize=9.5,
        color=legible(colour),
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8},
        zorder=4,
    )
