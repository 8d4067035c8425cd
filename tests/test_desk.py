"""What a reader alone in a notebook meets beside a verdict: help, warnings, colours, ways on."""

from __future__ import annotations

import base64
import json
import re
import shutil
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import browser
import bs4
import nbformat
import numbers_exercise as numbers
import numpy as np
import pytest
import tinycss2  # type: ignore[import-untyped]

import autograder
from autograder.data.observation import Array
from autograder.desk import helping, kernel
from autograder.desk.printing import Kept
from autograder.judging.judge import Verdict
from autograder.judging.picture import Picture
from autograder.judging.report import (
    ABOVE,
    Aside,
    Printed,
    drawn,
    sentence_html,
    templates,
    verdict_html,
)
from autograder.notebook_check import CheckProblem, check, hint, solution

ROOT = Path(__file__).resolve().parent.parent
HINTS = """## Task 1: twice &nbsp; (2 points)

`double(x)`.

<details><summary>Hint: how much is twice?</summary>

`x` and once more *the same*.
</details>

<details><summary>Hint: the last one</summary>

Add.
</details>
"""


def soup(html: str) -> Any:
    """A page to look into."""
    return bs4.BeautifulSoup(html, "html.parser")


def text(source):
    return {"cell_type": "markdown", "source": source, "metadata": {}}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return numbers.make_project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def desk(project, tmp_path, monkeypatch):
    """The folder of an exercise in a book of two chapters, with its solutions beside."""
    root = tmp_path
    shutil.copytree(project, root, dirs_exist_ok=True)
    folder = root / "exercises" / numbers.EXERCISE
    cells = numbers.cells(double="def double(x):\n    raise NotImplementedError()\n")
    cells.insert(1, text(HINTS))
    path = folder / f"{numbers.EXERCISE}.ipynb"
    path.write_text(json.dumps(numbers.notebook(cells)), "utf-8")
    (root / "chapters").mkdir()
    for name, title in (("01_numbers", "1 Numbers"), ("02_letters", "2 Letters & signs")):
        chapter = numbers.notebook([text(f"# {title}\n\nwhat?")])
        (root / "chapters" / f"{name}.ipynb").write_text(json.dumps(chapter), "utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(helping, "_tries", {})
    monkeypatch.setattr(kernel, "_watch", None)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    return folder


def with_answers(desk):
    """Put a source notebook with model answers beside, as in the book's own folder."""
    stub = "def {}(x):\n    ### BEGIN SOLUTION\n    return {}\n    ### END SOLUTION\n"
    made = {"double": stub.format("double", "x + x"), "ends": stub.format("ends", "x[0], x[-1]")}
    source = desk.parent.parent / "solutions" / numbers.EXERCISE / f"{numbers.EXERCISE}.ipynb"
    source.parent.mkdir(parents=True)
    source.write_text(json.dumps(numbers.notebook(numbers.cells(**made))), "utf-8")


def squared(x):
    return x * x


def double(x):
    return 2 * x


def named(name, function):
    function.__name__ = name
    return function


def steps(shown):
    return " ".join(shown.aside.steps)


# Help after a try


def test_a_model_answer_is_shown_after_a_try_beside_ones_own_with_what_differs(desk):
    with_answers(desk)
    with pytest.raises(CheckProblem, match="Try first"):
        solution("double")
    shown = check(named("double", lambda x: x * x))
    assert "solution(" in steps(shown)
    both = solution("double")
    assert repr(both) == "def double(x):\n    return x + x"
    page = soup(both._repr_html_())
    mine, theirs = page.select(".answers pre")
    assert "x * x" in mine.text
    assert [line.text for line in theirs.select(".other")] == ["def double(x):", "    return x + x"]
    assert "this is the square, not the double" in page.text


def test_a_right_answer_may_see_the_model_answer_too(desk):
    with_answers(desk)
    check(double)
    assert "it computes the same" in solution("double")._repr_html_()


def test_an_exercise_of_a_course_has_no_model_answers_and_says_so(desk):
    shown = check(named("double", lambda x: x * x))
    assert "solution(" not in steps(shown)
    with pytest.raises(CheckProblem, match="as in a graded course"):
        solution("double")


def test_answers_beside_an_exercise_for_self_study_are_shown(desk):
    told = {"exercise": numbers.EXERCISE, "answers": {"double": "def double(x):\n    return x + x"}}
    (desk / helping.ANSWERS_NAME).write_text(json.dumps(told), "utf-8")
    check(named("double", lambda x: x * x))
    assert "x + x" in repr(solution("double"))
    (desk / helping.ANSWERS_NAME).write_text("[]", "utf-8")
    with pytest.raises(CheckProblem, match="without model answers"):
        solution("double")


def test_each_failed_try_brings_a_hint_more(desk):
    assert "Try first" in repr(hint("double"))
    first = named("double", lambda x: x * x)
    second = named("double", lambda x: x + 1)
    for _ in range(2):  # the same answer again is no further try
        shown = check(first)
        assert "hint(" in steps(shown)
        assert "(1 of 2)" in steps(shown)
    one = hint("double")._repr_markdown_()
    assert "<details open><summary>Hint: how much is twice?" in one
    assert "the last one" not in one
    check(second)
    two = hint("double")._repr_markdown_()
    assert "<details open><summary>Hint: the last one" in two
    assert "These are all hints" in two
    assert "What the check says of your answer" in two
    check(double)
    assert "nothing left" in repr(hint("double"))


def test_a_task_that_is_not_answered_yet_is_no_try(desk):
    def stub(x):
        raise NotImplementedError

    shown = check(named("double", stub))
    assert shown.aside.steps == ()
    assert "Try first" in repr(hint("double"))


def test_a_right_answer_leads_on(desk):
    shown = check(double)
    assert "Still open in this exercise: <code>halves</code>, <code>ends</code>" in steps(shown)
    assert '<a href="../../chapters/02_letters.ipynb">' in steps(shown)
    assert "next chapter: 2 Letters &amp; signs" in steps(shown)
    check(named("halves", lambda image, factor=2: image / factor))
    (desk.parent.parent / "contents.ipynb").write_text("{}")
    shown = check(named("ends", lambda x: (x[0], x[-1])))
    assert "All is right here" in steps(shown)
    assert '<a href="../../contents.ipynb">contents</a>' in steps(shown)


def test_help_changes_no_verdict_and_no_points(desk):
    """What stands beside a verdict is shown by the notebook alone."""
    shown = check(named("double", lambda x: x * x))
    assert shown.aside.steps
    assert "Stuck" in shown._repr_html_()
    assert "Stuck" not in verdict_html(shown.verdict)
    assert float(repr(shown)) == shown.verdict.points


# An answer that never ends


def endless(x):
    while True:
        x = -x


def stubborn(x):
    for _ in iter(int, 1):
        try:
            while True:
                x = -x
        except Exception:
            pass


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="no timer here")
@pytest.mark.parametrize("answer", [endless, stubborn])
def test_an_answer_that_never_ends_is_ended_with_a_sentence(desk, answer):
    shown = check(named("double", answer), seconds=0.3)
    assert (shown.verdict.verdict, shown.verdict.points) == ("error", 0)
    assert re.search(
        r"`double` did not finish within 0.3 s: it was stopped in line \d+ of the cell \(`x = -x`\)"
        r"|in line \d+ of the cell \(`while True:`\)",
        shown.verdict.hint,
    )
    assert "check(double, seconds=1.2)" in shown.verdict.hint
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    assert check(double).verdict.verdict == "correct"


