"""Attention, and the blocks that a transformer is stacked of.

Every position asks all others: what it gets is a mean of their values, weighed by how well its
query fits their keys.

Source: Vaswani et al. 2017, *Attention is all you need*, arXiv:1706.03762; positions in two
dimensions as Carion et al. 2020, arXiv:2005.12872.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray


def attend(queries: Any, keys: Any, values: Any, heads: int, bias: Any = None) -> tuple[Any, Any]:
    """Return what each query gets, and from where: every head works on its part of the channels.

    Args:
        queries: (B, N, C), C a multiple of the heads.
        keys: (B, M, C).
        values: (B, M, C).
        heads: how many.
        bias: None, or (B, heads or 1, N, M): what is added to how well a query fits a key.

    Returns:
        (B, N, C); and the weights (B, heads, N, M), which sum to 1 over M.

    Source: Vaswani 2017, sections 3.2.1 and 3.2.2.
    """
    part = queries.shape[-1] // heads
    asked, offered, value = (
        ops.transpose(ops.reshape(x, (-1, x.shape[1], heads, part)), (0, 2, 1, 3))
        for x in (queries, keys, values)
    )
    fit = ops.matmul(asked, ops.transpose(offered, (0, 1, 3, 2))) / part**0.5
    weights = ops.softmax(fit if bias is None else fit + bias)
    got = ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3))
    return ops.reshape(got, (-1, queries.shape[1], queries.shape[2])), weights


@keras.saving.register_keras_serializable(package="convbook")
class Attention(layers.Layer):
    """Scaled dot-product attention with several heads.

    Args:
        width: numbers of a position that comes out, a multiple of the heads.
        heads: each has queries, keys and values of its own, of ``width // heads`` numbers.
        **options: of ``keras.layers.Layer``.

    Raises:
        ValueError: if the width cannot be shared out among the heads.

    Source: Vaswani 2017, sections 3.2.1 and 3.2.2.
    """

    def __init__(self, width: int, heads: int, **options: Any) -> None:
        super().__init__(**options)
        if width % heads:
            raise ValueError(
                f"width is {width} and heads {heads}: the width must be a multiple of the heads."
            )
        self.width, self.heads = width, heads
        self.ask, self.offer, self.value, self.join = (
            layers.Dense(width, name=name) for name in ("ask", "offer", "value", "join")
        )

    def build(self, queries_shape: Any, keys_shape: Any, values_shape: Any) -> None:
        """Make the four matrices, for the shapes of what comes in."""
        self.ask.build(queries_shape)
        self.offer.build(keys_shape)
        self.value.build(values_shape)
        self.join.build((*queries_shape[:-1], self.width))

    def call(self, queries: Any, keys: Any, values: Any, bias: Any = None) -> tuple[Any, Any]:
        """Return what the queries get, and the weights by which they got it.

        Args:
            queries: (B, N, any).
            keys: (B, M, any).
            values: (B, M, any).
            bias: None, or (B, heads or 1, N, M): what is added to the logits of the weights.

        Returns:
            (B, N, width); and (B, heads, N, M), which sums to 1 over M.
        """
        asked, offered, value = self.ask(queries), self.offer(keys), self.value(values)
        got, weights = attend(asked, offered, value, self.heads, bias)
        return self.join(got), weights

    def compute_output_shape(
        self, queries_shape: Any, keys_shape: Any, values_shape: Any
    ) -> tuple[Any, Any]:
        """Shapes of what ``call`` returns."""
        shape = (*queries_shape[:-1], self.width)
        return shape, (queries_shape[0], self.heads, queries_shape[1], keys_shape[1])

    def get_config(self) -> dict[str, Any]:
        """What the layer was made with."""
        return {**super().get_config(), "width": self.width, "heads": self.heads}


def sine_code(positions: Any, channels: int, temperature: float = 10_000) -> Any:
    """Return numbers that say where something is: sines and cosines of falling frequency.

    Args:
        positions: (...), here from 0 to 1 over the picture.
        channels: of the code, even.
        temperature: the wave length grows from 1 to nearly this.

    Returns:
        (..., channels): sine and cosine in turn.

    Source: Vaswani 2017, section 3.5; positions times 2 pi as in Carion 2020's code.
    """
    lengths = temperature ** (2 * np.arange(channels // 2) / channels)
    angles = positions[..., None] * ops.convert_to_tensor(2 * math.pi / lengths, "float32")
    code = ops.stack([ops.sin(angles), ops.cos(angles)], -1)
    return ops.reshape(code, (*ops.shape(positions), channels))


def position_code(positions: Any, channels: int) -> Any:
    """Return codes of places in a picture: the first half says where in y, the second in x.

    Args:
        positions: (..., 2) as (y, x) from 0 to 1; or (..., 4), boxes as (y, x, height, width).
        channels: of the code, a multiple of twice the last axis.
    """
    code = sine_code(positions, channels // positions.shape[-1])
    return ops.reshape(code, (*ops.shape(positions)[:-1], channels))


def grid(height: int, width: int) -> NDArray[np.float32]:
    """Return the middles (y, x) of a map's positions, row by row, from 0 to 1: (H * W, 2)."""
    y, x = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    return np.stack(np.meshgrid(y, x, indexing="ij"), -1).reshape(-1, 2).astype(np.float32)


