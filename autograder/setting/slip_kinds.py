"""The kinds of slips: what goes wrong with one layer, and the sentence for each.

Every function below takes the places of a model answer, in the order of calling, and yields slips.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from autograder.setting.edits import Edit
from autograder.setting.places import (
    ACTIVATIONS,
    CONVOLUTIONS,
    GLOBAL_POOLS,
    MERGES,
    NORMS,
    NOUNS,
    POOLS,
    WORDS_OF_ACTIVATIONS,
    Make,
    Options,
    Place,
    Site,
    class_of,
    side_of,
)

OTHER_KERNELS = {1: (3,), 2: (3,), 3: (1, 5), 5: (3,), 7: (5, 3), 11: (7,)}
OTHER_ACTIVATIONS = {
    "relu": ("tanh", "sigmoid"), "tanh": ("relu", "sigmoid"), "sigmoid": ("softmax",),
    "softmax": ("sigmoid",), "relu6": ("relu",),
}  # fmt: skip


@dataclass(frozen=True)
class Slip:
    """One change: what kind it is, which places it touches, what to say, and the wrong answer.

    `general` is what can be said where it cannot be told in which of several places it is.
    `changes` are the layers to make otherwise, by place; `edits` change the source; `wrap` changes
    what goes into the whole answer or comes out of it.
    """

    kind: str
    hint: str
    general: str
    changes: dict[Site, Make] = field(default_factory=dict)
    edits: tuple[Edit, ...] = ()
    wrap: Callable[[Callable], Callable] | None = None


# Other layers in a place


def _changed(place: Place, **options: Any) -> dict[Site, Make]:
    return {place.site: lambda cls, old: cls(**{**old, **options})}


def _other_layer(place: Place, name: str, kept: Iterable[str] = ()) -> dict[Site, Make]:
    """Another layer in this place, with some of the options."""
    kept = tuple(kept)

    def make(cls: type, old: Options) -> Any:
        return class_of(name)(**{key: value for key, value in old.items() if key in kept})

    return {place.site: make}


def _made_instead(name: str, options: Options, cls: type, old: Options) -> Any:
    """A layer of another class; bound to its class and options it is a `Make`."""
    return class_of(name)(**options)


def _calling(function: Callable[[Any], Any]) -> Make:
    """A function in the place of a layer."""
    return lambda cls, old: lambda x, **options: function(x)


def _left_out(place: Place) -> dict[Site, Make]:
    return {place.site: _calling(lambda x: x)}


# The kinds of slips of a layer


def _biases(places: list[Place]) -> Iterator[Slip]:
    for place in places:
        if place.layer not in (*CONVOLUTIONS, "Dense"):
            continue
        if place.has(use_bias=False):
            yield Slip(
                "bias",
                f"The {place.name} has a bias; none is asked for.",
                "A layer has a bias where none is asked for.",
                _changed(place, use_bias=True),
            )
        else:
            yield Slip(
                "no bias",
                f"The {place.name} has no bias; one is asked for.",
                "A layer has no bias where one is asked for.",
                _changed(place, use_bias=False),
            )


def _left_out_layers(places: list[Place]) -> Iterator[Slip]:
    for place in places:
        if place.layer in (*MERGES, "UpSampling2D"):
            continue
        yield Slip(
            f"without {place.noun}",
            f"The {place.name} is missing.",
            f"A {place.noun} is missing.",
            _left_out(place),
        )


def _kernels(places: list[Place]) -> Iterator[Slip]:
    for place in places:
        if place.layer not in CONVOLUTIONS or len(place.noun.split("x")) < 2:
            continue
        side = side_of(place.options["kernel_size"])
        for other in OTHER_KERNELS.get(side, ()):
            yield Slip(
                "kernel",
                f"The {place.name} is {other}x{other} here.",
                f"A {place.noun} is {other}x{other} here.",
                _changed(place, kernel_size=other),
            )


def _paddings(places: list[Place]) -> Iterator[Slip]:
    for place in places:
        if place.layer not in (*CONVOLUTIONS, *POOLS):
            continue
        if place.layer in CONVOLUTIONS and side_of(place.options["kernel_size"]) == 1:
            continue
        asked = place.options.get("padding", "valid")
        other = {"same": "valid", "valid": "same"}.get(asked)
        if len({seen.get("padding", "valid") for seen in place.seen}) > 1:  # an argument says it
            yield from _one_padding(place)
        elif other:
            yield Slip(
                "padding",
                f"The {place.name} has `{other}` padding; `{asked}` is asked for.",
                f"A {place.noun} has `{other}` padding; `{asked}` is asked for.",
                _changed(place, padding=other),
            )


def _one_padding(place: Place) -> Iterator[Slip]:
    """Always the same padding where that is not always asked for."""
    for padding in ("valid", "same"):
        yield Slip(
            f"always {padding}",
            f"The padding of the {place.name} is not always `{padding}`; here it is.",
            f"The padding of a {place.noun} is not always `{padding}`; here it is.",
            _changed(place, padding=padding),
        )


def _strides(places: list[Place]) -> Iterator[Slip]:
    kinds = (*CONVOLUTIONS,)
    strided = [place for place in places if place.layer in kinds and place.strided()]
    for place in strided:
        yield Slip(
            "no stride",
            f"The {place.name} has no stride; one is asked for there.",
            "A convolution has no stride where one is asked for.",
            _changed(place, strides=1),
        )
    for place in places:
        if place.layer in kinds and not place.strided() and place.layer != "Conv2DTranspose":
            for first in strided:
                if _same_function(first, place) and first.made < place.made:
                    yield _moved(first, place)


def _same_function(one: Place, other: Place) -> bool:
    """Whether two layers are made by one call of a function, or of what it calls."""
    return one.site[:1] == other.site[:1] or one.site[0][0] == other.site[0][0]


def _moved(first: Place, second: Place) -> Slip:
    """The stride of one layer is another's. What it is in a call is noted as the call goes on."""
    noted: list[Any] = []

    def without(cls: type, old: Options) -> Any:
        noted.append(old.get("strides", 1))
        return cls(**{**old, "strides": 1})

    def with_it(cls: type, old: Options) -> Any:
        return cls(**{**old, "strides": noted.pop() if noted else 1})

    return Slip(
        "stride moved",
        f"The stride belongs to the {first.name}; here the {second.name} has it.",
        "The stride belongs to another convolution.",
        {first.site: without, second.site: with_it},
    )


