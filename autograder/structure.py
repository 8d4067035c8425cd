"""Facts on a convolutional net, for tasks with many right answers.

Everything is found out by running the net, on values chosen for it, and not from its layers' names:
what an output unit sees is the support of a gradient that cannot cancel, and what else mixes
positions shows when every 3x3 kernel is cut down to its centre. `facts` gives

- `output`: "a map", or what the net gives instead;
- `convolutions`: how many 3x3 convolutions there are, a layer called twice counted twice;
- `kernels`: the sizes of other kernels, 1x1 left out;
- `mixers`: what else lets one position reach another; empty if nothing does;
- `field`: height and width, in pixels, of what an output unit sees;
- `holes`: pixels inside the field that do not reach the unit;
- `steps`: how the convolutions add up to the field, for the judge to do the sum again: a student's
  process could name any field, but not say how to make it without knowing how.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import keras
import numpy as np

from autograder.footprint import partitions, reach
from autograder.gradients import input_gradient
from autograder.network import fast_calls
from autograder.trace import describe, patched, recording

SIDE = 3
SAMPLES = 4
MOST_KERNELS = 8  # how many the sum of their steps is made for
SHARE = 0.37
FLAT_SOMEWHERE = (
    "relu", "relu6", "elu", "selu", "celu", "silu", "gelu", "sigmoid", "tanh", "softsign",
    "hard_sigmoid", "hard_silu", "hard_tanh", "hard_shrink", "soft_shrink", "tanh_shrink",
    "sparse_plus", "sparse_sigmoid", "squareplus", "threshold",
)  # fmt: skip
BOUNDS = ("clip", "maximum", "minimum")
NO_STEPS: dict[str, Any] = {"jumps": [], "chains": []}
MIXERS = ("Pool", "Attention", "Resiz", "UpSampling", "GroupNormalization")

Offsets = tuple[tuple[int, ...], tuple[int, ...]]


class NotAMap(Exception):
    """A net gives something else than one map; `str()` says what."""


class _Calls:
    """Counts 3x3 convolutions and names layers that are known to mix positions."""

    def __init__(self) -> None:
        self.convolutions = 0
        self.known: Counter[int] = Counter()  # calls, by the weights of Keras's own convolutions
        self.mixers: list[str] = []

    def add(self, operation: keras.Operation, args: Any, kwargs: Any, outputs: Any) -> None:
        """See one call of a layer or operation."""
        name = type(operation).__name__
        enlarges = "Transpose" in name and set(getattr(operation, "strides", (1,))) != {1}
        if enlarges or any(word in name for word in MIXERS):
            self.mixers.append(describe(operation))
        if getattr(operation, "kernel_size", None) == (SIDE, SIDE):
            self.convolutions += 1
            self.known.update(id(variable) for variable in operation.weights)


def facts(model: keras.Model, feeds: tuple[tuple[int, ...], ...], seed: int) -> dict[str, Any]:
    """Note the facts.

    `feeds` are growing input shapes: the first is taken in which the field of the middle output
    unit lies inside the picture.

    Raises what the model raises where it can be called on none of them.
    """
    rng = np.random.default_rng(seed)
    with fast_calls(), no_dead_units():
        try:
            calls = _calls(model, feeds, rng)
        except NotAMap as reason:
            return {"output": str(reason)}
        kernels = _fill(model, rng)
        shown: dict[str, Any] = {
            "output": "a map",
            "kernels": _other_kernels(model),
            "convolutions": max(calls.convolutions, len(kernels)),
        }
        if _sees_everything(model, kernels, feeds, rng):
            return {**shown, "mixers": _names(calls)}  # attention on a large picture fills memory
        field, feed = _field_inside(model, feeds, rng)
        mixers = _mixers(model, kernels, feed, field, rng, calls)
        net = _Kernels(model, kernels, feed, rng)
        uses = [calls.known[id(v)] or net.uses(number) for number, (v, _) in enumerate(kernels)]
        steps = _steps(net, uses, field) if len(kernels) <= MOST_KERNELS else NO_STEPS
    rows, columns = (np.flatnonzero(field.any(axis=1 - axis)) for axis in (0, 1))
    size = [int(n[-1] - n[0] + 1) if len(n) else 0 for n in (rows, columns)]
    return {
        **shown,
        "convolutions": max(shown["convolutions"], sum(uses)),
        "mixers": mixers,
        "field": size,
        "holes": size[0] * size[1] - int(field.sum()),
        "steps": steps,
    }


def _calls(
    model: keras.Model, feeds: tuple[tuple[int, ...], ...], rng: np.random.Generator
) -> _Calls:
    """The layers called in one run, on the smallest feed that gives an output."""
    for feed in feeds:
        calls, x = _Calls(), _picture(rng, feed)
        try:
            if not getattr(model, "outputs", None):
                model(x, training=False)  # a subclassed model makes its weights at the first call
            with recording(calls):  # type: ignore[arg-type]
                _map_of(model(x, training=False))
            break
        except NotAMap:
            raise
        except Exception:  # windows without padding may need a larger picture
            if feed == feeds[-1]:
                raise
    return calls


def _other_kernels(model: keras.Model) -> list[str]:
    """The sizes of kernels that are neither 3x3 nor 1x1."""
    shapes = [tuple(v.shape) for v in model.variables if len(v.shape) >= 4]
    others = {s[:-2] for s in shapes if not _is_kernel(s) and math.prod(s[:-2]) > 1}
    return sorted("x".join(map(str, side)) for side in others)


def _is_kernel(shape: tuple[int, ...]) -> bool:
    return len(shape) >= 4 and tuple(shape[:2]) == (SIDE, SIDE)


def _picture(rng: np.random.Generator, feed: tuple[int, ...], samples: int = 1) -> Any:
    drawn = rng.uniform(0.5, 1.5, (samples, *feed))
    return keras.ops.convert_to_tensor(drawn.astype("float32"))


def _map_of(outputs: Any) -> Any:
    given = keras.tree.flatten(outputs)
    if len(given) != 1:
        raise NotAMap(f"{len(given)} outputs")
    shape = tuple(given[0].shape)
    if len(shape) != 4:
        raise NotAMap(f"an output of shape {('N', *shape[1:])}".replace("'", ""))
    if min(shape[1:]) < 1:
        raise ValueError(f"the map is empty: {shape[1:]}")
    return given[0]


def _fill(model: keras.Model, rng: np.random.Generator) -> list[tuple[Any, np.ndarray]]:
    """Give every weight positive values, so that no two paths cancel; return the 3x3 kernels."""
    kernels = []
    statistics = {id(v) for v in model.non_trainable_variables}
    for variable in model.variables:
        shape = tuple(variable.shape)
        if not keras.backend.is_float_dtype(variable.dtype):
            continue
        if sum(side > 1 for side in shape) <= 1 and not _is_kernel(shape):
            if id(variable) not in statistics:
                variable.assign(rng.uniform(0.1, 0.3, shape).astype("float32"))
            continue
        drawn = rng.uniform(0.5, 1.5, shape) / max(1, math.prod(shape[:-1]))
        variable.assign(drawn.astype("float32"))
        if _is_kernel(shape):
            kernels.append((variable, drawn.astype("float32")))
    return kernels


def _field_inside(
    model: keras.Model, feeds: tuple[tuple[int, ...], ...], rng: np.random.Generator
) -> tuple[np.ndarray, tuple[int, ...]]:
    """Where the input reaches the middle output unit, and the feed it was found with."""
    field, problem = None, None
    for feed in feeds:
        try:
            field = _field(model, feed, rng)
        except Exception as error:  # the net needs a larger picture
            problem = error
            continue
        border = [field[0], field[-1], field[:, 0], field[:, -1]]
        if not any(side.any() for side in border):
            break
    if field is None:
        assert problem is not None
        raise problem
    return field, feed


def _field(model: keras.Model, feed: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Which pixels (H, W) have a gradient from the middle output unit."""

    def unit(x: Any) -> Any:
        outputs = _map_of(model(x, training=False))
        middle = _middle(outputs)
        weights = np.linspace(0.5, 1.5, middle.shape[-1], dtype="float32") ** 2
        return keras.ops.sum(keras.ops.multiply(middle, weights))

    return np.any(input_gradient(unit, _picture(rng, feed)) != 0, axis=(0, 3))


