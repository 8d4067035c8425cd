"""Chapter 12 runs top to bottom, and its numbers are those the syllabus owes the reader."""

import functools

import nbformat
import numpy as np
import pytest
from chapter_run import CHAPTERS, Run, of, run_chapter
from second_map import another_map, overlaps

NAME = "12_faster_rcnn"


@functools.cache
def smoke() -> Run:
    return run_chapter(NAME)


def check_what_holds_at_every_scale(run: Run) -> None:
    check_the_anchors(run)
    check_the_proposals(run)
    check_the_nets(run)
    for cell in (
        *("scenes", "net-drawn", "anchors", "fit", "match", "recall", "propose-drawn"),
        *("losses", "curve", "answers", "three-drawn"),
    ):
        assert run.figures[cell] == 1, cell


def check_the_anchors(run: Run) -> None:
    net, by_hand, library = of(run, "net", "by_hand", "theirs")
    assert len(net.anchors) == 16 * 16 * 9
    np.testing.assert_allclose(library, by_hand, atol=1e-4)
    sides = np.array(by_hand)[:, 2:] - np.array(by_hand)[:, :2]
    recipe = run.names["SMALL"]
    np.testing.assert_allclose(np.sqrt(sides.prod(1)), np.repeat(recipe.scales, 3))
    np.testing.assert_allclose(sides[:, 0] / sides[:, 1], np.tile(recipe.ratios, 3))
    best, scenes = of(run, "best", "scenes")
    theirs = [best_by_pycocotools(s["boxes"][~s["crowd"]], net.anchors) for s in scenes]
    np.testing.assert_allclose(best, np.concatenate(theirs), atol=1e-5)
    assert run.names["missed"] > 0.1  # what the second rule is for
    labels, truth = of(run, "labels", "truth")
    for name in ("first rule alone", "both rules"):
        kinds, matched = labels[name]
        overlap = overlaps(net.anchors, truth[0])
        high = overlap.max(1) >= recipe.positive
        nearest = (overlap >= overlap.max(0) - 1e-5).any(1)
        np.testing.assert_array_equal(kinds == 1, high | nearest if "both" in name else high)
        served = set(matched[kinds == 1])
        assert ("both" in name) <= (len(served) == truth.shape[1])


def best_by_pycocotools(boxes, anchors):
    return overlaps(boxes, anchors).max(1) if len(boxes) else np.zeros(0)


def check_the_proposals(run: Run) -> None:
    assert run.names["same"] == 0
    check_the_steps(run)
    assert run.names["apart"] < 1e-3
    recalls, numbers, offered, scenes, few = of(
        run, "recalls", "numbers", "offered", "scenes", "FEW"
    )
    assert set(offered) == {"selective search", "untrained", "trained here", "trained long"}
    for (name, share), values in recalls.items():
        assert (np.diff(values) >= 0).all()
        count, objects = 0, 0
        for scene, boxes in zip(scenes[:few], offered[name], strict=True):
            truth = scene["boxes"][~scene["crowd"]]
            objects += len(truth)
            if len(truth):
                count += (overlaps(truth, boxes[: numbers[-1]]).max(1) >= share).sum()
        assert values[-1] == pytest.approx(count / objects), name
    # At equal numbers: the first ten of the trained net find far more than ten of the search.
    ten = numbers.tolist().index(10)
    assert recalls["trained long", 0.5][ten] > recalls["selective search", 0.5][ten] + 0.2


def check_the_steps(run: Run) -> None:
    """The drawn steps, by other code: the best, cut off, then greedy suppression."""
    scores, top, moved, boxes, survivors, recipe = of(
        run, "scores", "top", "moved_to", "cut", "survivors", "SMALL"
    )
    assert len(top) == recipe.before
    assert scores[top].min() >= np.delete(scores, top).max()
    np.testing.assert_allclose(boxes, moved.clip(0, 128), atol=1e-4)
    left, alone = list(range(len(boxes))), []
    while left:
        alone.append(left[0])
        near = overlaps(boxes[left], boxes[left[:1]])[:, 0]
        left = [i for i, share in zip(left, near, strict=True) if share <= recipe.suppression]
    assert survivors.tolist() == alone


def check_the_nets(run: Run) -> None:
    paper = run.names["paper"]
    assert run.names["last"] == 27_648
    assert sum(np.prod(w.shape) for w in paper.trainable_weights) == 137_078_239
    assert run.names["hand"] == run.names["net"].rpn.count_params()
    assert len(run.names["rows"]) >= 2
    results = run.names["results"]
    assert set(results) == {"untrained", "trained here", "trained long", "trained on"}
    assert results["untrained"][0].map50 < 0.01
    assert results["trained long"][0].map50 > 0.5
    table = run.names["table"]
    assert list(table) == ["R-CNN", "Fast R-CNN", "Faster R-CNN"]
    assert table["Faster R-CNN"][0] == 0 < table["Fast R-CNN"][0]
    assert all(seconds > 0 for _, seconds, _ in table.values())


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
    scenes, results, table = of(run, "scenes", "results", "table")
    assert len(scenes) == 200
    found = results["trained long"][1]
    final = results["trained long"][0].map50
    assert final >= 0.7
    assert another_map(scenes, found) == pytest.approx(final, abs=0.015)
    assert results["trained here"][0].map50 > 10 * max(results["untrained"][0].map50, 0.001)
    check_the_claims(run, table)


def check_the_claims(run: Run, table) -> None:
    times = {name: search + net for name, (search, net, _) in table.items()}
    assert times["Faster R-CNN"] < times["Fast R-CNN"] < times["R-CNN"]
    recalls = run.names["recalls"]
    for share in (0.5, 0.7):
        assert (recalls["trained long", share] > recalls["selective search", share]).all()
        assert (recalls["trained here", share][6:] > recalls["untrained", share][6:]).all()
    assert recalls["trained here", 0.5][-1] > recalls["selective search", 0.5][-1]
    assert recalls["trained here", 0.7][-1] < recalls["selective search", 0.7][-1]
    first, last = of(run, "first", "last_steps")
    assert last["box_offsets"] > first["box_offsets"]
    assert last["objectness"] < first["objectness"] / 2
    assert last["class"] < first["class"]


def test_the_sources_of_its_numbers_are_named() -> None:
    book = nbformat.read(CHAPTERS / f"{NAME}.ipynb", as_version=4)
    prose = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    for source in ("1506.01497", "1504.08083", "1703.06870", "1409.1556", "1405.0312"):
        assert source in prose
