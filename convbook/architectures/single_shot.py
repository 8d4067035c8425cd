"""SSD and YOLOv2: nets that name and place objects in one pass, without proposals.

SSD looks at several maps, from fine to coarse, each with default boxes of its own sizes. YOLOv2
looks at one map, in whose cells stand priors whose sizes were found by clustering.

Boxes are (y1, x1, y2, x2) in pixels of the picture, ends exclusive; pictures are in [0, 1].

Sources: Liu, Anguelov, Erhan, Szegedy, Reed, Fu and Berg 2016, *SSD: single shot multibox
detector*, arXiv:1512.02325; Redmon and Farhadi 2016, *YOLO9000: better, faster, stronger*,
arXiv:1612.08242.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, layers, ops

# What every loss of Keras's does for itself; there is no public name for it.
from keras.src.losses.loss import scale_loss_for_distribution
from numpy.typing import ArrayLike

from convbook.architectures.classic import VGG_CONFIGURATIONS
from convbook.architectures.faster_rcnn import Truth, offset_loss
from convbook.detection.anchors import default_boxes
from convbook.detection.boxes import clip, decode, encode, iou, to_corners
from convbook.detection.matching import hard_negatives, match
from convbook.detection.sampling import OFFSET_SCALES
from convbook.detection.suppression import detect
from convbook.detection.yolo import yolo_decode, yolo_encode

SSD300_SIZES = (38, 19, 10, 5, 3, 1)
SSD300_SCALES = (0.1, 0.2, 0.37, 0.54, 0.71, 0.88, 1.05)
"""The authors' code's for PASCAL VOC: the paper's formula (section 2.2), its steps rounded down."""

FEW, MANY = (1, 2, 1 / 2), (1, 2, 1 / 2, 3, 1 / 3)
SSD300_RATIOS = (FEW, MANY, MANY, MANY, FEW, FEW)

SCENE_SCALES = (0.075, 0.13, 0.22, 0.33)
SCENE_RATIOS = (1, 0.65, 0.42)
"""For scenes of 128 pixels: sides of 10 to 42 pixels, most boxes higher than wide."""

SCENE_PRIORS = ((12.1, 6.3), (18.2, 9.8), (25.9, 14.1), (35.8, 18.9), (45.8, 25.7))
"""Sizes (h, w) in pixels that `anchor_priors` finds in 300 scenes, rounded."""

VOC_PRIORS = (
    (1.73145, 1.3221),
    (4.00944, 3.19275),
    (8.09892, 5.05587),
    (4.84053, 9.47112),
    (10.0071, 11.2364),
)
"""Sizes (h, w) in cells of 32 pixels that the authors found in PASCAL VOC (their code)."""


