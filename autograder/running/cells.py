"""Runs a notebook's cells without a kernel, and stops where its answers are to be asked."""

from __future__ import annotations
import __future__

import ast
import contextlib
import linecache
import re
import traceback
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from autograder.data.notebook import DEMONSTRATION, Cell, Notebook, checked_task
from autograder.running.shell import Refused, furnish, plain_python, run_code
from autograder.running.waiting import Allowance

ANYTHING = "*"  # among absent names: an import of all that a module has failed
LEAST_SHARE = 0.1  # of a step's time, that a cell has when others have used theirs up

Limit = Callable[[str, float], contextlib.AbstractContextManager[None]]


class OutOfTime(BaseException):
    """A cell or an answer used up its share of the time; no `except Exception` swallows it."""


@dataclass
class Run:
    """What running a notebook's cells left behind."""

    namespace: dict[str, Any] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)  # a name that a failed cell defines
    failures: list[str] = field(default_factory=list)
    absent: set[str] = field(default_factory=set)  # names that a failed import was to bring
    own: set[str] = field(default_factory=set)  # IPython's names that the notebook took
    flags: int = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT  # of compiling: `from __future__` lasts


def run_cells(
    notebook: Notebook,
    tasks: Iterable[str] = (),
    ask: Callable[[str, Run], bool] = lambda name, run: True,
    limit: Limit = lambda what, seconds: contextlib.nullcontext(),
    seconds: float = 60.0,
    starts: Callable[[int], None] = lambda number: None,
) -> Run:
    """Run the cells but tests and demonstrations; a cell that fails does not stop the next.

    `ask(name, run)` is called for each task when its check is reached, before any later cell can
    spoil the answer; where it says False (nothing is there to be asked) it is called again after
    the last definition, and at the end. When all are answered the rest is not run.

    `limit(what, seconds)` is a context manager around each cell that ends what takes too long. All
    cells together have `seconds`; one that comes when they are used up has a tenth of that.
    `starts` is told each cell's number.
    """
    run, left = Run(), seconds
    furnish(run.namespace)
    places, open_ = asking_places(notebook, tasks), list(tasks)
    for index, cell in enumerate(notebook.cells):
        if open_ or not places:
            left -= _run_if_needed(cell, run, limit, max(left, LEAST_SHARE * seconds), starts)
        for name in places.get(index, ()):
            if name in open_ and ask(name, run):
                open_.remove(name)
    for name in open_:
        ask(name, run)
    return run


def asking_places(notebook: Notebook, tasks: Iterable[str]) -> dict[int, list[str]]:
    """After which cells a task is asked: at its check, and after the last cell that defines it.

    Where a check is copied there is no telling which one is meant, and only the latter counts.
    """
    checks: dict[str, list[int]] = {}
    defined: dict[str, int] = {}
    for index, cell in enumerate(notebook.cells):
        task = checked_task(cell.source)
        if task is not None:
            checks.setdefault(task, []).append(index)
        if not cell.is_test:
            defined.update(dict.fromkeys(defined_names(cell.source), index))
    places: dict[int, list[str]] = {}
    for name in tasks:
        check, last = checks.get(name, []), defined.get(name, -1)
        first = check[0] if len(check) == 1 else -1
        for index in sorted({place for place in (first, last) if place >= max(first, 0)}):
            places.setdefault(index, []).append(name)
    return places


def _run_if_needed(
    cell: Cell, run: Run, limit: Limit, seconds: float, starts: Callable[[int], None]
) -> float:
    """Run a cell that is to be run; the seconds that it took, of those that count."""
    if cell.is_test or DEMONSTRATION in cell.tags:
        return 0.0
    allowance = Allowance(seconds)
    starts(cell.number)
    problem = _run_cell(cell, run, limit, seconds)
    if problem:
        run.failures.append(problem)
        run.problems.update(dict.fromkeys(defined_names(cell.source), problem))
    return allowance.used()


def _run_cell(cell: Cell, run: Run, limit: Limit, seconds: float) -> str | None:
    """Run one cell; a sentence where it fails."""
    file = f"<cell {cell.number}>"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            source = plain_python(cell.source)
            statements = ast.parse(source, file).body
            compile(source, file, "exec", run.flags, dont_inherit=True)
        linecache.cache[file] = (len(source), None, source.splitlines(True), file)
        with limit(f"cell {cell.number}", seconds):
            return _run_statements(statements, cell.number, run)
    except SyntaxError as error:
        return f"cell {cell.number} has a syntax error in line {error.lineno}: {error.msg}"
    except OutOfTime as late:
        return str(late)
    except SystemExit:
        return f"cell {cell.number} exits the process"
    except BaseException as error:  # KeyboardInterrupt and a student's own kinds too
        return _raised(cell.number, error)


