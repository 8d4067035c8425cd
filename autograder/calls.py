"""Notes which library functions an answer calls, for tasks that are to be written by hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

LIBRARIES = ("cv2", "jax", "keras", "scipy", "skimage", "sklearn", "tensorflow", "torch")
MOST_CALLS = 20
WRAPPERS = ("error_handler", "wrapper")


def _root(module: str | None) -> str:
    return (module or "").split(".")[0]


def _called(frame: FrameType) -> str:
    """The name by which a reader knows what is called; nothing where it is a library's own."""
    name = frame.f_code.co_name
    wrapped = frame.f_locals.get("fn")
    if name in WRAPPERS and callable(wrapped):
        name = getattr(wrapped, "__name__", "")
    if name in ("__init__", "__new__", "__call__"):
        owner = frame.f_locals.get("self", frame.f_locals.get("cls"))
        name = "" if owner is None else (owner if isinstance(owner, type) else type(owner)).__name__
    return "" if name.startswith(("_", "<")) else name


@contextmanager
def noting_calls(found: list[str]) -> Iterator[None]:
    """Add to `found` the library functions that code outside the libraries calls in the block.

    Only the first step into a library is noted: `keras.ops.conv`, not what Keras calls in turn.
    NumPy, Python and the answer's own helpers are not.
    """

    def notice(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            caller = frame.f_back
            module, name = frame.f_globals.get("__name__"), _called(frame)
        elif event == "c_call":
            caller, module, name = frame, argument.__module__, argument.__name__
        else:
            return
        inside = caller is not None and _root(caller.f_globals.get("__name__")) in LIBRARIES
        if inside or _root(module) not in LIBRARIES or len(found) >= MOST_CALLS:
            return
        call = f"{_root(module)}: {name}" if name else _root(module)
        if call not in found:
            found.append(call)

    previous = sys.getprofile()
    sys.setprofile(notice)
    try:
        yield
    finally:
        sys.setprofile(previous)
