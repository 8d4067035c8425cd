"""Convolution by hand, the question of where windows lie, their pictures, and the prototype."""

import base64
from typing import Any

import keras
import matplotlib
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import signal

matplotlib.use("Agg")

from convbook.architectures.prototype import prototype
from convbook.convolution import feature_map, padding_amounts, taps
from convbook.drawing import convolution as drawing
from convbook.drawing import stage

RNG = np.random.default_rng(0)


def keras_map(image, kernel, **options):
    """What a one-filter Conv2D without bias makes of one image (H, W, C)."""
    layer = keras.layers.Conv2D(1, kernel.shape[:2], use_bias=False, **options)
    layer.build((None, *image.shape))
    layer.set_weights([kernel[..., np.newaxis]])
    return keras.ops.convert_to_numpy(layer(image[np.newaxis]))[0, :, :, 0]


@pytest.mark.parametrize(("image", "kernel"), [((32, 32, 3), (5, 5, 3)), ((9, 7, 2), (2, 4, 2))])
def test_a_feature_map_is_what_scipy_and_keras_compute(image, kernel):
    image, kernel = RNG.normal(size=image), RNG.normal(size=kernel)
    ours = feature_map(image, kernel, bias=0.5)
    np.testing.assert_allclose(ours, signal.correlate(image, kernel, "valid")[..., 0] + 0.5)
    np.testing.assert_allclose(ours - 0.5, keras_map(image, kernel), atol=1e-5)
    # The mathematician's convolution is another map.
    assert np.abs(ours - 0.5 - signal.convolve(image, kernel, "valid")[..., 0]).max() > 1


@pytest.mark.parametrize(
    ("image", "kernel"), [((8, 8), (3, 3, 1)), ((8, 8, 3), (3, 3, 1)), ((2, 8, 1), (3, 3, 1))]
)
def test_a_feature_map_of_shapes_that_do_not_fit_is_refused(image, kernel):
    with pytest.raises(ValueError, match="image"):
        feature_map(np.zeros(image), np.zeros(kernel))


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 7),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from(["valid", "same"]),
)
def test_taps_are_the_positions_that_keras_reads(size, kernel, stride, dilation, padding):
    assume(stride == 1 or dilation == 1)
    assume(padding == "same" or dilation * (kernel - 1) + 1 <= size)
    read = taps(size, kernel, stride, padding, dilation)
    row, weights = RNG.normal(size=size), RNG.normal(size=(1, kernel, 1))
    expected = keras_map(
        row[np.newaxis, :, np.newaxis],
        weights,
        strides=stride,
        padding=padding,
        dilation_rate=dilation,
    )[0]
    np.testing.assert_allclose(np.append(row, 0)[read] @ weights[0, :, 0], expected, atol=1e-4)
    if padding == "valid":
        starts = stride * np.arange(len(read))
        np.testing.assert_array_equal(read, starts[:, None] + dilation * np.arange(kernel))


def test_the_odd_zero_of_a_strided_same_layer_goes_to_the_end():
    assert padding_amounts(224, 7, stride=2) == (2, 3)
    assert padding_amounts(224, 3, stride=2) == (0, 1)
    assert padding_amounts(225, 7, stride=2) == (3, 3)
    assert padding_amounts(32, 5) == (2, 2)
    assert padding_amounts(32, 3, dilation=4) == (4, 4)


@pytest.mark.parametrize(("size", "kernel", "stride"), [(224, 7, 2), (30, 3, 2), (31, 5, 3)])
def test_padding_by_the_amounts_read_off_keras_gives_the_same_layer(size, kernel, stride):
    image, weights = RNG.normal(size=(size, size, 1)), RNG.normal(size=(kernel, kernel, 1))
    same = keras_map(image, weights, strides=stride, padding="same")

    def padded(before, after):
        frame = (before, after)
        return keras_map(np.pad(image, (frame, frame, (0, 0))), weights, strides=stride)

    before, after = padding_amounts(size, kernel, stride)
    np.testing.assert_allclose(padded(before, after), same, atol=1e-4)
    # One zero moved to the other side is as large and another map.
    wrong = padded(before + 1, after - 1)
    assert wrong.shape == same.shape
    assert np.abs(wrong - same).max() > 0.1


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"size": 9, "kernel": 3, "stride": 2, "dilation": 2}, "not both"),
        ({"size": 4, "kernel": 5}, "wider than"),
        ({"size": 0, "kernel": 3}, "whole numbers"),
    ],
)
def test_settings_without_a_window_are_refused_in_a_sentence(arguments, problem):
    with pytest.raises(ValueError, match=problem):
        taps(**arguments)


def test_a_window_wholly_in_the_padding_is_refused():
    with pytest.raises(ValueError, match="smaller dilation"):
        padding_amounts(2, 2, dilation=5)