def interrupted(x):
    raise KeyboardInterrupt


def test_an_interrupt_is_one_sentence_with_the_readers_line(desk):
    with pytest.raises(CheckProblem) as stopped:
        check(named("double", interrupted))
    [said] = stopped.value._render_traceback_()
    assert re.fullmatch(
        r"Interrupted: double was in line \d+ of the cell \(raise KeyboardInterrupt\)\.", said
    )


# An answer whose cell failed, or was changed


class Shell:
    """As much of IPython as runs cells: events before and after each."""

    def __init__(self):
        self.user_ns: dict = {}
        self.hooks: dict = {}
        self.events = SimpleNamespace(register=self.hooks.__setitem__)

    def run(self, source):
        info = SimpleNamespace(raw_cell=source)
        self.hooks["pre_run_cell"](info)
        before = inside = None
        try:
            code = compile(source, "<cell>", "exec")
        except SyntaxError as error:
            before = error
        else:
            try:
                exec(code, self.user_ns)
            except Exception as error:
                inside = error
        result = SimpleNamespace(info=info, error_before_exec=before, error_in_exec=inside)
        self.hooks["post_run_cell"](result)


@pytest.fixture
def shell(desk, monkeypatch):
    made = Shell()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: made))
    kernel.watch()
    return made


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def double(x):\n    return 2 *", "has a syntax error in line 2"),
        ("import nowhere\ndef double(x):\n    return 2 * x", "raises ModuleNotFoundError"),
    ],
)
def test_an_old_answer_gets_no_tick_when_its_cell_has_failed_since(shell, source, words):
    shell.run("def double(x):\n    return 2 * x")
    assert check(shell.user_ns["double"]).verdict.verdict == "correct"
    shell.run(source)
    found = check(shell.user_ns["double"]).verdict
    assert (found.verdict, found.points) == ("error", 0)
    assert words in found.hint
    assert "older answer" in found.hint
    shell.run("def double(x):\n    return x + x")
    assert check(shell.user_ns["double"]).verdict.verdict == "correct"


