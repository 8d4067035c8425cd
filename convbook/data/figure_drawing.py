"""Figures with key points: one or several jointed people of capsules, on photographic ground.

A figure faces the viewer, so its left is at the right of the picture. Arms lie before or behind the
body, figures cover one another, and a strip cut from a photograph may stand in front: a key point
is visible, hidden, or outside the picture, as in COCO (Lin et al. 2014, arXiv:1405.0312).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convbook.data.photos import generator, ground, not_negative, pair, to_bytes, to_float
from convbook.data.scenes import Example, boxes_of

KEY_POINTS = (
    "head",
    "neck",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_hip",
    "right_knee",
    "right_ankle",
)
LIMBS = (
    (0, 1),
    (1, 2),
    (2, 3),
    (3, 4),
    (1, 5),
    (5, 6),
    (6, 7),
    (1, 8),
    (8, 9),
    (9, 10),
    (1, 11),
    (11, 12),
    (12, 13),
)
OUTSIDE, HIDDEN, VISIBLE = 0, 1, 2
OCCLUDER_SHARE = 0.3  # of the pictures have a strip in front

# Parts that show a key point: when another part covers it, the point is hidden.
HEAD, TORSO, LEFT_ARM, RIGHT_ARM, LEFT_LEG, RIGHT_LEG = range(6)
SHOWN_BY = (
    (HEAD,),
    (HEAD, TORSO),
    *[(LEFT_ARM, TORSO), (LEFT_ARM,), (LEFT_ARM,)],
    *[(RIGHT_ARM, TORSO), (RIGHT_ARM,), (RIGHT_ARM,)],
    *[(LEFT_LEG, TORSO), (LEFT_LEG,), (LEFT_LEG,)],
    *[(RIGHT_LEG, TORSO), (RIGHT_LEG,), (RIGHT_LEG,)],
)

Array = NDArray[np.float64]


def figures(
    count: int = 1000,
    split: str = "train",
    size: int = 96,
    people: tuple[int, int] = (1, 1),
    seed: int = 0,
) -> list[Example]:
    """Return pictures of people with their key points.

    Args:
        count: number of pictures.
        split: "train" or "test"; other poses, and ground from other parts of the photographs.
        size: height and width in pixels, 48 to 256.
        people: the fewest and the most figures of a picture; (2, 3) for several.
        seed: seed; picture i is the same whatever `count` is.

    Returns:
        One dictionary a picture, with n figures and K = 14 key points (`KEY_POINTS`):

        - ``image``: float32 in [0, 1], (size, size, 3)
        - ``image_id``: int, the picture's number
        - ``keypoints``: float32 (n, K, 2) as (y, x), pixel centres at whole numbers; NaN outside
        - ``visibility``: int64 (n, K): 2 visible, 1 hidden, 0 outside the picture
        - ``scales``: float32 (n,), neck to middle of the hips in pixels, to measure errors by
        - ``boxes``: float32 (n, 4) as (y1, x1, y2, x2) round the visible pixels, zeros if none is
        - ``masks``: bool (n, size, size), visible pixels

    Raises:
        ValueError: for a count, split, size or number of people out of range.
    """
    not_negative(count)
    return [figure_scene(i, split, size, people, seed) for i in range(count)]


def figure_scene(
    index: int,
    split: str = "train",
    size: int = 96,
    people: tuple[int, int] = (1, 1),
    seed: int = 0,
) -> Example:
    """Picture number `index` of `figures`, alone."""
    if not 48 <= size <= 256:
        raise ValueError(f"size is {size}: choose a size of 48 to 256 pixels.")
    pair("people", people, 1, 6)
    rng = generator(index, split, seed)
    image = ground(size, split, rng).copy()
    n = int(rng.integers(people[0], people[1] + 1))
    owner = np.full((size, size), -1)  # figure * 6 + part, -1 the ground, -2 a strip
    bodies = []
    for number in range(n):
        points, unit = _pose(number, n, size, rng)
        _draw_figure(image, owner, points, unit, number, rng)
        bodies.append((points, unit))
    if rng.random() < OCCLUDER_SHARE:
        _draw_strip(image, owner, split, rng)
    points = np.stack([body for body, _ in bodies])
    visibility = _visibility(points, owner)
    points[visibility == OUTSIDE] = np.nan
    masks = owner // 6 == np.arange(n)[:, np.newaxis, np.newaxis]
    torso = [np.linalg.norm(body[1] - (body[8] + body[11]) / 2) for body, _ in bodies]
    return {
        "image": to_float(to_bytes(image)),
        "image_id": index,
        "keypoints": points.astype(np.float32),
        "visibility": visibility,
        "scales": np.array(torso, np.float32),
        "boxes": boxes_of(masks),
        "masks": masks,
    }


def _pose(number: int, n: int, size: int, rng: np.random.Generator) -> tuple[Array, float]:
    """Key points (14, 2) as (y, x) of a figure in some pose, and its unit: half a head's height."""
    unit = size * rng.uniform(0.052, 0.075) * (1 if n == 1 else 0.85)
    tilt = np.radians(rng.uniform(-25, 25))
    up, side = np.array([-np.cos(tilt), np.sin(tilt)]), np.array([np.sin(tilt), np.cos(tilt)])
    points = np.zeros((14, 2))  # relative to the middle of the hips, in units
    points[1] = 4.0 * up
    points[0] = points[1] + 1.6 * up
    for first, sign in ((2, 1), (5, -1)):  # its left is to the right
        points[first] = points[1] + 1.4 * sign * side - 0.3 * up
        raised = tilt - sign * np.radians(rng.triangular(-20, 20, 170))
        bend = raised - sign * np.radians(rng.uniform(-10, 130))
        points[first + 1] = points[first] + 2.1 * _direction(raised)
        points[first + 2] = points[first + 1] + 2.0 * _direction(bend)
    for first, sign in ((8, 1), (11, -1)):
        points[first] = 0.8 * sign * side
        spread = tilt / 2 - sign * np.radians(rng.uniform(-5, 50))
        bend = spread + sign * np.radians(rng.uniform(-15, 70))
        points[first + 1] = points[first] + 2.7 * _direction(spread)
        points[first + 2] = points[first + 1] + 2.6 * _direction(bend)
    # Side by side with some overlap; the last few per cent of a limb may leave the picture.
    column = (number + 0.5) / n * size + rng.normal(0, 0.08 * size)
    row = 0.5 * size + rng.normal(0, 0.05 * size)
    return points * unit + (row, column), unit


