"""Mask R-CNN: masks cut out and pasted back, the mask head's loss, the pyramid, the counts."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops
from scipy import ndimage

from convbook.architectures.faster_rcnn import (
    Truth,
    propose,
    region_proposal_network,
    small_faster_rcnn,
)
from convbook.architectures.mask_rcnn import (
    PUBLISHED,
    SMALL,
    MaskRCNN,
    copy_resnet,
    cut_of_levels,
    level_of,
    mask_head,
    of_class,
    resnet_mask_rcnn,
    small_mask_rcnn,
    start_from_boxes,
    top_down,
)
from convbook.architectures.pyramid import dilated_resnet
from convbook.architectures.rcnn import region_head, scene_backbone
from convbook.counting import blueprint, count_parameters
from convbook.data import digit_scenes
from convbook.data.batches import Batches, collate
from convbook.detection.evaluation import evaluate
from convbook.detection.masks import crop_masks, paste_masks, pasted
from convbook.detection.regions import roi_align, roi_pool
from convbook.kept import load_kept
from convbook.train.__main__ import _parser, _plan, main
from convbook.train.pictures import Steps, source
from convbook.train.run import Run

SIDE, CLASSES = 64, 3
TINY = dataclasses.replace(
    SMALL, scales=(16, 32), ratios=(1, 2), before=40, before_training=40, after=12, regions=16
)


def to_numpy(value):
    return ops.convert_to_numpy(value)


def tiny_net(
    seed: int = 0, levels: int = 1, side: int = SIDE, classes: int = CLASSES, **changes
) -> MaskRCNN:
    """A net for pictures of 64 pixels; its boxes come from one level of maps, or from several."""
    keras.utils.set_random_seed(seed)
    recipe = dataclasses.replace(TINY, mask_pool=8, mask_stride=4, **changes)
    trunk = scene_backbone((side, side), (8, 8, 16, 16))
    maps = [trunk.output]
    for _ in range(levels - 1):
        maps.append(layers.MaxPooling2D(2)(maps[-1]))
    finer = [each.input for each in trunk.layers if isinstance(each, layers.MaxPooling2D)][2]
    fine = top_down([finer, trunk.output], 16, smooth=False)[0]
    outputs = {"anchors": maps, "regions": maps, "masks": [fine]}
    return MaskRCNN(
        keras.Model(trunk.input, outputs),
        region_proposal_network(16, recipe.kinds, 16),
        region_head(16, recipe.pool, classes, (32,)),
        mask_head(16, recipe.mask_pool, classes, 16, convolutions=2),
        recipe,
    )


def scenes(batch: int = 2):
    """Pictures of noise, each with two objects; the second picture's second is padding."""
    rng = np.random.default_rng(3)
    images = rng.random((batch, SIDE, SIDE, 3)).astype("float32")
    boxes = np.array([[[4, 6, 30, 22], [30, 20, 60, 50]]] * batch, "float32")
    classes = np.array([[2, 0]] * batch)
    boxes[1, 1], classes[1, 1] = 0, -1
    masks = np.zeros((batch, 2, SIDE, SIDE), "uint8")
    for picture, number in ((0, 0), (0, 1), (1, 0)):
        y1, x1, y2, x2 = boxes[picture, number].astype(int)
        masks[picture, number, y1:y2, x1:x2] = rng.random((y2 - y1, x2 - x1)) < 0.6
    return images, {"boxes": boxes, "classes": classes, "masks": masks}


# --- masks ----------------------------------------------------------------------------------------


def pasted_by_scipy(mask, box, height, width, threshold=0.5):
    """A mask of a picture whose pixels' centres are looked up in the box."""
    y1, x1, y2, x2 = map(float, box)
    y, x = np.mgrid[:height, :width] + 0.5
    places = [(y - y1) / (y2 - y1) * len(mask) - 0.5, (x - x1) / (x2 - x1) * len(mask[0]) - 0.5]
    values = ndimage.map_coordinates(mask.astype(float), places, order=1, mode="nearest")
    return (values > threshold) & (y >= y1) & (y < y2) & (x >= x1) & (x < x2)


