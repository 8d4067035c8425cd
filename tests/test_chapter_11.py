"""Chapter 11 runs top to bottom, and its numbers are those the syllabus owes the reader."""

import functools

import keras
import nbformat
import numpy as np
import pytest
from chapter_run import CHAPTERS, Run, of, run_chapter
from pycocotools import mask as coco_masks

from convbook.data import digit_scenes
from convbook.detection.evaluation import average_precision, evaluate, precision_recall, rank

NAME = "11_rcnn"
NETS = ("R-CNN", "R-CNN, not refined", "Fast R-CNN", "Fast R-CNN, trained on")
FIGURES = (
    "scenes",
    "what",
    "moved-drawn",
    "iou",
    "nms",
    "ap-drawn",
    "search",
    "recall",
    "warped",
    "pooling",
    "nets-drawn",
    "answers",
    "curve",
)


@functools.cache
def smoke() -> Run:
    return run_chapter(NAME)


def check_what_holds_at_every_scale(run: Run) -> None:
    for cell in FIGURES:
        assert run.figures[cell] == 1, cell
    check_boxes(run)
    check_average_precision(run)
    check_proposals(run)
    check_pooling(run)
    check_results(run)


def check_boxes(run: Run) -> None:
    assert run.names["iou_by_hand"] == 36 / (80 + 96 - 36)
    assert run.names["iou_theirs"] == pytest.approx(run.names["iou_by_hand"])
    assert run.names["iou_ours"] == pytest.approx(run.names["iou_by_hand"])
    assert run.names["kept"] == np.ravel(run.names["by_opencv"]).tolist()
    by_hand, ours, keras_own = of(run, "by_hand_offsets", "ours_offsets", "keras_offsets")
    np.testing.assert_allclose(ours, by_hand, atol=1e-6)
    np.testing.assert_allclose(keras_own, by_hand, atol=1e-6)
    np.testing.assert_allclose(run.names["back"], run.names["target"], atol=1e-4)
    # Equivariance: whole strides move the maps along, half a stride does not.
    moved = run.names["moved"]
    for move in ((4, 4), (8, 24)):
        assert max(moved[move][::2]) < 1e-4, "maps around the digit, and what the head says of it"
    assert min(moved[0, 2][0], moved[1, 1][0]) > 0.01


