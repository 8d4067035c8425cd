"""Boxes, anchors, matching, suppression and regions are what trusted libraries compute."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from pycocotools import mask as coco_mask
from scipy import ndimage

from convbook.compiling import compiled
from convbook.detection.anchors import make_anchors
from convbook.detection.boxes import (
    MOST_GROWTH,
    area,
    clip,
    decode,
    encode,
    iou,
    paired_iou,
    to_centres,
    to_corners,
)
from convbook.detection.matching import match, sample, sample_places
from convbook.detection.regions import ROUNDINGS, roi_align, roi_pool
from convbook.detection.suppression import detect, nms
from convbook.gradients import input_gradient

ROOT = Path(__file__).resolve().parent.parent
HERE = keras.backend.backend()
ELSEWHERE = "jax" if HERE == "tensorflow" else "tensorflow"
FEW = settings(max_examples=20, deadline=None, derandomize=True)


def drawn_boxes(*shape, size=100, seed=0):
    """Boxes of float32 that are not empty, inside a square picture."""
    rng = np.random.default_rng(seed)
    corners = np.sort(rng.uniform(0, size - 1, (*shape, 2, 2)), axis=-2)
    corners[..., 1, :] += 1
    return corners.reshape(*shape, 4).astype("float32")


def whole_boxes(count, height, width, seed=0):
    """Boxes of whole numbers, not empty, inside a picture."""
    rng = np.random.default_rng(seed)
    y = np.sort([rng.permutation(height + 1)[:2] for _ in range(count)])
    x = np.sort([rng.permutation(width + 1)[:2] for _ in range(count)])
    return np.stack([y[:, 0], x[:, 0], y[:, 1], x[:, 1]], -1).astype("float32")


def floats(values):
    """An array of float32."""
    return np.asarray(values, "float32")


def to_numpy(value):
    return ops.convert_to_numpy(value)


def xywh(boxes):
    """Corner and size in the order that pycocotools and OpenCV take."""
    y1, x1, y2, x2 = np.moveaxis(boxes.astype(float), -1, 0)
    return np.stack([x1, y1, x2 - x1, y2 - y1], -1)


def xyxy(boxes):
    return boxes[..., [1, 0, 3, 2]]


EMPTY = floats([[0, 0, 0, 0], [3, 3, 3, 9], [5, 5, 2, 8], [5, 5, 2, 2]])

# ------------------------------------------------------------------------------------------ boxes


def test_iou_is_that_of_pycocotools_and_of_keras():
    a, b = drawn_boxes(2, 7, seed=1), drawn_boxes(2, 5, seed=2)
    got = to_numpy(iou(a, b))
    for i in range(2):
        theirs = coco_mask.iou(xywh(a[i]), xywh(b[i]), np.zeros(5, np.uint8))
        np.testing.assert_allclose(got[i], theirs, atol=1e-6)
    theirs = keras.utils.bounding_boxes.compute_iou(a, b, "yxyx")
    np.testing.assert_allclose(got, to_numpy(theirs), atol=1e-6)
    np.testing.assert_allclose(to_numpy(paired_iou(a[:, :5], b)), np.einsum("bii->bi", got[:, :5]))


def test_an_empty_box_overlaps_nothing_and_has_no_area():
    boxes = drawn_boxes(6)
    assert not to_numpy(iou(EMPTY, boxes)).any()
    assert not to_numpy(iou(EMPTY, EMPTY)).any()
    assert not to_numpy(area(EMPTY)).any()
    # What others say of padding differs: Keras has -1 where it is told to mask.
    padding = np.full((1, 4), -1, "float32")
    theirs = keras.utils.bounding_boxes.compute_iou(padding, boxes, "yxyx", use_masking=True)
    assert (to_numpy(theirs) == -1).all()
    assert not to_numpy(iou(padding, boxes)).any()


@FEW
@given(st.integers(0, 1000), st.sampled_from([0.25, 2.0, 64.0]), st.integers(-64, 64))
def test_iou_stays_when_boxes_are_scaled_moved_or_put_in_another_order(seed, scale, step):
    a, b = whole_boxes(6, 50, 50, seed), whole_boxes(4, 50, 50, seed + 1)
    before = to_numpy(iou(a, b))
    assert ((before >= 0) & (before <= 1)).all()
    np.testing.assert_array_equal(to_numpy(iou(a * scale, b * scale)), before)
    np.testing.assert_array_equal(to_numpy(iou(a + step, b + step)), before)
    np.testing.assert_array_equal(to_numpy(iou(b, a)), before.T)
    np.testing.assert_array_equal(to_numpy(iou(a[::-1], b)), before[::-1])
    np.testing.assert_array_equal(np.diag(to_numpy(iou(a, a))), 1)


def test_offsets_are_those_of_keras_and_lead_back():
    boxes, proposals = drawn_boxes(2, 9, seed=3), drawn_boxes(9, seed=4)
    scales = (0.1, 0.1, 0.2, 0.2)
    got = to_numpy(encode(boxes, proposals, scales))
    options = {"encoding_format": "center_yxhw", "variance": floats(scales)}
    theirs = keras.utils.bounding_boxes.encode_box_to_deltas(
        proposals, boxes, "yxyx", "yxyx", **options
    )
    np.testing.assert_allclose(got, to_numpy(theirs), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(to_numpy(decode(got, proposals, scales)), boxes, atol=1e-3)
    small = 0.1 * got
    back = keras.utils.bounding_boxes.decode_deltas_to_boxes(
        proposals, small, "yxyx", "yxyx", variance=floats(scales)
    )
    np.testing.assert_allclose(
        to_numpy(decode(small, proposals, scales)), to_numpy(back), rtol=1e-4, atol=1e-3
    )
    assert np.abs(to_numpy(encode(boxes, proposals)) - got).max() > 0.1


def test_offsets_of_padding_are_finite_and_wild_ones_do_not_overflow():
    boxes = drawn_boxes(4)
    assert not to_numpy(encode(EMPTY, boxes)).any()
    assert not to_numpy(encode(boxes, EMPTY)).any()
    wild = np.full((4, 4), 1e4, "float32")
    grown = to_numpy(decode(wild, boxes))
    assert np.isfinite(grown).all()
    np.testing.assert_allclose(
        grown[:, 2] - grown[:, 0], (boxes[:, 2] - boxes[:, 0]) * np.exp(MOST_GROWTH), rtol=1e-3
    )
    gradient = input_gradient(lambda box: ops.sum(encode(box, boxes)), EMPTY)
    assert np.isfinite(gradient).all()


def test_other_forms_and_clipping_are_those_of_keras():
    boxes = drawn_boxes(2, 6) - 20
    centres = keras.utils.bounding_boxes.convert_format(xyxy(boxes), "xyxy", "center_xywh")
    got = to_numpy(to_centres(boxes))
    np.testing.assert_allclose(got, to_numpy(centres)[..., [1, 0, 3, 2]], atol=1e-4)
    np.testing.assert_allclose(to_numpy(to_corners(got)), boxes, atol=1e-4)
    given_boxes = {"boxes": xyxy(boxes), "labels": np.zeros((2, 6))}
    theirs = keras.utils.bounding_boxes.clip_to_image_size(
        given_boxes, height=50, width=40, bounding_box_format="xyxy"
    )
    there = to_numpy(area(clip(boxes, 50, 40))) > 0  # Keras makes what is outside -1
    expected = to_numpy(theirs["boxes"])
    np.testing.assert_allclose(to_numpy(clip(boxes, 50, 40))[there], xyxy(expected)[there])
    assert 0 < there.sum() < 12


def test_what_is_no_box_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="Boxes have 4 numbers in the last axis"):
        iou(np.zeros((3, 5)), np.zeros((2, 4)))


def test_whole_numbers_are_boxes_too():
    np.testing.assert_allclose(to_numpy(iou([[0, 0, 2, 2]], [[0, 1, 2, 3]])), [[1 / 3]])
    np.testing.assert_allclose(
        to_numpy(encode([[0, 0, 4, 4]], [[1, 1, 5, 5]])), [[-0.25] * 2 + [0] * 2]
    )


# ---------------------------------------------------------------------------------------- anchors


def test_anchors_have_their_areas_ratios_centres_and_order():
    height, width, stride, scales, ratios = 2, 3, 16, (32, 64), (0.5, 1, 2)
    anchors = make_anchors(height, width, stride, scales, ratios)
    assert anchors.shape == (36, 4)
    assert anchors.dtype == np.float32
    cy, cx, h, w = np.moveaxis(to_numpy(to_centres(anchors)).reshape(2, 3, 2, 3, 4), -1, 0)
    np.testing.assert_allclose(h * w, 0 * h + np.array([[1024], [4096]]), rtol=1e-5)
    np.testing.assert_allclose(h / w, 0 * h + np.array(ratios), rtol=1e-5)
    np.testing.assert_allclose(cy, 0 * cy + np.array([8, 24])[:, None, None, None], rtol=1e-5)
    np.testing.assert_allclose(cx, 0 * cx + np.array([8, 24, 40])[:, None, None], rtol=1e-5)


def test_anchors_without_a_size_are_refused():
    with pytest.raises(ValueError, match="above 0, at least one of each"):
        make_anchors(2, 2, 8, [], [1])
    with pytest.raises(ValueError, match="above 0, at least one of each"):
        make_anchors(2, 2, 8, [16], [1, 0])


# --------------------------------------------------------------------------------------- matching


def match_by_loops(anchors, boxes, positive, negative, low_quality):
    labels, matched = np.zeros(len(anchors), int), np.zeros(len(anchors), int)
    if not len(boxes):
        return labels, matched
    overlap = coco_mask.iou(xywh(anchors), xywh(boxes), np.zeros(len(boxes), np.uint8))
    for i, row in enumerate(overlap):
        labels[i] = 1 if row.max() >= positive else 0 if row.max() < negative else -1
        matched[i] = row.argmax()
    for column in overlap.T if low_quality else ():
        if column.max() > 0:
            labels[np.isclose(column, column.max(), rtol=1e-6, atol=0)] = 1
    return labels, matched


@pytest.mark.parametrize("low_quality", [True, False])
def test_matching_is_what_plain_loops_say(low_quality):
    anchors = make_anchors(7, 5, 16, (24, 48), (0.5, 1, 2))
    boxes, valid = drawn_boxes(4, 6, size=110), np.ones((4, 6), bool)
    valid[1, 2:], valid[2] = False, False
    boxes[~valid] = 0
    labels, matched = map(to_numpy, match(anchors, boxes, valid, 0.7, 0.3, low_quality))
    for i in range(4):
        expected = match_by_loops(anchors, boxes[i][valid[i]], 0.7, 0.3, low_quality)
        np.testing.assert_array_equal(labels[i], expected[0])
        np.testing.assert_array_equal(matched[i], expected[1])
    assert not labels[2].any()
    assert (labels == 1).sum() >= (14 if low_quality else 1)


def test_padding_in_whatever_place_changes_no_label():
    anchors, boxes = make_anchors(6, 6, 16, (32,), (1, 2)), drawn_boxes(3, size=96)
    expected, best = map(to_numpy, match(anchors, boxes, np.ones(3, bool), 0.5, 0.3))
    wide = np.stack([boxes[0], boxes[0] * 0, boxes[1], boxes[0] * 0, boxes[2]])
    labels, matched = map(to_numpy, match(anchors, wide, [1, 0, 1, 0, 1], 0.5, 0.3))
    np.testing.assert_array_equal(labels, expected)
    overlapping = to_numpy(iou(anchors, boxes)).any(-1)
    np.testing.assert_array_equal(matched[overlapping], 2 * best[overlapping])


def test_a_box_that_touches_no_anchor_makes_none_positive():
    anchors = make_anchors(2, 2, 8, (8,), (1,))
    labels, _ = match(anchors, [[90.0, 90, 99, 99]], [True], 0.7, 0.3)
    assert not to_numpy(labels).any()


def test_thresholds_in_the_wrong_order_are_refused():
    with pytest.raises(ValueError, match=r"negative is 0\.7: it must be at most positive, 0\.3"):
        match(drawn_boxes(3), drawn_boxes(2), [1, 1], 0.3, 0.7)


LABELS = np.zeros((3, 200), int)
LABELS[0, :80], LABELS[1, :5], LABELS[2] = 1, 1, -1
LABELS[2, 50:53], LABELS[2, 60:64] = 1, 0


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_a_sample_has_its_count_and_at_most_its_share_of_positives(share):
    chosen = to_numpy(sample(LABELS, 32, share, keras.random.SeedGenerator(1)))
    assert (chosen & (LABELS == 1)).sum(-1).tolist() == [32 * share, 5, 3]
    assert (chosen & (LABELS == 0)).sum(-1).tolist() == [32 - 32 * share, 27, 4]
    assert not (chosen & (LABELS == -1)).any()


def test_places_of_a_sample_are_its_own_positives_first():
    places, valid = map(to_numpy, sample_places(LABELS, 32, 0.25, 3))
    chosen = to_numpy(sample(LABELS, 32, 0.25, 3))
    for i in range(3):
        taken = places[i][valid[i]]
        assert sorted(taken) == np.flatnonzero(chosen[i]).tolist()
        assert (np.diff(LABELS[i][taken]) <= 0).all()
        assert valid[i].sum() == [32, 32, 7][i]
    places, valid = map(to_numpy, sample_places(LABELS[:, :9], 12, 0.5, 3))
    assert places.shape == valid.shape == (3, 12)


def test_samples_are_random_without_favourites():
    seed = keras.random.SeedGenerator(2)
    often = sum(to_numpy(sample(LABELS, 20, 0.5, seed))[0].astype(int) for _ in range(60))
    # Of 80 positives 10 are drawn 60 times: 7.5 times each; of 120 negatives likewise, 5 times.
    assert 1 <= often[:80].min() <= often[:80].max() <= 17
    assert often[80:].max() <= 14
    again = [to_numpy(sample(LABELS, 20, 0.5, 7)) for _ in range(2)]
    np.testing.assert_array_equal(*again)


def test_a_sample_of_nothing_is_refused():
    with pytest.raises(ValueError, match="choose at least one anchor"):
        sample(LABELS, 0, 0.5, 1)


# ------------------------------------------------------------------------------------ suppression


def nms_by_loops(boxes, scores, threshold):
    overlap = to_numpy(iou(boxes, boxes))
    kept: list[int] = []
    for i in np.argsort(-scores, kind="stable"):
        if np.isfinite(scores[i]) and not any(overlap[i, k] > threshold for k in kept):
            kept.append(int(i))
    return kept


@pytest.mark.parametrize(("total", "threshold"), [(1, 0.3), (127, 0.0), (128, 0.7), (400, 0.3)])
def test_nms_keeps_what_plain_loops_keep(total, threshold):
    rng = np.random.default_rng(total)
    boxes = drawn_boxes(2, total, seed=total)
    scores = rng.permutation(2 * total).reshape(2, total).astype("float32")
    scores[0, ::7] = -np.inf
    for count in (3, total + 5):
        places, valid = map(to_numpy, nms(boxes, scores, threshold, count))
        assert places.shape == valid.shape == (2, count)
        for i in range(2):
            expected = nms_by_loops(boxes[i], scores[i], threshold)[:count]
            assert places[i][valid[i]].tolist() == expected
            assert not places[i][~valid[i]].any()


def test_nms_settles_the_longest_chain():
    """Each box overlaps its neighbours only: every second one stays."""
    steps = np.arange(300, dtype="float32")[:, None]
    boxes = np.concatenate([steps, 0 * steps, steps + 2.5, 0 * steps + 1], -1)
    places, valid = nms(boxes, -steps[:, 0], 0.4, 300)
    assert to_numpy(places)[to_numpy(valid)].tolist() == list(range(0, 300, 2))


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8])
def test_nms_is_that_of_opencv(threshold):
    boxes, scores = drawn_boxes(150, seed=5), np.random.default_rng(5).random(150, "float32")
    theirs = cv2.dnn.NMSBoxes(xywh(boxes).tolist(), scores.tolist(), 0.0, threshold)
    places, valid = nms(boxes, scores, threshold, 150)
    assert to_numpy(places)[to_numpy(valid)].tolist() == list(theirs)


@FEW
@given(st.integers(0, 1000), st.sampled_from([0.5, 2.0, 16.0]), st.integers(-64, 64))
def test_nms_stays_when_boxes_are_scaled_moved_or_put_in_another_order(seed, scale, step):
    boxes, rng = whole_boxes(40, 50, 50, seed), np.random.default_rng(seed)
    scores, order = rng.permutation(40).astype("float32"), rng.permutation(40)

    def kept(boxes, scores):
        places, valid = nms(boxes, scores, 0.4, 40)
        return to_numpy(places)[to_numpy(valid)].tolist()

    before = kept(boxes, scores)
    assert kept(boxes * scale, scores) == before
    assert kept(boxes + step, 0.5 * scores - 7) == before
    assert order[kept(boxes[order], scores[order])].tolist() == before


def test_scores_that_are_no_number_and_padding_are_left_out_and_equal_ones_stay_in_order():
    boxes = floats([[0, 0, 4, 4], [0, 0, 0, 0], [8, 8, 12, 12], [20, 20, 24, 24]])
    scores = floats([np.nan, -np.inf, 0.5, 0.5])
    places, valid = nms(boxes, scores, 0.5, 4)
    assert to_numpy(places).tolist() == [2, 3, 0, 0]
    assert to_numpy(valid).tolist() == [True, True, False, False]
    places, valid = nms(boxes, np.full(4, -np.inf, "float32"), 0.5, 2)
    assert not to_numpy(valid).any()


def test_nms_keeps_both_at_the_threshold_itself():
    for shared, total in ((1, 2), (7, 10), (3, 10), (9, 10), (21, 30)):
        boxes = floats([[0, 0, 1, total], [0, 0, 1, shared]])
        for threshold, left in ((shared / total, 2), (shared / total - 1e-4, 1)):
            assert to_numpy(nms(boxes, [0.9, 0.8], threshold, 2)[1]).sum() == left


@pytest.mark.parametrize("each", [False, True])
def test_detections_are_those_of_suppression_class_by_class(each):
    boxes = drawn_boxes(2, 30, 3) if each else drawn_boxes(2, 30)
    scores = np.random.default_rng(1).random((2, 30, 3), "float32")
    found = {key: to_numpy(value) for key, value in detect(boxes, scores, 0.3, 0.4, 50).items()}
    for i in range(2):
        rows = []
        for c in range(3):
            mine = boxes[i, :, c] if each else boxes[i]
            for k in nms_by_loops(
                mine, np.where(scores[i, :, c] > 0.4, scores[i, :, c], -np.inf), 0.3
            ):
                rows.append((scores[i, k, c], c, *mine[k]))
        best = np.array(sorted(rows, reverse=True))[:50]
        valid = found["valid"][i]
        assert valid.sum() == len(best)
        np.testing.assert_array_equal(found["classes"][i][valid], best[:, 1])
        np.testing.assert_allclose(found["scores"][i][valid], best[:, 0])
        np.testing.assert_allclose(found["boxes"][i][valid], best[:, 2:])
        assert (found["classes"][i][~valid] == -1).all()
        assert not found["boxes"][i][~valid].any()
        assert not found["scores"][i][~valid].any()
    few = {key: to_numpy(value) for key, value in detect(boxes, scores, 0.3, 0.4, 5, 12).items()}
    for key, value in few.items():
        np.testing.assert_array_equal(value, found[key][:, :5])  # 12 a class are enough here


def test_detections_of_one_class_are_those_of_opencv():
    boxes, scores = drawn_boxes(80, seed=6), np.random.default_rng(6).random((80, 2), "float32")
    found = {key: to_numpy(value) for key, value in detect(boxes, scores, 0.5, 0.3, 200).items()}
    for c in range(2):
        theirs = cv2.dnn.NMSBoxes(xywh(boxes).tolist(), scores[:, c].tolist(), 0.3, 0.5)
        mine = found["classes"] == c
        np.testing.assert_allclose(found["boxes"][mine], boxes[np.array(theirs)])


def test_nothing_above_the_threshold_is_nothing_found():
    found = detect(drawn_boxes(5), np.full((5, 2), 0.1, "float32"), 0.5, 0.2, 3)
    assert to_numpy(found["valid"]).tolist() == [False] * 3
    assert to_numpy(found["classes"]).tolist() == [-1] * 3


# ---------------------------------------------------------------------------------------- regions


def pool_by_loops(features, roi, size, disjoint=False):
    y1, x1, y2, x2 = map(int, roi)
    h, w = y2 - y1, x2 - x1
    result = np.zeros((size, size, features.shape[-1]), "float32")
    for i in range(size):
        for j in range(size):
            t, left = i * h // size, j * w // size
            if disjoint:
                b, r = max((i + 1) * h // size, t + 1), max((j + 1) * w // size, left + 1)
            else:
                b, r = -(-(i + 1) * h // size), -(-(j + 1) * w // size)
            result[i, j] = features[y1:y2, x1:x2][t:b, left:r].max((0, 1))
    return result


def maps(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


@pytest.mark.parametrize("size", [1, 2, 7])
@pytest.mark.parametrize("rounding", ["overlapping", "disjoint"])
def test_roi_pooling_is_the_maximum_of_each_bin(size, rounding):
    features, rois = maps(2, 9, 14, 3), whole_boxes(40, 9, 14).reshape(2, 20, 4)
    got = to_numpy(roi_pool(features, rois, size, rounding))
    for i in range(2):
        for j in range(20):
            expected = pool_by_loops(features[i], rois[i, j], size, rounding == "disjoint")
            np.testing.assert_array_equal(got[i, j], expected)


def test_roi_pooling_is_the_adaptive_pooling_of_keras():
    # On sizes that Keras 3.15.1 takes on TensorFlow: not all are.
    features = maps(1, 13, 10, 4)
    for y1, x1, y2, x2 in ((0, 0, 13, 10), (2, 1, 9, 10), (4, 3, 9, 7)):
        part = ops.convert_to_tensor(features[:, y1:y2, x1:x2])
        theirs = ops.nn.adaptive_max_pool(part, (4, 4))
        got = roi_pool(features, floats([[[y1, x1, y2, x2]]]), 4)[:, 0]
        np.testing.assert_array_equal(to_numpy(got), to_numpy(theirs))


@pytest.mark.skipif(HERE != "tensorflow", reason="how it is on TensorFlow")
def test_the_adaptive_pooling_of_keras_wants_a_tensor_on_tensorflow():
    with pytest.raises(AttributeError):
        ops.nn.adaptive_max_pool(maps(1, 6, 6, 1), (2, 2))


def test_both_roundings_agree_where_the_bins_fit_and_part_where_not():
    features = maps(1, 8, 8, 5)
    fits, not_so = floats([[[1, 2, 7, 8]]]), floats([[[0, 1, 5, 8]]])
    overlapping, disjoint = (to_numpy(roi_pool(features, fits, 2, kind)) for kind in ROUNDINGS)
    np.testing.assert_array_equal(overlapping, disjoint)
    overlapping, disjoint = (to_numpy(roi_pool(features, not_so, 2, kind)) for kind in ROUNDINGS)
    assert (overlapping > disjoint).any()
    assert (overlapping >= disjoint).all()


def test_regions_are_rounded_halves_up_and_cut_off_at_the_border():
    features = maps(1, 8, 8, 3)
    rough = floats(
        [[0.5, 1.49, 5.5, 6.6], [-3, -9, 4.2, 99], [2, 2, 2, 2], [50, 50, 60, 60], [0, 0, 0, 0]]
    )
    exact = floats([[1, 1, 6, 7], [0, 0, 4, 8], [2, 2, 3, 3], [7, 7, 8, 8], [0, 0, 1, 1]])
    got, expected = (to_numpy(roi_pool(features, rois[None], 3)) for rois in (rough, exact))
    np.testing.assert_array_equal(got, expected)


def test_an_unknown_rounding_is_refused():
    with pytest.raises(ValueError, match="choose one of overlapping, disjoint"):
        roi_pool(maps(1, 4, 4, 1), np.zeros((1, 1, 4)), 2, "quantised")


def aligned_by_scipy(features, roi, size, samples):
    y1, x1, y2, x2 = map(float, roi)
    steps = (np.arange(size * samples) + 0.5) / size / samples
    points = np.stack(
        np.meshgrid(y1 + steps * (y2 - y1) - 0.5, x1 + steps * (x2 - x1) - 0.5, indexing="ij")
    )
    values = [
        ndimage.map_coordinates(channel, points, order=1, mode="nearest")
        for channel in np.moveaxis(features.astype(float), -1, 0)
    ]
    cut = np.stack(values, -1).reshape(size, samples, size, samples, -1)
    return cut.mean((1, 3))


@pytest.mark.parametrize(("size", "samples"), [(1, 1), (2, 2), (7, 2), (3, 4)])
def test_roi_align_is_the_mean_of_bilinear_samples_by_scipy(size, samples):
    features, rois = maps(2, 9, 14, 3), drawn_boxes(2, 8, size=9, seed=size)
    rois[0, 0], rois[0, 1] = (-3, -2, 12, 20), (0, 0, 9, 14)  # over the border: the edge's value
    got = to_numpy(roi_align(features, rois, size, samples))
    for i in range(2):
        for j in range(8):
            expected = aligned_by_scipy(features[i], rois[i, j], size, samples)
            np.testing.assert_allclose(got[i, j], expected, atol=2e-5)


@functools.cache
def stored():
    return json.loads((ROOT / "tests" / "torchvision_regions.json").read_text())


def pattern(height, width, channels):
    """The map on which torchvision was asked; bench/detection.py has the same."""
    i = np.arange(height * width * channels)
    return ((i * 7919 % 101) / 50 - 1).astype("float32").reshape(1, height, width, channels)


def test_roi_align_is_that_of_torchvision_inside_the_map():
    known = stored()["inside"]
    rois = floats(known["rois"])[None]
    assert (rois >= 0).all()
    assert (rois[..., 2] <= 6).all()
    assert (rois[..., 3] <= 8).all()
    for size, values in known["sizes"].items():
        got = to_numpy(roi_align(pattern(6, 8, 2), rois, int(size)))[0]
        np.testing.assert_allclose(got, floats(values), atol=1e-5)


def test_roi_align_takes_the_edge_where_torchvision_counts_points_far_outside_as_nothing():
    known = stored()["outside"]
    rois = floats(known["rois"])
    got = to_numpy(roi_align(pattern(6, 8, 2), rois[None], 2))[0]
    theirs = floats(known["sizes"]["2"])
    # A row or column of points at more than one cell from the outermost centres is dropped there.
    np.testing.assert_allclose(theirs[0], 0)  # all of it outside
    assert np.abs(got[0]).max() > 0.1
    assert np.abs(theirs[1] - got[1]).max() > 0.05  # in part outside
    np.testing.assert_allclose(theirs[2], got[2], atol=1e-5)  # not far outside: the same


@pytest.mark.parametrize("function", [roi_pool, roi_align])
def test_gradients_of_regions_are_those_of_small_steps(function):
    """Steps of a maximum are exact as long as they change no order: values are 1/100 apart."""
    rng = np.random.default_rng(0)
    features = (rng.permutation(2 * 5 * 6 * 2) / 100).reshape(2, 5, 6, 2).astype("float32")
    rois = np.concatenate([drawn_boxes(2, 3, size=5, seed=2), drawn_boxes(2, 3, size=5)], 1)
    weights = maps(2, 6, 3, 3, 2)

    def projected(x):
        return ops.sum(function(x, rois, 3) * weights)

    gradient = input_gradient(projected, features)
    for place in rng.integers(0, features.size, 25):
        step = np.zeros(features.size, "float32")
        step[place] = 0.004
        step = step.reshape(features.shape)
        slope = (float(projected(features + step)) - float(projected(features - step))) / 0.008
        assert gradient.ravel()[place] == pytest.approx(slope, abs=4e-3)
    assert (gradient != 0).sum() > 30


def test_the_gradient_of_a_pooled_bin_goes_to_its_greatest_cell_whole():
    features, rois = maps(1, 6, 6, 1), floats([[[0, 0, 5, 6]]])
    gradient = input_gradient(lambda x: ops.sum(roi_pool(x, rois, 1)), features)
    part = features[0, :5, :6, 0]
    expected = np.zeros((6, 6))
    expected[np.unravel_index(part.argmax(), part.shape)] = 1
    np.testing.assert_allclose(gradient[0, ..., 0], expected, atol=1e-6)
    flat = input_gradient(lambda x: ops.sum(roi_pool(x, rois, 1)), np.zeros((1, 6, 6, 1)))
    assert flat.sum() == pytest.approx(1)  # equal cells share it


@pytest.mark.parametrize("function", [roi_pool, roi_align])
def test_pictures_of_a_batch_do_not_mix(function):
    features, rois = maps(3, 7, 9, 4), drawn_boxes(3, 5, size=7)
    got = to_numpy(function(features, rois, 2))
    for i in range(3):
        alone = to_numpy(function(features[i : i + 1], rois[i : i + 1], 2))
        np.testing.assert_allclose(got[i : i + 1], alone, atol=1e-6)


# ------------------------------------------------------------------------- compiled, and elsewhere


class Chain(keras.layers.Layer):
    """Every operation of the package, one after the other."""

    def call(self, features, offsets, scores, boxes):
        anchors = make_anchors(6, 6, 8, (12, 20), (0.5, 1))
        proposals = clip(decode(offsets, anchors), 48, 48)
        labels, matched = match(proposals, boxes, area(boxes) > 0, 0.5, 0.3)
        places, valid = nms(proposals, scores, 0.6, 8)
        rois = ops.take_along_axis(proposals, places[..., None], axis=1)
        chosen, _ = sample_places(labels, 10, 0.5, 3)
        found = detect(rois, ops.stack([rois[..., 0], rois[..., 1]], -1), 0.5, 1.0, 6)
        both = roi_pool(features, rois / 8, 3) + roi_align(features, rois / 8, 3)
        return {
            "both": both,
            "places": places,
            "valid": valid,
            "labels": labels,
            "matched": matched,
            "sampled": ops.sum(ops.take_along_axis(labels, chosen, axis=1), axis=1),
            "found": found["boxes"],
            "classes": found["classes"],
        }


@functools.cache
def chain(jit_compile):
    """The chain's results on fixed numbers, as a compiled net gives them."""
    shapes = (6, 6, 4), (144, 4), (144,), (5, 4)
    inputs = [keras.Input(shape) for shape in shapes]
    net = keras.Model(inputs, Chain()(*inputs))
    net.compile(jit_compile=jit_compile)
    boxes = drawn_boxes(3, 5, size=48)
    boxes[1, 2:], boxes[2] = 0, 0
    scores = np.random.default_rng(3).permutation(432).reshape(3, 144).astype("float32")
    values = [maps(3, 6, 6, 4), 0.3 * maps(3, 144, 4, seed=1), scores, boxes]
    # A last batch of another size: no size of a batch is built in.
    return {k: np.asarray(v) for k, v in net.predict(values, batch_size=2, verbose=0).items()}


