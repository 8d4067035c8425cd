"""A net that is handed to a task as a function: plain data in the key, called beside the answer."""

import json

import numpy as np
import pytest

from autograder.data.arguments import DensePredictor, call_text, decode, encode
from autograder.probing.probe import probe
from autograder.setting.keymaking import make_task_key
from autograder.setting.task import Task, trial

GENERATOR = np.random.default_rng(9)
NET = DensePredictor(GENERATOR.standard_normal((3, 2, 4, 5)), 3)


def ask(predict, image):
    """A task that only asks the net."""
    return predict(image)


def trials(generator):
    image = np.arange(6.0 * 7 * 4).reshape(6, 7, 4)
    return [trial(predict=NET, image=image), trial(predict=NET, image=image[1:, 2:])]


def test_a_net_survives_its_plain_form():
    again = decode(json.loads(json.dumps(encode(NET))))
    assert isinstance(again, DensePredictor)
    assert again.factor == NET.factor
    assert np.array_equal(again.kernels, NET.kernels)


def test_an_answer_is_given_a_net_that_answers_at_every_factor_th_valid_position():
    key = make_task_key(Task("ask", "function", 1, trials, ask), 1)
    seen = probe(ask, key.question)
    for case, asked in zip(seen.cases, trials(GENERATOR), strict=True):
        (found,) = case.outputs["value"]
        image = asked.arguments["image"]
        height, width = (a - b + 1 for a, b in zip(image.shape, (3, 2), strict=False))
        dense = [
            [np.tensordot(image[y : y + 3, x : x + 2], NET.kernels, 3) for x in range(width)]
            for y in range(height)
        ]
        assert np.allclose(found.numpy(), np.array(dense)[::3, ::3])


def test_a_call_shows_a_net_by_its_name():
    assert call_text("ask", {"predict": NET, "factor": 3}) == "ask(predict=predict, factor=3)"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda image: image[None], "`predict` takes a picture (H, W, C), not 4 axes"),
        (lambda image: image[4:], "`predict` is given 2 x 7 pixels, which is less than its window"),
    ],
)
def test_a_net_says_in_a_sentence_what_it_cannot_look_at(change, sentence):
    key = make_task_key(Task("ask", "function", 1, trials, ask), 1)
    seen = probe(lambda predict, image: predict(change(image)), key.question)
    assert sentence in (seen.cases[0].problem or "")
