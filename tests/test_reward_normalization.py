"""Exercise 05 ends with a reward: the reader's own functions at work on digits."""

import pytest
from reward_run import attempt, cells, printed

EXERCISE = "05_normalization"

UNANSWERED = (
    "def group_norm(x, groups, gamma, beta, epsilon=1e-5):\n    raise NotImplementedError\n"
)
WRONG = "def group_norm(x, groups, gamma, beta, epsilon=1e-5):\n    return x.reshape(-1, groups)\n"
FORGOTTEN = "def group_norm(x, groups, gamma, beta, epsilon=1e-5):\n    x - x.mean()\n"
TENSOR = (
    "def group_norm(x, groups, gamma, beta, epsilon=1e-5):\n"
    "    return layers.GroupNormalization(groups, epsilon=epsilon)(x)\n"
)
UNFIT = "Your functions do not fit yet: see what the checks of tasks 2 and 3 say.\n"
FIGURES = ["figure with 18 panels", "figure with 1 panels"]


@pytest.fixture(scope="module")
def shown(root, tmp_path_factory):
    """What the reward shows: asked for with the model answers, with others, and not asked for."""
    found = cells(root, EXERCISE)
    attempts = {
        "answered": attempt(found),
        "unanswered": attempt(found, UNANSWERED),
        "wrong": attempt(found, WRONG),
        "without return": attempt(found, FORGOTTEN),
        "tensor": attempt(found, TENSOR),
        "not asked for": attempt(found, asked=False),
    }
    texts = printed(root, tmp_path_factory.mktemp("student"), list(attempts.values()))
    return dict(zip(attempts, texts, strict=True))


@pytest.mark.notebook
@pytest.mark.parametrize("answer", ["answered", "tensor"])
def test_the_readers_own_functions_draw_two_figures_without_the_book(shown, answer):
    assert [line for line in shown[answer].splitlines() if "figure" in line] == FIGURES


@pytest.mark.notebook
def test_a_groups_result_does_not_depend_on_the_company_and_a_batchs_does(shown):
    changes = {
        line.split(":")[0]: [float(n) for n in line.split("[")[1].strip("]").split()]
        for line in shown["answered"].splitlines()
        if "company" in line
    }
    assert changes["group norm"] == [0] * 6
    assert changes["batch norm"][0] > 3 * changes["batch norm"][-1] > 0


@pytest.mark.notebook
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("unanswered", "Answer tasks 1 to 3 first: then your own functions draw here.\n"),
        ("wrong", UNFIT),
        ("without return", UNFIT),
        ("not asked for", "Set SHOW to True above and run this cell again.\n"),
    ],
)
def test_a_reader_who_is_not_there_yet_is_told_so_in_one_sentence(shown, answer, sentence):
    assert shown[answer] == sentence
