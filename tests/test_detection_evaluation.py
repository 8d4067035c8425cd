"""Average precision, against pycocotools called as its own documentation calls it, and by hand."""

import contextlib
import io
import json

import numpy as np
import pytest
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from convbook.data import digit_scenes
from convbook.detection.evaluation import (
    COCO_THRESHOLDS,
    Ranking,
    average_precision,
    evaluate,
    precision_recall,
    rank,
)

CLASSES = 4


@pytest.fixture(scope="module")
def scenes():
    return digit_scenes(60, "test", 96, classes=CLASSES - 1, seed=5)


@pytest.fixture(scope="module")
def predictions(scenes):
    """Detections near the truth, several of some objects, of wrong classes, and of nothing."""
    rng = np.random.default_rng(0)
    made = []
    for scene in scenes:
        count = len(scene["boxes"])
        chosen = rng.integers(0, count, 2 * count) if count else np.zeros(0, int)
        boxes = scene["boxes"][chosen] + rng.normal(0, 2.5, (len(chosen), 4))
        masks = (
            np.stack([np.roll(scene["masks"][i], rng.integers(-1, 2, 2), (0, 1)) for i in chosen])
            if count
            else np.zeros((0, 96, 96), bool)
        )
        wrong = rng.random(len(chosen)) < 0.2
        classes = np.where(wrong, rng.integers(0, CLASSES, len(chosen)), scene["classes"][chosen])
        scores = rng.random(len(chosen)).round(1 if len(made) % 2 else 6)  # some are equal
        made.append({"boxes": boxes, "scores": scores, "classes": classes, "masks": masks})
    return made


def theirs(scenes, predictions, kind, folder):
    """pycocotools by the way that its example takes: a file, `loadRes`, `summarize`."""
    truth, found = [], []

    def runs(mask):
        made = coco_masks.encode(np.asfortranarray(mask.astype("uint8")))
        return {"size": made["size"], "counts": made["counts"].decode()}

    for number, (scene, made) in enumerate(zip(scenes, predictions, strict=True)):
        for (y1, x1, y2, x2), label, mask, crowd in zip(
            scene["boxes"].tolist(), scene["classes"], scene["masks"], scene["crowd"], strict=True
        ):
            truth.append(
                {
                    "id": len(truth) + 1,
                    "image_id": number,
                    "category_id": int(label),
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": float(mask.sum()),
                    "iscrowd": int(crowd),
                    "segmentation": runs(mask),
                }
            )
        for (y1, x1, y2, x2), label, mask, score in zip(
            made["boxes"].tolist(), made["classes"], made["masks"], made["scores"], strict=True
        ):
            entry = {"image_id": number, "category_id": int(label), "score": float(score)}
            box = {"bbox": [x1, y1, max(x2 - x1, 0), max(y2 - y1, 0)]}
            found.append(entry | (box if kind == "bbox" else {"segmentation": runs(mask)}))
    images = [{"id": i, "height": 96, "width": 96} for i in range(len(scenes))]
    file = folder / "truth.json"
    categories = [{"id": label} for label in range(CLASSES)]
    file.write_text(json.dumps({"images": images, "categories": categories, "annotations": truth}))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(file))
        judge = COCOeval(coco, coco.loadRes(found), kind)
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return judge


@pytest.mark.parametrize("kind", ["boxes", "masks"])
def test_the_numbers_are_those_of_pycocotools(scenes, predictions, kind, tmp_path):
    judge = theirs(scenes, predictions, {"boxes": "bbox", "masks": "segm"}[kind], tmp_path)
    found = evaluate(scenes, predictions, kind=kind, classes=CLASSES)
    assert found.map == pytest.approx(judge.stats[0], abs=1e-12)
    assert found.map50 == pytest.approx(judge.stats[1], abs=1e-12)
    assert 0.2 < found.map50 < 0.95
    assert np.isnan(found.ap[:, CLASSES - 1]).all(), "a class without truth has no precision"
    sized = evaluate(
        scenes, predictions, kind=kind, classes=CLASSES, sizes=("small", "medium", "large")
    )
    expected = [np.nan if value < 0 else value for value in judge.stats[3:6]]
    np.testing.assert_allclose(list(sized.sizes.values())[1:], expected, atol=1e-12)


@pytest.mark.parametrize("kind", ["boxes", "masks"])
@pytest.mark.parametrize("threshold", [0.5, 0.75])
def test_by_hand_the_area_is_pycocotools_own(scenes, predictions, kind, threshold):
    whole = evaluate(scenes, predictions, kind=kind, classes=CLASSES, thresholds=(threshold,))
    for label in range(CLASSES - 1):
        ranking = rank(scenes, predictions, label, threshold=threshold, kind=kind)
        area = average_precision(*precision_recall(ranking))
        assert area == pytest.approx(whole.by_class(threshold)[label], abs=1e-9)


def test_difficult_objects_can_be_left_out_as_voc_does(scenes, predictions):
    counted = evaluate(scenes, predictions, classes=CLASSES, thresholds=(0.5,))
    left_out = evaluate(scenes, predictions, classes=CLASSES, thresholds=(0.5,), difficult=False)
    assert left_out.map50 != counted.map50
    areas = [
        average_precision(*precision_recall(rank(scenes, predictions, label, difficult=False)))
        for label in range(CLASSES - 1)
    ]
    np.testing.assert_allclose(left_out.by_class(0.5)[:-1], areas, atol=1e-9)


