"""Selective search in an order that can be repeated, and how many objects its boxes cover."""

import cv2
import numpy as np
import pytest

from convbook.data import digit_scenes, photo_patches
from convbook.detection.proposals import covered, overlaps, propose, recall, selective_search


@pytest.fixture(scope="module")
def picture():
    return digit_scenes(3, "test", 64, seed=1)[2]["image"]


def opencv(picture):
    """The search as OpenCV's own example calls it."""
    search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    search.setBaseImage(np.round(picture * 255).astype("uint8")[..., ::-1].copy())
    search.switchToSelectiveSearchFast()
    return search.process()


def test_the_boxes_are_opencvs_and_their_order_is_always_the_same(picture):
    first, second = (selective_search(picture, enlarge=1, least=0) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    theirs = {(y, x, y + h, x + w) for x, y, w, h in opencv(picture).tolist()}
    assert {tuple(box) for box in first.astype(int).tolist()} == theirs
    assert len(first) == len(theirs), "each box once"
    other = selective_search(picture, enlarge=1, least=0, seed=1)
    assert not np.array_equal(other, first)
    assert sorted(other.tolist()) == sorted(first.tolist())


def test_a_grey_picture_can_be_searched(picture):
    grey = picture.mean(-1)
    found = selective_search(grey)
    np.testing.assert_array_equal(found, selective_search(grey[..., None]))
    assert len(found) > 0


def test_boxes_are_in_the_pictures_own_pixels_however_it_is_enlarged(picture):
    for enlarge in (1, 2):
        boxes = selective_search(picture, enlarge=enlarge, least=6)
        assert boxes.min() >= 0
        assert boxes.max() <= 64
        assert (boxes[:, 2:] - boxes[:, :2]).min() >= 6
        assert (boxes[:, 2:].max(0) > 60).all()


def test_what_cannot_be_searched_is_said_in_one_sentence(picture):
    with pytest.raises(ValueError, match="There is no mode"):
        selective_search(picture, "slow")
    with pytest.raises(ValueError, match=r"has the shape \(64,\)"):
        selective_search(np.zeros(64))


def test_lists_of_proposals_are_padded_and_cut():
    pictures = photo_patches(2, "test", 48)
    few, many = propose(pictures, 5), propose(pictures, 900)
    np.testing.assert_array_equal(few, many[:, :5])
    assert many.shape == (2, 900, 4)
    assert (many[:, -1] == 0).all()
    np.testing.assert_array_equal(few[0], selective_search(pictures[0])[:5])


def test_recall_counts_objects_that_one_of_the_first_boxes_covers():
    scene = {
        "boxes": np.array([[0, 0, 10, 10], [20, 20, 30, 40], [50, 50, 60, 60.0]]),
        "crowd": np.array([False, False, True]),
    }
    proposals = [[[0, 0, 10, 4], [0, 0, 10, 8], [0, 0, 0, 0], [50, 50, 60, 60]]]
    needed = covered([scene], proposals, 0.5)
    assert needed[0] == 2
    assert needed[1] > 10**6
    assert recall(needed, [1, 2, 4]).tolist() == [0, 0.5, 0.5], "a crowd is no object"
    assert covered([scene], proposals, 0.9)[0] > 10**6
    nothing = {"boxes": np.zeros((0, 4)), "crowd": np.zeros(0, bool)}
    assert len(covered([nothing], [np.zeros((3, 4))])) == 0
    with pytest.raises(ValueError, match="no object"):
        recall(covered([nothing], [np.zeros((3, 4))]), [1])


def test_overlaps_are_those_of_the_nets_operation():
    from keras import ops

    from convbook.detection.boxes import iou

    rng = np.random.default_rng(0)
    a, b = (np.sort(rng.uniform(0, 50, (n, 2, 2)), 1).reshape(n, 4) for n in (7, 9))
    a[0], b[3] = 0, (5, 5, 5, 9)
    np.testing.assert_allclose(overlaps(a, b), ops.convert_to_numpy(iou(a, b)), atol=1e-5)
    assert overlaps(a, np.zeros((0, 4))).shape == (7, 0)
