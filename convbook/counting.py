"""What a net costs: parameters, and multiplications counted by tracing it.

Counted are the multiplications of convolutions and matrix products, for one picture, as if every
kernel position met a value (zeros of a padding are multiplied too). Not counted: additions, biases,
normalisation, activations and pooling. One multiplication here goes with one addition, so that what
some papers call FLOPs is this number and what others call FLOPs is twice it.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras

# Layers, keras.ops and functional graphs all end in the functions of Keras's backend, whatever the
# style of a net: the only place where nothing can be missed. Keras has no public name for it.
from keras.src import backend
from keras.src.backend.common import global_state


@dataclass(frozen=True)
class Step:
    """One layer's part in a pass through a net.

    Attributes:
        name: the layer's name.
        kind: its class, such as "Conv2D".
        shape: of its output, without the batch; None if it returns several tensors.
        parameters: its trainable parameters, 0 where an earlier step has used the same layer.
        multiplications: those it did itself, its inner layers' left out.
    """

    name: str
    kind: str
    shape: tuple[int, ...] | None
    parameters: int
    multiplications: int


def trace(net: Callable[..., Any], *input_shapes: tuple[int, ...]) -> list[Step]:
    """Return what each layer of a net does, in the order of the calls; computes shapes only.

    Args:
        net: a Keras model or layer (functional, sequential, subclassed, nested), or a function of
            tensors.
        input_shapes: shape of each input, without the batch; left out, those the model has.

    Returns:
        A step for every layer that holds no other layer, and for every other one (the model itself
        included) that multiplies outside its inner layers.

    Raises:
        ValueError: if the input shapes are not known, or not whole numbers.
    """
    inputs = [keras.KerasTensor((1, *shape)) for shape in input_shapes or _input_shapes(net)]
    tracer = _Tracer()

    def run(*tensors: Any) -> Any:
        tracer.start()
        return net(*tensors) if len(tensors) == 1 or not _takes_list(net) else net(list(tensors))

    if not getattr(net, "inputs", None):
        backend.compute_output_spec(run, *inputs)  # builds what is not built yet, unheard
    with tracer.watching():
        backend.compute_output_spec(run, *inputs)
    return tracer.steps


def count_multiplications(net: Callable[..., Any], *input_shapes: tuple[int, ...]) -> int:
    """Return the multiplications of one pass of one picture; arguments as in :func:`trace`."""
    return sum(step.multiplications for step in trace(net, *input_shapes))


def count_parameters(net: keras.layers.Layer, trainable: bool = True) -> int:
    """Return the number of trainable parameters of a built model or layer.

    With ``trainable=False`` all are counted, the moving statistics of normalisations too, which is
    what ``model.count_params()`` does.
    """
    weights = net.trainable_weights if trainable else net.weights
    return sum(math.prod(weight.shape) for weight in weights)


def blueprint(build: Callable[..., keras.Model], *args: Any, **options: Any) -> keras.Model:
    """Return ``build(*args, **options)`` without room for its weights.

    Made in a moment whatever its size; good for shapes, counts and drawings, not for computing.
    """
    pending = list(global_state.get_global_attribute("uninitialized_variables") or [])
    try:
        with keras.StatelessScope(initialize_variables=False):
            return build(*args, **options)
    finally:
        # Otherwise Keras would allocate the variables when the next scope ends.
        global_state.set_global_attribute("uninitialized_variables", pending)


def _input_shapes(net: Any) -> list[tuple[int, ...]]:
    tensors = getattr(net, "inputs", None)
    if not tensors:
        raise ValueError("This net does not know its input's shape yet; give it, as (224, 224, 3).")
    shapes = [tuple(tensor.shape[1:]) for tensor in tensors]
    if any(None in shape for shape in shapes):
        raise ValueError(
            f"The net takes inputs of any size ({shapes}); give one, as (224, 224, 3)."
        )
    return shapes


def _takes_list(net: Any) -> bool:
    return len(getattr(net, "inputs", None) or []) > 1


class _Tracer:
    """Listens to layers and to the backend's multiplying functions during one symbolic pass."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Forget what was heard: a backend may run a function twice to find its shapes."""
        self.steps: list[Step] = []
        self._counts: list[int] = [0]  # one number for each layer being called, and one for none
        self._inner: list[bool] = [True]
        self._seen: set[int] = set()
        self._inside = False

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        call = keras.layers.Layer.__call__
        tracer = self

        def traced_call(layer: keras.layers.Layer, *args: Any, **options: Any) -> Any:
            return tracer._layer(call, layer, args, options)

        def unchanged(x: Any, *args: Any, **options: Any) -> Any:
            return x  # the same shape: to trace what is not counted takes longer than all else

        functions = [(module, name, rule) for module, name, rule in _RULES if hasattr(module, name)]
        normalise = backend.nn.batch_normalization
        originals = [getattr(module, name) for module, name, _ in functions]
        try:
            keras.layers.Layer.__call__ = traced_call
            backend.nn.batch_normalization = unchanged
            for (module, name, rule), original in zip(functions, originals, strict=True):
                setattr(module, name, self._counted(original, rule))
            yield
        finally:
            keras.layers.Layer.__call__ = call
            backend.nn.batch_normalization = normalise
            for (module, name, _), original in zip(functions, originals, strict=True):
                setattr(module, name, original)
        if self._counts[0]:
            self.steps.append(Step("", "function", None, 0, self._counts[0]))

    def _layer(self, call: Any, layer: Any, args: Any, options: Any) -> Any:
        self._inner[-1] = True
        self._counts.append(0)
        self._inner.append(False)
        try:
            outputs = call(layer, *args, **options)
        finally:
            count, has_inner = self._counts.pop(), self._inner.pop()
        if not has_inner or count:
            kind, shape = type(layer).__name__, getattr(outputs, "shape", None)
            sizes = None if shape is None else tuple(shape)[1:]
            self.steps.append(Step(layer.name, kind, sizes, self._parameters(layer), count))
        return outputs

    def _parameters(self, layer: Any) -> int:
        """Trainable parameters of the layer that no earlier step has counted."""
        fresh = [weight for weight in layer.trainable_weights if id(weight) not in self._seen]
        self._seen.update(id(weight) for weight in fresh)
        return sum(math.prod(weight.shape) for weight in fresh)

    def _counted(
        self, function: Callable[..., Any], rule: Callable[..., int]
    ) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            if self._inside:  # a backend may write one of these functions by another
                return function(*args, **options)
            self._inside = True
            try:
                out = function(*args, **options)
            finally:
                self._inside = False
            self._counts[-1] += rule(out, *args, **options)
            return out

        return counted


