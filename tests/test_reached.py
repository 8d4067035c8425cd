"""An answer is asked when its check is reached, and a notebook's own world is there."""

import numbers_exercise as numbers
import pytest

from autograder.data.notebook import read_notebook
from autograder.running.cells import asking_places
from autograder.running.runner import grade_notebook

STUBBORN = """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
"""
FULL = (2, 4, 2)
LAST = (0, 4, 2)


@pytest.fixture(scope="module")
def key():
    return numbers.numbers_key()


@pytest.fixture
def points(key, workshop):
    """A function: the points of the three tasks of a notebook of these cells, and its outcome."""

    def graded(cells, timeout=20):
        outcome = grade_notebook(numbers.raw(numbers.notebook(cells)), key, timeout, workshop)
        return tuple(verdict.points for verdict in outcome.verdicts), outcome

    return graded


def below(*sources):
    """The exercise answered rightly, with further cells at its end."""
    return [*numbers.cells(), *map(numbers.code, sources)]


def around(source, name="double"):
    """The exercise with a cell behind the check of `name`, before the others."""
    cells = numbers.cells()
    at = 1 + next(i for i, cell in enumerate(cells) if "".join(cell["source"]) == f"check({name})")
    return [*cells[:at], numbers.code(source), *cells[at:]]


LATER = {
    "takes the answer's name": "def double(x):\n    return x\n",
    "takes a name that the answer uses": "np = None",
    "deletes it": "del double",
    "sets the picture format": "import keras\nkeras.config.set_image_data_format('channels_first')",
    "sets half precision": "import keras\nkeras.config.set_dtype_policy('mixed_float16')",
    "sets another kind of float": "import keras\nkeras.config.set_floatx('float64')",
    "patches a library": "import numpy\nnumpy.asarray = None",
    "fails": "1 / 0",
    "exits": "raise SystemExit",
    "never ends": "while True:\n    pass",
    "speaks of a check": "# check(double)\nsaid = 'check(double)'\ndef double(x):\n    return 3",
}


@pytest.mark.parametrize("source", LATER.values(), ids=LATER)
def test_a_cell_below_the_last_check_costs_nothing(points, source):
    assert points(below(source))[0] == FULL


@pytest.mark.parametrize("name", ["takes the answer's name", "deletes it", "fails"])
def test_a_cell_between_two_checks_does_not_touch_what_was_asked_before(points, name):
    assert points(around(LATER[name]))[0] == FULL


def test_training_above_an_answer_costs_no_other_answer(points):
    slow = "import time\ntime.sleep(60)"
    cells = [numbers.code(slow), numbers.code(slow), *numbers.cells()]
    earned, outcome = points(cells, timeout=8)
    assert earned == FULL
    assert outcome.seconds < 8


def test_what_was_asked_before_the_time_was_up_stays_earned_and_the_cell_is_named(points):
    earned, outcome = points(around(STUBBORN, "halves"), timeout=4)
    assert earned == (2, 4, 0)
    assert outcome.status == "timeout"
    assert "cell 6 was the last to start" in outcome.message


def test_what_is_not_there_at_its_check_is_asked_when_it_was_defined(points):
    imports, answer, check, *rest = numbers.cells()
    assert points([imports, check, answer, *rest])[0] == FULL
    stub = numbers.solution("double", "def double(x):\n    raise NotImplementedError\n")
    mine = numbers.code(numbers.RIGHT["double"])
    assert points([imports, stub, check, mine, *rest])[0] == FULL
    spoiled = numbers.code("double = abs")
    assert points([imports, stub, check, mine, *rest, spoiled])[0] == LAST
    needs = numbers.solution("double", "def double(x):\n    return twice(x)\n")
    helper = numbers.code("def twice(x):\n    return x + x\n")
    assert points([imports, needs, check, *rest, helper])[0] == FULL


def test_an_answer_that_sets_all_of_keras_changes_no_other(points):
    cells = numbers.cells(
        double="import keras\ndef double(x):\n    keras.config.set_floatx('float16')\n"
        "    keras.config.set_image_data_format('channels_first')\n    return 2 * x\n",
        halves="def halves(image, factor=2):\n    import keras\n"
        "    assert keras.config.floatx() == 'float32'\n"
        "    assert keras.config.image_data_format() == 'channels_last'\n"
        "    return image / factor\n",
    )
    assert points(cells)[0] == FULL


def places(*cells):
    notebook = read_notebook(numbers.raw(numbers.notebook(list(cells))))
    return asking_places(notebook, ["double"])


