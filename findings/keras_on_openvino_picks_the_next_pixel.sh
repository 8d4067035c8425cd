#!/usr/bin/env bash
# Keras 3.15.1 on OpenVINO 2026.4.1: a picture made smaller has other pixels than on TensorFlow.
#
# Guess before it was run: the layers that run on Keras's OpenVINO backend give TensorFlow's numbers
# to 1e-4, or raise; so Resizing does, for all of its ways, with and without antialias.
#
# Seen: `nearest` to a smaller size takes the pixel behind the right one: of 12 pixels to 4 the third
# of each three, not the middle one, and at the end it may take the last one twice. Sides divided by
# 2 or 4 come out right, so a check of halves tells nothing. Label maps made smaller move by up to a
# pixel against their pictures.
# antialias=True does nothing for `bicubic`, and for `bilinear` it does where the layer is called
# but not in `predict`: one model, two answers, one of them with all the moire. Of ONNX files
# OpenVINO leaves it out likewise. Lanczos is right.
# Of whole numbers, uint8, `bicubic` adds 1 to what is below 128 and takes 1 off what is above: a flat
# grey of 100 becomes 101. The source says that it is to match TensorFlow, which gives 100.
# All of this without a word.
# Who meets it: whoever serves on OpenVINO a Keras net with its preprocessing in it.
#
# Usage: findings/keras_on_openvino_picks_the_next_pixel.sh  (a minute; installs with pip)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q keras==3.15.1 tensorflow-cpu==2.21.0 openvino==2026.4.1 \
    scipy==1.17.1 numpy==2.4.6
cat >"$folder/seen.py" <<'PYTHON'
import keras
import numpy as np
from keras import layers, ops

openvino = keras.backend.backend() == "openvino"


def resized(x, height, width, called=False, **how):
    """What a net of one layer makes of x, by `predict` or called."""
    inputs = keras.Input(x.shape[1:], dtype=x.dtype.name)
    layer = layers.Resizing(height, width, dtype=x.dtype.name, **how)
    net = keras.Model(inputs, layer(inputs))
    return ops.convert_to_numpy(net(x)) if called else np.asarray(net.predict(x, verbose=0))


print("keras", keras.__version__, "on", keras.backend.backend())
row = np.arange(12, dtype="float32").reshape(1, 1, 12, 1)
for width in (3, 4, 5, 6, 8, 10):
    found = resized(row, 1, width, interpolation="nearest").ravel().astype(int)
    wanted = ((np.arange(width) + 0.5) * 12 / width).astype(int)
    late = not np.array_equal(found, wanted)
    print(f"nearest, of 12 to {width}:", *found, "(one behind)" if late else "")
    assert late == (openvino and width not in (3, 6)), "no longer as described above"
    assert (found - wanted).max() <= 1 and (found >= wanted).all()

picture = np.random.default_rng(0).random((1, 48, 48, 3)).astype("float32")
for way in ("bilinear", "bicubic", "lanczos3"):
    for called in (False, True):
        smooth, sharp = (
            resized(picture, 16, 16, called, interpolation=way, antialias=on) for on in (True, False)
        )
        print(
            f"{way} of 48 to 16, {'called' if called else 'predict'}: spread",
            f"{smooth.std():.3f} with antialias, {sharp.std():.3f} without",
        )
        left_out = way == "bicubic" or (way == "bilinear" and not called)
        assert (np.abs(smooth - sharp).max() < 1e-5) == (openvino and left_out), "no longer as above"

for grey in (20, 100, 200):
    flat = np.full((1, 9, 9, 3), grey, "uint8")
    found = np.unique(resized(flat, 18, 18, interpolation="bicubic"))
    print(f"bicubic of flat {grey}, whole numbers:", *found)
    shifted = grey + (1 if grey < 128 else -1)
    assert found.tolist() == [shifted if openvino else grey], "no longer as described above"
PYTHON
for backend in tensorflow openvino; do
    KERAS_BACKEND=$backend TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/seen.py" \
        2>"$folder/errors" || { tail -3 "$folder/errors"; exit 1; }
done
