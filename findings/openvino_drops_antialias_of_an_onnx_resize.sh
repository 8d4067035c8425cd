#!/usr/bin/env bash
# OpenVINO 2026.4.1 reads an ONNX file's Resize with antialias=1 as one without.
#
# Guess before it was run: OpenVINO gives of every Resize what ONNX Runtime 1.32.0 gives, to a
# rounding, or says which attribute it does not know.
#
# Seen: over all modes of coordinates and of interpolation that both take the two agree, but
# `antialias=1` (from operator set 18 on) makes no difference in OpenVINO: a picture made four times
# smaller is sampled, two pixels of four in each direction, not averaged over them, and stripes of one
# pixel become false patterns. No error and no warning; nothing changes where a picture is enlarged.
# `exclude_outside=1` is dropped in the same way, which shows at the border of cubic interpolation.
# ONNX's own reference evaluator agrees with ONNX Runtime in all of it.
# Who meets it: whoever puts the resizing of pictures into the exported net. PyTorch 2.15.0 writes
# both attributes for `interpolate(x, size, mode="bilinear", antialias=True)`, which is torchvision's
# way to resize. Way out: resize before the net, or by an average pooling where the scale is whole.
#
# Usage: findings/openvino_drops_antialias_of_an_onnx_resize.sh          (a minute; uses pip)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q openvino==2026.4.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cat >"$folder/seen.py" <<'PYTHON'
import io

import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

SIDE = 32
core = openvino.Core()
noise = np.random.default_rng(0).random((1, 1, SIDE, SIDE)).astype("float32")
stripes = np.tile(np.array([1, 0], "float32"), SIDE // 2) * np.ones((1, 1, SIDE, 1), "float32")


def resize(scale, **attributes):
    """A net of one Resize, by half pixels."""
    put = [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 1, SIDE, SIDE))]
    side = int(SIDE * scale)
    out = [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 1, side, side))]
    scales = numpy_helper.from_array(np.array([1, 1, scale, scale], "float32"), "scales")
    node = helper.make_node("Resize", ["x", "", "scales"], ["y"], **attributes)
    graph = helper.make_graph([node], "net", put, out, [scales])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model


def outputs(model, x):
    """By OpenVINO and by ONNX Runtime, which agrees with the reference."""
    compiled = core.compile_model(
        core.read_model(io.BytesIO(model.SerializeToString())),
        "CPU",
        {"INFERENCE_PRECISION_HINT": "f32"},
    )
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    true = session.run(None, {"x": x})[0]
    assert np.allclose(ReferenceEvaluator(model).run(None, {"x": x})[0], true, atol=1e-5)
    return compiled(x)[0], true


print("OpenVINO", openvino.__version__.split("-")[0], "ONNX Runtime", onnxruntime.__version__)
for mode in ("linear", "cubic"):
    for scale in (0.25, 2.0):
        for told in ({}, {"antialias": 1}, {"exclude_outside": 1}):
            if "exclude_outside" in told and mode == "linear":
                continue  # linear interpolation has it together with antialias only
            found, true = outputs(resize(scale, mode=mode, **told), noise)
            plain, _ = outputs(resize(scale, mode=mode), noise)
            apart = np.abs(found - true).max()
            print(f"{mode}, scale {scale}, {told or 'no more'}: {apart:.3f} apart at most")
            # Enlarging needs no averages, and at a quarter no weight falls outside the picture.
            matters = told and ("antialias" in told) == (scale < 1)
            assert (apart > 0.02) if matters else (apart < 1e-5), "no longer as described above"
            assert np.array_equal(found, plain), "OpenVINO takes the attribute into account"
found, true = outputs(resize(0.3125, mode="linear", antialias=1), stripes)
print(f"stripes: standard deviation {found.std():.3f} by OpenVINO, {true.std():.3f} by ONNX Runtime")
assert found.std() > 4 * true.std(), "no longer as described above"
PYTHON
"$folder/venv/bin/python" "$folder/seen.py" 2>"$folder/errors" || { tail -3 "$folder/errors"; exit 1; }
