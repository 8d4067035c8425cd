"""One's own notebooks: which one is meant, what is unanswered, and what was checked before."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import autograder
from autograder.course.grade import GradingProblem, result_row
from autograder.data.files import CannotWrite, write_whole
from autograder.data.key import Key, package_version, read_key
from autograder.data.notebook import NotANotebook, read_notebook
from autograder.judging.judge import Verdict, missing
from autograder.running.cells import defined_names
from autograder.running.runner import Outcome, grade_notebook

KEPT = Path(".autograder") / "checked.json"
ANYTHING = ("exec(", "%run", "globals(", "import *")  # ways to define what no cell seems to


def notebook_named(words: str, root: Path | None) -> Path:
    """The notebook that is meant: by its file, by its folder, by an exercise's name or number.

    Raises GradingProblem where there is none, or more than one.
    """
    path = Path(words)
    if path.is_file():
        return path
    if path.is_dir():
        found = [path.resolve() / f"{path.resolve().name}.ipynb"]
        found = found if found[0].is_file() else sorted(path.glob("*.ipynb"))
    else:
        found = sorted((root or path).glob(f"exercises/{path.name}*/*.ipynb")) if root else []
        found = [one for one in found if one.stem == one.parent.name]
        exact = [one for one in found if one.stem == path.name]
        found = exact or found
    if len(found) == 1:
        return found[0]
    if not found:
        raise GradingProblem(
            f"there is no notebook {words}: name its file, its folder, or an exercise such as "
            "04_residual"
        )
    raise GradingProblem(f"{words} can be {', '.join(one.name for one in found)}: name one of them")


def saved(path: Path) -> str:
    """When a notebook was saved, as somebody who works on it says it."""
    at = path.stat().st_mtime
    minutes = int((time.time() - at) / 60)
    ago = "just now" if minutes < 1 else f"{minutes} minute{'s' * (minutes > 1)} ago"
    if minutes >= 120:
        ago = f"{minutes // 60} hours ago" if minutes < 2880 else f"{minutes // 1440} days ago"
    day = "" if minutes < 720 else time.strftime("%Y-%m-%d ", time.localtime(at))
    return f"saved {day}{time.strftime('%H:%M', time.localtime(at))}, {ago}"


def is_untouched(raw: bytes, name: str) -> bool:
    """Whether a task's function is still the stub that was handed out, whatever else is run.

    Only what cannot be otherwise counts: one cell defines it, at its top, and all it does is raise
    NotImplementedError.
    """
    try:
        sources = [cell.source for cell in read_notebook(raw).cells]
    except NotANotebook:
        return False
    defining = [source for source in sources if name in defined_names(source)]
    once = len(defining) == 1 and defined_names(defining[0]).count(name) == 1
    if not once or any(way in source for source in sources for way in ANYTHING):
        return False
    try:
        body = ast.parse(defining[0]).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    functions = [node for node in body if getattr(node, "name", None) == name]
    return len(functions) == 1 and _is_stub(functions[0])


def _is_stub(node: ast.stmt) -> bool:
    if (
        not isinstance(node, ast.FunctionDef)
        or node.decorator_list
        or (
            node.args.defaults
            and not (
                all(isinstance(default, ast.Constant | ast.Tuple) for default in node.args.defaults)
            )
        )
    ):
        return False
    body = node.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    if len(body) != 1 or not isinstance(body[0], ast.Raise):
        return False
    raised = body[0].exc
    raised = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def row_of(path: Path, key_path: Path, timeout: float, root: Path | None) -> dict[str, Any]:
    """A line of results on a notebook of one's own.

    Nothing is run where no task is answered, or where the same notebook was checked before, with
    the same key by the same program: then the line is the one of that time.
    """
    raw, key = path.read_bytes(), read_key(key_path)
    if all(is_untouched(raw, name) for name in key.tasks):
        return result_row("", key, _all_open(key))
    place = root / KEPT if root else None
    mark = _mark(raw, key_path)
    known = _read(place).get(mark) if place else None
    if known is not None:
        return known
    row = result_row("", key, grade_notebook(raw, key, timeout))
    if place and row["status"] == "graded":
        _keep(place, mark, row)
    return row


def verdicts_of(row: dict[str, Any]) -> list[Verdict]:
    """The verdicts of a line of results."""
    return [Verdict.model_validate({"task": name, **entry}) for name, entry in row["tasks"].items()]


def _all_open(key: Key) -> Outcome:
    """What grading gives where every answer is still to be written."""
    return Outcome(
        "graded",
        [missing(task, f"`{name}` is not answered yet") for name, task in key.tasks.items()],
    )


def _mark(raw: bytes, key_path: Path) -> str:
    """What a result hangs on: the notebook, the key, the program and Keras's backend."""
    mark = hashlib.sha256()
    package = Path(autograder.__file__).parent
    for file in sorted(package.rglob("*.py")):
        stat = file.stat()
        mark.update(f"{file.relative_to(package)} {stat.st_size} {stat.st_mtime_ns}".encode())
    for part in (raw, key_path.read_bytes(), package_version().encode(),
                 os.environ.get("KERAS_BACKEND", "").encode()):  # fmt: skip
        mark.update(hashlib.sha256(part).digest())
    return mark.hexdigest()


def _read(place: Path) -> dict[str, dict[str, Any]]:
    with contextlib.suppress(OSError, ValueError):
        kept = json.loads(place.read_text("utf-8"))
        if isinstance(kept, dict):
            return kept
    return {}


def _keep(place: Path, mark: str, row: dict[str, Any]) -> None:
    """Keep a result in place of older ones of its exercise, where a file can be written."""
    others = {
        name: kept for name, kept in _read(place).items() if kept["exercise"] != row["exercise"]
    }
    with contextlib.suppress(CannotWrite):
        write_whole(place, json.dumps({**others, mark: row}, ensure_ascii=False))
