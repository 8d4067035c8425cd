"""SSD and YOLOv2: their boxes, what they are trained on, published shapes and counts, learning."""

import keras
import numpy as np
import pytest
from keras import ops
from pycocotools import mask as coco_mask

from convbook.architectures.single_shot import (
    SCENE_PRIORS,
    SSD300_RATIOS,
    SSD300_SCALES,
    SSD300_SIZES,
    ChannelNorm,
    SpaceToDepth,
    darknet19,
    small_ssd,
    small_yolo,
    ssd300,
    yolov2,
)
from convbook.data import digit_scenes
from convbook.data.batches import collate
from convbook.detection.anchors import anchor_priors, default_boxes, size_iou
from convbook.detection.boxes import iou, to_corners
from convbook.detection.evaluation import evaluate
from convbook.detection.matching import hard_negatives, match
from convbook.detection.yolo import yolo_decode, yolo_encode


def floats(values):
    """An array of float32."""
    return np.asarray(values, "float32")


def to_numpy(value):
    return ops.convert_to_numpy(value)


def batch_of(count, seed=0):
    """Scenes as `fit` wants them."""
    batch = collate(digit_scenes(count, seed=seed), places=10)
    truth = {key: batch[key] for key in ("boxes", "classes", "crowd")}
    return batch["image"].astype("float32"), truth


# ------------------------------------------------------------------------------------ default boxes


def test_ssd300_has_8732_default_boxes():
    boxes = default_boxes(SSD300_SIZES, SSD300_SCALES, SSD300_RATIOS)
    assert boxes.shape == (8732, 4)
    counts = [size**2 * (len(r) + 1) for size, r in zip(SSD300_SIZES, SSD300_RATIOS, strict=True)]
    assert counts == [5776, 2166, 600, 150, 36, 4]
    np.testing.assert_allclose(boxes[-4], (0.5, 0.5, 0.88, 0.88), atol=1e-6)
    np.testing.assert_allclose(boxes[-3], (0.5, 0.5, *[(0.88 * 1.05) ** 0.5] * 2), atol=1e-6)
    assert (to_numpy(to_corners(boxes)) < 0).any()  # nothing is cut off at the border


def test_default_boxes_of_a_small_map_by_hand():
    boxes = default_boxes([2, 1], [0.25, 0.5, 1.0], [[1, 4], [1]])
    extra, other = 0.125**0.5, 0.5**0.5
    cell = [[0.25, 0.25], [extra, extra], [0.125, 0.5]]  # ratio 4 is four times as wide as high
    centres = [(y, x) for y in (0.25, 0.75) for x in (0.25, 0.75)]
    expected = [[*centre, *size] for centre in centres for size in cell]
    expected += [[0.5, 0.5, 0.5, 0.5], [0.5, 0.5, other, other]]
    np.testing.assert_allclose(boxes, expected, atol=1e-6)


def test_default_boxes_that_do_not_go_together_are_refused():
    with pytest.raises(ValueError, match="2 maps want 3 scales and 2 lists of ratios"):
        default_boxes([2, 1], [0.1, 0.2], [[1], [1]])
    with pytest.raises(ValueError, match="begin with 1"):
        default_boxes([2], [0.1, 0.2], [[2, 1]])


# --------------------------------------------------------------------------------------- matching


def test_every_box_claims_its_best_default_box_and_the_others_stay():
    defaults = drawn(40, seed=1)
    boxes, valid = drawn(5, seed=2), np.array([1, 1, 1, 0, 1], bool)
    plain, before = map(to_numpy, match(defaults, boxes, valid, 0.5, 0.5, low_quality=False))
    labels, matched = map(
        to_numpy, match(defaults, boxes, valid, 0.5, 0.5, low_quality=False, claim=True)
    )
    best = to_numpy(iou(defaults, boxes)).argmax(0)
    claims = {best[box]: box for box in np.flatnonzero(valid)}  # two want the same: the later's
    assert len(claims) == 3
    for anchor, box in claims.items():
        assert labels[anchor] == 1
        assert matched[anchor] == box
    others = np.setdiff1d(np.arange(40), best[valid])
    np.testing.assert_array_equal(labels[others], plain[others])
    np.testing.assert_array_equal(matched[others], before[others])
    claimed = np.array(list(claims))
    assert (matched[claimed] != before[claimed]).any() or (plain[claimed] != 1).any()


