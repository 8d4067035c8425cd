"""Label maps: picture, truth, prediction and error side by side; heat maps; FCN's heads.

Classes differ in lightness as well as in hue, and each region has its class's name written in it,
so that a map can be read in a grey print. Errors come in three kinds, in greys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from convbook.data.labels import IGNORE
from convbook.drawing.style import COLOURS, WIDTH

GROUND = "#FFFFFF"
"""Class 0 is white."""

ERRORS = {"missed": COLOURS["ink"], "wrong class": "#8A8A8A", "invented": "#CCCCCC"}
"""Kinds of error by colour: greys, dark, middle and light, which are no class's colours."""

_FEW = ("yellow", "sky", "vermilion", "blue")  # from light to dark


def class_colours(classes: int) -> NDArray[np.float64]:
    """Return a colour for each class, (classes, 3): the ground white, others from light to dark.

    Up to four classes beside the ground have the book's colours, more of them are spread over a
    scale whose lightness falls evenly.
    """
    others = classes - 1
    if others <= len(_FEW):
        return np.array([to_rgb(c) for c in (GROUND, *(COLOURS[name] for name in _FEW[:others]))])
    scale = colormaps["viridis"](np.linspace(1, 0, others))[:, :3]
    return np.vstack([[to_rgb(GROUND)], scale])


