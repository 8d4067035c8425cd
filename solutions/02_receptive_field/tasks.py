"""Exercise 02: receptive fields.

`docs/authoring.md` explains how such a file is written; the answers right and wrong lie in `bank/`.
`design_cnn` has many right answers: it is judged by what a net must do, its `properties`.
"""

import keras
import numpy as np
from keras import layers as keras_layers

from autograder.data.key import Property
from autograder.setting.task import Task, Trial, counted, trial

# The model answers


def receptive_field(layers):
    """Every layer adds (kernel - 1) * dilation steps of the jump before it."""
    size, jump, found = 1, 1, []
    for kernel, stride, dilation in layers:
        size += (kernel - 1) * dilation * jump
        jump *= stride
        found.append((size, jump))
    return found


def input_region(layers, index):
    """Walk back: an interval of units needs the windows of its first and of its last."""
    first = last = index
    for kernel, stride, dilation in reversed(layers):
        first = first * stride
        last = last * stride + (kernel - 1) * dilation
    return first, last


def dilations(target):
    """Each layer adds 2 * dilation, and at most what is covered so far: then no hole is left."""
    reach, plan = 0, []
    while reach < target // 2:
        plan.append(min(2 * reach + 1, target // 2 - reach))
        reach += plan[-1]
    return plan


def design_cnn(target):
    """Dilations that triple as long as they may, so that four layers are always enough."""
    x = inputs = keras.Input((None, None, 3))
    for dilation in dilations(target):
        x = keras_layers.Conv2D(8, 3, padding="same", dilation_rate=dilation, activation="relu")(x)
    return keras.Model(inputs, x)


# What a design must do


def design_properties(target):
    return [
        Property(
            part="shape",
            fact="output",
            value="a map",
            sentence="{call} must give a map, (N, height, width, channels); yours gives {found}",
        ),
        Property(
            part="parameters",
            fact="kernels",
            value=[],
            sentence="{call}: only 3x3 (and 1x1) kernels are allowed; yours has {found}",
        ),
        Property(
            part="parameters",
            fact="convolutions",
            relation="at most",
            value=8,
            sentence="{call} has {found} convolutions of 3x3, each call counted; at most {value} "
            "are allowed: strides or dilations make the later ones count for more",
        ),
        Property(
            part="parameters",
            fact="mixers",
            value=[],
            sentence="{call}: besides 3x3 convolutions this lets positions mix: {found}. What else "
            "there is must work on each position by itself, across channels only",
        ),
        Property(
            part="output",
            fact="field",
            value=[target, target],
            sentence="{call}: an output unit sees {found} pixels; it must see {value}",
        ),
        Property(
            part="output",
            fact="holes",
            value=0,
            sentence="{call}: the field has holes: {found} pixels in it do not reach the unit. A "
            "layer's dilation, or jump, may be at most as large as what the layers before it cover",
        ),
        Property(
            part="output",
            fact="steps",
            relation="adds up to",
            value=[target, target, 8],
            sentence="{call}: how your 3x3 convolutions add up to this field could not be "
            "followed: write them as a chain of layers, each called once",
        ),
    ]


# What is tried


def number(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    return int(rng.integers(low, high + 1))


def mixed_layers(rng: np.random.Generator, count: int) -> list[tuple[int, int, int]]:
    """Kernels odd and even, strides and dilations mixed, neither first nor last without effect."""
    found = [
        (number(rng, 2, 5), int(rng.choice([1, 2, 2, 3])), int(rng.choice([1, 1, 2, 3])))
        for _ in range(count - 2)
    ]
    return [(number(rng, 3, 5), 2, 1), *found, (number(rng, 3, 4), 2, number(rng, 2, 3))]


def field_trials(rng: np.random.Generator) -> list[Trial]:
    """Strides and dilations, alone and mixed; 1x1 with a stride; a stride beyond the kernel.

    Dilations grow and shrink from layer to layer, and the first layer has one, too. One field is
    larger than most pictures.
    """
    dilation = number(rng, 5, 8)
    return [
        trial(layers=[(number(rng, 3, 7), 1, 1)] * 3),
        trial(layers=[(3, 2, 1), (2, 2, 1), (5, 1, 1), (2, 2, 1), (1, 1, 1), (3, 1, 1)]),
        trial(layers=[(3, 1, 1), (3, 1, 2), (4, 1, 4), (3, 1, dilation)]),
        trial(layers=[(3, 2, 1)] * number(rng, 8, 9)),
        trial(layers=mixed_layers(rng, number(rng, 5, 6))),
        trial(layers=[(number(rng, 4, 6), 3, 2)]),
        trial(layers=[(1, 2, 1), (3, 1, 1), (1, 3, 1), (4, 1, 1), (3, 2, 1)]),
        trial(layers=[(2, 5, 1), (3, 1, number(rng, 2, 3)), (2, 1, 1)]),
        trial(layers=[(3, 1, 1), (2, 1, number(rng, 2, 4))]),
        trial(layers=[(3, 2, 1), (1, 1, number(rng, 2, 4)), (2, 1, 1)]),
        trial(layers=[(2, 1, number(rng, 3, 4)), (3, 1, 1), (2, 1, 2)]),
    ]


def region_trials(rng: np.random.Generator) -> list[Trial]:
    def layers() -> list[tuple[int, int, int]]:
        return mixed_layers(rng, number(rng, 3, 4))

    return [
        trial(layers=[(3, 2, 1), (4, 1, 1)], index=number(rng, 2, 4)),
        trial(layers=layers(), index=0),
        trial(layers=layers(), index=number(rng, 3, 5)),
        trial(layers=[(3, 1, 1), (3, 1, number(rng, 2, 3)), (2, 1, 1)], index=number(rng, 5, 9)),
        trial(layers=[(5, 3, 1), (3, 1, 2), (2, 2, 1)], index=number(rng, 2, 4)),
        trial(layers=[(number(rng, 2, 4), 5, 3)], index=number(rng, 2, 4)),
        trial(layers=[(3, 1, 1), (1, 3, 1), (2, 1, 1), (1, 2, 1)], index=number(rng, 2, 5)),
        trial(layers=[(5, 1, 1)], index=number(rng, 1, 6)),
        trial(layers=[(1, 2, number(rng, 2, 3)), (4, 1, 1)], index=number(rng, 150, 200)),
    ]


def design_trials(rng: np.random.Generator) -> list[Trial]:
    """The limits, and numbers between, looked at closely; all others at a glance.

    Sides are multiples of 16 and one more, height unlike width: `same` with a stride of 2 then puts
    a zero on each side, and a skip past such a layer reads the pixel in the middle of its window.
    """
    targets = [3, 2 * number(rng, 4, 8) + 1, 2 * number(rng, 9, 30) + 1, 63]
    others = [target for target in range(3, 65, 2) if target not in targets]

    def feeds(target: int) -> list[tuple[int, int, int]]:
        sides = (target + 8, 2 * target + 12, 3 * target + 128)
        rounded = [16 * -(-side // 16) + 1 for side in sides]
        return [(side, side + 16, 3) for side in rounded]

    return [
        *(trial(*feeds(target), target=target) for target in targets),
        *(counted(*feeds(target), target=target) for target in others),
    ]


TASKS = [
    Task(
        name="receptive_field",
        kind="function",
        points=3,
        dtype="number",
        trials=field_trials,
        answer=receptive_field,
    ),
    Task(
        name="input_region",
        kind="function",
        points=3,
        dtype="number",
        trials=region_trials,
        answer=input_region,
    ),
    Task(
        name="design_cnn",
        kind="model",
        points=4,
        trials=design_trials,
        answer=design_cnn,
        properties=design_properties,
    ),
]


_ADDED = "target // 2 - reach))"
_LAYER = "design_cnn: x = keras_layers.Conv2D("
_FREE = {
    "8, 3, dilation_rate=dilation, activation='relu'": "padding is free",
    "8, 3, padding='valid', dilation_rate=dilation, activation='relu'": "padding is free",
    "8, 3, padding='same', dilation_rate=dilation": "the activation is free",
    "8, 3, padding='same', dilation_rate=dilation, activation='linear'": "the activation is free",
    "9, 3, padding='same', dilation_rate=dilation, activation='relu'": "the filters are free",
    "7, 3, padding='same', dilation_rate=dilation, activation='relu'": "the filters are free",
}
_ANSWER = "8, 3, padding='same', dilation_rate=dilation, activation='relu'"
EQUIVALENT_MUTANTS = {
    f"dilations: plan.append(min(2 * reach + 1, {_ADDED} -> "
    f"plan.append(min(1 * reach + 1, {_ADDED}": "slower steps, still at most eight: right as well",
    f"dilations: plan.append(min(2 * reach + 1, {_ADDED} -> "
    "plan.append(min(target // 2 - reach, 2 * reach + 1))": "a minimum of two",
    **{
        f"{_LAYER}{_ANSWER})(x) -> x = keras_layers.Conv2D({layer})(x)": why
        for layer, why in _FREE.items()
    },
}