def test_a_mask_is_pasted_where_its_box_lies_by_bilinear_values():
    rng = np.random.default_rng(0)
    masks = rng.random((2, 6, 7, 7)).astype("float32")
    boxes = np.sort(rng.uniform(0, 30, (2, 6, 2, 2)), axis=2).reshape(2, 6, 4).astype("float32")
    boxes[0, 0] = (-4, 3.3, 12.2, 50)  # over the border
    got = to_numpy(paste_masks(masks, boxes, 31, 28, 0.4))
    assert got.shape == (2, 6, 31, 28)
    for i, j in np.ndindex(2, 6):
        expected = pasted_by_scipy(masks[i, j], boxes[i, j], 31, 28, 0.4)
        assert (got[i, j] != expected).sum() <= 1, (i, j)  # a value at the threshold itself
    assert got.sum() > 100
    moved = to_numpy(paste_masks(masks, boxes + 1, 31, 28, 0.4))
    assert (moved != got).any()


def test_in_a_box_of_whole_pixels_a_mask_is_what_keras_resizes_it_to():
    mask = np.random.default_rng(1).random((5, 5)).astype("float32")
    resized = to_numpy(ops.image.resize(mask[..., None], (9, 14)))[..., 0]
    got = to_numpy(paste_masks(mask, np.array([3, 2, 12, 16]), 20, 18))
    np.testing.assert_array_equal(got[3:12, 2:16], resized > 0.5)
    assert got.sum() == got[3:12, 2:16].sum() > 10


def test_an_empty_box_has_an_empty_mask():
    empty = np.array([[0, 0, 0, 0], [5, 5, 5, 9]], "float32")
    assert not to_numpy(paste_masks(np.ones((2, 4, 4), "float32"), empty, 12, 12)).any()


def test_what_is_cut_out_for_a_box_is_the_part_of_the_mask_in_it():
    rng = np.random.default_rng(2)
    masks = rng.random((2, 3, 16, 20)) < 0.5
    boxes = np.array([[2, 3, 10, 11]] * 3, "float32")[None].repeat(2, 0)
    got = to_numpy(crop_masks(masks, boxes, 8))
    # Two samples a pixel lie a quarter from its centre on each side: ends of runs are 7/8.
    np.testing.assert_array_equal(got > 0.5, masks[:, :, 2:10, 3:11] & (got > 0.5))
    one = to_numpy(crop_masks(masks, boxes, 8, samples=1))
    np.testing.assert_array_equal(one, masks[:, :, 2:10, 3:11])
    other = to_numpy(crop_masks(masks, boxes + 1, 8, samples=1))
    np.testing.assert_array_equal(other, masks[:, :, 3:11, 4:12])


def test_a_mask_comes_back_from_its_target_nearly_whole():
    some = digit_scenes(6, "test", seed=3)
    masks = np.concatenate([scene["masks"] for scene in some])
    boxes = np.concatenate([scene["boxes"] for scene in some])
    squares = crop_masks(masks[:, None], boxes[:, None], 28)[:, 0]
    back = to_numpy(paste_masks(squares, boxes, 128, 128))
    shares = (back & masks).sum((1, 2)) / (back | masks).sum((1, 2))
    assert shares.min() > 0.9
    shifted = to_numpy(paste_masks(squares, boxes + 1, 128, 128))
    worse = (shifted & masks).sum((1, 2)) / (shifted | masks).sum((1, 2))
    assert worse.mean() < shares.mean() - 0.2


def test_detections_get_masks_of_the_pictures_size_and_padding_none():
    found = {
        "boxes": np.array([[[2, 2, 10, 8], [0, 0, 0, 0]]], "float32"),
        "small_masks": np.ones((1, 2, 6, 6), "float32"),
        "valid": np.array([[True, False]]),
    }
    made = pasted(found, 12, 16)
    assert made["masks"].shape == (1, 2, 12, 16)
    assert made["masks"][0, 0].sum() == 8 * 6
    assert not made["masks"][0, 1].any()
    nothing = pasted(found | {"valid": np.zeros((1, 2), bool)}, 12, 16)
    assert not nothing["masks"].any()


# --- what is learnt -------------------------------------------------------------------------------


