"""Chapter 5 shows the numbers that it owes its reader."""

import keras
import matplotlib
import numpy as np
import pytest
from keras import layers, ops

matplotlib.use("Agg")

from chapter_run import run_chapter

from convbook.training import compare

pytestmark = pytest.mark.notebook


@pytest.fixture(scope="module")
def chapter():
    return run_chapter("05_normalization")


def test_the_cube_shows_how_many_numbers_share_a_mean(chapter):
    pictures, positions, channels = 4, 3 * 2, 6
    assert chapter.names["cubes"] == {
        "batch": pictures * positions,
        "layer": positions * channels,
        "instance": positions,
        "group": positions * channels // 2,
        "GroupNormalization(1)": positions * channels,
        "LayerNormalization()": channels,
    }
    assert chapter.figures["cubes"] == chapter.figures["layer-axes"] == 1


def test_a_map_by_hand_is_what_keras_makes_of_it(chapter):
    assert chapter.names["variance"] == 5, "of a population"
    by_keras = ops.convert_to_numpy(chapter.names["small_by_keras"])
    np.testing.assert_allclose(chapter.names["small_by_hand"], by_keras, atol=1e-5)


def test_four_sets_of_axes_are_four_layers_of_keras_and_exchanged_ones_are_not(chapter):
    agreement = chapter.names["agreement"]
    assert list(agreement) == ["batch", "layer", "instance", "group"]
    for same, exchanged in agreement.values():
        assert same < 1e-5
        assert exchanged > 0.1
    assert "(1, 2, 3, 4)" in chapter.printed["compare"]


def test_a_batch_of_one_picture_is_an_instance(chapter):
    lines = chapter.printed["compare"].splitlines()[-3:]
    layer, instance, group = (float(line.split()[-1]) for line in lines)
    assert instance < 1e-5
    assert min(layer, group) > 0.1


def test_layer_normalisation_of_keras_is_another_thing_on_pictures(chapter):
    one_group, default, all_axes = chapter.names["layer_rows"]
    assert [float(row[1]) < 1e-5 for row in (one_group, default, all_axes)] == [True, False, True]
    assert [row[2] for row in (one_group, default, all_axes)] == ["(6,)", "(6,)", "(7, 5, 6)"]
    assert [row[3] for row in (one_group, default, all_axes)] == ["yes", "yes", "no"]


def test_on_one_pixel_instance_normalisation_leaves_nothing(chapter):
    outputs, pixels = chapter.names["pixel_outputs"], chapter.names["pixels"][:, 0, 0]
    for groups in (8, -1):
        np.testing.assert_allclose(outputs[groups], 0, atol=1e-4)
    pairs = pixels.reshape(2, 4, 2)
    larger = np.where(pairs == pairs.max(axis=-1, keepdims=True), 1, -1).reshape(2, 8)
    np.testing.assert_allclose(outputs[4], larger, atol=1e-2)
    assert np.ptp(np.abs(outputs[2])) > 0.1


def test_a_net_that_ends_in_one_pixel_has_one_answer_and_no_gradient(chapter):
    nets = chapter.names["pixel_nets"]
    assert nets[-1] == (1, 0.0)
    for groups in (1, 2, 4):
        answers, gradient = nets[groups]
        assert answers > 100
        assert gradient > 0.01
    assert 1 < chapter.names["signs"] <= 2**4 < nets[4][0], "four signs, but for epsilon"


def test_epsilon_shows_where_a_channel_is_nearly_constant(chapter):
    starts = chapter.names["starts"]
    assert set(starts) == {"BatchNormalization", "GroupNormalization", "LayerNormalization"}
    assert set(starts.values()) == {1e-3}
    spreads, tiles = chapter.names["epsilon_spreads"], chapter.names["tiles"]
    for (name, epsilon), spread in spreads.items():
        variance = tiles[name].var()
        assert spread == pytest.approx(np.sqrt(variance / (variance + epsilon)), rel=1e-3)
    assert spreads["roof", 1e-5] - spreads["roof", 1e-3] < 0.03
    assert 1e-6 < tiles["sky"].var() < 1e-4
    assert spreads["sky", 1e-5] > 5 * spreads["sky", 1e-3]
    sky = chapter.names["sky"]
    for who, epsilon in chapter.names["DEFAULTS"].items():
        assert who in starts or epsilon in (1e-3, 1e-5, 1.001e-5)
        assert sky[epsilon] == pytest.approx(spreads["sky", round(epsilon, 5)], abs=1e-3)
    twice = chapter.names["twice"]
    assert twice[1e-3] < 0.1 < 0.2 < twice[1e-5]


