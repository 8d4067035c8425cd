"""The nets of the book as bubbles: error over depth or work, area for parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Annotation, Text
from matplotlib.ticker import LogLocator, StrMethodFormatter
from matplotlib.transforms import Bbox

from convbook.drawing.style import COLOURS, WIDTH
from convbook.nets import Facts

QUANTITIES: dict[str, tuple[str, Callable[[Facts], float]]] = {
    "depth": ("layers with a kernel, on the longest way", lambda facts: facts.depth),
    "work": ("million multiplications of a picture", lambda facts: facts.multiplications / 1e6),
    "time": ("milliseconds for a picture, here", lambda facts: 1e3 * (facts.seconds or np.nan)),
}
"""What the horizontal axis may show: its words, and its value for a net."""

_POINTS_PER_MILLION = 5.0
"""Area of a bubble, in square printer's points, for a million parameters."""
_ANGLES = (0, 180, 90, 270, 35, 145, 325, 215)
_RADII = (4, 12, 22, 34)


def draw_nets(
    facts: Sequence[Facts],
    quantity: str = "work",
    axes: Axes | None = None,
    new: Sequence[str] = (),
) -> Axes:
    """Draw each net as a bubble with its name: error upwards, a quantity of it to the right.

    Args:
        facts: of the nets; those without a published error have no place and are left out.
        quantity: "depth", "work" or "time", on a logarithmic axis.
        axes: where to draw; a new figure if None.
        new: names of nets to be drawn in another colour.

    Returns:
        The axes. The area of a bubble is in proportion to the net's parameters.
    """
    axes = axes or plt.subplots(figsize=(WIDTH, 4.8))[1]
    words, value = QUANTITIES[quantity]
    shown = [each for each in facts if each.net.error is not None]
    x = [value(each) for each in shown]
    y = [float(each.net.error or 0) for each in shown]
    areas = [_POINTS_PER_MILLION * each.parameters / 1e6 for each in shown]
    colours = [COLOURS["vermilion" if each.net.name in new else "sky"] for each in shown]
    axes.scatter(x, y, areas, color=colours, edgecolor=COLOURS["ink"], alpha=0.75, zorder=2)
    axes.scatter(x, y, 5, color=COLOURS["ink"], zorder=3)
    axes.set(xscale="log", xlabel=words, ylabel="top-1 error on ImageNet (%)")
    axes.set_xlim(min(x) / 1.7, max(x) * 1.7)
    axes.set_ylim(min(y) - 2, max(y) + 2.5)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.minorticks_off()
    _draw_scale(axes)
    radii = [np.sqrt(area / np.pi) for area in areas]
    _write_names(axes, [each.net.name for each in shown], list(zip(x, y, strict=True)), radii)
    return axes


def _draw_scale(axes: Axes, millions: int = 50) -> None:
    """A bubble of so many million parameters in the upper right corner."""
    corner: dict[str, Any] = {"transform": axes.transAxes, "zorder": 1}
    axes.scatter(0.68, 0.93, _POINTS_PER_MILLION * millions, "white", edgecolor="#666666", **corner)
    words = f"{millions} million\nparameters"
    axes.text(0.73, 0.93, words, va="center", fontsize=9.5, color="#666666", **corner)


def _write_names(
    axes: Axes,
    names: Sequence[str],
    spots: Sequence[tuple[float, float]],
    radii: Sequence[float],
) -> None:
    """Each name beside its bubble, where it covers neither a middle nor another name."""
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    pixels = axes.figure.dpi / 72
    centres = [axes.transData.transform(spot) for spot in spots]
    middles = [Bbox.from_extents(*(c - 5 * pixels), *(c + 5 * pixels)) for c in centres]
    taken: list[Bbox] = []
    for index in np.argsort([spot[1] for spot in spots], kind="stable"):
        best: tuple[float, Annotation, Bbox] | None = None
        for gap in _RADII:
            for angle in _ANGLES:
                label = _label(axes, names[index], spots[index], radii[index], gap, angle)
                box = _words(label)
                others = [middle for place, middle in enumerate(middles) if place != index]
                cost = sum(_overlap(box, other) for other in [*taken, *others])
                cost += 10 * _outside(box, axes.bbox)
                if best is None or cost < best[0]:
                    if best is not None:
                        best[1].remove()
                    best = (cost, label, box)
                else:
                    label.remove()
                if best[0] == 0:
                    break
            if best is not None and best[0] == 0:
                break
        if best is not None:
            taken.append(best[2])


def _label(
    axes: Axes, name: str, spot: tuple[float, float], radius: float, gap: float, angle: float
) -> Annotation:
    """A name at an angle from its bubble; where it stands off, a thin line leads to it."""
    across, up = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    distance = radius + gap
    line = {"arrowstyle": "-", "color": "#666666", "linewidth": 0.8, "shrinkA": 0}
    return axes.annotate(
        name,
        spot,
        xytext=(distance * across, distance * up),
        textcoords="offset points",
        arrowprops={**line, "shrinkB": radius} if gap > min(_RADII) else None,
        ha="left" if across > 0.3 else "right" if across < -0.3 else "center",
        va="bottom" if up > 0.3 else "top" if up < -0.3 else "center",
        fontsize=9.5,
        zorder=4,
    )


def _words(label: Annotation) -> Bbox:
    """Where the words of a label stand, without the line that leads to them."""
    figure: Any = label.figure
    label.update_positions(figure.canvas.get_renderer())
    return Text.get_window_extent(label)


def _overlap(a: Bbox, b: Bbox) -> float:
    common = Bbox.intersection(a, b)
    return 0.0 if common is None else float(common.width * common.height) + 1.0


def _outside(box: Bbox, frame: Bbox) -> float:
    common = Bbox.intersection(box, frame)
    inside = 0.0 if common is None else float(common.width * common.height)
    return float(box.width * box.height) - inside