def check_average_precision(run: Run) -> None:
    # Precision at the recalls that are reached, by hand: 1/1, 2/2, 3/4 and 4/7 of five objects.
    steps = np.array([1, 1, 3 / 4, 4 / 7, 0])
    areas = run.names["areas"]
    assert areas["all points"] == pytest.approx(steps.mean())
    for rule, points in (("11 points", 10), ("COCO", 100)):
        asked = [steps[min(max(-(-5 * n // points) - 1, 0), 4)] for n in range(points + 1)]
        assert areas[rule] == pytest.approx(np.mean(asked))
    assert run.names["official"] == pytest.approx(areas["COCO"])
    assert run.names["rules"] == {"VOC": [True, False], "COCO": [True, True]}
    numbered = run.names["numbered"]
    assert numbered[1] == pytest.approx(1)
    assert 0.2 < numbered[0] < 0.3, "numbers from 0: half of the perfect boxes are not found"
    assert "IndexError" in run.names["nothing"]


def check_proposals(run: Run) -> None:
    assert run.names["orders"] == {"OpenCV": False, "OpenCV, sorted": True, "convbook": True}
    scenes, searched, ceiling = of(run, "scenes", "searched", "ceiling")
    covered = []
    for scene, boxes in zip(scenes, searched, strict=True):
        sides = [
            np.stack([b[:, 1], b[:, 0], b[:, 3] - b[:, 1], b[:, 2] - b[:, 0]], 1).astype(float)
            for b in (boxes[boxes[:, 2] > 0], scene["boxes"][~scene["crowd"]])
        ]
        if len(sides[1]):
            covered += coco_masks.iou(*sides, [0] * len(sides[1])).max(0).tolist()
    for share, value in ceiling.items():
        assert value == pytest.approx(np.mean(np.array(covered) >= share))
    assert ceiling[0.5] > ceiling[0.7] > ceiling[0.9]
    for _, (_, values) in run.names["curves"].items():
        assert (np.diff(values) >= 0).all()


def check_pooling(run: Run) -> None:
    features, pooled = of(run, "features", "pooled")
    for rule, (by_eye, ours) in pooled.items():
        np.testing.assert_array_equal(by_eye, ours, rule)
    assert not np.array_equal(pooled["overlapping"][1], pooled["disjoint"][1])
    # Keras's adaptive pooling has the overlapping bins.
    top, left, bottom, right = run.names["roi"]
    region = features[None, top:bottom, left:right, None].astype("float32")
    theirs = keras.layers.AdaptiveMaxPooling2D(2, data_format="channels_last")(region)
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(theirs)[0, ..., 0], pooled["overlapping"][1]
    )


def check_results(run: Run) -> None:
    results, scenes = of(run, "results", "scenes")
    assert tuple(results) == NETS
    for name, (result, found) in results.items():
        assert 0 <= result.map <= result.map50 <= 1, name
        again = evaluate(scenes, found, thresholds=(0.5,)).map50
        assert again == pytest.approx(result.map50, abs=1e-9)
    assert set(run.names["seconds"]) == {"selective search", "R-CNN", "Fast R-CNN"}
    counts = run.names["parameters"]
    assert counts["Fast R-CNN on VGG-16"] == 134_690_729
    assert run.names["published"].backbone.output_shape == (None, 37, 50, 512)
    assert np.isfinite([*run.names["history"], *run.names["steps"]]).all()
    assert run.names["fast"].backbone.trainable


@pytest.mark.notebook
@pytest.mark.timeout(300)
def test_the_chapter_runs_and_holds_the_syllabus_numbers() -> None:
    check_what_holds_at_every_scale(smoke())


@pytest.mark.slow
@pytest.mark.notebook
@pytest.mark.timeout(1800)
def test_the_default_run_shows_what_the_chapter_claims() -> None:
    run = run_chapter(NAME, "default")
    check_what_holds_at_every_scale(run)
    assert len(run.names["scenes"]) >= 200
    maps = {name: result.map50 for name, (result, _) in run.names["results"].items()}
    assert maps["R-CNN"] >= 0.5
    assert maps["Fast R-CNN"] >= 0.6
    assert maps["Fast R-CNN, trained on"] >= 0.6
    assert max(run.names["untrained"].values()) < 0.05
    whole = {name: result.map for name, (result, _) in run.names["results"].items()}
    assert whole["R-CNN"] > whole["R-CNN, not refined"]
    check_by_another_rule(run)
    recalls = [values[-1] for _, values in run.names["curves"].values()]
    assert recalls[1] > recalls[0] + 0.05, "a larger picture, more digits covered"
    steps = run.names["steps"]
    assert np.mean(steps[-5:]) < np.mean(steps[:5]) / 2, "the head learns"
    seconds = run.names["seconds"]
    assert seconds["Fast R-CNN"] < seconds["R-CNN"] / 2
    assert seconds["selective search"] > seconds["Fast R-CNN"]
    assert len(run.names["kept"]) < len(run.names["boxes"])


def check_by_another_rule(run: Run) -> None:
    """The scenes are those of the committed seed, and the mAP is that of this book's own rule."""
    np.testing.assert_array_equal(
        run.names["scenes"][7]["image"], digit_scenes(8, "test", seed=11)[7]["image"]
    )
    result, found = run.names["results"]["Fast R-CNN"]
    rankings = [rank(run.names["scenes"], found, label) for label in range(10)]
    by_hand = np.mean([average_precision(*precision_recall(ranking)) for ranking in rankings])
    assert by_hand == pytest.approx(result.map50, abs=1e-9)


def test_the_sources_of_its_numbers_are_named() -> None:
    book = nbformat.read(CHAPTERS / f"{NAME}.ipynb", as_version=4)
    prose = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    for source in ("1311.2524", "1504.08083", "1405.0312", "1409.1556", "Uijlings"):
        assert source in prose
