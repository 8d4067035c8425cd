"""A net is built and called without much of Keras's bookkeeping, and nobody can tell."""

import gc
import weakref
from pathlib import Path
from typing import Protocol, runtime_checkable

import keras
import numpy as np
import pytest
from keras import layers, ops
from keras.src.ops.numpy import Mean

from autograder.data.key import read_key
from autograder.data.observation import Plan
from autograder.data.values import KEPT, stream
from autograder.probing import calling, network
from autograder.probing.building import quick_building
from autograder.probing.calling import momenta_of, steps_of
from autograder.probing.network import Network
from autograder.probing.probe import probe
from autograder.probing.quick import silent_dropout
from autograder.probing.trace import Recorder, patched, recording
from autograder.running.workshop import _seeds_of
from autograder.setting.task import load_tasks

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="other backends are asked as Keras does"
)


class Own(layers.Layer):
    """A layer of a student's own, with layers and a variable in it."""

    def __init__(self):
        super().__init__()
        self.parts = [layers.Dense(3, use_bias=False), layers.Dense(3)]
        self.options = {"factor": 2.0}
        self.seed_generator = keras.random.SeedGenerator(1)

    def build(self, shape):
        self.scale = self.add_weight(shape=(3,), name="scale", initializer="ones")
        self.steps = self.add_weight(shape=(), name="steps", initializer="zeros", trainable=False)
        super().build(shape)

    def call(self, x):
        self.steps.assign_add(1.0)
        for part in self.parts:
            x = part(x)
        return x * self.scale * self.options["factor"]


def small_net():
    x = inputs = keras.Input((4,))
    x = layers.BatchNormalization(momentum=0.5)(layers.Dense(5, activation="relu")(x))
    return keras.Model(inputs, Own()(x))


def about(model):
    return [
        (v.name, tuple(v.shape), v.trainable, v.dtype, v.path.count("/")) for v in model.weights
    ]


def quickly(make):
    with quick_building():
        return make()


def test_a_net_that_is_built_quickly_has_all_that_others_have():
    quick, usual = quickly(small_net), small_net()
    assert about(quick) == about(usual)
    assert [type(v) is keras.Variable for v in usual.weights] == [True] * len(usual.weights)
    assert all(isinstance(v, keras.Variable) for v in quick.weights)
    assert [layer.built for layer in quick.layers] == [layer.built for layer in usual.layers]
    own, other = quick.layers[-1], usual.layers[-1]
    assert len(own._layers) == len(other._layers) == 2
    assert len(own._seed_generators) == len(other._seed_generators) == 1
    dense, plain = quick.layers[1].get_config(), usual.layers[1].get_config()
    assert {**dense, "name": ""} == {**plain, "name": ""}
    quick.set_weights(usual.get_weights())
    x = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    np.testing.assert_allclose(quick(x, training=True), usual(x, training=True), rtol=1e-6)
    for mine, others in zip(quick.get_weights(), usual.get_weights(), strict=True):
        np.testing.assert_allclose(mine, others, rtol=1e-6)


def test_a_net_that_is_built_quickly_can_be_trained_and_compiled():
    import tensorflow as tf

    quick, usual = quickly(small_net), small_net()
    quick.set_weights(usual.get_weights())
    x = np.random.default_rng(1).normal(size=(8, 4)).astype("float32")
    y = x[:, :3]
    compiled = tf.function(lambda given: quick(given, training=False))
    np.testing.assert_allclose(compiled(x), usual(x, training=False), rtol=1e-5)
    for net in (quick, usual):
        net.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
        net.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    for mine, others in zip(quick.get_weights(), usual.get_weights(), strict=True):
        np.testing.assert_allclose(mine, others, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(compiled(x), usual(x, training=False), rtol=1e-4, atol=1e-5)


class Silent(layers.Layer):
    """A layer of a student's own that leaves it to Keras to say how it was made."""

    def __init__(self, factor=2, **options):
        super().__init__(**options)
        self.factor = factor


class Said(layers.Dense):
    """One that says it itself, on top of what Keras's own does."""

    def __init__(self, units, bonus=1, **options):
        super().__init__(units, **options)
        self.bonus = bonus

    def get_config(self):
        return {**super().get_config(), "bonus": self.bonus}


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Conv2D(3, (1, 2), strides=2, activation="relu", name="c"),
        lambda: layers.LSTM(2, name="l"),
        lambda: layers.Wrapper(layers.Dense(1, name="d"), name="w"),
        lambda: Silent(5, name="s"),
        lambda: Said(2, bonus=4, name="s"),
        lambda: Mean(axis=1, name="m"),
        lambda: keras.Sequential([layers.Dense(2, name="d")], name="s"),
    ],
)
def test_a_layer_that_is_made_quickly_says_as_much_of_how_it_was_made(make):
    quick, usual = quickly(make), make()
    said = quick.get_config()
    assert said == usual.get_config()
    assert type(quick).from_config(quick.get_config()).get_config() == said
    assert vars(quick)["_lock"] == vars(usual)["_lock"]


