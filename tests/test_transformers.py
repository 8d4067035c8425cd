"""Attention, transformers, the assignment and DETR, held against what others wrote."""

import importlib
import itertools
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from convbook.architectures import detr
from convbook.architectures.detr import DecoderLayer, Recipe, detr_resnet50, small_detr
from convbook.architectures.transformer import (
    Attention,
    EncoderLayer,
    grid,
    position_code,
    sine_code,
)
from convbook.architectures.vision_transformer import vision_transformer
from convbook.comparing import largest_difference
from convbook.counting import blueprint, count_parameters
from convbook.detection.assignment import assign, match_costs
from convbook.detection.boxes import giou, paired_giou
from convbook.lineage import FAMILIES, LINEAGE, ancestors


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


# --- attention ------------------------------------------------------------------------------------


def as_keras(ours, width):
    """Keras's attention with the same weights."""
    theirs = layers.MultiHeadAttention(ours.heads, key_dim=ours.width // ours.heads)
    theirs.build((None, None, width), (None, None, width))
    weights = zip(ours.get_weights(), theirs.weights, strict=True)
    theirs.set_weights([w.reshape(t.shape) for w, t in weights])
    return theirs


def test_attention_is_that_of_keras_with_the_same_weights():
    queries, keys = random(2, 5, 24), random(2, 7, 24, seed=1)
    ours = Attention(24, heads=4)
    received, weights = ours(queries, keys, keys)
    theirs = as_keras(ours, 24)
    expected, scores = theirs(queries, keys, keys, return_attention_scores=True)
    assert largest_difference(received, expected) < 1e-5
    assert largest_difference(weights, scores) < 1e-5
    other = Attention(24, heads=2)  # the same weights in fewer heads are another layer
    other(queries, keys, keys)
    other.set_weights(ours.get_weights())
    assert largest_difference(other(queries, keys, keys)[0], expected) > 1e-3


def test_a_bias_moves_the_weights_where_it_says():
    x = random(1, 6, 8)
    layer = Attention(8, heads=2)
    bias = np.full((1, 1, 6, 6), -1e9, "float32")
    bias[..., 3] = 0
    _, weights = layer(x, x, x, bias)
    np.testing.assert_allclose(ops.convert_to_numpy(weights)[..., 3], 1)


def test_a_width_that_the_heads_cannot_share_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="width is 10 and heads 4: the width must be a multiple"):
        Attention(10, heads=4)


def test_an_encoder_layer_is_keras_parts_in_their_order():
    x, places = random(2, 9, 16), random(9, 16, seed=1)
    layer = EncoderLayer(16, 4, 32)
    got = layer(x, places)
    placed = x + places
    read = x + as_keras(layer.attention, 16)(placed, x, placed)
    first = layers.LayerNormalization(epsilon=1e-5)(read)
    wide = ops.relu(first @ layer.feed.widen.kernel + layer.feed.widen.bias)
    second = first + wide @ layer.feed.narrow.kernel + layer.feed.narrow.bias
    expected = layers.LayerNormalization(epsilon=1e-5)(second)
    assert largest_difference(got, expected) < 1e-5
    assert largest_difference(layer(x, np.zeros_like(places)), expected) > 1e-2


def test_a_code_of_places_is_sines_and_cosines_of_y_then_of_x():
    places = np.array([[0.25, 0.75]], "float32")
    code = ops.convert_to_numpy(position_code(places, 8))[0]
    expected = []
    for place in (0.25, 0.75):
        for i in range(2):
            angle = 2 * np.pi * place / 10_000 ** (2 * i / 4)
            expected += [np.sin(angle), np.cos(angle)]
    np.testing.assert_allclose(code, expected, atol=1e-6)
    assert sine_code(np.zeros((2, 3), "float32"), 6).shape == (2, 3, 6)
    assert position_code(np.zeros((2, 3, 4), "float32"), 16).shape == (2, 3, 16)  # boxes


def test_the_grid_holds_the_middles_of_the_cells_row_by_row():
    np.testing.assert_allclose(grid(1, 2), [[0.5, 0.25], [0.5, 0.75]])
    assert grid(3, 5).shape == (15, 2)


