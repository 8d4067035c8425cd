"""Exercise 08 ends with a reward: the reader's own functions read a strip of digits."""

import pytest
from reward_run import attempt, cells, printed

EXERCISE = "08_fully_convolutional"

UNANSWERED = "def dense_to_conv(model):\n    raise NotImplementedError\n"
WRONG = "def dense_to_conv(model):\n    return model\n"
FORGOTTEN = "def mean_iou(truth, prediction, classes, ignore=255):\n    classes + 1\n"
UNFIT = "Your functions do not fit yet: see what the checks of tasks 1 and 3 say.\n"

# Measured with 13 seeds of training and strip: 0.56 to 1. Of the 51 places judged 46 are empty, so
# that who calls all of them empty has 0.9 / 6, which is 0.15, where the five digits differ as here.
LEAST_IOU = 0.4


@pytest.fixture(scope="module")
def shown(root, tmp_path_factory):
    """What the reward shows: asked for with the model answers, with others, and not asked for."""
    found = cells(root, EXERCISE)
    attempts = {
        "answered": attempt(found),
        "unanswered": attempt(found, UNANSWERED),
        "wrong": attempt(found, WRONG),
        "without return": attempt(found, FORGOTTEN),
        "not asked for": attempt(found, asked=False),
    }
    texts = printed(root, tmp_path_factory.mktemp("student"), list(attempts.values()))
    return dict(zip(attempts, texts, strict=True))


@pytest.mark.notebook
def test_the_readers_own_functions_read_a_strip_of_digits_without_the_book(shown):
    figure, score = shown["answered"].splitlines()[-2:]
    assert figure == "figure with 2 panels"
    assert LEAST_IOU < float(score.removeprefix("mean IoU of the places: ")) <= 1


@pytest.mark.notebook
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            "unanswered",
            "Answer tasks 1 and 3 first: then your own functions read a strip of digits.\n",
        ),
        ("wrong", UNFIT),
        ("without return", UNFIT),
        ("not asked for", "Set SHOW to True above and run this cell again.\n"),
    ],
)
def test_a_reader_who_is_not_there_yet_is_told_so_in_one_sentence(shown, answer, sentence):
    assert shown[answer] == sentence
