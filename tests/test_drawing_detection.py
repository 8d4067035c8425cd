"""Pictures of boxes: what is drawn, where, and in which look."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from convbook.data import digit_scenes
from convbook.drawing import detection as drawing
from convbook.drawing import stage
from convbook.drawing.detection import LOOKS


@pytest.fixture
def axes():
    yield plt.subplots()[1]
    plt.close("all")


def looks(axes):
    """For each box that is drawn, the name of its look."""
    names = {
        (style["edgecolor"].lower(), style.get("linestyle", "-") == "-"): name
        for name, style in LOOKS.items()
    }
    return [
        names[to_hex(p.get_edgecolor()), p.get_linestyle() in ("-", "solid")] for p in axes.patches
    ]


SCENE = {
    "image": np.zeros((40, 60, 3)),
    "boxes": np.array([[2, 4, 12, 20], [20, 30, 30, 50.0]]),
    "classes": np.array([3, 7]),
}


def test_a_box_lies_where_its_pixels_are(axes):
    drawing.draw_picture(axes, SCENE["image"])
    drawing.draw_boxes(axes, [[2, 4, 12, 20], [0, 0, 0, 0]])
    (patch,) = axes.patches
    assert patch.get_bbox().extents.tolist() == [4, 2, 20, 12]
    assert tuple(axes.images[0].get_extent()) == (0, 60, 40, 0)
    with pytest.raises(ValueError, match="There is no look"):
        drawing.draw_boxes(axes, [[2, 4, 12, 20]], "mine")


def test_right_and_wrong_detections_look_different(axes):
    found = {
        "boxes": [[3, 4, 12, 20], [2, 4, 12, 19], [20, 30, 30, 50], [0, 0, 9, 9], [0, 0, 0, 0]],
        "scores": [0.9, 0.8, 0.7, 0.1, 0.0],
        "classes": [3, 3, 2, 3, -1],
    }
    drawing.draw_detections(axes, SCENE, found)
    kinds = looks(axes)
    assert kinds.count("truth") == 2
    assert kinds.count("detection") == 1
    assert kinds.count("wrong") == 2, "one for the second time, one of another class"
    words = sorted(text.get_text() for text in axes.texts)
    assert words == ["2 0.70", "3 0.80", "3 0.90"]


def test_looks_differ_without_colour():
    styles = [(str(s.get("linestyle", "-")), s["linewidth"]) for s in LOOKS.values()]
    assert len(set(styles)) == len(styles)


def test_scenes_stand_in_rows_one_for_each_detector():
    scenes = digit_scenes(3, "test", 48, seed=1)
    nothing = {"boxes": np.zeros((1, 4)), "scores": [0.0], "classes": [-1]}
    figure = drawing.draw_scenes(scenes, {"one": [nothing] * 3, "two": [nothing] * 3})
    assert len(figure.axes) == 6
    assert [axes.get_title(loc="left") for axes in figure.axes[::3]] == ["one", "two"]
    assert len(drawing.draw_scenes(scenes, columns=2).axes) == 4
    plt.close("all")


def test_the_key_calls_boxes_what_the_page_calls_them():
    figure = plt.figure()
    drawing.draw_key(figure, "truth", "anchor", anchor="default box")
    assert [text.get_text() for text in figure.legends[0].texts] == ["truth", "default box"]
    plt.close("all")


def test_small_pictures_name_classes_only():
    found = {"boxes": [[3, 4, 12, 20]], "scores": [0.9], "classes": [3]}
    for count, words in ((2, "3 0.90"), (3, "3")):
        figure = drawing.draw_scenes([SCENE] * count, [found] * count)
        assert [axes.texts[0].get_text() for axes in figure.axes] == [words] * count
    plt.close("all")


def test_a_match_is_a_line_from_box_to_object(axes):
    boxes = np.array([[0, 0, 10, 10], [20, 28, 30, 50], [5, 5, 9, 9]])
    drawing.draw_matches(axes, SCENE["image"], boxes, [0, 1, -1], [0, 1, 0], SCENE["boxes"])
    assert sorted(looks(axes)) == ["anchor", "ignored", "truth", "truth"]
    line = axes.lines[0].get_xydata()
    np.testing.assert_allclose(line, [[39, 25], [40, 25]])


def test_pooled_maxima_are_those_of_the_bins():
    figure, panels = plt.subplots(1, 2)
    values = np.arange(16).reshape(4, 4)
    drawing.draw_pooling(panels, values, (0, 0, 4, 4), [(0, 2), (2, 4)], [(0, 3), (3, 4)])
    assert [text.get_text() for text in panels[1].texts] == ["6", "7", "14", "15"]
    assert len(panels[0].patches) == 1 + 4
    plt.close(figure)


def test_the_area_of_a_curve_is_written_over_it(axes):
    drawing.draw_precision_recall(axes, [0.5, 0.5, 1], [1, 0.5, 2 / 3], "all points", "mine")
    assert axes.get_title() == f"mine, area {0.5 + 0.5 * 2 / 3:.3f}"


def test_the_sliders_choose_among_the_detections(monkeypatch):
    monkeypatch.setattr(stage, "in_notebook", lambda: True)
    asked = []

    def answer(overlap, least):
        asked.append((overlap, least))
        return {"boxes": np.array([[0, 0, 9, 9.0]]), "scores": [0.9], "classes": [0]}

    said, sliders, _ = drawing.threshold_widget(SCENE, answer).children
    overlap, least = sliders.children
    overlap.value, least.value = 0.5, 0.25
    assert asked == [(0.3, 0.5), (0.5, 0.5), (0.5, 0.25)]
    assert "Try:" in said.value


def test_names_of_recall_curves_that_end_together_stay_apart():
    ends = {"best": 0.98, "as good": 0.97, "nearly": 0.95, "far below": 0.3}
    axes = drawing.draw_recall({name: ([1, 10], [0.1, end]) for name, end in ends.items()})
    texts: list[Any] = list(axes.texts)
    heights = {text.get_text(): text.xy[1] for text in texts}
    assert min(np.diff(sorted(heights.values()))) >= 0.08 - 1e-9
    assert heights["far below"] == 0.3
    plt.close("all")
