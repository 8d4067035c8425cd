"""Answers to `mean_iou`, right and wrong."""

import numpy as np
from keras import metrics, ops

from autograder.setting.bank import Bank

from ..tasks import mean_iou

bank = Bank(mean_iou)


def table(truth, prediction, classes, ignore):
    """Pixels by class of truth (rows) and of prediction (columns)."""
    kept = truth != ignore
    pairs = truth[kept].astype("int64") * classes + prediction[kept].astype("int64")
    return np.bincount(pairs.ravel(), minlength=classes**2).reshape(classes, classes)


# Right


@bank.accepted
def by_table(truth, prediction, classes, ignore=255):
    counts = table(truth, prediction, classes, ignore)
    union = counts.sum(0) + counts.sum(1) - np.diag(counts)
    present = union > 0
    return float((np.diag(counts)[present] / union[present]).mean())


@bank.accepted
def by_loops(truth, prediction, classes, ignore=255):
    common, union = [0] * classes, [0] * classes
    for t, p in zip(truth.flat, prediction.flat, strict=True):
        if t == ignore:
            continue
        if t == p:
            common[t] += 1
            union[t] += 1
        else:
            union[t] += 1
            union[p] += 1
    ratios = [a / b for a, b in zip(common, union, strict=True) if b]
    return sum(ratios) / len(ratios)


@bank.accepted
def by_kerass_metric(truth, prediction, classes, ignore=255):
    kept = truth != ignore
    metric = metrics.MeanIoU(classes)
    metric.update_state(truth[kept].astype("int32"), prediction[kept].astype("int32"))
    return float(metric.result())


@bank.accepted
def by_sets(truth, prediction, classes, ignore=255):
    places = np.flatnonzero(truth.ravel() != ignore)
    ratios = []
    for number in range(classes):
        mine = {int(i) for i in places if truth.flat[i] == number}
        theirs = {int(i) for i in places if prediction.flat[i] == number}
        if mine | theirs:
            ratios.append(len(mine & theirs) / len(mine | theirs))
    return np.mean(ratios)


@bank.accepted
def one_hot(truth, prediction, classes, ignore=255):
    kept = truth != ignore
    t, p = (np.eye(classes)[labels[kept].astype(int)] for labels in (truth, prediction))
    both, either = ops.sum(ops.minimum(t, p), 0), ops.sum(ops.maximum(t, p), 0)
    ratios = ops.convert_to_numpy(both / ops.maximum(either, 1))
    return float(ratios.sum() / np.sum(ops.convert_to_numpy(either) > 0))


# Wrong


def scored(
    truth,
    prediction,
    classes,
    ignore,
    drop="truth",
    present="either",
    absent=None,
    below="union",
    join="mean",
    first=0,
    last=0,
):
    """The mean ratio with something otherwise."""
    kept = {
        "truth": truth != ignore,
        "nothing": truth == truth,
        "prediction": prediction != ignore,
        "both": (truth != ignore) & (prediction != ignore),
        "255": truth != 255,
        "outside": (truth >= 0) & (truth < classes),
    }[drop]
    whole, truth, prediction = truth.size, truth[kept], prediction[kept]
    ratios, sizes = [], []
    for number in range(first, classes - last):
        t, p = truth == number, prediction == number
        common, union = np.sum(t & p), np.sum(t | p)
        shared = np.array([t.any() and p.any()])
        asked = {"either": t | p, "truth": t, "prediction": p, "both": shared}[present].any()
        under = {
            "union": union,
            "truth": t.sum(),
            "prediction": p.sum(),
            "sum": t.sum() + p.sum(),
            "smaller": min(t.sum(), p.sum()),
            "larger": max(t.sum(), p.sum()),
            "all": whole,
        }[below]
        if asked and under > 0:
            ratios.append(common / under)
            sizes.append(t.sum())
        elif asked:
            ratios.append(0.0)
            sizes.append(t.sum())
        elif absent is not None:
            ratios.append(absent)
            sizes.append(0)
    if not ratios:
        return 0.0
    if join == "weighted":
        return float(np.average(ratios, weights=np.array(sizes) + 1e-12))
    joined = {"mean": np.mean, "median": np.median, "sum": np.sum, "min": np.min, "max": np.max}
    return float(joined[join](ratios))


def wrong(name, hint, **options):
    bank.variant(name, hint, scored, **options)