def _dilations(places: list[Place]) -> Iterator[Slip]:
    for place in places:
        if place.layer not in ("Conv2D", "DepthwiseConv2D") or place.strided():
            continue
        if side_of(place.options["kernel_size"]) != 1 and "dilation_rate" not in place.options:
            yield Slip(
                "dilation",
                f"The {place.name} is dilated; a plain one is asked for.",
                f"A {place.noun} is dilated; a plain one is asked for.",
                _changed(place, dilation_rate=2),
            )


def _activations(places: list[Place]) -> Iterator[Slip]:
    for place in places:
        asked, name = _activation_of(place)
        if asked is None:
            continue
        word = WORDS_OF_ACTIVATIONS.get(asked, asked)
        if name == "activation" and place.layer != "Activation":
            yield Slip(
                f"without {word}",
                f"The {word} behind the {place.name} is missing.",
                f"A {word} is missing.",
                _changed(place, activation=None),
            )
        for other in OTHER_ACTIVATIONS.get(asked, ()):
            changes = _changed(place, activation=other)
            if name == "layer":
                make = partial(_made_instead, "Activation", {"activation": other})
                changes = {place.site: make}
            yield Slip(
                "other activation",
                f"The {word} {_of(place)} is a {WORDS_OF_ACTIVATIONS.get(other, other)} here.",
                f"An activation is {WORDS_OF_ACTIVATIONS.get(other, other)} that should be {word}.",
                changes,
            )


def _of(place: Place) -> str:
    return place.where if place.layer in ACTIVATIONS else f"of the {place.name}"


def _activation_of(place: Place) -> tuple[str | None, str]:
    """The activation asked for in a place, if one is, and the option that names it."""
    if place.layer == "ReLU":
        return ("relu6" if place.options.get("max_value") == 6 else "relu"), "layer"
    if place.layer == "Softmax":
        return "softmax", "layer"
    named = place.options.get("activation")
    if place.has(activation=named) and isinstance(named, str) and named != "linear":
        return named, "activation"
    return None, ""