def _middle(maps: Any) -> Any:
    return maps[:, maps.shape[1] // 2, maps.shape[2] // 2]


def _cut(kernels: list[tuple[Any, np.ndarray]]) -> None:
    """Leave each kernel its centre weight only."""
    for variable, drawn in kernels:
        cut = np.zeros_like(drawn)
        cut[SIDE // 2, SIDE // 2] = SIDE**2 * drawn[SIDE // 2, SIDE // 2]
        variable.assign(cut)


@contextmanager
def no_dead_units() -> Iterator[None]:
    """Let pointwise functions that are flat somewhere pass on a share of their input everywhere.

    What a unit can see is asked for, whatever the values: a ReLU that happens to give 0, or a
    bounded one at its bound, would seem to see nothing. The share keeps paths from cancelling.
    """
    from keras.src import backend

    def leaking(function: Any) -> Any:
        def leak(*arguments: Any, **options: Any) -> Any:
            given = function(*arguments, **options)
            tensors = [x for x in arguments if keras.ops.is_tensor(x)]
            # the larger of two maps is no pointwise function of one
            leaks = len(tensors) == 1 and keras.backend.is_float_dtype(tensors[0].dtype)
            return given + SHARE * tensors[0] if leaks else given

        return leak

    def even(x: Any, axis: Any = -1) -> Any:
        """Softmax of small numbers: attention to one place alone has no gradient elsewhere."""
        size = keras.ops.max(keras.ops.absolute(x), axis=axis, keepdims=True)
        return softmax(x / (1 + size), axis=axis)

    softmax = backend.nn.softmax
    with ExitStack() as stack:
        stack.enter_context(patched(backend.nn, "softmax", even))
        for module, names in ((backend.nn, FLAT_SOMEWHERE), (backend.numpy, BOUNDS)):
            for name in names:
                stack.enter_context(patched(module, name, leaking(getattr(module, name))))
        yield


class _Kernels:
    """A net whose kernels are put back one by one, all others cut down to their centres."""

    def __init__(
        self,
        model: keras.Model,
        kernels: list[tuple[Any, np.ndarray]],
        feed: tuple[int, ...],
        rng: np.random.Generator,
    ) -> None:
        self.model, self.kernels, self.feed, self.rng = model, kernels, feed, rng
        self._alone: dict[int, Offsets] = {}

    def offsets(self, *chosen: int) -> Offsets:
        """What an output unit sees with the chosen kernels: rows and columns, from its middle."""
        _cut(self.kernels)
        for number in chosen:
            variable, drawn = self.kernels[number]
            variable.assign(drawn)
        field = _field(self.model, self.feed, self.rng)
        for variable, drawn in self.kernels:
            variable.assign(drawn)
        return _offsets(field)

    def alone(self, number: int) -> Offsets:
        """What an output unit sees with one kernel."""
        if number not in self._alone:
            self._alone[number] = self.offsets(number)
        return self._alone[number]

    def uses(self, number: int) -> int:
        """How often a net applies a kernel of its own.

        Once, and it sees three rows; n times in a row, and it sees 2n + 1, as far apart.
        """
        rows = np.array(self.alone(number)[0])
        return int((rows[-1] - rows[0]) // (2 * np.diff(rows).min())) if len(rows) > SIDE else 1


def _offsets(field: np.ndarray) -> Offsets:
    """The rows and columns of a field, as distances from its middle."""
    found = []
    for axis in (1, 0):
        places = np.flatnonzero(field.any(axis=axis))
        middle = int(places[0] + places[-1]) // 2 if len(places) else 0
        found.append(tuple(int(place) - middle for place in places))
    return found[0], found[1]


def _steps(net: _Kernels, uses: list[int], field: np.ndarray) -> dict[str, Any]:
    """How the kernels add up to the field: `jumps` by kernel and use, `chains` of uses in a row.

    A jump is how far apart, in pixels of the input, the three rows (and columns) of a kernel lie.
    Kernels on parallel branches do not add up; which ones do shows when two are put back together.
    """
    jumps: list[list[int]] = []
    owners: list[int] = []
    for number, times in enumerate(uses):
        if net.alone(number) == ((0,), (0,)):  # it does not reach the output
            continue
        rows, columns = (partitions(side, times) for side in net.alone(number))
        if rows is None or columns is None:
            return NO_STEPS
        jumps += [[y, x] for y, x in zip(rows, columns, strict=True)]
        owners += [number] * times
    everything = list(range(len(jumps)))
    if reach([jumps[i] for i in everything]) == _places(field):
        return {"jumps": jumps, "chains": [everything]}
    adds_up = {
        pair: _span(net.offsets(*pair)) == _span(net.alone(pair[0])) + _span(net.alone(pair[1]))
        for pair in itertools.combinations(range(len(uses)), 2)
    }
    chains = [
        [i for i in everything if owners[i] in chosen]
        for size in range(len(uses) + 1)
        for chosen in itertools.combinations(range(len(uses)), size)
        if all(adds_up[pair] for pair in itertools.combinations(chosen, 2))
    ]
    longest = [c for c in chains if not any(set(c) < set(other) for other in chains)]
    return {"jumps": jumps, "chains": longest}


def _span(offsets: Offsets) -> int:
    return offsets[0][-1] - offsets[0][0] if offsets[0] else 0


def _places(field: np.ndarray) -> set[tuple[int, int]]:
    """The pixels of a field, from its middle."""
    ys, xs = np.nonzero(field)
    if not len(ys):
        return set()
    y, x = (int(ys.min() + ys.max()) // 2, int(xs.min() + xs.max()) // 2)
    return {(int(a) - y, int(b) - x) for a, b in zip(ys, xs, strict=True)}


def _sees_everything(
    model: keras.Model,
    kernels: list[tuple[Any, np.ndarray]],
    feeds: tuple[tuple[int, ...], ...],
    rng: np.random.Generator,
) -> bool:
    """Whether a unit depends on the whole picture even where each kernel has its centre only."""
    _cut(kernels)
    field = np.zeros((1, 1), bool)
    for feed in feeds:
        try:
            field = _field(model, feed, rng)
            break
        except Exception:  # a larger picture is needed; `_field_inside` says so if none helps
            continue
    for variable, drawn in kernels:
        variable.assign(drawn)
    return bool(field.all())


def _names(calls: _Calls) -> list[str]:
    return sorted(set(calls.mixers)) or ["something that is not a 3x3 convolution"]


def _mixers(
    model: keras.Model,
    kernels: list[tuple[Any, np.ndarray]],
    feed: tuple[int, ...],
    field: np.ndarray,
    rng: np.random.Generator,
    calls: _Calls,
) -> list[str]:
    """What lets positions mix apart from the 3x3 kernels.

    With only the centre weight of each, an output unit must depend on the pixel in the middle of
    its field and on no other.
    """
    enlarging = [name for name in calls.mixers if "Transpose" in name]
    if not field.any():
        return enlarging
    _cut(kernels)
    y, x = (int(np.flatnonzero(field.any(axis=1 - axis))[[0, -1]].sum()) // 2 for axis in (0, 1))
    pictures = np.array(_picture(rng, feed, SAMPLES))
    pictures[:, y, x] = pictures[:1, y, x]
    maps = _map_of(model(keras.ops.convert_to_tensor(pictures), training=False))
    values = keras.ops.convert_to_numpy(_middle(maps))
    for variable, drawn in kernels:
        variable.assign(drawn)
    if np.ptp(values, axis=0).max() <= 1e-4 * np.abs(values).max():
        return enlarging
    return _names(calls)
