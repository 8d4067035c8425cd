"""Charts that more than one chapter draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from convbook.drawing.style import COLOURS, label_line
from convbook.published import ChallengeResult

_BY_HAND = "#666666"
"""Grey for words; the bars are lighter."""
_OVER_A_NAME = 4.2
"""Percentage points from the top of a bar to above its name."""


def draw_challenge(
    winners: Sequence[ChallengeResult],
    also: Sequence[ChallengeResult] = (),
    level: ChallengeResult | None = None,
    axes: Axes | None = None,
) -> Axes:
    """Draw the error of each year's winner as a bar: grey by hand, blue by learning.

    Args:
        winners: one a year.
        also: results drawn as a diamond beside their year's bar.
        level: a result drawn as a line through all years.
        axes: where to draw; a new figure if None.
    """
    axes = axes or plt.subplots(figsize=(9, 4))[1]
    mark = COLOURS["vermilion"]
    for result in winners:
        colour = COLOURS["blue"] if result.learned else "#BBBBBB"
        axes.bar(result.year, result.top5, color=colour, width=0.62)
        text = f"{result.name}\n{result.top5:g}"
        _note(axes, (result.year, result.top5), text, (0, 3), ha="center", va="bottom")
    for result in also:
        spot = (result.year + 0.4, result.top5)
        axes.plot(*spot, marker="D", color=mark, linestyle="none", zorder=6)
        _note(axes, spot, f"{result.name} {result.top5:g}", (6, 0), color=mark)
    if level is not None:
        axes.axhline(level.top5, color=mark, linestyle="--", linewidth=1.2, zorder=1.5)
        end = (winners[-1].year + 0.45, level.top5)
        _note(axes, end, f"{level.name}\n{level.top5:g}", (4, 10), color=mark)
    for learned, words in [(False, "features made by hand"), (True, "features learned")]:
        bars = [result for result in winners if result.learned is learned]
        if bars:
            top = max(result.top5 for result in bars) + _OVER_A_NAME
            middle = (bars[0].year + bars[-1].year) / 2
            colour = COLOURS["blue"] if learned else _BY_HAND
            _note(axes, (middle, top), words, (0, 0), ha="center", color=colour, weight="bold")
    axes.set(xlabel="year of the challenge", ylabel="top-5 error on the test set (%)")
    axes.set_xticks([result.year for result in winners])
    axes.set_xlim(winners[0].year - 0.6, winners[-1].year + 0.5)
    axes.grid(axis="x", visible=False)
    return axes


def draw_curves(
    curves: Mapping[str, Sequence[float]],
    axes: Axes | None = None,
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    log: bool = False,
    marker: str = "",
) -> Axes:
    """Draw a line for each name over 1, 2, 3, ..., with the name at its end in place of a legend.

    Args:
        curves: values by the line's name; they need not be equally many.
        axes: where to draw; a new figure if None.
        xlabel: what is counted along the horizontal axis.
        ylabel: of the vertical axis, with its unit.
        title: of the figure.
        log: whether the vertical axis is logarithmic.
        marker: drawn at every value; none if empty.
    """
    axes = axes or plt.subplots()[1]
    for values in curves.values():
        axes.plot(np.arange(1, len(values) + 1), values, marker=marker or None)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title, yscale="log" if log else "linear")
    lines = axes.get_lines()[-len(curves) :]
    ends = [(len(values), float(values[-1])) for values in curves.values()]
    points = [axes.transData.transform(end)[1] * 72 / axes.figure.dpi for end in ends]
    for line, name, end, lift in zip(lines, curves, ends, _lifts(points, 15), strict=True):
        label_line(axes, [end[0]], [end[1]], name, to_hex(line.get_color()), (6, lift))
    return axes


def _lifts(places: Sequence[float], gap: float) -> list[float]:
    """By how much to move labels up (or down), so that no two are nearer than ``gap``."""
    order = np.argsort(places, kind="stable")
    moved = np.asarray(places, float).copy()
    for _ in range(50):
        for lower, upper in pairwise(order):
            overlap = gap - (moved[upper] - moved[lower])
            if overlap > 0:
                moved[lower] -= overlap / 2
                moved[upper] += overlap / 2
    return [float(lift) for lift in moved - places]


def _note(
    axes: Axes, spot: tuple[float, float], text: str, shift: tuple[float, float], **options: Any
) -> None:
    """Write beside a spot, on a white ground so that lines do not cross the letters."""
    axes.annotate(
        text,
        spot,
        xytext=shift,
        textcoords="offset points",
        fontsize=8.5,
        annotation_clip=False,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        **{"va": "center", **options},
    )


def draw_shares(
    names: Sequence[str], values: Mapping[str, Sequence[float]], axes: Sequence[Axes] | None = None
) -> Sequence[Axes]:
    """Draw several quantities of the same things, each as a share of its own total.

    Args:
        names: of the things, such as layers; drawn from top to bottom.
        values: quantity by its name, one value a thing.
        axes: one for each quantity; a new figure if None.
    """
    if axes is None:
        size = (4.2 * len(values), 0.6 + 0.32 * len(names))
        axes = plt.subplots(1, len(values), figsize=size, sharey=True)[1]
    rows = np.arange(len(names))[::-1]
    for area, (quantity, numbers) in zip(axes, values.items(), strict=True):
        shares = 100 * np.asarray(numbers, float) / np.sum(numbers)
        area.barh(rows, shares, color=COLOURS["blue"], height=0.65)
        for row, share in zip(rows, shares, strict=True):
            text = f"{share:.0f}" if share >= 0.5 else "< 1"
            area.annotate(
                text,
                (share, row),
                xytext=(3, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
            )
        area.set(xlabel=f"{quantity}, share in %", xlim=(0, 1.15 * shares.max()))
        area.set_yticks(rows, names)
        area.grid(axis="y", visible=False)
    return axes


def draw_points_with_spread(
    groups: Mapping[str, Sequence[float]], axes: Axes | None = None, label: str = ""
) -> Axes:
    """Draw every measurement as a dot and each group's mean and standard deviation beside them.

    Args:
        groups: measurements by group.
        axes: where to draw; a new figure if None.
        label: of the vertical axis, with its unit.
    """
    axes = axes or plt.subplots(figsize=(7, 3.6))[1]
    for place, numbers in enumerate(groups.values()):
        values = np.asarray(numbers, float)
        spread = values.std(ddof=1) if len(values) > 1 else 0.0
        axes.errorbar(
            place, values.mean(), spread, fmt="o", capsize=5, color=COLOURS["blue"], markersize=8
        )
        dots = np.full(len(values), place + 0.16)
        axes.plot(dots, values, ".", color=COLOURS["vermilion"], linestyle="none", markersize=9)
        axes.annotate(
            f"{values.mean():.1f}",
            (place, values.mean()),
            xytext=(-9, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=9,
        )
    axes.set_xticks(range(len(groups)), list(groups))
    axes.set(ylabel=label, xlim=(-0.6, len(groups) - 0.5))
    axes.grid(axis="x", visible=False)
    return axes
