"""Exercise 16: attention, positions, sets. Its answers are in `bank/`; see `docs/authoring.md`."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from autograder.setting.task import Task, Trial, trial

NAMES = ("class_probability", "boxes", "true_classes", "true_boxes")
CLEAR = 0.03  # by how much the cheapest assignment is cheaper than any other

# Model answers


def attention(q, k, v):
    """Scaled dot-product attention (Vaswani et al. 2017, arXiv:1706.03762, section 3.2.1)."""
    logits = q @ k.T / np.sqrt(q.shape[1])
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers @ v / powers.sum(axis=1, keepdims=True)


def waves(count, channels):
    """Sines and cosines of ever longer waves, in turn (Vaswani et al. 2017, section 3.5)."""
    lengths = 10000 ** (np.arange(0, channels, 2) / channels)
    angles = np.arange(count)[:, None] / lengths
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(count, channels)


def position_code(height, width, channels):
    """A code of both places (Carion et al. 2020, arXiv:2005.12872, appendix A.4)."""
    code = np.empty((height, width, channels))
    code[..., : channels // 2] = waves(height, channels // 2)[:, None]
    code[..., channels // 2 :] = waves(width, channels // 2)
    return code


def match(class_probability, boxes, true_classes, true_boxes):
    """The matching of DETR (Carion et al. 2020, section 3.1), without the IoU in its costs."""
    apart = np.abs(boxes[:, None] - true_boxes).sum(axis=-1)
    return linear_sum_assignment(5 * apart - class_probability[:, true_classes])


# What is tried


def single(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays of floats in single precision, others as they are."""
    return {n: a.astype("float32") if a.dtype.kind == "f" else a for n, a in arrays.items()}


def asked(rng: np.random.Generator, queries: int, keys: int, width: int, values: int) -> dict:
    return {
        "q": rng.normal(0, 1.5, (queries, width)),
        "k": rng.normal(0, 1.0, (keys, width)),
        "v": rng.normal(0, 1.0, (keys, values)) + rng.uniform(-2, 2, values),
    }


def levelled(rng: np.random.Generator, levels: list[float], keys: int) -> dict:
    """Logits of which each query's have a level; between the keys they differ by little.

    Products are exact in single precision too.
    """
    arrays = asked(rng, len(levels), keys, 4, 3)
    q, k = (np.round(arrays[name] * 8) / 8 for name in ("q", "k"))
    q[:, 3], k[:, 3] = np.array(levels) / 8, 16
    return {**arrays, "q": q, "k": k}


def attention_trials(rng: np.random.Generator) -> list[Trial]:
    """More queries than keys and fewer; one of either; as many queries as keys as numbers.

    Logits of thousands, above 0, below 0, and of both kinds in one call; keys that are far apart,
    of which one gets all; queries of 0, which ask all alike; single precision.
    """
    worked = {
        "q": np.array([[2 * np.log(3), 0, 0, 0], [0, 0, 0, 0]]),
        "k": np.array([[1.0, 0, 0, 0], [0, 1.0, 0, 0]]),
        "v": np.array([[4.0], [8.0]]),
    }
    far = {**asked(rng, 4, 5, 16, 3), "q": np.round(rng.normal(0, 300, (4, 16)))}
    far["k"] = np.round(far["k"] * 8)
    cases = [
        worked,
        asked(rng, 5, 8, 3, 2),
        asked(rng, 7, 4, 6, 9),
        asked(rng, 5, 5, 5, 5),
        asked(rng, 6, 6, 2, 3),
        asked(rng, 1, 6, 5, 4),
        asked(rng, 4, 1, 3, 2),
        asked(rng, 3, 7, 1, 2),
        levelled(rng, [1000, 1100, 1200], 6),
        levelled(rng, [-1000, -1100, -900, -1200], 5),
        levelled(rng, [1000, 0, -1000], 4),
        far,
        single(asked(rng, 6, 9, 12, 5)),
    ]
    return [trial(**case) for case in cases]


def code_trials(rng: np.random.Generator) -> list[Trial]:
    """Pictures high and wide, one row, one column, long ones; few channels and many."""
    a, b, c = (int(n) for n in rng.choice(range(5, 12), 3, replace=False))
    long = int(rng.integers(30, 40))
    return [
        trial(height=2, width=3, channels=4),
        trial(height=a, width=b, channels=8),
        trial(height=b, width=c, channels=12),
        trial(height=2, width=long, channels=16),
        trial(height=long, width=3, channels=24),
        trial(height=1, width=a, channels=20),
        trial(height=c, width=1, channels=8),
    ]


def greedy(costs: np.ndarray) -> np.ndarray:
    """Costs by which one truth after the other takes the cheapest prediction that is left."""
    left, chosen = costs.copy(), np.ones(costs.shape)
    for column in range(costs.shape[1]):
        row = left[:, column].argmin()
        left[row], chosen[row, column] = np.inf, 0
    return chosen


def rivals(shares: np.ndarray, gaps: np.ndarray) -> list[np.ndarray]:
    """Costs that come near to those asked for: other weights, other distances, a greedy choice."""
    sums, squares = gaps.sum(axis=-1), (gaps**2).sum(axis=-1)
    distances = (
        5 * np.sqrt(squares),
        5 * squares,
        5 * gaps.max(axis=-1),
        5 * gaps[..., :2].sum(-1),
    )
    right = 5 * sums - shares
    return [
        *(weight * sums - shares for weight in (0, 1, 1.25, 2.5, 25)),
        *(distance - shares for distance in distances),
        sums, 5 * sums + shares, 5 * sums - np.log(shares), greedy(right),
    ]  # fmt: skip


