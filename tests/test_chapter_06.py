"""Chapter 06 runs top to bottom, and its numbers are those the syllabus owes the reader."""

from __future__ import annotations

import re

import keras
import nbformat
import numpy as np
import pytest
from chapter_run import CHAPTERS, Run, run_chapter

from convbook.architectures.inception import googlenet
from convbook.counting import blueprint
from convbook.nets import depth

NAME = "06_inception"

pytestmark = pytest.mark.notebook


@pytest.fixture(scope="module")
def run() -> Run:
    return run_chapter(NAME)


def test_a_kernel_of_two_doubles_a_map(run: Run) -> None:
    numbers, doubled = run.names["numbers"], run.names["doubled"]
    assert doubled.shape == (1, 5, 5, 1)
    np.testing.assert_array_equal(doubled, 2 * numbers)
    assert "twice the map, exactly: True" in run.printed["one-by-one"]


def test_a_1x1_convolution_is_a_dense_layer_at_every_pixel(run: Run) -> None:
    off = run.names["off"]
    assert list(off) == [(3, 1), (3, 5), (200, 32)]
    assert max(off.values()) < 1e-5
    assert "6,432" in run.printed["dense"]
    grey = run.names["maps"][..., 0]
    by_hand = run.names["photograph"][0] @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(grey, by_hand, atol=1e-5)


def test_network_in_network_takes_pictures_of_any_size(run: Run) -> None:
    sizes = re.findall(r"a picture of (\d+x\d+): 10 probabilities", run.printed["any-size"])
    assert len(set(sizes)) == 3
    names = run.names
    assert names["class_maps"].shape[1:] == (7, 28, 10)
    first = np.concatenate([names["x_test"][place[0]] for place in names["places"]], axis=1)
    np.testing.assert_array_equal(names["row_pictures"][0], first)
    labels = [names["y_test"][place] for place in names["places"]]
    assert [set(found) for found in labels] == [{2}, {0}, {7}, {4}]
    assert len(names["row_pictures"]) == min(map(len, labels))


def test_the_naive_module_gives_416_channels_and_the_module_3a_256(run: Run) -> None:
    names = run.names
    assert names["naive"].output_shape == (None, 28, 28, 416)
    for thickness in ("416", "640", "864", "1,088"):
        assert thickness in run.printed["naive-shapes"]
    assert names["module"].output_shape == (None, 28, 28, 256)
    assert [way.shape[-1] for way in names["ways"].values()] == [64, 128, 32, 32]
    assert "128,049,152" in run.printed["module-3a"]


def test_a_bottleneck_of_16_channels_costs_an_eleventh(run: Run) -> None:
    names = run.names
    assert names["costs"][names["wide"]] == 471_040_000
    assert names["costs"][names["narrow"]] == 40_960_000
    assert "11.5 times fewer" in run.printed["cost"]
    assert list(names["quicker"]) == [1, 16]


def test_every_layer_is_a_point_of_the_roofline(run: Run) -> None:
    timed, machine = run.names["timed"], run.names["machine"]
    assert machine.peak > 0
    assert machine.bandwidth > 0
    maps, weights, batch = 32 * 32 * (200 + 16), 200 * 16 + 16, run.names["MANY"]
    assert timed["narrowing"].bytes == 4 * (batch * maps + weights)
    assert timed["wide"].multiplications == batch * 471_040_000
    assert run.figures["roofline"] == 1
    assert run.figures["googlenet-roofline"] == 1


def test_the_ladder_leads_from_the_count_to_the_clock(run: Run) -> None:
    names = run.names
    counted, roof, layer_by_layer, net_by_net = names["ladder"].values()
    assert counted == pytest.approx(471_040_000 / 40_960_000)
    # The 5x5 on 200 channels is bounded by arithmetic on every machine; a 1x1 can be by memory.
    assert roof <= counted + 1e-9
    timed = names["timed"]
    parts = timed["narrowing"].seconds + timed["narrow"].seconds
    assert layer_by_layer == pytest.approx(timed["wide"].seconds / parts)
    assert net_by_net == names["quicker"][16]
    assert run.printed["ladder"].count(" ms") == 2


