"""Says where a network leaves the way of the right ones: which step, and what was expected there.

Tensors are known by their fingerprints, so that the style and the order of an answer do not matter.
What is named as expected is a step of the model answer, never one of an answer that is merely
accepted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autograder.data.key import Landmark, Making
from autograder.data.observation import AGAIN, FAILS, FROZEN, INPUT, Tensor

NEAR = 1e-4
OTHER_NUMBERS = "; a step of this name is expected there, but it gives other numbers"
ORDERED = ("Concatenate", "Stack", "Subtract", "Divide", "TrueDivide", "Power", "Matmul")
ACTIVATIONS = (
    "Activation", "ELU", "Elu", "GELU", "Gelu", "LeakyReLU", "LeakyRelu", "PReLU", "ReLU", "Relu",
    "Relu6", "SELU", "Selu", "SiLU", "Silu", "Sigmoid", "Softmax", "Softplus", "Softsign", "Tanh",
)  # fmt: skip
MERGES = (
    "Add", "Average", "Concatenate", "Divide", "Maximum", "Minimum", "Multiply", "Subtract",
    "TrueDivide",
)  # fmt: skip
NO_BIAS = "no bias"
IDLE = ("Dropout", "SpatialDropout2D", "Identity", "Activation")  # the last: a linear one
RESHAPING = ("Flatten", "Reshape")  # what they give has the fingerprint of what they are given
NEVER_IDLE = ("Dropout", "Noise")  # idle in the run that is recorded, not when a net is trained
MOST_BLAMED = 2


def landmark_of(landmarks: Sequence[Landmark], tensor: Tensor) -> int | None:
    """The place of the landmark that a tensor equals, if any."""
    mine = np.array(tensor.fingerprint)
    if not np.isfinite(mine).all():
        return None
    for place, landmark in enumerate(landmarks):
        theirs = np.array(landmark.fingerprint)
        size = max(abs(float(theirs[1])), 1e-12) ** 0.5
        scale = np.array([size * max(1, math.prod(tensor.shape)) ** 0.5, size**2, size])
        if (np.abs(mine - theirs) <= NEAR * scale).all():
            return place
    return None


def places_of(landmarks: Sequence[Landmark], trace: Sequence[Tensor]) -> list[int | None]:
    """The landmarks that the tensors of a trace equal."""
    return [landmark_of(landmarks, tensor) for tensor in trace]


# The map of what right answers compute


def map_of(
    traces: Sequence[Sequence[Tensor]], can_be_said: Callable[[str], bool] = lambda operation: True
) -> tuple[Landmark, ...]:
    """The landmarks of right answers: what they compute on the way.

    Of those of the first trace, the model answer's, it is noted from what and how they are made.
    `can_be_said` says of an operation's name whether it may be named to a student.
    """
    found: list[Landmark] = []
    for number, trace in enumerate(traces):
        places: list[int | None] = []
        for tensor in trace:
            place = landmark_of(found, tensor)
            if place is None and np.isfinite(tensor.fingerprint).all():
                place = len(found)
                found.append(_landmark(tensor, number == 0))
                inputs = [places[source] for source in tensor.inputs if source < len(places)]
                if number == 0 and None not in inputs and can_be_said(class_of(tensor.operation)):
                    known = tuple(dict.fromkeys(i for i in inputs if i is not None))
                    made = Making(operation=tensor.operation, inputs=known)
                    found[place] = found[place].model_copy(update={"made": made})
            places.append(place)
    return tuple(found)


def _landmark(tensor: Tensor, is_models: bool) -> Landmark:
    a, b, c = (float(f"{number:.7g}") for number in tensor.fingerprint)
    output = is_models and tensor.output
    return Landmark(fingerprint=(a, b, c), shape=tensor.shape, output=output)


def class_of(operation: str) -> str:
    """The name of an operation's class."""
    return operation.split(",")[0].split(" ")[0]


def kind_of(operation: str) -> str:
    """The class of an operation, one name for all that do the same in different ways."""
    name = class_of(operation)
    if name in ACTIVATIONS:
        return "Activation"
    if name in MERGES:
        return "Merge"
    return next((kind for kind in ("Pooling", "Normalization") if kind in name), name)


