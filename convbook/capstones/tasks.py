"""The four capstones: their pictures, what predictions must look like, and how they are scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from convbook.capstones.files import Arrays, BadFile, finite, of_shape, whole
from convbook.data import digit_scenes, figures
from convbook.data.photos import to_bytes

SIDE = 64
THINGS = 3  # classes of digits in scenes: 0, 1 and 2
SCENES: dict[str, Any] = {
    "size": SIDE, "classes": THINGS, "objects": (1, 3), "heights": (30, 60),
}  # fmt: skip
ONE_DIGIT: dict[str, Any] = {"size": 48, "objects": (1, 1), "heights": (60, 100)}
SHARE = 0.2  # of the torso's length: how near a joint must be
Made = tuple[np.ndarray, Arrays]


@dataclass(frozen=True)
class Capstone:
    """A task that is graded by predictions for hidden pictures.

    Attributes:
        name: how it is called.
        asked: what the net is to say, for the student.
        arrays: each array of the predictions, and what it is; N pictures, M detections.
        measure: the name of the score, between 0 and 1.
        thresholds: (score from which on, points), rising; the last are all points.
        make: from count, split and seed to pictures uint8 (N, H, W, 3) and their truth.
        check: raises BadFile for predictions of N pictures that cannot be scored.
        score: from truth and checked predictions to the score.
    """

    name: str
    asked: str
    arrays: dict[str, str]
    measure: str
    thresholds: tuple[tuple[float, float], ...]
    make: Callable[[int, str, int], Made]
    check: Callable[[Arrays, int], None]
    score: Callable[[Arrays, Arrays], float]

    @property
    def max_points(self) -> float:
        """The points for the best threshold."""
        return self.thresholds[-1][1]

    def points(self, score: float) -> float:
        """The points that a score earns: those of the highest threshold that it reaches."""
        return max((p for wanted, p in self.thresholds if score >= wanted), default=0.0)

    def reason(self, score: float) -> str:
        """A score in a sentence: what it earns, and from which on it would have been more."""
        said = f"{self.measure} {score:.3f}: {self.points(score):g} of {self.max_points:g} points"
        above = [(wanted, points) for wanted, points in self.thresholds if score < wanted]
        return f"{said}; {above[0][1]:g} from {above[0][0]:g} on" if above else said


def capstone(name: str) -> Capstone:
    """The capstone of this name. Raises ValueError where there is none."""
    if name not in CAPSTONES:
        raise ValueError(f"There is no capstone {name!r}: choose of {', '.join(CAPSTONES)}.")
    return CAPSTONES[name]


def training(name: str, count: int, seed: int = 0) -> Made:
    """Pictures to train with, uint8 (N, H, W, 3), and their truth, as the hidden ones are made.

    They come from the training digits, grounds and poses; the hidden ones from the test's.
    """
    return capstone(name).make(count, "train", seed)


# Pictures


def _bytes(examples: list[dict[str, Any]]) -> np.ndarray:
    return np.stack([to_bytes(one["image"]) for one in examples])


def _digits(count: int, split: str, seed: int) -> Made:
    """One digit on a photograph; scenes that are empty or hold a heap are passed over."""
    kept: list[dict[str, Any]] = []
    number = 0
    from convbook.data.scenes import digit_scene

    while len(kept) < count:
        scene = digit_scene(number, split, seed=seed, **ONE_DIGIT)
        number += 1
        if len(scene["classes"]) == 1 and not scene["crowd"][0]:
            kept.append(scene)
    return _bytes(kept), {"labels": np.array([int(scene["classes"][0]) for scene in kept])}


def _scenes(count: int, split: str, seed: int) -> list[dict[str, Any]]:
    return digit_scenes(count, split, seed=seed, **SCENES)


def _maps(count: int, split: str, seed: int) -> Made:
    scenes = _scenes(count, split, seed)
    return _bytes(scenes), {"maps": np.stack([scene["semantic"] for scene in scenes])}


def _boxes(count: int, split: str, seed: int) -> Made:
    scenes = _scenes(count, split, seed)
    counts = [len(scene["classes"]) for scene in scenes]
    truth = {
        name: np.concatenate([scene[name] for scene in scenes])
        for name in ("boxes", "classes", "difficult", "crowd")
    }
    return _bytes(scenes), {**truth, "pictures": np.repeat(np.arange(count), counts)}


def _poses(count: int, split: str, seed: int) -> Made:
    people = figures(count, split, size=SIDE, seed=seed)
    truth = {
        "points": np.stack([one["keypoints"][0] for one in people]),
        "visibility": np.stack([one["visibility"][0] for one in people]),
        "scales": np.array([one["scales"][0] for one in people]),
    }
    return _bytes(people), truth


# What predictions must look like


def _check_labels(given: Arrays, count: int) -> None:
    of_shape("labels", given["labels"], (count,))
    whole("labels", given["labels"], 10)


def _check_maps(given: Arrays, count: int) -> None:
    of_shape("maps", given["maps"], (count, SIDE, SIDE))
    whole("maps", given["maps"], THINGS + 1)


def _check_boxes(given: Arrays, count: int) -> None:
    boxes = given["boxes"]
    if not boxes.size:
        raise BadFile("There are no detections at all: lower the score from which on a box counts.")
    of_shape("boxes", boxes, (None, 4))
    for name in ("scores", "classes", "pictures"):
        of_shape(name, given[name], (len(boxes),))
    finite("boxes", boxes)
    finite("scores", given["scores"])
    whole("classes", given["classes"], THINGS)
    whole("pictures", given["pictures"], count)
    empty = int(((boxes[:, 2] <= boxes[:, 0]) | (boxes[:, 3] <= boxes[:, 1])).sum())
    if empty:
        raise BadFile(
            f"{empty} boxes have no height or no width: a box is (y1, x1, y2, x2) with y1 < y2 and "
            "x1 < x2."
        )


def _check_points(given: Arrays, count: int) -> None:
    of_shape("points", given["points"], (count, 14, 2))
    finite("points", given["points"])


# Scores


def _accuracy(truth: Arrays, given: Arrays) -> float:
    return float(np.mean(truth["labels"] == given["labels"]))


def _mean_iou(truth: Arrays, given: Arrays) -> float:
    from convbook.segmentation import mean_iou

    return mean_iou(truth["maps"], given["maps"], THINGS + 1)


def _by_picture(arrays: Arrays, names: tuple[str, ...], count: int) -> list[dict[str, Any]]:
    """Rows of a table, picture by picture."""
    which = arrays["pictures"]
    return [{name: arrays[name][which == number] for name in names} for number in range(count)]


def _map50(truth: Arrays, given: Arrays) -> float:
    """Mean average precision at an IoU of 0.5, by pycocotools."""
    from convbook.detection.evaluation import evaluate

    count = int(truth["count"])
    scenes = _by_picture(truth, ("boxes", "classes", "difficult", "crowd"), count)
    found = _by_picture(given, ("boxes", "scores", "classes"), count)
    return evaluate(scenes, found, classes=THINGS, thresholds=(0.5,)).map50


def _pck(truth: Arrays, given: Arrays) -> float:
    from convbook.pose.keypoints import pck

    counted = truth["visibility"] == 2
    return pck(given["points"], truth["points"], truth["scales"], counted, SHARE)


CAPSTONES = {
    one.name: one
    for one in (
        Capstone(
            "classification",
            "Each picture, 48 x 48 pixels, shows one handwritten digit on a photograph. Which?",
            {"labels": "whole numbers (N,), 0 to 9"},
            "accuracy",
            ((0.5, 4), (0.7, 7), (0.85, 10)),
            _digits,
            _check_labels,
            _accuracy,
        ),
        Capstone(
            "segmentation",
            "Pictures of 64 x 64 pixels with handwritten digits 0, 1 and 2 on a photograph. What "
            "does each pixel show: 0 the ground, 1 a zero, 2 a one, 3 a two?",
            {"maps": f"whole numbers (N, {SIDE}, {SIDE}), 0 to {THINGS}"},
            "mean IoU",
            ((0.35, 4), (0.5, 7), (0.65, 10)),
            _maps,
            _check_maps,
            _mean_iou,
        ),
        Capstone(
            "detection",
            "Pictures of 64 x 64 pixels with handwritten digits 0, 1 and 2 on a photograph. Where "
            "is which?",
            {
                "boxes": "floats (M, 4), each (y1, x1, y2, x2) in pixels, ends exclusive",
                "scores": "floats (M,), the higher the surer",
                "classes": f"whole numbers (M,), 0 to {THINGS - 1}",
                "pictures": "whole numbers (M,), the picture of each box, from 0",
            },
            "mAP at an IoU of 0.5",
            ((0.3, 4), (0.45, 7), (0.6, 10)),
            _boxes,
            _check_boxes,
            _map50,
        ),
        Capstone(
            "pose",
            "Each picture, 64 x 64 pixels, shows a figure. Where are its 14 joints? Those in sight "
            "count, and are right within a fifth of the torso's length.",
            {"points": "floats (N, 14, 2), each (y, x) in pixels, pixel centres at whole numbers"},
            "PCK at 0.2",
            ((0.3, 4), (0.5, 7), (0.65, 10)),
            _poses,
            _check_points,
            _pck,
        ),
    )
}
