"""Chapter 13 runs top to bottom, and its numbers are those the syllabus owes the reader."""

import functools

import nbformat
import numpy as np
import pytest
from chapter_run import CHAPTERS, Run, of, run_chapter
from second_map import overlaps

NAME = "13_single_shot"
DETECTORS = ("R-CNN", "Fast R-CNN", "Faster R-CNN", "SSD", "YOLOv2")
FIGURES = (
    *("scenes", "boxes", "fit", "match", "hard", "answer", "grid", "priors"),
    *("curve", "answers", "rules", "every-drawn"),
)


@functools.cache
def smoke() -> Run:
    return run_chapter(NAME)


def check_what_holds_at_every_scale(run: Run) -> None:
    for cell in FIGURES:
        assert run.figures[cell] == 1, cell
    check_default_boxes(run)
    check_matching(run)
    check_mining(run)
    check_yolo(run)
    check_priors(run)
    check_results(run)
    check_rules(run)
    check_differences(run)
    check_published(run)


def check_default_boxes(run: Run) -> None:
    total, ssd, by_hand, theirs = of(run, "total", "ssd", "by_hand", "theirs")
    assert total == 8732
    assert "8,732" in run.printed["counts"]
    assert run.names["paper"].net.output["scores"].shape == (None, 8732, 21)
    assert len(ssd.defaults) == 4 * (32**2 + 16**2 + 8**2)
    np.testing.assert_allclose(theirs, by_hand, atol=1e-4)
    digits, best, which = of(run, "digits", "best", "which")
    values = overlaps(digits, ssd.defaults)
    np.testing.assert_allclose(best, values.max(1), atol=1e-5)
    firsts = np.array([0, 4096, 5120, 5376])
    inside = [values[i, firsts[n] : firsts[n + 1]].max() for i, n in enumerate(which)]
    np.testing.assert_allclose(inside, best, atol=1e-5)


def check_matching(run: Run) -> None:
    labels, truth, ssd = of(run, "labels", "truth", "ssd")
    values = overlaps(ssd.defaults, truth[0])
    high = values.max(1) >= 0.5
    kinds, matched = labels["IoU of 0.5 alone"]
    np.testing.assert_array_equal(kinds == 1, high)
    kinds, matched = labels["and each digit's best"]
    claimed = values.argmax(0)
    wanted = high.copy()
    wanted[claimed] = True
    np.testing.assert_array_equal(kinds == 1, wanted)
    assert len(np.unique(matched[kinds == 1])) == truth.shape[1], "each digit is served"
    assert set(np.unique(kinds)) == {0, 1}, "there is no band in between"


def check_mining(run: Run) -> None:
    entropy, positive, hardest, by_chance = of(run, "entropy", "positive", "hardest", "by_chance")
    ground = np.flatnonzero(~positive)
    wanted = ground[np.argsort(-entropy[ground], kind="stable")][: 3 * positive.sum()]
    assert sorted(hardest) == sorted(wanted)
    assert entropy[hardest].mean() > entropy[by_chance].mean()
    assert not positive[by_chance].any()
    assert len(by_chance) == len(hardest) == 3 * positive.sum()
    share = run.names["ground_share"]
    for everything, mined, kept in share.values():
        assert 0 < mined < everything < 1
        odds = [value / (1 - value) for value in (mined, everything)]
        assert kept == pytest.approx(odds[0] / odds[1], rel=1e-4)
    assert share["untrained"][0] > 0.98, "nearly all of the loss is the ground's"
    assert share["untrained"][2] < 0.1, "and mining throws nearly all of it away"
    assert share["trained"][2] > 0.5, "later it keeps most of what is left"
    assert run.names["apart"] < 1e-3