def test_the_prototype_is_the_pattern_and_nothing_else():
    kinds = [type(layer).__name__ for layer in prototype().layers]
    stage = ["Conv2D", "ReLU", "Conv2D", "ReLU", "MaxPooling2D"]
    assert kinds == ["InputLayer", *stage, *stage, "Flatten", "Dense"]
    by_hand = 8 * (49 + 1) + 8 * (72 + 1) + 16 * (72 + 1) + 16 * (144 + 1) + 10 * (8 * 8 * 16 + 1)
    assert prototype().count_params() == by_hand == 14_722


def test_the_prototype_takes_other_pictures_stages_and_classes():
    model = prototype((24, 16, 3), filters=(2, 4, 6), classes=5)
    probabilities = model.predict(RNG.random((2, 24, 16, 3)), verbose=0)
    assert probabilities.shape == (2, 5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


IMAGE, KERNEL = RNG.random((7, 9)), RNG.normal(size=(3, 3))


@pytest.mark.parametrize(
    "setting",
    [{}, {"padding": "same"}, {"stride": 2}, {"dilation": 2}, {"stride": 2, "padding": "same"}],
)
def test_the_sliding_picture_shows_the_map_that_keras_computes(setting):
    figure = drawing.draw_sliding(IMAGE, KERNEL, **setting)
    shown = np.asarray(figure.axes[2].images[0].get_array())
    names = {"stride": "strides", "dilation": "dilation_rate"}
    options = {names.get(name, name): value for name, value in setting.items()}
    expected = keras_map(IMAGE[..., np.newaxis], KERNEL[..., np.newaxis], **options)
    np.testing.assert_allclose(shown, expected, atol=1e-5)
    assert f"map {expected.shape[0]}x{expected.shape[1]}" in figure.axes[2].get_title()


def test_the_sliding_picture_leaves_out_what_is_not_computed_yet():
    figure = drawing.draw_sliding(IMAGE, KERNEL, step=9)
    shown: Any = np.ma.filled(np.ma.asarray(figure.axes[2].images[0].get_array()), np.nan)
    assert np.isfinite(shown).sum() == 10


def test_the_sliding_picture_writes_what_is_multiplied_and_what_comes_out():
    left, middle, right = drawing.draw_sliding(IMAGE, KERNEL, padding="same", step=0).axes
    pixels = [float(text.get_text()) for text in left.texts]
    assert pixels[:3] == [0, 0, 0], "the first row of the window lies in the padding"
    (result,) = (float(text.get_text()) for text in right.texts)
    assert len(middle.texts) == len(pixels) == KERNEL.size
    assert result == pytest.approx(np.dot(pixels, KERNEL.ravel()), abs=0.05)


def test_a_still_picture_has_a_column_for_each_setting():
    settings_: list[dict[str, Any]] = [{}, {"padding": "same"}, {"stride": 2}, {"dilation": 2}]
    figure = drawing.draw_settings(IMAGE, KERNEL, settings_, step=4)
    words = [text.get_text() for axes in figure.axes[4:] for text in axes.texts]
    assert words == ["map 5x7", "map 7x9", "map 3x4", "map 3x5"]


def test_the_padding_picture_names_the_windows_centres():
    figure = drawing.draw_padding(224, 7, 2, [("same", 2, 3), ("symmetric", 3, 3)])
    panels = figure.axes
    rows = panels[:2], panels[2:]  # of each way to pad the start and the end
    for ends, centres in zip(rows, [(1, 3, 221, 223), (0, 2, 220, 222)], strict=True):
        words = [text.get_text() for axes in ends for text in axes.texts]
        for output, centre in zip((0, 1, 110, 111), centres, strict=True):
            assert f"output {output}, centre {centre}" in words


def test_without_a_notebook_the_widget_says_so(monkeypatch, capsys):
    monkeypatch.setattr(stage, "in_notebook", lambda: False)
    assert drawing.sliding_widget(IMAGE, KERNEL) is None
    assert "need a Jupyter notebook" in capsys.readouterr().out


def test_a_viewer_without_widgets_is_given_a_picture(monkeypatch):
    monkeypatch.setattr(stage, "in_notebook", lambda: True)
    shown = drawing.sliding_widget(np.zeros((8, 8)), KERNEL)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert base64.b64decode(shown["image/png"]).startswith(b"\x89PNG")


def test_the_widget_follows_its_knobs(monkeypatch):
    monkeypatch.setattr(stage, "in_notebook", lambda: True)
    said, controls, picture = drawing.sliding_widget(np.eye(8), KERNEL).children
    _, _, stride, dilation, place = controls.children
    _, position = place.children
    assert position.max + 1 == 8 * 8
    before = bytes(picture.value)
    position.value = 20
    assert picture.value != before
    stride.value = 2
    before = bytes(picture.value)
    dilation.value = 2
    assert "strides or dilates, not both" in said.value
    assert picture.value == before
    stride.value = 1
    assert "Try:" in said.value
    assert picture.value != before
