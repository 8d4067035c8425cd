"""Exercise 12 ends with a reward: the reader's own functions train a region proposal network."""

import re

import pytest
from reward_run import attempt, cells, printed

EXERCISE = "12_faster_rcnn"

UNANSWERED = "def rpn_head(x, anchors, filters=256):\n    raise NotImplementedError\n"
WRONG = "def rpn_head(x, anchors, filters=256):\n    return x, x\n"
FORGOTTEN = "def label_anchors(anchors, boxes, positive=0.7, negative=0.3):\n    len(anchors)\n"
LISTS = (
    "own_labels, own_propose = label_anchors, propose\n"
    "def label_anchors(*given):\n"
    "    return [int(label) for label in own_labels(*given)]\n"
    "def propose(*given):\n"
    "    return own_propose(*given).tolist()\n"
)
UNFIT = "Your functions do not fit yet: see what the checks of tasks 1 to 5 say.\n"


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


def findings(text):
    """Before and after training: how many tiles are found, and the loss of the offsets."""
    found = re.findall(r"training: (\d+) of 72 tiles found by .*, smooth L1 ([\d.]+)", text)
    return [(int(count), float(loss)) for count, loss in found]


@pytest.mark.notebook
@pytest.mark.parametrize("answer", ["answered", "with lists"])
def test_the_readers_own_functions_learn_to_propose_without_the_book(shown, answer):
    assert "figure with 4 panels" in shown[answer].splitlines()
    (before, loss_before), (after, loss_after) = findings(shown[answer])
    assert before < 20
    assert after > 45
    assert loss_after < loss_before


@pytest.mark.notebook
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("unanswered", "Answer tasks 1 to 5 first: then your own functions propose here.\n"),
        ("wrong", UNFIT),
        ("without return", UNFIT),
        ("not asked for", "Set SHOW to True above and run this cell again.\n"),
    ],
)
def test_a_reader_who_is_not_there_yet_is_told_so_in_one_sentence(shown, answer, sentence):
    assert shown[answer] == sentence
