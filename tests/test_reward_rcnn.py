"""Exercise 11 ends with a reward: the reader's own functions at work on a detector's answers."""

import re

import pytest
from reward_run import attempt, cells, printed

EXERCISE = "11_rcnn"

UNANSWERED = "def iou(a, b):\n    raise NotImplementedError\n"
WRONG = "def iou(a, b):\n    return a - b\n"
FORGOTTEN = "def nms(boxes, scores, threshold):\n    np.argsort(scores)\n"
LISTS = (
    "own_nms, own_pool = nms, roi_pool\n"
    "def nms(boxes, scores, threshold):\n"
    "    return [int(k) for k in own_nms(boxes, scores, threshold)]\n"
    "def roi_pool(features, roi, size):\n"
    "    return own_pool(features, roi, size).tolist()\n"
)
IDLE = "def nms(boxes, scores, threshold):\n    return np.argsort(-scores)\n"
UNFIT = "Your functions do not fit yet: see what the checks of tasks 1 to 6 say.\n"


@pytest.fixture(scope="module")
def shown(root, tmp_path_factory):
    """What the reward shows: asked for with the model answers, with others, and not asked for."""
    found = cells(root, EXERCISE)
    attempts = {
        "answered": attempt(found),
        "with lists": attempt(found, LISTS),
        "without suppression": attempt(found, IDLE),
        "unanswered": attempt(found, UNANSWERED),
        "wrong": attempt(found, WRONG),
        "without return": attempt(found, FORGOTTEN),
        "not asked for": attempt(found, asked=False),
    }
    texts = printed(root, tmp_path_factory.mktemp("student"), list(attempts.values()))
    return dict(zip(attempts, texts, strict=True))


def areas(text):
    """The two areas that are printed, before and behind the suppression."""
    return [float(area) for area in re.findall(r"average precision of \w+: ([\d.]+)", text)]


@pytest.mark.notebook
@pytest.mark.parametrize("answer", ["answered", "with lists"])
def test_the_readers_own_functions_draw_four_panels_without_the_book(shown, answer):
    assert "figure with 4 panels" in shown[answer].splitlines()
    assert areas(shown[answer]) == areas(shown["answered"])


@pytest.mark.notebook
def test_suppression_makes_the_area_larger_and_without_it_both_are_the_same(shown):
    before, behind = areas(shown["answered"])
    assert before + 0.1 < behind < 1
    assert areas(shown["without suppression"]) == [before, before]


@pytest.mark.notebook
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("unanswered", "Answer tasks 1 to 6 first: then your own functions draw here.\n"),
        ("wrong", UNFIT),
        ("without return", UNFIT),
        ("not asked for", "Set SHOW to True above and run this cell again.\n"),
    ],
)
def test_a_reader_who_is_not_there_yet_is_told_so_in_one_sentence(shown, answer, sentence):
    assert shown[answer] == sentence
