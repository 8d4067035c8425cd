"""Stands in for IPython where a notebook's cells run without a kernel.

What runs code or leaves something behind is done: `%time`, `%run`, `%%writefile`, `await`. What
shows, installs or asks does nothing and gives what a notebook would go on with.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import re
import sys
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

# Magics around code that counts: the code is run where it stands, the magic is left out.
CELL_MAGICS = re.compile(r"\s*%%(time|timeit|capture|prun)\b.*")
LINE_MAGICS = re.compile(r"^(\s*)%(?:time|prun) +(?!-)", re.MULTILINE)
LINE_RUNS = ("time", "prun")
NOTEBOOK_MODULE = "IPython.core.magics.namespace"  # by it Keras knows that it is in a notebook


class _Calls:
    """Takes any call and any further name, and does nothing."""

    def __getattr__(self, name: str) -> Any:
        return _Calls()

    def __call__(self, *arguments: Any, **options: Any) -> None:
        """Do nothing."""


class StandInShell:
    """Takes the calls that IPython's magics turn into; `namespace` is the notebook's."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.user_ns = namespace

    def __getattr__(self, name: str) -> Any:
        return _Calls()

    def run_line_magic(self, name: str, line: str, *more: Any) -> Any:
        """`%time f(x)` gives what `f(x)` gives; `%run file.py` runs the file."""
        if name in LINE_RUNS:
            return self._value(_without_options(line))
        if name == "run" and Path(line.strip()).is_file():
            source = Path(line.strip()).read_text("utf-8")
            exec(compile(source, line.strip(), "exec"), self.user_ns)
        return None

    def run_cell_magic(self, name: str, line: str, cell: str) -> Any:
        """`%%writefile name` writes the cell."""
        if name in ("writefile", "file"):
            *options, file = line.split()
            with open(file, "a" if "-a" in options else "w", encoding="utf-8") as written:
                written.write(cell)
            importlib.invalidate_caches()
        return None

    def getoutput(self, command: str, *more: Any, **options: Any) -> list[str]:
        """`files = !ls` gives no lines: there is no shell while grading."""
        return []

    def _value(self, code: str) -> Any:
        try:
            compiled = compile(code, "<%time>", "eval")
        except SyntaxError:
            exec(compile(code, "<%time>", "exec"), self.user_ns)
            return None
        return eval(compiled, self.user_ns)


def _without_options(line: str) -> str:
    words = line.split(" ")
    while words and words[0].startswith("-"):
        words.pop(0)
    return " ".join(words)


def furnish(namespace: dict[str, Any]) -> None:
    """Give a notebook's namespace, and this process, what a kernel gives: `display`, `In`, `_`."""
    shell = StandInShell(namespace)

    def get_ipython() -> StandInShell:
        return shell

    namespace.update({"__name__": "__main__", "In": [""], "Out": {}, "_": "", "__": "", "_i": ""})
    for name, stand_in in (("display", _nothing), ("get_ipython", get_ipython), ("input", _empty)):
        setattr(builtins, name, stand_in)
    for module in ("IPython", "IPython.core.getipython", "IPython.core.interactiveshell"):
        if module in sys.modules:
            sys.modules[module].get_ipython = get_ipython  # type: ignore[attr-defined]
    if "" not in sys.path:
        sys.path.insert(0, "")  # a file that the notebook writes can be imported


def _nothing(*objects: Any, **options: Any) -> None:
    """`display` without a page."""


def _empty(prompt: object = "") -> str:
    """`input` without anybody who answers."""
    return ""


def be_in_a_notebook() -> None:
    """Let Keras take this process for a notebook: without pydot `plot_model` then only says so."""
    try:
        importlib.import_module(NOTEBOOK_MODULE)
    except ImportError:
        sys.modules[NOTEBOOK_MODULE] = ModuleType(NOTEBOOK_MODULE)


def plain_python(source: str) -> str:
    """Python in place of IPython's own syntax: magics and shell lines become calls."""
    if not _has_magic(source):
        return source
    from IPython.core.inputtransformer2 import TransformerManager

    if CELL_MAGICS.match(source):
        first, _, rest = source.lstrip().partition("\n")
        source = source[: source.index("%")] + f"# {first}\n{rest}"
    return TransformerManager().transform_cell(LINE_MAGICS.sub(r"\1", source))


def _has_magic(source: str) -> bool:
    """Whether a cell may hold IPython's own syntax: a line starts so, or it is no Python."""
    if any(line.lstrip()[:1] in "%!?" for line in source.splitlines() if line.strip()):
        return True
    if not any(sign in source for sign in "%!?"):
        return False
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    return False


def run_code(code: CodeType, namespace: dict[str, Any]) -> None:
    """Run compiled statements, those with `await` at their top too."""
    import inspect

    if code.co_flags & inspect.CO_COROUTINE:
        import asyncio

        asyncio.run(eval(code, namespace))
    else:
        exec(code, namespace)
