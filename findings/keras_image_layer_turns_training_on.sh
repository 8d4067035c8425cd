#!/usr/bin/env bash
# Keras 3.15.1: an image preprocessing layer turns training on for what comes after it.
#
# Guess before it was run: `layers.Resizing` has nothing to learn and nothing that differs in
# training, so a model that begins with it, called as `model(x)`, runs as without it.
#
# Seen: every batch normalisation, every model inside a model, and every layer of one's own with a
# `training` argument, that comes after Resizing, CenterCrop or RandomFlip in a functional model is
# told training=True by `model(x)`. Dropout there drops (inside such a model or layer) and batch
# normalisation uses the batch and moves its averages. Rescaling and Normalization do not do it,
# and `model(x, training=False)` and `predict` are right.
# Who meets it: whoever puts Resizing before a pretrained backbone and calls the model directly, as
# for heat maps, gradients or a check of outputs.
#
# Usage: findings/keras_image_layer_turns_training_on.sh     (half a minute; installs with pip)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q keras==3.15.1 tensorflow-cpu==2.21.0
cat >"$folder/seen.py" <<'PYTHON'
import keras
import numpy as np
from keras import layers

x = np.random.default_rng(0).standard_normal((8, 4, 4, 1)).astype("float32")
BEFORE = {
    "nothing": None,
    "Resizing": layers.Resizing(4, 4),
    "CenterCrop": layers.CenterCrop(4, 4),
    "RandomFlip": layers.RandomFlip(),
    "Rescaling": layers.Rescaling(1.0),
    "Normalization": layers.Normalization(mean=0.0, variance=1.0),
}


def seen(before):
    """How far the moving average moves, and whether two calls agree, in a model within a model."""
    inner = keras.Sequential(
        [keras.Input((4, 4, 1)), layers.BatchNormalization(), layers.Dropout(0.5, seed=1)]
    )
    inputs = keras.Input((4, 4, 1))
    net = keras.Model(inputs, inner(before(inputs) if before else inputs))
    average = lambda: inner.layers[0].moving_variance.numpy().item()
    first, second = (np.asarray(net(x)) for _ in range(2))
    moved, agree = average() != 1.0, np.array_equal(first, second)
    still = average()
    net(x, training=False)
    net.predict(x, verbose=0)
    assert average() == still, "training=False and predict leave the average alone"
    return moved, agree


found = {name: seen(before) for name, before in BEFORE.items()}
print("keras", keras.__version__, "on", keras.backend.backend())
for name, (moved, agree) in found.items():
    print(f"after {name:14} moving average {'moves' if moved else 'stays':6} two calls "
          f"{'agree' if agree else 'differ'}")
on, off = (True, False), (False, True)
expected = {"nothing": off, "Resizing": on, "CenterCrop": on, "RandomFlip": on,
            "Rescaling": off, "Normalization": off}
assert found == expected, "no longer as described above"
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/seen.py" 2>/dev/null
