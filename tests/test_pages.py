"""What is printed and shown of a graded class, whatever names, codes and reasons it has."""

import re

import browser
import numbers_exercise as numbers
import pytest
from rich.console import Console

import autograder.course.grade as grading
from autograder.course import pages
from autograder.course.answers import answer_shown, cells_of
from autograder.course.class_table import class_table, shortened
from autograder.course.grade import GradingProblem
from autograder.judging.judge import Verdict
from autograder.judging.report import breakable_html, further, terminal_table

LONG = "bartholomew-featherstonehaugh-cholmondeley@students.university.example"


@pytest.fixture(scope="module")
def key():
    return numbers.numbers_key()


def printed(rows, key, width):
    made = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    made.print(class_table(rows, key, width))
    return made.export_text()


def row_of(student, key, hint="double(x=3): expected 6, found 9"):
    entry = {"verdict": "wrong", "points": 2.25, "hint": hint}
    return {
        "student": student,
        "status": "graded",
        "score": 6.75,
        "tasks": dict.fromkeys(key.tasks, entry),
    }


@pytest.mark.parametrize("width", [80, 100, 140])
def test_a_long_id_leaves_the_other_columns_of_the_table_their_width(key, width):
    rows = [row_of(name, key) for name in ("ann", LONG, "x" * 300, "张伟" * 40, "[bold]bob")]
    text = printed(rows, key, width)
    table = [line for line in text.split("\n") if "2.25" in line]
    assert len(table) == len(rows)
    for line in table:
        assert line.count("2.25") == len(key.tasks)
        assert "graded" in line
        assert "6.75" in line
    assert "bartholomew" in text
    assert "[bold]bob" in text
    assert "expected 6, found 9" in " ".join(re.sub("[│┃]", " ", text).split())
    for head in ("student", "status", "points", *key.tasks):
        assert head in text


def test_a_long_id_is_shortened_in_its_middle():
    assert shortened("ann", 16) == "ann"
    assert shortened(LONG, 21) == "bartholome…ty.example"
    assert shortened("张伟王芳李娜刘洋", 9) == "张伟…刘洋"


# The same sentence


def verdict_with(**more):
    return Verdict(task="double", verdict="wrong", points=0, max_points=2, **more)


def test_a_sentence_that_several_trials_give_is_told_once_with_their_number():
    alike = [f"double(x=x(3, {n})): the output is not the expected one" for n in (1, 2, 3)]
    found = verdict_with(hint="This is the square.", details=(*alike, "This is the square"))
    assert further(found) == [f"{alike[0]} (and 2 more cases alike)"]
    assert further(verdict_with(hint=alike[0], details=tuple(alike[1:]))) == []
    changed = "changes its argument `x`"
    once = verdict_with(hint=f"`double` {changed}", remarks=(changed, "keeps weights"))
    assert further(once) == ["Remark: keeps weights"]
    shown = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    shown.print(terminal_table([once], ""))
    assert shown.export_text().count(changed) == 1


def test_what_is_said_of_the_whole_notebook_is_said_once(tmp_path, key):
    said = "this is exercise 02_letters, not 01_numbers"
    verdicts = [
        Verdict(task=task, verdict="missing", points=0, max_points=2, hint=said)
        for task in key.tasks
    ]
    (tmp_path / "pages").mkdir()
    row = {**row_of("ann", key), "message": said, "max_score": 8, "seconds": 1.5}
    pages.write_student_page(tmp_path, row, verdicts, key)
    assert (tmp_path / "pages" / "ann.html").read_text("utf-8").count(said) == 1
    shown = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    shown.print(terminal_table(verdicts, "", said))
    table = shown.export_text()
    assert said not in table
    assert table.count("missing") == len(key.tasks)


def test_a_name_is_broken_after_what_joins_its_words_only():
    assert breakable_html("zero_pad<b>") == "zero_<wbr>pad&lt;b&gt;"


# The code beside the reason