def check_yolo(run: Run) -> None:
    places, truth, yolo = of(run, "places", "truth", "yolo")
    centres = (truth[0, :, :2] + truth[0, :, 2:]) / 2
    sizes = truth[0, :, 2:] - truth[0, :, :2]
    flat = [np.concatenate([np.zeros_like(each), each], 1) for each in (sizes, yolo.priors)]
    kinds = overlaps(*flat).argmax(1)
    wanted = np.concatenate([centres // 8, kinds[:, None]], 1).astype(int)
    assert sorted(map(tuple, places)) == sorted(map(tuple, wanted))
    assert run.names["there"].size == 16 * 16 * 5
    box, score = run.names["off"]
    assert box < 1e-3
    assert score < 1e-6


def check_priors(run: Run) -> None:
    sizes, clusters, fits = of(run, "sizes", "clusters", "fits")
    assert fits[1] == pytest.approx(run.names["mean"])
    np.testing.assert_allclose(clusters[1][0], sizes.mean(0))
    known = np.concatenate([np.zeros_like(sizes), sizes], 1)
    for number, centres in clusters.items():
        values = overlaps(known, np.concatenate([np.zeros_like(centres), centres], 1))
        assert fits[number] == pytest.approx(values.max(1).mean())
        means = [sizes[values.argmax(1) == k].mean(0) for k in range(number)]
        np.testing.assert_allclose(means, centres, err_msg=f"{number} centres are not at rest")
    np.testing.assert_allclose(run.names["priors"], run.names["yolo"].priors, atol=0.06)
    table = run.names["table_of_shapes"]
    by_iou, by_plane = table["5 by 1 - IoU"], table["5 by the plane's distance"]
    for ours, theirs in zip(by_iou, by_plane, strict=True):
        assert min(ours) > max(theirs)


def check_results(run: Run) -> None:
    results, table, nets = of(run, "results", "table", "nets")
    assert set(results) == {
        (name, weights) for name in nets for weights in ("untrained", "kept", "trained on")
    }
    for name in nets:
        assert results[name, "untrained"][0].map50 < 0.02
        assert results[name, "kept"][0].map50 > 0.5
    assert tuple(table) == DETECTORS
    for name, (search, seconds, result, parameters) in table.items():
        assert (search > 0) == (name in ("R-CNN", "Fast R-CNN"))
        assert seconds > 0
        assert result.map50 > 0.3
        assert parameters > 100_000
    for both in run.names["costs"].values():
        assert set(both) == {"whole", "net alone"}
    kept = run.names["kept"]
    assert all(curves["mAP@0.5"][-1] >= 0.7 for curves in kept.values())
    tried = run.names["tried"]
    assert len(tried["classes"]) == 10
    assert np.isfinite(tried["loss"])
    assert "voc/2007" in run.names["there_are"]


def check_rules(run: Run) -> None:
    """Both of VOC's rules, and its way to match, written down once more."""
    scenes, results, by_rule = of(run, "scenes", "results", "by_rule")
    for name in run.names["nets"]:
        found = results[name, "kept"][1]
        curves = [c for c in (voc_curve(scenes, found, label) for label in range(10)) if c]
        for rule, area in (("11 points", eleven_points), ("all points", whole_area)):
            wanted = np.mean([area(*curve) for curve in curves])
            assert by_rule[name, rule] == pytest.approx(wanted, abs=1e-6), (name, rule)
        assert by_rule[name, "COCO"] == results[name, "kept"][0].map50


def voc_curve(scenes, found, label):
    """Recall and precision as VOC's development kit has them; nothing where there is no truth."""
    rows, positives = [], 0
    for i, scene in enumerate(scenes):
        own = scene["classes"] == label
        truth, crowd = scene["boxes"][own], scene["crowd"][own]
        positives += (~crowd).sum()
        taken = np.zeros(len(truth), bool)
        for j in np.flatnonzero(found["classes"][i] == label):  # best first
            box = found["boxes"][i][j : j + 1]
            values = np.array([share_of(box[0], *each) for each in zip(truth, crowd, strict=True)])
            if len(values) and values.max() >= 0.5:
                best = len(values) - 1 - values[::-1].argmax()
                if not crowd[best]:
                    rows.append((found["scores"][i][j], not taken[best]))
                taken[best] = True
            else:
                rows.append((found["scores"][i][j], False))
    if not positives:
        return None
    right = np.array([hit for _, hit in sorted(rows, key=lambda row: -row[0])], float)
    return np.cumsum(right) / positives, np.cumsum(right) / np.arange(1, len(right) + 1)


def share_of(box, other, crowd):
    """IoU; with a crowd the share of the box that lies in it."""
    common = np.prod(np.maximum(np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2]), 0))
    one, two = (np.prod(each[2:] - each[:2]) for each in (box, other))
    return common / (one if crowd else one + two - common)


