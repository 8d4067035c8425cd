"""Exercise 09 ends with a reward: the reader's own functions draw a photograph."""

import pytest
from reward_run import attempt, cells, printed

EXERCISE = "09_upsampling"

DRAWN = 'print("drawn:", [axis.get_title() for axis in plt.gcf().axes if axis.images])'
ALL = ["nearest", "bilinear", "transposed", "shuffled", "edges, rate 1", "edges, rate 6",
       "redness, every 8th", "redness, stitched"]  # fmt: skip
WRONG = "def pixel_shuffle(x, factor):\n    return x\n"


def shown(root, tmp_path, folder="solutions", more=""):
    """What the reward prints in a folder that has the exercise and the checker only."""
    found = cells(root, EXERCISE, folder)
    return printed(root, tmp_path, [attempt(found, more)], on_show=DRAWN)[0].splitlines()


@pytest.mark.notebook
def test_the_readers_own_functions_draw_the_photograph_without_the_book(root, tmp_path):
    assert shown(root, tmp_path) == [
        f"drawn: {ALL}",
        "largest difference of the shuffled from the photograph: 0",
    ]


@pytest.mark.notebook
def test_what_is_not_right_yet_is_named_and_the_rest_is_drawn(root, tmp_path):
    assert shown(root, tmp_path, more=WRONG) == [
        "Not answered, or not right yet, see what the checks say: pixel_shuffle.",
        f"drawn: {[title for title in ALL if title != 'shuffled']}",
    ]


@pytest.mark.notebook
def test_without_answers_the_reward_is_one_sentence(root, tmp_path):
    assert shown(root, tmp_path, folder="exercises") == [
        "Not answered, or not right yet, see what the checks say: upsample, transposed_conv2d, "
        "pixel_shuffle, dilated_conv2d, shift_and_stitch."
    ]
