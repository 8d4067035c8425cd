"""What is done in one operation of TensorFlow's each gives the numbers that Keras gives."""

from contextlib import nullcontext

import keras
import numpy as np
import pytest
from keras import layers, ops

from autograder.data.observation import Plan
from autograder.probing import direct, network
from autograder.probing.calling import steps_of
from autograder.probing.direct import direct_call
from autograder.probing.field import field_of
from autograder.probing.gradients import projected_gradients, sound_convolutions
from autograder.probing.trace import patched

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="other backends are asked as Keras does"
)

SHAPE = (3, 13, 12, 4)
CONVOLUTIONS = {
    "plain": {},
    "same": {"padding": "same", "use_bias": False},
    "strided": {"strides": 2, "padding": "same", "activation": "relu"},
    "strided both ways": {"strides": (3, 2)},
    "pointwise": {"kernel_size": 1},
    "pointwise, strided": {"kernel_size": 1, "strides": (2, 3)},
    "dilated": {"dilation_rate": 2},
    "dilated, same": {"dilation_rate": (3, 2), "padding": "same"},
    "dilated, of an even side": {"kernel_size": (2, 4), "dilation_rate": 2, "padding": "same"},
    "in groups": {"groups": 2, "padding": "same"},
}
NORMALISATIONS = {
    "plain": {},
    "moving fast": {"momentum": 0.3, "epsilon": 0.1},
    "without scale": {"scale": False},
    "without offset": {"center": False},
    "of axis 3": {"axis": 3},
    "frozen": {"trainable": False},
}


def drawn(shape=SHAPE, seed=0):
    generator = np.random.default_rng(seed)
    return ops.convert_to_tensor((20 + 5 * generator.normal(size=shape)).astype("float32"))


def filled(layer, shape=SHAPE):
    layer.build((None, *shape[1:]))
    for number, variable in enumerate(layer.weights):
        generator = np.random.default_rng(number)
        variable.assign(generator.uniform(0.2, 1.5, variable.shape).astype("float32"))
    return layer


def slopes(call, layer, x, of=None):
    """What a call gives, and its gradients in a layer's weights and in its input, or some."""
    import tensorflow as tf

    watched = [variable.value for variable in layer.trainable_variables]
    watched = [*watched, x] if of is None else [*watched, x][of]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(watched)
        given = call(x)
        loss = tf.reduce_sum(given * ops.convert_to_tensor(drawn(given.shape, seed=1)))
    return given, tape.gradient(loss, watched)


def assert_close(mine, others):
    for one, other in zip(mine, others, strict=True):
        assert np.isfinite(other).all()
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4 * np.abs(other).max())


