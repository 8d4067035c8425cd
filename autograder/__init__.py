"""Checks answers: in a notebook with `check`, for a class with the command `autograder`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autograder.notebook_check import check

__all__ = ["check"]


def __getattr__(name: str) -> Any:
    """Import `check` when it is first asked for: grading a class must start without it."""
    if name == "check":
        from autograder.notebook_check import check

        return check
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
