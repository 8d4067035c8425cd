"""Chapter 06 runs top to bottom, and its numbers are those the syllabus owes the reader."""

from __future__ import annotations

import re

import nbformat
import numpy as np
import pytest
from chapter_run import CHAPTERS, Run, run_chapter

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
    assert run.names["class_maps"].shape == (7, 28, 10)


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
    assert set(names["quicker"]) == {1, 16}


def test_every_layer_is_a_point_of_the_roofline(run: Run) -> None:
    timed, machine = run.names["timed"], run.names["machine"]
    assert machine.peak > 0
    assert machine.bandwidth > 0
    maps, weights = 32 * 32 * (200 + 16), 200 * 16 + 16
    assert timed["narrowing"].bytes == 4 * (16 * maps + weights)
    assert timed["wide"].multiplications == 16 * 471_040_000
    assert run.figures["roofline"] == 1
    assert run.figures["googlenet-roofline"] == 1


def test_googlenet_has_22_layers_and_the_published_parameters(run: Run) -> None:
    counts, table = run.printed["googlenet-counts"], run.printed["googlenet-table"]
    assert "22 layers with weights" in counts
    assert "57 convolutions" in counts
    assert "13 max pools, 4 of them between stages, down to [56, 28, 14, 7] pixels" in counts
    for number in ("6,998,552", "13,378,280", "62,378,344", "138,357,544"):
        assert number in counts
    assert sum(parameters for _, parameters, _ in run.names["sums"].values()) == 6_998_552
    assert "10 of 12 rows agree with the paper's to the million" in table
    assert "7x7 kernels: 118 million; with 7 + 7 in place of 7 * 7: 34 million" in table


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
    run = run_chapter(NAME, "default")
    names, printed = run.names, run.printed
    assert names["nin_accuracy"] > 0.85
    assert "[2 0 7 4]" in printed["any-size"]
    # Ratios of times, with room for a busy machine.
    assert 1.5 < names["quicker"][16] < names["saving"]
    assert names["quicker"][1] < names["saving"]
    assert names["faster"] < names["fewer"]
    assert names["timed"]["narrowing"].rate < names["timed"]["wide"].rate
    assert names["medians"]["1×1"] < names["medians"]["3×3"]
    assert names["idle"] > 0
    # Auxiliary classifiers: a longer first gradient, no gain beyond the seeds, and He's start.
    assert len(names["SEEDS"]) == 3
    assert names["growth"] > 1
    assert names["helped"].verdict == "level"
    assert names["he_growth"] > 3
    assert names["he_losses"][-1] < names["best"]


def test_the_sources_of_its_numbers_are_named() -> None:
    for source in ("1409.4842", "1512.00567", "1312.4400", "CC BY-SA 3.0", "CC BY 2.0"):
        assert source in prose()


def prose() -> str:
    """The chapter's text."""
    book = nbformat.read(CHAPTERS / f"{NAME}.ipynb", as_version=4)
    return "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