def same_chain(one, other):
    assert one.keys() == other.keys()
    for key, value in one.items():
        if key == "sampled":
            continue
        np.testing.assert_allclose(value, other[key], atol=1e-4, err_msg=key)
    assert (one["labels"] == 1).sum() > 5
    assert one["valid"].sum() > 12
    assert (one["classes"] >= 0).sum() > 6


def test_a_compiled_net_computes_the_same_with_xla_and_without():
    same_chain(chain(False), chain(True))


def test_a_compiled_net_computes_the_same_on_another_backend(tmp_path):
    out = tmp_path / "chain.npz"
    code = (
        "import sys, numpy, keras; from tests.test_detection_ops import chain; "
        "assert keras.backend.backend() == sys.argv[2]; numpy.savez(sys.argv[1], **chain(True))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(out), ELSEWHERE],
        env={**os.environ, "KERAS_BACKEND": ELSEWHERE, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    with np.load(out) as elsewhere:
        same_chain(chain(False), dict(elsewhere))


def test_a_function_compiled_alone_computes_the_same_and_has_the_same_gradient():
    features, rois = maps(1, 8, 8, 3), drawn_boxes(1, 5, size=8)
    quick = compiled(roi_pool, size=2)
    np.testing.assert_array_equal(
        to_numpy(quick(features, rois)), to_numpy(roi_pool(features, rois, 2))
    )
    one = input_gradient(lambda x: ops.sum(ops.square(quick(x, rois))), features)
    other = input_gradient(lambda x: ops.sum(ops.square(roi_pool(x, rois, 2))), features)
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_half_precision_features_are_pooled_in_half_precision_by_whole_pixels():
    features, rois = maps(1, 8, 8, 3), drawn_boxes(1, 5, size=8)
    half = ops.cast(features, "float16")
    for function in (roi_pool, roi_align):
        got, exact = function(half, rois, 2), function(features, rois, 2)
        assert keras.backend.standardize_dtype(got.dtype) == "float16"
        np.testing.assert_allclose(to_numpy(got), to_numpy(exact), atol=5e-3)
