"""How good detections are: average precision, by the rules of PASCAL VOC and of COCO.

`evaluate` asks pycocotools. What it does is also here step by step: `rank` holds detections against
the truth, `precision_recall` draws the curve, `average_precision` takes the area under it.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

COCO_THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).round(2).tolist())
"""The ten values of IoU over which COCO takes its mean."""

RULES = ("11 points", "all points", "COCO")
"""PASCAL VOC until 2009, PASCAL VOC from 2010 on, and COCO's 101 points."""

SIZES = {"all": (0, 1e10), "small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 1e10)}
"""COCO's ranges of area, in pixels; both ends count as inside."""

Lists = Sequence[Mapping[str, Any]]
Pictures = Mapping[str, Any] | Lists
"""A list of one dictionary a picture, or one dictionary of padded arrays (B, M, ...)."""


@dataclass(frozen=True)
class Evaluation:
    """What pycocotools says of a detector.

    Attributes:
        thresholds: values of IoU from which a detection is right, (T,).
        precision: precision at recalls 0, 0.01 to 1, (T, 101, C); NaN for a class without truth.
        sizes: mean average precision over all thresholds and classes by `SIZES`' names; NaN where
            no object is of such a size.
    """

    thresholds: NDArray[np.float64]
    precision: NDArray[np.float64]
    sizes: dict[str, float]

    @property
    def ap(self) -> NDArray[np.float64]:
        """Average precision by threshold and class, (T, C); NaN for a class without truth."""
        return self.precision.mean(1)

    @property
    def map(self) -> float:
        """The mean over thresholds and classes: COCO's main number, if the thresholds are COCO's.

        NaN if there is no truth at all.
        """
        return _mean(self.ap)

    @property
    def map50(self) -> float:
        """The mean over the classes at an IoU of 0.5."""
        return _mean(self.by_class(0.5))

    def by_class(self, threshold: float = 0.5) -> NDArray[np.float64]:
        """Average precision of each class (C,) at one of the thresholds.

        Raises:
            ValueError: if nothing was evaluated at this threshold.
        """
        (found,) = np.nonzero(np.isclose(self.thresholds, threshold))
        if not found.size:
            raise ValueError(
                f"Nothing was evaluated at an IoU of {threshold:g}: choose of {self.thresholds}."
            )
        return self.ap[found[0]]


def evaluate(
    scenes: Pictures,
    predictions: Pictures,
    *,
    kind: str = "boxes",
    classes: int = 10,
    thresholds: Sequence[float] = COCO_THRESHOLDS,
    sizes: Sequence[str] = ("all",),
    difficult: bool = True,
    limit: int = 100,
) -> Evaluation:
    """Evaluate detections by pycocotools (Lin et al. 2014, arXiv:1405.0312).

    A detection of an object marked ``crowd`` is neither right nor wrong, as COCO has it. Detections
    may be none at all: their average precision is 0.

    Args:
        scenes: the truth, as `convbook.data.digit_scenes` or `convbook.data.load` give it:
            ``boxes`` (n, 4) as (y1, x1, y2, x2) in pixels, ends exclusive, ``classes`` (n,), -1 for
            padding, and where there are any ``crowd``, ``difficult`` (n,), ``masks`` (n, H, W).
        predictions: for the same pictures ``boxes``, ``scores``, ``classes``, and where there are
            any ``valid`` (n,) bool, ``masks``. Padding has a class of -1 or is not valid.
        kind: "boxes" or "masks": what IoU is taken of. The area that decides on an object's size is
            that of its mask, if there is one, else that of its box; a detection's, that of its
            `kind`.
        classes: their number; those without truth do not count in a mean.
        thresholds: values of IoU.
        sizes: names of `SIZES` to be evaluated as well; "all" always is.
        difficult: whether objects marked so count; if not, they are left out as VOC leaves them
            out: to find one is neither right nor wrong.
        limit: detections of a picture and class that count, best first (COCO: 100).

    Raises:
        ValueError: if there are not as many predictions as pictures, a score is not finite, or a
            name is not known.
    """
    pairs = list(zip(*_listed(scenes, predictions, kind), strict=True))
    for size in sizes:
        if size not in SIZES:
            raise ValueError(f'There is no size "{size}": choose of {", ".join(SIZES)}.')
    if not pairs:
        raise ValueError("There is no picture to evaluate: give one at least.")
    ranges = {"all": SIZES["all"]} | {name: SIZES[name] for name in sizes}
    with contextlib.redirect_stdout(io.StringIO()):  # it tells how long it takes
        truth = _as_coco([_truth_entries(true, difficult) for true, _ in pairs], classes)
        found = _as_coco([_found_entries(made, kind) for _, made in pairs], classes)
        judge = COCOeval(truth, found, {"boxes": "bbox", "masks": "segm"}[kind])
        judge.params.iouThrs = np.asarray(thresholds, float)
        judge.params.maxDets = [limit]
        judge.params.areaRng = [list(each) for each in ranges.values()]
        judge.params.areaRngLbl = list(ranges)
        judge.evaluate()
        judge.accumulate()
    precision = judge.eval["precision"][..., 0]  # thresholds, recalls, classes, sizes
    precision = np.where(precision < 0, np.nan, precision)
    by_size = {name: _mean(precision[..., i].mean(1)) for i, name in enumerate(ranges)}
    return Evaluation(judge.params.iouThrs, precision[..., 0], by_size)


@dataclass(frozen=True)
class Ranking:
    """The detections of one class that count, best first.

    Attributes:
        scores: (N,), falling.
        matched: whether each is right, bool (N,).
        positives: objects that count, found or not.
    """

    scores: NDArray[np.float64]
    matched: NDArray[np.bool_]
    positives: int


def rank(
    scenes: Pictures,
    predictions: Pictures,
    label: int,
    *,
    threshold: float = 0.5,
    rule: str = "COCO",
    kind: str = "boxes",
    difficult: bool = True,
    limit: int = 100,
) -> Ranking:
    """Hold the detections of a class against the truth, best first.

    By COCO's rule a detection is given the object with the highest IoU *that is not taken yet*; by
    PASCAL VOC's the one with the highest IoU, and is wrong if that is taken. A detection of
    what does not count is left out.

    Args:
        scenes: see `evaluate`.
        predictions: see `evaluate`.
        label: the class.
        threshold: IoU from which on a detection is right.
        rule: "COCO" or "VOC".
        kind: "boxes" or "masks".
        difficult: whether objects marked so count.
        limit: detections of a picture that count, best first.
    """
    if rule not in ("COCO", "VOC"):
        raise ValueError(f'There is no rule "{rule}": choose COCO or VOC.')
    scores: list[Any] = [np.zeros(0)]
    results: list[Any] = [np.zeros(0, int)]
    positives = 0
    for true, made in zip(*_listed(scenes, predictions, kind), strict=True):
        true, made = (_of_class(each, label) for each in (true, made))
        left_out = true["crowd"] | (true["difficult"] & (not difficult))
        best = np.argsort(-made["scores"], kind="stable")[:limit]
        made = {key: value[best] for key, value in made.items()}
        overlaps = _overlaps(made, true, kind)
        scores.append(made["scores"])
        results.append(_match(overlaps, left_out, true["crowd"], threshold, rule == "COCO"))
        positives += int((~left_out).sum())
    all_scores, all_results = np.concatenate(scores), np.concatenate(results)
    order = np.argsort(-all_scores, kind="stable")
    order = order[all_results[order] >= 0]
    return Ranking(all_scores[order], all_results[order] == 1, positives)


def _match(
    overlaps: NDArray[np.float64],
    left_out: NDArray[np.bool_],
    crowd: NDArray[np.bool_],
    threshold: float,
    free_only: bool,
) -> NDArray[np.int_]:
    """For each detection of a picture, best first: 1 right, 0 wrong, -1 left out."""
    taken = np.zeros(len(left_out), bool)
    result = np.zeros(len(overlaps), int)
    for row, values in enumerate(overlaps):
        # COCO looks at what counts first, and at the rest only where none of it fits.
        free = ~taken | crowd
        groups = (free & ~left_out, free & left_out) if free_only else (np.ones_like(taken),)
        for group in groups:
            fitting = np.where(group, values, -1.0)
            if fitting.size and fitting.max() >= min(threshold, 1 - 1e-10):
                best = len(fitting) - 1 - int(fitting[::-1].argmax())  # pycocotools: the last
                result[row] = -1 if left_out[best] else int(not taken[best])
                taken[best] = True
                break
    return result


def precision_recall(ranking: Ranking) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return recall and precision behind each detection, best first: (N,), (N,).

    Raises:
        ValueError: if there is no object that could be found.
    """
    if ranking.positives < 1:
        raise ValueError("There is no object of this class: its recall means nothing.")
    right = np.cumsum(ranking.matched)
    return right / ranking.positives, right / np.arange(1, len(right) + 1)


def average_precision(recall: ArrayLike, precision: ArrayLike, rule: str = "COCO") -> float:
    """Return the area under a curve's envelope, the best precision at this recall or a higher one.

    Args:
        recall: (N,), rising, behind each detection.
        precision: (N,).
        rule: one of `RULES`: the mean at recalls 0, 0.1 to 1 (Everingham et al. 2010), the whole
            area (VOC from 2010 on), or the mean at recalls 0, 0.01 to 1 (Lin et al. 2014).

    Raises:
        ValueError: for another rule.
    """
    if rule == "all points":
        steps = np.diff(np.asarray(recall, float), prepend=0.0)
        return float((steps * envelope(precision)).sum())
    return float(asked_points(recall, precision, rule)[1].mean())


def envelope(precision: ArrayLike) -> NDArray[np.float64]:
    """Return the best precision at each recall or a higher one: (N,) to (N,)."""
    return np.maximum.accumulate(np.asarray(precision, float)[::-1])[::-1]


def asked_points(
    recall: ArrayLike, precision: ArrayLike, rule: str = "COCO"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the recalls that a rule asks for, and the envelope there, 0 where it does not reach.

    Args:
        recall: (N,), rising.
        precision: (N,).
        rule: "11 points" or "COCO".

    Raises:
        ValueError: for another rule.
    """
    if rule not in ("11 points", "COCO"):
        raise ValueError(f'There is no rule "{rule}": choose of {", ".join(RULES)}.')
    # Quotients, so that a recall of 3 in 5 is the 0.6 that is asked for; pycocotools' own as it is.
    asked = np.arange(11) / 10 if rule == "11 points" else np.linspace(0, 1, 101)
    places = np.searchsorted(np.asarray(recall, float), asked, side="left")
    return asked, np.append(envelope(precision), 0.0)[places]


def _mean(values: NDArray[np.float64]) -> float:
    """The mean of what is not NaN; NaN if nothing is left."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


# --- from scenes and predictions to lists ---------------------------------------------------------


def _listed(scenes: Pictures, predictions: Pictures, kind: str) -> tuple[Lists, Lists]:
    """Truth and predictions as lists of dictionaries without padding."""
    if kind not in ("boxes", "masks"):
        raise ValueError(f'There is no kind "{kind}": choose boxes or masks.')
    true, made = ([_clean(each) for each in _one_by_one(some)] for some in (scenes, predictions))
    if len(true) != len(made):
        raise ValueError(
            f"There are {len(true)} pictures and predictions for {len(made)}: give one for each."
        )
    for number, each in enumerate(made):
        if not np.isfinite(each["scores"]).all():
            raise ValueError(
                f"Picture {number} has a score that is not a finite number: look for it before "
                "evaluating."
            )
    for number, each in enumerate([*true, *made] if kind == "masks" else []):
        if "masks" not in each:
            raise ValueError(f"Picture {number % len(true)} has no masks: evaluate boxes instead.")
    return true, made


def _one_by_one(some: Pictures) -> list[Mapping[str, Any]]:
    """A dictionary of padded arrays as a list; a list as it is."""
    if not isinstance(some, Mapping):
        return list(some)
    names = ("boxes", "classes", "scores", "valid", "crowd", "difficult", "masks")
    arrays = {key: np.asarray(some[key]) for key in names if key in some}
    return [{key: each[i] for key, each in arrays.items()} for i in range(len(arrays["boxes"]))]


def _clean(each: Mapping[str, Any]) -> dict[str, Any]:
    """One picture's objects as arrays, padding left out, flags filled in."""
    classes = np.asarray(each["classes"]).astype(int).reshape(-1)
    kept = classes >= 0
    if "valid" in each:
        kept &= np.asarray(each["valid"], bool)
    count = len(classes)
    made = {
        "boxes": np.asarray(each["boxes"], float).reshape(count, 4),
        "classes": classes,
        "scores": np.asarray(each.get("scores", np.ones(count)), float).reshape(count),
        "crowd": np.asarray(each.get("crowd", np.zeros(count)), bool),
        "difficult": np.asarray(each.get("difficult", np.zeros(count)), bool),
    }
    if "masks" in each:
        made["masks"] = np.asarray(each["masks"], bool)
    return {key: value[kept] for key, value in made.items()}


def _of_class(each: Mapping[str, Any], label: int) -> dict[str, Any]:
    """The objects of one class."""
    return {key: value[each["classes"] == label] for key, value in each.items()}


def _sides(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Boxes as COCO has them: (x, y, width, height)."""
    y1, x1, y2, x2 = boxes.T
    return np.stack([x1, y1, np.maximum(x2 - x1, 0), np.maximum(y2 - y1, 0)], 1)


def _runs(masks: NDArray[np.bool_]) -> list[Any]:
    """Masks (n, H, W) as run lengths, which pycocotools counts down the columns."""
    return [coco_masks.encode(np.asfortranarray(mask, np.uint8)) for mask in masks]


def _overlaps(made: Mapping[str, Any], true: Mapping[str, Any], kind: str) -> NDArray[np.float64]:
    """IoU (n, m); with a crowd the share of the detection that lies in it."""
    if not len(made["classes"]) or not len(true["classes"]):
        return np.zeros((len(made["classes"]), len(true["classes"])))
    one, other = (
        _sides(each["boxes"]) if kind == "boxes" else _runs(each["masks"]) for each in (made, true)
    )
    return np.asarray(coco_masks.iou(one, other, true["crowd"].astype(np.uint8).tolist()))


def _entries(each: Mapping[str, Any]) -> list[dict[str, Any]]:
    """COCO's entry for each object of a picture; what belongs to the picture is still missing."""
    sides = _sides(each["boxes"])
    entries = [
        {"bbox": box, "category_id": int(label), "area": box[2] * box[3]}
        for box, label in zip(sides.tolist(), each["classes"], strict=True)
    ]
    masks = each.get("masks")
    for entry, runs in zip(entries, () if masks is None else _runs(masks), strict=False):
        entry["segmentation"] = runs
        entry["area"] = float(coco_masks.area(runs))
    return entries


def _truth_entries(true: Mapping[str, Any], difficult: bool) -> list[dict[str, Any]]:
    entries = _entries(true)
    for entry, crowd, hard in zip(entries, true["crowd"], true["difficult"], strict=True):
        entry["iscrowd"] = int(crowd)
        if hard and not difficult:
            entry["area"] = -1.0  # pycocotools leaves out what is outside of every range of areas
    return entries


def _found_entries(made: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    entries = _entries(made if kind == "masks" else {**made, "masks": None})
    for entry, score in zip(entries, made["scores"], strict=True):
        entry |= {"score": float(score), "iscrowd": 0}
    return entries


def _as_coco(pictures: Sequence[Sequence[dict[str, Any]]], classes: int) -> COCO:
    """A data set of COCO's. Numbers begin at 1: pycocotools takes 0 for "not matched"."""
    flat = [entry | {"image_id": i} for i, picture in enumerate(pictures) for entry in picture]
    made = COCO()
    made.dataset = {
        "images": [{"id": i} | _size_of(picture) for i, picture in enumerate(pictures)],
        "categories": [{"id": label} for label in range(classes)],
        "annotations": [entry | {"id": i} for i, entry in enumerate(flat, 1)],
    }
    made.createIndex()
    return made


def _size_of(picture: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Height and width, where a mask tells them."""
    for entry in picture:
        if "segmentation" in entry:
            height, width = entry["segmentation"]["size"]
            return {"height": height, "width": width}
    return {"height": 1, "width": 1}
