"""The curve of a training: losses and mean average precision over the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from convbook.drawing.style import COLOURS, WIDTH, label_line

MAP = "mAP@0.5"
MASK_MAP = "mask mAP@0.5"


def draw_training(history: Sequence[Mapping[str, float]]) -> Axes:
    """Draw the loss, and to the right of it the mean average precision on pictures held out.

    Args:
        history: rows as ``convbook.train`` keeps them: each with its ``step``, and either ``loss``
            or ``mAP@0.5``, maybe with ``mask mAP@0.5``.

    Returns:
        The axes of the mean average precision.
    """
    _, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 2.6))
    for axes, key, name in ((left, "loss", "loss"), (right, MAP, "mAP at IoU 0.5, held out")):
        rows = [row for row in history if key in row]
        axes.plot([row["step"] for row in rows], [row[key] for row in rows], color=COLOURS["blue"])
        axes.set_xlabel("steps")
        axes.set_title(name, fontsize=11)
        axes.set_ylim(bottom=0)
    judged = [row for row in history if MAP in row]
    if judged:
        last = judged[-1]
        drawn = MASK_MAP in last
        words = f"boxes {last[MAP]:.2f}" if drawn else f"{last[MAP]:.2f}"
        place = (-50, 11) if drawn else (-14, -12)
        label_line(right, [last["step"]], [last[MAP]], words, offset=place)
        right.set_ylim(0, 1)
        if drawn:
            points = [row["step"] for row in judged], [row[MASK_MAP] for row in judged]
            right.plot(*points, color=COLOURS["vermilion"], linestyle="--")
            words = f"masks {last[MASK_MAP]:.2f}"
            label_line(right, [last["step"]], [last[MASK_MAP]], words, offset=(-50, -14))
    return right
