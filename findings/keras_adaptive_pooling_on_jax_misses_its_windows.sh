#!/usr/bin/env bash
# Keras 3.15.1 on JAX 0.10.2: adaptive pooling to 7 by 7 averages other windows, and ends in NaN.
#
# Guess before it was run: the adaptive pooling layers give the same numbers on TensorFlow and JAX,
# to a rounding: means or maxima of the windows from floor(i n / out) to ceil((i + 1) n / out).
#
# Seen: on JAX the windows' ends are worked out in float32, by dividing by the number of windows, as
# if by multiplying with its reciprocal: 14 * 7 / 7 is 14.000001 and its ceiling 15. So
# with 7 windows a side, and with 13, 14 or 15, some are a pixel too long, at most sizes: one that
# ends the picture is NaN, any other is just wrong. Of 14 pixels to 7, a quarter of the means is NaN
# and two in five more are wrong; of 21 pixels to 7 none is NaN and four in five are wrong. Where the
# maps are 7 by 7 already, which VGG and ResNet give of 224 pixels, the layer should change nothing
# and changes two cells in three. All other numbers of windows up to 24 come out right.
# The model builds, trains and predicts without a word. TensorFlow does all of these right.
# Who meets it: whoever rebuilds the average pooling between VGG's or AlexNet's maps and its dense
# layers, as torchvision has it. Way out: AveragePooling2D where the sides are multiples.
#
# Usage: findings/keras_adaptive_pooling_on_jax_misses_its_windows.sh  (two minutes; uses pip)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q keras==3.15.1 tensorflow-cpu==2.21.0 jax==0.10.2 numpy==2.4.6
cat >"$folder/seen.py" <<'PYTHON'
import keras
import numpy as np
from keras import layers

jax = keras.backend.backend() == "jax"
KINDS = {
    "average": (layers.AdaptiveAveragePooling2D, np.mean),
    "maximum": (layers.AdaptiveMaxPooling2D, np.max),
}
CASES = {  # pixels a side, windows a side: whether JAX gives NaN, whether it is wrong
    (12, 6): (False, False),
    (13, 6): (False, False),
    (7, 7): (True, True),
    (14, 7): (True, True),
    (15, 7): (True, True),
    (16, 7): (False, False),
    (21, 7): (False, True),
    (16, 8): (False, False),
    (26, 13): (True, True),
}
def ends(by):
    """Which numbers of windows, to 16, end elsewhere than in exact arithmetic, of up to 128 pixels."""
    return [
        out
        for out in range(1, 17)
        for pixels in [np.outer(np.arange(out, 129), np.arange(1, out + 1))]
        if (np.ceil(by(pixels.astype("float32"), np.float32(out))) != -(-pixels // out)).any()
    ]


assert ends(lambda pixels, out: pixels / out) == []
assert ends(lambda pixels, out: pixels * (1 / out)) == [7, 13, 14, 15]
print("keras", keras.__version__, "on", keras.backend.backend())
for (side, windows), (lost, wrong) in CASES.items():
    maps = np.random.default_rng(0).random((2, side, side, 3)).astype("float32")
    cuts = [slice(i * side // windows, -(-(i + 1) * side // windows)) for i in range(windows)]
    said = []
    for name, (layer, of) in KINDS.items():
        inputs = keras.Input(maps.shape[1:])
        found = keras.Model(inputs, layer(windows)(inputs)).predict(maps, verbose=0)
        wanted = np.stack([[of(maps[:, a, b], (1, 2)) for b in cuts] for a in cuts])
        wanted = np.moveaxis(wanted, 2, 0)
        assert found.shape == wanted.shape
        nan = np.isnan(found)
        off = ~nan & ~np.isclose(found, wanted, atol=1e-5)
        said.append(f"{name}: {nan.mean():.0%} NaN, {off.mean():.0%} wrong")
        assert (nan.any(), (nan | off).any()) == ((lost, wrong) if jax else (False, False)), said[-1]
    print(f"{side} pixels to {windows}:", "; ".join(said))
PYTHON
for backend in tensorflow jax; do
    KERAS_BACKEND=$backend TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/seen.py" \
        2>"$folder/errors" || { tail -3 "$folder/errors"; exit 1; }
done