def test_a_cell_that_fails_below_its_function_has_defined_it(shell):
    shell.run("def double(x):\n    return 2 * x\n\nprint(double())")
    assert check(shell.user_ns["double"]).verdict.verdict == "correct"


def test_a_cell_changed_after_it_ran_is_said_to_be_as_far_as_it_is_saved(shell, desk):
    source = "def double(x):\n    return 2 * x\n"
    shell.run(source)
    path = desk / f"{numbers.EXERCISE}.ipynb"
    path.write_bytes(numbers.raw(double=source))
    assert check(shell.user_ns["double"]).aside.warning == ""
    path.write_bytes(numbers.raw(double="def double(x):\n    return 3 * x\n"))
    shown = check(shell.user_ns["double"])
    assert "was changed after it ran" in shown.aside.warning
    assert "was changed after it ran" in shown._repr_html_()
    shell.run("def double(x):\n    return x + x\n")  # newer than what is saved
    assert check(shell.user_ns["double"]).aside.warning == ""


# What is printed, and how it looks


def test_what_an_answer_prints_is_folded_below_its_verdict(desk):
    def loud(x):
        print("<x> is", x)
        return 2 * x

    shown = check(named("double", loud))
    page = soup(shown._repr_html_())
    [folded] = page.select("details")
    assert "open" not in folded.attrs
    assert "<x> is" in folded.select_one("pre").text
    assert "<details>" not in check(double)._repr_html_()


def test_of_much_that_is_printed_the_beginning_is_kept():
    kept = Kept()
    for number in range(10_000):
        kept.write(f"line {number}\n")
    printed = kept.printed()
    assert printed is not None
    assert printed.lines == 10_000
    assert printed.text.startswith("line 0\n")
    assert printed.text.endswith("more)")
    assert len(printed.text) < 5000
    assert Kept().printed() is None


