"""Demonstrations of whole nets: gradients through depth, the cost of a module, groups."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from convbook.drawing.stage import Choose, Slide, Tick, panels, present
from convbook.drawing.style import COLOURS, label_line

Signal = NDArray[Any]
_SIDE, _CHANNELS, _PICTURES = 8, 12, 8


def gradients() -> Any:
    """The error's length at each depth of a fresh net: plain layers against x + F(x)."""

    def draw(depth: int, start: str, scaled: bool) -> Figure:
        figure, axes = panels()
        for name, shortcut in (("plain", False), ("residual", True)):
            lengths = _error_lengths(depth, start, shortcut, scaled and shortcut)
            (line,) = axes.semilogy(range(depth + 1), lengths)
            label_line(axes, range(depth + 1), lengths, name, str(line.get_color()))
        # Small ticks, and powers written as formulas, would take longer than all the rest.
        axes.minorticks_off()
        axes.yaxis.set_major_formatter("{x:.0e}")
        axes.set_xlabel("layers that the error has passed, from the loss down")
        axes.set_ylabel("its length, 1 at the loss")
        axes.set_title(f"{depth} 3x3 convolutions with ReLU, before any training")
        return figure

    return present(
        "which start keeps the plain net's error alive, and what does the residual net's do then?",
        draw,
        depth=Slide(30, 5, 60),
        start=Choose(("Glorot", "He")),
        scaled=Tick(False),
    )


def _error_lengths(depth: int, start: str, shortcut: bool, scaled: bool) -> list[float]:
    """The length of an error on its way down a chain of convolutions; the first is 1.

    Args:
        depth: number of 3x3 convolutions, each with a ReLU.
        start: "Glorot" or "He".
        shortcut: whether each layer's input is added to what it gives.
        scaled: whether F is divided by the root of the depth, as a normalisation can learn to.
    """
    random = np.random.default_rng(0)
    x = random.normal(size=(_PICTURES, _SIDE, _SIDE, _CHANNELS)).astype("float32")
    spread = np.sqrt((1 if start == "Glorot" else 2) / (9 * _CHANNELS))
    factor = 1 / np.sqrt(depth) if scaled else 1.0
    kernels, gates = [], []
    for _ in range(depth):
        kernel = random.normal(0, spread, (3, 3, _CHANNELS, _CHANNELS)).astype("float32")
        y = _convolve(x, kernel)
        kernels.append(kernel)
        gates.append(y > 0)
        y = factor * np.maximum(y, 0)
        x = x + y if shortcut else y
    error = random.normal(size=x.shape).astype("float32")
    error /= np.linalg.norm(error)
    lengths: list[float] = [1.0]
    for kernel, gate in zip(kernels[::-1], gates[::-1], strict=True):
        # The transposed convolution: the kernel turned by half, its channels exchanged.
        down = _convolve(factor * error * gate, kernel[::-1, ::-1].swapaxes(2, 3))
        error = error + down if shortcut else down
        lengths.append(max(float(np.linalg.norm(error)), 1e-30))
    return lengths


def _convolve(x: Signal, kernel: Signal) -> Signal:
    """A 3x3 convolution with zeros around: (N, H, W, C) to (N, H, W, C)."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    result = np.zeros_like(x)
    for row in range(3):
        for column in range(3):
            window = padded[:, row : row + x.shape[1], column : column + x.shape[2]]
            result += window @ kernel[row, column]
    return result


def inception_cost() -> Any:
    """Multiplications of an Inception module with and without its 1x1 reductions."""
    side, channels = 28, 192

    def draw(f1: int, reduce3: int, f3: int, reduce5: int, f5: int, pool: int) -> Figure:
        places = side * side
        naive = {"1x1": channels * f1, "3x3": channels * 9 * f3, "5x5": channels * 25 * f5}
        naive["pool"] = 0
        made = {
            "1x1": channels * f1,
            "3x3": channels * reduce3 + 9 * reduce3 * f3,
            "5x5": channels * reduce5 + 25 * reduce5 * f5,
            "pool": channels * pool,
        }
        figure, axes = panels()
        for row, (name, costs) in enumerate((("naive", naive), ("with 1x1", made))):
            left = 0.0
            for kind, colour in zip(costs, ("sky", "blue", "vermilion", "yellow"), strict=True):
                width = costs[kind] * places / 1e6
                axes.barh(row, width, left=left, color=COLOURS[colour], label=kind if row else None)
                left += width
            deep = f1 + f3 + f5 + (channels if name == "naive" else pool)
            axes.text(left, row, f"  {left:,.0f} M, {deep} channels out", va="center")
        axes.set_yticks([0, 1], ["naive", "with 1x1\nreductions"])
        axes.set_xlabel(f"million multiplications, input {side}x{side}x{channels}")
        axes.set_xlim(0, 1.55 * sum(naive.values()) * places / 1e6)
        axes.legend(loc="lower right", frameon=False, ncols=4, bbox_to_anchor=(1, 1))
        return figure

    return present(
        "the numbers are GoogLeNet's 3a. How far can reduce5 rise before the module costs more "
        "than the naive one?",
        draw,
        f1=Slide(64, 8, 256, 8),
        reduce3=Slide(96, 8, 192, 8),
        f3=Slide(128, 8, 256, 8),
        reduce5=Slide(16, 4, 192, 4),
        f5=Slide(32, 4, 128, 4),
        pool=Slide(32, 4, 128, 4),
    )


def groups() -> Any:
    """Which output channel looks at which input channel, and what that costs."""
    channels = 24

    def draw(groups: int) -> Figure:
        size = channels // groups
        seen = np.kron(np.eye(groups), np.ones((size, size)))
        figure, (left, right) = panels(2, width_ratios=(1, 1.25))
        left.imshow(1 - 0.8 * seen, vmin=0, vmax=1)
        left.set_xlabel("input channel")
        left.set_ylabel("output channel")
        left.set_title(f"{groups} groups of {size}")
        per_channel = {"this": size, "one group": channels, "depthwise": 1}
        weights = {name: 9 * channels * count for name, count in per_channel.items()}
        shown = right.barh(list(weights), list(weights.values()), color=COLOURS["blue"])
        shown[0].set_color(COLOURS["vermilion"])
        right.bar_label(shown, fmt=" {:,.0f}")
        right.set_xlim(0, 1.25 * 9 * channels**2)
        right.invert_yaxis()
        right.set_xlabel("weights of a 3x3 convolution")
        return figure

    return present(
        "at how many groups does the convolution become depthwise, and what can it no longer do?",
        draw,
        groups=Choose((1, 2, 3, 4, 6, 8, 12, 24), 4),
    )
