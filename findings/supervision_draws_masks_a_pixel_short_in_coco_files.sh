#!/usr/bin/env bash
# supervision 0.31.2: a mask's box and its polygon in a COCO file are a pixel short each way.
#
# Guess before it was run: `mask_to_xyxy` of rows 10 to 19 and columns 5 to 8 gives (5, 10, 9, 20),
# so that the box's sides are the mask's; and of a mask that `as_coco` has written, pycocotools
# 2.0.11 reads the same mask again; one with a hole or in two parts as run lengths, maybe as a crowd.
#
# Seen: the box is (5, 10, 8, 19). Its sides are one pixel less than the mask's, in `bbox` of the
# file, too: against pycocotools' own box of a mask of 4 pixels by 4 the overlap is 0.56. The polygon
# runs through the middles of the border's pixels, so pycocotools reads 9 pixels where there were 16,
# while `area` in the file says 16. A mask one pixel wide gets an empty list for its polygon and a box
# of area 0. A mask with a hole or in two parts is kept to the pixel, as run lengths, but as
# "iscrowd": 1, which COCO's evaluation does not count as an object: perfect masks of such objects
# alone score -1: there was nothing to find. supervision itself reads its polygons back rightly (it
# fills their border), so a look at the file through it shows nothing.
# Who meets it: whoever turns masks of labels into a COCO file with it, above all of small objects,
# and trains or measures with anything else. Way out: encode the masks with pycocotools.
#
# Usage: findings/supervision_draws_masks_a_pixel_short_in_coco_files.sh  (a minute; uses pip)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q supervision==0.31.2 numpy==2.4.6 pycocotools==2.0.11 \
    pillow==13.0.0
cat >"$folder/seen.py" <<'PYTHON'
import contextlib
import io
import json
import sys
from pathlib import Path

import numpy as np
import supervision as sv
from PIL import Image
from pycocotools import mask as run_lengths
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

SIDE = 40
folder = Path(sys.argv[1])


def rectangle(top, left, height, width):
    mask = np.zeros((SIDE, SIDE), bool)
    mask[top : top + height, left : left + width] = True
    return mask


def exact(mask):
    return run_lengths.encode(np.asfortranarray(mask.astype("uint8")))


def in_coco(name, mask):
    """The file that supervision writes of a picture with this one mask."""
    (folder / name).mkdir()
    picture = str(folder / name / "picture.png")
    Image.new("RGB", (SIDE, SIDE)).save(picture)
    box = sv.mask_to_xyxy(mask[None]).astype(float)
    found = sv.Detections(xyxy=box, mask=mask[None], class_id=np.array([0]))
    data = sv.DetectionDataset(classes=["thing"], images=[picture], annotations={picture: found})
    data.as_coco(annotations_path=str(folder / name / "labels.json"))
    return folder / name / "labels.json"


assert sv.mask_to_xyxy(rectangle(10, 5, 10, 4)[None]).tolist() == [[5, 10, 8, 19]]
print("supervision", sv.__version__)
for name, mask, expected in (  # overlap of boxes, overlap of masks, crowd, score of perfect masks
    ("16 by 16", rectangle(10, 5, 16, 16), (0.88, 0.88, 0, 0.8)),
    ("4 by 4", rectangle(10, 5, 4, 4), (0.56, 0.56, 0, 0.2)),
    ("1 by 12", rectangle(10, 5, 1, 12), (0.0, None, 0, None)),
    ("ring", rectangle(5, 5, 20, 20) & ~rectangle(10, 10, 10, 10), (0.90, 1.0, 1, -1.0)),
    ("two parts", rectangle(5, 5, 9, 9) | rectangle(20, 5, 9, 9), (0.85, 1.0, 1, -1.0)),
):
    path = in_coco(name, mask)
    (label,) = json.loads(path.read_text())["annotations"]
    true = run_lengths.toBbox(exact(mask))
    boxes = run_lengths.iou([label["bbox"]], [true], [0]).item()
    masks = score = None
    with contextlib.redirect_stdout(io.StringIO()):
        if label["segmentation"]:
            coco = COCO(path)
            masks = run_lengths.iou([exact(mask)], [coco.annToRLE(label)], [0]).item()
            form = {"images_directory_path": str(path.parent), "annotations_path": str(path)}
            ((_, _, own),) = sv.DetectionDataset.from_coco(**form, force_masks=True)
            assert np.array_equal(own.mask[0], mask), "its own reader finds the mask again"
            perfect = {"segmentation": exact(mask), "score": 1.0}
            places = {key: label[key] for key in ("image_id", "category_id")}
            judge = COCOeval(coco, coco.loadRes([perfect | places]), "segm")
            judge.evaluate(), judge.accumulate(), judge.summarize()
            score = round(float(judge.stats[0]), 2)
    found = (round(boxes, 2), masks and round(masks, 2), label["iscrowd"], score)
    print(f"{name}: box {found[0]}, mask {found[1]}, crowd {found[2]}, perfect masks score {score}")
    assert label["area"] == mask.sum()
    assert found == expected, "no longer as described above"
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/seen.py" "$folder" 2>"$folder/errors" ||
    { tail -3 "$folder/errors"; exit 1; }
