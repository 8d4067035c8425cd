"""Weights that are kept: small files of numbers, made by `python -m convbook.train`.

A file is an ``.npz`` with the weights of a net in the order in which the net has them, by default
as numbers of 16 bits.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import keras
import numpy as np

FOLDER = Path(__file__).parent / "weights"
"""Where the book's own weights lie."""


def keep(net: keras.Model, path: str | os.PathLike[str], dtype: str = "float16") -> Path:
    """Write a net's weights into a file; return its path.

    Args:
        net: a built net.
        path: of the file, ending in ``.npz``; written whole or not at all.
        dtype: of the numbers in the file.
    """
    arrays = {f"{i:03d}": np.asarray(w).astype(dtype) for i, w in enumerate(net.get_weights())}
    return write_npz(path, arrays)


def recall(net: keras.Model, path: str | os.PathLike[str]) -> None:
    """Give a net the weights from a file.

    Args:
        net: a net as the one that was kept.
        path: of the file; a name without a folder and an ending means one of the book's own.

    Raises:
        ValueError: if there is no such file, or its weights belong to another net.
    """
    file = Path(path)
    if file.suffix != ".npz":
        file = FOLDER / f"{path}.npz"
    if not file.is_file():
        raise ValueError(f"There are no weights at {file}: say which file, or train the net first.")
    with np.load(file) as archive:
        values = [archive[key] for key in sorted(archive.files)]
    shapes = [tuple(weight.shape) for weight in net.weights]
    if [value.shape for value in values] != shapes:
        raise ValueError(f"The weights in {file.name} belong to another net: its sizes differ.")
    net.set_weights([value.astype("float32") for value in values])


def write_npz(path: str | os.PathLike[str], arrays: dict[str, Any]) -> Path:
    """Write arrays into an ``.npz``, whole or not at all: a kill leaves what was there before."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    unready = file.with_name(f"{file.name}.{os.getpid()}.part")
    with unready.open("wb") as stream:
        np.savez(stream, **arrays)
        stream.flush()
        os.fsync(stream.fileno())
    unready.replace(file)
    return file
