"""Pictures of chapter 4: whole nets block by block, nested classes, what a lost block costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Ellipse, FancyBboxPatch
from matplotlib.patheffects import withStroke
from numpy.typing import ArrayLike

from convbook.drawing.charts import draw_curves
from convbook.drawing.style import COLOURS, WIDTH

_LABEL, _ROW, _BAR = 1.5, 0.62, (0.085, 0.3)
"""Inches: the room for a row's words, a row's height, width and height of a layer's bar."""


@dataclass(frozen=True)
class Stage:
    """A row of a net's picture.

    Attributes:
        label: what stands before the row; a second line is written smaller.
        blocks: how many there are; 0 for layers that stand by themselves.
        layers: how many layers with weights a block has, or the row where it has no blocks.
        shortcut: of all blocks but the first: "identity" or "" for none.
        first: of the first block: "projection", "zeros" (zero-padded), or as `shortcut`.
    """

    label: str
    blocks: int
    layers: int
    shortcut: str = ""
    first: str = ""


def draw_net(stages: Sequence[Stage], axes: Axes | None = None) -> Axes:
    """Draw a whole net, a row a stage: a bar for each layer with weights, an arc a shortcut.

    Args:
        stages: the rows, from the input to the output.
        axes: where to draw; a new figure if None. One unit of its data is an inch.
    """
    if axes is None:
        axes = plt.subplots(figsize=(WIDTH, _ROW * len(stages) + 0.15))[1]
    room = (WIDTH - _LABEL - 0.3) / max(1, *(stage.blocks for stage in stages))
    step = min(0.9, room)
    end = None
    for number, stage in enumerate(stages):
        y = -_ROW * number
        _write_label(axes, y, stage.label)
        if end is not None:
            _connect(axes, end, y)
        x = _LABEL
        for index in range(stage.blocks):
            kind = (stage.first or stage.shortcut) if index == 0 else stage.shortcut
            _draw_block(axes, x, y, step, stage.layers, kind)
            x += step
        if not stage.blocks:
            _draw_bars(axes, x + 0.1, y, 0.24 * stage.layers, stage.layers)
            x += 0.1 + 0.24 * stage.layers
        end = (x, y)
    axes.set(xlim=(0, WIDTH), ylim=(-_ROW * (len(stages) - 1) - 0.25, 0.4))
    axes.set_aspect("equal")
    axes.axis("off")
    return axes


def _write_label(axes: Axes, y: float, label: str) -> None:
    first, _, second = label.partition("\n")
    axes.text(0, y + 0.02, first, va="bottom" if second else "center", weight="bold", fontsize=9.5)
    axes.text(0, y - 0.02, second, va="top", fontsize=9.5)


def _connect(axes: Axes, end: tuple[float, float], y: float) -> None:
    """The thin line from the end of one row to the beginning of the next."""
    (x, above), between, left = end, y + _ROW * 0.5 - 0.02, _LABEL - 0.06
    places = [(x, above), (x + 0.12, above), (x + 0.12, between), (left, between), (left, y)]
    axes.plot(*zip(*places, strict=True), color="#BBBBBB", lw=1.2, ls="-", zorder=0)
    axes.plot([left, _LABEL + 0.1], [y, y], color="#BBBBBB", lw=1.2, ls="-", zorder=0)


def _draw_bars(axes: Axes, left: float, y: float, width: float, count: int) -> None:
    """Layers at equal distances on a line."""
    axes.plot([left - 0.1, left + width], [y, y], color="#BBBBBB", lw=1.2, ls="-", zorder=0)
    for number in range(count):
        x = left + width * (number + 0.3) / count
        shape = FancyBboxPatch(
            (x, y - _BAR[1] / 2), *_BAR, boxstyle="round,pad=0,rounding_size=0.02",
            facecolor=COLOURS["blue"], edgecolor="none", zorder=2,
        )  # fmt: skip
        axes.add_patch(shape)


def _draw_block(axes: Axes, x: float, y: float, step: float, layers: int, kind: str) -> None:
    """A block from ``x`` on: its bars, and its shortcut over them to a plus sign."""
    _draw_bars(axes, x + 0.1, y, step - 0.3, layers)
    axes.plot([x, x + step], [y, y], color="#BBBBBB", lw=1.2, ls="-", zorder=0)
    if not kind:
        return
    color, top, right = COLOURS["vermilion"], y + 0.245, x + step - 0.12
    style = {"projection": "-", "zeros": ":"}.get(kind, "-")
    corners = [(x + 0.045, y), (x + 0.045, top), (right, top), (right, y + 0.05)]
    axes.plot(*zip(*corners, strict=True), color=color, lw=1.8, ls=style, zorder=1)
    if kind == "projection":
        middle = (x + 0.045 + right) / 2
        axes.plot([middle], [top], marker="s", markersize=5, color=COLOURS["blue"], zorder=3)
    axes.add_patch(Circle((right, y), 0.055, facecolor="white", edgecolor=color, zorder=3))
    axes.plot([right], [y], marker="+", markersize=5, color=COLOURS["ink"], zorder=4)


