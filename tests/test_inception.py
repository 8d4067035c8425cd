"""Inception nets: published counts and sizes, and the outputs of what was not written here."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from convbook.architectures import inception
from convbook.architectures.inception import (
    AUXILIARY,
    GOOGLENET,
    PUBLISHED_MILLIONS,
    googlenet,
    inception_block,
    inception_v3,
    mlp_conv,
    naive_inception,
    network_in_network,
    small_googlenet,
)
from convbook.counting import blueprint, count_multiplications, count_parameters, trace


def picture(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def depth(net: keras.Model) -> int:
    """Layers with weights on the longest way from the input to the first output."""

    @functools.cache
    def longest(name: str) -> int:
        layer = net.get_layer(name)
        if isinstance(layer, layers.InputLayer):
            return 0
        before = {
            tensor._keras_history.operation.name for tensor in keras.tree.flatten(layer.input)
        }
        return max(longest(other) for other in before) + bool(layer.weights)

    return longest(net.outputs[0]._keras_history.operation.name)


# --- GoogLeNet ------------------------------------------------------------------------------------


def by_row(net: keras.Model) -> dict[str, list[int]]:
    """Parameters and multiplications by row of the paper's table: conv1, conv2, 3a, ..., main."""
    rows: dict[str, list[int]] = {}
    for step in trace(net):
        parts = step.name.split("_")
        row = rows.setdefault(parts[1] if parts[0] == "inception" else parts[0], [0, 0])
        row[0] += step.parameters
        row[1] += step.multiplications
    return {name: row for name, row in rows.items() if row[0]}


def test_googlenet_has_the_published_parameters_layers_and_sizes() -> None:
    net = blueprint(googlenet)
    assert count_parameters(net) == 6_998_552
    assert depth(net) == 22
    assert net.output_shape == (None, 1000)
    ends = [net.get_layer(f"inception_{name}_concat").output.shape[1:] for name in GOOGLENET]
    stage3 = [(28, 28, 256), (28, 28, 480)]
    stage4 = [(14, 14, n) for n in (512, 512, 512, 528, 832)]
    assert ends == stage3 + stage4 + [(7, 7, 832), (7, 7, 1024)]
    pools = [layer for layer in net.layers if isinstance(layer, layers.MaxPooling2D)]
    halving = [layer for layer in pools if layer.strides == (2, 2)]
    assert [layer.output.shape[1] for layer in halving] == [56, 28, 14, 7]
    assert len(pools) - len(halving) == 9


def test_googlenets_multiplications_are_those_of_the_papers_table() -> None:
    """All rows but two; chapter 6 shows what the table seems to have counted there."""
    counted = {name: row[1] / 1e6 for name, row in by_row(blueprint(googlenet)).items()}
    assert list(counted) == list(PUBLISHED_MILLIONS)
    other = [name for name in counted if abs(counted[name] - PUBLISHED_MILLIONS[name]) >= 1]
    assert other == ["conv1", "5a"]


def test_an_altered_googlenet_has_other_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GOOGLENET, "4d", (112, 128, 288, 32, 64, 64))
    net = blueprint(googlenet)
    assert count_parameters(net) != 6_998_552
    counted = by_row(net)["4d"][1] / 1e6
    assert abs(counted - PUBLISHED_MILLIONS["4d"]) >= 1


def test_auxiliary_classifiers_read_the_modules_4a_and_4d() -> None:
    net = blueprint(googlenet, auxiliary=True)
    assert net.output_shape == [(None, 1000)] * 3
    assert net.get_layer("auxiliary_4a_pool").output.shape[1:] == (4, 4, 512)
    assert net.get_layer("auxiliary_4d_pool").output.shape[1:] == (4, 4, 528)
    heads = [
        (channels * 128 + 128) + (4 * 4 * 128 * 1024 + 1024) + (1024 * 1000 + 1000)
        for channels in (512, 528)
    ]
    assert count_parameters(net) == 6_998_552 + sum(heads)


FILTERS = (4, 3, 5, 2, 6, 7)