def test_the_masks_loss_is_the_mean_cross_entropy_of_the_true_classs_mask():
    net = tiny_net(masks=6)
    images, truth = scenes()
    seen = net.look(images, training=True)
    made = Truth.of(truth)
    sampled = net.sample_regions(seen, made)
    got = float(net.mask_loss(seen, made, truth["masks"], sampled, True))
    labels, matched, chosen, boxes = (
        to_numpy(each) for each in (sampled.labels, sampled.matched, sampled.chosen, sampled.boxes)
    )
    drawn = to_numpy(net.draw_masks(seen["mask_maps"], boxes))
    total, count = 0.0, 0
    for i, j in np.ndindex(2, 6):
        if labels[i, j] != 1 or not chosen[i, j]:
            continue
        number = matched[i, j]
        own = drawn[i, j, :, :, truth["classes"][i, number]].astype(float)
        cut = crop_masks(
            truth["masks"][i : i + 1, number : number + 1], boxes[i : i + 1, j : j + 1], 16
        )
        wanted = to_numpy(cut)[0, 0] >= 0.5
        probability = 1 / (1 + np.exp(-own))
        total -= np.log(np.where(wanted, probability, 1 - probability)).mean()
        count += 1
    assert count >= 3
    assert got == pytest.approx(total / count, rel=1e-4)
    # Another class's mask would have given another loss.
    wrong = Truth(made.boxes, (made.classes + 1) % CLASSES, made.valid, made.crowds)
    assert float(net.mask_loss(seen, wrong, truth["masks"], sampled, True)) != pytest.approx(got)


def test_only_masks_of_classes_that_are_there_are_trained():
    net = tiny_net()
    net.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
    images, truth = scenes()
    kernel = net.mask_head.get_layer("masks").kernel
    before = to_numpy(kernel)
    logs = net.train_on_batch(images, truth, return_dict=True)
    moved = np.abs(to_numpy(kernel) - before).max((0, 1, 2)) > 0
    np.testing.assert_array_equal(moved, [True, False, True])  # classes 0 and 2, not 1
    assert set(logs) == {
        *("loss", "objectness", "proposal_offsets", "class", "box_offsets", "mask"),
    }
    assert logs["loss"] == pytest.approx(sum(v for k, v in logs.items() if k != "loss"), rel=1e-5)


def test_a_picture_without_objects_teaches_no_mask():
    net = tiny_net()
    images, truth = scenes()
    nothing = {"classes": np.full_like(truth["classes"], -1), "masks": truth["masks"]}
    nothing["boxes"] = 0 * truth["boxes"]
    net.compute_loss(images, nothing, net(images, training=True))
    values = {meter.name: float(meter.result()) for meter in net.meters}
    assert values["mask"] == values["box_offsets"] == 0
    assert np.isfinite(list(values.values())).all()


def test_each_detection_has_the_mask_of_its_class():
    net = tiny_net(score_threshold=0.0)
    images, _ = scenes()
    seen = net.look(images)
    found = {key: to_numpy(value) for key, value in net.find(seen).items()}
    assert found["small_masks"].shape == (2, TINY.detections, 16, 16)
    drawn = to_numpy(net.draw_masks(seen["mask_maps"], found["boxes"]))
    there = found["valid"]
    assert len(set(found["classes"][there])) > 1
    for i, j in np.argwhere(there)[::5]:
        own = 1 / (1 + np.exp(-drawn[i, j, :, :, found["classes"][i, j]]))
        np.testing.assert_allclose(found["small_masks"][i, j], own, atol=1e-5)
    assert not found["small_masks"][~there].any()
    chosen = to_numpy(of_class(drawn, np.ones((2, TINY.detections), int)))
    np.testing.assert_allclose(chosen, drawn[..., 1], atol=1e-6)


