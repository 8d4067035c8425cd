"""Small edits of a model answer's source, each with what comes out of it in words.

They are for answers that compute with numbers: `ceil` for `floor`, a mean for a sum, a sum for a
difference. Constants are left to `autograder.setting.mutation`: "a 2 stands for a 1" helps nobody.
Nothing within a `while` is edited, since that might never end.
"""

from __future__ import annotations

import ast
import copy
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

# name: (name in its place, what is said)
NAMES = {
    "max": ("min", "the smallest is taken where the largest is meant"),
    "min": ("max", "the largest is taken where the smallest is meant"),
    "maximum": ("minimum", "the smaller is taken where the larger is meant"),
    "minimum": ("maximum", "the larger is taken where the smaller is meant"),
    "sum": ("mean", "a mean is taken where a sum is meant"),
    "mean": ("sum", "a sum is taken where a mean is meant"),
    "floor": ("ceil", "it is rounded up where it should be rounded down"),
    "ceil": ("floor", "it is rounded down where it should be rounded up"),
    "argmax": ("argmin", "the place of the smallest is taken where that of the largest is meant"),
    "argmin": ("argmax", "the place of the largest is taken where that of the smallest is meant"),
    "any": ("all", "all are asked for where one is enough"),
    "all": ("any", "one is enough where all are asked for"),
    "var": ("std", "a standard deviation stands where a variance is meant"),
    "std": ("var", "a variance stands where a standard deviation is meant"),
    "sin": ("cos", "a cosine stands where a sine is meant"),
    "cos": ("sin", "a sine stands where a cosine is meant"),
}
LEFT_OUT = {
    "sqrt": "the square root is missing", "abs": "the absolute value is missing",
    "exp": "the exponential is missing", "log": "the logarithm is missing",
    "clip": "the values are not clipped", "ceil": "it is not rounded up",
    "floor": "it is not rounded down",
}  # fmt: skip
SWAPPED: dict[type, tuple[type, str]] = {
    ast.Add: (ast.Sub, "a difference stands where a sum is meant"),
    ast.Sub: (ast.Add, "a sum stands where a difference is meant"),
    ast.Mult: (ast.Div, "it is divided where it should be multiplied"),
    ast.Div: (ast.Mult, "it is multiplied where it should be divided"),
    ast.Lt: (ast.LtE, "a comparison takes equal values in that should be left out"),
    ast.LtE: (ast.Lt, "a comparison leaves out equal values that should be taken in"),
    ast.Gt: (ast.GtE, "a comparison takes equal values in that should be left out"),
    ast.GtE: (ast.Gt, "a comparison leaves out equal values that should be taken in"),
}  # fmt: skip
DIVIDED, MULTIPLIED = SWAPPED[ast.Mult][1], SWAPPED[ast.Div][1]
OTHER_WAY_ROUND = {DIVIDED: MULTIPLIED, MULTIPLIED: DIVIDED}


@dataclass(frozen=True)
class Edit:
    """One edit: its kind, its sentence, and the node of which function it changes, and how."""

    kind: str
    hint: str
    function: str
    position: int
    change: Callable[[Any, Any], None]


def edits_of(answer: Callable) -> list[Edit]:
    """The edits of a model answer and of the functions of its file that it uses.

    None where its source is not to be had, as of what is typed into a shell.
    """
    try:
        functions = _functions(answer)
    except (OSError, TypeError):
        return []
    found = []
    for name in used(functions, answer.__name__):
        nodes = list(ast.walk(functions[name]))
        kept_out = {id(n) for loop in nodes if isinstance(loop, ast.While) for n in ast.walk(loop)}
        kept_out |= {id(n) for n in ast.walk(functions[name].args)}
        kept_out |= _variables(nodes)
        below = _below_a_line(nodes)
        for position, node in enumerate(nodes):
            if id(node) not in kept_out:
                for kind, said, change in _changes(node):
                    said = OTHER_WAY_ROUND.get(said, said) if id(node) in below else said
                    hint = f"This is what comes out if {said}."
                    found.append(Edit(kind, hint, name, position, change))
    return found


def _variables(nodes: list[ast.AST]) -> set[int]:
    """The names that are a function's own: a variable `mean` is not NumPy's function."""
    own = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    own |= {n.arg for n in nodes if isinstance(n, ast.arg)}
    return {id(n) for n in nodes if isinstance(n, ast.Name) and n.id in own}


