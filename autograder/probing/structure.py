"""Facts on a convolutional net, for tasks with many right answers.

Everything is found out by running the net, on values chosen for it, and not from its layers' names:
what an output unit sees is the support of a gradient that cannot cancel, and what else mixes
positions shows when every 3x3 kernel is cut down to one weight. `facts` gives

- `output`: "a map", or what the net gives instead;
- `convolutions`: how many 3x3 convolutions there are, a layer called twice counted twice;
- `kernels`: the sizes of other kernels, 1x1 left out;
- `mixers`: what else lets one position reach another; empty if nothing does;
- `field`: height and width, in pixels, of what an output unit sees, or "at least" how much;
- `holes`: pixels inside the field that do not reach the unit;
- `steps`: how the convolutions add up to the field, for the judge to do the sum again: a student's
  process could name any field, but not say how to make it without knowing how.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Any

import keras
import numpy as np

from autograder.data.footprint import LONGEST, partitions, reach
from autograder.probing.gradients import input_gradient
from autograder.probing.network import fast_calls
from autograder.probing.trace import describe, patched, recording

SIDE = 3
SAMPLES = 4
MOST_KERNELS = 8  # how many the sum of their steps is made for
CENTRE = (SIDE // 2, SIDE // 2)
SHARE = 0.37
LARGE = (128, 256)  # sizes of a kernel beside which whatever does not grow with it is small
NEAR = 0.1
FLAT_SOMEWHERE = (
    "relu", "relu6", "elu", "selu", "celu", "silu", "gelu", "sigmoid", "tanh", "softsign",
    "hard_sigmoid", "hard_silu", "hard_tanh", "hard_shrink", "soft_shrink", "tanh_shrink",
    "sparse_plus", "sparse_sigmoid", "squareplus", "threshold",
)  # fmt: skip
BOUNDS = ("clip", "maximum", "minimum", "tanh")
GLANCED = ("output", "kernels", "convolutions", "field", "holes")
NO_STEPS: dict[str, Any] = {"jumps": [], "chains": []}
MIXERS = ("Pool", "Attention", "Resiz", "UpSampling", "GroupNormalization")
# What Keras's own layers and operations do that leave each position alone, or are looked at.
HARMLESS = re.compile(
    "Conv|Dense|BatchNorm|LayerNorm|RMSNorm|Dropout|Noise|Cropping|Pad|Input|Activation|Identity|"
    "ReLU|Relu|LU$|Sigmoid|Tanh|Soft(plus|sign)|Add|Subtract|Multiply|Divide|Minimum|Maximum|"
    "Average$|Concatenate|GetItem|Lambda|Rescaling|Sqrt|Square|Exp$|Log|Abs|Clip|Negative|Cast|"
    "Functional|Sequential|Split|Stack|Power|True"
)
MOST_NAMES = 3

Offsets = tuple[tuple[int, ...], tuple[int, ...]]


class NotAMap(Exception):
    """A net gives something else than one map; `str()` says what."""


class _Calls:
    """Counts 3x3 convolutions and names layers that are known to mix positions."""

    def __init__(self) -> None:
        self.convolutions = 0
        self.known: Counter[int] = Counter()  # calls, by the weights of Keras's own convolutions
        self.mixers: list[str] = []
        self.doubtful: list[str] = []
        self.dilation = 1

    def add(self, operation: keras.Operation, args: Any, kwargs: Any, outputs: Any) -> None:
        """See one call of a layer or operation."""
        name = type(operation).__name__
        enlarges = "Transpose" in name and set(getattr(operation, "strides", (1,))) != {1}
        if enlarges or any(word in name for word in MIXERS):
            self.mixers.append(describe(operation))
        elif not (type(operation).__module__.startswith("keras") and HARMLESS.search(name)):
            self.doubtful.append(f"`{name}`")
        rates = np.atleast_1d(getattr(operation, "dilation_rate", 1)).tolist()
        self.dilation = max([self.dilation, *(rate for rate in rates if isinstance(rate, int))])
        if getattr(operation, "kernel_size", None) == (SIDE, SIDE):
            self.convolutions += 1
            self.known.update(id(variable) for variable in operation.weights)


def facts(
    model: keras.Model, feeds: tuple[tuple[int, ...], ...], seed: int, glance: bool = False
) -> dict[str, Any]:
    """Note the facts.

    `feeds` are growing input shapes: the first is taken in which the field of the middle output
    unit lies inside the picture. At a `glance` they are those in GLANCED, for a tenth of the time.

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
        if glance and shown["kernels"]:
            return shown  # wrong as it is, and the gradient of a large kernel takes long
        if glance:
            field, _, is_inside = _field_inside(model, feeds[:2], rng, calls.dilation, hasty=True)
            return {**shown, **_size_of(field, is_inside)}
        if _sees_everything(model, kernels, feeds, rng):
            return {**shown, "mixers": _names(calls)}  # attention on a large picture fills memory
        field, feed, is_inside = _field_inside(model, feeds, rng, calls.dilation)
        net = _Kernels(model, kernels, feed, rng)
        mixers = _mixers(net, field, is_inside, calls)
        used, steps = shown["convolutions"], NO_STEPS
        if not mixers:  # else what a kernel sees does not tell how often it is used
            uses = [calls.known[id(v)] or net.uses(n) for n, (v, _) in enumerate(kernels)]
            steps = _steps(net, uses, field) if len(kernels) <= MOST_KERNELS else NO_STEPS
            used = max(used, sum(uses), len(steps["jumps"]))
    return {
        **shown,
        "convolutions": used,
        "mixers": mixers,
        **_size_of(field, is_inside),
        "steps": steps,
    }


