"""The drawing of a detector says what its parts are and what each gives."""

from itertools import combinations
from types import SimpleNamespace as Having
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import same_color
from matplotlib.text import Annotation

from convbook.drawing.detectors import Part, draw_detector, draw_parts
from convbook.drawing.style import COLOURS, use_style


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def head(side):
    return Having(input_shape=(None, side, side, 96), output_shape=[(None, 11), (None, 44)])


def maps(picture, side):
    return Having(input_shape=(None, picture, picture, 3), output_shape=(None, side, side, 96))


NETS: dict[str, Any] = {
    "R-CNN": Having(side=32, backbone=maps(32, 4), head=head(4)),
    "Fast R-CNN": Having(stride=4, backbone=maps(128, 32), head=head(6)),
    "Faster R-CNN": Having(
        backbone=maps(128, 16),
        head=head(5),
        rpn=None,
        anchors=np.zeros((2304, 4)),
        recipe=Having(pooling="align"),
    ),
}


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("R-CNN", ("60 × 32×32×3", "60 × 4×4×96", "60 boxes")),
        ("Fast R-CNN", ("128×128×3", "32×32×96", "60 × 6×6×96", "60 boxes")),
        ("Faster R-CNN", ("16×16×96", "2,304 × (1 + 4)", "60 × 5×5×96", "60 boxes")),
    ],
)
def test_each_part_says_what_it_gives(name, shapes):
    axes = draw_detector(NETS[name], 60)
    words = {text.get_text().replace("\n", " ") for text in axes.texts}
    assert {*shapes, "60 × (11 + 44)"} <= words


@pytest.mark.parametrize("name", NETS)
def test_no_words_run_into_others(name):
    with plt.rc_context():
        use_style()
        axes = draw_detector(NETS[name], 256)
        figure: Any = axes.figure
        figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in axes.texts]
        frame = figure.bbox
        assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
        assert all(box.y1 <= frame.y1 and box.y0 >= 0 for box in boxes)


@pytest.mark.parametrize(("name", "filled"), [("R-CNN", 2), ("Fast R-CNN", 2), ("Faster R-CNN", 3)])
def test_what_has_weights_is_filled(name, filled):
    axes = draw_detector(NETS[name], 60)
    blue = [same_color(patch.get_facecolor(), COLOURS["blue"]) for patch in axes.patches[-7:]]
    assert sum(blue) == filled


def test_where_the_boxes_come_from_differs():
    with_search, without = (
        {text.get_text() for text in draw_detector(NETS[name], 60).texts}
        for name in ("Fast R-CNN", "Faster R-CNN")
    )
    assert "selective\nsearch" in with_search - without
    assert "region\nproposals" in without - with_search


def test_an_arrow_begins_and_ends_at_the_edges_of_boxes():
    axes = draw_parts({(0, 0): Part("a"), (1, 1): Part("b")}, [[(0, 0), (0, 1), (1, 1)]])
    way = np.array(axes.lines[0].get_xydata())
    assert way[0].tolist() == pytest.approx([0, -0.72 / 2 - 0.04])
    assert (way[:, 0] == 0).all()
    (arrow,) = (text for text in axes.texts if isinstance(text, Annotation))
    assert arrow.xy == pytest.approx((2.0 - 1.5 / 2 - 0.04, -1.5))
