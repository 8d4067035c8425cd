"""What failing calls have in common is said exactly, or not at all."""

import numpy as np
import pytest

from autograder.data.arguments import Input
from autograder.judging.patterns import common_ground, right_ground


def said(calls, wrong):
    return common_ground(calls, wrong) or ""


def calls(*pairs):
    return [{"stride": stride, "padding": padding} for stride, padding in pairs]


FOUR = calls((1, "valid"), (2, "valid"), (1, "same"), (2, "same"))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({2, 3}, "Of the 4 cases tried 2 go wrong, exactly those where `padding` is 'same'"),
        ({1, 3}, "exactly those where `stride` is not 1"),
        ({0, 2}, "exactly those where `stride` is 1"),
    ],
)
def test_one_property_that_fits_is_named(wrong, words):
    assert words in said(FOUR, wrong)


def test_two_properties_together_are_named_where_one_is_not_enough():
    twice = FOUR + calls((3, "same"), (3, "valid"))
    sentence = said(twice, {3, 4})
    assert "`stride` is not 1 and `padding` is 'same'" in sentence
    assert "the other 4 are right" in sentence


def test_the_channels_of_an_input_are_compared_with_numbers():
    blocks = [{"x": Input((6, 7, c)), "filters": f} for c, f in [(4, 4), (3, 5), (2, 2), (5, 3)]]
    assert "`filters` is the number of channels" in said(blocks, {0, 2})


@pytest.mark.parametrize("wrong", [set(), {0, 1, 2, 3}])
def test_nothing_is_said_where_all_or_none_are_wrong(wrong):
    assert common_ground(FOUR, wrong) is None


def test_nothing_is_said_where_nothing_fits():
    assert common_ground(FOUR, {0, 3}) is None


def test_one_wrong_call_that_stands_out_in_two_ways_has_no_reason():
    blocks = [
        {"x": Input((6, 7, c)), "filters": f, "stride": s}
        for c, f, s in [(4, 4, 3), (3, 5, 1), (2, 6, 2), (5, 7, 2)]
    ]
    assert common_ground(blocks, {0}) is None
    blocks[3]["stride"] = 3
    assert "`filters` is the number of channels" in said(blocks, {0})


def test_chance_is_not_taken_for_a_rule():
    """One odd size among a few calls, one call alone that is right among many: no reason."""
    few = [{"index": number} for number in (2, 5, 6, 4)]
    assert common_ground(few, {1}) is None
    many = [{"filters": number} for number in (1, 2, 3, 4, 5)]
    assert common_ground(many, {1, 2, 3, 4}) is None


def test_what_the_cases_have_in_common_is_said_of_those_that_were_tried():
    """Another call may be right: a stride of 2 is not tried here."""
    strides = calls((1, "valid"), (3, "valid"), (1, "same"), (3, "same"))
    assert said(strides, {1, 3}) == (
        "Of the 4 cases tried 2 go wrong, exactly those where `stride` is not 1; the other 2 are "
        "right."
    )
    assert said(strides[:3], {1}).startswith("Of the 3 cases tried 1 goes wrong, exactly those")


def test_two_sizes_together_are_no_rule():
    shapes = [(5, 8), (9, 4), (6, 7), (8, 8), (9, 9), (4, 6), (7, 5), (8, 3), (6, 9)]
    ks = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    images = [{"image": np.zeros(s), "k": k} for s, k in zip(shapes, ks, strict=True)]
    assert common_ground(images, {0, 2, 8}) is None, "not square, and k odd"


def test_sizes_count_where_there_are_many_calls():
    shapes = [(5, 8), (9, 4), (6, 7), (8, 8), (9, 9), (4, 6), (7, 5), (8, 3), (6, 9)]
    images = [{"image": np.zeros(shape)} for shape in shapes]
    assert "`image` is wider than high" in said(images, {0, 2, 5, 8})


def test_a_bound_is_named_where_many_values_are_tried():
    targets = [{"target": target} for target in (3, 63, 9, 19, 31, 5, 7, 11, 13)]
    assert "4 go wrong, exactly those where `target` is 13 or more" in said(targets, {1, 3, 4, 8})
    assert "3 go wrong, exactly those where `target` is 7 or less" in said(targets, {0, 5, 6})
    assert common_ground(targets, {1, 3, 8}) is None, "31 lies between"
    assert common_ground(targets[:7], {1, 3, 4}) is None, "few values"


def test_of_an_answer_that_was_begun_it_is_said_what_is_right_and_what_is_next():
    tried = [
        {"bias": bias, "stride": stride, "padding": padding}
        for bias in (None, np.ones(2))
        for stride in (1, 2, 3)
        for padding in ("valid", "same")
    ]
    right, following, cases = right_ground(tried, set(range(1, 12)))
    assert right == "`bias` is None, `stride` is 1 and `padding` is 'valid'"
    assert following == "a `bias` that is not None"
    assert cases == {6}
    with_bias = {0, 6}
    right, following, cases = right_ground(tried, set(range(12)) - with_bias)
    assert right == "`stride` is 1 and `padding` is 'valid'"
    assert following == "`stride` 2 or 3"
    assert cases == {2, 4, 8, 10}


@pytest.mark.parametrize("wrong", [{1, 3}, {0, 3}, {0, 1, 2, 3}])
def test_what_one_property_says_or_none_is_not_said_by_several(wrong):
    assert right_ground(FOUR, wrong) == ("", "", set())
