"""Normalisations against Keras's layers, which this project did not write, on two backends."""

import json
import os
import subprocess
import sys

import keras
import matplotlib
import numpy as np
import pytest
from keras import layers, ops

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from convbook.drawing.charts import draw_curves
from convbook.drawing.normalization import draw_cube, draw_scales, draw_sequences
from convbook.drawing.style import COLOURS
from convbook.normalization import (
    AXES,
    batch_normalizations,
    calibrate,
    influenced,
    normalize,
    normalize_maps,
    step_moments,
)

GROUPS = 3
MAPS = np.random.default_rng(0).normal(1, 2, size=(4, 7, 5, 6)).astype("float32")
KERAS = {
    "batch": layers.BatchNormalization,
    "layer": lambda: layers.GroupNormalization(groups=1),
    "instance": lambda: layers.GroupNormalization(groups=-1),
    "group": lambda: layers.GroupNormalization(groups=GROUPS),
}
OTHER_AXES = {
    "batch": [(1, 2), (0, 1), (1, 2, 3, 4)],
    "layer": [(1, 2), (3, 4), (0, 1, 2, 3, 4)],
    "instance": [(0, 1, 2), (2, 1, 4), (1,)],
    "group": [(1, 2), (1, 2, 3), (0, 1, 2, 4)],
}


def in_keras(kind, maps=MAPS, alter=lambda layer: layer):
    """What Keras's layer with random weights makes of maps in training; its gamma and beta."""
    layer = alter(KERAS[kind]())
    layer.build(maps.shape)
    rng = np.random.default_rng(1)
    for weight in layer.trainable_variables:
        weight.assign(rng.normal(size=weight.shape))
    return ops.convert_to_numpy(layer(maps, training=True)), layer


def differences():
    """Largest difference from Keras's layer, for each of the four."""
    found = {}
    for kind in AXES:
        expected, layer = in_keras(kind)
        ours = normalize_maps(MAPS, kind, GROUPS, layer.gamma, layer.beta)
        found[kind] = float(np.abs(ops.convert_to_numpy(ours) - expected).max())
    return found


@pytest.mark.parametrize("kind", AXES)
def test_one_function_with_four_sets_of_axes_is_each_of_keras_layers(kind):
    assert differences()[kind] < 1e-5


