"""How large a run should be: the ``CONVBOOK_SCALE`` environment variable.

``smoke`` is for tests (seconds), ``default`` for a reader's two CPU cores (under three minutes a
chapter), ``full`` for a GPU.
"""

from __future__ import annotations

import os
from typing import TypeVar

SCALES = ("smoke", "default", "full")
"""The three sizes a chapter runs in, smallest first."""

T = TypeVar("T")


def scale() -> str:
    """Return the scale asked for: "smoke", "default" or "full".

    Reads ``CONVBOOK_SCALE``; "default" where it is unset or empty.

    Raises:
        ValueError: if the variable holds anything else.
    """
    name = os.environ.get("CONVBOOK_SCALE", "").strip().lower() or "default"
    if name not in SCALES:
        raise ValueError(
            f"CONVBOOK_SCALE is {name!r}; set it to one of {', '.join(SCALES)}, or unset it."
        )
    return name


def by_scale(smoke: T, default: T, full: T) -> T:
    """Return the value that belongs to the current scale: ``epochs = by_scale(1, 10, 100)``."""
    return {"smoke": smoke, "default": default, "full": full}[scale()]