@pytest.mark.parametrize(
    ("answer", "sentence", "marked"),
    [
        (
            "def double(x):\n    y = 1\n    return y / 0",
            "double(x=1) raises ZeroDivisionError: division by zero "
            "(line 3 of the cell: `return y / 0`)",
            3,
        ),
        ("y = 1\ndef double(x) return", "cell 2 has a syntax error in line 2: expected ':'", 2),
        ("y = 1\nz\ndouble = abs", "cell 2 raises NameError: name 'z' is not defined (line 2)", 2),
        ("double = lambda x: x", "this is the square", None),
        ("class double:\n    pass", "double(x=1) raises A: (line 9 of the cell: `x`)", None),
    ],
    ids=["raises", "syntax", "cell", "no line", "another line"],
)
def test_the_answer_is_shown_with_the_line_that_its_reason_names(answer, sentence, marked):
    code = answer_shown("double", [sentence], cells_of(numbers.raw(double=answer)))
    assert code is not None
    assert (code.cell, code.marked) == (2, marked)
    assert "\n".join(line for _, line in code.lines) == answer


def test_where_no_answer_is_there_the_cell_that_failed_is_shown():
    cells = cells_of(numbers.raw(double="x = 1\n1 / 0"))
    sentence = "the notebook defines no function `double` (cell 2 raises E: by zero (line 2))"
    code = answer_shown("double", [sentence], cells)
    assert code is not None
    assert (code.cell, code.marked) == (2, 2)
    assert answer_shown("double", ["it is not there"], cells) is None
    assert answer_shown("double", [], cells_of(b"nonsense")) is None
    assert answer_shown("double", [], cells_of(None)) is None


def test_of_a_long_answer_the_lines_around_the_marked_one_are_shown():
    answer = "def double(x):\n" + "    y = 1\n" * 400 + "    return z\n" + "    y = 1\n" * 400
    sentence = "double(x=1) raises E: (line 402 of the cell: `return z`)"
    code = answer_shown("double", [sentence], cells_of(numbers.raw(double=answer)))
    assert code is not None
    assert (402, "    return z") in code.lines
    assert len(code.lines) == 150


# One task again


class Replies:
    """Stands in for a workshop: what a notebook gives is set by the test; notes what is asked."""

    limits = None

    def __init__(self):
        self.asked = []
        self.wrong = True

    def reply(self, raw, key, timeout):
        from autograder.probing.probe import probe
        from autograder.running.conversation import Reply

        self.asked.append(list(key.tasks))
        answers = {
            "double": numbers.squared if self.wrong else numbers.double,
            "halves": numbers.squared,
            "ends": numbers.ends,
        }
        seen = {q.name: probe(answers[q.name], q) for q in key.questions}
        return Reply(seen)

    def stop(self):
        """Nothing runs."""


@pytest.fixture
def graded(tmp_path, key):
    """A class of two graded once, and a function that grades it again."""
    for student in ("ann", "ben"):
        numbers.submit(tmp_path / "submitted", student, numbers.raw())
    workshop = Replies()

    def run(**options):
        return grading.grade_folder(
            tmp_path / "submitted", key, tmp_path / "out", 1, 20, workshop=workshop, **options
        )

    return tmp_path / "out", workshop, run(), run


def test_one_task_of_one_student_is_graded_again_and_the_others_stay(graded):
    out, workshop, first, run = graded
    before = (out / "pages" / "ann.html").read_text("utf-8")
    workshop.asked, workshop.wrong = [], False
    again = run(again=lambda name: name == "ann", only=("double",))
    assert workshop.asked == [["double"]]
    assert again[1] == first[1]
    assert again[0]["score"] == first[0]["score"] + 2
    assert again[0]["max_score"] == numbers.FULL
    assert again[0]["tasks"]["double"]["verdict"] == "correct"
    assert {k: again[0]["tasks"][k] for k in ("halves", "ends")} == {
        k: first[0]["tasks"][k] for k in ("halves", "ends")
    }
    after = (out / "pages" / "ann.html").read_text("utf-8")
    parts = [re.findall("<section.*?</section>", page, re.DOTALL) for page in (before, after)]
    assert parts[0][1:] == parts[1][1:]
    assert "all parts are right" in parts[1][0]
    assert "all parts are right" not in parts[0][0]
    workshop.asked = []
    assert run() == again
    assert workshop.asked == []


def test_a_changed_notebook_is_graded_as_a_whole_whatever_task_is_named(graded, tmp_path):
    _, workshop, _, run = graded
    numbers.submit(tmp_path / "submitted", "ann", numbers.raw(double="x = 1"))
    workshop.asked = []
    run(again=lambda name: name == "ann", only=("double",))
    assert workshop.asked == [list(numbers.RIGHT)]


