"""Boxes over pictures: truth, detections, proposals, anchors and matches, in one look.

What a box is shows in its colour *and* in its dashes: truth is dark and solid, a detection
vermilion, dotted where it is wrong, a proposal light and thin, an anchor dashed. All lines have a
white rim, so that they can be seen on any ground. Boxes are (y1, x1, y2, x2) in pixels, ends
exclusive.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import Normal, withStroke
from numpy.typing import ArrayLike, NDArray

from convbook.detection.evaluation import asked_points, average_precision, envelope
from convbook.drawing.stage import Slide, present
from convbook.drawing.style import COLOURS, WIDTH, label_line

LOOKS: dict[str, dict[str, Any]] = {
    "truth": {"edgecolor": COLOURS["ink"], "linewidth": 1.6},
    "detection": {"edgecolor": COLOURS["vermilion"], "linewidth": 1.8},
    "wrong": {"edgecolor": COLOURS["vermilion"], "linewidth": 1.8, "linestyle": (0, (1, 1.2))},
    "proposal": {"edgecolor": COLOURS["sky"], "linewidth": 0.9},
    "anchor": {"edgecolor": COLOURS["blue"], "linewidth": 1.2, "linestyle": (0, (4, 2))},
    "ignored": {"edgecolor": "#777777", "linewidth": 0.9, "linestyle": (0, (2, 1.5))},
}
"""How a box of each kind is drawn."""

Boxes = NDArray[np.float64]


def draw_picture(axes: Axes, image: ArrayLike, title: str = "") -> None:
    """Draw a picture in the coordinates that boxes have: its first pixel goes from 0 to 1.

    Args:
        axes: where to draw.
        image: (H, W, 3) or (H, W), floats in [0, 1] or bytes.
        title: written above it.
    """
    shown = np.asarray(image)
    height, width = shown.shape[:2]
    axes.imshow(shown, extent=(0, width, height, 0))
    axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if title:
        axes.set_title(title, fontsize=10, loc="center")


def draw_boxes(
    axes: Axes,
    boxes: ArrayLike,
    look: str = "truth",
    labels: Sequence[str] = (),
    **changed: Any,
) -> None:
    """Draw boxes of one kind.

    Args:
        axes: where a picture was drawn by `draw_picture`.
        boxes: (N, 4); empty ones, such as padding, are left out.
        look: one of `LOOKS`.
        labels: words for each box, none or N of them: above its upper edge, or below it at the
            picture's own upper edge.
        **changed: other options of matplotlib's `Rectangle`, such as ``edgecolor``.

    Raises:
        ValueError: for a look that there is not.
    """
    if look not in LOOKS:
        raise ValueError(f'There is no look "{look}": choose of {", ".join(LOOKS)}.')
    style = {"fill": False, "joinstyle": "miter", **LOOKS[look], **changed}
    rim = [withStroke(linewidth=style["linewidth"] + 1.6, foreground="white"), Normal()]
    for number, (y1, x1, y2, x2) in enumerate(np.asarray(boxes, float).reshape(-1, 4)):
        if y2 <= y1 or x2 <= x1:
            continue
        axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, path_effects=rim, **style))
        if len(labels):
            _label(axes, labels[number], y1, x1, style["edgecolor"])


def _label(axes: Axes, words: str, y: float, x: float, colour: str) -> None:
    """Words at the upper left corner of a box, inside the picture."""
    bottom, top = axes.get_ylim()
    low = y - top < 0.1 * (bottom - top)
    axes.annotate(
        words,
        (min(max(x, 0), 0.86 * axes.get_xlim()[1]), max(y, top)),
        xytext=(0, -2 if low else 1),
        textcoords="offset points",
        va="top" if low else "bottom",
        fontsize=9.5,
        color=colour,
        path_effects=[withStroke(linewidth=2.5, foreground="white")],
    )


def draw_detections(
    axes: Axes,
    scene: Mapping[str, Any],
    prediction: Mapping[str, Any] | None = None,
    *,
    names: Sequence[str] | None = None,
    least: float = 0.5,
    threshold: float = 0.5,
    title: str = "",
    told: bool = True,
) -> None:
    """Draw a picture with its true boxes and with what a detector found, right or wrong.

    A detection is right where it has the class of an object whose IoU with it is at least
    `threshold` and which no better detection has found.

    Args:
        axes: where to draw.
        scene: ``image``, and where they shall be drawn ``boxes`` (n, 4) and ``classes`` (n,).
        prediction: of this one picture: ``boxes``, ``scores``, ``classes``, maybe ``valid``; None
            for the truth alone.
        names: of the classes; their numbers if None.
        least: detections with a lower score are not drawn.
        threshold: IoU from which on a detection is right.
        title: written above it.
        told: whether the score is written behind the class.
    """
    draw_picture(axes, scene["image"], title)
    boxes = np.asarray(scene.get("boxes", np.zeros((0, 4))), float)
    classes = np.asarray(scene.get("classes", np.zeros(0)), int)

    def named(label: int) -> str:
        return names[label] if names is not None else str(label)

    draw_boxes(axes, boxes, "truth", [named(n) for n in classes] if prediction is None else ())
    if prediction is None:
        return
    found, scores, labels = _shown(prediction, least)
    right = _right(found, labels, boxes, classes, threshold)
    for look, chosen in (("wrong", ~right), ("detection", right)):
        pairs = zip(labels[chosen], scores[chosen], strict=True)
        words = [f"{named(label)} {score:.2f}" if told else named(label) for label, score in pairs]
        draw_boxes(axes, found[chosen], look, words)


def _shown(prediction: Mapping[str, Any], least: float) -> tuple[Any, Any, Any]:
    """Boxes, scores and classes of what is valid and sure enough, best first."""
    scores = np.asarray(prediction["scores"], float)
    classes = np.asarray(prediction["classes"], int)
    kept = (scores >= least) & (classes >= 0)
    if "valid" in prediction:
        kept &= np.asarray(prediction["valid"], bool)
    order = np.argsort(-scores, kind="stable")
    order = order[kept[order]]
    return np.asarray(prediction["boxes"], float)[order], scores[order], classes[order]


def _right(
    found: Boxes, labels: NDArray[np.int_], boxes: Boxes, classes: NDArray[np.int_], least: float
) -> NDArray[np.bool_]:
    """Which detections, best first, found an object that no better one has."""
    right, taken = np.zeros(len(found), bool), np.zeros(len(boxes), bool)
    for number, (box, label) in enumerate(zip(found, labels, strict=True)):
        values = np.where((classes == label) & ~taken, _overlap_with(box, boxes), -1)
        if values.size and values.max() >= least:
            right[number] = taken[values.argmax()] = True
    return right


def _overlap_with(box: ArrayLike, boxes: ArrayLike) -> Boxes:
    """IoU of one box (4,) with boxes (N, 4): (N,); 0 where one is empty.

    `convbook.detection.proposals.overlaps` is the same by pycocotools, but for rounding.
    """
    one, others = np.asarray(box, float), np.asarray(boxes, float).reshape(-1, 4)
    sides = np.minimum(one[2:], others[:, 2:]) - np.maximum(one[:2], others[:, :2])
    shared = np.clip(sides, 0, None).prod(1)
    union = np.clip(one[2:] - one[:2], 0, None).prod() - shared
    union = union + np.clip(others[:, 2:] - others[:, :2], 0, None).prod(1)
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def draw_scenes(
    scenes: Sequence[Mapping[str, Any]],
    predictions: Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Mapping[str, Any]]] = (),
    *,
    columns: int = 3,
    names: Sequence[str] | None = None,
    least: float = 0.5,
    threshold: float = 0.5,
) -> Any:
    """Draw scenes side by side, with their truth or with what one or several detectors found.

    Args:
        scenes: see `draw_detections`.
        predictions: one for each scene; or such a list by the detector's name, each of which gets a
            row; none: the truth alone.
        columns: pictures in a row, where there is no more than one detector.
        names: of the classes.
        least: detections with a lower score are not drawn.
        threshold: IoU from which on a detection is right.

    Returns:
        The figure.
    """
    by_name = predictions if isinstance(predictions, Mapping) else {"": predictions}
    columns = len(scenes) if len(by_name) > 1 else min(columns, len(scenes))
    pairs = [
        (name, scene, rows[i] if len(rows) else None)
        for name, rows in by_name.items()
        for i, scene in enumerate(scenes)
    ]
    lines = -(-len(pairs) // columns)
    side, told = WIDTH / columns, any(pair[2] is not None for pair in pairs)
    size = (WIDTH, lines * (side * 1.03 + 0.25 * (len(by_name) > 1)) + 0.35 * told)
    figure, panels = plt.subplots(lines, columns, figsize=size, squeeze=False)
    for panel in panels.flat[len(pairs) :]:
        panel.set_axis_off()
    options: dict[str, Any] = {"names": names, "least": least, "threshold": threshold}
    options["told"] = columns < 3  # in small pictures the words would cover each other
    for number, (panel, (name, scene, prediction)) in enumerate(
        zip(panels.flat, pairs, strict=False)
    ):
        draw_detections(panel, scene, prediction, **options)
        if name:
            panel.set_title(name if number % columns == 0 else " ", fontsize=10, loc="left")
    if told:
        draw_key(figure, "truth", "detection", "wrong")
    return figure


def draw_key(figure: Any, *looks: str, **words: str) -> None:
    """Write below a figure what its lines mean.

    Args:
        figure: with constrained layout, as the book's style sets it.
        *looks: names of `LOOKS`.
        **words: for looks that are to be called otherwise here.
    """
    lines = [
        Line2D(
            [],
            [],
            color=LOOKS[look]["edgecolor"],
            linewidth=LOOKS[look]["linewidth"],
            linestyle=LOOKS[look].get("linestyle", "-"),
            label=words.get(look, look),
        )
        for look in looks
    ]
    figure.legend(handles=lines, loc="outside lower right", ncols=len(lines), fontsize=9.5)


def draw_matches(
    axes: Axes,
    image: ArrayLike,
    boxes: ArrayLike,
    labels: ArrayLike,
    matched: ArrayLike,
    truth: ArrayLike,
    *,
    most: int = 30,
    title: str = "",
) -> None:
    """Draw which anchors or proposals are given to which objects: each with a line to its object.

    Those that are ground are not drawn.

    Args:
        axes: where to draw.
        image: (H, W, 3).
        boxes: anchors or proposals (N, 4).
        labels: (N,), 1 positive, 0 ground, -1 left out, as `convbook.detection.matching` gives
            them.
        matched: (N,), the place in `truth` of each one's object.
        truth: the objects (M, 4).
        most: boxes that are left out drawn at most, the first ones.
        title: written above it.
    """
    draw_picture(axes, image, title)
    all_boxes, kinds = np.asarray(boxes, float), np.asarray(labels, int)
    objects, given = np.asarray(truth, float), np.asarray(matched, int)
    draw_boxes(axes, all_boxes[kinds < 0][:most], "ignored")
    draw_boxes(axes, all_boxes[kinds > 0], "anchor")
    draw_boxes(axes, objects, "truth")
    for box, number in zip(all_boxes[kinds > 0], given[kinds > 0], strict=True):
        ends = np.stack([_centre(box), _centre(objects[number])])
        axes.plot(ends[:, 1], ends[:, 0], "-", color=COLOURS["blue"], linewidth=1)
        axes.plot(ends[0, 1], ends[0, 0], "o", color=COLOURS["blue"], markersize=3)


def _centre(box: Boxes) -> Boxes:
    return np.array([box[0] + box[2], box[1] + box[3]]) / 2


def draw_pooling(
    panels: Sequence[Axes],
    features: ArrayLike,
    roi: Sequence[int],
    rows: Sequence[tuple[int, int]],
    columns: Sequence[tuple[int, int]],
    title: str = "",
) -> None:
    """Draw how a region of a map is pooled: its bins on the map, and beside it their maxima.

    Args:
        panels: two axes, for the map and for the maxima.
        features: one channel of a map, (H, W).
        roi: (y1, x1, y2, x2) in cells, ends exclusive.
        rows: the bins along y, as (start, end) in cells of the map, ends exclusive.
        columns: those along x.
        title: written above the map.
    """
    values = np.asarray(features, float)
    pooled = np.array([[values[a:b, c:d].max() for c, d in columns] for a, b in rows])
    draw_numbers(panels[0], values, title)
    draw_boxes(panels[0], [roi], "truth", linewidth=2.4)
    for i, (y1, y2) in enumerate(rows):
        for j, (x1, x2) in enumerate(columns):
            inset = 0.1 + 0.1 * ((i + j) % 2)  # bins that share cells stay apart
            box = (y1 + inset, x1 + inset, y2 - inset, x2 - inset)
            look = "detection" if (i + j) % 2 else "anchor"
            draw_boxes(panels[0], [box], look)
    draw_numbers(panels[1], pooled, "maxima")


def draw_numbers(axes: Axes, values: ArrayLike, title: str = "") -> None:
    """Draw a small map (H, W) as squares with their numbers, in the coordinates of boxes."""
    shown = np.asarray(values, float)
    draw_picture(axes, np.ones_like(shown))
    axes.images[0].set_clim(0, 1)
    height, width = shown.shape
    for y, x in np.ndindex(height, width):
        axes.text(x + 0.5, y + 0.5, f"{shown[y, x]:g}", ha="center", va="center", fontsize=9.5)
    style: dict[str, Any] = {"color": "#BBBBBB", "linewidth": 0.6, "linestyle": "-", "zorder": 1}
    style["clip_on"] = False  # the outer lines lie half outside
    axes.hlines(np.arange(height + 1), 0, width, **style)
    axes.vlines(np.arange(width + 1), 0, height, **style)
    if title:
        axes.set_title(title, fontsize=10, loc="left")


def draw_precision_recall(
    axes: Axes, recall: ArrayLike, precision: ArrayLike, rule: str = "COCO", name: str = ""
) -> None:
    """Draw precision against recall, its envelope, and where a rule asks for it.

    Args:
        axes: where to draw.
        recall: (N,), rising.
        precision: (N,).
        rule: see `convbook.detection.evaluation.average_precision`; the recalls it asks for are
            dots, the whole area is filled.
        name: the title; the area is written behind it.
    """
    reached, values = np.asarray(recall, float), np.asarray(precision, float)
    best = envelope(values)
    steps = np.concatenate([[0], reached, reached[-1:], [1]])
    heights = np.concatenate([best[:1], best, [0], [0]])
    axes.plot(reached, values, ".-", color=COLOURS["sky"], linewidth=1.2)
    axes.step(steps, heights, where="pre", color=COLOURS["blue"], linestyle="-")
    if rule == "all points":
        axes.fill_between(steps, heights, step="pre", color=COLOURS["yellow"], alpha=0.6)
    else:
        asked, tops = asked_points(reached, values, rule)
        axes.plot(
            asked, tops, "o", color=COLOURS["vermilion"], markersize=4 if len(asked) < 50 else 2
        )
    area = average_precision(reached, values, rule)
    axes.set(xlabel="recall", ylabel="precision", xlim=(-0.03, 1.03), ylim=(-0.03, 1.08))
    axes.set_title(f"{name}{', ' if name else ''}area {area:.3f}", fontsize=10)


LEAST_GAP = 0.08  # of recall, from a name at a line's end to the next


def draw_recall(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]], axes: Axes | None = None
) -> Axes:
    """Draw how many objects are covered by the first 1, 2, 5, ... proposals of a picture.

    Args:
        curves: numbers of proposals and recall, by the name written at a line's end.
        axes: where to draw; a new figure if None.
    """
    axes = axes or plt.subplots()[1]
    ends = {name: float(np.asarray(recall)[-1]) for name, (_, recall) in curves.items()}
    beside, place = {}, np.inf  # where each name stands, none on another
    for name in sorted(ends, key=lambda name: -ends[name]):
        beside[name] = place = min(ends[name], place - LEAST_GAP)
    for name, (numbers, recall) in curves.items():
        x, y = np.asarray(numbers, float), np.asarray(recall, float)
        axes.plot(x, y)
        label_line(axes, list(x), [beside[name]], name)
    axes.set_xscale("log")
    axes.set(xlabel="proposals a picture", ylabel="share of objects covered", ylim=(0, 1.02))
    return axes


def threshold_widget(
    scene: Mapping[str, Any],
    answer: Callable[[float, float], Mapping[str, Any]],
    names: Sequence[str] | None = None,
) -> Any:
    """Make sliders for the IoU of the suppression and the least score, over a picture.

    Args:
        scene: see `draw_detections`.
        answer: gives the detections of this picture from both numbers, IoU and least score.
        names: of the classes.

    Returns:
        See `convbook.drawing.stage.present`.
    """

    def draw(IoU: float, score: float) -> Any:
        figure, axes = plt.subplots(figsize=(0.7 * WIDTH, 0.7 * WIDTH + 0.4))
        draw_detections(axes, scene, answer(IoU, score), names=names, least=score)
        axes.set_title(f"IoU above {IoU:.2f} goes, score at least {score:.2f}", fontsize=10)
        draw_key(figure, "truth", "detection", "wrong")
        return figure

    return present(
        "raise the IoU until one object has two boxes, then the score until one is missed.",
        draw,
        look=False,
        IoU=Slide(0.3, 0.05, 1.0, 0.05),
        score=Slide(0.5, 0.05, 1.0, 0.05),
    )
