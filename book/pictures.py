"""Makes the README's pictures from what `make demo` made: `python -m book.pictures`.

A figure is taken from the chapter's page; the class's page is photographed in Chromium.
"""

from __future__ import annotations

import base64
import io
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from book.demo import BOOK, DEMO, EXERCISE, ROOT

PICTURES = ROOT / "docs" / "images"
FIGURE_CELL = "train-residual"
"""The chapter's cell whose figure shows what the chapter is about."""
WIDTH = 900
"""Pixels; small enough for a repository, wide enough for a page."""


class PictureError(Exception):
    """A picture that could not be made; the message says why."""


def figure_of(page: Path, cell: str) -> Image.Image:
    """Return the first figure that a cell of a chapter's page shows, `WIDTH` pixels wide.

    Raises:
        PictureError: if the page or the cell's figure is missing.
    """
    if not page.is_file():
        raise PictureError(f"{page} is missing; run `make demo` first.")
    text = page.read_text(encoding="utf-8")
    found = re.search(
        rf'<div class="cell" id="{re.escape(cell)}">(?:(?!<div class="cell").)*?'
        r'src="data:image/svg\+xml;base64,([^"]+)"',
        text,
        re.DOTALL,
    )
    if not found:
        raise PictureError(f"{page} has no figure in a cell {cell!r}.")
    drawing = base64.b64decode(found.group(1)).decode()
    sides = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawing)
    if not sides:
        raise PictureError(f"the figure in {page}'s cell {cell!r} does not say its size.")
    with tempfile.TemporaryDirectory() as folder:
        alone = Path(folder) / "figure.html"
        source = f"data:image/svg+xml;base64,{found.group(1)}"
        alone.write_text(f'<body style="margin: 0"><img style="width: 100%" src="{source}">')
        return photograph(alone, round(WIDTH * float(sides[2]) / float(sides[1])))


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
        print(save(figure_of(BOOK / f"{EXERCISE}.html", FIGURE_CELL), "degradation.png"))
        print(save(photograph(DEMO / "graded" / "index.html", 900), "class.png"))
    except PictureError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
