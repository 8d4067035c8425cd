#!/usr/bin/env bash
# Keras 3.15.1: RandomCrop moves a box's columns by the crop's first row, and its rows by the column.
#
# Guess before it was run: given {"images": x, "bounding_boxes": b}, every layer that moves pictures
# moves their boxes along, so that a box holds its object afterwards as before, up to a pixel.
#
# Seen, on TensorFlow and on JAX: flips, rotation, zoom and the rest do. After RandomCrop the boxes
# of a whole batch lie beside their objects (intersection over union 0 in the median): in the box
# (x1, y1, x2, y2) the offset of the rows is taken from x and that of the columns from y. A crop that
# happens to begin on the diagonal is right, so a look at one example can miss it; shapes, labels and
# losses look as ever. The picture itself is cropped rightly, and so are label maps.
# Who meets it: whoever trains a detector with Keras's own augmentation.
#
# Usage: findings/keras_random_crop_moves_boxes_along_the_other_axis.sh  (a minute; uses pip)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q keras==3.15.1 tensorflow-cpu==2.21.0 jax==0.10.2
cat >"$folder/seen.py" <<'PYTHON'
import keras
import numpy as np
from keras import layers, ops

SIDE, COUNT = 64, 32
draw = np.random.default_rng(0)
images = np.zeros((COUNT, SIDE, SIDE, 3), "float32")
boxes = np.zeros((COUNT, 1, 4), "float32")
for image, box in zip(images, boxes):
    (y, x), (height, width) = draw.integers(18, 30, 2), draw.integers(8, 18, 2)
    image[y : y + height, x : x + width] = 255
    box[0] = x, y, x + width, y + height


def overlap(layer):
    """Median intersection over union of the moved boxes and the objects in the moved pictures."""
    labelled = {"boxes": boxes, "labels": np.zeros((COUNT, 1), "int32")}  # anew: it is written to
    moved = layer({"images": images, "bounding_boxes": labelled}, training=True)
    found = ops.convert_to_numpy(moved["bounding_boxes"]["boxes"])[:, 0]
    seen = ops.convert_to_numpy(moved["images"])[..., 0] > 127
    values = []
    for own, box in zip(seen, found):
        ys, xs = np.nonzero(own)
        true = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
        sides = np.minimum(true[2:], box[2:]) - np.maximum(true[:2], box[:2])
        both = np.prod(np.maximum(sides, 0))
        values.append(both / (np.prod(true[2:] - true[:2]) + np.prod(box[2:] - box[:2]) - both))
    return float(np.median(values))


form = {"bounding_box_format": "xyxy", "seed": 1}
flipped = overlap(layers.RandomFlip("horizontal", **form))
turned = overlap(layers.RandomRotation(0.1, fill_mode="constant", **form))
cropped = overlap(layers.RandomCrop(48, 48, **form))
print("keras", keras.__version__, "on", keras.backend.backend())
print(f"overlap of boxes and objects: {flipped:.2f} flipped, {turned:.2f} turned, {cropped:.2f} cropped")
assert min(flipped, turned) > 0.9 and cropped < 0.2, "no longer as described above"
PYTHON
for backend in tensorflow jax; do
    KERAS_BACKEND=$backend TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/seen.py" \
        2>"$folder/errors" || { tail -3 "$folder/errors"; exit 1; }
done
