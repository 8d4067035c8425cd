"""Heads turned by known angles: ellipsoids, ray-traced, with hair, eyes, nose, mouth and ears.

Axes: x to the right, y up, z out of the picture towards the viewer, right-handed. A point of the
head at rest, nose towards the viewer, goes to ``Rz(roll) @ Ry(yaw) @ Rx(pitch)`` times it. So, with
one angle positive and the others zero, roll turns the head counter-clockwise, pitch lowers the
nose, and yaw turns the nose to the right of the picture.
"""

import numpy as np
from numpy.typing import NDArray

from convbook.data.photos import generator, ground, not_negative, to_bytes, to_float
from convbook.data.scenes import Example

Array = NDArray[np.floating]

# Centre and radii in units of half the head's height. The skull comes first.
SKULL = ((0.0, 0.0, 0.0), (0.76, 1.0, 0.86))
FEATURES = (
    ((0.0, -0.08, 0.82), (0.13, 0.22, 0.26)),  # nose
    ((0.74, 0.0, -0.05), (0.10, 0.22, 0.16)),  # ears
    ((-0.74, 0.0, -0.05), (0.10, 0.22, 0.16)),
)
LIMITS = (180.0, 45.0, 75.0)
MOST = (180, 90, 180)


def heads(
    count: int = 1000,
    split: str = "train",
    size: int = 64,
    limits: tuple[float, float, float] = LIMITS,
    seed: int = 0,
) -> list[Example]:
    """Return pictures of heads with their orientation.

    Args:
        count: number of pictures.
        split: "train" or "test"; other heads, and ground from other parts of the photographs.
        size: height and width in pixels, 32 to 256.
        limits: largest absolute roll, pitch and yaw in degrees; each angle is uniform within. The
            full turn of roll (180) is there to show that angles wrap.
        seed: seed; picture i is the same whatever `count` is.

    Returns:
        One dictionary a picture: ``image`` float32 in [0, 1], (size, size, 3); ``image_id`` int;
        ``angles`` float32 (3,): roll, pitch, yaw in radians.

    Raises:
        ValueError: for a count, split, size or limits out of range.
    """
    not_negative(count)
    return [head(i, split, size, limits, seed) for i in range(count)]


def head(
    index: int,
    split: str = "train",
    size: int = 64,
    limits: tuple[float, float, float] = LIMITS,
    seed: int = 0,
) -> Example:
    """Picture number `index` of `heads`, alone."""
    if not 32 <= size <= 256:
        raise ValueError(f"size is {size}: choose a size of 32 to 256 pixels.")
    if np.shape(limits) != (3,) or not all(0 <= a <= b for a, b in zip(limits, MOST, strict=True)):
        raise ValueError(
            f"limits are {limits}: give three of them, roll, pitch and yaw, from 0 to {MOST}."
        )
    rng = generator(index, split, seed)
    angles = np.radians([rng.uniform(-limit, limit) for limit in limits])
    roll, pitch, yaw = angles
    image = draw_head(roll, pitch, yaw, ground(max(size, 48), split, rng)[:size, :size], rng)
    return {
        "image": to_float(to_bytes(image)),
        "image_id": index,
        "angles": angles.astype(np.float32),
    }


