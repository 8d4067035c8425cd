#!/usr/bin/env bash
# Keras 3.15.1: a net with attention that was quantised is saved without a word and cannot be loaded.
#
# Guess before it was run: a net quantised with `model.quantize`, saved as .keras and loaded again
# gives the same outputs to the bit, with MultiHeadAttention as with Dense.
#
# Seen, on TensorFlow and on JAX: it does with Dense, alone or in a model within the model. With
# MultiHeadAttention or GroupQueryAttention in it, int8, int4 or float8, `save` says nothing and
# `load_model` raises ValueError: the four projections "could not be loaded". The file holds their
# integers, but the layer's configuration says float32 for all of it, so it is built as a float layer.
# Who meets it: whoever quantises a transformer, saves it, and lets the session with the net go.
# Way out: nothing is lost; build the net from its code, quantise it the same way, and `load_weights`
# of that very file gives the same outputs again.
#
# Usage: findings/keras_saves_quantized_attention_that_it_cannot_load.sh  (two minutes; uses pip)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q keras==3.15.1 tensorflow-cpu==2.21.0 jax==0.10.2
cat >"$folder/seen.py" <<'PYTHON'
import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers

path = str(Path(sys.argv[1]) / "net.keras")
x = np.random.default_rng(0).normal(size=(4, 16, 8)).astype("float32")
FORMS = {
    "Dense": lambda x: layers.Dense(4)(x),
    "a model": lambda x: keras.Sequential([layers.Dense(8), layers.Dense(4)])(x),
    "MultiHeadAttention": lambda x: layers.MultiHeadAttention(2, 8)(x, x),
    "GroupQueryAttention": lambda x: layers.GroupQueryAttention(8, 4, 2)(x, x),
}


def quantized(form, mode):
    """A new net, and what it said before."""
    put = keras.Input((16, 8))
    net = keras.Model(put, form(put))
    before = net.predict(x, verbose=0)
    net.quantize(mode)
    return net, before


print("keras", keras.__version__, "on", keras.backend.backend())
for name, form in FORMS.items():
    for mode in ("int8", "int4", "float8"):
        net, before = quantized(form, mode)
        after = net.predict(x, verbose=0)
        assert np.abs(after - before).max() < 0.3 * np.ptp(before), "the net itself is right"
        net.save(path)
        try:
            again = keras.saving.load_model(path).predict(x, verbose=0)
            loaded = "loaded, the same" if np.array_equal(again, after) else "loaded, another"
        except ValueError as error:
            loaded = str(error).partition(" Example")[0]
        anew, _ = quantized(form, mode)
        anew.load_weights(path)
        same = np.array_equal(anew.predict(x, verbose=0), after)
        print(f"{name}, {mode}: {loaded}; into a net made anew: {'the same' if same else 'another'}")
        assert same and ("could not be loaded" in loaded) == ("Attention" in name), "not as described"
PYTHON
for backend in tensorflow jax; do
    KERAS_BACKEND=$backend TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/seen.py" \
        "$folder" 2>"$folder/errors" || { tail -3 "$folder/errors"; exit 1; }
done
