"""Faster R-CNN: published counts, and both stages against plain NumPy and Keras's own losses."""

import dataclasses
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from convbook.architectures.faster_rcnn import (
    LOSSES,
    PUBLISHED,
    SMALL,
    FasterRCNN,
    Truth,
    propose,
    region_proposal_network,
    small_faster_rcnn,
    smooth_l1,
    start_from_vgg16,
    vgg_faster_rcnn,
)
from convbook.architectures.rcnn import region_head, scene_backbone, vgg_backbone
from convbook.counting import blueprint, count_parameters

SIDE, CLASSES = 64, 3
TINY = dataclasses.replace(
    SMALL, scales=(16, 32), ratios=(1, 2), before=40, before_training=40, after=12, regions=16
)


def tiny_net(seed: int = 0, **changes) -> FasterRCNN:
    keras.utils.set_random_seed(seed)
    recipe = dataclasses.replace(TINY, **changes)
    return FasterRCNN(
        scene_backbone((SIDE, SIDE), (8, 8, 16, 16)),
        region_proposal_network(16, recipe.kinds, 16),
        region_head(16, recipe.pool, CLASSES, (32,)),
        recipe,
    )


def scenes(batch: int = 2):
    """Pictures of noise, each with two objects; the second picture's second is padding."""
    rng = np.random.default_rng(3)
    images = rng.random((batch, SIDE, SIDE, 3)).astype("float32")
    boxes = np.array([[[4, 6, 30, 22], [30, 20, 60, 50]]] * batch, "float32")
    classes = np.array([[2, 0]] * batch)
    boxes[1, 1], classes[1, 1] = 0, -1
    return images, {"boxes": boxes, "classes": classes}


def losses(net, images, truth):
    """The four losses of a net in training, by name."""
    net.reset_metrics()
    net.compute_loss(images, truth, net(images, training=True))
    return {meter.name: float(meter.result()) for meter in net.meters}


def plain_iou(a, b):
    """IoU of boxes (N, 4) with boxes (M, 4), in NumPy."""
    first, last = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[:, 2:])
    shared = np.prod(np.maximum(last - first, 0), -1)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], -1) for boxes in (a, b)]
    return shared / (areas[0][:, None] + areas[1] - shared)


def plain_decode(offsets, boxes):
    """Boxes moved by unscaled offsets, in NumPy."""
    sizes, centres = boxes[:, 2:] - boxes[:, :2], (boxes[:, 2:] + boxes[:, :2]) / 2
    centres, sizes = centres + offsets[:, :2] * sizes, sizes * np.exp(offsets[:, 2:])
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], 1)


def plain_proposals(objectness, offsets, anchors, size, before, after, threshold):
    """The proposals of one picture, one after the other."""
    boxes = np.clip(plain_decode(offsets, anchors), 0, np.tile(size, 2))
    best = np.argsort(-objectness)[:before]
    kept: list[int] = []
    for i in best:
        empty = (boxes[i, 2:] <= boxes[i, :2]).any()
        others = boxes[kept].reshape(-1, 4)
        if not empty and (plain_iou(boxes[i][None], others) <= threshold).all():
            kept.append(i)
    return boxes[kept[:after]], objectness[kept[:after]]


# --- the published net ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def published():
    return blueprint(vgg_faster_rcnn)


def test_the_published_net_has_the_papers_shapes_and_counts(published):
    assert published.backbone.output_shape == (None, 37, 62, 512)  # for 600 x 1000 pixels
    # "In total WHk anchors", with 9 at each of some 2,400 positions: roughly 20,000 (section 3.1).
    assert len(published.anchors) == 37 * 62 * 9 == 20_646
    # "Our output layer has 2.8 x 10^4 parameters (512 x (4 + 2) x 9 for VGG-16)", biases left out.
    last = [published.rpn.get_layer(name).kernel for name in ("objectness", "offsets")]
    assert sum(np.prod(kernel.shape) for kernel in last) == 512 * (4 + 2) * 9 == 27_648
    # "... our proposal layers": 3 x 3 x 512 x 512 + 512 x 6 x 9 = 2.4 x 10^6.
    look = published.rpn.get_layer("look").kernel
    assert np.prod(look.shape) + 27_648 == 2_386_944
    assert [layer.output.shape[-1] for layer in published.head.layers if "fc" in layer.name] == [
        4096,
        4096,
    ]
    assert published.head.output_shape == [(None, 21), (None, 84)]


