"""R-CNN and Fast R-CNN: published sizes, what they cut out, what they learn from, what they say."""

import cv2
import keras
import numpy as np
import pytest
from keras import ops

from convbook.architectures.rcnn import (
    LOSSES,
    RCNN,
    FastRCNN,
    box_loss,
    decide,
    region_head,
    scene_backbone,
    small_fast_rcnn,
    small_rcnn,
    vgg_fast_rcnn,
    warp,
)
from convbook.counting import blueprint, count_parameters
from convbook.data import digit_scenes
from convbook.detection.boxes import decode
from convbook.detection.evaluation import evaluate
from convbook.detection.proposals import overlaps
from convbook.detection.sampling import OFFSET_SCALES, RegionBatches
from convbook.kept import FOLDER, keep, load_kept


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


# --- sizes ----------------------------------------------------------------------------------------


def test_the_fast_rcnn_on_vgg16_has_the_published_shapes_and_count():
    net = blueprint(vgg_fast_rcnn)
    assert net.backbone.output_shape == (None, 37, 50, 512)  # 600 x 800 pixels, stride 16
    assert net.head.input_shape == (None, 7, 7, 512)
    assert net.head.output_shape == [(None, 21), (None, 84)]
    applications = blueprint(keras.applications.VGG16, include_top=False, weights=None)
    convolutions = applications.count_params()
    assert count_parameters(net.backbone) == convolutions == 14_714_688
    dense = blueprint(keras.applications.VGG16, weights=None)
    hidden = sum(dense.get_layer(name).count_params() for name in ("fc1", "fc2"))
    ends = 4097 * (21 + 84)
    assert count_parameters(net) == convolutions + hidden + ends == 134_690_729


@pytest.mark.slow
def test_the_full_size_net_takes_a_step_of_training():
    net = vgg_fast_rcnn((64, 96))
    rng = np.random.default_rng(0)
    before = numpy(net.head.get_layer("scores").kernel).copy()
    boxes = np.array([[[0, 0, 40, 60], [8, 16, 64, 96.0]]], "float32")
    y = {"scores": np.array([[3, 0]]), "offsets": np.zeros((1, 2, 5), "float32")}
    y["offsets"][0, 0, 0] = 3
    net.compile("sgd", LOSSES, jit_compile=False)
    image = rng.random((1, 64, 96, 3), "float32")
    losses = net.train_on_batch({"image": image, "boxes": boxes}, y)
    assert np.isfinite(losses).all()
    assert np.abs(numpy(net.head.get_layer("scores").kernel) - before).max() > 0


def test_both_small_nets_have_the_same_convolutions_and_few_weights():
    nets = small_rcnn(), small_fast_rcnn()
    shapes = [[w.shape for w in net.backbone.weights] for net in nets]
    assert shapes[0] == shapes[1]
    assert nets[1].backbone.output_shape == (None, 32, 32, 96)
    assert all(count_parameters(net) < 1_000_000 for net in nets)


# --- what is cut out ------------------------------------------------------------------------------


def test_a_box_is_warped_as_opencv_resizes_it():
    image = np.random.default_rng(1).random((40, 52, 3), "float32")
    whole = warp(image[None], np.array([[[0, 0, 40, 52]]], "float32"), 16, context=0)
    np.testing.assert_allclose(numpy(whole)[0, 0], cv2.resize(image, (16, 16)), atol=1e-5)


def test_what_surrounds_a_box_is_a_rim_of_as_many_pixels_as_asked_for():
    image = np.zeros((1, 64, 64, 3), "float32")
    image[:, 16:44, 20:34] = 1
    boxes = np.array([[[16, 20, 44, 34]]], "float32")
    crop = numpy(warp(image, boxes, 32, context=2))[0, 0, :, :, 0]
    # Samples lie between pixels: the border is met within half a pixel of the picture.
    assert crop[2:-2, 2:-2].min() > 0.7
    assert max(crop[:2].max(), crop[-2:].max(), crop[:, :2].max(), crop[:, -2:].max()) < 0.3
    np.testing.assert_allclose(crop[3:-3, 3:-3], 1, atol=1e-5)
    assert numpy(warp(image, boxes, 32, context=0))[0, 0].min() > 0.6


