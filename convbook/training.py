"""One compiled net trained from several fresh starts, and what the starts say about two nets."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import joblib
import keras
import numpy as np
from joblib.externals.loky import process_executor
from keras import ops
from numpy.typing import ArrayLike, NDArray

from convbook.device import accelerators, usable_cores
from convbook.normalization import calibrate
from convbook.scale import scale

T = TypeVar("T")
MOST_PROCESSES = 4
"""Each loads the backend anew, which takes some hundred MB."""
_ONE_AT_A_TIME = threading.Lock()  # the processes are shared by all calls of `side_by_side`


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


def measure_again(net: keras.Model, x: Any) -> None:
    """Let every batch normalisation measure the mean and variance of its maps anew; train nothing.

    After a change of weights the moving statistics still belong to the old ones.

    Args:
        net: with the weights that it has now.
        x: pictures (N, H, W, C); taken as one batch.

    Raises:
        ValueError: as :func:`convbook.normalization.calibrate`.
    """
    calibrate(net, x, batch_size=len(x))


def side_by_side(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Make calls that do not need one another, on several cores each in a process of its own.

    A net of small layers is trained no faster by two cores than by one, two nets are. Where an
    accelerator does the work, which one net is to have to itself, and at the smoke scale, which
    ends before a process has started, the calls are made here, one after the other. A call that
    sets its own seed returns the same in either case.

    Args:
        calls: functions without arguments, as `functools.partial` makes them. What they use, a
            notebook's own functions and arrays too, is sent to the process with them; what they
            change there is lost.

    Returns:
        What they return, in their order.
    """
    number = min(_processes(), len(calls))
    if number == 1:
        return [call() for call in calls]
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        # A process that has ended makes room for a new one, which harms nobody.
        warnings.filterwarnings("ignore", message="A worker stopped", category=UserWarning)
        made: list[T] = joblib.Parallel(n_jobs=number)(joblib.delayed(_alone)(c) for c in calls)
    return made


def start_processes() -> None:
    """Start the processes of :func:`side_by_side` now: they import Keras while you go on.

    Where `side_by_side` would start none, nothing is done.
    """
    if (number := _processes()) > 1:
        threading.Thread(target=side_by_side, args=([_wake] * number,), daemon=True).start()


def _processes() -> int:
    """How many processes train nets side by side; 1 is this one."""
    if scale() == "smoke" or accelerators():
        return 1
    return min(usable_cores(), MOST_PROCESSES)


def _alone(call: Callable[[], T]) -> T:
    """Make a call in a process of its own, where TensorFlow is to work on one core.

    It reads the setting before its first operation. Processes of several threads each would hinder
    one another.
    """
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    # joblib ends a process that has grown by 300 MB, as it does with every net or two that
    # TensorFlow traces: the next call would wait for a new one that imports Keras.
    process_executor._USE_PSUTIL = False
    return call()


def _wake() -> None:
    """The backend makes its threads with its first operation."""
    ops.convert_to_numpy(ops.zeros(()))


@dataclass(frozen=True)
class Runs:
    """A net that was trained once for each seed.

    Attributes:
        net: with the weights of the last seed.
        weights: those of each seed, for ``net.set_weights``.
        losses: the training loss after each epoch, (seeds, epochs).
    """

    net: keras.Model
    weights: list[list[NDArray[np.float32]]]
    losses: NDArray[np.float64]


def train_seeds(
    build: Callable[[], keras.Model],
    optimizer: keras.optimizers.Optimizer,
    x: Any,
    y: Any,
    *,
    seeds: Sequence[int],
    epochs: int,
    batch_size: int = 128,
    eagerly: bool = False,
) -> Runs:
    """Train a classifier from a fresh start for each seed; say each seed's last loss.

    Args:
        build: makes the net.
        optimizer: a new one.
        x: the pictures (N, H, W, C).
        y: their classes, whole numbers (N,).
        seeds: one for each run.
        epochs: of each run.
        batch_size: pictures a step.
        eagerly: without a graph, which for a handful of steps takes longer to make than to run.
    """
    net, weights, losses = build(), [], []
    # No XLA: compiling a deep net takes longer than training it here.
    loss = "sparse_categorical_crossentropy"
    net.compile(optimizer, loss, jit_compile=False, run_eagerly=eagerly)
    for seed in seeds:
        restart(net, build, seed)
        history = net.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=0).history
        weights.append(net.get_weights())
        losses.append(history["loss"])
    return Runs(net, weights, np.array(losses))


def train_each(
    builds: Sequence[Callable[[], keras.Model]],
    optimizer: Callable[[], keras.optimizers.Optimizer],
    x: Any,
    y: Any,
    **options: Any,
) -> list[Runs]:
    """Train several classifiers side by side, each as by :func:`train_seeds`.

    Args:
        builds: each makes a net.
        optimizer: makes an optimiser; called once for each net.
        x: the pictures (N, H, W, C).
        y: their classes, whole numbers (N,).
        options: further ones of `train_seeds`.
    """

    def train(build: Callable[[], keras.Model]) -> tuple[Any, Any]:
        runs = train_seeds(build, optimizer(), x, y, **options)
        return runs.weights, runs.losses

    found = side_by_side([partial(train, build) for build in builds])
    made = [Runs(build(), *run) for build, run in zip(builds, found, strict=True)]
    for runs in made:
        runs.net.set_weights(runs.weights[-1])
    return made


@dataclass(frozen=True)
class Comparison:
    """What several runs of each say about two nets.

    Attributes:
        gap: the second net's mean less the first one's.
        spread: from the lowest to the highest run, of the net where that is more.
        verdict: "worse" or "better" where the second's mean is higher or lower by more than the
            spread, else "level"; "unknown" where there is one run of each.
    """

    gap: float
    spread: float
    verdict: str

    def __str__(self) -> str:
        return f"{self.gap:+.4f} in the mean, spread of the seeds {self.spread:.4f}: {self.verdict}"


def compare(first: ArrayLike, second: ArrayLike) -> Comparison:
    """Compare the losses of two nets over their seeds: is the second worse, level, or better?

    Args:
        first: one loss a run.
        second: those of the net asked about.
    """
    one, other = np.asarray(first, float), np.asarray(second, float)
    gap, spread = float(other.mean() - one.mean()), float(max(np.ptp(one), np.ptp(other)))
    if max(one.size, other.size) < 2:
        return Comparison(gap, spread, "unknown")
    verdict = "level" if abs(gap) <= spread else "worse" if gap > 0 else "better"
    return Comparison(gap, spread, verdict)
