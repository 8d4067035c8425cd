"""Exercise 07 ends with a reward: a net of the reader's own blocks reads digits."""

import re

import pytest
from reward_run import attempt, cells, printed

EXERCISE = "07_efficient"

HEAD = "def inverted_residual(x, expansion, filters, stride):\n"
UNFIT = "Your block does not fit into a net yet: see what the check of task 3 says.\n"


@pytest.fixture(scope="module")
def shown(root, tmp_path_factory):
    """What the reward shows: asked for with the model answers, with others, and not asked for."""
    found = cells(root, EXERCISE)
    attempts = {
        "answered": attempt(found, switch="TRAIN"),
        "unanswered": attempt(found, HEAD + "    raise NotImplementedError\n", switch="TRAIN"),
        "wrong": attempt(found, HEAD + "    return x + x[:, 1:]\n", switch="TRAIN"),
        "without return": attempt(found, HEAD + "    layers.ReLU()(x)\n", switch="TRAIN"),
        "not asked for": attempt(found, asked=False, switch="TRAIN"),
    }
    texts = printed(root, tmp_path_factory.mktemp("student"), list(attempts.values()))
    return dict(zip(attempts, texts, strict=True))


@pytest.mark.notebook
def test_a_net_of_the_readers_own_blocks_reads_nine_digits_in_ten_without_the_book(shown):
    sentence, figure = shown["answered"].splitlines()
    assert figure == "figure with 16 panels"
    right = re.fullmatch(r"[\d,]+ weights read ([\d.]+)% of 397 digits never seen\.", sentence)
    assert right is not None
    assert float(right[1]) > 90


@pytest.mark.notebook
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            "unanswered",
            "Answer task 3 first: then a net of your own blocks reads digits here.\n",
        ),
        ("wrong", UNFIT),
        ("without return", UNFIT),
        ("not asked for", "Set TRAIN to True above and run this cell again.\n"),
    ],
)
def test_a_reader_who_is_not_there_yet_is_told_so_in_one_sentence(shown, answer, sentence):
    assert shown[answer] == sentence
