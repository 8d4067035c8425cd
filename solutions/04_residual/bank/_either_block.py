"""Mistakes that a block of either kind can have, the basic one and the bottleneck.

`note_mistakes(bank, block)` notes them in a bank. Most are a block with one part exchanged, as
`_shared.Block` names them; the others are functions of the block and of the answer's arguments.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import projected, relu
from ._shared import (
    BIAS,
    POOLED_SHORTCUT,
    PROJECTION_NORM,
    RELU_BEFORE_ADD,
    Block,
    conv,
    projection,
    shape_changes,
)

MISTAKES: list[tuple[str, str, Callable[[Block], Callable]]] = []


def note_mistakes(bank: Bank, block: Block) -> None:
    """Note all of them in a bank, made of this block."""
    for name, hint, changed in MISTAKES:
        bank.variant(name, hint, changed(block))


def mistake(hint: str) -> Callable[[Callable], Callable]:
    """Note the decorated function, which takes the block before the answer's arguments."""

    def note(function: Callable) -> Callable:
        MISTAKES.append((function.__name__, hint, lambda block: partial(function, block)))
        return function

    return note


def with_parts(name: str, hint: str, **parts: Any) -> None:
    """Note a block with these parts instead of its own."""
    MISTAKES.append((name, hint, lambda block: replace(block, **parts)))


def projection_mistake(hint: str) -> Callable[[Callable], Callable]:
    """Note a block that projects its shortcut by the decorated function."""

    def note(function: Callable) -> Callable:
        with_parts(function.__name__, hint, projection=function)
        return function

    return note


def normed(name: str, hint: str, norm: Callable = layers.BatchNormalization, **options: Any):
    """Note a block with another normalisation throughout."""
    MISTAKES.append((name, hint, lambda block: block.normed_by(norm, **options)))


# The branch


@mistake("The block has no shortcut: add `x` (or its projection) before the last ReLU.")
def without_shortcut(block, x, filters, stride):
    return relu(block.branch(x, filters, stride))


@mistake("The addition takes the branch twice: one of its two terms must be the shortcut.")
def branch_twice(block, x, filters, stride):
    y = block.branch(x, filters, stride)
    return relu(y + y)


@mistake("The branch reads `x`; here it reads the projection.")
def branch_of_projection(block, x, filters, stride):
    return block(projected(x, block.convolutions[-1].times * filters, stride), filters)


@mistake(
    "The first convolution and the projection have the stride; here positions are picked at the "
    "end."
)
def stride_at_end(block, x, filters, stride):
    return block(x, filters)[:, ::stride, ::stride]


# When the shortcut is projected

with_parts(
    "always_projected",
    "Where neither size nor channels change, the shortcut is `x` itself, without any layer.",
    projects=lambda stride, before, after: True,
)
with_parts(
    "projected_by_stride_only",
    "The shape also changes where only the number of channels does: there the shortcut needs its "
    "1x1 convolution too, with stride 1.",
    projects=lambda stride, before, after: stride != 1,
)
with_parts(
    "projected_by_channels_only",
    "The shape also changes where only the stride does: there the shortcut needs its 1x1 "
    "convolution too, although the channels stay.",
    projects=lambda stride, before, after: before != after,
)
with_parts(
    "projected_by_stride_two",
    "Every stride but 1 makes the map smaller, 3 as well as 2: each calls for the 1x1 convolution "
    "of the shortcut.",
    projects=lambda stride, before, after: stride == 2 or before != after,
)
with_parts(
    "projected_by_both",
    "The shape changes where the stride is not 1 *or* the channels differ: either calls for the "
    "1x1 convolution.",
    projects=lambda stride, before, after: stride != 1 and before != after,
)
with_parts(
    "projected_when_growing",
    "The shape changes where the channels become fewer too, not only where they become more.",
    projects=lambda stride, before, after: stride != 1 or before < after,
)
with_parts(
    "projected_when_shrinking",
    "The shape changes where the channels become more too, not only where they become fewer.",
    projects=lambda stride, before, after: stride != 1 or before > after,
)


@mistake("Where neither size nor channels change, the shortcut is `x` itself, not normalised.")
def identity_normalised(block, x, filters, stride):
    def normalised(x, after, stride):
        if shape_changes(stride, x.shape[-1], after):
            return projection(x, after, stride)
        return layers.BatchNormalization()(x)

    always = replace(block, projects=lambda *sizes: True, projection=normalised)
    return always(x, filters, stride)


# What it is projected by


with_parts("projection_bias", BIAS, projection=partial(projection, use_bias=True))
with_parts(
    "projection_2x2",
    "The projection of the shortcut is 1x1, not 2x2.",
    projection=partial(projection, kernel=2),
)
with_parts(
    "projection_3x3",
    "The projection of the shortcut is 1x1, not 3x3.",
    projection=partial(projection, kernel=3),
)


@projection_mistake(PROJECTION_NORM)
def projection_without_norm(x, filters, stride):
    return conv(x, filters, 1, stride)


@projection_mistake("The projection has no ReLU of its own: 1x1, then BN.")
def projection_relu(x, filters, stride):
    return relu(projection(x, filters, stride))


@projection_mistake(
    "With a stride, shortcut and branch differ in size: the 1x1 convolution of the shortcut has "
    "the stride too, beginning with the first position."
)
def unstrided_shortcut(x, filters, stride):
    return projection(x, filters, 1)


@projection_mistake(POOLED_SHORTCUT)
def average_shortcut(x, filters, stride):
    return projection(layers.AveragePooling2D(stride, padding="same")(x), filters, 1)