# --- the Vision Transformer -----------------------------------------------------------------------


def test_vit_b_16_has_the_published_number_of_parameters():
    assert count_parameters(blueprint(vision_transformer)) == 86_567_656


def test_patches_may_change_places_only_where_places_are_not_told():
    x = np.random.default_rng(0).random((1, 8, 8, 1)).astype("float32")
    swapped = np.concatenate([x[:, 4:], x[:, :4]], 1)  # upper and lower patches
    apart = {}
    for placed in (True, False):
        options = {"patch": 4, "width": 8, "depth": 1, "heads": 2, "hidden": 8}
        net = vision_transformer((8, 8, 1), 3, placed=placed, **options)
        apart[placed] = largest_difference(net(swapped), ops.convert_to_numpy(net(x)))
    assert apart[False] < 1e-5
    assert apart[True] > 1e-4


def test_patches_that_do_not_fill_the_picture_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match="Patches of 16 pixels do not fill"):
        vision_transformer((28, 28, 1), 10)


# --- boxes and the assignment ---------------------------------------------------------------------


def test_the_generalised_overlap_tells_how_far_boxes_are_apart():
    box = np.array([[0, 0, 2, 2]], "float32")
    others = np.array([[0, 0, 2, 2], [0, 2, 2, 4], [0, 6, 2, 8], [1, 1, 3, 3]], "float32")
    # By hand: same; touching, nothing around; 16 around of which 8 are empty; 1/7 less 2/9.
    expected = [[1, 0, -0.5, 1 / 7 - 2 / 9]]
    np.testing.assert_allclose(giou(box, others), expected, atol=1e-6)
    np.testing.assert_allclose(paired_giou(np.repeat(box, 4, 0), others), expected[0], atol=1e-6)
    empty = np.zeros((1, 4), "float32")
    assert float(giou(empty, empty)[0, 0]) == 0


def cheapest(costs):
    """The least sum by trying all."""
    n, m = costs.shape
    if n < m:
        return cheapest(costs.T)
    return min(costs[list(rows), range(m)].sum() for rows in itertools.permutations(range(n), m))


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (6, 3), (5, 1), (3, 5), (4, 0)])
def test_the_assignment_is_the_cheapest_of_all(shape):
    rng = np.random.default_rng(0)
    for _ in range(5):
        costs = rng.normal(size=shape)
        objects = assign(costs)
        rows = np.flatnonzero(objects >= 0)
        assert len(rows) == min(shape)
        assert len(set(objects[rows])) == len(rows)
        assert costs[rows, objects[rows]].sum() == pytest.approx(cheapest(costs))


def test_padding_gets_no_prediction_whatever_it_costs():
    costs = np.random.default_rng(0).normal(size=(2, 3, 5, 4))
    costs[..., 2] = np.nan
    valid = np.array([[True, False, False, True], [False, True, False, False]])
    objects = assign(costs, valid[:, np.newaxis])
    assert objects.shape == (2, 3, 5)
    for picture, layer in np.ndindex(2, 3):
        given = objects[picture, layer]
        places = np.flatnonzero(valid[picture])
        assert sorted(given[given >= 0]) == places.tolist()
        alone = costs[picture, layer][:, places]
        rows = np.flatnonzero(given >= 0)
        total = costs[picture, layer][rows, given[rows]].sum()
        assert total == pytest.approx(cheapest(alone))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_costs_that_are_not_finite_get_a_sentence(value):
    costs = np.zeros((2, 3, 2))
    costs[1, 2, 0] = value
    with pytest.raises(ValueError, match=r"1 of 12 costs are not finite, the first at \(1, 2, 0\)"):
        assign(costs)


