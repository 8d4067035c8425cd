"""A known mistake is told where its numbers are seen and no other mistake gives the same."""

import math

import numpy as np
import pytest
from keras import layers

from autograder.data.arguments import Input
from autograder.judging.judge import judge
from autograder.probing.probe import probe
from autograder.setting.keymaking import make_task_key
from autograder.setting.task import Mistake, Task, counted, trial

pytestmark = pytest.mark.usefixtures("without_slips")

DOWN, NEAREST, DOUBLED = "Round up, not down.", "Round up, not to the nearest.", "Not twice."


def pages(lines, on_a_page, cover="no"):
    """How many pages some lines take, and their cover."""
    return math.ceil(lines / on_a_page) + 2 * (cover == "yes")


def pages_down(lines, on_a_page, cover="no"):
    return lines // on_a_page + 2 * (cover == "yes")


def pages_nearest(lines, on_a_page, cover="no"):
    return round(lines / on_a_page) + 2 * (cover == "yes")


def pages_doubled(lines, on_a_page, cover="no"):
    return 2 * pages(lines, on_a_page, cover)


def page_trials(rng):
    plain = [trial(lines=n, on_a_page=10) for n in (21, 32, 43, 54, 76, 87, 98, 60)]
    return plain + [trial(lines=n, on_a_page=7, cover="yes") for n in (50, 57, 70, 63, 77)]


def page_task(*mistakes, trials=page_trials):
    known = {DOWN: pages_down, NEAREST: pages_nearest, DOUBLED: pages_doubled}
    return Task(
        "pages", "function", 2, trials, pages, dtype="int",
        mistakes=[Mistake(known[hint], hint) for hint in mistakes],
    )  # fmt: skip


def judged(task, function):
    key = make_task_key(task, 1)
    return judge(key, probe(function, key.question))


def nearest_without_cover(lines, on_a_page, cover="no"):
    return round(lines / on_a_page)


def test_of_two_mistakes_that_explain_the_same_the_one_that_spoils_less_is_told():
    """Where rounding to the nearest goes wrong it gives what rounding down gives."""
    verdict = judged(page_task(DOWN, NEAREST), nearest_without_cover)
    told = " ".join([verdict.hint, *verdict.details])
    assert DOWN not in told
    assert f"In 4 of the 9 cases that go wrong yours gives what this mistake gives: {NEAREST}" in (
        told
    )


def test_of_two_mistakes_that_cannot_be_told_apart_neither_is():
    """What was seen is said instead."""

    def trials(rng):
        return [trial(lines=n, on_a_page=10) for n in (21, 32, 43, 54, 60)]

    def wrong_for_most(lines, on_a_page, cover="no"):
        return lines // on_a_page if lines != 60 else 7

    verdict = judged(page_task(DOWN, NEAREST, trials=trials), wrong_for_most)
    assert "Round up" not in " ".join([verdict.hint, *verdict.details])
    assert "expected 3, found 2, 1 too few" in verdict.hint


def test_mistakes_in_two_branches_are_both_told():
    def both(lines, on_a_page, cover="no"):
        if cover == "yes":
            return pages_doubled(lines, on_a_page, cover)
        return pages_down(lines, on_a_page)

    verdict = judged(page_task(DOWN, DOUBLED), both)
    assert verdict.hint == (
        f"In 7 of the 12 cases that go wrong yours gives what this mistake gives: {DOWN}"
    )
    assert verdict.details[0] == f"In 5 of the others yours gives what this one gives: {DOUBLED}"


def test_a_mistake_that_explains_all_of_one_branch_is_told_though_another_explains_part():
    """Rounding to the nearest gives the same for some; what it leaves tells the two apart."""

    def both(lines, on_a_page, cover="no"):
        return -1 if cover == "yes" else pages_down(lines, on_a_page)

    hint = judged(page_task(DOWN, NEAREST), both).hint
    assert hint.startswith(
        f"In 7 of the 12 cases that go wrong yours gives what this mistake gives: {DOWN}"
    )


def test_how_a_number_differs_in_several_cases_is_told_before_a_bare_number():
    def percent_and_cover(lines, on_a_page, cover="no"):
        return 17 if lines == 50 else 100 * pages(lines, on_a_page, cover)

    hint = judged(page_task(), percent_and_cover).hint
    assert hint.startswith("pages(lines=21, on_a_page=10): expected 3, found 300 (100 times")


def test_what_is_right_where_a_mistake_would_be_wrong_is_said():
    def sometimes(lines, on_a_page, cover="no"):
        return pages(lines, on_a_page, cover) - (lines in (21, 32, 43, 54, 76))

    hint = judged(page_task(DOWN), sometimes).hint
    assert hint.startswith(f"Where it goes wrong yours gives what this mistake gives: {DOWN} But 4")


def test_a_few_small_numbers_that_agree_are_no_mistake():
    def off(lines, on_a_page, cover="no"):
        return {21: 2, 32: 3, 43: 9, 54: 9, 76: 9, 87: 9}.get(lines, pages(lines, on_a_page, cover))

    hint = judged(page_task(DOWN), off).hint
    assert DOWN not in hint
    assert "expected" in hint