def drawn(count, seed):
    rng = np.random.default_rng(seed)
    corners = np.sort(rng.uniform(0, 100, (count, 2, 2)), 1)
    return corners.reshape(count, 4).astype("float32")


def test_hard_negatives_are_those_of_a_plain_sort():
    rng = np.random.default_rng(0)
    loss, positive = rng.permutation(150).reshape(3, 50) / 10.0, rng.random((3, 50)) < 0.15
    positive[1], positive[2, :20] = False, True
    for ratio in (3, 1, 0.5):
        kept = to_numpy(hard_negatives(loss.astype("float32"), positive, ratio))
        for i in range(3):
            others = np.flatnonzero(~positive[i])
            wanted = int(ratio * positive[i].sum())
            expected = others[np.argsort(-loss[i][others])][:wanted]
            assert np.flatnonzero(kept[i]).tolist() == sorted(expected.tolist())


# ------------------------------------------------------------------------------------------- YOLO


def test_sizes_overlap_as_boxes_laid_centre_on_centre_do():
    a, b = np.array([[4.0, 2], [3, 3]]), np.array([[2.0, 4], [4, 2], [6, 6]])
    boxes = [np.concatenate([-each[:, ::-1] / 2, each[:, ::-1]], 1) for each in (a, b)]
    np.testing.assert_allclose(size_iou(a, b), coco_mask.iou(*boxes, np.zeros(3, np.uint8)))


def test_priors_of_separate_clusters_are_their_means_in_the_order_of_the_start():
    rng = np.random.default_rng(0)
    small, large = rng.uniform(9, 11, (20, 2)), rng.uniform(45, 55, (30, 2))
    sizes = np.concatenate([large, small])
    start = [[20, 20], [30, 30], [1, 400]]
    got = anchor_priors(sizes, start=start)
    np.testing.assert_allclose(got, [small.mean(0), large.mean(0), [1, 400]])  # the last is empty
    for seed in range(3):
        got = anchor_priors(sizes, 2, seed=seed)
        np.testing.assert_allclose(np.sort(got, 0), [small.mean(0), large.mean(0)])


def test_the_priors_of_scenes_are_what_clustering_finds():
    boxes = np.concatenate([s["boxes"][~s["crowd"]] for s in digit_scenes(300)])
    found = anchor_priors(boxes[:, 2:] - boxes[:, :2], 5)
    np.testing.assert_allclose(found[found.prod(1).argsort()], SCENE_PRIORS, atol=0.06)


def test_priors_that_cannot_be_drawn_are_refused():
    with pytest.raises(ValueError, match="above 0"):
        anchor_priors([[0, 3]], 1)
    with pytest.raises(ValueError, match="count is 3: there are 2 different"):
        anchor_priors([[1, 3], [1, 3], [2, 2]], 3)
    with pytest.raises(ValueError, match="one \\(h, w\\) a cluster"):
        anchor_priors([[1, 3]], start=[1, 2, 3])


def test_a_head_that_says_what_was_asked_of_it_is_decoded_to_the_boxes():
    priors = floats([[10, 5], [20, 20], [40, 30]])
    boxes = floats([[[3, 4, 14, 9], [30, 20, 50, 44], [0, 0, 0, 0]], [[10, 10, 52, 40]] * 3])
    valid = np.array([[1, 1, 0], [0, 0, 1]], bool)
    target, there, owner = map(to_numpy, yolo_encode(boxes, valid, priors, 8, 8, 6))
    assert there.sum((1, 2, 3)).tolist() == [2, 1]
    assert there[0, 1, 0, 0]  # centre (8.5, 6.5), most like the first prior
    assert there[0, 5, 4, 1]
    assert owner[1][there[1]].tolist() == [2]
    assert not target[~there].any()
    inner = np.clip(target[..., :2], 1e-6, 1 - 1e-6)
    rest = np.zeros((2, 8, 6, 3, 4))
    raw = np.concatenate([np.log(inner / (1 - inner)), target[..., 2:], rest], -1)
    decoded, objectness, classes = map(to_numpy, yolo_decode(raw, priors, 8))
    np.testing.assert_allclose(decoded[0][there[0]], boxes[0, :2], atol=1e-3)
    np.testing.assert_allclose(decoded[1][there[1]], boxes[1, 2:], atol=1e-3)
    assert decoded.shape == (2, 8, 6, 3, 4)
    np.testing.assert_allclose(objectness, 0.5)
    np.testing.assert_allclose(classes, 1 / 3, atol=1e-6)


