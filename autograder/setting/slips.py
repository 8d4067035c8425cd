"""Wrong answers made by machine: the model answer with one layer or argument gone wrong.

A *slip* is one small change of the kind that students make everywhere: a bias too many, `valid` for
`same`, a normalisation left out, a stride on another layer, an argument that is not used. The model
answer is called as it stands, and the layer classes of `keras.layers` that it calls are exchanged
for the time of the call. So one layer of it, known by where it is made, comes out otherwise.

Each slip brings its sentence, so that the bank of a new task begins with some forty mistakes, and
only conceptual ones are written by hand.
"""

from __future__ import annotations

import inspect
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from autograder.data.arguments import Input, encode
from autograder.probing.trace import patched
from autograder.setting.edits import Edit, edited, edits_of
from autograder.setting.task import Task, Trial

# More would take time, most of all those of whole models, and say little new.
MOST_SLIPS = {"function": 30, "block": 40, "layer": 40, "model": 30}
FEW_PLACES = 3

CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose")
NORMS = ("BatchNormalization", "LayerNormalization", "GroupNormalization")
POOLS = {"MaxPooling2D": "AveragePooling2D", "AveragePooling2D": "MaxPooling2D"}
GLOBAL_POOLS = {
    "GlobalAveragePooling2D": "GlobalMaxPooling2D", "GlobalMaxPooling2D": "GlobalAveragePooling2D",
}  # fmt: skip
ACTIVATIONS = ("ReLU", "Activation", "Softmax")
MERGES = ("Add", "Concatenate", "Multiply", "Average", "Maximum")
CHANGED = (*CONVOLUTIONS, "Dense", *NORMS, *POOLS, *GLOBAL_POOLS, *ACTIVATIONS, *MERGES,
           "UpSampling2D")  # fmt: skip
OTHER_KERNELS = {1: (3,), 2: (3,), 3: (1, 5), 5: (3,), 7: (5, 3), 11: (7,)}
OTHER_ACTIVATIONS = {
    "relu": ("tanh", "sigmoid"), "tanh": ("relu", "sigmoid"), "sigmoid": ("softmax",),
    "softmax": ("sigmoid",), "relu6": ("relu",),
}  # fmt: skip
NOUNS = {
    "DepthwiseConv2D": "depthwise convolution", "Conv2DTranspose": "transposed convolution",
    "SeparableConv2D": "separable convolution", "Dense": "dense layer",
    "BatchNormalization": "batch normalisation", "LayerNormalization": "layer normalisation",
    "GroupNormalization": "group normalisation", "MaxPooling2D": "max pool",
    "AveragePooling2D": "average pool", "GlobalAveragePooling2D": "global average pool",
    "GlobalMaxPooling2D": "global max pool", "Softmax": "softmax", "Add": "addition",
    "Concatenate": "concatenation", "Multiply": "product", "Average": "mean of the parts",
    "Maximum": "maximum of the parts", "UpSampling2D": "upsampling",
}  # fmt: skip
WORDS_OF_ACTIVATIONS = {"relu": "ReLU", "relu6": "ReLU6", "leaky_relu": "leaky ReLU"}
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth",
            "tenth")  # fmt: skip

CALLERS = ("answer", "_call")  # the functions below that call a model answer
IN_ALL_PLACES = ("bias", "no bias", "padding", "other activation", "other norm", "other pool",
                 "norm and activation exchanged", "norm without offset", "norm without factor",
                 "groups", "interpolation")  # fmt: skip

# Function and instruction in it, from the model answer down to the layer.
Site = tuple[tuple[str, int], ...]
Options = dict[str, Any]
Make = Callable[[type, Options], Any]


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


@dataclass
class Place:
    """A spot in the model answer that makes a layer: the layer's class and the options seen.

    `made` counts the places in the order in which their layers are made, which need not be that in
    which they are called.
    """

    site: Site
    layer: str
    made: int
    seen: list[Options] = field(default_factory=list)
    noun: str = ""
    where: str = ""
    number: str = ""

    @property
    def name(self) -> str:
        """What it is called in sentences: number, noun and where it is."""
        return f"{self.number}{self.noun} {self.where}".rstrip()

    @property
    def options(self) -> Options:
        """Those of the first layer made here."""
        return self.seen[0]

    def has(self, **wanted: Any) -> bool:
        """Whether every layer made here has these options."""
        return all(seen.get(name) == value for seen in self.seen for name, value in wanted.items())

    def strided(self) -> bool:
        """Whether a layer made here ever has a stride."""
        return any(_side(seen.get("strides", 1)) != 1 for seen in self.seen)