def test_the_scale_of_a_kernel_before_a_normalisation_does_not_count(chapter):
    scaled = chapter.names["scaled"]
    for factor in (0.1, 10):
        off, steeper = scaled["batch, ε = 1e-12", factor]
        assert off < 1e-4
        assert steeper == pytest.approx(1 / factor, rel=1e-3)
        off, steeper = scaled["none", factor]
        assert off > 0.01
        assert steeper != pytest.approx(1 / factor, rel=0.1)
    assert scaled["batch, ε = 1e-3", 0.1][0] > 100 * scaled["batch, ε = 1e-12", 0.1][0]
    assert scaled["batch, ε = 1e-3", 10][0] < scaled["batch, ε = 1e-3", 0.1][0]


def test_averages_by_hand_are_those_that_keras_keeps(chapter):
    x = np.random.default_rng(0).normal(2, 3, size=(20, 4, 4, 5)).astype("float32")
    kept, bare = (layers.BatchNormalization(momentum=m) for m in (0.9, 0.0))
    net = keras.Sequential([keras.Input((4, 4, 5)), bare])
    moving = chapter.names["statistics"](net)
    for batch in (x[:10], x[10:]):
        kept(batch, training=True)
        net(batch, training=True)
        moving = chapter.names["averaged"](moving, net, 0.9)
    for ours, theirs in zip(moving, (kept.moving_mean, kept.moving_variance), strict=True):
        np.testing.assert_allclose(ours, ops.convert_to_numpy(theirs), rtol=1e-5)
    # Weighed the other way round, as others count a momentum, they are not.
    reverse = layers.BatchNormalization(momentum=0.1)
    for batch in (x[:10], x[10:]):
        reverse(batch, training=True)
    assert np.abs(ops.convert_to_numpy(reverse.moving_mean) - moving[0]).min() > 0.5


def test_the_start_that_is_taken_out_is_what_is_left_of_it(chapter):
    moving, beginning = chapter.names["moving"], chapter.names["beginning"]
    assert all(set(np.unique(value)) <= {0.0, 1.0} for value in beginning), "means 0, variances 1"
    assert set(chapter.names["without_start"]) == set(chapter.names["MOMENTA"])
    # A long memory has moved away from its start less than a short one.
    moved = {m: np.abs(np.subtract(held[0], beginning[0])).mean() for m, held in moving.items()}
    assert moved[0.9] > moved[0.99] > moved[0.999] > 0


def test_pairs_share_their_mean_as_batches_of_two_do(chapter):
    x = np.random.default_rng(1).normal(2, 3, size=(6, 4, 4, 5)).astype("float32")
    paired = chapter.names["PairNormalization"](momentum=0.0)
    out = ops.convert_to_numpy(paired(x, training=True))
    means = []
    for start in (0, 2, 4):
        usual = layers.BatchNormalization(momentum=0.0)
        expected = ops.convert_to_numpy(usual(x[start : start + 2], training=True))
        np.testing.assert_allclose(out[start : start + 2], expected, atol=1e-5)
        means.append(ops.convert_to_numpy(usual.moving_mean))
    paired_mean = ops.convert_to_numpy(paired.moving_mean)
    np.testing.assert_allclose(paired_mean, np.mean(means, axis=0), rtol=1e-4)
    whole = layers.BatchNormalization(momentum=0.0)
    assert np.abs(ops.convert_to_numpy(whole(x, training=True)) - out).max() > 0.1


def test_every_batch_size_is_tried_with_both_normalisations(chapter):
    errors = chapter.names["errors"]
    wanted = {(kind, batch) for kind in ("batch", "group") for batch in (32, 8, 2)}
    assert set(errors) == wanted | {("pairs", 32)}
    assert all(found.shape == (2, len(chapter.names["SEEDS"])) for found in errors.values())


def test_averages_taken_anew_on_the_page_are_those_of_calibrate(chapter):
    assert chapter.names["anew_off"] < 1e-5
    assert "taken anew" in chapter.printed["start-taken-out"]


