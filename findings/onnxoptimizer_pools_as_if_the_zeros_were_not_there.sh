#!/usr/bin/env bash
# onnxoptimizer 0.4.2: of zeros put round the maps and a maximum pooling it makes one without the zeros.
#
# Guess before it was run: whatever an optimiser of ONNX files (onnxoptimizer, onnxsim, onnxslim, ONNX
# Runtime's own) makes of a valid net gives the same numbers, to a rounding, or it leaves it alone.
#
# Seen: onnxoptimizer, as it is called without any option, moves a Pad by zeros into the pooling
# behind it. But a maximum pooling's own padding counts as minus infinity, not as 0: where all that a
# window of the border holds is negative, the net gives that and no longer 0. Behind a ReLU nothing is
# negative, so ResNet comes out right, and ResNet50V2, which pools its first convolution without one,
# does not; nor does the small YOLO, which pads below and right behind a leaky ReLU. A zero padding
# before AveragePooling2D(3, 2, padding="same") goes wrong as well: zeros are no longer counted.
# A check with ReLU tells nothing, only cells of the border change, and nothing is said.
# onnxsim 0.8.1, onnxslim 0.1.98 and ONNX Runtime 1.32.0 keep the numbers.
# Who meets it: whoever slims an exported net with it before a device gets it. Way out: leave the pass
# "fuse_pad_into_pool" out, or one of the other two tools.
#
# Usage: findings/onnxoptimizer_pools_as_if_the_zeros_were_not_there.sh  (two minutes; uses pip)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q uv==0.13.9
"$folder/venv/bin/uv" pip install -q --python "$folder/venv/bin/python" keras==3.15.1 \
    tensorflow-cpu==2.21.0 tf2onnx==1.17.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 \
    onnxoptimizer==0.4.2 onnxsim==0.8.1 onnxslim==0.1.98
cat >"$folder/seen.py" <<'PYTHON'
import sys
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxoptimizer
import onnxruntime
import onnxsim
import onnxslim
from keras import layers

keras.utils.set_random_seed(0)
path = str(Path(sys.argv[1]) / "net.onnx")
PASSES = [
    one for one in onnxoptimizer.get_fuse_and_elimination_passes() if one != "fuse_pad_into_pool"
]
WAYS = {
    "onnxoptimizer": onnxoptimizer.optimize,
    "without the pass": lambda model: onnxoptimizer.optimize(model, PASSES),
    "onnxsim": lambda model: onnxsim.simplify(model)[0],
    "onnxslim": onnxslim.slim,
}


def after(*then, kernel=7, stride=2):
    """A net of a convolution and these layers."""
    first = layers.Conv2D(16, kernel, stride, padding="same")
    return keras.Sequential([keras.Input((32, 32, 3)), first, *then])


def start(name):
    """What Keras's own net of this name has up to its first pooling."""
    whole = getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3), classes=10)
    return keras.Model(whole.input, whole.get_layer("pool1_pool").output)


def below_and_right():
    return layers.ZeroPadding2D(((0, 1), (0, 1)))


NETS = {  # and whether onnxoptimizer changes what it says
    "ResNet50, to its pooling": (start("ResNet50"), False),
    "ResNet50V2, to its pooling": (start("ResNet50V2"), True),
    "convolution, zeros, maximum": (
        after(layers.ZeroPadding2D(1), layers.MaxPooling2D(3, 2)), True
    ),
    "ReLU, zeros, maximum": (
        after(layers.ReLU(), layers.ZeroPadding2D(1), layers.MaxPooling2D(3, 2)), False
    ),
    "leaky ReLU, zeros, maximum": (
        after(layers.LeakyReLU(0.1), below_and_right(), layers.MaxPooling2D(2, 1), kernel=3, stride=1),
        True,
    ),
    "zeros, mean": (after(layers.ZeroPadding2D(1), layers.AveragePooling2D(3, 2)), False),
    "zeros, mean of padding same": (
        after(layers.ZeroPadding2D(1), layers.AveragePooling2D(3, 2, padding="same")), True
    ),
}


def run(model, x):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {session.get_inputs()[0].name: x})[0]


print(*(f"{name} {version(name)}" for name in ("onnxoptimizer", "onnxsim", "onnxslim", "onnxruntime")))
for name, (net, changes) in NETS.items():
    x = np.random.default_rng(0).normal(size=(2, *net.input_shape[1:])).astype("float32")
    true = net.predict(x, verbose=0)
    net.export(path, format="onnx", verbose=False)
    assert np.allclose(run(onnx.load(path), x), true, atol=1e-4), "the file itself is right"
    off = {}
    for way, change in WAYS.items():
        model = change(onnx.load(path))
        onnx.checker.check_model(model)
        found = run(model, x)
        assert found.shape == true.shape
        off[way] = np.abs(found - true) > 1e-4
    within = off["onnxoptimizer"][:, 1:-1, 1:-1].any()
    cells = off["onnxoptimizer"].any(-1).mean()
    values = ", ".join(f"{way} {each.mean():.1%}" for way, each in off.items())
    print(f"{name}: {values} of the values off; with the first in {cells:.0%} of the cells")
    assert off["onnxoptimizer"].any() == changes and not within, "no longer as described above"
    assert not any(each.any() for way, each in off.items() if way != "onnxoptimizer"), "others, too"
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" -W ignore "$folder/seen.py" "$folder" \
    2>"$folder/errors" || { tail -3 "$folder/errors"; exit 1; }
