"""How much a student's process may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of one child: bytes, counts and seconds.

    `memory` is what it may use beyond what it was born with, all of its processes together;
    `processes` counts threads too, and TensorFlow takes some for itself.
    """

    memory: int = 4 << 30
    processes: int = 200
    files: int = 256
    disk: int = 256 << 20
    inodes: int = 20_000
    cpu_seconds: int = 600
