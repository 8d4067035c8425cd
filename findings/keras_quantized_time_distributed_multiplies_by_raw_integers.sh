#!/usr/bin/env bash
# Keras 3.15.1: TimeDistributed of a quantised Dense layer multiplies by integers that nothing scales.
#
# Guess before it was run: after `model.quantize("int8")` the outputs of a net of dense layers lie
# within 2 % of the range they had, and within 20 % after "int4". Nothing else was expected of a
# wrapper round them, and so none was guessed of in particular.
#
# Seen, on TensorFlow and on JAX: so it is for Dense, and for TimeDistributed of a model with a Dense
# layer in it. TimeDistributed(Dense) itself gives answers some 240 times too large with int8 and 14
# times with int4: its kernel became integers, 127 or 7 for the largest weight, and the wrapper takes
# the layer's float path, which does not know of the scale. EinsumDense does the same. No error and no
# warning. Behind a softmax the probabilities are 0 and 1, while 80 to 90 % of the answers still choose
# the same class: so the accuracy hides much of it, and losses, thresholds and scores of boxes are
# false. "float8" leaves the layer as it was.
# Who meets it: whoever shrinks a net whose head runs over the frames of a film or over an image's
# regions (as Mask R-CNN's was written for Keras). Way out: Dense without the wrapper, as it works on
# the last axis anyway, or the wrapper round a model.
#
# Usage: findings/keras_quantized_time_distributed_multiplies_by_raw_integers.sh
#        (two minutes; uses pip)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q keras==3.15.1 tensorflow-cpu==2.21.0 jax==0.10.2
cat >"$folder/seen.py" <<'PYTHON'
import keras
import numpy as np
from keras import layers

x = np.random.default_rng(0).normal(size=(16, 6, 8)).astype("float32")
FORMS = {
    "Dense": lambda **form: layers.Dense(10, **form),
    "a model in TimeDistributed": lambda **form: layers.TimeDistributed(
        keras.Sequential([layers.Dense(10, **form)])
    ),
    "Dense in TimeDistributed": lambda **form: layers.TimeDistributed(layers.Dense(10, **form)),
    "EinsumDense in TimeDistributed": lambda **form: layers.TimeDistributed(
        layers.EinsumDense("ab,bc->ac", (10,), **form)
    ),
}


def before_and_after(name, mode, **form):
    keras.utils.set_random_seed(0)
    net = keras.Sequential([keras.Input((6, 8)), FORMS[name](**form)])
    before = net.predict(x, verbose=0)
    net.quantize(mode)
    return before, net.predict(x, verbose=0)


print("keras", keras.__version__, "on", keras.backend.backend())
for name in FORMS:
    for mode in ("int8", "int4", "float8"):
        before, after = before_and_after(name, mode)
        off = np.abs(after - before).max() / np.ptp(before)
        times = np.median(after / before)
        print(f"{name}, {mode}: off by {off:.1%} of the range, {times:.2f} times as large")
        if "Dense in" in name and mode != "float8":
            low, high = {"int8": (150, 350), "int4": (8, 20)}[mode]
            assert low < times < high, "no longer as described above"
        else:
            assert off < {"int8": 0.02, "int4": 0.2, "float8": 0.2}[mode], "not as described above"
for name in ("Dense", "Dense in TimeDistributed"):
    before, after = before_and_after(name, "int8", activation="softmax")
    same = np.mean(before.argmax(-1) == after.argmax(-1))
    sure = np.mean(after.max(-1) > 0.99)
    print(f"{name}, softmax: {same:.0%} choose as before, {sure:.0%} are surer than 0.99")
    assert same > 0.75 and (sure > 0.9) == (name != "Dense"), "no longer as described above"
PYTHON
for backend in tensorflow jax; do
    KERAS_BACKEND=$backend TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/seen.py" \
        2>"$folder/errors" || { tail -3 "$folder/errors"; exit 1; }
done