@pytest.mark.timeout(180)
def test_it_learns_boxes_and_masks_of_a_few_scenes_by_heart():
    some = digit_scenes(4, size=SIDE, classes=CLASSES, objects=(1, 2), heights=(40, 80), seed=5)
    batch = collate(some, 2, ("image", "boxes", "classes", "crowd", "masks"))
    batch |= {key: batch[key].astype("uint8") for key in ("crowd", "masks")}
    images, truth = batch.pop("image"), batch
    net = tiny_net()

    def judged(kind):
        found = pasted(net.predict_on_batch(images), SIDE, SIDE)
        return evaluate(some, found, kind=kind, classes=CLASSES, thresholds=(0.5,)).map50

    untrained = judged("masks")
    net.compile(keras.optimizers.Adam(5e-3, global_clipnorm=10.0), jit_compile=False)
    net.optimizer.build(net.trainable_variables)
    for _ in range(100):
        net.train_on_batch(images, truth)
    assert untrained < 0.2
    assert judged("boxes") > 0.9
    assert judged("masks") > 0.8


# --- the pyramid ----------------------------------------------------------------------------------


def test_a_region_is_cut_out_of_the_level_that_suits_its_size():
    # Lin 2017, equation 1: k = floor(4 + log2(side / 224)), from P2 to P5.
    sides = np.array([10, 60, 111, 112, 223, 224, 447, 448, 900], "float32")
    boxes = np.stack([0 * sides, 0 * sides, sides, sides], -1)
    wanted = np.clip(np.floor(4 + np.log2(sides / 224)), 2, 5)
    np.testing.assert_array_equal(to_numpy(level_of(boxes, 4, 4)) + 2, wanted)
    assert set(wanted) == {2, 3, 4, 5}


@pytest.mark.parametrize(("pooling", "cut"), [("align", roi_align), ("max", roi_pool)])
def test_each_region_is_read_on_its_own_level(pooling, cut):
    rng = np.random.default_rng(0)
    levels = [rng.normal(size=(1, n, n, 3)).astype("float32") for n in (32, 16)]
    boxes = np.array([[[10, 20, 40, 60], [0, 5, 120, 128]]], "float32")
    got = to_numpy(cut_of_levels(levels, boxes, 4, 5, pooling))
    np.testing.assert_array_equal(to_numpy(level_of(boxes, 4, 2)), [[0, 1]])
    for number, stride in ((0, 4), (1, 8)):
        own = to_numpy(cut(levels[number], boxes[:, number : number + 1] / stride, 5))
        np.testing.assert_allclose(got[:, number : number + 1], own, atol=1e-6)


def test_proposals_are_the_best_of_all_levels():
    net = tiny_net(levels=2)
    assert len(net.anchors) == (64 + 16) * TINY.kinds
    heights = net.anchors[:, 2] - net.anchors[:, 0]
    np.testing.assert_allclose(heights[: TINY.kinds] * 2, heights[-TINY.kinds :])
    images, _ = scenes()
    seen = net.look(images)
    assert seen["objectness"].shape == (2, len(net.anchors))
    boxes, scores, valid = map(to_numpy, net.proposals(seen))
    assert boxes.shape == (2, TINY.after, 4)
    both = []
    for part in (slice(0, 64 * TINY.kinds), slice(64 * TINY.kinds, None)):
        options: dict[str, Any] = {"before": TINY.before, "after": TINY.after}
        made = propose(
            seen["objectness"][:, part],
            seen["offsets"][:, part],
            net.anchors[part],
            (SIDE, SIDE),
            threshold=TINY.suppression,
            offset_scales=TINY.offset_scales,
            **options,
        )
        both.append([to_numpy(each) for each in made])
    for i in range(2):
        pool = np.concatenate([each[1][i][each[2][i]] for each in both])
        np.testing.assert_allclose(scores[i][valid[i]], np.sort(pool)[::-1][: valid[i].sum()])
    found = net(images)
    assert found["small_masks"].shape[:2] == (2, TINY.detections)


def test_a_pyramids_fine_maps_know_the_coarse_ones():
    fine, coarse = keras.Input((8, 8, 3)), keras.Input((4, 4, 5))
    net = keras.Model([fine, coarse], top_down([fine, coarse], 6, smooth=False))
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(1, *shape)).astype("float32") for shape in ((8, 8, 3), (4, 4, 5)))
    got = [to_numpy(each) for each in net([a, b])]
    sides = [net.get_layer(f"pyramid_side{i}") for i in (0, 1)]
    low = to_numpy(sides[1](b))
    np.testing.assert_allclose(got[1], low, atol=1e-6)
    doubled = low.repeat(2, 1).repeat(2, 2)
    np.testing.assert_allclose(got[0], to_numpy(sides[0](a)) + doubled, atol=1e-5)


