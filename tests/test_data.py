"""The embedded sets: what a chapter gets, that nothing leaks, that labels tell the truth."""

import difflib
import subprocess
import sys
import time

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from convbook.data import (
    damage,
    digit_scenes,
    digits,
    figures,
    heads,
    lower_resolution,
    photo_patches,
    photographs,
    stack_figures,
    structure,
)
from convbook.data.gates import LATTICE, picture_side
from convbook.data.handwriting import SHEET_STARTS, TEST_SHEETS, part_of_digits
from convbook.data.head_drawing import draw_head
from convbook.data.photos import _regions
from convbook.data.scenes import boxes_of


def test_importing_the_data_imports_neither_tensorflow_nor_keras():
    code = "import sys, convbook.data; print({'tensorflow', 'keras'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"


# ------------------------------------------------------------------------------------- digits


@pytest.mark.parametrize("size", [28, 32])
def test_digits_are_real_balanced_and_split_by_writer(size):
    (x_train, y_train), (x_test, y_test) = digits(size)
    assert x_train.shape == (1417, size, size, 1)
    assert x_test.shape == (380, size, size, 1)
    assert x_train.dtype == x_test.dtype == np.float32
    assert x_train.min() == 0
    assert x_train.max() == 1
    assert np.issubdtype(y_train.dtype, np.integer)
    for labels in (y_train, y_test):
        counts = np.bincount(labels, minlength=10)
        assert counts.min() > 0.85 * counts.mean()
    together = np.concatenate([x_train, x_test]).reshape(1797, -1)
    assert len(np.unique(together, axis=0)) == 1797, "no digit is there twice, or in both parts"


def test_digits_of_32_pixels_are_those_of_28_with_a_margin():
    np.testing.assert_array_equal(digits(32)[0][0][:, 2:-2, 2:-2], digits(28)[0][0])
    assert not digits(32)[0][0][:, :2].any()


def test_a_sheet_is_one_filling_of_the_same_form():
    """The labels of every sheet follow the form's, but for a few digits that could not be read."""
    from sklearn.datasets import load_digits

    labels = load_digits().target
    form = list(labels[: SHEET_STARTS[1]])
    for start, end in zip(SHEET_STARTS, [*SHEET_STARTS[1:], 1797], strict=True):
        sheet = list(labels[start:end])
        matching = difflib.SequenceMatcher(None, form, sheet, autojunk=False).ratio()
        assert matching > 0.96
        assert sheet[:3] in ([0, 1, 2], [1, 2, 3])
    assert 0 < len(TEST_SHEETS) < len(SHEET_STARTS)


def test_enlarged_digits_keep_the_scans_they_came_from():
    (images, labels), _ = digits(28)
    scans, scan_labels = part_of_digits("train")
    back = images[:, 4:24, 4:24, 0].reshape(-1, 4, 5, 4, 5).mean((2, 4))  # 20 pixels to 4 cells
    cells = scans.reshape(-1, 4, 2, 4, 2).mean((2, 4))
    distances = np.abs(back[:200, None] - cells[None]).sum((2, 3))
    assert (scan_labels[distances.argmin(1)] == labels[:200]).mean() > 0.98


def test_a_wrong_size_is_refused_in_words():
    with pytest.raises(ValueError, match="28 or 32"):
        digits(30)


# ---------------------------------------------------------------------------------- structure


def windows(picture, side, stride=1):
    """The bag of all windows of a picture padded as `same` convolutions pad, as sorted bytes."""
    padded = np.pad(picture, side - 1, constant_values=-1)
    views = np.lib.stride_tricks.sliding_window_view(padded, (side, side))[::stride, ::stride]
    return sorted(window.tobytes() for row in views for window in row)