def test_the_costs_are_probability_distance_and_overlap():
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(3), size=4).astype("float32")
    boxes, truth = (rng.uniform(0.2, 0.4, (n, 4)).astype("float32") for n in (4, 2))
    costs = ops.convert_to_numpy(match_costs(shares, boxes, np.array([2, 0]), truth, (1, 5, 2)))

    def corners(box):
        return np.concatenate([box[:2] - box[2:] / 2, box[:2] + box[2:] / 2])

    for i, j in np.ndindex(4, 2):
        overlap = giou(corners(boxes[i])[None], corners(truth[j])[None])[0, 0]
        expected = -shares[i, (2, 0)[j]] + 5 * np.abs(boxes[i] - truth[j]).sum() - 2 * overlap
        assert costs[i, j] == pytest.approx(float(expected), abs=1e-5)


# --- DETR -----------------------------------------------------------------------------------------

TINY = Recipe(width=16, heads=2, query_heads=4, hidden=16, decoders=2, queries=5)


@pytest.fixture(scope="module")
def net():
    keras.utils.set_random_seed(16)
    made = small_detr((48, 48), 10, TINY)
    made.compile(keras.optimizers.Adam(2e-3, global_clipnorm=1.0), run_eagerly=True)
    return made


@pytest.fixture
def batch():
    boxes = np.zeros((2, 3, 4), "float32")
    boxes[0, :2] = [[4, 4, 24, 20], [20, 24, 44, 44]]
    boxes[1, 0] = [10, 10, 30, 40]
    classes = np.array([[3, 7, -1], [5, -1, -1]], "int32")
    images = np.random.default_rng(0).random((2, 48, 48, 3)).astype("float32")
    return images, {"boxes": boxes, "classes": classes, "crowd": np.zeros((2, 3), "uint8")}


def test_the_published_net_has_the_published_number_of_parameters():
    paper = blueprint(detr_resnet50)
    assert count_parameters(paper.transformer) == 18_069_856
    kernels = [w.shape for w in paper.backbone.trainable_weights if len(w.shape) == 4]
    trained = 18_069_856 + sum(int(np.prod(shape)) for shape in kernels[11:])
    assert trained == 41_302_368  # as the authors' program counts; 41.3 million in the paper


def test_queries_of_the_paper_have_the_same_way_through_the_decoder():
    plain = small_detr((48, 48), 10, Recipe(**{**vars(TINY), "focused": False}))
    said = plain.transformer(np.zeros((2, 6, 6, 96), "float32"))
    assert said["boxes"].shape == (2, 2, 5, 4)
    assert not any("focus" in weight.path for weight in plain.weights)


def test_a_focused_head_prefers_places_by_a_gaussian_about_its_box():
    layer = DecoderLayer(8, 4, 16, (4, 6), focused=True)
    x, memory, places = random(2, 5, 8), random(2, 24, 8), random(24, 8)
    boxes = np.random.default_rng(0).uniform(0.1, 0.9, (2, 5, 4)).astype("float32")
    _, weights = layer(x, boxes, memory, places)
    np.testing.assert_allclose(ops.sum(weights, -1), np.ones((2, 4, 5)), atol=1e-5)
    layer.focus.kernel.assign(0.1 * random(*layer.focus.kernel.shape))
    got = ops.convert_to_numpy(layer.spot(x, boxes))
    said = ops.convert_to_numpy(layer.focus(x)).reshape(2, 5, 4, 4)
    middle = boxes[:, :, None, :2] + said[..., :2] * boxes[:, :, None, 2:]
    spread = np.maximum(0.4 * boxes[:, :, None, 2:] * np.exp(said[..., 2:]), 0.02)
    away = (grid(4, 6) - middle[..., None, :]) / spread[..., None, :]
    expected = np.moveaxis(-0.5 * (away**2).sum(-1), 2, 1)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def test_detections_are_the_queries_answers_best_first(net):
    scores = np.full((1, 2, 5, 11), -20.0, "float32")
    scores[..., 0] = 0  # nothing, but for
    scores[0, 1, 3, 8] = 5
    scores[0, 1, 1, 2] = 1
    boxes = np.full((1, 2, 5, 4), 0.5, "float32")
    boxes[0, 1, 3] = (0.25, 0.5, 0.5, 0.25)
    read = {
        k: ops.convert_to_numpy(v)[0]
        for k, v in net.read({"scores": scores, "boxes": boxes}).items()
    }
    assert read["classes"].tolist() == [7, 1, -1, -1, -1]
    assert read["scores"][:2] == pytest.approx(1 / (1 + np.exp([-5.0, -1.0])), abs=1e-4)
    np.testing.assert_allclose(read["boxes"][0], (0, 18, 24, 30))
    np.testing.assert_allclose(read["boxes"][2:], 0)


