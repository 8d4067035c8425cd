"""Variants of an exercise: the same task with other constants, so that public solutions do not fit.

What may change stands in a file `variants.py` beside the exercise's `tasks.py`: constants, each
with its default and other values, and the passages of the exercise's files in which they stand. A
passage is written as a template, with expressions over the constants between « and »::

    VARIANTS = Variants(
        constants=[Constant("weight", 5, (3, 4, 7), tasks=("match",))],
        notebook=["- A pair costs «weight» times the sum"],
        code={"tasks.py": ["linear_sum_assignment(«weight» * apart"], "bank/match.py": [word("5")]},
    )

At the defaults a template *is* the passage, letter by letter: the files are ordinary ones that can
be read and run, and a template that is found nowhere is an error. A variant is made by writing the
exercise's folder once more with every passage rendered for other values: the notebook's text and
answers, the tasks, and the banks. Its key is then made as any other. So nothing that is right by
default is taken for right: the bank is observed anew.
"""

from __future__ import annotations

import json
import re
import shutil
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.setting.task import TaskError, module_of

FILE = "variants.py"
EXPRESSION = re.compile("«(.+?)»")
NOT_COPIED = ("__pycache__", ".ipynb_checkpoints", "key.json", FILE)


@dataclass(frozen=True)
class Constant:
    """A value that the exercise fixes: its default, the others it may have, the tasks it is in.

    The others never include the default, so that in a variant every constant is another one.
    """

    name: str
    default: Any
    others: Sequence[Any]
    tasks: Sequence[str]

    def chosen(self, exercise: str, seed: int) -> Any:
        """One of the other values; seeds that follow each other take different ones."""
        first = zlib.crc32(f"{exercise}.{self.name}".encode())
        return self.others[(first + seed) % len(self.others)]


@dataclass(frozen=True)
class Passage:
    """A template, and whether it is only meant where it stands alone, as a number or a word."""

    template: str
    alone: bool = False

    def pattern(self, defaults: dict[str, Any]) -> str:
        """The regular expression that finds the passage at its defaults."""
        text = re.escape(rendered(self.template, defaults))
        return rf"(?<![\w.]){text}(?![\w]|\.\d)" if self.alone else text


def word(template: str) -> Passage:
    """A passage that stands alone: the 5 of `5 * x`, not that of `0.5`, `15` or `x5`."""
    return Passage(template, alone=True)


@dataclass(frozen=True)
class Variants:
    """What may be varied in an exercise.

    Attributes:
        constants: the values that change.
        notebook: passages of the exercise's notebook; a line break in one is a line break there.
        code: passages of Python files, by path in the exercise's folder.
        helpers: functions that expressions may call, by name.
    """

    constants: Sequence[Constant]
    notebook: Sequence[str | Passage]
    code: dict[str, Sequence[str | Passage]]
    helpers: dict[str, Any] = field(default_factory=dict)

    @property
    def tasks(self) -> set[str]:
        """The tasks of which anything changes."""
        return {task for constant in self.constants for task in constant.tasks}

    def defaults(self) -> dict[str, Any]:
        """Every constant as the book has it."""
        return {constant.name: constant.default for constant in self.constants}

    def chosen(self, exercise: str, seed: int) -> dict[str, Any]:
        """Every constant as the variant of `seed` has it."""
        return {constant.name: constant.chosen(exercise, seed) for constant in self.constants}


def rendered(template: str, values: dict[str, Any]) -> str:
    """The template with its expressions computed. Only authors of exercises write templates."""
    return EXPRESSION.sub(lambda found: str(eval(found[1], {**values})), template)


def variants_of(solution: Path) -> Variants | None:
    """What may be varied in the exercise of this folder; None where nothing is declared."""
    if not (solution / FILE).is_file():
        return None
    found = getattr(module_of(solution / FILE), "VARIANTS", None)
    if not isinstance(found, Variants):
        raise TaskError(f"{solution / FILE} must define VARIANTS")
    return found


def write_variant(solution: Path, out: Path, values: dict[str, Any]) -> None:
    """Write the exercise of the folder `solution` into `out`, with these constants, if any.

    Raises TaskError where a template's passage is not found.
    """
    variants = variants_of(solution)
    shutil.copytree(solution, out, ignore=shutil.ignore_patterns(*NOT_COPIED), dirs_exist_ok=True)
    if variants is None or not values:
        return
    notebook = out / f"{solution.name}.ipynb"
    content = json.loads(notebook.read_text("utf-8"))
    sources = ["".join(cell["source"]) for cell in content["cells"]]
    changed = _replaced(variants, variants.notebook, sources, values, notebook.name)
    for cell, source in zip(content["cells"], changed, strict=True):
        cell["source"] = source.splitlines(keepends=True)
    notebook.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
    for name, passages in variants.code.items():
        path = out / name
        [text] = _replaced(variants, passages, [path.read_text("utf-8")], values, name)
        path.write_text(text, "utf-8")


def _replaced(
    variants: Variants,
    passages: Sequence[str | Passage],
    texts: list[str],
    values: dict[str, Any],
    where: str,
) -> list[str]:
    """The texts with every passage rendered anew, all at once; of two that begin alike the longer.

    Raises TaskError where one is found in none of them.
    """
    helpers = variants.helpers
    defaults, values = {**helpers, **variants.defaults()}, {**helpers, **values}
    wanted = [p if isinstance(p, Passage) else Passage(p) for p in passages]
    wanted.sort(key=lambda p: len(rendered(p.template, defaults)), reverse=True)
    pattern = re.compile("|".join(f"({passage.pattern(defaults)})" for passage in wanted))
    found = set()

    def other(match: re.Match) -> str:
        place = match.lastindex or 0
        found.add(place)
        return rendered(wanted[place - 1].template, values)

    changed = [pattern.sub(other, text) for text in texts]
    for place, passage in enumerate(wanted, 1):
        if place not in found:
            raise TaskError(
                f"{where} does not hold {rendered(passage.template, defaults)!r}, which {FILE} "
                "says it does: change one of the two"
            )
    return changed
