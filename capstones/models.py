"""Model answers to the capstones: four small nets that train in minutes on two cores.

    python capstones/models.py segmentation pictures.npz predictions.npz

trains on pictures of the training split and writes what the net says of the hidden ones. It is for
teachers: what students get is made by `python -m convbook.capstones make`.
"""

from __future__ import annotations

import sys
import time

import keras
import numpy as np
from keras import layers, ops

from convbook.capstones import CAPSTONES, training

# Pictures to train with, epochs, and pictures a step, for each capstone. Digits cover few of a
# scene's pixels: it takes many steps until a net says anything but ground.
EFFORT = {
    "classification": (3000, 10, 32),
    "segmentation": (2000, 12, 8),
    "detection": (2000, 16, 32),
    "pose": (2000, 12, 32),
}
CELLS, CELL = 8, 8  # of the detector's map, and pixels of one
LENGTH = 24.0  # pixels: the size of a box that is exp(0)
SURE = 0.05  # a box with a lower score is not said
JOINTS, STRIDE, BLUR = 14, 4, 1.0


def unit(x, filters, stride=1):
    """3x3 convolution, batch normalisation, ReLU."""
    x = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))


def fitted(net, loss, x, y, epochs, batch):
    """The net, trained by Adam with a step that falls to nothing."""
    steps = epochs * -(-len(x) // batch)
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    net.compile(keras.optimizers.Adam(schedule), loss, jit_compile=False)
    net.fit(x, y, batch_size=batch, epochs=epochs, verbose=2)
    return net


def scaled(pictures):
    return pictures.astype("float32") / 255 - 0.5


def classify(pictures, truth, hidden, effort):
    x = inputs = keras.Input(pictures.shape[1:])
    for filters in (16, 32, 64, 128):
        x = unit(unit(x, filters, 2 if filters > 16 else 1), filters)
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(x))
    net = keras.Model(inputs, layers.Dense(10)(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    fitted(net, loss, scaled(pictures), truth["labels"], *effort)
    return {"labels": net.predict(scaled(hidden), verbose=0).argmax(axis=-1)}


def segment(pictures, truth, hidden, effort):
    """A U-Net with three steps down."""
    x = inputs = keras.Input(pictures.shape[1:])
    skips = []
    for filters in (16, 32, 64):
        x = unit(x, filters)
        skips.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = unit(unit(x, 96), 96)
    for filters, skip in zip((64, 32, 16), skips[::-1], strict=True):
        x = unit(layers.Concatenate()([skip, layers.UpSampling2D(2)(x)]), filters)
    net = keras.Model(inputs, layers.Conv2D(4, 1)(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    fitted(net, loss, scaled(pictures), truth["maps"].astype("int32"), *effort)
    return {"maps": net.predict(scaled(hidden), verbose=0).argmax(axis=-1)}


def detect(pictures, truth, hidden, effort):
    """One box a cell of an 8 x 8 map: objectness, place, size, class (after YOLO)."""
    x = inputs = keras.Input(pictures.shape[1:])
    for filters in (16, 32, 64):
        x = unit(unit(x, filters, 2), filters)
    x = unit(unit(x, 128), 128)
    net = keras.Model(inputs, layers.Conv2D(8, 1)(x))
    fitted(net, detection_loss, scaled(pictures), targets(len(pictures), truth), *effort)
    return read_boxes(net.predict(scaled(hidden), verbose=0))


def targets(count, truth):
    """For each cell: 1 for an object, place in it, logarithm of its size, class: (N, 8, 8, 6)."""
    made = np.zeros((count, CELLS, CELLS, 6), "float32")
    usable = ~truth["crowd"]
    for box, label, picture in zip(
        truth["boxes"][usable], truth["classes"][usable], truth["pictures"][usable], strict=True
    ):
        centre, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        row, column = np.minimum(centre // CELL, CELLS - 1).astype(int)
        place = centre / CELL - (row, column)
        made[picture, row, column] = [1, *place, *np.log(size / LENGTH), label]
    return made


def detection_loss(true, said):
    """Cross-entropy of objectness and class, absolute errors of place and size."""
    there = true[..., 0]
    sure = keras.losses.binary_crossentropy(true[..., :1], said[..., :1], from_logits=True, axis=-1)
    place = ops.sum(ops.abs(ops.sigmoid(said[..., 1:3]) - true[..., 1:3]), axis=-1)
    size = ops.sum(ops.abs(said[..., 3:5] - true[..., 3:5]), axis=-1)
    label = keras.losses.sparse_categorical_crossentropy(
        ops.cast(true[..., 5], "int32"), said[..., 5:], from_logits=True
    )
    each = 5 * sure + there * (2 * place + 2 * size + label)
    return ops.sum(each, axis=(1, 2)) / 5


def read_boxes(said):
    """The boxes of all pictures that survive suppression within their class."""
    corner = np.stack(np.meshgrid(np.arange(CELLS), np.arange(CELLS), indexing="ij"), -1)
    centres = (corner + 1 / (1 + np.exp(-said[..., 1:3]))) * CELL
    sizes = np.exp(np.clip(said[..., 3:5], -2, 2)) * LENGTH
    boxes = np.concatenate([centres - sizes / 2, centres + sizes / 2], -1).clip(0, CELLS * CELL)
    powers = np.exp(said[..., 5:] - said[..., 5:].max(axis=-1, keepdims=True))
    shares = powers / powers.sum(axis=-1, keepdims=True)
    scores = shares / (1 + np.exp(-said[..., :1]))
    found = {"boxes": [], "scores": [], "classes": [], "pictures": []}
    for picture in range(len(said)):
        for label in range(3):
            score = scores[picture, ..., label].ravel()
            (sure,) = np.nonzero(score > SURE)
            box = boxes[picture].reshape(-1, 4)[sure]
            kept = kept_boxes(box, score[sure])
            found["boxes"].append(box[kept])
            found["scores"].append(score[sure][kept])
            found["classes"].append(np.full(len(kept), label))
            found["pictures"].append(np.full(len(kept), picture))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def kept_boxes(boxes, scores):
    """Greedy suppression; at most a handful of boxes, so a plain loop does."""
    kept = []
    for index in np.argsort(-scores):
        y1, x1, y2, x2 = boxes[index]
        for other in boxes[kept]:
            height = max(0.0, min(y2, other[2]) - max(y1, other[0]))
            width = max(0.0, min(x2, other[3]) - max(x1, other[1]))
            union = (y2 - y1) * (x2 - x1) + (other[2] - other[0]) * (other[3] - other[1])
            if height * width > 0.45 * (union - height * width):
                break
        else:
            kept.append(index)
    return np.array(kept, int)


def estimate_pose(pictures, truth, hidden, effort):
    """A distribution over 16 x 16 places for each joint; its mean near the peak is the answer."""
    x = inputs = keras.Input(pictures.shape[1:])
    x = unit(unit(x, 24, 2), 32)
    x = fine = unit(unit(x, 48, 2), 48)
    x = unit(unit(x, 96, 2), 96)
    x = unit(unit(x, 128, 2), 128)
    x = unit(layers.UpSampling2D(2)(x), 96)
    x = layers.Concatenate()([fine, layers.UpSampling2D(2)(x)])
    x = layers.Conv2D(JOINTS, 1)(unit(unit(x, 64), 64))
    net = keras.Model(inputs, layers.Reshape((-1, JOINTS))(x))
    fitted(net, pose_loss, scaled(pictures), bells(truth["points"]), *effort)
    return {"points": read_places(net.predict(scaled(hidden), verbose=0))}


def bells(points):
    """A distribution about each joint, zeros for one outside the picture: (N, 256, 14)."""
    side = CELLS * CELL // STRIDE
    centres = (np.arange(side) + 0.5) * STRIDE - 0.5
    away = [
        ((centres[:, None] - points[:, None, :, axis]) / STRIDE) ** 2 for axis in (0, 1)
    ]  # two of (N, 16, 14)
    bell = np.exp(-(away[0][:, :, None] + away[1][:, None]) / (2 * BLUR**2))
    bell = np.nan_to_num(bell).reshape(len(points), -1, JOINTS)
    return (bell / np.maximum(bell.sum(axis=1, keepdims=True), 1e-9)).astype("float32")


def pose_loss(true, said):
    """Cross-entropy of each joint's distribution, over those in the picture."""
    logarithms = ops.log_softmax(said, axis=1)
    return -ops.mean(ops.sum(true * logarithms, axis=1), axis=-1)


def read_places(said):
    """The mean place of the 3 x 3 cells about each peak, weighed by their probability."""
    side = CELLS * CELL // STRIDE
    powers = np.exp(said - said.max(axis=1, keepdims=True)).reshape(-1, side, side, JOINTS)
    padded = np.pad(powers, ((0, 0), (1, 1), (1, 1), (0, 0)))
    points = np.zeros((len(said), JOINTS, 2))
    for picture in range(len(said)):
        for joint in range(JOINTS):
            peak = powers[picture, ..., joint].argmax()
            row, column = divmod(int(peak), side)
            around = padded[picture, row : row + 3, column : column + 3, joint]
            moved = [(around.sum(axis=1 - axis) @ [-1, 0, 1]) / around.sum() for axis in (0, 1)]
            points[picture, joint] = (np.add([row, column], moved) + 0.5) * STRIDE - 0.5
    return points


NETS = {
    "classification": classify,
    "segmentation": segment,
    "detection": detect,
    "pose": estimate_pose,
}


def main(name, pictures, out, share=1.0):
    """Train, and write what is said of the hidden pictures."""
    keras.utils.set_random_seed(16)
    count, epochs, batch = EFFORT[name]
    count, epochs = (max(1, round(number * float(share))) for number in (count, epochs))
    start = time.process_time()
    shown, truth = training(name, count)
    said = NETS[name](shown, truth, np.load(pictures)["pictures"], (epochs, batch))
    np.savez_compressed(out, **said)
    print(f"{name}: {count} pictures, {epochs} epochs, {time.process_time() - start:.0f} CPU s")


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5) or sys.argv[1] not in CAPSTONES:
        sys.exit("python capstones/models.py NAME PICTURES.npz PREDICTIONS.npz [SHARE]")
    main(*sys.argv[1:])