def test_where_all_cases_read_alike_one_of_another_branch_is_shown():
    def one_too_few(lines, on_a_page, cover="no"):
        return pages(lines, on_a_page, cover) - 1

    verdict = judged(page_task(), one_too_few)
    assert "1 too few" in verdict.hint
    assert len(verdict.details) == 1
    assert ("cover='yes'" in verdict.hint) != ("cover='yes'" in verdict.details[0])


def scaled(values, by=3.0):
    """Multiply."""
    return by * values


def test_a_mistake_known_by_whole_arrays_needs_one_case():
    def added(values, by=3.0):
        return by + values

    def mostly(values, by=3.0):
        return by + values if by == 3 else -by * values

    def trials(rng):
        calls = [trial(values=rng.normal(size=9))]
        return calls + [trial(values=rng.normal(size=9), by=by) for by in (2.0, 5.0)]

    task = Task("scaled", "function", 2, trials, scaled, mistakes=[Mistake(added, "Multiply!")])
    verdict = judged(task, mostly)
    assert verdict.hint == (
        "In 1 of the 3 cases that go wrong yours gives what this mistake gives: Multiply!"
    )
    assert (
        "every value has the wrong sign" in verdict.details[0] or "-1 times" in (verdict.details[0])
    )
    assert not np.isnan(verdict.points)


def moved(values, down=0, right=0, twice=False):
    """The values moved by what is asked for."""
    return (values + 10 * down + 1000 * right) * (2 if twice else 1)


def test_one_mistake_is_told_though_two_others_would_explain_the_same_together():
    """As of boxes that lie apart: below, which the height shows, and to the right, the width."""

    def without_both(values, down=0, right=0, twice=False):
        return moved(values, twice=twice)

    def without_down(values, down=0, right=0, twice=False):
        return moved(values, right=right, twice=twice)

    def without_right(values, down=0, right=0, twice=False):
        return moved(values, down, twice=twice)

    def without_both_nor_twice(values, down=0, right=0, twice=False):
        return values - 7 * twice

    def trials(rng):
        calls: list[dict[str, int]] = [{}, {"down": 1}, {"right": 1}, {"twice": 1}, {"twice": 1}]
        full = [{"down": 0, "right": 0, "twice": False} | call for call in calls]
        return [trial(values=rng.normal(size=9), **call) for call in full]

    known = {"Move!": without_both, "Move down!": without_down, "Move right!": without_right}
    mistakes = [Mistake(function, hint) for hint, function in known.items()]
    task = Task("moved", "function", 2, trials, moved, mistakes=mistakes)
    hint = judged(task, without_both_nor_twice).hint
    assert "In 2 of the 4 cases that go wrong yours gives what this mistake gives: Move!" in hint


def blurred(x, filters):
    """A 3x3 convolution."""
    return layers.Conv2D(filters, 3, padding="same")(x)


def test_as_many_parameters_in_a_net_that_is_only_counted_are_no_known_mistake():
    """A net of other layers may have as many."""

    def one_by_one(x, filters):
        return layers.Conv2D(filters, 1)(x)

    def other_elsewhere(x, filters):
        return layers.Conv2D(filters, 1 if filters > 9 else 5, padding="same")(x)

    def trials(rng):
        return [trial(x=Input((6, 7, 3)), filters=4), counted(x=Input((6, 7, 3)), filters=40)]

    mistakes = [Mistake(one_by_one, "The kernel is 3x3.")]
    task = Task("blurred", "block", 2, trials, blurred, mistakes=mistakes)
    assert judged(task, one_by_one).hint == "The kernel is 3x3."
    assert "The kernel is 3x3." not in judged(task, other_elsewhere).hint


def turned(values, back=False):
    """The values, or with the other sign."""
    return -values if back else 1 * values


def test_a_question_that_is_put_is_followed_by_a_sentence_of_its_own():
    def trials(rng):
        return [trial(values=rng.normal(size=9), back=bool(back)) for back in (1, 1, 1, 0, 0)]

    def hardly_off(values, back=False):
        return turned(values, back) + back * 0.007 * values.std() * (-1) ** np.arange(9)

    hint = judged(Task("turned", "function", 2, trials, turned), hardly_off).hint
    assert hint.endswith(
        "or a small constant another? Of the 5 cases tried 3 go wrong, exactly those where `back` "
        "is True; the other 2 are right."
    )


def pages_refused(lines, on_a_page, cover="no"):
    if cover == "yes":
        raise ValueError("no covers")
    return math.ceil(lines / on_a_page)


def pages_misspelt(lines, on_a_page, cover="no"):
    if cover == "yes":
        return covers  # type: ignore[name-defined]  # noqa: F821
    return math.ceil(lines / on_a_page)


def test_a_name_that_is_not_there_is_no_known_mistake():
    """It is told itself, though a known mistake fails for the same calls."""
    refused = Mistake(pages_refused, "Covers are to be counted.")
    task = Task("pages", "function", 2, page_trials, pages, dtype="int", mistakes=[refused])
    assert judged(task, pages_refused).hint == refused.hint
    verdict = judged(task, pages_misspelt)
    assert verdict.hint != refused.hint
    assert "name 'covers' is not defined" in verdict.hint