def test_a_frozen_normalisation_computes_what_it_does_in_use(chapter):
    frozen = chapter.names["frozen"]
    assert list(frozen) == ["nothing", "convolutions", "convolutions and normalisations"]
    nothing, convolutions, both = frozen.values()
    assert both[1] < 1e-6
    assert both[2] == 0
    for _, apart, moved in (nothing, convolutions):
        assert apart > 1e-3
        assert moved > 1e-3
    kernels, scales, dense = 9 * (8 + 8 * 16 + 16 * 32 + 32 * 32), 2 * 88, 32 * 10 + 10
    assert [count for count, *_ in frozen.values()] == [
        kernels + scales + dense,
        scales + dense,
        dense,
    ]


def test_a_folded_normalisation_computes_what_it_did(chapter):
    folding, (whole, lean, _) = chapter.names["folding"], chapter.names["nets_in_use"].values()
    assert folding["folded"] < 1e-5
    assert folding["folded with 1e-5"] > 10 * folding["folded"], "another epsilon is noticed"
    kinds = [type(layer) for layer in lean.layers]
    assert layers.BatchNormalization not in kinds
    assert kinds.count(layers.Conv2D) == 4
    assert whole.count_params() - lean.count_params() == 3 * 88


def test_folding_takes_every_part_of_a_normalisation(chapter):
    rng = np.random.default_rng(2)
    conv, norm = layers.Conv2D(5, 3, 2, "same", use_bias=False), layers.BatchNormalization()
    net = keras.Sequential([keras.Input((7, 6, 3)), conv, norm])
    norm.set_weights(rng.uniform(0.5, 2, size=(4, 5)))
    x = rng.normal(size=(2, 7, 6, 3)).astype("float32")
    one = chapter.names["folded"](conv, norm, norm.epsilon)
    np.testing.assert_allclose(one(x), net(x), atol=1e-5)
    values = norm.get_weights()
    for part in range(4):
        altered = [value + 0.5 * (place == part) for place, value in enumerate(values)]
        norm.set_weights(altered)
        assert np.abs(np.subtract(one(x), net(x))).max() > 0.05
        norm.set_weights(values)


def test_learnt_scales_are_those_of_the_four_normalisations(chapter):
    assert [len(scale) for scale in chapter.names["scales"]] == [8, 16, 32, 32]
    assert chapter.figures["scales"] == 1


def test_sequences_are_the_columns_of_the_digits(chapter):
    sequences, mask, x = (chapter.names[name] for name in ("sequences", "mask", "x_train"))
    for sequence, keep, picture in zip(sequences, mask, x[..., 0], strict=True):
        inked = np.flatnonzero((picture > 0.1).any(axis=0))
        columns = picture[:, inked[0] : inked[-1] + 1].T
        np.testing.assert_array_equal(sequence[keep], columns)
        assert not sequence[~keep].any()
    np.testing.assert_array_equal(chapter.names["left"][:, 0], mask.sum(axis=0))


def test_padding_counts_where_there_is_no_mask_and_with_it_does_not(chapter):
    pollution = chapter.names["pollution"]
    assert set(pollution) == {(extra, masked) for extra in (10, 40) for masked in (False, True)}
    assert max(pollution[10, True], pollution[40, True]) < 1e-5
    assert 0.1 < pollution[10, False] < pollution[40, False]


def test_late_steps_are_left_to_few_and_to_others(chapter):
    mask, labels = chapter.names["mask"], chapter.names["y_train"]
    assert (np.diff(mask.sum(axis=0)) <= 0).all()
    last = mask[:, -1]
    assert last.mean() < 0.5
    assert last[labels == 0].mean() > last[labels == 1].mean()


def test_layer_normalisation_alone_does_not_look_at_the_company(chapter):
    company = chapter.names["company"]
    assert company["layer"] < 1e-5
    assert company["batch"] > 0.1
    assert chapter.names["shift"].max() > 0.3, "one mean for all steps fits none"


def test_the_closing_table_is_what_the_layers_do(chapter):
    table, cubes = chapter.names["table"], chapter.names["cubes"]
    assert list(table) == ["batch", "layer", "instance", "group", "position"]
    for kind, (numbers, pictures, apart, remains) in table.items():
        assert numbers == cubes.get(kind, cubes["LayerNormalization()"])
        assert pictures == (4 if kind == "batch" else 1)
        assert (apart > 0.1) == (kind == "batch")
        assert (remains > 0.9) == (kind not in ("batch", "instance"))
        if kind in ("batch", "instance"):
            assert remains < 1e-3


def test_its_figures_and_sources_are_there(chapter):
    assert sum(chapter.figures.values()) >= 10
    closing = chapter.printed["saw"]
    for words in ("off Keras by", "batches of 2 against 32", "the sky with epsilon 1e-05"):
        assert words in closing


# What the text says of the run that a reader sees.


