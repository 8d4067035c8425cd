"""Mutates model answers and lists the mutants that still get full marks.

A checker is as good as the wrong answers it refuses. Here they are made by machine: one small
change of the source of a model answer each. A mutant that gets full marks either computes the same
function, and the exercise's `EQUIVALENT_MUTANTS` says why, or shows a hole in the trials.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat

from autograder.data.key import Key, TaskKey, package_version
from autograder.data.observation import FORMAT
from autograder.judging.judge import judge
from autograder.running.workshop import Workshop
from autograder.setting.edits import replace_node, used
from autograder.setting.task import Task, TaskError, module_of

SECONDS = 30.0
WORDS = {
    "same": "valid", "valid": "same", "relu": "linear", "softmax": "linear", "tanh": "relu",
    "sigmoid": "linear", "relu6": "relu", "nearest": "bilinear", "bilinear": "nearest",
}  # fmt: skip
NAMES = {
    "ReLU": "Identity", "MaxPooling2D": "AveragePooling2D", "AveragePooling2D": "MaxPooling2D",
    "BatchNormalization": "Identity", "GlobalAveragePooling2D": "GlobalMaxPooling2D",
    "max": "min", "min": "max", "maximum": "minimum", "minimum": "maximum", "sum": "mean",
    "mean": "sum", "floor": "ceil", "ceil": "floor", "argmax": "argmin", "argsort": "argmax",
    "sqrt": "abs", "exp": "abs", "any": "all", "all": "any", "zeros": "ones",
}  # fmt: skip
OPERATORS: dict[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.Lt: ast.LtE,
    ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.And: ast.Or, ast.Or: ast.And, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """A changed answer: in which function, the line before and after, and what made it."""

    function: str
    before: str
    after: str
    tree: ast.Module

    @property
    def label(self) -> str:
        """What it is called in EQUIVALENT_MUTANTS, such as "function: before -> after"."""
        return f"{self.function}: {self.before} -> {self.after}"


def mutants(module: ModuleType, task: Task) -> Iterator[Mutant]:
    """All mutants of a task's model answer and of the helpers in its module that it uses."""
    tree = ast.parse(inspect.getsource(module))
    functions = {
        node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    seen = set()
    for name in used(functions, task.answer.__name__):
        for before, after, changed in _changes(functions[name]):
            mutant = Mutant(name, before, after, ast.Module([changed], []))
            if before != after and mutant.label not in seen:
                seen.add(mutant.label)
                yield mutant


def judged_mutants(
    path: Path, task: Task, key: TaskKey, workshop: Workshop | None = None
) -> Iterator[tuple[Mutant, bool]]:
    """Each mutant of a task set in the file `path`, and whether it gets full marks.

    A mutant runs in a process of its own, as a student's notebook does: it may run for ever, and
    one that exchanges filters and kernel size asks for more memory than there is. Without a
    workshop one is started for them.
    """
    module = module_of(path)
    whole = Key(
        format=FORMAT, made_by=package_version(), exercise="", seed=0, tasks={task.name: key}
    )
    with contextlib.nullcontext(workshop) if workshop else Workshop(unsafe=True) as running:

        def full_marks(mutant: Mutant | None) -> bool:
            reply = running.reply(_notebook(module, mutant), whole, SECONDS)
            observation = reply.observations.get(task.name)
            return observation is not None and judge(key, observation).verdict == "correct"

        if not full_marks(None):
            raise TaskError(f"{task.name}: the model answer is not right in a process of its own")
        for mutant in mutants(module, task):
            yield mutant, full_marks(mutant)


def excuses(path: Path) -> dict[str, str]:
    """Mutants that compute the same function, by label, each with the reason."""
    return getattr(module_of(path), "EQUIVALENT_MUTANTS", {})


def _notebook(module: ModuleType, mutant: Mutant | None) -> bytes:
    """The module with the changed function in its place, as a notebook of one cell."""
    tree = ast.parse(inspect.getsource(module))
    for place, node in enumerate(tree.body):
        if mutant and getattr(node, "name", None) == mutant.function:
            tree.body[place] = mutant.tree.body[0]
    source = ast.unparse(ast.fix_missing_locations(tree))
    cell = nbformat.v4.new_code_cell(source)
    return nbformat.writes(nbformat.v4.new_notebook(cells=[cell])).encode()


def _changes(function: ast.AST) -> Iterator[tuple[str, str, ast.stmt]]:
    """Copies of a function with one change each, with the line before and after."""
    total = sum(1 for _ in ast.walk(function))
    for position in range(total):
        node = list(ast.walk(function))[position]
        for change in _changes_of(node):
            copied: Any = copy.deepcopy(function)
            target = list(ast.walk(copied))[position]
            line = _statement(copied, target)
            before = ast.unparse(line).splitlines()[0] if line else ""
            removed = change(target, copied)
            after = f"({removed})" if removed else ast.unparse(line).splitlines()[0] if line else ""
            yield before, after, copied


Change = Callable[[Any, Any], str | None]


def _changes_of(node: ast.AST) -> list[Change]:
    match node:
        case ast.Constant():
            return _constant_changes(node.value)
        case ast.BinOp() | ast.AugAssign() if type(node.op) in OPERATORS:
            return [_swap_operator]
        case ast.BoolOp() if type(node.op) in OPERATORS:
            return [_swap_operator]
        case ast.Compare() if type(node.ops[0]) in OPERATORS:
            return [_swap_comparison]
        case ast.UnaryOp():
            return [_drop_unary]
        case ast.Attribute() if node.attr in NAMES:
            return [lambda target, tree: setattr(target, "attr", NAMES[target.attr])]
        case ast.Name() if node.id in NAMES and isinstance(node.ctx, ast.Load):
            return [lambda target, tree: setattr(target, "id", NAMES[target.id])]
        case ast.Call():
            return _call_changes(node)
        case ast.Assign():
            return [_remove, _twice] if _builds_on_itself(node) else [_remove]
        case ast.If():
            return [lambda target, tree: setattr(target, "test", ast.Constant(True)),
                    lambda target, tree: setattr(target, "test", ast.Constant(False))]  # fmt: skip
    return []


def _builds_on_itself(node: ast.Assign) -> bool:
    """Whether doing it twice can matter, as in `x = layer(x)`."""
    read = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
    written = {n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)}
    return bool(read & written)


