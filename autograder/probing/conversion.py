"""Looks at functions that make a network of a trained one, with its weights copied.

Such weights are no free parameters: they are there already. So the network is not filled with
values of the probe's; it is fed as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.data.arguments import Classifier, decode
from autograder.data.observation import Array, Case, CaseObservation, Question

BATCH = 2
RANDOM = "gives another result when called again, as with dropout that is on at inference"
SHARES = (
    "the new model shares weights with the one it is made of: training one would change the other, "
    "so a copy is better"
)


class Unanswered(Exception):
    """An answer gave nothing that can be compared; `str()` is a sentence for the student."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


def built_classifier(description: Classifier) -> Any:
    """The Keras model of a description; its weights and moving statistics are drawn."""
    import keras

    layers = [getattr(keras.layers, name)(**options) for name, options in description.layers]
    if description.functional:
        x = inputs = keras.Input(description.input_shape)
        for layer in layers:
            x = layer(x)
        model = keras.Model(inputs, x)
    else:
        model = keras.Sequential([keras.Input(description.input_shape), *layers])
    generator = np.random.default_rng(description.seed)
    for variable in model.trainable_variables:
        fan_in = max(1, int(np.prod(variable.shape[:-1])))
        variable.assign(generator.standard_normal(variable.shape) * (2 / fan_in) ** 0.5)
    for variable in model.non_trainable_variables:
        if variable.name.startswith("moving"):
            variable.assign(generator.uniform(0.4, 1.6, variable.shape))
    return model


def observe_conversion(function: Callable, question: Question, case: Case) -> CaseObservation:
    """What the model that `function` makes gives for an input of the case's shape.

    Weights that it makes anew are 0. Raises Unanswered where it makes no model that takes the
    input; whatever the function raises goes on.
    """
    import keras

    from autograder.probing.quick import fast_calls, quick_initializers

    arguments = [decode(value) for value in case.arguments.values()]
    described = next(value for value in arguments if isinstance(value, Classifier))
    given = [built_classifier(a) if isinstance(a, Classifier) else a for a in arguments]
    [old] = [one for one in given if isinstance(one, keras.Model)]
    before = _state(old, described)
    with quick_initializers():
        model = function(*given)
    if not isinstance(model, keras.Model):
        found = "nothing" if model is None else f"a {type(model).__name__}"
        raise Unanswered("type", f"`{question.name}` must return a `keras.Model`, yours is {found}")
    x = _drawn(case.feeds[0])
    with fast_calls():
        output, again = _scores(model, x, question), _scores(model, x, question)
    remarks, notes = [], []
    if model is old or not _same(before, _state(old, described)):
        remarks.append("changes the model that it is given: make a new one and leave it as it is")
    if output.shape != again.shape or not np.allclose(output, again, 1e-4, 1e-5, equal_nan=True):
        remarks.append(RANDOM)
    if model is not old and {id(w) for w in model.weights} & {id(w) for w in old.weights}:
        notes.append(SHARES)
    return CaseObservation(
        outputs={"value": (Array.of(output),)},
        parameters=sum(int(np.prod(v.shape)) for v in model.trainable_variables),
        remarks=tuple(remarks),
        notes=tuple(notes),
    )


def _drawn(shape: tuple[int, ...]) -> Any:
    import keras

    drawn = np.random.default_rng([77, *shape]).standard_normal((BATCH, *shape))
    return keras.ops.convert_to_tensor(drawn.astype("float32"))


def _scores(model: Any, x: Any, question: Question) -> np.ndarray:
    """What a model gives for an input; a sentence where it cannot be given any of this size."""
    import keras

    from autograder.probing.inference import inference_flag

    try:
        given = model(x, training=inference_flag(model))
    except Exception as error:
        takes = getattr(model, "input_shape", None)
        wanted = (None, *x.shape[1:])
        if isinstance(takes, tuple) and takes != wanted and None not in takes[1:]:
            raise Unanswered(
                "input",
                f"the model that `{question.name}` makes takes inputs of {takes[1:]} only, not of "
                f"{tuple(x.shape[1:])}: any that is as large or larger must do",
            ) from error
        text = " ".join(str(error).partition("Arguments received by")[0].split())[:300]
        raise Unanswered(
            "fed",
            f"the model that `{question.name}` makes fails on an input of {tuple(x.shape[1:])}: "
            f"{type(error).__name__}: {text}",
        ) from error
    if not hasattr(given, "shape") or not hasattr(given, "dtype"):
        raise Unanswered(
            "type", f"the model that `{question.name}` makes must give one tensor of scores"
        )
    return np.array(keras.ops.convert_to_numpy(given))


def _state(model: Any, described: Classifier) -> list[Any]:
    """What must stay as it is of the model that is given: layers, weights and scores."""
    import keras

    from autograder.probing.inference import inference_flag

    try:
        x = _drawn(described.input_shape)
        scores = keras.ops.convert_to_numpy(model(x, training=inference_flag(model)))
    except Exception:
        scores = np.zeros(0)
    layers = [layer.name for layer in model.layers]
    weights = [keras.ops.convert_to_numpy(w) for w in model.weights]
    return [layers, [w.trainable for w in model.weights], scores, *weights]


def _same(before: list[Any], after: list[Any]) -> bool:
    return len(before) == len(after) and all(
        np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b
        for a, b in zip(before, after, strict=True)
    )