def twin(picture, size):
    """The same picture with the right strokes of its two gates exchanged: the other label."""
    swapped = picture.copy()
    columns = np.argwhere(picture != picture[0, 0])
    top, bottom = columns[:, 0].min(), columns[:, 0].max()
    for rows in (slice(top, top + (bottom - top) // 2), slice(top + (bottom - top) // 2, None)):
        right = np.argwhere(picture[rows] != picture[0, 0])[:, 1].max()
        swapped[rows, right] = 2 * picture[0, 0] - picture[rows, right]
    return swapped


@pytest.mark.parametrize("size", [5, 9, 15])
def test_no_window_smaller_than_the_structure_tells_the_label(size):
    (pictures, labels), _ = structure(size, train=6, test=0, noise=0)
    pictures = np.rint(pictures[..., 0] * 255).astype(int)
    assert set(labels) == {0, 1}
    for picture in pictures:
        other = twin(picture, size)
        assert not np.array_equal(picture, other)
        assert windows(picture, size - 1) == windows(other, size - 1)
        assert windows(picture, size) != windows(other, size)
        for stride in (2, 4, LATTICE):
            assert windows(picture, size - 1, stride) == windows(other, size - 1, stride)


def test_the_twin_of_a_picture_has_the_other_label():
    """What makes the test above say something: the exchange takes one class into the other."""
    (pictures, labels), _ = structure(9, train=40, test=0, noise=0)
    for picture, label in zip(np.rint(pictures[..., 0] * 255).astype(int), labels, strict=True):
        for shown, meant in ((picture, label), (twin(picture, 9), 1 - label)):
            values = [shown[y, x] for y, x in zip(*np.nonzero(shown != shown[0, 0]), strict=True)]
            top = values[: len(values) // 2]
            assert (np.ptp(top) == 0) == meant


def test_structure_is_reproducible_balanced_and_of_the_size_it_says():
    (x, y), (x_test, y_test) = structure(11, train=50, test=20, seed=4)
    (x_again, _), _ = structure(11, train=50, test=2, seed=4)
    np.testing.assert_array_equal(x, x_again)
    assert x.shape == (50, picture_side(11), picture_side(11), 1)
    assert np.bincount(y).tolist() == [25, 25]
    assert np.bincount(y_test).tolist() == [10, 10]
    assert not np.array_equal(x[:20], x_test)
    assert not np.array_equal(x, structure(11, train=50, test=0, seed=5)[0][0])
    with pytest.raises(ValueError, match="3 to 63"):
        structure(2)


# ------------------------------------------------------------------------------------- scenes


@pytest.fixture(scope="module")
def scenes():
    return digit_scenes(300)


def test_scenes_have_one_to_eight_digits_empty_ones_crowds_and_difficult_ones(scenes):
    counts = np.bincount([len(scene["classes"]) for scene in scenes], minlength=9)
    assert len(counts) == 9
    assert (counts > 0).all()
    together = {
        key: np.concatenate([scene[key] for scene in scenes])
        for key in ("classes", "difficult", "crowd", "boxes")
    }
    assert set(together["classes"]) == set(range(10))
    assert 0.02 < together["difficult"].mean() < 0.3
    assert together["crowd"].any()
    heights = together["boxes"][:, 2] - together["boxes"][:, 0]
    assert heights.min() < 12
    assert heights.max() > 40


def test_masks_boxes_and_semantic_map_of_a_scene_agree(scenes):
    for scene in scenes:
        masks, boxes = scene["masks"], scene["boxes"]
        assert masks.sum(0).max(initial=0) <= 1, "visible pixels belong to one digit"
        assert masks.any((1, 2)).all()
        np.testing.assert_array_equal(boxes, boxes_of(masks))
        expected = np.zeros((128, 128), np.uint8)
        for mask, label in zip(masks, scene["classes"], strict=True):
            expected[mask] = 1 + label
        np.testing.assert_array_equal(scene["semantic"], expected)
        assert scene["image"].dtype == np.float32
        assert 0 <= scene["image"].min() <= scene["image"].max() <= 1


def test_a_digit_in_a_scene_is_the_digit_its_class_says():
    """A nearest neighbour among the same writers' digits reads large digits off their masks."""
    from scipy import ndimage

    scans, labels = part_of_digits("train")
    tight = []
    for scan in scans:
        (box,) = boxes_of((scan > 0.4)[None]).astype(int)
        tight.append(ndimage.zoom(scan[box[0] : box[2], box[1] : box[3]], 1))
    library = np.stack([_to_grid(one) for one in tight]).reshape(len(scans), -1)
    right = []
    for scene in digit_scenes(150, objects=(1, 1)):
        for mask, box, label, crowd in zip(
            scene["masks"],
            scene["boxes"].astype(int),
            scene["classes"],
            scene["crowd"],
            strict=True,
        ):
            if not crowd and box[2] - box[0] >= 24:
                grid = _to_grid(mask[box[0] : box[2], box[1] : box[3]].astype(float)).ravel()
                right.append(labels[((library - grid) ** 2).sum(1).argmin()] == label)
    assert len(right) > 30
    assert np.mean(right) > 0.9


def _to_grid(picture):
    from scipy import ndimage

    factors = 12 / np.array(picture.shape)
    return ndimage.zoom(picture, factors, order=1, mode="nearest", grid_mode=True)


def test_a_scene_depends_on_its_number_and_seed_only(scenes):
    again = digit_scenes(3)
    for scene, same in zip(scenes, again, strict=False):
        for key in scene:
            np.testing.assert_array_equal(scene[key], same[key])
    assert not np.array_equal(scenes[0]["image"], digit_scenes(1, seed=1)[0]["image"])
    assert not np.array_equal(scenes[0]["image"], digit_scenes(1, split="test")[0]["image"])


def test_train_and_test_share_neither_digits_nor_ground():
    train, test = (part_of_digits(split)[0].reshape(-1, 64) for split in ("train", "test"))
    assert len(train) + len(test) == 1797
    assert len(np.unique(np.concatenate([train, test]), axis=0)) == 1797


def test_train_and_test_patches_share_no_pixel_of_a_photograph():
    """Number the pixels, cut the regions of both parts out of the numbers, and compare."""
    numbers = {
        name: np.arange(427 * 640).reshape(427, 640, 1) + i * 427 * 640
        for i, name in enumerate(photographs())
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("convbook.data.photos._photographs", lambda: numbers)
        cut = _regions.__wrapped__
        train, test = (
            np.unique(np.concatenate([part.ravel() for part in cut(split, 1.0)]))
            for split in ("train", "test")
        )
    assert len(np.intersect1d(train, test)) == 0
    assert len(test) == 2 * 213 * 213
    assert len(train) + len(test) > 0.99 * 2 * 427 * 640


def test_fewer_classes_and_objects_on_request():
    scenes = digit_scenes(40, size=64, classes=3, objects=(2, 3))
    assert {int(c) for scene in scenes for c in scene["classes"]} == {0, 1, 2}
    assert max(len(scene["classes"]) for scene in scenes) == 3
    assert scenes[0]["image"].shape == (64, 64, 3)
    with pytest.raises(ValueError, match="48 to 256"):
        digit_scenes(1, size=20)
    with pytest.raises(ValueError, match='"train" or "test"'):
        digit_scenes(1, split="validation")


def test_a_thousand_scenes_are_made_in_seconds():
    """A thousand must take under 20 s on two cores: a hundred, here, 2 s."""
    digit_scenes(5)  # photographs are read and reduced once
    assert quickest(lambda: digit_scenes(100)) < 2.0 * slowness()


REFERENCE = 0.05  # seconds of `slowness`'s arithmetic on such a core


def quickest(make, runs=3):
    """Processor seconds of the quickest run: others may have been disturbed."""
    times = []
    for _ in range(runs):
        start = time.process_time()
        make()
        times.append(time.process_time() - start)
    return min(times)


def slowness():
    """How many times slower a core is now than one of the two that the bounds are meant for.

    Processor seconds grow where a neighbour shares the core's memory: the same arithmetic, timed in
    the same run, grows with them. Faster cores than that count as 1.
    """
    values = np.random.default_rng(0).random((256, 256, 16)).astype(np.float32)

    def arithmetic():
        for _ in range(20):
            np.sqrt(values**2 + 1).sum(-1)

    return max(1.0, quickest(arithmetic) / REFERENCE)


@pytest.mark.parametrize(
    "make", [lambda n: heads(n, size=128), lambda n: figures(n, size=128, people=(2, 3))]
)
def test_a_thousand_heads_or_figures_of_the_same_size_are_too(make):
    make(2)
    assert quickest(lambda: make(50)) < 1.0 * slowness()


@pytest.mark.parametrize("make", [digit_scenes, figures, heads, photo_patches])
def test_a_negative_count_is_refused_in_words(make):
    assert len(make(0)) == 0
    with pytest.raises(ValueError, match="must not be negative"):
        make(-1)


# ------------------------------------------------------------------------------------ figures


@pytest.fixture(scope="module")
def people():
    return figures(150, people=(2, 3), size=128)


def test_key_points_say_whether_they_are_seen_hidden_or_outside(people):
    shown = np.concatenate([one["visibility"] for one in people])
    points = np.concatenate([one["keypoints"] for one in people])
    for state in (0, 1, 2):
        assert (shown == state).mean() > 0.02
    np.testing.assert_array_equal(np.isnan(points).any(-1), shown == 0)
    inside = points[shown > 0]
    assert inside.min() > -0.51
    assert inside.max() < 127.51


def test_a_visible_key_point_lies_on_its_figure(people):
    for one in people:
        for points, shown, mask in zip(
            one["keypoints"], one["visibility"], one["masks"], strict=True
        ):
            y, x = np.rint(points[shown == 2]).astype(int).T
            assert mask[y, x].all()
        assert one["masks"].sum(0).max() <= 1


def test_single_figures_stack_and_several_do_not(people):
    ones = figures(20)
    arrays = stack_figures(ones)
    assert arrays["image"].shape == (20, 96, 96, 3)
    assert arrays["keypoints"].shape == (20, 14, 2)
    assert arrays["visibility"].shape == (20, 14)
    assert (arrays["scales"] > 10).all()
    with pytest.raises(ValueError, match=r"people=\(1, 1\)"):
        stack_figures(people)


def test_left_is_at_the_right_of_the_picture():
    points = stack_figures(figures(100))["keypoints"]
    assert (np.nan_to_num(points[:, 2, 1] - points[:, 5, 1], nan=1) > 0).all()


# -------------------------------------------------------------------------------------- heads


def where_the_mark_is(monkeypatch, angles):
    """Draw a grey head with a red mark on its chin, and find the mark: (x, y) in half heads."""

    def marked(look, point):
        near = (np.abs(point[:, 0]) < 0.1) & (np.abs(point[:, 1] + 0.5) < 0.1) & (point[:, 2] > 0)
        return np.where(near[:, None], [1.0, 0, 0], [0.5, 0.5, 0.5])

    monkeypatch.setattr("convbook.data.head_drawing._Look.face", marked)
    monkeypatch.setattr("convbook.data.head_drawing.FEATURES", ())
    green = np.zeros((96, 96, 3), np.float32) + np.array([0, 1, 0], np.float32)
    found = []
    for turn in (angles, (0, 0, 0)):
        roll, pitch, yaw = turn
        picture = draw_head(roll, pitch, yaw, green, np.random.default_rng(1))
        head = np.argwhere(picture[..., 1] < 0.9)
        mark = np.argwhere((picture[..., 0] > 0.2) & (picture[..., 1] < 0.1))
        found.append(mark.mean(0) - (head.min(0) + head.max(0)) / 2)
    (y, x), (at_rest, _) = found
    return np.array([x, -y]) / (at_rest / 0.5)


@pytest.mark.parametrize(
    "angles", [(0.6, 0, 0), (-2.0, 0, 0), (0, 0.4, 0), (0, 0, 0.7), (0.5, 0.2, -0.6)]
)
def test_angles_turn_the_head_as_the_rotation_matrix_says(monkeypatch, angles):
    roll, pitch, yaw = angles
    chin = np.array([0.0, -0.5, 0.86 * np.sqrt(0.75)])  # x right, y up, z to the viewer
    turned = (
        Rotation.from_rotvec([0, 0, roll])
        * Rotation.from_rotvec([0, yaw, 0])
        * Rotation.from_rotvec([pitch, 0, 0])
    ).apply(chin)
    # The heads' proportions vary by 8%.
    np.testing.assert_allclose(where_the_mark_is(monkeypatch, angles), turned[:2], atol=0.08)


def test_heads_cover_their_limits_and_nothing_beyond():
    made = heads(60, limits=(180, 45, 75))
    angles = np.degrees([one["angles"] for one in made])
    assert (np.abs(angles) <= [180, 45, 75]).all()
    assert (np.abs(angles).max(0) > [140, 35, 60]).all()
    assert made[0]["image"].shape == (64, 64, 3)
    np.testing.assert_array_equal(made[5]["image"], heads(6)[5]["image"])
    with pytest.raises(ValueError, match="limits"):
        heads(1, limits=(200, 10, 10))


# -------------------------------------------------------------------------------- photographs


def test_patches_lower_resolution_and_damage():
    patches = photo_patches(12, size=48)
    assert patches.shape == (12, 48, 48, 3)
    assert patches.dtype == np.float32
    assert patches.std((1, 2, 3)).min() > 0.02
    small = lower_resolution(patches, 3)
    assert small.shape == (12, 16, 16, 3)
    np.testing.assert_allclose(small[0, 0, 0], patches[0, :3, :3].mean((0, 1)), atol=1e-6)
    with pytest.raises(ValueError, match="blocks of 5"):
        lower_resolution(patches, 5)
    for kind in ("noise", "blur", "grey", "holes"):
        worse = damage(patches, kind, seed=2)
        assert worse.shape == patches.shape
        assert worse.dtype == np.float32
        assert 0 <= worse.min() <= worse.max() <= 1
        assert 1e-5 < ((worse - patches) ** 2).mean() < 0.2
        np.testing.assert_array_equal(worse, damage(patches, kind, seed=2))
    with pytest.raises(ValueError, match="choose"):
        damage(patches, "scratches")


def test_holes_are_as_many_and_as_large_as_asked_for():
    patches = np.ones((3, 32, 32, 3), np.float32)
    black = damage(patches, "holes", seed=1, holes=1, share=3 / 8)[..., 0] == 0
    for hole in black:
        rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
        assert len(rows) == len(columns) == np.ptp(rows) + 1 == np.ptp(columns) + 1 == 12
        assert hole.sum() == 144
    assert (damage(patches, "holes", seed=1)[..., 0] == 0).sum() <= 3 * 5 * 4**2
    with pytest.raises(ValueError, match="share is 2"):
        damage(patches, "holes", share=2)


def test_photographs_are_what_scikit_learn_ships():
    from sklearn.datasets import load_sample_image

    for name, picture in photographs().items():
        np.testing.assert_allclose(picture * 255, load_sample_image(f"{name}.jpg"), atol=1e-3)
