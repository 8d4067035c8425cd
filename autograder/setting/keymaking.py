"""Makes keys: observes an exercise's right and wrong answers and keeps what was seen."""

from __future__ import annotations

import contextlib
import inspect
import warnings
import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

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
    Question,
)
from autograder.data.sealing import sealed, sealed_around
from autograder.judging.comparing import compare, sketches_of
from autograder.judging.judge import judge
from autograder.judging.known import known_mistake
from autograder.judging.parting import map_of
from autograder.probing.probe import probe_of_many
from autograder.probing.reordering import reorderings
from autograder.probing.storing import reordered
from autograder.setting.planning import (
    network_of,
    observe_both_ways,
    planned,
    question_of,
    unfilled,
)
from autograder.setting.slip_kinds import Slip
from autograder.setting.slips import answer_with, slips_of
from autograder.setting.task import Task, TaskError, Trial

if TYPE_CHECKING:
    from autograder.probing.network import Network

TRIES = 8  # seeds that are tried for a task


def make_key(
    exercise: str,
    tasks: list[Task],
    seed: int,
    progress: Callable[[str], None] = lambda s: None,
    kept: Mapping[str, TaskKey] | None = None,
) -> Key:
    """Observe every task of an exercise but for those `kept`, which are taken over.

    Trials are drawn, and now and then they do not part a mistake from the right answer: then the
    next seed is taken for the task. Raises TaskError where that happens by each of `TRIES`.
    """
    made = {}
    for task in tasks:
        if kept and task.name in kept:
            made[task.name] = kept[task.name]
            continue
        progress(task.name)
        made[task.name] = _by_some_seed(task, seed)
    return Key(format=FORMAT, made_by=package_version(), exercise=exercise, seed=seed, tasks=made)


def _by_some_seed(task: Task, seed: int) -> TaskKey:
    for attempt in range(TRIES - 1):
        with contextlib.suppress(TaskError):
            return make_task_key(task, seed + attempt)
    return make_task_key(task, seed + TRIES - 1)


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
        question = question_of(task, [unfilled(trial) for trial in trials])
    else:
        question = question_of(task, [planned(task, trial, generator) for trial in trials])
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
    from autograder.probing.models import weights_of

    networks = {
        index: network_of(task, case)
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
    seen = observe_both_ways(network)
    outputs = {mode: tuple(Array.of(a) for a in arrays) for mode, arrays in seen.items()}
    return CaseObservation(outputs=outputs)


def _with_mistakes(task: Task, key: TaskKey, seen: dict[str, Observation]) -> TaskKey:
    known = []
    for mistake in task.mistakes:
        observation = probe_of_many(mistake.function, key.question)
        seen[mistake.function.__name__] = observation
        if observation.status != "observed":
            continue  # the probe's own sentence says enough
        for case in observation.cases:
            if case.problem_kind == "unnamed":  # a slip of the author's own pen
                raise TaskError(
                    f"{task.name}: the wrong answer `{mistake.function.__name__}` does not run: "
                    f"{case.problem}"
                )
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
