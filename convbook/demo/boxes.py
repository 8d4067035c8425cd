"""Demonstrations of boxes: overlap, suppression, anchors, and how a region is pooled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from convbook.detection.anchors import make_anchors
from convbook.detection.boxes import iou
from convbook.detection.regions import roi_align, roi_pool
from convbook.detection.suppression import nms
from convbook.drawing.stage import Slide, panels, present
from convbook.drawing.style import COLOURS

Boxes = NDArray[np.float32]


def intersection_over_union() -> Any:
    """Two boxes, one of which is moved: what they share over what they cover together."""
    fixed = np.array([20, 20, 60, 70], "float32")

    def draw(up: int, left: int, height: int, width: int) -> Figure:
        moved = np.array([up, left, up + height, left + width], "float32")
        shared = np.array([*np.maximum(fixed[:2], moved[:2]), *np.minimum(fixed[2:], moved[2:])])
        figure, axes = panels()
        _box(axes, fixed, "blue", fill=0.25)
        _box(axes, moved, "vermilion", fill=0.25)
        if np.all(shared[2:] > shared[:2]):
            _box(axes, shared, "ink", fill=0.35)
        axes.set(xlim=(0, 180), ylim=(100, 0), aspect="equal", xticks=[], yticks=[])
        axes.spines[:].set_visible(True)
        value = float(ops.convert_to_numpy(iou(fixed[None], moved[None]))[0, 0])
        axes.set_title(f"intersection over union {value:.2f}")
        return figure

    return present(
        "shift a box of the same size by a fifth of its width: how far does the number fall? And "
        "what has to happen for 0.5?",
        draw,
        up=Slide(25, 0, 60),
        left=Slide(30, 0, 120),
        height=Slide(40, 5, 60),
        width=Slide(50, 5, 60),
    )


def suppression() -> Any:
    """Non-maximum suppression: which of many guessed boxes stay, by both thresholds."""
    scene = _scene()
    boxes, scores = _guesses(scene["boxes"])

    def draw(overlap: float, least_score: float) -> Figure:
        sure = scores >= least_score
        places, valid = nms(boxes, np.where(sure, scores, -np.inf), overlap, len(boxes))
        kept = ops.convert_to_numpy(places)[ops.convert_to_numpy(valid)]
        figure, (left, right) = panels(2)
        for axes, chosen, title in (
            (left, np.flatnonzero(sure), f"{int(sure.sum())} guesses sure enough"),
            (right, kept, f"{len(kept)} stay, {len(scene['boxes'])} objects"),
        ):
            axes.imshow(scene["image"])
            _boxes(axes, boxes[chosen], "vermilion", 1 + 2 * scores[chosen])
            axes.set_title(title)
            axes.set_axis_off()
        return figure

    return present(
        "at which overlap do neighbours become one, and at which has one object two boxes?",
        draw,
        overlap=Slide(0.4, 0.05, 1.0, 0.05),
        least_score=Slide(0.3, 0.0, 0.95, 0.05),
    )


def anchors() -> Any:
    """Anchors over a scene: the best one for each object, and how well it fits."""
    scene = _scene()
    side = scene["image"].shape[0]

    def draw(stride: int, scale: int, ratio: float) -> Figure:
        cells = -(-side // stride)
        made = make_anchors(cells, cells, stride, [scale], [ratio])
        fit = ops.convert_to_numpy(iou(made, scene["boxes"].astype("float32")))
        figure, (left, right) = panels(2)
        middle = made[(cells // 2) * cells + cells // 2]
        for axes in (left, right):
            axes.imshow(scene["image"])
            axes.set_axis_off()
        centres = (made[:, :2] + made[:, 2:]) / 2
        left.plot(centres[:, 1], centres[:, 0], ".", color=COLOURS["yellow"], ms=5)
        _box(left, middle, "yellow")
        left.set_title(f"{len(made)} anchors")
        for number, truth in enumerate(scene["boxes"]):
            _box(right, truth, "sky")
            _box(right, made[fit[:, number].argmax()], "vermilion")
        best = fit.max(0)
        fitting = int((best >= 0.5).sum())
        right.set_title(f"{fitting} of {len(best)} objects fit (IoU 0.5), mean {best.mean():.2f}")
        return figure

    return present(
        "find the scale and ratio that fit most objects. What does a stride twice as large cost?",
        draw,
        stride=Slide(8, 4, 32, 4),
        scale=Slide(32, 8, 96, 4),
        ratio=Slide(1.0, 0.25, 4.0, 0.25),
    )


def regions() -> Any:
    """What RoI pooling and RoIAlign see of a box that moves by parts of a cell."""
    rows, columns = np.mgrid[:12, :12].astype("float32")
    ramp = (rows + columns)[None, ..., None]

    def draw(up: float, left: float, side: float, bins: int) -> Figure:
        box = np.array([[[up, left, up + side, left + side]]], "float32")
        pooled = ops.convert_to_numpy(roi_pool(ramp, box, bins))[0, 0, ..., 0]
        aligned = ops.convert_to_numpy(roi_align(ramp, box, bins))[0, 0, ..., 0]
        centres = (np.arange(bins) + 0.5) / bins * side
        true = (up + centres - 0.5)[:, None] + (left + centres - 0.5)
        figure, axes = panels(3)
        axes[0].imshow(ramp[0, ..., 0], extent=(0, 12, 12, 0))
        _box(axes[0], box[0, 0], "vermilion")
        rounded = np.floor(box[0, 0] + 0.5)
        _box(axes[0], rounded, "yellow")
        axes[0].set_title("box, and rounded")
        axes[0].set(xticks=[], yticks=[])
        axes[0].spines[:].set_visible(True)
        both = {"RoI pooling": pooled, "RoIAlign": aligned}
        for panel, (name, values) in zip(axes[1:], both.items(), strict=True):
            panel.imshow(values, vmin=0, vmax=22)
            for (row, column), value in np.ndenumerate(values):
                ink = "white" if value < 11 else "black"
                panel.text(column, row, f"{value:.1f}", ha="center", va="center", color=ink)
            panel.set_title(f"{name}\noff by {np.abs(values - true).mean():.2f}")
            panel.set_axis_off()
        return figure

    return present(
        "move the box by a quarter of a cell: which numbers follow, which jump, and when?",
        draw,
        up=Slide(2.3, 0.5, 5.0, 0.05),
        left=Slide(3.4, 0.5, 5.0, 0.05),
        side=Slide(5.0, 2.0, 6.5, 0.05),
        bins=Slide(3, 2, 4),
    )


def _scene() -> Mapping[str, Any]:
    """A scene of several digits, the same every time."""
    from convbook.data import digit_scenes

    return digit_scenes(1, "test", 128, objects=(5, 6), seed=5)[0]


def _guesses(truth: Boxes) -> tuple[Boxes, NDArray[np.float32]]:
    """What an unsuppressed detector gives: boxes around the true ones, and some nowhere."""
    random = np.random.default_rng(5)
    near = np.repeat(truth.astype("float32"), 6, 0)
    shift = random.normal(0, 0.1, near.shape) * np.tile(near[:, 2:] - near[:, :2], 2)
    near = near + shift.astype("float32")
    corner = random.uniform(0, 90, (6, 2))
    nowhere = np.concatenate([corner, corner + random.uniform(15, 35, (6, 2))], 1)
    boxes = np.concatenate([near, nowhere]).astype("float32")
    fit = ops.convert_to_numpy(iou(boxes, truth.astype("float32"))).max(-1)
    scores = np.clip(0.15 + 0.75 * fit + random.normal(0, 0.06, len(fit)), 0.02, 0.99)
    return boxes, scores.astype("float32")


def _box(axes: Axes, box: Any, colour: str, line: float = 3.0, fill: float = 0.0) -> None:
    y1, x1, y2, x2 = (float(side) for side in box)
    style: dict[str, Any] = {"edgecolor": COLOURS[colour], "linewidth": line}
    face = (*_rgb(colour), fill) if fill else "none"
    axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, facecolor=face, **style))


def _boxes(axes: Axes, boxes: Boxes, colour: str, lines: NDArray[np.float32]) -> None:
    """Many boxes as one artist: laid out and drawn once, a picture follows its control sooner."""
    shapes = [Rectangle((x1, y1), x2 - x1, y2 - y1) for y1, x1, y2, x2 in boxes.tolist()]
    style: dict[str, Any] = {"edgecolor": COLOURS[colour], "facecolor": "none"}
    axes.add_collection(PatchCollection(shapes, linewidths=lines, **style), autolim=False)


def _rgb(colour: str) -> tuple[float, ...]:
    from matplotlib.colors import to_rgb

    return to_rgb(COLOURS[colour])