def _needless_activations(places: list[Place]) -> Iterator[Slip]:
    """A ReLU where none belongs: behind a convolution that is followed by something else."""
    for place, after in itertools.zip_longest(places, places[1:]):
        follows = after is not None and after.layer in ACTIVATIONS
        if place.layer not in (*CONVOLUTIONS, *NORMS) or follows:
            continue
        if _activation_of(place)[0] is None:
            yield Slip(
                "ReLU too many",
                f"No ReLU belongs directly behind the {place.name}.",
                f"No ReLU belongs directly behind a {place.noun} there.",
                {place.site: lambda cls, old: _then_relu(cls(**old))},
            )


def _then_relu(layer: Any) -> Callable:
    import keras

    return lambda x, **options: keras.ops.relu(layer(x, **options))


def _normalisations(places: list[Place]) -> Iterator[Slip]:
    for place in places:
        if place.layer not in NORMS:
            continue
        for option, word in (("center", "offset"), ("scale", "factor")):
            yield Slip(
                f"norm without {word}",
                f"The {place.name} has no {word} (`{option}`); it is asked for.",
                f"A normalisation has no {word} (`{option}`); it is asked for.",
                _changed(place, **{option: False}),
            )
        for other in NORMS:
            if other != place.layer and other != "GroupNormalization":
                yield Slip(
                    "other norm",
                    f"The {place.name} is a {NOUNS[other]} here.",
                    f"A {place.noun} is a {NOUNS[other]} here.",
                    _other_layer(place, other, ("epsilon",)),
                )
        if place.layer == "GroupNormalization":
            yield from _groupings(place)


def _groupings(place: Place) -> Iterator[Slip]:
    for groups, words in ((1, "one group of all channels"), (-1, "a group for every channel")):
        yield Slip(
            "groups",
            f"The {place.name} has {words}; the groups asked for are others.",
            f"A {place.noun} has {words}; the groups asked for are others.",
            _changed(place, groups=groups),
        )


def _exchanged(places: list[Place]) -> Iterator[Slip]:
    for norm, activation in itertools.pairwise(places):
        if norm.layer in NORMS and activation.layer in ("ReLU", "Activation"):
            yield Slip(
                "norm and activation exchanged",
                f"The {norm.noun} {norm.where} comes first, then the {activation.noun}; here "
                "they are exchanged.",
                "The normalisation comes first, then the activation; here they are exchanged.",
                _in_exchange(norm, activation),
            )


def _in_exchange(norm: Place, activation: Place) -> dict[Site, Make]:
    """Each of two layers made in the other's place, the first with the options of this call."""
    asked: list[Options] = []

    def first(cls: type, options: Options) -> Any:
        asked.append(options)
        return class_of(activation.layer)(**activation.options)

    def normalisation() -> Any:
        return class_of(norm.layer)(**asked.pop(0))

    def second(cls: type, options: Options) -> Any:
        # In `ReLU()(Norm()(x))` the second is made before the first.
        return normalisation() if asked else lambda x, **named: normalisation()(x, **named)

    return {norm.site: first, activation.site: second}


def _pools(places: list[Place]) -> Iterator[Slip]:
    for place in places:
        other = {**POOLS, **GLOBAL_POOLS}.get(place.layer)
        if other:
            what = ("maximum", "mean") if "Max" in place.layer else ("mean", "maximum")
            yield Slip(
                "other pool",
                f"The {place.name} takes the {what[0]}; here the {what[1]} is taken.",
                f"A pool takes the {what[0]}; here the {what[1]} is taken.",
                _other_layer(place, other, place.options),
            )
        if place.layer in POOLS:
            yield from _windows(place)


