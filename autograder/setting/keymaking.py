"""Makes keys: observes an exercise's right and wrong answers and keeps what was seen."""

from __future__ import annotations

import inspect
import math
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autograder.data.arguments import decode, encode
from autograder.data.files import write_whole
from autograder.data.key import (
    Answer,
    Key,
    KnownMistake,
    Landmark,
    Property,
    Reordered,
    Sealed,
    TaskKey,
    Value,
    package_version,
    sketches,
)
from autograder.data.observation import (
    FORMAT,
    Array,
    Case,
    CaseObservation,
    Observation,
    Plan,
    Question,
)
from autograder.data.sealing import sealed, sealed_around
from autograder.data.values import CLEAR
from autograder.judging.comparing import comparable, compare, sketches_of
from autograder.judging.judge import judge
from autograder.judging.known import known_mistake
from autograder.judging.parting import map_of
from autograder.probing.probe import probe_of_many
from autograder.probing.reordering import reorderings
from autograder.probing.storing import reordered
from autograder.setting.projecting import clear_projection
from autograder.setting.slip_kinds import Slip
from autograder.setting.slips import answer_with, slips_of
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


def make_key(
    exercise: str, tasks: list[Task], seed: int, progress: Callable[[str], None] = lambda s: None
) -> Key:
    """Observe every task of an exercise. Raises TaskError where answers cannot be told apart."""
    made = {}
    for task in tasks:
        progress(task.name)
        made[task.name] = make_task_key(task, seed)
    return Key(format=FORMAT, made_by=package_version(), exercise=exercise, seed=seed, tasks=made)


def make_task_key(task: Task, seed: int, seen: dict[str, Observation] | None = None) -> TaskKey:
    """Observe one task's answers on trials drawn for `seed`.

    What was seen of each is put into `seen`, by the name of its function.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wrong answers divide by zero, and that is known
        return _task_key(task, seed, {} if seen is None else seen)


def trials_of(task: Task, seed: int) -> list[Trial]:
    """The trials that a task's key for `seed` is made of."""
    return task.trials(_generator(task, seed))


def _generator(task: Task, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(task.name.encode())])


def _task_key(task: Task, seed: int, seen: dict[str, Observation]) -> TaskKey:
    if task.kind == "value":
        return _value_key(task, seed)
    generator = _generator(task, seed)
    trials = task.trials(generator)
    if task.kind == "function" or task.properties:
        question = _question(task, [_unfilled(trial) for trial in trials])
    else:
        question = _question(task, [_planned(task, trial, generator) for trial in trials])
    right = seen[task.answer.__name__] = _observed(task, task.answer, question)
    key = TaskKey(
        question=question,
        parts=task.parts(scalar=_is_scalar(right), weights=_has_weights(right)),
        dtype=task.dtype,
        tolerance=task.tolerance,
        answers=(_answer(right, None),),
        landmarks=_landmarks([right]) if task.kind != "function" else (),
        properties=_properties(task, trials),
        whole=task.whole,
    )
    if task.properties and judge(key, right).verdict != "correct":
        raise TaskError(f"{task.name}: the model answer is not right: {judge(key, right).hint}")
    key = _with_reordered_kernels(task, key, right)
    key = _with_accepted(task, key, seen)
    key = _with_mistakes(task, key, seen)
    return _with_slips(task, key, trials) if task.slips else key


def _value_key(task: Task, seed: int) -> TaskKey:
    """The key of a question for a value: the right one is computed, and only its digest kept.

    Raises TaskError where it is no letter of the choices, or a mistake is right.
    """
    generator = _generator(task, seed)
    wanted = task.answer()
    if task.choices and wanted not in task.choices:
        raise TaskError(f"{task.name}: the answer {wanted!r} is none of {task.choices}")
    value = Value(
        salt=generator.bytes(16).hex(),
        choices=task.choices,
        step=task.within,
        offset=float(generator.uniform(0, task.within)),
    )
    right = Sealed(digests=sealed_around(value, wanted))
    mistakes = []
    for mistake in task.mistakes:
        wrong = mistake.function()
        if sealed(value, wrong) in right.digests:
            raise TaskError(
                f"{task.name}: the wrong answer `{mistake.function.__name__}` gets full marks"
            )
        mistakes.append(Sealed(digests=(sealed(value, wrong),), hint=mistake.hint))
    cases = (Case(arguments={}),)
    return TaskKey(
        question=Question(name=task.name, kind="value", cases=cases),
        parts=task.parts(scalar=True, weights=False),
        dtype="number",
        tolerance=0.0,
        answers=(),
        value=value.model_copy(update={"right": right, "mistakes": tuple(mistakes)}),
    )


