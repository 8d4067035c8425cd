"""Faster R-CNN: a net that proposes regions on its own maps, then names them.

Three parts, each a ``keras.Model`` of its own: a ``backbone`` from pictures to maps; the ``rpn``, a
region proposal network, which says for each anchor whether it holds an object and how to move it;
and the ``head``, which says for each region cut out of the maps what is in it. ``FasterRCNN`` holds
them together, and both stages are trained at once.

Boxes are (y1, x1, y2, x2) in pixels of the picture, ends exclusive.

Source: Ren, He, Girshick and Sun 2015, *Faster R-CNN: towards real-time object detection with
region proposal networks*, arXiv:1506.01497; the sizes of its training as in the authors' later
code, where both stages are trained together (approximate joint training, section 3.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

# What every loss of Keras's does for itself; there is no public name for it.
from keras.src.losses.loss import scale_loss_for_distribution
from numpy.typing import NDArray

from convbook.architectures.rcnn import region_head, scene_backbone, vgg_backbone
from convbook.detection.anchors import make_anchors
from convbook.detection.boxes import area, clip, decode, encode, iou
from convbook.detection.matching import match, sample, sample_places
from convbook.detection.regions import roi_align, roi_pool
from convbook.detection.suppression import detect, nms

LOSSES = ("objectness", "proposal offsets", "class", "box offsets")
"""The four losses of which the net's loss is the sum, in the order of the stages."""


@dataclass(frozen=True)
class Recipe:
    """The numbers of a Faster R-CNN that are no weights.

    Attributes:
        stride: pixels from one position of the maps to the next.
        scales: sides of the square anchors, in pixels.
        ratios: height over width of the anchors.
        offset_scales: what the proposals' offsets (dy, dx, dh, dw) are divided by before they are
            learnt, so that they spread by about 1.
        box_scales: the same of the second stage's (Girshick 2015, section 2.3, brings them to a
            variance of 1).
        positive, negative: overlaps from which an anchor is an object, and under which it is none.
        inside_only: whether anchors that reach over the picture's border train nothing.
        anchors: how many of them a picture trains the region proposal network on.
        anchor_share: largest share of objects among those.
        before, after: proposals before and after non-maximum suppression, in use.
        before_training, after_training: the same in training.
        suppression: overlap from which the lower of two proposals goes.
        object_overlap: overlap from which a proposal is trained as an object.
        regions: how many proposals a picture trains the head on.
        region_share: largest share of objects among those.
        pool: side of what is cut out of the maps for a region, in positions.
        pooling: "align" (bilinear samples, He 2017) or "max" (rounded bins, Girshick 2015).
        score_threshold: detections with a lower score are not reported.
        detection_overlap: overlap from which the lower of two detections of a class goes.
        detections: how many of them a picture reports at most.
    """

    stride: int = 8
    scales: tuple[float, ...] = (12, 22, 40)
    ratios: tuple[float, ...] = (1, 1.6, 3)
    offset_scales: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2)
    box_scales: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2)
    positive: float = 0.6
    negative: float = 0.3
    inside_only: bool = False
    anchors: int = 64
    anchor_share: float = 0.5
    before: int = 256
    after: int = 60
    before_training: int = 256
    after_training: int = 60
    suppression: float = 0.7
    object_overlap: float = 0.5
    regions: int = 32
    region_share: float = 0.5
    pool: int = 5
    pooling: str = "align"
    score_threshold: float = 0.05
    detection_overlap: float = 0.4
    detections: int = 40

    @property
    def kinds(self) -> int:
        """Anchors at one position."""
        return len(self.scales) * len(self.ratios)


SMALL = Recipe()
"""For scenes of 128 pixels with digits of 10 to 52."""

