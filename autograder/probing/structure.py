"""Facts on a convolutional net, for tasks with many right answers.

Everything is found out by running the net, on values chosen for it, and not from its layers' names:
what an output unit sees is the support of a gradient that cannot cancel (`field`), and what else
mixes positions shows when every 3x3 kernel is cut down to one weight (`kernels`). `facts` gives

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

import math
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from autograder.probing.calling import Called
from autograder.probing.field import (
    Feed,
    NotAMap,
    corner_field,
    extent,
    field_of,
    is_inside,
    map_of,
    no_dead_units,
    picture,
    unit_of,
)
from autograder.probing.kernels import (
    CENTRE,
    SIDE,
    Drawn,
    Kernels,
    Steps,
    is_kernel,
    one_weight_each,
    steps_of,
)
from autograder.probing.quick import fast_calls
from autograder.probing.trace import describe, recording

SAMPLES = 4
MOST_KERNELS = 8  # how many the sum of their steps is made for
GLANCED = ("output", "kernels", "convolutions", "field", "holes")
MIXERS = ("Pool", "Attention", "Resiz", "UpSampling", "GroupNormalization")
# What Keras's own layers and operations do that leave each position alone, or are looked at.
HARMLESS = re.compile(
    "Conv|Dense|BatchNorm|LayerNorm|RMSNorm|Dropout|Noise|Cropping|Pad|Input|Activation|Identity|"
    "ReLU|Relu|LU$|Sigmoid|Tanh|Soft(plus|sign)|Add|Subtract|Multiply|Divide|Minimum|Maximum|"
    "Average$|Concatenate|GetItem|Lambda|Rescaling|Sqrt|Square|Exp$|Log|Abs|Clip|Negative|Cast|"
    "Functional|Sequential|Split|Stack|Power|True"
)
MOST_NAMES = 3
NAMELESS = "something whose name is not known"


def facts(
    model: keras.Model, feeds: tuple[Feed, ...], seed: int, glance: bool = False
) -> dict[str, Any]:
    """Note the facts.

    `feeds` are growing input shapes: the first is taken in which the field of the middle output
    unit lies inside the picture. At a `glance` they are those in GLANCED, for a tenth of the time.

    Raises what the model raises where it can be called on none of them.
    """
    rng = np.random.default_rng(seed)
    model = Called(model)
    with fast_calls(), no_dead_units():
        try:
            calls = _calls_of(model, feeds, rng)
        except NotAMap as reason:
            return {"output": str(reason)}
        kernels = _fill(model, rng)
        counts = {
            "output": "a map",
            "kernels": _other_kernels(model),
            "convolutions": max(calls.convolutions, len(kernels)),
        }
        if not glance:
            return {**counts, **_closer_look(model, kernels, feeds, calls, rng)}
        if counts["kernels"]:
            return counts  # wrong as it is, and the gradient of a large kernel takes long
        return {**counts, **_look(model, feeds[:2], rng, calls, hasty=True).size()}


def _closer_look(
    model: keras.Model,
    kernels: Drawn,
    feeds: tuple[Feed, ...],
    calls: _Calls,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """What mixes positions, what a unit sees, and how the kernels add up to that."""
    if _sees_everything(model, kernels, feeds, rng):
        return {"mixers": _names(calls)}  # attention on a large picture fills memory
    seen = _look(model, feeds, rng, calls)
    net = Kernels(model, kernels, seen.feed, rng)
    mixers = _mixers(net, seen, calls)
    used, steps = max(calls.convolutions, len(kernels)), Steps()
    if not mixers:  # else what a kernel sees does not tell how often it is used
        uses = [calls.known[id(v)] or net.uses(n) for n, (v, _) in enumerate(kernels)]
        steps = steps_of(net, uses, seen.field) if len(kernels) <= MOST_KERNELS else steps
        used = max(used, sum(uses), len(steps.jumps))
    return {"convolutions": used, "mixers": mixers, **seen.size(), "steps": steps.facts()}


# What is called


class _Calls:
    """Counts 3x3 convolutions and names layers that are known to mix positions.

    `dilation` is how far apart neighbouring taps of a dilated kernel lie, in pixels of the feed, or
    a little more.
    """

    symbolic = False

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.convolutions = 0
        self.known: Counter[int] = Counter()  # calls, by the weights of Keras's own convolutions
        self.mixers: list[str] = []
        self.doubtful: list[str] = []
        self.dilation = 1

    def fail(self, operation: keras.Operation, args: Any, kwargs: Any) -> None:
        """A call that fails counts for nothing."""

    def add(
        self, operation: keras.Operation, args: Any, kwargs: Any, outputs: Any, heard: Any
    ) -> None:
        """See one call of a layer or operation."""
        name = type(operation).__name__
        enlarges = "Transpose" in name and set(getattr(operation, "strides", (1,))) != {1}
        if enlarges or any(word in name for word in MIXERS):
            self.mixers.append(describe(operation))
        elif not (type(operation).__module__.startswith("keras") and HARMLESS.search(name)):
            self.doubtful.append(f"`{name}`")
        if getattr(operation, "kernel_size", None) == (SIDE, SIDE):
            self.convolutions += 1
            self.known.update(id(variable) for variable in operation.weights)
        self._note_dilation(operation, args)

    def _note_dilation(self, operation: keras.Operation, args: Any) -> None:
        rates = np.atleast_1d(getattr(operation, "dilation_rate", 1)).tolist()
        maps = [x for x in keras.tree.flatten(args) if len(getattr(x, "shape", ())) == 4]
        for x in maps[:1]:
            scale = max(self.feed[axis] / max(1, x.shape[axis + 1]) for axis in (0, 1))
            apart = [math.ceil(rate * scale) for rate in rates if isinstance(rate, int)]
            self.dilation = max([self.dilation, *(n for n in apart if max(rates) > 1)])


def _calls_of(model: keras.Model, feeds: tuple[Feed, ...], rng: np.random.Generator) -> _Calls:
    """The layers called in one run, on the smallest feed that gives an output."""
    for feed in feeds:
        calls, x = _Calls(feed), picture(rng, feed)
        try:
            if not getattr(model, "outputs", None):
                model(x, training=False)  # a subclassed model makes its weights at the first call
            map_of(_recorded(model, x, calls))
            break
        except NotAMap:
            raise
        except Exception:  # windows without padding may need a larger picture
            if feed == feeds[-1]:
                raise
    return calls


def _recorded(model: Called, x: Any, calls: _Calls) -> Any:
    """What a model gives, its calls noted."""
    if model.takes_steps(x):
        assert model.steps is not None
        found = _Calls(calls.feed)
        with suppress(Exception):  # it fails, and Keras says why
            given = model.steps([x], False, found)
            vars(calls).update(vars(found))
            return given
    with recording(calls):
        return model.model(x, training=False)


def _other_kernels(model: keras.Model) -> list[str]:
    """The sizes of kernels that are neither 3x3 nor 1x1."""
    shapes = [tuple(v.shape) for v in model.variables if len(v.shape) >= 4]
    others = {s[:-2] for s in shapes if not is_kernel(s) and math.prod(s[:-2]) > 1}
    return sorted("x".join(map(str, side)) for side in others)


def _fill(model: keras.Model, rng: np.random.Generator) -> Drawn:
    """Give every weight positive values, so that no two paths cancel; return the 3x3 kernels."""
    kernels = []
    statistics = {id(v) for v in model.non_trainable_variables}
    for variable in model.variables:
        shape = tuple(variable.shape)
        if not keras.backend.is_float_dtype(variable.dtype):
            continue
        if sum(side > 1 for side in shape) <= 1 and not is_kernel(shape):
            if id(variable) not in statistics:
                variable.assign(rng.uniform(0.1, 0.3, shape).astype("float32"))
            continue
        drawn = rng.uniform(0.5, 1.5, shape) / max(1, math.prod(shape[:-1]))
        variable.assign(drawn.astype("float32"))
        if is_kernel(shape):
            kernels.append((variable, drawn.astype("float32")))
    return kernels


# What is seen


@dataclass(frozen=True)
class _Seen:
    """What the output unit in the middle of a map sees, and in which picture.

    `inside`: all of it lies in the picture. `edges_see_more`: a unit in the corner sees farther.
    """

    field: np.ndarray
    feed: Feed
    inside: bool
    edges_see_more: bool = False

    def size(self) -> dict[str, Any]:
        """The facts on the field's size."""
        height, width = extent(self.field)
        return {
            "field": [height, width] if self.inside else f"at least {height} x {width}",
            "holes": height * width - int(self.field.sum()),
        }


