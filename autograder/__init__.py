"""Checks answers: in a notebook with `check`, for a class with the command `autograder`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autograder.notebook_check import check, hint, solution

__all__ = ["check", "hint", "solution"]


def __getattr__(name: str) -> Any:
    """Import `check` and its like when first asked for: grading a class must start without them."""
    if name in __all__:
        from autograder import notebook_check

        return getattr(notebook_check, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
