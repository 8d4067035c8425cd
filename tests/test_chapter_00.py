"""Chapter 0: the reader's machine, a first net, and a check that goes from wrong to right."""

import keras
import matplotlib
import pytest

matplotlib.use("Agg")

from chapter_run import CHAPTERS, run_chapter

from autograder import check
from autograder.setting.task import load_tasks

pytestmark = pytest.mark.notebook


@pytest.fixture(scope="module")
def chapter():
    return run_chapter("00_start")


def test_it_reports_the_machine(chapter):
    assert keras.__version__ in chapter.printed["setup"]
    assert "Device:" in chapter.printed["setup"]
    assert "Python" in chapter.printed["machine"]
    assert "GiB" in chapter.printed["machine"]
    assert keras.backend.backend() in chapter.printed["machine"]
    assert f"{chapter.names['training_seconds']:.1f} s" in chapter.printed["train"]


def test_a_small_net_learns_to_read(chapter):
    assert "by hand 50,890, Keras 50,890" in chapter.printed["count"]
    assert chapter.names["untrained"] < 0.35
    assert f"{chapter.names['untrained']:.0%} are right" in chapter.printed["untrained"]
    assert chapter.names["always"] < 0.15
    assert chapter.names["accuracy"] > 0.7


def test_the_promised_pictures_are_drawn(chapter):
    drawn = [cell for cell, count in chapter.figures.items() if count]
    assert drawn == ["data-picture", "curve", "mistakes", "weights"]


def test_two_right_answers_in_two_styles_get_full_points(chapter):
    for name in ("first_verdict", "second_verdict"):
        verdict = chapter.names[name].verdict
        assert verdict.verdict == "correct"
        assert verdict.points == verdict.max_points == 2


@pytest.fixture(scope="module")
def practice():
    return load_tasks(CHAPTERS / "00_start" / "tasks.py")[0]


def under_its_name(function, name):
    """The same function under the task's name, as a reader would have written it."""

    def answer(*arguments, **named):
        return function(*arguments, **named)

    answer.__name__ = name
    return answer


def test_the_practice_key_knows_right_answers_and_every_mistake(practice, monkeypatch):
    """The key beside the chapter is up to date: else run chapters/00_start/tasks.py."""
    monkeypatch.chdir(CHAPTERS)
    for right in [practice.answer, *(accepted.function for accepted in practice.accepted)]:
        verdict = check(under_its_name(right, practice.name), exercise="00_start").verdict
        assert verdict.verdict == "correct", verdict
    for mistake in practice.mistakes:
        verdict = check(under_its_name(mistake.function, practice.name), "00_start").verdict
        assert verdict.verdict == "wrong"
        assert verdict.hint == mistake.hint


def test_an_unwritten_answer_is_missing_and_not_wrong(practice, monkeypatch):
    monkeypatch.chdir(CHAPTERS)

    def two_layers(x, hidden, classes):
        raise NotImplementedError("write two_layers first")

    verdict = check(two_layers, exercise="00_start").verdict
    assert (verdict.verdict, verdict.points) == ("missing", 0)
