"""Figures stay readable in grey, and the size of a run is what the reader asked for."""

from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_hex, to_rgb

from convbook.device import report
from convbook.drawing import COLOURS, label_line, use_style
from convbook.drawing.blocks import draw_block
from convbook.drawing.charts import draw_curves
from convbook.drawing.style import legible
from convbook.scale import by_scale, scale


def lightness(color: str) -> float:
    """CIE lightness, 0 (black) to 100 (white): what is left of a colour in a grey print."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    luminance = sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return 116 * luminance ** (1 / 3) - 16


def test_the_colours_differ_in_a_grey_print():
    greys = sorted(lightness(color) for color in COLOURS.values())
    assert min(b - a for a, b in pairwise(greys)) > 12


@pytest.mark.parametrize("name", ["blue", "vermilion", "sky", "ink"])
def test_words_in_a_lines_colour_can_be_read_on_white(name):
    words = legible(COLOURS[name])
    assert lightness(words) < 60
    assert words == COLOURS[name] or lightness(words) < lightness(COLOURS[name])


def test_lines_differ_in_dashes_too():
    with plt.rc_context():
        use_style()
        cycle = list(plt.rcParams["axes.prop_cycle"])
    assert len({entry["linestyle"] for entry in cycle}) == len(cycle) >= 4


def test_a_line_is_labelled_in_its_own_colour_at_its_end():
    figure, axes = plt.subplots()
    axes.plot([0, 1], [2, 3], color=COLOURS["vermilion"])
    label = label_line(axes, [0, 1], [2, 3], "rising")
    assert label.xy == (1, 3)
    assert label.get_color() == COLOURS["vermilion"].lower()
    plt.close(figure)


def test_lines_that_end_together_have_labels_apart():
    curves = {"first": [3.0, 1.0], "second": [2.0, 1.0], "third": [4.0, 2.0, 1.001], "far": [9.0]}
    axes = draw_curves(curves, xlabel="epoch", ylabel="loss (nats)", log=True)
    labels: list[Any] = list(axes.texts)
    lines: list[Any] = list(axes.get_lines())
    assert [label.get_text() for label in labels] == list(curves)
    for label, line in zip(labels, lines, strict=True):
        assert label.get_color() == legible(to_hex(line.get_color()))
        assert label.xy == (line.get_xdata()[-1], line.get_ydata()[-1])
    scale = 72 / axes.figure.dpi
    heights = sorted(
        axes.transData.transform(label.xy)[1] * scale + label.xyann[1] for label in labels
    )
    assert min(upper - lower for lower, upper in pairwise(heights)) > 14
    assert labels[3].xyann[1] == 0, "a label with room around it stays at its line"
    plt.close("all")


@pytest.mark.parametrize(("shortcut", "sums"), [(None, 0), ("x", 1)])
def test_a_block_is_drawn_with_a_sum_only_where_it_has_a_shortcut(shortcut, sums):
    figure, axes = plt.subplots()
    draw_block(axes, ["3×3", "ReLU"], shortcut, after=["ReLU"])
    words = [text.get_text() for text in axes.texts]
    assert words.count("3×3") == 1
    assert words.count("ReLU") == 2
    assert words.count("+") == sums
    plt.close(figure)


@pytest.mark.parametrize(
    ("value", "name"),
    [(None, "default"), ("", "default"), ("smoke", "smoke"), (" FULL ", "full")],
)
def test_the_scale_is_what_the_reader_asked_for(monkeypatch, value, name):
    monkeypatch.delenv("CONVBOOK_SCALE", raising=False)
    if value is not None:
        monkeypatch.setenv("CONVBOOK_SCALE", value)
    assert scale() == name
    assert by_scale("smoke", "default", "full") == name


def test_an_unknown_scale_is_refused_with_the_ones_there_are(monkeypatch):
    monkeypatch.setenv("CONVBOOK_SCALE", "huge")
    with pytest.raises(ValueError, match="'huge'; set it to one of smoke, default, full"):
        scale()


def test_a_chapter_says_what_it_runs_on(monkeypatch):
    monkeypatch.setenv("CONVBOOK_SCALE", "smoke")
    assert "Scale: smoke" in report()
    assert "Keras 3" in report()
