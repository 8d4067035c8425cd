#!/usr/bin/env bash
# onnx 1.23.2: its reference evaluator applies local response normalisation to too few channels.
#
# Guess before it was run: `onnx.reference.ReferenceEvaluator`, slow as it is, gives for every
# operator what ONNX Runtime gives, to a rounding; it is there to be compared with.
#
# Seen: of LRN it normalises only the first N channels, N being the number of pictures in the batch,
# and hands the others on as they came. For one picture all channels but the first are wrong, only a
# batch of as many pictures as channels is right, and a larger one ends with an IndexError. ONNX
# Runtime 1.32.0 agrees with the formula for every batch.
# Who meets it: whoever checks an export or an optimiser of AlexNet or GoogLeNet, the two nets with
# this layer, against the reference, with one picture, and looks for the fault in the export.
#
# Usage: findings/onnx_reference_normalises_as_many_channels_as_pictures.sh   (half a minute; pip)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cat >"$folder/seen.py" <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

SIZE, ALPHA, BETA, BIAS = 5, 0.5, 0.75, 1.0
CHANNELS = 8
place = [helper.make_tensor_value_info(name, TensorProto.FLOAT, (None, CHANNELS, 4, 4)) for name in "xy"]
node = helper.make_node("LRN", ["x"], ["y"], size=SIZE, alpha=ALPHA, beta=BETA, bias=BIAS)
graph = helper.make_graph([node], "net", place[:1], place[1:])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model, full_check=True)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
reference = ReferenceEvaluator(model)


def by_formula(x):
    """Each channel over a power of the squares of itself and two neighbours on either side."""
    near = [x[:, max(0, at - 2) : at + 3] for at in range(CHANNELS)]
    squares = np.stack([(part**2).sum(axis=1) for part in near], axis=1)
    return x / (BIAS + ALPHA / SIZE * squares) ** BETA


print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__)
for pictures in (1, 2, 4, CHANNELS):
    x = np.random.default_rng(0).normal(size=(pictures, CHANNELS, 4, 4)).astype("float32")
    true = by_formula(x)
    assert np.allclose(session.run(None, {"x": x})[0], true, atol=1e-5), "ONNX Runtime is right"
    found = reference.run(None, {"x": x})[0]
    right = [np.allclose(found[:, at], true[:, at], atol=1e-5) for at in range(CHANNELS)]
    as_given = [np.array_equal(found[:, at], x[:, at]) for at in range(CHANNELS)]
    print(f"{pictures} pictures: {sum(right)} channels right, {sum(as_given)} as they came")
    assert right == [at < pictures for at in range(CHANNELS)], "no longer as described above"
    assert as_given == [at >= pictures for at in range(CHANNELS)], "no longer as described above"
try:
    reference.run(None, {"x": np.zeros((CHANNELS + 1, CHANNELS, 4, 4), "float32")})
    raise AssertionError("no longer as described above")
except IndexError:
    print(f"{CHANNELS + 1} pictures: IndexError")
PYTHON
"$folder/venv/bin/python" "$folder/seen.py" 2>"$folder/errors" || { tail -3 "$folder/errors"; exit 1; }
