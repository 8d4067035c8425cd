"""What a course may vary: the weight of the distance in a cost, the base of the wave lengths."""

import math

from autograder.setting.variants import Constant, Variants, word


def short(number):
    """At most two decimals, and no zeros at the end."""
    return f"{round(number, 2):g}"


def code(base):
    """The last entry of `position_code(2, 3, 8)` in words and in numbers."""
    step = 1 / math.isqrt(base)
    words = f"sin 1, cos 1, sin {step:g}, cos {step:g}, then sin 2, cos 2, sin {2 * step:g}, "
    angles = (1, step, 2, 2 * step)
    numbers = " ".join(f"{wave(a):.3f}" for a in angles for wave in (math.sin, math.cos))
    return f"{words}cos {2 * step:g}, or\n`{numbers}`"


def bends(weight):
    """Between which weights `weighing` tells: a quarter of this one and 2, less than it, more."""
    if weight == 5:
        return "1.6, 3.0, 10.0"
    return f"{1.6 if weight < 7 else 1.9}, {weight - 0.5}, {weight + 0.5}"


MORE = " + [guessed(rng, 7, 5, unlike=8) for _ in range(3)]"

VARIANTS = Variants(
    constants=[
        # Between 3 and 10, where `weighing` tells weights apart; not 4 or 8, of which a quarter
        # is the weight of another known mistake.
        Constant("weight", 5, (6, 7), tasks=["match"]),
        Constant("base", 10000, (1600, 2500, 6400), tasks=["position_code"]),  # square numbers
    ],
    helpers={"short": short, "code": code, "isqrt": math.isqrt, "MORE": MORE, "bends": bends},
    notebook=[
        "«base»^{2i/c}",
        "the square root of «base», which is «isqrt(base)»",
        "is «code(base)»",
        "lengths = «base» ** (np.arange",
        "A pair costs «weight» times the sum",
        "| prediction 0 | -0.5 | «short(0.2 * weight - 0.5)» |",
        "| prediction 1 | «short(0.2 * weight - 0.9)» | «short(0.4 * weight - 0.1)» |",
        "| prediction 2 | «short(1.8 * weight - 0.05)» | «short(1.6 * weight - 0.05)» |",
        "has to pay «short(0.4 * weight - 0.1)» for truth 1, together «short(0.4 * weight - 0.6)».",
        "cost «short(0.2 * weight - 0.5)» + «short(0.2 * weight - 0.9)» = "
        "«short(0.4 * weight - 1.4)»:",
        "costs = «weight» * np.abs",
    ],
    code={
        "tasks.py": [
            "lengths = «base» ** (np.arange",
            word("«weight» *"),
            "for weight in (0, 1, «weight / 4», «weight / 2», «5 * weight»))",
            # Further assignments, to tell the mistakes apart that the default's own trials part.
            "        none,\n    ]«'' if weight == 5 else MORE»",
            "bends=(1.1, «bends(weight)»)",
        ],
        "bank/match.py": [word("«weight»"), "«float(weight)» * apart", "«weight / 4»)"],
        "bank/position_code.py": [
            word("«base»"),
            word("«float(base)»"),
            word("«'1e4' if base == 10000 else base»"),
        ],
    },
)
