"""`autograder lint` says what is wrong with a task before a student finds out."""

from dataclasses import replace

import pytest
from keras import layers, ops

from autograder.data.arguments import Input
from autograder.setting.lint import lint_task
from autograder.setting.task import Accepted, Mistake, Task, trial


def block(x, filters):
    return layers.Conv2D(filters, 3, padding="same", activation="relu")(x)


def block_of_two(x, filters):
    return layers.ReLU()(layers.Conv2D(filters, 3, padding="same")(x))


def block_of_halves(x, filters):
    parts = [filters // 2, filters - filters // 2]
    return layers.ReLU()(
        layers.Concatenate()([layers.Conv2D(n, 3, padding="same")(x) for n in parts])
    )


def linear(x, filters):
    return layers.Conv2D(filters, 3, padding="same")(x)


def tanh(x, filters):
    return ops.tanh(linear(x, filters))


def pointwise(x, filters):
    return layers.Conv2D(filters, 1, activation="relu")(x)


def nearly_relu(x, filters):
    y = linear(x, filters)
    return ops.maximum(y, 8e-4 * y)


def unread(x, filters):
    return linear(x, filters) * 1e-7 + layers.Dense(filters)(ops.ones_like(x) * ops.mean(x * 0))


def trials(rng):
    return [trial(x=Input((6, 7, 3)), filters=4), trial(x=Input((7, 5, 2)), filters=3)]


TASK = Task(
    "block",
    "block",
    4.0,
    trials,
    block,
    accepted=[Accepted(block_of_two), Accepted(block_of_halves)],
    mistakes=[Mistake(linear, "There is a ReLU at the end."), Mistake(pointwise, "It is 3x3.")],
)


def sentences(**changes):
    found = list(lint_task(replace(TASK, **changes), 3))
    return "\n".join(sentence for sentence in found if "fewer than" not in sentence)


def test_a_good_task_has_nothing_to_complain_of_but_its_small_bank():
    assert sentences() == ""
    assert len(list(lint_task(TASK, 3))) == 2


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"mistakes": [Mistake(block_of_two, "No.")]}, "gets full marks"),
        (
            {"mistakes": [*TASK.mistakes, Mistake(tanh, "No.")], "accepted": [Accepted(tanh)]},
            "diff",
        ),
        ({"trials": lambda rng: trials(rng)[:1] * 2}, "are the same call"),
        ({"mistakes": [Mistake(nearly_relu, "Zero below zero.")]}, "too near"),
        ({"answer": unread, "accepted": [], "mistakes": []}, "gives nearly the same"),
    ],
)
def test_what_is_wrong_is_said(changes, complaint):
    assert complaint in sentences(**changes)


def test_two_mistakes_that_look_alike_cannot_have_two_hints():
    def as_linear(x, filters):
        return layers.Activation("linear")(linear(x, filters))

    alike = [*TASK.mistakes, Mistake(as_linear, "Not so.")]
    assert "gets another mistake's hint" in sentences(mistakes=alike)


def deep(x):
    """Two ways side by side, so often that the mean over inputs alone decides what comes out."""
    for number in range(14):
        ways = [layers.Conv2D(size + number, 1, activation="relu")(x) for size in (3, 20)]
        x = layers.Concatenate()(ways)
    return x


def deep_task(**plan):
    def one_trial(rng):
        return [trial(x=Input((5, 4, 3)))]

    return Task("deep", "block", 4.0, one_trial, deep, plan={"permutable": True, **plan})


def test_a_deep_net_that_forgets_its_input_where_orders_are_tried_is_reported(without_slips):
    forgetful, other = ("\n".join(lint_task(deep_task(**p), 3)) for p in ({}, {"permuted": 2.0}))
    assert "where another order of parts is tried" in forgetful
    assert "where another order of parts is tried" not in other
