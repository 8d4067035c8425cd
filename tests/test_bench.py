"""What is slower than it was is told, noise is not, and every table of a measurement is kept."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bench.__main__ as everything
from bench import check
from bench.pages import FELL_SHORT, NO_PAGE, section_from, write_page


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
    assert check.main([]) == FELL_SHORT
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


def ends(monkeypatch, code, said=TEXT, wrong=""):
    """Have what is started end with a code; the environments that it was started in."""
    environments = []

    def run(command, *, env, **_):
        environments.append(env)
        return subprocess.CompletedProcess(command, code, said, wrong)

    monkeypatch.setattr(subprocess, "run", run)
    return environments


def test_a_measurement_that_breaks_off_is_no_result_whatever_it_printed_before(monkeypatch):
    known = {bench.name: bench for bench in everything.plan("python", "python")}
    for name in ("check", "judging", "checker"):
        bench = known[name]
        ends(monkeypatch, 1, wrong="Traceback (most recent call last):\nValueError: no third\n")
        everything.run(bench)
        assert bench.missing == "failed: ValueError: no third"
        assert not bench.tables
    ends(monkeypatch, -9)
    everything.run(known["classes"])
    assert "exit code -9" in known["classes"].missing


def test_a_measurement_that_finds_something_slower_or_misjudged_is_a_result(monkeypatch):
    known = {bench.name: bench for bench in everything.plan("python", "python")}
    for name, fits in (("check", True), ("judging", True), ("checker", False)):
        ends(monkeypatch, FELL_SHORT)
        everything.run(known[name])
        assert bool(known[name].tables) == fits
        assert bool(known[name].missing) != fits


def test_a_page_of_a_measurement_is_written_by_its_own_command_alone(tmp_path, monkeypatch):
    environments = ends(monkeypatch, 0)
    everything.run(everything.Bench("x", "X", [], 1))
    assert environments[0][NO_PAGE]
    page = tmp_path / "x.md"
    write_page(page, ["one", "two"])
    assert page.read_text() == "one\ntwo\n"
    monkeypatch.setenv(NO_PAGE, "1")
    write_page(page, "three")
    assert page.read_text() == "one\ntwo\n"
    for bench in everything.plan("python", "python"):
        if bench.most:
            code = Path(everything.HERE, f"{bench.name}.py").read_text("utf-8")
            own = re.findall(
                r"^.*(?:HERE|__file__|target|out)\b.*write_text.*$", code, re.MULTILINE
            )
            assert not own, f"{bench.name} writes a page past write_page"


def test_what_compares_with_an_earlier_state_stays_on_the_page(tmp_path, monkeypatch):
    from bench import checker

    page = tmp_path / "bench" / "checker.md"
    page.parent.mkdir()
    section = f"{checker.HEADING}\n\nAn earlier state.\n\n| a |\n|---|\n| 1 |"
    page.write_text(f"# Old\n\nwords\n\n{section}\n")
    assert section_from(page, checker.HEADING) == ["", *section.split("\n")]
    assert section_from(tmp_path / "none.md", checker.HEADING) == []
    row = {"exercise": "e", "task": "t", "check": 1, "plain": 1, "judge": 0, "memory": 0}
    monkeypatch.setattr(checker, "ROOT", tmp_path)
    monkeypatch.setattr(checker, "measure", lambda exercises: [row])
    monkeypatch.setattr("autograder.setting.exercises.exercise_names", lambda root: [])
    monkeypatch.setattr(sys, "argv", ["checker"])
    monkeypatch.delenv(NO_PAGE, raising=False)
    checker.main()
    text = page.read_text()
    assert text.startswith("# Checking in a warm kernel\n")
    assert text.endswith(f"MiB.\n\n{section}\n")


def test_a_graders_row_says_how_many_times_as_fast_as_nbgrader_it_is():
    from argparse import Namespace

    from bench import grading

    rows = [("`nbgrader autograde`", 3, 8.0, "7.50"), ("this, once warm", 40, 1.0, "1.80")]
    found = {"grader": 137.2, "worker": 133.0}
    made = grading.Measured(rows, 8.0, found, [(20, 119.0), (2000, 125.0)], 0.047, 0.2)
    lines = grading.lines_of(made, Namespace(large=2000), 2.7)
    assert "| `nbgrader autograde` | 3 | 8.00 | 1.0 | 7.50 |" in lines
    assert "| this, once warm | 40 | 1.00 | 8.0 | 1.80 |" in lines
    assert any("starts in 0.20 s and took at most 137 MB. A further" in line for line in lines)
    assert lines[-1].endswith("holds 119 MB after 20, 125 MB after 2,000.")


def test_an_earlier_state_is_set_beside_nbgrader_with_either_check(tmp_path: Path):
    from argparse import Namespace

    from bench import grading

    theirs = {"before": [(16.0, 15.0)], "after": [(12.0, 11.0)]}
    found = {"before": [(2.0, 4.0), (3.0, 6.0)], "after": [(1.0, 2.0), (1.5, 2.0)]}
    chosen = Namespace(theirs=3, ours=20, workers=2)
    lines = grading.lines_beside(theirs, found, chosen, "abc1234", 0.1)
    assert "| `nbgrader autograde`, `check` of before | 3 | 16.00 | 15.00 | 1.0 | 0.8 |" in lines
    assert "| before | 20 | 2.00, 3.00 | 4.00, 6.00 | 8.0 | 6.0 |" in lines
    assert "| after | 20 | 1.00, 1.50 | 2.00, 2.00 | 16.0 | 12.0 |" in lines
    assert lines[-1].endswith("50 % by the least, 40 % by the mean of the turns.")

    page = tmp_path / "grading.md"
    grading.keep(page, ["a table"], section=False)
    grading.keep(page, ["beside"], section=True)
    grading.keep(page, ["another table"], section=False)
    assert page.read_text() == f"another table\n\n{grading.HEADING}\n\nbeside\n"


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
    hints = [known.hint if (known := known_mistake(key, x)) else None for x in (one, other)]
    assert hints == [mistake.hint for mistake in task.mistakes[:2]]
    less = naming.without(key, one)
    assert known_mistake(less, one) is None
    still = known_mistake(less, other)
    assert still is not None
    assert still.hint == task.mistakes[1].hint


def test_all_that_is_measured_takes_less_than_half_an_hour():
    assert sum(bench.most for bench in everything.plan("python", "python")) <= 1800


def test_results_name_no_folder_of_the_machine():
    detection = next(b for b in everything.plan("/a/b/bin/python", None) if b.name == "detection")
    assert detection.command == "python -m bench.detection --torch PYTHON"
    said = "/a/b/python: No module named bench (see '/c/d.py', 3/4, https://e.org/f)"
    assert everything.without_places(said).startswith(
        "python: No module named bench (see 'd.py', 3/4"
    )


@pytest.mark.parametrize(
    ("exercise", "name"),
    [("08_fully_convolutional", "dense_to_conv"), ("09_upsampling", "shift_and_stitch")],
)
def test_an_answer_whose_argument_is_a_net_is_called_with_one(root, exercise, name):
    from autograder.setting.exercises import public_key
    from autograder.setting.task import load_tasks
    from bench.checker import plain_call

    question = public_key(root, exercise).tasks[name].question
    tasks = load_tasks(root / "solutions" / exercise / "tasks.py")
    plain_call(next(task for task in tasks if task.name == name), question)