@pytest.mark.parametrize(
    ("sentence", "html"),
    [
        ("not *this*, **that**", "not <em>this</em>, <strong>that</strong>"),
        ("`a * b` is 2 * 3 * 4", "<code>a * b</code> is 2 * 3 * 4"),
        ("takes *args and **kwargs", "takes *args and **kwargs"),
        ("*<b>*", "<em>&lt;b&gt;</em>"),
        ("`a -> b` -> 2x2", "<code>a -&gt; b</code> → 2x2"),
    ],
)
def test_asterisks_and_backticks_of_hints_are_rendered(sentence, html):
    assert sentence_html(sentence) == html


def shown_verdicts():
    """Verdicts of all kinds, as a notebook shows them, in HTML."""
    checks = {"shape": True, "output": False}
    rng = np.random.default_rng(1)
    picture = Picture(
        caption="conv2d(image=array(9, 8, 3), kernels=array(3, 3, 3, 4))",
        expected=Array.of(rng.normal(size=(9, 8))),
        found=Array.of(rng.normal(size=(9, 8))),
    )
    about: dict[str, Any] = {
        "task": "interpolated_projection_shortcut",
        "points": 1,
        "max_points": 4,
    }
    long = "interpolated_projection_shortcut(x=x(12, 7, 9), filters=9): " + "`ops.matmul`, " * 9
    wrong = Verdict(
        **about, verdict="wrong", checks=checks, hint=f"It is *not* `{'y' * 70}`.",
        details=(long,), remarks=("not by hand",), progress="1 of 4 cases is right.",
        picture=picture,
    )  # fmt: skip
    open_ = Verdict(**about, verdict="missing", checks=dict.fromkeys(checks, False), hint="Not yet")
    right = Verdict(**about, verdict="correct", checks=dict.fromkeys(checks, True), by_library=True)
    step = sentence_html("Stuck? `hint('double')`")
    aside = Aside("The cell was changed after it ran.", Printed("x " * 200, 3), (step,))
    solved = templates().get_template("solution.html").render(
        name="double", verdict=wrong, mine=[helping.Line("x = 1  # " + "long " * 30, True)],
        theirs=[helping.Line("x = 2", False)],
    )  # fmt: skip
    return [verdict_html(v, aside) for v in (wrong, open_, right)] + [solved]


THEMES = Path(sys.prefix) / "share/jupyter/lab/themes/@jupyterlab"
NAMED = {"white": "#fff", "black": "#000", "transparent": "rgba(0,0,0,0)"}


def theme_variables(name):
    """A theme's own variables, from the style sheet that JupyterLab ships."""
    css = (THEMES / f"theme-{name}-extension" / "index.css").read_text("utf-8")
    return dict(re.findall(r"(--[\w-]+):\s*([^;}]+)", css))


def arguments(content):
    """The parts between commas at the top of a function's arguments."""
    parts, depth = [""], 0
    for sign in content:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]


def colour(value, variables):
    """What a CSS colour is: red, green, blue from 0 to 255, and its opacity."""
    value = NAMED.get(value.strip(), value.strip())
    kind, _, content = value.rstrip(")").partition("(") if value.endswith(")") else ("", "", "")
    content = value[len(kind) + 1 : -1]
    if kind == "var":
        name, *fallback = arguments(content)
        return colour(variables.get(name) or ", ".join(fallback), variables)
    if kind == "color-mix":
        _, first, second = arguments(content)
        mixed, share = first.removesuffix("%").rsplit(" ", 1)
        one, other = colour(mixed, variables), colour(second, variables)
        return [a * int(share) / 100 + b * (1 - int(share) / 100) for a, b in zip(one, other)]  # noqa: B905
    if kind in ("rgb", "rgba"):
        numbers_ = [float(part) for part in arguments(content)]
        return [*numbers_[:3], *(numbers_[3:] or [1.0])]
    digits = value.removeprefix("#")
    digits = "".join(2 * d for d in digits) if len(digits) == 3 else digits
    return [*(float(int(digits[i : i + 2], 16)) for i in (0, 2, 4)), 1.0]


