"""Chapter 1 shows the numbers that it owes its reader."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

from chapter_run import run_chapter

pytestmark = pytest.mark.notebook


@pytest.fixture(scope="module")
def chapter():
    return run_chapter("01_convolution")


def test_one_filter_by_hand_makes_one_map_equal_to_keras(chapter):
    assert chapter.names["one_map"].shape == (28, 28)
    assert chapter.names["keras_difference"] < 1e-5
    assert chapter.names["flipped_difference"] > 1


def test_five_filters_make_a_volume_with_380_parameters(chapter):
    assert chapter.names["five_maps"].shape == (28, 28, 5)
    assert "output (28, 28, 5), parameters 380" in chapter.printed["five-count"]
    assert chapter.names["bank"].count_params() == 5 * (5 * 5 * 3 + 1)


def test_a_dense_layer_for_the_same_numbers_costs_twelve_million(chapter):
    dense = 32 * 32 * 3 * 28 * 28 * 5 + 28 * 28 * 5
    assert chapter.names["flat"].count_params() == dense
    assert f"{dense:,}" in chapter.printed["cost"]
    assert " 380 " in chapter.printed["cost"]


def test_every_size_of_the_table_is_what_keras_gives(chapter):
    table = chapter.names["table"]
    assert len(chapter.printed["size-table"].splitlines()) == len(table) + 1
    for size, kernel, stride, dilation, before, after, counted, built in table:
        assert counted == built
        # And by the rule of Dumoulin and Visin (2016).
        reach = dilation * (kernel - 1)
        assert counted == (size + before + after - reach - 1) // stride + 1
    for column in range(6):
        assert len({row[column] for row in table}) > 1, "a knob that the table never turns"


def test_same_padding_of_the_first_resnet_layer_is_asymmetric(chapter):
    assert (chapter.names["before"], chapter.names["after"]) == (2, 3)
    assert chapter.names["own_padding"] < 1e-4
    assert chapter.names["symmetric_share"] > 0.1


def test_the_classic_filters_do_what_the_text_says(chapter):
    blurred, sharpened = chapter.names["blurred"], chapter.names["sharpened"]
    part = chapter.names["photo_grey"][chapter.names["roof"]]

    def detail(picture):
        return np.abs(np.diff(picture, axis=1)).mean()

    assert detail(blurred) < detail(part) < detail(sharpened)
    sums = chapter.printed["classic-filters"].splitlines()
    assert [line.split()[-1] for line in sums] == ["1", "1", "0", "0"]


def test_whole_steps_are_equivariant_and_others_are_not(chapter):
    for name, jump in [("stride 1", 1), ("stride 2", 2), ("stride 1, two poolings", 4)]:
        for shift, error in enumerate(chapter.names["shift_errors"][name]):
            if shift % jump == 0:
                assert error < 1e-5
            else:
                assert error > 0.1


def test_the_prototype_learns_even_in_one_epoch_and_is_lost_when_digits_move(chapter):
    accuracy = chapter.names["accuracy"]
    assert accuracy > 0.5
    assert f"{accuracy:.1%}" in chapter.printed["accuracy"]
    assert chapter.names["shift_accuracy"][6] < accuracy - 0.2
    assert chapter.names["margin"] >= max(chapter.names["shift_accuracy"]), "no ink is lost"


def test_most_parameters_of_the_prototype_sit_in_its_dense_layer(chapter):
    convolutions, dense = chapter.names["in_convolutions"], chapter.names["in_dense"]
    assert convolutions + dense == chapter.names["model"].count_params()
    assert dense > 2 * convolutions


def test_the_promised_pictures_are_drawn(chapter):
    drawn = [cell for cell, count in chapter.figures.items() if count]
    assert drawn == [
        "sliding-still",
        "five-maps",
        "responses",
        "settings-still",
        "asymmetric",
        "learned-filters",
        "shift-plot",
    ]


@pytest.mark.slow
def test_in_its_default_size_the_filters_become_smooth_and_the_net_good():
    names = run_chapter("01_convolution", "default").names
    assert names["accuracy"] > 0.9
    assert names["rough_after"] < 0.6 < 0.85 < names["rough_before"]
