"""What a course may vary: a kernel's default side; expansion, first and last width of the net."""

from autograder.setting.variants import Constant, Variants, word

FILTERS = (16, 24, 32, 64, 96, 160, 320)
BLOCKS = (1, 2, 3, 4, 3, 3, 1)


def layers_of(first, wide, last):
    """The numbers of weights of all kernels but the dense layer's, and of channels normalised."""
    before, kernels, channels = first, [27 * first], first
    for filters, count in zip(FILTERS, BLOCKS, strict=True):
        for _ in range(count):
            widened = before if filters == FILTERS[0] else wide * before
            kernels += [before * widened] if widened != before else []
            kernels += [9 * widened, widened * filters]
            channels += (widened if widened != before else 0) + widened + filters
            before = filters
    return [*kernels, before * last], channels + last


def counts(first, wide, last):
    """All parameters of the net with 1000 classes, then those that are trained."""
    kernels, channels = layers_of(first, wide, last)
    trained = sum(kernels) + 2 * channels + (last + 1) * 1000
    return f"{trained + 2 * channels:,}; {trained:,} of"


VARIANTS = Variants(
    constants=[
        Constant("kernel", 3, (5, 4), tasks=["separable_conv"]),
        Constant("first", 32, (24, 40), tasks=["mobilenet_v2"]),
        Constant("wide", 6, (5, 4), tasks=["mobilenet_v2"]),
        # Not 1024, which is a known mistake; not 1152: five times that, the dense kernel, is also
        # nine times 640, a depthwise one, and a scale is given by the number of weights.
        Constant("last", 1280, (960, 1120), tasks=["mobilenet_v2"]),
    ],
    helpers={"counts": counts, "layers_of": layers_of},
    notebook=[
        "separable_conv(x, filters, kernel=«kernel», stride=1)",
        "«kernel» * «kernel» * 4 + 4 * 10 + 10 = «4 * kernel**2 + 50» parameters",
        "«kernel» * «kernel» * 4 * 10 + 10 = «40 * kernel**2 + 10».",
        "stride 2, «first» filters, `same`",
        *(f"| «wide» | {filters} |" for filters in FILTERS[1:]),
        "convolution to «last» channels",
        "and gives «counts(first, wide, last)»",
        *(f"(«wide», {filters}, " for filters in FILTERS[1:]),
        "Conv2D(«first», 3,",
        "Conv2D(«last», 1,",
    ],
    code={
        "tasks.py": [
            "separable_conv(x, filters, kernel=«kernel», stride=1)",
            *(f"    («wide», {filters}, " for filters in FILTERS[1:]),
            "Conv2D(«first», 3,",
            word("«last»"),
        ],
        "bank/separable_conv.py": ["kernel=«kernel», stride=1"],
        "bank/mobilenet_v2.py": [
            "Conv2D(«first», ",
            "channels = «first»\n",
            "[1] + [«wide»] * 16",
            "has «first» filters; 16",
            "The expansion of the first row is 1, not «wide».",
            "rows=((«wide», *ROWS[0][1:])",
            word("«last»"),
        ],
    },
)
