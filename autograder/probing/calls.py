"""Notes which library functions an answer calls, for tasks that are to be written by hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType, FunctionType
from typing import Any

LIBRARIES = ("cv2", "jax", "keras", "scipy", "skimage", "sklearn", "tensorflow", "torch")
MOST_CALLS = 20
WRAPPERS = ("error_handler", "wrapper", "op_dispatch_handler", "build_wrapper")
WRAPPED = ("fn", "dispatch_target", "func", "target")  # how wrappers call what they wrap


def _root(module: str | None) -> str:
    return (module or "").split(".")[0]


def _name_of_wrapped(names: Mapping[str, Any]) -> str:
    """The name of what a wrapper wraps, through all wrappers; `names` are those that it sees."""
    wrapped = next((names[one] for one in WRAPPED if callable(names.get(one))), None)
    name = getattr(wrapped, "__name__", "")
    if name not in WRAPPERS:
        return name
    if not isinstance(wrapped, FunctionType) or not wrapped.__closure__:
        return ""
    free = zip(wrapped.__code__.co_freevars, wrapped.__closure__, strict=True)
    return _name_of_wrapped({name: cell.cell_contents for name, cell in free})


def _called(frame: FrameType) -> str:
    """The name by which a reader knows what is called; nothing where it is a library's own."""
    name, local = frame.f_code.co_name, frame.f_locals
    if name in WRAPPERS:
        name = _name_of_wrapped(local)
    if name in ("__init__", "__new__", "__call__"):
        given = local.get("args")
        first = given[0] if isinstance(given, tuple) and given else None
        owner = local.get("self", local.get("cls", first))
        name = "" if owner is None else (owner if isinstance(owner, type) else type(owner)).__name__
    return "" if name.startswith(("_", "<")) else name


def _is_inside(caller: FrameType | None) -> bool:
    """Whether a library is at work: it, or what it called in turn, such as a context manager."""
    while caller is not None and caller.f_globals is not globals():
        if _root(caller.f_globals.get("__name__")) in LIBRARIES:
            return True
        caller = caller.f_back
    return False


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
        if _root(module) not in LIBRARIES or len(found) >= MOST_CALLS or _is_inside(caller):
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
