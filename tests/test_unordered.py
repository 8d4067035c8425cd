"""Results that are columns of one table: any order of its rows is right, no other pairs are."""

from typing import Any

import numpy as np
import pytest

from autograder.judging.judge import judge
from autograder.probing.probe import probe
from autograder.setting.bank import Mistake
from autograder.setting.keymaking import make_task_key
from autograder.setting.task import Task, trial


def above(values, level):
    """The places (rows, columns) of what is above a level."""
    return np.nonzero(values > level)


def trials(rng):
    """Some of a table above a level, all and nothing."""
    tried = [rng.permutation(20).reshape(4, 5).astype(float) for _ in range(4)]
    levels = (11.5, 14.5, 30.0, -1.0)
    return [trial(values=v, level=level) for v, level in zip(tried, levels, strict=True)]


def below(values, level):
    return np.nonzero(values < level)


MISTAKES = [Mistake(below, "What is below the level is given.")]
OPTIONS: dict[str, Any] = {"outputs": 2, "dtype": "number", "mistakes": MISTAKES}


@pytest.fixture(scope="module")
def key():
    task = Task("above", "function", 2, trials, above, unordered=True, **OPTIONS)
    return make_task_key(task, 1)


def verdict(key, answer):
    return judge(key, probe(answer, key.question))


def reordered(answer):
    """The pairs of an answer by columns from the right, as lists."""

    def other(values, level):
        rows, columns = answer(values, level)
        order = np.lexsort((rows, -columns))
        return rows[order].tolist(), columns[order].tolist()

    return other


def test_pairs_in_another_order_are_right_where_the_order_is_free(key):
    assert verdict(key, reordered(above)).verdict == "correct"
    ordered = make_task_key(Task("above", "function", 2, trials, above, **OPTIONS), 1)
    assert verdict(ordered, above).verdict == "correct"
    assert verdict(ordered, reordered(above)).verdict == "wrong"


def test_a_column_put_in_order_by_itself_makes_other_pairs_and_is_refused(key):
    found = verdict(key, lambda values, level: tuple(map(np.sort, above(values, level))))
    assert (found.verdict, found.checks) == ("wrong", {"shape": True, "output": False})


def test_rows_and_columns_exchanged_are_refused(key):
    found = verdict(key, lambda values, level: above(values, level)[::-1])
    assert found.hint == "The results are right, but in another order."


def test_a_mistake_is_known_in_whatever_order_its_pairs_stand_and_with_none(key):
    assert verdict(key, reordered(below)).hint == MISTAKES[0].hint


def test_what_is_wrong_is_said_in_pairs(key):
    def one_moved(values, level):
        rows, columns = above(values, level)
        last = len(rows) - 1
        return rows[::-1], np.where(np.arange(len(rows)) == last, 9, columns)[::-1]

    rows, columns = above(**trials_of(key)[0])
    said = (
        f": of the rows of all results, 7 of 8 are right; ({rows[-1]}, {columns[-1]}) missing, "
        f"yours has ({rows[-1]}, 9) instead"
    )
    assert said in verdict(key, one_moved).hint


def trials_of(key):
    from autograder.setting.planning import decoded_arguments

    return [decoded_arguments(case) for case in key.question.cases]


def test_results_of_unlike_lengths_are_told_by_their_shapes(key):
    found = verdict(key, lambda values, level: (above(values, level)[0], np.arange(99)))
    assert "(result 2) has shape (99,), expected" in found.hint
