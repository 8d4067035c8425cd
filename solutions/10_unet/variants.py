"""What a course may vary: the epsilon that smooths the Dice coefficient."""

from autograder.setting.variants import Constant, Variants

VARIANTS = Variants(
    constants=[Constant("epsilon", 1.0, (0.5, 1.5, 2.0), tasks=["dice"])],
    helpers={"coefficient": lambda e: f"{(1.5 + e) / (3 + e):.3f}"},
    notebook=[
        "is (1.5 + «f'{epsilon:g}'») / (3 + «f'{epsilon:g}'») = «coefficient(epsilon)»",
        "dice(truth, probability, epsilon=«epsilon»)",
        # The question says that it is asked with an epsilon of 1.
        "dice(truth, nothing«'' if epsilon == 1.0 else ', 1.0'»)",
    ],
    code={
        "tasks.py": ["dice(truth, probability, epsilon=«epsilon»)"],
        "bank/dice.py": ["epsilon=«epsilon»)"],
    },
)
