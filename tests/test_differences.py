"""The sentence on where two arrays part names the mistake."""

import numpy as np
import pytest

from autograder.judging.differences import close, describe, describe_shape

RNG = np.random.default_rng(5)
MAPS = RNG.normal(size=(5, 7, 3))
SQUARE = RNG.normal(size=(6, 6))


def said(expected, found):
    return describe(np.asarray(expected, float), np.asarray(found, float), 1e-4)


def border_changed(array):
    changed = array.copy()
    changed[0] += 1
    return changed


def channel_changed(array):
    changed = array.copy()
    changed[..., 1] += np.arange(7)
    return changed


def row_empty(array):
    changed = array.copy()
    changed[-1] = 0
    return changed


ZEROS_LAST = np.concatenate([MAPS[..., :2], np.zeros_like(MAPS[..., :2])], axis=-1)
MASK = np.zeros((6, 7))  # in its place it is the mirror image of itself one row lower
MASK[1:4, 2:5] = 1
HARDLY = np.zeros((4, 5))
HARDLY[3, 0] = 0.4


@pytest.mark.parametrize(
    ("expected", "found", "words"),
    [
        (MAPS, 2 * MAPS, "2 times"),
        (MAPS, -MAPS, "wrong sign"),
        (MAPS, MAPS + 3, "off by the same 3"),
        (MAPS**2, np.abs(MAPS), "square root"),
        (np.abs(MAPS), MAPS**2, "is the square"),
        (MAPS, np.zeros_like(MAPS), "are 0"),
        (MAPS, np.full_like(MAPS, 4), "the same, 4"),
        (SQUARE, SQUARE.T, "transposed"),
        (MAPS, MAPS[::-1], "mirrored along axis 0"),
        (MAPS, np.roll(MAPS, 1, 1), "shifted by +1 along axis 1"),
        (MASK, np.roll(MASK, 1, 0), "shifted by +1 along axis 0"),
        (MAPS, MAPS[..., [2, 0, 1]], "in another order: yours are the expected [2, 0, 1]"),
        (MAPS, MAPS[..., [0, 1, 0]], "some channels stand there again: yours are the expected [0,"),
        (
            ZEROS_LAST,
            ZEROS_LAST[..., [2, 3, 0, 1]],
            "in another order: yours are the expected [2, 3, 0, 1]",
        ),
        (MAPS, border_changed(MAPS), "only the border"),
        (MAPS, channel_changed(MAPS), "only channel 1 differs"),
        (MAPS, np.where(MAPS > 1, np.nan, MAPS), "not finite"),
        ([3.0, 1.0, 2.0, 5.0], [1.0, 5.0, 3.0, 2.0], "another order"),
        (MAPS, MAPS * (1 + 0.002 * np.sign(MAPS[::-1])), "less than 1 % off"),
        (MAPS, row_empty(MAPS), "the last row): it is 0"),
        (MAPS, np.where(np.abs(MAPS) < 0.5, 0, MAPS), "small values, up to 0.4"),
        (np.full((3, 4), 2.5), np.zeros((3, 4)), "12 of 12 values differ"),
        (MAPS, np.where(RNG.random(MAPS.shape) < 0.2, 0, MAPS), "differ"),
        (28, 56, "expected 28, found 56 (2 times as much)"),
        (319381, -8299, "found -8299, 5 times 2**16 away from it: an integer of 16 bits overflows"),
        (5000000000, 705032704, "found 7.05033e+08, 2**32 away from it: an integer of 32 bits"),
        (66, 78, "expected 66, found 78"),
        (66, 22, "expected 66, found 22 (1/3 of it)"),
        (4 * 65536, 65536, "expected 262144, found 65536 (0.25 times as much)"),
        ([1.0, 2.0, 3.0], [1.0, 2.5, 3.0], "expected 2, found 2.5"),
    ],
)
def test_the_sentence_names_how_arrays_differ(expected, found, words):
    assert words in said(expected, found)


@pytest.mark.parametrize(
    ("expected", "found", "words"),
    [
        (HARDLY, np.where(HARDLY, HARDLY, [[1, 1, 0, 0, 0]]), "shifted"),  # zeros fit any shift
        (np.diag([1, 0.3, 0.3]), np.diag([0.3, 1, 0.3]), "shifted"),  # by 4 of 9 values only
        (SQUARE, border_changed(SQUARE), "padding"),  # a table has rows too
        (MASK, np.roll(MASK[:, ::-1], 3, 0).T.reshape(6, 7), "another order"),  # as many of 1 and 0
    ],
)
def test_no_sentence_rests_on_values_that_agree_by_chance(expected, found, words):
    assert words not in said(expected, found)


