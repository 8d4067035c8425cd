"""What a course may vary: the thresholds of a label, and where the loss of the offsets bends."""

from autograder.setting.variants import Constant, Variants


def losses(beta):
    """The worked case of `smooth_l1`, with at most four decimals."""
    sizes = (2.0, 0.5, 0.0, 0.8, 3.0)
    values = (s * s / (2 * beta) if s < beta else s - beta / 2 for s in sizes)
    return ", ".join(f"{round(value, 4):g}" for value in values)


VARIANTS = Variants(
    constants=[
        # None is an overlap of the trials that are worked out by hand.
        Constant("positive", 0.7, (0.65, 0.75, 0.78), tasks=["label_anchors"]),
        Constant("negative", 0.3, (0.35, 0.28, 0.4), tasks=["label_anchors"]),
        Constant("beta", 1.0, (0.75, 1.25, 1.5), tasks=["smooth_l1"]),
    ],
    helpers={"losses": losses},
    notebook=[
        "positive=«positive», negative=«negative»)",
        "smooth_l1(x, beta=«beta»)",
        "is `[«losses(beta)»]`",
    ],
    code={
        "tasks.py": [
            "positive=«positive», negative=«negative»)",
            "scattered(rng, 14, «positive», «negative»)",
            "smooth_l1(x, beta=«beta»)",
        ],
        "bank/label_anchors.py": [
            "positive=«positive», negative=«negative»",
            ".max(axis=1) >= «negative»",
        ],
        "bank/smooth_l1.py": ["beta=«beta»"],
    },
)