@keras.saving.register_keras_serializable(package="convbook")
class FeedForward(layers.Layer):
    """Two dense layers with a ReLU between, on every position by itself: (..., C) to the same.

    Args:
        hidden: units of the first.
        activation: between the two.
        **options: of ``keras.layers.Layer``.

    Source: Vaswani 2017, section 3.3.
    """

    def __init__(self, hidden: int, activation: str = "relu", **options: Any) -> None:
        super().__init__(**options)
        self.hidden, self.activation = hidden, activation
        self.widen = layers.Dense(hidden, activation=activation, name="widen")

    def build(self, input_shape: Any) -> None:
        """Make both layers."""
        self.narrow = layers.Dense(input_shape[-1], name="narrow")
        self.widen.build(input_shape)
        self.narrow.build((*input_shape[:-1], self.hidden))

    def call(self, x: Any) -> Any:
        """Return the same shape."""
        return self.narrow(self.widen(x))

    def get_config(self) -> dict[str, Any]:
        """What the layer was made with."""
        return {**super().get_config(), "hidden": self.hidden, "activation": self.activation}


@keras.saving.register_keras_serializable(package="convbook")
class EncoderLayer(layers.Layer):
    """Every position asks every other, then thinks by itself: (B, N, width) to the same.

    What comes out of each half is added to what went in, then normalised.

    Args:
        width: numbers of a position.
        heads: of its attention.
        hidden: units between the two dense layers.
        **options: of ``keras.layers.Layer``.

    Source: Vaswani 2017, section 3.1; positions are added to queries and keys in every layer, as
    Carion 2020, appendix A.3.
    """

    def __init__(self, width: int, heads: int, hidden: int, **options: Any) -> None:
        super().__init__(**options)
        self.width, self.heads, self.hidden = width, heads, hidden
        self.attention = Attention(width, heads, name="attention")
        self.feed = FeedForward(hidden, name="feed")
        self.norms = [layers.LayerNormalization(epsilon=1e-5, name=f"norm{i}") for i in (1, 2)]

    def build(self, x_shape: Any, places_shape: Any) -> None:
        """Make the parts."""
        self.attention.build(x_shape, x_shape, x_shape)
        self.feed.build(x_shape)
        for norm in self.norms:
            norm.build(x_shape)

    def call(self, x: Any, places: Any) -> Any:
        """Return what the positions know now.

        Args:
            x: (B, N, width).
            places: codes of the positions (N, width).
        """
        placed = x + places
        x = self.norms[0](x + self.attention(placed, placed, x)[0])
        return self.norms[1](x + self.feed(x))

    def compute_output_shape(self, x_shape: Any, places_shape: Any) -> Any:
        """The shape of ``x``."""
        return x_shape

    def get_config(self) -> dict[str, Any]:
        """What the layer was made with."""
        made = {"width": self.width, "heads": self.heads, "hidden": self.hidden}
        return {**super().get_config(), **made}
