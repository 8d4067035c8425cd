"""The roofline: known arithmetic is counted right, and times are told by ratios only."""

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from keras import layers

from convbook.counting import blueprint, count_multiplications
from convbook.drawing.roofline import draw_roofline
from convbook.roofline import (
    Machine,
    Timing,
    Work,
    compare,
    measure_bandwidth,
    measure_machine,
    measure_peak,
    quickest,
    time_call,
    time_layer,
    time_layers,
    work_of,
)


def test_the_roof_is_a_slope_up_to_the_ridge_and_level_from_there() -> None:
    machine = Machine(peak=60e9, bandwidth=12e9)
    assert machine.ridge == 5
    assert [machine.roof(value) for value in (1, 5, 50)] == [12e9, 60e9, 60e9]


def test_layers_take_at_least_what_their_slower_half_takes_one_after_the_other() -> None:
    machine = Machine(peak=60e9, bandwidth=12e9)
    thick, thin = Work("a", "", 120 * 10**9, 12 * 10**9), Work("b", "", 6 * 10**9, 36 * 10**9)
    assert machine.seconds(thick) == 2  # arithmetic: 2 s, memory: 1 s
    assert machine.seconds(thin) == 3  # arithmetic: 0.1 s, memory: 3 s
    assert machine.seconds(thick, thin) == 5
    assert machine.seconds() == 0


def test_a_convolution_does_and_moves_what_a_hand_counts() -> None:
    work = work_of(layers.Conv2D(92, 5, padding="same"), (32, 32, 200), batch=3)
    assert work.multiplications == 3 * 471_040_000
    maps, weights = 3 * 32 * 32 * (200 + 92), 5 * 5 * 200 * 92 + 92
    assert work.bytes == 4 * (maps + weights)
    assert work.intensity == 3 * 471_040_000 / (4 * (maps + weights))


def test_a_layer_without_multiplications_still_moves_bytes() -> None:
    work = work_of(layers.MaxPooling2D(2), (8, 6, 5), batch=2)
    assert work.multiplications == 0
    assert work.bytes == 4 * 2 * (8 * 6 + 4 * 3) * 5


def test_layers_of_several_inputs_read_them_all() -> None:
    work = work_of(layers.Concatenate(), (8, 6, 5), (8, 6, 3))
    assert work.bytes == 4 * 8 * 6 * (5 + 3) * 2


def test_half_precision_moves_half_the_bytes_of_maps() -> None:
    full, half = (
        work_of(layers.MaxPooling2D(2, dtype=kind), (8, 8, 4)) for kind in ("float32", "float16")
    )
    assert full.bytes == 2 * half.bytes


def test_more_work_takes_more_time() -> None:
    """A hundred times the multiplications: no busy machine turns that round."""
    little = time_layer(layers.Dense(200), (200,), batch=20)
    much = time_layer(layers.Dense(2000), (2000,), batch=200)
    assert much.multiplications == 1000 * little.multiplications
    assert much.seconds > 2 * little.seconds
    assert much.rate == much.multiplications / much.seconds


