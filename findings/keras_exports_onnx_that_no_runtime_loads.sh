#!/usr/bin/env bash
# Keras 3.15.1: what it exports as ONNX of a grouped convolution or of GELU, no ONNX runtime loads.
#
# Guess before it was run: on TensorFlow, `model.export(path, format="onnx")` either gives a file
# with the net's outputs or says what it cannot export.
#
# Seen: it raises nothing for any net and says where the file lies; a line of tf2onnx's log is all
# that tells of trouble, and not always. Of a grouped convolution, of exact GELU (Keras's default) and
# of a transposed convolution whose stride is above its kernel the file is none: ONNX Runtime 1.32.0
# refuses to load it. Keras compiles a grouped
# convolution with XLA on a CPU, which stays in the graph as one call of TensorFlow's own; tf2onnx
# 1.17.0 leaves TensorFlow's Erfc as it is; the last gets negative padding. So ResNeXt, ShuffleNet,
# ConvNeXt and transformers for images come out broken, while ResNet, MobileNet (its depthwise
# convolutions are no grouped ones) and U-Net come out right to a rounding. GELU by tanh
# (`keras.activations.gelu(x, approximate=True)`) passes. LiteRT and OpenVINO take all of them from
# the same Keras nets.
# Who meets it: whoever deploys such a net, and tries the file only on the device.
#
# Usage: findings/keras_exports_onnx_that_no_runtime_loads.sh  (two minutes; uses pip)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q keras==3.15.1 tensorflow-cpu==2.21.0 tf2onnx==1.17.0 \
    onnx==1.23.2 onnxruntime==1.32.0 ai-edge-litert==2.3.0
cat >"$folder/seen.py" <<'PYTHON'
import sys
from pathlib import Path

import keras
import numpy as np
import onnxruntime
from ai_edge_litert.interpreter import Interpreter
from keras import layers

keras.utils.set_random_seed(0)
NETS = {
    "convolution": (layers.Conv2D(8, 3, padding="same"), True),
    "depthwise": (layers.DepthwiseConv2D(3, padding="same"), True),
    "grouped": (layers.Conv2D(8, 3, padding="same", groups=2), False),
    "transposed, kernel 4, stride 2": (layers.Conv2DTranspose(8, 4, 2, padding="same"), True),
    "transposed, kernel 2, stride 3": (layers.Conv2DTranspose(8, 2, 3), False),
    "GELU": (layers.Activation("gelu"), False),
    "GELU by tanh": (layers.Lambda(lambda x: keras.activations.gelu(x, approximate=True)), True),
}
x = np.random.default_rng(0).normal(size=(1, 16, 16, 4)).astype("float32")


def by_onnx(path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def by_litert(path):
    interpreter = Interpreter(path)
    place = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(place, x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(place, x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


print("keras", keras.__version__, "onnxruntime", onnxruntime.__version__)
for name, (layer, loads) in NETS.items():
    inputs = keras.Input(x.shape[1:])
    net = keras.Model(inputs, layer(inputs))
    wanted = np.asarray(net(x, training=False))
    said = []
    for form, suffix, run in (("onnx", "onnx", by_onnx), ("litert", "tflite", by_litert)):
        path = str(Path(sys.argv[1]) / f"net.{suffix}")
        net.export(path, format=form, verbose=False)  # no error, whatever is in the net
        try:
            right = np.allclose(run(path), wanted, atol=1e-4)
            said.append("right" if right else "wrong")
        except Exception as error:
            said.append("refused: " + " ".join(str(error).split())[-60:])
    print(f"{name}: ONNX {said[0]}; LiteRT {said[1]}")
    assert (said[0] == "right") == loads and said[1] == "right", "no longer as described above"
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/seen.py" "$folder" 2>"$folder/errors" ||
    { tail -3 "$folder/errors"; exit 1; }
