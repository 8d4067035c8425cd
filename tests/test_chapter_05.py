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
    lines = chapter.printed["batch-of-one"].splitlines()
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
    twice = chapter.names["twice"]
    assert twice[1e-3] < 0.1 < 0.2 < twice[1e-5]


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


def test_its_figures_and_sources_are_there(chapter):
    assert sum(chapter.figures.values()) >= 9
    closing = chapter.printed["saw"]
    for words in ("off Keras by", "batches of 2 against 32", "the sky with epsilon 1e-05"):
        assert words in closing


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_default_run_shows_what_the_chapter_claims():
    names = run_chapter("05_normalization", "default").names

    # Small batches: over three seeds, by more than the spread, and group normalisation does not.
    errors = {key: moving for key, (moving, _) in names["errors"].items()}
    assert all(len(found) == 3 for found in errors.values())

    def grows(kind: str) -> bool:
        large, small = errors[kind, 32], errors[kind, 2]
        spread = max(np.ptp(large), np.ptp(small))
        return bool(small.mean() - large.mean() > spread)

    assert grows("batch")
    assert not grows("group")
    assert names["verdicts"]["batch"].verdict == "worse"
    assert names["verdicts"]["group"].verdict != "worse"
    assert compare(errors["batch", 32], errors["batch", 8]).verdict != "worse"
    assert compare(errors["batch", 32], errors["group", 32]).verdict == "worse"
    # It is the mean of two: with all else as in batches of 32 the error grows too.
    pairs, whole = errors["pairs", 32], errors["batch", 32]
    assert pairs.mean() - whole.mean() > max(np.ptp(pairs), np.ptp(whole))
    # It is no better read as it was trained, by pairs.
    assert names["by_pairs"] > pairs[-1]
    # And not the averages: taken anew they change little.
    for key in (("batch", 2), ("pairs", 32)):
        moving, anew = names["errors"][key].mean(axis=1)
        assert abs(anew - moving) < 0.3 * (errors[key].mean() - whole.mean())
    for part in zip(*(names["noise"][batch] for batch in (32, 8, 2)), strict=True):
        assert list(part) == sorted(part)

    # What normalisation is for.
    losses = {key: np.array(found) for key, found in names["rate_losses"].items()}
    for rate in names["RATES"]:
        assert losses["none", rate].mean() > 2
        assert losses["none", rate].min() > losses["batch", rate].max()
        assert losses["none", rate].mean() > losses["group", rate].mean()
    assert losses["batch", 1.0].max() < losses["batch", 0.1].min()

    # Training and inference: the longer the memory, the more is lost in a short training.
    mean_gap = {momentum: np.mean(points) for momentum, points in names["gap"].items()}
    assert 0 < mean_gap[0.9] < mean_gap[0.99] < mean_gap[0.999]
    assert names["gap"][0.999][-1] > 0.2
    # Neither is the start alone to blame, nor are the weights: averages taken anew make up for it.
    read, right = names["read"], names["right_share"]
    for momentum in (0.99, 0.999):
        assert read[momentum][-1] < names["without_start"][momentum] < right - 0.1
    assert abs(right - read["batch"][-1]) < 0.03
    memory = names["memory"]
    ranges = [np.ptp(memory[momentum]) for momentum in (0.99, 0.9, 0.1)]
    assert ranges == sorted(ranges)
    assert min(memory[0.1]) < right - 0.1

    # Sequences: the fewer are left, the less a batch knows.
    off = names["off_by_step"]
    assert off["32"][-1] > 1.5 * off["32"][0]
    assert (off["8"] > off["32"]).all()
    assert off["32, padding counted"][-1] > off["32"][-1]
    assert 0.2 < names["alone"][-1] < 0.6
