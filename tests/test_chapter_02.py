"""Chapter 2 shows the numbers that it owes its reader."""

import keras
import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

from chapter_run import run_chapter

from convbook.architectures.probes import dilated_net
from convbook.counting import blueprint, count_multiplications, count_parameters
from convbook.data import structure
from convbook.receptive_field import receptive_fields

pytestmark = pytest.mark.notebook

SPAN = 11


@pytest.fixture(scope="module")
def chapter():
    return run_chapter("02_receptive_field")


def test_three_layers_by_hand_by_recurrence_and_by_gradient(chapter):
    *_, third, fourth = chapter.printed["recurrence-by-hand"].splitlines()
    assert third == "after layer 3: (9, 2)"
    assert fourth == "with one more: (13, 2)"
    assert np.count_nonzero(chapter.names["gradient"]) == 9 * 9


def test_recurrence_and_gradient_agree_in_every_layer_of_vgg16(chapter):
    table = chapter.printed["vgg-table"].splitlines()
    assert table[-1] == "equal in 18 of 18 layers"
    name, size, jump, start, *_ = table[-2].split()
    assert (name, size, jump, start) == ("block5_pool", "212", "32", "-90")


def test_dilations_with_a_common_rhythm_leave_holes(chapter):
    assert chapter.names["share"] < 0.8  # of the last of the three, (2, 2, 3)


def test_the_effective_field_is_narrower_than_the_receptive_field(chapter):
    for depth, width in zip(chapter.names["depths"], chapter.names["widths"], strict=True):
        assert width < (2 * depth + 1) / 4
    assert 0.3 < chapter.names["growth"] < 0.9


def test_the_five_nets_differ_in_sight_alone(chapter):
    assert list(chapter.names["sees"].values()) == [7, 9, 11, 13, 19]
    nets = [blueprint(dilated_net, plan, (48, 48, 1)) for plan in chapter.names["sees"]]
    assert len({count_parameters(net) for net in nets}) == 1
    assert len({count_multiplications(net) for net in nets}) == 1


def test_every_way_of_seeing_31_pixels_does(chapter):
    rows = chapter.printed["design-table"].splitlines()[1:]
    ways = chapter.names["ways"]
    assert len(rows) == len(ways) == 4
    for settings in ways.values():
        field = list(receptive_fields(chapter.names["chain"](settings)).values())[-1]
        assert field.size >= 31


def test_the_promised_pictures_are_drawn(chapter):
    drawn = [cell for cell, count in chapter.figures.items() if count]
    assert drawn == [
        "cone",
        "gradient-small-figure",
        "jump-figure",
        "boxes-figure",
        "dilation-figure",
        "effective-figure",
        "effective-profile",
        "experiment-data",
        "experiment-figure",
    ]


def test_a_net_that_sees_too_little_is_blind_and_one_that_sees_enough_is_not():
    (x_train, y_train), (x_test, y_test) = structure(SPAN, train=400, test=200, seed=0)
    accuracy = {}
    for plan in [(1, 1, 2), (1, 2, 3)]:
        keras.utils.set_random_seed(0)
        net = dilated_net(plan, x_train.shape[1:])
        net.compile(keras.optimizers.Adam(4e-3), "binary_crossentropy", metrics=["accuracy"])
        net.fit(2.5 * (x_train - 0.5), y_train, epochs=5, verbose=0)
        accuracy[plan] = net.evaluate(2.5 * (x_test - 0.5), y_test, verbose=0)[1]
    assert 0.4 < accuracy[1, 1, 2] < 0.6
    assert accuracy[1, 2, 3] > accuracy[1, 1, 2] + 0.2


@pytest.mark.slow
def test_in_its_default_size_three_seeds_show_the_step():
    names = run_chapter("02_receptive_field", "default").names
    assert names["seeds"] == 3
    for plan, field in names["sees"].items():
        for accuracy in names["results"][plan][:, 1]:
            if field < SPAN:
                assert 42 < accuracy < 58
    assert names["sighted"][:, 1].mean() > names["blind"][:, 1].mean() + 20
    assert (names["below"], names["from_on"]) == (9, 11)
    assert names["blind"][:, 0].mean() > 55, "what they see too little of they learn by heart"
    for plan, field in names["sees"].items():
        if field >= SPAN:
            assert names["results"][plan][:, 1].mean() > 70
