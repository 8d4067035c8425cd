"""What a training step of Faster R-CNN costs, and how much of it is not convolution.

    python -m bench.faster_rcnn     # prints the table and writes bench/faster_rcnn.md

The small net at its default size, 8 scenes a step. Beside the whole step stand steps that do less:
the convolutions alone (backbone and region proposal network), forwards and backwards; the same with
the head's dense layers on as many regions. What is left is what makes Faster R-CNN of them: to
match, sample, propose, suppress and cut out, with the gradients of that. The steps are taken in
turn, and the time of each is its median.
"""

import argparse
import os
import platform
import statistics
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import ops

from bench.pages import write_page
from convbook.architectures.faster_rcnn import SMALL, small_faster_rcnn
from convbook.architectures.rcnn import JIT
from convbook.data.batches import Batches
from convbook.train.pictures import Steps, source

BATCH = 8


class Parts(keras.Model):
    """The convolutions of a Faster R-CNN, perhaps its head, and a loss on their outputs."""

    def __init__(self, net, head):
        super().__init__()
        self.net, self.with_head, self.built = net, head, True
        shape = (BATCH * SMALL.regions, SMALL.pool, SMALL.pool, net.channels)
        self.regions = np.random.default_rng(0).random(shape).astype("float32")

    def call(self, images, training=False):
        outputs = self.net.rpn(self.net.backbone(images, training=training), training=training)
        if self.with_head:
            outputs = [*outputs, *self.net.head(ops.convert_to_tensor(self.regions))]
        return sum(ops.mean(ops.square(output)) for output in outputs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return y_pred


def compiled(model):
    model.compile(keras.optimizers.Adam(1e-4), jit_compile=JIT)
    model.optimizer.build(model.trainable_variables)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("faster_rcnn.md"))
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    scenes = source("digit_scenes", "train", size=128, count=BATCH, seed=0, places=8)
    images, truth = Steps(Batches(scenes, BATCH, shuffle=False, seed=0), 0, 1)[0]
    runs = {
        "convolutions": (compiled(Parts(small_faster_rcnn(), head=False)), None),
        "convolutions and dense layers": (compiled(Parts(small_faster_rcnn(), head=True)), None),
        "the whole step": (compiled(small_faster_rcnn()), truth),
    }
    times = {name: [] for name in runs}
    for step in range(arguments.steps + 3):
        for name, (model, y) in runs.items():
            began = time.perf_counter()
            model.train_on_batch(images, y)
            if step >= 3:
                times[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(values) for name, values in times.items()}
    whole = medians["the whole step"]
    share = 1 - medians["convolutions"] / whole
    rest = 1 - medians["convolutions and dense layers"] / whole
    lines = [
        "# What a training step of Faster R-CNN costs",
        "",
        f"Made by `python -m bench.faster_rcnn`. {platform.machine()}, {os.cpu_count()} cores, "
        f"load {load:.1f} at the start, Python {platform.python_version()}, "
        f"Keras {keras.__version__} on {keras.backend.backend()}. {BATCH} scenes of 128 pixels "
        f"a step, medians of {arguments.steps} steps.",
        "",
        "| step | ms |",
        "|---|---|",
        *(f"| {name} | {1e3 * value:.0f} |" for name, value in medians.items()),
        "",
        f"Of the whole step {share:.0%} is not convolution; {rest:.0%} is neither convolution nor "
        "dense layer, but matching, sampling, proposing, suppression and RoIAlign.",
    ]
    write_page(arguments.out, lines)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