def test_a_timeout_of_another_task_stays_a_timeout():
    from autograder.course.one_task import merged

    def row(status, **entries):
        points = sum(entry["points"] for entry in entries.values())
        return {"status": status, "score": points, "max_score": 8, "tasks": entries}

    late, right = {"verdict": "error", "points": 0}, {"verdict": "correct", "points": 2}
    old = {**row("timeout", double=late, ends=late), "message": "slow", "limits": {"timeout": 1}}
    new = {**row("graded", double=right), "limits": {"timeout": 9}}
    both = merged(old, new)
    assert (both["status"], both["message"], both["score"]) == ("timeout", "slow", 2)
    assert both["limits"] == {"timeout": 1}, "graded again where the limit is higher"
    old["tasks"]["ends"] = right
    assert merged(old, new)["status"] == "graded"
    assert "message" not in merged(old, new)


def test_a_name_that_is_no_task_gets_a_sentence(tmp_path, key, monkeypatch, capfd):
    import sys

    from autograder import cli

    root = numbers.make_project(tmp_path)
    numbers.submit(root / "submitted", "ann", numbers.raw())
    monkeypatch.chdir(root)
    command = ["autograder", "grade", "submitted", "--exercise", numbers.EXERCISE, "--out", "out"]
    monkeypatch.setattr(sys, "argv", [*command, "--student", "ann", "--task", "dobule"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = " ".join(capfd.readouterr().err.split())
    assert ended.value.code == 2
    assert "there is no task dobule in 01_numbers: its tasks are double, halves, ends" in said
    assert not (root / "out").exists()
    with pytest.raises(GradingProblem):
        grading.find_submissions(root / "nowhere", numbers.EXERCISE)


# In a browser

BROKEN_WORDS = """
const found = [];
for (const heading of document.querySelectorAll('h1, h2, th')) {
  const walker = document.createTreeWalker(heading, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    for (const word of walker.currentNode.data.matchAll(/[^\\s-]+/g)) {
      const range = document.createRange();
      range.setStart(walker.currentNode, word.index);
      range.setEnd(walker.currentNode, word.index + word[0].length);
      if (range.getClientRects().length > 1) found.push(word[0]);
    }
  }
}
return found;
"""


@pytest.mark.skipif(browser.MISSING is not None, reason=str(browser.MISSING))
def test_headings_do_not_break_within_a_word_and_the_marked_line_is_seen(tmp_path, key):
    answer = "def double(x):\n" + "    y = 1\n" * 60 + "    return y / 0"
    sentence = (
        "double(x=1) raises ZeroDivisionError: division by zero "
        "(line 62 of the cell: `return y / 0`)"
    )
    cells = cells_of(numbers.raw(double=answer))
    verdicts = [
        Verdict(task=task, verdict="wrong", points=1, max_points=2, hint=sentence)
        for task in key.tasks
    ]
    (tmp_path / "pages").mkdir()
    row = {**row_of(LONG, key, sentence), "max_score": 8, "seconds": 1.5}
    pages.write_student_page(tmp_path, row, verdicts, key, cells)
    names = ["interpolated_projection_shortcut", "atrous_spatial_pyramid_pooling"]
    tasks = dict.fromkeys(names, key.tasks["double"])
    many = key.model_copy(update={"tasks": tasks, "exercise": "08_fully_convolutional"})
    more = {"prints": dict.fromkeys(names, "p"), "unmarked": names, "message": sentence}
    alike = [{**row_of(name, many), **more} for name in (LONG, "ann", LONG[::-1])]
    pages.write_class_page(tmp_path, alike, many)
    shown = [tmp_path / "index.html", tmp_path / "pages" / f"{LONG}.html"]
    with browser.chromium(tmp_path / "profile") as driver:
        for width in (420, 1200):
            size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            for page in shown:
                driver.get(page.as_uri().replace("@", "%40"))
                assert driver.execute_script(BROKEN_WORDS) == []
                wide = driver.execute_script("return document.documentElement.scrollWidth")
                assert wide <= width, "the page itself does not scroll sideways"
        marked = driver.find_element("css selector", ".marked")
        assert marked.text.split() == ["62", "return", "y", "/", "0"]