def test_the_place_is_the_check_and_with_two_checks_the_last_definition():
    answer = numbers.solution("double", numbers.RIGHT["double"])
    check, plain = numbers.check_cell("double"), numbers.code("check(double)")
    other = numbers.code("x = 1")
    assert places(answer, other, check, other) == {2: ["double"]}
    assert places(answer, other, plain, other) == {2: ["double"]}, "a check whose marks were lost"
    assert places(answer, check, other, check) == {0: ["double"]}
    assert places(answer, other) == {0: ["double"]}
    assert places(answer, check, other, answer) == {1: ["double"], 3: ["double"]}
    assert places(numbers.code("from mine import double"), other) == {0: ["double"]}
    assert places(other, check) == {1: ["double"]}
    assert places(other) == {}


IN_A_NOTEBOOK = {
    "display": "display(1)\nfrom IPython.display import display as show\nshow(2)",
    "the shell": "get_ipython().run_line_magic('matplotlib', 'inline')\n"
    "get_ipython().events.register('post_run_cell', print)",
    "a shell's lines": "cards = !nvidia-smi\nassert len(cards) == 0",
    "a timed call": "%time double(2)\nfour = %time double(2)\nassert four == 4",
    "a question": "double?\ndouble??",
    "a file": "%%writefile mine.py\nTWO = 2\n",
    "await": "import asyncio\nawait asyncio.sleep(0)\nassert await asyncio.sleep(0, 2) == 2",
    "input": "name = input('Your name? ')\nassert name == ''",
    "earlier results": "_, In, Out",
    "another language": "%%html\n<b>bold</b>",
}


@pytest.mark.parametrize("name", [name for name in IN_A_NOTEBOOK if name != "a file"])
def test_the_world_of_a_notebook_is_there(points, name):
    answer = "def double(x):\n    return 2 * x\n"
    if name != "another language":
        answer += IN_A_NOTEBOOK[name] + "\nafter = 1\n"
    cells = numbers.cells(double=answer, ends="after\ndef ends(x):\n    return x[0], x[-1]\n")
    if name == "another language":
        cells = [numbers.code(IN_A_NOTEBOOK[name]), *numbers.cells()]
    assert points(cells)[0] == FULL


def test_a_file_that_the_notebook_writes_can_be_imported_and_run(points):
    used = "from mine import TWO\n%run mine.py\ndef double(x):\n    return TWO * x\n"
    assert points([numbers.code(IN_A_NOTEBOOK["a file"]), *numbers.cells(double=used)])[0] == FULL


RIGHT = "def double(x):\n    return 2 * x\n"
TWICE = "def double(x):\n    return TWO * x\n"
WORLD = {
    "captured": [f"%%capture out\nprint(3)\n{RIGHT}", "out.show()\nassert out.stdout == ''"],
    "a measured time": [f"t = %timeit -o -n1 2 + 2\nbest = t.best + t.average\n{RIGHT}"],
    "a handle": [f"h = display(1, display_id=True)\nh.update(2)\n{RIGHT}"],
    "the folder": [f"here = %pwd\nassert here.startswith('/')\n%cd nowhere\n{RIGHT}"],
    "fields of lines": [f"found = !ls\nassert found.n == found.s == ''\nfound.l\n{RIGHT}"],
    "code as text": [f"get_ipython().run_cell('TWO = 2')\nget_ipython().magic('time 3')\n{TWICE}"],
    "names pushed": [f"get_ipython().push({{'TWO': 2}})\nget_ipython().ev('TWO')\n{TWICE}"],
    "a number typed": [f"assert int(input()) == float(input()) == 0\n{RIGHT}"],
    "a time within": ["def double(x):\n    y = %time 2 * x\n    return y"],
    "one event loop": [
        "import asyncio\nloop = asyncio.get_event_loop()\n"
        f"task = loop.create_task(asyncio.sleep(0, 2))\nTWO = await task\n{TWICE}"],
    "the last value": ["7", f"assert _ == 7\n{RIGHT}"],
    "a name taken": ["_ = 3", "7", f"assert _ == 3\n{RIGHT}"],
    "all earlier results": [f"_ih, _oh, _dh, _ii, _iii, ___, Out.get(1)\n{RIGHT}"],
    "a password": [f"import getpass\nassert getpass.getpass() == ''\n{RIGHT}"],
    "pasted prompts": [">>> def double(x):\n...     return 2 * x"],
    "a folder that is not there": ["!mkdir -p own", "%%writefile own/two.py\nTWO = 2",
                                   f"from own.two import TWO\n{TWICE}"],
    "a file with options": ["%%writefile two.py\nTWO = 2", f"%run -i two\n%run nowhere\n{TWICE}"],
    "a magic of one's own": [
        "from IPython.core.magic import register_cell_magic\n@register_cell_magic\n"
        "def skip(line, cell): pass", "%%skip\n1 / 0", RIGHT],
}  # fmt: skip