def test_answers_that_are_right_cost_nothing_but_their_doubt(net, batch):
    _, y = batch
    truth = detr.Truth.of(y)
    boxes = ops.convert_to_numpy(net.parts(truth.boxes))
    boxes = np.concatenate([boxes, np.full((2, 2, 4), 0.5, "float32")], 1)[:, None]
    scores = np.full((2, 1, 5, 11), -20.0, "float32")
    assigned = np.full((2, 1, 5), -1)
    for picture, classes in enumerate(y["classes"]):
        for place in range(5):
            label = classes[place] if place < 3 else -1
            scores[picture, 0, place, label + 1] = 20
            assigned[picture, 0, place] = place if label >= 0 else -1
    said = {"scores": scores, "boxes": boxes}
    losses = [float(each[0]) for each in net.losses_of(said, truth, assigned)]
    np.testing.assert_allclose(losses, 0, atol=1e-5)
    swapped = assigned.copy()
    swapped[0, 0, :2] = 1, 0
    worse = [float(each[0]) for each in net.losses_of(said, truth, swapped)]
    assert min(worse) > 0.1


def test_what_lies_on_a_crowd_is_neither_object_nor_ground(net, batch):
    _, y = batch
    boxes = np.full((2, 1, 5, 4), 0.1, "float32")
    boxes[0, 0, 4] = ops.convert_to_numpy(net.parts(y["boxes"]))[0, 1]
    scores = np.zeros((2, 1, 5, 11), "float32")
    scores[0, 0, 4, 9] = 50  # sure of something that is wrong
    assigned = np.full((2, 1, 5), -1)
    said = {"scores": scores, "boxes": boxes}
    loss = {}
    for crowd in (False, True):
        y["crowd"][0, 1] = crowd
        loss[crowd] = float(net.losses_of(said, detr.Truth.of(y), assigned)[0][0])
    assert loss[False] > loss[True] + 1
    assert loss[True] == pytest.approx(np.log(11), abs=1e-4)
    objects = net.assignments(batch[0], y)[1]
    assert (objects[0] != 1).all()
    assert (objects[0] == 0).sum() == 2  # one query in each of the two layers