def meaning_of(operation: str, biases: bool = True) -> str:
    """An operation in words, the same for the ways to write one activation.

    Without regard to biases, where they make no difference.
    """
    for said in (AGAIN, FROZEN, FAILS, *(() if biases else (NO_BIAS,))):
        operation = operation.removesuffix(f", {said}")
    name, _, options = operation.partition(", ")
    if name in ACTIVATIONS and name != "Activation":
        return f"Activation, {name.lower()}{options and ', '}{options}"
    return operation


# An answer's way beside it


class Way:
    """The steps of one answer, in the order taken, beside the map of what right answers compute.

    `places` are the landmarks that they equal, None where they equal none.
    """

    def __init__(
        self, landmarks: Sequence[Landmark], trace: Sequence[Tensor], places: Sequence[int | None]
    ) -> None:
        self.landmarks, self.trace, self.places = landmarks, trace, list(places)
        self.sources = [
            [source for source in tensor.inputs if 0 <= source < number]
            for number, tensor in enumerate(trace)
        ]
        self.ends = [number for number, tensor in enumerate(trace) if tensor.output]
        self.consumers: list[list[int]] = [[] for _ in trace]
        for number, sources in enumerate(self.sources):
            for source in sources:
                self.consumers[source].append(number)
        if not self.ends:  # what is given in the end was not seen
            self.ends = [n for n, consumers in enumerate(self.consumers) if not consumers]

    @property
    def reached(self) -> set[int]:
        """The landmarks that the answer computes too."""
        return {place for place in self.places if place is not None}

    def parted(self) -> list[int]:
        """The first steps on each branch that lead to nothing right.

        A step is to blame when what it was made from is right, or leads to what is right, and the
        step does neither (explicit padding, say, is unknown, but what follows it is known again).
        """
        leads, counts = self._leading_to_right(), self._counting()
        return [
            number
            for number, sources in enumerate(self.sources)
            if counts[number] and not leads[number] and all(leads[source] for source in sources)
        ]

    def _leading_to_right(self) -> list[bool]:
        """For each step whether it, or one that it leads to, is right."""
        leads = [place is not None for place in self.places]
        for number in reversed(range(len(leads))):
            follow = [c for c in self.consumers[number] if not self._is_nothing(c)]
            leads[number] = leads[number] or any(leads[consumer] for consumer in follow)
        return leads

    def _counting(self) -> list[bool]:
        """For each step whether more is made of it than zeros, or nothing, of its shape."""
        counts = [False] * len(self.trace)
        for number in reversed(range(len(counts))):
            follow = [c for c in self.consumers[number] if not self._is_nothing(c)]
            counts[number] = number in self.ends or any(counts[consumer] for consumer in follow)
        return counts

    def _is_nothing(self, number: int) -> bool:
        """Whether a step gives zeros, which say nothing of what they were made from."""
        return self.places[number] is not None and self.trace[number].fingerprint[1] == 0

    def is_clean_up_to(self, number: int) -> bool:
        """Whether all that a step is made from is right."""
        before = self._made_of([number]) - {number}
        return all(self.places[source] is not None for source in before)

    def expected(self, number: int, taken: Sequence[int] = ()) -> list[int]:
        """What the model answer makes of the tensors that a step starts from, and this answer not.

        Several where the step may stand for either; those that are most like it.
        """
        begun = {self.places[source] for source in self.sources[number]}
        found = [
            place
            for place in self.following(begun)
            if place not in taken or len(self.making(place).inputs) > 1
        ]
        likeness = {place: self._likeness(number, place) for place in found}
        return [place for place in found if likeness[place] == max(likeness.values())]

    def following(self, begun: set[int | None]) -> list[int]:
        """The next steps of the model answer from some tensors, where this answer lacks them.

        Those that could be taken, if any: that all tensors are there for.
        """
        reached = self.reached
        found = [
            (place, made)
            for place, made in self.steps()
            if place not in reached
            and (begun & set(made.inputs) or not (begun or made.inputs))
            and not self._is_passed_by(place)
        ]
        ready = [place for place, made in found if set(made.inputs) <= reached]
        return ready or [place for place, _ in found]

    def steps(self) -> list[tuple[int, Making]]:
        """The steps of the model answer, with the landmarks they give."""
        found = [(place, landmark.made) for place, landmark in enumerate(self.landmarks)]
        return [(place, made) for place, made in found if made and made.operation != INPUT]

    def making(self, place: int) -> Making:
        """The step of the model answer that gives a landmark."""
        made = self.landmarks[place].made
        assert made is not None
        return made

    def is_alike(self, number: int, place: int) -> bool:
        """Whether a step does what the one expected does, in another way."""
        return kind_of(self.trace[number].operation) == kind_of(self.making(place).operation)

    def is_used(self, number: int) -> bool:
        """Whether what the network gives in the end is made from a step."""
        return number in self._made_of(self.ends)

    def _made_of(self, ends: Collection[int]) -> set[int]:
        """Some steps and all that they are made from."""
        seen, open_ = set[int](), list(ends)
        while open_:
            end = open_.pop()
            if end not in seen:
                seen.add(end)
                open_ += self.sources[end]
        return seen

    def _is_passed_by(self, place: int) -> bool:
        """Whether what the model answer makes of a landmark is right here, by another way."""
        return any(place in made.inputs and other in self.reached for other, made in self.steps())

    def _likeness(self, number: int, place: int) -> tuple[bool, bool, int]:
        same_shape = self.landmarks[place].shape[1:] == self.trace[number].shape[1:]
        words = sum(map(len, difference(self, number, place)))
        return self.is_alike(number, place), same_shape, -words