def test_googlenet_has_22_layers_and_the_published_parameters(run: Run) -> None:
    counts, table = run.printed["googlenet-counts"], run.printed["googlenet-table"]
    assert "22 layers with weights on the longest way" in counts
    assert "57 convolutions" in counts
    assert "13 max pools, 4 of them between stages, down to [56, 28, 14, 7] pixels" in counts
    for number in ("6,998,552", "13,378,280", "62,378,344", "138,357,544"):
        assert number in counts
    assert sum(parameters for _, parameters, _ in run.names["sums"].values()) == 6_998_552
    assert "10 of 12 rows agree with the paper's within a million" in table
    assert "7x7 kernels: 118 million; by 7x1, then 1x7: 377 million" in table
    assert "with 7 + 7 in place of 7 * 7: 34 million" in table
    assert "5a with the 48 filters of 5b before its 5x5: 54.2 million" in table
    # AlexNet (Krizhevsky 2012): 6x6x256 to 4096, 4096, 1000, with biases; one use of each weight.
    dense = 6 * 6 * 256 * 4096 + 4096 * 4096 + 4096 * 1000
    shares = f"{(dense + 9192) / 62_378_344:.0%} of its parameters, {dense / 1_135_256_096:.0%} of"
    assert shares in counts


def test_the_layers_of_googlenet_are_counted_on_the_longest_way() -> None:
    """One module fewer is two layers fewer: the number is read off the net."""
    net = blueprint(googlenet)
    assert depth(net) == 22
    shorter = keras.Model(net.input, net.get_layer("inception_5a_concat").output)
    assert depth(shorter) == 19


def test_auxiliary_losses_lengthen_no_gradient_more_than_a_larger_main_loss(run: Run) -> None:
    names = run.names
    assert len(names["growth"]) == len(names["SEEDS"])
    assert max(names["growth"]) < 1.6
    # Without dropout it is the same each time.
    again = names["first_gradient"](names["starts"][0], 0.3)
    assert again == pytest.approx(names["helped"][0], rel=1e-4)


def test_pictures_differ_more_at_the_classifier_from_hes_start(run: Run) -> None:
    glorot, he = run.names["spreads"].values()
    assert len(glorot) == len(he) == len(run.names["SEEDS"])
    assert min(he) > 10 * max(glorot)


def test_losses_are_compared_seed_by_seed(run: Run) -> None:
    names, printed = run.names, run.printed
    alone, together = names["losses"].values()
    pairs = zip(alone, together, strict=True)
    expected = [other[-1] - one[-1] for one, other in pairs]
    np.testing.assert_allclose(names["differences"], expected)
    assert f"{expected[0]:+.2f} (seed 0)" in printed["auxiliary-plot"]
    assert f"{expected[0]:+.2f} (seed 0)" in printed["saw"]
    assert run.figures["auxiliary-plot"] == run.figures["he-start"] == 1


def test_inception_v3_is_counted_with_and_without_moving_statistics(run: Run) -> None:
    ours, theirs = run.names["v3"].values()
    assert ours == theirs
    assert ours[:2] == (23_817_352, 23_851_784)
    assert "34,432 numbers are moving means" in prose()
    assert ours[1] - ours[0] == 34_432


def test_the_chapter_ends_with_what_it_saw(run: Run) -> None:
    saw = run.printed["saw"]
    assert "GoogLeNet: 6,998,552 parameters, 22 layers" in saw
    assert "11.5 times fewer" in saw
    assert "23,817,352" in saw


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_default_run_shows_what_the_chapter_claims() -> None:
    names = run_chapter(NAME, "default").names
    assert names["nin_accuracy"] > 0.85
    assert names["quarters_read"] > 0.7
    # Ratios of times, with room for a busy machine.
    assert 1.5 < names["quicker"][16] < names["saving"]
    assert names["quicker"][1] < names["saving"]
    assert names["faster"] < names["fewer"]
    assert names["ladder"]["time, layer by layer"] < names["saving"]
    assert names["calling"]["one pixel"] > 0.2 * names["calling"]["bottleneck"]
    assert names["timed"]["narrowing"].rate < names["timed"]["wide"].rate
    assert names["medians"]["1×1"] < names["medians"]["3×3"]
    assert 0.01 < names["idle"] < 0.4
    assert names["part"][0] == pytest.approx(0.23, abs=0.01)
    assert names["part"][1] > 1.2 * names["part"][0]
    # Auxiliary classifiers from Glorot's start, and He's start without them, all seeds.
    assert len(names["SEEDS"]) == 3
    assert max(names["growth"]) < 1.6
    glorot, he = names["spreads"].values()
    assert min(he) > 10 * max(glorot)
    assert names["worst"] < names["best"]


def test_the_sources_of_its_numbers_are_named() -> None:
    for source in ("1409.4842", "1512.00567", "1312.4400", "CC BY-SA 3.0", "CC BY 2.0"):
        assert source in prose()


def prose() -> str:
    """The chapter's text."""
    book = nbformat.read(CHAPTERS / f"{NAME}.ipynb", as_version=4)
    return "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
