"""What an output unit of a net sees: the support of a gradient that cannot cancel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import keras
import numpy as np

from autograder.probing.gradients import input_gradient
from autograder.probing.trace import patched

SHARE = 0.37
FLAT_SOMEWHERE = (
    "relu6", "elu", "selu", "celu", "silu", "gelu", "sigmoid", "tanh", "softsign",
    "hard_sigmoid", "hard_silu", "hard_tanh", "hard_shrink", "soft_shrink", "tanh_shrink",
    "sparse_plus", "sparse_sigmoid", "squareplus", "threshold",
)  # fmt: skip
BOUNDS = ("clip", "tanh")
LARGER_OF_TWO = ("maximum", "minimum")
LARGEST_OF_MANY = ("max", "amax", "min", "amin")

Feed = tuple[int, ...]


class NotAMap(Exception):
    """A net gives something else than one map; `str()` says what."""


def picture(rng: np.random.Generator, feed: Feed, samples: int = 1) -> Any:
    """A picture of positive values, (samples, *feed)."""
    drawn = rng.uniform(0.5, 1.5, (samples, *feed))
    return keras.ops.convert_to_tensor(drawn.astype("float32"))


def map_of(outputs: Any) -> Any:
    """The map that a net gives. Raises NotAMap, or ValueError where it is empty."""
    given = keras.tree.flatten(outputs)
    if len(given) != 1:
        raise NotAMap(f"{len(given)} outputs")
    shape = tuple(given[0].shape)
    if len(shape) != 4:
        raise NotAMap(f"an output of shape {('N', *shape[1:])}".replace("'", ""))
    if min(shape[1:]) < 1:
        raise ValueError(f"the map is empty: {shape[1:]}")
    return given[0]


def unit_of(maps: Any, before: int = 0) -> Any:
    """The output unit in the middle, or one so many rows and columns before it, down to 0."""
    y, x = (max(0, side // 2 - before) for side in maps.shape[1:3])
    return maps[:, y, x]


def field_of(
    model: keras.Model, feed: Feed, rng: np.random.Generator, before: int = 0
) -> np.ndarray:
    """Which pixels (H, W) have a gradient from an output unit (`unit_of`)."""

    def unit(x: Any) -> tuple[Any, np.ndarray]:
        maps = keras.ops.cast(map_of(model(x, training=False)), "float32")
        weights = np.zeros(tuple(maps.shape), "float32")
        unit_of(weights, before)[...] = np.linspace(0.5, 1.5, maps.shape[-1]) ** 2
        return maps, weights

    return np.any(input_gradient(unit, picture(rng, feed)) != 0, axis=(0, 3))


def corner_field(model: keras.Model, feed: Feed, rng: np.random.Generator) -> np.ndarray:
    """Which pixels (H, W) have a gradient from the output unit in the corner."""
    return field_of(model, feed, rng, before=max(feed))


def extent(field: np.ndarray) -> list[int]:
    """Height and width of what is seen."""
    rows, columns = (np.flatnonzero(field.any(axis=1 - axis)) for axis in (0, 1))
    return [int(n[-1] - n[0] + 1) if len(n) else 0 for n in (rows, columns)]


def is_inside(field: np.ndarray) -> bool:
    """Whether what is seen reaches no edge of the picture."""
    return not any(side.any() for side in (field[0], field[-1], field[:, 0], field[:, -1]))


@contextmanager
def no_dead_units() -> Iterator[None]:
    """Let functions that are flat somewhere pass on a share of all that goes into them.

    What a unit can see is asked for, whatever the values: a ReLU that happens to give 0, or a
    bounded function at its bound, would seem to see nothing, and the largest of some values the
    place of one. The share keeps paths from cancelling.
    """
    from keras.src import backend

    softmax, average = backend.nn.softmax, backend.nn.average_pool

    def even(x: Any, axis: Any = -1) -> Any:
        """Softmax of small numbers: attention to one place alone has no gradient elsewhere."""
        size = keras.ops.max(keras.ops.absolute(x), axis=axis, keepdims=True)
        return softmax(x / (1 + size), axis=axis)

    with ExitStack() as stack:

        def patch(module: Any, names: tuple[str, ...], leaking: Callable[..., Any]) -> None:
            for name in names:
                stack.enter_context(patched(module, name, leaking(getattr(module, name))))

        def relu(x: Any) -> Any:
            """ReLU with its share, but for a factor: the commonest, in one operation."""
            return backend.nn.leaky_relu(x, negative_slope=SHARE / (1 + SHARE))

        stack.enter_context(patched(backend.nn, "softmax", even))
        stack.enter_context(patched(backend.nn, "relu", relu))
        patch(backend.nn, FLAT_SOMEWHERE, _leaking)
        patch(backend.numpy, BOUNDS + LARGER_OF_TWO, _leaking)
        patch(backend.numpy, LARGEST_OF_MANY, lambda reduce: _beside(reduce, keras.ops.mean))
        patch(backend.nn, ("max_pool",), lambda pool: _beside(pool, average))
        yield


def _leaking(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the values at each place that also gives a share of them."""

    def leak(*arguments: Any, **options: Any) -> Any:
        given = function(*arguments, **options)
        for x in arguments:
            if keras.ops.is_tensor(x) and keras.backend.is_float_dtype(x.dtype):
                given = given + SHARE * x
        return given

    return leak


def _beside(function: Callable[..., Any], even: Callable[..., Any]) -> Callable[..., Any]:
    """A function that chooses among values, and a share of one that takes all of them."""

    def both(x: Any, *arguments: Any, **options: Any) -> Any:
        given = function(x, *arguments, **options)
        if not (keras.ops.is_tensor(x) and keras.backend.is_float_dtype(x.dtype)):
            return given
        options.pop("initial", None)
        return given + SHARE * even(x, *arguments, **options)

    return both