def test_a_class_of_layers_that_keras_cannot_describe_is_told_so_when_made_quickly():
    class Positional(layers.Layer):
        def __init__(self, *factors):
            super().__init__()

    said = []
    for made in (quickly(lambda: Positional(1, 2)), Positional(1, 2)):
        with pytest.raises(NotImplementedError) as caught:
            made.get_config()
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_tensors_and_own_protocols_are_told_as_ever_while_a_net_is_built():
    import tensorflow as tf

    @runtime_checkable
    class Sized(Protocol):
        def __len__(self): ...

    things: tuple = (tf.ones(2), tf.Variable(1.0), np.ones(2), 3, None)

    def told():
        return [ops.is_tensor(x) for x in things] + [isinstance(x, Sized) for x in ([1], "", 3)]

    told_of = [quickly(told), quickly(told), told()]
    assert told_of == [[True, True, False, False, False, True, True, False]] * 3


def test_a_patch_leaves_nothing_behind():
    class Above:
        def call(self):
            return "above"

        @staticmethod
        def made():
            return "made"

    class Below(Above):
        pass

    own = dict(vars(Above))
    with patched(Below, "call", lambda self: "patched"), patched(Above, "made", lambda: "other"):
        assert (Below().call(), Above().call(), Above.made()) == ("patched", "above", "other")
    assert "call" not in vars(Below)
    assert dict(vars(Above)) == own
    with pytest.raises(AttributeError), patched(Below, "nothing", 1):
        pass


def test_a_net_that_is_built_quickly_is_let_go():
    """Else the nets of a bank stay in memory together."""
    quick = quickly(small_net)
    parts = [weakref.ref(thing) for thing in (quick, *quick.layers, *quick.weights)]
    del quick
    gc.collect()
    assert [part() for part in parts] == [None] * len(parts)


def test_a_tape_sees_the_variables_of_a_net_that_is_built_quickly():
    import tensorflow as tf

    quick = quickly(small_net)
    with tf.GradientTape() as tape:
        tape.watch([variable.value for variable in quick.trainable_variables])
        loss = ops.sum(ops.square(quick(np.ones((2, 4), "float32"), training=True)))
    slopes = tape.gradient(loss, [variable.value for variable in quick.trainable_variables])
    assert all(slope is not None for slope in slopes)


def test_a_value_that_is_kept_sees_what_is_assigned_later():
    """As where a student ties a layer's kernel to another by `layer.kernel.value`."""
    dense = quickly(lambda: small_net().layers[1])
    kept = dense.kernel.value
    dense.kernel.assign(ops.ones(dense.kernel.shape))
    np.testing.assert_array_equal(kept, np.ones(dense.kernel.shape))
    kept.assign_add(kept)
    np.testing.assert_array_equal(dense.kernel, 2 * np.ones(dense.kernel.shape))


def test_a_tape_of_a_students_own_sees_all_variables():
    import tensorflow as tf

    quick = quickly(small_net)
    with tf.GradientTape() as tape:
        loss = ops.sum(ops.square(quick(np.ones((2, 4), "float32"), training=True)))
    slopes = tape.gradient(loss, [variable.value for variable in quick.trainable_variables])
    assert all(slope is not None for slope in slopes)
    quick.compile(optimizer="adam", loss="mse", run_eagerly=True)
    before = quick.get_weights()
    x = np.random.default_rng(3).normal(size=(4, 4)).astype("float32")
    quick.fit(x, x[:, :3], verbose=0)
    assert not np.array_equal(before[0], quick.get_weights()[0])