def test_the_order_of_the_two_steps_is_what_the_nets_differ_in():
    """For a box that is the whole picture, and of the warped size, both see the same maps."""
    backbone = scene_backbone((32, 32))
    head = region_head(96, 4, 5)
    picture = np.random.default_rng(2).random((1, 32, 32, 3), "float32")
    inputs = {"image": picture, "boxes": np.array([[[0, 0, 32, 32]]], "float32")}
    one = RCNN(backbone, head, context=0)(inputs)
    other = FastRCNN(backbone, head, stride=8)(inputs)
    for key in ("scores", "offsets"):
        np.testing.assert_allclose(numpy(one[key]), numpy(other[key]), atol=1e-5)
    inner = {"image": picture, "boxes": np.array([[[3, 5, 27, 30]]], "float32")}
    apart = RCNN(backbone, head, context=0)(inner)["scores"]
    assert np.abs(numpy(apart) - numpy(FastRCNN(backbone, head, 8)(inner)["scores"])).max() > 1e-5


# --- loss and answers -----------------------------------------------------------------------------


def test_the_loss_of_a_box_is_smooth_l1_of_its_own_class_and_none_for_the_ground():
    offsets = np.random.default_rng(3).normal(0, 1, (1, 3, 4, 4)).astype("float32")
    wanted = np.array([[0.1, -2, 0.3, 3], [0, 0, 0, 0], [1, 1, 1, 1]], "float32")
    truth = np.concatenate([[[2], [0], [3]], wanted], 1)[None].astype("float32")
    expected = np.zeros(3)
    for row, label in ((0, 2), (2, 3)):
        x = np.abs(offsets[0, row, label] - wanted[row])
        expected[row] = np.where(x < 1, x**2 / 2, x - 0.5).sum()
    np.testing.assert_allclose(numpy(box_loss(truth, offsets))[0], expected, rtol=1e-5)


def answers_for(boxes, classes, offsets, sure=9.0, kinds=4):
    """What a net would say that is sure of these classes and offsets."""
    scores = sure * np.eye(1 + kinds, dtype="float32")[classes]
    each = np.repeat(np.asarray(offsets, "float32")[:, :, None], 1 + kinds, axis=2)
    return {"scores": scores, "offsets": each}


def test_sure_answers_become_boxes_moved_by_their_offsets_and_padding_none():
    boxes = np.array([[[10, 10, 30, 20], [40, 40, 60, 60], [0, 0, 0, 0]]], "float32")
    classes = np.array([[2, 0, 3]])
    offsets = np.zeros((1, 3, 4))
    offsets[0, 0] = (1, -2, 0, 1)
    said = answers_for(boxes, classes, offsets)
    found = {key: numpy(value) for key, value in decide(said, boxes, (64, 64), count=5).items()}
    assert found["valid"].sum() == 1
    assert found["classes"][0].tolist() == [1, -1, -1, -1, -1]
    expected = numpy(decode(offsets[0, 0], boxes[0, 0], OFFSET_SCALES))
    np.testing.assert_allclose(found["boxes"][0, 0], expected, atol=1e-4)
    kept = decide(said, boxes, (64, 64), count=5, refine=False)
    np.testing.assert_allclose(numpy(kept["boxes"])[0, 0], boxes[0, 0], atol=1e-5)


def test_found_boxes_end_where_the_picture_ends():
    boxes = np.array([[[50, 50, 64, 64]]], "float32")
    said = answers_for(boxes, np.array([[1]]), np.full((1, 1, 4), 4.0))
    assert numpy(decide(said, boxes, (64, 64))["boxes"]).max() <= 64


# --- what is learnt from --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scenes():
    return digit_scenes(40, "train", 96, seed=2)


@pytest.fixture(scope="module")
def batches(scenes):
    rng = np.random.default_rng(4)
    low = rng.uniform(0, 60, (len(scenes), 120, 2))
    proposals = np.concatenate([low, low + rng.uniform(8, 36, low.shape)], -1)
    proposals[:, 100:] = 0
    return RegionBatches(scenes, proposals, batch_size=4, regions=32, seed=1)


