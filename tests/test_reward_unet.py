"""Exercise 10 ends with a reward: the reader's own U-Net finds digits on a photograph."""

import re

import pytest
from reward_run import attempt, cells, printed

EXERCISE = "10_unet"

WRONG_SIZE = """
def unet(input_shape, classes, filters=64, padding="valid"):
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, layers.Conv2D(classes, 3)(inputs))
"""
WITHOUT_RETURN = "def dice(truth, probability, epsilon=1.0):\n    pass\n"
NOT_RIGHT = "Your U-Net or your `dice` is not right yet: see what the checks say.\n"


@pytest.mark.notebook
def test_the_readers_own_net_finds_digits_without_the_book(root, tmp_path):
    found = cells(root, EXERCISE)
    attempts = [
        attempt(found, switch="TRAIN"),
        attempt(found, WRONG_SIZE, switch="TRAIN"),
        attempt(found, WITHOUT_RETURN, switch="TRAIN"),
        attempt(found, switch="TRAIN", asked=False),
    ]
    trained, *others = printed(root, tmp_path, attempts)
    before, after = (float(number) for number in re.findall(r"trained (0\.\d\d)", trained))
    assert before < 0.3
    assert after > 0.7
    assert trained.endswith("figure with 24 panels\n")
    assert others == [NOT_RIGHT, NOT_RIGHT, "Set TRAIN to True above and run this cell again.\n"]


@pytest.mark.notebook
def test_without_answers_the_reward_is_one_sentence(root, tmp_path):
    found = cells(root, EXERCISE, folder="exercises")
    assert printed(root, tmp_path, [attempt(found, switch="TRAIN")]) == [
        "Answer tasks 1, 2, 3 and 5 first: then your own net is trained here.\n"
    ]
