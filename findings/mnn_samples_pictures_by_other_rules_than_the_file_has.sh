#!/usr/bin/env bash
# MNN 3.6.1: of an ONNX file's bicubic resizing it gets the first rows wrong, and swaps other rules, too.
#
# Guess before it was run: what MNN's converter takes of an ONNX file gives ONNX Runtime's numbers to a
# thousandth on the CPU, in all common modes of resizing and pooling; the rest it refuses. (GridSample
# was run along with them, without a guess of its own.)
#
# Seen: convolutions, transposed ones, almost all pooling and bilinear resizing do. Not so, without a
# word:
# - Enlarged by "cubic", a picture's first rows and columns are those from a pixel further in: of a ramp
#   0, 1, 2, ... the doubled row begins with .67, .19, .67 for -.11, .19, .67. Four times as large, two
#   rows are wrong; where corners are aligned, none. `cubic_coeff_a` and `exclude_outside` count for
#   nothing: Keras's bicubic (-0.5) is done as PyTorch's (-0.75), wrong almost everywhere.
# - "nearest" with "round_prefer_ceil" takes the pixel before the right one wherever it falls between
#   two, so in all of a picture made half as large.
# - GridSample by "reflection" repeats the border instead, and its "bicubic" is bilinear.
# - AveragePool in 3D counts the padding of rows and columns as zeros, and that of slices not, whatever
#   it is told of both.
# Who meets it: whoever runs a net for super-resolution, with a flow or a spatial transformer, or of
# volumes on a telephone. A flat picture stays flat, so a look at one shows nothing. Way out: bilinear
# resizing, or cubic with aligned corners.
#
# Usage: findings/mnn_samples_pictures_by_other_rules_than_the_file_has.sh  (half a minute; uses pip)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q mnn==3.6.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cat >"$folder/seen.py" <<'PYTHON'
import sys
from importlib.metadata import version
from pathlib import Path

import _tools  # the converter itself, without the command round it
import MNN.expr
import MNN.nn
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

folder = Path(sys.argv[1])
file, changed = str(folder / "net.onnx"), str(folder / "net.mnn")
SIDE = 8
ramp = np.tile(np.arange(SIDE, dtype="float32"), (SIDE, 1))[None, None]
noise = np.random.default_rng(0).random((1, 1, SIDE, SIDE)).astype("float32")
volume = np.ones((1, 1, 4, 4, 4), "float32")
across = np.linspace(-1.6, 1.6, 9, dtype="float32")
grid = np.stack([across, np.zeros_like(across)], -1)[None, None]  # along the middle and past both ends
middle = SIDE // 2


def net(kind, x, constants, inputs=("x",), **attributes):
    given = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    put = helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * x.ndim)
    node = helper.make_node(kind, [*inputs, *constants], ["y"], **attributes)
    graph = helper.make_graph([node], "net", [put], [out], given)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def resize(scale, x, **attributes):
    scales = np.array([1, 1, scale, scale], "float32")
    return net("Resize", x, {"scales": scales}, ("x", ""), **attributes)


def both(model, x):
    """What MNN and ONNX Runtime make of x."""
    onnx.save(model, file)
    _tools.mnnconvert(
        ["mnnconvert", "-f", "ONNX", "--modelFile", file, "--MNNModel", changed, "--bizCode", "net"]
    )
    put = MNN.expr.placeholder(list(x.shape), MNN.expr.NCHW)
    put.write(x)
    out = MNN.nn.load_module_from_file(changed, ["x"], ["y"]).forward([put])[0]
    if out.data_format == MNN.expr.NC4HW4:
        out = MNN.expr.convert(out, MNN.expr.NCHW)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    true = session.run(None, {"x": x})[0]
    found = np.array(out.read())
    assert found.shape == true.shape
    return found, true


def off(found, true):
    return np.abs(found - true) > 1e-3