PUBLISHED = Recipe(
    stride=16,
    scales=(128, 256, 512),
    ratios=(0.5, 1, 2),
    offset_scales=(1, 1, 1, 1),
    positive=0.7,
    inside_only=True,
    anchors=256,
    before=6000,
    after=300,
    before_training=12000,
    after_training=2000,
    regions=128,
    region_share=0.25,
    pool=7,
    pooling="max",
    detection_overlap=0.3,
    detections=100,
)
"""The paper's, for VGG-16 (sections 3.1 to 3.3; regions and their share as Girshick 2015)."""


def region_proposal_network(
    channels: int, kinds: int, filters: int = 256, scores: int = 1
) -> keras.Model:
    """Return the net that looks at every position: maps (B, h, w, channels) to two maps.

    A 3x3 convolution, then two 1x1 convolutions beside each other. The scores are not squashed: a
    sigmoid of one score, or a softmax of two, is the probability that an anchor holds an object.

    Args:
        channels: of the maps it looks at.
        kinds: anchors at a position.
        filters: of the 3x3 convolution.
        scores: for each anchor: 1, or 2 (ground, object) as in the paper.

    Returns:
        Model to scores (B, h, w, scores * kinds) and offsets (B, h, w, 4 * kinds).
    """
    start = keras.initializers.RandomNormal(stddev=0.01)  # as the paper's, section 3.1
    maps = keras.Input((None, None, channels), name="maps")
    x = layers.Conv2D(
        filters, 3, padding="same", activation="relu", kernel_initializer="he_normal", name="look"
    )(maps)
    # What is computed from these in pixels needs all digits, also where the net has half of them.
    objectness = layers.Conv2D(
        scores * kinds, 1, kernel_initializer=start, dtype="float32", name="objectness"
    )(x)
    offsets = layers.Conv2D(
        4 * kinds, 1, kernel_initializer=start, dtype="float32", name="offsets"
    )(x)
    return keras.Model(maps, [objectness, offsets], name="rpn")


def smooth_l1(x: Any, beta: float = 1.0) -> Any:
    """Return x^2 / (2 beta) where abs(x) < beta, else abs(x) - beta / 2, elementwise.

    The same, but for rounding, are Keras's Huber loss in `convbook.architectures.rcnn` (beta 1) and
    the loss of offsets in `convbook.pose.several` (beta 0.5), by which kept weights were trained.

    Source: Girshick 2015, arXiv:1504.08083, equation 3; ``beta`` as in the code of Faster R-CNN.
    """
    size = ops.abs(x)
    return ops.where(size < beta, ops.square(x) / (2 * beta), size - beta / 2)


def offset_loss(offsets: Any, targets: Any, weights: Any, beta: float) -> Any:
    """Return the sum of ``smooth_l1`` over the offsets (B, N, 4) whose weight (B, N) is not 0."""
    counted = weights[..., None] > 0
    # What has no target has an offset without bounds, which must not reach the gradient.
    distance = smooth_l1(offsets - ops.where(counted, targets, ops.zeros_like(targets)), beta)
    return ops.sum(weights[..., None] * distance)


def propose(
    objectness: Any,
    offsets: Any,
    anchors: Any,
    image_size: tuple[int, int],
    *,
    before: int,
    after: int,
    threshold: float,
    offset_scales: tuple[float, float, float, float] = (1, 1, 1, 1),
) -> tuple[Any, Any, Any]:
    """Return the best boxes of a region proposal network, those that repeat better ones left out.

    Args:
        objectness: scores (B, N), higher for objects.
        offsets: (B, N, 4), how each anchor is to be moved.
        anchors: (N, 4).
        image_size: (height, width), where boxes are clipped.
        before: how many of the best go into non-maximum suppression.
        after: how many of those that are left are returned.
        threshold: overlap from which the lower of two boxes goes.
        offset_scales: see ``Recipe``.

    Returns:
        Boxes (B, after, 4) and their scores (B, after), best first; and bool (B, after), False for
        padding where fewer are left, whose boxes and scores are 0.
    """
    best, index = ops.top_k(objectness, min(before, objectness.shape[1]))
    moved = ops.take_along_axis(offsets, index[..., None], axis=1)
    boxes = decode(moved, ops.take(ops.convert_to_tensor(anchors), index, axis=0), offset_scales)
    boxes = clip(boxes, *image_size)
    best = ops.where(area(boxes) > 0, best, -np.inf)
    kept, valid = nms(boxes, best, threshold, after)
    boxes = ops.where(valid[..., None], take_rows(boxes, kept), 0.0)
    return boxes, ops.where(valid, take_rows(best, kept), 0.0), valid


