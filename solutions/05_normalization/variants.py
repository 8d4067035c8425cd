"""What a course may vary: the epsilon of the group normalisation, which counts in this block."""

from autograder.setting.variants import Constant, Variants, word

VARIANTS = Variants(
    constants=[Constant("epsilon", "1e-5", ("2e-5", "3e-5", "4e-5"), tasks=["conv_group_relu"])],
    notebook=[
        "**epsilon «epsilon»**",
        "(epsilon «epsilon»), ReLU",
        "layers.GroupNormalization(groups, epsilon=«epsilon»)",
    ],
    code={
        "tasks.py": ["layers.GroupNormalization(groups, epsilon=«epsilon»)"],
        "bank/conv_group_relu.py": [word("«epsilon»"), "«f'{float(epsilon):.5f}'»)"],
    },
)
