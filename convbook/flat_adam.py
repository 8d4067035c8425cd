"""Adam on all weights of a net at once, for nets of very many small weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops


class FlatAdam(keras.optimizers.Optimizer):
    """Adam with one momentum and one velocity for all weights, laid end to end.

    It computes what `keras.optimizers.Adam` does, which has a momentum and a velocity for each
    weight: a dozen operations a weight. For a net of hundreds of small weights these are most of
    what has to be traced, and a good part of each step. Here they are a dozen for all together,
    and two for each weight.

    Args:
        learning_rate: a number, or a schedule.
        beta_1: what the momentum keeps in a step.
        beta_2: what the velocity keeps in a step.
        epsilon: added to the root of the velocity.

    Source: Kingma and Ba 2015, *Adam*, arXiv:1412.6980, algorithm 1, in the order of section 2.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        name: str = "flat_adam",
    ) -> None:
        super().__init__(learning_rate=learning_rate, name=name)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, variables: Sequence[Any]) -> None:
        """Make momentum and velocity for these weights, all of one type."""
        if self.built:
            return
        super().build(list(variables))
        size = sum(math.prod(variable.shape) for variable in variables)
        self.momentum = self.add_variable((size,), name="momentum")
        self.velocity = self.add_variable((size,), name="velocity")

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """Take one step; a gradient that is None, of a weight without effect, counts as zero.

        Args:
            grads: one for each weight that the optimiser was built with, in their order.
            trainable_variables: these weights; where none are given, those it was built with.
        """
        if trainable_variables is None:
            trainable_variables = self._trainable_variables
        variables = list(trainable_variables)
        self.build(variables)
        rows = [
            ops.zeros((math.prod(variable.shape),)) if grad is None else ops.reshape(grad, (-1,))
            for grad, variable in zip(grads, variables, strict=True)
        ]
        change = self._change(ops.concatenate(rows))
        ends = np.cumsum([math.prod(variable.shape) for variable in variables])[:-1]
        pieces = ops.split(change, [int(end) for end in ends]) if len(ends) else [change]
        for variable, piece in zip(variables, pieces, strict=True):
            variable.assign_sub(ops.reshape(piece, variable.shape))
        self.iterations.assign_add(1)

    def _change(self, gradient: Any) -> Any:
        """What to take away from the weights, for their gradient, all in one row."""
        step = ops.cast(self.iterations + 1, "float32")
        first, second = ops.power(self.beta_1, step), ops.power(self.beta_2, step)
        rate = ops.cast(self.learning_rate, "float32") * ops.sqrt(1 - second) / (1 - first)
        momentum, velocity = (
            ops.convert_to_tensor(self.momentum),
            ops.convert_to_tensor(self.velocity),
        )
        momentum = momentum + (gradient - momentum) * (1 - self.beta_1)
        velocity = velocity + (ops.square(gradient) - velocity) * (1 - self.beta_2)
        self.momentum.assign(momentum)
        self.velocity.assign(velocity)
        return rate * momentum / (ops.sqrt(velocity) + self.epsilon)

    def get_config(self) -> dict[str, Any]:
        """Return what it was made with."""
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
        config = super().get_config()
        return {"learning_rate": config["learning_rate"], "name": self.name, **own}
