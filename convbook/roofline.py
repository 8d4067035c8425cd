"""What bounds the time of a layer: the machine's arithmetic, or how fast it moves numbers.

A layer that does m multiplications and has to move b bytes between memory and processor takes at
least m / peak and at least b / bandwidth seconds, whichever is longer. Over the ratio m / b, the
layer's *arithmetic intensity*, the best possible rate is a roof: a slope, then a level. Source:
Williams, Waterman and Patterson 2009, "Roofline", Communications of the ACM 52(4).

Multiplications are counted as in :mod:`convbook.counting`: one goes with one addition. Bytes are
the least there can be: input read once, weights read once, output written once. Caches can make a
layer faster than the slope of main memory says, and nothing forces a library to move so little.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from convbook.counting import count_multiplications

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Machine:
    """What a machine can do at best.

    Attributes:
        peak: multiplications a second, each with an addition.
        bandwidth: bytes a second between memory and processor.
    """

    peak: float
    bandwidth: float

    @property
    def ridge(self) -> float:
        """Multiplications per byte from which on arithmetic, not memory, is the limit."""
        return self.peak / self.bandwidth

    def roof(self, intensity: float) -> float:
        """Multiplications a second that the machine allows at so many per byte."""
        return min(self.peak, self.bandwidth * intensity)

    def seconds(self, *works: Work) -> float:
        """Seconds that layers must take at the least, one after the other."""
        return sum(max(w.multiplications / self.peak, w.bytes / self.bandwidth) for w in works)


@dataclass(frozen=True)
class Work:
    """What a layer has to do for a batch of pictures.

    Attributes:
        name: of the layer.
        kind: its class, such as "Conv2D".
        multiplications: for the whole batch.
        bytes: read and written at the least: inputs, weights and outputs once each.
    """

    name: str
    kind: str
    multiplications: int
    bytes: int

    @property
    def intensity(self) -> float:
        """Multiplications per byte moved."""
        return self.multiplications / self.bytes


@dataclass(frozen=True)
class Timing(Work):
    """A layer's work, and the seconds it took: those of the quickest run."""

    seconds: float

    @property
    def rate(self) -> float:
        """Multiplications a second."""
        return self.multiplications / self.seconds


def quickest(run: Callable[[], Any], repeats: int = 5, least: float = 0.01) -> float:
    """Return the seconds of one call of ``run``, in the quickest of several rounds.

    Whatever else the machine does can only add to a time, so that the shortest is nearest to the
    truth. A first round warms up: it builds, compiles and allocates.

    Args:
        run: called with nothing; returns a tensor, a nest of tensors, or None.
        repeats: number of rounds.
        least: seconds that a round lasts at the least; quick calls are made many times in it.
    """
    return compare({"": run}, repeats, least)[""]


def compare(
    runs: Mapping[str, Callable[[], Any]], repeats: int = 5, least: float = 0.01
) -> dict[str, float]:
    """Return the seconds of one call of each of ``runs``, by name, as :func:`quickest` does.

    The rounds of all are taken in turn, so that a busy moment of the machine meets all alike: use
    it where a ratio is wanted.
    """
    found = {name: _calls_in_a_round(run, least) for name, run in runs.items()}
    calls = {name: count for name, (count, _) in found.items()}
    if repeats == 1:  # the round by which the calls were counted is it: nothing is run again
        rounds = [{name: seconds for name, (_, seconds) in found.items()}]
    else:
        rounds = [{name: _round(runs[name], calls[name]) for name in runs} for _ in range(repeats)]
    return {name: min(times[name] for times in rounds) / calls[name] for name in runs}


def measure_peak(sides: Sequence[int] = (512, 1024, 2048), repeats: int = 5) -> float:
    """Return multiplications a second of the quickest product of two square float32 matrices.

    Args:
        sides: rows of the matrices that are tried. An accelerator needs larger ones: (8192,).
        repeats: as in :func:`quickest`.
    """
    runs = {str(side): partial(_square, _random((side, side))) for side in sides}
    return max(int(side) ** 3 / seconds for side, seconds in compare(runs, repeats).items())


def measure_bandwidth(megabytes: float = 256, repeats: int = 5) -> float:
    """Return bytes a second at which an array is read, or read and written, whichever is more.

    Summing it reads every byte; adding one to it reads every byte and writes as many.

    Args:
        megabytes: size of the array, in 2^20 bytes. What fits into a cache is read from there, and
            faster; 256 is more than the caches near a processor hold.
        repeats: as in :func:`quickest`.
    """
    array = _random((int(megabytes * 2**18),))
    seconds = compare({"read": lambda: ops.sum(array), "both": lambda: array + 1.0}, repeats)
    size = 4 * array.shape[0]
    return max(size / seconds["read"], 2 * size / seconds["both"])


def measure_machine(
    sides: Sequence[int] = (512, 1024, 2048), megabytes: float = 256, repeats: int = 5
) -> Machine:
    """Return what this machine can do through Keras's backend; arguments as above. Seconds."""
    return Machine(measure_peak(sides, repeats), measure_bandwidth(megabytes, repeats))


def work_of(layer: keras.layers.Layer, *input_shapes: Shape, batch: int = 1) -> Work:
    """Return what a layer, or a whole model taken as one, has to do for ``batch`` pictures.

    Args:
        layer: built or not.
        input_shapes: shape of each input, without the batch.
        batch: number of pictures.
    """
    inputs = [keras.KerasTensor((batch, *shape), layer.compute_dtype) for shape in input_shapes]
    fed = inputs if len(inputs) > 1 else inputs[0]
    multiplications = batch * count_multiplications(_one_input(layer, len(inputs)), *input_shapes)
    outputs = keras.tree.flatten(layer.compute_output_spec(fed))
    moved = sum(_bytes(tensor) for tensor in [*inputs, *outputs, *layer.weights])
    return Work(layer.name, type(layer).__name__, multiplications, moved)