def test_boxes_hold_what_they_overlap_and_their_targets_lead_to_it(scenes, batches):
    positives = 0
    for number, scene in enumerate(scenes):
        objects = scene["boxes"][~scene["crowd"]]
        labels = scene["classes"][~scene["crowd"]]
        boxes = batches.boxes[number]
        values = overlaps(boxes, objects) if len(objects) else np.zeros((len(boxes), 1))
        own = batches.classes[number]
        holds = values.max(1) >= 0.5
        assert ((own > 0) == holds).all()
        if not holds.any():
            continue
        positives += holds.sum()
        best = values[holds].argmax(1)
        assert (own[holds] == 1 + labels[best]).all()
        back = numpy(decode(batches.targets[number][holds], boxes[holds], OFFSET_SCALES))
        np.testing.assert_allclose(back, objects[best], atol=1e-3)
        crowds = scene["boxes"][scene["crowd"]]
        if len(crowds):
            on_crowd = overlaps(boxes, crowds).max(1) >= 0.5
            assert (own[on_crowd & ~holds] == -1).all()
    assert positives > 100
    assert (batches.classes[:, 100:120] == -1).all(), "padding is learnt from by nobody"


def test_a_batch_has_its_share_of_objects_and_follows_from_seed_and_epoch(batches):
    inputs, truth = batches[0]
    assert inputs["image"].shape == (4, 96, 96, 3)
    assert inputs["boxes"].shape == (4, 32, 4)
    held = (truth["scores"] > 0).sum(1)
    assert held.max() <= 8
    assert held.max() > 0
    assert truth["scores"].min() >= 0
    np.testing.assert_array_equal(truth["scores"], truth["offsets"][..., 0])
    again = batches[0][0]["boxes"]
    np.testing.assert_array_equal(again, inputs["boxes"])
    batches.on_epoch_end()
    assert not np.array_equal(batches[0][0]["boxes"], inputs["boxes"])
    assert len(batches) == 10


def test_too_few_pictures_are_told_in_one_sentence(scenes):
    with pytest.raises(ValueError, match="There are 2 pictures and 8 in a batch"):
        RegionBatches(scenes[:2], np.zeros((2, 5, 4)))


def test_a_picture_without_a_box_to_learn_from_is_named(scenes):
    empty = {**scenes[0], **{key: scenes[0][key][:0] for key in ("boxes", "classes", "crowd")}}
    boxes = np.zeros((2, 5, 4))
    boxes[0, 0] = (3, 3, 30, 30)
    assert RegionBatches([empty], boxes[:1], batch_size=1)[0][1]["scores"].max() == 0
    with pytest.raises(ValueError, match="Picture 1 has no box to learn from: give it proposals"):
        RegionBatches([empty, empty], boxes, batch_size=1)


@pytest.mark.parametrize("build", [lambda: small_rcnn(10, 16), lambda: small_fast_rcnn((96, 96))])
def test_the_nets_learn_and_their_answers_can_be_evaluated(build, scenes, batches):
    keras.utils.set_random_seed(0)
    net = build()
    net.compile(keras.optimizers.Adam(2e-3), LOSSES, run_eagerly=True)
    x, y = batches[1]
    losses = [float(np.ravel(net.train_on_batch(x, y))[0]) for _ in range(6)]
    assert losses[-1] < 0.7 * losses[0]
    found = net.find([scene["image"] for scene in scenes[:3]], batches.boxes[:3], 2, count=20)
    assert found["boxes"].shape == (3, 20, 4)
    assert 0 <= evaluate(scenes[:3], found, thresholds=(0.5,)).map50 <= 1


# --- kept weights ---------------------------------------------------------------------------------


def test_kept_weights_come_back_with_their_curves(tmp_path):
    net, other = (region_head(6, 2, 3, (5,)) for _ in range(2))
    keep(net, tmp_path / "head.npz", loss=[2.0, 1.0])
    curves = load_kept(other, "head", tmp_path)
    assert curves["loss"].tolist() == [2, 1]
    for one, two in zip(net.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-6)
    with pytest.raises(ValueError, match="choose of head"):
        load_kept(other, "nose", tmp_path)
    with pytest.raises(ValueError, match="another net"):
        load_kept(region_head(6, 2, 4, (5,)), "head", tmp_path)


@pytest.mark.parametrize(
    ("build", "kept", "start"),
    [(small_fast_rcnn, "fast_rcnn", "fast_rcnn"), (small_rcnn, "rcnn", "faster_rcnn")],
)
def test_the_kept_nets_stand_on_convolutions_that_their_training_can_start_from(build, kept, start):
    """What `tools/train_regions.py --start` needs is in the repository."""
    net = build()
    load_kept(net, kept)
    with np.load(FOLDER / f"{start}.npz") as stored:
        for number, weight in enumerate(net.backbone.get_weights()):
            np.testing.assert_array_equal(weight, stored[f"weight{number:03}"].astype("float32"))