def _look(
    model: keras.Model,
    feeds: Sequence[Feed],
    rng: np.random.Generator,
    calls: _Calls,
    hasty: bool = False,
) -> _Seen:
    """What is seen in the first picture that is large enough for all of it.

    Weights so far apart that all but the middle one lie outside a picture do not show there: in the
    corner, one of them lies inside, so that edges that see more call for a larger picture. One who
    is `hasty` looks at no corner, and at no larger picture where a unit sees all of a small one.
    """
    found, problem = list[_Seen](), None
    for feed in feeds:
        try:
            here = calls if feed == calls.feed else _calls_of(model, (feed,), rng)
            wide_enough = here.dilation < min(feed[:2]) // 2
            if not wide_enough and feed != feeds[-1]:
                continue
            field = field_of(model, feed, rng)
        except Exception as error:  # the net needs a larger picture
            problem = error
            continue
        inside = is_inside(field) and wide_enough
        more = inside and not hasty and _edges_see_more(model, field, feed, rng)
        found.append(_Seen(field, feed, inside, more))
        if (inside and not more) or (hasty and field.all()):
            return found[-1]
    if not found:
        assert problem is not None
        raise problem
    return next((seen for seen in found if seen.inside), found[-1])


def _edges_see_more(
    model: keras.Model, field: np.ndarray, feed: Feed, rng: np.random.Generator
) -> bool:
    if not field.any():
        return False
    corner = extent(corner_field(model, feed, rng))
    return any(a > b for a, b in zip(corner, extent(field), strict=True))


