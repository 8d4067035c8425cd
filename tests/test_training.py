"""Several runs of a net, and what they may say about it."""

import os
import threading
import time
import warnings
from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from convbook import training
from convbook.gradients import input_gradient, kernel_gradient_lengths, signal_gradients
from convbook.training import (
    compare,
    measure_again,
    side_by_side,
    start_processes,
    train_each,
    train_seeds,
)


@pytest.mark.parametrize(
    ("second", "verdict"),
    [
        ([2.0, 2.1, 2.2], "worse"),
        ([0.1, 0.2, 0.15], "better"),
        ([1.05, 1.15, 1.3], "level"),
        ([0.95, 1.0, 1.1], "level"),
        ([0.2, 3.5, 3.0], "level"),  # a mean twice as high, and seeds further apart than that
    ],
)
def test_a_net_is_worse_or_better_only_by_more_than_its_seeds_differ(second, verdict):
    found = compare([1.0, 1.1, 1.2], second)
    assert found.verdict == verdict
    assert found.gap == pytest.approx(np.mean(second) - 1.1)
    assert str(found).endswith(f": {verdict}")


def test_one_run_of_each_gives_no_verdict():
    assert compare([1.0], [5.0]).verdict == "unknown"


def tiny():
    return keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(3, "softmax")])


def test_runs_keep_the_weights_and_losses_of_each_seed():
    x = np.random.default_rng(0).normal(size=(12, 4, 4, 1)).astype("float32")
    y = np.arange(12) % 3
    sgd = keras.optimizers.SGD(0.1)
    runs = train_seeds(tiny, sgd, x, y, seeds=(0, 1, 0), epochs=3, batch_size=4)
    assert runs.losses.shape == (3, 3)
    np.testing.assert_allclose(runs.losses[0], runs.losses[2], rtol=1e-5)
    assert abs(runs.losses[0, -1] - runs.losses[1, -1]) > 1e-4
    np.testing.assert_allclose(runs.weights[0][0], runs.weights[2][0], rtol=1e-5)
    np.testing.assert_array_equal(runs.net.get_weights()[0], runs.weights[2][0])


def test_without_a_graph_a_run_is_the_same():
    x = np.random.default_rng(0).normal(size=(12, 4, 4, 1)).astype("float32")

    def trained(eagerly):
        sgd = keras.optimizers.SGD(0.1)
        y = np.arange(12) % 3
        return train_seeds(tiny, sgd, x, y, seeds=(0,), epochs=2, batch_size=4, eagerly=eagerly)

    graph, eager = trained(False), trained(True)
    assert eager.net.run_eagerly
    assert not graph.net.run_eagerly
    np.testing.assert_allclose(eager.losses, graph.losses, rtol=1e-5)


def test_normalisations_measure_again_and_nothing_is_trained():
    inputs = keras.Input((4, 4, 1))
    x = layers.Conv2D(3, 1, use_bias=False)(inputs)
    norm = layers.BatchNormalization(momentum=0.9)
    net = keras.Model(inputs, norm(x))
    pictures = np.random.default_rng(0).normal(5, 2, (50, 4, 4, 1)).astype("float32")
    kept = [ops.convert_to_numpy(weight).copy() for weight in net.trainable_weights]
    measure_again(net, pictures)
    maps = ops.convert_to_numpy(net.layers[1](pictures))
    np.testing.assert_allclose(norm.moving_mean, maps.mean((0, 1, 2)), rtol=1e-4)
    np.testing.assert_allclose(norm.moving_variance, maps.var((0, 1, 2)), rtol=1e-3)
    assert norm.momentum == 0.9
    for weight, before in zip(net.trainable_weights, kept, strict=True):
        np.testing.assert_array_equal(weight, before)


def test_the_error_in_the_middle_of_a_chain_is_that_of_what_follows():
    keras.utils.set_random_seed(0)
    parts = [layers.Dense(4), layers.BatchNormalization(), layers.Dense(2, activation="tanh")]
    x = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")
    signal = x
    for part in parts:
        signal = part(signal)  # builds it
    found = signal_gradients(parts, x, ops.sum)
    assert [gradient.shape for gradient in found] == [(6, 3), (6, 4), (6, 4)]
    middle = parts[1](parts[0](x), training=True)
    last = input_gradient(lambda signal: ops.sum(parts[2](signal)), middle)
    np.testing.assert_allclose(found[2], last, rtol=1e-4, atol=1e-6)
    step = 1e-2  # and the first one by finite differences
    moved = x.copy()
    moved[0, 0] += step

    def through(values):
        for part in parts:
            values = part(values, training=True)
        return float(ops.sum(values))

    assert (through(moved) - through(x)) / step == pytest.approx(found[0][0, 0], abs=2e-2)


def test_gradient_lengths_are_of_the_kernels_alone_from_the_input_up():
    keras.utils.set_random_seed(0)
    net = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            layers.Conv2D(2, 3, activation="relu"),
            layers.Conv2D(3, 1),
            layers.GlobalAveragePooling2D(),
            layers.Softmax(),
        ]
    )
    x = np.random.default_rng(0).normal(size=(6, 4, 4, 1)).astype("float32")
    lengths = kernel_gradient_lengths(net, x, np.arange(6) % 3)
    assert len(lengths) == 2
    assert all(length > 0 for length in lengths)


