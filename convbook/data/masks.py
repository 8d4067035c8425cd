"""TensorFlow Datasets builders of PASCAL VOC and COCO that keep the masks.

TensorFlow Datasets' own `voc` and `coco` read boxes only. These read the same archives, so nothing
is downloaded twice, and add what is drawn: VOC's class and object maps, and COCO's outlines as
run lengths. After ``import convbook.data.masks`` they are `voc_masks/2007`, `voc_masks/2012` and
`coco_masks/2017`.
"""

import json
import os
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.object_detection import coco, voc

from convbook.data.labels import IGNORE


def _with_features(info: Any, builder: Any, features: dict[str, Any]) -> Any:
    """What a dataset says of itself, with other features."""
    return tfds.core.DatasetInfo(
        builder=builder,
        description=info.description,
        features=tfds.features.FeaturesDict(features),
        homepage=info.homepage,
        citation=info.citation,
    )


class VocMasks(voc.Voc):
    """The pictures of PASCAL VOC that have class and object maps (Everingham et al. 2010)."""

    BUILDER_CONFIGS: ClassVar[list[Any]] = list(voc.Voc.BUILDER_CONFIGS)
    url_infos = voc.Voc.url_infos

    def _info(self) -> Any:
        info = super()._info()
        features = dict(info.features) | {
            "class_map": tfds.features.Image(shape=(None, None, 1), encoding_format="png"),
            "object_map": tfds.features.Image(shape=(None, None, 1), encoding_format="png"),
        }
        return _with_features(info, self, features)

    def _split_generators(self, dl_manager: Any) -> list[Any]:
        splits = super()._split_generators(dl_manager)
        if self.builder_config.has_test_annotations:
            return splits
        return [split for split in splits if split.name != "test"]

    def _generate_examples(self, data_path: Any, set_name: str) -> Iterator[tuple[str, Any]]:
        root = os.path.join(data_path, "VOCdevkit", f"VOC{self.builder_config.year}")
        names = os.path.join(root, "ImageSets", "Segmentation", f"{set_name}.txt")
        with open(names, encoding="utf-8") as lines:
            for name in lines.read().split():
                example = self._generate_example(data_path, name, load_annotations=True)
                example["class_map"] = _indices(os.path.join(root, "SegmentationClass", name))
                example["object_map"] = _indices(os.path.join(root, "SegmentationObject", name))
                yield name, example


def _indices(path: str) -> Any:
    """The palette indices of a PNG, (H, W, 1): the colours only show them."""
    from PIL import Image

    with Image.open(path + ".png") as picture:
        return np.asarray(picture, np.uint8)[..., np.newaxis]


class CocoMasks(coco.Coco):
    """COCO 2017 with outlines as compressed run lengths (Lin et al. 2014, arXiv:1405.0312)."""

    BUILDER_CONFIGS: ClassVar[list[Any]] = [
        config for config in coco.Coco.BUILDER_CONFIGS if config.name == "2017"
    ]
    url_infos = coco.Coco.url_infos

    def _info(self) -> Any:
        info = super()._info()
        objects = dict(info.features["objects"].feature) | {"outline": tfds.features.Text()}
        features = dict(info.features) | {"objects": tfds.features.Sequence(objects)}
        return _with_features(info, self, features)

    def _generate_examples(
        self,
        image_dir: Any,
        annotation_dir: Any,
        split_name: str,
        annotation_type: Any,
        panoptic_dir: Any,
    ) -> Iterator[tuple[str, Any]]:
        outlines = {}
        if annotation_type == coco.AnnotationType.BBOXES:
            path = os.path.join(annotation_dir, "annotations", f"instances_{split_name}.json")
            outlines = _outlines(path)
        parent = super()._generate_examples(
            image_dir, annotation_dir, split_name, annotation_type, panoptic_dir
        )
        for name, example in parent:
            for entry in example["objects"]:
                entry["outline"] = outlines[entry["id"]]
            yield name, example


def _outlines(path: str) -> dict[int, str]:
    """The run lengths of every annotation in a COCO file, as text."""
    from pycocotools import mask

    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    sizes = {image["id"]: (image["height"], image["width"]) for image in content["images"]}
    outlines = {}
    for one in content["annotations"]:
        parts = mask.frPyObjects(one["segmentation"], *sizes[one["image_id"]])
        whole = mask.merge(parts) if isinstance(parts, list) else parts
        outlines[one["id"]] = whole["counts"].decode()
    return outlines


def drawn(example: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
    """Masks and semantic map of an example of these builders.

    Args:
        example: the example as the builder gives it.
        common: its common features so far, with ``image``, ``classes`` and ``crowd``.

    Returns:
        ``masks`` bool (n, H, W) and ``semantic`` uint8 (H, W): 0 ground, 1 + class, 255 at VOC's
        borders and in COCO's crowds.
    """
    shape = common["image"].shape[:2]
    count = len(common["classes"])
    if "object_map" in example:
        numbers = np.arange(1, count + 1).reshape(count, 1, 1)
        masks = np.asarray(example["object_map"])[..., 0] == numbers
        return {"masks": masks, "semantic": np.asarray(example["class_map"])[..., 0]}
    from pycocotools import mask

    masks = np.zeros((count, *shape), bool)
    semantic = np.zeros(shape, np.uint8)
    for i, outline in enumerate(example["objects"]["outline"]):
        text = outline if isinstance(outline, bytes) else str(outline).encode()
        masks[i] = mask.decode({"size": list(shape), "counts": text})
        semantic[masks[i]] = IGNORE if common["crowd"][i] else 1 + common["classes"][i]
    return {"masks": masks, "semantic": semantic}
