"""A student's network: filled with values that depend on its architecture alone, and observed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from autograder.data import values
from autograder.data.observation import Plan, Stored
from autograder.data.values import Colour
from autograder.probing.calling import Steps, fewest_positions, momenta_of, steps_of
from autograder.probing.gradients import projected_gradients, tensor_of
from autograder.probing.inference import inference_flag
from autograder.probing.models import lacks_variables, last_step, turned_kernels, turned_round
from autograder.probing.quick import fast_calls, filled, silent_dropout
from autograder.probing.storing import Part, Storage, storages_of
from autograder.probing.trace import Recorder, patched, recording, stored

# Old moving statistics so large that one training step shows their momentum: new = m * old.
HUGE = 1e18
# Statistics of a batch below this leave the momentum that is seen so as it is, to six digits.
SMALL = 1e11
PATCHES = 3.0  # the patches of pictures beside their noise
MOST_ROUNDS = 4
MOST_AT_ONCE = 2_000_000  # weights of a net whose gradients are all kept until the last is known
# Two values normalised are 1 and -1 whatever they were: a gradient through them is rounding, by
# which weights are then ranked. Keys have that of Keras's own steps.
HANGING = 2
READABLE = 1e-30  # probabilities are read through a logarithm, and none below this


class Network:
    """A model together with the plan by which it is filled and fed.

    `flatten` turns whatever the model returns into a list of tensors; it raises ValueError with a
    sentence for the student where the model returns something else. `weights` are those of the
    architecture, which the model may store otherwise, and `statistics` its moving statistics;
    none where they are not known.
    """

    def __init__(
        self,
        model: keras.Model,
        feeds: list[tuple[int, ...]],
        plan: Plan,
        flatten: Callable[[Any], list[Any]],
        weights: Sequence[Stored] = (),
        statistics: Sequence[Stored] = (),
    ) -> None:
        self.model, self.plan, self.flatten = model, plan, flatten
        self.usual_statistics = statistics
        self.steps: Steps | None = None
        self.inputs = [
            keras.ops.convert_to_tensor(draw_input(plan, shape, index))
            for index, shape in enumerate(feeds)
        ]
        if not getattr(model, "outputs", None) or lacks_variables(model):
            with fast_calls():  # a subclassed model makes its variables at the first call
                self.run(training=False)
        self.inference = inference_flag(model)
        self.steps = steps_of(model)
        if self.steps and plan.batch * fewest_positions(self.steps) <= HANGING:
            self.steps.leave_to_layers()
        self.trainable = list(model.trainable_variables)
        self.statistics = [
            v for v in model.non_trainable_variables if keras.backend.is_float_dtype(v.dtype)
        ]
        self.initial = {id(v): keras.ops.convert_to_numpy(v) for v in self.statistics}
        self.turned = turned_kernels(model)
        self.storages = storages_of(self.stored_weights(), weights)
        self.way = 0  # number of the storage that is taken, of these and of the statistics'
        self.store(self.storages[0])
        self.clearance = math.inf
        self.momenta: list[float] = []
        self.known_momenta: list[float] | None = None
        self.given: list[Any] = []  # what the last pass gave
        self.settled = False  # whether the net is still filled as it was in that pass
        self.size_of_statistics = np.zeros(1, "float32")
        self.seen: dict[str, list[np.ndarray]] = {}

    def stored_weights(self) -> tuple[Stored, ...]:
        """Names and shapes of the trainable variables, a turned kernel as a convolution's."""
        return tuple(map(self._stored, self.trainable))

    def _stored(self, variable: Any) -> Stored:
        """A variable's name and shape; for a turned kernel that of a convolution's."""
        found = stored(variable)
        if id(variable) not in self.turned:
            return found
        return Stored(name=found.name, shape=turned_round(np.empty(found.shape)).shape)

    def store(self, storage: Storage) -> None:
        """Say where the variables hold the weights that get values."""
        self.storage = storage
        self.parts_of: list[list[Part]] = [[] for _ in self.trainable]
        for part in storage.parts:
            self.parts_of[part.variable].append(part)
        self.colours = [Colour(math.prod(shape)) for shape in storage.weights]
        self._filled: dict[int, tuple[list[Colour], bool]] = {}

    @property
    def parameters(self) -> int:
        """The number of trainable parameters."""
        return sum(colour.count for colour in self.colours)

    def run(self, training: bool | None) -> list[np.ndarray]:
        """The outputs for the plan's inputs, as arrays."""
        outputs = self._call(training)
        return [keras.ops.convert_to_numpy(output) for output in self.flatten(outputs)]

    def _call(self, training: bool | None, recorder: Recorder | None = None) -> Any:
        """What the model gives for the plan's inputs; its steps are recorded, if they shall be."""
        if self._takes_steps(training):
            assert self.steps is not None
            try:
                if recorder:
                    recorder.begin(self.inputs)
                return self.steps(self.inputs, bool(training), recorder)
            except Exception:  # it fails, and Keras says why
                if recorder:
                    recorder.clear()
        if recorder:
            recorder.begin(self.inputs)
        with recording(recorder):
            return self.model(self.argument, training=training)

    def _is_simple(self) -> bool:
        """Whether all gradients can be had at once: they are small, and Keras reads all weights."""
        small = self.parameters <= MOST_AT_ONCE
        return small and self._takes_steps(True)

    def _takes_steps(self, training: bool | None) -> bool:
        return self.steps is not None and training is not None and self.steps.fit(self.inputs)

    def blank_outputs(self) -> list[np.ndarray]:
        """The outputs where all weights are 0, and where a bias of the last layer is not: (2, ...).

        They show the last activation. A bias that is not stored as one vector stays 0. Where the
        network is a graph, only its end is run: what comes before gives 0, but takes memory.
        """
        end = last_step(self.model)
        model = end or self.model

        def run() -> list[np.ndarray]:
            if end is None:
                return self.run(self.inference)
            zeros = keras.ops.zeros((1, *end.inputs[0].shape[1:]))
            outputs = end(zeros, training=inference_flag(end))
            return [keras.ops.convert_to_numpy(output) for output in keras.tree.flatten(outputs)]

        with fast_calls():
            for variable in model.trainable_variables:
                numbers = keras.ops.convert_to_tensor(variable)  # JAX takes no variable here
                if keras.ops.any(numbers):
                    variable.assign(keras.ops.zeros_like(numbers))
            without = run()
            ends = {(output.shape[-1],) for output in without}
            for variable in model.trainable_variables:
                if tuple(variable.shape) in ends:
                    drawn = values.noise(self.plan.seed, math.prod(variable.shape))
                    variable.assign(keras.ops.convert_to_tensor(drawn))
            return [np.concatenate(pair) for pair in zip(without, run(), strict=True)]

    @property
    def argument(self) -> Any:
        """The inputs as the model takes them: a tensor, or a list of several."""
        return self.inputs[0] if len(self.inputs) == 1 else self.inputs

    def fill(self, permuted: bool = False) -> None:
        """Give every trainable variable the values of its weights' colours, if it lacks them."""
        for number, variable in enumerate(self.trainable):
            colours = [self.colours[part.weight] for part in self.parts_of[number]]
            if self._filled.get(number) != (colours, permuted):
                self._filled[number] = (colours, permuted)
                drawn = self._values(number, permuted)
                if id(variable) in self.turned:
                    drawn = np.ascontiguousarray(turned_round(drawn))
                variable.assign(tensor_of(drawn))

    def _values(self, number: int, permuted: bool) -> np.ndarray:
        """The values of a variable, put together from those of the weights it holds."""
        shape = self._stored(self.trainable[number]).shape
        if self._holds_one_whole(number):
            return self._drawn(self.parts_of[number][0].weight, permuted).reshape(shape)
        whole = values.aligned_zeros(math.prod(shape)).reshape(shape)
        for part in self.parts_of[number]:
            drawn = self._drawn(part.weight, permuted)
            part.in_variable.view(whole)[...] = part.in_weight.view(drawn)
        return whole

    def _holds_one_whole(self, number: int) -> bool:
        """Whether a variable holds a weight and nothing else, ordered as Keras does."""
        if len(self.parts_of[number]) != 1:
            return False
        part = self.parts_of[number][0]
        return part.in_weight.is_all and part.in_variable.is_all

    def _drawn(self, number: int, permuted: bool) -> np.ndarray:
        plan, shape, colour = self.plan, self.storage.weights[number], self.colours[number]
        if values.is_vector(shape):
            drawn = values.vector_values(plan.seed, shape, colour, plan.vectors, plan.deep)
        else:
            scale = plan.overrides.get(str(colour.count), plan.kernels)
            drawn = values.kernel_values(plan.seed, shape, colour, scale)
        return values.constant_along_inputs(drawn, plan.permuted) if permuted else drawn

    def set_statistics(self, arrays: Sequence[np.ndarray]) -> None:
        """Give each moving statistic its array."""
        for variable, array in zip(self.statistics, arrays, strict=True):
            variable.assign(array.reshape(variable.shape))

    def fill_statistics(self, number: float) -> None:
        """Give the moving statistics one number throughout."""
        for variable in self.statistics:
            variable.assign(filled(number, variable.shape, variable.dtype))

    def read_statistics(self) -> list[np.ndarray]:
        """The moving statistics as arrays."""
        return [keras.ops.convert_to_numpy(variable) for variable in self.statistics]

    def fingerprints(self, permuted: bool, recorder: Recorder | None = None) -> np.ndarray:
        """One number a weight: its gradient of a random projection of the output, projected.

        Only weights of equal element count need one to be told apart; the others get 0.
        """
        counts = Counter(colour.count for colour in self.colours)
        doubtful = {i for i, colour in enumerate(self.colours) if counts[colour.count] > 1}
        wanted = [
            number
            for number, parts in enumerate(self.parts_of)
            if any(part.weight in doubtful for part in parts)
        ]

        def project(number: int, gradient: np.ndarray) -> np.ndarray:
            prints = np.zeros(len(self.colours))
            if id(self.trainable[number]) in self.turned:
                gradient = np.ascontiguousarray(turned_round(gradient))
            for part in self.parts_of[number]:
                if part.weight in doubtful:
                    prints[part.weight] += self._projected(part, gradient, permuted)
            return prints

        def terms_of(model: Callable[..., Any]) -> tuple[list[Any], list[np.ndarray]]:
            outputs = self._outputs_on_record(model, recorder)
            self.given = outputs
            read = [self._readable(keras.ops.cast(output, "float32")) for output in outputs]
            shapes = [tuple(output.shape) for output in outputs]
            return read, [self._projection(s, i, permuted) for i, s in enumerate(shapes)]

        found = projected_gradients(self.model, terms_of, wanted, project, self._is_simple())
        if recorder:
            recorder.release()
        return sum(found, np.zeros(len(self.colours)))

    def _outputs_on_record(self, model: Callable[..., Any], recorder: Recorder | None) -> list[Any]:
        """What the model gives, its steps recorded; a second time, they are not."""
        training = bool(self.statistics) or self.inference
        if model is not self.model:
            return self.flatten(model(self.argument, training=training))
        if recorder is None or recorder.tensors:
            return self.flatten(self._call(training))
        outputs = self.flatten(self._call(training, recorder))
        recorder.end(outputs)
        return outputs

    def _readable(self, output: Any) -> Any:
        if not self.plan.probabilities:
            return output
        return keras.ops.log(keras.ops.maximum(output, READABLE))

    def _projection(self, shape: tuple[int, ...], index: int, permuted: bool) -> np.ndarray:
        if permuted:  # the order of channels must not matter
            flat = values.noise(self.plan.seed + 10 + index, math.prod(shape[:-1]))
            return np.repeat(flat, shape[-1]).reshape(shape)
        return values.noise(self.plan.seed + 10 + index, math.prod(shape)).reshape(shape)

    def _projected(self, part: Part, gradient: np.ndarray, permuted: bool) -> float:
        """What a part adds to the projection of its weight's gradient."""
        seed, shape = self.plan.seed + self.plan.projection, self.storage.weights[part.weight]
        if part.in_weight.is_all and not permuted:
            return values.noise_dot(seed, part.in_variable.view(gradient))
        projection = values.noise(seed, math.prod(shape)).reshape(shape)
        if permuted:
            projection = values.constant_along_inputs(projection)
        mine = part.in_variable.view(gradient).astype("float64")
        return float(np.vdot(mine, part.in_weight.view(projection)))

    def refine(self, permuted: bool, recorder: Recorder | None = None) -> float:
        """Colour the weights, fill them, and return how clearly they were told apart."""
        self.colours = [Colour(colour.count) for colour in self.colours]
        self.settled = False
        clearance = math.inf
        for round_ in range(MOST_ROUNDS):
            self.fill(permuted)
            if round_ and self._are_told_apart():
                break
            if round_ == 0:
                prints = self._first_fingerprints(permuted, recorder)
            else:
                prints = self._next_fingerprints(permuted)
            if self.plan.deep:
                prints = values.silenced(self.colours, prints)
            refined = values.refine(self.colours, prints)
            clearance = min(clearance, values.clearance(self.colours, prints))
            self.settled = refined == self.colours
            self.colours = refined
            if self.settled:
                break
        else:
            self.fill(permuted)
        return clearance

    def _first_fingerprints(self, permuted: bool, recorder: Recorder | None) -> np.ndarray:
        """Fingerprints before any weight has been told from another; the momenta are then known."""
        self.known_momenta = self._momenta_of_layers()
        prints = self._next_fingerprints(permuted, recorder)
        again = False
        if self.known_momenta is not None:
            again = not all((abs(new) < SMALL).all() for new in self.read_statistics())
        if again:  # so large, or no numbers, that it shows in the momenta
            self.known_momenta = None
        if self.known_momenta is not None:
            self.momenta = self.known_momenta
            return prints
        if again:
            self.fill_statistics(HUGE)
            prints = self._fingerprints_again(permuted, recorder)
        if self._spare_constants():
            prints = self._fingerprints_again(permuted, recorder)
        self.momenta = self._momenta()
        return prints

    def _next_fingerprints(self, permuted: bool, recorder: Recorder | None = None) -> np.ndarray:
        """Fingerprints, in a step of training from statistics of 0 where these do not matter."""
        if self.known_momenta is not None:
            self.fill_statistics(0)
        return self.fingerprints(permuted, recorder)

    def _fingerprints_again(self, permuted: bool, recorder: Recorder | None) -> np.ndarray:
        if recorder:
            recorder.clear()
        return self.fingerprints(permuted, recorder)

    def _momenta_of_layers(self) -> list[float] | None:
        """The momenta that normalisations say they have; None where they may not keep to them."""
        known = bool(self.statistics) and self._takes_steps(True)
        return momenta_of(self.steps, self.statistics) if known else None

    def _are_told_apart(self) -> bool:
        """Whether each weight has a colour of its own; of a deep net those that training sees."""
        seen = [c for c in self.colours if not (self.plan.deep and c.rank == values.IDLE)]
        return len(set(seen)) == len(seen)

    def gradients(self) -> list[np.ndarray]:
        """Flat gradients of the weights whose element count several have; else empty ones.

        The network is filled as before any weight has been told from another. Only for one that
        holds every weight whole, as a model answer does.
        """
        found: dict[int, np.ndarray] = {}

        def keep(part: Part, gradient: np.ndarray, permuted: bool) -> float:
            found[part.weight] = part.in_variable.view(gradient).ravel().copy()
            return 0.0

        self.colours = [Colour(colour.count) for colour in self.colours]
        with fast_calls(), silent_dropout(), patched(self, "_projected", keep):
            self.fill()
            self.fingerprints(permuted=False)
        return [found.get(number, np.zeros(0, "float32")) for number in range(len(self.colours))]

    def observe(
        self, recorder: Recorder | None = None, permuted: bool = False
    ) -> dict[str, list[np.ndarray]]:
        """Outputs in training mode (where there are moving statistics) and at inference.

        "statistics" is one number on what a training step takes for moving statistics. A factor
        that a normalisation takes away again shows in nothing else. "momentum" are the momenta that
        moving statistics have, where they count.
        """
        with fast_calls():
            with silent_dropout():
                self.fill_statistics(HUGE)
                self.clearance = self.refine(permuted, recorder)
                seen = {"training": self._in_training()} if self.statistics else {}
            self._calibrate()
            if self.statistics:
                seen["statistics"] = [self.size_of_statistics]
                if self.plan.momentum:
                    seen["momentum"] = [np.unique(np.array(self.momenta, "float32"))]
            seen["inference"] = self.run(self.inference)
        self.seen = seen
        return seen

    def _in_training(self) -> list[np.ndarray]:
        """What a step of training gives, from moving statistics of 0."""
        if self.settled and self.known_momenta is not None:  # the last pass was this step
            return [keras.ops.convert_to_numpy(output) for output in self.given]
        self.fill_statistics(0)
        return self.run(training=True)

    def observe_otherwise(self) -> list[dict[str, list[np.ndarray]]]:
        """What the network gives where its variables hold the weights in other possible ways."""
        found = []
        for way, storage in list(enumerate(self.storages))[1:]:
            self.way = way
            self.store(storage)
            found.append(self.observe())
        return found

    def repeats(self) -> bool:
        """Whether the network gives again at inference what it gave when it was observed."""
        if self._takes_steps(self.inference):
            return True  # there is nothing in it that could give something else
        with fast_calls():
            return _equal(self.seen["inference"], self.run(self.inference))

    def _spare_constants(self) -> bool:
        """Give back their values to variables that training leaves alone: they are constants.

        True where there were any; what has been computed with them must then be computed again.
        """
        moving = [bool((new != np.float32(HUGE)).any()) for new in self.read_statistics()]
        if all(moving):
            return False
        for variable, moves in zip(self.statistics, moving, strict=True):
            if not moves:
                variable.assign(self.initial[id(variable)])
        self.statistics = [v for v, moves in zip(self.statistics, moving, strict=True) if moves]
        self.fill_statistics(HUGE)
        return True

    def _momenta(self) -> list[float]:
        """The momentum of each moving statistic, seen in what one step left of a huge value."""
        return [round(float(np.median(new)) / HUGE, 6) for new in self.read_statistics()]

    def _statistic_factors(self) -> list[np.ndarray]:
        """For each moving statistic the factors that set it apart from the batch's."""
        ways = storages_of([stored(v) for v in self.statistics], self.usual_statistics)
        storage = ways[min(self.way, len(ways) - 1)]
        drawn = [values.statistic_factors(self.plan.seed, math.prod(s)) for s in storage.weights]
        factors = [np.ones(tuple(v.shape), "float32") for v in self.statistics]
        for part in storage.parts:
            mine = part.in_weight.view(drawn[part.weight])
            part.in_variable.view(factors[part.variable])[...] = mine
        return factors

    def _calibrate(self) -> None:
        """Set moving statistics near those of the batch, whatever the momentum was.

        They were zero before the last training step, so they now hold (1 - momentum) times the
        batch's. A deep net keeps its signal, and a net that ignores them is still told apart.
        """
        calibrated, batch = [], [np.zeros(0)]
        news, every = self.read_statistics(), self._statistic_factors()
        for new, momentum, factors in zip(news, self.momenta, every, strict=True):
            moved = math.isfinite(momentum) and 1 - momentum > 1e-5
            if moved:
                batch.append(new / np.float32(1 - momentum))
            calibrated.append(batch[-1] * factors if moved else factors)
        self.size_of_statistics = values.typical_size(
            np.concatenate([array.ravel() for array in batch])
        )
        self.set_statistics(calibrated)


def draw_input(plan: Plan, shape: tuple[int, ...], index: int) -> np.ndarray:
    """The plan's input number `index`: (batch, *shape), normal, of the plan's scale."""
    full = (plan.batch, *shape)
    generator = np.random.default_rng([plan.seed, index, 77])
    drawn = generator.standard_normal(full)
    if plan.patches and len(shape) == 3:
        height, width, channels = shape
        sides = (-(-height // plan.patches), -(-width // plan.patches))
        coarse = generator.standard_normal((plan.batch, *sides, channels))
        coarse = coarse.repeat(plan.patches, axis=1).repeat(plan.patches, axis=2)
        drawn += PATCHES * coarse[:, :height, :width]
    return (plan.inputs * drawn).astype("float32")


def _equal(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
    return all(
        a.shape == b.shape and np.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True)
        for a, b in zip(first, second, strict=True)
    )
