"""The first wrong step of a network is told plainly where it does another thing than asked for."""

import pytest

from autograder.data.observation import FAILS, Tensor
from autograder.judging.contrasts import contrast, contrast_of_failing
from autograder.judging.parting import map_of, way_of


def net(*operations, wrong_from=None):
    """Steps one behind the other; from the one `wrong_from` on they give other numbers."""
    steps = [Tensor(operation="Input", shape=(1, 4, 4, 2), inputs=(), fingerprint=(0.5, 0.25, 1))]
    for number, operation in enumerate(operations):
        value = number + 1.0 + (100 if wrong_from is not None and number >= wrong_from else 0)
        steps.append(
            Tensor(
                operation=operation,
                shape=(1, 4, 4, 2),
                inputs=(number,),
                fingerprint=(value, value**2, 3 * value),
                output=number == len(operations) - 1,
            )
        )
    return tuple(steps)


def told(asked, given, wrong_from):
    return contrast(way_of(map_of([net(*asked)]), net(*given, wrong_from=wrong_from)))


DEPTHWISE = ("DepthwiseConv2D 3x3, same, no bias", "Conv2D 1x1, 2 filters")


def test_a_full_convolution_for_a_depthwise_one_is_called_that():
    sentence = told(DEPTHWISE, ("Conv2D 3x3, 2 filters, same, no bias", DEPTHWISE[1]), 0)
    assert sentence.startswith("A full convolution")
    assert "a window of its own" in sentence


def test_a_depthwise_convolution_for_a_full_one_is_called_that():
    full = ("Conv2D 3x3, 2 filters", "ReLU")
    assert told(full, ("DepthwiseConv2D 3x3", "ReLU"), 0).startswith("A depthwise convolution")


def test_groups_and_steps_in_another_order_are_not_called_full_convolutions():
    grouped = "Conv2D 3x3, 2 filters, same, groups 2, no bias"
    assert told(DEPTHWISE, (grouped, DEPTHWISE[1]), 0) == ""
    assert told(DEPTHWISE, DEPTHWISE[::-1], 0).startswith("The order asked for is another")


def test_another_window_is_told_with_both_sizes():
    sentence = told(DEPTHWISE, ("DepthwiseConv2D 5x5, same, no bias", DEPTHWISE[1]), 0)
    assert sentence == ("`DepthwiseConv2D 5x5` has a window of 5x5 instead of 3x3.")


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("BatchNormalization", "No normalisation belongs"),
        ("ReLU", "No activation belongs"),
        ("MaxPooling2D 2x2", "Nothing pools"),
    ],
)
def test_a_kind_of_step_that_is_nowhere_asked_for_is_said_to_be_needless(step, words):
    assert told(DEPTHWISE, (DEPTHWISE[0], step, DEPTHWISE[1]), 1).startswith(words)


def test_a_step_of_a_kind_that_is_asked_for_elsewhere_is_not_called_needless():
    asked = ("Conv2D 3x3, 2 filters", "ReLU")
    sentence = told(asked, ("ReLU", "Conv2D 3x3, 2 filters"), 0)
    assert sentence == "The order asked for is another: `Conv2D 3x3` comes before `relu`."


def test_parts_that_are_added_and_not_concatenated_are_told():
    assert told(("Concatenate",), ("Add",), 0) == (
        "Parts are added where they are to be concatenated."
    )


def test_ways_to_enlarge_a_map_are_told_apart():
    asked = ("Conv2DTranspose 2x2, 2 filters, stride 2", "ReLU")
    assert "without weights" in told(asked, ("UpSampling2D", "ReLU"), 0)
    assert told(("UpSampling2D",), (asked[0],), 0).startswith("A transposed convolution")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("Conv2D 3x3, 1 filters, same", "`Conv2D 3x3` has one filter instead of 4 filters."),
        ("Conv2D 1x1, 4 filters", "`Conv2D 1x1` has a window of 1x1 instead of 3x3."),
        (
            "Conv2D 3x3, 4 filters, stride 2, valid",
            "`Conv2D 3x3` has stride 2 instead of no stride and `valid` padding instead of `same`.",
        ),
        (
            "Conv2D 3x3, 4 filters, same, dilation 2",
            "`Conv2D 3x3` has dilation 2 instead of no dilation.",
        ),
        ("Conv2D 5x5, 8 filters, stride 2, same", ""),
        ("Conv2D 1x1, 8 filters", ""),
    ],
)
def test_options_that_differ_are_named_and_too_many_are_another_step(given, sentence):
    assert told(("Conv2D 3x3, 4 filters, same", "ReLU"), (given, "ReLU"), 0) == sentence


