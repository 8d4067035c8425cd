"""Demonstrations of the sliding filter: the window, the size of its map, and what it sees."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from convbook.convolution import taps
from convbook.drawing.convolution import draw_sliding
from convbook.drawing.stage import SIZE, Choose, Slide, Write, panels, present
from convbook.drawing.style import COLOURS
from convbook.receptive_field import receptive_field as fields_of

EDGES = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], float)


def sliding_filter() -> Any:
    """A filter slides over a small digit: the numbers under the window, and the map so far."""
    from convbook.data import digits

    digit = digits(32)[0][0][3, 4:-4, 4:-4, 0]
    image = digit.reshape(8, 3, 8, 3).mean((1, 3)).round(1)

    def draw(kernel: int, padding: str, stride: int, dilation: int, position: float) -> Figure:
        weights = EDGES if kernel == 3 else np.full((kernel, kernel), 1 / kernel**2)
        count = 1
        for side in image.shape:
            count *= len(taps(side, kernel, stride, padding, dilation))
        step = round(position * (count - 1))
        figure = draw_sliding(image, weights, stride, padding, dilation, step)
        figure.set_size_inches(*SIZE)
        _fit_numbers(figure)
        return figure

    return present(
        "move the window across the whole picture at stride 2: which pixels are never its middle?",
        draw,
        kernel=Choose((2, 3, 5), 3),
        padding=Choose(("valid", "same")),
        stride=Choose((1, 2, 3)),
        dilation=Choose((1, 2, 3)),
        position=Slide(0.3, 0.0, 1.0, 0.02),
    )


def _fit_numbers(figure: Figure) -> None:
    """Numbers in the cells of a sliding filter's picture: large, but no wider than their cell."""
    for axes in figure.axes:
        width = 72 * figure.get_figwidth() * axes.get_position().width
        cell = width / abs(np.subtract(*axes.get_xlim()))
        for each in axes.texts:
            each.set_fontsize(min(16, cell / 2.4))  # four letters, each some 0.6 of their height


def output_size() -> Any:
    """The side of a map by input, kernel, stride, padding and dilation, each window drawn."""

    def draw(side: int, kernel: int, stride: int, dilation: int, padding: str) -> Figure:
        windows = taps(side, kernel, stride, padding, dilation)
        figure, axes = panels()
        for row, window in enumerate(windows):
            axes.plot(window, np.full(len(window), row), "o-", color=COLOURS["blue"], ms=9)
        axes.axvspan(-0.5, side - 0.5, color=COLOURS["yellow"], alpha=0.35, lw=0)
        inside = int(side + (kernel - 1) * dilation) if padding == "same" else side
        axes.set_xlim(-(inside - side) - 1, inside + 1)
        axes.set_ylim(len(windows) - 0.3, -0.7)
        axes.set_xlabel("pixel of the input (yellow: the picture itself)")
        axes.set_ylabel("output")
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.set_title(f"{side} pixels become {len(windows)}")
        return figure

    return present(
        "find two settings in which the last pixels are never looked at.",
        draw,
        side=Slide(9, 3, 24),
        kernel=Slide(3, 1, 7),
        stride=Slide(2, 1, 4),
        dilation=Slide(1, 1, 4),
        padding=Choose(("valid", "same")),
    )


def receptive_field() -> Any:
    """What one unit sees after each layer of a stack that the reader writes."""

    def draw(layers: str) -> Figure:
        stack = _stack(layers)
        sizes = [1, *(size for size, _ in fields_of(stack))]
        jumps = [1, *(jump for _, jump in fields_of(stack))]
        figure, axes = panels()
        for depth, (size, jump) in enumerate(zip(sizes, jumps, strict=True)):
            bar = Rectangle((-size / 2, depth - 0.35), size, 0.7, color=COLOURS["blue"], alpha=0.75)
            axes.add_patch(bar)
            words = f"  sees {size}, jump {jump}"
            axes.text(size / 2, depth, words, va="center", ha="left")
        axes.set_xlim(-max(sizes) / 2 - 1, max(sizes) * 1.1 + 4)
        axes.set_ylim(len(sizes) - 0.4, -0.6)
        names = ["a pixel", *layers.replace(",", " ").split()]
        axes.set_yticks(range(len(sizes)), names)
        axes.set_xlabel("pixels of the picture")
        return figure

    return present(
        "write layers as kernel/stride or kernel:dilation. Where must the stride stand so that "
        "five 3x3 layers see most?",
        draw,
        layers=Write("3 3/2 3 3/2 3"),
    )


def _stack(text: str) -> list[tuple[int, int, int]]:
    """Kernel, stride and dilation of each layer, from "3 3/2 3:2".

    Raises:
        ValueError: where a word is none of these, with the word.
    """
    stack = []
    for word in text.replace(",", " ").split():
        found = re.fullmatch(r"(\d+)(?:/(\d+))?(?::(\d+))?", word)
        if not found or "0" in found.groups():
            raise ValueError(f'"{word}" is no layer: write 3, 3/2 (stride 2) or 3:2 (dilation 2).')
        kernel, stride, dilation = (int(part or 1) for part in found.groups())
        stack.append((kernel, stride, dilation))
    if not 1 <= len(stack) <= 12 or max(kernel for kernel, _, _ in stack) > 31:
        raise ValueError("Between one and twelve layers can be drawn, kernels up to 31.")
    return stack
