"""Demonstrations of maps that grow: the checkerboard, and what each skip of a U-Net brings."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure

from convbook.drawing.stage import Choose, Slide, Tick, panels, present
from convbook.upsampling import overlap_counts

UNET: dict[str, Any] = {"filters": 8, "depth": 3, "padding": "same", "normalise": True}
"""The small U-Net whose weights are kept as "unet"."""
SCENES: dict[str, Any] = {"size": 48, "classes": 2, "objects": (1, 1), "heights": (60, 100)}
"""The scenes that it was trained on: one digit, large, and photograph all around."""


def transposed_convolution() -> Any:
    """How often each pixel is written by a transposed convolution, and what comes of it."""

    def draw(kernel: int, stride: int, weights: str) -> Figure:
        if kernel < stride:
            raise ValueError("a kernel smaller than the stride leaves pixels that nobody writes.")
        size = 6
        counts = overlap_counts(size, kernel, stride)
        tent = 1 - np.abs(np.linspace(-1, 1, kernel + 2)[1:-1])
        window = np.ones(kernel) if weights == "ones" else tent
        row = np.zeros(len(counts))
        for place in range(size):
            row[place * stride : place * stride + kernel] += window
        figure, (left, right) = panels(2)
        left.bar(range(len(counts)), counts, color="#004C83", width=0.9)
        for axis in (left.xaxis, left.yaxis):
            axis.get_major_locator().set_params(integer=True)
        left.set_xlabel("pixel of the larger row")
        left.set_ylabel("copies of the kernel on it")
        inside = np.unique(counts[kernel - 1 : 1 - kernel or None])
        even = len(inside) <= 1
        left.set_title("even inside" if even else f"uneven: {inside.min()} to {inside.max()}")
        right.imshow(np.outer(row, row))
        right.set_title("a flat map, enlarged")
        right.set_axis_off()
        return figure

    return present(
        "find two kernels for stride 2 whose overlap is even inside. What has stride 3 to have?",
        draw,
        kernel=Slide(3, 1, 8),
        stride=Slide(2, 1, 4),
        weights=Choose(("ones", "bilinear")),
    )


def unet_skips() -> Any:
    """A trained U-Net's answer with each of its skips, or without."""
    from convbook.data import digit_scenes

    net = _trained_unet()
    scenes = digit_scenes(12, "test", SCENES["size"], seed=10, **_scene_options())
    joined = [layer for layer in net.layers if isinstance(layer, keras.layers.Concatenate)]
    readers = [_reader(net, each) for each in joined][::-1]
    whole = [each.get_weights() for each in readers]

    def draw(scene: int, finest: bool, middle: bool, coarsest: bool) -> Figure:
        for layer, weights, on, level in zip(
            readers, whole, (finest, middle, coarsest), range(3), strict=True
        ):
            kernel = weights[0].copy()
            if not on:  # the skip's channels are read with weights of zero
                kernel[:, :, _skip_channels(level)] = 0
            layer.set_weights([kernel, *weights[1:]])
        shown = scenes[scene]
        scores = keras.ops.convert_to_numpy(net(shown["image"][None], training=False))[0]
        answer, truth = scores.argmax(-1), shown["semantic"] > 0
        overlap = (answer & truth).sum() / max((answer | truth).sum(), 1)
        figure, axes = panels(3)
        for panel, values, title in zip(
            axes,
            (shown["image"], truth, answer),
            ("scene", "true", f"answer, IoU {overlap:.2f}"),
            strict=True,
        ):
            panel.imshow(values)
            panel.set_title(title)
            panel.set_axis_off()
        return figure

    return present(
        "switch off one skip at a time, in several scenes: which one can this net not do without?",
        draw,
        scene=Slide(0, 0, len(scenes) - 1),
        finest=Tick(),
        middle=Tick(),
        coarsest=Tick(),
    )


def _scene_options() -> dict[str, Any]:
    return {name: value for name, value in SCENES.items() if name != "size"}


def _trained_unet() -> keras.Model:
    from convbook.architectures.unet import unet
    from convbook.kept import load_kept

    net = unet((SCENES["size"],) * 2 + (3,), 2, **UNET)
    load_kept(net, "unet")
    return net


def _reader(net: keras.Model, joined: keras.layers.Layer) -> keras.layers.Layer:
    """The convolution that reads what is joined."""
    return next(
        layer
        for layer in net.layers
        if isinstance(layer, keras.layers.Conv2D) and layer.input is joined.output
    )


def _skip_channels(level: int) -> slice:
    """Where the skip's channels lie among those joined: before those that come from below."""
    return slice(0, UNET["filters"] * 2**level)
