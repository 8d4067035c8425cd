"""Weights that the book keeps, since to train them takes longer than a chapter may."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parent / "weights"


def keep(net: keras.Model, path: Path, **curves: list[float]) -> None:
    """Write a net's weights in half precision, and the curves of its training, into one file.

    Args:
        net: built.
        path: ends with ``.npz``.
        **curves: numbers by name, such as the loss after each epoch.
    """
    numbers = {f"weight{i:03}": np.asarray(w, np.float16) for i, w in enumerate(net.get_weights())}
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **numbers, **{f"curve {name}": v for name, v in curves.items()})


def load_kept(net: keras.Model, name: str, folder: Path = FOLDER) -> dict[str, NDArray[np.float64]]:
    """Give a net the weights that are kept under a name; return the curves of their training.

    Args:
        net: built as it was when the weights were kept.
        name: of the file, without ``.npz``.
        folder: where it lies.

    Raises:
        ValueError: if nothing is kept under this name, or it is another net's.
    """
    path = folder / f"{name}.npz"
    if not path.is_file():
        kept = sorted(file.stem for file in folder.glob("*.npz"))
        raise ValueError(f'No weights are kept as "{name}": choose of {", ".join(kept) or "none"}.')
    with np.load(path) as stored:
        values = [stored[key].astype(np.float32) for key in stored if key.startswith("weight")]
        curves = {key[6:]: stored[key] for key in stored if key.startswith("curve ")}
    if [value.shape for value in values] != [tuple(w.shape) for w in net.weights]:
        raise ValueError(
            f"The weights kept as \"{name}\" are another net's: build it as the file's maker did."
        )
    net.set_weights(values)
    return curves
