"""The pattern behind the classic nets: convolve, rectify, repeat, pool, end in a dense layer."""

from __future__ import annotations

import keras
from keras import layers


def prototype(
    input_shape: tuple[int, int, int] = (32, 32, 1),
    filters: tuple[int, ...] = (8, 16),
    classes: int = 10,
) -> keras.Model:
    """Return conv-ReLU-conv-ReLU-pool once for each entry of `filters`, then a dense softmax.

    The kernels are 7x7 in the first layer, large enough to look at, and 3x3 after it.

    Args:
        input_shape: (height, width, channels).
        filters: filters of the two convolutions of each stage.
        classes: number of classes.

    Returns:
        A model from (N, *input_shape) to (N, classes), probabilities.
    """
    x = inputs = keras.Input(input_shape)
    kernel = 7
    for width in filters:
        for _ in range(2):
            x = layers.Conv2D(width, kernel, padding="same")(x)
            x = layers.ReLU()(x)
            kernel = 3
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    outputs = layers.Dense(classes, activation="softmax")(x)
    return keras.Model(inputs, outputs, name="prototype")
