#!/usr/bin/env bash
# Keras 3.15.1: MixUp and CutMix give label maps of another shape, and MixUp mixes in single pixels.
#
# Guess before it was run: with {"images": x, "segmentation_masks": m}, m of shape (B, H, W, 1),
# MixUp gives the same weighted mean of two label maps as of the two pictures, (B, H, W, 1), and
# CutMix cuts the same rectangle out of both, (B, H, W, 1).
#
# Seen, on TensorFlow and on JAX: CutMix gives (B, H, W, 3), the label repeated for each channel of
# the picture. MixUp gives (B, H, W, B): the partner is not another map of the batch but the first B
# numbers of the flattened maps, that is pixels of the upper left corner of the first. So with ground
# there every label is multiplied by the weight and nothing of the partner is mixed in. One-hot maps
# of C classes end with an error unless C is 1 or B. The labels of classification are mixed rightly.
# Who meets it: whoever adds MixUp or CutMix to a segmentation pipeline; a loss that broadcasts takes
# such maps without a word.
#
# Usage: findings/keras_mixing_layers_make_label_maps_of_another_shape.sh  (a minute; with pip)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q keras==3.15.1 tensorflow-cpu==2.21.0 jax==0.10.2
cat >"$folder/seen.py" <<'PYTHON'
import keras
import numpy as np
from keras import layers, ops

count = 4
pictures = np.random.default_rng(0).random((count, 16, 16, 3)).astype("float32")
maps = np.zeros((count, 16, 16, 1), "float32")
maps[:, 4:12, 4:12] = np.arange(1, count + 1, dtype="float32")[:, None, None, None]
print("keras", keras.__version__, "on", keras.backend.backend())


def mixed(layer, maps):
    found = layer({"images": pictures, "segmentation_masks": maps}, training=True)
    assert tuple(found["images"].shape) == pictures.shape
    return ops.convert_to_numpy(found["segmentation_masks"])


cut = mixed(layers.CutMix((1.0, 1.0), seed=1), maps)
print("CutMix: label maps of shape", cut.shape)
assert cut.shape == (count, 16, 16, 3), "no longer as described above"

blend = mixed(layers.MixUp(seed=1), maps)
print("MixUp: label maps of shape", blend.shape)
assert blend.shape == (count, 16, 16, count), "no longer as described above"
weights = blend[:, 8, 8, 0] / np.arange(1, count + 1)  # of each map's own label
print("MixUp: weights", np.round(weights, 3), "of the map's own label, and nothing of another")
alone = weights[:, None, None, None] * maps * np.ones(count)
assert np.allclose(blend, alone, atol=1e-5), "no longer as described above"

try:
    mixed(layers.MixUp(seed=1), np.repeat(maps, 7, -1))
    raise AssertionError("no longer as described above")
except Exception as error:
    assert not isinstance(error, AssertionError), error
    print("MixUp with maps of 7 channels:", type(error).__name__)
PYTHON
for backend in tensorflow jax; do
    KERAS_BACKEND=$backend TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/seen.py" \
        2>"$folder/errors" || { tail -3 "$folder/errors"; exit 1; }
done
