"""Pictures of what units see."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from convbook.drawing.style import COLOURS, WIDTH
from convbook.receptive_field import Field


def draw_views(settings: Sequence[tuple[int, int, int]], axes: Axes | None = None) -> Axes:
    """Draw one unit of a chain of layers, and all that it sees, along one axis of the picture.

    Args:
        settings: (kernel, stride, dilation) of each layer, from the picture upwards; no padding.
        axes: where to draw; a new figure if None.
    """
    if axes is None:
        _, axes = plt.subplots(figsize=(WIDTH, 0.8 + 0.6 * len(settings)))
    seen = [np.array([0])]
    for kernel, stride, dilation in reversed(settings):
        taps = seen[-1][:, None] * stride + np.arange(kernel) * dilation
        seen.append(np.unique(taps))
    seen = seen[::-1]  # indices seen in each layer, the picture first
    jumps, centres = [1.0], [0.0]
    for kernel, stride, dilation in settings:
        centres.append(centres[-1] + (kernel - 1) * dilation / 2 * jumps[-1])
        jumps.append(jumps[-1] * stride)
    places = [
        indices * jump + centre for indices, jump, centre in zip(seen, jumps, centres, strict=True)
    ]
    for level, (kernel, stride, dilation) in enumerate(settings):
        for index, top in zip(seen[level + 1], places[level + 1], strict=True):
            for tap in range(kernel):
                below = (index * stride + tap * dilation) * jumps[level] + centres[level]
                axes.plot([below, top], [level, level + 1], color="#BBBBBB", lw=0.8, ls="-")
    right = places[0].max()
    for level, row in enumerate(places):
        axes.plot(row, np.full(len(row), level), "o", color=COLOURS["blue"], markersize=7)
        if level == 0:
            text = "picture: a dot is a pixel"
        else:
            kernel, stride, dilation = settings[level - 1]
            text = f"layer {level}: kernel {kernel}"
            text += f", stride {stride}" if stride > 1 else ""
            text += f", dilation {dilation}" if dilation > 1 else ""
        axes.text(right + 1.2, level, text, va="center", fontsize=10)
    axes.set_xlim(-0.8, right * 1.75 + 4)
    axes.set_ylim(-0.5, len(settings) + 0.4)
    axes.axis("off")
    return axes


def draw_field_boxes(
    picture: np.ndarray, field: Field, units: Sequence[tuple[int, int]], axes: Axes | None = None
) -> Axes:
    """Draw on a picture the squares that several units see, their centres and their indices.

    Args:
        picture: (height, width, 3) or (height, width), in [0, 1].
        field: of the units' layer, the same for rows and columns.
        units: (row, column) of each unit in its map.
        axes: where to draw; a new figure if None.
    """
    axes = axes or plt.subplots(figsize=(5, 5))[1]
    axes.imshow(picture)
    axes.grid(visible=False)
    edges = [COLOURS[name] for name in ("yellow", "vermilion", "sky")]
    for number, (row, column) in enumerate(units):
        top, left = field.region(row)[0], field.region(column)[0]
        colour = edges[number % len(edges)]
        style = ("-", "--", ":")[number % 3]
        box = Rectangle(
            (left - 0.5, top - 0.5),
            field.size,
            field.size,
            fill=False,
            edgecolor=colour,
            linewidth=2.5,
            linestyle=style,
        )
        axes.add_patch(box)
        axes.annotate(
            f"({row}, {column})",
            (left - 0.5, top - 0.5),
            (0, 5),
            textcoords="offset points",
            fontsize=9.5,
            annotation_clip=False,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )
        middle = (field.size - 1) / 2
        axes.plot(left + middle, top + middle, "o", color=colour, markeredgecolor="black")
    axes.axis("off")
    return axes
