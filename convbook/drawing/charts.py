"""Charts that more than one chapter draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from convbook.drawing.style import COLOURS, WIDTH, label_line
from convbook.published import ChallengeResult

_BY_HAND = "#666666"
"""Grey for words; the bars are lighter."""


def draw_challenge(
    winners: Sequence[ChallengeResult],
    also: Sequence[ChallengeResult] = (),
    level: ChallengeResult | None = None,
    axes: Axes | None = None,
) -> Axes:
    """Draw the error of each year's winner as a bar: grey by hand, blue by learning.

    Args:
        winners: one a year, drawn from top to bottom.
        also: results drawn as a diamond under their year's bar.
        level: a result drawn as a line through all years.
        axes: where to draw; a new figure if None.
    """
    axes = axes or plt.subplots(figsize=(WIDTH, 0.46 * len(winners) + 0.8))[1]
    mark = COLOURS["vermilion"]
    for result in winners:
        colour = COLOURS["blue"] if result.learned else "#BBBBBB"
        axes.barh(result.year, result.top5, color=colour, height=0.5)
        beside = max(result.top5, level.top5) if level else result.top5  # not across the line
        _note(axes, (beside, result.year), f"{result.name} {result.top5:g}")
    for result in also:
        spot = (result.top5, result.year + 0.42)
        axes.plot(*spot, marker="D", color=mark, linestyle="none", zorder=6)
        _note(axes, spot, f"{result.name} {result.top5:g}", color=mark)
    last = winners[-1].year + 0.5
    if level is not None:
        axes.axvline(level.top5, color=mark, linestyle="--", linewidth=1.2, zorder=1.5)
        words = f"{level.name} {level.top5:g}"
        _note(axes, (level.top5, last), words, color=mark, va="bottom")
    for learned, words in [(False, "features made by hand"), (True, "features learned")]:
        bars = [result for result in winners if result.learned is learned]
        if bars:
            middle = (bars[0].year + bars[-1].year) / 2
            colour = COLOURS["blue"] if learned else _BY_HAND
            options = {"ha": "right", "color": colour, "weight": "bold"}
            _note(axes, (1.3 * winners[0].top5, middle), words, **options)
    axes.set(xlabel="top-5 error on the test set (%)", xlim=(0, 1.3 * winners[0].top5))
    axes.set_yticks([result.year for result in winners])
    axes.set_ylim(last + 0.1, winners[0].year - 0.5)
    axes.grid(axis="y", visible=False)
    return axes


def draw_curves(
    curves: Mapping[str, ArrayLike],
    axes: Axes | None = None,
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    log: bool = False,
    marker: str = "",
    step: int = 1,
) -> Axes:
    """Draw a line for each name over 1, 2, 3, ..., with the name at its end in place of a legend.

    Args:
        curves: values by the line's name, (n,); or of several runs, (runs, n): then the line is
            their mean, and a band goes from the lowest to the highest. Lines need not be equally
            long.
        axes: where to draw; a new figure if None.
        xlabel: what is counted along the horizontal axis.
        ylabel: of the vertical axis, with its unit.
        title: of the figure.
        log: whether the vertical axis is logarithmic.
        marker: drawn at every value; none if empty.
        step: of the counting: the values are over ``step``, ``2 * step``, ...
    """
    axes = axes or plt.subplots()[1]
    runs = [np.atleast_2d(np.asarray(values, float)) for values in curves.values()]
    lines: list[Any] = []
    for values in runs:
        places = step * np.arange(1, values.shape[1] + 1)
        lines += axes.plot(places, values.mean(axis=0), marker=marker or None)
        if len(values) > 1:
            band: dict[str, Any] = {"color": lines[-1].get_color(), "alpha": 0.2, "linewidth": 0}
            axes.fill_between(places, values.min(axis=0), values.max(axis=0), **band)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title, yscale="log" if log else "linear")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.autoscale_view()  # or matplotlib does not know yet how far apart the ends lie
    ends = [(step * values.shape[1], float(values[:, -1].mean())) for values in runs]
    points = [axes.transData.transform(end)[1] * 72 / axes.figure.dpi for end in ends]
    high = [15.0 * (1 + name.count("\n")) for name in curves]
    for line, name, end, lift in zip(lines, curves, ends, _lifts(points, high), strict=True):
        label_line(axes, [end[0]], [end[1]], name, to_hex(line.get_color()), (6, lift))
    return axes


def _lifts(places: Sequence[float], high: Sequence[float]) -> list[float]:
    """By how much to move labels of some heights up (or down), so that none covers another."""
    order = np.argsort(places, kind="stable")
    moved = np.asarray(places, float).copy()
    for _ in range(50):
        for lower, upper in pairwise(order):
            overlap = (high[lower] + high[upper]) / 2 - (moved[upper] - moved[lower])
            if overlap > 0:
                moved[lower] -= overlap / 2
                moved[upper] += overlap / 2
    return [float(lift) for lift in moved - places]


def _note(axes: Axes, spot: tuple[float, float], text: str, **options: Any) -> None:
    """Write to the right of a spot; lines stop before the letters."""
    axes.annotate(
        text,
        spot,
        xytext=(0 if options.get("ha") == "right" else 5, 0),
        textcoords="offset points",
        fontsize=9.5,
        annotation_clip=False,
        path_effects=[withStroke(linewidth=3, foreground="white")],
        **{"va": "center", **options},
    )


def draw_shares(
    names: Sequence[str], values: Mapping[str, Sequence[float]], axes: Sequence[Axes] | None = None
) -> Sequence[Axes]:
    """Draw several quantities of the same things, each as a share of its own total.

    All have one scale, so that bars can be compared across quantities.

    Args:
        names: of the things, such as layers; drawn from top to bottom.
        values: quantity by its name, one value a thing.
        axes: one for each quantity; a new figure if None.
    """
    if axes is None:
        size = (WIDTH, 0.7 + 0.3 * len(names))
        axes = plt.subplots(1, len(values), figsize=size, sharey=True)[1]
    rows = np.arange(len(names))[::-1]
    parts = {name: 100 * np.asarray(one, float) / np.sum(one) for name, one in values.items()}
    most = max(shares.max() for shares in parts.values())
    for area, (quantity, shares) in zip(axes, parts.items(), strict=True):
        area.barh(rows, shares, color=COLOURS["blue"], height=0.65)
        for row, share in zip(rows, shares, strict=True):
            text = f"{share:.0f}" if share >= 0.5 else "< 1"
            area.annotate(
                text,
                (share, row),
                xytext=(3, 0),
                textcoords="offset points",
                va="center",
                fontsize=9.5,
            )
        area.set(xlabel=f"{quantity} (%)", xlim=(0, 1.15 * most))
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
    axes = axes or plt.subplots()[1]
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
            fontsize=9.5,
        )
    axes.set_xticks(range(len(groups)), list(groups))
    axes.set(ylabel=label, xlim=(-0.6, len(groups) - 0.5))
    axes.grid(axis="x", visible=False)
    return axes