def by_hand(x: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """The module from bare operations; kernels and biases in the order of the four ways."""
    pairs = iter(zip(weights[::2], weights[1::2], strict=True))

    def conv(x: Any) -> Any:
        kernel, bias = next(pairs)
        return ops.relu(ops.conv(x, kernel, padding="same") + bias)

    ways = [conv(x), conv(conv(x)), conv(conv(x)), conv(ops.max_pool(x, 3, 1, "same"))]
    return ops.convert_to_numpy(ops.concatenate(ways, -1))


ORDER = ["1x1", "3x3_reduce", "3x3", "5x5_reduce", "5x5", "pool_1x1"]


def difference_from_hand(alter: Callable[[keras.Model], keras.Model] = lambda net: net) -> float:
    """How far a module, altered or not, is from the one by hand with the same random weights."""
    keras.utils.set_random_seed(6)
    inputs = keras.Input((9, 8, 5))
    block = alter(keras.Model(inputs, inception_block(inputs, *FILTERS, name="x")))
    rng = np.random.default_rng(6)
    weights = []
    for name in ORDER:
        layer = block.get_layer(f"x_{name}")
        layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
        weights += layer.get_weights()
    x = picture(2, 9, 8, 5)
    expected = by_hand(x, weights)
    return float(np.abs(ops.convert_to_numpy(block(x)) - expected).max() / np.abs(expected).max())


def replaced(name: str, change: Callable[[dict[str, Any]], layers.Layer]) -> Any:
    """Exchange one layer of a model: by what ``change`` makes of its configuration."""

    def clone(layer: layers.Layer) -> layers.Layer:
        config = layer.get_config()
        return change(config) if layer.name == name else type(layer).from_config(config)

    return lambda net: keras.models.clone_model(net, clone_function=clone)


def conv_with(**options: Any) -> Callable[[dict[str, Any]], layers.Layer]:
    return lambda config: layers.Conv2D.from_config({**config, **options})


ALTERED_BLOCKS = {
    "nothing": (lambda net: net, False),
    "no ReLU between 1x1 and 5x5": (
        replaced("x_5x5_reduce", conv_with(activation="linear")),
        True,
    ),
    "the 3x3 dilated": (replaced("x_3x3", conv_with(dilation_rate=(2, 2))), True),
    "average for maximum": (
        replaced("x_pool", lambda config: layers.AveragePooling2D.from_config(config)),
        True,
    ),
    "the last ReLU left out": (replaced("x_pool_1x1", conv_with(activation="linear")), True),
}


@pytest.mark.parametrize("name", ALTERED_BLOCKS)
def test_the_module_is_the_one_made_by_hand_and_altering_it_shows(name: str) -> None:
    alter, noticed = ALTERED_BLOCKS[name]
    difference = difference_from_hand(alter)
    assert difference > 1e-2 if noticed else difference < 1e-6


def test_the_naive_layer_keeps_all_its_channels() -> None:
    x = keras.Input((28, 28, 192))
    net = blueprint(lambda: keras.Model(x, naive_inception(x, 64, 128, 32)))
    assert net.output_shape == (None, 28, 28, 416)
    costs = 28 * 28 * 192 * (64 + 9 * 128 + 25 * 32)
    assert count_multiplications(net) == costs


# --- Network in Network ---------------------------------------------------------------------------


def test_a_1x1_convolution_is_a_dense_layer_at_every_pixel() -> None:
    x = picture(2, 6, 5, 4)
    inputs = keras.Input((6, 5, 4))
    net = keras.Model(inputs, mlp_conv(inputs, 3))
    kernel, bias, *dense = net.get_weights()
    y = ops.relu(ops.conv(x, kernel, padding="same") + bias)
    for matrix, offset in zip(dense[::2], dense[1::2], strict=True):
        y = ops.relu(ops.matmul(y, matrix[0, 0]) + offset)
    np.testing.assert_allclose(ops.convert_to_numpy(net(x)), y, rtol=1e-5, atol=1e-6)


def test_network_in_network_takes_pictures_of_any_size() -> None:
    net = network_in_network((4, 8), classes=3, channels=2)
    for height, width in [(28, 28), (4, 4), (37, 20)]:
        chances = ops.convert_to_numpy(net(picture(2, height, width, 2)))
        assert chances.shape == (2, 3)
        np.testing.assert_allclose(chances.sum(1), 1, rtol=1e-5)


def test_its_answer_is_the_softmax_of_the_mean_of_its_class_maps() -> None:
    net = network_in_network((4, 8), classes=3)
    x = picture(1, 16, 12, 1)
    maps = keras.Model(net.input, net.get_layer("class_maps").output)(x)
    expected = ops.softmax(ops.mean(maps, (1, 2)))
    np.testing.assert_allclose(ops.convert_to_numpy(net(x)), expected, rtol=1e-5)


# --- The small GoogLeNet --------------------------------------------------------------------------


def test_with_and_without_auxiliary_classifiers_the_trunk_starts_alike() -> None:
    nets = []
    for auxiliary in (False, True):
        keras.utils.set_random_seed(1)
        nets.append(small_googlenet(auxiliary=auxiliary))
    trunk = nets[0].get_weights()
    together = {layer.name: layer for layer in nets[1].layers}
    for layer in (layer for layer in nets[0].layers if layer.weights):
        for a, b in zip(layer.get_weights(), together[layer.name].get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    x = picture(2, 28, 28, 1)
    np.testing.assert_array_equal(nets[0](x), nets[1](x)[0])
    assert len(nets[1].get_weights()) == len(trunk) + 2 * 6
    assert depth(nets[0]) == 22


@pytest.mark.parametrize("divisor", [0, 3, 16])
def test_filters_that_cannot_be_divided_are_told_in_one_sentence(divisor: int) -> None:
    with pytest.raises(ValueError, match=rf"take 1, 2, 4 or 8, not {divisor}\.$"):
        small_googlenet(divisor=divisor)


@pytest.mark.parametrize("divisor", [1, 2, 4, 8])
def test_filters_are_divided_by_what_is_asked_for(divisor: int) -> None:
    net = blueprint(small_googlenet, divisor=divisor)
    assert net.get_layer("inception_5b_concat").output.shape[-1] == 1024 // divisor


def test_auxiliary_losses_reach_the_trunk_and_not_what_comes_after() -> None:
    net = small_googlenet(auxiliary=True)
    early = keras.Model(net.input, net.outputs[1])
    reached = {layer.name.split("_")[1] for layer in early.layers if "concat" in layer.name}
    assert reached == {"3a", "3b", AUXILIARY[0]}


# --- Inception V3 beside keras.applications -------------------------------------------------------


def test_inception_v3_has_the_parameters_of_keras_applications() -> None:
    """23,817,352 are trained; with moving means and variances, one pair a channel, 23,851,784."""
    theirs = blueprint(keras.applications.InceptionV3, weights=None)
    ours = blueprint(inception_v3)
    for net in (ours, theirs):
        assert count_parameters(net) == 23_817_352
        assert count_parameters(net, trainable=False) == 23_851_784
    assert count_multiplications(ours) == count_multiplications(theirs)
    assert [layer.output.shape for layer in ours.layers if layer.weights] == [
        layer.output.shape for layer in theirs.layers if layer.weights
    ]


SIZE = 79  # odd sizes on the way: 39, 37, 18, 16, 7, 3, 1


@functools.cache
def reference() -> tuple[list[list[np.ndarray]], np.ndarray, list[np.ndarray]]:
    """Random weights in the other net, layer by layer; pictures; its features and outputs."""
    rng = np.random.default_rng(3)
    net = keras.applications.InceptionV3(weights=None, input_shape=(SIZE, SIZE, 3))
    for layer in net.layers:
        if isinstance(layer, layers.BatchNormalization):
            n = layer.beta.shape
            layer.set_weights(
                [rng.normal(0, 0.3, n), rng.normal(0, 0.3, n), rng.uniform(0.5, 2, n)]
            )
        elif isinstance(layer, layers.Conv2D):
            shape = layer.kernel.shape
            deviation = (2 / np.prod(shape[:-1])) ** 0.5
            layer.set_weights([rng.normal(0, deviation, shape)])
    weights = [layer.get_weights() for layer in net.layers if layer.weights]
    pictures = rng.normal(size=(2, SIZE, SIZE, 3)).astype("float32")
    return weights, pictures, observe(net, pictures)


def observe(net: keras.Model, pictures: np.ndarray) -> list[np.ndarray]:
    model = keras.Model(net.input, [net.layers[-2].output, net.output])
    return [ops.convert_to_numpy(value) for value in model(pictures, training=False)]


def differences() -> list[float]:
    weights, pictures, expected = reference()
    net = inception_v3(input_shape=(SIZE, SIZE, 3))
    for layer, values in zip([one for one in net.layers if one.weights], weights, strict=True):
        layer.set_weights(values)
    got = observe(net, pictures)
    return [
        float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(got, expected, strict=True)
    ]


def test_inception_v3_gives_the_outputs_of_keras_applications_from_the_same_weights() -> None:
    assert max(differences()) < 1e-4


def maximum_for_average(x: Any, filters: int) -> Any:
    return inception.conv_bn(layers.MaxPooling2D(3, 1, "same")(x), filters, 1)


def bare(x: Any, filters: int, kernel: Any, stride: int = 1, padding: str = "same") -> Any:
    """As ``conv_bn``, without ReLU where the filters are 448, which two layers have."""
    x = layers.Conv2D(filters, kernel, strides=stride, padding=padding, use_bias=False)(x)
    x = layers.BatchNormalization(scale=False)(x)
    return x if filters == 448 else layers.ReLU()(x)


def other_epsilon(x: Any, filters: int, kernel: Any, stride: int = 1, padding: str = "same") -> Any:
    """As ``conv_bn``, with an epsilon of 1e-1 in the one layer of 80 filters."""
    x = layers.Conv2D(filters, kernel, strides=stride, padding=padding, use_bias=False)(x)
    epsilon = 1e-1 if filters == 80 else 1e-3
    return layers.ReLU()(layers.BatchNormalization(scale=False, epsilon=epsilon)(x))


def dilated(x: Any, filters: int, kernel: Any, stride: int = 1, padding: str = "same") -> Any:
    """As ``conv_bn``, dilated in the one layer of 64 filters after 32."""
    rate = 2 if filters == 64 and x.shape[-1] == 32 else 1
    x = layers.Conv2D(
        filters, kernel, strides=stride, padding=padding, use_bias=False, dilation_rate=rate
    )(x)
    return layers.ReLU()(layers.BatchNormalization(scale=False)(x))


ALTERED_V3 = {
    "maximum for average in the modules": ("_pooled", maximum_for_average),
    "a ReLU left out in the last modules": ("conv_bn", bare),
    "one normalisation with a larger epsilon": ("conv_bn", other_epsilon),
    "one convolution dilated": ("conv_bn", dilated),
}


@pytest.mark.parametrize("name", ALTERED_V3)
def test_the_comparison_notices_one_altered_layer(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inception, *ALTERED_V3[name])
    assert min(differences()) > 1e-3
