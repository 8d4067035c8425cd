"""R-CNN and Fast R-CNN: nets that name proposed regions of a picture and move their boxes.

Both take pictures and boxes that something else has proposed, and give for each box a score for
every class and the ground, and offsets for every class. They differ in the order of two steps:
R-CNN cuts the boxes out of the picture and runs the convolutions on each; Fast R-CNN runs them on
the picture, once, and cuts the boxes out of the maps.

Boxes are (y1, x1, y2, x2) in pixels of the picture, ends exclusive.

Sources: Girshick, Donahue, Darrell and Malik 2014, arXiv:1311.2524; Girshick 2015,
arXiv:1504.08083. Here both have the end of Fast R-CNN, a softmax and offsets trained together;
R-CNN as published trains the net, then support vector machines and a ridge regression on it.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import ArrayLike

from convbook.architectures.classic import VGG_CONFIGURATIONS, vgg_stage
from convbook.detection.boxes import area, clip, decode
from convbook.detection.regions import roi_align, roi_pool
from convbook.detection.sampling import OFFSET_SCALES
from convbook.detection.suppression import detect


def scene_backbone(
    image_size: tuple[int, int] = (128, 128),
    filters: tuple[int, ...] = (16, 32, 64, 96),
    stride: int = 8,
) -> keras.Model:
    """Return a small net for scenes: (B, H, W, 3) to maps (B, H/stride, W/stride, filters[-1]).

    Args:
        image_size: (height, width) of the pictures, multiples of the stride.
        filters: of each stage. The first has one 3x3 convolution, the others two.
        stride: the size is halved before a stage until this is reached, a power of 2.
    """
    inputs = x = keras.Input((*image_size, 3), name="picture")
    reached = 1
    for stage, count in enumerate(filters):
        if stage and reached < stride:
            x = layers.MaxPooling2D(2)(x)
            reached *= 2
        for _ in range(2 if stage else 1):
            x = layers.Conv2D(
                count, 3, padding="same", use_bias=False, kernel_initializer="he_normal"
            )(x)
            x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    return keras.Model(inputs, x, name="backbone")


def region_head(
    channels: int,
    pool: int,
    classes: int,
    hidden: tuple[int, ...] = (192, 192),
    dropout: float = 0.0,
) -> keras.Model:
    """Return the net that names a region: (N, pool, pool, channels) to scores and offsets.

    Args:
        channels: of the maps that the regions are cut out of.
        pool: side of a region, in positions.
        classes: without the ground.
        hidden: units of the dense layers before the answers.
        dropout: share of the hidden units left out in training.

    Returns:
        Model to scores (N, 1 + classes), the ground's first, not squashed, and to offsets for the
        ground, which nobody asks for, and each class, (N, 4 * (1 + classes)).
    """
    start = keras.initializers.RandomNormal  # the deviations are Girshick's, section 2.3
    regions = keras.Input((pool, pool, channels), name="regions")
    x = layers.Flatten()(regions)
    for number, units in enumerate(hidden, start=6):  # counted on from VGG's five stages
        x = layers.Dense(
            units, activation="relu", kernel_initializer="he_normal", name=f"fc{number}"
        )(x)
        if dropout:
            x = layers.Dropout(dropout)(x)
    scores = layers.Dense(
        1 + classes, kernel_initializer=start(stddev=0.01), dtype="float32", name="scores"
    )(x)
    offsets = layers.Dense(
        4 * (1 + classes), kernel_initializer=start(stddev=0.001), dtype="float32", name="boxes"
    )(x)
    return keras.Model(regions, [scores, offsets], name="head")


class RegionNet(keras.Model):
    """What R-CNN and Fast R-CNN share: a backbone, a head, and how their answers are read.

    It takes a dictionary of ``image`` (B, H, W, 3) and ``boxes`` (B, R, 4), R fixed, and gives one
    of ``scores`` (B, R, 1 + classes), not squashed, the ground's first, and ``offsets``
    (B, R, 1 + classes, 4), divided by ``OFFSET_SCALES``. Compile with ``loss=LOSSES``.

    Args:
        backbone: a net to maps (B, h, w, channels).
        head: see ``region_head``.
    """

    def __init__(self, backbone: keras.Model, head: keras.Model, **options: Any) -> None:
        # Boxes need all digits, whatever the parts compute in.
        super().__init__(**{"dtype": "float32", **options})
        self.backbone, self.head = backbone, head
        self.pool = head.input_shape[1]
        self.classes = head.output_shape[0][-1] - 1
        self.built = True  # its parts are

    def cut(self, images: Any, boxes: Any, training: bool) -> Any:
        """Return the maps of the boxes, (B, R, pool, pool, channels)."""
        raise NotImplementedError

    def call(self, inputs: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Return scores and offsets."""
        boxes = inputs["boxes"]
        regions = self.cut(inputs["image"], boxes, training)
        scores, offsets = self.head(
            ops.reshape(regions, (-1, *regions.shape[2:])), training=training
        )
        shape = (-1, boxes.shape[1], 1 + self.classes)
        return {"scores": ops.reshape(scores, shape), "offsets": ops.reshape(offsets, (*shape, 4))}

    def find(
        self, images: ArrayLike, boxes: ArrayLike, batch_size: int = 10, **options: Any
    ) -> dict[str, Any]:
        """Return what is found in pictures among proposals: padded arrays, best first.

        Args:
            images: (B, H, W, 3), floats in [0, 1].
            boxes: proposals (B, R, 4), padded with zeros.
            batch_size: pictures at once.
            **options: of ``decide``.
        """
        pictures, proposals = np.asarray(images), np.asarray(boxes, np.float32)
        answers = self.predict(
            {"image": pictures, "boxes": proposals}, batch_size=batch_size, verbose=0
        )
        parts = []
        for start in range(0, len(pictures), batch_size):
            part = slice(start, start + batch_size)
            chosen = {key: value[part] for key, value in answers.items()}
            parts.append(decide(chosen, proposals[part], pictures.shape[1:3], **options))
        return {
            key: np.concatenate([ops.convert_to_numpy(part[key]) for part in parts])
            for key in parts[0]
        }


