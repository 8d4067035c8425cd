"""Fully convolutional nets: the classifier's own scores, and heads against Keras's resizing."""

import re

import keras
import numpy as np
import pytest
from keras import layers, ops

from convbook.architectures.classic import vgg
from convbook.architectures.fully_convolutional import (
    TAPS,
    bilinear_kernel,
    convolutional,
    dense_as_conv,
    enlarge,
    fcn,
    fcn_backbone,
    hand_on,
    small_vgg,
)
from convbook.architectures.residual import basic_resnet
from convbook.counting import count_parameters


def randomise(net: keras.layers.Layer, seed: int = 0) -> None:
    """Weights that keep a signal's size, biases and statistics that are not what they start as."""
    rng = np.random.default_rng(seed)
    values = []
    for weight in net.weights:
        shape = tuple(weight.shape)
        fan_in = np.prod(shape[:-1]) if len(shape) > 1 else 20
        value = rng.normal(0, np.sqrt(2 / fan_in), shape)
        values.append(np.abs(value) + 0.5 if weight.name in ("gamma", "moving_variance") else value)
    net.set_weights([value.astype("float32") for value in values])


def numbers(tensor: object) -> np.ndarray:
    return ops.convert_to_numpy(tensor)


def differ(one: object, other: object) -> float:
    """The largest difference, relative to the spread of the first."""
    first, second = numbers(one), numbers(other)
    return float(np.abs(first - second).max() / first.std())


