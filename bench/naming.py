"""What a wrong answer is told first: does the sentence name its mistake?

    python -m bench.naming                          # ten wrong answers a task, drawn from the banks
    python -m bench.naming --sample 4 06_inception
    python -m bench.naming --show 06_inception      # with the sentences, to be read

Each answer is judged twice. By the public key, which knows it: it should get the bank's own hint.
And by that key without whatever the key knows of this very answer, as if nobody had thought of it:
what the checker then says rests on what it saw. Whether such a sentence is true only a reader can
tell; the columns say of which kind it is.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from bench.pages import write_page

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SEED = 22
OWN, OTHER, PLAIN, STEP, DIFFERENCE = KINDS = (
    "its own hint",
    "another mistake's hint",
    "a plain sentence",
    "a step or layer",
    "only what differs",
)
OF_STEPS = ("they part at", "make a new one", "is missing", "are missing", "too many: `")
"""By which a sentence on a call is known to say which step, layer or weight is wrong."""


@dataclass
class Told:
    """What one wrong answer was told, by the key that knows it and by the one that does not."""

    task: str
    answer: str
    hint: str
    known: str
    unknown: str
    said: str


def kind_of(said: str, name: str, own: str, hints: Iterable[str]) -> str:
    """Which of KINDS what is said of a wrong answer begins with.

    Args:
        said: the sentences of the verdict.
        name: the task's name, with which a sentence begins that tells of a call.
        own: the bank's hint for this answer.
        hints: those of all mistakes of the key.
    """
    if own in said:
        return OWN
    if any(hint in said for hint in hints if hint):
        return OTHER
    if not said.startswith((f"{name}(", f"`{name}`", f"{name} ")):
        return PLAIN
    return STEP if any(words in said for words in OF_STEPS) else DIFFERENCE


def without(key, observation):
    """The key as it would be had nobody thought of this answer."""
    from autograder.judging.known import known_mistake

    while mistake := known_mistake(key, observation):
        left = tuple(other for other in key.mistakes if other is not mistake)
        key = key.model_copy(update={"mistakes": left})
    return key


def told(exercise: str, sample: int) -> Iterator[Told]:
    """What a seeded sample of the wrong answers of an exercise's banks are told."""
    from autograder.judging.judge import judge
    from autograder.probing.probe import probe
    from autograder.setting.exercises import public_key
    from autograder.setting.task import load_tasks

    rng = np.random.default_rng(SEED)
    keys = public_key(ROOT, exercise).tasks
    for task in load_tasks(ROOT / "solutions" / exercise / "tasks.py"):
        key = keys[task.name]
        hints = {mistake.hint for mistake in key.mistakes}
        for index in sorted(rng.permutation(len(task.mistakes))[:sample]):
            mistake = task.mistakes[index]
            seen = probe(mistake.function, key.question)
            by_key = judge(key, seen).hint
            said = judge(without(key, seen), seen).hint
            by_both = (by_key, said)
            known, unknown = (kind_of(text, task.name, mistake.hint, hints) for text in by_both)
            answer = mistake.function.__name__
            yield Told(f"{exercise} `{task.name}`", answer, mistake.hint, known, unknown, said)
        print(f"{exercise} {task.name}", file=sys.stderr, flush=True)


def lines_of(found: list[Told]) -> list[str]:
    """The page: a row a task, and one for all."""
    by_task: dict[str, list[Told]] = {}
    for one in found:
        by_task.setdefault(one.task, []).append(one)
    lines = [
        "# What a wrong answer is told first",
        "",
        f"{len(found)} wrong answers to {len(by_task)} tasks, drawn from the banks with seed "
        f"{SEED}. The second column counts those that get the bank's own hint by the public key, "
        "which knows them. The others say what they are told by that key without them, as if "
        "nobody had thought of them; whether what is not their own hint is true, only a reader "
        "can tell (`--show`).",
        "",
        "| task | known: own hint | " + " | ".join(f"unknown: {kind}" for kind in KINDS) + " |",
        "|---|" + "---:|" * (1 + len(KINDS)),
    ]
    for name, some in [*by_task.items(), ("all", found)]:
        known = sum(one.known == OWN for one in some)
        counts = Counter(one.unknown for one in some)
        cells = " | ".join(str(counts[kind]) for kind in KINDS)
        lines.append(f"| {name} | {known} of {len(some)} | {cells} |")
    return lines


def main() -> int:
    """Judge, and write bench/naming.md."""
    from autograder.setting.exercises import exercise_names

    parser = argparse.ArgumentParser(prog="python -m bench.naming", description=__doc__)
    parser.add_argument("exercises", nargs="*")
    parser.add_argument("--sample", type=int, default=10, help="wrong answers a task")
    parser.add_argument("--show", action="store_true", help="print each sentence, and the hint")
    given = parser.parse_args()
    if unknown := set(given.exercises) - set(exercise_names(ROOT)):
        parser.error(f"there is no exercise {', '.join(sorted(unknown))}")
    found: list[Told] = []
    for exercise in given.exercises or exercise_names(ROOT):
        for one in told(exercise, given.sample):
            found.append(one)
            if given.show and one.unknown != OWN:
                print(f"{one.task} {one.answer}: {one.hint}\n  {one.unknown}: {one.said}")
    lines = lines_of(found)
    print("\n".join(lines))
    if not given.exercises:
        write_page(HERE / "naming.md", lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
