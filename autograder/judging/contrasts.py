"""Says plainly what the first wrong step of a network does, and what belongs there.

`parting` names both steps; here their difference is put into a sentence that a reader can act on:
a full convolution for a depthwise one, a sum for a concatenation, other filters, a normalisation
where there is none in what is asked for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from autograder.data.key import Landmark
from autograder.data.observation import AGAIN, FAILS, FROZEN, Tensor
from autograder.judging.parting import MOST_BLAMED, Way, class_of, kind_of, meaning_of

OF_KINDS = {
    "Normalization": "No normalisation belongs to what is asked for; `{step}` is one.",
    "Activation": "No activation belongs to what is asked for; `{step}` is one.",
    "Pooling": "Nothing pools in what is asked for; here `{step}` does.",
    "Rescaling": "Nothing is scaled in what is asked for; here `{step}` does so.",
}
OF_CLASSES = {
    ("Add", "Concatenate"): "Parts are added where they are to be concatenated.",
    ("Concatenate", "Add"): "Parts are concatenated where they are to be added.",
    ("Multiply", "Add"): "Parts are multiplied where they are to be added.",
    ("MaxPooling2D", "AveragePooling2D"): "A pool takes the maximum where the mean belongs.",
    ("AveragePooling2D", "MaxPooling2D"): "A pool takes the mean where the maximum belongs.",
    ("Conv2D", "DepthwiseConv2D"): (
        "A full convolution, which mixes all channels, stands where a depthwise one belongs: each "
        "channel is to have a window of its own."
    ),
    ("DepthwiseConv2D", "Conv2D"): (
        "A depthwise convolution, which mixes no channels, stands where a full one belongs."
    ),
}
ENLARGING = ("UpSampling2D", "Resize", "Resizing")
ENLARGED = "The map is enlarged without weights where a transposed convolution belongs."
ENLARGED_BY_WEIGHTS = (
    "A transposed convolution enlarges the map where an enlargement without weights belongs."
)
WINDOWED = ("Conv2D", "Conv2DTranspose", "DepthwiseConv2D", "MaxPooling2D", "AveragePooling2D")
# An option of a layer with a window: how it is known, what it is without a word, what is said.
OPTIONS = {
    "window": (r"\d+x\d+", "", "a window of {mine} instead of {theirs}"),
    "filters": (r"\d+ filters", "", "{mine} instead of {theirs}"),
    "stride": (r"stride [\dx]+", "no stride", "{mine} instead of {theirs}"),
    "padding": (r"same|valid", "", "`{mine}` padding instead of `{theirs}`"),
    "dilation": (r"dilation \d+", "no dilation", "{mine} instead of {theirs}"),
}
LAYERS = ("Dense", "Normalization", "Pooling")  # beside convolutions, activations and merges
MOST_OPTIONS = 2  # in which two steps differ; with more it is rather another step


def contrast(way: Way) -> str:
    """A sentence on the first wrong step of which one can be said, and the one expected."""
    taken: list[int] = []
    for number in way.parted()[:MOST_BLAMED]:
        expected = way.expected(number, taken)
        sentence = _of_step(way, number, expected)
        if sentence:
            return sentence
        taken += expected
    return ""


def _of_step(way: Way, number: int, expected: Sequence[int]) -> str:
    mine = way.trace[number].operation
    for said in (AGAIN, FROZEN):
        mine = mine.removesuffix(f", {said}")
    kinds = {kind_of(made.operation) for _, made in way.steps()}
    needless = OF_KINDS.get(kind_of(mine))
    if needless and kind_of(mine) not in kinds and way.steps():
        return needless.format(step=meaning_of(mine))
    joined = _joined_elsewhere(way, number)
    if joined:
        return joined
    operations = {way.making(place).operation for place in expected}
    if len(operations) != 1:
        return ""
    theirs = operations.pop()
    return _of_two(mine, theirs) or _of_layers(way, mine, theirs)


def contrast_of_failing(landmarks: Sequence[Landmark], trace: Sequence[Tensor]) -> str:
    """A sentence on parts that could be joined along the last axis, where that fails; or nothing.

    All that is known of such a network are shapes.
    """
    way, last = Way(landmarks, trace, [None] * len(trace)), len(trace) - 1
    fails = bool(trace) and trace[last].operation.endswith(FAILS)
    return _joined_elsewhere(way, last) if fails else ""


def _joined_elsewhere(way: Way, number: int) -> str:
    """Whether channels are to be joined, and another axis of the same parts is."""
    tensor = way.trace[number]
    shapes = [way.trace[source].shape for source in way.sources[number]]
    asked = any(class_of(made.operation) == "Concatenate" for _, made in way.steps())
    if class_of(tensor.operation) != "Concatenate" or not asked or len(shapes) < 2:
        return ""
    if len({tuple(shape[1:-1]) for shape in shapes}) > 1:
        return ""
    if tensor.operation.endswith(FAILS):
        return "Parts are to be joined along the last axis, that of the channels; here another is."
    first = shapes[0]
    if len(tensor.shape) != len(first) or tensor.shape[-1] != first[-1]:
        return ""
    axes = [a for a, (n, m) in enumerate(zip(first, tensor.shape, strict=True)) if n != m]
    which = "the batch" if axes == [0] else "rows" if axes == [1] else "columns"
    return (
        f"Parts are joined along axis {axes[0]}, {which}, where the last, that of the channels, "
        "is meant."
        if axes
        else ""
    )


def _of_two(mine: str, theirs: str) -> str:
    """What sets one operation apart from the one that is expected in its place."""
    here, there = class_of(mine), class_of(theirs)
    if kind_of(mine) == kind_of(theirs) == "Activation":
        names = [meaning_of(step).removeprefix("Activation, ") for step in (mine, theirs)]
        return f"The activation is {names[0]} instead of {names[1]}." if len(set(names)) > 1 else ""
    if here in ENLARGING and there == "Conv2DTranspose":
        return ENLARGED
    if here == "Conv2DTranspose" and there in ENLARGING:
        return ENLARGED_BY_WEIGHTS
    if here == there and here in WINDOWED:
        return _of_options(mine, theirs)
    if {here, there} <= {"Conv2D", "DepthwiseConv2D"} and not _alike_windows(mine, theirs):
        return ""
    return OF_CLASSES.get((here, there), "")


def _of_layers(way: Way, mine: str, theirs: str) -> str:
    """Whether a layer is one too many, is missing, or comes too early.

    Only where the layers of both networks are the same but for that.
    """
    here, there = _layer(mine), _layer(theirs)
    used, asked = (
        Counter(filter(None, map(_layer, operations)))
        for operations in (
            [tensor.operation for tensor in way.trace],
            [made.operation for _, made in way.steps()],
        )
    )
    if not here or here == there:
        return ""
    if here in used - asked and not asked - used:
        following = there or class_of(theirs)
        return f"`{here}` is one too many there: next comes `{following}`."
    if not there:
        return ""
    if there in asked - used and not used - asked:
        return f"`{there}` is missing before `{here}`."
    if used == asked:
        return f"The order asked for is another: `{there}` comes before `{here}`."
    return ""


def _layer(operation: str) -> str:
    """The class of a layer that counts, with its window; nothing for another step."""
    kind = kind_of(operation)
    if kind == "Activation":
        return meaning_of(operation).removeprefix("Activation, ")
    if kind == "Merge" or "Conv" in kind:
        return operation.split(",")[0]
    return class_of(operation) if kind in LAYERS else ""


def _alike_windows(mine: str, theirs: str) -> bool:
    """Whether one may stand for the other: a 1x1 convolution is in another place, rather."""
    window = _option(mine, "window")
    return window == _option(theirs, "window") != "1x1" and "groups" not in mine


def _of_options(mine: str, theirs: str) -> str:
    """In which options two layers of one class differ."""
    pairs = {name: (_option(mine, name), _option(theirs, name)) for name in OPTIONS}
    if "1x1" in pairs["window"]:
        del pairs["padding"]  # which a 1x1 has not got
    other = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    if "1x1" in other.get("window", ()) and len(other) > 1:
        return ""
    if not other or len(other) > MOST_OPTIONS or "groups" in mine:
        return ""
    words = [OPTIONS[name][2].format(mine=a, theirs=b) for name, (a, b) in other.items()]
    named = f"{class_of(mine)} {pairs['window'][0]}".strip()
    return f"`{named}` has {' and '.join(words)}.".replace(" 1 filters", " one filter")


def _option(operation: str, name: str) -> str:
    """What an operation's words say of an option."""
    known, without, _ = OPTIONS[name]
    words = operation.replace(" ", ", ", 1).split(", ")[1:]
    return next((word for word in words if re.fullmatch(known, word)), without)
