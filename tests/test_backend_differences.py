"""Where Keras's backends compute different things, detection computes one.

The first half states the differences themselves, so that one which goes away is noticed; the second
tries the book's operations where they would show. The other backend runs in one process of its own.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from convbook.architectures.faster_rcnn import propose
from convbook.detection.matching import match
from convbook.detection.regions import roi_align, roi_pool
from convbook.detection.suppression import detect, nms

ROOT = Path(__file__).resolve().parent.parent
HERE = keras.backend.backend()
ELSEWHERE = "jax" if HERE == "tensorflow" else "tensorflow"
LINE = np.arange(5, dtype="float32")
NAN, INFINITE = float("nan"), float("inf")


def told(function):
    """A list of what a call gives, or "refused"."""
    try:
        return np.asarray(ops.convert_to_numpy(function())).tolist()
    except Exception:  # each backend raises its own
        return "refused"


def raw():
    """What operations of Keras's give where the backends part."""
    label = np.array([7], "int32")
    return {
        "take beyond the end": told(lambda: ops.take(LINE, 9)),
        "slice beyond the end": told(lambda: ops.slice(LINE, [3], [4])),
        "slice_update beyond the end": told(
            lambda: ops.slice_update(LINE, [3], np.full(4, 9, "float32"))
        ),
        "top_k of equals": told(lambda: ops.top_k(np.ones(4, "float32"), 2)[1]),
        "argmax over NaN": told(lambda: ops.argmax(np.array([0, NAN, 2], "float32"))),
        "segment_max of nothing": told(
            lambda: ops.segment_max(LINE, np.array([0, 0, 0, 2, 2]), num_segments=3)[1]
        ),
        "cross-entropy of no class": told(
            lambda: ops.sparse_categorical_crossentropy(
                label, np.zeros((1, 3), "float32"), from_logits=True
            )
        ),
    }


def ours():
    """What the book's operations give there."""
    boxes = np.array([[0, 0, 4, 4], [0, 1, 4, 5], [10, 10, 20, 20]], "float32")
    equal = np.full(3, 0.5, "float32")
    maps = np.arange(2 * 3 * 4, dtype="float32").reshape(1, 3, 4, 2)
    outside = np.array(
        [[[-9, -9, -2, -3], [8, 9, 12, 15], [2, 1, 2, 1], [1, 2, 30, 40]]], "float32"
    )
    nowhere = np.zeros((2, 4), "float32")
    scores = np.array([[0.5, NAN], [0.5, 0.5], [NAN, 0.5]], "float32")
    found = detect(boxes, scores, 0.3, 0.1, 9, before=2)
    anchors = np.tile(boxes, (2, 1))
    best, certain, valid = propose(
        np.full((1, 6), 0.5, "float32"), np.zeros((1, 6, 4), "float32"), anchors, (16, 16),
        before=50, after=8, threshold=0.3,
    )  # fmt: skip
    return {
        "more places than boxes": told(lambda: nms(boxes, equal, 0.3, 5)[0]),
        "and which of them count": told(lambda: nms(boxes, equal, 0.3, 5)[1]),
        "all scores NaN": told(lambda: nms(boxes, equal * NAN, 0.3, 2)[1]),
        "detected boxes": told(lambda: found["boxes"]),
        "detected classes": told(lambda: found["classes"]),
        "proposed": told(lambda: best),
        "proposed scores": told(lambda: certain),
        "proposals that count": told(lambda: valid),
        "pooled outside": told(lambda: roi_pool(maps, outside, 2)),
        "aligned outside": told(lambda: roi_align(maps, outside, 2)),
        "matched with nothing": told(lambda: match(boxes, nowhere, np.zeros(2, bool), 0.5, 0.3)[0]),
    }


@pytest.fixture(scope="module")
def elsewhere():
    code = (
        "import json, keras; from tests import test_backend_differences as here; "
        f"assert keras.backend.backend() == {ELSEWHERE!r}; "
        "print('\\n' + json.dumps([here.raw(), here.ours()]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KERAS_BACKEND": ELSEWHERE, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads(ran.stdout.splitlines()[-1])


# On TensorFlow and on JAX, Keras 3.15.1.
DIFFERENCES: dict[str, tuple[Any, Any]] = {
    "take beyond the end": ("refused", NAN),
    "slice beyond the end": ("refused", [1, 2, 3, 4]),
    "slice_update beyond the end": ([0, 9, 9, 9, 9], [0, 9, 9, 9, 9]),
    "top_k of equals": ([0, 1], [0, 1]),
    "argmax over NaN": (2, 1),
    "segment_max of nothing": (float(np.finfo("float32").min), -INFINITE),
    "cross-entropy of no class": ("refused", [0.0]),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_the_backends_part_where_the_book_says(name, elsewhere):
    both = {HERE: raw()[name], ELSEWHERE: elsewhere[0][name]}
    for backend, expected in zip(("tensorflow", "jax"), DIFFERENCES[name], strict=True):
        if backend in both:
            if "refused" in (expected, both[backend]):
                assert both[backend] == expected
            else:
                np.testing.assert_allclose(both[backend], expected)


def test_detection_computes_the_same_on_both(elsewhere):
    here = ours()
    assert here.keys() == elsewhere[1].keys()
    for name, values in here.items():
        assert "refused" not in (values, elsewhere[1][name]), name
        np.testing.assert_allclose(values, elsewhere[1][name], atol=1e-5, err_msg=name)
        assert np.isfinite(values).all(), name


def test_beyond_the_end_lies_nothing():
    here = ours()
    assert here["more places than boxes"] == [0, 2, 0, 0, 0]
    assert here["and which of them count"] == [True, True, False, False, False]
    assert here["all scores NaN"] == [False, False]
    assert here["detected classes"][3:] == [-1] * 6
    assert sum(here["proposals that count"][0]) == 2
    assert here["matched with nothing"] == [0, 0, 0]


def test_a_region_beside_the_map_takes_the_cells_at_its_border():
    before, behind, empty, beyond = ours()["pooled outside"][0]
    assert np.array(before).tolist() == np.full((2, 2, 2), [0, 1]).tolist()
    assert np.array(behind).tolist() == np.full((2, 2, 2), [22, 23]).tolist()
    assert np.array(empty).tolist() == np.full((2, 2, 2), [18, 19]).tolist()
    assert np.array(beyond)[..., 0].tolist() == [[12, 14], [20, 22]]
