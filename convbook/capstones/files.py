"""Reads a file of predictions that a stranger made: plain arrays, and nothing is ever unpickled."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

MOST_BYTES = 500_000_000  # unpacked: a small file can unpack to very much

Arrays = dict[str, np.ndarray]


class BadFile(Exception):
    """Predictions that cannot be scored; `str()` says what is wrong and what to do."""


def read_arrays(path: Path, names: Sequence[str]) -> Arrays:
    """The arrays `names` of an .npz file. Raises BadFile with a sentence where they are not there.

    Others that lie beside them are not looked at.
    """
    wanted = ", ".join(f"{name}=..." for name in names)
    how = f"save it by np.savez_compressed({path.name!r}, {wanted})"
    if not path.is_file():
        raise BadFile(f"There is no file {path}: {how}.")
    try:
        with zipfile.ZipFile(path) as packed:
            sizes = {entry.filename: entry.file_size for entry in packed.infolist()}
    except (zipfile.BadZipFile, OSError, ValueError):
        raise BadFile(f"{path.name} is no .npz file: {how}.") from None
    if sum(sizes.values()) > MOST_BYTES:
        raise BadFile(
            f"{path.name} unpacks to {sum(sizes.values()):,} bytes, the limit is {MOST_BYTES:,}: "
            "save the predictions alone."
        )
    if missing := [name for name in names if f"{name}.npy" not in sizes]:
        inside = ", ".join(sorted(name.removesuffix(".npy") for name in sizes)) or "nothing"
        raise BadFile(f"{path.name} has no array {', '.join(missing)}; it holds {inside}: {how}.")
    arrays = {}
    # Not by np.load: it asks the first bytes what a file is, and may take it for no archive at all.
    with zipfile.ZipFile(path) as packed:
        for name in names:
            try:
                with packed.open(f"{name}.npy") as stream:
                    arrays[name] = np.lib.format.read_array(stream, allow_pickle=False)
            except Exception as error:
                pickled = "allow_pickle" in str(error) or "Object arrays" in str(error)
                what = "holds pickled objects, which are not read" if pickled else "is damaged"
                raise BadFile(f"{name} in {path.name} {what}: give an array of numbers.") from None
    return arrays


def of_shape(name: str, array: np.ndarray, shape: tuple[int | None, ...]) -> None:
    """Raise BadFile where an array has another shape; None is any length."""
    fits = array.ndim == len(shape) and all(
        wanted is None or wanted == given for wanted, given in zip(shape, array.shape, strict=True)
    )
    if not fits:
        words = ", ".join("M" if n is None else str(n) for n in shape)
        comma = "," if len(shape) == 1 else ""
        raise BadFile(f"{name} has the shape {array.shape}; asked for is ({words}{comma}).")


def whole(name: str, array: np.ndarray, below: int) -> None:
    """Raise BadFile where an array holds no whole numbers from 0 to `below` - 1."""
    if array.dtype.kind not in "iu":
        raise BadFile(
            f"{name} holds {array.dtype} and is to hold whole numbers: take the likeliest class by "
            "argmax, and astype(int)."
        )
    wrong = array[(array < 0) | (array >= below)] if array.size else array
    if wrong.size:
        raise BadFile(
            f"{name} holds {int(wrong.flat[0])}, which is none of 0 to {below - 1} "
            f"({wrong.size} such numbers)."
        )


def finite(name: str, array: np.ndarray) -> None:
    """Raise BadFile where an array does not hold finite numbers."""
    if array.dtype.kind not in "fiu":
        raise BadFile(f"{name} holds {array.dtype} and is to hold numbers.")
    bad = int((~np.isfinite(array)).sum())
    if bad:
        raise BadFile(
            f"{name} holds {bad} numbers that are NaN or infinite, of {array.size}: was the net "
            "trained with a loss that became NaN?"
        )


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write an .npz file whole or not at all."""
    part = path.with_name(f".{path.name}.part.npz")
    np.savez_compressed(part, **arrays)
    part.replace(path)
