"""Plans a task's cases: how a network is to be filled, so that its weights are told apart."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from autograder.data.arguments import decode, encode
from autograder.data.observation import Case, Plan, Question
from autograder.data.values import CLEAR
from autograder.judging.comparing import comparable
from autograder.setting.projecting import clear_projection
from autograder.setting.task import Task, TaskError, Trial

if TYPE_CHECKING:
    import keras

    from autograder.probing.network import Network

MOST_SEEDS = 40
MOST_CORRELATION = 0.99  # of a network's outputs for two inputs
DEEP = 4  # samples in a batch of a whole model, so that its last 1x1 maps still vary
MARGIN = 10  # noise stays this far below the tolerance, wrong answers this far above it
OTHER_EPSILON = 1e-5
LITTLE_OFF = 8  # looks at inputs that are a little off
ROUNDING = 5e-6  # some roundings to single precision, relative
LOGIT_SPREAD = (0.7, 4.0)
COUNTED = Plan(seed=0, batch=1, counted=True)


def question_of(task: Task, cases: list[Case]) -> Question:
    """What is asked of an answer to a task, on these cases."""
    return Question(
        name=task.name,
        kind="block" if task.kind == "layer" else task.kind,
        layer=task.kind == "layer",
        outputs=task.outputs,
        by_hand=task.by_hand,
        unordered=task.unordered,
        structure=task.properties is not None,
        cases=tuple(cases),
        defaults=_defaults_of(task.answer),
    )


def _defaults_of(answer: Callable) -> dict[str, Any]:
    """The defaults in the signature of the model answer, as plain data."""
    parameters = inspect.signature(answer).parameters
    return {
        name: encode(parameter.default)
        for name, parameter in parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }


def unfilled(trial: Trial) -> Case:
    """A trial's case where there is no network to fill."""
    return _case(trial, COUNTED if trial.counted else None)


def _case(trial: Trial, plan: Plan | None) -> Case:
    arguments = {name: encode(value) for name, value in trial.arguments.items()}
    return Case(arguments=arguments, feeds=trial.feeds, plan=plan)


def decoded_arguments(case: Case) -> dict:
    """The arguments of a case as Python objects."""
    return {name: decode(value) for name, value in case.arguments.items()}


# A network, filled by a plan


def network_of(task: Task, case: Case) -> Network:
    """The model answer's network of a case, built and filled, not run yet."""
    from autograder.probing.probe import as_block, build_network
    from autograder.probing.quick import quick_initializers

    question = question_of(task, [case])
    with quick_initializers():
        return build_network(as_block(task.answer, question), question, case)


def observe_both_ways(network: Network) -> dict[str, list[np.ndarray]]:
    """Observe a network, with its concatenations in another order too where they may be so.

    The network's clearance is then the lower of both; its colours are those of its own order.
    """
    seen = network.observe()
    if not network.plan.permutable:
        return seen
    clearance, colours = network.clearance, network.colours
    permuted = network.observe(permuted=True)["inference"]
    network.clearance, network.seen = min(clearance, network.clearance), seen
    network.colours = colours
    return {**seen, "permuted": permuted}


def planned(task: Task, trial: Trial, generator: np.random.Generator) -> Case:
    """Find a seed and scales for which the weights are told apart and the output is readable.

    The epsilon of a normalisation is free, and must not show: it does where a channel is nearly
    dead. Where no seed does all this, one in which it does not show is taken, or one that tells the
    weights apart, as lint will say.
    """
    if trial.counted:
        return _case(trial, COUNTED)
    plan = Plan(seed=int(generator.integers(1 << 30)), **_defaults(task, trial))
    second_best: Network | None = None
    third: Network | None = None
    for _ in range(MOST_SEEDS):
        if plan.deep:
            network = network_of(task, _case(trial, plan))
            number = clear_projection(network, _a_little_off)
            plan = plan.model_copy(update={"projection": number})
        network = _observed_network(task, trial, plan)
        if task.plan.get("probabilities") and "overrides" not in task.plan:
            network = _readable(task, trial, network)
        if network.clearance >= CLEAR:
            tells_apart = _tells_inputs_apart(network)
            if (tells_apart or not second_best) and _is_steady(network, task.tolerance):
                if tells_apart:
                    return _filled_case(trial, network)
                second_best = network
            third = third or network
        plan = network.plan.model_copy(update={"seed": int(generator.integers(1 << 30))})
    best = second_best or third
    if best:
        return _filled_case(trial, best)
    raise TaskError(
        f"{task.name}: no seed tells the weights of {trial.arguments} apart by {CLEAR}; "
        "take other sizes"
    )


def _filled_case(trial: Trial, network: Network) -> Case:
    """A case that says how to fill a network, and which variables the model answer's has."""
    from autograder.probing.trace import stored

    usual = {
        "weights": network.stored_weights(),
        "statistics": tuple(stored(variable) for variable in network.statistics),
    }
    return _case(trial, network.plan).model_copy(update=usual)


