"""Functions that make a model of a trained one: fed as it is, counted, the given one unchanged."""

import keras
import numpy as np
import pytest
from keras import layers

from autograder.data.arguments import Classifier, decode, encode
from autograder.judging.judge import judge
from autograder.probing.probe import probe
from autograder.setting.keymaking import make_task_key
from autograder.setting.task import Task, trial

pytestmark = pytest.mark.usefixtures("without_slips")

STEPS: tuple[tuple[str, dict], ...] = (
    ("Conv2D", {"filters": 3, "kernel_size": 2}),
    ("BatchNormalization", {}),
    ("ReLU", {}),
    ("Dropout", {"rate": 0.5}),
)


def copy_of(model, copied=True, sides=(None, None), dropping=None):
    """A map that takes any size, of the same layers with the same weights."""
    x = inputs = keras.Input((*sides, model.input_shape[-1]))
    for layer in model.layers:
        new = type(layer).from_config(layer.get_config())
        x = new(x, training=True) if dropping and isinstance(layer, layers.Dropout) else new(x)
        if copied:
            new.set_weights(layer.get_weights())
    return keras.Model(inputs, x)


@pytest.fixture(scope="module")
def key():
    model = Classifier((5, 4, 2), STEPS, 3)
    trials = [trial((5, 4, 2), model=model), trial((6, 9, 2), model=model)]
    return make_task_key(Task("copy_of", "function", 4, lambda rng: trials, copy_of), 3)


def verdict(key, answer):
    return judge(key, probe(answer, key.question))


def test_a_model_with_copied_weights_gets_full_marks(key):
    assert verdict(key, lambda model: copy_of(model)).points == 4
    assert set(key.parts) == {"shape", "parameters", "output"}


def test_weights_that_are_not_copied_cost_the_output(key):
    found = verdict(key, lambda model: copy_of(model, copied=False))
    assert found.checks == {"shape": True, "parameters": True, "output": False}


def test_moving_statistics_are_weights_to_be_copied(key):
    def forgetful(model):
        new = copy_of(model, copied=False)
        pairs = zip(new.trainable_weights, model.trainable_weights, strict=True)
        for mine, theirs in pairs:
            mine.assign(theirs)
        return new

    assert verdict(key, forgetful).checks["output"] is False


def test_a_model_of_one_size_fails_where_the_input_is_larger_and_is_told_so(key):
    found = verdict(key, lambda model: copy_of(model, sides=(5, 4)))
    assert found.verdict == "wrong"
    assert "takes inputs of (5, 4, 2) only" in found.hint
    assert 0 < found.points < 4


def test_the_call_names_the_input(key):
    found = verdict(key, lambda model: copy_of(model, copied=False))
    assert "(x(5, 4, 2))" in " ".join([found.hint, *found.details])


def test_a_given_model_that_is_changed_costs_points(key):
    def clearing(model):
        new = copy_of(model)
        for weight in model.weights:
            weight.assign(np.zeros(weight.shape))
        return new

    found = verdict(key, clearing)
    assert found.verdict == "wrong"
    assert "changes the model that it is given" in found.hint


def test_shared_weights_are_told_of_at_no_cost(key):
    def sharing(model):
        x = inputs = keras.Input((None, None, 2))
        for layer in model.layers:
            x = layer(x)
        return keras.Model(inputs, x)

    found = verdict(key, sharing)
    assert found.points == 4
    assert any("shares weights" in remark for remark in found.remarks)
    assert not verdict(key, copy_of).remarks


def test_frozen_weights_are_too_few(key):
    def freezing(model):
        new = copy_of(model)
        new.trainable = False
        return new

    assert verdict(key, freezing).checks["parameters"] is False


def test_dropout_that_is_on_at_inference_is_told_of(key):
    assert "dropout" in verdict(key, lambda model: copy_of(model, dropping=True)).hint


@pytest.mark.parametrize("given", [None, 3, "model", layers.ReLU])
def test_what_is_no_model_gets_a_sentence(key, given):
    found = verdict(key, lambda model: given)
    assert found.points == 0
    assert "keras.Model" in found.hint


def test_small_integers_keep_their_kind():
    for kind in ("uint8", "int32", "int8", "uint16"):
        array = np.array([[1, 2], [100, 3]], kind)
        back = decode(encode(array))
        assert back.dtype == kind
        assert (back == array).all()