def _size(tensor: Any) -> int:
    return math.prod(tensor.shape)


def _convolution(out: Any, inputs: Any, kernel: Any, *_: Any, **__: Any) -> int:
    """Every output value is a sum over the kernel: (*sides, channels it sees, filters)."""
    return _size(out) * math.prod(kernel.shape[:-1])


def _depthwise(out: Any, inputs: Any, kernel: Any, *_: Any, **__: Any) -> int:
    """Every output value is a sum over one channel: (*sides, channels, multiplier)."""
    return _size(out) * math.prod(kernel.shape[:-2])


def _separable(out: Any, inputs: Any, depthwise: Any, pointwise: Any, *_: Any, **__: Any) -> int:
    """A depthwise step at the positions of the output, then a 1x1 one from its channels."""
    middle, filters = pointwise.shape[-2:]
    positions = _size(out) // filters
    return positions * middle * (math.prod(depthwise.shape[:-2]) + filters)


def _transposed(out: Any, inputs: Any, kernel: Any, *_: Any, **__: Any) -> int:
    """Every input value is spread over the kernel: (*sides, filters, channels)."""
    return _size(inputs) * math.prod(kernel.shape[:-1])


def _matrix_product(out: Any, first: Any, second: Any) -> int:
    return _size(out) * first.shape[-1]


def _contraction(out: Any, first: Any, second: Any, *_: Any, **__: Any) -> int:
    """An (a, k) by (k, b) product has a k b multiplications: the root of (a k) (k b) (a b)."""
    return math.isqrt(_size(first) * _size(second) * _size(out))


def _einsum(out: Any, subscripts: str, *operands: Any, **_: Any) -> int:
    """One product for every combination of indices, times the operands after the first."""
    left, arrow, result = subscripts.replace(" ", "").partition("->")
    sizes: dict[str, int] = {}
    for term, operand in zip(left.split(","), operands, strict=True):
        front, back = (*term.split("..."), "")[:2]
        shape = tuple(operand.shape)
        sizes.update(zip(front, shape, strict=False))
        sizes.update(zip(back, shape[len(shape) - len(back) :], strict=True))
    kept = result if arrow else "".join(label for label in sizes if left.count(label) == 1)
    summed = math.prod(size for label, size in sizes.items() if label not in kept)
    return _size(out) * summed * (len(operands) - 1)


def _attention(out: Any, query: Any, key: Any, *_: Any, **__: Any) -> int:
    """Scores and weighted sum: (batch, targets, heads, size) against (batch, sources, ...)."""
    return 2 * _size(query) * key.shape[1]


_RULES: list[tuple[Any, str, Callable[..., int]]] = [
    (backend.nn, "conv", _convolution),
    (backend.nn, "depthwise_conv", _depthwise),
    (backend.nn, "separable_conv", _separable),
    (backend.nn, "conv_transpose", _transposed),
    (backend.nn, "dot_product_attention", _attention),
    (backend.numpy, "matmul", _matrix_product),
    (backend.numpy, "einsum", _einsum),
    (backend.numpy, "tensordot", _contraction),
    (backend.numpy, "dot", _contraction),
    (backend.numpy, "inner", _contraction),
    (backend.numpy, "vdot", _contraction),
]
