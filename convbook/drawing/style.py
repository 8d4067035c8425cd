"""The look of every figure: colours, type sizes and direct labels.

The colours differ in lightness as well as in hue (hues after Okabe and Ito, 2008), so that they
stay apart in a grey print and for every common colour blindness; lines differ in dashes too.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation

COLOURS = {
    "blue": "#004C83",
    "vermilion": "#D55E00",
    "sky": "#56B4E9",
    "ink": "#111111",
    "yellow": "#F0D442",
}
"""Colour by name; the first four carry lines and text, yellow is for filled areas only."""

_LINES = ("blue", "vermilion", "sky", "ink")


WIDTH = 5.4
"""Inches: a figure no wider than this has letters that can be read on a phone's page."""


def use_style() -> None:
    """Set matplotlib's defaults for this book; call it once at the top of a chapter.

    In a notebook figures become SVG: sharp at every size, letters drawn as outlines, so that they
    look alike whatever fonts the reader has. A photograph in a figure stays made of pixels.
    """
    _figures_as_svg()
    cycle = cycler(color=[COLOURS[name] for name in _LINES])
    cycle += cycler(linestyle=["-", "--", "-.", ":"])
    plt.rcParams.update(
        {
            "figure.figsize": (WIDTH, 3.4),
            "figure.dpi": 110,
            "figure.constrained_layout.use": True,
            "savefig.bbox": "tight",
            "svg.fonttype": "path",
            "svg.hashsalt": "convbook",  # the same figure is the same file
            "font.size": 11,
            "axes.titlesize": 12,
            "axes.titlelocation": "left",
            "axes.labelsize": 11,
            "axes.prop_cycle": cycle,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#DDDDDD",
            "grid.linewidth": 0.8,
            "lines.linewidth": 2.0,
            "lines.markersize": 5,
            "legend.frameon": False,
            "image.cmap": "gray",
            "image.interpolation": "nearest",
        }
    )


def _figures_as_svg() -> None:
    """Ask the notebook's own drawing, where there is one, for SVG without the time of the run."""
    shell = sys.modules.get("IPython")
    if shell is None or shell.get_ipython() is None:
        return
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    set_matplotlib_formats("svg", metadata={"Date": None})


def legible(color: str) -> str:
    """Return a colour for words: darker where it is too light to be read on white."""
    rgb = to_rgb(color)
    luminance = 0.2126 * rgb[0] ** 2.2 + 0.7152 * rgb[1] ** 2.2 + 0.0722 * rgb[2] ** 2.2
    return to_hex([0.65 * part for part in rgb]) if luminance > 0.3 else color


def label_line(
    axes: Axes,
    x: Sequence[float],
    y: Sequence[float],
    text: str,
    color: str | None = None,
    offset: tuple[float, float] = (6, 0),
) -> Annotation:
    """Write ``text`` beside the last point of a line, in place of a legend.

    Args:
        axes: where the line is drawn.
        x: the line's x values, in data units.
        y: the line's y values, in data units.
        text: the label.
        color: the line's colour, which the text takes, darkened where it is light; that of the
            axes' last line if None.
        offset: shift of the text from the point, in printer's points (right, up).

    Returns:
        The annotation, outside the axes where the line ends at their edge.
    """
    if color is None:
        color = to_hex(axes.get_lines()[-1].get_color()) if axes.get_lines() else COLOURS["ink"]
    return axes.annotate(
        text,
        (float(x[-1]), float(y[-1])),
        xytext=offset,
        textcoords="offset points",
        color=legible(color),
        va="center",
        annotation_clip=False,
        path_effects=[withStroke(linewidth=3, foreground="white")],  # lines stop before letters
    )