# --- the published net ----------------------------------------------------------------------------

TORCHVISION = 44_401_393  # its documentation, maskrcnn_resnet50_fpn, 91 classes
BY_PART = {  # the same, part by part: weights and biases, as its modules have them
    "backbone": 23_454_912 + (256 + 512 + 1024 + 2048 + 4) * 256 + 4 * (9 * 256 + 1) * 256,
    "rpn": (9 * 256 + 1) * 256 + 257 * 3 + 257 * 12,
    "head": (256 * 49 + 1) * 1024 + 1025 * 1024 + 1025 * 91 + 1025 * 364,
    "mask_head": 4 * (9 * 256 + 1) * 256 + (4 * 256 * 256 + 256) + 257 * 91,
}


@pytest.fixture(scope="module")
def published():
    return blueprint(resnet_mask_rcnn)


def test_the_published_net_has_torchvisions_parameters_but_for_a_mask_of_the_ground(published):
    assert sum(BY_PART.values()) == TORCHVISION
    for name, theirs in BY_PART.items():
        more = 257 if name == "mask_head" else 0  # 256 weights and a bias
        assert count_parameters(getattr(published, name)) == theirs - more, name
    assert count_parameters(published) == TORCHVISION - 257 == 44_401_136
    with_ground = blueprint(mask_head, 256, 14, 91)
    assert count_parameters(with_ground) == BY_PART["mask_head"]
    # Trained normalisations would be 53,120 more: they are there, and left as they are.
    resnet = published.backbone.get_layer("resnet50")
    norms = [each for each in resnet.layers if isinstance(each, layers.BatchNormalization)]
    assert sum(2 * each.gamma.shape[0] for each in norms) == 53_120


def test_the_published_net_has_the_papers_shapes(published):
    sides = [maps.shape[1:] for maps in published.backbone.output["anchors"]]
    wanted = [(200, 336), (100, 168), (50, 84), (25, 42), (13, 21)]
    assert sides == [(*side, 256) for side in wanted]
    assert len(published.anchors) == 3 * sum(h * w for h, w in wanted)
    first = np.cumsum([0, *(3 * h * w for h, w in wanted)])[:-1]
    areas = [np.prod(published.anchors[i, 2:] - published.anchors[i, :2]) for i in first]
    np.testing.assert_allclose(np.sqrt(areas), [32, 64, 128, 256, 512], rtol=1e-4)
    assert published.head.output_shape == [(None, 91), (None, 364)]
    assert published.mask_head.input_shape == (None, 14, 14, 256)
    assert published.mask_head.output_shape == (None, 28, 28, 90)
    with pytest.raises(ValueError, match="multiples of 32"):
        resnet_mask_rcnn((800, 1333))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_published_net_takes_a_training_step():
    recipe = dataclasses.replace(PUBLISHED, before=50, before_training=50, after_training=20)
    recipe = dataclasses.replace(recipe, after=10, regions=8, masks=2, detections=5)
    net = resnet_mask_rcnn((96, 128), 5, recipe)
    net.compile(keras.optimizers.SGD(1e-4), run_eagerly=True)
    rng = np.random.default_rng(0)
    truth = {"boxes": np.array([[[10, 20, 80, 90]]], "float32"), "classes": np.array([[3]])}
    truth["masks"] = np.ones((1, 1, 96, 128), "uint8")
    watched = [net.backbone.get_layer("resnet50").layers[1], net.mask_head.get_layer("mask1")]
    before = [to_numpy(layer.kernel) for layer in watched]
    logs = net.train_on_batch(rng.random((1, 96, 128, 3)), truth, return_dict=True)
    assert np.isfinite(list(logs.values())).all()
    assert logs["mask"] > 0
    for layer, old in zip(watched, before, strict=True):
        assert (to_numpy(layer.kernel) != old).any()
    assert net.predict_on_batch(rng.random((1, 96, 128, 3)))["small_masks"].shape == (1, 5, 28, 28)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_weights_of_resnet50_give_the_maps_that_it_has():
    keras.utils.set_random_seed(4)
    theirs = keras.applications.ResNet50(weights=None, include_top=False, input_shape=(33, 65, 3))
    rng = np.random.default_rng(0)
    theirs.set_weights(
        [
            rng.uniform(0.5, 1, w.shape) * np.sign(w + 1e-9) * (np.abs(w) + 0.01)
            for w in theirs.get_weights()
        ]
    )
    trunk = dilated_resnet((33, 65, 3), output_stride=32)  # odd sides: padding is alike
    picture = rng.normal(size=(1, 33, 65, 3)).astype("float32")
    names = [f"conv{i}_block{n}_out" for i, n in ((2, 3), (4, 6), (5, 3))]
    wanted = keras.Model(theirs.input, [theirs.get_layer(n).output for n in names])(picture)
    unlike = [to_numpy(each) for each in trunk(picture)]
    copy_resnet(theirs, trunk)
    for ours, other, old in zip(trunk(picture), wanted, unlike, strict=True):
        size = np.abs(to_numpy(other)).max()
        np.testing.assert_allclose(to_numpy(ours) / size, to_numpy(other) / size, atol=1e-4)
        assert np.abs(old - to_numpy(other)).max() / size > 0.01


