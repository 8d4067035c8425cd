"""What this machine is: the line a chapter prints at its top."""

from __future__ import annotations

import os
import platform

import keras

from convbook.scale import scale

_KINDS = {"gpu": "GPU", "cuda": "GPU", "tpu": "TPU", "xla": "TPU", "mps": "GPU"}


def accelerators() -> list[str]:
    """Return the names of the accelerators that Keras's backend found; empty on a CPU."""
    if keras.backend.backend() == "torch":  # for which Keras lists no devices
        return _torch_accelerators()
    names = [str(device).lower() for device in keras.distribution.list_devices()]
    return [name for name in names if name.split(":")[0] in _KINDS]


def usable_cores() -> int:
    """Cores this process may use, which in a container can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def report() -> str:
    """Return one line: device, Keras and backend versions, and the scale the chapter runs at."""
    found = accelerators()
    cores = usable_cores()
    cpu = f"CPU, {cores} core{'s' if cores > 1 else ''}"
    device = ", ".join(found) if found else cpu
    line = (
        f"Device: {device} ({platform.machine()}). "
        f"Keras {keras.__version__} on {keras.backend.backend()}. Scale: {scale()}."
    )
    if scale() == "full" and not found:
        line += " The full scale is made for a GPU: expect hours here."
    return line


def _torch_accelerators() -> list[str]:
    import torch

    if torch.backends.mps.is_available():
        return ["mps:0"]
    return [f"cuda:{number}" for number in range(torch.cuda.device_count())]
