"""Convolutions and batch normalisations in one operation of TensorFlow's each.

Around a convolution of a small map Keras and TensorFlow take ten times as long as it computes:
Keras normalises in a dozen operations, whose gradients are two dozen; TensorFlow spreads a dilated
kernel over batches, since on a CPU it has no gradient of it; and it works out the gradients of a
kernel and of a map where one of them is asked for. What is given here are the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial
from types import ModuleType
from typing import Any

import keras
import numpy as np

# As they are before a student's code has run, in a process that grades.
CONVOLUTION, NORMALISATION = keras.layers.Conv2D, keras.layers.BatchNormalization
STEPS_OF_A_CALL = (
    (CONVOLUTION, "call"),
    (CONVOLUTION, "convolution_op"),
    (NORMALISATION, "call"),
    (keras.ops, "conv"),
    (keras.ops, "batch_normalization"),
)
USUAL = [getattr(owner, name) for owner, name in STEPS_OF_A_CALL]

Direct = Callable[[Any, bool], Any]


def is_usual() -> bool:
    """Whether Keras's own calls of the layers that are done here are as they were."""
    return [getattr(owner, name) for owner, name in STEPS_OF_A_CALL] == USUAL


def direct_call(layer: Any, rank: int) -> Direct | None:
    """What gives the same as a layer's own `call` of a tensor; None where only that can.

    It takes the tensor, of so many axes, and whether the layer trains. The layer is one of Keras's
    own, in float32.
    """
    if not can_note() or rank != 4:
        return None
    if type(layer) is CONVOLUTION:
        plain = layer.groups == 1 and not layer.lora_enabled
        return partial(_convolve, layer) if plain and _is_last(layer) else None
    if type(layer) is NORMALISATION:
        plain = layer.axis in (-1, 3) and not getattr(layer, "renorm", False)
        return partial(_normalise, layer) if plain and not layer.synchronized else None
    return None


def _is_last(layer: Any) -> bool:
    return layer.data_format == "channels_last"


@lru_cache(maxsize=1)
def _record() -> ModuleType | None:
    """TensorFlow's module that notes gradients on tapes; None where it has no such one."""
    try:
        from tensorflow.python.eager import record
    except ImportError:
        return None
    wanted = ("should_record_backprop", "stop_recording", "record_operation")
    return record if all(hasattr(record, name) for name in wanted) else None


def can_note() -> bool:
    """Whether `noted` can be used."""
    return _record() is not None


def noted(name: str, compute: Callable[[], Any], inputs: list[Any], back: Callable) -> Any:
    """What is computed, on the tapes with its gradient: `back(slope)`, a list as the inputs are."""
    record: Any = _record()
    with record.stop_recording():
        given = compute()
    record.record_operation(name, [given], inputs, back)
    return given


def _read(variable: Any) -> Any:
    """The tensor that a variable holds."""
    import tensorflow as tf

    return tf.convert_to_tensor(variable.value)


# Convolutions


def convolved(
    whole: Callable[..., Any],
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """What `whole`, Keras's own convolution, gives for the same."""
    options = (strides, padding, data_format, dilation_rate)
    last = (data_format or keras.config.image_data_format()) == "channels_last"
    if last and padding in ("same", "valid") and _are_plain(inputs, kernel):
        steps, rates = _sides(strides), _sides(dilation_rate)
        if rates == (1, 1) or (steps == (1, 1) and not _is_watched(kernel)):
            try:
                given = _convolved(inputs, kernel, steps, padding.upper(), rates)
            except Exception:
                return whole(inputs, kernel, *options)  # it fails, and Keras says why
            return given if math.prod(given.shape) else whole(inputs, kernel, *options)
    return whole(inputs, kernel, *options)


def _are_plain(*tensors: Any) -> bool:
    """Whether tensors are maps, or kernels of them, with numbers that are known now."""
    import tensorflow as tf

    return bool(
        can_note()
        and tf.executing_eagerly()
        and all(tf.is_tensor(x) and x.dtype == tf.float32 and len(x.shape) == 4 for x in tensors)
    )


def _sides(given: Any) -> tuple[int, int]:
    """Height and width of what may be said once for both."""
    sides = tuple(given) if isinstance(given, list | tuple) else (given,)
    return sides * 2 if len(sides) == 1 else sides  # type: ignore[return-value]


def _is_watched(*tensors: Any) -> bool:
    record: Any = _record()
    return bool(record.should_record_backprop(tensors))


def _convolved(
    x: Any, kernel: Any, steps: tuple[int, int], padding: str, rates: tuple[int, int]
) -> Any:
    import tensorflow as tf

    if tuple(kernel.shape[:2]) == (1, 1) and steps != (1, 1):
        x, steps = x[:, :: steps[0], :: steps[1]], (1, 1)  # see `sound_convolutions`
    options = {"strides": [1, *steps, 1], "padding": padding}
    of_map, of_kernel = _is_watched(x), _is_watched(kernel)

    def compute() -> Any:
        return tf.raw_ops.Conv2D(input=x, filter=kernel, dilations=[1, *rates, 1], **options)

    def back(slope: Any) -> list[Any]:
        found: list[Any] = [None, None]
        if of_map and rates != (1, 1):
            found[0] = _back_through_a_dilated_one(x, kernel, slope, padding, rates)
        elif of_map:
            found[0] = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=list(x.shape), filter=kernel, out_backprop=slope, **options
            )
        if of_kernel:
            found[1] = tf.raw_ops.Conv2DBackpropFilter(
                input=x, filter_sizes=list(kernel.shape), out_backprop=slope, **options
            )
        return found

    return noted("Convolved", compute, [x, kernel], back) if of_map or of_kernel else compute()