def test_the_published_net_has_as_many_parameters_as_its_parts(published):
    thirteen = count_parameters(blueprint(vgg_backbone, (64, 64)))
    assert thirteen == 14_714_688  # keras.applications.VGG16 without its top
    proposals = 9 * 512 * 512 + 512 + 512 * 6 * 9 + 6 * 9
    head = 49 * 512 * 4096 + 4096 + 4096 * 4096 + 4096 + 4097 * (21 + 84)
    assert count_parameters(published) == thirteen + proposals + head == 137_078_239


def test_the_papers_anchors_have_its_areas_and_shapes(published):
    height, width = (published.anchors[:9, 2:] - published.anchors[:9, :2]).T
    np.testing.assert_allclose(np.sqrt(height * width), np.repeat([128, 256, 512], 3), rtol=1e-5)
    np.testing.assert_allclose(height / width, np.tile([0.5, 1, 2], 3), rtol=1e-5)
    # "The cross-boundary anchors" train nothing (section 3.3).
    inside, outside = (
        published.anchors[chosen] for chosen in (published.inside, ~published.inside)
    )
    over = np.maximum(-outside[:, :2], outside[:, 2:] - (600, 1000)).max(1)
    assert inside.min() >= 0
    assert (inside[:, 2:] <= (600, 1000)).all()
    assert over.min() > 0
    assert small_faster_rcnn().inside.all()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_published_net_takes_a_training_step():
    recipe = dataclasses.replace(PUBLISHED, scales=(32, 64), before_training=200, regions=8)
    recipe = dataclasses.replace(recipe, after_training=20, after=10)
    net = vgg_faster_rcnn((96, 128), recipe=recipe)
    net.compile(keras.optimizers.SGD(1e-4), run_eagerly=True)
    rng = np.random.default_rng(0)
    truth = {"boxes": np.array([[[10, 20, 80, 90]]], "float32"), "classes": np.array([[6]])}
    kernel = net.backbone.get_layer("backbone").get_layer("block5_conv1").kernel
    before = ops.convert_to_numpy(kernel)
    logs = net.train_on_batch(rng.random((1, 96, 128, 3)), truth, return_dict=True)
    assert np.isfinite(list(logs.values())).all()
    assert (ops.convert_to_numpy(kernel) != before).any()