def test_training_lets_the_backbone_be_and_learns(net, batch):
    images, y = batch
    before = net.backbone.get_weights()
    first = net.train_on_batch(images, y, return_dict=True)["loss"]
    net.reset_metrics()
    for _ in range(3):
        net.train_on_batch(images, y)
    net.reset_metrics()
    last = net.train_on_batch(images, y, return_dict=True)["loss"]
    assert float(last) < 0.95 * float(first)
    for ours, theirs in zip(net.backbone.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


class OneBatch(keras.utils.PyDataset):
    def __init__(self, batch):
        super().__init__()
        self.one = batch

    def __len__(self):
        return 1

    def __getitem__(self, number):
        return self.one


def test_fit_reports_each_loss_and_refuses_what_it_does_not_know(net, batch):
    history = net.fit(OneBatch(batch), epochs=2, verbose=0).history
    assert set(history) == {"loss", "class_loss", "distance_loss", "overlap_loss"}
    assert len(history["loss"]) == 2
    with pytest.raises(ValueError, match="knows no batch_size"):
        net.fit(OneBatch(batch), batch_size=3)
    with pytest.raises(ValueError, match="train with fit or train_on_batch"):
        net.compute_loss(y=batch[1], y_pred={})


def test_fit_reports_the_mean_over_the_steps_of_an_epoch(net, monkeypatch):
    told = iter([3.0, 6.0, 12.0, 1.0, 1.0, 1.0])
    monkeypatch.setattr(net, "train_on_batch", lambda *_, **__: {"loss": next(told)})
    history = net.fit([(None, None)] * 3, epochs=2, verbose=0).history
    assert history == {"loss": [pytest.approx(7), pytest.approx(1)]}


def test_fit_ends_where_a_callback_says_so(net, monkeypatch):
    steps = []

    def step(*_, **__):
        steps.append(1)
        return {"loss": 2.0}

    monkeypatch.setattr(net, "train_on_batch", step)
    pictures: Any = [(None, None)] * 3
    patient = keras.callbacks.EarlyStopping("loss", patience=2)
    history = net.fit(pictures, epochs=9, verbose=0, callbacks=[patient]).history
    assert len(history["loss"]) == 3, "the first epoch, and two that were no better"
    assert len(steps) == 9

    class Enough(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    steps.clear()
    assert len(net.fit(pictures, epochs=9, verbose=0, callbacks=[Enough()]).history["loss"]) == 1
    assert len(steps) == 2
    assert len(net.fit(pictures, epochs=2, verbose=0).history["loss"]) == 2, "it may go on"


def test_the_backbone_of_a_kept_net_is_taken_over(tmp_path):
    ours = small_detr((48, 48), 10, TINY).backbone
    from convbook.architectures.faster_rcnn import small_faster_rcnn
    from convbook.kept import load_kept

    other = small_faster_rcnn((48, 48))
    load_kept(other, "faster_rcnn")
    for weight, theirs in zip(ours.get_weights(), other.backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, theirs)
    with pytest.raises(ValueError, match='No weights are kept as "nobody"'):
        detr.take_backbone(ours, "nobody", tmp_path)
    np.savez(tmp_path / "other.npz", weight000=np.zeros(3))
    with pytest.raises(ValueError, match="has another backbone"):
        detr.take_backbone(ours, "other", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--net-size", "published"], "DETR is trained small here"),
        (["--stride", "4"], "DETR reads the kept Faster R-CNN's maps, of stride 8"),
        (["--precision", "mixed_bfloat16"], "in float32: leave --stride, --start and --precision"),
    ],
)
def test_what_the_command_cannot_train_is_said_in_a_sentence(arguments, sentence, tmp_path, capsys):
    from convbook.train.__main__ import main

    options = ["--out", str(tmp_path), "--count", "4", "--evaluate-on", "2", "--batch-size", "2"]
    policy = keras.mixed_precision.global_policy()
    code = main(["detr", *options, *arguments])
    keras.mixed_precision.set_global_policy(policy)
    assert code == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert len(told.strip().splitlines()) == 1


# --- the map of the book --------------------------------------------------------------------------


def test_every_chapter_is_on_the_map():
    assert {entry.chapter for entry in LINEAGE} == set(range(1, 17))


def test_what_an_architecture_builds_on_is_older_and_on_the_map():
    years = {entry.name: entry.year for entry in LINEAGE}
    assert len(years) == len(LINEAGE)
    assert [e.year for e in LINEAGE] == sorted(years.values())
    met = set()
    for entry in LINEAGE:
        assert entry.family in FAMILIES
        assert entry.source
        assert str(entry.year) <= "2020"
        for parent in entry.parents:
            assert parent in met, f"{entry.name} builds on {parent}, which comes later"
            assert years[parent] <= entry.year
        met.add(entry.name)


@pytest.mark.parametrize("entry", [e for e in LINEAGE if e.builder], ids=lambda e: e.name)
def test_what_makes_an_architecture_is_where_the_map_says(entry):
    module, _, name = entry.builder.rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))


def test_ancestors_are_found_at_any_remove():
    assert ancestors("convolution") == []
    assert ancestors("R-CNN") == ["convolution", "LeNet-5", "AlexNet"]
    assert {"ResNet", "transformer", "layer norm", "batch norm", "VGG"} <= set(ancestors("DETR"))
    with pytest.raises(ValueError, match='no "nobody"'):
        ancestors("nobody")