def draw_classes() -> Figure:
    """Draw what larger and larger classes of functions can do: not nested, and nested.

    The function wanted is a star; the distance from a class to it is the best that the class can
    do.
    """
    figure, panels = plt.subplots(1, 2, figsize=(WIDTH, 2.7))
    titles = ("three unlike nets", "one net, blocks added")
    apart = [((2.9, 1.3), 2.2, 1.4, 0), ((2.9, 2.7), 2.8, 1.7, 50), ((1.2, 3.6), 2.6, 3.1, 20)]
    nested = [((2.3, 1.8), 1.8, 1.3, 30), ((2.5, 2.25), 3.1, 2.3, 35), ((2.7, 2.7), 4.5, 3.5, 40)]
    for panel, title, shapes in zip(panels, titles, (apart, nested), strict=True):
        for number, (middle, width, height, angle) in enumerate(reversed(shapes)):
            shade = (0.10, 0.22, 0.40)[number]
            panel.add_patch(
                Ellipse(middle, width, height, angle=angle, facecolor=(*_rgb("sky"), shade),
                        edgecolor=COLOURS["blue"], linewidth=1.2)
            )  # fmt: skip
        panel.plot([5.1], [4.3], marker="*", markersize=13, color=COLOURS["vermilion"])
        panel.text(5.1, 4.62, "wanted", ha="center", va="bottom", fontsize=9.5)
        panel.set(xlim=(-0.3, 5.9), ylim=(0.3, 5.4))
        panel.set_title(title, fontsize=10.5)
        panel.set_aspect("equal")
        panel.axis("off")
    places = ([(3.2, 1.1), (3.2, 2.9), (0.9, 4.0)], [(2.2, 1.75), (3.1, 2.85), (3.55, 3.6)])
    for panel, spots in zip(panels, places, strict=True):
        for number, spot in enumerate(spots, start=1):
            words = f"$\\mathcal{{F}}_{number}$"
            panel.text(*spot, words, ha="center", va="center", fontsize=12)
    return figure


def _rgb(name: str) -> tuple[float, ...]:
    return tuple(int(COLOURS[name][place : place + 2], 16) / 255 for place in (1, 3, 5))


def draw_families(
    families: Mapping[str, Mapping[str, ArrayLike]], ylabel: str = "training loss (nats)"
) -> Figure:
    """Draw the losses of several families of nets side by side, on one logarithmic axis.

    Args:
        families: by a family's name the losses of each net by its name, (runs, epochs).
        ylabel: of the vertical axis.
    """
    size = (WIDTH, 3.2)
    figure, panels = plt.subplots(1, len(families), figsize=size, sharey=True, squeeze=False)
    for panel, (name, nets) in zip(panels[0], families.items(), strict=True):
        draw_curves(nets, panel, xlabel="epoch", ylabel="", title=name, log=True)
    panels[0, 0].set_ylabel(ylabel)
    return figure


def draw_lesions(
    lesions: Mapping[str, tuple[ArrayLike, ArrayLike]], chance: float, ylabel: str
) -> Axes:
    """Draw what is left after each block of a net was left out, one net a panel.

    Args:
        lesions: by the net's name the value of the whole net, (runs,), and the values without each
            block from the input to the output, (runs, blocks).
        chance: what guessing gives, drawn as a line.
        ylabel: of the vertical axis, with its unit.

    Returns:
        The first panel's axes.
    """
    figure, panels = plt.subplots(
        len(lesions), 1, figsize=(WIDTH, 0.5 + 1.25 * len(lesions)), sharey=True, squeeze=False
    )
    for panel, (name, (whole, without)) in zip(panels[:, 0], lesions.items(), strict=True):
        values = np.asarray(without, float)
        places = list(range(1, values.shape[1] + 1))
        panel.axhline(chance, color="#777777", linewidth=1, linestyle="-")
        panel.fill_between(
            places, values.min(axis=0), values.max(axis=0), color=COLOURS["blue"], alpha=0.2, lw=0
        )
        panel.plot(places, values.mean(axis=0), marker="o", color=COLOURS["blue"], ls="-")
        _mark_whole(panel, np.asarray(whole, float))
        ticks = places if len(places) < 10 else places[2::3]
        panel.set_xticks([0, *ticks], ["none", *map(str, ticks)])
        panel.set(ylim=(0, 105), xlim=(-0.6, places[-1] + 0.5))
        panel.set_title(name, fontsize=10.5)
    words = {"fontsize": 9.5, "path_effects": [withStroke(linewidth=3, foreground="white")]}
    panels[-1, 0].text(places[-1] + 0.4, chance + 4, "guessing", ha="right", va="bottom", **words)
    panels[-1, 0].set_xlabel("block left out, counted from the input")
    figure.supylabel(ylabel, fontsize=11)
    return panels[0, 0]


def _mark_whole(panel: Axes, whole: Any) -> None:
    """The net with all its blocks, left of the others."""
    bars = np.array([[whole.mean() - whole.min()], [whole.max() - whole.mean()]])
    panel.errorbar(0, whole.mean(), bars, fmt="s", color=COLOURS["vermilion"], capsize=3)
