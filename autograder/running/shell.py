"""Stands in for IPython where a notebook's cells run without a kernel.

What runs code or leaves something behind is done: `%time`, `%run`, `%%writefile`, `await`. What
shows, installs or asks does nothing and gives what a notebook would go on with.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import getpass
import importlib
import os
import re
import sys
from pathlib import Path
from types import CodeType, ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

# Magics around code that counts: the code is run where it stands, the magic is left out.
CELL_MAGICS = re.compile(r"\s*%%(time|timeit|capture|prun)\b.*")
LINE_MAGICS = re.compile(r"^(\s*(?:\w+\s*=\s*)?)%(?:time|prun) +(?!-)", re.MULTILINE)
LINE_RUNS = ("time", "prun")
CAPTURE = re.compile(r"\s*%%capture\b(?:\s+--?\S+)*\s+([^\W\d]\w*)\s*$")
TIMED = {"best": 0.0, "worst": 0.0, "average": 0.0, "stdev": 0.0, "all_runs": [0.0], "loops": 1,
         "repeat": 1, "timings": [0.0], "compile_time": 0.0}  # fmt: skip
NOTEBOOK_MODULE = "IPython.core.magics.namespace"  # by it Keras knows that it is in a notebook


class Refused(AttributeError):
    """What an answer must not use is not there while it is graded."""


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
        words = line.split()
        if name in LINE_RUNS:
            return self._value(_without_options(line))
        if name == "run":
            self._run_file([word for word in words if not word.startswith("-")])
        elif name == "timeit" and "-o" in words:
            return SimpleNamespace(**TIMED)
        elif name == "capture":
            return _Captured()
        elif name == "pwd":
            return os.getcwd()
        elif name == "cd" and words and Path(words[-1]).is_dir():
            os.chdir(words[-1])
        return None

    def run_cell_magic(self, name: str, line: str, cell: str) -> Any:
        """`%%writefile name` writes the cell."""
        if name in ("writefile", "file"):
            *options, file = line.split()
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            with open(file, "a" if "-a" in options else "w", encoding="utf-8") as written:
                written.write(cell)
            importlib.invalidate_caches()
        return None

    def magic(self, line: str) -> Any:
        """A line magic as one text: its name, then what follows it."""
        name, _, rest = line.lstrip("%").partition(" ")
        return self.run_line_magic(name, rest)

    def run_cell(self, source: str, *more: Any, **options: Any) -> Any:
        """Run a text as a cell."""
        exec(compile(plain_python(source), "<cell>", "exec"), self.user_ns)

    ex = run_code = run_cell

    def ev(self, expression: str) -> Any:
        """The value of an expression."""
        return self._value(expression)

    def push(self, names: dict[str, Any] | list[str], *more: Any) -> None:
        """Give names their values."""
        if isinstance(names, dict):
            self.user_ns.update(names)

    def getoutput(self, command: str, *more: Any, **options: Any) -> list[str]:
        """`files = !ls` gives no lines: there is no shell while grading."""
        return Lines()

    def _run_file(self, words: list[str]) -> None:
        """Run a file with the notebook's names; none where it is not there, as in IPython."""
        for file in [Path(word) for word in words[:1]] + [Path(f"{word}.py") for word in words[:1]]:
            if file.is_file():
                exec(compile(file.read_text("utf-8"), str(file), "exec"), self.user_ns)
                return

    def _value(self, code: str) -> Any:
        try:
            compiled = compile(code, "<%time>", "eval")
        except SyntaxError:
            exec(compile(code, "<%time>", "exec"), self.user_ns)
            return None
        return eval(compiled, self.user_ns)


class Lines(list):
    """The lines of a shell command as IPython gives them: none."""

    n = s = ""
    l = p = property(list)  # noqa: E741

    def grep(self, *arguments: Any, **options: Any) -> Lines:
        """Lines that match."""
        return Lines()

    fields = grep


class _Captured:
    """What `%%capture name` gives: nothing was printed that could be kept."""

    stdout = stderr = ""

    def __init__(self) -> None:
        self.outputs: list[Any] = []

    def show(self) -> None:
        """Show nothing."""

    __call__ = show


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

    earlier = dict.fromkeys(("_", "__", "___", "_i", "_ii", "_iii"), "")
    namespace.update({"__name__": "__main__", "In": [""], "Out": {}, **earlier})
    namespace.update({"_ih": namespace["In"], "_oh": namespace["Out"], "_dh": [os.getcwd()]})
    getpass.getpass = _empty  # type: ignore[assignment]
    for name, stand_in in (("display", _nothing), ("get_ipython", get_ipython), ("input", _empty)):
        setattr(builtins, name, stand_in)
    for module in ("IPython", "IPython.core.getipython", "IPython.core.interactiveshell"):
        if module in sys.modules:
            sys.modules[module].get_ipython = get_ipython  # type: ignore[attr-defined]
    if "" not in sys.path:
        sys.path.insert(0, "")  # a file that the notebook writes can be imported


def _nothing(*objects: Any, **options: Any) -> Any:
    """`display` without a page; with a `display_id` it gives a handle."""
    return _Calls() if options.get("display_id") else None


class _Untyped(str):
    """What nobody typed: an empty text, 0 where a number is made of it."""

    def __int__(self) -> int:
        return 0

    def __float__(self) -> float:
        return 0.0


def _empty(prompt: object = "", *more: object, **options: object) -> str:
    """`input` without anybody who answers."""
    return _Untyped()


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
        named = CAPTURE.match(first)
        instead = f"{named[1]} = get_ipython().run_line_magic('capture', '')" if named else ""
        source = source[: source.index("%")] + f"{instead or '# ' + first}\n{rest}"
    return TransformerManager().transform_cell(LINE_MAGICS.sub(r"\1", source))


def _has_magic(source: str) -> bool:
    """Whether a cell may hold IPython's own syntax: a line starts so, or it is no Python."""
    if any(line.lstrip()[:1] in "%!?" for line in source.splitlines() if line.strip()):
        return True
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    return False


def run_code(code: CodeType, namespace: dict[str, Any]) -> Any:
    """Run compiled code, with `await` at its top too; the value where it is an expression."""
    import inspect

    if code.co_flags & inspect.CO_COROUTINE:
        return _event_loop().run_until_complete(eval(code, namespace))
    return eval(code, namespace)


def _event_loop() -> asyncio.AbstractEventLoop:
    """The one loop of a notebook: a task that one cell starts another may wait for."""
    import asyncio
    import warnings

    with warnings.catch_warnings(), contextlib.suppress(RuntimeError):
        warnings.simplefilter("ignore")
        loop = asyncio.get_event_loop_policy().get_event_loop()
        if not loop.is_closed():
            return loop
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop
