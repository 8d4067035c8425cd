"""Scenes of real handwritten digits on photographic ground, with boxes, classes and masks.

What a scene holds: one to eight digits of many sizes, each in a colour of its own that stands out
from the ground; later digits cover earlier ones. Some digits are marked *difficult* (half covered,
or very small); now and then a heap of tiny digits of one class makes one *crowd* object, as in
COCO (Lin et al. 2014, arXiv:1405.0312); and some scenes are empty. Boxes are drawn round what is
visible, as in COCO. Training scenes take training digits and training ground only, test scenes the
others.
"""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convbook.data.handwriting import enlarge, part_of_digits
from convbook.data.photos import generator, ground, not_negative, pair, to_bytes, to_float
from convbook.quality import BT601

EMPTY_SHARE = 0.05  # of the scenes
CROWD_SHARE = 0.08
LEAST_VISIBLE = 0.25  # of a digit, else it is painted over and forgotten
DIFFICULT_VISIBLE = 0.5  # less than this is difficult
HEIGHTS = (10, 52)  # of digits, least and most, at a scene of 128
DIFFICULT_HEIGHT = 12  # pixels at a scene of 128, smaller is difficult

Example = dict[str, Any]
Mask = NDArray[np.bool_]


def digit_scenes(
    count: int = 1000,
    split: str = "train",
    size: int = 128,
    classes: int = 10,
    objects: tuple[int, int] = (1, 8),
    heights: tuple[float, float] = HEIGHTS,
    seed: int = 0,
) -> list[Example]:
    """Return scenes of handwritten digits.

    Args:
        count: number of scenes.
        split: "train" or "test"; the two share neither digits nor pixels of photographs.
        size: height and width of a scene in pixels, 48 to 256; everything in it scales along.
        classes: the digits that occur: 0 to ``classes - 1``. Fewer classes are easier.
        objects: the fewest and the most digits of a scene that is not empty.
        heights: the smallest and the largest height of a digit, in 128ths of the scene's.
        seed: seed; scene i is the same whatever `count` is.

    Returns:
        One dictionary a scene, with n objects:

        - ``image``: float32 in [0, 1], (size, size, 3)
        - ``image_id``: int, the scene's number
        - ``boxes``: float32 (n, 4) as (y1, x1, y2, x2) in pixels, ends exclusive
        - ``classes``: int64 (n,), the digits
        - ``masks``: bool (n, size, size), visible pixels; no two overlap
        - ``difficult``, ``crowd``: bool (n,)
        - ``semantic``: uint8 (size, size): 0 for the ground, 1 + digit elsewhere

    Raises:
        ValueError: for a count, split, size, number of classes or of objects, or heights out of
            range.
    """
    not_negative(count)
    return [digit_scene(i, split, size, classes, objects, heights, seed) for i in range(count)]


def digit_scene(
    index: int,
    split: str = "train",
    size: int = 128,
    classes: int = 10,
    objects: tuple[int, int] = (1, 8),
    heights: tuple[float, float] = HEIGHTS,
    seed: int = 0,
) -> Example:
    """Scene number `index` of `digit_scenes`, alone."""
    if not (48 <= size <= 256 and 1 <= classes <= 10):
        raise ValueError(
            f"size is {size} and classes {classes}: choose a size of 48 to 256 pixels and 1 to 10 "
            "classes."
        )
    pair("objects", objects, 1, 100)
    pair("heights", heights, 6, 100)
    rng = generator(index, split, seed)
    image = ground(size, split, rng).copy()
    owner = np.full((size, size), -1)
    painted: list[tuple[int, int, bool]] = []  # class, pixels of ink, crowd
    wanted = 0 if rng.random() < EMPTY_SHARE else rng.integers(objects[0], objects[1] + 1)
    crowd_at = rng.integers(max(wanted, 1)) if rng.random() < CROWD_SHARE else -1
    for number in range(wanted):
        crowd = number == crowd_at
        label = int(rng.integers(classes))
        ink, y, x = (
            _heap(label, split, size, rng) if crowd else _digit(label, split, size, heights, rng)
        )
        covered = _visible_after(owner, ink > 0.5, y, x, painted)
        if not covered:
            continue
        _paint(image, ink, y, x, rng)
        owner[y : y + ink.shape[0], x : x + ink.shape[1]][ink > 0.5] = len(painted)
        painted.append((label, int((ink > 0.5).sum()), crowd))
    image = to_float(to_bytes(image))
    return {"image": image, "image_id": index} | _describe(owner, painted, size)


def _digit(
    label: int, split: str, size: int, heights: tuple[float, float], rng: np.random.Generator
) -> tuple[Any, int, int]:
    """One digit's ink in [0, 1], (h, w), and where its top left corner goes."""
    low, high = heights
    height = round(np.exp(rng.uniform(np.log(low), np.log(high))) * size / 128)
    width = max(4, round(height * rng.uniform(0.75, 1.0)))
    ink = _ink(label, split, max(height, 6), width, rng)
    y, x = rng.integers(0, size - ink.shape[0] + 1), rng.integers(0, size - ink.shape[1] + 1)
    return ink, int(y), int(x)


def _heap(label: int, split: str, size: int, rng: np.random.Generator) -> tuple[Any, int, int]:
    """Five to nine tiny digits of one class, close together: their common ink and place."""
    side = round(size * rng.uniform(0.2, 0.35))
    heap = np.zeros((side, side), np.float32)
    for _ in range(rng.integers(5, 10)):
        height = max(6, round(size * rng.uniform(0.07, 0.1)))
        ink = _ink(label, split, height, height, rng)
        y, x = rng.integers(0, side - ink.shape[0] + 1), rng.integers(0, side - ink.shape[1] + 1)
        part = heap[y : y + ink.shape[0], x : x + ink.shape[1]]
        np.maximum(part, ink, out=part)
    y, x = rng.integers(0, size - side + 1, 2)
    return heap, int(y), int(x)


def _ink(label: int, split: str, height: int, width: int, rng: np.random.Generator) -> Any:
    """A random digit of a class, enlarged, its empty columns cut off: (height, <= width)."""
    scans = _scans_of(split)[label]
    ink = enlarge(scans[rng.integers(len(scans))], height, width)
    columns = np.flatnonzero((ink > 0.5).any(0))
    rows = np.flatnonzero((ink > 0.5).any(1))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _visible_after(
    owner: NDArray[np.int_], ink: Mask, y: int, x: int, painted: list[tuple[int, int, bool]]
) -> bool:
    """Whether every earlier digit keeps enough of its ink if this one is painted."""
    under = owner[y : y + ink.shape[0], x : x + ink.shape[1]][ink]
    for number in np.unique(under[under >= 0]):
        left = (owner == number).sum() - (under == number).sum()
        if left < LEAST_VISIBLE * painted[number][1]:
            return False
    return True


def _paint(image: NDArray[np.float32], ink: Any, y: int, x: int, rng: np.random.Generator) -> None:
    """Colour the ink and lay it over the picture, in place."""
    part = image[y : y + ink.shape[0], x : x + ink.shape[1]]
    weights = np.array(BT601, np.float32)
    light = float((part.mean((0, 1)) * weights).sum())
    colour = rng.uniform(0, 1, 3)
    # A colour of any hue whose luminance is at least a third away from the ground's.
    target = light + 0.35 * (1 if light < 0.5 else -1) * rng.uniform(1, 1.6)
    colour = np.clip(colour + target - float((colour * weights).sum()), 0, 1).astype(np.float32)
    part += ink[..., np.newaxis] * (colour - part)


def _describe(
    owner: NDArray[np.int_], painted: list[tuple[int, int, bool]], size: int
) -> dict[str, Any]:
    """Boxes, classes, masks, flags and semantic map from who owns which pixel."""
    masks = owner == np.arange(len(painted))[:, np.newaxis, np.newaxis]
    labels = np.array([label for label, _, _ in painted], np.int64)
    ink = np.array([pixels for _, pixels, _ in painted], float)
    crowd = np.array([flag for _, _, flag in painted], bool)
    boxes = boxes_of(masks)
    small = boxes[:, 2] - boxes[:, 0] < DIFFICULT_HEIGHT * size / 128
    hidden = masks.sum((1, 2)) < DIFFICULT_VISIBLE * ink
    semantic = np.append(labels + 1, 0)[owner].astype(np.uint8)  # owner -1 is the ground
    return {
        "boxes": boxes,
        "classes": labels,
        "masks": masks,
        "difficult": (small | hidden) & ~crowd,
        "crowd": crowd,
        "semantic": semantic,
    }


def boxes_of(masks: Mask) -> NDArray[np.float32]:
    """Tight boxes (n, 4) as (y1, x1, y2, x2) round masks (n, H, W); an empty mask gives zeros."""
    boxes = np.zeros((len(masks), 4), np.float32)
    for box, mask in zip(boxes, masks, strict=True):
        if mask.any():
            ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            box[:] = ys[0], xs[0], ys[-1] + 1, xs[-1] + 1
    return boxes


@functools.cache
def _scans_of(split: str) -> list[NDArray[np.float32]]:
    """The 8x8 scans of a split, by digit."""
    scans, labels = part_of_digits(split)
    return [scans[labels == digit] for digit in range(10)]