def _direction(angle: float) -> Array:
    """A unit vector (y, x) at `angle` radians from straight down, turning to the left."""
    return np.array([np.cos(angle), -np.sin(angle)])


def _draw_figure(
    image: NDArray[np.float32],
    owner: NDArray[np.int_],
    points: Array,
    unit: float,
    number: int,
    rng: np.random.Generator,
) -> None:
    """Paint a figure into `image` and write its parts into `owner`, both in place."""
    shirt, trousers = rng.uniform(0.05, 0.95, (2, 3))
    skin = np.array([0.95, 0.75, 0.6]) * rng.uniform(0.4, 1.0)
    arms = [(LEFT_ARM, 2), (RIGHT_ARM, 5)]
    before = rng.random(2) < 0.75
    middle = (points[8] + points[11]) / 2

    def paint(part: int, a: Array, b: Array, radius: float, colour: Array) -> None:
        _capsule(image, owner, a, b, radius * unit, colour, 6 * number + part)

    def arm(part: int, first: int) -> None:
        paint(part, points[first], points[first + 1], 0.42, shirt * 0.85)
        paint(part, points[first + 1], points[first + 2], 0.34, skin)

    for (part, first), is_before in zip(arms, before, strict=True):
        if not is_before:
            arm(part, first)
    for part, first in ((LEFT_LEG, 8), (RIGHT_LEG, 11)):
        paint(part, points[first], points[first + 1], 0.55, trousers)
        paint(part, points[first + 1], points[first + 2], 0.42, trousers * 0.8)
    for end, top in ((8, 2), (11, 5)):
        paint(TORSO, points[top], points[end], 0.55, shirt)
    paint(TORSO, points[1], middle, 0.8, shirt)
    paint(HEAD, points[1], points[0], 0.35, skin)
    paint(HEAD, points[0], points[0], 0.9, skin)
    across = (points[2] - points[5]) / np.linalg.norm(points[2] - points[5])
    for eye in (-0.35, 0.35):
        paint(
            HEAD, points[0] + eye * unit * across, points[0] + eye * unit * across, 0.16, 0 * skin
        )
    for (part, first), is_before in zip(arms, before, strict=True):
        if is_before:
            arm(part, first)