def on(front, back):
    return [a * front[3] + b * (1 - front[3]) for a, b in zip(front[:3], back[:3])] + [1.0]  # noqa: B905


def luminance(colour_):
    parts = [part / 255 for part in colour_[:3]]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def specificity(selector):
    return len(re.findall(r"[.:]", selector)), len(re.findall(r"(?:^| |>)\s*[a-z]", selector))


def rules(css):
    """Selectors with their declarations, in the order in which the later one wins."""
    found = []
    for rule in tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True):
        if rule.type == "qualified-rule":
            body = tinycss2.parse_blocks_contents(rule.content, skip_whitespace=True)
            declared = {
                d.name: tinycss2.serialize(d.value).strip() for d in body if d.type == "declaration"
            }
            selectors = tinycss2.serialize(rule.prelude).split(",")
            found += [(selector.strip(), declared) for selector in selectors]
    return sorted(found, key=lambda one: specificity(one[0]))


@pytest.mark.skipif(not THEMES.is_dir(), reason="JupyterLab is not installed")
@pytest.mark.parametrize("theme", ["light", "dark", None])
def test_every_word_of_a_verdict_can_be_read_in_both_of_jupyterlabs_themes(theme):
    """4.5 to 1 is what WCAG 2 asks of text; without a theme it stands on a white page."""
    variables = theme_variables(theme) if theme else {}
    lowest = []
    for html in shown_verdicts():
        page = soup(html)
        styles: dict[int, dict[str, str]] = {}
        for selector, declared in rules(page.find("style").text):
            if ":" not in selector:
                for element in page.select(selector):
                    styles.setdefault(id(element), {}).update(declared)
        own = {**variables, **styles[id(page.select_one(".ag"))]}
        words = [w for w in page.find_all(string=True) if w.strip() and w.parent.name != "style"]
        assert len(words) > 5
        for word in words:
            chain = [word.parent, *word.parent.parents]
            front = next(styles[id(e)]["color"] for e in chain if "color" in styles.get(id(e), {}))
            back = colour("var(--jp-layout-color0, #fff)", own)
            for element in reversed(chain):
                if "background" in styles.get(id(element), {}):
                    back = on(colour(styles[id(element)]["background"], own), back)
            lowest.append((contrast(on(colour(front, own), back), back), word.strip()))
    assert min(lowest)[0] >= 4.5, min(lowest)


@pytest.mark.skipif(browser.MISSING is not None, reason=str(browser.MISSING))
@pytest.mark.skipif(not THEMES.is_dir(), reason="JupyterLab is not installed")
def test_a_verdict_is_no_wider_than_its_cell_on_a_narrow_screen(tmp_path):
    css = (THEMES / "theme-dark-extension" / "index.css").read_text("utf-8")
    body = "".join(
        f'<div class="cell" style="overflow-x: auto">{v}</div>' for v in shown_verdicts()
    )
    page = tmp_path / "page.html"
    page.write_text(f"<meta charset=utf-8><style>{css}</style>{body}", "utf-8")
    wide = (
        """return [...document.querySelectorAll('.cell')].map(e => e.scrollWidth - e.clientWidth)"""
    )
    with browser.chromium(tmp_path / "profile") as driver:
        for width, scale in ((290, 1), (600, 1), (600, 1.75)):
            size = {"width": width, "height": 900, "deviceScaleFactor": scale, "mobile": False}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            driver.get(page.as_uri())
            assert driver.execute_script(wide) == [0] * len(shown_verdicts())
        maps = driver.execute_script(
            "return [...document.images].map(i => [i.naturalWidth, i.naturalHeight])"
        )
        assert maps == [[8, 9]] * 3, "the maps are pictures that a browser can draw"


