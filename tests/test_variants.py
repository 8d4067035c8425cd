"""Variants of exercises: other constants in text, answers and keys; two seeds, two courses."""

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.data.notebook import answers_in
from autograder.judging.judge import judge
from autograder.probing.probe import probe_of_many
from autograder.setting.exercises import PUBLIC_SEED
from autograder.setting.keymaking import make_task_key
from autograder.setting.task import Task, TaskError, load_tasks, module_of
from autograder.setting.variants import (
    Constant,
    Passage,
    Variants,
    _replaced,
    rendered,
    variants_of,
    word,
    write_variant,
)

ROOT = Path(__file__).resolve().parent.parent
NAMES = sorted(path.parent.name for path in ROOT.glob("solutions/*/variants.py"))
SEEDS = (1, 2)
NETS = ("03_classic", "04_residual", "07_efficient", "14_mask_rcnn")  # whose keys take minutes


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Every exercise with variants as the book has it (None), and for each seed."""
    place = tmp_path_factory.mktemp("variants")
    for name in NAMES:
        solution = ROOT / "solutions" / name
        declared = variants_of(solution)
        assert declared is not None
        for seed in (None, *SEEDS):
            values = declared.defaults() if seed is None else declared.chosen(name, seed)
            write_variant(solution, place / str(seed) / name, values)
    return place


def changed_tasks(folder: Path) -> list[Task]:
    """The tasks of a written variant that its constants concern."""
    declared = variants_of(ROOT / "solutions" / folder.name)
    assert declared is not None
    return [task for task in load_tasks(folder / "tasks.py") if task.name in declared.tasks]


def test_several_exercises_can_be_varied_and_every_constant_names_its_tasks():
    assert len(NAMES) >= 6
    for name in NAMES:
        declared = variants_of(ROOT / "solutions" / name)
        assert declared is not None
        known = {task.name for task in load_tasks(ROOT / "solutions" / name / "tasks.py")}
        for constant in declared.constants:
            assert set(constant.tasks) <= known
            assert constant.tasks
            assert constant.default not in constant.others
            assert constant.chosen(name, 1) != constant.chosen(name, 2)


@pytest.mark.parametrize("name", NAMES)
def test_at_its_defaults_a_variant_is_the_book_letter_by_letter(written, name):
    made = [path for path in (written / "None" / name).rglob("*") if path.is_file()]
    assert made
    for path in made:
        original = ROOT / "solutions" / name / path.relative_to(written / "None" / name)
        assert path.read_bytes() == original.read_bytes(), path.name


@pytest.mark.parametrize("name", NAMES)
def test_the_text_names_the_variants_constants_and_no_longer_the_defaults(written, name):
    declared = variants_of(ROOT / "solutions" / name)
    assert declared is not None
    for seed in SEEDS:
        content = json.loads((written / str(seed) / name / f"{name}.ipynb").read_text("utf-8"))
        text = "\n\n".join("".join(cell["source"]) for cell in content["cells"])
        for passage in declared.notebook:
            template = passage.template if isinstance(passage, Passage) else passage
            before = rendered(template, {**declared.helpers, **declared.defaults()})
            after = rendered(template, {**declared.helpers, **declared.chosen(name, seed)})
            assert after in text
            assert before == after or before not in text


@pytest.mark.parametrize("name", NAMES)
def test_the_sheet_of_questions_names_no_number_that_a_variant_changes(name):
    """A sheet is the same in every course. Digits, and 1.0, stand for too much to be looked for."""
    declared = variants_of(ROOT / "solutions" / name)
    assert declared is not None
    sheet = ROOT / "questions" / "solutions" / f"{name}_questions" / f"{name}_questions.ipynb"
    cells = json.loads(sheet.read_text("utf-8"))["cells"]
    text = "\n\n".join("".join(cell["source"]) for cell in cells)
    for number in map(str, declared.defaults().values()):
        if float(number) not in range(10):
            found = re.search(rf"(?<![\w.-]){re.escape(number)}(?!\w|\.\d)", text)
            assert not found, number


def test_a_passage_that_is_not_there_is_an_error_and_numbers_are_found_only_alone():
    declared = Variants([Constant("n", 5, (6,), ["f"])], notebook=[], code={})
    texts = ["5 * x5 + 15 + 0.5 - 5.5, 5."]
    assert _replaced(declared, [word("«n»")], texts, {"n": 6}, "a.py") == [
        "6 * x5 + 15 + 0.5 - 5.5, 6."
    ]
    with pytest.raises(TaskError, match=r"a\.py does not hold 'n is 5'"):
        _replaced(declared, ["n is «n»"], texts, {"n": 6}, "a.py")


def test_mobilenets_dense_kernel_is_in_every_variant_as_large_as_no_other():
    """Its scale is given by its number of weights: another kernel of as many would have it too."""
    solution = ROOT / "solutions" / "07_efficient"
    declared = variants_of(solution)
    assert declared is not None
    classes = module_of(solution / "tasks.py").CLASSES
    constants = [c for c in declared.constants if "mobilenet_v2" in c.tasks]
    variants = itertools.product(*(constant.others for constant in constants))
    for values in [[constant.default for constant in constants], *variants]:
        chosen = dict(zip([c.name for c in constants], values, strict=True))
        kernels, _ = declared.helpers["layers_of"](**chosen)
        assert not {chosen["last"] * count for count in classes} & set(kernels), chosen


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NETS])
def test_a_variants_model_answer_is_right_by_its_own_key_and_wrong_by_the_others(
    written, name, without_slips
):
    cross_judged(written, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_a_varied_nets_model_answer_is_right_by_its_own_key_alone(written, name, without_slips):
    cross_judged(written, name)


def cross_judged(written: Path, name: str) -> None:
    """Each variant's model answer by each variant's key; the book's own is one of them."""
    tasks: dict[tuple[int | None, str], Task] = {}
    for seed in (None, *SEEDS):
        for task in changed_tasks(written / str(seed) / name):
            tasks[seed, task.name] = replace(task, accepted=[], mistakes=[])
    keys = {which: make_task_key(task, PUBLIC_SEED) for which, task in tasks.items()}
    for (one, name), (other, same) in itertools.product(tasks, tasks):
        if name == same:
            key = keys[one, name]
            verdict = judge(key, probe_of_many(tasks[other, name].answer, key.question))
            assert (verdict.verdict == "correct") == (one == other), (name, one, other)


@pytest.mark.parametrize("name", NAMES)
def test_the_notebooks_answer_is_the_variants_too(written, name):
    """The cell that a teacher reads holds the constants of the tasks beside it."""
    for seed in SEEDS:
        folder = written / str(seed) / name
        varied = answers_in((folder / f"{name}.ipynb").read_bytes())
        book = answers_in((ROOT / "solutions" / name / f"{name}.ipynb").read_bytes())
        for task in changed_tasks(folder):
            assert varied[task.name] != book[task.name]
        assert list(varied) == list(book)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", NAMES)
def test_the_whole_bank_follows_into_a_variant(written, name, seed):
    """What was wrong by default is not right in a variant, and has its own hint; right is right."""
    for task in changed_tasks(written / str(seed) / name):
        seen: dict = {}
        key = make_task_key(task, PUBLIC_SEED, seen)  # refuses what is misjudged
        for accepted in task.accepted:
            assert judge(key, seen[accepted.function.__name__]).verdict == "correct"
        for mistake in task.mistakes:
            observation = seen[mistake.function.__name__]
            verdict = judge(key, observation)
            assert verdict.verdict != "correct", mistake.function.__name__
            if observation.status == "observed":
                assert verdict.hint == mistake.hint, mistake.function.__name__