# --- the book's small net -------------------------------------------------------------------------


def test_the_small_net_finds_the_boxes_of_the_kept_faster_rcnn_and_only_masks_learn():
    net, boxes = small_mask_rcnn(), small_faster_rcnn()
    start_from_boxes(net)
    load_kept(boxes, "faster_rcnn")
    some = digit_scenes(2, "test", seed=11)
    images = np.stack([scene["image"] for scene in some])
    ours, theirs = net.look(images), boxes.look(images)
    for key in ("objectness", "offsets"):
        np.testing.assert_allclose(to_numpy(ours[key]), to_numpy(theirs[key]), atol=1e-4)
    found, other = net.find(ours), boxes.find(theirs)
    few = net.recipe.detections
    np.testing.assert_allclose(
        to_numpy(found["boxes"]), to_numpy(other["boxes"])[:, :few], atol=1e-2
    )
    learning = {id(weight) for weight in net.trainable_weights}
    side = [layer for layer in net.backbone.layers if layer.name.startswith("masks")]
    own = [w for layer in (*side, net.mask_head) for w in layer.trainable_weights]
    assert learning == {id(weight) for weight in own}
    assert count_parameters(net) == sum(np.prod(weight.shape) for weight in own)
    with pytest.raises(ValueError, match="mask_stride is 16: choose 2, 4 or 8"):
        small_mask_rcnn(recipe=dataclasses.replace(SMALL, mask_stride=16))


@pytest.mark.parametrize(("stride", "side"), [(4, 32), (8, 16)])
def test_masks_may_be_drawn_on_coarser_maps(stride, side):
    net = blueprint(small_mask_rcnn, recipe=dataclasses.replace(SMALL, mask_stride=stride))
    (fine,) = net.backbone.output["masks"]
    assert fine.shape[1:3] == (side, side)


@functools.cache
def kept_answers():
    net = small_mask_rcnn()
    curves = load_kept(net, "mask_rcnn")
    some = digit_scenes(16, "test", seed=14)
    images = np.stack([scene["image"] for scene in some])
    return curves, some, pasted(net(images), 128, 128)


def test_the_kept_net_draws_masks_of_scenes_it_has_not_seen():
    curves, some, found = kept_answers()
    boxes, masks = (evaluate(some, found, kind=kind).map50 for kind in ("boxes", "masks"))
    assert masks > 0.7
    assert boxes > 0.7
    filled = pasted(found | {"small_masks": np.ones_like(found["small_masks"])}, 128, 128)
    assert evaluate(some, filled, kind="masks").map50 < masks - 0.2
    assert curves["mask mAP@0.5"][-1] > 0.6


# --- the command ----------------------------------------------------------------------------------

COMMAND = ["mask_rcnn", "--size", "48", "--batch-size", "4", "--evaluate-on", "6"]


