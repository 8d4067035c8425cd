"""Gradients of a network's weights on each of Keras's three backends.

Keras 3 has no gradient of its own that works everywhere, so each backend gets one small function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import keras
import numpy as np

from autograder.data.values import ALIGNMENT
from autograder.probing.direct import can_note, convolved, noted
from autograder.probing.trace import patched

# What is read of the outputs of whatever is called like the model, which is called once, and the
# factors with which the loss is the sum of all of it.
TermsOf = Callable[[Callable[..., Any]], tuple[list[Any], list[np.ndarray]]]
Project = Callable[[int, np.ndarray], np.ndarray]


def projected_gradients(
    model: keras.Model,
    terms_of: TermsOf,
    wanted: Sequence[int],
    project: Project,
    at_once: bool = False,
) -> list[np.ndarray]:
    """`project(place, gradient)` for the gradient of the loss in each wanted weight.

    `wanted` are places among the trainable variables, `project` gives numbers that are linear in
    the gradient. A variable that does not reach the loss has a gradient of zeros. The moving
    statistics are afterwards those of one call. `at_once`, which is faster, keeps all gradients
    until the last is known, and takes the model for a graph of Keras's own layers. Raises
    NotImplementedError on an unknown backend.
    """
    backend = keras.backend.backend()
    if at_once and backend == "tensorflow":
        gradients = _all_at_once(model, terms_of, wanted)
        return [project(i, slope) for i, slope in zip(wanted, gradients, strict=True)]
    functions = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
    if backend not in functions:
        raise NotImplementedError(f"answers cannot be checked on the Keras backend {backend!r}")
    return functions[backend](model, terms_of, wanted, project)


def input_gradient(terms_of: Callable[[Any], tuple[Any, np.ndarray]], x: Any) -> np.ndarray:
    """The gradient in one tensor of what is computed of it, times factors; of the shape of `x`.

    `terms_of(x)` gives a tensor, and the factors of its numbers in the sum that is looked at.
    """
    backend = keras.backend.backend()
    x = keras.ops.convert_to_tensor(x, "float32")
    if backend == "tensorflow":
        import tensorflow as tf

        with _tape_of_tensors() as tape:
            tape.watch(x)
            output, factors = terms_of(x)
        [gradient] = _pulled(tape, [output], [factors], [x])
        return tf.convert_to_tensor(gradient).numpy()

    def loss(x: Any) -> Any:
        output, factors = terms_of(x)
        return _loss([output], [factors])

    if backend == "jax":
        import jax

        return np.asarray(jax.grad(loss)(x))
    import torch

    with torch.enable_grad():
        x = x.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(loss(x), x, allow_unused=True)
    return np.zeros(tuple(x.shape), "float32") if gradient is None else gradient.cpu().numpy()


def tensor_of(array: np.ndarray) -> Any:
    """A tensor over the memory of `array`, which nobody else may write to; a copy where need be.

    Keras's own `convert_to_tensor` copies, and a copy of a large net's weights is most of what a
    process that grades it needs.
    """
    fits = array.flags.c_contiguous and array.flags.writeable and array.ctypes.data % ALIGNMENT == 0
    if keras.backend.backend() == "tensorflow" and fits and array.size:
        import tensorflow as tf

        return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
    return keras.ops.convert_to_tensor(array)


@contextmanager
def sound_convolutions() -> Iterator[None]:
    """Do two convolutions otherwise that TensorFlow does badly on a CPU.

    A grouped one is done as one for each group, side by side: Keras compiles it with XLA, since
    TensorFlow has no gradient of it, and does so anew at every call, a third of a second for a
    small one. A 1x1 one with a stride is done on the pixels that it reads: the input gradient of
    TensorFlow 2.21, with oneDNN, writes past its memory where a side of a small map is even.
    """
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf
    from keras.src.backend.tensorflow import nn

    with ExitStack() as stack:
        stack.enter_context(patched(nn, "conv", _in_groups(nn.conv)))
        for name in ("conv2d", "convolution"):
            stack.enter_context(patched(tf.nn, name, _on_what_it_reads(getattr(tf.nn, name))))
        yield


def _in_groups(whole: Callable[..., Any]) -> Callable[..., Any]:
    import tensorflow as tf

    def conv(
        inputs: Any,
        kernel: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
    ) -> Any:
        options = (strides, padding, data_format, dilation_rate)
        kernel = tf.convert_to_tensor(kernel)
        groups = _groups(inputs.shape, kernel.shape, data_format)
        if groups == 1:
            return convolved(whole, inputs, kernel, *options)
        pairs = zip(tf.split(inputs, groups, -1), tf.split(kernel, groups, -1), strict=True)
        return tf.concat([convolved(whole, x, part, *options) for x, part in pairs], axis=-1)

    return conv


def _on_what_it_reads(whole: Callable[..., Any]) -> Callable[..., Any]:
    def conv(input: Any, filters: Any, strides: Any = 1, *arguments: Any, **options: Any) -> Any:
        steps = tuple(strides) if isinstance(strides, list | tuple) else (strides,)
        steps = steps[1:3] if len(steps) == 4 else steps * (2 // len(steps))
        last = "NC" not in str(options.get("data_format", arguments[1:2]))
        kernel = tuple(getattr(filters, "shape", ()))
        pointwise = len(kernel) == 4 and kernel[:2] == (1, 1) and len(steps) == 2
        if pointwise and last and steps != (1, 1):
            input, strides = input[:, :: steps[0], :: steps[1]], 1
        return whole(input, filters, strides, *arguments, **options)

    return conv


def _groups(inputs: Sequence, kernel: Sequence, data_format: str | None) -> int:
    """How many groups a convolution has; 1 also where Keras shall see to it, or complain."""
    channels, each, filters = inputs[-1], kernel[-2], kernel[-1]
    last = (data_format or keras.config.image_data_format()) == "channels_last"
    if not last or not channels or channels % each or filters % (channels // each):
        return 1
    return channels // each


def _tensorflow(
    model: keras.Model, terms_of: TermsOf, wanted: Sequence[int], project: Project
) -> list[np.ndarray]:
    """Each gradient is projected, and dropped, as soon as it is known.

    All of them together would need as much memory as the net.
    """
    found = _projected_on_the_way(model, terms_of, wanted, project) if can_note() else {}
    missed = [i for i in wanted if i not in found]
    if missed:  # idle, or read in a way that Keras does not see, such as inside tf.function
        after = [keras.ops.convert_to_numpy(v) for v in model.non_trainable_variables]
        gradients = _all_at_once(model, terms_of, missed)
        for variable, value in zip(model.non_trainable_variables, after, strict=True):
            variable.assign(value)  # no second step of training
        found |= {i: project(i, slope) for i, slope in zip(missed, gradients, strict=True)}
    return [found[i] for i in wanted]


def _projected_on_the_way(
    model: keras.Model, terms_of: TermsOf, wanted: Sequence[int], project: Project
) -> dict[int, np.ndarray]:
    import tensorflow as tf

    found: dict[int, np.ndarray] = {}

    def listened_to(place: int, value: Any) -> Any:
        def hear(gradient: Any) -> list[Any]:
            found[place] = found.get(place, 0.0) + project(place, gradient.numpy())
            return [tf.zeros(())]

        return noted("Heard", lambda: tf.identity(value), [origin], hear)

    with _tape_of_tensors() as tape:
        origin = tf.zeros(())
        tape.watch(origin)
        every = model.trainable_variables
        chosen = [every[i] for i in wanted]
        heard = [
            (variable, listened_to(place, tf.convert_to_tensor(variable.value)))
            for place, variable in zip(wanted, chosen, strict=True)
        ]
        with keras.StatelessScope(state_mapping=heard) as scope:
            outputs, factors = terms_of(model)
    for variable in model.non_trainable_variables:
        new = scope.get_current_value(variable)
        if new is not None:
            variable.assign(new)
    _pulled(tape, outputs, factors, [origin])
    return found


def _all_at_once(model: keras.Model, terms_of: TermsOf, wanted: Sequence[int]) -> list[np.ndarray]:
    import tensorflow as tf

    every = model.trainable_variables
    variables = [every[i].value for i in wanted]
    with _tape_of_tensors() as tape:
        tape.watch(variables)
        outputs, factors = terms_of(model)
    gradients = _pulled(tape, outputs, factors, variables)
    return [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]


def _pulled(tape: Any, outputs: list[Any], factors: list[np.ndarray], sources: list[Any]) -> Any:
    """The gradients of a sum of outputs, each times its factors."""
    slopes = [tensor_of(factor) for factor in factors]
    options = {"output_gradients": slopes, "unconnected_gradients": "zero"}
    return tape.gradient(outputs, sources, **options)


_ours: list[Any] = []  # the tapes of this module that are running


@contextmanager
def _tape_of_tensors() -> Iterator[Any]:
    """A tape that records what is done with tensors it is told to watch, and no variables."""
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        _ours.append(tape)
        try:
            yield tape
        finally:
            _ours.pop()


def seen_by_tapes() -> Callable[[], bool] | None:
    """What tells whether another tape than this module's is running; None where TensorFlow cannot.

    Such a tape watches each variable whose value is read.
    """
    try:
        from tensorflow.python.eager.record import could_possibly_record
    except ImportError:
        return None
    return lambda: not _ours and could_possibly_record()


def _jax(
    model: keras.Model, terms_of: TermsOf, wanted: Sequence[int], project: Project
) -> list[np.ndarray]:
    import jax

    terms_of(model)  # the moving statistics, which the call below leaves alone
    fixed = [variable.value for variable in model.non_trainable_variables]
    every = [variable.value for variable in model.trainable_variables]

    def loss_with(chosen: list[Any]) -> Any:
        trainable = list(every)
        for i, value in zip(wanted, chosen, strict=True):
            trainable[i] = value

        def call(x: Any, **how: Any) -> Any:
            return model.stateless_call(trainable, fixed, x, **how)[0]

        return _loss(*terms_of(call))

    gradients = jax.grad(loss_with)([every[i] for i in wanted]) if wanted else []
    return [project(i, np.asarray(slope)) for i, slope in zip(wanted, gradients, strict=True)]


def _torch(
    model: keras.Model, terms_of: TermsOf, wanted: Sequence[int], project: Project
) -> list[np.ndarray]:
    import torch

    every = model.trainable_variables
    variables = [every[i].value for i in wanted]
    with torch.enable_grad():
        loss = _loss(*terms_of(model))
        gradients = torch.autograd.grad(loss, variables, allow_unused=True) if variables else ()
    slopes = [
        np.zeros(tuple(variable.shape), "float32") if gradient is None else gradient.cpu().numpy()
        for variable, gradient in zip(variables, gradients, strict=True)
    ]
    return [project(i, slope) for i, slope in zip(wanted, slopes, strict=True)]


def _loss(outputs: list[Any], factors: list[np.ndarray]) -> Any:
    """The sum of outputs, each times its factors."""
    ops, pairs = keras.ops, zip(outputs, factors, strict=True)
    return sum(ops.sum(ops.multiply(output, factor)) for output, factor in pairs)