class Clock:
    """Time that passes only where a run says so."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("convbook.roofline.time", made)
    return made


@pytest.mark.parametrize("least", [0.001, 0.01, 5.0])
def test_the_time_of_one_call_does_not_depend_on_how_many_fit_into_a_round(
    clock: Clock, least: float
) -> None:
    def run() -> None:
        clock.now += 0.004

    assert quickest(run, 3, least) == pytest.approx(0.004)
    assert clock.now >= 3 * least


def test_the_quickest_round_counts_not_the_busy_one(clock: Clock) -> None:
    waits = iter([9.0, 0.02, 0.3, 0.02, 0.5])  # the first call warms up, the second counts calls

    def run() -> None:
        clock.now += next(waits)

    assert quickest(run, 3, 0.01) == pytest.approx(0.02)


def test_runs_to_be_compared_take_turns(clock: Clock) -> None:
    order: list[str] = []

    def run(name: str, seconds: float) -> None:
        order.append(name)
        clock.now += seconds

    times = compare({"a": lambda: run("a", 0.1), "b": lambda: run("b", 0.3)}, 3, least=0.05)
    assert "".join(order)[-6:] == "ababab"
    assert times == {"a": pytest.approx(0.1), "b": pytest.approx(0.3)}


def test_one_round_costs_two_calls(clock: Clock) -> None:
    waits = iter([9.0, 0.02])  # a slow call may be half of a page's time at the smoke scale

    def run() -> None:
        clock.now += next(waits)

    assert quickest(run, 1, 0.01) == pytest.approx(0.02)


def test_a_machine_is_measured() -> None:
    machine = measure_machine(sides=(64, 256), megabytes=1, repeats=2)
    assert machine.peak > 1e7
    assert machine.bandwidth > 1e7
    assert measure_peak((256,), 2) > measure_peak((2,), 2)
    assert measure_bandwidth(1, 2) > 0


def branched() -> keras.Model:
    x = inputs = keras.Input((12, 10, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="first")(x)
    a = layers.Conv2D(4, 3, padding="same", activation="relu", name="second")(x)
    b = layers.Conv2D(4, 3, padding="same", activation="relu", name="third")(x)
    x = layers.Concatenate(name="both")([a, b])
    x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, layers.GlobalAveragePooling2D(name="mean")(x))


def test_every_layer_of_a_net_that_computes_is_timed() -> None:
    timings = time_layers(blueprint(branched), batch=2, repeats=1)
    assert [timing.name for timing in timings] == ["first", "second", "third", "both", "mean"]
    total = sum(timing.multiplications for timing in timings)
    assert total == 2 * count_multiplications(branched())
    assert all(timing.seconds > 0 for timing in timings)


def test_the_cost_of_a_call_is_taken_off_each_layer_but_a_tenth_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("convbook.roofline.quickest", lambda run, repeats: 0.5)
    assert time_call() == 0.5
    for call, left in [(0, 0.5), (0.2, 0.3), (0.49, 0.05), (2, 0.05)]:
        timings = time_layers(blueprint(branched), repeats=1, call=call)
        assert [timing.seconds for timing in timings] == pytest.approx([left] * 5)


def test_a_call_takes_time_and_a_large_layer_more() -> None:
    large = layers.Conv2D(64, 5, padding="same")
    assert 0 < time_call(2) < time_layer(large, (64, 64, 64), repeats=2).seconds


def test_layers_alike_are_timed_once() -> None:
    _, second, third, *_ = time_layers(branched(), repeats=1)
    assert second.seconds == third.seconds


def test_a_net_of_unknown_size_and_a_layer_used_twice_say_what_to_do() -> None:
    anything = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(2, 1)])
    with pytest.raises(ValueError, match="any size; build the net with one"):
        time_layers(anything)
    x = keras.Input((4, 4, 3))
    conv = layers.Conv2D(3, 1, name="again")
    with pytest.raises(ValueError, match="again is used more than once"):
        time_layers(keras.Model(x, conv(conv(x))))


def test_a_roofline_shows_each_layer_that_multiplies_and_the_roof() -> None:
    timings = [
        Timing("wide", "Conv2D", 10**9, 10**7, 0.02),
        Timing("thin", "Conv2D", 10**7, 10**7, 0.002),
        Timing("pool", "MaxPooling2D", 0, 10**7, 0.001),
    ]
    axes = draw_roofline(Machine(60e9, 12e9), {"layers": timings}, names={"thin": "1×1"})
    roof, points = axes.get_lines()
    assert np.asarray(roof.get_ydata()).tolist() == pytest.approx([60 / 15, 60, 60])
    assert np.asarray(points.get_xdata()).tolist() == pytest.approx([100, 1])
    assert np.asarray(points.get_ydata()).tolist() == pytest.approx([50, 5])
    words = [text.get_text() for text in axes.texts]
    assert "memory: 12 GB/s" in words
    assert "1×1" in words
    plt.close("all")
