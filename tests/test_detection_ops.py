"""Boxes, anchors, matching, suppression and regions are what trusted libraries compute."""

import numpy as np
import pytest
from keras import ops

from convbook.detection.boxes import iou
from convbook.detection.regions import roi_align, roi_pool
from convbook.detection.suppression import nms


def drawn_boxes(*shape, size=100, seed=0):
    """Boxes of float32 that are not empty, inside a square picture."""
    rng = np.random.default_rng(seed)
    corners = np.sort(rng.uniform(0, size - 1, (*shape, 2, 2)), axis=-2)
    corners[..., 1, :] += 1
    return corners.reshape(*shape, 4).astype("float32")


def to_numpy(value):
    return ops.convert_to_numpy(value)


# ---------------------------------------------------------------------- suppression, by plain loops


def nms_by_loops(boxes, scores, threshold):
    overlap, kept = to_numpy(iou(boxes, boxes)), []
    for i in np.argsort(-scores, kind="stable"):
        if np.isfinite(scores[i]) and not any(overlap[i, k] > threshold for k in kept):
            kept.append(int(i))
    return kept


@pytest.mark.parametrize("total", [1, 5, 127, 128, 400])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7])
def test_nms_keeps_what_plain_loops_keep(total, threshold):
    rng = np.random.default_rng(total)
    boxes = drawn_boxes(2, total, seed=total)
    scores = rng.permutation(2 * total).reshape(2, total).astype("float32")
    scores[0, ::7] = -np.inf
    for count in (3, total, total + 5):
        places, valid = map(to_numpy, nms(boxes, scores, threshold, count))
        assert places.shape == valid.shape == (2, count)
        for i in range(2):
            expected = nms_by_loops(boxes[i], scores[i], threshold)[:count]
            assert places[i][valid[i]].tolist() == expected
            assert not places[i][~valid[i]].any()


# -------------------------------------------------------------------------- regions, by plain loops


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


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("rounding", ["overlapping", "disjoint"])
def test_roi_pooling_is_the_maximum_of_each_bin(size, rounding):
    rng = np.random.default_rng(size)
    features = rng.standard_normal((2, 9, 14, 3)).astype("float32")
    y = np.sort([rng.permutation(10)[:2] for _ in range(40)])
    x = np.sort([rng.permutation(15)[:2] for _ in range(40)])
    rois = np.stack([y[:, 0], x[:, 0], y[:, 1], x[:, 1]], -1).reshape(2, 20, 4).astype("float32")
    got = to_numpy(roi_pool(features, rois, size, rounding))
    for i in range(2):
        for j in range(20):
            expected = pool_by_loops(features[i], rois[i, j], size, rounding == "disjoint")
            np.testing.assert_array_equal(got[i, j], expected)


def align_by_loops(features, roi, size, samples):
    y1, x1, y2, x2 = map(float, roi)
    height, width = features.shape[:2]
    result = np.zeros((size, size, features.shape[-1]))
    for i in range(size * samples):
        for j in range(size * samples):
            y = np.clip(y1 + (i + 0.5) * (y2 - y1) / size / samples - 0.5, 0, height - 1)
            x = np.clip(x1 + (j + 0.5) * (x2 - x1) / size / samples - 0.5, 0, width - 1)
            t, left = min(int(y), height - 2), min(int(x), width - 2)
            v, u = y - t, x - left
            value = (1 - v) * ((1 - u) * features[t, left] + u * features[t, left + 1]) + v * (
                (1 - u) * features[t + 1, left] + u * features[t + 1, left + 1]
            )
            result[i // samples, j // samples] += value / samples**2
    return result


@pytest.mark.parametrize(("size", "samples"), [(1, 1), (2, 2), (7, 2), (3, 4)])
def test_roi_align_is_the_mean_of_bilinear_samples(size, samples):
    rng = np.random.default_rng(size)
    features = rng.standard_normal((2, 9, 14, 3)).astype("float32")
    rois = drawn_boxes(2, 8, size=9, seed=size)
    got = to_numpy(roi_align(features, rois, size, samples))
    for i in range(2):
        for j in range(8):
            expected = align_by_loops(features[i], rois[i, j], size, samples)
            np.testing.assert_allclose(got[i, j], expected, atol=2e-5)
