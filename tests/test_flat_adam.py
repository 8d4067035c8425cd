"""Adam on all weights at once trains a net as Keras's own does."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from convbook.flat_adam import FlatAdam


def net():
    keras.utils.set_random_seed(3)
    inputs = keras.Input((6, 6, 2))
    x = layers.Conv2D(5, 3, activation="relu")(inputs)
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))


def trained(optimizer, **options):
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=shape).astype("float32") for shape in ((20, 6, 6, 2), (20, 3)))
    made = net()
    made.compile(optimizer, "mse", **options)
    made.fit(x, y, batch_size=8, epochs=4, shuffle=False, verbose=0)
    return made


@pytest.mark.parametrize("options", [{"run_eagerly": True}, {"jit_compile": False}])
def test_the_weights_are_those_of_keras_after_every_run(options):
    schedule = keras.optimizers.schedules.CosineDecay(0.05, 9)  # at its end before the run is
    theirs = trained(keras.optimizers.Adam(schedule, epsilon=1e-3, beta_1=0.8), **options)
    ours = trained(FlatAdam(schedule, epsilon=1e-3, beta_1=0.8), **options)
    for a, b, start in zip(
        ours.get_weights(), theirs.get_weights(), net().get_weights(), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
        assert np.abs(a - start).max() > 0.05
    assert int(ours.optimizer.iterations) == 12


def test_a_weight_without_effect_stays_as_it_is():
    used, idle = keras.Variable([1.0, 2.0]), keras.Variable([[3.0]])
    adam = FlatAdam(0.1)
    adam.apply([ops.ones(2), None], [used, idle])
    np.testing.assert_allclose(used, [0.9, 1.9], rtol=1e-5)
    np.testing.assert_allclose(idle, [[3.0]])


def test_a_net_may_have_one_weight_only():
    alone = keras.Variable([[1.0], [2.0]])
    FlatAdam(0.1).apply([ops.ones((2, 1))], [alone])
    np.testing.assert_allclose(alone, [[0.9], [1.9]], rtol=1e-5)


def test_it_can_be_made_again_from_its_configuration():
    made = FlatAdam.from_config(FlatAdam(0.25, beta_1=0.5, epsilon=1e-4).get_config())
    assert float(made.learning_rate) == 0.25
    assert (made.beta_1, made.epsilon) == (0.5, 1e-4)
