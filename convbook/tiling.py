"""A picture too large for a net in one piece: overlap-tile inference.

Source: Ronneberger, Fischer and Brox 2015, arXiv:1505.04597, section 2 and figure 2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

Predict = Callable[[Any], Any]
"""Tiles (N, h + 2 margin, w + 2 margin, C) to answers, (N, h, w, K) or as large as the tiles."""


def mirror(picture: ArrayLike, tile: int, margin: int, step: int | None = None) -> NDArray[Any]:
    """Mirror a picture at its borders: by the margin, and as far as the last tile reaches.

    Args:
        picture: (H, W, C).
        tile: side of a tile's answer, in pixels.
        margin: of a tile around its answer.
        step: from one tile to the next; None for ``tile``.

    Returns:
        (H + 2 margin + a, W + 2 margin + b, C), with a and b such that tiles fill it.
    """
    shown = np.asarray(picture)
    step = step or tile
    more = [tile + step * len(_starts(size, tile, step)) - step - size for size in shown.shape[:2]]
    return np.pad(shown, [(margin, margin + extra) for extra in more] + [(0, 0)], "reflect")


def overlap_tile(
    predict: Predict,
    picture: ArrayLike,
    tile: int,
    margin: int,
    step: int | None = None,
    batch_size: int = 4,
) -> NDArray[np.float32]:
    """Return a net's answer for a picture of any size, made tile by tile.

    A tile is cut out with a margin that its answer's neighbours share; beyond the picture's borders
    it sees a mirror image. The result is that of one pass over the mirrored picture (``mirror``) if
    the margin holds all that an answer depends on, and the step is a multiple of the net's stride:
    a net that pools cuts its windows from the corner of what it is given.

    Args:
        predict: the net. A U-Net without padding answers for the inside of a tile; an answer as
            large as the tile is cut by the margin here.
        picture: (H, W, C).
        tile: side of a tile's answer, in pixels.
        margin: in pixels: (572 - 388) / 2 for the published U-Net.
        step: from one tile to the next, at most ``tile``; None for ``tile``.
        batch_size: tiles at a time.

    Returns:
        (H, W, K).

    Raises:
        ValueError: if the step is larger than a tile, or the answers have another size.
    """
    shown, step = np.asarray(picture), step or tile
    if step > tile:
        raise ValueError(
            f"step is {step}, a tile {tile}: there would be gaps; give {tile} at most."
        )
    height, width = shown.shape[:2]
    padded, side = mirror(shown, tile, margin, step), tile + 2 * margin
    corners = [(y, x) for y in _starts(height, tile, step) for x in _starts(width, tile, step)]
    answer: NDArray[np.float32] | None = None
    for first in range(0, len(corners), batch_size):
        part = corners[first : first + batch_size]
        tiles = np.stack([padded[y : y + side, x : x + side] for y, x in part])
        scores = _inside(ops.convert_to_numpy(predict(tiles)), tile, margin)
        if answer is None:
            whole = [size - 2 * margin for size in padded.shape[:2]]
            answer = np.empty((*whole, scores.shape[-1]), np.float32)
        for (y, x), score in zip(part, scores, strict=True):
            answer[y : y + tile, x : x + tile] = score
    assert answer is not None
    return answer[:height, :width]


def _starts(size: int, tile: int, step: int) -> range:
    """Where the tiles' answers begin, so that they cover a side."""
    return range(0, max(size - tile, 0) + step, step)


def _inside(scores: NDArray[Any], tile: int, margin: int) -> NDArray[Any]:
    """The middle of the answers, where they are as large as the tiles."""
    side = scores.shape[1]
    if side == tile + 2 * margin and margin:
        return scores[:, margin:-margin, margin:-margin]
    if side != tile:
        raise ValueError(
            f"the net answers with {side} pixels for a tile of {tile} with a margin of {margin}; "
            f"give a margin of {margin + (tile - side) // 2} if its convolutions have no padding."
        )
    return scores
