"""What a net costs: counts agree with hand counts and with published ones, whatever its style."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from convbook.counting import blueprint, count_multiplications, count_parameters, trace


def chain(shape: tuple[int | None, ...], *parts: layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input(shape), *parts])


HAND_COUNTS: dict[str, tuple[Callable[[], keras.Model], int]] = {
    "5x5 on 32x32x200": (
        lambda: chain((32, 32, 200), layers.Conv2D(92, 5, padding="same")),
        32 * 32 * 92 * 5 * 5 * 200,
    ),
    "the same by 16 channels": (
        lambda: chain((32, 32, 200), layers.Conv2D(16, 1), layers.Conv2D(92, 5, padding="same")),
        32 * 32 * 16 * 200 + 32 * 32 * 92 * 5 * 5 * 16,
    ),
    "256 kernels 5x5x3 at 8x8 positions": (
        lambda: chain((12, 12, 3), layers.Conv2D(256, 5)),
        256 * 5 * 5 * 3 * 8 * 8,
    ),
    "the same, separable": (
        lambda: chain((12, 12, 3), layers.SeparableConv2D(256, 5)),
        5 * 5 * 3 * 8 * 8 + 3 * 256 * 8 * 8,
    ),
    "stride, dilation and an oblong kernel": (
        lambda: chain(
            (9, 7, 2),
            layers.Conv2D(3, (3, 2), strides=(2, 1)),
            layers.Conv2D(5, 2, dilation_rate=2),
        ),
        4 * 6 * 3 * (3 * 2 * 2) + 2 * 4 * 5 * (2 * 2 * 3),
    ),
    "groups": (
        lambda: chain((8, 8, 12), layers.Conv2D(24, 3, groups=4, padding="same")),
        8 * 8 * 24 * (3 * 3 * 3),
    ),
    "depthwise with a multiplier": (
        lambda: chain((8, 8, 5), layers.DepthwiseConv2D(3, depth_multiplier=2)),
        6 * 6 * (5 * 2) * 3 * 3,
    ),
    "transposed": (
        lambda: chain((4, 4, 6), layers.Conv2DTranspose(3, 5, strides=2)),
        4 * 4 * 6 * 5 * 5 * 3,
    ),
    "dense over channels": (lambda: chain((4, 4, 6), layers.Dense(10)), 4 * 4 * 6 * 10),
    "pooling, normalisation, activation": (
        lambda: chain((4, 4, 6), layers.MaxPooling2D(), layers.BatchNormalization(), layers.ReLU()),
        0,
    ),
}


@pytest.mark.parametrize("case", HAND_COUNTS)
def test_layers_cost_what_a_hand_counts(case: str) -> None:
    build, expected = HAND_COUNTS[case]
    assert count_multiplications(build()) == expected


def test_syllabus_examples() -> None:
    wide, narrow = (HAND_COUNTS[name][0]() for name in list(HAND_COUNTS)[:2])
    assert count_multiplications(wide) == 471_040_000
    assert count_multiplications(narrow) == 40_960_000


class Mixed(keras.Model):
    """A subclassed net with a layer used twice, an inner model, and bare operations."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = layers.Conv2D(4, 3, padding="same")
        self.inner = keras.Sequential([layers.Conv2D(4, 1), layers.Dense(2)])
        self.kernel = self.add_weight(shape=(3, 3, 2, 7))

    def call(self, x: Any) -> Any:
        x = self.conv(self.conv(x))
        x = ops.conv(self.inner(x), self.kernel, padding="valid")
        flat = ops.reshape(x, (-1, 16, 7))
        return ops.einsum("nic,njc->nij", flat, flat) + ops.matmul(
            flat, ops.transpose(flat, (0, 2, 1))
        )


def test_subclassed_and_nested_nets_and_bare_operations_are_counted() -> None:
    net = Mixed()
    convolutions = 2 * 36 * 4 * (3 * 3 * 4) + 36 * 4 * 4 + 36 * 4 * 2
    bare = 4 * 4 * 7 * (3 * 3 * 2) + 2 * 16 * 16 * 7
    assert count_multiplications(net, (6, 6, 4)) == convolutions + bare
    steps = trace(net, (6, 6, 4))
    assert sum(step.parameters for step in steps) == count_parameters(net)
    assert [step.parameters > 0 for step in steps if step.name == net.conv.name] == [True, False]
    assert np.isfinite(net(np.ones((1, 6, 6, 4), "float32"))).all()  # tracing has built it for good


def test_operations_in_a_functional_graph_and_functions_are_counted() -> None:
    a, b = keras.Input((5, 8)), keras.Input((8, 3))
    net = keras.Model([a, b], ops.matmul(a, b))
    assert count_multiplications(net) == 5 * 8 * 3

    def similarity(x: Any) -> Any:
        return ops.tensordot(x, ops.ones((8, 2)), axes=1)

    assert count_multiplications(similarity, (5, 8)) == 5 * 8 * 2


def test_attention_counts_its_two_products() -> None:
    x = keras.Input((10, 6))
    net = keras.Model(x, layers.MultiHeadAttention(num_heads=2, key_dim=4, value_dim=4)(x, x))
    projections = 4 * 10 * 6 * (2 * 4)
    assert count_multiplications(net) == projections + 2 * (2 * 10 * 10 * 4)


@pytest.mark.parametrize(
    ("name", "parameters", "millions"),
    [("MobileNetV2", 3_504_872, (300, 301)), ("ResNet50", 25_583_592, (3800, 3900))],
)
def test_published_nets(name: str, parameters: int, millions: tuple[int, int]) -> None:
    """300M multiply-adds (Sandler 2018, table 4) and 3.8 * 10^9 (He 2016, table 1)."""
    net = blueprint(getattr(keras.applications, name), weights=None)
    assert count_parameters(net) == parameters
    assert millions[0] <= count_multiplications(net) / 1e6 <= millions[1]


def test_tracing_leaves_keras_as_it_was() -> None:
    call = layers.Layer.__call__
    net = chain((4, 4, 3), layers.Conv2D(2, 3))
    before = [weight.numpy() for weight in net.weights]
    first = count_multiplications(net)
    assert layers.Layer.__call__ is call
    assert count_multiplications(net) == first
    assert all(np.array_equal(a, b) for a, b in zip(before, net.get_weights(), strict=True))
    with pytest.raises(ValueError, match="size"):
        count_multiplications(net, (1, 1, 3))
    assert layers.Layer.__call__ is call


def test_a_net_of_unknown_size_says_what_to_give() -> None:
    with pytest.raises(ValueError, match=r"give one, as \(224, 224, 3\)"):
        count_multiplications(chain((None, None, 3), layers.Conv2D(2, 3)))
    with pytest.raises(ValueError, match=r"give it, as \(224, 224, 3\)"):
        count_multiplications(Mixed())


def test_moving_statistics_are_parameters_only_when_asked_for() -> None:
    net = chain((4, 4, 3), layers.BatchNormalization())
    assert count_parameters(net) == 2 * 3
    assert count_parameters(net, trainable=False) == 4 * 3 == net.count_params()


def test_a_blueprint_takes_no_room_now_or_later() -> None:
    net = blueprint(chain, (1000, 1000), layers.Dense(50_000))
    assert count_parameters(net) == 50_050_000
    layers.Dense(3)(keras.Input((4,)))  # the end of the next scope allocates what is still waiting
    assert all(weight._value is None for weight in net.weights)
