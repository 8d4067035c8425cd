#!/usr/bin/env bash
# TensorFlow 2.21.0: decode_jpeg gives other pixels than Pillow and OpenCV, most so at high quality.
#
# Guess before it was run: all three decode by libjpeg-turbo, so their pixels are equal, or one
# level of 255 apart by rounding.
#
# Seen: Pillow 13.0.0 and OpenCV 5.0.0 agree in every pixel. `tf.io.decode_jpeg`, `decode_image` and
# with them `keras.utils.image_dataset_from_directory` differ from both in some 60 % of the values,
# by 4 to 5 levels at most at quality 75, and by 10 to 18 at quality 95: the better the file, the
# worse they are. The reason is the transform: TensorFlow takes the fast integer one unless told
# `dct_method="INTEGER_ACCURATE"`, and then every pixel is Pillow's, too. The fast one loses digits
# where the quantisation is fine.
# Who meets it: whoever trains on TensorFlow's pipeline and serves with Pillow or OpenCV, or compares
# a net's outputs between two backends, picture by picture.
#
# Usage: findings/tensorflow_decodes_jpeg_worse_the_better_its_quality.sh (a minute; uses pip)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q tensorflow-cpu==2.21.0 pillow==13.0.0 \
    opencv-python-headless==5.0.0.93 scikit-image==0.26.0
cat >"$folder/seen.py" <<'PYTHON'
import io

import cv2
import numpy as np
import tensorflow as tf
from PIL import Image
from skimage import data

print("TensorFlow", tf.__version__, "OpenCV", cv2.__version__)
largest = {75: [], 95: []}
for name in ("astronaut", "coffee", "chelsea"):
    for quality, found in largest.items():
        file = io.BytesIO()
        Image.fromarray(getattr(data, name)()).save(file, "JPEG", quality=quality)
        packed = file.getvalue()
        pillow = np.asarray(Image.open(io.BytesIO(packed))).astype(int)
        opencv = cv2.imdecode(np.frombuffer(packed, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        ways = {
            "decode_jpeg": tf.io.decode_jpeg(packed),
            "decode_image": tf.io.decode_image(packed),
            "accurate": tf.io.decode_jpeg(packed, dct_method="INTEGER_ACCURATE"),
        }
        apart = {way: np.abs(np.asarray(pixels).astype(int) - pillow) for way, pixels in ways.items()}
        assert np.array_equal(opencv, pillow), "OpenCV is no longer Pillow's equal"
        assert not apart["accurate"].any(), "the accurate transform is no longer Pillow's"
        assert np.array_equal(apart["decode_jpeg"], apart["decode_image"])
        found.append(apart["decode_jpeg"].max())
        share = (apart["decode_jpeg"] > 0).mean()
        print(f"{name}, quality {quality}: {share:.0%} of the values differ,", end=" ")
        print(f"by {apart['decode_jpeg'].mean():.2f} in the mean, by {found[-1]} at most")
assert min(largest[95]) >= 2 * max(largest[75]) - 1 > 4, "no longer as described above"
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/seen.py" 2>"$folder/errors" ||
    { tail -3 "$folder/errors"; exit 1; }