def _constant_changes(value: object) -> list[Change]:
    def setting(new: object) -> Change:
        return lambda target, tree: setattr(target, "value", new)

    if isinstance(value, bool):
        return [setting(not value)]
    if isinstance(value, int):
        return [setting(value + 1), *([setting(value - 1)] if value > 0 else [])]
    if isinstance(value, float):
        return [setting(value * 2 + 1)]
    if isinstance(value, str) and value in WORDS:
        return [setting(WORDS[value])]
    return []


def _call_changes(node: ast.Call) -> list[Change]:
    """Drop a layer call, a keyword, or exchange the first two arguments."""
    changes: list[Change] = []
    for index in range(len(node.keywords)):
        changes.append(lambda target, tree, i=index: target.keywords.pop(i) and None)  # type: ignore[misc]
    plain = [a for a in node.args if not isinstance(a, ast.Starred)]
    if len(plain) == len(node.args) >= 2:
        changes.append(lambda target, tree: target.args.insert(0, target.args.pop(1)))
    if len(node.args) >= 1 and len(plain) == len(node.args):
        changes.append(_replace_by_argument)
    return changes


def _swap_operator(target: Any, tree: Any) -> None:
    target.op = OPERATORS[type(target.op)]()


def _swap_comparison(target: Any, tree: Any) -> None:
    target.ops[0] = OPERATORS[type(target.ops[0])]()


def _drop_unary(target: Any, tree: Any) -> None:
    target.op = ast.UAdd() if isinstance(target.op, ast.USub) else ast.Not()
    if isinstance(target.op, ast.Not):
        target.operand = ast.UnaryOp(ast.Not(), target.operand)


def _replace_by_argument(target: Any, tree: Any) -> None:
    """Let `layer(...)(x)` be `x`: a layer is left out."""
    replace_node(tree, target, target.args[0])


def _remove(target: Any, tree: Any) -> str:
    replace_node(tree, target, ast.Pass())
    return "removed"


def _twice(target: Any, tree: Any) -> str:
    for body in _bodies(tree):
        if target in body:
            body.insert(body.index(target), copy.deepcopy(target))
    return "twice"


def _bodies(tree: Any) -> Iterator[list]:
    for node in ast.walk(tree):
        for field in ("body", "orelse"):
            if isinstance(getattr(node, field, None), list):
                yield getattr(node, field)


def _statement(tree: ast.AST, target: ast.AST) -> ast.AST | None:
    """The innermost statement that holds `target`."""
    best = None
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and any(inner is target for inner in ast.walk(node)):
            best = node
    return best