def write_key(key: Key, path: Path) -> None:
    """Write a key whole or not at all."""
    write_whole(path, key.model_dump_json(exclude_defaults=True) + "\n")


def _question(task: Task, cases: list[Case]) -> Question:
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


def _properties(task: Task, trials: list[Trial]) -> tuple[tuple[Property, ...], ...]:
    if task.properties is None:
        return ()
    from autograder.probing.structure import GLANCED

    return tuple(
        tuple(
            wanted
            for wanted in task.properties(**trial.arguments)
            if not trial.counted or wanted.fact in GLANCED
        )
        for trial in trials
    )


def _unfilled(trial: Trial) -> Case:
    return _case(trial, COUNTED if trial.counted else None)


def _case(trial: Trial, plan: Plan | None) -> Case:
    arguments = {name: encode(value) for name, value in trial.arguments.items()}
    return Case(arguments=arguments, feeds=trial.feeds, plan=plan)


def _observed(task: Task, function: Callable, question: Question) -> Observation:
    observation = probe_of_many(function, question)
    problems = [case.problem for case in observation.cases if case.problem]
    if observation.status != "observed" or problems:
        raise TaskError(
            f"{task.name}: the right answer `{function.__name__}` fails: "
            f"{observation.message or problems[0]}"
        )
    return observation


def _is_scalar(observation: Observation) -> bool:
    return all(
        array.shape == ()
        for case in observation.cases
        for arrays in case.outputs.values()
        for array in arrays
    )


def _has_weights(observation: Observation) -> bool:
    """Whether a net has trainable weights; one that is judged by facts is taken to have some."""
    return any(case.parameters or case.structure for case in observation.cases)


def _answer(observation: Observation, remark: str | None) -> Answer:
    return Answer(
        parameters=tuple(case.parameters for case in observation.cases),
        outputs=tuple(case.outputs for case in observation.cases),
        remark=remark,
    )


def _landmarks(observations: list[Observation]) -> tuple[tuple[Landmark, ...], ...]:
    cases = range(len(observations[0].cases))
    return tuple(
        map_of([seen.cases[index].trace for seen in observations], is_kerass_own) for index in cases
    )


def is_kerass_own(name: str) -> bool:
    """Whether an operation's name is Keras's, and says what it does: a reader can look it up."""
    import keras

    if name in ("Lambda", "Identity"):
        return False
    if hasattr(keras.layers, name):
        return True
    modules = [value for value in vars(keras.src.ops).values() if inspect.ismodule(value)]
    return any(
        isinstance(found := getattr(module, name, None), type)
        and issubclass(found, keras.Operation)
        for module in modules
    )


def _with_accepted(task: Task, key: TaskKey, seen: dict[str, Observation]) -> TaskKey:
    """Hold the accepted answers against the key; keep those with weights arranged differently."""
    answers = list(key.answers)
    for accepted in task.accepted:
        observation = _observed(task, accepted.function, key.question)
        seen[accepted.function.__name__] = observation
        verdict = judge(key, observation)
        if accepted.representation is not None:
            answers.append(_answer(observation, None))
        elif verdict.verdict != "correct":
            raise TaskError(
                f"{task.name}: the accepted answer `{accepted.function.__name__}` differs from "
                f"the model answer: {verdict.hint}. If only its weights are arranged "
                "differently, say how with `representation`"
            )
    landmarks = _landmarks(list(seen.values())) if key.question.kind != "function" else ()
    return key.model_copy(update={"answers": tuple(answers), "landmarks": landmarks})


def _with_reordered_kernels(task: Task, key: TaskKey, right: Observation) -> TaskKey:
    """Foretell what answers give that store their kernels in another order."""
    if key.question.kind == "function" or key.properties:
        return key
    from autograder.probing.network import weights_of

    networks = {
        index: _network(task, case)
        for index, case in enumerate(key.question.cases)
        if case.plan and not case.plan.counted
    }
    weights = {index: weights_of(network.model) for index, network in networks.items()}
    answers = []
    for reordering in reorderings(list(weights.values())):
        cases = list(right.cases)
        for index, network in networks.items():
            shapes = [weight.shape for weight in weights[index]]
            network.store(reordered(shapes, reordering(weights[index])))
            cases[index] = _outputs_of(network)
        observation = right.model_copy(update={"cases": tuple(cases)})
        answers.append(Reordered(outputs=sketches_of(key.question, observation)))
    return key.model_copy(update={"reordered": tuple(answers)})


