"""Where a model answer makes its layers, what those places are called, and other layers there.

The model answer is called as it stands, and the layer classes of `keras.layers` that it asks for
are exchanged for the time of the call. A place is known by the instruction that makes the layer.
"""

from __future__ import annotations

import gc
import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from autograder.data.arguments import Input
from autograder.probing.quick import quick_initializers
from autograder.probing.trace import patched
from autograder.setting.task import Task, Trial

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

# Function and instruction in it, from the model answer down to the layer.
Site = tuple[tuple[str, int], ...]
Options = dict[str, Any]
Make = Callable[[type, Options], Any]
CALLERS = ("answer", "_call")  # functions of this folder that call a model answer
HERE = str(Path(__file__).parent)


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
        return any(side_of(seen.get("strides", 1)) != 1 for seen in self.seen)


def as_is(cls: type, options: Options) -> Any:
    """The layer that is asked for."""
    return cls(**options)


@contextmanager
def layers_made_by(answer: Callable, make: Callable[[Site, type, Options], Any]) -> Iterator[None]:
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
            stack.enter_context(patched(keras.layers, name, factory(class_of(name))))
        yield


@cache
def class_of(name: str) -> type:
    """Keras's own layer class of this name, also while another thing stands in its place."""
    import keras

    return getattr(keras.layers, name)


def _site(file: str) -> Site:
    """Where in the file the layer is made that is asked for now, from the model answer down."""
    frame = inspect.currentframe()
    lines: list[tuple[str, int]] = []
    while frame:
        if frame.f_code.co_name in CALLERS and frame.f_code.co_filename.startswith(HERE):
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
    layers: dict[int, tuple[Any, Site]] = {}  # of one trial
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
                quick_initializers(),
                layers_made_by(task.answer, noting),
                patched(keras.layers.Layer, "__call__", noted),
            ):
                _call(task, trial, arguments)
            layers.clear()
            gc.collect()  # a net holds itself in circles, and the next one needs its memory
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
        sides = {side_of(seen["kernel_size"]) for seen in place.seen}
        size = f"{(side := sides.pop())}x{side} " if len(sides) == 1 else ""
        return size + NOUNS.get(place.layer, "convolution")
    return NOUNS[place.layer]


def side_of(size: Any) -> Any:
    """The side of a square kernel or stride; a pair of two that differ is kept."""
    if isinstance(size, tuple | list):
        return size[0] if len(set(size)) == 1 else tuple(size)
    return size
