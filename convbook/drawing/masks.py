"""Masks over pictures: instances in colours of their own; where a layer reads a map for a box.

The picture under masks is drawn pale and grey, so that only the masks are coloured. An instance
shows in its colour, in a dark line around it and in a number or name on it, so that it can be told
from its neighbour in a grey print, too. Boxes are (y1, x1, y2, x2) in pixels, ends exclusive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import ArrayLike, NDArray

from convbook.drawing.detection import draw_boxes, draw_picture
from convbook.drawing.style import COLOURS, WIDTH
from convbook.quality import BT601

PAINTS = ("#F0D442", "#56B4E9", "#D55E00", "#7FC97F", "#CC79A7", "#004C83", "#E69F00", "#B2B2B2")
"""Colours of instances, in turn; neighbours in the list differ in lightness."""


def pale(image: ArrayLike) -> NDArray[np.float64]:
    """Return a picture (H, W, 3) in light greys, (H, W, 3), floats in [0, 1]."""
    shown = np.asarray(image, float)
    if np.asarray(image).dtype == np.uint8:
        shown = shown / 255
    return np.repeat(0.45 + 0.55 * (shown @ np.array(BT601))[..., np.newaxis], 3, axis=-1)


def draw_masks(
    axes: Axes,
    image: ArrayLike,
    masks: ArrayLike,
    labels: Sequence[str] = (),
    title: str = "",
    paints: Sequence[str] = PAINTS,
) -> None:
    """Draw a pale picture and masks on it, each in a colour, with a dark outline and its name.

    Args:
        axes: where to draw.
        image: (H, W, 3).
        masks: bool (n, H, W); where two overlap the first is drawn over the second.
        labels: words for each mask, none or n of them, written above it.
        title: written above the picture.
        paints: colours, taken in turn.
    """
    shown = pale(image)
    chosen = np.asarray(masks, bool).reshape(-1, *shown.shape[:2])
    for number in reversed(range(len(chosen))):
        colour = np.array(to_rgb(paints[number % len(paints)]))
        shown[chosen[number]] = 0.1 * shown[chosen[number]] + 0.9 * colour
    draw_picture(axes, np.clip(shown, 0, 1), title)
    for number, mask in enumerate(chosen):
        if not mask.any():
            continue
        draw_outline(axes, mask)
        if len(labels):
            _name(axes, mask, labels[number])


def draw_outline(
    axes: Axes, mask: ArrayLike, colour: str = COLOURS["ink"], width: float = 0.8, style: str = "-"
) -> None:
    """Draw a line along the edges of a mask's pixels (H, W)."""
    inside = np.pad(np.asarray(mask, bool), 1)
    down = inside[1:, :] != inside[:-1, :]  # between a row and the next
    across = inside[:, 1:] != inside[:, :-1]
    lines = [((x - 1, y), (x, y)) for y, x in np.argwhere(down)]
    lines += [((x, y - 1), (x, y)) for y, x in np.argwhere(across)]
    points = np.array([[*line, (np.nan, np.nan)] for line in lines], float).reshape(-1, 2)
    axes.plot(points[:, 0], points[:, 1], color=colour, linewidth=width, linestyle=style)


def _name(axes: Axes, mask: NDArray[np.bool_], words: str) -> None:
    """Words above the middle of a mask's first row, or below its last, inside the picture."""
    rows = np.flatnonzero(mask.any(1))
    bottom, right = axes.get_ylim()[0], axes.get_xlim()[1]
    low = rows[0] < 0.1 * bottom
    row = rows[-1] if low else rows[0]
    x = float(np.flatnonzero(mask[row]).mean()) + 0.5
    room = 0.03 * right * len(words)
    axes.annotate(
        words,
        (min(max(x, room), right - room), float(row) + low),
        xytext=(0, -2 if low else 1),
        textcoords="offset points",
        ha="center",
        va="top" if low else "bottom",
        fontsize=9.5,
        color=COLOURS["ink"],
        path_effects=[withStroke(linewidth=2.5, foreground="white")],
    )