def _sees_everything(
    model: keras.Model, kernels: Drawn, feeds: tuple[Feed, ...], rng: np.random.Generator
) -> bool:
    """Whether a unit depends on the whole picture even where each kernel has its centre only."""
    with one_weight_each(kernels, dict.fromkeys(range(len(kernels)), CENTRE)):
        for feed in feeds:
            # where a larger picture is needed, `_look` says so if none helps
            with suppress(Exception):
                return bool(field_of(model, feed, rng).all())
    return False


# What mixes positions


def _mixers(net: Kernels, seen: _Seen, calls: _Calls) -> list[str]:
    """What lets positions mix apart from the 3x3 kernels.

    With one weight of each, an output unit must depend on one pixel and on no other; so must
    its neighbour, lest the unit in the middle be the one that a mirror leaves where it is. A unit
    in the corner must see no farther than it. Where a field does not lie inside the picture, only
    the first is asked.
    """
    enlarging = [name for name in calls.mixers if "Transpose" in name]
    if not seen.field.any():
        return enlarging
    for before in (0, 1) if seen.inside else (0,):
        pixels = net.seen_with_one_weight_each(before)
        if pixels.sum() > 1 or (pixels.any() and _depends_on_others(net, pixels, before)):
            return _names(calls)
    return _names(calls) if seen.edges_see_more else enlarging


def _depends_on_others(net: Kernels, seen: np.ndarray, before: int) -> bool:
    """Whether a unit changes with pixels that it has no gradient from."""
    pictures = np.array(picture(net.rng, net.feed, SAMPLES))
    pictures[:, seen] = pictures[:1, seen]
    with net.cut():
        maps = map_of(net.model(keras.ops.convert_to_tensor(pictures), training=False))
    values = keras.ops.convert_to_numpy(unit_of(maps, before))
    return bool(np.ptp(values, axis=0).max() > 1e-4 * np.abs(values).max())


def _names(calls: _Calls) -> list[str]:
    """What is known to mix positions, or else may."""
    doubtful = list(dict.fromkeys(calls.doubtful))
    named = sorted(set(calls.mixers))
    if named or not doubtful:
        return named or [NAMELESS]
    return ["one of " * (len(doubtful) > 1) + ", ".join(doubtful[:MOST_NAMES])]