wrong(
    "absent_as_zero",
    "A class that is neither in truth nor in prediction counts as 0; leave it out of the mean.",
    absent=0.0,
)
wrong(
    "absent_as_one",
    "A class that is neither in truth nor in prediction counts as 1; leave it out of the mean.",
    absent=1.0,
)
wrong(
    "present_in_truth",
    "The mean is over the classes of the truth only; one that is in the prediction alone counts "
    "too, with 0.",
    present="truth",
)
wrong(
    "present_in_prediction",
    "The mean is over the classes of the prediction only; one that was missed altogether counts "
    "too, with 0.",
    present="prediction",
)
wrong(
    "nothing_ignored",
    "Pixels whose truth is `ignore` are not left out: what is predicted there must not count.",
    drop="nothing",
)
wrong(
    "ignored_by_prediction",
    "Pixels are left out by their prediction: it is the truth that says which are to be ignored.",
    drop="prediction",
)
wrong(
    "ignored_by_both",
    "Pixels are left out where the prediction is `ignore`, too: only the truth says which.",
    drop="both",
)
wrong("always_255", "Use the argument `ignore`: here it is as if it were always 255.", drop="255")
wrong(
    "outside_dropped",
    "What is no class is left out, whatever `ignore` is: it may be the number of a class.",
    drop="outside",
)
wrong(
    "recall",
    "This divides by the pixels of the truth: the union has those of the prediction too.",
    below="truth",
)
wrong(
    "precision",
    "This divides by the pixels of the prediction: the union has those of the truth too.",
    below="prediction",
)
wrong(
    "sum_below",
    "This divides by the sum of both areas, in which the intersection is twice: the union has it "
    "once.",
    below="sum",
)
wrong("smaller_below", "This divides by the smaller of the two areas, not by the union.",
      below="smaller")  # fmt: skip
wrong("larger_below", "This divides by the larger of the two areas, not by the union.",
      below="larger")  # fmt: skip
wrong("all_below", "This divides by all pixels, not by the union.", below="all")
wrong("without_background", "Class 0 is left out: it is a class as any other.", first=1)
wrong("without_last", "The last class is left out: they are numbered up to `classes` - 1.", last=1)
wrong(
    "weighted",
    "Classes are weighted by their size: in this mean all count alike.",
    join="weighted",
)
wrong("median", "This is the median over the classes, not the mean.", join="median")
wrong("summed", "The ratios of the classes are added up: take their mean.", join="sum")
wrong("lowest", "This is the lowest ratio of all classes, not the mean.", join="min")
wrong("highest", "This is the highest ratio of all classes, not the mean.", join="max")


@bank.mistake(
    "This is the share of right pixels: the ratio is taken for each class, then the mean."
)
def accuracy(truth, prediction, classes, ignore=255):
    kept = truth != ignore
    return float(np.mean(truth[kept] == prediction[kept]))


@bank.mistake("This is the mean of 2*intersection / sum of areas (Dice), not of the union's ratio.")
def dice(truth, prediction, classes, ignore=255):
    return 2 * scored(truth, prediction, classes, ignore, below="sum")


@bank.mistake(
    "Intersections and unions are added up over the classes before dividing: divide for each class."
)
def pooled(truth, prediction, classes, ignore=255):
    counts = table(truth, prediction, classes, ignore)
    union = counts.sum(0) + counts.sum(1) - np.diag(counts)
    return float(np.diag(counts).sum() / union.sum())


@bank.mistake("The mean is over all pictures of a batch together, not over each picture's own.")
def picture_by_picture(truth, prediction, classes, ignore=255):
    if truth.ndim == 2:
        return mean_iou(truth, prediction, classes, ignore)
    pairs = zip(truth, prediction, strict=True)
    return float(np.mean([mean_iou(t, p, classes, ignore) for t, p in pairs]))


@bank.mistake(
    "The union lacks the intersection: it is subtracted twice from the sum of the areas, not once."
)
def union_without_common(truth, prediction, classes, ignore=255):
    counts = table(truth, prediction, classes, ignore)
    union = counts.sum(0) + counts.sum(1) - 2 * np.diag(counts)
    present = counts.sum(0) + counts.sum(1) > 0
    return float((np.diag(counts)[present] / np.maximum(union[present], 1)).mean())


@bank.mistake("This is the ratios of all classes: give their mean, one number.")
def all_ratios(truth, prediction, classes, ignore=255):
    counts = table(truth, prediction, classes, ignore)
    return np.diag(counts) / np.maximum(counts.sum(0) + counts.sum(1) - np.diag(counts), 1)


@bank.mistake("This is 1 minus the mean ratio, a loss.")
def as_a_loss(truth, prediction, classes, ignore=255):
    return 1 - mean_iou(truth, prediction, classes, ignore)


@bank.mistake(
    "Labels are multiplied as bytes, which wrap round at 256: make them larger integers first."
)
def bytes_wrapped(truth, prediction, classes, ignore=255):
    kept = truth != ignore
    kind = truth.dtype.type
    pairs = truth[kept] * kind(classes) + prediction[kept]
    counts = np.bincount(pairs.astype("int64") % classes**2, minlength=classes**2)
    counts = counts.reshape(classes, classes)
    union = counts.sum(0) + counts.sum(1) - np.diag(counts)
    return float((np.diag(counts)[union > 0] / union[union > 0]).mean())


@bank.mistake(
    "The mean is over the classes that truth and prediction share; one that is in either counts."
)
def present_in_both(truth, prediction, classes, ignore=255):
    return scored(truth, prediction, classes, ignore, present="both")