@functools.cache
def pictures():
    options: dict[str, Any] = {"size": 48, "seed": 0, "places": 8, "masks": True}
    return [
        source("digit_scenes", split, count=n, **options)
        for split, n in (("train", 11), ("test", 3))
    ]


def make_run(out: Path) -> Run:
    """A run of a tiny net: two steps an epoch, a checkpoint after each."""
    few = {"before": 20, "before_training": 20, "after": 8, "after_training": 8, "detections": 5}
    net = tiny_net(side=48, classes=10, regions=8, **few)
    net.compile(keras.optimizers.Adam(1e-3), run_eagerly=True)
    net.optimizer.build(net.trainable_variables)
    keys = ("image", "boxes", "classes", "crowd", "difficult", "masks")
    training, test = (
        Batches(one, 4, shuffle=i == 0, seed=0, places=8, keys=keys)
        for i, one in enumerate(pictures())
    )
    arguments = [*COMMAND, "--out", str(out), "--epochs", "1", "--save-every", "1"]
    return Run(net, training, test, _plan(_parser().parse_args(arguments)), 10, out)


def test_a_stopped_run_goes_on_with_its_masks_to_the_same_curve(tmp_path):
    whole = make_run(tmp_path / "whole")
    assert whole.go_on()
    stopped = make_run(tmp_path / "stopped")
    stopped.advance()
    again = make_run(tmp_path / "stopped")
    assert again.resume()
    assert again.step == 1
    assert again.go_on()
    assert [list(row) for row in again.history] == [list(row) for row in whole.history]
    for one, other in zip(again.history, whole.history, strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-6)
    assert {"mAP@0.5", "mask mAP@0.5", "mask mAP@0.75"} < set(again.scores())
    assert "mask" in again.losses()


def test_masks_are_kept_as_bits_and_come_back_as_they_were():
    held = pictures()[0]
    assert held[0]["masks"].shape == (8, 48, 6)
    steps = Steps(Batches(held, 4, shuffle=False, seed=0, places=8, keys=tuple(held[0])), 0, 2)
    _, truth = steps[1]
    wanted = collate(digit_scenes(8, size=48)[4:], 8, ("masks",))["masks"]
    np.testing.assert_array_equal(truth["masks"], wanted)
    mirrored = Steps(steps.batches, 0, 2, flip=True)
    image, turned = mirrored[0]
    wanted = collate(digit_scenes(4, size=48), 8, ("masks",))["masks"]
    chosen = (image != steps[0][0]).any((1, 2, 3))
    assert 0 < chosen.sum() < 4
    np.testing.assert_array_equal(turned["masks"][chosen], wanted[chosen][..., ::-1])
    np.testing.assert_array_equal(turned["masks"][~chosen], wanted[~chosen])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--start", "imagenet"], "starts from the book's faster_rcnn, or from nothing"),
        (["--stride", "4"], "the small Mask R-CNN has maps of stride 8"),
        (["--data", "voc/2007"], "voc/2007 has no masks: choose voc_masks/2007"),
    ],
)
def test_what_cannot_be_trained_is_said_in_a_sentence(arguments, sentence, tmp_path, capsys):
    options = ["--data-dir", str(tmp_path), "--out", str(tmp_path), "--count", "4", *arguments]
    assert main([*COMMAND, *options]) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert len(told.strip().splitlines()) == 1


# --- drawings -------------------------------------------------------------------------------------


def test_an_outline_runs_along_the_edges_of_the_pixels():
    import matplotlib.pyplot as plt

    from convbook.drawing.masks import draw_outline, pale

    mask = np.zeros((6, 8), bool)
    mask[2:4, 3:6] = True
    _, axes = plt.subplots()
    draw_outline(axes, mask)
    points = axes.lines[0].get_xydata()
    assert np.isnan(points).any(1).sum() == 2 * (2 + 3)  # a piece for each pixel of the edge
    np.testing.assert_array_equal(np.nanmin(points, 0), (3, 2))
    np.testing.assert_array_equal(np.nanmax(points, 0), (6, 4))
    plt.close("all")
    grey = pale(np.zeros((2, 2, 3), np.uint8))
    assert np.ptp(grey) == 0
    assert 0.3 < grey.mean() < 0.6
