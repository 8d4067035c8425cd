"""Chapter 14 runs top to bottom, and its numbers are those the syllabus owes the reader."""

import functools
import json
from pathlib import Path

import cv2
import nbformat
import numpy as np
import pytest
from chapter_run import CHAPTERS, Run, of, run_chapter
from pycocotools import mask as coco_masks
from scipy import ndimage

NAME = "14_mask_rcnn"


@functools.cache
def smoke() -> Run:
    return run_chapter(NAME)


def check_what_holds_at_every_scale(run: Run) -> None:
    check_what_instances_tell(run)
    check_the_reading(run)
    check_the_moving_shape(run)
    check_the_masks(run)
    check_the_nets(run)
    for cell, figures in {
        **dict.fromkeys(("scenes", "two", "sampling", "target", "curve", "drawn", "heights"), 1),
        **{"shift-drawn": 2, "vary-seen": 1},
    }.items():
        assert run.figures[cell] == figures, cell


def check_what_instances_tell(run: Run) -> None:
    whole, counts, same = of(run, "whole", "counts", "same")
    assert same
    by_opencv = [
        sum(
            cv2.connectedComponents((scene["semantic"] == number).astype(np.uint8))[0] - 1
            for number in range(1, 11)
        )
        for scene in whole
    ]
    np.testing.assert_array_equal(counts["regions of the true semantic map"], by_opencv)


def check_the_reading(run: Run) -> None:
    boxes, overlap, rounded = of(run, "boxes", "overlap", "rounded")
    for stride, values in overlap.items():
        np.testing.assert_allclose(values, paired(boxes, rounded(boxes, stride)), atol=1e-5)
    means = [overlap[stride].mean() for stride in (2, 4, 8, 16)]
    assert (np.diff(means) < 0).all()
    features, y, x = of(run, "features", "y", "x")
    theirs = ndimage.map_coordinates(features.astype(float), [[y - 0.5], [x - 0.5]], order=1)[0]
    assert run.names["by_hand"] == pytest.approx(theirs, abs=1e-5)
    assert run.names["library"] == pytest.approx(theirs, abs=1e-5)
    check_the_border(run)


def paired(boxes, others):
    """IoU of boxes with their partners by pycocotools, whose boxes are x, y, width, height."""
    turned = [
        np.concatenate([each[:, 1::-1], each[:, :1:-1] - each[:, 1::-1]], 1).astype(float)
        for each in (boxes, others)
    ]
    pairs = zip(*turned, strict=True)
    return [coco_masks.iou(one[None], other[None], [0])[0, 0] for one, other in pairs]


def check_the_border(run: Run) -> None:
    """The rule that the page calls torchvision's gives what torchvision gave."""
    path = Path(__file__).with_name("torchvision_regions.json")
    stored = json.loads(path.read_text())["outside"]
    i = np.arange(6 * 8 * 2)
    features = ((i * 7919 % 101) / 50 - 1).reshape(6, 8, 2)
    rule, row = of(run, "torchvision_rule", "row")
    for roi, wanted in zip(stored["rois"], stored["sizes"]["2"], strict=True):
        read = features
        for axis in (0, 1):
            steps = (np.arange(4) + 0.5) / 4
            places = roi[axis] + steps * (roi[axis + 2] - roi[axis])

            def along(line, places=places):
                run.names["row"] = line
                return np.array([rule(place) for place in places])

            read = np.apply_along_axis(along, axis, read)
        mean = read.reshape(2, 2, 2, 2, 2).mean((1, 3))
        np.testing.assert_allclose(mean, wanted, atol=1e-5)
    run.names["row"] = row
    borders = run.names["borders"]
    assert any(ours != theirs for _, ours, theirs in borders)
    assert all(ours == pytest.approx(theirs) for place, ours, theirs in borders if place >= -0.5)


def check_the_moving_shape(run: Run) -> None:
    off, fits, widths, one = of(run, "off", "fits", "widths", "one")
    for stride in (2, 4, 8, 16):
        pooled, bent, aligned = (
            np.abs(off[name, stride]).mean()
            for name in ("RoI pooling", "rounded, bilinear", "RoIAlign")
        )
        assert aligned < min(pooled, bent) / 2
        assert fits["RoIAlign", stride].mean() > fits["RoI pooling", stride].mean()
        assert fits["RoIAlign", stride].mean() > fits["rounded, bilinear", stride].mean()
    for name in run.names["READERS"]:
        assert (np.diff([np.abs(off[name, s]).mean() for s in (2, 4, 8, 16)]) > 0).all(), name
        drawn = off[name, 8][one]
        np.testing.assert_allclose(drawn[8:], drawn[:-8], atol=1e-4)  # a period of the stride
    assert run.names["jump"] > 2 * np.abs(np.diff(off["RoIAlign", 8][one])).max()
    # The place of one, by SciPy: bilinear samples of the covered shares.
    number = int(np.flatnonzero(widths == 27)[5])
    ellipse, box = run.names["ellipses"][number], run.names["own"][number]
    cells = ellipse.reshape(16, 8, 16, 8).mean((1, 3))
    steps = (np.arange(28) + 0.5) / 28
    points = [box[i] / 8 + steps * (box[i + 2] - box[i]) / 8 - 0.5 for i in (0, 1)]
    samples = ndimage.map_coordinates(cells, np.meshgrid(*points, indexing="ij"), order=1)
    bins = samples.reshape(14, 2, 14, 2).mean((1, 3)).sum(0)
    place = (bins * (np.arange(14) + 0.5)).sum() / bins.sum() / 14
    assert off["RoIAlign", 8][number] == pytest.approx((place - 0.5) * 27, abs=1e-3)