def pairs_of(costs: np.ndarray) -> frozenset[tuple[int, int]]:
    return frozenset(zip(*linear_sum_assignment(costs), strict=True))


def is_clear(costs: np.ndarray) -> bool:
    """Whether all other assignments are dearer by enough: none of the best one's pairs is free."""
    best = linear_sum_assignment(costs)
    for pair in zip(*best, strict=True):
        without = costs.copy()
        without[pair] = 1e6
        if without[linear_sum_assignment(without)].sum() < costs[best].sum() + CLEAR:
            return False
    return True


def guessed(
    rng: np.random.Generator, predictions: int, truths: int, unlike: int = 0, scale: float = 1
) -> dict:
    """Truths in a heap, and predictions near to them; the cheapest assignment is one only.

    All rivals choose otherwise if this is to be `unlike` them, in at least so many ways: then the
    first truth's cheapest prediction is in the cheapest pair of all, with another truth.
    """
    while True:
        centres = rng.uniform(0.4, 0.6, 2) + rng.normal(0, 0.06, (truths, 2))
        sizes = rng.uniform(0.1, 0.3, (truths, 2))
        true = scale * np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)
        nearest = rng.permutation(np.arange(predictions) % truths)
        boxes = true[nearest] + scale * rng.normal(0, 0.04, (predictions, 4))
        classes = rng.integers(0, 3, truths)
        powers = np.exp(rng.normal(0, 1.5, (predictions, 4)))
        shares = powers / powers.sum(axis=1, keepdims=True)
        gaps = np.abs(boxes[:, None] - true)
        costs = 5 * gaps.sum(axis=-1) - shares[:, classes]
        chosen = pairs_of(costs)
        others = set(map(pairs_of, rivals(shares[:, classes], gaps))) if unlike else set()
        row, column = np.unravel_index(costs.argmin(), costs.shape)
        contested = column > 0 and row == costs[:, 0].argmin()
        is_unlike = contested and chosen not in others and len(others) >= unlike
        moved = any(row != column for row, column in chosen)
        if (is_unlike or not unlike) and moved and is_clear(costs):
            return dict(zip(NAMES, (shares, boxes, classes, true), strict=True))


def weighing(rng: np.random.Generator, bends=(1.1, 1.6, 3.0, 10.0)) -> dict:
    """Truths far apart, each with two predictions: one is nearer, the other surer of the class.

    The nearer one is the better from a weight of the distance on that is the truth's `bend`.
    """
    truths, surer = len(bends), 0.4
    true = np.linspace(0, 3, truths)[:, None] + np.array([0, 0.1, 0.3, 0.4])
    farther = rng.dirichlet(np.full(4, 2.0), truths) * surer / np.array(bends)[:, None]
    near = true + rng.uniform(-0.02, 0.02, (truths, 4))
    boxes = np.concatenate([near, near + np.sign(near - true) * farther])
    classes = rng.permutation(np.arange(truths) % 3)
    own = np.repeat([0.2, 0.2 + surer], truths)
    shares = np.tile((1 - own[:, None]) / 3, (1, 4))
    shares[np.arange(2 * truths), np.tile(classes, 2)] = own
    order = rng.permutation(2 * truths)
    return dict(zip(NAMES, (shares[order], boxes[order], classes, true), strict=True))


def match_trials(rng: np.random.Generator) -> list[Trial]:
    """As many predictions as truths, and more; one truth, none; boxes in pixels, single precision.

    Boxes that are equal, so that classes decide. One assignment alone is the cheapest everywhere.
    """
    worked = {
        "class_probability": np.array([[0.5, 0.5, 0.0], [0.9, 0.1, 0.0], [0.05, 0.05, 0.9]]),
        "boxes": np.array([[0.2, 0.2, 0.4, 0.4], [0.2, 0.1, 0.4, 0.3], [0.6, 0.6, 0.9, 0.9]]),
        "true_classes": np.array([0, 1]),
        "true_boxes": np.array([[0.2, 0.2, 0.4, 0.4], [0.2, 0.3, 0.4, 0.5]]),
    }
    none = guessed(rng, 3, 2)
    none = {n: a[:0] if n.startswith("true") else a for n, a in none.items()}
    cases = [
        worked,
        guessed(rng, 5, 5, unlike=5),
        guessed(rng, 7, 4, unlike=8),
        guessed(rng, 7, 5, unlike=8),
        guessed(rng, 7, 5, unlike=8),
        single(guessed(rng, 6, 4, unlike=6)),
        guessed(rng, 5, 1),
        guessed(rng, 6, 4, scale=100),
        weighing(rng),
        none,
    ]
    return [trial(**case) for case in cases]


def function(name, points, trials, answer, **options) -> Task:
    return Task(name=name, kind="function", points=points, trials=trials, answer=answer, **options)


TASKS = [
    # products of thousands in single precision differ by a tenth of this, half precision by more
    function("attention", 4, attention_trials, attention, by_hand=True, tolerance=3e-4),
    function("position_code", 3, code_trials, position_code, by_hand=True, tolerance=3e-5),
    function("match", 4, match_trials, match, outputs=2, dtype="number", unordered=True),
]

# What `autograder mutate` lists though it computes the same, each with the reason.
EQUIVALENT_MUTANTS = {
    f"position_code: code[..., {half} -> (twice)": "what stands there is written again"
    for half in (
        ":channels // 2] = waves(height, channels // 2)[:, None]",
        "channels // 2:] = waves(width, channels // 2)",
    )
}
