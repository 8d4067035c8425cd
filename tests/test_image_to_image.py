"""Generators and the judge of patches, against published counts; both learn as they should."""

import keras
import numpy as np
import pytest
from keras import ops

from convbook.architectures.image_to_image import (
    Adversaries,
    as_generator,
    as_restorer,
    patch_discriminator,
    plain_net,
)
from convbook.architectures.unet import unet
from convbook.counting import blueprint, count_parameters


def test_the_judge_has_the_published_count_and_sees_70_pixels():
    """The authors' code prints 2.769 million parameters for "basic" with two RGB pictures."""
    net = blueprint(patch_discriminator)
    assert count_parameters(net) == 2_768_705
    assert net.output_shape == (None, 30, 30, 1)  # section 3.2.2's 70x70 patches of 256x256
    assert count_parameters(blueprint(patch_discriminator, halvings=2)) != 2_768_705


@pytest.mark.parametrize(("halvings", "side"), [(1, 16), (2, 34), (3, 70)])
def test_a_score_depends_on_so_many_pixels(halvings, side):
    """Isola et al. 2017, appendix 6.1.2: 16x16 and 70x70."""
    net = patch_discriminator((96, 96, 1), filters=2, halvings=halvings, normalise=False)
    weights = [np.abs(w) + 0.1 for w in net.get_weights()]
    net.set_weights(weights)
    given = np.zeros((1, 96, 96, 1), "float32")
    middle = net.output_shape[1] // 2
    base = float(net([given, given])[0, middle, middle, 0])
    seen = []
    for row in range(96):
        line = given.copy()
        line[0, row] = 1
        if abs(float(net([given, line])[0, middle, middle, 0]) - base) > 1e-6:
            seen.append(row)
    assert seen == list(range(seen[0], seen[0] + side))


def test_both_learn_and_only_the_right_weights_move():
    keras.utils.set_random_seed(3)
    rng = np.random.default_rng(3)
    truth = rng.random((8, 16, 16, 3), dtype="float32")
    given = truth * 0.5
    generator = as_generator(unet((16, 16, 3), 3, 4, 1, "same", True))
    judge = patch_discriminator((16, 16, 3), filters=4, halvings=1, normalise=False)
    adversaries = Adversaries(generator, judge, rate=5e-3)
    before = float(ops.mean(ops.abs(generator(given) - truth)))
    frozen = [w.copy() for w in judge.get_weights()]
    losses = list(adversaries.fit(given, truth, epochs=6, batch_size=4))
    assert len(losses) == 6
    assert float(ops.mean(ops.abs(generator(given) - truth))) < before
    assert any(not np.array_equal(a, b) for a, b in zip(frozen, judge.get_weights(), strict=True))
    # The generator's step leaves the judge's copy as it is.
    for mine, copied in zip(judge.get_weights(), adversaries.judge.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, copied)


def test_generators_keep_the_size_and_give_pictures():
    given = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype("float32")
    for net in (unet((16, 16, 3), 3, 4, 2, "same"), plain_net((16, 16, 3), 4, 3)):
        made = ops.convert_to_numpy(as_generator(net)(given))
        assert made.shape == given.shape
        assert 0 < made.min() < made.max() < 1


def test_a_restorer_gives_back_what_it_got_until_it_has_learnt():
    keras.utils.set_random_seed(4)
    given = np.random.default_rng(4).random((4, 16, 16, 3), dtype="float32")
    net = as_restorer(plain_net((16, 16, 3), 4, 2))
    np.testing.assert_array_equal(ops.convert_to_numpy(net(given)), given)
    assert not np.allclose(
        ops.convert_to_numpy(as_generator(plain_net((16, 16, 3), 4, 2))(given)), given
    )
    net.compile(keras.optimizers.Adam(1e-2), "mean_absolute_error", run_eagerly=True)
    before = net.evaluate(given, 0.7 * given, verbose=0)
    net.fit(given, 0.7 * given, epochs=5, verbose=0)
    assert net.evaluate(given, 0.7 * given, verbose=0) < before