def draw(seed):
    """What a process draws after its seed is set, and which process it is."""
    keras.utils.set_random_seed(seed)
    return os.getpid(), keras.ops.convert_to_numpy(keras.random.normal((3,))).tolist()


@pytest.mark.parametrize("cores", [1, 2])
def test_calls_side_by_side_return_in_order_what_they_return_alone(monkeypatch, cores):
    monkeypatch.setenv("CONVBOOK_SCALE", "default")
    monkeypatch.setattr(training, "usable_cores", lambda: cores)
    factor = 2  # of this function alone: it is sent along
    answers = side_by_side([partial(lambda s: (factor * s, *draw(s)), seed) for seed in (5, 3, 4)])
    assert [number for number, *_ in answers] == [10, 6, 8]
    assert [drawn for *_, drawn in answers] == [draw(seed)[1] for seed in (5, 3, 4)]
    processes = {process for _, process, _ in answers}
    assert (processes == {os.getpid()}) is (cores == 1)


def test_nets_trained_side_by_side_are_those_trained_one_by_one(monkeypatch):
    monkeypatch.setenv("CONVBOOK_SCALE", "default")
    monkeypatch.setattr(training, "usable_cores", lambda: 2)
    x = np.random.default_rng(0).normal(size=(12, 4, 4, 1)).astype("float32")
    y = np.arange(12) % 3

    def net(filters):
        return keras.Sequential(
            [
                keras.Input((4, 4, 1)),
                layers.Conv2D(filters, 3, activation="relu"),
                layers.Flatten(),
                layers.Dense(3, activation="softmax"),
            ]
        )

    how: Any = {"seeds": (1, 2), "epochs": 2, "batch_size": 4, "eagerly": True}
    sgd = partial(keras.optimizers.SGD, 0.1, momentum=0.9)
    builds = [partial(net, 2), partial(net, 3)]
    for runs, build in zip(train_each(builds, sgd, x, y, **how), builds, strict=True):
        alone = train_seeds(build, sgd(), x, y, **how)
        np.testing.assert_allclose(runs.losses, alone.losses, rtol=1e-5)
        for own, other in zip(runs.net.get_weights(), alone.net.get_weights(), strict=True):
            np.testing.assert_allclose(own, other, rtol=1e-4, atol=1e-6)


def test_at_the_smoke_scale_no_process_is_started(monkeypatch):
    monkeypatch.setenv("CONVBOOK_SCALE", "smoke")
    monkeypatch.setattr(training, "usable_cores", lambda: 2)
    assert side_by_side([os.getpid, os.getpid]) == [os.getpid()] * 2


@pytest.mark.parametrize(("scale", "started"), [("default", True), ("smoke", False)])
def test_processes_are_started_early_where_calls_will_need_them(monkeypatch, scale, started):
    monkeypatch.setenv("CONVBOOK_SCALE", scale)
    monkeypatch.setattr(training, "usable_cores", lambda: 2)
    woken = threading.Event()
    monkeypatch.setattr(training, "side_by_side", lambda calls: woken.set())
    start_processes()
    assert woken.wait(5 if started else 0.2) is started


def test_calls_wait_for_processes_that_are_being_started(monkeypatch):
    monkeypatch.setenv("CONVBOOK_SCALE", "default")
    monkeypatch.setattr(training, "usable_cores", lambda: 2)
    start_processes()
    assert side_by_side([partial(draw, 3), partial(draw, 4)])[0][1] == draw(3)[1]


def test_a_process_that_is_exchanged_for_a_new_one_is_no_warning_on_a_page(monkeypatch):
    monkeypatch.setenv("CONVBOOK_SCALE", "default")
    monkeypatch.setattr(training, "usable_cores", lambda: 2)

    def parallel(n_jobs):
        warnings.warn("A worker stopped while some jobs were given to the executor.", stacklevel=1)
        return lambda tasks: [function(*given) for function, given, _ in tasks]

    monkeypatch.setattr(training.joblib, "Parallel", parallel)
    with warnings.catch_warnings(record=True) as told:
        assert side_by_side([partial(int, "1"), partial(int, "2")]) == [1, 2]
    assert not told


def grow() -> int:
    """Keep 400 MB more, for longer than joblib waits between two looks at a process's memory."""
    kept = getattr(np, "kept_by_a_test", [])
    np.kept_by_a_test = [*kept, np.ones(50_000_000)]  # type: ignore[attr-defined]
    time.sleep(1.2)
    return os.getpid()


def test_a_process_that_has_grown_is_kept_since_a_new_one_would_import_keras(monkeypatch):
    monkeypatch.setenv("CONVBOOK_SCALE", "default")
    monkeypatch.setattr(training, "usable_cores", lambda: 2)
    used = {process for _ in range(3) for process in side_by_side([grow, grow])}
    assert len(used) == 2


def test_an_error_of_a_call_is_raised_here(monkeypatch):
    monkeypatch.setenv("CONVBOOK_SCALE", "default")
    monkeypatch.setattr(training, "usable_cores", lambda: 2)
    with pytest.raises(ValueError, match="invalid literal"):
        side_by_side([partial(int, "1"), partial(int, "one")])