def _outputs_of(network: Network) -> CaseObservation:
    seen = _observe_both_ways(network)
    outputs = {mode: tuple(Array.of(a) for a in arrays) for mode, arrays in seen.items()}
    return CaseObservation(outputs=outputs)


def _network(task: Task, case: Case) -> Network:
    from autograder.probing.network import quick_initializers
    from autograder.probing.probe import as_block, build_network

    question = _question(task, [case])
    with quick_initializers():
        return build_network(as_block(task.answer, question), question, case)


def _observe_both_ways(network: Network) -> dict[str, list[np.ndarray]]:
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


def _with_mistakes(task: Task, key: TaskKey, seen: dict[str, Observation]) -> TaskKey:
    known = []
    for mistake in task.mistakes:
        observation = probe_of_many(mistake.function, key.question)
        seen[mistake.function.__name__] = observation
        if observation.status != "observed":
            continue  # the probe's own sentence says enough
        if judge(key, observation).verdict == "correct":
            raise TaskError(
                f"{task.name}: the wrong answer `{mistake.function.__name__}` gets full marks: "
                "add a trial that tells it from the model answer"
            )
        known.append(_known(key, mistake.hint, observation))
    return key.model_copy(update={"mistakes": tuple(known)})


def _known(key: TaskKey, hint: str, observation: Observation) -> KnownMistake:
    return KnownMistake(
        hint=hint,
        problems=tuple(case.problem_kind for case in observation.cases),
        parameters=tuple(case.parameters for case in observation.cases),
        outputs=sketches(observation),
        facts=tuple(case.structure for case in observation.cases) if key.properties else (),
    )


def _with_slips(task: Task, key: TaskKey, trials: list[Trial]) -> TaskKey:
    """Add the mistakes that are made by machine, but for those that are known or change nothing.

    Where several give the same, their sentence is one that is true of all of them.
    """
    by_hand = len(key.mistakes)
    alike: list[list[Slip]] = []
    for slip in slips_of(task, trials):
        observation = probe_of_many(answer_with(task, slip), key.question)
        if not _is_a_mistake(key, observation):
            continue
        known = known_mistake(key, observation)
        if known is None:
            alike.append([slip])
            mistakes = (*key.mistakes, _known(key, slip.hint, observation))
            key = key.model_copy(update={"mistakes": mistakes})
        elif (place := _place(key, known)) >= by_hand:
            alike[place - by_hand].append(slip)
    hints = [_hint_of_all(slips) for slips in alike]
    made = [
        mistake.model_copy(update={"hint": hint})
        for mistake, hint in zip(key.mistakes[by_hand:], hints, strict=True)
        if hint
    ]
    return key.model_copy(update={"mistakes": (*key.mistakes[:by_hand], *made)})


def _is_a_mistake(key: TaskKey, observation: Observation) -> bool:
    """Whether something was seen of a slip, and it is wrong.

    Where it only raises errors it could not be told from any other that raises some there; but
    the shapes in an error's words tell.
    """
    if observation.status != "observed" or judge(key, observation).verdict == "correct":
        return False
    wrong = [observation.cases[i] for i in compare(key, key.answers[0], observation).wrong]
    return any(not case.problem or "(" in (case.problem_kind or "") for case in wrong)


def _place(key: TaskKey, mistake: KnownMistake) -> int:
    return next(place for place, known in enumerate(key.mistakes) if known is mistake)


def _hint_of_all(slips: list[Slip]) -> str:
    """What is true of every one of several slips, or nothing where that says too little."""
    for sentences in ({slip.hint: 0 for slip in slips}, {slip.general: 0 for slip in slips}):
        if len(sentences) == 1:
            return next(iter(sentences))
    either = list({slip.general: 0 for slip in slips})
    return f"Either of two: {either[0]} {either[1]}" if len(either) == 2 else ""


# Plans: how a network is to be filled


def _planned(task: Task, trial: Trial, generator: np.random.Generator) -> Case:
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
            network = _network(task, _case(trial, plan))
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
    network = _network(task, _case(trial, plan))
    _observe_both_ways(network)
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


def decoded_arguments(case: Case) -> dict:
    """The arguments of a case as Python objects."""
    return {name: decode(value) for name, value in case.arguments.items()}
