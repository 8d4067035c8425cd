"""The Vision Transformer: a picture is cut into patches, and each patch is a word.

Source: Dosovitskiy et al. 2021, *An image is worth 16x16 words*, arXiv:2010.11929.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import KerasTensor, layers, ops

from convbook.architectures.transformer import Attention, FeedForward


@keras.saving.register_keras_serializable(package="convbook")
class Tokens(layers.Layer):
    """Put a token of the whole picture before the patches, and give each its place.

    The token, and a vector for every place, are learnt: (B, N, C) to (B, 1 + N, C).

    Args:
        placed: whether places are told apart; without, the patches are a bag.
        **options: of ``keras.layers.Layer``.

    Source: Dosovitskiy 2021, equation 1.
    """

    def __init__(self, placed: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self.placed = placed

    def build(self, shape: Any) -> None:
        """Make the token and the places."""
        _, count, width = shape
        start = keras.initializers.TruncatedNormal(stddev=0.02)
        self.token = self.add_weight((1, 1, width), "zeros", name="token")
        if self.placed:
            self.places = self.add_weight((1, 1 + count, width), start, name="places")

    def call(self, x: Any) -> Any:
        """Return the tokens."""
        token = ops.broadcast_to(self.token, (ops.shape(x)[0], 1, x.shape[-1]))
        x = ops.concatenate([ops.cast(token, x.dtype), x], 1)
        return x + self.places if self.placed else x

    def compute_output_shape(self, shape: Any) -> Any:
        """One token more."""
        return shape[0], shape[1] + 1, shape[2]

    def get_config(self) -> dict[str, Any]:
        """What the layer was made with."""
        return {**super().get_config(), "placed": self.placed}


def transformer_block(x: KerasTensor, heads: int, hidden: int, name: str = "block") -> KerasTensor:
    """Every token asks every token, then thinks by itself: (B, N, C) to the same.

    Each half normalises what it reads and adds what it found to what was there, as in a residual
    block of the second kind (chapter 04).

    Source: Dosovitskiy 2021, equations 2 and 3.
    """
    read = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm1")(x)
    found, _ = Attention(x.shape[-1], heads, name=f"{name}_attention")(read, read, read)
    x = layers.Add()([x, found])
    read = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm2")(x)
    return layers.Add()([x, FeedForward(hidden, "gelu", name=f"{name}_feed")(read)])


def vision_transformer(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    patch: int = 16,
    width: int = 768,
    depth: int = 12,
    heads: int = 12,
    hidden: int = 3072,
    placed: bool = True,
) -> keras.Model:
    """Return a Vision Transformer: (B, *input_shape) to logits (B, classes).

    The defaults are ViT-B/16, with 86,567,656 parameters.

    Args:
        input_shape: of a picture, height and width multiples of the patch.
        classes: number of classes.
        patch: side of a patch in pixels.
        width: numbers of a token.
        depth: blocks.
        heads: of the attention, a divisor of the width.
        hidden: units between the two dense layers of a block.
        placed: whether the places of the patches are told apart.

    Raises:
        ValueError: if the patches do not fill the picture.
    """
    rows, columns = (side // patch for side in input_shape[:2])
    if (rows * patch, columns * patch) != input_shape[:2]:
        raise ValueError(f"Patches of {patch} pixels do not fill {input_shape[:2]}: choose others.")
    picture = keras.Input(input_shape, name="picture")
    # The same dense layer on every patch: a convolution that moves by a whole patch.
    x = layers.Conv2D(width, patch, strides=patch, name="patches")(picture)
    x = Tokens(placed, name="tokens")(layers.Reshape((rows * columns, width))(x))
    for number in range(1, depth + 1):
        x = transformer_block(x, heads, hidden, f"block{number}")
    x = layers.LayerNormalization(epsilon=1e-6, name="norm")(x)
    return keras.Model(picture, layers.Dense(classes, name="classes")(x[:, 0]), name="vit")