def slips_of(task: Task, trials: list[Trial]) -> list[Slip]:
    """The slips of a task's model answer on its trials, at most `MOST_SLIPS`, of all kinds."""
    if task.properties:
        return []
    places = rehearse(task, trials) if task.kind != "function" else []
    found = list(_of_arguments(task, trials))
    single = [slip for make in _KINDS for slip in make(places)]
    found += [*_everywhere(single), *single]
    if len(places) < FEW_PLACES:  # what it computes is in its source
        found += [
            Slip(edit.kind, edit.hint, edit.hint, edits=(edit,)) for edit in edits_of(task.answer)
        ]
    return _mixed(found, MOST_SLIPS[task.kind])


def _everywhere(slips: list[Slip]) -> Iterator[Slip]:
    """The same slip in all places at once, as somebody makes it who has misread the text."""
    alike: dict[tuple[str, str], list[Slip]] = {}
    for slip in slips:
        alike.setdefault((slip.kind, slip.general), []).append(slip)
    for (kind, general), group in alike.items():
        sites = [site for slip in group for site in slip.changes]
        if kind in IN_ALL_PLACES and len(group) > 1 and len(set(sites)) == len(sites):
            changes = {site: make for slip in group for site, make in slip.changes.items()}
            yield Slip(f"{kind} everywhere", general, general, changes)


def answer_with(task: Task, *slips: Slip) -> Callable:
    """The model answer with these slips in it."""
    changes = {site: make for slip in slips for site, make in slip.changes.items()}
    edits = [edit for slip in slips for edit in slip.edits]
    written = edited(task.answer, edits) if edits else task.answer

    def answer(*arguments: Any, **named: Any) -> Any:
        if not changes:
            return written(*arguments, **named)
        with _layers_made_by(task.answer, lambda place, cls, o: changes.get(place, _as_is)(cls, o)):
            return task.answer(*arguments, **named)

    answer.__signature__ = inspect.signature(task.answer)  # type: ignore[attr-defined]
    slipped: Callable = answer
    for slip in slips:
        if slip.wrap:
            slipped = slip.wrap(slipped)
            slipped.__signature__ = inspect.signature(task.answer)  # type: ignore[attr-defined]
    return slipped


def _mixed(slips: list[Slip], most: int) -> list[Slip]:
    """At most so many of them: of every kind the first ones, so that no kind is left out."""
    rank: Counter[str] = Counter()
    ranked = []
    for slip in slips:
        ranked.append((rank[slip.kind], slip))
        rank[slip.kind] += 1
    ranked.sort(key=lambda pair: pair[0])
    return [slip for _, slip in ranked[:most]]


# Calling the model answer with other layers


def _as_is(cls: type, options: Options) -> Any:
    return cls(**options)


@contextmanager
def _layers_made_by(answer: Callable, make: Callable[[Site, type, Options], Any]) -> Iterator[None]:
    """Let `make` make the layers that `answer`, and what it calls in its file, asks for."""
    import keras

    file = inspect.getsourcefile(inspect.unwrap(answer)) or ""

    def factory(cls: type) -> Callable:
        def layer(*arguments: Any, **options: Any) -> Any:
            site = _site(file)
            named = _named(cls, arguments, options)
            return make(site, cls, named) if site else cls(*arguments, **options)

        return layer

    with ExitStack() as stack:
        for name in CHANGED:
            stack.enter_context(patched(keras.layers, name, factory(_class_of(name))))
        yield


@cache
def _class_of(name: str) -> type:
    """Keras's own layer class of this name, also while another thing stands in its place."""
    import keras

    return getattr(keras.layers, name)


