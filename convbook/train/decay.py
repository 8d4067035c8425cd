"""Stochastic gradient descent as the papers of the published nets have it."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

KERNEL_DECAY = {"faster_rcnn": 5e-4, "mask_rcnn": 1e-4, "ssd": 5e-4, "yolo": 5e-4}
"""Decay of the published nets' kernels, by net.

Sources: Ren et al. 2015, arXiv:1506.01497, section 3.1.3; He et al. 2017, arXiv:1703.06870,
section 3.1; Liu et al. 2016, arXiv:1512.02325, section 3; Redmon and Farhadi 2017,
arXiv:1612.08242, section 3.
"""


class DecayingSGD(keras.optimizers.SGD):
    """Gradient descent with momentum that the decay of the weights goes through as well.

    A step adds ``decay`` times a kernel to its gradient, clipped before: an L2 penalty on kernels,
    as Caffe has it. Biases and the factors and summands of normalisations do not decay. What Keras
    calls ``weight_decay`` is another thing: it takes ``rate * decay`` of every weight away beside
    the momentum, which with a momentum of 0.9 comes to a tenth of this in the long run.

    Args:
        learning_rate: a number, or a schedule.
        decay: of what has more than one axis.
        **options: of ``keras.optimizers.SGD``.
    """

    def __init__(self, learning_rate: Any = 0.01, decay: float = 0.0, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self.decay = decay

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move one weight."""
        if len(variable.shape) > 1:
            own = ops.cast(ops.convert_to_tensor(variable), gradient.dtype)
            gradient = ops.add(gradient, ops.multiply(own, self.decay))
        super().update_step(gradient, variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        """Return what it was made with."""
        return {**super().get_config(), "decay": self.decay}
