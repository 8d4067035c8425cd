"""Exercise 13: one look is enough. Its answers are in `bank/`; see `docs/authoring.md`."""

import numpy as np

from autograder.setting.task import Task, Trial, trial

MOST_STEPS = 60  # of k-means, which ends far earlier here: an edited answer may not end at all

# Model answers


def default_boxes(sizes, scales, ratios):
    """The default boxes of SSD (Liu et al. 2016, arXiv:1512.02325, section 2.2)."""
    boxes = []
    for size, scale, following, kinds in zip(sizes, scales[:-1], scales[1:], ratios, strict=True):
        roots = np.sqrt(kinds)
        sides = scale * np.stack([1 / roots, roots], axis=1)
        sides = np.insert(sides, 1, np.sqrt(scale * following), axis=0)
        centres = (np.argwhere(np.ones((size, size))) + 0.5) / size
        boxes.append([[*centre, *side] for centre in centres for side in sides])
    return np.concatenate(boxes)


def hard_negatives(loss, positive, ratio=3):
    """Hard negative mining as in SSD (Liu et al. 2016, section 2.2)."""
    negatives = np.flatnonzero(~positive)
    hardest = negatives[np.argsort(-loss[negatives])]
    kept = np.zeros(len(loss), bool)
    kept[hardest[: ratio * positive.sum()]] = True
    return kept


def alike(sizes, centres):
    """The IoU of each size with each centre, both boxes about one point."""
    common = np.minimum(sizes[:, None], centres).prod(axis=-1)
    return common / (sizes.prod(axis=-1)[:, None] + centres.prod(axis=-1) - common)


def moved(sizes, centres):
    """Each centre's mean of the sizes that are nearest to it."""
    nearest = alike(sizes, centres).argmax(axis=1)
    clusters = [sizes[nearest == k] for k in range(len(centres))]
    pairs = zip(clusters, centres, strict=True)
    return np.array([c.mean(axis=0) if len(c) else centre for c, centre in pairs])


def anchor_priors(sizes, count, start):
    """Dimension clusters (Redmon and Farhadi 2017, arXiv:1612.08242, section 2), by Lloyd's way."""
    centres = start
    for _ in range(MOST_STEPS):
        after = moved(sizes, centres)
        if (after == centres).all():
            break
        centres = after
    return centres


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    powers = np.exp(x)
    return powers / powers.sum(axis=-1, keepdims=True)


def yolo_decode(raw, priors, stride):
    """What YOLOv2's head says (Redmon and Farhadi 2017, section 2: direct location prediction)."""
    cells = np.stack(np.indices(raw.shape[:2]), axis=-1)[:, :, None]
    centres = (cells + sigmoid(raw[..., :2])) * stride
    sizes = priors * np.exp(raw[..., 2:4])
    boxes = np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=-1)
    return boxes, sigmoid(raw[..., 4]), softmax(raw[..., 5:])


# What is tried


def single(array: np.ndarray) -> np.ndarray:
    return array.astype("float32")


def default_trials(rng: np.random.Generator) -> list[Trial]:
    """One map and three, coarse and fine ones; few and many ratios; boxes larger than the picture.

    Scales that do not grow evenly, so that no mean of two is the next one's root of a product.
    """
    a, b, c = (int(n) for n in rng.choice(range(2, 6), 3, replace=False))
    first, second, third, last = (round(float(s), 3) for s in np.cumsum(rng.uniform(0.1, 0.3, 4)))
    return [
        trial(sizes=[2], scales=[0.2, 0.45], ratios=[[1.0, 4.0]]),
        trial(sizes=[a, 1], scales=[first, second, last], ratios=[[1.0, 2.0, 0.5], [1.0, 3.0]]),
        trial(
            sizes=[b, c, 1],
            scales=[first, third, last, 1.3],
            ratios=[[1.0, 0.4], [1.0, 2.0, 0.5, 3.0, 1 / 3], [1.0, 1.7, 0.8]],
        ),
        trial(sizes=[3], scales=[0.9, 1.1], ratios=[[1.0]]),
    ]