@dataclass(frozen=True)
class Truth:
    """The objects of a batch of pictures, padded.

    Attributes:
        boxes: (B, M, 4); zeros where there is no object.
        classes: int32 (B, M).
        valid: bool (B, M), where there is an object.
        crowds: (B, M, 4), boxes of crowds, which are no objects; zeros where there is none.
    """

    boxes: Any
    classes: Any
    valid: Any
    crowds: Any

    @classmethod
    def of(cls, y: dict[str, Any]) -> Truth:
        """From what a pipeline gives: ``boxes``, ``classes`` and perhaps ``crowd``."""
        boxes, classes = ops.cast(y["boxes"], "float32"), ops.cast(y["classes"], "int32")
        crowd = ops.cast(y["crowd"], "bool") if "crowd" in y else ops.zeros_like(classes, "bool")
        valid = ops.logical_and(classes >= 0, ops.logical_not(crowd))
        kept = [ops.where(chosen[..., None], boxes, 0.0) for chosen in (valid, crowd)]
        return cls(kept[0], classes, valid, kept[1])

    def without_crowds(self, labels: Any, boxes: Any, overlap: float) -> Any:
        """Labels (B, N) of boxes, with -1 for ground that overlaps a crowd."""
        over = ops.max(iou(boxes, self.crowds), -1) >= overlap
        return ops.where(ops.logical_and(labels == 0, over), -1, labels)


@dataclass(frozen=True)
class Sampled:
    """Regions that a step trains the head on.

    Attributes:
        boxes: (B, R, 4).
        labels: int32 (B, R), 1 for what holds an object, 0 for ground.
        matched: int32 (B, R), the place in the truth of the object that each overlaps most.
        chosen: float32 (B, R), 0 where there was nothing left to choose.
    """

    boxes: Any
    labels: Any
    matched: Any
    chosen: Any


