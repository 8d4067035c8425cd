"""What a course may vary: the numbers of filters and of units of LeNet-5."""

from autograder.setting.variants import Constant, Variants, word


def parameters(first, second, wide, narrow):
    """All trainable parameters of the net, with 5x5 kernels and ten classes."""
    sizes = (25, first), (25 * first, second), (25 * second, wide), (wide, narrow), (narrow, 10)
    return f"{sum((inputs + 1) * outputs for inputs, outputs in sizes):,}"


VARIANTS = Variants(
    constants=[
        Constant("first", 6, (8, 10), tasks=["lenet5"]),
        Constant("second", 16, (20, 24), tasks=["lenet5"]),
        Constant("wide", 120, (100, 110), tasks=["lenet5"]),
        Constant("narrow", 84, (64, 72), tasks=["lenet5"]),
    ],
    helpers={"parameters": parameters},
    notebook=[
        "| C1 | «first» filters 5x5, `valid`, tanh | 28x28x«first» |",
        "| S2 | 2x2 average pool | 14x14x«first» |",
        "| C3 | «second» filters 5x5, `valid`, tanh | 10x10x«second» |",
        "| S4 | 2x2 average pool | 5x5x«second» |",
        "| C5 | «wide» units that see all of S4, tanh | «wide» |",
        "| F6 | «narrow» units, tanh | «narrow» |",
        "`lenet5().count_params()` is «parameters(first, second, wide, narrow)»",
        "«wide» filters of 5x5 on a 5x5 map give 1x1x«wide». Each of them sees all "
        "«25 * second» numbers",
        "for filters in («first», «second»):",
        "for units in («wide», «narrow»):",
    ],
    code={
        "tasks.py": [
            'layers.Conv2D(«first», 5, activation="tanh")',
            'layers.Conv2D(«second», 5, activation="tanh")',
            'layers.Dense(«wide», activation="tanh")',
            'layers.Dense(«narrow», activation="tanh")',
        ],
        "bank/lenet5.py": [
            *(word(f"«{name}»") for name in ("first", "second", "wide", "narrow")),
            "(-1, «25 * second»))",
            "5x5x«second» = «25 * second»",
        ],
    },
)