@pytest.mark.parametrize("options", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
@pytest.mark.parametrize("of", [None, slice(-1, None), slice(0, 1)], ids=["all", "map", "kernel"])
def test_a_convolution_gives_what_keras_gives(options, of):
    layer = filled(layers.Conv2D(**{"filters": 6, "kernel_size": 3, **options}))
    x = drawn()
    usual, others = slopes(layer.call, layer, x, of)
    call = direct_call(layer, 4) or (lambda x, training: layer.call(x))
    with sound_convolutions():
        given, found = slopes(lambda x: call(x, False), layer, x, of)
    assert_close([given, *found], [usual, *others])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", NORMALISATIONS.values(), ids=NORMALISATIONS)
def test_a_normalisation_gives_what_keras_gives(options, training):
    layer, twin = (filled(layers.BatchNormalization(**options)) for _ in range(2))
    x, call = drawn(), direct_call(layer, 4)
    assert call is not None
    given, found = slopes(lambda x: call(x, training), layer, x)
    usual, others = slopes(lambda x: twin.call(x, training=training), twin, x)
    assert_close([given, *found], [usual, *others])
    moved, expected = (one.non_trainable_variables for one in (layer, twin))
    if training and layer.trainable:
        assert not np.allclose(moved[0], filled(layers.BatchNormalization()).moving_mean)
    for mine, theirs in zip(moved, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)


def test_a_single_position_has_a_variance_of_0():
    layer = filled(layers.BatchNormalization(), (1, 1, 1, 4))
    call = direct_call(layer, 4)
    assert call is not None
    call(drawn((1, 1, 1, 4)), True)
    before = filled(layers.BatchNormalization(), (1, 1, 1, 4)).moving_variance
    np.testing.assert_allclose(layer.moving_variance, 0.99 * ops.convert_to_numpy(before))


def test_layers_that_do_something_else_are_left_to_keras():
    class Own(layers.Conv2D):
        pass

    for layer in (
        Own(3, 1),
        layers.Conv2D(4, 1, groups=2),
        layers.Conv2D(3, 1, data_format="channels_first"),
        layers.BatchNormalization(axis=1),
        layers.DepthwiseConv2D(3),
    ):
        assert direct_call(filled(layer), 4) is None
    assert direct_call(filled(layers.BatchNormalization(), (3, 4)), 2) is None
    lora = filled(layers.Conv2D(3, 1))
    lora.enable_lora(1)
    assert direct_call(lora, 4) is None


def test_where_tensorflow_has_no_such_notes_keras_does_all():
    with patched(direct, "_record", lambda: None):
        assert direct_call(filled(layers.Conv2D(3, 1)), 4) is None
        layer, x = filled(layers.Conv2D(3, 3, dilation_rate=2)), drawn()
        usual, others = slopes(layer.call, layer, x)
        with sound_convolutions():
            given, found = slopes(layer.call, layer, x)
    assert_close([given, *found], [usual, *others])


def test_each_gradient_is_the_same_however_it_is_listened_to():
    inputs = keras.Input(SHAPE[1:])
    x = layers.BatchNormalization()(layers.Conv2D(3, 3, activation="relu")(inputs))
    net = keras.Model(inputs, layers.Dense(2)(layers.Add()([x, layers.Conv2D(3, 3)(inputs)])))
    picture = drawn()
    factors = np.random.default_rng(1).normal(size=(3, 11, 10, 2)).astype("float32")

    def terms_of(model):
        return [model(picture, training=True)], [factors]

    wanted = range(len(net.trainable_variables))

    def found(at_once=False):
        return projected_gradients(net, terms_of, wanted, lambda _, slope: slope.copy(), at_once)

    heard, whole = found(), found(at_once=True)
    with patched(direct, "_record", lambda: None):
        without = found()
    assert sum(np.abs(slope).max() > 0 for slope in heard) >= 6
    assert_close(heard, whole)
    assert_close(without, whole)


def test_a_convolution_that_keras_has_another_call_of_is_not_passed_over():
    inputs = keras.Input(SHAPE[1:])
    steps = steps_of(keras.Model(inputs, layers.Conv2D(3, 1)(inputs)))
    assert steps is not None
    assert steps.fit([drawn()])
    for owner, name in ((layers.Conv2D, "call"), (keras.ops, "batch_normalization")):
        with patched(owner, name, lambda *arguments, **options: None):
            assert not steps.fit([drawn()])


@pytest.mark.parametrize("rate", [1, 4])
def test_a_map_that_is_too_small_is_refused_in_keras_words(rate):
    import tensorflow as tf

    layer = filled(layers.Conv2D(3, 3, dilation_rate=rate))
    messages = []
    for context in (sound_convolutions, nullcontext):
        errors = (ValueError, tf.errors.InvalidArgumentError)
        with context(), pytest.raises(errors, match="calling Conv2D") as caught:
            layer(drawn((1, 2, 2, 4)))
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_dilated_kernel_sees_nothing_between_its_taps(padding):
    inputs = keras.Input((None, None, 2))
    outputs = layers.Conv2D(3, 3, padding=padding, dilation_rate=(3, 2))(inputs)
    model = keras.Model(inputs, outputs)
    for variable in model.trainable_variables:
        variable.assign(ops.ones(variable.shape))
    with sound_convolutions():
        field = field_of(model, (15, 15, 2), np.random.default_rng(0))
    rows, columns = np.nonzero(field)
    assert len(rows) == 9
    assert set(np.diff(sorted(set(rows)))) == {3}
    assert set(np.diff(sorted(set(columns)))) == {2}


@pytest.mark.parametrize("side", [1, 2])
def test_a_net_whose_numbers_are_rounding_alone_keeps_that_of_keras(side):
    """Two values normalised are 1 and -1: no gradient is left in front of them."""

    def net():
        inputs = keras.Input((4, 4, 2))
        x = layers.Conv2D(3, 4 // side, strides=4 // side, activation="relu")(inputs)
        inner = keras.Sequential([layers.BatchNormalization()])
        return keras.Model(inputs, layers.Flatten()(layers.Conv2D(3, 1)(inner(x))))

    seen = []
    for steps in (steps_of, lambda model: None):
        with patched(network, "steps_of", steps):
            probed = network.Network(net(), [(4, 4, 2)], Plan(seed=4, batch=2), lambda y: [y])
        seen.append(probed.observe()["training"][0])
    direct, keras_own = seen
    if side == 1:
        assert np.array_equal(direct, keras_own)
    else:
        assert np.allclose(direct, keras_own, rtol=1e-4, atol=1e-5)