def time_call(repeats: int = 5) -> float:
    """Return the seconds that it takes to call a layer, whatever it computes.

    Measured with a 1x1 convolution of one channel on a picture of one pixel. Each timing of a layer
    that is called by itself holds this much; to a quick layer it can be most of it.

    Args:
        repeats: as in :func:`quickest`.
    """
    layer, pixel = keras.layers.Conv2D(1, 1, use_bias=False), _random((1, 1, 1, 1))
    return quickest(lambda: layer(pixel, training=False), repeats)


def time_layer(
    layer: keras.layers.Layer, *input_shapes: Shape, batch: int = 1, repeats: int = 5
) -> Timing:
    """Return a layer's work and its time on random pictures, in inference mode.

    The layer is called by itself, so that its activation and bias count, and what a compiler would
    fuse across layers does not. Arguments as in :func:`work_of` and :func:`quickest`.
    """
    inputs = [_random((batch, *shape)) for shape in input_shapes]
    fed = inputs if len(inputs) > 1 else inputs[0]
    seconds = quickest(lambda: layer(fed, training=False), repeats)
    work = work_of(layer, *input_shapes, batch=batch)
    return Timing(work.name, work.kind, work.multiplications, work.bytes, seconds)


def time_layers(
    model: keras.Model,
    batch: int = 1,
    repeats: int = 5,
    keep: Callable[[keras.layers.Layer], bool] | None = None,
    call: float = 0.0,
) -> list[Timing]:
    """Return the timing of every layer of a functional model that computes something, in order.

    Layers are made anew from their configurations with random weights, one at a time: a model whose
    weights have no room (``counting.blueprint``) will do. Layers of equal configuration and input
    are timed once. Left out are inputs, and layers that do nothing at inference, such as dropout.

    Args:
        model: functional or sequential; each layer is used once, on inputs of known size.
        batch: number of pictures.
        repeats: as in :func:`quickest`.
        keep: says of a layer whether it is timed; left out, all are.
        call: seconds taken off each layer's time, such as what :func:`time_call` gives. A tenth of
            the time stays: a layer that is hardly longer than a call is not said to take none.
    """
    known: dict[str, float] = {}
    timings = []
    for layer in model.layers:
        if type(layer).__name__ in _IDLE or (keep is not None and not keep(layer)):
            continue
        shapes = _shapes_into(layer)
        config = {key: value for key, value in layer.get_config().items() if key != "name"}
        same = repr((type(layer).__name__, config, shapes))
        work = work_of(layer, *shapes, batch=batch)
        if same not in known:
            fresh = type(layer).from_config(layer.get_config())
            seconds = time_layer(fresh, *shapes, batch=batch, repeats=repeats).seconds
            known[same] = max(seconds - call, seconds / 10)
        parts = (work.name, work.kind, work.multiplications, work.bytes)
        timings.append(Timing(*parts, known[same]))
    return timings


_IDLE = frozenset({"InputLayer", "Dropout", "SpatialDropout2D", "Flatten", "Reshape", "Identity"})


def _square(matrix: Any) -> Any:
    return ops.matmul(matrix, matrix)


def _shapes_into(layer: keras.layers.Layer) -> list[Shape]:
    if len(layer._inbound_nodes) != 1:
        raise ValueError(f"Layer {layer.name} is used more than once; time it by itself.")
    shapes = [tuple(tensor.shape[1:]) for tensor in keras.tree.flatten(layer.input)]
    if any(None in shape for shape in shapes):
        raise ValueError(f"Layer {layer.name} takes inputs of any size; build the net with one.")
    return shapes


def _one_input(layer: keras.layers.Layer, inputs: int) -> Callable[..., Any]:
    """What `counting` can call with one argument for each input."""
    return layer if inputs == 1 else lambda *tensors: layer(list(tensors))


def _bytes(tensor: Any) -> int:
    size = np.dtype("uint8" if tensor.dtype == "bool" else tensor.dtype).itemsize
    return math.prod(tensor.shape) * size


def _random(shape: Shape) -> Any:
    """A float32 tensor of random numbers, the same each time."""
    numbers = np.random.default_rng(0).standard_normal(shape, dtype="float32")
    return ops.convert_to_tensor(numbers)


def _calls_in_a_round(run: Callable[[], Any], least: float) -> tuple[int, float]:
    """How many calls take so long, and the seconds that they took; one goes before, to warm up."""
    _finish(run())
    calls = 1
    while (seconds := _round(run, calls)) < least:
        calls = max(2 * calls, math.ceil(calls * least / seconds))
    return calls, seconds


def _round(run: Callable[[], Any], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        result = run()
    _finish(result)
    return time.perf_counter() - start


def _finish(result: Any) -> None:
    """Wait for a result: some backends hand it out before it is computed."""
    for tensor in keras.tree.flatten(result):
        if hasattr(tensor, "block_until_ready"):  # JAX
            tensor.block_until_ready()
        elif hasattr(tensor, "dtype") and _on_accelerator(tensor):
            ops.convert_to_numpy(ops.ravel(tensor)[:1])


def _on_accelerator(tensor: Any) -> bool:
    return "cpu" not in str(getattr(tensor, "device", "cpu")).lower()
