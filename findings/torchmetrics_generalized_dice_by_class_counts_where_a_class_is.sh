#!/usr/bin/env bash
# torchmetrics 1.9.0: GeneralizedDiceScore by class scores a perfect prediction below 1.
#
# Guess before it was run: `torchmetrics.segmentation` leaves a class out of account where neither
# truth nor prediction holds it, in MeanIoU and in the measures of Dice alike; so a prediction equal
# to the truth scores 1 for each class that occurs.
#
# Seen: `MeanIoU(per_class=True)` and `DiceScore(average="none")` do so, and mark a class that never
# occurs by -1 and by nan. `GeneralizedDiceScore(per_class=True)` counts 0 for each picture without
# the class: for a perfect prediction it gives the share of the pictures that hold the class, 0.5, 0.25
# and 0 for one that never occurs, whichever the weights. Its one number for all classes is 1. So a
# net that is right seems to fail at what is rare.
# Who meets it: whoever looks class by class at label maps in which not every picture holds every
# class, as in street scenes or slices of a body. Way out: DiceScore by class; for the generalized
# number, the one for all classes.
#
# Usage: findings/torchmetrics_generalized_dice_by_class_counts_where_a_class_is.sh
#        (some minutes and, with PyTorch, much to download; uses pip)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q uv==0.13.9
"$folder/venv/bin/uv" pip install -q --python "$folder/venv/bin/python" \
    torch==2.15.0 torchmetrics==1.9.0 numpy==2.4.6
cat >"$folder/seen.py" <<'PYTHON'
import torch
import torchmetrics
from torchmetrics.segmentation import DiceScore, GeneralizedDiceScore, MeanIoU

CLASSES, PICTURES = 4, 4
truth = torch.zeros((PICTURES, 8, 8), dtype=torch.long)  # ground in all four pictures,
truth[0, 2:6, 2:6] = truth[1, 1:4, 2:7] = 1  # class 1 in two, class 2 in one, class 3 in none
truth[2, :3, :3] = 2
share = [(truth == one).any((1, 2)).float().mean().item() for one in range(CLASSES)]
form = {"num_classes": CLASSES, "input_format": "index"}


def score(metric, found, batch=PICTURES):
    for at in range(0, PICTURES, batch):
        metric.update(found[at : at + batch], truth[at : at + batch])
    return metric.compute().tolist()


print("torchmetrics", torchmetrics.__version__, "torch", torch.__version__.split("+")[0])
print("share of the pictures with the class:", share)
union, dice = MeanIoU(per_class=True, **form), DiceScore(average="none", **form)
values = {"MeanIoU": score(union, truth), "DiceScore": score(dice, truth)}
for weights in ("square", "simple", "linear"):
    for batch in (1, PICTURES):
        metric = GeneralizedDiceScore(weight_type=weights, per_class=True, **form)
        by_class = values[f"GeneralizedDiceScore, {weights}"] = score(metric, truth, batch)
        assert by_class == share, "no longer as described above"
    whole = score(GeneralizedDiceScore(weight_type=weights, **form), truth)
    assert abs(whole - 1) < 1e-6, "no longer as described above"
for name, by_class in values.items():
    print(f"perfect prediction, {name}:", by_class)
assert values["MeanIoU"] == [1, 1, 1, -1] and values["DiceScore"][:3] == [1, 1, 1]
half = truth.clone()  # class 1 found by half in one of its two pictures
half[0, 2:4, 2:6] = 0
dice = score(DiceScore(average="none", **form), half)
general = score(GeneralizedDiceScore(per_class=True, **form), half)
print(f"class 1, found by half once: DiceScore {dice[1]:.3f}, GeneralizedDiceScore {general[1]:.3f}")
assert abs(general[1] - share[1] * dice[1]) < 1e-5, "no longer as described above"
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/seen.py" 2>"$folder/errors" ||
    { tail -3 "$folder/errors"; exit 1; }
