"""ESPCN and the parts of SRGAN are those of the papers, and adversaries train only themselves."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from convbook.architectures.super_resolution import (
    Adversaries,
    PixelShuffle,
    enlarged_by,
    espcn,
    on_bicubic,
    residual_unit,
    srgan_discriminator,
    srgan_generator,
)
from convbook.counting import blueprint, count_multiplications, count_parameters


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, dtype="float32")


@pytest.mark.parametrize("factor", [2, 3])
def test_the_pixel_shuffle_lays_channels_out_as_written(factor):
    x = drawn(2, 3, 4, 5 * factor**2)
    found = ops.convert_to_numpy(PixelShuffle(factor)(x))
    assert found.shape == (2, 3 * factor, 4 * factor, 5)
    for (row, column, channel), value in np.ndenumerate(found[0]):
        y, dy = divmod(row, factor)
        z, dx = divmod(column, factor)
        assert value == x[0, y, z, (dy * factor + dx) * 5 + channel]


def test_a_saved_pixel_shuffle_is_the_same(tmp_path):
    net = espcn(3)
    net.save(tmp_path / "net.keras")
    again = keras.models.load_model(tmp_path / "net.keras")
    x = drawn(1, 6, 5, 1)
    np.testing.assert_array_equal(*(ops.convert_to_numpy(each(x)) for each in (net, again)))


@pytest.mark.parametrize(("factor", "channels"), [(2, 1), (3, 1), (4, 3)])
def test_espcn_works_at_the_small_size(factor, channels):
    net = espcn(factor, channels)
    last = channels * factor**2
    weights = 25 * channels * 64 + 9 * 64 * 32 + 9 * 32 * last
    assert count_parameters(net) == weights + 64 + 32 + last
    assert count_multiplications(net, (10, 12, channels)) == 120 * weights
    assert net(drawn(2, 10, 12, channels)).shape == (2, 10 * factor, 12 * factor, channels)
    tanh = [layer.activation.__name__ for layer in net.layers if hasattr(layer, "activation")]
    assert tanh == ["tanh", "tanh", "linear"]


def test_a_net_on_bicubic_starts_from_the_enlargement_and_adds_to_it():
    plain = srgan_generator(1, 4, side=3)
    net, small = on_bicubic(plain), drawn(2, 5, 6, 3)
    bicubic = ops.convert_to_numpy(ops.image.resize(small, (20, 24), "bicubic"))
    np.testing.assert_allclose(ops.convert_to_numpy(net(small)), bicubic, atol=1e-5)
    plain.layers[-1].bias.assign([0.5, 0, 0])
    found = ops.convert_to_numpy(net(small)) - bicubic
    np.testing.assert_allclose(found, np.broadcast_to([0.5, 0, 0], found.shape), atol=1e-5)


def test_the_published_generator_has_every_part():
    net = blueprint(srgan_generator)
    kinds = [type(layer).__name__ for layer in net.layers]
    assert kinds.count("Conv2D") == 1 + 2 * 16 + 1 + 2 + 1
    assert kinds.count("BatchNormalization") == 2 * 16 + 1
    assert kinds.count("PReLU") == 1 + 16 + 2
    assert kinds.count("Add") == 16 + 1
    assert kinds.count("PixelShuffle") == 2
    block = 2 * (9 * 64 * 64 + 2 * 64) + 64
    ends = (81 * 3 * 64 + 64) + 64 + (81 * 64 * 3 + 3)
    doubling = 9 * 64 * 256 + 256 + 64
    assert count_parameters(net) == ends + 16 * block + (9 * 64 * 64 + 2 * 64) + 2 * doubling
    assert net.compute_output_shape((None, 24, 20, 3)) == (None, 96, 80, 3)


def test_the_published_discriminator_has_every_part():
    net = blueprint(srgan_discriminator)
    convs = [layer for layer in net.layers if isinstance(layer, layers.Conv2D)]
    assert [conv.filters for conv in convs] == [64, 64, 128, 128, 256, 256, 512, 512]
    assert [conv.strides[0] for conv in convs] == [1, 2] * 4
    kinds = [type(layer).__name__ for layer in net.layers]
    assert kinds.count("BatchNormalization") == 7
    assert kinds.count("LeakyReLU") == 9
    assert net.get_layer(index=-2).input.shape == (None, 1024)
    assert net.output_shape == (None, 1)
    assert not any("Pool" in kind for kind in kinds)


def test_what_is_ablated_is_gone_and_nothing_else():
    whole, plain = srgan_generator(2, 8, side=3), srgan_generator(2, 8, side=3, residual=False)
    assert count_parameters(whole) == count_parameters(plain)
    plain.set_weights(whole.get_weights())
    x = drawn(1, 6, 5, 3)
    assert float(ops.max(ops.abs(whole(x) - plain(x)))) > 1e-3
    for way in ("transposed", "resize"):
        other = srgan_generator(2, 8, side=3, way=way)
        assert not any(isinstance(layer, PixelShuffle) for layer in other.layers)
        assert other(x).shape == whole(x).shape
    with pytest.raises(ValueError, match='choose "shuffle"'):
        enlarged_by(keras.Input((4, 4, 3)), 8, "cubic")


def test_a_residual_unit_that_has_learnt_nothing_changes_nothing():
    inputs = keras.Input((6, 6, 4))
    unit = keras.Model(inputs, residual_unit(inputs))
    unit.set_weights([np.zeros_like(w) if w.ndim == 4 else w for w in unit.get_weights()])
    x = drawn(2, 6, 6, 4)
    np.testing.assert_allclose(ops.convert_to_numpy(unit(x)), x, atol=1e-6)


def adversaries(**weights):
    keras.utils.set_random_seed(2)
    features = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(4, 3)])
    generator = srgan_generator(1, 4, side=3)
    discriminator = srgan_discriminator(16, 4, 8, stages=2)
    return Adversaries(generator, discriminator, features, 4, rate=1e-2, eager=True, **weights)


def trainable(net):
    return [ops.convert_to_numpy(each) for each in net.trainable_variables]


def moved(before, after):
    return max(float(np.abs(one - other).max()) for one, other in zip(before, after, strict=True))


def test_a_step_trains_both_adversaries_and_not_the_features():
    game = adversaries()
    small, large = drawn(3, 4, 4, 3), drawn(3, 16, 16, 3, seed=1)
    nets = game.generator, game.discriminator
    before = [trainable(net) for net in nets]
    kept = game.features.get_weights()
    judging, making = game.train(small, large)
    assert judging > 0
    assert making > 0
    for net, was in zip(nets, before, strict=True):
        assert moved(was, trainable(net)) > 1e-4
    assert moved(kept, game.features.get_weights()) == 0
    # The judge in the generator's step is the discriminator as it is now, and was not trained.
    assert moved(game.judge.get_weights(), game.discriminator.get_weights()) == 0


@pytest.mark.parametrize("part", ["content", "perceptual", "adversarial"])
def test_each_part_of_the_loss_moves_the_generator_and_none_does_not(part):
    small, large = drawn(3, 4, 4, 3), drawn(3, 16, 16, 3, seed=1)
    weights = {"content": 0.0, "perceptual": 0.0, "adversarial": 0.0}
    for share, expected in ((1.0, True), (0.0, False)):
        game = adversaries(**(weights | {part: share}))
        before = trainable(game.generator)
        game.train(small, large)
        assert (moved(before, trainable(game.generator)) > 1e-4) == expected


def test_the_discriminator_learns_to_tell_flat_pictures_from_noise():
    game = adversaries(content=0.0, perceptual=0.0, adversarial=0.0)
    small, large = np.zeros((8, 4, 4, 3), "float32"), drawn(8, 16, 16, 3)
    losses = [game.train(small, large)[0] for _ in range(15)]
    assert losses[-1] < 0.5 * losses[0]
