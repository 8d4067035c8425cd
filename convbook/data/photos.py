"""The two photographs that come with scikit-learn, and grounds and patches cut from them.

`china.jpg` by Daniel Buechele and `flower.jpg` by the Flickr user vultilion, both CC BY 2.0 and
427x640 pixels, as scikit-learn distributes them. One square of 213 pixels of each serves for
tests, half the temple and half the flower, and what lies around it for training: both parts have of
everything, and no pixel is in both.
"""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convbook.quality import BT601

TILE = 213  # half the height and a third of the width of a photograph
TEST_TILES = {"china": (1, 1), "flower": (0, 1)}  # row and column
# How many photograph pixels make one pixel of a ground, for grounds of 128 pixels.
GROUND_SCALES = (1.0, 1.25, 1.6)

Picture = NDArray[np.float32]


def photographs() -> dict[str, Picture]:
    """Return the photographs by name ("china", "flower"): float32 in [0, 1], (427, 640, 3)."""
    return {name: picture.copy() for name, picture in _photographs().items()}


def photo_patches(
    count: int = 1000, split: str = "train", size: int = 64, seed: int = 0
) -> NDArray[np.float32]:
    """Return square patches of the photographs at their own resolution.

    Args:
        count: number of patches.
        split: "train" or "test", from different pixels of the photographs.
        size: height and width in pixels, at most 213.
        seed: seed; patch i is the same whatever `count` is.

    Returns:
        float32 in [0, 1], shape (count, size, size, 3).

    Raises:
        ValueError: for a negative count, another split or a size that does not fit.
    """
    not_negative(count)
    patches = [photo_patch(i, split, size, seed) for i in range(count)]
    return np.stack(patches) if patches else np.zeros((0, size, size, 3), np.float32)


def photo_patch(index: int, split: str = "train", size: int = 64, seed: int = 0) -> Picture:
    """Patch number `index` of `photo_patches`: float32 in [0, 1], (size, size, 3)."""
    if not 1 <= size <= TILE:
        raise ValueError(f"size is {size}: patches of 1 to {TILE} pixels fit into the photographs.")
    rng = generator(index, split, seed)
    regions = _regions(split, 1.0)
    for _ in range(8):
        patch = _crop(regions[rng.integers(len(regions))], size, rng)
        if np.abs(np.diff(patch, axis=1)).mean() > 0.015:  # a blurred ground has no detail to learn
            break
    return to_float(to_bytes(patch))


