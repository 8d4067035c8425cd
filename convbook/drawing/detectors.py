"""Detectors that look at regions, drawn as what they are made of: boxes and the ways between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from convbook.drawing.style import COLOURS, WIDTH

_BOX = (1.5, 0.72)  # width and height of a box, in data units
_STEP = 2.0  # from one box's middle to the next one's, along x
_FALL = 1.5  # the same along y

Place = tuple[int, int]  # column and row


@dataclass(frozen=True)
class Part:
    """A box of the drawing.

    Attributes:
        name: written in it, in one line or two.
        gives: what comes out of it, written beside it.
        learns: whether it has weights; such a box is filled.
    """

    name: str
    gives: str = ""
    learns: bool = False


def draw_detector(net: Any, proposals: int, axes: Axes | None = None, title: str = "") -> Axes:
    """Draw an R-CNN, a Fast R-CNN or a Faster R-CNN: its parts, and what each gives, by shape.

    Args:
        net: one of this book's: it has a ``backbone`` and a ``head``; a ``side`` if it warps boxes,
            and an ``rpn`` if it proposes them.
        proposals: boxes of a picture that it names.
        axes: where to draw; a new figure if None.
        title: written above.
    """
    if hasattr(net, "rpn"):
        return draw_parts(*_faster(net, proposals), axes, title)
    return draw_parts(
        *(_warping if hasattr(net, "side") else _pooling)(net, proposals), axes, title
    )


def draw_parts(
    parts: dict[Place, Part],
    ways: Sequence[Sequence[Place]],
    axes: Axes | None = None,
    title: str = "",
) -> Axes:
    """Draw boxes on a grid of columns and rows, and arrows between them.

    Args:
        parts: by column and row, from 0, rows downwards.
        ways: each the places that an arrow goes through; it begins and ends at a part.
        axes: where to draw; a new figure if None.
        title: written above.
    """
    columns, rows = (1 + max(place[i] for place in parts) for i in (0, 1))
    axes = axes or plt.subplots(figsize=(WIDTH, 0.4 + 0.86 * rows))[1]
    axes.set_axis_off()
    axes.set_aspect("equal")
    for way in ways:
        _way(axes, [(_STEP * column, -_FALL * row) for column, row in way])
    for place, part in parts.items():
        _part(axes, place, part)
    axes.set_xlim(-0.85, _STEP * (columns - 1) + 0.85)
    axes.set_ylim(-_FALL * (rows - 1) - 1.15, 1.15)
    if title:
        axes.set_title(title, fontsize=10.5)
    return axes


def _shape(shape: Sequence[int | None]) -> str:
    """A shape without the axis of the batch: "16×16×96"."""
    return "×".join(str(side) for side in shape[1:])


def _named(net: Any, proposals: int) -> tuple[Part, Part]:
    """What all three end with: the dense layers, and what they say of each box."""
    scores, offsets = (shape[-1] for shape in net.head.output_shape)
    return (
        Part("dense\nlayers", "", learns=True),
        Part("class and\noffsets", f"{proposals} × ({scores} + {offsets})"),
    )


def _searched(proposals: int) -> Part:
    return Part("selective\nsearch", f"{proposals} boxes")


def _warping(net: Any, proposals: int) -> tuple[dict[Place, Part], list[list[Place]]]:
    """R-CNN: every box goes through all of the net."""
    dense, answers = _named(net, proposals)
    squares, maps = net.backbone.input_shape, net.backbone.output_shape
    parts = {
        (0, 0): Part("picture"),
        (1, 0): Part("warp", f"{proposals} × {_shape(squares)}"),
        (2, 0): Part("convo-\nlutions", f"{proposals} × {_shape(maps)}", learns=True),
        (3, 0): dense,
        (4, 0): answers,
        (0, 1): _searched(proposals),
    }
    return parts, [*_row(4), [(0, 0), (0, 1)], [(0, 1), (1, 1), (1, 0)]]


def _pooling(net: Any, proposals: int) -> tuple[dict[Place, Part], list[list[Place]]]:
    """Fast R-CNN: the convolutions see the picture once."""
    dense, answers = _named(net, proposals)
    parts = {
        (0, 0): Part("picture", _shape(net.backbone.input_shape)),
        (1, 0): Part("convo-\nlutions", _shape(net.backbone.output_shape), learns=True),
        (2, 0): Part("RoI\npooling", f"{proposals} × {_shape(net.head.input_shape)}"),
        (3, 0): dense,
        (4, 0): answers,
        (0, 1): _searched(proposals),
    }
    return parts, [*_row(4), [(0, 0), (0, 1)], [(0, 1), (2, 1), (2, 0)]]


def _faster(net: Any, proposals: int) -> tuple[dict[Place, Part], list[list[Place]]]:
    """Faster R-CNN: the maps propose the boxes, too."""
    parts, _ = _pooling(net, proposals)
    del parts[0, 1]
    anchors = len(net.anchors)
    cut = "RoIAlign" if net.recipe.pooling == "align" else "RoI\npooling"
    parts[2, 0] = Part(cut, parts[2, 0].gives)
    parts[1, 1] = Part("region\nproposals", f"{anchors:,} × (1 + 4)", learns=True)
    parts[2, 1] = Part("choose\nthe best", f"{proposals} boxes")
    return parts, [*_row(4), [(1, 0), (1, 1)], [(1, 1), (2, 1)], [(2, 1), (2, 0)]]


def _row(last: int) -> list[list[Place]]:
    """Arrows from each part of the upper row to the next."""
    return [[(column, 0), (column + 1, 0)] for column in range(last)]


def _part(axes: Axes, place: Place, part: Part) -> None:
    """A box; what it gives stands above it in the upper row, else below."""
    width, height = _BOX
    x, y = _STEP * place[0], -_FALL * place[1]
    axes.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.12",
            facecolor=COLOURS["blue"] if part.learns else "white",
            edgecolor=COLOURS["blue"],
            linewidth=1.2,
        )
    )
    colour = "white" if part.learns else COLOURS["ink"]
    axes.text(x, y - 0.02, part.name, ha="center", va="center", fontsize=9.5, color=colour)
    if not part.gives:
        return
    lift, side = (0.45, "bottom") if place[1] == 0 else (-0.45, "top")
    gives = part.gives.replace(" × ", " ×\n")  # in one line it would run into its neighbour's
    axes.text(x, y + lift, gives, ha="center", va=side, fontsize=9.5)


def _way(axes: Axes, points: Sequence[tuple[float, float]]) -> None:
    """An arrow through points, from the edge of the first box to that of the last."""
    bends = [_edge(points[0], points[1]), *points[1:-1], _edge(points[-1], points[-2])]
    line: dict[str, Any] = {"color": COLOURS["ink"], "linewidth": 1, "linestyle": "-"}
    xs, ys = zip(*bends[:-1], bends[-2], strict=True)
    axes.plot(xs, ys, **line)
    arrow = {"arrowstyle": "->", "color": COLOURS["ink"], "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", bends[-1], bends[-2], arrowprops=arrow)


def _edge(box: tuple[float, float], towards: tuple[float, float]) -> tuple[float, float]:
    """Where a straight way from a box's middle leaves it, along x or along y."""
    across, up = towards[0] - box[0], towards[1] - box[1]
    if across:
        return box[0] + (_BOX[0] / 2 + 0.04) * (1 if across > 0 else -1), box[1]
    return box[0], box[1] + (_BOX[1] / 2 + 0.04) * (1 if up > 0 else -1)
