"""What a course may vary: how many negatives are kept for a positive."""

from autograder.setting.variants import Constant, Variants

VARIANTS = Variants(
    constants=[Constant("ratio", 3, (2, 4, 5), tasks=["hard_negatives"])],
    notebook=["hard_negatives(loss, positive, ratio=«ratio»)"],
    code={
        "tasks.py": ["hard_negatives(loss, positive, ratio=«ratio»)"],
        "bank/hard_negatives.py": ["(loss, positive, ratio=«ratio»"],
    },
)
