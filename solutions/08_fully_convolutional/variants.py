"""What a course may vary: the label that is left out by default."""

from autograder.setting.variants import Constant, Variants, word

VARIANTS = Variants(
    # A byte, and no class of the trials that leave the argument out.
    constants=[Constant("ignore", 255, (199, 170), tasks=["mean_iou"])],
    notebook=[
        "ignore=«ignore»)",
        "truth = [[0, 0, 1, «ignore»]]",
        "] = «ignore»  # nearly the right place",
    ],
    code={
        "tasks.py": [word("«ignore»")],
        "bank/mean_iou.py": [word("«ignore»"), "(`uint8`), which end at 255"],
    },
)