def test_a_variable_that_is_given_a_resources_value_does_not_follow_it():
    import tensorflow as tf

    kernel = quickly(lambda: small_net().layers[1].kernel)
    resource = tf.Variable(tf.ones(kernel.shape))
    kernel.assign(resource)
    resource.assign_add(resource)
    np.testing.assert_array_equal(kernel, np.ones(kernel.shape))


def tower():
    x = inputs = keras.Input((9, 8, 4))
    for filters in (6, 4):
        y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        y = layers.ReLU(max_value=6)(layers.BatchNormalization(momentum=0.7)(y))
        x = layers.Concatenate()([layers.Conv2D(4, 1, activation="tanh")(x), y])
    x = keras.Sequential([layers.MaxPooling2D(2), layers.BatchNormalization(scale=False)])(x)
    x = ops.relu(layers.Add()([x, layers.Dropout(0.5)(x) * 0.5]))
    x = layers.BatchNormalization(center=False)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def observed(make, deep=False):
    """All that is seen of a net; its recorder too."""
    net = Network(make(), [(9, 8, 4)], Plan(seed=5, deep=deep, kernels=20.0), lambda y: [y])
    recorder = Recorder()
    seen = net.observe(recorder)
    return net, seen, recorder


def test_steps_show_of_a_net_what_keras_shows():
    net, seen, recorder = observed(tower)
    with patched(network, "steps_of", lambda model: None):
        usual, others, by_keras = observed(tower)
    assert net.steps is not None
    assert usual.steps is None
    assert net.known_momenta == pytest.approx(usual.momenta)
    assert seen.keys() == others.keys()
    for mode in seen:
        for mine, theirs in zip(seen[mode], others[mode], strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)
    for mine, theirs in zip(recorder.tensors, by_keras.tensors, strict=True):
        plain = {"fingerprint": (0.0, 0.0, 0.0)}
        assert mine.model_copy(update=plain) == theirs.model_copy(update=plain)
        np.testing.assert_allclose(mine.fingerprint, theirs.fingerprint, rtol=1e-3, atol=1e-2)


def test_gradients_at_once_are_those_found_on_the_way():
    net, _, _ = observed(tower)
    with silent_dropout():
        prints = net.fingerprints(permuted=False)
        with patched(network, "MOST_AT_ONCE", 0):
            assert not net._is_simple()
            others = net.fingerprints(permuted=False)
    np.testing.assert_allclose(others, prints, rtol=1e-4, atol=1e-4)


class Doubled(layers.ReLU):
    """A layer of Keras's that a student has changed."""

    def call(self, x):
        return 2 * super().call(x)


def through(layer, shape=(4,)):
    inputs = keras.Input(shape)
    return keras.Model(inputs, layer(inputs))


def test_a_net_with_something_unknown_in_it_is_called_by_keras():
    assert steps_of(through(layers.ReLU())) is not None
    for layer in (Doubled(), Own(), layers.Lambda(lambda x: x), layers.Masking()):
        assert steps_of(through(layer)) is None
    assert steps_of(through(lambda x: ops.map(lambda row: row, x))) is None
    with patched(layers.Layer, "__call__", lambda *arguments, **options: None):
        assert steps_of(keras.Sequential([layers.ReLU()])) is None


def test_a_net_that_a_student_has_changed_is_called_by_keras():
    class ReLU(layers.ReLU):
        def call(self, x):
            return x

    with patched(layers, "ReLU", ReLU):
        assert steps_of(through(layers.ReLU())) is None
    for model in (through(layers.ReLU()), through(through(layers.ReLU()))):
        assert steps_of(model) is not None
        model.layers[-1].call = lambda x, **options: x
        assert steps_of(model) is None
    model = through(layers.ReLU())
    model.call = lambda x, **options: x
    assert steps_of(model) is None
    assert steps_of(through(layers.Dense(2, activity_regularizer="l2"))) is None


