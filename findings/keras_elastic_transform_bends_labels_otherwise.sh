#!/usr/bin/env bash
# Keras 3.15.1: RandomElasticTransform bends a label map by another field than its picture.
#
# Guess before it was run: given {"images": x, "segmentation_masks": m}, a layer that bends pictures
# bends the label map along, by the same field, with the nearest label: so a picture of the labels
# and the labels overlap after it as before, up to the pixels of the border, as after
# RandomRotation.
#
# Seen, on TensorFlow and on JAX: each is bent by a field of its own, drawn one after the other from
# the layer's random numbers. A square of 16 pixels and its own label overlap with an intersection
# over union near 0.76 where a turned one keeps 0.99. Nothing is said, shapes and labels look right,
# and every training pair is false by some pixels. Integer labels, which all other layers take, end
# with an error.
# Who meets it: whoever trains a U-Net as its authors did, with elastic deformations.
#
# Usage: findings/keras_elastic_transform_bends_labels_otherwise.sh  (a minute; installs with pip)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q keras==3.15.1 tensorflow-cpu==2.21.0 jax==0.10.2
cat >"$folder/seen.py" <<'PYTHON'
import keras
import numpy as np
from keras import layers, ops

labels = np.zeros((8, 32, 32, 1), "float32")
labels[:, 8:24, 8:24] = 1
pair = {"images": np.repeat(255 * labels, 3, -1), "segmentation_masks": labels}


def overlap(layer):
    """Mean intersection over union of the moved picture of the labels and the moved labels."""
    moved = {key: ops.convert_to_numpy(value) for key, value in layer(pair, training=True).items()}
    assert not np.array_equal(moved["images"], pair["images"]), "it moved"
    assert set(np.unique(moved["segmentation_masks"])) <= {0, 1}, "labels are labels"
    picture, label = moved["images"][..., 0] > 127, moved["segmentation_masks"][..., 0] > 0
    return np.mean((picture & label).sum((1, 2)) / (picture | label).sum((1, 2)))


turned = overlap(layers.RandomRotation(0.2, seed=1))
bent = overlap(layers.RandomElasticTransform((1.0, 1.0), (1.0, 1.0), seed=1))
print("keras", keras.__version__, "on", keras.backend.backend())
print(f"overlap of picture and labels: {turned:.3f} turned, {bent:.3f} bent")
assert turned > 0.98 and bent < 0.85, "no longer as described above"
whole = pair | {"segmentation_masks": labels.astype("int32")}
try:
    layers.RandomElasticTransform(1.0, seed=1)(whole, training=True)
    print("integer labels are taken")
except Exception as error:
    print("integer labels:", type(error).__name__)
PYTHON
for backend in tensorflow jax; do
    KERAS_BACKEND=$backend TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/seen.py" \
        2>"$folder/errors" || { tail -3 "$folder/errors"; exit 1; }
done