def _run_statements(statements: list[ast.stmt], number: int, run: Run) -> str | None:
    """Run statements one by one. A failed import costs itself and what needs it, no more.

    So does what grading refuses, and a file that is not there. The sentence of the first such
    failure is given back.
    """
    problem = None
    for statement in (part for whole in statements for part in _single_imports(whole)):
        try:
            _run_statement(statement, number, run)
        except (ImportError, Refused, FileNotFoundError) as error:
            run.absent.update(_bound(statement))
            problem = problem or _raised(number, error)
        except NameError as error:
            if error.name not in run.absent and ANYTHING not in run.absent:
                raise
            if not _run_bare(statement, number, run):
                run.absent.update(_bound(statement))
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            for alias in statement.names:
                run.flags |= getattr(__future__, alias.name).compiler_flag
    return problem


def _run_statement(statement: ast.stmt, number: int, run: Run) -> None:
    """Run one statement; the value of an expression is `_` to those that come."""
    file = f"<cell {number}>"
    is_value = isinstance(statement, ast.Expr) and "_" not in run.own
    tree = ast.Expression(statement.value) if is_value else ast.Module([statement], [])  # type: ignore[attr-defined]
    mode = "eval" if is_value else "exec"
    code = compile(tree, file, mode, run.flags, dont_inherit=True)
    value = run_code(code, run.namespace)
    if is_value and value is not None:
        run.namespace["_"] = value
    elif "_" in _bound(statement):
        run.own.add("_")


def _run_bare(statement: ast.stmt, number: int, run: Run) -> bool:
    """Define a function without decorators and annotations that need what is absent."""
    if not isinstance(statement, ast.FunctionDef):
        return False
    statement.decorator_list = [one for one in statement.decorator_list
                                if run.absent.isdisjoint(_read(one))]  # fmt: skip
    flags, run.flags = run.flags, run.flags | __future__.annotations.compiler_flag
    try:
        _run_statement(statement, number, run)
    except NameError:
        return False
    finally:
        run.flags = flags
    return True


def _read(tree: ast.AST) -> set[str]:
    """Names that an expression reads."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _bound(statement: ast.stmt) -> set[str]:
    """Names that a statement gives a value."""
    found: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Import | ast.ImportFrom):
            whole = isinstance(node, ast.ImportFrom)
            names = [
                a.asname or (a.name if whole else a.name.partition(".")[0]) for a in node.names
            ]
            found.update(names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
    return found


def _raised(number: int, error: BaseException) -> str:
    """What a cell raises, and in which of its lines."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == f"<cell {number}>"]
    where = f" (line {lines[-1]})" if lines else ""
    return f"cell {number} raises {type(error).__name__}: {text_of(error)}{where}"


def _single_imports(statement: ast.stmt) -> list[ast.stmt]:
    """`import a, b` and `from m import a, b` as two statements; any other as it is."""
    if not isinstance(statement, ast.Import | ast.ImportFrom) or len(statement.names) == 1:
        return [statement]
    if isinstance(statement, ast.Import):
        parts: list[ast.stmt] = [ast.Import([alias]) for alias in statement.names]
    else:
        module, level = statement.module, statement.level
        parts = [ast.ImportFrom(module, [alias], level) for alias in statement.names]
    return [ast.copy_location(part, statement) for part in parts]


def text_of(error: BaseException) -> str:
    """What an exception says, where it can say it."""
    try:
        return " ".join(str(error).split())[:300]
    except BaseException as other:
        return f"(its text cannot be had: {type(other).__name__})"


def defined_names(source: str) -> list[str]:
    """Names that a cell was to define; found by line where it does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return re.findall(r"^(?:async )?def (\w+)\s*\(", source, re.MULTILINE)
    except (RecursionError, MemoryError):
        return re.findall(r"^def (\w+)", source, re.MULTILINE)
    names = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for statement in tree.body:
        if isinstance(statement, ast.ClassDef | ast.AsyncFunctionDef):
            names.append(statement.name)
        elif isinstance(statement, ast.Assign):
            names += [target.id for target in statement.targets if isinstance(target, ast.Name)]
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            names.append(statement.target.id)
        elif isinstance(statement, ast.ImportFrom):
            names += [alias.asname or alias.name for alias in statement.names]
    return names
