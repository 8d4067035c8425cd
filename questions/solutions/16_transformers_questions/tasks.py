"""Questions on chapter 16: see `docs/authoring.md`, "Sheets of questions"."""

import numpy as np
from keras import layers, ops

from autograder.data.arguments import Input
from autograder.setting.questions import Bug, Choice, Number, Sheet, Written
from autograder.setting.task import trial


def softmax(numbers):
    powers = np.exp(np.array(numbers, "float64"))
    return powers / powers.sum(axis=-1, keepdims=True)


def after_another_order():
    """What becomes of attention where keys and values change places alike."""
    rng = np.random.default_rng(16)
    q, k, v = rng.normal(size=(3, 4)), rng.normal(size=(5, 4)), rng.normal(size=(5, 2))
    order = np.roll(np.arange(5), 1)
    before, after = (softmax(q @ k[o].T / 2) @ v[o] for o in (np.arange(5), order))
    return "the same" if np.allclose(before, after) else "other numbers"


def looked_up(x, width):
    q, k, v = (layers.Dense(width)(x) for _ in range(3))
    fits = ops.matmul(q, ops.transpose(k, (0, 2, 1))) / width**0.5
    return ops.matmul(ops.softmax(fits, axis=-1), v)


def given(x, width):
    q, k, v = (layers.Dense(width)(x) for _ in range(3))
    fits = ops.matmul(q, ops.transpose(k, (0, 2, 1))) / width**0.5
    return ops.matmul(ops.softmax(fits, axis=-2), v)


SHEET = Sheet(
    title="Attention",
    questions=[
        Number(
            "best_weight",
            "A query finds 3, 1 and 0 at three keys, after the division by the root. How much "
            "weight does the "
            "best key get?",
            truth=lambda: softmax([3, 1, 0])[0],
            within=0.005,
            wrong=[("The weights are not the shares of 3, 1 and 0 themselves.", lambda: 3 / 4)],
        ),
        Choice(
            "another_order",
            "The five keys change their order, and the values change theirs in the same way. What "
            "a query gets is",
            options=[
                ("the same", "the same"),
                ("in another order", "in another order"),
                ("other numbers", "other numbers"),
            ],
            truth=after_another_order,
        ),
    ],
    bug=Bug(
        looked_up,
        given,
        "`looked_up(x, width)` is to be self-attention: queries, keys and values by three dense "
        "layers with "
        "`width` units; products divided by the root of `width`; for each query weights that add "
        "up to 1 over the "
        "keys; the mean of the values. Mend it.",
        trials=lambda rng: [trial(x=Input((5, 4)), width=3), trial(x=Input((4, 3)), width=6)],
    ),
    written=Written(
        "why_positions",
        "Attention does not see in which order its keys stand. Name a task for which that does not "
        "matter and "
        "one for which it does, and say what transformers do about it.",
        rubric=[
            (1, "one task of each kind, with its reason"),
            (1, "a code of the position is added to each key"),
        ],
    ),
)
TASKS = SHEET.tasks()