def test_where_keras_keeps_other_notes_it_calls_a_net_itself():
    model = through(layers.BatchNormalization())
    del model.layers[-1]._call_has_training_arg
    assert steps_of(model) is None
    model = through(layers.BatchNormalization())
    model._nodes_by_depth = None
    assert steps_of(model) is None


def test_steps_give_outputs_as_they_are_named():
    x = keras.Input((4,))
    for outputs in ({"a": ops.relu(x)}, [ops.relu(x)], {"b": ops.relu(x), "a": ops.abs(x)}):
        model, given = keras.Model(x, outputs), ops.ones((1, 4))
        steps = steps_of(model)
        assert steps is not None
        mine, usual = steps([given], False, None), model(given)
        keras.tree.assert_same_structure(mine, usual)
        keras.tree.map_structure(np.testing.assert_array_equal, mine, usual)


def drawing(x):
    return x + keras.random.normal((4,))


def test_a_net_that_draws_numbers_is_seen_not_to_repeat():
    net = Network(
        through(layers.Dense(4, activation=drawing)), [(4,)], Plan(seed=3), lambda given: [given]
    )
    net.observe()
    assert net.steps is None
    assert not net.repeats()


def test_a_layer_in_a_students_function_is_told_whether_it_trains():
    """It is made at every call; the layer around it hands on the flag."""

    def normalised(x):
        return layers.BatchNormalization()(ops.relu(x))

    net = through(layers.Activation(normalised), (5, 5, 4))
    assert steps_of(net) is None
    x = np.random.default_rng(2).normal(size=(3, 5, 5, 4)).astype("float32")
    told = ops.convert_to_numpy(net(x, training=True))
    assert abs(told.mean()) < 1e-4


def test_a_change_to_keras_is_not_passed_over():
    """What a student's notebook does to Keras's own calls shows in what it gives, as it would."""
    steps = steps_of(through(layers.ReLU()))
    assert steps is not None
    x = [ops.ones((1, 4))]
    assert steps.fit(x)
    with patched(layers.Layer, "__call__", lambda *arguments, **options: None):
        assert not steps.fit(x)
    assert not steps.fit([ops.ones((1, 3))])
    assert calling.CALL_OF_LAYERS is layers.Layer.__call__


def test_the_momentum_of_a_frozen_normalisation_is_looked_for():
    model = tower()
    statistics = [v for v in model.non_trainable_variables if "moving" in v.name]
    assert momenta_of(steps_of(model), statistics) == [0.7, 0.7, 0.7, 0.7, 0.99, 0.99, 0.99, 0.99]
    frozen = next(x for x in model.layers if isinstance(x, layers.BatchNormalization))
    frozen.trainable = False
    assert momenta_of(steps_of(model), statistics) is None


def test_the_momentum_of_a_normalisation_that_is_called_twice_is_looked_for():
    norm = layers.BatchNormalization()
    model = through(lambda x: norm(ops.relu(norm(x))))
    assert steps_of(model) is not None
    assert momenta_of(steps_of(model), model.non_trainable_variables) is None


def test_nothing_of_keras_is_changed_afterwards():
    import inspect

    before = [layers.Layer.__setattr__, keras.Variable.__init__, keras.src.layers.layer.inspect]
    quickly(small_net)
    after = [layers.Layer.__setattr__, keras.Variable.__init__, keras.src.layers.layer.inspect]
    assert before == after
    assert after[-1] is inspect
    with recording(None):
        assert type(small_net().weights[0]) is keras.Variable


def test_the_warm_process_draws_the_numbers_that_its_children_need():
    key = read_key(ROOT / "exercises" / "04_residual" / "key.json")
    [task] = [t for t in load_tasks(ROOT / "solutions/04_residual/tasks.py") if t.kind == "model"]
    seeds = _seeds_of(key)
    assert len(seeds) <= KEPT
    stream.cache_clear()
    for seed in seeds:
        stream(seed)
    drawn = stream.cache_info().misses
    question = key.tasks[task.name].question
    case = next(case for case in question.cases if case.plan and not case.plan.counted)
    probe(task.answer, question.model_copy(update={"cases": (case,)}))
    assert stream.cache_info().misses == drawn