class SingleShot(keras.Model):
    """What both detectors share.

    In use a detector takes pictures (B, H, W, 3) and gives what
    `convbook.detection.suppression.detect` gives. ``fit`` takes pictures and a dictionary of
    ``boxes`` (B, M, 4), ``classes`` (B, M), -1 where there is no object, and perhaps ``crowd``
    (B, M): what lies on a crowd is neither object nor ground. Compile with an optimizer only.

    Args:
        net: pictures to what the detector's `find` and `losses` read, a dictionary of maps.
        threshold: overlap above which the lower of two detections of a class goes.
        score_threshold: detections must score above this.
        detections: how many a picture has at most.
        before: how many of each class go into suppression.
    """

    loss_names: tuple[str, ...] = ()

    def __init__(
        self,
        net: keras.Model,
        threshold: float = 0.45,
        score_threshold: float = 0.02,
        detections: int = 40,
        before: int = 100,
        **options: Any,
    ) -> None:
        # Boxes need all digits, whatever the net computes in.
        super().__init__(**{"dtype": "float32", **options})
        self.net, self.threshold, self.score_threshold = net, threshold, score_threshold
        self.detections, self.before = detections, before
        self.image_size = net.input_shape[1:3]
        self.meters = [keras.metrics.Mean(name=name) for name in self.loss_names]
        self.built = True  # its net is

    def call(self, images: Any, training: bool = False) -> dict[str, Any]:
        """What is seen in pictures; in training, what the losses are made of."""
        seen = self.net(images, training=training)
        return seen if training else self.find(seen)

    def find(self, seen: dict[str, Any]) -> dict[str, Any]:
        """Return detections, from what the net gives."""
        boxes, scores = self.read(seen)
        return detect(
            clip(boxes, *self.image_size),
            scores,
            self.threshold,
            self.score_threshold,
            self.detections,
            self.before,
        )

    def read(self, seen: dict[str, Any]) -> tuple[Any, Any]:
        """Return boxes (B, N, 4) and scores (B, N, classes)."""
        raise NotImplementedError

    def losses_of(self, seen: dict[str, Any], truth: Truth) -> tuple[Any, ...]:
        """Return the losses, in the order of `loss_names`."""
        raise NotImplementedError

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The sum of the losses, each also kept for ``fit`` to report."""
        # `evaluate` comes with detections, of which no losses can be made.
        seen = self.net(x, training=training) if "valid" in y_pred else y_pred
        losses = self.losses_of(seen, Truth.of(y))
        for meter, loss in zip(self.meters, losses, strict=True):
            meter.update_state(loss)
        return scale_loss_for_distribution(sum(losses))


class SSD(SingleShot):
    """SSD: a class and offsets for every default box.

    Args:
        net: see `ssd_heads`: pictures to ``scores`` (B, N, 1 + classes), not squashed, the ground's
            first, and ``offsets`` (B, N, 4).
        defaults: (N, 4) relative to the picture, as of `default_boxes`.
        overlap: intersection over union from which on a default box is trained as the object.
        ratio: negatives that are trained for each positive.
        **options: of `SingleShot`.
    """

    loss_names = ("class_loss", "offset_loss")

    def __init__(
        self,
        net: keras.Model,
        defaults: ArrayLike,
        overlap: float = 0.5,
        ratio: float = 3,
        **options: Any,
    ) -> None:
        super().__init__(net, **{"name": "ssd", **options})
        height, width = self.image_size
        pixels = np.asarray(defaults, np.float32) * np.array([height, width] * 2, np.float32)
        self.defaults = ops.convert_to_numpy(to_corners(pixels))
        self.overlap, self.ratio = overlap, ratio

    def read(self, seen: dict[str, Any]) -> tuple[Any, Any]:
        """Return boxes (B, N, 4) and scores (B, N, classes)."""
        boxes = decode(seen["offsets"], self.defaults, OFFSET_SCALES)
        return boxes, ops.softmax(ops.cast(seen["scores"], "float32"), axis=-1)[..., 1:]

    def losses_of(self, seen: dict[str, Any], truth: Truth) -> tuple[Any, ...]:
        """Cross-entropy of positives and the hardest negatives, and smooth L1 of the offsets.

        Both are sums divided by the number of positives of the batch (equation 1 of the paper).
        """
        scores, offsets = (ops.cast(seen[key], "float32") for key in ("scores", "offsets"))
        labels, matched = match(
            self.defaults,
            truth.boxes,
            truth.valid,
            self.overlap,
            self.overlap,
            low_quality=False,
            claim=True,
        )
        labels = truth.without_crowds(labels, ops.convert_to_tensor(self.defaults), self.overlap)
        positive = labels == 1
        classes = ops.take_along_axis(truth.classes, matched, axis=1) + 1
        target = ops.where(positive, classes, 0)
        entropy = ops.sparse_categorical_crossentropy(target, scores, from_logits=True)
        told = ops.stop_gradient(ops.where(labels == 0, entropy, -np.inf))
        kept = hard_negatives(told, positive, self.ratio) & (labels == 0)
        learnt = ops.cast(positive | kept, "float32")
        boxes = ops.take_along_axis(truth.boxes, matched[..., None], axis=1)
        wanted = encode(boxes, self.defaults, OFFSET_SCALES)
        weights = ops.cast(positive, "float32")
        count = ops.maximum(ops.sum(weights), 1)
        distance = offset_loss(offsets, wanted, weights, beta=1)
        return ops.sum(learnt * entropy) / count, distance / count


def ssd_heads(maps: Sequence[KerasTensor], kinds: Sequence[int], classes: int) -> dict[str, Any]:
    """Return what SSD says of every default box of its maps.

    Args:
        maps: (B, h, w, channels), one after the other.
        kinds: default boxes in a cell of each map.
        classes: without the ground.

    Returns:
        ``scores`` (B, N, 1 + classes) and ``offsets`` (B, N, 4), in the order of `default_boxes`.
        Each map has one 3x3 convolution for either.
    """
    said: dict[str, list[Any]] = {"scores": [], "offsets": []}
    for number, (x, kind) in enumerate(zip(maps, kinds, strict=True), start=1):
        for name, each in (("scores", 1 + classes), ("offsets", 4)):
            y = layers.Conv2D(
                kind * each, 3, padding="same", dtype="float32", name=f"head{number}_{name}"
            )(x)
            said[name].append(layers.Reshape((-1, each), dtype="float32")(y))
    return {
        name: layers.Concatenate(axis=1, dtype="float32", name=name)(parts)
        for name, parts in said.items()
    }


@keras.saving.register_keras_serializable(package="convbook")
class ChannelNorm(layers.Layer):
    """Divide every position's vector by its length, then scale each channel by a weight.

    Shapes do not change. SSD has it after VGG's conv4_3, whose values are larger than those of the
    later maps; the weights begin at 20.

    Source: Liu, Rabinovich and Berg 2015, arXiv:1506.04579.
    """

    def build(self, shape: Any) -> None:
        """Make the weights, one a channel."""
        start = keras.initializers.Constant(20.0)
        self.scale = self.add_weight(shape=(shape[-1],), initializer=start, name="scale")

    def call(self, x: Any) -> Any:
        """Return the maps with vectors of length 1, scaled."""
        squares = ops.sum(ops.square(x), axis=-1, keepdims=True)
        return x * ops.rsqrt(ops.maximum(squares, 1e-12)) * self.scale


def ssd300(classes: int = 20, **options: Any) -> SSD:
    """Return SSD300 on VGG-16: pictures (B, 300, 300, 3), 8,732 default boxes.

    VGG's five stages, the third pooled to 38 cells and the fifth not halved, its dense layers as
    convolutions (fc6 dilated by 6), and four further stages of two convolutions. Boxes come from
    conv4_3, fc7 and the ends of the four stages.

    Args:
        classes: without the ground; PASCAL VOC has 20, COCO 80 (or 90, as torchvision counts).
        **options: of `SSD`.
    """
    inputs = x = keras.Input((300, 300, 3), name="picture")
    maps = []
    for stage, kernels in enumerate(VGG_CONFIGURATIONS["D"], start=1):
        for number in range(1, len(kernels) + 1):
            filters = 64 * min(2 ** (stage - 1), 8)
            x = _convolution(x, filters, 3, f"block{stage}_conv{number}")
        if stage == 4:
            maps.append(ChannelNorm(name="block4_norm")(x))
        side, step = (2, 2) if stage < 5 else (3, 1)
        x = layers.MaxPooling2D(side, step, padding="same", name=f"block{stage}_pool")(x)
    x = _convolution(x, 1024, 3, "fc6", dilation_rate=6)
    x = _convolution(x, 1024, 1, "fc7")
    maps.append(x)
    for number, (narrow, wide) in enumerate([(256, 512), *[(128, 256)] * 3], start=8):
        x = _convolution(x, narrow, 1, f"conv{number}_1")
        if number < 10:  # halved, with a border of zeros on all four sides
            x = layers.ZeroPadding2D(1, name=f"conv{number}_border")(x)
        step = 2 if number < 10 else 1
        x = _convolution(x, wide, 3, f"conv{number}_2", padding="valid", strides=step)
        maps.append(x)
    kinds = [len(ratios) + 1 for ratios in SSD300_RATIOS]
    net = keras.Model(inputs, ssd_heads(maps, kinds, classes), name="ssd300_net")
    defaults = default_boxes(SSD300_SIZES, SSD300_SCALES, SSD300_RATIOS)
    settings = {"detections": 200, "before": 400, "name": "ssd300", "score_threshold": 0.01}
    return SSD(net, defaults, **{**settings, **options})


def _convolution(x: KerasTensor, filters: int, side: int, name: str, **options: Any) -> KerasTensor:
    """A convolution with ReLU that keeps the size, unless told otherwise."""
    settings = {"padding": "same", "activation": "relu", **options}
    return layers.Conv2D(filters, side, name=name, **settings)(x)


def small_ssd(image_size: tuple[int, int] = (128, 128), classes: int = 10, **options: Any) -> SSD:
    """Return an SSD for this book's scenes: three maps, of strides 4, 8 and 16.

    Args:
        image_size: (height, width) of the pictures, one number twice, a multiple of 16.
        classes: without the ground.
        **options: of `SSD`.
    """
    height, width = image_size
    if height != width or height % 16:
        raise ValueError(f"image_size is {image_size}: give the same multiple of 16 twice.")
    inputs = x = keras.Input((*image_size, 3), name="picture")
    maps = []
    for stage, (filters, count) in enumerate([(16, 1), (32, 2), (64, 2), (96, 2), (128, 2)]):
        if stage:
            x = layers.MaxPooling2D(2)(x)
        for _ in range(count):
            x = _normalised(x, filters, 3)
        if stage >= 2:
            maps.append(x)
    kinds = [len(SCENE_RATIOS) + 1] * len(maps)
    net = keras.Model(inputs, ssd_heads(maps, kinds, classes), name="small_ssd_net")
    sizes = [height // stride for stride in (4, 8, 16)]
    defaults = default_boxes(sizes, SCENE_SCALES, [SCENE_RATIOS] * len(sizes))
    return SSD(net, defaults, **{"name": "small_ssd", **options})


def _normalised(x: KerasTensor, filters: int, side: int, slope: float = 0.0) -> KerasTensor:
    """A convolution without bias, batch normalisation, and a ReLU, leaky with a slope."""
    x = layers.Conv2D(
        filters, side, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.LeakyReLU(slope)(x) if slope else layers.ReLU()(x)


class YOLO(SingleShot):
    """YOLOv2: every prior of every cell says where its box is, whether it holds an object, which.

    Args:
        net: pictures to ``raw`` (B, h, w, A, 5 + classes), see `yolo_decode`.
        priors: (A, 2), heights and widths in pixels.
        stride: pixels from cell to cell.
        ignore: what overlaps an object more than this is not trained as ground.
        **options: of `SingleShot`.
    """

    loss_names = ("place_loss", "object_loss", "class_loss")

    def __init__(
        self,
        net: keras.Model,
        priors: ArrayLike,
        stride: int,
        ignore: float = 0.6,
        **options: Any,
    ) -> None:
        super().__init__(net, **{"name": "yolo", **options})
        self.priors = np.asarray(priors, np.float32)
        self.stride, self.ignore = stride, ignore
        self.cells = tuple(side // stride for side in self.image_size)

    def read(self, seen: dict[str, Any]) -> tuple[Any, Any]:
        """Return boxes (B, N, 4) and scores (B, N, classes): objectness times the class's share."""
        boxes, objectness, classes = yolo_decode(seen["raw"], self.priors, self.stride)
        scores = objectness[..., None] * classes
        return ops.reshape(boxes, (-1, self.places, 4)), ops.reshape(
            scores, (-1, self.places, classes.shape[-1])
        )

    @property
    def places(self) -> int:
        """Priors of all cells."""
        return self.cells[0] * self.cells[1] * len(self.priors)

    def losses_of(self, seen: dict[str, Any], truth: Truth) -> tuple[Any, ...]:
        """Squared errors of the places, and cross-entropies of objectness and class.

        Sums over a batch divided by its number of objects. The authors' code has a squared error
        for objectness; a cross-entropy is its successor's (Redmon and Farhadi 2018,
        arXiv:1804.02767).
        """
        raw = ops.cast(seen["raw"], "float32")
        target, there, owner = yolo_encode(
            truth.boxes, truth.valid, self.priors, self.stride, *self.cells
        )
        weights = ops.cast(there, "float32")
        count = ops.maximum(ops.sum(weights), 1)
        said = ops.concatenate([ops.sigmoid(raw[..., :2]), raw[..., 2:4]], -1)
        place = ops.sum(weights[..., None] * ops.square(said - target))
        boxes = ops.reshape(yolo_decode(raw, self.priors, self.stride)[0], (-1, self.places, 4))
        overlap = ops.maximum(
            ops.max(iou(ops.stop_gradient(boxes), truth.boxes), -1),
            ops.max(iou(ops.stop_gradient(boxes), truth.crowds), -1),
        )
        ground = ops.cast(ops.reshape(overlap, ops.shape(there)) <= self.ignore, "float32")
        entropy = ops.binary_crossentropy(weights, raw[..., 4], from_logits=True)
        objects = ops.sum(ops.maximum(weights, ground) * entropy)
        labels = ops.take_along_axis(
            ops.maximum(truth.classes, 0), ops.reshape(owner, (-1, self.places)), axis=1
        )
        entropy = ops.sparse_categorical_crossentropy(
            ops.reshape(labels, ops.shape(there)), raw[..., 5:], from_logits=True
        )
        return place / count, objects / count, ops.sum(weights * entropy) / count


