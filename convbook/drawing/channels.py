"""Which channel reaches which filter: the difference between full, grouped and depthwise layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from convbook.drawing.style import COLOURS


@dataclass(frozen=True)
class Stage:
    """One layer between two columns of channels.

    Attributes:
        filters: how many channels it makes.
        groups: into how many groups it cuts both columns; as many as channels is depthwise.
        window: whether it looks at a window of positions (drawn thick), not at one (thin).
    """

    filters: int
    groups: int = 1
    window: bool = True


def lines_of(channels: int, stage: Stage) -> list[tuple[int, int]]:
    """Return the pairs (channel, filter) that a layer connects, both counted from 0."""
    inside, outside = channels // stage.groups, stage.filters // stage.groups
    return [
        (source, target)
        for source in range(channels)
        for target in range(stage.filters)
        if source // inside == target // outside
    ]


def draw_channels(
    channels: int, stages: Sequence[Stage], axes: Axes | None = None, title: str = ""
) -> Axes:
    """Draw columns of channels from left to right, and a line from each to those it reaches.

    Args:
        channels: of the input.
        stages: the layers, one after the other.
        axes: where to draw; a new figure if None.
        title: above the drawing.
    """
    axes = axes or plt.subplots(figsize=(2.6, 2.6))[1]
    axes.set_axis_off()
    tall = max([channels, *(stage.filters for stage in stages)])

    def height(place: int, count: int) -> float:
        return (count - 1) / 2 - place + (tall - 1) / 2

    count = channels
    for column, stage in enumerate(stages):
        for source, target in lines_of(count, stage):
            ends = [height(source, count), height(target, stage.filters)]
            axes.plot(
                [column, column + 1],
                ends,
                color=COLOURS["blue"] if stage.window else COLOURS["vermilion"],
                linewidth=2.0 if stage.window else 0.8,
                linestyle="-",
                zorder=1,
            )
        count = stage.filters
    counts = [channels, *(stage.filters for stage in stages)]
    for column, count in enumerate(counts):
        heights = [height(place, count) for place in range(count)]
        axes.scatter([column] * count, heights, s=55, color="white", edgecolor=COLOURS["ink"])
    axes.set_xlim(-0.25, len(stages) + 0.25)
    axes.set_ylim(-0.7, tall - 0.3)
    axes.set_title(title, loc="center", fontsize=10)
    return axes
