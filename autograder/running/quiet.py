"""Keeps TensorFlow quiet: what it says of this machine's processor is no word of a command's.

Most of it is left out by a log level, which has to be set before TensorFlow is imported. A few
notes are written at the import whatever the level; these are taken out of standard error.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
QUIET = "3"
NOTE = re.compile(rb"^(?:I\d{4} [\d:.]+ .*|WARNING: All log messages before absl.*)\n?", re.M)


def keep_tensorflow_quiet() -> None:
    """Have TensorFlow say errors alone in this process, unless the environment asks for more."""
    if os.environ.setdefault(LEVEL, QUIET) == QUIET and "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _FirstImport())  # type: ignore[arg-type]


@contextlib.contextmanager
def without_notes() -> Iterator[None]:
    """Hold what is written to standard error in this block; then let go of all but the notes."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            if rest := NOTE.sub(b"", held.read()):
                os.write(2, rest)


class _FirstImport:
    """Finds TensorFlow as Python does, once, and runs it without its notes."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)  # type: ignore[arg-type]
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                with without_notes():
                    execute(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