def _windows(place: Place) -> Iterator[Slip]:
    size = side_of(place.options.get("pool_size", 2))
    if isinstance(size, int):
        other = 3 if size == 2 else 2
        kept = place.options.get("strides") or size
        yield Slip(
            "pool size",
            f"The window of the {place.name} is {size}x{size}; here it is {other}x{other}.",
            f"The window of a pool is {size}x{size}; here it is {other}x{other}.",
            _changed(place, pool_size=other, strides=kept),
        )
        if place.options.get("strides") not in (None, size):
            yield Slip(
                "pool stride",
                f"The stride of the {place.name} is not that of its window; here it is.",
                "The stride of a pool is not that of its window; here it is.",
                _changed(place, strides=None),
            )


def _merges(places: list[Place]) -> Iterator[Slip]:
    import keras

    ops = keras.ops
    verbs = {"Add": "added", "Concatenate": "concatenated", "Multiply": "multiplied",
             "Average": "averaged", "Maximum": "compared for the larger"}  # fmt: skip
    others: dict[str, Callable] = {
        "multiplied": lambda parts: _folded(ops.multiply, parts),
        "averaged": lambda parts: _folded(ops.add, parts) / len(parts),
        "added": lambda parts: _folded(ops.add, parts),
        "subtracted": lambda parts: _folded(ops.subtract, parts),
        "concatenated": lambda parts: ops.concatenate(list(parts), axis=-1),
    }
    merges = [place for place in places if place.layer in MERGES]
    for place in merges:
        asked = verbs[place.layer] + (f" ({place.name})" if len(merges) > 1 else "")
        for word, merge in others.items():
            if word != verbs[place.layer]:
                yield Slip(
                    "merge",
                    f"The parts are {asked}; here they are {word}.",
                    f"Parts are {asked}; here they are {word}.",
                    {place.site: _calling(merge)},
                )
        for index in (0, -1):
            yield Slip(
                "part left out",
                f"The parts are {asked}; here one of them does not get there.",
                f"Parts are {asked}; here one of them does not get there.",
                {place.site: _calling(partial(_without, index))},
            )


def _folded(operation: Callable, parts: Any) -> Any:
    total = parts[0]
    for part in parts[1:]:
        total = operation(total, part)
    return total


def _without(index: int, parts: Any) -> Any:
    """What is merged without the part beside: index 0 keeps the first of two."""
    kept = list(parts[:-1]) if index == 0 else list(parts[1:])
    import keras

    return kept[0] if len(kept) == 1 else keras.ops.concatenate(kept, axis=-1)


def _shared(places: list[Place]) -> Iterator[Slip]:
    """A layer that is an earlier one again, where the two are alike."""
    for index, second in enumerate(places):
        first = next(
            (p for p in places[:index] if _alike(p, second) and p.made < second.made), None
        )
        if first is None:
            continue
        made: list[Any] = []

        def keeping(cls: type, old: Options, made: list[Any] = made) -> Any:
            made.append(cls(**old))
            return made[-1]

        def again(cls: type, old: Options, made: list[Any] = made) -> Any:
            return made.pop() if made else cls(**old)

        yield Slip(
            "shared",
            f"The {first.name} and the {second.name} are one layer with the same weights: each "
            "needs its own.",
            f"Two of the kind {second.noun} are one layer with the same weights: each needs "
            "its own.",
            {first.site: keeping, second.site: again},
        )


def _alike(one: Place, other: Place) -> bool:
    weighted = (*CONVOLUTIONS, "Dense", *NORMS)
    return one.layer == other.layer and one.layer in weighted and one.noun == other.noun


def _upsamplings(places: list[Place]) -> Iterator[Slip]:
    for place in places:
        if place.layer == "UpSampling2D":
            asked = place.options.get("interpolation", "nearest")
            other = "bilinear" if asked == "nearest" else "nearest"
            yield Slip(
                "interpolation",
                f"The {place.name} is {asked}; here it is {other}.",
                f"An upsampling is {asked}; here it is {other}.",
                _changed(place, interpolation=other),
            )


KINDS: tuple[Callable[[list[Place]], Iterator[Slip]], ...] = (
    _biases,
    _left_out_layers,
    _kernels,
    _paddings,
    _strides,
    _dilations,
    _activations,
    _needless_activations,
    _normalisations,
    _exchanged,
    _pools,
    _merges,
    _shared,
    _upsamplings,
)