@bank.mistake("Classes above the largest label of the truth are missed, though predicted.")
def up_to_largest_in_truth(truth, prediction, classes, ignore=255):
    largest = int(truth[truth != ignore].max())
    return scored(truth, prediction, largest + 1, ignore)


@bank.mistake("Pixels to be ignored become class 0 here, in both: leave them out.")
def ignored_as_background(truth, prediction, classes, ignore=255):
    left_out = truth == ignore
    truth, prediction = (np.where(left_out, 0, labels) for labels in (truth, prediction))
    return scored(truth, prediction, classes, ignore, drop="nothing")


@bank.mistake("This is the mean of each class's share of found pixels (recall), not of the ratio.")
def mean_recall(truth, prediction, classes, ignore=255):
    return scored(truth, prediction, classes, ignore, present="truth", below="truth")


@bank.mistake("Only the first picture of a batch is looked at.")
def first_picture(truth, prediction, classes, ignore=255):
    if truth.ndim == 3:
        truth, prediction = truth[0], prediction[0]
    return mean_iou(truth, prediction, classes, ignore)


@bank.mistake("This is in percent: give a number from 0 to 1.")
def in_percent(truth, prediction, classes, ignore=255):
    return 100 * mean_iou(truth, prediction, classes, ignore)


@bank.mistake(
    "The class with the number `ignore` is skipped. Pixels are left out by their truth; "
    "where that class is predicted elsewhere it counts, with 0."
)
def class_skipped(truth, prediction, classes, ignore=255):
    counts = table(truth, prediction, classes, ignore)
    if 0 <= ignore < classes:
        counts = np.delete(counts, ignore, axis=0)
        lost = counts[:, ignore]
        counts = np.delete(counts, ignore, axis=1)
    else:
        lost = np.zeros(classes, "int64")
    union = counts.sum(0) + counts.sum(1) - np.diag(counts) + lost
    return float((np.diag(counts)[union > 0] / union[union > 0]).mean())


@bank.mistake(
    "The class of the number `ignore` is left out of the mean, the pixels whose truth is `ignore` "
    "are not: what is predicted there must not count."
)
def only_class_skipped(truth, prediction, classes, ignore=255):
    pairs = [(truth == c, prediction == c) for c in range(classes) if c != ignore]
    return float(np.mean([np.sum(t & p) / np.sum(t | p) for t, p in pairs if (t | p).any()]))


@bank.mistake("Pixels to be ignored count as right, as a class more: leave them out.")
def ignored_as_right(truth, prediction, classes, ignore=255):
    prediction = np.where(truth == ignore, ignore, prediction)
    pairs = [(truth == c, prediction == c) for c in np.union1d(truth, prediction)]
    return float(np.mean([np.sum(t & p) / np.sum(t | p) for t, p in pairs]))


@bank.mistake("Labels are made bytes (`uint8`), which end at 255: there may be more classes.")
def made_bytes(truth, prediction, classes, ignore=255):
    kept = truth != ignore
    truth, prediction = (labels[kept].astype("uint8") for labels in (truth, prediction))
    return scored(truth, prediction, classes, ignore, drop="nothing")


@bank.mistake("A class that is in neither gives 0/0, which is NaN: leave it out of the mean.")
def zero_by_zero(truth, prediction, classes, ignore=255):
    counts = table(truth, prediction, classes, ignore)
    with np.errstate(invalid="ignore"):
        ratios = np.diag(counts) / (counts.sum(0) + counts.sum(1) - np.diag(counts))
    return float(ratios.mean())


@bank.mistake("Pixels of the truth 255 are left out whatever `ignore` is: it may be a class.")
def always_255_too(truth, prediction, classes, ignore=255):
    kept = (truth != ignore) & (truth != 255)
    return scored(truth[kept], prediction[kept], classes, ignore, drop="nothing")


@bank.mistake("What is predicted in pixels to be ignored counts for the union: leave it out.")
def only_truth_left_out(truth, prediction, classes, ignore=255):
    ratios = []
    for number in range(classes):
        mine, theirs = (truth == number) & (truth != ignore), prediction == number
        if (mine | theirs).any():
            ratios.append(np.sum(mine & theirs) / np.sum(mine | theirs))
    return float(np.mean(ratios))


@bank.mistake("1 is added above and below the line: the plain ratio is asked for.")
def smoothed(truth, prediction, classes, ignore=255):
    counts = table(truth, prediction, classes, ignore)
    union = counts.sum(0) + counts.sum(1) - np.diag(counts)
    return float(((np.diag(counts) + 1) / (union + 1))[union > 0].mean())


@bank.mistake(
    "Pixels are left out where the truth is at least `ignore`: only those that equal it are."
)
def from_ignore_on(truth, prediction, classes, ignore=255):
    kept = truth < ignore
    return mean_iou(truth[kept], prediction[kept], classes, -1) if kept.any() else 0.0