def test_the_four_are_those_of_keras_on_jax_too(root):
    program = (
        "import json, keras; from test_normalization import differences;"
        "assert keras.backend.backend() == 'jax'; print(json.dumps(differences()))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": f"{root}:{root / 'tests'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = json.loads(ran.stdout.splitlines()[-1])
    assert list(found) == list(AXES)
    assert max(found.values()) < 1e-5


# The comparison would notice a function that is another: altered cases, each of which must differ.


@pytest.mark.parametrize(("kind", "axes"), [(k, a) for k in AXES for a in OTHER_AXES[k]])
def test_other_axes_are_noticed(kind, axes, monkeypatch):
    monkeypatch.setitem(AXES, kind, axes)
    assert differences()[kind] > 1e-2


def sample_variance(x, axes, epsilon):
    """Normalise by the variance of a sample, divided by n - 1."""
    count = np.prod([x.shape[axis] for axis in axes])
    mean, variance = ops.moments(x, axes=list(axes), keepdims=True)
    return (x - mean) / ops.sqrt(variance * count / (count - 1) + epsilon)


def epsilon_outside(x, axes, epsilon):
    """Normalise with the epsilon added to the deviation."""
    mean, variance = ops.moments(x, axes=list(axes), keepdims=True)
    return (x - mean) / (ops.sqrt(variance) + epsilon)


def no_mean(x, axes, epsilon):
    """Divide only."""
    _, variance = ops.moments(x, axes=list(axes), keepdims=True)
    return x / ops.sqrt(variance + epsilon)


@pytest.mark.parametrize("altered", [sample_variance, epsilon_outside, no_mean])
@pytest.mark.parametrize("kind", AXES)
def test_another_formula_is_noticed(kind, altered, monkeypatch):
    monkeypatch.setattr("convbook.normalization.normalize", altered)
    assert differences()[kind] > 1e-4


def test_another_epsilon_is_noticed_where_a_channel_is_nearly_constant():
    maps = 0.01 * MAPS
    expected, layer = in_keras("group", maps)
    for epsilon, same in ((1e-3, True), (1e-5, False)):
        ours = normalize_maps(maps, "group", GROUPS, layer.gamma, layer.beta, epsilon)
        assert (np.abs(ops.convert_to_numpy(ours) - expected).max() < 1e-5) == same


def test_groups_are_of_neighbouring_channels():
    expected, layer = in_keras("group")
    order = [0, 2, 4, 1, 3, 5]  # every second channel
    mixed = normalize_maps(MAPS[..., order], "group", GROUPS, layer.gamma, layer.beta)
    assert np.abs(ops.convert_to_numpy(mixed)[..., np.argsort(order)] - expected).max() > 1e-2


def test_a_batch_of_one_picture_is_normalised_as_an_instance():
    one, other = (ops.convert_to_numpy(normalize_maps(MAPS[:1], k)) for k in ("batch", "instance"))
    np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize(("kind", "groups"), [("groups", 1), ("group", 4), ("group", 0)])
def test_what_cannot_be_normalised_is_said_in_one_sentence(kind, groups):
    with pytest.raises(ValueError, match=r"choose one of|equal groups"):
        normalize_maps(MAPS, kind, groups)


def test_normalized_numbers_have_mean_0_and_variance_1_along_the_axes_only():
    out = ops.convert_to_numpy(normalize(MAPS, (1, 3), epsilon=0.0))
    np.testing.assert_allclose(out.mean(axis=(1, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(out.var(axis=(1, 3)), 1, rtol=1e-5)
    assert np.abs(out.mean(axis=(0, 2))).max() > 0.05


# Keras's layers: what the chapter says of them.


def test_layer_normalisation_of_keras_takes_every_position_for_itself():
    layer = layers.LayerNormalization()
    out = ops.convert_to_numpy(layer(MAPS))
    np.testing.assert_allclose(out, ops.convert_to_numpy(normalize(MAPS, (3,), 1e-3)), atol=1e-5)
    assert np.abs(out - ops.convert_to_numpy(normalize_maps(MAPS, "layer"))).max() > 0.1
    assert layer.gamma.shape == (6,)


def test_layer_normalisation_over_all_axes_has_a_gamma_for_every_pixel():
    layer = layers.LayerNormalization(axis=(1, 2, 3))
    out = ops.convert_to_numpy(layer(MAPS))
    np.testing.assert_allclose(out, ops.convert_to_numpy(normalize_maps(MAPS, "layer")), atol=1e-5)
    assert layer.gamma.shape == (7, 5, 6)


@pytest.mark.parametrize("groups", [-1, 6])
def test_instance_normalisation_of_a_map_of_one_pixel_leaves_nothing_of_it(groups):
    layer = layers.GroupNormalization(groups)
    pixels = np.random.default_rng(2).normal(5, 100, size=(3, 1, 1, 6)).astype("float32")
    layer.build(pixels.shape)
    layer.beta.assign(np.arange(6.0))
    np.testing.assert_allclose(ops.convert_to_numpy(layer(pixels))[:, 0, 0], [np.arange(6.0)] * 3)
    # Two positions, or two channels to a group, leave something.
    assert ops.convert_to_numpy(layer(pixels.reshape(3, 1, 1, 6).repeat(2, 1) * [[1], [2]])).any()
    assert np.abs(ops.convert_to_numpy(layers.GroupNormalization(3)(pixels))).min() > 0.9


@pytest.mark.parametrize(
    "layer", [layers.BatchNormalization, layers.GroupNormalization, layers.LayerNormalization]
)
def test_keras_normalisations_start_with_an_epsilon_of_a_thousandth(layer):
    assert layer().epsilon == 1e-3


# Which numbers share their mean.


@pytest.mark.parametrize("kind", AXES)
def test_the_numbers_that_share_a_mean_are_those_of_the_axes(kind):
    shape, place = (4, 3, 2, 6), (1, 2, 0, 4)
    layer = KERAS[kind]()
    found = influenced(lambda x: layer(x, training=True), shape, place)
    expected = np.zeros((*shape[:3], GROUPS, 2), bool)
    group, channel = divmod(place[3], 2)
    if kind != "group":
        expected = expected.reshape(*shape[:3], 1, 6)
        group, channel = 0, place[3]
    index: list = [*place[:3], group, channel]
    for axis in AXES[kind]:
        index[axis] = slice(None)
    expected[tuple(index)] = True
    np.testing.assert_array_equal(found, expected.reshape(shape))


def test_a_cube_shows_the_numbers_that_are_shared_on_its_three_faces():
    shape = (2, 2, 2, 3)
    layer = layers.GroupNormalization(-1)
    shared = influenced(layer, shape, (0, 0, 0, 2))
    _, axes = plt.subplots()
    draw_cube(axes, shared, "instance")
    front, side, top = 4 * 3, 4 * 2, 2 * 3
    colours = [patch.get_facecolor() for patch in axes.patches]
    assert len(colours) == front + side + top
    # A column of the front, the first column of the side, one cell of the top.
    dark = [colour for colour in colours if colour[0] < 0.5]
    assert len(dark) == 4 + 4 + 1
    assert matplotlib.colors.to_rgba(COLOURS["blue"]) in dark
    assert {text.get_text() for text in axes.texts} == {
        "C channels",
        "H×W positions",
        "N pictures",
    }
    plt.close("all")


def test_a_scale_is_a_stroke_for_each_channel_on_its_layers_line():
    axes = draw_scales({"first": [0.5, 2.0], "second": [1.0, 1.5, -0.2]})
    strokes = [line.get_xydata() for line in axes.get_lines() if line.get_marker() == "|"]
    first, second = (np.asarray(stroke) for stroke in strokes)
    np.testing.assert_array_equal(first, [[0.5, 0], [2.0, 0]])
    np.testing.assert_array_equal(second, [[1.0, 1], [1.5, 1], [-0.2, 1]])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["first", "second"]
    assert np.asarray(axes.get_lines()[0].get_xdata())[0] == 1, "where training began"
    plt.close("all")


def test_a_batch_of_sequences_shows_its_padding_and_how_many_still_run():
    mask = np.arange(6) < np.array([6, 2, 3, 3])[:, None]
    axes = draw_sequences(np.full((4, 6, 5), 0.5, "float32"), mask)
    (line,) = axes.get_lines()
    np.testing.assert_array_equal(line.get_xdata(), range(1, 7))
    np.testing.assert_array_equal(line.get_ydata(), [4, 4, 3, 1, 1, 1])
    panels = axes.figure.get_figure(root=True).subfigs[0].axes
    widths = [[round(part.get_extents().width) for part in panel.patches] for panel in panels]
    step = panels[0].transData.transform([(0, 0), (1, 0)])[:, 0]
    hidden = [round(sum(width) / float(np.diff(step)[0])) for width in widths]
    assert hidden == [0, 4, 3, 3]
    plt.close("all")


def test_values_that_were_noted_every_tenth_time_stand_at_tens():
    axes = draw_curves({"a": [3, 2, 1]}, xlabel="updates", ylabel="loss", step=10)
    np.testing.assert_array_equal(axes.get_lines()[0].get_xdata(), [10, 20, 30])
    assert axes.get_xlim()[1] > 30
    plt.close("all")


# Moving averages taken anew.


def net_with_two_norms():
    inner = keras.Sequential([keras.Input((5,)), layers.BatchNormalization(momentum=0.7)])
    return keras.Sequential(
        [keras.Input((5,)), inner, layers.Dense(3), layers.BatchNormalization()]
    )


def test_averages_taken_anew_are_those_of_whole_batches():
    net = net_with_two_norms()
    x = np.random.default_rng(3).normal(2, 3, size=(50, 5)).astype("float32")
    calibrate(net, x, batch_size=20)
    first, second = batch_normalizations(net)
    batches = x[:40].reshape(2, 20, 5)  # the ten left over fill no batch
    mean, variance = batches.mean(axis=1), batches.var(axis=1)
    moving = [ops.convert_to_numpy(v) for v in (first.moving_mean, first.moving_variance)]
    np.testing.assert_allclose(moving[0], mean.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(moving[1], variance.mean(axis=0), rtol=1e-4)
    assert np.abs(ops.convert_to_numpy(second.moving_mean)).max() > 0
    assert (first.momentum, second.momentum) == (0.7, 0.99)


def test_fewer_pictures_than_a_batch_are_refused():
    with pytest.raises(ValueError, match="19 pictures"):
        calibrate(net_with_two_norms(), np.zeros((19, 5), "float32"), batch_size=20)


class Hiding(layers.Layer):
    """A layer of one's own with a batch normalisation inside."""

    def __init__(self):
        super().__init__()
        self.norm = layers.BatchNormalization()

    def call(self, x, training=None):
        return self.norm(x, training=training)


def test_a_normalisation_that_cannot_be_found_is_not_passed_over():
    net = keras.Sequential([keras.Input((5,)), layers.BatchNormalization(), Hiding()])
    with pytest.raises(ValueError, match="1 of the net's moving means"):
        calibrate(net, np.zeros((20, 5), "float32"), batch_size=20)


def test_a_normalisation_that_is_called_twice_is_found_once():
    norm, inputs = layers.BatchNormalization(), keras.Input((5,))
    assert batch_normalizations(keras.Model(inputs, norm(norm(inputs)))) == [norm]


# Sequences of unlike lengths.

LENGTHS = np.array([6, 4, 4, 1])
MASK = np.arange(7) < LENGTHS[:, None]
SEQUENCES = np.random.default_rng(4).normal(size=(4, 7, 3)).astype("float32")


def test_a_steps_moments_are_those_of_the_sequences_that_still_run():
    left, mean, variance = map(ops.convert_to_numpy, step_moments(SEQUENCES, MASK))
    np.testing.assert_array_equal(left[:, 0], [4, 3, 3, 3, 1, 1, 0])
    for step in range(6):
        running = SEQUENCES[step < LENGTHS, step]
        np.testing.assert_allclose(mean[step], running.mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(variance[step], running.var(axis=0), atol=1e-6)
    assert not variance[4:].any()  # one sequence has no variance, none has no mean
    assert not mean[6].any()


def test_padding_does_not_count_in_a_steps_moments():
    changed = np.where(MASK[..., None], SEQUENCES, 100).astype("float32")
    for ours, again in zip(step_moments(SEQUENCES, MASK), step_moments(changed, MASK), strict=True):
        np.testing.assert_allclose(ours, again, atol=1e-5)


def test_with_a_mask_keras_takes_one_mean_for_all_steps():
    layer = layers.BatchNormalization()
    out = ops.convert_to_numpy(layer(SEQUENCES, training=True, mask=ops.convert_to_tensor(MASK)))
    real = SEQUENCES[MASK]
    pooled = (real - real.mean(axis=0)) / np.sqrt(real.var(axis=0) + 1e-3)
    np.testing.assert_allclose(out[MASK], pooled, atol=1e-5)
