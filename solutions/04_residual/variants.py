"""What a course may vary: how much a bottleneck widens, how many filters a ResNet begins with."""

from autograder.setting.variants import Constant, Variants, word

WORDS = {3: "three", 4: "four", 5: "five"}
RESNET_50 = (3, 4, 6, 3)


def widths(width):
    """The filters of the four stages."""
    return [width * 2**stage for stage in range(4)]


def kernels(width, times, blocks=RESNET_50, colours=3):
    """The numbers of weights of all kernels but the dense layer's, in order."""
    before, sizes = width, [49 * colours * width]
    for count, filters in zip(blocks, widths(width), strict=True):
        after = times * filters
        for number in range(count):
            sizes += [before * filters, 9 * filters**2, filters * after]
            sizes += [before * after] if number == 0 else []
            before = after
    return sizes


def counts(width, times):
    """All parameters of the net of 50 layers and 1000 classes, then those that are trained."""
    norms = 2 * width + sum(
        2 * filters * (count * (2 + times) + times)
        for count, filters in zip(RESNET_50, widths(width), strict=True)
    )
    dense = (8 * width * times + 1) * 1000
    trained = sum(kernels(width, times)) + norms + dense
    return f"{trained + norms:,}; {trained:,} of"


def classes(width, times):
    """Six numbers of classes with which the dense kernel is as large as no other."""
    others = set(kernels(width, times))
    fit = [n for n in range(5, 30) if n * 8 * width * times not in others]
    return ", ".join(map(str, fit[:6]))


def small_case(times):
    """The bottleneck of two filters on as many channels as it gives, with its parameters."""
    wide = 2 * times
    total = 2 * wide + 36 + wide * 2 + 2 * (4 + wide)
    return (
        f"From (N, 8, 6, {wide}), with `filters=2` the result is (N, 8, 6, {wide}): "
        f"2 * {wide} + 9 * 2 * 2 + {wide} * 2 weights in kernels and\n"
        f"2 * (2 + 2 + {wide}) in normalisations: {total} trainable parameters."
    )


def called(width, times):
    """What the net of the case to hold it against is called."""
    return "ResNet-50" if (width, times) == (64, 4) else "ResNet-50 in these widths"


COMMAS = "«', '.join(map(str, widths(width)))»"

VARIANTS = Variants(
    constants=[
        # Not 2, which is a known mistake.
        Constant("times", 4, (3, 5), tasks=["bottleneck_block", "resnet"]),
        Constant("width", 64, (48, 40, 56), tasks=["resnet"]),
    ],
    helpers={
        "WORDS": WORDS,
        "widths": widths,
        "counts": counts,
        "classes": classes,
        "small_case": small_case,
        "called": called,
    },
    notebook=[
        "«times»*`filters`",
        "«small_case(times)»",
        "«times» * filters",
        "stride 2, «width» filters, `same`",
        "with «width», «2 * width», «4 * width» and «8 * width» `filters`",
        "and gives «counts(width, times)»",
        "That is «called(width, times)».",
        "Conv2D(«width», 7,",
        "«width» * 2**stage",
    ],
    code={
        "tasks.py": [
            "«times» * filters",
            "«times» * a",
            "«times» * b",
            f"FILTERS = ({COMMAS})",
            "conv_bn(x, «width», 7, 2)",
            "rng.choice([«classes(width, times)»])",
        ],
        "bank/_shared.py": ["times=«times»"],
        "bank/residual_block.py": ["the factor of «times» is", "times=«times»"],
        "bank/bottleneck_block.py": [
            "«times» * filters",
            "«times» * self.filters",
            "filters * «times»",
            "filters // «times»",
            "«times + 1» * filters",
            "«times»*`filters`",
            "times=«times»",
            "not «WORDS[times]» times.",
        ],
        "bank/resnet.py": [
            word("«width»"),
            COMMAS,
            "filters=«width // 2»)",
            "mean(bottleneck_block(x, «8 * width», 2))",
            "«width», «2 * width», «4 * width» and «8 * width»",
            "(«width // 2», «width», «2 * width», «4 * width»)",
            "«8 * width» filters.",
            "(«width», «2 * width», «4 * width», «4 * width»)",
            "takes «WORDS[times]» times as many",
            "(«times * width», «2 * times * width», «4 * times * width», «8 * times * width»)",
            "«times»*n channels",
            "filters // «times»",
            "times=«times»",
            "«times» * filters",
        ],
    },
)