def test_a_cell_of_a_head_by_hand():
    raw = np.zeros((3, 2, 1, 7), "float32")
    raw[2, 1, 0] = [0, np.log(3), np.log(2), 0, np.log(4), np.log(3), 0]
    boxes, objectness, classes = map(to_numpy, yolo_decode(raw, [[10, 6]], 16))
    np.testing.assert_allclose(boxes[2, 1, 0], [40 - 10, 28 - 3, 40 + 10, 28 + 3], atol=1e-4)
    assert objectness[2, 1, 0] == pytest.approx(0.8)
    np.testing.assert_allclose(classes[2, 1, 0], [0.75, 0.25], atol=1e-6)


# ------------------------------------------------------------------------------------- whole nets


def test_ssd300_has_the_shapes_and_the_parameters_of_torchvision():
    """torchvision 0.29's `ssd300_vgg16` has 35,641,826 for 91 classes, the ground among them."""
    net = ssd300(90)
    assert net.net.count_params() == 35_641_826
    body = 14_714_688 + 512 + 4_719_616 + 1_049_600  # VGG-16's, the norm's, fc6 and fc7
    further = 262_400 + 1_180_160 + 65_664 + 295_168 + 2 * (32_896 + 295_168)
    kinds, channels = (4, 6, 6, 6, 4, 4), (512, 1024, 512, 256, 256, 256)
    heads = sum(k * (91 + 4) * (9 * c + 1) for k, c in zip(kinds, channels, strict=True))
    assert body + further + heads == 35_641_826
    assert net.net.output["scores"].shape == (None, 8732, 91)
    assert net.net.output["offsets"].shape == (None, 8732, 4)
    sizes = [net.net.get_layer(f"head{i}_scores").output.shape[1] for i in range(1, 7)]
    assert tuple(sizes) == SSD300_SIZES
    assert net.defaults.shape == (8732, 4)


def test_yolov2_has_the_shapes_and_the_numbers_of_the_published_files():
    """yolov2.weights has 203,934,260 bytes: a head of 16, then 4 for each number of the net."""
    net = yolov2(80)
    assert net.net.output["raw"].shape == (None, 13, 13, 5, 85)
    assert net.net.count_params() == (203_934_260 - 16) // 4 == 50_983_561
    voc = yolov2(20)
    assert net.net.count_params() - voc.net.count_params() == 5 * 60 * (1024 + 1)
    moving = sum(int(np.prod(w.shape)) for w in net.net.non_trainable_weights)
    assert moving == 20_672


def test_darknet19_has_19_convolutions():
    net = darknet19()
    convolutions = [each for each in net.layers if isinstance(each, keras.layers.Conv2D)]
    assert len(convolutions) == 19
    assert net.output_shape == (None, 1000)
    assert 20.8e6 < net.count_params() < 20.9e6


def test_the_norm_over_channels_and_the_blocks_laid_deep_are_those_of_numpy():
    x = np.random.default_rng(0).standard_normal((2, 4, 6, 3)).astype("float32")
    length = np.linalg.norm(x, axis=-1, keepdims=True)
    np.testing.assert_allclose(to_numpy(ChannelNorm()(x)), 20 * x / length, rtol=1e-4)
    deep = to_numpy(SpaceToDepth()(x))
    assert deep.shape == (2, 2, 3, 12)
    np.testing.assert_array_equal(deep[1, 1, 2], x[1, 2:4, 4:6].ravel())


