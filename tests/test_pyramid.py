"""PSPNet and DeepLabv3+, against published counts, Keras's layers and the book's ResNet."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from convbook.architectures.pyramid import (
    aspp,
    average_to,
    conv_bn_relu,
    deeplab,
    dilated_resnet,
    enlarge_to,
    fcn_on,
    head_of,
    pspnet,
    pyramid_pooling,
    separable_bn_relu,
    trunk_of,
)
from convbook.architectures.residual import resnet
from convbook.comparing import copy_weights
from convbook.counting import blueprint, count_parameters


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def block(function, shape, *args, **options):
    inputs = keras.Input(shape)
    return keras.Model(inputs, function(inputs, *args, **options))


def shaken(net, seed=0):
    """The net with other moving statistics than 0 and 1, so that normalisation shows."""
    rng = np.random.default_rng(seed)
    net.set_weights([w + 0.2 * rng.random(w.shape).astype("float32") for w in net.get_weights()])
    return net


# --- the dilated ResNet ---------------------------------------------------------------------------


def test_with_a_stride_of_32_it_is_the_books_resnet():
    ours = shaken(dilated_resnet((64, 96, 3), (1, 2, 1, 1), output_stride=32))
    theirs = resnet((1, 2, 1, 1), input_shape=(64, 96, 3))
    features = keras.Model(theirs.input, theirs.layers[-2].input)
    copy_weights(ours, features)
    picture = numbers(1, 64, 96, 3)
    np.testing.assert_allclose(
        ops.convert_to_numpy(ours(picture)[-1]),
        ops.convert_to_numpy(features(picture)),
        rtol=1e-4,
        atol=1e-4,
    )


def test_the_published_depth_has_resnet_50s_parameters():
    net = blueprint(dilated_resnet, (224, 224, 3), output_stride=8)
    assert count_parameters(net) == 23_508_032  # torchvision's ResNet-50 less its dense layer


@pytest.mark.parametrize(("stride", "sides"), [(32, (4, 2)), (16, (4, 4)), (8, (8, 8))])
def test_dilation_gives_the_same_values_at_more_places(stride, sides):
    """With the same weights the maps of the ordinary net are every second or fourth of these."""
    size = (64, 64, 3)
    ordinary = shaken(dilated_resnet(size, (1, 1, 2, 2), 4, 32))
    net = dilated_resnet(size, (1, 1, 2, 2), 4, stride)
    net.set_weights(ordinary.get_weights())
    picture = numbers(2, *size)
    low, middle, high = net(picture)
    assert low.shape[1] == 16
    assert (middle.shape[1], high.shape[1]) == sides
    step = 32 // stride
    np.testing.assert_allclose(
        ops.convert_to_numpy(high)[:, ::step, ::step],
        ops.convert_to_numpy(ordinary(picture)[-1]),
        rtol=1e-3,
        atol=1e-3,
    )


def test_without_the_dilation_the_values_are_others():
    size = (64, 64, 3)
    ordinary = shaken(dilated_resnet(size, (1, 1, 1, 2), 4, 32))
    net = dilated_resnet(size, (1, 1, 1, 2), 4, 16)
    net.set_weights(ordinary.get_weights())
    undilated = keras.models.clone_model(
        net,
        clone_function=lambda layer: type(layer).from_config(
            {**layer.get_config(), "dilation_rate": 1}
            if isinstance(layer, layers.Conv2D)
            else layer.get_config()
        ),
    )
    undilated.set_weights(net.get_weights())
    picture = numbers(1, *size)
    expected = ops.convert_to_numpy(ordinary(picture)[-1])
    assert np.abs(ops.convert_to_numpy(net(picture)[-1])[:, ::2, ::2] - expected).max() < 1e-3
    assert np.abs(ops.convert_to_numpy(undilated(picture)[-1])[:, ::2, ::2] - expected).max() > 0.1


def test_another_output_stride_is_refused():
    with pytest.raises(ValueError, match="give 8, 16 or 32"):
        dilated_resnet((64, 64, 3), output_stride=4)


# --- PSPNet ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [1, 2, 3, 6])
def test_a_level_of_the_pyramid_holds_the_means_of_its_parts(side):
    x = numbers(2, 12, 6, 5)
    net = shaken(block(pyramid_pooling, (12, 6, 5), 3, (side,)))
    out = ops.convert_to_numpy(net(x))
    assert out.shape == (2, 12, 6, 5 + 3)
    np.testing.assert_array_equal(out[..., :5], x)
    conv, norm = (layer for layer in net.layers if layer.weights)
    means = x.reshape(2, side, 12 // side, side, 6 // side, 5).mean((2, 4))
    level = ops.relu(norm(ops.conv(means, conv.kernel)))
    large = ops.convert_to_numpy(ops.image.resize(level, (12, 6), "bilinear"))
    np.testing.assert_allclose(out[..., 5:], large, atol=1e-5)
    largest = x.reshape(2, side, 12 // side, side, 6 // side, 5).max((2, 4))  # altered: maxima
    level = ops.relu(norm(ops.conv(largest, conv.kernel)))
    large = ops.convert_to_numpy(ops.image.resize(level, (12, 6), "bilinear"))
    assert np.abs(out[..., 5:] - large).max() > 1e-2


@pytest.mark.parametrize(("bins", "flat"), [((1, 2, 3), 0), ((2, 1, 3), 1), ((6, 2, 1), 2)])
def test_levels_come_behind_the_maps_in_the_order_of_the_bins(bins, flat):
    out = ops.convert_to_numpy(
        shaken(block(pyramid_pooling, (12, 6, 5), 3, bins))(numbers(1, 12, 6, 5))
    )
    assert out.shape[-1] == 5 + 3 * 3
    spread = [np.ptp(out[0, ..., 5 + 3 * i : 8 + 3 * i], axis=(0, 1)).max() for i in range(3)]
    assert [value < 1e-6 for value in spread] == [number == flat for number in range(3)]


def test_windows_that_keras_gets_wrong_on_jax_are_refused_there(monkeypatch):
    maps = keras.Input((15, 15, 3))
    assert average_to(maps, 7).shape == (None, 7, 7, 3)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match="for 7 a side: take another number, or maps whose sides"):
        average_to(maps, 7)
    assert average_to(keras.Input((14, 14, 3)), 7).shape == (None, 7, 7, 3)


@pytest.mark.parametrize("size", [(12, 12), (10, 7)])
def test_means_of_parts_are_kerass(size):
    x = numbers(1, *size, 3)
    for side in (1, 2, 3, 6):
        ours = block(average_to, (*size, 3), side)(x)
        theirs = layers.AdaptiveAveragePooling2D(side)(x)
        np.testing.assert_allclose(
            ops.convert_to_numpy(ours), ops.convert_to_numpy(theirs), atol=1e-5
        )


def test_the_second_classifier_has_torchvisions_count():
    """FCNHead(1024, 21) of torchvision: what fcn_resnet50 (35,322,218 parameters, of its Weights)
    has over its backbone (23,508,032) and FCNHead(2048, 21) (9,448,981)."""
    backbone = blueprint(dilated_resnet, (64, 64, 3), output_stride=8)
    with_it, without = (
        blueprint(pspnet, backbone, 21, bins=(), auxiliary=each) for each in (True, False)
    )
    assert count_parameters(with_it) - count_parameters(without) == 2_365_205
    assert count_parameters(without) - count_parameters(backbone) == 9_448_981
    assert count_parameters(with_it) == 35_322_218


def test_pspnet_has_its_published_parts():
    backbone = blueprint(dilated_resnet, (473, 473, 3), output_stride=8)  # the paper's crop
    net = blueprint(pspnet, backbone, 150)
    assert net.output["scores"].shape == (None, 473, 473, 150)
    assert net.output["auxiliary"].shape == (None, 473, 473, 150)
    alone = blueprint(pspnet, backbone, 150, auxiliary=False)
    # By hand: 4 levels 2048 -> 512, 3x3 on 4096 -> 512, scores; two numbers a normalisation.
    head = 4 * (2048 * 512 + 2 * 512) + (9 * 4096 * 512 + 2 * 512) + 512 * 150 + 150
    assert count_parameters(alone) - count_parameters(backbone) == head


# --- DeepLab --------------------------------------------------------------------------------------


def test_full_convolutions_give_torchvisions_deeplabv3():
    """DeepLabV3_ResNet50_Weights of torchvision: 42,004,074 parameters, of which ResNet-50 has
    23,508,032 and the second classifier 2,365,205; so DeepLabHead(2048, 21) has 16,130,837."""

    def head(x):
        x = aspp(x, separable=False, dropout=0.5)
        return layers.Conv2D(21, 1)(conv_bn_relu(x, 256, 3))

    assert count_parameters(blueprint(block, head, (33, 33, 2048))) == 16_130_837
    less = blueprint(block, lambda x: aspp(x, separable=False, pooled=False), (33, 33, 2048))
    assert count_parameters(less) != 16_130_837 - 590_336 - 5_397


def test_separable_ones_give_a_published_deeplabv3_plus():
    """DeepLabV3Plus of segmentation_models.pytorch on ResNet-50, one class: 26,677,585 parameters.
    It has nothing between depthwise and pointwise convolutions, a separable convolution before
    the enlargement, and one behind it."""

    def head(low, x):
        x = aspp(x, rates=(12, 24, 36), between=False, dropout=0.5)
        x = separable_bn_relu(x, 256, between=False)
        x = layers.Concatenate()([conv_bn_relu(low, 48), enlarge_to(x, low.shape[1:3])])
        return layers.Conv2D(1, 1)(separable_bn_relu(x, 256, between=False))

    def whole():
        inputs = [keras.Input((64, 64, 256)), keras.Input((16, 16, 2048))]
        return keras.Model(inputs, head(*inputs))

    assert count_parameters(blueprint(whole)) == 26_677_585 - 23_508_032


def test_deeplabv3_plus_has_its_published_parts():
    backbone = blueprint(dilated_resnet, (64, 96, 3))
    net = blueprint(deeplab, backbone, 21)
    assert net.output_shape == (None, 64, 96, 21)

    def unit(inputs, filters):  # a 1x1 convolution and its normalisation
        return inputs * filters + 2 * filters

    def separable(inputs, filters):
        return 9 * inputs + 2 * inputs + unit(inputs, filters)

    pyramid = 2 * unit(2048, 256) + 3 * separable(2048, 256) + unit(5 * 256, 256)
    decoder = unit(256, 48) + separable(304, 256) + separable(256, 256) + 256 * 21 + 21
    assert count_parameters(net) - count_parameters(backbone) == pyramid + decoder
    rates = [
        each.dilation_rate[0] for each in net.layers if isinstance(each, layers.DepthwiseConv2D)
    ]
    assert sorted(rates) == [1, 1, 6, 12, 18]
    for part in ("separable", "pooled", "decoder"):
        altered = blueprint(deeplab, backbone, 21, **{part: False})
        assert altered.output_shape == (None, 64, 96, 21)
        assert count_parameters(altered) != count_parameters(net), part


def test_a_separable_unit_is_kerass_separable_convolution():
    net = block(separable_bn_relu, (9, 9, 4), 6, dilation=2, between=False)
    theirs = layers.SeparableConv2D(6, 3, padding="same", dilation_rate=2, use_bias=False)
    x = numbers(1, 9, 9, 4)
    theirs.build(x.shape)
    kernels = [w for w in net.get_weights() if w.ndim == 4]
    theirs.set_weights(kernels)
    scale = 1 / np.sqrt(1 + 1.001e-5)
    expected = np.maximum(ops.convert_to_numpy(theirs(x)), 0) * scale
    np.testing.assert_allclose(ops.convert_to_numpy(net(x)), expected, atol=1e-5)
    other = block(separable_bn_relu, (9, 9, 4), 6, dilation=1, between=False)
    other.set_weights(net.get_weights())
    assert np.abs(ops.convert_to_numpy(other(x)) - expected).max() > 1e-2


@pytest.mark.parametrize("make", [fcn_on, pspnet, deeplab])
def test_a_head_on_the_maps_of_its_trunk_is_the_whole_net(make):
    options = {} if make is fcn_on else {"filters": 8}
    trunk = dilated_resnet((48, 48, 3), (1, 1, 1, 1), 4, 8)
    net = make(trunk, 3, **options | ({"auxiliary": False} if make is pspnet else {}))
    picture = numbers(2, 48, 48, 3)
    maps = trunk_of(net)(picture)
    head = head_of(net, trunk)
    np.testing.assert_allclose(
        ops.convert_to_numpy(head(maps)), ops.convert_to_numpy(net(picture)), atol=1e-5
    )
    assert len(head.weights) == len(net.weights) - len(trunk.weights)


@pytest.mark.parametrize("stride", [8, 16])
def test_all_three_learn_at_both_output_strides(stride):
    x, y = numbers(4, 48, 48, 3), np.ones((4, 48, 48), int)
    for make in (
        lambda net: fcn_on(net, 3),
        lambda net: pspnet(net, 3, filters=8, auxiliary=False),
        lambda net: deeplab(net, 3, filters=8, rates=(1, 2), low_filters=4),
    ):
        net = make(dilated_resnet((48, 48, 3), (1, 1, 1, 1), 4, stride))
        assert net.output_shape == (None, 48, 48, 3)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        net.compile(keras.optimizers.Adam(0.01), loss, run_eagerly=True)
        losses = net.fit(x, y, epochs=3, verbose=0).history["loss"]
        assert losses[-1] < losses[0]