def paint(labels: ArrayLike, classes: int, ignore: int = IGNORE) -> NDArray[np.float64]:
    """Return a label map (H, W) as a picture (H, W, 3); ignored pixels are a chequerboard."""
    known = np.asarray(labels)
    picture = class_colours(classes)[np.where(known == ignore, 0, known)]
    rows, columns = np.indices(known.shape)
    board = np.where((rows // 2 + columns // 2) % 2, 0.35, 0.75)[..., np.newaxis]
    return np.where((known == ignore)[..., np.newaxis], board, picture)


def error_kinds(truth: ArrayLike, prediction: ArrayLike, ignore: int = IGNORE) -> NDArray[np.uint8]:
    """Return for each pixel 0 (right, or not counted) or the number of its error in ``ERRORS``.

    1: an object taken for ground; 2: an object taken for another class; 3: ground taken for an
    object.
    """
    true, predicted = np.asarray(truth), np.asarray(prediction)
    wrong = (true != predicted) & (true != ignore)
    kinds = np.where(true == 0, 3, np.where(predicted == 0, 1, 2))
    return np.where(wrong, kinds, 0).astype(np.uint8)


def draw_labels(
    axes: Axes, labels: ArrayLike, names: Sequence[str], least: float = 0.01, fontsize: float = 10
) -> None:
    """Draw a label map, each connected region with the name of its class.

    Args:
        axes: where to draw.
        labels: (H, W), 0 is the ground.
        names: of all classes, the ground's first.
        least: regions with a smaller share of the map get no name.
        fontsize: of the names.
    """
    known = np.asarray(labels)
    axes.imshow(paint(known, len(names)))
    _frame(axes)
    for number in range(1, len(names)):
        regions, count = ndimage.label(known == number)
        for region in range(1, count + 1):
            inside = regions == region
            if inside.mean() < least:
                continue
            # The pixel farthest from the region's border, so that the name lies on its region.
            depth = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
            y, x = np.unravel_index(depth.argmax(), depth.shape)
            axes.text(
                x,
                y,
                names[number],
                ha="center",
                va="center",
                fontsize=fontsize,
                color=COLOURS["ink"],
                path_effects=[withStroke(linewidth=2.5, foreground="white")],
            )


def draw_errors(axes: Axes, truth: ArrayLike, prediction: ArrayLike) -> None:
    """Draw where a label map is wrong, coloured by the kind of the error, and say how much of it.

    Args:
        axes: where to draw.
        truth: labels (H, W).
        prediction: labels (H, W).
    """
    kinds = error_kinds(truth, prediction)
    colours = np.array([to_rgb(c) for c in (GROUND, *ERRORS.values())])
    axes.imshow(colours[kinds])
    _frame(axes)
    counted = (np.asarray(truth) != IGNORE).sum()
    axes.set_xlabel(f"{100 * (kinds > 0).sum() / counted:.1f} % wrong", fontsize=9.5, labelpad=2)


def draw_segmentation(
    pictures: ArrayLike,
    truth: ArrayLike,
    predictions: Mapping[str, ArrayLike],
    names: Sequence[str],
    errors: bool = True,
) -> Any:
    """Draw a row for each picture: it, the truth, each prediction, and the last one's errors.

    Args:
        pictures: (N, H, W, 3) in [0, 1].
        truth: labels (N, H, W).
        predictions: labels (N, H, W), by the name written over their column.
        names: of the classes, the ground's first.
        errors: whether a last column shows where the last prediction is wrong.

    Returns:
        The figure.
    """
    shown = np.asarray(pictures)
    columns = 2 + len(predictions) + errors
    side = WIDTH / max(columns, 3)
    height = len(shown) * side * 1.06 + (0.75 if errors else 0.35)
    figure, panels = plt.subplots(
        len(shown), columns, figsize=(WIDTH, height), squeeze=False, gridspec_kw={"wspace": 0.04}
    )
    for row, picture in enumerate(shown):
        axes = panels[row]
        axes[0].imshow(picture)
        _frame(axes[0])
        draw_labels(axes[1], np.asarray(truth)[row], names)
        for panel, labels in zip(axes[2:], predictions.values(), strict=False):
            draw_labels(panel, np.asarray(labels)[row], names)
        if errors:
            last = np.asarray(list(predictions.values())[-1])[row]
            draw_errors(axes[-1], np.asarray(truth)[row], last)
    heads = ["picture", "truth", *predictions, *(["errors"] if errors else [])]
    for panel, head in zip(panels[0], heads, strict=True):
        panel.set_title(head, fontsize=10, loc="center")
    if errors:
        patches = [
            Patch(facecolor=colour, edgecolor=COLOURS["ink"], label=kind)
            for kind, colour in ERRORS.items()
            if len(names) > 2 or kind != "wrong class"  # of two classes one is the ground
        ]
        figure.legend(handles=patches, loc="outside lower right", ncols=3, fontsize=9.5)
    return figure


def draw_heat(
    picture: ArrayLike,
    maps: Mapping[str, ArrayLike],
    window: int,
    stride: int,
    marks: Mapping[str, ArrayLike] | None = None,
) -> Any:
    """Draw a picture and, for each class, its probability in every window of a sliding classifier.

    A cell of a map lies in the middle of the window that it speaks of; black is a probability of 1.

    Args:
        picture: (H, W, 3) in [0, 1].
        maps: probabilities (h, w) by the class's name.
        window: side of the classifier's own pictures, in pixels.
        stride: from one window to the next, in pixels.
        marks: boxes (n, 4) as (y1, x1, y2, x2) in pixels, to be drawn with dashes, by the class's
            name.

    Returns:
        The figure.
    """
    shown = np.asarray(picture)
    figure, panels = plt.subplots(1, 1 + len(maps), figsize=(WIDTH, WIDTH / (1 + len(maps)) + 0.5))
    panels[0].imshow(shown)
    panels[0].set_title("scene", fontsize=10, loc="center")
    _frame(panels[0])
    edge = (window - stride) / 2 - 0.5  # where the first cell begins
    box: dict[str, Any] = {"fill": False, "edgecolor": COLOURS["ink"], "linewidth": 1.5}
    white = [withStroke(linewidth=3, foreground="white")]
    panels[0].add_patch(Rectangle((-0.5, -0.5), window, window, path_effects=white, **box))
    for panel, (name, values) in zip(panels[1:], maps.items(), strict=True):
        heat = np.asarray(values)
        rows, columns = heat.shape
        extent = (edge, edge + stride * columns, edge + stride * rows, edge)
        panel.imshow(heat, cmap="gray_r", vmin=0, vmax=1, extent=extent)
        panel.set(xlim=panels[0].get_xlim(), ylim=panels[0].get_ylim())
        for y1, x1, y2, x2 in np.asarray((marks or {}).get(name, ()), float).reshape(-1, 4):
            place = (x1 - 0.5, y1 - 0.5)
            dashes = box | {"edgecolor": COLOURS["vermilion"], "linestyle": (0, (3, 2))}
            panel.add_patch(Rectangle(place, x2 - x1, y2 - y1, **dashes))
        panel.set_title(name, fontsize=10, loc="center")
        _frame(panel)
        panel.set_xlabel(f"at most {np.nanmax(heat):.2f}", fontsize=9.5, labelpad=2)
    return figure


def draw_fcn_heads(
    size: int, strides: Sequence[int] = (32, 16, 8), axes: Axes | None = None
) -> Axes:
    """Draw how FCN-32s, 16s and 8s come from maps to a picture: a row each, a square for a map.

    A square's grid is the map's own; blue squares are scores, the outlined ones come from a skip.

    Args:
        size: side of the picture, a multiple of the largest stride.
        strides: of the maps, from coarse to fine.
        axes: where to draw; a new figure if None.
    """
    axes = axes or plt.subplots(figsize=(WIDTH, 1.35 * len(strides) + 0.3))[1]
    axes.set_axis_off()
    axes.set_aspect("equal")
    for row, stride in enumerate(strides):
        y, x, reached = -1.75 * row, 0.0, strides[0]
        axes.text(-0.25, y, f"FCN-{stride}s", ha="right", va="center", fontsize=10)
        x = _map(axes, x, y, size // reached, f"scores {size // reached}×{size // reached}")
        for finer in strides[1 : 1 + row]:
            x = _step(axes, x, y, f"×{reached // finer}, +")
            reached = finer
            x = _map(axes, x, y, size // reached, f"stride {reached}", skip=True)
        x = _step(axes, x, y, f"×{reached}")
        _map(axes, x, y, 0, f"{size}×{size}")
    axes.set_xlim(-1.6, 1.0 + 2.15 * len(strides) + 0.1)
    axes.set_ylim(-1.75 * len(strides) + 0.65, 0.75)
    return axes


def _map(axes: Axes, x: float, y: float, cells: int, label: str, skip: bool = False) -> float:
    """A square with so many cells a side (0: the picture itself); returns its right edge."""
    face = COLOURS["yellow"] if skip else COLOURS["sky"] if cells else "white"
    axes.add_patch(
        Rectangle((x, y - 0.5), 1, 1, facecolor=face, edgecolor=COLOURS["ink"], linewidth=1)
    )
    for line in np.arange(1, cells) / max(cells, 1):
        options: dict[str, Any] = {"color": COLOURS["ink"], "linestyle": "-", "linewidth": 0.5}
        axes.plot([x + line, x + line], [y - 0.5, y + 0.5], **options)
        axes.plot([x, x + 1], [y - 0.5 + line, y - 0.5 + line], **options)
    axes.text(x + 0.5, y - 0.6, label, ha="center", va="top", fontsize=9.5)
    return x + 1


def _step(axes: Axes, x: float, y: float, label: str) -> float:
    """An arrow with its label; returns where the next square begins."""
    arrow = {"arrowstyle": "->", "color": COLOURS["ink"], "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (x + 1.1, y), (x + 0.05, y), arrowprops=arrow)
    axes.text(x + 0.57, y + 0.08, label, ha="center", va="bottom", fontsize=9.5)
    return x + 1.15


def _frame(axes: Axes) -> None:
    """No ticks and a thin frame, so that a white map has an edge."""
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(True)
    axes.spines[:].set_linewidth(0.8)