def _site(file: str) -> Site:
    """Where in the file the layer is made that is asked for now, from the model answer down."""
    frame = inspect.currentframe()
    lines: list[tuple[str, int]] = []
    while frame:
        if frame.f_code.co_filename == __file__ and frame.f_code.co_name in CALLERS:
            break
        if frame.f_code.co_filename == file:
            lines.append((frame.f_code.co_name, frame.f_lasti))
        frame = frame.f_back
    return tuple(reversed(lines))


def _named(cls: type, arguments: tuple, options: Options) -> Options:
    """The arguments of a layer by name."""
    bound = _signature(cls).bind(None, *arguments, **options)
    named = dict(bound.arguments)
    named.pop("self", None)
    return {**named, **named.pop("kwargs", {})}


@cache
def _signature(cls: type) -> inspect.Signature:
    return inspect.signature(cls.__init__)  # type: ignore[misc]


def rehearse(task: Task, trials: list[Trial]) -> list[Place]:
    """The places where the model answer makes layers, in the order in which these are called."""
    import keras

    places: dict[Site, Place] = {}
    layers: dict[int, tuple[Any, Site]] = {}
    called: dict[Site, None] = {}
    call = keras.layers.Layer.__call__

    def noting(site: Site, cls: type, options: Options) -> Any:
        place = places.setdefault(site, Place(site, cls.__name__, len(places)))
        place.seen.append(options)
        layer = cls(**options)
        layers[id(layer)] = layer, site
        return layer

    def noted(layer: Any, *arguments: Any, **named: Any) -> Any:
        if id(layer) in layers:
            called[layers[id(layer)][1]] = None
        return call(layer, *arguments, **named)

    for trial in trials:
        arguments = {
            name: keras.Input(value.shape) if isinstance(value, Input) else value
            for name, value in trial.arguments.items()
        }
        if not trial.counted:
            with (
                _layers_made_by(task.answer, noting),
                patched(keras.layers.Layer, "__call__", noted),
            ):
                _call(task, trial, arguments)
    found = [places[site] for site in called]
    _name(found, task.places)
    return found


def _call(task: Task, trial: Trial, arguments: dict[str, Any]) -> None:
    """Build what the model answer builds; a layer is called on its inputs too."""
    if task.kind != "layer":
        task.answer(**arguments)
        return
    fed = [name for name, value in trial.arguments.items() if isinstance(value, Input)]
    layer = task.answer(**{name: arguments[name] for name in arguments if name not in fed})
    layer(*[arguments[name] for name in fed])


# Naming places


def _name(places: list[Place], words: dict[str, str]) -> None:
    """Give every place a noun and a name that tells it from the others of its noun.

    Normalisations and activations are named after what they follow.
    """
    for place in places:
        place.noun = _noun(place)
    follows = (*NORMS, *ACTIVATIONS)
    for place in places:
        place.where = _where(place, words)
    _number([place for place in places if place.layer not in follows])
    last = ""
    for place in places:
        if place.layer not in follows:
            last = place.name
        elif last:
            place.where = f"behind the {last}"
    _number([place for place in places if place.layer in follows])


def _number(places: list[Place]) -> None:
    """Number those that are alike in noun and place."""
    alike = Counter((place.noun, place.where) for place in places)
    numbers: Counter[tuple[str, str]] = Counter()
    for place in places:
        known = place.noun, place.where
        if alike[known] > 1:
            place.number = f"{ORDINALS[min(numbers[known], len(ORDINALS) - 1)]} "
        numbers[known] += 1


def _where(place: Place, words: dict[str, str]) -> str:
    for function, _ in reversed(place.site):
        if function in words:
            return words[function]
    return ""


def _noun(place: Place) -> str:
    if place.layer == "Activation":
        word = place.options.get("activation")
        return WORDS_OF_ACTIVATIONS.get(str(word), str(word))
    if place.layer == "ReLU":
        return "ReLU6" if place.options.get("max_value") == 6 else "ReLU"
    if place.layer in CONVOLUTIONS:
        sides = {_side(seen["kernel_size"]) for seen in place.seen}
        size = f"{(side := sides.pop())}x{side} " if len(sides) == 1 else ""
        return size + NOUNS.get(place.layer, "convolution")
    return NOUNS[place.layer]