@pytest.mark.parametrize("build", [small_ssd, small_yolo])
def test_perfect_answers_cost_little_and_are_found_again(build):
    """What the losses ask for, said by the net, is what `find` gives: the truth."""
    images, truth = batch_of(6)
    truth["crowd"][:] = False
    net = build()
    said = perfect(net, truth)
    found = {key: to_numpy(value) for key, value in net.find(said).items()}
    judged = evaluate(truth, found, classes=10, thresholds=(0.5, 0.75))
    assert np.nanmean(judged.by_class(0.75)) > 0.9
    losses = [float(loss) for loss in net.losses_of(said, truth_of(truth))]
    rng = np.random.default_rng(0)
    wild = {k: 3 * rng.standard_normal(v.shape).astype("float32") for k, v in said.items()}
    worse = [float(loss) for loss in net.losses_of(wild, truth_of(truth))]
    assert all(loss < 0.05 for loss in losses)
    assert all(loss > 1 for loss in worse)
    assert images.shape[0] == 6


def truth_of(truth):
    from convbook.architectures.faster_rcnn import Truth

    return Truth.of(truth)


def perfect(net, truth):
    """What a net that has learnt all of it would say."""
    from convbook.detection.boxes import encode
    from convbook.detection.sampling import OFFSET_SCALES

    valid = truth["classes"] >= 0
    if net.name == "small_ssd":
        answer = match(net.defaults, truth["boxes"], valid, 0.5, 0.5, low_quality=False, claim=True)
        labels, matched = map(to_numpy, answer)
        classes = np.where(labels == 1, np.take_along_axis(truth["classes"], matched, 1) + 1, 0)
        boxes = np.take_along_axis(truth["boxes"], matched[..., None], 1)
        offsets = to_numpy(encode(boxes, net.defaults, OFFSET_SCALES))
        return {"scores": 20.0 * np.eye(11, dtype="float32")[classes], "offsets": offsets}
    target, there, owner = map(to_numpy, yolo_encode(truth["boxes"], valid, net.priors, 8, 16, 16))
    inner = np.clip(target[..., :2], 1e-4, 1 - 1e-4)
    classes = np.take_along_axis(truth["classes"], owner.reshape(len(owner), -1), 1)
    classes = 20.0 * np.eye(10)[np.maximum(classes, 0)].reshape(*there.shape, 10)
    objects = np.where(there, 20.0, -20.0)[..., None]
    parts = [np.log(inner / (1 - inner)), target[..., 2:], objects, classes]
    return {"raw": np.concatenate(parts, -1).astype("float32")}


@pytest.mark.parametrize("build", [small_ssd, small_yolo])
def test_a_step_lowers_the_loss_and_a_detector_gives_padded_detections(build):
    keras.utils.set_random_seed(0)
    images, truth = batch_of(4)
    net = build()
    assert net.net.count_params() < 700_000
    net.compile(keras.optimizers.Adam(1e-3))
    losses = net.fit(images, truth, batch_size=4, epochs=4, verbose=0).history
    assert losses["loss"][-1] < 0.85 * losses["loss"][0]
    assert set(losses) == {"loss", *net.loss_names}
    found = net.predict(images, verbose=0)
    assert found["boxes"].shape == (4, 40, 4)
    assert ((found["classes"] >= 0) == found["valid"]).all()


def test_pictures_without_objects_and_crowds_give_finite_losses():
    images, truth = batch_of(2)
    truth["classes"][0], truth["boxes"][0] = -1, 0
    truth["crowd"][1] = True
    for build in (small_ssd, small_yolo):
        net = build()
        losses = net.losses_of(net.net(images), truth_of(truth))
        assert all(np.isfinite(float(loss)) for loss in losses)


@pytest.mark.slow
@pytest.mark.parametrize("build", [ssd300, yolov2])
def test_a_full_size_net_takes_a_training_step(build):
    net = build(20)
    size = net.image_size[0]
    images = np.random.default_rng(0).random((1, size, size, 3), "float32")
    truth = {"boxes": floats([[[20, 30, 150, 200]]]), "classes": np.array([[3]])}
    net.compile(keras.optimizers.SGD(1e-4))
    assert np.isfinite(net.fit(images, truth, epochs=1, verbose=0).history["loss"]).all()
    assert net.predict(images, verbose=0)["boxes"].shape[1:] == (net.detections, 4)
