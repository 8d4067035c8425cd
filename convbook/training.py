"""One compiled net trained from several fresh starts, without compiling it again for each."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import ops


def restart(net: keras.Model, build: Callable[[], keras.Model], seed: int) -> None:
    """Bring a compiled net back to where ``build`` starts with a seed: weights and optimiser.

    For a deep net the compiling, which the first ``fit`` does, can take longer than the training.

    Args:
        net: compiled; made by ``build``, so that the weights fit.
        build: makes the net anew.
        seed: of all random numbers from here on: the first weights, then the order of the pictures.
    """
    keras.utils.set_random_seed(seed)
    net.set_weights(build().get_weights())
    if not net.optimizer.built:
        net.optimizer.build(net.trainable_variables)
    for variable in net.optimizer.variables:
        if variable is not net.optimizer.learning_rate:
            variable.assign(ops.zeros(variable.shape, variable.dtype))