def _back_through_a_dilated_one(
    x: Any, kernel: Any, slope: Any, padding: str, rates: tuple[int, int]
) -> Any:
    """The gradient in the map: a convolution with the kernel turned by half a turn."""
    import tensorflow as tf

    turned = np.ascontiguousarray(kernel.numpy()[::-1, ::-1].swapaxes(2, 3))
    edges = []
    for side, rate in zip(kernel.shape[:2], rates, strict=True):
        reach = rate * (side - 1)
        before = reach // 2 if padding == "SAME" else 0
        after = reach - before if padding == "SAME" else 0
        edges += [reach - before, reach - after]
    return tf.raw_ops.Conv2D(
        input=slope,
        filter=turned,
        strides=[1, 1, 1, 1],
        dilations=[1, *rates, 1],
        padding="EXPLICIT",
        explicit_paddings=[0, 0, *edges, 0, 0],
    )


def _convolve(layer: Any, x: Any, training: bool) -> Any:
    """What a convolution's own `call` gives."""
    import tensorflow as tf
    from keras.src.backend.tensorflow import nn

    options = (layer.strides, layer.padding, layer.data_format, layer.dilation_rate)
    given = nn.conv(x, _read(layer.kernel), *options)
    if layer.use_bias:
        given = tf.raw_ops.BiasAdd(value=given, bias=_read(layer.bias))
    return given if layer.activation is None else layer.activation(given)


# Batch normalisations


def _normalise(layer: Any, x: Any, training: bool) -> Any:
    """What a batch normalisation's own `call` gives; in training it moves its statistics."""
    scale = _read(layer.gamma) if layer.scale else _constant(1.0, x.shape[-1])
    offset = _read(layer.beta) if layer.center else _constant(0.0, x.shape[-1])
    if not (training and layer.trainable):
        moving = _read(layer.moving_mean), _read(layer.moving_variance)
        return _normalised(x, scale, offset, moving, layer.epsilon)[0]
    given, *batch = _normalised(x, scale, offset, None, layer.epsilon)
    count, momentum = math.prod(x.shape[:-1]), layer.momentum
    biased = (1.0, (count - 1) / count)  # TensorFlow's variance is divided by one less
    moved = (layer.moving_mean, layer.moving_variance)
    with np.errstate(all="ignore"):
        for variable, new, share in zip(moved, batch, biased, strict=True):
            new = new.numpy() * np.float32(share) * np.float32(1.0 - momentum)
            variable.assign(variable.value.numpy() * np.float32(momentum) + new)
    return given


@lru_cache(maxsize=100)
def _constant(number: float, count: int) -> Any:
    import tensorflow as tf

    return tf.fill((count,), number)


def _normalised(
    x: Any, scale: Any, offset: Any, moving: tuple[Any, Any] | None, epsilon: float
) -> list[Any]:
    """A map normalised by moving statistics, or by its own; and these, the variance unbiased."""
    import tensorflow as tf

    trains = moving is None
    mean, variance = moving or (_constant(0.0, 0),) * 2
    options = {"epsilon": float(epsilon), "data_format": "NHWC", "is_training": trains}
    others: list[Any] = []

    def compute() -> Any:
        given, *rest = tf.raw_ops.FusedBatchNormV3(
            x=x, scale=scale, offset=offset, mean=mean, variance=variance,
            exponential_avg_factor=1.0, **options,
        )  # fmt: skip
        others.extend(rest)
        return given

    def back(slope: Any) -> list[Any]:
        kept = others[2:5] if trains else [mean, variance, _constant(0.0, 0)]
        names = ("reserve_space_1", "reserve_space_2", "reserve_space_3")
        kept_by_name = dict(zip(names, kept, strict=True))
        found = tf.raw_ops.FusedBatchNormGradV3(
            y_backprop=slope, x=x, scale=scale, **kept_by_name, **options
        )
        return list(found[:3])

    inputs = [x, scale, offset]
    given = noted("Normalised", compute, inputs, back) if _is_watched(*inputs) else compute()
    return [given, *others[:2]]