def scene_of(*boxes, **more):
    return {"boxes": np.array(boxes, float), "classes": np.zeros(len(boxes), int), **more}


def test_perfect_detections_score_one_and_none_at_all_score_zero():
    truth = [scene_of((0, 0, 20, 10)), scene_of((5, 5, 9, 30)), scene_of()]
    nothing = [{"boxes": [], "scores": [], "classes": []}] * 3
    assert evaluate(truth, nothing).map == 0
    perfect = [{**scene, "scores": np.ones(len(scene["boxes"]))} for scene in truth]
    assert evaluate(truth, perfect).map == pytest.approx(1)


def test_padding_is_no_object_and_no_detection():
    truth = {
        "boxes": [[[0, 0, 20, 10], [0, 0, 0, 0]], [[5, 5, 9, 30], [1, 1, 8, 8]]],
        "classes": [[0, -1], [1, 0]],
    }
    found = {**truth, "scores": [[0.3, 0.9], [0.9, 0.1]]}
    assert evaluate(truth, found).map == pytest.approx(1)
    valid = {**found, "valid": [[True, False], [True, False]]}
    assert evaluate(truth, valid, thresholds=(0.5,)).by_class()[0] == pytest.approx(51 / 101)


def test_of_two_detections_of_one_object_the_second_is_wrong_by_both_rules():
    truth = [scene_of((0, 0, 10, 10), (0, 6, 10, 16))]
    # The best two lie on the first object; what is second lies on the other one as well, by 0.33.
    found = [scene_of((0, 0, 10, 10), (0, 2, 10, 12), scores=np.array([0.9, 0.8]))]
    by_coco = rank(truth, found, 0, threshold=0.4)
    by_voc = rank(truth, found, 0, threshold=0.4, rule="VOC")
    assert by_coco.matched.tolist() == [True, True]
    assert by_voc.matched.tolist() == [True, False], "VOC looks at the nearest object only"
    assert rank(truth, found, 0, threshold=0.5).matched.tolist() == [True, False]


def test_the_hundred_and_first_detection_of_a_picture_does_not_count():
    truth = [scene_of((0, 0, 10, 10))]
    boxes = np.tile([50.0, 50, 60, 60], (101, 1))
    boxes[-1] = (0, 0, 10, 10)
    found = [{"boxes": boxes, "scores": np.linspace(1, 0.1, 101), "classes": np.zeros(101, int)}]
    assert evaluate(truth, found).map == 0
    assert evaluate(truth, found, limit=101).map > 0
    assert len(rank(truth, found, 0).scores) == 100


@pytest.mark.parametrize(
    ("rule", "area"),
    # By hand: right, wrong, right of three objects: recall 1/3, 1/3, 2/3; envelope 1, 2/3, 2/3.
    [
        ("11 points", (4 * 1 + 3 * 2 / 3) / 11),
        ("all points", 1 / 3 + 1 / 3 * 2 / 3),
        ("COCO", (34 * 1 + 33 * 2 / 3) / 101),
    ],
)
def test_the_three_rules_by_hand(rule, area):
    ranking = Ranking(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), 3)
    assert average_precision(*precision_recall(ranking), rule) == pytest.approx(area)


def test_the_area_over_all_points_is_what_more_and_more_points_come_to():
    rng = np.random.default_rng(3)
    matched = rng.random(60) < np.linspace(0.95, 0.2, 60)
    recall, precision = precision_recall(Ranking(-np.arange(60.0), matched, 40))
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    asked = (np.arange(20_000) + 0.5) / 20_000
    dense = np.append(envelope, 0)[np.searchsorted(recall, asked)].mean()
    assert average_precision(recall, precision, "all points") == pytest.approx(dense, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"predictions": []}, "1 pictures and predictions for 0"),
        ({"scores": np.array([np.nan])}, "not a finite number"),
        ({"kind": "points"}, "choose boxes or masks"),
        ({"kind": "masks"}, "has no masks"),
        ({"sizes": ("tiny",)}, "There is no size"),
    ],
)
def test_what_cannot_be_evaluated_is_said_in_one_sentence(change, sentence):
    truth = [scene_of((0, 0, 10, 10))]
    found = [scene_of((0, 0, 10, 10), scores=change.pop("scores", np.ones(1)))]
    with pytest.raises(ValueError, match=sentence):
        evaluate(truth, change.pop("predictions", found), **change)


def test_an_unknown_rule_or_threshold_is_named():
    truth = [scene_of((0, 0, 10, 10))]
    found = [scene_of((0, 0, 10, 10), scores=np.ones(1))]
    with pytest.raises(ValueError, match="There is no rule"):
        rank(truth, found, 0, rule="mine")
    with pytest.raises(ValueError, match="There is no rule"):
        average_precision([1.0], [1.0], "mine")
    with pytest.raises(ValueError, match="no object of this class"):
        precision_recall(rank(truth, found, 3))
    with pytest.raises(ValueError, match=r"Nothing was evaluated at an IoU of 0\.3"):
        evaluate(truth, found).by_class(0.3)
    assert len(COCO_THRESHOLDS) == 10