def test_weights_of_vgg16_give_the_maps_that_it_has(monkeypatch):
    keras.utils.set_random_seed(4)
    theirs = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 48, 3))
    dense = {name: keras.layers.Dense(4) for name in ("fc1", "fc2")}
    for layer in dense.values():
        layer.build((None, 4))
    get = theirs.get_layer
    monkeypatch.setattr(theirs, "get_layer", lambda name: dense.get(name) or get(name))
    monkeypatch.setattr(keras.applications, "VGG16", lambda weights: theirs)
    net = vgg_faster_rcnn((32, 48), recipe=dataclasses.replace(PUBLISHED, pool=1))
    heads = {name: keras.layers.Dense(4) for name in ("fc6", "fc7")}
    for layer in heads.values():
        layer.build((None, 4))
    monkeypatch.setattr(net.head, "get_layer", lambda name: heads[name])
    picture = np.random.default_rng(0).random((1, 32, 48, 3)).astype("float32")
    wanted = keras.Model(theirs.input, theirs.get_layer("block5_conv3").output)(
        keras.applications.vgg16.preprocess_input(255 * picture)
    )
    assert np.abs(net.backbone(picture) - wanted).max() > 1e-3
    start_from_vgg16(net, "imagenet")
    np.testing.assert_allclose(net.backbone(picture), wanted, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(heads["fc7"].kernel, dense["fc2"].kernel)


# --- proposals ------------------------------------------------------------------------------------


def test_proposals_are_those_that_one_makes_by_hand():
    rng = np.random.default_rng(1)
    anchors = tiny_net().anchors
    objectness = rng.normal(size=(2, len(anchors))).astype("float32")
    offsets = rng.normal(0, 0.7, (2, len(anchors), 4)).astype("float32")
    offsets[0, :9, 0] = 30  # far outside: nothing is left of them
    objectness[0, :9] = 9
    size = (SIDE, SIDE - 8)
    options: dict[str, Any] = {"before": 60, "after": 20, "threshold": 0.3}
    boxes, scores, valid = map(np.asarray, propose(objectness, offsets, anchors, size, **options))
    for i in range(2):
        wanted, best = plain_proposals(objectness[i], offsets[i], anchors, size, **options)
        assert valid[i].sum() == len(best)
        np.testing.assert_allclose(boxes[i, : len(best)], wanted, atol=1e-3)
        np.testing.assert_allclose(scores[i, : len(best)], best, rtol=1e-6)
        assert not boxes[i, len(best) :].any()
    assert (scores[1][valid[1]] == np.sort(scores[1][valid[1]])[::-1]).all()
    assert len(anchors) > 60


def test_with_other_thresholds_the_proposals_are_others():
    rng = np.random.default_rng(1)
    anchors = tiny_net().anchors
    objectness = rng.normal(size=(1, len(anchors))).astype("float32")
    offsets = np.zeros((1, len(anchors), 4), "float32")

    def count(**changes):
        options: dict[str, Any] = {"before": 60, "after": 60, "threshold": 0.3} | changes
        return int(np.sum(propose(objectness, offsets, anchors, (SIDE, SIDE), **options)[2]))

    assert count() < count(threshold=0.7) < count(threshold=1.0) == 60
    assert count(before=30) < count()
    assert count(after=5) == 5


# --- what is learnt -------------------------------------------------------------------------------


@pytest.mark.parametrize("beta", [1 / 9, 1.0, 3.0])
def test_smooth_l1_is_hubers_loss_over_beta(beta):
    x = np.linspace(-5, 5, 101).astype("float32")
    huber = keras.losses.Huber(beta, reduction=None)
    wanted = [float(huber([0.0], [value])) / beta for value in x]
    np.testing.assert_allclose(smooth_l1(x, beta), wanted, atol=1e-5)


def test_the_losses_of_the_proposals_are_means_over_labelled_anchors():
    net = tiny_net(anchors=10_000, anchor_share=1.0)  # none is left to chance
    images, truth = scenes()
    seen = {key: np.asarray(value) for key, value in net(images, training=True).items()}
    crossed, moved, count = 0.0, 0.0, 0
    for i, boxes in enumerate((truth["boxes"][0], truth["boxes"][1, :1])):
        overlap = plain_iou(net.anchors, boxes)
        best, matched = overlap.max(1), overlap.argmax(1)
        positive = (best >= TINY.positive) | (overlap >= overlap.max(0) - 1e-6).any(1)
        labelled = positive | (best < TINY.negative)
        probability = 1 / (1 + np.exp(-seen["objectness"][i].astype(float)))
        crossed -= np.log(np.where(positive, probability, 1 - probability))[labelled].sum()
        offsets = seen["offsets"][i][positive] * np.array([0.1, 0.1, 0.2, 0.2])
        # The way back from the boxes: what the offsets miss, in their own units.
        anchors, goals = net.anchors[positive], boxes[matched[positive]]
        sizes = anchors[:, 2:] - anchors[:, :2]
        between = ((goals[:, :2] + goals[:, 2:]) - (anchors[:, :2] + anchors[:, 2:])) / 2 / sizes
        growth = np.log((goals[:, 2:] - goals[:, :2]) / sizes)
        miss = (offsets - np.concatenate([between, growth], 1)) / np.array([0.1, 0.1, 0.2, 0.2])
        far = np.abs(miss)
        moved += np.where(far < 1 / 9, 4.5 * far**2, far - 1 / 18).sum()
        count += labelled.sum()
    found = losses(net, images, truth)
    assert found["objectness"] == pytest.approx(crossed / count, rel=1e-4)
    assert found["proposal_offsets"] == pytest.approx(moved / count, rel=1e-4)


def test_a_picture_without_objects_has_ground_only():
    net = tiny_net()
    images, truth = scenes()
    empty = {"boxes": 0 * truth["boxes"], "classes": np.full_like(truth["classes"], -1)}
    found = losses(net, images, empty)
    assert found["proposal_offsets"] == found["box_offsets"] == 0
    assert 0 < found["objectness"] < 2
    assert 0 < found["class"] < 5
    assert losses(net, images, truth)["box_offsets"] > 0


def test_on_a_crowd_nothing_is_learnt():
    _, truth = scenes()
    crowd = np.array([[False, True], [False, False]])
    made = Truth.of(truth | {"crowd": crowd})
    np.testing.assert_array_equal(made.valid, [[True, False], [True, False]])
    np.testing.assert_array_equal(made.boxes[0, 1], 0)
    boxes = np.array([[[30, 20, 60, 50], [0, 40, 20, 64]]] * 2, "float32")
    labels = np.zeros((2, 2), "int32")
    np.testing.assert_array_equal(made.without_crowds(labels, boxes, 0.3), [[-1, 0], [0, 0]])
    plain = Truth.of(truth)
    np.testing.assert_array_equal(plain.without_crowds(labels, boxes, 0.3), labels)


def test_no_gradient_comes_from_boxes_without_a_target():
    """Padding has offsets without bounds."""
    net = tiny_net()
    net.compile(keras.optimizers.SGD(0.01), run_eagerly=True)
    images, truth = scenes()
    for _ in range(2):
        logs = net.train_on_batch(images, truth, return_dict=True)
    assert np.isfinite(list(logs.values())).all()
    assert logs["loss"] == pytest.approx(sum(v for k, v in logs.items() if k != "loss"), rel=1e-5)
    assert {name.replace(" ", "_") for name in LOSSES} < set(logs)
    assert all(np.isfinite(weight).all() for weight in net.get_weights())


def test_detections_are_padded_and_inside_the_picture():
    net = tiny_net(score_threshold=0.0)
    images, _ = scenes()
    found = {key: ops.convert_to_numpy(value) for key, value in net(images).items()}
    assert found["boxes"].shape == (2, TINY.detections, 4)
    there = found["valid"]
    assert there.any()
    assert (found["classes"][there] >= 0).all()
    assert (found["classes"][~there] == -1).all()
    assert found["boxes"].min() >= 0
    assert found["boxes"].max() <= SIDE
    strict = tiny_net(score_threshold=0.9)
    assert not np.asarray(strict(images)["valid"]).any()


def test_max_pooling_and_two_scores_go_through_the_same_net():
    """The published variants, small: RoI pooling, and a softmax of two scores."""
    recipe = dataclasses.replace(TINY, pooling="max")
    net = FasterRCNN(
        scene_backbone((SIDE, SIDE), (8, 8, 16, 16)),
        region_proposal_network(16, recipe.kinds, 16, scores=2),
        region_head(16, recipe.pool, CLASSES, (32,)),
        recipe,
    )
    images, truth = scenes()
    scores = ops.convert_to_numpy(net.rpn(net.backbone(images))[0]).reshape(2, -1, 2)
    objectness = ops.convert_to_numpy(net.look(images)["objectness"])
    softmax = np.exp(scores[..., 1]) / np.exp(scores).sum(-1)
    np.testing.assert_allclose(1 / (1 + np.exp(-objectness)), softmax, rtol=1e-5)
    assert np.isfinite(list(losses(net, images, truth).values())).all()


@pytest.mark.timeout(180)
def test_it_learns_a_few_scenes_by_heart():
    from convbook.data import digit_scenes
    from convbook.data.batches import collate
    from convbook.detection.evaluation import evaluate

    some = digit_scenes(4, size=SIDE, classes=CLASSES, objects=(1, 2), heights=(40, 80), seed=5)
    batch = collate(some, 2, ("image", "boxes", "classes", "crowd"))
    images, truth = batch.pop("image"), batch
    net = tiny_net()
    untrained = evaluate(some, net.predict_on_batch(images), classes=3, thresholds=(0.5,)).map50
    net.compile(keras.optimizers.Adam(5e-3, global_clipnorm=10.0), jit_compile=False)
    net.optimizer.build(net.trainable_variables)
    for _ in range(120):
        net.train_on_batch(images, truth)
    trained = evaluate(some, net.predict_on_batch(images), classes=3, thresholds=(0.5,)).map50
    assert untrained < 0.2
    assert trained > 0.9