def eleven_points(recall, precision):
    return np.mean([max(precision[recall >= asked / 10 - 1e-12], default=0) for asked in range(11)])


def whole_area(recall, precision):
    reached, total = 0.0, 0.0
    for i, value in enumerate(recall):
        total += (value - reached) * precision[i:].max()
        reached = value
    return total


def check_differences(run: Run) -> None:
    beyond, deep, theirs = of(run, "beyond", "deep", "theirs_deep")
    assert beyond["corners clipped"] == 0 < beyond["sizes clipped"] < beyond["as they are"]
    np.testing.assert_allclose(run.names["shifts"], [3.947, 3.895, 19, 18, 0, 0], atol=1e-3)
    assert run.names["places_moved"] == 8732 - sum(n * n for n in (38, 19, 10, 5, 3, 1))
    # What the published code does with memory, number by number.
    memory, made = deep.ravel(), np.zeros(deep.size, int)
    for k, j, i in np.ndindex(64, 26, 26):
        row, column = 2 * j + k // 16 // 2, 2 * i + k // 16 % 2
        made[i + 26 * (j + 26 * k)] = memory[column + 52 * (row + 52 * (k % 16))]
    np.testing.assert_array_equal(theirs, made.reshape(256, 13, 13).transpose(1, 2, 0))
    assert run.names["own"].mean() < 0.6
    assert run.names["ours_own"].all()


def check_published(run: Run) -> None:
    assert sum(run.names["parts"].values()) == run.names["TORCHVISION"] == 35_641_826
    assert run.names["numbers_in_all"] == run.names["DARKNET"] == 50_983_561
    assert "less these: 0" in run.printed["published"]


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
    for name in run.names["nets"]:
        assert results[name, "kept"][0].map50 >= 0.7
        assert results[name, "untrained"][0].map50 < 0.01
        change = results[name, "trained on"][0].map50 - results[name, "kept"][0].map50
        assert abs(change) < 0.03
        by_rule = {rule: run.names["by_rule"][name, rule] for rule in ("11 points", "all points")}
        assert by_rule["all points"] > by_rule["11 points"] + 0.005
        assert abs(by_rule["all points"] - results[name, "kept"][0].map50) < 0.005
    ssd, yolo = (results[name, "kept"][0] for name in ("SSD", "YOLOv2"))
    assert ssd.map > yolo.map
    assert ssd.map50 < yolo.map50
    times = {name: search + seconds for name, (search, seconds, *_) in table.items()}
    alone = [times[name] for name in ("Faster R-CNN", "SSD", "YOLOv2")]
    assert 4 * max(alone) < times["Fast R-CNN"] < times["R-CNN"]
    maps = {name: result.map50 for name, (_, _, result, _) in table.items()}
    assert max(maps, key=lambda name: maps[name]) == "Faster R-CNN"
    assert maps["SSD"] > maps["YOLOv2"], "on fewer scenes the other way round"


def test_the_sources_of_its_numbers_are_named() -> None:
    book = nbformat.read(CHAPTERS / f"{NAME}.ipynb", as_version=4)
    prose = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    for source in ("1512.02325", "1612.08242", "1804.02767", "1506.01497", "1405.0312"):
        assert source in prose