def test_another_activation_is_told_by_both_names():
    asked = ("Conv2D 1x1, 2 filters", "ReLU, max_value 6")
    sentence = told(asked, (asked[0], "Activation, relu"), 1)
    assert sentence == "The activation is relu instead of relu, max_value 6."


def joined(axis, *sides, fails=False):
    """A net that joins parts of these many channels along an axis."""
    shapes = [(3, 4, 5, side) for side in sides]
    inputs = [
        Tensor(operation="Input", shape=shape, inputs=(), fingerprint=(n + 1.0, 9.0, 1.0))
        for n, shape in enumerate(shapes)
    ]
    whole = [sum(shape[a] for shape in shapes) if a == axis else shapes[0][a] for a in range(4)]
    step = Tensor(
        operation=f"Concatenate, {FAILS}" if fails else "Concatenate",
        shape=() if fails else tuple(whole),
        inputs=tuple(range(len(sides))),
        fingerprint=(50.0 + axis, 60.0, 70.0),
        output=True,
    )
    return (*inputs, step)


def test_parts_that_are_joined_along_another_axis_are_told_which():
    right = map_of([joined(3, 2, 2)])
    assert "axis 0, the batch," in contrast(way_of(right, joined(0, 2, 2)))
    assert "axis 1, rows," in contrast(way_of(right, joined(1, 2, 2)))
    assert contrast(way_of(right, joined(3, 2, 2))) == ""


def test_parts_that_cannot_be_joined_along_another_axis_are_told_the_last():
    right = map_of([joined(3, 2, 7)])
    assert "the last axis" in contrast_of_failing(right, joined(0, 2, 7, fails=True))
    assert contrast_of_failing((), joined(0, 2, 7, fails=True)) == ""


def test_a_right_network_has_no_contrast():
    assert told(DEPTHWISE, DEPTHWISE, None) == ""


def test_a_step_too_many_one_missing_and_another_order_are_told_apart():
    asked = ("Conv2D 3x3, 2 filters", "BatchNormalization", "ReLU")
    more = (asked[0], "Conv2D 1x1, 2 filters", *asked[1:])
    assert told(asked, more, 1) == (
        "`Conv2D 1x1` is one too many there: next comes `BatchNormalization`."
    )
    assert told(asked, (asked[0], asked[2]), 1) == "`BatchNormalization` is missing before `relu`."
    assert told(asked, (asked[0], asked[2], asked[1]), 1) == (
        "The order asked for is another: `BatchNormalization` comes before `relu`."
    )


def test_nothing_is_said_of_steps_too_many_where_others_are_missing():
    asked = ("Conv2D 3x3, 2 filters", "BatchNormalization", "ReLU")
    assert told(asked, ("Conv2D 5x5, 2 filters, stride 2, same", "ReLU", "ReLU"), 0) == ""
    assert told(asked, (asked[0], "Dense", "Dense"), 1) == ""


def test_where_one_branch_shows_nothing_plain_the_other_is_told():
    def branches(second, away):
        steps = [("Input", ()), ("GetItem", (0,)), (second, (0,)), ("Concatenate", (1, 2))]
        return tuple(
            Tensor(
                operation=operation,
                shape=(1, 4, 4, 4 if inputs == (1, 2) else 2),
                inputs=inputs,
                fingerprint=(n + 1.0 + away * (n > 0), (n + 1.0 + away * (n > 0)) ** 2, 1.0),
                output=operation == "Concatenate",
            )
            for n, (operation, inputs) in enumerate(steps)
        )

    right = map_of([branches("Conv2DTranspose 2x2, 2 filters, stride 2", 0)])
    assert contrast(way_of(right, branches("UpSampling2D", 50))) == (
        "The map is enlarged without weights where a transposed convolution belongs."
    )
