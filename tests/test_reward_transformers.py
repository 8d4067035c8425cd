"""Exercise 16 ends with a reward: the reader's own functions find blocks, with no training."""

import re

import pytest
from reward_run import attempt, cells, printed

EXERCISE = "16_transformers"

UNANSWERED = "def match(shares, boxes, classes, true):\n    raise NotImplementedError\n"
WRONG = "def attention(q, k, v):\n    return q\n"
WITHOUT_RETURN = "def position_code(height, width, channels):\n    pass\n"
PLACELESS = "def position_code(height, width, c):\n    return np.ones((height, width, c))\n"
UNFIT = "Your functions do not fit together yet: see what the checks of tasks 1 to 3 say.\n"


@pytest.fixture(scope="module")
def shown(root, tmp_path_factory):
    """What the reward shows: asked for with the model answers, with others, and not asked for."""
    found = cells(root, EXERCISE)
    attempts = {
        "answered": attempt(found),
        "placeless": attempt(found, PLACELESS),
        "unanswered": attempt(found, UNANSWERED),
        "wrong": attempt(found, WRONG),
        "without return": attempt(found, WITHOUT_RETURN),
        "not asked for": attempt(found, asked=False),
    }
    texts = printed(root, tmp_path_factory.mktemp("student"), list(attempts.values()))
    return dict(zip(attempts, texts, strict=True))


def distance(text: str) -> float:
    return float(re.findall(r"from the truth: (\d+\.\d) pixels", text)[0])


@pytest.mark.notebook
def test_the_readers_own_attention_finds_blocks_without_the_book(shown):
    text = shown["answered"]
    assert text.startswith("24 answers, 5 matched, 19 left over\nclasses right: 5 of 5\n")
    assert distance(text) < 1.2
    assert text.endswith("figure with 3 panels\n")


@pytest.mark.notebook
def test_without_places_nothing_is_found(shown):
    assert distance(shown["placeless"]) > 4


@pytest.mark.notebook
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("unanswered", "Answer tasks 1 to 3 first: then your own functions find blocks here.\n"),
        ("wrong", UNFIT),
        ("without return", UNFIT),
        ("not asked for", "Set SHOW to True above and run this cell again.\n"),
    ],
)
def test_a_reader_who_is_not_there_yet_is_told_so_in_one_sentence(shown, answer, sentence):
    assert shown[answer] == sentence