@pytest.fixture(scope="module")
def default():
    return run_chapter("05_normalization", "default").names


slow = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def errors(default):
    """Held-out digits misread (%) by seed, with moving averages."""
    return {key: moving for key, (moving, _) in default["errors"].items()}


class TestTheDefaultRun:
    """Its claims, one by one; the chapter is run once for all of them."""

    pytestmark = slow

    def test_batch_normalisation_suffers_from_small_batches_and_group_does_not(
        self, default, errors
    ):
        assert all(len(found) == 3 for found in errors.values())
        grown = {}
        for kind in ("batch", "group"):
            large, small = errors[kind, 32], errors[kind, 2]
            grown[kind] = small.mean() - large.mean() > max(np.ptp(large), np.ptp(small))
        assert grown["batch"]
        assert not grown["group"]
        assert default["verdicts"]["batch"].verdict == "worse"
        assert default["verdicts"]["group"].verdict != "worse"
        assert compare(errors["batch", 32], errors["batch", 8]).verdict != "worse"
        assert compare(errors["batch", 32], errors["group", 32]).verdict == "worse"

    def test_it_is_the_mean_of_two_and_not_the_averages(self, default, errors):
        pairs, whole = errors["pairs", 32], errors["batch", 32]
        assert pairs.mean() - whole.mean() > max(np.ptp(pairs), np.ptp(whole))
        # It is no better read as it was trained, by pairs.
        assert default["by_pairs"] > pairs[-1]
        # Taken anew the averages change little.
        for key in (("batch", 2), ("pairs", 32)):
            moving, anew = default["errors"][key].mean(axis=1)
            assert abs(anew - moving) < 0.3 * (errors[key].mean() - whole.mean())
        for part in zip(*(default["noise"][batch] for batch in (32, 8, 2)), strict=True):
            assert list(part) == sorted(part)

    def test_batch_normalisation_learns_faster_and_bears_a_tenfold_rate(self, default):
        losses = {key: np.array(found) for key, found in default["rate_losses"].items()}
        for rate in default["RATES"]:
            assert losses["none", rate].mean() > 2
            assert losses["none", rate].min() > losses["batch", rate].max()
            assert losses["none", rate].mean() > losses["group", rate].mean()
        assert losses["batch", 1.0].max() < losses["batch", 0.1].min()

    def test_the_longer_the_memory_the_more_is_lost_in_a_short_training(self, default):
        mean_gap = {momentum: np.mean(points) for momentum, points in default["gap"].items()}
        assert 0 < mean_gap[0.9] < mean_gap[0.99] < mean_gap[0.999]
        assert default["gap"][0.999][-1] > 0.2

    def test_neither_the_start_alone_nor_the_weights_are_to_blame(self, default):
        read, right = default["read"], default["right_share"]
        for momentum in (0.99, 0.999):
            assert read[momentum][-1] < default["without_start"][momentum] < right - 0.1
        assert abs(right - read["batch"][-1]) < 0.03

    def test_a_short_memory_of_small_batches_is_unsteady(self, default):
        memory, right = default["memory"], default["right_share"]
        ranges = [np.ptp(memory[momentum]) for momentum in (0.99, 0.9, 0.1)]
        assert ranges == sorted(ranges)
        assert min(memory[0.1]) < right - 0.1

    def test_scales_have_left_their_start(self, default):
        scales = np.concatenate(default["scales"])
        assert scales.min() < 0.9
        assert scales.max() > 1.1
        assert default["scales"][-1].min() > 1

    def test_frozen_convolutions_alone_do_not_keep_a_net_as_it_was(self, default):
        nothing, convolutions, both = default["frozen"].values()
        assert convolutions[1:] == pytest.approx(nothing[1:])
        assert convolutions[1] > 0.3
        assert both[1] < 1e-6

    def test_a_folded_net_is_the_net_in_use_and_quicker(self, default):
        folding, times = default["folding"], default["times"]
        assert folding["folded"] < 1e-5
        assert folding["folded with 1e-5"] > 100 * folding["folded"]
        assert min(times["folded"], times["folded with 1e-5"]) < times["as trained"]

    def test_the_fewer_sequences_are_left_the_less_a_batch_knows(self, default):
        off = default["off_by_step"]
        assert off["32"][-1] > 1.5 * off["32"][0]
        assert (off["8"] > off["32"]).all()
        assert off["32, padding counted"][-1] > off["32"][-1]
        assert 0.2 < default["alone"][-1] < 0.6