def yolo_head(x: KerasTensor, kinds: int, classes: int) -> dict[str, Any]:
    """Return ``raw`` (B, h, w, kinds, 5 + classes) of a map: one 1x1 convolution."""
    height, width = x.shape[1:3]
    raw = layers.Conv2D(kinds * (5 + classes), 1, dtype="float32", name="head")(x)
    shape = (height, width, kinds, 5 + classes)
    return {"raw": layers.Reshape(shape, dtype="float32", name="raw")(raw)}


@keras.saving.register_keras_serializable(package="convbook")
class SpaceToDepth(layers.Layer):
    """Lay each 2 x 2 block of cells into one cell: (B, H, W, C) to (B, H / 2, W / 2, 4 C)."""

    def call(self, x: Any) -> Any:
        """Return the smaller, deeper maps."""
        height, width, channels = x.shape[1:]
        x = ops.reshape(x, (-1, height // 2, 2, width // 2, 2, channels))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
        return ops.reshape(x, (-1, height // 2, width // 2, 4 * channels))


# Table 6 of the paper: each stage's convolutions as (filters, side); 2x2 pooling between stages.
DARKNET19 = (
    ((32, 3),),
    ((64, 3),),
    ((128, 3), (64, 1), (128, 3)),
    ((256, 3), (128, 1), (256, 3)),
    ((512, 3), (256, 1), (512, 3), (256, 1), (512, 3)),
    ((1024, 3), (512, 1), (1024, 3), (512, 1), (1024, 3)),
)


def _darknet(x: KerasTensor) -> tuple[KerasTensor, KerasTensor]:
    """The 18 convolutions of Darknet-19: the maps of the last but one stage and of the last."""
    fine = x
    for stage, convolutions in enumerate(DARKNET19):
        if stage:
            fine, x = x, layers.MaxPooling2D(2)(x)
        for filters, side in convolutions:
            x = _normalised(x, filters, side, slope=0.1)
    return fine, x


def darknet19(
    classes: int = 1000, input_shape: tuple[int, int, int] = (224, 224, 3)
) -> keras.Model:
    """Return Darknet-19, a classifier: (batch, *input_shape) to probabilities (batch, classes).

    Source: Redmon and Farhadi 2016, arXiv:1612.08242, table 6.
    """
    inputs = keras.Input(input_shape, name="picture")
    x = layers.Conv2D(classes, 1, name="predictions")(_darknet(inputs)[1])
    x = layers.Softmax()(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, x, name="darknet19")


def yolov2(
    classes: int = 20,
    image_size: tuple[int, int] = (416, 416),
    priors: ArrayLike = VOC_PRIORS,
    **options: Any,
) -> YOLO:
    """Return YOLOv2 on Darknet-19.

    Three more 3x3 convolutions with 1,024 filters, the last after the finer maps, narrowed to 64
    channels and laid into the coarser cells, have joined; then the head.

    Args:
        classes: number of classes.
        image_size: (height, width) of the pictures, multiples of 32.
        priors: (A, 2), heights and widths in cells of 32 pixels.
        **options: of `YOLO`.
    """
    inputs = keras.Input((*image_size, 3), name="picture")
    fine, x = _darknet(inputs)
    for _ in range(2):
        x = _normalised(x, 1024, 3, slope=0.1)
    fine = SpaceToDepth()(_normalised(fine, 64, 1, slope=0.1))
    x = _normalised(layers.Concatenate()([fine, x]), 1024, 3, slope=0.1)
    sizes = 32 * np.asarray(priors, np.float32)
    net = keras.Model(inputs, yolo_head(x, len(sizes), classes), name="yolov2_net")
    return YOLO(net, sizes, 32, **{"name": "yolov2", **options})


def small_yolo(
    image_size: tuple[int, int] = (128, 128),
    classes: int = 10,
    priors: ArrayLike = SCENE_PRIORS,
    **options: Any,
) -> YOLO:
    """Return a YOLOv2 for this book's scenes: one map of stride 8, joined by the finer one.

    Args:
        image_size: (height, width) of the pictures, multiples of 8.
        classes: number of classes.
        priors: (A, 2), heights and widths in pixels.
        **options: of `YOLO`.
    """
    inputs = x = fine = keras.Input((*image_size, 3), name="picture")
    for stage, (filters, count) in enumerate([(16, 1), (32, 2), (64, 2), (96, 2)]):
        if stage:
            fine, x = x, layers.MaxPooling2D(2)(x)
        for _ in range(count):
            x = _normalised(x, filters, 3, slope=0.1)
    fine = SpaceToDepth()(_normalised(fine, 24, 1, slope=0.1))
    x = _normalised(layers.Concatenate()([fine, x]), 128, 3, slope=0.1)
    sizes = np.asarray(priors, np.float32)
    net = keras.Model(inputs, yolo_head(x, len(sizes), classes), name="small_yolo_net")
    return YOLO(net, sizes, 8, **{"name": "small_yolo", **options})
