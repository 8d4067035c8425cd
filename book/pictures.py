"""Makes the README's pictures from what `make demo` made: `python -m book.pictures`.

A figure is taken from the chapter as it ran. The class's page, and an answer that is checked,
mended and checked again, are photographed in Chromium.
"""

from __future__ import annotations

import base64
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from PIL import Image
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from book.demo import BOOK, DEMO, EXERCISE, ROOT

PICTURES = ROOT / "docs" / "images"
FIGURE_CELL = "train-residual"
"""The chapter's cell whose figure shows what the chapter is about."""
WIDTH = 900
"""Pixels; small enough for a repository, wide enough for a page."""


_BEGIN = """def residual_block(x, filters, stride=1):
    shortcut = x
"""
_PROJECTED = """    if stride != 1 or x.shape[-1] != filters:
        shortcut = layers.Conv2D(filters, 1, strides=stride, use_bias=False)(x)
        shortcut = layers.BatchNormalization()(shortcut)
"""
_BRANCH = """    x = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
"""
_END = "    return layers.ReLU()(layers.Add()([x, shortcut]))\n"
TRIES = (
    _BEGIN + _PROJECTED + _BRANCH + "    return layers.Add()([x, layers.ReLU()(shortcut)])\n",
    _BEGIN + _PROJECTED.replace(" or x.shape[-1] != filters", "") + _BRANCH + _END,
    _BEGIN + _PROJECTED + _BRANCH + _END,
)
"""Answers to the residual block: wrong, nearer, right."""


class PictureError(Exception):
    """A picture that could not be made; the message says why."""


def figure_of(chapter: str, cell: str) -> Image.Image:
    """Return the first figure that a cell of a chapter made in the last build, `WIDTH` wide.

    Raises:
        PictureError: if the chapter was not built, or the cell made no figure.
    """
    path = BOOK.with_name(f"{BOOK.name}-work") / "sources" / f"{chapter}.ipynb"
    if not path.is_file():
        raise PictureError(f"{path} is missing; run `make demo` first.")
    cells = nbformat.read(path, as_version=4).cells
    drawings = [
        output.data["image/svg+xml"]
        for each in cells
        if each.get("id") == cell
        for output in each.get("outputs", [])
        if "image/svg+xml" in output.get("data", {})
    ]
    if not drawings:
        raise PictureError(f"{path} has no figure in a cell {cell!r}.")
    sides = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawings[0])
    if not sides:
        raise PictureError(f"the figure in {path}'s cell {cell!r} does not say its size.")
    with tempfile.TemporaryDirectory() as folder:
        alone = Path(folder) / "figure.html"
        source = f"data:image/svg+xml;base64,{base64.b64encode(drawings[0].encode()).decode()}"
        alone.write_text(f'<body style="margin: 0"><img style="width: 100%" src="{source}">')
        return photograph(alone, round(WIDTH * float(sides[2]) / float(sides[1])))


def a_check(height: int = 720) -> list[Image.Image]:
    """Return what a reader sees who mends an answer, one picture a try: wrong, nearer, right."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from keras import layers

    from autograder import check

    shots = []
    for answer in TRIES:
        names: dict[str, Any] = {"layers": layers, "__name__": "answers"}
        exec(answer, names)
        shown = check(names["residual_block"], exercise=str(ROOT / "exercises" / EXERCISE))
        code = highlight(answer, PythonLexer(), HtmlFormatter(noclasses=True))
        words = f"{code}<pre><b>check(residual_block)</b></pre>{shown._repr_html_()}"
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "check.html"
            style = "margin: 16px; font: 15px monospace; background: #fff"
            page.write_text(f'<meta charset="utf-8"><body style="{style}">{words}')
            shots.append(photograph(page, height).convert("RGB"))
    return shots


def photograph(page: Path, height: int) -> Image.Image:
    """Return what a browser shows of a page, `WIDTH` by `height` pixels.

    Raises:
        PictureError: if the page or the browser is missing.
    """
    if not page.is_file():
        raise PictureError(f"{page} is missing; run `make demo` first.")
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        raise PictureError("Chromium is needed for a picture of a page: install `chromium`.")
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "page.png"
        subprocess.run(
            [
                *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
                *("--disable-background-networking", "--disable-component-update"),
                *("--disable-sync", "--disable-quic", "--hide-scrollbars"),
                *(f"--user-data-dir={folder}/profile", f"--window-size={WIDTH},{height}"),
                *(f"--screenshot={shot}", page.resolve().as_uri()),
            ],
            check=True,
            capture_output=True,
        )
        return Image.open(io.BytesIO(shot.read_bytes()))


def save_moving(images: list[Image.Image], name: str, seconds: float = 4) -> Path:
    """Write pictures that follow each other into docs/images; return the path."""
    frames = [each.quantize(128, dither=Image.Dither.NONE) for each in images]
    path = PICTURES / name
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=round(1000 * seconds), loop=0
    )
    return path


def save(image: Image.Image, name: str) -> Path:
    """Write a picture as a small PNG into docs/images; return its path."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    small = image.convert("RGB")
    if small.width > WIDTH:
        size = (WIDTH, round(small.height * WIDTH / small.width))
        small = small.resize(size, Image.Resampling.LANCZOS)
    path = PICTURES / name
    small.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    return path


def main() -> int:
    """Run the command; return its exit code."""
    try:
        print(save(figure_of(EXERCISE, FIGURE_CELL), "degradation.png"))
        print(save_moving(a_check(), "check.gif"))
        print(save(photograph(DEMO / "graded" / "index.html", 900), "class.png"))
    except PictureError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