def lower_resolution(patches: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Average blocks of factor x factor pixels: (N, H, W, C) to (N, H/factor, W/factor, C).

    Raises:
        ValueError: if height or width is not a multiple of `factor`.
    """
    n, height, width, channels = patches.shape
    if factor < 1:
        raise ValueError(f"factor is {factor}: it must be at least 1.")
    if height % factor or width % factor:
        raise ValueError(f"{height}x{width} pictures cannot be cut into blocks of {factor} pixels.")
    blocks = patches.reshape(n, height // factor, factor, width // factor, factor, channels)
    return blocks.mean((2, 4), dtype=np.float32)


def damage(
    patches: NDArray[np.float32],
    kind: str = "noise",
    seed: int = 0,
    holes: int = 5,
    share: float = 1 / 8,
) -> NDArray[np.float32]:
    """Damage pictures for a net to restore: (N, H, W, 3) to the same shape, float32 in [0, 1].

    Args:
        patches: pictures in [0, 1].
        kind: "noise" (Gaussian, deviation 0.1), "blur" (Gaussian, 1.5 pixels), "grey" (luminance
            in three equal channels) or "holes" (black squares).
        seed: seed of the noise and of the holes.
        holes: number of black squares a picture; they may overlap.
        share: a hole's side as a share of the picture's height.

    Raises:
        ValueError: for an unknown kind, or a share that is not in (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}: a hole's side is a share of the picture's, up to 1.")
    rng = np.random.default_rng(seed)
    if kind == "noise":
        damaged = patches + 0.1 * rng.standard_normal(patches.shape, dtype=np.float32)
    elif kind == "blur":
        from scipy import ndimage

        damaged = ndimage.gaussian_filter(patches, (0, 1.5, 1.5, 0))
    elif kind == "grey":
        luminance = patches @ np.array(BT601, np.float32)
        damaged = np.repeat(luminance[..., np.newaxis], 3, axis=-1)
    elif kind == "holes":
        damaged = patches.copy()
        side = max(1, int(patches.shape[1] * share))
        for picture in damaged:
            for y, x in rng.integers(0, np.array(picture.shape[:2]) - side + 1, (holes, 2)):
                picture[y : y + side, x : x + side] = 0
    else:
        raise ValueError(f'kind is "{kind}": choose "noise", "blur", "grey" or "holes".')
    return np.clip(damaged, 0, 1).astype(np.float32)


def ground(size: int, split: str, rng: np.random.Generator) -> Picture:
    """A piece of photograph to draw on, newly lit: float32 in [0, 1], (size, size, 3)."""
    scale = GROUND_SCALES[rng.integers(len(GROUND_SCALES))] * 128 / size
    regions = _regions(split, scale)
    crop = _crop(regions[rng.integers(len(regions))], size, rng)
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    contrast, light = rng.uniform(0.5, 1.0), rng.uniform(-0.1, 0.1)
    return np.clip((crop - 0.5) * contrast + 0.5 + light, 0, 1)


def generator(index: int, split: str, seed: int) -> np.random.Generator:
    """The generator of picture `index`: the same whatever else is drawn, unlike in each split."""
    if split not in ("train", "test"):
        raise ValueError(f'split is "{split}": choose "train" or "test".')
    if seed < 0:
        raise ValueError(f"seed is {seed}: it must not be negative.")
    return np.random.default_rng([seed, ("train", "test").index(split), index])


def not_negative(count: int) -> None:
    """Refuse to make fewer than no examples."""
    if count < 0:
        raise ValueError(f"count is {count}: it must not be negative.")


def pair(name: str, values: Any, least: float, most: float) -> None:
    """Refuse what is no rising pair of numbers between `least` and `most`."""
    if np.shape(values) != (2,) or not least <= values[0] <= values[1] <= most:
        raise ValueError(
            f"{name} is {values}: give the least and the most, from {least} to {most}."
        )


def to_bytes(picture: NDArray[np.floating]) -> NDArray[np.uint8]:
    """A picture in [0, 1] in 256 steps, as picture files and data sets hold it."""
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def to_float(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A picture of bytes as float32 in [0, 1].

    Scaling happens here, and alike in `convbook.data.batches`, where TensorFlow scales its own.
    """
    return picture.astype(np.float32) / np.float32(255)


def _crop(region: Picture, size: int, rng: np.random.Generator) -> Picture:
    """A random square of `region`, not copied."""
    y = rng.integers(region.shape[0] - size + 1)
    x = rng.integers(region.shape[1] - size + 1)
    return region[y : y + size, x : x + size]


@functools.cache
def _photographs() -> dict[str, Picture]:
    from sklearn.datasets import load_sample_images

    bunch = load_sample_images()
    names = [name.rpartition("/")[2].removesuffix(".jpg") for name in bunch.filenames]
    pictures = [to_float(image) for image in bunch.images]
    return dict(zip(names, pictures, strict=True))


@functools.cache
def _regions(split: str, scale: float) -> list[Picture]:
    """The part of each photograph that belongs to `split`, reduced `scale` times."""
    from scipy import ndimage

    regions = []
    for name, picture in _photographs().items():
        row, column = TEST_TILES[name]
        beside, level = (
            slice(column * TILE, (column + 1) * TILE),
            slice(row * TILE, (row + 1) * TILE),
        )
        other = slice(TILE, None) if row == 0 else slice(0, TILE)
        around = [picture[other], picture[:, : beside.start], picture[:, beside.stop :]]
        for part in around if split == "train" else [picture[level, beside]]:
            if scale != 1:
                blur = (max(scale - 1, 0) / 2, max(scale - 1, 0) / 2, 0)
                zoom = (1 / scale, 1 / scale, 1)
                smooth = ndimage.gaussian_filter(part, blur)
                part = ndimage.zoom(smooth, zoom, order=1, mode="nearest", grid_mode=True)
            regions.append(part)
    return regions
