"""Figures stay readable in grey, and the size of a run is what the reader asked for."""

import os
import re
import subprocess
import sys
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

from book.execution import CHAPTERS, ROOT
from convbook import device
from convbook.device import report
from convbook.drawing import (
    COLOURS,
    WIDTH,
    draw_block,
    draw_curves,
    label_line,
    show_table,
    use_style,
)
from convbook.drawing.charts import draw_challenge
from convbook.drawing.residual import Stage, draw_lesions, draw_net
from convbook.drawing.style import legible
from convbook.drawing.tables import _Table
from convbook.published import CHALLENGE_WINNERS, SECOND_IN_2012, TRAINED_HUMAN
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


def test_labels_stay_apart_where_the_axis_has_not_been_drawn_yet_and_one_has_two_lines():
    curves = {"above": [61, 91.5], "below,\nin two lines": [85, 90.5]}
    axes = draw_curves(curves, xlabel="epoch", ylabel="digits read (%)")
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    above, below = (label.get_window_extent() for label in axes.texts)
    assert below.y1 <= above.y0 + 1, "one label is written over the other"
    plt.close("all")


def test_several_runs_are_a_mean_and_a_band():
    axes = draw_curves({"runs": [[1.0, 2.0], [3.0, 6.0]]}, xlabel="epoch", ylabel="loss (nats)")
    (line,) = axes.get_lines()
    assert np.asarray(line.get_ydata()).tolist() == [2, 4]
    (band,) = axes.collections
    heights = np.asarray(band.get_paths()[0].vertices)[:, 1]
    assert (heights.min(), heights.max()) == (1, 6)
    plt.close("all")


def test_a_net_is_drawn_with_a_bar_a_layer_and_a_plus_a_shortcut():
    rows = [Stage("first\n8×8", 0, 1), Stage("stage", 3, 2, "identity", "projection")]
    axes = draw_net(rows)
    kinds = [type(patch).__name__ for patch in axes.patches]
    assert kinds.count("FancyBboxPatch") == 1 + 3 * 2
    assert kinds.count("Circle") == 3
    plain = draw_net([Stage("first", 0, 1), Stage("stage", 3, 2)])
    assert "Circle" not in [type(patch).__name__ for patch in plain.patches]
    plt.close("all")


def test_lesions_are_drawn_with_all_their_seeds():
    without = np.array([[20.0, 60.0, 80.0], [40.0, 70.0, 90.0]])
    axes = draw_lesions({"net": (np.array([90.0, 92.0]), without)}, 10, "read (%)")
    lines = [np.asarray(line.get_ydata()).tolist() for line in axes.get_lines()]
    assert [30, 65, 85] in lines
    heights = np.asarray(axes.collections[0].get_paths()[0].vertices)[:, 1]
    assert (heights.min(), heights.max()) == (20, 90)
    plt.close("all")


def test_a_label_shorter_than_the_line_across_the_bars_stands_beyond_it():
    with plt.rc_context():
        use_style()
        axes = draw_challenge(CHALLENGE_WINNERS, [SECOND_IN_2012], level=TRAINED_HUMAN)
    texts: list[Any] = list(axes.texts)
    for result in CHALLENGE_WINNERS:
        (label,) = [text for text in texts if text.get_text().startswith(result.name)]
        assert label.xy[0] >= max(result.top5, TRAINED_HUMAN.top5)
    plt.close("all")


def test_a_figure_of_the_book_fits_a_phone():
    with plt.rc_context():
        use_style()
        assert plt.rcParams["figure.figsize"][0] == WIDTH
        # 358 pixels of a phone's page for 96 pixels an inch: letters of 11 points keep 10 pixels.
        assert plt.rcParams["font.size"] * 96 / 72 * 358 / (WIDTH * 96) > 10


def test_no_figure_has_letters_too_small_for_a_phone():
    # In a figure of WIDTH 9.5 points are 8.5 pixels of a phone's page (python -m book.look).
    said = re.compile(r"fontsize\W{1,4}(\d+(?:\.\d+)?)")
    sources = [*(ROOT / "convbook").rglob("*.py"), *CHAPTERS.glob("*.ipynb")]
    small = [
        f"{source.name}: {found[0]}"
        for source in sources
        for found in said.finditer(source.read_text(encoding="utf-8"))
        if float(found[1]) < 9.5
    ]
    assert small == []


def test_figures_of_a_notebook_are_svg_and_the_same_each_time():
    program = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
import matplotlib.pyplot as plt
from convbook.drawing import use_style
use_style()
figure, axes = plt.subplots()
axes.text(0.1, 0.1, "word")
twice = [shell.display_formatter.format(figure)[0] for _ in range(2)]
assert "image/png" not in twice[0], list(twice[0])
assert twice[0]["image/svg+xml"].startswith("<?xml") or "<svg" in twice[0]["image/svg+xml"]
assert twice[0] == twice[1]
assert "<text" not in twice[0]["image/svg+xml"]
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_table_is_aligned_in_a_terminal_and_a_table_on_a_page(capsys):
    show_table(["net", "weights", "share"], [("a<b", 61706, "96 %"), ("longer", 5, "4 %")])
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["net     weights  share", "a<b      61,706   96 %", "longer        5    4 %"]
    assert "<th " not in _Table([""], [["a"]])._repr_html_(), "a heading without words"
    page = _Table(["net", "weights"], [["a<b", 61706]])._repr_html_()
    assert "a&lt;b" in page
    assert '<td style="text-align: right">61,706</td>' in page
    with pytest.raises(ValueError, match="has 1 values, the head 2"):
        show_table(["a", "b"], [[1]])


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
    monkeypatch.setattr(device, "accelerators", list)
    for cores, said in ((1, "CPU, 1 core ("), (2, "CPU, 2 cores (")):
        monkeypatch.setattr(device, "usable_cores", lambda cores=cores: cores)
        assert said in report()
