"""Exercise 14 ends with a reward: the reader's own functions draw masks of digits."""

import re

import pytest
from reward_run import attempt, cells, printed

EXERCISE = "14_mask_rcnn"

UNANSWERED = (
    "def paste_mask(mask, box, height, width, threshold=0.5):\n    raise NotImplementedError\n"
)
WRONG = "def roi_align(features, box, size, samples=2):\n    return features\n"
WITHOUT_RETURN = "def mask_head(x, classes, filters=256):\n    pass\n"
UNFIT = "Your answers do not fit together yet: see what the checks of tasks 1 to 3 say.\n"


@pytest.fixture(scope="module")
def shown(root, tmp_path_factory):
    """What the reward shows: asked for with the model answers, with others, and not asked for."""
    found = cells(root, EXERCISE)
    attempts = {
        "answered": attempt(found, switch="TRAIN"),
        "unanswered": attempt(found, UNANSWERED, switch="TRAIN"),
        "wrong": attempt(found, WRONG, switch="TRAIN"),
        "without return": attempt(found, WITHOUT_RETURN, switch="TRAIN"),
        "not asked for": attempt(found, switch="TRAIN", asked=False),
    }
    texts = printed(root, tmp_path_factory.mktemp("student"), list(attempts.values()))
    return dict(zip(attempts, texts, strict=True))


@pytest.mark.notebook
def test_the_readers_own_head_draws_digits_better_than_whole_boxes_without_the_book(shown):
    boxes, untrained, trained = map(float, re.findall(r" (0\.\d\d)", shown["answered"]))
    assert 0.2 < boxes < 0.5
    assert untrained < 0.5
    assert trained > 0.7
    assert shown["answered"].endswith("figure with 6 panels\n")


@pytest.mark.notebook
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("unanswered", "Answer tasks 1 to 3 first: then your own masks are drawn here.\n"),
        ("wrong", UNFIT),
        ("without return", UNFIT),
        ("not asked for", "Set TRAIN to True above and run this cell again.\n"),
    ],
)
def test_a_reader_who_is_not_there_yet_is_told_so_in_one_sentence(shown, answer, sentence):
    assert shown[answer] == sentence
