"""Mistakes made by machine: one layer, argument or operation of the model answer gone wrong."""

import re

import keras
import numpy as np
import pytest
from keras import layers

from autograder.data.arguments import Input
from autograder.judging.judge import judge
from autograder.probing.probe import probe
from autograder.setting.edits import edited, edits_of
from autograder.setting.keymaking import _is_a_mistake, make_task_key, trials_of
from autograder.setting.places import rehearse
from autograder.setting.slips import MOST_SLIPS, answer_with, slips_of
from autograder.setting.task import Task, trial

SEED = 5


def shortcut(x, filters):
    return layers.Conv2D(filters, 1, use_bias=False)(x)


def unit(x, filters, stride=1):
    """Two convolutions and a shortcut, with a pool behind."""
    y = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(y)
    y = layers.Add()([y, shortcut(x[:, ::stride, ::stride], filters)])
    return layers.MaxPooling2D(3, strides=1)(y)


def unit_trials(rng):
    return [
        trial(x=Input((9, 8, 3)), filters=5),
        trial(x=Input((11, 14, 4)), filters=6, stride=2),
    ]


@pytest.fixture(scope="module")
def task():
    return Task("unit", "block", 2, unit_trials, unit, places={"shortcut": "of the shortcut"})


@pytest.fixture(scope="module")
def slips(task):
    return slips_of(task, trials_of(task, SEED))


@pytest.fixture(scope="module")
def key(task):
    return make_task_key(task, SEED)


@pytest.fixture(scope="module")
def seen(task, slips, key):
    """What is seen of each slip."""
    return [probe(answer_with(task, slip), key.question) for slip in slips]


def hints(slips, kind):
    return [slip.hint for slip in slips if slip.kind == kind]


def test_places_are_named_by_number_and_by_the_author_s_words(task):
    names = [place.name for place in rehearse(task, trials_of(task, SEED))]
    assert names == [
        "first 3x3 convolution",
        "batch normalisation behind the first 3x3 convolution",
        "ReLU behind the first 3x3 convolution",
        "second 3x3 convolution",
        "1x1 convolution of the shortcut",
        "addition",
        "max pool",
    ]


def test_a_block_of_seven_layers_begins_with_some_forty_mistakes(slips):
    assert 30 <= len(slips) <= MOST_SLIPS["block"]
    assert len({slip.kind for slip in slips}) > 20


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ("bias", "The 1x1 convolution of the shortcut has a bias; none is asked for."),
        ("stride moved", "The stride belongs to the first 3x3 convolution; here the second 3x3 "
                         "convolution has it."),
        ("padding", "The first 3x3 convolution has `valid` padding; `same` is asked for."),
        ("other pool", "The max pool takes the maximum; here the mean is taken."),
        ("argument unused", "Use the argument `stride`: here it is as if it were always 1."),
        ("shared", "The first 3x3 convolution and the second 3x3 convolution are one layer with "
                   "the same weights: each needs its own."),
    ],
)  # fmt: skip
def test_a_slip_says_which_layer_is_wrong_and_how(slips, kind, hint):
    assert hint in hints(slips, kind)


def test_every_slip_is_refused_and_told_what_it_is(slips, seen, key):
    """But for those that are one net with another slip, or that Keras itself refuses."""
    hints = {mistake.hint for mistake in key.mistakes}
    named = 0
    for slip, observation in zip(slips, seen, strict=True):
        verdict = judge(key, observation)
        assert verdict.verdict != "correct", slip.hint
        named += verdict.hint in hints
    assert named > 0.8 * len(slips)


def test_a_bias_that_a_normalisation_hides_is_told_by_its_sentence(task, slips, key):
    bias = next(slip for slip in slips if slip.hint.startswith("The first 3x3 convolution has a"))
    assert judge(key, probe(answer_with(task, bias), key.question)).hint == bias.hint


def test_two_slips_can_be_made_at_once(task, slips):
    by_kind = {slip.kind: slip for slip in slips}
    both = answer_with(task, by_kind["without ReLU"], by_kind["other pool"])
    net = keras.Model(x := keras.Input((9, 8, 3)), both(x, 5))
    classes = [type(layer).__name__ for layer in net.layers]
    assert "ReLU" not in classes
    assert "AveragePooling2D" in classes
    assert "MaxPooling2D" not in classes


def test_no_slip_fails_in_a_way_that_no_student_s_answer_would(slips, seen):
    """A layer made instead of another is Keras's own, not the one that stands in its place."""
    for slip, observation in zip(slips, seen, strict=True):
        for case in observation.cases:
            assert "RecursionError" not in (case.problem or ""), slip.hint
            assert "NameError" not in (case.problem or ""), slip.hint


def test_keras_is_as_before_afterwards(task, slips):
    answer_with(task, slips[0])(keras.Input((9, 8, 3)), 5)
    assert isinstance(layers.Conv2D, type)
    assert isinstance(keras.layers.MaxPooling2D, type)