def pictures(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


# --- dense layers as convolutions -----------------------------------------------------------------


@pytest.mark.parametrize(("window", "channels"), [((7, 7), 16), ((6, 6), 8), ((3, 5), 4)])
def test_a_dense_layer_after_flatten_is_a_convolution_with_its_weights(window, channels) -> None:
    dense = layers.Dense(9, activation="relu")
    maps = pictures(2, *window, channels)
    flat = maps.reshape(2, -1)
    dense(flat)
    randomise(dense)
    conv = dense_as_conv(dense, window)
    assert conv.kernel.shape == (*window, channels, 9)
    scores = numbers(conv(maps))
    assert scores.shape == (2, 1, 1, 9)
    assert differ(dense(flat), scores[:, 0, 0]) < 1e-5
    assert count_parameters(conv) == count_parameters(dense)

    kernel, bias = dense.get_weights()
    altered = {
        "no bias": [conv.get_weights()[0], 0 * bias],
        "channels first": [
            kernel.reshape(channels, *window, 9).transpose(1, 2, 0, 3),
            bias,
        ],
        "columns first": [
            kernel.reshape(*window[::-1], channels, 9).transpose(1, 0, 2, 3),
            bias,
        ],
    }
    for name, weights in altered.items():
        conv.set_weights(weights)
        assert differ(dense(flat), conv(maps)[:, 0, 0]) > 1e-2, name


def test_a_dense_layer_after_a_dense_layer_is_a_1x1_convolution() -> None:
    dense = layers.Dense(5, activation="softmax")
    x = pictures(3, 12)
    dense(x)
    randomise(dense)
    conv = dense_as_conv(dense)
    assert differ(dense(x), conv(x[:, None, None])[:, 0, 0]) < 1e-5


def test_a_dense_layer_that_fits_no_window_is_refused_in_a_sentence() -> None:
    dense = layers.Dense(3, name="scores")
    with pytest.raises(ValueError, match="scores has no weights yet"):
        dense_as_conv(dense)
    dense.build((None, 20))
    with pytest.raises(ValueError, match="scores has 20 inputs, which no 3x3 window holds"):
        dense_as_conv(dense, (3, 3))


# --- classifiers of any size ----------------------------------------------------------------------


def narrow_vgg(size: int = 64) -> keras.Model:
    net = vgg("A", 5, (size, size, 3), filters=2, hidden=(11, 7))
    randomise(net)
    return net


def narrow_resnet() -> keras.Model:
    inputs = keras.Input((64, 64, 3))
    x = inputs
    for filters in (3, 4):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        shortcut = x
        x = layers.Conv2D(filters, 3, padding="same")(x)
        x = layers.ReLU()(layers.Add()([shortcut, x]))
    x = layers.GlobalAveragePooling2D()(x)
    net = keras.Model(inputs, layers.Dense(6)(x))
    randomise(net)
    return net


@pytest.mark.parametrize("build", [narrow_vgg, narrow_resnet])
def test_a_convolutional_classifier_has_the_scores_of_the_classifier(build) -> None:
    net = build()
    whole = convolutional(net)
    x = pictures(3, 64, 64, 3)
    expected = net(x)
    scores = whole(x)
    assert scores.shape == (3, 1, 1, expected.shape[-1])
    assert differ(expected, scores[:, 0, 0]) < 1e-4
    assert count_parameters(whole, trainable=False) == count_parameters(net, trainable=False)

    for layer in whole.layers:  # the mistake of dropping the dense layers' biases
        if isinstance(layer, layers.Conv2D) and layer.kernel.shape[0] in (1, 2) and layer.use_bias:
            layer.bias.assign(ops.zeros(layer.bias.shape))
    assert differ(expected, whole(x)[:, 0, 0]) > 1e-2


def test_the_books_resnet_becomes_convolutional_too() -> None:
    net = basic_resnet((1, 1, 1, 1), classes=4, input_shape=(64, 64, 3))
    x = pictures(2, 64, 64, 3)
    assert differ(net(x), convolutional(net)(x)[:, 0, 0]) < 1e-4
    assert convolutional(net)(pictures(1, 96, 128, 3)).shape == (1, 2, 3, 4)


def test_larger_pictures_give_a_map_of_scores() -> None:
    net = narrow_vgg()
    assert convolutional(net)(pictures(1, 128, 160, 3)).shape == (1, 3, 4, 5)
    assert convolutional(net, padding="same")(pictures(1, 128, 160, 3)).shape == (1, 4, 5, 5)


def unpadded() -> keras.Model:
    net = keras.Sequential(
        [
            keras.Input((18, 18, 2)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(5, activation="softmax"),
        ]
    )
    randomise(net)
    return net


def test_without_padding_the_map_is_the_classifier_slid_over_the_picture() -> None:
    net = unpadded()
    scene = pictures(1, 30, 34, 2)
    scores = numbers(convolutional(net)(scene))
    rows, columns = scores.shape[1:3]
    assert (rows, columns) == (4, 5)
    for row in range(rows):
        for column in range(columns):
            crop = scene[:, 4 * row : 4 * row + 18, 4 * column : 4 * column + 18]
            np.testing.assert_allclose(scores[:, row, column], numbers(net(crop)), atol=1e-6)
    shifted = scene[:, 1:19, :18]  # a window elsewhere has other scores
    assert np.abs(scores[:, 0, 0] - numbers(net(shifted))).max() > 1e-4


def test_the_mean_of_a_residual_nets_map_is_what_it_says_of_the_whole() -> None:
    """Averaging and a linear layer can change places (Zhou et al. 2016, class activation maps)."""
    net = narrow_resnet()
    features = keras.Model(net.input, net.layers[-2].input)
    scores = dense_as_conv(net.layers[-1])
    x = pictures(2, 64, 64, 3)
    by_position = numbers(scores(features(x)))
    assert by_position.shape == (2, 16, 16, 6)
    assert differ(net(x), by_position.mean((1, 2))) < 1e-4
    assert differ(net(x), by_position.max((1, 2))) > 1e-2


def test_what_cannot_be_made_convolutional_is_said_in_a_sentence() -> None:
    x = inputs = keras.Input((8, 8, 2))
    plain = keras.Model(inputs, layers.Conv2D(3, 3)(x), name="plain")
    with pytest.raises(ValueError, match="plain has neither Flatten nor GlobalAverage"):
        convolutional(plain)
    x = layers.BatchNormalization(name="norm")(layers.Flatten(name="flat")(inputs))
    odd = keras.Model(inputs, layers.Dense(3)(x))
    with pytest.raises(ValueError, match="norm comes after flat; only dense and dropout"):
        convolutional(odd)


def test_the_small_vgg_has_the_stride_of_a_vgg() -> None:
    net = small_vgg(4)
    assert convolutional(net)(pictures(1, 256, 256, 3)).shape == (1, 6, 6, 4)
    backbone = fcn_backbone(net, ("block3", "block4"))
    sides = [tuple(maps.shape[1:3]) for maps in backbone(pictures(1, 128, 96, 3))]
    assert sides == [(16, 12), (8, 6), (4, 3)]


# --- enlarging ------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [2, 3, 4, 8, 16])
def test_a_transposed_convolution_with_the_bilinear_kernel_interpolates(factor: int) -> None:
    maps = pictures(2, 5, 6, 3)
    size = (5 * factor, 6 * factor)
    expected = numbers(ops.image.resize(maps, size, "bilinear"))
    inputs = keras.Input((None, None, 3))
    for transposed in (False, True):
        net = keras.Model(inputs, enlarge(inputs, factor, transposed))
        enlarged = numbers(net(maps))
        assert enlarged.shape == (2, *size, 3)
        edge = factor // 2 if transposed else 0
        inside = (slice(None), slice(edge, size[0] - edge), slice(edge, size[1] - edge))
        np.testing.assert_allclose(enlarged[inside], expected[inside], atol=1e-5)
    assert np.abs(enlarged - expected).max() > 0.1  # zeros come in from beyond the border
    # A kernel that repeats each pixel, and one that is shifted, are noticed.
    layer = net.layers[-1]
    kernel = bilinear_kernel(factor, 3)
    for altered in ((kernel > 0.3).astype("float32"), np.roll(kernel, 1, axis=0)):
        layer.set_weights([altered])
        assert np.abs(numbers(net(maps))[inside] - expected[inside]).max() > 1e-2


# --- FCN-32s, 16s and 8s --------------------------------------------------------------------------


def backbone() -> keras.Model:
    return fcn_backbone(narrow_vgg(96), TAPS)


@pytest.mark.parametrize("stride", [32, 16, 8])
def test_an_fcn_adds_the_scores_of_its_skips_and_enlarges_the_sum(stride: int) -> None:
    net = fcn(backbone(), 4, stride)
    randomise(net)
    x = pictures(2, 96, 160, 3)
    assert net(x).shape == (2, 96, 160, 4)
    taps = [*TAPS, "drop2"]
    maps = dict(
        zip(
            (8, 16, 32),
            keras.Model(net.input, [net.get_layer(name).output for name in taps])(x),
            strict=True,
        )
    )
    assert [tuple(each.shape[1:3]) for each in maps.values()] == [(12, 20), (6, 10), (3, 5)]

    def by_hand(method: str = "bilinear", skips: bool = True) -> object:
        scores, reached = net.get_layer("score32")(maps[32]), 32
        while reached > stride:
            reached //= 2
            size = tuple(maps[reached].shape[1:3])
            scores = ops.image.resize(scores, size, method)
            if skips:
                scores = scores + net.get_layer(f"score{reached}")(maps[reached])
        return ops.image.resize(scores, (96, 160), method)

    assert differ(net(x), by_hand()) < 1e-4
    assert differ(net(x), by_hand("nearest")) > 1e-2
    if stride < 32:
        assert differ(net(x), by_hand(skips=False)) > 1e-2


def test_a_new_skip_changes_nothing_before_it_has_learnt() -> None:
    base = backbone()
    coarse = fcn(base, 4, 32)
    x = pictures(1, 96, 96, 3)
    assert np.abs(numbers(coarse(x))).max() == 0  # scores start at zero
    randomise(coarse)
    fine = fcn(base, 4, 16)
    assert hand_on(coarse, fine) == ["score16"]
    # Enlarged in two steps or one: nearly, not exactly, the same interpolation.
    once = differ(coarse(x), fine(x))
    assert once < 0.5
    fine.get_layer("score16").set_weights(
        [np.ones(fine.get_layer("score16").kernel.shape), np.arange(4)]
    )
    assert differ(coarse(x), fine(x)) > 2 * once


def test_training_an_fcn_leaves_the_classifier_and_earlier_nets_alone() -> None:
    classifier = narrow_vgg(96)
    before = [value.copy() for value in classifier.get_weights()]
    base = fcn_backbone(classifier)
    first = fcn(base, 3, 32)
    second = fcn(base, 3, 8)
    hand_on(first, second)
    kept = [value.copy() for value in first.get_weights()]
    randomise(second)
    for value, after in zip(before, classifier.get_weights(), strict=True):
        np.testing.assert_array_equal(value, after)
    for value, after in zip(kept, first.get_weights(), strict=True):
        np.testing.assert_array_equal(value, after)


def test_handing_on_refuses_a_layer_of_another_shape() -> None:
    base = backbone()
    with pytest.raises(ValueError, match=re.escape("score32 has weights of other shapes")):
        hand_on(fcn(base, 3, 32), fcn(base, 4, 16))


def test_in_the_papers_fcn_the_doublings_learn_and_the_last_enlargement_does_not() -> None:
    net = fcn(backbone(), 3, 8, transposed=True)
    kinds = {layer.name: layer.trainable for layer in net.layers if "Transpose" in str(type(layer))}
    assert kinds == {"double16": True, "double8": True, "enlarge8": False}
    assert net(pictures(1, 64, 96, 3)).shape == (1, 64, 96, 3)


def test_there_is_no_fcn_of_another_stride() -> None:
    with pytest.raises(ValueError, match="stride is 4; there are FCN-32s, 16s and 8s"):
        fcn(backbone(), 3, 4)
