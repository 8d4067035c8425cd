"""The photographs that come with scikit-image: a held-out set beside scikit-learn's two.

They are read from scikit-image's own files; nothing is downloaded. Who made each one and under
which terms it stands is what scikit-image's documentation says, or the source that is named.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from convbook.data.photos import Picture, to_float


@dataclass(frozen=True)
class Photograph:
    """One photograph of scikit-image.

    Attributes:
        name: what `other_photographs` calls it.
        file: its file among scikit-image's data.
        size: height and width in pixels.
        colour: whether it is in colour.
        licence: who made it, and its terms.
    """

    name: str
    file: str
    size: tuple[int, int]
    colour: bool
    licence: str


_TEXTURE = "CC0 (cc0textures.com)"
_STEREO = (
    "Middlebury stereo data set 2014 (Scharstein et al. 2014): may be used and published, with "
    "citation"
)

PHOTOGRAPHS = (
    Photograph("astronaut", "astronaut.png", (512, 512), True, "NASA, public domain"),
    Photograph("brick", "brick.png", (512, 512), False, _TEXTURE),
    Photograph("camera", "camera.png", (512, 512), False, "Lav Varshney, CC0"),
    Photograph("cat", "chelsea.png", (300, 451), True, "Stefan van der Walt, CC0"),
    Photograph("coffee", "coffee.png", (400, 600), True, "Rachel Michetti, CC0"),
    Photograph(
        "coins", "coins.png", (303, 384), False, "Brooklyn Museum, no known copyright restrictions"
    ),
    Photograph("grass", "grass.png", (512, 512), False, _TEXTURE),
    Photograph("gravel", "gravel.png", (512, 512), False, _TEXTURE),
    Photograph("motorcycle_left", "motorcycle_left.png", (500, 741), True, _STEREO),
    Photograph("motorcycle_right", "motorcycle_right.png", (500, 741), True, _STEREO),
    Photograph("retina", "retina.jpg", (1411, 1411), True, "Haggstrom 2014, CC0"),
    Photograph("rocket", "rocket.jpg", (427, 640), True, "SpaceX, public domain"),
    Photograph(
        "tissue", "ihc.png", (512, 512), True, "CMMI, Brussels, no known copyright restrictions"
    ),
)
"""All of them, by name in the order of the alphabet."""


def other_photographs(names: Sequence[str] | None = None) -> dict[str, Picture]:
    """Return photographs of scikit-image by name: float32 in [0, 1], (H, W, 3).

    None of them is one of `photographs`, so a net trained on those has seen nothing of them. Grey
    ones (textures, coins, the cameraman) have three equal channels. The two motorcycles are a
    stereo pair: one scene from two places.

    Args:
        names: which; all of ``PHOTOGRAPHS`` if None.

    Raises:
        ValueError: for an unknown name.
        FileNotFoundError: if this scikit-image comes without the file.
    """
    known = {photograph.name: photograph for photograph in PHOTOGRAPHS}
    if isinstance(names, str):
        raise ValueError(f'names is "{names}": give a list of names, such as ["{names}"].')
    chosen = list(known) if names is None else list(names)
    for name in chosen:
        if name not in known:
            raise ValueError(f'There is no photograph "{name}": choose of {", ".join(known)}.')
    return {name: to_float(_read(known[name].file)) for name in chosen}


@functools.cache
def _read(file: str) -> NDArray[np.uint8]:
    """A file of scikit-image's as bytes, (H, W, 3)."""
    from PIL import Image

    found = resources.files("skimage") / "data" / file
    if not found.is_file():
        raise FileNotFoundError(
            f"This scikit-image comes without {file}: install another version, such as 0.25."
        )
    with found.open("rb") as stream, Image.open(stream) as image:
        return np.asarray(image.convert("RGB"))
