"""What chapter 10 draws: names beside points that can all be read."""

import matplotlib.pyplot as plt

from convbook.drawing.unet import draw_named_points

POINTS = {"FCN-8s": (5.1, 0.624), "plain FCN": (5.3, 0.612), "DeepLab": (7.0, 0.63), "U": (21, 0.8)}


def test_names_of_points_that_lie_close_together_can_all_be_read():
    figure, axes = plt.subplots(figsize=(5.4, 3.2))
    axes.set(xscale="log", xlim=(3, 30), ylim=(0.5, 0.9))
    draw_named_points(POINTS, axes)
    renderer = figure.canvas.get_renderer()
    boxes = {label.get_text(): label.get_window_extent(renderer) for label in axes.texts}
    assert set(boxes) == set(POINTS)
    for name, box in boxes.items():
        assert not any(box.overlaps(other) for key, other in boxes.items() if key != name)
        spots = axes.transData.transform(list(POINTS.values()))
        assert not any(box.contains(*spot) for spot in spots)
    plt.close(figure)


def test_the_same_names_straight_above_their_points_would_overlap():
    figure, axes = plt.subplots(figsize=(5.4, 3.2))
    axes.set(xscale="log", xlim=(3, 30), ylim=(0.5, 0.9))
    labels = [
        axes.annotate(name, spot, (0, 7), textcoords="offset points", ha="center")
        for name, spot in POINTS.items()
    ]
    renderer = figure.canvas.get_renderer()
    boxes = [label.get_window_extent(renderer) for label in labels]
    assert any(one.overlaps(two) for i, one in enumerate(boxes) for two in boxes[:i])
    plt.close(figure)