def _side(size: Any) -> Any:
    """The side of a square kernel or stride; a pair of two that differ is kept."""
    if isinstance(size, tuple | list):
        return size[0] if len(set(size)) == 1 else tuple(size)
    return size


def _changed(place: Place, **options: Any) -> dict[Site, Make]:
    return {place.site: lambda cls, old: cls(**{**old, **options})}


def _other_layer(place: Place, name: str, kept: Iterable[str] = ()) -> dict[Site, Make]:
    """Another layer in this place, with some of the options."""
    kept = tuple(kept)

    def make(cls: type, old: Options) -> Any:
        return _class_of(name)(**{key: value for key, value in old.items() if key in kept})

    return {place.site: make}


def _made_instead(name: str, options: Options, cls: type, old: Options) -> Any:
    """A layer of another class; bound to its class and options it is a `Make`."""
    return _class_of(name)(**options)


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
        side = _side(place.options["kernel_size"])
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
        if place.layer in CONVOLUTIONS and _side(place.options["kernel_size"]) == 1:
            continue
        asked = place.options.get("padding", "valid")
        other = {"same": "valid", "valid": "same"}.get(asked)
        if other:
            yield Slip(
                "padding",
                f"The {place.name} has `{other}` padding; `{asked}` is asked for.",
                f"A {place.noun} has `{other}` padding; `{asked}` is asked for.",
                _changed(place, padding=other),
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
        if _side(place.options["kernel_size"]) != 1 and "dilation_rate" not in place.options:
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
                {
                    norm.site: partial(_made_instead, activation.layer, activation.options),
                    activation.site: partial(_made_instead, norm.layer, norm.options),
                },
            )


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
    size = _side(place.options.get("pool_size", 2))
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


_KINDS: tuple[Callable[[list[Place]], Iterator[Slip]], ...] = (
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


# Slips of the whole answer


def _of_arguments(task: Task, trials: list[Trial]) -> Iterator[Slip]:
    """Arguments that are not used, or exchanged with another; results in another order."""
    signature = inspect.signature(task.answer)
    values = {name: [t.arguments[name] for t in trials if name in t.arguments]
              for name in signature.parameters}  # fmt: skip
    plain = [name for name, tried in values.items() if tried and _is_plain(tried)]
    for name in plain:
        default = signature.parameters[name].default
        instead = values[name][0] if default is inspect.Parameter.empty else default
        if len({str(encode(value)) for value in values[name]} | {str(encode(instead))}) > 1:
            yield Slip(
                "argument unused",
                f"Use the argument `{name}`: here it is as if it were always {instead!r}.",
                f"Use the argument `{name}`.",
                wrap=_with_argument(signature, {name: instead}),
            )
    for first, second in itertools.pairwise(plain):
        if {type(v) for v in values[first]} == {type(v) for v in values[second]} == {int}:
            yield Slip(
                "arguments exchanged",
                f"The arguments `{first}` and `{second}` are taken for one another.",
                "Two arguments are taken for one another.",
                wrap=_with_exchanged(signature, first, second),
            )
    if task.outputs > 1:
        yield Slip(
            "results exchanged",
            "The results are right, but in another order.",
            "The results are in another order.",
            wrap=lambda answer: lambda *a, **n: tuple(reversed(answer(*a, **n))),
        )


def _is_plain(tried: list[Any]) -> bool:
    return all(isinstance(value, bool | int | float | str) or value is None for value in tried)


def _with_argument(signature: inspect.Signature, values: dict) -> Callable[[Callable], Callable]:
    def wrap(answer: Callable) -> Callable:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            bound = signature.bind(*arguments, **named)
            bound.apply_defaults()
            bound.arguments.update(values)
            return answer(*bound.args, **bound.kwargs)

        return wrapped

    return wrap


def _with_exchanged(
    signature: inspect.Signature, first: str, second: str
) -> Callable[[Callable], Callable]:
    def wrap(answer: Callable) -> Callable:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            bound = signature.bind(*arguments, **named)
            bound.apply_defaults()
            one, other = bound.arguments[first], bound.arguments[second]
            bound.arguments.update({first: other, second: one})
            return answer(*bound.args, **bound.kwargs)

        return wrapped

    return wrap
