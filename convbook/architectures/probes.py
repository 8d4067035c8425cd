"""Small nets whose only difference is how far they see."""

from __future__ import annotations

import keras
from keras import layers


def dilated_net(
    dilations: tuple[int, ...], input_shape: tuple[int, int, int], filters: int = 12
) -> keras.Model:
    """Return a classifier of two classes that looks for something anywhere in the picture.

    3x3 convolutions with the given dilations, then the strongest answer of each filter over the
    whole picture, then one sigmoid: (batch, *input_shape) to (batch, 1). Dilation moves a filter's
    weights apart without adding any, so nets with equally many dilations have equally many
    parameters, and a unit before the pooling sees 1 + 2 * sum(dilations) pixels.
    """
    inputs = x = keras.Input(input_shape, name="picture")
    for dilation in dilations:
        x = layers.Conv2D(
            filters,
            3,
            dilation_rate=dilation,
            padding="same",
            activation="relu",
            kernel_initializer="he_normal",
        )(x)
    x = layers.GlobalMaxPooling2D()(x)
    outputs = layers.Dense(1, activation="sigmoid")(x)
    return keras.Model(inputs, outputs, name="dilated_net")
