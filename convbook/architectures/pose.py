"""Nets for poses: convolutional pose machines, stacked hourglasses, and small ones for the book.

All read pictures (N, H, W, 3) and give a list of belief maps, one entry a stage or stack, each
(N, H/s, W/s, joints), without an activation; s is 8 for pose machines as published, 4 for the rest.

Sources: Wei, Ramakrishna, Kanade and Sheikh 2016, *Convolutional pose machines*, arXiv:1602.00134;
Newell, Yang and Deng 2016, *Stacked hourglass networks for human pose estimation*,
arXiv:1603.06937; Insafutdinov, Pishchulin, Andres, Andriluka and Schiele 2016, *DeeperCut*,
arXiv:1605.03170.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
from keras import KerasTensor, layers

Module = Callable[[KerasTensor], KerasTensor]


def conv(x: KerasTensor, filters: int, kernel: int, stride: int = 1) -> KerasTensor:
    """A ``same`` convolution with a bias, and ReLU: (N, H, W, C) to (N, H/stride, ..., filters)."""
    return layers.Conv2D(filters, kernel, stride, padding="same", activation="relu")(x)


# Convolutional pose machines


def belief_stage(
    features: KerasTensor, beliefs: KerasTensor | None, joints: int, filters: int, kernel: int
) -> KerasTensor:
    """A later stage: look at features and at the beliefs so far, and say anew where joints are.

    Source: Wei 2016, section 3.2, with two large kernels in place of three.
    """
    x = features if beliefs is None else layers.Concatenate()([features, beliefs])
    x = conv(conv(x, filters, kernel), filters, kernel)
    return layers.Conv2D(joints, 1)(conv(x, filters, 1))


def small_pose_machine(
    size: int = 64,
    joints: int = 14,
    stages: int = 3,
    filters: int = 32,
    kernel: int = 5,
    feedback: bool = True,
    features_again: bool = True,
) -> keras.Model:
    """A pose machine for small pictures (N, size, size, 3), with maps of a fourth of their side.

    Args:
        size: a multiple of 4.
        joints: maps a stage.
        stages: the first sees features only.
        filters: of each layer.
        kernel: side of the later stages' kernels, in cells.
        feedback: whether a stage sees the beliefs of the one before.
        features_again: whether a later stage sees the features.

    Raises:
        ValueError: if size is no multiple of 4, or a later stage would see nothing.
    """
    if not (feedback or features_again or stages == 1):
        raise ValueError("A later stage must see features or beliefs: leave one of the two.")
    inputs = keras.Input((_multiple(size, 4), size, 3))
    features = conv(conv(conv(inputs, 16, 3, 2), filters, 3, 2), filters, 3)
    x = conv(conv(features, filters, 3), filters, 1)
    outputs = [layers.Conv2D(joints, 1, name="stage1")(x)]
    for _ in range(1, stages):
        seen = [features] * features_again + [outputs[-1]] * feedback
        first, *second = seen
        outputs.append(belief_stage(first, second[0] if second else None, joints, filters, kernel))
    return keras.Model(inputs, outputs, name="small_pose_machine")


def pose_machine(joints: int = 14, stages: int = 6, size: int = 368) -> keras.Model:
    """The pose machine as published: 368 pixels to maps of 46 x 46, joints and the background.

    Left out is the map of the figure's centre, a bell where the person in question stands, which
    the authors' code puts beside the beliefs of each later stage.

    Source: Wei 2016, figure 2 and section 4; widths and kernels as in the authors' code.
    """
    inputs = keras.Input((_multiple(size, 8), size, 3))
    maps = joints + 1

    def pooled(x: KerasTensor) -> KerasTensor:
        for _ in range(3):
            x = layers.MaxPooling2D(2)(conv(x, 128, 9))
        return conv(x, 32, 5)

    x = conv(conv(pooled(inputs), 512, 9), 512, 1)
    outputs = [layers.Conv2D(maps, 1)(x)]
    features = pooled(inputs)  # of all later stages
    for _ in range(1, stages):
        x = layers.Concatenate()([features, outputs[-1]])
        for _ in range(3):
            x = conv(x, 128, 11)
        outputs.append(layers.Conv2D(maps, 1)(conv(x, 128, 1)))
    return keras.Model(inputs, outputs, name="pose_machine")


# Stacked hourglasses


def bottleneck(x: KerasTensor) -> KerasTensor:
    """A residual module without normalisation: (N, H, W, C) to the same, C even."""
    filters = x.shape[-1]
    y = conv(conv(x, filters // 2, 1), filters // 2, 3)
    return layers.Add()([x, layers.Conv2D(filters, 1)(y)])


def residual_module(x: KerasTensor, filters: int) -> KerasTensor:
    """The residual module as published: normalisation and ReLU before each convolution.

    (N, H, W, C) to (N, H, W, filters); a 1x1 convolution on the shortcut where these differ.

    Source: Newell 2016, figure 4; He 2016b, arXiv:1603.05027.
    """
    y = x
    for count, kernel in ((filters // 2, 1), (filters // 2, 3), (filters, 1)):
        y = layers.ReLU()(layers.BatchNormalization(epsilon=1e-5)(y))
        y = layers.Conv2D(count, kernel, padding="same")(y)
    shortcut = x if x.shape[-1] == filters else layers.Conv2D(filters, 1)(x)
    return layers.Add()([shortcut, y])


def hourglass(x: KerasTensor, depth: int, module: Module, skip: bool = True) -> KerasTensor:
    """Down to a small map and up again, with a way past at every size: the same shape.

    Args:
        x: (N, H, W, C), H and W multiples of 2 to the power of ``depth``.
        depth: how often the map is halved, at least 1.
        module: what looks at a map; it keeps the shape.
        skip: whether there is a way past.

    Source: Newell 2016, figure 3: modules on the way down, at the bottom and on the way up, and
    one on the way past.
    """
    low = module(layers.MaxPooling2D(2)(x))
    low = hourglass(low, depth - 1, module, skip) if depth > 1 else module(low)
    up = layers.UpSampling2D(2)(module(low))
    return layers.Add()([module(x), up]) if skip else up


def small_hourglass(
    size: int = 64,
    joints: int = 14,
    stacks: int = 2,
    filters: int = 32,
    depth: int = 3,
    feedback: bool = True,
    skip: bool = True,
) -> keras.Model:
    """Stacked hourglasses for small pictures (N, size, size, 3), maps of a fourth of their side.

    Args:
        size: a multiple of 4 times 2 to the power of ``depth``.
        joints: maps a stack.
        stacks: hourglasses, each after the other.
        filters: of each map.
        depth: of an hourglass.
        feedback: whether a stack's features and beliefs are added to what the next one reads.
        skip: whether an hourglass has a way past at every size.

    Raises:
        ValueError: for a size that cannot be halved so often.
    """
    inputs = keras.Input((_multiple(size, 4 * 2**depth), size, 3))
    x = bottleneck(conv(conv(inputs, 16, 3, 2), filters, 3, 2))
    outputs: list[KerasTensor] = []
    for number in range(stacks):
        seen = conv(hourglass(x, depth, bottleneck, skip), filters, 1)
        outputs.append(layers.Conv2D(joints, 1, name=f"stack{number + 1}")(seen))
        if feedback and number < stacks - 1:
            x = reinjected(x, seen, outputs[-1])
    return keras.Model(inputs, outputs, name="small_hourglass")


def reinjected(x: KerasTensor, seen: KerasTensor, beliefs: KerasTensor) -> KerasTensor:
    """Add a stack's features and its beliefs, by 1x1 convolutions, to what it read.

    Source: Newell 2016, figure 4, right.
    """
    filters = x.shape[-1]
    return layers.Add()([x, layers.Conv2D(filters, 1)(seen), layers.Conv2D(filters, 1)(beliefs)])


def stacked_hourglass(
    stacks: int = 8,
    joints: int = 16,
    filters: int = 256,
    size: int = 256,
    stem: Sequence[int] = (64, 128, 128),
) -> keras.Model:
    """Stacked hourglasses as published: 256 pixels to maps of 64 x 64, for MPII's 16 joints.

    Args:
        stacks: hourglasses of depth 4.
        joints: maps a stack.
        filters: of the maps.
        size: of the picture, a multiple of 64.
        stem: filters of the first convolution and of the two modules behind it.

    Source: Newell 2016, section 3; widths as in the authors' code.
    """
    inputs = keras.Input((_multiple(size, 64), size, 3))
    x = layers.Conv2D(stem[0], 7, strides=2, padding="same")(inputs)
    x = layers.ReLU()(layers.BatchNormalization(epsilon=1e-5)(x))
    x = layers.MaxPooling2D(2)(residual_module(x, stem[1]))
    x = residual_module(residual_module(x, stem[2]), filters)
    outputs: list[KerasTensor] = []
    for number in range(stacks):
        seen = hourglass(x, 4, lambda maps: residual_module(maps, filters))
        seen = layers.BatchNormalization(epsilon=1e-5)(layers.Conv2D(filters, 1)(seen))
        seen = layers.ReLU()(seen)
        outputs.append(layers.Conv2D(joints, 1)(seen))
        if number < stacks - 1:
            x = reinjected(x, seen, outputs[-1])
    return keras.Model(inputs, outputs, name="stacked_hourglass")


# One vector a picture, and several people


def vector_net(numbers: int, size: int = 32, filters: Sequence[int] = (16, 32, 64)) -> keras.Model:
    """A picture to a few numbers, such as a head's orientation: (N, size, size, 3) to (N, numbers).

    Convolutions of stride 2, a dense layer, and the numbers without an activation.
    """
    inputs = keras.Input((size, size, 3))
    x = inputs
    for count in filters:
        x = conv(x, count, 3, 2)
    x = layers.Dense(128, activation="relu")(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(numbers)(x), name="vector_net")


def part_net(
    joints: int, pairs: int, size: int = 96, filters: int = 48, depth: int = 3
) -> keras.Model:
    """Where joints of any number of people are, and from each where others of its person are.

    Pictures (N, size, size, 3) to two lists of maps of a fourth of their side: logits of the joints
    (N, H, W, joints), and offsets (N, H, W, 4 * pairs): of each pair from the first joint to the
    second as (y, x), then back.

    One hourglass where the paper has a ResNet of 152 layers.

    Source: Insafutdinov 2016, sections 3 and 4.
    """
    inputs = keras.Input((_multiple(size, 4 * 2**depth), size, 3))
    x = bottleneck(conv(conv(inputs, 16, 3, 2), filters, 3, 2))
    x = hourglass(x, depth, bottleneck)
    parts = layers.Conv2D(joints, 1, name="parts")(conv(x, filters, 1))
    offsets = layers.Conv2D(4 * pairs, 1, name="offsets")(conv(x, filters, 3))
    return keras.Model(inputs, [parts, offsets], name="part_net")


def _multiple(size: int, of: int) -> int:
    if size < of or size % of:
        raise ValueError(f"size is {size}: this net needs a multiple of {of} pixels.")
    return size
