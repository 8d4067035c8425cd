"""All devices of a machine for one training, by what works on each of Keras's backends.

A batch is shared out among the devices; they take the step together, as one device with the whole
batch would. On JAX that is ``keras.distribution``, which Keras's trainer for TensorFlow passes over
without a word; there it is TensorFlow's own ``MirroredStrategy``, where each device normalises its
part of the batch by itself. On PyTorch Keras has neither: one device trains.
"""

from __future__ import annotations

import contextlib
from typing import Any

import keras


def share_out(limit: int | None = None) -> tuple[list[str], Any]:
    """Have what is built from here on train on all devices.

    Args:
        limit: how many devices at most; None for all.

    Returns:
        Names of the devices, and a context in which the net is to be built and compiled.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"devices is {limit}: give a whole number, at least 1.")
    backend = keras.backend.backend()
    if backend == "jax":
        names = keras.distribution.list_devices()[:limit]
        if len(names) > 1:
            parallel = keras.distribution.DataParallel(devices=names)
            keras.distribution.set_distribution(parallel)
        return names, contextlib.nullcontext()
    if backend == "tensorflow":
        import tensorflow as tf

        found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        names = [device.name for device in found][:limit]
        if len(names) > 1:
            return names, tf.distribute.MirroredStrategy(names).scope()
        return names, contextlib.nullcontext()
    return ["one device: Keras shares nothing out on PyTorch"], contextlib.nullcontext()
