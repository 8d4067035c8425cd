"""Tasks whose answer is a layer, and blocks of which epsilon or momentum counts."""

import keras
import pytest
from keras import layers, ops

from autograder.data.arguments import Input
from autograder.judging.judge import judge
from autograder.probing.probe import probe
from autograder.setting.keymaking import make_task_key
from autograder.setting.task import Task, trial

pytestmark = pytest.mark.usefixtures("without_slips")


class Gate(layers.Layer):
    """A channel's factor between 0 and 1, from the mean of all channels."""

    def __init__(self, units):
        super().__init__()
        self.dense = layers.Dense(units, activation="sigmoid")

    def call(self, x):
        return ops.mean(self.dense(x), (1, 2))


class OtherGate(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.inner = keras.Sequential([layers.Dense(units), layers.Activation("sigmoid")])

    def call(self, x):
        return layers.GlobalAveragePooling2D()(self.inner(x))


class MeanFirst(OtherGate):
    def call(self, x):
        return self.inner(ops.mean(x, (1, 2)))


@pytest.fixture(scope="module")
def key():
    return make_task_key(
        Task("Gate", "layer", 2, lambda rng: [trial(x=Input((5, 4, 3)), units=6)], Gate), 3
    )


def verdict(key, answer):
    return judge(key, probe(answer, key.question))


def test_a_layer_written_otherwise_gets_full_marks(key):
    assert verdict(key, Gate).verdict == "correct"
    assert verdict(key, OtherGate).verdict == "correct"


def test_a_layer_that_computes_something_else_is_refused(key):
    assert verdict(key, MeanFirst).verdict == "wrong"


def test_what_is_no_layer_gets_a_sentence(key):
    assert "keras.layers.Layer" in verdict(key, lambda units: units).hint


def normed(epsilon):
    def answer(x, filters):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        return layers.GroupNormalization(2, epsilon=epsilon)(x)

    return answer


def test_an_epsilon_counts_where_inputs_are_small():
    trials = [trial(x=Input((6, 5, 3)), filters=4)]
    task = Task("normed", "block", 2, lambda rng: trials, normed(1e-5), plan={"inputs": 0.01})
    small = make_task_key(task, 3)
    assert verdict(small, normed(1e-5)).verdict == "correct"
    assert verdict(small, normed(1e-3)).verdict == "wrong"


def batch_normed(momentum):
    def answer(x, filters):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        return layers.BatchNormalization(momentum=momentum)(x)

    return answer


def halves(x, filters):
    """The same in two halves, each with statistics of its own."""
    parts = [batch_normed(0.9)(x, filters // 2) for _ in range(2)]
    return layers.Concatenate()(parts)


@pytest.mark.parametrize("counts", [True, False])
def test_a_momentum_counts_where_the_task_says_so_and_nowhere_else(counts):
    trials = [trial(x=Input((6, 5, 3)), filters=4)]
    task = Task(
        "normed", "block", 2, lambda rng: trials, batch_normed(0.9), plan={"momentum": counts}
    )
    key = make_task_key(task, 3)
    assert verdict(key, batch_normed(0.9)).verdict == "correct"
    assert verdict(key, halves).verdict == "correct"
    other = verdict(key, batch_normed(0.99))
    assert other.verdict == ("wrong" if counts else "correct")
    if counts:
        assert "keep 0.99 of what they were at a step; asked for is 0.9" in other.hint
