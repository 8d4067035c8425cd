"""Where a query looks, and which prediction answers for which object."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from numpy.typing import ArrayLike

from convbook.drawing.detection import draw_boxes, draw_picture
from convbook.drawing.style import COLOURS


def draw_attention(
    axes: Axes,
    image: ArrayLike,
    weights: ArrayLike,
    box: ArrayLike | None = None,
    title: str = "",
) -> None:
    """Draw a picture in grey, and over it in colour how much each position was looked at.

    Args:
        axes: where to draw.
        image: (H, W, 3) in [0, 1].
        weights: of the positions of a map that covers the picture, (h, w); the largest is opaque.
        box: what the query answered, (4,).
        title: written above it.
    """
    picture = np.asarray(image, float)
    grey = np.repeat(0.35 + 0.6 * picture.mean(-1, keepdims=True), 3, -1)
    draw_picture(axes, grey, title)
    shares = np.asarray(weights, float)
    colour = to_rgb(COLOURS["vermilion"])
    fading = LinearSegmentedColormap.from_list("fading", [(*colour, 0.0), (*colour, 0.85)])
    height, width = picture.shape[:2]
    place = (0, width, height, 0)
    axes.imshow(shares / shares.max(), cmap=fading, extent=place, interpolation="nearest")
    if box is not None:
        draw_boxes(axes, np.asarray(box, float)[np.newaxis], "detection")


def draw_assignment(
    axes: Axes,
    image: ArrayLike,
    boxes: ArrayLike,
    truth: ArrayLike,
    objects: ArrayLike,
    title: str = "",
) -> None:
    """Draw predicted boxes and true ones, with a line from each object to its prediction.

    Args:
        axes: where to draw.
        image: (H, W, 3).
        boxes: predicted, (N, 4); those without an object are thin.
        truth: (M, 4).
        objects: (N,), the object of each prediction, -1 for none.
        title: written above it.
    """
    draw_picture(axes, image, title)
    predicted, true, given = np.asarray(boxes), np.asarray(truth), np.asarray(objects)
    draw_boxes(axes, predicted[given < 0], "ignored", linewidth=0.7)
    draw_boxes(axes, true, "truth")
    draw_boxes(axes, predicted[given >= 0], "detection")
    for box, number in zip(predicted[given >= 0], given[given >= 0], strict=True):
        y, x = (np.array([(b[i] + b[i + 2]) / 2 for b in (box, true[number])]) for i in (0, 1))
        axes.plot(x, y, "o-", color=COLOURS["blue"], linewidth=1.2, markersize=3)


def draw_costs(
    axes: Axes, costs: ArrayLike, objects: ArrayLike, rows: Sequence[str], columns: Sequence[str]
) -> None:
    """Draw a matrix of costs as numbers, light where it is cheap, with a frame round the chosen.

    Args:
        axes: where to draw.
        costs: (N, M), of predictions for objects.
        objects: (N,), the object of each prediction, -1 for none.
        rows: names of the predictions.
        columns: names of the objects.
    """
    values = np.asarray(costs, float)
    axes.imshow(values, cmap="Greys", aspect="auto", vmin=values.min(), vmax=2 * values.max())
    for (i, j), value in np.ndenumerate(values):
        axes.text(j, i, f"{value:.1f}", ha="center", va="center", fontsize=9.5)
    for i, j in enumerate(np.asarray(objects)):
        if j >= 0:
            frame = np.array([[j, i]]) + 0.46 * np.array(
                [[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]
            )
            axes.plot(*frame.T, "-", color=COLOURS["vermilion"], linewidth=2, clip_on=False)
    axes.set_xticks(range(len(columns)), list(columns), fontsize=9.5)
    axes.set_yticks(range(len(rows)), list(rows), fontsize=9.5)
    axes.set(xlabel="object", ylabel="query")
    axes.grid(False)
