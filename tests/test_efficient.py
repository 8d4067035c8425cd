"""Efficient nets: published counts, the outputs of nets not written here, and the equivalences."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from convbook.architectures.attention import se_bottleneck_block, se_resnet, squeeze_excite
from convbook.architectures.efficient import (
    MOBILENET_V2,
    inverted_residual,
    mobile_block,
    mobilenet_v2,
    relu6,
    xception,
)
from convbook.architectures.grouped import grouped_conv_transpose
from convbook.architectures.residual import RESNET_BLOCKS, bottleneck_block, resnet
from convbook.comparing import (
    Change,
    copy_weights,
    exchange,
    features_differ,
    largest_difference,
    option,
    told,
)
from convbook.counting import blueprint, count_multiplications, count_parameters, trace
from convbook.separable import made_separable, nearest_separable, product_kernel

Array = np.ndarray[Any, np.dtype[Any]]


def picture(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape, dtype="float32")


# Counts that others published: Keras's documentation for the first two; for the third the paper
# (25 million of ResNet-50 and about 2.5 million more, 3.87 against 3.86 thousand million
# multiplications: Hu 2018, section 4 and table 2).


def test_the_nets_have_the_published_parameters() -> None:
    assert count_parameters(blueprint(xception)) == 22_855_952
    assert count_parameters(blueprint(mobilenet_v2)) == 3_504_872


def test_xception_has_36_convolutions_in_its_way_and_four_beside_it() -> None:
    kinds = [step.kind for step in trace(blueprint(xception))]
    projections = 4
    assert kinds.count("SeparableConv2D") + kinds.count("Conv2D") - projections == 36
    assert kinds.count("Add") == 12


def test_mobilenet_v2_needs_300_million_multiplications() -> None:
    assert round(count_multiplications(blueprint(mobilenet_v2)) / 1e6, -1) == 300


def test_squeeze_and_excitation_costs_resnet_50_what_the_paper_says() -> None:
    plain, attentive = blueprint(resnet, RESNET_BLOCKS[50]), blueprint(se_resnet)
    stages = [(256, 3), (512, 4), (1024, 6), (2048, 3)]
    kernels = sum(count * 2 * channels * channels // 16 for channels, count in stages)
    biases = sum(count * (channels // 16 + channels) for channels, count in stages)
    assert round(kernels / 1e6, 1) == 2.5
    assert count_parameters(attentive) - count_parameters(plain) == kernels + biases
    work = [count_multiplications(net) for net in (plain, attentive)]
    assert work[1] - work[0] == kernels
    assert [round(count / 1e9, 2) for count in work] == [3.86, 3.86]


# Beside keras.applications, from the same random weights.

SIDE = 96
THEIRS = {"xception": keras.applications.Xception, "mobilenet_v2": keras.applications.MobileNetV2}
OURS = {"xception": xception, "mobilenet_v2": mobilenet_v2}


@functools.cache
def reference(name: str) -> tuple[keras.Model, Array, list[Array]]:
    """The other net with random weights, two pictures, and what it gives for them."""
    rng = np.random.default_rng(7)
    net = THEIRS[name](weights=None, input_shape=(SIDE, SIDE, 3))
    pictures = picture(2, SIDE, SIDE, 3, seed=7)
    settle(net, pictures, rng)
    return net, pictures, observe(net, pictures)


def settle(net: keras.Model, pictures: Array, rng: np.random.Generator) -> None:
    """Random weights, and each normalisation's statistics those of the signal that reaches it.

    So the signal keeps its size through all layers, and with gamma between 4 and 7 it passes 6.
    """
    norms = [layer for layer in net.layers if isinstance(layer, layers.BatchNormalization)]
    for layer in norms:
        n = layer.gamma.shape
        layer.set_weights([rng.uniform(4, 7, n), rng.normal(0, 1, n), np.zeros(n), np.ones(n)])
        layer.momentum = 0.0
    net(pictures, training=True)
    for layer in norms:
        layer.moving_mean.assign(layer.moving_mean + 0.1)  # not exactly what it normalises to


def observe(net: keras.Model, pictures: Array) -> list[Array]:
    """What the global average pool and the softmax give."""
    model = keras.Model(net.input, [net.layers[-2].output, net.output])
    return [ops.convert_to_numpy(value) for value in model(pictures, training=False)]


def copied(name: str, net: keras.Model) -> keras.Model:
    """``net`` with the weights of the reference."""
    copy_weights(reference(name)[0], net)
    return net


@functools.cache
def ours(name: str) -> keras.Model:
    return copied(name, OURS[name](input_shape=(SIDE, SIDE, 3)))


def differences(name: str, net: keras.Model) -> list[float]:
    """How far a net is from the other one: features and probabilities, relative."""
    _, pictures, expected = reference(name)
    pairs = zip(observe(net, pictures), expected, strict=True)
    return [float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs]


@pytest.mark.parametrize("name", OURS)
def test_the_net_gives_the_outputs_of_keras_applications_from_the_same_weights(name: str) -> None:
    _, _, (features, probabilities) = reference(name)
    assert np.abs(features[0] - features[1]).max() > 0.02 * np.abs(features).max()
    assert 0.001 < probabilities.max() < 0.999  # neither flat nor one-hot: differences would show
    assert max(differences(name, ours(name))) < 1e-5


class First(layers.Layer):
    """Hands on the first of its inputs: a sum whose other term is missing."""

    def call(self, tensors: Any) -> Any:
        return tensors[0]


class Rectified(layers.Layer):
    """A sum that ends in ReLU6."""

    def call(self, tensors: Any) -> Any:
        return ops.relu6(tensors[0] + tensors[1])


def another(kind: Callable[..., layers.Layer], *args: Any) -> Change:
    """A layer of another kind in its place."""
    return lambda layer: kind(*args, name=layer.name)


ALTERED: dict[tuple[str, str], list[tuple[type[layers.Layer], int, Change]]] = {
    ("xception", "the skip of a middle block missing"): [(layers.Add, 5, another(First))],
    ("xception", "a ReLU of the middle flow left out"): [
        (layers.ReLU, 12, another(layers.Identity))
    ],
    ("xception", "ReLU6 for the last ReLU"): [(layers.ReLU, -1, option(max_value=6.0))],
    ("xception", "average for maximum in a pool"): [
        (layers.MaxPooling2D, 1, another(layers.AveragePooling2D, 3, 2, "same"))
    ],
    ("xception", "a separable convolution dilated"): [
        (layers.SeparableConv2D, 9, option(dilation_rate=(2, 2)))
    ],
    ("xception", "the stride moved to the second convolution"): [
        (layers.Conv2D, 0, option(strides=(1, 1))),
        (layers.Conv2D, 1, option(strides=(2, 2))),
    ],
    ("xception", "the first convolution padded"): [(layers.Conv2D, 0, option(padding="same"))],
    ("mobilenet_v2", "ReLU for one ReLU6"): [(layers.ReLU, 8, option(max_value=None))],
    ("mobilenet_v2", "a ReLU6 left out"): [(layers.ReLU, 20, another(layers.Identity))],
    ("mobilenet_v2", "a skip missing"): [(layers.Add, 3, another(First))],
    ("mobilenet_v2", "an activation at a block's end"): [(layers.Add, 6, another(Rectified))],
    ("mobilenet_v2", "the stride moved from the depthwise to the 1x1 before it"): [
        (layers.Conv2D, 3, option(strides=(2, 2))),
        (layers.DepthwiseConv2D, 1, option(strides=(1, 1))),
    ],
    ("mobilenet_v2", "one normalisation with a larger epsilon"): [
        (layers.BatchNormalization, 20, option(epsilon=0.1))
    ],
}


@pytest.mark.parametrize("case", ALTERED, ids=": ".join)
def test_the_comparison_notices_one_altered_layer(case: tuple[str, str]) -> None:
    name, _ = case
    assert min(differences(name, copied(name, exchange(ours(name), *ALTERED[case])))) > 1e-3


@pytest.mark.parametrize("name", OURS)
def test_a_net_cloned_without_a_change_is_the_same(name: str) -> None:
    assert max(differences(name, copied(name, exchange(ours(name))))) < 1e-5


def capped(net: keras.Model) -> list[float]:
    """For each ReLU6 of a net the share of its values that lie at the upper bend."""
    relus = [layer for layer in net.layers if isinstance(layer, layers.ReLU)]
    inner = keras.Model(net.input, [layer.output for layer in relus])
    maps = inner(reference("mobilenet_v2")[1], training=False)
    return [float(np.mean(ops.convert_to_numpy(values) == 6)) for values in maps]


def test_the_comparison_reaches_the_upper_bend_of_every_relu6() -> None:
    shares = capped(ours("mobilenet_v2"))
    assert len(shares) == 35
    assert min(shares) > 0.01
    assert max(shares) < 0.5


def test_on_a_signal_below_six_relu_for_relu6_would_pass_unseen() -> None:
    """The trap that the weights of the comparison above avoid."""
    _, pictures, _ = reference("mobilenet_v2")
    right = copied("mobilenet_v2", exchange(ours("mobilenet_v2")))
    wrong = exchange(right, (layers.ReLU, 8, option(max_value=None)))
    for layer in right.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.gamma.assign(layer.gamma * 0.1)
    wrong.set_weights(right.get_weights())
    assert max(capped(right)) == 0
    for a, b in zip(observe(right, pictures), observe(wrong, pictures), strict=True):
        np.testing.assert_array_equal(a, b)


def test_nets_of_unlike_length_are_not_compared_and_layers_that_are_not_there_not_exchanged() -> (
    None
):
    small, smaller = (keras.Sequential([keras.Input((3,)), *parts]) for parts in DENSE)
    with pytest.raises(ValueError, match=r"has 2 layers with weights and .* has 1"):
        copy_weights(small, smaller)
    with pytest.raises(IndexError):
        exchange(small, (layers.ReLU, 0, option(max_value=6.0)))


DENSE = [[layers.Dense(4), layers.Dense(2)], [layers.Dense(2)]]


def test_features_are_what_the_last_layer_is_given() -> None:
    def two_layers():
        inputs = keras.Input((3,))
        return keras.Model(inputs, layers.Dense(2)(layers.Dense(4)(inputs)))

    net, other = two_layers(), two_layers()
    x = picture(5, 3)
    copy_weights(net, other)
    assert features_differ(net, other, x) == 0
    other.layers[-1].set_weights([np.zeros((4, 2)), np.zeros(2)])
    assert features_differ(net, other, x) == 0
    other.layers[1].set_weights([np.zeros((3, 4)), np.ones(4)])
    inside = x @ net.layers[1].get_weights()[0]
    assert features_differ(net, other, x) == pytest.approx(np.abs(inside - 1).max(), rel=1e-5)


def test_a_difference_is_a_share_of_the_largest_expected_size() -> None:
    assert largest_difference([1.0, -3.0], [1.0, -4.0]) == 0.25
    assert largest_difference(ops.array([2.0, 4.0]), np.array([2.0, 4.0])) == 0
    assert np.isnan(largest_difference([np.nan, 1.0], [1.0, 1.0]))  # never taken for equal
    with pytest.raises(ValueError, match=r"shapes \(2,\) and \(1, 2\) differ"):
        largest_difference([1.0, 2.0], [[1.0, 2.0]])
    assert [told(value) for value in (0.0, 3.2e-7, 0.94)] == ["0", "3e-07", "0.9"]


# Separable kernels


@pytest.mark.parametrize("multiplier", [1, 2, 9])
def test_a_separable_convolution_is_a_full_one_with_the_product_for_a_kernel(
    multiplier: int,
) -> None:
    depthwise, pointwise = picture(3, 3, 5, multiplier), picture(1, 1, 5 * multiplier, 7)
    x = picture(2, 8, 6, 5)
    parts = ops.separable_conv(x, depthwise, pointwise, padding="same")
    whole = ops.conv(x, product_kernel(depthwise, pointwise), padding="same")
    np.testing.assert_allclose(np.asarray(parts), np.asarray(whole), rtol=1e-4, atol=1e-4)


def test_the_nearest_separable_kernel_gets_nearer_with_every_window_and_is_exact_with_nine() -> (
    None
):
    kernel = picture(3, 3, 5, 16)
    away = []
    for multiplier in range(1, 10):
        depthwise, pointwise = nearest_separable(kernel, multiplier)
        assert depthwise.shape == (3, 3, 5, multiplier)
        assert pointwise.shape == (1, 1, 5 * multiplier, 16)
        away.append(float(np.linalg.norm(product_kernel(depthwise, pointwise) - kernel)))
    assert away == sorted(away, reverse=True)
    assert away[-1] < 1e-5 * away[0]
    rng = np.random.default_rng(1)  # no other single window a channel is nearer
    depthwise, pointwise = nearest_separable(kernel, 1)
    for _ in range(20):
        other = depthwise + 0.1 * rng.standard_normal(depthwise.shape)
        assert np.linalg.norm(product_kernel(other, pointwise) - kernel) > away[0]


def test_a_net_is_made_separable_but_for_what_has_no_window_or_one_channel() -> None:
    first, window, wide = picture(3, 3, 1, 8), picture(3, 3, 8, 16), picture(5, 5, 8, 16)
    pointwise, dense, bias = picture(1, 1, 8, 16), picture(16, 10), picture(10)
    weights = [first, window, wide, pointwise, dense, bias]
    changed = made_separable(weights, 1)
    for place in (0, 3, 4, 5):
        assert changed[place] is weights[place]
    for place in (1, 2):
        np.testing.assert_allclose(
            changed[place], product_kernel(*nearest_separable(weights[place], 1))
        )
        flat = changed[place].transpose(2, 0, 1, 3).reshape(8, -1, 16)
        assert np.linalg.matrix_rank(flat, tol=1e-4).tolist() == [1] * 8  # one window a channel
    np.testing.assert_allclose(made_separable(weights, 9)[1], window, atol=1e-5)


# Blocks


def block(build: Callable[..., Any], shape: tuple[int, ...], *args: Any) -> keras.Model:
    x = keras.Input(shape)
    return keras.Model(x, build(x, *args))


def randomise(net: keras.Model, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    net.set_weights([rng.uniform(0.2, 1.5, w.shape).astype("float32") for w in net.weights])


def test_relu6_has_two_bends() -> None:
    values = relu6(ops.array([[-1.0, 0.0, 3.0, 6.0, 7.0]]))
    assert ops.convert_to_numpy(values).tolist() == [[0, 0, 3, 6, 6]]


def test_the_inverted_residual_keeps_its_shape_as_the_chapters_special_case_does() -> None:
    general = block(inverted_residual, (7, 6, 5), 4, 5, 1)
    special = block(mobile_block, (7, 6, 5), 4)
    randomise(general)
    special.set_weights(general.get_weights())
    x = picture(2, 7, 6, 5)
    a, b = np.asarray(general(x)), np.asarray(special(x))
    np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize(
    ("expansion", "filters", "stride", "adds"),
    [(6, 5, 1, True), (1, 5, 1, True), (6, 5, 2, False), (6, 4, 1, False), (1, 7, 3, False)],
)
def test_the_inverted_residual_has_the_published_parts(
    expansion: int, filters: int, stride: int, adds: bool
) -> None:
    net = block(inverted_residual, (7, 6, 5), expansion, filters, stride)
    assert net.output_shape == (None, -(-7 // stride), -(-6 // stride), filters)
    kinds = [type(layer).__name__ for layer in net.layers]
    assert ("Add" in kinds) == adds
    assert kinds.count("Conv2D") == (1 if expansion == 1 else 2)
    assert kinds.count("ReLU") == (1 if expansion == 1 else 2)
    wide = 5 * expansion
    kernels = (5 * wide if expansion > 1 else 0) + 9 * wide + wide * filters
    norms = 2 * ((wide if expansion > 1 else 0) + wide + filters)
    assert count_parameters(net) == kernels + norms


def test_a_mobile_block_ends_without_an_activation() -> None:
    net = block(mobile_block, (8, 8, 6))
    out = np.asarray(net(picture(2, 8, 8, 6), training=True)) - picture(2, 8, 8, 6)
    assert (out < -0.5).any()


def test_the_table_of_mobilenet_v2_has_17_blocks_and_five_halvings() -> None:
    assert sum(count for _, _, count, _ in MOBILENET_V2) == 17
    assert blueprint(mobilenet_v2).layers[-3].output.shape[1:] == (7, 7, 1280)


# Grouped transposed convolution


def full_kernel(parts: list[Array], stack: Callable[[int, int], tuple[int, int]]) -> Array:
    """One kernel (k, k, filters, channels) that is zero between groups."""
    height, width, filters, channels = parts[0].shape
    groups = len(parts)
    kernel = np.zeros((height, width, filters * groups, channels * groups), "float32")
    for place in range(groups):
        row, column = stack(place, groups)
        kernel[
            :,
            :,
            row * filters : (row + 1) * filters,
            column * channels : (column + 1) * channels,
        ] = parts[place]
    return kernel


def in_order(place: int, groups: int) -> tuple[int, int]:
    return place, place


def exchanged(place: int, groups: int) -> tuple[int, int]:
    return groups - 1 - place, place


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_grouped_transposed_convolution_is_a_full_one_with_zeros_between_the_groups(
    groups: int, stride: int
) -> None:
    net = block(grouped_conv_transpose, (5, 4, 6), 12, 3, stride, groups)
    assert net.output_shape == (None, 4 * stride + 3, 3 * stride + 3, 12)
    assert count_parameters(net) == 9 * 12 * 6 // groups
    assert count_multiplications(net) == 5 * 4 * 9 * 12 * 6 // groups
    randomise(net)
    x = picture(2, 5, 4, 6)
    expected = np.asarray(net(x))
    for stack, same in [(in_order, True), (exchanged, groups == 1)]:
        kernel = full_kernel([np.asarray(w) for w in net.get_weights()], stack)
        full = ops.conv_transpose(x, kernel, strides=stride, padding="valid")
        assert np.allclose(np.asarray(full), expected, rtol=1e-4, atol=1e-4) == same


def test_groups_that_do_not_divide_are_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="4 groups do not divide 6 channels and 12 filters"):
        block(grouped_conv_transpose, (5, 4, 6), 12, 3, 1, 4)


# Squeeze-and-excitation


def test_squeeze_and_excitation_is_the_formula_of_the_paper() -> None:
    net = block(squeeze_excite, (7, 6, 32), 8)
    randomise(net)
    first, first_bias, second, second_bias = [0.3 * w - 0.25 for w in net.get_weights()]
    net.set_weights([first, first_bias, second, second_bias])
    x = picture(3, 7, 6, 32)
    hidden = np.maximum(x.mean(axis=(1, 2)) @ first + first_bias, 0)
    assert hidden.shape == (3, 4)
    gates = 1 / (1 + np.exp(-(hidden @ second + second_bias)))
    np.testing.assert_allclose(np.asarray(net(x)), x * gates[:, None, None], rtol=1e-5, atol=1e-6)
    other = 1 / (1 + np.exp(-(x.max(axis=(1, 2)) @ first + first_bias) @ second))
    assert np.abs(np.asarray(net(x)) - x * other[:, None, None]).max() > 0.01


def test_an_attentive_block_with_its_gates_open_is_the_bottleneck() -> None:
    attentive = block(se_bottleneck_block, (7, 6, 16), 4)
    plain = block(bottleneck_block, (7, 6, 16), 4)
    randomise(plain)
    dense = [layer for layer in attentive.layers if isinstance(layer, layers.Dense)]
    mine = [layer for layer in attentive.layers if layer.weights and layer not in dense]
    theirs = [layer for layer in plain.layers if layer.weights]
    for target, source in zip(mine, theirs, strict=True):
        target.set_weights(source.get_weights())
    dense[1].set_weights([np.zeros(dense[1].kernel.shape), np.full(dense[1].bias.shape, 30.0)])
    x = picture(2, 7, 6, 16)
    np.testing.assert_allclose(np.asarray(attentive(x)), np.asarray(plain(x)), rtol=1e-5)
    dense[1].set_weights([np.zeros(dense[1].kernel.shape), np.zeros(dense[1].bias.shape)])
    assert np.abs(np.asarray(attentive(x)) - np.asarray(plain(x))).max() > 0.1