class RCNN(RegionNet):
    """R-CNN: each box is warped to a square picture, which goes through the whole net.

    Args:
        backbone: for square pictures, whose side says to which size boxes are warped.
        head: see ``region_head``.
        context: pixels of the warped picture, on each side, that lie outside of the box.
    """

    def __init__(
        self, backbone: keras.Model, head: keras.Model, context: int = 2, **options: Any
    ) -> None:
        super().__init__(backbone, head, **{"name": "rcnn", **options})
        self.side, self.context = backbone.input_shape[1], context

    def cut(self, images: Any, boxes: Any, training: bool) -> Any:
        """Return the maps of the warped boxes."""
        crops = warp(images, boxes, self.side, self.context)
        maps = self.backbone(ops.reshape(crops, (-1, self.side, self.side, 3)), training=training)
        return ops.reshape(maps, (-1, boxes.shape[1], *maps.shape[1:]))


class FastRCNN(RegionNet):
    """Fast R-CNN: the picture goes through the backbone once, boxes are pooled from its maps.

    Args:
        backbone: pictures to maps.
        head: see ``region_head``.
        stride: pixels from one position of the maps to the next.
    """

    def __init__(
        self, backbone: keras.Model, head: keras.Model, stride: int, **options: Any
    ) -> None:
        super().__init__(backbone, head, **{"name": "fast_rcnn", **options})
        self.stride = stride

    def cut(self, images: Any, boxes: Any, training: bool) -> Any:
        """Return the largest values of the maps in the bins of each box."""
        maps = self.backbone(images, training=training)
        return roi_pool(maps, boxes / self.stride, self.pool)


def warp(images: Any, boxes: Any, side: int, context: int = 2) -> Any:
    """Return each box of a picture as a square of its own, whatever its proportions.

    Args:
        images: (B, H, W, 3).
        boxes: (B, R, 4).
        side: of the squares, in pixels.
        context: pixels of a square, on each side, that show what surrounds the box. Beyond the
            picture's border its last pixels are repeated (Girshick 2014 has the mean picture).

    Returns:
        (B, R, side, side, 3), bilinear samples.
    """
    around = context / (side - 2 * context)
    y1, x1, y2, x2 = (boxes[..., i] for i in range(4))
    more_y, more_x = around * (y2 - y1), around * (x2 - x1)
    grown = ops.stack([y1 - more_y, x1 - more_x, y2 + more_y, x2 + more_x], axis=-1)
    return roi_align(images, grown, side, samples=1)


