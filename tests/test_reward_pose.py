"""Exercise 15 ends with a reward: the reader's own functions find the joints of arms."""

import re

import pytest
from reward_run import attempt, cells, printed

EXERCISE = "15_pose"

UNANSWERED = "def rotation_error(a, b):\n    raise NotImplementedError\n"
WRONG = "def soft_argmax(maps):\n    return maps.argmax()\n"
WITHOUT_RETURN = "def hourglass(x, depth, filters):\n    pass\n"
UNFIT = "Your answers do not fit together yet: see what the checks of tasks 1 to 5 say.\n"


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
    # Of the answered attempt alone the training counts; the others may stop after one epoch.
    for name, some in attempts.items():
        if name != "answered":
            some[-1] = some[-1].replace("epochs=16", "epochs=1")
    texts = printed(root, tmp_path_factory.mktemp("student"), list(attempts.values()))
    return dict(zip(attempts, texts, strict=True))


@pytest.mark.notebook
def test_the_readers_own_hourglass_finds_joints_without_the_book(shown):
    untrained, trained = map(float, re.findall(r"trained (\d+\.\d)", shown["answered"]))
    assert untrained > 6
    assert trained < 3
    assert shown["answered"].endswith("figure with 8 panels\n")


@pytest.mark.notebook
def test_the_heads_are_turned_by_the_angles_asked_for(shown):
    angles = re.findall(r"from straight: (.*)", shown["answered"])[0].split(", ")
    assert angles[:3] == ["0.0", "40.0", "30.0"]
    assert 40 < float(angles[3]) < 25 + 30 + 40


@pytest.mark.notebook
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("unanswered", "Answer tasks 1 to 5 first: then your own net finds joints here.\n"),
        ("wrong", UNFIT),
        ("without return", UNFIT),
        ("not asked for", "Set TRAIN to True above and run this cell again.\n"),
    ],
)
def test_a_reader_who_is_not_there_yet_is_told_so_in_one_sentence(shown, answer, sentence):
    assert shown[answer] == sentence