@projection_mistake(POOLED_SHORTCUT)
def maximum_shortcut(x, filters, stride):
    return projection(layers.MaxPooling2D(stride, padding="same")(x), filters, 1)


@projection_mistake(
    "The shortcut does not pool, not even behind its 1x1 convolution, which has the stride."
)
def pooled_after(x, filters, stride):
    x = layers.MaxPooling2D(stride, padding="same")(conv(x, filters, 1))
    return layers.BatchNormalization()(x)


@projection_mistake("The shortcut is not resized: its 1x1 convolution has the stride itself.")
def resized_shortcut(x, filters, stride):
    x = layers.Resizing(*(-(-side // stride) for side in x.shape[1:3]))(x)
    return projection(x, filters, 1)


@projection_mistake(
    "The shortcut starts at position 1; a 1x1 convolution with a stride starts at 0."
)
def shortcut_from_one(x, filters, stride):
    height, width = (-(-side // stride) for side in x.shape[1:3])
    x = layers.ZeroPadding2D(((0, stride), (0, stride)))(x)
    return projection(x[:, 1::stride, 1::stride][:, :height, :width], filters, 1)


@projection_mistake(
    "This is the shortcut padded with zeros; here it is a 1x1 convolution and its BN."
)
def zeros_appended(x, filters, stride):
    x = x[:, ::stride, ::stride, :filters]
    return ops.pad(x, [(0, 0)] * 3 + [(0, filters - x.shape[-1])])


# The addition

with_parts(
    "concatenated",
    "The shortcut is added to the branch, not concatenated.",
    add=lambda x, y: layers.Concatenate()([y, x]),
)
with_parts(
    "shortcut_subtracted",
    "The shortcut is added to the branch, not subtracted from it.",
    add=lambda x, y: y - x,
)
with_parts(
    "branch_subtracted",
    "The branch is added to the shortcut, not subtracted from it.",
    add=lambda x, y: x - y,
)
with_parts(
    "mean_of_both",
    "Shortcut and branch are added; here their mean is taken.",
    add=lambda x, y: (x + y) / 2,
)
with_parts(
    "larger_of_both",
    "Shortcut and branch are added; here the larger of the two is taken.",
    add=ops.maximum,
)
with_parts("shortcut_twice", "The shortcut is added twice.", add=lambda x, y: x + y + x)
with_parts("branch_doubled", "The branch is added twice.", add=lambda x, y: x + 2 * y)
with_parts(
    "shortcut_only",
    "The branch does not reach the output: add it to the shortcut.",
    add=lambda x, y: x + 0 * y,
)
with_parts(
    "small_branch",
    "The branch is added as it is, without any factor.",
    add=lambda x, y: x + y / 10,
)
with_parts(
    "norm_of_sum",
    "The sum goes straight into the ReLU, without another normalisation.",
    add=lambda x, y: layers.BatchNormalization()(x + y),
)


@mistake("The branch ends with its normalisation; the shortcut is added after it, not before.")
def sum_before_norm(block, x, filters, stride):
    *others, last = block.convolutions
    sums = replace(block, add=lambda x, y: layers.BatchNormalization()(x + y))
    return sums.of(*others, replace(last, normed=False))(x, filters, stride)


# The activations

with_parts("no_relu", "The block has no ReLU at all.", inner="linear", last="linear")
with_parts(
    "without_last_relu",
    "A ReLU is missing at the very end, after the addition.",
    last="linear",
)
with_parts("relu_before_add", RELU_BEFORE_ADD, add=lambda x, y: x + relu(y), last="linear")
with_parts("relu_before_and_after", RELU_BEFORE_ADD, add=lambda x, y: x + relu(y))
with_parts(
    "relu_of_both",
    "Neither the branch nor the shortcut has a ReLU of its own before the addition.",
    add=lambda x, y: relu(x) + relu(y),
)
with_parts(
    "relu_of_shortcut",
    "The shortcut has no ReLU of its own: it hands on negative values too.",
    add=lambda x, y: relu(x) + y,
)
with_parts(
    "norm_at_end",
    "The block ends with the ReLU, without another normalisation.",
    last=lambda x: layers.BatchNormalization()(relu(x)),
)


@mistake(
    "The block does not begin with a ReLU: `x` goes into the convolution and the shortcut as it is."
)
def relu_first(block, x, filters, stride):
    return block(relu(x), filters, stride)


for activation in ("relu6", "gelu", "elu", "silu", "softplus"):
    with_parts(
        activation,
        f"The activations are ReLU, not {activation}.",
        inner=activation,
        last=activation,
    )


# The normalisations


NOT_BATCH_NORM = "batch normalisation is asked for, over the batch and all positions of a channel."
normed(
    "layer_norm",
    "This is layer normalisation, over the channels of one position; " + NOT_BATCH_NORM,
    layers.LayerNormalization,
)
normed(
    "group_norm",
    "This is group normalisation, over one sample; " + NOT_BATCH_NORM,
    layers.GroupNormalization,
    groups=1,
)
normed(
    "instance_norm",
    "This is instance normalisation, over one channel of one sample; " + NOT_BATCH_NORM,
    layers.GroupNormalization,
    groups=-1,
)
normed(
    "norm_of_rows",
    "`BatchNormalization(axis=1)` takes the rows for channels; they are the last axis here, "
    "which is Keras's default.",
    axis=1,
)
normed(
    "norm_of_columns",
    "`BatchNormalization(axis=2)` takes the columns for channels; they are the last axis here, "
    "which is Keras's default.",
    axis=2,
)
