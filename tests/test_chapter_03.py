"""Chapter 3 shows the numbers that it owes its reader."""

import re
from itertools import pairwise

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

from chapter_run import run_chapter

from convbook.published import CHALLENGE_WINNERS, SECOND_IN_2012

pytestmark = pytest.mark.notebook


@pytest.fixture(scope="module")
def chapter():
    return run_chapter("03_classic")


def test_lenet_is_counted_layer_by_layer(chapter):
    table = chapter.printed["lenet-count"]
    for shape in ("28×28×6", "14×14×6", "10×10×16", "5×5×16"):
        assert shape in table
    *rows, total, by_hand = table.splitlines()[1:]
    assert total.split()[-2:] == ["61,706", "416,520"]
    assert sum(int(row.split()[-2].replace(",", "")) for row in rows) == 61_706
    assert "2,416 parameters, 240,000 multiplications" in by_hand
    assert re.search(r"Conv2D +10×10×16 +2,416 +240,000", table)


def test_lenet_of_1998_has_the_60_000_parameters_its_paper_states(chapter):
    assert sum(chapter.names["in_1998"].values()) == 60_000
    assert chapter.names["in_1998"]["second convolution"] == 1516
    assert chapter.printed["lenet-1998"].splitlines()[-1].split() == [
        *("together", "60,000", "61,706"),
    ]


def test_lenet_is_trained_both_ways_and_in_between(chapter):
    assert list(chapter.names["curves"]) == [
        "tanh, average",
        "tanh, max",
        "ReLU, average",
        "ReLU, max",
    ]
    for curves in chapter.names["curves"].values():
        assert curves.shape == (chapter.names["seeds"], chapter.names["epochs"])
        assert curves[:, -1].min() > 20, "one epoch on a few digits beats guessing"


def test_top_5_error_by_hand_is_keras_top_5_error(chapter):
    printed = chapter.printed["top5"]
    by_hand = re.findall(r"error ([\d.]+)", printed)
    by_keras = re.findall(r": ([\d.]+)", printed)
    assert by_hand == by_keras
    assert 0 < float(by_hand[1]) < float(by_hand[0]) < 1
    errors = chapter.names["errors"]
    assert errors == sorted(errors, reverse=True)


def test_the_published_errors_fall_and_each_has_a_source():
    years = [result.year for result in CHALLENGE_WINNERS]
    errors = [result.top5 for result in CHALLENGE_WINNERS]
    assert years == list(range(2010, 2018))
    assert errors == sorted(errors, reverse=True)
    assert all(
        re.search(r"arXiv:\d{4}\.\d{4,5}|image-net\.org", r.source) for r in CHALLENGE_WINNERS
    )
    assert SECOND_IN_2012.top5 > CHALLENGE_WINNERS[2].top5
    assert [r.learned for r in CHALLENGE_WINNERS] == [False, False] + 6 * [True]
    of_2011 = [result.top5 / CHALLENGE_WINNERS[1].top5 for result in CHALLENGE_WINNERS]
    assert of_2011[2] < 2 / 3, "more than a third of the error went in 2012"
    assert of_2011[3] < 1 / 2 < of_2011[2], "and the half with the next year's net"


def test_alexnet_in_both_forms(chapter):
    printed = chapter.printed["alexnet-count"]
    assert "60,965,224" in printed
    assert "62,378,344" in printed
    assert re.search(r"saved by the groups: (\S+) parameters; by hand \1", printed)
    rows = [line.split() for line in chapter.printed["alexnet-227"].splitlines()[1:]]
    assert [row[-2] for row in rows] == ["54×54", "56×56", "55×55"]
    assert [row[-1] for row in rows] == ["1", "0", "0"]  # 53 steps of 4 and a window of 11 are 223


def test_local_response_normalisation_brings_strong_and_weak_together(chapter):
    maps = chapter.names["maps"]
    ratios = []
    for values in maps.values():
        one = values[..., 4]
        middle, strong = np.percentile(one[one > 0], [50, 99])
        ratios.append(strong / middle)
    assert ratios[1] < ratios[0] / 2
    assert np.all(maps["after"] <= maps["before"])


def test_vgg_a_to_e_and_keras_applications(chapter):
    table = chapter.printed["vgg-table"]
    assert [line.split()[1] for line in table.splitlines()[1:6]] == ["11", "13", "16", "16", "19"]
    layers, parameters, work = chapter.names["grown"]
    assert 1 < parameters < 1.1 < layers < work
    assert chapter.names["share"] > 0.7
    assert "138,357,544" in table
    assert "143,667,240" in table
    assert chapter.names["factor"] > 2000, "thousands of times the parameters of LeNet-5"
    a, b = chapter.names["a"], chapter.names["b"]
    assert b.max() > 0
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6 * b.max())


def test_every_stage_of_vgg_holds_half_of_the_one_before_while_filters_double(chapter):
    held = chapter.names["held"]
    assert [before / after for before, after in pairwise(held)] == [2, 2, 2, 4]
    assert f"{held[0]:,}, {held[1]:,}" in chapter.printed["volumes-figure"]
    assert "0.5, 0.5, 0.5, 0.25" in chapter.printed["volumes-figure"]


def test_the_promised_pictures_are_drawn(chapter):
    drawn = [cell for cell, count in chapter.figures.items() if count]
    assert drawn == [
        "lenet-volumes",
        "digits",
        "training-figure",
        "top5-digits",
        "challenge-chart",
        "alexnet-shares",
        "lrn-figure",
        "volumes-figure",
    ]


@pytest.mark.slow
def test_in_its_default_size_every_lenet_reads_nine_digits_in_ten():
    for curves in run_chapter("03_classic", "default").names["curves"].values():
        assert curves[:, -1].mean() > 90
