#!/usr/bin/env bash
# Keras 3.15.1 on PyTorch 2.15.0: average pooling with padding="same" counts the border pixels twice.
#
# Guess before it was run: AveragePooling2D gives the same numbers on PyTorch and on JAX to a
# rounding, for all kernels, strides and sizes: means over those pixels of a window that exist.
#
# Seen: where as much is padded before as behind, so it is. Where not, along any side (kernel 3 and
# stride 2 on an even side, as in the shortcuts of ShuffleNet; kernel 4 and stride 1), the layer on
# PyTorch repeats the border's rows and columns and averages them in once more: the last window, of 1
# and 4, gives 3 and not 2.5. JAX gives the means of what exists. 1D and 3D do as 2D. Windows
# inside are equal, so the difference hides at the border: of a map of 8 by 8 made half as large
# that is 7 cells of 16. Maximum pooling is right, and so are kernels of 2. Nothing is said.
# Who meets it: whoever trains on one backend and predicts on the other with the same weights file.
#
# Usage: findings/keras_on_torch_averages_the_border_twice.sh
#        (some minutes and, with PyTorch, much to download; uses pip)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q uv==0.13.9
"$folder/venv/bin/uv" pip install -q --python "$folder/venv/bin/python" \
    keras==3.15.1 torch==2.15.0 jax==0.10.2 numpy==2.4.6
cat >"$folder/seen.py" <<'PYTHON'
import itertools

import keras
import numpy as np
from keras import layers, ops

torch = keras.backend.backend() == "torch"


def windows(side, size, stride):
    """Windows of padding "same" along a side, as slices of what exists."""
    count = -(-side // stride)
    before = max((count - 1) * stride + size - side, 0) // 2
    starts = [i * stride - before for i in range(count)]
    return [slice(max(start, 0), min(start + size, side)) for start in starts]


print("keras", keras.__version__, "on", keras.backend.backend())
seen = np.array([0, 0, 1, 4], "float32")
pools = (layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D)
for dimensions, pool in enumerate(pools, 1):
    rows = np.stack([seen] * 4 ** (dimensions - 1)).reshape(1, *[4] * dimensions, 1)
    last = float(ops.convert_to_numpy(pool(3, 2, padding="same")(rows)).ravel()[-1])
    print(f"{dimensions}D, last window, of 1 and 4:", last)
    assert np.isclose(last, 3.0 if torch else 2.5), "no longer as described above"
for size, stride, side in itertools.product((2, 3, 4), (1, 2, 3), (8, 9)):
    maps = np.random.default_rng(0).random((1, side, side, 2)).astype("float32")
    cuts = windows(side, size, stride)
    both = []
    for layer, of in ((layers.AveragePooling2D, np.mean), (layers.MaxPooling2D, np.max)):
        found = ops.convert_to_numpy(layer(size, stride, padding="same")(maps))[0]
        wanted = np.stack([[of(maps[0, a, b], (0, 1)) for b in cuts] for a in cuts])
        assert found.shape == wanted.shape
        both.append(~np.isclose(found, wanted, atol=1e-5))
    average, maximum = both
    padding = max((len(cuts) - 1) * stride + size - side, 0)
    print(
        f"side {side}, kernel {size}, stride {stride}, {padding} padded:",
        f"{average.mean():.0%} of the means wrong",
    )
    assert not maximum.any()
    cut = np.array([each.stop - each.start < size for each in cuts])
    assert not average[~cut][:, ~cut].any(), "the windows inside"
    # one more row behind than before; with kernel 2, the mean of a pixel twice is the pixel
    assert average.any() == (torch and padding % 2 == 1 and size > 2), "no longer as described above"
PYTHON
for backend in jax torch; do
    KERAS_BACKEND=$backend "$folder/venv/bin/python" -W ignore "$folder/seen.py" \
        2>"$folder/errors" || { tail -3 "$folder/errors"; exit 1; }
done
