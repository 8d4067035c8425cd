"""What a picture with controls stands on: the controls, the picture that follows, its still.

The picture is drawn into a PNG and handed to one image widget, so that nothing flickers or jumps;
its letters are large enough for the back row.
"""

from __future__ import annotations

import base64
import html
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.text import Text

from convbook.drawing.style import COLOURS

SIZE = (11.0, 5.2)
"""Inches of a demonstration's picture."""

LOOK = {
    "font.size": 16,
    "axes.titlesize": 18,
    "axes.titlelocation": "left",
    "axes.labelsize": 16,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.dpi": 80,
    "image.cmap": "gray",
    "lines.linewidth": 3.0,
    "axes.prop_cycle": plt.cycler(color=[COLOURS[name] for name in ("blue", "vermilion", "sky")]),
}


@dataclass(frozen=True)
class Slide:
    """A slider over numbers; whole ones where start and step are whole.

    With `play` a button moves it on by itself, a step every 0.4 seconds.
    """

    start: float
    low: float
    high: float
    step: float = 1
    play: bool = False


@dataclass(frozen=True)
class Choose:
    """A row of buttons, one of which is down."""

    options: Sequence[Any]
    start: Any = None


@dataclass(frozen=True)
class Tick:
    """A box to tick."""

    start: bool = True


@dataclass(frozen=True)
class Write:
    """A line to write into; what is written is drawn when Enter is pressed."""

    start: str


Control = Slide | Choose | Tick | Write


def panels(columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    """A figure of a demonstration's size, and its axes side by side."""
    return plt.subplots(1, columns, figsize=SIZE, layout="constrained", **options)


def picture(
    draw: Callable[..., Figure],
    values: Mapping[str, Any],
    look: bool = True,
    measured: bool = True,
) -> bytes:
    """What `draw` makes of values given by name, as a PNG.

    Args:
        draw: makes the figure.
        values: by the names of its arguments.
        look: whether in the large letters of a demonstration, or as figures are at the time.
        measured: whether the file says how large its letters are, as a page's still picture does;
            to find it out takes a sixth of the time.

    Raises:
        ValueError: with `draw`'s sentence, where the values do not go together.
    """
    with plt.rc_context(LOOK if look else None):
        figure = draw(**values)
        try:
            file = io.BytesIO()
            told = {"Letters": f"{_letters(figure):.1f}"} if measured else {}
            figure.savefig(file, format="png", metadata=told)
        finally:
            plt.close(figure)
    return file.getvalue()


def _letters(figure: Figure) -> float:
    """Pixels of a figure's smallest letters, which `python -m book.look` reads in the PNG."""
    points = [float(each.get_fontsize()) for each in figure.findobj(Text)]
    return min(points, default=0.0) * figure.dpi / 72


def in_notebook() -> bool:
    """Whether a notebook's kernel runs this, which can show widgets."""
    shell = sys.modules.get("IPython")
    return shell is not None and shell.get_ipython() is not None


def present(
    try_this: str,
    draw: Callable[..., Figure],
    still: Callable[[], Figure] | None = None,
    look: bool = True,
    **controls: Control,
) -> Any:
    """Show a picture under its controls; where values do not go together, the sentence of why.

    Where no widgets can run (a plain Python, no ipywidgets) it says so in one line. A page made
    from the notebook, which has no Python behind it, shows a still picture in the widget's place.

    Args:
        try_this: one line, what to try.
        draw: makes the figure from the controls' values, given by name; a ValueError's sentence is
            shown over the last picture that could be drawn.
        still: makes the still picture. None: the picture as it begins.
        look: whether in the large letters of a demonstration.
        controls: by the name of `draw`'s argument; the label is the name with spaces.

    Returns:
        The widget, which a notebook shows as a cell's value; None where no widgets can run.
    """
    if not in_notebook():
        print(f"This picture's controls need a Jupyter notebook. Try there: {try_this}")
        return None
    try:
        import ipywidgets
    except ImportError:
        print("The controls need ipywidgets: pip install ipywidgets.")
        return None

    class WithStill(ipywidgets.VBox):
        """A widget that a viewer without widgets shows as a picture."""

        def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
            shown = picture(still, {}, look) if still else self.children[-1].value
            encoded = base64.b64encode(shown).decode()
            return {**super()._repr_mimebundle_(**options), "image/png": encoded}

    widgets = {name: _widget(ipywidgets, name, control) for name, control in controls.items()}
    shown = ipywidgets.Image(format="png")
    shown.layout.width, shown.layout.max_width = "880px" if look else "auto", "100%"
    said = ipywidgets.HTML()

    def update(_: Any = None) -> None:
        values = {name: each.value for name, each in widgets.items()}
        try:
            shown.value = picture(draw, values, look, measured=not shown.value)  # the first one
            said.value = f"<b>Try:</b> {html.escape(try_this)}"
        except ValueError as error:
            said.value = f"<b>Not so:</b> {html.escape(str(error))}"

    for each in widgets.values():
        each.observe(update, "value")
    update()
    rows = ipywidgets.HBox([_with_button(ipywidgets, widgets[n], c) for n, c in controls.items()])
    rows.layout.flex_flow = "row wrap"
    return WithStill([said, rows, shown])


def _with_button(ipywidgets: Any, widget: Any, control: Control) -> Any:
    """The widget, with a button that plays it where the control asks for one."""
    if not (isinstance(control, Slide) and control.play):
        return widget
    play = ipywidgets.Play(widget.value, widget.min, widget.max, widget.step, interval=400)
    ipywidgets.jslink((play, "value"), (widget, "value"))
    return ipywidgets.HBox([play, widget])


def _widget(ipywidgets: Any, name: str, control: Control) -> Any:
    """The widget of a control."""
    named = {"description": name.replace("_", " "), "style": {"description_width": "initial"}}
    if isinstance(control, Tick):
        return ipywidgets.Checkbox(control.start, indent=False, **named)
    if isinstance(control, Write):
        return ipywidgets.Text(control.start, continuous_update=False, **named)
    if isinstance(control, Choose):
        start = control.options[0] if control.start is None else control.start
        buttons = ipywidgets.ToggleButtons(options=list(control.options), value=start, **named)
        buttons.style.button_width = "auto"
        return buttons
    whole = all(isinstance(each, int) for each in (control.start, control.step))
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    slider = kind(control.start, min=control.low, max=control.high, step=control.step, **named)
    slider.layout.width = "400px"
    return slider
