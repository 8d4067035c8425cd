"""Every task's own bank: right answers in many styles are accepted, known mistakes are named.

Each answer is observed once, on a key of another seed than the published one.
"""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autograder.data.key import KnownMistake, TaskKey
from autograder.data.observation import Observation
from autograder.judging.judge import judge
from autograder.judging.known import known_mistake
from autograder.probing.probe import probe_of_many
from autograder.setting import keymaking, slips
from autograder.setting.slips import answer_with, slips_of
from autograder.setting.task import Task, load_tasks

ROOT = Path(__file__).resolve().parent.parent
SEED = 20260
BANK = {
    f"{path.parent.name}-{task.name}": task
    for path in sorted(ROOT.glob("solutions/*/tasks.py"))
    for task in load_tasks(path)
}


@pytest.fixture(scope="module", autouse=True)
def _some_slips():
    """The first of every kind of mistakes made by machine; keys are made with more of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slips, "MOST_SLIPS", dict.fromkeys(slips.MOST_SLIPS, 16))
        yield


@pytest.fixture(scope="module", params=BANK)
def observed(request):
    """A task, its key for a rotated seed, and what was seen of every answer in its bank."""
    task = BANK[request.param]
    seen: dict[str, Observation] = {}
    return task, keymaking.make_task_key(task, SEED, seen), seen


def names(task: Task) -> list[str]:
    answers = [task.answer, *(a.function for a in task.accepted)]
    return [f.__name__ for f in (*answers, *(m.function for m in task.mistakes))]


def test_every_answer_has_a_name_of_its_own(observed):
    task, _, _ = observed
    assert len(set(names(task))) == len(names(task))


def test_the_bank_is_large_enough(observed):
    task, _, _ = observed
    assert len(task.accepted) >= 3, "a model answer and three in other styles"
    assert len(task.mistakes) >= 8
    assert len({mistake.hint for mistake in task.mistakes}) >= 5


def test_right_answers_get_full_marks_however_written(observed):
    task, key, seen = observed
    for function in (task.answer, *(accepted.function for accepted in task.accepted)):
        verdict = judge(key, seen[function.__name__])
        assert (verdict.verdict, verdict.points) == ("correct", key.max_points), (
            function.__name__,
            verdict.hint,
        )


def test_mistakes_lose_points_and_get_their_own_hint(observed):
    task, key, seen = observed
    for mistake in task.mistakes:
        name = mistake.function.__name__
        verdict = judge(key, seen[name])
        assert verdict.verdict in ("wrong", "error"), name
        assert verdict.points < key.max_points, name
        if seen[name].status == "observed":
            assert verdict.hint == mistake.hint, name


def test_answers_are_pairwise_distinct_where_they_should_be(observed):
    """No mistake equals another in all that was seen of it: each hint has one meaning."""
    _, key, _ = observed
    assert key.mistakes
    for index, one in enumerate(key.mistakes):
        for other in key.mistakes[index + 1 :]:
            assert not look_alike(one, other), (one.hint, other.hint)


def test_three_mistakes_have_the_right_shape_and_parameters(observed):
    """Shapes and counts alone would let them pass."""
    task, key, seen = observed
    alike = 0
    for mistake in task.mistakes:
        checks = judge(key, seen[mistake.function.__name__]).checks
        alike += checks.get("shape", True) and checks.get("parameters", True)
    assert alike >= 3


def look_alike(one: KnownMistake, other: KnownMistake) -> bool:
    return one.model_copy(update={"hint": ""}) == other.model_copy(update={"hint": ""})


PAIRS = {"function": 6, "block": 4, "layer": 4, "model": 2}  # of a task


def test_of_two_mistakes_at_once_one_is_named_and_never_a_third(observed):
    """Real answers have two faults at once: they are refused, and no other fault is named."""
    task, key, _ = observed
    made = slips_of(task, keymaking.trials_of(task, SEED))
    hints = {mistake.hint for mistake in key.mistakes}
    for one, other in pairs_of(made, PAIRS[task.kind]):
        alone = [judge(key, seen_of(task, key, [slip])) for slip in (one, other)]
        if "correct" in [verdict.verdict for verdict in alone]:
            continue  # a slip that changes nothing makes no second fault
        seen = seen_of(task, key, [one, other])
        both = judge(key, seen)
        what = (one.hint, other.hint, both.hint)
        assert both.verdict in ("wrong", "error"), what
        assert both.points < key.max_points, what
        if known_mistake(key, seen):
            continue  # nothing at all tells the two from a mistake that is known
        named = {hint for hint in hints if both.hint.startswith(hint)}
        mine = {hint for verdict in alone for hint in hints if verdict.hint.startswith(hint)}
        assert named <= mine | {one.hint, other.hint, one.general, other.general}, what


def seen_of(task, key, slips):
    return probe_of_many(answer_with(task, *slips), key.question)


def pairs_of(made, count):
    """Some pairs of slips that can be made together, drawn by a fixed seed."""
    generator = np.random.default_rng(SEED)
    possible = [
        (one, other)
        for index, one in enumerate(made)
        for other in made[index + 1 :]
        if not one.changes.keys() & other.changes.keys()
        and one.kind != other.kind
        and not (one.wrap and other.wrap)
    ]
    chosen = generator.permutation(len(possible))[:count]
    return [possible[place] for place in chosen]


def test_a_key_of_the_bank_holds_no_code(observed):
    task, key, _ = observed
    text = key.model_dump_json()
    assert TaskKey.model_validate_json(text) == key
    said = " ".join(mistake.hint for mistake in key.mistakes)
    for name in names(task):
        if name != task.name and name not in said:  # a hint may hold the same word
            assert name not in text
    assert "lambda" not in text
    assert "def " not in text


def test_the_documented_example_is_what_a_new_exercise_begins_with():
    text = (ROOT / "docs" / "authoring.md").read_text("utf-8")
    shown = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    templates = ROOT / "autograder" / "templates" / "new"
    files = [(templates / name).read_text("utf-8") for name in ("tasks.py.j2", "bank.py.j2")]
    assert shown == [file.replace("{{ number }}", "17") for file in files]


MAKE_ONE_KEY = """
import sys
from tests.test_bank import BANK, keymaking
keymaking.make_task_key(BANK[sys.argv[1]], int(sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", BANK)
def test_the_bank_is_judged_rightly_with_twenty_further_keys(name):
    """Making a key judges the whole bank with it, and fails where one of it is misjudged.

    Each key is made by a process of its own: TensorFlow keeps some of the memory that the nets of
    a bank need, a gigabyte for each key of `resnet`.
    """
    for seed in range(100, 120):
        made = subprocess.run(
            [sys.executable, "-c", MAKE_ONE_KEY, name, str(seed)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, (seed, made.stderr[-2000:])
