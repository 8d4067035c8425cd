"""What a course may vary: how many convolutions stand in front in the mask head."""

from autograder.setting.variants import Constant, Variants

WORDS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}
THRICE = {2: "twice", 3: "three times", 4: "four times"}


def parameters(count):
    """Those of `mask_head(x, 2, 5)` on maps with four channels."""
    return (9 * 4 * 5 + 5) + (count - 1) * (9 * 5 * 5 + 5) + (4 * 5 * 5 + 5) + (5 * 2 + 2)


def other_counts(count):
    """The numbers of convolutions that are known mistakes, as the bank writes them."""
    others = [n for n in (1, 2, 3, 4, 5) if n != count]
    return ", ".join(f'({n}, "{WORDS[n]} {"is" if n == 1 else "are"}")' for n in others)


VARIANTS = Variants(
    constants=[Constant("count", 4, (3, 5), tasks=["mask_head"])],
    helpers={
        "words": WORDS,
        "thrice": THRICE,
        "parameters": parameters,
        "other_counts": other_counts,
        "again": lambda count: "again(" * (count - 1) + "x" + ")" * (count - 1),
    },
    notebook=[
        "- «words[count]» 3x3 convolutions with",
        "(9 * 4 * 5 + 5) + «count - 1» * (9 * 5 * 5 + 5)",
        "= «parameters(count)» trainable parameters",
        "is one layer or «words[count - 1]»;",
        '"""«words[count].title()» 3x3 convolutions, a transposed one',
        "for _ in range(«count»):",
    ],
    code={
        "tasks.py": ["for _ in range(«count»):"],
        "bank/_shared.py": ["count=«count»"],
        "bank/mask_head.py": [
            "for _ in range(«count»):",
            "[RawConvolution(filters) for _ in range(«count»)]",
            'activation="relu") for _ in range(«count»)]',
            'padding="same") for _ in range(«count»)]',
            "[convolve(x, filters) for _ in range(«count»)]",
            "in («other_counts(count)»):",
            '"«words[count].title()» 3x3 convolutions',
            "he «words[count]» convolutions",
            "All «words[count]» convolutions",
            "row(x, filters, «count - 1»)",
            "f // 2, «count - 1»)",
            '(f, 3, padding="same")(x), f, «count - 1»)',
            "row(x, f, «count - 1», activation=None)",
            "return «again(count)»",
            "used «thrice[count - 1]»:",
            'padding="same")(x), filters, «count - 2»)',
            "up(row(x, filters, 2), filters), filters, «count - 2»)",
        ],
    },
)
