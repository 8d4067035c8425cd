"""Every classification net of the book in one table: what each costs, and how well it does.

Depth, parameters and multiplications are computed from the net itself, its time is measured on this
machine, and only the error on ImageNet is quoted, since no run of this book can make it. A net that
is added to ``NETS`` is in the table and in the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np

from convbook.architectures.attention import se_resnet
from convbook.architectures.classic import alexnet_two_groups, lenet5, vgg
from convbook.architectures.efficient import mobilenet_v2, xception
from convbook.architectures.inception import googlenet, inception_v3
from convbook.architectures.residual import RESNET_BLOCKS, basic_resnet, resnet
from convbook.counting import blueprint, trace
from convbook.roofline import quickest


@dataclass(frozen=True)
class Net:
    """A net of the book.

    Attributes:
        name: as it is known.
        year: in which its paper, or the competition it was made for, came out.
        build: returns the net at its usual input size, with 1,000 classes where it is for ImageNet.
        error: top-1 error on ImageNet's validation pictures in per cent, of one net that sees one
            crop from the middle of each picture; None where nobody published one.
        source: where the error stands.
    """

    name: str
    year: int
    build: Callable[[], keras.Model]
    error: float | None = None
    source: str = ""


@dataclass(frozen=True)
class Facts:
    """What a net is and costs.

    Attributes:
        net: which.
        depth: layers with a kernel on the longest way from input to output.
        parameters: trainable ones.
        multiplications: of one picture.
        side: of the pictures it is counted and timed on, in pixels.
        seconds: of one picture on this machine, the quickest of several; None if not measured.
    """

    net: Net
    depth: int
    parameters: int
    multiplications: int
    side: int
    seconds: float | None = None


_CAFFE = "BVLC Caffe model zoo 2014, bvlc_alexnet: trained again from the paper"
_KERAS = "keras-applications 2019, README, table of single-crop errors"
_HE = "He et al. 2016, github.com/KaimingHe/deep-residual-networks, 1-crop errors"
_GROSS = "Gross and Wilber 2016, github.com/facebook/fb.resnet.torch, single-crop errors"
_SZEGEDY = "Szegedy et al. 2016, arXiv:1512.00567, table 3"
_CHOLLET = "Chollet 2017, arXiv:1610.02357, table 1"
_HU = "Hu et al. 2017, github.com/hujie-frank/SENet, README, single-crop errors"
_WU = "Wu et al. 2016, github.com/tensorpack/tensorpack, examples/ResNet, README"
_SANDLER = "Sandler et al. 2018, arXiv:1801.04381, table 4"


NETS: tuple[Net, ...] = (
    Net("LeNet-5", 1998, lenet5),
    Net("AlexNet", 2012, alexnet_two_groups, 42.9, _CAFFE),
    Net("VGG-16", 2014, partial(vgg, "D"), 28.7, _KERAS),
    Net("VGG-19", 2014, partial(vgg, "E"), 28.7, _KERAS),
    Net("GoogLeNet", 2014, googlenet, 29.0, _SZEGEDY),
    Net("ResNet-18", 2015, partial(basic_resnet, RESNET_BLOCKS[18]), 30.4, _GROSS),
    Net("ResNet-34", 2015, partial(basic_resnet, RESNET_BLOCKS[34]), 26.7, _GROSS),
    Net("ResNet-50", 2015, partial(resnet, RESNET_BLOCKS[50]), 24.7, _HE),
    Net("ResNet-101", 2015, partial(resnet, RESNET_BLOCKS[101]), 23.6, _HE),
    Net("ResNet-152", 2015, partial(resnet, RESNET_BLOCKS[152]), 23.0, _HE),
    Net("Inception V3", 2015, inception_v3, 21.8, _CHOLLET),
    Net("Xception", 2016, xception, 21.0, _CHOLLET),
    Net("SE-ResNet-50", 2017, se_resnet, 22.4, _HU),
    Net("MobileNetV2", 2018, mobilenet_v2, 28.0, _SANDLER),
)
"""The nets so far, by year. Errors come from several laboratories and recipes of training: a point
of difference between two sources is no difference between two nets."""

WITHOUT_AND_WITH_SE = (
    Net("ResNet-50", 2017, partial(resnet, RESNET_BLOCKS[50]), 23.9, _WU),
    Net("SE-ResNet-50", 2017, se_resnet, 22.9, _WU),
)
"""Both nets as one program trained them. What the block gains is to be read from these two, not
from the table, whose errors come from several recipes."""


def depth(net: keras.Model) -> int:
    """Return the number of layers with a kernel on the longest way through a functional model.

    A kernel is a weight of two axes or more. A separable convolution is one layer here, as Keras
    and Chollet count it; a depthwise and a pointwise convolution that stand apart are two.
    """
    longest: dict[int, int] = {}
    for layer in net.operations:
        before = 0
        if not isinstance(layer, keras.layers.InputLayer):
            before = max(longest[id(tensor)] for tensor in keras.tree.flatten(layer.input))
        counts = any(len(weight.shape) > 1 for weight in getattr(layer, "trainable_weights", ()))
        for tensor in keras.tree.flatten(layer.output):
            longest[id(tensor)] = before + counts
    return max(longest[id(tensor)] for tensor in net.outputs)


def runner(net: keras.Model, pictures: Any) -> Callable[[], Any]:
    """Return a function that runs a net on a batch of pictures, its graph compiled once.

    On TensorFlow without XLA, which on a CPU takes many times as long for a depthwise convolution.
    """
    net.compile(jit_compile=False if keras.backend.backend() == "tensorflow" else "auto")
    return lambda: net.predict_on_batch(pictures)


def examine(net: Net, timed: bool = True, repeats: int = 3) -> Facts:
    """Build a net, count what it costs, and measure how long one picture takes it.

    Args:
        net: of ``NETS``, or another.
        timed: left False, the net gets no room for its weights and is not run.
        repeats: rounds of the measurement, of which the quickest counts.
    """
    model = net.build() if timed else blueprint(net.build)
    steps = trace(model)
    seconds = None
    if timed:
        picture = np.zeros((1, *model.input_shape[1:]), "float32")
        seconds = quickest(runner(model, picture), repeats)
    parameters = sum(step.parameters for step in steps)
    multiplications = sum(step.multiplications for step in steps)
    side = model.input_shape[1]
    return Facts(net, depth(model), parameters, multiplications, side, seconds)


HEAD = ("net", "year", "side", "depth", "parameters", "million mult.", "error (%)", "ms a picture")
"""What stands over the columns of the table."""


def row(facts: Facts) -> list[Any]:
    """Return a net's line of the table, under ``HEAD``."""
    error = "-" if facts.net.error is None else f"{facts.net.error:.1f}"
    time = "-" if facts.seconds is None else f"{1e3 * facts.seconds:.1f}"
    work = f"{facts.multiplications / 1e6:,.1f}"
    start = [facts.net.name, str(facts.net.year), facts.side, facts.depth]
    return [*start, facts.parameters, work, error, time]


def sources(nets: Sequence[Net] = NETS) -> list[str]:
    """Return where the errors stand: each source with the nets whose error it gives."""
    by_source: dict[str, list[str]] = {}
    for net in nets:
        if net.source:
            by_source.setdefault(net.source, []).append(net.name)
    return [f"{', '.join(names)}: {source}" for source, names in by_source.items()]