def check_the_masks(run: Run) -> None:
    means = [values.mean() for values in run.names["losses_of"].values()]
    assert list(run.names["losses_of"]) == ["whole box", "7x7", "14x14", "28x28"]
    assert (np.diff(means) > 0).all()
    assert means[0] < 0.6
    assert means[-1] > 0.98
    moved, scene = run.names["moved"], run.names["scene"]
    np.testing.assert_array_equal(np.flatnonzero(moved), np.unique(scene["classes"]))


def check_the_nets(run: Run) -> None:
    paper, counted = of(run, "paper", "counted")
    assert sum(counted.values()) == 44_401_393 - 257  # torchvision's, less a mask of the ground
    assert sum(np.prod(w.shape) for w in paper.trainable_weights) == sum(counted.values())
    results = run.names["results"]
    assert set(results) == {
        *("box, filled", "untrained mask head", "trained here", "trained long", "trained on"),
    }
    boxes = [results[name][0].map50 for name in results]
    np.testing.assert_allclose(boxes, boxes[0])  # nothing that finds boxes was trained
    assert results["trained long"][1].map50 > 0.5
    assert results["trained long"][1].map50 > results["box, filled"][1].map50 + 0.2
    assert results["trained long"][1].map50 > results["untrained mask head"][1].map50 + 0.2
    kept = run.names["kept"]
    assert kept["mask mAP@0.5"][-1] > 0.7


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
    scenes, results, answers, right = of(run, "scenes", "results", "answers", "right")
    assert len(scenes) == 200
    boxes, masks = results["trained long"]
    assert boxes.map50 >= 0.7
    assert masks.map50 >= 0.7
    found = answers["trained long"]
    assert another_mask_map(scenes, found) == pytest.approx(masks.map50, abs=0.015)
    here = results["trained here"][1].map50
    assert results["untrained mask head"][1].map50 + 0.2 < here < masks.map50
    assert results["box, filled"][1].map50 < here
    assert right["Mask R-CNN's detections"] > right["regions of their semantic map"]
    assert right["regions of the true semantic map"] < 0.8
    assert len(run.names["merged"]) > 5
    gains = run.names["gains"]
    for share in (0.5, 0.75):
        pooled, moved = gains["RoI pooling", share], gains["without the half", share]
        assert pooled.verdict == "better"
        assert pooled.gap < moved.gap < 0  # losses: RoIAlign's are lower
    for low, high in run.names["by_height"].values():
        assert high > low


def another_mask_map(scenes, found) -> float:
    """Mask AP at 0.5 by other code: the area under the envelope, class by class."""
    areas = []
    for label in range(10):
        rows, positives = [], 0
        for i, scene in enumerate(scenes):
            own = scene["classes"] == label
            truth = scene["masks"][own & ~scene["crowd"]]
            crowd = scene["masks"][own & scene["crowd"]].any(0)
            positives += len(truth)
            free = np.ones(len(truth), bool)
            for j in np.flatnonzero(found["classes"][i] == label):  # best first
                mask = found["masks"][i][j]
                shared, union = (mask & truth).sum((1, 2)), (mask | truth).sum((1, 2))
                fits = np.where(free, shared / np.maximum(union, 1), -1)
                if fits.size and fits.max() >= 0.5:
                    free[fits.argmax()] = False
                    rows.append((found["scores"][i][j], True))
                elif (mask & crowd).sum() < 0.5 * max(mask.sum(), 1):
                    rows.append((found["scores"][i][j], False))
        right = np.array([hit for _, hit in sorted(rows, key=lambda row: -row[0])])
        recall = np.cumsum(right) / positives
        precision = np.cumsum(right) / np.arange(1, len(right) + 1)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        areas.append((np.diff(recall, prepend=0.0) * envelope).sum())
    return float(np.mean(areas))


def test_the_sources_of_its_numbers_are_named() -> None:
    book = nbformat.read(CHAPTERS / f"{NAME}.ipynb", as_version=4)
    prose = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    for source in ("1703.06870", "1612.03144", "1506.01497", "1504.08083", "1512.03385"):
        assert source in prose