def draw_answer(
    axes: Axes,
    image: ArrayLike,
    found: Mapping[str, Any],
    least: float = 0.5,
    title: str = "",
    boxes: bool = True,
    told: bool = True,
) -> None:
    """Draw the masks of one picture's detections, with their class and, if `told`, their score.

    Args:
        axes: where to draw.
        image: (H, W, 3).
        found: of this picture: ``boxes``, ``scores``, ``classes``, ``valid``, ``masks``, see
            `convbook.detection.masks.pasted`.
        least: detections with a lower score are not drawn.
        title: written above the picture.
        boxes: whether the boxes are drawn, too.
        told: whether the score is written behind the class.
    """
    kept = np.asarray(found["valid"], bool) & (np.asarray(found["scores"]) >= least)
    scores, classes = np.asarray(found["scores"])[kept], np.asarray(found["classes"])[kept]
    pairs = zip(classes, scores, strict=True)
    words = [f"{label} {score:.2f}" if told else str(label) for label, score in pairs]
    draw_masks(axes, image, np.asarray(found["masks"])[kept], words, title)
    if boxes:
        draw_boxes(axes, np.asarray(found["boxes"])[kept], "detection", linewidth=0.9)


def draw_rows(
    scenes: Sequence[Mapping[str, Any]],
    rows: Mapping[str, Sequence[Mapping[str, Any]] | None],
    least: float = 0.5,
    across: bool = False,
) -> Any:
    """Draw scenes side by side, in a row for each answer: the truth's masks, or a net's.

    Args:
        scenes: ``image``, ``masks`` and ``classes``.
        rows: by the name above each row, one answer for each scene (see `draw_answer`), or None for
            the truth.
        least: detections with a lower score are not drawn.
        across: a column for each answer instead, the scenes one below the other.

    Returns:
        The figure.
    """
    down, beside = (len(scenes), len(rows)) if across else (len(rows), len(scenes))
    size = (WIDTH, down * (WIDTH / beside * 1.02 + 0.28))
    figure, panels = plt.subplots(down, beside, figsize=size, squeeze=False)
    if across:
        panels = panels.T
    for line, (name, answers) in zip(panels, rows.items(), strict=True):
        for number, (axes, scene) in enumerate(zip(line, scenes, strict=True)):
            if answers is None:
                words = [str(label) for label in scene["classes"]]
                draw_masks(axes, scene["image"], scene["masks"], words)
            else:
                draw_answer(axes, scene["image"], answers[number], least, told=False)
            axes.set_title(name if number == 0 else " ", fontsize=10, loc="left")
    return figure


def draw_sampling(
    axes: Axes,
    features: ArrayLike,
    box: Sequence[float],
    bins: tuple[Sequence[float], Sequence[float]],
    points: tuple[ArrayLike, ArrayLike] | None = None,
    title: str = "",
) -> None:
    """Draw where a layer reads a map for a box: its bins, and the points in them.

    Args:
        axes: where to draw.
        features: one channel of a map (H, W), drawn in greys, its cells of side 1.
        box: (y1, x1, y2, x2) in cells: what was asked for, drawn dark.
        bins: the edges of the bins that are read, along y and along x, in cells.
        points: their places along y and along x, (n,), (m,), in cells; None: whole cells are read.
        title: written above.
    """
    shown = np.asarray(features, float)
    height, width = shown.shape
    draw_picture(axes, shown, title)
    axes.images[0].set(cmap="gray_r", clim=(0, 2.2 * max(shown.max(), 1e-6)))
    thin: dict[str, Any] = {"color": "#BBBBBB", "linewidth": 0.6, "linestyle": "-"}
    axes.hlines(np.arange(height + 1), 0, width, clip_on=False, **thin)
    axes.vlines(np.arange(width + 1), 0, height, clip_on=False, **thin)
    rows, columns = (np.asarray(edges, float) for edges in bins)
    strong: dict[str, Any] = {"color": COLOURS["vermilion"], "linewidth": 1.4, "linestyle": "-"}
    axes.hlines(rows, columns[0], columns[-1], **strong)
    axes.vlines(columns, rows[0], rows[-1], **strong)
    y1, x1, y2, x2 = box
    style: dict[str, Any] = {"edgecolor": COLOURS["ink"], "linewidth": 1.8, "linestyle": "--"}
    axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, **style))
    if points is not None:
        ys, xs = np.meshgrid(*(np.asarray(each, float) for each in points), indexing="ij")
        axes.plot(xs.ravel(), ys.ravel(), "o", color=COLOURS["blue"], markersize=3)