def mined(rng: np.random.Generator, count: int, positives: int) -> dict[str, np.ndarray]:
    """Losses in no order, of which no two are near; positives have large and small ones."""
    loss = rng.permutation(np.geomspace(0.02, 6, count) * rng.uniform(0.97, 1.03, count))
    positive = np.zeros(count, bool)
    positive[rng.permutation(count)[:positives]] = True
    if 1 < positives < count:  # the largest loss of all is a positive's, so is one in the middle
        order = np.argsort(-loss)
        positive[:] = False
        others = 2 + rng.permutation(count - 2)[: positives - 2]
        positive[order[[0, count // 4, *(o for o in others if o != count // 4)]]] = True
    return {"loss": loss, "positive": positive}


def negative_trials(rng: np.random.Generator) -> list[Trial]:
    """Enough negatives, just enough, and fewer; none, no positives; other ratios than 3."""
    large = mined(rng, 40, 4)
    worked = np.array([0.2, 5.0, 1.5, 0.9, 3.0, 0.1])
    return [
        trial(loss=worked, positive=np.array([False, True, False, False, False, False]), ratio=2),
        trial(**mined(rng, 20, 3)),
        trial(**mined(rng, 17, 2), ratio=1),
        trial(loss=single(large["loss"]), positive=large["positive"], ratio=5),
        trial(**mined(rng, 11, 4)),
        trial(**mined(rng, 8, 2), ratio=3),
        trial(**mined(rng, 9, 0)),
        trial(loss=mined(rng, 5, 0)["loss"], positive=np.ones(5, bool)),
        trial(**mined(rng, 13, 1), ratio=4),
    ]


def steps_of(sizes: np.ndarray, centres: np.ndarray) -> tuple[int, float, set[int]]:
    """How often the centres move, how near a size is to two of them, and how many stay empty."""
    steps, nearest = 0, 1.0
    while True:
        overlaps = alike(sizes, centres)
        if len(centres) > 1:
            ranked = np.sort(overlaps, axis=1)
            nearest = min(nearest, float((ranked[:, -1] - ranked[:, -2]).min()))
        after = moved(sizes, centres)
        if (after == centres).all():
            empty = set(range(len(centres))) - set(overlaps.argmax(axis=1).tolist())
            return steps, nearest, empty
        steps, centres = steps + 1, after


def clustered(rng: np.random.Generator, number: int, count: int, empty=False, scale=1.0) -> Trial:
    """Sizes whose centres move several times, and none of which is between two of them.

    In no order: the largest start is not the first. If `empty`, a centre attracts nothing.
    """
    while True:
        sizes = np.exp(rng.uniform(np.log(8), np.log(120), (number, 2)))
        start = sizes[rng.permutation(number)[:count]] * rng.uniform(0.8, 1.2, (count, 2))
        if empty:
            start[rng.integers(0, count - 1)] = [1.5, 400.0]
        steps, nearest, alone = steps_of(sizes, start)
        plain = ((sizes[:, None] - start) ** 2).sum(axis=-1).argmin(axis=1)
        other = (plain != alike(sizes, start).argmax(axis=1)).any()
        if steps > 2 and nearest > 2e-3 and other and bool(alone) == empty:
            break
    sizes, start = sizes * scale, start * scale
    return trial(sizes=sizes, count=count, start=start)


def prior_trials(rng: np.random.Generator) -> list[Trial]:
    """Two to five clusters, one alone, an empty one; sizes in pixels and in shares of a picture."""
    worked = np.array([[10.0, 10.0], [12.0, 10.0], [40.0, 20.0], [44.0, 22.0]])
    few = clustered(rng, 14, 3)
    few.arguments.update({name: single(few.arguments[name]) for name in ("sizes", "start")})
    return [
        trial(sizes=worked, count=2, start=np.array([[12.0, 10.0], [40.0, 20.0]])),
        clustered(rng, 16, 2),
        clustered(rng, 25, 5),
        few,
        clustered(rng, 15, 4, empty=True),
        clustered(rng, 18, 3, scale=1 / 300),
        trial(sizes=worked + rng.uniform(0, 3, (4, 2)), count=1, start=np.array([[30.0, 70.0]])),
    ]


def decoding_trials(rng: np.random.Generator) -> list[Trial]:
    """Maps high and wide, one cell; one to four priors, few classes; small and large numbers."""

    def case(height, width, anchors, classes, stride, scale):
        raw = rng.normal(0, scale, (height, width, anchors, 5 + classes))
        return trial(raw=raw, priors=rng.uniform(6, 90, (anchors, 2)), stride=stride)

    worked = np.zeros((1, 2, 1, 7))
    worked[0, 1, 0] = [0, np.log(3), np.log(2), 0, -np.log(4), 0, np.log(3)]
    large = case(3, 4, 2, 3, 32, 2.5)
    large.arguments["raw"][..., 2:4] /= 2
    large.arguments.update({name: single(large.arguments[name]) for name in ("raw", "priors")})
    return [
        trial(raw=worked, priors=np.array([[10.0, 20.0]]), stride=8),
        case(3, 2, 2, 4, 16, 1.0),
        case(2, 4, 3, 2, 7, 0.4),
        large,
        case(1, 1, 4, 3, 32, 1.5),
    ]


def by_hand(name, points, trials, answer, **options) -> Task:
    """Float16 is refused by this tolerance; single precision stays below a tenth of it."""
    how = {"kind": "function", "by_hand": True, "tolerance": 3e-5, **options}
    return Task(name=name, points=points, trials=trials, answer=answer, **how)


TASKS = [
    by_hand("default_boxes", 3, default_trials, default_boxes),
    by_hand("hard_negatives", 2, negative_trials, hard_negatives, dtype="bool"),
    by_hand("anchor_priors", 4, prior_trials, anchor_priors),
    by_hand("yolo_decode", 4, decoding_trials, yolo_decode, outputs=3),
]

_MAPS = "for size, scale, following, kinds in zip(sizes, scales[:-1], scales[1:], ratios"
_PAIRS = "pairs = zip(clusters, centres"
_COMMON = ("sizes[:, None]", "centres")
_SHARE = "return common / (sizes.prod(axis={})[:, None] + centres.prod(axis={}) {} common)"


def _edit(function: str, before: str, after: str) -> str:
    """How a mutant is called."""
    return f"{function}: {before} -> {after}"


# What `autograder mutate` lists though it computes the same, each with the reason.
EQUIVALENT_MUTANTS = {
    _edit("default_boxes", f"{_MAPS}, strict=True):", f"{_MAPS}):"): "all are as many",
    _edit(
        "default_boxes", f"{_MAPS}, strict=True):", f"{_MAPS}, strict=False):"
    ): "all are as many",
    _edit("anchor_priors", "if (after == centres).all():", "if False:"): "it only goes on",
    _edit("moved", f"{_PAIRS}, strict=True)", f"{_PAIRS})"): "both are as many",
    _edit("moved", f"{_PAIRS}, strict=True)", f"{_PAIRS}, strict=False)"): "both are as many",
    _edit(
        "alike",
        "common = np.minimum({}, {}).prod(axis=-1)".format(*_COMMON),
        "common = np.minimum({}, {}).prod(axis=-1)".format(*_COMMON[::-1]),
    ): "a minimum of two",
    _edit("alike", _SHARE.format(-1, -1, "-"), _SHARE.format(-1, -1, "+")): "the same is largest",
    _edit(
        "alike", _SHARE.format(-1, -1, "-"), _SHARE.format(-1, "+1", "-")
    ): "of two axes the last",
    _edit(
        "alike", _SHARE.format(-1, -1, "-"), _SHARE.format("+1", -1, "-")
    ): "of two axes the last",
}
