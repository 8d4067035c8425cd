"""Contact sheets: the first examples of an embedded set, with their labels drawn in."""

from collections.abc import Callable
from typing import Any

import matplotlib.patheffects as effects
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from convbook.data.catalogue import entry_of, source_of
from convbook.data.figure_drawing import HIDDEN, LIMBS, VISIBLE
from convbook.data.head_drawing import rotation

# White on a black rim is seen on every photograph, in colour and in grey.
RIM = [effects.Stroke(linewidth=2.2, foreground="black"), effects.Normal()]
WIDTH = 5.4  # of a sheet, in inches: as wide as the book's other figures
AXIS_NAMES = ("x", "y", "z")


def contact_sheet(name: str, rows: int = 2, columns: int = 6, split: str = "train") -> Figure:
    """Draw the first examples of an embedded set with their labels.

    Args:
        name: a set that `load` knows and that needs no download.
        rows: rows of pictures.
        columns: pictures a row.
        split: "train" or "test".

    Returns:
        The figure.

    Raises:
        ValueError: for an unknown set or split, or a set that is not embedded.
    """
    entry = entry_of(name)
    if entry.tfds:
        raise ValueError(f"{name} is not embedded: a contact sheet is drawn of embedded sets.")
    source = source_of(name, split, rows * columns, None, seed=0)
    side = WIDTH / columns
    size = (WIDTH, rows * (side + 0.15))
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for index, place in enumerate(axes.flat):
        example = source[index]
        place.imshow(example["image"], vmin=0, vmax=255, cmap="gray")
        place.set_axis_off()
        for key, draw in DRAWN.items():
            if key in example:
                draw(place, example, entry.classes)
    return figure


def _label(axes: Axes, example: dict[str, Any], classes: tuple[str, ...]) -> None:
    axes.set_title(classes[int(example["label"])], fontsize=9.5, loc="center", pad=2)


def _boxes(axes: Axes, example: dict[str, Any], classes: tuple[str, ...]) -> None:
    """Boxes with classes: dashed where difficult, dotted where a crowd."""
    numbers = example.get("classes", np.full(len(example["boxes"]), -1))
    nobody = np.zeros(len(numbers), bool)
    hard, crowds = example.get("difficult", nobody), example.get("crowd", nobody)
    for (y1, x1, y2, x2), label, difficult, crowd in zip(
        example["boxes"], numbers, hard, crowds, strict=True
    ):
        if label < 0:
            continue
        line = ":" if crowd else "--" if difficult else "-"
        # One pixel outside what it holds, not to hide it.
        box = Rectangle((x1 - 1.5, y1 - 1.5), x2 - x1 + 2, y2 - y1 + 2, fill=False)
        box.set(edgecolor="white", linewidth=1, linestyle=line, path_effects=RIM, clip_on=False)
        axes.add_patch(box)
        text = axes.text(x1 - 1.5, y1 - 3, classes[label], color="white", fontsize=9.5)
        text.set_path_effects(RIM)


def _keypoints(axes: Axes, example: dict[str, Any], classes: tuple[str, ...]) -> None:
    """The skeleton: dots white where seen, black where hidden."""
    del classes
    for points, shown in zip(example["keypoints"], example["visibility"], strict=True):
        for first, second in LIMBS:
            ys, xs = points[[first, second]].T
            axes.plot(xs, ys, color="white", linewidth=0.8, linestyle="-", path_effects=RIM)
        for state, fill, rim in ((VISIBLE, "white", "black"), (HIDDEN, "black", "white")):
            ys, xs = points[shown == state].T
            axes.scatter(xs, ys, s=9, facecolors=fill, edgecolors=rim, linewidths=1, zorder=3)
    axes.set(
        xlim=(-0.5, example["image"].shape[1] - 0.5), ylim=(example["image"].shape[0] - 0.5, -0.5)
    )


def _angles(axes: Axes, example: dict[str, Any], classes: tuple[str, ...]) -> None:
    """The head's own axes, and the angles in degrees."""
    del classes
    roll, pitch, yaw = (float(angle) for angle in example["angles"])
    middle = example["image"].shape[0] / 2
    for column, name in zip(rotation(roll, pitch, yaw).T, AXIS_NAMES, strict=True):
        end = middle + 0.45 * 2 * middle * np.array([column[0], -column[1]])
        axes.plot(
            [middle, end[0]],
            [middle, end[1]],
            color="white",
            linewidth=1,
            linestyle="-",
            path_effects=RIM,
        )
        axes.text(end[0], end[1], name, color="white", fontsize=9.5, path_effects=RIM)
    degrees = ", ".join(f"{np.degrees(angle):.0f}" for angle in (roll, pitch, yaw))
    axes.set_title(f"{degrees}", fontsize=9.5, loc="center", pad=2)


DRAWN: dict[str, Callable[[Axes, dict[str, Any], tuple[str, ...]], None]] = {
    "label": _label,
    "boxes": _boxes,
    "keypoints": _keypoints,
    "angles": _angles,
}
