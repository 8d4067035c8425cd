"""Residual networks: the published counts and sizes, and the outputs of a net not written here."""

import functools

import keras
import numpy as np
import pytest
from keras import layers, ops

from convbook.architectures.residual import (
    RESNET_BLOCKS,
    basic_resnet,
    block_model,
    bottleneck_block,
    identity_block,
    plain_block,
    preactivated_block,
    residual_block,
    resnet,
    small_net,
    zero_pad_shortcut,
    zero_padded_block,
)
from convbook.counting import blueprint, count_parameters
from convbook.training import restart

PUBLISHED = {18: 11_689_512, 34: 21_797_672, 50: 25_557_032, 101: 44_549_160, 152: 60_192_808}


@pytest.mark.parametrize("depth", PUBLISHED)
def test_resnets_have_the_published_parameters_and_sizes(depth):
    net = blueprint(basic_resnet if depth < 50 else resnet, RESNET_BLOCKS[depth])
    assert count_parameters(net) == PUBLISHED[depth]
    sizes = {layer.output.shape[1] for layer in net.layers if len(layer.output.shape) == 4}
    assert sorted(sizes, reverse=True) == [224, 112, 56, 28, 14, 7]
    assert net.output_shape == (None, 1000)


def picture(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def with_zero_branch(block, x, filters, stride):
    """Output of a block whose 3x3 kernels are zero."""
    model = block_model(block, x.shape[1:], filters, stride, "zeroed")
    kernels = [w for w in model.trainable_variables if w.shape[:2] == (3, 3)]
    assert len(kernels) == (1 if block is bottleneck_block else 2)
    for kernel in kernels:
        kernel.assign(ops.zeros_like(kernel))
    return ops.convert_to_numpy(model(x))


@pytest.mark.parametrize(
    "block",
    [residual_block, zero_padded_block, lambda x, filters, stride: identity_block(x)],
    ids=["residual", "zero-padded", "identity"],
)
def test_a_block_with_a_zero_branch_hands_on_its_input_up_to_the_last_relu(block):
    x = picture(2, 7, 6, 4)
    np.testing.assert_array_equal(with_zero_branch(block, x, 4, 1), np.maximum(x, 0))


def test_a_zero_padded_block_with_a_zero_branch_hands_on_every_second_position():
    x = picture(2, 7, 6, 4)
    out = with_zero_branch(zero_padded_block, x, 6, 2)
    assert out.shape == (2, 4, 3, 6)
    np.testing.assert_array_equal(out[..., :4], np.maximum(x[:, ::2, ::2], 0))
    assert not out[..., 4:].any()


def test_nothing_stands_in_the_way_of_a_pre_activated_blocks_shortcut():
    x = picture(2, 7, 6, 4)
    np.testing.assert_array_equal(with_zero_branch(preactivated_block, x, 4, 1), x)
    out = with_zero_branch(preactivated_block, x, 6, 2)
    np.testing.assert_array_equal(out[..., :4], x[:, ::2, ::2])
    blocks = [block_model(b, (8, 8, 4), 4, 1, "b") for b in (preactivated_block, residual_block)]
    assert count_parameters(blocks[0]) == count_parameters(blocks[1])


def test_a_plain_block_with_zero_weights_lets_nothing_through():
    assert not with_zero_branch(plain_block, picture(2, 7, 6, 4), 4, 1).any()


def test_a_bottleneck_with_a_zero_branch_is_its_shortcut():
    x = picture(2, 5, 5, 16)
    np.testing.assert_array_equal(with_zero_branch(bottleneck_block, x, 4, 1), np.maximum(x, 0))


def test_the_projection_is_a_strided_1x1_convolution():
    x = picture(2, 7, 6, 4)
    model = block_model(residual_block, x.shape[1:], 6, 2, "projected")
    for weight in model.trainable_variables:
        if weight.shape[:2] == (3, 3):
            weight.assign(ops.zeros_like(weight))
    (kernel,) = [w for w in model.trainable_variables if w.shape[:2] == (1, 1)]
    by_hand = x[:, ::2, ::2] @ ops.convert_to_numpy(kernel)[0, 0] / np.sqrt(1 + 1.001e-5)
    out = ops.convert_to_numpy(model(x))
    np.testing.assert_allclose(out, np.maximum(by_hand, 0), rtol=1e-5, atol=1e-6)


def test_the_zero_padded_shortcut_refuses_to_drop_channels():
    with pytest.raises(ValueError, match="5 channels"):
        zero_pad_shortcut(picture(1, 4, 4, 5), 3, 2)


@pytest.mark.parametrize("depth", [8, 20, 32])
def test_small_nets_have_the_depth_asked_for_and_shortcuts_cost_nothing(depth):
    plain, residual = (small_net(block, depth, 4) for block in (plain_block, zero_padded_block))
    kernels = [w for w in plain.trainable_variables if w.name == "kernel"]
    assert len(kernels) == depth
    assert count_parameters(plain) == count_parameters(residual)
    assert plain.output_shape == residual.output_shape == (None, 10)


@pytest.mark.parametrize("depth", [2, 18, 21])
def test_small_nets_refuse_a_depth_that_three_stages_cannot_share(depth):
    with pytest.raises(ValueError, match="6n \\+ 2"):
        small_net(plain_block, depth)


def test_a_net_started_again_trains_as_one_just_built():
    """Weights, order of the pictures, momentum: all as in a new net with the same seed."""
    x, y = picture(40, 8, 8, 1), np.arange(40) % 10

    def build():
        return small_net(zero_padded_block, 8, 4, input_shape=(8, 8, 1))

    def losses(net):
        return net.fit(x, y, batch_size=16, epochs=2, verbose=0).history["loss"]

    def compiled():
        net = build()
        optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
        net.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
        return net

    keras.utils.set_random_seed(3)
    expected = losses(compiled())
    net = compiled()
    for seed in (1, 3):
        restart(net, build, seed)
        found = losses(net)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


# ResNet-50 beside keras.applications. On sizes of the form 32n + 1 every `same` padding is
# symmetric, as the explicit padding over there is.


@functools.cache
def reference(size: int) -> tuple[keras.Model, np.ndarray, list[np.ndarray]]:
    """The other ResNet-50 with random weights, pictures, and its pooled features and outputs."""
    keras.utils.set_random_seed(50)
    rng = np.random.default_rng(50)
    net = keras.applications.ResNet50(weights=None, input_shape=(size, size, 3))
    for layer in net.layers:
        if isinstance(layer, layers.BatchNormalization):
            n = layer.gamma.shape
            scale, shift = rng.uniform(0.5, 1.5, n), rng.normal(0, 0.3, n)
            layer.set_weights([scale, shift, rng.normal(0, 0.3, n), rng.uniform(0.5, 1.5, n)])
        elif isinstance(layer, layers.Conv2D):
            assert not ops.convert_to_numpy(layer.bias).any()
    pictures = rng.normal(size=(2, size, size, 3)).astype("float32")
    return net, pictures, observe(net, pictures)


def observe(net: keras.Model, pictures: np.ndarray) -> list[np.ndarray]:
    """What the global average pool and the softmax give."""
    model = keras.Model(net.input, [net.layers[-2].output, net.output])
    return [ops.convert_to_numpy(value) for value in model(pictures, training=False)]


@functools.cache
def untouched(size: int) -> keras.Model:
    """Our ResNet-50; its weights are whatever they were last set to."""
    return resnet(RESNET_BLOCKS[50], input_shape=(size, size, 3))


def differences(size: int, alter=lambda net: net) -> list[float]:
    """How far our ResNet-50, altered or not, is from the other: features and outputs, relative."""
    theirs, pictures, expected = reference(size)
    ours = alter(untouched(size))
    pairs = zip(
        [layer for layer in ours.layers if layer.weights],
        [layer for layer in theirs.layers if layer.weights],
        strict=True,
    )
    for mine, other in pairs:
        mine.set_weights(other.get_weights()[: len(mine.weights)])
    got = observe(ours, pictures)
    return [
        float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(got, expected, strict=True)
    ]


def replace(kind: type, index: int, change):
    """Exchange one layer: the ``index``-th of a kind becomes ``change(its configuration)``."""

    def alter(net: keras.Model) -> keras.Model:
        chosen = [layer for layer in net.layers if isinstance(layer, kind)][index]

        def clone(layer):
            config = layer.get_config()
            return change(config) if layer is chosen else layer.__class__.from_config(config)

        return keras.models.clone_model(net, clone_function=clone)

    return alter


def test_resnet_50_gives_the_outputs_of_keras_applications_from_the_same_weights():
    assert max(differences(225)) < 1e-5


ALTERED = {
    "nothing": (lambda net: net, False),
    "a ReLU of the last stage left out": (
        replace(layers.ReLU, -2, lambda config: layers.Identity(name=config["name"])),
        True,
    ),
    "one 3x3 layer dilated": (
        replace(
            layers.Conv2D,
            9,
            lambda config: layers.Conv2D.from_config({**config, "dilation_rate": (2, 2)}),
        ),
        True,
    ),
    "average for maximum in the first pool": (
        replace(layers.MaxPooling2D, 0, lambda config: layers.AveragePooling2D.from_config(config)),
        True,
    ),
    "one normalisation with a larger epsilon": (
        replace(
            layers.BatchNormalization,
            20,
            lambda config: layers.BatchNormalization.from_config({**config, "epsilon": 0.1}),
        ),
        True,
    ),
}


@pytest.mark.parametrize("name", ALTERED)
def test_the_comparison_notices_one_altered_layer(name):
    alter, noticed = ALTERED[name]
    assert (min(differences(65, alter)) > 1e-3) == noticed


def test_on_even_sizes_same_padding_makes_another_function_of_the_same_weights():
    assert min(differences(64)) > 1e-3
