"""Blocks of layers as a row of boxes, with the shortcut that goes past them."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyBboxPatch

from convbook.drawing.style import COLOURS

_STEP = 1.5  # from one box's middle to the next one's, in data units
_BOX = (1.15, 0.7)  # width and height of a box
_RISE = 0.85  # how far above the boxes a shortcut runs


def draw_block(
    axes: Axes, branch: Sequence[str], shortcut: str | None = None, after: Sequence[str] = ()
) -> None:
    """Draw a block from left to right: the boxes of its branch, a sum, and what follows.

    Args:
        axes: where to draw; its own axes are hidden.
        branch: a label for each box of the branch, such as "3×3" or "ReLU".
        shortcut: what is written on the path around the branch; None draws no such path and no sum.
        after: labels of the boxes after the sum.
    """
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.text(0, 0, "x", ha="center", va="center", style="italic", fontsize=12)
    at, left = 0.0, 0.25
    for label in branch:
        at += _STEP
        _arrow(axes, left, at - _BOX[0] / 2)
        left = _box(axes, at, label)
    if shortcut is not None:
        at += _STEP * 0.85
        _arrow(axes, left, at - 0.26)
        left = _sum(axes, at, shortcut)
        at -= _STEP * 0.15
    for label in after:
        at += _STEP
        _arrow(axes, left, at - _BOX[0] / 2)
        left = _box(axes, at, label)
    _arrow(axes, left, left + 0.5)
    axes.set_xlim(-0.5, left + 0.7)
    axes.set_ylim(-0.6, 1.45 if shortcut is not None else 0.6)


def _box(axes: Axes, at: float, label: str) -> float:
    """A box with its middle at ``at``, filled where it has weights; returns its right edge."""
    width, height = _BOX
    learns = label[:1].isdigit()
    axes.add_patch(
        FancyBboxPatch(
            (at - width / 2, -height / 2),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.12",
            facecolor=COLOURS["blue"] if learns else "white",
            edgecolor=COLOURS["blue"],
            linewidth=1.2,
        )
    )
    color = "white" if learns else COLOURS["ink"]
    axes.text(at, 0, label, ha="center", va="center", fontsize=9.5, color=color)
    return at + width / 2


def _sum(axes: Axes, at: float, shortcut: str) -> float:
    """The shortcut from x to a plus sign at ``at``; returns the sign's right edge."""
    color = COLOURS["vermilion"]
    axes.plot([0.45, 0.45, at], [0, _RISE, _RISE], color=color, linewidth=2.2, linestyle="-")
    arrow = {"arrowstyle": "->", "color": color, "linewidth": 2.2}
    axes.annotate("", (at, 0.22), (at, _RISE + 0.04), arrowprops=arrow)
    axes.text(
        at / 2,
        _RISE + 0.1,
        shortcut,
        ha="center",
        va="bottom",
        fontsize=9.5,
        color=color,
    )
    axes.add_patch(Circle((at, 0), 0.26, facecolor="white", edgecolor=COLOURS["ink"], zorder=3))
    axes.text(at, -0.02, "+", ha="center", va="center", fontsize=12, zorder=4)
    return at + 0.26


def _arrow(axes: Axes, start: float, end: float) -> None:
    axes.annotate(
        "", (end, 0), (start, 0), arrowprops={"arrowstyle": "->", "color": COLOURS["ink"]}
    )
