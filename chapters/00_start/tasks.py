"""The practice task of the primer: no exercise, no secret, only a check to see at work.

``python chapters/00_start/tasks.py`` makes its answer key, ``key.json`` beside this file, anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from autograder.data.arguments import Input
from autograder.data.key import write_key
from autograder.setting.keymaking import make_key
from autograder.setting.task import Accepted, Mistake, Task, Trial, trial

SEED = 0


def _trials(generator: np.random.Generator) -> list[Trial]:
    """Two small calls with sizes that are all unlike each other."""
    hidden = int(generator.integers(6, 9))
    return [
        trial(x=Input((11,)), hidden=hidden, classes=5),
        trial(x=Input((4,)), hidden=hidden + 1, classes=3),
    ]


def two_layers(x: Any, hidden: int, classes: int) -> Any:
    """Dense with ReLU, dense with softmax."""
    x = layers.Dense(hidden, activation="relu")(x)
    return layers.Dense(classes, activation="softmax")(x)


def _other_style(x: Any, hidden: int, classes: int) -> Any:
    x = keras.ops.maximum(layers.Dense(hidden)(x), 0)
    return layers.Softmax()(layers.Dense(classes)(x))


def _no_activation(x: Any, hidden: int, classes: int) -> Any:
    return layers.Dense(classes, activation="softmax")(layers.Dense(hidden)(x))


def _sigmoid(x: Any, hidden: int, classes: int) -> Any:
    x = layers.Dense(hidden, activation="sigmoid")(x)
    return layers.Dense(classes, activation="softmax")(x)


def _no_softmax(x: Any, hidden: int, classes: int) -> Any:
    return layers.Dense(classes)(layers.Dense(hidden, activation="relu")(x))


TASKS = [
    Task(
        name="two_layers",
        kind="block",
        points=2,
        trials=_trials,
        answer=two_layers,
        accepted=[Accepted(_other_style)],
        mistakes=[
            Mistake(
                _no_activation,
                "Nothing stands between the two dense layers, so together they can do no more "
                "than one of them: give the first a ReLU.",
            ),
            Mistake(_sigmoid, "The hidden layer has a sigmoid; the task asks for a ReLU."),
            Mistake(
                _no_softmax,
                "The outputs are not probabilities: they do not add up to 1. "
                "The last layer needs a softmax.",
            ),
        ],
    )
]


if __name__ == "__main__":
    target = Path(__file__).with_name("key.json")
    write_key(make_key("00_start", TASKS, SEED), target)
    print(f"wrote {target}")