@pytest.mark.parametrize("sources", WORLD.values(), ids=WORLD)
def test_what_a_kernel_gives_beside_python_is_there(points, sources):
    *before, answer = map(numbers.code, sources)
    imports, _, *rest = numbers.cells()
    earned, outcome = points([imports, *before, answer, *rest])
    assert earned == FULL, outcome.verdicts[0].hint


@pytest.mark.parametrize(
    "absent",
    [
        "if True:\n    import nosuch\n",
        "from google.colab import files\nup = files.upload()\nfor name in up.keys():\n"
        "    text = open(name).read()\nlines = text.split()",
        "from nosuch import *\nsomething(3)",
        "import importlib\nmodule = importlib.import_module('nosuch')\nmodule.run()",
        "import nosuch\nclass Net(nosuch.Base): pass\nnet = Net()",
        "import keras\nbase = keras.applications.ResNet50(weights=None)\nbase.summary()",
        "from numpy import nosuch, add as mine\nmine(1, 2)",
        "import os\nos.chdir('/content/drive')\nlines = open('mine.csv').read()\nlines.split()",
        "import nosuch\nstart = nosuch.time()\nstart += 1\nlate = [start for _ in range(2)]",
        "from google.colab import drive\ndrive.mount('/content')",
        "import google.colab",
        "from keras.applications import ResNet50",
        "import nosuchpackage as numbers_of_mine, os.nosuch",
        "import convbook.architectures",
    ],
)
def test_an_import_that_fails_costs_only_itself(points, absent):
    answer = f"{absent}\nimport numpy as mine\ndef double(x):\n    return mine.add(x, x)\n"
    assert points(numbers.cells(double=answer))[0] == FULL


@pytest.mark.parametrize(
    "answer",
    [
        "import nosuch\n@nosuch.jit\ndef double(x):\n    return 2 * x",
        "import nosuch\ndef double(x: nosuch.Tensor) -> nosuch.Tensor:\n    return 2 * x",
    ],
    ids=["decorator", "annotation"],
)
def test_what_is_absent_around_an_answer_leaves_it_there(points, answer):
    assert points(numbers.cells(double=answer))[0] == FULL


def test_an_answer_that_needs_what_is_absent_says_which_cell_lacks_it(points):
    answer = "from google.colab import drive\ndef double(x):\n    return drive.of(x)\n"
    earned, outcome = points(numbers.cells(double=answer))
    assert earned == LAST
    assert "cell 2 raises ModuleNotFoundError: No module named 'google" in " ".join(
        [outcome.verdicts[0].hint, *outcome.verdicts[0].details]
    )


def test_what_fails_for_another_reason_still_ends_its_cell(points):
    answer = "from google.colab import drive\nnosuchname\ndef double(x):\n    return 2 * x\n"
    assert points(numbers.cells(double=answer))[0] == LAST


@pytest.mark.parametrize(
    "answer",
    [
        "double = lambda x: 2 * x",
        "import functools, operator\ndouble = functools.partial(operator.mul, 2)",
        "def logged(f):\n    def wrapper(*a):\n        return f(*a)\n    return wrapper\n"
        "@logged\ndef double(x):\n    return 2 * x\n",
        "def twice(x):\n    return 2 * x\ndouble = twice",
        "class Doubles:\n    def __call__(self, x):\n        return 2 * x\ndouble = Doubles()",
    ],
    ids=["lambda", "partial", "decorated", "another's", "object"],
)
def test_an_answer_without_a_name_of_its_own_is_checked_as_it_is_graded(
    points, key, tmp_path, monkeypatch, answer
):
    from autograder import check
    from autograder.data.key import write_key

    write_key(key, tmp_path / "key.json")
    monkeypatch.chdir(tmp_path)
    names = {"check": check}
    exec(f"{answer}\nshown = check(double)", names)
    assert float(names["shown"]) == 2  # type: ignore[arg-type]
    assert points(numbers.cells(double=answer))[0] == FULL