def correlation(array: np.ndarray, plan: Plan | None) -> float:
    """How alike the outputs for different inputs are: the largest correlation of two; -1 if none.

    A deep net gives nearly the same for all of them, and then shows little of itself.
    """
    samples = comparable(array, plan).reshape(array.shape[0], -1).astype("float64")
    fewest = 3 if plan and plan.probabilities else 2  # of two classes either is the other's rest
    if samples.shape[0] < 2 or samples.shape[1] < fewest or not np.isfinite(samples).all():
        return -1.0
    if (samples.std(axis=1) == 0).any():
        return -1.0
    return float(np.corrcoef(samples)[np.triu_indices(len(samples), 1)].max())


def _tells_inputs_apart(network: Network) -> bool:
    return all(
        correlation(array, network.plan) <= MOST_CORRELATION
        for arrays in network.seen.values()
        for array in arrays
    )


def _is_steady(network: Network, tolerance: float) -> bool:
    """Whether other epsilons and other rounding leave the colours and all outputs as they are.

    Where a unit is so near to a kink that rounding decides on which side it is, gradients jump, and
    with them, perhaps, the colours. Inputs that are a little off show it.
    """
    seen, clearance, inputs = network.seen, network.clearance, network.inputs
    colours = list(network.colours)

    def changed(again: dict[str, list[np.ndarray]]) -> bool:
        return network.colours != colours or not all(
            _near(comparable(a, network.plan), comparable(b, network.plan), tolerance / MARGIN)
            for mode in ("training", "inference")
            for a, b in zip(seen.get(mode, ()), again.get(mode, ()), strict=True)
        )

    with _other_epsilons(network.model) as has_norms:
        steady = not has_norms or not changed(network.observe())
    for draw in range(LITTLE_OFF):
        if steady:
            network.inputs = [_a_little_off(x, draw) for x in inputs]
            steady = not changed(network.observe())
    network.seen, network.clearance, network.inputs = seen, clearance, inputs
    network.colours = colours
    return steady


@contextmanager
def _other_epsilons(model: keras.Model) -> Iterator[bool]:
    """Give all batch normalisations another epsilon for a while; whether there are any."""
    import keras

    norms = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    epsilons = [layer.epsilon for layer in norms]
    for layer in norms:
        layer.epsilon = OTHER_EPSILON
    yield bool(norms)
    for layer, epsilon in zip(norms, epsilons, strict=True):
        layer.epsilon = epsilon


def _a_little_off(x: Any, draw: int) -> Any:
    """A tensor with another rounding, as if it had come out of some layers before."""
    import keras

    noise = np.random.default_rng(draw).standard_normal(tuple(x.shape))
    return x * keras.ops.convert_to_tensor((1 + ROUNDING * noise).astype("float32"))


def _near(array: np.ndarray, other: np.ndarray, share: float) -> bool:
    """Whether two arrays differ by no more than a share of their spread."""
    return bool(np.abs(array - other).max(initial=0) <= share * array.std())


def _observed_network(task: Task, trial: Trial, plan: Plan) -> Network:
    network = network_of(task, _case(trial, plan))
    observe_both_ways(network)
    return network


def _defaults(task: Task, trial: Trial) -> dict:
    """Scales for a net with batch normalisation, or for one without.

    With it, kernels are large, so that the epsilon, which is free, cannot matter. Without, biases
    are small beside the signal, which would otherwise drown in them layer by layer.
    """
    plain = {"batch": DEEP if task.kind == "model" else 3, **task.plan}
    network = _observed_network(task, trial, Plan(seed=1, **plain))
    if network.statistics:
        scales = {"kernels": 1000.0, "vectors": 3.0}
    else:
        scales = {"vectors": 0.7, "inputs": 2.0}
    return {**scales, **plain}


def _readable(task: Task, trial: Trial, network: Network) -> Network:
    """Scale the last kernel until the logarithms of the probabilities spread moderately.

    A scale is that of all weights of a count. Raises TaskError where the last is not alone.
    """
    for _ in range(12):
        plan = network.plan
        logs = np.log(np.maximum(network.seen["inference"][0], 1e-30))
        spread = float(np.std(logs))
        if LOGIT_SPREAD[0] <= spread <= LOGIT_SPREAD[1]:
            break
        factor = float(np.clip(2.0 / max(spread, 1e-3), 0.02, 50.0))
        counts = [math.prod(shape) for shape in network.storage.weights if len(shape) > 1]
        if counts.count(counts[-1]) > 1:
            raise TaskError(
                f"{task.name}: with {trial.arguments} the last kernel has as many weights as "
                "another: take another number of classes"
            )
        count = str(counts[-1])
        scale = float(f"{plan.overrides.get(count, plan.kernels) * factor:.3g}")
        plan = plan.model_copy(update={"overrides": {**plan.overrides, count: scale}})
        network = _observed_network(task, trial, plan)
    return network