def _size_of(field: np.ndarray, is_inside: bool) -> dict[str, Any]:
    size = _extent(field)
    return {
        "field": size if is_inside else f"at least {size[0]} x {size[1]}",
        "holes": size[0] * size[1] - int(field.sum()),
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
    model: keras.Model,
    feeds: tuple[tuple[int, ...], ...],
    rng: np.random.Generator,
    dilation: int,
    hasty: bool = False,
) -> tuple[np.ndarray, tuple[int, ...], bool]:
    """Where the input reaches the middle output unit, the feed, and whether all lies inside it.

    Weights so far apart that all but the middle one lie outside a picture do not show there. One
    who is `hasty` looks at no larger picture where a unit sees the whole of a small one.
    """
    field, problem, is_inside = None, None, False
    for feed in feeds:
        if dilation >= min(feed[:2]) // 2 and feed != feeds[-1]:
            continue
        try:
            field = _field(model, feed, rng)
        except Exception as error:  # the net needs a larger picture
            problem = error
            continue
        border = [field[0], field[-1], field[:, 0], field[:, -1]]
        is_inside = not any(side.any() for side in border)
        if is_inside or (hasty and field.all()):
            break
    if field is None:
        assert problem is not None
        raise problem
    return field, feed, is_inside


def _field(
    model: keras.Model, feed: tuple[int, ...], rng: np.random.Generator, before: int = 0
) -> np.ndarray:
    """Which pixels (H, W) have a gradient from an output unit (`_unit`)."""

    def unit(x: Any) -> Any:
        seeing = _unit(_map_of(model(x, training=False)), before)
        weights = np.linspace(0.5, 1.5, seeing.shape[-1], dtype="float32") ** 2
        return keras.ops.sum(keras.ops.multiply(seeing, weights))

    return np.any(input_gradient(unit, _picture(rng, feed)) != 0, axis=(0, 3))


