"""Keras preprocessing layers applied to pictures together with their boxes and masks.

Keras moves boxes and masks along with the picture, but not all of it can be relied on (Keras 3.15):
`RandomCrop` subtracts a box's row offset from its columns, and like `CenterCrop` interpolates the
masks of pictures smaller than the crop; boxes after `RandomShear` miss their objects by pixels;
`RandomElasticTransform` bends the labels otherwise than the picture. So the layers that move
pictures are named here one by one, each tried against masks; crops of boxes are computed here; and
every label map is resampled by the nearest pixel. What comes into view from beyond the border
is neither ground nor object: the semantic map says `IGNORE` there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from convbook.data.labels import IGNORE

Batch = dict[str, Any]

# They change colours only: nothing moves.
COLOUR_LAYERS = (
    "AutoContrast",
    "Equalization",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomErasing",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPosterization",
    "RandomSaturation",
    "RandomSharpness",
    "Rescaling",
    "Solarization",
)
# They change colours only, and wrongly.
WRONG_LAYERS = {
    "RandomGaussianBlur": "it darkens borders on every backend, scrambles oblong kernels, and on "
    "JAX blurs along rows only (Keras 3.15)",
}
# They spoil labels in a way of their own; `findings/` has them run alone.
FALSIFYING_LAYERS = {
    "AugMix": "it averages labels",
    "CutMix": "it gives a label map as many channels as the picture has",
    "MixUp": "it mixes a label map with single pixels of other maps",
    "RandomElasticTransform": "it bends the labels by another field than the picture",
}
CROPS = ("CenterCrop", "RandomCrop")
# They move pictures, and boxes and masks truly with them.
MOVING_LAYERS = (
    "CenterCrop",
    "RandomCrop",
    "RandomFlip",
    "RandomPerspective",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "Resizing",
)
# A box turned with them is no longer upright: the box round it is too large for what it holds.
TURNING_LAYERS = ("RandomPerspective", "RandomRotation")
# What is kept as numbers and does not move along.
POSE_KEYS = ("keypoints", "angles")
DRAWS = 1000  # random numbers that one layer may draw for one batch


def apply_layers(
    layers: Sequence[keras.layers.Layer], batch: Mapping[str, Any], training: bool = True
) -> Batch:
    """Apply Keras image preprocessing layers to a batch, labels included.

    Args:
        layers: layers such as ``RandomFlip("horizontal", seed=0)`` or ``Resizing(64, 64)``, applied
            in turn; each keeps its own random state.
        batch: ``image`` float (B, H, W, C), and any of ``boxes`` (B, M, 4) as (y1, x1, y2, x2) in
            pixels with ``classes`` (B, M), -1 where there is no object; ``masks`` (B, M, H, W);
            ``semantic`` (B, H, W). Other entries pass unchanged.
        training: whether random layers act; those that resize act always.

    Returns:
        A new batch, with the same keys and dtypes. Objects that left the picture get class -1, a
        box of zeros and an empty mask. Boxes stay upright: where a layer turns the picture they are
        drawn anew round the masks, or, for want of masks, round the turned boxes.

    Raises:
        ValueError: if a layer that moves pictures meets key points or angles, if it is not known
            to move labels rightly, if it is known to be wrong, or if a picture is smaller than a
            crop of it.
    """
    result = dict(batch)
    dtypes = {key: getattr(value, "dtype", None) for key, value in batch.items()}
    for layer in layers:
        result = _apply(layer, result, training)
    for key in ("semantic", "masks"):
        if key in result:
            result[key] = ops.cast(result[key], keras.backend.standardize_dtype(dtypes[key]))
    return result


def start_at(layers: Sequence[keras.layers.Layer], batch: Any) -> None:
    """Let random layers draw for batch number `batch` what they always draw for it.

    Their random state is a seed and a count of draws. Set from the batch's number, it depends
    neither on the order in which batches are made nor on who asks for one twice.
    """
    for layer in layers:
        for generator in _random_states(layer):
            state = generator.state
            counted = ops.cast(ops.multiply(batch, DRAWS), state.dtype)
            state.assign(ops.stack([state.value[0], counted]))


def _random_states(layer: keras.layers.Layer) -> list[keras.random.SeedGenerator]:
    """The random states of a layer and of the layers in it."""
    found: list[keras.random.SeedGenerator] = []
    for value in vars(layer).values():
        if isinstance(value, keras.random.SeedGenerator):
            found.append(value)
        elif isinstance(value, keras.layers.Layer):
            found += _random_states(value)
    return found


def _apply(layer: keras.layers.Layer, batch: Batch, training: bool) -> Batch:
    """One layer on one batch."""
    name = type(layer).__name__
    images = ops.convert_to_tensor(batch["image"])
    if name in WRONG_LAYERS:
        raise ValueError(f"{name} is not to be relied on: {WRONG_LAYERS[name]}. Leave it out.")
    if name in COLOUR_LAYERS:
        # The layer's own call draws what it needs; pictures stay in [0, 1].
        coloured = layer(images) if name == "Rescaling" else layer(images, training=training)
        return batch | {"image": coloured if name == "Rescaling" else ops.clip(coloured, 0, 1)}
    pose = [key for key in POSE_KEYS if key in batch]
    if pose:
        raise ValueError(
            f"{name} moves the picture but not its {' and '.join(pose)}: "
            "use layers that change colours only."
        )
    if name in FALSIFYING_LAYERS:
        raise ValueError(f"{name} is not for labels: {FALSIFYING_LAYERS[name]} (Keras 3.15).")
    if name not in MOVING_LAYERS:
        raise ValueError(f"Labels do not follow {name}: use one of {', '.join(MOVING_LAYERS)}.")
    if name in CROPS and (images.shape[1] < layer.height or images.shape[2] < layer.width):
        raise ValueError(f"{name} asks for more than the picture has: put Resizing before it.")
    step = layer.get_random_transformation({"images": images}, training=training)
    moved = layer.transform_images(images, step, training=training)
    result = batch | {"image": moved}
    labels = _label_planes(batch, ops.shape(images))
    planes = _nearest(layer, labels, step, training)
    return _objects(layer, _planes_back(result, planes), batch, step, training, ops.shape(moved))


def _label_planes(batch: Batch, shape: Sequence[Any]) -> Any:
    """All label maps as channels (B, H, W, 1 + ...): first, ones for being inside the picture."""
    planes = [ops.ones((shape[0], shape[1], shape[2], 1))]
    if "semantic" in batch:
        planes.append(ops.cast(batch["semantic"], "float32")[..., None])
    if "masks" in batch:
        planes.append(ops.transpose(ops.cast(batch["masks"], "float32"), (0, 2, 3, 1)))
    return ops.concatenate(planes, -1)


def _nearest(layer: keras.layers.Layer, planes: Any, step: Any, training: bool) -> Any:
    """Transform label maps as the picture was, but never interpolate and never invent labels."""
    kept = {}
    settings = {"interpolation": "nearest", "fill_mode": "constant", "fill_value": 0.0}
    if type(layer).__name__ != "Resizing":  # it has only constant filling, and nearest for masks
        kept = {key: getattr(layer, key) for key in settings if hasattr(layer, key)}
    for key in kept:
        setattr(layer, key, settings[key])
    try:
        return layer.transform_segmentation_masks(planes, step, training=training)
    finally:
        for key, value in kept.items():
            setattr(layer, key, value)


def _planes_back(batch: Batch, planes: Any) -> Batch:
    """The inverse of `_label_planes`: what lies outside the old picture is `IGNORE`."""
    inside, at = planes[..., 0] > 0.5, 1
    if "semantic" in batch:
        batch = batch | {"semantic": ops.where(inside, planes[..., at], float(IGNORE))}
        at += 1
    if "masks" in batch:
        batch = batch | {"masks": ops.transpose(planes[..., at:], (0, 3, 1, 2)) > 0.5}
    return batch


def _objects(
    layer: keras.layers.Layer, result: Batch, before: Batch, step: Any, training: bool, shape: Any
) -> Batch:
    """Move the boxes, and take out the objects that are no longer in the picture."""
    if "boxes" not in before:
        return result
    boxes = _boxes(layer, before, step, training)
    if "masks" in result and type(layer).__name__ in TURNING_LAYERS:
        boxes = _round_masks(result["masks"])
    y1, x1, y2, x2 = ops.split(boxes, 4, -1)
    height, width = ops.cast(shape[1], "float32"), ops.cast(shape[2], "float32")
    y1, y2 = ops.clip(y1, 0, height), ops.clip(y2, 0, height)
    x1, x2 = ops.clip(x1, 0, width), ops.clip(x2, 0, width)
    area = (y2 - y1) * (x2 - x1)
    there = ops.logical_and(ops.convert_to_tensor(before["classes"]) >= 0, area[..., 0] >= 1)
    moved = ops.concatenate([y1, x1, y2, x2], -1)
    changes = {
        "boxes": ops.where(there[..., None], moved, 0.0),
        "classes": ops.where(there, before["classes"], -1),
    }
    for key in ("difficult", "crowd"):
        if key in before:
            changes[key] = ops.logical_and(before[key], there)
    if "masks" in result:
        changes["masks"] = ops.logical_and(result["masks"], there[..., None, None])
    return result | changes


def _boxes(layer: keras.layers.Layer, batch: Batch, step: Any, training: bool) -> Any:
    """The boxes of a batch, (y1, x1, y2, x2), moved as the layer moves pictures."""
    boxes = ops.cast(batch["boxes"], "float32")
    if type(layer).__name__ == "RandomCrop":
        return boxes - ops.cast(ops.stack([*step, *step]), "float32") if training else boxes
    y1, x1, y2, x2 = ops.split(boxes, 4, -1)
    layer.bounding_box_format = "xyxy"
    theirs = {"boxes": ops.concatenate([x1, y1, x2, y2], -1), "labels": batch["classes"]}
    moved = layer.transform_bounding_boxes(theirs, step, training=training)["boxes"]
    x1, y1, x2, y2 = ops.split(ops.cast(moved, "float32"), 4, -1)
    return ops.concatenate([y1, x1, y2, x2], -1)


def _round_masks(masks: Any) -> Any:
    """Tight boxes (B, M, 4) as (y1, x1, y2, x2) round masks (B, M, H, W); zeros round nothing."""
    edges = []
    for used in (ops.any(masks, 3), ops.any(masks, 2)):  # rows, then columns
        used = ops.cast(used, "int32")
        length = ops.shape(used)[-1]
        there = ops.max(used, -1)
        first = ops.argmax(used, -1) * ops.cast(there, "int32")
        last = (length - ops.argmax(ops.flip(used, -1), -1)) * ops.cast(there, "int32")
        edges.append((first, last))
    (y1, y2), (x1, x2) = edges
    return ops.cast(ops.stack([y1, x1, y2, x2], -1), "float32")


def resize_example(example: Mapping[str, Any], size: int, fit: str = "stretch") -> Batch:
    """Resize one example and its labels to size x size pixels.

    Args:
        example: an example as `digit_scenes` describes it, its picture of bytes (H, W, C).
        size: new height and width.
        fit: "stretch" changes the proportions, "pad" keeps them and fills up with black.

    Returns:
        The example as NumPy arrays, its picture of bytes.

    Raises:
        ValueError: for another `fit`.
    """
    if fit not in ("stretch", "pad"):
        raise ValueError(f'fit is "{fit}": choose "stretch" or "pad".')
    if example["image"].shape[:2] == (size, size):
        return dict(example)
    moving = {"image", "boxes", "classes", "difficult", "crowd", "masks", "semantic"} & set(example)
    batch = {key: np.asarray(example[key])[np.newaxis] for key in moving}
    layer = keras.layers.Resizing(size, size, pad_to_aspect_ratio=fit == "pad", antialias=True)
    with keras.device("cpu:0"):
        moved = apply_layers([layer], batch | {"image": batch["image"].astype("float32")})
    arrays = {key: np.asarray(ops.convert_to_numpy(moved[key]))[0] for key in moving}
    arrays["image"] = np.clip(np.rint(arrays["image"]), 0, 255).astype(np.uint8)
    for key in moving - {"image"}:
        arrays[key] = arrays[key].astype(np.asarray(example[key]).dtype)
    return dict(example) | arrays