class Behind:
    """The steps behind the first wrong ones, which give other numbers in any case.

    The `first` are taken for right, for the landmarks named, and those behind them go by their
    words, as far as they can be told: one of another kind may be another style.
    """

    def __init__(self, way: Way, first: Mapping[int, int]) -> None:
        self.way = way
        self.places: list[int | None] = list(way.places)
        self.wrong: list[tuple[int, int]] = []  # others than expected: step and landmark
        assumed = set(first)
        for number, place in first.items():
            self.places[number] = place
        for number in range(len(way.trace)):
            behind = any(source in assumed for source in way.sources[number])
            if behind and self.places[number] is None and self._is_told(number):
                assumed.add(number)

    def _is_told(self, number: int) -> bool:
        """Give a step the place that it stands for, if that is clear."""
        sources = {self.places[source] for source in self.way.sources[number]}
        if self.way.trace[number].operation in IDLE + RESHAPING and len(sources) == 1:
            self.places[number] = sources.pop()
            return True
        likely = [
            place
            for place, made in self.way.steps()
            if place not in self.places
            and set(made.inputs) == sources
            and self.way.is_alike(number, place)
        ]
        same = [place for place in likely if not any(difference(self.way, number, place))]
        if not same and len(likely) != 1:
            return False
        if not same:
            self.wrong.append((number, likely[0]))
        self.places[number] = (same or likely)[0]
        return True

    def missing_at_the_end(self) -> list[int]:
        """What the model answer does after the last step of this one, as far as that is told."""
        for number in self.way.ends:
            place = self.places[number]
            if place is not None and not self.way.landmarks[place].output:
                way = Way(self.way.landmarks, self.way.trace, self.places)
                return way.following({place})
        return []


def difference(way: Way, number: int, place: int) -> tuple[frozenset[str], frozenset[str]]:
    """The words, but for biases, in which a step and the one expected differ; numbers left out."""
    mine, theirs = (
        set(meaning_of(words, biases=False).split(", "))
        for words in (way.trace[number].operation, way.making(place).operation)
    )
    return frozenset(map(_kind, mine - theirs)), frozenset(map(_kind, theirs - mine))


def places_by_words(landmarks: Sequence[Landmark], trace: Sequence[Tensor]) -> list[int | None]:
    """The steps of the model answer that tensors without numbers look like.

    They are made by the same operation of the same tensors, and have the same shape.
    """
    places: list[int | None] = []
    for tensor in trace:
        sources = [places[source] for source in tensor.inputs if 0 <= source < len(places)]
        if tensor.operation in IDLE and len(sources) == 1:
            places.append(sources[0])
            continue
        alike = (
            place
            for place, landmark in enumerate(landmarks)
            if landmark.made
            and place not in places
            and meaning_of(landmark.made.operation, False) == meaning_of(tensor.operation, False)
            and landmark.shape[1:] == tensor.shape[1:]
            and set(landmark.made.inputs) == set(sources)
        )
        places.append(next(alike, None))
    return places