def _unit(maps: Any, before: int = 0) -> Any:
    """The output unit in the middle, or one so many rows and columns before it, down to 0."""
    y, x = (max(0, side // 2 - before) for side in maps.shape[1:3])
    return maps[:, y, x]


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


@contextmanager
def _one_weight_each(
    kernels: list[tuple[Any, np.ndarray]], places: dict[int, tuple[int, ...]]
) -> Iterator[None]:
    """Leave the kernels of these numbers the weight at that place only."""
    for number, (variable, drawn) in enumerate(kernels):
        one = drawn
        if number in places:
            one = np.zeros_like(drawn)
            one[places[number]] = SIDE**2 * drawn[places[number]]
        variable.assign(one)
    try:
        yield
    finally:
        for variable, drawn in kernels:
            variable.assign(drawn)


class _Kernels:
    """A net whose kernels can be cut down to one weight each, and put back one by one.

    That weight is the one in the middle if it can be: beside a convolution with a stride, a
    shortcut may read another pixel of its window.
    """

    def __init__(
        self,
        model: keras.Model,
        kernels: list[tuple[Any, np.ndarray]],
        feed: tuple[int, ...],
        rng: np.random.Generator,
    ) -> None:
        self.model, self.kernels, self.feed, self.rng = model, kernels, feed, rng
        self._alone: dict[int, Offsets] = {}
        self.left: list[tuple[int, ...]] = [CENTRE] * len(kernels)
        self._choose()

    def _choose(self) -> None:
        """Choose the weights with which a unit sees as few pixels as can be."""
        fewest = self.seen_with_one_weight_each().sum()
        places = list(itertools.product(range(SIDE), repeat=2))
        for number, place in itertools.product(range(len(self.kernels)), places):
            if fewest <= 1:
                return
            before, self.left[number] = self.left[number], place
            found = self.seen_with_one_weight_each().sum()
            if 0 < found < fewest:
                fewest = found
            else:
                self.left[number] = before

    def cut(self, *whole: int) -> AbstractContextManager[None]:
        """Leave each kernel one weight only, but for some."""
        places = {number: place for number, place in enumerate(self.left) if number not in whole}
        return _one_weight_each(self.kernels, places)

    def seen_with_one_weight_each(self, before: int = 0) -> np.ndarray:
        """Which pixels a unit sees with cut kernels."""
        with self.cut():
            return _field(self.model, self.feed, self.rng, before)

    def offsets(self, *chosen: int) -> Offsets:
        """What an output unit sees with the chosen kernels: rows and columns, from its middle."""
        with self.cut(*chosen):
            return _offsets(_field(self.model, self.feed, self.rng))

    def alone(self, number: int) -> Offsets:
        """What an output unit sees with one kernel."""
        if number not in self._alone:
            self._alone[number] = self.offsets(number)
        return self._alone[number]

    def uses(self, number: int) -> int:
        """How often in a row a net applies a kernel of its own.

        Once, and it sees three rows at most; n times, and the output grows as its n-th power. Where
        it grows in no such way, say behind a normalisation: n times and it sees 2n + 1 rows, if
        they are as far apart each time.
        """
        rows = np.array(self.alone(number)[0])
        if len(rows) <= SIDE:
            return 1
        in_a_row = int((rows[-1] - rows[0]) // (2 * np.diff(rows).min()))
        return self._power(number) or in_a_row

    def _power(self, number: int) -> int | None:
        """With which power of a kernel's size the output grows, if with any from 1 up."""
        variable, drawn = self.kernels[number]
        x, values = _picture(self.rng, self.feed), []
        for size in LARGE:
            variable.assign(size * drawn)
            y = keras.ops.convert_to_numpy(_map_of(self.model(x, training=False)))
            values.append(np.abs(y).sum(dtype="float64"))
        variable.assign(drawn)
        if not (np.isfinite(values).all() and min(values) > 0):
            return None
        power = math.log(values[1] / values[0], LARGE[1] / LARGE[0])
        return round(power) if power > 0.5 and abs(power - round(power)) < NEAR else None


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
    runs: list[list[list[int]]] = []  # by kernel: the uses, numbers of jumps, that are in a row
    for number, times in enumerate(uses):
        found = _runs(net.alone(number), times)
        if found is None:
            return NO_STEPS
        runs.append([])
        for run in found:
            runs[-1].append(list(range(len(jumps), len(jumps) + len(run))))
            jumps += run

    def in_a_row(kernels: Iterable[int]) -> list[list[int]]:
        reaching = [runs[number] for number in kernels if runs[number]]
        return [list(itertools.chain(*chain)) for chain in itertools.product(*reaching)]

    if math.prod(len(found) or 1 for found in runs) > LONGEST:
        return NO_STEPS
    everything = in_a_row(range(len(uses)))
    if _together(jumps, everything) == _places(field):
        return {"jumps": jumps, "chains": everything}
    adds_up = {
        pair: _span(net.offsets(*pair)) == _span(net.alone(pair[0])) + _span(net.alone(pair[1]))
        for pair in itertools.combinations(range(len(uses)), 2)
    }
    chains = [
        chain
        for size in range(len(uses) + 1)
        for chosen in itertools.combinations(range(len(uses)), size)
        if all(adds_up[pair] for pair in itertools.combinations(chosen, 2))
        for chain in in_a_row(chosen)
    ]
    longest = [c for c in chains if not any(set(c) < set(other) for other in chains)]
    return {"jumps": jumps, "chains": longest}


def _runs(alone: Offsets, times: int) -> list[list[list[int]]] | None:
    """The jumps of one kernel's uses, by uses in a row; none if it does not reach the output.

    It may be used `times` times in a row, fewer where some uses are on branches side by side, or
    all side by side, each with a jump of its own. None where what it sees comes about in no such
    way.
    """
    if alone == ((0,), (0,)):
        return []
    for count in range(times, 0, -1):
        rows, columns = (partitions(side, count) for side in alone)
        if rows is not None and columns is not None:
            return [[[y, x] for y, x in zip(rows, columns, strict=True)]]
    rows, columns = ([place for place in side if place > 0] for side in alone)
    return [[[y, x]] for y, x in zip(rows, columns, strict=True)] if rows == columns else None


def _together(jumps: list[list[int]], chains: list[list[int]]) -> set[tuple[int, int]]:
    """What a unit sees through any of the chains."""
    return set().union(*(reach([jumps[i] for i in chain]) for chain in chains))


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
    with _one_weight_each(kernels, dict.fromkeys(range(len(kernels)), CENTRE)):
        for feed in feeds:
            # where a larger picture is needed, `_field_inside` says so if none helps
            with suppress(Exception):
                return bool(_field(model, feed, rng).all())
    return False


def _names(calls: _Calls) -> list[str]:
    doubtful = list(dict.fromkeys(calls.doubtful))
    named = sorted(set(calls.mixers))
    if named or not doubtful:
        return named or ["something that is not a 3x3 convolution"]
    return ["one of " * (len(doubtful) > 1) + ", ".join(doubtful[:MOST_NAMES])]


def _extent(field: np.ndarray) -> list[int]:
    """Height and width of what is seen."""
    rows, columns = (np.flatnonzero(field.any(axis=1 - axis)) for axis in (0, 1))
    return [int(n[-1] - n[0] + 1) if len(n) else 0 for n in (rows, columns)]


def _mixers(net: _Kernels, field: np.ndarray, is_inside: bool, calls: _Calls) -> list[str]:
    """What lets positions mix apart from the 3x3 kernels.

    With one weight of each, an output unit must depend on one pixel and on no other; so must
    its neighbour, lest the unit in the middle be the one that a mirror leaves where it is. A unit
    in the corner must see no farther than it. Where a field does not lie inside the picture, only
    the first is asked.
    """
    enlarging = [name for name in calls.mixers if "Transpose" in name]
    if not field.any():
        return enlarging
    for before in (0, 1) if is_inside else (0,):
        seen = net.seen_with_one_weight_each(before)
        if seen.sum() > 1 or (seen.any() and _depends_on_others(net, seen, before)):
            return _names(calls)
    corner = _field(net.model, net.feed, net.rng, before=max(net.feed))
    sees_more = [a > b for a, b in zip(_extent(corner), _extent(field), strict=True)]
    return _names(calls) if is_inside and any(sees_more) else enlarging


def _depends_on_others(net: _Kernels, seen: np.ndarray, before: int) -> bool:
    """Whether a unit changes with pixels that it has no gradient from."""
    pictures = np.array(_picture(net.rng, net.feed, SAMPLES))
    pictures[:, seen] = pictures[:1, seen]
    with net.cut():
        maps = _map_of(net.model(keras.ops.convert_to_tensor(pictures), training=False))
    values = keras.ops.convert_to_numpy(_unit(maps, before))
    return bool(np.ptp(values, axis=0).max() > 1e-4 * np.abs(values).max())