def test_a_picture_says_what_its_colours_mean_and_lets_the_page_through():
    page = soup(shown_verdicts()[0])
    assert [caption.text for caption in page.select("figcaption")] == [
        "expected", "yours", "difference",
    ]  # fmt: skip
    assert re.search(r"-\d\.\d+ and below\s+0\s+\d\.\d+ and above", page.select_one(".scale").text)


def test_a_picture_of_what_is_no_number_shows_it(tmp_path):
    found = np.full((4, 5), 2.5)
    found[1, 2] = np.nan
    zeros = Array.of(np.zeros((4, 5)))
    shown = drawn(Picture(caption="f()", expected=zeros, found=Array.of(found)))
    assert shown.limit == "2.5"
    assert shown.has_nan
    pictures = [png for _, png in shown.panels]
    assert len(set(pictures)) == 2, "nothing is expected, so that the difference is what is given"
    import matplotlib.image

    path = tmp_path / "found.png"
    path.write_bytes(base64.b64decode(pictures[1]))
    pixels = matplotlib.image.imread(path)
    assert pixels.shape == (4, 5, 4)
    assert pixels[1, 2] == pytest.approx([127 / 255] * 3 + [1])
    assert pixels[0, 0] == pytest.approx(np.divide([*ABOVE, 255], 255))


def test_an_unanswered_task_has_no_red_marks():
    page = soup(shown_verdicts()[1])
    assert not page.select(".failed, .held")
    assert "– shape" in page.text
    assert "✗" not in page.text


def test_an_answer_by_hand_that_calls_a_library_says_so_beside_its_points():
    assert "✓ correct, not by hand" in shown_verdicts()[2]


# Where help is told of


def test_every_exercise_says_where_help_is_and_leads_to_its_chapter(root):
    for path in sorted(root.glob("exercises/*/*.ipynb")):
        book = nbformat.read(path, as_version=4)
        title = book.cells[0].source
        assert "**Stuck?**" in title, path.name
        assert re.search(r'`solution\("\w+"\)`\s+shows a model answer', title), path.name
        sources = [cell.source for cell in book.cells if cell.cell_type == "code"]
        assert any("from autograder import check, hint, solution" in s for s in sources), path.name
        links = [path.parent / link for link in re.findall(r"\]\(([^)]+\.ipynb)\)", title)]
        assert links, path.name
        assert all(link.is_file() for link in links), f"{path.name}: {links}"
        chapter = root / "chapters" / path.name
        assert (chapter.resolve() in [link.resolve() for link in links]) == chapter.is_file(), (
            f"{path.name}: run `autograder release {path.stem}`"
        )
        if "**By hand**" in title:
            assert "The note costs no points" in title, path.name


def test_the_readme_says_where_help_is(root):
    assert "solution(" in (root / "README.md").read_text("utf-8")


@pytest.mark.parametrize("page", ["contents.ipynb", "chapters", "exercises"])
def test_links_between_the_pages_lead_somewhere(root, page):
    paths = [root / page] if page.endswith(".ipynb") else root.glob(f"{page}/**/*.ipynb")
    for path in paths:
        cells = nbformat.read(path, as_version=4).cells
        for cell in cells:
            for link in re.findall(r"\]\(([^):]+\.ipynb)\)", cell.source):
                assert (path.parent / link).is_file(), f"{path.name}: {link}"


def test_check_hint_and_solution_are_there_while_a_notebook_is_graded(workshop, tmp_path):
    """They do nothing there; a cell that calls them must not fail."""
    from autograder.running.runner import grade_notebook

    cells = numbers.cells()
    cells.insert(0, numbers.code("from autograder import check, hint, solution\nhint('double')"))
    cells.insert(1, numbers.code("solution('double')\nfound = 1"))
    key = numbers.numbers_key()
    outcome = grade_notebook(numbers.raw(numbers.notebook(cells)), key, 60, workshop)
    assert (outcome.status, outcome.score) == ("graded", numbers.FULL)
    assert set(autograder.__all__) == {"check", "hint", "solution"}
