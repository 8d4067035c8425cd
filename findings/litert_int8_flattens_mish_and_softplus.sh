#!/usr/bin/env bash
# TensorFlow 2.21.0: quantised to int8 for LiteRT, mish and softplus lose all but their largest values.
#
# Guess before it was run: of a Keras net of one layer, converted to integers with representative
# data, LiteRT's outputs lie within 3 % of the range of the float net's, whichever the activation.
#
# Seen: ReLU, swish, GELU and ELU do, with 0.6 % at most. Softplus becomes EXP, ADD and LOG, each with
# 256 steps for its whole range; mish, x tanh(softplus(x)), has it inside. With inputs to 4 the error
# is about 4 %. With inputs to 16 the exponential reaches 7 million in steps of 28,000, so all that a
# number below 9.5 gives is rounded away: softplus and mish of 1, 2 and 4 are 0, and the error is
# more than 70 % of the range. The converter says nothing. Written as relu(x) + log1p(exp(-|x|)), the
# same function, which never has a large number inside, keeps within 1.2 %.
# Who meets it: whoever puts a net with mish (YOLOv4's) or with softplus (a scale, a variance) on a
# device that computes in integers. Way out: that formula, or swish.
#
# Usage: findings/litert_int8_flattens_mish_and_softplus.sh  (two minutes; uses pip)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q keras==3.15.1 tensorflow-cpu==2.21.0 ai-edge-litert==2.3.0
cat >"$folder/seen.py" <<'PYTHON'
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from keras import layers, ops

path = str(Path(sys.argv[1]) / "net.tflite")
noise = np.random.default_rng(0).normal(size=(64, 1, 8, 8, 8)).astype("float32")


def softplus_without_large_numbers(x):
    return ops.relu(x) + ops.log1p(ops.exp(-ops.abs(x)))


def mish_without_large_numbers(x):
    return x * ops.tanh(softplus_without_large_numbers(x))


FORMS = ["relu", "swish", "gelu", "elu", "softplus", "mish"]
FORMS += [softplus_without_large_numbers, mish_without_large_numbers]


def largest_error(form, scale):
    """Of the integer net, as a share of the range of the outputs, and what it makes of 0, 1, 2, 4."""
    data = scale * noise
    net = keras.Sequential([keras.Input((8, 8, 8), batch_size=1), layers.Activation(form)])
    net.export(
        path,
        format="litert",
        verbose=False,
        optimizations=[tf.lite.Optimize.DEFAULT],
        representative_dataset=lambda: ([one] for one in data),
        target_spec={"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]},
        inference_input_type=tf.int8,
        inference_output_type=tf.int8,
    )
    runner = Interpreter(path)
    runner.allocate_tensors()
    (put,), (out,) = runner.get_input_details(), runner.get_output_details()
    (step, zero), (step_out, zero_out) = put["quantization"], out["quantization"]

    def both(x):
        whole = np.clip(np.round(x / step) + zero, -128, 127).astype("int8")
        runner.set_tensor(put["index"], whole)
        runner.invoke()
        found = (runner.get_tensor(out["index"]).astype("float32") - zero_out) * step_out
        return found, ops.convert_to_numpy(net((whole.astype("float32") - zero) * step))

    found, true = (np.stack(each) for each in zip(*map(both, data[:8])))
    few = np.zeros((1, 8, 8, 8), "float32")
    few[0, 0, 0, :4] = 0, 1, 2, 4
    few = [each[0, 0, 0, :4].astype(float).round(1).tolist() for each in both(few)]
    return np.abs(found - true).max() / np.ptp(true), *few


print("TensorFlow", tf.__version__, "Keras", keras.__version__)
for form in FORMS:
    name = getattr(form, "__name__", form).replace("_", " ")
    for scale in (1, 4):
        error, found, true = largest_error(form, scale)
        print(f"{name}, inputs to {scale * noise.max():.0f}: {error:.1%}", end="; ")
        print(f"0, 1, 2, 4 give {found} for {true}", flush=True)
        expected = {1: (0.03, 0.2), 4: (0.5, 1.1)}[scale] if name in ("mish", "softplus") else (0, 0.03)
        assert expected[0] <= error <= expected[1], "no longer as described above"
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" -W ignore "$folder/seen.py" "$folder" \
    2>"$folder/errors" || { tail -3 "$folder/errors"; exit 1; }