def _capsule(
    image: NDArray[np.float32],
    owner: NDArray[np.int_],
    a: Array,
    b: Array,
    radius: float,
    colour: Array,
    name: int,
) -> None:
    """Paint all points within `radius` of the segment a to b, with a soft edge of one pixel."""
    size = len(owner)
    rim = radius + 1
    low = np.maximum(np.floor(np.minimum(a, b) - rim), 0).astype(int)
    high = np.minimum(np.ceil(np.maximum(a, b) + rim) + 1, size).astype(int)
    if (low >= high).any():
        return
    rows, columns = slice(low[0], high[0]), slice(low[1], high[1])
    grid = np.stack(np.meshgrid(np.arange(size)[rows], np.arange(size)[columns], indexing="ij"), -1)
    along: Array = b - a
    share = np.clip((grid - a) @ along / max(float(along @ along), 1e-9), 0, 1)
    distance = np.sqrt(((grid - a - share[..., np.newaxis] * along) ** 2).sum(-1))
    alpha = np.clip(radius - distance + 0.5, 0, 1)[..., np.newaxis]
    # A little darker towards the edge, as a round limb would be.
    shade = colour * (1 - 0.35 * np.clip(distance / radius, 0, 1)[..., np.newaxis] ** 2)
    image[rows, columns] += (alpha * (shade - image[rows, columns])).astype(np.float32)
    owner[rows, columns][alpha[..., 0] > 0.5] = name


def _draw_strip(
    image: NDArray[np.float32], owner: NDArray[np.int_], split: str, rng: np.random.Generator
) -> None:
    """Cover an upright or level strip with a piece of photograph."""
    size = len(owner)
    width = int(size * rng.uniform(0.08, 0.16))
    start = int(rng.integers(size // 6, size - size // 6 - width))
    strip = (slice(None), slice(start, start + width))
    if rng.random() < 0.5:
        strip = (strip[1], strip[0])
    image[strip] = ground(size, split, rng)[strip]
    owner[strip] = -2


def _visibility(points: Array, owner: NDArray[np.int_]) -> NDArray[np.int64]:
    """What is known of key points (n, K, 2): see `OUTSIDE`, `HIDDEN` and `VISIBLE`."""
    size = len(owner)
    found = np.zeros(points.shape[:2], np.int64)
    for number, body in enumerate(points):
        for k, (y, x) in enumerate(np.rint(body).astype(int)):
            if 0 <= y < size and 0 <= x < size:
                names = [6 * number + part for part in SHOWN_BY[k]]
                found[number, k] = VISIBLE if owner[y, x] in names else HIDDEN
    return found


def stack_figures(examples: list[Example]) -> dict[str, Any]:
    """Arrays of pictures with one figure each: image (N, H, W, 3), keypoints (N, K, 2), and so on.

    Raises:
        ValueError: if a picture has more than one figure.
    """
    if any(len(example["keypoints"]) != 1 for example in examples):
        raise ValueError("stack_figures takes pictures of one figure: ask for people=(1, 1).")
    names = ("keypoints", "visibility", "scales", "boxes", "masks")
    arrays = {name: np.concatenate([example[name] for example in examples]) for name in names}
    return arrays | {"image": np.stack([example["image"] for example in examples])}
