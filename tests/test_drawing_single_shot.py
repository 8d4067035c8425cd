"""What chapter 13 draws: cells where they lie, priors as boxes, names that stay apart."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from convbook.drawing.detection import draw_picture
from convbook.drawing.single_shot import draw_accuracy, draw_cells, draw_sizes


@pytest.fixture
def axes():
    yield plt.subplots()[1]
    plt.close("all")


def test_a_cell_covers_the_pixels_of_its_stride(axes):
    draw_picture(axes, np.zeros((32, 48, 3)))
    draw_cells(axes, 8, [[1, 3], [3, 0]])
    assert [p.get_bbox().extents.tolist() for p in axes.patches] == [
        [24, 8, 32, 16],
        [0, 24, 8, 32],
    ]
    rows, columns = axes.collections
    assert len(rows.get_segments()) == 5
    assert len(columns.get_segments()) == 7
    assert axes.get_xlim() == (0, 48)


def test_a_prior_is_as_wide_and_high_as_it_says(axes):
    draw_sizes(axes, [[10, 4], [20, 8]], [[15, 6]])
    (box,) = axes.patches
    assert box.get_bbox().extents.tolist() == [0, 0, 6, 15]
    dots, cross = (line.get_xydata().tolist() for line in axes.lines)
    assert dots == [[4, 10], [8, 20]]
    assert cross == [[6, 15]]


def test_names_of_detectors_that_are_alike_stand_on_two_sides_of_their_dots(axes):
    results = {"best": (20.0, 0.82), "near": (15.0, 0.8), "far": (200.0, 0.81)}
    draw_accuracy(axes, results)
    sides = {text.get_text(): text.xyann[0] > 0 for text in axes.texts}
    assert sides == {"best": True, "near": False, "far": True}
    low, high = axes.get_xlim()
    assert low < 15 < 200 < high
    assert axes.get_ylim() == (0.5, 1)
    draw_accuracy(axes, {"bad": (10.0, 0.1)})
    assert axes.get_ylim()[0] == 0
