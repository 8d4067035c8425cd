"""Exercise 13 ends with a reward: the reader's own functions as parts of a small detector."""

import re

import pytest
from reward_run import attempt, cells, printed

EXERCISE = "13_single_shot"

UNANSWERED = "def default_boxes(sizes, scales, ratios):\n    raise NotImplementedError\n"
WRONG = "def yolo_decode(raw, priors, stride):\n    return raw, raw\n"
FORGOTTEN = "def anchor_priors(sizes, count, start):\n    len(sizes)\n"
LISTS = (
    "own_boxes, own_mask, own_decode = default_boxes, hard_negatives, yolo_decode\n"
    "def default_boxes(*given):\n"
    "    return own_boxes(*given).tolist()\n"
    "def hard_negatives(*given):\n"
    "    return own_mask(*given).tolist()\n"
    "def yolo_decode(*given):\n"
    "    return [part.tolist() for part in own_decode(*given)]\n"
)
UNFIT = "Your functions do not fit yet: see what the checks of tasks 1 to 4 say.\n"


@pytest.fixture(scope="module")
def shown(root, tmp_path_factory):
    """What the reward shows: asked for with the model answers, with others, and not asked for."""
    found = cells(root, EXERCISE)
    attempts = {
        "answered": attempt(found),
        "with lists": attempt(found, LISTS),
        "unanswered": attempt(found, UNANSWERED),
        "wrong": attempt(found, WRONG),
        "without return": attempt(found, FORGOTTEN),
        "not asked for": attempt(found, asked=False),
    }
    texts = printed(root, tmp_path_factory.mktemp("student"), list(attempts.values()))
    return dict(zip(attempts, texts, strict=True))


@pytest.mark.notebook
@pytest.mark.parametrize("answer", ["answered", "with lists"])
def test_the_readers_own_functions_detect_without_the_book(shown, answer):
    assert "figure with 4 panels" in shown[answer].splitlines()
    assert "SSD300 has 8,732 default boxes" in shown[answer]
    before, after = map(int, re.findall(r"training: (\d+) of 72 tiles", shown[answer]))
    assert before < 25
    assert after > 40


@pytest.mark.notebook
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("unanswered", "Answer tasks 1 to 4 first: then your own functions detect here.\n"),
        ("not asked for", "Set SHOW to True above and run this cell again.\n"),
    ],
)
def test_a_reader_who_is_not_there_yet_is_told_so_in_one_sentence(shown, answer, sentence):
    assert shown[answer] == sentence


@pytest.mark.notebook
@pytest.mark.parametrize("answer", ["wrong", "without return"])
def test_functions_that_do_not_fit_are_said_so_and_no_error_is_shown(shown, answer):
    assert shown[answer].endswith(UNFIT)
    assert "Traceback" not in shown[answer]