class FasterRCNN(keras.Model):
    """Both stages over one backbone.

    In use it takes pictures (B, H, W, 3) and gives what ``convbook.detection.suppression.detect``
    gives: a dictionary of ``boxes`` (B, detections, 4), ``scores`` (B, detections) and ``classes``
    (B, detections), -1 where there is no detection.

    ``fit`` takes pictures and a dictionary of ``boxes`` (B, M, 4) and ``classes`` (B, M), -1 where
    there is no object; if it has ``crowd`` (B, M), what lies on a crowd counts neither as object
    nor as ground. It reports the four losses of ``LOSSES``. Compile with an optimizer only.

    Args:
        backbone: pictures (B, H, W, 3) to maps (B, H / stride, W / stride, channels).
        rpn: see ``region_proposal_network``.
        head: see ``convbook.architectures.rcnn.region_head``.
        recipe: the other numbers.
        seed: of what is sampled in training.
    """

    names: tuple[str, ...] = LOSSES

    def __init__(
        self,
        backbone: keras.Model,
        rpn: keras.Model,
        head: keras.Model,
        recipe: Recipe = SMALL,
        seed: int = 0,
        **options: Any,
    ) -> None:
        # Boxes need all digits, whatever the parts compute in.
        super().__init__(**{"name": "faster_rcnn", "dtype": "float32", **options})
        self.backbone, self.rpn, self.head, self.recipe = backbone, rpn, head, recipe
        self.image_size = backbone.input_shape[1:3]
        self.channels = rpn.input_shape[-1]
        self.anchors = self.lay_anchors()
        inside = _inside(self.anchors, self.image_size)
        self.inside = inside if recipe.inside_only else np.ones_like(inside)
        self.classes = head.output_shape[0][-1] - 1
        self.seeds = keras.random.SeedGenerator(seed)
        self.meters = [keras.metrics.Mean(name=name.replace(" ", "_")) for name in self.names]
        self.built = True  # its parts are

    def lay_anchors(self) -> NDArray[np.float32]:
        """The anchors (N, 4) of all positions of the maps."""
        recipe = self.recipe
        height, width = self.backbone.output_shape[1:3]
        return make_anchors(height, width, recipe.stride, recipe.scales, recipe.ratios)

    def call(self, images: Any, training: bool = False) -> dict[str, Any]:
        """What is seen in pictures; in training, what the losses are made of."""
        seen = self.look(images, training)
        return seen if training else self.find(seen)

    def look(self, images: Any, training: bool = False) -> dict[str, Any]:
        """Maps (B, h, w, C) and, for each of N anchors, ``objectness`` (B, N) and ``offsets``."""
        maps = self.backbone(images, training=training)
        objectness, offsets = self.ask(maps, training)
        return {"maps": maps, "objectness": objectness, "offsets": offsets}

    def ask(self, maps: Any, training: bool = False) -> tuple[Any, Any]:
        """What the region proposal network says of each of the n anchors on maps (B, h, w, C).

        Returns:
            Scores (B, n), higher for objects, and offsets (B, n, 4).
        """
        scores, offsets = self.rpn(maps, training=training)
        batch = ops.shape(maps)[0]
        count = maps.shape[1] * maps.shape[2] * self.recipe.kinds
        if scores.shape[-1] == 2 * self.recipe.kinds:  # the softmax of two is a sigmoid of this
            pairs = ops.reshape(scores, (batch, count, 2))
            objectness = pairs[..., 1] - pairs[..., 0]
        else:
            objectness = ops.reshape(scores, (batch, count))
        return objectness, ops.reshape(offsets, (batch, count, 4))

    def proposals(self, seen: dict[str, Any], training: bool = False) -> tuple[Any, Any, Any]:
        """Boxes, scores and whether they are there, as of ``propose``, from what ``look`` gave."""
        recipe = self.recipe
        return propose(
            seen["objectness"],
            seen["offsets"],
            self.anchors,
            self.image_size,
            before=recipe.before_training if training else recipe.before,
            after=recipe.after_training if training else recipe.after,
            threshold=recipe.suppression,
            offset_scales=recipe.offset_scales,
        )

    def name_regions(self, maps: Any, boxes: Any, training: bool = False) -> tuple[Any, Any]:
        """Scores (B, R, 1 + classes) and offsets (B, R, 1 + classes, 4) of boxes (B, R, 4)."""
        pool = self.recipe.pool
        regions = self.cut(maps, boxes)
        batch, count = ops.shape(boxes)[0], boxes.shape[1]
        regions = ops.reshape(regions, (batch * count, pool, pool, self.channels))
        scores, offsets = self.head(regions, training=training)
        scores = ops.reshape(scores, (batch, count, 1 + self.classes))
        return scores, ops.reshape(offsets, (batch, count, 1 + self.classes, 4))

    def cut(self, maps: Any, boxes: Any) -> Any:
        """The parts of the maps in boxes (B, R, 4): (B, R, pool, pool, C)."""
        cut = roi_align if self.recipe.pooling == "align" else roi_pool
        return cut(maps, boxes / self.recipe.stride, self.recipe.pool)

    def find(self, seen: dict[str, Any]) -> dict[str, Any]:
        """Detections, from what ``look`` gave."""
        recipe = self.recipe
        proposals, _, valid = self.proposals(seen)
        scores, offsets = self.name_regions(seen["maps"], proposals)
        boxes = decode(offsets, proposals[:, :, None], recipe.box_scales)[:, :, 1:]
        scores = ops.softmax(scores)[..., 1:]
        scores = ops.where(valid[..., None], scores, 0.0)
        return detect(
            clip(boxes, *self.image_size),
            scores,
            recipe.detection_overlap,
            recipe.score_threshold,
            recipe.detections,
        )

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
        seen = y_pred if "maps" in y_pred else self.look(x, training)
        losses = self.losses_of(seen, y, training)
        for meter, loss in zip(self.meters, losses, strict=True):
            meter.update_state(loss)
        return scale_loss_for_distribution(sum(losses))  # shares of a batch add up to its mean

    def losses_of(self, seen: dict[str, Any], y: dict[str, Any], training: bool) -> tuple[Any, ...]:
        """The losses called ``names``, from what ``look`` gave and what ``fit`` was given."""
        truth = Truth.of(y)
        of_proposals = self.rpn_losses(seen, truth)
        sampled = self.sample_regions(seen, truth)
        return (*of_proposals, *self.head_losses(seen, truth, sampled, training))

    def rpn_losses(self, seen: dict[str, Any], truth: Truth) -> tuple[Any, Any]:
        """Of the first stage: are the sampled anchors objects, and how are they to be moved."""
        recipe = self.recipe
        anchors = ops.convert_to_tensor(self.anchors)
        inside = ops.convert_to_tensor(self.inside)  # no box: it overlaps nothing
        labels, matched = match(
            ops.where(inside[:, None], anchors, 0.0),
            truth.boxes,
            truth.valid,
            recipe.positive,
            recipe.negative,
            low_quality=True,
        )
        labels = ops.where(inside, truth.without_crowds(labels, anchors, recipe.negative), -1)
        chosen = sample(labels, recipe.anchors, recipe.anchor_share, self.seeds)
        chosen = ops.cast(chosen, "float32")
        positive = ops.cast(labels == 1, "float32")
        cross_entropy = ops.binary_crossentropy(positive, seen["objectness"], from_logits=True)
        target = encode(take_rows(truth.boxes, matched), anchors, recipe.offset_scales)
        distance = offset_loss(seen["offsets"], target, chosen * positive, beta=1 / 9)
        count = ops.maximum(ops.sum(chosen), 1)
        return ops.sum(chosen * cross_entropy) / count, distance / count

    def sample_regions(self, seen: dict[str, Any], truth: Truth) -> Sampled:
        """Proposals and true boxes to train the head on, those that hold an object first."""
        recipe = self.recipe
        proposals, _, _ = self.proposals(seen, training=True)
        # The true boxes are proposals too: the head has objects to learn from the first step on.
        boxes = ops.stop_gradient(ops.concatenate([proposals, truth.boxes], 1))
        overlap = recipe.object_overlap
        labels, matched = match(
            boxes, truth.boxes, truth.valid, overlap, overlap, low_quality=False
        )
        labels = truth.without_crowds(ops.where(area(boxes) > 0, labels, -1), boxes, overlap)
        places, chosen = sample_places(labels, recipe.regions, recipe.region_share, self.seeds)
        boxes, labels, matched = (take_rows(each, places) for each in (boxes, labels, matched))
        return Sampled(boxes, labels, matched, ops.cast(chosen, "float32"))

    def head_losses(
        self, seen: dict[str, Any], truth: Truth, sampled: Sampled, training: bool
    ) -> tuple[Any, Any]:
        """Of the second stage: what is in the sampled regions, and how are they to be moved."""
        boxes, matched, chosen = sampled.boxes, sampled.matched, sampled.chosen
        holds = sampled.labels == 1
        target = ops.where(holds, take_rows(truth.classes, matched) + 1, 0)
        scores, offsets = self.name_regions(seen["maps"], boxes, training)
        cross_entropy = ops.sparse_categorical_crossentropy(target, scores, from_logits=True)
        own = ops.sum(offsets * ops.one_hot(target, 1 + self.classes)[..., None], 2)
        wanted = encode(take_rows(truth.boxes, matched), boxes, self.recipe.box_scales)
        distance = offset_loss(own, wanted, chosen * ops.cast(holds, "float32"), beta=1)
        count = ops.maximum(ops.sum(chosen), 1)
        return ops.sum(chosen * cross_entropy) / count, distance / count


