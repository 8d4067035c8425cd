"""A net of dozens of normalisations is judged by what it computes, not by how rounding falls."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from autograder.data import values
from autograder.data.observation import Plan
from autograder.data.values import Colour
from autograder.judging.judge import judge
from autograder.probing.network import Network
from autograder.probing.probe import probe
from autograder.probing.quick import fast_calls
from autograder.setting import planning
from autograder.setting.keymaking import make_task_key
from autograder.setting.projecting import clear_projection
from autograder.setting.task import Task, trial

BLOCKS = 4


def norm(x):
    return layers.BatchNormalization()(x)


def tower_with(rectify, classes):
    """Blocks with two normalisations; the next one takes the offset of the first away."""
    x = inputs = keras.Input((7, 6, 5))
    for _ in range(BLOCKS):
        x = norm(layers.Conv2D(5, 1, use_bias=False)(x))
        x = rectify(norm(layers.Conv2D(5, 1, use_bias=False)(x)))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def tower(classes):
    return tower_with(ops.relu6, classes)


def of_dense_layers(classes):
    x = inputs = keras.Input((7, 6, 5))
    for _ in range(BLOCKS):
        x = norm(layers.Dense(5, use_bias=False)(x))
        x = ops.clip(norm(layers.Dense(5, use_bias=False)(x)), 0, 6)
    scores = ops.mean(layers.Conv2D(classes, 1)(x), axis=(1, 2))
    return keras.Model(inputs, ops.softmax(scores))


def without_upper_bend(classes):
    return tower_with(ops.relu, classes)


PLAN: dict[str, Any] = {
    "deep": True,
    "batch": 2,
    "kernels": 400.0,
    "vectors": 1.7,
    "probabilities": True,
    "overrides": {"20": 1.0},  # of the dense layer
}
TOWER = Task("tower", "model", 4, lambda rng: [trial((7, 6, 5), classes=4)], tower, plan=PLAN)


@pytest.fixture(scope="module")
def network():
    model = tower(4)
    return Network(model, [(7, 6, 5)], Plan(seed=3, **PLAN), lambda y: [y])


def test_a_deep_net_is_right_however_written_and_wrong_without_its_upper_bend(without_slips):
    key = make_task_key(TOWER, 5)
    assert judge(key, probe(of_dense_layers, key.question)).verdict == "correct"
    assert judge(key, probe(without_upper_bend, key.question)).verdict == "wrong"


def test_an_offset_that_the_next_normalisation_takes_away_counts_as_idle(network):
    network.observe()
    offsets = [
        colour
        for colour, variable in zip(network.colours, network.trainable, strict=True)
        if variable.name == "beta"
    ]
    assert [offset.rank == values.IDLE for offset in offsets] == [True, False] * BLOCKS
    others = [c for c in network.colours if c.rank != values.IDLE]
    assert len(set(others)) == len(others)


def test_a_gradient_of_rounding_is_silent_beside_others_of_its_count_only():
    colours = [Colour(5), Colour(5), Colour(5), Colour(7), Colour(9), Colour(9)]
    prints = np.array([2.0, 1e-5, -3e-3, 1e-9, 4e-7, 2e-7])
    np.testing.assert_array_equal(
        values.silenced(colours, prints), [2.0, 0.0, -3e-3, 1e-9, 4e-7, 2e-7]
    )


def test_vectors_of_a_deep_net_are_positive_and_unlike():
    plain = values.vector_values(1, (40,), Colour(40), 1.0)
    deep = values.vector_values(1, (40,), Colour(40), 1.0, deep=True)
    assert plain.min() < 0 < deep.min()
    assert deep.max() < 2 * deep.min()
    assert len(set(deep.tolist())) == 40


def test_the_projection_chosen_tells_weights_apart_more_clearly_than_most(network):
    chosen = clear_projection(network, planning._a_little_off)

    def clearance(projection):
        network.plan = network.plan.model_copy(update={"projection": projection})
        with fast_calls():
            network.fill_statistics(0)
        network.observe()
        return network.clearance

    others = [clearance(number) for number in range(1, 8)]
    assert clearance(chosen) > np.median(others)