# In words


def way_of(landmarks: Sequence[Landmark], trace: Sequence[Tensor]) -> Way:
    """The way of an answer that has run."""
    return Way(landmarks, trace, places_of(landmarks, trace))


@dataclass(frozen=True)
class Parting:
    """Where a network parts from the right ones, in words, and by which kinds of steps."""

    text: str = ""
    kinds: frozenset[str] = frozenset()


def parting(way: Way, said_before: Collection[int] = (), layer_by_layer: bool = True) -> Parting:
    """Name the first step on the way that no right answer takes, and what is expected there.

    And the first on another branch, or one that is wrong behind it, if there is one. Where
    something has been `said_before` of a step, not all agrees up to there. `layer_by_layer`: there
    are as many layers as in the model answer, so that those behind can be told by their place.
    """
    said, taken, kinds, first = "", list[int](), set[str](), dict[int, int]()
    blamed = way.parted()[:MOST_BLAMED]
    for number in blamed:
        expected = way.expected(number, taken)
        said += ". On another branch they part at " if said else _up_to(way, number, said_before)
        said += f"{step_text(way.trace[number])}{_came(way, number)}"
        said += _instead(way, number, expected)
        taken += expected
        kinds.add(_kind(way.trace[number].operation))
        if len(expected) == 1 and way.is_alike(number, expected[0]):
            first[number] = expected[0]
    if len(blamed) == 1 and first and layer_by_layer:
        behind, kind = _behind(way, first)
        said, kinds = said + behind, kinds | kind
    return Parting(said, frozenset(kinds))


def _kind(operation: str) -> str:
    """An operation without its numbers and its stride."""
    return re.sub(r"\d+", "#", re.sub(r", stride [\dx]+", "", operation))


def _behind(way: Way, first: Mapping[int, int]) -> tuple[str, set[str]]:
    """What else is wrong behind the first wrong step, if it is not the same once more."""
    told = [difference(way, *pair) for pair in first.items()]
    behind = Behind(way, first)
    for number, place in behind.wrong:
        if difference(way, number, place) not in told:
            step, kind = step_text(way.trace[number]), _kind(way.trace[number].operation)
            return f". Further on {step} stands where {_steps_text(way, [place])} is expected", {
                kind
            }
    missing = behind.missing_at_the_end()
    if not missing:
        return "", set()
    return f". It ends too early, too; expected in the end: {_steps_text(way, missing)}", {"end"}


def _up_to(way: Way, number: int, said_before: Collection[int]) -> str:
    if said_before and number not in said_before:
        return ". Apart from that they part at "
    if way.is_clean_up_to(number):
        return ". Up to there all agrees; they part at "
    return ". They part at "


def agreeing(way: Way) -> str:
    """What can be said of a network all of whose steps agree, and that is wrong all the same."""
    for number in way.ends:
        place = way.places[number]
        early = place is not None and not way.landmarks[place].output
        following = way.following({place}) if early else []
        if following:
            return (
                f". It ends with {_name(way.landmarks[place or 0])}; "
                f"expected after it: {_steps_text(way, following)}"
            )
    for number, tensor in enumerate(way.trace):
        if tensor.weights and not way.is_used(number):
            return f". {step_text(tensor)} is made and not used: nothing of it reaches the end"
    return ""


def step_text(tensor: Tensor) -> str:
    """A step and the sides of what it gives."""
    return f"`{tensor.operation}` -> {_sides(tensor.shape)}"


def _sides(shape: Sequence[int]) -> str:
    return "x".join(str(n) for n in shape[1:])


def _came(way: Way, number: int) -> str:
    """What came just before, and whether that did anything."""
    known = [source for source in way.sources[number] if way.places[source] is not None]
    if not known or way.trace[known[-1]].operation == INPUT:
        return ""
    last = way.trace[known[-1]]
    idle = any(
        way.places[source] == way.places[known[-1]] and way.trace[source].shape == last.shape
        for source in way.sources[known[-1]]
    ) and not any(word in last.operation for word in NEVER_IDLE)
    return f" (after {last.operation}{', which changes nothing' if idle else ''})"


