"""Mask R-CNN: Faster R-CNN with one more answer, which pixels of a box are the object's.

To the two answers of Faster R-CNN's head, what is in a region and how its box is to be moved, a
third is added beside them: the *mask head*, a small net of convolutions, draws a mask of every
class for the region. In training only the mask of the true class counts; in use the class that the
box was given says which mask is meant.

The maps may be a pyramid, from fine to coarse (Lin et al. 2017): anchors lie on all of its levels,
each with sides of its own, and a region is cut out of the level that suits its size. The book's
small net has one level for boxes, and finer maps for masks.

Boxes are (y1, x1, y2, x2) in pixels of the picture, ends exclusive.

Sources: He, Gkioxari, Dollar and Girshick 2017, *Mask R-CNN*, arXiv:1703.06870; Lin, Dollar,
Girshick, He, Hariharan and Belongie 2017, *Feature pyramid networks for object detection*,
arXiv:1612.03144.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, layers, ops
from numpy.typing import NDArray

from convbook.architectures.faster_rcnn import (
    LOSSES,
    FasterRCNN,
    Recipe,
    Sampled,
    Truth,
    propose,
    region_proposal_network,
    small_faster_rcnn,
    take_rows,
)
from convbook.architectures.pyramid import dilated_resnet
from convbook.architectures.rcnn import region_head, scene_backbone
from convbook.detection.anchors import make_anchors
from convbook.detection.boxes import area
from convbook.detection.masks import crop_masks
from convbook.detection.regions import roi_align, roi_pool
from convbook.kept import load_kept

CANONICAL = 14
"""A region whose side is so many strides of the finest level, or up to twice as many, is cut out of
that level: 56 pixels at a stride of 4 (Lin 2017, equation 1, where 224 pixels belong to the level
with stride 16)."""


@dataclass(frozen=True)
class MaskRecipe(Recipe):
    """The numbers of a Mask R-CNN that are no weights.

    Those of a Faster R-CNN, where ``stride`` is that of the finest maps for boxes, and ``scales``
    are the sides of the anchors there; from level to level both double.

    Attributes:
        mask_stride: pixels from one position to the next, of the finest maps for masks.
        mask_pool: side of what is cut out of them for a region, in positions. A mask has twice as
            many values along a side.
        mask_pooling: "align" (bilinear samples), or "max" (rounded bins), as ``pooling``.
        masks: how many regions with an object a picture trains the mask head on.
    """

    detections: int = 20
    mask_stride: int = 2
    mask_pool: int = 14
    mask_pooling: str = "align"
    masks: int = 8


SMALL = MaskRecipe()
"""For scenes of 128 pixels with digits of 10 to 52: boxes as ``faster_rcnn.SMALL`` has them."""

PUBLISHED = MaskRecipe(
    stride=4,
    scales=(32,),
    ratios=(0.5, 1, 2),
    offset_scales=(0.1, 0.1, 0.2, 0.2),
    positive=0.7,
    anchors=256,
    before=1000,
    after=1000,
    before_training=2000,
    after_training=2000,
    regions=512,
    region_share=0.25,
    pool=7,
    detection_overlap=0.5,
    detections=100,
    mask_stride=4,
    masks=128,
)
"""The paper's, for a pyramid on ResNet-50 (section 3.1; anchors and numbers of proposals as Lin
2017). Proposals before suppression are counted for each level."""

Maps = dict[str, list[Any]]
"""What a backbone gives: by use, "anchors", "regions" and "masks", levels from fine to coarse."""


class MaskRCNN(FasterRCNN):
    """Boxes, classes and masks over one backbone.

    In use it takes pictures (B, H, W, 3) and gives what Faster R-CNN gives, and for each detection
    the mask of its class, ``small_masks`` (B, detections, S, S) in [0, 1], S = 2 ``mask_pool``,
    which lies in the detection's box; ``convbook.detection.masks.pasted`` brings them into the
    picture.

    ``fit`` takes what Faster R-CNN takes, and ``masks`` (B, M, H, W), whole numbers 0 and 1. It
    reports a fifth loss, "mask".

    Args:
        backbone: pictures (B, H, W, 3) to ``Maps``, each level half as large as the one before.
        rpn: see ``convbook.architectures.faster_rcnn.region_proposal_network``.
        head: see ``convbook.architectures.rcnn.region_head``.
        mask_head: see ``mask_head``.
        recipe: the other numbers.
        seed: of what is sampled in training.
    """

    names = (*LOSSES, "mask")
    recipe: MaskRecipe

    def __init__(
        self,
        backbone: keras.Model,
        rpn: keras.Model,
        head: keras.Model,
        mask_head: keras.Model,
        recipe: MaskRecipe = SMALL,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(backbone, rpn, head, recipe, seed, **{"name": "mask_rcnn", **options})
        self.mask_head = mask_head

    def lay_anchors(self) -> NDArray[np.float32]:
        """The anchors (N, 4) of all levels, the finest first."""
        recipe = self.recipe
        made = []
        for level, maps in enumerate(self.backbone.output["anchors"]):
            height, width = maps.shape[1:3]
            scales = [scale * 2**level for scale in recipe.scales]
            stride = recipe.stride * 2**level
            made.append(make_anchors(height, width, stride, scales, recipe.ratios))
        return np.concatenate(made)

    def look(self, images: Any, training: bool = False) -> dict[str, Any]:
        """Maps for ``regions`` and ``masks``, and what is said of every anchor of all levels."""
        outputs = self.backbone(images, training=training)
        said = [self.ask(maps, training) for maps in outputs["anchors"]]
        objectness, offsets = (ops.concatenate(each, 1) for each in zip(*said, strict=True))
        return {
            "maps": outputs["regions"],
            "mask_maps": outputs["masks"],
            "objectness": objectness,
            "offsets": offsets,
        }

    def proposals(self, seen: dict[str, Any], training: bool = False) -> tuple[Any, Any, Any]:
        """The best of all levels; each has a suppression of its own (Lin 2017, section 4.1)."""
        recipe = self.recipe
        sides = [maps.shape[1:3] for maps in self.backbone.output["anchors"]]
        ends = np.cumsum([0, *(height * width * recipe.kinds for height, width in sides)]).tolist()
        count = recipe.after_training if training else recipe.after
        made = [
            propose(
                seen["objectness"][:, first:last],
                seen["offsets"][:, first:last],
                self.anchors[first:last],
                self.image_size,
                before=recipe.before_training if training else recipe.before,
                after=count,
                threshold=recipe.suppression,
                offset_scales=recipe.offset_scales,
            )
            for first, last in itertools.pairwise(ends)
        ]
        if len(made) == 1:
            return made[0]
        boxes, scores, valid = (ops.concatenate(each, 1) for each in zip(*made, strict=True))
        best, index = ops.top_k(ops.where(valid, scores, -np.inf), count)
        valid = best > -np.inf
        return take_rows(boxes, index), ops.where(valid, best, 0.0), valid

    def cut(self, maps: Any, boxes: Any) -> Any:
        """The parts of the levels in boxes (B, R, 4), for classes and boxes."""
        recipe = self.recipe
        return cut_of_levels(maps, boxes, recipe.stride, recipe.pool, recipe.pooling)

    def draw_masks(self, maps: Any, boxes: Any, training: bool = False) -> Any:
        """Masks of every class for boxes (B, R, 4): (B, R, S, S, classes), not squashed."""
        recipe = self.recipe
        regions = cut_of_levels(
            maps, boxes, recipe.mask_stride, recipe.mask_pool, recipe.mask_pooling
        )
        drawn = self.mask_head(ops.reshape(regions, (-1, *regions.shape[2:])), training=training)
        return ops.reshape(drawn, (-1, boxes.shape[1], *drawn.shape[1:]))

    def find(self, seen: dict[str, Any]) -> dict[str, Any]:
        """Detections, and masks for their boxes as they are in the end."""
        found = super().find(seen)
        drawn = self.draw_masks(seen["mask_maps"], found["boxes"])
        own = of_class(drawn, ops.maximum(found["classes"], 0))
        there = found["valid"][..., None, None]
        return found | {"small_masks": ops.where(there, ops.sigmoid(own), 0.0)}

    def losses_of(self, seen: dict[str, Any], y: dict[str, Any], training: bool) -> tuple[Any, ...]:
        """Those of Faster R-CNN, and that of the masks."""
        truth = Truth.of(y)
        of_proposals = self.rpn_losses(seen, truth)
        sampled = self.sample_regions(seen, truth)
        of_regions = self.head_losses(seen, truth, sampled, training)
        return (
            *of_proposals,
            *of_regions,
            self.mask_loss(seen, truth, y["masks"], sampled, training),
        )

    def mask_loss(
        self, seen: dict[str, Any], truth: Truth, masks: Any, sampled: Sampled, training: bool
    ) -> Any:
        """The mean binary cross-entropy of the pixels of the true class's masks.

        What is to be drawn for a region is the part of its object's mask that lies in the region.
        """
        few = slice(0, self.recipe.masks)  # those that hold an object come first
        boxes, matched = sampled.boxes[:, few], sampled.matched[:, few]
        holds = (sampled.labels[:, few] == 1) & (sampled.chosen[:, few] > 0) & (area(boxes) > 0)
        drawn = self.draw_masks(seen["mask_maps"], boxes, training)
        own = of_class(drawn, ops.maximum(take_rows(truth.classes, matched), 0))
        wanted = crop_masks(take_rows(masks, matched), boxes, own.shape[-1])
        wanted = ops.cast(wanted >= 0.5, "float32")
        each = ops.mean(ops.binary_crossentropy(wanted, own, from_logits=True), (-2, -1))
        counted = ops.cast(holds, "float32")
        return ops.sum(counted * each) / ops.maximum(ops.sum(counted), 1)


def of_class(masks: Any, classes: Any) -> Any:
    """Return the mask of one class for each region: (B, R, S, S) of (B, R, S, S, classes).

    Args:
        masks: of all classes.
        classes: which, whole numbers (B, R).
    """
    chosen = ops.one_hot(classes, masks.shape[-1], dtype=masks.dtype)
    return ops.einsum("brhwc,brc->brhw", masks, chosen)


def cut_of_levels(
    levels: Sequence[Any], boxes: Any, stride: int, size: int, pooling: str = "align"
) -> Any:
    """Return the part of the maps in each box, from the level that suits the box's size.

    Args:
        levels: maps (B, h, w, C), each half as large as the one before.
        boxes: (B, R, 4) in pixels of the picture.
        stride: of the finest level.
        size: side of what is cut out.
        pooling: "align" or "max".

    Returns:
        (B, R, size, size, C).
    """
    cut = roi_align if pooling == "align" else roi_pool
    parts = [cut(maps, boxes / (stride * 2**i), size) for i, maps in enumerate(levels)]
    if len(parts) == 1:
        return parts[0]
    level = level_of(boxes, stride, len(levels))[..., None, None, None]
    return sum(ops.where(level == i, part, 0) for i, part in enumerate(parts))


def level_of(boxes: Any, stride: int, levels: int) -> Any:
    """Return the level out of which each box (..., 4) is cut: whole numbers (...), 0 the finest.

    Source: Lin et al. 2017, equation 1; see ``CANONICAL``.
    """
    side = ops.sqrt(ops.maximum(area(boxes), 1e-6))
    level = ops.floor(ops.log(side / (CANONICAL * stride)) / math.log(2) + 1e-5)
    return ops.cast(ops.clip(level, 0, levels - 1), "int32")


def mask_head(
    channels: int, pool: int, classes: int, filters: int = 256, convolutions: int = 4
) -> keras.Model:
    """Return the net that draws masks of a region: (N, pool, pool, channels) to a mask a class.

    3x3 convolutions with ReLU, a transposed convolution that makes the maps twice as large, and a
    1x1 convolution to the classes. The masks are not squashed: a sigmoid of each value by itself is
    the probability that the pixel is the object's, so that classes do not compete.

    Args:
        channels: of the maps that the regions are cut out of.
        pool: side of a region, in positions.
        classes: number of masks.
        filters: of the convolutions.
        convolutions: how many 3x3 ones.

    Returns:
        Model to (N, 2 pool, 2 pool, classes).

    Source: He et al. 2017, figure 4, right.
    """
    regions = x = keras.Input((pool, pool, channels), name="regions")
    begin = {"activation": "relu", "kernel_initializer": "he_normal"}
    for number in range(convolutions):
        x = layers.Conv2D(filters, 3, padding="same", name=f"mask{number + 1}", **begin)(x)
    x = layers.Conv2DTranspose(filters, 2, strides=2, name="larger", **begin)(x)
    x = layers.Conv2D(classes, 1, dtype="float32", name="masks")(x)
    return keras.Model(regions, x, name="mask_head")


def top_down(
    levels: Sequence[KerasTensor], filters: int = 256, name: str = "pyramid", smooth: bool = True
) -> list[KerasTensor]:
    """Return a feature pyramid: maps as fine as each level's that know what coarser levels know.

    From coarse to fine: the level so far is doubled, each value to four, and a 1x1 convolution of
    the next finer level is added. A 3x3 convolution on each result smoothes what doubling left.

    Args:
        levels: maps (N, h, w, C), from fine to coarse, each half as large as the one before.
        filters: of every level of the pyramid.
        name: with which the names of its layers begin.
        smooth: whether the 3x3 convolutions are there.

    Returns:
        Maps (N, h, w, filters), from fine to coarse.

    Source: Lin et al. 2017, arXiv:1612.03144, section 3.
    """
    made: list[KerasTensor] = []
    for number in reversed(range(len(levels))):
        x = layers.Conv2D(filters, 1, name=f"{name}_side{number}")(levels[number])
        if made:
            doubled = layers.UpSampling2D(2, name=f"{name}_double{number}")(made[0])
            x = layers.Add(name=f"{name}_add{number}")([x, doubled])
        made.insert(0, x)
    if not smooth:
        return made
    return [
        layers.Conv2D(filters, 3, padding="same", name=f"{name}_smooth{number}")(x)
        for number, x in enumerate(made)
    ]


def small_mask_rcnn(
    image_size: tuple[int, int] = (128, 128),
    classes: int = 10,
    recipe: MaskRecipe = SMALL,
    seed: int = 0,
    filters: int = 48,
) -> MaskRCNN:
    """Return the Mask R-CNN of this book's scenes.

    Boxes come from maps of stride 8, as in ``small_faster_rcnn``. The strokes of a digit are a few
    pixels wide, so the masks are drawn on maps of stride 2, to which the way down a small pyramid
    leads.

    Args:
        image_size: (height, width) of the pictures, multiples of 8.
        classes: number of classes.
        recipe: its numbers; with a ``mask_stride`` of 8 the masks are drawn on the boxes' maps.
        seed: of what is sampled in training.
        filters: of the pyramid and the mask head.

    Raises:
        ValueError: for a mask_stride that is none of 2, 4, 8.
    """
    if recipe.mask_stride not in (2, 4, 8):
        raise ValueError(f"mask_stride is {recipe.mask_stride}: choose 2, 4 or 8.")
    trunk = scene_backbone(image_size, stride=recipe.stride)
    last = trunk.output
    fine = last
    if recipe.mask_stride < 8:
        pooled = [each.input for each in trunk.layers if isinstance(each, layers.MaxPooling2D)]
        levels = [*pooled[{2: 1, 4: 2}[recipe.mask_stride] :], last]
        fine = top_down(levels, filters, "masks", smooth=False)[0]
    maps = {"anchors": [last], "regions": [last], "masks": [fine]}
    channels = last.shape[-1]
    return MaskRCNN(
        keras.Model(trunk.input, maps, name="backbone"),
        region_proposal_network(channels, recipe.kinds, 128),
        region_head(channels, recipe.pool, classes),
        mask_head(fine.shape[-1], recipe.mask_pool, classes, filters),
        recipe,
        seed,
    )


def start_from_boxes(net: MaskRCNN, name: str = "faster_rcnn") -> None:
    """Give a small net the kept weights of Faster R-CNN, and let only its masks learn.

    What finds the boxes stays as it was trained; the way down to the fine maps and the mask head
    begin anew.

    Args:
        net: made by ``small_mask_rcnn``, before it is compiled.
        name: of the kept weights.
    """
    boxes = small_faster_rcnn(net.image_size, net.classes)
    load_kept(boxes, name)
    trunk = keras.Model(net.backbone.input, net.backbone.output["regions"][-1])
    for ours, theirs in ((trunk, boxes.backbone), (net.rpn, boxes.rpn), (net.head, boxes.head)):
        ours.set_weights(theirs.get_weights())
        for layer in ours.layers:
            layer.trainable = False


def resnet_mask_rcnn(
    image_size: tuple[int, int] = (800, 1344),
    classes: int = 90,
    recipe: MaskRecipe = PUBLISHED,
    seed: int = 0,
) -> MaskRCNN:
    """Return the Mask R-CNN of the paper on ResNet-50 with a feature pyramid (ResNet-50-FPN).

    With 90 classes it has 44,401,136 trainable parameters; its normalisations stay as ImageNet's
    training left them (He 2016, arXiv:1512.03385, appendix A). torchvision's
    ``maskrcnn_resnet50_fpn`` has 257 more, since it draws a mask for the ground, too. It takes
    pictures in [0, 1], as every net of this book does, and turns them into what ResNet-50's
    published weights want.

    Args:
        image_size: (height, width) of the pictures, multiples of 32. The paper's have a shorter
            side of 800 pixels.
        classes: number of classes, without the ground. COCO's numbers go up to 90; 80 are in use.
        recipe: its numbers.
        seed: of what is sampled in training.

    Raises:
        ValueError: if a side is no multiple of 32.
    """
    if any(side % 32 for side in image_size):
        raise ValueError(f"image_size is {image_size}: both sides must be multiples of 32.")
    trunk = dilated_resnet((*image_size, 3), output_stride=32)
    stages = [trunk.get_layer(f"stage{number}").output for number in (1, 2, 3, 4)]
    resnet = keras.Model(trunk.input, stages, name="resnet50")
    for layer in resnet.layers:
        layer.trainable = not isinstance(layer, layers.BatchNormalization)
    inputs = keras.Input((*image_size, 3), name="picture")
    # ResNet-50's published weights want blue, green, red from 0 to 255, less ImageNet's means.
    pixels = 255 * inputs[..., ::-1] - np.array([103.939, 116.779, 123.68], "float32")
    levels = top_down(resnet(pixels), 256)
    coarsest = layers.MaxPooling2D(1, strides=2, name="pyramid_coarsest")(levels[-1])
    maps = {"anchors": [*levels, coarsest], "regions": levels, "masks": levels}
    return MaskRCNN(
        keras.Model(inputs, maps, name="backbone"),
        region_proposal_network(256, recipe.kinds, 256),
        region_head(256, recipe.pool, classes, (1024, 1024)),
        mask_head(256, recipe.mask_pool, classes),
        recipe,
        seed,
        name="resnet50_mask_rcnn",
    )


def start_from_resnet50(net: MaskRCNN, weights: str = "imagenet") -> None:
    """Give a published net the weights of a ResNet-50 that was trained to classify.

    Args:
        net: made by ``resnet_mask_rcnn``.
        weights: "imagenet", which Keras fetches, or the path of a file for ``keras.applications``'
            ResNet50 without its top.
    """
    theirs = keras.applications.ResNet50(weights=weights, include_top=False)
    copy_resnet(theirs, net.backbone.get_layer("resnet50"))


def copy_resnet(theirs: keras.Model, ours: keras.Model) -> None:
    """Give a ResNet of this book the weights of one of ``keras.applications``.

    There each convolution has a bias in front of its normalisation; here it goes into the mean that
    the normalisation takes away. Where a side is even the first convolution and the pool pad by one
    row and column less in front than there (``same`` with a stride of 2), which moves all maps by
    three pixels of the picture; where both are odd, all values are equal.
    """
    for convolution, norm, other, other_norm in _pairs(ours, theirs):
        kernel, bias = other.get_weights()
        convolution.set_weights([kernel])
        gamma, beta, mean, variance = other_norm.get_weights()
        norm.set_weights([gamma, beta, mean - bias, variance])


def _pairs(ours: keras.Model, theirs: keras.Model) -> list[tuple[Any, Any, Any, Any]]:
    """Each convolution and its normalisation, here and there, in one order."""
    own, other = _convolutions(ours), _convolutions(theirs)
    # Here in the order in which they were made, which Keras counts in their names: a block's
    # shortcut last. There it is called 0.
    own.sort(key=lambda pair: int(pair[0].name.rpartition("_")[2].removeprefix("conv2d") or 0))
    other.sort(key=lambda pair: _place(pair[0].name))
    return [(*mine, *yours) for mine, yours in zip(own, other, strict=True)]


def _convolutions(net: keras.Model) -> list[tuple[Any, Any]]:
    """Each convolution with the normalisation that takes what it gives."""
    return [
        (layer.input._keras_history.operation, layer)
        for layer in net.layers
        if isinstance(layer, layers.BatchNormalization)
    ]


def _place(name: str) -> tuple[int, int, int]:
    """Where "conv2_block1_0_conv" stands here: stage, block, and place in the block."""
    parts = name.replace("block", "").removeprefix("conv").split("_")
    if len(parts) < 4:
        return (1, 0, 0)
    stage, block, place = map(int, parts[:3])
    return stage, block, place or 4
