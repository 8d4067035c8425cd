"""How well pixels are named: the confusion matrix and the measures made of it.

The four measures are those of Long, Shelhamer and Darrell 2015 (arXiv:1411.4038, section 5). All
pixels of all pictures are counted together, as PASCAL VOC does (Everingham et al. 2010): one
matrix for a whole set, not the mean of its pictures' values.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from convbook.data.labels import IGNORE


def check_labels(labels: ArrayLike, classes: int, ignore: int | None = None) -> None:
    """Refuse a label map in which something is no class.

    Args:
        labels: whole numbers, any shape.
        classes: number of classes: 0 to ``classes - 1``.
        ignore: one more label that may occur.

    Raises:
        ValueError: if another label occurs, or the labels are not whole numbers.
    """
    found = np.unique(np.asarray(labels))
    if found.dtype.kind not in "iub":
        raise ValueError(f"labels are {found.dtype}; give whole numbers, a class for each pixel.")
    stray = [int(label) for label in found if not 0 <= label < classes and label != ignore]
    if stray:
        raise ValueError(
            f"{stray[0]} is among the labels, but the classes are 0 to {classes - 1}; "
            "give their number, or name the label that is to be ignored."
        )


def confusion_matrix(
    truth: ArrayLike, prediction: ArrayLike, classes: int, ignore: int | None = IGNORE
) -> NDArray[np.int64]:
    """Count the pixels of each class (rows) by what they were taken for (columns).

    Args:
        truth: labels, any shape.
        prediction: labels of the same shape.
        classes: number of classes.
        ignore: pixels whose truth has this label are left out, whatever was predicted there.

    Returns:
        (classes, classes).

    Raises:
        ValueError: if the shapes differ, or a label is no class.
    """
    true, predicted = np.asarray(truth), np.asarray(prediction)
    if true.shape != predicted.shape:
        raise ValueError(
            f"truth has the shape {true.shape}, the prediction {predicted.shape}; "
            "give a label for each pixel of both."
        )
    check_labels(true, classes, ignore)
    counted = np.ones(true.shape, bool) if ignore is None else true != ignore
    true, predicted = true[counted].astype(np.int64), predicted[counted].astype(np.int64)
    check_labels(predicted, classes)
    pairs = np.bincount(classes * true + predicted, minlength=classes**2)
    return pairs.reshape(classes, classes)


def class_ious(confusion: ArrayLike) -> NDArray[np.float64]:
    """Return each class's intersection over union, (classes,); NaN for a class that is nowhere."""
    pixels = np.asarray(confusion, float)
    overlap = np.diag(pixels)
    return _ratio(overlap, pixels.sum(0) + pixels.sum(1) - overlap)


def mean_iou(
    truth: ArrayLike, prediction: ArrayLike, classes: int, ignore: int | None = IGNORE
) -> float:
    """Return the mean of intersection over union over the classes that occur.

    Classes count that are in the truth or in the prediction. Arguments and errors as in
    ``confusion_matrix``; NaN if no pixel counts.
    """
    return _mean(class_ious(confusion_matrix(truth, prediction, classes, ignore)))


def measures(confusion: ArrayLike) -> dict[str, float]:
    """Return the four measures of Long et al. 2015 by name, each between 0 and 1.

    Args:
        confusion: made by ``confusion_matrix``.

    Returns:
        ``pixel accuracy``: share of the pixels named rightly. ``mean accuracy``: the same for each
        class in the truth, averaged. ``mean IoU``: over the classes that occur. ``weighted IoU``:
        IoU weighted by the classes' shares of the truth. NaN if no pixel is counted.
    """
    pixels = np.asarray(confusion, float)
    of_class, total = pixels.sum(1), pixels.sum()
    ious = class_ious(pixels)
    weighted = float(np.sum(np.where(of_class > 0, of_class * ious, 0.0)))
    return {
        "pixel accuracy": float(np.trace(pixels) / total) if total else float("nan"),
        "mean accuracy": _mean(_ratio(np.diag(pixels), of_class)),
        "mean IoU": _mean(ious),
        "weighted IoU": weighted / float(total) if total else float("nan"),
    }


def keras_mean_iou(
    truth: ArrayLike, prediction: ArrayLike, classes: int, ignore: int | None = IGNORE
) -> float:
    """Return the mean IoU as ``keras.metrics.MeanIoU`` counts it, after checking the labels.

    The metric itself drops labels that are no class without a word (Keras 3.15, on TensorFlow and
    JAX), so that a map full of them can score 1. Arguments and errors as in ``confusion_matrix``.
    """
    true, predicted = np.asarray(truth), np.asarray(prediction)
    check_labels(true, classes, ignore)
    check_labels(predicted if ignore is None else predicted[true != ignore], classes)
    metric = keras.metrics.MeanIoU(classes, ignore_class=ignore)
    # What does not count may hold any label; the metric is given one that it knows.
    known = predicted if ignore is None else np.where(true == ignore, 0, predicted)
    metric.update_state(true.astype("int32"), known.astype("int32"))
    return float(metric.result())


def segment(
    net: keras.Model, pictures: Any, batch_size: int = 32
) -> NDArray[np.unsignedinteger[Any]]:
    """Return the class with the highest score at every pixel.

    Args:
        net: pictures to scores (N, H, W, classes), with or without a softmax; or to a dictionary
            that has them as "scores", beside those of a classifier that helps in training.
        pictures: (N, H, W, channels); a list where the net has several inputs.
        batch_size: pictures at a time.

    Returns:
        Labels (N, H, W), in bytes where they fit.
    """
    scores = net.predict(pictures, batch_size=batch_size, verbose=0)
    if isinstance(scores, dict):
        scores = scores["scores"]
    return ops.convert_to_numpy(scores).argmax(-1).astype(np.min_scalar_type(scores.shape[-1] - 1))


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Part over whole; NaN where the whole is 0."""
    return np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0)


def _mean(values: NDArray[np.float64]) -> float:
    """The mean of the numbers among the values; NaN if there is none."""
    numbers = values[~np.isnan(values)]
    return float(numbers.mean()) if numbers.size else float("nan")
