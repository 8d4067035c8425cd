"""Every task's own bank: right answers in many styles are accepted, known mistakes are named.

Answers are judged with the public key. `make test` tries all right answers and a drawn share of the
wrong ones; `make test-full` makes further keys, and each judges the whole bank.
"""

import itertools
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from autograder.data.key import KnownMistake, TaskKey
from autograder.data.observation import Observation
from autograder.judging.judge import Verdict, judge
from autograder.judging.known import known_mistake
from autograder.probing.probe import probe_of_many
from autograder.setting import keymaking
from autograder.setting.exercises import public_key
from autograder.setting.slips import answer_with, slips_of
from autograder.setting.task import Mistake, Task, load_tasks

ROOT = Path(__file__).resolve().parent.parent
SEED = 20260
BANK = {
    f"{path.parent.name}-{task.name}": task
    for path in sorted(ROOT.glob("solutions/*/tasks.py"))
    for task in load_tasks(path)
}
# How many of a task's wrong answers, and of its pairs of mistakes, are tried: a whole net, or a
# design, takes a second and more.
DRAWN = {"function": 16, "block": 14, "layer": 14, "model": 8}
PAIRS = {"function": 4, "block": 3, "layer": 3, "model": 2}


@dataclass
class Judged:
    """A task with its public key, and what was seen of the answers tried until now."""

    task: Task
    key: TaskKey
    seen: dict[str, Observation] = field(default_factory=dict)

    def look(self, function: Callable) -> Observation:
        """What is seen of an answer of the bank."""
        name = function.__name__
        if name not in self.seen:
            self.seen[name] = probe_of_many(function, self.key.question)
        return self.seen[name]

    def verdict(self, function: Callable) -> Verdict:
        return judge(self.key, self.look(function))

    def right(self) -> list[Callable]:
        """The model answer and the accepted ones; of designs, which take seconds, eight."""
        accepted = [accepted.function for accepted in self.task.accepted]
        return [self.task.answer, *(accepted[:8] if self.task.properties else accepted)]

    def drawn(self) -> list[Mistake]:
        """The wrong answers that are tried, drawn by a fixed seed."""
        kind = "model" if self.task.properties else self.task.kind
        return self.shuffled()[: DRAWN[kind]]

    def shuffled(self) -> list[Mistake]:
        """All wrong answers, in an order drawn by a fixed seed."""
        order = np.random.default_rng(SEED).permutation(len(self.task.mistakes))
        return [self.task.mistakes[place] for place in order]


@pytest.fixture(scope="module", params=BANK)
def judged(request):
    task = BANK[request.param]
    exercise = request.param.removesuffix(f"-{task.name}")
    key = public_key(ROOT, exercise)
    return Judged(task, key.tasks[task.name])


def names(task: Task) -> list[str]:
    answers = [task.answer, *(a.function for a in task.accepted)]
    return [f.__name__ for f in (*answers, *(m.function for m in task.mistakes))]


def test_every_answer_has_a_name_of_its_own(judged):
    assert len(set(names(judged.task))) == len(names(judged.task))


def test_the_bank_is_large_enough(judged):
    task = judged.task
    assert len(task.accepted) >= 3, "a model answer and three in other styles"
    assert len(task.mistakes) >= 8
    assert len({mistake.hint for mistake in task.mistakes}) >= 5


def test_right_answers_get_full_marks_however_written(judged):
    for function in judged.right():
        verdict = judged.verdict(function)
        assert (verdict.verdict, verdict.points) == ("correct", judged.key.max_points), (
            function.__name__,
            verdict.hint,
        )


def test_mistakes_lose_points_and_get_their_own_hint(judged):
    for mistake in judged.drawn():
        name = mistake.function.__name__
        verdict = judged.verdict(mistake.function)
        assert verdict.verdict in ("wrong", "error"), name
        assert verdict.points < judged.key.max_points, name
        if judged.seen[name].status == "observed":
            assert verdict.hint == mistake.hint, name


def test_answers_are_pairwise_distinct_where_they_should_be(judged):
    """No mistake equals another in all that was seen of it: each hint has one meaning."""
    mistakes = judged.key.mistakes
    assert mistakes
    for index, one in enumerate(mistakes):
        for other in mistakes[index + 1 :]:
            assert not look_alike(one, other), (one.hint, other.hint)


def test_three_mistakes_have_the_right_shape_and_parameters(judged):
    """Shapes and counts alone would let them pass. The bank is judged until three are found."""
    checks = (judged.verdict(mistake.function).checks for mistake in judged.shuffled())
    alike = (c for c in checks if c.get("shape", True) and c.get("parameters", True))
    assert len(list(itertools.islice(alike, 3))) == 3


def look_alike(one: KnownMistake, other: KnownMistake) -> bool:
    return one.model_copy(update={"hint": ""}) == other.model_copy(update={"hint": ""})


def test_of_two_mistakes_at_once_one_is_named_and_never_a_third(judged):
    """Real answers have two faults at once: they are refused, and no other fault is named."""
    task, key = judged.task, judged.key
    made = slips_of(task, keymaking.trials_of(task, SEED))
    hints = {mistake.hint for mistake in key.mistakes}
    for one, other in pairs_of(made, PAIRS[task.kind]):
        seen = seen_of(task, key, [one, other])
        both = judge(key, seen)
        refused = both.verdict in ("wrong", "error") and both.points < key.max_points
        named = {hint for hint in hints if both.hint.startswith(hint)}
        their_own = {one.hint, other.hint, one.general, other.general}
        if refused and (named <= their_own or known_mistake(key, seen)):
            continue  # where it is known, nothing at all tells the two from that mistake
        # What each of them alone is told takes as long again, and is asked for where it matters.
        alone = [judge(key, seen_of(task, key, [slip])) for slip in (one, other)]
        if "correct" in [verdict.verdict for verdict in alone]:
            continue  # a slip that changes nothing makes no second fault
        what = (one.hint, other.hint, both.hint)
        assert refused, what
        mine = {hint for verdict in alone for hint in hints if verdict.hint.startswith(hint)}
        assert named <= mine | their_own, what


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


def test_a_key_of_the_bank_holds_no_code(judged):
    task, key = judged.task, judged.key
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
    # Further examples, of what few exercises have, follow.
    assert shown[: len(files)] == [file.replace("{{ number }}", "17") for file in files]


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