def box_loss(truth: Any, offsets: Any) -> Any:
    """Return the loss of the boxes that hold an object, 0 for the others: (B, R).

    Smooth L1 (Girshick 2015, equation 3), summed over the four offsets of the box's own class.

    Args:
        truth: (B, R, 5): the class, 0 for the ground, and the offsets that lead to the object.
        offsets: (B, R, 1 + classes, 4).
    """
    own = ops.one_hot(ops.cast(truth[..., 0], "int32"), offsets.shape[2], dtype=offsets.dtype)
    chosen = ops.sum(offsets * own[..., None], axis=2)
    positive = ops.cast(truth[..., 0] > 0, offsets.dtype)
    return positive * 4 * keras.losses.huber(truth[..., 1:], chosen)


LOSSES = {
    "scores": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    "offsets": box_loss,
}
"""The joint loss: cross-entropy of every box, and ``box_loss``; both are means over all boxes."""


def decide(
    answers: dict[str, Any],
    boxes: Any,
    image_size: tuple[int, int],
    *,
    overlap: float = 0.3,
    least: float = 0.05,
    count: int = 50,
    refine: bool = True,
) -> dict[str, Any]:
    """Return detections from what a net said of proposals.

    Args:
        answers: ``scores`` and ``offsets``, see ``RegionNet``.
        boxes: the proposals (B, R, 4); empty ones are padding.
        image_size: (height, width); what reaches beyond is cut off.
        overlap: of two detections of a class with a higher IoU the less sure one goes.
        least: detections must have a higher probability.
        count: places for the detections of a picture.
        refine: whether boxes are moved by their offsets.

    Returns:
        See ``convbook.detection.suppression.detect``.
    """
    proposals = ops.convert_to_tensor(boxes, "float32")
    there = ops.cast(area(proposals) > 0, "float32")
    probabilities = ops.softmax(ops.convert_to_tensor(answers["scores"]))[..., 1:]
    offsets = ops.convert_to_tensor(answers["offsets"])[:, :, 1:]
    moved = decode(offsets if refine else 0 * offsets, proposals[:, :, None], OFFSET_SCALES)
    scores = probabilities * there[..., None]
    return detect(clip(moved, *image_size), scores, overlap, least, count, before=100)


def small_rcnn(classes: int = 10, side: int = 32) -> RCNN:
    """Return an R-CNN for scenes.

    Args:
        classes: number of classes.
        side: to which boxes are warped, in pixels, a multiple of 8.
    """
    backbone = scene_backbone((side, side))
    return RCNN(backbone, region_head(backbone.output_shape[-1], side // 8, classes))


def small_fast_rcnn(
    image_size: tuple[int, int] = (128, 128), classes: int = 10, stride: int = 4, pool: int = 6
) -> FastRCNN:
    """Return a Fast R-CNN for scenes, with the same convolutions as ``small_rcnn``.

    Args:
        image_size: (height, width) of the pictures, multiples of the stride.
        classes: number of classes.
        stride: of the backbone.
        pool: side of a pooled region.
    """
    backbone = scene_backbone(image_size, stride=stride)
    return FastRCNN(backbone, region_head(backbone.output_shape[-1], pool, classes), stride)


def vgg_backbone(image_size: tuple[int, int]) -> keras.Model:
    """Return the thirteen convolutions of VGG-16, the last pooling left out: stride 16."""
    inputs = x = keras.Input((*image_size, 3), name="picture")
    for stage, kernels in enumerate(VGG_CONFIGURATIONS["D"]):
        x = vgg_stage(x, 64 * min(2**stage, 8), kernels, f"block{stage + 1}")
    last = keras.Model(inputs, x).get_layer("block5_conv3").output
    return keras.Model(inputs, last, name="backbone")


def vgg_fast_rcnn(image_size: tuple[int, int] = (600, 800), classes: int = 20) -> FastRCNN:
    """Return the Fast R-CNN of the paper, on VGG-16 (its model L).

    With 20 classes it has 134,690,729 parameters. Pictures are in [0, 1], as everywhere in this
    book; the authors begin with weights from ImageNet and keep those of the first two stages.

    Args:
        image_size: (height, width); the paper's have a shorter side of 600 pixels.
        classes: number of classes, without the ground; PASCAL VOC has 20.
    """
    head = region_head(512, 7, classes, hidden=(4096, 4096), dropout=0.5)
    return FastRCNN(vgg_backbone(image_size), head, stride=16, name="vgg16_fast_rcnn")
