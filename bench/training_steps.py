"""The same training steps of nets of the book, on one backend, in a process of its own.

    KERAS_BACKEND=jax python -m bench.training_steps jax

is called by `bench.chapters --steps`. The last line that it prints is JSON: milliseconds a step.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

STEPS, PASSES = 20, 3
WAYS = {"graph": "tensorflow", "XLA": "tensorflow", "jax": "jax"}


def nets() -> dict[str, tuple[Callable[[], Any], int]]:
    """Nets as the chapters train them, and pictures a step."""
    from convbook.architectures.classic import lenet5
    from convbook.architectures.pose import small_hourglass, small_pose_machine
    from convbook.architectures.residual import residual_block, small_net
    from convbook.architectures.unet import unet
    from convbook.architectures.vision_transformer import vision_transformer

    small: dict[str, Any] = {"patch": 7, "width": 64, "depth": 4, "heads": 4, "hidden": 128}
    return {
        "03 LeNet-5": (lenet5, 32),
        "04 residual net, 14 layers": (lambda: small_net(residual_block, 14), 128),
        "10 U-Net": (lambda: unet((64, 64, 3), 2, 8, 3, "same", True), 8),
        "15 pose machine": (small_pose_machine, 16),
        "15 two hourglasses": (small_hourglass, 16),
        "16 Vision Transformer": (lambda: vision_transformer((28, 28, 1), 10, **small), 64),
    }


def milliseconds(build: Callable[[], Any], pictures: int, way: str) -> dict[str, Any]:
    """Train on as many pictures in each of some passes; the first, which compiles, is apart."""
    import keras
    import numpy as np

    keras.utils.set_random_seed(0)
    net = build()
    net.compile(keras.optimizers.Adam(1e-3), "mse", jit_compile=way != "graph")
    rng, count = np.random.default_rng(0), STEPS * pictures
    x = rng.random((count, *net.input_shape[1:]), dtype=np.float32)
    each = [rng.random((count, *output.shape[1:]), dtype=np.float32) for output in net.outputs]
    y: Any = each if len(each) > 1 else each[0]
    seconds = []
    for _ in range(1 + PASSES):
        start = time.perf_counter()
        net.fit(x, y, batch_size=pictures, epochs=1, verbose=0)
        seconds.append(time.perf_counter() - start)
    return {"first pass": seconds[0], "steps": [1000 * one / STEPS for one in seconds[1:]]}


def main(way: str) -> None:
    import keras

    if keras.backend.backend() != WAYS[way]:
        sys.exit(f'{way} is measured on {WAYS[way]}: set KERAS_BACKEND="{WAYS[way]}".')
    found = {}
    for name, (build, pictures) in nets().items():
        found[name] = milliseconds(build, pictures, way)
        print(way, name, found[name], file=sys.stderr, flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main(sys.argv[1])
