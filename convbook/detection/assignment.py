"""One prediction for each object: the cheapest assignment, which the Hungarian method finds.

The book has it from SciPy, on the host: costs come out of a compiled step, numbers go into the
next.

Sources: Kuhn 1955; Crouse 2016 (the algorithm in SciPy); Carion et al. 2020, arXiv:2005.12872,
section 3.1 (costs).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

from convbook.detection.boxes import giou, to_corners


def assign(costs: ArrayLike, valid: ArrayLike | None = None) -> NDArray[np.int32]:
    """Return the object of each prediction, so that the sum of the costs is the least there is.

    Each object gets one prediction, and none gets two, as long as there are enough predictions;
    where there are not, the objects that would cost most go without.

    Args:
        costs: (..., N, M), of N predictions for M objects; any numbers, lower is better.
        valid: bool (..., M), where there is an object; leading axes may broadcast. None: all are.

    Returns:
        int32 (..., N), the number of the object, -1 for predictions that have none.

    Raises:
        ValueError: if a cost of an object is not finite.
    """
    values = np.asarray(costs, np.float64)
    *leading, predictions, objects = values.shape
    there = np.ones(objects, bool) if valid is None else np.asarray(valid, bool)
    there = np.broadcast_to(there, (*leading, objects))
    wrong = ~np.isfinite(values) & there[..., np.newaxis, :]
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(
            f"{int(wrong.sum())} of {wrong.size} costs are not finite, the first at {place}: the "
            "net's answers overflow; train with a lower learning rate."
        )
    found = np.full((*leading, predictions), -1, np.int32)
    for index in np.ndindex(*leading):
        columns = np.flatnonzero(there[index])
        rows, chosen = linear_sum_assignment(values[index][:, columns])
        found[index][rows] = columns[chosen]
    return found


def match_costs(
    probabilities: Any,
    boxes: Any,
    classes: Any,
    truth: Any,
    weights: tuple[float, float, float] = (1, 5, 2),
) -> Any:
    """Return what it costs to make predictions responsible for objects: (..., N, M).

    Args:
        probabilities: (..., N, C), of the classes.
        boxes: predicted (..., N, 4) as (y, x, height, width) in parts of the picture.
        classes: int (..., M), of the objects; below 0 for padding, whose cost means nothing.
        truth: the objects' boxes (..., M, 4), in the same form.
        weights: of the probability, of the distance (sum of four absolute differences), and of the
            generalised intersection over union.

    Source: Carion 2020, section 3.1; weights as in appendix A.4 and the authors' code.
    """
    own = ops.one_hot(ops.maximum(classes, 0), probabilities.shape[-1], dtype="float32")
    probability = ops.matmul(probabilities, ops.swapaxes(own, -1, -2))
    distance = ops.sum(ops.abs(boxes[..., :, None, :] - truth[..., None, :, :]), -1)
    overlap = giou(to_corners(boxes), to_corners(truth))
    return -weights[0] * probability + weights[1] * distance - weights[2] * overlap