SAID = []
for scale, rows in ((2, 1), (4, 2)):
    found, true = both(resize(scale, noise, mode="cubic"), noise)
    wrong = off(found, true)[0, 0]
    SAID.append(f"cubic, {scale} times: {wrong.mean():.0%} wrong, in the first {rows} rows and columns")
    assert wrong[:rows].mean() > 0.9 and wrong[:, :rows].mean() > 0.9, "no longer as described above"
    assert not wrong[rows:, rows:].any(), "no longer as described above"
found, true = both(resize(2, ramp, mode="cubic"), ramp)
SAID.append(f"cubic of a ramp: {found[0, 0, middle, :3].round(2)} for {true[0, 0, middle, :3].round(2)}")
assert np.allclose(found[..., 0], found[..., 2], atol=1e-3) and not off(found, true)[..., 1:].any()
flat, _ = both(resize(2, noise, mode="cubic"), np.ones_like(noise))
assert np.allclose(flat, 1, atol=1e-3), "flat stays flat"
aligned = {"mode": "cubic", "coordinate_transformation_mode": "align_corners"}
assert not off(*both(resize(2, noise, **aligned), noise)).any(), "aligned corners"
assert not off(*both(resize(2, noise, mode="linear"), noise)).any(), "bilinear"

as_keras = resize(2, noise, mode="cubic", cubic_coeff_a=-0.5, exclude_outside=1)
found, true = both(as_keras, noise)
SAID.append(f"cubic, -0.5, exclude_outside: {off(found, true).mean():.0%} wrong")
assert np.array_equal(found, both(resize(2, noise, mode="cubic"), noise)[0]), "both have no effect"
assert off(found, true).mean() > 0.8, "no longer as described above"

for rule in ("round_prefer_floor", "round_prefer_ceil"):
    found, true = both(resize(0.5, ramp, mode="nearest", nearest_mode=rule), ramp)
    SAID.append(f"nearest, {rule}, of 0 to 7: {found[0, 0, 0]} for {true[0, 0, 0]}")
    late = rule == "round_prefer_ceil"
    assert np.array_equal(found + late, true), "no longer as described above"

samples = {}
for mode in ("bilinear", "nearest", "bicubic"):
    for beyond in ("zeros", "border", "reflection"):
        model = net("GridSample", ramp, {"grid": grid}, mode=mode, padding_mode=beyond)
        found, true = both(model, ramp)
        samples[mode, beyond] = found
        SAID.append(f"GridSample, {mode}, {beyond}: {off(found, true).sum()} of 9 wrong")
        right = mode != "bicubic" and beyond != "reflection"
        assert off(found, true).any() == (not right), "no longer as described above"
for mode, beyond in samples:
    assert np.array_equal(samples[mode, "reflection"], samples[mode, "border"]), "not the border"
    assert np.array_equal(samples["bicubic", beyond], samples["bilinear", beyond]), "not bilinear"

means = []
how = {"kernel_shape": [3] * 3, "strides": [2] * 3, "pads": [1] * 6}
for count in (0, 1):
    found, true = both(net("AveragePool", volume, {}, count_include_pad=count, **how), volume)
    SAID.append(f"mean of ones in 3D, padding counts {count}: {found.min():.2f} for {true.min():.2f}")
    means.append(found)
    assert off(found, true).any(), "no longer as described above"
    flat = {key: value[: len(value) // 3 * 2] for key, value in how.items()}
    assert not off(*both(net("AveragePool", noise, {}, count_include_pad=count, **flat), noise)).any()
assert np.array_equal(*means), "it heeds what it is told"
assert np.allclose(means[0][0, 0, :, 0, 0], 4 / 9) and np.allclose(means[0][0, 0, :, 1, 1], 1)
print("MNN", version("mnn"), "ONNX Runtime", version("onnxruntime"), file=sys.stderr)
print(*SAID, sep="\n", file=sys.stderr)
PYTHON
"$folder/venv/bin/python" "$folder/seen.py" "$folder" >"$folder/log" 2>"$folder/said" ||
    { tail -3 "$folder/said"; exit 1; }
cat "$folder/said"
