"""Trains the small U-Net of the demonstration: `python tools/train_unet.py`.

One digit a scene, 1,200 scenes of 48x48, two epochs, seed 10; writes `convbook/weights/unet.npz`
and prints the mean IoU on 100 held-out scenes. Half a minute on one core.
"""

from __future__ import annotations

import keras
import numpy as np

from convbook.architectures.unet import unet
from convbook.data import digit_scenes
from convbook.demo.maps import SCENES, UNET
from convbook.kept import FOLDER, keep
from convbook.segmentation import mean_iou

EPOCHS, BATCH = 2, 4


def scenes(split: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Scenes (N, 48, 48, 3), and which of their pixels are digit (N, 48, 48)."""
    options = {name: value for name, value in SCENES.items() if name != "size"}
    made = digit_scenes(count, split, SCENES["size"], seed=10, **options)
    images = np.stack([each["image"] for each in made])
    return images, np.stack([each["semantic"] > 0 for each in made]).astype("uint8")


def main() -> None:
    """Train, measure, keep."""
    keras.utils.set_random_seed(10)
    x, y = scenes("train", 1200)
    net = unet((SCENES["size"],) * 2 + (3,), 2, **UNET)
    rate = keras.optimizers.schedules.CosineDecay(6e-3, EPOCHS * len(x) // BATCH)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(keras.optimizers.Adam(rate), loss)
    run = net.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=2)
    x, y = scenes("test", 100)
    keep(net, FOLDER / "unet.npz", loss=run.history["loss"])
    found = net.predict(x, verbose=0).argmax(-1)
    print(f"mean IoU on {len(x)} held-out scenes: {mean_iou(y, found, 2):.3f}")


if __name__ == "__main__":
    main()
