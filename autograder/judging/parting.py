"""Says where a network leaves the way of the right ones: which step, and what was expected there.

Tensors are known by their fingerprints, so that the style and the order of an answer do not matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from autograder.data.key import Landmark, Making
from autograder.data.observation import Tensor

NEAR = 1e-4
ROUNDABOUT = ("Pad", "ZeroPadding2D", "Cropping2D", "GetItem", "Reshape", "Transpose", "Permute")
OF_THAT_NAME = (
    "; a step of this name is expected there, but it gives other numbers: does yours use a "
    "function of your own that is called like one of Keras's, or weights that it shares?"
)


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


def map_of(
    traces: Sequence[Sequence[Tensor]], can_be_said: Callable[[str], bool] = lambda operation: True
) -> tuple[Landmark, ...]:
    """The landmarks of right answers: what they compute on the way, from what and how.

    `can_be_said` says of an operation's name whether it may be named to a student. Padding and
    the like may be only where the first answer has them, which is the plainest.
    """
    found: list[Landmark] = []
    for number, trace in enumerate(traces):
        places: list[int | None] = []
        for tensor in trace:
            place = landmark_of(found, tensor)
            inputs = [places[source] for source in tensor.inputs if source < len(places)]
            if place is None and np.isfinite(tensor.fingerprint).all():
                place = len(found)
                a, b, c = (float(f"{number:.7g}") for number in tensor.fingerprint)
                found.append(Landmark(fingerprint=(a, b, c), shape=tensor.shape))
            sensible = place is not None and None not in inputs and place not in inputs
            word = first_word(tensor.operation)
            plain = number == 0 or word not in ROUNDABOUT
            if place is not None and sensible and plain and can_be_said(word):
                _add_making(found, place, tensor.operation, [i for i in inputs if i is not None])
            places.append(place)
    return tuple(found)


def _add_making(found: list[Landmark], place: int, operation: str, inputs: list[int]) -> None:
    making = Making(operation=operation, inputs=tuple(dict.fromkeys(inputs)))
    known = found[place].made
    if all(first_word(m.operation) != first_word(operation) for m in known):
        found[place] = found[place].model_copy(update={"made": (*known, making)})


def first_word(operation: str) -> str:
    """The name of an operation's class."""
    return operation.split(",")[0].split(" ")[0]


def parting(landmarks: Sequence[Landmark], trace: Sequence[Tensor]) -> str:
    """Name the first tensor on the way that no right answer computes, and what they compute there.

    A tensor is to blame when what it was made from is known, and nothing known is made from it
    (explicit padding, say, is unknown, but what follows it is known again).
    """
    places = [landmark_of(landmarks, tensor) for tensor in trace]
    known = [place is not None for place in places]
    leads_to_known = list(known)
    for number in range(len(trace) - 1, -1, -1):
        if leads_to_known[number]:
            for source in trace[number].inputs:
                if 0 <= source < number:
                    leads_to_known[source] = True
    for number, tensor in enumerate(trace):
        sources = [s for s in tensor.inputs if 0 <= s < number]
        if not leads_to_known[number] and all(leads_to_known[s] for s in sources):
            came = _came(trace, places, [s for s in sources if known[s]])
            expected = _expected(tensor, landmarks, places, [places[s] for s in sources])
            return (
                f". Up to there all agrees; they part at `{tensor.operation}` -> "
                f"{_sides(tensor.shape)}{came}{expected}"
            )
    return ""


def misbuilt(landmarks: Sequence[Landmark], trace: Sequence[Tensor]) -> str:
    """Name the first step of a network that cannot be built which right answers do otherwise.

    Its tensors have no numbers, so that they are known by their operations and shapes alone.
    """
    kinds = {first_word(making.operation) for landmark in landmarks for making in landmark.made}
    places: list[int | None] = []
    for number, tensor in enumerate(trace):
        sources = [places[s] for s in tensor.inputs if 0 <= s < number]
        place = _same_step(landmarks, tensor, places)
        if place is None and first_word(tensor.operation) in kinds and None not in sources:
            expected = _expected(tensor, landmarks, places, sources)
            if expected:
                return f". Look at `{tensor.operation}` -> {_sides(tensor.shape)}{expected}"
        places.append(place)
    return ""


def _same_step(
    landmarks: Sequence[Landmark], tensor: Tensor, places: Sequence[int | None]
) -> int | None:
    """The landmark that is made by the same operation and has the same shape, if any is left."""
    for place, landmark in enumerate(landmarks):
        operations = [making.operation for making in landmark.made]
        alike = tensor.operation in operations and landmark.shape[1:] == tensor.shape[1:]
        if alike and place not in places:
            return place
    return None


def _came(trace: Sequence[Tensor], places: Sequence[int | None], sources: Sequence[int]) -> str:
    """What came just before, and whether that did anything."""
    if not sources:
        return ""
    last = sources[-1]
    idle = any(places[i] == places[last] for i in trace[last].inputs if 0 <= i < last)
    return f" (after {trace[last].operation}{', which changes nothing' if idle else ''})"


def _expected(
    tensor: Tensor,
    landmarks: Sequence[Landmark],
    places: Sequence[int | None],
    sources: Sequence[int | None],
) -> str:
    """What right answers make of the same tensors, where this answer does not make it at all."""
    reached = {place for place in places if place is not None}
    begun = {place for place in sources if place is not None}
    if sources and not begun:
        return ""
    for place, landmark in enumerate(landmarks):  # those of the model answer come first
        for making in landmark.made:
            starts = begun & set(making.inputs) if begun else not making.inputs
            if place not in reached and starts and set(making.inputs) <= reached:
                if (making.operation, landmark.shape) == (tensor.operation, tensor.shape):
                    return OF_THAT_NAME
                return f"; expected there: `{making.operation}` -> {_sides(landmark.shape)}"
    return ""


def _sides(shape: Sequence[int]) -> str:
    return "x".join(str(n) for n in shape[1:])


def needless(landmarks: Sequence[Landmark], trace: Sequence[Tensor]) -> str:
    """Name a step that gives nothing expected, where what follows it is right all the same."""
    for tensor in trace:
        if landmark_of(landmarks, tensor) is None:
            return f"What `{tensor.operation}` gives is not expected, though what follows agrees"
    return ""