def _below_a_line(nodes: list[ast.AST]) -> set[int]:
    """Products and quotients that divide: in a / (b * c) who divides by c multiplies by it."""
    below: set[int] = set()

    def is_one(node: ast.AST) -> bool:
        return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div)

    def follow(node: Any, divides: bool) -> None:
        if is_one(node):
            if divides:
                below.add(id(node))
            follow(node.left, divides)
            follow(node.right, divides ^ isinstance(node.op, ast.Div))

    found: list[Any] = [node for node in nodes if is_one(node)]
    inner = {id(side) for node in found for side in (node.left, node.right)}
    for node in found:
        if id(node) not in inner:
            follow(node, divides=False)
    return below


def edited(answer: Callable, edits: list[Edit]) -> Callable:
    """The model answer with these edits in its source."""
    functions = copy.deepcopy(_functions(answer))
    nodes = {name: list(ast.walk(tree)) for name, tree in functions.items()}
    for edit in edits:
        edit.change(nodes[edit.function][edit.position], functions[edit.function])
    body = [functions[name] for name in used(_functions(answer), answer.__name__)]
    names = dict(vars(sys.modules[answer.__module__]))
    module = ast.fix_missing_locations(ast.Module(body, []))
    exec(compile(module, f"<{answer.__name__}, edited>", "exec"), names)
    return names[answer.__name__]


def used(functions: dict[str, Any], start: str) -> list[str]:
    """The functions of a module that `start` uses, itself first."""
    found: list[str] = []
    queue = [start]
    while queue:
        name = queue.pop(0)
        if name in found:
            continue
        found.append(name)
        names = {node.id for node in ast.walk(functions[name]) if isinstance(node, ast.Name)}
        queue.extend(sorted(names & functions.keys()))
    return found


def _functions(answer: Callable) -> dict[str, Any]:
    """The functions and classes of the file of a model answer, by name."""
    tree = ast.parse(inspect.getsource(sys.modules[answer.__module__]))
    kinds = ast.FunctionDef | ast.ClassDef
    return {node.name: node for node in tree.body if isinstance(node, kinds)}


Change = tuple[str, str, Callable[[Any, Any], None]]


def _changes(node: ast.AST) -> Iterator[Change]:
    """What can be changed in a node: kind, words and the change of the node in its tree."""
    match node:
        case ast.Attribute(attr=name) if name in NAMES:
            yield name, NAMES[name][1], _set("attr", NAMES[name][0])
        case ast.Name(id=name, ctx=ast.Load()) if name in NAMES:
            yield name, NAMES[name][1], _set("id", NAMES[name][0])
        case ast.BinOp(op=ast.FloorDiv()):
            yield "quotient", "a quotient is rounded up, not down", _rounded_up
        case ast.BinOp(op=op) if type(op) in SWAPPED:
            yield SWAPPED[type(op)][1], SWAPPED[type(op)][1], _set("op", SWAPPED[type(op)][0]())
        case ast.Compare(ops=[op]) if type(op) in SWAPPED:
            yield SWAPPED[type(op)][1], SWAPPED[type(op)][1], _set("ops", [SWAPPED[type(op)][0]()])
        case ast.Call(args=[_, *_], func=ast.Attribute(attr=name) | ast.Name(id=name)):
            if name in LEFT_OUT:
                yield f"no {name}", LEFT_OUT[name], _argument_instead


def _set(field: str, value: object) -> Callable[[Any, Any], None]:
    return lambda target, tree: setattr(target, field, value)


def _rounded_up(target: Any, tree: Any) -> None:
    """Let `a // b` be `-(-a // b)`."""
    quotient = ast.BinOp(ast.UnaryOp(ast.USub(), target.left), ast.FloorDiv(), target.right)
    replace_node(tree, target, ast.UnaryOp(ast.USub(), quotient))


def _argument_instead(target: Any, tree: Any) -> None:
    replace_node(tree, target, target.args[0])


def replace_node(tree: Any, old: ast.AST, new: ast.AST) -> None:
    """Put a node in another's place."""
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, field, new)
            elif isinstance(value, list) and any(item is old for item in value):
                value[[item is old for item in value].index(True)] = new