def take_rows(values: Any, index: Any) -> Any:
    """Rows (B, K, ...) of values (B, N, ...) by their numbers (B, K)."""
    for _ in range(len(values.shape) - 2):
        index = index[..., None]
    return ops.take_along_axis(values, index, 1)


def _inside(anchors: NDArray[np.float32], image_size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which anchors (N, 4) lie inside the picture: (N,)."""
    return np.all((anchors >= 0) & (anchors <= np.tile(image_size, 2)), axis=1)


def small_faster_rcnn(
    image_size: tuple[int, int] = (128, 128),
    classes: int = 10,
    recipe: Recipe = SMALL,
    seed: int = 0,
) -> FasterRCNN:
    """Return the Faster R-CNN of this book's scenes.

    Args:
        image_size: (height, width) of the pictures, multiples of the stride.
        classes: number of classes.
        recipe: its numbers; a stride of 2, 4 or 8.
        seed: of what is sampled in training.
    """
    backbone = scene_backbone(image_size, stride=recipe.stride)
    channels = backbone.output_shape[-1]
    return FasterRCNN(
        backbone,
        region_proposal_network(channels, recipe.kinds, 128),
        region_head(channels, recipe.pool, classes),
        recipe,
        seed,
    )


def vgg_faster_rcnn(
    image_size: tuple[int, int] = (600, 1000),
    classes: int = 20,
    recipe: Recipe = PUBLISHED,
    seed: int = 0,
) -> FasterRCNN:
    """Return the Faster R-CNN of the paper, on the thirteen convolutions of VGG-16.

    With 20 classes it has 137,078,239 parameters. It takes pictures in [0, 1], as every net of this
    book does, and turns them into what VGG-16's published weights want.

    Args:
        image_size: (height, width) of the pictures. The paper's have a shorter side of 600 pixels.
        classes: number of classes, without the ground; PASCAL VOC has 20.
        recipe: its numbers.
        seed: of what is sampled in training.
    """
    inputs = keras.Input((*image_size, 3), name="picture")
    # VGG-16's published weights want blue, green, red from 0 to 255, less ImageNet's means.
    pixels = 255 * inputs[..., ::-1] - np.array([103.939, 116.779, 123.68], "float32")
    return FasterRCNN(
        keras.Model(inputs, vgg_backbone(image_size)(pixels), name="backbone"),
        region_proposal_network(512, recipe.kinds, 512, scores=2),
        region_head(512, recipe.pool, classes, (4096, 4096), dropout=0.5),
        recipe,
        seed,
    )


def start_from_vgg16(net: FasterRCNN, weights: str = "imagenet") -> None:
    """Give a published net the weights of a VGG-16 that was trained to classify.

    Its convolutions go to the backbone, its two hidden dense layers to the head.

    Args:
        net: made by ``vgg_faster_rcnn``.
        weights: "imagenet", which Keras fetches, or the path of a file for ``keras.applications``'
            VGG16 with its top.
    """
    trained = keras.applications.VGG16(weights=weights)
    for layer in net.backbone.get_layer("backbone").layers:
        if layer.name.startswith("block") and layer.weights:
            layer.set_weights(trained.get_layer(layer.name).get_weights())
    for name, theirs in (("fc6", "fc1"), ("fc7", "fc2")):
        net.head.get_layer(name).set_weights(trained.get_layer(theirs).get_weights())