def spread(values, low=0):
    """The largest less the smallest, rounded down, of those from `low` on."""
    kept = [value for value in values if value >= low]
    return int(np.floor(max(kept) - min(kept))) // 2


def test_the_source_of_a_function_is_edited_and_the_edit_said():
    said = {edit.hint for edit in edits_of(spread)}
    assert "This is what comes out if the smallest is taken where the largest is meant." in said
    assert "This is what comes out if a quotient is rounded up, not down." in said
    assert all(re.fullmatch(r"This is what comes out if .*\.", hint) for hint in said)


def test_an_edited_function_computes_what_its_sentence_says():
    assert spread([1, 8.5]) == 3
    by_kind = {edit.kind: edit for edit in edits_of(spread)}
    assert edited(spread, [by_kind["quotient"]])([1, 8.5]) == 4
    assert edited(spread, [by_kind["max"]])([1, 8.5]) == 0
    assert edited(spread, [by_kind["ceil" if "ceil" in by_kind else "floor"]])([1, 8.5]) == 4
    assert spread([1, 8.5]) == 3


def share(whole, parts, each):
    """A part of a part."""
    return whole / (parts * each) + whole * (parts / each)


def test_a_product_that_divides_is_told_the_other_way_round():
    """Who divides within a denominator multiplies the whole by it."""
    divided, multiplied = "divided where it should be multiplied", "multiplied where it should be"
    hints = [edit.hint for edit in edits_of(share)]
    below = next(edit for edit in edits_of(share) if edited(share, [edit])(12, 3, 2) == 26)
    assert 12 / (3 / 2) + 12 * (3 / 2) == 26
    assert multiplied in below.hint
    assert sum(divided in hint for hint in hints) == 1  # of the product that stands above
    assert sum(multiplied in hint for hint in hints) == 3


def countdown(number):
    """Ends only because of its step."""
    while number > 0:
        number = number - 1
    return number + 1


def test_what_is_within_a_while_is_left_alone():
    """An edit there might never end."""
    assert [edit.kind for edit in edits_of(countdown)] == [
        "a difference stands where a sum is meant"
    ]


def grouped(x, groups):
    """Group normalisation, then ReLU."""
    return layers.ReLU()(layers.GroupNormalization(groups=groups)(x))


def test_a_normalisation_exchanged_with_its_activation_keeps_each_calls_own_options():
    trials = [trial(x=Input((4, 5, 6)), groups=groups) for groups in (2, 3)]
    task = Task("grouped", "block", 1, lambda rng: trials, grouped)
    [slip] = [s for s in slips_of(task, trials) if s.kind == "norm and activation exchanged"]
    inputs = keras.Input((4, 5, 6))
    made = keras.Model(inputs, answer_with(task, slip)(inputs, 3)).layers[1:]
    assert [type(layer).__name__ for layer in made] == ["ReLU", "GroupNormalization"]
    assert made[1].groups == 3


def deviation(values, mean):
    """The root of the mean squared distance; two variables are called as functions are."""
    sum = np.square(values - mean)
    return np.sqrt(np.mean(sum))


def test_a_variable_with_a_function_s_name_is_left_alone():
    kinds = [edit.kind for edit in edits_of(deviation)]
    assert kinds.count("mean") == 1
    assert "sum" not in kinds


def scaled(values, by=3.0, first=0):
    """Multiplied, all or but the first ones."""
    return by * (values[first:] if first else values)


def test_a_slip_that_only_raises_errors_in_one_branch_explains_no_other_error_there():
    """The other is told in its own words."""

    def trials(rng):
        return [trial(values=rng.normal(size=9), by=2.0 + n, first=n) for n in (0, 2)]

    def raising(values, by=3.0, first=0):
        return by * (values[first:"end"] if first else values)

    def of_a_number(values, by=3.0, first=0):
        return by * (values[len(first) :] if first else values)

    task = Task("scaled", "function", 2, trials, scaled)
    key = make_task_key(task, SEED)
    assert not _is_a_mistake(key, probe(raising, key.question))
    assert "object of type 'int' has no len()" in judge(key, probe(of_a_number, key.question)).hint


def padded(x, filters, padding):
    """Two convolutions, of which the second never has any padding."""
    x = layers.Conv2D(filters, 3, padding=padding)(x)
    return layers.Conv2D(filters, 3)(x)


def test_where_an_argument_says_the_padding_the_slips_are_each_padding_always():
    """Not that the other one is asked for, which is true of some calls only."""
    trials = [trial(x=Input((9, 8, 3)), filters=2, padding=way) for way in ("valid", "same")]
    made = slips_of(Task("padded", "block", 1, lambda rng: trials, padded), trials)
    said = [slip.hint for slip in made if "padding of the" in slip.hint]
    assert said == [
        "The padding of the first 3x3 convolution is not always `valid`; here it is.",
        "The padding of the first 3x3 convolution is not always `same`; here it is.",
    ]
    assert hints(made, "padding") == [
        "The second 3x3 convolution has `same` padding; `valid` is asked for."
    ]
