#!/usr/bin/env bash
# OpenCV 5.0.0: a strided layer of an ONNX file that says SAME_UPPER is padded as by SAME_LOWER.
#
# Guess before it was run: cv2.dnn gives what ONNX Runtime gives, to a rounding, or raises.
#
# Seen: a convolution, a depthwise one and both poolings of kernel 3, stride 2, on a picture of 8
# pixels by 8: `auto_pad="SAME_UPPER"` asks for the one row of padding below and right, OpenCV 5
# puts it above and left. The output has the right shape, all of it is off by a pixel, nothing is
# said. At 9 by 9, where the padding is even, all is right. OpenCV 4.14.0 is right at 8, too.
# Keras 3.15.1 writes SAME_UPPER (by way of tf2onnx 1.17.0) whenever the net's size is left open,
# `Input((None, None, 3))`; with a fixed size it writes the padding in numbers, which OpenCV keeps.
# Who meets it: whoever runs a fully convolutional net of Keras in OpenCV, at even sizes, and who
# goes from OpenCV 4 to 5 with a file that worked. Way out: export the net at a fixed size.
#
# Usage: findings/opencv_5_pads_strided_onnx_layers_on_the_other_side.sh  (two minutes; uses pip)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python3 -m venv "$folder/older"
"$folder/venv/bin/pip" install -q uv==0.13.9
"$folder/venv/bin/uv" pip install -q --python "$folder/venv/bin/python" keras==3.15.1 \
    tensorflow-cpu==2.21.0 tf2onnx==1.17.0 onnx==1.23.2 onnxruntime==1.32.0 \
    opencv-python-headless==5.0.0.93
"$folder/venv/bin/uv" pip install -q --python "$folder/older/bin/python" \
    opencv-python-headless==4.14.0.94
cat >"$folder/export.py" <<'PYTHON'
import sys
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
from keras import layers

keras.utils.set_random_seed(0)
folder = Path(sys.argv[1])
MAKE = {
    "convolution": lambda: layers.Conv2D(4, 3, 2, padding="same"),
    "depthwise": lambda: layers.DepthwiseConv2D(3, 2, padding="same"),
    "maximum": lambda: layers.MaxPooling2D(3, 2, padding="same"),
    "mean": lambda: layers.AveragePooling2D(3, 2, padding="same"),
}
for name, make in MAKE.items():
    for side in (8, 9):
        for size, open_ in ((side, "fixed"), (None, "open")):
            inputs = keras.Input((size, size, 3))
            net = keras.Model(inputs, make()(inputs))
            x = np.random.default_rng(0).normal(size=(1, side, side, 3)).astype("float32")
            true = np.asarray(net(x, training=False))
            path = folder / f"{name}_{side}_{open_}.onnx"
            net.export(path, format="onnx", verbose=False)
            (node,) = [n for n in onnx.load(path).graph.node if n.op_type.endswith(("Conv", "Pool"))]
            upper = any(one.name == "auto_pad" and one.s == b"SAME_UPPER" for one in node.attribute)
            assert upper == (open_ == "open"), "the exporter writes something else now"
            session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
            found = session.run(None, {session.get_inputs()[0].name: x})[0]
            assert np.allclose(found, true, atol=1e-5), "ONNX Runtime gives Keras's numbers"
            np.savez(path.with_suffix(".npz"), x=x, true=true)
print("keras", keras.__version__, "onnxruntime", onnxruntime.__version__)
PYTHON
cat >"$folder/seen.py" <<'PYTHON'
import sys
from pathlib import Path

import cv2
import numpy as np

fails = cv2.__version__.startswith("5")
for path in sorted(Path(sys.argv[1]).glob("*.onnx")):
    kept = np.load(path.with_suffix(".npz"))
    net = cv2.dnn.readNetFromONNX(str(path))
    net.setInput(kept["x"])
    found = net.forward()
    assert found.shape == kept["true"].shape
    apart = np.abs(found - kept["true"]).max()
    print(f"OpenCV {cv2.__version__}, {path.stem.replace('_', ' ')}: {apart:.3f} at most")
    wrong = fails and path.stem.endswith("8_open")
    assert (apart > 0.1) if wrong else (apart < 1e-4), "no longer as described above"
    if wrong and path.stem.startswith("maximum"):
        padded = np.pad(kept["x"], ((0, 0), (1, 0), (1, 0), (0, 0)), constant_values=-np.inf)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))[:, ::2, ::2]
        assert np.array_equal(found, windows.max((-2, -1))), "the padding is not above and left"
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/export.py" "$folder" 2>"$folder/errors" ||
    { tail -3 "$folder/errors"; exit 1; }
for one in venv older; do
    "$folder/$one/bin/python" "$folder/seen.py" "$folder" 2>"$folder/errors" ||
        { tail -3 "$folder/errors"; exit 1; }
done