def _instead(way: Way, number: int, places: Sequence[int]) -> str:
    """What is expected in the place of a step."""
    tensor = way.trace[number]
    for place in places:
        landmark, made = way.landmarks[place], way.making(place)
        alike = meaning_of(made.operation) == meaning_of(tensor.operation)
        if alike and landmark.shape == tensor.shape:
            return _of_the_same_name(way, number, made)
    return f"; expected there: {_steps_text(way, places)}" if places else ""


def _steps_text(way: Way, places: Sequence[int]) -> str:
    steps = [
        f"`{way.making(place).operation}` -> {_sides(way.landmarks[place].shape)}"
        for place in places
    ]
    return " or ".join(dict.fromkeys(steps))


def _of_the_same_name(way: Way, number: int, made: Making) -> str:
    """How a step differs from the one expected, where it is called alike: by what goes in, say."""
    mine = list(dict.fromkeys(way.places[source] for source in way.sources[number]))
    if set(mine) != set(made.inputs):
        names = [_name(way.landmarks[place]) for place in made.inputs]
        if len(set(names)) < len(names):
            names = [f"{name}{_after(way, p)}" for name, p in zip(names, made.inputs, strict=True)]
        return f"; expected there: `{class_of(made.operation)}` of {' and '.join(names)}"
    if mine != list(made.inputs) and class_of(made.operation) in ORDERED:
        return "; expected there: the same, in another order"
    return OTHER_NUMBERS


def _name(landmark: Landmark) -> str:
    made = landmark.made
    if made is None:
        return "another tensor"
    return "the input" if made.operation == INPUT else f"what `{made.operation}` gives"


def _after(way: Way, place: int) -> str:
    """What comes before a step of the model answer."""
    before = [way.landmarks[source].made for source in way.making(place).inputs]
    return f" after `{before[0].operation}`" if before and before[0] else ""


def misbuilt(landmarks: Sequence[Landmark], trace: Sequence[Tensor]) -> str:
    """Say at which step a network cannot be built, and which one before it has an other shape."""
    way = Way(landmarks, trace, places_by_words(landmarks, trace))
    last = len(trace) - 1
    fails = bool(trace) and trace[last].operation.endswith(FAILS)
    said = _failing(way, last) if fails else ""
    for number, tensor in enumerate(trace[: last if fails else None]):
        sources = [way.places[source] for source in way.sources[number]]
        if way.places[number] is not None or None in sources:
            continue
        places = way.expected(number)
        shapes = [landmarks[place].shape[1:] for place in places]
        if places and tensor.shape[1:] not in shapes:
            return f"{said}. Look at {step_text(tensor)}{_instead(way, number, places)}"
    return said + (_lacking(way, last) if fails else "")


def _failing(way: Way, number: int) -> str:
    name = way.trace[number].operation.removesuffix(f", {FAILS}")
    sides = [_sides(way.trace[source].shape) for source in way.sources[number]]
    return f". It is `{name}`{' of ' if sides else ''}{' and '.join(sides)} that fails"


def _lacking(way: Way, number: int) -> str:
    """The step that is missing before one that fails, where all that goes into it is expected."""
    given = {way.places[source] for source in way.sources[number]}
    name = kind_of(way.trace[number].operation)
    makings = dict(way.steps())
    for place, made in makings.items():
        if kind_of(made.operation) == name and place not in way.reached and given <= way.reached:
            if not given & set(made.inputs):
                continue
            while lacking := [s for s in made.inputs if s in makings and s not in way.reached]:
                place = lacking[0]
                made = makings[place]
            step = f"`{made.operation}` -> {_sides(way.landmarks[place].shape)}"
            return f"; before it, {step} is missing" if kind_of(made.operation) != name else ""
    return ""


def needless(way: Way) -> str:
    """A step that gives nothing expected, where what follows it is right all the same."""
    unknown = [t for t, place in zip(way.trace, way.places, strict=True) if place is None]
    return f"`{unknown[0].operation}`" if unknown else ""