def draw_head(
    roll: float, pitch: float, yaw: float, behind: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw one head, angles in radians, over a square picture (size, size, 3) in [0, 1]."""
    size = len(behind)
    turn = rotation(roll, pitch, yaw)
    # Two by two rays a pixel, from the viewer's eye straight ahead, in units of half a head.
    radius = size * rng.uniform(0.34, 0.42)
    middle = size / 2 + rng.uniform(-0.06, 0.06, 2) * size
    line = ((np.arange(2 * size) + 0.5) / 2).astype(np.float32)
    y, x = (middle[0] - line) / radius, (line - middle[1]) / radius
    stretch = rng.uniform(0.92, 1.08, 3)
    depth = np.full((2 * size, 2 * size), -np.inf, np.float32)
    colours = np.zeros((2 * size, 2 * size, 3), np.float32)
    look = _Look(rng)
    light = np.array([rng.uniform(-0.7, 0.7), rng.uniform(-0.2, 0.8), 1.0])
    light /= np.linalg.norm(light)
    for number, (centre, radii) in enumerate((SKULL, *FEATURES)):
        shape = np.array(centre) * stretch, np.array(radii) * stretch
        where = _where(y, x, turn, *shape)
        nearer, hit, point, normal = _trace(
            x[where[1]], y[where[0]], depth[where], turn.astype(np.float32), *shape
        )
        depth[where][nearer] = hit
        tint = look.face(point / stretch) if number == 0 else look.skin
        bright = 0.35 + 0.65 * np.clip(normal @ light, 0, None)
        colours[where][nearer] = tint * bright[:, np.newaxis]
    covered = np.isfinite(depth)[..., np.newaxis]
    both = np.concatenate([np.where(covered, colours, 0), covered], -1)
    mean = both.reshape(size, 2, size, 2, 4).mean((1, 3))
    picture = mean[..., :3] + (1 - mean[..., 3:]) * behind
    return np.clip(picture, 0, 1).astype(np.float32)


class _Look:
    """The colours of one head, and which of them the skull has where."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.skin = np.array([1.0, 0.8, 0.66]) * rng.uniform(0.45, 1.0)
        self.hair = np.array([0.75, 0.55, 0.3]) * rng.uniform(0.08, 0.9)
        self.iris = rng.uniform(0, 0.5, 3)
        self.hairline = rng.uniform(0.42, 0.62)
        self.eyes = rng.uniform(0.26, 0.32)
        self.mouth = rng.uniform(0.2, 0.3)

    def face(self, point: Array) -> Array:
        """Colours (n, 3) of points (n, 3) on the skull, in its own axes."""
        x, y, z = point.T
        colour = np.broadcast_to(self.skin, point.shape).copy()
        front = z > 0

        def spot(where: NDArray[np.bool_], tint: Array) -> None:
            colour[where & front] = tint

        for side in (-self.eyes, self.eyes):
            spot(((x - side) / 0.15) ** 2 + ((y - 0.15) / 0.09) ** 2 < 1, np.array([0.95] * 3))
            spot((x - side) ** 2 + (y - 0.15) ** 2 < 0.075**2, self.iris)
            spot(((x - side) / 0.18) ** 2 + ((y - 0.33) / 0.045) ** 2 < 1, self.hair * 0.8)
        lips = self.skin * np.array([0.75, 0.35, 0.35])
        spot((x / self.mouth) ** 2 + ((y + 0.5) / 0.07) ** 2 < 1, lips)
        colour[(y > self.hairline) | (z < -0.1 + 0.35 * (-y - 0.2).clip(-0.6, 1) * -1)] = self.hair
        return colour


def _where(y: Array, x: Array, turn: Array, centre: Array, radii: Array) -> tuple[slice, slice]:
    """The rows and columns of rays, y falling and x rising, that can meet a turned ellipsoid."""
    middle, reach = turn @ centre, np.sqrt(((turn * radii) ** 2).sum(1))
    low, high = middle - reach, middle + reach
    rows = np.searchsorted(-y, [-high[1], -low[1]])
    columns = np.searchsorted(x, [low[0], high[0]])
    return slice(*rows), slice(*columns)


def _trace(
    x: Array, y: Array, depth: Array, turn: Array, centre: Array, radii: Array
) -> tuple[NDArray[np.bool_], Array, Array, Array]:
    """Where rays along z meet a turned ellipsoid first, seen from the viewer.

    Args:
        x: places of the columns (W,).
        y: places of the rows (H,).
        depth: what the rays have met so far (H, W).
        turn: the head's rotation.
        centre: of the ellipsoid, in the head's axes.
        radii: along these axes.

    Returns:
        Which rays meet it before anything else (H, W), n of them; its depth there (n,); the points
        in the head's axes (n, 3); the unit normals in the picture's axes (n, 3).
    """
    centre, radii = centre.astype(np.float32), radii.astype(np.float32)
    across, up, ray = turn / radii  # the picture's axes, in the head's, its ellipsoid a ball
    start = y[:, np.newaxis, np.newaxis] * up + (x[:, np.newaxis] * across - centre / radii)
    a, b, c = ray @ ray, start @ ray, (start**2).sum(-1) - 1
    square = b**2 - a * c
    hit = (-b + np.sqrt(np.clip(square, 0, None))) / a
    nearer = (square > 0) & (hit > depth)
    on_ball = start[nearer] + hit[nearer, np.newaxis] * ray
    normal = (on_ball / radii) @ turn.T
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-12
    return nearer, hit[nearer], on_ball * radii + centre, normal


def rotation(roll: float, pitch: float, yaw: float) -> Array:
    """The matrix (3, 3) Rz(roll) @ Ry(yaw) @ Rx(pitch), by SciPy; angles in radians."""
    from scipy.spatial.transform import Rotation

    # Capital letters: each turn is about the axes already turned, Rz(roll) @ Ry(yaw) @ Rx(pitch).
    return Rotation.from_euler("ZYX", [roll, yaw, pitch]).as_matrix()