def test_not_a_number_agrees_with_nothing_but_itself():
    assert not close(np.array([1.0, 2.0]), np.array([1.0, np.nan]), 1e-3).all()
    assert close(np.array([1.0, np.nan]), np.array([1.0, np.nan]), 1e-3).all()


def test_integers_must_be_equal():
    assert not close(np.array([10_000]), np.array([10_001]), 1e-3).all()


def test_whole_numbers_are_compared_as_such():
    assert "expected 1304, found 1305" in describe(np.array(1304), np.array(1305), 1e-3)


@pytest.mark.parametrize(
    ("expected", "found", "words"),
    [
        (MAPS, MAPS[None], "axis of length 1 too many"),
        (MAPS[:1], MAPS[None, :1], "axis of length 1 too many"),
        (MAPS, np.stack([MAPS, MAPS + 1]), "number 0 of your 2 is right"),
        (MAPS, np.stack([-MAPS, MAPS], axis=-1), "number 1 of your 2 is right"),
        (MAPS, np.stack([-MAPS, -MAPS]), "4 axes instead of 3"),
    ],
)
def test_an_axis_too_many_is_looked_into(expected, found, words):
    assert words in describe_shape(expected, found, 1e-4)


@pytest.mark.parametrize(
    ("expected", "found", "sentence"),
    [
        (MAPS[None], 2 * MAPS, ": axis 0 is missing, of length 1"),
        (MAPS[:, None, None], MAPS, ": axes 1, 2 are missing, of length 1"),
        (MAPS, MAPS.sum(axis=1), ": it is the sum of the expected values over axis 1"),
        (MAPS[None], MAPS.sum(axis=0)[None], ": it is the sum of the expected values over axis 1"),
    ],
)
def test_an_axis_of_length_1_that_is_missing_is_not_called_a_sum(expected, found, sentence):
    assert describe_shape(expected, found, 1e-4) == sentence


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            [[3, 1], [5, 2], [9, 8]],
            "only the second number of a row is wrong, the first 2 rows are",
        ),
        ([[3, 2], [5, 4], [9, 8]], "only the second number of a row is wrong"),
        ([[3, 1], [6, 3], [9, 4]], "the first row is right"),
    ],
)
def test_of_a_few_numbers_it_is_said_which_are_right(found, words):
    expected = np.array([[3, 1], [5, 2], [9, 4]])
    assert words in describe(expected, np.array(found), 1e-3)


def test_of_two_numbers_the_wrong_one_is_named():
    assert "the second of the two is wrong" in describe(np.array([7, 14]), np.array([7, 15]), 1e-3)


def test_an_empty_result_with_an_axis_missing_is_told_so_and_is_no_sum():
    assert describe_shape(np.zeros((0, 4)), np.zeros(0), 1e-4) == ": 1 axes too few"


def test_numbers_that_say_nothing_are_left_out():
    assert "times" not in describe(np.array(66), np.array(78), 1e-3)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ([2], "only row 2 differs"),
        ([2, 3, 4], "only rows 2 to 4 differ"),
        ([1, 2, 3, 4, 6, 7, 8], "only rows 0, 5, 9 of 10 agree"),
        (list(range(1, 10)), "only row 0 of 10 agrees"),
    ],
)
def test_lines_that_differ_are_told_in_runs(wrong, words):
    expected = np.random.default_rng(1).normal(size=(10, 3))
    found = expected.copy()
    found[wrong] += np.random.default_rng(2).normal(size=(len(wrong), 3))
    assert words in describe(expected, found, 1e-3)


def test_labels_of_which_one_is_taken_for_another_are_told_by_both_and_not_by_signs():
    wanted = np.array([1, 0, -1, 1, 0, 0, -1, 1, 0, -1, 1, 0, 0])
    given = wanted.copy()
    given[[3, 7]] = -1
    assert describe(wanted, given, 1e-3) == (
        "2 of the 4 values that are to be 1 are -1; no other is wrong"
    )
    given[wanted == 1] = 0
    assert describe(wanted, given, 1e-3).startswith("all of the 4 values that are to be 1 are 0")
    given[1] = 1
    assert "no other is wrong" not in describe(wanted, given, 1e-3)
