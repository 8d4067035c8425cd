"""What is slower than it was is told, noise is not, and every table of a measurement is kept."""

import json

import pytest

import bench.__main__ as everything
from bench import check


def test_the_bench_check_tells_what_is_slower_and_only_that(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(check, "KEPT", tmp_path / "kept.json")
    turns = {"judge": [2.0, 2.1, 9.0], "grade": [5.0, 5.5, 6.0]}
    monkeypatch.setattr(check, "measured", lambda: turns)
    assert check.main([]) == 2, "nothing is kept yet"
    assert check.main(["--keep"]) == 0
    assert json.loads(check.KEPT.read_text())["ratios"] == {"judge": 2.0, "grade": 5.0}
    turns["judge"] = [2.4, 7.0, 9.0]  # but one turn is disturbed
    assert check.main([]) == 0
    turns["grade"] = [6.6, 6.7, 6.6]
    capsys.readouterr()
    assert check.main([]) == 1
    assert "slower than it was: grade." in capsys.readouterr().out


def test_what_is_measured_is_kept():
    kept = json.loads(check.KEPT.read_text("utf-8"))["ratios"]
    assert len(kept) >= 8
    assert min(kept.values()) > 0


TEXT = """
| net | ms | least |
|---|---:|---:|
| one | 1,250.5, least 3 | 2 |
| two | - | 4 |

words | that | are no table
| net | s |
|---|---|
| one | 7 |
"""


def test_each_number_of_a_table_is_kept_with_its_spread_over_the_rounds():
    bench = everything.Bench("x", "X", [], 1)
    bench.tables = [everything.tables_in(TEXT), everything.tables_in(TEXT.replace("7", "9"))]
    found = {figure["figure"]: figure for figure in everything.figures(bench)}
    assert found["one: ms"]["median"] == pytest.approx(1250.5)
    assert found["one: s"] == {
        "figure": "one: s", "median": 8, "least": 7, "most": 9, "rounds": 2,
    }  # fmt: skip
    assert found["two, -: least"]["median"] == 4
    assert "two, -: ms" not in found


def test_the_page_shows_the_tables_with_the_median_and_the_spread_of_the_rounds():
    bench = everything.Bench("x", "What x takes", ["--fast"], 1, seconds=[2.0, 3.0])
    bench.tables = [everything.tables_in(TEXT), everything.tables_in(TEXT.replace("7", "9"))]
    about = {"processor": "P", "cores": 2, "system": "S", "python": "3", "versions": {"keras": "3"}}
    lines = everything.page([bench], about, 0.5).splitlines()
    assert "## What x takes" in lines
    assert "| one | 1,250.5, least 3 | 2 |" in lines
    assert "| one | 8 (7 to 9) |" in lines
    assert lines.count("| net | s |") == 1


def test_the_ways_of_comparing_see_what_they_can_and_no_more():
    """Two convolutions made in the other order, and a net that lacks a ReLU."""
    from keras import Input, Model, layers

    from bench import judging

    def net(swapped=False):
        x = Input((6, 6, 2))
        makers = [lambda: layers.Conv2D(3, 3, padding="same"), lambda: layers.Conv2D(3, 1)]
        if swapped:
            second, first = makers[1](), makers[0]()
            second.build(x.shape)
        else:
            first, second = makers[0](), makers[1]()
        a, b = first(x), second(x)
        model = Model(x, layers.Add()([layers.ReLU()(a), b]))
        judging.with_noise(model)
        return model

    assert all(way(net(), net()) for way in judging.WAYS.values())
    assert judging.same_by_shape_and_role(net(swapped=True), net())
    x = Input((6, 6, 2))
    linear = Model(
        x, layers.Add()([layers.Conv2D(3, 3, padding="same")(x), layers.Conv2D(3, 1)(x)])
    )
    assert judging.same_shape_and_count(linear, net())
    assert not judging.same_summary(linear, net())
    assert not judging.same_by_shape_and_role(linear, net())
    assert not judging.same_by_creation_order(linear, net())


def test_what_a_wrong_answer_is_told_is_of_one_of_five_kinds():
    from bench import naming

    def kind(said):
        return naming.kind_of(said, "block", "Its own.", ["Its own.", "Another."])

    said = [
        "Its own.",
        "In 1 of the 3 cases that go wrong yours gives what this mistake gives: Another.",
        "A pool takes the maximum where the mean belongs. block(x=x(3, 3, 1)): they part at `Pool`",
        "block(x=x(3, 3, 1)): the output is not the expected one; they part at `Add`",
        "block(x=x(3, 3, 1)): the output is not the expected one",
    ]
    assert [kind(one) for one in said] == list(naming.KINDS)


def test_a_key_without_an_answer_does_not_know_it_and_still_knows_the_others(root):
    from autograder.judging.known import known_mistake
    from autograder.probing.probe import probe
    from autograder.setting.exercises import public_key
    from autograder.setting.task import load_tasks
    from bench import naming

    key = public_key(root, "01_convolution").tasks["output_size"]
    tasks = load_tasks(root / "solutions" / "01_convolution" / "tasks.py")
    task = next(task for task in tasks if task.name == "output_size")
    one, other = (probe(mistake.function, key.question) for mistake in task.mistakes[:2])
    assert getattr(known_mistake(key, one), "hint", "") == task.mistakes[0].hint
    less = naming.without(key, one)
    assert known_mistake(less, one) is None
    assert getattr(known_mistake(less, other), "hint", "") == task.mistakes[1].hint


def test_all_that_is_measured_takes_less_than_half_an_hour():
    assert sum(bench.most for bench in everything.plan("python")) <= 1800
