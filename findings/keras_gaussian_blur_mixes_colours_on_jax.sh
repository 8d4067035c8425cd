#!/usr/bin/env bash
# Keras 3.15.1: ops.image.gaussian_blur blurs colours into each other on JAX, and its kernels lie wrong.
#
# Guess before it was run: `keras.ops.image.gaussian_blur(pictures)` gives the same numbers on
# TensorFlow and on JAX, to a rounding, for any kernel: each channel by itself, the kernel's first
# size and sigma along the height, as its documentation says.
#
# Seen: where no data_format is given, JAX takes the default for channels_first whatever the
# configuration says, so pictures with their channels last (Keras's default, and the example in its
# documentation) are blurred along the width and across the colours, and not at all along the height:
# a red pixel becomes partly green, and what goes past the last colour is lost. The shape is right and
# nothing is said; with data_format="channels_last" JAX does as TensorFlow.
# Both swap the two sigmas: the second one is for the height. A kernel of 3 rows and 5 columns is
# 5 rows by 3 columns on JAX, and on TensorFlow it is filled in the wrong order: a point becomes
# a crooked figure that is no more the same to the left as to the right. `RandomGaussianBlur` gives
# the data_format, so square kernels come out right there; others do not.
# Who meets it: whoever blurs pictures to train on, or to degrade them for super-resolution, and
# changes the backend. Way out: give data_format, and one size and one sigma.
#
# Usage: findings/keras_gaussian_blur_mixes_colours_on_jax.sh  (a minute; installs with pip)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q keras==3.15.1 tensorflow-cpu==2.21.0 jax==0.10.2 numpy==2.4.6
cat >"$folder/seen.py" <<'PYTHON'
import keras
import numpy as np
from keras import layers, ops

jax = keras.backend.backend() == "jax"
point = np.zeros((1, 9, 9, 3), "float32")
point[0, 4, 4, 0] = 1  # one pixel, all red
WHERE = {"data_format": "channels_last"}


def wanted(size, sigma):
    """The point blurred, each channel by itself; the first size and sigma are the height's."""
    rows, columns = (
        np.exp(-0.5 * ((np.arange(9) - 4) / spread) ** 2) * (abs(np.arange(9) - 4) <= side // 2)
        for side, spread in zip(size, sigma)
    )
    found = np.zeros_like(point)
    found[0, ..., 0] = np.outer(rows / rows.sum(), columns / columns.sum())
    return found


def blurred(size, sigma, **where):
    return ops.convert_to_numpy(ops.image.gaussian_blur(point, size, sigma, **where))


def extent(picture):
    """Rows and columns that the point covers, and how much of it is red, green and blue."""
    lit = picture[0].max(-1) > 1e-6
    colours = " ".join(f"{share:.2f}" for share in picture[0].sum((0, 1)))
    return f"{lit.any(1).sum()} rows, {lit.any(0).sum()} columns, colours {colours}"


print("keras", keras.__version__, "on", keras.backend.backend(), "with", keras.config.image_data_format())
assert keras.config.image_data_format() == "channels_last"
plain = blurred((3, 3), (1.0, 1.0))
print("3 by 3:", extent(plain))
assert np.allclose(blurred((3, 3), (1.0, 1.0), **WHERE), wanted((3, 3), (1, 1)), atol=1e-6)
assert np.allclose(plain, wanted((3, 3), (1, 1)), atol=1e-6) != jax, "no longer as described above"
assert not jax or (plain[0, 3].max() == 0 and plain[0, 4, 4, 1] > 0.1), "across the colours"

swapped = blurred((3, 3), (0.5, 2.0), **WHERE)
above, left = swapped[0, 3, 4, 0], swapped[0, 4, 3, 0]
print(f"sigmas .5 and 2: {above:.3f} above the point, {left:.3f} left of it")
assert np.allclose(swapped, wanted((3, 3), (2.0, 0.5)), atol=1e-6), "no longer as described above"

long = blurred((3, 5), (1.0, 1.0), **WHERE)
even = np.allclose(long, long[:, :, ::-1], atol=1e-6)
print("3 by 5:", extent(long) + ("" if even else ", left and right differ"))
assert np.allclose(long, wanted((5, 3), (1, 1)), atol=1e-6) if jax else not even, "no longer as above"
layer = layers.RandomGaussianBlur((1.0, 1.0), (3, 5), (1.0, 1.0), value_range=(0, 1), seed=1)
by_layer = ops.convert_to_numpy(layer(point, training=True))
print("RandomGaussianBlur:", extent(by_layer))
assert np.allclose(by_layer, long, atol=1e-4), "no longer as described above"
PYTHON
for backend in tensorflow jax; do
    KERAS_BACKEND=$backend TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/seen.py" \
        2>"$folder/errors" || { tail -3 "$folder/errors"; exit 1; }
done
