"""What the banks of both functions need."""

STRIDE_AND_DILATION = (
    "A layer may have a stride and a dilation at once: one does not switch the other off."
)


def stride_or_dilation(layers):
    """The layers, those with a stride without their dilation."""
    return [(k, s, 1 if s > 1 else d) for k, s, d in layers]


def exchanged(layers):
    """The layers, stride and dilation taken for each other."""
    return [(k, d, s) for k, s, d in layers]


def without_dilations(layers):
    return [(k, s, 1) for k, s, _ in layers]


def without_strides(layers):
    return [(k, 1, d) for k, _, d in layers]


def without_points(layers):
    """The layers but for those of 1x1."""
    return [layer for layer in layers if layer[0] > 1]
